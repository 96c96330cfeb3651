use std::time::{Duration, Instant};

const PERIOD: Duration = Duration::from_secs(1);

/// How often a peer may do in a second what costs us more than it.
#[derive(Debug)]
pub(crate) struct Budget {
    most: u64,
    spent: u64,
    since: Option<Instant>,
}

impl Budget {
    pub(crate) fn new(most: u64) -> Self {
        Self {
            most,
            spent: 0,
            since: None,
        }
    }

    /// False when it is overdrawn. The clock is asked for only once what a second allows was
    /// spent.
    pub(crate) fn spend(&mut self, n: u64, now: impl FnOnce() -> Instant) -> bool {
        self.spent = self.spent.saturating_add(n);
        if self.spent <= self.most {
            return true;
        }
        let now = now();
        let fresh = self
            .since
            .is_none_or(|since| now.duration_since(since) >= PERIOD);
        if fresh {
            self.since = Some(now);
            self.spent = n;
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_a_flood_is_not() {
        let start = Instant::now();
        let mut budget = Budget::new(10);
        assert!(budget.spend(10, || start));
        // The first period began before anybody looked at the clock.
        assert!(budget.spend(10, || start));
        assert!(!budget.spend(1, || start + PERIOD / 2));
        assert!(budget.spend(1, || start + PERIOD));
        assert!(!budget.spend(10, || start + PERIOD));
    }
}
