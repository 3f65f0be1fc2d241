//! The reaction that helps by itself ([`casework::reaction::help`]): task force, rectification, closing.
//!
//! Invariant: it looks at the case as it is now, so a late or repeated delivery does what is still right.

use std::sync::Arc;

use casework::reaction::{help, may_help, still_calls_for_help};
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::ids::CommandId;
use proto_events::subject::CaseSubject;
use runtime::consumer::{Reaction, ReactionError};
use runtime::http::Problem;
use runtime::log::Recorded;

/// The durable name of the reaction that helps by itself; its commands' ids are derived from it.
pub const NAME: &str = "escalation-help";

/// The reaction; deliver it every event of every case, as often and as late as you like.
pub struct Help {
    desk: Arc<Desk>,
}

impl Help {
    /// Makes it on a desk.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn on(&self, recorded: &Recorded) -> Result<(), ReactionError> {
        // What cannot be read is the projection's to report.
        let Ok((meta, event)) = decode(recorded) else { return Ok(()) };
        if !may_help(&event) {
            return Ok(());
        }
        let Some(subject) = CaseSubject::parse(&recorded.subject) else { return Ok(()) };
        let Some(case) = self.desk.load(&subject).await.map_err(retry)? else { return Ok(()) };
        if !still_calls_for_help(meta.time, &event, &case) {
            return Ok(());
        }
        let command = help(&event, &case, &self.desk.district.rules);
        let Some(command) = command else { return Ok(()) };
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
