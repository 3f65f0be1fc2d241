//! The key vault: personal data is sealed with a key of its case, and erased by destroying that key.
//!
//! Invariants: a data key leaves this process only wrapped under the master key; a destroyed key is never
//! made again for the same case (its marker stays in the bucket); unwrapped keys are not cached, so an
//! erasure in one process holds in all; nothing here prints a key.
//!
//! Limit: the bus overwrites the wrapped bytes of a destroyed key in its file; what a disk keeps below its files, and a
//! bucket that an older version has made, may have them longer. Backups of `case_keys` must expire sooner than an erasure is
//! promised.

mod custody;
mod master;
mod ring;
mod rotation;

use bytes::Bytes;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use proto_events::ids::CaseId;
use zeroize::{Zeroize as _, Zeroizing};

pub use custody::{CustodyError, claim, hold_against_keys, of_site};
pub use master::{MASTER_KEY_CREDENTIAL, MASTER_KEY_VARIABLE, MasterKey, MasterKeyError};
pub use ring::KeyRing;
pub use rotation::{Rotated, RotationError, WRAPPING_ENTRY, rotate};

use crate::kv::{Bucket, Found, KvError};

/// Length of a key, in bytes.
const KEY_BYTES: usize = 32;
/// What a sealed text begins with: how it is sealed, by the name that JOSE has for XChaCha20-Poly1305. A text without it is
/// from before there was one; it has no dot.
const ALGORITHM: &str = "XC20P.";
/// Length of a nonce of XChaCha20-Poly1305, in bytes: long enough to be drawn at random for ever.
const NONCE_BYTES: usize = 24;

/// Why the vault did not answer with a key.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The bucket is out of reach.
    #[error("the key store did not answer")]
    Unreachable(#[from] KvError),
    /// The key of this case was destroyed; none is made again.
    #[error("the personal data of this case was erased")]
    Destroyed,
    /// The wrapped key does not open: another master key, or a damaged value.
    #[error("the key of case {case_id} does not open under master key {fingerprint}")]
    WrongMasterKey {
        /// The case.
        case_id: CaseId,
        /// The fingerprint of the master key that was tried.
        fingerprint: String,
    },
    /// The machine gave no randomness.
    #[error("the machine gave no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

/// A sealed text that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The text is not of the form that [`DataKey::seal`] makes.
    #[error("the sealed text is damaged")]
    Damaged,
    /// Another key, another place, or changed bytes.
    #[error("the sealed text does not open with this key at this place")]
    DoesNotOpen,
    /// The machine gave no randomness, or the text is too long to seal.
    #[error("the text could not be sealed")]
    CannotSeal,
}

/// What is known about the key of a case.
#[derive(Debug)]
pub enum KeyState {
    /// There is a key.
    Present(DataKey),
    /// The key was destroyed: the personal data is erased.
    Destroyed,
    /// There never was one. With events in the log this is an incident: the bucket was lost.
    Missing,
}

/// Keeps the keys of all cases.
#[derive(Debug, Clone)]
pub struct Vault {
    bucket: Bucket,
    master: MasterKey,
}

impl Vault {
    /// Makes a vault over the bucket [`CASE_KEYS_BUCKET`](crate::streams::CASE_KEYS_BUCKET).
    #[must_use]
    pub fn new(bucket: Bucket, master: MasterKey) -> Self {
        Self { bucket, master }
    }

    /// The master key, for pseudonyms.
    #[must_use]
    pub fn master(&self) -> &MasterKey {
        &self.master
    }

    /// Makes the key of a case, or returns the one that it has. Idempotent, also between processes.
    ///
    /// # Errors
    /// [`VaultError::Destroyed`] when it was destroyed; else as [`Vault::state`].
    pub async fn create_key(&self, case_id: CaseId) -> Result<DataKey, VaultError> {
        let fresh = DataKey::random()?;
        let wrapped = self.master.wrap(&fresh, case_id)?;
        if self.bucket.create_once(&case_id.to_string(), wrapped.into()).await? {
            return Ok(fresh);
        }
        match self.state(case_id).await? {
            KeyState::Present(key) => Ok(key),
            KeyState::Destroyed | KeyState::Missing => Err(VaultError::Destroyed),
        }
    }

    /// The key of a case as it stands in the bucket, wrapped; `None` when there is none.
    ///
    /// # Errors
    /// When the bucket is out of reach.
    pub async fn wrapped_key(&self, case_id: CaseId) -> Result<Option<Bytes>, VaultError> {
        let found = self.bucket.find(&case_id.to_string()).await?;
        Ok(found.value().map(|(wrapped, _)| wrapped))
    }

    /// Keeps the key of a case that was made elsewhere, wrapped under another master key; gives the key that the case has now.
    /// Idempotent. A key that was destroyed here stays destroyed, and another one that is there stays as it is.
    ///
    /// # Errors
    /// [`VaultError::WrongMasterKey`] when it does not open under that key; else as [`Vault::create_key`].
    pub async fn take_over(
        &self,
        case_id: CaseId,
        wrapped: &[u8],
        from: &MasterKey,
    ) -> Result<DataKey, VaultError> {
        let key = from.unwrap(wrapped, case_id)?;
        let own = self.master.wrap(&key, case_id)?;
        if self.bucket.create_once(&case_id.to_string(), own.into()).await? {
            return Ok(key);
        }
        match self.state(case_id).await? {
            KeyState::Present(key) => Ok(key),
            KeyState::Destroyed | KeyState::Missing => Err(VaultError::Destroyed),
        }
    }

    /// The cases that have a key here.
    ///
    /// # Errors
    /// When the bucket is out of reach.
    pub async fn cases(&self) -> Result<Vec<CaseId>, VaultError> {
        let keys = self.bucket.keys().await?;
        Ok(keys.iter().filter_map(|key| key.parse().ok()).collect())
    }

    /// The key of a case; `None` when it was destroyed, or lost (which is said in the log).
    ///
    /// # Errors
    /// As [`Vault::state`].
    pub async fn key(&self, case_id: CaseId) -> Result<Option<DataKey>, VaultError> {
        match self.state(case_id).await? {
            KeyState::Present(key) => Ok(Some(key)),
            KeyState::Destroyed => Ok(None),
            KeyState::Missing => {
                tracing::warn!(case.id = %case_id, "a case has no data key, and never had one in this bucket");
                Ok(None)
            }
        }
    }

    /// What is known about the key of a case.
    ///
    /// # Errors
    /// When the bucket is out of reach, or the key does not open under this master key.
    pub async fn state(&self, case_id: CaseId) -> Result<KeyState, VaultError> {
        match self.bucket.find(&case_id.to_string()).await? {
            Found::Value { value, .. } => {
                Ok(KeyState::Present(self.master.unwrap(&value, case_id)?))
            }
            Found::Deleted => Ok(KeyState::Destroyed),
            Found::Never => Ok(KeyState::Missing),
        }
    }

    /// Destroys the key of a case, for ever; also of a case that has none yet. Its wrapped bytes are overwritten on the
    /// disk of the bus, where the bucket lets them ([`crate::kv::KeyValue::destroy`]). Idempotent.
    ///
    /// # Errors
    /// When the bucket is out of reach.
    pub async fn destroy(&self, case_id: CaseId) -> Result<(), VaultError> {
        Ok(self.bucket.destroy(&case_id.to_string()).await?)
    }

    /// Overwrites the bytes of keys that were destroyed or wrapped anew and, because something fell in between, still
    /// stand in the bucket. Says how many.
    ///
    /// # Errors
    /// When the bucket is out of reach.
    pub async fn overwrite_leftovers(&self) -> Result<u64, VaultError> {
        Ok(self.bucket.overwrite_leftovers().await?)
    }
}

/// The key that seals the personal data of one case. Wiped from memory when dropped.
#[derive(Clone)]
pub struct DataKey([u8; KEY_BYTES]);

impl DataKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// When the machine gives no randomness.
    pub fn random() -> Result<Self, VaultError> {
        let mut key = Self([0; KEY_BYTES]);
        getrandom::fill(&mut key.0).map_err(VaultError::NoRandomness)?;
        Ok(key)
    }

    /// Seals a text: the name of the algorithm, a dot, and base64url. `associated` says where it belongs (case, event,
    /// field): it opens only with the same words there.
    ///
    /// # Errors
    /// [`SealError::CannotSeal`] when the machine gives no randomness.
    pub fn seal(&self, plain: &[u8], associated: &[u8]) -> Result<String, SealError> {
        let sealed = seal(&self.0, plain, &[ALGORITHM.as_bytes(), associated].concat())?;
        Ok(format!("{ALGORITHM}{}", base64url::encode(&sealed)))
    }

    /// Opens what [`DataKey::seal`] made, or made before sealed texts named their algorithm. Who takes the name off, or
    /// puts it on, has another text: the name is authenticated with it. The plain text is wiped when dropped.
    ///
    /// # Errors
    /// When the text is damaged, or belongs to another key or another place.
    pub fn open(&self, sealed: &str, associated: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let bytes = |text| base64url::decode(text).ok_or(SealError::Damaged);
        match sealed.strip_prefix(ALGORITHM) {
            Some(text) => {
                open(&self.0, &bytes(text)?, &[ALGORITHM.as_bytes(), associated].concat())
            }
            None => open(&self.0, &bytes(sealed)?, associated),
        }
    }
}

impl Drop for DataKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(..)")
    }
}

fn seal(key: &[u8; KEY_BYTES], plain: &[u8], associated: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| SealError::CannotSeal)?;
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: plain, aad: associated })
        .map_err(|_| SealError::CannotSeal)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn open(
    key: &[u8; KEY_BYTES],
    sealed: &[u8],
    associated: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(SealError::Damaged)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: associated })
        .map(Zeroizing::new)
        .map_err(|_| SealError::DoesNotOpen)
}

/// Copies an opened key into its own type and wipes the way there.
fn key_of(bytes: &[u8]) -> Option<DataKey> {
    let mut array: [u8; KEY_BYTES] = bytes.try_into().ok()?;
    let key = DataKey(array);
    array.zeroize();
    Some(key)
}

/// Base64url without padding (RFC 4648 section 5); only the canonical form is read.
pub mod base64url {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    /// Writes bytes.
    #[must_use]
    pub fn encode(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for chunk in bytes.chunks(3) {
            let word = u32::from(chunk[0]) << 16
                | u32::from(chunk.get(1).copied().unwrap_or(0)) << 8
                | u32::from(chunk.get(2).copied().unwrap_or(0));
            for index in 0..=chunk.len() {
                let six = (word >> (18 - 6 * index)) & 63;
                text.push(char::from(ALPHABET[six as usize]));
            }
        }
        text
    }

    /// Reads what [`encode`] wrote; `None` for anything else.
    #[must_use]
    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
        for chunk in text.as_bytes().chunks(4) {
            let mut word = 0_u32;
            for index in 0..4 {
                let six = match chunk.get(index) {
                    Some(letter) => u32::from(value(*letter)?),
                    None => 0,
                };
                word = word << 6 | six;
            }
            let whole = chunk.len().checked_sub(1).filter(|count| *count > 0)?;
            let [_, first, second, third] = word.to_be_bytes();
            let all = [first, second, third];
            if all[whole..].iter().any(|rest| *rest != 0) {
                return None;
            }
            bytes.extend_from_slice(&all[..whole]);
        }
        Some(bytes)
    }

    fn value(letter: u8) -> Option<u8> {
        match letter {
            b'A'..=b'Z' => Some(letter - b'A'),
            b'a'..=b'z' => Some(letter - b'a' + 26),
            b'0'..=b'9' => Some(letter - b'0' + 52),
            b'-' => Some(62),
            b'_' => Some(63),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_sealed_opens_again_at_the_same_place(plain: Vec<u8>, place: Vec<u8>) {
            let key = DataKey::random().unwrap();
            let sealed = key.seal(&plain, &place).unwrap();
            let opened = key.open(&sealed, &place).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }

        #[test]
        fn bytes_survive_base64url(bytes: Vec<u8>) {
            let text = base64url::encode(&bytes);
            prop_assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
            prop_assert_eq!(base64url::decode(&text), Some(bytes));
        }

        #[test]
        fn any_text_is_opened_without_panic(text in ".{0,120}") {
            let key = DataKey::random().unwrap();
            prop_assert!(key.open(&text, b"here").is_err());
        }
    }

    #[test]
    fn a_sealed_text_does_not_open_elsewhere_nor_with_another_key() {
        let key = DataKey::random().unwrap();
        let sealed = key.seal("样例".as_bytes(), b"case/name").unwrap();
        assert_eq!(key.open(&sealed, b"case/phone"), Err(SealError::DoesNotOpen));
        let other = DataKey::random().unwrap();
        assert_eq!(other.open(&sealed, b"case/name"), Err(SealError::DoesNotOpen));
        assert_ne!(key.seal("样例".as_bytes(), b"case/name").unwrap(), sealed);
    }

    #[test]
    fn a_sealed_text_names_its_algorithm_and_opens_under_no_other_name() {
        let key = DataKey([7; KEY_BYTES]);
        let sealed = key.seal(b"sample", b"here").unwrap();
        let text = sealed.strip_prefix("XC20P.").unwrap();
        for other in ["A256GCM.", "XC20P", "xc20p.", "XC20P..", "."] {
            let refused = key.open(&format!("{other}{text}"), b"here");
            assert!(refused.is_err(), "{other}");
        }
        assert_eq!(key.open(text, b"here"), Err(SealError::DoesNotOpen), "the name was taken off");
    }

    #[test]
    fn what_was_sealed_before_there_was_a_name_opens_for_ever() {
        let key = DataKey([7; KEY_BYTES]);
        // Made by another program, of the same standards, as this one wrote it until then.
        let stored = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXTrccYUSXwwm9mBHxmkVjZAyOL93DSg";
        assert_eq!(key.open(stored, b"here").unwrap().as_slice(), "样例".as_bytes());
        assert_eq!(key.open(stored, b"there"), Err(SealError::DoesNotOpen));
        let named = format!("{ALGORITHM}{stored}");
        assert_eq!(key.open(&named, b"here"), Err(SealError::DoesNotOpen), "a name was put on");
    }

    #[test]
    fn only_the_canonical_base64url_is_read() {
        assert_eq!(base64url::decode("QQ"), Some(b"A".to_vec()));
        for text in ["QR", "Q", "QQ==", "Q+", "QUJDR"] {
            assert_eq!(base64url::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_key_does_not_print_itself() {
        let key = DataKey([7; KEY_BYTES]);
        assert_eq!(format!("{key:?}"), "DataKey(..)");
    }
}
