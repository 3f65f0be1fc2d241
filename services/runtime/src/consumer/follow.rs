//! Driving a fold over the whole stream: batches in order, each from behind the fold's own checkpoint.
//!
//! Invariant: the fold's checkpoint is the only position; whatever breaks, the next try starts from it, so a
//! batch is applied whole or comes again.

use std::error::Error;
use std::sync::Arc;

use futures::StreamExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Backoff;
use crate::log::{EventLog, LogError, Recorded};

/// Most events of one batch: a view's write lock is held for milliseconds, and a batch costs one commit.
pub const BATCH_EVENTS_MAX: usize = 500;

/// What a stream is folded into: a view, an index, a set of timers.
pub trait Fold: Send {
    /// The sequence of the last event that was folded; 0 before the first.
    fn checkpoint(&self) -> u64;

    /// Folds a batch, 1 to [`BATCH_EVENTS_MAX`] events in order, the first at `checkpoint() + 1`, and moves the
    /// checkpoint behind it; all or nothing. Work that blocks belongs on a blocking thread.
    ///
    /// # Errors
    /// [`FoldError`]; the batch comes again after a back-off, from the checkpoint then.
    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>>;
}

/// Why a batch could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    /// It may succeed later: a full disk, for example.
    #[error("the batch could not be stored")]
    Retry(#[source] Box<dyn Error + Send + Sync>),
    /// It never will: the store is damaged, for example.
    #[error("the fold is broken")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// Why following ended although nobody asked for it. An incident: a person must look.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// Events are missing.
    #[error("events are missing from the stream")]
    Gap(#[source] LogError),
    /// The fold is broken.
    #[error("the fold is broken")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
}

/// Folds the stream until the token is cancelled: whatever is ready, at most [`BATCH_EVENTS_MAX`] events at once,
/// without waiting for more. A batch that is being folded is finished first.
///
/// # Errors
/// [`FollowError`] when a person must look; a broken line is no error, it is tried again.
pub async fn follow(
    log: Arc<dyn EventLog>,
    fold: &mut dyn Fold,
    token: CancellationToken,
) -> Result<(), FollowError> {
    let mut backoff = Backoff::default();
    while !token.is_cancelled() {
        let before = fold.checkpoint();
        match follow_line(&*log, fold, &token).await {
            Ok(()) => {}
            Err(Broken::Line(gap @ LogError::Gap { .. })) => return Err(FollowError::Gap(gap)),
            Err(Broken::Line(error)) => {
                tracing::warn!(error = &error as &dyn Error, "the line to the stream broke; again");
            }
            Err(Broken::Fold(FoldError::Broken(source))) => {
                return Err(FollowError::Broken(source));
            }
            Err(Broken::Fold(error)) => {
                tracing::error!(error = &error as &dyn Error, "a batch could not be folded; again");
            }
        }
        if fold.checkpoint() > before {
            backoff = Backoff::default();
        }
        backoff.wait(&token).await;
    }
    Ok(())
}

enum Broken {
    Line(LogError),
    Fold(FoldError),
}

/// Follows until the token is cancelled, the line ends or something fails.
async fn follow_line(
    log: &dyn EventLog,
    fold: &mut dyn Fold,
    token: &CancellationToken,
) -> Result<(), Broken> {
    let line = log.follow(fold.checkpoint());
    let Some(line) = token.run_until_cancelled(line).await else { return Ok(()) };
    let mut batches = line.map_err(Broken::Line)?.ready_chunks(BATCH_EVENTS_MAX);
    while let Some(Some(items)) = token.run_until_cancelled(batches.next()).await {
        let mut batch = Vec::with_capacity(items.len());
        let mut broken = None;
        for item in items {
            match item {
                Ok(event) => batch.push(event),
                Err(error) => broken = Some(error),
            }
        }
        if !batch.is_empty() {
            fold.fold(batch).await.map_err(Broken::Fold)?;
        }
        if let Some(error) = broken {
            return Err(Broken::Line(error));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Expected;
    use crate::log::contract::{events, fresh_subject};
    use crate::log::memory::MemoryLog;

    /// Remembers sequences; fails once per failure left.
    struct Seen {
        sequences: Vec<u64>,
        failures: u32,
        enough: u64,
        token: CancellationToken,
    }

    impl Fold for Seen {
        fn checkpoint(&self) -> u64 {
            self.sequences.last().copied().unwrap_or(0)
        }

        fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
            Box::pin(async move {
                assert!(batch.len() <= BATCH_EVENTS_MAX);
                if self.failures > 0 {
                    self.failures -= 1;
                    return Err(FoldError::Retry("the disk is full".into()));
                }
                self.sequences.extend(batch.iter().map(|event| event.sequence));
                if self.checkpoint() >= self.enough {
                    self.token.cancel();
                }
                Ok(())
            })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_event_is_folded_once_although_batches_fail() {
        let log = MemoryLog::default();
        let subject = fresh_subject();
        for _ in 0..40 {
            log.append(&subject, Expected::Any, &events(30)).await.unwrap();
        }
        let token = CancellationToken::new();
        let mut seen =
            Seen { sequences: Vec::new(), failures: 3, enough: 1200, token: token.clone() };
        follow(Arc::new(log), &mut seen, token).await.unwrap();
        assert_eq!(seen.sequences, (1..=1200).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_checkpoint_beyond_the_end_stops_with_an_incident() {
        let token = CancellationToken::new();
        let mut seen =
            Seen { sequences: vec![7], failures: 0, enough: u64::MAX, token: token.clone() };
        let result = follow(Arc::new(MemoryLog::default()), &mut seen, token).await;
        assert!(matches!(result, Err(FollowError::Gap(LogError::Gap { after: 7, came: 0 }))));
    }
}
