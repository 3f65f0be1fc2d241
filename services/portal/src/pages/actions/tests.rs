//! Actions, held against the table of the house.

use std::collections::BTreeSet;

use proto_events::codes::Role;

use super::table::all;
use super::{body, found};
use crate::form::Typed;

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

/// What the page calls the command of an action.
fn command_of(name: &str) -> &str {
    match name {
        "progress" => "Note progress",
        "request-materials" => "Request materials",
        "materials" => "Receive materials",
        "joint" => "Assign parts",
        "part" => "Complete part",
        "not-doable" => "Determine not doable",
        "task-force" => "Convene task force",
        "meeting" => "Record meeting",
        "action" => "Finish action",
        "dissolve" => "Dissolve task force",
        "special" => "Request special handling",
        "check" => "Check special handling",
        "decide" => "Decide special handling",
        "review" => "Review special handling",
        "rectify" => "Complete rectification",
        "erase" => "Erase personal data",
        other => other,
    }
}

#[test]
fn an_action_is_offered_to_those_whom_the_house_lets_take_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../casework/PERMISSIONS.md");
    let page = std::fs::read_to_string(path).unwrap();
    for action in all() {
        let command = command_of(action.name);
        let line = page
            .lines()
            .find(|line| {
                line.to_lowercase().starts_with(&format!("| {} |", command.to_lowercase()))
            })
            .unwrap_or_else(|| panic!("{command} is in the table"));
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
