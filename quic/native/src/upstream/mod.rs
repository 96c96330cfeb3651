//! Where requests go: connections to one origin, made when needed, kept while useful, shared where
//! the protocol can. `pool` decides, `acquire` asks it, `dial` makes connections, `tend` looks after
//! them, `lease` is what an exchange holds.

mod acquire;
mod dial;
mod fallback;
mod halves;
mod lease;
mod origin;
mod pool;
mod quic;
mod race;
mod resolve;
mod secure;
mod share;
mod tcp;
mod tend;

use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use http::HeaderValue;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use crate::config::UpstreamOptions;
use crate::engine::{Shared, lock};
use crate::event::{Event, Stats};
use crate::fault::{self, Fault};
use crate::tls;
use crate::unwind;
use fallback::Memory;
use origin::{Origin, Protocol};
use pool::{Effects, Pool, Rules};
use secure::Secure;
use share::{Share, Solo};

pub use halves::{Receiver, Sender, finish};
pub use lease::{BodyLength, Head, Lease};
pub use pool::Want;
pub use quic::QuicClient;

pub struct Upstream {
    pub id: u32,
    pub options: UpstreamOptions,
    origin: Origin,
    /// The origin's authority, as HTTP/1.1 sends it.
    host: HeaderValue,
    shared: Weak<Shared>,
    runtime: Handle,
    pool: Mutex<Pool<Solo, Share>>,
    /// Made with the first connection, unless there was something to check.
    secure: OnceLock<Result<Secure, String>>,
    prober: Mutex<Option<AbortHandle>>,
}

impl Upstream {
    /// Must be called inside the engine's runtime. The error names the option, its value, and the
    /// rule that it breaks.
    pub fn new(shared: &Arc<Shared>, options: UpstreamOptions) -> Result<Arc<Self>, String> {
        origin::check(&options)?;
        let origin = Origin::new(&options)?;
        let host = HeaderValue::from_str(origin.authority.as_str())
            .map_err(|_| format!("origin is {:?}: has no valid host", options.origin))?;
        let secure = OnceLock::new();
        if origin.tls {
            tls::client::server_name(&options.tls, &origin.host)?;
            if Secure::is_configured(&options.tls) {
                let made = Secure::new(&options.tls, &origin, options.pool.max_streams)?;
                secure.get_or_init(|| Ok(made));
            }
        }
        let runtime = Handle::try_current().map_err(|_| "the engine is stopped".to_owned())?;
        Ok(Arc::new(Self {
            id: shared.handle(),
            pool: Mutex::new(pool(&options, &origin)),
            options,
            origin,
            host,
            shared: Arc::downgrade(shared),
            runtime,
            secure,
            prober: Mutex::default(),
        }))
    }

    /// Closes what is unused and fails whoever waits; leases finish, and their connections close
    /// after them. Later `acquire`s fail. Idempotent.
    pub fn close(self: &Arc<Self>) {
        if let Some(prober) = lock(&self.prober).take() {
            prober.abort();
        }
        self.with(|pool, fx| pool.close(fx));
    }

    /// What the pool holds, and what is remembered of HTTP/3.
    pub fn stats(&self) -> serde_json::Value {
        let pool = lock(&self.pool);
        let counts = pool.counts();
        let now = Instant::now();
        let http3 = pool.memory.as_ref().map(|memory| match memory.failed() {
            None => serde_json::json!({ "usable": true }),
            Some(failed) => serde_json::json!({
                "usable": false,
                "code": failed.code.code,
                "failedForMs": millis(now - failed.since),
                "nextProbeMs": millis(failed.next.saturating_duration_since(now)),
            }),
        });
        serde_json::json!({
            "origin": self.options.origin,
            "idle": counts.idle,
            "active": counts.active,
            "waiting": counts.waiting,
            "connections": counts.connections,
            "connecting": counts.connecting,
            "http3": http3,
        })
    }

    /// Runs a task of this upstream's upkeep. A defect in it ends what it looks after, alone.
    fn spawn(
        self: &Arc<Self>,
        upkeep: impl Future<Output = ()> + Send + 'static,
    ) -> JoinHandle<()> {
        let shared = self.shared.clone();
        self.runtime.spawn(async move {
            if let Err(reason) = unwind::guarded(std::pin::pin!(upkeep)).await
                && let Some(shared) = shared.upgrade()
            {
                shared.panicked(0, reason);
            }
        })
    }

    fn count(&self, update: impl FnOnce(&Stats)) {
        if let Some(shared) = self.shared.upgrade() {
            update(&shared.stats);
        }
    }

    fn event(&self, event: &Event) {
        if let Some(shared) = self.shared.upgrade() {
            shared.event(event);
        }
    }

    /// Changes the pool, and then does what it asks for, without its lock: dropping a connection
    /// or spawning a task may come back here.
    fn with<R>(
        self: &Arc<Self>,
        change: impl FnOnce(&mut Pool<Solo, Share>, &mut Effects<Solo, Share>) -> R,
    ) -> R {
        let mut fx = Effects::default();
        let result = change(&mut lock(&self.pool), &mut fx);
        self.carry_out(fx);
        result
    }

    fn carry_out(self: &Arc<Self>, fx: Effects<Solo, Share>) {
        for waker in fx.wake {
            waker.wake();
        }
        for solo in fx.solo {
            drop(solo);
            self.count(|stats| stats.open_upstream_http1.down());
        }
        for share in fx.share {
            if share.takes_leave() {
                self.left(share.protocol());
            }
        }
        for dial in fx.dial {
            self.spawn_dial(dial);
        }
        if fx.reap {
            self.spawn_reaper();
        }
        if fx.limit {
            self.event(&Event::Limit {
                listener: None,
                upstream: Some(self.id),
                remote_address: None,
                limit: "pool.maxWaiting",
            });
        }
    }

    /// The peer sent GOAWAY on one of the connections.
    fn left(&self, protocol: u8) {
        self.count(|stats| stats.goaway_received.up());
        self.event(&Event::Goaway {
            listener: None,
            upstream: Some(self.id),
            sent: false,
            protocol,
        });
    }

    /// TLS as configured; the system's roots are read from disk, which blocks.
    fn secure(&self) -> Result<&Secure, Fault> {
        self.secure
            .get_or_init(|| {
                let streams = self.options.pool.max_streams;
                Secure::new(&self.options.tls, &self.origin, streams)
            })
            .as_ref()
            .map_err(|error| Fault::new(&fault::TLS_UNTRUSTED, error.clone()))
    }
}

fn pool(options: &UpstreamOptions, origin: &Origin) -> Pool<Solo, Share> {
    let http3_first = origin.protocols.first() == Some(&Protocol::Http3);
    let others = origin
        .protocols
        .iter()
        .filter(|one| **one != Protocol::Http3);
    let multiplexed = match others.copied().collect::<Vec<_>>()[..] {
        [Protocol::Http1] => Some(false),
        [Protocol::Http2] | [] => Some(true),
        _ => None,
    };
    let timeouts = &options.timeouts;
    let memory = (http3_first && origin.protocols.len() > 1 && options.fallback).then(|| {
        Memory::new(
            Duration::from_millis(timeouts.reprobe_ms),
            Duration::from_millis(timeouts.reprobe_max_ms),
        )
    });
    let alone = http3_first && !options.fallback;
    let rules = Rules {
        max_connections: options.pool.max_connections,
        max_idle: options.pool.max_idle,
        max_waiting: options.pool.max_waiting,
        max_streams: options.pool.max_streams,
        idle: Duration::from_millis(options.pool.idle_ms),
        http1_beside: origin.protocols.len() > 1 && origin.allows(Protocol::Http1) && !alone,
        http3_first,
    };
    Pool::new(rules, if alone { Some(true) } else { multiplexed }, memory)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
