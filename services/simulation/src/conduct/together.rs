//! What several people do together: task forces and special handling.

use casework::case::Case;
use casework::command::Command;
use proto_events::Timestamp;
use proto_events::codes::{CheckLayer, ConveneTrigger, Position, Role};
use proto_events::events::{DepartmentPosition, MeetingAction, Member};
use proto_events::ids::DepartmentId;

use super::{Conduct, clerk, coordinator, director, of_department, wish};
use crate::life::Wish;
use crate::people::decider;

/// Most bodies that sit.
const MEMBERS_MAX: usize = 5;

impl Conduct<'_> {
    /// A task force that has not met meets; one that gave somebody something to do hears that it is done.
    pub(super) fn sit(&mut self, case: &Case, now: Timestamp) -> Option<Wish> {
        let force = case.active_task_force()?;
        if force.meetings.is_empty() {
            let (low, high) = if self.chance.permille(880) { (60, 700) } else { (900, 1400) };
            let at = self.after_minutes(now, low, high);
            let members = force.members.iter().map(|member| member.department.clone()).collect();
            return Some(wish(at, coordinator(), self.meeting(members, at)));
        }
        // Some actions are carried on after the end.
        let open = case.open_actions().next().filter(|open| open.number % 4 != 0)?;
        let number = open.number;
        let owner: Option<DepartmentId> = open.owner.parse().ok();
        let by = match owner {
            Some(owner) if owner.as_str() == case.center.as_str() => clerk(case),
            Some(owner) if case.departments_ever.contains(&owner) => {
                of_department(Role::DepartmentLead, &owner)
            }
            _ => coordinator(),
        };
        let result = self.phrase(|phrases| &phrases.action_results);
        let at = self.after_minutes(now, 60, 520);
        Some(wish(at, by, Command::FinishAction { number, result }))
    }

    fn meeting(&mut self, members: Vec<DepartmentId>, at: Timestamp) -> Command {
        let rules = self.world.rules;
        let phrases = &self.world.catalogue.phrases;
        let name = |body: &DepartmentId| rules.body_name(body.as_str()).to_owned();
        let attendees = members.iter().map(name).collect();
        let mut positions = Vec::new();
        for department in &members {
            let drawn = [(Position::Agree, 82), (Position::Abstain, 11), (Position::Object, 7)];
            let position = self.chance.of_weights(&drawn);
            let basis = (position == Position::Object).then(|| phrases.objection.clone());
            positions.push(DepartmentPosition { department: department.clone(), position, basis });
        }
        let mut actions = Vec::new();
        for _ in 0..self.chance.of_weights(&[(0, 30), (1, 45), (2, 25)]) {
            let (owner, what) = (self.chance.pick(&members), self.chance.pick(&phrases.actions));
            if let (Some(owner), Some(what)) = (owner, what) {
                let due_at = rules.calendar.deadline(at, self.chance.between(2, 3)).due_at;
                let owner = owner.to_string();
                actions.push(MeetingAction { owner, what: what.clone(), due_at });
            }
        }
        let decisions = self.chance.pick(&phrases.decisions).cloned().into_iter().collect();
        Command::RecordMeeting { attendees, positions, decisions, actions }
    }

    /// The task force has met about a case that no department has: it goes to whose it is.
    pub(super) fn after_meeting(&mut self, case: &Case, now: Timestamp) -> Wish {
        let back = case.last_hop().map(|hop| hop.to.clone());
        match back.filter(|to| case.reopen_count > 0 && !case.was_returned_by(to)) {
            Some(department) => {
                let command = self.forward(department);
                wish(self.after_minutes(now, 15, 120), coordinator(), command)
            }
            None => self.rule(now, 15, 180),
        }
    }

    pub(super) fn convene(&mut self, case: &Case, at: Timestamp) -> Option<Wish> {
        if case.active_task_force().is_some() {
            return None;
        }
        let rules = self.world.rules;
        let center = case.center.as_str().parse().ok();
        let mut bodies: Vec<DepartmentId> = center.into_iter().collect();
        let wrong = self.problem.wrong.iter().map(|wrong| &wrong.department);
        let helpers = self.problem.parts.iter().map(|part| &part.department);
        let had_it = case.departments_ever.iter();
        for body in [&rules.coordinator].into_iter().chain(had_it).chain(helpers).chain(wrong) {
            if !bodies.contains(body) && bodies.len() < MEMBERS_MAX {
                bodies.push(body.clone());
            }
        }
        let member = |department| Member { department, person: String::new() };
        let command = Command::ConveneTaskForce {
            trigger: ConveneTrigger::Person,
            chair: rules.body_name(rules.coordinator.as_str()).to_owned(),
            members: bodies.into_iter().map(member).collect(),
            objective: self.phrase(|phrases| &phrases.objective),
            reason: self.phrase(|phrases| &phrases.convening),
        };
        let by = if self.chance.permille(600) { director(case) } else { coordinator() };
        Some(wish(at, by, command))
    }

    pub(super) fn request_special(&mut self, case: &Case, at: Timestamp) -> Option<Wish> {
        let special = self.problem.special.as_ref()?;
        let command = Command::RequestSpecialHandling {
            facts: special.facts.clone(),
            requirement_waived: special.waived.clone(),
            discretion_basis: special.basis.clone(),
            precedents_checked: vec![self.world.catalogue.phrases.precedents.clone()],
        };
        Some(wish(at, of_department(Role::Handler, case.department.as_ref()?), command))
    }

    pub(super) fn check(&mut self, case: &Case, layer: CheckLayer, at: Timestamp) -> Option<Wish> {
        case.pending_special_handling()?;
        let phrases = &self.world.catalogue.phrases;
        let (by, texts) = match layer {
            CheckLayer::Community => (clerk(case), &phrases.finding_community),
            CheckLayer::Street => (director(case), &phrases.finding_street),
            CheckLayer::Department => {
                let lead = of_department(Role::DepartmentLead, case.department.as_ref()?);
                (lead, &phrases.finding_department)
            }
            CheckLayer::District => (coordinator(), &phrases.finding_district),
        };
        let finding = self.chance.pick(texts)?.clone();
        Some(wish(at, by, Command::CheckSpecialHandling { layer, finding }))
    }

    pub(super) fn decide(&mut self, case: &Case, at: Timestamp) -> Option<Wish> {
        case.pending_special_handling()?;
        let special = self.problem.special.as_ref()?;
        let approved = self.chance.permille(880);
        let phrases = &self.world.catalogue.phrases;
        let texts = if approved { &phrases.approve } else { &phrases.refuse };
        let command = Command::DecideSpecialHandling {
            approved,
            reason: self.chance.pick(texts)?.clone(),
            conditions: if approved { special.conditions.clone() } else { Vec::new() },
            is_precedent: approved && self.chance.permille(150),
        };
        Some(wish(at, decider(), command))
    }
}
