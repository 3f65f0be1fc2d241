//! A digest of all rows, kept beside them: the proof that none is missing.
//!
//! Invariant: it is written in the batch that changes the rows. Sled reports a damaged page when it reads one, but
//! a file that lost a part may come back with some rows fewer and no error (seen: 9 of 4400 after cutting
//! a tenth off); then the digest does not fit.

/// Sum over the hashes of all rows, so that it can follow a change without reading the others; and their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Digest {
    sum: u64,
    rows: u64,
}

impl Digest {
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        self.sum = self.sum.wrapping_add(hash(key, value));
        self.rows = self.rows.wrapping_add(1);
    }

    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) {
        self.sum = self.sum.wrapping_sub(hash(key, value));
        self.rows = self.rows.wrapping_sub(1);
    }

    pub(super) fn encode(self) -> [u8; 16] {
        (u128::from(self.sum) << 64 | u128::from(self.rows)).to_be_bytes()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (sum, rows) = bytes.split_first_chunk::<8>()?;
        let rows = u64::from_be_bytes(rows.try_into().ok()?);
        Some(Self { sum: u64::from_be_bytes(*sum), rows })
    }
}

/// Against accidents, not against people; eight bytes at a time, because every write pays for it.
fn hash(key: &[u8], value: &[u8]) -> u64 {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = ODD ^ (key.len() as u64);
    for part in [key, value] {
        let mut words = part.chunks_exact(8);
        for word in &mut words {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            state = (state ^ word).wrapping_mul(ODD).rotate_left(29);
        }
        let mut rest = [0; 8];
        rest[..words.remainder().len()].copy_from_slice(words.remainder());
        state = (state ^ u64::from_le_bytes(rest)).wrapping_mul(ODD).rotate_left(29);
        state = state.wrapping_add(part.len() as u64);
    }
    state = (state ^ (state >> 32)).wrapping_mul(ODD);
    state ^ (state >> 29)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_that_went_leave_no_trace_and_order_does_not_matter(
            rows in proptest::collection::btree_map(
                proptest::collection::vec(any::<u8>(), 1..20),
                proptest::collection::vec(any::<u8>(), 0..40),
                1..20,
            ),
        ) {
            let mut forward = Digest::default();
            let mut backward = Digest::default();
            rows.iter().for_each(|(key, value)| forward.add(key, value));
            rows.iter().rev().for_each(|(key, value)| backward.add(key, value));
            prop_assert_eq!(forward, backward);
            prop_assert_eq!(Digest::decode(&forward.encode()), Some(forward));
            let (key, value) = rows.first_key_value().unwrap();
            backward.take(key, value);
            prop_assert_ne!(forward, backward);
            let mut longer = value.clone();
            longer.push(0);
            backward.add(key, &longer);
            prop_assert_ne!(forward, backward);
            rows.iter().for_each(|(key, value)| forward.take(key, value));
            prop_assert_eq!(forward, Digest::default());
        }
    }
}
