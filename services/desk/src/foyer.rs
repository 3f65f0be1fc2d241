//! The doors that every process has beside those of its service: the district's names, accounts and colleagues, the
//! first account, drafts, and the audit.
//!
//! Invariants: what is here needs a desk and nothing more, so that each process answers alike; a refusal for the role
//! leaves an audit line.

mod district;

use std::sync::Arc;

use axum::Router;
use runtime::http::Operation;

use crate::{Desk, DeskState};

/// The routes, with their state.
pub fn routes(desk: &Arc<Desk>) -> Router {
    Router::new().merge(district::routes(&desk.district)).with_state(DeskState(Arc::clone(desk)))
}

/// The operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![district::operation()]
}
