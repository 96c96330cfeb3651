//! One engine: its runtime, its listeners and upstreams, and what they share. Nothing here is
//! global; two engines in a process know nothing of each other.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::task::JoinError;

use crate::config::EngineOptions;
use crate::crossing::Crossing;
use crate::event::{Event, Stats};
use crate::listener::Listener;
use crate::unwind;
use crate::upstream::{QuicClient, Upstream};

/// Shared by everything that runs in one engine.
pub struct Shared {
    pub options: EngineOptions,
    pub stats: Stats,
    pub crossing: Arc<Crossing>,
    /// The sockets under HTTP/3 to upstreams.
    pub quic_client: QuicClient,
    next_exchange: AtomicU64,
    next_connection: AtomicU64,
    next_handle: AtomicU32,
    listeners: Mutex<HashMap<u32, Arc<Listener>>>,
    /// Those that drain already: nobody finds them any more, and `stop` waits for them too.
    leaving: Mutex<HashMap<u32, Arc<Listener>>>,
    upstreams: Mutex<HashMap<u32, Arc<Upstream>>>,
}

/// A poisoned lock only says that another thread panicked between two plain map operations;
/// the data is still whole, and one defect must not end every request (house rule: no abort).
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(options: EngineOptions, crossing: Crossing) -> Self {
        Self {
            options,
            stats: Stats::default(),
            crossing: Arc::new(crossing),
            quic_client: QuicClient::default(),
            next_exchange: AtomicU64::new(1),
            next_connection: AtomicU64::new(1),
            next_handle: AtomicU32::new(1),
            listeners: Mutex::default(),
            leaving: Mutex::default(),
            upstreams: Mutex::default(),
        }
    }

    pub fn exchange_id(&self) -> u64 {
        self.next_exchange.fetch_add(1, Ordering::Relaxed)
    }

    pub fn connection_id(&self) -> u64 {
        self.next_connection.fetch_add(1, Ordering::Relaxed)
    }

    /// The id of a new listener or upstream.
    pub fn handle(&self) -> u32 {
        self.next_handle.fetch_add(1, Ordering::Relaxed)
    }

    /// Tells JavaScript about something, with its next turn.
    pub fn event(&self, event: &Event) {
        self.crossing.event(event, &self.stats);
    }

    /// Counts a defect and tells of it; `exchange` is 0 when it met none.
    pub fn panicked(&self, exchange: u64, reason: String) {
        self.stats.panics.up();
        self.event(&Event::Panic {
            exchange: exchange as f64,
            reason,
        });
    }

    /// The same of a task that is over, if a defect ended it.
    pub fn reap(&self, task: Result<(), JoinError>) {
        if let Err(error) = task
            && let Ok(payload) = error.try_into_panic()
        {
            self.panicked(0, unwind::message(payload.as_ref()));
        }
    }

    pub fn listener(&self, id: u32) -> Option<Arc<Listener>> {
        lock(&self.listeners).get(&id).cloned()
    }

    pub fn add_listener(&self, listener: Arc<Listener>) {
        lock(&self.listeners).insert(listener.id, listener);
    }

    /// The listener is about to drain.
    pub fn listener_leaves(&self, id: u32) -> Option<Arc<Listener>> {
        let mut listeners = lock(&self.listeners);
        let listener = listeners.remove(&id)?;
        lock(&self.leaving).insert(id, Arc::clone(&listener));
        Some(listener)
    }

    /// It has drained.
    pub fn listener_left(&self, id: u32) {
        lock(&self.leaving).remove(&id);
    }

    pub fn upstream(&self, id: u32) -> Option<Arc<Upstream>> {
        lock(&self.upstreams).get(&id).cloned()
    }

    pub fn add_upstream(&self, upstream: Arc<Upstream>) {
        lock(&self.upstreams).insert(upstream.id, upstream);
    }

    pub fn remove_upstream(&self, id: u32) -> Option<Arc<Upstream>> {
        lock(&self.upstreams).remove(&id)
    }

    pub fn upstreams(&self) -> Vec<Arc<Upstream>> {
        lock(&self.upstreams).values().cloned().collect()
    }

    /// Drains all listeners at once and closes all upstreams; returns the exchanges cut off.
    pub async fn stop(&self, grace: std::time::Duration) -> u64 {
        // those that drain already have no longer than the others
        let mut all = std::mem::take(&mut *lock(&self.listeners));
        all.extend(lock(&self.leaving).drain());
        let mut draining = tokio::task::JoinSet::new();
        for listener in all.into_values() {
            draining.spawn(async move { listener.drain(grace).await.cut });
        }
        let cut = draining.join_all().await.into_iter().sum();
        let upstreams: Vec<_> = lock(&self.upstreams).drain().collect();
        for (_, upstream) in upstreams {
            upstream.close();
        }
        self.quic_client.close().await;
        cut
    }

    /// Nobody will stop the engine any more: listeners and this hold each other, and no longer.
    pub fn abandon(&self) {
        let listeners = std::mem::take(&mut *lock(&self.listeners));
        let leaving = std::mem::take(&mut *lock(&self.leaving));
        let upstreams = std::mem::take(&mut *lock(&self.upstreams));
        drop((listeners, leaving, upstreams));
    }
}
