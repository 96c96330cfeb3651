//! A listener: its sockets, who may connect, and its end.

mod census;
mod quic;
mod roster;
mod setup;
mod sniff;
mod socket;
mod tcp;
#[cfg(test)]
mod tests;
mod throttle;
mod transport;

use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

pub use census::Slot;

use crate::config::{ListenOptions, ListenerLimits, ServerTls};
use crate::drain::{Drain, Phase};
use crate::engine::{Shared, lock};
use crate::event::{Count, Event};
use crate::fault::Code;
use census::Census;
use roster::Roster;
use setup::Tls;
use throttle::Throttle;

/// What connections get, once the grace period is over, to end by themselves.
const FAREWELL: Duration = Duration::from_millis(100);
/// What a handshake gets to complete once draining has begun: no request waits for it yet.
const HURRY: Duration = Duration::from_secs(1);
/// No grace period is longer.
const GRACE_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

pub struct Listener {
    pub id: u32,
    pub shared: Arc<Shared>,
    limits: RwLock<Arc<ListenerLimits>>,
    pub open_exchanges: Count,
    pub drain: Drain,
    http1: bool,
    http2: bool,
    tls: Mutex<Tls>,
    census: Census,
    pub roster: Roster,
    /// QUIC handshakes under way.
    handshakes: AtomicUsize,
    /// When the grace period ends, once somebody drains.
    deadline: watch::Sender<Option<Instant>>,
    ended: watch::Sender<Option<Drained>>,
    limit_events: Throttle,
    handshake_events: Throttle,
    accept_events: Throttle,
    pub refusal_events: Throttle,
    pub failure_events: Throttle,
}

/// Where a listener listens.
#[derive(Clone, Debug)]
pub struct Bound {
    pub address: String,
    /// TCP's port; UDP's, when there is no TCP.
    pub port: u16,
    pub quic_port: Option<u16>,
}

/// Why a listener did not start; nothing of it is open.
#[derive(Debug)]
pub struct Refusal {
    pub code: &'static str,
    /// A sentence about the option or the address that is at fault.
    pub detail: String,
}

impl From<String> for Refusal {
    fn from(detail: String) -> Self {
        Self {
            code: "listen/failed",
            detail,
        }
    }
}

/// Exchanges that were under way when draining began and ended by themselves, and those that
/// were cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    pub finished: u64,
    pub cut: u64,
}

impl Listener {
    /// Opens the sockets and starts to accept. Tasks run on the calling runtime until `drain`, or
    /// until the runtime ends.
    ///
    pub async fn bind(
        shared: &Arc<Shared>,
        options: ListenOptions,
    ) -> Result<(Arc<Self>, Bound), Refusal> {
        let plan = setup::plan(&options)?;
        let sockets = socket::open(&options)?;
        let bound = Bound {
            address: sockets.address.to_string(),
            port: sockets.port,
            quic_port: sockets.quic_port,
        };
        let mut tls = plan.tls;
        let endpoint = match sockets.udp {
            Some(udp) => Some(quic::endpoint(udp, &mut tls, &options.limits)?),
            None => None,
        };
        let listener = Arc::new(Self {
            id: shared.handle(),
            shared: Arc::clone(shared),
            limits: RwLock::new(Arc::new(options.limits)),
            open_exchanges: Count::default(),
            drain: Drain::default(),
            http1: plan.http1,
            http2: plan.http2,
            tls: Mutex::new(tls),
            census: Census::default(),
            roster: Roster::default(),
            handshakes: AtomicUsize::new(0),
            deadline: watch::Sender::new(None),
            ended: watch::Sender::new(None),
            limit_events: Throttle::new(1, Duration::from_secs(1)),
            handshake_events: Throttle::new(20, Duration::from_millis(200)),
            accept_events: Throttle::new(1, Duration::from_secs(1)),
            refusal_events: Throttle::new(100, Duration::from_millis(50)),
            failure_events: Throttle::new(20, Duration::from_millis(200)),
        });
        shared.event(&Event::ListenerUp {
            listener: listener.id,
            address: bound.address.clone(),
            port: bound.port,
            quic_port: bound.quic_port,
            protocols: plan.protocols,
        });
        let mut loops = JoinSet::new();
        let (held, tcp_gone) = oneshot::channel();
        if let Some(tcp) = sockets.tcp {
            let run = tcp::run(Arc::clone(&listener), tcp);
            loops.spawn(async move {
                run.await;
                drop(held);
            });
        }
        if let Some(endpoint) = endpoint {
            loops.spawn(quic::run(Arc::clone(&listener), endpoint, tcp_gone));
        }
        tokio::spawn(supervise(Arc::clone(&listener), loops));
        Ok((listener, bound))
    }

    /// Uses other identities and client authorities for new connections, over TCP and QUIC alike;
    /// connections that are open go on. Everything is built before anything is swapped: after an
    /// error all is as it was.
    pub fn replace_tls(&self, new: &ServerTls) -> Result<(), String> {
        lock(&self.tls).replace(new, self.http1, self.http2)
    }

    /// Uses other limits from now on: all of them for new connections, those on content for new
    /// requests too. What an open connection was promised at its start stays; none is closed.
    pub fn replace_limits(&self, new: ListenerLimits) -> Result<(), String> {
        setup::check(&new)?;
        let new = Arc::new(new);
        // Held throughout, so that replacements do not mix.
        let mut tls = lock(&self.tls);
        *self.limits.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&new);
        tls.replace_transport(&new);
        Ok(())
    }

    /// The limits as they are now.
    pub fn limits(&self) -> Arc<ListenerLimits> {
        Arc::clone(&self.limits.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Stops accepting, lets exchanges under way finish for at most `grace`, then cuts the rest.
    /// When this ends, the sockets are closed and the connections' tasks are gone. A second call
    /// may shorten the grace period; both return the same.
    pub async fn drain(&self, grace: Duration) -> Drained {
        let end = Instant::now() + grace.min(GRACE_MAX);
        self.deadline.send_if_modified(|deadline| {
            let sooner = deadline.is_none_or(|now| end < now);
            if sooner {
                *deadline = Some(end);
            }
            sooner
        });
        let mut ended = self.ended.subscribe();
        self.drain.advance(Phase::Draining);
        let outcome = ended.wait_for(Option::is_some).await;
        outcome
            .ok()
            .and_then(|drained| *drained)
            .unwrap_or(Drained {
                finished: 0,
                cut: 0,
            })
    }

    /// Counts a limit that was hit, and tells of it.
    pub fn limit(&self, remote: SocketAddr, limit: &'static str) {
        self.shared.stats.limits_hit.up();
        if self.limit_events.allows() {
            self.shared.event(&Event::Limit {
                listener: Some(self.id),
                upstream: None,
                remote_address: Some(remote.ip().to_canonical().to_string()),
                limit,
            });
        }
    }

    fn handshake_failed(
        &self,
        remote: SocketAddr,
        transport: &'static str,
        code: &'static Code,
        reason: String,
    ) {
        self.shared.stats.handshake_failures.up();
        if self.handshake_events.allows() {
            self.shared.event(&Event::HandshakeFailed {
                listener: self.id,
                remote_address: remote.ip().to_string(),
                transport,
                code: code.code,
                reason,
            });
        }
    }

    fn accept_failed(&self, reason: String) {
        if self.accept_events.allows() {
            self.shared.event(&Event::AcceptFailed {
                listener: self.id,
                reason,
            });
        }
    }

    /// A connection's task is over. One that panicked has ended its connection alone.
    fn reap(&self, task: Result<(), JoinError>) {
        self.shared.reap(task);
    }

    /// Runs a handshake for at most `limit`, and not for long once draining has begun. None: it
    /// did not complete in time.
    async fn hurried<F: Future>(&self, limit: Duration, handshake: F) -> Option<F::Output> {
        tokio::select! {
            biased;
            done = handshake => Some(done),
            () = tokio::time::sleep(limit) => None,
            () = async {
                self.drain.draining().await;
                tokio::time::sleep(HURRY).await;
            } => None,
        }
    }

    /// Waits until all connections ended; from `Cut` on, ends them. `last` runs when tasks are
    /// aborted, before they are gone.
    async fn finish(&self, tasks: &mut JoinSet<()>, last: impl FnOnce()) {
        tokio::select! {
            biased;
            () = self.all(tasks) => return,
            () = self.drain.cut() => {}
        }
        if tokio::time::timeout(FAREWELL, self.all(tasks))
            .await
            .is_err()
        {
            tasks.abort_all();
            last();
            self.all(tasks).await;
        }
    }

    async fn all(&self, tasks: &mut JoinSet<()>) {
        while let Some(task) = tasks.join_next().await {
            self.reap(task);
        }
    }

    async fn grace_over(&self) {
        let mut deadline = self.deadline.subscribe();
        loop {
            let end = *deadline.borrow_and_update();
            tokio::select! {
                () = async {
                    match end {
                        Some(end) => tokio::time::sleep_until(end).await,
                        None => std::future::pending().await,
                    }
                } => return,
                // The sender is our own.
                _ = deadline.changed() => {}
            }
        }
    }
}

/// Sees a listener to its end, whoever asked for it and whether they still wait.
async fn supervise(listener: Arc<Listener>, mut loops: JoinSet<()>) {
    listener.drain.draining().await;
    let open = listener.open_exchanges.get();
    let mut cut = 0;
    let over = tokio::select! {
        biased;
        () = listener.all(&mut loops) => false,
        () = listener.grace_over() => true,
    };
    if over {
        cut = listener.open_exchanges.get();
        listener.drain.advance(Phase::Cut);
        listener.roster.sever();
        listener.all(&mut loops).await;
    }
    listener.shared.event(&Event::ListenerDown {
        listener: listener.id,
        cut,
    });
    listener.ended.send_replace(Some(Drained {
        finished: open.saturating_sub(cut),
        cut,
    }));
}
