//! What is remembered of HTTP/3 to an upstream: whether it works, and when it is tried again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant};

use crate::fault::Code;

#[derive(Debug)]
pub struct Memory {
    first: Duration,
    most: Duration,
    failed: Option<Failed>,
}

#[derive(Clone, Copy, Debug)]
pub struct Failed {
    pub code: &'static Code,
    pub since: Instant,
    pub next: Instant,
    interval: Duration,
}

impl Memory {
    pub fn new(first: Duration, most: Duration) -> Self {
        Self {
            first,
            most,
            failed: None,
        }
    }

    /// HTTP/3 is tried before TCP.
    pub fn is_usable(&self) -> bool {
        self.failed.is_none()
    }

    pub fn failed(&self) -> Option<&Failed> {
        self.failed.as_ref()
    }

    /// HTTP/3 lost against TCP. Returns the wait until it is probed, or nothing when it was known
    /// to have failed already.
    pub fn fail(&mut self, code: &'static Code, now: Instant) -> Option<Duration> {
        if self.failed.is_some() {
            return None;
        }
        let wait = jittered(self.first, entropy());
        self.failed = Some(Failed {
            code,
            since: now,
            next: now + wait,
            interval: self.first,
        });
        Some(wait)
    }

    /// A probe failed too: the wait until the next doubles. Nothing when HTTP/3 has recovered
    /// meanwhile.
    pub fn fail_again(&mut self, code: &'static Code, now: Instant) -> Option<Duration> {
        let failed = self.failed.as_mut()?;
        failed.interval = failed.interval.saturating_mul(2).min(self.most);
        let wait = jittered(failed.interval, entropy());
        failed.code = code;
        failed.next = now + wait;
        Some(wait)
    }

    /// A probe could not be made for want of a connection: the same wait again.
    pub fn postpone(&mut self, now: Instant) {
        if let Some(failed) = &mut self.failed {
            failed.next = now + jittered(failed.interval, entropy());
        }
    }

    /// HTTP/3 connected. Returns whether it had failed before.
    pub fn recover(&mut self) -> bool {
        self.failed.take().is_some()
    }
}

/// Within a tenth of the interval, so that gateways that lost HTTP/3 together do not probe
/// together.
fn jittered(interval: Duration, entropy: u64) -> Duration {
    let thousandths = 900 + (entropy % 201) as u32;
    interval / 1000 * thousandths
}

/// No secret: hash keys differ from call to call.
fn entropy() -> u64 {
    RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::fault;

    fn memory() -> Memory {
        Memory::new(Duration::from_secs(5), Duration::from_secs(30))
    }

    #[test]
    fn waits_double_up_to_their_bound() {
        let mut memory = memory();
        let now = Instant::now();
        let mut waits = vec![memory.fail(&fault::CONNECT_TIMEOUT, now).unwrap()];
        for _ in 0..4 {
            waits.push(memory.fail_again(&fault::CONNECT_TIMEOUT, now).unwrap());
        }
        for (wait, middle) in waits.iter().zip([5.0, 10.0, 20.0, 30.0, 30.0]) {
            let seconds = wait.as_secs_f64();
            assert!(
                (middle * 0.9 - 0.01..=middle * 1.1 + 0.01).contains(&seconds),
                "{seconds}"
            );
        }
    }

    #[test]
    fn one_failure_is_remembered_once_until_recovery() {
        let mut memory = memory();
        let now = Instant::now();
        assert!(memory.is_usable());
        assert!(memory.fail(&fault::CONNECT_TIMEOUT, now).is_some());
        assert!(memory.fail(&fault::CONNECT_TIMEOUT, now).is_none());
        assert!(!memory.is_usable());
        assert!(memory.recover());
        assert!(!memory.recover());
        assert!(memory.is_usable());
        assert!(memory.fail_again(&fault::CONNECT_TIMEOUT, now).is_none());
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let second = Duration::from_secs(1);
        assert_eq!(jittered(second, 0), Duration::from_millis(900));
        assert_eq!(jittered(second, 100), second);
        assert_eq!(jittered(second, 200), Duration::from_millis(1100));
    }
}
