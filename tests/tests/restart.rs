//! What stays the same when the district is stopped, killed and started again.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use unstuck_tests::bodies::{UNROUTED_MATTER, opening};
use unstuck_tests::{District, wait_until};

#[test]
fn a_timer_fires_once_per_case_clock_and_level_whatever_restarts() {
    let district = District::start(Some("2021-01-26T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let coordinator = district.coordinator();
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id();
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));

    // Due on the 29th; a month later every level is due at once.
    let key = |event: &Value| format!("{}/{}", event["data"]["clock"], event["data"]["level"]);
    let fired = || -> Vec<String> { coordinator.events(id, "escalated").iter().map(key).collect() };
    for (time, level) in [
        ("2021-01-29T17:29:58+08:00", "director"),
        ("2021-02-03T10:00:00+08:00", "department_lead"),
        ("2021-02-26T10:00:00+08:00", "leading_group"),
    ] {
        district.at(time);
        let expected = format!("\"handling\"/\"{level}\"");
        wait_until(&format!("{level} is told"), || fired().contains(&expected));
        // Killed while the timers run, and started again at the same time.
        district.kill();
        district.bring_up();
        // Something that the timers must have passed before it is seen.
        let noted = handler.done(id, "progress", json!({ "text": "仍在办理", "public": false }));
        coordinator.case_after(&noted);
    }
    for level in
        ["warning_50", "warning_80", "director", "department_lead", "coordinator", "leading_group"]
    {
        let expected = format!("\"handling\"/\"{level}\"");
        wait_until(&format!("{level} has fired"), || fired().contains(&expected));
    }
    let all = fired();
    let distinct: BTreeSet<&String> = all.iter().collect();
    assert_eq!(all.len(), distinct.len(), "fired twice: {all:?}");
    let due = all.iter().filter(|key| key.starts_with("\"handling\"/"));
    assert_eq!(due.count(), 6, "{all:?}");
}

#[test]
fn after_a_kill_one_nats_server_serves_the_folder_and_after_a_stop_none() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    for _ in 0..3 {
        district.kill();
        district.bring_up();
        let case = clerk.case_after(&opened);
        assert_eq!(case["case_no"], opened["case_no"]);
        wait_until("one nats-server serves the folder", || district.nats_servers() == 1);
    }
    district.shut_down();
    wait_until("nothing runs on the folder", || district.processes().is_empty());
}

#[test]
fn a_second_up_on_the_same_folder_is_refused_and_harms_nothing() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let second = district.tool(&["up", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success(), "{}", unstuck_tests::district::said(&second));
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    assert_eq!(clerk.case_after(&opened)["state"], "opened");
}

#[test]
fn tools_work_beside_a_running_district_and_without_one() {
    let district = District::start(None);
    let clerk = district.clerk("jingshan");
    let opened = clerk.open(opening("jingshan", UNROUTED_MATTER, 1));
    clerk.case_after(&opened);
    let lists_it = || {
        let output = district.tool(&["events", "--case", opened.case_id()]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", unstuck_tests::district::said(&output));
        assert!(text.contains("cn.unstuck.case.opened.v1"), "{text}");
        assert!(
            !text.contains("13800000001") && !text.contains("样例甲"),
            "a person in clear: {text}"
        );
    };
    lists_it();
    district.shut_down();
    lists_it();
    let staff = district.tool(&["staff", "list"]);
    assert!(String::from_utf8_lossy(&staff.stdout).contains(clerk.username()));
    let rebuilt = district.tool(&["rebuild"]);
    assert!(rebuilt.status.success(), "{}", unstuck_tests::district::said(&rebuilt));
    let verified = district.verify();
    assert!(verified.status.success(), "{}", unstuck_tests::district::said(&verified));
}
