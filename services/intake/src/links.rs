//! Links between cases (关联案件): the same matter again, or one that came before or after.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use casework::command::{Command, CommandKind};
use desk::endpoint::{Asked, carry_out, read_by};
use desk::{Desk, DeskState};
use proto_events::codes::LinkRelation;
use proto_events::ids::CaseId;
use runtime::http::{IdempotencyKey, IfMatch, Path, Problem, RequestId, StrictJson};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Deserialize;

/// The body of a link.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkBody {
    /// The other case.
    case_id: CaseId,
    /// How the other case stands to this one.
    relation: LinkRelation,
    /// Why.
    #[serde(default)]
    note: Option<String>,
}

pub(crate) fn handler() -> MethodRouter<DeskState> {
    post(handle)
}

async fn handle(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<LinkBody>, Problem>,
) -> Result<Response, Problem> {
    let read = read_by(&desk, &staff, CommandKind::Link, &id, body).await?;
    let StrictJson { value: body, hash } = read;
    desk.subject_of(body.case_id, None).await.map_err(|problem| {
        match problem.status.is_client_error() {
            true => Problem::invalid("/case_id", "there is no such case (没有这个案件)"),
            false => problem,
        }
    })?;
    let asked = Asked { staff: &staff, id: &id, key, hash: &hash, if_match, request_id };
    let command = Command::Link {
        other: body.case_id,
        relation: body.relation,
        note: body.note,
        reciprocal: false,
    };
    carry_out(&desk, asked, command).await
}
