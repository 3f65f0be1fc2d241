//! `GET /v1/precedents` and `GET /v1/improvements`: what the district learned.
//!
//! Invariant: no applicant stands in what was learned; a case is named only to whoever may open it.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::command::Actor;
use casework::learning::improvement::{Attempt, Improvement, ImprovementState};
use casework::learning::permission::may_read;
use casework::learning::precedent::Precedent;
use proto_events::Timestamp;
use proto_events::codes::{Cause, Stage};
use proto_events::events::PolicyBasis;
use proto_events::ids::{CaseId, DepartmentId, ImprovementId, PrecedentId};
use proto_events::learning::{ImprovementTrigger, PeriodCount, PrecedentOutcome, RetirementReason};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Doors, VERSION_WAIT_MAX, actor, parameters};
use crate::index::Index;
use crate::similar::linear::{likeness, pairs};

/// Least likeness of a precedent to what is searched for: one pair of characters in five.
const LIKENESS_MIN: f64 = 0.2;

/// Most uses of a precedent that an answer names, the latest first; all are counted.
const APPLICATIONS_MAX: usize = 20;

/// Which precedents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Standing {
    /// Those that hold.
    #[default]
    InForce,
    /// Those that no longer hold.
    Retired,
    /// Both.
    All,
}

/// The parameters of the query for precedents.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PrecedentParameters {
    matter: Option<String>,
    cause: Option<Cause>,
    department: Option<DepartmentId>,
    #[serde(default)]
    state: Standing,
    q: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
    min_version: Option<u64>,
}

/// A use of a precedent.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ApplicationAnswer {
    /// The case; null when it is not yours to open.
    case_id: Option<CaseId>,
    /// Username.
    by: String,
    at: Timestamp,
    note: Option<String>,
}

/// The end of a precedent.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct RetirementAnswer {
    reason: RetirementReason,
    reason_label: &'static str,
    note: String,
    /// Username.
    by: String,
    at: Timestamp,
}

/// A precedent.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct PrecedentAnswer {
    precedent_id: PrecedentId,
    title: String,
    matter: String,
    blocked_stage: Stage,
    cause: Cause,
    cause_label: &'static str,
    department: Option<DepartmentId>,
    department_name: Option<String>,
    /// How the case ended that it was made of.
    outcome: PrecedentOutcome,
    /// The case that it was made of; null when it is not yours to open.
    from_case: Option<CaseId>,
    situation: String,
    conditions: Vec<String>,
    basis: Vec<PolicyBasis>,
    solution: String,
    /// Username.
    published_by: String,
    /// Username.
    checked_by: String,
    published_at: Timestamp,
    /// To how many cases it was applied.
    application_count: usize,
    /// The latest uses, at most twenty.
    applications: Vec<ApplicationAnswer>,
    /// Null while it holds.
    retired: Option<RetirementAnswer>,
    /// How much of what was searched for stands in it, 0 to 1; null without a search.
    likeness: Option<f64>,
    version: u64,
}

/// A page of precedents.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PrecedentsAnswer {
    items: Vec<PrecedentAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many precedents all pages have.
    total: usize,
    as_of: Timestamp,
    /// The sequence of the stream of what was learned.
    as_of_sequence: u64,
}

/// The parameters of the query for improvements.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImprovementParameters {
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
pub(super) struct ActionAnswer {
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
pub(super) struct DoneAnswer {
    result: String,
    /// Username.
    by: String,
    at: Timestamp,
}

/// Whether it helped.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct VerificationAnswer {
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
pub(super) struct AttemptAnswer {
    action: ActionAnswer,
    done: Option<DoneAnswer>,
    verification: Option<VerificationAnswer>,
}

/// An improvement.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ImprovementAnswer {
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
pub(super) struct ImprovementsAnswer {
    items: Vec<ImprovementAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many improvements all pages have.
    total: usize,
    as_of: Timestamp,
    /// The sequence of the stream of what was learned.
    as_of_sequence: u64,
}

/// Serves precedents, the latest first, or the most alike when something is searched for.
pub(super) async fn precedents(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<PrecedentParameters>,
) -> Result<Json<PrecedentsAnswer>, Problem> {
    let actor = permitted(actor(&staff))?;
    let limit = parameters::limit(asked.limit)?;
    let cursor: Option<Place> = parameters::cursor(asked.cursor.as_deref())?;
    let matter = parameters::searched("matter", asked.matter)?;
    let searched = parameters::searched("q", asked.q)?.map(|text| pairs(&text));
    let as_of_sequence = fresh(&doors, asked.min_version).await;
    let view = doors.core.view();
    let (index, book) = (view.index(), doors.learned.book());
    let mut found: Vec<(Option<f64>, Place, &Precedent)> = Vec::new();
    for precedent in book.precedents.values() {
        let fits = match asked.state {
            Standing::InForce => precedent.retired.is_none(),
            Standing::Retired => precedent.retired.is_some(),
            Standing::All => true,
        };
        if !fits
            || matter.as_ref().is_some_and(|matter| precedent.matter != *matter)
            || !is_of_cause(precedent.cause, asked.cause)
            || asked.department.is_some() && precedent.department != asked.department
        {
            continue;
        }
        let alike = searched.as_ref().map(|asked| likeness(asked, &pairs(&said(precedent))));
        if alike.is_none_or(|alike| alike >= LIKENESS_MIN) {
            let place = Place::of(precedent.published_at, precedent.precedent_id.0);
            found.push((alike, place, precedent));
        }
    }
    // The most alike first, then the latest.
    let rank = |one: &(Option<f64>, Place, &Precedent)| (one.0.unwrap_or(0.0), one.1);
    found.sort_by(|a, b| {
        let ((alike_a, place_a), (alike_b, place_b)) = (rank(a), rank(b));
        alike_b.total_cmp(&alike_a).then(place_b.cmp(&place_a))
    });
    let total = found.len();
    let places: Vec<Place> = found.iter().map(|one| one.1).collect();
    let begin = begins(&places, cursor, searched.is_none())?;
    let page = found.iter().skip(begin).take(limit);
    let next = found.get(begin + limit).and_then(|_| found.get(begin + limit - 1));
    let rules = &doors.core.district.rules;
    let answer = |(alike, _, precedent): &(Option<f64>, Place, &Precedent)| PrecedentAnswer {
        precedent_id: precedent.precedent_id,
        title: precedent.title.clone(),
        matter: precedent.matter.clone(),
        blocked_stage: precedent.blocked_stage,
        cause: precedent.cause,
        cause_label: precedent.cause.label_zh(),
        department: precedent.department.clone(),
        department_name: precedent
            .department
            .as_ref()
            .map(|department| rules.body_name(department.as_str()).to_owned()),
        outcome: precedent.outcome,
        from_case: openable(&index, &actor, precedent.from_case),
        situation: precedent.situation.clone(),
        conditions: precedent.conditions.clone(),
        basis: precedent.basis.clone(),
        solution: precedent.solution.clone(),
        published_by: precedent.published_by.clone(),
        checked_by: precedent.checked_by.clone(),
        published_at: precedent.published_at,
        application_count: precedent.applications.len(),
        applications: precedent
            .applications
            .iter()
            .rev()
            .take(APPLICATIONS_MAX)
            .map(|one| ApplicationAnswer {
                case_id: openable(&index, &actor, one.case_id),
                by: one.by.clone(),
                at: one.at,
                note: one.note.clone(),
            })
            .collect(),
        retired: precedent.retired.as_ref().map(|retired| RetirementAnswer {
            reason: retired.reason,
            reason_label: retired.reason.label_zh(),
            note: retired.note.clone(),
            by: retired.by.clone(),
            at: retired.at,
        }),
        likeness: *alike,
        version: precedent.version,
    };
    Ok(Json(PrecedentsAnswer {
        items: page.map(answer).collect(),
        next_cursor: next.map(|one| one.1.to_string()),
        total,
        as_of: doors.core.now(),
        as_of_sequence,
    }))
}

/// Serves improvements, the latest first.
pub(super) async fn improvements(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<ImprovementParameters>,
) -> Result<Json<ImprovementsAnswer>, Problem> {
    let actor = permitted(actor(&staff))?;
    let limit = parameters::limit(asked.limit)?;
    let cursor: Option<Place> = parameters::cursor(asked.cursor.as_deref())?;
    let matter = parameters::searched("matter", asked.matter)?;
    let state = asked.state.as_deref().map(|text| {
        text.parse::<ImprovementState>()
            .map_err(|_| Problem::invalid("/state", "is no state of an improvement"))
    });
    let state = state.transpose()?;
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
        next_cursor: next.map(|one| one.0.to_string()),
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

/// Everything that a precedent says, for a search.
fn said(precedent: &Precedent) -> String {
    let Precedent { title, matter, situation, solution, conditions, .. } = precedent;
    format!("{title}\n{matter}\n{situation}\n{solution}\n{}", conditions.join("\n"))
}

fn permitted(actor: Actor) -> Result<Actor, Problem> {
    if may_read(actor.role) {
        Ok(actor)
    } else {
        Err(Problem::forbidden("what the district learned is not yours to see (无权查看)"))
    }
}

/// A cause, or the letter of its category.
fn is_of_cause(cause: Cause, asked: Option<Cause>) -> bool {
    asked.is_none_or(|asked| {
        asked == cause || (!asked.has_sub_code() && asked.category() == cause.category())
    })
}

fn openable(index: &Index, actor: &Actor, case_id: CaseId) -> Option<CaseId> {
    index.row(case_id).filter(|row| row.may_be_read_by(actor)).map(|_| case_id)
}

/// Waits until the view of what was learned includes a version, at most two seconds; gives the sequence that it has come
/// to.
async fn fresh(doors: &Doors, min_version: Option<u64>) -> u64 {
    let learned = &doors.learned;
    if let Some(version) = min_version.filter(|version| *version > learned.sequence()) {
        let mut applied = learned.applied();
        let included = applied.wait_for(|sequence| *sequence >= version);
        let _ = tokio::time::timeout(VERSION_WAIT_MAX, included).await;
    }
    learned.sequence()
}

/// Where something stands in a list: by when it began, and by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    micros: i64,
    id: Uuid,
}

impl Place {
    fn of(at: Timestamp, id: Uuid) -> Self {
        Self { micros: at.timestamp_micros(), id }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.micros, self.id)
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (micros, id) = text.split_once('_').ok_or(())?;
        Ok(Self { micros: micros.parse().map_err(|_| ())?, id: id.parse().map_err(|_| ())? })
    }
}

/// The index behind the item that a cursor names; in a list by time, of the first one that is older when that item is no
/// longer in it.
///
/// # Errors
/// `invalid` when there is no telling.
fn begins(places: &[Place], cursor: Option<Place>, by_time: bool) -> Result<usize, Problem> {
    let Some(cursor) = cursor else { return Ok(0) };
    if by_time {
        return Ok(places.partition_point(|place| *place >= cursor));
    }
    let index = places.iter().position(|place| *place == cursor);
    index.map(|index| index + 1).ok_or_else(parameters::foreign_cursor)
}

/// Their entries in OpenAPI.
pub(super) fn operations() -> [Operation; 2] {
    let precedents = [
        Parameter::query::<String>("matter", "The exact name of the matter"),
        Parameter::query::<Cause>("cause", "A cause, or the letter of its category"),
        Parameter::query::<DepartmentId>("department", "Who solved or explained it"),
        Parameter::query::<Standing>("state", "Those that hold when absent"),
        Parameter::query::<String>("q", "What is searched for; the most alike first"),
        min_version(),
    ];
    let improvements = [
        Parameter::query::<String>("state", "opened, action_set, done, verified or not_held"),
        Parameter::query::<String>("matter", "The exact name of the matter"),
        Parameter::query::<Cause>("cause", "A cause, or the letter of its category"),
        Parameter::query::<DepartmentId>("department", "Whose it is"),
        min_version(),
    ];
    let operation =
        |path, summary| Operation::new(Method::GET, path, "queries", summary).refuses(&["invalid"]);
    [
        precedents.into_iter().chain(parameters::of_page()).fold(
            operation("/v1/precedents", "What is to be done again in a case of the same kind")
                .answers::<PrecedentsAnswer>(200),
            Operation::parameter,
        ),
        improvements.into_iter().chain(parameters::of_page()).fold(
            operation("/v1/improvements", "What is changed, so that it does not happen again")
                .answers::<ImprovementsAnswer>(200),
            Operation::parameter,
        ),
    ]
}

fn min_version() -> Parameter {
    Parameter::query::<u64>(
        "min_version",
        "Wait up to two seconds until the view includes this version of a precedent or an improvement",
    )
}
