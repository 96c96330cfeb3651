//! Connections while they live: their tasks, keep-alive, idle time, and probes of HTTP/3.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use h2::{Ping, PingPong};
use harmony_http3::{Cause, ConnectionError};
use harmony_stream::StreamError;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use super::dial::Attempt;
use super::origin::Protocol;
use super::pool::Dial;
use super::share::{Link, Share, Solo, WeakShare};
use super::{Upstream, lock, millis};
use crate::engine::Shared;
use crate::event::Event;
use crate::http2;

/// An HTTP/2 peer with streams under way is asked whether it lives this often...
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// ...and is given up when it does not say so in this time. Also the bound on its SETTINGS.
const PONG: Duration = Duration::from_secs(10);
/// What a connection that nobody uses any more gets to say goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

type Driver<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A new connection.
pub(super) enum Made {
    Http1(Solo),
    Http2 {
        requester: http2::client::Requester,
        ping: PingPong,
        driver: Driver<Option<StreamError>>,
        remote: SocketAddr,
    },
    Http3 {
        requester: harmony_http3::client::Requester,
        driver: Driver<ConnectionError>,
        remote: SocketAddr,
    },
}

impl Made {
    pub fn protocol(&self) -> Protocol {
        match self {
            Made::Http1(_) => Protocol::Http1,
            Made::Http2 { .. } => Protocol::Http2,
            Made::Http3 { .. } => Protocol::Http3,
        }
    }
}

impl Upstream {
    /// Takes a new connection into the pool, and drives it if it needs that.
    pub(super) fn adopt(self: &Arc<Self>, dial: Dial, made: Made) {
        let rank = self.origin.rank(made.protocol());
        match made {
            Made::Http1(solo) => {
                self.count(|stats| {
                    stats.connected_http1.up();
                    stats.open_upstream_http1.up();
                });
                let now = Instant::now();
                self.with(|pool, fx| pool.connected_solo(dial, solo, now, fx));
            }
            Made::Http2 {
                requester,
                ping,
                driver,
                remote,
            } => {
                self.count(|stats| {
                    stats.connected_http2.up();
                    stats.open_upstream_http2.up();
                });
                let (share, gone) = Share::new(Link::Http2(requester), remote, rank);
                let weak = share.downgrade();
                let id = self.admit(dial, share);
                let this = Arc::downgrade(self);
                let ended = Ended {
                    upstream: this.clone(),
                    shared: self.shared.clone(),
                    id,
                    protocol: Protocol::Http2,
                    clean: false,
                };
                self.spawn(async move {
                    let _ended = ended;
                    tokio::select! {
                        _ = until_gone(driver, gone) => {}
                        () = keep_alive(this, weak, id, ping) => {}
                    }
                });
            }
            Made::Http3 {
                requester,
                driver,
                remote,
            } => {
                self.count(|stats| {
                    stats.connected_http3.up();
                    stats.open_upstream_http3.up();
                });
                self.recovered();
                let settings = requester.clone();
                let (share, gone) = Share::new(Link::Http3(requester), remote, rank);
                let id = self.admit(dial, share);
                let this = Arc::downgrade(self);
                let ended = Ended {
                    upstream: this.clone(),
                    shared: self.shared.clone(),
                    id,
                    protocol: Protocol::Http3,
                    clean: false,
                };
                self.spawn(async move {
                    let mut ended = ended;
                    tokio::select! {
                        end = until_gone(driver, gone) => {
                            ended.clean = end
                                .is_some_and(|end| end.cause == Cause::Local && end.is_clean());
                        }
                        () = settle_http3(this, id, settings) => {}
                    }
                });
            }
        }
    }

    fn admit(self: &Arc<Self>, dial: Dial, share: Share) -> u64 {
        let now = Instant::now();
        let id = self
            .shared
            .upgrade()
            .map_or(0, |shared| shared.connection_id());
        self.with(|pool, fx| pool.connected_share(dial, id, share, now, fx));
        id
    }

    /// Ends when nothing is left to watch.
    pub(super) fn spawn_reaper(self: &Arc<Self>) {
        let this = Arc::downgrade(self);
        self.spawn(async move {
            let mut wait = Some(Duration::from_millis(10));
            while let Some(next) = wait {
                sleep(next).await;
                let Some(upstream) = this.upgrade() else {
                    return;
                };
                wait = upstream.with(|pool, fx| pool.reap(Instant::now(), fx));
            }
        });
    }

    /// Tries HTTP/3 again until it works. There is at most one prober: it starts with the first
    /// failure and ends with recovery.
    pub(super) fn spawn_prober(self: &Arc<Self>) {
        let prober = self.spawn(probes(Arc::downgrade(self)));
        let before = lock(&self.prober).replace(prober.abort_handle());
        if let Some(before) = before {
            before.abort();
        }
        if lock(&self.pool).is_closed() {
            prober.abort();
        }
    }
}

/// The end of a shared connection, told to the pool also when its task is dropped.
struct Ended {
    upstream: Weak<Upstream>,
    /// The upstream may be gone before its last connection is.
    shared: Weak<Shared>,
    id: u64,
    protocol: Protocol,
    /// The peer may have said goodbye, and we closed what was idle then.
    clean: bool,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let http3 = self.protocol == Protocol::Http3;
        if let Some(shared) = self.shared.upgrade() {
            match http3 {
                true => shared.stats.open_upstream_http3.down(),
                false => shared.stats.open_upstream_http2.down(),
            }
        }
        let Some(upstream) = self.upstream.upgrade() else {
            return;
        };
        let Some(share) = upstream.with(|pool, fx| pool.ended(self.id, fx)) else {
            return;
        };
        // An HTTP/3 connection that we wanted to use again is closed by our side, without a
        // fault, for one reason: a GOAWAY (RFC 9114 5.2).
        let left = http3 && self.clean && share.leaves();
        if left || share.takes_leave() {
            upstream.left(self.protocol.number());
        }
    }
}

/// Drives a connection; not for much longer than somebody has a use for it.
async fn until_gone<T>(mut driver: Driver<T>, gone: oneshot::Receiver<()>) -> Option<T> {
    tokio::select! {
        end = &mut driver => return Some(end),
        // Nothing is ever sent; the other end is dropped.
        _ = gone => {}
    }
    timeout(GOODBYE, driver).await.ok()
}

/// Ends when the peer is dead. The first PING goes out at once: its answer comes after the peer's
/// SETTINGS (RFC 9113 3.4), so that from then on it is known whether upgrades are possible.
async fn keep_alive(upstream: Weak<Upstream>, share: WeakShare, id: u64, mut ping: PingPong) {
    loop {
        let mut pong = pin!(ping.ping(Ping::opaque()));
        loop {
            match timeout(PONG, pong.as_mut()).await {
                Ok(Ok(_)) => break,
                // The driver sees the same end and tells it.
                Ok(Err(_)) => return std::future::pending().await,
                // The answer may be queued behind content on a slow link.
                Err(_) if share.upgrade().is_some_and(|share| share.moved()) => {}
                Err(_) => return,
            }
        }
        match upstream.upgrade() {
            Some(upstream) => upstream.with(|pool, fx| pool.settled(id, fx)),
            None => return std::future::pending().await,
        }
        loop {
            sleep(PING_INTERVAL).await;
            // Without streams nobody is kept waiting, and the pool closes it in time.
            let streams = upstream
                .upgrade()
                .and_then(|upstream| lock(&upstream.pool).streams(id));
            if streams.is_none_or(|streams| streams > 0) {
                break;
            }
        }
    }
}

/// Tells when the peer's SETTINGS came, or that they do not. Never ends: QUIC watches the peer.
async fn settle_http3(
    upstream: Weak<Upstream>,
    id: u64,
    requester: harmony_http3::client::Requester,
) {
    let _ = timeout(PONG, requester.settings()).await;
    // It would keep the connection open.
    drop(requester);
    if let Some(upstream) = upstream.upgrade() {
        upstream.with(|pool, fx| pool.settled(id, fx));
    }
    std::future::pending().await
}

async fn probes(upstream: Weak<Upstream>) {
    loop {
        let Some(wait) = upstream.upgrade().and_then(|upstream| {
            let pool = lock(&upstream.pool);
            let failed = pool.memory.as_ref()?.failed()?;
            Some(failed.next.saturating_duration_since(Instant::now()))
        }) else {
            return;
        };
        sleep(wait).await;
        let Some(upstream) = upstream.upgrade() else {
            return;
        };
        if !upstream.with(|pool, fx| pool.reserve(fx)) {
            if let Some(memory) = &mut lock(&upstream.pool).memory {
                memory.postpone(Instant::now());
            }
            continue;
        }
        let attempt = Attempt::new(Arc::clone(&upstream), Dial::Http3);
        upstream.count(|stats| stats.reprobes.up());
        match upstream.probe().await {
            Ok(made) => {
                attempt.made(made);
                return;
            }
            Err(fault) => {
                attempt.failed(&fault);
                let again = {
                    let mut pool = lock(&upstream.pool);
                    let memory = pool.memory.as_mut();
                    memory.and_then(|memory| memory.fail_again(fault.code, Instant::now()))
                };
                let Some(wait) = again else { return };
                upstream.event(&Event::Reprobe {
                    upstream: upstream.id,
                    ok: false,
                    next_ms: millis(wait),
                });
            }
        }
    }
}
