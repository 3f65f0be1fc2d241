//! `POST /v1/first-account`: the administrator of a new house, made with the link that `up` prints.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use runtime::http::{Operation, Problem, StrictJson};
use runtime::identity::{SignedIn, Username};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Desk, DeskState};

/// The body.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct FirstAccountBody {
    /// What stands behind the `#` of the link.
    token: String,
    /// What the person signs in with.
    username: String,
    /// The person's name.
    name: String,
    /// The password, at least 10 characters.
    password: String,
}

/// Whether the house waits for its first account.
#[derive(Serialize, JsonSchema)]
struct FirstAccountAnswer {
    /// True while there is no account at all: a sign-in page then points to the link.
    missing: bool,
}

pub(super) fn routes() -> Router<DeskState> {
    Router::new().route("/v1/first-account", get(look).post(make))
}

pub(super) fn operations() -> Vec<Operation> {
    let look = Operation::new(
        Method::GET,
        "/v1/first-account",
        "session",
        "Says whether the house waits for its first account",
    )
    .public()
    .answers::<FirstAccountAnswer>(200);
    let make = Operation::new(
        Method::POST,
        "/v1/first-account",
        "session",
        "Makes the first account, an administrator, with the one-time link of a new house",
    )
    .public()
    .takes::<FirstAccountBody>()
    .answers::<SignedIn>(201)
    .refuses(&["first_link_invalid"]);
    vec![look, make]
}

async fn look(State(desk): State<Arc<Desk>>) -> Result<Json<FirstAccountAnswer>, Problem> {
    Ok(Json(FirstAccountAnswer { missing: desk.first_account.is_missing().await? }))
}

async fn make(
    State(desk): State<Arc<Desk>>,
    StrictJson { value, .. }: StrictJson<FirstAccountBody>,
) -> Result<(StatusCode, Json<SignedIn>), Problem> {
    let FirstAccountBody { token, username, name, password } = value;
    let username: Username = username.parse()?;
    let opened = desk.first_account.make(&token, username, name, &password).await?;
    Ok((StatusCode::CREATED, Json(opened.into())))
}
