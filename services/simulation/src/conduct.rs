//! What people do about a case: looks at it as it stands and says what happens next, and when.
//!
//! Invariants: a conduct wishes, the rules decide; it looks at the case anew after every step, because clocks and
//! reactions act in between; nobody does anything out of office hours.

mod after;
mod chain;
mod hands;
mod opening;
mod together;
mod work;

use std::collections::VecDeque;

use casework::case::Case;
use casework::command::{Actor, Command, CommandKind};
use casework::refusal::Refusal;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Role};
use proto_events::events::Mode;
use proto_events::ids::{CaseId, DepartmentId};

use crate::World;
use crate::catalogue::{End, Phrases, Problem};
use crate::chance::Chance;
use crate::habits::{self, Habits};
use crate::life::{Life, Told, Wish};
use crate::office;
use crate::people::person;

use after::After;
use chain::Step;
pub(crate) use opening::{Arrival, Earlier};
pub use opening::{name, phone};

/// Turns after which a case is left as it is: far above what any case takes, below for ever.
const TURNS_MAX: u32 = 400;

/// How people treat one case.
pub(crate) struct Conduct<'w> {
    world: &'w World<'w>,
    chance: Chance,
    problem: &'w Problem,
    end: &'w End,
    duplicate_of: Option<CaseId>,
    related_to: Option<CaseId>,
    /// Whether the right department will doubt that it is its own.
    doubts: bool,
    /// What is still to do in this round of handling, each so many minutes of business after the one before.
    chain: VecDeque<(u32, Step)>,
    /// The round that the chain is for.
    chain_of: Option<u32>,
    /// How much progress was told of.
    notes: usize,
    /// What happens after the present outcome.
    after: VecDeque<After>,
    /// The outcome that it is about.
    after_of: u32,
    /// How the present bad review is put right.
    mending: VecDeque<After>,
    mending_of: u32,
    look_back_at: Option<Timestamp>,
    /// How much was wished for, for the ids of the commands.
    wishes: u32,
}

/// Where a wish comes from, so that it is taken from the right list once it is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    State,
    Chain,
    After,
    Mending,
    LookBack,
    Link,
}

/// What a case came to.
pub(crate) struct Lived {
    /// The case as it stands at the end.
    pub(crate) case: Option<Case>,
    pub(crate) told: Vec<Told>,
    pub(crate) refused: Vec<(CommandKind, Refusal)>,
}

impl<'w> Conduct<'w> {
    /// Lets a case live until the end of the history.
    pub(crate) fn live(world: &'w World<'w>, arrival: Arrival<'w>, until: Timestamp) -> Lived {
        let Arrival { at, case_id, center, applicant, clerk, open, conduct } = arrival;
        let mut conduct = conduct;
        let mut refused = Vec::new();
        let mut life = Life::new(world, case_id, center, applicant, until);
        if let Err(refusal) = life.open(at, clerk, open) {
            refused.push((CommandKind::Open, refusal));
            return Lived { case: None, told: life.into_told(), refused };
        }
        for _ in 0..TURNS_MAX {
            let Some(case) = life.case() else { break };
            match conduct.next(case, life.now()) {
                None if life.next_tick().is_some() => life.tick(),
                None => break,
                Some((wish, _)) if wish.at > until => {
                    life.pass_time(until);
                    break;
                }
                Some((wish, from)) => {
                    if !undisturbed(&mut life, wish.at) {
                        continue;
                    }
                    conduct.wishes += 1;
                    let key = conduct.wishes.to_string();
                    if let Err(refusal) = life.wish(&wish, &key) {
                        refused.push((wish.command.kind(), refusal));
                        if from == From::State {
                            // Nothing else would be tried either.
                            break;
                        }
                    }
                    conduct.done(from);
                }
            }
        }
        life.pass_time(until);
        Lived { case: life.case().cloned(), told: life.into_told(), refused }
    }

    fn done(&mut self, from: From) {
        match from {
            From::State => {}
            From::Chain => {
                self.chain.pop_front();
            }
            From::After => {
                self.after.pop_front();
            }
            From::Mending => {
                self.mending.pop_front();
            }
            From::LookBack => self.look_back_at = None,
            From::Link => self.related_to = None,
        }
    }

    /// What somebody does next, unless the case waits for nobody.
    fn next(&mut self, case: &Case, now: Timestamp) -> Option<(Wish, From)> {
        if let Some(wish) = self.link(case, now) {
            return Some((wish, From::Link));
        }
        match case.state {
            CaseState::Opened => self.hand_over(case, now).map(|wish| (wish, From::State)),
            CaseState::Forwarded => Some((self.receive(case, now), From::State)),
            CaseState::Returned => Some((self.settle(case, now), From::State)),
            CaseState::InDepartment | CaseState::InTaskForce => self.work(case, now),
            CaseState::NotDoable => Some((self.explain(case, now), From::State)),
            CaseState::Resolved
            | CaseState::Explained
            | CaseState::Declined
            | CaseState::Closed => self.follow_up(case, now),
            CaseState::Withdrawn | CaseState::Transferred => None,
        }
    }

    fn habits(&self, case: &Case) -> Habits {
        habits::of(case.department.as_ref().unwrap_or(&self.problem.department))
    }

    fn after_minutes(&mut self, now: Timestamp, low: u32, high: u32) -> Timestamp {
        let minutes = self.chance.between(low, high);
        office::after(&self.world.rules.calendar, now, minutes)
    }

    fn on_a_day_after(&mut self, at: Timestamp, low: u32, high: u32) -> Timestamp {
        let days = self.chance.between(low, high);
        office::on_a_day_after(&self.world.rules.calendar, at, days, &mut self.chance)
    }

    fn phrase(&mut self, of: impl Fn(&'w Phrases) -> &'w Vec<String>) -> String {
        self.chance.pick(of(&self.world.catalogue.phrases)).cloned().unwrap_or_default()
    }
}

/// Lets the clocks run up to an instant; false when something happened meanwhile that people would react to.
fn undisturbed(life: &mut Life<'_>, at: Timestamp) -> bool {
    let look = |case: &Case| {
        let sits = case.active_task_force().is_some();
        (case.state, sits, case.pause.is_some(), case.department.clone(), case.outcome_count)
    };
    while life.next_tick().is_some_and(|tick| tick <= at) {
        let before = life.case().map(look);
        life.tick();
        if life.case().map(look) != before {
            return false;
        }
    }
    true
}

/// A wish without a second person.
fn wish(at: Timestamp, by: Actor, command: Command) -> Wish {
    Wish { at, by, second: None, command }
}

fn mode(text: &str) -> Mode {
    text.to_owned().try_into().expect("a mode is a short word")
}

fn clerk(case: &Case) -> Actor {
    person(Role::Clerk, Some(&case.center), None)
}

fn director(case: &Case) -> Actor {
    person(Role::Director, Some(&case.center), None)
}

fn of_department(role: Role, department: &DepartmentId) -> Actor {
    person(role, None, Some(department))
}

fn coordinator() -> Actor {
    person(Role::Coordinator, None, None)
}
