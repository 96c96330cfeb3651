//! Encoding message heads as HEADERS frames, RFC 9114 sections 4.2 and 4.3.

use bytes::BytesMut;
use http::header::{self, HeaderName};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, StatusCode, request};

use super::encode;
use super::head::{Protocol, decimal, is_connection_specific};

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// RFC 9114 section 4.2.2: the section is above what the peer said that it takes.
    TooLarge,
    /// What is missing, or does not exist in HTTP/3.
    Invalid(&'static str),
}

/// Appends a request's head. `max` is the peer's limit.
pub fn request(parts: &request::Parts, max: u64, out: &mut BytesMut) -> Result<(), Refusal> {
    let uri = &parts.uri;
    let protocol = parts.extensions.get::<Protocol>();
    let connect = parts.method == Method::CONNECT;
    if protocol.is_some() && !connect {
        return Err(Refusal::Invalid(
            ":protocol in a request that is not connect",
        ));
    }
    // RFC 9114 section 4.3.1: :authority stands for Host.
    let host = parts.headers.get(header::HOST).map(HeaderValue::as_bytes);
    let authority = uri.authority().map(Authority::as_str).map(str::as_bytes);
    let authority = authority
        .or(host)
        .filter(|authority| !authority.is_empty())
        .ok_or(Refusal::Invalid("request without an authority"))?;
    let plain = connect && protocol.is_none();
    let scheme = uri.scheme().map_or("https", Scheme::as_str);
    // RFC 9114 section 4.3.1: no target that leaves its path empty; OPTIONS without one asks
    // about the server as a whole.
    let path = match uri.path_and_query().map(|path| path.as_str()) {
        Some(path) if !path.is_empty() => path,
        _ if parts.method == Method::OPTIONS => "*",
        _ => "/",
    };
    let size = parts.method.as_str().len()
        + scheme.len()
        + authority.len()
        + path.len()
        + protocol.map_or(0, |protocol| protocol.as_str().len())
        + 5 * (32 + 10);
    let skip = |name: &HeaderName, value: &HeaderValue| {
        *name == header::HOST || (connect && *name == header::CONTENT_LENGTH) || is_hop(name, value)
    };
    let size = size as u64 + measure(&parts.headers, skip);
    if size > max {
        return Err(Refusal::TooLarge);
    }
    encode::headers(size, out, |encoder| {
        encoder.field(":method", parts.method.as_str().as_bytes(), false);
        if !plain {
            encoder.field(":scheme", scheme.as_bytes(), false);
        }
        encoder.field(":authority", authority, false);
        if !plain {
            encoder.field(":path", path.as_bytes(), false);
        }
        if let Some(protocol) = protocol {
            encoder.field(":protocol", protocol.as_str().as_bytes(), false);
        }
        write(encoder, &parts.headers, skip);
    });
    Ok(())
}

/// Appends a response's head, interim or final. `tunnel` says that it accepts a CONNECT.
pub fn response(
    status: StatusCode,
    headers: &HeaderMap,
    tunnel: bool,
    max: u64,
    out: &mut BytesMut,
) -> Result<(), Refusal> {
    // RFC 9114 section 4.5.
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Refusal::Invalid("status 101 does not exist in http/3"));
    }
    // RFC 9110 section 8.6: no content-length in an interim response, in 204, or in what
    // accepts a CONNECT.
    let unmeasured = tunnel || status.is_informational() || status == StatusCode::NO_CONTENT;
    let skip = |name: &HeaderName, value: &HeaderValue| {
        (unmeasured && *name == header::CONTENT_LENGTH) || is_hop(name, value)
    };
    let size = (":status".len() + 3 + 32) as u64 + measure(headers, skip);
    if size > max {
        return Err(Refusal::TooLarge);
    }
    encode::headers(size, out, |encoder| {
        encoder.field(":status", status.as_str().as_bytes(), false);
        write(encoder, headers, skip);
    });
    Ok(())
}

/// Appends a trailer section.
pub fn trailers(trailers: &HeaderMap, max: u64, out: &mut BytesMut) -> Result<(), Refusal> {
    // RFC 9110 section 6.5.1.
    let skip = |name: &HeaderName, value: &HeaderValue| {
        *name == header::CONTENT_LENGTH || *name == header::HOST || is_hop(name, value)
    };
    let size = measure(trailers, skip);
    if size > max {
        return Err(Refusal::TooLarge);
    }
    encode::headers(size, out, |encoder| write(encoder, trailers, skip));
    Ok(())
}

/// The content-length that a head declares, when it declares one that can be kept.
pub fn declared(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| decimal(value.as_bytes()))
}

/// RFC 9114 section 4.2: an intermediary drops what belongs to another connection.
fn is_hop(name: &HeaderName, value: &HeaderValue) -> bool {
    is_connection_specific(name)
        || (*name == header::TE && !value.as_bytes().eq_ignore_ascii_case(b"trailers"))
}

/// RFC 9114 section 4.2.2.
fn measure(headers: &HeaderMap, skip: impl Fn(&HeaderName, &HeaderValue) -> bool) -> u64 {
    headers
        .iter()
        .filter(|(name, value)| !skip(name, value))
        .map(|(name, value)| (name.as_str().len() + value.len() + 32) as u64)
        .sum()
}

fn write(
    encoder: &mut encode::Encoder<'_>,
    headers: &HeaderMap,
    skip: impl Fn(&HeaderName, &HeaderValue) -> bool,
) {
    for (name, value) in headers {
        if !skip(name, value) {
            encoder.field(name.as_str(), value.as_bytes(), value.is_sensitive());
        }
    }
}
