//! The stories of the demo, as tables that a clerk could have written.
//!
//! Invariants: days are working days from the opening, times are office hours; the codes are those of the
//! handbook; nobody's number, address or name stands in a text.

mod open;
mod routine;
mod stuck;

use casework::command::Command;
use proto_events::codes::{
    ApplicantKind, Care, Cause, Channel, Complexity, ExplanationMode, Grade, Position,
    ReopenReason, Resolution, ReturnReason, Solved, Stage, Understood,
};
use proto_events::events::{DepartmentPosition, Explainer, Matter, Mode, PolicyBasis};
use proto_events::ids::{CenterId, DepartmentId};

/// One case of the demo.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) days_ago: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
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

/// What somebody does, so many working days after the opening.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) who: Who,
    pub(super) command: Command,
}

/// Who does it: of the case's center, of the department that has the case, or of the district.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    Clerk,
    Director,
    Handler,
    Lead,
    Coordinator,
    Callback,
}

/// Every story, the oldest first.
pub(super) fn all() -> Vec<Story> {
    let mut stories = routine::stories();
    stories.extend(stuck::stories());
    stories.extend(open::stories());
    stories.sort_by_key(|story| std::cmp::Reverse(story.days_ago));
    stories
}

/// Begins a story: `days_ago` working days before the end of the history, at a time of day such as `9:40`.
fn story(days_ago: u32, time: &str, center: &str, channel: Channel, matter: &str) -> Story {
    let (hour, minute) = clock(time);
    Story {
        days_ago,
        hour,
        minute,
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

    fn by_enterprise(mut self) -> Self {
        self.kind = ApplicantKind::Enterprise;
        self
    }

    fn cares(mut self, care: &[Care]) -> Self {
        self.care = care.to_vec();
        self
    }

    fn then(mut self, day: u32, time: &str, who: Who, command: Command) -> Self {
        let (hour, minute) = clock(time);
        self.steps.push(Step { day, hour, minute, who, command });
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

    fn ruled(self, day: u32, time: &str, department: &str, co: &[&str], basis: &str) -> Self {
        let command = Command::Arbitrate {
            department: department_id(department),
            co_departments: co.iter().map(|id| department_id(id)).collect(),
            basis: basis.to_owned(),
        };
        self.then(day, time, Who::Coordinator, command)
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
        basis: (&str, &str),
        facts: &str,
        instead: &str,
    ) -> Self {
        let command = Command::DetermineNotDoable {
            basis: vec![PolicyBasis {
                title: basis.0.to_owned(),
                number: None,
                article: basis.1.to_owned(),
                in_force_from: None,
            }],
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
        mode: ExplanationMode,
        by: &[&str],
        understood: Understood,
    ) -> Self {
        let command = Command::Explain {
            mode,
            explainers: by
                .iter()
                .map(|body| Explainer { department: department_id(body) })
                .collect(),
            documents: vec!["不予办理事项告知书".to_owned()],
            remedies: vec!["可在六十日内申请行政复议，或在六个月内提起行政诉讼".to_owned()],
            understood,
        };
        self.then(day, time, Who::Handler, command)
    }

    fn feedback(self, day: u32, time: &str, solved: Solved, grade: u8, comment: &str) -> Self {
        let comment = Some(comment.to_owned()).filter(|comment| !comment.is_empty());
        let command = Command::RecordFeedback {
            responded: true,
            solved: Some(solved),
            grade: Grade::try_from(grade).ok(),
            comment,
            mode: mode("phone"),
        };
        self.then(day, time, Who::Callback, command)
    }

    fn not_reached(self, day: u32, time: &str) -> Self {
        let command = Command::RecordFeedback {
            responded: false,
            solved: None,
            grade: None,
            comment: None,
            mode: mode("phone"),
        };
        self.then(day, time, Who::Callback, command)
    }

    fn reopened(self, day: u32, time: &str, reason: ReopenReason, note: &str) -> Self {
        let command = Command::Reopen { reason, note: Some(note.to_owned()) };
        self.then(day, time, Who::Callback, command)
    }

    /// The departments that the story names by hand.
    pub(super) fn departments(self) -> Vec<DepartmentId> {
        let of_step = |step: Step| match step.command {
            Command::Forward { department, .. } => vec![department],
            Command::Return { suggested_department, .. } => {
                suggested_department.into_iter().collect()
            }
            Command::Arbitrate { department, co_departments, .. } => {
                [vec![department], co_departments].concat()
            }
            _ => Vec::new(),
        };
        self.steps.into_iter().flat_map(of_step).collect()
    }
}

fn meeting(positions: &[(&str, Position, Option<&str>)], decision: &str) -> Command {
    Command::RecordMeeting {
        attendees: positions.iter().map(|(body, ..)| (*body).to_owned()).collect(),
        positions: positions
            .iter()
            .map(|(body, position, basis)| DepartmentPosition {
                department: department_id(body),
                position: *position,
                basis: basis.map(str::to_owned),
            })
            .collect(),
        decisions: vec![decision.to_owned()],
        actions: Vec::new(),
    }
}

fn clock(time: &str) -> (u32, u32) {
    let (hour, minute) = time.split_once(':').expect("a time is hour:minute");
    (hour.parse().expect("an hour is a number"), minute.parse().expect("a minute is a number"))
}

fn department_id(text: &str) -> DepartmentId {
    text.parse().expect("a department's id is a slug")
}

fn mode(text: &str) -> Mode {
    text.to_owned().try_into().expect("a mode is a short word")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_sample_district_has_everything_that_the_stories_tell_of() {
        let district = desk::District::load(None).unwrap();
        assert_eq!(super::super::missing_in(&district), Vec::<String>::new());
    }

    #[test]
    fn a_few_dozen_stories_cover_five_months_and_many_places() {
        let stories = all();
        assert!((36..=50).contains(&stories.len()), "{}", stories.len());
        assert!(stories[0].days_ago >= 100, "{}", stories[0].days_ago);
        let centers: BTreeSet<_> = stories.iter().map(|story| &story.center).collect();
        let matters: BTreeSet<_> = stories.iter().map(|story| &story.matter.name).collect();
        assert!(centers.len() >= 10 && matters.len() >= 10, "{centers:?} {matters:?}");
    }

    #[test]
    fn every_step_is_in_office_hours_and_not_before_the_one_in_front() {
        for story in all() {
            let mut last = (0, story.hour, story.minute);
            for step in &story.steps {
                let now = (step.day, step.hour, step.minute);
                assert!(now > last, "{:?}: {now:?} after {last:?}", story.matter);
                assert!((9..18).contains(&step.hour), "{now:?}");
                last = now;
            }
        }
    }
}
