//! The reaction that helps by itself: a task force after the second return, after the due date of a hard matter
//! and after an unsolved end; a rectification after a bad review; the closing after a good one.
//!
//! Invariant: it looks at the case as it is now, so a late or repeated delivery does what is still right.

use std::sync::Arc;

use casework::case::Case;
use casework::command::Command;
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::codes::{Clock, ClosingCode, Complexity, ConveneTrigger, Level, ReopenReason};
use proto_events::events::{CaseEvent, Member};
use proto_events::ids::{CommandId, DepartmentId};
use proto_events::subject::CaseSubject;
use runtime::consumer::{Reaction, ReactionError};
use runtime::http::Problem;
use runtime::log::Recorded;

/// The durable name of the reaction that helps by itself; its commands' ids are derived from it.
pub const NAME: &str = "escalation-help";

pub(crate) struct Help {
    desk: Arc<Desk>,
}

/// What an event asks for.
enum Need {
    TaskForce(ConveneTrigger),
    Rectification,
    Closing(ClosingCode),
}

impl Help {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn on(&self, recorded: &Recorded) -> Result<(), ReactionError> {
        // What cannot be read is the projection's to report.
        let Ok((meta, event)) = decode(recorded) else { return Ok(()) };
        if !may_need_help(&event) {
            return Ok(());
        }
        let Some(subject) = CaseSubject::parse(&recorded.subject) else { return Ok(()) };
        let Some(case) = self.desk.load(&subject).await.map_err(retry)? else { return Ok(()) };
        let Some(need) = need(&event, &case) else { return Ok(()) };
        let command = match need {
            Need::TaskForce(trigger) => self.task_force(trigger, &case),
            Need::Rectification => Command::OpenRectification,
            Need::Closing(code) => Command::Close { code },
        };
        let command_id = CommandId::of_reaction(NAME, meta.id);
        let mut order = Order::of_system("escalation", meta.case_id, command, command_id);
        order.center = Some(subject.center);
        order.causation = Some(meta.id);
        match self.desk.execute(order).await {
            Ok(_) => Ok(()),
            // A rule says that it is no longer, or not yet, right; the timers look again.
            Err(problem) if problem.status.is_client_error() => Ok(()),
            Err(problem) => Err(retry(problem)),
        }
    }

    /// The bodies that have to sit together: the center, everybody who had the case, everybody who was named,
    /// with the coordinator in the chair.
    fn task_force(&self, trigger: ConveneTrigger, case: &Case) -> Command {
        let rules = &self.desk.district.rules;
        let named = case.returns.iter().filter_map(|record| record.suggested_department.as_ref());
        let center = case.center.as_str().parse().ok();
        let mut bodies: Vec<DepartmentId> = center.into_iter().collect();
        for department in case.departments_ever.iter().chain(named).chain([&rules.coordinator]) {
            if !bodies.contains(department) && rules.knows_body(department) {
                bodies.push(department.clone());
            }
        }
        let member = |department: DepartmentId| Member { department, person: String::new() };
        let reason = match trigger {
            ConveneTrigger::TwoReturns => "两次退单，自动成立专班",
            ConveneTrigger::BackAndForth => "来回推转，自动成立专班",
            ConveneTrigger::OverdueComplex => "复杂事项逾期，自动成立专班",
            ConveneTrigger::ReopenedUnsolved => "群众反映未解决，自动成立专班",
            ConveneTrigger::Person => "人工提请",
        };
        Command::ConveneTaskForce {
            trigger,
            chair: rules.body_name(rules.coordinator.as_str()).to_owned(),
            members: bodies.into_iter().map(member).collect(),
            objective: "明确承办单位，限期解决，或依据政策作出解释".to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// Whether an event of this kind can ask for anything; saves the reading of the case for all others.
fn may_need_help(event: &CaseEvent) -> bool {
    match event {
        CaseEvent::Returned(_)
        | CaseEvent::Reopened(_)
        | CaseEvent::FeedbackRecorded(_)
        | CaseEvent::RectificationCompleted(_) => true,
        CaseEvent::Escalated(step) => {
            step.clock == Clock::Handling && step.level == Level::Director
        }
        _ => false,
    }
}

fn need(event: &CaseEvent, case: &Case) -> Option<Need> {
    match event {
        CaseEvent::Returned(_) if case.is_ping_pong() && case.arbitration.is_none() => {
            let trigger = match came_back(case) {
                true => ConveneTrigger::BackAndForth,
                false => ConveneTrigger::TwoReturns,
            };
            Some(Need::TaskForce(trigger))
        }
        CaseEvent::Reopened(data) if data.reason == ReopenReason::NotSolved && case.is_open() => {
            Some(Need::TaskForce(ConveneTrigger::ReopenedUnsolved))
        }
        CaseEvent::Escalated(_) if case.complexity != Complexity::Simple => {
            Some(Need::TaskForce(ConveneTrigger::OverdueComplex))
        }
        CaseEvent::FeedbackRecorded(data) if data.is_bad() => Some(Need::Rectification),
        CaseEvent::FeedbackRecorded(data) if data.responded => {
            Some(Need::Closing(ClosingCode::FeedbackRecorded))
        }
        CaseEvent::FeedbackRecorded(_) => Some(Need::Closing(ClosingCode::NotReached)),
        CaseEvent::RectificationCompleted(_) => Some(Need::Closing(ClosingCode::FeedbackRecorded)),
        _ => None,
    }
}

/// Whether a department got the case a second time (A→B→A).
fn came_back(case: &Case) -> bool {
    let hops = &case.hops;
    hops.iter().enumerate().any(|(index, hop)| hops[..index].iter().any(|early| early.to == hop.to))
}

fn retry(problem: Problem) -> ReactionError {
    ReactionError::Retry(problem.detail.into())
}

impl Reaction for Help {
    fn name(&self) -> &'static str {
        NAME
    }

    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>> {
        self.on(event).boxed()
    }
}
