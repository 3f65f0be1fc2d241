//! How much of what was dealt with is the same again: cases of one cause at one matter with one department, at least
//! [`RECURRENCE_MIN`] of them opened within [`WINDOW_DAYS`] days.
//!
//! The one figure that a case does not add to by itself: it depends on the others. Invariant: only cases that were opened
//! in the period and have been resolved or explained are looked at, and each counts once.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Cause};
use proto_events::ids::DepartmentId;

use super::count::{Counted, Period};
use super::{Figure, Formula, Ratio};
use crate::learning::recurrence::{RECURRENCE_MIN, WINDOW_DAYS};

/// Microseconds of a day.
const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

type Kind = (Cause, String, DepartmentId);

/// The cases of a period by what they are about. `T` is what they are known by.
#[derive(Debug, Clone)]
pub struct Kinds<T> {
    kinds: BTreeMap<Kind, Vec<(i64, T)>>,
}

impl<T> Default for Kinds<T> {
    fn default() -> Self {
        Self { kinds: BTreeMap::new() }
    }
}

impl<T: Copy + Ord> Kinds<T> {
    /// Takes a case in, when it is one to look at. `offset_micros` is the district's distance from UTC: days are its days.
    pub fn take(&mut self, known_by: T, case: &Counted<'_>, period: &Period, offset_micros: i64) {
        let rounds = case.facts.rounds.iter();
        let mut ends = rounds.filter_map(|round| round.end.as_ref());
        let has_ended =
            ends.any(|end| matches!(end.kind, CaseState::Resolved | CaseState::Explained));
        let department = case.facts.hops.last().map(|hop| &hop.to);
        let Some(department) = department.filter(|_| has_ended && period.has(case.facts.opened_at))
        else {
            return;
        };
        let kind = (case.cause, case.matter.to_owned(), department.clone());
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
