//! The rules of a center's day, and its fold.

use alloc::string::ToString;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::calendar::tests::{at, china};
use crate::rules::Center;
use crate::timetable::Limits;

const NOW: &str = "2021-01-26T15:10:00+08:00";

fn rules() -> Rules {
    let center = |id: &str| {
        let center = Center { code: "C".to_string(), name: "中心".to_string() };
        (id.parse().unwrap(), center)
    };
    Rules {
        district: "dongcheng".parse().unwrap(),
        limits: Limits::default(),
        calendar: china(),
        centers: BTreeMap::from([center("donghuashi"), center("longtan")]),
        departments: BTreeMap::new(),
        coordinator: "hr-bureau".parse().unwrap(),
        matters: vec![],
    }
}

fn actor(role: Role, center: Option<&str>) -> Actor {
    Actor {
        username: "somebody".to_string(),
        role,
        center: center.map(|id| id.parse().unwrap()),
        department: None,
    }
}

fn clerk() -> Actor {
    actor(Role::Clerk, Some("donghuashi"))
}

fn tally() -> Tally {
    Tally {
        center: "donghuashi".parse().unwrap(),
        topic: " 退休手续\u{3000}办理 ".to_string(),
        channel: Channel::GuideDesk,
        outcome: ConsultationOutcome::ToldRoute,
        count: None,
        date: None,
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn decided(wish: &Tally, actor: &Actor) -> Result<ConsultationTallied, Refusal> {
    let rules = rules();
    let context = CenterContext { now: at(NOW), actor, rules: &rules };
    decide_tally(wish, |day| day == date("2021-01-25"), &context)
}

fn closed(now: &str, day: &str, known: &CenterDay) -> Result<Option<CenterDayClosed>, Refusal> {
    let (rules, actor) = (rules(), clerk());
    let context = CenterContext { now: at(now), actor: &actor, rules: &rules };
    let counted_to = CountedTo { centers: 3, cases: 9 };
    decide_close(&"donghuashi".parse().unwrap(), date(day), known, 1, counted_to, &context)
}

#[track_caller]
fn faults(outcome: Result<impl core::fmt::Debug, Refusal>, pointers: &[&str]) {
    let Err(Refusal::Invalid(faults)) = outcome else { panic!("{outcome:?}") };
    let found: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(found, pointers);
}

#[track_caller]
fn breaks(outcome: Result<impl core::fmt::Debug, Refusal>, expected: RefusalCode) {
    assert!(
        matches!(&outcome, Err(Refusal::Rule { code, .. }) if *code == expected),
        "{outcome:?}"
    );
}

#[test]
fn one_tap_counts_one_question_of_today() {
    let event = decided(&tally(), &clerk()).unwrap();
    assert_eq!((event.day, event.count), (date("2021-01-26"), 1));
    assert_eq!(event.topic, "退休手续 办理");
}

#[test]
fn every_role_may_count_or_not_by_the_table() {
    for role in Role::ALL {
        let is_allowed = matches!(role, Role::Clerk | Role::Director | Role::Coordinator);
        let here = decided(&tally(), &actor(*role, Some("donghuashi")));
        assert_eq!(here.is_ok(), is_allowed, "{role}");
        let elsewhere = decided(&tally(), &actor(*role, Some("longtan")));
        assert_eq!(elsewhere.is_ok(), *role == Role::Coordinator, "{role}");
        if !is_allowed {
            assert!(matches!(here, Err(Refusal::Forbidden(_))), "{role}");
        }
        let reads_here = may_read(&actor(*role, Some("donghuashi")), &tally().center);
        let is_blind = matches!(role, Role::Handler | Role::DepartmentLead | Role::Admin);
        assert_eq!(reads_here, !is_blind, "{role}");
    }
    assert!(!may_read(&actor(Role::Director, Some("longtan")), &tally().center));
}

#[test]
fn a_question_of_next_week_of_last_month_or_of_no_number_is_refused_field_by_field() {
    let with = |count, day: &str| Tally { count: Some(count), date: Some(date(day)), ..tally() };
    for day in ["2021-01-26", "2021-01-19"] {
        assert!(decided(&with(500, day), &clerk()).is_ok(), "{day}");
    }
    faults(decided(&with(0, "2021-01-27"), &clerk()), &["/count", "/date"]);
    faults(decided(&with(501, "2021-01-18"), &clerk()), &["/count", "/date"]);
    let coordinator = actor(Role::Coordinator, None);
    let nowhere = Tally { center: "nowhere".parse().unwrap(), topic: "\n".to_string(), ..tally() };
    faults(decided(&nowhere, &coordinator), &["/center", "/topic"]);
    let long = Tally { topic: "长".repeat(101), ..tally() };
    faults(decided(&long, &clerk()), &["/topic"]);
    let control = Tally { topic: "a\u{7}b".to_string(), ..tally() };
    faults(decided(&control, &clerk()), &["/topic"]);
}

#[test]
fn a_number_of_a_person_is_no_topic_and_a_closed_day_takes_nothing() {
    let person =
        Tally { topic: "退休，电话１３８００００００００".to_string(), ..tally() };
    breaks(decided(&person, &clerk()), RefusalCode::PiiInText);
    let yesterday = Tally { date: Some(date("2021-01-25")), ..tally() };
    breaks(decided(&yesterday, &clerk()), RefusalCode::DayClosed);
}

#[test]
fn a_day_with_nothing_is_a_report_of_zero() {
    let report = closed(NOW, "2021-01-26", &CenterDay::default()).unwrap().unwrap();
    assert_eq!((report.consultations, report.cases_opened, report.late), (0, 1, false));
    assert!(report.by_outcome.iter().all(|one| one.count == 0));
    assert_eq!(report.by_outcome.len(), ConsultationOutcome::ALL.len());
    assert!(report.by_topic.is_empty());
}

#[test]
fn a_close_after_the_close_of_business_is_late() {
    let none = CenterDay::default();
    let late = |now: &str| closed(now, "2021-01-26", &none).unwrap().unwrap().late;
    assert!(!late("2021-01-26T17:30:00+08:00"));
    assert!(late("2021-01-26T17:30:01+08:00"));
    assert!(late("2021-02-26T09:00:00+08:00"));
}

#[test]
fn a_day_to_come_and_a_day_long_past_cannot_be_closed() {
    let none = CenterDay::default();
    faults(closed(NOW, "2021-01-27", &none), &["/date"]);
    faults(closed(NOW, "2020-12-25", &none), &["/date"]);
    assert!(closed(NOW, "2020-12-26", &none).is_ok());
    let (rules, actor) = (rules(), actor(Role::Coordinator, None));
    let context = CenterContext { now: at(NOW), actor: &actor, rules: &rules };
    let nowhere = check_close(&"nowhere".parse().unwrap(), date("2021-01-26"), &context);
    assert_eq!(nowhere, Err(Refusal::NotFound));
}

#[test]
fn the_first_close_of_a_day_counts() {
    let mut day = CenterDay::default();
    let first = closed(NOW, "2021-01-26", &day).unwrap().unwrap();
    day.evolve(first.clone().into(), at(NOW));
    assert_eq!(closed(NOW, "2021-01-26", &day), Ok(None));
    let other = CenterDayClosed { consultations: 7, ..first.clone() };
    day.evolve(other.into(), at("2021-01-26T18:00:00+08:00"));
    assert_eq!(day.closed, Some((first, at(NOW))));
}

#[test]
fn a_report_lists_the_topics_most_first() {
    let mut day = CenterDay::default();
    for (topic, outcome, count) in [
        ("公租房", ConsultationOutcome::ToldRoute, 2),
        ("退休", ConsultationOutcome::ToldRoute, 3),
        ("退休", ConsultationOutcome::BecameCase, 1),
        ("医保", ConsultationOutcome::PrintedGuide, 2),
    ] {
        let event = ConsultationTallied {
            topic: topic.to_string(),
            outcome,
            count,
            ..decided(&tally(), &clerk()).unwrap()
        };
        day.evolve(event.into(), at(NOW));
    }
    assert_eq!(day.consultations(), 8);
    let topics: Vec<_> = day.by_topic(2).into_iter().map(|one| (one.topic, one.count)).collect();
    assert_eq!(topics, [("退休".to_string(), 4), ("公租房".to_string(), 2)]);
    let outcomes: Vec<_> = day.by_outcome().into_iter().map(|one| one.count).collect();
    assert_eq!(outcomes, [5, 2, 0, 1]);
}

#[test]
fn silent_is_neither_zero_nor_pending() {
    let calendar = china();
    let of = |late, now: &str| DayStanding::of(date("2021-01-26"), late, at(now), &calendar);
    let (before, after) = ("2021-01-26T17:30:00+08:00", "2021-01-26T17:30:01+08:00");
    assert_eq!(of(None, before), DayStanding::Pending);
    assert_eq!(of(None, after), DayStanding::Silent);
    assert_eq!(of(Some(false), after), DayStanding::Reported);
    assert_eq!(of(Some(true), after), DayStanding::Late);
    assert!(of(None, after).is_due() && !of(None, after).is_reported());
    assert!(of(Some(false), before).is_due() && !of(None, before).is_due());
}

proptest! {
    #[test]
    fn the_order_of_the_tallies_does_not_matter(
        tallies in proptest::collection::vec((0_usize..4, 0_usize..4, 1_u32..=COUNT_MAX), 0..40),
    ) {
        let topics = ["退休", "医保", "公租房", "其他"];
        let one = decided(&tally(), &clerk()).unwrap();
        let event = |(topic, outcome, count): &(usize, usize, u32)| ConsultationTallied {
            topic: topics[*topic].to_string(),
            outcome: ConsultationOutcome::ALL[*outcome],
            count: *count,
            ..one.clone()
        };
        let (mut there, mut back) = (CenterDay::default(), CenterDay::default());
        tallies.iter().for_each(|one| there.evolve(event(one).into(), at(NOW)));
        tallies.iter().rev().for_each(|one| back.evolve(event(one).into(), at(NOW)));
        prop_assert_eq!(&there, &back);
        let sum: u64 = tallies.iter().map(|one| u64::from(one.2)).sum();
        prop_assert_eq!(there.consultations(), sum);
        prop_assert_eq!(there.by_outcome().iter().map(|one| one.count).sum::<u64>(), sum);
    }
}
