//! `events`: what happened, one line of JSON per event.
//!
//! Invariant: nothing sealed or personal is printed; what cannot be read is named, not passed over.

use std::io::Write as _;

use anyhow::Context as _;
use futures::StreamExt as _;
use projection::quarantine::Stream;
use proto_events::ids::CaseId;
use proto_events::subject::{CASES_STREAM, CENTERS_STREAM, CaseSubject, LEARNING_STREAM};
use runtime::log::jetstream::JetStreamLog;
use runtime::log::{EventLog as _, Freshness, Recorded};
use serde_json::{Value, json};

use crate::bus::{ToolBus, must_exist, on_bus};
use crate::cli::EventsArguments;
use crate::settings::{FILTER_OF_TOOLS, Reader};
use crate::tools::quarantine;

/// Fields of an event's data that hold a sealed person.
const SEALED_FIELDS: [&str; 2] = ["applicant", "sealed"];

/// Prints the events of all cases, of one, of the centers, or of what was learned.
pub(crate) async fn run(
    arguments: EventsArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let mut reader = Reader::new();
    let case = arguments.case.and_then(|text| {
        let id = text.parse::<CaseId>();
        if id.is_err() {
            reader.0.fault("--case", format!("{text:?} is no id of a case"));
        }
        id.ok()
    });
    let place = reader.place(arguments.place);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    must_exist(&place)?;
    if arguments.quarantined {
        let only = match (arguments.centers, arguments.learning) {
            (true, _) => Some(Stream::Centers),
            (_, true) => Some(Stream::Learning),
            _ => None,
        };
        return on_bus(&place, async |bus| quarantine::print(bus, only).await).await;
    }
    let stream = match (arguments.centers, arguments.learning) {
        (true, _) => CENTERS_STREAM,
        (_, true) => LEARNING_STREAM,
        _ => CASES_STREAM,
    };
    on_bus(&place, async |bus| print(bus, stream, case, arguments.follow).await).await
}

async fn print(
    bus: &ToolBus,
    stream: &str,
    case: Option<CaseId>,
    follow: bool,
) -> anyhow::Result<()> {
    let log = JetStreamLog::open(bus.js.clone(), stream).await?;
    let end = log.head().await?.last_sequence;
    if let Some(case) = case.filter(|_| !follow) {
        let subject = log.locate(&format!("case.*.{case}")).await?;
        let subject = subject.with_context(|| format!("there is no case {case}"))?;
        for recorded in log.load(&subject, Freshness::Leader).await? {
            if !written(&recorded) {
                break;
            }
        }
        return Ok(());
    }
    if end == 0 && !follow {
        return Ok(());
    }
    let mut events = log.follow(0).await?;
    // Ctrl-C ends the following in order: a bus that was started for it is stopped.
    let stop = runtime::shutdown::signal()?;
    while let Some(Some(recorded)) = stop.run_until_cancelled(events.next()).await {
        let recorded = recorded?;
        let subject = CaseSubject::parse(&recorded.subject);
        let is_wanted =
            case.is_none_or(|case| subject.is_some_and(|subject| subject.case_id == case));
        if is_wanted && !written(&recorded) {
            break;
        }
        if !follow && recorded.sequence >= end {
            break;
        }
    }
    Ok(())
}

/// Writes one event; `false` when nobody reads any more.
fn written(recorded: &Recorded) -> bool {
    let mut out = std::io::stdout();
    writeln!(out, "{}", line(recorded)).and_then(|()| out.flush()).is_ok()
}

fn line(recorded: &Recorded) -> Value {
    let Recorded { sequence, subject, .. } = recorded;
    let case_id = CaseSubject::parse(subject).map(|subject| subject.case_id);
    let envelope = match recorded.envelope() {
        Ok(envelope) => envelope,
        Err(error) => {
            let unreadable = error.to_string();
            return json!({ "sequence": sequence, "subject": subject, "case_id": case_id, "unreadable": unreadable });
        }
    };
    let mut data: Value = serde_json::from_slice(&recorded.body).unwrap_or(Value::Null);
    if let Value::Object(fields) = &mut data {
        for sealed in SEALED_FIELDS {
            fields.remove(sealed);
        }
    }
    json!({
        "sequence": sequence,
        "subject": subject,
        "id": envelope.id,
        "type": envelope.event_type,
        "time": envelope.time,
        "recorded_at": envelope.recorded_at,
        "actor": envelope.actor,
        "role": envelope.role,
        "case_id": case_id,
        "data": data,
    })
}
