//! Opening a case.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::post;
use casework::command::{Actor, Command, CommandKind, Context, Open};
use casework::decide::{admit_role, decide};
use casework::refusal::{Refusal, RefusalCode};
use chrono::TimeDelta;
use desk::bodies::{Matter, Notice};
use desk::endpoint::{CommandAnswer, command_id, fresh_uuid};
use desk::{Carried, Desk, DeskState, Order, actor_of, problem};
use proto_events::Timestamp;
use proto_events::codes::{Cause, Channel, Complexity, Stage};
use proto_events::events::SealedApplicant;
use proto_events::ids::{CaseId, CenterId, CommandId, RECEIPT_ALPHABET, ReceiptCode};
use proto_events::subject::CaseSubject;
use runtime::audit::AuditLine;
use runtime::http::{IdempotencyKey, Operation, Problem, RequestId, StrictJson};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::applicant::Applicant;
use crate::duplicates;

/// How far a caller's clock may run ahead of ours.
const AHEAD_MAX: TimeDelta = TimeDelta::minutes(5);

/// How far back a case may be written down later, in days: a paper note found after the holidays.
const BACK_DAYS_MAX: i64 = 31;

/// The body of an opening.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenBody {
    /// The center that takes it on.
    pub center: CenterId,
    /// How it came in.
    pub channel: Channel,
    /// The matter.
    pub matter: Matter,
    /// Where it is stuck.
    pub blocked_stage: Stage,
    /// Why, as far as can be told; a category is enough.
    pub cause: Cause,
    /// What the applicant asks for.
    pub demand: String,
    /// What happened so far.
    #[serde(default)]
    pub summary: Option<String>,
    /// Visits in vain.
    pub attempts_before: u32,
    /// How hard it looks.
    pub complexity: Complexity,
    /// The applicant.
    pub applicant: Applicant,
    /// The notice about personal data that was given.
    pub notice: Notice,
    /// When it happened, if it is written down later.
    #[serde(default)]
    pub occurred_at: Option<Timestamp>,
}

pub(crate) fn routes() -> Router<DeskState> {
    Router::new().route("/v1/cases", post(handle))
}

pub(crate) fn operation() -> Operation {
    let codes = [RefusalCode::PiiInText.code(), RefusalCode::DuplicateCase.code()];
    Operation::new(Method::POST, "/v1/cases", "intake", "Opens a case (登记)")
        .command()
        .takes::<OpenBody>()
        .answers::<CommandAnswer>(201)
        .refuses(&codes)
}

async fn handle(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    IdempotencyKey(key): IdempotencyKey,
    request_id: RequestId,
    body: Result<StrictJson<OpenBody>, Problem>,
) -> Result<Response, Problem> {
    let actor = actor_of(&staff);
    if body.is_err()
        && let Err(refusal) = admit_role(&actor, CommandKind::Open)
    {
        return Err(noted(&desk, &actor, problem::of_refusal(refusal)).await);
    }
    let StrictJson { value, hash } = body?;
    let case_id = match &key {
        Some(key) => CaseId::of_key(&value.center, key),
        None => CaseId(fresh_uuid(&desk)),
    };
    let command = command_id(&desk, &actor.username, value.center.as_str(), key.as_deref());
    // The body holds personal data: its hash is keyed, so that nobody can try out names against the log.
    let hash = key.is_some().then(|| desk.vault.master().pseudonym("command", &hash));
    let id = Some(request_id.as_str().to_owned());
    let carried = open(&desk, value, &actor, case_id, command, hash, id).await?;
    let mut answer = CommandAnswer::of(&carried);
    answer.receipt_code = Some(carried.case.receipt_code.clone());
    Ok(answer.respond(StatusCode::CREATED))
}

/// Opens a case: checks, reserves the matter, makes the case's key, seals, appends.
///
/// Idempotent by `case_id`: the same id leads to one case whatever happens in between.
///
/// # Errors
/// The problem for the caller.
pub async fn open(
    desk: &Desk,
    body: OpenBody,
    actor: &Actor,
    case_id: CaseId,
    command_id: CommandId,
    command_hash: Option<String>,
    request_id: Option<String>,
) -> Result<Carried, Problem> {
    let now = desk.now();
    let at = body.occurred_at.map_or(now, |at| at.with_timezone(&desk.district.offset));
    let subject = CaseSubject { center: body.center.clone(), case_id };
    let order = |open| Order {
        case_id,
        center: Some(body.center.clone()),
        command: Command::Open(open),
        actor: actor.clone(),
        command_id,
        command_hash: command_hash.clone(),
        if_match: None,
        at: Some(at),
        causation: None,
        request_id,
    };
    // With a key the case may be there already. Then nothing is checked, reserved or sealed again: its matter may
    // have been taken since, its day be long past, its key destroyed.
    if command_hash.is_some() && desk.load(&subject).await?.is_some() {
        let blank = SealedApplicant { kind: body.applicant.kind, sealed: String::new() };
        let repeat = wish(desk, &body, case_id, at, blank, ReceiptCode::from_random(0));
        return desk.execute(order(repeat)).await;
    }
    if at > now + AHEAD_MAX {
        return Err(Problem::invalid("/occurred_at", "lies in the future (不能晚于现在)"));
    }
    if at < now - TimeDelta::days(BACK_DAYS_MAX) {
        return Err(Problem::invalid(
            "/occurred_at",
            "lies more than 31 days back (不能早于31天前)",
        ));
    }
    let applicant = match check(desk, &body, actor, case_id, at) {
        Ok(applicant) => applicant,
        Err(problem) => return Err(noted(desk, actor, problem).await),
    };
    let identity = applicant.identity();
    let reserved = duplicates::reserve(desk, &identity, &body.matter.name, case_id, &body.center);
    // Side by side, because both wait for the disk. A key without a case is no harm; a case without one would be.
    let (reserved, key) = tokio::join!(reserved, desk.vault.create_key(case_id));
    if let Err(problem) = reserved {
        return Err(noted(desk, actor, problem).await);
    }
    let key =
        key.map_err(|error| problem::unavailable("the case's key could not be made", &error))?;
    let sealed = applicant.seal(&key, case_id).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the applicant could not be sealed"
        );
        Problem::internal()
    })?;
    let receipt_code = ReceiptCode::from_random(random()?);
    let open = wish(desk, &body, case_id, at, sealed, receipt_code);
    desk.execute_first(order(open)).await
}

/// Notes a refusal in the audit, as that of any other command; what is refused here never becomes an order.
async fn noted(desk: &Desk, actor: &Actor, problem: Problem) -> Problem {
    if matches!(problem.status.as_u16(), 403 | 409) {
        let line = AuditLine::new(actor.username.as_str(), "refused")
            .role(actor.role)
            .center(actor.center.clone())
            .detail(format!("{:?}: {}", CommandKind::Open, problem.code));
        desk.audit.record(line).await;
    }
    problem
}

/// Everything that can be refused, before anything is reserved or sealed.
fn check(
    desk: &Desk,
    body: &OpenBody,
    actor: &Actor,
    case_id: CaseId,
    at: Timestamp,
) -> Result<Applicant, Problem> {
    let blank = SealedApplicant { kind: body.applicant.kind, sealed: String::new() };
    let rehearsal = wish(desk, body, case_id, at, blank, ReceiptCode::from_random(0));
    let context = Context { now: at, actor, second: None, rules: &desk.district.rules };
    let decided = decide(None, &Command::Open(rehearsal), &context).map_err(problem::of_refusal);
    let applicant = body.applicant.clone().checked();
    match (decided, applicant) {
        (Ok(_), Ok(applicant)) => match named_in(body, &applicant) {
            Some(pointer) => Err(problem::of_refusal(Refusal::rule(
                RefusalCode::PiiInText,
                format!(
                    "{pointer} contains the applicant's name or address (文字中含有申请人姓名或住址)"
                ),
            ))),
            None => Ok(applicant),
        },
        // One answer with all wrong fields, when both sides found some.
        (Err(mut problem), applicant) => {
            if problem.status == StatusCode::UNPROCESSABLE_ENTITY
                && let Err(faults) = applicant
            {
                problem.errors.extend(faults);
            }
            Err(problem)
        }
        (Ok(_), Err(faults)) => Err(Problem::invalid_fields(faults)),
    }
}

/// Which text of the opening names the applicant: it stays when the person is forgotten.
fn named_in(body: &OpenBody, applicant: &Applicant) -> Option<&'static str> {
    let texts = [
        ("/demand", Some(&body.demand)),
        ("/summary", body.summary.as_ref()),
        ("/matter/name", Some(&body.matter.name)),
    ];
    let named = |text: Option<&String>| text.is_some_and(|text| applicant.is_named_in(text));
    texts.into_iter().find(|(_, text)| named(*text)).map(|(pointer, _)| pointer)
}

fn wish(
    desk: &Desk,
    body: &OpenBody,
    case_id: CaseId,
    at: Timestamp,
    applicant: SealedApplicant,
    receipt_code: ReceiptCode,
) -> Open {
    let code = desk.district.rules.centers.get(&body.center).map_or("", |center| &center.code);
    Open {
        center: body.center.clone(),
        channel: body.channel,
        matter: body.matter.clone().into(),
        blocked_stage: body.blocked_stage,
        cause: body.cause,
        demand: body.demand.clone(),
        summary: body.summary.clone(),
        attempts_before: body.attempts_before,
        complexity: body.complexity,
        applicant,
        notice: body.notice.clone().into(),
        case_no: case_no(code, at, case_id),
        receipt_code,
    }
}

/// The number for people: center, day, and four characters of the id. A counter would need a common place to
/// count, which a center with a broken line does not have; of a center's cases of one day, two share a number
/// once in 900 000.
#[must_use]
pub fn case_no(code: &str, at: Timestamp, case_id: CaseId) -> String {
    let base = RECEIPT_ALPHABET.len() as u128;
    let mut rest = case_id.0.as_u128() % base.pow(4);
    let mut tail = [0_u8; 4];
    for character in &mut tail {
        *character = RECEIPT_ALPHABET[(rest % base) as usize];
        rest /= base;
    }
    let tail: String = tail.iter().map(|byte| char::from(*byte)).collect();
    format!("{code}{}-{tail}", at.format("%Y%m%d"))
}

pub(crate) fn random() -> Result<u64, Problem> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gives no random bytes");
        Problem::internal()
    })?;
    Ok(u64::from_le_bytes(bytes))
}
