//! `GET /v1/cases/{id}`: a case, as the contract has it.
//!
//! Invariant: the answer is made of the record, the names of the district and the clock alone; the applicant comes
//! masked.

mod answer;
mod work;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::permission;
use proto_events::Timestamp;
use runtime::http::{Operation, Path, Problem, Query, etag};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub(crate) use self::answer::CaseAnswer;
use super::applicant::{self, ApplicantAnswer};
use super::{AsOf, Doors, actor, broken, find, fresh, parameters};
use crate::record::CaseRecord;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    min_version: Option<u64>,
}

/// A case, and of when it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OneAnswer {
    #[serde(flatten)]
    case: CaseAnswer,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Finds a case that this person may open.
///
/// # Errors
/// `not_found`, or `forbidden`.
pub(super) fn readable(
    doors: &Doors,
    staff: &runtime::identity::Staff,
    id: &str,
) -> Result<CaseRecord, Problem> {
    let case_id = parameters::case_id(id)?;
    let record = doors.core.view().views.case(case_id).map_err(broken)?;
    let record = record.ok_or_else(parameters::no_such_case)?;
    if permission::may_read(&actor(staff), &record.case) {
        Ok(record)
    } else {
        Err(Problem::forbidden("the case belongs to another center or department"))
    }
}

/// Serves a case.
pub(super) async fn one(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    Query(asked): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    fresh(&doors.core, asked.min_version).await;
    let look = || {
        // Taken before the record is: an answer is never older than it says.
        let as_of = AsOf::now(&doors.core);
        readable(&doors, &staff, &id).map(|record| (as_of, record))
    };
    let (AsOf { at, sequence }, record) = find(&doors.core, look).await?;
    let tag = etag(record.case.version);
    let mut applicants = applicant::of_page(&doors, std::iter::once(&record.case)).await;
    let applicant = applicants
        .remove(&record.case.case_id)
        .unwrap_or_else(|| ApplicantAnswer::hidden(&record.case));
    let case = CaseAnswer::of(record, applicant, &doors.core.district.rules, at);
    // Time alone may change the flags, so a version that is known saves the body only while nothing is due.
    let is_known = headers.get(header::IF_NONE_MATCH) == Some(&tag[0].1);
    if is_known && !case.is_overdue() {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    Ok((tag, Json(OneAnswer { case, as_of: at, as_of_sequence: sequence })).into_response())
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    Operation::new(Method::GET, "/v1/cases/{id}", "queries", "A case, with its applicant masked")
        .answers::<OneAnswer>(200)
        .parameter(parameters::min_version())
}
