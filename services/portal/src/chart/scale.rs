//! Round numbers beside a plot.
//!
//! Invariants: the greatest tick is at or above what is drawn; there are two to six ticks; a scale of nothing is drawn as
//! well.

/// A scale from a least to a greatest number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    least: f64,
    greatest: f64,
    step: f64,
}

impl Scale {
    /// Of counts: from zero, in whole steps.
    pub(super) fn of_counts(most: u64) -> Self {
        let most = (most.max(1)) as f64;
        let rough = most / 4.0;
        let magnitude = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|factor| factor * magnitude)
            .find(|step| *step >= rough)
            .unwrap_or(10.0 * magnitude)
            .max(1.0);
        Self { least: 0.0, greatest: (most / step).ceil() * step, step }
    }

    /// Of shares: to one, from the fifth that lies at or below all of them.
    pub(super) fn of_shares(shares: impl Iterator<Item = f64>) -> Self {
        let least = shares.filter(|share| share.is_finite()).fold(0.8, f64::min);
        let least = ((least * 5.0 + 1e-9).floor() / 5.0).clamp(0.0, 0.8);
        let step = if least < 0.4 { 0.2 } else { 0.1 };
        Self { least, greatest: 1.0, step }
    }

    /// Where a number lies between the least and the greatest.
    pub(super) fn share(self, number: f64) -> f64 {
        (number - self.least) / (self.greatest - self.least)
    }

    /// The round numbers, from below.
    pub(super) fn ticks(self) -> Vec<f64> {
        let count = ((self.greatest - self.least) / self.step).round().clamp(1.0, 6.0) as usize;
        (0..=count).map(|place| self.least + self.step * place as f64).collect()
    }
}
