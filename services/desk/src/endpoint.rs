//! The endpoint of a command: the same way in for every one of them.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use casework::command::{Command, CommandKind};
use casework::refusal::RefusalCode;
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};
use runtime::http::{
    FieldError, IdempotencyKey, IfMatch, Operation, Path, Problem, RequestId, StrictJson, etag,
};
use runtime::identity::{Signed, Staff};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::{Carried, Desk, DeskState, Order, actor_of};

/// The body of a command.
pub trait CommandBody: DeserializeOwned + JsonSchema + Send + 'static {
    /// What is wished with it.
    const KIND: CommandKind;

    /// Makes the wish of it.
    ///
    /// # Errors
    /// The fields that do not fit together.
    fn into_command(self) -> Result<Command, Vec<FieldError>>;
}

/// The body of a command on an item of a case, such as a department's part, which the path names last.
pub trait ItemBody: DeserializeOwned + JsonSchema + Send + 'static {
    /// What is wished with it.
    const KIND: CommandKind;

    /// Makes the wish of it.
    ///
    /// # Errors
    /// 404 when the path names no item, or the fields that do not fit together.
    fn into_command_for(self, item: &str) -> Result<Command, Problem>;
}

/// An event of an answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AnsweredEvent {
    /// Its id.
    pub id: EventId,
    /// Its full type.
    #[serde(rename = "type")]
    pub event_type: String,
}

/// The answer to a command.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CommandAnswer {
    /// The case.
    pub case_id: CaseId,
    /// Its number.
    pub case_no: String,
    /// Where it stands.
    pub state: CaseState,
    /// Stream sequence of its last event; also the ETag.
    pub version: u64,
    /// The promise.
    pub due_at: Timestamp,
    /// What the command led to.
    pub events: Vec<AnsweredEvent>,
    /// The code on the receipt; in the answer to an opening only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt_code: Option<ReceiptCode>,
}

impl CommandAnswer {
    /// The answer of what was carried out.
    #[must_use]
    pub fn of(carried: &Carried) -> Self {
        let case = &carried.case;
        Self {
            case_id: case.case_id,
            case_no: case.case_no.clone(),
            state: case.state,
            version: case.version,
            due_at: case.due_at,
            events: carried
                .events
                .iter()
                .map(|(id, event)| AnsweredEvent {
                    id: *id,
                    event_type: event.event_type().to_owned(),
                })
                .collect(),
            receipt_code: None,
        }
    }

    /// The HTTP response, with its ETag.
    #[must_use]
    pub fn respond(self, status: StatusCode) -> Response {
        (status, etag(self.version), Json(self)).into_response()
    }
}

/// The id of a command: of its Idempotency-Key, or a fresh one.
#[must_use]
pub fn command_id(desk: &Desk, actor: &str, scope: &str, key: Option<&str>) -> CommandId {
    match key {
        // The scope keeps one key on two cases apart: a caller may number its requests per case.
        Some(key) => CommandId::of_key(actor, &format!("{scope}/{key}")),
        None => CommandId(fresh_uuid(desk)),
    }
}

/// A fresh id, ordered by time.
#[must_use]
pub fn fresh_uuid(desk: &Desk) -> Uuid {
    let now = desk.clock.now();
    let seconds = u64::try_from(now.timestamp()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, now.timestamp_subsec_nanos()))
}

/// Reads a case id of a path; what is none names no case.
///
/// # Errors
/// 404.
pub fn case_id(text: &str) -> Result<CaseId, Problem> {
    text.parse().map_err(|_| Problem::not_found("there is no such case (没有这个案件)"))
}

async fn give<B: CommandBody>(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<B>, Problem>,
) -> Result<Response, Problem> {
    let read = body.and_then(|StrictJson { value, hash }| {
        Ok((value.into_command().map_err(Problem::invalid_fields)?, hash))
    });
    let (command, hash) = read_by(&desk, &staff, B::KIND, &id, read).await?;
    let asked = Asked { staff: &staff, id: &id, key, hash: &hash, if_match, request_id };
    carry_out(&desk, asked, command).await
}

async fn give_to_item<B: ItemBody>(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path((id, item)): Path<(String, String)>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<B>, Problem>,
) -> Result<Response, Problem> {
    let read =
        body.and_then(|StrictJson { value, hash }| Ok((value.into_command_for(&item)?, hash)));
    let (command, hash) = read_by(&desk, &staff, B::KIND, &id, read).await?;
    // The item belongs to the request: one key for two of them is a slip.
    let hash = format!("{item}-{hash}");
    let asked = Asked { staff: &staff, id: &id, key, hash: &hash, if_match, request_id };
    carry_out(&desk, asked, command).await
}

/// What was read of a request. Of one that cannot be read, who may not wish this on this case anyway learns that, and not
/// what is wrong with it.
///
/// # Errors
/// 403, or the problem of the body.
pub async fn read_by<T>(
    desk: &Desk,
    staff: &Staff,
    kind: CommandKind,
    id: &str,
    read: Result<T, Problem>,
) -> Result<T, Problem> {
    match read {
        Ok(read) => Ok(read),
        Err(problem) => {
            desk.admit(&actor_of(staff), kind, case_id(id)?).await?;
            Err(problem)
        }
    }
}

/// Everything of a request besides its wish.
pub struct Asked<'a> {
    /// Who asks.
    pub staff: &'a Staff,
    /// The case, as it stands in the path.
    pub id: &'a str,
    /// The Idempotency-Key.
    pub key: Option<String>,
    /// A hash of the body.
    pub hash: &'a str,
    /// The version that the caller decided on.
    pub if_match: Option<u64>,
    /// The request, for the chain.
    pub request_id: RequestId,
}

/// Carries a wish out and answers.
///
/// # Errors
/// The problem for the caller.
pub async fn carry_out(
    desk: &Desk,
    asked: Asked<'_>,
    command: Command,
) -> Result<Response, Problem> {
    let actor = actor_of(asked.staff);
    let command_id = command_id(desk, &actor.username, asked.id, asked.key.as_deref());
    let order = Order {
        case_id: case_id(asked.id)?,
        center: None,
        command_hash: asked.key.is_some().then(|| format!("{:?}-{}", command.kind(), asked.hash)),
        command,
        actor,
        command_id,
        if_match: asked.if_match,
        at: None,
        causation: None,
        request_id: Some(asked.request_id.as_str().to_owned()),
    };
    let carried = desk.execute(order).await?;
    Ok(CommandAnswer::of(&carried).respond(StatusCode::OK))
}

/// The routes of a service, gathered with their documents.
#[derive(Default)]
pub struct Endpoints {
    router: Router<DeskState>,
    operations: Vec<Operation>,
}

impl Endpoints {
    /// Adds the endpoint of a command on a case.
    #[must_use]
    pub fn command<B: CommandBody>(
        mut self,
        path: &'static str,
        tag: &'static str,
        summary: &'static str,
        refuses: &[RefusalCode],
    ) -> Self {
        self.router = self.router.route(path, post(give::<B>));
        self.documented::<B>(path, tag, summary, refuses)
    }

    /// Adds the endpoint of a command on an item of a case; the path has a second parameter.
    #[must_use]
    pub fn item_command<B: ItemBody>(
        mut self,
        path: &'static str,
        tag: &'static str,
        summary: &'static str,
        refuses: &[RefusalCode],
    ) -> Self {
        self.router = self.router.route(path, post(give_to_item::<B>));
        self.documented::<B>(path, tag, summary, refuses)
    }

    /// Adds a command whose route needs a handler of its own.
    #[must_use]
    pub fn special_command<B: JsonSchema>(
        mut self,
        path: &'static str,
        handler: MethodRouter<DeskState>,
        tag: &'static str,
        summary: &'static str,
        refuses: &[RefusalCode],
    ) -> Self {
        self.router = self.router.route(path, handler);
        self.documented::<B>(path, tag, summary, refuses)
    }

    fn documented<B: JsonSchema>(
        mut self,
        path: &'static str,
        tag: &'static str,
        summary: &'static str,
        refuses: &[RefusalCode],
    ) -> Self {
        let mut codes: Vec<&'static str> = refuses.iter().map(|code| code.code()).collect();
        codes.push(RefusalCode::WrongState.code());
        self.operations.push(
            Operation::new(Method::POST, path, tag, summary)
                .command()
                .takes::<B>()
                .answers::<CommandAnswer>(200)
                .refuses(&codes),
        );
        self
    }

    /// Adds any other route.
    #[must_use]
    pub fn route(mut self, router: Router<DeskState>, operation: Operation) -> Self {
        self.router = self.router.merge(router);
        self.operations.push(operation);
        self
    }

    /// The documents alone.
    #[must_use]
    pub fn operations(self) -> Vec<Operation> {
        self.operations
    }

    /// Ends: the routes with their state, and the documents.
    pub fn finish(self, desk: &Arc<Desk>) -> (Router, Vec<Operation>) {
        (self.router.with_state(DeskState(Arc::clone(desk))), self.operations)
    }
}
