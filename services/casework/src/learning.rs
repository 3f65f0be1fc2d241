//! What the district learns from its cases: precedents (先例) and improvements (改进), and what recurs.
//!
//! Invariants: pure; a precedent is published by two people, names nobody who asked for help, and is never edited, only
//! retired; an improvement begins with a number and ends with one, and whoever made the change does not verify it; what
//! recurs is a fold of the cases and of nothing else, so whoever folds them finds the same.
//!
//! Reading order: [`precedent`], [`improvement`], [`recurrence`] (what the house notices by itself), [`permission`].

pub mod improvement;
pub mod permission;
pub mod precedent;
pub mod recurrence;
#[cfg(test)]
mod tests;

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{Cause, Role};
use proto_events::envelope::Envelope;
use proto_events::events::PolicyBasis;
use proto_events::ids::{CommandId, DepartmentId, EventId, ImprovementId, PrecedentId};
use proto_events::learning::LearningEvent;
use proto_events::subject::LearningSubject;
use serde::{Deserialize, Serialize};

use crate::command::Actor;
use crate::decide::checks::{Checks, SHORT_CHARS_MAX, TEXT_CHARS_MAX};
use crate::refusal::{Refusal, RefusalCode};
use crate::rules::Rules;

pub use improvement::Improvement;
pub use precedent::Precedent;

/// What an event says besides its data, as far as the state needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LearningMeta {
    /// The event.
    pub id: EventId,
    /// The command that led to it.
    pub command_id: CommandId,
    /// Its position in the stream.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: String,
    /// In which role.
    pub role: Role,
}

impl LearningMeta {
    /// Takes what the state needs from an envelope.
    #[must_use]
    pub fn of(envelope: &Envelope, sequence: u64) -> Self {
        Self {
            id: envelope.id,
            command_id: envelope.command_id,
            sequence,
            time: envelope.time,
            actor: envelope.actor.clone(),
            role: envelope.role,
        }
    }
}

/// What a decision looks at besides the state and the wish.
#[derive(Debug, Clone, Copy)]
pub struct LearningContext<'a> {
    /// The time, read once.
    pub now: Timestamp,
    /// Who wishes it.
    pub actor: &'a Actor,
    /// The second person that the wish names, when there is such an account.
    pub second: Option<&'a Actor>,
    /// The district.
    pub rules: &'a Rules,
}

/// What makes cases of one kind (一类事): why, at what, with whom.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CaseKind {
    /// Why they got stuck.
    pub cause: Cause,
    /// The name of the matter.
    pub matter: String,
    /// The department.
    pub department: DepartmentId,
}

/// Everything that the district has learned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book {
    /// The precedents.
    pub precedents: BTreeMap<PrecedentId, Precedent>,
    /// The improvements.
    pub improvements: BTreeMap<ImprovementId, Improvement>,
}

impl Book {
    /// Takes an event further. Total: what does not belong to its subject changes nothing.
    pub fn evolve(&mut self, subject: LearningSubject, meta: &LearningMeta, event: &LearningEvent) {
        match subject {
            LearningSubject::Precedent(id) => {
                let known = self.precedents.remove(&id);
                if let Some(precedent) = Precedent::step(known, id, meta, event) {
                    self.precedents.insert(id, precedent);
                }
            }
            LearningSubject::Improvement(id) => {
                let known = self.improvements.remove(&id);
                if let Some(improvement) = Improvement::step(known, id, meta, event) {
                    self.improvements.insert(id, improvement);
                }
            }
        }
    }

    /// The improvement of this kind that is not finished.
    #[must_use]
    pub fn unfinished(&self, kind: &CaseKind) -> Option<&Improvement> {
        self.improvements.values().find(|one| one.kind == *kind && one.verified_at().is_none())
    }

    /// Whether an improvement of this kind answers for what was noticed at `at`: one that is not finished, or that was
    /// finished after it.
    #[must_use]
    pub fn covers(&self, kind: &CaseKind, at: Timestamp) -> bool {
        self.improvements
            .values()
            .filter(|one| one.kind == *kind)
            .any(|one| one.verified_at().is_none_or(|verified_at| verified_at >= at))
    }
}

/// Refuses who may not wish this here.
#[must_use]
pub fn forbidden(actor: &Actor) -> Refusal {
    Refusal::Forbidden(format!(
        "the role {} ({}) may not do this here (无权或不在本部门)",
        actor.role.code(),
        actor.role.label_zh()
    ))
}

fn wrong_state(what: &str) -> Refusal {
    Refusal::rule(RefusalCode::WrongState, what)
}

/// Checks the texts that something stands on.
fn checked_basis(checks: &mut Checks, basis: &[PolicyBasis]) -> Vec<PolicyBasis> {
    checks.count("/basis", basis.len());
    let detail = "at least one text that it stands on (须有政策依据)";
    checks.require(!basis.is_empty(), "/basis", detail);
    let text = |(index, text): (usize, &PolicyBasis)| {
        let at = |field: &str| format!("/basis/{index}/{field}");
        PolicyBasis {
            title: checks.text(&at("title"), &text.title, SHORT_CHARS_MAX),
            number: checks.optional_text(&at("number"), text.number.as_ref(), SHORT_CHARS_MAX),
            article: checks.text(&at("article"), &text.article, TEXT_CHARS_MAX),
            in_force_from: text.in_force_from,
        }
    };
    basis.iter().enumerate().map(text).collect()
}

/// A text without its blanks, so that a name is found however it was spaced.
fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}
