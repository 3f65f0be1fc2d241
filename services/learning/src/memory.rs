//! The two streams as this service needs them, folded in memory: what was learned, and what recurs in the cases.
//!
//! Invariants: a cache of the logs, made anew at every start; whoever decides on it first waits until everything that the
//! log has acknowledged is in it; what cannot be read is the projection's to report.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use casework::learning::Book;
use casework::learning::recurrence::{Recurrence, Recurrences, concerns};
use desk::service::{BoxError, ServiceTask};
use desk::{Desk, decode, decode_learning, problem};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use proto_events::envelope::header;
use proto_events::events::CaseEventKind;
use runtime::consumer::{Fold, FoldError, follow, watch_follower};
use runtime::http::{Problem, ReadyCheck};
use runtime::log::{EventLog, Recorded};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Longest wait for what was acknowledged to come back: milliseconds as a rule.
const COMING_BACK_MAX: Duration = Duration::from_secs(5);

/// Which of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stream {
    Learning,
    Cases,
}

/// The memory of the service.
pub(crate) struct Memory {
    desk: Arc<Desk>,
    book: Mutex<Book>,
    cases: Mutex<Recurrences>,
    /// What was noticed and not acted on yet. As long as the stream is old, not as it is long: what is old is dropped.
    noticed: Mutex<VecDeque<Recurrence>>,
    /// Tells that something was noticed.
    pub(crate) news: Notify,
    learned: watch::Sender<u64>,
    seen: watch::Sender<u64>,
    /// Why it stands still, when it does.
    incident: Mutex<Option<String>>,
}

impl Memory {
    pub(crate) fn new(desk: Arc<Desk>) -> Arc<Self> {
        Arc::new(Self {
            desk,
            book: Mutex::default(),
            cases: Mutex::default(),
            noticed: Mutex::default(),
            news: Notify::new(),
            learned: watch::Sender::new(0),
            seen: watch::Sender::new(0),
            incident: Mutex::default(),
        })
    }

    /// What was learned.
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        locked(&self.book)
    }

    /// The cases, as far as what recurs is concerned.
    pub(crate) fn cases(&self) -> MutexGuard<'_, Recurrences> {
        locked(&self.cases)
    }

    /// Takes the oldest thing that was noticed.
    pub(crate) fn next_noticed(&self) -> Option<Recurrence> {
        locked(&self.noticed).pop_front()
    }

    /// Puts back what could not be acted on.
    pub(crate) fn put_back(&self, recurrence: Recurrence) {
        locked(&self.noticed).push_front(recurrence);
    }

    /// Waits until everything that both logs have acknowledged is known.
    pub(crate) async fn catch_up(&self) -> Result<(), Problem> {
        self.catch_up_with(Stream::Learning).await?;
        self.catch_up_with(Stream::Cases).await
    }

    /// Waits until everything that was learned is known.
    pub(crate) async fn catch_up_with_book(&self) -> Result<(), Problem> {
        self.catch_up_with(Stream::Learning).await
    }

    async fn catch_up_with(&self, stream: Stream) -> Result<(), Problem> {
        let head = self.log(stream).head().await.map_err(|error| {
            problem::unavailable("the end of a stream could not be asked for", &error)
        })?;
        let mut applied = self.applied(stream).subscribe();
        let reached = applied.wait_for(|applied| *applied >= head.last_sequence);
        match tokio::time::timeout(COMING_BACK_MAX, reached).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Problem::busy("the streams are not read yet; send it again")),
        }
    }

    fn log(&self, stream: Stream) -> &Arc<dyn EventLog> {
        match stream {
            Stream::Learning => &self.desk.learning_log,
            Stream::Cases => &self.desk.log,
        }
    }

    fn applied(&self, stream: Stream) -> &watch::Sender<u64> {
        match stream {
            Stream::Learning => &self.learned,
            Stream::Cases => &self.seen,
        }
    }

    fn take_learned(&self, batch: &[Recorded]) {
        let mut book = self.book();
        for recorded in batch {
            if let Ok((subject, meta, event)) = decode_learning(recorded) {
                book.evolve(subject, &meta, &event);
            }
        }
    }

    fn take_cases(&self, batch: &[Recorded]) {
        let calendar = &self.desk.district.rules.calendar;
        let now = self.desk.now();
        let mut found = Vec::new();
        let mut cases = self.cases();
        for recorded in batch {
            let kind = recorded.headers.get(header::TYPE);
            let kind = kind.and_then(CaseEventKind::of_type);
            if kind.is_some_and(|kind| !concerns(kind)) {
                cases.pass_over(recorded.sequence);
                continue;
            }
            match decode(recorded) {
                Ok((meta, event)) => found.extend(cases.evolve(&meta, &event, calendar)),
                Err(_) => cases.pass_over(recorded.sequence),
            }
        }
        drop(cases);
        found.retain(|recurrence| recurrence.is_worth_acting_on(now));
        if !found.is_empty() {
            locked(&self.noticed).extend(found);
            self.news.notify_one();
        }
    }

    async fn run(self: Arc<Self>, stream: Stream, token: CancellationToken) {
        let mut fold = MemoryFold { memory: Arc::clone(&self), stream };
        let log = Arc::clone(self.log(stream));
        if let Err(incident) = follow(log, &mut fold, token.clone()).await {
            tracing::error!(
                error = &incident as &dyn std::error::Error,
                stream = ?stream,
                "a stream cannot be followed; a person must look"
            );
            *locked(&self.incident) = Some(incident.to_string());
        }
        // Precedents can be applied all the same; who counts is told to come again.
        token.cancelled().await;
    }
}

/// A panic inside leaves a cache of the log that lacks at worst one event.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

struct MemoryFold {
    memory: Arc<Memory>,
    stream: Stream,
}

impl Fold for MemoryFold {
    fn checkpoint(&self) -> u64 {
        *self.memory.applied(self.stream).borrow()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        match self.stream {
            Stream::Learning => self.memory.take_learned(&batch),
            Stream::Cases => self.memory.take_cases(&batch),
        }
        if let Some(last) = batch.last() {
            self.memory.applied(self.stream).send_replace(last.sequence);
        }
        async { Ok(()) }.boxed()
    }
}

/// The tasks that keep the memory.
pub(crate) fn tasks(memory: &Arc<Memory>) -> Vec<ServiceTask> {
    let task = |name, stream| {
        let memory = Arc::clone(memory);
        ServiceTask::new(name, move |token| async move {
            let (log, watched) = (Arc::clone(memory.log(stream)), Arc::clone(&memory));
            let reached = move || *watched.applied(stream).borrow();
            let metrics = memory.desk.metrics.clone();
            let watching = watch_follower(log, name, reached, metrics, token.clone());
            tokio::join!(memory.run(stream, token), watching);
            Ok::<(), BoxError>(())
        })
    };
    vec![task("learning-book", Stream::Learning), task("learning-cases", Stream::Cases)]
}

/// Whether everything that was learned is known. The cases may still be read then: who counts waits, or is told to come
/// again.
pub(crate) fn readiness(memory: &Arc<Memory>) -> ReadyCheck {
    let memory = Arc::clone(memory);
    ReadyCheck::new("what was learned", move || {
        let memory = Arc::clone(&memory);
        async move {
            if let Some(incident) = locked(&memory.incident).clone() {
                return Err(format!("stopped: {incident}"));
            }
            memory.catch_up_with_book().await.map_err(|problem| problem.code.to_string())
        }
    })
}
