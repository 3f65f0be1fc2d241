//! A bucket in memory, for tests and for telling a history: the semantics of the bus without a bus.
//!
//! Invariants: it passes the same contract suite as the bucket on the bus; nothing survives the process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{self, BoxStream, StreamExt as _};
use tokio::sync::broadcast;

use super::{Content, Found, KeyValue, KvError};

/// Changes that a slow watcher may be behind before its line breaks.
const CHANGES_MAX: usize = 256;

/// A bucket in memory. Clones share their values.
#[derive(Clone)]
pub struct MemoryBucket {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    values: Mutex<Values>,
    changed: broadcast::Sender<String>,
}

#[derive(Default)]
struct Values {
    /// Counts the writes; the newest is the revision of what it wrote.
    revision: u64,
    /// The revision of each key's last write, and the value unless that was a deletion.
    keys: BTreeMap<String, (u64, Option<Bytes>)>,
}

impl std::fmt::Debug for MemoryBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryBucket").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl MemoryBucket {
    /// Makes an empty bucket.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let changed = broadcast::Sender::new(CHANGES_MAX);
        let shared = Shared { name: name.to_owned(), values: Mutex::default(), changed };
        Self { shared: Arc::new(shared) }
    }
}

impl Shared {
    /// A panic elsewhere leaves the values whole: each is written in one step.
    fn lock(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, key: &str) -> Found {
        match self.lock().keys.get(key) {
            Some((revision, Some(value))) => {
                Found::Value { value: value.clone(), revision: *revision }
            }
            Some((_, None)) => Found::Deleted,
            None => Found::Never,
        }
    }

    /// Writes when `may` says so about the last write of the key.
    fn write(
        &self,
        key: &str,
        value: Option<Bytes>,
        may: impl FnOnce(Option<&(u64, Option<Bytes>)>) -> bool,
    ) -> bool {
        let mut values = self.lock();
        if !may(values.keys.get(key)) {
            return false;
        }
        values.revision += 1;
        let revision = values.revision;
        values.keys.insert(key.to_owned(), (revision, value));
        // Without a watcher nobody is told.
        let _ = self.changed.send(key.to_owned());
        true
    }
}

impl KeyValue for MemoryBucket {
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        async move { Ok(self.shared.find(key)) }.boxed()
    }

    fn find_at_leader<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        self.find(key)
    }

    fn create<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<bool, KvError>> {
        async move {
            let is_free =
                |last: Option<&(u64, Option<Bytes>)>| last.is_none_or(|(_, value)| value.is_none());
            Ok(self.shared.write(key, Some(value), is_free))
        }
        .boxed()
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        async move {
            let mut present = 0;
            let is_replaced = self.shared.write(key, Some(value), |last| {
                present = last.map_or(0, |(revision, _)| *revision);
                present == revision
            });
            if !is_replaced && present == 0 {
                let source = format!("the key has no value, and never had revision {revision}");
                let bucket = self.shared.name.clone();
                return Err(KvError { attempted: "writing", bucket, source: source.into() });
            }
            Ok(is_replaced)
        }
        .boxed()
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), KvError>> {
        async move {
            self.shared.write(key, Some(value), |_| true);
            Ok(())
        }
        .boxed()
    }

    fn purge<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        async move {
            self.shared.write(key, None, |_| true);
            Ok(())
        }
        .boxed()
    }

    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, KvError>> {
        async move {
            let values = self.shared.lock();
            let present = values.keys.iter().filter(|(_, (_, value))| value.is_some());
            Ok(present.map(|(key, _)| key.clone()).collect())
        }
        .boxed()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Vec<Content>, KvError>> {
        async move {
            let values = self.shared.lock();
            Ok(values.keys.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect())
        }
        .boxed()
    }

    fn changes(&self) -> BoxFuture<'_, Result<BoxStream<'static, String>, KvError>> {
        let changed = self.shared.changed.subscribe();
        async move {
            // A watcher that fell behind does not know what changed: its line ends.
            let keys = stream::unfold(changed, |mut changed| async move {
                changed.recv().await.ok().map(|key| (key, changed))
            });
            Ok(keys.boxed())
        }
        .boxed()
    }

    fn contents(&self) -> BoxFuture<'_, Result<BoxStream<'static, Content>, KvError>> {
        async move {
            // Subscribed before it is looked: a change in between is told twice.
            let changes = self.changes().await?;
            let present: Vec<Content> = {
                let values = self.shared.lock();
                values.keys.iter().map(|(key, (_, value))| (key.clone(), value.clone())).collect()
            };
            let shared = Arc::clone(&self.shared);
            let changed = changes.map(move |key| {
                let value = shared.find(&key).value().map(|(value, _)| value);
                (key, value)
            });
            Ok(stream::iter(present).chain(changed).boxed())
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use crate::kv::{Bucket, contract};

    #[tokio::test]
    async fn the_bucket_in_memory_keeps_the_contract() {
        contract::check(&Bucket::in_memory("contract")).await;
    }
}
