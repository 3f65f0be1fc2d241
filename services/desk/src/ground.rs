//! What a desk stands on: logs, buckets and the audit, on the bus or in memory.
//!
//! Invariant: a desk does the same on either; only the delivery of events to reactions needs the bus.

use std::sync::Arc;

use async_nats::jetstream::Context;
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM};
use runtime::audit::{AuditStore, MemoryAudit};
use runtime::clock::SharedClock;
use runtime::kv::Bucket;
use runtime::log::EventLog;
use runtime::log::jetstream::JetStreamLog;
use runtime::log::memory::MemoryLog;
use runtime::streams::{
    CASE_KEYS_BUCKET, DRAFTS_BUCKET, FIRST_RUN_BUCKET, OPEN_MATTERS_BUCKET, SESSIONS_BUCKET,
    STAFF_BUCKET,
};

use crate::DeskError;

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
    /// Opens everything on a bus whose streams and buckets are there already.
    ///
    /// # Errors
    /// See [`DeskError`]: mostly that the bus is out of reach.
    pub async fn on_bus(js: &Context) -> Result<Self, DeskError> {
        let log = |stream: &'static str| async move {
            let log = JetStreamLog::open(js.clone(), stream).await.map_err(DeskError::Log)?;
            Ok::<Arc<dyn EventLog>, DeskError>(Arc::new(log))
        };
        Ok(Self {
            cases: log(CASES_STREAM).await?,
            centers: log(CENTERS_STREAM).await?,
            learning: log(LEARNING_STREAM).await?,
            staff: Bucket::open(js, STAFF_BUCKET).await?,
            sessions: Bucket::open(js, SESSIONS_BUCKET).await?,
            case_keys: Bucket::open(js, CASE_KEYS_BUCKET).await?,
            open_matters: Bucket::open(js, OPEN_MATTERS_BUCKET).await?,
            drafts: Bucket::open(js, DRAFTS_BUCKET).await?,
            first_run: Bucket::open(js, FIRST_RUN_BUCKET).await?,
            audit: Arc::new(js.clone()),
            js: Some(js.clone()),
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
