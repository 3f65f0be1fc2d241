//! The page of a receipt from what the API says, and the page that asks for a code.

use super::answer::Receipt;
use crate::lang::Lang;
use crate::names::Names;

const OPEN: &str = r#"{"case_no":"DHS20210126-AAAA","receipt_code":"QXPC-P5AY-3UNX","state":"in_department",
    "state_label":{"zh":"部门办理中","en":"In department"},"matter":"<b>退休</b>手续办理",
    "center":{"id":"donghuashi","name":"东花市街道政务服务中心"},
    "department":{"id":"hr-public-service","name":"区人力资源公共服务中心"},
    "contact":{"window":"退休专窗","phone":"010-0000-0000"},
    "opened_at":"2021-01-26T15:10:00+08:00","due_at":"2021-01-29T17:30:00+08:00","overdue":false,
    "next_step":{"zh":"您不用做什么。","en":"Nothing for you to do."},"a_new_field":{},
    "updates":null,"as_of":"2021-01-27T09:00:00+08:00","as_of_sequence":7}"#;

fn rendered(lang: Lang, text: &str) -> String {
    let receipt: Receipt = serde_json::from_str(text).unwrap();
    receipt.page(lang, &Names::default()).into_string()
}

#[test]
fn the_answer_comes_first_and_says_who_and_by_when() {
    let page = rendered(Lang::Chinese, OPEN);
    let place = |part: &str| page.find(part).unwrap_or_else(|| panic!("{part}: {page}"));
    assert!(place("部门办理中") < place("您不用做什么。"));
    assert!(place("您不用做什么。") < place("区人力资源公共服务中心"));
    assert!(place("区人力资源公共服务中心") < place("1月29日（周五）17:30"));
    assert!(page.contains("tel:010-0000-0000"));
    assert_eq!(page.matches("<h1").count(), 1);
}

#[test]
fn what_the_api_says_is_escaped() {
    let page = rendered(Lang::English, OPEN);
    assert!(page.contains("&lt;b&gt;") && !page.contains("<b>"), "{page}");
}

#[test]
fn a_history_that_cannot_be_read_leaves_the_answer() {
    assert!(rendered(Lang::Chinese, OPEN).contains("办理经过暂时读不到"));
}

#[test]
fn a_case_that_is_over_promises_nothing_and_says_why() {
    let over = OPEN.replace("\"in_department\"", "\"explained\"").replace(
        "\"overdue\":false",
        r#""overdue":true,"outcome":{"kind":"explained","at":"2021-01-28T10:00:00+08:00",
            "text":null,"basis":["某办法 第五条"]},"remedies":["行政复议"]"#,
    );
    let page = rendered(Lang::Chinese, &over);
    assert!(!page.contains("最晚答复时间") && !page.contains("已超时"), "{page}");
    assert!(page.contains("某办法 第五条") && page.contains("行政复议"), "{page}");
}

#[test]
fn papers_to_bring_are_listed_with_their_day() {
    let asked = OPEN.replace(
        "\"updates\":null",
        r#""updates":[],"materials":{"items":[{"name":"身份证","basis":"指南第三条"}],
            "due_at":"2021-02-02T17:30:00+08:00","answered":false}"#,
    );
    let page = rendered(Lang::Chinese, &asked);
    for part in ["身份证", "指南第三条", "2月2日（周二）17:30"] {
        assert!(page.contains(part), "{part}: {page}");
    }
}
