//! A center with a server of its own: it registers while the line is down, and everything arrives once; a center that is
//! revoked, doubled, restored from an old disk or whose clock is wrong says so, and loses nothing.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bodies::{opening, with};
use unstuck_tests::district::said;
use unstuck_tests::line::Cut;
use unstuck_tests::visitor::Visitor;
use unstuck_tests::{Answer, Api, Center, District, Line, holds_for, wait_until, wire};

const CENTER: &str = "donghuashi";
const MATTER: &str = "退休手续办理";

fn line_is(center: &Center, clerk: &Api, wanted: &str) {
    wait_until("the center sees its line", || center.line(clerk)["line"] == wanted);
}

fn nothing_waits(center: &Center, clerk: &Api) {
    wait_until("everything has left the center", || {
        let line = center.line(clerk);
        line["line"] == "up" && line["waiting"] == 0 && line["registers"] == true
    });
}

fn tally(clerk: &Api, count: u32) {
    let body = json!({
        "center": CENTER, "topic": "营业执照", "channel": "window", "outcome": "told_route", "count": count,
    });
    clerk.post("/v1/consultations", body).expect_status(201);
}

/// The cases of the center as somebody of the district sees them, the oldest first.
fn arrived(reader: &Api) -> Vec<Value> {
    let answer = reader.get(format!("/v1/cases?center={CENTER}&limit=200&sort=-opened_at"));
    let mut items = answer.json["items"].as_array().cloned().unwrap_or_default();
    items.reverse();
    items
}

/// The ids of the events that a tool prints, in their order.
fn events_of(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{}", said(output));
    let text = String::from_utf8_lossy(&output.stdout);
    let id = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["id"].clone();
    text.lines().map(id).collect()
}

/// How the district sees the line.
fn of_district(reader: &Api) -> Value {
    let centers = reader.get("/v1/centers").json;
    let items = centers["items"].as_array().cloned().unwrap_or_default();
    items.into_iter().find(|center| center["id"] == CENTER).expect("the center")["line"].clone()
}

fn case_of(reader: &Api, opened: &Answer) -> Value {
    let path = format!("/v1/cases/{}", opened.case_id());
    wait_until("the case has arrived", || {
        reader.request("GET", path.as_str()).send().status == 200
    });
    reader.get(path).json
}

#[test]
fn what_was_registered_while_the_line_was_down_arrives_once_with_its_own_time_and_promise() {
    let district = District::start_for_centers(Some("2021-01-26T10:00:00+08:00"));
    let line = Line::to(district.leaf_address());
    let center = Center::join(&district, CENTER, line.address(), Some("2021-01-26T10:00:00+08:00"));
    let (clerk, coordinator) = (center.clerk(), district.coordinator());
    line_is(&center, &clerk, "up");
    let before = clerk.open(opening(CENTER, MATTER, 1));
    let case = case_of(&coordinator, &before);
    assert_eq!(case["applicant"]["name"], "样*甲", "{case}");
    coordinator.case_in_state(before.case_id(), "forwarded");
    nothing_waits(&center, &clerk);

    assert_eq!(of_district(&coordinator)["state"], "up");
    line.cut(Cut::Silent);
    line_is(&center, &clerk, "down");
    wait_until("the district sees it", || of_district(&coordinator)["state"] == "down");
    let first = clerk.open(opening(CENTER, MATTER, 2));
    tally(&clerk, 3);
    let mut browser = Visitor::of(center.anybody());
    browser.sign_in(clerk.username(), &[]);
    wait_until("the counter says what waits", || {
        let counter = browser.get("/counter").expect_status(200).text;
        counter.contains("线路中断：2 项待送达，可继续登记")
    });
    let case = browser.get(&format!("/cases/{}", first.case_id())).expect_status(200).text;
    assert!(case.contains("尚未送达区里"), "{case}");
    let slip = browser.get(&format!("/cases/{}/receipt", first.case_id())).expect_status(200).text;
    let code = first.json["receipt_code"].as_str().expect("a code");
    assert!(slip.contains(&format!("https://district.example/s/{code}")), "{slip}");
    let mut office = Visitor::signed_in(&district, coordinator.username());
    let board = office.get("/district").expect_status(200).text;
    assert!(board.contains("中断"), "{board}");
    // The machine loses its power while the line is down.
    center.kill();
    center.bring_up(&[]);
    let second = clerk.open(opening(CENTER, MATTER, 3));
    clerk.done(
        second.case_id(),
        "materials",
        json!({ "items": [{ "name": "身份证" }], "complete": true }),
    );
    tally(&clerk, 4);
    let closed = clerk.post(format!("/v1/centers/{CENTER}/days/2021-01-26/close"), json!({}));
    assert_eq!((closed.status, &closed.json["consultations"]), (200, &json!(7)), "{}", closed.text);
    assert_eq!(closed.json["cases_opened"], 3);
    assert_eq!(center.line(&clerk)["line"], "never", "of this start");
    holds_for(Duration::from_secs(1), "nothing arrives", || arrived(&coordinator).len() == 1);
    // Meanwhile the same person comes with the same matter to another center.
    let elsewhere = district.clerk("chaoyangmen").open(opening("chaoyangmen", MATTER, 2));

    // Two days later the line is mended.
    district.at("2021-01-28T09:00:00+08:00");
    center.shut_down();
    center.set_clock("2021-01-28T09:00:00+08:00");
    center.bring_up(&[]);
    line.heal();
    nothing_waits(&center, &clerk);
    for opened in [&first, &second] {
        let case = case_of(&coordinator, opened);
        for field in ["opened_at", "due_at", "receipt_code", "case_no"] {
            assert_eq!(
                case[field],
                clerk.get(format!("/v1/cases/{}", opened.case_id())).json[field]
            );
        }
        assert!(case["opened_at"].as_str().is_some_and(|at| at.starts_with("2021-01-26T10:0")));
        assert_eq!(case["due_at"], opened.json["due_at"]);
        let late = &case["arrived_late"];
        assert!(
            late["registered_at"].as_str().is_some_and(|at| at.starts_with("2021-01-26T10:0")),
            "{late}"
        );
        assert!(
            late["arrived_at"].as_str().is_some_and(|at| at.starts_with("2021-01-28T09:0")),
            "{late}"
        );
    }
    assert_eq!(
        coordinator.get(format!("/v1/cases/{}", before.case_id())).json["arrived_late"],
        Value::Null
    );
    late_ones_are_found(&district, &coordinator, &[&first, &second], &before);
    let links = || coordinator.get(format!("/v1/cases/{}", first.case_id())).json["links"].clone();
    wait_until("the duplicate is linked", || links()[0]["case_id"] == elsewhere.case_id());
    assert_eq!(links()[0]["relation"], "duplicate");
    for stream in [None, Some("--centers")] {
        let events: Vec<_> = ["events"].into_iter().chain(stream).collect();
        let written = events_of(&center.tool(&events));
        let mut stands = events_of(&district.tool(&events));
        stands.retain(|id| written.contains(id));
        assert!(written.len() >= 3 && stands == written, "each once, in the center's order");
    }
    let history = coordinator.get(format!("/v1/cases/{}/timeline", second.case_id())).json;
    let materials = history.to_string().matches("materials_received").count();
    assert_eq!(materials, 1, "{history}");
    for tool in [district.verify(), center.tool(&["verify"])] {
        assert!(tool.status.success(), "{}", said(&tool));
    }
}

/// Where a clerk of the district looks for what came late: in lists, on the page of the case, in the register.
#[track_caller]
fn late_ones_are_found(district: &District, reader: &Api, late: &[&Answer], in_time: &Answer) {
    let mut office = Visitor::signed_in(district, reader.username());
    let of = |late: bool| -> Vec<Value> {
        let answer = reader.get(format!("/v1/cases?center={CENTER}&arrived_late={late}"));
        let items = answer.json["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|case| case["case_id"].clone()).collect()
    };
    let found = of(true);
    assert!(
        found.len() == late.len() && late.iter().all(|one| found.contains(&json!(one.case_id())))
    );
    assert_eq!(of(false), [json!(in_time.case_id())]);
    for path in ["/cases?arrived_late=true", &format!("/cases/{}", late[0].case_id())] {
        let page = office.get(path).expect_status(200).text;
        assert!(page.contains("晚到 1 天"), "{path}: {page}");
    }
    let page = office.get("/cases?arrived_late=false").expect_status(200).text;
    assert!(!page.contains("晚到 1 天"), "{page}");
    let register = reader.get(format!("/v1/register.csv?center={CENTER}")).expect_status(200).text;
    let mut rows = register.lines();
    assert!(rows.next().is_some_and(|head| head.trim().ends_with("晚到送达时间")), "{register}");
    let told = rows.filter(|row| row.trim().ends_with("2021-01-28 09:00")).count();
    assert_eq!((told, register.lines().count()), (late.len(), late.len() + 2), "{register}");
}

#[test]
fn a_machine_that_is_not_the_center_any_more_is_told_so_and_registers_nothing() {
    let district = District::start_for_centers(None);
    let center = Center::join(&district, CENTER, district.leaf_address(), None);
    let (clerk, coordinator) = (center.clerk(), district.coordinator());
    line_is(&center, &clerk, "up");
    clerk.open(opening(CENTER, MATTER, 1));
    nothing_waits(&center, &clerk);

    // Another machine with the same file.
    let twin = Center::prepared(CENTER, None);
    twin.bring_up(&["--join", &center.join_file().display().to_string()]);
    let twins = twin.clerk();
    wait_until("the twin is told", || twin.line(&twins)["trouble"] == "another_machine");
    let told = || of_district(&coordinator)["other_machine_heard_at"].is_string();
    wait_until("and so is the district", told);
    let refused = twins.post("/v1/cases", opening(CENTER, MATTER, 2));
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("not_accepted")));
    clerk.open(opening(CENTER, MATTER, 3));
    nothing_waits(&center, &clerk);
    drop(twin);

    let neighbour = Center::join(&district, "chaoyangmen", district.leaf_address(), None);
    let beside = neighbour.clerk();
    nothing_waits(&neighbour, &beside);
    let output = district.tool(&["enroll", "--center", CENTER, "--revoke"]);
    assert!(output.status.success(), "{}", said(&output));
    wait_until("the center is told", || center.line(&clerk)["trouble"] == "revoked");
    assert_eq!(of_district(&coordinator)["trouble"], "revoked");
    let refused = clerk.post("/v1/cases", opening(CENTER, MATTER, 4));
    assert_eq!((refused.status, &refused.json["code"]), (503, &json!("not_accepted")));
    assert_eq!(arrived(&coordinator).len(), 2);
    // Its line is broken and does not come back; that of another center does.
    let log = district.data().join("bus/nats-server.log");
    let log = || std::fs::read_to_string(&log).unwrap_or_default();
    wait_until("its line is refused", || {
        log().contains("lid") && log().contains("authentication error")
    });
    line_is(&center, &clerk, "down");
    let opened = beside.open(opening("chaoyangmen", MATTER, 7));
    case_of(&coordinator, &opened);
    drop(neighbour);
    // Also after a restart, with nobody to ask.
    center.kill();
    center.bring_up(&[]);
    assert_eq!(clerk.post("/v1/cases", opening(CENTER, MATTER, 5)).status, 503);

    // Enrolled anew, the same machine goes on where it was.
    center.enroll(&district, district.leaf_address());
    center.shut_down();
    center.bring_up(&["--join", &center.join_file().display().to_string()]);
    nothing_waits(&center, &clerk);
    clerk.open(opening(CENTER, MATTER, 6));
    wait_until("it arrives", || arrived(&coordinator).len() == 3);
}

#[test]
fn a_center_restored_from_an_old_disk_says_so_and_recovers_without_losing_anything() {
    let district = District::start_for_centers(None);
    let line = Line::to(district.leaf_address());
    let center = Center::join(&district, CENTER, line.address(), None);
    let (clerk, coordinator) = (center.clerk(), district.coordinator());
    clerk_opens(&center, &clerk, 1);
    center.shut_down();
    let images = tempfile::tempdir().expect("a folder");
    let image = images.path().join("image");
    center.image(&image);
    center.bring_up(&[]);
    clerk_opens(&center, &clerk, 2);
    tally(&clerk, 5);
    nothing_waits(&center, &clerk);
    center.shut_down();

    // The disk is an old one, and somebody goes on with it while nobody can tell him.
    center.put_back(&image);
    line.cut(Cut::Silent);
    center.bring_up(&[]);
    let forked = clerk.open(opening(CENTER, MATTER, 3));
    let further = clerk.open(opening(CENTER, MATTER, 4));
    line.heal();
    wait_until("it says so", || {
        ["forked", "old_disk"].iter().any(|trouble| center.line(&clerk)["trouble"] == *trouble)
    });
    assert_eq!(clerk.post("/v1/cases", opening(CENTER, MATTER, 5)).status, 503);
    let trouble = || of_district(&coordinator)["trouble"].is_string();
    wait_until("the district says so", trouble);
    holds_for(Duration::from_secs(1), "nothing is skipped", || arrived(&coordinator).len() == 2);
    center.shut_down();
    center.bring_up(&["--recover"]);
    nothing_waits(&center, &clerk);
    for opened in [&forked, &further] {
        case_of(&coordinator, opened);
    }
    wait_until("both ends have the same", || {
        arrived(&coordinator).len() == 4 && arrived(&clerk).len() == 4
    });
    center.shut_down();
    center.bring_up(&[]);
    clerk_opens(&center, &clerk, 6);
    wait_until("it goes on", || arrived(&coordinator).len() == 5);
    for tool in [district.verify(), center.tool(&["verify"])] {
        assert!(tool.status.success(), "{}", said(&tool));
    }
}

fn clerk_opens(center: &Center, clerk: &Api, n: u32) -> Answer {
    wait_until("it registers", || center.line(clerk)["registers"] == true);
    let opened = clerk.open(opening(CENTER, MATTER, n));
    let version = opened.json["version"].as_u64().expect("a version");
    wait_until("it has arrived", || {
        center.line(clerk)["delivered_version"].as_u64().is_some_and(|reached| reached >= version)
    });
    nothing_waits(center, clerk);
    opened
}

/// What the doctor of the district says of its centers: state, words, fix.
fn doctor(district: &District) -> Vec<(String, String, String)> {
    let output = district.tool(&["doctor", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", said(&output)));
    let findings = told["findings"].as_array().expect("findings").iter();
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    findings
        .filter(|finding| finding["look"] == "centers")
        .map(|one| (text(one, "state"), text(one, "found"), text(one, "fix")))
        .collect()
}

/// A center whose clock is off by some seconds: its facts keep their time and their promise, nothing happens in silence, and
/// both ends say what is wrong.
#[track_caller]
fn clock_is_off(of_center: &str, wanted: std::ops::RangeInclusive<i64>, zh: &str, en: &str) {
    let district = District::start_for_centers(Some("2021-01-26T10:00:00+08:00"));
    let center = Center::join(&district, CENTER, district.leaf_address(), Some(of_center));
    let (clerk, coordinator) = (center.clerk(), district.coordinator());
    line_is(&center, &clerk, "up");
    let line = center.line(&clerk);
    let ahead = line["clock_ahead_seconds"].as_i64().unwrap_or_default();
    assert!(wanted.contains(&ahead) && line["clock_is_off"] == true, "{line}");
    let mut browser = Visitor::of(center.anybody());
    browser.sign_in(clerk.username(), &[]);
    let counter = browser.get("/counter").expect_status(200).text;
    assert!(counter.contains(&format!("本机{zh}")), "{counter}");

    let opened = clerk.open(opening(CENTER, MATTER, 1));
    let case = case_of(&coordinator, &opened);
    let of_center = clerk.get(format!("/v1/cases/{}", opened.case_id())).json;
    for field in ["opened_at", "due_at", "original_due_at", "case_no"] {
        assert_eq!(case[field], of_center[field], "what was printed counts: {field}");
    }
    assert_eq!(case["arrived_late"], Value::Null, "it came at once");
    let ahead = case["center_clock_ahead_seconds"].as_i64().unwrap_or_default();
    assert!(wanted.contains(&ahead), "{case}");
    // The house goes on with it by its own clock, and the promise stays.
    let forwarded = coordinator.case_in_state(opened.case_id(), "forwarded");
    assert_eq!(forwarded["due_at"], opened.json["due_at"]);
    let mut office = Visitor::signed_in(&district, coordinator.username());
    let page = office.get(&format!("/cases/{}", opened.case_id())).expect_status(200).text;
    assert!(page.contains(&format!("送达时该中心{zh}")), "{page}");
    let board = office.get("/district").expect_status(200).text;
    assert!(board.contains(zh), "{board}");
    let shown = of_district(&coordinator);
    assert_eq!((&shown["state"], &shown["clock_is_off"]), (&json!("up"), &json!(true)), "{shown}");
    let measured = || {
        let seconds = district.metric("unstuck_center_clock_ahead_seconds");
        wanted
            .clone()
            .any(|one| (seconds - f64::from(i32::try_from(one).expect("small"))).abs() < 1.0)
    };
    wait_until("it is measured", measured);
    let found = doctor(&district);
    let off = found.iter().find(|(_, found, _)| found.contains("clock"));
    let Some((state, found, fix)) = off else { panic!("{found:?}") };
    assert!(
        state == "wrong" && found.contains(en) && fix.contains("timedatectl"),
        "{found}: {fix}"
    );
    for tool in [district.verify(), center.tool(&["verify"])] {
        assert!(tool.status.success(), "{}", said(&tool));
    }
}

#[test]
fn a_clock_an_hour_ahead_is_shown_and_its_facts_are_marked_and_taken() {
    clock_is_off("2021-01-26T11:00:30+08:00", 3_600..=3_660, "时钟快 1 小时", "ahead");
}

#[test]
fn a_clock_a_day_behind_is_shown_and_its_facts_are_marked_and_taken() {
    clock_is_off("2021-01-25T09:59:30+08:00", -86_460..=-86_400, "时钟慢 1 天", "1 d 0 h behind");
}

/// A certificate for this machine with its key, the authority that signed it, and another authority, as files of a folder.
fn certificates(folder: &Path) -> [PathBuf; 4] {
    let authority = |name: &str| {
        let key = KeyPair::generate().expect("a key");
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names");
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).expect("a certificate");
        (certificate.pem(), Issuer::new(parameters, key))
    };
    let (pem, issuer) = authority("the district's authority");
    let key = KeyPair::generate().expect("a key");
    let names = ["localhost", "127.0.0.1"].map(str::to_owned);
    let server = CertificateParams::new(names).expect("names").signed_by(&key, &issuer);
    let texts = [
        ("server.crt", server.expect("a certificate").pem()),
        ("server.key", key.serialize_pem()),
        ("ca.crt", pem),
        ("other-ca.crt", authority("another authority").0),
    ];
    texts.map(|(name, text)| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("the folder is writable");
        path
    })
}

#[test]
fn a_center_joins_over_tls_and_talks_to_nobody_whom_its_authority_did_not_sign() {
    let folder = tempfile::tempdir().expect("a folder");
    let [certificate, key, authority, other] = certificates(folder.path());
    let district = District::start_for_centers_over_tls(&certificate, &key);
    let (address, coordinator) = (district.leaf_address(), district.coordinator());
    let hub = format!("tls://{address}");

    // Whoever answers at the address of the district has another authority, or none that anybody knows.
    for more in [&["--hub-ca", other.to_str().expect("text")][..], &[]] {
        let fooled = Center::prepared(CENTER, None);
        fooled.enroll_at(&district, &hub, more);
        fooled.bring_up(&["--join", &fooled.join_file().display().to_string()]);
        let clerk = fooled.clerk();
        let log = fooled.data().join("bus/nats-server.log");
        wait_until("its server says why", || {
            std::fs::read_to_string(&log)
                .is_ok_and(|log| log.contains("x509: certificate signed by unknown authority"))
        });
        let line = fooled.line(&clerk);
        assert_eq!((&line["line"], &line["registers"]), (&json!("never"), &json!(false)), "{line}");
        let refused = clerk.post("/v1/cases", opening(CENTER, MATTER, 1));
        assert_eq!((refused.status, &refused.json["code"]), (503, &json!("not_accepted")));
    }
    assert_eq!(of_district(&coordinator)["state"], "never");

    // In clear nobody is heard where TLS is spoken.
    let plain = Center::prepared(CENTER, None);
    plain.enroll_at(&district, &format!("nats-leaf://{address}"), &[]);
    plain.bring_up(&["--join", &plain.join_file().display().to_string()]);
    let clerk = plain.clerk();
    holds_for(Duration::from_secs(3), "it is not heard", || plain.line(&clerk)["line"] == "never");
    drop(plain);

    let center = Center::prepared(CENTER, None);
    center.enroll_at(&district, &hub, &["--hub-ca", authority.to_str().expect("text")]);
    center.bring_up(&["--join", &center.join_file().display().to_string()]);
    let clerk = center.clerk();
    nothing_waits(&center, &clerk);
    let opened = clerk.open(opening(CENTER, MATTER, 1));
    assert_eq!(case_of(&coordinator, &opened)["applicant"]["name"], "样*甲");
    nothing_waits(&center, &clerk);
    // Later starts have what they need in the folder.
    center.shut_down();
    center.bring_up(&[]);
    nothing_waits(&center, &clerk);
}

#[test]
fn what_the_district_decides_is_answered_with_that() {
    let district = District::start_for_centers(None);
    let center = Center::join(&district, CENTER, district.leaf_address(), None);
    let clerk = center.clerk();
    let case = clerk_opens(&center, &clerk, 1).case_id().to_owned();
    let forward = json!({ "department": "hr-public-service", "ask": "请办理" });
    let refused = clerk.act(&case, "forward", forward);
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("district_decides")));
    let refused = clerk.act(&case, "decline", json!({}));
    assert_eq!((refused.status, &refused.json["code"]), (409, &json!("district_decides")));
    let other = with(opening(CENTER, MATTER, 2), "/center", "jingshan");
    assert_eq!(clerk.post("/v1/cases", other).status, 403);
}

/// Somebody has the credential of a center and a program of his own.
#[test]
fn a_center_that_lies_is_refused_at_the_gate_and_nothing_of_it_stands() {
    let district = District::start_for_centers(None);
    let center = Center::join(&district, CENTER, district.leaf_address(), None);
    clerk_opens(&center, &center.clerk(), 1);
    let instance = std::fs::read_to_string(center.data().join("instance")).expect("it is there");
    center.shut_down();
    let seeds = district.data().join("bus/users");
    let worker = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let told = worker.expect("a runtime").block_on(async {
        let liar = wire::Line::open(&district.bus_url(), &seeds.join("center:donghuashi.nk")).await?;
        let operator = wire::Line::open(&district.bus_url(), &seeds.join("operator.nk")).await?;
        let js = async_nats::jetstream::new(operator.client().clone());
        let mut cases = js.get_stream("CASES").await?;
        let opened = cases.get_raw_message(1).await?;
        let headers: Vec<_> = opened
            .headers
            .iter()
            .filter_map(|(name, values)| Some((name.to_string(), values.first()?.as_str().to_owned())))
            .collect();
        let body = String::from_utf8(opened.payload.to_vec())?;
        let hello = json!({
            "instance": instance.trim(), "clock": "2026-01-01T00:00:00+08:00", "waiting_since": null,
            "ends": { "cases": { "sequence": 9, "digest": "" }, "centers": { "sequence": 9, "digest": "" } },
            "trouble": null, "is_recovering": false,
        });
        // An answer that would go into a case, where the gate may publish and the center may not.
        let elsewhere = opened.subject.to_string();
        let asked = hello.to_string().into();
        liar.client().publish_with_reply("gate.donghuashi.hello", elsewhere, asked).await?;
        let answer = liar.client().request("gate.donghuashi.hello", hello.to_string().into()).await?;
        let welcome: Value = serde_json::from_slice(&answer.payload)?;
        let place = welcome["welcome"]["places"]["cases"].clone();
        let without_mac: Vec<_> =
            headers.iter().filter(|(name, _)| name != "ce-mac").cloned().collect();
        let forwarded: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.clone(), value.replace("case.opened", "case.forwarded")))
            .collect();
        let of_another = opened.subject.replace(CENTER, "jingshan");
        let lies = [
            json!({ "subject": of_another, "headers": headers, "body": body }),
            json!({ "subject": opened.subject.as_str(), "headers": headers, "body": body.replace('1', "2") }),
            json!({ "subject": opened.subject.as_str(), "headers": without_mac, "body": body }),
            json!({ "subject": opened.subject.as_str(), "headers": forwarded, "body": body }),
            json!({ "subject": "audit.dongcheng", "headers": headers, "body": body }),
        ];
        let before = cases.info().await?.state.last_sequence;
        let mut told = Vec::new();
        for lie in lies {
            let deliver = json!({
                "instance": instance.trim(), "clock": "2026-01-01T00:00:00+08:00", "stream": "cases",
                "after": place, "is_anew": false, "events": [lie], "keys": [],
            });
            let asked = deliver.to_string().into();
            let answer = liar.client().request("gate.donghuashi.deliver", asked).await?;
            told.push(serde_json::from_slice::<Value>(&answer.payload)?);
        }
        anyhow::ensure!(cases.info().await?.state.last_sequence == before, "something stands");
        anyhow::Ok(told)
    });
    let told = told.unwrap_or_else(|error| panic!("{error:#}"));
    assert_eq!(told.len(), 5);
    for answer in told {
        assert_eq!(answer["refused"]["trouble"], "not_its_own", "{answer}");
    }
}

#[test]
fn settings_that_do_not_do_are_named_before_anything_starts() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let faults = |arguments: &[&str]| {
        let mut command = unstuck_command();
        let output = command.args(arguments).args(["--data", &data]).output().expect("it starts");
        assert_eq!(output.status.code(), Some(64), "{}", said(&output));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let told = faults(&["center"]);
    assert!(told.contains("--join") && told.contains("enroll"), "{told}");
    let file = folder.path().join("join.json");
    std::fs::write(&file, r#"{"format":1,"seed":"SUSECRET"}"#).expect("writable");
    let name = file.display().to_string();
    let told = faults(&["center", "--join", &name]);
    assert!(told.contains("can be read by others"), "{told}");
    std::fs::set_permissions(&file, Permissions::from_mode(0o600)).expect("own");
    let told = faults(&["center", "--join", &name]);
    assert!(
        told.contains("no file that `unstuck enroll` wrote") && !told.contains("SUSECRET"),
        "{told}"
    );
    let told = faults(&["up", "--leaf-listen", "0.0.0.0:7422"]);
    assert!(told.contains("beyond this machine"), "{told}");
    let told = faults(&["up", "--leaf-listen", "127.0.0.1:0", "--leaf-certificate", "/no/such"]);
    assert_eq!(told.lines().count(), 2, "{told}");
    let out = folder.path().join("out.json").display().to_string();
    let enroll = |center, hub| faults(&["enroll", "--center", center, "--hub", hub, "--out", &out]);
    assert!(enroll("nowhere", "tls://bus:7422").contains("no center of the district file"));
    assert!(enroll(CENTER, "nats-leaf://bus.example:7422").contains("only tls://"));
    assert!(enroll(CENTER, "tls://bus.example").contains("HOST:PORT"));
    assert!(!folder.path().join("data").exists() && !folder.path().join("out.json").exists());
}
