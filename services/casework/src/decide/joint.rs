//! Decisions about several departments on one case, and about the papers that are asked for.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::CaseState;
use proto_events::events::{
    CaseEvent, JointHandlingAssigned, JointPart, MaterialsRequested, Mode, PartCompleted,
    RequestedItem,
};
use proto_events::ids::DepartmentId;

use super::checks::{Checks, LONG_CHARS_MAX, SHORT_CHARS_MAX, TEXT_CHARS_MAX, is_in_work};
use crate::case::Case;
use crate::command::{Context, PartWish};
use crate::permission;
use crate::refusal::{Refusal, RefusalCode};

pub(super) fn assign_parts(
    case: &Case,
    wishes: &[PartWish],
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.count("/parts", wishes.len());
    checks.require(!wishes.is_empty(), "/parts", "at least one part (至少一项)");
    // A part of a late case is due tomorrow: nothing is promised for a day that is over.
    let latest = match case.due_at > context.now {
        true => case.due_at,
        false => context.rules.calendar.deadline(context.now, 1).due_at,
    };
    let mut parts = Vec::new();
    for (index, wish) in wishes.iter().enumerate() {
        let pointer = format!("/parts/{index}/department");
        checks.department(&pointer, &wish.department, context.rules);
        let is_lead = case.department.as_ref() == Some(&wish.department);
        checks.require(!is_lead, &pointer, "has the case already (牵头部门无须另派)");
        let stands_twice = wishes[..index].iter().any(|other| other.department == wish.department);
        checks.require(!stands_twice, &pointer, "stands twice");
        let is_open = case.open_part_of(&wish.department).is_some();
        checks.require(!is_open, &pointer, "has an open part already (已有未完成的联办事项)");
        let ask = checks.text(&format!("/parts/{index}/ask"), &wish.ask, TEXT_CHARS_MAX);
        let due_at = wish.due_at.unwrap_or(latest);
        if let Some(agreed) = wish.due_at {
            let pointer = format!("/parts/{index}/due_at");
            checks.require(agreed > context.now, &pointer, "has to lie ahead (须晚于现在)");
            let detail = "has to lie before the case's own deadline (不得晚于案件时限)";
            checks.require(agreed <= latest, &pointer, detail);
        }
        parts.push(JointPart { department: wish.department.clone(), ask, due_at });
    }
    checks.finish()?;
    if !is_in_work(case) {
        return Err(Refusal::wrong_state(case.state));
    }
    Ok(vec![JointHandlingAssigned { parts }.into()])
}

pub(super) fn complete_part(
    case: &Case,
    department: &DepartmentId,
    result: &str,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    if !permission::speaks_for(context.actor, department) {
        return Err(Refusal::Forbidden(
            "a part is finished by the department that has it (须由承担该项的部门办结)".into(),
        ));
    }
    let mut checks = Checks::default();
    let result = checks.text("/result", result, LONG_CHARS_MAX);
    checks.finish()?;
    if !case.is_open() {
        return Err(Refusal::wrong_state(case.state));
    }
    if case.open_part_of(department).is_none() {
        return Err(Refusal::rule(
            RefusalCode::NoSuchPart,
            format!("{} has no open part", context.rules.body_name(department.as_str())),
        ));
    }
    Ok(vec![PartCompleted { department: department.clone(), result }.into()])
}

pub(super) fn request_materials(
    case: &Case,
    items: &[RequestedItem],
    mode: &Mode,
    new_fact: Option<&alloc::string::String>,
    context: &Context<'_>,
) -> Result<Vec<CaseEvent>, Refusal> {
    let mut checks = Checks::default();
    checks.count("/items", items.len());
    checks.require(!items.is_empty(), "/items", "at least one paper (至少一项)");
    let items = items
        .iter()
        .enumerate()
        .map(|(index, item)| RequestedItem {
            name: checks.text(&format!("/items/{index}/name"), &item.name, SHORT_CHARS_MAX),
            basis: checks.text(&format!("/items/{index}/basis"), &item.basis, TEXT_CHARS_MAX),
        })
        .collect();
    let new_fact = checks.optional_text("/new_fact", new_fact, TEXT_CHARS_MAX);
    checks.finish()?;
    if !is_in_work(case) && case.state != CaseState::Forwarded {
        return Err(Refusal::wrong_state(case.state));
    }
    if !case.material_requests.is_empty() && new_fact.is_none() {
        return Err(Refusal::rule(
            RefusalCode::OneTimeNotice,
            "papers were asked for already; a second request needs a new fact (须一次性告知；再次要求须有新情况)",
        ));
    }
    let rules = context.rules;
    let due_at = rules.calendar.deadline(context.now, rules.limits.materials).due_at;
    Ok(vec![MaterialsRequested { items, mode: mode.clone(), new_fact, due_at }.into()])
}
