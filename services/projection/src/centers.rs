//! The projection of the stream of centers: consultations and day closes, beside the cases and by itself.
//!
//! Invariants: its checkpoint is its own and commits with its rows; only the holder of the writer changes the view; the
//! store is written before the days in memory, and those before anybody is told; an incident stops the writer and stays
//! until a person rebuilds, while readers go on. What goes wrong here does not touch the cases.

mod fold;
#[cfg(test)]
pub(crate) mod tests;
mod verify;
mod view;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use desk::decode::decode_center;
use futures::future::BoxFuture;
use runtime::consumer::{Behind, Fold, FoldError, follow};
use runtime::log::{EventLog, Recorded};
use runtime::metrics::{Metrics, ViewState};
use runtime::store::{Opened, StoreError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::fold::{CloseRow, TallyKey};
pub use self::verify::{CentersReport, verify};
pub(crate) use self::view::{CentersView, Day, named};

use crate::core::{ProjectionError, STREAM_INVARIANT, Status, blocking};
use crate::readable;
use crate::replay::Replay;
use crate::views::quarantine_behind;

/// The name of the view in the metrics.
const FOLLOWER: &str = "centers";

/// The folder of the view under the projection's.
fn folder(dir: &Path) -> PathBuf {
    dir.join("centers")
}

/// The projection of the centers without its doors.
pub(crate) struct Centers {
    log: Arc<dyn EventLog>,
    metrics: Metrics,
    current: RwLock<Arc<CentersView>>,
    /// Whoever holds it may write into the view that it holds.
    writer: Arc<tokio::sync::Mutex<Arc<CentersView>>>,
    /// The sequence that readers see.
    applied: watch::Sender<u64>,
    status: watch::Sender<Status>,
    /// Where the stream ended when it was last asked.
    head: AtomicU64,
    behind: Mutex<Behind>,
    catch_up_to: u64,
    has_caught_up: AtomicBool,
}

impl std::fmt::Debug for Centers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Centers").field("checkpoint", &self.sequence()).finish_non_exhaustive()
    }
}

impl Centers {
    /// Opens the view under `dir`, or starts an empty one.
    ///
    /// # Errors
    /// When the log does not answer or the store cannot be used.
    pub(crate) async fn open(
        log: Arc<dyn EventLog>,
        metrics: Metrics,
        dir: &Path,
    ) -> Result<Arc<Self>, ProjectionError> {
        let head = log.head().await?;
        let path = folder(dir);
        metrics.declare_invariants(&[STREAM_INVARIANT]);
        let opened = blocking(move || -> Result<_, StoreError> {
            let Opened { store, was_rebuilt, incident, .. } = view::open_store(&path, head)?;
            if let Some(set_aside) = was_rebuilt {
                tracing::warn!(
                    folder = %set_aside.folder.display(),
                    reason = set_aside.reason,
                    "the view of the centers was set aside and is built anew from the stream"
                );
            }
            let quarantined = quarantine_behind(&store, 0, readable::LOOKED_AT_MAX)?;
            Ok((store, incident, quarantined))
        });
        let (store, incident, quarantined) = opened.await?;
        let is_outdated = incident.is_none()
            && readable::any(&*log, &quarantined, |event| decode_center(event).is_ok()).await?;
        let view = blocking(move || -> Result<_, StoreError> {
            let store = if is_outdated { store.start_over(head)? } else { store };
            CentersView::load(store, head)
        })
        .await?;
        let view = Arc::new(view);
        let (reached, goal) = (view.sequence(), head.last_sequence);
        let centers = Arc::new(Self {
            log,
            metrics,
            writer: Arc::new(tokio::sync::Mutex::new(Arc::clone(&view))),
            current: RwLock::new(view),
            applied: watch::Sender::new(reached),
            status: watch::Sender::new(Status::default()),
            head: AtomicU64::new(goal),
            behind: Mutex::default(),
            catch_up_to: goal,
            has_caught_up: AtomicBool::new(reached >= goal || incident.is_some()),
        });
        if let Some(incident) = incident {
            centers.raise(&incident);
        }
        Ok(centers)
    }

    /// The view that serves.
    pub(crate) fn view(&self) -> Arc<CentersView> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The sequence that readers see.
    pub(crate) fn sequence(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Tells when the view has come to a sequence.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// What a person must look at.
    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// How far the first catching up is: `None` when it is done.
    pub(crate) fn catching_up(&self) -> Option<(u64, u64)> {
        let is_done = self.has_caught_up.load(Ordering::Acquire);
        (!is_done).then(|| (self.sequence(), self.catch_up_to))
    }

    /// Where the stream ended when it was last asked.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire).max(self.sequence())
    }

    /// How many events the view has not seen, and for how long the oldest has waited, in seconds.
    pub(crate) fn lag(&self) -> (u64, f64) {
        let (reached, end) = (self.sequence(), self.head());
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).look(reached, end)
    }

    /// Asks where the stream ends, and says how the view stands to it.
    pub(crate) async fn measure(&self) {
        if let Ok(head) = self.log.head().await {
            self.head.store(head.last_sequence, Ordering::Release);
        }
        let (events, seconds) = self.lag();
        self.metrics.follower_lag(FOLLOWER, events, seconds);
        let (view, status) = (self.view(), self.status());
        self.metrics.view(
            FOLLOWER,
            ViewState {
                generation: view.store().generation(),
                building: self.catching_up().or(status.rebuilding),
                is_stopped: status.incident.is_some(),
                quarantined_events: view.quarantined(),
            },
        );
    }

    /// Follows the stream until the token is cancelled. After an incident it waits for a rebuild.
    pub(crate) async fn run(self: Arc<Self>, token: CancellationToken) {
        let mut status = self.status.subscribe();
        while !token.is_cancelled() {
            if self.status().incident.is_none() {
                let mut live = Live { centers: Arc::clone(&self) };
                let log = Arc::clone(&self.log);
                if let Err(incident) = follow(log, &mut live, token.clone()).await {
                    self.raise(&incident);
                }
                continue;
            }
            let cleared = status.wait_for(|status| status.incident.is_none());
            let _ = token.run_until_cancelled(cleared).await;
        }
        let store = self.writer.lock().await.store().clone();
        if let Err(error) = blocking(move || store.close()).await {
            tracing::warn!(
                error = &error as &dyn Error,
                "the view of the centers could not be written out"
            );
        }
    }

    /// Builds the view anew from the stream, and lets it take over. Gives the sequence that it has come to.
    ///
    /// The writer stands still meanwhile; the old view serves.
    ///
    /// # Errors
    /// When the stream or the store fails; the old view serves on.
    pub(crate) async fn rebuild(&self) -> Result<u64, ProjectionError> {
        let mut held = self.writer.lock().await;
        let head = self.log.head().await?;
        let serving = held.store().clone();
        let next = blocking(move || CentersView::load(serving.begin_next()?, head)).await?;
        let next = Arc::new(next);
        fill(&self.log, &next, head.last_sequence).await?;
        let store = next.store().clone();
        blocking(move || store.promote()).await?;
        let old = std::mem::replace(&mut *held, Arc::clone(&next));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = next;
        self.applied.send_replace(head.last_sequence);
        self.status.send_modify(|status| *status = Status::default());
        self.has_caught_up.store(true, Ordering::Release);
        drop(held);
        let outdated = old.store().clone();
        drop(old);
        if let Err(error) = blocking(move || outdated.discard()).await {
            // It is removed at the next start.
            tracing::warn!(error = &error as &dyn Error, "the old view stays for now");
        }
        Ok(head.last_sequence)
    }

    /// Says that a person must look. The readers go on.
    fn raise(&self, incident: &(dyn Error + 'static)) {
        let mut text = incident.to_string();
        let mut source = incident.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        tracing::error!(
            incident = text,
            "the projection of the centers stopped; a person must look"
        );
        self.metrics.invariant_violation(STREAM_INVARIANT);
        self.status.send_modify(|status| status.incident = Some(text));
    }

    fn told(&self, folded: &fold::Folded) {
        for unreadable in &folded.quarantined {
            self.metrics.quarantined();
            tracing::error!(
                stream.sequence = unreadable.sequence,
                subject = unreadable.subject,
                reason = unreadable.reason,
                "an event of a center cannot be read; it is in quarantine"
            );
        }
        self.applied.send_replace(folded.sequence);
        if folded.sequence >= self.catch_up_to {
            self.has_caught_up.store(true, Ordering::Release);
        }
    }
}

/// Folds the events behind the view's own place up to `until` into it.
async fn fill(
    log: &Arc<dyn EventLog>,
    view: &Arc<CentersView>,
    until: u64,
) -> Result<(), ProjectionError> {
    let mut events = Replay::start(&**log, view.sequence(), until).await?;
    while let Some(batch) = events.next().await? {
        let filled = Arc::clone(view);
        let outcome = blocking(move || applied(&filled, &batch)).await;
        outcome.map_err(|error| match error {
            FoldError::Retry(source) | FoldError::Broken(source) => ProjectionError::Fold(source),
        })?;
    }
    Ok(())
}

/// Folds a batch into a view. Blocks. All or nothing.
fn applied(view: &CentersView, batch: &[Recorded]) -> Result<fold::Folded, FoldError> {
    let folded = fold::fold(view.sequence(), batch).map_err(|gap| FoldError::Broken(gap.into()))?;
    match view.apply(&folded) {
        Ok(()) => Ok(folded),
        // A full disk may be emptied; a damaged store is set aside at the next start.
        Err(error @ StoreError::Io { .. }) => Err(FoldError::Retry(error.into())),
        Err(error) => Err(FoldError::Broken(error.into())),
    }
}

/// The writer as the follower drives it.
struct Live {
    centers: Arc<Centers>,
}

impl Fold for Live {
    fn checkpoint(&self) -> u64 {
        self.centers.sequence()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        Box::pin(async move {
            let view = Arc::clone(&self.centers.writer).lock_owned().await;
            let centers = Arc::clone(&self.centers);
            // Finished also when the follower is dropped: a batch is whole or not there.
            blocking(move || {
                let folded = applied(&view, &batch)?;
                centers.told(&folded);
                Ok(())
            })
            .await
        })
    }
}

/// Builds the view of the centers in `dir` anew while nothing else has it open. Gives the sequence that it has come to.
///
/// # Errors
/// When the stream or the store fails; the old view stays as it was.
pub async fn rebuild(log: Arc<dyn EventLog>, dir: &Path) -> Result<u64, ProjectionError> {
    let head = log.head().await?;
    let path = folder(dir);
    let (old, next) = blocking(move || {
        let old = view::open_store(&path, head)?.store;
        let next = CentersView::load(old.begin_next()?, head)?;
        Ok::<_, ProjectionError>((old, Arc::new(next)))
    })
    .await?;
    fill(&log, &next, head.last_sequence).await?;
    blocking(move || {
        let store = next.store().clone();
        drop(next);
        store.promote()?;
        old.discard()?;
        store.close()?;
        Ok::<_, ProjectionError>(head.last_sequence)
    })
    .await
}
