//! What TypeScript configures, as it crosses (JSON, camelCase). Ranges are checked here too, so
//! that the engine stands on its own; the messages name the key, the value and the rule.

use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
pub struct EngineOptions {
    /// Native threads; none: one per core.
    pub threads: Option<usize>,
    pub limits: EngineLimits,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct EngineLimits {
    /// Heads that may wait for a decision, over all listeners; beyond it 503.
    pub max_waiting_heads: usize,
    /// Time that JavaScript has to decide, in milliseconds; beyond it 503.
    pub decision_ms: u64,
    /// Completion records kept while JavaScript does not fetch them; beyond it the oldest are
    /// dropped and counted.
    pub max_records: usize,
    /// Events kept while JavaScript does not fetch them.
    pub max_events: usize,
    /// Bytes of a streamed answer that may wait inside the engine.
    pub stream_window: u32,
}

impl Default for EngineLimits {
    fn default() -> Self {
        Self {
            max_waiting_heads: 4096,
            decision_ms: 10_000,
            max_records: 65_536,
            max_events: 4096,
            stream_window: 262_144,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenOptions {
    pub address: String,
    pub port: u16,
    #[serde(default)]
    pub tcp: Option<TcpOptions>,
    #[serde(default)]
    pub quic: Option<QuicOptions>,
    #[serde(default)]
    pub limits: ListenerLimits,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TcpOptions {
    #[serde(default)]
    pub tls: Option<ServerTls>,
    /// Any of "h1", "h2"; empty: both. Without TLS, h2 means prior knowledge (RFC 9113 3.3).
    #[serde(default)]
    pub protocols: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct QuicOptions {
    /// None: the same as TCP's.
    #[serde(default)]
    pub tls: Option<ServerTls>,
    /// UDP port; none: the TCP port.
    #[serde(default)]
    pub port: Option<u16>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerTls {
    /// The first one answers when no other has the name asked for.
    pub identities: Vec<Identity>,
    #[serde(default)]
    pub client_certificates: Option<ClientCertificates>,
    /// "1.2" (default) or "1.3", for TCP; QUIC is always 1.3 (RFC 9001 4.2).
    #[serde(default)]
    pub min_version: Option<String>,
}

/// A certificate chain and its private key, PEM.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    pub certificate: String,
    pub key: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClientCertificates {
    /// "optional" or "required".
    pub mode: String,
    /// PEM bundle that client chains must end in.
    pub ca: String,
}

// Keys must never reach a log through a derived Debug.
impl std::fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ServerTls({} identities)", self.identities.len())
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ListenerLimits {
    /// Connections open at once: of the listener, and of one remote address.
    pub max_connections: usize,
    pub max_connections_per_address: usize,
    /// Time for the TLS or QUIC handshake.
    pub handshake_ms: u64,
    /// A connection without a request is closed after this.
    pub idle_ms: u64,
    /// Time from the first byte of a head to its last (HTTP/1.1), and for the first request
    /// after a handshake.
    pub head_ms: u64,
    /// A body, in either direction, that does not move for this long fails.
    pub body_idle_ms: u64,
    /// An upgraded connection through which nothing moves, in either direction, is closed.
    pub tunnel_idle_ms: u64,
    /// Slowest request body accepted, in bytes per second averaged over 10 s; 0: any.
    pub min_body_rate: u64,
    pub max_head_bytes: usize,
    pub max_fields: usize,
    pub max_target_bytes: usize,
    /// Concurrent requests on one HTTP/2 or HTTP/3 connection.
    pub max_streams: u32,
    /// Streams that a peer may reset within 10 s before its connection is closed
    /// (CVE-2023-44487).
    pub max_resets: u32,
    /// Bytes of a request body that nobody wants which are still read, so that the client
    /// gets to see the answer.
    pub max_discard: u64,
    /// QUIC handshakes under way beyond which new peers must prove their address (RFC 9000
    /// 8.1.2).
    pub retry_above: usize,
}

impl Default for ListenerLimits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            max_connections_per_address: 4_096,
            handshake_ms: 10_000,
            idle_ms: 75_000,
            head_ms: 15_000,
            body_idle_ms: 60_000,
            tunnel_idle_ms: 600_000,
            min_body_rate: 64,
            max_head_bytes: 65_536,
            max_fields: 200,
            max_target_bytes: 16_384,
            max_streams: 128,
            max_resets: 400,
            max_discard: 262_144,
            retry_above: 256,
        }
    }
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpstreamOptions {
    /// `http://host:port` or `https://host:port`.
    pub origin: String,
    /// In order of preference: "h3", "h2", "h1". Empty: h1 for http, h2 then h1 for https.
    #[serde(default)]
    pub protocols: Vec<String>,
    #[serde(default)]
    pub tls: UpstreamTls,
    #[serde(default)]
    pub timeouts: Timeouts,
    #[serde(default)]
    pub pool: PoolOptions,
    /// False: h3 or failure, when h3 is preferred.
    #[serde(default = "yes")]
    pub fallback: bool,
    /// Addresses ("ip" or "ip:port") to use instead of asking DNS.
    #[serde(default)]
    pub addresses: Vec<String>,
    #[serde(default)]
    pub limits: UpstreamLimits,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamTls {
    /// PEM bundle; with it the system's roots are not used unless `roots` says so.
    pub ca: Option<String>,
    /// "system" or "none"; none given: "system" without `ca`, "none" with it.
    pub roots: Option<String>,
    /// Name to ask for and to verify instead of the origin's host.
    pub server_name: Option<String>,
    pub client_certificate: Option<Identity>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Timeouts {
    /// DNS, TCP, TLS or QUIC, together.
    pub connect_ms: u64,
    /// From the request sent (its head; while a body moves the clock restarts) to the head of
    /// the response.
    pub first_byte_ms: u64,
    /// A body that does not move.
    pub idle_ms: u64,
    /// Head start of HTTP/3 before TLS over TCP is tried beside it.
    pub head_start_ms: u64,
    /// First wait before HTTP/3 is probed again after it failed; doubles up to `reprobe_max_ms`.
    pub reprobe_ms: u64,
    pub reprobe_max_ms: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect_ms: 10_000,
            first_byte_ms: 60_000,
            idle_ms: 60_000,
            head_start_ms: 250,
            reprobe_ms: 5_000,
            reprobe_max_ms: 300_000,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct PoolOptions {
    /// Connections at once to this upstream, over all protocols.
    pub max_connections: usize,
    /// HTTP/1.1 connections kept while unused.
    pub max_idle: usize,
    /// Unused connections are closed after this.
    pub idle_ms: u64,
    /// Requests that may wait for a connection or a stream; beyond it `overload/pool`.
    pub max_waiting: usize,
    /// Requests at once on one HTTP/2 or HTTP/3 connection, below the peer's own limit.
    pub max_streams: usize,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self {
            max_connections: 256,
            max_idle: 128,
            idle_ms: 60_000,
            max_waiting: 4096,
            max_streams: 128,
        }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct UpstreamLimits {
    pub max_head_bytes: usize,
    pub max_fields: usize,
}

impl Default for UpstreamLimits {
    fn default() -> Self {
        Self {
            max_head_bytes: 65_536,
            max_fields: 200,
        }
    }
}
