//! The applicant as a list or a case shows him: opened with the case's key for the length of one answer, and
//! masked before anything else.
//!
//! Invariants: nothing in clear leaves this file, or outlives one answer; what cannot be opened is hidden whole
//! (fail closed). Masks, not keys and not clear text, are remembered for [`MASK_TIME_MAX`], so that a list that is
//! looked at again and again does not ask the vault for each of its rows; an erased case is never looked up.

use std::collections::HashMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use casework::case::Case;
use casework::masking::{mask_name, mask_phone};
use desk::Desk;
use futures::{FutureExt as _, StreamExt as _};
use proto_events::codes::ApplicantKind;
use proto_events::ids::CaseId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Doors;

/// What stands for a name that cannot be opened.
const HIDDEN: &str = "**";
/// What stands for a name that was erased.
const ERASED: &str = "已删除";

/// Keys that are asked for at once: a page waits for a few round trips, not for two hundred.
const KEYS_AT_ONCE: usize = 32;
/// How long a page waits for keys; what has not come by then is hidden.
const KEYS_TIME_MAX: Duration = Duration::from_secs(1);

/// How long a mask is remembered: also the longest that it could be shown after its key was destroyed, should the
/// event that says so come late.
const MASK_TIME_MAX: Duration = Duration::from_secs(30);
/// Masks that are remembered; above it the memory starts anew. Some 10 MiB.
const MASKS_MAX: usize = 50_000;

/// Masks that were made a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Masks {
    known: Mutex<HashMap<CaseId, Mask>>,
}

#[derive(Debug)]
struct Mask {
    /// Tells whether the ciphertext is still the one that was opened.
    fingerprint: u64,
    made_at: Instant,
    answer: ApplicantAnswer,
}

impl Masks {
    fn find(&self, case: &Case) -> Option<ApplicantAnswer> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mask = known.get(&case.case_id)?;
        let is_good = mask.fingerprint == fingerprint(&case.applicant.sealed)
            && mask.made_at.elapsed() < MASK_TIME_MAX;
        is_good.then(|| mask.answer.clone())
    }

    fn remember(&self, case: &Case, answer: &ApplicantAnswer) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MASKS_MAX {
            known.clear();
        }
        let fingerprint = fingerprint(&case.applicant.sealed);
        let mask = Mask { fingerprint, made_at: Instant::now(), answer: answer.clone() };
        known.insert(case.case_id, mask);
    }

    fn forget(&self, case_id: CaseId) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(&case_id);
    }
}

fn fingerprint(sealed: &str) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    sealed.hash(&mut hasher);
    hasher.finish()
}

/// The applicant, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ApplicantAnswer {
    /// What kind of applicant.
    pub(crate) kind: ApplicantKind,
    /// The name, masked.
    pub(crate) name: String,
    /// The telephone number, masked; null when it is not known.
    pub(crate) phone: Option<String>,
    /// Always true here; `reveal` shows it in clear.
    pub(crate) masked: bool,
    /// Whether the personal data was erased.
    pub(crate) erased: bool,
}

/// The personal data that is shown masked; the rest is not even read.
#[derive(Deserialize)]
struct Clear {
    name: String,
    #[serde(default)]
    phone: Option<String>,
}

impl ApplicantAnswer {
    /// Whether it is hidden because it could not be opened, which may be over in a moment.
    pub(super) fn is_hidden(&self) -> bool {
        self.name == HIDDEN && !self.erased
    }

    /// An applicant of whom nothing can be shown.
    pub(crate) fn hidden(case: &Case) -> Self {
        let kind = case.applicant.kind;
        if case.erased {
            return Self { kind, name: ERASED.to_owned(), phone: None, masked: true, erased: true };
        }
        Self { kind, name: HIDDEN.to_owned(), phone: None, masked: true, erased: false }
    }
}

/// The masked applicant of a case.
async fn masked(desk: &Desk, masks: &Masks, case: &Case) -> (CaseId, ApplicantAnswer) {
    if case.erased {
        masks.forget(case.case_id);
        return (case.case_id, ApplicantAnswer::hidden(case));
    }
    let answer = match masks.find(case) {
        Some(answer) => answer,
        None => opened_and_masked(desk, masks, case).await,
    };
    (case.case_id, answer)
}

async fn opened_and_masked(desk: &Desk, masks: &Masks, case: &Case) -> ApplicantAnswer {
    let mut answer = ApplicantAnswer::hidden(case);
    let key = match desk.vault.key(case.case_id).await {
        Ok(Some(key)) => key,
        Ok(None) => return answer,
        Err(error) => {
            tracing::warn!(case.id = %case.case_id, %error, "an applicant stays hidden");
            return answer;
        }
    };
    let place = case.case_id.to_string();
    let clear = key.open(&case.applicant.sealed, place.as_bytes()).ok();
    let clear = clear.and_then(|bytes| serde_json::from_slice::<Clear>(&bytes).ok());
    if let Some(clear) = clear {
        answer.name = mask_name(&clear.name);
        answer.phone = clear.phone.as_deref().map(mask_phone);
        masks.remember(case, &answer);
    }
    answer
}

/// The masked applicants of a page of cases; who is missing stays hidden.
pub(super) async fn of_page(
    doors: &Doors,
    cases: impl Iterator<Item = &Case>,
) -> HashMap<CaseId, ApplicantAnswer> {
    // Whoever has not come by then is hidden; the page does not hang with the bus.
    of_cases(&doors.desk, &doors.masks, cases, KEYS_TIME_MAX).await
}

/// The masked applicants of cases; missing is whose key did not come in time.
pub(crate) async fn of_cases(
    desk: &Desk,
    masks: &Masks,
    cases: impl Iterator<Item = &Case>,
    time_max: Duration,
) -> HashMap<CaseId, ApplicantAnswer> {
    let mut found = HashMap::new();
    let one = |case| masked(desk, masks, case).boxed();
    let asked: Vec<_> = cases.map(one).collect();
    let mut answers = futures::stream::iter(asked).buffer_unordered(KEYS_AT_ONCE);
    let all = async {
        while let Some((case_id, answer)) = answers.next().await {
            found.insert(case_id, answer);
        }
    };
    let _ = tokio::time::timeout(time_max, all).await;
    found
}
