//! The heart of the projection: one view, its index, and the one writer that keeps both in step with the log.
//!
//! Invariants: only the holder of the writer changes a view; the store is written before the index, and the
//! index before anybody is told; an incident (events missing, another stream, a broken store) stops the writer
//! and stays until a person rebuilds, while readers go on.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use desk::{District, decode};
use futures::future::BoxFuture;
use proto_events::Timestamp;
use runtime::clock::SharedClock;
use runtime::consumer::{Behind, Fold, FoldError, follow};
use runtime::log::{EventLog, Head, LogError, Recorded};
use runtime::metrics::{Metrics, ViewState};
use runtime::store::{Opened, StoreError, ViewStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::feed::Feed;
use crate::fold::{FoldFault, Folded, Folder, Quarantined, REMEMBERED_LIVE_MAX, REMEMBERED_MAX};
use crate::index::Index;
use crate::readable;
use crate::views::{Views, open_store, quarantine_behind};

/// The name of the view in the metrics.
const FOLLOWER: &str = "cases";

/// The invariant that an incident breaks, as the metrics name it.
pub(crate) const STREAM_INVARIANT: &str = "stream_is_whole";

/// Events that a view which catches up folds before it writes everything, and moves its checkpoint; what comes after the
/// checkpoint is folded again when the process dies. Some ten seconds of work.
const UNWRITTEN_EVENTS_MAX: u64 = 512 * 1024;

/// What a view that catches up keeps in memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) remembered_max: usize,
    pub(crate) ended_min: usize,
    pub(crate) unwritten_events_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            remembered_max: REMEMBERED_MAX,
            ended_min: ENDED_MIN,
            unwritten_events_max: UNWRITTEN_EVENTS_MAX,
        }
    }
}

/// Cases that have to have come to their end, so that it is worth to write and forget only them: otherwise all are
/// written, and those under way many times.
const ENDED_MIN: usize = REMEMBERED_MAX / 8;

/// Why the projection could not be opened, verified or rebuilt.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The log could not be read.
    #[error("the stream of cases could not be read")]
    Log(#[from] LogError),
    /// The store could not be used.
    #[error("the view store could not be used")]
    Store(#[from] StoreError),
    /// The stream broke while it was read.
    #[error("the stream ended before its last event")]
    Ended,
    /// A batch could not be folded.
    #[error("the stream could not be folded")]
    Fold(#[source] Box<dyn Error + Send + Sync>),
    /// The view's folder could not be moved.
    #[error("the view's folder could not be set aside")]
    SetAside(#[source] std::io::Error),
    /// The streams could not be proved.
    #[error(transparent)]
    Proof(#[from] runtime::log::verify::ProofError),
}

/// One generation of the view with its index.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) views: Views,
    index: RwLock<Index>,
    checkpoint: AtomicU64,
    quarantined: AtomicU64,
}

/// Changes a view; there is one.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) view: Arc<View>,
    folder: Folder,
    pub(crate) limits: Limits,
}

/// What was written, and seen by readers from now on.
#[derive(Debug)]
pub(crate) struct Written {
    /// The checkpoint of the view.
    pub(crate) sequence: u64,
    /// What went into quarantine.
    pub(crate) quarantined: Vec<Quarantined>,
}

/// What a person must look at, and how far a rebuild is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Status {
    /// What is wrong with the stream or the store.
    pub(crate) incident: Option<String>,
    /// The sequence that a rebuild has come to, and where it wants to.
    pub(crate) rebuilding: Option<(u64, u64)>,
}

/// The projection without its doors.
pub(crate) struct Core {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) district: Arc<District>,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: Metrics,
    current: RwLock<Arc<View>>,
    pub(crate) writer: Arc<tokio::sync::Mutex<Writer>>,
    /// The sequence that readers see.
    applied: watch::Sender<u64>,
    /// How often another generation of a view was let to serve.
    pub(crate) generation: AtomicU64,
    /// What the live feeds tell.
    pub(crate) feed: Feed,
    pub(crate) status: watch::Sender<Status>,
    /// Where the stream ended when it was last asked, and whether it answered.
    head: AtomicU64,
    bus_answers: AtomicBool,
    behind: Mutex<Behind>,
    /// Where the stream ended at the start; reached once, the projection is ready.
    catch_up_to: u64,
    has_caught_up: AtomicBool,
    /// What was folded, written or not: how far the first catching up is.
    folded: AtomicU64,
    /// Cancelled when the process ends: feeds close then.
    pub(crate) ended: CancellationToken,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core").field("checkpoint", &self.sequence()).finish_non_exhaustive()
    }
}

/// The folder of the view under the projection's.
pub(crate) fn folder(dir: &Path) -> PathBuf {
    dir.join("cases")
}

impl View {
    /// Takes a store and builds its index when there is a district to build it for. Blocks.
    pub(crate) fn load(
        store: ViewStore,
        head: Head,
        district: Option<&District>,
    ) -> Result<Self, StoreError> {
        let views = Views::new(store, head.created_at);
        let mut index = Index::default();
        if let Some(district) = district {
            for record in views.cases() {
                index.put(&record?.1, &district.rules);
            }
        }
        let checkpoint = AtomicU64::new(views.checkpoint()?);
        let quarantined = AtomicU64::new(views.quarantined()?.len() as u64);
        Ok(Self { views, index: RwLock::new(index), checkpoint, quarantined })
    }

    /// The sequence that it has come to.
    pub(crate) fn sequence(&self) -> u64 {
        self.checkpoint.load(Ordering::Acquire)
    }

    /// How many events are in quarantine.
    pub(crate) fn quarantined(&self) -> u64 {
        self.quarantined.load(Ordering::Acquire)
    }

    /// Takes what was written into the index.
    fn list(&self, folded: &Folded<'_>, district: Option<&District>) {
        let Some(district) = district else { return };
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        for (_, record) in &folded.cases {
            index.put(record, &district.rules);
        }
    }

    /// The index; held for the length of one query.
    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        // A panic while it was written would leave at worst one row old; the store is right.
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Writer {
    /// Makes the writer of a view.
    pub(crate) fn new(view: Arc<View>) -> Self {
        let folder = Folder::behind(view.sequence());
        Self { view, folder, limits: Limits::default() }
    }

    /// The sequence of the last event that was folded, written or not.
    pub(crate) fn sequence(&self) -> u64 {
        self.folder.sequence()
    }

    /// Folds a batch, and writes what was folded when it reaches `goal` or has become much; `None` when it was not
    /// written yet. A goal of 0 writes at once. Blocks. What is written is written whole.
    ///
    /// # Errors
    /// The fold error that the follower acts on; the writer is back at the view's checkpoint then.
    pub(crate) fn apply(
        &mut self,
        batch: &[Recorded],
        district: Option<&District>,
        goal: u64,
    ) -> Result<Option<Written>, FoldError> {
        let outcome = self.try_apply(batch, district, goal);
        if outcome.is_err() {
            self.folder = Folder::behind(self.view.sequence());
        }
        outcome
    }

    fn try_apply(
        &mut self,
        batch: &[Recorded],
        district: Option<&District>,
        goal: u64,
    ) -> Result<Option<Written>, FoldError> {
        let views = &self.view.views;
        self.folder.fold(batch, |case_id| views.case(case_id)).map_err(|fault| match fault {
            FoldFault::Load(error) => of_store(error),
            gap @ FoldFault::Gap { .. } => FoldError::Broken(gap.into()),
        })?;
        if self.folder.sequence() < goal && self.make_room(district).map_err(of_store)? {
            return Ok(None);
        }
        let folded = self.folder.folded();
        self.view.views.apply(&folded).map_err(of_store)?;
        self.view.list(&folded, district);
        let sequence = folded.sequence;
        self.view.quarantined.fetch_add(folded.quarantined.len() as u64, Ordering::AcqRel);
        self.view.checkpoint.store(sequence, Ordering::Release);
        let remembered_max = match sequence < goal {
            true => self.limits.remembered_max / 2,
            false => REMEMBERED_LIVE_MAX.min(self.limits.remembered_max),
        };
        Ok(Some(Written { sequence, quarantined: self.folder.written(remembered_max) }))
    }

    /// Whether a view that catches up may fold on before it writes everything. When it remembers too many cases it writes
    /// those that have come to their end, ahead of the checkpoint; each case is written once or twice then.
    fn make_room(&mut self, district: Option<&District>) -> Result<bool, StoreError> {
        if self.folder.sequence() - self.view.sequence() >= self.limits.unwritten_events_max {
            return Ok(false);
        }
        if self.folder.remembered() < self.limits.remembered_max {
            return Ok(true);
        }
        let ended = self.folder.ended();
        if ended.cases.len() < self.limits.ended_min {
            return Ok(false);
        }
        self.view.views.write_ahead(&ended)?;
        self.view.list(&ended, district);
        self.folder.ended_written();
        Ok(true)
    }
}

/// A full disk may be emptied; a damaged store is set aside at the next start.
fn of_store(error: StoreError) -> FoldError {
    match error {
        StoreError::Io { .. } => FoldError::Retry(error.into()),
        other => FoldError::Broken(other.into()),
    }
}

impl Core {
    /// Opens the view in `dir`, or starts an empty one.
    ///
    /// # Errors
    /// When the log does not answer or the store cannot be used.
    pub(crate) async fn open(
        log: Arc<dyn EventLog>,
        district: Arc<District>,
        clock: SharedClock,
        metrics: Metrics,
        dir: &Path,
    ) -> Result<Arc<Self>, ProjectionError> {
        let head = log.head().await?;
        let dir = folder(dir);
        metrics.declare_invariants(&[STREAM_INVARIANT]);
        let opened = blocking(move || -> Result<_, StoreError> {
            let Opened { store, was_rebuilt, incident, .. } = open_store(&dir, head)?;
            if let Some(set_aside) = was_rebuilt {
                tracing::warn!(
                    folder = %set_aside.folder.display(),
                    reason = set_aside.reason,
                    "the view was set aside and is built anew from the stream"
                );
            }
            let quarantined = quarantine_behind(&store, 0, readable::LOOKED_AT_MAX)?;
            Ok((store, incident, quarantined))
        });
        let (store, incident, quarantined) = opened.await?;
        let is_outdated = incident.is_none()
            && readable::any(&*log, &quarantined, |event| decode(event).is_ok()).await?;
        let loading = Arc::clone(&district);
        let view = blocking(move || -> Result<_, StoreError> {
            let store = match is_outdated {
                true => {
                    tracing::info!(
                        "what nobody could read can be read by now; the view is built anew"
                    );
                    store.start_over(head)?
                }
                false => store,
            };
            View::load(store, head, Some(&loading))
        })
        .await?;
        let view = Arc::new(view);
        let sequence = view.sequence();
        tracing::info!(
            stream.sequence = sequence,
            stream.last_sequence = head.last_sequence,
            cases = view.index().len(),
            "the view is open"
        );
        let core = Arc::new(Self {
            log,
            district,
            clock,
            metrics,
            writer: Arc::new(tokio::sync::Mutex::new(Writer::new(Arc::clone(&view)))),
            current: RwLock::new(view),
            applied: watch::Sender::new(sequence),
            generation: AtomicU64::new(0),
            feed: Feed::behind(sequence),
            status: watch::Sender::new(Status::default()),
            head: AtomicU64::new(head.last_sequence),
            bus_answers: AtomicBool::new(true),
            behind: Mutex::default(),
            catch_up_to: head.last_sequence,
            // A view that the log does not fit says what was true, until a person decides.
            has_caught_up: AtomicBool::new(sequence >= head.last_sequence || incident.is_some()),
            folded: AtomicU64::new(sequence),
            ended: CancellationToken::new(),
        });
        if let Some(incident) = incident {
            core.raise(&incident);
        }
        Ok(core)
    }

    /// The view that serves.
    pub(crate) fn view(&self) -> Arc<View> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets another generation serve.
    pub(crate) fn serve(&self, view: Arc<View>) {
        let sequence = view.sequence();
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = view;
        self.applied.send_replace(sequence);
        self.feed.skip_to(sequence);
        self.status.send_modify(|status| *status = Status::default());
        if sequence >= self.catch_up_to {
            self.has_caught_up.store(true, Ordering::Release);
        }
    }

    /// The sequence that readers see.
    pub(crate) fn sequence(&self) -> u64 {
        *self.applied.borrow()
    }

    /// Tells when the view has come to a sequence.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// The present instant in the district's offset.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now().with_timezone(&self.district.offset)
    }

    /// What a person must look at.
    pub(crate) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Says how far a rebuild is.
    pub(crate) fn report(&self, progress: Option<(u64, u64)>) {
        self.status.send_modify(|status| status.rebuilding = progress);
    }

    /// How far the first catching up is: `None` when it is done.
    pub(crate) fn catching_up(&self) -> Option<(u64, u64)> {
        let is_done = self.has_caught_up.load(Ordering::Acquire);
        (!is_done).then(|| (self.folded.load(Ordering::Acquire), self.catch_up_to))
    }

    /// Waits until the first catching up is done.
    pub(crate) async fn caught_up(&self) {
        // The sender is ours.
        let _ = self.applied().wait_for(|sequence| *sequence >= self.catch_up_to).await;
    }

    /// Says that a person must look. The readers go on.
    pub(crate) fn raise(&self, incident: &(dyn Error + 'static)) {
        let mut text = incident.to_string();
        let mut source = incident.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        tracing::error!(incident = text, "the projection stopped; a person must look");
        self.metrics.invariant_violation(STREAM_INVARIANT);
        self.status.send_modify(|status| status.incident = Some(text));
    }

    /// Follows the stream until the token is cancelled. After an incident it waits for a rebuild.
    pub(crate) async fn run(self: Arc<Self>, token: CancellationToken) {
        let mut status = self.status.subscribe();
        while !token.is_cancelled() {
            if self.status().incident.is_none() {
                let mut live = Live { core: Arc::clone(&self) };
                if let Err(incident) = follow(Arc::clone(&self.log), &mut live, token.clone()).await
                {
                    self.raise(&incident);
                }
                continue;
            }
            let cleared = status.wait_for(|status| status.incident.is_none());
            let _ = token.run_until_cancelled(cleared).await;
        }
        self.ended.cancel();
        let writer = self.writer.lock().await;
        let store = writer.view.views.store().clone();
        if let Err(error) = blocking(move || store.close()).await {
            tracing::warn!(error = &error as &dyn Error, "the view could not be written out");
        }
    }

    /// Asks where the stream ends, and says how far the view is behind.
    pub(crate) async fn measure(&self) {
        match self.log.head().await {
            Ok(head) => {
                self.head.store(head.last_sequence, Ordering::Release);
                self.bus_answers.store(true, Ordering::Release);
            }
            Err(_) => self.bus_answers.store(false, Ordering::Release),
        }
        let (events, seconds) = self.lag();
        self.metrics.projection_lag(events, seconds);
        self.metrics.follower_lag(FOLLOWER, events, seconds);
        self.show();
    }

    /// Says how the view and its cases stand. What is open is said by a view that stands only.
    fn show(&self) {
        let (view, status) = (self.view(), self.status());
        let building = self.catching_up();
        self.metrics.view(
            FOLLOWER,
            ViewState {
                generation: view.views.store().generation(),
                building: building.or(status.rebuilding),
                is_stopped: status.incident.is_some(),
                quarantined_events: view.quarantined(),
            },
        );
        if building.is_none() {
            let (open, overdue) =
                view.index().open_and_overdue(self.clock.now().timestamp_micros());
            self.metrics.cases(open, overdue);
        }
    }

    /// Where the stream ended when it was last asked.
    pub(crate) fn head(&self) -> u64 {
        self.head.load(Ordering::Acquire).max(self.sequence())
    }

    /// Whether the bus answered when it was last asked.
    pub(crate) fn bus_answers(&self) -> bool {
        self.bus_answers.load(Ordering::Acquire)
    }

    /// How many events the view has not seen, and for how long it has been behind, in seconds.
    pub(crate) fn lag(&self) -> (u64, f64) {
        let (reached, end) = (self.sequence(), self.head());
        self.behind.lock().unwrap_or_else(PoisonError::into_inner).look(reached, end)
    }

    /// Tells readers and the operator what a batch brought.
    fn told(&self, written: &Written) {
        for unreadable in &written.quarantined {
            self.metrics.quarantined();
            tracing::error!(
                stream.sequence = unreadable.sequence,
                subject = unreadable.subject,
                reason = unreadable.reason,
                "an event cannot be read; it is in quarantine"
            );
        }
        // Before anybody hears how far it is: whoever waited for that asks next whether it is all.
        let is_caught_up = written.sequence >= self.catch_up_to
            && !self.has_caught_up.swap(true, Ordering::AcqRel);
        self.applied.send_replace(written.sequence);
        if is_caught_up {
            tracing::info!(stream.sequence = written.sequence, "the view has caught up");
        }
    }
}

/// The writer as the follower drives it.
struct Live {
    core: Arc<Core>,
}

impl Fold for Live {
    fn checkpoint(&self) -> u64 {
        self.core.sequence()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        Box::pin(async move {
            let mut writer = Arc::clone(&self.core.writer).lock_owned().await;
            let core = Arc::clone(&self.core);
            // Finished also when the follower is dropped: a batch is whole or not there.
            blocking(move || {
                let written = writer.apply(&batch, Some(&core.district), core.catch_up_to)?;
                core.folded.store(writer.sequence(), Ordering::Release);
                if let Some(written) = written {
                    // While the view still catches up, nobody listens.
                    let is_live = core.catching_up().is_none();
                    core.told(&written);
                    match is_live {
                        true => core.feed.tell(&batch, &writer.view.index()),
                        false => core.feed.skip_to(written.sequence),
                    }
                }
                Ok(())
            })
            .await
        })
    }
}

/// Runs what blocks on a thread where it may.
pub(crate) async fn blocking<T, F>(work: F) -> T
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is going down; nobody waits for an answer any more.
            Err(_) => std::future::pending().await,
        },
    }
}
