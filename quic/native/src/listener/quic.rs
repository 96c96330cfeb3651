//! Accepts QUIC connections for HTTP/3.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use quinn::{AsyncTimer, AsyncUdpSocket, Incoming, Runtime, TokioRuntime, VarInt};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::census::Slot;
use super::setup::Tls;
use super::tcp::of_client;
use super::{Listener, transport};
use crate::config::ListenerLimits;
use crate::connection::{Connection, Version};
use crate::datagram::Single;
use crate::engine::lock;
use crate::fault;
use crate::serve;
use crate::tls;

/// RFC 9114 8.1.
const H3_NO_ERROR: VarInt = VarInt::from_u32(0x100);
const H3_INTERNAL_ERROR: VarInt = VarInt::from_u32(0x102);
/// What peers get to acknowledge the end of their connections.
const IDLE: Duration = Duration::from_millis(500);

/// An endpoint and the tasks that move its datagrams.
pub struct Endpoint {
    quic: Arc<quinn::Endpoint>,
    runtime: Arc<Tasks>,
}

/// Makes the endpoint on `socket`, from the crypto in `tls`, and leaves there what later swaps need.
pub fn endpoint(
    socket: UdpSocket,
    tls: &mut Tls,
    limits: &ListenerLimits,
) -> Result<Endpoint, String> {
    let crypto = tls.crypto.take().ok_or("quic.tls is missing")?;
    let server = transport::server(crypto, limits);
    let runtime = Arc::new(Tasks::default());
    let quic = quinn::Endpoint::new(
        transport::endpoint(),
        Some(server.clone()),
        socket,
        runtime.clone(),
    )
    .map_err(|error| format!("cannot serve quic: {error}"))?;
    let quic = Arc::new(quic);
    tls.quic = Some(server);
    tls.endpoint = Arc::downgrade(&quic);
    Ok(Endpoint { quic, runtime })
}

/// `tcp` is dropped when the listener's TCP connections are all gone: until then new QUIC
/// connections are refused, not ignored.
pub async fn run(listener: Arc<Listener>, endpoint: Endpoint, tcp: oneshot::Receiver<()>) {
    let mut tasks = JoinSet::new();
    accept(&listener, &endpoint.quic, tcp, &mut tasks).await;
    // Aborted tasks reset their streams as they go; the close tells that this was no clean end.
    listener
        .finish(&mut tasks, || {
            endpoint.quic.close(H3_INTERNAL_ERROR, b"");
        })
        .await;
    endpoint.quic.close(H3_NO_ERROR, b"");
    let _ = tokio::time::timeout(IDLE, endpoint.quic.wait_idle()).await;
    drop(endpoint.quic);
    endpoint.runtime.end().await;
}

/// Ends when all connections have ended after draining began, or when the rest is to be cut.
async fn accept(
    listener: &Arc<Listener>,
    quic: &quinn::Endpoint,
    mut tcp: oneshot::Receiver<()>,
    tasks: &mut JoinSet<()>,
) {
    let draining = listener.drain.draining();
    let cut = listener.drain.cut();
    tokio::pin!(draining, cut);
    let mut open = true;
    let mut beside = true;
    while open || beside || !tasks.is_empty() {
        tokio::select! {
            biased;
            () = &mut cut => return,
            () = &mut draining, if open => open = false,
            _ = &mut tcp, if beside => beside = false,
            Some(task) = tasks.join_next(), if !tasks.is_empty() => listener.reap(task),
            incoming = quic.accept() => match incoming {
                // RFC 9000 5.2.2: CONNECTION_REFUSED, so that the client looks elsewhere at once
                // instead of asking again until its own time is over.
                Some(incoming) if !open => incoming.refuse(),
                Some(incoming) => admit(listener, quic, tasks, incoming),
                None => {
                    listener.accept_failed("the udp socket failed".into());
                    return;
                }
            },
        }
    }
}

fn admit(
    listener: &Arc<Listener>,
    quic: &quinn::Endpoint,
    tasks: &mut JoinSet<()>,
    incoming: Incoming,
) {
    let under_way = listener.handshakes.load(Ordering::Relaxed);
    if under_way >= listener.limits().retry_above
        && !incoming.remote_address_validated()
        && incoming.may_retry()
    {
        // RFC 9000 8.1.2. The only error is an attempt that was sent to retry already.
        let _ = incoming.retry();
        listener.shared.stats.quic_retries.up();
        return;
    }
    let Some(slot) = Slot::take(listener, incoming.remote_address()) else {
        incoming.refuse();
        return;
    };
    let handshake = Handshake::begin(listener);
    let local = quic.local_addr();
    tasks.spawn(async move {
        if let Ok(local) = local {
            connection(slot, handshake, incoming, local).await;
        }
    });
}

async fn connection(slot: Slot, handshake: Handshake, incoming: Incoming, local: SocketAddr) {
    let listener = Arc::clone(slot.listener());
    let limit = Duration::from_millis(slot.limits().handshake_ms);
    let fail = |code, reason| listener.handshake_failed(slot.remote(), "quic", code, reason);
    let outcome = match incoming.accept() {
        Ok(connecting) => listener.hurried(limit, connecting).await,
        Err(error) => Some(Err(error)),
    };
    drop(handshake);
    let quic = match outcome {
        Some(Ok(quic)) => quic,
        Some(Err(error)) => return fail(of_client(tls::fault(&error)), error.to_string()),
        None => {
            if !listener.drain.is_draining() {
                fail(&fault::TIMEOUT_HANDSHAKE, "handshake timed out".into());
            }
            return;
        }
    };
    let ip = quic.local_ip().unwrap_or(local.ip());
    let local = SocketAddr::new(ip, local.port());
    let peer = tls::Peer::of_quic(&quic);
    let connection = Connection::new(slot, local, Some(peer), Version::Http3);
    serve::http3::serve(quic, connection).await;
}

/// One of the handshakes under way.
struct Handshake(Arc<Listener>);

impl Handshake {
    fn begin(listener: &Arc<Listener>) -> Self {
        listener.handshakes.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(listener))
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.0.handshakes.fetch_sub(1, Ordering::Relaxed);
    }
}

/// tokio for quinn, which otherwise spawns tasks that nobody can end: they would keep the socket
/// open for as long as peers do not acknowledge the end of their connections.
#[derive(Debug, Default)]
struct Tasks(Mutex<JoinSet<()>>);

impl Tasks {
    async fn end(&self) {
        let mut tasks = std::mem::take(&mut *lock(&self.0));
        tasks.shutdown().await;
    }
}

impl Runtime for Tasks {
    fn new_timer(&self, at: Instant) -> Pin<Box<dyn AsyncTimer>> {
        TokioRuntime.new_timer(at)
    }

    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let mut tasks = lock(&self.0);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(future);
    }

    fn wrap_udp_socket(&self, socket: UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let socket = TokioRuntime.wrap_udp_socket(socket)?;
        Ok(Arc::new(Single::new(socket)))
    }

    fn now(&self) -> Instant {
        TokioRuntime.now()
    }
}
