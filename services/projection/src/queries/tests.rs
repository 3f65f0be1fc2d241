//! The public page of a receipt, paging, and parameters.

use std::collections::BTreeSet;

use casework::command::Actor;
use chrono::TimeDelta;
use proptest::prelude::*;
use proto_events::codes::{CaseState, Cause, Role};
use proto_events::ids::CaseId;
use serde_json::json;

use super::called::Called;
use super::parameters::{DayEnd, instant, limit};
use super::sentences::sentence;
use super::{history, receipt};
use crate::index::{Cursor, Filter, Sort};
use crate::testing::{
    KINDS, SECRET, at, case_id, district, event, of_kind, opened, receipt as code_of, sample_of,
    samples, subject, writer,
};
use crate::tests::Running;

fn actor(role: Role, center: Option<&str>, department: Option<&str>) -> Actor {
    Actor {
        username: "somebody".to_owned(),
        role,
        center: center.map(|id| id.parse().unwrap()),
        department: department.map(|id| id.parse().unwrap()),
    }
}

#[tokio::test]
async fn the_page_of_a_receipt_shows_no_person_at_any_step() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    for kind in 0..KINDS {
        running.append(0, event(0, kind as u128 + 1, time, of_kind(kind, time))).await;
        let page = receipt::answer(&running.core, code_of(0).as_str()).await.unwrap();
        let text = serde_json::to_string(&page).unwrap();
        for hidden in
            [SECRET, "username", "想知道应该找哪个部门", "摘要不公开", "没有缴费记录", "会议纪要"]
        {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    // As people type it.
    let typed = code_of(0).as_str().to_lowercase().replace('-', " ");
    assert!(receipt::answer(&running.core, &typed).await.is_ok());
}

#[test]
fn every_event_of_the_handbook_has_a_sentence_in_both_languages() {
    let district = district();
    let time = at("2021-01-26T10:00:00");
    for event in samples().into_iter().chain([opened(0, time)]) {
        let name = event.kind().name();
        let told = sentence(&event, &Called::bodies(&district));
        let is_chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        assert!(told.zh.chars().any(is_chinese), "{name}: {}", told.zh);
        assert!(told.en.starts_with(|c: char| !c.is_whitespace()), "{name}: {}", told.en);
        for text in [&told.zh, &told.en] {
            assert!(!text.contains("  ") && !text.contains('{'), "{name}: {text}");
            assert!(!text.contains(SECRET) && !text.contains("wNyqt5Gv"), "{name}: {text}");
        }
    }
}

#[test]
fn an_english_sentence_calls_bodies_by_their_english_names() {
    let district = district();
    let called = Called::bodies(&district);
    let names = district.rules.departments.values().map(|one| one.name.as_str());
    let names: Vec<&str> =
        names.chain(district.rules.centers.values().map(|one| one.name.as_str())).collect();
    let time = at("2021-01-26T10:00:00");
    let (mut told_zh, mut told_en) = (0, 0);
    for event in samples().into_iter().chain([opened(0, time)]) {
        let told = sentence(&event, &called);
        // What somebody wrote stays as it was written.
        let written = format!("{event:?}");
        let bodies: Vec<_> = names.iter().filter(|name| !written.contains(*name)).collect();
        told_zh += usize::from(bodies.iter().any(|name| told.zh.contains(*name)));
        for name in bodies {
            assert!(!told.en.contains(name), "{}", told.en);
        }
        let english =
            district.shown.departments_en.values().chain(district.shown.centers_en.values());
        told_en += usize::from(english.into_iter().any(|name| told.en.contains(name)));
    }
    assert!(told_zh > 5 && told_en >= told_zh, "{told_zh} {told_en}");
}

#[tokio::test]
async fn the_page_of_a_receipt_keeps_what_staff_write_to_each_other() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    for (number, sample) in (1..).zip(samples()) {
        running.append(0, event(0, number, time, sample)).await;
        let page = receipt::answer(&running.core, code_of(0).as_str()).await.unwrap();
        let text = serde_json::to_string(&page).unwrap();
        for hidden in [
            "经走访三户老邻居",
            "1976年火灾",
            "我单位只负责低保认定",
            "社会救助暂行办法",
            "由残联受理，民政提供低保数据",
            "两个部门先后退单",
            "希望尽快答复",
            "核实残疾人保险缴费主体",
            "已核实：保险由国家缴纳",
            "没有独立通风系统",
            "登记时少记一位",
            "结果附卷",
            "同一申请人就同一事项",
            "lead-health",
            "handler-ca",
            "username",
        ] {
            assert!(!text.contains(hidden), "{hidden} after event {number} in {text}");
        }
    }
}

#[tokio::test]
async fn a_receipt_lists_the_papers_says_why_it_stands_still_and_who_helps() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    let mut number = 0;
    running.append(0, event(0, 0, time, opened(0, time))).await;
    let names = ["materials_requested", "joint_handling_assigned", "clock_paused", "urged"];
    for sample in names.map(sample_of) {
        number += 1;
        running.append(0, event(0, number, time, sample)).await;
    }
    let page = async |running: &Running| {
        let page = receipt::answer(&running.core, code_of(0).as_str()).await.unwrap();
        serde_json::to_value(page).unwrap()
    };
    let waiting = page(&running).await;
    assert_eq!(waiting["materials"]["answered"], false);
    let items = waiting["materials"]["items"].as_array().unwrap();
    assert!(!items.is_empty());
    let step = waiting["next_step"]["zh"].as_str().unwrap();
    assert!(items.iter().all(|item| step.contains(item["name"].as_str().unwrap())), "{step}");
    assert_eq!(waiting["pause"]["reason"]["zh"], "法定期间");
    assert_eq!((&waiting["parts"]["total"], &waiting["parts"]["done"]), (&json!(2), &json!(0)));
    assert_eq!(waiting["urged"]["count"], 1);
    assert!(waiting["due_explained"]["zh"].as_str().unwrap().contains("时限3个工作日"));

    for sample in ["materials_received", "part_completed"].map(sample_of) {
        number += 1;
        running.append(0, event(0, number, time, sample)).await;
    }
    let after = page(&running).await;
    assert_eq!(after["materials"]["answered"], true);
    assert_eq!((&after["parts"]["total"], &after["parts"]["done"]), (&json!(2), &json!(1)));
    let text = after.to_string();
    for telling in ["disabled-federation", "残", "veterans", "退役"] {
        assert!(!text.contains(telling), "{telling} in {text}");
    }
    let step = after["next_step"]["zh"].as_str().unwrap();
    assert!(step.contains("因法定期间暂停计时"), "{step}");
}

#[tokio::test]
async fn a_history_is_read_back_whole_and_explains_every_clock() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    let count = samples().len();
    for (number, sample) in (1..).zip(samples()) {
        running.append(0, event(0, number, time, sample)).await;
    }
    let views = &running.core.view().views;
    let case = views.case(case_id(0)).unwrap().unwrap().case;
    let history = history::told(history::of_case(&running.core, &case).await.unwrap());
    assert_eq!(history.len(), count + 1);
    let folded = casework::case::fold(history.iter().map(|(meta, event)| (meta, event))).unwrap();
    assert_eq!(folded.clocks(), case.clocks());
    let told = casework::explanation::explain(
        &case,
        &history,
        &running.core.district.rules,
        at("2021-02-26T10:00:00"),
    );
    assert!(told.len() > 5, "{told:#?}");
    assert!(told.iter().all(|one| one.started_by.is_some()));
    for run in case.clocks() {
        assert!(told.iter().any(|one| one.clock == run.clock && one.due_at == run.due_at));
    }
}

#[tokio::test]
async fn a_receipt_says_who_has_it_and_by_when_also_after_the_end() {
    let running = Running::start().await;
    let time = at("2021-01-26T10:00:00");
    running.append(0, event(0, 0, time, opened(0, time))).await;
    running.append(0, event(0, 1, time, of_kind(0, time))).await;
    let page = async |running: &Running| {
        let page = receipt::answer(&running.core, code_of(0).as_str()).await.unwrap();
        serde_json::to_value(page).unwrap()
    };
    let forwarded = page(&running).await;
    assert_eq!(forwarded["department"]["name"], "区人力资源公共服务中心");
    assert_eq!(forwarded["state_label"]["zh"], "已转办");
    running.append(0, event(0, 2, time, of_kind(7, time))).await;
    let resolved = page(&running).await;
    assert_eq!(resolved["due_at"], forwarded["due_at"]);
    assert_eq!(resolved["outcome"]["text"], "已办理退休申报");
    assert_eq!(resolved["department"], forwarded["department"]);
    let zh: Vec<_> =
        resolved["updates"].as_array().unwrap().iter().map(|update| &update["zh"]).collect();
    assert_eq!(zh, ["已登记", "已转到区人力资源公共服务中心", "已办成"]);
}

#[tokio::test]
async fn a_code_that_is_none_and_a_code_of_no_case_get_the_same_answer() {
    let running = Running::start().await;
    let unknown = receipt::answer(&running.core, code_of(5).as_str()).await.unwrap_err();
    for text in ["x", "AAAA-BBBB-CCCC", "中", "../../etc"] {
        assert_eq!(receipt::answer(&running.core, text).await.unwrap_err(), unknown);
    }
    assert_eq!(unknown.status, 404);
}

/// A view with 30 cases of two centers, several of them due at the same instant.
fn filled(dir: &std::path::Path) -> crate::core::Writer {
    let district = district();
    let mut events = Vec::new();
    for n in 0..30_u128 {
        let time = at("2021-01-26T10:00:00") + TimeDelta::hours(i64::try_from(n / 4).unwrap());
        events.push((subject(n), event(n, 0, time, opened(n, time))));
        if n % 3 == 0 {
            events.push((subject(n), event(n, 1, time, of_kind(0, time))));
        }
        if n % 6 == 0 {
            events.push((subject(n), event(n, 2, time, of_kind(7, time))));
        }
    }
    let mut writer = writer(dir, &district);
    writer.apply(&crate::testing::recorded(&events), Some(&district), 0).unwrap();
    writer
}

#[test]
fn paging_visits_each_case_exactly_once_in_every_order() {
    let dir = tempfile::tempdir().unwrap();
    let writer = filled(dir.path());
    let view = &writer.view;
    let index = view.index();
    let now = at("2021-01-28T10:00:00").timestamp_micros();
    let readers = [
        (actor(Role::Coordinator, None, None), 30),
        (actor(Role::Clerk, Some("jingshan"), None), 15),
        (actor(Role::Handler, None, Some("hr-public-service")), 10),
        (actor(Role::Handler, None, Some("housing")), 0),
        (actor(Role::Admin, None, None), 0),
    ];
    for (reader, expected) in readers {
        for sort in Sort::ALL {
            for limit in [1, 4, 7, 200] {
                let mut seen: Vec<CaseId> = Vec::new();
                let mut after: Option<Cursor> = None;
                loop {
                    let page = index.page(&reader, &Filter::default(), sort, after, limit, now);
                    assert_eq!(page.total, expected);
                    seen.extend(page.case_ids);
                    // As it travels.
                    let Some(next) = page.next else { break };
                    after = Some(next.to_string().parse().unwrap());
                }
                let distinct: BTreeSet<_> = seen.iter().collect();
                assert_eq!((seen.len(), distinct.len()), (expected, expected), "{sort:?} {limit}");
                let keys: Vec<i64> = seen
                    .iter()
                    .map(|id| {
                        let row = index.row(*id).unwrap();
                        match sort {
                            Sort::Due => row.due_at,
                            Sort::DueLast => -row.due_at,
                            Sort::Opened => row.opened_at,
                            Sort::OpenedLast => -row.opened_at,
                            Sort::Next => row.next_due_at,
                        }
                    })
                    .collect();
                assert!(keys.is_sorted());
            }
        }
    }
}

#[test]
fn filters_narrow_and_the_total_counts_what_they_admit() {
    let dir = tempfile::tempdir().unwrap();
    let writer = filled(dir.path());
    let index = writer.view.index();
    let reader = actor(Role::Auditor, None, None);
    let count = |filter: Filter, now: &str| {
        let now = at(now).timestamp_micros();
        index.page(&reader, &filter, Sort::Due, None, 200, now).total
    };
    let before = "2021-01-28T10:00:00";
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    assert_eq!(count(state(CaseState::Forwarded), before), 5);
    assert_eq!(count(state(CaseState::Resolved), before), 5);
    assert_eq!(count(state(CaseState::Closed), before), 0);
    let of = Filter { center: Some("donghuashi".parse().unwrap()), ..state(CaseState::Opened) };
    assert_eq!(count(of, before), 10);
    for (cause, expected) in
        [(Cause::Information, 30), (Cause::InformationWhom, 30), (Cause::InformationNotNotified, 0)]
    {
        assert_eq!(count(Filter { cause: Some(cause), ..Filter::default() }, before), expected);
    }
    let text = |text: &str| Filter { text: Some(text.to_owned()), ..Filter::default() };
    assert_eq!(count(text("DHS-17"), before), 1);
    assert_eq!(count(text("退休"), before), 30);
    let overdue = |overdue| Filter { overdue: Some(overdue), ..Filter::default() };
    assert_eq!(count(overdue(true), before), 0);
    assert_eq!(count(overdue(true), "2021-02-28T10:00:00"), 25);
    assert_eq!(count(overdue(false), "2021-02-28T10:00:00"), 5);
    let handler = Filter { handler: Some("nobody".to_owned()), ..Filter::default() };
    assert_eq!(count(handler, before), 0);
}

#[test]
fn a_case_that_moves_on_leaves_the_lists_that_it_was_in() {
    let dir = tempfile::tempdir().unwrap();
    let district = district();
    let mut writer = writer(dir.path(), &district);
    let time = at("2021-01-26T10:00:00");
    let stream = crate::testing::recorded(&[
        (subject(0), event(0, 0, time, opened(0, time))),
        (subject(0), event(0, 1, time, of_kind(7, time))),
        (subject(0), event(0, 2, time, of_kind(9, time + TimeDelta::days(9)))),
    ]);
    let total = |writer: &crate::core::Writer, state| {
        let filter = Filter { state: Some(state), ..Filter::default() };
        let reader = actor(Role::Coordinator, None, None);
        writer.view.index().page(&reader, &filter, Sort::Due, None, 10, 0).total
    };
    for (events, opened, resolved) in [(1, 1, 0), (2, 0, 1), (3, 1, 0)] {
        writer.apply(&stream[..events], Some(&district), 0).unwrap();
        assert_eq!(total(&writer, CaseState::Opened), opened, "after {events}");
        assert_eq!(total(&writer, CaseState::Resolved), resolved, "after {events}");
    }
    let all = writer.view.index().page(
        &actor(Role::Coordinator, None, None),
        &Filter::default(),
        Sort::Due,
        None,
        10,
        0,
    );
    assert_eq!((all.total, all.case_ids), (1, vec![case_id(0)]));
}

proptest! {
    #[test]
    fn a_cursor_that_was_changed_is_another_cursor_or_none(
        id: u128, key: u64, at: usize, letter: char, text in ".{0,60}",
    ) {
        for sort in Sort::ALL {
            let id = CaseId(uuid::Uuid::from_u128(id));
            let whole = format!("{}{key:x}_{id}", sort.letter());
            let cursor: Cursor = whole.parse().unwrap();
            prop_assert!(cursor.is_of(sort));
            prop_assert_eq!(cursor.to_string(), whole.clone());
            let mut letters: Vec<char> = whole.chars().collect();
            let at = at % letters.len();
            letters[at] = letter;
            for text in [letters.into_iter().collect(), whole[..at].to_owned(), text.clone()] {
                if let Ok(read) = text.parse::<Cursor>() {
                    prop_assert_eq!(read.to_string().parse::<Cursor>(), Ok(read));
                }
            }
        }
    }
}

#[test]
fn a_cursor_of_nothing_is_refused() {
    for text in ["nonsense", "", "d", "d1", "d1_", "dzz_0198", "中文_x", "x1_0198"] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
}

#[test]
fn dates_and_times_are_read_and_a_whole_day_is_a_whole_day() {
    let district = district();
    let read = |text: &str, end| {
        instant("to", Some(text), end, &district.rules.calendar).map(Option::unwrap)
    };
    assert_eq!(read("2021-01-31", DayEnd::Start).unwrap(), at("2021-01-31T00:00:00"));
    assert_eq!(read("2021-01-31", DayEnd::End).unwrap(), at("2021-01-31T23:59:59.999999"));
    for text in ["2021-01-31T10:00:00+08:00", "2021-01-31T10:00:00 08:00", "2021-01-31T02:00:00Z"] {
        assert_eq!(read(text, DayEnd::End).unwrap(), at("2021-01-31T10:00:00"), "{text}");
    }
    let refused = read("yesterday", DayEnd::End).unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/to");
}

#[test]
fn a_page_has_one_to_two_hundred_items() {
    assert_eq!(limit(None), Ok(50));
    assert_eq!(limit(Some(200)), Ok(200));
    for refused in [0, 201, u64::MAX] {
        assert_eq!(limit(Some(refused)).unwrap_err().code, "invalid");
    }
}
