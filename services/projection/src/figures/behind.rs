//! The cases behind a figure: which ones add to its numerator or its denominator, and how much.
//!
//! Of a share or a count, what the cases add is what the figure says. Of a mean, the numerator's cases add their working
//! days. Of a percentile, the denominator's cases are all whose lengths were looked at and the numerator's are those that
//! took as long as the figure says or longer, because those are what one wants to see. Behind the oldest case stands that
//! case.

use std::collections::BTreeMap;

use casework::calendar::WorkingCalendar;
use casework::figures::count::{Part, Period, Tally, tallies};
use casework::figures::groups::fit_to_show;
use casework::figures::part::AskedPart;
use casework::figures::recurrence::Kinds;
use casework::figures::{Figure, Formula, Kind};
use proto_events::ids::CaseId;

use super::past::Seen;
use super::refusals::Refusal;
use super::{Refused, Scope, groups, offset_micros};
use crate::index::CaseRow;

/// Which side of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// What fulfils the condition, or is counted.
    Numerator,
    /// What could have.
    Denominator,
}

/// A figure that is asked for its cases.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) formula: Formula,
    pub(crate) part: AskedPart,
    pub(crate) side: Side,
}

/// A case behind a figure.
#[derive(Debug)]
pub(crate) struct Behind<'a> {
    pub(crate) row: &'a CaseRow,
    /// How much it adds.
    pub(crate) times: u64,
}

/// Why a figure has no cases to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// What is only counted is not divided by anything.
    NoDenominator,
    /// The group is so small that its count is not shown.
    Suppressed,
}

impl Asked {
    /// Whether what a case adds is what is asked for.
    fn wants(&self, tally: &Tally<'_>) -> bool {
        tally.formula == self.formula && self.part.is(&tally.part)
    }

    fn side_of(&self, tally: &Tally<'_>) -> i64 {
        match self.side {
            Side::Numerator => tally.numerator,
            Side::Denominator => tally.denominator,
        }
    }

    /// Finds the cases behind the figure, in no order.
    pub(crate) fn behind<'a>(
        &self,
        seen: &'a Seen<'_>,
        scope: &'a Scope,
        period: &Period,
        calendar: &WorkingCalendar,
        refusals: &[Refusal],
    ) -> Result<Vec<Behind<'a>>, Unfit> {
        let is_divided = match self.formula.kind() {
            Kind::Share | Kind::Mean => true,
            Kind::Count => false,
            Kind::Length => self.formula != Formula::Oldest,
        };
        if self.side == Side::Denominator && !is_divided {
            return Err(Unfit::NoDenominator);
        }
        if self.part.is_suppressed_when_small() && !self.is_shown(seen, scope, period) {
            return Err(Unfit::Suppressed);
        }
        let rows = || scope.rows_and_refused(seen, period, refusals);
        Ok(match (self.formula, self.side) {
            (Formula::Recurrence, side) => {
                let is_asked = |recurs: bool| side == Side::Denominator || recurs;
                let mut kinds = Kinds::default();
                rows().for_each(|row| {
                    kinds.take(row.case_id, &row.counted(), period, offset_micros(calendar));
                });
                let told: BTreeMap<CaseId, bool> = kinds.told().into_iter().collect();
                counted(rows(), |row| {
                    u64::from(told.get(&row.case_id).copied().is_some_and(is_asked))
                })
            }
            (Formula::SelfFeedbackRefused, _) => {
                let mut refused = Refused::of(refusals, period);
                counted(rows(), |row| refused.take(row.case_id))
            }
            (Formula::Oldest, _) => {
                let oldest =
                    rows().filter_map(|row| self.told(row, period).into_iter().min()).min();
                counted(rows(), |row| {
                    let is_it =
                        oldest.is_some_and(|oldest| self.told(row, period).contains(&oldest));
                    u64::from(is_it)
                })
            }
            (Formula::LeadTimeP50 | Formula::LeadTimeP90, Side::Numerator) => {
                let name = match self.part {
                    AskedPart::Complexity(complexity) => format!("{}_{complexity}", self.formula),
                    _ => self.formula.name().to_owned(),
                };
                let figures = super::figures(rows(), period, calendar, &[]);
                let value = figures.get(&name).filter(|figure| figure.value.is_some());
                let value =
                    value.map_or(i64::MAX, |figure: &Figure| figure.numerator.cast_signed());
                counted(rows(), |row| {
                    self.told(row, period).into_iter().filter(|days| *days >= value).count() as u64
                })
            }
            _ => counted(rows(), |row| {
                self.told(row, period).into_iter().map(|one| one.max(0).cast_unsigned()).sum()
            }),
        })
    }

    /// What a case adds to the side that is asked for, each time.
    fn told(&self, row: &CaseRow, period: &Period) -> Vec<i64> {
        let mut told = Vec::new();
        tallies(&row.counted(), period, &mut |tally| {
            if self.wants(&tally) {
                told.push(self.side_of(&tally));
            }
        });
        told
    }

    /// Whether the group is large enough to be shown, and not needed to hide another one.
    fn is_shown(&self, seen: &Seen<'_>, scope: &Scope, period: &Period) -> bool {
        let all = groups(scope.rows(seen, period), period, self.formula);
        let beside = all.iter().filter(|(part, _)| self.part.is_beside(part));
        let sizes: Vec<(Part<'_>, u64)> =
            beside.map(|(part, sums)| (*part, size(self.formula, *sums))).collect();
        let group = fit_to_show(sizes).into_iter().find(|group| self.part.is(&group.key));
        // A group without a case is no secret: it is not among those that are listed.
        group.is_none_or(|group| group.count.is_some())
    }
}

/// How many stand in a group, of its two sums.
pub(crate) fn size(formula: Formula, (numerator, denominator): (u64, u64)) -> u64 {
    match formula.is_count() {
        true => numerator,
        false => denominator,
    }
}

/// The rows that add anything.
fn counted<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    mut times: impl FnMut(&CaseRow) -> u64,
) -> Vec<Behind<'a>> {
    rows.filter_map(|row| {
        let times = times(row);
        (times > 0).then_some(Behind { row, times })
    })
    .collect()
}
