//! The chain of a round of handling: which steps it takes, and how much time lies between them.

use std::collections::VecDeque;

use casework::case::Case;
use proto_events::Timestamp;
use proto_events::codes::{CauseCategory, CheckLayer, Complexity, PauseReason, Resolution};

use super::Conduct;
use crate::catalogue::How;
use crate::office;

/// A step of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    NotReached,
    Contact,
    Correct,
    ReclassifyCause,
    ReclassifyComplexity,
    RequestMaterials,
    ReceiveMaterials,
    RequestMore,
    AssignParts,
    CompletePart(usize),
    Convene,
    RequestSpecial,
    Check(CheckLayer),
    Decide,
    Pause(PauseReason),
    Resume,
    /// Nobody says that it goes on; the clock does.
    AwaitResume,
    Urge,
    Extend,
    Progress,
    Withdraw,
    End,
}

impl Conduct<'_> {
    /// The steps of a round of handling, each with the minutes of business since the one before.
    pub(super) fn new_chain(&mut self, case: &Case, now: Timestamp) -> VecDeque<(u32, Step)> {
        let habits = self.habits(case);
        let rules = self.world.rules;
        let days = rules.limits.handling(case.complexity);
        let limit = office::minutes_of_days(&rules.calendar, days);
        let is_late = self.chance.permille(habits.is_late);
        let pace = match is_late {
            true => self.chance.between(108, 210),
            false => self.chance.between(habits.pace.saturating_sub(38), habits.pace + 18).min(96),
        };
        let mut chain = self.first_call(habits.calls_in_time);
        let steps = match case.reopen_count {
            0 => self.steps(case, is_late),
            _ => vec![Step::Progress, Step::End],
        };
        let spent = rules.calendar.business_minutes_between(case.handling_since, now);
        let spent = u32::try_from(spent).unwrap_or(0);
        let taken: u32 = chain.iter().map(|(minutes, _)| minutes).sum();
        let budget = (limit * pace / 100).saturating_sub(spent + taken).max(30);
        let shares: Vec<u32> = steps.iter().map(|_| self.chance.between(40, 160)).collect();
        let sum: u32 = shares.iter().sum::<u32>().max(1);
        for (step, share) in steps.into_iter().zip(shares) {
            let minutes = match step {
                // What the clock does not count is not taken from the time either.
                Step::Resume => self.chance.between(500, 3600),
                // Two working days are given; now and then a layer needs three.
                Step::Check(_) | Step::Decide if self.chance.permille(70) => {
                    self.chance.between(1000, 1500)
                }
                _ => (budget / sum * share + budget % sum * share / sum).max(6),
            };
            chain.push_back((minutes, step));
        }
        chain
    }

    /// The first call to the applicant, in time or not.
    fn first_call(&mut self, in_time: u32) -> VecDeque<(u32, Step)> {
        let chance = &mut self.chance;
        if !chance.permille(in_time) {
            return VecDeque::from([(chance.between(430, 900), Step::Contact)]);
        }
        let minutes = chance.between(6, 110);
        if chance.permille(90) {
            let again = (chance.between(30, 120), Step::Contact);
            return VecDeque::from([(minutes, Step::NotReached), again]);
        }
        VecDeque::from([(minutes, Step::Contact)])
    }

    fn steps(&mut self, case: &Case, is_late: bool) -> Vec<Step> {
        let (problem, end) = (self.problem, self.end);
        let chance = &mut self.chance;
        let mut steps = Vec::new();
        if chance.permille(30) {
            steps.push(Step::Correct);
        }
        if case.complexity != problem.complexity && chance.permille(850) {
            steps.push(Step::ReclassifyComplexity);
        }
        let category = problem.cause.category();
        let is_guessed = case.cause_provisional.category() != category;
        if is_guessed && category != CauseCategory::Applicant && chance.permille(350) {
            steps.push(Step::ReclassifyCause);
        }
        if end.how == How::Withdrawn || chance.permille(14) {
            steps.extend([Step::Progress, Step::Withdraw]);
            return steps;
        }
        if !problem.papers.is_empty() && chance.permille(620) {
            steps.push(Step::RequestMaterials);
            let waits = chance.permille(450);
            steps.extend(waits.then_some(Step::Pause(PauseReason::WaitingApplicant)));
            steps.push(Step::ReceiveMaterials);
            steps.extend(waits.then_some(Step::Resume));
            if chance.permille(70) {
                steps.extend([Step::RequestMore, Step::ReceiveMaterials]);
            }
        }
        let needs_help = end.how == How::Resolved(Resolution::Coordinated);
        if !problem.parts.is_empty() && chance.permille(if needs_help { 850 } else { 450 }) {
            steps.push(Step::AssignParts);
            steps.extend((0..problem.parts.len()).map(Step::CompletePart));
        }
        let is_special = end.how == How::Resolved(Resolution::SpecialHandling);
        if end.how == How::Resolved(Resolution::TaskForce) || (is_special && chance.permille(500)) {
            steps.push(Step::Convene);
        }
        let (low, high) = match problem.complexity {
            Complexity::Simple => (0, 1),
            Complexity::Complex => (0, 2),
            Complexity::Special | Complexity::Hard => (1, 3),
        };
        let notes = chance.between(low, high);
        for _ in 0..notes {
            let place = chance.between(0, u32::try_from(steps.len()).unwrap_or(0));
            steps.insert(place as usize, Step::Progress);
        }
        if is_special {
            steps.push(Step::RequestSpecial);
            steps.extend(CheckLayer::ALL.iter().map(|layer| Step::Check(*layer)));
            steps.push(Step::Decide);
        }
        steps.extend(self.waiting(is_late));
        let chance = &mut self.chance;
        if chance.permille(if is_late { 300 } else { 50 }) {
            steps.push(Step::Urge);
        }
        let extends = match problem.complexity {
            Complexity::Simple => 0,
            Complexity::Complex => 40,
            Complexity::Special | Complexity::Hard => 160,
        };
        if chance.permille(extends) {
            steps.push(Step::Extend);
        }
        steps.push(Step::End);
        steps
    }

    /// What it has to wait for.
    fn waiting(&mut self, is_late: bool) -> Vec<Step> {
        let chance = &mut self.chance;
        let is_system = self.problem.cause.category() == CauseCategory::System;
        let reason = match self.problem.waits {
            Some(reason) if chance.permille(480) => reason,
            _ if is_system && chance.permille(60) => PauseReason::SystemDown,
            _ if chance.permille(4) => PauseReason::ForceMajeure,
            _ => return Vec::new(),
        };
        let by_a_person = is_late || chance.permille(700);
        vec![Step::Pause(reason), if by_a_person { Step::Resume } else { Step::AwaitResume }]
    }
}
