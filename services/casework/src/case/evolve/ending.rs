//! How the case changes by its outcome, by what the applicant says of it, and by a new beginning.

use proto_events::codes::{CaseState, Solved};
use proto_events::events;

use crate::case::records::{Determination, Explanation, Feedback};
use crate::case::{Case, EventMeta};

impl Case {
    pub(super) fn declined(&mut self, meta: &EventMeta, data: &events::Declined) {
        self.end(meta, CaseState::Declined, Some(data.reason.clone()));
        if let Some(outcome) = &mut self.outcome {
            outcome.exclusion = Some(data.exclusion);
            outcome.remedy.clone_from(&data.remedy);
        }
    }

    pub(super) fn determined(&mut self, meta: &EventMeta, data: &events::NotDoableDetermined) {
        self.state = CaseState::NotDoable;
        self.determination_count = self.determination_count.saturating_add(1);
        self.explanations.clear();
        self.determination = Some(Determination {
            basis: data.basis.clone(),
            facts: data.facts.clone(),
            alternatives: data.alternatives.clone(),
            by: meta.actor.clone(),
            countersigned_by: data.countersigned_by.clone(),
            at: meta.time,
            explanation_due_at: data.explanation_due_at,
        });
    }

    pub(super) fn explained(&mut self, meta: &EventMeta, data: &events::Explained) {
        self.explanations.push(Explanation {
            session: data.session,
            mode: data.mode,
            explainers: data.explainers.clone(),
            documents: data.documents.clone(),
            remedies: data.remedies.clone(),
            understood: data.understood,
            led_by_lead: data.led_by_lead,
            by: meta.actor.clone(),
            at: meta.time,
        });
        if data.ends {
            let facts =
                self.determination.as_ref().map(|determination| determination.facts.clone());
            self.end(meta, CaseState::Explained, facts);
            if let Some(outcome) = &mut self.outcome {
                outcome.callback_due_at = data.callback_due_at;
            }
        }
    }

    pub(super) fn resolved(&mut self, meta: &EventMeta, data: &events::Resolved) {
        self.cause_confirmed = Some(data.cause);
        self.end(meta, CaseState::Resolved, Some(data.result.clone()));
        if let Some(outcome) = &mut self.outcome {
            outcome.resolution = Some(data.resolution);
            outcome.process_change_needed = data.process_change_needed;
            outcome.callback_due_at = Some(data.callback_due_at);
        }
    }

    pub(super) fn feedback_recorded(&mut self, meta: &EventMeta, data: &events::FeedbackRecorded) {
        if data.responded {
            self.feedback = Some(Feedback {
                solved: data.solved,
                grade: data.grade,
                comment: data.comment.clone(),
                mode: data.mode.clone(),
                by: meta.actor.clone(),
                at: meta.time,
            });
        } else {
            self.feedback_tries.push(meta.time);
        }
    }

    pub(super) fn reopened(&mut self, meta: &EventMeta, data: &events::Reopened) {
        // What was withdrawn or transferred is over for good; the wish is kept and changes nothing.
        if !self.may_reopen() {
            self.reopen_wishes = self.reopen_wishes.saturating_add(1);
            return;
        }
        self.state = CaseState::Opened;
        self.reopen_count = self.reopen_count.saturating_add(1);
        self.handling_since = meta.time;
        self.promise(data.due_at, data.provisional);
        self.promised_days = data.working_days;
        self.original_due_at = data.due_at;
        self.department = None;
        self.handler = None;
        self.contact = None;
        self.outcome = None;
        self.closed_at = None;
        self.closing_code = None;
        self.erase_after = None;
        self.extension = None;
        self.cause_confirmed = None;
        self.feedback_tries.clear();
        // What the applicant said stays as the last word about the earlier outcome; a new outcome clears it.
        if let Some(feedback) = &mut self.feedback {
            feedback.solved.get_or_insert(Solved::No);
        }
    }
}
