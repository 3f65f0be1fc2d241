//! A key-value bucket, with answers that a decision may stand on.
//!
//! Invariants: "never there" and "deleted" are two answers; "nothing" is believed only from the leader (a
//! replica may be late); every call ends. Two implementations, on the bus ([`jetstream`]) and in memory
//! ([`memory`]), and one contract suite ([`contract`]).

pub mod contract;
pub mod jetstream;
pub mod memory;
pub mod withheld;

use std::ops::Deref;
use std::sync::Arc;

use async_nats::jetstream::Context;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use futures::stream::BoxStream;

pub use jetstream::CALL_TIME_MAX;

use self::jetstream::JetStreamBucket;
use self::memory::MemoryBucket;
use self::withheld::WithheldBucket;

/// The bucket did not do what was asked.
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
        /// The revision, for [`KeyValue::replace`].
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

/// What a bucket does. Keys have letters, digits, `-`, `_`, `=`, `/` and single dots inside.
///
/// After an error of a call that writes, whether the value stands is unknown; the same holds for a call
/// whose future was dropped.
pub trait KeyValue: std::fmt::Debug + Send + Sync + 'static {
    /// Looks a key up.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>>;

    /// Looks a key up at the leader: what was written anywhere before the call is seen. It takes the same
    /// way whether there is a value or not.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn find_at_leader<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>>;

    /// Puts a value under a key that has none now, also when it had one before; false when it has one.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn create<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<bool, KvError>>;

    /// Replaces the value of a revision; false when the key has moved on. Revision 0 stands for a key that
    /// never had a value.
    ///
    /// # Errors
    /// When the bus is out of reach, or for the revision of a key that never had a value.
    fn replace<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<bool, KvError>>;

    /// Puts the first value under a key; false when there is or ever was one.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn create_once<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        self.replace(key, value, 0)
    }

    /// Puts a value, whatever stood there.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), KvError>>;

    /// Deletes a key's value; a marker stays and says that there was one. Idempotent.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn purge<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), KvError>>;

    /// Deletes a key's value for ever, as [`KeyValue::purge`] does, and has its bytes overwritten where the bucket can:
    /// the bus keeps those of what was deleted or replaced in its file otherwise. Once the marker stands, a failure to
    /// overwrite is logged and no error; [`KeyValue::overwrite_leftovers`] tries again. Idempotent.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn destroy<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        self.purge(key)
    }

    /// Replaces as [`KeyValue::replace`] does, and has the bytes of the old value overwritten as [`KeyValue::destroy`]
    /// does.
    ///
    /// # Errors
    /// As [`KeyValue::replace`].
    fn replace_for_ever<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        self.replace(key, value, revision)
    }

    /// Overwrites what was destroyed or replaced for ever and, because something fell in between, still stands. Says how
    /// much it was.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn overwrite_leftovers(&self) -> BoxFuture<'_, Result<u64, KvError>> {
        ready(Ok(0)).boxed()
    }

    /// All keys that have a value, sorted.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, KvError>>;

    /// What stands under each key now, and which keys had a value that was deleted.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn snapshot(&self) -> BoxFuture<'_, Result<Vec<Content>, KvError>>;

    /// Tells each key that changes from now on, until the line breaks.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn changes(&self) -> BoxFuture<'_, Result<BoxStream<'static, String>, KvError>>;

    /// Tells what stands under each key, then what each that changes has become, until the line breaks; `None` for
    /// what was deleted. A key may be told more than once.
    ///
    /// # Errors
    /// When the bus is out of reach.
    fn contents(&self) -> BoxFuture<'_, Result<BoxStream<'static, Content>, KvError>>;
}

/// A key with its value, or without one when it was deleted.
pub type Content = (String, Option<Bytes>);

/// A bucket, wherever it is. Clones are the same bucket; what it does stands at [`KeyValue`].
#[derive(Debug, Clone)]
pub struct Bucket {
    place: Arc<dyn KeyValue>,
}

impl Bucket {
    /// Takes a bucket of any kind.
    #[must_use]
    pub fn new(place: impl KeyValue) -> Self {
        Self { place: Arc::new(place) }
    }

    /// Opens a bucket of the bus that exists.
    ///
    /// # Errors
    /// When the bus is out of reach or the bucket is missing.
    pub async fn open(bus: &Context, name: &str) -> Result<Self, KvError> {
        JetStreamBucket::open(bus, name).await.map(Self::new)
    }

    /// Makes one that answers nothing, for a service that must not look into it.
    #[must_use]
    pub fn withheld(name: &str) -> Self {
        Self::new(WithheldBucket::new(name))
    }

    /// Makes an empty bucket that ends with its last clone.
    #[must_use]
    pub fn in_memory(name: &str) -> Self {
        Self::new(MemoryBucket::new(name))
    }
}

/// It is a shared pointer, and nothing besides.
impl Deref for Bucket {
    type Target = dyn KeyValue;

    fn deref(&self) -> &Self::Target {
        &*self.place
    }
}
