//! `/v1/tokens`: the tokens of machines, for the administrator.
//!
//! Invariants: a token is in the answer that made it and in no other; whatever is done leaves an audit line without it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Path, Problem, StrictJson};
use runtime::identity::{MachineToken, NewMachineToken, Signed};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::accounts::Admin;
use crate::{Desk, DeskState, SCOPES};

/// How long a token lives when the caller does not say, in days: a quarter.
const DAYS_DEFAULT: u32 = 90;

/// All tokens, and what there is to read.
#[derive(Debug, Serialize, JsonSchema)]
struct TokensAnswer {
    /// By name; those that have ended as well.
    items: Vec<TokenAnswer>,
    total: usize,
    /// The scopes that a token may have.
    scopes: Vec<ScopeAnswer>,
}

/// A token, without itself.
#[derive(Debug, Serialize, JsonSchema)]
struct TokenAnswer {
    /// By what it is revoked.
    id: String,
    /// What it is for; the audit names it as `machine.<name>`.
    name: String,
    /// As which role it reads.
    role: Role,
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    /// What it may read.
    scopes: Vec<String>,
    created_at: Timestamp,
    created_by: String,
    expires_at: Timestamp,
    /// Whether it has ended by itself.
    expired: bool,
}

/// A scope with what it opens.
#[derive(Debug, Serialize, JsonSchema)]
struct ScopeAnswer {
    code: &'static str,
    label_zh: &'static str,
    label_en: &'static str,
    /// The addresses, for reading only.
    reads: &'static [&'static str],
}

/// A new token.
#[derive(Debug, Serialize, JsonSchema)]
struct MadeAnswer {
    /// The token, for `Authorization: Bearer`; nobody can ask for it again.
    token: String,
    #[serde(flatten)]
    record: TokenAnswer,
}

/// What a token is made of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewToken {
    /// What it is for: 1 to 40 of `a-z`, `0-9` and `-`.
    name: String,
    /// As which role it reads: director, department_lead, coordinator or auditor.
    role: Role,
    /// The center of a director.
    #[serde(default)]
    center: Option<CenterId>,
    /// The department of a department lead.
    #[serde(default)]
    department: Option<DepartmentId>,
    /// What it may read.
    scopes: Vec<String>,
    /// How many days it lives, 1 to 400; 90 when absent.
    #[serde(default)]
    days: Option<u32>,
}

pub(super) fn routes() -> Router<DeskState> {
    Router::new()
        .route("/v1/tokens", get(list).post(add))
        .route("/v1/tokens/{id}/revoke", post(revoke))
}

pub(super) fn operations() -> Vec<Operation> {
    let operation = |method, path, summary| Operation::new(method, path, "tokens", summary);
    vec![
        operation(Method::GET, "/v1/tokens", "All tokens of machines (机器令牌)")
            .answers::<TokensAnswer>(200),
        operation(Method::POST, "/v1/tokens", "Makes a token for a machine that reads")
            .takes::<NewToken>()
            .answers::<MadeAnswer>(201),
        operation(Method::POST, "/v1/tokens/{id}/revoke", "Revokes a token at once")
            .answers_with(204, "application/json"),
    ]
}

async fn list(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
) -> Result<Json<TokensAnswer>, Problem> {
    Admin::of(&desk, &staff, "token_list").await?;
    let tokens = desk.identity.machine_tokens().await?;
    let items: Vec<TokenAnswer> = tokens.into_iter().map(|token| shown(&desk, token)).collect();
    let scope = |scope: &runtime::identity::Scope| ScopeAnswer {
        code: scope.code,
        label_zh: scope.label_zh,
        label_en: scope.label_en,
        reads: scope.reads,
    };
    let scopes = SCOPES.iter().map(scope).collect();
    Ok(Json(TokensAnswer { total: items.len(), items, scopes }))
}

async fn add(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    body: Result<StrictJson<NewToken>, Problem>,
) -> Result<(StatusCode, Json<MadeAnswer>), Problem> {
    let admin = Admin::of(&desk, &staff, "token_add").await?;
    let StrictJson { value, .. } = body?;
    let NewToken { name, role, center, department, scopes, days } = value;
    admin.places(center.as_ref(), department.as_ref())?;
    let days = days.unwrap_or(DAYS_DEFAULT);
    let new = NewMachineToken { name, role, center, department, scopes, days };
    let by = staff.username.as_str();
    let (token, record) = desk.identity.add_machine_token(new, SCOPES, by).await?;
    admin.note_text("token_added", described(&record)).await;
    let record = shown(&desk, record);
    Ok((StatusCode::CREATED, Json(MadeAnswer { token, record })))
}

async fn revoke(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let admin = Admin::of(&desk, &staff, "token_revoke").await?;
    let revoked = desk.identity.revoke_machine_token(&id).await?;
    let revoked =
        revoked.ok_or_else(|| Problem::not_found("there is no such token (没有这个令牌)"))?;
    admin.note_text("token_revoked", described(&revoked)).await;
    Ok(StatusCode::NO_CONTENT)
}

fn described(token: &MachineToken) -> String {
    format!("{} {} ({}: {})", token.name, token.id, token.role, token.scopes.join(" "))
}

fn shown(desk: &Desk, token: MachineToken) -> TokenAnswer {
    TokenAnswer {
        expired: token.expires_at <= desk.clock.now(),
        created_at: desk.local(token.created_at),
        expires_at: desk.local(token.expires_at),
        id: token.id,
        name: token.name,
        role: token.role,
        center: token.center,
        department: token.department,
        scopes: token.scopes,
        created_by: token.created_by,
    }
}
