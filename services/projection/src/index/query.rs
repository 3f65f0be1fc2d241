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
use proto_events::codes::{CaseState, Cause, Role, Stage};
use proto_events::ids::{CaseId, CenterId, DepartmentId};
use roaring::RoaringBitmap;
use schemars::JsonSchema;
use serde::Deserialize;

use super::{Awaited, Facet, Index, Place};

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
    /// The case whose next step is due first; what waits for nothing comes last.
    #[serde(rename = "next_due_at")]
    Next,
}

impl Sort {
    /// Every order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Due, Self::DueLast, Self::Opened, Self::OpenedLast, Self::Next];
}

impl Sort {
    pub(crate) fn letter(self) -> char {
        match self {
            Self::Due => 'd',
            Self::DueLast => 'D',
            Self::Opened => 'o',
            Self::OpenedLast => 'O',
            Self::Next => 'n',
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
    /// Whether somebody still has to bring it to an outcome.
    pub(crate) open: Option<bool>,
    pub(crate) overdue: Option<bool>,
    /// Whether its clock stands still.
    pub(crate) paused: Option<bool>,
    /// Whether it took more than ten minutes to arrive from its center.
    pub(crate) arrived_late: Option<bool>,
    /// Whether the reader is to do something.
    pub(crate) to_act: Option<bool>,
    pub(crate) due_before: Option<i64>,
    pub(crate) opened_from: Option<i64>,
    pub(crate) opened_to: Option<i64>,
    pub(crate) text: Option<String>,
}

/// A place in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    sort: Sort,
    key: Place,
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
    /// The facets that hold all that it asks for.
    fn facets(&self) -> Vec<Facet> {
        let mut facets = Vec::new();
        facets.extend(self.state.map(Facet::State));
        facets.extend(self.center.clone().map(|id| Facet::Center(Arc::new(id))));
        facets.extend(self.department.clone().map(|id| Facet::Department(Arc::new(id))));
        facets.extend(self.handler.as_deref().map(|name| Facet::Handler(name.into())));
        facets.extend(self.cause.map(|cause| match cause.has_sub_code() {
            true => Facet::Cause(cause),
            false => Facet::Category(cause.category()),
        }));
        facets.extend(self.stage.map(Facet::Stage));
        facets.extend(self.matter.as_deref().map(|name| Facet::Matter(name.into())));
        if self.paused == Some(true) {
            facets.push(Facet::Paused);
        }
        if self.arrived_late == Some(true) {
            facets.push(Facet::ArrivedLate);
        }
        if self.overdue == Some(true) || self.open == Some(true) {
            facets.push(Facet::Open);
        }
        facets
    }

    /// Whether it asks for more than facets can tell.
    fn has_rest(&self) -> bool {
        self.overdue.is_some()
            || self.open == Some(false)
            || self.paused == Some(false)
            || self.arrived_late == Some(false)
            || self.due_before.is_some()
            || self.opened_from.is_some()
            || self.opened_to.is_some()
            || self.text.is_some()
    }
}

/// The cases of a list.
enum Chosen<'a> {
    /// All that there are.
    All,
    /// Those of one facet.
    Facet(&'a RoaringBitmap),
    /// Those that were picked out.
    Picked(RoaringBitmap),
}

impl Chosen<'_> {
    fn slots(&self) -> Option<&RoaringBitmap> {
        match self {
            Self::All => None,
            Self::Facet(slots) => Some(slots),
            Self::Picked(slots) => Some(slots),
        }
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
        let Some(chosen) = self.chosen(actor, filter, now) else {
            return Page { case_ids: Vec::new(), total: 0, next: None };
        };
        let total = chosen.slots().map_or(self.len(), |slots| index_of(slots.len()));
        let after = after.map(|cursor| cursor.key);
        let wanted = limit.saturating_add(1);
        let mut places = match chosen.slots() {
            // Walking an order to the end of a page takes about as many steps as one in `total` is rare.
            Some(slots) if total < wanted.saturating_mul(self.len() / total.max(1)) => {
                self.sorted(slots.iter(), sort, after, wanted)
            }
            // What is due next moves with every event: it is in no order that could be walked.
            Some(slots) if sort == Sort::Next => self.sorted(slots.iter(), sort, after, wanted),
            None if sort == Sort::Next => {
                let all = 0..u32::try_from(self.len()).unwrap_or(u32::MAX);
                self.sorted(all, sort, after, wanted)
            }
            slots => self.walked(slots, sort, after, wanted),
        };
        let has_more = places.len() > limit;
        places.truncate(limit);
        let next = places.last().filter(|_| has_more).map(|place| Cursor { sort, key: *place });
        Page { case_ids: places.into_iter().map(|place| place.1).collect(), total, next }
    }

    /// How many cases are open, and of how many of them the promise has passed while their clock runs.
    pub(crate) fn open_and_overdue(&self, now: i64) -> (u64, u64) {
        let Some(open) = self.slots_of(&Facet::Open) else { return (0, 0) };
        let overdue = Filter { overdue: Some(true), ..Filter::default() };
        let late = open.iter().filter(|slot| self.admits(*slot, &overdue, now)).count();
        (open.len(), late as u64)
    }

    /// The cases that `actor` may open and `filter` admits; `None` when a part of it never had a case.
    fn chosen(&self, actor: &Actor, filter: &Filter, now: i64) -> Option<Chosen<'_>> {
        let mut facets = filter.facets();
        match Reach::of(actor) {
            Reach::All => {}
            Reach::Center(id) => facets.push(Facet::Center(Arc::new(id))),
            Reach::Department(id) => facets.push(Facet::WasWith(Arc::new(id))),
            Reach::Nothing => return None,
        }
        let mut sets = Vec::with_capacity(facets.len());
        for facet in &facets {
            sets.push(self.slots_of(facet)?);
        }
        sets.sort_unstable_by_key(|slots| slots.len());
        let chosen = match sets.as_slice() {
            [] => Chosen::All,
            [only] => Chosen::Facet(only),
            [first, second, rest @ ..] => {
                let both = *first & *second;
                Chosen::Picked(rest.iter().fold(both, |picked, slots| picked & *slots))
            }
        };
        let chosen = match (filter.to_act, chosen.slots()) {
            (None, _) => chosen,
            (Some(true), None) => Chosen::Picked(self.to_act(actor)),
            (Some(true), Some(slots)) => Chosen::Picked(slots & self.to_act(actor)),
            (Some(false), Some(slots)) => Chosen::Picked(slots - self.to_act(actor)),
            (Some(false), None) => {
                let mut all = RoaringBitmap::new();
                all.insert_range(0..u32::try_from(self.len()).unwrap_or(u32::MAX));
                Chosen::Picked(all - self.to_act(actor))
            }
        };
        if !filter.has_rest() {
            return Some(chosen);
        }
        let admits = |slot: &u32| self.admits(*slot, filter, now);
        Some(Chosen::Picked(match chosen.slots() {
            Some(slots) => slots.iter().filter(admits).collect(),
            None => (0..u32::try_from(self.len()).unwrap_or(u32::MAX)).filter(admits).collect(),
        }))
    }

    /// The cases in which this person is to do something.
    fn to_act(&self, actor: &Actor) -> RoaringBitmap {
        let mut all = RoaringBitmap::new();
        for awaited in awaited_of(actor) {
            if let Some(slots) = self.slots_of(&Facet::Awaits(awaited)) {
                all |= slots;
            }
        }
        all
    }

    /// Whether a case passes what facets cannot tell.
    fn admits(&self, slot: u32, filter: &Filter, now: i64) -> bool {
        let (due_at, opened_at) = (self.due_at[slot as usize], self.opened_at[slot as usize]);
        let has = |facet| self.slots_of(&facet).is_some_and(|slots| slots.contains(slot));
        let is_overdue = || now > due_at && has(Facet::Open) && !has(Facet::Paused);
        let is_in = |text: &String| {
            let row = self.at(slot);
            row.matter.contains(text.as_str())
                || row.demand.contains(text.as_str())
                || row.case_no.contains(text.as_str())
        };
        filter.due_before.is_none_or(|at| due_at < at)
            && filter.opened_from.is_none_or(|at| opened_at >= at)
            && filter.opened_to.is_none_or(|at| opened_at <= at)
            && filter.open.is_none_or(|open| has(Facet::Open) == open)
            && filter.paused.is_none_or(|paused| has(Facet::Paused) == paused)
            && filter.arrived_late.is_none_or(|late| has(Facet::ArrivedLate) == late)
            && filter.overdue.is_none_or(|overdue| is_overdue() == overdue)
            && filter.text.as_ref().is_none_or(is_in)
    }

    /// The first places of a few cases in an order: they are sorted by themselves.
    fn sorted(
        &self,
        slots: impl Iterator<Item = u32>,
        sort: Sort,
        after: Option<Place>,
        wanted: usize,
    ) -> Vec<Place> {
        let (column, is_backwards) = match sort {
            Sort::Next => (&self.next_due_at, false),
            Sort::Due | Sort::DueLast => (&self.due_at, sort == Sort::DueLast),
            Sort::Opened | Sort::OpenedLast => (&self.opened_at, sort == Sort::OpenedLast),
        };
        let is_behind = |place: &Place| match (after, is_backwards) {
            (None, _) => true,
            (Some(after), false) => *place > after,
            (Some(after), true) => *place < after,
        };
        let place = |slot: u32| (column[slot as usize], self.at(slot).case_id);
        let mut places: Vec<Place> = slots.map(place).filter(is_behind).collect();
        let order = |a: &Place, b: &Place| if is_backwards { b.cmp(a) } else { a.cmp(b) };
        if places.len() > wanted {
            places.select_nth_unstable_by(wanted, order);
            places.truncate(wanted);
        }
        places.sort_unstable_by(order);
        places
    }

    /// The first places of many cases in an order: it is walked until there are enough.
    fn walked(
        &self,
        slots: Option<&RoaringBitmap>,
        sort: Sort,
        after: Option<Place>,
        wanted: usize,
    ) -> Vec<Place> {
        let (order, is_backwards) = match sort {
            Sort::Due => (&self.by_due, false),
            Sort::DueLast => (&self.by_due, true),
            Sort::Opened => (&self.by_opened, false),
            Sort::OpenedLast => (&self.by_opened, true),
            Sort::Next => return Vec::new(),
        };
        let bound = after.map_or(Bound::Unbounded, Bound::Excluded);
        let is_chosen = |slot: u32| slots.is_none_or(|slots| slots.contains(slot));
        let chosen = |(place, slot): (&Place, &u32)| is_chosen(*slot).then_some(*place);
        if is_backwards {
            let range = order.range((Bound::Unbounded, bound));
            range.rev().filter_map(chosen).take(wanted).collect()
        } else {
            order.range((bound, Bound::Unbounded)).filter_map(chosen).take(wanted).collect()
        }
    }
}

/// Whose turn it has to be, so that it is this person's.
fn awaited_of(actor: &Actor) -> Vec<Awaited> {
    let mut awaited = vec![Awaited::Person(actor.username.as_str().into())];
    match actor.role {
        Role::Clerk | Role::Director => {
            awaited.extend(actor.center.clone().map(|id| Awaited::Center(id.into())));
        }
        Role::Handler => {
            awaited.extend(actor.department.clone().map(|id| Awaited::AnyoneOf(id.into())));
        }
        Role::DepartmentLead => {
            awaited.extend(actor.department.clone().map(|id| Awaited::Department(id.into())));
        }
        Role::Coordinator => awaited.push(Awaited::Coordinator),
        Role::Callback => awaited.push(Awaited::Callback),
        Role::PrivacyOfficer | Role::Auditor | Role::Admin | Role::System => {}
    }
    awaited
}

/// A count of slots; a slot is a `u32`, so it fits.
fn index_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
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
        let sort = Sort::ALL.into_iter().find(|sort| text.starts_with(sort.letter())).ok_or(())?;
        let (key, id) = text[1..].split_once('_').ok_or(())?;
        // As it is written: the bits of a signed number.
        let key = u64::from_str_radix(key, 16).map_err(|_| ())?.cast_signed();
        Ok(Self { sort, key: (key, id.parse().map_err(|_| ())?) })
    }
}
