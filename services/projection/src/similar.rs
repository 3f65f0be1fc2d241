//! Similar cases: an index beside the view, of the cases that were solved or explained.
//!
//! It lies in a folder of its own and says how far it has come; it is disposable, like every view: one that is missing,
//! damaged, of another form, another dictionary or another stream is built anew from the view of the cases. Invariants: no
//! applicant is in it, only what was written down about the matter; a text that is searched for is split, never parsed;
//! what is found is looked up in the view, which alone says who may see it.

mod index;
pub(crate) mod linear;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use casework::case::Case;
use casework::free_text;
use chrono::{DateTime, Utc};
use desk::District;
use futures::future::BoxFuture;
use proto_events::codes::CaseState;
use proto_events::envelope::header;
use proto_events::events::TYPE_PREFIX;
use proto_events::ids::CaseId;
use proto_events::subject::CaseSubject;
use runtime::consumer::{Fold, FoldError, follow};
use runtime::log::Recorded;
use runtime::store::StoreError;
use tokio_util::sync::CancellationToken;

pub(crate) use self::index::{Found, Scope};
use self::index::{IndexError, SimilarIndex, Stamp, Text};
use self::words::Words;
use crate::core::{Core, ProjectionError, blocking};

/// How long a solved case waits until it is found: the disk is written to once a second at most.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// Pause before an index that broke is built anew.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The events after which a case has to be looked at again.
const TELLING: [&str; 5] =
    ["resolved", "explained", "reopened", "corrected", "personal_data_erased"];

/// The index of similar cases, kept up to date by [`Similar::run`].
pub(crate) struct Similar {
    core: Arc<Core>,
    folder: PathBuf,
    words: Arc<Words>,
    stream_created_at: DateTime<Utc>,
    current: RwLock<Arc<SimilarIndex>>,
    /// The sequence of the last event that was looked at.
    sequence: AtomicU64,
    /// Whether something was written since the last commit.
    is_dirty: AtomicBool,
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
            sequence: AtomicU64::new(sequence),
            is_dirty: AtomicBool::new(false),
            broken: RwLock::default(),
        }))
    }

    /// The sequence of the stream of cases that it has come to.
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Acquire)
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
            if let Err(error) = Arc::clone(&self).keep(broken).await {
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
                    self.sequence.store(0, Ordering::Release);
                }
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, "no index of similar cases can be made; again");
                }
            }
        }
        if let Err(error) = self.commit().await {
            // What is missing is looked at again at the next start.
            let error = &error as &dyn std::error::Error;
            tracing::debug!(error, "the index of similar cases was not written out");
        }
    }

    async fn keep(
        self: Arc<Self>,
        token: CancellationToken,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.sequence() == 0 {
            self.fill().await?;
        }
        let mut fold = Live { similar: Arc::clone(&self), token: token.clone() };
        let following = async {
            let followed = follow(Arc::clone(&self.core.log), &mut fold, token.clone()).await;
            // An incident of the stream is the view's to report: the index stays as it is.
            if followed.is_err() {
                token.cancelled().await;
            }
        };
        let committing = async {
            let mut ticks = tokio::time::interval(COMMIT_EVERY);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while token.run_until_cancelled(ticks.tick()).await.is_some() {
                if let Err(error) = self.commit().await {
                    token.cancel();
                    return Err(error);
                }
            }
            Ok(())
        };
        let ((), committed) = tokio::join!(following, committing);
        committed.map_err(Into::into)
    }

    /// Builds the index from the view of the cases.
    async fn fill(&self) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let (view, index) = (self.core.view(), self.index());
        // Taken before the first row is read: what comes meanwhile is looked at again.
        let sequence = view.sequence();
        let counted =
            blocking(move || -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
                let mut count = 0;
                for row in view.views.cases() {
                    let case = row?.1.case;
                    if is_telling(&case) {
                        index.put(&text_of(&case))?;
                        count += 1;
                    }
                }
                Ok(count)
            });
        let count = counted.await?;
        self.sequence.store(sequence, Ordering::Release);
        self.is_dirty.store(sequence > 0, Ordering::Release);
        if count > 0 {
            tracing::info!(cases = count, "the index of similar cases is built");
        }
        Ok(())
    }

    async fn commit(&self) -> Result<(), IndexError> {
        if !self.is_dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        // Taken before the commit: what is written meanwhile is looked at again.
        let (index, sequence, stream) = (self.index(), self.sequence(), self.stream_created_at);
        blocking(move || index.commit(sequence, stream)).await
    }

    /// Looks at cases again. Blocks.
    fn look_at(&self, touched: &BTreeSet<CaseId>) -> Result<(), FoldError> {
        let (view, index) = (self.core.view(), self.index());
        for case_id in touched {
            let record =
                view.views.case(*case_id).map_err(|error| FoldError::Retry(error.into()))?;
            let written = match record.map(|record| record.case).filter(is_telling) {
                Some(case) => index.put(&text_of(&case)),
                None => index.remove(*case_id),
            };
            written.map_err(|error| FoldError::Retry(error.into()))?;
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

/// The index as the follower drives it.
struct Live {
    similar: Arc<Similar>,
    token: CancellationToken,
}

impl Fold for Live {
    fn checkpoint(&self) -> u64 {
        self.similar.sequence()
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        Box::pin(async move {
            let Some(last) = batch.last().map(|event| event.sequence) else { return Ok(()) };
            let touched: BTreeSet<CaseId> = batch.iter().filter_map(touched_by).collect();
            if !touched.is_empty() {
                let mut applied = self.similar.core.applied();
                let is_there = applied.wait_for(|sequence| *sequence >= last);
                // Stopped meanwhile, the batch comes again.
                if self.token.run_until_cancelled(is_there).await.is_none() {
                    return Ok(());
                }
                let similar = Arc::clone(&self.similar);
                let looked = blocking(move || similar.look_at(&touched)).await;
                if looked.is_err() {
                    self.token.cancel();
                }
                looked?;
                self.similar.is_dirty.store(true, Ordering::Release);
            }
            self.similar.sequence.store(last, Ordering::Release);
            Ok(())
        })
    }
}

/// The case that an event gives something to tell, or takes it from.
fn touched_by(event: &Recorded) -> Option<CaseId> {
    let event_type = event.headers.get(header::TYPE)?.strip_prefix(TYPE_PREFIX)?;
    let (name, _) = event_type.rsplit_once(".v")?;
    let subject = || CaseSubject::parse(&event.subject).map(|subject| subject.case_id);
    TELLING.contains(&name).then(subject).flatten()
}

impl Stamp {
    /// Whether an index with this stamp is one of this stream, and not beyond its end.
    fn is_of(&self, head: runtime::log::Head) -> bool {
        self.stream_created_at == head.created_at && self.sequence <= head.last_sequence
    }
}
