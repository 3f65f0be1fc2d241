//! Routing: who handles a case, and how it ends. Forward by the table or by hand, accept, return, arbitrate,
//! joint parts, papers, determine, explain, resolve, reclassify, transfer.
//!
//! Invariant: the table decides only what it knows; anything else waits for a person in its center's queue.

mod bodies;
mod forwarding;

use std::sync::Arc;

pub use forwarding::{Forwarding, NAME as FORWARDING_NAME};

use casework::refusal::RefusalCode;
use desk::Desk;
use desk::endpoint::Endpoints;
use desk::service::ServiceParts;
use runtime::http::Operation;

/// The service, ready to be served.
#[must_use]
pub fn service(desk: &Arc<Desk>) -> ServiceParts {
    let (router, operations) = endpoints().finish(desk);
    let forwarding = desk.reaction_task(Forwarding::new(Arc::clone(desk)));
    let tasks = forwarding.into_iter().collect();
    ServiceParts { name: "routing", router, operations, ready: Vec::new(), tasks }
}

/// Its operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    endpoints().operations()
}

fn endpoints() -> Endpoints {
    use RefusalCode::{
        Arbitrated, NoSuchPart, OneTimeNotice, PartsOpen, PiiInText, PingPong, ReturnLimit,
        ReturnTooLate, SamePerson, SpecialHandlingMissing,
    };
    Endpoints::default()
        .command::<bodies::Forward>(
            "/v1/cases/{id}/forward",
            "routing",
            "Hands the case to a department's window (转办)",
            &[PingPong, PiiInText],
        )
        .command::<bodies::Accept>(
            "/v1/cases/{id}/accept",
            "routing",
            "Signs for the case (签收)",
            &[],
        )
        .command::<bodies::Contact>(
            "/v1/cases/{id}/contact",
            "routing",
            "Writes down a contact with the applicant (联系群众)",
            &[],
        )
        .command::<bodies::Progress>(
            "/v1/cases/{id}/progress",
            "routing",
            "Writes down how far it is (进展); touches no clock",
            &[PiiInText],
        )
        .command::<bodies::SendBack>(
            "/v1/cases/{id}/return",
            "routing",
            "Sends the case back (退单)",
            &[ReturnTooLate, ReturnLimit, Arbitrated, PiiInText],
        )
        .command::<bodies::Arbitrate>(
            "/v1/cases/{id}/arbitrate",
            "routing",
            "Rules whose case it is (裁定)",
            &[PiiInText],
        )
        .command::<bodies::NotDoable>(
            "/v1/cases/{id}/not-doable",
            "routing",
            "Determines that it cannot be done, with basis and countersignature (认定不能办)",
            &[SamePerson, PartsOpen, PiiInText],
        )
        .command::<bodies::Explain>(
            "/v1/cases/{id}/explain",
            "routing",
            "Writes down a session of explaining (解释)",
            &[PiiInText],
        )
        .command::<bodies::Resolve>(
            "/v1/cases/{id}/resolve",
            "routing",
            "Resolves the case (办成)",
            &[PartsOpen, SpecialHandlingMissing, PiiInText],
        )
        .command::<bodies::Joint>(
            "/v1/cases/{id}/joint",
            "routing",
            "Gives departments their parts of a joint matter (联办)",
            &[PiiInText],
        )
        .item_command::<bodies::PartDone>(
            "/v1/cases/{id}/parts/{department}/complete",
            "routing",
            "Finishes a department's part (联办事项完成)",
            &[NoSuchPart, PiiInText],
        )
        .command::<bodies::Materials>(
            "/v1/cases/{id}/material-requests",
            "routing",
            "Says everything that is missing, at once (一次性告知)",
            &[OneTimeNotice, PiiInText],
        )
        .command::<bodies::Reclassify>(
            "/v1/cases/{id}/reclassify",
            "routing",
            "Changes complexity or provisional cause (改分类)",
            &[PiiInText],
        )
        .command::<bodies::Transfer>(
            "/v1/cases/{id}/transfer",
            "routing",
            "Hands the case to a body outside the district (移送)",
            &[PartsOpen, PiiInText],
        )
}
