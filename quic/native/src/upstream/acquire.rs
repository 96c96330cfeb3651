//! How a request comes to a connection, or to a stream's worth of one: what is there, else a place
//! in the queue, and on HTTP/3 a stream that the peer allows.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use harmony_http3::client::Pending;
use harmony_stream::StreamError;
use tokio::time::{Instant as Clock, timeout_at};

use super::lease::Lease;
use super::pool::{self, Grant, Want};
use super::share::{Link, Share, Solo};
use super::{Upstream, lock};
use crate::fault::{self, Fault};

/// What a waiter allows a connection attempt, which has the same time, to report its own failure.
const SLACK: Duration = Duration::from_millis(50);

/// A stream of HTTP/3, or why there is none.
pub(super) type Opened = Result<Box<Pending>, StreamError>;

/// A connection whose peer allows no further stream now. Whoever comes upon one waits for it to
/// allow more, and for any other connection.
struct Full {
    upstream: Arc<Upstream>,
    share: Share,
    id: u64,
    used: bool,
    /// A place on the connection is kept for this stream.
    kept: bool,
    opening: Pin<Box<dyn Future<Output = Opened> + Send>>,
}

impl Full {
    fn new(upstream: &Arc<Upstream>, share: Share, id: u64, used: bool) -> Self {
        let kept = upstream.with(|pool, _| pool.saturated(id));
        let own = share.clone();
        Self {
            upstream: Arc::clone(upstream),
            share,
            id,
            used,
            kept,
            opening: Box::pin(async move {
                match open(&own).await {
                    Some(opened) => opened,
                    // Only HTTP/3 makes anybody wait.
                    None => std::future::pending().await,
                }
            }),
        }
    }

    /// The peer allowed the stream after all, or the connection ended.
    fn admitted(mut self, opened: Opened) -> Lease {
        let (id, used) = (self.id, self.used);
        let kept = std::mem::take(&mut self.kept);
        self.upstream.with(|pool, fx| pool.admitted(id, kept, fx));
        let share = self.share.clone();
        let grant = Grant::Stream { share, id, used };
        self.upstream.lease(grant, Some(opened))
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        if self.kept {
            let now = Instant::now();
            self.upstream
                .with(|pool, fx| pool.released(self.id, now, fx));
        }
    }
}

/// All that somebody has come upon, each once.
#[derive(Default)]
struct Fulls(Vec<Full>);

impl Fulls {
    /// False: it was known.
    fn add(&mut self, mut full: Full) -> bool {
        let known = self.0.iter_mut().find(|known| known.id == full.id);
        match known {
            None => {
                self.0.push(full);
                true
            }
            Some(known) => {
                known.kept |= std::mem::take(&mut full.kept);
                false
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        for at in 0..self.0.len() {
            let Some(full) = self.0.get_mut(at) else {
                break;
            };
            if let Poll::Ready(opened) = full.opening.as_mut().poll(cx) {
                return Poll::Ready(Came::Stream(self.0.swap_remove(at), opened));
            }
        }
        Poll::Pending
    }
}

/// What ended a wait.
enum Came {
    Grant(Result<Grant<Solo, Share>, Fault>),
    Stream(Full, Opened),
}

impl Upstream {
    /// A connection or a stream's worth of one, for one request. At once when there is one;
    /// otherwise it waits, in order of arrival, at most `timeouts.connectMs`.
    ///
    /// Errors: `connect/*` and `tls/*` when no connection could be made; `overload/pool` when too
    /// many wait, or when nothing became free in time while `pool.maxConnections` were in use;
    /// `upgrade/refused`; `upstream/unknown` once the upstream was closed.
    ///
    /// Dropping the future gives up the place in the queue, or what was just received.
    pub async fn acquire(self: &Arc<Self>, want: Want) -> Result<Lease, Fault> {
        let now = Instant::now();
        let mut fulls = Fulls::default();
        while let Some(grant) = self.with(|pool, fx| pool.take(want, now, fx)) {
            let Some(grant) = self.living(grant) else {
                continue;
            };
            match self.begin(grant) {
                Ok(lease) => return Ok(lease),
                Err(full) => {
                    if !fulls.add(full) {
                        break;
                    }
                }
            }
        }
        // Rare, and large: kept out of the futures that hold this one.
        Box::pin(self.queue(want, now, fulls)).await
    }

    async fn queue(
        self: &Arc<Self>,
        want: Want,
        now: Instant,
        mut fulls: Fulls,
    ) -> Result<Lease, Fault> {
        let place = self.with(|pool, fx| pool.wait(want, now, fx));
        let waiter = Waiter {
            upstream: self,
            id: place.inspect_err(|fault| {
                if fault.code == &fault::OVERLOAD_POOL {
                    self.count(|stats| stats.limits_hit.up());
                }
            })?,
        };
        let patience = Duration::from_millis(self.options.timeouts.connect_ms);
        let end = Clock::now() + patience + SLACK;
        let mut queued = true;
        loop {
            let came = poll_fn(|cx| {
                if let Poll::Ready(came) = fulls.poll(cx) {
                    return Poll::Ready(came);
                }
                if !queued {
                    return Poll::Pending;
                }
                let served = lock(&self.pool).poll(waiter.id, cx.waker());
                served.map(Came::Grant)
            });
            match timeout_at(end, came).await {
                Err(_) => return Err(lock(&self.pool).late(want, patience)),
                Ok(Came::Stream(full, opened)) => return Ok(full.admitted(opened)),
                Ok(Came::Grant(Ok(grant))) => match self.begin(grant) {
                    Ok(lease) => return Ok(lease),
                    Err(full) => {
                        fulls.add(full);
                        self.with(|pool, fx| pool.wait_on(waiter.id, want, fx));
                    }
                },
                // No other connection can be had, but the ones that are full live.
                Ok(Came::Grant(Err(_))) if !fulls.0.is_empty() => queued = false,
                Ok(Came::Grant(Err(fault))) => return Err(fault),
            }
        }
    }

    /// Makes a lease of what the pool gave, with its stream opened where that may have to wait. If
    /// it has to, the place on the connection is free again, and the pool knows how much it takes.
    fn begin(self: &Arc<Self>, grant: Grant<Solo, Share>) -> Result<Lease, Full> {
        let Grant::Stream { share, id, used } = grant else {
            return Ok(self.lease(grant, None));
        };
        let first = {
            let mut opening = pin!(open(&share));
            opening
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
        };
        match first {
            Poll::Ready(opened) => Ok(self.lease(Grant::Stream { share, id, used }, opened)),
            Poll::Pending => Err(Full::new(self, share, id, used)),
        }
    }

    /// An idle HTTP/1.1 connection whose peer closed it is not handed out. Asked outside the
    /// lock, since it asks the kernel.
    fn living(self: &Arc<Self>, mut grant: Grant<Solo, Share>) -> Option<Grant<Solo, Share>> {
        if let Grant::Solo { solo, .. } = &mut grant
            && !pool::Solo::is_alive(solo)
        {
            drop(grant);
            self.count(|stats| stats.open_upstream_http1.down());
            self.with(|pool, fx| pool.lost(fx));
            return None;
        }
        Some(grant)
    }

    fn lease(self: &Arc<Self>, grant: Grant<Solo, Share>, opened: Option<Opened>) -> Lease {
        let lease = Lease::new(self, grant, opened);
        if lease.reused {
            self.count(|stats| stats.reused.up());
        }
        lease
    }
}

/// A stream, as soon as the peer allows one; nothing over HTTP/2, whose peers say how many they
/// allow, so that the pool never gives more.
async fn open(share: &Share) -> Option<Opened> {
    match &share.link {
        Link::Http2(_) => None,
        Link::Http3(requester) => Some(requester.open().await.map(Box::new)),
    }
}

/// A place in the queue.
struct Waiter<'a> {
    upstream: &'a Arc<Upstream>,
    id: u64,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.upstream.with(|pool, fx| pool.cancel(self.id, now, fx));
    }
}
