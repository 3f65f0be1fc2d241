//! The reaction that opens an improvement for what recurs.
//!
//! Invariants: the cases are folded in order (`memory`), so a restart notices the same again; the improvement's id follows
//! from cause, matter, department and window, so noticing it again changes nothing; an improvement of the same kind that
//! is under way, or was finished after it, answers for what recurs meanwhile.

use std::time::Duration;

use casework::command::Actor;
use casework::learning::improvement::decide_recurrence;
use casework::learning::recurrence::Recurrence;
use casework::learning::{Book, LearningContext};
use desk::service::ServiceTask;
use proto_events::ids::CommandId;
use proto_events::subject::LearningSubject;
use runtime::http::Problem;
use tokio_util::sync::CancellationToken;

use crate::Learning;
use crate::orders::{self, Asked};

/// The name of the reaction; its commands' ids are derived from it.
const NAME: &str = "learning-recurrences";

/// When it is tried again after the bus was out of reach.
const AGAIN: Duration = Duration::from_secs(5);

/// The reaction's task.
pub(crate) fn task(learning: Learning) -> ServiceTask {
    ServiceTask::new(NAME, |token| async move {
        run(&learning, &token).await;
        Ok(())
    })
}

async fn run(learning: &Learning, token: &CancellationToken) {
    while token.run_until_cancelled(learning.memory.news.notified()).await.is_some() {
        while let Some(recurrence) = learning.memory.next_noticed() {
            let Some(outcome) = token.run_until_cancelled(react(learning, &recurrence)).await
            else {
                return;
            };
            match outcome {
                Ok(()) => {}
                Err(problem) if problem.status.is_client_error() => {
                    tracing::error!(problem = %problem.code, "a recurrence cannot be acted on");
                }
                Err(problem) => {
                    tracing::warn!(problem = %problem.code, "a recurrence is acted on later");
                    learning.memory.put_back(recurrence);
                    if token.run_until_cancelled(tokio::time::sleep(AGAIN)).await.is_none() {
                        return;
                    }
                }
            }
        }
    }
}

async fn react(learning: &Learning, recurrence: &Recurrence) -> Result<(), Problem> {
    let Learning { desk, memory } = learning;
    memory.catch_up_with_book().await?;
    if memory.book().covers(&recurrence.kind, recurrence.at) {
        return Ok(());
    }
    let id = recurrence.improvement_id();
    let asked = Asked {
        actor: Actor::system("learning"),
        command_id: CommandId::of_reaction(NAME, recurrence.cause),
        hash: None,
        if_match: None,
        request_id: None,
        causation: Some(recurrence.cause),
        what: "open improvement",
    };
    let decide = |book: &Book, context: &LearningContext<'_>| {
        decide_recurrence(book.improvements.get(&id), recurrence, context)
    };
    let subject = LearningSubject::Improvement(id);
    let carried = orders::carry_out(desk, subject, &asked, None, decide).await?;
    if !carried.events.is_empty() {
        let kind = &recurrence.kind;
        tracing::info!(
            improvement.id = %id,
            cause = kind.cause.code(),
            department = %kind.department,
            cases = recurrence.cases.len(),
            "the same happened again and again; an improvement is open"
        );
    }
    Ok(())
}
