//! Reading the stream from a place to a place, and building views with it: `rebuild`.
//!
//! Invariants: the old generation serves until the new one has come as far; the writer stands still only for
//! the last few events; what fails leaves the old generation as it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use desk::District;
use futures::StreamExt as _;
use futures::stream::{BoxStream, ReadyChunks};
use runtime::consumer::{BATCH_EVENTS_MAX, FoldError};
use runtime::log::{EventLog, LogError, Recorded};

use crate::core::{Core, ProjectionError, View, Writer, blocking, folder};
use crate::views::open_store;

/// The events between two places of the stream, in batches.
pub(crate) struct Replay {
    /// None when there is nothing to read.
    line: Option<Line>,
    reached: u64,
    until: u64,
}

type Line = ReadyChunks<BoxStream<'static, Result<Recorded, LogError>>>;

impl Replay {
    /// Starts behind `after`; ends with `until`.
    ///
    /// # Errors
    /// When the bus is out of reach, or the stream ends before `after`.
    pub(crate) async fn start(
        log: &dyn EventLog,
        after: u64,
        until: u64,
    ) -> Result<Self, ProjectionError> {
        let line = match after < until {
            true => Some(log.follow(after).await?.ready_chunks(BATCH_EVENTS_MAX)),
            false => None,
        };
        Ok(Self { line, reached: after, until })
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// When the line breaks or events are missing.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Recorded>>, ProjectionError> {
        let Some(line) = self.line.as_mut().filter(|_| self.reached < self.until) else {
            return Ok(None);
        };
        let items = line.next().await.ok_or(ProjectionError::Ended)?;
        let mut batch = Vec::with_capacity(items.len());
        for item in items {
            let recorded = item?;
            if recorded.sequence <= self.until {
                self.reached = recorded.sequence;
                batch.push(recorded);
            }
        }
        Ok(Some(batch))
    }
}

/// Folds the events after the writer's own place up to `until` into its view; `progress` hears how far it is.
pub(crate) async fn fill(
    mut writer: Writer,
    log: &dyn EventLog,
    district: Option<&Arc<District>>,
    until: u64,
    mut progress: impl FnMut(u64),
) -> Result<Writer, ProjectionError> {
    let mut events = Replay::start(log, writer.view.sequence(), until).await?;
    while let Some(batch) = events.next().await? {
        let district = district.cloned();
        let (filled, outcome) = blocking(move || {
            let outcome = writer.apply(&batch, district.as_deref(), until);
            (writer, outcome)
        })
        .await;
        writer = filled;
        outcome.map_err(of_fold)?;
        progress(writer.sequence());
    }
    Ok(writer)
}

fn of_fold(error: FoldError) -> ProjectionError {
    match error {
        FoldError::Retry(source) | FoldError::Broken(source) => ProjectionError::Fold(source),
    }
}

impl Core {
    /// Builds the view anew from the stream beside the one that serves, and lets it take over. Gives the
    /// sequence that it has come to. Also the answer to an incident, once a person has decided so.
    ///
    /// # Errors
    /// When the stream or the store fails; the old view serves on.
    pub(crate) async fn rebuild(&self) -> Result<u64, ProjectionError> {
        let outcome = self.build_next().await;
        if outcome.is_err() {
            self.report(None);
        }
        outcome
    }

    async fn build_next(&self) -> Result<u64, ProjectionError> {
        let head = self.log.head().await?;
        let old = self.view();
        let serving = old.views.store().clone();
        let district = Arc::clone(&self.district);
        let next =
            blocking(move || View::load(serving.begin_next()?, head, Some(&district))).await?;
        let goal = head.last_sequence;
        tracing::info!(stream.last_sequence = goal, "building the view anew");
        self.report(Some((0, goal)));
        let report = |sequence| self.report(Some((sequence, goal)));
        let writer = Writer::new(Arc::new(next));
        let writer = fill(writer, &*self.log, Some(&self.district), goal, report).await?;

        // From here the old writer stands still.
        let mut held = self.writer.lock().await;
        let goal = match self.status().incident {
            Some(_) => self.log.head().await?.last_sequence,
            None => held.view.sequence().max(goal),
        };
        let writer = fill(writer, &*self.log, Some(&self.district), goal, report).await?;
        let store = writer.view.views.store().clone();
        blocking(move || store.promote()).await?;
        self.serve(Arc::clone(&writer.view));
        *held = writer;
        drop(held);
        tracing::info!(stream.sequence = goal, "the new view serves");
        let outdated = old.views.store().clone();
        drop(old);
        if let Err(error) = blocking(move || outdated.discard()).await {
            // It is removed at the next start.
            tracing::warn!(error = &error as &dyn std::error::Error, "the old view stays for now");
        }
        Ok(goal)
    }
}

/// Builds the view in `dir` anew while nothing else has it open; `progress` hears how far it is and where it
/// wants to. Gives the sequence that it has come to.
///
/// # Errors
/// When the stream or the store fails; the old view stays as it was.
pub async fn rebuild(
    log: Arc<dyn EventLog>,
    dir: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<u64, ProjectionError> {
    let head = log.head().await?;
    let path = folder(dir);
    let (old, next) = blocking(move || {
        let old = open_store(&path, head)?.store;
        let next = View::load(old.begin_next()?, head, None)?;
        Ok::<_, ProjectionError>((old, next))
    })
    .await?;
    let view = Arc::new(next);
    let writer = Writer::new(Arc::clone(&view));
    let report = |sequence| progress(sequence, head.last_sequence);
    drop(fill(writer, &*log, None, head.last_sequence, report).await?);
    blocking(move || {
        let store = view.views.store().clone();
        drop(view);
        store.promote()?;
        old.discard()?;
        store.close()?;
        Ok::<_, ProjectionError>(head.last_sequence)
    })
    .await
}

/// Moves the view in `dir` out of the way, so that the next start builds it anew; gives its new place, or
/// `None` when there was none. Nothing else may have it open.
///
/// # Errors
/// When another process has it open, or the folder cannot be moved.
pub fn set_aside(dir: &Path) -> Result<Option<PathBuf>, ProjectionError> {
    let path = folder(dir);
    if !path.exists() {
        return Ok(None);
    }
    let lock = runtime::nats_server::DataLock::acquire(&path)
        .map_err(runtime::store::StoreError::Locked)?;
    let free = (1..).map(|number| dir.join(format!("cases.set-aside-{number}")));
    let target = free.into_iter().find(|target| !target.exists());
    let target = target.expect("numbers do not end before folders do");
    std::fs::rename(&path, &target).map_err(ProjectionError::SetAside)?;
    drop(lock);
    Ok(Some(target))
}
