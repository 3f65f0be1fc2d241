//! The history of a district: all cases of a span of time and all days of its centers, event by event in the order of
//! time.
//!
//! Invariants: the same plan tells the same history, whoever asks and however often; memory holds the cases that
//! are not over, not the year.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use casework::command::{Command, CommandKind};
use casework::reaction::link_back;
use casework::refusal::Refusal;
use chrono::{Days, NaiveDate};
use proto_events::Timestamp;
use proto_events::centers::{CenterEvent, CountedTo};
use proto_events::codes::Role;
use proto_events::events::{CaseEvent, Linked};
use proto_events::ids::{CenterId, CommandId, EventId};

use crate::chance::Chance;
use crate::conduct::{Arrival, Conduct, Earlier};
use crate::counter::{CounterDay, ToldOfCenter};
use crate::lessons::{Due, Lesson, Lessons, ToldOfLearning};
use crate::life::{AT_ONCE, Told};
use crate::season::Season;
use crate::{Unlikely, World};

/// Cases of a center in a month, in hundredths: one or two, as the window at Donghuashi reports of itself.
const CASES_PER_CENTER_AND_MONTH_HUNDREDTHS: u64 = 175;

/// The days of a month, for the number of cases of a span.
const DAYS_PER_MONTH_TENTHS: u64 = 304;

/// What is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What chance grows from.
    pub seed: u64,
    /// The first day on which somebody comes.
    pub from: NaiveDate,
    /// The end of the history: nothing is told of what lies behind it.
    pub until: Timestamp,
    /// How many cases are opened.
    pub cases: u64,
    /// Whether it is all that there is: what stood in the log before has its own day closes and lessons, so that
    /// only cases are told.
    pub is_alone: bool,
}

impl Plan {
    /// The year before an instant, with as many cases as such a district has.
    #[must_use]
    pub fn of_the_year_before(world: &World<'_>, until: Timestamp, seed: u64) -> Self {
        let from = world.rules.calendar.date_of(until) - Days::new(365);
        Self { seed, from, until, cases: usual_cases(world, from, until), is_alone: true }
    }
}

/// How many cases the district has in a span, when it is like others.
#[must_use]
pub fn usual_cases(world: &World<'_>, from: NaiveDate, until: Timestamp) -> u64 {
    let days = (world.rules.calendar.date_of(until) - from).num_days().max(0);
    let days = u64::try_from(days).unwrap_or(0);
    let centers = world.rules.centers.len() as u64;
    (centers * days * 10 * CASES_PER_CENTER_AND_MONTH_HUNDREDTHS / DAYS_PER_MONTH_TENTHS)
        .div_ceil(100)
}

/// Something that is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// Of a case.
    Case(Box<Told>),
    /// Of a center.
    Center(Box<ToldOfCenter>),
    /// Of what was learned.
    Learning(Box<ToldOfLearning>),
}

impl Fact {
    /// When it happened.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        match self {
            Self::Case(told) => told.time,
            Self::Center(told) => told.time,
            Self::Learning(told) => told.time,
        }
    }
}

/// Time, case and place within the case: what the order is.
type Key = (Timestamp, u64, usize);

/// Something that waits for its time.
struct Waiting {
    key: Key,
    what: What,
}

enum What {
    Fact(Fact),
    /// Decided when its time comes.
    Lesson(Lesson),
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

/// The facts of a plan, in the order of time.
pub struct History<'w> {
    world: &'w World<'w>,
    plan: Plan,
    /// Who is still to come: when, the number of the draw, the place of the center.
    arrivals: VecDeque<(Timestamp, u64, usize)>,
    /// The days that are still to come, and how busy they are.
    days: VecDeque<(NaiveDate, u64)>,
    centers: Vec<&'w CenterId>,
    /// How many cases a center opens on a day.
    opened: BTreeMap<(NaiveDate, CenterId), u64>,
    latest: BTreeMap<usize, Earlier>,
    waiting: BinaryHeap<Reverse<Waiting>>,
    /// What was added by hand so far, for the order.
    added: u64,
    told: CountedTo,
    lessons: Lessons<'w>,
    /// How many lessons were scheduled, for the order.
    scheduled: usize,
    refused: Vec<(CommandKind, Refusal)>,
}

impl<'w> History<'w> {
    /// Draws who comes when.
    ///
    /// # Errors
    /// When nobody can come: no center or no working day in the span.
    pub fn new(world: &'w World<'w>, plan: Plan) -> Result<Self, Unlikely> {
        let calendar = &world.rules.calendar;
        let season = Season::new(world.rules, plan.from, calendar.date_of(plan.until));
        if season.is_empty() {
            return Err(Unlikely::NoWorkingDay);
        }
        let centers: Vec<&CenterId> = world.rules.centers.keys().collect();
        let mut chance = Chance::of(plan.seed, 0);
        let mut arrivals = Vec::new();
        for number in 0..plan.cases {
            let (at, center) = season.draw(&mut chance);
            let place = centers.binary_search(&center).unwrap_or(0);
            arrivals.push((at, number, place));
        }
        arrivals.sort_unstable();
        arrivals.retain(|(at, ..)| *at <= plan.until);
        let mut opened = BTreeMap::new();
        for (at, _, place) in &arrivals {
            *opened.entry((calendar.date_of(*at), centers[*place].clone())).or_default() += 1;
        }
        Ok(Self {
            world,
            plan,
            arrivals: arrivals.into(),
            days: season.working_days().filter(|_| plan.is_alone).collect(),
            centers,
            opened,
            latest: BTreeMap::new(),
            waiting: BinaryHeap::new(),
            added: 0,
            told: CountedTo { centers: 0, cases: 0 },
            lessons: Lessons::new(world, plan.seed),
            scheduled: 0,
            refused: Vec::new(),
        })
    }

    /// Adds a case that was told elsewhere, such as by hand, before the first fact is taken; its events take their
    /// places in time.
    pub fn add(&mut self, told: Vec<Told>) {
        for told in told.iter().filter(|told| matches!(told.event, CaseEvent::Opened(_))) {
            let day = self.world.rules.calendar.date_of(told.time);
            *self.opened.entry((day, told.center.clone())).or_default() += 1;
        }
        self.added += 1;
        self.wait(self.plan.cases + self.added, told);
    }

    /// How many cases are still to be opened.
    #[must_use]
    pub fn to_come(&self) -> usize {
        self.arrivals.len()
    }

    /// What the rules refused: nothing, as long as people here know them.
    #[must_use]
    pub fn refused(&self) -> &[(CommandKind, Refusal)] {
        &self.refused
    }

    fn wait(&mut self, number: u64, told: Vec<Told>) {
        for (place, told) in told.into_iter().enumerate() {
            if let Some(back) = self.link_back(&told) {
                let key = (back.time, number, usize::MAX);
                self.waiting
                    .push(Reverse(Waiting { key, what: What::Fact(Fact::Case(Box::new(back))) }));
            }
            let key = (told.time, number, place);
            self.waiting
                .push(Reverse(Waiting { key, what: What::Fact(Fact::Case(Box::new(told))) }));
        }
    }

    /// What the house says of the other case when one was linked to it.
    fn link_back(&self, told: &Told) -> Option<Told> {
        let (case_id, command) = link_back(told.case_id, &told.event)?;
        let Command::Link { other, relation, note, reciprocal } = command else { return None };
        let command_id = CommandId::of_reaction(self.world.house.linking, told.id);
        Some(Told {
            case_id,
            center: told.center.clone(),
            id: EventId::of_command(command_id, 0),
            command_id,
            causation: Some(told.id),
            time: (told.time + AT_ONCE).min(self.plan.until),
            actor: "intake".to_owned(),
            role: Role::System,
            event: Linked { case_id: other, relation, note, reciprocal }.into(),
            applicant: None,
        })
    }

    fn take_in(&mut self, (at, number, place): (Timestamp, u64, usize)) {
        let (center, earlier) = (self.centers[place], self.latest.get(&place));
        let draw = (self.plan.seed, number);
        let (arrival, latest) = Arrival::new(self.world, draw, at, center, earlier);
        let problem = latest.problem;
        self.latest.insert(place, latest);
        let lived = Conduct::live(self.world, arrival, self.plan.until);
        self.refused.extend(lived.refused);
        if let Some(case) = &lived.case {
            let due = self.lessons.of_case(case, &lived.told, problem, number);
            self.schedule(due);
        }
        self.wait(number, lived.told);
    }

    /// Puts a lesson where its time comes.
    fn schedule(&mut self, due: Option<Due>) {
        let Some((at, lesson)) = due.filter(|(at, _)| self.plan.is_alone && *at <= self.plan.until)
        else {
            return;
        };
        self.scheduled += 1;
        // Behind everything of the same instant: it is about what was told.
        let key = (at, u64::MAX, usize::MAX / 2 + self.scheduled);
        self.waiting.push(Reverse(Waiting { key, what: What::Lesson(lesson) }));
    }

    fn take_in_day(&mut self, (day, busy): (NaiveDate, u64)) {
        let Plan { seed, until, .. } = self.plan;
        for (place, center) in self.centers.iter().enumerate() {
            let cases_opened = self.opened.get(&(day, (*center).clone())).copied().unwrap_or(0);
            let counter = CounterDay { seed, center, day, busy, cases_opened, until };
            for (number, told) in counter.live(self.world).into_iter().enumerate() {
                // Behind the cases of the same instant: a report counts them.
                let key = (told.time, u64::MAX, place * 1000 + number);
                self.waiting
                    .push(Reverse(Waiting { key, what: What::Fact(Fact::Center(Box::new(told))) }));
            }
        }
    }

    /// Whether something that begins at an instant may come before everything that waits.
    fn comes_next(&self, at: Timestamp) -> bool {
        self.waiting.peek().is_none_or(|next| at <= next.0.key.0)
    }
}

impl Iterator for History<'_> {
    type Item = Fact;

    fn next(&mut self) -> Option<Fact> {
        loop {
            if let Some(fact) = self.step()? {
                return Some(fact);
            }
        }
    }
}

impl History<'_> {
    /// Takes what comes next; `Some(None)` when it is nothing to tell.
    fn step(&mut self) -> Option<Option<Fact>> {
        let calendar = &self.world.rules.calendar;
        while let Some(day) = self.days.front()
            && self.comes_next(calendar.opening_of(day.0))
            && self.arrivals.front().is_none_or(|next| calendar.opening_of(day.0) <= next.0)
        {
            let day = *day;
            self.days.pop_front();
            self.take_in_day(day);
        }
        while let Some(arrival) = self.arrivals.front()
            && self.comes_next(arrival.0)
        {
            let arrival = *arrival;
            self.arrivals.pop_front();
            self.take_in(arrival);
        }
        let Reverse(Waiting { key, what }) = self.waiting.pop()?;
        let mut fact = match what {
            What::Fact(fact) => fact,
            What::Lesson(lesson) => {
                let (told, follows) = self.lessons.carry_out(&lesson, key.0);
                self.schedule(follows);
                return Some(told.map(|told| Fact::Learning(Box::new(told))));
            }
        };
        match &mut fact {
            Fact::Case(told) => {
                self.told.cases += 1;
                let due = self.lessons.hear(told, self.told.cases);
                self.schedule(due);
            }
            Fact::Center(told) => {
                if let CenterEvent::CenterDayClosed(report) = &mut told.event {
                    report.counted_to = Some(self.told);
                }
                self.told.centers += 1;
            }
            Fact::Learning(_) => {}
        }
        Some(Some(fact))
    }
}
