//! Counting questions: one tap at the counter, no person.
//!
//! Invariants: nothing of a tally tells who asked; a repeat with the same Idempotency-Key counts once; what was answered
//! before a day is closed is in its report.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{FromRef, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use bytes::Bytes;
use casework::centers::{CenterContext, Tally, decide_tally, forbidden, may_report_somewhere};
use casework::command::Actor;
use casework::refusal::{Refusal, RefusalCode};
use chrono::NaiveDate;
use desk::endpoint::{AnsweredEvent, command_id};
use desk::{Desk, actor_of, problem};
use proto_events::Timestamp;
use proto_events::centers::{CenterEvent, CenterEventKind, ConsultationOutcome};
use proto_events::codes::Channel;
use proto_events::envelope::Envelope;
use proto_events::ids::{CenterId, CommandId, EventId};
use proto_events::subject::CenterSubject;
use runtime::audit::AuditLine;
use runtime::http::problem::IDEMPOTENCY_MISMATCH;
use runtime::http::{
    IdempotencyKey, Operation, Parameter, ParameterPlace, Problem, RequestId, StrictJson, etag,
    request_schema,
};
use runtime::identity::{Identity, Signed};
use runtime::log::NewEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ledger::{Kept, Ledger};

/// What the handlers of the centers' days stand on.
#[derive(Clone)]
pub(crate) struct Counter {
    pub(crate) desk: Arc<Desk>,
    pub(crate) ledger: Arc<Ledger>,
}

impl FromRef<Counter> for Arc<Identity> {
    fn from_ref(counter: &Counter) -> Self {
        Arc::clone(&counter.desk.identity)
    }
}

/// Questions of one kind.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TallyBody {
    /// The center that was asked.
    center: CenterId,
    /// What was asked about, 1 to 100 characters: the matter's name or a few words; nothing about a person.
    topic: String,
    /// How it came in.
    channel: Channel,
    /// What it led to.
    outcome: ConsultationOutcome,
    /// How many such questions, 1 to 500; one when absent.
    #[serde(default)]
    count: Option<u32>,
    /// On which day, at most seven days back; today when absent.
    #[serde(default)]
    date: Option<NaiveDate>,
}

/// Questions that were counted.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TallyAnswer {
    center: CenterId,
    date: NaiveDate,
    topic: String,
    channel: Channel,
    outcome: ConsultationOutcome,
    count: u32,
    /// Its place in the stream of centers; also the ETag.
    version: u64,
    events: Vec<AnsweredEvent>,
}

pub(crate) fn routes() -> Router<Counter> {
    Router::new().route("/v1/consultations", post(handle))
}

pub(crate) fn operation() -> Operation {
    let codes = [RefusalCode::PiiInText, RefusalCode::DayClosed].map(RefusalCode::code);
    Operation::new(
        Method::POST,
        "/v1/consultations",
        "intake",
        "Counts questions that were answered without a case (咨询计数)",
    )
    .takes::<TallyBody>()
    .answers::<TallyAnswer>(201)
    .refuses(&codes)
    .refuses(&["idempotency_mismatch"])
    .parameter(key_parameter())
}

/// The header that makes a repeat harmless; nothing here is decided on a version, so there is no `If-Match`.
pub(crate) fn key_parameter() -> Parameter {
    Parameter {
        name: "Idempotency-Key",
        place: ParameterPlace::Header,
        is_required: false,
        description: "Makes a repeat harmless: the same key and body get the same answer",
        schema: request_schema::<String>(),
    }
}

async fn handle(
    State(Counter { desk, ledger }): State<Counter>,
    Signed(staff): Signed,
    IdempotencyKey(key): IdempotencyKey,
    request_id: RequestId,
    body: Result<StrictJson<TallyBody>, Problem>,
) -> Result<Response, Problem> {
    let actor = actor_of(&staff);
    if body.is_err() && !may_report_somewhere(&actor) {
        let refused = Err(problem::of_refusal(forbidden(&actor, "any center")));
        ended(&desk, &actor, "tally", refused).await?;
    }
    let StrictJson { value, hash } = body?;
    let scope = format!("{}/consultations", value.center);
    let command_id = command_id(&desk, &actor.username, &scope, key.as_deref());
    let hash = key.is_some().then_some(hash);
    let TallyBody { center, topic, channel, outcome, count, date } = value;
    let tally = Tally { center, topic, channel, outcome, count, date };
    let wish = Wish { command_id, hash, request_id: Some(request_id.as_str().to_owned()) };
    let kept = count_questions(&desk, &ledger, &tally, &actor, wish).await;
    let kept = ended(&desk, &actor, "tally", kept).await?;
    let CenterEvent::ConsultationTallied(event) = kept.event else {
        return Err(Problem::internal());
    };
    let answer = TallyAnswer {
        center: event.center,
        date: event.day,
        topic: event.topic,
        channel: event.channel,
        outcome: event.outcome,
        count: event.count,
        version: kept.sequence,
        events: vec![answered(kept.event_id, CenterEventKind::ConsultationTallied)],
    };
    Ok((StatusCode::CREATED, etag(answer.version), Json(answer)).into_response())
}

pub(crate) fn answered(id: EventId, kind: CenterEventKind) -> AnsweredEvent {
    AnsweredEvent { id, event_type: kind.event_type().to_owned() }
}

/// What a request brings beside its wish.
pub(crate) struct Wish {
    pub(crate) command_id: CommandId,
    pub(crate) hash: Option<String>,
    pub(crate) request_id: Option<String>,
}

pub(crate) async fn count_questions(
    desk: &Desk,
    ledger: &Ledger,
    tally: &Tally,
    actor: &Actor,
    wish: Wish,
) -> Result<Kept, Problem> {
    let now = desk.now();
    let _turn = ledger.tallying().await;
    ledger.catch_up().await?;
    if let Some(kept) = ledger.repeated(wish.command_id) {
        return match (&kept.hash, &wish.hash) {
            (Some(stored), Some(hash)) if stored != hash => Err(Problem::of(
                &IDEMPOTENCY_MISMATCH,
                "this Idempotency-Key was used for another request (同一幂等键已用于另一请求)",
            )),
            _ => Ok(kept),
        };
    }
    let context = CenterContext { now, actor, rules: &desk.district.rules };
    let is_closed = |day| ledger.is_closed(&tally.center, day);
    let event = decide_tally(tally, is_closed, &context).map_err(of_refusal)?;
    let subject = CenterSubject::Consultations(event.center.clone());
    ledger.append(&subject, envelop(desk, event.into(), actor, wish, now)).await
}

/// Puts a fact of a center into its envelope.
pub(crate) fn envelop(
    desk: &Desk,
    event: CenterEvent,
    actor: &Actor,
    wish: Wish,
    now: Timestamp,
) -> NewEvent {
    let district = &desk.district.rules.district;
    let service = event.kind().service().name();
    NewEvent {
        envelope: Envelope {
            id: EventId::of_command(wish.command_id, 0),
            source: format!("/{district}/{service}/{}", event.center()),
            event_type: event.event_type().to_owned(),
            subject: event.center().to_string(),
            time: now,
            recorded_at: now,
            actor: actor.username.clone(),
            role: actor.role,
            command_id: wish.command_id,
            command_hash: wish.hash,
            causation_id: None,
            correlation_id: wish.request_id,
            trace_parent: None,
        },
        body: Bytes::from(event.to_body()),
    }
}

/// A refusal as the caller sees it.
pub(crate) fn of_refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound => Problem::not_found("there is no such center (没有这个中心)"),
        other => problem::of_refusal(other),
    }
}

/// The name of these commands in the figures.
pub(crate) const COMMAND: &str = "center";

/// Counts how a command ended, and leaves an audit line for what a rule refused.
pub(crate) async fn ended(
    desk: &Desk,
    actor: &Actor,
    what: &str,
    outcome: Result<Kept, Problem>,
) -> Result<Kept, Problem> {
    let how = match &outcome {
        Ok(kept) if kept.repeated => "repeated",
        Ok(_) => "appended",
        Err(problem) if problem.status.is_client_error() => "refused",
        Err(problem) if problem.status == StatusCode::SERVICE_UNAVAILABLE => "busy",
        Err(_) => "append_error",
    };
    desk.metrics.command(COMMAND, how);
    if let Err(problem) = &outcome
        && matches!(problem.status, StatusCode::FORBIDDEN | StatusCode::CONFLICT)
    {
        let line = AuditLine::new(actor.username.clone(), "refused")
            .role(actor.role)
            .center(actor.center.clone())
            .detail(format!("{what}: {}", problem.code));
        desk.audit.record(line).await;
    }
    outcome
}
