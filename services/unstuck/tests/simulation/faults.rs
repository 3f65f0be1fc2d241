//! Ports that fail as a bus does: slow, out of reach, late replicas, answers that are lost after the commit.
//!
//! Invariants: what these add is only what a bus may do; the events and values themselves are those of the
//! implementations in memory. In calm weather nothing fails.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use runtime::kv::memory::MemoryBucket;
use runtime::kv::{Content, Found, KeyValue, KvError};
use runtime::log::memory::MemoryLog;
use runtime::log::{
    AppendError, EventLog, Expected, Freshness, Head, LogError, NewEvent, Recorded,
};

use super::chance::Chance;

/// Longest delay of one step of a call, in milliseconds.
const DELAY_MS_MAX: i64 = 20;

/// How the bus behaves now.
#[derive(Debug)]
pub(crate) struct Weather {
    chance: Mutex<Chance>,
    calm: AtomicBool,
    /// How many appends found that somebody else was faster.
    conflicts: AtomicU64,
}

impl Weather {
    pub(crate) fn new(chance: Chance) -> Arc<Self> {
        Arc::new(Self {
            chance: Mutex::new(chance),
            calm: AtomicBool::new(false),
            conflicts: AtomicU64::new(0),
        })
    }

    /// From now on nothing fails.
    pub(crate) fn calm_down(&self) {
        self.calm.store(true, Ordering::Relaxed);
    }

    pub(crate) fn conflicts(&self) -> u64 {
        self.conflicts.load(Ordering::Relaxed)
    }

    fn strikes(&self, percent: u64) -> bool {
        !self.calm.load(Ordering::Relaxed) && self.chance.lock().unwrap().percent(percent)
    }

    fn number(&self, from: i64, to: i64) -> usize {
        usize::try_from(self.chance.lock().unwrap().between(from, to)).unwrap()
    }

    async fn delay(&self) {
        if !self.calm.load(Ordering::Relaxed) {
            let delay = self.number(0, DELAY_MS_MAX);
            tokio::time::sleep(Duration::from_millis(delay as u64)).await;
        }
    }
}

/// The log of all cases in bad weather.
#[derive(Debug, Clone)]
pub(crate) struct WeatheredLog {
    pub(crate) log: MemoryLog,
    pub(crate) weather: Arc<Weather>,
}

fn unreachable(attempted: &'static str) -> LogError {
    LogError::Unreachable { attempted, source: "the line is down".into() }
}

impl EventLog for WeatheredLog {
    fn load<'a>(
        &'a self,
        subject: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        async move {
            self.weather.delay().await;
            if self.weather.strikes(2) {
                return Err(unreachable("loading a subject"));
            }
            let mut events = self.log.load(subject, freshness).await?;
            if freshness == Freshness::Any && self.weather.strikes(15) {
                // A replica that is behind has the subject's beginning.
                let missing = self.weather.number(1, 4);
                events.truncate(events.len().saturating_sub(missing));
            }
            self.weather.delay().await;
            Ok(events)
        }
        .boxed()
    }

    fn append<'a>(
        &'a self,
        subject: &'a str,
        expected: Expected<'a>,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        async move {
            self.weather.delay().await;
            if self.weather.strikes(3) {
                return Err(AppendError::Unknown("it never arrived".to_owned()));
            }
            let outcome = self.log.append(subject, expected, events).await;
            if matches!(outcome, Err(AppendError::Conflict)) {
                self.weather.conflicts.fetch_add(1, Ordering::Relaxed);
            }
            // Whoever is dropped here has committed and will never know.
            self.weather.delay().await;
            if outcome.is_ok() && self.weather.strikes(5) {
                return Err(AppendError::Unknown("the answer was lost".to_owned()));
            }
            if outcome.is_ok() && self.weather.strikes(2) {
                // The client sent it twice by itself; the second found the first.
                return Err(AppendError::Conflict);
            }
            outcome
        }
        .boxed()
    }

    fn follow(
        &self,
        after: u64,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Recorded, LogError>>, LogError>> {
        self.log.follow(after)
    }

    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>> {
        async move {
            self.weather.delay().await;
            if self.weather.strikes(2) {
                return Err(unreachable("looking for a subject"));
            }
            self.log.locate(pattern).await
        }
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>> {
        self.log.head()
    }
}

/// A bucket in bad weather.
#[derive(Debug, Clone)]
pub(crate) struct WeatheredBucket {
    pub(crate) bucket: MemoryBucket,
    pub(crate) weather: Arc<Weather>,
}

impl WeatheredBucket {
    /// A call that may not arrive, and whose answer may be lost.
    async fn call<T>(
        &self,
        attempted: &'static str,
        call: BoxFuture<'_, Result<T, KvError>>,
    ) -> Result<T, KvError> {
        let lost = || KvError {
            attempted,
            bucket: "weathered".to_owned(),
            source: "the line is down".into(),
        };
        self.weather.delay().await;
        if self.weather.strikes(2) {
            return Err(lost());
        }
        let outcome = call.await;
        self.weather.delay().await;
        if self.weather.strikes(2) { Err(lost()) } else { outcome }
    }
}

impl KeyValue for WeatheredBucket {
    fn find<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        self.call("reading", self.bucket.find(key)).boxed()
    }

    fn find_at_leader<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Found, KvError>> {
        self.call("reading", self.bucket.find_at_leader(key)).boxed()
    }

    fn create<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<bool, KvError>> {
        self.call("creating", self.bucket.create(key, value)).boxed()
    }

    fn replace<'a>(
        &'a self,
        key: &'a str,
        value: Bytes,
        revision: u64,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        self.call("writing", self.bucket.replace(key, value, revision)).boxed()
    }

    fn put<'a>(&'a self, key: &'a str, value: Bytes) -> BoxFuture<'a, Result<(), KvError>> {
        self.call("writing", self.bucket.put(key, value)).boxed()
    }

    fn purge<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        self.call("purging", self.bucket.purge(key)).boxed()
    }

    fn keys(&self) -> BoxFuture<'_, Result<Vec<String>, KvError>> {
        self.call("listing", self.bucket.keys()).boxed()
    }

    fn snapshot(&self) -> BoxFuture<'_, Result<Vec<Content>, KvError>> {
        self.call("listing", self.bucket.snapshot()).boxed()
    }

    fn changes(&self) -> BoxFuture<'_, Result<BoxStream<'static, String>, KvError>> {
        self.bucket.changes()
    }

    fn contents(&self) -> BoxFuture<'_, Result<BoxStream<'static, Content>, KvError>> {
        self.bucket.contents()
    }
}
