//! What people sent, and how each try ended for them.

use std::sync::Arc;

use casework::command::{Actor, CommandKind};
use desk::{Carried, Desk, District, Order};
use intake::OpenBody;
use proto_events::Timestamp;
use proto_events::ids::{CaseId, CommandId};
use runtime::http::Problem;

/// What somebody sent.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Opening { body: OpenBody, actor: Actor, case_id: CaseId },
    Order(Order),
}

/// How it ended for whoever sent it.
#[derive(Debug, Clone)]
pub(crate) enum Ending {
    Done(Box<Carried>),
    Refused {
        status: u16,
        code: String,
    },
    /// The process fell, or the line: nobody knows.
    Unknown,
}

/// One time that a wish was sent.
#[derive(Debug, Clone)]
pub(crate) struct Try {
    /// The length of the log before and after.
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// The clock before and after.
    pub(crate) nows: [Timestamp; 2],
    pub(crate) district: Arc<District>,
    /// The hash of its body, when it came with a key.
    pub(crate) hash: Option<String>,
    pub(crate) ending: Ending,
}

/// A wish, and every time that it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    pub(crate) wish: Wish,
    pub(crate) command_id: CommandId,
    pub(crate) hash: Option<String>,
    pub(crate) tries: Vec<Try>,
}

impl Sent {
    /// The kind of what was wished.
    pub(crate) fn kind(&self) -> CommandKind {
        match &self.wish {
            Wish::Opening { .. } => CommandKind::Open,
            Wish::Order(order) => order.command.kind(),
        }
    }

    /// The case that it is about.
    pub(crate) fn case_id(&self) -> CaseId {
        match &self.wish {
            Wish::Opening { case_id, .. } => *case_id,
            Wish::Order(order) => order.case_id,
        }
    }
}

/// Sends a wish as its endpoint would.
pub(crate) async fn send(
    desk: &Arc<Desk>,
    sent: &Sent,
    hash: Option<String>,
) -> Result<Carried, Problem> {
    match &sent.wish {
        Wish::Opening { body, actor, case_id } => {
            intake::open(desk, body.clone(), actor, *case_id, sent.command_id, hash, None).await
        }
        Wish::Order(order) => {
            let order = Order { command_hash: hash, ..order.clone() };
            desk.execute(order).await
        }
    }
}

/// How an answer ends a try; none when it was cut off.
pub(crate) fn ending(answer: Option<Result<Carried, Problem>>) -> Ending {
    match answer {
        Some(Ok(carried)) => Ending::Done(Box::new(carried)),
        Some(Err(problem)) if problem.status.is_client_error() => {
            Ending::Refused { status: problem.status.as_u16(), code: problem.code.into_owned() }
        }
        Some(Err(problem)) => {
            assert_eq!(problem.status.as_u16(), 503, "{}: {}", problem.code, problem.detail);
            Ending::Unknown
        }
        None => Ending::Unknown,
    }
}
