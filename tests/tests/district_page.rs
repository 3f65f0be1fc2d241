//! The dashboard, the wall, the lists behind figures and the page of a receipt over plain HTTP: every figure of the API is
//! on the page and leads to its list; an unknown code, a code that is none and a code of nobody look the same; who looks
//! too often waits.

use serde_json::json;
use unstuck_tests::api::Answer;
use unstuck_tests::bodies::opening;
use unstuck_tests::{Api, District, wait_for};

/// Wednesday.
const START: &str = "2026-03-04T10:00:00+08:00";
/// Where the page of a figure lies.
const LIST: &str = "href=\"/figures/";

/// A page as somebody who is signed in sees it, in Chinese.
fn page(person: &Api, path: &str) -> Answer {
    let token = person.sign_in().expect("the person can sign in");
    let cookie = format!("unstuck_session={token}; unstuck_lang=zh-CN");
    person.request("GET", path).header("cookie", cookie).send()
}

/// The addresses of a page that begin like this.
fn links<'a>(text: &'a str, begins: &str) -> Vec<&'a str> {
    let after = text.match_indices(begins).map(|(at, _)| &text[at + "href=\"".len()..]);
    after.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_figure_stands_on_the_board_and_leads_to_its_list() {
    let district = District::start(Some(START));
    let (clerk, coordinator) = (district.clerk("donghuashi"), district.coordinator());
    let opened = clerk.open(opening("donghuashi", "退休手续办理", 1)).json;
    coordinator
        .case_after(&clerk.get(format!("/v1/cases/{}", opened["case_id"].as_str().unwrap())));
    let board = page(&coordinator, "/district").expect_status(200);
    for figure in coordinator.get("/v1/figures")["items"].as_array().expect("figures") {
        let label = figure["label"]["zh"].as_str().expect("a label");
        assert!(board.text.contains(label), "{label} is not on the board");
    }
    let mut lists = links(&board.text, LIST);
    lists.sort_unstable();
    lists.dedup();
    // What has nothing to count leads nowhere.
    assert!(lists.len() > 12, "{lists:?}");
    for list in lists {
        let list = list.replace("&amp;", "&");
        let answer = page(&coordinator, &list);
        assert_eq!(answer.status, 200, "{list}: {}", answer.text);
        assert_eq!(answer.text.matches("<h1").count(), 1, "{list}");
    }
    let open = page(&coordinator, "/figures/open").expect_status(200);
    assert!(open.text.contains(opened["case_no"].as_str().expect("a number")), "{}", open.text);
}

#[test]
fn a_day_that_is_past_shows_what_was_overdue_then_the_most_urgent_first() {
    let district = District::start(Some("2026-03-02T10:00:00+08:00"));
    let (clerk, coordinator) = (district.clerk("donghuashi"), district.coordinator());
    let handler = district.handler("hr-public-service");
    let first = clerk.open(opening("donghuashi", "退休手续办理", 1));
    district.at("2026-03-03T10:00:00+08:00");
    let second = clerk.open(opening("donghuashi", "退休手续办理", 2));
    let number = |answer: &Answer| answer.json["case_no"].as_str().expect("a number").to_owned();
    let (first_no, second_no) = (number(&first), number(&second));
    // Both were late on the nineteenth; a day later the first is done.
    district.at("2026-03-20T10:00:00+08:00");
    let id = first.case_id();
    clerk.case_in_state(id, "forwarded");
    handler.done(id, "accept", json!({}));
    let result = json!({ "resolution": "D1", "result": "已办理", "cause": "I1" });
    coordinator.case_after(&handler.done(id, "resolve", result));

    let overdue = |address: &str| {
        let board = page(&coordinator, address).expect_status(200).text;
        let list = board.split("id=\"district-overdue\"").nth(1).expect("the list").to_owned();
        list.split("</section>").next().expect("its end").to_owned()
    };
    let then = overdue("/district?as_of=2026-03-19");
    let places = (then.find(&first_no), then.find(&second_no));
    assert!(matches!(places, (Some(first), Some(second)) if first < second), "{then}");
    assert!(then.contains("/figures/overdue?"), "the whole list is of then: {then}");
    let now = overdue("/district");
    assert!(!now.contains(&first_no) && now.contains(&second_no), "{now}");
    let asked = "/v1/figures/overdue/cases?as_of=2026-03-19&limit=1&sort=due_at";
    let page = coordinator.get(asked);
    assert_eq!(page.items()[0]["case_no"], first_no.as_str(), "{}", page.text);
    let cursor = page["next_cursor"].as_str().expect("there is more");
    let next = coordinator.get(format!("{asked}&cursor={cursor}"));
    assert_eq!(next.items()[0]["case_no"], second_no.as_str(), "{}", next.text);
    let other_order = format!("/v1/figures/overdue/cases?as_of=2026-03-19&limit=1&cursor={cursor}");
    coordinator.request("GET", other_order).send().refused(422, "invalid").naming("/cursor");
}

#[test]
fn nonsense_in_an_address_is_a_page_and_never_a_fault() {
    let district = District::start(Some(START));
    let coordinator = district.coordinator();
    for path in [
        "/district?days=abc&from=yesterday&to=%00&as_of=9999-99-99&center=..%2F..&department=%3Cscript%3E",
        "/district?fragment=now",
        "/district?fragment=rest",
        "/district?as_of=2026-03-01&days=30",
        "/wall?days=7",
        "/district/feed",
    ] {
        let answer = page(&coordinator, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{path}");
    }
    let unknown = page(&coordinator, "/figures/no_such_figure");
    assert!((400..500).contains(&unknown.status), "{}", unknown.text);
    assert!(unknown.text.contains("<h1"), "{}", unknown.text);
}

#[test]
fn a_receipt_answers_its_holder_and_nobody_learns_from_a_wrong_code() {
    let district = District::start(Some(START));
    let opened = district.clerk("donghuashi").open(opening("donghuashi", "退休手续办理", 1)).json;
    let code = opened["receipt_code"].as_str().expect("a code");
    let anybody = district.anybody();
    let look =
        |path: String| anybody.request("GET", path).header("cookie", "unstuck_lang=zh-CN").send();
    let shown = wait_for("the page of the receipt", || {
        let answer = look(format!("/s/{code}"));
        (answer.status == 200).then_some(answer)
    });
    assert!(shown.text.contains("退休手续办理"), "{}", shown.text);
    let typed = code.to_lowercase().replace('-', "");
    let found = look(format!("/status?code={typed}"));
    assert_eq!(found.status, 303, "{}", found.text);
    assert_eq!(
        found.headers.get("location").map(String::as_str),
        Some(format!("/s/{code}").as_str())
    );
    // A code of nobody has a right sum, another wrong one has none: both say the same.
    let of_nobody = look("/s/QXPC-P5AY-3UNX".to_owned());
    let of_none = look("/s/QXPC-P5AY-3UNY".to_owned());
    assert_eq!((of_nobody.status, of_none.status), (404, 404));
    let same = |answer: &Answer, code: &str| answer.text.replace(code, "");
    assert_eq!(same(&of_nobody, "QXPC-P5AY-3UNX"), same(&of_none, "QXPC-P5AY-3UNY"));
    let tired = wait_for("to be told to wait", || {
        let answer = look(format!("/s/{code}"));
        (answer.status == 429).then_some(answer)
    });
    assert!(tired.text.contains("<h1"), "{}", tired.text);
    // Behind a proxy somebody else is somebody else.
    let other =
        anybody.request("GET", format!("/s/{code}")).header("x-forwarded-for", "192.0.2.7").send();
    assert_eq!(other.status, 200, "{}", other.text);
}
