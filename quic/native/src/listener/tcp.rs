//! Accepts TCP connections, and brings each to the protocol that it speaks.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::census::Slot;
use super::{Listener, sniff, socket};
use crate::connection::{Connection, Version};
use crate::engine::lock;
use crate::fault::{self, Code};
use crate::io::Io;
use crate::serve;
use crate::tls::{self, H2};

/// Wait after a failed accept. It fails for want of something (descriptors, memory) that other
/// connections have to free first; the first wait is this, each further one twice as long.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);

pub async fn run(listener: Arc<Listener>, socket: TcpListener) {
    let mut tasks = JoinSet::new();
    accept(&listener, &socket, &mut tasks).await;
    backlog(&listener, &socket, &mut tasks).await;
    // From here on the kernel refuses.
    drop(socket);
    listener.finish(&mut tasks, || {}).await;
}

async fn accept(listener: &Arc<Listener>, socket: &TcpListener, tasks: &mut JoinSet<()>) {
    let draining = listener.drain.draining();
    tokio::pin!(draining);
    let mut pause = PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => return,
            Some(task) = tasks.join_next(), if !tasks.is_empty() => {
                listener.reap(task);
                continue;
            }
            accepted = socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, remote)) => {
                pause = PAUSE;
                admit(listener, tasks, stream, remote);
            }
            // That connection went away while it waited.
            Err(error) if is_of_connection(&error) => {}
            Err(error) => {
                listener.accept_failed(error.to_string());
                tokio::select! {
                    () = &mut draining => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Closing the socket would reset those whose connection the kernel had completed already, and
/// who may have sent a request.
async fn backlog(listener: &Arc<Listener>, socket: &TcpListener, tasks: &mut JoinSet<()>) {
    // Without `unconstrained`, tokio's budget could say "pending" with connections left.
    tokio::task::unconstrained(async {
        for _ in 0..socket::BACKLOG {
            match poll_fn(|cx| Poll::Ready(socket.poll_accept(cx))).await {
                Poll::Ready(Ok((stream, remote))) => admit(listener, tasks, stream, remote),
                Poll::Ready(Err(error)) if is_of_connection(&error) => {}
                Poll::Ready(Err(_)) | Poll::Pending => return,
            }
        }
    })
    .await;
}

fn is_of_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

fn admit(listener: &Arc<Listener>, tasks: &mut JoinSet<()>, stream: TcpStream, remote: SocketAddr) {
    // Over a limit the stream is dropped, and so closed, here.
    if let Some(slot) = Slot::take(listener, remote) {
        tasks.spawn(connection(slot, stream));
    }
}

async fn connection(slot: Slot, stream: TcpStream) {
    // Nagle's algorithm would hold back the end of an answer until the client acknowledges its
    // beginning.
    let _ = stream.set_nodelay(true);
    let Ok(local) = stream.local_addr() else {
        return;
    };
    let config = lock(&slot.listener().tls).tcp.clone();
    match config {
        Some(config) => encrypted(slot, stream, local, config).await,
        None => plain(slot, stream, local).await,
    }
}

async fn encrypted(
    slot: Slot,
    stream: TcpStream,
    local: SocketAddr,
    config: Arc<rustls::ServerConfig>,
) {
    let listener = Arc::clone(slot.listener());
    let limit = Duration::from_millis(slot.limits().handshake_ms);
    let accepted = listener
        .hurried(limit, TlsAcceptor::from(config).accept(stream))
        .await;
    let fail = |code, reason| listener.handshake_failed(slot.remote(), "tcp", code, reason);
    let stream = match accepted {
        Some(Ok(stream)) => stream,
        Some(Err(error)) => return fail(of_client(tls::fault(&error)), error.to_string()),
        None => {
            if !listener.drain.is_draining() {
                fail(&fault::TIMEOUT_HANDSHAKE, "handshake timed out".into());
            }
            return;
        }
    };
    let peer = tls::Peer::of_tls(stream.get_ref().1);
    let version = if peer.alpn.as_deref() == Some(H2) {
        Version::Http2
    } else {
        Version::Http1
    };
    if version == Version::Http1 && !listener.http1 {
        // RFC 9113 3.3: HTTP/2 over TLS is agreed on by ALPN, which this client did without.
        return fail(&fault::TLS_ALPN, "the client offered no protocol".into());
    }
    let io = Io::Tls(Box::new(stream.into()));
    serve(io, slot, local, Some(peer), version).await;
}

async fn plain(slot: Slot, stream: TcpStream, local: SocketAddr) {
    let listener = slot.listener();
    let version = match (listener.http1, listener.http2) {
        (false, _) => Version::Http2,
        (_, false) => Version::Http1,
        _ => {
            let limit = Duration::from_millis(slot.limits().head_ms);
            tokio::select! {
                biased;
                found = sniff::preface(&stream) => match found {
                    Ok(true) => Version::Http2,
                    Ok(false) => Version::Http1,
                    Err(_) => return,
                },
                () = tokio::time::sleep(limit) => return,
                // Nothing, or next to nothing, has arrived: there is no request to finish.
                () = listener.drain.draining() => return,
            }
        }
    };
    serve(Io::Tcp(stream), slot, local, None, version).await;
}

async fn serve(io: Io, slot: Slot, local: SocketAddr, peer: Option<tls::Peer>, version: Version) {
    let connection = Connection::new(slot, local, peer, version);
    match version {
        Version::Http2 => serve::http2::serve(io, connection).await,
        _ => serve::http1::serve(io, connection).await,
    }
}

/// Codes that are written from the view of whoever connects, seen from the other side.
pub fn of_client(code: &'static Code) -> &'static Code {
    if *code == fault::CONNECT_TIMEOUT {
        &fault::TIMEOUT_HANDSHAKE
    } else if code.code.starts_with("connect/") {
        &fault::CLIENT_CANCELLED
    } else {
        code
    }
}
