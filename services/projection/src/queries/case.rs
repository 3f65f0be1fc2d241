//! `GET /v1/cases/{id}`: a case, as the contract has it.
//!
//! Invariant: the answer is made of the record, the names of the district and the clock alone; the applicant comes
//! masked.

mod answer;
mod work;

use std::collections::HashMap;

use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::permission;
use proto_events::Timestamp;
use proto_events::ids::CaseId;
use runtime::http::{Operation, Path, Problem, Query, etag};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(crate) use self::answer::CaseAnswer;
use super::applicant::{self, ApplicantAnswer};
use super::rendered::{Answer, Form};
use super::{AsOf, Doors, JSON, actor, broken, find, fresh, parameters};
use crate::record::CaseRecord;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    min_version: Option<u64>,
}

/// A case, and of when it is; the shape of what is written by hand.
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
    if permission::may_read(&actor(staff), &record.case) { Ok(record) } else { Err(forbidden()) }
}

/// Finds the form of a case that this person may open.
///
/// # Errors
/// `not_found`, or `forbidden`.
fn form(doors: &Doors, staff: &runtime::identity::Staff, case_id: CaseId) -> Result<Form, Problem> {
    let view = doors.core.view();
    let index = view.index();
    let row = index.row(case_id).ok_or_else(parameters::no_such_case)?;
    if row.may_be_read_by(&actor(staff)) {
        Ok(Form { version: row.version, is_quarantined: row.is_quarantined })
    } else {
        Err(forbidden())
    }
}

fn forbidden() -> Problem {
    Problem::forbidden("the case belongs to another center or department")
}

/// The answers to cases, in their order: those of a moment ago as they are, the others made anew.
///
/// A case that is gone meanwhile is left out.
///
/// # Errors
/// When the view cannot be read.
pub(super) async fn answers(
    doors: &Doors,
    cases: Vec<(CaseId, Form)>,
    now: Timestamp,
) -> Result<Vec<Answer>, Problem> {
    let find = |(case_id, form)| (case_id, doors.rendered.find(case_id, form, now));
    let known: Vec<_> = cases.into_iter().map(find).collect();
    let view = doors.core.view();
    let missing = known.iter().filter(|(_, answer)| answer.is_none()).map(|(case_id, _)| *case_id);
    let mut records = HashMap::new();
    for case_id in missing {
        if let Some(record) = view.views.case(case_id).map_err(broken)? {
            records.insert(case_id, record);
        }
    }
    let mut applicants = HashMap::new();
    if !records.is_empty() {
        let cases = records.values().map(|record| &record.case);
        applicants = applicant::of_page(doors, cases).await;
    }
    let rules = &doors.core.district.rules;
    let mut answers = Vec::with_capacity(known.len());
    for (case_id, known) in known {
        let made = || {
            let record = records.remove(&case_id)?;
            let form = Form { version: record.case.version, is_quarantined: record.quarantined };
            let opened = applicants.remove(&case_id);
            let is_whole = opened.is_some() || record.case.erased;
            let applicant = opened.unwrap_or_else(|| ApplicantAnswer::hidden(&record.case));
            let is_hidden = applicant.is_hidden();
            let case = CaseAnswer::of(record, applicant, rules, now);
            let is_overdue = case.is_overdue();
            // A struct of ours is JSON.
            let json = serde_json::to_string(&case).ok()?;
            let answer = Answer::of(json, form, is_overdue, now);
            if is_whole && !is_hidden {
                doors.rendered.keep(case_id, &answer);
            }
            Some(answer)
        };
        answers.extend(known.or_else(made));
    }
    Ok(answers)
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
    let case_id = parameters::case_id(&id)?;
    let look = || {
        // Taken before the case is: an answer is never older than it says.
        let as_of = AsOf::now(&doors.core);
        form(&doors, &staff, case_id).map(|form| (as_of, form))
    };
    let (AsOf { at, sequence }, form) = find(&doors.core, look).await?;
    let answers = answers(&doors, vec![(case_id, form)], at).await?;
    let answer = answers.into_iter().next().ok_or_else(parameters::no_such_case)?;
    let (tag, is_overdue) = (etag(answer.version()), answer.is_overdue);
    // Time alone may change the flags, so a version that is known saves the body only while nothing is due.
    let is_known = headers.get(header::IF_NONE_MATCH) == Some(&tag[0].1);
    if is_known && !is_overdue {
        return Ok((StatusCode::NOT_MODIFIED, tag).into_response());
    }
    let mut json = answer.open_json;
    json.extend_from_slice(as_of_members(at, sequence).as_bytes());
    Ok((tag, [(header::CONTENT_TYPE, JSON)], json).into_response())
}

/// What every answer ends with: of when it is.
pub(super) fn as_of_members(at: Timestamp, sequence: u64) -> String {
    format!(",\"as_of\":{},\"as_of_sequence\":{sequence}}}", json!(at))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    Operation::new(Method::GET, "/v1/cases/{id}", "queries", "A case, with its applicant masked")
        .answers::<OneAnswer>(200)
        .parameter(parameters::min_version())
}
