//! The master key: one secret of a site, outside of the bus and of its backups.
//!
//! Invariants: the file is readable by its owner only and is made once, whole; the key does not print
//! itself, only its fingerprint; each use derives a key of its own, so that a pseudonym says nothing
//! about a wrapping.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use proto_events::ids::CaseId;
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::{DataKey, KEY_BYTES, VaultError, key_of, open, seal};
use crate::http::body::hex;
use crate::log::chain::EventKey;

/// The environment variable that replaces the file: 64 hex digits.
pub const MASTER_KEY_VARIABLE: &str = "UNSTUCK_MASTER_KEY";

/// The name of the credential of systemd that replaces the file (`LoadCredential=master.key:…`).
pub const MASTER_KEY_CREDENTIAL: &str = "master.key";

/// First byte of a wrapped key: the way in which it was wrapped, so that another can come.
const WRAPPING_V1: u8 = 1;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not 64 hex digits.
    #[error("{0} does not hold 64 hex digits")]
    NotAKey(String),
    /// The file can be read by others than its owner.
    #[error("{0} can be read by others; allow only its owner (chmod 600)")]
    TooOpen(PathBuf),
    /// The file cannot be read or made.
    #[error("the master key file {path} cannot be {attempted}")]
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

/// The master key. Clones share it; it is wiped from memory with the last.
#[derive(Clone)]
pub struct MasterKey {
    shared: Arc<Secret>,
}

struct Secret {
    wrapping: [u8; KEY_BYTES],
    pseudonyms: [u8; KEY_BYTES],
    purposes: [u8; KEY_BYTES],
    fingerprint: [u8; 8],
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.wrapping.zeroize();
        self.pseudonyms.zeroize();
        self.purposes.zeroize();
    }
}

impl MasterKey {
    /// Takes the key from where [`MasterKey::load`] finds it, else makes it at `path`.
    ///
    /// Two processes that start at once on a new folder end with the same key.
    ///
    /// # Errors
    /// See [`MasterKeyError`]; a damaged file is never overwritten.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::load(path)? {
            Some(key) => Ok(key),
            None => Self::load_or_create_file(path),
        }
    }

    /// Takes the key from [`MASTER_KEY_VARIABLE`], else from the credential [`MASTER_KEY_CREDENTIAL`] that systemd lent this
    /// process, else from `path`; makes none, and gives `None` when it is nowhere.
    ///
    /// # Errors
    /// See [`MasterKeyError`].
    pub fn load(path: &Path) -> Result<Option<Self>, MasterKeyError> {
        if let Ok(text) = std::env::var(MASTER_KEY_VARIABLE).map(Zeroizing::new) {
            let key = Self::of_hex(&text);
            return key
                .map(Some)
                .ok_or_else(|| MasterKeyError::NotAKey(MASTER_KEY_VARIABLE.into()));
        }
        if let Some(credential) = credential() {
            // Its rights are systemd's affair: the folder is closed to everybody else.
            return Self::read_file(&credential).map(Some);
        }
        match path.try_exists().map_err(|source| file_error(path, "looked up", source))? {
            true => Self::load_or_create_file(path).map(Some),
            false => Ok(None),
        }
    }

    /// Whether [`MasterKey::load`] finds something.
    #[must_use]
    pub fn is_there(path: &Path) -> bool {
        std::env::var_os(MASTER_KEY_VARIABLE).is_some() || credential().is_some() || path.is_file()
    }

    /// Reads 64 hex digits; white space around them is ignored.
    #[must_use]
    pub fn of_hex(text: &str) -> Option<Self> {
        let digits = text.trim().as_bytes();
        if digits.len() != KEY_BYTES * 2 {
            return None;
        }
        let mut bytes = [0; KEY_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let high = char::from(pair[0]).to_digit(16)?;
            let low = char::from(pair[1]).to_digit(16)?;
            *byte = u8::try_from(high * 16 + low).ok()?;
        }
        let key = Self::of_bytes(&bytes);
        bytes.zeroize();
        Some(key)
    }

    /// Eight bytes in hex that tell master keys apart and say nothing about them.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex(&self.shared.fingerprint)
    }

    /// A pseudonym of a text: the same for the same domain and text, not to be guessed without this key
    /// (HMAC-SHA256 in hex). For fingerprints of applicants and of commands.
    #[must_use]
    pub fn pseudonym(&self, domain: &str, text: &str) -> String {
        let length = (domain.len() as u64).to_be_bytes();
        hex(&mac(&self.shared.pseudonyms, &[&length, domain.as_bytes(), text.as_bytes()]))
    }

    /// The site's own key for one purpose, for what belongs to no case: nothing that is sealed for one purpose opens for
    /// another.
    #[must_use]
    pub fn key_for(&self, purpose: &str) -> DataKey {
        DataKey(mac(&self.shared.purposes, &[purpose.as_bytes()]))
    }

    /// The key under which events, audit lines and seals of this site are signed.
    #[must_use]
    pub fn event_key(&self) -> EventKey {
        let [one, two, three, four, ..] = self.shared.fingerprint;
        EventKey::named(mac(&self.shared.purposes, &[b"events"]), [one, two, three, four])
    }

    pub(super) fn wrap(&self, key: &DataKey, case_id: CaseId) -> Result<Vec<u8>, VaultError> {
        let sealed = seal(&self.shared.wrapping, &key.0, associated(case_id).as_bytes())
            .map_err(|_| VaultError::NoRandomness(getrandom::Error::UNEXPECTED))?;
        Ok([&[WRAPPING_V1], sealed.as_slice()].concat())
    }

    pub(super) fn unwrap(&self, wrapped: &[u8], case_id: CaseId) -> Result<DataKey, VaultError> {
        wrapped
            .strip_prefix(&[WRAPPING_V1])
            .and_then(|sealed| {
                open(&self.shared.wrapping, sealed, associated(case_id).as_bytes()).ok()
            })
            .and_then(|bytes| key_of(&bytes))
            .ok_or_else(|| VaultError::WrongMasterKey { case_id, fingerprint: self.fingerprint() })
    }

    fn load_or_create_file(path: &Path) -> Result<Self, MasterKeyError> {
        if !path.try_exists().map_err(|source| file_error(path, "looked up", source))? {
            create_file(path)?;
        }
        check_mode(path)?;
        Self::read_file(path)
    }

    fn read_file(path: &Path) -> Result<Self, MasterKeyError> {
        let text = fs::read_to_string(path).map_err(|source| file_error(path, "read", source))?;
        let text = Zeroizing::new(text);
        Self::of_hex(&text).ok_or_else(|| MasterKeyError::NotAKey(path.display().to_string()))
    }

    fn of_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut secret = Secret {
            wrapping: mac(bytes, &[b"unstuck wrapping v1"]),
            pseudonyms: mac(bytes, &[b"unstuck pseudonyms v1"]),
            purposes: mac(bytes, &[b"unstuck purposes v1"]),
            fingerprint: [0; 8],
        };
        secret.fingerprint.copy_from_slice(&mac(bytes, &[b"unstuck fingerprint v1"])[..8]);
        Self { shared: Arc::new(secret) }
    }
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey({})", self.fingerprint())
    }
}

/// The file of the credential, when systemd lent one.
fn credential() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(MASTER_KEY_CREDENTIAL)).filter(|file| file.is_file())
}

fn associated(case_id: CaseId) -> String {
    format!("case_key:{case_id}")
}

fn mac(key: &[u8; KEY_BYTES], parts: &[&[u8]]) -> [u8; KEY_BYTES] {
    let mut mac =
        <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// Makes the file whole under another name, then links it to its own: a reader never sees half of it,
/// and of two makers one wins.
fn create_file(path: &Path) -> Result<(), MasterKeyError> {
    let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(MasterKeyError::NoRandomness)?;
    let mut suffix = [0_u8; 8];
    getrandom::fill(&mut suffix).map_err(MasterKeyError::NoRandomness)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|source| file_error(folder, "made", source))?;
    }
    let draft = path.with_extension(format!("draft-{}", hex(&suffix)));
    let written = write_private(&draft, &Zeroizing::new(format!("{}\n", hex(bytes.as_slice()))));
    let linked = written.and_then(|()| match fs::hard_link(&draft, path) {
        // Somebody else made it meanwhile: theirs is the key.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    let cleaned = fs::remove_file(&draft);
    linked.and(cleaned).map_err(|source| file_error(path, "made", source))?;
    sync_folder(path);
    Ok(())
}

fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// A key that is lost in a power cut takes all personal data with it: its name must be on the disk too.
fn sync_folder(path: &Path) {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Ok(folder) = fs::File::open(folder.unwrap_or(Path::new("."))) {
        // Not every file system can; the file itself is synced.
        let _ = folder.sync_all();
    }
}

#[cfg(unix)]
fn check_mode(path: &Path) -> Result<(), MasterKeyError> {
    use std::os::unix::fs::PermissionsExt as _;
    let metadata = fs::metadata(path).map_err(|source| file_error(path, "read", source))?;
    if metadata.permissions().mode() & 0o077 == 0 {
        Ok(())
    } else {
        Err(MasterKeyError::TooOpen(path.to_owned()))
    }
}

#[cfg(not(unix))]
fn check_mode(_path: &Path) -> Result<(), MasterKeyError> {
    Ok(())
}

fn file_error(path: &Path, attempted: &'static str, source: io::Error) -> MasterKeyError {
    MasterKeyError::File { path: path.to_owned(), attempted, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: char) -> MasterKey {
        MasterKey::of_hex(&digit.to_string().repeat(64)).unwrap()
    }

    #[test]
    fn a_file_is_made_once_for_its_owner_only_and_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data/master.key");
        let made = MasterKey::load_or_create_file(&path).unwrap();
        let read = MasterKey::load_or_create_file(&path).unwrap();
        assert_eq!(made.fingerprint(), read.fingerprint());
        let names: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft stays behind");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            let refused = MasterKey::load_or_create_file(&path);
            assert!(matches!(refused, Err(MasterKeyError::TooOpen(_))));
        }
    }

    #[test]
    fn many_starts_at_once_end_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let starts: Vec<_> = (0..8)
            .map(|_| {
                let path = path.clone();
                std::thread::spawn(move || {
                    MasterKey::load_or_create_file(&path).unwrap().fingerprint()
                })
            })
            .collect();
        let mut fingerprints: Vec<_> =
            starts.into_iter().map(|start| start.join().unwrap()).collect();
        fingerprints.dedup();
        assert_eq!(fingerprints.len(), 1);
    }

    #[test]
    fn a_damaged_file_is_refused_and_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        write_private(&path, "abc").unwrap();
        assert!(matches!(MasterKey::load_or_create_file(&path), Err(MasterKeyError::NotAKey(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "abc");
    }

    #[test]
    fn a_pseudonym_depends_on_key_domain_and_text_and_on_their_border() {
        let name = key('a').pseudonym("matter", "ab");
        assert_eq!(name, key('a').pseudonym("matter", "ab"));
        assert_eq!(name.len(), 64);
        assert_ne!(name, key('b').pseudonym("matter", "ab"));
        assert_ne!(name, key('a').pseudonym("matte", "rab"));
    }

    #[test]
    fn a_wrapped_key_opens_only_for_its_case_and_master() {
        let case: CaseId = "01930000-0000-7000-8000-000000000001".parse().unwrap();
        let other: CaseId = "01930000-0000-7000-8000-000000000002".parse().unwrap();
        let data = DataKey::random().unwrap();
        let wrapped = key('a').wrap(&data, case).unwrap();
        assert_eq!(key('a').unwrap(&wrapped, case).unwrap().0, data.0);
        assert!(key('a').unwrap(&wrapped, other).is_err());
        assert!(key('b').unwrap(&wrapped, case).is_err());
        assert!(key('a').unwrap(&[], case).is_err());
    }

    #[test]
    fn a_key_for_a_purpose_opens_its_own_and_nothing_else() {
        let sealed = key('a').key_for("drafts").seal(b"text", b"here").unwrap();
        assert_eq!(*key('a').key_for("drafts").open(&sealed, b"here").unwrap(), b"text");
        assert!(key('a').key_for("notes").open(&sealed, b"here").is_err());
        assert!(key('b').key_for("drafts").open(&sealed, b"here").is_err());
    }

    #[test]
    fn the_master_key_prints_only_its_fingerprint() {
        let key = key('a');
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.fingerprint()));
        assert!(MasterKey::of_hex("xyz").is_none());
    }
}
