//! Taking a case over: its applicant sealed under a key of its own, its events appended as those of any command.
//!
//! Invariants: the same row again changes nothing, at any distance in time, also after its applicant was forgotten; a case
//! that is there already is left alone; what the retention has ended for is not taken in.

use casework::command::{Actor, Command, Import};
use desk::{Desk, Order, problem};
use proto_events::events::SealedApplicant;
use proto_events::ids::ReceiptCode;
use proto_events::subject::CaseSubject;
use runtime::http::Problem;

use super::Entry;
use crate::applicant::Applicant;
use crate::duplicates;
use crate::open::random;

/// Who takes over, in events and in the audit.
pub const ACTOR: &str = "register-import";

/// What became of a case that was to be taken over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is there now.
    New,
    /// The same row was taken over before.
    Before,
}

/// Takes a case over.
///
/// # Errors
/// The refusal, or that the bus is out of reach.
pub async fn take_over(desk: &Desk, entry: &Entry) -> Result<Taken, Problem> {
    let Entry { case_id, command_id, opened_at, wish, .. } = entry;
    let center = wish.open.center.clone();
    let subject = CaseSubject { center: center.clone(), case_id: *case_id };
    let order = |wish: Import| Order {
        case_id: *case_id,
        center: Some(center.clone()),
        command: Command::Import(Box::new(wish)),
        actor: Actor::system(ACTOR),
        command_id: *command_id,
        command_hash: None,
        if_match: None,
        at: Some(*opened_at),
        causation: None,
        request_id: None,
    };
    // It may be there already, and its key destroyed: then nothing is reserved or sealed again.
    if desk.load(&subject).await?.is_some() {
        let carried = desk.execute(order(wish.clone())).await?;
        debug_assert!(carried.repeated, "another command is refused");
        return Ok(Taken::Before);
    }
    let is_over = super::is_past_retention(wish, &desk.district.rules);
    let nobody = Applicant::nobody(entry.applicant.kind);
    let applicant = if is_over { &nobody } else { &entry.applicant };
    if wish.outcome.is_none() && entry.is_known {
        let (identity, matter) = (applicant.identity(), &wish.open.matter.name);
        duplicates::reserve(desk, &identity, matter, *case_id, &center).await?;
    }
    let key = desk
        .vault
        .create_key(*case_id)
        .await
        .map_err(|error| problem::unavailable("the case's key could not be made", &error))?;
    let sealed = applicant.seal(&key, *case_id).map_err(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the applicant could not be sealed"
        );
        Problem::internal()
    })?;
    let mut wish = wish.clone();
    wish.open.applicant = SealedApplicant { kind: applicant.kind, ..sealed };
    wish.open.receipt_code = ReceiptCode::from_random(random()?);
    let carried = desk.execute_first(order(wish)).await?;
    Ok(if carried.repeated { Taken::Before } else { Taken::New })
}
