//! The stories of the demo that are told by hand: those of the handbook, and one of every kind of open work.
//!
//! Invariants: days are working days from the opening, times are office hours; the codes are those of the
//! handbook; nobody's number, address or name stands in a text.

mod handbook;
mod open;

use casework::command::{Command, PartWish};
use proto_events::codes::{
    ApplicantKind, Care, Cause, Channel, CheckLayer, Complexity, ExplanationMode, Grade, Position,
    Resolution, ReturnReason, Solved, Stage, Understood,
};
use proto_events::events::{
    DepartmentPosition, Explainer, Matter, MeetingAction, Member, Mode, PolicyBasis,
};
use proto_events::ids::{CenterId, DepartmentId};

/// One case of the demo.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) began: Began,
    pub(super) time: (u32, u32),
    pub(super) center: CenterId,
    pub(super) channel: Channel,
    pub(super) matter: Matter,
    pub(super) stage: Stage,
    pub(super) cause: Cause,
    pub(super) complexity: Complexity,
    pub(super) attempts: u32,
    pub(super) demand: &'static str,
    pub(super) summary: Option<&'static str>,
    pub(super) kind: ApplicantKind,
    pub(super) care: Vec<Care>,
    pub(super) steps: Vec<Step>,
}

/// When a story began, before the end of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Began {
    WorkingDaysAgo(u32),
    /// On the last working day before the latest long break, so that its promise runs over days off.
    BeforeTheLongBreak,
}

/// What somebody does, so many working days after the opening.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) day: u32,
    pub(super) time: (u32, u32),
    pub(super) who: Who,
    pub(super) command: Command,
}

/// Who does it: of the case's center, of the department that has the case, or of the district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    Clerk,
    Director,
    Handler,
    Lead,
    HandlerOf(DepartmentId),
    Coordinator,
    Decider,
    Callback,
    Privacy,
}

/// Every story.
pub(super) fn all() -> Vec<Story> {
    let mut stories = handbook::stories();
    stories.extend(open::stories());
    stories
}

/// Begins a story: `days` working days before the end of the history, at a time of day such as `9:40`.
fn story(days: u32, time: &str, center: &str, channel: Channel, matter: &str) -> Story {
    Story {
        began: Began::WorkingDaysAgo(days),
        time: clock(time),
        center: center.parse().expect("a center's id is a slug"),
        channel,
        matter: Matter { name: matter.to_owned(), code: None },
        stage: Stage::Accept,
        cause: Cause::Procedure,
        complexity: Complexity::Simple,
        attempts: 1,
        demand: "",
        summary: None,
        kind: ApplicantKind::Person,
        care: Vec::new(),
        steps: Vec::new(),
    }
}

impl Story {
    fn stuck(mut self, stage: Stage, cause: Cause, complexity: Complexity, attempts: u32) -> Self {
        (self.stage, self.cause, self.complexity, self.attempts) =
            (stage, cause, complexity, attempts);
        self
    }

    fn asks(mut self, demand: &'static str) -> Self {
        self.demand = demand;
        self
    }

    fn after(mut self, summary: &'static str) -> Self {
        self.summary = Some(summary);
        self
    }

    fn cares(mut self, care: &[Care]) -> Self {
        self.care = care.to_vec();
        self
    }

    fn then(mut self, day: u32, time: &str, who: Who, command: Command) -> Self {
        self.steps.push(Step { day, time: clock(time), who, command });
        self
    }

    /// The center hands the case over by hand.
    fn forwarded(self, day: u32, time: &str, department: &str, ask: &str) -> Self {
        let command = Command::Forward {
            department: department_id(department),
            ask: ask.to_owned(),
            contact: None,
            automatic: false,
        };
        self.then(day, time, Who::Clerk, command)
    }

    fn accepted(self, day: u32, time: &str) -> Self {
        self.then(day, time, Who::Handler, Command::Accept { handler: None })
    }

    fn contacted(self, day: u32, time: &str) -> Self {
        let command = Command::Contact { mode: mode("phone"), reached: true };
        self.then(day, time, Who::Handler, command)
    }

    fn progress(self, day: u32, time: &str, text: &str) -> Self {
        let command = Command::NoteProgress { text: text.to_owned(), public: true };
        self.then(day, time, Who::Handler, command)
    }

    fn returned(
        self,
        day: u32,
        time: &str,
        reason: ReturnReason,
        duty: Option<&str>,
        suggested: Option<&str>,
        note: &str,
    ) -> Self {
        let command = Command::Return {
            reason,
            duty_basis: duty.map(str::to_owned),
            suggested_department: suggested.map(department_id),
            note: note.to_owned(),
        };
        self.then(day, time, Who::Handler, command)
    }

    fn joined(self, day: u32, time: &str, department: &str, ask: &str) -> Self {
        let part =
            PartWish { department: department_id(department), ask: ask.to_owned(), due_at: None };
        self.then(day, time, Who::Handler, Command::AssignParts { parts: vec![part] })
    }

    fn part_done(self, day: u32, time: &str, department: &str, result: &str) -> Self {
        let department = department_id(department);
        let who = Who::HandlerOf(department.clone());
        self.then(day, time, who, Command::CompletePart { department, result: result.to_owned() })
    }

    fn convened(self, day: u32, time: &str, who: Who, members: &[&str], objective: &str) -> Self {
        let member =
            |body: &&str| Member { department: department_id(body), person: String::new() };
        let command = Command::ConveneTaskForce {
            trigger: proto_events::codes::ConveneTrigger::Person,
            chair: "区政务服务局".to_owned(),
            members: members.iter().map(member).collect(),
            objective: objective.to_owned(),
            reason: "单一部门无法推进，需要集体研究".to_owned(),
        };
        self.then(day, time, who, command)
    }

    fn checked(self, day: u32, time: &str, who: Who, layer: CheckLayer, finding: &str) -> Self {
        let finding = finding.to_owned();
        self.then(day, time, who, Command::CheckSpecialHandling { layer, finding })
    }

    fn resolved(self, day: u32, time: &str, how: Resolution, cause: Cause, result: &str) -> Self {
        let command = Command::Resolve {
            resolution: how,
            result: result.to_owned(),
            cause,
            process_change_needed: false,
        };
        self.then(day, time, Who::Handler, command)
    }

    fn not_doable(
        self,
        day: u32,
        time: &str,
        (title, article): (&str, &str),
        facts: &str,
        instead: &str,
    ) -> Self {
        let basis = PolicyBasis {
            title: title.to_owned(),
            number: None,
            article: article.to_owned(),
            in_force_from: None,
        };
        let command = Command::DetermineNotDoable {
            basis: vec![basis],
            facts: facts.to_owned(),
            alternatives: vec![instead.to_owned()],
            countersigned_by: "demo-coordinator".to_owned(),
        };
        self.then(day, time, Who::Handler, command)
    }

    fn explained(
        self,
        day: u32,
        time: &str,
        who: Who,
        mode: ExplanationMode,
        by: &[&str],
        understood: Understood,
    ) -> Self {
        let explainer = |body: &&str| Explainer { department: department_id(body) };
        let command = Command::Explain {
            mode,
            explainers: by.iter().map(explainer).collect(),
            documents: vec!["不予办理事项告知书".to_owned(), "政策原文摘录".to_owned()],
            remedies: vec!["可在六十日内申请行政复议，或在六个月内提起行政诉讼".to_owned()],
            understood,
        };
        self.then(day, time, who, command)
    }

    fn feedback(self, day: u32, time: &str, solved: Solved, grade: u8, comment: &str) -> Self {
        let command = Command::RecordFeedback {
            responded: true,
            solved: Some(solved),
            grade: Grade::try_from(grade).ok(),
            comment: Some(comment.to_owned()).filter(|comment| !comment.is_empty()),
            mode: mode("phone"),
        };
        self.then(day, time, Who::Callback, command)
    }

    /// The departments that the story names by hand.
    pub(super) fn departments(&self) -> Vec<&DepartmentId> {
        fn of_step(step: &Step) -> Vec<&DepartmentId> {
            match &step.command {
                Command::Forward { department, .. } | Command::CompletePart { department, .. } => {
                    vec![department]
                }
                Command::Return { suggested_department, .. } => {
                    suggested_department.iter().collect()
                }
                Command::AssignParts { parts } => {
                    parts.iter().map(|part| &part.department).collect()
                }
                Command::Arbitrate { department, co_departments, .. } => {
                    co_departments.iter().chain([department]).collect()
                }
                _ => Vec::new(),
            }
        }
        self.steps.iter().flat_map(of_step).collect()
    }
}

fn meeting(
    positions: &[(&str, Position, Option<&str>)],
    decision: &str,
    actions: Vec<MeetingAction>,
) -> Command {
    let position = |(body, position, basis): &(&str, Position, Option<&str>)| DepartmentPosition {
        department: department_id(body),
        position: *position,
        basis: basis.map(str::to_owned),
    };
    Command::RecordMeeting {
        attendees: positions.iter().map(|(body, ..)| (*body).to_owned()).collect(),
        positions: positions.iter().map(position).collect(),
        decisions: vec![decision.to_owned()],
        actions,
    }
}

fn special(facts: &str, waived: &str, basis: &str) -> Command {
    Command::RequestSpecialHandling {
        facts: facts.to_owned(),
        requirement_waived: waived.to_owned(),
        discretion_basis: basis.to_owned(),
        precedents_checked: vec!["区级同类情形台账：无相反先例".to_owned()],
    }
}

fn clock(time: &str) -> (u32, u32) {
    let (hour, minute) = time.split_once(':').expect("a time is hour:minute");
    (hour.parse().expect("an hour is a number"), minute.parse().expect("a minute is a number"))
}

fn department_id(text: &str) -> DepartmentId {
    text.parse().expect("a department's id is a slug")
}

pub(super) fn mode(text: &str) -> Mode {
    text.to_owned().try_into().expect("a mode is a short word")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_district_has_everything_that_the_stories_tell_of() {
        let district = desk::District::load(None).unwrap();
        assert_eq!(super::super::missing_in(&district), Vec::<String>::new());
    }

    #[test]
    fn every_step_is_in_office_hours_and_not_before_the_one_in_front() {
        for story in all() {
            let mut last = (0, story.time);
            for step in &story.steps {
                let now = (step.day, step.time);
                assert!(now > last, "{:?}: {now:?} after {last:?}", story.matter);
                assert!((9..18).contains(&step.time.0), "{now:?}");
                last = now;
            }
        }
    }
}
