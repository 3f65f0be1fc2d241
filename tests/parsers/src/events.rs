//! What comes from the bus: events, their envelopes, subjects; and the code that people read from a receipt.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proto_events::envelope::{Envelope, header};
use proto_events::ids::{CaseId, CenterId, ReceiptCode};
use proto_events::subject::{CaseSubject, CenterSubject, LearningSubject};
use proto_events::{centers, learning, registry, upcast};

use crate::{Target, first_line, texts};

/// The events of cases, upcast: the type on the first line, the body behind it.
pub(crate) const CASE_EVENT: Target = Target {
    name: "case_event",
    run: |bytes| {
        let Some((event_type, body)) = first_line(bytes) else { return false };
        let Ok(event) = upcast::read(event_type, body) else { return false };
        let again = upcast::read(event_type, &event.to_body()).expect("what was written is read");
        assert_eq!(again, event);
        true
    },
    samples: || stored_events(|name| !name.contains("center.") && !is_learned(name)),
};

/// The events of centers.
pub(crate) const CENTER_EVENT: Target = Target {
    name: "center_event",
    run: |bytes| {
        let Some((event_type, body)) = first_line(bytes) else { return false };
        let Ok(event) = centers::read(event_type, body) else { return false };
        let again = centers::read(event_type, &event.to_body()).expect("what was written is read");
        assert_eq!(again, event);
        true
    },
    samples: || stored_events(|name| name.contains("center.")),
};

/// What the district learned.
pub(crate) const LEARNING_EVENT: Target = Target {
    name: "learning_event",
    run: |bytes| {
        let Some((event_type, body)) = first_line(bytes) else { return false };
        let Ok(event) = learning::read(event_type, body) else { return false };
        let again = learning::read(event_type, &event.to_body()).expect("what was written is read");
        assert_eq!(again, event);
        true
    },
    samples: || stored_events(is_learned),
};

fn is_learned(name: &str) -> bool {
    name.contains("precedent") || name.contains("improvement")
}

/// The stored samples of the events whose type fits, each behind its type.
fn stored_events(fits: fn(&str) -> bool) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto-events/samples");
    let entries = fs::read_dir(folder).expect("the samples are there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("is readable").path()).collect();
    files.sort();
    let sample = |path: &std::path::PathBuf| {
        let name = path.file_stem()?.to_str()?;
        let event_type = registry::event_type_of(name);
        let body = fs::read_to_string(path).expect("a sample is text");
        fits(&event_type).then(|| format!("{event_type}\n{body}").into_bytes())
    };
    files.iter().filter_map(sample).collect()
}

/// The headers of an event, a line for each: `name: value`.
pub(crate) const ENVELOPE: Target = Target {
    name: "envelope",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let lines = text.lines().filter_map(|line| line.split_once(": "));
        let headers: BTreeMap<&str, &str> = lines.collect();
        let Ok(envelope) = Envelope::from_headers(|name| headers.get(name).copied()) else {
            return false;
        };
        let written = envelope.to_headers();
        let found = |name: &str| {
            written.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
        };
        let again = Envelope::from_headers(found).expect("what was written is read");
        // A header is one line: what is none is changed by writing it, and then no more.
        assert_eq!(again.to_headers(), written);
        true
    },
    samples: || {
        let mut text = String::new();
        for (name, value) in [
            (header::SPEC_VERSION, "1.0"),
            (header::ID, "01890a5d-ac96-774b-bcce-b302099a8057"),
            (header::SOURCE, "/dongcheng/intake/donghuashi"),
            (header::TYPE, "cn.unstuck.case.opened.v1"),
            (header::SUBJECT, "01890a5d-ac96-774b-bcce-b302099a8057"),
            (header::TIME, "2026-03-04T10:00:00+08:00"),
            (header::RECORDED_AT, "2026-03-04T10:00:01+08:00"),
            (header::ACTOR, "clerk"),
            (header::ROLE, "clerk"),
            (header::COMMAND_ID, "01890a5d-ac96-774b-bcce-b302099a8058"),
            (header::COMMAND_HASH, "00ff"),
            (header::CORRELATION_ID, "window-3"),
        ] {
            text.push_str(&format!("{name}: {value}\n"));
        }
        vec![text.into_bytes()]
    },
};

/// The subjects of all streams.
pub(crate) const SUBJECT: Target = Target {
    name: "subject",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let case = CaseSubject::parse(text);
        let center = CenterSubject::parse(text);
        let learned = LearningSubject::parse(text);
        if let Some(subject) = &case {
            assert_eq!(CaseSubject::parse(&subject.to_subject()).as_ref(), Some(subject));
            let subject = subject.to_subject();
            let is_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            assert!(subject.chars().all(is_token), "{subject:?} could be a pattern");
        }
        if let Some(subject) = &center {
            assert_eq!(CenterSubject::parse(&subject.to_subject()).as_ref(), Some(subject));
        }
        if let Some(subject) = learned {
            assert_eq!(LearningSubject::parse(&subject.to_subject()), Some(subject));
        }
        if let Ok(id) = text.parse::<CaseId>() {
            assert_eq!(id.to_string().parse(), Ok(id));
        }
        if let Ok(id) = text.parse::<CenterId>() {
            assert_eq!(id.as_str(), text);
        }
        case.is_some() || center.is_some() || learned.is_some()
    },
    samples: || {
        texts(&[
            "case.donghuashi.01890a5d-ac96-774b-bcce-b302099a8057",
            "center.donghuashi.consultations",
            "center.donghuashi.days",
            "precedent.01890a5d-ac96-774b-bcce-b302099a8057",
            "improvement.01890a5d-ac96-774b-bcce-b302099a8057",
        ])
    },
};

/// The code of a receipt, as somebody types it.
pub(crate) const RECEIPT_CODE: Target = Target {
    name: "receipt_code",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let Ok(code) = text.parse::<ReceiptCode>() else { return false };
        assert_eq!(code.as_str().parse(), Ok(code.clone()));
        true
    },
    samples: || {
        let code = ReceiptCode::from_random(0x1234_5678_9abc).to_string();
        texts(&[&code, &code.to_lowercase().replace('-', " "), &code.replace('-', "—")])
    },
};
