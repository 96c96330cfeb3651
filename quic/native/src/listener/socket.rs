//! The sockets of a listener.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

use super::Refusal;
use crate::config::ListenOptions;

/// Connections that the kernel completes before they are accepted; its own maximum
/// (net.core.somaxconn) may be lower.
pub const BACKLOG: i32 = 1024;
/// Asked for each direction of the UDP socket. One socket carries all HTTP/3 connections, and what
/// does not fit while the engine is busy is lost. Linux gives at most net.core.rmem_max.
const UDP_BUFFER: usize = 4 << 20;
/// Attempts to find a port that is free for TCP and UDP alike.
const ATTEMPTS: usize = 32;

pub struct Sockets {
    pub tcp: Option<TcpListener>,
    pub udp: Option<UdpSocket>,
    pub address: IpAddr,
    /// TCP's port; UDP's, when there is no TCP.
    pub port: u16,
    pub quic_port: Option<u16>,
}

/// Opens what `options` asks for. With port 0, UDP gets the number that TCP got.
pub fn open(options: &ListenOptions) -> Result<Sockets, Refusal> {
    let bare = options
        .address
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(&options.address);
    let address: IpAddr = bare
        .parse()
        .map_err(|_| format!("address is {:?}: must be an ip address", options.address))?;
    match open_at(options, address) {
        // A host without IPv6: all of its addresses are IPv4's.
        Err(Failure { error, .. })
            if address.is_unspecified() && address.is_ipv6() && lacks_address(&error) =>
        {
            open_at(options, Ipv4Addr::UNSPECIFIED.into())
        }
        opened => opened,
    }
    .map_err(|failure| Refusal {
        code: code_of(&failure.error),
        detail: format!(
            "cannot listen on {} {}: {}",
            failure.transport, failure.address, failure.error
        ),
    })
}

/// What can be done about it differs: another port, a right, another address.
fn code_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => "listen/in-use",
        io::ErrorKind::PermissionDenied => "listen/denied",
        _ if lacks_address(error) => "listen/unavailable",
        _ => "listen/failed",
    }
}

struct Failure {
    transport: &'static str,
    address: SocketAddr,
    error: io::Error,
}

fn open_at(options: &ListenOptions, ip: IpAddr) -> Result<Sockets, Failure> {
    let failed = |transport, port| {
        move |error| Failure {
            transport,
            address: SocketAddr::new(ip, port),
            error,
        }
    };
    let mut attempt = 0;
    loop {
        attempt += 1;
        let mut port = options.port;
        let mut tcp = None;
        if options.tcp.is_some() {
            let socket = tcp_socket(SocketAddr::new(ip, port)).map_err(failed("tcp", port))?;
            port = socket.local_addr().map_err(failed("tcp", port))?.port();
            tcp = Some(socket);
        }
        let mut udp = None;
        if let Some(quic) = &options.quic {
            let wanted = quic.port.unwrap_or(port);
            match udp_socket(SocketAddr::new(ip, wanted)) {
                Ok(socket) => udp = Some(socket),
                // Someone else's UDP socket has the number that the kernel chose for TCP.
                Err(error)
                    if error.kind() == io::ErrorKind::AddrInUse
                        && tcp.is_some()
                        && options.port == 0
                        && quic.port.is_none()
                        && attempt < ATTEMPTS =>
                {
                    continue;
                }
                Err(error) => return Err(failed("udp", wanted)(error)),
            }
        }
        let quic_port = match &udp {
            Some(udp) => Some(udp.local_addr().map_err(failed("udp", port))?.port()),
            None => None,
        };
        return Ok(Sockets {
            port: if tcp.is_some() {
                port
            } else {
                quic_port.unwrap_or(port)
            },
            quic_port,
            tcp,
            udp,
            address: ip,
        });
    }
}

fn tcp_socket(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // Connections of an earlier process in TIME_WAIT must not keep a new one from listening. On
    // Windows the option means something else: that others may take the port over.
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    bind(&socket, address)?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn udp_socket(address: SocketAddr) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    // No SO_REUSEADDR: for UDP it would let two processes share the port, and lose datagrams.
    bind(&socket, address)?;
    // A smaller buffer works too, only not as well.
    let _ = socket.set_recv_buffer_size(UDP_BUFFER);
    let _ = socket.set_send_buffer_size(UDP_BUFFER);
    tracing::debug!(
        receive = socket.recv_buffer_size().unwrap_or(0),
        send = socket.send_buffer_size().unwrap_or(0),
        asked = UDP_BUFFER,
        "udp buffers"
    );
    Ok(socket.into())
}

fn bind(socket: &Socket, address: SocketAddr) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // "::" serves IPv4 too, whatever the system's default is; where a system cannot, IPv6
        // alone is served.
        let _ = socket.set_only_v6(false);
    }
    socket.bind(&address.into())
}

/// The host has no such address, or none of its family.
fn lacks_address(error: &io::Error) -> bool {
    // EAFNOSUPPORT has no stable kind; libc's number differs between systems.
    const EAFNOSUPPORT: i32 = if cfg!(target_os = "linux") { 97 } else { 47 };
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn options(json: serde_json::Value) -> ListenOptions {
        serde_json::from_value(json).unwrap()
    }

    #[tokio::test]
    async fn with_port_zero_udp_gets_the_port_that_tcp_got() {
        let both = options(serde_json::json!({
            "address": "127.0.0.1", "port": 0, "tcp": {}, "quic": {},
        }));
        let sockets = open(&both).unwrap();
        assert_ne!(sockets.port, 0);
        assert_eq!(sockets.quic_port, Some(sockets.port));
    }

    #[tokio::test]
    async fn quic_alone_reports_its_own_port() {
        let quic = options(serde_json::json!({
            "address": "127.0.0.1", "port": 0, "quic": {},
        }));
        let sockets = open(&quic).unwrap();
        assert!(sockets.tcp.is_none());
        assert_eq!(sockets.quic_port, Some(sockets.port));
    }

    #[tokio::test]
    async fn the_unspecified_ipv6_address_serves_ipv4_too() {
        let any = options(serde_json::json!({ "address": "::", "port": 0, "tcp": {} }));
        let sockets = open(&any).unwrap();
        let tcp = sockets.tcp.unwrap();
        let (client, accepted) = tokio::join!(
            tokio::net::TcpStream::connect(("127.0.0.1", sockets.port)),
            tcp.accept()
        );
        client.unwrap();
        accepted.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_bound_is_named() {
        let first = options(serde_json::json!({
            "address": "127.0.0.1", "port": 0, "tcp": {},
        }));
        let held = open(&first).unwrap();
        let mut second = first.clone();
        second.port = held.port;
        let error = open(&second).err().unwrap();
        assert_eq!(error.code, "listen/in-use");
        assert!(
            error
                .detail
                .starts_with(&format!("cannot listen on tcp 127.0.0.1:{}: ", held.port)),
            "{error:?}"
        );
        second.address = "localhost".into();
        let error = open(&second).err().unwrap();
        assert_eq!(error.code, "listen/failed");
        assert_eq!(
            error.detail,
            "address is \"localhost\": must be an ip address"
        );
    }

    #[test]
    fn the_reasons_that_call_for_different_remedies_have_codes() {
        let code = |kind: io::ErrorKind| code_of(&io::Error::from(kind));
        assert_eq!(code(io::ErrorKind::AddrInUse), "listen/in-use");
        // EACCES is of that kind: a port that is not for everybody.
        assert_eq!(code(io::ErrorKind::PermissionDenied), "listen/denied");
        assert_eq!(code(io::ErrorKind::AddrNotAvailable), "listen/unavailable");
        assert_eq!(code(io::ErrorKind::OutOfMemory), "listen/failed");
    }
}
