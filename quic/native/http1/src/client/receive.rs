//! The answer to a request of ours.

use super::*;
use crate::response::{self as head, Response};

/// RFC 9110 section 15.2 lets a server send any number; this many are more than anyone needs.
const MAX_INFORMATIONAL: u8 = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Head,
    Content,
    /// A 101 came.
    Switched,
}

/// Receives the answer: informational heads, the head, then content.
#[derive(Debug)]
pub struct RecvResponse<IO: Io> {
    link: Shared<IO>,
    method: Method,
    upgrade: bool,
    stage: Stage,
    informational: u8,
    keep_alive: bool,
}

impl<IO: Io> RecvResponse<IO> {
    pub(super) fn new(link: Shared<IO>, method: Method, upgrade: bool) -> Self {
        let stage = Stage::Head;
        Self {
            link,
            method,
            upgrade,
            stage,
            informational: 0,
            keep_alive: false,
        }
    }

    pub(super) fn link(&self) -> &Shared<IO> {
        &self.link
    }

    pub(super) fn keep_alive(&self) -> bool {
        self.keep_alive
    }

    /// The next head: informational ones (101 among them, if the request asked for an upgrade),
    /// then the final one. `Refused` when the connection ended before anything was sent or
    /// received on it for this request.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, StreamError>> {
        if self.stage != Stage::Head {
            let detail = "no further head in an answer";
            return Poll::Ready(Err(StreamError::new(Kind::Protocol, detail)));
        }
        let mut link = self.link.lock();
        let response = match ready!(link.poll_response(cx, &self.method)) {
            Ok(response) => response,
            Err(error) => return Poll::Ready(Err(link.fail_input(error))),
        };
        let status = response.parts.status;
        if status == StatusCode::SWITCHING_PROTOCOLS {
            if !self.upgrade {
                let error = StreamError::new(Kind::Protocol, "upgrade that nobody asked for");
                return Poll::Ready(Err(link.fail_input(error)));
            }
            self.stage = Stage::Switched;
        } else if status.is_informational() {
            self.informational += 1;
            if self.informational > MAX_INFORMATIONAL {
                let error = StreamError::new(Kind::Protocol, "too many informational heads");
                return Poll::Ready(Err(link.fail_input(error)));
            }
        } else {
            self.stage = Stage::Content;
            self.keep_alive = response.keep_alive;
            link.begin_content(response.framing);
        }
        Poll::Ready(Ok(response.parts))
    }

    /// A byte of an answer was received.
    pub fn received_any(&self) -> bool {
        self.link.lock().input.received
    }

    /// After a 101, or a 2xx to CONNECT: from here on the bytes of a tunnel.
    pub fn upgrade(&mut self) {
        self.keep_alive = false;
        self.stage = Stage::Content;
        self.link.lock().tunnel_input();
    }
}

impl<IO: Io> Link<IO> {
    fn poll_response(
        &mut self,
        cx: &mut Context<'_>,
        method: &Method,
    ) -> Poll<Result<Response, StreamError>> {
        if let Some(error) = &self.input.error {
            return Poll::Ready(Err(error.clone()));
        }
        loop {
            let input = &mut self.input;
            if input.received && !self.output.wrote {
                let detail = "answer before the request was sent";
                return Poll::Ready(Err(StreamError::new(Kind::Protocol, detail)));
            }
            if let Some(end) = codec::response_end(&input.buf, &mut input.scan, &self.limits)? {
                let head = input.buf.split_to(end).freeze();
                return Poll::Ready(head::parse(&head, method, &self.limits));
            }
            if self.io.is_none() {
                let detail = "connection was cut";
                return Poll::Ready(Err(StreamError::new(Kind::Closed, detail)));
            }
            let ended = match ready!(self.poll_fill(cx)) {
                Ok(0) if self.input.buf.is_empty() => {
                    StreamError::new(Kind::Closed, "connection closed before an answer")
                }
                Ok(0) => {
                    let detail = "connection closed inside a response head";
                    StreamError::new(Kind::Truncated, detail)
                }
                Ok(_) => continue,
                Err(error) => failure("reading", &error),
            };
            let untouched = !self.output.wrote && !self.input.received;
            let kind = if untouched { Kind::Refused } else { ended.kind };
            return Poll::Ready(Err(StreamError { kind, ..ended }));
        }
    }
}

impl<IO: Io> Receive for RecvResponse<IO> {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if self.stage != Stage::Content {
            let detail = "content was asked for before the head";
            return Poll::Ready(Some(Err(StreamError::new(Kind::Protocol, detail))));
        }
        self.link.lock().poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        let link = self.link.lock();
        self.stage == Stage::Content && link.input.decoder.is_done() && link.input.error.is_none()
    }

    fn remaining(&self) -> Option<u64> {
        match self.stage {
            Stage::Content => self.link.lock().input.decoder.remaining(),
            _ => None,
        }
    }

    /// HTTP/1.1 cannot end an answer but by closing the connection.
    fn stop(&mut self, _reason: Reason) {
        let mut link = self.link.lock();
        if self.stage != Stage::Content || !link.input.decoder.is_done() {
            link.cut();
        }
    }
}
