//! One queue per key, for as long as somebody stands in it.
//!
//! Invariant: the map holds a key only while a holder or a waiter of it exists, so it is never larger than the
//! number of commands in flight.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;

type Map = Arc<Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>>;

/// Queues by key. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct KeyedLocks {
    map: Map,
}

/// A place in the queue of a key; leaving it tidies up.
struct Place {
    map: Map,
    key: String,
    lock: Arc<tokio::sync::Mutex<()>>,
}

/// The turn of one holder; the next one comes when it is dropped.
pub(super) struct Turn {
    // Dropped before the place, in the order of declaration.
    _guard: OwnedMutexGuard<()>,
    _place: Place,
}

impl KeyedLocks {
    /// Waits for the turn on `key`; `None` after `wait_max`.
    pub(super) async fn lock(&self, key: &str, wait_max: Duration) -> Option<Turn> {
        let lock = {
            let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(map.entry(key.to_owned()).or_default())
        };
        let place = Place { map: Arc::clone(&self.map), key: key.to_owned(), lock };
        let turn = tokio::time::timeout(wait_max, Arc::clone(&place.lock).lock_owned()).await;
        turn.ok().map(|guard| Turn { _guard: guard, _place: place })
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.map.lock().unwrap().len()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's own and ours: nobody else stands here, and under the map's lock nobody can come.
        if Arc::strong_count(&self.lock) == 2 {
            map.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_key_has_one_holder_and_leaves_nothing_behind() {
        let locks = KeyedLocks::default();
        let held = locks.lock("a", Duration::ZERO).await;
        assert!(held.is_some());
        assert!(locks.lock("a", Duration::from_millis(5)).await.is_none());
        assert!(locks.lock("b", Duration::ZERO).await.is_some());
        assert_eq!(locks.len(), 1);
        drop(held);
        assert_eq!(locks.len(), 0);
        let (first, second) = tokio::join!(
            async { drop(locks.lock("a", Duration::from_secs(5)).await.unwrap()) },
            async { drop(locks.lock("a", Duration::from_secs(5)).await.unwrap()) },
        );
        assert_eq!((first, second), ((), ()));
        assert_eq!(locks.len(), 0);
    }
}
