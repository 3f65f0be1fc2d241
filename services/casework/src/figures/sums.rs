//! The figures as sums of what their cases add.
//!
//! Invariant: every figure over cases stands in the answer, also when there was nothing to count.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::codes::Complexity;

use super::count::{Part, Tally};
use super::formula::Source;
use super::{Figure, Formula, Ratio};

/// The percentiles of the lead time.
const PERCENTILES: [(Formula, usize); 2] = [(Formula::LeadTimeP50, 50), (Formula::LeadTimeP90, 90)];

/// What has been counted so far.
#[derive(Debug, Clone)]
pub struct Sums {
    ratios: Vec<Ratio>,
    oldest: Option<i64>,
    lead_days: BTreeMap<Complexity, Vec<i64>>,
}

impl Default for Sums {
    fn default() -> Self {
        let ratios = Formula::ALL.iter().map(|_| Ratio::default()).collect();
        Self { ratios, oldest: None, lead_days: BTreeMap::new() }
    }
}

impl Sums {
    /// Adds what a case adds.
    pub fn take(&mut self, tally: &Tally<'_>) {
        match (tally.formula, tally.part) {
            (Formula::Oldest, _) => {
                let oldest = self.oldest.map_or(tally.numerator, |at| at.min(tally.numerator));
                self.oldest = Some(oldest);
            }
            (Formula::LeadTimeP50, Part::Complexity(complexity)) => {
                self.lead_days.entry(complexity).or_default().push(tally.numerator);
            }
            // The lengths stand once, by complexity.
            (Formula::LeadTimeP50 | Formula::LeadTimeP90, _) => {}
            (formula, Part::All) => {
                let ratio = &mut self.ratios[formula as usize];
                ratio.numerator += tally.numerator.max(0).cast_unsigned();
                ratio.denominator += tally.denominator.max(0).cast_unsigned();
            }
            // Groups are counted by whoever shows them.
            _ => {}
        }
    }

    /// Writes every figure over cases under its name; lead times also by complexity (`lead_time_p50_simple`).
    /// `working_days_since` counts the working days from an instant to that of the figures.
    #[must_use]
    pub fn figures(
        mut self,
        working_days_since: impl FnOnce(i64) -> i64,
    ) -> BTreeMap<String, Figure> {
        let mut figures = BTreeMap::new();
        for formula in Formula::ALL.iter().copied().filter(|one| {
            // What recurs is not a sum over cases.
            one.source() == Source::Cases && *one != Formula::Recurrence
        }) {
            let ratio = self.ratios[formula as usize];
            let figure = match formula.is_count() {
                true => Figure::of_count(ratio.numerator, formula),
                false => ratio.under(formula),
            };
            figures.insert(formula.name().to_owned(), figure);
        }
        let oldest = self.oldest.map_or(0, working_days_since).max(0).cast_unsigned();
        let oldest = Figure::of_count(oldest, Formula::Oldest);
        figures.insert(Formula::Oldest.name().to_owned(), oldest);

        let mut all: Vec<i64> = self.lead_days.values().flatten().copied().collect();
        all.sort_unstable();
        for (formula, percent) in PERCENTILES {
            figures.insert(formula.name().to_owned(), percentile(&all, percent, formula));
        }
        for complexity in Complexity::ALL {
            let days = self.lead_days.entry(*complexity).or_default();
            days.sort_unstable();
            for (formula, percent) in PERCENTILES {
                let name = format!("{formula}_{complexity}");
                figures.insert(name, percentile(days, percent, formula));
            }
        }
        figures
    }
}

/// The nearest rank: the smallest length that at least so many percent do not exceed.
fn percentile(sorted: &[i64], percent: usize, formula: Formula) -> Figure {
    let rank = (sorted.len() * percent).div_ceil(100);
    let value = rank.checked_sub(1).and_then(|index| sorted.get(index)).map(|days| (*days).max(0));
    let days = value.unwrap_or(0).cast_unsigned();
    Figure {
        value: value.map(|_| Figure::of_count(days, formula).value.unwrap_or_default()),
        numerator: days,
        denominator: sorted.len() as u64,
        interval: None,
        formula,
    }
}
