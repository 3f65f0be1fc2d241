//! A key-value bucket on the bus, with answers that a decision may stand on.
//!
//! Invariants: "never there" and "deleted" are two answers; "nothing" is believed only from the leader (a
//! replica may be late); every call ends within [`CALL_TIME_MAX`].

use std::future::Future;
use std::time::Duration;

use async_nats::jetstream::kv::{Entry, Operation, Store};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use async_nats::jetstream::{self};
use bytes::Bytes;
use futures::TryStreamExt as _;

/// How long one call may take: above any answer of a healthy bus, below a caller's patience.
pub const CALL_TIME_MAX: Duration = Duration::from_secs(3);

/// The bus did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the bus is out of reach while {attempted} in bucket {bucket}")]
pub struct KvError {
    /// What was attempted.
    pub attempted: &'static str,
    /// The bucket.
    pub bucket: String,
    /// What the client said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A value and its revision.
    Value {
        /// The value.
        value: Bytes,
        /// The revision, for [`Bucket::replace`].
        revision: u64,
    },
    /// There was a value; it was deleted.
    Deleted,
    /// There was never a value.
    Never,
}

impl Found {
    /// The value, when there is one.
    #[must_use]
    pub fn value(self) -> Option<(Bytes, u64)> {
        match self {
            Self::Value { value, revision } => Some((value, revision)),
            Self::Deleted | Self::Never => None,
        }
    }
}

/// A bucket. Keys have letters, digits, `-`, `_`, `=`, `/` and single dots inside.
#[derive(Debug, Clone)]
pub struct Bucket {
    store: Store,
}

impl Bucket {
    /// Takes an opened store.
    #[must_use]
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Opens a bucket that exists.
    ///
    /// # Errors
    /// When the bus is out of reach or the bucket is missing.
    pub async fn open(bus: &jetstream::Context, name: &str) -> Result<Self, KvError> {
        within("opening", name, bus.get_key_value(name)).await.map(Self::new)
    }

    /// The client's own handle, for watching.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Looks a key up.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn find(&self, key: &str) -> Result<Found, KvError> {
        let entry = self.within("reading", self.store.entry(key)).await?;
        match entry {
            Some(Entry { operation: Operation::Put, value, revision, .. }) => {
                Ok(Found::Value { value, revision })
            }
            // A deletion is never undone by a late replica; "nothing" may be only late.
            Some(_) => Ok(Found::Deleted),
            None => self.find_at_leader(key).await,
        }
    }

    /// Puts the first value under a key; false when there is or ever was one.
    ///
    /// # Errors
    /// When the bus is out of reach: whether the value stands is then unknown.
    pub async fn create_once(&self, key: &str, value: Bytes) -> Result<bool, KvError> {
        self.replace(key, value, 0).await
    }

    /// Puts a value under a key that has none now, also when it had one before; false when it has one.
    ///
    /// # Errors
    /// When the bus is out of reach: whether the value stands is then unknown.
    pub async fn create(&self, key: &str, value: Bytes) -> Result<bool, KvError> {
        match within("creating", &self.store.name, self.store.create(key, value)).await {
            Ok(_) => Ok(true),
            Err(error) => match self.find_at_leader(key).await? {
                Found::Value { .. } => Ok(false),
                Found::Deleted | Found::Never => Err(error),
            },
        }
    }

    /// Replaces the value of a revision; false when the key has moved on.
    ///
    /// # Errors
    /// When the bus is out of reach: whether the value stands is then unknown.
    pub async fn replace(&self, key: &str, value: Bytes, revision: u64) -> Result<bool, KvError> {
        match within("writing", &self.store.name, self.store.update(key, value, revision)).await {
            Ok(_) => Ok(true),
            // A replicated bucket tells most losers with a code that the client does not know (10164):
            // what stands there decides, not the error.
            Err(error) => match self.find_at_leader(key).await? {
                Found::Value { revision: present, .. } if present != revision => Ok(false),
                Found::Deleted => Ok(false),
                Found::Value { .. } | Found::Never => Err(error),
            },
        }
    }

    /// Puts a value, whatever stood there.
    ///
    /// # Errors
    /// When the bus is out of reach: whether the value stands is then unknown.
    pub async fn put(&self, key: &str, value: Bytes) -> Result<(), KvError> {
        self.within("writing", self.store.put(key, value)).await.map(drop)
    }

    /// Deletes a key's value; a marker stays and says that there was one. Idempotent.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn purge(&self, key: &str) -> Result<(), KvError> {
        self.within("purging", self.store.purge(key)).await
    }

    /// All keys that have a value, sorted.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn keys(&self) -> Result<Vec<String>, KvError> {
        let keys = self.within("listing", self.store.keys()).await?;
        let mut keys: Vec<String> = self.within("listing", keys.try_collect()).await?;
        keys.sort_unstable();
        Ok(keys)
    }

    /// Looks a key up at the leader: what was written anywhere before the call is seen. It takes the same
    /// way whether there is a value or not.
    ///
    /// # Errors
    /// When the bus is out of reach.
    pub async fn find_at_leader(&self, key: &str) -> Result<Found, KvError> {
        let subject = format!("{}{key}", self.store.prefix);
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
