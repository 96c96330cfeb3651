//! Both halves of a request to an upstream, whatever the protocol.

use std::task::{Context, Poll};

use bytes::Bytes;
use harmony_http1::client as http1;
use harmony_http3::client as http3;
use harmony_stream::{Frame, Reason, Receive, StreamError, Transmit};
use http::{HeaderMap, response};

use super::lease::Token;
use crate::http2;
use crate::io::Io;

/// Sends the request's content.
pub enum Sender {
    H1(http1::SendBody<Io>),
    H2(http2::SendBody),
    H3(Box<http3::SendBody>),
}

pub(super) enum Inbound {
    H1(http1::RecvResponse<Io>),
    H2(http2::client::RecvResponse),
    H3(Box<http3::RecvResponse>),
}

/// Receives the answer, and keeps the exchange's place in the pool until it is dropped.
pub struct Receiver {
    inbound: Inbound,
    /// A head came.
    received: bool,
    token: Token,
}

macro_rules! each {
    ($this:expr, $kind:ident, $half:ident => $call:expr) => {
        match $this {
            $kind::H1($half) => $call,
            $kind::H2($half) => $call,
            $kind::H3($half) => $call,
        }
    };
}

impl Sender {
    pub fn is_http1(&self) -> bool {
        matches!(self, Sender::H1(_))
    }

    /// After the upstream agreed to an upgrade: from here on the bytes of a tunnel. HTTP/2 and
    /// HTTP/3 need no change: content is the tunnel's (RFC 8441 5).
    pub fn upgrade(&mut self) {
        if let Sender::H1(half) = self {
            half.upgrade();
        }
    }
}

impl Transmit for Sender {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        each!(self, Sender, half => half.poll_ready(cx))
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        each!(self, Sender, half => half.send_data(data))
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        each!(self, Sender, half => half.send_trailers(trailers))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        each!(self, Sender, half => half.poll_flush(cx))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        each!(self, Sender, half => half.poll_finish(cx))
    }

    fn reset(&mut self, reason: Reason) {
        each!(self, Sender, half => half.reset(reason));
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        each!(self, Sender, half => half.poll_closed(cx))
    }
}

impl Receiver {
    pub(super) fn new(inbound: Inbound, token: Token) -> Self {
        Self {
            inbound,
            received: false,
            token,
        }
    }

    /// The next head: interim ones, 101 among them, then the final one.
    pub fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<response::Parts, StreamError>> {
        let head = each!(&mut self.inbound, Inbound, half => half.poll_head(cx));
        match &head {
            Poll::Ready(Ok(_)) => {
                self.received = true;
                self.token.moved();
            }
            Poll::Ready(Err(error)) => self.token.failed(error.kind),
            Poll::Pending => {}
        }
        head
    }

    /// Whether anything of an answer has come.
    pub fn received_any(&self) -> bool {
        match &self.inbound {
            Inbound::H1(half) => half.received_any(),
            Inbound::H2(half) => half.received_any(),
            Inbound::H3(_) => self.received,
        }
    }

    /// As for the sender.
    pub fn upgrade(&mut self) {
        if let Inbound::H1(half) = &mut self.inbound {
            half.upgrade();
        }
    }
}

impl Receive for Receiver {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        let frame = each!(&mut self.inbound, Inbound, half => half.poll_frame(cx));
        if let Poll::Ready(Some(Ok(_))) = &frame {
            self.token.moved();
        }
        frame
    }

    fn is_end(&self) -> bool {
        each!(&self.inbound, Inbound, half => half.is_end())
    }

    fn remaining(&self) -> Option<u64> {
        each!(&self.inbound, Inbound, half => half.remaining())
    }

    fn stop(&mut self, reason: Reason) {
        each!(&mut self.inbound, Inbound, half => half.stop(reason));
    }
}

/// The exchange is over. With `reusable`, an HTTP/1.1 connection goes back to the pool if both
/// messages are complete and the peer keeps it open; in every other case it is closed. The same
/// happens when the two are dropped.
pub fn finish(sender: Sender, receiver: Receiver, reusable: bool) {
    let Receiver { inbound, token, .. } = receiver;
    match (sender, inbound) {
        (Sender::H1(sender), Inbound::H1(receiver)) if reusable => {
            if let Some(connection) = http1::reclaim(sender, receiver) {
                token.put_back(connection);
            }
        }
        // The connection first, then its place.
        (sender, inbound) => drop((sender, inbound)),
    }
}
