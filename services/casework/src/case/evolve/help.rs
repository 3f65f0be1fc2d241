//! How the case changes by task forces and special handling.

use alloc::vec::Vec;

use proto_events::codes::CaseState;
use proto_events::events;

use crate::case::records::{Action, Check, Meeting, SpecialDecision, SpecialHandling, TaskForce};
use crate::case::{Case, EventMeta};

impl Case {
    pub(super) fn convened(&mut self, meta: &EventMeta, data: &events::TaskForceConvened) {
        self.state = CaseState::InTaskForce;
        for member in &data.members {
            self.remember(&member.department);
        }
        self.task_force_count = self.task_force_count.saturating_add(1);
        self.task_force = Some(TaskForce {
            trigger: data.trigger,
            chair: data.chair.clone(),
            members: data.members.clone(),
            objective: data.objective.clone(),
            reason: data.reason.clone(),
            convened_at: meta.time,
            first_meeting_due_at: data.first_meeting_due_at,
            meetings: Vec::new(),
            dissolved_at: None,
            outcome: None,
        });
    }

    pub(super) fn met(&mut self, meta: &EventMeta, data: &events::TaskForceMet) {
        for action in &data.actions {
            let number = u32::try_from(self.actions.len()).unwrap_or(u32::MAX).saturating_add(1);
            self.actions.push(Action {
                number,
                owner: action.owner.clone(),
                what: action.what.clone(),
                due_at: action.due_at,
                given_at: meta.time,
                done_at: None,
                result: None,
                carried: false,
            });
        }
        if let Some(force) = &mut self.task_force {
            force.meetings.push(Meeting {
                number: data.number,
                at: meta.time,
                attendees: data.attendees.clone(),
                positions: data.positions.clone(),
                decisions: data.decisions.clone(),
                actions: data.actions.clone(),
            });
        }
    }

    pub(super) fn dissolved(&mut self, meta: &EventMeta, data: &events::TaskForceDissolved) {
        if let Some(force) = &mut self.task_force {
            force.dissolved_at = Some(meta.time);
            force.outcome = Some(data.outcome.clone());
        }
        for action in self.actions.iter_mut().filter(|one| data.carried.contains(&one.number)) {
            action.carried = true;
        }
        if self.state == CaseState::InTaskForce {
            // A return before the last reopening belongs to an earlier life of the case.
            let waits_for_ruling =
                self.returns.last().is_some_and(|record| record.at >= self.handling_since);
            // Back to whoever had it: the department that signed for it, else the queue.
            self.state = match (&self.department, &self.handler) {
                (Some(_), Some(_)) => CaseState::InDepartment,
                (Some(_), None) => CaseState::Forwarded,
                (None, _) if waits_for_ruling => CaseState::Returned,
                (None, _) => CaseState::Opened,
            };
        }
    }

    pub(super) fn special_requested(
        &mut self,
        meta: &EventMeta,
        data: &events::SpecialHandlingRequested,
    ) {
        self.special_handling_count = self.special_handling_count.saturating_add(1);
        self.special_handling = Some(SpecialHandling {
            facts: data.facts.clone(),
            requirement_waived: data.requirement_waived.clone(),
            discretion_basis: data.discretion_basis.clone(),
            precedents_checked: data.precedents_checked.clone(),
            requested_by: meta.actor.clone(),
            requested_at: meta.time,
            checks: Vec::new(),
            next_due_at: data.check_due_at,
            decision: None,
            review: None,
        });
    }

    pub(super) fn special_checked(
        &mut self,
        meta: &EventMeta,
        data: &events::SpecialHandlingChecked,
    ) {
        if let Some(special) = &mut self.special_handling {
            special.next_due_at = data.next_due_at;
            special.checks.push(Check {
                layer: data.layer,
                finding: data.finding.clone(),
                by: meta.actor.clone(),
                at: meta.time,
            });
        }
    }

    pub(super) fn special_decided(
        &mut self,
        meta: &EventMeta,
        data: &events::SpecialHandlingDecided,
    ) {
        if let Some(special) = &mut self.special_handling {
            special.decision = Some(SpecialDecision {
                approved: data.approved,
                reason: data.reason.clone(),
                conditions: data.conditions.clone(),
                is_precedent: data.is_precedent,
                review_due_at: data.review_due_at,
                by: meta.actor.clone(),
                at: meta.time,
            });
        }
    }
}
