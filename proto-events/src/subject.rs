//! Subjects: the only place where a dot is put into an address.
//!
//! Invariant: one case is one literal subject, without the event's type in it; only the exact subject
//! is a safe expectation (with a wildcard filter two writers were both accepted in 192 of 200 races).

use alloc::format;
use alloc::string::String;

use crate::ids::{CaseId, CenterId};

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
        fn any_text_is_parsed_without_panic(text in ".{0,80}") {
            let _ = CaseSubject::parse(&text);
        }
    }
}
