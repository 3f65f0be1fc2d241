//! After the outcome: asking how it was, putting right what was bad, taking it up again, looking back, forgetting.

use std::collections::VecDeque;

use casework::case::Case;
use casework::command::{Actor, Command};
use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, ErasureReason, Grade, ReopenReason, Resolution, ReviewResult, Role, Solved,
};

use super::{Conduct, From, clerk, coordinator, mode, of_department, wish};
use crate::catalogue::How;
use crate::life::Wish;
use crate::people::person;

/// Something that will happen after an outcome.
#[derive(Debug, Clone)]
pub(super) struct After {
    at: Timestamp,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// Nobody answers.
    AskInVain,
    /// The applicant answers.
    Ask {
        solved: Option<Solved>,
        grade: Option<u8>,
        comment: Option<String>,
    },
    /// Somebody speaks with whoever was not content.
    Apologize,
    /// It is put right.
    Rectify,
    Reopen(ReopenReason),
    Erase,
}

impl Conduct<'_> {
    /// The earliest of what is still to happen.
    pub(super) fn follow_up(&mut self, case: &Case, now: Timestamp) -> Option<(Wish, From)> {
        if case.erased {
            return None;
        }
        if case.outcome_count > self.after_of {
            self.after_of = case.outcome_count;
            self.after = self.plan(case, now);
        }
        if case.open_rectification().is_some() && case.rectification_count > self.mending_of {
            self.mending_of = case.rectification_count;
            self.mending = self.mend(now);
        }
        let next = |list: &VecDeque<After>| list.front().map(|after| after.at.max(now));
        let (after, mending) = (next(&self.after), next(&self.mending));
        let looks_back = self.look_back(case).map(|at| at.max(now));
        let at = [after, mending, looks_back].into_iter().flatten().min()?;
        if looks_back == Some(at) {
            let is_ok = self.chance.permille(950);
            let result = if is_ok { ReviewResult::Ok } else { ReviewResult::Revoked };
            let command = Command::ReviewSpecialHandling { result };
            return Some((wish(at, coordinator(), command), From::LookBack));
        }
        let (list, from) = match mending == Some(at) {
            true => (&self.mending, From::Mending),
            false => (&self.after, From::After),
        };
        let what = list.front()?.what.clone();
        let (by, command) = self.carried_out(what, case);
        Some((wish(at, by, command), from))
    }

    fn carried_out(&mut self, what: What, case: &Case) -> (Actor, Command) {
        let callback = person(Role::Callback, None, None);
        let ask = |responded, solved, grade: Option<u8>, comment| Command::RecordFeedback {
            responded,
            solved,
            grade: grade.and_then(|grade| Grade::try_from(grade).ok()),
            comment,
            mode: mode("phone"),
        };
        match what {
            What::AskInVain => (callback, ask(false, None, None, None)),
            What::Ask { solved, grade, comment } => (callback, ask(true, solved, grade, comment)),
            What::Apologize => {
                let command = Command::Contact { mode: mode("phone"), reached: true };
                (self.who_had_it(case), command)
            }
            What::Rectify => {
                let action = self.phrase(|phrases| &phrases.rectified);
                let result = self.phrase(|phrases| &phrases.rectified_results);
                (self.who_had_it(case), Command::CompleteRectification { action, result })
            }
            What::Reopen(reason) => {
                let note = self.phrase(|phrases| match reason {
                    ReopenReason::NotSolved => &phrases.reopen_not_solved,
                    ReopenReason::Partial => &phrases.reopen_partial,
                    ReopenReason::NewFact => &phrases.reopen_new_fact,
                    ReopenReason::WrongBasis | ReopenReason::PolicyChanged => {
                        &phrases.reopen_changed
                    }
                });
                (clerk(case), Command::Reopen { reason, note: Some(note) })
            }
            What::Erase => {
                let by = person(Role::PrivacyOfficer, None, None);
                (by, Command::ErasePersonalData { reason: ErasureReason::Request })
            }
        }
    }

    /// The handler of the department that had it; the clerk of one that no department had.
    fn who_had_it(&self, case: &Case) -> Actor {
        match &case.department {
            Some(department) => of_department(Role::Handler, department),
            None => clerk(case),
        }
    }

    /// What will happen after the outcome that was just reached.
    fn plan(&mut self, case: &Case, now: Timestamp) -> VecDeque<After> {
        let mut plan = VecDeque::new();
        if case.state == CaseState::Declined {
            if self.chance.permille(250) {
                let at = self.on_a_day_after(now, 1, 3);
                let grade = Some(self.chance.of_weights(&[(5, 4), (4, 4), (3, 3)]));
                let what = What::Ask { solved: None, grade, comment: None };
                plan.push_back(After { at, what });
            }
            return plan;
        }
        if self.chance.permille(60) {
            // Nobody asks; the window closes it.
            return plan;
        }
        let (low, high) = if self.chance.permille(930) { (1, 3) } else { (4, 6) };
        let mut at = self.on_a_day_after(now, low, high);
        let tries_in_vain = self.chance.of_weights(&[(0, 78), (1, 12), (2, 4), (3, 6)]);
        for number in 0..tries_in_vain {
            plan.push_back(After { at, what: What::AskInVain });
            at = match number {
                1 => self.after_minutes(at, 120, 300),
                _ => self.on_a_day_after(at, 1, 1),
            };
        }
        if tries_in_vain == 3 {
            return plan;
        }
        let (solved, grade) = self.opinion(case);
        let comment = self.comment(case, solved, grade);
        plan.push_back(After { at, what: What::Ask { solved, grade, comment } });
        plan.extend(self.later(case, solved, at));
        plan
    }

    /// What comes of it in the end: most often nothing more.
    fn later(&mut self, case: &Case, solved: Option<Solved>, at: Timestamp) -> Option<After> {
        let is_explained = case.state == CaseState::Explained;
        let is_first = case.reopen_count == 0;
        let unsolved = match solved {
            Some(Solved::No) => Some(ReopenReason::NotSolved),
            Some(Solved::Partly) => Some(ReopenReason::Partial),
            _ => None,
        };
        let unsolved = unsolved.filter(|_| is_first && !is_explained);
        if let Some(reason) = unsolved.filter(|_| self.chance.permille(450)) {
            let at = self.on_a_day_after(at, 1, 4);
            // Who was asked late may be too late for this; people here know the window.
            let rules = self.world.rules;
            let window_ends = case.outcome.as_ref().map(|outcome| {
                rules.calendar.deadline(outcome.at, rules.limits.reopen_window).due_at
            });
            let is_in_time = window_ends.is_none_or(|end| at <= end);
            return is_in_time.then_some(After { at, what: What::Reopen(reason) });
        }
        if is_first && self.chance.permille(if is_explained { 60 } else { 8 }) {
            let is_policy = is_explained && self.chance.permille(350);
            let reason =
                if is_policy { ReopenReason::PolicyChanged } else { ReopenReason::NewFact };
            let at = self.on_a_day_after(at, 12, 50);
            return Some(After { at, what: What::Reopen(reason) });
        }
        self.chance.permille(9).then(|| {
            let at = self.on_a_day_after(at, 15, 60);
            After { at, what: What::Erase }
        })
    }

    /// Whether it is solved and how content the applicant is.
    fn opinion(&mut self, case: &Case) -> (Option<Solved>, Option<u8>) {
        let is_late = case.outcome.as_ref().is_some_and(|outcome| outcome.at > case.due_at);
        let pleases = self.habits(case).pleases.saturating_sub(if is_late { 250 } else { 0 });
        let chance = &mut self.chance;
        let is_pleased = chance.permille(pleases);
        let is_explained = case.state == CaseState::Explained;
        let (yes, partly, no) = (Some(Solved::Yes), Some(Solved::Partly), Some(Solved::No));
        let solved = match (is_explained, is_pleased) {
            (true, _) => chance.of_weights(&[(partly, 38), (None, 30), (yes, 18), (no, 14)]),
            (false, true) => chance.of_weights(&[(yes, 95), (partly, 5)]),
            (false, false) => chance.of_weights(&[(yes, 62), (partly, 24), (no, 14)]),
        };
        let is_partly = self.end.how == How::Resolved(Resolution::Partly);
        let solved =
            solved.map(|said| if is_partly && said == Solved::Yes { Solved::Partly } else { said });
        let grade = match (is_pleased, is_explained) {
            (true, true) => {
                chance.of_weights(&[(Some(5), 25), (Some(4), 45), (Some(3), 25), (None, 5)])
            }
            (true, false) => chance.of_weights(&[(Some(5), 66), (Some(4), 28), (None, 6)]),
            (false, _) => {
                chance.of_weights(&[(Some(3), 52), (Some(2), 24), (Some(1), 16), (None, 8)])
            }
        };
        (solved, grade)
    }

    fn comment(
        &mut self,
        case: &Case,
        solved: Option<Solved>,
        grade: Option<u8>,
    ) -> Option<String> {
        let phrases = &self.world.catalogue.phrases;
        let texts = match (grade, solved) {
            (Some(1 | 2), _) | (_, Some(Solved::No)) => &phrases.comments_bad,
            _ if case.state == CaseState::Explained => &phrases.comments_understood,
            (Some(3), _) | (_, Some(Solved::Partly)) => &phrases.comments_fair,
            _ => &phrases.comments_good,
        };
        self.chance.pick(texts).filter(|_| self.chance.permille(450)).cloned()
    }

    /// How a bad review is put right.
    fn mend(&mut self, now: Timestamp) -> VecDeque<After> {
        let (low, high) = if self.chance.permille(870) { (30, 380) } else { (800, 1300) };
        let called = self.after_minutes(now, low, high);
        let (low, high) = if self.chance.permille(860) { (1, 3) } else { (5, 8) };
        let done = self.on_a_day_after(called, low, high);
        let step = |at, what| After { at, what };
        VecDeque::from([step(called, What::Apologize), step(done, What::Rectify)])
    }

    /// When somebody looks back on an approved special handling.
    fn look_back(&mut self, case: &Case) -> Option<Timestamp> {
        let special = case.special_handling.as_ref().filter(|special| special.review.is_none())?;
        let decision = special.decision.as_ref().filter(|decision| decision.approved)?;
        if self.look_back_at.is_none() {
            self.look_back_at = Some(self.on_a_day_after(decision.at, 20, 32));
        }
        self.look_back_at
    }
}
