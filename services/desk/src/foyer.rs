//! The doors that every process has beside those of its service: the district's names, accounts and colleagues, tokens of
//! machines, the first account, drafts, and the audit.
//!
//! Invariants: what is here needs a desk and nothing more, so that each process answers alike; a refusal for the role
//! leaves an audit line.

mod accounts;
mod audit;
mod colleagues;
mod district;
mod drafts;
mod first_account;
mod tokens;

use std::sync::Arc;

use axum::Router;
use runtime::audit::AuditLine;
use runtime::http::{Operation, Problem};
use runtime::identity::Staff;

use crate::{Desk, DeskState};

/// The routes, with their state.
pub fn routes(desk: &Arc<Desk>) -> Router {
    Router::new()
        .merge(district::routes(&desk.district))
        .merge(accounts::routes())
        .merge(tokens::routes())
        .merge(colleagues::routes())
        .merge(first_account::routes())
        .merge(drafts::routes())
        .merge(audit::routes())
        .with_state(DeskState(Arc::clone(desk)))
}

/// The operations, for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    [
        vec![district::operation()],
        accounts::operations(),
        tokens::operations(),
        vec![colleagues::operation()],
        first_account::operations(),
        drafts::operations(),
        vec![audit::operation()],
    ]
    .concat()
}

/// Refuses whom the table of permissions does not let in, and writes it down.
async fn admit(desk: &Desk, staff: &Staff, what: &str, may: bool) -> Result<(), Problem> {
    if may {
        return Ok(());
    }
    let line = AuditLine::new(staff.username.as_str(), "refused")
        .role(staff.role)
        .center(staff.center.clone())
        .detail(format!("{what}: forbidden"));
    desk.audit.record(line).await;
    let role = staff.role;
    Err(Problem::forbidden(format!(
        "a {} may not do this ({}无权进行此操作)",
        role.label_en(),
        role.label_zh()
    )))
}
