//! What a year looks like, and that it is the same year every time.

use std::collections::{BTreeMap, BTreeSet};

use casework::case::{Case, EventMeta};
use casework::rules::Rules;
use proto_events::centers::CenterEvent;
use proto_events::codes::{CaseState, Clock, Grade, Level, Resolution};
use proto_events::events::{CaseEvent, CaseEventKind};
use proto_events::learning::LearningEventKind;

use super::*;

/// The middle of a working day.
const UNTIL: &str = "2026-06-10T10:02:00+08:00";

fn rules() -> Rules {
    desk::District::load(None).unwrap().rules
}

fn house() -> House {
    House {
        forwarding: "routing-forwarding",
        help: "escalation-help",
        linking: "intake-aftercare",
        recurrences: "learning-recurrences",
        case_no: |code, at, _| format!("{code}{}", at.format("%Y%m%d")),
    }
}

struct Year {
    told: Vec<Told>,
    of_centers: Vec<ToldOfCenter>,
    of_learning: Vec<ToldOfLearning>,
    cases: BTreeMap<CaseId, Case>,
}

fn year(seed: u64, cases: Option<u64>) -> Year {
    let rules = rules();
    let world = World::new(&rules, house()).unwrap();
    let until = Timestamp::parse_from_rfc3339(UNTIL).unwrap();
    let mut plan = Plan::of_the_year_before(&world, until, seed);
    plan.cases = cases.unwrap_or(plan.cases);
    let mut history = History::new(&world, plan).unwrap();
    let mut summary = Summary::default();
    let mut told = Vec::new();
    let (mut of_centers, mut of_learning) = (Vec::new(), Vec::new());
    for fact in history.by_ref() {
        summary.take(&fact);
        match fact {
            Fact::Case(one) => told.push(*one),
            Fact::Center(one) => of_centers.push(*one),
            Fact::Learning(one) => of_learning.push(*one),
        }
    }
    println!("{}", summary.lines(until).join("\n"));
    println!("{:?}", summary.kinds());
    assert_eq!(history.refused(), &[], "people here know the rules");
    let mut cases: BTreeMap<CaseId, Option<Case>> = BTreeMap::new();
    for (place, told) in told.iter().enumerate() {
        let meta = EventMeta {
            id: told.id,
            command_id: told.command_id,
            case_id: told.case_id,
            sequence: place as u64 + 1,
            time: told.time,
            actor: told.actor.clone(),
            role: told.role,
        };
        let case = cases.entry(told.case_id).or_default();
        *case = Case::step(case.take(), &meta, &told.event);
    }
    let cases = cases.into_iter().map(|(id, case)| (id, case.expect("it was opened"))).collect();
    Year { told, of_centers, of_learning, cases }
}

#[test]
fn the_same_seed_tells_the_same_history_and_another_seed_another() {
    let (first, second) = (year(1, Some(60)), year(1, Some(60)));
    assert_eq!(first.told, second.told);
    assert_ne!(first.told, year(2, Some(60)).told);
}

#[test]
fn a_year_has_every_kind_of_event_and_most_of_every_code() {
    let year = year(1, Some(1000));
    let kinds: BTreeSet<_> = year.told.iter().map(|told| told.event.kind()).collect();
    let missing: Vec<_> = CaseEventKind::ALL
        .iter()
        // A promise is counted again only when another year of the calendar has come out, which one calendar cannot; and
        // what was registered elsewhere before is no part of a history that was told.
        .filter(|kind| {
            !matches!(kind, CaseEventKind::DeadlineRecalculated | CaseEventKind::Imported)
        })
        .filter(|kind| !kinds.contains(kind))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let resolutions: BTreeSet<_> = year
        .told
        .iter()
        .filter_map(|told| match &told.event {
            CaseEvent::Resolved(data) => Some(data.resolution),
            _ => None,
        })
        .collect();
    assert_eq!(resolutions.len(), Resolution::ALL.len(), "{resolutions:?}");
    let steps: BTreeSet<_> = year
        .told
        .iter()
        .filter_map(|told| match &told.event {
            CaseEvent::Escalated(data) => Some((data.clock, data.level)),
            _ => None,
        })
        .collect();
    for clock in Clock::ALL.iter().filter(|clock| **clock != Clock::Return) {
        assert!(steps.iter().any(|(one, _)| one == clock), "{clock} never ran late: {steps:?}");
    }
    assert!(steps.contains(&(Clock::Handling, Level::Coordinator)));
}

#[test]
fn nothing_happens_outside_office_hours_and_time_never_goes_back() {
    let year = year(3, Some(400));
    let rules = rules();
    let mut last: Option<Timestamp> = None;
    let until = Timestamp::parse_from_rfc3339(UNTIL).unwrap();
    for told in &year.told {
        let is_told = rules.calendar.may_notify_at(told.time);
        assert!(is_told, "{} at {}", told.event.kind().name(), told.time);
        assert!(last.is_none_or(|last| last <= told.time) && told.time <= until);
        last = Some(told.time);
    }
}

#[test]
fn a_district_has_some_hundred_cases_a_year_and_few_of_them_are_open() {
    let year = year(1, None);
    assert!((300..=400).contains(&year.cases.len()), "{}", year.cases.len());
    let open = year.cases.values().filter(|case| case.is_open()).count();
    assert!((3..=40).contains(&open), "{open}");
    assert!((8..=20).contains(&(year.told.len() / year.cases.len())), "{}", year.told.len());
}

#[test]
fn the_figures_of_a_year_are_those_of_a_district_that_works() {
    let year = year(1, Some(1300));
    let share = |part: usize, whole: usize| part * 1000 / whole.max(1);
    let of = |state: &dyn Fn(&Case) -> bool| year.cases.values().filter(|case| state(case)).count();
    let ended = |case: &Case| case.outcome.is_some() && case.reopen_count == 0;
    let on_time = of(&|case| ended(case) && case.outcome.as_ref().unwrap().at <= case.due_at);
    let on_time = share(on_time, of(&ended));
    assert!((600..=980).contains(&on_time), "on time: {on_time}");
    let has = |kind: CaseEventKind| {
        let cases: BTreeSet<_> = year
            .told
            .iter()
            .filter(|told| told.event.kind() == kind)
            .map(|told| told.case_id)
            .collect();
        share(cases.len(), year.cases.len())
    };
    for (kind, low, high) in [
        (CaseEventKind::Explained, 30, 300),
        (CaseEventKind::Declined, 30, 160),
        (CaseEventKind::Returned, 40, 260),
        (CaseEventKind::Arbitrated, 10, 180),
        (CaseEventKind::TaskForceConvened, 30, 260),
        (CaseEventKind::SpecialHandlingRequested, 5, 80),
        (CaseEventKind::ClockPaused, 30, 250),
        (CaseEventKind::DeadlineExtended, 5, 80),
        (CaseEventKind::Reopened, 5, 120),
        (CaseEventKind::RectificationOpened, 20, 200),
        (CaseEventKind::Transferred, 1, 40),
        (CaseEventKind::Withdrawn, 1, 40),
        (CaseEventKind::PersonalDataErased, 1, 20),
        (CaseEventKind::FeedbackRecorded, 600, 980),
    ] {
        let share = has(kind);
        assert!((low..=high).contains(&share), "{}: {share} of 1000", kind.name());
    }
    let grades: Vec<Grade> =
        year.cases.values().filter_map(|case| case.feedback.as_ref()?.grade).collect();
    let content = share(grades.iter().filter(|grade| grade.is_satisfied()).count(), grades.len());
    assert!((650..=950).contains(&content), "content: {content}");
    let stuck =
        of(&|case| case.is_open() && (case.last_event_at - case.opened_at).num_days() > 120);
    assert_eq!(stuck, 0, "a case is forgotten");
    let closed = of(&|case| case.state == CaseState::Closed);
    assert!(share(closed, year.cases.len()) > 850, "{closed}");
}

#[test]
fn the_centers_count_their_questions_and_close_most_of_their_days() {
    let year = year(1, Some(300));
    let rules = rules();
    let mut last: Option<Timestamp> = None;
    let (mut tallied, mut reported, mut opened, mut closed) = (0_u64, 0_u64, 0_u64, 0);
    for told in &year.of_centers {
        assert!(last.is_none_or(|last| last <= told.time));
        assert!(rules.calendar.may_notify_at(told.time), "{}", told.time);
        last = Some(told.time);
        match &told.event {
            CenterEvent::ConsultationTallied(tally) => tallied += u64::from(tally.count),
            CenterEvent::CenterDayClosed(report) => {
                closed += 1;
                reported += report.consultations;
                opened += report.cases_opened;
                assert!(
                    report.counted_to.is_some_and(|to| to.cases > 0 || report.cases_opened == 0)
                );
            }
        }
    }
    // Some days were never closed.
    assert!(reported <= tallied && tallied - reported < tallied / 10, "{reported} of {tallied}");
    assert!(opened <= 300 && opened > 270, "{opened}");
    assert!((3900..=4250).contains(&closed), "{closed}");
}

#[test]
fn the_district_learns_in_every_way_and_nobody_is_told_of_it_at_night() {
    let year = year(1, Some(900));
    let rules = rules();
    let kinds: BTreeSet<_> = year.of_learning.iter().map(|told| told.event.kind()).collect();
    assert_eq!(kinds.len(), LearningEventKind::ALL.len(), "{kinds:?}");
    assert!(year.of_learning.iter().all(|told| rules.calendar.may_notify_at(told.time)));
    let ids: BTreeSet<_> = year.of_learning.iter().map(|told| told.command_id).collect();
    assert_eq!(ids.len(), year.of_learning.len());
}

#[test]
fn every_case_keeps_the_order_of_its_events_and_nobody_is_real() {
    let year = year(4, Some(300));
    let mut seen = BTreeSet::new();
    for told in &year.told {
        assert!(seen.insert(told.id), "an id stands twice");
        if let Some(applicant) = &told.applicant {
            assert!(applicant.name.starts_with("样例·") && applicant.phone.starts_with("1380000"));
        }
        let body = String::from_utf8(told.event.to_body()).unwrap();
        assert!(casework::free_text::find_personal_data(&body).is_none(), "{body}");
    }
    assert!(year.cases.values().all(|case| case.last_event_at >= case.opened_at));
}
