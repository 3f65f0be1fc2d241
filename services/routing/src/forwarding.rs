//! The reaction that forwards by itself: a case that the table knows goes to its department at once.
//!
//! Invariants: a redelivery changes nothing (the command's id is derived from the event); a case that a person
//! has touched meanwhile stays as the person left it.

use std::sync::Arc;

use casework::reaction::{forwarding, may_forward};
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::ids::CommandId;
use proto_events::subject::CaseSubject;
use runtime::consumer::{Reaction, ReactionError};
use runtime::http::Problem;
use runtime::log::Recorded;

/// The durable name of the reaction that forwards by the table; its commands' ids are derived from it.
pub const NAME: &str = "routing-forwarding";

/// The reaction; deliver it every event of every case, as often and as late as you like.
pub struct Forwarding {
    desk: Arc<Desk>,
}

impl Forwarding {
    /// Makes it on a desk.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn on(&self, recorded: &Recorded) -> Result<(), ReactionError> {
        // What cannot be read is the projection's to report; there is nothing to forward in it.
        let Ok((meta, event)) = decode(recorded) else { return Ok(()) };
        if !may_forward(&event) {
            return Ok(());
        }
        let Some(subject) = CaseSubject::parse(&recorded.subject) else { return Ok(()) };
        // As it is now, not as the event tells it: it may come late or again.
        let case = self.desk.load(&subject).await.map_err(retry)?;
        let rules = &self.desk.district.rules;
        let command = case.and_then(|case| forwarding(&event, &case, rules));
        let Some(command) = command else { return Ok(()) };
        let command_id = CommandId::of_reaction(NAME, meta.id);
        let mut order = Order::of_system("routing", meta.case_id, command, command_id);
        order.center = Some(subject.center);
        order.causation = Some(meta.id);
        match self.desk.execute(order).await {
            Ok(_) => Ok(()),
            // Somebody was faster, or a rule says that it is no longer to be forwarded: as a person left it.
            Err(problem) if problem.status.is_client_error() => Ok(()),
            Err(problem) => Err(retry(problem)),
        }
    }
}

fn retry(problem: Problem) -> ReactionError {
    ReactionError::Retry(problem.detail.into())
}

impl Reaction for Forwarding {
    fn name(&self) -> &'static str {
        NAME
    }

    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>> {
        self.on(event).boxed()
    }
}
