//! What people do on a case, as its answer shows it: parts, papers, task force, special handling, pauses, links.

use casework::case::Case;
use casework::case::records::{Action, Meeting};
use casework::rules::Rules;
use proto_events::Timestamp;
use proto_events::codes::{CheckLayer, ConveneTrigger, LinkRelation, PauseReason, ReviewResult};
use proto_events::events::{DepartmentPosition, Member, Mode, RequestedItem};
use proto_events::ids::{CaseId, DepartmentId};
use schemars::JsonSchema;
use serde::Serialize;

use super::super::words::Words;

/// A department's part of a joint matter (联办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PartAnswer {
    department: DepartmentId,
    /// The name of the department.
    name: String,
    ask: String,
    assigned_at: Timestamp,
    due_at: Timestamp,
    completed_at: Option<Timestamp>,
    result: Option<String>,
    /// Whether it is open and late, or was completed late.
    overdue: bool,
}

/// A request for papers (一次性告知).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct MaterialRequestAnswer {
    /// The complete list.
    items: Vec<RequestedItem>,
    mode: Mode,
    mode_label: Words,
    at: Timestamp,
    due_at: Timestamp,
    /// The new fact that made a second request necessary.
    new_fact: Option<String>,
    /// Whether papers have come in since.
    answered: bool,
    /// Whether none have come by the time that was named.
    overdue: bool,
}

/// A layer that has to check a special handling (把关).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct LayerAnswer {
    layer: CheckLayer,
    label: Words,
    by: Option<String>,
    at: Option<Timestamp>,
    finding: Option<String>,
}

/// A check that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct CheckAnswer {
    layer: CheckLayer,
    finding: String,
    by: String,
    at: Timestamp,
}

/// The decision on a special handling.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SpecialDecisionAnswer {
    approved: bool,
    reason: String,
    conditions: Vec<String>,
    is_precedent: bool,
    review_due_at: Option<Timestamp>,
    by: String,
    at: Timestamp,
}

/// What was asked for in a special handling (特事特办).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SpecialRequest {
    facts: String,
    requirement_waived: String,
    discretion_basis: String,
    precedents_checked: Vec<String>,
    requested_by: String,
    requested_at: Timestamp,
}

/// A special handling, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct SpecialAnswer {
    status: SpecialStatus,
    #[serde(flatten)]
    request: SpecialRequest,
    /// All four layers from below, those that have not checked yet without a name.
    layers: Vec<LayerAnswer>,
    /// The checks that were made, oldest first.
    checks: Vec<CheckAnswer>,
    /// The layer that checks next; none when it waits for the decision, or is decided.
    next_layer: Option<CheckLayer>,
    next_layer_label: Option<Words>,
    /// By when the next check or the decision is due; none when it is decided.
    next_due_at: Option<Timestamp>,
    decision: Option<SpecialDecisionAnswer>,
    review_due_at: Option<Timestamp>,
    /// What the look-back found; none while it is open.
    review: Option<ReviewResult>,
    overdue: bool,
}

/// Where a special handling stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SpecialStatus {
    None,
    Requested,
    Approved,
    Refused,
    /// It was approved, and the look-back took that back.
    Revoked,
}

/// Something that a meeting gave somebody to do (任务).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ActionAnswer {
    number: u32,
    /// A department, a center or a username.
    owner: String,
    /// The name of the body; a username as it is.
    owner_name: String,
    what: String,
    given_at: Timestamp,
    due_at: Timestamp,
    /// Whether nobody has done it yet.
    open: bool,
    done_at: Option<Timestamp>,
    result: Option<String>,
    /// Whether the task force ended before it was done.
    carried: bool,
    overdue: bool,
}

/// A meeting of a task force (会商).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct MeetingAnswer {
    number: u32,
    at: Timestamp,
    attendees: Vec<String>,
    positions: Vec<DepartmentPosition>,
    decisions: Vec<String>,
    actions: Vec<ActionAnswer>,
}

/// A task force (专班).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct TaskForceAnswer {
    trigger: ConveneTrigger,
    chair: String,
    members: Vec<Member>,
    objective: String,
    reason: String,
    convened_at: Timestamp,
    first_meeting_due_at: Timestamp,
    meetings: Vec<MeetingAnswer>,
    /// What all of its meetings gave people to do.
    actions: Vec<ActionAnswer>,
    open_actions: usize,
    dissolved_at: Option<Timestamp>,
    outcome: Option<String>,
}

/// A pause that lasts (暂停).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PauseAnswer {
    reason: PauseReason,
    label: Words,
    since: Timestamp,
    /// When it ends by itself.
    until: Timestamp,
}

/// A pause that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PastPauseAnswer {
    reason: PauseReason,
    label: Words,
    since: Timestamp,
    resumed_at: Timestamp,
    /// By how many working days it moved the promise.
    working_days: u32,
}

/// Another case that this one has to do with (关联案件).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct LinkAnswer {
    case_id: CaseId,
    relation: LinkRelation,
    label: Words,
    note: Option<String>,
    at: Timestamp,
}

pub(super) fn parts(case: &Case, rules: &Rules, now: Timestamp) -> Vec<PartAnswer> {
    let shown = |part: &casework::case::records::Part| PartAnswer {
        department: part.department.clone(),
        name: rules.body_name(part.department.as_str()).to_owned(),
        ask: part.ask.clone(),
        assigned_at: part.assigned_at,
        due_at: part.due_at,
        completed_at: part.completed_at,
        result: part.result.clone(),
        overdue: match part.completed_at {
            Some(at) => at > part.due_at,
            None => case.is_open() && now > part.due_at,
        },
    };
    case.parts.iter().map(shown).collect()
}

pub(super) fn material_requests(case: &Case, now: Timestamp) -> Vec<MaterialRequestAnswer> {
    let shown = |request: &casework::case::records::MaterialRequest| {
        let answered = case.materials_received_at.is_some_and(|at| at >= request.at);
        MaterialRequestAnswer {
            items: request.items.clone(),
            mode: request.mode.clone(),
            mode_label: Words::new(request.mode.label_zh(), request.mode.label_en()),
            at: request.at,
            due_at: request.due_at,
            new_fact: request.new_fact.clone(),
            answered,
            overdue: !answered && case.is_open() && now > request.due_at,
        }
    };
    case.material_requests.iter().map(shown).collect()
}

pub(super) fn special_status(case: &Case) -> SpecialStatus {
    let Some(special) = &case.special_handling else { return SpecialStatus::None };
    match &special.decision {
        None => SpecialStatus::Requested,
        Some(decision) if !decision.approved => SpecialStatus::Refused,
        Some(_) if special.review == Some(ReviewResult::Revoked) => SpecialStatus::Revoked,
        Some(_) => SpecialStatus::Approved,
    }
}

pub(super) fn special(case: &Case, now: Timestamp) -> Option<SpecialAnswer> {
    let special = case.special_handling.as_ref()?;
    let is_pending = special.decision.is_none();
    let next_layer = special.next_layer().filter(|_| is_pending);
    let label = |layer: CheckLayer| Words::new(layer.label_zh(), layer.label_en());
    let layers = CheckLayer::ALL.iter().map(|layer| {
        let check = special.checks.iter().find(|check| check.layer == *layer);
        LayerAnswer {
            layer: *layer,
            label: label(*layer),
            by: check.map(|check| check.by.clone()),
            at: check.map(|check| check.at),
            finding: check.map(|check| check.finding.clone()),
        }
    });
    let review_due_at = special.decision.as_ref().and_then(|decision| decision.review_due_at);
    let next_due_at = is_pending.then_some(special.next_due_at);
    let waits_until = next_due_at.or(review_due_at.filter(|_| special.review.is_none()));
    Some(SpecialAnswer {
        status: special_status(case),
        request: SpecialRequest {
            facts: special.facts.clone(),
            requirement_waived: special.requirement_waived.clone(),
            discretion_basis: special.discretion_basis.clone(),
            precedents_checked: special.precedents_checked.clone(),
            requested_by: special.requested_by.clone(),
            requested_at: special.requested_at,
        },
        layers: layers.collect(),
        checks: special
            .checks
            .iter()
            .map(|check| CheckAnswer {
                layer: check.layer,
                finding: check.finding.clone(),
                by: check.by.clone(),
                at: check.at,
            })
            .collect(),
        next_layer,
        next_layer_label: next_layer.map(label),
        next_due_at,
        decision: special.decision.as_ref().map(|decision| SpecialDecisionAnswer {
            approved: decision.approved,
            reason: decision.reason.clone(),
            conditions: decision.conditions.clone(),
            is_precedent: decision.is_precedent,
            review_due_at: decision.review_due_at,
            by: decision.by.clone(),
            at: decision.at,
        }),
        review_due_at,
        review: special.review,
        overdue: waits_until.is_some_and(|due_at| now > due_at),
    })
}

pub(super) fn actions(actions: &[Action], rules: &Rules, now: Timestamp) -> Vec<ActionAnswer> {
    let shown = |action: &Action| ActionAnswer {
        number: action.number,
        owner: action.owner.clone(),
        owner_name: rules.body_name(&action.owner).to_owned(),
        what: action.what.clone(),
        given_at: action.given_at,
        due_at: action.due_at,
        open: action.done_at.is_none(),
        done_at: action.done_at,
        result: action.result.clone(),
        carried: action.carried,
        overdue: action.done_at.unwrap_or(now) > action.due_at,
    };
    actions.iter().map(shown).collect()
}

pub(super) fn task_force(case: &Case, rules: &Rules, now: Timestamp) -> Option<TaskForceAnswer> {
    let force = case.task_force.as_ref()?;
    // The list of actions goes on over every task force; those of the latest stand at its end.
    let count: usize = force.meetings.iter().map(|meeting| meeting.actions.len()).sum();
    let of_force = &case.actions[case.actions.len().saturating_sub(count)..];
    let mut rest = of_force;
    let meeting = |meeting: &Meeting| {
        let (own, others) = rest.split_at(meeting.actions.len().min(rest.len()));
        rest = others;
        MeetingAnswer {
            number: meeting.number,
            at: meeting.at,
            attendees: meeting.attendees.clone(),
            positions: meeting.positions.clone(),
            decisions: meeting.decisions.clone(),
            actions: actions(own, rules, now),
        }
    };
    Some(TaskForceAnswer {
        trigger: force.trigger,
        chair: force.chair.clone(),
        members: force.members.clone(),
        objective: force.objective.clone(),
        reason: force.reason.clone(),
        convened_at: force.convened_at,
        first_meeting_due_at: force.first_meeting_due_at,
        meetings: force.meetings.iter().map(meeting).collect(),
        actions: actions(of_force, rules, now),
        open_actions: of_force.iter().filter(|action| action.done_at.is_none()).count(),
        dissolved_at: force.dissolved_at,
        outcome: force.outcome.clone(),
    })
}

pub(super) fn pause(case: &Case) -> Option<PauseAnswer> {
    let pause = case.pause.as_ref()?;
    Some(PauseAnswer {
        reason: pause.reason,
        label: Words::new(pause.reason.label_zh(), pause.reason.label_en()),
        since: pause.since,
        until: pause.until,
    })
}

pub(super) fn pauses(case: &Case) -> Vec<PastPauseAnswer> {
    let shown = |pause: &casework::case::records::PastPause| PastPauseAnswer {
        reason: pause.reason,
        label: Words::new(pause.reason.label_zh(), pause.reason.label_en()),
        since: pause.since,
        resumed_at: pause.resumed_at,
        working_days: pause.working_days,
    };
    case.pauses.iter().map(shown).collect()
}

pub(super) fn links(case: &Case) -> Vec<LinkAnswer> {
    let shown = |link: &casework::case::records::Link| LinkAnswer {
        case_id: link.case_id,
        relation: link.relation,
        label: Words::new(link.relation.label_zh(), link.relation.label_en()),
        note: link.note.clone(),
        at: link.at,
    };
    case.links.iter().map(shown).collect()
}

impl ActionAnswer {
    /// Whether it is still open and late.
    pub(super) fn is_late(&self) -> bool {
        self.open && self.overdue
    }
}

impl MaterialRequestAnswer {
    /// Whether the applicant is late with it.
    pub(super) fn is_late(&self) -> bool {
        self.overdue
    }
}
