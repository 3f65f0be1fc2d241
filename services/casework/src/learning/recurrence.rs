//! What recurs (同类问题): the same cause at the same matter with the same department, at least [`RECURRENCE_MIN`] cases
//! that were opened within [`WINDOW_DAYS`] days (domain handbook, section 7).
//!
//! Invariants: a fold of the cases in the order of their stream, and of nothing else, so it finds the same recurrences
//! with the same ids whenever it is folded; a case stands in one recurrence at most; a window that has recurred takes the
//! cases in that follow, so that the fourth case is no second recurrence. Some 150 bytes a case are kept.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;
use proto_events::codes::Cause;
use proto_events::events::{CaseEvent, CaseEventKind};
use proto_events::ids::{CaseId, DepartmentId, EventId, ImprovementId};

use super::CaseKind;
use crate::calendar::WorkingCalendar;
use crate::case::EventMeta;

/// How many cases of a kind make a recurrence.
pub const RECURRENCE_MIN: usize = 3;

/// In how many days.
pub const WINDOW_DAYS: u32 = 30;

/// For how many days a recurrence is worth opening an improvement for: one that ended longer ago is history, which is
/// what whoever starts on an old stream finds.
pub const NOTICED_WITHIN_DAYS: i64 = 30;

/// Whether an event can say anything about what recurs; saves the reading of all others.
#[must_use]
pub const fn concerns(kind: CaseEventKind) -> bool {
    use CaseEventKind as K;

    matches!(
        kind,
        K::Opened
            | K::Forwarded
            | K::Accepted
            | K::Arbitrated
            | K::Reclassified
            | K::Corrected
            | K::Resolved
            | K::Explained
    )
}

/// The same thing has happened again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// What.
    pub kind: CaseKind,
    /// The day on which its first case was opened.
    pub from: NaiveDate,
    /// The last day of its window.
    pub to: NaiveDate,
    /// Its cases, in the order in which they were opened.
    pub cases: Vec<CaseId>,
    /// When it was noticed: the end of the case that completed it.
    pub at: Timestamp,
    /// The event that completed it.
    pub cause: EventId,
}

impl Recurrence {
    /// The improvement that it opens, for ever the same.
    #[must_use]
    pub fn improvement_id(&self) -> ImprovementId {
        let CaseKind { cause, matter, department } = &self.kind;
        ImprovementId::of_recurrence(*cause, matter, department, self.from)
    }

    /// Whether it is recent enough to be acted on.
    #[must_use]
    pub fn is_worth_acting_on(&self, now: Timestamp) -> bool {
        now.signed_duration_since(self.at) <= TimeDelta::days(NOTICED_WITHIN_DAYS)
    }
}

/// What is known of a case. Matter and department are shared with the other cases that have them.
#[derive(Debug, Clone)]
struct Seen {
    matter: Arc<str>,
    cause: Cause,
    department: Option<Arc<DepartmentId>>,
    opened: NaiveDate,
    /// Whether it stands in the ended ones of its kind.
    is_counted: bool,
}

/// The ended cases of a kind, and the windows that have recurred.
#[derive(Debug, Default)]
struct OfKind {
    ended: BTreeSet<(NaiveDate, CaseId)>,
    windows: Vec<NaiveDate>,
}

/// The fold.
#[derive(Debug, Default)]
pub struct Recurrences {
    cases: BTreeMap<CaseId, Seen>,
    kinds: BTreeMap<CaseKind, OfKind>,
    matters: BTreeSet<Arc<str>>,
    departments: BTreeSet<Arc<DepartmentId>>,
    checkpoint: u64,
}

impl Recurrences {
    /// The sequence of the last event that was folded; 0 before the first.
    #[must_use]
    pub fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    /// Moves the checkpoint over an event that says nothing here, or that nobody can read.
    pub fn pass_over(&mut self, sequence: u64) {
        self.checkpoint = self.checkpoint.max(sequence);
    }

    /// Takes an event further; gives the recurrence that it completes. An event that was folded before changes nothing.
    pub fn evolve(
        &mut self,
        meta: &EventMeta,
        event: &CaseEvent,
        calendar: &WorkingCalendar,
    ) -> Option<Recurrence> {
        if meta.sequence <= self.checkpoint {
            return None;
        }
        self.checkpoint = meta.sequence;
        match event {
            CaseEvent::Opened(data) => {
                let seen = Seen {
                    matter: self.matter(&data.matter.name),
                    cause: data.cause,
                    department: None,
                    opened: calendar.date_of(meta.time),
                    is_counted: false,
                };
                self.cases.entry(meta.case_id).or_insert(seen);
                None
            }
            CaseEvent::Forwarded(data) => self.handed_to(meta.case_id, &data.to),
            CaseEvent::Accepted(data) => self.handed_to(meta.case_id, &data.department),
            CaseEvent::Arbitrated(data) => self.handed_to(meta.case_id, &data.department),
            CaseEvent::Reclassified(data) => {
                let change = data.cause.as_ref()?;
                self.cases.get_mut(&meta.case_id)?.cause = change.to;
                None
            }
            CaseEvent::Corrected(data) if data.field == "matter" => {
                let matter = self.matter(data.value.as_deref()?);
                self.cases.get_mut(&meta.case_id)?.matter = matter;
                None
            }
            CaseEvent::Resolved(data) => {
                self.uncount(meta.case_id);
                self.cases.get_mut(&meta.case_id)?.cause = data.cause;
                self.ended(meta)
            }
            CaseEvent::Explained(data) if data.ends => {
                self.uncount(meta.case_id);
                self.ended(meta)
            }
            // Says nothing about what a case is about, or whose it is.
            _ => None,
        }
    }

    /// The cases of this kind that were opened from one day to another, both included, in that order. Looks at every
    /// case.
    #[must_use]
    pub fn opened_between(&self, kind: &CaseKind, from: NaiveDate, to: NaiveDate) -> Vec<CaseId> {
        let is_of_kind = |seen: &Seen| {
            seen.cause == kind.cause
                && *seen.matter == *kind.matter
                && seen.department.as_deref() == Some(&kind.department)
        };
        let mut found: Vec<(NaiveDate, CaseId)> = self
            .cases
            .iter()
            .filter(|(_, seen)| (from..=to).contains(&seen.opened) && is_of_kind(seen))
            .map(|(case_id, seen)| (seen.opened, *case_id))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, case_id)| case_id).collect()
    }

    fn matter(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.matters.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = name.into();
        self.matters.insert(Arc::clone(&shared));
        shared
    }

    fn handed_to(&mut self, case_id: CaseId, department: &DepartmentId) -> Option<Recurrence> {
        let shared = self.departments.get(department).cloned();
        let shared = shared.unwrap_or_else(|| {
            let shared = Arc::new(department.clone());
            self.departments.insert(Arc::clone(&shared));
            shared
        });
        self.cases.get_mut(&case_id)?.department = Some(shared);
        None
    }

    /// Takes a case out of the ended ones: it was reopened, and ends anew, perhaps as another kind.
    fn uncount(&mut self, case_id: CaseId) {
        let Some(seen) = self.cases.get_mut(&case_id).filter(|seen| seen.is_counted) else {
            return;
        };
        seen.is_counted = false;
        let opened = seen.opened;
        if let Some(kind) = kind_of(seen)
            && let Some(of_kind) = self.kinds.get_mut(&kind)
        {
            of_kind.ended.remove(&(opened, case_id));
        }
    }

    fn ended(&mut self, meta: &EventMeta) -> Option<Recurrence> {
        let seen = self.cases.get_mut(&meta.case_id)?;
        let (kind, opened) = (kind_of(seen)?, seen.opened);
        let of_kind = self.kinds.entry(kind.clone()).or_default();
        let is_inside = |start: &NaiveDate| (*start..=last_day(*start)).contains(&opened);
        if of_kind.windows.iter().any(is_inside) {
            return None;
        }
        seen.is_counted = true;
        of_kind.ended.insert((opened, meta.case_id));
        let (from, cases) = of_kind.window_with(opened)?;
        of_kind.windows.push(from);
        for case_id in &cases {
            if let Some(seen) = self.cases.get_mut(case_id) {
                seen.is_counted = false;
                of_kind.ended.remove(&(seen.opened, *case_id));
            }
        }
        let (at, cause) = (meta.time, meta.id);
        Some(Recurrence { kind, from, to: last_day(from), cases, at, cause })
    }
}

impl OfKind {
    /// The earliest window around `day` that has enough cases.
    fn window_with(&self, day: NaiveDate) -> Option<(NaiveDate, Vec<CaseId>)> {
        let earliest = day - TimeDelta::days(i64::from(WINDOW_DAYS) - 1);
        let near: Vec<(NaiveDate, CaseId)> = self
            .ended
            .iter()
            .copied()
            .filter(|(opened, _)| (earliest..=last_day(day)).contains(opened))
            .collect();
        near.iter().map(|(start, _)| *start).take_while(|start| *start <= day).find_map(|start| {
            let inside = |opened: &NaiveDate| (start..=last_day(start)).contains(opened);
            let cases = near.iter().filter(|(opened, _)| inside(opened));
            let cases: Vec<CaseId> = cases.map(|(_, case_id)| *case_id).collect();
            (cases.len() >= RECURRENCE_MIN).then_some((start, cases))
        })
    }
}

fn kind_of(seen: &Seen) -> Option<CaseKind> {
    let department = seen.department.as_deref()?.clone();
    Some(CaseKind { cause: seen.cause, matter: seen.matter.to_string(), department })
}

/// The last day of the window that begins on `start`.
fn last_day(start: NaiveDate) -> NaiveDate {
    start + TimeDelta::days(i64::from(WINDOW_DAYS) - 1)
}
