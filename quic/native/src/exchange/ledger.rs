//! The books of one exchange: whatever happens to its task, the record is written, JavaScript is
//! told, and the counters are right.

use std::cell::Cell;
use std::sync::Arc;

use crate::config::ListenerLimits;
use crate::connection::Connection;
use crate::crossing::encode;
use crate::crossing::mailbox::Mailbox;
use crate::crossing::record::Record;
use crate::drain::Phase;
use crate::engine::Shared;
use crate::fault::{self, Fault};

thread_local! {
    /// Where messages are encoded before they are queued, so that none allocates.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Runs `encode` on this thread's scratch buffer and hands the message on.
pub fn encoded<T>(encode: impl FnOnce(&mut Vec<u8>), hand_on: impl FnOnce(&[u8]) -> T) -> T {
    // Taken out for the while, so that nothing nested, not even a panic, finds it borrowed.
    let mut scratch = SCRATCH.take();
    scratch.clear();
    encode(&mut scratch);
    let result = hand_on(&scratch);
    if scratch.capacity() <= 1 << 20 {
        SCRATCH.set(scratch);
    }
    result
}

pub struct Ledger {
    pub connection: Arc<Connection>,
    /// Those of the listener when the request came; what its head may be is its connection's.
    pub limits: Arc<ListenerLimits>,
    pub record: Record,
    pub mailbox: Arc<Mailbox>,
    /// JavaScript was asked, or streams an answer, and was not told that it is over.
    pub owed: bool,
    /// JavaScript keeps a hook for this exchange, which it must be told to forget.
    pub hooked: bool,
    /// The exchange came to its end, with or without a fault.
    pub settled: bool,
}

impl Ledger {
    pub fn open(connection: &Arc<Connection>, protocol: u8) -> Self {
        let shared = &connection.shared;
        let id = shared.exchange_id();
        shared.stats.exchanges.up();
        shared.stats.open_exchanges.up();
        connection.listener.open_exchanges.up();
        Self {
            connection: Arc::clone(connection),
            limits: connection.listener.limits(),
            record: Record::new(id, connection.id, connection.listener.id, protocol),
            mailbox: shared.crossing.register(id),
            owed: false,
            hooked: false,
            settled: false,
        }
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.connection.shared
    }

    /// Tells JavaScript something about this exchange.
    pub fn tell(&self, encode: impl FnOnce(&mut Vec<u8>, u64)) {
        let shared = self.shared();
        let id = self.record.id;
        encoded(
            |out| encode(out, id),
            |message| shared.crossing.tell(message, &shared.stats),
        );
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let shared = Arc::clone(self.shared());
        if !self.settled {
            self.record.fail(if std::thread::panicking() {
                Fault::new(&fault::INTERNAL_PANIC, "the exchange's task panicked")
            } else if self.connection.listener.drain.phase() == Phase::Cut {
                Fault::new(&fault::DRAIN_CUT, "the grace period ended")
            } else {
                Fault::new(&fault::CLIENT_CANCELLED, "the client's connection ended")
            });
        }
        shared.crossing.unregister(self.record.id);
        let code = self
            .record
            .fault
            .as_ref()
            .map_or("", |fault| fault.code.code);
        if self.owed || self.hooked && self.record.fault.is_some() {
            self.tell(|out, id| encode::gone(out, id, code));
        } else if self.hooked {
            // It comes with the record at the latest, and even if that is dropped.
            let id = self.record.id;
            encoded(
                |out| encode::gone(out, id, code),
                |message| shared.crossing.tell_later(message),
            );
        }
        let stats = &shared.stats;
        if self.record.fault.is_some() {
            stats.failed_exchanges.up();
        }
        stats.bytes_in.add(self.record.bytes_in);
        stats.bytes_out.add(self.record.bytes_out);
        stats.open_exchanges.down();
        self.connection.listener.open_exchanges.down();
        encoded(
            |out| self.record.encode(out),
            |message| shared.crossing.record(message, stats),
        );
    }
}
