//! `GET /v1/cases/{id}/clocks`: why everything on a case is due when it is.
//!
//! Invariant: told from the events of the case and from nothing that was kept beside them, so it is as old as the
//! case and no older.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::explanation::{ClockExplanation, explain};
use proto_events::Timestamp;
use runtime::http::{Operation, Path, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::case::readable;
use super::{AsOf, Doors, find, fresh, history, parameters};

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    min_version: Option<u64>,
}

/// Every clock of a case, explained.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ClocksAnswer {
    /// One for each run of a clock: those that run first, the most urgent first. `clock`, `occurrence`, `label`,
    /// `state`, `started_at`, `started_by`, `stopped_at`, `stopped_by`, `limit`, `first_due_at`, `due_at`,
    /// `counted` and `skipped` day by day, `pauses`, `extension`, `reclassifications`, `recalculations`,
    /// `provisional` and why, `as_promised` and `recomputed_due_at`, `calendar`, `next_step`, and the `sentence`
    /// to read out.
    #[schemars(with = "Vec<Value>")]
    items: Vec<ClockExplanation>,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Serves the explanation of every clock.
pub(super) async fn clocks(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    Query(asked): Query<Parameters>,
) -> Result<Json<ClocksAnswer>, Problem> {
    fresh(&doors.core, asked.min_version).await;
    let look = || {
        // Taken before the record is: an answer is never older than it says.
        let as_of = AsOf::now(&doors.core);
        readable(&doors, &staff, &id).map(|record| (as_of, record))
    };
    let (AsOf { at, sequence }, record) = find(&doors.core, look).await?;
    let case = &record.case;
    let history = history::told(history::of_case(&doors.core, case).await?);
    let items = explain(case, &history, &doors.core.district.rules, at);
    Ok(Json(ClocksAnswer { items, as_of: at, as_of_sequence: sequence }))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let summary = "Why everything on a case is due when it is, day by day";
    Operation::new(Method::GET, "/v1/cases/{id}/clocks", "queries", summary)
        .answers::<ClocksAnswer>(200)
        .parameter(parameters::min_version())
}
