//! What was typed as the body of a command.

use serde_json::{Map, Value, json};

use super::table::{Action, Kind, Spec, next_layer};
use crate::api::segment;
use crate::form::Typed;
use crate::pages::case::model::Case;
use crate::visit::Visit;

/// What the number of rows of a list is kept under, before the name of the list.
pub(super) const ROWS: &str = "_rows.";

/// Most rows of a list; nobody convenes more bodies, and the house takes no more than a hundred of anything.
const ROWS_MAX: usize = 20;

/// The command of the API, behind the case's id.
pub(super) fn command(action: &Action, typed: &Typed) -> String {
    let mut command = action.command.to_owned();
    for field in action.fields {
        let place = format!("{{{}}}", field.name);
        if command.contains(&place) {
            command = command.replace(&place, &segment(typed.get(field.name)));
        }
    }
    command
}

/// How many rows a form has: those that it begins with, those that were typed, and what was asked for.
pub(super) fn rows_of(typed: &Typed, name: &str, begun: usize) -> usize {
    let asked = typed.number::<usize>(&format!("{ROWS}{name}")).unwrap_or_default();
    let row = |place: &String| {
        let row = place.strip_prefix(name)?.strip_prefix('.')?.split('.').next()?;
        row.parse::<usize>().ok()
    };
    let typed = typed.0.iter().filter(|(_, values)| values.iter().any(|value| !value.is_empty()));
    let typed = typed.filter_map(|(place, _)| row(place)).map(|row| row.saturating_add(1));
    typed.max().unwrap_or_default().max(asked).max(begun).min(ROWS_MAX)
}

/// The control that filled a place of the body: rows without content were left out, and what is one control here may be
/// a list there.
pub(super) fn control_of(action: &Action, typed: &Typed, place: &str) -> String {
    let fields = action.fields.iter();
    let mut found = fields.filter_map(|field| {
        let rest = place.strip_prefix(field.name)?.strip_prefix('.')?;
        let Kind::Rows(_, begun) = field.kind else { return Some(field.name.to_owned()) };
        let (number, column) = rest.split_once('.')?;
        let row = filled(typed, field.name, begun).nth(number.parse().ok()?)?;
        Some(format!("{}.{row}.{column}", field.name))
    });
    found.next().unwrap_or_else(|| place.to_owned())
}

/// The rows that hold anything. A member of a task force who stands in the list without a position has taken none.
fn filled(typed: &Typed, name: &str, begun: usize) -> impl Iterator<Item = usize> {
    (0..rows_of(typed, name, begun)).filter(move |row| {
        let before = format!("{name}.{row}.");
        let is_here = |place: &String| {
            let column = place.strip_prefix(&before).filter(|_| typed.some(place).is_some());
            column.is_some_and(|column| (name, column) != ("positions", "department"))
        };
        typed.0.keys().any(is_here)
    })
}

/// The body: what was not typed is left out.
pub(super) fn of(visit: &Visit, case: &Case, action: &Action, typed: &Typed) -> Value {
    let mut body = Map::new();
    for field in action.fields {
        if action.command.contains(&format!("{{{}}}", field.name)) {
            continue;
        }
        if let Some(value) = value(visit, case, field, field.name, typed) {
            put(&mut body, field.name, value);
        }
    }
    Value::Object(body)
}

/// Puts a value at a place; `a.b` is the member `b` of the object `a`.
fn put(body: &mut Map<String, Value>, name: &str, value: Value) {
    match name.split_once('.') {
        None => {
            body.insert(name.to_owned(), value);
        }
        Some((outer, inner)) => {
            let object = body.entry(outer).or_insert_with(|| json!({}));
            if let Value::Object(object) = object {
                put(object, inner, value);
            }
        }
    }
}

fn value(visit: &Visit, case: &Case, spec: &Spec, name: &str, typed: &Typed) -> Option<Value> {
    match spec.kind {
        Kind::Now => Some(json!(visit.now().to_rfc3339())),
        Kind::Layer => next_layer(case).map(|layer| json!(layer)),
        Kind::YesNo => typed.some(name).map(|answer| json!(answer == "yes")),
        Kind::Number => typed.number::<u32>(name).map(|number| json!(number)),
        Kind::Day => typed.some(name).map(|day| json!(visit.end_of(day))),
        Kind::Departments => {
            // Who leads helps anyhow.
            let lead = typed.get("department");
            let ids = typed.all(name).iter().filter(|id| !id.is_empty() && *id != lead);
            Some(json!(ids.collect::<Vec<_>>()))
        }
        Kind::Explainers => {
            let ids = typed.all(name).iter().filter(|id| !id.is_empty());
            Some(ids.map(|id| json!({ "department": id })).collect())
        }
        Kind::Lines(_) => {
            let lines = typed.get(name).lines().map(str::trim).filter(|line| !line.is_empty());
            Some(lines.map(|line| json!(line)).collect())
        }
        Kind::Rows(columns, rows) => {
            let row = |row: usize| {
                let mut object = Map::new();
                for column in columns {
                    let place = format!("{name}.{row}.{}", column.name);
                    if let Some(value) = value(visit, case, column, &place, typed) {
                        put(&mut object, column.name, value);
                    }
                }
                Value::Object(object)
            };
            Some(filled(typed, name, rows).map(row).collect())
        }
        _ => typed.some(name).map(|text| json!(text)),
    }
}
