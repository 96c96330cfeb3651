//! The server's half of an HTTP/2 stream: interim and final heads, then content.

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::server::SendResponse;
use harmony_stream::{Kind, Reason, StreamError, Transmit};
use http::{HeaderMap, Response, StatusCode, response};

use super::{SendBody, code, error};

/// Before the head of the answer, and after it.
enum State {
    Waiting(SendResponse<Bytes>),
    Sending(SendBody),
}

pub struct Respond {
    state: State,
    finished: bool,
}

impl Respond {
    pub fn new(respond: SendResponse<Bytes>) -> Self {
        Self {
            state: State::Waiting(respond),
            finished: false,
        }
    }

    pub fn send_informational(
        &mut self,
        status: StatusCode,
        headers: HeaderMap,
    ) -> Result<(), StreamError> {
        let State::Waiting(respond) = &mut self.state else {
            return Err(late());
        };
        let mut head = Response::new(());
        *head.status_mut() = status;
        *head.headers_mut() = headers;
        respond.send_informational(head).map_err(|e| error(&e))
    }

    /// `length`: the content that must follow; none when it is unknown.
    pub fn send_head(
        &mut self,
        parts: response::Parts,
        length: Option<u64>,
        end: bool,
    ) -> Result<(), StreamError> {
        let State::Waiting(respond) = &mut self.state else {
            return Err(late());
        };
        let stream = respond
            .send_response(Response::from_parts(parts, ()), end)
            .map_err(|e| error(&e))?;
        let length = if end { None } else { length };
        self.state = State::Sending(SendBody::new(stream, length, end));
        self.finished = end;
        Ok(())
    }

    fn body(&mut self) -> Result<&mut SendBody, StreamError> {
        match &mut self.state {
            State::Sending(body) => Ok(body),
            State::Waiting(_) => Err(StreamError::new(
                Kind::Protocol,
                "content before the head of the answer",
            )),
        }
    }
}

fn late() -> StreamError {
    StreamError::new(Kind::Protocol, "a second head for one answer")
}

impl Transmit for Respond {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.body()?.poll_ready(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.body()?.send_data(data)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        self.body()?.send_trailers(trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.body()?.poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        ready!(self.body()?.poll_finish(cx))?;
        self.finished = true;
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self, reason: Reason) {
        if self.finished && reason != Reason::NoError {
            return;
        }
        match &mut self.state {
            State::Waiting(respond) => respond.send_reset(code(reason)),
            State::Sending(body) => body.reset(reason),
        }
        self.finished = true;
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        match &mut self.state {
            State::Waiting(respond) => match ready!(respond.poll_reset(cx)) {
                Ok(reason) => Poll::Ready(super::reset(reason)),
                Err(failure) => Poll::Ready(error(&failure)),
            },
            State::Sending(body) => body.poll_closed(cx),
        }
    }
}
