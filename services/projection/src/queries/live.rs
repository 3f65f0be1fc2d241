//! `GET /v1/live`: what happens, as it happens, to the cases that one may open (server-sent events).
//!
//! Invariants: every event comes after the view has it, so that a reader who looks finds it; a reader who
//! resumes with `Last-Event-ID` misses nothing; nothing of an event's data is in the feed; a feed ends by
//! itself so that a session that was revoked ends too, and with the process.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::sse::{Event, KeepAlive, Sse};
use casework::command::Actor;
use desk::decode;
use futures::{Stream, StreamExt as _};
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use runtime::http::{Operation, Problem};
use runtime::identity::Signed;
use runtime::log::{LogError, Recorded};
use serde::Serialize;

use super::{Doors, actor};
use crate::core::Core;

/// How often a silent feed says that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// After how long a feed ends; the reader comes back by itself, and shows its session again.
const FEED_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// How long an event waits for the view.
const VIEW_WAIT_MAX: Duration = Duration::from_secs(10);

/// What the feed says of an event.
#[derive(Debug, Serialize)]
struct Told {
    case_id: CaseId,
    case_no: String,
    center: CenterId,
    department: Option<DepartmentId>,
    state: CaseState,
    #[serde(rename = "type")]
    event_type: &'static str,
    time: Timestamp,
    version: u64,
}

/// Serves the feed.
pub(super) async fn feed(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let slot = Arc::clone(&doors.feeds)
        .try_acquire_owned()
        .map_err(|_| Problem::busy("as many feeds are open as the service serves"))?;
    let core = doors.core;
    let after = match headers.get("last-event-id") {
        None => core.sequence(),
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| Problem::malformed("Last-Event-ID must be an id of this feed"))?,
    };
    let line = match core.log.follow(after).await {
        Ok(line) => line,
        // An id of another stream, or of before a restore: begin with what comes.
        Err(LogError::Gap { .. }) => core.log.follow(core.sequence()).await.map_err(away)?,
        Err(error) => return Err(away(error)),
    };
    let (actor, ended) = (actor(&staff), core.ended.clone());
    let told = line
        .take_while(|item| std::future::ready(item.is_ok()))
        .filter_map(move |item| {
            let (core, actor) = (Arc::clone(&core), actor.clone());
            async move { tell(&core, &actor, &item.ok()?).await.map(Ok) }
        })
        .take_until(async move {
            // The slot is held as long as the feed.
            let _slot = slot;
            let _ = tokio::time::timeout(FEED_TIME_MAX, ended.cancelled()).await;
        });
    Ok(Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn away(error: LogError) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "a feed could not begin");
    Problem::unavailable("the bus is out of reach; the feed cannot begin")
}

/// What this reader hears of an event; nothing of a case that he may not open.
async fn tell(core: &Core, actor: &Actor, recorded: &Recorded) -> Option<Event> {
    let (meta, event) = decode(recorded).ok()?;
    let mut applied = core.applied();
    let seen = applied.wait_for(|sequence| *sequence >= recorded.sequence);
    let _ = tokio::time::timeout(VIEW_WAIT_MAX, seen).await;
    let view = core.view();
    let told = {
        let index = view.index();
        let row = index.row(meta.case_id).filter(|row| row.may_be_read_by(actor))?;
        Told {
            case_id: row.case_id,
            case_no: row.case_no.to_string(),
            center: CenterId::clone(&row.center),
            department: row.department.as_deref().cloned(),
            state: row.state,
            event_type: event.kind().name(),
            time: meta.time,
            version: row.version,
        }
    };
    let data = serde_json::to_string(&told).ok()?;
    Some(Event::default().id(recorded.sequence.to_string()).event(told.event_type).data(data))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    Operation::new(Method::GET, "/v1/live", "queries", "What happens, as it happens")
        .answers_with(200, "text/event-stream")
}
