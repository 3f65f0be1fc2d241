//! `verify` proves that the log was not changed past the services: what somebody wrote to the bus by himself is named with
//! its place, beside a running `up` and without one.

use serde_json::json;
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::bus::Bus;
use unstuck_tests::district::said;
use unstuck_tests::{District, wait_until};

#[test]
fn an_event_that_nobody_of_the_house_wrote_is_found_at_its_place() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    let id = opened.case_id().to_owned();
    let whole = district.verify();
    assert!(whole.status.success(), "{}", said(&whole));
    assert!(said(&whole).contains("CASES: 1 events, sealed up to"), "{}", said(&whole));
    let seal = said(&whole)
        .lines()
        .find_map(|line| line.strip_prefix("CASES: ")?.rsplit(' ').next().map(str::to_owned));
    let seal = seal.expect("a seal is printed");
    assert!(district.tool(&["verify", "--seal", &seal]).status.success());
    let foreign = district.tool(&["verify", "--seal", &seal.replace("CASES:1", "CASES:2")]);
    assert!(
        !foreign.status.success() && said(&foreign).contains("no seal of this site"),
        "{}",
        said(&foreign)
    );

    // A forged progress, with everything that an event has except the MAC that only the site can make.
    let time = "2026-01-01T00:00:00+00:00";
    bus.put(
        &format!("case.jingshan.{id}"),
        &[
            ("ce-specversion", "1.0"),
            ("ce-id", "00000000-0000-5000-8000-0000000000aa"),
            ("ce-source", "/dongcheng/routing/jingshan"),
            ("ce-type", "cn.unstuck.case.progress_noted.v1"),
            ("ce-subject", &id),
            ("ce-time", time),
            ("ce-recordedat", time),
            ("ce-actor", "somebody"),
            ("ce-role", "handler"),
            ("ce-commandid", "00000000-0000-5000-8000-0000000000ab"),
        ],
        &json!({ "text": "一切都好", "public": true }).to_string(),
    );
    let expected = format!(
        "CASES 2, subject case.jingshan.{id}, event 00000000-0000-5000-8000-0000000000aa: it has no MAC"
    );
    for _ in 0..2 {
        let found = district.verify();
        assert_eq!(found.status.code(), Some(1), "{}", said(&found));
        assert!(said(&found).contains(&expected), "{}", said(&found));
        // The second time without a running `up`.
        district.shut_down();
    }
}

#[test]
fn a_person_whose_key_was_changed_is_hidden_and_named_as_unreadable_to_who_asks() {
    let bus = Bus::start();
    let district = District::start_on(&bus);
    let clerk = district.clerk("jingshan");
    let id = clerk.open(opening("jingshan", UNROUTED_MATTER, 1)).case_id().to_owned();
    bus.put(&format!("$KV.case_keys.{id}"), &[], "no key");
    wait_until("the applicant is hidden", || clerk.case(&id)["applicant"]["name"] == "**");
    assert_eq!(clerk.get("/v1/cases").json["items"][0]["applicant"]["name"], "**");
    clerk.act(&id, "reveal", json!({ "purpose": "电话回访" })).refused(409, "unreadable");
    let correction = json!({ "field": "phone", "value": "13800000000", "reason": "录入有误" });
    clerk.act(&id, "corrections", correction).refused(409, "unreadable");
    assert!(district.metric("unstuck_unreadable_applicants_total") >= 4.0);
    // The case goes on without its person.
    clerk.done(&id, "withdraw", json!({ "reason": "本人不再办理" }));
}
