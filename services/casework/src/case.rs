//! The case (案件): everything that its events have made of it.
//!
//! Invariants: the state is a fold of the events and of nothing else; [`Case::evolve`] is total and checks
//! no rule, because an old event was legal when it was written; a promised deadline is the one that the
//! event stored, never today's configuration.

mod evolve;
pub mod records;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;

use chrono::{Months, NaiveDate};
use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Cause, Channel, CheckLayer, Clock, ClosingCode, Complexity, Level, Role, Stage,
};
use proto_events::envelope::Envelope;
use proto_events::events::{CaseEvent, Matter, Notice, SealedApplicant, WindowContact};
use proto_events::ids::{CaseId, CenterId, CommandId, DepartmentId, EventId, ReceiptCode};
use serde::{Deserialize, Serialize};

use crate::timetable::{ClockRun, Limits};
use records::{
    Action, Arbitration, Correction, Determination, Escalation, Explanation, Extension, Feedback,
    Hop, ImportedRecord, Link, MaterialRequest, Outcome, Part, PastPause, Pause, Rectification,
    Return, SpecialHandling, TaskForce, Urge,
};

/// What an event says besides its data, as far as the state needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMeta {
    /// The event.
    pub id: EventId,
    /// The command that led to it.
    pub command_id: CommandId,
    /// The case.
    pub case_id: CaseId,
    /// Its position in the stream.
    pub sequence: u64,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: String,
    /// In which role.
    pub role: Role,
}

impl EventMeta {
    /// Takes what the state needs from an envelope.
    #[must_use]
    pub fn of(envelope: &Envelope, case_id: CaseId, sequence: u64) -> Self {
        Self {
            id: envelope.id,
            command_id: envelope.command_id,
            case_id,
            sequence,
            time: envelope.time,
            actor: envelope.actor.clone(),
            role: envelope.role,
        }
    }
}

/// A case as its events have made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// The case.
    pub case_id: CaseId,
    /// Its number (编号).
    pub case_no: String,
    /// The code on the receipt.
    pub receipt_code: ReceiptCode,
    /// The first receiver (首接), responsible until the end.
    pub center: CenterId,
    /// Where in its life it is.
    pub state: CaseState,
    /// How hard it is.
    pub complexity: Complexity,
    /// How it came in.
    pub channel: Channel,
    /// The matter.
    pub matter: Matter,
    /// Where in the official process it is stuck.
    pub blocked_stage: Stage,
    /// Why, as it looked at first (初判).
    pub cause_provisional: Cause,
    /// Why, as it turned out (确认).
    pub cause_confirmed: Option<Cause>,
    /// What the applicant asks for.
    pub demand: String,
    /// What happened before.
    pub summary: Option<String>,
    /// How often the applicant had come in vain.
    pub attempts_before: u32,
    /// The applicant, sealed.
    pub applicant: SealedApplicant,
    /// Whether the key was destroyed.
    pub erased: bool,
    /// The notice that was given.
    pub notice: Notice,
    /// Username of who opened it.
    pub opened_by: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// What an earlier register said of it, when it was taken over from one and not opened here.
    pub imported: Option<alloc::boxed::Box<ImportedRecord>>,
    /// Who has it now.
    pub department: Option<DepartmentId>,
    /// Who helps.
    pub co_departments: Vec<DepartmentId>,
    /// Every department that ever had it or a part of it.
    pub departments_ever: Vec<DepartmentId>,
    /// Username of who handles it.
    pub handler: Option<String>,
    /// The window that has it.
    pub contact: Option<WindowContact>,
    /// When the present handling clock began: opening or reopening.
    pub handling_since: Timestamp,
    /// The promise as it stands.
    pub due_at: Timestamp,
    /// The promise as it was first given (again at a reopening).
    pub original_due_at: Timestamp,
    /// Whether the promise lies beyond the last published calendar year.
    pub provisional_due: bool,
    /// Every handing over, oldest first.
    pub hops: Vec<Hop>,
    /// Every return.
    pub returns: Vec<Return>,
    /// The ruling, if there was one.
    pub arbitration: Option<Arbitration>,
    /// The latest task force.
    pub task_force: Option<TaskForce>,
    /// How many task forces there were.
    pub task_force_count: u32,
    /// What its meetings gave people to do, of every task force; oldest first.
    pub actions: Vec<Action>,
    /// The latest special handling.
    pub special_handling: Option<SpecialHandling>,
    /// How many special handlings were asked for.
    pub special_handling_count: u32,
    /// The parts of a joint matter.
    pub parts: Vec<Part>,
    /// Every request for papers.
    pub material_requests: Vec<MaterialRequest>,
    /// When papers last came in.
    pub materials_received_at: Option<Timestamp>,
    /// The latest determination that it cannot be done.
    pub determination: Option<Determination>,
    /// How many determinations there were.
    pub determination_count: u32,
    /// The sessions of explaining, since the last determination.
    pub explanations: Vec<Explanation>,
    /// How it ended; none while it is open.
    pub outcome: Option<Outcome>,
    /// How many outcomes it has had.
    pub outcome_count: u32,
    /// The pause that is running.
    pub pause: Option<Pause>,
    /// The pauses that are over, oldest first.
    pub pauses: Vec<PastPause>,
    /// How many working days the promise counts from the start of the handling: limit, extension, pauses. None
    /// when the event that promised it did not say.
    pub promised_days: Option<u32>,
    /// The extension.
    pub extension: Option<Extension>,
    /// Every step that a clock has climbed.
    pub escalations: Vec<Escalation>,
    /// The latest feedback that was answered.
    pub feedback: Option<Feedback>,
    /// When feedback was asked for in vain since the last outcome.
    pub feedback_tries: Vec<Timestamp>,
    /// The latest rectification.
    pub rectification: Option<Rectification>,
    /// How many rectifications there were.
    pub rectification_count: u32,
    /// How often it was taken up again.
    pub reopen_count: u32,
    /// The wishes to take it up again that came while it was open or after it was withdrawn or transferred;
    /// they changed nothing.
    pub reopen_wishes: u32,
    /// How often, and when, somebody asked to hurry.
    pub urges: Vec<Urge>,
    /// The cases that it has to do with.
    pub links: Vec<Link>,
    /// What was put right in it.
    pub corrections: Vec<Correction>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Why it was closed.
    pub closing_code: Option<ClosingCode>,
    /// From when its personal data may be erased.
    pub erase_after: Option<Timestamp>,
    /// Sequence of its last event in the stream.
    pub version: u64,
    /// When its last event happened.
    pub last_event_at: Timestamp,
    /// The commuting facts that were folded; a second copy of one changes nothing.
    pub facts_seen: Vec<EventId>,
}

/// Folds the events of one case, oldest first; `None` while there is no opening.
#[must_use]
pub fn fold<'a>(events: impl IntoIterator<Item = (&'a EventMeta, &'a CaseEvent)>) -> Option<Case> {
    events.into_iter().fold(None, |case, (meta, event)| Case::step(case, meta, event))
}

impl Case {
    /// Whether somebody still has to bring it to an outcome.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    /// Whether it ended with an outcome that the applicant is asked about.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        matches!(self.state, CaseState::Resolved | CaseState::Explained | CaseState::Declined)
    }

    /// Whether a wish to take it up again has an effect: it ended, and was neither withdrawn nor transferred.
    #[must_use]
    pub fn may_reopen(&self) -> bool {
        self.has_ended() || self.state == CaseState::Closed
    }

    /// Whether it is open and its promise has passed; a paused case is not overdue.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.is_open() && self.pause.is_none() && now > self.due_at
    }

    /// Whether two departments sent it back, or one that had it before got it again (来回推转).
    #[must_use]
    pub fn is_ping_pong(&self) -> bool {
        self.returns.len() >= 2
    }

    /// Whether this department ever sent it back.
    #[must_use]
    pub fn was_returned_by(&self, department: &DepartmentId) -> bool {
        self.returns.iter().any(|record| record.department == *department)
    }

    /// The latest handing over.
    #[must_use]
    pub fn last_hop(&self) -> Option<&Hop> {
        self.hops.last()
    }

    /// The task force that sits now.
    #[must_use]
    pub fn active_task_force(&self) -> Option<&TaskForce> {
        self.task_force.as_ref().filter(|force| force.dissolved_at.is_none())
    }

    /// The rectification that is under way.
    #[must_use]
    pub fn open_rectification(&self) -> Option<&Rectification> {
        self.rectification.as_ref().filter(|work| work.completed_at.is_none())
    }

    /// Whether a part of a joint matter is still open.
    #[must_use]
    pub fn has_open_parts(&self) -> bool {
        self.parts.iter().any(|part| part.completed_at.is_none())
    }

    /// Whether this department has an open part of it.
    #[must_use]
    pub fn open_part_of(&self, department: &DepartmentId) -> Option<&Part> {
        self.parts.iter().find(|part| part.department == *department && part.completed_at.is_none())
    }

    /// The special handling that waits for a layer or for its decision. One that waited when the case ended has
    /// lapsed: a reopened case asks anew.
    #[must_use]
    pub fn pending_special_handling(&self) -> Option<&SpecialHandling> {
        self.special_handling.as_ref().filter(|special| {
            special.decision.is_none() && special.requested_at >= self.handling_since
        })
    }

    /// The actions that nobody has done yet.
    pub fn open_actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| action.done_at.is_none())
    }

    /// The highest rank that the present run of the handling clock has climbed to: 0 none, 4 the leading group.
    /// Smaller clocks climb on their own and do not count here.
    #[must_use]
    pub fn escalation_rank(&self) -> u8 {
        let present = self.reopen_count.saturating_add(1);
        self.escalations
            .iter()
            .filter(|step| step.clock == Clock::Handling && step.occurrence == present)
            .map(|step| step.level.rank())
            .max()
            .unwrap_or(0)
    }

    /// Whether this step of this run of a clock was already taken.
    #[must_use]
    pub fn has_escalated(&self, clock: Clock, occurrence: u32, level: Level) -> bool {
        self.escalations
            .iter()
            .any(|step| step.clock == clock && step.occurrence == occurrence && step.level == level)
    }

    /// On how many different days the applicant was asked in vain since the outcome.
    #[must_use]
    pub fn feedback_try_days(&self) -> usize {
        let mut days: Vec<NaiveDate> =
            self.feedback_tries.iter().map(Timestamp::date_naive).collect();
        days.sort_unstable();
        days.dedup();
        days.len()
    }

    /// From when on the applicant is forgotten (保存期限届满; 个人信息保护法 47); none while the case may go on, and none
    /// once it has happened.
    #[must_use]
    pub fn retention_ends(&self, limits: &Limits) -> Option<Timestamp> {
        match self.state {
            _ if self.erased => None,
            CaseState::Closed => self.erase_after,
            // What was withdrawn or handed away is over without a closing, and nothing promised a date.
            CaseState::Withdrawn | CaseState::Transferred => {
                let outcome = self.outcome.as_ref()?;
                let months = Months::new(limits.erase_after_years.saturating_mul(12));
                outcome.at.checked_add_months(months)
            }
            _ => None,
        }
    }

    /// Names the closing after the present outcome's window: what the id of its command is derived from.
    #[must_use]
    pub fn closing_key(&self) -> String {
        alloc::format!("close#{}", self.outcome_count)
    }

    /// Names the automatic end of the present pause: what the id of its command is derived from.
    #[must_use]
    pub fn resume_key(&self) -> String {
        alloc::format!("resume#{}", self.pauses.len() + 1)
    }

    /// The clocks that run now, each with its run's number and its stored promise.
    #[must_use]
    pub fn clocks(&self) -> Vec<ClockRun> {
        let mut runs = Vec::new();
        let mut run = |clock, occurrence: usize, started_at, due_at| {
            let occurrence = u32::try_from(occurrence).unwrap_or(u32::MAX);
            runs.push(ClockRun { clock, occurrence, started_at, due_at });
        };
        if self.is_open() && self.pause.is_none() {
            let handling = self.reopen_count as usize + 1;
            run(Clock::Handling, handling, self.handling_since, self.due_at);
        }
        // Without a department, after a return or a reopening, there is nobody who owes the contact.
        if self.is_open()
            && self.department.is_some()
            && let Some(hop) = self.last_hop()
            && hop.returned_at.is_none()
            && hop.first_contact_at.is_none()
        {
            run(Clock::FirstContact, self.hops.len(), hop.at, hop.first_contact_due_at);
        }
        if self.state == CaseState::Returned
            && let Some(record) = self.returns.last()
        {
            run(Clock::Arbitration, self.returns.len(), record.at, record.arbitration_due_at);
        }
        if self.state == CaseState::NotDoable
            && self.explanations.is_empty()
            && let Some(determination) = &self.determination
        {
            let number = self.determination_count as usize;
            run(Clock::Explanation, number, determination.at, determination.explanation_due_at);
        }
        if self.is_open()
            && let Some(force) = self.active_task_force()
            && force.meetings.is_empty()
        {
            let number = self.task_force_count as usize;
            run(Clock::FirstMeeting, number, force.convened_at, force.first_meeting_due_at);
        }
        if self.has_ended()
            && self.feedback.is_none()
            && let Some(outcome) = &self.outcome
            && let Some(due_at) = outcome.callback_due_at
        {
            run(Clock::Callback, self.outcome_count as usize, outcome.at, due_at);
        }
        if let Some(work) = self.open_rectification() {
            let number = self.rectification_count as usize;
            if work.contacted_at.is_none() {
                run(Clock::BadReviewContact, number, work.opened_at, work.contact_due_at);
            }
            run(Clock::BadReviewFix, number, work.opened_at, work.due_at);
        }
        if self.is_open() {
            for (index, part) in self.parts.iter().enumerate() {
                if part.completed_at.is_none() {
                    run(Clock::Part, index + 1, part.assigned_at, part.due_at);
                }
            }
        }
        if let Some(special) = &self.special_handling {
            let number = self.special_handling_count as usize;
            let was_given_up = matches!(
                self.state,
                CaseState::Declined | CaseState::Withdrawn | CaseState::Transferred
            );
            match &special.decision {
                None if self.is_open() && self.pending_special_handling().is_some() => {
                    // Every layer, and the decision after them, is a run of its own.
                    let steps = CheckLayer::ALL.len() + 1;
                    let step = number.saturating_sub(1) * steps + special.checks.len() + 1;
                    let since =
                        special.checks.last().map_or(special.requested_at, |check| check.at);
                    run(Clock::SpecialCheck, step, since, special.next_due_at);
                }
                Some(decision) if special.review.is_none() && !was_given_up => {
                    if let Some(due_at) = decision.review_due_at {
                        run(Clock::LookBack, number, decision.at, due_at);
                    }
                }
                _ => {}
            }
        }
        runs
    }
}
