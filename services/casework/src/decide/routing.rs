//! Decisions about who handles a case and how it ends.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{
    CaseState, Cause, CauseCategory, ExplanationMode, Resolution, ReturnReason, Role, Understood,
};
use proto_events::events::{
    Accepted, ApplicantContacted, Arbitrated, CaseEvent, Explained, Explainer, Forwarded, Mode,
    NotDoableDetermined, PolicyBasis, ProgressNoted, Resolved, Returned, WindowContact,
};
use proto_events::ids::DepartmentId;

use super::checks::{
    Checks, LONG_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX, is_in_work, parts_are_done,
};
use super::ending;
use crate::case::Case;
use crate::case::records::SpecialHandling;
use crate::command::Context;
use crate::reaction::waits_since_it_was_taken_up;
use crate::refusal::{Refusal, RefusalCode};

/// Longest office number of a window in characters, with its extension.
const PHONE_CHARS_MAX: usize = 40;
/// Returns that a case bears; the second convenes a task force.
const RETURNS_MAX: usize = 2;

pub(super) fn forward(
    case: &Case,
    department: &DepartmentId,
    ask: &str,
    contact: Option<&WindowContact>,
    automatic: bool,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let rules = context.rules;
    let mut checks = Checks::default();
    checks.department("/department", department, rules);
    let ask = checks.text("/ask", ask, TEXT_CHARS_MAX);
    let contact = contact.map(|contact| WindowContact {
        window: checks.text("/contact/window", &contact.window, SHORT_CHARS_MAX),
        // A window's office number is no personal data; it is checked for length only.
        phone: contact.phone.clone().filter(|phone| !phone.trim().is_empty()),
    });
    if contact
        .as_ref()
        .and_then(|contact| contact.phone.as_ref())
        .is_some_and(|phone| phone.chars().count() > PHONE_CHARS_MAX)
    {
        checks.fault("/contact/phone", format!("at most {PHONE_CHARS_MAX} characters"));
    }
    checks.finish()?;
    if automatic && !waits_since_it_was_taken_up(case) {
        // What the table wants is done, or a person has decided otherwise.
        return Ok(Vec::new());
    }
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    let ruled = case.arbitration.as_ref().is_some_and(|ruling| ruling.department == *department);
    if case.was_returned_by(department) && !ruled {
        return Err(Refusal::rule(
            RefusalCode::PingPong,
            format!(
                "{} has already returned this case; only a ruling can send it there again",
                rules.body_name(department.as_str())
            ),
        ));
    }
    let waits = matches!(case.state, CaseState::Opened | CaseState::Returned)
        || (case.state == CaseState::InTaskForce && case.department.is_none());
    if !waits {
        return Err(Refusal::wrong_state(case.state));
    }
    let contact = contact
        .or_else(|| rules.departments.get(department).and_then(|entry| entry.contact.clone()));
    let deadline = |days| rules.calendar.deadline(context.now, days).due_at;
    let forwarded = Forwarded {
        to: department.clone(),
        ask,
        contact,
        due_at: case.due_at,
        first_contact_due_at: deadline(rules.limits.first_contact),
        return_until: deadline(rules.limits.r#return),
        automatic,
    };
    Ok(vec![forwarded.into()])
}

pub(super) fn accept(
    case: &Case,
    handler: Option<&str>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let Some(department) = &case.department else {
        return Err(Refusal::wrong_state(case.state));
    };
    let username = handler.unwrap_or(&context.actor.username);
    if username != context.actor.username {
        let fits = context.second.is_some_and(|named| {
            matches!(named.role, Role::Handler | Role::DepartmentLead)
                && named.department.as_ref() == Some(department)
        });
        if !fits {
            let detail = "has to be a handler of the department (须为本部门承办人)";
            return Err(Refusal::invalid("/handler", detail));
        }
    }
    let may_sign = matches!(
        case.state,
        CaseState::Forwarded | CaseState::InDepartment | CaseState::InTaskForce
    );
    if !may_sign {
        return Err(Refusal::wrong_state(case.state));
    }
    if case.state != CaseState::Forwarded && case.handler.as_deref() == Some(username) {
        return Ok(Vec::new());
    }
    Ok(vec![Accepted { department: department.clone(), handler: username.into() }.into()])
}

pub(super) fn contact(case: &Case, mode: &Mode, reached: bool) -> Result<Vec<CaseEvent>, Refusal> {
    let is_over =
        matches!(case.state, CaseState::Withdrawn | CaseState::Transferred | CaseState::Closed);
    // A bad word after the end still has to be answered.
    if is_over && case.open_rectification().is_none() {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![ApplicantContacted { mode: mode.clone(), reached }.into()])
}

pub(super) fn note_progress(text: &str, public: bool) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let text = checks.text("/text", text, LONG_CHARS_MAX);
    checks.finish()?;
    Ok(vec![ProgressNoted { text, public }.into()])
}

/// The wish to send a case back.
pub(super) struct ReturnWish<'a> {
    pub(super) reason: ReturnReason,
    pub(super) duty_basis: Option<&'a String>,
    pub(super) suggested: Option<&'a DepartmentId>,
    pub(super) note: &'a str,
}

pub(super) fn send_back(
    case: &Case,
    wish: &ReturnWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let rules = context.rules;
    let mut checks = Checks::default();
    let note = checks.text("/note", wish.note, TEXT_CHARS_MAX);
    let duty_basis = checks.optional_text("/duty_basis", wish.duty_basis, TEXT_CHARS_MAX);
    if wish.reason == ReturnReason::NotOurDuty {
        let detail = "R1 needs the text that says whose duty it is (须写明职责依据)";
        checks.require(duty_basis.is_some(), "/duty_basis", detail);
    }
    if matches!(wish.reason, ReturnReason::NotOurDuty | ReturnReason::WrongPlace) {
        let detail = "R1 and R2 need the department whose it is (须建议承办部门)";
        checks.require(wish.suggested.is_some(), "/suggested_department", detail);
    }
    if let Some(suggested) = wish.suggested {
        checks.department("/suggested_department", suggested, rules);
        let is_self = case.department.as_ref() == Some(suggested);
        checks.require(!is_self, "/suggested_department", "has to be another department");
    }
    checks.finish()?;
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    if case.arbitration.is_some() {
        return Err(Refusal::rule(
            RefusalCode::Arbitrated,
            "a ruling was made; it is binding (已裁定，不得再退)",
        ));
    }
    let Some(department) = &case.department else {
        return Err(Refusal::wrong_state(case.state));
    };
    if case.returns.len() >= RETURNS_MAX || case.was_returned_by(department) {
        return Err(Refusal::rule(
            RefusalCode::ReturnLimit,
            "a department may return a case once, and a case may be returned twice",
        ));
    }
    if !matches!(
        case.state,
        CaseState::Forwarded | CaseState::InDepartment | CaseState::InTaskForce
    ) {
        return Err(Refusal::wrong_state(case.state));
    }
    if let Some(until) = case.last_hop().and_then(|hop| hop.return_until)
        && context.now > until
    {
        return Err(Refusal::rule(
            RefusalCode::ReturnTooLate,
            format!("it could be returned until {}", until.to_rfc3339()),
        ));
    }
    let returned = Returned {
        department: department.clone(),
        reason: wish.reason,
        duty_basis,
        suggested_department: wish.suggested.cloned(),
        note,
        arbitration_due_at: rules.calendar.deadline(context.now, rules.limits.arbitration).due_at,
    };
    Ok(vec![returned.into()])
}

pub(super) fn arbitrate(
    case: &Case,
    department: &DepartmentId,
    co_departments: &[DepartmentId],
    basis: &str,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let rules = context.rules;
    let mut checks = Checks::default();
    checks.department("/department", department, rules);
    checks.count("/co_departments", co_departments.len());
    for (index, helper) in co_departments.iter().enumerate() {
        let pointer = format!("/co_departments/{index}");
        checks.department(&pointer, helper, rules);
        checks.require(helper != department, &pointer, "is the lead already");
        checks.require(!co_departments[..index].contains(helper), &pointer, "stands twice");
    }
    let basis = checks.text("/basis", basis, TEXT_CHARS_MAX);
    checks.finish()?;
    if !case.is_open() || case.state == CaseState::NotDoable {
        return Err(Refusal::wrong_state(case.state));
    }
    let arbitrated = Arbitrated {
        department: department.clone(),
        co_departments: co_departments.to_vec(),
        basis,
        first_contact_due_at: rules
            .calendar
            .deadline(context.now, rules.limits.first_contact)
            .due_at,
    };
    Ok(vec![arbitrated.into()])
}

/// The wish to determine that it cannot be done.
pub(super) struct NotDoableWish<'a> {
    pub(super) basis: &'a [PolicyBasis],
    pub(super) facts: &'a str,
    pub(super) alternatives: &'a [String],
    pub(super) countersigned_by: &'a str,
}

pub(super) fn determine_not_doable(
    case: &Case,
    wish: &NotDoableWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.count("/basis", wish.basis.len());
    let detail = "at least one text that it stands on (须有政策依据)";
    checks.require(!wish.basis.is_empty(), "/basis", detail);
    let basis = wish
        .basis
        .iter()
        .enumerate()
        .map(|(index, text)| PolicyBasis {
            title: checks.text(&format!("/basis/{index}/title"), &text.title, SHORT_CHARS_MAX),
            number: checks.optional_text(
                &format!("/basis/{index}/number"),
                text.number.as_ref(),
                SHORT_CHARS_MAX,
            ),
            article: checks.text(&format!("/basis/{index}/article"), &text.article, TEXT_CHARS_MAX),
            in_force_from: text.in_force_from,
        })
        .collect();
    let facts = checks.text("/facts", wish.facts, LONG_CHARS_MAX);
    let alternatives = checks.texts("/alternatives", wish.alternatives, TEXT_CHARS_MAX);
    match context.second {
        None => checks.fault("/countersigned_by", "there is no such account"),
        Some(second) => {
            let fits = matches!(
                second.role,
                Role::Handler | Role::DepartmentLead | Role::Director | Role::Coordinator
            );
            let detail = "has to be a handler, a lead, a director or a coordinator";
            checks.require(fits, "/countersigned_by", detail);
        }
    }
    checks.finish()?;
    if wish.countersigned_by == context.actor.username {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "the countersignature is another person's (须由另一人会签)",
        ));
    }
    if !is_in_work(case) {
        return Err(Refusal::wrong_state(case.state));
    }
    parts_are_done(case)?;
    let rules = context.rules;
    let determined = NotDoableDetermined {
        basis,
        facts,
        alternatives,
        countersigned_by: wish.countersigned_by.into(),
        explanation_due_at: rules.calendar.deadline(context.now, rules.limits.explanation).due_at,
    };
    Ok(vec![determined.into()])
}

/// The wish to write down a session of explaining.
pub(super) struct ExplainWish<'a> {
    pub(super) mode: ExplanationMode,
    pub(super) explainers: &'a [Explainer],
    pub(super) documents: &'a [String],
    pub(super) remedies: &'a [String],
    pub(super) understood: Understood,
}

pub(super) fn explain(
    case: &Case,
    wish: &ExplainWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.count("/explainers", wish.explainers.len());
    checks.require(!wish.explainers.is_empty(), "/explainers", "at least one body");
    for (index, explainer) in wish.explainers.iter().enumerate() {
        let pointer = format!("/explainers/{index}/department");
        checks.body(&pointer, &explainer.department, context.rules);
    }
    let mut bodies: Vec<_> = wish.explainers.iter().map(|one| &one.department).collect();
    bodies.sort_unstable();
    bodies.dedup();
    if wish.mode == ExplanationMode::Joint {
        let detail = "a joint explanation takes two or more bodies (联合解释须有两个以上单位)";
        checks.require(bodies.len() >= 2, "/explainers", detail);
    }
    let documents = checks.texts("/documents", wish.documents, SHORT_CHARS_MAX);
    let detail = "at least one way that remains (须告知救济途径)";
    checks.require(!wish.remedies.is_empty(), "/remedies", detail);
    let remedies = checks.texts("/remedies", wish.remedies, TEXT_CHARS_MAX);
    checks.finish()?;
    if case.state != CaseState::NotDoable {
        return Err(Refusal::wrong_state(case.state));
    }
    let session = u32::try_from(case.explanations.len()).unwrap_or(u32::MAX).saturating_add(1);
    let led_by_lead = context.actor.role == Role::DepartmentLead;
    let had_weight = led_by_lead
        || wish.mode == ExplanationMode::Joint
        || case
            .explanations
            .iter()
            .any(|earlier| earlier.led_by_lead || earlier.mode == ExplanationMode::Joint);
    let ends = wish.understood == Understood::Yes || (session >= 2 && had_weight);
    let rules = context.rules;
    let callback_due_at =
        ends.then(|| rules.calendar.deadline(context.now, rules.limits.callback).due_at);
    let explained = Explained {
        session,
        mode: wish.mode,
        explainers: wish.explainers.to_vec(),
        documents,
        remedies,
        understood: wish.understood,
        led_by_lead,
        ends,
        callback_due_at,
    };
    if ends {
        return Ok(ending(case, "已向申请人解释说明", explained, context));
    }
    Ok(vec![explained.into()])
}

/// The wish to resolve a case.
pub(super) struct ResolveWish<'a> {
    pub(super) resolution: Resolution,
    pub(super) result: &'a str,
    pub(super) cause: Cause,
    pub(super) process_change_needed: bool,
}

pub(super) fn resolve(
    case: &Case,
    wish: &ResolveWish<'_>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    let result = checks.text("/result", wish.result, LONG_CHARS_MAX);
    if wish.cause.category() == CauseCategory::Applicant {
        checks.fault(
            "/cause",
            "X is never the cause of a case that was handled (X类不用于已办理案件)",
        );
    } else {
        checks.require(wish.cause.has_sub_code(), "/cause", "needs its sub-code (须选到细类)");
    }
    if wish.resolution == Resolution::TaskForce {
        let detail = "D4 needs a task force on this case (未成立专班)";
        checks.require(case.task_force_count > 0, "/resolution", detail);
    }
    checks.finish()?;
    if !is_in_work(case) {
        return Err(Refusal::wrong_state(case.state));
    }
    parts_are_done(case)?;
    if wish.resolution == Resolution::SpecialHandling {
        let is_in_force = case.special_handling.as_ref().is_some_and(SpecialHandling::is_in_force);
        if !is_in_force {
            return Err(Refusal::rule(
                RefusalCode::SpecialHandlingMissing,
                "D5 needs an approved special handling (特事特办尚未批准或已撤销)",
            ));
        }
    }
    let rules = context.rules;
    let outcome = result.clone();
    let resolved = Resolved {
        resolution: wish.resolution,
        result,
        cause: wish.cause,
        process_change_needed: wish.process_change_needed,
        callback_due_at: rules.calendar.deadline(context.now, rules.limits.callback).due_at,
    };
    Ok(ending(case, &outcome, resolved, context))
}
