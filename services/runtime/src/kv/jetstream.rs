//! A bucket on the bus.
//!
//! Invariant: every call ends within [`CALL_TIME_MAX`].
//!
//! What the bus does with bytes (nats-server 2.15.1, measured 2026-12-01 in its files): a value that is replaced, or
//! purged, or pushed out by the next one stays in the file of the stream until that is compacted, and nothing can reach it
//! any more. A message that is deleted by its sequence is overwritten at once, and the server does that for a message that
//! still stands only. So a bucket whose bytes matter keeps two values of a key: the next one, or the marker, is
//! written first, then the one before is deleted. Whatever falls in between, the newest stands.

use std::future::{Future, ready};
use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{Entry, Operation, Store};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use futures::stream::{BoxStream, StreamExt as _, TryStreamExt as _};

use super::{Content, Found, KeyValue, KvError};

/// How long one call may take: above any answer of a healthy bus, below a caller's patience.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(3);

/// A bucket on the bus.
#[derive(Debug, Clone)]
pub struct JetStreamBucket {
    store: Store,
}

impl JetStreamBucket {
    /// Opens a bucket that exists.
    ///
    /// # Errors
    /// When the bus is out of reach or the bucket is missing.
    pub async fn open(bus: &Context, name: &str) -> Result<Self, KvError> {
        let store = within("opening", name, bus.get_key_value(name)).await?;
        Ok(Self { store })
    }

    async fn leader(&self, key: &str) -> Result<Found, KvError> {
        let subject = self.subject(key);
        let lookup = async {
            match self.store.stream.get_last_raw_message_by_subject(&subject).await {
                Ok(message) => Ok(Some(message)),
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
                Err(error) => Err(error),
            }
        };
        let Some(message) = self.within("reading at the leader", lookup).await? else {
            return Ok(Found::Never);
        };
        // `KV-Operation` on what a client deleted, `Nats-Marker-Reason` on what the bus itself let go.
        let is_marker = ["KV-Operation", "Nats-Marker-Reason"]
            .iter()
            .filter_map(|name| message.headers.get(*name))
            .any(|value| value.as_str() != "PUT");
        if is_marker {
            return Ok(Found::Deleted);
        }
        Ok(Found::Value { value: message.payload, revision: message.sequence })
    }

    /// Whether the bucket was made so that bytes can be overwritten; that of an older version was not, and the server
    /// does not let that be changed.
    fn can_overwrite(&self) -> bool {
        let config = &self.store.stream.cached_info().config;
        !config.deny_delete && config.max_messages_per_subject > 1
    }

    /// Overwrites what stands before the newest of a key; says how much it was.
    async fn overwrite_older(&self, subject: &str) -> Result<u64, KvError> {
        let stream = &self.store.stream;
        let newest = stream.get_last_raw_message_by_subject(subject);
        let newest = self.within("reading at the leader", newest).await?.sequence;
        let mut overwritten = 0;
        loop {
            let oldest = stream.get_first_raw_message_by_subject(subject, 1);
            let oldest = self.within("reading at the leader", oldest).await?.sequence;
            if oldest >= newest {
                return Ok(overwritten);
            }
            self.within("overwriting", stream.delete_message(oldest)).await?;
            overwritten += 1;
        }
    }

    /// The same, when the newest stands already: that it does is what counts.
    async fn try_overwrite_older(&self, key: &str) {
        if let Err(error) = self.overwrite_older(&self.subject(key)).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the bytes of an old value could not be overwritten; the next start tries again"
            );
        }
    }

    fn subject(&self, key: &str) -> String {
        format!("{}{key}", self.store.prefix)
    }

    async fn within<T, E>(
        &self,
        attempted: &'static str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, KvError>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        within(attempted, &self.store.name, call).await
    }
}

impl KeyValue for JetStreamBucket {
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        async move {
            let entry = self.within("reading", self.store.entry(key)).await?;
            match entry {
                Some(Entry { operation: Operation::Put, value, revision, .. }) => {
                    Ok(Found::Value { value, revision })
                }
                // A deletion is never undone by a late replica; "nothing" may be only late.
                Some(_) => Ok(Found::Deleted),
                None => self.leader(key).await,
            }
        }
        .boxed()
    }

    fn find_at_leader<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        self.leader(key).boxed()
    }

    fn create<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<bool, KvError>> {
        async move {
            match self.within("creating", self.store.create(key, value)).await {
                Ok(_) => Ok(true),
                Err(error) => match self.leader(key).await? {
                    Found::Value { .. } => Ok(false),
                    Found::Deleted | Found::Never => Err(error),
                },
            }
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
            match self.within("writing", self.store.update(key, value, revision)).await {
                Ok(_) => Ok(true),
                // A replicated bucket tells most losers with a code that the client does not know (10164):
                // what stands there decides, not the error.
                Err(error) => match self.leader(key).await? {
                    Found::Value { revision: present, .. } if present != revision => Ok(false),
                    Found::Deleted => Ok(false),
                    Found::Value { .. } | Found::Never => Err(error),
                },
            }
        }
        .boxed()
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), KvError>> {
        async move { self.within("writing", self.store.put(key, value)).await.map(drop) }.boxed()
    }

    fn purge<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        async move { self.within("purging", self.store.purge(key)).await }.boxed()
    }

    fn destroy<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        async move {
            if !self.can_overwrite() {
                return self.purge(key).await;
            }
            // Not a purge: that would take the old value out of reach.
            if self.leader(key).await? != Found::Deleted {
                self.within("deleting", self.store.delete(key)).await?;
            }
            self.try_overwrite_older(key).await;
            Ok(())
        }
        .boxed()
    }

    fn replace_for_ever<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        async move {
            let is_replaced = self.replace(key, value, revision).await?;
            if is_replaced && self.can_overwrite() {
                self.try_overwrite_older(key).await;
            }
            Ok(is_replaced)
        }
        .boxed()
    }

    fn overwrite_leftovers(&self) -> BoxFuture<'_, Result<u64, KvError>> {
        async move {
            if !self.can_overwrite() {
                return Ok(0);
            }
            let state = self.within("listing", self.store.stream.get_info()).await?.state;
            if state.messages <= state.subjects_count {
                return Ok(0);
            }
            let pattern = self.subject(">");
            let subjects = self.store.stream.info_with_subjects(pattern);
            let subjects = self.within("listing", subjects).await?;
            let subjects: Vec<_> = self.within("listing", subjects.try_collect()).await?;
            let mut overwritten = 0;
            for (subject, _) in subjects.iter().filter(|(_, count)| *count > 1) {
                overwritten += self.overwrite_older(subject).await?;
            }
            Ok(overwritten)
        }
        .boxed()
    }

    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, KvError>> {
        async move {
            let keys = self.within("listing", self.store.keys()).await?;
            let mut keys: Vec<String> = self.within("listing", keys.try_collect()).await?;
            keys.sort_unstable();
            Ok(keys)
        }
        .boxed()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Vec<Content>, KvError>> {
        async move {
            let info = self.within("listing", self.store.stream.get_info()).await?;
            let mut found = Vec::new();
            if info.state.messages == 0 {
                return Ok(found);
            }
            let mut entries = self.within("listing", self.store.watch_with_history(">")).await?;
            loop {
                let next = async { entries.next().await.transpose() };
                let Some(entry) = self.within("listing", next).await? else { break };
                let Entry { key, value, operation, delta, .. } = entry;
                found.push((key, (operation == Operation::Put).then_some(value)));
                // So many stand behind it.
                if delta == 0 {
                    break;
                }
            }
            Ok(found)
        }
        .boxed()
    }

    fn changes(&self) -> BoxFuture<'_, Result<BoxStream<'static, String>, KvError>> {
        async move {
            let changes = self.within("watching", self.store.watch_all()).await?;
            let keys = changes.map(|entry| entry.map(|entry| entry.key).ok());
            // After a break nothing more is believed of this line.
            let keys = keys.take_while(|key| ready(key.is_some())).filter_map(ready);
            Ok(keys.boxed())
        }
        .boxed()
    }

    fn contents(&self) -> BoxFuture<'_, Result<BoxStream<'static, Content>, KvError>> {
        async move {
            let entries = self.within("watching", self.store.watch_with_history(">")).await?;
            let contents = entries.map(|entry| {
                let Entry { key, value, operation, .. } = entry.ok()?;
                Some((key, (operation == Operation::Put).then_some(value)))
            });
            let contents = contents.take_while(|one| ready(one.is_some())).filter_map(ready);
            Ok(contents.boxed())
        }
        .boxed()
    }
}

async fn within<T, E>(
    attempted: &'static str,
    bucket: &str,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, KvError>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| KvError {
        attempted,
        bucket: bucket.to_owned(),
        source,
    };
    match tokio::time::timeout(CALL_TIME_MAX, call).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(Box::new(error))),
        Err(elapsed) => Err(failed(Box::new(elapsed))),
    }
}
