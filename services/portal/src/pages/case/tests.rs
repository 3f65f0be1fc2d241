//! What a case looks like, by rendering.

use proto_events::codes::Role;
use serde_json::{Value, json};

use super::model::{Case, Clocks};
use super::{inner, time};
use crate::form::Faults;
use crate::lang::Lang;
use crate::visit::tests::visit;

/// The hour of the visits of tests is 4 March 2026, ten in the morning.
fn case(more: &Value) -> Case {
    let mut case = json!({
        "case_id": "1", "case_no": "DHS20260302-AAAA", "receipt_code": "AAAA-BBBB-CCCC",
        "center": "donghuashi", "state": "opened", "version": 1, "matter": { "name": "退休手续办理" },
        "demand": "不知道该找谁", "opened_at": "2026-03-02T15:10:00+08:00", "due_at": "2026-03-06T17:30:00+08:00",
    });
    for (name, value) in more.as_object().unwrap() {
        case[name] = value.clone();
    }
    serde_json::from_value(case).unwrap()
}

fn clocks(state: &str, due_at: &str, days: &[&str], overdue: u32) -> Clocks {
    let days: Vec<Value> = days.iter().map(|day| json!({ "date": day })).collect();
    serde_json::from_value(json!({ "items": [{
        "clock": "handling", "state": state, "due_at": due_at, "counted": { "days": days },
        "overdue_working_days": overdue,
    }] }))
    .unwrap()
}

fn in_words(state: &str, due_at: &str, days: &[&str], overdue: u32) -> String {
    let due = chrono::DateTime::parse_from_rfc3339(due_at).unwrap();
    let clocks = clocks(state, due_at, days, overdue);
    time::in_words(&visit(Lang::Chinese, Role::Handler), &due, Some(&clocks)).unwrap()
}

fn rendered(case: Case, faults: &Faults) -> String {
    let told =
        super::Told { case, timeline: None, clocks: None, revealed: None, linked: Vec::new() };
    inner(&visit(Lang::Chinese, Role::Clerk), &told, faults).into_string()
}

#[test]
fn a_case_of_an_older_house_is_read_all_the_same() {
    let case = case(&json!({ "something_new": [1, 2, 3] }));
    assert_eq!(case.matter.name, "退休手续办理");
    assert!(case.rest.next.is_empty() && case.rest.department.is_none());
}

#[test]
fn a_deadline_is_said_by_the_days_that_the_house_counted() {
    let friday = "2026-03-06T17:30:00+08:00";
    // Today is begun: what is left are the days after it.
    let counted = ["2026-03-03", "2026-03-04", "2026-03-05", "2026-03-06"];
    assert_eq!(in_words("running", friday, &counted, 0), "还剩 2 个工作日");
    assert_eq!(in_words("running", "2026-03-04T17:30:00+08:00", &[], 0), "今天 17:30 到期");
    assert_eq!(in_words("running", "2026-03-04T09:00:00+08:00", &[], 0), "今天已超时");
    assert_eq!(in_words("running", "2026-03-02T17:30:00+08:00", &[], 2), "已超 2 个工作日");
    assert_eq!(in_words("paused", friday, &counted, 0), "已暂停");
}

#[test]
fn a_deadline_that_no_clock_counted_is_not_counted_here() {
    let visit = visit(Lang::Chinese, Role::Handler);
    let due = chrono::DateTime::parse_from_rfc3339("2026-03-06T17:30:00+08:00").unwrap();
    assert_eq!(time::in_words(&visit, &due, None), None);
    let other = clocks("running", "2026-03-09T17:30:00+08:00", &[], 0);
    assert_eq!(time::in_words(&visit, &due, Some(&other)), None);
}

#[test]
fn what_a_citizen_wrote_is_text_and_nothing_else() {
    let page = rendered(case(&json!({ "demand": "<script>alert(1)</script>𠮷" })), &Faults::none());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;𠮷"), "{page}");
    assert!(!page.contains("<script"), "{page}");
}

#[test]
fn a_page_stands_when_its_history_cannot_be_read() {
    let page = rendered(case(&json!({})), &Faults::none());
    assert!(page.contains("不知道该找谁"), "{page}");
    assert!(page.contains(&Lang::Chinese.text("case-history-away")), "{page}");
}

#[test]
fn whose_turn_it_is_stands_with_the_instant_that_it_is_due_at() {
    let next = json!([{ "step": "forward", "label": { "zh": "转办", "en": "Hand on" }, "party": "center",
        "id": "donghuashi", "due_at": "2026-03-04T17:30:00+08:00" }]);
    let page = rendered(case(&json!({ "next": next })), &Faults::none());
    assert!(page.contains("东花市街道政务服务中心</strong> 转办"), "{page}");
    assert!(page.contains("17:30"), "{page}");
    assert!(page.contains("/cases/1/do/forward"), "{page}");
}

#[test]
fn a_text_is_quoted_with_the_day_from_which_it_is_in_force() {
    let quoted = |lang, basis: Value| {
        let basis: super::model::Basis = serde_json::from_value(basis).unwrap();
        basis.quoted(lang)
    };
    let basis =
        json!({ "title": "社会保险法", "article": "第十六条", "in_force_from": "2011-07-01" });
    let told = quoted(Lang::Chinese, basis.clone());
    assert!(told.ends_with("第十六条（2011年7月1日起施行）"), "{told}");
    assert!(quoted(Lang::English, basis).ends_with("(in force from 1 July 2011)"));
    let told = quoted(Lang::Chinese, json!({ "title": "社会保险法", "article": "第十六条" }));
    assert!(told.ends_with("第十六条"), "{told}");
}

#[test]
fn a_rectification_says_what_is_due_first() {
    let due = |contacted_at: Value| {
        let work: super::model::Rectification = serde_json::from_value(json!({
            "owner": "hr", "due_at": "2026-03-09T17:30:00+08:00",
            "contact_due_at": "2026-03-05T17:30:00+08:00", "contacted_at": contacted_at,
        }))
        .unwrap();
        let (what, by) = work.is_due();
        format!("{what} {}", by.date_naive())
    };
    assert_eq!(due(Value::Null), "case-rectify-contact 2026-03-05");
    assert_eq!(due(json!("2026-03-04T09:00:00+08:00")), "case-rectify-done 2026-03-09");
}
