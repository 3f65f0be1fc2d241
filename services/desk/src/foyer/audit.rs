//! `GET /v1/audit`: who did and read what, the newest first, for the auditor.
//!
//! Invariants: the stream of the audit itself is read, backwards, no more of it than [`EXAMINED_MAX`] lines for one answer;
//! an answer that stopped there says where to go on, even when it found nothing yet.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::routing::get;
use axum::{Json, Router};
use casework::permission;
use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::{CaseId, CenterId};
use runtime::audit::{AuditLine, StoredLine};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::admit;
use crate::{Desk, DeskState, problem};

/// Lines of a page when the caller does not say.
const LIMIT_DEFAULT: usize = 50;
/// Most lines of a page.
const LIMIT_MAX: usize = 200;
/// Lines that are read at once: some 400 KB.
const CHUNK_LINES: usize = 2_000;
/// Most lines that are looked at for one answer: a quarter of a second, a month of a busy district.
const EXAMINED_MAX: usize = 40_000;
/// How far the times of neighbouring lines may be out of order: several processes write, each by its own clock.
const DISORDER_MAX: TimeDelta = TimeDelta::hours(1);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    actor: Option<String>,
    case: Option<CaseId>,
    kind: Option<String>,
    center: Option<CenterId>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// Lines of the audit.
#[derive(Debug, Serialize, JsonSchema)]
struct AuditAnswer {
    /// The newest first.
    items: Vec<AuditEntry>,
    /// Where the next page begins; null when nothing is left. A page may be short, or empty, and still have a next one.
    next_cursor: Option<String>,
    as_of: Timestamp,
}

/// A line of the audit.
#[derive(Debug, Serialize, JsonSchema)]
struct AuditEntry {
    /// Its place in the audit.
    sequence: u64,
    /// When.
    at: Timestamp,
    /// The username of the person, or the name of the part that acted.
    actor: String,
    /// The role in which the person acted.
    role: Option<Role>,
    /// What happened: `signed_in`, `personal_data_read`, `refused`, …
    kind: String,
    /// The case that it was about.
    case_id: Option<CaseId>,
    /// More, in a few words; of a reading of personal data the purpose.
    detail: Option<String>,
    /// The center, where there is one.
    center: Option<CenterId>,
    /// Finds the request in the log of the program.
    request_id: Option<String>,
}

pub(super) fn routes() -> Router<DeskState> {
    Router::new().route("/v1/audit", get(read))
}

pub(super) fn operation() -> Operation {
    let text = Parameter::query::<String>;
    Operation::new(Method::GET, "/v1/audit", "audit", "Who did and read what, the newest first")
        .answers::<AuditAnswer>(200)
        .refuses(&["invalid"])
        .parameter(text("actor", "Only what this person did"))
        .parameter(Parameter::query::<CaseId>("case", "Only what was about this case"))
        .parameter(text("kind", "Only this kind, such as personal_data_read"))
        .parameter(Parameter::query::<CenterId>("center", "Only the audit of this center"))
        .parameter(text("from", "From this date or time on"))
        .parameter(text("to", "Up to this time, or on this date"))
        .parameter(Parameter::query::<u64>("limit", "How many lines, 1 to 200; 50 when absent"))
        .parameter(text("cursor", "Where to go on, as next_cursor said"))
}

async fn read(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<AuditAnswer>, Problem> {
    admit(&desk, &staff, "audit", permission::may_read_audit(staff.role)).await?;
    let limit = asked.limit.unwrap_or(LIMIT_DEFAULT);
    if !(1..=LIMIT_MAX).contains(&limit) {
        return Err(Problem::invalid("/limit", format!("must be 1 to {LIMIT_MAX}")));
    }
    let wrong = |_| Problem::invalid("/cursor", "is not one that this list has given");
    let mut before = asked.cursor.as_deref().map(str::parse::<u64>).transpose().map_err(wrong)?;
    let filter = Filter {
        from: instant(&desk, "/from", asked.from.as_deref(), false)?,
        to: instant(&desk, "/to", asked.to.as_deref(), true)?,
        actor: asked.actor.map(|name| name.trim().to_lowercase()),
        case: asked.case,
        kind: asked.kind,
        center: asked.center,
    };
    let (mut items, mut examined) = (Vec::new(), 0);
    let next_cursor = loop {
        let chunk = desk.audit.lines_before(before, CHUNK_LINES).await;
        let chunk = chunk
            .map_err(|error| problem::unavailable("the audit could not be read", &*error.source))?;
        examined += chunk.len();
        match filter.gather(&desk, chunk, limit, &mut items) {
            Gathered::Full(place) => break Some(place),
            Gathered::BeforeBegin => break None,
            // The audit begins with 1, and nothing of it is ever deleted.
            Gathered::Through(place) if place.is_none_or(|place| place <= 1) => break None,
            Gathered::Through(place) if examined >= EXAMINED_MAX => break place,
            Gathered::Through(place) => before = place,
        }
    };
    let next_cursor = next_cursor.filter(|place| *place > 1).map(|place| place.to_string());
    Ok(Json(AuditAnswer { items, next_cursor, as_of: desk.now() }))
}

/// What is asked for.
struct Filter {
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    actor: Option<String>,
    case: Option<CaseId>,
    kind: Option<String>,
    center: Option<CenterId>,
}

/// How a stretch of the audit ended.
#[derive(Debug, PartialEq, Eq)]
enum Gathered {
    /// The page is full; the next begins before this line.
    Full(u64),
    /// What comes before is older than what is asked for.
    BeforeBegin,
    /// There was room for more; the earliest line that was looked at.
    Through(Option<u64>),
}

impl Filter {
    fn gather(
        &self,
        desk: &Desk,
        lines: Vec<StoredLine>,
        limit: usize,
        items: &mut Vec<AuditEntry>,
    ) -> Gathered {
        let earliest = lines.last().map(|line| line.sequence);
        for StoredLine { sequence, body } in lines {
            let Ok(line) = serde_json::from_slice::<AuditLine>(&body) else {
                tracing::warn!(stream.sequence = sequence, "a line of the audit cannot be read");
                continue;
            };
            if self.from.is_some_and(|from| line.at < from - DISORDER_MAX) {
                return Gathered::BeforeBegin;
            }
            if self.takes(&line) {
                items.push(entry(desk, sequence, line));
                if items.len() == limit {
                    return Gathered::Full(sequence);
                }
            }
        }
        Gathered::Through(earliest)
    }

    fn takes(&self, line: &AuditLine) -> bool {
        self.from.is_none_or(|from| line.at >= from)
            && self.to.is_none_or(|to| line.at <= to)
            && self.actor.as_ref().is_none_or(|actor| line.actor == *actor)
            && self.case.is_none_or(|case| line.case_id == Some(case))
            && self.kind.as_ref().is_none_or(|kind| line.what == kind.as_str())
            && self.center.as_ref().is_none_or(|center| line.center.as_ref() == Some(center))
    }
}

fn entry(desk: &Desk, sequence: u64, line: AuditLine) -> AuditEntry {
    AuditEntry {
        sequence,
        at: desk.local(line.at),
        actor: line.actor,
        role: line.role,
        kind: line.what.into_owned(),
        case_id: line.case_id,
        detail: line.detail,
        center: line.center,
        request_id: line.request_id,
    }
}

/// Reads an instant: RFC 3339, or a date of the district, from its beginning or to its end.
fn instant(
    desk: &Desk,
    pointer: &str,
    text: Option<&str>,
    is_end: bool,
) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = text else { return Ok(None) };
    if let Ok(date) = text.parse::<NaiveDate>() {
        let start = date.and_time(NaiveTime::MIN).and_local_timezone(desk.district.offset).single();
        let past = if is_end {
            TimeDelta::days(1) - TimeDelta::microseconds(1)
        } else {
            TimeDelta::zero()
        };
        if let Some(at) = start.and_then(|start| start.checked_add_signed(past)) {
            return Ok(Some(at.to_utc()));
        }
    }
    // A plus sign that was not escaped arrives as a space.
    let at = Timestamp::parse_from_rfc3339(&text.replace(' ', "+"));
    at.map(|at| Some(at.to_utc())).map_err(|_| {
        Problem::invalid(pointer, "must be a date or an RFC 3339 time with its offset")
    })
}
