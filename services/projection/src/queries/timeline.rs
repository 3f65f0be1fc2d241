//! `GET /v1/cases/{id}/timeline`: everything that happened to a case, oldest first.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use proto_events::Timestamp;
use runtime::http::{Operation, Parameter, Path, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::called::Called;
use super::case::readable;
use super::history::{Happened, TimelineEntry};
use super::sentences::sentence;
use super::words::Words;
use super::{AsOf, Doors, find, fresh, history, parameters};

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    limit: Option<u64>,
    cursor: Option<String>,
    after: Option<u64>,
    min_version: Option<u64>,
}

/// One event of a case, with its sentence.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ToldEntry {
    #[serde(flatten)]
    entry: TimelineEntry,
    /// The event as a sentence.
    sentence: Words,
}

/// A page of a history.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TimelineAnswer {
    items: Vec<ToldEntry>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many events the history has.
    total: u64,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Serves a page of a history.
pub(super) async fn page(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    Query(asked): Query<Parameters>,
) -> Result<Json<TimelineAnswer>, Problem> {
    let limit = parameters::limit(asked.limit)?;
    let after: u64 = parameters::cursor(asked.cursor.as_deref())?.or(asked.after).unwrap_or(0);
    fresh(&doors.core, asked.min_version).await;
    let look = || {
        // Taken before the record is: an answer is never older than it says.
        let as_of = AsOf::now(&doors.core);
        readable(&doors, &staff, &id).map(|record| (as_of, record))
    };
    let (AsOf { at, sequence }, record) = find(&doors.core, look).await?;
    let past = history::of_case(&doors.core, &record.case).await?;
    let total = past.len() as u64;
    let mut behind = past.iter().filter(|one| one.meta.sequence > after);
    let shown: Vec<&Happened> = behind.by_ref().take(limit).collect();
    let last = shown.last().filter(|_| behind.next().is_some());
    let next_cursor = last.map(|one| one.meta.sequence.to_string());
    let (district, identity) = (&doors.core.district, &doors.desk.identity);
    let events = shown.iter().map(|one| &one.event);
    let called = Called::in_events(district, identity, events).await;
    let told =
        |one: &Happened| ToldEntry { entry: one.entry(), sentence: sentence(&one.event, &called) };
    let items = shown.into_iter().map(told).collect();
    Ok(Json(TimelineAnswer { items, next_cursor, total, as_of: at, as_of_sequence: sequence }))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let path = "/v1/cases/{id}/timeline";
    let operation = Operation::new(Method::GET, path, "queries", "The history of a case")
        .answers::<TimelineAnswer>(200)
        .refuses(&["invalid"])
        .parameter(Parameter::query::<u64>(
            "after",
            "Only what came after this version; what came before it counts in the total all the same",
        ))
        .parameter(parameters::min_version());
    parameters::of_page().into_iter().fold(operation, Operation::parameter)
}
