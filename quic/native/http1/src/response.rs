//! The head of a response (RFC 9112 section 4).

use bytes::Bytes;
use harmony_stream::{Kind, StreamError};
use http::{Method, StatusCode, Version, response};
use memchr::memchr;

use crate::Limits;
use crate::decode::Framing;
use crate::field::{Coding, ContentLength, FieldError, Fields};

/// A response's head and what it says about the rest of the message.
#[derive(Debug)]
pub struct Response {
    pub parts: response::Parts,
    pub framing: Framing,
    /// The server takes another request after this one.
    pub keep_alive: bool,
}

fn malformed(detail: &'static str) -> StreamError {
    StreamError::new(Kind::Protocol, detail)
}

/// `head` is a whole head, empty line included, whose lines end in CRLF; `method` is the
/// request's.
pub(crate) fn parse(
    head: &Bytes,
    method: &Method,
    limits: &Limits,
) -> Result<Response, StreamError> {
    let end = memchr(b'\r', head).ok_or_else(|| malformed("invalid status line"))?;
    if head.get(end + 1) != Some(&b'\n') {
        return Err(malformed("bare cr in the status line"));
    }
    let (version, status) = line(&head[..end])?;
    let fields = Fields::parse(&head.slice(end + 2..), limits.max_fields).map_err(|error| {
        let kind = if error == FieldError::TooMany {
            Kind::Limit
        } else {
            Kind::Protocol
        };
        StreamError::new(kind, error.detail())
    })?;
    let framing = framing(&fields, version, status, method)?;
    let keep_alive = !fields.close
        && (version == Version::HTTP_11 || fields.keep_alive)
        && framing != Framing::UntilClose;

    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    parts.version = version;
    parts.headers = fields.map;
    Ok(Response {
        parts,
        framing,
        keep_alive,
    })
}

/// `HTTP-version SP status-code SP [ reason-phrase ]`. The last space is forgiven when no reason
/// follows: many servers leave it out, and nothing depends on it.
fn line(line: &[u8]) -> Result<(Version, StatusCode), StreamError> {
    let (version, rest) = match line {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'1',
            b' ',
            rest @ ..,
        ] => (Version::HTTP_11, rest),
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'0',
            b' ',
            rest @ ..,
        ] => (Version::HTTP_10, rest),
        _ => return Err(malformed("invalid http version in a status line")),
    };
    let (code, reason) = match rest {
        [a, b, c] => ([*a, *b, *c], &[][..]),
        [a, b, c, b' ', reason @ ..] => ([*a, *b, *c], reason),
        _ => return Err(malformed("invalid status line")),
    };
    let status = StatusCode::from_bytes(&code).map_err(|_| malformed("invalid status code"))?;
    // RFC 9112 section 4: HTAB, SP, VCHAR and obs-text.
    if reason
        .iter()
        .any(|byte| matches!(byte, 0..=8 | 10..=31 | 127))
    {
        return Err(malformed("invalid reason phrase"));
    }
    Ok((version, status))
}

/// RFC 9112 section 6.3.
fn framing(
    fields: &Fields,
    version: Version,
    status: StatusCode,
    method: &Method,
) -> Result<Framing, StreamError> {
    if fields.length == ContentLength::Invalid {
        return Err(malformed("invalid content-length in a response"));
    }
    if fields.coding != Coding::Absent {
        if fields.length != ContentLength::Absent {
            return Err(malformed(
                "both transfer-encoding and content-length in a response",
            ));
        }
        if version != Version::HTTP_11 {
            return Err(malformed("transfer-encoding in an http/1.0 response"));
        }
    }
    let tunnel = *method == Method::CONNECT && status.is_success();
    if *method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
        || tunnel
    {
        return Ok(Framing::Empty);
    }
    match (fields.coding, fields.length) {
        (Coding::Chunked, _) => Ok(Framing::Chunked),
        (Coding::Unsupported, _) => Err(malformed("unsupported transfer-encoding in a response")),
        (Coding::Invalid, _) => Err(malformed("invalid transfer-encoding in a response")),
        (Coding::Absent, ContentLength::Value(0)) => Ok(Framing::Empty),
        (Coding::Absent, ContentLength::Value(length)) => Ok(Framing::Length(length)),
        (Coding::Absent, _) => Ok(Framing::UntilClose),
    }
}
