//! Actions, held against the table of the house.

use std::collections::BTreeSet;

use proto_events::codes::Role;

use serde_json::json;

use super::table::{Kind, all, of_command};
use super::{Case, Colleague, Person, Shown, body, fields, found, offered};
use crate::form::{Faults, Form, Typed};
use crate::lang::Lang;
use crate::visit::tests::visit;

fn person(role: Role, center: Option<&str>, department: Option<&str>) -> Person {
    Person {
        token: "t".to_owned(),
        username: "me".to_owned(),
        name: "me".to_owned(),
        role,
        center: center.map(str::to_owned),
        department: department.map(str::to_owned),
        has_second_factor: false,
    }
}

/// A case that came back: its center may hand it on, the coordinator may rule.
fn returned() -> Case {
    let case = json!({
        "case_id": "1", "case_no": "DHS20260302-AAAA", "receipt_code": "AAAA-BBBB-CCCC",
        "center": "donghuashi", "state": "returned", "version": 7,
        "matter": { "name": "退休手续办理" }, "demand": "不知道该找谁",
        "opened_at": "2026-03-02T15:10:00+08:00", "due_at": "2026-03-06T17:30:00+08:00",
        "next": [
            { "step": "forward", "party": "center", "id": "donghuashi" },
            { "step": "arbitrate", "party": "coordinator" },
        ],
    });
    serde_json::from_value(case).unwrap()
}

/// The roles of each command, as the page of the rules has them: the columns of its first table.
const COLUMNS: [Role; 8] = [
    Role::Clerk,
    Role::Director,
    Role::Handler,
    Role::DepartmentLead,
    Role::Coordinator,
    Role::Callback,
    Role::PrivacyOfficer,
    Role::Auditor,
];

#[test]
fn an_action_is_offered_to_those_whom_the_house_lets_take_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../casework/PERMISSIONS.md");
    let page = std::fs::read_to_string(path).unwrap();
    // `| Note progress |` is the command that the audit calls `NoteProgress`.
    let command = |line: &str| -> String {
        let words = line.split('|').nth(1).unwrap_or_default().split_whitespace();
        let capital = |word: &str| format!("{}{}", word[..1].to_uppercase(), &word[1..]);
        words.filter(|word| word.is_ascii()).map(capital).collect()
    };
    for action in all() {
        let line = page
            .lines()
            .find(|line| line.starts_with("| ") && of_command(&command(line)) == Some(action.name))
            .unwrap_or_else(|| panic!("{} is in the table", action.name));
        let marks: Vec<&str> = line.split('|').skip(2).map(str::trim).collect();
        let allowed: BTreeSet<Role> = COLUMNS
            .iter()
            .zip(&marks)
            .filter(|(_, mark)| **mark == "●")
            .map(|(role, _)| *role)
            .collect();
        let offered: BTreeSet<Role> = action.roles.iter().copied().collect();
        assert_eq!(offered, allowed, "{}", action.name);
    }
}

#[test]
fn every_action_has_a_name_of_its_own_and_every_place_of_its_command_a_field() {
    let names: BTreeSet<&str> = all().map(|action| action.name).collect();
    assert_eq!(names.len(), all().count());
    for action in all() {
        for place in action.command.split('{').skip(1) {
            let place = place.split('}').next().unwrap();
            assert!(action.fields.iter().any(|field| field.name == place), "{}", action.name);
        }
    }
}

#[test]
fn a_list_has_the_rows_that_were_typed_and_those_that_were_asked_for() {
    let mut typed = Typed::of([("members.6.department", "hr"), ("members.9.department", "")]);
    assert_eq!(body::rows_of(&typed, "members", 4), 7);
    typed.set("_rows.members", "9");
    assert_eq!(body::rows_of(&typed, "members", 4), 9);
    typed.set("_rows.members", "99999");
    assert_eq!(body::rows_of(&typed, "members", 4), 20);
}

#[test]
fn a_fault_in_a_list_is_shown_where_it_was_typed() {
    let typed = Typed::of([("members.0.department", ""), ("members.2.department", "nowhere")]);
    let action = found("task-force").unwrap();
    let control = |place| body::control_of(action, &typed, place);
    assert_eq!(control("members.0.department"), "members.2.department");
    assert_eq!(control("chair"), "chair");
    let action = found("explain").unwrap();
    assert_eq!(body::control_of(action, &typed, "explainers.1.department"), "explainers");
}

#[test]
fn what_waits_for_oneself_comes_first() {
    let case = returned();
    let first = |person: &Person| offered(person, &case).first().copied();
    assert_eq!(first(&person(Role::Coordinator, None, None)), Some("arbitrate"));
    assert_eq!(first(&person(Role::Clerk, Some("donghuashi"), None)), Some("forward"));
    assert_eq!(first(&person(Role::Clerk, Some("jingshan"), None)), None);
    assert_eq!(first(&person(Role::Auditor, None, None)), None);
}

#[test]
fn every_form_asks_for_each_of_its_fields_in_both_languages() {
    let (case, person) = (returned(), person(Role::Coordinator, None, None));
    let (typed, faults) = (Typed::default(), Faults::none());
    for lang in [Lang::Chinese, Lang::English] {
        let visit = visit(lang, Role::Coordinator);
        for action in all() {
            let shown = Shown {
                visit: &visit,
                person: &person,
                case: &case,
                action,
                typed: &typed,
                people: Some(Vec::new()),
            };
            let page = fields::all(&shown, &Form::new(lang, &typed, &faults)).into_string();
            for field in action.fields {
                assert!(page.contains(&lang.text(field.label)), "{} {}", action.name, field.name);
                let name = match field.kind {
                    Kind::Rows(columns, _) => format!("{}.0.{}", field.name, columns[0].name),
                    Kind::Line(_)
                    | Kind::Area(..)
                    | Kind::Lines(_)
                    | Kind::Day
                    | Kind::Date
                    | Kind::Case => field.name.to_owned(),
                    _ => continue,
                };
                assert!(page.contains(&format!("name=\"{name}\"")), "{} {name}", action.name);
            }
        }
    }
}

fn page_of(name: &str, case: &Case, typed: &Typed, people: Option<Vec<Colleague>>) -> String {
    let (person, faults) = (person(Role::Handler, None, Some("hr")), Faults::none());
    let visit = visit(Lang::Chinese, Role::Handler);
    let action = found(name).unwrap();
    let shown = Shown { visit: &visit, person: &person, case, action, typed, people };
    fields::all(&shown, &Form::new(Lang::Chinese, typed, &faults)).into_string()
}

#[test]
fn a_form_keeps_the_person_who_was_chosen_while_nobody_says_who_there_is() {
    let typed = Typed::of([("countersigned_by", "lead-hr"), ("facts", "没有缴费记录")]);
    let note = Lang::Chinese.text("act-people-away");
    let page = page_of("not-doable", &returned(), &typed, None);
    assert!(page.contains("value=\"lead-hr\" selected"), "{page}");
    assert!(page.contains("没有缴费记录") && page.contains(&note), "{page}");
    let lead = Colleague {
        username: "lead-hr".to_owned(),
        name: "样例负责人".to_owned(),
        role: "department_lead".to_owned(),
        ..Colleague::default()
    };
    let page = page_of("not-doable", &returned(), &typed, Some(vec![lead]));
    assert!(
        page.matches("value=\"lead-hr\"").count() == 1 && page.contains("样例负责人"),
        "{page}"
    );
    assert!(!page.contains(&note), "{page}");
}

#[test]
fn a_return_is_offered_within_its_time_once_a_department_and_not_against_a_ruling() {
    let handler = person(Role::Handler, None, Some("hr"));
    let offers = |more: serde_json::Value| {
        let mut case = serde_json::to_value(json!({
            "case_id": "1", "case_no": "DHS20260302-AAAA", "receipt_code": "AAAA-BBBB-CCCC",
            "center": "donghuashi", "state": "in_department", "version": 7, "department": "hr",
            "matter": { "name": "退休手续办理" }, "demand": "不知道该找谁",
            "opened_at": "2026-03-02T15:10:00+08:00", "due_at": "2026-03-06T17:30:00+08:00",
            "clocks": [{ "clock": "handling" }, { "clock": "return" }],
        }))
        .unwrap();
        for (name, value) in more.as_object().unwrap() {
            case[name] = value.clone();
        }
        offered(&handler, &serde_json::from_value(case).unwrap()).contains(&"return")
    };
    let sent_back = |department: &str| json!({ "department": department, "reason": "R2", "at": "2026-03-02T16:00:00+08:00" });
    assert!(offers(json!({})));
    assert!(offers(json!({ "returns": [sent_back("tax")] })));
    assert!(!offers(json!({ "clocks": [{ "clock": "handling" }] })), "its time is over");
    assert!(!offers(json!({ "returns": [sent_back("hr")] })), "it has sent it back already");
    assert!(!offers(json!({ "returns": [sent_back("tax"), sent_back("housing")] })), "twice");
    let ruling = json!({ "department": "hr", "at": "2026-03-02T16:00:00+08:00" });
    assert!(!offers(json!({ "arbitration": ruling })), "it was ruled");
}

#[test]
fn what_is_kept_by_law_is_erased_for_its_age_only_after_its_term() {
    let mut case = returned();
    case.state = "closed".to_owned();
    let page = |case: &Case| page_of("erase", case, &Typed::default(), Some(Vec::new()));
    let at = |text| chrono::DateTime::parse_from_rfc3339(text).ok();
    assert!(page(&case).contains("value=\"request\""));
    assert!(!page(&case).contains("value=\"retention\""), "no term is known");
    case.rest.erase_after = at("2026-03-04T10:00:01+08:00");
    assert!(!page(&case).contains("value=\"retention\""), "the term is not over");
    case.rest.erase_after = at("2026-03-04T10:00:00+08:00");
    assert!(page(&case).contains("value=\"retention\""));
}

#[test]
fn a_blank_that_was_left_and_a_field_that_is_needed_are_asked_for_before_sending() {
    let action = found("progress").unwrap();
    let typed = Typed::of([("text", "已与＿＿联系")]);
    let faults = fields::check(Lang::Chinese, action, &typed);
    let named: Vec<&str> = faults.each().map(|(name, _)| name).collect();
    assert_eq!(named, ["text", "public"]);
    let typed = Typed::of([("text", "已与窗口联系"), ("public", "yes")]);
    assert!(fields::check(Lang::Chinese, action, &typed).is_empty());
    // Of an optional list nothing is needed.
    let typed = Typed::of([("attendees", "区民政局")]);
    assert!(fields::check(Lang::Chinese, found("meeting").unwrap(), &typed).is_empty());
}
