//! What a district says of its own register: names of columns and values that nobody else uses, and what to assume.

use std::collections::BTreeMap;

use casework::rules::Rules;
use proto_events::codes::{Cause, Channel, Complexity, Stage};
use proto_events::ids::{CenterId, DepartmentId};
use serde::Deserialize;

use super::cells::Code;
use super::columns::{Field, folded};

/// What is known of a register beside the register. All of it may be left out.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    columns: BTreeMap<String, Field>,
    values: BTreeMap<Field, BTreeMap<String, String>>,
    merged: Vec<Field>,
    pub(super) center: Option<CenterId>,
    pub(super) channel: Option<Channel>,
    pub(super) stage: Option<Stage>,
    pub(super) cause: Option<Cause>,
    pub(super) complexity: Option<Complexity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    columns: BTreeMap<String, String>,
    values: BTreeMap<String, BTreeMap<String, String>>,
    merged: Vec<String>,
    defaults: Defaults,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Defaults {
    center: Option<String>,
    channel: Option<String>,
    stage: Option<String>,
    cause: Option<String>,
    complexity: Option<String>,
}

/// Fields whose values a mapping can name.
const MAPPED: [Field; 9] = [
    Field::Center,
    Field::Channel,
    Field::BlockedStage,
    Field::CauseProvisional,
    Field::CauseConfirmed,
    Field::FirstReceiver,
    Field::Department,
    Field::Complexity,
    Field::Outcome,
];

impl Mapping {
    /// Reads the text of a mapping file.
    ///
    /// # Errors
    /// Every fault of the file, one line each.
    pub fn parse(text: &str, rules: &Rules) -> Result<Self, Vec<String>> {
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().map_or("", |span| &text[..span.start]);
            let line = before.matches('\n').count() + 1;
            vec![format!("is no mapping: line {line}: {}", error.message())]
        })?;
        let mut faults = Vec::new();
        let mut mapping = Self::default();
        for (head, name) in &file.columns {
            match Field::of_name(name) {
                Some(field) => {
                    mapping.columns.insert(folded(head), field);
                }
                None => faults.push(format!("columns.{head:?}: there is no column {name:?}")),
            }
        }
        for (name, values) in file.values {
            let Some(field) = Field::of_name(&name).filter(|field| MAPPED.contains(field)) else {
                faults.push(format!("values.{name}: has no values that could be named"));
                continue;
            };
            let values = values.into_iter().map(|(value, means)| (folded(&value), means));
            mapping.values.insert(field, values.collect());
        }
        for name in &file.merged {
            match Field::of_name(name) {
                // A person must not get what belongs to the one above.
                Some(
                    Field::ApplicantName | Field::ApplicantPhone | Field::IdNumber | Field::Address,
                ) => faults.push(format!("merged: {name} is never taken from another row")),
                Some(field) => mapping.merged.push(field),
                None => faults.push(format!("merged: there is no column {name:?}")),
            }
        }
        let Defaults { center, channel, stage, cause, complexity } = file.defaults;
        mapping.center = center.and_then(|text| {
            let id = text.parse().ok().filter(|id| rules.centers.contains_key(id));
            if id.is_none() {
                faults.push(format!("defaults.center: there is no center {text:?}"));
            }
            id
        });
        mapping.channel = code("channel", channel, &mut faults);
        mapping.stage = code("stage", stage, &mut faults);
        mapping.cause = code("cause", cause, &mut faults);
        mapping.complexity = code("complexity", complexity, &mut faults);
        mapping.names_bodies(rules, &mut faults);
        if faults.is_empty() { Ok(mapping) } else { Err(faults) }
    }

    /// Looks whether the bodies that it names are there.
    fn names_bodies(&self, rules: &Rules, faults: &mut Vec<String>) {
        for (field, values) in &self.values {
            for means in values.values() {
                let is_there = match field {
                    Field::Center => means.parse().is_ok_and(|id| rules.centers.contains_key(&id)),
                    Field::Department => means
                        .parse::<DepartmentId>()
                        .is_ok_and(|id| rules.departments.contains_key(&id)),
                    _ => true,
                };
                if !is_there {
                    faults.push(format!("values.{}: there is no {means:?}", field.name()));
                }
            }
        }
    }

    pub(super) fn column(&self, folded_head: &str) -> Option<Field> {
        self.columns.get(folded_head).copied()
    }

    /// What a value means, when the district has said so. Co-departments are named as departments are.
    pub(super) fn value(&self, field: Field, text: &str) -> Option<&str> {
        let field = if field == Field::CoDepartments { Field::Department } else { field };
        self.values.get(&field)?.get(&folded(text)).map(String::as_str)
    }

    /// Whether an empty cell of this column was merged with the one above.
    pub(super) fn is_merged(&self, field: Field) -> bool {
        matches!(field, Field::Center | Field::OpenedAt | Field::Matter)
            || self.merged.contains(&field)
    }
}

fn code<T: Code>(name: &str, text: Option<String>, faults: &mut Vec<String>) -> Option<T> {
    let text = text?;
    let found = T::all().iter().copied().find(|one| one.code() == text);
    if found.is_none() {
        faults.push(format!("defaults.{name}: {text:?} is not one of the known codes"));
    }
    found
}
