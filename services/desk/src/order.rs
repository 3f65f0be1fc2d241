//! One command on one case, carried out.

use bytes::Bytes;
use casework::case::Case;
use casework::command::{Actor, Command, CommandKind, Context};
use casework::decide::{admit, admit_role, decide};
use casework::refusal::Refusal;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::envelope::Envelope;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CenterId, CommandId, EventId};
use proto_events::subject::CaseSubject;
use runtime::audit::AuditLine;
use runtime::command_loop::{CommandError, Decision, Outcome};
use runtime::http::Problem;
use runtime::http::problem::IDEMPOTENCY_MISMATCH;
use runtime::identity::Username;
use runtime::log::{Freshness, NewEvent, Recorded};

use crate::decode::{decode, fold, fold_onto};
use crate::{Desk, actor_of, problem};

/// A command on its way to a case.
#[derive(Debug, Clone)]
pub struct Order {
    /// The case.
    pub case_id: CaseId,
    /// Its center, where known; found on the bus otherwise.
    pub center: Option<CenterId>,
    /// The wish.
    pub command: Command,
    /// Who wishes it.
    pub actor: Actor,
    /// What makes a repeat harmless.
    pub command_id: CommandId,
    /// Hash of the request, when it came with an Idempotency-Key.
    pub command_hash: Option<String>,
    /// The version that the caller decided on.
    pub if_match: Option<u64>,
    /// When it happened; none: now.
    pub at: Option<Timestamp>,
    /// The event that caused it, in a reaction.
    pub causation: Option<EventId>,
    /// The request, for the chain.
    pub request_id: Option<String>,
}

impl Order {
    /// Orders a command of the timer or a reaction.
    #[must_use]
    pub fn of_system(name: &str, case_id: CaseId, command: Command, command_id: CommandId) -> Self {
        Self {
            case_id,
            center: None,
            command,
            actor: Actor::system(name),
            command_id,
            command_hash: None,
            if_match: None,
            at: None,
            causation: None,
            request_id: None,
        }
    }
}

/// What a command led to.
#[derive(Debug, Clone)]
pub struct Carried {
    /// The case after it.
    pub case: Case,
    /// Its events; none when it was already true.
    pub events: Vec<(EventId, CaseEvent)>,
    /// Whether it had been carried out before.
    pub repeated: bool,
}

/// Why a decision stopped.
enum Stop {
    Stale(u64),
    Refused(Refusal),
}

impl Desk {
    /// Carries out a command: loads the case, decides, appends, and says how the case stands.
    ///
    /// # Errors
    /// The problem for the caller: a refusal (also written to the audit), or that the bus is out of reach.
    pub async fn execute(&self, order: Order) -> Result<Carried, Problem> {
        self.execute_from(order, false).await
    }

    /// Carries out the command that opens a case whose id is new: there is nothing to load.
    ///
    /// # Errors
    /// As [`Desk::execute`].
    pub async fn execute_first(&self, order: Order) -> Result<Carried, Problem> {
        self.execute_from(order, true).await
    }

    async fn execute_from(&self, order: Order, is_first: bool) -> Result<Carried, Problem> {
        let result = self.carry_out(&order, is_first).await;
        if let Err(problem) = &result
            && order.actor.role != Role::System
            && matches!(problem.status.as_u16(), 403 | 409 | 412)
        {
            self.note_refusal(&order.actor, order.case_id, order.command.kind(), problem).await;
        }
        result
    }

    async fn note_refusal(
        &self,
        actor: &Actor,
        case_id: CaseId,
        kind: CommandKind,
        problem: &Problem,
    ) {
        let line = AuditLine::new(actor.username.clone(), "refused")
            .role(actor.role)
            .case(case_id)
            .center(actor.center.clone())
            .detail(format!("{kind:?}: {}", problem.code));
        self.audit.record(line).await;
    }

    /// Refuses whom no command of this kind on this case would be let through, whatever it says; what
    /// [`Desk::execute`] asks as well, for a request that never becomes an order.
    ///
    /// # Errors
    /// 403, also written to the audit; 404 when there is no such case; 503 when the bus is out of reach.
    pub async fn admit(
        &self,
        actor: &Actor,
        kind: CommandKind,
        case_id: CaseId,
    ) -> Result<(), Problem> {
        let admitted = match admit_role(actor, kind) {
            Ok(()) => {
                let subject = self.subject_of(case_id, None).await?;
                let case = self.load(&subject).await?;
                case.ok_or(Refusal::NotFound).and_then(|case| admit(&case, actor, kind))
            }
            refused => refused,
        };
        let Err(refusal) = admitted else { return Ok(()) };
        let problem = problem::of_refusal(refusal);
        if problem.status.as_u16() == 403 {
            self.note_refusal(actor, case_id, kind, &problem).await;
        }
        Err(problem)
    }

    async fn carry_out(&self, order: &Order, is_first: bool) -> Result<Carried, Problem> {
        let subject = self.subject_of(order.case_id, order.center.as_ref()).await?;
        let second = self.second_person(&order.command).await?;
        let recorded_at = self.now();
        let now = order.at.unwrap_or(recorded_at);
        let rules = &self.district.rules;
        let context = Context { now, actor: &order.actor, second: second.as_ref(), rules };
        // The case that the last decision saw, and how many events had made it.
        let mut seen: (usize, Option<Case>) = (0, None);
        let decided = |history: &[Recorded]| {
            seen = (history.len(), fold(history));
            let case = seen.1.as_ref();
            let opens = matches!(order.command, Command::Open(_) | Command::Import(_));
            if case.is_none() && !opens {
                return Err(Stop::Refused(Refusal::NotFound));
            }
            let version = history.last().map_or(0, |event| event.sequence);
            if let Some(expected) = order.if_match
                && expected != version
            {
                return Err(Stop::Stale(version));
            }
            let events = decide(case, &order.command, &context).map_err(Stop::Refused)?;
            let commutes = !events.is_empty() && events.iter().all(CaseEvent::commutes);
            let new = |(index, event): (usize, &CaseEvent)| {
                self.envelop(order, &subject, event, index, now, recorded_at)
            };
            Ok(Decision { events: events.iter().enumerate().map(new).collect(), commutes })
        };
        let name = subject.to_subject();
        let outcome = match is_first {
            true => self.commands.run_first(&name, order.command_id, decided).await,
            false => self.commands.run(&name, order.command_id, decided).await,
        };
        let outcome = outcome.map_err(|error| match error {
            CommandError::Refused(Stop::Stale(version)) => Problem::stale(version),
            CommandError::Refused(Stop::Refused(refusal)) => problem::of_refusal(refusal),
            other => problem::of_failure(other),
        })?;
        carried(order, &outcome, seen)
    }

    fn envelop(
        &self,
        order: &Order,
        subject: &CaseSubject,
        event: &CaseEvent,
        index: usize,
        time: Timestamp,
        recorded_at: Timestamp,
    ) -> NewEvent {
        let district = &self.district.rules.district;
        let service = event.kind().service().name();
        NewEvent {
            envelope: Envelope {
                id: EventId::of_command(order.command_id, index),
                source: format!("/{district}/{service}/{}", subject.center),
                event_type: event.event_type().to_owned(),
                subject: subject.case_id.to_string(),
                time,
                recorded_at,
                actor: order.actor.username.clone(),
                role: order.actor.role,
                command_id: order.command_id,
                command_hash: order.command_hash.clone(),
                causation_id: order.causation,
                correlation_id: order.request_id.clone(),
                trace_parent: None,
            },
            body: Bytes::from(event.to_body()),
        }
    }

    /// Finds the subject of a case. Without its center: remembered, else one read of the bus.
    ///
    /// # Errors
    /// 404 when there is no such case, 503 when the bus is out of reach.
    pub async fn subject_of(
        &self,
        case_id: CaseId,
        center: Option<&CenterId>,
    ) -> Result<CaseSubject, Problem> {
        if let Some(center) = center.cloned().or_else(|| self.remembered_center(case_id)) {
            return Ok(CaseSubject { center, case_id });
        }
        let found = self
            .log
            .locate(&format!("case.*.{case_id}"))
            .await
            .map_err(|error| problem::unavailable("a case could not be looked for", &error))?;
        let subject = found
            .as_deref()
            .and_then(CaseSubject::parse)
            .ok_or_else(|| Problem::not_found("there is no such case (没有这个案件)"))?;
        self.remember_center(case_id, &subject.center);
        Ok(subject)
    }

    /// Reads a case from the log, as its events have made it; `None` when it has none.
    ///
    /// # Errors
    /// 503 when the bus is out of reach.
    pub async fn load(&self, subject: &CaseSubject) -> Result<Option<Case>, Problem> {
        let history = self
            .log
            .load(&subject.to_subject(), Freshness::Leader)
            .await
            .map_err(|error| problem::unavailable("a case could not be read", &error))?;
        Ok(fold(&history))
    }

    async fn second_person(&self, command: &Command) -> Result<Option<Actor>, Problem> {
        let Some((username, _)) = command.second_person() else { return Ok(None) };
        let Ok(username) = username.parse::<Username>() else { return Ok(None) };
        Ok(self.identity.find_active(&username).await?.as_ref().map(actor_of))
    }
}

/// The answer to a command: the case as it stood right after its events, also when it is repeated.
///
/// `seen` is the case that was decided on, with the number of its events.
fn carried(
    order: &Order,
    outcome: &Outcome,
    seen: (usize, Option<Case>),
) -> Result<Carried, Problem> {
    let case = if outcome.repeated {
        refuse_another_body(order, &outcome.command_events)?;
        let last = outcome.command_events.last().map_or(u64::MAX, |event| event.sequence);
        fold(outcome.history.iter().filter(|event| event.sequence <= last))
    } else {
        // What was decided on is known; only the new events are folded.
        let (count, case) = seen;
        fold_onto(case, outcome.history.iter().skip(count))
    };
    let case = case.ok_or_else(|| Problem::not_found("there is no such case (没有这个案件)"))?;
    if outcome.command_events.is_empty() && matches!(order.command, Command::Open(_)) {
        // The key was used before, by somebody else: the same case, if it was the same request.
        refuse_another_body(order, &outcome.history)?;
    }
    let mut events = Vec::new();
    for recorded in &outcome.command_events {
        if let Ok((meta, event)) = decode(recorded) {
            events.push((meta.id, event));
        }
    }
    Ok(Carried { case, events, repeated: outcome.repeated })
}

fn refuse_another_body(order: &Order, recorded: &[Recorded]) -> Result<(), Problem> {
    let stored = recorded
        .first()
        .and_then(|event| event.headers.get(proto_events::envelope::header::COMMAND_HASH));
    match (stored, &order.command_hash) {
        (Some(stored), Some(now)) if stored != now => Err(Problem::of(
            &IDEMPOTENCY_MISMATCH,
            "this Idempotency-Key was used for another request (同一幂等键已用于另一请求)",
        )),
        _ => Ok(()),
    }
}
