//! The figures that are counted over the days of the centers: what one day adds to them. No person, no case.
//!
//! Invariants: a report of zero is a report; a day that is not over yet and has no report adds nothing to the heartbeat;
//! the days of a figure are those of its period, whenever the questions of them were written down.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;

use proto_events::centers::ConsultationOutcome;

use super::{Figure, Formula, Ratio};
use crate::centers::DayStanding;

/// A day of a center as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct CountedDay<'a> {
    /// How many questions had each outcome.
    pub by_outcome: &'a BTreeMap<ConsultationOutcome, u64>,
    /// How it stands with its report; none for a day on which no report is owed.
    pub standing: Option<DayStanding>,
}

/// What a day adds to a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayTally {
    /// The figure.
    pub formula: Formula,
    /// The questions of one outcome only; none for all of them.
    pub outcome: Option<ConsultationOutcome>,
    /// What is added to the numerator.
    pub numerator: u64,
    /// What is added to the denominator.
    pub denominator: u64,
}

/// Tells everything that a day adds to the figures.
pub fn day_tallies(day: &CountedDay<'_>, tell: &mut impl FnMut(DayTally)) {
    let of =
        |outcome: ConsultationOutcome| day.by_outcome.get(&outcome).copied().unwrap_or_default();
    let all = ConsultationOutcome::ALL.iter().fold(0_u64, |sum, one| sum.saturating_add(of(*one)));
    let formula = Formula::Consultations;
    tell(DayTally { formula, outcome: None, numerator: all, denominator: 0 });
    for outcome in ConsultationOutcome::ALL.iter().copied() {
        tell(DayTally { formula, outcome: Some(outcome), numerator: of(outcome), denominator: 0 });
    }
    let became_cases = of(ConsultationOutcome::BecameCase);
    let formula = Formula::ConsultationConversion;
    tell(DayTally { formula, outcome: None, numerator: became_cases, denominator: all });
    if let Some(standing) = day.standing.filter(|standing| standing.is_due()) {
        let numerator = u64::from(standing.is_reported());
        let formula = Formula::Heartbeat;
        tell(DayTally { formula, outcome: None, numerator, denominator: 1 });
    }
}

/// The figures as sums of what the days add.
#[derive(Debug, Clone, Default)]
pub struct DaySums {
    ratios: BTreeMap<(Formula, Option<ConsultationOutcome>), Ratio>,
}

impl DaySums {
    /// Adds what a day adds.
    pub fn take(&mut self, tally: DayTally) {
        let ratio = self.ratios.entry((tally.formula, tally.outcome)).or_default();
        ratio.numerator = ratio.numerator.saturating_add(tally.numerator);
        ratio.denominator = ratio.denominator.saturating_add(tally.denominator);
    }

    /// Writes every figure over days under its name; consultations also by outcome (`consultations_told_route`).
    #[must_use]
    pub fn figures(&self) -> BTreeMap<String, Figure> {
        let of =
            |formula, outcome| self.ratios.get(&(formula, outcome)).copied().unwrap_or_default();
        let mut figures = BTreeMap::new();
        let name = Formula::Consultations.name();
        for outcome in ConsultationOutcome::ALL {
            let count = of(Formula::Consultations, Some(*outcome)).numerator;
            figures.insert(
                format!("{name}_{outcome}"),
                Figure::of_count(count, Formula::Consultations),
            );
        }
        let all = of(Formula::Consultations, None).numerator;
        figures.insert(name.to_owned(), Figure::of_count(all, Formula::Consultations));
        for formula in [Formula::ConsultationConversion, Formula::Heartbeat] {
            figures.insert(formula.name().to_owned(), of(formula, None).under(formula));
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(
        counts: &[(ConsultationOutcome, u64)],
        standing: Option<DayStanding>,
    ) -> BTreeMap<String, Figure> {
        let by_outcome = counts.iter().copied().collect();
        let mut sums = DaySums::default();
        let day = CountedDay { by_outcome: &by_outcome, standing };
        day_tallies(&day, &mut |tally| sums.take(tally));
        sums.figures()
    }

    fn counts(figures: &BTreeMap<String, Figure>, name: &str) -> (u64, u64) {
        (figures[name].numerator, figures[name].denominator)
    }

    #[test]
    fn questions_are_counted_by_what_they_led_to() {
        let figures = told(
            &[(ConsultationOutcome::ToldRoute, 9), (ConsultationOutcome::BecameCase, 3)],
            None,
        );
        assert_eq!(counts(&figures, "consultations").0, 12);
        assert_eq!(counts(&figures, "consultations_told_route").0, 9);
        assert_eq!(counts(&figures, "consultations_printed_guide").0, 0);
        assert_eq!(counts(&figures, "consultation_conversion"), (3, 12));
        assert_eq!(counts(&figures, "heartbeat"), (0, 0), "no report is owed");
    }

    #[test]
    fn a_report_of_zero_is_a_report_and_silence_is_none() {
        let beat = |standing| counts(&told(&[], Some(standing)), "heartbeat");
        assert_eq!(beat(DayStanding::Reported), (1, 1));
        assert_eq!(beat(DayStanding::Late), (1, 1));
        assert_eq!(beat(DayStanding::Silent), (0, 1));
        assert_eq!(beat(DayStanding::Pending), (0, 0));
    }
}
