//! What a desk stands on: logs, buckets and the audit, on the bus or in memory.
//!
//! Invariants: a desk does the same on either; only the delivery of events to reactions needs the bus. On the bus each
//! thing is reached over the line of the user that has a right to it ([`Lines`]).

use std::sync::Arc;

use async_nats::jetstream::Context;
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM};
use runtime::audit::{AuditStore, MemoryAudit, SignedAudit};
use runtime::clock::SharedClock;
use runtime::kv::Bucket;
use runtime::log::EventLog;
use runtime::log::chain::EventKey;
use runtime::log::jetstream::JetStreamLog;
use runtime::log::memory::MemoryLog;
use runtime::streams::{
    CASE_KEYS_BUCKET, DRAFTS_BUCKET, FIRST_RUN_BUCKET, OPEN_MATTERS_BUCKET, SESSIONS_BUCKET,
    STAFF_BUCKET,
};

use crate::DeskError;

/// The lines of one service to the bus, each as the user that may do what goes over it.
#[derive(Debug, Clone)]
pub struct Lines {
    /// The service's own: logs, reactions, what it keeps for itself, its lines in the audit.
    pub service: Context,
    /// Accounts, sessions, drafts.
    pub identity: Context,
    /// The keys of cases; none for a service that has no right to them.
    pub keys: Option<Context>,
}

impl Lines {
    /// One line for everything: a bus on which all come as one user.
    #[must_use]
    pub fn of_one(js: Context) -> Self {
        Self { service: js.clone(), identity: js.clone(), keys: Some(js) }
    }
}

/// What a desk stands on. Clones are the same ground: desks of several processes of one district.
#[derive(Clone)]
pub struct Ground {
    /// The log of all cases.
    pub cases: Arc<dyn EventLog>,
    /// The log of what centers count beside their cases.
    pub centers: Arc<dyn EventLog>,
    /// The log of what the district learns.
    pub learning: Arc<dyn EventLog>,
    /// Accounts.
    pub staff: Bucket,
    /// Sessions.
    pub sessions: Bucket,
    /// The cases' keys, wrapped.
    pub case_keys: Bucket,
    /// One open case per applicant and matter.
    pub open_matters: Bucket,
    /// Half-filled forms, sealed.
    pub drafts: Bucket,
    /// The one-time link for the first account.
    pub first_run: Bucket,
    /// Audit lines.
    pub audit: Arc<dyn AuditStore>,
    /// The bus itself, for reactions; none in memory.
    pub js: Option<Context>,
}

impl Ground {
    /// Opens everything on a bus whose streams and buckets are there already; what is appended is signed.
    ///
    /// # Errors
    /// See [`DeskError`]: mostly that the bus is out of reach.
    pub async fn on_bus(lines: &Lines, key: &EventKey) -> Result<Self, DeskError> {
        let Lines { service, identity, keys } = lines;
        let log = |stream: &'static str| async move {
            let log = JetStreamLog::open(service.clone(), stream).await.map_err(DeskError::Log)?;
            Ok::<Arc<dyn EventLog>, DeskError>(Arc::new(log.signing(key.clone())))
        };
        Ok(Self {
            cases: log(CASES_STREAM).await?,
            centers: log(CENTERS_STREAM).await?,
            learning: log(LEARNING_STREAM).await?,
            staff: Bucket::open(identity, STAFF_BUCKET).await?,
            sessions: Bucket::open(identity, SESSIONS_BUCKET).await?,
            case_keys: match keys {
                Some(keys) => Bucket::open(keys, CASE_KEYS_BUCKET).await?,
                None => Bucket::withheld(CASE_KEYS_BUCKET),
            },
            open_matters: Bucket::open(service, OPEN_MATTERS_BUCKET).await?,
            drafts: Bucket::open(identity, DRAFTS_BUCKET).await?,
            first_run: Bucket::open(identity, FIRST_RUN_BUCKET).await?,
            audit: Arc::new(SignedAudit::new(service.clone(), key.clone())),
            js: Some(service.clone()),
        })
    }

    /// Makes empty ground in memory; `clock` dates what is appended.
    #[must_use]
    pub fn in_memory(clock: SharedClock) -> Self {
        Self {
            cases: Arc::new(MemoryLog::new(clock.clone())),
            centers: Arc::new(MemoryLog::new(clock.clone())),
            learning: Arc::new(MemoryLog::new(clock)),
            staff: Bucket::in_memory(STAFF_BUCKET),
            sessions: Bucket::in_memory(SESSIONS_BUCKET),
            case_keys: Bucket::in_memory(CASE_KEYS_BUCKET),
            open_matters: Bucket::in_memory(OPEN_MATTERS_BUCKET),
            drafts: Bucket::in_memory(DRAFTS_BUCKET),
            first_run: Bucket::in_memory(FIRST_RUN_BUCKET),
            audit: Arc::new(MemoryAudit::default()),
            js: None,
        }
    }
}

impl std::fmt::Debug for Ground {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ground").field("on_bus", &self.js.is_some()).finish_non_exhaustive()
    }
}
