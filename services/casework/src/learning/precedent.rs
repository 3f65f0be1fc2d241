//! A precedent (先例): what was done in one case, made to be done again in the next of its kind.
//!
//! Invariants: two people publish it; nobody who asked for help stands in it; it is applied to an open case when each of
//! its conditions is met, and never after it was retired.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, ReviewResult, Stage};
use proto_events::events::PolicyBasis;
use proto_events::ids::{CaseId, DepartmentId, PrecedentId};
use proto_events::learning::{
    LearningEvent, PrecedentApplied, PrecedentOutcome, PrecedentPublished, PrecedentRetired,
    RetirementReason,
};
use serde::{Deserialize, Serialize};

use super::permission::{CHECKERS, LearningKind, may, may_of};
use super::{LearningContext, LearningMeta, checked_basis, forbidden, without_blanks};
use crate::case::Case;
use crate::decide::checks::{Checks, LONG_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX};
use crate::permission;
use crate::refusal::{Refusal, RefusalCode};

/// Longest title in characters: one line of a list.
pub const TITLE_CHARS_MAX: usize = 100;

/// Shortest name that is looked for in a text; a single character stands in half of all words.
const NAME_CHARS_MIN: usize = 2;

/// The wish to publish a precedent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publish {
    /// What it is called.
    pub title: String,
    /// What the situation was, without anybody in it.
    pub situation: String,
    /// What has to be so for it to hold again.
    pub conditions: Vec<String>,
    /// The texts that it stands on.
    pub basis: Vec<PolicyBasis>,
    /// What was done, or what was said.
    pub solution: String,
    /// Username of the second person.
    pub checked_by: String,
}

/// The wish to apply a precedent to a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apply {
    /// The numbers, from 1, of the conditions that are met; all of them when left out.
    pub conditions_met: Option<Vec<u32>>,
    /// What else was looked at.
    pub note: Option<String>,
}

/// The wish to retire a precedent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retire {
    /// Why.
    pub reason: RetirementReason,
    /// Which policy, what was wrong, or what has taken its place.
    pub note: String,
}

/// A use of a precedent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Application {
    /// The case.
    pub case_id: CaseId,
    /// Username.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What else was looked at.
    pub note: Option<String>,
}

/// The end of a precedent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retirement {
    /// Why.
    pub reason: RetirementReason,
    /// Which policy, what was wrong, or what has taken its place.
    pub note: String,
    /// Username.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// A precedent as its events have made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precedent {
    /// The precedent.
    pub precedent_id: PrecedentId,
    /// What it is called.
    pub title: String,
    /// The name of the matter.
    pub matter: String,
    /// Where it was stuck.
    pub blocked_stage: Stage,
    /// Why it was stuck.
    pub cause: Cause,
    /// The department that solved or explained it.
    pub department: Option<DepartmentId>,
    /// How the case ended.
    pub outcome: PrecedentOutcome,
    /// The case that it was made of.
    pub from_case: CaseId,
    /// What the situation was.
    pub situation: String,
    /// What has to be so for it to hold again.
    pub conditions: Vec<String>,
    /// The texts that it stands on.
    pub basis: Vec<PolicyBasis>,
    /// What was done, or what was said.
    pub solution: String,
    /// Username of the author.
    pub published_by: String,
    /// Username of the second person.
    pub checked_by: String,
    /// When it was published.
    pub published_at: Timestamp,
    /// Where it was applied, oldest first.
    pub applications: Vec<Application>,
    /// Why it no longer holds; none while it does.
    pub retired: Option<Retirement>,
    /// Sequence of its last event in the stream.
    pub version: u64,
}

impl Precedent {
    /// Takes a precedent one event further. Total: an event of another kind, and a second publication or retirement,
    /// change nothing.
    #[must_use]
    pub fn step(
        precedent: Option<Self>,
        id: PrecedentId,
        meta: &LearningMeta,
        event: &LearningEvent,
    ) -> Option<Self> {
        let Some(mut precedent) = precedent else {
            let LearningEvent::PrecedentPublished(data) = event else { return None };
            return Some(Self::published(id, meta, data));
        };
        precedent.version = precedent.version.max(meta.sequence);
        match event {
            LearningEvent::PrecedentApplied(data) => precedent.applications.push(Application {
                case_id: data.case_id,
                by: meta.actor.clone(),
                at: meta.time,
                note: data.note.clone(),
            }),
            LearningEvent::PrecedentRetired(data) => {
                precedent.retired.get_or_insert_with(|| Retirement {
                    reason: data.reason,
                    note: data.note.clone(),
                    by: meta.actor.clone(),
                    at: meta.time,
                });
            }
            LearningEvent::PrecedentPublished(_)
            | LearningEvent::ImprovementOpened(_)
            | LearningEvent::ImprovementActionSet(_)
            | LearningEvent::ImprovementDone(_)
            | LearningEvent::ImprovementVerified(_) => {}
        }
        Some(precedent)
    }

    fn published(id: PrecedentId, meta: &LearningMeta, data: &PrecedentPublished) -> Self {
        Self {
            precedent_id: id,
            title: data.title.clone(),
            matter: data.matter.clone(),
            blocked_stage: data.blocked_stage,
            cause: data.cause,
            department: data.department.clone(),
            outcome: data.outcome,
            from_case: data.from_case,
            situation: data.situation.clone(),
            conditions: data.conditions.clone(),
            basis: data.basis.clone(),
            solution: data.solution.clone(),
            published_by: meta.actor.clone(),
            checked_by: data.checked_by.clone(),
            published_at: meta.time,
            applications: Vec::new(),
            retired: None,
            version: meta.sequence,
        }
    }
}

/// Decides to publish a precedent of a case; `of_applicant` is what is known of the applicant in clear (name, address),
/// none of which may stand in a text.
///
/// # Errors
/// The refusal: who is not allowed to, what is wrong with the wish, personal data in a text, `same_person`, a case that has
/// not come to an end with a solution or an explanation, or `not_a_precedent`.
pub fn decide_publish(
    known: Option<&Precedent>,
    wish: &Publish,
    case: &Case,
    of_applicant: &[String],
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let actor = context.actor;
    if !may(actor.role, LearningKind::PublishPrecedent) || !permission::may_read(actor, case) {
        return Err(forbidden(actor));
    }
    if known.is_some() {
        return Ok(Vec::new());
    }
    let mut checks = Checks::default();
    let title = checks.text("/title", &wish.title, TITLE_CHARS_MAX);
    let situation = checks.text("/situation", &wish.situation, LONG_CHARS_MAX);
    let conditions = checks.texts("/conditions", &wish.conditions, SHORT_CHARS_MAX);
    let detail = "at least one, so that nobody applies it to everything (须有适用条件)";
    checks.require(!conditions.is_empty(), "/conditions", detail);
    let basis = checked_basis(&mut checks, &wish.basis);
    let solution = checks.text("/solution", &wish.solution, LONG_CHARS_MAX);
    let is_self = wish.checked_by == actor.username;
    match context.second {
        None if !is_self => checks.fault("/checked_by", "there is no such account (没有这个账号)"),
        Some(second) if !is_self => {
            let detail = "has to be a director, a lead or the coordinator (须由负责人复核)";
            checks.require(CHECKERS.contains(&second.role), "/checked_by", detail);
        }
        _ => {}
    }
    checks.finish()?;
    if is_self {
        return Err(Refusal::rule(
            RefusalCode::SamePerson,
            "a precedent is checked by another person than its author (须由另一人复核)",
        ));
    }
    let texts = [("/title", &title), ("/situation", &situation), ("/solution", &solution)];
    let conditions_at = conditions.iter().map(|text| ("/conditions", text));
    for (pointer, text) in texts.into_iter().chain(conditions_at) {
        if names_applicant(text, of_applicant) {
            return Err(Refusal::rule(
                RefusalCode::PiiInText,
                format!(
                    "{pointer} names the applicant or the address (文字中含有申请人姓名或住址)"
                ),
            ));
        }
    }
    let outcome = case.outcome.as_ref().filter(|_| !case.is_open());
    let outcome = match outcome.map(|outcome| outcome.kind) {
        Some(CaseState::Resolved) => PrecedentOutcome::Resolved,
        Some(CaseState::Explained) => PrecedentOutcome::Explained,
        _ => return Err(Refusal::wrong_state(case.state)),
    };
    if !may_be_followed(case) {
        return Err(Refusal::rule(
            RefusalCode::NotAPrecedent,
            "its special handling is no precedent for others (特事特办不作先例)",
        ));
    }
    let last = || case.last_hop().map(|hop| hop.to.clone());
    Ok(alloc::vec![
        PrecedentPublished {
            title,
            matter: case.matter.name.clone(),
            blocked_stage: case.blocked_stage,
            cause: case.cause_confirmed.unwrap_or(case.cause_provisional),
            department: case.department.clone().or_else(last),
            outcome,
            from_case: case.case_id,
            situation,
            conditions,
            basis,
            solution,
            checked_by: wish.checked_by.clone(),
        }
        .into()
    ])
}

/// Whether later cases may follow this one: nothing was waived in it, or whoever approved the waiving said that it is a
/// precedent, and the look-back did not revoke it.
fn may_be_followed(case: &Case) -> bool {
    let Some(special) = &case.special_handling else { return true };
    let approved = special.decision.as_ref().filter(|decision| decision.approved);
    approved.is_none_or(|decision| {
        decision.is_precedent && special.review != Some(ReviewResult::Revoked)
    })
}

fn names_applicant(text: &str, of_applicant: &[String]) -> bool {
    let text = without_blanks(text);
    of_applicant
        .iter()
        .map(|known| without_blanks(known))
        .any(|known| known.chars().count() >= NAME_CHARS_MIN && text.contains(&known))
}

/// Decides to apply a precedent to a case.
///
/// # Errors
/// The refusal: no such precedent, who is not allowed to, what is wrong with the wish, `precedent_retired`, a case that
/// is over, or `conditions_unmet`.
pub fn decide_apply(
    precedent: Option<&Precedent>,
    wish: &Apply,
    case: &Case,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let actor = context.actor;
    if !may(actor.role, LearningKind::ApplyPrecedent) || !permission::may_read(actor, case) {
        return Err(forbidden(actor));
    }
    let precedent = precedent.ok_or(Refusal::NotFound)?;
    let mut checks = Checks::default();
    let note = checks.optional_text("/note", wish.note.as_ref(), TEXT_CHARS_MAX);
    let count = precedent.conditions.len();
    let number_of = |index: usize| u32::try_from(index + 1).unwrap_or(u32::MAX);
    let all = || -> Vec<u32> { (0..count).map(number_of).collect() };
    let met: Vec<u32> = wish.conditions_met.clone().unwrap_or_else(all);
    checks.count("/conditions_met", met.len());
    for (index, number) in met.iter().enumerate() {
        if !all().contains(number) {
            let detail = format!("the precedent has the conditions 1 to {count} (没有这一条件)");
            checks.fault(&format!("/conditions_met/{index}"), detail);
        }
    }
    checks.finish()?;
    if let Some(retired) = &precedent.retired {
        return Err(refused_as_retired(retired));
    }
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    let unmet = precedent.conditions.iter().enumerate();
    let unmet = unmet.filter(|(index, _)| !met.contains(&number_of(*index)));
    let unmet: Vec<String> = unmet.map(|(index, text)| format!("{}. {text}", index + 1)).collect();
    if !unmet.is_empty() {
        return Err(Refusal::rule(
            RefusalCode::ConditionsUnmet,
            format!("not met (未满足): {}", unmet.join("; ")),
        ));
    }
    if precedent.applications.iter().any(|one| one.case_id == case.case_id) {
        return Ok(Vec::new());
    }
    let conditions_met = precedent.conditions.clone();
    Ok(alloc::vec![PrecedentApplied { case_id: case.case_id, conditions_met, note }.into()])
}

/// Decides to retire a precedent.
///
/// # Errors
/// The refusal: no such precedent, who is not allowed to, what is wrong with the wish, or `precedent_retired` for another
/// reason.
pub fn decide_retire(
    precedent: Option<&Precedent>,
    wish: &Retire,
    context: &LearningContext<'_>,
) -> Result<Vec<LearningEvent>, Refusal> {
    let actor = context.actor;
    if !may(actor.role, LearningKind::RetirePrecedent) {
        return Err(forbidden(actor));
    }
    let precedent = precedent.ok_or(Refusal::NotFound)?;
    let department = precedent.department.as_ref();
    if !may_of(actor, LearningKind::RetirePrecedent, department) {
        return Err(forbidden(actor));
    }
    let mut checks = Checks::default();
    let note = checks.text("/note", &wish.note, TEXT_CHARS_MAX);
    checks.finish()?;
    match &precedent.retired {
        Some(retired) if retired.reason == wish.reason => Ok(Vec::new()),
        Some(retired) => Err(refused_as_retired(retired)),
        None => Ok(alloc::vec![PrecedentRetired { reason: wish.reason, note }.into()]),
    }
}

fn refused_as_retired(retired: &Retirement) -> Refusal {
    let (code, label) = (retired.reason.code(), retired.reason.label_zh());
    Refusal::rule(
        RefusalCode::PrecedentRetired,
        format!("retired: {code} ({label}): {}", retired.note),
    )
}
