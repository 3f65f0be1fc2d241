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
        if let Some(why) = unwritable(event) {
            return Err(NotItsOwn::of(event, why));
        }
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

/// Why no bus takes the headers of an event: its client would rather fall than write them.
fn unwritable(event: &Recorded) -> Option<&'static str> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
    };
    let is_value = |value: &str| !value.contains(|letter: char| letter.is_control());
    match event.headers.iter().all(|(name, value)| is_name(name) && is_value(value)) {
        true => None,
        false => Some("a header is none that can be written"),
    }
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
    use std::collections::BTreeMap;

    use chrono::DateTime;
    use proptest::prelude::*;
    use proto_events::codes::Role;
    use proto_events::envelope::Envelope;
    use proto_events::events::{Accepted, Withdrawn};
    use proto_events::ids::CommandId;
    use runtime::log::chain::{Link, sign};
    use runtime::vault::MasterKey;
    use uuid::Uuid;

    use super::super::protocol::{Carried, Deliver, Fetch, Hello};
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

    /// What the center itself has signed, with one header more.
    fn with_header(name: &str, value: &str) -> Recorded {
        let own = site().of_center(&center("donghuashi")).unwrap();
        let fine = written("donghuashi", &withdrawn(), "intake", &own);
        let mut headers = fine.headers;
        headers.add(name, value);
        let mut headers: Vec<(&str, String)> =
            headers.iter().map(|(name, value)| (name, value.to_owned())).collect();
        headers.retain(|(name, _)| *name != header::MAC);
        let digest = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let digest = Digest::of_parts(&fine.subject, digest, &fine.body);
        headers.push((header::MAC, own.mac_of(&digest)));
        let headers = headers.into_iter().collect();
        Recorded { headers, ..fine }
    }

    #[test]
    fn a_header_that_no_bus_takes_is_refused_although_the_center_signed_it() {
        assert_eq!(looked(with_header("ce-more", "a word of a later version")), Ok(0));
        for (name, value) in [
            ("ce-a:b", "x"),
            ("ce-a\r\nNats-Rollup", "sub"),
            ("ce-退休", "x"),
            ("ce-a b", "x"),
            ("", "x"),
            ("ce-a", "x\r\nNats-Rollup: sub"),
            ("ce-a", "x\n"),
            ("ce-a", "\0"),
        ] {
            let told = looked(with_header(name, value)).unwrap_err().to_string();
            assert!(told.contains("header"), "{name:?}: {told}");
        }
    }

    proptest! {
        #[test]
        fn what_was_changed_on_its_way_never_passes(
            part in 0_usize..4, place in any::<prop::sample::Index>(), with in any::<char>(), cuts in any::<bool>(),
        ) {
            let own = site().of_center(&center("donghuashi")).unwrap();
            let fine = Carried::of(&written("donghuashi", &withdrawn(), "intake", &own)).unwrap();
            let change = |text: &mut String| {
                let mut letters: Vec<char> = text.chars().collect();
                let at = place.index(letters.len() + 1);
                match (cuts, at < letters.len()) {
                    (true, true) => drop(letters.remove(at)),
                    (false, true) => letters[at] = with,
                    (_, false) => letters.push(with),
                }
                *text = letters.into_iter().collect();
            };
            let mut changed = fine.clone();
            let field = place.index(changed.headers.len());
            match part {
                0 => change(&mut changed.subject),
                1 => change(&mut changed.body),
                2 => change(&mut changed.headers[field].0),
                _ => change(&mut changed.headers[field].1),
            }
            let now = DateTime::UNIX_EPOCH.fixed_offset();
            let (is_same, changed) = (as_signed(&changed) == as_signed(&fine), changed.put_down(now));
            prop_assert!(is_same || looked(changed.clone()).is_err(), "{:?}", changed);
        }

        #[test]
        fn any_bytes_are_no_question_or_one_that_is_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(serde_json::from_slice::<Hello>(&bytes).is_err());
            prop_assert!(serde_json::from_slice::<Deliver>(&bytes).is_err());
            prop_assert!(serde_json::from_slice::<Fetch>(&bytes).is_err());
        }

        #[test]
        fn any_event_is_looked_at_and_what_passes_can_be_written(
            subject in ".{0,40}", body in ".{0,80}",
            more in prop::collection::vec(("(ce-)?.{0,12}", ".{0,20}"), 0..6),
        ) {
            let own = site().of_center(&center("donghuashi")).unwrap();
            let fine = written("donghuashi", &withdrawn(), "intake", &own);
            let any = Carried { subject, headers: more.clone(), body }.put_down(DateTime::UNIX_EPOCH.fixed_offset());
            prop_assert!(looked(any).is_err());
            for (name, value) in &more {
                let signed = with_header(name, value);
                if looked(signed.clone()).is_ok() {
                    let mut headers = async_nats::HeaderMap::new();
                    signed.headers.iter().for_each(|(name, value)| headers.insert(name, value));
                }
            }
            prop_assert_eq!(looked(fine), Ok(0));
        }
    }

    /// What a signature covers: subject, attributes without the blanks around them, body.
    fn as_signed(event: &Carried) -> (String, BTreeMap<String, String>, String) {
        let mut headers = BTreeMap::new();
        for (name, value) in &event.headers {
            headers.entry(name.clone()).or_insert_with(|| value.trim().to_owned());
        }
        headers.retain(|name, _| name.starts_with("ce-") || name == header::TRACE_PARENT);
        (event.subject.clone(), headers, event.body.clone())
    }
}
