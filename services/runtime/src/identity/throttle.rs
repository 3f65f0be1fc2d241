//! Slowing down who guesses: after five wrong passwords each further one costs twice the wait.
//!
//! Invariants: nobody is locked out for ever; the table has a limit; a right password clears its name.
//!
//! Limit: guesses that are under way at once are judged together; the queue of hashes bounds them to some
//! dozens per wait.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::allowance::whole_seconds;

/// Wrong passwords that cost nothing: people mistype.
const FREE_FAILURES: u32 = 5;
/// The longest wait: a guesser gets 12 tries an hour, a locked-out person a cup of tea.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// How long a name is remembered after its last failure.
const MEMORY: Duration = Duration::from_secs(3600);
/// Most names at once; whoever invents more makes the oldest forgotten.
const NAMES_MAX: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Throttle {
    names: Mutex<HashMap<String, Failures>>,
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    fn wait(self) -> Duration {
        let Some(beyond) = self.count.checked_sub(FREE_FAILURES) else { return Duration::ZERO };
        let wait = Duration::from_secs(1_u64 << beyond.min(16)).min(WAIT_MAX);
        wait.saturating_sub(self.last.elapsed())
    }
}

impl Throttle {
    /// How long this name has to wait, in whole seconds; `None` when it may try.
    pub(super) fn wait_seconds(&self, name: &str) -> Option<u32> {
        let wait = self.lock().get(name)?.wait();
        (!wait.is_zero()).then(|| whole_seconds(wait))
    }

    pub(super) fn failed(&self, name: &str) {
        let mut names = self.lock();
        if names.len() >= NAMES_MAX && !names.contains_key(name) {
            names.retain(|_, failures| failures.last.elapsed() < MEMORY);
            if names.len() >= NAMES_MAX
                && let Some(oldest) = names
                    .iter()
                    .min_by_key(|(_, failures)| failures.last)
                    .map(|(name, _)| name.clone())
            {
                names.remove(&oldest);
            }
        }
        let failures =
            names.entry(name.to_owned()).or_insert(Failures { count: 0, last: Instant::now() });
        if failures.last.elapsed() >= MEMORY {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = Instant::now();
    }

    pub(super) fn succeeded(&self, name: &str) {
        self.lock().remove(name);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Failures>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Shorter than any unit that a wait was ever counted in.
    const A_MOMENT: Duration = Duration::from_micros(10);

    #[tokio::test(start_paused = true)]
    async fn the_fifth_wrong_password_begins_a_wait_that_doubles_and_ends() {
        let throttle = Throttle::default();
        for _ in 0..4 {
            throttle.failed("yang.li");
            assert_eq!(throttle.wait_seconds("yang.li"), None);
        }
        for seconds in [1, 2, 4, 8] {
            throttle.failed("yang.li");
            assert_eq!(throttle.wait_seconds("yang.li"), Some(seconds));
            // The last moment of a wait is not its end.
            tokio::time::advance(Duration::from_secs(u64::from(seconds)) - A_MOMENT).await;
            assert_eq!(throttle.wait_seconds("yang.li"), Some(1));
            tokio::time::advance(A_MOMENT).await;
            assert_eq!(throttle.wait_seconds("yang.li"), None);
        }
        assert_eq!(throttle.wait_seconds("somebody.else"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_wait_has_a_limit_and_a_right_password_clears_it() {
        let throttle = Throttle::default();
        for _ in 0..100 {
            throttle.failed("yang.li");
        }
        assert_eq!(throttle.wait_seconds("yang.li"), Some(300));
        throttle.succeeded("yang.li");
        assert_eq!(throttle.wait_seconds("yang.li"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_table_has_a_limit_and_forgets_the_oldest_first() {
        let throttle = Throttle::default();
        for number in 0..NAMES_MAX + 1 {
            throttle.failed(&number.to_string());
            tokio::time::advance(Duration::from_millis(1)).await;
        }
        assert_eq!(throttle.lock().len(), NAMES_MAX);
        assert!(!throttle.lock().contains_key("0"));
    }
}
