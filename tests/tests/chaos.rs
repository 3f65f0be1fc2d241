//! Kills, races and a bus that is gone: what was acknowledged is there, once, and nothing is half done.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, event_name, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::said;
use unstuck_tests::{Answer, Api, District, wait_for, wait_until};

/// How often `unstuck up` is killed in the middle of load.
const KILLS: usize = 20;
/// How many cases are acknowledged between two kills, at least.
const CASES_BETWEEN_KILLS: usize = 5;
/// How many people open cases at once.
const CLIENTS: u32 = 4;
/// How long a client goes on trying one request.
const RETRY_TIME_MAX: Duration = Duration::from_secs(120);

#[test]
fn twenty_kills_in_the_middle_of_load_lose_nothing_and_double_nothing() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let coordinator = district.coordinator();
    let is_over = AtomicBool::new(false);
    let acknowledged = AtomicUsize::new(0);
    let opened: Mutex<BTreeMap<String, Answer>> = Mutex::new(BTreeMap::new());

    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (clerk, opened, is_over, acknowledged) = (&clerk, &opened, &is_over, &acknowledged);
            scope.spawn(move || {
                let mut n = client;
                while !is_over.load(Ordering::Relaxed) {
                    let key = format!("load-{n}");
                    let answer = retried(clerk, "/v1/cases", &key, &load(n), 201);
                    // Now and then the answer is lost on its way, and the client asks again.
                    if n % 3 == 0 {
                        let again = retried(clerk, "/v1/cases", &key, &load(n), 201);
                        assert_same(&again, &answer);
                    }
                    // A second command on the case, with a key too.
                    let path = format!("/v1/cases/{}/progress", answer.case_id());
                    let note = json!({ "text": "已联系", "public": false });
                    retried(clerk, &path, &format!("note-{n}"), &note, 200);
                    opened.lock().unwrap_or_else(PoisonError::into_inner).insert(key, answer);
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                    n += CLIENTS;
                }
            });
        }
        for _ in 0..KILLS {
            let before = acknowledged.load(Ordering::Relaxed);
            wait_until("the load goes on", || {
                acknowledged.load(Ordering::Relaxed) >= before + CASES_BETWEEN_KILLS
            });
            district.kill();
            district.bring_up();
        }
        is_over.store(true, Ordering::Relaxed);
    });

    let opened = opened.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(opened.len() >= KILLS * CASES_BETWEEN_KILLS);

    // Each acknowledged case is there once, and no other.
    wait_until("the views have them all", || {
        coordinator.get("/v1/cases?limit=1").json["total"] == opened.len()
    });
    let mut listed: Vec<String> = coordinator
        .whole_list("/v1/cases?center=jingshan")
        .iter()
        .map(|item| item["case_id"].as_str().unwrap_or_default().to_owned())
        .collect();
    listed.sort_unstable();
    let mut expected: Vec<String> =
        opened.values().map(|answer| answer.case_id().to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);

    // A retry at any later time yields the same case; each step of each case stands once, and the
    // reaction has forwarded every case that the table knows.
    for (key, answer) in &opened {
        let n: u32 = key["load-".len()..].parse().expect("the number of the load");
        let again = retried(&clerk, "/v1/cases", key, &load(n), 201);
        assert_same(&again, answer);
        let id = answer.case_id();
        if is_routed(n) {
            coordinator.case_in_state(id, "forwarded");
        }
        let mut story = coordinator.story(id);
        story.sort_unstable();
        let expected: &[&str] = if is_routed(n) {
            &["forwarded", "opened", "progress_noted"]
        } else {
            &["opened", "progress_noted"]
        };
        assert_eq!(story, expected, "{key}");
    }

    // The views equal an independent fold of the log, beside the running district and without it.
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
    district.kill();
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
}

/// The `n`-th opening of the load; every other matter is in the routing table.
fn load(n: u32) -> Value {
    let matter = if is_routed(n) { "公租房申请" } else { UNROUTED_MATTER };
    opening("jingshan", matter, n)
}

fn is_routed(n: u32) -> bool {
    (n / CLIENTS).is_multiple_of(2)
}

/// Sends a request with a key until it is acknowledged: broken lines, 503 and 429 are tried again.
fn retried(api: &Api, path: &str, key: &str, body: &Value, expected: u16) -> Answer {
    let started = Instant::now();
    loop {
        let outcome = api.request("POST", path).key(key).json(body).try_send();
        match &outcome {
            Ok(answer) if answer.status == expected => return answer.clone(),
            Ok(answer) => assert!(
                matches!(answer.status, 429 | 503),
                "{path} {key}: {} {}",
                answer.status,
                answer.text
            ),
            Err(_) => {}
        }
        assert!(started.elapsed() < RETRY_TIME_MAX, "{path} {key} for too long: {outcome:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The ids of a repeated answer are those of the first.
#[track_caller]
fn assert_same(again: &Answer, first: &Answer) {
    for field in ["case_id", "case_no", "receipt_code", "events"] {
        assert_eq!(again[field], first[field], "{field}");
    }
}

#[test]
fn of_two_racing_commands_exactly_one_wins() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let coordinator = district.coordinator();
    for round in 0..20 {
        let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, round));
        let has_version = round % 2 == 0;
        let start = Barrier::new(2);
        let race = |api: &Api, department: &str| {
            let body = json!({ "department": department, "ask": "请办理" });
            let path = format!("/v1/cases/{}/forward", opened.case_id());
            let request = api.request("POST", path).json(&body);
            let request = if has_version { request.if_match(opened.version()) } else { request };
            start.wait();
            request.send()
        };
        let (one, other) = thread::scope(|scope| {
            let one = scope.spawn(|| race(&clerk, "housing"));
            let other = scope.spawn(|| race(&coordinator, "health"));
            (one.join().expect("an answer"), other.join().expect("an answer"))
        });
        let (won, lost) = if one.status == 200 { (one, other) } else { (other, one) };
        let won = won.expect_status(200);
        if has_version {
            assert!(matches!(lost.status, 409 | 412), "{}", lost.text);
        } else {
            lost.refused(409, "wrong_state");
        }
        let case = coordinator.case_after(&won);
        assert_eq!(case["hops"], 1, "{case}");
        assert_eq!(coordinator.story(opened.case_id()), ["opened", "forwarded"]);
    }
}

#[test]
fn one_key_sent_by_many_at_once_opens_one_case() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    clerk.get("/v1/cases");
    let start = Barrier::new(8);
    let answers: Vec<Answer> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    retried(&clerk, "/v1/cases", "the-same", &load(0), 201)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("an answer")).collect()
    });
    for answer in &answers {
        assert_same(answer, &answers[0]);
    }
    clerk.case_in_state(answers[0].case_id(), "forwarded");
    assert_eq!(clerk.get("/v1/cases").json["total"], 1);
}

#[test]
fn without_its_bus_the_district_says_so_and_goes_on_when_it_is_back() {
    let mut bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let first = clerk.open(load(0));
    clerk.case_in_state(first.case_id(), "forwarded");

    bus.kill();
    let refused = wait_for("the bus is missed", || {
        let request = clerk.request("POST", "/v1/cases").key("gone").json(&load(1)).try_send();
        request.ok().filter(|answer| answer.status == 503)
    });
    assert_can_be_retried(&refused);
    // Views are read as before, by whoever may read without the bus: anybody with a receipt.
    assert_eq!(district.receipt(first.receipt_code())["state"], "forwarded");
    assert_eq!(district.anybody().request("GET", "/readyz").send().status, 503);
    assert_eq!(district.anybody().get("/healthz").status, 200);

    bus.bring_up();
    let second = retried(&clerk, "/v1/cases", "gone", &load(1), 201);
    clerk.case_in_state(second.case_id(), "forwarded");
    wait_until("it is ready again", || {
        district.anybody().request("GET", "/readyz").send().status == 200
    });
    assert_eq!(clerk.get("/v1/cases").json["total"], 2);
}

#[test]
fn a_bus_that_hangs_is_not_waited_for_without_end() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let first = clerk.open(load(0));
    clerk.case_in_state(first.case_id(), "forwarded");

    bus.freeze();
    let refused = clerk.request("POST", "/v1/cases").key("hangs").json(&load(1)).send();
    bus.thaw();
    assert_can_be_retried(&refused);

    let second = retried(&clerk, "/v1/cases", "hangs", &load(1), 201);
    clerk.case_in_state(second.case_id(), "forwarded");
    assert_eq!(clerk.get("/v1/cases").json["total"], 2);
    let names: Vec<_> = clerk
        .timeline(second.case_id())
        .iter()
        .map(|item| event_name(item["type"].as_str().unwrap_or_default()).to_owned())
        .collect();
    assert_eq!(names, ["opened", "forwarded"]);
}

#[track_caller]
fn assert_can_be_retried(answer: &Answer) {
    assert_eq!(answer.status, 503, "{}", answer.text);
    let seconds = answer.headers.get("retry-after").and_then(|value| value.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "Retry-After: {:?}", answer.headers);
    let code = answer["code"].as_str().unwrap_or_default().to_owned();
    answer.clone().refused(503, &code);
}
