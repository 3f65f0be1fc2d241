//! The master key: one secret of a site, outside of the bus and of its backups.
//!
//! Its first line is the root, from which everything is derived that a rotation leaves alone. A second one, from the first
//! rotation on, is the wrapping key of the keys of cases; while a rotation goes on there is the next one as well.
//!
//! Invariants: the file is readable by its owner only and is made once, whole; the key does not print
//! itself, only its fingerprint; each use derives a key of its own, so that a pseudonym says nothing
//! about a wrapping.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, Mac as _};
use proto_events::ids::{CaseId, CenterId};
use sha2::Sha256;
use zeroize::{Zeroize as _, Zeroizing};

use super::{DataKey, KEY_BYTES, VaultError, key_of, open, seal};
use crate::http::body::hex;
use crate::log::chain::EventKey;
use crate::private_files;

/// The environment variable that replaces the file: 64 hex digits.
pub const MASTER_KEY_VARIABLE: &str = "UNSTUCK_MASTER_KEY";

/// The name of the credential of systemd that replaces the file (`LoadCredential=master.key:…`).
pub const MASTER_KEY_CREDENTIAL: &str = "master.key";

/// First byte of a wrapped key: the way in which it was wrapped, so that another can come.
const WRAPPING_V1: u8 = 1;

/// As [`WRAPPING_V1`], under a wrapping key that a rotation made; its id stands behind this byte.
const WRAPPING_V2: u8 = 2;

/// What stands in the key file before the wrapping key that a rotation made.
const WRAPPING_WORD: &str = "wrapping";

/// What stands there before the one to which a rotation goes over that has not ended.
const NEXT_WORD: &str = "next";

/// What the keys of centers are derived for.
const CENTERS_PURPOSE: &[u8] = b"centers";

/// Length of the id of a wrapping key.
const ID_BYTES: usize = 4;

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The text is not that of a key.
    #[error("{0} does not hold 64 hex digits, with or without the lines of a rotation below")]
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
    root: [u8; KEY_BYTES],
    /// The wrapping key of a site that never rotated.
    wrapping: [u8; KEY_BYTES],
    /// The one that the last rotation made.
    rotated: Option<WrappingKey>,
    /// The one to which a rotation goes over that has not ended.
    next: Option<WrappingKey>,
    pseudonyms: [u8; KEY_BYTES],
    purposes: [u8; KEY_BYTES],
    fingerprint: [u8; 8],
}

/// A wrapping key that a rotation made: drawn at random, derived from nothing.
#[derive(Clone)]
struct WrappingKey {
    id: [u8; ID_BYTES],
    key: [u8; KEY_BYTES],
}

impl WrappingKey {
    fn of_bytes(key: [u8; KEY_BYTES]) -> Self {
        let mut id = [0; ID_BYTES];
        id.copy_from_slice(&mac(&key, &[b"unstuck wrapping id"])[..ID_BYTES]);
        Self { id, key }
    }
}

impl Drop for WrappingKey {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.root.zeroize();
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
            true => Self::load_file(path).map(Some),
            false => Ok(None),
        }
    }

    /// Whether [`MasterKey::load`] takes the key from elsewhere than the file that it is given.
    #[must_use]
    pub fn is_given_by_environment() -> bool {
        std::env::var_os(MASTER_KEY_VARIABLE).is_some() || credential().is_some()
    }

    /// Whether [`MasterKey::load`] finds something.
    #[must_use]
    pub fn is_there(path: &Path) -> bool {
        Self::is_given_by_environment() || path.is_file()
    }

    /// Reads 64 hex digits, and below them the lines of a rotation; white space around each line is ignored.
    #[must_use]
    pub fn of_hex(text: &str) -> Option<Self> {
        let mut lines = text.trim().lines().map(str::trim).peekable();
        let root = Zeroizing::new(bytes_of_hex(lines.next()?)?);
        let mut take = |word: &str| match lines.next_if(|line| line.starts_with(word)) {
            Some(line) => {
                bytes_of_hex(line[word.len()..].trim()).map(WrappingKey::of_bytes).map(Some)
            }
            None => Some(None),
        };
        let (rotated, next) = (take(WRAPPING_WORD)?, take(NEXT_WORD)?);
        lines.next().is_none().then(|| Self::of_parts(&root, rotated, next))
    }

    /// This key with a next wrapping key, drawn at random.
    pub(super) fn with_next(&self) -> Result<Self, MasterKeyError> {
        let mut bytes = [0_u8; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(MasterKeyError::NoRandomness)?;
        let next = WrappingKey::of_bytes(bytes);
        bytes.zeroize();
        Ok(Self::of_parts(&self.shared.root, self.shared.rotated.clone(), Some(next)))
    }

    /// This key without the wrapping key before the next one, under which nothing stands any more.
    pub(super) fn with_next_alone(&self) -> Self {
        Self::of_parts(&self.shared.root, self.newest().cloned(), None)
    }

    /// Whether a rotation was begun and has not ended.
    pub(super) fn is_rotating(&self) -> bool {
        self.shared.next.is_some()
    }

    /// Puts this key in place of the one in a file; it is on the disk when this returns.
    pub(super) fn replace_file(&self, path: &Path) -> Result<(), MasterKeyError> {
        let mut text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex(&self.shared.root))));
        for (word, key) in [(WRAPPING_WORD, &self.shared.rotated), (NEXT_WORD, &self.shared.next)] {
            if let Some(WrappingKey { key, .. }) = key {
                text.push_str(&Zeroizing::new(format!("{word} {}\n", *Zeroizing::new(hex(key)))));
            }
        }
        let failed = |source| file_error(path, "written", source);
        private_files::write(path, text.as_bytes()).map_err(failed)?;
        // Unlike a key that is made, this one may not be lost to a power cut: the old file would open nothing.
        private_files::sync_folder_of(path).map_err(failed)
    }

    /// The wrapping key of new keys, when a rotation made it.
    fn newest(&self) -> Option<&WrappingKey> {
        self.shared.next.as_ref().or(self.shared.rotated.as_ref())
    }

    fn rotated(&self, id: &[u8]) -> Option<&WrappingKey> {
        [&self.shared.next, &self.shared.rotated].into_iter().flatten().find(|key| key.id == *id)
    }

    /// The id of the wrapping key of new keys; `None` before the first rotation.
    pub(super) fn wrapping_id(&self) -> Option<&[u8]> {
        self.newest().map(|newest| newest.id.as_slice())
    }

    /// Whether the wrapping key of this id is there.
    pub(super) fn has_wrapping(&self, id: &[u8]) -> bool {
        self.rotated(id).is_some()
    }

    /// Whether a wrapped key stands under the wrapping key of new keys.
    pub(super) fn is_newest(&self, wrapped: &[u8]) -> bool {
        match self.newest() {
            Some(newest) => wrapped
                .strip_prefix(&[WRAPPING_V2])
                .is_some_and(|rest| rest.starts_with(&newest.id)),
            None => wrapped.first() == Some(&WRAPPING_V1),
        }
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
            .with_centers(mac(&self.shared.purposes, &[CENTERS_PURPOSE]))
    }

    /// The master key of a center that has a server of its own: derived from this one, and good for nothing beyond that
    /// center. Whoever has it can open and sign what was written there, and cannot come back to this key.
    #[must_use]
    pub fn of_center(&self, center: &CenterId) -> Self {
        Self::of_center_root(&mac(&self.shared.purposes, &[CENTERS_PURPOSE]), center)
    }

    /// The same from the secret that stands behind all centers.
    pub(crate) fn of_center_root(secret: &[u8; KEY_BYTES], center: &CenterId) -> Self {
        let mut root = mac(secret, &[center.as_str().as_bytes()]);
        let key = Self::of_parts(&root, None, None);
        root.zeroize();
        key
    }

    /// The first line of the key's file, for whoever hands it over. Not for a log.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<String> {
        Zeroizing::new(hex(&self.shared.root))
    }

    pub(super) fn wrap(&self, key: &DataKey, case_id: CaseId) -> Result<Vec<u8>, VaultError> {
        let newest = self.newest();
        let wrapping = newest.map_or(&self.shared.wrapping, |newest| &newest.key);
        let sealed = seal(wrapping, &key.0, associated(case_id).as_bytes())
            .map_err(|_| VaultError::NoRandomness(getrandom::Error::UNEXPECTED))?;
        Ok(match newest {
            Some(newest) => [&[WRAPPING_V2], newest.id.as_slice(), &sealed].concat(),
            None => [&[WRAPPING_V1], sealed.as_slice()].concat(),
        })
    }

    pub(super) fn unwrap(&self, wrapped: &[u8], case_id: CaseId) -> Result<DataKey, VaultError> {
        let under = match wrapped.split_first() {
            Some((&WRAPPING_V1, sealed)) => Some((&self.shared.wrapping, sealed)),
            Some((&WRAPPING_V2, rest)) => rest
                .split_at_checked(ID_BYTES)
                .and_then(|(id, sealed)| self.rotated(id).map(|found| (&found.key, sealed))),
            _ => None,
        };
        under
            .and_then(|(wrapping, sealed)| {
                open(wrapping, sealed, associated(case_id).as_bytes()).ok()
            })
            .and_then(|bytes| key_of(&bytes))
            .ok_or_else(|| VaultError::WrongMasterKey { case_id, fingerprint: self.fingerprint() })
    }

    /// Takes the key from a file that is there, and from nowhere else.
    pub(super) fn load_file(path: &Path) -> Result<Self, MasterKeyError> {
        match private_files::is_private(path).map_err(|source| file_error(path, "read", source))? {
            true => Self::read_file(path),
            false => Err(MasterKeyError::TooOpen(path.to_owned())),
        }
    }

    fn load_or_create_file(path: &Path) -> Result<Self, MasterKeyError> {
        if !path.try_exists().map_err(|source| file_error(path, "looked up", source))? {
            create_file(path)?;
        }
        Self::load_file(path)
    }

    fn read_file(path: &Path) -> Result<Self, MasterKeyError> {
        let text = fs::read_to_string(path).map_err(|source| file_error(path, "read", source))?;
        let text = Zeroizing::new(text);
        Self::of_hex(&text).ok_or_else(|| MasterKeyError::NotAKey(path.display().to_string()))
    }

    fn of_parts(
        bytes: &[u8; KEY_BYTES],
        rotated: Option<WrappingKey>,
        next: Option<WrappingKey>,
    ) -> Self {
        let mut secret = Secret {
            root: *bytes,
            rotated,
            next,
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

fn bytes_of_hex(digits: &str) -> Option<[u8; KEY_BYTES]> {
    let digits = digits.as_bytes();
    if digits.len() != KEY_BYTES * 2 {
        return None;
    }
    let mut bytes = [0; KEY_BYTES];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high * 16 + low).ok()?;
    }
    Some(bytes)
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

/// Makes the file with a key drawn at random; of two makers one wins.
fn create_file(path: &Path) -> Result<(), MasterKeyError> {
    let mut bytes = Zeroizing::new([0_u8; KEY_BYTES]);
    getrandom::fill(bytes.as_mut_slice()).map_err(MasterKeyError::NoRandomness)?;
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(|source| file_error(folder, "made", source))?;
    }
    let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex(bytes.as_slice()))));
    private_files::make_once(path, text.as_bytes())
        .map_err(|source| file_error(path, "made", source))
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
        private_files::write(&path, b"abc").unwrap();
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
    fn a_rotation_wraps_anew_and_leaves_pseudonyms_and_what_is_sealed_for_a_purpose() {
        let case: CaseId = "01930000-0000-7000-8000-000000000001".parse().unwrap();
        let data = DataKey::random().unwrap();
        let before = key('a');
        let old = before.wrap(&data, case).unwrap();
        let during = before.with_next().unwrap();
        assert!(during.is_rotating() && !during.is_newest(&old));
        assert_eq!(during.unwrap(&old, case).unwrap().0, data.0, "the one before still opens");
        let new = during.wrap(&data, case).unwrap();
        assert!(during.is_newest(&new));
        assert!(before.unwrap(&new, case).is_err(), "the old file does not open it");
        let after = during.with_next_alone();
        assert!(!after.is_rotating() && after.is_newest(&new));
        assert_eq!(after.unwrap(&new, case).unwrap().0, data.0);
        let second = after.with_next().unwrap().with_next_alone();
        assert!(second.unwrap(&new, case).is_err(), "a wrapping key that was let go is gone");
        let draft = before.key_for("drafts").seal(b"text", b"here").unwrap();
        for other in [&during, &after, &second] {
            assert_eq!(other.fingerprint(), before.fingerprint());
            assert_eq!(other.pseudonym("matter", "a"), before.pseudonym("matter", "a"));
            assert!(other.key_for("drafts").open(&draft, b"here").is_ok());
        }
    }

    #[test]
    fn a_wrapped_key_that_is_cut_changed_or_of_another_case_does_not_open() {
        let case: CaseId = "01930000-0000-7000-8000-000000000001".parse().unwrap();
        let other: CaseId = "01930000-0000-7000-8000-000000000002".parse().unwrap();
        for master in [key('a'), key('a').with_next().unwrap()] {
            let wrapped = master.wrap(&DataKey::random().unwrap(), case).unwrap();
            assert!(master.unwrap(&wrapped, case).is_ok());
            assert!(master.unwrap(&wrapped, other).is_err(), "of another case");
            for cut in 0..wrapped.len() {
                assert!(master.unwrap(&wrapped[..cut], case).is_err(), "cut to {cut}");
            }
            for bit in 0..wrapped.len() * 8 {
                let mut changed = wrapped.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                assert!(master.unwrap(&changed, case).is_err(), "bit {bit}");
            }
        }
    }

    #[test]
    fn a_key_file_with_lines_of_a_rotation_is_read_as_it_was_written_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let case: CaseId = "01930000-0000-7000-8000-000000000001".parse().unwrap();
        let rotated = key('a').with_next().unwrap().with_next_alone();
        for written in [key('a'), rotated.clone(), rotated.with_next().unwrap()] {
            written.replace_file(&path).unwrap();
            let read = MasterKey::load_file(&path).unwrap();
            let wrapped = written.wrap(&DataKey::random().unwrap(), case).unwrap();
            assert!(read.is_newest(&wrapped) && read.unwrap(&wrapped, case).is_ok());
            assert_eq!(read.is_rotating(), written.is_rotating());
        }
        let (root, other) = ("a".repeat(64), "b".repeat(64));
        for odd in [
            format!("{root}\nwrapping 12"),
            format!("{root}\n{other}"),
            format!("{root}\nnext {other}\nwrapping {other}"),
            format!("{root}\nwrapping {other}\nwrapping {other}"),
            format!("wrapping {other}"),
        ] {
            assert!(MasterKey::of_hex(&odd).is_none(), "{odd}");
        }
    }

    #[test]
    fn a_key_for_a_purpose_opens_its_own_and_nothing_else() {
        let sealed = key('a').key_for("drafts").seal(b"text", b"here").unwrap();
        assert_eq!(*key('a').key_for("drafts").open(&sealed, b"here").unwrap(), b"text");
        assert!(key('a').key_for("notes").open(&sealed, b"here").is_err());
        assert!(key('b').key_for("drafts").open(&sealed, b"here").is_err());
    }

    #[test]
    fn the_key_of_a_center_is_its_own_and_reads_back_from_its_file() {
        let [one, other] =
            ["donghuashi", "jingshan"].map(|id| key('a').of_center(&id.parse().unwrap()));
        assert_ne!(one.fingerprint(), other.fingerprint());
        assert_ne!(one.fingerprint(), key('a').fingerprint());
        assert_ne!(
            one.fingerprint(),
            key('b').of_center(&"donghuashi".parse().unwrap()).fingerprint()
        );
        let read = MasterKey::of_hex(&one.secret()).unwrap();
        assert_eq!(read.event_key().id(), one.event_key().id());
        let derived = key('a').event_key().of_center(&"donghuashi".parse().unwrap()).unwrap();
        assert_eq!(derived.sign("seal", "x"), read.event_key().sign("seal", "x"));
    }

    #[test]
    fn the_master_key_prints_only_its_fingerprint() {
        let key = key('a');
        assert_eq!(format!("{key:?}"), format!("MasterKey({})", key.fingerprint()));
        assert!(MasterKey::of_hex("xyz").is_none());
    }
}
