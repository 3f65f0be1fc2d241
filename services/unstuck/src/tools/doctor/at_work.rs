//! What is at work on the bus: reactions, what waits for a person, views.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use chrono::TimeDelta;
use proto_events::subject::CASES_STREAM;
use runtime::clock::{Clock as _, SystemClock};
use runtime::consumer::parked;
use runtime::log::jetstream::JetStreamLog;

use super::{Findings, named};
use crate::bus::ToolBus;
use crate::settings::Place;

/// How long the oldest event of a reaction may wait before the reaction counts as stuck.
const WAIT_MAX: TimeDelta = TimeDelta::seconds(120);

/// A reaction asks for its next event every quarter of a minute and waits in between; looked at between two questions it is
/// asked again.
const ASKED_TIMES: u32 = 5;
const ASKED_EVERY: Duration = Duration::from_millis(200);

/// A view may be so far behind while it is busy.
const VIEW_LAG_MAX_SECONDS: f64 = 60.0;

pub(super) async fn look(bus: &ToolBus, place: &Place, findings: &mut Findings) {
    for reaction in [routing::FORWARDING_NAME, escalation::HELP_NAME, intake::AFTERCARE_NAME] {
        let outcome = consumer(bus, place, reaction, findings).await;
        findings.taken("consumers", outcome, place);
    }
    let outcome = parked_events(bus, place, findings).await;
    findings.taken("parked", outcome, place);
    let outcome = quarantine(bus, place, findings).await;
    findings.taken("quarantine", outcome, place);
    let outcome = views(bus, place, findings).await;
    findings.taken("views", outcome, place);
}

async fn consumer(
    bus: &ToolBus,
    place: &Place,
    reaction: &'static str,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    const LOOK: &str = "consumers";
    const MEANING: &str = "what happens by itself does not: forwarding, help when time runs out, keys of who is forgotten";
    let restart = || match place.remote_bus {
        Some(_) => "systemctl restart 'unstuck@*'".to_owned(),
        None => "systemctl restart unstuck".to_owned(),
    };
    let mut found = bus.js.get_consumer_from_stream::<Config, _, _>(reaction, CASES_STREAM).await;
    for _ in 0..ASKED_TIMES {
        match &found {
            Ok(consumer) if consumer.cached_info().num_waiting == 0 && !bus.is_alone => {
                tokio::time::sleep(ASKED_EVERY).await;
                found = bus.js.get_consumer_from_stream(reaction, CASES_STREAM).await;
            }
            _ => break,
        }
    }
    let Ok(consumer) = found else {
        findings.note(
            LOOK,
            format_args!("the reaction {reaction} has never run here"),
            MEANING,
            restart(),
        );
        return Ok(());
    };
    let info = consumer.cached_info();
    let waiting = info.num_pending + info.num_ack_pending as u64;
    let log = JetStreamLog::open(bus.js.clone(), CASES_STREAM).await?;
    let oldest = log.stretch(info.ack_floor.stream_sequence + 1, 1).await?;
    let age = oldest.first().map_or(TimeDelta::zero(), |event| SystemClock.now() - event.stored_at);
    if bus.is_alone {
        findings.ok(
            LOOK,
            format_args!("{waiting} events wait for the reaction {reaction} and the next start"),
        );
    } else if info.num_waiting == 0 && info.num_ack_pending == 0 {
        findings.wrong(
            LOOK,
            format_args!("nobody takes events for the reaction {reaction}"),
            MEANING,
            restart(),
        );
    } else if waiting > 0 && age > WAIT_MAX {
        let found = format!(
            "{waiting} events wait for the reaction {reaction}, the oldest for {} s",
            age.num_seconds()
        );
        findings.wrong(LOOK, found, MEANING, restart());
    } else {
        findings.ok(LOOK, format_args!("the reaction {reaction} takes its events; {waiting} wait"));
    }
    Ok(())
}

async fn parked_events(
    bus: &ToolBus,
    place: &Place,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let parked = parked(&bus.js).await?;
    for entry in &parked {
        findings.wrong(
            "parked",
            format_args!(
                "the reaction {} gave up on event {} ({}): {}",
                entry.reaction, entry.sequence, entry.subject, entry.reason
            ),
            "what it would have done for that case has to be done by a person",
            format!(
                "unstuck parked settle {} --reaction {} --sequence {}    # once it is done",
                named(place),
                entry.reaction,
                entry.sequence
            ),
        );
    }
    if parked.is_empty() {
        findings.ok("parked", "no reaction gave up on an event");
    }
    Ok(())
}

async fn quarantine(bus: &ToolBus, place: &Place, findings: &mut Findings) -> anyhow::Result<()> {
    let list = format!("unstuck events --quarantined {}", named(place));
    if bus.is_alone {
        findings.note(
            "quarantine",
            "nothing runs here that knows what is in quarantine",
            "it is not known whether all events can be read",
            list,
        );
        return Ok(());
    }
    match projection::quarantine::ask(&bus.client(), None).await? {
        None => findings.note(
            "quarantine",
            "no projection runs that knows what is in quarantine",
            "it is not known whether all events can be read",
            list,
        ),
        Some(page) if page.total == 0 => findings.ok("quarantine", "every event can be read"),
        Some(page) => findings.wrong(
            "quarantine",
            format_args!("{} events cannot be read", page.total),
            "the cases that they are about lack them; a newer version may have written them",
            format!(
                "{list}    # then the newest version of unstuck, which reads them at its start"
            ),
        ),
    }
    Ok(())
}

async fn views(bus: &ToolBus, place: &Place, findings: &mut Findings) -> anyhow::Result<()> {
    const LOOK: &str = "views";
    if bus.is_alone {
        findings.ok(LOOK, "nothing runs here; the views go on at the next start");
        return Ok(());
    }
    let Some(views) = projection::remote::views(&bus.client()).await? else {
        findings.wrong(
            LOOK,
            "no projection runs",
            "lists, figures and receipts are not answered",
            "systemctl start unstuck",
        );
        return Ok(());
    };
    let rebuild = || format!("unstuck rebuild {}", named(place));
    for view in views {
        let name = &view.view;
        if let Some(incident) = &view.incident {
            findings.wrong(
                LOOK,
                format_args!("the view {name} stopped: {incident}"),
                "it shows what was true then, and nothing since",
                format!("unstuck verify {0} && {1}", named(place), rebuild()),
            );
        } else if let Some((reached, goal)) = view.building {
            findings.note(
                LOOK,
                format_args!("the view {name} is being built: {reached} of {goal} events"),
                "until it stands, what it answers is refused or old",
                format!("unstuck doctor {}    # again, until it is done", named(place)),
            );
        } else if view.lag_seconds > VIEW_LAG_MAX_SECONDS {
            findings.wrong(
                LOOK,
                format_args!(
                    "the view {name} is {} events and {:.0} s behind",
                    view.lag_events, view.lag_seconds
                ),
                "lists and figures are old by as much",
                rebuild(),
            );
        } else {
            findings.ok(
                LOOK,
                format_args!("the view {name} is up to date, at event {}", view.sequence),
            );
        }
    }
    Ok(())
}
