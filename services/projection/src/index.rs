//! The index of the view in memory: a small row per case, and what lists and figures find their cases by.
//!
//! The durable view is the store; this is its index, built from it at the start and kept in step with every
//! batch, so that no list and no figure reads the disk before it knows which cases it wants. A case has a slot; what a
//! list may be narrowed to is a set of slots, kept as a compressed bitmap, so that a filter of several parts and its
//! total cost microseconds at any number of cases.
//!
//! Invariant: what a row says follows from its record alone; an equal store has an equal index, but for the slots.

mod query;
mod row;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use casework::rules::Rules;
use proto_events::codes::{CaseState, Cause, CauseCategory, Stage};
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use roaring::RoaringBitmap;

pub(crate) use query::{Cursor, Filter, Sort};
pub(crate) use row::{CaseRow, Names};

use crate::record::CaseRecord;

/// What a list may be narrowed to without looking at rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Facet {
    Open,
    Paused,
    /// It came over the line of its center, and late.
    ArrivedLate,
    State(CaseState),
    Center(Arc<CenterId>),
    Department(Arc<DepartmentId>),
    WasWith(Arc<DepartmentId>),
    Handler(Arc<str>),
    Cause(Cause),
    /// All causes of a category.
    Category(CauseCategory),
    Stage(Stage),
    Matter(Arc<str>),
    /// Somebody is to do something.
    Awaits(Awaited),
}

/// Who is to do something, as a person's list of what is to be done looks for it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Awaited {
    Center(Arc<CenterId>),
    /// Anybody of a department.
    Department(Arc<DepartmentId>),
    /// Somebody of a department, and nobody there was named.
    AnyoneOf(Arc<DepartmentId>),
    /// A person, by username.
    Person(Arc<str>),
    Coordinator,
    Callback,
}

/// What stands where in an order: an instant in microseconds since 1970, and the case for those of one instant.
type Place = (i64, CaseId);

/// What tells of a case, without a look at its row, whether a figure could count it. In microseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outline {
    /// The first and the last instant at which a figure looks at it (see `CaseFacts::span`).
    pub(crate) span: (i64, i64),
    pub(crate) first_recorded_at: i64,
    pub(crate) last_recorded_at: i64,
}

impl Outline {
    fn of(row: &CaseRow) -> Self {
        Self {
            span: row.facts.span(),
            first_recorded_at: row.first_recorded_at,
            last_recorded_at: row.last_recorded_at,
        }
    }
}

/// The index.
#[derive(Debug, Default)]
pub(crate) struct Index {
    slots: HashMap<CaseId, u32>,
    /// By slot.
    #[expect(clippy::vec_box, reason = "a table of whole rows that has just grown is half empty")]
    rows: Vec<Box<CaseRow>>,
    /// What is asked of many cases, by slot, side by side: instants, and the sequence of the last event.
    due_at: Vec<i64>,
    opened_at: Vec<i64>,
    next_due_at: Vec<i64>,
    version: Vec<u64>,
    outline: Vec<Outline>,
    facets: HashMap<Facet, RoaringBitmap>,
    by_due: BTreeMap<Place, u32>,
    by_opened: BTreeMap<Place, u32>,
    names: Names,
}

impl Index {
    /// Takes the present form of a case in.
    pub(crate) fn put(&mut self, record: &CaseRecord, rules: &Rules) {
        let row = CaseRow::of(record, rules, &mut self.names);
        let (id, after) = (row.case_id, facets_of(&row));
        let Some(slot) = self.slots.get(&id).copied() else {
            let slot = u32::try_from(self.rows.len()).expect("fewer than four billion cases");
            self.slots.insert(id, slot);
            self.by_due.insert((row.due_at, id), slot);
            self.by_opened.insert((row.opened_at, id), slot);
            self.due_at.push(row.due_at);
            self.opened_at.push(row.opened_at);
            self.next_due_at.push(row.next_due_at);
            self.version.push(row.version);
            self.outline.push(Outline::of(&row));
            self.rows.push(Box::new(row));
            for facet in after {
                self.facets.entry(facet).or_default().insert(slot);
            }
            return;
        };
        let place = slot as usize;
        let old = std::mem::replace(&mut *self.rows[place], row);
        let row = &self.rows[place];
        if old.due_at != row.due_at {
            self.by_due.remove(&(old.due_at, id));
            self.by_due.insert((row.due_at, id), slot);
            self.due_at[place] = row.due_at;
        }
        if old.opened_at != row.opened_at {
            self.by_opened.remove(&(old.opened_at, id));
            self.by_opened.insert((row.opened_at, id), slot);
            self.opened_at[place] = row.opened_at;
        }
        self.next_due_at[place] = row.next_due_at;
        self.version[place] = row.version;
        self.outline[place] = Outline::of(row);
        let before = facets_of(&old);
        for facet in before.iter().filter(|facet| !after.contains(facet)) {
            if let Some(slots) = self.facets.get_mut(facet) {
                slots.remove(slot);
            }
        }
        for facet in after {
            if !before.contains(&facet) {
                self.facets.entry(facet).or_default().insert(slot);
            }
        }
    }

    /// A case's row.
    pub(crate) fn row(&self, case_id: CaseId) -> Option<&CaseRow> {
        self.slots.get(&case_id).map(|slot| self.at(*slot))
    }

    /// Every row, in no order.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &CaseRow> {
        self.rows.iter().map(|row| &**row)
    }

    /// Every row with its outline, in no order. What is not let through by its outline costs nanoseconds.
    pub(crate) fn outlined(&self) -> impl Iterator<Item = (&Outline, &CaseRow)> {
        self.outline.iter().zip(self.rows())
    }

    /// The cases that had an event behind a sequence.
    pub(crate) fn changed_since(&self, sequence: u64) -> Vec<CaseId> {
        let rows = self.version.iter().zip(&self.rows);
        rows.filter(|(version, _)| **version > sequence).map(|(_, row)| row.case_id).collect()
    }

    /// When the first case was opened here, in microseconds since 1970; what was taken over from an earlier register was
    /// opened before there was anything here.
    pub(crate) fn first_opened_at(&self) -> Option<i64> {
        let mut places = self.by_opened.iter();
        let first = places.find(|(_, slot)| !self.at(**slot).facts.is_imported);
        first.map(|((opened_at, _), _)| *opened_at)
    }

    /// How many cases there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn at(&self, slot: u32) -> &CaseRow {
        &self.rows[slot as usize]
    }

    /// The cases of a facet; `None` when there never was one.
    fn slots_of(&self, facet: &Facet) -> Option<&RoaringBitmap> {
        self.facets.get(facet)
    }
}

fn facets_of(row: &CaseRow) -> Vec<Facet> {
    let mut facets = vec![
        Facet::State(row.state),
        Facet::Center(row.center.clone()),
        Facet::Cause(row.cause),
        Facet::Category(row.cause.category()),
        Facet::Stage(row.stage),
        Facet::Matter(row.matter.clone()),
    ];
    if row.is_open() {
        facets.push(Facet::Open);
    }
    if row.is_paused {
        facets.push(Facet::Paused);
    }
    if row.arrived_late {
        facets.push(Facet::ArrivedLate);
    }
    facets.extend(row.department.clone().map(Facet::Department));
    facets.extend(row.handler.clone().map(Facet::Handler));
    facets.extend(row.departments_ever.iter().cloned().map(Facet::WasWith));
    facets.extend(row.awaits.iter().cloned().map(Facet::Awaits));
    facets
}
