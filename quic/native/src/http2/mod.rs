//! HTTP/2 (RFC 9113) by the crate `h2`, in the shape that an exchange wants: both halves of a
//! stream, on either side. `h2` keeps the protocol's rules; what is ours is backpressure,
//! lengths, and the words in which failures are told.

pub mod client;
pub mod server;

use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason as H2Reason, RecvStream, SendStream};
use harmony_stream::{Frame, Kind, Reason, Receive, StreamError, Transmit};
use http::HeaderMap;

/// Flow-control window of one stream, in bytes: what a stalled reader on the other side of an
/// exchange can make us hold. One stream moves at most this much per round trip.
pub const STREAM_WINDOW: u32 = 256 * 1024;
/// Window of a client's connection.
pub const CLIENT_WINDOW: u32 = 32 * STREAM_WINDOW;
/// What one stream may have queued for the connection's writer.
pub const SEND_BUFFER: usize = 128 * 1024;
/// Bytes asked of the peer's window at a time; also the largest piece queued.
const PIECE: usize = 64 * 1024;

/// The limit of header sections that `h2` is given. What is over its limit, `h2` answers 431 or
/// resets without a word to us; so ours is the lower one, and `h2` bounds what is read at all.
pub fn lenient(max_head_bytes: u32) -> u32 {
    max_head_bytes.saturating_mul(2)
}

/// RFC 9113 6.5.2: names, values, and 32 for each field; without the pseudo-header fields.
pub fn list_size(headers: &HeaderMap) -> u64 {
    headers
        .iter()
        .map(|(name, value)| (name.as_str().len() + value.len() + 32) as u64)
        .sum()
}

pub fn code(reason: Reason) -> H2Reason {
    match reason {
        Reason::NoError => H2Reason::NO_ERROR,
        Reason::Cancel => H2Reason::CANCEL,
        Reason::Internal => H2Reason::INTERNAL_ERROR,
        Reason::Refused => H2Reason::REFUSED_STREAM,
        Reason::Malformed => H2Reason::PROTOCOL_ERROR,
        Reason::ExcessiveLoad => H2Reason::ENHANCE_YOUR_CALM,
        Reason::Connect => H2Reason::CONNECT_ERROR,
    }
}

/// What an error of `h2` means for one stream.
pub fn error(error: &h2::Error) -> StreamError {
    let code = error.reason().map(|reason| u64::from(u32::from(reason)));
    let denied = |io: &std::io::Error| io.kind() == std::io::ErrorKind::PermissionDenied;
    let kind = if error.get_io().is_some_and(denied) {
        Kind::Denied
    } else if error.is_io() {
        Kind::Closed
    } else if error.reason() == Some(H2Reason::REFUSED_STREAM) {
        Kind::Refused
    } else if error.is_go_away() && error.is_remote() && error.reason() == Some(H2Reason::NO_ERROR)
    {
        // RFC 9113 6.8: streams above the last one named in a GOAWAY were not processed.
        Kind::Refused
    } else if error.is_go_away() && error.is_remote() {
        Kind::Closed
    } else if error.is_remote() {
        Kind::Reset
    } else if error.is_library() {
        Kind::Protocol
    } else {
        Kind::Closed
    };
    let detail = match (error.is_io(), error.is_go_away(), error.is_reset()) {
        (true, _, _) => format!("the HTTP/2 connection was lost: {error}"),
        (_, true, _) => format!("the HTTP/2 connection ended: {error}"),
        (_, _, true) => format!("the HTTP/2 stream was reset: {error}"),
        _ => format!("HTTP/2: {error}"),
    };
    StreamError {
        kind,
        code,
        detail: detail.into(),
    }
}

/// The content that a peer sends on one stream.
pub struct RecvBody {
    stream: RecvStream,
    /// Bytes handed on that the peer was not yet allowed to send again. They are released with
    /// the next poll, when whoever took the last piece asks for more: that is the backpressure.
    held: usize,
    data_ended: bool,
    remaining: Option<u64>,
}

impl RecvBody {
    pub fn new(stream: RecvStream, length: Option<u64>) -> Self {
        Self {
            stream,
            held: 0,
            data_ended: false,
            remaining: length,
        }
    }

    fn release(&mut self) {
        if self.held > 0 {
            // Fails only when the stream is gone, and then nobody waits for the window.
            let _ = self.stream.flow_control().release_capacity(self.held);
            self.held = 0;
        }
    }
}

impl Receive for RecvBody {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame, StreamError>>> {
        self.release();
        if !self.data_ended {
            loop {
                match ready!(self.stream.poll_data(cx)) {
                    Some(Ok(data)) if data.is_empty() => continue,
                    Some(Ok(data)) => {
                        self.held = data.len();
                        if let Some(left) = &mut self.remaining {
                            *left = left.saturating_sub(data.len() as u64);
                        }
                        return Poll::Ready(Some(Ok(Frame::Data(data))));
                    }
                    Some(Err(failure)) => return Poll::Ready(Some(Err(error(&failure)))),
                    None => {
                        self.data_ended = true;
                        break;
                    }
                }
            }
        }
        match ready!(self.stream.poll_trailers(cx)) {
            Ok(Some(trailers)) => Poll::Ready(Some(Ok(Frame::Trailers(trailers)))),
            Ok(None) => Poll::Ready(None),
            Err(failure) => Poll::Ready(Some(Err(error(&failure)))),
        }
    }

    fn is_end(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn remaining(&self) -> Option<u64> {
        self.remaining
    }

    /// HTTP/2 has no frame that stops one direction alone: once the answer has left and both
    /// halves are dropped, `h2` resets the stream with NO_ERROR (RFC 9113 8.1).
    fn stop(&mut self, _reason: Reason) {
        self.release();
    }
}

/// Where a stream's answer or request goes out.
pub struct SendBody {
    stream: SendStream<Bytes>,
    /// Content still to come to meet a declared content-length.
    declared: Option<u64>,
    ended: bool,
}

impl SendBody {
    pub fn new(stream: SendStream<Bytes>, length: Option<u64>, ended: bool) -> Self {
        Self {
            stream,
            declared: length,
            ended,
        }
    }
}

impl Transmit for SendBody {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if self.ended || self.stream.capacity() > 0 {
            return Poll::Ready(Ok(()));
        }
        self.stream.reserve_capacity(PIECE);
        loop {
            match ready!(self.stream.poll_capacity(cx)) {
                Some(Ok(0)) => continue,
                Some(Ok(_)) => return Poll::Ready(Ok(())),
                Some(Err(failure)) => return Poll::Ready(Err(error(&failure))),
                None => {
                    return Poll::Ready(Err(match self.stream.poll_reset(cx) {
                        Poll::Ready(Ok(reason)) => reset(reason),
                        Poll::Ready(Err(failure)) => error(&failure),
                        Poll::Pending => {
                            StreamError::new(Kind::Closed, "the HTTP/2 stream is closed")
                        }
                    }));
                }
            }
        }
    }

    fn send_data(&mut self, data: Bytes) -> Result<(), StreamError> {
        if let Some(left) = &mut self.declared {
            match left.checked_sub(data.len() as u64) {
                Some(rest) => *left = rest,
                None => {
                    return Err(StreamError::new(
                        Kind::Protocol,
                        "more content than the content-length declared",
                    ));
                }
            }
        }
        self.stream.send_data(data, false).map_err(|e| error(&e))
    }

    fn send_trailers(&mut self, trailers: HeaderMap) -> Result<(), StreamError> {
        self.check_length()?;
        self.ended = true;
        self.stream.send_trailers(trailers).map_err(|e| error(&e))
    }

    /// The connection's own task writes; nothing waits here.
    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        if !self.ended {
            self.check_length()?;
            self.ended = true;
            self.stream
                .send_data(Bytes::new(), true)
                .map_err(|e| error(&e))?;
        }
        Poll::Ready(Ok(()))
    }

    fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(code(reason));
        self.ended = true;
    }

    fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<StreamError> {
        match ready!(self.stream.poll_reset(cx)) {
            Ok(reason) => Poll::Ready(reset(reason)),
            Err(failure) => Poll::Ready(error(&failure)),
        }
    }
}

impl SendBody {
    fn check_length(&self) -> Result<(), StreamError> {
        match self.declared {
            Some(left) if left > 0 => Err(StreamError::new(
                Kind::Truncated,
                "less content than the content-length declared",
            )),
            _ => Ok(()),
        }
    }
}

fn reset(reason: H2Reason) -> StreamError {
    let kind = match reason {
        H2Reason::REFUSED_STREAM => Kind::Refused,
        _ => Kind::Reset,
    };
    StreamError::with_code(
        kind,
        u64::from(u32::from(reason)),
        "the peer reset the HTTP/2 stream",
    )
}
