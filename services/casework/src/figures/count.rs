//! The one definition of every figure that is counted over cases (domain handbook, section 7): what one case adds to it.
//!
//! [`tallies`] tells, for one case, every formula that it counts under, and with how much. A figure is the sum of what
//! its cases add ([`Sums`](super::Sums)); the cases behind it are those that add something. Both come from the same telling, so they
//! agree by construction.
//!
//! Invariants: a promise that was broken stays in the denominator whether its case is open, ended or reopened; a
//! reopened case counts once per round, so no figure becomes better by reopening; an explanation is never in a numerator
//! of what was done; a promise that is neither kept nor due yet at the instant of the figure is not counted, however long
//! the period is: nobody has broken it.
//!
//! A case that was taken over from an earlier register counts where cases are counted (opened, open, overdue) and in
//! [`Formula::Imported`], and in no rate for what was promised or done before it was.
//!
//! To add a figure over cases, add it to [`Formula`] and tell it here.

use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, Complexity, Solved, Stage};
use proto_events::ids::{CenterId, DepartmentId};

use super::Formula;
use super::facts::{CaseFacts, RoundFact, micros};
use crate::calendar::WorkingCalendar;

/// A case as it is counted.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// Its facts.
    pub facts: &'a CaseFacts,
    /// Its center.
    pub center: &'a CenterId,
    /// Who has it now, or had it when it ended.
    pub department: Option<&'a DepartmentId>,
    /// Its matter.
    pub matter: &'a str,
    /// Where it is stuck.
    pub stage: Stage,
    /// Why: the confirmed cause, else the provisional one.
    pub cause: Cause,
}

/// What is counted, and when; instants in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    from: i64,
    to: i64,
    as_of: i64,
    next_day_ends: i64,
}

impl Period {
    /// Makes a period from one instant to another, both included, as it is seen at a third.
    #[must_use]
    pub fn new(
        from: Timestamp,
        to: Timestamp,
        as_of: Timestamp,
        calendar: &WorkingCalendar,
    ) -> Self {
        let next_day = calendar.add_working_days(calendar.date_of(as_of), 1);
        Self {
            from: micros(from),
            to: micros(to),
            as_of: micros(as_of),
            next_day_ends: micros(calendar.closing_of(next_day)),
        }
    }

    /// Whether an instant lies in it.
    #[must_use]
    pub fn has(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }

    /// Whether a promise for an instant lies in it and is kept, or was to be kept by now.
    fn has_settled(&self, due_at: i64, is_fulfilled: bool) -> bool {
        self.has(due_at) && (is_fulfilled || due_at <= self.as_of)
    }

    /// Whether figures of it could have anything to say of a case with this span (see [`CaseFacts::span`]).
    #[must_use]
    pub const fn meets(&self, (first, last): (i64, i64)) -> bool {
        first <= self.to && last >= self.from
    }

    /// The instant at which open cases are looked at.
    #[must_use]
    pub const fn as_of(&self) -> i64 {
        self.as_of
    }

    /// Its first and its last instant.
    #[must_use]
    pub const fn bounds(&self) -> (i64, i64) {
        (self.from, self.to)
    }
}

/// Which part of a figure: all of it, or one of the groups that it is broken down into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part<'a> {
    /// All of it.
    All,
    /// Cases of one complexity.
    Complexity(Complexity),
    /// What one department has to do with; none when nobody had the case yet.
    Department(Option<&'a DepartmentId>),
    /// Cases of one center.
    Center(&'a CenterId),
    /// Cases of one matter.
    Matter(&'a str),
    /// Cases stuck for one cause at one stage.
    Blockage(Cause, Stage),
    /// Returns by one department, for another if one was named.
    Return(&'a DepartmentId, Option<&'a DepartmentId>),
}

/// What one case adds to a figure, once.
///
/// A share: 1 to the denominator, and 1 or 0 to the numerator. A mean: 1 to the denominator, and a length in working
/// days to the numerator. A count: 1 to the numerator. Of a percentile the numerator is one length; of
/// [`Formula::Oldest`] it is the instant of the opening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally<'a> {
    /// The figure.
    pub formula: Formula,
    /// Which part of it.
    pub part: Part<'a>,
    /// What is added to the numerator.
    pub numerator: i64,
    /// What is added to the denominator.
    pub denominator: i64,
}

/// Tells everything that a case adds to the figures of a period.
pub fn tallies<'a>(case: &Counted<'a>, period: &Period, tell: &mut impl FnMut(Tally<'a>)) {
    let mut told = Told { tell };
    told.rounds(case, period);
    told.open(case, period);
    told.handling(case, period);
    told.opened(case, period);
    told.answers(case, period);
    told.help(case, period);
    told.integrity(case, period);
}

struct Told<'t, F> {
    tell: &'t mut F,
}

impl<'a, F: FnMut(Tally<'a>)> Told<'_, F> {
    fn share(&mut self, formula: Formula, is_fulfilled: bool) {
        let numerator = i64::from(is_fulfilled);
        (self.tell)(Tally { formula, part: Part::All, numerator, denominator: 1 });
    }

    fn length(&mut self, formula: Formula, part: Part<'a>, days: i64) {
        (self.tell)(Tally { formula, part, numerator: days.max(0), denominator: 1 });
    }

    fn count(&mut self, formula: Formula, part: Part<'a>) {
        (self.tell)(Tally { formula, part, numerator: 1, denominator: 0 });
    }

    /// Promises and outcomes.
    fn rounds(&mut self, case: &Counted<'a>, period: &Period) {
        // The first round of a case that was taken over was promised elsewhere.
        for round in case.facts.rounds.iter().skip(usize::from(case.facts.is_imported)) {
            let ended_by = |due: i64| round.end.as_ref().is_some_and(|end| end.at <= due);
            // While the clock stands still the final promise is not known.
            let is_final = round.end.is_some() || !case.facts.is_paused;
            if is_final && period.has_settled(round.due_at, round.end.is_some()) {
                self.share(Formula::OnTime, ended_by(round.due_at));
            }
            if period.has_settled(round.original_due_at, round.end.is_some()) {
                self.share(Formula::OnTimeOriginal, ended_by(round.original_due_at));
            }
            let Some(end) = round.end.as_ref().filter(|end| period.has(end.at)) else { continue };
            let is_explained = end.kind == CaseState::Explained;
            self.share(Formula::DoneRate, end.kind == CaseState::Resolved);
            self.share(Formula::ExplainedShare, is_explained);
            self.share(Formula::ReopenRate, end.is_reopened);
            if is_explained {
                self.share(Formula::ExplainedWithBasis, end.with_basis);
                self.share(Formula::ExplainedJointly, end.jointly);
                self.share(Formula::ExplainedUnderstood, end.understood);
            }
            if end.kind == CaseState::Withdrawn {
                self.count(Formula::Withdrawals, Part::All);
            }
            for formula in [Formula::LeadTimeP50, Formula::LeadTimeP90] {
                self.length(formula, Part::All, end.days);
                self.length(formula, Part::Complexity(round.complexity), end.days);
            }
        }
    }

    /// What is open at the instant of the figure.
    fn open(&mut self, case: &Counted<'a>, period: &Period) {
        let is_running = |round: &&RoundFact| {
            let has_ended = round.end.as_ref().is_some_and(|end| end.at <= period.as_of);
            round.since <= period.as_of && !has_ended
        };
        let Some(round) = case.facts.rounds.iter().find(is_running) else { return };
        self.count(Formula::Open, Part::All);
        let oldest = Tally {
            formula: Formula::Oldest,
            part: Part::All,
            numerator: case.facts.opened_at,
            denominator: 0,
        };
        (self.tell)(oldest);
        if case.facts.is_paused {
            return;
        }
        if round.due_at < period.as_of {
            self.count(Formula::Overdue, Part::All);
        } else if round.due_at <= period.next_day_ends {
            self.count(Formula::DueWithinDay, Part::All);
        }
    }

    /// Contacts, stays, dispatch, returns.
    fn handling(&mut self, case: &Counted<'a>, period: &Period) {
        for hop in &case.facts.hops {
            // The duty ends when the case leaves the department before the contact is due.
            let is_owed = hop.contacted_at.is_some()
                || hop.left_at.is_none_or(|left| left > hop.contact_due_at);
            if is_owed && period.has_settled(hop.contact_due_at, hop.contacted_at.is_some()) {
                let in_time = hop.contacted_at.is_some_and(|at| at <= hop.contact_due_at);
                self.share(Formula::ResponseRate, in_time);
            }
            if hop.left_at.is_some_and(|at| period.has(at)) {
                self.length(Formula::Dwell, Part::All, hop.days);
                self.length(Formula::Dwell, Part::Department(Some(&hop.to)), hop.days);
            }
        }
        if let Some(first) = case.facts.hops.first().filter(|hop| period.has(hop.at)) {
            self.share(Formula::FirstTimeRight, !first.is_returned);
        }
        for one in case.facts.returns.iter().filter(|one| period.has(one.at)) {
            self.count(Formula::Returns, Part::All);
            self.count(Formula::Returns, Part::Return(&one.from, one.to.as_ref()));
        }
    }

    /// What is said of the cases that were opened in the period.
    fn opened(&mut self, case: &Counted<'a>, period: &Period) {
        if !period.has(case.facts.opened_at) {
            return;
        }
        if case.facts.is_imported {
            self.count(Formula::Imported, Part::All);
        } else {
            self.share(Formula::PingPongRate, case.facts.is_ping_pong);
            let end = case.facts.rounds.last().and_then(|round| round.end.as_ref());
            let is_declined = end.is_some_and(|end| end.kind == CaseState::Declined);
            self.share(Formula::DeclinedShare, is_declined);
            let is_special = case.facts.specials.iter().any(|special| special.is_approved);
            self.share(Formula::SpecialHandlingRate, is_special);
        }
        for part in [
            Part::All,
            Part::Blockage(case.cause, case.stage),
            Part::Matter(case.matter),
            Part::Center(case.center),
            Part::Department(case.department),
        ] {
            self.count(Formula::Blockages, part);
        }
    }

    /// What the applicants answered.
    fn answers(&mut self, case: &Counted<'a>, period: &Period) {
        for answer in case.facts.answers.iter().filter(|answer| period.has(answer.at)) {
            if let Some(solved) = answer.solved {
                self.share(Formula::SolvedRate, solved == Solved::Yes);
            }
            if let Some(grade) = answer.grade {
                self.share(Formula::Satisfaction, grade.is_satisfied());
                self.share(Formula::Satisfaction3, grade.value() >= 3);
            }
        }
    }

    /// Task forces, special handling, rectification.
    fn help(&mut self, case: &Counted<'a>, period: &Period) {
        for force in &case.facts.task_forces {
            if period.has(force.convened_at) {
                self.count(Formula::TaskForces, Part::All);
            }
            if force.first_met_at.is_some_and(|at| period.has(at)) {
                self.length(Formula::FirstMeetingDays, Part::All, force.days);
            }
        }
        for special in case.facts.specials.iter().filter(|one| period.has(one.decided_at)) {
            self.share(Formula::SpecialLayersComplete, special.has_all_layers);
        }
        for work in &case.facts.rectifications {
            if !period.has_settled(work.due_at, work.completed_at.is_some()) {
                continue;
            }
            let in_time = work.completed_at.is_some_and(|at| at <= work.due_at);
            self.share(Formula::RectifiedInTime, in_time);
        }
    }

    /// What could flatter a rate.
    fn integrity(&mut self, case: &Counted<'a>, period: &Period) {
        let facts = case.facts;
        for (formula, instants) in [
            (Formula::Pauses, &facts.pauses),
            (Formula::Extensions, &facts.extensions),
            (Formula::LateReclassifications, &facts.late_reclassifications),
            (Formula::Merges, &facts.merges),
        ] {
            for _ in instants.iter().filter(|at| period.has(**at)) {
                self.count(formula, Part::All);
            }
        }
    }
}

#[cfg(test)]
mod tests;
