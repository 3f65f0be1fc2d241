//! Who works in the district: an office has one name, that of the demo's accounts.

use casework::command::Actor;
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};

/// Departments whose short names stand in usernames.
const SHORT_NAMES: &[(&str, &str)] = &[("hr-public-service", "hr"), ("civil-affairs", "civil")];

/// Who decides a special handling that he did not check: the second of the district's coordinators.
pub const DECIDER: &str = "demo-coordinator-2";

/// Somebody who works at a center or department, or in the district as a whole.
#[must_use]
pub fn person(role: Role, center: Option<&CenterId>, department: Option<&DepartmentId>) -> Actor {
    let office = match role {
        Role::DepartmentLead => "lead",
        Role::PrivacyOfficer => "privacy",
        other => other.code(),
    };
    let center = center.filter(|_| is_of_center(role)).cloned();
    let department = department.filter(|_| is_of_department(role)).cloned();
    let place = center
        .as_ref()
        .map(|center| center.as_str())
        .or_else(|| department.as_ref().map(|department| short_name(department.as_str())));
    let username = match place {
        Some(place) => format!("demo-{office}-{place}"),
        None => format!("demo-{office}"),
    };
    Actor { username, role, center, department }
}

/// The coordinator who decides special handlings.
#[must_use]
pub fn decider() -> Actor {
    Actor { username: DECIDER.to_owned(), ..person(Role::Coordinator, None, None) }
}

fn short_name(department: &str) -> &str {
    SHORT_NAMES.iter().find(|(id, _)| *id == department).map_or(department, |(_, short)| short)
}

/// Whether somebody in this role belongs to a center.
#[must_use]
pub fn is_of_center(role: Role) -> bool {
    matches!(role, Role::Clerk | Role::Director)
}

/// Whether somebody in this role belongs to a department.
#[must_use]
pub fn is_of_department(role: Role) -> bool {
    matches!(role, Role::Handler | Role::DepartmentLead)
}
