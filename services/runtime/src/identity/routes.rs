//! `/v1/session`: sign in, who am I, lock and unlock the screen, another password, sign out.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Identity, IdentityError, Session, Staff, token_of};
use crate::http::openapi::Operation;
use crate::http::{Problem, StrictJson, visitor};

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

/// The answer of `GET /v1/session`, and of locking and unlocking.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Who {
    /// Who is signed in.
    #[serde(flatten)]
    pub staff: Staff,
    /// When the session ends at the latest.
    pub expires_at: DateTime<Utc>,
    /// Whether it waits for the password of its person.
    pub locked: bool,
}

impl From<Session> for Who {
    fn from(session: Session) -> Self {
        let Session { staff, expires_at, locked } = session;
        Self { staff, expires_at, locked }
    }
}

/// The body of `POST /v1/session/unlock`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Unlock {
    /// The password of the person whose session it is.
    password: String,
}

/// The body of `POST /v1/session/password`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// The present password.
    current: String,
    /// The password from now on: at least 10 characters, not the username.
    new: String,
}

/// The routes of `/v1/session`, for any state that gives an [`Identity`].
pub fn session_routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Arc<Identity>: FromRef<S>,
{
    Router::new()
        .route("/v1/session", post(sign_in).get(who).delete(sign_out))
        .route("/v1/session/lock", post(lock))
        .route("/v1/session/unlock", post(unlock))
        .route("/v1/session/password", post(change_password))
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
            .answers::<Who>(200),
        Operation::new(Method::DELETE, "/v1/session", "session", "Signs out")
            .answers_with(204, "application/json"),
        Operation::new(
            Method::POST,
            "/v1/session/lock",
            "session",
            "Locks the screen (锁屏): until it is unlocked, every other call answers 401 `locked`",
        )
        .answers::<Who>(200),
        Operation::new(Method::POST, "/v1/session/unlock", "session", "Unlocks the screen (解锁)")
            .takes::<Unlock>()
            .answers::<Who>(200)
            .refuses(&["too_many_requests"]),
        Operation::new(
            Method::POST,
            "/v1/session/password",
            "session",
            "Gives oneself another password; the other sessions of the account end",
        )
        .takes::<NewPassword>()
        .answers_with(204, "application/json")
        .refuses(&["too_many_requests"]),
    ]
}

async fn sign_in(
    State(identity): State<Arc<Identity>>,
    body: StrictJson<SignIn>,
) -> Result<Json<SignedIn>, Problem> {
    let SignIn { username, password } = body.value;
    let opened = identity.sign_in(&username, &password, visitor::current()).await?;
    Ok(Json(SignedIn { token: opened.token, expires_at: opened.expires_at, staff: opened.staff }))
}

/// The token of a request whose session may be locked.
fn token(headers: &HeaderMap) -> Result<String, Problem> {
    token_of(headers).ok_or_else(|| Problem::unauthenticated("there is no session token"))
}

fn standing<T>(found: Option<T>) -> Result<T, Problem> {
    found.ok_or_else(|| Problem::unauthenticated("the session has ended or was revoked"))
}

async fn who(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
) -> Result<Json<Who>, Problem> {
    let token = token(&headers)?;
    let session = standing(identity.session(&token).await?)?;
    if !session.locked {
        // Whoever asks from a page that is open uses it.
        identity.resolve(&token).await?;
    }
    Ok(Json(session.into()))
}

async fn lock(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
) -> Result<Json<Who>, Problem> {
    let token = token(&headers)?;
    // Whose account has gone has nothing to lock.
    standing(identity.session(&token).await?)?;
    Ok(Json(standing(identity.lock(&token).await?)?.into()))
}

async fn unlock(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
    body: StrictJson<Unlock>,
) -> Result<Json<Who>, Problem> {
    let token = token(&headers)?;
    let unlocked = identity.unlock(&token, &body.value.password).await;
    Ok(Json(standing(unlocked.map_err(|error| at_field(error, "/password"))?)?.into()))
}

async fn change_password(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
    body: StrictJson<NewPassword>,
) -> Result<StatusCode, Problem> {
    let NewPassword { current, new } = body.value;
    let changed = identity.change_password(&token(&headers)?, &current, &new).await;
    let is_changed = changed.map_err(|error| at_field(error, "/current"))?;
    standing(is_changed.then_some(()))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A wrong password is a wrong field here: 401 would say that the session is over. A new one that breaks a rule is the
/// field `new`.
fn at_field(error: IdentityError, pointer: &str) -> Problem {
    match error {
        IdentityError::WrongPassword => {
            Problem::invalid(pointer, "is not the password of this account (密码不正确)")
        }
        IdentityError::Invalid { problem, .. } => Problem::invalid("/new", problem),
        other => other.into(),
    }
}

async fn sign_out(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let token = token(&headers)?;
    // A locked session may be ended: somebody else needs the counter.
    standing(identity.session(&token).await?)?;
    identity.sign_out(&token).await?;
    Ok(StatusCode::NO_CONTENT)
}
