//! Corrections (更正): what was written down wrongly is put right by an event; history is never edited.
//!
//! Invariant: a personal field is opened, changed and sealed anew inside this handler; the event carries ciphertext
//! only. Two corrections at once do not undo each other: each is decided on the version that it has read.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use casework::case::Case;
use casework::command::{Command, CommandKind, CorrectedField, PersonalField};
use desk::endpoint::{Asked, carry_out, case_id, read_by};
use desk::{Desk, DeskState, problem};
use proto_events::codes::Care;
use proto_events::ids::CaseId;
use runtime::http::{FieldError, IdempotencyKey, IfMatch, Path, Problem, RequestId, StrictJson};
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::applicant::Applicant;
use crate::duplicates;

/// Tries against others who change the same case at the same moment.
const TRIES_MAX: usize = 4;

/// The body of a correction.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Correction {
    /// Which field: `demand`, `summary`, `matter`, `blocked_stage`, `channel`, `attempts_before`, or of the applicant
    /// `name`, `phone`, `id_number`, `address`, `care`.
    field: String,
    /// The right value: a text, a number, for `care` a list of codes; null empties what may be empty.
    #[serde(default)]
    value: Value,
    /// Why.
    reason: String,
}

pub(crate) fn handler() -> MethodRouter<DeskState> {
    post(handle)
}

async fn handle(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(id): Path<String>,
    IdempotencyKey(key): IdempotencyKey,
    IfMatch(if_match): IfMatch,
    request_id: RequestId,
    body: Result<StrictJson<Correction>, Problem>,
) -> Result<Response, Problem> {
    let read = read_by(&desk, &staff, CommandKind::Correct, &id, body).await?;
    let StrictJson { value: body, hash } = read;
    let Some(field) = CorrectedField::of_name(&body.field) else {
        let names: Vec<&str> = CorrectedField::ALL.iter().map(|field| field.name()).collect();
        return Err(Problem::invalid("/field", format!("one of {}", names.join(", "))));
    };
    // The body may hold personal data: its hash is keyed, so that nobody can try out names against the log.
    let hash = desk.vault.master().pseudonym("command", &hash);
    let asked = |if_match| Asked {
        staff: &staff,
        id: &id,
        key: key.clone(),
        hash: &hash,
        if_match,
        request_id: request_id.clone(),
    };
    let CorrectedField::Personal(personal) = field else {
        let value = plain(&body.value)?;
        let command = Command::Correct { field, value, sealed: None, reason: body.reason };
        return carry_out(&desk, asked(if_match), command).await;
    };
    for _ in 0..TRIES_MAX {
        let change = reseal(&desk, case_id(&id)?, personal, &body.value).await?;
        let command = Command::Correct {
            field,
            value: None,
            sealed: change.sealed.clone(),
            reason: body.reason.clone(),
        };
        match carry_out(&desk, asked(if_match.or(Some(change.version))), command).await {
            // Only a version that this handler chose itself is tried again.
            Err(problem) if problem.code == "stale" && if_match.is_none() => {}
            Ok(answer) => {
                change.reserve(&desk).await;
                return Ok(answer);
            }
            refused => return refused,
        }
    }
    Err(Problem::busy("the case is being changed by others at this moment"))
}

/// A value that may stand in an event in clear.
fn plain(value: &Value) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Number(number) => Ok(Some(number.to_string())),
        _ => Err(Problem::invalid("/value", "a text or a number")),
    }
}

struct Resealed {
    /// None when the person was erased; the rules refuse it.
    sealed: Option<String>,
    version: u64,
    /// Who has which open matter from now on, when that changes.
    identity: Option<String>,
    case: Case,
}

impl Resealed {
    /// Reserves the matter for the corrected person, once the correction stands: a reservation that no event of the case
    /// explains could not be found again when the person is forgotten. Where he has the matter open twice, the correction
    /// stands all the same: what is true is written down.
    async fn reserve(&self, desk: &Desk) {
        let Some(identity) = &self.identity else { return };
        let Case { case_id, center, matter, .. } = &self.case;
        let _ = duplicates::reserve(desk, identity, &matter.name, *case_id, center).await;
    }
}

/// Opens the applicant, changes one field, and seals him anew.
async fn reseal(
    desk: &Desk,
    case_id: CaseId,
    field: PersonalField,
    value: &Value,
) -> Result<Resealed, Problem> {
    let subject = desk.subject_of(case_id, None).await?;
    let case = desk
        .load(&subject)
        .await?
        .ok_or_else(|| Problem::not_found("there is no such case (没有这个案件)"))?;
    let no_key = |error| problem::of_key(&desk.metrics, &error);
    let key = match desk.vault.key(case_id).await.map_err(no_key)? {
        Some(key) if !case.erased => key,
        _ => return Ok(Resealed { sealed: None, version: case.version, identity: None, case }),
    };
    let mut applicant = Applicant::open(&case.applicant, &key, case_id)
        .map_err(|error| problem::unreadable(&desk.metrics, case_id, &error))?;
    change(&mut applicant, field, value).map_err(|fault| Problem::invalid_fields(vec![fault]))?;
    let applicant = applicant.checked().map_err(|faults| {
        let named = |fault: FieldError| FieldError { pointer: "/value".to_owned(), ..fault };
        Problem::invalid_fields(faults.into_iter().map(named).collect())
    })?;
    let identifies = matches!(field, PersonalField::Name | PersonalField::Phone);
    let identity = (case.is_open() && identifies).then(|| applicant.identity());
    let sealed = applicant.seal(&key, case_id).map_err(|error| {
        let error: &dyn std::error::Error = &error;
        tracing::error!(case.id = %case_id, error, "the applicant could not be sealed");
        Problem::internal()
    })?;
    Ok(Resealed { sealed: Some(sealed.sealed), version: case.version, identity, case })
}

fn change(
    applicant: &mut Applicant,
    field: PersonalField,
    value: &Value,
) -> Result<(), FieldError> {
    let fault = |detail: &str| FieldError { pointer: "/value".into(), detail: detail.into() };
    let text = || match value {
        Value::String(text) => Ok(Some(text.clone())),
        Value::Null => Ok(None),
        _ => Err(fault("a text")),
    };
    match field {
        PersonalField::Name => applicant.name = text()?.unwrap_or_default(),
        PersonalField::Phone => applicant.phone = text()?.unwrap_or_default(),
        PersonalField::IdNumber => applicant.id_number = text()?,
        PersonalField::Address => applicant.address = text()?,
        PersonalField::Care => {
            applicant.care = Vec::<Care>::deserialize(value)
                .map_err(|_| fault("a list of elderly, disabled, veteran, low_income, minor"))?;
        }
    }
    Ok(())
}
