//! A byte stream to an upstream: TCP, and TLS over it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::{TlsConnector, TlsStream};

use super::race::race;
use crate::fault::{self, Code, Fault};
use crate::io::Io;
use crate::tls;

/// The kernel asks a silent peer after this, and gives it up 10 s later: no pooled connection
/// leads to a host that is gone for much longer than that.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);

pub async fn connect(
    addresses: &[SocketAddr],
    deadline: Instant,
) -> Result<(TcpStream, SocketAddr), Fault> {
    race(addresses, |remote| async move {
        let tcp = match timeout_at(deadline, TcpStream::connect(remote)).await {
            Ok(Ok(tcp)) => tcp,
            Ok(Err(error)) => {
                let detail = format!("tcp to {remote}: {error}");
                return Err(Fault::new(code(&error), detail));
            }
            Err(_) => {
                let detail = format!("tcp to {remote}: not connected in time");
                return Err(Fault::new(&fault::CONNECT_TIMEOUT, detail));
            }
        };
        tune(&tcp);
        Ok(tcp)
    })
    .await
}

/// What ALPN chose comes beside.
pub async fn secure(
    tcp: TcpStream,
    remote: SocketAddr,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    deadline: Instant,
) -> Result<(Io, Option<Vec<u8>>), Fault> {
    match timeout_at(deadline, TlsConnector::from(config).connect(name, tcp)).await {
        Ok(Ok(stream)) => {
            let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            Ok((Io::Tls(Box::new(TlsStream::Client(stream))), alpn))
        }
        Ok(Err(error)) => Err(Fault::new(
            tls::fault(&error),
            format!("tls to {remote}: {error}"),
        )),
        Err(_) => Err(Fault::new(
            &fault::CONNECT_TIMEOUT,
            format!("tls to {remote}: no handshake in time"),
        )),
    }
}

/// None of these is worth failing for.
fn tune(tcp: &TcpStream) {
    let _ = tcp.set_nodelay(true);
    let keep_alive = TcpKeepalive::new()
        .with_time(KEEP_ALIVE)
        .with_interval(KEEP_ALIVE_INTERVAL);
    let _ = SockRef::from(tcp).set_tcp_keepalive(&keep_alive);
}

fn code(error: &io::Error) -> &'static Code {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => &fault::CONNECT_REFUSED,
        io::ErrorKind::TimedOut => &fault::CONNECT_TIMEOUT,
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => &fault::CONNECT_CLOSED,
        // No route, no permission, no descriptor, no local port.
        _ => &fault::CONNECT_UNREACHABLE,
    }
}
