//! What stands on the bus: the server and its clock, streams, accounts, backups.

use anyhow::Context as _;
use casework::permission;
use chrono::{DateTime, TimeDelta, Utc};
use desk::District;
use proto_events::subject::{AUDIT_STREAM, CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM};
use runtime::audit::AuditLine;
use runtime::clock::{Clock as _, SystemClock};
use runtime::log::EventLog as _;
use runtime::log::jetstream::JetStreamLog;
use runtime::nats_server::VERSION_MIN;
use runtime::streams::{self, Drift, Inspection, Provision};
use runtime::vault::{self, MasterKey};
use serde_json::Value;

use super::{Findings, at_work, centers, named};
use crate::bus::ToolBus;
use crate::bus::users::PROVISIONER;
use crate::settings::{MASTER_KEY_FILE, Place};
use crate::tools::backup::BACKED_UP;
use crate::tools::staff::Accounts;

/// How far the clocks of this machine and of the bus may be apart: the codes of second factors count for half a minute.
const SKEW_NOTED: TimeDelta = TimeDelta::seconds(2);
const SKEW_MAX: TimeDelta = TimeDelta::seconds(30);

/// How old the newest backup may be.
const BACKUP_AGE_MAX: TimeDelta = TimeDelta::days(7);

/// The newest lines of the audit, in which a backup is looked for: weeks of a district.
const LINES_SEARCHED: u64 = 20_000;

/// The streams of events.
const EVENT_STREAMS: [&str; 4] = [CASES_STREAM, CENTERS_STREAM, LEARNING_STREAM, AUDIT_STREAM];

pub(super) async fn look(
    bus: &ToolBus,
    place: &Place,
    district: &District,
    findings: &mut Findings,
) {
    server(bus, place, findings);
    let outcome = clock(bus, findings).await;
    findings.taken("clock", outcome, place);
    let outcome = streams(bus, place, findings).await;
    findings.taken("streams", outcome, place);
    let outcome = events(bus, place, findings).await;
    findings.taken("events", outcome, place);
    let outcome = key_that_fits(bus, place, findings).await;
    findings.taken("master_key_fits", outcome, place);
    at_work::look(bus, place, findings).await;
    let outcome = centers::look(bus, place, district, findings).await;
    findings.taken("centers", outcome, place);
    let outcome = accounts(bus, place, district, findings).await;
    findings.taken("accounts", outcome, place);
    let outcome = backups(bus, place, findings).await;
    findings.taken("backup", outcome, place);
}

/// What a person does about a bus that does not answer.
pub(super) fn way_to_bus(place: &Place) -> String {
    match place.remote_bus {
        Some(_) => {
            "systemctl status nats-server    # on each of its machines; then its log".to_owned()
        }
        None => format!("tail -n 50 {}", place.data.join("bus/nats-server.log").display()),
    }
}

fn server(bus: &ToolBus, place: &Place, findings: &mut Findings) {
    let server = bus.client().server_info();
    let fits = server
        .version
        .parse()
        .is_ok_and(|version: runtime::nats_server::Version| version >= VERSION_MIN);
    let text = format!("nats-server {} at {}:{}", server.version, server.host, server.port);
    match fits {
        true => findings.ok("server_version", text),
        false => findings.wrong(
            "server_version",
            format_args!("{text} is older than {VERSION_MIN}"),
            "atomic appends and the answers of single events are not what this version stands on",
            "nats-server --version    # put a newer one in its place; its store stays",
        ),
    }
    sync(place, findings);
}

/// Whether an event is on the disk before its command is answered. Of a server elsewhere a client cannot ask it.
fn sync(place: &Place, findings: &mut Findings) {
    const MEANING: &str = "an event that was acknowledged may be gone after a power cut";
    if place.remote_bus.is_some() {
        return findings.note(
            "sync_interval",
            "whether the bus syncs to the disk before it acknowledges cannot be asked from here",
            MEANING,
            "grep sync_interval /etc/nats/*.conf    # on each of its machines: sync_interval: always",
        );
    }
    let file = place.data.join("bus/nats-server.conf");
    let is_always = std::fs::read_to_string(&file)
        .is_ok_and(|text| text.lines().any(|line| line.contains("sync_interval: always")));
    match is_always {
        true => findings.ok("sync_interval", "an event is on the disk before it is acknowledged"),
        false => findings.wrong(
            "sync_interval",
            format_args!("{} has no `sync_interval: always`", file.display()),
            MEANING,
            "systemctl restart unstuck    # each start writes the file anew",
        ),
    }
}

async fn clock(bus: &ToolBus, findings: &mut Findings) -> anyhow::Result<()> {
    let asked = SystemClock.now();
    let client = bus.client();
    let answer = client.request(format!("$JS.API.STREAM.INFO.{CASES_STREAM}"), "".into()).await?;
    let answered = SystemClock.now();
    let answer: Value = serde_json::from_slice(&answer.payload)?;
    let Some(said) = answer["ts"].as_str() else {
        findings.note(
            "clock",
            "the bus does not say what time it is",
            "whether its clock is right is not known",
            "timedatectl    # on its machine",
        );
        return Ok(());
    };
    let said = DateTime::parse_from_rfc3339(said)?.to_utc();
    skew(ahead_by(asked, answered, said), findings);
    Ok(())
}

/// How far the clock of the bus is ahead of ours, at least; an answer takes its time.
fn ahead_by(asked: DateTime<Utc>, answered: DateTime<Utc>, said: DateTime<Utc>) -> TimeDelta {
    if said < asked {
        said - asked
    } else if said > answered {
        said - answered
    } else {
        TimeDelta::zero()
    }
}

fn skew(ahead: TimeDelta, findings: &mut Findings) {
    const MEANING: &str =
        "events get two times that contradict each other, and codes of second factors may not open";
    const FIX: &str = "timedatectl set-ntp true    # on both machines; then `timedatectl` says whether it is synchronized";
    let found = || {
        let way = if ahead < TimeDelta::zero() { "behind" } else { "ahead of" };
        format!(
            "the clock of the bus is {:.1} s {way} that of this machine",
            ahead.as_seconds_f64().abs()
        )
    };
    match ahead.abs() {
        apart if apart > SKEW_MAX => findings.wrong("clock", found(), MEANING, FIX),
        apart if apart > SKEW_NOTED => findings.note("clock", found(), MEANING, FIX),
        _ => findings.ok("clock", "the clocks of the bus and of this machine agree"),
    }
}

async fn streams(bus: &ToolBus, place: &Place, findings: &mut Findings) -> anyhow::Result<()> {
    let line = bus.ways.line(PROVISIONER).await?;
    let replicas = match line.get_stream(CASES_STREAM).await {
        Ok(stream) => stream.cached_info().config.num_replicas,
        Err(_) => 1,
    };
    let Inspection { missing, drifts } = streams::inspect(&line, &Provision { replicas }).await?;
    for stream in &missing {
        if EVENT_STREAMS.contains(&stream.as_str()) {
            findings.wrong(
                "missing_stream",
                format_args!("the stream {stream} is missing"),
                "the facts in it are gone; a start makes an empty one, and the views say that it is another",
                format!("unstuck restore --from BACKUP --data NEW --identity EVENTS.txt --identity KEYS.txt --master-key {}", place.data.join(MASTER_KEY_FILE).display()),
            );
        } else {
            findings.wrong(
                "missing_stream",
                format_args!("the bucket {stream} is missing"),
                "the next start makes an empty one; what stood in it comes from a backup, or is gone with it",
                "systemctl restart unstuck",
            );
        }
    }
    for Drift { stream, field, expected, found } in &drifts {
        findings.wrong(
            "stream_drift",
            format_args!("stream {stream}: {field} is {found}, not {expected}"),
            "somebody changed the stream by hand; what the services rely on may not hold",
            edit(stream, field, expected.as_str()),
        );
    }
    if missing.is_empty() && drifts.is_empty() {
        findings.ok("streams", "all streams are as this version makes them");
    }
    Ok(())
}

/// The command of the NATS tool that sets a field right, run by whoever may change streams; no user of the house may.
fn edit(stream: &str, field: &str, expected: &str) -> String {
    let number = |flag: &str| format!("nats stream edit {stream} {flag}={expected}");
    let switch = |flag: &str| match expected {
        "true" => format!("nats stream edit {stream} --{flag}"),
        _ => format!("nats stream edit {stream} --no-{flag}"),
    };
    match field {
        "num_replicas" => number("--replicas"),
        "max_bytes" => number("--max-bytes"),
        "max_msgs" => number("--max-msgs"),
        "max_msgs_per_subject" => number("--max-msgs-per-subject"),
        "max_msg_size" => number("--max-msg-size"),
        "max_age" | "duplicate_window" => {
            let flag = if field == "max_age" { "--max-age" } else { "--dupe-window" };
            format!("nats stream edit {stream} {flag}={}", expected.replace("0ns", "0s"))
        }
        "discard" => format!("nats stream edit {stream} --discard={}", expected.to_lowercase()),
        "deny_delete" => switch("deny-delete"),
        "deny_purge" => switch("deny-purge"),
        "allow_rollup_hdrs" => switch("allow-rollup"),
        "allow_direct" => switch("allow-direct"),
        "allow_atomic" => switch("allow-batch"),
        "subjects" => {
            let subjects = expected.trim_matches(['[', ']']).replace(", ", ",").replace('"', "");
            format!("nats stream edit {stream} --subjects='{subjects}'")
        }
        // Where and how it is kept is settled when a stream is made.
        _ => format!(
            "nats stream info {stream}    # cannot be changed; back up, and restore into a new folder"
        ),
    }
}

async fn events(bus: &ToolBus, place: &Place, findings: &mut Findings) -> anyhow::Result<()> {
    let head = JetStreamLog::open(bus.js.clone(), CASES_STREAM).await?.head().await?;
    match head.first_sequence {
        ..=1 => findings.ok("events", format_args!("{} events of cases", head.last_sequence)),
        first => findings.wrong(
            "events",
            format_args!("the stream of cases begins at {first}: events are missing"),
            "the first cases lack what was decided about them; views stop at it",
            format!(
                "unstuck verify {}    # says what is there; then restore a backup",
                named(place)
            ),
        ),
    }
    Ok(())
}

async fn key_that_fits(
    bus: &ToolBus,
    place: &Place,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let path = place.data.join(MASTER_KEY_FILE);
    // What is missing or cannot be read has been said.
    if !MasterKey::load(&path).is_ok_and(|key| key.is_some()) {
        return Ok(());
    }
    match vault::of_site(&bus.js, &path).await {
        Ok(_) => findings.ok("master_key_fits", "the master key is the one that signed the log"),
        Err(error) if error.is_of_the_settings() => findings.wrong(
            "master_key_fits",
            format_args!("{:#}", anyhow::Error::from(error)),
            "no process starts with it, because nobody could be read and nothing proved",
            format!(
                "install -m 600 COPY {}    # COPY is the one with that fingerprint",
                path.display()
            ),
        ),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

async fn accounts(
    bus: &ToolBus,
    place: &Place,
    district: &District,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    const LOOK: &str = "accounts";
    let accounts =
        Accounts::open(bus, district.rules.district.as_str()).await?.identity.list().await?;
    if accounts.is_empty() {
        findings.wrong(
            LOOK,
            "there is no account",
            "nobody can sign in",
            format!("unstuck staff add {} --username NAME --name \"REAL NAME\" --role admin --password-stdin", named(place)),
        );
        return Ok(());
    }
    findings.ok(LOOK, format_args!("{} accounts", accounts.len()));
    let lacking: Vec<&str> = accounts
        .iter()
        .filter(|account| !account.disabled && !account.has_second_factor())
        .filter(|account| permission::needs_second_factor(account.staff.role))
        .map(|account| account.staff.username.as_str())
        .collect();
    if district.requires_second_factor && !lacking.is_empty() {
        findings.note(
            "second_factor",
            format_args!(
                "without the second factor that the district requires: {}",
                lacking.join(", ")
            ),
            "they can do nothing until they have one",
            "they sign in and bind an app, on the page 双因素认证",
        );
    }
    Ok(())
}

async fn backups(bus: &ToolBus, place: &Place, findings: &mut Findings) -> anyhow::Result<()> {
    const LOOK: &str = "backup";
    const MEANING: &str = "what a lost machine takes with it is everything since the last one";
    let fix = format!(
        "unstuck backup {} --to DIR --events-recipient age1… --keys-recipient age1…",
        named(place)
    );
    let log = JetStreamLog::open(bus.js.clone(), AUDIT_STREAM).await?;
    let end = log.head().await?.last_sequence;
    let lines = log
        .stretch(
            end.saturating_sub(LINES_SEARCHED) + 1,
            usize::try_from(LINES_SEARCHED).context("few lines")?,
        )
        .await?;
    let line = |body: &[u8]| serde_json::from_slice::<AuditLine>(body).ok();
    let newest =
        lines.iter().rev().filter_map(|one| line(&one.body)).find(|line| line.what == BACKED_UP);
    match newest {
        None => findings.note(
            LOOK,
            format_args!("no backup stands in the newest {} lines of the audit", lines.len()),
            MEANING,
            fix,
        ),
        Some(line) if SystemClock.now() - line.at > BACKUP_AGE_MAX => {
            findings.wrong(
                LOOK,
                format_args!("the newest backup is of {}", line.at.date_naive()),
                MEANING,
                fix,
            );
        }
        Some(line) => {
            findings.ok(LOOK, format_args!("the newest backup is of {}", line.at.date_naive()))
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn only_what_the_way_of_an_answer_does_not_explain_is_a_wrong_clock() {
        let state = |asked, answered, said| {
            let mut findings = Findings::default();
            skew(ahead_by(at(asked), at(answered), at(said)), &mut findings);
            (findings.findings[0].state, findings.findings[0].found.clone())
        };
        assert_eq!(state(100, 104, 103).0, State::Ok);
        assert_eq!(state(100, 101, 103).0, State::Ok);
        assert_eq!(
            state(100, 101, 104),
            (State::Note, "the clock of the bus is 3.0 s ahead of that of this machine".to_owned())
        );
        let (state, found) = state(3700, 3701, 100);
        assert_eq!(
            (state, found.as_str()),
            (State::Wrong, "the clock of the bus is 3600.0 s behind that of this machine")
        );
    }

    #[test]
    fn each_field_that_is_compared_has_a_command_or_a_reason() {
        assert_eq!(edit("CASES", "deny_purge", "true"), "nats stream edit CASES --deny-purge");
        assert_eq!(
            edit("CASES", "allow_rollup_hdrs", "false"),
            "nats stream edit CASES --no-allow-rollup"
        );
        assert_eq!(edit("CASES", "max_age", "0ns"), "nats stream edit CASES --max-age=0s");
        assert_eq!(
            edit("LEARNING", "subjects", r#"["precedent.*", "improvement.*"]"#),
            "nats stream edit LEARNING --subjects='precedent.*,improvement.*'"
        );
        assert!(edit("CASES", "storage", "File").contains("cannot be changed"));
    }
}
