//! One open case per applicant and matter, across all centers of the district.
//!
//! A reservation in a bucket, made before the case is written: the log knows one case at a time. The key is a
//! keyed hash; nobody can guess a person from it. A reservation of a case that ended, or that never came to be,
//! is taken over.

use casework::refusal::RefusalCode;
use chrono::{DateTime, TimeDelta, Utc};
use desk::{Desk, problem};
use proto_events::ids::{CaseId, CenterId};
use proto_events::subject::CaseSubject;
use runtime::http::Problem;
use runtime::kv::KvError;
use serde::{Deserialize, Serialize};

/// How long a reservation without a case is believed: above the longest opening, below anybody's patience.
const RESERVED_MAX: TimeDelta = TimeDelta::seconds(30);

/// Tries against others who reserve the same at the same moment.
const TRIES_MAX: usize = 4;

#[derive(Debug, Serialize, Deserialize)]
struct Reservation {
    case_id: CaseId,
    center: CenterId,
    at: DateTime<Utc>,
}

/// Reserves the matter of an applicant for a case, or says which open case has it.
pub(crate) async fn reserve(
    desk: &Desk,
    identity: &str,
    matter: &str,
    case_id: CaseId,
    center: &CenterId,
) -> Result<(), Problem> {
    let key = key_of(desk, identity, matter);
    let now = desk.clock.now();
    let wanted = Reservation { case_id, center: center.clone(), at: now };
    let value = || bytes::Bytes::from(serde_json::to_vec(&wanted).expect("ids are always JSON"));
    let failed = |error: KvError| problem::unavailable("a matter could not be reserved", &error);
    for _ in 0..TRIES_MAX {
        if desk.open_matters.create(&key, value()).await.map_err(failed)? {
            return Ok(());
        }
        let found = desk.open_matters.find_at_leader(&key).await.map_err(failed)?;
        let Some((stored, revision)) = found.value() else { continue };
        // A reservation that cannot be read protects nobody; it is taken over.
        let Ok(other) = serde_json::from_slice::<Reservation>(&stored) else {
            if desk.open_matters.replace(&key, value(), revision).await.map_err(failed)? {
                return Ok(());
            }
            continue;
        };
        if other.case_id == case_id {
            return Ok(());
        }
        let subject = CaseSubject { center: other.center.clone(), case_id: other.case_id };
        match desk.load(&subject).await? {
            Some(case) if case.is_open() => return Err(duplicate(&case.case_no, other.case_id)),
            None if now - other.at < RESERVED_MAX && now >= other.at => {
                return Err(Problem::busy("the same matter is being registered at this moment"));
            }
            _ => {
                if desk.open_matters.replace(&key, value(), revision).await.map_err(failed)? {
                    return Ok(());
                }
            }
        }
    }
    Err(Problem::busy("the same matter is being registered at this moment"))
}

/// Takes a case out of the reservation of its matter, when its applicant is forgotten: the case that a person had cannot
/// be found by the person any more. One that another case has taken over since stays.
pub(crate) async fn release(
    desk: &Desk,
    identity: &str,
    matter: &str,
    case_id: CaseId,
) -> Result<(), KvError> {
    let key = key_of(desk, identity, matter);
    let found = desk.open_matters.find_at_leader(&key).await?;
    let Some((stored, revision)) = found.value() else { return Ok(()) };
    let is_its_own = serde_json::from_slice::<Reservation>(&stored)
        .is_ok_and(|reservation| reservation.case_id == case_id);
    if is_its_own {
        // Whoever replaced it meanwhile has it; what is no reservation protects nobody.
        desk.open_matters.replace(&key, bytes::Bytes::new(), revision).await?;
    }
    Ok(())
}

fn key_of(desk: &Desk, identity: &str, matter: &str) -> String {
    desk.vault.master().pseudonym("open-matter", &format!("{identity}\u{0}{}", matter.trim()))
}

fn duplicate(case_no: &str, case_id: CaseId) -> Problem {
    let code = RefusalCode::DuplicateCase;
    let detail = format!(
        "the same applicant has case {case_no} ({case_id}) about the same matter open (同一事项已在办：{case_no})"
    );
    Problem::conflict(code.code(), code.page().1, detail)
        .with("case_id", case_id.to_string())
        .with("case_no", case_no)
}
