//! A client's connection that finished its handshake: who it is, and what it is allowed.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use crate::config::ListenerLimits;
use crate::drain::Phase;
use crate::engine::{Shared, lock};
use crate::event::Count;
use crate::listener::{Listener, Slot};
use crate::tls;

/// `max_resets` is counted over this long.
const WINDOW: Duration = Duration::from_secs(10);

pub struct Connection {
    pub id: u64,
    pub shared: Arc<Shared>,
    pub listener: Arc<Listener>,
    /// Those of its listener when it began.
    pub limits: Arc<ListenerLimits>,
    /// Never an IPv4 address in IPv6's clothes (RFC 4291 2.5.5.2), also on a dual-stack socket.
    pub remote: SocketAddr,
    pub local: SocketAddr,
    /// None over plain TCP.
    pub tls: Option<tls::Peer>,
    version: Version,
    resets: Mutex<Resets>,
    severed: Notify,
    /// The connection's place among those that the listener allows; free again with it.
    _slot: Slot,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    Http1,
    Http2,
    Http3,
}

impl Connection {
    pub fn new(
        slot: Slot,
        local: SocketAddr,
        tls: Option<tls::Peer>,
        version: Version,
    ) -> Arc<Self> {
        let listener = Arc::clone(slot.listener());
        let shared = Arc::clone(&listener.shared);
        let (open, accepted) = gauges(&shared, version);
        open.up();
        accepted.up();
        let connection = Arc::new(Self {
            id: shared.connection_id(),
            limits: Arc::clone(slot.limits()),
            remote: slot.remote(),
            local: SocketAddr::new(local.ip().to_canonical(), local.port()),
            shared,
            listener,
            tls,
            version,
            resets: Mutex::new(Resets::new(Instant::now())),
            severed: Notify::new(),
            _slot: slot,
        });
        connection.listener.roster.enter(&connection);
        connection
    }

    /// Ends once the listener's grace period is over, and with it what is under way here.
    pub async fn cut(&self) {
        // Hears of all that comes after this line, before the look at what came already.
        let severed = self.severed.notified();
        if self.listener.drain.phase() != Phase::Cut {
            severed.await;
        }
    }

    /// The grace period is over, which the listener's phase says already.
    pub fn sever(&self) {
        self.severed.notify_waiters();
    }

    /// The peer reset a stream.
    pub fn count_reset(&self) {
        lock(&self.resets).count(Instant::now());
    }

    /// More resets within the last 10 s than `max_resets` (CVE-2023-44487).
    pub fn resets_too_often(&self) -> bool {
        lock(&self.resets).recent(Instant::now()) > u64::from(self.limits.max_resets)
    }

    /// Counts and tells that this connection hit a limit, named by its configuration key.
    pub fn limit(&self, limit: &'static str) {
        self.listener.limit(self.remote, limit);
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.listener.roster.leave(self.id);
        gauges(&self.shared, self.version).0.down();
    }
}

fn gauges(shared: &Shared, version: Version) -> (&Count, &Count) {
    let stats = &shared.stats;
    match version {
        Version::Http1 => (&stats.open_http1, &stats.accepted_http1),
        Version::Http2 => (&stats.open_http2, &stats.accepted_http2),
        Version::Http3 => (&stats.open_http3, &stats.accepted_http3),
    }
}

/// A sliding window of two buckets: the older one counts by the share of it that is still inside.
struct Resets {
    start: Instant,
    current: u64,
    previous: u64,
}

impl Resets {
    fn new(start: Instant) -> Self {
        Self {
            start,
            current: 0,
            previous: 0,
        }
    }

    fn count(&mut self, now: Instant) {
        self.roll(now);
        self.current += 1;
    }

    fn recent(&mut self, now: Instant) -> u64 {
        self.roll(now);
        let inside = WINDOW.saturating_sub(now.duration_since(self.start));
        let inside = inside.as_millis() as u64;
        self.current + self.previous * inside / WINDOW.as_millis() as u64
    }

    fn roll(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.start);
        if age >= 2 * WINDOW {
            *self = Self::new(now);
        } else if age >= WINDOW {
            self.previous = std::mem::take(&mut self.current);
            self.start += WINDOW;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_are_forgotten_after_ten_seconds() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut resets = Resets::new(start);
        for _ in 0..100 {
            resets.count(at(1));
        }
        assert_eq!(resets.recent(at(9)), 100);
        assert_eq!(resets.recent(at(15)), 50);
        resets.count(at(15));
        assert_eq!(resets.recent(at(15)), 51);
        assert_eq!(resets.recent(at(40)), 0);
    }

    #[test]
    fn a_burst_over_the_edge_of_two_buckets_is_seen_whole() {
        let start = Instant::now();
        let mut resets = Resets::new(start);
        for _ in 0..100 {
            resets.count(start + Duration::from_millis(9_990));
        }
        for _ in 0..100 {
            resets.count(start + Duration::from_millis(10_010));
        }
        assert!(resets.recent(start + Duration::from_millis(10_020)) > 195);
    }
}
