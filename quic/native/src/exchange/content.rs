//! Content that does not come from a socket, and content that JavaScript wants to read.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError};
use http::{HeaderMap, StatusCode};

use super::{Exchange, Step};
use crate::crossing::answer::Answer;
use crate::crossing::encode;
use crate::crossing::mailbox::{Mailbox, Piece};
use crate::engine::Shared;
use crate::fault::{self, Fault};

const PIECE: usize = 64 * 1024;

/// Content that JavaScript gave whole.
pub struct Given(pub Bytes);

impl Receive for Given {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if self.0.is_empty() {
            return Poll::Ready(None);
        }
        let piece = self.0.split_to(self.0.len().min(PIECE));
        Poll::Ready(Some(Ok(Frame::Data(piece))))
    }

    fn is_end(&self) -> bool {
        self.0.is_empty()
    }

    fn remaining(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }

    fn stop(&mut self, _reason: Reason) {
        self.0.clear();
    }
}

/// Content that JavaScript streams, within the credit that it is given.
pub struct Streamed {
    mailbox: Arc<Mailbox>,
    shared: Arc<Shared>,
    id: u64,
    /// Credit to give back with the next message.
    credit: u32,
    ended: bool,
}

impl Streamed {
    /// Gives JavaScript its first credit.
    pub fn new(mailbox: Arc<Mailbox>, shared: Arc<Shared>, id: u64) -> Self {
        let mut stream = Self {
            credit: shared.options.limits.stream_window,
            mailbox,
            shared,
            id,
            ended: false,
        };
        stream.give_credit();
        stream
    }

    fn give_credit(&mut self) {
        if self.credit > 0 {
            let credit = std::mem::take(&mut self.credit);
            super::encoded(
                |out| encode::want(out, self.id, credit),
                |message| self.shared.crossing.tell(message, &self.shared.stats),
            );
        }
    }
}

impl Receive for Streamed {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match self.mailbox.poll_piece(cx) {
            Poll::Ready(Some(Piece::Data(data))) => {
                self.credit += u32::try_from(data.len()).unwrap_or(u32::MAX);
                if self.credit >= self.shared.options.limits.stream_window / 2 {
                    self.give_credit();
                }
                Poll::Ready(Some(Ok(Frame::Data(data))))
            }
            Poll::Ready(Some(Piece::End(trailers))) => {
                self.ended = true;
                Poll::Ready((!trailers.is_empty()).then_some(Ok(Frame::Trailers(trailers))))
            }
            Poll::Ready(Some(Piece::Fail)) => Poll::Ready(Some(Err(StreamError::new(
                Kind::Closed,
                "the source of the streamed answer failed",
            )))),
            Poll::Ready(None) => Poll::Ready(Some(Err(StreamError::new(
                Kind::Protocol,
                "more was streamed than was asked for",
            )))),
            Poll::Pending => {
                self.give_credit();
                Poll::Pending
            }
        }
    }

    fn is_end(&self) -> bool {
        self.ended
    }

    fn remaining(&self) -> Option<u64> {
        None
    }

    fn stop(&mut self, _reason: Reason) {
        self.ended = true;
    }
}

/// What ended the reading of a request's content.
enum Read {
    Whole(Bytes, HeaderMap),
    TooLarge,
    Slow(bool),
    Lost(StreamError),
}

impl Exchange {
    /// Reads the request's content into memory for JavaScript, at most `max_bytes` of it.
    pub(super) async fn collect(&mut self, max_bytes: u64) -> Step<Answer> {
        if self.consumed {
            return self.broken_answer().await;
        }
        if self
            .head
            .content_length
            .is_some_and(|length| length > max_bytes)
        {
            let fault = Fault::new(&fault::BODY_TOO_LARGE, format!("over {max_bytes} bytes"));
            return self.refuse(fault).await;
        }
        if self.head.expects_continue && !self.continued && !self.inbound.is_end() {
            self.inform(StatusCode::CONTINUE, HeaderMap::new());
        }
        self.consumed = true;
        match self.read_all(max_bytes).await {
            Read::Whole(body, trailers) => {
                // A request without content can be forwarded as it is.
                self.consumed = !body.is_empty();
                self.ledger.record.bytes_in = body.len() as u64;
                self.head.content_length = Some(body.len() as u64);
                self.ask(|out, id| encode::collected(out, id, &body, &trailers))
                    .await
            }
            Read::TooLarge => {
                let fault = Fault::new(&fault::BODY_TOO_LARGE, format!("over {max_bytes} bytes"));
                self.refuse(fault).await
            }
            Read::Slow(rate) => {
                let code = if rate {
                    &fault::TIMEOUT_RATE
                } else {
                    &fault::TIMEOUT_CLIENT_IDLE
                };
                self.responder.close_after();
                self.refuse(Fault::new(code, "the request body came too slowly"))
                    .await
            }
            Read::Lost(error) => self.lost(&error),
        }
    }

    async fn read_all(&mut self, max_bytes: u64) -> Read {
        let limits = &self.ledger.limits;
        let window = Duration::from_secs(10);
        let mut watch = super::rate::Rate::new(limits.min_body_rate, window);
        let idle = Duration::from_millis(limits.body_idle_ms);
        let mut whole = BytesMut::new();
        let mut first: Option<Bytes> = None;
        let mut trailers = HeaderMap::new();
        let mut moved = std::time::Instant::now();
        self.timer.set(idle.min(window));
        let Self { inbound, timer, .. } = self;
        std::future::poll_fn(move |cx| {
            for _ in 0..64 {
                match inbound.poll_frame(cx) {
                    Poll::Ready(Some(Ok(Frame::Data(data)))) => {
                        moved = std::time::Instant::now();
                        watch.moved(data.len() as u64);
                        let held = first.as_ref().map_or(whole.len(), Bytes::len);
                        if (held + data.len()) as u64 > max_bytes {
                            return Poll::Ready(Read::TooLarge);
                        }
                        // One piece alone is handed on as it is.
                        if held == 0 {
                            first = Some(data);
                            continue;
                        }
                        if let Some(first) = first.take() {
                            whole.extend_from_slice(&first);
                        }
                        whole.extend_from_slice(&data);
                    }
                    Poll::Ready(Some(Ok(Frame::Trailers(fields)))) => trailers = fields,
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Read::Lost(error)),
                    Poll::Ready(None) => {
                        let body = match first.take() {
                            Some(first) => first,
                            None => std::mem::take(&mut whole).freeze(),
                        };
                        return Poll::Ready(Read::Whole(body, std::mem::take(&mut trailers)));
                    }
                    Poll::Pending => {
                        while timer.poll(cx).is_ready() {
                            if moved.elapsed() >= idle {
                                return Poll::Ready(Read::Slow(false));
                            }
                            if watch.is_below() {
                                return Poll::Ready(Read::Slow(true));
                            }
                            timer.set(
                                idle.saturating_sub(moved.elapsed())
                                    .min(window)
                                    .max(Duration::from_millis(5)),
                            );
                        }
                        return Poll::Pending;
                    }
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }
}
