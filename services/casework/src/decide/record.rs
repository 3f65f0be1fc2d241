//! Decisions about the record itself: corrections, links to other cases, handing it to another body, forgetting
//! the person.

use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Channel, ErasureReason, LinkRelation, Role, Stage};
use proto_events::events::{CaseEvent, Corrected, Linked, PersonalDataErased, Transferred};
use proto_events::ids::CaseId;

use super::checks::{
    Checks, LONG_CHARS_MAX, MATTER_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX, parts_are_done,
};
use super::{ending, intake};
use crate::case::Case;
use crate::command::{Context, CorrectedField};
use crate::refusal::Refusal;

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
        CorrectedField::Personal(_) => None,
    };
    checks.finish()?;
    let sealed = match wish.field {
        CorrectedField::Personal(_) if case.erased => {
            return Err(Refusal::rule(
                crate::refusal::RefusalCode::WrongState,
                "the applicant's data was erased (个人信息已删除)",
            ));
        }
        CorrectedField::Personal(_) => wish.sealed.cloned(),
        _ => None,
    };
    let field = wish.field.name().into();
    Ok(vec![Corrected { field, value, sealed, reason }.into()])
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
    let is_over = case.state == CaseState::Closed && case.erase_after.is_some();
    let is_due = case.erase_after.is_some_and(|after| context.now >= after);
    let may = match reason {
        ErasureReason::Retention => is_over && is_due,
        // While somebody works on it, he has to be able to reach the applicant.
        ErasureReason::Request => !case.is_open() && context.actor.role == Role::PrivacyOfficer,
    };
    if !may {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![PersonalDataErased { reason }.into()])
}
