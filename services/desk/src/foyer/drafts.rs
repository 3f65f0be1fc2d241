//! `/v1/drafts/{form}`: half-filled forms of the signed-in person.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use proto_events::Timestamp;
use runtime::http::problem::{TOO_LARGE, TOO_MANY_DRAFTS};
use runtime::http::{Operation, Path, Problem, StrictJson};
use runtime::identity::{Account, Signed, Staff};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::drafts::{DRAFT_BYTES_MAX, Draft, DraftError, FormName};
use crate::{Desk, DeskState, problem};

/// A draft.
#[derive(Serialize, JsonSchema)]
struct DraftAnswer {
    /// The form.
    form: String,
    /// When it was last written.
    saved_at: Timestamp,
    /// What was typed, as it was sent.
    body: Map<String, Value>,
}

/// That a draft was kept.
#[derive(Serialize, JsonSchema)]
struct SavedAnswer {
    /// The form.
    form: String,
    /// When it was written.
    saved_at: Timestamp,
}

pub(super) fn routes() -> Router<DeskState> {
    Router::new().route("/v1/drafts/{form}", get(read).put(write).delete(discard))
}

pub(super) fn operations() -> Vec<Operation> {
    let path = "/v1/drafts/{form}";
    vec![
        Operation::new(
            Method::PUT,
            path,
            "drafts",
            "Keeps a half-filled form for three days (草稿)",
        )
        .takes::<Map<String, Value>>()
        .answers::<SavedAnswer>(200)
        .refuses(&["too_many_drafts"]),
        Operation::new(Method::GET, path, "drafts", "Gives a half-filled form back to its person")
            .answers::<DraftAnswer>(200)
            .refuses(&["invalid"]),
        Operation::new(Method::DELETE, path, "drafts", "Throws a half-filled form away")
            .answers_with(204, "application/json")
            .refuses(&["invalid"]),
    ]
}

async fn write(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(name): Path<String>,
    StrictJson { value: body, .. }: StrictJson<Map<String, Value>>,
) -> Result<Json<SavedAnswer>, Problem> {
    let form = form_of(&name)?;
    let owner = owner(&desk, &staff).await?;
    let draft = Draft { saved_at: desk.clock.now(), body };
    desk.drafts.put(&owner, &form, &draft).await.map_err(failed)?;
    Ok(Json(SavedAnswer { form: name, saved_at: desk.local(draft.saved_at) }))
}

async fn read(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(name): Path<String>,
) -> Result<Json<DraftAnswer>, Problem> {
    let form = form_of(&name)?;
    let owner = owner(&desk, &staff).await?;
    let found = desk.drafts.get(&owner, &form).await.map_err(failed)?;
    let Draft { saved_at, body } =
        found.ok_or_else(|| Problem::not_found("there is no draft of this form (没有草稿)"))?;
    Ok(Json(DraftAnswer { form: name, saved_at: desk.local(saved_at), body }))
}

async fn discard(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    desk.drafts.discard(&staff.username, &form_of(&name)?).await.map_err(failed)?;
    Ok(StatusCode::NO_CONTENT)
}

fn form_of(name: &str) -> Result<FormName, Problem> {
    FormName::of(name)
        .ok_or_else(|| Problem::invalid("/form", "must be 1 to 64 of a-z, 0-9, '_' and '-'"))
}

async fn owner(desk: &Desk, staff: &Staff) -> Result<Account, Problem> {
    let account = desk.identity.find(&staff.username).await?;
    account.ok_or_else(|| Problem::unauthenticated("the account is gone"))
}

fn failed(error: DraftError) -> Problem {
    match error {
        DraftError::TooLarge => {
            Problem::of(&TOO_LARGE, error.to_string()).with("bytes_max", DRAFT_BYTES_MAX)
        }
        DraftError::TooMany => Problem::of(&TOO_MANY_DRAFTS, error.to_string()),
        DraftError::Unreachable(_) => problem::unavailable("the drafts are out of reach", &error),
        DraftError::Sealing(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a draft was not sealed");
            Problem::internal()
        }
    }
}
