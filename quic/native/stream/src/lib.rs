//! What every protocol gives an exchange: a way to receive a message's content and a way to
//! transmit one. HTTP/1.1, HTTP/2 and HTTP/3, as server and as client, implement these two
//! traits, so that the exchange that joins them knows no protocol.

use std::borrow::Cow;
use std::fmt;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;

/// One piece of a message after its head.
#[derive(Debug)]
pub enum Frame {
    /// Content. Never empty.
    Data(Bytes),
    /// The trailer section; nothing follows it.
    Trailers(HeaderMap),
}

/// What ended a stream before its own end. The exchange turns this into an error code that an
/// operator reads, and into a reset of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The peer reset the stream, or stopped reading it (RST_STREAM, RESET_STREAM, STOP_SENDING).
    Reset,
    /// The connection under the stream closed or was lost.
    Closed,
    /// The content ended before its framing or its content-length said so.
    Truncated,
    /// The peer sent what the protocol forbids.
    Protocol,
    /// The peer went over a limit of ours.
    Limit,
    /// The peer says that it did not process the request (GOAWAY, REFUSED_STREAM,
    /// H3_REQUEST_REJECTED, or a pooled connection that closed before a byte of an answer):
    /// it may be sent again elsewhere.
    Refused,
    /// Nothing moved for too long.
    TimedOut,
    /// The peer refused who we are: a TLS alert about our certificate. In TLS 1.3 a client has
    /// completed its handshake by then, and may have sent a request (RFC 8446 4.4.2.4).
    Denied,
}

/// A failed stream: what happened, and the code that the RFC gives it, for the log.
#[derive(Clone, Debug)]
pub struct StreamError {
    pub kind: Kind,
    /// The error code on the wire (RFC 9113 section 7, RFC 9114 section 8.1, RFC 9000 section
    /// 20), received or sent; none for HTTP/1.1.
    pub code: Option<u64>,
    pub detail: Cow<'static, str>,
}

impl StreamError {
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            code: None,
            detail: detail.into(),
        }
    }

    pub fn with_code(kind: Kind, code: u64, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            code: Some(code),
            detail: detail.into(),
        }
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)?;
        match self.code {
            Some(code) => write!(f, " (code 0x{code:x})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for StreamError {}

/// Why we end a stream, in words of no protocol. HTTP/1.1 can only cut the connection; HTTP/2
/// and HTTP/3 have a code for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// NO_ERROR, H3_NO_ERROR: the answer is complete, the rest of the request is not wanted.
    NoError,
    /// CANCEL, H3_REQUEST_CANCELLED: nobody wants the answer any more.
    Cancel,
    /// INTERNAL_ERROR, H3_INTERNAL_ERROR: we cannot complete what we began.
    Internal,
    /// REFUSED_STREAM, H3_REQUEST_REJECTED: nothing was processed, try elsewhere.
    Refused,
    /// PROTOCOL_ERROR, H3_MESSAGE_ERROR: the peer's message is malformed.
    Malformed,
    /// ENHANCE_YOUR_CALM, H3_EXCESSIVE_LOAD.
    ExcessiveLoad,
    /// CONNECT_ERROR, H3_CONNECT_ERROR: the far end of a tunnel failed.
    Connect,
}

/// The content of a message that comes in.
pub trait Receive {
    /// The next piece; `None` at the message's own, complete end and ever after. An end that
    /// is not the message's own is an error, never `None`.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>>;

    /// True when it is known, without waiting, that no piece will come (not even trailers).
    fn is_end(&self) -> bool;

    /// Bytes of content still to come, when the message declared them.
    fn remaining(&self) -> Option<u64>;

    /// Tells the peer that the rest is not wanted. Later pieces are discarded, within bounds.
    fn stop(&mut self, reason: Reason);
}

/// The content of a message that goes out, after its head was queued.
pub trait Transmit {
    /// Ready when another piece may be queued; drives writes that are under way. Bounded: at
    /// most one piece (64 KiB) and a fixed write buffer wait inside.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>>;

    /// Queues content. Call after `poll_ready` was ready; never blocks, may write at once.
    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError>;

    /// Queues the trailer section. `poll_finish` follows.
    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError>;

    /// Hands everything queued to the connection.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>>;

    /// Ends the message (last chunk, END_STREAM, FIN) and flushes. May be called again until
    /// ready. An error if a declared content-length was not met.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>>;

    /// Ends the stream with a failure that the peer sees as one. Idempotent; a no-op once
    /// `poll_finish` was ready.
    fn reset(&mut self, reason: Reason);

    /// Ready when the peer will not read what we send: it reset or stopped the stream, or the
    /// connection is gone. Noticed within 100 ms, also while nothing is being written.
    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError>;
}
