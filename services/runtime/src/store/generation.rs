//! Generations: one folder each, and a file that says which one counts.
//!
//! Invariants: `current` is replaced by a rename, so it names one generation at any moment; a folder that it does
//! not name is an unfinished or an outlived build and is removed at the next start, except what was set
//! aside; a generation without its mark of a clean end is read whole before it is trusted.

use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use super::{
    CACHE_BYTES, CHECKPOINT_KEY, DIGEST_KEY, Digest, RESERVED, SCHEMA_KEY, SetAside, StoreError,
    decode, from_sled,
};

/// How often and how long sled is asked for its folder again.
const OPEN_AGAIN_AFTER: Duration = Duration::from_millis(20);
const OPEN_TRIES_MAX: u32 = 100;

/// Longest time for opening: sled took a minute for 11 GB; ours stay far below.
const OPENING_MAX: Duration = Duration::from_secs(120);

const CURRENT: &str = "current";
const CLEAN: &str = "clean";

/// Why a generation cannot be used, in words.
pub(super) type Unusable = String;

/// The folder of a generation.
pub(super) fn folder(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("gen-{number:06}"))
}

/// The generation that counts: the one that `current` names, else the newest. Without the file no generation was ever
/// finished, so a new one counts: what lies there is from a start that was killed while it made the first.
pub(super) fn current(dir: &Path) -> Result<u32, StoreError> {
    let named = std::fs::read_to_string(dir.join(CURRENT));
    match named.as_deref().map(|text| text.trim().parse()) {
        Ok(Ok(number)) => Ok(number),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(newest(dir)? + 1),
        Ok(Err(_)) | Err(_) => Ok(newest(dir)?.max(1)),
    }
}

/// The highest number in use, also by what was set aside; 0 when there is none.
pub(super) fn newest(dir: &Path) -> Result<u32, StoreError> {
    let entries = std::fs::read_dir(dir).map_err(io_error("looking for generations"))?;
    let numbers = entries.filter_map(|entry| number_of(entry.ok()?.file_name().to_str()?));
    Ok(numbers.max().unwrap_or(0))
}

fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("gen-")?.split('.').next()?.parse().ok()
}

/// Removes what an earlier run left unfinished; only space is lost when that fails.
pub(super) fn remove_others(dir: &Path, current: u32) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_generation = !name.contains('.');
        if is_generation && number_of(name).is_some_and(|number| number != current) {
            tracing::info!(folder = name, "an unfinished or outlived generation is removed");
            if let Err(error) = std::fs::remove_dir_all(entry.path()) {
                tracing::warn!(folder = name, %error, "the generation could not be removed");
            }
        }
    }
}

/// Says from now on which generation counts.
pub(super) fn set_current(dir: &Path, number: u32) -> Result<(), StoreError> {
    let write = || {
        let beside = dir.join("current.new");
        let mut file = std::fs::File::create(&beside)?;
        io::Write::write_all(&mut file, number.to_string().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, dir.join(CURRENT))
    };
    write().map_err(io_error("naming the current generation"))
}

/// Opens a generation, or says why it cannot be used; `Err` when it is the disk's fault and not the view's.
pub(super) fn open(
    dir: &Path,
    number: u32,
    schema_version: u32,
) -> Result<Result<(sled::Db, Digest), Unusable>, StoreError> {
    let folder = folder(dir, number);
    let is_new = !folder.exists();
    let was_clean = is_new || was_clean(&folder);
    if !is_new {
        // From here on it may be written to.
        match std::fs::remove_file(folder.join(CLEAN)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("opening a generation")(error));
            }
            _ => {}
        }
    }
    let opened = guarded(move || open_db(&folder, is_new, was_clean, schema_version));
    match opened {
        Err(unusable) => Ok(Err(unusable)),
        Ok(Err(Trouble::View(unusable))) => Ok(Err(unusable)),
        Ok(Err(Trouble::Disk(error))) => Err(error),
        Ok(Ok(opened)) => {
            if is_new {
                set_current(dir, number)?;
            }
            Ok(Ok(opened))
        }
    }
}

/// Makes an empty generation.
pub(super) fn create(dir: &Path, number: u32, schema_version: u32) -> Result<sled::Db, StoreError> {
    let folder = folder(dir, number);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(io_error("removing an unfinished generation"))?;
    }
    match guarded(move || open_db(&folder, true, true, schema_version)) {
        Ok(Ok((db, _empty))) => Ok(db),
        Ok(Err(Trouble::Disk(error))) => Err(error),
        Ok(Err(Trouble::View(reason))) | Err(reason) => Err(StoreError::Damaged(reason.into())),
    }
}

/// Moves a generation aside, under a name that nobody else has.
pub(super) fn set_aside(dir: &Path, number: u32, reason: Unusable) -> Result<SetAside, StoreError> {
    let from = folder(dir, number);
    let names = (1..).map(|count: u32| from.with_extension(format!("set-aside-{count}")));
    let mut free = names.filter(|path| !path.exists());
    let to = free.next().expect("a folder has fewer than four billion entries");
    std::fs::rename(&from, &to).map_err(io_error("setting a generation aside"))?;
    Ok(SetAside { folder: to, reason })
}

/// Notes that everything is written, so that the next start need not read it all.
pub(super) fn mark_clean(dir: &Path, number: u32) -> Result<(), StoreError> {
    let folder = folder(dir, number);
    let write = || {
        let sizes = sizes(&folder)?;
        let mut file = std::fs::File::create(folder.join(CLEAN))?;
        io::Write::write_all(&mut file, sizes.as_bytes())?;
        file.sync_all()
    };
    write().map_err(io_error("marking the clean end"))
}

/// Whether the files are those of a clean end: the mark holds their sizes, so that a cut file is noticed.
fn was_clean(folder: &Path) -> bool {
    let marked = std::fs::read_to_string(folder.join(CLEAN)).ok();
    marked.is_some() && marked == sizes(folder).ok()
}

/// Name and size of each file of a generation, a line each, in order of names.
fn sizes(folder: &Path) -> io::Result<String> {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let entry = entry?;
            let metadata = entry.metadata()?;
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != CLEAN {
                lines.push(format!("{} {}\n", entry.path().display(), metadata.len()));
            }
        }
    }
    lines.sort();
    Ok(lines.concat())
}

enum Trouble {
    View(Unusable),
    Disk(StoreError),
}

fn open_db(
    folder: &Path,
    is_new: bool,
    was_clean: bool,
    schema_version: u32,
) -> Result<(sled::Db, Digest), Trouble> {
    let config = sled::Config::new()
        .path(folder)
        .cache_capacity(CACHE_BYTES)
        .mode(sled::Mode::LowSpace)
        .flush_every_ms(Some(500))
        .use_compression(false);
    let db = open_patiently(&config).map_err(trouble)?;
    if is_new {
        db.insert(SCHEMA_KEY, &schema_version.to_be_bytes()).map_err(trouble)?;
        db.flush().map_err(trouble)?;
        return Ok((db, Digest::default()));
    }
    match db.get(SCHEMA_KEY).map_err(trouble)? {
        Some(found) if *found == schema_version.to_be_bytes() => {}
        Some(found) => {
            let found = <[u8; 4]>::try_from(&*found).map(u32::from_be_bytes);
            return Err(Trouble::View(format!(
                "it has schema version {}, this program has {schema_version}",
                found.map_or("unreadable".to_owned(), |version| version.to_string())
            )));
        }
        None => return Err(Trouble::View("it has no schema version".to_owned())),
    }
    let position = db.get(CHECKPOINT_KEY).map_err(trouble)?;
    if position.as_ref().is_some_and(|bytes| decode(bytes).is_none()) {
        return Err(Trouble::View("its checkpoint is unreadable".to_owned()));
    }
    let mut digest = match db.get(DIGEST_KEY).map_err(trouble)? {
        Some(bytes) => Digest::decode(&bytes)
            .ok_or_else(|| Trouble::View("its digest is unreadable".to_owned()))?,
        None => Digest::default(),
    };
    if let Some(position) = &position {
        digest.take(CHECKPOINT_KEY, position);
    }
    if !was_clean {
        let mut found = Digest::default();
        for row in db.range([RESERVED + 1]..) {
            let (key, value) = row.map_err(trouble)?;
            // As in `scan.rs`: a lookup counts as a use, and pages are let go of on the way.
            db.contains_key(&key).map_err(trouble)?;
            found.add(&key, &value);
        }
        if found != digest {
            return Err(Trouble::View(format!("rows are missing: {found:?}, not {digest:?}")));
        }
    }
    Ok((db, digest))
}

/// Opens sled's folder, if need be again and again for two seconds: it lets go of its own lock a moment after its last
/// handle is gone. Nobody else can have it, because the folder above is locked by us.
fn open_patiently(config: &sled::Config) -> sled::Result<sled::Db> {
    let mut tries = 1;
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if tries < OPEN_TRIES_MAX && error.to_string().contains("acquire lock") =>
            {
                std::thread::sleep(OPEN_AGAIN_AFTER);
                tries += 1;
            }
            outcome => return outcome,
        }
    }
}

/// Tells a damaged view from a disk that does not do: only the first is cured by starting over.
fn trouble(error: sled::Error) -> Trouble {
    match error {
        sled::Error::Io(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::NotFound
            ) =>
        {
            Trouble::Disk(from_sled(sled::Error::Io(error)))
        }
        other => Trouble::View(other.to_string()),
    }
}

/// Runs what may panic or hang on a thread of its own: sled does either on some damaged files. A thread that
/// hangs is left behind.
fn guarded<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unusable> {
    let (sender, receiver) = mpsc::channel();
    let thread = std::thread::Builder::new().name("view-store-open".to_owned());
    let spawned = thread.spawn(move || {
        let result = catch_unwind(AssertUnwindSafe(work)).map_err(|panic| panic_text(&*panic));
        // Nobody waits any more after the time limit.
        let _ = sender.send(result);
    });
    if let Err(error) = spawned {
        return Err(format!("no thread to open it: {error}"));
    }
    match receiver.recv_timeout(OPENING_MAX) {
        Ok(result) => result.map_err(|panic| format!("opening it panicked: {panic}")),
        Err(_) => Err(format!("it did not open within {OPENING_MAX:?}")),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "without a word".to_owned())
}

fn io_error(attempted: &'static str) -> impl Fn(io::Error) -> StoreError {
    move |source| StoreError::Io { attempted, source }
}
