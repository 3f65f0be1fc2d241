//! The figures of the district as exact counts, each under the name of its formula.
//!
//! Invariants: a figure never travels without its counts; nothing divided by nothing is no figure
//! (not zero); a ratio of fewer than [`INTERVAL_BELOW`] comes with its interval and is never
//! ranked; a group of fewer than [`SUPPRESSED_BELOW`] is not shown.
//!
//! Reading order: `formula` (the names, with their texts), [`history`] and [`facts`] (what of a case is looked at),
//! [`count`] (what a case adds to each figure), `sums`; [`days`] and [`recurrence`] (what is not counted case by case);
//! [`groups`] and [`part`] (breakdowns).

use serde::{Deserialize, Serialize};

pub mod count;
pub mod days;
pub mod facts;
mod formula;
pub mod groups;
pub mod history;
pub mod part;
pub mod recurrence;
mod sums;

pub use self::formula::{Formula, Kind, Source, UnknownFormula};
pub use self::sums::Sums;

/// Ratios over fewer than this come with their interval: one case more or less changes them by a
/// tenth and more.
pub const INTERVAL_BELOW: u64 = 10;

/// Groups of fewer than this are suppressed: a person could be recognised in them.
pub const SUPPRESSED_BELOW: u64 = 5;

/// The 97.5 % quantile of the normal distribution, for intervals of 95 %.
const Z_95: f64 = 1.959_963_984_540_054;

/// A share as it was counted: so many of so many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ratio {
    /// How many fulfil the condition.
    pub numerator: u64,
    /// How many could have.
    pub denominator: u64,
}

/// The Wilson interval in which the underlying rate lies with 95 % confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower end, 0 to 1.
    pub low: f64,
    /// Upper end, 0 to 1.
    pub high: f64,
}

/// A figure as it is handed out: the value with its counts and the name of its formula.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// The value; null when there was nothing to count.
    pub value: Option<f64>,
    /// How many fulfil the condition.
    pub numerator: u64,
    /// How many could have.
    pub denominator: u64,
    /// The interval, when the counts are too small for the value alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// The name of the formula.
    pub formula: Formula,
}

impl Ratio {
    /// Makes a ratio of two counts.
    #[must_use]
    pub const fn new(numerator: u64, denominator: u64) -> Self {
        Self { numerator, denominator }
    }

    /// Gives the quotient; `None` when there was nothing to count.
    #[must_use]
    pub fn value(self) -> Option<f64> {
        (self.denominator > 0).then(|| as_f64(self.numerator) / as_f64(self.denominator))
    }

    /// Gives the interval that belongs beside the value; `None` for large counts and for none at
    /// all.
    #[must_use]
    pub fn interval(self) -> Option<Interval> {
        if needs_interval(self.denominator) {
            wilson_95(self.numerator, self.denominator)
        } else {
            None
        }
    }

    /// Counts one more, and whether it fulfils the condition.
    pub const fn count(&mut self, fulfilled: bool) {
        self.denominator = self.denominator.saturating_add(1);
        self.numerator = self.numerator.saturating_add(fulfilled as u64);
    }

    /// Makes the figure of a formula.
    #[must_use]
    pub fn under(self, formula: Formula) -> Figure {
        Figure {
            value: self.value(),
            numerator: self.numerator,
            denominator: self.denominator,
            interval: if formula.is_share() { self.interval() } else { None },
            formula,
        }
    }
}

impl Figure {
    /// Makes the figure of something that is counted and not divided, such as open cases.
    #[must_use]
    pub fn of_count(count: u64, formula: Formula) -> Self {
        Self {
            value: Some(as_f64(count)),
            numerator: count,
            denominator: 1,
            interval: None,
            formula,
        }
    }
}

/// Tells whether a ratio over so many needs its interval beside it, and must not be ranked.
#[must_use]
pub const fn needs_interval(denominator: u64) -> bool {
    denominator < INTERVAL_BELOW
}

/// Tells whether a group of so many must not be shown.
#[must_use]
pub const fn is_suppressed(group: u64) -> bool {
    group < SUPPRESSED_BELOW
}

/// Computes the Wilson score interval of 95 % (Wilson 1927, without continuity correction).
///
/// `None` when there was nothing to count or the counts are no share.
#[must_use]
pub fn wilson_95(numerator: u64, denominator: u64) -> Option<Interval> {
    if denominator == 0 || numerator > denominator {
        return None;
    }
    let n = as_f64(denominator);
    let p = as_f64(numerator) / n;
    let z2 = Z_95 * Z_95;
    let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z_95 * libm::sqrt(p * (1.0 - p) / n + z2 / (4.0 * n * n)) / (1.0 + z2 / n);
    // The ends touch 0 and 1 exactly; rounding must not push them past the value.
    Some(Interval { low: (center - half).clamp(0.0, p), high: (center + half).clamp(p, 1.0) })
}

/// Counts stay far below 2^53, up to which this is exact.
const fn as_f64(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assert_interval(numerator: u64, denominator: u64, low: f64, high: f64) {
        let interval = wilson_95(numerator, denominator).unwrap();
        let near = |a: f64, b: f64| (a - b).abs() < 5e-5;
        assert!(
            near(interval.low, low) && near(interval.high, high),
            "{numerator}/{denominator}: {interval:?}"
        );
    }

    #[test]
    fn known_wilson_intervals_are_met() {
        assert_interval(0, 1, 0.0, 0.7935);
        assert_interval(1, 1, 0.2065, 1.0);
        assert_interval(5, 10, 0.2366, 0.7634);
        assert_interval(0, 10, 0.0, 0.2775);
        assert_interval(8, 9, 0.5650, 0.9801);
        assert_eq!(wilson_95(0, 0), None);
        assert_eq!(wilson_95(2, 1), None);
    }

    #[test]
    fn nothing_out_of_nothing_is_no_figure() {
        let figure = Ratio::default().under(Formula::SolvedRate);
        assert_eq!((figure.value, figure.interval), (None, None));
        let json = serde_json::to_value(figure).unwrap();
        assert_eq!(
            json,
            serde_json::json!({ "value": null, "numerator": 0, "denominator": 0, "formula": "solved_rate" })
        );
    }

    #[test]
    fn a_ratio_of_fewer_than_ten_comes_with_its_interval() {
        let mut ratio = Ratio::default();
        for solved in [true, true, false, true, true, true, true, true, true] {
            ratio.count(solved);
        }
        assert_eq!(ratio, Ratio::new(8, 9));
        assert!(ratio.under(Formula::SolvedRate).interval.is_some());
        ratio.count(true);
        assert!(ratio.under(Formula::SolvedRate).interval.is_none());
        assert!(is_suppressed(4) && !is_suppressed(5));
    }

    #[test]
    fn a_count_and_a_quotient_that_is_no_share_have_no_interval() {
        assert_eq!(Figure::of_count(3, Formula::Open).interval, None);
        assert_eq!(Ratio::new(7, 2).under(Formula::FirstMeetingDays).value, Some(3.5));
        assert_eq!(Ratio::new(1, 2).under(Formula::FirstMeetingDays).interval, None);
    }

    proptest! {
        #[test]
        fn the_interval_holds_the_value_and_stays_between_zero_and_one(n in 1_u64..1_000_000, share in 0.0..=1.0_f64) {
            let numerator = ((n as f64) * share) as u64;
            let ratio = Ratio::new(numerator, n);
            let (value, interval) = (ratio.value().unwrap(), wilson_95(numerator, n).unwrap());
            prop_assert!(0.0 <= interval.low && interval.low <= value && value <= interval.high && interval.high <= 1.0);
        }

        #[test]
        fn more_cases_narrow_the_interval(k in 0_u64..1000, n in 1_u64..1000) {
            let (k, n) = (k.min(n), n);
            let width = |k, n| wilson_95(k, n).map(|interval| interval.high - interval.low).unwrap();
            prop_assert!(width(k * 2, n * 2) < width(k, n));
        }
    }
}
