//! The view store: one sled folder per generation, disposable, rebuilt from the log at any time.
//!
//! Invariants: a batch and its checkpoint are one atomic write; what cannot be opened, or has another schema, is
//! set aside and never repaired; a stream that is not the one of the checkpoint is an incident for a person;
//! only one process has a store open. All calls block: use a blocking thread for anything but a `get`.

mod digest;
mod generation;
mod scan;

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::log::Head;
use crate::nats_server::{DataLock, LockError};

use digest::Digest;
pub use scan::Scan;

/// A key or value of a view; dereferences to its bytes, cheap to clone.
pub type Row = sled::IVec;

/// Keys that begin with this byte are the store's own.
const RESERVED: u8 = 0;
const CHECKPOINT_KEY: &[u8] = b"\0checkpoint";
const SCHEMA_KEY: &[u8] = b"\0schema";
const DIGEST_KEY: &[u8] = b"\0digest";
const ASIDE_PREFIX: &[u8] = b"\0aside/";

/// Largest value in bytes: beyond about 128 KiB sled keeps a value in a file of its own and leaks it when it is
/// replaced. The norm is at most 4 KiB.
pub const VALUE_BYTES_MAX: usize = 64 * 1024;

/// Memory for pages; sled takes several times as much, and the projection may take 512 MiB.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;

/// Which event of which stream a view has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The sequence of the last event in the view; 0 before the first.
    pub sequence: u64,
    /// When the stream was made; another instant is another stream.
    pub stream_created_at: DateTime<Utc>,
}

/// Writes that happen together; of several to one key the last counts.
#[derive(Debug, Default)]
pub struct Batch {
    /// `None` removes. Sorted, so that neighbours in the tree are written one after the other.
    writes: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    fault: Option<&'static str>,
}

impl Batch {
    /// Sets a key.
    pub fn insert(&mut self, key: &[u8], value: &[u8]) {
        self.check(key, value.len());
        self.writes.insert(key.to_vec(), Some(value.to_vec()));
    }

    /// Removes a key; no error when it is not there.
    pub fn remove(&mut self, key: &[u8]) {
        self.check(key, 0);
        self.writes.insert(key.to_vec(), None);
    }

    /// How many keys it writes or removes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether it writes nothing but the checkpoint.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    fn check(&mut self, key: &[u8], value_bytes: usize) {
        match key.first() {
            None => self.fault = Some("an empty key"),
            Some(&RESERVED) => self.fault = Some("a key of the store's own"),
            Some(_) if value_bytes > VALUE_BYTES_MAX => self.fault = Some("a value too large"),
            Some(_) => {}
        }
    }
}

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("the view store cannot be locked")]
    Locked(#[source] LockError),
    /// A file or folder could not be handled.
    #[error("{attempted} failed")]
    Io {
        /// What was attempted.
        attempted: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store is damaged: open it again, then it is set aside and rebuilt.
    #[error("the view store is damaged")]
    Damaged(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The caller wants to write what a view may not hold. A bug.
    #[error("the batch holds {0}")]
    Unfit(&'static str),
}

/// The log is not the one that this view was made from, or lost its end. The view still says what was true; a
/// person decides whether to restore the log or to drop the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreIncident {
    /// The stream was made anew since.
    #[error("the view was made from a stream of {}, the log has one of {}", view.stream_created_at, log.created_at)]
    OtherStream {
        /// The view's checkpoint.
        view: Checkpoint,
        /// The log's head.
        log: Head,
    },
    /// The log ends before the checkpoint: acknowledged events are missing.
    #[error("the view has come to event {}, but the log ends at {}", view.sequence, log.last_sequence)]
    BeyondTheEnd {
        /// The view's checkpoint.
        view: Checkpoint,
        /// The log's head.
        log: Head,
    },
}

/// A generation that was set aside; a person may look at it or delete it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub folder: PathBuf,
    /// Why.
    pub reason: String,
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store; empty when one was set aside, or at the first start.
    pub store: ViewStore,
    /// What was set aside, when the view starts from nothing because of it. Worth a warning.
    pub was_rebuilt: Option<SetAside>,
    /// Says that the log does not fit the view. Never go on in silence: refuse, or [`ViewStore::start_over`].
    pub incident: Option<StoreIncident>,
    /// Where to follow the stream from.
    pub checkpoint: Checkpoint,
}

/// An open view: one generation of it. Cheap to clone; closed when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct ViewStore {
    db: sled::Db,
    root: Arc<Root>,
    generation: u32,
    schema_version: u32,
    /// The stream that an empty view will be made from.
    stream_created_at: DateTime<Utc>,
    /// The digest of the rows; whoever writes holds it.
    digest: Arc<Mutex<Digest>>,
}

/// The folder of all generations, locked.
#[derive(Debug)]
struct Root {
    dir: PathBuf,
    _lock: DataLock,
}

impl ViewStore {
    /// Opens the current generation of the view in `dir`, or an empty one when there is none that can be used.
    ///
    /// `head` is the log's, to tell whether the view was made from it.
    ///
    /// # Errors
    /// [`StoreError::Locked`] when another process has it, [`StoreError::Io`] when the disk does not do.
    pub fn open(dir: &Path, schema_version: u32, head: Head) -> Result<Opened, StoreError> {
        let root = Arc::new(Root {
            dir: dir.to_owned(),
            _lock: DataLock::acquire(dir).map_err(StoreError::Locked)?,
        });
        let current = generation::current(dir)?;
        generation::remove_others(dir, current);
        let mut was_rebuilt = None;
        let ((db, digest), number) = match generation::open(dir, current, schema_version)? {
            Ok(opened) => (opened, current),
            Err(reason) => {
                was_rebuilt = Some(generation::set_aside(dir, current, reason)?);
                let next = current + 1;
                let db = generation::create(dir, next, schema_version)?;
                generation::set_current(dir, next)?;
                ((db, Digest::default()), next)
            }
        };
        let store = Self {
            db,
            root,
            generation: number,
            schema_version,
            stream_created_at: head.created_at,
            digest: Arc::new(Mutex::new(digest)),
        };
        let checkpoint = store.checkpoint()?;
        let incident = incident(checkpoint, head);
        Ok(Opened { store, was_rebuilt, incident, checkpoint })
    }

    /// The value of a key. Short enough for an async thread when the row is in memory.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.db.get(key).map_err(from_sled)
    }

    /// All rows whose key begins with `prefix`, in the order of keys, from either end. Not a snapshot: rows that a
    /// batch changes meanwhile may be seen before or after it.
    #[must_use]
    pub fn scan_prefix(&self, prefix: &[u8]) -> Scan {
        Scan::new(&self.db, self.db.scan_prefix(prefix))
    }

    /// All rows with keys between two bounds, like [`ViewStore::scan_prefix`].
    #[must_use]
    pub fn range(&self, from: Bound<&[u8]>, to: Bound<&[u8]>) -> Scan {
        // The store's own keys come first; no view sees them.
        let from = match from {
            Bound::Unbounded => Bound::Included([RESERVED + 1].to_vec()),
            Bound::Included(key) => Bound::Included(key.max(&[RESERVED + 1]).to_vec()),
            Bound::Excluded(key) => Bound::Excluded(key.max(&[RESERVED + 1]).to_vec()),
        };
        let range = self.db.range::<Vec<u8>, _>((from, to.map(<[u8]>::to_vec)));
        Scan::new(&self.db, range)
    }

    /// Writes a batch and its checkpoint in one step: after a crash both are there or neither. Blocks, also those
    /// who read meanwhile: keep batches at some hundred rows.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] before anything is written; [`StoreError::Damaged`] or [`StoreError::Io`].
    pub fn apply(&self, batch: Batch, checkpoint: Checkpoint) -> Result<(), StoreError> {
        if let Some(fault) = batch.fault {
            return Err(StoreError::Unfit(fault));
        }
        // Held to the end: one writer at a time. Replaced only when the batch is written.
        let mut held = self.digest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut digest = *held;
        let mut writes = sled::Batch::default();
        for (key, value) in batch.writes {
            if let Some(old) = self.db.get(&key).map_err(from_sled)? {
                digest.take(&key, &old);
            }
            match value {
                Some(value) => {
                    digest.add(&key, &value);
                    writes.insert(key, value);
                }
                None => writes.remove(key),
            }
        }
        let position = encode(checkpoint);
        writes.insert(CHECKPOINT_KEY, position.as_slice());
        // Sealed with the checkpoint: rows of one moment and a checkpoint of another do not fit.
        let mut sealed = digest;
        sealed.add(CHECKPOINT_KEY, &position);
        writes.insert(DIGEST_KEY, &sealed.encode());
        self.db.apply_batch(writes).map_err(from_sled)?;
        *held = digest;
        Ok(())
    }

    /// What was [put aside](Self::put_aside) under a key.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be read.
    pub fn aside(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.get(&[ASIDE_PREFIX, key].concat())
    }

    /// Keeps beside the rows what can be made of them again at any time. It is no part of the view and not verified with
    /// it, may be lost when the process dies, and goes with the generation. Anybody may, also who reads.
    ///
    /// # Errors
    /// [`StoreError::Unfit`] when it is too large; [`StoreError::Damaged`] or [`StoreError::Io`].
    pub fn put_aside(&self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if value.len() > VALUE_BYTES_MAX {
            return Err(StoreError::Unfit("a value too large"));
        }
        self.db.insert([ASIDE_PREFIX, key].concat(), value).map_err(from_sled)?;
        Ok(())
    }

    /// Where the view has come to; sequence 0 of the present stream when it is empty.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it cannot be read.
    pub fn checkpoint(&self) -> Result<Checkpoint, StoreError> {
        match self.get(CHECKPOINT_KEY)? {
            Some(bytes) => decode(&bytes)
                .ok_or_else(|| StoreError::Damaged("the checkpoint is unreadable".into())),
            None => Ok(Checkpoint { sequence: 0, stream_created_at: self.stream_created_at }),
        }
    }

    /// Bytes on the disk. When they are several times what the rows weigh, a new generation gives them back.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the files cannot be looked at.
    pub fn size_on_disk(&self) -> Result<u64, StoreError> {
        self.db.size_on_disk().map_err(from_sled)
    }

    /// The number of this generation; it grows with each rebuild.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// Makes an empty generation beside this one, to be filled while this one serves; then
    /// [`ViewStore::promote`] it, or [`ViewStore::discard`] it. What is not promoted is removed at the next start.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk does not do.
    pub fn begin_next(&self) -> Result<Self, StoreError> {
        let next = generation::newest(&self.root.dir)?.max(self.generation) + 1;
        let db = generation::create(&self.root.dir, next, self.schema_version)?;
        let digest = Arc::default();
        Ok(Self { db, generation: next, digest, ..self.clone() })
    }

    /// Makes this generation the one that the next start opens. The caller lets readers use it from now on, and
    /// discards the earlier one when the last of them has left it.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk does not do; the earlier one stays current then.
    pub fn promote(&self) -> Result<(), StoreError> {
        self.db.flush().map_err(from_sled)?;
        generation::set_current(&self.root.dir, self.generation)
    }

    /// Gives up this generation's content and starts an empty one: the answer to an incident that a person has
    /// decided, and to `rebuild`.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk does not do.
    pub fn start_over(self, head: Head) -> Result<Self, StoreError> {
        let mut next = self.begin_next()?;
        next.stream_created_at = head.created_at;
        next.promote()?;
        self.discard()?;
        Ok(next)
    }

    /// Removes this generation's files. Other clones of it read on until they are dropped, but must not write.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the files stay.
    pub fn discard(self) -> Result<(), StoreError> {
        let folder = generation::folder(&self.root.dir, self.generation);
        // Everything is written first, so that no thread of sled looks for its files afterwards.
        self.db.flush().map_err(from_sled)?;
        drop(self);
        std::fs::remove_dir_all(folder)
            .map_err(|source| StoreError::Io { attempted: "removing a generation", source })
    }

    /// Writes everything out and, when this is the last clone, notes that the end was clean, so that the next start
    /// need not read it all.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the disk does not do; the view is then checked at the next start.
    pub fn close(self) -> Result<(), StoreError> {
        let Self { db, root, generation, digest, .. } = self;
        db.flush().map_err(from_sled)?;
        drop(db);
        // Another clone may still write.
        match Arc::into_inner(digest) {
            Some(_) => generation::mark_clean(&root.dir, generation),
            None => Ok(()),
        }
    }
}

fn incident(view: Checkpoint, log: Head) -> Option<StoreIncident> {
    if view.stream_created_at != log.created_at {
        Some(StoreIncident::OtherStream { view, log })
    } else if view.sequence > log.last_sequence {
        Some(StoreIncident::BeyondTheEnd { view, log })
    } else {
        None
    }
}

fn encode(checkpoint: Checkpoint) -> Vec<u8> {
    // Fixed width; seconds and nanoseconds apart, because the nanoseconds since 1970 end in 2262.
    let at = checkpoint.stream_created_at;
    let mut bytes = checkpoint.sequence.to_be_bytes().to_vec();
    bytes.extend(at.timestamp().to_be_bytes());
    bytes.extend(at.timestamp_subsec_nanos().to_be_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Checkpoint> {
    let (sequence, rest) = bytes.split_first_chunk::<8>()?;
    let (seconds, rest) = rest.split_first_chunk::<8>()?;
    let nanos = u32::from_be_bytes(rest.try_into().ok()?);
    Some(Checkpoint {
        sequence: u64::from_be_bytes(*sequence),
        stream_created_at: DateTime::from_timestamp(i64::from_be_bytes(*seconds), nanos)?,
    })
}

fn from_sled(error: sled::Error) -> StoreError {
    match error {
        sled::Error::Io(source) => StoreError::Io { attempted: "using the view store", source },
        other => StoreError::Damaged(Box::new(other)),
    }
}

#[cfg(test)]
mod tests;
