//! How each event changes the case.
//!
//! Invariant: total and without rules. An event that says nothing new is named and leaves the state alone.

mod ending;
mod handling;
mod help;
mod taken_over;

use alloc::string::ToString;
use alloc::vec::Vec;

use proto_events::codes::CaseState;
use proto_events::events::{self, CaseEvent};
use proto_events::ids::DepartmentId;

use super::records::{
    Correction, Escalation, Extension, Link, MaterialRequest, Outcome, PastPause, Pause,
    Rectification, Urge,
};
use super::{Case, EventMeta};

impl Case {
    /// Takes one event further: from nothing to an opened case, or from one state to the next. An event of a
    /// case that was never opened is passed over.
    #[must_use]
    pub fn step(case: Option<Self>, meta: &EventMeta, event: &CaseEvent) -> Option<Self> {
        match (case, event) {
            (None, CaseEvent::Opened(opened)) => Some(Self::opened(meta, opened)),
            (None, _) => None,
            (Some(mut case), event) => {
                case.evolve(meta, event);
                Some(case)
            }
        }
    }

    fn opened(meta: &EventMeta, data: &events::Opened) -> Self {
        Self {
            case_id: meta.case_id,
            case_no: data.case_no.clone(),
            receipt_code: data.receipt_code.clone(),
            center: data.center.clone(),
            state: CaseState::Opened,
            complexity: data.complexity,
            channel: data.channel,
            matter: data.matter.clone(),
            blocked_stage: data.blocked_stage,
            cause_provisional: data.cause,
            cause_confirmed: None,
            demand: data.demand.clone(),
            summary: data.summary.clone(),
            attempts_before: data.attempts_before,
            applicant: data.applicant.clone(),
            erased: false,
            notice: data.notice.clone(),
            opened_by: meta.actor.clone(),
            opened_at: meta.time,
            imported: data.imported_from.clone().map(|from| Self::taken_from(from, meta)),
            department: None,
            co_departments: Vec::new(),
            departments_ever: Vec::new(),
            handler: None,
            contact: None,
            handling_since: meta.time,
            due_at: data.due_at,
            original_due_at: data.due_at,
            provisional_due: data.provisional,
            hops: Vec::new(),
            returns: Vec::new(),
            arbitration: None,
            task_force: None,
            task_force_count: 0,
            actions: Vec::new(),
            special_handling: None,
            special_handling_count: 0,
            parts: Vec::new(),
            material_requests: Vec::new(),
            materials_received_at: None,
            determination: None,
            determination_count: 0,
            explanations: Vec::new(),
            outcome: None,
            outcome_count: 0,
            pause: None,
            pauses: Vec::new(),
            promised_days: data.working_days,
            extension: None,
            escalations: Vec::new(),
            feedback: None,
            feedback_tries: Vec::new(),
            rectification: None,
            rectification_count: 0,
            reopen_count: 0,
            reopen_wishes: 0,
            urges: Vec::new(),
            links: Vec::new(),
            corrections: Vec::new(),
            closed_at: None,
            closing_code: None,
            erase_after: None,
            version: meta.sequence,
            last_event_at: meta.time,
            facts_seen: Vec::new(),
        }
    }

    /// Changes the case by one event.
    pub fn evolve(&mut self, meta: &EventMeta, event: &CaseEvent) {
        self.version = self.version.max(meta.sequence);
        self.last_event_at = meta.time;
        if event.commutes() {
            if self.facts_seen.contains(&meta.id) {
                return;
            }
            self.facts_seen.push(meta.id);
        }
        match event {
            // A second opening changes nothing: a case is opened once.
            CaseEvent::Opened(_) => {}
            CaseEvent::Declined(data) => self.declined(meta, data),
            CaseEvent::Forwarded(data) => self.forwarded(meta, data),
            CaseEvent::Accepted(data) => self.accepted(meta, data),
            CaseEvent::ApplicantContacted(data) => self.contacted(meta, data),
            CaseEvent::Returned(data) => self.returned(meta, data),
            CaseEvent::Arbitrated(data) => self.arbitrated(meta, data),
            CaseEvent::JointHandlingAssigned(data) => self.joint_assigned(meta, data),
            CaseEvent::PartCompleted(data) => self.part_completed(meta, data),
            CaseEvent::MaterialsRequested(data) => self.material_requests.push(MaterialRequest {
                items: data.items.clone(),
                mode: data.mode.clone(),
                new_fact: data.new_fact.clone(),
                due_at: data.due_at,
                at: meta.time,
            }),
            CaseEvent::MaterialsReceived(_) => self.materials_received_at = Some(meta.time),
            // For the timeline only; it must not touch a clock.
            CaseEvent::ProgressNoted(_) => {}
            CaseEvent::TaskForceConvened(data) => self.convened(meta, data),
            CaseEvent::TaskForceMet(data) => self.met(meta, data),
            CaseEvent::TaskForceActionDone(data) => {
                let action = self.actions.iter_mut().find(|one| one.number == data.number);
                if let Some(action) = action.filter(|one| one.done_at.is_none()) {
                    action.done_at = Some(meta.time);
                    action.result = Some(data.result.clone());
                }
            }
            CaseEvent::TaskForceDissolved(data) => self.dissolved(meta, data),
            CaseEvent::SpecialHandlingRequested(data) => self.special_requested(meta, data),
            CaseEvent::SpecialHandlingChecked(data) => self.special_checked(meta, data),
            CaseEvent::SpecialHandlingDecided(data) => self.special_decided(meta, data),
            CaseEvent::SpecialHandlingReviewed(data) => {
                if let Some(special) = &mut self.special_handling {
                    special.review = Some(data.result);
                }
            }
            CaseEvent::NotDoableDetermined(data) => self.determined(meta, data),
            CaseEvent::Explained(data) => self.explained(meta, data),
            CaseEvent::Resolved(data) => self.resolved(meta, data),
            CaseEvent::ClockPaused(data) => {
                self.pause =
                    Some(Pause { reason: data.reason, since: meta.time, until: data.until });
            }
            CaseEvent::ClockResumed(data) => {
                self.pause_ends(meta.time, data.working_days.unwrap_or(0));
                self.promise(data.due_at, data.provisional);
            }
            CaseEvent::DeadlineRecalculated(data) => self.promise(data.due_at, data.provisional),
            CaseEvent::DeadlineExtended(data) => {
                self.promise(data.due_at, data.provisional);
                self.promised_days =
                    self.promised_days.map(|days| days.saturating_add(data.working_days));
                self.extension = Some(Extension {
                    working_days: data.working_days,
                    reason: data.reason.clone(),
                    at: meta.time,
                });
            }
            CaseEvent::Reclassified(data) => {
                if let Some(change) = &data.complexity {
                    self.complexity = change.to;
                }
                if let Some(change) = &data.cause {
                    self.cause_provisional = change.to;
                }
                self.promise(data.due_at, data.provisional);
                self.promised_days = data.working_days;
            }
            CaseEvent::Escalated(data) => self.escalations.push(Escalation {
                level: data.level,
                clock: data.clock,
                occurrence: data.occurrence,
                told: data.told,
                at: meta.time,
            }),
            CaseEvent::Urged(data) => self.urges.push(Urge {
                text: data.text.clone(),
                by: meta.actor.clone(),
                at: meta.time,
            }),
            CaseEvent::FeedbackRecorded(data) => self.feedback_recorded(meta, data),
            CaseEvent::RectificationOpened(data) => {
                self.rectification_count = self.rectification_count.saturating_add(1);
                self.rectification = Some(Rectification {
                    owner: data.owner.clone(),
                    opened_at: meta.time,
                    contact_due_at: data.contact_due_at,
                    contacted_at: None,
                    due_at: data.due_at,
                    completed_at: None,
                    action: None,
                    result: None,
                });
            }
            CaseEvent::RectificationCompleted(data) => {
                if let Some(work) = &mut self.rectification {
                    work.completed_at = Some(meta.time);
                    work.action = Some(data.action.clone());
                    work.result = Some(data.result.clone());
                }
            }
            CaseEvent::Reopened(data) => self.reopened(meta, data),
            CaseEvent::Withdrawn(data) => {
                if self.is_open() {
                    let reason = Some(data.reason.clone());
                    self.end(meta, CaseState::Withdrawn, reason);
                }
            }
            CaseEvent::Transferred(data) => {
                let reason = Some(data.reason.clone());
                self.end(meta, CaseState::Transferred, reason);
            }
            CaseEvent::Closed(data) => {
                self.state = CaseState::Closed;
                self.closed_at = Some(meta.time);
                self.closing_code = Some(data.code);
                self.erase_after = Some(data.erase_after);
            }
            CaseEvent::Linked(data) => self.links.push(Link {
                case_id: data.case_id,
                relation: data.relation,
                note: data.note.clone(),
                at: meta.time,
            }),
            CaseEvent::Corrected(data) => self.corrected(meta, data),
            CaseEvent::Imported(data) => self.taken_over(meta, data),
            CaseEvent::PersonalDataErased(_) => {
                self.erased = true;
                self.applicant.sealed.clear();
            }
        }
    }

    fn promise(&mut self, due_at: proto_events::Timestamp, provisional: bool) {
        self.due_at = due_at;
        self.provisional_due = provisional;
    }

    fn pause_ends(&mut self, at: proto_events::Timestamp, working_days: u32) {
        let Some(pause) = self.pause.take() else { return };
        self.promised_days = self.promised_days.map(|days| days.saturating_add(working_days));
        self.pauses.push(PastPause {
            reason: pause.reason,
            since: pause.since,
            // Noticed late, the pause still ended when it was meant to.
            resumed_at: at.min(pause.until),
            working_days,
        });
    }

    fn end(&mut self, meta: &EventMeta, kind: CaseState, result: Option<alloc::string::String>) {
        self.state = kind;
        // A withdrawal says no word of a running pause; every other end resumes the clock first.
        self.pause_ends(meta.time, 0);
        // Whatever ended the case ended its task force too; a withdrawal says no word of it.
        if let Some(force) = &mut self.task_force {
            force.dissolved_at.get_or_insert(meta.time);
        }
        self.outcome_count = self.outcome_count.saturating_add(1);
        self.outcome = Some(Outcome {
            kind,
            at: meta.time,
            by: meta.actor.clone(),
            due_at: self.due_at,
            original_due_at: self.original_due_at,
            resolution: None,
            result,
            exclusion: None,
            remedy: None,
            process_change_needed: false,
            callback_due_at: None,
        });
        self.feedback = None;
        self.feedback_tries.clear();
    }

    fn remember(&mut self, department: &DepartmentId) {
        if !self.departments_ever.contains(department) {
            self.departments_ever.push(department.clone());
        }
    }

    fn corrected(&mut self, meta: &EventMeta, data: &events::Corrected) {
        self.corrections.push(Correction {
            field: data.field.clone(),
            reason: data.reason.clone(),
            by: meta.actor.clone(),
            at: meta.time,
        });
        match (data.field.as_str(), &data.value) {
            ("demand", Some(value)) => self.demand.clone_from(value),
            ("summary", value) => self.summary.clone_from(value),
            ("matter", Some(value)) => self.matter.name = value.to_string(),
            ("blocked_stage", Some(value)) => {
                self.blocked_stage = value.parse().unwrap_or(self.blocked_stage);
            }
            ("channel", Some(value)) => self.channel = value.parse().unwrap_or(self.channel),
            ("attempts_before", Some(value)) => {
                self.attempts_before = value.parse().unwrap_or(self.attempts_before);
            }
            // Personal fields come sealed; the applicant is sealed as a whole.
            _ => {
                if let Some(sealed) = data.sealed.as_ref().filter(|_| !self.erased) {
                    self.applicant.sealed.clone_from(sealed);
                }
            }
        }
    }
}
