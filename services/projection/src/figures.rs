//! The figures of the district (domain 7), counted over the rows of the index. Pure.
//!
//! Invariants: every figure comes with its counts and its formula; a promise that was broken stays in the
//! denominator whether its case is open, ended or reopened; a reopened case counts once per round, so no
//! figure becomes better by reopening; an explanation is never in a numerator of what was done.

use std::collections::BTreeMap;

use casework::figures::{Figure, Formula, Ratio};
use proto_events::codes::{CaseState, Complexity, Solved};

use crate::index::{CaseRow, RoundFact};

/// What is counted, and when; instants in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period {
    /// The first instant.
    pub(crate) from: i64,
    /// The last instant.
    pub(crate) to: i64,
    /// The instant at which open cases are looked at.
    pub(crate) as_of: i64,
    /// The end of the next working day after `as_of`.
    pub(crate) next_day_ends: i64,
}

impl Period {
    fn has(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }
}

/// Everything that is being counted.
#[derive(Debug, Default)]
struct Counts {
    ratios: BTreeMap<Formula, Ratio>,
    counts: BTreeMap<Formula, u64>,
    oldest: Option<i64>,
    lead_days: BTreeMap<Complexity, Vec<i64>>,
}

impl Counts {
    fn share(&mut self, formula: Formula, fulfilled: bool) {
        self.ratios.entry(formula).or_default().count(fulfilled);
    }

    fn mean(&mut self, formula: Formula, days: i64) {
        let ratio = self.ratios.entry(formula).or_default();
        ratio.denominator += 1;
        ratio.numerator += days.max(0).cast_unsigned();
    }

    fn add(&mut self, formula: Formula, count: usize) {
        *self.counts.entry(formula).or_default() += count as u64;
    }
}

/// The shares and means that stand in every answer, also when there was nothing to count.
const RATIOS: &[Formula] = &[
    Formula::ResponseRate,
    Formula::SolvedRate,
    Formula::Satisfaction,
    Formula::Satisfaction3,
    Formula::OnTime,
    Formula::OnTimeOriginal,
    Formula::Dwell,
    Formula::FirstTimeRight,
    Formula::PingPongRate,
    Formula::DoneRate,
    Formula::ExplainedShare,
    Formula::ExplainedWithBasis,
    Formula::ExplainedJointly,
    Formula::ExplainedUnderstood,
    Formula::DeclinedShare,
    Formula::FirstMeetingDays,
    Formula::SpecialHandlingRate,
    Formula::SpecialLayersComplete,
    Formula::ReopenRate,
    Formula::RectifiedInTime,
];

/// The counts that stand in every answer.
const COUNTS: &[Formula] = &[
    Formula::Open,
    Formula::Overdue,
    Formula::DueWithinDay,
    Formula::TaskForces,
    Formula::Pauses,
    Formula::Extensions,
    Formula::Withdrawals,
];

/// Counts every figure over `rows`. `working_days` counts the working days between two instants.
pub(crate) fn figures<'a>(
    rows: impl Iterator<Item = &'a CaseRow>,
    period: &Period,
    working_days: impl Fn(i64, i64) -> i64,
) -> BTreeMap<String, Figure> {
    let mut counts = Counts::default();
    for formula in RATIOS {
        counts.ratios.insert(*formula, Ratio::default());
    }
    for formula in COUNTS {
        counts.counts.insert(*formula, 0);
    }
    for row in rows {
        count_rounds(&mut counts, row, period);
        count_open(&mut counts, row, period);
        count_handling(&mut counts, row, period);
        count_help(&mut counts, row, period);
    }
    written(counts, period, working_days)
}

/// Promises and outcomes.
fn count_rounds(counts: &mut Counts, row: &CaseRow, period: &Period) {
    for round in &row.rounds {
        let ended_by = |due: i64| round.end.as_ref().is_some_and(|end| end.at <= due);
        if period.has(round.due_at) {
            counts.share(Formula::OnTime, ended_by(round.due_at));
        }
        if period.has(round.original_due_at) {
            counts.share(Formula::OnTimeOriginal, ended_by(round.original_due_at));
        }
        let Some(end) = round.end.as_ref().filter(|end| period.has(end.at)) else { continue };
        let is_explained = end.kind == CaseState::Explained;
        counts.share(Formula::DoneRate, end.kind == CaseState::Resolved);
        counts.share(Formula::ExplainedShare, is_explained);
        counts.share(Formula::ReopenRate, end.is_reopened);
        if is_explained {
            counts.share(Formula::ExplainedWithBasis, end.with_basis);
            counts.share(Formula::ExplainedJointly, end.jointly);
            counts.share(Formula::ExplainedUnderstood, end.understood);
        }
        if end.kind == CaseState::Withdrawn {
            counts.add(Formula::Withdrawals, 1);
        }
        counts.lead_days.entry(round.complexity).or_default().push(end.days);
    }
}

/// What is open at the time of the figure.
fn count_open(counts: &mut Counts, row: &CaseRow, period: &Period) {
    let is_running = |round: &&RoundFact| {
        round.since <= period.as_of && round.end.as_ref().is_none_or(|end| end.at > period.as_of)
    };
    let Some(round) = row.rounds.iter().find(is_running) else { return };
    counts.add(Formula::Open, 1);
    counts.oldest = Some(counts.oldest.map_or(row.opened_at, |oldest| oldest.min(row.opened_at)));
    if round.due_at < period.as_of {
        counts.add(Formula::Overdue, usize::from(!row.is_paused));
    } else if round.due_at <= period.next_day_ends {
        counts.add(Formula::DueWithinDay, 1);
    }
}

/// Contacts, dispatch, answers.
fn count_handling(counts: &mut Counts, row: &CaseRow, period: &Period) {
    for hop in &row.hops {
        // The duty ends when the case leaves the department before the contact is due.
        let is_owed =
            hop.contacted_at.is_some() || hop.left_at.is_none_or(|left| left > hop.contact_due_at);
        if is_owed && period.has(hop.contact_due_at) {
            let in_time = hop.contacted_at.is_some_and(|at| at <= hop.contact_due_at);
            counts.share(Formula::ResponseRate, in_time);
        }
        if hop.left_at.is_some_and(|at| period.has(at)) {
            counts.mean(Formula::Dwell, hop.days);
        }
    }
    if let Some(first) = row.hops.first().filter(|hop| period.has(hop.at)) {
        counts.share(Formula::FirstTimeRight, !first.is_returned);
    }
    if period.has(row.opened_at) {
        counts.share(Formula::PingPongRate, row.is_ping_pong);
        let is_declined = |round: &RoundFact| {
            round.end.as_ref().is_some_and(|end| end.kind == CaseState::Declined)
        };
        counts.share(Formula::DeclinedShare, row.rounds.last().is_some_and(is_declined));
        let is_special = row.special.as_ref().is_some_and(|special| special.is_approved);
        counts.share(Formula::SpecialHandlingRate, is_special);
    }
    for answer in row.answers.iter().filter(|answer| period.has(answer.at)) {
        if let Some(solved) = answer.solved {
            counts.share(Formula::SolvedRate, solved == Solved::Yes);
        }
        if let Some(grade) = answer.grade {
            counts.share(Formula::Satisfaction, grade.is_satisfied());
            counts.share(Formula::Satisfaction3, grade.value() >= 3);
        }
    }
}

/// Task forces, special handling, rectification, and what could flatter a rate.
fn count_help(counts: &mut Counts, row: &CaseRow, period: &Period) {
    for force in &row.task_forces {
        counts.add(Formula::TaskForces, usize::from(period.has(force.convened_at)));
        if force.first_met_at.is_some_and(|at| period.has(at)) {
            counts.mean(Formula::FirstMeetingDays, force.days);
        }
    }
    if let Some(special) = row.special.as_ref().filter(|one| period.has(one.decided_at)) {
        counts.share(Formula::SpecialLayersComplete, special.has_all_layers);
    }
    for work in row.rectifications.iter().filter(|work| period.has(work.due_at)) {
        let in_time = work.completed_at.is_some_and(|at| at <= work.due_at);
        counts.share(Formula::RectifiedInTime, in_time);
    }
    counts.add(Formula::Pauses, row.pauses.iter().filter(|at| period.has(**at)).count());
    counts.add(Formula::Extensions, row.extensions.iter().filter(|at| period.has(**at)).count());
}

fn written(
    counts: Counts,
    period: &Period,
    working_days: impl Fn(i64, i64) -> i64,
) -> BTreeMap<String, Figure> {
    let mut figures = BTreeMap::new();
    for (formula, ratio) in counts.ratios {
        figures.insert(formula.name().to_owned(), ratio.under(formula));
    }
    for (formula, count) in counts.counts {
        figures.insert(formula.name().to_owned(), Figure::of_count(count, formula));
    }
    let oldest = counts.oldest.map_or(0, |opened| working_days(opened, period.as_of).max(0));
    let oldest = Figure::of_count(oldest.cast_unsigned(), Formula::Oldest);
    figures.insert(Formula::Oldest.name().to_owned(), oldest);

    let mut all: Vec<i64> = counts.lead_days.values().flatten().copied().collect();
    let mut lead_times = |suffix: &str, days: &mut Vec<i64>| {
        days.sort_unstable();
        for (formula, percent) in [(Formula::LeadTimeP50, 50), (Formula::LeadTimeP90, 90)] {
            figures.insert(format!("{formula}{suffix}"), percentile(days, percent, formula));
        }
    };
    lead_times("", &mut all);
    for complexity in Complexity::ALL {
        let mut days = counts.lead_days.get(complexity).cloned().unwrap_or_default();
        lead_times(&format!("_{complexity}"), &mut days);
    }
    figures
}

/// The nearest rank: the smallest length that at least so many percent do not exceed.
fn percentile(sorted: &[i64], percent: usize, formula: Formula) -> Figure {
    let rank = (sorted.len() * percent).div_ceil(100);
    let value = rank.checked_sub(1).and_then(|index| sorted.get(index)).map(|days| (*days).max(0));
    let days = value.unwrap_or(0).cast_unsigned();
    Figure {
        value: value.map(|_| Figure::of_count(days, formula).value.unwrap_or_default()),
        numerator: days,
        denominator: sorted.len() as u64,
        interval: None,
        formula,
    }
}

#[cfg(test)]
mod tests;
