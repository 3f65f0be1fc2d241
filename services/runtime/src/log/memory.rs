//! A log in memory, for tests and for telling a history: the semantics of the bus without a bus.
//!
//! Invariants: it passes the same contract suite as the real log; like the bus, it knows the id of an event only
//! for [`DEDUPLICATION_WINDOW`], so whoever relies on that for longer is found out; nothing survives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, StreamExt};
use proto_events::ids::EventId;
use tokio::sync::watch;

use super::chain::{EventKey, headers_of};
use super::{
    AppendError, EVENTS_PER_SUBJECT_MAX, EventLog, Expected, Freshness, Head, LogError, NewEvent,
    Recorded, check_append,
};
use crate::clock::{SharedClock, SystemClock};
use crate::streams::DEDUPLICATION_WINDOW;

/// A log in memory. Clones share their events.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
    key: Option<EventKey>,
}

#[derive(Default)]
struct Events {
    all: Vec<Recorded>,
    /// The place of each subject's events in `all`.
    by_subject: BTreeMap<String, Vec<usize>>,
    /// What the bus still knows of repeats: ids by the time of their storing.
    known: BTreeMap<DateTime<Utc>, BTreeSet<EventId>>,
}

struct Shared {
    events: Mutex<Events>,
    /// The newest sequence, for those who follow.
    newest: watch::Sender<u64>,
    created_at: DateTime<Utc>,
    clock: SharedClock,
}

impl Default for MemoryLog {
    fn default() -> Self {
        Self::new(Arc::new(SystemClock))
    }
}

impl std::fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLog").field("newest", &*self.shared.newest.borrow()).finish()
    }
}

impl MemoryLog {
    /// Makes an empty log that stamps its events by `clock`.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        let created_at = clock.now();
        let newest = watch::Sender::new(0);
        let shared = Shared { events: Mutex::default(), newest, created_at, clock };
        Self { shared: Arc::new(shared), key: None }
    }

    /// Signs what is appended; nothing is signed otherwise.
    #[must_use]
    pub fn signing(mut self, key: EventKey) -> Self {
        self.key = Some(key);
        self
    }

    /// All events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Recorded> {
        self.shared.lock().all.clone()
    }
}

impl Events {
    fn of<'a>(&'a self, subject: &str) -> impl DoubleEndedIterator<Item = &'a Recorded> {
        self.by_subject.get(subject).into_iter().flatten().map(|place| &self.all[*place])
    }

    /// Forgets the ids that the bus would have forgotten by `now`.
    fn forget_before(&mut self, now: DateTime<Utc>) {
        let window = TimeDelta::from_std(DEDUPLICATION_WINDOW).unwrap_or(TimeDelta::zero());
        self.known.retain(|stored_at, _| now - *stored_at < window);
    }
}

impl Shared {
    /// A panic elsewhere leaves the list whole: it is only ever extended in one step.
    fn lock(&self) -> std::sync::MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(
        &self,
        subject: &str,
        expected: Expected<'_>,
        new: &[NewEvent],
        key: Option<&EventKey>,
    ) -> Result<u64, AppendError> {
        check_append(subject, new)?;
        let mut events = self.lock();
        let last = events.of(subject).next_back().map_or(0, |event| event.sequence);
        // The bus looks at the expectation before it looks for duplicates (measured, one replica).
        if expected.sequence().is_some_and(|sequence| last != sequence) {
            return Err(AppendError::Conflict);
        }
        let stored_at = self.clock.now();
        events.forget_before(stored_at);
        let known = |id: &EventId| events.known.values().any(|ids| ids.contains(id));
        if new.iter().any(|event| known(&event.envelope.id)) {
            return Err(AppendError::Unknown("an event with this id is there already".to_owned()));
        }
        for (event, headers) in new.iter().zip(headers_of(key, subject, expected, new)) {
            let place = events.all.len();
            events.all.push(Recorded {
                sequence: place as u64 + 1,
                subject: subject.to_owned(),
                stored_at,
                headers: headers.into_iter().collect(),
                body: event.body.clone(),
            });
            events.by_subject.entry(subject.to_owned()).or_default().push(place);
            events.known.entry(stored_at).or_default().insert(event.envelope.id);
        }
        let newest = events.all.len() as u64;
        // Inside the lock, so that those who follow never see it go back.
        self.newest.send_replace(newest);
        Ok(newest)
    }
}

impl EventLog for MemoryLog {
    fn load<'a>(
        &'a self,
        subject: &'a str,
        _freshness: Freshness,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        async move {
            let events = self.shared.lock();
            let found: Vec<_> = events.of(subject).cloned().collect();
            if found.len() > EVENTS_PER_SUBJECT_MAX {
                let subject = subject.to_owned();
                return Err(LogError::TooLong { subject, limit: EVENTS_PER_SUBJECT_MAX });
            }
            Ok(found)
        }
        .boxed()
    }

    fn append<'a>(
        &'a self,
        subject: &'a str,
        expected: Expected<'a>,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        async move { self.shared.append(subject, expected, events, self.key.as_ref()) }.boxed()
    }

    fn follow(
        &self,
        after: u64,
    ) -> BoxFuture<'_, Result<BoxStream<'static, Result<Recorded, LogError>>, LogError>> {
        let start = (Arc::clone(&self.shared), self.shared.newest.subscribe(), after);
        async move {
            let reached = *start.1.borrow();
            if after > reached {
                return Err(LogError::Gap { after, came: reached });
            }
            let events = stream::unfold(start, |(shared, mut newest, after)| async move {
                // The sender lives in `shared`, which we hold: the wait ends with an event only.
                newest.wait_for(|newest| *newest > after).await.ok()?;
                let index = usize::try_from(after).ok()?;
                let event = shared.lock().all.get(index).cloned()?;
                Some((Ok(event), (shared, newest, after + 1)))
            });
            Ok(events.boxed())
        }
        .boxed()
    }

    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>> {
        async move {
            let events = self.shared.lock();
            let newest = events.all.iter().rev().find(|event| matches(pattern, &event.subject));
            Ok(newest.map(|event| event.subject.clone()))
        }
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>> {
        async move {
            let last_sequence = self.shared.lock().all.len() as u64;
            Ok(Head { created_at: self.shared.created_at, first_sequence: 1, last_sequence })
        }
        .boxed()
    }
}

/// Says whether a subject matches a pattern: `*` stands for one token, a closing `>` for one or more.
fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", token) => return token.is_some(),
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::log::contract;

    #[tokio::test]
    async fn the_log_in_memory_keeps_the_contract() {
        contract::check(Arc::new(MemoryLog::default().signing(contract::key()))).await;
    }

    #[tokio::test]
    async fn an_id_is_forgotten_after_the_window_of_the_bus() {
        let clock = Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
        let log = MemoryLog::new(clock.clone());
        let (subject, new) = (contract::fresh_subject(), contract::events(1));
        log.append(&subject, Expected::Any, &new).await.unwrap();
        clock.advance(TimeDelta::seconds(119));
        assert!(log.append(&subject, Expected::Any, &new).await.is_err());
        clock.advance(TimeDelta::seconds(1));
        log.append(&subject, Expected::Any, &new).await.unwrap();
    }

    #[test]
    fn wildcards_match_as_on_the_bus() {
        assert!(matches("case.*.1", "case.a.1"));
        assert!(matches("case.>", "case.a.1"));
        assert!(!matches("case.>", "case"));
        assert!(!matches("case.*", "case.a.1"));
        assert!(!matches("case.*.1", "case.a.2"));
    }
}
