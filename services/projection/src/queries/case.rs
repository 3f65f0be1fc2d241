//! `GET /v1/cases/{id}`: a case, as the contract has it.
//!
//! Invariant: the answer is made of the record and the clock alone; the applicant comes masked.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::case::Case;
use casework::case::records::{
    Arbitration, Determination, Escalation, Explanation, Extension, Feedback, Hop, MaterialRequest,
    Part, Pause, Rectification, Return, SpecialHandling, TaskForce,
};
use casework::permission;
use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Cause, Channel, Clock, ClosingCode, Complexity, Exclusion, Resolution, Stage,
};
use proto_events::events::{Matter, PolicyBasis, Remedy, WindowContact};
use proto_events::ids::{CaseId, CenterId, DepartmentId, ReceiptCode};
use runtime::http::{Operation, Path, Problem, Query, etag};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::applicant::{self, ApplicantAnswer};
use super::{AsOf, Doors, actor, broken, find, fresh, parameters};
use crate::record::CaseRecord;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    min_version: Option<u64>,
}

/// What is to be seen at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Flags {
    overdue: bool,
    paused: bool,
    ping_pong: bool,
    provisional_due: bool,
    quarantined: bool,
}

/// Why it is stuck.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct CauseAnswer {
    provisional: Cause,
    confirmed: Option<Cause>,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct OutcomeAnswer {
    kind: CaseState,
    resolution: Option<Resolution>,
    result: Option<String>,
    at: Timestamp,
    by: String,
    /// Whether it came by the promise as it stood.
    on_time: bool,
    /// Whether it came by the first promise.
    on_original_time: bool,
    exclusion: Option<Exclusion>,
    remedy: Option<Remedy>,
    /// The texts on which it cannot be done.
    basis: Vec<PolicyBasis>,
    process_change_needed: bool,
    callback_due_at: Option<Timestamp>,
}

/// A special handling with its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SpecialAnswer {
    status: SpecialStatus,
    #[serde(flatten)]
    #[schemars(with = "Value")]
    handling: SpecialHandling,
}

/// Where a special handling stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SpecialStatus {
    None,
    Requested,
    Approved,
    Refused,
}

/// A clock that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct RunningClock {
    clock: Clock,
    occurrence: u32,
    started_at: Timestamp,
    due_at: Timestamp,
}

/// A case.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct CaseAnswer {
    case_id: CaseId,
    case_no: String,
    receipt_code: ReceiptCode,
    center: CenterId,
    state: CaseState,
    flags: Flags,
    complexity: Complexity,
    channel: Channel,
    matter: Matter,
    blocked_stage: Stage,
    cause: CauseAnswer,
    demand: String,
    summary: Option<String>,
    attempts_before: u32,
    applicant: ApplicantAnswer,
    opened_by: String,
    /// The center that stays responsible until the end.
    first_receiver: CenterId,
    department: Option<DepartmentId>,
    co_departments: Vec<DepartmentId>,
    handler: Option<String>,
    contact: Option<WindowContact>,
    opened_at: Timestamp,
    due_at: Timestamp,
    original_due_at: Timestamp,
    outcome_at: Option<Timestamp>,
    closed_at: Option<Timestamp>,
    closing_code: Option<ClosingCode>,
    last_event_at: Timestamp,
    /// How often it was handed to a department.
    hops: usize,
    #[schemars(with = "Vec<Value>")]
    handings_over: Vec<Hop>,
    #[schemars(with = "Vec<Value>")]
    returns: Vec<Return>,
    #[schemars(with = "Option<Value>")]
    arbitration: Option<Arbitration>,
    /// 0 none, 1 director, 2 department lead, 3 coordinator, 4 leading group.
    escalation_level: u8,
    #[schemars(with = "Vec<Value>")]
    escalations: Vec<Escalation>,
    clocks: Vec<RunningClock>,
    #[schemars(with = "Option<Value>")]
    pause: Option<Pause>,
    #[schemars(with = "Option<Value>")]
    extension: Option<Extension>,
    #[schemars(with = "Option<Value>")]
    task_force: Option<TaskForce>,
    special_handling: Option<SpecialAnswer>,
    special_handling_status: SpecialStatus,
    #[schemars(with = "Vec<Value>")]
    material_requests: Vec<MaterialRequest>,
    materials_received_at: Option<Timestamp>,
    #[schemars(with = "Vec<Value>")]
    parts: Vec<Part>,
    #[schemars(with = "Option<Value>")]
    determination: Option<Determination>,
    outcome: Option<OutcomeAnswer>,
    #[schemars(with = "Vec<Value>")]
    explanations: Vec<Explanation>,
    #[schemars(with = "Option<Value>")]
    feedback: Option<Feedback>,
    #[schemars(with = "Option<Value>")]
    rectification: Option<Rectification>,
    reopen_count: u32,
    /// Sequence of its last event; also the ETag.
    version: u64,
}

/// A case, and of when it is.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct OneAnswer {
    #[serde(flatten)]
    case: CaseAnswer,
    as_of: Timestamp,
    as_of_sequence: u64,
}

impl CaseAnswer {
    /// Shows a record as it is at `now`, with an applicant who is masked already.
    pub(crate) fn of(record: CaseRecord, applicant: ApplicantAnswer, now: Timestamp) -> Self {
        let CaseRecord { case, quarantined, .. } = record;
        let special_handling_status = special_status(&case);
        Self {
            case_id: case.case_id,
            flags: Flags {
                overdue: case.is_overdue(now),
                paused: case.pause.is_some(),
                ping_pong: case.is_ping_pong(),
                provisional_due: case.provisional_due,
                quarantined,
            },
            cause: CauseAnswer {
                provisional: case.cause_provisional,
                confirmed: case.cause_confirmed,
            },
            first_receiver: case.center.clone(),
            outcome_at: case.outcome.as_ref().map(|outcome| outcome.at),
            escalation_level: case.escalation_rank(),
            clocks: clocks(&case),
            hops: case.hops.len(),
            outcome: outcome(&case),
            special_handling: case
                .special_handling
                .map(|handling| SpecialAnswer { status: special_handling_status, handling }),
            special_handling_status,
            applicant,
            case_no: case.case_no,
            receipt_code: case.receipt_code,
            center: case.center,
            state: case.state,
            complexity: case.complexity,
            channel: case.channel,
            matter: case.matter,
            blocked_stage: case.blocked_stage,
            demand: case.demand,
            summary: case.summary,
            attempts_before: case.attempts_before,
            opened_by: case.opened_by,
            department: case.department,
            co_departments: case.co_departments,
            handler: case.handler,
            contact: case.contact,
            opened_at: case.opened_at,
            due_at: case.due_at,
            original_due_at: case.original_due_at,
            closed_at: case.closed_at,
            closing_code: case.closing_code,
            last_event_at: case.last_event_at,
            handings_over: case.hops,
            returns: case.returns,
            arbitration: case.arbitration,
            escalations: case.escalations,
            pause: case.pause,
            extension: case.extension,
            task_force: case.task_force,
            material_requests: case.material_requests,
            materials_received_at: case.materials_received_at,
            parts: case.parts,
            determination: case.determination,
            explanations: case.explanations,
            feedback: case.feedback,
            rectification: case.rectification,
            reopen_count: case.reopen_count,
            version: case.version,
        }
    }
}

fn special_status(case: &Case) -> SpecialStatus {
    match case.special_handling.as_ref().map(|special| special.decision.as_ref()) {
        None => SpecialStatus::None,
        Some(None) => SpecialStatus::Requested,
        Some(Some(decision)) if decision.approved => SpecialStatus::Approved,
        Some(Some(_)) => SpecialStatus::Refused,
    }
}

fn clocks(case: &Case) -> Vec<RunningClock> {
    let shown = |run: casework::timetable::ClockRun| RunningClock {
        clock: run.clock,
        occurrence: run.occurrence,
        started_at: run.started_at,
        due_at: run.due_at,
    };
    case.clocks().into_iter().map(shown).collect()
}

fn outcome(case: &Case) -> Option<OutcomeAnswer> {
    let outcome = case.outcome.as_ref()?;
    let basis = case.determination.as_ref().filter(|_| outcome.kind == CaseState::Explained);
    Some(OutcomeAnswer {
        kind: outcome.kind,
        resolution: outcome.resolution,
        result: outcome.result.clone(),
        at: outcome.at,
        by: outcome.by.clone(),
        on_time: outcome.is_on_time(),
        on_original_time: outcome.is_on_original_time(),
        exclusion: outcome.exclusion,
        remedy: outcome.remedy.clone(),
        basis: basis.map(|found| found.basis.clone()).unwrap_or_default(),
        process_change_needed: outcome.process_change_needed,
        callback_due_at: outcome.callback_due_at,
    })
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
    let case = CaseAnswer::of(record, applicant, at);
    // Time alone may change the flags, so a version that is known saves the body only while nothing is due.
    let is_known = headers.get(header::IF_NONE_MATCH) == Some(&tag[0].1);
    if is_known && !case.flags.overdue {
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
