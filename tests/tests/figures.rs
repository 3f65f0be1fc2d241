//! Figures over the wire: the cases behind them, what the district saw on an earlier day, and what was refused.

use serde_json::{Value, json};
use unstuck_tests::bodies::opening;
use unstuck_tests::{Answer, Api, District, wait_until};

const YESTERDAY: &str = "as_of=2021-01-26";

/// The counts of a figure of an overview.
#[track_caller]
fn counts(overview: &Answer, name: &str) -> (u64, u64) {
    let figure = overview.figure(name);
    let count = |side: &str| figure[side].as_u64().expect("a count");
    (count("numerator"), count("denominator"))
}

/// The cases behind a figure, with how much they add.
#[track_caller]
fn behind(api: &Api, asked: &str) -> Vec<(String, u64)> {
    let answer = api.get(format!("/v1/figures/{asked}"));
    let case = |item: &Value| {
        let case_id = item["case_id"].as_str().expect("a case").to_owned();
        (case_id, item["times"].as_u64().expect("how often"))
    };
    let cases: Vec<_> = answer.items().iter().map(case).collect();
    assert_eq!(answer["total"], cases.len(), "{}", answer.text);
    assert_eq!(answer["counted"], cases.iter().map(|case| case.1).sum::<u64>(), "{}", answer.text);
    cases
}

#[test]
fn an_earlier_day_is_seen_as_it_was_and_every_figure_has_its_cases() {
    let district = District::start(Some("2021-01-26T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let coordinator = district.coordinator();

    let first = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = first.case_id();
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));
    let contacted = handler.done(id, "contact", json!({ "mode": "phone", "reached": true }));
    let overview = |query: &str, answer: &Answer| {
        coordinator.get(format!("/v1/overview?{query}min_version={}", answer.version()))
    };
    let evening = overview("", &contacted);
    assert_eq!(counts(&evening, "open"), (1, 1));
    assert_eq!(counts(&evening, "done_rate"), (0, 0));

    district.at("2021-01-27T10:00:00+08:00");
    let result = json!({ "resolution": "D1", "result": "已办理", "cause": "I1" });
    handler.done(id, "resolve", result);
    let second = clerk.open(opening("donghuashi", "退休手续办理", 2));
    let other = second.case_id();
    clerk.case_in_state(other, "forwarded");

    let now = overview("", &second);
    assert_eq!((counts(&now, "open"), counts(&now, "done_rate")), ((1, 1), (1, 1)));
    let then = coordinator.get(format!("/v1/overview?{YESTERDAY}"));
    assert_eq!((counts(&then, "open"), counts(&then, "done_rate")), ((1, 1), (0, 0)));
    assert_eq!(counts(&then, "response_rate"), counts(&evening, "response_rate"));
    assert_eq!(then["as_of_sequence"], contacted.version(), "{}", then.text);
    assert_eq!(then["as_of"], "2021-01-26T23:59:59.999999+08:00");

    assert_eq!(behind(&coordinator, "open/cases"), [(other.to_owned(), 1)]);
    assert_eq!(behind(&coordinator, "done_rate/cases"), [(id.to_owned(), 1)]);
    assert_eq!(behind(&coordinator, &format!("open/cases?{YESTERDAY}")), [(id.to_owned(), 1)]);
    assert_eq!(behind(&coordinator, &format!("done_rate/cases?{YESTERDAY}")), []);
    let stranger = district.clerk("jingshan");
    assert_eq!(behind(&stranger, "open/cases"), []);

    // Each month of the trend says what the overview says of its days, also of a day that is past.
    for as_of in ["", "&as_of=2021-01-26"] {
        let trend = coordinator.get(format!("/v1/trend?months=2{as_of}"));
        let january = coordinator.get(format!("/v1/overview?from=2021-01-01{as_of}"));
        let [december, this] = trend.items() else { panic!("two months: {}", trend.text) };
        assert_eq!(december["period"]["from"], "2020-12-01T00:00:00+08:00");
        assert_eq!(this["period"]["from"], "2021-01-01T00:00:00+08:00");
        let figures = this["figures"].as_object().expect("figures");
        assert!(figures.len() > 20, "{}", trend.text);
        for (name, figure) in figures {
            assert_eq!(figure, january.figure(name), "{name} {as_of}");
        }
        assert_eq!(december["figures"]["blockages"]["numerator"], 0);
    }
    assert!(coordinator.get("/v1/trend").items().len() == 12);
    for months in ["0", "61", "x"] {
        let path = format!("/v1/trend?months={months}");
        coordinator.request("GET", path).send().refused(422, "invalid").naming("/months");
    }

    let future = coordinator.request("GET", "/v1/overview?as_of=2021-01-28").send();
    future.refused(422, "invalid").naming("/as_of");
    district.anybody().request("GET", "/v1/figures").send().expect_status(401);
}

#[test]
fn feedback_that_the_handling_side_wanted_to_collect_is_counted() {
    let district = District::start(Some("2021-01-26T10:00:00+08:00"));
    let clerk = district.clerk("donghuashi");
    let handler = district.handler("hr-public-service");
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1));
    let id = opened.case_id();
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));
    let result = json!({ "resolution": "D1", "result": "已办理", "cause": "I1" });
    handler.done(id, "resolve", result);
    let feedback = json!({ "responded": true, "solved": "yes", "grade": 5, "mode": "phone" });
    for _ in 0..2 {
        handler.act(id, "feedback", feedback.clone()).refused(409, "self_feedback");
    }
    let coordinator = district.coordinator();
    let refused = || coordinator.get("/v1/overview").figure("self_feedback_refused").clone();
    wait_until("both refusals are counted", || refused()["value"] == 2);
    assert_eq!(behind(&coordinator, "self_feedback_refused/cases"), [(id.to_owned(), 2)]);
    // It survives a restart: the audit is read from its start.
    district.kill();
    district.bring_up();
    wait_until("both refusals are counted again", || refused()["value"] == 2);
}
