//! Seeds: the secret by which a user of the bus gets in (an nkey, Ed25519), each in a file of its own.
//!
//! Invariants: a file of a seed is readable by its owner only and is made once, whole; a seed does not print itself; the
//! bus has the public key and nothing to impersonate anybody with.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nkeys::{KeyPair, KeyPairType};
use zeroize::{Zeroize as _, Zeroizing};

use crate::private_files;

/// Bytes of randomness of a seed.
const RANDOM_BYTES: usize = 32;

/// Why there is no seed.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// There is no such file.
    #[error("there is no seed {}", .0.display())]
    Missing(PathBuf),
    /// The file holds something else.
    #[error("{} does not hold the seed of a user (58 characters that begin with SU)", .0.display())]
    NotASeed(PathBuf),
    /// The file can be read by others than its owner.
    #[error("{} can be read by others; allow only its owner (chmod 600)", .0.display())]
    TooOpen(PathBuf),
    /// The file cannot be read or made.
    #[error("the seed {} cannot be {attempted}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        attempted: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The machine gave no randomness.
    #[error("the machine gave no randomness: {0}")]
    NoRandomness(getrandom::Error),
}

/// The secret of one user of the bus; wiped from memory when dropped.
#[derive(Clone)]
pub struct Seed {
    text: Zeroizing<String>,
    public_key: String,
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the secret.
        f.debug_tuple("Seed").field(&self.public_key).finish()
    }
}

impl Seed {
    /// Reads the text of a seed; `None` when it is none of a user. White space around it is ignored.
    #[must_use]
    pub fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let pair = KeyPair::from_seed(text).ok()?;
        let is_of_user = pair.key_pair_type() == KeyPairType::User;
        is_of_user
            .then(|| Self { text: Zeroizing::new(text.to_owned()), public_key: pair.public_key() })
    }

    /// Draws a new seed.
    ///
    /// # Errors
    /// [`SeedError::NoRandomness`].
    pub fn draw() -> Result<Self, SeedError> {
        let mut bytes = [0; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(SeedError::NoRandomness)?;
        let text = nkey_text(bytes);
        bytes.zeroize();
        Ok(Self::of_text(&text).expect("what was made of 32 bytes is a seed"))
    }

    /// Reads the seed of a file.
    ///
    /// # Errors
    /// See [`SeedError`].
    pub fn read(path: &Path) -> Result<Self, SeedError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => SeedError::Missing(path.to_owned()),
            _ => SeedError::File { path: path.to_owned(), attempted: "read", source },
        };
        if !private_files::is_private(path).map_err(failed)? {
            return Err(SeedError::TooOpen(path.to_owned()));
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(failed)?);
        Self::of_text(&text).ok_or_else(|| SeedError::NotASeed(path.to_owned()))
    }

    /// Reads the seed of a file, or makes it there, and the folder with it. A damaged file is never overwritten.
    ///
    /// # Errors
    /// See [`SeedError`].
    pub fn read_or_make(path: &Path) -> Result<Self, SeedError> {
        match Self::read(path) {
            Err(SeedError::Missing(_)) => {}
            read => return read,
        }
        let failed = |source| SeedError::File { path: path.to_owned(), attempted: "made", source };
        if let Some(folder) = path.parent() {
            private_files::make_folder(folder).map_err(failed)?;
        }
        let text = Zeroizing::new(format!("{}\n", Self::draw()?.secret()));
        private_files::make_once(path, text.as_bytes()).map_err(failed)?;
        // Whoever was faster made the one that counts.
        Self::read(path)
    }

    /// The secret, for a client. Not for a log.
    #[must_use]
    pub fn secret(&self) -> &str {
        &self.text
    }

    /// What the bus knows the user by.
    #[must_use]
    pub fn public_key(&self) -> &str {
        &self.public_key
    }
}

fn nkey_text(bytes: [u8; RANDOM_BYTES]) -> Zeroizing<String> {
    let pair = KeyPair::new_from_raw(KeyPairType::User, bytes).expect("32 bytes are a key");
    Zeroizing::new(pair.seed().expect("a new pair has its seed"))
}

/// The file of a user's seed in a folder.
#[must_use]
pub fn seed_file(folder: &Path, user: &str) -> PathBuf {
    folder.join(format!("{user}.nk"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_seed_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = seed_file(folder.path(), "intake");
        let made = Seed::read_or_make(&path).unwrap();
        let again = Seed::read_or_make(&path).unwrap();
        assert_eq!(made.public_key(), again.public_key());
        assert!(made.public_key().starts_with('U'));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(made.secret()));
    }

    #[test]
    fn what_is_no_seed_is_named_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = seed_file(folder.path(), "intake");
        assert!(matches!(Seed::read(&path), Err(SeedError::Missing(_))));
        let account = KeyPair::new_from_raw(KeyPairType::Account, [7; 32]).unwrap().seed().unwrap();
        for text in ["", "SU", "not a seed", account.as_str()] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = Seed::read_or_make(&path).unwrap_err();
            assert!(matches!(error, SeedError::NotASeed(_)), "{error}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            assert!(text.is_empty() || !error.to_string().contains(text) || text == "SU");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Seed::read(&path), Err(SeedError::TooOpen(_))));
    }
}
