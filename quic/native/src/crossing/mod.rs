//! The crossing between the engine's threads and JavaScript's: docs/crossing.md. Messages wait
//! in bounded queues until JavaScript takes a turn; answers go to the mailbox of their exchange.

pub mod answer;
pub mod encode;
mod fifo;
pub mod mailbox;
pub mod record;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::config::EngineLimits;
use crate::engine::lock;
use crate::event::{Event, Stats};
use fifo::Fifo;
use mailbox::Mailbox;

/// Records that wait before an idle JavaScript is woken for them alone, and how long.
const RECORD_BATCH: usize = 512;
const RECORD_DELAY: Duration = Duration::from_millis(20);

struct Queues {
    /// Heads and everything else that an exchange tells JavaScript, in order.
    messages: Fifo,
    /// Heads among them.
    waiting: usize,
    records: Fifo,
    events: Fifo,
    /// JavaScript's last turn returned nothing, and it was not woken since.
    idle: bool,
    /// A timer will wake JavaScript for records.
    scheduled: bool,
    deep: bool,
    /// Records that gave way and were not told of yet.
    dropped: u64,
}

pub struct Crossing {
    queues: Mutex<Queues>,
    mailboxes: Mutex<HashMap<u64, Arc<Mailbox>>>,
    wake: Box<dyn Fn() + Send + Sync>,
    runtime: Handle,
    limits: EngineLimits,
}

/// The queue of waiting heads is full.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

/// What a turn returned.
#[derive(Debug, PartialEq, Eq)]
pub enum Turn {
    Wrote(usize),
    /// The next message alone needs this many bytes.
    Needs(usize),
}

impl Crossing {
    pub fn new(limits: EngineLimits, runtime: Handle, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        Self {
            queues: Mutex::new(Queues {
                messages: Fifo::default(),
                waiting: 0,
                records: Fifo::default(),
                events: Fifo::default(),
                idle: true,
                scheduled: false,
                deep: false,
                dropped: 0,
            }),
            mailboxes: Mutex::default(),
            wake,
            runtime,
            limits,
        }
    }

    /// Opens the mailbox that answers for this exchange will come to.
    pub fn register(&self, id: u64) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::new(self.limits.stream_window as usize));
        lock(&self.mailboxes).insert(id, Arc::clone(&mailbox));
        mailbox
    }

    pub fn unregister(&self, id: u64) {
        lock(&self.mailboxes).remove(&id);
    }

    /// Queues a head; `message` is the encoded message.
    pub fn head(self: &Crossing, message: &[u8], stats: &Stats) -> Result<(), Full> {
        let bound = self.limits.max_waiting_heads;
        let mut queues = lock(&self.queues);
        if queues.waiting >= bound {
            drop(queues);
            stats.queue_refused.up();
            return Err(Full);
        }
        queues.waiting += 1;
        queues.messages.push(message);
        let deeper = !queues.deep && queues.waiting * 2 >= bound;
        if deeper {
            queues.deep = true;
        }
        let waiting = queues.waiting;
        let wake = std::mem::replace(&mut queues.idle, false);
        drop(queues);
        if deeper {
            self.event(
                &Event::QueueDepth {
                    waiting,
                    limit: bound,
                },
                stats,
            );
        }
        if wake {
            self.rouse(stats);
        }
        Ok(())
    }

    /// Queues any other message of an exchange. Each exchange has at most a few under way, so
    /// their number is bounded by the exchanges'.
    pub fn tell(&self, message: &[u8], stats: &Stats) {
        let mut queues = lock(&self.queues);
        queues.messages.push(message);
        let wake = std::mem::replace(&mut queues.idle, false);
        drop(queues);
        if wake {
            self.rouse(stats);
        }
    }

    /// The same for what can wait until JavaScript takes a turn anyway.
    pub fn tell_later(&self, message: &[u8]) {
        lock(&self.queues).messages.push(message);
    }

    /// Queues a completion record; JavaScript is woken for a batch, or after a short while.
    pub fn record(self: &Arc<Self>, message: &[u8], stats: &Stats) {
        let mut queues = lock(&self.queues);
        if queues.records.len() >= self.limits.max_records {
            queues.records.drop_front();
            queues.dropped += 1;
            stats.records_dropped.up();
        }
        queues.records.push(message);
        if !queues.idle {
            return;
        }
        if queues.records.len() >= RECORD_BATCH {
            queues.idle = false;
            drop(queues);
            self.rouse(stats);
        } else if !queues.scheduled {
            queues.scheduled = true;
            drop(queues);
            let crossing = Arc::downgrade(self);
            self.runtime.spawn(async move {
                tokio::time::sleep(RECORD_DELAY).await;
                if let Some(crossing) = crossing.upgrade() {
                    crossing.flush_records();
                }
            });
        }
    }

    fn flush_records(&self) {
        let mut queues = lock(&self.queues);
        queues.scheduled = false;
        if queues.records.is_empty() || !std::mem::replace(&mut queues.idle, false) {
            return;
        }
        drop(queues);
        (self.wake)();
    }

    pub fn event(&self, event: &Event, stats: &Stats) {
        let message = encoded(event);
        let mut queues = lock(&self.queues);
        if queues.events.len() >= self.limits.max_events {
            queues.events.drop_front();
            stats.events_dropped.up();
        }
        queues.events.push(&message);
        let wake = std::mem::replace(&mut queues.idle, false);
        drop(queues);
        if wake {
            self.rouse(stats);
        }
    }

    fn rouse(&self, stats: &Stats) {
        stats.wakes.up();
        (self.wake)();
    }

    /// One turn: takes every answer, returns what waits. Called on JavaScript's thread.
    /// Messages that are not well formed end their exchange; the rest of a batch whose framing
    /// is broken is dropped and counted by the caller.
    pub fn turn(&self, answers: &[u8], out: &mut [u8]) -> (Turn, bool) {
        let whole = self.deliver(answers);
        let mut queues = lock(&self.queues);
        let queues = &mut *queues;
        let count = std::mem::take(&mut queues.dropped);
        if count > 0 {
            queues
                .events
                .push(&encoded(&Event::RecordsDropped { count }));
        }
        let mut written = 0;
        let mut needs = 0;
        while let Some(message) = queues.messages.front() {
            if !copy(message, out, &mut written, &mut needs) {
                break;
            }
            if encode::is_head(message) {
                queues.waiting -= 1;
            }
            queues.messages.drop_front();
        }
        for fifo in [&mut queues.records, &mut queues.events] {
            while needs == 0 {
                let Some(message) = fifo.front() else { break };
                if !copy(message, out, &mut written, &mut needs) {
                    break;
                }
                fifo.drop_front();
            }
        }
        if queues.deep && queues.waiting * 4 < self.limits.max_waiting_heads {
            queues.deep = false;
        }
        if written == 0 && needs > 0 {
            return (Turn::Needs(needs), whole);
        }
        queues.idle = written == 0;
        (Turn::Wrote(written), whole)
    }

    fn deliver(&self, mut answers: &[u8]) -> bool {
        if answers.is_empty() {
            return true;
        }
        // Found under the lock, woken outside of it.
        let mut found = Vec::new();
        let mut whole = true;
        {
            let mailboxes = lock(&self.mailboxes);
            while !answers.is_empty() {
                let Some((kind, id, content, rest)) = answer::split(answers) else {
                    whole = false;
                    break;
                };
                answers = rest;
                if let Some(mailbox) = mailboxes.get(&id) {
                    found.push((Arc::clone(mailbox), kind, content));
                }
            }
        }
        for (mailbox, kind, content) in found {
            mailbox.deliver(kind, content);
        }
        whole
    }

    pub fn waiting(&self) -> usize {
        lock(&self.queues).waiting
    }
}

fn encoded(event: &Event) -> Vec<u8> {
    // Events hold text and numbers alone: nothing that JSON cannot say.
    let json = serde_json::to_vec(event).unwrap_or_default();
    let mut message = Vec::with_capacity(json.len() + 24);
    encode::event(&mut message, &json);
    message
}

fn copy(message: &[u8], out: &mut [u8], written: &mut usize, needs: &mut usize) -> bool {
    let end = *written + message.len();
    match out.get_mut(*written..end) {
        Some(room) => {
            room.copy_from_slice(message);
            *written = end;
            true
        }
        None => {
            *needs = message.len();
            false
        }
    }
}

#[cfg(test)]
mod tests;
