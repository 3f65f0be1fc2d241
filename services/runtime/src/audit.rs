//! Audit lines: who did or read what, on the bus, in the stream `AUDIT`.
//!
//! Invariants: a line has no body of a request and no personal data; a line that could not be written is
//! logged and counted; whoever reads personal data gets it only after its line stands
//! ([`Audit::record_or_fail`]).

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::{BoxFuture, FutureExt as _};
use proto_events::codes::Role;
use proto_events::envelope::header;
use proto_events::ids::{CaseId, CenterId, DistrictId};
use proto_events::subject;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::SharedClock;
use crate::http::request_id;
use crate::log::chain::{self, EventKey, Link};
use crate::log::jetstream::JetStreamLog;
use crate::log::{EventLog as _, LogError, random_id};
use crate::metrics::Metrics;

/// How long the bus may take to store a line.
const STORE_TIME_MAX: Duration = Duration::from_secs(3);

/// How long the bus may take to read lines back.
const READ_TIME_MAX: Duration = Duration::from_secs(5);

/// One line of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditLine {
    /// When; [`Audit`] sets it.
    pub at: DateTime<Utc>,
    /// The username of the person, or the name of the part that acted.
    pub actor: String,
    /// The role in which the person acted; absent before sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// What happened, as a code: `signed_in`, `revealed`, `refused`, …
    pub what: Cow<'static, str>,
    /// The case that it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub case_id: Option<CaseId>,
    /// More, in a few words; never personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Finds the request in the log; [`Audit`] sets it when it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The center whose audit it belongs to; the district's when absent. Part of the subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub center: Option<CenterId>,
}

impl AuditLine {
    /// Starts a line.
    #[must_use]
    pub fn new(actor: impl Into<String>, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            at: DateTime::UNIX_EPOCH,
            actor: actor.into(),
            role: None,
            what: what.into(),
            case_id: None,
            detail: None,
            request_id: None,
            center: None,
        }
    }

    /// Sets the role.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = Some(role);
        self
    }

    /// Sets the case.
    #[must_use]
    pub fn case(mut self, case_id: CaseId) -> Self {
        self.case_id = Some(case_id);
        self
    }

    /// Sets the center whose audit it belongs to.
    #[must_use]
    pub fn center(mut self, center: Option<CenterId>) -> Self {
        self.center = center;
        self
    }

    /// Sets the detail; never personal data.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

/// A line could not be written, or lines not be read.
#[derive(Debug, thiserror::Error)]
#[error("the audit could not be written or read")]
pub struct AuditError {
    /// What the bus said.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where audit lines are kept.
pub trait AuditStore: Send + Sync + 'static {
    /// Stores a line under a subject, and returns when it stands.
    ///
    /// # Errors
    /// When nobody said that it stands.
    fn store(&self, subject: String, line: Bytes) -> BoxFuture<'_, Result<(), AuditError>>;

    /// Reads up to `count` lines before a place, or the newest when none is named; the newest first. Fewer come only at
    /// the beginning of the audit.
    ///
    /// # Errors
    /// When they cannot be read; a place that only takes lines says so.
    fn lines_before(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredLine>, AuditError>> {
        let _ = (before, count);
        async { Err(AuditError { source: "this audit takes lines and gives none back".into() }) }
            .boxed()
    }
}

/// A line as it stands, not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLine {
    /// Its place; later lines have higher ones.
    pub sequence: u64,
    /// Its JSON.
    pub body: Bytes,
}

/// The bus keeps them in the stream `AUDIT`; of a tool that has no key they are not signed.
impl AuditStore for Context {
    fn store(&self, subject: String, line: Bytes) -> BoxFuture<'_, Result<(), AuditError>> {
        async move { stored_in_time(async { self.publish(subject, line).await?.await }).await }
            .boxed()
    }

    fn lines_before(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredLine>, AuditError>> {
        let failed = |error| AuditError { source: error };
        async move {
            let reading = read_before(self.clone(), before, count);
            match tokio::time::timeout(READ_TIME_MAX, reading).await {
                Ok(lines) => lines.map_err(|error| failed(Box::new(error))),
                Err(elapsed) => Err(failed(Box::new(elapsed))),
            }
        }
        .boxed()
    }
}

/// Waits until the bus has a line, but not for ever.
async fn stored_in_time(
    publish: impl Future<Output = Result<PublishAck, PublishError>>,
) -> Result<(), AuditError> {
    match tokio::time::timeout(STORE_TIME_MAX, publish).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(AuditError { source: Box::new(error) }),
        Err(elapsed) => Err(AuditError { source: Box::new(elapsed) }),
    }
}

/// The stream `AUDIT` of a process that has the site's key: each line has an id and a MAC, as an event has, so that a line
/// that was changed, made up or repeated is found ([`crate::log::verify`]).
#[derive(Debug, Clone)]
pub struct SignedAudit {
    bus: Context,
    key: EventKey,
}

impl SignedAudit {
    /// Signs what is stored on a bus.
    #[must_use]
    pub fn new(bus: Context, key: EventKey) -> Self {
        Self { bus, key }
    }

    /// Stores a line of the district right behind `end`, the last of the stream; of several who try, one does.
    ///
    /// # Errors
    /// When another line stands there already, or the bus did not say that this one does.
    pub(crate) async fn store_behind(
        &self,
        end: u64,
        district: &DistrictId,
        line: &AuditLine,
    ) -> Result<(), AuditError> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SEQUENCE, end.to_string());
        let subject = subject::audit(district.as_str());
        self.publish(subject, body_of(line)?, headers).await
    }

    async fn publish(
        &self,
        subject: String,
        line: Bytes,
        mut headers: HeaderMap,
    ) -> Result<(), AuditError> {
        let id = random_id().map_err(|error| AuditError { source: error.to_string().into() })?;
        let mut fields = vec![(header::ID, id.to_string())];
        chain::sign(&self.key, &subject, Link::None, &mut fields, &line);
        fields.into_iter().for_each(|(name, value)| headers.insert(name, value));
        let publish = self.bus.publish_with_headers(subject, headers, line);
        stored_in_time(async { publish.await?.await }).await
    }
}

fn body_of(line: &AuditLine) -> Result<Bytes, AuditError> {
    let body = serde_json::to_vec(line).map_err(|error| AuditError { source: Box::new(error) })?;
    Ok(body.into())
}

impl AuditStore for SignedAudit {
    fn store(&self, subject: String, line: Bytes) -> BoxFuture<'_, Result<(), AuditError>> {
        self.publish(subject, line, HeaderMap::new()).boxed()
    }

    fn lines_before(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredLine>, AuditError>> {
        self.bus.lines_before(before, count)
    }
}

/// Reads a stretch of the stream in its order, and turns it round.
async fn read_before(
    bus: Context,
    before: Option<u64>,
    count: usize,
) -> Result<Vec<StoredLine>, LogError> {
    let log = JetStreamLog::open(bus, subject::AUDIT_STREAM).await?;
    let end = log.head().await?.last_sequence;
    let last = before.map_or(end, |before| before.saturating_sub(1).min(end));
    let after = last.saturating_sub(count as u64);
    // Another line may stand behind the last by now; it was not asked for.
    let found = log.stretch(after + 1, usize::try_from(last - after).unwrap_or(count)).await?;
    let lines =
        found.into_iter().map(|line| StoredLine { sequence: line.sequence, body: line.body });
    let mut lines: Vec<_> = lines.filter(|line| line.sequence <= last).collect();
    lines.reverse();
    Ok(lines)
}

impl<S: AuditStore + ?Sized> AuditStore for Arc<S> {
    fn store(&self, subject: String, line: Bytes) -> BoxFuture<'_, Result<(), AuditError>> {
        (**self).store(subject, line)
    }

    fn lines_before(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredLine>, AuditError>> {
        (**self).lines_before(before, count)
    }
}

/// Audit lines in memory, for tests and for telling a history. Clones share their lines.
#[derive(Debug, Clone, Default)]
pub struct MemoryAudit {
    lines: Arc<Mutex<Vec<(String, Bytes)>>>,
}

impl MemoryAudit {
    /// All lines so far with their subjects, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<(String, Bytes)> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl AuditStore for MemoryAudit {
    fn store(&self, subject: String, line: Bytes) -> BoxFuture<'_, Result<(), AuditError>> {
        async move {
            self.lines.lock().unwrap_or_else(PoisonError::into_inner).push((subject, line));
            Ok(())
        }
        .boxed()
    }

    fn lines_before(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> BoxFuture<'_, Result<Vec<StoredLine>, AuditError>> {
        async move {
            let lines = self.lines().into_iter().zip(1..);
            let lines = lines.map(|((_, body), sequence)| StoredLine { sequence, body });
            let earlier = lines.filter(|line| before.is_none_or(|before| line.sequence < before));
            let mut earlier: Vec<_> = earlier.collect();
            earlier.reverse();
            earlier.truncate(count);
            Ok(earlier)
        }
        .boxed()
    }
}

/// Writes audit lines. Clones write to the same place.
#[derive(Clone)]
pub struct Audit {
    place: Arc<dyn AuditStore>,
    district: DistrictId,
    clock: SharedClock,
    metrics: Metrics,
}

impl Audit {
    /// Makes a writer; lines without a center belong to `district`.
    #[must_use]
    pub fn new(
        place: impl AuditStore,
        district: DistrictId,
        clock: SharedClock,
        metrics: Metrics,
    ) -> Self {
        Self { place: Arc::new(place), district, clock, metrics }
    }

    /// Where its failures are counted, and what its callers count beside a line.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Writes a line; when that fails, the failure is logged and counted and the caller goes on.
    pub async fn record(&self, line: AuditLine) {
        // Logged and counted inside.
        let _ = self.record_or_fail(line).await;
    }

    /// Writes a line and returns only when it stands.
    ///
    /// # Errors
    /// When the bus did not say that the line stands; it may stand all the same.
    pub async fn record_or_fail(&self, mut line: AuditLine) -> Result<(), AuditError> {
        line.at = self.clock.now();
        if line.request_id.is_none() {
            line.request_id = request_id::current().map(|id| id.as_str().to_owned());
        }
        let outcome = self.store(&line).await;
        if let Err(error) = &outcome {
            self.metrics.audit_failure();
            tracing::error!(audit.what = %line.what, error = %error.source, "an audit line could not be stored");
        }
        outcome
    }

    /// Reads lines back, the newest first; see [`AuditStore::lines_before`].
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn lines_before(
        &self,
        before: Option<u64>,
        count: usize,
    ) -> Result<Vec<StoredLine>, AuditError> {
        self.place.lines_before(before, count).await
    }

    async fn store(&self, line: &AuditLine) -> Result<(), AuditError> {
        let owner = line.center.as_ref().map_or(self.district.as_str(), CenterId::as_str);
        self.place.store(subject::audit(owner), body_of(line)?).await
    }
}

impl std::fmt::Debug for Audit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Audit").field("district", &self.district).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn a_line_leaves_out_what_it_does_not_have_and_reads_back() {
        let line = AuditLine::new("yang.li", "signed_in").role(Role::Clerk);
        let text = serde_json::to_string(&line).unwrap();
        assert!(!text.contains("case_id") && !text.contains("null"), "{text}");
        assert_eq!(serde_json::from_str::<AuditLine>(&text).unwrap(), line);
    }

    #[tokio::test]
    async fn lines_are_read_back_from_the_newest_on_and_page_by_page() {
        let clock = Arc::new(ManualClock::new("2026-03-02T01:00:00Z".parse().unwrap()));
        let district = "dongcheng".parse().unwrap();
        let audit = Audit::new(MemoryAudit::default(), district, clock, Metrics::new());
        for number in 1..=5 {
            audit.record(AuditLine::new(format!("person-{number}"), "signed_in")).await;
        }
        let places = async |before, count| {
            let lines = audit.lines_before(before, count).await.unwrap();
            lines.into_iter().map(|line| line.sequence).collect::<Vec<_>>()
        };
        assert_eq!(places(None, 2).await, [5, 4]);
        assert_eq!(places(Some(4), 2).await, [3, 2]);
        assert_eq!(places(Some(2), 2).await, [1]);
        assert!(places(Some(1), 2).await.is_empty());
    }
}
