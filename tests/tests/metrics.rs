//! What an operator watches: that each figure moves when the house does, and says nothing of anybody.

#[path = "metrics/promql.rs"]
mod promql;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use unstuck_tests::binary::repository;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::said;
use unstuck_tests::{Api, District, wait_until};

/// The value of one series, as it stands on `/metrics`.
fn series(district: &District, series: &str) -> Option<f64> {
    let text = district.anybody().get("/metrics").text;
    let line = text
        .lines()
        .find(|line| line.strip_prefix(series).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

#[track_caller]
fn wait_for_series(district: &District, name: &str, value: f64) {
    wait_until(&format!("{name} is {value}"), || series(district, name) == Some(value));
}

fn sign_in_wrongly(district: &District, username: &str) -> u16 {
    let body = json!({ "username": username, "password": "not the password" });
    district.anybody().post("/v1/session", body).status
}

#[test]
fn what_waits_for_a_person_and_what_is_gone_can_be_seen_from_outside() {
    let mut bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));

    for consumer in ["routing-forwarding", "escalation-help", "intake-aftercare"] {
        wait_for_series(
            &district,
            &format!("unstuck_consumer_pending_events{{consumer=\"{consumer}\"}}"),
            0.0,
        );
    }
    for follower in
        ["cases", "centers", "learning", "similar", "timers", "learning-book", "learning-cases"]
    {
        wait_for_series(
            &district,
            &format!("unstuck_follower_lag_events{{follower=\"{follower}\"}}"),
            0.0,
        );
    }
    wait_for_series(&district, "unstuck_open_cases", 1.0);
    wait_for_series(&district, "unstuck_overdue_cases", 0.0);
    wait_for_series(&district, "unstuck_view_built_ratio{view=\"cases\"}", 1.0);

    assert_eq!(sign_in_wrongly(&district, "clerk-jingshan"), 401);
    assert_eq!(series(&district, "unstuck_sign_ins_total{outcome=\"refused\"}"), Some(1.0));
    wait_until("the name waits", || sign_in_wrongly(&district, "clerk-jingshan") == 429);
    assert_eq!(series(&district, "unstuck_sign_ins_total{outcome=\"locked\"}"), Some(1.0));
    assert_eq!(series(&district, "unstuck_sign_ins_total{outcome=\"done\"}"), Some(1.0));

    bus.put("case.jingshan.nonsense", &[], "{}");
    wait_for_series(&district, "unstuck_quarantine_events{view=\"cases\"}", 1.0);
    bus.put("$KV.parked.routing-forwarding.7", &[], "{}");
    // Looked at every half minute, and at the start.
    district.kill();
    district.bring_up();
    wait_for_series(&district, "unstuck_parked_events", 1.0);
    wait_for_series(&district, "unstuck_quarantine_events{view=\"cases\"}", 1.0);

    let text = district.anybody().get("/metrics").text;
    for told in
        [opened.case_id(), opened.receipt_code(), "clerk-jingshan", "jingshan", UNROUTED_MATTER]
    {
        assert!(!text.contains(told), "{told} stands on /metrics");
    }

    wait_for_series(&district, "unstuck_bus_connected{line=\"everybody\"}", 1.0);
    bus.kill();
    wait_for_series(&district, "unstuck_bus_connected{line=\"everybody\"}", 0.0);
    bus.bring_up();
    wait_for_series(&district, "unstuck_bus_connected{line=\"everybody\"}", 1.0);
}

#[test]
fn broken_promises_the_calendar_and_each_line_to_the_bus_are_counted() {
    let district = District::start(Some("2021-03-01T10:00:00+08:00"));
    let clerk: Api = district.clerk("jingshan");
    let _ = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    wait_for_series(&district, "unstuck_overdue_cases", 0.0);
    district.at("2021-06-01T10:00:00+08:00");
    wait_for_series(&district, "unstuck_overdue_cases", 1.0);
    wait_for_series(&district, "unstuck_open_cases", 1.0);
    // The first second of 2027 in Beijing: the sample calendar has the year 2026.
    let end = chrono::DateTime::parse_from_rfc3339("2027-01-01T00:00:00+08:00").expect("a time");
    assert_eq!(
        district.metric("unstuck_calendar_end_timestamp_seconds") as i64,
        end.timestamp(),
        "the end of the published calendar"
    );
    for line in [
        "escalation",
        "identity",
        "intake",
        "keys",
        "keys-reader",
        "learning",
        "projection",
        "provisioner",
        "routing",
    ] {
        wait_for_series(&district, &format!("unstuck_bus_connected{{line=\"{line}\"}}"), 1.0);
    }
    let (free, size) = (
        district.metric("unstuck_data_disk_free_bytes"),
        district.metric("unstuck_data_disk_size_bytes"),
    );
    assert!(free > 0.0 && free <= size, "{free} of {size} bytes are free");
    wait_until("the log was checked", || {
        district.metric("unstuck_log_checked_timestamp_seconds") > 0.0
    });
}

/// An alert of `deploy/prometheus/alerts.yml`.
#[derive(Debug, Default)]
struct Alert {
    name: String,
    fields: BTreeMap<String, String>,
}

/// Reads the alerts as far as they are written: one field a line, an expression perhaps folded over several.
fn alerts() -> Vec<Alert> {
    let text =
        fs::read_to_string(repository().join("deploy/prometheus/alerts.yml")).expect("alerts.yml");
    let mut alerts: Vec<Alert> = Vec::new();
    let mut folded: Option<usize> = None;
    for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#'))
    {
        let indent = line.len() - line.trim_start().len();
        if folded.is_some_and(|field| indent > field) {
            let expr = alerts
                .last_mut()
                .and_then(|alert| alert.fields.get_mut("expr"))
                .expect("an expression");
            *expr = format!("{expr} {}", line.trim());
            continue;
        }
        folded = None;
        let (key, value) = line.trim().trim_start_matches("- ").split_once(':').expect("a field");
        let value = value.trim().to_owned();
        match key {
            "groups" | "rules" | "name" | "annotations" => {}
            "alert" => alerts.push(Alert { name: value, fields: BTreeMap::new() }),
            "expr" | "for" | "labels" | "summary" | "runbook" => {
                let is_folded = value == ">-";
                folded = is_folded.then_some(indent);
                let value = if is_folded { String::new() } else { value };
                alerts.last_mut().expect("an alert").fields.insert(key.to_owned(), value);
            }
            other => panic!("nobody knows what {other} is: {line}"),
        }
    }
    alerts
}

/// The expressions of the dashboard, each with the labels that its legend shows.
fn panels() -> Vec<(String, BTreeSet<String>)> {
    let text =
        fs::read_to_string(repository().join("deploy/grafana/unstuck.json")).expect("unstuck.json");
    let board: Value = serde_json::from_str(&text).expect("the dashboard is JSON");
    let panels = board["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let shown = |legend: &str| {
        legend
            .split("{{")
            .skip(1)
            .filter_map(|rest| Some(rest.split_once("}}")?.0.to_owned()))
            .collect()
    };
    targets
        .map(|target| {
            let text = |name: &str| target[name].as_str().expect("a text").to_owned();
            (text("expr"), shown(&text("legendFormat")))
        })
        .collect()
}

/// What stands on `/metrics`: each metric with its labels and their values.
fn exposed(text: &str) -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let mut metrics: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let end = line.find(['{', ' ']).unwrap_or(line.len());
        let labels = metrics.entry(line[..end].to_owned()).or_default();
        let Some((inside, _)) =
            line[end..].strip_prefix('{').and_then(|rest| rest.rsplit_once('}'))
        else {
            continue;
        };
        for pair in inside.split("\",") {
            let (label, value) = pair.split_once("=\"").expect("a label has a value");
            labels
                .entry(label.to_owned())
                .or_default()
                .insert(value.trim_end_matches('"').to_owned());
        }
    }
    metrics
}

/// Labels that Prometheus adds by itself.
const OF_PROMETHEUS: [&str; 2] = ["instance", "job"];

/// What is wrong with an expression, held against what a district exposes.
fn faults_of(
    expression: &str,
    shown: &BTreeSet<String>,
    exposed: &BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
) -> Vec<String> {
    let read = match promql::read(expression) {
        Ok(read) => read,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    let mut known: BTreeSet<&str> = OF_PROMETHEUS.into();
    for named in &read.metrics {
        // Made by Prometheus itself for every address.
        if named.metric == "up" {
            continue;
        }
        let Some(labels) = exposed.get(&named.metric) else {
            faults.push(format!("{} is not on /metrics", named.metric));
            continue;
        };
        known.extend(labels.keys().map(String::as_str));
        for (label, operator, value) in &named.matchers {
            let Some(values) = labels.get(label) else {
                faults.push(format!("{} has no label {label}", named.metric));
                continue;
            };
            let is_list = operator == "=" || operator == "=~" && !value.contains('.');
            for one in value.split('|').filter(|_| is_list) {
                if !values.contains(one) {
                    faults.push(format!("{}: {label} is never {one}", named.metric));
                }
            }
        }
    }
    if read.metrics.is_empty() {
        faults.push("it asks for no metric".to_owned());
    }
    let grouped =
        read.grouped_by.iter().chain(shown).filter(|label| !known.contains(label.as_str()));
    faults.extend(grouped.map(|label| format!("nothing has a label {label}")));
    faults
}

/// The anchors of a page, as they are made of its headings.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| -> String {
        let kept = heading.to_lowercase();
        let kept = kept.chars().filter(|one| one.is_alphanumeric() || " -".contains(*one));
        kept.map(|one| if one == ' ' { '-' } else { one }).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn what_the_dashboard_and_the_alerts_ask_for_is_there_and_each_alert_leads_into_the_runbook() {
    let district = District::start_for_centers(None);
    // A center with a server of its own, which has not been heard yet.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("center.json");
    let hub = format!("nats-leaf://{}", district.leaf_address());
    let enroll = ["enroll", "--center", "donghuashi", "--hub", &hub, "--public-url"];
    let file = ["https://desk.example", "--out", file.to_str().expect("a path")];
    let enrolled = district.tool(&[&enroll[..], &file].concat());
    assert!(enrolled.status.success(), "{}", said(&enrolled));
    let clerk = district.clerk("jingshan");
    let _ = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    for late in [
        "unstuck_parked_events",
        "unstuck_open_cases",
        "unstuck_log_checked_timestamp_seconds",
        "unstuck_bus_round_trip_seconds",
    ] {
        wait_until(late, || series(&district, late).is_some());
    }
    wait_until("consumers were looked at", || {
        district.anybody().get("/metrics").text.contains("unstuck_consumer_lag_seconds{")
    });
    wait_until("the center was looked at", || {
        district.anybody().get("/metrics").text.contains("unstuck_center_clock_ahead_seconds{")
    });
    let exposed = exposed(&district.anybody().get("/metrics").text);

    let (alerts, panels) = (alerts(), panels());
    assert!(
        alerts.len() >= 20 && panels.len() >= 20,
        "{} alerts, {} questions",
        alerts.len(),
        panels.len()
    );
    let runbook = fs::read_to_string(repository().join("deploy/RUNBOOK.md")).expect("RUNBOOK.md");
    let anchors = anchors(&runbook);
    let mut wrong = Vec::new();
    for (expression, shown) in &panels {
        wrong.extend(
            faults_of(expression, shown, &exposed)
                .into_iter()
                .map(|fault| format!("dashboard, {expression}: {fault}")),
        );
    }
    for Alert { name, fields } in &alerts {
        let field = |key: &str| fields.get(key).map_or("", String::as_str);
        let mut faults = faults_of(field("expr"), &BTreeSet::new(), &exposed);
        if !["{ severity: warning }", "{ severity: critical }"].contains(&field("labels")) {
            faults.push("it has no severity".to_owned());
        }
        if field("summary").len() < 40 || !field("summary").ends_with('.') {
            faults.push("no sentence says what it means".to_owned());
        }
        match field("runbook").split_once("deploy/RUNBOOK.md#") {
            Some(("", anchor)) if anchors.contains(anchor) => {}
            _ => faults.push(format!("{:?} is no place in the runbook", field("runbook"))),
        }
        wrong.extend(faults.into_iter().map(|fault| format!("{name}: {fault}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
