//! Moves the content of one message from where it comes in to where it goes out, a piece at a
//! time: the next piece is asked for only when the last one was taken.

use std::task::{Context, Poll};
use std::time::Instant;

use harmony_stream::{Frame, Kind, Receive, StreamError, Transmit};

use crate::message;

/// Pieces moved before others get their turn on the thread.
const BUDGET: usize = 32;

/// Which end of a pump failed.
#[derive(Debug)]
pub enum Broken {
    Source(StreamError),
    Sink(StreamError),
}

/// What a pump that does not move waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    Source,
    Sink,
}

enum State {
    Flowing,
    Finishing,
    Done,
}

pub struct Pump {
    state: State,
    /// A piece that was read ahead.
    ahead: Option<Frame>,
    pub bytes: u64,
    pub moved: Instant,
    pub waits: Waits,
    /// Whether anything was asked of the source: then the content cannot be sent again.
    pub touched: bool,
    cut: bool,
    /// Bytes that may be moved.
    limit: u64,
    over: bool,
}

impl Pump {
    pub fn new() -> Self {
        Self {
            state: State::Flowing,
            ahead: None,
            bytes: 0,
            moved: Instant::now(),
            waits: Waits::Source,
            touched: false,
            cut: false,
            limit: u64::MAX,
            over: false,
        }
    }

    /// A pump whose content has ended already.
    pub fn done() -> Self {
        Self {
            state: State::Done,
            ..Self::new()
        }
    }

    /// A pump with nothing to move, but an end to hand on.
    pub fn finishing() -> Self {
        Self {
            state: State::Finishing,
            ..Self::new()
        }
    }

    pub fn with_ahead(frame: Frame) -> Self {
        Self {
            ahead: Some(frame),
            touched: true,
            ..Self::new()
        }
    }

    /// Content beyond `limit` bytes is an error of the source's.
    pub fn limited(self, limit: Option<u64>) -> Self {
        Self {
            limit: limit.unwrap_or(u64::MAX),
            ..self
        }
    }

    /// The source had more than the limit.
    pub fn is_over(&self) -> bool {
        self.over
    }

    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Nothing more is moved; the end was not handed on.
    pub fn abandon(&mut self) {
        self.state = State::Done;
        self.cut = true;
    }

    /// The source has ended: what is left is to hand the end on.
    pub fn finish(&mut self) {
        self.state = State::Finishing;
    }

    /// Everything was moved, the end too.
    pub fn is_whole(&self) -> bool {
        self.is_done() && !self.cut
    }

    /// Ready once the sink has taken the message's end.
    pub fn poll<R: Receive, T: Transmit>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut R,
        sink: &mut T,
    ) -> Poll<Result<(), Broken>> {
        for _ in 0..BUDGET {
            match self.state {
                State::Done => return Poll::Ready(Ok(())),
                State::Finishing => match sink.poll_finish(cx) {
                    Poll::Ready(Ok(())) => {
                        self.state = State::Done;
                        self.moved = Instant::now();
                    }
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Sink(error))),
                    Poll::Pending => {
                        self.waits = Waits::Sink;
                        return Poll::Pending;
                    }
                },
                // The end needs no room in the sink's window.
                State::Flowing if self.ahead.is_none() && source.is_end() => {
                    self.state = State::Finishing;
                }
                State::Flowing => {
                    match sink.poll_ready(cx) {
                        Poll::Ready(Ok(())) => {}
                        Poll::Ready(Err(error)) => return Poll::Ready(Err(Broken::Sink(error))),
                        Poll::Pending => {
                            self.waits = Waits::Sink;
                            return Poll::Pending;
                        }
                    }
                    let frame = match self.ahead.take() {
                        Some(frame) => Some(Ok(frame)),
                        None => match source.poll_frame(cx) {
                            Poll::Ready(frame) => frame,
                            Poll::Pending => {
                                self.waits = Waits::Source;
                                if let Poll::Ready(Err(error)) = sink.poll_flush(cx) {
                                    return Poll::Ready(Err(Broken::Sink(error)));
                                }
                                return Poll::Pending;
                            }
                        },
                    };
                    match frame {
                        Some(Ok(Frame::Data(data))) => {
                            self.touched = true;
                            if data.len() as u64 > self.limit - self.bytes {
                                self.over = true;
                                let detail = format!("over {} bytes", self.limit);
                                let error = StreamError::new(Kind::Limit, detail);
                                return Poll::Ready(Err(Broken::Source(error)));
                            }
                            self.bytes += data.len() as u64;
                            self.moved = Instant::now();
                            if let Err(error) = sink.send_data(data) {
                                return Poll::Ready(Err(Broken::Sink(error)));
                            }
                        }
                        Some(Ok(Frame::Trailers(mut trailers))) => {
                            message::clean_trailers(&mut trailers);
                            self.touched = true;
                            self.state = State::Finishing;
                            if let Err(error) = sink.send_trailers(trailers) {
                                return Poll::Ready(Err(Broken::Sink(error)));
                            }
                        }
                        Some(Err(error)) => return Poll::Ready(Err(Broken::Source(error))),
                        None => self.state = State::Finishing,
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
