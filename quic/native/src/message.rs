//! Rules for messages that hold in every protocol: lengths, connection-bound fields, authority.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue,
    SEC_WEBSOCKET_ACCEPT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, Method, StatusCode};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// The declared length. RFC 9110 8.6: one value of digits; RFC 9112 6.3: anything else is
/// ambiguous and refused, also a list of equal values.
pub fn content_length(headers: &HeaderMap) -> Result<Option<u64>, &'static str> {
    let mut values = headers.get_all(CONTENT_LENGTH).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err("several content-length fields");
    }
    let digits = value.as_bytes();
    if digits.is_empty() || digits.len() > 19 || !digits.iter().all(u8::is_ascii_digit) {
        return Err("content-length is not a number");
    }
    let mut length: u64 = 0;
    for digit in digits {
        length = length * 10 + u64::from(digit - b'0');
    }
    Ok(Some(length))
}

/// Removes the fields that belong to one connection (RFC 9110 7.6.1), among them those that
/// Connection names. `te` stays when it is exactly "trailers".
///
/// A peer may name any field in Connection, to make an intermediary drop what it relies on; the
/// ones that carry identity, framing or routing are not for Connection to remove, so naming
/// them is an error.
pub fn strip_connection(headers: &mut HeaderMap) -> Result<(), &'static str> {
    if headers.contains_key(CONNECTION) {
        let mut named: Vec<HeaderName> = Vec::new();
        for value in headers.get_all(CONNECTION) {
            for token in value.as_bytes().split(|byte| *byte == b',') {
                let token = token.trim_ascii();
                if token.is_empty() {
                    continue;
                }
                let name = HeaderName::from_bytes(token)
                    .map_err(|_| "connection names what is no field")?;
                if matches!(
                    name,
                    HOST | CONTENT_LENGTH | AUTHORIZATION | COOKIE | TRAILER
                ) {
                    return Err("connection names a field that is not its own");
                }
                named.push(name);
            }
        }
        for name in named {
            if name != TE {
                headers.remove(name);
            }
        }
        headers.remove(CONNECTION);
    }
    for name in [
        KEEP_ALIVE,
        PROXY_CONNECTION,
        TRANSFER_ENCODING,
        UPGRADE,
        HTTP2_SETTINGS,
    ] {
        headers.remove(name);
    }
    if let Some(te) = headers.get(TE) {
        let trailers = te
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|token| token.trim_ascii().eq_ignore_ascii_case(b"trailers"));
        headers.remove(TE);
        if trailers {
            headers.insert(TE, HeaderValue::from_static("trailers"));
        }
    }
    Ok(())
}

/// Fields of one connection, of a message's framing or of a handshake: the engine's to write.
pub fn is_framing(name: &HeaderName) -> bool {
    [
        CONNECTION,
        CONTENT_LENGTH,
        SEC_WEBSOCKET_ACCEPT,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        HTTP2_SETTINGS,
    ]
    .contains(name)
}

/// Joins cookie crumbs (RFC 9113 8.2.3, RFC 9114 4.2.1), as other protocols expect one field.
pub fn join_cookies(headers: &mut HeaderMap) {
    let mut all = headers.get_all(COOKIE).iter();
    if all.next().is_none() || all.next().is_none() {
        return;
    }
    let mut joined: Vec<u8> = Vec::new();
    for value in headers.get_all(COOKIE) {
        if !joined.is_empty() {
            joined.extend_from_slice(b"; ");
        }
        joined.extend_from_slice(value.as_bytes());
    }
    // Joining valid values with "; " gives a valid value; otherwise the crumbs stay as they are.
    if let Ok(value) = HeaderValue::from_bytes(&joined) {
        headers.insert(COOKIE, value);
    }
}

/// Takes Host out of the fields; the authority stands beside them, whatever the protocol.
pub fn take_host(headers: &mut HeaderMap, authority: Option<&str>) -> Result<String, &'static str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err("several host fields");
    }
    let named = match (authority, host) {
        (Some(authority), Some(host)) => {
            // RFC 9113 8.3.1, RFC 9114 4.3.1: both present must agree.
            if !authority.as_bytes().eq_ignore_ascii_case(host.as_bytes()) {
                return Err("host and authority differ");
            }
            authority.to_owned()
        }
        (Some(authority), None) => authority.to_owned(),
        (None, Some(host)) => host
            .to_str()
            .map_err(|_| "host is not a valid authority")?
            .to_owned(),
        (None, None) => String::new(),
    };
    if !named.is_empty() && !is_authority(&named) {
        return Err("host is not a valid authority");
    }
    headers.remove(HOST);
    Ok(named)
}

/// Host and optional port (RFC 3986 3.2.2 without user information).
fn is_authority(text: &str) -> bool {
    !text.contains('@') && text.parse::<http::uri::Authority>().is_ok()
}

/// A protocol to change to, in lower case (RFC 9110 7.8, RFC 8441 4). Another HTTP, or TLS, is
/// none: whoever answered the request would speak to the client behind everybody's back.
pub fn upgrade_token(token: &[u8]) -> Option<String> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if token.is_empty() || token.len() > 64 || !token.iter().all(plain) {
        return None;
    }
    let token = String::from_utf8(token.to_ascii_lowercase()).ok()?;
    let foreign = ["h2", "h3", "http", "tls"];
    (!foreign.iter().any(|name| token.starts_with(name))).then_some(token)
}

/// What may stand as a request's target: a path with its query, or `*` for the server as a whole
/// (RFC 9112 3.2.1, 3.2.4).
pub fn is_target(method: &Method, target: &str) -> bool {
    if target == "*" {
        return *method == Method::OPTIONS;
    }
    // `http` drops a fragment without a word, so what it keeps is compared.
    target.starts_with('/')
        && http::uri::PathAndQuery::try_from(target).is_ok_and(|kept| kept.as_str() == target)
}

/// Removes from a trailer section what is only for heads: framing, routing, authentication and
/// what belongs to the connection (RFC 9110 6.5.1).
pub fn clean_trailers(trailers: &mut HeaderMap) {
    for name in [
        CONTENT_LENGTH,
        TRANSFER_ENCODING,
        TRAILER,
        TE,
        HOST,
        CONNECTION,
        UPGRADE,
        AUTHORIZATION,
        COOKIE,
        http::header::SET_COOKIE,
        http::header::PROXY_AUTHORIZATION,
        http::header::CONTENT_ENCODING,
        http::header::CONTENT_TYPE,
        http::header::CONTENT_RANGE,
        KEEP_ALIVE,
        PROXY_CONNECTION,
    ] {
        trailers.remove(name);
    }
    let telling: Vec<HeaderName> = trailers
        .keys()
        .filter(|name| tells_of_a_request(name))
        .cloned()
        .collect();
    for name in telling {
        trailers.remove(name);
    }
}

/// Fields by which a proxy tells who asked, and those that carry credentials under another name: whoever mixes
/// trailers into heads would believe them of anybody (RFC 9110 6.5.1: nothing for routing or authentication).
fn tells_of_a_request(name: &HeaderName) -> bool {
    let name = name.as_str();
    matches!(name, "forwarded" | "via" | "x-real-ip" | "x-request-id")
        || name.replace('_', "-").starts_with("x-forwarded")
        || name.replace('_', "-").ends_with("-authorization")
}

/// Whether an answer has no content whatever its fields say (RFC 9110 6.4.1).
pub fn is_bodyless(method: &Method, status: StatusCode) -> bool {
    *method == Method::HEAD
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED
}

/// Methods that may be sent again on their own (RFC 9110 9.2.2).
pub fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

/// Methods whose requests hardly ever have content, so that a stream that has not ended yet is
/// worth a short wait before it is treated as having some.
pub fn expects_no_content(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::DELETE | Method::TRACE
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fields(list: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in list {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    #[test]
    fn content_length_takes_one_number_only() {
        assert_eq!(
            content_length(&fields(&[("content-length", "42")])),
            Ok(Some(42))
        );
        assert_eq!(content_length(&fields(&[])), Ok(None));
        for bad in ["", "+5", "-1", "5, 5", "0x5", "5 5", "99999999999999999999"] {
            assert!(content_length(&fields(&[("content-length", bad)])).is_err());
        }
        assert!(
            content_length(&fields(&[("content-length", "5"), ("content-length", "5")])).is_err()
        );
    }

    #[test]
    fn connection_bound_fields_do_not_pass() {
        let mut map = fields(&[
            ("connection", "close, X-Mine"),
            ("x-mine", "1"),
            ("keep-alive", "5"),
            ("te", "gzip, trailers"),
            ("accept", "*/*"),
        ]);
        strip_connection(&mut map).unwrap();
        assert_eq!(map, fields(&[("te", "trailers"), ("accept", "*/*")]));
    }

    #[test]
    fn connection_cannot_remove_what_carries_identity() {
        for name in ["authorization", "Host", "content-length", "cookie"] {
            assert!(strip_connection(&mut fields(&[("connection", name)])).is_err());
        }
    }

    #[test]
    fn another_http_is_no_protocol_to_change_to() {
        assert_eq!(upgrade_token(b"WebSocket").as_deref(), Some("websocket"));
        for bad in ["h2c", "HTTP/2.0", "TLS/1.0", "", "a b", "a,b", "h3"] {
            assert_eq!(upgrade_token(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn a_target_is_a_path_or_the_server_as_a_whole() {
        assert!(is_target(&Method::GET, "/a//b?x=%ff&y"));
        assert!(is_target(&Method::OPTIONS, "*"));
        for bad in ["*", "", "a", "/a b", "/a#b", "/\r\nx: y", "http://a/"] {
            assert!(!is_target(&Method::GET, bad), "{bad}");
        }
    }

    #[test]
    fn trailers_carry_nothing_that_frames_or_routes() {
        let mut map = fields(&[("x-sum", "1"), ("content-length", "5"), ("host", "a")]);
        clean_trailers(&mut map);
        assert_eq!(map, fields(&[("x-sum", "1")]));
    }

    #[test]
    fn trailers_tell_nothing_of_who_asked() {
        let mut map = fields(&[
            ("x-sum", "1"),
            ("via", "1.1 a"),
            ("forwarded", "for=a"),
            ("x-forwarded-for", "a"),
            ("x_forwarded_for", "a"),
            ("x-request-id", "a"),
            ("x-app-authorization", "a"),
            ("x_app_authorization", "a"),
        ]);
        clean_trailers(&mut map);
        assert_eq!(map, fields(&[("x-sum", "1")]));
    }

    #[test]
    fn cookie_crumbs_become_one_field() {
        let mut map = fields(&[("cookie", "a=1"), ("cookie", "b=2")]);
        join_cookies(&mut map);
        assert_eq!(map, fields(&[("cookie", "a=1; b=2")]));
    }

    #[test]
    fn host_and_authority_must_agree() {
        assert_eq!(
            take_host(&mut fields(&[("host", "A.example")]), Some("a.example")).unwrap(),
            "a.example"
        );
        assert!(take_host(&mut fields(&[("host", "b")]), Some("a")).is_err());
        assert!(take_host(&mut fields(&[("host", "a"), ("host", "a")]), None).is_err());
        assert!(take_host(&mut fields(&[("host", "user@a")]), None).is_err());
    }
}
