//! A bucket that is withheld from whoever holds it: a service that has nothing to do with what is in there.
//!
//! Invariant: no call reaches a bus.

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _, ready};
use futures::stream::BoxStream;

use super::{Content, Found, KeyValue, KvError};

/// A bucket that answers nothing.
#[derive(Debug, Clone)]
pub struct WithheldBucket {
    name: String,
}

impl WithheldBucket {
    /// Makes one of this name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned() }
    }

    fn refuse<T: Send + 'static>(
        &self,
        attempted: &'static str,
    ) -> BoxFuture<'static, Result<T, KvError>> {
        let source = "this service has no right to it".into();
        ready(Err(KvError { attempted, bucket: self.name.clone(), source })).boxed()
    }
}

impl KeyValue for WithheldBucket {
    fn find<'a>(&'a self, _key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        self.refuse("reading")
    }

    fn find_at_leader<'a>(&'a self, _key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        self.refuse("reading at the leader")
    }

    fn create<'a>(&'a self, _key: &'a str, _value: Bytes) -> BoxFuture<'a, Result<bool, KvError>> {
        self.refuse("creating")
    }

    fn replace<'a>(
        &'a self,
        _key: &'a str,
        _value: Bytes,
        _revision: u64,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        self.refuse("writing")
    }

    fn put<'a>(&'a self, _key: &'a str, _value: Bytes) -> BoxFuture<'a, Result<(), KvError>> {
        self.refuse("writing")
    }

    fn purge<'a>(&'a self, _key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        self.refuse("purging")
    }

    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, KvError>> {
        self.refuse("listing")
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Vec<Content>, KvError>> {
        self.refuse("listing")
    }

    fn changes(&self) -> BoxFuture<'_, Result<BoxStream<'static, String>, KvError>> {
        self.refuse("watching")
    }

    fn contents(&self) -> BoxFuture<'_, Result<BoxStream<'static, Content>, KvError>> {
        self.refuse("watching")
    }
}
