//! `GET /v1/quarantine`: the events that nobody can read, where they stand, why, and since when.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::permission;
use proto_events::Timestamp;
use runtime::http::{Operation, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AsOf, Doors, broken, fresh, parameters};
use crate::quarantine::{Page, Place, Row};

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    limit: Option<u64>,
    cursor: Option<String>,
    min_version: Option<u64>,
}

/// A page of events that nobody can read.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct QuarantineAnswer {
    /// By stream, the oldest first.
    items: Vec<Row>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many events all pages have.
    total: u64,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Serves a page.
pub(super) async fn quarantine(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<QuarantineAnswer>, Problem> {
    if !permission::may_read_quarantine(staff.role) {
        return Err(Problem::forbidden("what is in quarantine is not yours to see (无权查看)"));
    }
    let limit = parameters::limit(asked.limit)?;
    let after: Option<Place> = parameters::cursor(asked.cursor.as_deref())?;
    let AsOf { at, sequence } = fresh(&doors.core, asked.min_version).await;
    let Page { rows, next, total } = doors.quarantine().page(after, limit).await.map_err(broken)?;
    Ok(Json(QuarantineAnswer {
        items: rows,
        next_cursor: next.map(|place| place.to_string()),
        total,
        as_of: at,
        as_of_sequence: sequence,
    }))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(
        Method::GET,
        "/v1/quarantine",
        "operations",
        "The events that nobody can read, and why",
    )
    .answers::<QuarantineAnswer>(200)
    .refuses(&["invalid", "forbidden"])
    .parameter(parameters::min_version());
    parameters::of_page().into_iter().fold(operation, Operation::parameter)
}
