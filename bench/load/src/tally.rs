//! Counts and latencies, gathered per thread and added up at the end.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::Error;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Warming,
    Measuring,
    Over,
}

/// What all threads see.
#[derive(Default)]
pub struct Shared {
    phase: AtomicU8,
    /// Connections that have had their first answer.
    pub ready: AtomicUsize,
    received: AtomicU64,
    sent: AtomicU64,
}

/// A thread looks this often whether the time is over.
const LOOK: Duration = Duration::from_millis(20);

impl Shared {
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Warming,
            1 => Phase::Measuring,
            _ => Phase::Over,
        }
    }

    pub fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub async fn over(&self) {
        while self.phase() != Phase::Over {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Bytes count when they move, not when their answer is complete: with few
    /// large bodies the answers at the edges would blur the throughput.
    pub fn received(&self, bytes: usize) {
        if self.phase() == Phase::Measuring {
            self.received.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    pub fn sent(&self, bytes: usize) {
        if self.phase() == Phase::Measuring {
            self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

/// Longer ones are counted as this.
const LONGEST_MICROS: u64 = 120_000_000;

pub struct Tally {
    micros: Histogram<u64>,
    pub errors: u64,
    pub reconnects: u64,
    samples: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    seconds: f64,
    answers: u64,
    errors: u64,
    reconnects: u64,
    error_samples: Vec<String>,
    bytes_received: u64,
    bytes_sent: u64,
    p50_micros: u64,
    p90_micros: u64,
    p99_micros: u64,
    max_micros: u64,
}

impl Tally {
    pub fn new() -> Result<Self, Error> {
        Ok(Self {
            micros: Histogram::new_with_bounds(1, LONGEST_MICROS, 3)?,
            errors: 0,
            reconnects: 0,
            samples: Vec::new(),
        })
    }

    pub fn answered(&mut self, took: Duration) {
        self.micros.saturating_record(took.as_micros() as u64);
    }

    pub fn failed(&mut self, error: &str) {
        self.errors += 1;
        if self.samples.len() < 5 {
            self.samples.push(error.to_owned());
        }
    }

    pub fn add(&mut self, other: Self) -> Result<(), Error> {
        self.micros.add(other.micros)?;
        self.errors += other.errors;
        self.reconnects += other.reconnects;
        self.samples.extend(other.samples);
        self.samples.truncate(5);
        Ok(())
    }

    pub fn report(self, measured: Duration, shared: &Shared) -> Report {
        Report {
            seconds: measured.as_secs_f64(),
            answers: self.micros.len(),
            errors: self.errors,
            reconnects: self.reconnects,
            error_samples: self.samples,
            bytes_received: shared.received.load(Ordering::Relaxed),
            bytes_sent: shared.sent.load(Ordering::Relaxed),
            p50_micros: self.micros.value_at_quantile(0.5),
            p90_micros: self.micros.value_at_quantile(0.9),
            p99_micros: self.micros.value_at_quantile(0.99),
            max_micros: self.micros.max(),
        }
    }
}
