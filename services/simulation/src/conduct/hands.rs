//! Whose it is: declining, handing over, signing, sending back, ruling.

use casework::case::Case;
use casework::command::Command;
use proto_events::Timestamp;
use proto_events::codes::{Exclusion, LinkRelation, ReturnReason, Role};
use proto_events::events::Remedy;
use proto_events::ids::{CaseId, DepartmentId};

use super::{Conduct, clerk, coordinator, director, of_department, wish};
use crate::catalogue::How;
use crate::life::Wish;

impl Conduct<'_> {
    /// A clerk notices that an earlier case has to do with it.
    pub(super) fn link(&mut self, case: &Case, now: Timestamp) -> Option<Wish> {
        let other = self.related_to?;
        let is_related = self.chance.permille(600);
        let relation = if is_related { LinkRelation::Related } else { LinkRelation::Earlier };
        let command = Command::Link { other, relation, note: None, reciprocal: false };
        Some(wish(self.after_minutes(now, 5, 60), clerk(case), command))
    }

    /// The center has it: declines it, or finds out whose it is.
    pub(super) fn hand_over(&mut self, case: &Case, now: Timestamp) -> Option<Wish> {
        if let Some(other) = self.duplicate_of {
            return Some(self.decline_duplicate(case, other, now));
        }
        if self.end.how == How::Declined {
            let exclusion = self.end.exclusion?;
            let needs_second = matches!(exclusion, Exclusion::ApplicantsOwn | Exclusion::Abusive);
            let second = needs_second.then(|| director(case));
            let command = Command::Decline {
                exclusion,
                reason: self.end.result.clone(),
                remedy: self.end.body.clone().map(|body| Remedy { body, contact: None }),
                second_check_by: second.as_ref().map(|second| second.username.clone()),
            };
            let at = self.after_minutes(now, 10, 150);
            return Some(Wish { at, by: clerk(case), second, command });
        }
        let department = self.whose(case);
        let command = self.forward(department);
        Some(wish(self.after_minutes(now, 15, 260), clerk(case), command))
    }

    fn decline_duplicate(&mut self, case: &Case, other: CaseId, now: Timestamp) -> Wish {
        let is_linked = !case.links.is_empty();
        let command = match is_linked {
            false => {
                let relation = LinkRelation::Duplicate;
                Command::Link { other, relation, note: None, reciprocal: false }
            }
            true => Command::Decline {
                exclusion: Exclusion::Duplicate,
                reason: self.world.catalogue.phrases.duplicate.clone(),
                remedy: None,
                second_check_by: None,
            },
        };
        wish(self.after_minutes(now, 3, 30), clerk(case), command)
    }

    /// Whose a clerk thinks it is: without a line in the table, often not the right one at first.
    fn whose(&mut self, case: &Case) -> DepartmentId {
        let errs = case.hops.is_empty() && self.chance.permille(450);
        let wrong = self.chance.pick(&self.problem.wrong).filter(|_| errs);
        wrong.map_or(&self.problem.department, |wrong| &wrong.department).clone()
    }

    pub(super) fn forward(&mut self, department: DepartmentId) -> Command {
        let ask = self.phrase(|phrases| &phrases.forward);
        Command::Forward { department, ask, contact: None, automatic: false }
    }

    /// The department has it: signs, or sends it back.
    pub(super) fn receive(&mut self, case: &Case, now: Timestamp) -> Wish {
        let department = case.department.clone().unwrap_or(self.problem.department.clone());
        if let Some(command) = self.return_of(case, &department) {
            let at = self.after_minutes(now, 30, 330);
            let until = case.last_hop().and_then(|hop| hop.return_until);
            if until.is_some_and(|until| at <= until) {
                return wish(at, of_department(Role::Handler, &department), command);
            }
        }
        self.sign(case, &department, now)
    }

    pub(super) fn sign(&mut self, case: &Case, department: &DepartmentId, now: Timestamp) -> Wish {
        let usual = self.habits(case).signs_after;
        let at = self.after_minutes(now, usual / 4, usual * 2);
        let role = if self.chance.permille(930) { Role::Handler } else { Role::DepartmentLead };
        wish(at, of_department(role, department), Command::Accept { handler: None })
    }

    fn return_of(&mut self, case: &Case, department: &DepartmentId) -> Option<Command> {
        let may = case.arbitration.is_none()
            && case.reopen_count == 0
            && case.returns.len() < 2
            && !case.was_returned_by(department);
        let is_right = *department == self.problem.department;
        if !may || (is_right && !self.doubts) {
            return None;
        }
        let phrases = &self.world.catalogue.phrases;
        let (reason, note) = match is_right {
            true if case.returns.is_empty() && self.chance.permille(600) => {
                (ReturnReason::InformationMissing, &phrases.missing)
            }
            true => (ReturnReason::NeedsRuling, &phrases.contested),
            false if self.chance.permille(750) => (ReturnReason::NotOurDuty, &phrases.not_ours),
            false => (ReturnReason::WrongPlace, &phrases.not_ours),
        };
        let wrong = self.problem.wrong.iter().find(|wrong| wrong.department == *department);
        let name = self.world.rules.body_name(department.as_str());
        let duty_basis = (reason == ReturnReason::NotOurDuty).then(|| {
            wrong.map_or_else(|| format!("{name}职责清单不含此事项"), |wrong| wrong.says.clone())
        });
        let suggested_department = (!is_right).then(|| self.suggestion(case, department));
        Some(Command::Return { reason, duty_basis, suggested_department, note: note.clone() })
    }

    /// Whose it is instead, as the department sees it; where several have been thought of, it may err as well.
    fn suggestion(&mut self, case: &Case, department: &DepartmentId) -> DepartmentId {
        let others: Vec<&DepartmentId> = self
            .problem
            .wrong
            .iter()
            .map(|wrong| &wrong.department)
            .filter(|other| *other != department && !case.was_returned_by(other))
            .collect();
        let errs = case.returns.is_empty() && self.chance.permille(400);
        let other = self.chance.pick(&others).filter(|_| errs);
        other.map_or_else(|| self.problem.department.clone(), |other| (*other).clone())
    }

    /// It came back: the center hands it on as suggested, or the coordinator rules.
    pub(super) fn settle(&mut self, case: &Case, now: Timestamp) -> Wish {
        let suggested = case.returns.last().and_then(|last| last.suggested_department.clone());
        let suggested = suggested.filter(|to| case.returns.len() < 2 && !case.was_returned_by(to));
        let (low, high) = if self.chance.permille(90) { (450, 1000) } else { (20, 300) };
        match suggested {
            Some(department) if self.chance.permille(800) => {
                let command = self.forward(department);
                wish(self.after_minutes(now, low, high), clerk(case), command)
            }
            _ => self.rule(now, low, high),
        }
    }

    /// The coordinator rules.
    pub(super) fn rule(&mut self, now: Timestamp, low: u32, high: u32) -> Wish {
        let helpers = self.problem.parts.iter().map(|part| part.department.clone());
        let command = Command::Arbitrate {
            department: self.problem.department.clone(),
            co_departments: helpers.filter(|one| *one != self.problem.department).collect(),
            basis: self.phrase(|phrases| &phrases.ruling),
        };
        wish(self.after_minutes(now, low, high), coordinator(), command)
    }
}
