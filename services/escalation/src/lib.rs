//! Escalation: time, and the help that comes when time runs out. Clocks, task force, rectification, closing.
//!
//! Invariants: a step of a clock is taken once per (case, clock, run, level), whatever restarts, because its
//! command's id is derived from them; nobody is told outside opening hours; only stored promises are looked at.

mod bodies;
mod help;
mod timers;

use std::sync::Arc;

pub use help::NAME as HELP_NAME;

use casework::refusal::RefusalCode;
use desk::Desk;
use desk::endpoint::Endpoints;
use desk::service::{ServiceParts, ServiceTask};
use proto_events::subject::CASES_STREAM;
use runtime::consumer::ReactionLoop;
use runtime::http::Operation;

/// The service, ready to be served.
#[must_use]
pub fn service(desk: &Arc<Desk>) -> ServiceParts {
    let (router, operations) = endpoints().finish(desk);
    let help = ReactionLoop::new(
        desk.js.clone(),
        CASES_STREAM,
        Arc::new(help::Help::new(Arc::clone(desk))),
        desk.clock.clone(),
    )
    .with_metrics(desk.metrics.clone());
    let tasks = vec![
        ServiceTask::new("escalation-help", |token| async move {
            help.run(token).await;
            Ok(())
        }),
        timers::task(Arc::clone(desk)),
    ];
    ServiceParts { name: "escalation", router, operations, ready: Vec::new(), tasks }
}

/// Its operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    endpoints().operations()
}

fn endpoints() -> Endpoints {
    Endpoints::default()
        .command::<bodies::Convene>(
            "/v1/cases/{id}/task-force",
            "escalation",
            "Convenes a task force (成立专班)",
            &[RefusalCode::AlreadyTaskForce, RefusalCode::PiiInText],
        )
        .command::<bodies::Meeting>(
            "/v1/cases/{id}/task-force/meetings",
            "escalation",
            "Writes down a meeting (会商)",
            &[RefusalCode::PiiInText],
        )
        .command::<bodies::Dissolve>(
            "/v1/cases/{id}/task-force/dissolve",
            "escalation",
            "Dissolves the task force (专班解散)",
            &[RefusalCode::PiiInText],
        )
        .command::<bodies::Rectified>(
            "/v1/cases/{id}/rectification/complete",
            "escalation",
            "Finishes the rectification of a bad review (整改完成)",
            &[RefusalCode::PiiInText],
        )
}
