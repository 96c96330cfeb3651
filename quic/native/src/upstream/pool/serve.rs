//! Who gets what: connections for waiters, and waiters for connections.

use std::time::Instant;

use super::{Dial, Effects, Entry, Grant, Idle, Memory, Pool, Queue, Share, Solo, Waiter, Want};
use crate::fault::Fault;

impl<S: Solo, M: Share> Pool<S, M> {
    pub(super) fn entry(&self, id: u64) -> Option<&Entry<M>> {
        self.shared.iter().find(|entry| entry.id == id)
    }

    pub(super) fn entry_mut(&mut self, id: u64) -> Option<&mut Entry<M>> {
        self.shared.iter_mut().find(|entry| entry.id == id)
    }

    /// The shared connection for one more stream: of the most preferred protocol, and the first
    /// with room, so that surplus ones fall idle.
    pub(super) fn pick(&mut self, want: Want, fx: &mut Effects<S, M>) -> Option<usize> {
        let max = self.rules.max_streams;
        let mut best: Option<(usize, usize)> = None;
        for (at, entry) in self.shared.iter_mut().enumerate() {
            let Some(share) = &entry.share else { continue };
            if !share.is_open() {
                fx.share.extend(entry.share.take());
                continue;
            }
            let known = max.min(entry.learned).min(share.capacity().max(1));
            // Until its SETTINGS came, a peer's limit may be any (RFC 9113 6.5.2): a burst on a new
            // connection would wait for its turn there while others are free.
            let most = if entry.is_unmeasured() { 1 } else { known };
            let room = entry.streams < most;
            let fits =
                (!want.upgrade || share.extended_connect()) && (!want.fresh || !share.is_suspect());
            let rank = share.rank();
            if room && fits && best.is_none_or(|(least, _)| rank < least) {
                best = Some((rank, at));
            }
        }
        best.map(|(_, at)| at)
    }

    /// `at` was picked, so it has a handle.
    pub(super) fn stream(&mut self, at: usize) -> Option<Grant<S, M>> {
        let entry = self.shared.get_mut(at)?;
        let share = entry.share.clone()?;
        let used = entry.used;
        entry.streams += 1;
        entry.used = true;
        Some(Grant::Stream {
            share,
            id: entry.id,
            used,
        })
    }

    pub(super) fn solo(
        &mut self,
        want: Want,
        now: Instant,
        fx: &mut Effects<S, M>,
    ) -> Option<Grant<S, M>> {
        loop {
            let one = match want.fresh {
                false => self.idle.pop_back()?,
                true => {
                    let at = self.idle.iter().rposition(|one| !one.used)?;
                    self.idle.remove(at)?
                }
            };
            if now - one.since < self.rules.idle {
                let Idle { solo, used, .. } = one;
                return Some(Grant::Solo { solo, used });
            }
            self.connections -= 1;
            fx.solo.push(one.solo);
        }
    }

    /// Looks for HTTP/3 again, in the background, when something less preferred serves although
    /// HTTP/3 is not known to fail.
    pub(super) fn prefer(&mut self, grant: &Grant<S, M>, fx: &mut Effects<S, M>) {
        let preferred = matches!(grant, Grant::Stream { share, .. } if share.is_http3());
        if preferred || !self.rules.http3_first || !self.http3_expected() {
            return;
        }
        let under_way = self.dialing[Dial::Any as usize] + self.dialing[Dial::Http3 as usize] > 0;
        let there = self
            .shared
            .iter()
            .any(|entry| entry.share.as_ref().is_some_and(M::is_http3));
        if !under_way && !there && self.connections < self.rules.max_connections {
            self.connections += 1;
            self.dialing[Dial::Http3 as usize] += 1;
            fx.dial.push(Dial::Http3);
        }
    }

    pub(super) fn http3_expected(&self) -> bool {
        self.memory.as_ref().is_some_and(Memory::is_usable)
    }

    /// A connection lives that takes one request after the other.
    pub(super) fn serves(&self) -> bool {
        self.shared
            .iter()
            .filter_map(|entry| entry.share.as_ref())
            .any(|share| share.is_open() && !share.is_suspect())
    }

    /// A new connection will carry one exchange at a time.
    pub(super) fn solo_expected(&self) -> bool {
        self.multiplexed == Some(false) && !self.http3_expected()
    }

    pub(super) fn queue(&self, want: Want) -> Queue {
        match want.upgrade {
            false => Queue::Plain,
            true if self.solo_expected() => Queue::Plain,
            true if self.rules.http1_beside && !self.no_http1 => Queue::Http1,
            true => Queue::Extended,
        }
    }

    /// What is known of the upstream has changed, and with it what upgrades wait for.
    pub(super) fn requeue(&mut self) {
        let mut waiting = std::mem::take(&mut self.waiting);
        for waiter in waiting.values_mut().filter(|waiter| waiter.want.upgrade) {
            let queue = self.queue(waiter.want);
            self.queued[waiter.queue as usize] -= 1;
            self.queued[queue as usize] += 1;
            waiter.queue = queue;
        }
        self.waiting = waiting;
    }

    /// A connection says that extended CONNECT is not allowed, and none may yet say otherwise.
    pub(super) fn no_extended(&self) -> bool {
        let mut open = self
            .shared
            .iter()
            .filter_map(|entry| entry.share.as_ref().map(|share| (entry.settled, share)))
            .filter(|(_, share)| share.is_open())
            .peekable();
        open.peek().is_some() && open.all(|(settled, share)| settled && !share.extended_connect())
    }

    pub(super) fn keep(&mut self, solo: S, used: bool, now: Instant, fx: &mut Effects<S, M>) {
        if self.closed {
            self.connections -= 1;
            fx.solo.push(solo);
            return;
        }
        let next = self
            .waiting
            .iter()
            .find(|(_, waiter)| !(waiter.want.fresh && used))
            .map(|(id, _)| *id);
        if let Some(id) = next {
            self.active += 1;
            self.answer(id, Ok(Grant::Solo { solo, used }), fx);
            return;
        }
        self.idle.push_back(Idle {
            solo,
            used,
            since: now,
        });
        if self.idle.len() > self.rules.max_idle
            && let Some(oldest) = self.idle.pop_front()
        {
            self.connections -= 1;
            fx.solo.push(oldest.solo);
        }
        self.watch(fx);
    }

    /// Gives waiters the streams that are free.
    pub(super) fn serve(&mut self, fx: &mut Effects<S, M>) {
        if self.closed || self.waiting.is_empty() || self.shared.is_empty() {
            return;
        }
        let mut from = 0;
        while let Some((id, want)) = self
            .waiting
            .range(from..)
            .next()
            .map(|(id, waiter)| (*id, waiter.want))
        {
            from = id + 1;
            match self.pick(want, fx).and_then(|at| self.stream(at)) {
                Some(grant) => {
                    self.active += 1;
                    self.answer(id, Ok(grant), fx);
                }
                // Others may be less demanding; when this one was not, nothing is left.
                None if want == Want::default() => break,
                None => {}
            }
        }
    }

    /// Makes connections for those who wait and have none under way.
    pub(super) fn demand(&mut self, fx: &mut Effects<S, M>) {
        if self.closed || self.waiting.is_empty() {
            return;
        }
        let plain = self.queued[Queue::Plain as usize];
        let mut any = if self.solo_expected() {
            plain
        } else if self.multiplexed == Some(true) {
            plain.div_ceil(self.rules.max_streams)
        } else {
            plain.min(1)
        };
        // How many a new connection will serve is known in a moment.
        if self.alone || self.shared.iter().any(Entry::is_unmeasured) {
            any = 0;
        }
        let unsettled = self.shared.iter().any(|entry| !entry.settled);
        if self.queued[Queue::Extended as usize] > 0 && !unsettled {
            any = any.max(1);
        }
        let http1 = self.queued[Queue::Http1 as usize];
        for (dial, needed) in [(Dial::Any, any), (Dial::Http1, http1)] {
            while self.dialing[dial as usize] < needed && self.room(fx) {
                self.dialing[dial as usize] += 1;
                self.connections += 1;
                fx.dial.push(dial);
            }
        }
    }

    /// One more connection may be made, if need be in the place of one that nobody uses.
    pub(super) fn room(&mut self, fx: &mut Effects<S, M>) -> bool {
        if self.connections < self.rules.max_connections {
            return true;
        }
        if let Some(oldest) = self.idle.pop_front() {
            self.connections -= 1;
            fx.solo.push(oldest.solo);
            return true;
        }
        // Its place is free when it has ended, and `demand` runs again then.
        let unused = self
            .shared
            .iter_mut()
            .find(|entry| entry.streams == 0 && entry.settled && entry.share.is_some());
        if let Some(entry) = unused {
            fx.share.extend(entry.share.take());
        }
        false
    }

    /// Fails those who wait in a queue, or the first of them.
    pub(super) fn refuse(
        &mut self,
        queue: Queue,
        fault: &Fault,
        all: bool,
        fx: &mut Effects<S, M>,
    ) {
        if self.queued[queue as usize] == 0 {
            return;
        }
        let ids: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, waiter)| waiter.queue == queue)
            .map(|(id, _)| *id)
            .take(if all { usize::MAX } else { 1 })
            .collect();
        for id in ids {
            self.answer(id, Err(fault.clone()), fx);
        }
    }

    pub(super) fn answer(
        &mut self,
        id: u64,
        result: Result<Grant<S, M>, Fault>,
        fx: &mut Effects<S, M>,
    ) {
        if let Some(waiter) = self.leave(id) {
            fx.wake.extend(waiter.waker);
        }
        self.served.insert(id, result);
    }

    pub(super) fn leave(&mut self, id: u64) -> Option<Waiter> {
        let waiter = self.waiting.remove(&id)?;
        self.queued[waiter.queue as usize] -= 1;
        Some(waiter)
    }

    pub(super) fn watch(&mut self, fx: &mut Effects<S, M>) {
        if !self.reaping {
            self.reaping = true;
            fx.reap = true;
        }
    }
}
