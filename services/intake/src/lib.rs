//! Intake: a citizen's facts become events. Open, decline, materials, feedback, reopen, withdraw, correct, link,
//! forget. And the one way to read who somebody is.
//!
//! Invariants: personal data is sealed before it leaves the handler; a citizen's fact is never refused because
//! of the state of the case; opening twice with one key yields one case, at any distance in time.

mod aftercare;
mod applicant;
mod bodies;
mod consultations;
mod corrections;
mod days;
mod duplicates;
pub mod earlier;
mod ledger;
pub mod line;
mod links;
mod open;
mod reveal;

use std::sync::Arc;

pub use aftercare::{Aftercare, NAME as AFTERCARE_NAME};
pub use applicant::{Applicant, OpenError};
pub use open::{OpenBody, case_no, open};

use axum::Router;
use axum::middleware::from_fn_with_state;
use casework::refusal::RefusalCode;
use desk::Desk;
use desk::endpoint::Endpoints;
use desk::service::{ServiceParts, ServiceTask};
use runtime::http::Operation;

use crate::consultations::Counter;
use crate::ledger::Ledger;
use crate::line::{Courier, Standing};

/// The service, ready to be served.
#[must_use]
pub fn service(desk: &Arc<Desk>) -> ServiceParts {
    let (router, operations) = endpoints().finish(desk);
    desk.metrics.declare_commands(&[consultations::COMMAND]);
    let ledger = Ledger::new(Arc::clone(&desk.centers_log));
    let counter = Counter { desk: Arc::clone(desk), ledger: Arc::clone(&ledger) };
    let router = router.merge(centers().with_state(counter));
    let reaction = desk.reaction_task(Aftercare::new(Arc::clone(desk)));
    let ready = vec![ledger::readiness(&ledger)];
    let gate = line::gate_task(desk);
    let ledger = ledger::task(ledger, Arc::clone(desk));
    let tasks = reaction.into_iter().chain(gate).chain([ledger]).collect();
    ServiceParts { name: "intake", router, operations: described(operations), ready, tasks }
}

/// What it is at a center with a server of its own: the facts of citizens, the counts, and the line by which they come to the
/// district. What it finishes of what an event began is the district's.
#[must_use]
pub fn at_center(desk: &Arc<Desk>, courier: Courier, standing: Arc<Standing>) -> ServiceParts {
    let (router, mut operations) = facts(Endpoints::default()).finish(desk);
    desk.metrics.declare_commands(&[consultations::COMMAND]);
    let ledger = Ledger::new(Arc::clone(&desk.centers_log));
    let counter = Counter { desk: Arc::clone(desk), ledger: Arc::clone(&ledger) };
    let doors = router.merge(centers().with_state(counter));
    let guarded = doors.layer(from_fn_with_state(Arc::clone(&standing), line::guard));
    operations = described(operations);
    operations.push(line::operation());
    let ready = vec![ledger::readiness(&ledger)];
    let courier = ServiceTask::new("courier to the district", |token| async move {
        courier.run(token).await;
        Ok(())
    });
    let tasks = vec![courier, ledger::task(ledger, Arc::clone(desk))];
    let router = guarded.merge(line::routes(desk, standing));
    ServiceParts { name: "intake", router, operations, ready, tasks }
}

/// Its operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    described(endpoints().operations())
}

/// What a center counts beside its cases.
fn centers() -> Router<Counter> {
    consultations::routes().merge(days::routes())
}

fn described(mut operations: Vec<Operation>) -> Vec<Operation> {
    operations.extend([consultations::operation(), days::operation()]);
    operations
}

/// What a center with a server of its own takes as well: what commutes with everything that the district decides.
fn facts(endpoints: Endpoints) -> Endpoints {
    endpoints
        .route(open::routes(), open::operation())
        .route(reveal::routes(), reveal::operation())
        .command::<bodies::Materials>(
            "/v1/cases/{id}/materials",
            "intake",
            "Writes down papers that came in (收到材料)",
            &[RefusalCode::PiiInText],
        )
        .command::<bodies::Withdraw>(
            "/v1/cases/{id}/withdraw",
            "intake",
            "Withdraws the case (撤回)",
            &[RefusalCode::PiiInText],
        )
}

fn endpoints() -> Endpoints {
    facts(Endpoints::default())
        .command::<bodies::Decline>(
            "/v1/cases/{id}/decline",
            "intake",
            "Does not take the case on, and says why and where to go instead (不予纳入)",
            &[RefusalCode::SamePerson, RefusalCode::PiiInText],
        )
        .command::<bodies::FeedbackBody>(
            "/v1/cases/{id}/feedback",
            "intake",
            "Writes down what the applicant said (回访)",
            &[RefusalCode::SelfFeedback, RefusalCode::PiiInText],
        )
        .command::<bodies::Reopen>(
            "/v1/cases/{id}/reopen",
            "intake",
            "Takes the case up again (重启)",
            &[RefusalCode::ReopenTooLate, RefusalCode::PiiInText],
        )
        .special_command::<corrections::Correction>(
            "/v1/cases/{id}/corrections",
            corrections::handler(),
            "intake",
            "Puts right what was written down wrongly (更正); a personal field stays sealed",
            &[RefusalCode::PiiInText],
        )
        .special_command::<links::LinkBody>(
            "/v1/cases/{id}/links",
            links::handler(),
            "intake",
            "Says that it has to do with another case (关联案件); stands in both",
            &[RefusalCode::PiiInText],
        )
        .command::<bodies::Erase>(
            "/v1/cases/{id}/erase",
            "intake",
            "Has the applicant forgotten (删除个人信息): the case's key is destroyed, the statistics stay",
            &[],
        )
}
