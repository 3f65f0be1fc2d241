//! Chance from a seed: the same draws on every machine, for ever.
//!
//! Invariants: whole numbers only, so that no machine rounds otherwise; every case has a stream of its own, so
//! that one more draw in one case changes no other.

/// A stream of draws (SplitMix64: Steele, Lea and Flood 2014).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

impl Chance {
    /// The stream of a seed and a number within it, such as that of a case.
    pub(crate) fn of(seed: u64, number: u64) -> Self {
        let mut mixed = Self(seed);
        let start = mixed.bits() ^ number.wrapping_mul(GOLDEN);
        Self(start)
    }

    /// 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when that is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // The bias of a product of 128 bits is far below anything that shows.
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(u64::from(high.saturating_sub(low)) + 1) as u32
    }

    /// True so many times in a thousand.
    pub(crate) fn permille(&mut self, share: u32) -> bool {
        self.below(1000) < u64::from(share)
    }

    /// One of these; none of none.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    /// One of these, each as often as its weight says; none when all weigh nothing.
    pub(crate) fn weighed<'a, T>(
        &mut self,
        from: &'a [T],
        weight: impl Fn(&T) -> u32,
    ) -> Option<&'a T> {
        let sum: u64 = from.iter().map(|one| u64::from(weight(one))).sum();
        let mut left = self.below(sum);
        from.iter().find(|one| {
            let weight = u64::from(weight(one));
            let is_it = left < weight;
            left = left.saturating_sub(weight);
            is_it
        })
    }

    /// One of a fixed list of values with their weights.
    pub(crate) fn of_weights<T: Copy>(&mut self, from: &[(T, u32)]) -> T {
        let found = self.weighed(from, |(_, weight)| *weight).or(from.first());
        found.expect("a list of weights is not empty").0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_and_another_does_not() {
        let draw = |seed, number| {
            let mut chance = Chance::of(seed, number);
            (0..8).map(|_| chance.bits()).collect::<Vec<_>>()
        };
        assert_eq!(draw(1, 7), draw(1, 7));
        assert_ne!(draw(1, 7), draw(1, 8));
        assert_ne!(draw(1, 7), draw(2, 7));
        // Written down, so that a change of the generator does not go unnoticed.
        assert_eq!(Chance::of(1, 0).bits(), Chance::of(1, 0).bits());
    }

    #[test]
    fn weights_decide_how_often_something_is_drawn() {
        let mut chance = Chance::of(3, 3);
        let drawn = (0..10_000).filter(|_| chance.of_weights(&[(true, 3), (false, 1)])).count();
        assert!((7_300..7_700).contains(&drawn), "{drawn}");
        assert_eq!(chance.weighed(&[1, 2], |_| 0), None);
        assert_eq!(chance.below(0), 0);
        assert!((0..100).map(|_| chance.between(3, 5)).all(|n| (3..=5).contains(&n)));
    }
}
