//! Keeps a flood of one kind of event from pushing all others out of their bounded queue.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::engine::lock;

/// A token bucket.
pub struct Throttle {
    burst: u32,
    every: Duration,
    state: Mutex<(u32, Instant)>,
}

impl Throttle {
    /// `burst` events at once, and one more each `every`.
    pub fn new(burst: u32, every: Duration) -> Self {
        Self {
            burst,
            every,
            state: Mutex::new((burst, Instant::now())),
        }
    }

    pub fn allows(&self) -> bool {
        self.allows_at(Instant::now())
    }

    fn allows_at(&self, now: Instant) -> bool {
        let mut state = lock(&self.state);
        let (tokens, since) = &mut *state;
        let earned =
            now.saturating_duration_since(*since).as_nanos() / self.every.as_nanos().max(1);
        if earned >= u128::from(self.burst - *tokens) {
            *tokens = self.burst;
            *since = now;
        } else {
            // Below burst - tokens, hence below u32::MAX.
            *tokens += earned as u32;
            *since += self.every * earned as u32;
        }
        let allowed = *tokens > 0;
        *tokens = tokens.saturating_sub(1);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_one_event_per_interval() {
        let throttle = Throttle::new(3, Duration::from_secs(1));
        let start = Instant::now();
        let passed = |at: u64| {
            (0..10)
                .filter(|_| throttle.allows_at(start + Duration::from_millis(at)))
                .count()
        };
        assert_eq!(passed(10), 3);
        assert_eq!(passed(500), 0);
        assert_eq!(passed(1_600), 1);
        assert_eq!(passed(1_700), 0);
        assert_eq!(passed(60_000), 3);
    }
}
