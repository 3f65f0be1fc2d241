//! Subjects: the only place where a dot is put into an address.
//!
//! Invariant: one case is one literal subject, without the event's type in it; only the exact subject
//! is a safe expectation (with a wildcard filter two writers were both accepted in 192 of 200 races).

use alloc::format;
use alloc::string::String;

use crate::ids::{CaseId, CenterId, ImprovementId, PrecedentId};

/// The stream that holds every event of every case, in order.
pub const CASES_STREAM: &str = "CASES";
/// The subjects of [`CASES_STREAM`].
pub const CASES_SUBJECTS: &str = "case.*.*";
/// The stream of tallies and day closes; no person in it.
pub const CENTERS_STREAM: &str = "CENTERS";
/// The subjects of [`CENTERS_STREAM`].
pub const CENTERS_SUBJECTS: &str = "center.*.*";
/// The stream of what the district learned.
pub const LEARNING_STREAM: &str = "LEARNING";
/// The subjects of [`LEARNING_STREAM`].
pub const LEARNING_SUBJECTS: [&str; 2] = ["precedent.*", "improvement.*"];
/// The stream of reads of personal data, sign-ins, exports and refusals.
pub const AUDIT_STREAM: &str = "AUDIT";
/// The subjects of [`AUDIT_STREAM`].
pub const AUDIT_SUBJECTS: &str = "audit.*";

/// The address of one case: the center that opened it and its id. It never changes, also when the case
/// is transferred.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseSubject {
    /// The center that opened the case.
    pub center: CenterId,
    /// The case.
    pub case_id: CaseId,
}

impl CaseSubject {
    /// The subject on the bus: `case.<center>.<case_id>`.
    #[must_use]
    pub fn to_subject(&self) -> String {
        format!("case.{}.{}", self.center, self.case_id)
    }

    /// Reads a subject back; `None` when it is none of a case.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        let rest = subject.strip_prefix("case.")?;
        let (center, case_id) = rest.split_once('.')?;
        Some(Self { center: center.parse().ok()?, case_id: case_id.parse().ok()? })
    }
}

/// The two addresses of a center: what it was asked, and the days that it closed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CenterSubject {
    /// The tallies of consultations.
    Consultations(CenterId),
    /// The closed days.
    Days(CenterId),
}

impl CenterSubject {
    /// The center.
    #[must_use]
    pub const fn center(&self) -> &CenterId {
        match self {
            Self::Consultations(center) | Self::Days(center) => center,
        }
    }

    /// The subject on the bus: `center.<center>.consultations` or `center.<center>.days`.
    #[must_use]
    pub fn to_subject(&self) -> String {
        match self {
            Self::Consultations(center) => format!("center.{center}.consultations"),
            Self::Days(center) => format!("center.{center}.days"),
        }
    }

    /// Reads a subject back; `None` when it is none of a center.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        let rest = subject.strip_prefix("center.")?;
        let (center, what) = rest.split_once('.')?;
        let center = center.parse().ok()?;
        match what {
            "consultations" => Some(Self::Consultations(center)),
            "days" => Some(Self::Days(center)),
            _ => None,
        }
    }
}

/// The address of one thing that the district learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LearningSubject {
    /// A precedent.
    Precedent(PrecedentId),
    /// An improvement.
    Improvement(ImprovementId),
}

impl LearningSubject {
    /// The subject on the bus: `precedent.<id>` or `improvement.<id>`.
    #[must_use]
    pub fn to_subject(&self) -> String {
        match self {
            Self::Precedent(id) => format!("precedent.{id}"),
            Self::Improvement(id) => format!("improvement.{id}"),
        }
    }

    /// Reads a subject back; `None` when it is none of these.
    #[must_use]
    pub fn parse(subject: &str) -> Option<Self> {
        let (what, id) = subject.split_once('.')?;
        match what {
            "precedent" => Some(Self::Precedent(id.parse().ok()?)),
            "improvement" => Some(Self::Improvement(id.parse().ok()?)),
            _ => None,
        }
    }
}

/// The subject of the audit lines of a center, or of the district itself.
#[must_use]
pub fn audit(center_or_district: &str) -> String {
    format!("audit.{center_or_district}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_case_subject_reads_back(center in "[a-z0-9][a-z0-9-]{0,63}", id: u128) {
            let subject = CaseSubject {
                center: center.parse().unwrap(),
                case_id: CaseId(uuid::Uuid::from_u128(id)),
            };
            prop_assert_eq!(CaseSubject::parse(&subject.to_subject()), Some(subject));
        }

        #[test]
        fn the_subjects_of_a_center_read_back(center in "[a-z0-9][a-z0-9-]{0,63}") {
            let center: CenterId = center.parse().unwrap();
            for subject in
                [CenterSubject::Consultations(center.clone()), CenterSubject::Days(center)]
            {
                prop_assert_eq!(CenterSubject::parse(&subject.to_subject()), Some(subject));
            }
        }

        #[test]
        fn the_subject_of_what_was_learned_reads_back(id: u128) {
            let id = uuid::Uuid::from_u128(id);
            for subject in [
                LearningSubject::Precedent(PrecedentId(id)),
                LearningSubject::Improvement(ImprovementId(id)),
            ] {
                prop_assert_eq!(LearningSubject::parse(&subject.to_subject()), Some(subject));
            }
        }

        #[test]
        fn any_text_is_parsed_without_panic(text in ".{0,80}") {
            let _ = CaseSubject::parse(&text);
            let _ = CenterSubject::parse(&text);
            let _ = LearningSubject::parse(&text);
        }
    }
}
