//! `/v1/session/oidc`: begin, and end with what came back.

use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::routing::post;
use axum::{Json, Router};
use runtime::http::openapi::Operation;
use runtime::http::problem::{PROVIDER_REFUSED, SIGN_IN_OVER, TOO_MANY_REQUESTS};
use runtime::http::{Problem, StrictJson, visitor};
use runtime::identity::SignedIn;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::provider::{Back, Provider, SignInError};

/// The answer of `POST /v1/session/oidc`.
#[derive(Clone, Serialize, JsonSchema)]
struct BegunAnswer {
    /// Where the browser goes.
    authorize_url: String,
    /// Stays with the browser that began, and goes to `POST /v1/session/oidc/finish` within ten minutes.
    ticket: String,
}

/// The body of `POST /v1/session/oidc/finish`.
#[derive(Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Finish {
    /// The ticket of `POST /v1/session/oidc`.
    ticket: String,
    /// `state`, as it came back.
    state: String,
    /// `code`, as it came back.
    #[serde(default)]
    code: Option<String>,
    /// `iss`, when it came back.
    #[serde(default)]
    iss: Option<String>,
    /// `error`, when it came back.
    #[serde(default)]
    error: Option<String>,
}

/// The routes, with their state.
pub fn routes(provider: Arc<Provider>) -> Router {
    Router::new()
        .route("/v1/session/oidc", post(begin))
        .route("/v1/session/oidc/finish", post(finish))
        .with_state(provider)
}

/// Describes the routes for OpenAPI.
#[must_use]
pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/session/oidc",
            "session",
            "Begins to sign in with the identity provider (统一身份认证)",
        )
        .public()
        .answers::<BegunAnswer>(200)
        .refuses(&["too_many_requests"]),
        Operation::new(
            Method::POST,
            "/v1/session/oidc/finish",
            "session",
            "Signs in with what the identity provider sent back",
        )
        .public()
        .takes::<Finish>()
        .answers::<SignedIn>(200)
        .refuses(&[
            "provider_refused",
            "sign_in_over",
            "no_account",
            "second_factor_required",
            "too_many_requests",
        ]),
    ]
}

async fn begin(State(provider): State<Arc<Provider>>) -> Result<Json<BegunAnswer>, Problem> {
    let begun = provider.begin().await.map_err(problem)?;
    Ok(Json(BegunAnswer { authorize_url: begun.authorize_url, ticket: begun.ticket }))
}

async fn finish(
    State(provider): State<Arc<Provider>>,
    body: StrictJson<Finish>,
) -> Result<Json<SignedIn>, Problem> {
    let Finish { ticket, state, code, iss, error } = body.value;
    let back = Back { ticket, state, code, issuer: iss, error };
    let opened = provider.finish(back, visitor::current()).await.map_err(problem)?;
    Ok(Json(opened.into()))
}

/// What did not fit is for the audit, and for nobody who tries.
fn problem(error: SignInError) -> Problem {
    match error {
        SignInError::Over => Problem::of(&SIGN_IN_OVER, error.to_string()),
        SignInError::Refused(_) => {
            Problem::of(&PROVIDER_REFUSED, "the identity provider's answer proves nobody")
        }
        SignInError::TooMany(seconds) => {
            Problem::of(&TOO_MANY_REQUESTS, error.to_string()).retry_after(seconds)
        }
        SignInError::Busy => Problem::busy(error.to_string()),
        SignInError::Away(source) => {
            let detail = source.to_string();
            let source = &source.source;
            tracing::warn!(error = %source, detail, "the identity provider is away");
            Problem::unavailable("the identity provider does not answer (身份认证平台暂不可用)")
        }
        SignInError::Identity(error) => error.into(),
    }
}
