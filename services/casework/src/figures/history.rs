//! What happened to a case more than once: the facts of earlier rounds that its state forgets, for the figures.
//!
//! Invariants: a fold of the events and of nothing else; a second copy of a commuting fact changes nothing; a case
//! that was reopened keeps every promise, outcome and answer that it ever had, so that no figure becomes better by
//! reopening.

use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, CheckLayer, Complexity, Grade, LinkRelation, Solved, Understood,
};
use proto_events::events::CaseEvent;
use serde::{Deserialize, Serialize};

use crate::case::{Case, EventMeta};

/// What happened to a case more than once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// The rounds that ended and were reopened.
    pub rounds: Vec<Round>,
    /// Every answer of the applicant.
    pub answers: Vec<Answer>,
    /// Every task force.
    pub task_forces: Vec<PastTaskForce>,
    /// Every rectification.
    pub rectifications: Vec<PastRectification>,
    /// Every special handling that was decided.
    pub specials: Vec<PastSpecial>,
    /// When a clock was stopped.
    pub pauses: Vec<Timestamp>,
    /// When the promise was extended.
    pub extensions: Vec<Timestamp>,
    /// Every reclassification that lengthened the promise.
    pub lengthenings: Vec<Lengthening>,
    /// When it was linked to another case as its duplicate; the link back from there is none.
    pub merges: Vec<Timestamp>,
}

/// From an opening or reopening to the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// When it began.
    pub since: Timestamp,
    /// The final promise.
    pub due_at: Timestamp,
    /// The first promise.
    pub original_due_at: Timestamp,
    /// How hard it was.
    pub complexity: Complexity,
    /// The outcome; none while it runs.
    pub end: Option<RoundEnd>,
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub kind: CaseState,
    /// Whether the determination named a text.
    pub with_basis: bool,
    /// Whether two or more bodies explained together.
    pub jointly: bool,
    /// Whether the applicant understood in the last session.
    pub understood: bool,
}

/// What the applicant answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// Whether it was solved.
    pub solved: Option<Solved>,
    /// The grade.
    pub grade: Option<Grade>,
}

/// A task force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastTaskForce {
    /// When it was convened.
    pub convened_at: Timestamp,
    /// When it first met.
    pub first_met_at: Option<Timestamp>,
}

/// A rectification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRectification {
    /// By when.
    pub due_at: Timestamp,
    /// When it was done.
    pub completed_at: Option<Timestamp>,
}

/// A special handling that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastSpecial {
    /// When.
    pub decided_at: Timestamp,
    /// How.
    pub is_approved: bool,
    /// Whether every layer had checked it.
    pub has_all_layers: bool,
}

/// A reclassification that lengthened the promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengthening {
    /// When.
    pub at: Timestamp,
    /// When the handling clock had begun.
    pub since: Timestamp,
    /// What was promised before.
    pub due_before: Timestamp,
    /// The time as the clock had it: while it stood still, when it was stopped.
    pub clock_at: Timestamp,
}

impl Past {
    /// Notes what `event` means for `case`, which has not seen it yet.
    pub fn note(&mut self, case: &Case, meta: &EventMeta, event: &CaseEvent) {
        if event.commutes() && case.facts_seen.contains(&meta.id) {
            return;
        }
        match event {
            CaseEvent::Reopened(_) if case.may_reopen() => self.rounds.push(Round::present(case)),
            CaseEvent::FeedbackRecorded(data) if data.responded => {
                self.answers.push(Answer { at: meta.time, solved: data.solved, grade: data.grade });
            }
            CaseEvent::TaskForceConvened(_) => {
                self.task_forces.push(PastTaskForce { convened_at: meta.time, first_met_at: None });
            }
            CaseEvent::TaskForceMet(_) => {
                if let Some(force) = self.task_forces.last_mut() {
                    force.first_met_at.get_or_insert(meta.time);
                }
            }
            CaseEvent::RectificationOpened(data) => self
                .rectifications
                .push(PastRectification { due_at: data.due_at, completed_at: None }),
            CaseEvent::RectificationCompleted(_) => {
                if let Some(work) = self.rectifications.last_mut() {
                    work.completed_at.get_or_insert(meta.time);
                }
            }
            CaseEvent::SpecialHandlingDecided(data) => {
                let checks = case.special_handling.iter().flat_map(|special| &special.checks);
                let mut layers: Vec<CheckLayer> = checks.map(|check| check.layer).collect();
                layers.sort_unstable();
                layers.dedup();
                self.specials.push(PastSpecial {
                    decided_at: meta.time,
                    is_approved: data.approved,
                    has_all_layers: layers.len() == CheckLayer::ALL.len(),
                });
            }
            CaseEvent::ClockPaused(_) => self.pauses.push(meta.time),
            CaseEvent::DeadlineExtended(_) => self.extensions.push(meta.time),
            CaseEvent::Reclassified(data) if data.due_at > case.due_at => {
                let stopped_at = case.pause.as_ref().map(|pause| pause.since);
                self.lengthenings.push(Lengthening {
                    at: meta.time,
                    since: case.handling_since,
                    due_before: case.due_at,
                    clock_at: stopped_at.map_or(meta.time, |at| at.min(meta.time)),
                });
            }
            CaseEvent::Linked(data)
                if data.relation == LinkRelation::Duplicate && !data.reciprocal =>
            {
                self.merges.push(meta.time);
            }
            // The state keeps all that the figures want of the others.
            _ => {}
        }
    }

    /// Every round of `case`, whose past this is, oldest first; the last is the present one.
    pub fn rounds_with(&self, case: &Case) -> impl Iterator<Item = Round> {
        self.rounds.iter().cloned().chain(core::iter::once(Round::present(case)))
    }
}

impl Round {
    /// The round that a case is in, or has ended with.
    #[must_use]
    pub fn present(case: &Case) -> Self {
        let outcome = case.outcome.as_ref();
        let end = outcome.map(|outcome| RoundEnd {
            at: outcome.at,
            kind: outcome.kind,
            with_basis: case.determination.as_ref().is_some_and(|found| !found.basis.is_empty()),
            jointly: case.explanations.iter().any(|session| {
                let bodies = session.explainers.iter().map(|one| &one.department);
                let mut bodies: Vec<_> = bodies.collect();
                bodies.sort_unstable();
                bodies.dedup();
                bodies.len() >= 2
            }),
            understood: case
                .explanations
                .last()
                .is_some_and(|session| session.understood == Understood::Yes),
        });
        let promise = outcome.map(|outcome| (outcome.due_at, outcome.original_due_at));
        let (due_at, original_due_at) = promise.unwrap_or((case.due_at, case.original_due_at));
        let (since, complexity) = (case.handling_since, case.complexity);
        Self { since, due_at, original_due_at, complexity, end }
    }
}
