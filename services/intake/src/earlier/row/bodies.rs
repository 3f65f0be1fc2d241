//! Which center and which departments a row names: by id or name, less surely by a part of the name that only one has.

use proto_events::ids::{CenterId, DepartmentId};

use super::Cells;
use crate::earlier::cells;
use crate::earlier::columns::Field;

impl Cells<'_, '_> {
    pub(super) fn center(&mut self) -> Option<CenterId> {
        let Some(text) = self.cell(Field::Center) else {
            let default = self.reader.mapping.center.clone();
            match &default {
                Some(center) => self.assume(Field::Center, format!("is empty; taken as {center}")),
                None => self.missing(Field::Center),
            }
            return default;
        };
        let rules = self.reader.rules;
        let wanted = self.reader.mapping.value(Field::Center, &text).unwrap_or(&text).to_owned();
        let exact = rules.centers.iter().find(|(id, center)| {
            id.as_str() == wanted || center.name == wanted || center.code == wanted
        });
        if let Some((id, _)) = exact {
            return Some(id.clone());
        }
        let near = rules.centers.iter().filter(|(_, center)| is_near(&center.name, &wanted));
        let near: Vec<&CenterId> = near.map(|(id, _)| id).collect();
        self.only_one(Field::Center, &text, &near)
    }

    pub(super) fn department(&mut self, field: Field) -> Option<DepartmentId> {
        let text = self.cell(field).filter(|text| !cells::is_nothing(text))?;
        self.department_of(field, &text)
    }

    fn department_of(&mut self, field: Field, text: &str) -> Option<DepartmentId> {
        let rules = self.reader.rules;
        let wanted = self.reader.mapping.value(field, text).unwrap_or(text).to_owned();
        let exact =
            rules.departments.iter().find(|(id, one)| id.as_str() == wanted || one.name == wanted);
        if let Some((id, _)) = exact {
            return Some(id.clone());
        }
        let near = rules.departments.iter().filter(|(_, one)| is_near(&one.name, &wanted));
        let near: Vec<&DepartmentId> = near.map(|(id, _)| id).collect();
        self.only_one(field, text, &near)
    }

    pub(super) fn co_departments(&mut self) -> Vec<DepartmentId> {
        let Some(text) = self.cell(Field::CoDepartments) else { return Vec::new() };
        let parts = text.split(['；', ';', '、', '，', ',', '\n']).map(str::trim);
        let parts: Vec<String> =
            parts.filter(|part| !cells::is_nothing(part)).map(str::to_owned).collect();
        parts.iter().filter_map(|part| self.department_of(Field::CoDepartments, part)).collect()
    }

    /// The only body whose name is near; none is nobody's, and neither are two.
    fn only_one<T: Clone + std::fmt::Display>(
        &mut self,
        field: Field,
        text: &str,
        near: &[&T],
    ) -> Option<T> {
        let shown = self.shown(text);
        if let [only] = near {
            self.assume(field, format!("{shown} is taken as {only}"));
            return Some((*only).clone());
        }
        let which = if near.is_empty() { "nobody" } else { "several" };
        let section = if field == Field::CoDepartments { Field::Department } else { field };
        self.fault(
            field,
            format!(
                "{shown} is the name of {which} in the district file; name it under [values.{}] (区里没有或不止一个)",
                section.name()
            ),
        );
        None
    }
}

/// Whether one name is the other with words left out at an end: 东花市街道 and 东花市街道政务服务中心.
fn is_near(name: &str, wanted: &str) -> bool {
    wanted.chars().count() >= 2 && (name.contains(wanted) || wanted.contains(name))
}
