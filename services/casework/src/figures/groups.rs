//! Which groups of a breakdown may be shown: small ones are suppressed, and so are as many others as it takes that the
//! small ones cannot be worked out from the total.
//!
//! Invariants: a group of fewer than [`SUPPRESSED_BELOW`] is never shown; when any is suppressed, there are two or more
//! of them, and together they have no fewer than a group that may be shown, as far as there are groups for it; a group of
//! fewer than [`INTERVAL_BELOW`] has no rank.

use alloc::vec::Vec;

use super::{INTERVAL_BELOW, SUPPRESSED_BELOW, is_suppressed};

/// A group of a breakdown, as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group<K> {
    /// What its cases have in common.
    pub key: K,
    /// How many; `None` when it is suppressed.
    pub count: Option<u64>,
}

/// Makes groups fit to be shown: suppressed where they must be, the large ones first, the others in the order in which
/// they came.
#[must_use]
pub fn fit_to_show<K>(counted: impl IntoIterator<Item = (K, u64)>) -> Vec<Group<K>> {
    let mut counted: Vec<(K, u64)> = counted.into_iter().filter(|(_, count)| *count > 0).collect();
    // Stable: what has no rank stays where it is, so that its place tells nothing.
    counted.sort_by_key(|(_, count)| {
        let rank = if *count < INTERVAL_BELOW { 0 } else { *count };
        core::cmp::Reverse(rank)
    });
    let counts: Vec<u64> = counted.iter().map(|(_, count)| *count).collect();
    let are_shown = shown(&counts);
    let group = |((key, count), is_shown): ((K, u64), bool)| Group {
        key,
        count: is_shown.then_some(count),
    };
    counted.into_iter().zip(are_shown).map(group).collect()
}

/// Tells for each group of a breakdown whether it may be shown beside the total of all.
fn shown(counts: &[u64]) -> Vec<bool> {
    let mut are_shown: Vec<bool> = counts.iter().map(|count| !is_suppressed(*count)).collect();
    loop {
        let hidden = || counts.iter().zip(&are_shown).filter(|(_, is_shown)| !**is_shown);
        let (number, sum) = (hidden().count(), hidden().map(|(count, _)| *count).sum::<u64>());
        if number == 0 || (number >= 2 && sum >= SUPPRESSED_BELOW) {
            return are_shown;
        }
        let smallest =
            (0..counts.len()).filter(|place| are_shown[*place]).min_by_key(|place| counts[*place]);
        let Some(smallest) = smallest else { return are_shown };
        are_shown[smallest] = false;
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_group_is_not_shown_and_takes_the_next_one_with_it() {
        let groups = fit_to_show([("a", 3), ("b", 40), ("c", 12), ("d", 7)]);
        let told: Vec<_> = groups.iter().map(|group| (group.key, group.count)).collect();
        assert_eq!(told, [("b", Some(40)), ("c", Some(12)), ("a", None), ("d", None)]);
    }

    #[test]
    fn groups_that_are_large_enough_are_all_shown() {
        assert_eq!(shown(&[5, 9, 100]), [true, true, true]);
        assert_eq!(shown(&[]), Vec::<bool>::new());
        assert_eq!(shown(&[4]), [false]);
        assert_eq!(shown(&[2, 2, 6]), [false, false, false], "two and two are four");
        assert_eq!(shown(&[3, 2, 6]), [false, false, true]);
    }

    #[test]
    fn what_has_no_rank_keeps_its_place() {
        let groups = fit_to_show(vec![("x", 9), ("y", 5), ("z", 10), ("none", 0)]);
        let keys: Vec<_> = groups.iter().map(|group| group.key).collect();
        assert_eq!(keys, ["z", "x", "y"]);
    }

    proptest! {
        #[test]
        fn no_small_group_can_be_worked_out_from_the_total(counts in proptest::collection::vec(1_u64..30, 0..20)) {
            let are_shown = shown(&counts);
            let hidden: Vec<u64> =
                counts.iter().zip(&are_shown).filter(|(_, shown)| !**shown).map(|(count, _)| *count).collect();
            prop_assert!(counts.iter().zip(&are_shown).all(|(count, shown)| !*shown || *count >= SUPPRESSED_BELOW));
            let is_safe = hidden.len() >= 2 && hidden.iter().sum::<u64>() >= SUPPRESSED_BELOW;
            prop_assert!(hidden.is_empty() || is_safe || hidden.len() == counts.len());
        }
    }
}
