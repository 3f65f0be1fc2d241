//! The doors of precedents: publish, apply, retire.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use casework::learning::permission::LearningKind;
use casework::learning::precedent::{
    Apply, Publish, Retire, decide_apply, decide_publish, decide_retire,
};
use casework::learning::{Book, LearningContext};
use casework::refusal::RefusalCode;
use desk::bodies::{PolicyBasis, all};
use desk::endpoint::AnsweredEvent;
use proto_events::ids::{CaseId, PrecedentId};
use proto_events::learning::RetirementReason;
use proto_events::subject::LearningSubject;
use runtime::http::{
    IdempotencyKey, IfMatch, Operation, Path, Problem, RequestId, StrictJson, etag,
};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::orders::{self, Asked, Carried, Heading};
use crate::{Learning, applicant};

const PUBLISH: &str = "/v1/precedents";
const APPLY: &str = "/v1/precedents/{id}/apply";
const RETIRE: &str = "/v1/precedents/{id}/retire";

/// A precedent, to be published.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishBody {
    /// The case that it is made of; resolved, or explained.
    case_id: CaseId,
    /// What it is called, 1 to 100 characters.
    title: String,
    /// What the situation was, without anybody in it, up to 2000 characters.
    situation: String,
    /// What has to be so for it to hold again; each of them, at least one.
    conditions: Vec<String>,
    /// The texts that it stands on, at least one.
    basis: Vec<PolicyBasis>,
    /// What was done, or what was said, up to 2000 characters.
    solution: String,
    /// Username of the second person who checked it: a director, a lead or the coordinator.
    checked_by: String,
}

/// A case to which it is applied.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyBody {
    /// The open case.
    case_id: CaseId,
    /// The numbers, from 1, of the conditions that are met; every one has to be. All of them when absent.
    #[serde(default)]
    conditions_met: Option<Vec<u32>>,
    /// What else was looked at.
    #[serde(default)]
    note: Option<String>,
}

/// Why it no longer holds.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RetireBody {
    /// Why.
    reason: RetirementReason,
    /// Which policy, what was wrong, or what has taken its place.
    note: String,
}

/// The answer to a command on a precedent.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct PrecedentCommandAnswer {
    precedent_id: PrecedentId,
    title: String,
    /// Whether it no longer holds.
    retired: bool,
    /// To how many cases it was applied.
    applications: usize,
    /// Stream sequence of its last event; also the ETag.
    version: u64,
    events: Vec<AnsweredEvent>,
}

pub(crate) fn routes() -> Router<Learning> {
    Router::new()
        .route(PUBLISH, post(publish))
        .route(APPLY, post(apply))
        .route(RETIRE, post(retire))
}

pub(crate) fn operations() -> [Operation; 3] {
    let operation = |path, summary, codes: &[RefusalCode]| {
        let codes: Vec<_> = codes.iter().map(|code| code.code()).collect();
        Operation::new(Method::POST, path, "learning", summary).command().refuses(&codes)
    };
    use RefusalCode::{
        ConditionsUnmet, NotAPrecedent, PiiInText, PrecedentRetired, SamePerson, WrongState,
    };
    [
        operation(
            PUBLISH,
            "Makes a solved or explained case a precedent, checked by a second person (发布先例)",
            &[WrongState, SamePerson, NotAPrecedent, PiiInText],
        )
        .takes::<PublishBody>()
        .answers::<PrecedentCommandAnswer>(201),
        operation(
            APPLY,
            "Applies a precedent to an open case, when every condition is met (适用先例)",
            &[WrongState, PrecedentRetired, ConditionsUnmet, PiiInText],
        )
        .takes::<ApplyBody>()
        .answers::<PrecedentCommandAnswer>(200),
        operation(
            RETIRE,
            "Says that a precedent no longer holds (废止先例)",
            &[PrecedentRetired, PiiInText],
        )
        .takes::<RetireBody>()
        .answers::<PrecedentCommandAnswer>(200),
    ]
}

async fn publish(
    State(Learning { desk, .. }): State<Learning>,
    Signed(staff): Signed,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<PublishBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::PublishPrecedent;
    let read = orders::read_by(&desk, &staff, kind, "publish precedent", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let scope = value.case_id.to_string();
    let asked = Asked::of(&desk, &staff, &scope, "publish precedent", heading);
    let PublishBody { case_id, title, situation, conditions, basis, solution, checked_by } = value;
    let case = orders::case_named(&desk, case_id).await?;
    let second = orders::second_person(&desk, &checked_by).await?;
    let of_applicant = applicant::known_of(&desk, &case).await?;
    let basis = all(basis);
    let wish = Publish { title, situation, conditions, basis, solution, checked_by };
    let id = PrecedentId::of_command(asked.command_id);
    let subject = LearningSubject::Precedent(id);
    let decide = |book: &Book, context: &LearningContext<'_>| {
        decide_publish(book.precedents.get(&id), &wish, &case, &of_applicant, context)
    };
    let carried = orders::carry_out(&desk, subject, &asked, second.as_ref(), decide).await?;
    respond(StatusCode::CREATED, carried)
}

async fn apply(
    State(Learning { desk, .. }): State<Learning>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<ApplyBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::ApplyPrecedent;
    let read = orders::read_by(&desk, &staff, kind, "apply precedent", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let asked = Asked::of(&desk, &staff, &id, "apply precedent", heading);
    let id = precedent_id(&id)?;
    let case = orders::case_named(&desk, value.case_id).await?;
    let wish = Apply { conditions_met: value.conditions_met, note: value.note };
    let decide = |book: &Book, context: &LearningContext<'_>| {
        decide_apply(book.precedents.get(&id), &wish, &case, context)
    };
    let subject = LearningSubject::Precedent(id);
    respond(StatusCode::OK, orders::carry_out(&desk, subject, &asked, None, decide).await?)
}

async fn retire(
    State(Learning { desk, .. }): State<Learning>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<RetireBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::RetirePrecedent;
    let read = orders::read_by(&desk, &staff, kind, "retire precedent", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let asked = Asked::of(&desk, &staff, &id, "retire precedent", heading);
    let id = precedent_id(&id)?;
    let wish = Retire { reason: value.reason, note: value.note };
    let decide = |book: &Book, context: &LearningContext<'_>| {
        decide_retire(book.precedents.get(&id), &wish, context)
    };
    let subject = LearningSubject::Precedent(id);
    respond(StatusCode::OK, orders::carry_out(&desk, subject, &asked, None, decide).await?)
}

fn precedent_id(text: &str) -> Result<PrecedentId, Problem> {
    text.parse().map_err(|_| orders::no_such())
}

fn respond(status: StatusCode, carried: Carried) -> Result<Response, Problem> {
    let precedent = carried.precedent()?;
    let answer = PrecedentCommandAnswer {
        precedent_id: precedent.precedent_id,
        title: precedent.title.clone(),
        retired: precedent.retired.is_some(),
        applications: precedent.applications.len(),
        version: carried.version,
        events: carried.events,
    };
    Ok((status, etag(answer.version), Json(answer)).into_response())
}
