//! Time, read once where a request enters; after that it is data.
//!
//! Invariant: this is the only file of the workspace that reads the machine's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

/// Tells the time. Services read it once per request, timer tick or reaction.
pub trait Clock: Send + Sync + 'static {
    /// The present instant, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// A clock that several services share.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// The machine's clock moved by a constant, for training and acceptance tests (`--clock-start`).
///
/// It runs at the speed of real time from the instant that it was given.
#[derive(Debug, Clone, Copy)]
pub struct ShiftedClock {
    shift: TimeDelta,
}

impl ShiftedClock {
    /// Starts a clock that says `start` now.
    #[must_use]
    pub fn starting_at(start: DateTime<Utc>) -> Self {
        Self { shift: start - SystemClock.now() }
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.shift
    }
}

/// A clock that stands still until somebody moves it, for tests and for telling a history.
#[derive(Debug)]
pub struct ManualClock {
    unix_micros: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that stands at `start`; finer than a microsecond is cut off.
    #[must_use]
    pub fn new(start: DateTime<Utc>) -> Self {
        Self { unix_micros: AtomicI64::new(start.timestamp_micros()) }
    }

    /// Moves the clock to `instant`, forward or back.
    pub fn set(&self, instant: DateTime<Utc>) {
        self.unix_micros.store(instant.timestamp_micros(), Ordering::SeqCst);
    }

    /// Moves the clock forward by `delta`.
    pub fn advance(&self, delta: TimeDelta) {
        self.unix_micros.fetch_add(delta.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.unix_micros.load(Ordering::SeqCst))
            .unwrap_or(DateTime::UNIX_EPOCH)
    }
}
