//! `GET /v1/receipts/{code}`: what anybody with the receipt may see: where it is, who has it, by when, and what
//! there is to do.
//!
//! Invariants: no sign-in; no person (neither applicant nor staff), no demand, no summary; a code that is
//! none and a code of no case get the same answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::case::Case;
use casework::rules::Rules;
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::events::{CaseEvent, Remedy, WindowContact};
use proto_events::ids::ReceiptCode;
use proto_events::upcast;
use runtime::http::{Operation, Path, Problem};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Doors, broken, find};
use crate::core::Core;
use crate::fold::TimelineEntry;

/// Entries of the history that are looked at for the page: more than any case has.
const ENTRIES_MAX: usize = 500;

/// A text in both languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Words {
    zh: String,
    en: String,
}

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
    overdue: bool,
    paused: bool,
    next_step: Words,
    updates: Vec<Update>,
    outcome: Option<PublicOutcome>,
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
    find(&doors.core, || answer(&doors.core, &code)).await.map(Json)
}

/// Makes the page of a receipt.
///
/// # Errors
/// `not_found` for whatever is no code of a case.
pub(crate) fn answer(core: &Arc<Core>, code: &str) -> Result<ReceiptAnswer, Problem> {
    let nothing =
        || Problem::not_found("there is no case with this receipt (没有此回执对应的事项)");
    let code: ReceiptCode = code.parse().map_err(|_| nothing())?;
    let (now, as_of_sequence) = (core.now(), core.sequence());
    let views = &core.view().views;
    let case_id = views.receipt(&code).map_err(broken)?.ok_or_else(nothing)?;
    let case = views.case(case_id).map_err(broken)?.ok_or_else(nothing)?.case;
    let history = views.timeline(case_id, 0, ENTRIES_MAX).map_err(broken)?;
    let rules = &core.district.rules;
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
        overdue: case.is_overdue(now),
        paused: case.pause.is_some(),
        next_step: next_step(&case, rules),
        updates: history.iter().filter_map(|entry| update(entry, rules)).collect(),
        outcome: outcome(&case),
        remedies: case.explanations.last().map(|last| last.remedies.clone()).unwrap_or_default(),
        remedy: case.outcome.as_ref().and_then(|outcome| outcome.remedy.clone()),
        contact: case.contact,
        case_no: case.case_no,
        receipt_code: case.receipt_code,
        as_of: now,
        as_of_sequence,
    })
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

/// What there is to do, as a clerk would say it.
fn next_step(case: &Case, rules: &Rules) -> Words {
    let center = rules.body_name(case.center.as_str());
    let has = case.department.as_ref().map(|id| rules.body_name(id.as_str()));
    let department = has.unwrap_or("承办部门");
    let (zh, en) = match case.state {
        _ if waits_for_papers(case) => (
            "请按一次性告知的清单补齐材料，可交到窗口。".to_owned(),
            "Please bring the papers on the list that you were given.".to_owned(),
        ),
        CaseState::Opened => (
            format!("您不用做什么，{center}正在确定由哪个部门办理。"),
            format!("Nothing for you to do: {center} is finding out whose matter it is."),
        ),
        CaseState::Forwarded => (
            format!("您不用做什么，{department}会尽快与您联系。"),
            format!("Nothing for you to do: {department} will get in touch with you."),
        ),
        CaseState::InDepartment => (
            format!("您不用做什么，{department}正在办理。"),
            format!("Nothing for you to do: {department} is working on it."),
        ),
        CaseState::Returned => (
            "您不用做什么，正在重新确定承办部门，时限不变。".to_owned(),
            "Nothing for you to do: the right department is being determined; the promise stands."
                .to_owned(),
        ),
        CaseState::InTaskForce => (
            "您不用做什么，已成立专班，几个部门一起研究解决。".to_owned(),
            "Nothing for you to do: the departments concerned are sitting together.".to_owned(),
        ),
        CaseState::NotDoable => (
            "按现行规定这件事不能办，会有人带着文件当面向您说明。".to_owned(),
            "Under the present rules it cannot be done; somebody will explain it to you with the documents.".to_owned(),
        ),
        CaseState::Resolved => (
            "已经办成，我们会回访，请告诉我们是否真的解决了。".to_owned(),
            "It is done. We will ask you whether it really is solved.".to_owned(),
        ),
        CaseState::Explained => (
            "已向您说明依据。如不认可，可走下列途径。".to_owned(),
            "The reasons were explained to you. The ways that remain are listed here.".to_owned(),
        ),
        CaseState::Declined => (
            format!("本窗口不办理此事，请按下列去处办理，或向{center}询问。"),
            format!("This desk does not handle it; see where to go instead, or ask {center}."),
        ),
        CaseState::Withdrawn => (
            format!("您已撤回。需要时可随时到{center}再来登记。"),
            format!("You have withdrawn it. You may come back to {center} at any time."),
        ),
        CaseState::Transferred => (
            "已移送有权处理的单位，请等候其答复。".to_owned(),
            "It was handed to the body that may decide it; please wait for its answer.".to_owned(),
        ),
        CaseState::Closed => (
            format!("已结案。如有新情况，请带回执到{center}。"),
            format!("It is closed. If something new comes up, bring the receipt to {center}."),
        ),
    };
    Words { zh, en }
}

/// Whether papers were asked for and none have come since.
fn waits_for_papers(case: &Case) -> bool {
    let asked = case.material_requests.last().map(|request| request.at);
    let received = case.materials_received_at;
    case.is_open() && asked.is_some_and(|asked| received.is_none_or(|received| received < asked))
}

/// What an event says to the applicant; most say nothing.
fn update(entry: &TimelineEntry, rules: &Rules) -> Option<Update> {
    let body = serde_json::to_vec(&entry.data).ok()?;
    let said = |zh: String, en: String| Some(Update { time: entry.time, zh, en });
    let name = |id: &str| rules.body_name(id).to_owned();
    // An opening has lost its applicant on the way into the history, so it cannot be read back.
    if entry.event_type.starts_with("cn.unstuck.case.opened.") {
        return said("已登记".to_owned(), "Taken on".to_owned());
    }
    match upcast::read(&entry.event_type, &body).ok()? {
        CaseEvent::Forwarded(data) => {
            let to = name(data.to.as_str());
            said(format!("已转到{to}"), format!("Handed to {to}"))
        }
        CaseEvent::Accepted(data) => {
            let by = name(data.department.as_str());
            said(format!("{by}已签收"), format!("{by} has signed for it"))
        }
        CaseEvent::ApplicantContacted(data) if data.reached => {
            said("承办人已与您联系".to_owned(), "The handler has reached you".to_owned())
        }
        CaseEvent::Returned(data) => {
            let by = name(data.department.as_str());
            said(
                format!("{by}认为不属其办理，正在重新确定"),
                format!("{by} sent it back; the right department is being determined"),
            )
        }
        CaseEvent::Arbitrated(data) => {
            let to = name(data.department.as_str());
            said(format!("已裁定由{to}牵头办理"), format!("It was ruled that {to} leads"))
        }
        CaseEvent::JointHandlingAssigned(_) => {
            said("多个部门联合办理".to_owned(), "Several departments handle it together".to_owned())
        }
        CaseEvent::MaterialsRequested(data) => {
            let items: Vec<_> = data.items.into_iter().map(|item| item.name).collect();
            let items = items.join("、");
            said(format!("请补充材料：{items}"), format!("Please bring: {items}"))
        }
        CaseEvent::MaterialsReceived(_) => {
            said("已收到您的材料".to_owned(), "Your papers have come in".to_owned())
        }
        CaseEvent::ProgressNoted(data) if data.public => said(data.text.clone(), data.text),
        CaseEvent::TaskForceConvened(_) => {
            said("已成立专班".to_owned(), "A task force was convened".to_owned())
        }
        CaseEvent::NotDoableDetermined(_) => said(
            "认定按现行规定不能办，将向您说明".to_owned(),
            "It was determined that it cannot be done; it will be explained to you".to_owned(),
        ),
        CaseEvent::Explained(data) => said(
            format!("第{}次向您说明", data.session),
            format!("Explained to you, session {}", data.session),
        ),
        CaseEvent::Resolved(_) => said("已办成".to_owned(), "Resolved".to_owned()),
        CaseEvent::Declined(_) => said("不予纳入".to_owned(), "Not taken on".to_owned()),
        CaseEvent::ClockPaused(data) => said(
            format!("暂停计时：{}", data.reason.label_zh()),
            format!("The clock stands still: {}", data.reason.label_en()),
        ),
        CaseEvent::ClockResumed(_) => {
            said("恢复计时".to_owned(), "The clock runs again".to_owned())
        }
        CaseEvent::DeadlineExtended(data) => {
            let due = data.due_at.format("%Y-%m-%d");
            said(format!("办理时限延至{due}"), format!("The promise was moved to {due}"))
        }
        CaseEvent::Reopened(_) => said(
            "收到您重新办理的请求".to_owned(),
            "Your wish to take it up again was recorded".to_owned(),
        ),
        CaseEvent::Withdrawn(_) => said("您已撤回".to_owned(), "You have withdrawn it".to_owned()),
        CaseEvent::Transferred(data) => {
            said(format!("已移送{}", data.body), format!("Handed to {}", data.body))
        }
        CaseEvent::Closed(_) => said("已结案".to_owned(), "Closed".to_owned()),
        _ => None,
    }
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let path = "/v1/receipts/{code}";
    Operation::new(Method::GET, path, "public", "The public page of a receipt")
        .public()
        .answers::<ReceiptAnswer>(200)
}
