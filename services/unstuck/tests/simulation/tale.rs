//! One seed: weeks of a district, told by chance, with everything that can go wrong between its processes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use casework::case::Case;
use casework::command::{Actor, Command, CommandKind};
use chrono::TimeDelta;
use desk::{Order, decode};
use futures::future::{BoxFuture, join_all};
use futures::{FutureExt, StreamExt};
use proto_events::ids::{CaseId, CommandId};
use runtime::log::{EventLog as _, Recorded};
use uuid::Uuid;

use super::chance::Chance;
use super::house::{House, PROCESSES, REACTIONS};
use super::people::Accounts;
use super::seen::Seen;
use super::sent::{Ending, Sent, Try, Wish, ending, send};
use super::wishes::{self, Scene};

/// Rounds of a tale; in each, several things happen at once.
const ROUNDS: usize = 24;

/// Most cases of a tale: few, so that each gets far.
const CASES_MAX: usize = 4;

/// What is delivered to a reaction until it has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Delivery {
    pub(crate) reaction: usize,
    pub(crate) sequence: u64,
}

/// What came of one of the things that happened at once.
enum Outcome {
    Answered { index: usize, hash: Option<String>, process: usize, ending: Ending },
    Delivered { delivery: Delivery, is_acknowledged: bool },
    Elapsed,
}

/// The tale as it has come so far.
pub(crate) struct Tale {
    pub(crate) house: House,
    pub(crate) sent: Vec<Sent>,
    pub(crate) seen: Seen,
    pub(crate) chance: Chance,
    /// The cases that somebody wanted to open.
    cases: Vec<CaseId>,
    /// The log as it truly is, past all weather, and what its events make of the cases.
    pub(crate) log: Vec<Recorded>,
    states: BTreeMap<CaseId, Case>,
    pub(crate) pending: Vec<Delivery>,
}

impl Tale {
    /// Tells a whole tale and brings it to rest.
    pub(crate) async fn tell(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let house = House::build(&mut chance).await;
        let mut tale = Self {
            house,
            sent: Vec::new(),
            seen: Seen::default(),
            chance,
            cases: Vec::new(),
            log: Vec::new(),
            states: BTreeMap::new(),
            pending: Vec::new(),
        };
        for _ in 0..ROUNDS {
            tale.pass_time();
            tale.round().await;
        }
        tale.settle().await;
        for _ in 0..tale.house.weather.conflicts() {
            tale.seen.note("an append met a conflict");
        }
        tale
    }

    fn pass_time(&mut self) {
        let clock = &self.house.clock;
        match self.chance.below(100) {
            0..50 => clock.advance(TimeDelta::minutes(self.chance.between(1, 90))),
            50..68 => clock.advance(TimeDelta::hours(self.chance.between(1, 12))),
            68..84 => self.house.wait_for_opening(),
            84..93 => clock.advance(TimeDelta::days(self.chance.between(1, 5))),
            93..96 => {
                clock.advance(TimeDelta::days(self.chance.between(8, 25)));
                self.seen.note("the clock leapt");
            }
            _ => {
                clock.advance(TimeDelta::minutes(-self.chance.between(1, 60)));
                self.seen.note("the clock went back");
            }
        }
        if self.chance.percent(3) {
            self.house.publish_calendar();
        }
        for index in 0..PROCESSES {
            if self.chance.percent(4) {
                self.house.restart(index);
                self.seen.note("a process started again");
            }
        }
    }

    /// Several things at once, each of which may be cut off.
    async fn round(&mut self) {
        self.catch_up().await;
        let mut wishes = Vec::new();
        for _ in 0..self.chance.between(1, 3) {
            wishes.push(self.choose_wish());
        }
        // A reservation of a matter is believed for seconds, the id of an event known for minutes: what takes
        // milliseconds here must not last longer than they.
        let is_twice = |(index, _): &(usize, bool)| {
            wishes.iter().filter(|(other, _)| other == index).count() > 1
        };
        let opens = |(index, _): &(usize, bool)| self.sent[*index].kind() == CommandKind::Open;
        let may_drift = !wishes.iter().any(|wish| is_twice(wish) || opens(wish));
        let deliveries = self.choose_deliveries();
        self.tell_timers();
        let (from, before) = (self.house.length(), self.house.now());
        let mut acts: Vec<BoxFuture<'static, Outcome>> = Vec::new();
        for (index, is_other_body) in wishes {
            let process = self.chance.below(PROCESSES);
            let limit = self.cut();
            let sent = self.sent[index].clone();
            let desk = Arc::clone(&self.house.processes[process].desk);
            let hash = sent.hash.clone().filter(|_| !is_other_body);
            let hash = hash.or_else(|| sent.hash.is_some().then(|| "other".to_owned()));
            let act = async move {
                let answer = cut_off(limit, send(&desk, &sent, hash.clone())).await;
                Outcome::Answered { index, hash, process, ending: ending(answer) }
            };
            acts.push(act.boxed());
        }
        for delivery in deliveries {
            let process = self.chance.below(PROCESSES);
            let is_lost = self.chance.percent(10);
            let limit = self.cut();
            let reaction = Arc::clone(&self.house.processes[process].reactions[delivery.reaction]);
            let event = self.log[delivery.sequence as usize - 1].clone();
            let act = async move {
                let answer = cut_off(limit, reaction.react(&event)).await;
                let is_acknowledged = matches!(answer, Some(Ok(()))) && !is_lost;
                Outcome::Delivered { delivery, is_acknowledged }
            };
            acts.push(act.boxed());
        }
        for process in 0..PROCESSES {
            if self.chance.percent(60) {
                let timers = Arc::clone(&self.house.processes[process].timers);
                let limit = self.cut();
                let now = before;
                let act = async move {
                    let tick = async {
                        for order in timers.due(now).await {
                            timers.carry_out(order, now).await;
                        }
                    };
                    cut_off(limit, tick).await;
                    Outcome::Elapsed
                };
                acts.push(act.boxed());
            }
        }
        if may_drift && self.chance.percent(15) {
            // Time passes while they work: a lunch break begins, a day ends.
            let minutes = self.chance.between(1, 45);
            let clock = Arc::clone(&self.house.clock);
            let after = Duration::from_millis(self.chance.below(40) as u64);
            let act = async move {
                tokio::time::sleep(after).await;
                clock.advance(TimeDelta::minutes(minutes));
                Outcome::Elapsed
            };
            acts.push(act.boxed());
        }
        let outcomes = join_all(acts).await;
        let (to, after) = (self.house.length(), self.house.now());
        for outcome in outcomes {
            match outcome {
                Outcome::Answered { index, hash, process, ending } => {
                    let district = Arc::clone(&self.house.processes[process].desk.district);
                    self.note(&ending);
                    let nows = [before, after];
                    let one = Try { from, to, nows, district, hash, ending };
                    self.sent[index].tries.push(one);
                }
                Outcome::Delivered { delivery, is_acknowledged: true } => {
                    self.pending.retain(|other| *other != delivery);
                }
                Outcome::Delivered { .. } => self.seen.note("an event came again"),
                Outcome::Elapsed => {}
            }
        }
    }

    fn note(&mut self, ending: &Ending) {
        match ending {
            Ending::Done(carried) if carried.repeated => self.seen.note("a command was repeated"),
            Ending::Done(carried) if carried.events.is_empty() => {
                self.seen.note("a command was true already");
            }
            Ending::Done(_) => self.seen.note("a command was carried out"),
            Ending::Refused { code, .. } => {
                *self.seen.refusals.entry(code.clone()).or_default() += 1;
            }
            Ending::Unknown => self.seen.note("a command was cut off"),
        }
    }

    /// When an act is cut off, in milliseconds; mostly never.
    fn cut(&mut self) -> Option<Duration> {
        let is_cut = self.chance.percent(12);
        is_cut.then(|| Duration::from_millis(self.chance.below(90) as u64))
    }

    /// Takes what is new in the log, and puts it before the reactions.
    pub(crate) async fn catch_up(&mut self) {
        let end = self.house.length();
        let mut new = self.house.log.follow(self.log.len() as u64).await.unwrap();
        while (self.log.len() as u64) < end {
            let event = new.next().await.unwrap().unwrap();
            let (meta, data) = decode(&event).unwrap();
            let before = self.states.remove(&meta.case_id);
            self.states.extend(Case::step(before, &meta, &data).map(|case| (meta.case_id, case)));
            let sequence = event.sequence;
            self.pending.extend((0..REACTIONS).map(|reaction| Delivery { reaction, sequence }));
            self.log.push(event);
        }
    }

    /// Some of what is pending: mostly the oldest, sometimes anything.
    fn choose_deliveries(&mut self) -> Vec<Delivery> {
        let count = self.chance.below(10);
        let mut chosen = Vec::new();
        for _ in 0..count {
            let reach = if self.chance.percent(85) { 6 } else { self.pending.len() };
            let reach = reach.min(self.pending.len());
            if reach > 0 {
                let delivery = self.pending[self.chance.below(reach)];
                // Two processes may hold the same event, when the first one gave no sign of life.
                if !chosen.contains(&delivery) || self.chance.percent(10) {
                    chosen.push(delivery);
                }
            }
        }
        chosen
    }

    /// Tells the timers of each process what is new, now and then only a part of it.
    fn tell_timers(&mut self) {
        for process in &self.house.processes {
            let new = &self.log[process.timers.checkpoint() as usize..];
            let told =
                if self.chance.percent(80) { new.len() } else { self.chance.below(new.len()) };
            process.timers.fold(&new[..told]);
        }
    }

    /// What somebody sends now: the place in `sent`, and whether the body is another than before.
    fn choose_wish(&mut self) -> (usize, bool) {
        if !self.sent.is_empty() && self.chance.percent(14) {
            // Somebody who got no answer sends it again, mostly; somebody who got one sometimes does.
            let index = self.chance.below(self.sent.len());
            let is_other_body = self.sent[index].hash.is_some() && self.chance.percent(15);
            return (index, is_other_body);
        }
        let wants_opening = self.cases.is_empty() || self.chance.percent(12);
        let sent = match wants_opening && self.cases.len() < CASES_MAX {
            true => self.opening(),
            false => self.order(),
        };
        self.sent.push(sent);
        (self.sent.len() - 1, false)
    }

    fn opening(&mut self) -> Sent {
        let body = wishes::opening(&mut self.chance, self.house.now());
        let people = &Accounts::get().people;
        let of_center =
            |person: &&Actor| person.center.as_ref().is_some_and(|center| *center == body.center);
        let clerks: Vec<&Actor> = people.iter().filter(of_center).collect();
        let actor = match self.chance.percent(95) {
            true => (*self.chance.pick(&clerks)).clone(),
            false => self.chance.pick(people).clone(),
        };
        let key = format!("opening {}", self.sent.len());
        let case_id = CaseId::of_key(&body.center, &key);
        self.cases.push(case_id);
        let command_id = CommandId::of_key(&actor.username, &format!("{}/{key}", body.center));
        let wish = Wish::Opening { body, actor, case_id };
        Sent { wish, command_id, hash: Some("first".to_owned()), tries: Vec::new() }
    }

    fn order(&mut self) -> Sent {
        // The last one is still being told, mostly.
        let known: Vec<CaseId> = self
            .cases
            .iter()
            .filter(|case_id| self.states.contains_key(case_id))
            .copied()
            .collect();
        let among = if known.is_empty() || self.chance.percent(4) { &self.cases } else { &known };
        let newest = among.len() - 1;
        let index = if self.chance.percent(40) { newest } else { self.chance.below(newest + 1) };
        let case_id = among[index];
        let Some(case) = self.states.get(&case_id) else {
            // Nobody knows whether it was opened: whatever is sent finds no case, or the case.
            return self.order_on(case_id, None, None);
        };
        // The endpoint of links refuses a case that is not there.
        let cases: Vec<CaseId> = self.states.keys().copied().collect();
        let rules = &self.house.district.rules;
        let scene = Scene { case, cases: &cases, now: self.house.now(), rules };
        let wish = match self.chance.percent(85) {
            true => wishes::granted(&mut self.chance, &scene),
            false => wishes::any(&mut self.chance, &scene),
        };
        let version = case.version;
        let if_match = match self.chance.below(100) {
            0..10 => Some(version),
            10..13 => Some(version - 1),
            _ => None,
        };
        self.order_on(case_id, Some(wish), if_match)
    }

    fn order_on(
        &mut self,
        case_id: CaseId,
        wish: Option<(Actor, Command)>,
        if_match: Option<u64>,
    ) -> Sent {
        let (actor, command) = wish.unwrap_or_else(|| {
            let command = Command::Urge { text: "请尽快".to_owned() };
            (self.chance.pick(&Accounts::get().people).clone(), command)
        });
        let has_key = self.chance.percent(60);
        let command_id = match has_key {
            true => CommandId::of_key(&actor.username, &format!("{case_id}/{}", self.sent.len())),
            false => CommandId(
                uuid::Builder::from_random_bytes(
                    Uuid::from_u64_pair(self.chance.next(), self.chance.next()).into_bytes(),
                )
                .into_uuid(),
            ),
        };
        let hash = has_key.then(|| "first".to_owned());
        let order = Order {
            case_id,
            center: None,
            command,
            actor,
            command_id,
            command_hash: hash.clone(),
            if_match,
            at: None,
            causation: None,
            request_id: None,
        };
        Sent { wish: Wish::Order(order), command_id, hash, tries: Vec::new() }
    }
}

/// Lets something run until it is done or cut off.
async fn cut_off<T>(limit: Option<Duration>, act: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, act).await.ok(),
        None => Some(act.await),
    }
}
