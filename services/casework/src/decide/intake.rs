//! Decisions about a citizen's facts.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Exclusion, ReopenReason, Role};
use proto_events::events::{
    CaseEvent, Declined, FeedbackRecorded, MaterialsReceived, Matter, Opened, ReceivedItem, Remedy,
    Reopened, Withdrawn,
};

use super::checks::{Checks, LONG_CHARS_MAX, MATTER_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX};
use super::ending;
use crate::case::Case;
use crate::command::{Context, Open};
use crate::permission;
use crate::refusal::{Refusal, RefusalCode};

/// Most visits in vain that anybody counts.
pub(super) const ATTEMPTS_MAX: u32 = 999;

pub(super) fn open(
    case: Option<&Case>,
    wish: &Open,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.require(
        context.rules.centers.contains_key(&wish.center),
        "/center",
        "the district has no such center (没有这个中心)",
    );
    checks.require(wish.attempts_before <= ATTEMPTS_MAX, "/attempts_before", "at most 999");
    let matter = Matter {
        name: checks.text("/matter/name", &wish.matter.name, MATTER_CHARS_MAX),
        code: checks.optional_text("/matter/code", wish.matter.code.as_ref(), SHORT_CHARS_MAX),
    };
    let demand = checks.text("/demand", &wish.demand, TEXT_CHARS_MAX);
    let summary = checks.optional_text("/summary", wish.summary.as_ref(), LONG_CHARS_MAX);
    let mut notice = wish.notice.clone();
    notice.version = checks.text("/notice/version", &notice.version, SHORT_CHARS_MAX);
    checks.finish()?;
    if !permission::is_of_center(context.actor, &wish.center) {
        return Err(Refusal::Forbidden(
            "cases are opened at one's own center (只能在本中心登记)".into(),
        ));
    }
    if case.is_some() {
        return Ok(Vec::new());
    }
    let days = context.rules.limits.handling(wish.complexity);
    let deadline = context.rules.calendar.deadline(context.now, days);
    let opened = Opened {
        case_no: wish.case_no.clone(),
        receipt_code: wish.receipt_code.clone(),
        center: wish.center.clone(),
        channel: wish.channel,
        matter,
        blocked_stage: wish.blocked_stage,
        cause: wish.cause,
        demand,
        summary,
        attempts_before: wish.attempts_before,
        complexity: wish.complexity,
        applicant: wish.applicant.clone(),
        notice,
        due_at: deadline.due_at,
        provisional: deadline.provisional,
        working_days: Some(days),
        imported_from: None,
    };
    Ok(vec![opened.into()])
}

pub(super) fn decline(
    case: &Case,
    exclusion: Exclusion,
    reason: &str,
    remedy: Option<&Remedy>,
    second_check_by: Option<&str>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", reason, TEXT_CHARS_MAX);
    let remedy = remedy
        .map(|remedy| Remedy {
            body: checks
                .optional_text("/remedy/body", Some(&remedy.body), SHORT_CHARS_MAX)
                .unwrap_or_default(),
            contact: checks.optional_text(
                "/remedy/contact",
                remedy.contact.as_ref(),
                SHORT_CHARS_MAX,
            ),
        })
        .filter(|remedy| !remedy.body.is_empty() || remedy.contact.is_some());
    let names_body = remedy.as_ref().is_some_and(|remedy| !remedy.body.is_empty());
    if matches!(exclusion, Exclusion::NotGovernment | Exclusion::OtherDistrict) {
        checks.require(
            names_body,
            "/remedy/body",
            "E4 and E6 have to name the right body (行政许可法 32(2)；须告知有权机关)",
        );
    }
    let needs_second = matches!(exclusion, Exclusion::ApplicantsOwn | Exclusion::Abusive);
    if second_check_by == Some(context.actor.username.as_str()) {
        return Err(Refusal::rule(RefusalCode::SamePerson, "the second look is another person's"));
    }
    match (second_check_by, context.second) {
        (None, _) if needs_second => {
            checks.fault("/second_check_by", "E1 and E10 need a second person (须由第二人复核)");
        }
        (Some(_), None) => checks.fault("/second_check_by", "there is no such account"),
        (Some(_), Some(second)) => {
            let fits = matches!(second.role, Role::Clerk | Role::Director | Role::Coordinator)
                && permission::is_of_center(second, &case.center);
            checks.require(
                fits,
                "/second_check_by",
                "has to be staff of this center or a coordinator",
            );
        }
        (None, _) => {}
    }
    checks.finish()?;
    if case.state != CaseState::Opened {
        return Err(Refusal::wrong_state(case.state));
    }
    let second_check_by = second_check_by.map(String::from);
    let outcome = reason.clone();
    let declined = Declined { exclusion, reason, remedy, second_check_by };
    Ok(ending(case, &outcome, declined, context))
}

pub(super) fn receive_materials(
    items: &[ReceivedItem],
    complete: bool,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.count("/items", items.len());
    checks.require(!items.is_empty(), "/items", "at least one item");
    let items = items
        .iter()
        .enumerate()
        .map(|(index, item)| ReceivedItem {
            name: checks.text(&format!("/items/{index}/name"), &item.name, SHORT_CHARS_MAX),
            basis: checks.optional_text(
                &format!("/items/{index}/basis"),
                item.basis.as_ref(),
                SHORT_CHARS_MAX,
            ),
        })
        .collect();
    checks.finish()?;
    Ok(vec![MaterialsReceived { items, complete }.into()])
}

pub(super) fn record_feedback(
    case: &Case,
    data: FeedbackRecorded,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.optional_text("/comment", data.comment.as_ref(), TEXT_CHARS_MAX);
    if !data.responded {
        checks.require(data.solved.is_none(), "/solved", "nobody answered");
        checks.require(data.grade.is_none(), "/grade", "nobody answered");
    }
    checks.finish()?;
    let actor = context.actor;
    let handled = case.handler.as_deref() == Some(actor.username.as_str())
        || actor.department.as_ref().is_some_and(|own| {
            // Also in an earlier life of the case: its feedback is about what was done then.
            case.hops.iter().any(|hop| hop.to == *own && hop.returned_at.is_none())
                || case.co_departments.contains(own)
                || case.parts.iter().any(|part| part.department == *own)
        });
    if handled {
        return Err(Refusal::rule(
            RefusalCode::SelfFeedback,
            "whoever handled the case does not collect its feedback (经办人及经办部门不得自行回访)",
        ));
    }
    Ok(vec![data.into()])
}

pub(super) fn reopen(
    case: &Case,
    reason: ReopenReason,
    note: Option<&String>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let note = checks.optional_text("/note", note, TEXT_CHARS_MAX);
    checks.finish()?;
    let calendar = &context.rules.calendar;
    let is_limited = matches!(reason, ReopenReason::NotSolved | ReopenReason::Partial);
    if is_limited && let Some(outcome) = &case.outcome {
        let until = calendar.deadline(outcome.at, context.rules.limits.reopen_window).due_at;
        if context.now > until {
            return Err(Refusal::rule(
                RefusalCode::ReopenTooLate,
                format!("it could be reopened for this reason until {}", until.to_rfc3339()),
            ));
        }
    }
    let days = context.rules.limits.handling(case.complexity);
    let deadline = calendar.deadline(context.now, days);
    let (due_at, provisional) = (deadline.due_at, deadline.provisional);
    Ok(vec![Reopened { reason, note, due_at, provisional, working_days: Some(days) }.into()])
}

/// A withdrawal that came after another is true already: the first one stands, with its reason.
pub(super) fn withdraw(
    case: &Case,
    reason: &str,
    note: Option<&String>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", reason, SHORT_CHARS_MAX);
    let note = checks.optional_text("/note", note, TEXT_CHARS_MAX);
    checks.finish()?;
    if case.state == CaseState::Withdrawn {
        return Ok(Vec::new());
    }
    Ok(vec![Withdrawn { reason, note }.into()])
}
