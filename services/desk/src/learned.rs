//! From a recorded message to what the district learned.
//!
//! Invariant: what cannot be read is named with its reason and never dropped here.

use casework::learning::LearningMeta;
use proto_events::learning::{self, LearningEvent};
use proto_events::subject::LearningSubject;
use runtime::log::Recorded;

use crate::Undecodable;

/// Reads one message of the stream of what the district learns.
///
/// # Errors
/// Says why it cannot be read.
pub fn decode_learning(
    recorded: &Recorded,
) -> Result<(LearningSubject, LearningMeta, LearningEvent), Undecodable> {
    let fail = |reason: String| Undecodable {
        sequence: recorded.sequence,
        subject: recorded.subject.clone(),
        case_id: None,
        reason,
    };
    let subject = LearningSubject::parse(&recorded.subject)
        .ok_or_else(|| fail("the subject is none of a precedent or an improvement".to_owned()))?;
    let envelope = recorded.envelope().map_err(|error| fail(error.to_string()))?;
    let event = learning::read(&envelope.event_type, &recorded.body).map_err(|error| {
        let place = std::error::Error::source(&error).map(|_| " (see the stored message)");
        fail(format!("{error}{}", place.unwrap_or_default()))
    })?;
    let first = match subject {
        LearningSubject::Precedent(_) => "precedent",
        LearningSubject::Improvement(_) => "improvement",
    };
    if !event.kind().is_of(first) {
        return Err(fail("the event is of another thing than its subject".to_owned()));
    }
    Ok((subject, LearningMeta::of(&envelope, recorded.sequence), event))
}
