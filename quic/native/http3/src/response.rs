//! A response as the client receives it.

use std::task::{Context, Poll};

use harmony_stream::{Frame, Kind, Reason, Receive, StreamError};
use http::{Method, StatusCode, response};

use crate::body::Body;
use crate::changed::Changed;
use crate::proto::fault::Fault;
use crate::proto::head;
use crate::proto::message::{Content, Event};

/// Interim responses to one request. More than this many are an attack or a loop.
const MAX_INTERIM: u32 = 16;

/// The response: its heads by [`RecvResponse::poll_head`], then its content.
pub struct RecvResponse {
    body: Body,
    changed: Option<Changed>,
    head: bool,
    connect: bool,
    interim: u32,
    /// The final head was read.
    ready: bool,
}

impl RecvResponse {
    /// `method` is the request's.
    pub(crate) fn new(body: Body, method: &Method) -> Self {
        Self {
            body,
            changed: None,
            head: *method == Method::HEAD,
            connect: *method == Method::CONNECT,
            interim: 0,
            ready: false,
        }
    }

    /// The next head, until the final one: while its status is informational, call again.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, StreamError>> {
        let event = self.body.poll_event(cx);
        let link = &self.body.line().link;
        let payload = match event {
            Poll::Ready(Some(Ok(Event::Section(payload)))) if !self.ready => payload,
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(error)),
            Poll::Ready(_) => {
                return Poll::Ready(Err(StreamError::new(
                    Kind::Protocol,
                    "the final response was read",
                )));
            }
            Poll::Pending => {
                // RFC 9114 section 5.2: a server that goes away need not reset what it will
                // not process.
                self.changed
                    .get_or_insert_with(|| Changed::new(link))
                    .watch(cx);
                return match link.refusal(self.body.line().id) {
                    Some(error) => Poll::Ready(Err(error)),
                    None => Poll::Pending,
                };
            }
        };
        let (parts, length) = match head::response(&payload, link.config.limits()) {
            Ok(response) => response,
            Err(fault) => return Poll::Ready(Err(self.body.fail(fault))),
        };
        if parts.status.is_informational() {
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                let fault = Fault::section("too many interim responses");
                return Poll::Ready(Err(self.body.fail(fault)));
            }
            return Poll::Ready(Ok(parts));
        }
        self.ready = true;
        self.changed = None;
        // RFC 9110 section 6.4.1, and RFC 9114 section 4.4 for a tunnel.
        let none = self.head
            || parts.status == StatusCode::NO_CONTENT
            || parts.status == StatusCode::NOT_MODIFIED;
        let content = match (none, self.connect && parts.status.is_success()) {
            (true, _) => Content::None,
            (_, true) => Content::Tunnel,
            _ => Content::Message(length),
        };
        self.body.begin(cx, content);
        Poll::Ready(Ok(parts))
    }
}

impl Receive for RecvResponse {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        if !self.ready {
            let error = StreamError::new(Kind::Protocol, "the final response was not read");
            return Poll::Ready(Some(Err(error)));
        }
        self.body.poll_frame(cx)
    }

    fn is_end(&self) -> bool {
        self.body.is_end()
    }

    fn remaining(&self) -> Option<u64> {
        match self.ready {
            true => self.body.remaining(),
            false => None,
        }
    }

    fn stop(&mut self, reason: Reason) {
        self.body.stop(reason);
    }
}
