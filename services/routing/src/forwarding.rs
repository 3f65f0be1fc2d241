//! The reaction that forwards by itself: a case that the table knows goes to its department at once.
//!
//! Invariants: a redelivery changes nothing (the command's id is derived from the event); a case that a person
//! has touched meanwhile stays as the person left it.

use std::sync::Arc;

use casework::command::Command;
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::codes::{CauseCategory, ReopenReason};
use proto_events::events::CaseEvent;
use proto_events::ids::{CommandId, DepartmentId};
use proto_events::subject::CaseSubject;
use runtime::consumer::{Reaction, ReactionError};
use runtime::log::Recorded;

/// The durable name of the reaction that forwards by the table; its commands' ids are derived from it.
pub const NAME: &str = "routing-forwarding";

pub(crate) struct Forwarding {
    desk: Arc<Desk>,
}

impl Forwarding {
    pub(crate) fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn on(&self, recorded: &Recorded) -> Result<(), ReactionError> {
        // What cannot be read is the projection's to report; there is nothing to forward in it.
        let Ok((meta, event)) = decode(recorded) else { return Ok(()) };
        let Some(subject) = CaseSubject::parse(&recorded.subject) else { return Ok(()) };
        let (department, ask) = match &event {
            CaseEvent::Opened(opened) => {
                if opened.cause.category() == CauseCategory::Applicant {
                    return Ok(());
                }
                let Some(line) = self.desk.district.rules.route(&opened.matter.name) else {
                    return Ok(());
                };
                (line.department.clone(), opened.demand.clone())
            }
            // Unsolved ones get a task force (escalation); the others go back to whoever had them.
            CaseEvent::Reopened(reopened) if reopened.reason != ReopenReason::NotSolved => {
                match self.last_department(&subject).await? {
                    Some(found) => found,
                    None => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        let command = Command::Forward { department, ask, contact: None, automatic: true };
        let command_id = CommandId::of_reaction(NAME, meta.id);
        let mut order = Order::of_system("routing", meta.case_id, command, command_id);
        order.center = Some(subject.center);
        order.causation = Some(meta.id);
        match self.desk.execute(order).await {
            Ok(_) => Ok(()),
            // Somebody was faster, or a rule says that it is no longer to be forwarded: as a person left it.
            Err(problem) if problem.status.is_client_error() => Ok(()),
            Err(problem) => Err(ReactionError::Retry(problem.detail.into())),
        }
    }

    async fn last_department(
        &self,
        subject: &CaseSubject,
    ) -> Result<Option<(DepartmentId, String)>, ReactionError> {
        let case = self
            .desk
            .load(subject)
            .await
            .map_err(|problem| ReactionError::Retry(problem.detail.into()))?;
        Ok(case.and_then(|case| {
            let hop = case.last_hop().filter(|hop| hop.returned_at.is_none())?;
            Some((hop.to.clone(), case.demand.clone()))
        }))
    }
}

impl Reaction for Forwarding {
    fn name(&self) -> &'static str {
        NAME
    }

    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>> {
        self.on(event).boxed()
    }
}
