//! How much of what was dealt with is the same again: cases of one cause at one matter with one department, at least
//! [`RECURRENCE_MIN`] of them opened within [`WINDOW_DAYS`] days.
//!
//! The one figure that a case does not add to by itself: it depends on the others. Invariant: only cases that were opened
//! in the period and have been resolved or explained are looked at, and each counts once.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Cause};
use proto_events::ids::DepartmentId;

use super::count::{Counted, Period};
use super::{Figure, Formula, Ratio};
use crate::learning::recurrence::{RECURRENCE_MIN, WINDOW_DAYS};

/// Microseconds of a day.
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

/// What a case is about.
type Kind<'a> = (Cause, &'a str, &'a DepartmentId);

/// The cases of a period by what they are about. `T` is what they are known by.
#[derive(Debug, Clone)]
pub struct Kinds<'a, T> {
    kinds: BTreeMap<Kind<'a>, Vec<(i64, T)>>,
}

impl<T> Default for Kinds<'_, T> {
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }
    }
}

impl<'a, T: Copy + Ord> Kinds<'a, T> {
    /// Takes a case in, when it is one to look at. `offset_micros` is the district's distance from UTC: days are its days.
    pub fn take(&mut self, known_by: T, case: &Counted<'a>, period: &Period, offset_micros: i64) {
        let rounds = case.facts.rounds.iter();
        let mut ends = rounds.filter_map(|round| round.end.as_ref());
        let has_ended =
            ends.any(|end| matches!(end.kind, CaseState::Resolved | CaseState::Explained));
        let department = case.facts.hops.last().map(|hop| &hop.to);
        let Some(department) = department.filter(|_| has_ended && period.has(case.facts.opened_at))
        else {
            return;
        };
        let kind = (case.cause, case.matter, department);
        let day = (case.facts.opened_at + offset_micros).div_euclid(DAY_MICROS);
        self.kinds.entry(kind).or_default().push((day, known_by));
    }

    /// Every case that was looked at, and whether it is one of several of its kind.
    pub fn told(mut self) -> Vec<(T, bool)> {
        let mut told = Vec::new();
        for cases in self.kinds.values_mut() {
            cases.sort_unstable();
            let mut recurring_to = 0;
            for start in 0..cases.len() {
                let last_day = cases[start].0 + i64::from(WINDOW_DAYS) - 1;
                let end = cases.partition_point(|(day, _)| *day <= last_day);
                if end - start >= RECURRENCE_MIN {
                    recurring_to = recurring_to.max(end);
                }
                told.push((cases[start].1, start < recurring_to));
            }
        }
        told
    }

    /// The figure.
    #[must_use]
    pub fn figure(self) -> Figure {
        let mut ratio = Ratio::default();
        self.told().into_iter().for_each(|(_, is_recurring)| ratio.count(is_recurring));
        ratio.under(Formula::Recurrence)
    }
}

#[cfg(test)]
mod tests {
    use proto_events::Timestamp;
    use proto_events::codes::{Complexity, Stage};
    use proto_events::ids::CenterId;

    use super::super::facts::{CaseFacts, EndFact, HopFact, RoundFact, micros};
    use super::*;
    use crate::calendar::tests::{at, china};

    fn days_after(days: i64) -> i64 {
        micros(at("2026-03-02T10:00:00+08:00")) + days * DAY_MICROS
    }

    fn ended(opened_at: i64, kind: CaseState) -> CaseFacts {
        let end = EndFact {
            at: opened_at,
            kind,
            is_reopened: false,
            with_basis: false,
            jointly: false,
            understood: false,
            days: 0,
        };
        let round = RoundFact {
            since: opened_at,
            due_at: opened_at,
            original_due_at: opened_at,
            complexity: Complexity::Simple,
            end: Some(end),
        };
        let hop = HopFact {
            to: "housing".parse().unwrap(),
            at: opened_at,
            contact_due_at: opened_at,
            contacted_at: None,
            is_returned: false,
            left_at: None,
            days: 0,
        };
        CaseFacts {
            opened_at,
            is_ping_pong: false,
            is_paused: false,
            is_imported: false,
            hops: [hop].into(),
            returns: [].into(),
            rounds: [round].into(),
            answers: [].into(),
            task_forces: [].into(),
            rectifications: [].into(),
            specials: [].into(),
            pauses: [].into(),
            extensions: [].into(),
            late_reclassifications: [].into(),
            merges: [].into(),
        }
    }

    /// Which cases recur that were opened so many days after the second of March.
    fn recurring(cases: &[(i64, CaseState, Cause, &str)]) -> Vec<bool> {
        let period = Period::new(
            at("2026-01-01T00:00:00+08:00"),
            at("2026-12-31T00:00:00+08:00"),
            at("2026-12-31T00:00:00+08:00"),
            &china(),
        );
        let center: CenterId = "donghuashi".parse().unwrap();
        let facts: Vec<CaseFacts> =
            cases.iter().map(|(days, kind, ..)| ended(days_after(*days), *kind)).collect();
        let mut kinds = Kinds::default();
        for (number, ((_, _, cause, matter), facts)) in cases.iter().zip(&facts).enumerate() {
            let counted = Counted {
                facts,
                center: &center,
                department: None,
                matter,
                stage: Stage::Accept,
                cause: *cause,
            };
            kinds.take(number, &counted, &period, 8 * 3_600_000_000);
        }
        let mut told = kinds.told();
        told.sort_unstable();
        told.into_iter().map(|(_, recurs)| recurs).collect()
    }

    #[test]
    fn three_of_a_kind_within_thirty_days_recur_and_two_or_thirty_one_days_do_not() {
        let of = |days| (days, CaseState::Resolved, Cause::PolicyGap, "退休");
        assert_eq!(recurring(&[of(0), of(10), of(29)]), [true, true, true]);
        assert_eq!(recurring(&[of(0), of(10), of(30)]), [false, false, false]);
        assert_eq!(recurring(&[of(0), of(1)]), [false, false]);
        // The last three are within thirty days of each other; the first is too early for them.
        assert_eq!(recurring(&[of(0), of(20), of(35), of(49)]), [false, true, true, true]);
        assert_eq!(
            recurring(&[of(40), of(2), of(1), of(3), of(90)]),
            [false, true, true, true, false]
        );
    }

    #[test]
    fn only_the_same_cause_at_the_same_matter_recurs_and_only_what_was_dealt_with() {
        let of = |kind, cause, matter| (0, kind, cause, matter);
        let same = of(CaseState::Explained, Cause::PolicyGap, "退休");
        assert_eq!(
            recurring(&[same, same, of(CaseState::Resolved, Cause::PolicyConflict, "退休")]),
            [false, false, false]
        );
        assert_eq!(
            recurring(&[same, same, of(CaseState::Resolved, Cause::PolicyGap, "公租房")]),
            [false, false, false]
        );
        // What was declined is not looked at.
        assert_eq!(
            recurring(&[same, same, of(CaseState::Declined, Cause::PolicyGap, "退休")]).len(),
            2
        );
    }

    #[test]
    fn an_instant_is_a_day_of_the_district() {
        let evening: Timestamp = at("2026-03-02T23:30:00+08:00");
        let before: Timestamp = at("2026-03-02T07:30:00+08:00");
        let day = |at: Timestamp| (micros(at) + 8 * 3_600_000_000).div_euclid(DAY_MICROS);
        assert_eq!(day(evening), day(before));
    }
}
