//! The keys of all cases in memory, wrapped as they stand in the bucket: for whoever opens many.
//!
//! Invariants: what is kept here is wrapped; an unwrapped key lives as long as its use. A key that is destroyed goes from
//! here when the bucket says so, milliseconds later; while the bucket cannot be followed nothing is kept, and each key is
//! asked for.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use futures::StreamExt as _;
use proto_events::ids::CaseId;
use tokio_util::sync::CancellationToken;

use super::{DataKey, Vault, VaultError};
use crate::consumer::Backoff;

/// The keys of all cases.
pub struct KeyRing {
    vault: Vault,
    /// Some 130 bytes a case.
    wrapped: RwLock<HashMap<CaseId, Box<[u8]>>>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Makes an empty one, which [`KeyRing::follow`] fills.
    #[must_use]
    pub fn new(vault: Vault) -> Arc<Self> {
        Arc::new(Self { vault, wrapped: RwLock::default() })
    }

    /// The key of a case: from memory, else asked for; `None` when it was destroyed or lost.
    ///
    /// # Errors
    /// As [`Vault::state`].
    pub async fn key(&self, case_id: CaseId) -> Result<Option<DataKey>, VaultError> {
        let known = {
            let wrapped = self.wrapped.read().unwrap_or_else(PoisonError::into_inner);
            wrapped.get(&case_id).map(|wrapped| self.vault.master.unwrap(wrapped, case_id))
        };
        match known {
            Some(known) => known.map(Some),
            None => self.vault.key(case_id).await,
        }
    }

    /// How many keys are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wrapped.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether no key is in memory.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Follows the bucket until the token is cancelled.
    pub async fn follow(&self, token: CancellationToken) {
        let mut backoff = Backoff::default();
        while !token.is_cancelled() {
            let contents = token.run_until_cancelled(self.vault.bucket.contents()).await;
            match contents {
                Some(Ok(mut contents)) => {
                    while let Some(Some((name, value))) =
                        token.run_until_cancelled(contents.next()).await
                    {
                        self.take(&name, value.as_deref());
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "keys are asked for");
                }
                None => {}
            }
            // What is destroyed from now on would not be heard of.
            *self.wrapped.write().unwrap_or_else(PoisonError::into_inner) = HashMap::new();
            backoff.wait(&token).await;
        }
    }

    fn take(&self, name: &str, value: Option<&[u8]>) {
        let Ok(case_id) = name.parse::<CaseId>() else { return };
        let mut wrapped = self.wrapped.write().unwrap_or_else(PoisonError::into_inner);
        match value {
            Some(value) => wrapped.insert(case_id, value.into()),
            None => wrapped.remove(&case_id),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::*;
    use crate::kv::Bucket;
    use crate::vault::MasterKey;

    async fn until(ring: &KeyRing, keys: usize) {
        let reached = async {
            while ring.len() != keys {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), reached).await.unwrap();
    }

    #[tokio::test]
    async fn keys_come_from_memory_and_go_when_they_are_destroyed() {
        let dir = tempfile::tempdir().unwrap();
        let master = MasterKey::load_or_create(&dir.path().join("master.key")).unwrap();
        let vault = Vault::new(Bucket::in_memory("case_keys"), master);
        let (one, two) = (CaseId(Uuid::from_u128(1)), CaseId(Uuid::from_u128(2)));
        let sealed = vault.create_key(one).await.unwrap().seal(b"sample", b"here").unwrap();
        let ring = KeyRing::new(vault.clone());
        // Not followed yet, it asks.
        assert!(ring.is_empty());
        let opens = async |ring: &KeyRing| match ring.key(one).await.unwrap() {
            Some(key) => key.open(&sealed, b"here").is_ok(),
            None => false,
        };
        assert!(opens(&ring).await);
        let token = CancellationToken::new();
        let following = tokio::spawn({
            let (ring, token) = (Arc::clone(&ring), token.clone());
            async move { ring.follow(token).await }
        });
        until(&ring, 1).await;
        assert!(opens(&ring).await);
        vault.create_key(two).await.unwrap();
        until(&ring, 2).await;
        vault.destroy(one).await.unwrap();
        until(&ring, 1).await;
        assert!(!opens(&ring).await);
        token.cancel();
        following.await.unwrap();
        assert!(ring.is_empty());
    }
}
