//! How often one visitor may do something.
//!
//! A measure is a bucket that fills by itself (GCRA: one instant per visitor says when the bucket is full again). It is
//! our own and not the crate `governor`, because ours has to forget within a bound, to take after the fact what an answer
//! turned out to cost, and to give back; that leaves of a library little more than the arithmetic.
//!
//! Invariants: what is remembered has a limit, and who is full again is not remembered; when there are more visitors than
//! that, those who asked least lately are forgotten first, so that a flood of addresses frees no one who is in debt deeper
//! than the flood; a debt has an end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::problem::{Problem, TOO_MANY_REQUESTS};
use super::visitor::Visitor;

/// Visitors that are remembered at once; some 3 MB.
const VISITORS_MAX: usize = 32 * 1024;

/// How much wider the measure of this machine itself may be: behind it stands a proxy that does not say for whom it asks,
/// so that everybody shares it, or a tool of the operator.
const THIS_MACHINE_FACTOR: u32 = 10;

/// A measure for each visitor.
#[derive(Debug)]
pub struct Allowance {
    /// What may be taken at once.
    burst: u32,
    /// How long one takes to come back.
    refill: Duration,
    is_wide_here: bool,
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl Allowance {
    /// A measure of `burst` at once, which comes back at `per_minute`. Neither is zero.
    #[must_use]
    pub fn new(burst: u32, per_minute: u32) -> Self {
        Self {
            burst,
            refill: Duration::from_secs(60) / per_minute.max(1),
            is_wide_here: false,
            full_at: Mutex::new(HashMap::new()),
        }
    }

    /// Makes the measure of this machine itself ten times as wide.
    #[must_use]
    pub fn wide_for_this_machine(mut self) -> Self {
        self.is_wide_here = true;
        self
    }

    /// Takes `cost`.
    ///
    /// # Errors
    /// When the visitor does not have as much left; gives the seconds until he has. Nothing is taken then.
    pub fn take(&self, visitor: Visitor, cost: u32) -> Result<(), u32> {
        let now = Instant::now();
        let (burst, refill) = self.measure_of(visitor);
        let mut all = self.lock();
        let full_at = all.get(&visitor.network()).copied().unwrap_or(now).max(now) + refill * cost;
        let over = full_at.saturating_duration_since(now).saturating_sub(refill * burst);
        if !over.is_zero() {
            return Err(whole_seconds(over));
        }
        remember(&mut all, visitor.network(), full_at, now);
        Ok(())
    }

    /// Takes `cost` for what has happened already, whether he has it or not; he owes at most another burst.
    pub fn charge(&self, visitor: Visitor, cost: u32) {
        let now = Instant::now();
        let (burst, refill) = self.measure_of(visitor);
        let mut all = self.lock();
        let full_at = all.get(&visitor.network()).copied().unwrap_or(now).max(now) + refill * cost;
        let full_at = full_at.min(now + refill * burst.saturating_mul(2));
        remember(&mut all, visitor.network(), full_at, now);
    }

    /// Gives back what was taken for something that turned out to be harmless.
    pub fn give_back(&self, visitor: Visitor, cost: u32) {
        let now = Instant::now();
        let (_, refill) = self.measure_of(visitor);
        let mut all = self.lock();
        if let Some(full_at) = all.get_mut(&visitor.network()) {
            *full_at = full_at.checked_sub(refill * cost).unwrap_or(now);
        }
    }

    /// The burst, and how long one takes to come back.
    fn measure_of(&self, visitor: Visitor) -> (u32, Duration) {
        match self.is_wide_here && visitor.is_this_machine() {
            true => (self.burst * THIS_MACHINE_FACTOR, self.refill / THIS_MACHINE_FACTOR),
            false => (self.burst, self.refill),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Instant>> {
        // A measure that broke while it was held is still a measure.
        self.full_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn remember(all: &mut HashMap<IpAddr, Instant>, who: IpAddr, full_at: Instant, now: Instant) {
    if all.len() >= VISITORS_MAX && !all.contains_key(&who) {
        all.retain(|_, full_at| *full_at > now);
        if all.len() >= VISITORS_MAX {
            // Half at once, so that the next one does not look for room again.
            let mut instants: Vec<Instant> = all.values().copied().collect();
            let (_, middle, _) = instants.select_nth_unstable(VISITORS_MAX / 2);
            let middle = *middle;
            all.retain(|_, full_at| *full_at > middle);
        }
    }
    all.insert(who, full_at);
}

/// A wait in whole seconds, rounded up: a wait that is not over is never 0.
pub(crate) fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

/// The problem of who asks too often.
#[must_use]
pub fn too_often(retry_after_seconds: u32) -> Problem {
    Problem::of(&TOO_MANY_REQUESTS, "too often from this address (此地址操作过于频繁)")
        .retry_after(retry_after_seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visitor(number: u32) -> Visitor {
        Visitor::at(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into())
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_too_often_waits_and_nobody_else_does() {
        let measure = Allowance::new(3, 60);
        for _ in 0..3 {
            assert_eq!(measure.take(visitor(1), 1), Ok(()));
        }
        assert_eq!(measure.take(visitor(1), 1), Err(1));
        assert_eq!(measure.take(visitor(1), 3), Err(3));
        assert_eq!(measure.take(visitor(2), 1), Ok(()));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(measure.take(visitor(1), 1), Ok(()));
        assert_eq!(measure.take(visitor(1), 1), Err(1));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_charged_afterwards_makes_a_debt_with_an_end_and_giving_back_ends_it() {
        let measure = Allowance::new(10, 60);
        measure.charge(visitor(1), 1000);
        assert_eq!(measure.take(visitor(1), 1), Err(11));
        measure.give_back(visitor(1), 15);
        for _ in 0..5 {
            assert_eq!(measure.take(visitor(1), 1), Ok(()));
        }
        assert_eq!(measure.take(visitor(1), 1), Err(1));
        measure.give_back(visitor(1), 1000);
        assert_eq!(measure.take(visitor(1), 11), Err(1), "nobody saves more than a burst");
    }

    #[tokio::test(start_paused = true)]
    async fn this_machine_may_have_a_wider_measure() {
        let here = Visitor::at(std::net::Ipv4Addr::LOCALHOST.into());
        let measure = Allowance::new(1, 60);
        assert_eq!([measure.take(here, 1), measure.take(here, 1)], [Ok(()), Err(1)]);
        let measure = Allowance::new(1, 60).wide_for_this_machine();
        assert_eq!([measure.take(here, 10), measure.take(here, 1)], [Ok(()), Err(1)]);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(measure.take(here, 1), Ok(()));
        assert_eq!([measure.take(visitor(1), 1), measure.take(visitor(1), 1)], [Ok(()), Err(1)]);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_remembered_is_bounded_and_a_flood_does_not_free_who_is_in_debt() {
        let measure = Allowance::new(10, 60);
        measure.charge(visitor(0), 20);
        for number in 1..=u32::try_from(VISITORS_MAX).unwrap() * 2 {
            assert_eq!(measure.take(visitor(number), 1), Ok(()));
        }
        assert!(measure.lock().len() <= VISITORS_MAX);
        assert!(measure.take(visitor(0), 1).is_err());
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(measure.take(visitor(0), 1), Ok(()));
    }
}
