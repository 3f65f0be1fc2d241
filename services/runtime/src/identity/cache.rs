//! What was just read from a bucket, for a few seconds.
//!
//! Invariants: nothing is older than [`AGE_MAX`]; what was forgotten while it was being read is not
//! remembered; the number of entries has a limit.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Oldest answer from memory: how late a revocation can be when the watch is broken.
pub(super) const AGE_MAX: Duration = Duration::from_secs(3);

/// Most entries: more people than a district has at its desks.
const ENTRIES_MAX: usize = 8192;

#[derive(Debug)]
pub(super) struct Cache<V> {
    inner: Mutex<Inner<V>>,
}

#[derive(Debug)]
struct Inner<V> {
    entries: HashMap<String, (V, Instant)>,
    /// Counts what was forgotten, so that a reader notices that its answer may be old.
    forgettings: u64,
}

/// Taken before a bucket is read; an answer is remembered only when nothing was forgotten since.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket(u64);

impl<V: Clone> Cache<V> {
    pub(super) fn new() -> Self {
        Self { inner: Mutex::new(Inner { entries: HashMap::new(), forgettings: 0 }) }
    }

    pub(super) fn get(&self, key: &str) -> Option<V> {
        let inner = self.lock();
        let (value, read_at) = inner.entries.get(key)?;
        (read_at.elapsed() < AGE_MAX).then(|| value.clone())
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.lock().forgettings)
    }

    pub(super) fn remember(&self, ticket: Ticket, key: &str, value: V) {
        let mut inner = self.lock();
        if inner.forgettings != ticket.0 {
            return;
        }
        if inner.entries.len() >= ENTRIES_MAX {
            inner.entries.retain(|_, (_, read_at)| read_at.elapsed() < AGE_MAX);
            if inner.entries.len() >= ENTRIES_MAX {
                inner.entries.clear();
            }
        }
        inner.entries.insert(key.to_owned(), (value, Instant::now()));
    }

    pub(super) fn forget(&self, key: &str) {
        let mut inner = self.lock();
        inner.forgettings += 1;
        inner.entries.remove(key);
    }

    /// Forgets one key, or all of them when none is named.
    pub(super) fn forget_what(&self, key: Option<&str>) {
        match key {
            Some(key) => self.forget(key),
            None => self.forget_all(),
        }
    }

    pub(super) fn forget_all(&self) {
        let mut inner = self.lock();
        inner.forgettings += 1;
        inner.entries.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Inner<V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_answer_grows_too_old() {
        let cache = Cache::new();
        cache.remember(cache.ticket(), "a", 1);
        assert_eq!(cache.get("a"), Some(1));
        tokio::time::advance(AGE_MAX).await;
        assert_eq!(cache.get("a"), None);
    }

    #[tokio::test]
    async fn what_was_revoked_while_it_was_read_is_not_remembered() {
        let cache = Cache::new();
        let ticket = cache.ticket();
        cache.forget("a");
        cache.remember(ticket, "a", 1);
        assert_eq!(cache.get("a"), None);
    }

    #[tokio::test]
    async fn the_number_of_entries_has_a_limit() {
        let cache = Cache::new();
        for number in 0..=ENTRIES_MAX {
            cache.remember(cache.ticket(), &number.to_string(), number);
        }
        assert!(cache.lock().entries.len() <= ENTRIES_MAX);
    }
}
