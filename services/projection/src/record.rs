//! A case as the view keeps it: its state, and the facts of earlier rounds that the state forgets.
//!
//! Invariants: a fold of the events and of nothing else; a second copy of a commuting fact changes nothing;
//! a case that was reopened keeps every promise, outcome and answer that it ever had, so that no figure
//! becomes better by reopening.

use casework::case::{Case, EventMeta};
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Complexity, Grade, Solved, Understood};
use proto_events::events::CaseEvent;
use serde::{Deserialize, Serialize};

/// A case in the view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CaseRecord {
    /// Its state.
    pub(crate) case: Case,
    /// What the state has forgotten.
    pub(crate) past: Past,
    /// Whether one of its events could not be read.
    pub(crate) quarantined: bool,
}

/// What happened to a case more than once, for the figures.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Past {
    /// The rounds that ended and were reopened.
    pub(crate) rounds: Vec<Round>,
    /// Every answer of the applicant.
    pub(crate) answers: Vec<Answer>,
    /// Every task force.
    pub(crate) task_forces: Vec<TaskForceFact>,
    /// Every rectification.
    pub(crate) rectifications: Vec<RectificationFact>,
    /// When a clock was stopped.
    pub(crate) pauses: Vec<Timestamp>,
    /// When the promise was extended.
    pub(crate) extensions: Vec<Timestamp>,
}

/// From an opening or reopening to the outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Round {
    /// When it began.
    pub(crate) since: Timestamp,
    /// The final promise.
    pub(crate) due_at: Timestamp,
    /// The first promise.
    pub(crate) original_due_at: Timestamp,
    /// How hard it was.
    pub(crate) complexity: Complexity,
    /// The outcome; none while it runs.
    pub(crate) end: Option<RoundEnd>,
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RoundEnd {
    /// When.
    pub(crate) at: Timestamp,
    /// How.
    pub(crate) kind: CaseState,
    /// Whether the determination named a text.
    pub(crate) with_basis: bool,
    /// Whether two or more bodies explained together.
    pub(crate) jointly: bool,
    /// Whether the applicant understood in the last session.
    pub(crate) understood: bool,
}

/// What the applicant answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// When.
    pub(crate) at: Timestamp,
    /// Whether it was solved.
    pub(crate) solved: Option<Solved>,
    /// The grade.
    pub(crate) grade: Option<Grade>,
}

/// A task force, for the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TaskForceFact {
    /// When it was convened.
    pub(crate) convened_at: Timestamp,
    /// When it first met.
    pub(crate) first_met_at: Option<Timestamp>,
}

/// A rectification, for the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RectificationFact {
    /// By when.
    pub(crate) due_at: Timestamp,
    /// When it was done.
    pub(crate) completed_at: Option<Timestamp>,
}

impl CaseRecord {
    /// Takes one event further; `None` while there is no opening.
    pub(crate) fn step(record: Option<Self>, meta: &EventMeta, event: &CaseEvent) -> Option<Self> {
        let Some(mut record) = record else {
            let case = Case::step(None, meta, event)?;
            return Some(Self { case, past: Past::default(), quarantined: false });
        };
        record.past.note(&record.case, meta, event);
        record.case.evolve(meta, event);
        Some(record)
    }

    /// Every round, oldest first; the last is the present one.
    pub(crate) fn rounds(&self) -> impl Iterator<Item = Round> {
        self.past.rounds.iter().cloned().chain(std::iter::once(present_round(&self.case)))
    }
}

impl Past {
    /// Notes what `event` means for `case`, which has not seen it yet.
    fn note(&mut self, case: &Case, meta: &EventMeta, event: &CaseEvent) {
        if event.commutes() && case.facts_seen.contains(&meta.id) {
            return;
        }
        match event {
            CaseEvent::Reopened(_) if case.may_reopen() => self.rounds.push(present_round(case)),
            CaseEvent::FeedbackRecorded(data) if data.responded => {
                self.answers.push(Answer { at: meta.time, solved: data.solved, grade: data.grade });
            }
            CaseEvent::TaskForceConvened(_) => {
                self.task_forces.push(TaskForceFact { convened_at: meta.time, first_met_at: None });
            }
            CaseEvent::TaskForceMet(_) => {
                if let Some(force) = self.task_forces.last_mut() {
                    force.first_met_at.get_or_insert(meta.time);
                }
            }
            CaseEvent::RectificationOpened(data) => self
                .rectifications
                .push(RectificationFact { due_at: data.due_at, completed_at: None }),
            CaseEvent::RectificationCompleted(_) => {
                if let Some(work) = self.rectifications.last_mut() {
                    work.completed_at.get_or_insert(meta.time);
                }
            }
            CaseEvent::ClockPaused(_) => self.pauses.push(meta.time),
            CaseEvent::DeadlineExtended(_) => self.extensions.push(meta.time),
            // The state keeps all that the figures want of the others.
            _ => {}
        }
    }
}

fn present_round(case: &Case) -> Round {
    let end = case.outcome.as_ref().map(|outcome| RoundEnd {
        at: outcome.at,
        kind: outcome.kind,
        with_basis: case.determination.as_ref().is_some_and(|found| !found.basis.is_empty()),
        jointly: case.explanations.iter().any(|session| {
            let mut bodies: Vec<_> = session.explainers.iter().map(|one| &one.department).collect();
            bodies.sort_unstable();
            bodies.dedup();
            bodies.len() >= 2
        }),
        understood: case
            .explanations
            .last()
            .is_some_and(|session| session.understood == Understood::Yes),
    });
    let promise = case.outcome.as_ref().map(|outcome| (outcome.due_at, outcome.original_due_at));
    let (due_at, original_due_at) = promise.unwrap_or((case.due_at, case.original_due_at));
    Round { since: case.handling_since, due_at, original_due_at, complexity: case.complexity, end }
}
