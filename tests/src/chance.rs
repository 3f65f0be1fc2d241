//! Chance that is the same for the same seed (splitmix64), for what a test breaks and when.

use std::time::Duration;

/// Draws numbers.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// Begins with a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    ///
    /// # Panics
    /// When there is none.
    pub fn below(&mut self, end: usize) -> usize {
        assert_ne!(end, 0, "there is no number below zero");
        usize::try_from(self.draw() % end as u64).expect("below a usize")
    }

    /// A time up to `longest`.
    pub fn within(&mut self, longest: Duration) -> Duration {
        let thousandths = u32::try_from(self.draw() % 1001).expect("a small number");
        longest * thousandths / 1000
    }
}
