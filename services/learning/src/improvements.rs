//! The doors of improvements: open by hand, set the action, report it done, verify it by the rate.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use casework::learning::improvement::{
    ImprovementState, OpenImprovement, decide_action, decide_done, decide_open, decide_verify,
};
use casework::learning::permission::LearningKind;
use casework::learning::{Book, CaseKind, LearningContext};
use casework::refusal::RefusalCode;
use desk::endpoint::AnsweredEvent;
use proto_events::Timestamp;
use proto_events::codes::Cause;
use proto_events::ids::{DepartmentId, ImprovementId};
use proto_events::learning::{ImprovementActionSet, PeriodCount};
use proto_events::subject::LearningSubject;
use runtime::http::{
    IdempotencyKey, IfMatch, Operation, Path, Problem, RequestId, StrictJson, etag,
};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Learning;
use crate::orders::{self, Asked, Carried, Heading};

const OPEN: &str = "/v1/improvements";
const ACTION: &str = "/v1/improvements/{id}/action";
const DONE: &str = "/v1/improvements/{id}/done";
const VERIFY: &str = "/v1/improvements/{id}/verify";

/// An improvement, to be opened by hand.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpenBody {
    /// Why people get stuck, with its sub-code.
    cause: Cause,
    /// The name of the matter.
    matter: String,
    /// The department that handles it.
    department: DepartmentId,
    /// What is wrong, up to 500 characters.
    problem: String,
}

/// What is to be changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionBody {
    /// Who: a department, a center or a username.
    owner: String,
    /// What, up to 500 characters.
    what: String,
    /// By when.
    due_at: Timestamp,
}

/// That it was changed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DoneBody {
    /// What was changed, up to 2000 characters.
    result: String,
}

/// Whether it has helped; the house counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VerifyBody {
    /// Whether it has helped; cannot be said when the rate did not fall.
    holds: bool,
    /// What else was looked at.
    #[serde(default)]
    note: Option<String>,
}

/// The answer to a command on an improvement.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ImprovementCommandAnswer {
    improvement_id: ImprovementId,
    /// `opened`, `action_set`, `done`, `verified` or `not_held`.
    state: &'static str,
    cause: Cause,
    matter: String,
    department: DepartmentId,
    /// The count before, once it was verified.
    before: Option<PeriodCount>,
    /// The count after, once it was verified.
    after: Option<PeriodCount>,
    /// Stream sequence of its last event; also the ETag.
    version: u64,
    events: Vec<AnsweredEvent>,
}

pub(crate) fn routes() -> Router<Learning> {
    Router::new()
        .route(OPEN, post(open))
        .route(ACTION, post(set_action))
        .route(DONE, post(report_done))
        .route(VERIFY, post(verify))
}

pub(crate) fn operations() -> [Operation; 4] {
    use RefusalCode::{ImprovementOpen, NotBetter, PiiInText, SamePerson, TooEarly, WrongState};

    let operation = |path, summary, codes: &[RefusalCode]| {
        let codes: Vec<_> = codes.iter().map(|code| code.code()).collect();
        Operation::new(Method::POST, path, "learning", summary).command().refuses(&codes)
    };
    [
        operation(
            OPEN,
            "Opens an improvement by hand; the house opens one by itself for what recurs (改进立项)",
            &[ImprovementOpen, PiiInText],
        )
        .takes::<OpenBody>()
        .answers::<ImprovementCommandAnswer>(201),
        operation(
            ACTION,
            "Decides what is to be changed, by whom and by when (改进措施)",
            &[WrongState, PiiInText],
        )
        .takes::<ActionBody>()
        .answers::<ImprovementCommandAnswer>(200),
        operation(DONE, "Says what was changed (改进落实)", &[WrongState, PiiInText])
            .takes::<DoneBody>()
            .answers::<ImprovementCommandAnswer>(200),
        operation(
            VERIFY,
            "Says whether it has helped, by the rate before and after (改进核验)",
            &[WrongState, SamePerson, TooEarly, NotBetter, PiiInText],
        )
        .takes::<VerifyBody>()
        .answers::<ImprovementCommandAnswer>(200),
    ]
}

async fn open(
    State(Learning { desk, memory }): State<Learning>,
    Signed(staff): Signed,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<OpenBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::OpenImprovement;
    let read = orders::read_by(&desk, &staff, kind, "open improvement", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let asked = Asked::of(&desk, &staff, "", "open improvement", heading);
    let OpenBody { cause, matter, department, problem } = value;
    let matter = matter.trim().to_owned();
    let wish = OpenImprovement { kind: CaseKind { cause, matter, department }, problem };
    memory.catch_up().await?;
    let unfinished = memory.book().unfinished(&wish.kind).cloned();
    let id = ImprovementId::of_command(asked.command_id);
    let decide = |book: &Book, context: &LearningContext<'_>| {
        let known = book.improvements.get(&id);
        decide_open(known, &wish, unfinished.as_ref(), &memory.cases(), context)
    };
    let subject = LearningSubject::Improvement(id);
    respond(StatusCode::CREATED, orders::carry_out(&desk, subject, &asked, None, decide).await?)
}

async fn set_action(
    State(Learning { desk, .. }): State<Learning>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<ActionBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::SetAction;
    let read = orders::read_by(&desk, &staff, kind, "set action", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let asked = Asked::of(&desk, &staff, &id, "set action", heading);
    let id = improvement_id(&id)?;
    let ActionBody { owner, what, due_at } = value;
    let due_at = due_at.with_timezone(&desk.district.offset);
    let wish = ImprovementActionSet { owner, what, due_at };
    let decide = |book: &Book, context: &LearningContext<'_>| {
        decide_action(book.improvements.get(&id), &wish, context)
    };
    let subject = LearningSubject::Improvement(id);
    respond(StatusCode::OK, orders::carry_out(&desk, subject, &asked, None, decide).await?)
}

async fn report_done(
    State(Learning { desk, .. }): State<Learning>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<DoneBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::ReportDone;
    let read = orders::read_by(&desk, &staff, kind, "report done", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let asked = Asked::of(&desk, &staff, &id, "report done", heading);
    let id = improvement_id(&id)?;
    let decide = |book: &Book, context: &LearningContext<'_>| {
        decide_done(book.improvements.get(&id), &value.result, context)
    };
    let subject = LearningSubject::Improvement(id);
    respond(StatusCode::OK, orders::carry_out(&desk, subject, &asked, None, decide).await?)
}

async fn verify(
    State(Learning { desk, memory }): State<Learning>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<VerifyBody>, Problem>,
) -> Result<Response, Problem> {
    let kind = LearningKind::VerifyImprovement;
    let read = orders::read_by(&desk, &staff, kind, "verify improvement", body).await?;
    let StrictJson { value, hash } = read;
    let heading = Heading { key, if_match, request_id, hash };
    let asked = Asked::of(&desk, &staff, &id, "verify improvement", heading);
    let id = improvement_id(&id)?;
    memory.catch_up().await?;
    let VerifyBody { holds, note } = value;
    let decide = |book: &Book, context: &LearningContext<'_>| {
        let known = book.improvements.get(&id);
        decide_verify(known, holds, note.as_ref(), &memory.cases(), context)
    };
    let subject = LearningSubject::Improvement(id);
    respond(StatusCode::OK, orders::carry_out(&desk, subject, &asked, None, decide).await?)
}

fn improvement_id(text: &str) -> Result<ImprovementId, Problem> {
    text.parse().map_err(|_| orders::no_such())
}

fn respond(status: StatusCode, carried: Carried) -> Result<Response, Problem> {
    let improvement = carried.improvement()?;
    let verification =
        improvement.attempts.last().and_then(|attempt| attempt.verification.as_ref());
    let verification = verification.filter(|_| {
        matches!(improvement.state, ImprovementState::Verified | ImprovementState::NotHeld)
    });
    let CaseKind { cause, matter, department } = improvement.kind.clone();
    let answer = ImprovementCommandAnswer {
        improvement_id: improvement.improvement_id,
        state: improvement.state.code(),
        cause,
        matter,
        department,
        before: verification.map(|found| found.before),
        after: verification.map(|found| found.after),
        version: carried.version,
        events: carried.events,
    };
    Ok((status, etag(answer.version), Json(answer)).into_response())
}
