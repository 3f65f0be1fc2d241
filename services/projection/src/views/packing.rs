//! Rows of cases, packed: JSON compressed against a case that has everything.
//!
//! What most of a row consists of, names of fields and codes, stands in that case too, so that four kilobytes become
//! about one; the view of a quarter of a million cases, and what the store keeps of it in memory, shrinks with it.
//! Fast before small (LZ4): a row is written and read far more often than the disk is looked at, and a stronger packing
//! took a tenth of the time in which a view is built (profile of 2026-11-25). Invariant: the dictionary belongs to the schema
//! of the rows; whoever changes one raises the other's version.

use lz4_flex::block::{compress_with_dict, decompress_with_dict};
use runtime::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A case that went through everything, as its row looks; `UPDATE_GOLDEN=1` writes it anew.
pub(crate) const DICTIONARY: &[u8] = include_bytes!("dictionary.json");

/// Bytes of a row before it was packed, at most: what is longer was damaged, or is none.
const ROW_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Packs a row.
///
/// # Errors
/// [`StoreError::Unfit`] when it is no JSON, or too long.
pub(super) fn pack(row: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(row).map_err(|_| StoreError::Unfit("a row that is no JSON"))?;
    let length = u32::try_from(json.len()).ok().filter(|_| json.len() <= ROW_BYTES_MAX);
    let length = length.ok_or(StoreError::Unfit("a row too long to be packed"))?;
    Ok([&length.to_be_bytes(), &*compress_with_dict(&json, DICTIONARY)].concat())
}

/// Unpacks a row.
///
/// # Errors
/// [`StoreError::Damaged`] when it is none.
pub(super) fn unpack<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let (length, packed) = bytes.split_first_chunk::<4>().ok_or_else(super::unreadable)?;
    let length = u32::from_be_bytes(*length) as usize;
    if length > ROW_BYTES_MAX {
        return Err(super::unreadable());
    }
    let json = decompress_with_dict(packed, length, DICTIONARY).map_err(damaged)?;
    serde_json::from_slice(&json).map_err(damaged)
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Damaged(Box::new(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::CaseRecord;
    use crate::testing::{
        at, case_id, district, event, opened, recorded, samples, subject, writer,
    };

    /// A case with one event of every kind.
    fn of_everything() -> CaseRecord {
        let (district, dir) = (district(), tempfile::tempdir().unwrap());
        let time = at("2021-01-26T10:00:00");
        let mut events = vec![(subject(0), event(0, 0, time, opened(0, time)))];
        for (number, sample) in (1..).zip(samples()) {
            events.push((subject(0), event(0, number, time, sample)));
        }
        let mut writer = writer(dir.path(), &district);
        writer.apply(&recorded(&events), Some(&district), 0).unwrap();
        writer.view.views.case(case_id(0)).unwrap().unwrap()
    }

    #[test]
    fn the_dictionary_belongs_to_the_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/views/dictionary.json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(path, serde_json::to_vec(&of_everything()).unwrap()).unwrap();
        }
        let stored = std::fs::read(path).unwrap();
        let sum = stored.iter().fold(0_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3).rotate_left(7)
        });
        // Another dictionary reads no row of this schema: raise SCHEMA_VERSION, then put both here.
        assert_eq!((super::super::SCHEMA_VERSION, sum), (9, 1_313_458_411_378_494_063));
    }

    #[test]
    fn a_row_is_small_and_comes_back_whole() {
        let mut record = of_everything();
        record.case.demand = "想知道为什么材料交了三次还不能办".repeat(20);
        let json = serde_json::to_vec(&record).unwrap();
        for _ in 0..3 {
            let packed = pack(&record).unwrap();
            assert!(packed.len() * 3 < json.len(), "{} of {}", packed.len(), json.len());
            assert_eq!(unpack::<CaseRecord>(&packed).unwrap(), record);
        }
    }

    #[test]
    fn what_is_no_row_is_damage_and_nothing_worse() {
        let whole = pack(&of_everything()).unwrap();
        let mut longer = whole.clone();
        longer[..4].copy_from_slice(&[255; 4]);
        let mut noise = whole.clone();
        noise[8..].fill(7);
        for bytes in [&[][..], &[0; 3], &[0; 40], &whole[..whole.len() / 2], &longer, &noise] {
            let outcome = unpack::<CaseRecord>(bytes);
            assert!(matches!(outcome, Err(StoreError::Damaged(_))));
        }
        assert!(unpack::<CaseRecord>(&whole).is_ok(), "a failure leaves nothing behind");
    }
}
