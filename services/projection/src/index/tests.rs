//! A page is what a linear scan finds: whatever is asked, by whoever, in whatever order.

use casework::command::Actor;
use chrono::TimeDelta;
use proptest::prelude::*;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, Role, Stage};
use proto_events::envelope::header;
use proto_events::events::CaseEvent;

use super::{Awaited, CaseRow, Cursor, Filter, Index, Sort};
use crate::testing::{at, district, event, of_kind, opened, recorded, subject, writer};

const CASES: u128 = 80;

const CAUSES: [Cause; 4] =
    [Cause::InformationWhom, Cause::InformationNotNotified, Cause::Information, Cause::Policy];

/// Eighty cases in all states, some of them due at the same instant, of a few matters, causes and stages.
fn filled(dir: &std::path::Path) -> crate::core::Writer {
    let district = district();
    let mut events = Vec::new();
    for n in 0..CASES {
        let small = usize::try_from(n).unwrap();
        let time = at("2021-01-26T10:00:00") + TimeDelta::hours(i64::try_from(n / 5).unwrap());
        let CaseEvent::Opened(mut data) = opened(n, time) else { unreachable!() };
        data.cause = CAUSES[small % CAUSES.len()];
        data.blocked_stage = Stage::ALL[small % 3];
        data.matter.name = format!("事项{}", n % 7);
        events.push((subject(n), event(n, 0, time, CaseEvent::Opened(data))));
        for number in 0..small % 6 {
            let moved = of_kind((small + number * 3) % crate::testing::KINDS, time);
            events.push((subject(n), event(n, number as u128 + 1, time, moved)));
        }
    }
    let mut writer = writer(dir, &district);
    let mut events = recorded(&events);
    // Some came over the line of a center: within ten minutes, or two days later.
    for (place, event) in events.iter_mut().enumerate().filter(|(place, _)| place % 3 == 0) {
        let late = TimeDelta::hours(if place % 2 == 0 { 48 } else { 0 });
        let written = event.headers.get(header::RECORDED_AT).unwrap().parse::<Timestamp>().unwrap();
        let arrived = (written + late).to_rfc3339();
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        let headers: Vec<_> = event.headers.iter().map(owned).collect();
        let arrival = (header::ARRIVED_AT.to_owned(), arrived);
        event.headers = headers.into_iter().chain([arrival]).collect();
    }
    writer.apply(&events, Some(&district), 0).unwrap();
    let rows = || writer.view.index();
    let late = rows().rows().filter(|row| row.arrived_late).count();
    assert!(late > 0 && late < rows().len(), "{late} came late");
    writer
}

/// What the index must find, looked for in every row.
fn found<'a>(
    index: &'a Index,
    reader: &Actor,
    filter: &Filter,
    sort: Sort,
    now: i64,
) -> Vec<&'a CaseRow> {
    let mut rows: Vec<_> = index
        .rows()
        .filter(|row| {
            row.may_be_read_by(reader)
                && filter.state.is_none_or(|state| row.state == state)
                && filter.center.as_ref().is_none_or(|id| *row.center == *id)
                && filter.department.as_ref().is_none_or(|id| row.department.as_deref() == Some(id))
                && filter.handler.as_ref().is_none_or(|name| row.handler.as_deref() == Some(name))
                && filter.cause.is_none_or(|cause| {
                    row.cause == cause
                        || (!cause.has_sub_code() && row.cause.category() == cause.category())
                })
                && filter.stage.is_none_or(|stage| row.stage == stage)
                && filter.matter.as_ref().is_none_or(|name| *row.matter == **name)
                && filter.open.is_none_or(|open| row.is_open() == open)
                && filter.paused.is_none_or(|paused| row.is_paused == paused)
                && filter.arrived_late.is_none_or(|late| row.arrived_late == late)
                && filter.overdue.is_none_or(|overdue| row.is_overdue(now) == overdue)
                && filter.to_act.is_none_or(|to_act| is_to_act(row, reader) == to_act)
                && filter.due_before.is_none_or(|at| row.due_at < at)
                && filter.opened_from.is_none_or(|at| row.opened_at >= at)
                && filter.opened_to.is_none_or(|at| row.opened_at <= at)
                && filter.text.as_ref().is_none_or(|text| {
                    [&*row.demand, &*row.matter, &*row.case_no].iter().any(|has| has.contains(text))
                })
        })
        .collect();
    match sort {
        Sort::Due => rows.sort_by_key(|row| (row.due_at, row.case_id)),
        Sort::DueLast => rows.sort_by_key(|row| std::cmp::Reverse((row.due_at, row.case_id))),
        Sort::Opened => rows.sort_by_key(|row| (row.opened_at, row.case_id)),
        Sort::OpenedLast => rows.sort_by_key(|row| std::cmp::Reverse((row.opened_at, row.case_id))),
        Sort::Next => rows.sort_by_key(|row| (row.next_due_at, row.case_id)),
    }
    rows
}

/// Whether it is the reader's turn.
fn is_to_act(row: &CaseRow, reader: &Actor) -> bool {
    row.awaits.iter().any(|awaited| match awaited {
        Awaited::Center(id) => {
            matches!(reader.role, Role::Clerk | Role::Director)
                && reader.center.as_ref() == Some(&**id)
        }
        Awaited::Department(id) => {
            reader.role == Role::DepartmentLead && reader.department.as_ref() == Some(&**id)
        }
        Awaited::AnyoneOf(id) => {
            reader.role == Role::Handler && reader.department.as_ref() == Some(&**id)
        }
        Awaited::Person(name) => **name == *reader.username,
        Awaited::Coordinator => reader.role == Role::Coordinator,
        Awaited::Callback => reader.role == Role::Callback,
    })
}

fn readers() -> [Actor; 7] {
    let of = |role, center: Option<&str>, department: Option<&str>| Actor {
        username: "somebody".to_owned(),
        role,
        center: center.map(|id| id.parse().unwrap()),
        department: department.map(|id| id.parse().unwrap()),
    };
    [
        of(Role::Coordinator, None, None),
        of(Role::Clerk, Some("jingshan"), None),
        of(Role::Handler, None, Some("housing")),
        of(Role::DepartmentLead, None, Some("housing")),
        Actor {
            username: "handler-username".to_owned(),
            ..of(Role::Handler, None, Some("hr-public-service"))
        },
        of(Role::Callback, None, None),
        of(Role::Admin, None, None),
    ]
}

fn filters() -> impl Strategy<Value = Filter> {
    let maybe = |weight| proptest::option::weighted(weight, any::<prop::sample::Index>());
    let instants = || proptest::option::weighted(0.2, -2_i64..30);
    let places = (maybe(0.3), maybe(0.2), maybe(0.2), maybe(0.2), maybe(0.3), maybe(0.2));
    let rest = (
        proptest::option::weighted(0.3, any::<bool>()),
        instants(),
        instants(),
        instants(),
        proptest::option::weighted(0.2, 0_u8..10),
        maybe(0.1),
        proptest::option::weighted(0.3, any::<bool>()),
        proptest::option::weighted(0.2, any::<bool>()),
        proptest::option::weighted(0.2, any::<bool>()),
        proptest::option::weighted(0.2, any::<bool>()),
    );
    (places, rest).prop_map(|(places, rest)| {
        let (state, center, department, cause, stage, matter) = places;
        let (
            overdue,
            due_before,
            opened_from,
            opened_to,
            text,
            handler,
            to_act,
            open,
            paused,
            arrived_late,
        ) = rest;
        let hours =
            |hours: i64| (at("2021-01-26T10:00:00") + TimeDelta::hours(hours)).timestamp_micros();
        Filter {
            state: state.map(|index| *index.get(CaseState::ALL)),
            center: center
                .map(|index| index.get(&["jingshan", "donghuashi", "nowhere"]).parse().unwrap()),
            department: department.map(|index| {
                index.get(&["housing", "hr-public-service", "hr-bureau"]).parse().unwrap()
            }),
            handler: handler.map(|index| (*index.get(&["handler-username", "nobody"])).to_owned()),
            cause: cause.map(|index| *index.get(&CAUSES)),
            stage: stage.map(|index| *index.get(Stage::ALL)),
            matter: matter.map(|index| (*index.get(&["事项0", "事项3", "事项9"])).to_owned()),
            open,
            overdue,
            paused,
            arrived_late,
            to_act,
            due_before: due_before.map(|at| hours(at + 72)),
            opened_from: opened_from.map(hours),
            opened_to: opened_to.map(hours),
            text: text.map(|digit| digit.to_string()),
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_page_is_what_a_linear_scan_finds(
        asked in proptest::collection::vec((filters(), 1_usize..40, 0..5_usize), 40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let writer = filled(dir.path());
        let index = writer.view.index();
        let now = at("2021-01-29T20:00:00").timestamp_micros();
        for (filter, limit, sort) in asked {
            let sort = [Sort::Due, Sort::DueLast, Sort::Opened, Sort::OpenedLast, Sort::Next][sort];
            for reader in readers() {
                let expected: Vec<_> =
                    found(&index, &reader, &filter, sort, now).iter().map(|row| row.case_id).collect();
                let (mut pages, mut after): (_, Option<Cursor>) = (Vec::new(), None);
                loop {
                    let page = index.page(&reader, &filter, sort, after, limit, now);
                    prop_assert_eq!(page.total, expected.len(), "{:?} {:?}", &filter, sort);
                    pages.extend(page.case_ids);
                    after = page.next;
                    if after.is_none() {
                        break;
                    }
                }
                prop_assert_eq!(&pages, &expected, "{:?} {:?} by {}", &filter, sort, limit);
            }
        }
    }
}
