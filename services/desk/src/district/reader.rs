//! Reads a TOML table field by field and collects what is wrong, instead of stopping at the first fault.

use std::str::FromStr;

use toml::{Table, Value};

/// A table that is being read; what is taken is gone, what is left is unknown.
#[derive(Debug)]
pub(super) struct Reader {
    table: Table,
    place: String,
    faults: Vec<String>,
}

impl Reader {
    pub(super) fn new(table: Table) -> Self {
        Self { table, place: String::new(), faults: Vec::new() }
    }

    /// Reads a table inside another; hand its faults back with [`Reader::take_faults`].
    pub(super) fn nested(table: Table, place: impl Into<String>, outer: &mut Self) -> Self {
        let place = place.into();
        let place = match outer.place.as_str() {
            "" => place,
            outer => format!("{outer}.{place}"),
        };
        Self { table, place, faults: Vec::new() }
    }

    pub(super) fn take_faults(&mut self, inner: &mut Self) {
        self.faults.append(&mut inner.faults);
    }

    pub(super) fn fault(&mut self, text: String) {
        let fault = if self.place.is_empty() { text } else { format!("{}: {text}", self.place) };
        self.faults.push(fault);
    }

    /// The table under `name`; a fault when it is missing.
    pub(super) fn table(&mut self, name: &str) -> Table {
        match self.table.remove(name) {
            Some(Value::Table(table)) => table,
            Some(_) => {
                self.fault(format!("{name} is no table"));
                Table::new()
            }
            None => {
                self.fault(format!("[{name}] is missing"));
                Table::new()
            }
        }
    }

    /// The table under `name`, empty when it is missing.
    pub(super) fn optional_table(&mut self, name: &str) -> Table {
        if self.table.contains_key(name) { self.table(name) } else { Table::new() }
    }

    /// The table under `name`, if there is one.
    pub(super) fn optional_nested(&mut self, name: &str) -> Option<Table> {
        self.table.contains_key(name).then(|| self.table(name))
    }

    /// The tables of a list.
    pub(super) fn tables(&mut self, name: &str) -> Vec<Table> {
        let Some(value) = self.table.remove(name) else { return Vec::new() };
        let Value::Array(list) = value else {
            self.fault(format!("{name} is no list of tables"));
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (index, value) in list.into_iter().enumerate() {
            match value {
                Value::Table(table) => tables.push(table),
                _ => self.fault(format!("{name} {} is no table", index + 1)),
            }
        }
        tables
    }

    pub(super) fn optional_text(&mut self, name: &str) -> Option<String> {
        match self.table.remove(name)? {
            Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Value::String(_) => {
                self.fault(format!("{name} is empty"));
                None
            }
            other => {
                self.fault(format!("{name} has the value {other}, which is no text"));
                None
            }
        }
    }

    /// A yes and no; no when it is missing.
    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.table.remove(name) {
            None => false,
            Some(Value::Boolean(flag)) => flag,
            Some(other) => {
                self.fault(format!(
                    "{name} has the value {other}, which is neither true nor false"
                ));
                false
            }
        }
    }

    pub(super) fn text(&mut self, name: &str) -> String {
        if !self.table.contains_key(name) {
            self.fault(format!("{name} is missing"));
        }
        self.optional_text(name).unwrap_or_default()
    }

    pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name);
        if text.is_empty() {
            return None;
        }
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(format!("{name} {text:?} {error}"));
                None
            }
        }
    }

    pub(super) fn optional_texts(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.table.remove(name) else { return Vec::new() };
        match value {
            Value::Array(list) => {
                let mut texts = Vec::new();
                for value in list {
                    match value {
                        Value::String(text) => texts.push(text),
                        other => self.fault(format!("{name} has {other}, which is no text")),
                    }
                }
                texts
            }
            other => {
                self.fault(format!("{name} has the value {other}, which is no list"));
                Vec::new()
            }
        }
    }

    pub(super) fn texts(&mut self, name: &str) -> Vec<String> {
        if !self.table.contains_key(name) {
            self.fault(format!("{name} is missing"));
        }
        self.optional_texts(name)
    }

    /// Faults every key that nobody took.
    pub(super) fn no_more(&mut self) {
        for key in std::mem::take(&mut self.table).keys() {
            self.fault(format!("{key} is not known"));
        }
    }

    pub(super) fn finish(&mut self) -> Result<(), Vec<String>> {
        if self.faults.is_empty() { Ok(()) } else { Err(std::mem::take(&mut self.faults)) }
    }
}
