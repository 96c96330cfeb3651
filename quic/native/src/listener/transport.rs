//! QUIC's transport parameters for a listener: what they are and what each trades.

use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::QuicServerConfig;
use quinn::{
    EndpointConfig, IdleTimeout, MtuDiscoveryConfig, ServerConfig, TransportConfig, VarInt,
};

use crate::config::ListenerLimits;

/// Bytes of a request body that the peer may send before we read them: what one stalled upload
/// holds at most. Throughput of one upload is at most this per round trip: 512 MB/s at 1 ms,
/// 10 MB/s at 50 ms.
const STREAM_RECEIVE: u32 = 512 << 10;
/// The same over all streams of a connection: 32 uploads have to stall before the others on the
/// connection are held up, as over HTTP/2. More would let one client make us hold more.
const RECEIVE: u32 = 32 * STREAM_RECEIVE;
/// Bytes of answers kept until the peer acknowledges them, over all streams of a connection; what
/// the peer's flow control does not admit is never taken from the upstream in the first place, so
/// that a reader that stalls in good order holds next to nothing here, and one that stops
/// acknowledging holds this. Throughput is at most this per round trip: 400 MB/s up to 5 ms, which
/// a busy pair of processes on loopback reaches; 20 MB/s at 100 ms.
const SEND: u64 = 2 << 20;
/// The control stream and QPACK's two streams, and some of types to be ignored (RFC 9114 6.2).
const UNI_STREAMS: u32 = 16;
/// Connection attempts that wait to be looked at; looking at one takes microseconds.
const INCOMING: usize = 1024;
/// First flights of one attempt, and of all of them, kept meanwhile.
const INCOMING_BYTES: u64 = 64 << 10;
const INCOMING_BYTES_TOTAL: u64 = 16 << 20;
/// RFC 9000 14: every path carries datagrams of this size. Discovery raises it from there.
const INITIAL_MTU: u16 = 1200;
/// RFC 9000 15.
const QUIC_V1: u32 = 1;

/// Keys for stateless resets are random for each endpoint.
/// No PINGs more often than this.
const KEEP_ALIVE: Duration = Duration::from_millis(50);

pub fn endpoint() -> EndpointConfig {
    let mut config = EndpointConfig::default();
    // RFC 9114 is for version 1; drafts are not served.
    config.supported_versions(vec![QUIC_V1]);
    config
}

/// Keys for retry tokens are random for each call.
pub fn server(crypto: Arc<QuicServerConfig>, limits: &ListenerLimits) -> ServerConfig {
    let mut config = ServerConfig::with_crypto(crypto);
    config
        .transport_config(Arc::new(transport(limits)))
        // A client that changes its address (RFC 9000 9) keeps its connection.
        .migration(true)
        .max_incoming(INCOMING)
        .incoming_buffer_size(INCOMING_BYTES)
        .incoming_buffer_size_total(INCOMING_BYTES_TOTAL);
    config
}

pub fn transport(limits: &ListenerLimits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    // Milliseconds beyond a VarInt are beyond any use.
    let idle = IdleTimeout::try_from(Duration::from_millis(limits.idle_ms)).ok();
    transport
        .stream_receive_window(VarInt::from_u32(STREAM_RECEIVE))
        .receive_window(VarInt::from_u32(RECEIVE))
        .send_window(SEND)
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.max_streams))
        .max_concurrent_uni_streams(VarInt::from_u32(UNI_STREAMS))
        .max_idle_timeout(idle)
        // A request that waits for its answer is not idle, though nothing moves (RFC 9114 5.1 leaves
        // the keeping alive to clients, and not all do). Connections without requests are closed by
        // `serve`, and peers that are gone answer no PING.
        .keep_alive_interval(Some(
            Duration::from_millis(limits.idle_ms / 3).max(KEEP_ALIVE),
        ))
        .datagram_receive_buffer_size(None)
        .initial_mtu(INITIAL_MTU)
        .mtu_discovery_config(Some(MtuDiscoveryConfig::default()))
        // BBR would cope better with random loss, and takes more than its share beside cubic;
        // quinn's is marked experimental.
        .congestion_controller_factory(Arc::new(CubicConfig::default()));
    transport
}
