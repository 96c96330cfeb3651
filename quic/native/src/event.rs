//! What the engine tells about itself: events for the log, and counters for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// One event. `type` is the discriminator that TypeScript sees.
#[derive(Clone, Debug, Serialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    ListenerUp {
        listener: u32,
        address: String,
        port: u16,
        /// UDP port, when HTTP/3 is served.
        quic_port: Option<u16>,
        protocols: Vec<&'static str>,
    },
    ListenerDown {
        listener: u32,
        /// Exchanges cut off because the grace period had ended.
        cut: u64,
    },
    /// A TLS or QUIC handshake that failed, on a listener.
    HandshakeFailed {
        listener: u32,
        remote_address: String,
        transport: &'static str,
        code: &'static str,
        reason: String,
    },
    /// A limit was hit. `limit` is its configuration key.
    Limit {
        listener: Option<u32>,
        upstream: Option<u32>,
        remote_address: Option<String>,
        limit: &'static str,
    },
    /// A request that no exchange was made of, because its head was refused.
    RequestRefused {
        listener: u32,
        remote_address: String,
        protocol: u8,
        status: u16,
        code: &'static str,
        reason: String,
    },
    /// A connection that ended because one side found fault with the other.
    ConnectionFailed {
        listener: u32,
        remote_address: String,
        protocol: u8,
        code: &'static str,
        /// The code on the wire (RFC 9113 7, RFC 9114 8.1, RFC 9000 20).
        wire_code: Option<u64>,
        reason: String,
    },
    Fallback {
        upstream: u32,
        from: &'static str,
        to: &'static str,
        code: &'static str,
        reason: String,
        /// Until HTTP/3 is probed again.
        next_ms: u64,
    },
    Reprobe {
        upstream: u32,
        ok: bool,
        next_ms: u64,
    },
    /// GOAWAY, on a connection of a listener or of an upstream.
    Goaway {
        listener: Option<u32>,
        upstream: Option<u32>,
        sent: bool,
        protocol: u8,
    },
    /// The number of heads that wait for JavaScript passed half its bound, or fell back.
    QueueDepth {
        waiting: usize,
        limit: usize,
    },
    AcceptFailed {
        listener: u32,
        reason: String,
    },
    Panic {
        exchange: f64,
        reason: String,
    },
    RecordsDropped {
        count: u64,
    },
}

/// A counter or gauge.
#[derive(Default)]
pub struct Count(AtomicU64);

impl Count {
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub fn up(&self) {
        self.add(1);
    }

    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// Counters since the engine started, and gauges (names that begin with `open` or `waiting`).
        #[derive(Default)]
        pub struct Stats { $($(#[$doc])* pub $name: Count,)* }

        impl Stats {
            pub fn json(&self) -> serde_json::Map<String, serde_json::Value> {
                let mut map = serde_json::Map::new();
                $(map.insert(camel(stringify!($name)), self.$name.get().into());)*
                map
            }
        }
    };
}

stats! {
    /// Connections of listeners, by protocol, open now and ever.
    open_http1 open_http2 open_http3
    accepted_http1 accepted_http2 accepted_http3
    /// Connections to upstreams.
    open_upstream_http1 open_upstream_http2 open_upstream_http3
    connected_http1 connected_http2 connected_http3
    reused
    connect_failures
    handshake_failures
    /// Connections of listeners that ended because one side found fault with the other.
    connection_failures
    /// QUIC handshakes that were sent back to prove their address.
    quic_retries
    limits_hit
    requests_refused
    /// Exchanges under way and ever.
    open_exchanges exchanges failed_exchanges
    retried_exchanges
    fallbacks reprobes
    goaway_sent goaway_received
    bytes_in bytes_out
    /// Trailers that a message framed by length over HTTP/1.1 could not carry.
    trailers_dropped
    panics
    records_dropped events_dropped
    queue_refused decision_timeouts
    turns wakes
}

fn camel(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut upper = false;
    for c in name.chars() {
        if c == '_' {
            upper = true;
        } else if upper {
            out.extend(c.to_uppercase());
            upper = false;
        } else {
            out.push(c);
        }
    }
    out
}
