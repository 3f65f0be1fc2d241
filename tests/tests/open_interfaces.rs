//! The doors for other systems: the events as CloudEvents, and Open311 GeoReport v2 where a district turns it on.
//!
//! XML is read by Python's `xml.etree`, by nothing of ours.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unstuck_tests::binary::sample_district;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening, phone};
use unstuck_tests::district::{Place, said};
use unstuck_tests::{Answer, Api, District, Holder, wait_until};

const MORNING: &str = "2026-03-04T10:00:00+08:00";

/// A matter of the sample district's table.
const MATTER: &str = "退休手续办理";

/// Where the `next` link of a page leads.
#[track_caller]
fn next(answer: &Answer) -> String {
    let link = answer.headers.get("link").expect("a page says where to go on");
    let path = link.strip_prefix('<').and_then(|rest| rest.split_once(">; rel=\"next\""));
    path.expect("an address and its relation").0.to_owned()
}

#[track_caller]
fn batch(answer: Answer) -> Vec<Value> {
    let answer = answer.expect_status(200);
    assert_eq!(answer.headers["content-type"], "application/cloudevents-batch+json");
    answer.json.as_array().expect("a batch is a list").clone()
}

/// Asks for what may be refused.
fn ask(person: &Api, path: impl Into<String>) -> Answer {
    person.request("GET", path).send()
}

/// Everything from the beginning on, in pages of this size.
fn all(reader: &Api, limit: usize) -> Vec<Value> {
    let mut path = format!("/v1/events?limit={limit}");
    let mut events = Vec::new();
    loop {
        let answer = reader.get(&*path);
        path = next(&answer);
        let page = batch(answer);
        if page.is_empty() {
            return events;
        }
        events.extend(page);
    }
}

#[test]
fn other_systems_follow_what_happens_and_hear_of_nobody() {
    let district = District::start(Some(MORNING));
    let (clerk, auditor) =
        (district.clerk("donghuashi"), district.staff("auditor", "auditor", Place::District));
    let opened = clerk.open(opening("donghuashi", MATTER, 1));
    let (id, code) = (opened.case_id().to_owned(), opened.receipt_code().to_owned());
    clerk.case_in_state(&id, "forwarded");
    district.handler("hr-public-service").done(&id, "accept", json!({}));
    let events = all(&auditor, 100);

    // What the standard requires, in an order, without gaps of ours.
    assert_eq!(events.len(), 3, "{events:#?}");
    let kinds =
        ["opened", "forwarded", "accepted"].map(|kind| format!("cn.unstuck.case.{kind}.v1"));
    assert!(events.iter().zip(&kinds).all(|(event, kind)| event["type"] == kind.as_str()));
    let mut ids = BTreeSet::new();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["specversion"], "1.0");
        assert_eq!(event["datacontenttype"], "application/json");
        assert_eq!(event["subject"], id.as_str());
        assert!(event["source"].as_str().expect("a source").starts_with("/dongcheng/"));
        assert!(event["time"].is_string() && event["recordedat"].is_string());
        assert_eq!(event["sequence"], (index + 1).to_string());
        assert!(ids.insert(event["id"].to_string()), "an id stands once");
        let mut names = event.as_object().expect("an object").keys();
        let fits =
            |name: &String| name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        assert!(names.all(fits), "attributes are small letters and digits");
    }
    assert_eq!(events[1]["causationid"], events[0]["id"]);
    assert_eq!(events[0]["data"]["cause"], "I1");
    assert_eq!(events[1]["data"]["to"], "hr-public-service");
    let text = Value::from(events.clone()).to_string();
    for secret in
        ["样例甲", &phone(1), &code, "想知道", MATTER, "sealed", "clerk-", "handler-", "DHS2026"]
    {
        assert!(!text.contains(secret), "{secret} is told: {text}");
    }
    // One at a time is the same, and a filter passes over the rest and goes on behind it.
    assert_eq!(all(&auditor, 1), events);
    let accepted = auditor.get("/v1/events?type=accepted&center=donghuashi");
    let behind = next(&accepted);
    assert_eq!(batch(accepted), events[2..]);
    assert!(behind.contains("after=3") && behind.contains("type=accepted"), "{behind}");
    assert_eq!(batch(auditor.get("/v1/events?center=jingshan")), [] as [Value; 0]);

    // Whoever waits is told when it happens, not when the time is over.
    let started = Instant::now();
    let waiting = std::thread::scope(|scope| {
        let waiter = scope.spawn(|| (auditor.get("/v1/events?after=3&wait=30"), started.elapsed()));
        clerk.open(opening("donghuashi", UNROUTED_MATTER, 2));
        waiter.join().expect("the reader ends")
    });
    assert!(waiting.1 < Duration::from_secs(20), "it waited {:?}", waiting.1);
    assert_eq!(batch(waiting.0)[0]["type"], "cn.unstuck.case.opened.v1");

    // Somebody is forgotten: what was told stays as it was told.
    let privacy = district.staff("privacy", "privacy_officer", Place::District);
    clerk.done(&id, "withdraw", json!({ "reason": "不再需要" }));
    privacy.done(&id, "erase", json!({ "reason": "request" }));
    wait_until("the view has it", || all(&auditor, 100).len() == 6);
    let after = all(&auditor, 100);
    assert_eq!(after[..3], events[..]);
    assert_eq!(after[5]["type"], "cn.unstuck.case.personal_data_erased.v1");

    // What cannot be asked is named, all of it at once.
    let wrong = ask(&auditor, "/v1/events?limit=0&type=nonsense&center=nowhere&wait=31");
    let wrong = wrong.refused(422, "invalid");
    for pointer in ["/limit", "/type", "/center", "/wait"] {
        assert!(wrong.text.contains(pointer), "{}", wrong.text);
    }
    drop(ask(&auditor, "/v1/events?after=99").refused(422, "invalid").naming("/after"));
    drop(ask(&auditor, "/v1/events?since=3").refused(422, "invalid"));
    drop(ask(&clerk, "/v1/events").refused(403, "forbidden"));
    let token = |scope: &str| {
        let arguments = ["token", "add", "--name", "hub", "--role", "auditor", "--scope", scope];
        let output = district.tool(&arguments);
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let machine = Holder::of(&district, &token("read:events"));
    assert_eq!(batch(machine.get("/v1/events")), after);
    drop(Holder::of(&district, &token("read:cases")).get("/v1/events").refused(403, "forbidden"));
}

/// The fields of a request, in the order of the standard (GeoReport v2, GET Service Requests).
const FIELDS: [&str; 17] = [
    "service_request_id",
    "status",
    "status_notes",
    "service_name",
    "service_code",
    "description",
    "agency_responsible",
    "service_notice",
    "requested_datetime",
    "updated_datetime",
    "expected_datetime",
    "address",
    "address_id",
    "zipcode",
    "lat",
    "long",
    "media_url",
];

/// Reads XML: the name of the root, and of each child its children's names and texts.
const READ_XML: &str = "
import json, sys
import xml.etree.ElementTree as ET
root = ET.fromstring(sys.stdin.buffer.read())
print(json.dumps([root.tag, [[c.tag, [[g.tag, g.text] for g in c]] for c in root]]))
";

/// An element with the names and texts of its children.
type Element = (String, Vec<(String, Option<String>)>);

#[track_caller]
fn xml(answer: Answer, status: u16) -> (String, Vec<Element>) {
    let answer = answer.expect_status(status);
    assert_eq!(answer.headers["content-type"], "text/xml; charset=utf-8");
    assert!(answer.text.starts_with("<?xml version=\"1.0\" encoding=\"utf-8\"?>"));
    let mut command = Command::new("python3");
    command.args(["-I", "-c", READ_XML]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python can be started");
    child.stdin.take().expect("piped").write_all(&answer.bytes).expect("Python reads");
    let output = child.wait_with_output().expect("Python ends");
    assert!(output.status.success(), "no XML: {}", answer.text);
    serde_json::from_slice(&output.stdout).expect("Python writes JSON")
}

#[track_caller]
fn requests(answer: Answer) -> Vec<Value> {
    let answer = answer.expect_status(200);
    assert_eq!(answer.headers["content-type"], "application/json; charset=utf-8");
    answer.json.as_array().expect("a list").clone()
}

#[test]
fn open311_tells_what_is_asked_for_and_of_nobody_where_a_district_turns_it_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("district.toml");
    let sample = std::fs::read_to_string(sample_district()).expect("the sample district");
    let calendar = sample_district().with_file_name("../calendars/cn.toml");
    std::fs::copy(calendar, folder.path().join("cn.toml")).expect("the calendar");
    std::fs::write(&file, format!("{sample}\n[open311]\nenabled = true\n")).expect("written");
    let district = District::start_from(&file, Some(MORNING));
    let clerk = district.clerk("donghuashi");
    let anybody = district.anybody();
    let open = |matter, person| clerk.open(opening("donghuashi", matter, person));

    // Four of a kind are too few to be told of; the fifth makes it a kind.
    let first = open(MATTER, 1);
    let mut last = first.clone();
    for person in 2..=4 {
        last = open(MATTER, person);
    }
    let list = "/open311/v2/requests.json";
    clerk.case_after(&last);
    assert_eq!(requests(anybody.get(list)), [] as [Value; 0]);
    let rare = open(UNROUTED_MATTER, 1);
    let fifth = open(MATTER, 5);
    let (id, code) = (first.case_id().to_owned(), first.receipt_code().to_owned());
    clerk.done(&id, "withdraw", json!({ "reason": "不再需要" }));
    clerk.case_in_state(&id, "withdrawn");
    clerk.case_after(&fifth);
    let told = requests(anybody.get(list));
    assert_eq!(told.len(), 5, "the rare one is not told: {told:#?}");
    for one in &told {
        let names: Vec<&String> = one.as_object().expect("an object").keys().collect();
        assert_eq!(names.len(), FIELDS.len());
        assert!(FIELDS.iter().all(|field| one.get(field).is_some()), "{one}");
        assert_eq!(one["service_name"], MATTER);
        assert_eq!(one["requested_datetime"], "2026-03-04T00:00:00+08:00");
        for hidden in ["description", "address", "lat", "long", "media_url", "status_notes"] {
            assert_eq!(one[hidden], Value::Null, "{hidden}");
        }
    }
    let text = Value::from(told.clone()).to_string();
    for secret in [&*id, &code, rare.case_id(), "样例甲", "13800", "想知道", "东花市", "clerk"]
    {
        assert!(!text.contains(secret), "{secret} is told: {text}");
    }
    let closed = requests(anybody.get(format!("{list}?status=closed")));
    assert_eq!(closed.len(), 1);
    let its_id = closed[0]["service_request_id"].as_str().expect("an id");
    // An id opens itself, in both forms, and nothing else of the house.
    assert_eq!(requests(anybody.get(format!("/open311/v2/requests/{its_id}.json"))), closed);
    let several = format!("{list}?service_request_id={its_id},nonsense&status=open");
    assert_eq!(requests(anybody.get(several)), closed);
    for path in [format!("/v1/receipts/{its_id}"), format!("/open311/v2/requests/{id}.json")] {
        assert_eq!(ask(&anybody, path).status, 404);
    }

    // The forms say the same, and the lists have the names of the standard.
    let (root, rows) = xml(anybody.get("/open311/v2/requests.xml?status=closed"), 200);
    assert_eq!((root.as_str(), rows.len()), ("service_requests", 1));
    assert_eq!(rows[0].0, "request");
    let names: Vec<&str> = rows[0].1.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, FIELDS);
    for (name, text) in &rows[0].1 {
        assert_eq!(text.as_deref(), closed[0][name].as_str(), "{name}");
    }
    let (root, services) = xml(anybody.get("/open311/v2/services.xml"), 200);
    assert_eq!(root, "services");
    let names: Vec<&str> = services[0].1.iter().map(|(name, _)| name.as_str()).collect();
    let wanted =
        ["service_code", "service_name", "description", "metadata", "type", "keywords", "group"];
    assert_eq!(names, wanted);
    let its_code = closed[0]["service_code"].as_str().expect("a code");
    let definition = format!("/open311/v2/services/{its_code}.json");
    assert_eq!(anybody.get(definition).expect_status(200)["service_code"], its_code);
    let (root, _) = xml(anybody.get("/open311/v2/discovery.xml"), 200);
    assert_eq!(root, "discovery");
    let discovery = anybody.get("/open311/v2/discovery.json").expect_status(200);
    let endpoint = &discovery["endpoints"][0];
    assert_eq!(endpoint["specification"], "http://wiki.open311.org/GeoReport_v2");
    assert_eq!(endpoint["formats"], json!(["text/xml", "application/json"]));

    // A span of ninety days, and the standard's way to say no.
    let days = |from: &str, to: &str| format!("{list}?start_date={from}&end_date={to}");
    let told_of = |path: String| requests(anybody.get(path)).len();
    assert_eq!(told_of(days("2026-03-04T20:00:00Z", "2026-05-01T00:00:00Z")), 0);
    assert_eq!(told_of(days("2026-03-01T00:00:00Z", "2026-03-04T09:00:00%2B08:00")), 5);
    assert_eq!(told_of(format!("{list}?start_date=2026-01-01T00:00:00Z")), 5);
    assert_eq!(
        told_of(format!("{list}?service_code=other&jurisdiction_id=dongcheng&api_key=x")),
        0
    );
    for (path, status, part) in [
        (days("2026-01-01T00:00:00Z", "2026-05-01T00:00:00Z"), 400, "90 days"),
        (days("2026-03-05T00:00:00Z", "2026-03-01T00:00:00Z"), 400, "start_date lies behind"),
        (days("2026-03-05", "2026-03-06T00:00:00Z"), 400, "start_date is no w3"),
        (format!("{list}?status=lost"), 400, "neither open nor closed"),
        (format!("{list}?jurisdiction_id=elsewhere"), 404, "jurisdiction_id"),
        ("/open311/v2/services/nothing.json".to_owned(), 404, "service_code"),
        ("/open311/v2/requests/nothing.json".to_owned(), 404, "service_request_id"),
    ] {
        let answer = ask(&anybody, &*path).expect_status(status);
        assert_eq!(answer.json[0]["code"], status, "{path}");
        assert!(answer.json[0]["description"].as_str().expect("a text").contains(part), "{path}");
        let (root, errors) = xml(ask(&anybody, path.replace(".json", ".xml")), status);
        assert_eq!((root.as_str(), errors[0].0.as_str()), ("errors", "error"));
    }
}

#[test]
fn open311_is_nowhere_when_the_district_does_not_say_so() {
    let district = District::start(Some(MORNING));
    for path in ["discovery.xml", "services.json", "requests.json", "requests/1.xml"] {
        let answer = ask(&district.anybody(), format!("/open311/v2/{path}"));
        drop(answer.refused(404, "not_found"));
    }
}
