//! The connections of one upstream, and who waits for one: a plain state machine under one lock.
//! It neither does I/O nor spawns; what it wants done it leaves in `Effects`, for after the lock.
//!
//! - A connection that carries one exchange at a time (HTTP/1.1) is idle, or with whoever holds
//!   its lease; the last one used is handed out first, so that surplus ones grow old and close.
//! - A connection that many requests share (HTTP/2, HTTP/3) is in `shared`.
//! - Waiters are served in order of arrival, by whatever connection comes first: one that was
//!   made for them, or one that somebody gave back.
//! - Whatever a waiter could use is given to it at once. So a newcomer that finds something
//!   overtakes nobody.

mod serve;
mod terms;

use std::collections::{BTreeMap, VecDeque};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::fallback::Memory;
use crate::fault::{self, Fault};

pub use terms::{Counts, Dial, Effects, Grant, Rules, Share, Solo, Want};

struct Idle<S> {
    solo: S,
    used: bool,
    since: Instant,
}

struct Entry<M> {
    id: u64,
    /// None: takes no new streams; the entry stays, and counts, until the connection has ended.
    share: Option<M>,
    streams: usize,
    used: bool,
    /// Streams beyond which the peer was seen to let us wait, when it does not say how many.
    learned: usize,
    /// The peer's SETTINGS are known.
    settled: bool,
    idle_since: Instant,
}

impl<M: Share> Entry<M> {
    /// How many streams its peer allows will be known in a moment: with HTTP/2's SETTINGS. (QUIC
    /// says so with its handshake, but not to us.)
    fn is_unmeasured(&self) -> bool {
        !self.settled && self.share.as_ref().is_some_and(|share| !share.is_http3())
    }
}

/// Whom a connection must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Plain = 0,
    /// An upgrade that may have an HTTP/1.1 connection made for it.
    Http1 = 1,
    /// An upgrade that needs extended CONNECT.
    Extended = 2,
}

struct Waiter {
    want: Want,
    queue: Queue,
    waker: Option<Waker>,
}

pub struct Pool<S, M> {
    rules: Rules,
    closed: bool,
    idle: VecDeque<Idle<S>>,
    shared: Vec<Entry<M>>,
    waiting: BTreeMap<u64, Waiter>,
    served: BTreeMap<u64, Result<Grant<S, M>, Fault>>,
    next: u64,
    /// Waiters in each queue.
    queued: [usize; 3],
    /// Connections being made of each kind.
    dialing: [usize; 3],
    /// Connections that are, or are being made.
    connections: usize,
    active: usize,
    /// What the last connection over TCP turned out to be; none yet.
    pub multiplexed: Option<bool>,
    /// The server refused to speak HTTP/1.1.
    no_http1: bool,
    /// Another connection could not be made beside one that serves: for a while none is tried.
    alone: bool,
    /// None: HTTP/3 is not preferred, or there is nothing to fall back to.
    pub memory: Option<Memory>,
    reaping: bool,
    told: Option<Instant>,
}

/// At most one event about the bound on waiters in this time.
const TELL: Duration = Duration::from_secs(1);
/// Dead connections, grown limits and GOAWAY are noticed within this also while nothing happens.
const TICK: Duration = Duration::from_secs(5);

impl<S: Solo, M: Share> Pool<S, M> {
    /// `multiplexed`: when it is known before the first connection.
    pub fn new(rules: Rules, multiplexed: Option<bool>, memory: Option<Memory>) -> Self {
        Self {
            rules,
            closed: false,
            idle: VecDeque::new(),
            shared: Vec::new(),
            waiting: BTreeMap::new(),
            served: BTreeMap::new(),
            next: 0,
            queued: [0; 3],
            dialing: [0; 3],
            connections: 0,
            active: 0,
            multiplexed,
            no_http1: false,
            alone: false,
            memory,
            reaping: false,
            told: None,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed
    }

    pub fn counts(&self) -> Counts {
        let unused = self.shared.iter().filter(|entry| entry.streams == 0);
        Counts {
            idle: self.idle.len() + unused.count(),
            active: self.active,
            waiting: self.waiting.len(),
            connections: self.connections,
            connecting: self.dialing.iter().sum(),
        }
    }

    /// Streams under way on a shared connection; none when it has ended.
    pub fn streams(&self, id: u64) -> Option<usize> {
        self.entry(id).map(|entry| entry.streams)
    }

    /// HTTP/3 may be tried.
    pub fn tries_http3(&self) -> bool {
        self.memory.as_ref().is_none_or(Memory::is_usable)
    }

    /// What is there already and fits.
    pub fn take(
        &mut self,
        want: Want,
        now: Instant,
        fx: &mut Effects<S, M>,
    ) -> Option<Grant<S, M>> {
        if self.closed {
            return None;
        }
        // The peer may allow more than it did when they came.
        self.serve(fx);
        let grant = match self.pick(want, fx) {
            Some(at) => self.stream(at)?,
            None => self.solo(want, now, fx)?,
        };
        self.active += 1;
        self.prefer(&grant, fx);
        Some(grant)
    }

    /// A place in the queue; `poll` tells when it was served, `cancel` gives it up.
    pub fn wait(&mut self, want: Want, now: Instant, fx: &mut Effects<S, M>) -> Result<u64, Fault> {
        if self.closed {
            return Err(gone());
        }
        if self.waiting.len() >= self.rules.max_waiting {
            if self.told.is_none_or(|told| now - told >= TELL) {
                self.told = Some(now);
                fx.limit = true;
            }
            return Err(Fault::new(
                &fault::OVERLOAD_POOL,
                format!("{} requests wait already", self.waiting.len()),
            ));
        }
        let id = self.next;
        self.next += 1;
        if self.queue(want) == Queue::Extended && self.no_extended() {
            return Err(no_upgrade());
        }
        self.wait_on(id, want, fx);
        Ok(id)
    }

    /// Takes the place `id` again: what its owner was given was of no use.
    pub fn wait_on(&mut self, id: u64, want: Want, fx: &mut Effects<S, M>) {
        if self.closed {
            // `poll` says so.
            return;
        }
        let queue = self.queue(want);
        self.queued[queue as usize] += 1;
        self.waiting.insert(
            id,
            Waiter {
                want,
                queue,
                waker: None,
            },
        );
        self.serve(fx);
        self.demand(fx);
    }

    pub fn poll(&mut self, id: u64, waker: &Waker) -> Poll<Result<Grant<S, M>, Fault>> {
        if let Some(result) = self.served.remove(&id) {
            return Poll::Ready(result);
        }
        match self.waiting.get_mut(&id) {
            Some(waiter) => {
                match &mut waiter.waker {
                    Some(old) => old.clone_from(waker),
                    none => *none = Some(waker.clone()),
                }
                Poll::Pending
            }
            None => Poll::Ready(Err(gone())),
        }
    }

    /// Idempotent; also after `poll` was ready.
    pub fn cancel(&mut self, id: u64, now: Instant, fx: &mut Effects<S, M>) {
        self.leave(id);
        if let Some(Ok(grant)) = self.served.remove(&id) {
            self.give_back(grant, now, fx);
        }
    }

    /// What a waiter whose patience has ended is told: without a connection under way for it, it
    /// waited for others to end.
    pub fn late(&self, want: Want, patience: Duration) -> Fault {
        let connecting = self.dialing[Dial::Any as usize] > 0
            || (want.upgrade && self.dialing[Dial::Http1 as usize] > 0);
        let waited = patience.as_millis();
        if connecting {
            let detail = format!("not connected after {waited} ms");
            return Fault::new(&fault::CONNECT_TIMEOUT, detail);
        }
        let detail = format!("no connection or stream became free in {waited} ms");
        Fault::new(&fault::OVERLOAD_POOL, detail)
    }

    /// A grant that was not used.
    pub fn give_back(&mut self, grant: Grant<S, M>, now: Instant, fx: &mut Effects<S, M>) {
        match grant {
            Grant::Solo { solo, used } => self.put_back(solo, used, now, fx),
            Grant::Stream { id, share, .. } => {
                fx.share.push(share);
                self.released(id, now, fx);
            }
        }
    }

    /// A connection whose exchange is over, and that can carry another.
    pub fn put_back(&mut self, solo: S, used: bool, now: Instant, fx: &mut Effects<S, M>) {
        self.active -= 1;
        self.keep(solo, used, now, fx);
    }

    /// A connection that ended with its exchange, or before it.
    pub fn lost(&mut self, fx: &mut Effects<S, M>) {
        self.active -= 1;
        self.connections -= 1;
        self.demand(fx);
    }

    /// A stream is over.
    pub fn released(&mut self, id: u64, now: Instant, fx: &mut Effects<S, M>) {
        self.active -= 1;
        let closed = self.closed;
        if let Some(entry) = self.entry_mut(id) {
            entry.streams -= 1;
            // The peer will allow another one in its place.
            entry.learned = entry.learned.saturating_add(1);
            if entry.streams == 0 {
                entry.idle_since = now;
                entry.learned = usize::MAX;
                if closed {
                    fx.share.extend(entry.share.take());
                }
            }
        }
        self.serve(fx);
        self.demand(fx);
    }

    /// The peer lets us wait for a stream. True: the one who was given it keeps it, as nobody else
    /// is there. Else it is given back, and serves nobody, who would only find the same.
    pub fn saturated(&mut self, id: u64) -> bool {
        match self.entry_mut(id) {
            Some(entry) if entry.streams == 1 => {
                entry.learned = 1;
                true
            }
            found => {
                if let Some(entry) = found {
                    entry.streams -= 1;
                    entry.learned = entry.streams;
                }
                self.active -= 1;
                false
            }
        }
    }

    /// The peer allowed that stream in the end, and may allow others. `kept`: as `saturated` said.
    pub fn admitted(&mut self, id: u64, kept: bool, fx: &mut Effects<S, M>) {
        if !kept {
            self.active += 1;
        }
        if let Some(entry) = self.entry_mut(id) {
            entry.streams += usize::from(!kept);
            entry.learned = entry.learned.max(entry.streams.saturating_mul(2));
        }
        self.serve(fx);
    }

    /// Reserves a connection, for one that nobody waits for.
    pub fn reserve(&mut self, fx: &mut Effects<S, M>) -> bool {
        if self.closed || !self.room(fx) {
            return false;
        }
        self.connections += 1;
        self.dialing[Dial::Http3 as usize] += 1;
        true
    }

    pub fn connected_solo(&mut self, dial: Dial, solo: S, now: Instant, fx: &mut Effects<S, M>) {
        self.dialing[dial as usize] -= 1;
        if dial == Dial::Any {
            self.multiplexed = Some(false);
        }
        self.keep(solo, false, now, fx);
        self.demand(fx);
    }

    /// `ended` must follow, once. A connection that has no SETTINGS yet is told of with `settled`.
    pub fn connected_share(
        &mut self,
        dial: Dial,
        id: u64,
        share: M,
        now: Instant,
        fx: &mut Effects<S, M>,
    ) {
        self.dialing[dial as usize] -= 1;
        let open = share.is_open();
        if !share.is_http3() {
            self.multiplexed = Some(true);
        }
        let mut blamed = None;
        let share = if self.closed || !open {
            blamed = share.fault();
            fx.share.push(share);
            None
        } else {
            Some(share)
        };
        self.shared.push(Entry {
            id,
            settled: share.is_none(),
            share,
            streams: 0,
            used: false,
            learned: usize::MAX,
            idle_since: now,
        });
        self.watch(fx);
        self.requeue();
        if open {
            self.serve(fx);
            self.demand(fx);
        } else {
            // A peer that takes connections and closes them at once must not be asked forever.
            let detail = "the connection took no request";
            let fault = blamed.unwrap_or_else(|| Fault::new(&fault::CONNECT_CLOSED, detail));
            self.refuse(Queue::Plain, &fault, true, fx);
            self.refuse(Queue::Extended, &fault, true, fx);
        }
    }

    /// The peer's SETTINGS came: now it is known whether upgrades can use it.
    pub fn settled(&mut self, id: u64, fx: &mut Effects<S, M>) {
        let Some(entry) = self.entry_mut(id) else {
            return;
        };
        entry.settled = true;
        let extended = entry.share.as_ref().is_some_and(M::extended_connect);
        self.serve(fx);
        if !extended {
            self.refuse(Queue::Extended, &no_upgrade(), true, fx);
        }
        self.demand(fx);
    }

    /// No connection came of it. Where one connection would have served all, all are told; where
    /// there is one already, they wait for their turn on it.
    pub fn failed(&mut self, dial: Dial, fault: &Fault, fx: &mut Effects<S, M>) {
        self.dialing[dial as usize] -= 1;
        self.connections -= 1;
        match dial {
            Dial::Any => {
                self.alone = self.serves();
                if !self.alone {
                    let all = !self.solo_expected();
                    self.refuse(Queue::Plain, fault, all, fx);
                }
                self.refuse(Queue::Extended, fault, true, fx);
            }
            Dial::Http1 if fault.code == &fault::TLS_ALPN => {
                self.no_http1 = true;
                self.requeue();
                if self.no_extended() {
                    self.refuse(Queue::Extended, &no_upgrade(), true, fx);
                }
            }
            Dial::Http1 => self.refuse(Queue::Http1, fault, false, fx),
            Dial::Http3 => {}
        }
        self.demand(fx);
    }

    /// A shared connection is gone. Returns its handle if it would have been used again.
    pub fn ended(&mut self, id: u64, fx: &mut Effects<S, M>) -> Option<M> {
        let at = self.shared.iter().position(|entry| entry.id == id)?;
        let entry = self.shared.swap_remove(at);
        self.connections -= 1;
        self.alone = self.alone && self.serves();
        if !entry.settled {
            // A peer that closes before it sends SETTINGS must not be asked forever.
            let detail = "the connection ended before its settings came";
            let fault = Fault::new(&fault::CONNECT_CLOSED, detail);
            self.refuse(Queue::Extended, &fault, true, fx);
        }
        self.demand(fx);
        entry.share
    }

    /// Lets go of what is dead or was idle for too long. Returns when to come again; nothing when
    /// nothing is left to watch.
    pub fn reap(&mut self, now: Instant, fx: &mut Effects<S, M>) -> Option<Duration> {
        let limit = self.rules.idle;
        self.alone = false;
        let mut kept = VecDeque::with_capacity(self.idle.len());
        for mut one in self.idle.drain(..) {
            if now - one.since < limit && one.solo.is_alive() {
                kept.push_back(one);
            } else {
                self.connections -= 1;
                fx.solo.push(one.solo);
            }
        }
        self.idle = kept;
        for entry in &mut self.shared {
            let expired = entry.streams == 0 && now - entry.idle_since >= limit;
            entry.learned = usize::MAX;
            if expired || entry.share.as_ref().is_some_and(|share| !share.is_open()) {
                fx.share.extend(entry.share.take());
            }
        }
        self.serve(fx);
        self.demand(fx);
        let oldest = self.idle.front().map(|one| one.since);
        let shared = self.shared.iter().filter(|entry| entry.share.is_some());
        let unused = shared
            .map(|entry| match entry.streams {
                0 => entry.idle_since,
                _ => now,
            })
            .min();
        let Some(first) = oldest.into_iter().chain(unused).min() else {
            self.reaping = false;
            return None;
        };
        let wait = (first + limit).saturating_duration_since(now);
        Some(wait.clamp(Duration::from_millis(10), TICK))
    }

    /// Lets leases finish; nothing is handed out any more.
    pub fn close(&mut self, fx: &mut Effects<S, M>) {
        self.closed = true;
        self.connections -= self.idle.len();
        fx.solo.extend(self.idle.drain(..).map(|one| one.solo));
        for entry in &mut self.shared {
            fx.share.extend(entry.share.take());
        }
        for queue in [Queue::Plain, Queue::Http1, Queue::Extended] {
            self.refuse(queue, &gone(), true, fx);
        }
    }
}

fn gone() -> Fault {
    Fault::new(&fault::UPSTREAM_UNKNOWN, "the upstream was closed")
}

fn no_upgrade() -> Fault {
    let detail = "the upstream does not allow extended CONNECT";
    Fault::new(&fault::UPGRADE_REFUSED, detail)
}

#[cfg(test)]
mod tests;
