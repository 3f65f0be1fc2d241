//! `GET /v1/improvements`.

use axum::Json;
use axum::extract::State;
use casework::learning::improvement::{Attempt, Improvement, ImprovementState};
use proto_events::Timestamp;
use proto_events::codes::Cause;
use proto_events::ids::{CaseId, DepartmentId, ImprovementId};
use proto_events::learning::{ImprovementTrigger, PeriodCount};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Place, begins, fresh, is_of_cause, openable, permitted};
use crate::queries::{Doors, actor, parameters};

/// The parameters of the query for improvements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::queries) struct ImprovementParameters {
    state: Option<String>,
    matter: Option<String>,
    cause: Option<Cause>,
    department: Option<DepartmentId>,
    limit: Option<u64>,
    cursor: Option<String>,
    min_version: Option<u64>,
}

/// What is to be changed.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::queries) struct ActionAnswer {
    owner: String,
    what: String,
    due_at: Timestamp,
    /// Whether it is not done although its time is over.
    overdue: bool,
    /// Username.
    by: String,
    at: Timestamp,
}

/// That it was changed.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::queries) struct DoneAnswer {
    result: String,
    /// Username.
    by: String,
    at: Timestamp,
}

/// Whether it helped.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::queries) struct VerificationAnswer {
    before: PeriodCount,
    after: PeriodCount,
    holds: bool,
    note: Option<String>,
    /// Username.
    by: String,
    at: Timestamp,
}

/// One attempt.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::queries) struct AttemptAnswer {
    action: ActionAnswer,
    done: Option<DoneAnswer>,
    verification: Option<VerificationAnswer>,
}

/// An improvement.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::queries) struct ImprovementAnswer {
    improvement_id: ImprovementId,
    /// `opened`, `action_set`, `done`, `verified` or `not_held`.
    state: &'static str,
    state_label: &'static str,
    trigger: ImprovementTrigger,
    cause: Cause,
    cause_label: &'static str,
    matter: String,
    department: DepartmentId,
    department_name: String,
    from: chrono::NaiveDate,
    to: chrono::NaiveDate,
    /// How many cases the window had.
    case_count: u32,
    /// Those of them that you may open.
    cases: Vec<CaseId>,
    problem: Option<String>,
    /// Username, or the name of the reaction.
    opened_by: String,
    opened_at: Timestamp,
    /// Every attempt, oldest first.
    attempts: Vec<AttemptAnswer>,
    version: u64,
}

/// A page of improvements.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::queries) struct ImprovementsAnswer {
    items: Vec<ImprovementAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many improvements all pages have.
    total: usize,
    as_of: Timestamp,
    /// The sequence of the stream of what was learned.
    as_of_sequence: u64,
}

/// Serves improvements, the latest first.
pub(in crate::queries) async fn improvements(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<ImprovementParameters>,
) -> Result<Json<ImprovementsAnswer>, Problem> {
    let actor = permitted(actor(&staff))?;
    let limit = parameters::limit(asked.limit)?;
    let matter = parameters::searched("matter", asked.matter)?;
    let state = asked.state.as_deref().map(|text| {
        text.parse::<ImprovementState>()
            .map_err(|_| Problem::invalid("/state", "is no state of an improvement"))
    });
    let state = state.transpose()?;
    let question = format!("{state:?} {matter:?} {:?} {:?}", asked.cause, asked.department);
    let cursor: Option<Place> = parameters::cursor_of(&question, asked.cursor.as_deref())?;
    let as_of_sequence = fresh(&doors, asked.min_version).await;
    let view = doors.core.view();
    let (index, book) = (view.index(), doors.learned.book());
    let mut found: Vec<(Place, &Improvement)> = book
        .improvements
        .values()
        .filter(|one| state.is_none_or(|state| one.state == state))
        .filter(|one| matter.as_ref().is_none_or(|matter| one.kind.matter == *matter))
        .filter(|one| is_of_cause(one.kind.cause, asked.cause))
        .filter(|one| asked.department.as_ref().is_none_or(|id| one.kind.department == *id))
        .map(|one| (Place::of(one.opened_at, one.improvement_id.0), one))
        .collect();
    found.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
    let total = found.len();
    let places: Vec<Place> = found.iter().map(|one| one.0).collect();
    let begin = begins(&places, cursor, true)?;
    let next = found.get(begin + limit).and_then(|_| found.get(begin + limit - 1));
    let (rules, now) = (&doors.core.district.rules, doors.core.now());
    let answer = |(_, one): &(Place, &Improvement)| ImprovementAnswer {
        improvement_id: one.improvement_id,
        state: one.state.code(),
        state_label: one.state.label_zh(),
        trigger: one.trigger,
        cause: one.kind.cause,
        cause_label: one.kind.cause.label_zh(),
        matter: one.kind.matter.clone(),
        department_name: rules.body_name(one.kind.department.as_str()).to_owned(),
        department: one.kind.department.clone(),
        from: one.from,
        to: one.to,
        case_count: one.case_count,
        cases: one.cases.iter().filter_map(|id| openable(&index, &actor, *id)).collect(),
        problem: one.problem.clone(),
        opened_by: one.opened_by.clone(),
        opened_at: one.opened_at,
        attempts: one.attempts.iter().map(|attempt| attempt_answer(attempt, now)).collect(),
        version: one.version,
    };
    Ok(Json(ImprovementsAnswer {
        items: found.iter().skip(begin).take(limit).map(answer).collect(),
        next_cursor: next.map(|one| parameters::cursor_at(&question, &one.0)),
        total,
        as_of: now,
        as_of_sequence,
    }))
}

fn attempt_answer(attempt: &Attempt, now: Timestamp) -> AttemptAnswer {
    let Attempt { action, done, verification } = attempt.clone();
    AttemptAnswer {
        action: ActionAnswer {
            overdue: done.is_none() && now > action.due_at,
            owner: action.owner,
            what: action.what,
            due_at: action.due_at,
            by: action.by,
            at: action.at,
        },
        done: done.map(|done| DoneAnswer { result: done.result, by: done.by, at: done.at }),
        verification: verification.map(|found| VerificationAnswer {
            before: found.before,
            after: found.after,
            holds: found.holds,
            note: found.note,
            by: found.by,
            at: found.at,
        }),
    }
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let asked = [
        Parameter::query::<String>("state", "opened, action_set, done, verified or not_held"),
        Parameter::query::<String>("matter", "The exact name of the matter"),
        Parameter::query::<Cause>("cause", "A cause, or the letter of its category"),
        Parameter::query::<DepartmentId>("department", "Whose it is"),
        super::min_version(),
    ];
    let operation =
        super::operation("/v1/improvements", "What is changed, so that it does not happen again")
            .answers::<ImprovementsAnswer>(200);
    asked.into_iter().chain(parameters::of_page()).fold(operation, Operation::parameter)
}
