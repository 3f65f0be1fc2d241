//! Refusals that a figure counts: feedback that the handling side wanted to collect about itself.
//!
//! A refused command leaves no event, only a line in the audit; this follows the audit from its start and keeps of it the
//! instants and cases of those lines, a handful in a year. Invariants: nothing else of the audit is kept; nobody waits for
//! it, and what goes wrong here touches no case.

use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use async_nats::jetstream::Context;
use casework::refusal::RefusalCode;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use proto_events::ids::CaseId;
use proto_events::subject::AUDIT_STREAM;
use runtime::audit::AuditLine;
use runtime::consumer::{Fold, FoldError, follow};
use runtime::log::Recorded;
use runtime::log::jetstream::JetStreamLog;
use tokio_util::sync::CancellationToken;

/// What an audit line of a refused command says of itself.
const REFUSED: &str = "refused";

/// A feedback that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// When, in microseconds since 1970.
    pub(crate) at: i64,
    /// About which case.
    pub(crate) case_id: CaseId,
}

/// The refusals so far.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    told: RwLock<Vec<Refusal>>,
    checkpoint: AtomicU64,
}

impl Refusals {
    /// Those up to an instant, oldest first.
    pub(crate) fn until(&self, at: i64) -> Vec<Refusal> {
        let told = self.told.read().unwrap_or_else(PoisonError::into_inner);
        told.iter().filter(|one| one.at <= at).copied().collect()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.told.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Follows the audit until the token is cancelled.
    pub(crate) async fn run(self: Arc<Self>, js: Context, token: CancellationToken) {
        let outcome = token.run_until_cancelled(JetStreamLog::open(js, AUDIT_STREAM)).await;
        let ended = match outcome {
            None => return,
            Some(Ok(log)) => {
                let mut live = Live { refusals: Arc::clone(&self) };
                let ended = follow(Arc::new(log), &mut live, token.clone()).await;
                ended.map_err(Box::<dyn Error + Send + Sync>::from)
            }
            Some(Err(error)) => Err(error.into()),
        };
        if let Err(error) = ended {
            tracing::error!(
                error = &*error as &dyn Error,
                "the audit cannot be followed; refused feedback is not counted"
            );
            token.cancelled().await;
        }
    }

    /// Notes what a line of the audit says, if it is about a refused feedback.
    pub(crate) fn take(&self, body: &[u8]) {
        let code = RefusalCode::SelfFeedback.code();
        // Most lines are about other things, and are not read for it.
        if !body.windows(code.len()).any(|part| part == code.as_bytes()) {
            return;
        }
        let Ok(line) = serde_json::from_slice::<AuditLine>(body) else { return };
        let says_so = |detail: &str| detail.rsplit(' ').next() == Some(code);
        if line.what != REFUSED || !line.detail.as_deref().is_some_and(says_so) {
            return;
        }
        if let Some(case_id) = line.case_id {
            let refusal = Refusal { at: line.at.timestamp_micros(), case_id };
            self.told.write().unwrap_or_else(PoisonError::into_inner).push(refusal);
        }
    }
}

struct Live {
    refusals: Arc<Refusals>,
}

impl Fold for Live {
    fn checkpoint(&self) -> u64 {
        self.refusals.checkpoint.load(Ordering::Acquire)
    }

    fn fold(&mut self, batch: Vec<Recorded>) -> BoxFuture<'_, Result<(), FoldError>> {
        for recorded in batch.iter().filter(|one| one.sequence > self.checkpoint()) {
            self.refusals.take(&recorded.body);
            self.refusals.checkpoint.store(recorded.sequence, Ordering::Release);
        }
        async { Ok(()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::case_id;

    #[test]
    fn only_refused_feedback_of_the_handling_side_is_kept() {
        let refusals = Refusals::default();
        let line = |what: &'static str, detail: &str| {
            let line = AuditLine::new("handler-username", what).case(case_id(1)).detail(detail);
            serde_json::to_vec(&line).unwrap()
        };
        refusals.take(&line("refused", "RecordFeedback: self_feedback"));
        refusals.take(&line("refused", "RecordFeedback: wrong_state"));
        refusals.take(&line("revealed", "self_feedback"));
        refusals.take(b"self_feedback { no line");
        assert_eq!(refusals.until(0), [Refusal { at: 0, case_id: case_id(1) }]);
        assert_eq!((refusals.until(-1), refusals.count()), (vec![], 1));
    }
}
