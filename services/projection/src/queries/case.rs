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
use super::applicant::{self, ApplicantAnswer, Sealed};
use super::rendered::{Answer, Form, Template};
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
    if row.may_be_read_by(&actor(staff)) { Ok(Form::of(row)) } else { Err(forbidden()) }
}

fn forbidden() -> Problem {
    Problem::forbidden("the case belongs to another center or department")
}

/// Whether what was answered is likely to be asked for again within seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// A page of a list, which others look at too.
    Answers,
    /// Not more than the templates.
    Templates,
}

/// The answers to cases, in their order: those of a moment ago as they are, others from their templates, and what has
/// none is made anew.
///
/// A case that is gone meanwhile is left out.
///
/// # Errors
/// When the view cannot be read.
pub(super) async fn answers(
    doors: &Doors,
    cases: Vec<(CaseId, Form)>,
    now: Timestamp,
    keep: Keep,
) -> Result<Vec<Answer>, Problem> {
    let mut answers: Vec<Option<Answer>> = Vec::with_capacity(cases.len());
    let mut templates = Vec::new();
    for (place, (case_id, form)) in cases.into_iter().enumerate() {
        answers.push(doors.rendered.find(case_id, form, now));
        if answers[place].is_none()
            && let Some(template) = template(doors, case_id, form, now)?
        {
            templates.push((place, case_id, template));
        }
    }
    let sealed = templates.iter().filter_map(|(_, case_id, template)| template.sealed(*case_id));
    let applicants = match templates.is_empty() {
        true => HashMap::new(),
        false => applicant::of_page(doors, sealed).await,
    };
    for (place, case_id, template) in templates {
        let opened = applicants.get(&case_id);
        let hidden = template.sealed(case_id).map(|one| ApplicantAnswer::hidden_of(one.kind));
        let is_whole = hidden.is_none() || opened.is_some_and(|one| !one.is_hidden());
        let answer = template.answer(opened.or(hidden.as_ref()), now);
        if let Some(answer) = &answer
            && is_whole
            && keep == Keep::Answers
        {
            doors.rendered.keep(case_id, answer);
        }
        answers[place] = answer;
    }
    Ok(answers.into_iter().flatten().collect())
}

/// The template of a case: kept, or made of its record and kept. Blocks for a read of the store, and a write.
///
/// # Errors
/// When the view cannot be read.
fn template(
    doors: &Doors,
    case_id: CaseId,
    form: Form,
    now: Timestamp,
) -> Result<Option<Template>, Problem> {
    let (view, epoch) = (doors.core.view(), &doors.rendered.epoch);
    if let Some(template) = Template::find(&view.views, epoch, case_id, form, now) {
        return Ok(Some(template));
    }
    let Some(record) = view.views.case(case_id).map_err(broken)? else { return Ok(None) };
    let form = Form { version: record.case.version, is_quarantined: record.quarantined };
    let hidden = ApplicantAnswer::hidden(&record.case);
    let sealed = Sealed::of(&record.case).map(|one| (one.kind, one.sealed.to_owned()));
    let case = CaseAnswer::of(record, hidden, &doors.core.district.rules, now);
    // A struct of ours is JSON.
    let Ok(json) = serde_json::to_string(&case) else { return Ok(None) };
    let template = Template::of(&json, form, sealed, case.is_overdue(), now);
    if let Some(template) = &template {
        template.keep(&view.views, epoch, case_id);
    }
    Ok(template)
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
    let answers = answers(&doors, vec![(case_id, form)], at, Keep::Templates).await?;
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
