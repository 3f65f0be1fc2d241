//! How a case stands that was taken over from an earlier register.

use alloc::boxed::Box;

use proto_events::codes::CaseState;
use proto_events::events::{Imported, ImportedHandingOver, ImportedOutcome, RegisterRow};

use crate::case::records::{Feedback, Hop, ImportedRecord};
use crate::case::{Case, EventMeta};

impl Case {
    /// The mark of an opening that was taken over; what else the register says follows in an event of its own.
    pub(super) fn taken_from(from: RegisterRow, meta: &EventMeta) -> Box<ImportedRecord> {
        Box::new(ImportedRecord {
            from,
            at: meta.time,
            first_receiver: None,
            returns: 0,
            with_handing_over: false,
            task_force: None,
            special_handling: None,
            policy_basis: None,
            rectification: None,
            improvements: None,
            assumed: alloc::vec::Vec::new(),
        })
    }

    /// Takes what the register says beside the opening. A second one, or one of a case that was opened here, says nothing:
    /// what happened here stands.
    pub(super) fn taken_over(&mut self, meta: &EventMeta, data: &Imported) {
        let is_untouched = self.state == CaseState::Opened && self.hops.is_empty();
        let Some(record) = self.imported.as_mut().filter(|_| is_untouched) else { return };
        record.at = data.imported_at;
        record.first_receiver.clone_from(&data.first_receiver);
        record.returns = data.returns;
        record.with_handing_over = data.handing_over.is_some();
        record.task_force.clone_from(&data.task_force);
        record.special_handling.clone_from(&data.special_handling);
        record.policy_basis.clone_from(&data.policy_basis);
        record.rectification.clone_from(&data.rectification);
        record.improvements.clone_from(&data.improvements);
        record.assumed.clone_from(&data.assumed);
        self.cause_confirmed = data.cause_confirmed;
        self.co_departments.clone_from(&data.co_departments);
        for department in &data.co_departments {
            self.remember(department);
        }
        if let Some(handing_over) = &data.handing_over {
            self.had_by(handing_over);
        }
        if let Some(outcome) = &data.outcome {
            self.ended_there(meta, outcome);
            self.feedback = data.feedback.as_ref().map(|said| Feedback {
                solved: said.solved,
                grade: said.grade,
                comment: None,
                mode: said.mode.clone(),
                by: meta.actor.clone(),
                at: outcome.at,
            });
        }
        if let Some(closed_at) = data.closed_at.filter(|_| data.outcome.is_some()) {
            self.state = CaseState::Closed;
            self.closed_at = Some(closed_at);
            self.erase_after = data.erase_after;
        }
    }

    fn had_by(&mut self, handing_over: &ImportedHandingOver) {
        let ImportedHandingOver { to, at, accepted_at, first_contact_at, .. } = handing_over;
        self.state = match accepted_at {
            Some(_) => CaseState::InDepartment,
            None => CaseState::Forwarded,
        };
        self.department = Some(to.clone());
        self.remember(to);
        self.hops.push(Hop {
            to: to.clone(),
            at: *at,
            automatic: false,
            arbitrated: false,
            first_contact_due_at: handing_over.first_contact_due_at,
            return_until: Some(handing_over.return_until),
            accepted_at: *accepted_at,
            first_contact_at: *first_contact_at,
            returned_at: None,
        });
    }

    fn ended_there(&mut self, meta: &EventMeta, outcome: &ImportedOutcome) {
        self.end(meta, outcome.kind, outcome.result.clone());
        if let Some(kept) = &mut self.outcome {
            kept.at = outcome.at;
            kept.resolution = outcome.resolution;
            kept.exclusion = outcome.exclusion;
        }
    }
}
