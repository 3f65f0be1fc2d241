//! A log in memory, for tests and for telling a history: the semantics of the bus without a bus.
//!
//! Invariants: it passes the same contract suite as the real log; nothing survives the process.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, FutureExt};
use futures::stream::{self, BoxStream, StreamExt};
use proto_events::envelope::header;
use tokio::sync::watch;

use super::{
    AppendError, EVENTS_PER_SUBJECT_MAX, EventLog, Expected, Freshness, Head, LogError, NewEvent,
    Recorded, check_append,
};
use crate::clock::{SharedClock, SystemClock};

/// A log in memory. Clones share their events.
#[derive(Clone)]
pub struct MemoryLog {
    shared: Arc<Shared>,
}

struct Shared {
    events: Mutex<Vec<Recorded>>,
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
        Self { shared: Arc::new(Shared { events: Mutex::default(), newest, created_at, clock }) }
    }

    /// All events so far, oldest first.
    #[must_use]
    pub fn events(&self) -> Vec<Recorded> {
        self.shared.lock().clone()
    }
}

impl Shared {
    /// A panic elsewhere leaves the list whole: it is only ever extended in one step.
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Recorded>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(
        &self,
        subject: &str,
        expected: Expected,
        new: &[NewEvent],
    ) -> Result<u64, AppendError> {
        check_append(subject, new)?;
        let mut events = self.lock();
        let last = events.iter().rev().find(|event| event.subject == subject);
        match expected {
            // The bus looks at the expectation before it looks for duplicates (measured, one replica).
            Expected::Sequence(sequence) if last.map_or(0, |event| event.sequence) != sequence => {
                return Err(AppendError::Conflict);
            }
            Expected::Sequence(_) | Expected::Any => {}
        }
        let known = |id: &str| {
            events.iter().any(|event| {
                event.headers.get(header::NATS_MESSAGE_ID).is_some_and(|known| known == id)
            })
        };
        if new.iter().any(|event| known(&event.envelope.id.to_string())) {
            return Err(AppendError::Unknown("an event with this id is there already".to_owned()));
        }
        let stored_at = self.clock.now();
        let first = events.len() as u64 + 1;
        events.extend(
            new.iter().zip(first..).map(|(event, at)| Recorded::of(event, subject, at, stored_at)),
        );
        let newest = events.len() as u64;
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
            let found: Vec<_> =
                events.iter().filter(|event| event.subject == subject).cloned().collect();
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
        expected: Expected,
        events: &'a [NewEvent],
    ) -> BoxFuture<'a, Result<u64, AppendError>> {
        async move { self.shared.append(subject, expected, events) }.boxed()
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
                let event = shared.lock().get(index).cloned()?;
                Some((Ok(event), (shared, newest, after + 1)))
            });
            Ok(events.boxed())
        }
        .boxed()
    }

    fn locate<'a>(&'a self, pattern: &'a str) -> BoxFuture<'a, Result<Option<String>, LogError>> {
        async move {
            let events = self.shared.lock();
            let newest = events.iter().rev().find(|event| matches(pattern, &event.subject));
            Ok(newest.map(|event| event.subject.clone()))
        }
        .boxed()
    }

    fn head(&self) -> BoxFuture<'_, Result<Head, LogError>> {
        async move {
            let last_sequence = self.shared.lock().len() as u64;
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
    use crate::log::contract;

    #[tokio::test]
    async fn the_log_in_memory_keeps_the_contract() {
        contract::check(Arc::new(MemoryLog::default())).await;
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
