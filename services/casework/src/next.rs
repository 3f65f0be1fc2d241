//! What a case waits for: who is to do what next, and by when (下一步).
//!
//! The one answer to "whose turn is it", for the case's page, for everybody's list of what is to be done, and for the
//! applicant. Invariants: a case that has not come to its end waits for somebody; what is promised comes from the state,
//! nothing is reckoned here.

use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt;

use proto_events::Timestamp;
use proto_events::codes::{CaseState, CheckLayer, PauseReason};
use proto_events::ids::{CenterId, DepartmentId};
use serde::{Serialize, Serializer};

use crate::case::Case;
use crate::case::records::SpecialHandling;
use crate::rules::Rules;

/// Something that is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// To find whose matter it is and hand it over (转办).
    Forward,
    /// To sign for it (签收).
    Accept,
    /// To contact the applicant for the first time (联系群众).
    Contact,
    /// To bring it to an outcome (办理).
    Handle,
    /// To hand in what was asked for (补交材料).
    HandInPapers,
    /// To let the clock run again when what it waits for has come (恢复计时).
    Resume,
    /// To finish a part of a joint matter (联办).
    CompletePart,
    /// To rule whose it is (裁定).
    Arbitrate,
    /// To meet for the first time (首次会商).
    Meet,
    /// To do what a meeting decided (专班任务).
    Act,
    /// To check a special handling (把关).
    CheckSpecial,
    /// To decide a special handling (特事特办决定).
    DecideSpecial,
    /// To look back on a special handling (回头看).
    ReviewSpecial,
    /// To explain, with the documents, why it cannot be done (解释).
    Explain,
    /// To ask the applicant how it went (回访).
    CallBack,
    /// To put right what the applicant was not satisfied with (整改).
    Rectify,
}

impl Step {
    /// Every step, in the order of a case's life.
    pub const ALL: &'static [Self] = &[
        Self::Forward,
        Self::Accept,
        Self::Contact,
        Self::Handle,
        Self::HandInPapers,
        Self::Resume,
        Self::CompletePart,
        Self::Arbitrate,
        Self::Meet,
        Self::Act,
        Self::CheckSpecial,
        Self::DecideSpecial,
        Self::ReviewSpecial,
        Self::Explain,
        Self::CallBack,
        Self::Rectify,
    ];

    /// The code, as it stands in answers, and its names in Chinese and English.
    #[must_use]
    pub const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Forward => ("forward", "转办", "Hand over to a department"),
            Self::Accept => ("accept", "签收", "Sign for it"),
            Self::Contact => ("contact", "联系群众", "Contact the applicant"),
            Self::Handle => ("handle", "办理", "Handle it"),
            Self::HandInPapers => ("hand_in_papers", "补交材料", "Hand in papers"),
            Self::Resume => ("resume", "恢复计时", "Let the clock run again"),
            Self::CompletePart => ("complete_part", "办理联办事项", "Finish a part"),
            Self::Arbitrate => ("arbitrate", "裁定", "Rule whose case it is"),
            Self::Meet => ("meet", "召开首次会商", "Meet for the first time"),
            Self::Act => ("act", "落实专班任务", "Do what a meeting decided"),
            Self::CheckSpecial => ("check_special", "特事特办把关", "Check the special handling"),
            Self::DecideSpecial => {
                ("decide_special", "特事特办决定", "Decide the special handling")
            }
            Self::ReviewSpecial => {
                ("review_special", "特事特办回头看", "Look back on the special handling")
            }
            Self::Explain => ("explain", "向群众解释", "Explain to the applicant"),
            Self::CallBack => ("call_back", "回访", "Ask how it went"),
            Self::Rectify => ("rectify", "整改", "Put it right"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words().0)
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.words().0)
    }
}

/// Whose turn it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Party {
    /// The people of a center.
    Center(CenterId),
    /// The people of a department; one of them when the case has a handler there.
    Department(DepartmentId, Option<String>),
    /// A person by username, or as a meeting wrote the name down.
    Person(String),
    /// The district's coordinator.
    Coordinator,
    /// Whoever calls applicants back.
    Callback,
    /// The applicant.
    Applicant,
}

/// What is to be done next, by whom and by when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NextStep {
    /// What.
    pub step: Step,
    /// By whom.
    pub by: Party,
    /// By when; none when nothing was promised for it.
    pub due_at: Option<Timestamp>,
}

/// What a case waits for, the most urgent first; nothing when it has come to its end.
#[must_use]
pub fn next_steps(case: &Case, rules: &Rules) -> Vec<NextStep> {
    let mut steps = Vec::new();
    let mut next = |step, by, due_at| steps.push(NextStep { step, by, due_at });
    match case.state {
        CaseState::Opened => next(Step::Forward, center(case), Some(case.due_at)),
        CaseState::Forwarded => {
            let due_at = case.last_hop().map(|hop| hop.first_contact_due_at);
            next(Step::Accept, handling(case), due_at);
        }
        CaseState::Returned => {
            let due_at = case.returns.last().map(|one| one.arbitration_due_at);
            next(Step::Arbitrate, Party::Coordinator, due_at);
            next(Step::Forward, center(case), due_at);
        }
        CaseState::InDepartment => in_department(case, &mut next),
        CaseState::InTaskForce => in_task_force(case, rules, &mut next),
        CaseState::NotDoable => {
            let due_at = case.determination.as_ref().map(|found| found.explanation_due_at);
            next(Step::Explain, handling(case), due_at);
        }
        CaseState::Resolved | CaseState::Explained | CaseState::Declined => {
            let due_at = case.outcome.as_ref().and_then(|outcome| outcome.callback_due_at);
            if case.feedback.is_none() && due_at.is_some() {
                next(Step::CallBack, Party::Callback, due_at);
            }
        }
        CaseState::Withdrawn | CaseState::Transferred | CaseState::Closed => {}
    }
    for action in case.open_actions() {
        next(Step::Act, body(&action.owner, rules), Some(action.due_at));
    }
    if let Some(special) = &case.special_handling {
        special_handling(case, special, &mut next);
    }
    if let Some(work) = case.open_rectification() {
        let due_at = if work.contacted_at.is_none() { work.contact_due_at } else { work.due_at };
        next(Step::Rectify, body(&work.owner, rules), Some(due_at));
    }
    steps.sort_by_key(|next| (next.due_at.is_none(), next.due_at, next.step));
    steps
}

fn in_department(case: &Case, next: &mut impl FnMut(Step, Party, Option<Timestamp>)) {
    if let Some(hop) = case.last_hop()
        && hop.first_contact_at.is_none()
    {
        next(Step::Contact, handling(case), Some(hop.first_contact_due_at));
    }
    for part in case.parts.iter().filter(|part| part.completed_at.is_none()) {
        let by = Party::Department(part.department.clone(), None);
        next(Step::CompletePart, by, Some(part.due_at));
    }
    match &case.pause {
        Some(pause) if pause.reason == PauseReason::WaitingApplicant => {
            next(Step::HandInPapers, Party::Applicant, Some(pause.until));
        }
        Some(pause) => next(Step::Resume, handling(case), Some(pause.until)),
        None => next(Step::Handle, handling(case), Some(case.due_at)),
    }
}

fn in_task_force(
    case: &Case,
    rules: &Rules,
    next: &mut impl FnMut(Step, Party, Option<Timestamp>),
) {
    let Some(force) = case.active_task_force() else {
        return next(Step::Handle, handling(case), Some(case.due_at));
    };
    let chair = || body(&force.chair, rules);
    match force.meetings.is_empty() {
        true => next(Step::Meet, chair(), Some(force.first_meeting_due_at)),
        false => next(Step::Handle, chair(), Some(case.due_at)),
    }
    // Whoever has the case goes on with it while the others sit together.
    if case.department.is_some() {
        next(Step::Handle, handling(case), Some(case.due_at));
    }
}

fn special_handling(
    case: &Case,
    special: &SpecialHandling,
    next: &mut impl FnMut(Step, Party, Option<Timestamp>),
) {
    if case.pending_special_handling().is_some() {
        match special.next_layer() {
            Some(layer) => {
                let by = match layer {
                    CheckLayer::Community | CheckLayer::Street => center(case),
                    CheckLayer::Department => handling(case),
                    CheckLayer::District => Party::Coordinator,
                };
                next(Step::CheckSpecial, by, Some(special.next_due_at));
            }
            None => next(Step::DecideSpecial, Party::Coordinator, Some(special.next_due_at)),
        }
    }
    let review_due_at = special.decision.as_ref().and_then(|decision| decision.review_due_at);
    if special.is_in_force() && special.review.is_none() && review_due_at.is_some() {
        next(Step::ReviewSpecial, Party::Coordinator, review_due_at);
    }
}

fn center(case: &Case) -> Party {
    Party::Center(case.center.clone())
}

/// Whoever has the case: the department, or the center while none has it.
fn handling(case: &Case) -> Party {
    match &case.department {
        Some(department) => Party::Department(department.clone(), case.handler.clone()),
        None => center(case),
    }
}

/// Whom a text means that somebody wrote down: a department or a center by its id or its name, or a person. The
/// department that coordinates the district is its coordinator.
fn body(text: &str, rules: &Rules) -> Party {
    let department =
        rules.departments.iter().find(|(id, one)| id.as_str() == text || *one.name == *text);
    if let Some((id, _)) = department {
        return match *id == rules.coordinator {
            true => Party::Coordinator,
            false => Party::Department(id.clone(), None),
        };
    }
    let center = rules.centers.iter().find(|(id, one)| id.as_str() == text || *one.name == *text);
    match center {
        Some((id, _)) => Party::Center(id.clone()),
        None => Party::Person(text.to_string()),
    }
}
