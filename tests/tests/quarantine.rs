//! What nobody can read: who sees it, where it stands, why, since when, and by which tool.

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::{District, Place, said};
use unstuck_tests::{Api, wait_until};

/// The list as pages of one give it.
fn in_pages_of_one(reader: &Api) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = reader.get(format!("/v1/quarantine?limit=1{cursor}"));
        items.extend_from_slice(page.items());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return items,
        }
    }
}

/// What `events --quarantined` prints.
fn printed(district: &District, more: &[&str]) -> Vec<Value> {
    let output = district.tool(&[&["events", "--quarantined"], more].concat());
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).expect("a tool prints UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

#[test]
fn what_nobody_can_read_is_listed_with_its_place_its_reason_and_its_time() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let coordinator = district.coordinator();
    let clerk = district.clerk("jingshan");
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    assert_eq!(coordinator.get("/v1/quarantine").json["items"], json!([]));

    let type_of_tomorrow = "cn.unstuck.case.enchanted.v7";
    let of_a_case = format!("case.jingshan.{}", opened.case_id());
    let secret = "张三 13800000001";
    let first = bus.put(&of_a_case, &[("ce-type", type_of_tomorrow)], secret);
    let second = bus.put("case.jingshan.nonsense", &[("ce-type", secret)], "not json at all \u{0}");
    let of_center = bus.put("center.jingshan.consultations", &[], "{}");
    let learned = bus.put("precedent.nonsense", &[], "[]");
    wait_until("all four are counted", || {
        district.metric("unstuck_quarantined_events_total") >= 4.0
    });

    let auditor = district.staff("auditor", "auditor", Place::District);
    let admin = district.staff("admin", "admin", Place::District);
    let list = auditor.get("/v1/quarantine");
    assert_eq!(list["total"], 4);
    for (reader, status) in [(&auditor, 200), (&coordinator, 200), (&admin, 200), (&clerk, 403)] {
        let token = reader.sign_in().expect("the person can sign in");
        let cookie = format!("unstuck_session={token}; unstuck_lang=zh-CN");
        let page = reader.request("GET", "/quarantine").header("cookie", cookie).send();
        assert_eq!(page.status, status, "{}", page.text);
        assert_eq!(page.text.contains(type_of_tomorrow), status == 200, "{}", page.text);
        assert!(!page.text.contains("13800000001"), "{}", page.text);
    }
    assert!(!list.text.contains("13800000001"), "{}", list.text);
    let places: Vec<_> = list
        .items()
        .iter()
        .map(|item| (item["stream"].clone(), item["sequence"].clone()))
        .collect();
    let expected =
        [("CASES", first), ("CASES", second), ("CENTERS", of_center), ("LEARNING", learned)];
    assert_eq!(places, expected.map(|(stream, sequence)| (json!(stream), json!(sequence))));
    let item = &list.items()[0];
    assert_eq!(item["type"], type_of_tomorrow);
    assert_eq!(item["case_id"], opened.case_id());
    assert_eq!(item["subject"], of_a_case);
    assert!(item["reason"].as_str().is_some_and(|reason| !reason.is_empty()), "{item}");
    let since = item["since"].as_str().unwrap_or_default();
    assert!(chrono::DateTime::parse_from_rfc3339(since).is_ok(), "{item}");
    assert_eq!(list.items()[1]["type"], Value::Null, "what stands there is no name of a type");
    assert_eq!(list.items()[1]["case_id"], Value::Null);

    assert_eq!(in_pages_of_one(&admin), list.items());
    for reader in [&clerk, &district.callback_officer(), &district.lead("civil-affairs")] {
        reader.request("GET", "/v1/quarantine").send().refused(403, "forbidden");
    }
    district.anybody().request("GET", "/v1/quarantine").send().refused(401, "unauthenticated");
    for cursor in ["x", "CASES_", "AUDIT_1", "CASES_-1", "%00"] {
        let path = format!("/v1/quarantine?cursor={cursor}");
        admin.request("GET", path).send().refused(422, "invalid");
    }

    let running = printed(&district, &[]);
    assert_eq!(running.len(), 4);
    assert_eq!(running[0]["reason"], item["reason"]);
    assert_eq!(running[0]["type"], type_of_tomorrow);
    assert!(!format!("{running:?}").contains("13800000001"));
    assert_eq!(printed(&district, &["--centers"]), running[2..3]);
    assert_eq!(printed(&district, &["--learning"]), running[3..]);
    district.shut_down();
    assert_eq!(printed(&district, &[]), running, "without `up` the log says the same");
    // Built anew, the view says the same as well.
    let output = district.tool(&["rebuild"]);
    assert!(output.status.success(), "{}", said(&output));
    district.bring_up();
    assert_eq!(coordinator.get("/v1/quarantine").items(), list.items());
}
