//! Similar cases: an index beside the view, of the cases that were solved or explained.
//!
//! It lies in a folder of its own and says how far it has come; it is disposable, like every view: one that is missing,
//! damaged, of another form, another dictionary or another stream is built anew from the view of the cases. It follows
//! that view, not the stream: a case whose version is behind the index's own place is looked at again. Invariants: no
//! applicant is in it, only what was written down about the matter; a text that is searched for is split, never parsed;
//! what is found is looked up in the view, which alone says who may see it.

mod index;
pub(crate) mod linear;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use casework::case::Case;
use casework::free_text;
use chrono::{DateTime, Utc};
use desk::District;
use proto_events::codes::CaseState;
use runtime::log::EventLog;
use runtime::metrics::Metrics;
use runtime::store::StoreError;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub(crate) use self::index::{Found, Scope};
use self::index::{IndexError, SimilarIndex, Stamp, Text};
use self::words::Words;
use crate::core::{Core, ProjectionError, blocking};

/// How long a solved case waits until it is found: the disk is written to once a second at most.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Pause before an index that broke is built anew.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Why the index cannot be kept: it or the view is damaged, or the disk does not do.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// The index of similar cases, kept up to date by [`Similar::run`].
pub(crate) struct Similar {
    core: Arc<Core>,
    folder: PathBuf,
    words: Arc<Words>,
    stream_created_at: DateTime<Utc>,
    current: RwLock<Arc<SimilarIndex>>,
    /// The sequence of the view that was looked at last.
    sequence: watch::Sender<u64>,
    /// Cancelled when the present index turned out to be broken.
    broken: RwLock<CancellationToken>,
}

impl std::fmt::Debug for Similar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Similar").field("sequence", &self.sequence()).finish_non_exhaustive()
    }
}

/// The folder of the index under the projection's.
fn folder(dir: &Path) -> PathBuf {
    dir.join("similar")
}

/// The names of the district, which no dictionary has.
fn names(district: &District) -> Vec<String> {
    let rules = &district.rules;
    let mut names: BTreeSet<&str> = rules.matters.iter().map(|line| &*line.name).collect();
    names.extend(rules.matters.iter().flat_map(|line| line.keywords.iter().map(|word| &**word)));
    names.extend(rules.departments.values().map(|department| &*department.name));
    names.extend(rules.centers.values().map(|center| &*center.name));
    names.into_iter().map(ToOwned::to_owned).collect()
}

impl Similar {
    /// Opens the index under `dir`, or makes an empty one, which [`Similar::run`] fills.
    ///
    /// # Errors
    /// When the disk does not do.
    pub(crate) async fn open(core: Arc<Core>, dir: &Path) -> Result<Arc<Self>, ProjectionError> {
        let (folder, words) = (folder(dir), Arc::new(Words::new(names(&core.district))));
        let head = core.log.head().await?;
        let (path, splitter) = (folder.clone(), Arc::clone(&words));
        let opened = blocking(move || match SimilarIndex::open(&path, Arc::clone(&splitter)) {
            Ok((index, stamp)) if stamp.is_of(head) => Ok((index, stamp.sequence)),
            outcome => {
                if let Err(error) = outcome {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(error, "no usable index of similar cases; it is built anew");
                }
                Ok((SimilarIndex::create(&path, splitter)?, 0))
            }
        });
        let opened: Result<_, IndexError> = opened.await;
        let (index, sequence) = opened.map_err(unusable)?;
        Ok(Arc::new(Self {
            core,
            folder,
            words,
            stream_created_at: head.created_at,
            current: RwLock::new(Arc::new(index)),
            sequence: watch::Sender::new(sequence),
            broken: RwLock::default(),
        }))
    }

    /// The log that it follows in the end, by way of the view.
    pub(crate) fn log(&self) -> Arc<dyn EventLog> {
        Arc::clone(&self.core.log)
    }

    /// Where it says how far it is.
    pub(crate) fn metrics(&self) -> Metrics {
        self.core.metrics.clone()
    }

    /// Tells when it has come to a sequence.
    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.sequence.subscribe()
    }

    /// The sequence of the stream of cases that it has come to.
    pub(crate) fn sequence(&self) -> u64 {
        *self.sequence.borrow()
    }

    /// Finds the cases that are most like a text, the most alike first, at most `limit`. Blocks.
    ///
    /// # Errors
    /// When the index is damaged; it is built anew then.
    pub(crate) fn search(
        &self,
        text: &str,
        matter: Option<&str>,
        scope: &Scope,
        limit: usize,
    ) -> Result<Vec<Found>, IndexError> {
        let found = self.index().search(text, matter, scope, limit);
        if found.is_err() {
            self.broken.read().unwrap_or_else(PoisonError::into_inner).cancel();
        }
        found
    }

    fn index(&self) -> Arc<SimilarIndex> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps the index up to date until the token is cancelled; builds it anew when it breaks.
    pub(crate) async fn run(self: Arc<Self>, token: CancellationToken) {
        while !token.is_cancelled() {
            let broken = token.child_token();
            *self.broken.write().unwrap_or_else(PoisonError::into_inner) = broken.clone();
            if let Err(error) = self.keep(broken).await {
                let error = &*error as &dyn std::error::Error;
                tracing::warn!(error, "the index of similar cases broke; it is built anew");
            }
            if token.is_cancelled()
                || token.run_until_cancelled(tokio::time::sleep(AGAIN_AFTER)).await.is_none()
            {
                break;
            }
            let (path, words) = (self.folder.clone(), Arc::clone(&self.words));
            match blocking(move || SimilarIndex::create(&path, words)).await {
                Ok(index) => {
                    *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(index);
                    self.sequence.send_replace(0);
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "no index of similar cases can be made; again");
                }
            }
        }
    }

    async fn keep(&self, token: CancellationToken) -> Result<(), Broken> {
        // Half a view has half of the cases; it is looked at once it is whole.
        let caught_up = self.core.caught_up();
        if token.run_until_cancelled(caught_up).await.is_none() {
            return Ok(());
        }
        if self.sequence() == 0 {
            self.fill().await?;
        }
        let mut applied = self.core.applied();
        let mut ticks = tokio::time::interval(COMMIT_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while token.run_until_cancelled(ticks.tick()).await.is_some() {
            self.follow_the_view().await?;
            // Nothing is done, and nobody woken, until something has changed.
            let moved = applied.wait_for(|sequence| *sequence > self.sequence());
            if !matches!(token.run_until_cancelled(moved).await, Some(Ok(_))) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks at the cases that have changed since, and makes what was found durable.
    async fn follow_the_view(&self) -> Result<(), Broken> {
        let view = self.core.view();
        // Taken before: what changes meanwhile is looked at again.
        let (reached, before) = (view.sequence(), self.sequence());
        if reached == before {
            return Ok(());
        }
        let (index, stream) = (self.index(), self.stream_created_at);
        blocking(move || -> Result<(), Broken> {
            let changed = view.index().changed_since(before);
            let mut is_changed = false;
            for case_id in changed {
                let Some(record) = view.views.case(case_id)? else { continue };
                let is_put = is_telling(&record.case);
                if is_put {
                    index.put(&text_of(&record.case))?;
                } else if may_have_told(&record.case) {
                    index.remove(case_id)?;
                }
                is_changed |= is_put || may_have_told(&record.case);
            }
            // A commit costs the disk; how far an unchanged index has come is seen anew at the next start.
            if is_changed {
                index.commit(reached, stream)?;
            }
            Ok(())
        })
        .await?;
        self.sequence.send_replace(reached);
        Ok(())
    }

    /// Builds the index from the view of the cases.
    async fn fill(&self) -> Result<(), Broken> {
        let (view, index, stream) = (self.core.view(), self.index(), self.stream_created_at);
        // Taken before the first row is read: what comes meanwhile is looked at again.
        let sequence = view.sequence();
        let counted = blocking(move || -> Result<usize, Broken> {
            let mut count = 0;
            for row in view.views.cases() {
                let case = row?.1.case;
                if is_telling(&case) {
                    index.put(&text_of(&case))?;
                    count += 1;
                }
            }
            index.commit(sequence, stream)?;
            Ok(count)
        });
        let count = counted.await?;
        self.sequence.send_replace(sequence);
        if count > 0 {
            tracing::info!(cases = count, "the index of similar cases is built");
        }
        Ok(())
    }
}

fn unusable(error: IndexError) -> ProjectionError {
    ProjectionError::Store(StoreError::Damaged(error.into()))
}

/// Whether a case has something to tell others: it was solved or explained, its applicant did not ask to be forgotten, and
/// nothing in its texts has the form of a personal number.
pub(crate) fn is_telling(case: &Case) -> bool {
    let outcome = case.outcome.as_ref().filter(|_| !case.is_open() && !case.erased);
    outcome
        .is_some_and(|outcome| matches!(outcome.kind, CaseState::Resolved | CaseState::Explained))
        && told(case).all(|text| free_text::find_personal_data(text).is_none())
}

/// Whether something took away what a case once had to tell.
fn may_have_told(case: &Case) -> bool {
    case.reopen_count > 0 || case.erased || !case.corrections.is_empty()
}

/// What was written down about the matter.
fn told(case: &Case) -> impl Iterator<Item = &str> {
    let outcome = case.outcome.as_ref().and_then(|outcome| outcome.result.as_deref());
    let facts = case.determination.as_ref().map(|found| &*found.facts);
    let texts = [Some(&*case.matter.name), Some(&*case.demand), case.summary.as_deref()];
    texts.into_iter().chain([outcome, facts]).flatten()
}

fn text_of(case: &Case) -> Text {
    Text {
        case_id: case.case_id,
        center: case.center.to_string(),
        departments: case.departments_ever.iter().map(ToString::to_string).collect(),
        matter: case.matter.name.clone(),
        text: told(case).collect::<Vec<_>>().join("\n"),
    }
}

impl Stamp {
    /// Whether an index with this stamp is one of this stream, and not beyond its end.
    fn is_of(&self, head: runtime::log::Head) -> bool {
        self.stream_created_at == head.created_at && self.sequence <= head.last_sequence
    }
}
