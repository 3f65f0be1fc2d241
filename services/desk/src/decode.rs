//! From a recorded message to an event: envelope, version, data.
//!
//! Invariant: what cannot be read is named with its reason and never dropped here.

use casework::case::{Case, EventMeta};
use proto_events::centers::{self, CenterEvent};
use proto_events::envelope::Envelope;
use proto_events::events::CaseEvent;
use proto_events::ids::CaseId;
use proto_events::subject::{CaseSubject, CenterSubject};
use proto_events::upcast;
use runtime::log::Recorded;

/// A message of a stream that is no readable event of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("event {sequence} on {subject} cannot be read: {reason}")]
pub struct Undecodable {
    /// Its place in the stream.
    pub sequence: u64,
    /// Its subject.
    pub subject: String,
    /// The case, when the subject names one.
    pub case_id: Option<CaseId>,
    /// Why; without data of the event.
    pub reason: String,
}

/// Reads one message.
///
/// # Errors
/// Says why it cannot be read.
pub fn decode(recorded: &Recorded) -> Result<(EventMeta, CaseEvent), Undecodable> {
    let subject = CaseSubject::parse(&recorded.subject);
    let case_id = subject.map(|subject| subject.case_id);
    let fail = |reason: String| Undecodable {
        sequence: recorded.sequence,
        subject: recorded.subject.clone(),
        case_id,
        reason,
    };
    let case_id = case_id.ok_or_else(|| fail("the subject is none of a case".to_owned()))?;
    let envelope = recorded.envelope().map_err(|error| fail(error.to_string()))?;
    let event = upcast::read(&envelope.event_type, &recorded.body).map_err(|error| {
        // The source may quote a value; the kind of fault and its place are enough.
        let place = std::error::Error::source(&error).map(|_| " (see the stored message)");
        fail(format!("{error}{}", place.unwrap_or_default()))
    })?;
    Ok((EventMeta::of(&envelope, case_id, recorded.sequence), event))
}

/// Reads one message of the stream of centers.
///
/// # Errors
/// Says why it cannot be read.
pub fn decode_center(recorded: &Recorded) -> Result<(Envelope, CenterEvent), Undecodable> {
    let fail = |reason: String| Undecodable {
        sequence: recorded.sequence,
        subject: recorded.subject.clone(),
        case_id: None,
        reason,
    };
    let subject = CenterSubject::parse(&recorded.subject)
        .ok_or_else(|| fail("the subject is none of a center".to_owned()))?;
    let envelope = recorded.envelope().map_err(|error| fail(error.to_string()))?;
    let event = centers::read(&envelope.event_type, &recorded.body).map_err(|error| {
        let place = std::error::Error::source(&error).map(|_| " (see the stored message)");
        fail(format!("{error}{}", place.unwrap_or_default()))
    })?;
    if event.center() != subject.center() {
        return Err(fail("the event is about another center than its subject".to_owned()));
    }
    Ok((envelope, event))
}

/// Folds the history of one case, passing over what cannot be read (the projection reports that).
#[must_use]
pub fn fold<'a>(history: impl IntoIterator<Item = &'a Recorded>) -> Option<Case> {
    fold_onto(None, history)
}

/// Folds events onto a case as it stands, passing over what cannot be read.
#[must_use]
pub fn fold_onto<'a>(
    case: Option<Case>,
    events: impl IntoIterator<Item = &'a Recorded>,
) -> Option<Case> {
    events.into_iter().fold(case, |case, recorded| match decode(recorded) {
        Ok((meta, event)) => Case::step(case, &meta, &event),
        Err(error) => {
            tracing::warn!(
                stream.sequence = error.sequence,
                reason = error.reason,
                "unreadable event"
            );
            case
        }
    })
}
