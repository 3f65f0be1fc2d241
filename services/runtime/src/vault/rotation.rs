//! Rotation of the wrapping key: a next one is put into the key file, every key of a case is wrapped under it, and the one
//! before is let go.
//!
//! Invariants: at every moment the file on the disk opens every key in the bucket, so that a rotation that was cut off goes
//! on where it was; a key that is destroyed meanwhile stays destroyed; pseudonyms, signatures and what is sealed for a
//! purpose hang on the root in the file, which does not change. Nobody else may make keys meanwhile: he would wrap them
//! under the key that is let go.

use std::path::Path;

use proto_events::ids::CaseId;

use super::master::{MasterKey, MasterKeyError};
use super::{Vault, VaultError};
use crate::kv::{Bucket, Found, KvError};

/// The entry of the bucket that names the wrapping key, from the first rotation on: a file from before is known by it.
pub const WRAPPING_ENTRY: &str = "wrapping_key";

/// Why a rotation ended early; it goes on when it is asked for again.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// The key file cannot be read or written.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
    /// The bucket is out of reach, or the machine gave no randomness.
    #[error("a key could not be wrapped anew")]
    Vault(#[from] VaultError),
}

impl From<KvError> for RotationError {
    fn from(error: KvError) -> Self {
        Self::Vault(error.into())
    }
}

/// What a rotation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotated {
    /// Keys that were wrapped anew.
    pub wrapped: u64,
    /// Keys that do not open, as before; they are left as they are.
    pub unreadable: u64,
}

/// Wraps all keys of a bucket under a next wrapping key in the file at `path`, or goes on with a rotation that was cut off.
/// `progress` hears how far it is.
///
/// # Errors
/// See [`RotationError`].
pub async fn rotate(
    bucket: &Bucket,
    path: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<Rotated, RotationError> {
    let mut master = MasterKey::load_file(path)?;
    if !master.is_rotating() {
        master = master.with_next()?;
        master.replace_file(path)?;
    }
    let vault = Vault::new(bucket.clone(), master.clone());
    let cases: Vec<CaseId> =
        bucket.keys().await?.iter().filter_map(|name| name.parse().ok()).collect();
    let goal = cases.len() as u64;
    let mut rotated = Rotated::default();
    for (case_id, reached) in cases.into_iter().zip(1..) {
        match vault.wrap_anew(case_id).await {
            Ok(had_to) => rotated.wrapped += u64::from(had_to),
            Err(error @ VaultError::WrongMasterKey { .. }) => {
                tracing::warn!(%error, "the key is left as it is");
                rotated.unreadable += 1;
            }
            Err(error) => return Err(error.into()),
        }
        progress(reached, goal);
    }
    vault.note_wrapping_key().await?;
    vault.overwrite_leftovers().await?;
    master.with_next_alone().replace_file(path)?;
    Ok(rotated)
}

impl Vault {
    /// Wraps the key of a case under the next wrapping key; says whether it had to.
    async fn wrap_anew(&self, case_id: CaseId) -> Result<bool, VaultError> {
        let name = case_id.to_string();
        loop {
            // A marker stays one: who was erased meanwhile is not brought back.
            let Found::Value { value, revision } = self.bucket.find_at_leader(&name).await? else {
                return Ok(false);
            };
            if self.master.is_newest(&value) {
                return Ok(false);
            }
            let key = self.master.unwrap(&value, case_id)?;
            let wrapped = self.master.wrap(&key, case_id)?;
            if self.bucket.replace_for_ever(&name, wrapped.into(), revision).await? {
                return Ok(true);
            }
        }
    }

    /// Writes into the bucket which wrapping key its keys stand under, when a rotation made it.
    ///
    /// # Errors
    /// When the bucket is out of reach.
    pub async fn note_wrapping_key(&self) -> Result<(), KvError> {
        match self.master.wrapping_id() {
            Some(id) => self.bucket.put(WRAPPING_ENTRY, id.to_vec().into()).await,
            None => Ok(()),
        }
    }

    /// Whether the master key has the wrapping key under which the keys of the bucket stand.
    ///
    /// # Errors
    /// When the bucket is out of reach.
    pub async fn has_wrapping_key(&self) -> Result<bool, KvError> {
        let noted = self.bucket.find(WRAPPING_ENTRY).await?.value();
        Ok(noted.is_none_or(|(id, _)| self.master.has_wrapping(&id)))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use uuid::Uuid;

    use super::*;
    use crate::vault::KeyState;

    async fn opens(vault: &Vault, case_id: CaseId, sealed: &str) -> bool {
        match vault.state(case_id).await {
            Ok(KeyState::Present(key)) => key.open(sealed, b"here").is_ok(),
            _ => false,
        }
    }

    #[tokio::test]
    async fn every_key_goes_over_also_after_a_cut_and_who_was_erased_stays_erased() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let before = MasterKey::load_or_create(&path).unwrap();
        let bucket = Bucket::in_memory("case_keys");
        let vault = Vault::new(bucket.clone(), before.clone());
        let cases: Vec<_> = (1..=5).map(|n| CaseId(Uuid::from_u128(n))).collect();
        let mut sealed = Vec::new();
        for case_id in &cases {
            sealed.push(vault.create_key(*case_id).await.unwrap().seal(b"text", b"here").unwrap());
        }
        vault.destroy(cases[4]).await.unwrap();
        let of_file = || Vault::new(bucket.clone(), MasterKey::load_file(&path).unwrap());

        // Cut off behind the new file and one key.
        before.with_next().unwrap().replace_file(&path).unwrap();
        let during = of_file();
        assert!(during.wrap_anew(cases[0]).await.unwrap());
        for (case_id, sealed) in cases[..4].iter().zip(&sealed) {
            assert!(opens(&during, *case_id, sealed).await);
        }
        let done = rotate(&bucket, &path, |_, _| {}).await.unwrap();
        assert_eq!(done, Rotated { wrapped: 3, unreadable: 0 }, "it goes on where it was");
        let after = of_file();
        for (case_id, sealed) in cases[..4].iter().zip(&sealed) {
            assert!(opens(&after, *case_id, sealed).await);
            assert!(!opens(&vault, *case_id, sealed).await, "the old file opens nothing any more");
        }
        assert!(matches!(after.state(cases[4]).await.unwrap(), KeyState::Destroyed));
        assert!(after.has_wrapping_key().await.unwrap());
        assert!(!vault.has_wrapping_key().await.unwrap(), "the old file is known for one");

        // Another rotation, past a key that was damaged.
        bucket.put(&cases[3].to_string(), vec![2, 1, 2, 3].into()).await.unwrap();
        let done = rotate(&bucket, &path, |_, _| {}).await.unwrap();
        assert_eq!(done, Rotated { wrapped: 3, unreadable: 1 });
        assert!(!opens(&after, cases[0], &sealed[0]).await);
        assert!(!after.has_wrapping_key().await.unwrap());
        assert!(opens(&of_file(), cases[0], &sealed[0]).await);
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert_eq!(lines, 2, "the root and one wrapping key");
    }
}
