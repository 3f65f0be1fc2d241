//! Decisions about the record itself: corrections, links to other cases, handing it to another body, forgetting
//! the person.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{Channel, ErasureReason, LinkRelation, Role, Stage};
use proto_events::events::{CaseEvent, Corrected, Linked, PersonalDataErased, Transferred};
use proto_events::ids::CaseId;

use super::checks::{
    Checks, LONG_CHARS_MAX, MATTER_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX, parts_are_done,
};
use super::{ending, intake};
use crate::case::Case;
use crate::command::{Context, CorrectedField};
use crate::refusal::{Refusal, RefusalCode};

/// The wish to put something right.
pub(super) struct CorrectionWish<'a> {
    pub(super) field: CorrectedField,
    pub(super) value: Option<&'a String>,
    pub(super) sealed: Option<&'a String>,
    pub(super) reason: &'a str,
}

pub(super) fn correct(case: &Case, wish: &CorrectionWish<'_>) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", wish.reason, TEXT_CHARS_MAX);
    let text = wish.value.map_or("", String::as_str);
    let value = match wish.field {
        CorrectedField::Demand => Some(checks.text("/value", text, TEXT_CHARS_MAX)),
        CorrectedField::Matter => Some(checks.text("/value", text, MATTER_CHARS_MAX)),
        CorrectedField::Summary => checks.optional_text("/value", wish.value, LONG_CHARS_MAX),
        CorrectedField::BlockedStage => {
            let text = checks.text("/value", text, SHORT_CHARS_MAX);
            checks.require(text.parse::<Stage>().is_ok(), "/value", "is no stage (没有这个环节)");
            Some(text)
        }
        CorrectedField::Channel => {
            let text = checks.text("/value", text, SHORT_CHARS_MAX);
            checks.require(
                text.parse::<Channel>().is_ok(),
                "/value",
                "is no channel (没有这个渠道)",
            );
            Some(text)
        }
        CorrectedField::AttemptsBefore => {
            let count = text.trim().parse::<u32>().ok();
            let fits = count.is_some_and(|count| count <= intake::ATTEMPTS_MAX);
            checks.require(fits, "/value", "a number from 0 to 999");
            count.map(|count| count.to_string())
        }
        // Never in clear in an event; the handler sealed the applicant anew.
        CorrectedField::Personal(_) => {
            let is_there = wish.sealed.is_some_and(|sealed| !sealed.is_empty()) || case.erased;
            checks.require(is_there, "/value", "must not be empty (不能为空)");
            None
        }
    };
    checks.finish()?;
    let sealed = match wish.field {
        CorrectedField::Personal(_) if case.erased => {
            return Err(Refusal::rule(
                RefusalCode::WrongState,
                "the applicant's data was erased (个人信息已删除)",
            ));
        }
        CorrectedField::Personal(_) => wish.sealed.cloned(),
        field if value == present(case, field) => return Ok(Vec::new()),
        _ => None,
    };
    let field = wish.field.name().into();
    Ok(vec![Corrected { field, value, sealed, reason }.into()])
}

/// What stands in a field that is no personal one, as a correction writes it.
fn present(case: &Case, field: CorrectedField) -> Option<String> {
    match field {
        CorrectedField::Demand => Some(case.demand.clone()),
        CorrectedField::Summary => case.summary.clone(),
        CorrectedField::Matter => Some(case.matter.name.clone()),
        CorrectedField::BlockedStage => Some(case.blocked_stage.to_string()),
        CorrectedField::Channel => Some(case.channel.to_string()),
        CorrectedField::AttemptsBefore => Some(case.attempts_before.to_string()),
        CorrectedField::Personal(_) => None,
    }
}

pub(super) fn link(
    case: &Case,
    other: CaseId,
    relation: LinkRelation,
    note: Option<&String>,
    reciprocal: bool,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let detail = "has to be another case (不能关联自身)";
    checks.require(other != case.case_id, "/case_id", detail);
    let note = checks.optional_text("/note", note, TEXT_CHARS_MAX);
    checks.finish()?;
    let stands = case
        .links
        .iter()
        .any(|link| link.case_id == other && (link.relation == relation || reciprocal));
    if stands {
        return Ok(Vec::new());
    }
    Ok(vec![Linked { case_id: other, relation, note, reciprocal }.into()])
}

pub(super) fn transfer(
    case: &Case,
    body: &str,
    receipt: &str,
    reason: &str,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let body = checks.text("/body", body, SHORT_CHARS_MAX);
    let receipt = checks.text("/receipt", receipt, SHORT_CHARS_MAX);
    let reason = checks.text("/reason", reason, TEXT_CHARS_MAX);
    checks.finish()?;
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    parts_are_done(case)?;
    Ok(ending(case, &reason.clone(), Transferred { body, receipt, reason }, context))
}

pub(super) fn erase(
    case: &Case,
    reason: ErasureReason,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    if case.erased {
        return Ok(Vec::new());
    }
    let may = match reason {
        ErasureReason::Retention => {
            case.retention_ends(&context.rules.limits).is_some_and(|end| context.now >= end)
        }
        // While somebody works on it, he has to be able to reach the applicant.
        ErasureReason::Request => !case.is_open() && context.actor.role == Role::PrivacyOfficer,
    };
    if !may {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![PersonalDataErased { reason }.into()])
}
