//! Story 5, two hundred questions: a center's day is mostly questions that become no case. They are counted without a
//! person, one becomes a case, the day closes with the counts; a center that stays silent shows as silent, not as zero.

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, assert_instant, opening, with, without};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::{Place, said};
use unstuck_tests::{Api, District, wait_until};

const TALLY: &str = "/v1/consultations";

/// Tuesday 26 January 2021, a working day, in the afternoon.
const AFTERNOON: &str = "2021-01-26T15:00:00+08:00";

/// What people asked: topic, channel, outcome, questions of one tap, taps.
const ASKED: [(&str, &str, &str, u64, u64); 6] = [
    ("退休手续办理", "guide_desk", "told_route", 1, 60),
    ("公租房申请", "window", "told_route", 1, 40),
    ("居住证签注", "phone", "told_route", 5, 10),
    ("营业执照变更", "window", "printed_guide", 1, 30),
    ("医保异地备案", "wechat", "named_contact", 19, 1),
    ("最低生活保障申请", "window", "became_case", 1, 1),
];

fn question(center: &str, topic: &str) -> Value {
    json!({ "center": center, "topic": topic, "channel": "guide_desk", "outcome": "told_route" })
}

/// The key of a tap on one of [`ASKED`].
fn key(number: usize, tap: u64) -> String {
    format!("tap-{number}-{tap}")
}

fn close_path(center: &str, date: &str) -> String {
    format!("/v1/centers/{center}/days/{date}/close")
}

#[track_caller]
fn count_of(list: &Value, field: &str, code: &str) -> Value {
    let items = list.as_array().expect("a list of counts");
    let found = items.iter().find(|item| item[field] == code);
    found.unwrap_or_else(|| panic!("no {code} in {list}"))["count"].clone()
}

#[track_caller]
fn center(reader: &Api, id: &str, version: u64) -> Value {
    let table = reader.get(format!("/v1/centers?min_centers_version={version}"));
    let found = table.items().iter().find(|item| item["id"] == id).cloned();
    found.unwrap_or_else(|| panic!("no {id} in {}", table.text))
}

/// How a center stands with the report of a day.
#[track_caller]
fn standing(center: &Value, date: &str) -> Value {
    let beats = center["heartbeat"].as_array().expect("a heartbeat");
    let found = beats.iter().find(|beat| beat["date"] == date);
    found.unwrap_or_else(|| panic!("no {date} in {center}"))["standing"].clone()
}

#[test]
fn two_hundred_questions_are_counted_one_becomes_a_case_and_nobody_is_stored() {
    let district = District::start(Some(AFTERNOON));
    let clerk = district.clerk("donghuashi");
    let director = district.staff("director-dhs", "director", Place::Center("donghuashi"));
    let zero_clerk = district.clerk("jingshan");
    let coordinator = district.coordinator();

    let mut version = 0;
    for (number, (topic, channel, outcome, count, taps)) in (0..).zip(ASKED) {
        for tap in 0..taps {
            let mut body = json!({
                "center": "donghuashi",
                "topic": topic,
                "channel": channel,
                "outcome": outcome,
            });
            if count > 1 {
                body["count"] = json!(count);
            }
            let send = || {
                let request = clerk.request("POST", TALLY).key(key(number, tap));
                request.json(&body).send().expect_status(201)
            };
            let answer = send();
            assert_eq!((&answer["count"], &answer["date"]), (&json!(count), &json!("2021-01-26")));
            assert_eq!(answer.headers.get("etag"), Some(&format!("\"{}\"", answer.version())));
            version = answer.version();
            // A clerk who taps twice because the screen was slow has asked once.
            if tap == 0 {
                assert_eq!(send().json, answer.json);
            }
        }
    }
    let opened = clerk.open(opening("donghuashi", UNROUTED_MATTER, 1));

    // Today, while the day runs: no report yet, and nobody calls that silence.
    let here = center(&clerk, "donghuashi", version);
    assert_eq!(here["today"]["consultations"], 200);
    assert_eq!(here["today"]["closed"], false);
    assert_eq!(here["last_report"], Value::Null);
    assert_eq!(standing(&here, "2021-01-26"), "pending");

    // The day closes with what the house has counted, and once.
    let date = "2021-01-26";
    let closed = director.post(close_path("donghuashi", date), json!({})).expect_status(200);
    assert_eq!((&closed["consultations"], &closed["cases_opened"]), (&json!(200), &json!(1)));
    assert_eq!(closed["late"], false);
    assert_eq!(closed["closed_by"], director.username());
    assert_eq!(closed.event_names(), ["cn.unstuck.center.center_day_closed"]);
    for (outcome, count) in
        [("told_route", 150), ("printed_guide", 30), ("named_contact", 19), ("became_case", 1)]
    {
        assert_eq!(count_of(&closed["by_outcome"], "outcome", outcome), count, "{outcome}");
    }
    let most = &closed["by_topic"][0];
    assert_eq!((&most["topic"], &most["count"]), (&json!("退休手续办理"), &json!(60)));
    assert_eq!(count_of(&closed["by_topic"], "topic", "居住证签注"), 50);
    let again = coordinator.post(close_path("donghuashi", date), json!({})).expect_status(200);
    assert_eq!(again.json, closed.json);
    let late = clerk.post(TALLY, question("donghuashi", "退休手续办理"));
    late.refused(409, "day_closed");

    // A center with nothing reports zero; a third one stays silent.
    let zero = zero_clerk.post(close_path("jingshan", date), json!({})).expect_status(200);
    assert_eq!((&zero["consultations"], &zero["cases_opened"]), (&json!(0), &json!(0)));
    assert_eq!(count_of(&zero["by_outcome"], "outcome", "told_route"), 0);

    // By topic, most asked first.
    let path = format!("{TALLY}?from={date}&to={date}&min_version={}", zero.version());
    let asked = coordinator.get(path.clone());
    assert_eq!((&asked["consultations"], &asked["total"]), (&json!(200), &json!(6)));
    let topics: Vec<&Value> = asked.items().iter().map(|item| &item["topic"]).collect();
    assert_eq!(topics[..2], ["退休手续办理", "居住证签注"]);
    assert_eq!(count_of(&asked["by_channel"], "channel", "phone"), 50);
    assert_eq!(coordinator.get(format!("{path}&center=jingshan"))["consultations"], 0);
    let elsewhere = format!("{TALLY}?center=jingshan");
    clerk.request("GET", elsewhere).send().refused(403, "forbidden");
    let handler = district.handler("housing");
    handler.request("GET", TALLY).send().refused(403, "forbidden");

    // After the close of business, across a restart: reported, zero, and silent.
    district.at("2021-01-26T17:31:00+08:00");
    let reported = center(&coordinator, "donghuashi", zero.version());
    assert_eq!(standing(&reported, date), "reported");
    assert_eq!(reported["last_report"]["consultations"], 200);
    let zero = center(&coordinator, "jingshan", 0);
    assert_eq!(standing(&zero, date), "reported");
    assert_eq!(zero["heartbeat"][0]["consultations"], 0);
    let silent = center(&coordinator, "dongsi", 0);
    assert_eq!(standing(&silent, date), "silent");
    assert_eq!(silent["heartbeat"][0]["consultations"], Value::Null);
    assert_eq!(silent["last_report"], Value::Null);
    // Whose counts one may not see is not shown as zero either.
    assert_eq!(center(&clerk, "jingshan", 0)["heartbeat"], Value::Null);

    let overview = coordinator.get(format!("/v1/overview?from={date}&to={date}"));
    assert_eq!(overview.figure("consultations")["value"], 200);
    assert_eq!(overview.figure("consultations_became_case")["value"], 1);
    let conversion = overview.figure("consultation_conversion");
    assert_eq!((&conversion["numerator"], &conversion["denominator"]), (&json!(1), &json!(200)));
    let centers = coordinator.get("/v1/centers").items().len();
    let heartbeat = overview.figure("heartbeat");
    assert_eq!(heartbeat["numerator"], 2, "{}", overview.text);
    assert_eq!(heartbeat["denominator"], centers, "{}", overview.text);

    // The next morning the silent center closes late: kept, and said to be late.
    district.at("2021-01-27T09:10:00+08:00");
    let late_clerk = district.clerk("dongsi");
    let late = late_clerk.post(close_path("dongsi", date), json!({})).expect_status(200);
    assert_eq!(late["late"], true);
    assert_instant(&late["closed_at"], late["closed_at"].as_str().expect("a time"));
    let shown = center(&late_clerk, "dongsi", late.version());
    assert_eq!(standing(&shown, date), "late");
    assert_eq!(standing(&shown, "2021-01-27"), "pending");
    // What was counted yesterday is still counted once.
    let again = clerk.request("POST", TALLY).key(key(1, 0));
    let body = json!({
        "center": "donghuashi", "topic": "公租房申请", "channel": "window", "outcome": "told_route",
    });
    assert_eq!(again.json(&body).send().expect_status(201)["date"], date);
    clerk
        .request("POST", TALLY)
        .key(key(1, 0))
        .json(&with(body, "/count", 2))
        .send()
        .refused(422, "idempotency_mismatch");

    // No person anywhere: what was counted is numbers and topics.
    let events = district.tool(&["events", "--centers"]);
    assert!(events.status.success(), "{}", said(&events));
    let text = String::from_utf8_lossy(&events.stdout).into_owned();
    let lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let taps: u64 = ASKED.iter().map(|asked| asked.4).sum();
    assert_eq!(lines.len() as u64, taps + 3);
    let of_tally = ["center", "channel", "count", "day", "outcome", "topic"];
    for line in lines.iter().filter(|line| line["subject"] == "center.donghuashi.consultations") {
        let fields: Vec<&String> = line["data"].as_object().expect("data").keys().collect();
        assert_eq!(fields, of_tally);
    }
    assert!(!text.contains("样例") && !text.contains("1380000"), "a person was counted");
    clerk.case_after(&opened);

    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
    let rebuilt = district.tool(&["rebuild"]);
    assert!(rebuilt.status.success(), "{}", said(&rebuilt));
    assert_eq!(coordinator.get(path)["consultations"], 200);
}

#[test]
fn what_is_no_question_of_this_center_and_this_week_is_not_counted() {
    let district = District::start(Some(AFTERNOON));
    let clerk = district.clerk("donghuashi");
    let coordinator = district.coordinator();
    let handler = district.handler("housing");
    let auditor = district.staff("auditor", "auditor", Place::District);
    let body = question("donghuashi", "退休手续办理");

    // Who may.
    district.anybody().post(TALLY, body.clone()).refused(401, "unauthenticated");
    clerk.post(TALLY, question("jingshan", "退休")).refused(403, "forbidden");
    handler.post(TALLY, body.clone()).refused(403, "forbidden");
    auditor.post(TALLY, body.clone()).refused(403, "forbidden");
    let of_others = close_path("jingshan", "2021-01-26");
    clerk.post(of_others, json!({})).refused(403, "forbidden");
    auditor.post(close_path("donghuashi", "2021-01-26"), json!({})).refused(403, "forbidden");

    // What it must be.
    for (field, value) in [
        ("/count", json!(0)),
        ("/count", json!(501)),
        ("/count", json!(-1)),
        ("/count", json!("3")),
        ("/date", json!("2021-01-27")),
        ("/date", json!("2021-01-18")),
        ("/date", json!("yesterday")),
        ("/topic", json!("")),
        ("/topic", json!("长".repeat(101))),
        ("/channel", json!("pigeon")),
        ("/outcome", json!("solved")),
        ("/applicant", json!("somebody")),
    ] {
        let answer = clerk.post(TALLY, with(body.clone(), field, value));
        answer.refused(422, "invalid");
    }
    for field in ["/center", "/topic", "/channel", "/outcome"] {
        clerk.post(TALLY, without(body.clone(), field)).refused(422, "invalid");
    }
    coordinator.post(TALLY, question("nowhere", "退休")).refused(422, "invalid");
    for person in ["张先生 13800000001 问退休", "身份证 １１０１０１１９９００３０７７７５８"]
    {
        let answer = clerk.post(TALLY, with(body.clone(), "/topic", person));
        answer.refused(409, "pii_in_text");
    }

    // A day to come, no day, no center, and a body with wishes of its own.
    for date in ["2021-01-27", "2020-12-20", "2021-02-30", "today"] {
        clerk.post(close_path("donghuashi", date), json!({})).refused(422, "invalid");
    }
    coordinator.post(close_path("nowhere", "2021-01-26"), json!({})).refused(404, "not_found");
    let own_count = json!({ "consultations": 9000 });
    clerk.post(close_path("donghuashi", "2021-01-26"), own_count).refused(422, "invalid");

    // A question of last Tuesday may be counted, until that day is closed.
    let past = with(body.clone(), "/date", "2021-01-19");
    clerk.post(TALLY, past.clone()).expect_status(201);
    let closed = clerk.post(close_path("donghuashi", "2021-01-19"), json!({})).expect_status(200);
    assert_eq!((&closed["consultations"], &closed["late"]), (&json!(1), &json!(true)));
    clerk.post(TALLY, past).refused(409, "day_closed");

    // Of all that was refused, nothing was counted.
    let asked = coordinator.get(format!("{TALLY}?min_version={}", closed.version()));
    assert_eq!(asked["consultations"], 1, "{}", asked.text);
    let described = district.anybody().get("/openapi.json");
    for path in [TALLY, "/v1/centers/{center}/days/{date}/close"] {
        assert!(described["paths"][path]["post"].is_object(), "{path} is not described");
    }
}

#[test]
fn a_tap_whose_answer_was_lost_counts_once_when_it_is_tapped_again() {
    let mut bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("donghuashi");
    let body = question("donghuashi", "退休手续办理");
    let tap = |key: &str| clerk.request("POST", TALLY).key(key).json(&body).send();
    let first = tap("before").expect_status(201);

    // The bus hangs: nothing is said to be counted that is not.
    bus.freeze();
    let lost = tap("frozen");
    assert_eq!(lost.status, 503, "{}", lost.text);
    bus.thaw();
    wait_until("the same tap is counted", || tap("frozen").status == 201);

    // The bus dies, and so does the house; both come back on what was written.
    bus.kill();
    district.kill();
    bus.bring_up();
    district.bring_up();
    assert_eq!(tap("before").expect_status(201).json, first.json);
    let frozen = tap("frozen").expect_status(201);
    let asked = clerk.get(format!("{TALLY}?min_version={}", frozen.version()));
    assert_eq!(asked["consultations"], 2, "{}", asked.text);
    let date = first["date"].as_str().expect("a date");
    let closed = clerk.post(close_path("donghuashi", date), json!({})).expect_status(200);
    assert_eq!(closed["consultations"], 2);
    assert!(district.metric("unstuck_commands_total") >= 3.0);
}
