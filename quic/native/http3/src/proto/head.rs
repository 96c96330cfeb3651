//! Message heads: from field sections to the `http` crate's types and back, RFC 9114 sections
//! 4.2 and 4.3, RFC 9220.

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderName, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, StatusCode, Uri, Version, request, response};

use super::fault::Fault;
use super::message::Content;
use super::section::{Field, Limits, Section};

/// The `:protocol` pseudo-header field of an extended CONNECT (RFC 8441 section 4, RFC 9220
/// section 3), for example "websocket"; kept in the extensions of a request's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol(String);

impl Protocol {
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The longest request target that `http::Uri` keeps.
const MAX_TARGET: usize = u16::MAX as usize - 1;

/// Decodes a request's head. `extended` says whether our SETTINGS allowed `:protocol`.
pub fn request(
    payload: &[u8],
    limits: Limits,
    extended: bool,
) -> Result<(request::Parts, Content), Fault> {
    let section = Section::decode(payload, limits)?;
    let mut pseudo = Pseudo::default();
    let (headers, length) = fields(&section, Some(&mut pseudo), Of::Request)?;

    let (mut parts, ()) = http::Request::new(()).into_parts();
    if pseudo.status.is_some() {
        return Err(Fault::malformed(":status in a request"));
    }
    let method = pseudo
        .method
        .ok_or(Fault::malformed("request without :method"))?;
    parts.method = Method::from_bytes(&method).map_err(|_| Fault::malformed("bad :method"))?;
    parts.version = Version::HTTP_3;

    let connect = parts.method == Method::CONNECT;
    if let Some(protocol) = &pseudo.protocol {
        // RFC 8441 section 4.
        if !connect {
            return Err(Fault::malformed(
                ":protocol in a request that is not connect",
            ));
        }
        if !extended {
            return Err(Fault::malformed(
                ":protocol without the setting that allows it",
            ));
        }
        parts.extensions.insert(Protocol(token(protocol)?));
    }
    let plain = connect && pseudo.protocol.is_none();
    if plain && pseudo.authority.is_none() {
        return Err(Fault::malformed("connect without :authority"));
    }
    let mut uri = http::uri::Parts::default();
    uri.authority = authority(pseudo.authority, &headers)?;
    if plain {
        // RFC 9114 section 4.4.
        if pseudo.scheme.is_some() || pseudo.path.is_some() {
            return Err(Fault::malformed("connect with :scheme or :path"));
        }
    } else {
        let scheme = pseudo
            .scheme
            .ok_or(Fault::malformed("request without :scheme"))?;
        let path = pseudo
            .path
            .ok_or(Fault::malformed("request without :path"))?;
        uri.scheme = Some(parse_scheme(&scheme)?);
        uri.path_and_query = Some(target(path, &parts.method)?);
    }
    // RFC 9114 section 4.3.1: http and https have a mandatory authority, and so has CONNECT
    // (section 4.4). `http::Uri` keeps no target with a scheme and without an authority.
    if uri.authority.is_none() {
        return Err(Fault::malformed("request without :authority or host"));
    }
    parts.uri = Uri::from_parts(uri).map_err(|_| Fault::malformed("bad request target"))?;
    parts.headers = headers;
    let content = match connect {
        true => Content::Tunnel,
        false => Content::Message(length),
    };
    Ok((parts, content))
}

/// Decodes a response's head, interim or final, and what content-length it declares.
pub fn response(payload: &[u8], limits: Limits) -> Result<(response::Parts, Option<u64>), Fault> {
    let section = Section::decode(payload, limits)?;
    let mut pseudo = Pseudo::default();
    let (headers, length) = fields(&section, Some(&mut pseudo), Of::Response)?;
    // RFC 9114 section 4.3.2.
    if pseudo.method.is_some()
        || pseudo.scheme.is_some()
        || pseudo.authority.is_some()
        || pseudo.path.is_some()
        || pseudo.protocol.is_some()
    {
        return Err(Fault::malformed(
            "pseudo-header field of a request in a response",
        ));
    }
    let status = pseudo
        .status
        .ok_or(Fault::malformed("response without :status"))?;
    let status = StatusCode::from_bytes(&status).map_err(|_| Fault::malformed("bad :status"))?;
    // RFC 9114 section 4.5.
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(Fault::malformed("status 101 does not exist in http/3"));
    }
    let (mut parts, ()) = http::Response::new(()).into_parts();
    parts.status = status;
    parts.version = Version::HTTP_3;
    parts.headers = headers;
    Ok((parts, length))
}

/// Decodes a trailer section.
pub fn trailers(payload: &[u8], limits: Limits) -> Result<HeaderMap, Fault> {
    let section = Section::decode(payload, limits)?;
    let (headers, length) = fields(&section, None, Of::Trailers)?;
    // RFC 9110 section 6.5.1: a field for framing means nothing here and must not reach a
    // protocol where it could.
    if length.is_some() || headers.contains_key(header::HOST) {
        return Err(Fault::malformed("framing or routing field in trailers"));
    }
    Ok(headers)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Request,
    Response,
    Trailers,
}

#[derive(Default)]
struct Pseudo {
    method: Option<Bytes>,
    scheme: Option<Bytes>,
    authority: Option<Bytes>,
    path: Option<Bytes>,
    protocol: Option<Bytes>,
    status: Option<Bytes>,
}

impl Pseudo {
    fn set(&mut self, field: Field<'_>) -> Result<(), Fault> {
        let slot = match field.name() {
            b":method" => &mut self.method,
            b":scheme" => &mut self.scheme,
            b":authority" => &mut self.authority,
            b":path" => &mut self.path,
            b":protocol" => &mut self.protocol,
            b":status" => &mut self.status,
            // RFC 9114 section 4.3.
            _ => return Err(Fault::malformed("unknown pseudo-header field")),
        };
        // RFC 9114 sections 4.3.1 and 4.3.2: exactly one value for each.
        if slot.replace(field.value()).is_some() {
            return Err(Fault::malformed("pseudo-header field occurs twice"));
        }
        Ok(())
    }
}

/// The header fields of a section, and its content-length.
fn fields(
    section: &Section,
    mut pseudo: Option<&mut Pseudo>,
    of: Of,
) -> Result<(HeaderMap, Option<u64>), Fault> {
    let mut headers = HeaderMap::with_capacity(section.len());
    let mut regular = false;
    let mut length = None;
    let mut cookies: Option<HeaderValue> = None;
    for field in section.fields() {
        if field.name().first() == Some(&b':') {
            // RFC 9114 section 4.3: never in trailers, never after other fields.
            let Some(pseudo) = pseudo.as_deref_mut() else {
                return Err(Fault::malformed("pseudo-header field in trailers"));
            };
            if regular {
                return Err(Fault::malformed("pseudo-header field after other fields"));
            }
            pseudo.set(field)?;
            continue;
        }
        regular = true;
        let name = field
            .header_name()
            .ok_or(Fault::malformed("field name is not a lower-case token"))?;
        let value = field
            .header_value()
            .ok_or(Fault::malformed("bad bytes in a field value"))?;
        // RFC 9114 section 4.2.
        if is_connection_specific(&name) {
            return Err(Fault::malformed("connection-specific field"));
        }
        if name == header::TE && !value.as_bytes().eq_ignore_ascii_case(b"trailers") {
            return Err(Fault::malformed("te is something else than trailers"));
        }
        if name == header::CONTENT_LENGTH {
            let value = decimal(value.as_bytes()).ok_or(Fault::malformed("bad content-length"))?;
            // RFC 9110 section 8.6: even equal values are not joined here.
            if length.replace(value).is_some() {
                return Err(Fault::malformed("several content-length fields"));
            }
        }
        if name == header::COOKIE && of == Of::Request {
            cookies = Some(match cookies {
                None => value,
                Some(before) => crumb(&before, &value)?,
            });
            continue;
        }
        headers
            .try_append(name, value)
            .map_err(|_| Fault::section("too many fields in a field section"))?;
    }
    if let Some(cookies) = cookies {
        headers
            .try_append(header::COOKIE, cookies)
            .map_err(|_| Fault::section("too many fields in a field section"))?;
    }
    Ok((headers, length))
}

/// RFC 9114 section 4.2.1: the parts of a cookie are joined before they leave HTTP/3.
fn crumb(before: &HeaderValue, next: &HeaderValue) -> Result<HeaderValue, Fault> {
    let mut joined = BytesMut::with_capacity(before.len() + 2 + next.len());
    joined.extend_from_slice(before.as_bytes());
    joined.extend_from_slice(b"; ");
    joined.extend_from_slice(next.as_bytes());
    let mut value = HeaderValue::from_maybe_shared(joined.freeze())
        .map_err(|_| Fault::malformed("bad bytes in a field value"))?;
    value.set_sensitive(before.is_sensitive() || next.is_sensitive());
    Ok(value)
}

/// RFC 9114 section 4.2.
pub fn is_connection_specific(name: &HeaderName) -> bool {
    *name == header::CONNECTION
        || *name == header::TRANSFER_ENCODING
        || *name == header::UPGRADE
        || matches!(name.as_str(), "keep-alive" | "proxy-connection")
}

/// RFC 9110 section 8.6: digits and nothing else.
pub fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |sum, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        sum.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

fn token(value: &Bytes) -> Result<String, Fault> {
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~/".contains(byte);
    if value.is_empty() || !value.iter().all(good) {
        return Err(Fault::malformed("bad :protocol"));
    }
    Ok(value.iter().map(|byte| char::from(*byte)).collect())
}

/// RFC 3986 section 3.1.
fn parse_scheme(value: &Bytes) -> Result<Scheme, Fault> {
    let good = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    let bad = Fault::malformed("bad :scheme");
    if !value.first().is_some_and(u8::is_ascii_alphabetic) || !value.iter().all(good) {
        return Err(bad);
    }
    Scheme::try_from(&value[..]).map_err(|_| bad)
}

/// RFC 9114 section 4.3.1: `:authority`, or Host in its absence; both say the same.
fn authority(pseudo: Option<Bytes>, headers: &HeaderMap) -> Result<Option<Authority>, Fault> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Fault::malformed("several host fields"));
    }
    let text = match (pseudo, host) {
        (None, None) => return Ok(None),
        (Some(authority), None) => authority,
        (None, Some(host)) => Bytes::copy_from_slice(host.as_bytes()),
        (Some(authority), Some(host)) => {
            if !authority.eq_ignore_ascii_case(host.as_bytes()) {
                return Err(Fault::malformed(":authority and host differ"));
            }
            authority
        }
    };
    // RFC 9114 section 4.3.1: user information is not part of it.
    if text.contains(&b'@') {
        return Err(Fault::malformed("user information in :authority"));
    }
    Authority::from_maybe_shared(text)
        .map(Some)
        .map_err(|_| Fault::malformed("bad :authority or host"))
}

/// RFC 9114 section 4.3.1: an absolute path, or "*" for OPTIONS; kept byte for byte.
fn target(path: Bytes, method: &Method) -> Result<PathAndQuery, Fault> {
    if path.len() > MAX_TARGET {
        return Err(Fault::target("request target is too long"));
    }
    let whole = &path[..] == b"*" && method == Method::OPTIONS;
    // `http::Uri` would cut a fragment off.
    if (path.first() != Some(&b'/') && !whole) || path.contains(&b'#') {
        return Err(Fault::malformed("bad :path"));
    }
    PathAndQuery::from_maybe_shared(path).map_err(|_| Fault::malformed("bad :path"))
}

#[cfg(test)]
mod tests;
