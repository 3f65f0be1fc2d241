//! `GET /v1/similar`: solved and explained cases that are like what is being typed, with what was done.
//!
//! Invariants: what is found is looked up in the view, which says who may see it; no applicant is in the answer; the text
//! that is searched for has no syntax.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::command::Actor;
use casework::permission;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, Resolution, Role, Stage};
use proto_events::events::PolicyBasis;
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AsOf, Doors, VERSION_WAIT_MAX, actor, broken, fresh, parameters};
use crate::core::blocking;
use crate::similar::{Scope, is_telling};

/// Cases of an answer when the caller does not say, and at most: who types reads a few.
const LIMIT_DEFAULT: usize = 5;
const LIMIT_MAX: usize = 20;

/// Longest text in characters: as long as a demand.
const TEXT_CHARS_MAX: usize = 500;

/// How many more cases are looked at than are wanted, because the view may refuse some that the index had.
const SPARE: usize = 20;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    q: Option<String>,
    matter: Option<String>,
    limit: Option<u64>,
    min_version: Option<u64>,
}

/// A case that is like it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SimilarCase {
    case_id: CaseId,
    case_no: String,
    center: CenterId,
    department: Option<DepartmentId>,
    department_name: Option<String>,
    matter: String,
    blocked_stage: Stage,
    cause: Cause,
    cause_label: &'static str,
    demand: String,
    /// `resolved` or `explained`.
    outcome: CaseState,
    /// How it was solved; null when it was explained.
    resolution: Option<Resolution>,
    /// What was done, or the facts of the determination.
    solution: Option<String>,
    /// The texts that a determination stands on.
    basis: Vec<PolicyBasis>,
    /// What the applicant could do instead.
    alternatives: Vec<String>,
    ended_at: Timestamp,
    /// Higher is more alike; comparable within one answer only.
    score: f32,
}

/// Cases that are like it, the most alike first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct SimilarAnswer {
    items: Vec<SimilarCase>,
    as_of: Timestamp,
    /// The sequence of the stream of cases that the index has come to.
    as_of_sequence: u64,
}

/// Serves similar cases.
pub(super) async fn similar(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<SimilarAnswer>, Problem> {
    let text = asked.q.unwrap_or_default();
    if text.chars().count() > TEXT_CHARS_MAX {
        let detail = format!("must have at most {TEXT_CHARS_MAX} characters");
        return Err(Problem::invalid("/q", detail));
    }
    let limit = match asked.limit.map(usize::try_from) {
        None => LIMIT_DEFAULT,
        Some(Ok(limit)) if (1..=LIMIT_MAX).contains(&limit) => limit,
        Some(_) => return Err(Problem::invalid("/limit", format!("must be 1 to {LIMIT_MAX}"))),
    };
    let matter = parameters::searched("matter", asked.matter)?;
    let AsOf { at, .. } = fresh(&doors.core, asked.min_version).await;
    if let Some(version) = asked.min_version {
        let mut applied = doors.similar.applied();
        let included = applied.wait_for(|sequence| *sequence >= version);
        let _ = tokio::time::timeout(VERSION_WAIT_MAX, included).await;
    }
    let as_of_sequence = doors.similar.sequence();
    let actor = actor(&staff);
    let Some(scope) = scope_of(&actor) else {
        return Err(Problem::forbidden("cases are not yours to see (无权查看案件)"));
    };
    let (index, view) = (doors.similar, doors.core.view());
    let found = blocking(move || {
        let found =
            index.search(&text, matter.as_deref(), &scope, limit + SPARE).map_err(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "similar cases could not be looked for");
                Problem::unavailable("similar cases are being looked through anew; try again later")
            })?;
        let mut cases = Vec::new();
        for one in found {
            let record = view.views.case(one.case_id).map_err(broken)?;
            let readable = record
                .map(|record| record.case)
                .filter(|case| is_telling(case) && permission::may_read(&actor, case));
            cases.extend(readable.map(|case| (one.score, case)));
            if cases.len() == limit {
                break;
            }
        }
        Ok::<_, Problem>(cases)
    });
    let rules = &doors.core.district.rules;
    let items = found.await?.into_iter().filter_map(|(score, case)| {
        let outcome = case.outcome?;
        let determination = case.determination.filter(|_| outcome.kind == CaseState::Explained);
        let cause = case.cause_confirmed.unwrap_or(case.cause_provisional);
        let (facts, basis, alternatives) = match determination {
            Some(found) => (Some(found.facts), found.basis, found.alternatives),
            None => (None, Vec::new(), Vec::new()),
        };
        let name = |id: &DepartmentId| rules.body_name(id.as_str()).to_owned();
        Some(SimilarCase {
            case_id: case.case_id,
            case_no: case.case_no,
            center: case.center,
            department_name: case.department.as_ref().map(name),
            department: case.department,
            matter: case.matter.name,
            blocked_stage: case.blocked_stage,
            cause,
            cause_label: cause.label_zh(),
            demand: case.demand,
            outcome: outcome.kind,
            resolution: outcome.resolution,
            solution: facts.or(outcome.result),
            basis,
            alternatives,
            ended_at: outcome.at,
            score,
        })
    });
    Ok(Json(SimilarAnswer { items: items.collect(), as_of: at, as_of_sequence }))
}

/// Where a person's cases lie; none when none are.
fn scope_of(actor: &Actor) -> Option<Scope> {
    match actor.role {
        Role::Clerk | Role::Director => Some(Scope::Center(actor.center.as_ref()?.to_string())),
        Role::Handler | Role::DepartmentLead => {
            Some(Scope::Department(actor.department.as_ref()?.to_string()))
        }
        Role::Coordinator
        | Role::Callback
        | Role::PrivacyOfficer
        | Role::Auditor
        | Role::System => Some(Scope::All),
        Role::Admin => None,
    }
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    Operation::new(
        Method::GET,
        "/v1/similar",
        "queries",
        "Solved and explained cases that are like what is being typed, with what was done",
    )
    .answers::<SimilarAnswer>(200)
    .refuses(&["invalid"])
    .parameter(Parameter::query::<String>(
        "q",
        "What is being typed, up to 500 characters; plain text",
    ))
    .parameter(Parameter::query::<String>(
        "matter",
        "The name of the matter; the same one counts for more",
    ))
    .parameter(Parameter::query::<u64>("limit", "How many, 1 to 20; 5 when absent"))
    .parameter(parameters::min_version())
}
