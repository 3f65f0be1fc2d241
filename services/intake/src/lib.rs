//! Intake: a citizen's facts become events. Open, decline, materials, feedback, reopen, withdraw.
//!
//! Invariants: personal data is sealed before it leaves the handler; a citizen's fact is never refused because
//! of the state of the case; opening twice with one key yields one case, at any distance in time.

mod applicant;
mod bodies;
mod duplicates;
mod open;

use std::sync::Arc;

pub use applicant::Applicant;
pub use open::{OpenBody, case_no, open};

use casework::refusal::RefusalCode;
use desk::Desk;
use desk::endpoint::Endpoints;
use desk::service::ServiceParts;
use runtime::http::Operation;

/// The service, ready to be served.
#[must_use]
pub fn service(desk: &Arc<Desk>) -> ServiceParts {
    let (router, operations) = endpoints().finish(desk);
    ServiceParts { name: "intake", router, operations, ready: Vec::new(), tasks: Vec::new() }
}

/// Its operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    endpoints().operations()
}

fn endpoints() -> Endpoints {
    Endpoints::default()
        .route(open::routes(), open::operation())
        .command::<bodies::Decline>(
            "/v1/cases/{id}/decline",
            "intake",
            "Does not take the case on, and says why and where to go instead (不予纳入)",
            &[RefusalCode::SamePerson, RefusalCode::PiiInText],
        )
        .command::<bodies::Materials>(
            "/v1/cases/{id}/materials",
            "intake",
            "Writes down papers that came in (收到材料)",
            &[RefusalCode::PiiInText],
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
        .command::<bodies::Withdraw>(
            "/v1/cases/{id}/withdraw",
            "intake",
            "Withdraws the case (撤回)",
            &[RefusalCode::PiiInText],
        )
}
