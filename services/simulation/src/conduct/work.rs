//! The work on a case, from the signature to its end: the steps of the chain, one by one.

use casework::case::Case;
use casework::command::{Command, CorrectedField, PartWish};
use proto_events::Timestamp;
use proto_events::codes::{ExplanationMode, Resolution, Role, Understood};
use proto_events::events::{Explainer, ReceivedItem};

use super::chain::Step;
use super::{Conduct, From, clerk, coordinator, mode, of_department, wish};
use crate::catalogue::{Helper, How};
use crate::life::Wish;
use crate::office;

impl Conduct<'_> {
    /// What is done next by those who have it.
    pub(super) fn work(&mut self, case: &Case, now: Timestamp) -> Option<(Wish, From)> {
        if let Some(wish) = self.sit(case, now) {
            return Some((wish, From::State));
        }
        let Some(department) = &case.department else {
            // A task force has met about a case that no department has.
            return Some((self.after_meeting(case, now), From::State));
        };
        if case.handler.is_none() {
            return Some((self.sign(case, department, now), From::State));
        }
        if self.chain_of != Some(case.reopen_count) {
            self.chain_of = Some(case.reopen_count);
            self.chain = self.new_chain(case, now);
        }
        loop {
            let (minutes, step) = *self.chain.front()?;
            if step == Step::AwaitResume && case.pause.is_some() {
                return None;
            }
            let at = office::after(&self.world.rules.calendar, now, minutes);
            match self.step(step, case, at) {
                Some(wish) => return Some((wish, From::Chain)),
                None => self.chain.pop_front(),
            };
        }
    }

    /// The wish of a step; none when there is nothing to it as the case stands.
    fn step(&mut self, step: Step, case: &Case, at: Timestamp) -> Option<Wish> {
        let department = case.department.as_ref()?;
        let phrases = &self.world.catalogue.phrases;
        let (by, command) = match step {
            Step::Correct => (clerk(case), self.correction(case)),
            Step::ReclassifyComplexity => {
                let to = Some(self.problem.complexity).filter(|to| *to != case.complexity)?;
                let texts = if to > case.complexity { &phrases.harder } else { &phrases.easier };
                let reason = self.chance.pick(texts)?.clone();
                (coordinator(), Command::Reclassify { complexity: Some(to), cause: None, reason })
            }
            Step::ReceiveMaterials => {
                let items = self.problem.papers.iter().map(|item| ReceivedItem {
                    name: item.name.clone(),
                    basis: Some(item.basis.clone()),
                });
                let items = items.collect();
                (clerk(case), Command::ReceiveMaterials { items, complete: true })
            }
            Step::CompletePart(place) => {
                let part = self.problem.parts.get(place)?;
                case.open_part_of(&part.department)?;
                let (department, result) = (part.department.clone(), part.result.clone());
                let by = of_department(Role::Handler, &department);
                (by, Command::CompletePart { department, result })
            }
            Step::Convene => return self.convene(case, at),
            Step::RequestSpecial => return self.request_special(case, at),
            Step::Check(layer) => return self.check(case, layer, at),
            Step::Decide => return self.decide(case, at),
            Step::Pause(reason) => {
                if case.pause.is_some() || case.is_overdue(at) {
                    return None;
                }
                let by = of_department(Role::DepartmentLead, department);
                // A lead who signed for it himself works against the clock as well.
                let by =
                    if case.handler.as_ref() == Some(&by.username) { coordinator() } else { by };
                (by, Command::Pause { reason, handler_informed: Some(true) })
            }
            Step::Extend => {
                if case.extension.is_some() || case.is_overdue(at) {
                    return None;
                }
                let longest = self.world.rules.limits.extension_max;
                let working_days = self.chance.between(2, longest.max(2)).min(longest);
                let reason = self.chance.pick(&phrases.extension)?.clone();
                let applicant_told_at = at - chrono::TimeDelta::minutes(4);
                (coordinator(), Command::Extend { working_days, reason, applicant_told_at })
            }
            Step::Urge => {
                let text = self.chance.pick(&phrases.urges)?.clone();
                let by = if self.chance.permille(600) { clerk(case) } else { coordinator() };
                (by, Command::Urge { text })
            }
            Step::Withdraw => {
                let reason = match self.end.how {
                    How::Withdrawn => self.end.result.clone(),
                    _ => self.chance.pick(&phrases.withdraw)?.clone(),
                };
                (clerk(case), Command::Withdraw { reason, note: None })
            }
            Step::End => return self.end_of(case, at),
            of_handler => {
                let command = self.step_of_handler(of_handler, case)?;
                (of_department(Role::Handler, department), command)
            }
        };
        Some(wish(at, by, command))
    }

    fn step_of_handler(&mut self, step: Step, case: &Case) -> Option<Command> {
        let phrases = &self.world.catalogue.phrases;
        Some(match step {
            Step::NotReached => Command::Contact { mode: mode("phone"), reached: false },
            Step::Contact => {
                let how = self.chance.of_weights(&[("phone", 7), ("in_person", 2), ("wechat", 1)]);
                Command::Contact { mode: mode(how), reached: true }
            }
            Step::ReclassifyCause => {
                let to = Some(self.problem.cause).filter(|to| *to != case.cause_provisional)?;
                let reason = self.chance.pick(&phrases.refine)?.clone();
                Command::Reclassify { complexity: None, cause: Some(to), reason }
            }
            Step::RequestMaterials => Command::RequestMaterials {
                items: self.problem.papers.clone(),
                mode: mode("written"),
                new_fact: None,
            },
            Step::RequestMore => Command::RequestMaterials {
                items: self.problem.papers.iter().take(1).cloned().collect(),
                mode: mode("phone"),
                new_fact: Some(phrases.materials_new_fact.clone()),
            },
            Step::AssignParts => {
                let is_another =
                    |part: &&Helper| Some(&part.department) != case.department.as_ref();
                let wish = |part: &Helper| PartWish {
                    department: part.department.clone(),
                    ask: part.ask.clone(),
                    due_at: None,
                };
                let parts: Vec<_> =
                    self.problem.parts.iter().filter(is_another).map(wish).collect();
                (!parts.is_empty()).then_some(Command::AssignParts { parts })?
            }
            Step::Resume => {
                case.pause.as_ref()?;
                Command::Resume { automatic: false }
            }
            Step::Progress => {
                let own = self.problem.steps.get(self.notes).cloned();
                self.notes += 1;
                let text = own.or_else(|| self.chance.pick(&phrases.progress).cloned())?;
                Command::NoteProgress { text, public: self.chance.permille(700) }
            }
            _ => return None,
        })
    }

    fn correction(&mut self, case: &Case) -> Command {
        let (field, value) = match self.chance.below(3) {
            0 => (CorrectedField::AttemptsBefore, (case.attempts_before + 1).to_string()),
            1 => (CorrectedField::BlockedStage, self.problem.stage.code().to_owned()),
            _ => (CorrectedField::Channel, "phone".to_owned()),
        };
        let reason = self.phrase(|phrases| &phrases.refine);
        Command::Correct { field, value: Some(value), sealed: None, reason }
    }

    /// The end of a round of handling.
    fn end_of(&mut self, case: &Case, at: Timestamp) -> Option<Wish> {
        let department = case.department.as_ref()?;
        let handler = of_department(Role::Handler, department);
        let lead = of_department(Role::DepartmentLead, department);
        if case.reopen_count > 0 {
            let sat = case.active_task_force().is_some();
            let how = if sat { Resolution::TaskForce } else { Resolution::Coordinated };
            let result = self.phrase(|phrases| &phrases.reopened_result);
            return Some(wish(at, handler, self.resolved(how, result)));
        }
        let decision = case.special_handling.as_ref().and_then(|special| special.decision.as_ref());
        let was_refused = decision.is_some_and(|decision| !decision.approved);
        match self.end.how {
            How::Resolved(Resolution::SpecialHandling) if was_refused => {
                let result = self.world.catalogue.phrases.without_special.clone();
                Some(wish(at, handler, self.resolved(Resolution::Coordinated, result)))
            }
            How::Resolved(resolution) => {
                let by = if self.chance.permille(800) { handler } else { lead };
                Some(wish(at, by, self.resolved(resolution, self.end.result.clone())))
            }
            How::Transferred => {
                let number = self.chance.between(1, 99);
                let command = Command::Transfer {
                    body: self.end.body.clone()?,
                    receipt: format!("移送回执第{number}号"),
                    reason: self.end.result.clone(),
                };
                Some(wish(at, lead, command))
            }
            How::Explained | How::Declined | How::Withdrawn => {
                let cannot = self.problem.cannot.as_ref()?;
                let second = if self.chance.permille(700) { lead } else { coordinator() };
                let command = Command::DetermineNotDoable {
                    basis: vec![cannot.basis()],
                    facts: cannot.facts.clone(),
                    alternatives: cannot.alternatives.clone(),
                    countersigned_by: second.username.clone(),
                };
                Some(Wish { at, by: handler, second: Some(second), command })
            }
        }
    }

    fn resolved(&mut self, resolution: Resolution, result: String) -> Command {
        let is_process = resolution == Resolution::ProcessFix;
        let process_change_needed = is_process || self.chance.permille(90);
        Command::Resolve { resolution, result, cause: self.problem.cause, process_change_needed }
    }

    /// It is explained, once or twice, the second time together with the center and led by the department's lead.
    pub(super) fn explain(&mut self, case: &Case, now: Timestamp) -> Wish {
        let department = case.department.as_ref().unwrap_or(&self.problem.department).clone();
        let is_first = case.explanations.is_empty();
        let (low, high) = match is_first {
            true if self.chance.permille(900) => (60, 640),
            true => (1000, 1500),
            false => (350, 1700),
        };
        let at = self.after_minutes(now, low, high);
        let (role, mode, understood) = if is_first {
            let modes = [
                (ExplanationMode::InPerson, 5),
                (ExplanationMode::Phone, 3),
                (ExplanationMode::HomeVisit, 1),
                (ExplanationMode::Video, 1),
            ];
            let how = [(Understood::Yes, 44), (Understood::Partly, 30), (Understood::No, 26)];
            (Role::Handler, self.chance.of_weights(&modes), self.chance.of_weights(&how))
        } else {
            let how = [(Understood::Yes, 50), (Understood::Partly, 42), (Understood::No, 8)];
            (Role::DepartmentLead, ExplanationMode::Joint, self.chance.of_weights(&how))
        };
        let center = case.center.as_str().parse().ok().filter(|_| !is_first);
        let bodies = [Some(department.clone()), center];
        let phrases = &self.world.catalogue.phrases;
        let command = Command::Explain {
            mode,
            explainers: bodies
                .into_iter()
                .flatten()
                .map(|department| Explainer { department })
                .collect(),
            documents: phrases.documents.clone(),
            remedies: phrases.remedies.clone(),
            understood,
        };
        wish(at, of_department(role, &department), command)
    }
}
