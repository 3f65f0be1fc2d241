//! What a case looks like, by rendering.

use serde_json::json;

use super::model::Case;

#[test]
fn a_case_of_an_older_house_is_read_all_the_same() {
    let case: Case = serde_json::from_value(json!({
        "case_id": "1", "case_no": "DHS20210126-AAAA", "receipt_code": "AAAA-BBBB-CCCC",
        "center": "donghuashi", "state": "opened", "version": 1, "matter": { "name": "退休手续办理" },
        "demand": "不知道该找谁", "opened_at": "2021-01-26T15:10:00+08:00", "due_at": "2021-01-29T17:30:00+08:00",
        "something_new": [1, 2, 3],
    }))
    .unwrap();
    assert_eq!(case.matter.name, "退休手续办理");
    assert!(case.rest.next.is_empty() && case.rest.department.is_none());
}
