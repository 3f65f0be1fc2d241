//! The applicant as a list or a case shows him: opened with the case's key for the length of one answer, and
//! masked before anything else.
//!
//! Invariants: nothing in clear leaves this file, or outlives one answer; what cannot be opened is hidden whole
//! (fail closed); an erased case is never looked up.

use std::collections::HashMap;
use std::time::Duration;

use casework::case::Case;
use casework::masking::{mask_name, mask_phone};
use futures::{FutureExt as _, StreamExt as _};
use proto_events::codes::ApplicantKind;
use proto_events::ids::CaseId;
use runtime::metrics::Metrics;
use runtime::vault::{DataKey, KeyRing, SealError, VaultError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Doors;

/// What stands for a name that cannot be opened.
const HIDDEN: &str = "**";
/// What stands for a name that was erased.
const ERASED: &str = "已删除";

/// Keys that are asked for at once: a page waits for a few round trips, not for two hundred.
const KEYS_AT_ONCE: usize = 32;
/// How long a page waits for keys; what has not come by then is hidden.
const KEYS_TIME_MAX: Duration = Duration::from_secs(1);

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
        Self::hidden_of(kind)
    }

    /// One who was not erased.
    pub(super) fn hidden_of(kind: ApplicantKind) -> Self {
        Self { kind, name: HIDDEN.to_owned(), phone: None, masked: true, erased: false }
    }
}

/// An applicant who is to be opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) case_id: CaseId,
    pub(crate) kind: ApplicantKind,
    pub(crate) sealed: &'a str,
}

impl<'a> Sealed<'a> {
    /// The applicant of a case; none when he was erased.
    pub(crate) fn of(case: &'a Case) -> Option<Self> {
        let applicant = &case.applicant;
        let sealed =
            Self { case_id: case.case_id, kind: applicant.kind, sealed: &applicant.sealed };
        (!case.erased).then_some(sealed)
    }
}

/// The masked applicant of a case.
async fn masked(
    keys: &KeyRing,
    metrics: &Metrics,
    applicant: Sealed<'_>,
) -> (CaseId, ApplicantAnswer) {
    let Sealed { case_id, kind, sealed } = applicant;
    let mut answer = ApplicantAnswer::hidden_of(kind);
    let unreadable = |error: &dyn std::fmt::Display| {
        metrics.unreadable_applicant();
        tracing::warn!(case.id = %case_id, %error, "an applicant does not open and stays hidden");
    };
    match keys.key(case_id).await {
        Ok(Some(key)) => match opened(&key, case_id, sealed) {
            Ok(clear) => {
                answer.name = mask_name(&clear.name);
                answer.phone = clear.phone.as_deref().map(mask_phone);
            }
            Err(error) => unreadable(&error),
        },
        Ok(None) => {}
        Err(error @ VaultError::WrongMasterKey { .. }) => unreadable(&error),
        Err(error) => {
            tracing::warn!(case.id = %case_id, %error, "an applicant stays hidden");
        }
    }
    (case_id, answer)
}

fn opened(key: &DataKey, case_id: CaseId, sealed: &str) -> Result<Clear, SealError> {
    let clear = key.open(sealed, case_id.to_string().as_bytes())?;
    serde_json::from_slice(&clear).map_err(|_| SealError::Damaged)
}

/// The masked applicants of a page of cases; who is missing stays hidden.
pub(super) async fn of_page(
    doors: &Doors,
    applicants: impl Iterator<Item = Sealed<'_>>,
) -> HashMap<CaseId, ApplicantAnswer> {
    // Whoever has not come by then is hidden; the page does not hang with the bus.
    of_cases(&doors.keys, &doors.desk.metrics, applicants, KEYS_TIME_MAX).await
}

/// The masked applicants of cases; missing is who was erased and whose key did not come in time.
pub(crate) async fn of_cases(
    keys: &KeyRing,
    metrics: &Metrics,
    applicants: impl Iterator<Item = Sealed<'_>>,
    time_max: Duration,
) -> HashMap<CaseId, ApplicantAnswer> {
    let mut found = HashMap::new();
    let one = |applicant| masked(keys, metrics, applicant).boxed();
    let asked: Vec<_> = applicants.map(one).collect();
    let mut answers = futures::stream::iter(asked).buffer_unordered(KEYS_AT_ONCE);
    let all = async {
        while let Some((case_id, answer)) = answers.next().await {
            found.insert(case_id, answer);
        }
    };
    let _ = tokio::time::timeout(time_max, all).await;
    found
}
