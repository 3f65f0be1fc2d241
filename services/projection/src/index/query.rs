//! Lists: which cases, in which order, from where.
//!
//! Invariants: a list holds only what its reader may open; the total counts the same; paging under an order
//! visits each case once as long as its place in the order does not change.

use std::fmt;
use std::ops::Bound;
use std::str::FromStr;
use std::sync::Arc;

use casework::command::Actor;
use casework::permission;
use proto_events::codes::{CaseState, Cause, Stage};
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use schemars::JsonSchema;
use serde::Deserialize;

use super::{CaseRow, Group, Index};

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub(crate) enum Sort {
    /// The earliest promise first.
    #[default]
    #[serde(rename = "due_at")]
    Due,
    /// The latest promise first.
    #[serde(rename = "-due_at")]
    DueLast,
    /// The oldest first.
    #[serde(rename = "opened_at")]
    Opened,
    /// The newest first.
    #[serde(rename = "-opened_at")]
    OpenedLast,
}

impl Sort {
    fn letter(self) -> char {
        match self {
            Self::Due => 'd',
            Self::DueLast => 'D',
            Self::Opened => 'o',
            Self::OpenedLast => 'O',
        }
    }
}

/// What a list is narrowed to; instants in microseconds since 1970.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter {
    pub(crate) state: Option<CaseState>,
    pub(crate) center: Option<CenterId>,
    pub(crate) department: Option<DepartmentId>,
    pub(crate) handler: Option<String>,
    pub(crate) cause: Option<Cause>,
    pub(crate) stage: Option<Stage>,
    pub(crate) matter: Option<String>,
    pub(crate) overdue: Option<bool>,
    pub(crate) due_before: Option<i64>,
    pub(crate) opened_from: Option<i64>,
    pub(crate) opened_to: Option<i64>,
    pub(crate) text: Option<String>,
}

/// A place in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    sort: Sort,
    key: (i64, CaseId),
}

/// A page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) case_ids: Vec<CaseId>,
    pub(crate) total: usize,
    pub(crate) next: Option<Cursor>,
}

/// What a person may open, as far as it is one group of cases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All cases.
    All,
    /// Those of a center.
    Center(CenterId),
    /// Those that are or were with a department.
    Department(DepartmentId),
    /// None.
    Nothing,
}

impl Reach {
    /// Asks the one table of the house, with a case that could be anybody's and with those of the own place.
    pub(crate) fn of(actor: &Actor) -> Self {
        let other = |taken: Option<&CenterId>| {
            let names = ["0", "1"].iter().filter_map(|name| name.parse::<CenterId>().ok());
            names.into_iter().find(|name| Some(name) != taken)
        };
        let Some(somewhere) = other(actor.center.as_ref()) else { return Self::Nothing };
        if permission::sees(actor, &somewhere, |_| false) {
            return Self::All;
        }
        if let Some(center) = &actor.center
            && permission::sees(actor, center, |_| false)
        {
            return Self::Center(center.clone());
        }
        if let Some(department) = &actor.department
            && permission::sees(actor, &somewhere, |one| one == department)
        {
            return Self::Department(department.clone());
        }
        Self::Nothing
    }
}

impl Filter {
    /// The groups that hold all that it asks for; with no rest, and at most one group, it is that group.
    fn groups(&self) -> Vec<Group> {
        let mut groups = Vec::new();
        groups.extend(self.state.map(Group::State));
        groups.extend(self.center.clone().map(|id| Group::Center(Arc::new(id))));
        // Who has a case now is among those that ever had it.
        groups.extend(self.department.clone().map(|id| Group::WasWith(Arc::new(id))));
        groups
    }

    /// Whether it asks for more than groups can tell.
    fn has_rest(&self) -> bool {
        self.department.is_some()
            || self.handler.is_some()
            || self.cause.is_some()
            || self.stage.is_some()
            || self.matter.is_some()
            || self.overdue.is_some()
            || self.due_before.is_some()
            || self.opened_from.is_some()
            || self.opened_to.is_some()
            || self.text.is_some()
    }

    /// Whether a row passes.
    pub(crate) fn admits(&self, row: &CaseRow, now: i64) -> bool {
        fn fits<T>(wanted: Option<&T>, test: impl Fn(&T) -> bool) -> bool {
            wanted.is_none_or(test)
        }
        let is_in = |text: &String| {
            row.matter.contains(text.as_str())
                || row.demand.contains(text.as_str())
                || row.case_no.contains(text.as_str())
        };
        fits(self.state.as_ref(), |state| row.state == *state)
            && fits(self.center.as_ref(), |center| *row.center == *center)
            && fits(self.department.as_ref(), |id| row.department.as_deref() == Some(id))
            && fits(self.handler.as_ref(), |name| row.handler.as_deref() == Some(name.as_str()))
            && fits(self.cause.as_ref(), |cause| {
                row.cause == *cause
                    || (!cause.has_sub_code() && row.cause.category() == cause.category())
            })
            && fits(self.stage.as_ref(), |stage| row.stage == *stage)
            && fits(self.matter.as_ref(), |matter| *row.matter == **matter)
            && fits(self.overdue.as_ref(), |overdue| row.is_overdue(now) == *overdue)
            && fits(self.due_before.as_ref(), |at| row.due_at < *at)
            && fits(self.opened_from.as_ref(), |at| row.opened_at >= *at)
            && fits(self.opened_to.as_ref(), |at| row.opened_at <= *at)
            && fits(self.text.as_ref(), is_in)
    }
}

impl Index {
    /// A page of what `actor` may open and `filter` admits, behind `after`.
    pub(crate) fn page(
        &self,
        actor: &Actor,
        filter: &Filter,
        sort: Sort,
        after: Option<Cursor>,
        limit: usize,
        now: i64,
    ) -> Page {
        let mut groups = filter.groups();
        match Reach::of(actor) {
            Reach::All => {}
            Reach::Center(id) => groups.push(Group::Center(Arc::new(id))),
            Reach::Department(id) => groups.push(Group::WasWith(Arc::new(id))),
            Reach::Nothing => return Page { case_ids: Vec::new(), total: 0, next: None },
        }
        if filter.overdue == Some(true) {
            groups.push(Group::Open);
        }
        groups.dedup();
        let is_exact = groups.len() <= 1 && !filter.has_rest();
        if groups.is_empty() {
            groups.push(Group::All);
        }
        // The smallest group is walked, the others are tested row by row.
        let smallest = groups
            .iter()
            .map(|group| self.orders(group))
            .min_by_key(|orders| orders.map_or(0, |orders| orders.by_due.len()));
        let Some(Some(orders)) = smallest else {
            return Page { case_ids: Vec::new(), total: 0, next: None };
        };
        let (order, is_backwards) = match sort {
            Sort::Due => (&orders.by_due, false),
            Sort::DueLast => (&orders.by_due, true),
            Sort::Opened => (&orders.by_opened, false),
            Sort::OpenedLast => (&orders.by_opened, true),
        };
        let admitted = |key: &&(i64, CaseId)| {
            is_exact
                || self
                    .row(key.1)
                    .is_some_and(|row| filter.admits(row, now) && row.may_be_read_by(actor))
        };
        let behind = |after: Cursor| {
            let bound = Bound::Excluded(after.key);
            if is_backwards { (Bound::Unbounded, bound) } else { (bound, Bound::Unbounded) }
        };
        let range = after.map_or((Bound::Unbounded, Bound::Unbounded), behind);
        let walk: Box<dyn Iterator<Item = &(i64, CaseId)>> = if is_backwards {
            Box::new(order.range(range).rev())
        } else {
            Box::new(order.range(range))
        };
        let mut keys: Vec<(i64, CaseId)> =
            walk.filter(admitted).take(limit.saturating_add(1)).copied().collect();
        let has_more = keys.len() > limit;
        keys.truncate(limit);
        let next = keys.last().filter(|_| has_more).map(|key| Cursor { sort, key: *key });
        let total = if is_exact { order.len() } else { order.iter().filter(admitted).count() };
        Page { case_ids: keys.into_iter().map(|key| key.1).collect(), total, next }
    }
}

impl Cursor {
    /// Whether it belongs to this order.
    pub(crate) fn is_of(self, sort: Sort) -> bool {
        self.sort == sort
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:x}_{}", self.sort.letter(), self.key.0, self.key.1)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let sort = [Sort::Due, Sort::DueLast, Sort::Opened, Sort::OpenedLast]
            .into_iter()
            .find(|sort| text.starts_with(sort.letter()))
            .ok_or(())?;
        let (key, id) = text[1..].split_once('_').ok_or(())?;
        // As it is written: the bits of a signed number.
        let key = u64::from_str_radix(key, 16).map_err(|_| ())?.cast_signed();
        Ok(Self { sort, key: (key, id.parse().map_err(|_| ())?) })
    }
}
