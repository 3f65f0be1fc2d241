//! `/v1/session`: sign in, who am I, sign out.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Identity, Signed, Staff, token_of};
use crate::http::openapi::Operation;
use crate::http::{Problem, StrictJson};

/// The body of `POST /v1/session`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    /// The username.
    pub username: String,
    /// The password.
    pub password: String,
}

/// The answer of `POST /v1/session`.
#[derive(Clone, Serialize, JsonSchema)]
pub struct SignedIn {
    /// The token, for `Authorization: Bearer`.
    pub token: String,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Who signed in.
    pub staff: Staff,
}

/// The routes of `/v1/session`, for any state that gives an [`Identity`].
pub fn session_routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Identity>: FromRef<S>,
{
    Router::new().route("/v1/session", post(sign_in).get(who).delete(sign_out))
}

/// Describes the routes for OpenAPI.
#[must_use]
pub fn session_operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/v1/session", "session", "Signs in")
            .public()
            .takes::<SignIn>()
            .answers::<SignedIn>(200)
            .refuses(&["unauthenticated", "too_many_requests"]),
        Operation::new(Method::GET, "/v1/session", "session", "Says who is signed in")
            .answers::<Staff>(200),
        Operation::new(Method::DELETE, "/v1/session", "session", "Signs out")
            .answers_with(204, "application/json"),
    ]
}

async fn sign_in(
    State(identity): State<Arc<Identity>>,
    body: StrictJson<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let SignIn { username, password } = body.value;
    let opened = identity.sign_in(&username, &password).await?;
    Ok(Json(SignedIn { token: opened.token, expires_at: opened.expires_at, staff: opened.staff }))
}

async fn who(Signed(staff): Signed) -> Json<Staff> {
    Json(staff)
}

async fn sign_out(
    State(identity): State<Arc<Identity>>,
    Signed(_): Signed,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    if let Some(token) = token_of(&headers) {
        identity.sign_out(&token).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
