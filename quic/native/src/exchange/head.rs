//! The request's head, taken apart and checked in the same words for every protocol.

use http::{HeaderMap, Method, request};

use super::Exchange;
use crate::fault;
use crate::http2::list_size;
use crate::message;

/// What the request's head said, in the same words for every protocol.
pub struct Head {
    pub method: Method,
    pub scheme: &'static str,
    pub authority: String,
    /// Path and query, byte for byte, or `*`.
    pub target: String,
    /// End-to-end fields; no Host.
    pub headers: HeaderMap,
    /// Protocol of an upgrade: from Upgrade over HTTP/1.1, from `:protocol` over the others.
    pub upgrade: Option<String>,
    pub content_length: Option<u64>,
    pub expects_continue: bool,
}

impl Exchange {
    /// Checks what every protocol must say in the same way, and takes the head apart.
    pub(super) fn read_head(
        &mut self,
        parts: request::Parts,
        upgrade: Option<String>,
    ) -> Result<(), (&'static fault::Code, &'static str)> {
        let limits = &self.ledger.connection.limits;
        let malformed = |detail| (&fault::REQUEST_MALFORMED, detail);
        self.head.method = parts.method;
        self.head.upgrade = upgrade;
        let mut headers = parts.headers;
        let authority = parts.uri.authority().map(http::uri::Authority::as_str);
        self.head.authority = message::take_host(&mut headers, authority).map_err(malformed)?;
        // RFC 9114 4.3.1; RFC 9113 leaves open what an empty one would mean.
        if self.head.authority.is_empty() && self.ledger.record.protocol_in >= 20 {
            return Err(malformed("neither authority nor host"));
        }
        self.head.content_length = message::content_length(&headers).map_err(malformed)?;
        let section = list_size(&headers);
        if headers.len() > limits.max_fields {
            return Err((&fault::REQUEST_HEAD_TOO_LARGE, "too many header fields"));
        }
        self.head.expects_continue = headers
            .get(http::header::EXPECT)
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"));
        message::strip_connection(&mut headers).map_err(malformed)?;
        message::join_cookies(&mut headers);
        self.head.headers = headers;
        let target = parts
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        if target.len() > limits.max_target_bytes {
            return Err((&fault::REQUEST_TARGET_TOO_LONG, "the target is too long"));
        }
        // The other protocols have looked before; HTTP/2's own bound is a wider one.
        let lines = (target.len() + self.head.authority.len()) as u64;
        if self.ledger.record.protocol_in == 20 && section + lines > limits.max_head_bytes as u64 {
            return Err((
                &fault::REQUEST_HEAD_TOO_LARGE,
                "the header section is too large",
            ));
        }
        // RFC 3986 2: a URI is ASCII. `http` is more lenient; the next hop need not be.
        if !target.bytes().all(|byte| matches!(byte, 0x21..=0x7e)) {
            return Err(malformed("the target is not a uri"));
        }
        // It is a URI's, so only its form is left to be checked.
        let whole = target == "*" && self.head.method == Method::OPTIONS;
        if !target.starts_with('/') && !whole {
            return Err((&fault::REQUEST_MALFORMED, "the target is not a path"));
        }
        self.head.target = target.to_owned();
        Ok(())
    }
}
