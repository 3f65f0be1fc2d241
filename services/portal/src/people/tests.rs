//! People by their names, and people for tests of what is rendered.

use serde_json::{Value, json};

use super::*;

/// People of a house.
pub(crate) fn people(items: Value) -> People {
    People::of(serde_json::from_value(json!({ "items": items })).unwrap())
}

#[test]
fn somebody_is_called_by_name_with_house_and_role_and_else_by_username() {
    let names: Names = serde_json::from_value(json!({
        "departments": [{ "id": "medical", "name": "区医保局", "name_en": "Medical Security" }],
        "codes": { "role": [{ "code": "handler", "zh": "承办人", "en": "Handler" }] },
    }))
    .unwrap();
    let people = people(json!([
        { "username": "yang.li", "name": "样例", "role": "handler", "department": "medical" },
        { "username": "nobody", "name": "" },
    ]));
    assert_eq!(people.name("yang.li"), "样例");
    assert_eq!(people.titled(Lang::Chinese, &names, "yang.li"), "样例（区医保局 承办人）");
    let english = people.titled(Lang::English, &names, "yang.li");
    assert_eq!(english.replace("  ", " "), "样例 (Medical Security Handler)");
    for unknown in ["nobody", "gone"] {
        assert_eq!(people.name(unknown), unknown);
        assert_eq!(people.titled(Lang::Chinese, &names, unknown), unknown);
    }
}

#[test]
fn each_username_is_asked_for_once_and_nothing_that_is_none() {
    let texts = ["b", "a", "b", "", "two words", "a,b", "样例", &"x".repeat(65)];
    assert_eq!(asked(texts.into_iter()), "a,b,样例");
}
