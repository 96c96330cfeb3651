//! The client's side of an exchange, whatever its protocol.

use std::task::{Context, Poll};

use bytes::Bytes;
use harmony_stream::{Frame, Reason, Receive, StreamError, Transmit};
use http::{HeaderMap, StatusCode, response};

use crate::http2;
use crate::io::Io;
use crate::upstream::BodyLength;

/// The request's content.
pub enum Inbound {
    H1(harmony_http1::server::RecvBody<Io>),
    H2(http2::RecvBody),
    H3(Box<harmony_http3::server::RecvBody>),
}

macro_rules! each {
    ($self:expr, $half:ident => $call:expr) => {
        match $self {
            Self::H1($half) => $call,
            Self::H2($half) => $call,
            Self::H3($half) => $call,
        }
    };
}

impl Inbound {
    /// The content becomes a tunnel's bytes.
    pub fn upgrade(&mut self) {
        if let Self::H1(half) = self {
            half.upgrade();
        }
    }
}

impl Receive for Inbound {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        each!(self, half => half.poll_frame(cx))
    }

    fn is_end(&self) -> bool {
        each!(self, half => half.is_end())
    }

    fn remaining(&self) -> Option<u64> {
        each!(self, half => half.remaining())
    }

    fn stop(&mut self, reason: Reason) {
        each!(self, half => half.stop(reason));
    }
}

/// Where the answer goes.
pub enum Responder {
    H1(harmony_http1::server::Respond<Io>),
    H2(http2::server::Respond),
    H3(Box<harmony_http3::server::Respond>),
}

impl Responder {
    pub fn send_informational(
        &mut self,
        status: StatusCode,
        headers: HeaderMap,
    ) -> Result<(), StreamError> {
        match self {
            Self::H1(half) => {
                half.send_informational(status, &headers);
                Ok(())
            }
            Self::H2(half) => half.send_informational(status, headers),
            Self::H3(half) => half.send_informational(status, &headers),
        }
    }

    pub fn send_head(
        &mut self,
        parts: response::Parts,
        body: BodyLength,
    ) -> Result<(), StreamError> {
        let end = matches!(body, BodyLength::Empty);
        let length = match body {
            BodyLength::Length(length) => Some(length),
            BodyLength::Empty | BodyLength::Unknown => None,
        };
        match self {
            Self::H1(half) => {
                half.send_head(&parts, body);
                Ok(())
            }
            Self::H2(half) => half.send_head(parts, length, end),
            Self::H3(half) => half.send_head(&parts, end),
        }
    }

    /// Accepts an upgrade: 101 over HTTP/1.1, a 200 without an end over the others.
    pub fn upgrade(&mut self, parts: response::Parts) -> Result<(), StreamError> {
        match self {
            Self::H1(half) => {
                half.upgrade(&parts);
                Ok(())
            }
            Self::H2(half) => half.send_head(parts, None, false),
            Self::H3(half) => half.send_head(&parts, false),
        }
    }

    pub fn is_http1(&self) -> bool {
        matches!(self, Self::H1(_))
    }

    /// No further request on this connection, where the protocol has requests in turn.
    pub fn close_after(&mut self) {
        if let Self::H1(half) = self {
            half.close_after();
        }
    }
}

impl Transmit for Responder {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        each!(self, half => half.poll_ready(cx))
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        each!(self, half => half.send_data(data))
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        each!(self, half => half.send_trailers(trailers))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        each!(self, half => half.poll_flush(cx))
    }

    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        each!(self, half => half.poll_finish(cx))
    }

    fn reset(&mut self, reason: Reason) {
        each!(self, half => half.reset(reason));
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        each!(self, half => half.poll_closed(cx))
    }
}

/// Ready when the client has left. Over HTTP/1.1 that can be seen here only once the request's
/// content has been read; before, whoever reads it sees it.
pub fn poll_left(
    inbound: &Inbound,
    responder: &mut Responder,
    cx: &mut Context<'_>,
) -> Poll<StreamError> {
    if inbound.is_end() || !responder.is_http1() {
        responder.poll_closed(cx)
    } else {
        Poll::Pending
    }
}
