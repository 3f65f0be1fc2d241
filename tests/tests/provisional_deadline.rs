//! A promise beyond the last published year: provisional until the notice comes, then counted again by an event.
//!
//! The calendar is one of the test's own, which ends with 2026 whatever the product's own has learned since.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use unstuck_tests::binary::{repository, sample_district};
use unstuck_tests::bodies::{UNROUTED_MATTER, assert_instant, opening, with};
use unstuck_tests::district::said;
use unstuck_tests::{Api, District, holds_for, wait_for, wait_until};

/// The notice of the year, as an operator copies it into the file; the days are made up.
const NOTICE_OF_2027: &str = r#"
[2027]
off = [{ from = 2027-01-01, to = 2027-01-03, name = "元旦" }]
work = [2027-01-09]
"#;

/// A folder as it lies on a server: the district file, and its calendar beside it.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let site = Self { folder: tempfile::tempdir().expect("a folder") };
        for folder in ["districts", "calendars"] {
            fs::create_dir(site.folder.path().join(folder)).expect("a folder can be made");
        }
        let sample = fs::read_to_string(sample_district()).expect("the sample district");
        let district = sample.replacen("calendar = \"cn\"", "calendar = \"ours\"", 1);
        assert_ne!(district, sample);
        fs::write(site.district_file(), district).expect("the district file can be written");
        let product = fs::read_to_string(repository().join("deploy/calendars/cn.toml"));
        let product = product.expect("the calendar of the product");
        let until_2026 = product.split("\n[2027]").next().unwrap_or_default();
        fs::write(site.calendar(), until_2026).expect("the calendar can be written");
        site
    }

    fn district_file(&self) -> PathBuf {
        self.folder.path().join("districts/ours.toml")
    }

    fn calendar(&self) -> PathBuf {
        self.folder.path().join("calendars/ours.toml")
    }

    /// The one edit of the year.
    fn add_2027(&self) {
        let mut calendar = fs::read_to_string(self.calendar()).expect("the calendar");
        calendar.push_str(NOTICE_OF_2027);
        fs::write(self.calendar(), calendar).expect("the calendar can be written");
    }
}

#[track_caller]
fn handling(api: &Api, case_id: &str) -> Value {
    let answer = api.get(format!("/v1/cases/{case_id}/clocks"));
    let found = answer.items().iter().find(|item| item["clock"] == "handling").cloned();
    found.unwrap_or_else(|| panic!("no handling in {}", answer.text))
}

#[test]
fn a_promise_into_an_unpublished_year_is_counted_again_when_the_year_is_added() {
    let site = Site::new();
    let district = District::start_from(&site.district_file(), Some("2026-12-29T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    // Wednesday 30, Thursday 31, and Friday 1 January, which nobody has named a holiday yet.
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id();
    assert_instant(&opened["due_at"], "2027-01-01T17:30:00+08:00");
    // Another one, which waits for a person to find its department.
    let other =
        clerk.open(with(opening("donghuashi", UNROUTED_MATTER, 2), "/complexity", "complex"));
    clerk.case_in_state(id, "forwarded");
    let case = clerk.case_after(&opened);
    let code = case["receipt_code"].as_str().unwrap_or_default().to_owned();
    assert_eq!(case["flags"]["provisional_due"], true);
    let told = handling(&clerk, id);
    assert_eq!((&told["provisional"], &told["as_promised"]), (&json!(true), &json!(true)));
    assert!(
        told["provisional_why"]["zh"]
            .as_str()
            .is_some_and(|why| why.contains("2027年放假安排尚未公布"))
    );
    assert!(told["calendar"].as_str().is_some_and(|name| name.starts_with("ours 2020–2026 #")));
    assert_eq!(district.receipt(&code)["provisional_due"], true);

    // The same calendar once more: nothing to count again.
    district.at("2026-12-29T10:05:00+08:00");
    let recalculated = |id: &str| clerk.events(id, "deadline_recalculated");
    holds_for(std::time::Duration::from_secs(3), "nothing is counted again", || {
        recalculated(id).is_empty()
    });

    site.add_2027();
    district.at("2026-12-29T10:10:00+08:00");
    let events = wait_for("the promise is counted again", || {
        let events = recalculated(id);
        (!events.is_empty()).then_some(events)
    });
    let event = &events[0];
    assert_eq!((&event["actor"], &event["role"]), (&json!("escalation"), &json!("system")));
    assert_instant(&event["data"]["was_due_at"], "2027-01-01T17:30:00+08:00");
    assert_instant(&event["data"]["due_at"], "2027-01-04T17:30:00+08:00");
    assert_eq!(event["data"]["published_to"], "2027-12-31");
    assert!(
        event["sentence"]["zh"].as_str().is_some_and(|text| text.contains("2027年放假安排公布"))
    );

    let case = clerk.case(id);
    assert_instant(&case["due_at"], "2027-01-04T17:30:00+08:00");
    // The first promise is kept beside it: a figure asks for both.
    assert_instant(&case["original_due_at"], "2027-01-01T17:30:00+08:00");
    assert_eq!(case["flags"]["provisional_due"], false);
    let told = handling(&clerk, id);
    assert_eq!((&told["provisional"], &told["as_promised"]), (&json!(false), &json!(true)));
    assert_eq!(told["counted"]["count"], 3);
    assert!(told["calendar"].as_str().is_some_and(|name| name.starts_with("ours 2020–2027 #")));
    assert!(told["sentence"]["zh"].as_str().is_some_and(|text| text.contains("元旦放假")));
    let page = district.receipt(&code);
    assert_instant(&page["due_at"], "2027-01-04T17:30:00+08:00");
    let updates = page["updates"].as_array().cloned().unwrap_or_default();
    let says_so = |update: &Value| {
        update["zh"].as_str().is_some_and(|text| text.contains("2027年放假安排已公布"))
    };
    assert!(updates.iter().any(says_so), "{updates:?}");

    // Once, whatever restarts; and the other case was provisional as well.
    wait_until("the other one is counted again", || recalculated(other.case_id()).len() == 1);
    district.kill();
    district.bring_up();
    holds_for(std::time::Duration::from_secs(3), "once is enough", || recalculated(id).len() == 1);

    let file = site.district_file();
    let doctor = district.tool(&["doctor", "--district", &file.to_string_lossy()]);
    assert!(said(&doctor).contains("working calendar ours 2020–2027 #"), "{}", said(&doctor));
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
}
