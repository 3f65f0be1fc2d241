//! Decisions about special handling (特事特办): layer by layer, each another person, none skipped (层层把关).

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{CheckLayer, ReviewResult, Role};
use proto_events::events::{
    CaseEvent, SpecialHandlingChecked, SpecialHandlingDecided, SpecialHandlingRequested,
    SpecialHandlingReviewed,
};

use super::checks::{Checks, LONG_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX, is_in_work};
use crate::case::Case;
use crate::command::Context;
use crate::refusal::{Refusal, RefusalCode};

/// The wish to waive a requirement.
pub(super) struct SpecialWish<'a> {
    pub(super) facts: &'a str,
    pub(super) requirement_waived: &'a str,
    pub(super) discretion_basis: &'a str,
    pub(super) precedents_checked: &'a [String],
}

pub(super) fn request(
    case: &Case,
    wish: &SpecialWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let facts = checks.text("/facts", wish.facts, LONG_CHARS_MAX);
    let requirement_waived =
        checks.text("/requirement_waived", wish.requirement_waived, TEXT_CHARS_MAX);
    let discretion_basis = checks.text("/discretion_basis", wish.discretion_basis, TEXT_CHARS_MAX);
    let precedents_checked =
        checks.texts("/precedents_checked", wish.precedents_checked, SHORT_CHARS_MAX);
    checks.finish()?;
    let stands = case
        .special_handling
        .as_ref()
        .is_some_and(|special| case.pending_special_handling().is_some() || special.is_in_force());
    if !is_in_work(case) || stands {
        return Err(Refusal::wrong_state(case.state));
    }
    let check_due_at = next_due_at(context);
    let requested = SpecialHandlingRequested {
        facts,
        requirement_waived,
        discretion_basis,
        precedents_checked,
        check_due_at,
    };
    Ok(vec![requested.into()])
}

fn next_due_at(context: &Context<'_>) -> proto_events::Timestamp {
    let rules = context.rules;
    rules.calendar.deadline(context.now, rules.limits.special_check).due_at
}

/// Whether a role can stand for a layer: the center for community and street, the department for its own, the
/// coordinator for the district and, where nobody else can, for any.
pub(crate) const fn stands_for(role: Role, layer: CheckLayer) -> bool {
    match layer {
        CheckLayer::Community | CheckLayer::Street => {
            matches!(role, Role::Clerk | Role::Director | Role::Coordinator)
        }
        CheckLayer::Department => {
            matches!(role, Role::Handler | Role::DepartmentLead | Role::Coordinator)
        }
        CheckLayer::District => matches!(role, Role::Coordinator),
    }
}

pub(super) fn check(
    case: &Case,
    layer: CheckLayer,
    finding: &str,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let finding = checks.text("/finding", finding, LONG_CHARS_MAX);
    checks.finish()?;
    let pending = case.pending_special_handling().filter(|_| case.is_open());
    let Some(special) = pending else {
        return Err(Refusal::wrong_state(case.state));
    };
    let is_second = special.checks.iter().any(|check| check.by == context.actor.username);
    if is_second {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "each layer is another person's (每层须由不同人员把关)",
        ));
    }
    if special.checks.iter().any(|check| check.layer == layer) {
        return Err(Refusal::rule(
            RefusalCode::WrongState,
            format!("the layer {layer} ({}) has checked already", layer.label_zh()),
        ));
    }
    if let Some(next) = special.next_layer().filter(|next| *next != layer) {
        return Err(Refusal::rule(
            RefusalCode::LayerMissing,
            format!("the layer {next} ({}) comes first (须先由该层把关)", next.label_zh()),
        ));
    }
    if !stands_for(context.actor.role, layer) {
        return Err(Refusal::Forbidden(format!(
            "the role {} ({}) does not stand for the layer {layer} ({})",
            context.actor.role.code(),
            context.actor.role.label_zh(),
            layer.label_zh()
        )));
    }
    let next_due_at = next_due_at(context);
    Ok(vec![SpecialHandlingChecked { layer, finding, next_due_at }.into()])
}

/// The decision that is wished.
pub(super) struct DecisionWish<'a> {
    pub(super) approved: bool,
    pub(super) reason: &'a str,
    pub(super) conditions: &'a [String],
    pub(super) is_precedent: bool,
}

pub(super) fn decide(
    case: &Case,
    wish: &DecisionWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let reason = checks.text("/reason", wish.reason, TEXT_CHARS_MAX);
    let conditions = checks.texts("/conditions", wish.conditions, TEXT_CHARS_MAX);
    checks.require(
        wish.approved || !wish.is_precedent,
        "/is_precedent",
        "a refusal is no precedent (未批准的不能作为先例)",
    );
    checks.finish()?;
    let pending = case.pending_special_handling().filter(|_| case.is_open());
    let Some(special) = pending else {
        return Err(Refusal::wrong_state(case.state));
    };
    if let Some(next) = special.next_layer() {
        return Err(Refusal::rule(
            RefusalCode::LayerMissing,
            format!("the layer {next} ({}) has not checked yet (尚未把关)", next.label_zh()),
        ));
    }
    if special.checks.iter().any(|check| check.by == context.actor.username) {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "who checked does not decide (把关人不得作出决定)",
        ));
    }
    let rules = context.rules;
    let review_due_at =
        wish.approved.then(|| rules.calendar.deadline(context.now, rules.limits.look_back).due_at);
    let decided = SpecialHandlingDecided {
        approved: wish.approved,
        reason,
        conditions,
        is_precedent: wish.is_precedent,
        review_due_at,
    };
    Ok(vec![decided.into()])
}

pub(super) fn review(case: &Case, result: ReviewResult) -> Result<Vec<CaseEvent>, Refusal> {
    let waits = case.special_handling.as_ref().is_some_and(|special| {
        special.review.is_none()
            && special.decision.as_ref().is_some_and(|decision| decision.approved)
    });
    if !waits {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![SpecialHandlingReviewed { result }.into()])
}
