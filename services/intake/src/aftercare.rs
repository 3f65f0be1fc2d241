//! The reaction that finishes what an event of intake began: a link stands in both cases, and the key of a
//! forgotten person is destroyed.
//!
//! Invariants: a redelivery changes nothing (the command's id is derived from the event, destroying is idempotent);
//! an erasure whose process died between event and key is finished here.

use std::sync::Arc;

use casework::reaction::link_back;
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::events::CaseEvent;
use proto_events::ids::CommandId;
use runtime::consumer::{Reaction, ReactionError};
use runtime::log::Recorded;

/// The durable name of the reaction; its commands' ids are derived from it.
pub const NAME: &str = "intake-aftercare";

/// The reaction; deliver it every event of every case, as often and as late as you like.
pub struct Aftercare {
    desk: Arc<Desk>,
}

impl Aftercare {
    /// Makes it on a desk.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn on(&self, recorded: &Recorded) -> Result<(), ReactionError> {
        // What cannot be read is the projection's to report.
        let Ok((meta, event)) = decode(recorded) else { return Ok(()) };
        if matches!(event, CaseEvent::PersonalDataErased(_)) {
            let destroyed = self.desk.vault.destroy(meta.case_id).await;
            return destroyed.map_err(|error| ReactionError::Retry(error.to_string().into()));
        }
        let Some((other, command)) = link_back(meta.case_id, &event) else { return Ok(()) };
        let command_id = CommandId::of_reaction(NAME, meta.id);
        let mut order = Order::of_system("intake", other, command, command_id);
        order.causation = Some(meta.id);
        match self.desk.execute(order).await {
            Ok(_) => Ok(()),
            Err(problem) if problem.status.is_client_error() => Ok(()),
            Err(problem) => Err(ReactionError::Retry(problem.detail.into())),
        }
    }
}

impl Reaction for Aftercare {
    fn name(&self) -> &'static str {
        NAME
    }

    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>> {
        self.on(event).boxed()
    }
}
