//! One command on one precedent or improvement: load, decide, append onto what was seen, answer.
//!
//! Invariants: a decision sees the whole history of its subject; a repeated command gives the first answer again; a
//! refused command leaves no event, only an audit line.

use axum::http::StatusCode;
use bytes::Bytes;
use casework::case::Case;
use casework::command::Actor;
use casework::learning::permission::{self, LearningKind};
use casework::learning::{Book, Improvement, LearningContext, Precedent, forbidden};
use casework::refusal::Refusal;
use desk::endpoint::{AnsweredEvent, command_id};
use desk::{Desk, actor_of, decode_learning, problem};
use proto_events::codes::Role;
use proto_events::envelope::{Envelope, header};
use proto_events::ids::{CaseId, CommandId, EventId};
use proto_events::learning::LearningEvent;
use proto_events::subject::LearningSubject;
use runtime::audit::AuditLine;
use runtime::command_loop::{CommandError, Decision, Outcome};
use runtime::http::problem::IDEMPOTENCY_MISMATCH;
use runtime::http::{Problem, RequestId, StrictJson};
use runtime::identity::{Staff, Username};
use runtime::log::{NewEvent, Recorded};

/// Who wishes something, and what makes a repeat harmless.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) actor: Actor,
    pub(crate) command_id: CommandId,
    /// Hash of the request, when it came with an Idempotency-Key.
    pub(crate) hash: Option<String>,
    pub(crate) if_match: Option<u64>,
    pub(crate) request_id: Option<String>,
    /// The event that caused it, in the reaction.
    pub(crate) causation: Option<EventId>,
    /// What is wished, for the audit.
    pub(crate) what: &'static str,
}

/// What a request brings beside its body.
pub(crate) struct Heading {
    pub(crate) key: Option<String>,
    pub(crate) if_match: Option<u64>,
    pub(crate) request_id: RequestId,
    pub(crate) hash: String,
}

impl Asked {
    /// The wish of a signed-in person; `scope` keeps one key on two things apart.
    pub(crate) fn of(
        desk: &Desk,
        staff: &Staff,
        scope: &str,
        what: &'static str,
        heading: Heading,
    ) -> Self {
        let actor = actor_of(staff);
        let Heading { key, if_match, request_id, hash } = heading;
        let scope = format!("{what}/{scope}");
        Self {
            command_id: command_id(desk, &actor.username, &scope, key.as_deref()),
            hash: key.is_some().then_some(hash),
            actor,
            if_match,
            request_id: Some(request_id.as_str().to_owned()),
            causation: None,
            what,
        }
    }
}

/// What was read of a request. Of one that cannot be read, whose role may not wish this anyway learns that, and not what is
/// wrong with it.
///
/// # Errors
/// 403, also written to the audit, or the problem of the body.
pub(crate) async fn read_by<T>(
    desk: &Desk,
    staff: &Staff,
    kind: LearningKind,
    what: &'static str,
    read: Result<StrictJson<T>, Problem>,
) -> Result<StrictJson<T>, Problem> {
    let actor = actor_of(staff);
    match read {
        Err(_) if !permission::may(actor.role, kind) => {
            let problem = of_refusal(forbidden(&actor));
            note_refusal(desk, &actor, what, &problem).await;
            Err(problem)
        }
        read => read,
    }
}

/// What a command led to.
#[derive(Debug)]
pub(crate) struct Carried {
    /// The thing right after the command, in a book of its own.
    pub(crate) book: Book,
    /// Its version.
    pub(crate) version: u64,
    /// What happened.
    pub(crate) events: Vec<AnsweredEvent>,
}

impl Carried {
    /// The precedent that the command was about.
    pub(crate) fn precedent(&self) -> Result<&Precedent, Problem> {
        self.book.precedents.values().next().ok_or_else(Problem::internal)
    }

    /// The improvement that the command was about.
    pub(crate) fn improvement(&self) -> Result<&Improvement, Problem> {
        self.book.improvements.values().next().ok_or_else(Problem::internal)
    }
}

/// Why a decision stopped.
enum Stop {
    Stale(u64),
    Refused(Refusal),
}

/// Carries a wish out; `decide` sees a book with nothing but the thing itself.
///
/// # Errors
/// The problem for the caller: a refusal (also written to the audit), or that the bus is out of reach.
pub(crate) async fn carry_out(
    desk: &Desk,
    subject: LearningSubject,
    asked: &Asked,
    second: Option<&Actor>,
    decide: impl Fn(&Book, &LearningContext<'_>) -> Result<Vec<LearningEvent>, Refusal> + Send + Sync,
) -> Result<Carried, Problem> {
    let now = desk.now();
    let context = LearningContext { now, actor: &asked.actor, second, rules: &desk.district.rules };
    let place = subject.to_subject();
    let decided = desk.learning_commands.run(&place, asked.command_id, |history| {
        let version = history.last().map_or(0, |event| event.sequence);
        if asked.if_match.is_some_and(|expected| expected != version) {
            return Err(Stop::Stale(version));
        }
        let events = decide(&folded(history), &context).map_err(Stop::Refused)?;
        let envelop = |(index, event)| enveloped(desk, subject, asked, event, index);
        let events = events.iter().enumerate().map(envelop).collect();
        Ok(Decision { events, commutes: false })
    });
    let outcome = decided.await.map_err(|error| match error {
        CommandError::Refused(Stop::Stale(version)) => Problem::stale(version),
        CommandError::Refused(Stop::Refused(refusal)) => of_refusal(refusal),
        other => problem::of_failure(other),
    });
    let outcome = audited(desk, asked, outcome).await?;
    answered(asked, &outcome)
}

fn enveloped(
    desk: &Desk,
    subject: LearningSubject,
    asked: &Asked,
    event: &LearningEvent,
    index: usize,
) -> NewEvent {
    let (district, now) = (&desk.district.rules.district, desk.now());
    let id = match subject {
        LearningSubject::Precedent(id) => id.to_string(),
        LearningSubject::Improvement(id) => id.to_string(),
    };
    NewEvent {
        envelope: Envelope {
            id: EventId::of_command(asked.command_id, index),
            source: format!("/{district}/{}", event.kind().service().name()),
            event_type: event.event_type().to_owned(),
            subject: id,
            time: now,
            recorded_at: now,
            actor: asked.actor.username.clone(),
            role: asked.actor.role,
            command_id: asked.command_id,
            command_hash: asked.hash.clone(),
            causation_id: asked.causation,
            correlation_id: asked.request_id.clone(),
            trace_parent: None,
        },
        body: Bytes::from(event.to_body()),
    }
}

fn folded<'a>(history: impl IntoIterator<Item = &'a Recorded>) -> Book {
    let mut book = Book::default();
    for recorded in history {
        match decode_learning(recorded) {
            Ok((subject, meta, event)) => book.evolve(subject, &meta, &event),
            Err(error) => tracing::warn!(
                stream.sequence = error.sequence,
                reason = error.reason,
                "unreadable event"
            ),
        }
    }
    book
}

/// The thing as it stood right after the command, also when it is repeated.
fn answered(asked: &Asked, outcome: &Outcome) -> Result<Carried, Problem> {
    if let (true, Some(first)) = (outcome.repeated, outcome.command_events.first()) {
        let stored = first.headers.get(header::COMMAND_HASH);
        if let (Some(stored), Some(now)) = (stored, &asked.hash)
            && stored != now
        {
            return Err(Problem::of(
                &IDEMPOTENCY_MISMATCH,
                "this Idempotency-Key was used for another request (同一幂等键已用于另一请求)",
            ));
        }
    }
    let last = outcome.command_events.last().map_or(u64::MAX, |event| event.sequence);
    let until = || outcome.history.iter().filter(|event| event.sequence <= last);
    let events = outcome.command_events.iter().filter_map(|recorded| {
        let envelope = recorded.envelope().ok()?;
        Some(AnsweredEvent { id: envelope.id, event_type: envelope.event_type })
    });
    Ok(Carried {
        book: folded(until()),
        version: until().last().map_or(0, |event| event.sequence),
        events: events.collect(),
    })
}

/// Leaves an audit line for what a rule refused to a person.
async fn audited<T>(desk: &Desk, asked: &Asked, outcome: Result<T, Problem>) -> Result<T, Problem> {
    if let Err(problem) = &outcome
        && asked.actor.role != Role::System
        && matches!(
            problem.status,
            StatusCode::FORBIDDEN | StatusCode::CONFLICT | StatusCode::PRECONDITION_FAILED
        )
    {
        note_refusal(desk, &asked.actor, asked.what, problem).await;
    }
    outcome
}

async fn note_refusal(desk: &Desk, actor: &Actor, what: &str, problem: &Problem) {
    let line = AuditLine::new(actor.username.clone(), "refused")
        .role(actor.role)
        .center(actor.center.clone())
        .detail(format!("{what}: {}", problem.code));
    desk.audit.record(line).await;
}

/// A refusal as the caller sees it.
fn of_refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::NotFound => no_such(),
        other => problem::of_refusal(other),
    }
}

/// The answer for what is not there.
pub(crate) fn no_such() -> Problem {
    Problem::not_found("there is no such precedent or improvement (没有这个先例或改进)")
}

/// The case that a wish names at `/case_id`.
///
/// # Errors
/// 422 when there is none, 503 when the bus is out of reach.
pub(crate) async fn case_named(desk: &Desk, case_id: CaseId) -> Result<Case, Problem> {
    let nobody = || Problem::invalid("/case_id", "there is no such case (没有这个案件)");
    let subject = match desk.subject_of(case_id, None).await {
        Ok(subject) => subject,
        Err(problem) if problem.status == StatusCode::NOT_FOUND => return Err(nobody()),
        Err(problem) => return Err(problem),
    };
    desk.load(&subject).await?.ok_or_else(nobody)
}

/// The second person that a wish names; none when there is no such account.
///
/// # Errors
/// 503 when the accounts are out of reach.
pub(crate) async fn second_person(desk: &Desk, name: &str) -> Result<Option<Actor>, Problem> {
    let Ok(username) = name.parse::<Username>() else { return Ok(None) };
    Ok(desk.identity.find_active(&username).await?.as_ref().map(actor_of))
}
