//! `GET /v1/receipts/{code}`: what anybody with the receipt may see: where it is, who has it, by when, and what
//! there is to do.
//!
//! Invariants: no sign-in; no person (neither applicant nor staff), no demand, no summary, nothing of what departments
//! write to each other; a code that is none and a code of no case get the same answer, and cost the one who asks the
//! same: whoever guesses waits sooner than whoever looks often at what is his. A code has more than fifty random bits:
//! the measure keeps the house calm, the code keeps the secret.

mod telling;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use casework::case::{Case, EventMeta};
use casework::explanation::explain;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Clock};
use proto_events::events::{CaseEvent, Remedy, RequestedItem, WindowContact};
use proto_events::ids::ReceiptCode;
use runtime::http::allowance::too_often;
use runtime::http::{Allowance, Operation, Path, Problem, visitor};
use schemars::JsonSchema;
use serde::Serialize;

use super::called::Called;
use super::words::Words;
use super::{AsOf, Doors, broken, find, history};
use crate::core::Core;

/// Looks at once of one visitor, and a minute: who follows one matter needs one, a family or a bench behind one address
/// some.
const LOOKS_BURST: u32 = 120;
const LOOKS_PER_MINUTE: u32 = 120;

/// What a look at nothing costs beyond its own: thirty slips of the pen at once, thirty a minute.
const SLIP_COST: u32 = 3;

/// How often a visitor may look at receipts.
pub(super) fn looks() -> Allowance {
    Allowance::new(LOOKS_BURST, LOOKS_PER_MINUTE)
}

/// How long the page waits for the history of the case.
const HISTORY_TIME_MAX: Duration = Duration::from_secs(1);

/// A body with its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Body {
    id: String,
    name: String,
}

/// Something that happened, for the applicant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Update {
    time: Timestamp,
    zh: String,
    en: String,
}

/// The papers that the applicant is asked to bring: all of them, said at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Papers {
    /// The complete list, each with the text that requires it.
    items: Vec<RequestedItem>,
    /// By when.
    due_at: Timestamp,
    /// Whether papers have come in since.
    answered: bool,
}

/// Why the clock stands still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Standstill {
    reason: Words,
    since: Timestamp,
    /// When it runs again by itself.
    until: Timestamp,
}

/// How far the other departments are that do a part of it. Which ones they are stays inside: who helps may tell what the
/// applicant has (残联, 退役军人事务).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PublicParts {
    total: usize,
    done: usize,
    /// By when the last of them is due; none when all are done.
    due_at: Option<Timestamp>,
    words: Words,
}

/// That somebody asked to hurry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Urged {
    count: usize,
    last_at: Timestamp,
}

/// How it ended, for the applicant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct PublicOutcome {
    kind: CaseState,
    at: Timestamp,
    /// The result, or the reason.
    text: Option<String>,
    /// The texts on which it cannot be done: title and article.
    basis: Vec<String>,
}

/// The public page of a receipt.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ReceiptAnswer {
    case_no: String,
    receipt_code: ReceiptCode,
    state: CaseState,
    state_label: Words,
    matter: String,
    center: Body,
    department: Option<Body>,
    /// The window that has it.
    contact: Option<WindowContact>,
    opened_at: Timestamp,
    due_at: Timestamp,
    /// Whether days off may still be published before the promise.
    provisional_due: bool,
    /// Why it is due then, in a sentence.
    due_explained: Option<Words>,
    overdue: bool,
    paused: bool,
    /// Why and until when the clock stands still.
    pause: Option<Standstill>,
    next_step: Words,
    /// What there is to bring, while the case is open.
    materials: Option<Papers>,
    /// What other departments do of it; null when none does.
    parts: Option<PublicParts>,
    urged: Option<Urged>,
    /// What happened, oldest first; null while the log that says so is out of reach.
    updates: Option<Vec<Update>>,
    outcome: Option<PublicOutcome>,
    /// What can be done instead of what cannot.
    alternatives: Vec<String>,
    /// The ways that remain after an explanation.
    remedies: Vec<String>,
    /// Where to go instead.
    remedy: Option<Remedy>,
    as_of: Timestamp,
    as_of_sequence: u64,
}

/// Serves the page of a receipt.
pub(super) async fn page(
    State(doors): State<Doors>,
    Path(code): Path<String>,
) -> Result<Json<ReceiptAnswer>, Problem> {
    let visitor = visitor::current();
    if let Some(visitor) = visitor {
        doors.looks.take(visitor, 1).map_err(too_often)?;
    }
    let answered = answer(&doors.core, &code).await.map(Json);
    if let (Some(visitor), Err(problem)) = (visitor, &answered)
        && problem.status == StatusCode::NOT_FOUND
    {
        doors.looks.charge(visitor, SLIP_COST);
    }
    answered
}

/// Finds the case of a receipt.
///
/// # Errors
/// `not_found` for whatever is no code of a case.
fn case_of(core: &Core, code: &str) -> Result<(AsOf, Case), Problem> {
    let nothing =
        || Problem::not_found("there is no case with this receipt (没有此回执对应的事项)");
    let code: ReceiptCode = code.parse().map_err(|_| nothing())?;
    // Taken before the case is: an answer is never older than it says.
    let as_of = AsOf::now(core);
    let views = &core.view().views;
    let case_id = views.receipt(&code).map_err(broken)?.ok_or_else(nothing)?;
    let record = views.case(case_id).map_err(broken)?.ok_or_else(nothing)?;
    Ok((as_of, record.case))
}

/// Makes the page of a receipt.
///
/// # Errors
/// `not_found` for whatever is no code of a case.
pub(crate) async fn answer(core: &Core, code: &str) -> Result<ReceiptAnswer, Problem> {
    let (AsOf { at: now, sequence: as_of_sequence }, case) =
        find(core, || case_of(core, code)).await?;
    // Where it is and by when is the answer; what led there stands in the log, which may be away.
    let read = tokio::time::timeout(HISTORY_TIME_MAX, history::of_case(core, &case)).await;
    let history = read.ok().and_then(Result::ok).map(history::told);
    let (rules, called) = (&core.district.rules, Called::bodies(&core.district));
    let body = |id: &str| Body { id: id.to_owned(), name: rules.body_name(id).to_owned() };
    Ok(ReceiptAnswer {
        state_label: Words {
            zh: case.state.label_zh().to_owned(),
            en: case.state.label_en().to_owned(),
        },
        state: case.state,
        matter: case.matter.name.clone(),
        center: body(case.center.as_str()),
        department: case.department.as_ref().map(|id| body(id.as_str())),
        opened_at: case.opened_at,
        due_at: case.due_at,
        provisional_due: case.provisional_due,
        due_explained: history.as_ref().and_then(|history| {
            let told = explain(&case, history, rules, now).into_iter();
            let handling = told.filter(|told| told.clock == Clock::Handling);
            Some(handling.max_by_key(|told| told.occurrence)?.sentence.into())
        }),
        overdue: case.is_overdue(now),
        paused: case.pause.is_some(),
        pause: case.pause.as_ref().map(|pause| Standstill {
            reason: Words::new(pause.reason.label_zh(), pause.reason.label_en()),
            since: pause.since,
            until: pause.until,
        }),
        next_step: telling::next_step(&case, &called),
        materials: papers(&case),
        parts: parts(&case, &called),
        urged: case.urges.last().map(|last| Urged { count: case.urges.len(), last_at: last.at }),
        updates: history.map(|history| {
            let update = |(meta, event): &(EventMeta, CaseEvent)| {
                let Words { zh, en } = telling::update(event, &called)?;
                Some(Update { time: meta.time, zh, en })
            };
            history.iter().filter_map(update).collect()
        }),
        outcome: outcome(&case),
        alternatives: alternatives(&case),
        remedies: case.explanations.last().map(|last| last.remedies.clone()).unwrap_or_default(),
        remedy: case.outcome.as_ref().and_then(|outcome| outcome.remedy.clone()),
        contact: case.contact,
        case_no: case.case_no,
        receipt_code: case.receipt_code,
        as_of: now,
        as_of_sequence,
    })
}

fn papers(case: &Case) -> Option<Papers> {
    let request = case.material_requests.last().filter(|_| case.is_open())?;
    Some(Papers {
        items: request.items.clone(),
        due_at: request.due_at,
        answered: !telling::waits_for_papers(case),
    })
}

fn parts(case: &Case, called: &Called<'_>) -> Option<PublicParts> {
    let total = case.parts.len();
    let open = || case.parts.iter().filter(|part| part.completed_at.is_none());
    let (done, due_at) = (total - open().count(), open().map(|part| part.due_at).max());
    let words = telling::parts(total, done, due_at, called);
    (total > 0).then_some(PublicParts { total, done, due_at, words })
}

/// What the department says can be done instead, once it has determined that the thing itself cannot: written for the
/// applicant, unlike the facts beside it.
fn alternatives(case: &Case) -> Vec<String> {
    let stands = case.state == CaseState::NotDoable
        || case.outcome.as_ref().is_some_and(|outcome| outcome.kind == CaseState::Explained);
    let found = case.determination.as_ref().filter(|_| stands);
    found.map(|found| found.alternatives.clone()).unwrap_or_default()
}

fn outcome(case: &Case) -> Option<PublicOutcome> {
    let outcome = case.outcome.as_ref()?;
    // What a department wrote as a result or reason is written for the applicant; the facts of a
    // determination are about him and stay inside.
    let is_for_all =
        matches!(outcome.kind, CaseState::Resolved | CaseState::Declined | CaseState::Transferred);
    let basis = case.determination.as_ref().filter(|_| outcome.kind == CaseState::Explained);
    let named =
        |text: &proto_events::events::PolicyBasis| format!("《{}》{}", text.title, text.article);
    Some(PublicOutcome {
        kind: outcome.kind,
        at: outcome.at,
        text: outcome.result.clone().filter(|_| is_for_all),
        basis: basis.map(|found| found.basis.iter().map(named).collect()).unwrap_or_default(),
    })
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let path = "/v1/receipts/{code}";
    Operation::new(Method::GET, path, "public", "The public page of a receipt")
        .public()
        .answers::<ReceiptAnswer>(200)
        .refuses(&["too_many_requests"])
}
