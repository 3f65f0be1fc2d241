//! Learning: what the district keeps of its cases. Precedents (先例), improvements (改进), and the reaction that notices
//! what recurs.
//!
//! Invariants: a case is read and never changed here; what recurs opens one improvement, however often and by whomever it
//! is noticed; nothing of an applicant gets into what was learned.
//!
//! Reading order: `memory` (the two streams, folded), `orders` (one command on one subject), `precedents` and
//! `improvements` (the doors), `recurrences` (the reaction).

mod applicant;
mod improvements;
mod memory;
mod orders;
mod precedents;
mod recurrences;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use desk::Desk;
use desk::service::ServiceParts;
use runtime::http::Operation;
use runtime::identity::Identity;

use crate::memory::Memory;

/// What the handlers stand on.
#[derive(Clone)]
pub(crate) struct Learning {
    pub(crate) desk: Arc<Desk>,
    pub(crate) memory: Arc<Memory>,
}

impl FromRef<Learning> for Arc<Identity> {
    fn from_ref(learning: &Learning) -> Self {
        Arc::clone(&learning.desk.identity)
    }
}

/// The service, ready to be served.
#[must_use]
pub fn service(desk: &Arc<Desk>) -> ServiceParts {
    let memory = Memory::new(Arc::clone(desk));
    let learning = Learning { desk: Arc::clone(desk), memory: Arc::clone(&memory) };
    let router: Router<Learning> = precedents::routes().merge(improvements::routes());
    let mut tasks = memory::tasks(&memory);
    tasks.push(recurrences::task(learning.clone()));
    ServiceParts {
        name: "learning",
        router: router.with_state(learning),
        operations: operations(),
        ready: vec![memory::readiness(&memory)],
        tasks,
    }
}

/// Its operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    precedents::operations().into_iter().chain(improvements::operations()).collect()
}
