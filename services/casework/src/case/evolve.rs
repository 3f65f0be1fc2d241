//! How each event changes the case.
//!
//! Invariant: total and without rules. An event that says nothing new is named and leaves the state alone.

use alloc::string::ToString;
use alloc::vec::Vec;

use proto_events::codes::{CaseState, Solved};
use proto_events::events::{self, CaseEvent};
use proto_events::ids::DepartmentId;

use super::records::{
    Action, Arbitration, Check, Correction, Determination, Escalation, Explanation, Extension,
    Feedback, Hop, Link, MaterialRequest, Meeting, Outcome, Part, PastPause, Pause, Rectification,
    Return, SpecialDecision, SpecialHandling, TaskForce, Urge,
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

    fn declined(&mut self, meta: &EventMeta, data: &events::Declined) {
        self.end(meta, CaseState::Declined, Some(data.reason.clone()));
        if let Some(outcome) = &mut self.outcome {
            outcome.exclusion = Some(data.exclusion);
            outcome.remedy.clone_from(&data.remedy);
        }
    }

    fn forwarded(&mut self, meta: &EventMeta, data: &events::Forwarded) {
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

    fn accepted(&mut self, meta: &EventMeta, data: &events::Accepted) {
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

    fn contacted(&mut self, meta: &EventMeta, data: &events::ApplicantContacted) {
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

    fn returned(&mut self, meta: &EventMeta, data: &events::Returned) {
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

    fn arbitrated(&mut self, meta: &EventMeta, data: &events::Arbitrated) {
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

    fn joint_assigned(&mut self, meta: &EventMeta, data: &events::JointHandlingAssigned) {
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

    fn part_completed(&mut self, meta: &EventMeta, data: &events::PartCompleted) {
        let open = self
            .parts
            .iter_mut()
            .find(|part| part.department == data.department && part.completed_at.is_none());
        if let Some(part) = open {
            part.completed_at = Some(meta.time);
            part.result = Some(data.result.clone());
        }
    }

    fn convened(&mut self, meta: &EventMeta, data: &events::TaskForceConvened) {
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

    fn met(&mut self, meta: &EventMeta, data: &events::TaskForceMet) {
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

    fn dissolved(&mut self, meta: &EventMeta, data: &events::TaskForceDissolved) {
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

    fn special_requested(&mut self, meta: &EventMeta, data: &events::SpecialHandlingRequested) {
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

    fn special_checked(&mut self, meta: &EventMeta, data: &events::SpecialHandlingChecked) {
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

    fn special_decided(&mut self, meta: &EventMeta, data: &events::SpecialHandlingDecided) {
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

    fn determined(&mut self, meta: &EventMeta, data: &events::NotDoableDetermined) {
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

    fn explained(&mut self, meta: &EventMeta, data: &events::Explained) {
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

    fn resolved(&mut self, meta: &EventMeta, data: &events::Resolved) {
        self.cause_confirmed = Some(data.cause);
        self.end(meta, CaseState::Resolved, Some(data.result.clone()));
        if let Some(outcome) = &mut self.outcome {
            outcome.resolution = Some(data.resolution);
            outcome.process_change_needed = data.process_change_needed;
            outcome.callback_due_at = Some(data.callback_due_at);
        }
    }

    fn feedback_recorded(&mut self, meta: &EventMeta, data: &events::FeedbackRecorded) {
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

    fn reopened(&mut self, meta: &EventMeta, data: &events::Reopened) {
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
