//! `/v1/session`: sign in, who am I, lock and unlock the screen, another password, sign out.

use std::sync::Arc;

use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::machine::is_machine_token;
use super::{Enrolment, Identity, IdentityError, Opened, Session, Staff, token_of};
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
    /// A code of the app, or a recovery code, when the account has a second factor.
    #[serde(default)]
    pub code: Option<String>,
}

/// The body of `POST /v1/session/second-step`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SecondStep {
    /// The ticket of the problem `second_factor_required`.
    ticket: String,
    /// A code of the app, or a recovery code.
    code: String,
}

/// The body of `POST /v1/session/second-factor`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct BeginEnrolment {
    /// The present password.
    password: String,
    /// A code of the present second factor, when there is one.
    #[serde(default)]
    code: Option<String>,
}

/// The answer of `POST /v1/session/second-factor`.
#[derive(Clone, Serialize, JsonSchema)]
struct EnrolmentAnswer {
    /// What is typed into an authenticator app.
    secret: String,
    /// The same as an `otpauth://` address, for a square that the app reads.
    uri: String,
    /// Goes to `POST /v1/session/second-factor/confirm` with the first code, within a quarter of an hour.
    ticket: String,
}

/// The body of `POST /v1/session/second-factor/confirm`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConfirmEnrolment {
    /// The ticket of the enrolment.
    ticket: String,
    /// The first code of the app.
    code: String,
}

/// The answer of `POST /v1/session/second-factor/confirm`.
#[derive(Clone, Serialize, JsonSchema)]
struct RecoveryCodes {
    /// Ten codes for a day without the app; each opens once, and nobody can ask for them again.
    recovery_codes: Vec<String>,
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
    /// Whether the person has a second factor; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub second_factor: bool,
    /// Whether the person has to enrol a second factor before anything else; absent when not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_enrol: bool,
}

impl From<Session> for Who {
    fn from(session: Session) -> Self {
        let Session { staff, expires_at, locked, has_second_factor, must_enrol } = session;
        Self { staff, expires_at, locked, second_factor: has_second_factor, must_enrol }
    }
}

impl From<Opened> for SignedIn {
    fn from(opened: Opened) -> Self {
        Self { token: opened.token, expires_at: opened.expires_at, staff: opened.staff }
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
        .route("/v1/session/second-step", post(second_step))
        .route("/v1/session/second-factor", post(begin_second_factor))
        .route("/v1/session/second-factor/confirm", post(confirm_second_factor))
}

/// Describes the routes for OpenAPI.
#[must_use]
pub fn session_operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/v1/session", "session", "Signs in")
            .public()
            .takes::<SignIn>()
            .answers::<SignedIn>(200)
            .refuses(&[
                "unauthenticated",
                "second_factor_required",
                "second_factor_wrong",
                "too_many_requests",
            ]),
        Operation::new(
            Method::POST,
            "/v1/session/second-step",
            "session",
            "Goes on with a sign-in that needs a code",
        )
        .public()
        .takes::<SecondStep>()
        .answers::<SignedIn>(200)
        .refuses(&["unauthenticated", "second_factor_wrong", "too_many_requests"]),
        Operation::new(
            Method::POST,
            "/v1/session/second-factor",
            "session",
            "Begins to enrol a second factor (双因素认证); nothing changes until it is confirmed",
        )
        .takes::<BeginEnrolment>()
        .answers::<EnrolmentAnswer>(200)
        .refuses(&["too_many_requests"]),
        Operation::new(
            Method::POST,
            "/v1/session/second-factor/confirm",
            "session",
            "Ends an enrolment with the first code; the other sessions of the account end",
        )
        .takes::<ConfirmEnrolment>()
        .answers::<RecoveryCodes>(200)
        .refuses(&["enrolment_over"]),
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
    let SignIn { username, password, code } = body.value;
    let visitor = visitor::current();
    let opened = identity.sign_in(&username, &password, code.as_deref(), visitor).await?;
    Ok(Json(opened.into()))
}

async fn second_step(
    State(identity): State<Arc<Identity>>,
    body: StrictJson<SecondStep>,
) -> Result<Json<SignedIn>, Problem> {
    let SecondStep { ticket, code } = body.value;
    let opened = identity.sign_in_second_step(&ticket, &code, visitor::current()).await?;
    Ok(Json(opened.into()))
}

async fn begin_second_factor(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
    body: StrictJson<BeginEnrolment>,
) -> Result<Json<EnrolmentAnswer>, Problem> {
    let BeginEnrolment { password, code } = body.value;
    let begun = identity.begin_second_factor(&token(&headers)?, &password, code.as_deref()).await;
    let begun = standing(begun.map_err(|error| at_field(error, "/password"))?)?;
    let Enrolment { secret, uri, ticket } = begun;
    Ok(Json(EnrolmentAnswer { secret, uri, ticket }))
}

async fn confirm_second_factor(
    State(identity): State<Arc<Identity>>,
    headers: HeaderMap,
    body: StrictJson<ConfirmEnrolment>,
) -> Result<Json<RecoveryCodes>, Problem> {
    let ConfirmEnrolment { ticket, code } = body.value;
    let confirmed = identity.confirm_second_factor(&token(&headers)?, &ticket, &code).await;
    let recovery_codes = standing(confirmed.map_err(|error| at_field(error, "/code"))?)?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// The token of a request whose session may be locked.
fn token(headers: &HeaderMap) -> Result<String, Problem> {
    let token = token_of(headers);
    if token.as_deref().is_some_and(is_machine_token) {
        return Err(IdentityError::OutOfScope { needed: None }.into());
    }
    token.ok_or_else(|| Problem::unauthenticated("there is no session token"))
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
    if !session.locked && !session.must_enrol {
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
        IdentityError::SecondFactorRequired { .. } => Problem::invalid(
            "/code",
            "is missing: the account has a second factor (请输入动态验证码)",
        ),
        IdentityError::SecondFactorWrong => Problem::invalid("/code", error.to_string()),
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
