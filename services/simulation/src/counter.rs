//! The questions at the counters, and the reports with which the centers close their days.
//!
//! Invariants: most visits are questions and nobody is named in them; what is counted and reported goes through the
//! rules; a center that forgot to close its day is silent, one that had nothing reports zero.

use casework::centers::{CenterContext, CenterDay, Tally, decide_close, decide_tally};
use casework::command::Actor;
use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;
use proto_events::centers::{CenterEvent, ConsultationOutcome, CountedTo, close_command};
use proto_events::codes::{Channel, Role};
use proto_events::ids::{CenterId, CommandId};

use crate::World;
use crate::chance::Chance;
use crate::office;
use crate::people::person;

/// How questions come in.
const CHANNELS: &[(Channel, u32)] =
    &[(Channel::Window, 50), (Channel::GuideDesk, 25), (Channel::Phone, 20), (Channel::Wechat, 5)];

/// What they lead to; a case comes of few.
const OUTCOMES: &[(ConsultationOutcome, u32)] = &[
    (ConsultationOutcome::ToldRoute, 62),
    (ConsultationOutcome::PrintedGuide, 25),
    (ConsultationOutcome::NamedContact, 13),
];

/// Questions of a center on an ordinary day, on average: two hundred a month.
const QUESTIONS_PER_DAY: u64 = 9;

/// An event of a center as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldOfCenter {
    /// The command that led to it.
    pub command_id: CommandId,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What happened.
    pub event: CenterEvent,
}

/// A day of one center.
pub(crate) struct CounterDay<'a> {
    pub(crate) seed: u64,
    pub(crate) center: &'a CenterId,
    pub(crate) day: NaiveDate,
    /// How busy the day is, in percent of an ordinary one.
    pub(crate) busy: u64,
    /// Cases that the center opens on it.
    pub(crate) cases_opened: u64,
    pub(crate) until: Timestamp,
}

impl CounterDay<'_> {
    /// Everything that the center counts and reports on its day.
    pub(crate) fn live(&self, world: &World<'_>) -> Vec<ToldOfCenter> {
        let number = self
            .center
            .as_str()
            .bytes()
            .fold(0_u64, |sum, byte| sum.wrapping_mul(131).wrapping_add(u64::from(byte)));
        let days = u64::try_from(self.day.to_epoch_days()).unwrap_or(0);
        let mut chance = Chance::of(self.seed ^ number, days);
        let clerk = person(Role::Clerk, Some(self.center), None);
        let mut day = CenterDay::default();
        let mut told = Vec::new();
        for (at, tally) in self.tallies(world, &mut chance) {
            let context = CenterContext { now: at, actor: &clerk, rules: world.rules };
            if at > self.until {
                continue;
            }
            if let Ok(event) = decide_tally(&tally, |_| false, &context) {
                let key = format!("simulation-{}/{}/{}", self.seed, self.day, told.len());
                let command_id = CommandId::of_key(self.center.as_str(), &key);
                day.evolve(event.clone().into(), at);
                let actor = clerk.clone();
                told.push(ToldOfCenter { command_id, time: at, actor, event: event.into() });
            }
        }
        told.extend(self.close(world, &day, &mut chance));
        told
    }

    fn tallies(&self, world: &World<'_>, chance: &mut Chance) -> Vec<(Timestamp, Tally)> {
        let usual = QUESTIONS_PER_DAY * self.busy / 100;
        let mut left = chance.below(usual * 2 + 1);
        let mut tallies = Vec::new();
        let topics = &world.catalogue.phrases.consultations.topics;
        let mut tally = |chance: &mut Chance, outcome, count: u64| {
            let at = office::on_day(&world.rules.calendar, self.day, chance);
            let (topic, _) = chance.weighed(topics, |(_, weight)| *weight)?;
            let count = u32::try_from(count).ok();
            let (center, topic, channel) =
                (self.center.clone(), topic.clone(), chance.of_weights(CHANNELS));
            tallies.push((at, Tally { center, topic, channel, outcome, count, date: None }));
            Some(())
        };
        while left > 0 {
            let count = left.min(4 + chance.below(12));
            let outcome = chance.of_weights(OUTCOMES);
            tally(chance, outcome, count);
            left -= count;
        }
        for _ in 0..self.cases_opened {
            // The others came with what is stuck, not with a question.
            if chance.permille(400) {
                tally(chance, ConsultationOutcome::BecameCase, 1);
            }
        }
        tallies.sort_by_key(|(at, _)| *at);
        tallies
    }

    fn close(
        &self,
        world: &World<'_>,
        day: &CenterDay,
        chance: &mut Chance,
    ) -> Option<ToldOfCenter> {
        let calendar = &world.rules.calendar;
        let time = match chance.below(100) {
            // Silent.
            0..3 => return None,
            // The next morning.
            3..7 => {
                let opening = calendar.opening_of(calendar.add_working_days(self.day, 1));
                opening + TimeDelta::seconds(chance.between(120, 3000).into())
            }
            _ => calendar.closing_of(self.day) - TimeDelta::seconds(chance.between(0, 290).into()),
        };
        if time > self.until {
            return None;
        }
        let actor = match chance.permille(850) {
            true => person(Role::Clerk, Some(self.center), None),
            false => person(Role::Director, Some(self.center), None),
        };
        let context = CenterContext { now: time, actor: &actor, rules: world.rules };
        // Up to where the streams were counted is filled in when the report takes its place in them.
        let counted_to = CountedTo { centers: 0, cases: 0 };
        let report =
            decide_close(self.center, self.day, day, self.cases_opened, counted_to, &context);
        let event = report.ok()??.into();
        Some(ToldOfCenter { command_id: close_command(self.center, self.day), time, actor, event })
    }
}
