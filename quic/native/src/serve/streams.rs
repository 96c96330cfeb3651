//! The requests under way on one connection that has many: how many there are, since when there
//! is none, and a way to wait for their end. Each runs in a task of its own; when the connection
//! ends, their streams fail, and so they end too.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

pub struct Streams {
    open: AtomicUsize,
    born: Instant,
    /// When a request last began or ended, in milliseconds since `born`.
    moved: AtomicU64,
    empty: Notify,
}

/// One request; its end is the guard's.
pub struct Stream(Arc<Streams>);

impl Streams {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            open: AtomicUsize::new(0),
            born: Instant::now(),
            moved: AtomicU64::new(0),
            empty: Notify::new(),
        })
    }

    pub fn begin(self: &Arc<Self>) -> Stream {
        self.open.fetch_add(1, Ordering::AcqRel);
        self.touch();
        Stream(Arc::clone(self))
    }

    fn touch(&self) {
        let now = self.born.elapsed().as_millis();
        self.moved
            .store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// For how long there has been no request; none while there are any.
    pub fn idle(&self) -> Option<Duration> {
        if self.open.load(Ordering::Acquire) > 0 {
            return None;
        }
        let moved = Duration::from_millis(self.moved.load(Ordering::Relaxed));
        Some(self.born.elapsed().saturating_sub(moved))
    }

    /// Waits until no request is left, for at most `patience`.
    pub async fn end(&self, patience: Duration) {
        let ended = async {
            loop {
                let notified = self.empty.notified();
                if self.open.load(Ordering::Acquire) == 0 {
                    return;
                }
                notified.await;
            }
        };
        // Those that are left hold only what is theirs.
        let _ = tokio::time::timeout(patience, ended).await;
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.0.touch();
        if self.0.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.empty.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_is_awaited_and_idleness_known() {
        let streams = Streams::new();
        assert!(streams.idle().is_some());
        let stream = streams.begin();
        assert!(streams.idle().is_none());
        let waiting = tokio::spawn({
            let streams = Arc::clone(&streams);
            async move { streams.end(Duration::from_secs(60)).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(stream);
        assert!(waiting.await.is_ok());
    }
}
