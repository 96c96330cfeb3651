//! The server's answer to a request.

use std::task::{Context, Poll};

use bytes::Bytes;
use harmony_stream::{Kind, Reason, StreamError, Transmit};
use http::{HeaderMap, Method, StatusCode, response};

use crate::outlet::Outlet;
use crate::proto::compose;

/// The answer to a request: interim heads, one final head, then content.
///
/// Dropped before its end, it resets the stream with H3_INTERNAL_ERROR.
pub struct Respond {
    outlet: Outlet,
    head: bool,
    connect: bool,
    sent: bool,
}

impl Respond {
    pub(crate) fn new(outlet: Outlet, method: &Method) -> Self {
        Self {
            outlet,
            head: *method == Method::HEAD,
            connect: *method == Method::CONNECT,
            sent: false,
        }
    }

    /// Queues an interim response (RFC 9110 section 15.2); `poll_flush` sends it. Fails for 101,
    /// for what is not interim, and after the final head.
    pub fn send_informational(
        &mut self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), StreamError> {
        if self.sent || !status.is_informational() {
            return Err(StreamError::new(
                Kind::Protocol,
                "interim response out of place",
            ));
        }
        self.outlet
            .queue(|max, out| compose::response(status, headers, false, max, out))
    }

    /// Queues the final head; content's first piece goes with it, or `poll_flush` sends it. With
    /// `end` there is no content, and the message is ended at once if that needs no waiting;
    /// `poll_finish` makes sure.
    pub fn send_head(&mut self, parts: &response::Parts, end: bool) -> Result<(), StreamError> {
        let status = parts.status;
        if self.sent || status.is_informational() {
            return Err(StreamError::new(
                Kind::Protocol,
                "final response out of place",
            ));
        }
        let tunnel = self.connect && status.is_success();
        self.outlet
            .queue(|max, out| compose::response(status, &parts.headers, tunnel, max, out))?;
        self.sent = true;
        // RFC 9110 section 6.4.1.
        let none =
            self.head || status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
        self.outlet.owe(match (none, tunnel) {
            (true, _) => Some(0),
            (_, true) => None,
            _ => compose::declared(&parts.headers),
        });
        if end {
            self.outlet.try_finish()?;
        }
        Ok(())
    }
}

impl Transmit for Respond {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outlet.poll_ready(cx)
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        self.outlet.send_data(data)
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        self.outlet.send_trailers(&trailers)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outlet.poll_flush(cx)
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        self.outlet.poll_finish(cx)
    }

    fn reset(&mut self, reason: Reason) {
        self.outlet.reset(reason);
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        self.outlet.poll_closed(cx)
    }
}
