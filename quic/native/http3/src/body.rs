//! Receiving a message: QUIC's bytes through the protocol's rules, for both sides.

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use harmony_stream::{Frame, Reason, StreamError};
use http::HeaderMap;

use crate::error::code;
use crate::line::Line;
use crate::proto::control::Side;
use crate::proto::fault::{Code, Fault, Scope};
use crate::proto::head;
use crate::proto::message::{Content, Event, Message};

/// Reads without an event in one call. A peer that sends nothing but frames which are ignored
/// gets no more of a thread than others do.
const READS: usize = 8;

pub(crate) struct Body {
    line: Arc<Line>,
    message: Message,
    state: State,
    /// Held until the stream's end shows that nothing follows them.
    trailers: Option<HeaderMap>,
}

enum State {
    Open,
    Done,
    Failed(StreamError),
}

impl Body {
    pub(crate) fn new(line: Arc<Line>) -> Self {
        let message = Message::new(line.link.side, line.link.config.limits().payload());
        Self {
            line,
            message,
            state: State::Open,
            trailers: None,
        }
    }

    pub(crate) fn line(&self) -> &Arc<Line> {
        &self.line
    }

    /// The head is complete; `content` follows. Looks whether the end has come with it.
    pub(crate) fn begin(&mut self, cx: &mut Context<'_>, content: Content) {
        self.message.begin(content);
        self.settle(cx);
    }

    /// The next event. None at the message's end, and again after it.
    pub(crate) fn poll_event(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Event, StreamError>>> {
        match &self.state {
            State::Open => {}
            State::Done => return Poll::Ready(None),
            State::Failed(error) => return Poll::Ready(Some(Err(error.clone()))),
        }
        for _ in 0..READS {
            match self.message.event() {
                Ok(Some(event)) => {
                    if self.message.remaining() == Some(0) {
                        self.settle(cx);
                    }
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(None) => {}
                Err(fault) => return Poll::Ready(Some(Err(self.fail(fault)))),
            }
            match ready!(self.line.poll_read(cx, &mut self.message)) {
                Ok(true) => {}
                Ok(false) => {
                    return Poll::Ready(match self.finish() {
                        Ok(()) => None,
                        Err(error) => Some(Err(error)),
                    });
                }
                Err(error) => {
                    self.state = State::Failed(error.clone());
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Content and trailers, after the head.
    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, StreamError>>> {
        loop {
            return Poll::Ready(match ready!(self.poll_event(cx)) {
                None => self
                    .trailers
                    .take()
                    .map(|fields| Ok(Frame::Trailers(fields))),
                Some(Err(error)) => Some(Err(error)),
                Some(Ok(Event::Data(data))) => Some(Ok(Frame::Data(data))),
                Some(Ok(Event::Section(payload))) => {
                    let limits = self.line.link.config.limits();
                    match head::trailers(&payload, limits) {
                        Ok(trailers) => {
                            self.trailers = Some(trailers);
                            continue;
                        }
                        Err(fault) => Some(Err(self.fail(fault))),
                    }
                }
            });
        }
    }

    pub(crate) fn is_end(&self) -> bool {
        matches!(self.state, State::Done) && self.trailers.is_none()
    }

    pub(crate) fn remaining(&self) -> Option<u64> {
        match self.state {
            State::Done => Some(0),
            _ => self.message.remaining(),
        }
    }

    /// The rest is not wanted. What has come already is thrown away, within bounds, since a
    /// peer whose message is complete need not be told.
    pub(crate) fn stop(&mut self, reason: Reason) {
        if !matches!(self.state, State::Open) {
            return;
        }
        let mut left = self.line.link.config.max_discard;
        let cx = &mut Context::from_waker(Waker::noop());
        while reason == Reason::NoError && left > 0 {
            match self.poll_event(cx) {
                Poll::Ready(Some(Ok(Event::Data(data)))) => {
                    left = left.saturating_sub(data.len() as u64);
                }
                Poll::Ready(Some(Ok(Event::Section(_)))) => {}
                Poll::Ready(None | Some(Err(_))) => return,
                Poll::Pending => break,
            }
        }
        self.line.stop(code(reason));
        self.state = State::Failed(StreamError::new(
            harmony_stream::Kind::Closed,
            "receiving was stopped",
        ));
    }

    /// Ends what the fault's rule says must end, and says it in the exchange's words.
    pub(crate) fn fail(&mut self, fault: Fault) -> StreamError {
        match fault.scope {
            Scope::Connection => {
                self.line.link.fail(fault);
            }
            // RFC 9114 section 4.2.2: a request that is too large can be answered, and the
            // answer is complete without the rest of the request (section 4.1).
            Scope::Stream if self.line.link.side == Side::Server && fault.is_limit() => {
                self.line.stop(Code::NO_ERROR);
            }
            Scope::Stream => {
                self.line.blame(fault.code);
                self.line.stop(fault.code);
            }
        }
        let error = StreamError::from(fault);
        self.state = State::Failed(error.clone());
        error
    }

    /// Looks, without waiting, whether the message has ended. A failure shows in the next call.
    fn settle(&mut self, cx: &mut Context<'_>) {
        if !self.message.is_empty() {
            return;
        }
        match self.line.poll_read(cx, &mut self.message) {
            Poll::Ready(Ok(false)) => {
                let _ = self.finish();
            }
            Poll::Ready(Err(error)) => self.state = State::Failed(error),
            Poll::Ready(Ok(true)) | Poll::Pending => {}
        }
    }

    fn finish(&mut self) -> Result<(), StreamError> {
        match self.message.finish() {
            Ok(()) => {
                self.state = State::Done;
                Ok(())
            }
            Err(fault) => Err(self.fail(fault)),
        }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // The other half may live on; nobody reads this one any more.
        if !self.line.ended() {
            self.line.stop(match self.line.link.side {
                Side::Server if self.message.has_begun() => Code::NO_ERROR,
                Side::Server => Code::REQUEST_REJECTED,
                Side::Client => Code::REQUEST_CANCELLED,
            });
        }
    }
}
