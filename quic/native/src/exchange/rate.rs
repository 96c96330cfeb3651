//! The least speed that a request's content may have.

use std::time::{Duration, Instant};

/// Average speed over a window.
pub struct Rate {
    least: u64,
    window: Duration,
    since: Instant,
    bytes: u64,
}

impl Rate {
    /// `least`: bytes per second; 0: any speed will do.
    pub fn new(least: u64, window: Duration) -> Self {
        Self {
            least,
            window,
            since: Instant::now(),
            bytes: 0,
        }
    }

    pub fn moved(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Whether a whole window has passed at less than the least speed; begins a new window.
    pub fn is_below(&mut self) -> bool {
        let passed = self.since.elapsed();
        if self.least == 0 || passed < self.window {
            return false;
        }
        let below = (self.bytes as f64) < self.least as f64 * passed.as_secs_f64();
        self.since = Instant::now();
        self.bytes = 0;
        below
    }
}
