//! Files and folders that only their owner may read.
//!
//! Invariant: whoever reads such a file sees the old one or the new one, whole.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use crate::http::body::hex;

/// Whether nobody but its owner may do anything with a file.
///
/// # Errors
/// What the system says.
pub fn is_private(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

/// Writes a file, in place of the one that stands there.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let _ = fs::remove_file(&beside);
    write_new(&beside, bytes)?;
    fs::rename(&beside, path)
}

/// Makes a file that is not there yet, whole under another name before it has its own: of two makers one wins, and the
/// other's is dropped.
///
/// # Errors
/// What the system says.
pub fn make_once(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut suffix = [0_u8; 8];
    getrandom::fill(&mut suffix).map_err(|error| io::Error::other(error.to_string()))?;
    let draft = path.with_extension(format!("draft-{}", hex(&suffix)));
    let linked = write_new(&draft, bytes).and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome,
    });
    linked.and(fs::remove_file(&draft))?;
    // Not every file system can; the file itself is on the disk.
    let _ = sync_folder_of(path);
    Ok(())
}

/// Has the disk know the names of the files beside a path.
///
/// # Errors
/// What the system says.
pub fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes a folder and those above it that are missing.
///
/// # Errors
/// What the system says.
pub fn make_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
