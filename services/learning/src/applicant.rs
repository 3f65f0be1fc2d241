//! What is known of a case's applicant, opened for the length of one decision, so that no precedent names him.
//!
//! Invariants: what is read here goes into a comparison and nowhere else; when the key cannot be asked for, nothing is
//! published.

use casework::case::Case;
use desk::{Desk, problem};
use runtime::http::Problem;
use runtime::vault::SealError;
use serde::Deserialize;

/// The parts of the applicant that could stand in a text; numbers are found by their form.
#[derive(Deserialize)]
struct Clear {
    name: String,
    #[serde(default)]
    address: Option<String>,
}

/// The name and the address of the applicant; nothing when he was forgotten.
///
/// # Errors
/// 503 when the key cannot be asked for, 409 `unreadable` when he does not open.
pub(crate) async fn known_of(desk: &Desk, case: &Case) -> Result<Vec<String>, Problem> {
    if case.erased {
        return Ok(Vec::new());
    }
    let key = desk.vault.key(case.case_id).await;
    let key = key.map_err(|error| problem::of_key(&desk.metrics, &error))?;
    let Some(key) = key else { return Ok(Vec::new()) };
    let place = case.case_id.to_string();
    let clear = key.open(&case.applicant.sealed, place.as_bytes());
    let clear = clear
        .and_then(|bytes| serde_json::from_slice::<Clear>(&bytes).map_err(|_| SealError::Damaged));
    let clear = clear.map_err(|error| problem::unreadable(&desk.metrics, case.case_id, &error))?;
    Ok([Some(clear.name), clear.address].into_iter().flatten().collect())
}
