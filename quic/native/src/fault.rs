//! The one table of error codes: what went wrong, whose fault it is, whether sending the request
//! again may help. Stable; documented in docs/errors.md.

use std::borrow::Cow;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    Client,
    Config,
    Upstream,
    Internal,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    pub code: &'static str,
    pub blame: Blame,
    /// Sending the same request again, now or a little later, may succeed.
    pub retry: bool,
    /// What the engine answers when the response has not begun and JavaScript does not say
    /// otherwise; 0: nobody is left to answer.
    pub status: u16,
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($name:ident $code:literal $blame:ident $retry:literal $status:literal $meaning:literal;)*) => {
        $(pub static $name: Code = Code {
            code: $code, blame: Blame::$blame, retry: $retry, status: $status, meaning: $meaning,
        };)*
        pub static TABLE: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    BODY_TOO_LARGE "body/too-large" Client false 413 "the request body is larger than the limit";
    CLIENT_CANCELLED "client/cancelled" Client false 0 "the client left, or reset the request, before the answer was complete";
    CLIENT_TRUNCATED "client/truncated" Client false 400 "the request body ended before its framing or content-length said so";
    CLIENT_MALFORMED "client/malformed" Client false 400 "the request broke its protocol";
    CONNECT_CLOSED "connect/closed" Upstream true 502 "the upstream closed the connection while it was being set up";
    CONNECT_DNS "connect/dns" Config true 502 "the upstream's name could not be resolved";
    CONNECT_REFUSED "connect/refused" Upstream true 502 "nothing listens at the upstream's address";
    CONNECT_TIMEOUT "connect/timeout" Upstream true 504 "the upstream did not complete the connection in time";
    CONNECT_UNREACHABLE "connect/unreachable" Upstream true 502 "there is no route to the upstream, or a local limit forbids the connection";
    DRAIN_CUT "drain/cut" Internal true 503 "the listener's grace period ended before the exchange did";
    INTERNAL_ANSWER "internal/answer" Internal false 500 "the decision could not be carried out as it was given";
    INTERNAL_PANIC "internal/panic" Internal false 500 "a defect in the engine ended this exchange";
    OVERLOAD_POOL "overload/pool" Upstream true 503 "too many requests wait for a connection to the upstream";
    OVERLOAD_QUEUE "overload/queue" Internal true 503 "too many requests wait for a decision";
    REQUEST_CONNECT "request/connect" Client false 501 "a plain CONNECT is refused";
    REQUEST_HEAD_TOO_LARGE "request/head-too-large" Client false 431 "the request's header section is over the limit";
    REQUEST_MALFORMED "request/malformed" Client false 400 "the request's head is malformed or ambiguous";
    REQUEST_TARGET_TOO_LONG "request/target-too-long" Client false 414 "the request's target is over the limit";
    RESET_BY_DECISION "reset/decision" Internal false 0 "the decision was to reset the request";
    STREAM_SOURCE "stream/source" Internal false 500 "the source of a streamed answer failed";
    TIMEOUT_DECISION "timeout/decision" Internal true 503 "no decision was made in time";
    TIMEOUT_FIRST_BYTE "timeout/first-byte" Upstream true 504 "the upstream did not begin its answer in time";
    TIMEOUT_HANDSHAKE "timeout/handshake" Client true 0 "the client did not complete the handshake in time";
    TIMEOUT_HEAD "timeout/head" Client true 408 "the request's head did not arrive in time";
    TIMEOUT_IDLE "timeout/idle" Upstream true 504 "a body did not move for too long on the upstream's side";
    TIMEOUT_CLIENT_IDLE "timeout/client-idle" Client true 408 "the client neither sent nor read for too long";
    TIMEOUT_RATE "timeout/rate" Client true 408 "the request body came more slowly than the minimum rate";
    TLS_ALPN "tls/alpn" Upstream false 502 "the upstream speaks none of the protocols offered";
    TLS_CLIENT_CERTIFICATE "tls/client-certificate" Config false 502 "the peer wants a client certificate, or refused the one it was given";
    TLS_EXPIRED "tls/expired" Upstream false 502 "the peer's certificate is expired or not valid yet";
    TLS_HANDSHAKE "tls/handshake" Upstream false 502 "the TLS handshake failed";
    TLS_NAME_MISMATCH "tls/name-mismatch" Upstream false 502 "the peer's certificate does not hold the expected name";
    TLS_REVOKED "tls/revoked" Upstream false 502 "the peer's certificate is revoked";
    TLS_UNTRUSTED "tls/untrusted" Upstream false 502 "the peer's certificate is from no trusted authority";
    UPGRADE_REFUSED "upgrade/refused" Upstream false 502 "the upstream cannot carry the upgrade that the client asked for";
    UPSTREAM_CLOSED "upstream/closed" Upstream true 502 "the upstream closed the connection before it answered";
    UPSTREAM_HEAD_TOO_LARGE "upstream/head-too-large" Upstream false 502 "the header section of the answer is over the limit";
    UPSTREAM_PROTOCOL "upstream/protocol" Upstream false 502 "the upstream's answer broke its protocol";
    UPSTREAM_REFUSED "upstream/refused" Upstream true 503 "the upstream refused the request without processing it";
    UPSTREAM_RESET "upstream/reset" Upstream true 502 "the upstream reset the request";
    UPSTREAM_TRUNCATED "upstream/truncated" Upstream true 502 "the answer ended before its framing or content-length said so";
    UPSTREAM_UNKNOWN "upstream/unknown" Internal false 500 "the decision names an upstream that does not exist";
}

/// One failure: its code, a detail for the operator (never content of a message, never a
/// secret), and the RFC error code on the wire if there was one.
#[derive(Clone, Debug)]
pub struct Fault {
    pub code: &'static Code,
    pub detail: Cow<'static, str>,
    pub wire: Option<u64>,
}

impl Fault {
    pub fn new(code: &'static Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            wire: None,
        }
    }

    pub fn of(code: &'static Code, error: &harmony_stream::StreamError) -> Self {
        Self {
            code,
            detail: error.detail.clone(),
            wire: error.code,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code.code, self.detail)
    }
}

/// The table as JSON, for the TypeScript face and the documentation's test.
pub fn table_json() -> String {
    let rows: Vec<serde_json::Value> = TABLE
        .iter()
        .map(|row| {
            serde_json::json!({
                "code": row.code,
                "fault": match row.blame {
                    Blame::Client => "client",
                    Blame::Config => "config",
                    Blame::Upstream => "upstream",
                    Blame::Internal => "internal",
                },
                "retry": row.retry,
                "status": row.status,
                "meaning": row.meaning,
            })
        })
        .collect();
    serde_json::Value::Array(rows).to_string()
}
