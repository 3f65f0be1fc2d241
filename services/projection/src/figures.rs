//! The figures of the district (domain 7) over the rows of the index. What one case adds to a figure is defined in
//! [`casework::figures::count`], and nowhere else; here it is summed, and asked for the cases behind it.
//!
//! Invariant: a figure and the cases behind it come from the same telling over the same rows, so they agree.

pub(crate) mod behind;
pub(crate) mod past;
pub(crate) mod refusals;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use casework::calendar::WorkingCalendar;
use casework::command::Actor;
use casework::figures::count::{Part, Period, tallies};
use casework::figures::recurrence::Kinds;
use casework::figures::{Figure, Formula, Sums};
use chrono::DateTime;
use proto_events::ids::{CaseId, CenterId, DepartmentId};

use self::past::Seen;
use self::refusals::Refusal;
use crate::index::CaseRow;

/// Whose cases are counted.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    /// Only those that this person may open.
    pub(crate) actor: Actor,
    /// Only those of this center.
    pub(crate) center: Option<CenterId>,
    /// Only those that are or were with this department.
    pub(crate) department: Option<DepartmentId>,
}

impl Scope {
    /// Whether a case is counted.
    pub(crate) fn admits(&self, row: &CaseRow) -> bool {
        row.may_be_read_by(&self.actor)
            && self.center.as_ref().is_none_or(|center| *row.center == *center)
            && self.department.as_ref().is_none_or(|department| {
                row.departments_ever.iter().any(|one| **one == *department)
            })
    }

    /// The cases that are counted in a period.
    pub(crate) fn rows<'a>(
        &'a self,
        seen: &'a Seen<'_>,
        period: &Period,
    ) -> impl Iterator<Item = &'a CaseRow> {
        seen.rows_of(period).filter(|row| self.admits(row))
    }

    /// The same, and those about which something was refused: that may be long after the last that is counted of them.
    pub(crate) fn rows_and_refused<'a>(
        &'a self,
        seen: &'a Seen<'_>,
        period: &Period,
        refusals: &[Refusal],
    ) -> impl Iterator<Item = &'a CaseRow> {
        let cases: BTreeSet<CaseId> = refusals.iter().map(|one| one.case_id).collect();
        let others = cases.into_iter().filter_map(|case_id| seen.row(case_id));
        let others = others.filter(|row| !period.meets(row.facts.span()) && self.admits(row));
        self.rows(seen, period).chain(others)
    }
}

/// Sums every figure that is counted over cases, and what was refused about them in the period.
pub(crate) fn figures<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    period: &Period,
    calendar: &WorkingCalendar,
    refusals: &[Refusal],
) -> BTreeMap<String, Figure> {
    let mut sums = Sums::default();
    let mut kinds = Kinds::default();
    let mut refused = Refused::of(refusals, period);
    for row in rows {
        let counted = row.counted();
        tallies(&counted, period, &mut |tally| sums.take(&tally));
        kinds.take(row.case_id, &counted, period, offset_micros(calendar));
        refused.take(row.case_id);
    }
    let date_of = |micros: i64| {
        let at = DateTime::from_timestamp_micros(micros).unwrap_or_default();
        calendar.date_of(at.with_timezone(&calendar.offset()))
    };
    let mut figures = sums
        .figures(|opened| calendar.working_days_between(date_of(opened), date_of(period.as_of())));
    figures.insert(Formula::Recurrence.name().to_owned(), kinds.figure());
    let refused = Figure::of_count(refused.counted, Formula::SelfFeedbackRefused);
    figures.insert(Formula::SelfFeedbackRefused.name().to_owned(), refused);
    figures
}

/// Counts how much is the same again.
pub(crate) fn recurrence<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    period: &Period,
    calendar: &WorkingCalendar,
) -> Figure {
    let mut kinds = Kinds::default();
    for row in rows {
        kinds.take(row.case_id, &row.counted(), period, offset_micros(calendar));
    }
    kinds.figure()
}

/// Counts the groups of a figure.
pub(crate) fn groups<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    period: &Period,
    formula: Formula,
) -> BTreeMap<Part<'a>, (u64, u64)> {
    // In no order while it is counted: comparing names for every case costs more than hashing them.
    let mut groups: HashMap<Part<'a>, (u64, u64)> = HashMap::new();
    for row in rows {
        tallies(&row.counted(), period, &mut |tally| {
            if tally.formula == formula && tally.part != Part::All {
                let sums = groups.entry(tally.part).or_default();
                sums.0 += tally.numerator.max(0).cast_unsigned();
                sums.1 += tally.denominator.max(0).cast_unsigned();
            }
        });
    }
    groups.into_iter().collect()
}

/// The district's distance from UTC.
fn offset_micros(calendar: &WorkingCalendar) -> i64 {
    i64::from(calendar.offset().local_minus_utc()) * 1_000_000
}

/// Refusals of a period, by case.
struct Refused {
    by_case: BTreeMap<CaseId, u64>,
    counted: u64,
}

impl Refused {
    fn of(refusals: &[Refusal], period: &Period) -> Self {
        let mut by_case = BTreeMap::new();
        for refusal in refusals.iter().filter(|one| period.has(one.at)) {
            *by_case.entry(refusal.case_id).or_default() += 1;
        }
        Self { by_case, counted: 0 }
    }

    /// Counts those about a case.
    fn take(&mut self, case_id: CaseId) -> u64 {
        let count = self.by_case.get(&case_id).copied().unwrap_or_default();
        self.counted += count;
        count
    }
}

#[cfg(test)]
mod tests;
