//! The projection of the stream of what the district learned: precedents and improvements, in memory.
//!
//! A district learns a few hundred things in a year, so the view is folded anew at every start, in milliseconds, and needs
//! no store. Invariants: a fold of the stream and of nothing else; what cannot be read is counted and said, and the others
//! go on; what goes wrong here does not touch the cases.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use casework::learning::Book;
use desk::decode_learning;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use runtime::consumer::{Behind, Fold, FoldError, follow};
use runtime::log::{EventLog, Recorded};
use runtime::metrics::{Metrics, ViewState};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::core::{ProjectionError, STREAM_INVARIANT};
use crate::fold::Quarantined;

/// The name of the view in the metrics.
const FOLLOWER: &str = "learning";

/// What the district learned.
pub(crate) struct Learned {
    log: Arc<dyn EventLog>,
    metrics: Metrics,
    book: RwLock<Book>,
    /// The sequence that readers see.
    applied: watch::Sender<u64>,
    /// What cannot be read, oldest first.
    quarantined: Mutex<Vec<Quarantined>>,
    /// What a person must look at.
    incident: Mutex<Option<String>>,
    /// Where the stream ended at the start; reached once, it is ready.
    catch_up_to: u64,
    /// Where it ended when it was last asked.
    head: AtomicU64,
    behind: Mutex<Behind>,
}

impl std::fmt::Debug for Learned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Learned").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

impl Learned {
    /// Makes an empty view of the log; [`Learned::run`] fills it.
    ///
    /// # Errors
    /// When the log does not answer.
    pub(crate) async fn open(
        log: Arc<dyn EventLog>,
        metrics: Metrics,
    ) -> Result<Arc<Self>, ProjectionError> {
        let catch_up_to = log.head().await?.last_sequence;
        Ok(Arc::new(Self {
            log,
            metrics,
            book: RwLock::default(),
            applied: watch::Sender::new(0),
            quarantined: Mutex::default(),
            incident: Mutex::default(),
            catch_up_to,
            head: AtomicU64::new(catch_up_to),
            behind: Mutex::default(),
        }))
    }

    /// The book; held for the length of one query.
    pub(crate) fn book(&self) -> RwLockReadGuard<'_, Book> {
        // A panic while it was written would leave at worst one event out.
        self.book.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sequence that readers see.
    pub(crate) fn sequence(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Tells when the view has come to a sequence.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// How many events cannot be read.
    pub(crate) fn quarantined(&self) -> u64 {
        self.quarantine_held().len() as u64
    }

    /// What cannot be read behind a sequence, oldest first, so many at most.
    pub(crate) fn quarantined_behind(&self, sequence: u64, limit: usize) -> Vec<Quarantined> {
        let held = self.quarantine_held();
        let begin = held.partition_point(|one| one.sequence <= sequence);
        held[begin..].iter().take(limit).cloned().collect()
    }

    fn quarantine_held(&self) -> MutexGuard<'_, Vec<Quarantined>> {
        self.quarantined.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a person must look at.
    pub(crate) fn incident(&self) -> Option<String> {
        self.incident.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How far the first catching up is: `None` when it is done.
    pub(crate) fn catching_up(&self) -> Option<(u64, u64)> {
        let sequence = self.sequence();
        (sequence < self.catch_up_to).then_some((sequence, self.catch_up_to))
    }

    /// How many events the view has not seen, and for how long the oldest has waited, in seconds.
    pub(crate) fn lag(&self) -> (u64, f64) {
        let reached = self.sequence();
        let end = self.head.load(Ordering::Acquire).max(reached);
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).look(reached, end)
    }

    /// Asks where the stream ends, and says how the view stands to it.
    pub(crate) async fn measure(&self) {
        if let Ok(head) = self.log.head().await {
            self.head.store(head.last_sequence, Ordering::Release);
        }
        let (events, seconds) = self.lag();
        self.metrics.follower_lag(FOLLOWER, events, seconds);
        self.metrics.view(
            FOLLOWER,
            ViewState {
                // Folded anew at every start, it has no place on the disk.
                generation: 0,
                building: self.catching_up(),
                is_stopped: self.incident().is_some(),
                quarantined_events: self.quarantined(),
            },
        );
    }

    /// Follows the stream until the token is cancelled.
    pub(crate) async fn run(self: Arc<Self>, token: CancellationToken) {
        let mut live = Live { learned: Arc::clone(&self) };
        if let Err(incident) = follow(Arc::clone(&self.log), &mut live, token.clone()).await {
            tracing::error!(
                error = &incident as &dyn Error,
                "what was learned cannot be followed; a person must look"
            );
            self.metrics.invariant_violation(STREAM_INVARIANT);
            *self.incident.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(incident.to_string());
        }
        token.cancelled().await;
    }

    fn take(&self, batch: &[Recorded]) {
        let mut book = self.book.write().unwrap_or_else(PoisonError::into_inner);
        for recorded in batch {
            match decode_learning(recorded) {
                Ok((subject, meta, event)) => book.evolve(subject, &meta, &event),
                Err(unreadable) => {
                    self.metrics.quarantined();
                    tracing::error!(
                        stream.sequence = unreadable.sequence,
                        subject = unreadable.subject,
                        reason = unreadable.reason,
                        "an event of what was learned cannot be read; it is in quarantine"
                    );
                    self.quarantine_held().push(Quarantined::of(recorded, unreadable.reason));
                }
            }
        }
        drop(book);
        if let Some(last) = batch.last() {
            self.applied.send_replace(last.sequence);
        }
    }
}

/// The view as the follower drives it.
struct Live {
    learned: Arc<Learned>,
}

impl Fold for Live {
    fn checkpoint(&self) -> u64 {
        self.learned.sequence()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        self.learned.take(&batch);
        async { Ok(()) }.boxed()
    }
}
