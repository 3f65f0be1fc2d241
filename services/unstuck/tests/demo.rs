//! The demo from outside: its history stands before anybody looks, and a second start adds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use casework::case::{Case, EventMeta};
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::events::CaseEventKind;
use serde_json::{Value, json};

/// A working day, in the middle of office hours; no clock strikes within the minute of the test.
const NOW: &str = "2026-03-04T10:02:00+08:00";

fn unstuck() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unstuck"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("UNSTUCK_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs `up --demo` until it listens, stops it, and gives what it said on stdout up to the accounts' password.
fn run_demo(data: &Path) -> Vec<String> {
    let log = std::fs::File::create(data.join("up.log")).expect("a log");
    let mut child: Child = unstuck()
        .args(["up", "--demo", "--listen", "127.0.0.1:0", "--clock-start", NOW, "--data"])
        .arg(data)
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the binary can be started");
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().expect("standard output is piped")).lines() {
        lines.push(line.expect("a line of text"));
        if lines.last().is_some_and(|line| line.starts_with("Demo accounts")) {
            break;
        }
    }
    let ended = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    let ended = ended.expect("kill can be run");
    assert!(ended.success());
    let status = child.wait().expect("a child can be waited for");
    let log = std::fs::read_to_string(data.join("up.log")).expect("a log");
    assert!(status.success(), "{status}\n{log}");
    assert!(!log.contains("ends a story") && !log.contains("ERROR"), "{log}");
    lines
}

fn events(data: &Path) -> Vec<String> {
    events_of(data, &[])
}

fn events_of(data: &Path, which: &[&str]) -> Vec<String> {
    let output = unstuck().arg("events").args(which).arg("--data").arg(data).output();
    let output = output.expect("the binary can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn a_demo_is_told_once_and_one_that_was_cut_is_told_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    let said = run_demo(data);
    assert!(said[0].starts_with("Listening on http://127.0.0.1:"), "{said:?}");
    let first = events(data);
    assert!(first.len() > 3000, "{}", first.len());
    assert!(!first.iter().any(|line| line.contains("样例·") || line.contains("1380000")));
    a_visitor_finds_every_kind_of_work(&first);
    let others = |data: &Path| (events_of(data, &["--centers"]), events_of(data, &["--learning"]));
    let (counted, learned) = others(data);
    assert!(counted.len() > 8000, "{}", counted.len());
    for what in ["precedent_published", "precedent_applied", "improvement_opened"] {
        assert!(learned.iter().any(|line| line.contains(what)), "{what}");
    }

    // As if the telling had been cut before its end was written down.
    let mark = data.join("demo.json");
    let text = std::fs::read_to_string(&mark).unwrap();
    std::fs::write(&mark, text.replace("\"complete\":true", "\"complete\":false")).unwrap();
    let again = run_demo(data);
    assert_eq!(again[1], said[1], "the password is the same");
    assert_eq!(events(data), first);
    assert!(std::fs::read_to_string(&mark).unwrap().contains("\"complete\":true"));
    assert_eq!(run_demo(data)[1], said[1]);
    assert_eq!(events(data), first);
    assert_eq!(others(data), (counted, learned));

    let verified = unstuck().args(["verify", "--data"]).arg(data).output().unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    let text = String::from_utf8_lossy(&verified.stdout).into_owned();
    let cases = fold(&first).len();
    let expected = format!("No difference: {} events, {cases} cases; ", first.len());
    assert!(text.contains(&expected), "{text}");
}

/// A year's history, with something open of every kind.
fn a_visitor_finds_every_kind_of_work(events: &[String]) {
    let cases = fold(events);
    assert!((300..=450).contains(&cases.len()), "{}", cases.len());
    let told: BTreeSet<String> = events.iter().map(|line| field(line, "type")).collect();
    let missing = CaseEventKind::ALL.iter().filter(|kind| !told.contains(kind.event_type()));
    let missing: Vec<_> = missing.map(|kind| kind.name()).collect();
    // A promise is counted again only when another year of the calendar has come out; nothing was registered before.
    assert_eq!(missing, ["deadline_recalculated", "imported"]);

    let mut states: BTreeMap<CaseState, usize> = BTreeMap::new();
    for case in cases.values() {
        *states.entry(case.state).or_default() += 1;
    }
    for state in CaseState::ALL.iter().filter(|state| **state != CaseState::Declined) {
        assert!(states.contains_key(state), "no case is {state}: {states:?}");
    }
    assert!(states[&CaseState::Closed] > 280, "{states:?}");

    let now = Timestamp::parse_from_rfc3339(NOW).expect("a time");
    let count = |holds: &dyn Fn(&Case) -> bool| cases.values().filter(|case| holds(case)).count();
    let open = count(&Case::is_open);
    assert!((16..=60).contains(&open), "{open}");
    let work: [(&str, usize); 10] = [
        ("overdue", count(&|case| case.is_overdue(now))),
        (
            "due today or tomorrow",
            count(&|case| {
                case.is_open() && case.due_at > now && (case.due_at - now).num_hours() < 36
            }),
        ),
        (
            "a task force that has not met",
            count(&|case| case.active_task_force().is_some_and(|force| force.meetings.is_empty())),
        ),
        (
            "a task force that has met",
            count(&|case| case.active_task_force().is_some_and(|force| !force.meetings.is_empty())),
        ),
        (
            "special handling on its way",
            count(&|case| {
                case.pending_special_handling().is_some_and(|special| !special.checks.is_empty())
            }),
        ),
        ("paused", count(&|case| case.pause.is_some())),
        ("another department's part", count(&|case| case.is_open() && case.has_open_parts())),
        (
            "papers asked for",
            count(&|case| {
                case.is_open()
                    && !case.material_requests.is_empty()
                    && case.materials_received_at.is_none()
            }),
        ),
        ("waiting to be asked", count(&|case| case.has_ended() && case.feedback.is_none())),
        ("a bad review", count(&|case| case.open_rectification().is_some())),
    ];
    for (name, found) in work {
        assert!(found > 0, "nothing is {name}");
    }
}

/// The cases as their events have made them; what is sealed is not printed.
fn fold(events: &[String]) -> BTreeMap<String, Case> {
    let mut cases: BTreeMap<String, Option<Case>> = BTreeMap::new();
    for line in events {
        let mut event: Value = serde_json::from_str(line).expect("a line of JSON");
        let text = |name: &str| event[name].as_str().expect("a text").to_owned();
        let kind = CaseEventKind::of_type(&text("type")).expect("a kind of event");
        let meta = EventMeta {
            id: text("id").parse().expect("an id"),
            command_id: "00000000-0000-0000-0000-000000000000".parse().expect("an id"),
            case_id: text("case_id").parse().expect("an id"),
            sequence: event["sequence"].as_u64().expect("a sequence"),
            time: Timestamp::parse_from_rfc3339(&text("time")).expect("a time"),
            actor: text("actor"),
            role: text("role").parse().expect("a role"),
        };
        let mut data = event["data"].take();
        if kind == CaseEventKind::Opened {
            data["applicant"] = json!({"kind": "person", "sealed": ""});
        }
        let event = kind.read(data).expect("the data of an event");
        let case = cases.entry(meta.case_id.to_string()).or_default();
        *case = Case::step(case.take(), &meta, &event);
    }
    cases.into_iter().map(|(id, case)| (id, case.expect("it was opened"))).collect()
}

fn field(line: &str, name: &str) -> String {
    let event: Value = serde_json::from_str(line).expect("a line of JSON");
    event[name].as_str().expect("a text").to_owned()
}

#[test]
fn a_simulation_is_told_into_an_empty_log_only_and_the_same_seed_tells_the_same() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let simulate = |data: &Path, more: &[&str]| {
        let span = ["simulate", "--from", "2025-06-01", "--to", "2025-09-30", "--cases", "40"];
        let output = unstuck().args(span).args(more).arg("--data").arg(data).output();
        output.expect("the binary can be started")
    };
    for data in [one.path(), other.path()] {
        let told = simulate(data, &["--seed", "7"]);
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert!(text.contains("40 cases") && text.contains("on time"), "{text}");
    }
    assert_eq!(events(one.path()), events(other.path()));

    let again = simulate(one.path(), &["--seed", "8"]);
    assert_eq!(again.status.code(), Some(64));
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.lines().count() == 1 && said.contains("--append"), "{said}");
    let same = simulate(one.path(), &["--seed", "7", "--append"]);
    assert_eq!(same.status.code(), Some(64));
    let added = simulate(one.path(), &["--seed", "8", "--append"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert!(events(one.path()).len() > events(other.path()).len() + 200);
}
