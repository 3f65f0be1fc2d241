//! Tells the demo's stories by the real rules: each step is a wish at an instant of the past, and between the steps
//! the clocks and the reactions do what they would have done.
//!
//! Invariants: telling the same again gives the same events; a step that a rule refuses ends its story, with a
//! warning, and no other.

use casework::calendar::WorkingCalendar;
use casework::command::{Actor, CommandKind, Open};
use chrono::{NaiveDate, TimeDelta};
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::events::{Notice, SealedApplicant};
use proto_events::ids::{CaseId, ReceiptCode};
use simulation::people::{decider, person};
use simulation::{Life, SampleApplicant, Told, Wish, World};

use super::stories::{Began, Step, Story, Who};

/// Days off in a row that make a break a long one.
const LONG_BREAK_DAYS: i64 = 5;

/// Tells a story up to an instant; empty when it would begin after it.
pub(super) fn tell(world: &World<'_>, number: usize, story: &Story, until: Timestamp) -> Vec<Told> {
    let calendar = &world.rules().calendar;
    let began_on = match story.began {
        Began::WorkingDaysAgo(days) => working_day_before(calendar, until, days),
        Began::BeforeTheLongBreak => day_before_a_long_break(calendar, until),
    };
    let at = instant(calendar, began_on, story.time);
    if at > until {
        return Vec::new();
    }
    let case_id = CaseId::of_key(&story.center, &format!("demo-{number}"));
    let applicant = SampleApplicant {
        kind: story.kind,
        name: simulation::name(number as u64 + 7, story.kind),
        phone: simulation::phone(number as u64 + 7000),
        care: story.care.clone(),
    };
    let code = world.rules().centers.get(&story.center).map_or("", |center| &center.code);
    let open = Open {
        center: story.center.clone(),
        channel: story.channel,
        matter: story.matter.clone(),
        blocked_stage: story.stage,
        cause: story.cause,
        demand: story.demand.to_owned(),
        summary: story.summary.map(str::to_owned),
        attempts_before: story.attempts,
        complexity: story.complexity,
        applicant: SealedApplicant { kind: story.kind, sealed: String::new() },
        notice: Notice { version: "2025-01".to_owned(), mode: super::stories::mode("oral") },
        case_no: intake::case_no(code, at, case_id),
        receipt_code: ReceiptCode::from_random(case_id.0.as_u64_pair().0),
    };
    let clerk = person(Role::Clerk, Some(&story.center), None);
    let mut life = Life::new(world, case_id, story.center.clone(), applicant, until);
    let mut told = life.open(at, clerk, open).map_err(|refusal| (CommandKind::Open, refusal));
    for (index, step) in story.steps.iter().enumerate() {
        let day = calendar.add_working_days(began_on, step.day);
        let at = instant(calendar, day, step.time);
        if told.is_err() || at > until {
            break;
        }
        life.pass_time(at);
        let wish = wish_of(step, &life, at);
        told =
            life.wish(&wish, &index.to_string()).map_err(|refusal| (step.command.kind(), refusal));
    }
    if let Err((command, refusal)) = told {
        tracing::warn!(story = number, ?command, ?refusal, "a rule ends a story of the demo");
    }
    life.pass_time(until);
    life.into_told()
}

fn wish_of(step: &Step, life: &Life<'_>, at: Timestamp) -> Wish {
    let case = life.case();
    let center = case.map(|case| &case.center);
    let department = case
        .and_then(|case| case.department.as_ref().or_else(|| case.last_hop().map(|hop| &hop.to)));
    let by = match &step.who {
        Who::Clerk => person(Role::Clerk, center, None),
        Who::Director => person(Role::Director, center, None),
        Who::Handler => person(Role::Handler, None, department),
        Who::Lead => person(Role::DepartmentLead, None, department),
        Who::HandlerOf(department) => person(Role::Handler, None, Some(department)),
        Who::Coordinator => person(Role::Coordinator, None, None),
        Who::Decider => decider(),
        Who::Callback => person(Role::Callback, None, None),
        Who::Privacy => person(Role::PrivacyOfficer, None, None),
    };
    let second = step.command.second_person().map(|(username, _)| second_of(username, &by, center));
    Wish { at, by, second, command: step.command.clone() }
}

/// The second person that a story names: the coordinator, or somebody of the same house as the first.
fn second_of(username: &str, first: &Actor, center: Option<&proto_events::ids::CenterId>) -> Actor {
    let department = first.department.as_ref();
    let people = [
        person(Role::Coordinator, None, None),
        person(Role::DepartmentLead, None, department),
        person(Role::Director, center, None),
    ];
    let [coordinator, ..] = people.clone();
    people.into_iter().find(|one| one.username == username).unwrap_or(coordinator)
}

fn working_day_before(calendar: &WorkingCalendar, until: Timestamp, days: u32) -> NaiveDate {
    let today = calendar.date_of(until);
    let mut day = today;
    while calendar.working_days_between(day, today) < i64::from(days)
        || !calendar.is_working_day(day)
    {
        day = day.pred_opt().unwrap_or(day);
    }
    day
}

/// The last working day before the latest long break that is over.
fn day_before_a_long_break(calendar: &WorkingCalendar, until: Timestamp) -> NaiveDate {
    let mut after = working_day_before(calendar, until, 0);
    // Such breaks are in every year: Spring Festival, National Day, most Labor Days.
    for _ in 0..300 {
        let day = working_day_before(calendar, calendar.opening_of(after), 1);
        if (after - day).num_days() > LONG_BREAK_DAYS {
            return day;
        }
        after = day;
    }
    after
}

fn instant(calendar: &WorkingCalendar, day: NaiveDate, (hour, minute): (u32, u32)) -> Timestamp {
    let opening = i64::from(calendar.hours().opening());
    calendar.opening_of(day) + TimeDelta::minutes(i64::from(hour * 60 + minute) - opening)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_long_break_is_found_from_anywhere_in_the_year() {
        let calendar = desk::District::load(None).unwrap().rules.calendar;
        for (until, day) in [
            ("2026-03-04T10:02:00+08:00", "2026-02-14"),
            ("2026-09-01T10:00:00+08:00", "2026-04-30"),
            ("2026-11-25T10:00:00+08:00", "2026-09-30"),
        ] {
            let until = Timestamp::parse_from_rfc3339(until).unwrap();
            let found = day_before_a_long_break(&calendar, until);
            assert_eq!(found.to_string(), day, "{until}");
        }
    }
}
