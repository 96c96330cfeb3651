//! The sockets under HTTP/3 to upstreams: one per engine and address family, made when first
//! needed, shared by all connections.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use quinn::{
    ClientConfig, ConnectError, Connection, Endpoint, EndpointConfig, Runtime, TokioRuntime,
};
use quinn::{TransportConfig, VarInt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::{Instant, timeout, timeout_at};

use crate::datagram::Single;
use crate::engine::lock;
use crate::fault::{self, Fault};
use crate::tls;

/// Bytes of one answer that may wait for a reader: what a stalled client makes us hold. One stream
/// moves at most this much per round trip: 256 MB/s at 1 ms, 5 MB/s at 50 ms, as over HTTP/2.
const STREAM_WINDOW: u32 = 256 << 10;
/// Bytes of requests that are sent and not acknowledged, of a whole connection.
const SEND_WINDOW: u64 = 4 << 20;
/// A peer that answers nothing for this long is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// Well below `SILENCE`, so that a lost packet does not end the connection, and below the 30 s
/// after which many NATs forget a UDP flow. An unused connection is kept alive too, until the
/// pool closes it after `pool.idleMs`.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Control, both QPACK streams, and some of unknown types (RFC 9114 6.2.3).
const UNI_STREAMS: u32 = 8;
/// Asked of the kernel, which may give less; the default drops packets in a burst.
const SOCKET_BUFFER: usize = 2 << 20;
/// What closing connections get to be heard (RFC 9000 10.2: three times the probe timeout).
const FAREWELL: Duration = Duration::from_millis(500);
/// RFC 9114 8.1.
pub const H3_NO_ERROR: u32 = 0x100;

/// `streams`: requests at once on one connection. All of their answers may stall and still leave
/// room in the connection's window, or they would stop the others on it.
pub fn transport(streams: usize) -> Arc<TransportConfig> {
    let streams = u64::try_from(streams).unwrap_or(u64::MAX);
    let window = u64::from(STREAM_WINDOW).saturating_mul(streams.saturating_add(1));
    let mut config = TransportConfig::default();
    config
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(VarInt::from_u64(window).unwrap_or(VarInt::MAX))
        .send_window(SEND_WINDOW)
        // RFC 9114 6.1: servers open no bidirectional streams.
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .max_concurrent_uni_streams(UNI_STREAMS.into())
        .datagram_receive_buffer_size(None)
        .keep_alive_interval(Some(KEEP_ALIVE));
    if let Ok(silence) = SILENCE.try_into() {
        config.max_idle_timeout(Some(silence));
    }
    Arc::new(config)
}

#[derive(Default)]
pub struct QuicClient {
    v4: Mutex<Option<Endpoint>>,
    v6: Mutex<Option<Endpoint>>,
}

impl QuicClient {
    /// Completes the handshake, or fails at `deadline`.
    pub fn connect(
        &self,
        config: ClientConfig,
        remote: SocketAddr,
        name: &str,
        deadline: Instant,
    ) -> impl Future<Output = Result<Connection, Fault>> + use<> {
        let connecting = self.begin(config, remote, name);
        async move {
            match timeout_at(deadline, connecting?).await {
                Ok(Ok(connection)) => Ok(connection),
                Ok(Err(error)) => Err(Fault::new(
                    tls::fault(&error),
                    format!("quic to {remote}: {error}"),
                )),
                Err(_) => Err(Fault::new(
                    &fault::CONNECT_TIMEOUT,
                    format!("quic to {remote}: no handshake in time"),
                )),
            }
        }
    }

    /// Ends all connections, and lets go of the sockets once the peers can know: one that was not
    /// told would wait for its idle time.
    pub async fn close(&self) {
        for endpoint in [&self.v4, &self.v6] {
            let endpoint = lock(endpoint).take();
            if let Some(endpoint) = endpoint {
                endpoint.close(VarInt::from_u32(H3_NO_ERROR), b"");
                let _ = timeout(FAREWELL, endpoint.wait_idle()).await;
            }
        }
    }

    fn begin(
        &self,
        config: ClientConfig,
        remote: SocketAddr,
        name: &str,
    ) -> Result<quinn::Connecting, Fault> {
        let unreachable = |detail: String| {
            let detail = format!("quic to {remote}: {detail}");
            Fault::new(&fault::CONNECT_UNREACHABLE, detail)
        };
        let family = match remote {
            SocketAddr::V4(_) => &self.v4,
            SocketAddr::V6(_) => &self.v6,
        };
        let mut slot = lock(family);
        let mut again = slot.is_some();
        loop {
            let endpoint = match slot.as_ref() {
                Some(endpoint) => endpoint,
                None => slot.insert(bind(remote).map_err(|error| unreachable(error.to_string()))?),
            };
            match endpoint.connect_with(config.clone(), remote, name) {
                Ok(connecting) => return Ok(connecting),
                // Its socket failed since it was last used; a new one may do.
                Err(ConnectError::EndpointStopping) if again => {
                    again = false;
                    *slot = None;
                }
                Err(error) => return Err(unreachable(error.to_string())),
            }
        }
    }
}

fn bind(remote: SocketAddr) -> io::Result<Endpoint> {
    let (domain, local) = match remote {
        SocketAddr::V4(_) => (Domain::IPV4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        SocketAddr::V6(_) => (Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
    };
    let socket = Socket::new(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if domain == Domain::IPV6 {
        socket.set_only_v6(true)?;
    }
    // The kernel's own bounds apply; less is slower, not wrong.
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&local.into())?;
    let runtime = Arc::new(TokioRuntime);
    let socket = runtime.wrap_udp_socket(socket.into())?;
    Endpoint::new_with_abstract_socket(
        EndpointConfig::default(),
        None,
        Arc::new(Single::new(socket)),
        runtime,
    )
}
