//! The two-step end of a listener: first finish what is under way, then cut what is left.

use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Phase {
    Open = 0,
    /// No new connections and no new requests on the old ones; what is under way goes on.
    Draining = 1,
    /// The grace period is over.
    Cut = 2,
}

/// Cheap to ask (one atomic load) and cheap to wait for. Phases only move forward.
pub struct Drain {
    /// The same as the channel's value, which could only be read under its lock.
    phase: AtomicU8,
    signal: watch::Sender<Phase>,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            phase: AtomicU8::new(Phase::Open as u8),
            signal: watch::Sender::new(Phase::Open),
        }
    }
}

impl Drain {
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            0 => Phase::Open,
            1 => Phase::Draining,
            _ => Phase::Cut,
        }
    }

    /// True from `Draining` on.
    pub fn is_draining(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Ends once the phase is `Draining` or later; at once if it is already.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Ends once the phase is `Cut`.
    pub async fn cut(&self) {
        self.reached(Phase::Cut).await;
    }

    /// Moves forward to `phase`; going back is ignored.
    pub fn advance(&self, phase: Phase) {
        self.signal.send_if_modified(|now| {
            let forward = *now < phase;
            if forward {
                *now = phase;
                self.phase.store(phase as u8, Ordering::Release);
            }
            forward
        });
    }

    async fn reached(&self, phase: Phase) {
        // The only error is a dropped sender, which `self` owns.
        let _ = self.signal.subscribe().wait_for(|now| *now >= phase).await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn phases_wake_their_waiters_in_order() {
        let drain = Arc::new(Drain::default());
        assert!(!drain.is_draining());
        let waiter = tokio::spawn({
            let drain = drain.clone();
            async move {
                drain.draining().await;
                let seen = drain.phase();
                drain.cut().await;
                seen
            }
        });
        drain.advance(Phase::Draining);
        drain.draining().await;
        assert_eq!(drain.phase(), Phase::Draining);
        assert!(
            tokio::time::timeout(Duration::from_millis(20), drain.cut())
                .await
                .is_err()
        );
        drain.advance(Phase::Cut);
        assert!(waiter.await.unwrap() >= Phase::Draining);
    }

    #[tokio::test]
    async fn a_phase_never_goes_back() {
        let drain = Drain::default();
        drain.advance(Phase::Cut);
        drain.advance(Phase::Draining);
        assert_eq!(drain.phase(), Phase::Cut);
        // Whoever asks late is told at once.
        drain.draining().await;
        drain.cut().await;
    }
}
