//! The parts that know no I/O, for tests, fuzzers and tools.

use bytes::Bytes;
use harmony_stream::{Kind, StreamError};
use http::Method;

use crate::Limits;
pub use crate::decode::{Decoder, Framing, Piece};
pub use crate::request::{HeadError, Request};
pub use crate::response::Response;
use crate::scan::Scan;
use crate::{request, response};

/// The request at the start of `bytes` and the length of its head, once that is complete.
pub fn request(bytes: &Bytes, limits: &Limits) -> Result<Option<(Request, usize)>, HeadError> {
    let Some(end) = request_end(bytes, &mut Scan::default(), limits)? else {
        return Ok(None);
    };
    Ok(Some((request::parse(&bytes.slice(..end), limits)?, end)))
}

/// The response at the start of `bytes` and the length of its head, once that is complete.
pub fn response(
    bytes: &Bytes,
    method: &Method,
    limits: &Limits,
) -> Result<Option<(Response, usize)>, StreamError> {
    let Some(end) = response_end(bytes, &mut Scan::default(), limits)? else {
        return Ok(None);
    };
    Ok(Some((
        response::parse(&bytes.slice(..end), method, limits)?,
        end,
    )))
}

/// The end of a request's head. What can be refused before that is there, is.
pub(crate) fn request_end(
    bytes: &[u8],
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Option<usize>, HeadError> {
    // A TLS client on a plain port, say: no line end may ever come.
    if bytes.first().is_some_and(|byte| !byte.is_ascii_graphic()) {
        return Err(HeadError::new(400, "not an http request"));
    }
    let end = scan
        .find(bytes)
        .map_err(|_| HeadError::new(400, "line of the head ends in a bare lf"))?;
    // The longest method that anyone registered has 16 letters; " HTTP/1.1" has 9.
    if end.is_none() && scan.in_first_line() && bytes.len() > limits.max_target_bytes + 32 {
        return Err(HeadError::new(414, "request line is too long"));
    }
    if end.unwrap_or(bytes.len()) > limits.max_head_bytes {
        return Err(HeadError::new(431, "request head is too long"));
    }
    Ok(end)
}

pub(crate) fn response_end(
    bytes: &[u8],
    scan: &mut Scan,
    limits: &Limits,
) -> Result<Option<usize>, StreamError> {
    let start = bytes.len().min(5);
    if bytes[..start] != b"HTTP/"[..start] {
        return Err(StreamError::new(Kind::Protocol, "not an http response"));
    }
    let end = scan.find(bytes).map_err(|_| {
        StreamError::new(
            Kind::Protocol,
            "line of the response head ends in a bare lf",
        )
    })?;
    if end.unwrap_or(bytes.len()) > limits.max_head_bytes {
        return Err(StreamError::new(Kind::Limit, "response head is too long"));
    }
    Ok(end)
}
