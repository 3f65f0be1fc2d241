//! What the gate looks at before it takes anything: whether an event is one that this center may bring.
//!
//! Invariants: pure; what is refused is refused with all that came with it; a center is believed what it has signed, of its own
//! subjects and about itself, and only what citizens brought and what it counted.

use desk::decode::{decode, decode_center};
use desk::enrolled::Stream;
use proto_events::envelope::header;
use proto_events::events::{CaseEvent, Opened};
use proto_events::ids::{CaseId, CenterId, EventId};
use proto_events::registry::is_of_a_center;
use proto_events::subject::CaseSubject;
use runtime::log::Recorded;
use runtime::log::chain::{Digest, EventKey};
use runtime::log::verify::Judge;

use super::protocol::EVENTS_MAX;

/// An event by which a case was opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) case_id: CaseId,
    pub(crate) event_id: EventId,
    pub(crate) opened: Opened,
}

/// Why an event may not come from this center.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}: {subject} {id}")]
pub(crate) struct NotItsOwn {
    why: String,
    subject: String,
    id: String,
}

impl NotItsOwn {
    /// Names the event.
    pub(crate) fn of(event: &Recorded, why: &str) -> Self {
        let id = event.headers.get(header::ID).unwrap_or_default();
        Self { why: why.to_owned(), subject: event.subject.clone(), id: id.to_owned() }
    }
}

/// Looks at each event; gives the openings among them. `key` is that of the site, from which those of centers follow.
///
/// # Errors
/// The first that may not come.
pub(crate) fn look(
    key: &EventKey,
    center: &CenterId,
    stream: Stream,
    events: &[Recorded],
) -> Result<Vec<Opening>, NotItsOwn> {
    if let Some(beyond) = events.get(EVENTS_MAX) {
        return Err(NotItsOwn::of(beyond, "more events than one message may have"));
    }
    // Of a center everything is signed, from its first event on.
    let mut judge = Judge::behind(key.clone(), Some(0));
    let mut openings = Vec::new();
    for event in events {
        match judge.check(event, &Digest::of(event)) {
            Ok(true) => {}
            Ok(false) => return Err(NotItsOwn::of(event, "nobody signed it")),
            Err(fault) => return Err(NotItsOwn::of(event, &fault.to_string())),
        }
        openings.extend(match stream {
            Stream::Cases => look_at_case(center, event)?,
            Stream::Centers => look_at_center(center, event)?,
        });
    }
    Ok(openings)
}

fn look_at_case(center: &CenterId, event: &Recorded) -> Result<Option<Opening>, NotItsOwn> {
    let say = |why: &str| NotItsOwn::of(event, why);
    let (meta, read) = decode(event).map_err(|error| say(&error.reason))?;
    let is_own =
        CaseSubject::parse(&event.subject).is_some_and(|subject| subject.center == *center);
    let may_come = event.headers.get(header::TYPE).is_some_and(is_of_a_center);
    match read {
        _ if !(is_own && may_come) => Err(say("it is none of this center's")),
        CaseEvent::Opened(opened) if opened.center != *center => {
            Err(say("it opens a case of another center"))
        }
        CaseEvent::Opened(opened) => {
            Ok(Some(Opening { case_id: meta.case_id, event_id: meta.id, opened }))
        }
        _ => Ok(None),
    }
}

fn look_at_center(center: &CenterId, event: &Recorded) -> Result<Option<Opening>, NotItsOwn> {
    let (_, read) = decode_center(event).map_err(|error| NotItsOwn::of(event, &error.reason))?;
    match read.center() == center {
        true => Ok(None),
        false => Err(NotItsOwn::of(event, "it is none of this center's")),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proto_events::codes::Role;
    use proto_events::envelope::Envelope;
    use proto_events::events::{Accepted, Withdrawn};
    use proto_events::ids::CommandId;
    use runtime::log::chain::{Link, sign};
    use runtime::vault::MasterKey;
    use uuid::Uuid;

    use super::*;

    fn center(id: &str) -> CenterId {
        id.parse().unwrap()
    }

    fn site() -> EventKey {
        MasterKey::of_hex(&"a".repeat(64)).unwrap().event_key()
    }

    /// An event as a center writes it, signed under a key.
    fn written(of: &str, event: &CaseEvent, service: &str, key: &EventKey) -> Recorded {
        let case_id = CaseId(Uuid::from_u128(7));
        let subject = CaseSubject { center: center(of), case_id }.to_subject();
        let command_id = CommandId(Uuid::from_u128(8));
        let time = DateTime::UNIX_EPOCH.fixed_offset();
        let envelope = Envelope {
            id: EventId::of_command(command_id, 0),
            source: format!("/dongcheng/{service}/{of}"),
            event_type: event.event_type().to_owned(),
            subject: case_id.to_string(),
            time,
            recorded_at: time,
            actor: "clerk".to_owned(),
            role: Role::Clerk,
            command_id,
            command_hash: None,
            causation_id: None,
            correlation_id: None,
            trace_parent: None,
        };
        let mut headers = envelope.to_headers();
        let body = event.to_body();
        sign(key, &subject, Link::None, &mut headers, &body);
        Recorded {
            sequence: 0,
            subject,
            stored_at: time.to_utc(),
            headers: headers.into_iter().collect(),
            body: body.into(),
        }
    }

    fn withdrawn() -> CaseEvent {
        Withdrawn { reason: "已自行办结".to_owned(), note: None }.into()
    }

    fn looked(event: Recorded) -> Result<usize, NotItsOwn> {
        let found = look(&site(), &center("donghuashi"), Stream::Cases, &[event]);
        found.map(|openings| openings.len())
    }

    #[test]
    fn a_center_brings_its_own_facts_under_its_own_key_and_nothing_else() {
        let own = site().of_center(&center("donghuashi")).unwrap();
        let others = site().of_center(&center("jingshan")).unwrap();
        let fine = written("donghuashi", &withdrawn(), "intake", &own);
        assert_eq!(looked(fine.clone()), Ok(0));
        let department = "hr-public-service".parse().unwrap();
        let accepted = Accepted { department, handler: "somebody".to_owned() }.into();
        let refused = [
            // Of another center, under its own key and under that of the other.
            written("jingshan", &withdrawn(), "intake", &own),
            written("jingshan", &withdrawn(), "intake", &others),
            // Under the key of another, and of what another service writes.
            written("donghuashi", &withdrawn(), "intake", &others),
            written("donghuashi", &accepted, "routing", &own),
            written("donghuashi", &withdrawn(), "routing", &own),
            // Changed, and in the other stream.
            Recorded { body: r#"{"reason":"x"}"#.into(), ..fine.clone() },
            Recorded { headers: [("ce-id", "x")].into_iter().collect(), ..fine.clone() },
        ];
        for event in refused {
            assert!(looked(event.clone()).is_err(), "{event:?}");
        }
        assert!(look(&site(), &center("donghuashi"), Stream::Centers, &[fine]).is_err());
    }
}
