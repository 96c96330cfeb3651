//! The head of a request (RFC 9112 sections 2 and 3).

use bytes::Bytes;
use http::uri::Uri;
use http::{Method, Version, request};
use memchr::memchr;

use crate::Limits;
use crate::decode::Framing;
use crate::field::{Coding, ContentLength, FieldError, Fields};
use crate::host::Authority;

/// Why a request has no exchange, and the status to refuse it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadError {
    /// 400, 414, 431, 501 or 505.
    pub status: u16,
    pub detail: &'static str,
    /// The connection ended or failed: nobody is there to be answered.
    pub closed: bool,
}

impl HeadError {
    pub(crate) const fn new(status: u16, detail: &'static str) -> Self {
        Self {
            status,
            detail,
            closed: false,
        }
    }

    pub(crate) const fn closed(detail: &'static str) -> Self {
        Self {
            status: 400,
            detail,
            closed: true,
        }
    }
}

impl std::fmt::Display for HeadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.detail)
    }
}

impl std::error::Error for HeadError {}

/// A request's head and what it says about the rest of the message.
#[derive(Debug)]
pub struct Request {
    pub parts: request::Parts,
    pub framing: Framing,
    /// The client may send another request after this one.
    pub keep_alive: bool,
    /// `Expect: 100-continue` from a client that knows it (RFC 9110 section 10.1.1).
    pub expects: bool,
}

const BAD_LINE: HeadError = HeadError::new(400, "invalid request line");
const BAD_TARGET: HeadError = HeadError::new(400, "invalid request target");
const BAD_HOST: HeadError = HeadError::new(400, "invalid host");

/// `head` is a whole head, empty line included, whose lines end in CRLF.
pub(crate) fn parse(head: &Bytes, limits: &Limits) -> Result<Request, HeadError> {
    let end = memchr(b'\r', head).ok_or(BAD_LINE)?;
    if head.get(end + 1) != Some(&b'\n') {
        return Err(HeadError::new(400, "bare cr in the request line"));
    }
    let (method, target, version) = line(head.slice(..end), limits)?;
    let fields = Fields::parse(&head.slice(end + 2..), limits.max_fields).map_err(|error| {
        let status = if error == FieldError::TooMany {
            431
        } else {
            400
        };
        HeadError::new(status, error.detail())
    })?;
    let uri = uri(&method, target)?;
    check_host(&uri, &fields, version)?;
    let framing = framing(&fields, version)?;

    let current = version == Version::HTTP_11;
    let keep_alive = !fields.close && (current || fields.keep_alive);
    let expects = current && fields.expects && framing != Framing::Empty;
    let (mut parts, ()) = http::Request::new(()).into_parts();
    parts.method = method;
    parts.uri = uri;
    parts.version = version;
    parts.headers = fields.map;
    Ok(Request {
        parts,
        framing,
        keep_alive,
        expects,
    })
}

/// RFC 9112 section 3: `method SP request-target SP HTTP-version`, nothing more lenient.
fn line(line: Bytes, limits: &Limits) -> Result<(Method, Bytes, Version), HeadError> {
    let first = memchr(b' ', &line).ok_or(BAD_LINE)?;
    let rest = &line[first + 1..];
    let second = first + 1 + memchr(b' ', rest).ok_or(BAD_LINE)?;
    let method =
        Method::from_bytes(&line[..first]).map_err(|_| HeadError::new(400, "invalid method"))?;
    let version = match &line[second + 1..] {
        b"HTTP/1.1" => Version::HTTP_11,
        b"HTTP/1.0" => Version::HTTP_10,
        // RFC 9112 section 2.3: DIGIT "." DIGIT. The preface of HTTP/2 ends up here too.
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            return Err(HeadError::new(505, "unsupported http version"));
        }
        _ => return Err(BAD_LINE),
    };
    let target = line.slice(first + 1..second);
    if target.len() > limits.max_target_bytes {
        return Err(HeadError::new(414, "request target is too long"));
    }
    Ok((method, target, version))
}

/// RFC 9112 section 3.2. The result holds the target byte for byte, but for an empty path after
/// an authority, which becomes `/`, and the case of the scheme.
fn uri(method: &Method, target: Bytes) -> Result<Uri, HeadError> {
    // RFC 3986 section 2: a URI is ASCII; RFC 9112 section 3.2: a target has no fragment.
    if target.is_empty() || !target.iter().all(|byte| matches!(byte, 0x21..=0x7e)) {
        return Err(BAD_TARGET);
    }
    if memchr(b'#', &target).is_some() {
        return Err(HeadError::new(400, "fragment in the request target"));
    }
    let uri = Uri::from_maybe_shared(target.clone()).map_err(|_| BAD_TARGET)?;
    let path = uri.path_and_query().map_or("", |path| path.as_str());
    let exact = match (uri.scheme_str(), uri.authority()) {
        (None, None) if path == "*" => *method == Method::OPTIONS && target == "*",
        (None, None) => *method != Method::CONNECT && path.starts_with('/') && path == target,
        (None, Some(authority)) => {
            *method == Method::CONNECT
                && authority.as_str() == target
                && Authority::parse(&target).is_some_and(|authority| authority.port.is_some())
        }
        (Some(scheme), Some(authority)) => {
            let prefix = scheme.len() + "://".len();
            let after = target
                .get(prefix..)
                .and_then(|rest| rest.strip_prefix(authority.as_str().as_bytes()));
            *method != Method::CONNECT
                && after.is_some_and(|after| {
                    after == path.as_bytes() || (after.is_empty() && path == "/")
                })
        }
        (Some(_), None) => false,
    };
    if exact { Ok(uri) } else { Err(BAD_TARGET) }
}

/// RFC 9112 section 3.2: exactly one valid Host in HTTP/1.1. Section 3.2.2 has the authority of
/// the target win over another Host; such a request is refused, since the next hop may differ.
fn check_host(uri: &Uri, fields: &Fields, version: Version) -> Result<(), HeadError> {
    let host = match fields.hosts {
        0 if version == Version::HTTP_11 => return Err(HeadError::new(400, "no host field")),
        0 => None,
        1 => fields.map.get(http::header::HOST),
        _ => return Err(HeadError::new(400, "more than one host field")),
    };
    let host = match host {
        Some(value) => Some(Authority::parse(value.as_bytes()).ok_or(BAD_HOST)?),
        None => None,
    };
    let Some(authority) = uri.authority() else {
        return Ok(());
    };
    let target = Authority::parse(authority.as_str().as_bytes()).ok_or(BAD_TARGET)?;
    let default_port = match uri.scheme_str() {
        Some("http") => Some(80),
        Some("https") => Some(443),
        _ => None,
    };
    match host {
        Some(host) if !host.same(&target, default_port) => {
            Err(HeadError::new(400, "host differs from the request target"))
        }
        _ => Ok(()),
    }
}

/// RFC 9112 section 6.3, with each choice that it leaves taken as a refusal.
fn framing(fields: &Fields, version: Version) -> Result<Framing, HeadError> {
    match (fields.coding, fields.length) {
        (_, ContentLength::Invalid) => Err(HeadError::new(400, "invalid content-length")),
        (Coding::Absent, ContentLength::Absent | ContentLength::Value(0)) => Ok(Framing::Empty),
        (Coding::Absent, ContentLength::Value(length)) => Ok(Framing::Length(length)),
        (_, ContentLength::Value(_)) => Err(HeadError::new(
            400,
            "both transfer-encoding and content-length",
        )),
        // RFC 9112 section 6.1: an HTTP/1.0 message with transfer-encoding has faulty framing.
        _ if version != Version::HTTP_11 => {
            Err(HeadError::new(400, "transfer-encoding in http/1.0"))
        }
        (Coding::Invalid, _) => Err(HeadError::new(400, "invalid transfer-encoding")),
        (Coding::Unsupported, _) => Err(HeadError::new(501, "unsupported transfer-encoding")),
        (Coding::Chunked, _) => Ok(Framing::Chunked),
    }
}
