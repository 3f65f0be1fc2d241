//! Escalation: time, and the help that comes when time runs out. Clocks, pauses, extensions, task force, special
//! handling, rectification, closing.
//!
//! Invariants: a step of a clock is taken once per (case, clock, run, level), whatever restarts, because its
//! command's id is derived from them; nobody is told outside opening hours; only stored promises are looked at.

mod bodies;
mod help;
mod timers;

use std::sync::Arc;

pub use help::{Help, NAME as HELP_NAME};
pub use timers::Timers;

use casework::refusal::RefusalCode;
use desk::Desk;
use desk::endpoint::Endpoints;
use desk::service::ServiceParts;
use runtime::http::Operation;

/// The service, ready to be served.
#[must_use]
pub fn service(desk: &Arc<Desk>) -> ServiceParts {
    let (router, operations) = endpoints().finish(desk);
    let help = desk.reaction_task(Help::new(Arc::clone(desk)));
    let tasks = help.into_iter().chain([timers::task(Arc::clone(desk))]).collect();
    ServiceParts { name: "escalation", router, operations, ready: Vec::new(), tasks }
}

/// Its operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    endpoints().operations()
}

fn endpoints() -> Endpoints {
    use RefusalCode::{
        AlreadyTaskForce, ExtendedAlready, LayerMissing, NoSuchAction, PauseOverdue, PiiInText,
        SamePerson, TooLate,
    };
    Endpoints::default()
        .command::<bodies::Convene>(
            "/v1/cases/{id}/task-force",
            "escalation",
            "Convenes a task force (成立专班)",
            &[AlreadyTaskForce, PiiInText],
        )
        .command::<bodies::Meeting>(
            "/v1/cases/{id}/task-force/meetings",
            "escalation",
            "Writes down a meeting (会商)",
            &[PiiInText],
        )
        .command::<bodies::Dissolve>(
            "/v1/cases/{id}/task-force/dissolve",
            "escalation",
            "Dissolves the task force (专班解散)",
            &[PiiInText],
        )
        .command::<bodies::Rectified>(
            "/v1/cases/{id}/rectification/complete",
            "escalation",
            "Finishes the rectification of a bad review (整改完成)",
            &[PiiInText],
        )
        .item_command::<bodies::ActionDone>(
            "/v1/cases/{id}/task-force/actions/{number}/complete",
            "escalation",
            "Finishes an action that a meeting gave (专班任务完成)",
            &[NoSuchAction, PiiInText],
        )
        .command::<bodies::Special>(
            "/v1/cases/{id}/special-handling",
            "escalation",
            "Asks to waive a requirement in this one case (提请特事特办)",
            &[PiiInText],
        )
        .command::<bodies::Check>(
            "/v1/cases/{id}/special-handling/checks",
            "escalation",
            "Checks the special handling for one layer (层层把关)",
            &[SamePerson, LayerMissing, PiiInText],
        )
        .command::<bodies::Decision>(
            "/v1/cases/{id}/special-handling/decision",
            "escalation",
            "Decides the special handling (特事特办决定)",
            &[SamePerson, LayerMissing, PiiInText],
        )
        .command::<bodies::Review>(
            "/v1/cases/{id}/special-handling/review",
            "escalation",
            "Looks back on an approved special handling (回头看)",
            &[],
        )
        .command::<bodies::Pause>(
            "/v1/cases/{id}/pause",
            "escalation",
            "Lets the handling clock stand still, up to the cap of the reason (暂停计时)",
            &[SamePerson, PauseOverdue],
        )
        .command::<bodies::Resume>(
            "/v1/cases/{id}/resume",
            "escalation",
            "Lets the handling clock run again (恢复计时)",
            &[],
        )
        .command::<bodies::Extend>(
            "/v1/cases/{id}/extend",
            "escalation",
            "Moves the promise once, after the applicant was told (延期)",
            &[SamePerson, TooLate, ExtendedAlready, PiiInText],
        )
        .command::<bodies::Urge>(
            "/v1/cases/{id}/urge",
            "escalation",
            "Asks to hurry (催办); touches no clock",
            &[PiiInText],
        )
}
