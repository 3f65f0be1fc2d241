//! What the figures look at in a case, and nothing else of it: instants, lengths, codes. No text, no person.
//!
//! Instants are microseconds since 1970. Lengths are working days, counted once, here. Invariants: the facts follow from
//! the events of the case alone (and from the calendar); the form is plain, so that any encoding of `serde` keeps it.

use alloc::boxed::Box;

use proto_events::Timestamp;
use proto_events::codes::{CaseState, Complexity, Grade, Solved};
use proto_events::ids::DepartmentId;
use serde::{Deserialize, Serialize};

use super::history::{Past, Round};
use crate::calendar::WorkingCalendar;
use crate::case::Case;
use crate::case::records::{Hop, Return};
use crate::decide::LENGTHENING_FREE_UNTIL_PERCENT;

/// What the figures look at in a case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseFacts {
    /// When it was opened.
    pub opened_at: i64,
    /// Whether it was returned twice or more, or sent by somebody to a department that had returned it.
    pub is_ping_pong: bool,
    /// Whether its clock stands still.
    pub is_paused: bool,
    /// Whether it was taken over from an earlier register: what was promised and done until then is in no rate.
    pub is_imported: bool,
    /// Every handing over, oldest first.
    pub hops: Box<[HopFact]>,
    /// Every return, oldest first.
    pub returns: Box<[ReturnFact]>,
    /// Oldest first; the last is the present one.
    pub rounds: Box<[RoundFact]>,
    /// Every answer of the applicant, oldest first.
    pub answers: Box<[AnswerFact]>,
    /// Every task force, oldest first.
    pub task_forces: Box<[TaskForceFact]>,
    /// Every rectification, oldest first.
    pub rectifications: Box<[RectificationFact]>,
    /// Every special handling that was decided, oldest first.
    pub specials: Box<[SpecialFact]>,
    /// When its clock was stopped.
    pub pauses: Box<[i64]>,
    /// When its promise was extended.
    pub extensions: Box<[i64]>,
    /// When it was given a longer limit after four fifths of the time.
    pub late_reclassifications: Box<[i64]>,
    /// When it was linked to another case as its duplicate.
    pub merges: Box<[i64]>,
}

/// A handing over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HopFact {
    /// To whom.
    pub to: DepartmentId,
    /// When.
    pub at: i64,
    /// By when the applicant was to be contacted.
    pub contact_due_at: i64,
    /// When the applicant was.
    pub contacted_at: Option<i64>,
    /// Whether the department sent it back.
    pub is_returned: bool,
    /// When the case left the department: returned, handed on, or ended.
    pub left_at: Option<i64>,
    /// Working days of the stay, when it is over.
    pub days: i64,
}

/// A return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReturnFact {
    /// When.
    pub at: i64,
    /// By whom.
    pub from: DepartmentId,
    /// Whose it is instead, when somebody was named.
    pub to: Option<DepartmentId>,
}

/// From an opening or reopening to its outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundFact {
    /// When it began.
    pub since: i64,
    /// The final promise.
    pub due_at: i64,
    /// The first promise.
    pub original_due_at: i64,
    /// How hard it was.
    pub complexity: Complexity,
    /// The outcome; none while it runs.
    pub end: Option<EndFact>,
}

/// An outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndFact {
    /// When.
    pub at: i64,
    /// How.
    pub kind: CaseState,
    /// Whether it did not last.
    pub is_reopened: bool,
    /// Whether the determination named a text.
    pub with_basis: bool,
    /// Whether two or more bodies explained together.
    pub jointly: bool,
    /// Whether the applicant understood in the last session.
    pub understood: bool,
    /// Working days since the round began.
    pub days: i64,
}

/// An answer of the applicant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerFact {
    /// When.
    pub at: i64,
    /// Whether it was solved.
    pub solved: Option<Solved>,
    /// The grade.
    pub grade: Option<Grade>,
}

/// A task force.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TaskForceFact {
    /// When it was convened.
    pub convened_at: i64,
    /// When it first met.
    pub first_met_at: Option<i64>,
    /// Working days to the first meeting, when there was one.
    pub days: i64,
}

/// A rectification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RectificationFact {
    /// By when.
    pub due_at: i64,
    /// When it was done.
    pub completed_at: Option<i64>,
}

/// A special handling that was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SpecialFact {
    /// When.
    pub decided_at: i64,
    /// How.
    pub is_approved: bool,
    /// Whether every layer had checked it.
    pub has_all_layers: bool,
}

impl CaseFacts {
    /// Takes the facts of a case and of its past.
    #[must_use]
    pub fn of(case: &Case, past: &Past, calendar: &WorkingCalendar) -> Self {
        let days = |from: Timestamp, to: Timestamp| {
            calendar.working_days_between(calendar.date_of(from), calendar.date_of(to))
        };
        Self {
            opened_at: micros(case.opened_at),
            is_ping_pong: is_ping_pong(case),
            is_paused: case.pause.is_some(),
            is_imported: case.imported.is_some(),
            hops: hops(case, past, &days),
            returns: case.returns.iter().map(ReturnFact::of).collect(),
            rounds: rounds(case, past, &days),
            answers: past
                .answers
                .iter()
                .map(|one| AnswerFact { at: micros(one.at), solved: one.solved, grade: one.grade })
                .collect(),
            task_forces: past
                .task_forces
                .iter()
                .map(|force| TaskForceFact {
                    convened_at: micros(force.convened_at),
                    first_met_at: force.first_met_at.map(micros),
                    days: force.first_met_at.map_or(0, |met| days(force.convened_at, met)),
                })
                .collect(),
            rectifications: past
                .rectifications
                .iter()
                .map(|work| RectificationFact {
                    due_at: micros(work.due_at),
                    completed_at: work.completed_at.map(micros),
                })
                .collect(),
            specials: past
                .specials
                .iter()
                .map(|special| SpecialFact {
                    decided_at: micros(special.decided_at),
                    is_approved: special.is_approved,
                    has_all_layers: special.has_all_layers,
                })
                .collect(),
            pauses: past.pauses.iter().copied().map(micros).collect(),
            extensions: past.extensions.iter().copied().map(micros).collect(),
            late_reclassifications: past
                .lengthenings
                .iter()
                .filter(|one| {
                    let share = LENGTHENING_FREE_UNTIL_PERCENT;
                    one.clock_at > calendar.at_share(one.since, one.due_before, share)
                })
                .map(|one| micros(one.at))
                .collect(),
            merges: past.merges.iter().copied().map(micros).collect(),
        }
    }
}

impl CaseFacts {
    /// Finds the first and the last instant at which a figure could look at it; while it is open, the last is
    /// [`i64::MAX`], because what is open counts whatever the period is. A figure whose period lies outside says nothing of
    /// it, so an index of these two finds the cases of a period.
    #[must_use]
    pub fn span(&self) -> (i64, i64) {
        let mut span = (self.opened_at, self.opened_at);
        let mut meets = |at: i64| span = (span.0.min(at), span.1.max(at));
        for round in &self.rounds {
            meets(round.due_at);
            meets(round.original_due_at);
            meets(round.end.as_ref().map_or(i64::MAX, |end| end.at));
        }
        for hop in &self.hops {
            meets(hop.at);
            meets(hop.contact_due_at);
            hop.left_at.into_iter().for_each(&mut meets);
        }
        self.returns.iter().for_each(|one| meets(one.at));
        self.answers.iter().for_each(|one| meets(one.at));
        for force in &self.task_forces {
            meets(force.convened_at);
            force.first_met_at.into_iter().for_each(&mut meets);
        }
        self.rectifications.iter().for_each(|work| meets(work.due_at));
        self.specials.iter().for_each(|special| meets(special.decided_at));
        let others = [&self.pauses, &self.extensions, &self.late_reclassifications, &self.merges];
        others.into_iter().flatten().for_each(|at| meets(*at));
        span
    }
}

impl ReturnFact {
    fn of(one: &Return) -> Self {
        let (from, to) = (one.department.clone(), one.suggested_department.clone());
        Self { at: micros(one.at), from, to }
    }
}

/// An instant in microseconds since 1970.
#[must_use]
pub fn micros(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

fn hops(case: &Case, past: &Past, days: &impl Fn(Timestamp, Timestamp) -> i64) -> Box<[HopFact]> {
    let ends = || past.rounds_with(case).filter_map(|round| Some(round.end?.at));
    let fact = |(index, hop): (usize, &Hop)| {
        let next = case.hops.get(index + 1).map(|next| next.at);
        let end = ends().find(|end| *end >= hop.at);
        let left = [hop.returned_at, next, end].into_iter().flatten().min();
        HopFact {
            to: hop.to.clone(),
            at: micros(hop.at),
            contact_due_at: micros(hop.first_contact_due_at),
            contacted_at: hop.first_contact_at.map(micros),
            is_returned: hop.returned_at.is_some(),
            left_at: left.map(micros),
            days: left.map_or(0, |left| days(hop.at, left)),
        }
    };
    // The handing over that an earlier register knew of was none of this desk's.
    let earlier = case.imported.as_ref().is_some_and(|record| record.with_handing_over);
    case.hops.iter().enumerate().skip(usize::from(earlier)).map(fact).collect()
}

fn rounds(
    case: &Case,
    past: &Past,
    days: &impl Fn(Timestamp, Timestamp) -> i64,
) -> Box<[RoundFact]> {
    let reopened = past.rounds.len();
    let fact = |(index, round): (usize, Round)| RoundFact {
        since: micros(round.since),
        due_at: micros(round.due_at),
        original_due_at: micros(round.original_due_at),
        complexity: round.complexity,
        end: round.end.map(|end| EndFact {
            at: micros(end.at),
            kind: end.kind,
            is_reopened: index < reopened,
            with_basis: end.with_basis,
            jointly: end.jointly,
            understood: end.understood,
            days: days(round.since, end.at),
        }),
    };
    past.rounds_with(case).enumerate().map(fact).collect()
}

fn is_ping_pong(case: &Case) -> bool {
    let came_back =
        |hop: &Hop| case.returns.iter().any(|one| one.department == hop.to && one.at < hop.at);
    case.is_ping_pong() || case.hops.iter().any(came_back)
}
