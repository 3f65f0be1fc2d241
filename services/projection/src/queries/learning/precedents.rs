//! `GET /v1/precedents`.

use axum::Json;
use axum::extract::State;
use casework::learning::precedent::Precedent;
use proto_events::Timestamp;
use proto_events::codes::{Cause, Stage};
use proto_events::events::PolicyBasis;
use proto_events::ids::{CaseId, DepartmentId, PrecedentId};
use proto_events::learning::{PrecedentOutcome, RetirementReason};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Place, begins, fresh, is_of_cause, openable, permitted};
use crate::queries::{Doors, actor, parameters};
use crate::similar::linear::{likeness, pairs};

/// Least likeness of a precedent to what is searched for: one pair of characters in five.
const LIKENESS_MIN: f64 = 0.2;

/// Most uses of a precedent that an answer names, the latest first; all are counted.
const APPLICATIONS_MAX: usize = 20;

/// Which precedents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::queries) enum Standing {
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
pub(in crate::queries) struct PrecedentParameters {
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
pub(in crate::queries) struct ApplicationAnswer {
    /// The case; null when it is not yours to open.
    case_id: Option<CaseId>,
    /// Username.
    by: String,
    at: Timestamp,
    note: Option<String>,
}

/// The end of a precedent.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(in crate::queries) struct RetirementAnswer {
    reason: RetirementReason,
    reason_label: &'static str,
    note: String,
    /// Username.
    by: String,
    at: Timestamp,
}

/// A precedent.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(in crate::queries) struct PrecedentAnswer {
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
pub(in crate::queries) struct PrecedentsAnswer {
    items: Vec<PrecedentAnswer>,
    /// Where the next page begins; null on the last.
    next_cursor: Option<String>,
    /// How many precedents all pages have.
    total: usize,
    as_of: Timestamp,
    /// The sequence of the stream of what was learned.
    as_of_sequence: u64,
}

/// Serves precedents, the latest first, or the most alike when something is searched for.
pub(in crate::queries) async fn precedents(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<PrecedentParameters>,
) -> Result<Json<PrecedentsAnswer>, Problem> {
    let actor = permitted(actor(&staff))?;
    let limit = parameters::limit(asked.limit)?;
    let matter = parameters::searched("matter", asked.matter)?;
    let searched = parameters::searched("q", asked.q)?;
    let narrowed = (asked.state, asked.cause, &asked.department);
    let question = format!("{matter:?} {searched:?} {narrowed:?}");
    let cursor: Option<Place> = parameters::cursor_of(&question, asked.cursor.as_deref())?;
    let searched = searched.map(|text| pairs(&text));
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
        next_cursor: next.map(|one| parameters::cursor_at(&question, &one.1)),
        total,
        as_of: doors.core.now(),
        as_of_sequence,
    }))
}

/// Everything that a precedent says, for a search.
fn said(precedent: &Precedent) -> String {
    let Precedent { title, matter, situation, solution, conditions, .. } = precedent;
    format!("{title}\n{matter}\n{situation}\n{solution}\n{}", conditions.join("\n"))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let asked = [
        Parameter::query::<String>("matter", "The exact name of the matter"),
        Parameter::query::<Cause>("cause", "A cause, or the letter of its category"),
        Parameter::query::<DepartmentId>("department", "Who solved or explained it"),
        Parameter::query::<Standing>("state", "Those that hold when absent"),
        Parameter::query::<String>("q", "What is searched for; the most alike first"),
        super::min_version(),
    ];
    let operation =
        super::operation("/v1/precedents", "What is to be done again in a case of the same kind")
            .answers::<PrecedentsAnswer>(200);
    asked.into_iter().chain(parameters::of_page()).fold(operation, Operation::parameter)
}
