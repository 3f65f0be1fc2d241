//! How the case changes on its way through the departments.

use proto_events::codes::CaseState;
use proto_events::events;

use crate::case::records::{Arbitration, Hop, Part, Return};
use crate::case::{Case, EventMeta};

impl Case {
    pub(super) fn forwarded(&mut self, meta: &EventMeta, data: &events::Forwarded) {
        self.state = CaseState::Forwarded;
        self.department = Some(data.to.clone());
        // Who leads does not help.
        self.co_departments.retain(|helper| *helper != data.to);
        self.handler = None;
        self.contact.clone_from(&data.contact);
        self.remember(&data.to);
        self.hops.push(Hop {
            to: data.to.clone(),
            at: meta.time,
            automatic: data.automatic,
            arbitrated: false,
            first_contact_due_at: data.first_contact_due_at,
            return_until: Some(data.return_until),
            accepted_at: None,
            first_contact_at: None,
            returned_at: None,
        });
    }

    pub(super) fn accepted(&mut self, meta: &EventMeta, data: &events::Accepted) {
        self.state = match self.active_task_force() {
            Some(_) => CaseState::InTaskForce,
            None => CaseState::InDepartment,
        };
        self.department = Some(data.department.clone());
        self.handler = Some(data.handler.clone());
        self.remember(&data.department);
        if let Some(hop) = self.hops.last_mut() {
            hop.accepted_at.get_or_insert(meta.time);
        }
    }

    pub(super) fn contacted(&mut self, meta: &EventMeta, data: &events::ApplicantContacted) {
        if !data.reached {
            return;
        }
        // After a return or a reopening nobody has it, and a contact is nobody's first.
        if self.department.is_some()
            && let Some(hop) = self.hops.last_mut()
        {
            hop.first_contact_at.get_or_insert(meta.time);
        }
        if let Some(work) = self.rectification.as_mut().filter(|work| work.completed_at.is_none()) {
            work.contacted_at.get_or_insert(meta.time);
        }
    }

    pub(super) fn returned(&mut self, meta: &EventMeta, data: &events::Returned) {
        self.state = CaseState::Returned;
        self.department = None;
        self.handler = None;
        self.contact = None;
        if let Some(hop) = self.hops.last_mut() {
            hop.returned_at = Some(meta.time);
        }
        self.returns.push(Return {
            department: data.department.clone(),
            reason: data.reason,
            duty_basis: data.duty_basis.clone(),
            suggested_department: data.suggested_department.clone(),
            note: data.note.clone(),
            by: meta.actor.clone(),
            at: meta.time,
            arbitration_due_at: data.arbitration_due_at,
        });
    }

    pub(super) fn arbitrated(&mut self, meta: &EventMeta, data: &events::Arbitrated) {
        self.state = CaseState::Forwarded;
        self.department = Some(data.department.clone());
        self.co_departments.clone_from(&data.co_departments);
        self.handler = None;
        self.contact = None;
        self.remember(&data.department);
        for department in &data.co_departments {
            self.remember(department);
        }
        self.hops.push(Hop {
            to: data.department.clone(),
            at: meta.time,
            automatic: false,
            arbitrated: true,
            first_contact_due_at: data.first_contact_due_at,
            return_until: None,
            accepted_at: None,
            first_contact_at: None,
            returned_at: None,
        });
        self.arbitration = Some(Arbitration {
            department: data.department.clone(),
            co_departments: data.co_departments.clone(),
            basis: data.basis.clone(),
            by: meta.actor.clone(),
            at: meta.time,
        });
    }

    pub(super) fn joint_assigned(
        &mut self,
        meta: &EventMeta,
        data: &events::JointHandlingAssigned,
    ) {
        for part in &data.parts {
            self.remember(&part.department);
            if !self.co_departments.contains(&part.department) {
                self.co_departments.push(part.department.clone());
            }
            self.parts.push(Part {
                department: part.department.clone(),
                ask: part.ask.clone(),
                assigned_at: meta.time,
                due_at: part.due_at,
                completed_at: None,
                result: None,
            });
        }
    }

    pub(super) fn part_completed(&mut self, meta: &EventMeta, data: &events::PartCompleted) {
        let open = self
            .parts
            .iter_mut()
            .find(|part| part.department == data.department && part.completed_at.is_none());
        if let Some(part) = open {
            part.completed_at = Some(meta.time);
            part.result = Some(data.result.clone());
        }
    }
}
