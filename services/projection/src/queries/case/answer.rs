//! The shape of a case in an answer.
//!
//! Invariant: what the contract names stays; it may grow.

use casework::case::Case;
use casework::case::records::{
    Arbitration, Correction, Determination, Escalation, Explanation, Extension, Feedback, Hop,
    Rectification, Return, Urge,
};
use casework::explanation::{self, ClockState};
use casework::next::{NextStep, Party, Step, next_steps};
use casework::rules::Rules;
use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Cause, Channel, Clock, ClosingCode, Complexity, Exclusion, Resolution, Stage,
};
use proto_events::events::{Matter, PolicyBasis, Remedy, WindowContact};
use proto_events::ids::{CaseId, CenterId, DepartmentId, ReceiptCode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::super::applicant::ApplicantAnswer;
use super::super::words::Words;
use super::work::{
    self, ActionAnswer, LinkAnswer, MaterialRequestAnswer, PartAnswer, PastPauseAnswer,
    PauseAnswer, SpecialAnswer, SpecialStatus, TaskForceAnswer,
};
use crate::record::CaseRecord;

/// What is to be seen at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Flags {
    overdue: bool,
    paused: bool,
    ping_pong: bool,
    provisional_due: bool,
    special_handling: SpecialStatus,
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

/// A clock that runs or stands still; `GET /v1/cases/{id}/clocks` explains it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct RunningClock {
    clock: Clock,
    occurrence: u32,
    label: Words,
    started_at: Timestamp,
    due_at: Timestamp,
    /// `running`, `paused` or `overdue`.
    #[schemars(with = "String")]
    state: ClockState,
}

/// What is to be done next, by whom and by when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct NextAnswer {
    /// `forward`, `accept`, `contact`, `handle`, `hand_in_papers`, `resume`, `complete_part`, `arbitrate`, `meet`, `act`,
    /// `check_special`, `decide_special`, `review_special`, `explain`, `call_back` or `rectify`.
    #[schemars(with = "String")]
    step: Step,
    label: Words,
    /// `center`, `department`, `person`, `coordinator`, `callback` or `applicant`.
    party: &'static str,
    /// Which center or department, or who; null when the party says it.
    id: Option<String>,
    /// What that body or person is called.
    name: Option<String>,
    /// Username of who does it there, when somebody was named.
    handler: Option<String>,
    due_at: Option<Timestamp>,
}

/// Where a case stood before it was taken over (台账转入).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ImportedAnswer {
    /// SHA-256 of the file.
    file: String,
    /// The row, from 1.
    row: u32,
    /// When it was taken over.
    at: Timestamp,
    /// The columns that were filled by whoever imported it.
    assumed: Vec<String>,
}

/// That a case was registered while the line of its center was down, and came later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ArrivedLate {
    /// When the center wrote it down, by its own clock.
    registered_at: Timestamp,
    /// When the district took it. Promises are counted from when it happened all the same.
    arrived_at: Timestamp,
    /// How long it was on its way, by the district's clock.
    late_seconds: i64,
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
    /// Where it stood before, when it was taken over from an earlier register; null when it was opened here.
    imported: Option<ImportedAnswer>,
    /// The center that stays responsible until the end.
    first_receiver: CenterId,
    department: Option<DepartmentId>,
    co_departments: Vec<DepartmentId>,
    handler: Option<String>,
    contact: Option<WindowContact>,
    opened_at: Timestamp,
    due_at: Timestamp,
    original_due_at: Timestamp,
    /// Whether days off may still be published before the promise.
    provisional_due: bool,
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
    /// What it waits for, the most urgent first; empty when it has come to its end.
    next: Vec<NextAnswer>,
    /// The pause that lasts.
    pause: Option<PauseAnswer>,
    /// The pauses that are over, oldest first.
    pauses: Vec<PastPauseAnswer>,
    #[schemars(with = "Option<Value>")]
    extension: Option<Extension>,
    task_force: Option<TaskForceAnswer>,
    /// What the meetings of every task force gave people to do.
    actions: Vec<ActionAnswer>,
    special_handling: Option<SpecialAnswer>,
    special_handling_status: SpecialStatus,
    material_requests: Vec<MaterialRequestAnswer>,
    materials_received_at: Option<Timestamp>,
    /// The parts of a joint matter.
    parts: Vec<PartAnswer>,
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
    /// How often, and when, somebody asked to hurry.
    #[schemars(with = "Vec<Value>")]
    urges: Vec<Urge>,
    /// The cases that it has to do with.
    links: Vec<LinkAnswer>,
    /// What was put right in what had been written down.
    #[schemars(with = "Vec<Value>")]
    corrections: Vec<Correction>,
    correction_count: usize,
    /// Whether it came more than ten minutes after it was registered; null otherwise.
    arrived_late: Option<ArrivedLate>,
    /// By how many seconds the clock of its center was ahead when it came, if more than five minutes; negative: behind. The
    /// promise that was printed counts.
    center_clock_ahead_seconds: Option<i64>,
    /// From when its retention is over; null while it may go on.
    erase_after: Option<Timestamp>,
    /// Sequence of its last event; also the ETag.
    version: u64,
}

impl CaseAnswer {
    /// Shows a record as it is at `now`, with an applicant who is masked already.
    pub(crate) fn of(
        record: CaseRecord,
        applicant: ApplicantAnswer,
        rules: &Rules,
        now: Timestamp,
    ) -> Self {
        let arrived_late = arrived_late(&record);
        let center_clock_ahead_seconds =
            record.arrival.and_then(|arrival| arrival.clock_ahead_seconds);
        let CaseRecord { case, quarantined, .. } = record;
        let special_handling_status = work::special_status(&case);
        Self {
            case_id: case.case_id,
            flags: Flags {
                overdue: case.is_overdue(now),
                paused: case.pause.is_some(),
                ping_pong: case.is_ping_pong(),
                provisional_due: case.provisional_due,
                special_handling: special_handling_status,
                quarantined,
            },
            cause: CauseAnswer {
                provisional: case.cause_provisional,
                confirmed: case.cause_confirmed,
            },
            first_receiver: case.center.clone(),
            outcome_at: case.outcome.as_ref().map(|outcome| outcome.at),
            escalation_level: case.escalation_rank(),
            clocks: clocks(&case, now),
            next: next(&case, rules),
            hops: case.hops.len(),
            outcome: outcome(&case),
            special_handling: work::special(&case, now),
            pause: work::pause(&case),
            pauses: work::pauses(&case),
            task_force: work::task_force(&case, rules, now),
            actions: work::actions(&case.actions, rules, now),
            material_requests: work::material_requests(&case, now),
            parts: work::parts(&case, rules, now),
            links: work::links(&case),
            correction_count: case.corrections.len(),
            erase_after: case.retention_ends(&rules.limits),
            special_handling_status,
            arrived_late,
            center_clock_ahead_seconds,
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
            imported: case.imported.map(|record| ImportedAnswer {
                file: record.from.file,
                row: record.from.row,
                at: record.at,
                assumed: record.assumed,
            }),
            department: case.department,
            co_departments: case.co_departments,
            handler: case.handler,
            contact: case.contact,
            opened_at: case.opened_at,
            due_at: case.due_at,
            original_due_at: case.original_due_at,
            provisional_due: case.provisional_due,
            closed_at: case.closed_at,
            closing_code: case.closing_code,
            last_event_at: case.last_event_at,
            handings_over: case.hops,
            returns: case.returns,
            arbitration: case.arbitration,
            escalations: case.escalations,
            extension: case.extension,
            materials_received_at: case.materials_received_at,
            determination: case.determination,
            explanations: case.explanations,
            feedback: case.feedback,
            rectification: case.rectification,
            reopen_count: case.reopen_count,
            urges: case.urges,
            corrections: case.corrections,
            version: case.version,
        }
    }

    /// Whether anything in it is late: what time alone can change in an answer.
    pub(super) fn is_overdue(&self) -> bool {
        self.flags.overdue
            || self.clocks.iter().any(|clock| clock.state == ClockState::Overdue)
            || self.actions.iter().any(ActionAnswer::is_late)
            || self.material_requests.iter().any(MaterialRequestAnswer::is_late)
    }
}

fn arrived_late(record: &CaseRecord) -> Option<ArrivedLate> {
    let (arrived_at, took) = record.late_arrival()?;
    let late_seconds = took.num_seconds();
    Some(ArrivedLate { registered_at: record.first_recorded_at, arrived_at, late_seconds })
}

fn clocks(case: &Case, now: Timestamp) -> Vec<RunningClock> {
    let shown = |run: explanation::ClockStanding| RunningClock {
        clock: run.clock,
        occurrence: run.occurrence,
        label: run.label.into(),
        started_at: run.started_at,
        due_at: run.due_at,
        state: run.state,
    };
    explanation::standing(case, now).into_iter().map(shown).collect()
}

fn next(case: &Case, rules: &Rules) -> Vec<NextAnswer> {
    let shown = |next: NextStep| {
        let (_, zh, en) = next.step.words();
        let label = casework::explanation::Words::new(zh, en).into();
        let body = |id: &str| Some(rules.body_name(id).to_owned());
        let (party, id, name, handler) = match next.by {
            Party::Center(id) => ("center", Some(id.to_string()), body(id.as_str()), None),
            Party::Department(id, handler) => {
                ("department", Some(id.to_string()), body(id.as_str()), handler)
            }
            Party::Person(person) => ("person", Some(person.clone()), Some(person), None),
            Party::Coordinator => ("coordinator", None, None, None),
            Party::Callback => ("callback", None, None, None),
            Party::Applicant => ("applicant", None, None, None),
        };
        NextAnswer { step: next.step, label, party, id, name, handler, due_at: next.due_at }
    };
    next_steps(case, rules).into_iter().map(shown).collect()
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
