//! `GET /v1/events`: what happened to cases, for other systems: CloudEvents 1.0 in JSON, a batch at a time.
//!
//! The sequence of the stream is the cursor: whoever keeps the address of the `next` link misses nothing and hears nothing
//! twice, after a break of any length. What of an event's data is told, its schema says ([`proto_events::public`]).
//!
//! Invariants: an event comes after the view has it, so that a reader who looks finds it; no text that a person wrote, no
//! ciphertext, no account and no receipt code leaves; what nobody can read is in quarantine and not here; a page reads a
//! bounded part of the log, and the next link leads behind what was read, also when nothing of it was asked for.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use desk::decode;
use futures::StreamExt as _;
use proto_events::codes::Role;
use proto_events::envelope::{Envelope, SPEC_VERSION};
use proto_events::events::CaseEventKind;
use proto_events::ids::CenterId;
use proto_events::public::{Told, told_of};
use proto_events::subject::CaseSubject;
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use runtime::log::{LogError, Recorded};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Doors;
use crate::core::Core;

/// Its address.
const ROUTE: &str = "/v1/events";
/// The media type of a batch (CloudEvents 1.0, JSON format, section 4).
pub(super) const BATCH: &str = "application/cloudevents-batch+json";

/// Events of a page when the caller does not say.
const LIMIT_DEFAULT: usize = 100;
/// Most events of a page: some 600 KB.
const LIMIT_MAX: usize = 1000;
/// Most events that are read for one page; a filter that finds little says how far it has come.
const READ_MAX: u64 = 10_000;
/// Longest wait for something to happen, in seconds: below the patience of proxies.
const WAIT_SECONDS_MAX: u64 = 30;
/// How long a page waits for the bus.
const READ_TIME_MAX: Duration = Duration::from_secs(10);
/// Pages that are read at once, and readers that wait at once: a handful of systems follow a district.
const READERS_MAX: usize = 8;
const WAITERS_MAX: usize = 64;

/// The places for readers.
#[derive(Debug, Clone)]
pub(super) struct Followers {
    reading: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

impl Default for Followers {
    fn default() -> Self {
        Self {
            reading: Arc::new(Semaphore::new(READERS_MAX)),
            waiting: Arc::new(Semaphore::new(WAITERS_MAX)),
        }
    }
}

/// What may be asked.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    after: Option<u64>,
    limit: Option<u64>,
    #[serde(rename = "type")]
    kind: Option<String>,
    center: Option<String>,
    wait: Option<u64>,
}

/// What was asked, checked.
#[derive(Debug)]
struct Wish {
    after: u64,
    limit: usize,
    kind: Option<CaseEventKind>,
    center: Option<CenterId>,
    wait: Duration,
}

/// A part of the log as it is told.
#[derive(Debug)]
struct Page {
    events: Vec<Value>,
    /// The last event that was looked at.
    reached: u64,
}

/// Serves a page.
pub(super) async fn page(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Asked>,
) -> Result<Response, Problem> {
    if !matches!(staff.role, Role::Coordinator | Role::Auditor) {
        return Err(Problem::forbidden(
            "the events of the whole district are for who sees the district (限区级角色)",
        ));
    }
    let wish = wish(asked, &doors)?;
    let core = &doors.core;
    let head = core.log.head().await.map_err(away)?.last_sequence;
    if wish.after > head {
        return Err(Problem::invalid("/after", format!("lies beyond the last event, {head}")));
    }
    let deadline = Instant::now() + wish.wait;
    let mut page = read(&doors, &wish, wish.after).await?;
    while page.events.is_empty() && happens(&doors, page.reached, deadline).await? {
        page = read(&doors, &wish, page.reached).await?;
    }
    let next = HeaderValue::try_from(format!("<{}>; rel=\"next\"", next(&wish, page.reached)))
        .map_err(|_| Problem::internal())?;
    let body = Value::Array(page.events).to_string();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(BATCH)),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::LINK, next),
    ];
    Ok((headers, body).into_response())
}

/// Checks what was asked; all faults are told at once.
fn wish(asked: Asked, doors: &Doors) -> Result<Wish, Problem> {
    let mut faults = Vec::new();
    let mut fault = |pointer: &str, detail: String| {
        faults.push(runtime::http::FieldError { pointer: pointer.to_owned(), detail });
    };
    let limit = asked.limit.map_or(Some(LIMIT_DEFAULT), |limit| usize::try_from(limit).ok());
    let limit = limit.filter(|limit| (1..=LIMIT_MAX).contains(limit));
    if limit.is_none() {
        fault("/limit", format!("must be 1 to {LIMIT_MAX}"));
    }
    let kind = asked.kind.map(|text| {
        let named = |kind: &CaseEventKind| kind.name() == text || kind.event_type() == text;
        let kind = CaseEventKind::ALL.iter().copied().find(named);
        if kind.is_none() {
            fault("/type", "is no type of a case's event, such as resolved".to_owned());
        }
        kind
    });
    let center = asked.center.map(|text| {
        let is_there = |id: &CenterId| doors.desk.district.rules.centers.contains_key(id);
        let center = text.parse().ok().filter(is_there);
        if center.is_none() {
            fault("/center", "the district has no such center (没有这个中心)".to_owned());
        }
        center
    });
    let wait = asked.wait.unwrap_or(0);
    if wait > WAIT_SECONDS_MAX {
        fault("/wait", format!("must be 0 to {WAIT_SECONDS_MAX} seconds"));
    }
    if !faults.is_empty() {
        return Err(Problem::invalid_fields(faults));
    }
    Ok(Wish {
        after: asked.after.unwrap_or(0),
        limit: limit.unwrap_or(LIMIT_DEFAULT),
        kind: kind.flatten(),
        center: center.flatten(),
        wait: Duration::from_secs(wait),
    })
}

/// Waits until the view has an event behind a place; `false` when the time is over, or the house ends.
async fn happens(doors: &Doors, place: u64, deadline: Instant) -> Result<bool, Problem> {
    let core = &doors.core;
    if core.sequence() > place {
        return Ok(true);
    }
    if Instant::now() >= deadline {
        return Ok(false);
    }
    let _place = Arc::clone(&doors.followers.waiting)
        .try_acquire_owned()
        .map_err(|_| Problem::busy("as many readers wait as the service bears"))?;
    let mut applied = core.applied();
    let come = applied.wait_for(|sequence| *sequence > place);
    let come = core.ended.run_until_cancelled(tokio::time::timeout_at(deadline, come)).await;
    Ok(matches!(come, Some(Ok(Ok(_)))))
}

/// Reads on behind a place, as far as the view has come, a page is full, or enough was looked at.
async fn read(doors: &Doors, wish: &Wish, after: u64) -> Result<Page, Problem> {
    let core = &doors.core;
    let _slot = Arc::clone(&doors.followers.reading)
        .acquire_owned()
        .await
        .map_err(|_| Problem::internal())?;
    let end = core.sequence().min(after.saturating_add(READ_MAX));
    if after >= end {
        return Ok(Page { events: Vec::new(), reached: after });
    }
    let reading = part(core, wish, after, end);
    let page = tokio::time::timeout(READ_TIME_MAX, reading).await;
    page.map_err(|_| Problem::unavailable("the bus is slow; ask again from the same place"))?
        .map_err(away)
}

async fn part(core: &Core, wish: &Wish, after: u64, end: u64) -> Result<Page, LogError> {
    let mut page = Page { events: Vec::new(), reached: after };
    let mut line = core.log.follow(after).await?;
    while page.reached < end && page.events.len() < wish.limit {
        let Some(recorded) = line.next().await else { break };
        let recorded = recorded?;
        page.reached = recorded.sequence;
        page.events.extend(told(&recorded, wish));
    }
    Ok(page)
}

/// An event as other systems are told it; none when it was not asked for, or cannot be read.
fn told(recorded: &Recorded, wish: &Wish) -> Option<Value> {
    let subject = CaseSubject::parse(&recorded.subject)?;
    if wish.center.as_ref().is_some_and(|center| *center != subject.center) {
        return None;
    }
    let (_, event) = decode(recorded).ok()?;
    let kind = event.kind();
    if wish.kind.is_some_and(|wanted| wanted != kind) {
        return None;
    }
    let envelope = recorded.envelope().ok()?;
    let data: Value = serde_json::from_slice(&recorded.body).ok()?;
    Some(cloud_event(recorded.sequence, &envelope, public(kind).of(&data)))
}

/// What of each kind is told; made of the schemas once.
fn public(kind: CaseEventKind) -> &'static Told {
    static ALL: LazyLock<BTreeMap<CaseEventKind, Told>> =
        LazyLock::new(|| CaseEventKind::ALL.iter().map(|kind| (*kind, told_of(*kind))).collect());
    ALL.get(&kind).expect("the map has every kind")
}

/// An event in the JSON format of CloudEvents 1.0. Extensions have small letters only, as the standard wants it.
fn cloud_event(sequence: u64, envelope: &Envelope, data: Option<Value>) -> Value {
    let mut event = json!({
        "specversion": SPEC_VERSION,
        "id": envelope.id,
        "source": envelope.source,
        "type": envelope.event_type,
        "subject": envelope.subject,
        "time": envelope.time,
        "datacontenttype": "application/json",
        "recordedat": envelope.recorded_at,
        "role": envelope.role,
        // The extension `sequence` is a text, so that it may be of any kind.
        "sequence": sequence.to_string(),
        "data": data.unwrap_or_else(|| json!({})),
    });
    if let (Some(cause), Some(members)) = (envelope.causation_id, event.as_object_mut()) {
        members.insert("causationid".to_owned(), json!(cause));
    }
    event
}

/// Where the reader goes on: the same question behind what was read.
fn next(wish: &Wish, reached: u64) -> String {
    let mut address = format!("{ROUTE}?after={reached}&limit={}", wish.limit);
    if let Some(kind) = wish.kind {
        address.push_str("&type=");
        address.push_str(kind.name());
    }
    if let Some(center) = &wish.center {
        address.push_str("&center=");
        address.push_str(center.as_str());
    }
    if !wish.wait.is_zero() {
        address.push_str(&format!("&wait={}", wish.wait.as_secs()));
    }
    address
}

fn away(error: LogError) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "the events could not be read");
    Problem::unavailable("the bus is out of reach; ask again from the same place")
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let query = |name, description| Parameter::query::<String>(name, description);
    let number = |name, description| Parameter::query::<u64>(name, description);
    Operation::new(
        Method::GET,
        ROUTE,
        "queries",
        "What happened to cases, for other systems: CloudEvents without any text that a person wrote",
    )
    .answers_with(200, BATCH)
    .parameter(number("after", "Behind which sequence to begin; 0, the beginning, when absent. The `next` link has it"))
    .parameter(number("limit", "Events of a page, 1 to 1000; 100 when absent"))
    .parameter(query("type", "Only events of this type, such as resolved or cn.unstuck.case.resolved.v1"))
    .parameter(query("center", "Only events of this center's cases"))
    .parameter(number("wait", "Seconds to wait for something to happen when there is nothing, 0 to 30"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invented; must not be told.
    const CANARY: &str = "样例甲13800000000";

    #[test]
    fn no_text_of_any_event_is_told() {
        let mut spoiled = 0;
        for kind in CaseEventKind::ALL {
            let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-events/samples");
            let sample = std::fs::read(format!("{folder}/{}.v1.json", kind.name())).unwrap();
            let mut data: Value = serde_json::from_slice(&sample).unwrap();
            spoil(&mut data, public(*kind), &mut spoiled);
            let told = public(*kind).of(&data);
            let text = told.map(|told| told.to_string()).unwrap_or_default();
            assert!(!text.contains("样例甲"), "{kind:?}: {text}");
        }
        assert!(spoiled > 60, "{spoiled} texts are too few");
    }

    /// Puts the canary wherever a text stands that is not closed by its schema.
    fn spoil(value: &mut Value, told: &Told, spoiled: &mut usize) {
        match (value, told) {
            (Value::Object(members), Told::Members(shown)) => {
                for (name, member) in members {
                    match shown.get(name) {
                        Some(told) => spoil(member, told, spoiled),
                        None => {
                            *member = json!(CANARY);
                            *spoiled += 1;
                        }
                    }
                }
            }
            (Value::Array(items), Told::Items(told)) => {
                items.iter_mut().for_each(|item| spoil(item, told, spoiled));
            }
            _ => {}
        }
    }
}
