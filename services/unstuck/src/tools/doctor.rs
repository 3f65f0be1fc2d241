//! `doctor`: a short look at a data folder or a bus, with what is wrong and what to do.
//!
//! Invariant: it changes nothing but what every start makes as well.

use anyhow::bail;
use casework::calendar::WorkingCalendar;
use proto_events::subject::CASES_STREAM;
use runtime::clock::{Clock as _, SystemClock};
use runtime::kv::Bucket;
use runtime::log::EventLog as _;
use runtime::log::jetstream::JetStreamLog;
use runtime::nats_server::VERSION_MIN;
use runtime::streams::{self, PARKED_BUCKET, Provision, STAFF_BUCKET};
use runtime::vault::{MASTER_KEY_VARIABLE, MasterKey};

use crate::bus::users::PROVISIONER;
use crate::bus::{ToolBus, must_exist, on_bus};
use crate::say;
use crate::settings::{MASTER_KEY_FILE, Place};

/// How long before its end the published calendar is a concern, in days.
const CALENDAR_WARNING_DAYS: i64 = 45;

/// Counts what is wrong.
#[derive(Default)]
struct Findings {
    wrong: usize,
}

impl Findings {
    fn fine(&mut self, text: impl std::fmt::Display) {
        say(format_args!("ok     {text}"));
    }

    fn wrong(&mut self, text: impl std::fmt::Display) {
        self.wrong += 1;
        say(format_args!("WRONG  {text}"));
    }
}

/// Looks, and ends with 1 when something is wrong.
pub(crate) async fn run(place: Place, district: &desk::District) -> anyhow::Result<()> {
    must_exist(&place)?;
    let mut findings = Findings::default();
    master_key(&place, &mut findings);
    calendar(&district.rules.calendar, &mut findings);
    on_bus(&place, async |bus| bus_of(bus, &mut findings).await).await?;
    match findings.wrong {
        0 => Ok(()),
        wrong => bail!("{wrong} of the looks found something wrong"),
    }
}

fn master_key(place: &Place, findings: &mut Findings) {
    let path = place.data.join(MASTER_KEY_FILE);
    if !MasterKey::is_there(&path) {
        findings.wrong(format_args!(
            "no master key: neither {} nor {MASTER_KEY_VARIABLE}",
            path.display()
        ));
        return;
    }
    match MasterKey::load_or_create(&path) {
        Ok(key) => findings.fine(format_args!("master key {}", key.fingerprint())),
        Err(error) => findings.wrong(error),
    }
}

fn calendar(calendar: &WorkingCalendar, findings: &mut Findings) {
    let today = calendar.date_of(SystemClock.now().with_timezone(&calendar.offset()));
    let (end, version) = (calendar.published_to(), calendar.version());
    let left = (end - today).num_days();
    match left {
        ..=0 => findings.wrong(format_args!(
            "the working calendar {version} ended on {end}; promises are provisional"
        )),
        1..=CALENDAR_WARNING_DAYS => {
            findings.fine(format_args!(
                "the working calendar {version} ends on {end}, in {left} days; add the next year"
            ));
        }
        _ => findings.fine(format_args!("the working calendar {version} reaches to {end}")),
    }
}

async fn bus_of(bus: &ToolBus, findings: &mut Findings) -> anyhow::Result<()> {
    let server = bus.client().server_info();
    let fits = server
        .version
        .parse()
        .is_ok_and(|version: runtime::nats_server::Version| version >= VERSION_MIN);
    let text = format!("nats-server {} at {}:{}", server.version, server.host, server.port);
    if fits {
        findings.fine(text);
    } else {
        findings.wrong(format_args!("{text} is older than {VERSION_MIN}"));
    }
    let replicas = bus
        .js
        .get_stream(CASES_STREAM)
        .await
        .map_or(1, |stream| stream.cached_info().config.num_replicas);
    let provisioner = bus.ways.line(PROVISIONER).await?;
    let drifts = streams::provision(&provisioner, &Provision { replicas }).await?;
    for drift in &drifts {
        let streams::Drift { stream, field, expected, found } = drift;
        findings.wrong(format_args!("stream {stream}: {field} is {found}, not {expected}"));
    }
    if drifts.is_empty() {
        findings.fine("all streams are as this version makes them");
    }
    let head = JetStreamLog::open(bus.js.clone(), CASES_STREAM).await?.head().await?;
    if head.first_sequence > 1 {
        findings.wrong(format_args!(
            "the stream of cases begins at {}: events are missing",
            head.first_sequence
        ));
    } else {
        findings.fine(format_args!("{} events of cases", head.last_sequence));
    }
    match Bucket::open(&bus.js, PARKED_BUCKET).await?.keys().await?.as_slice() {
        [] => findings.fine("no reaction gave up on an event"),
        parked => findings.wrong(format_args!(
            "reactions gave up on {} events: {}",
            parked.len(),
            parked.join(", ")
        )),
    }
    // A hex digit is no dot; tokens of machines are kept beside the accounts.
    let keys = Bucket::open(&bus.js, STAFF_BUCKET).await?.keys().await?;
    match keys.iter().filter(|key| !key.contains('.')).count() {
        0 => findings.wrong("there is no account; add one with `unstuck staff add`"),
        accounts => findings.fine(format_args!("{accounts} accounts")),
    }
    Ok(())
}
