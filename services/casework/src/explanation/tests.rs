//! Why clocks are due: the vectors of the handbook and bad input of real life.

mod laws;

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proto_events::codes::{
    ApplicantKind, Cause, Channel, Complexity, PauseReason, Resolution, Role, Stage,
};
use proto_events::events::*;
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};

use super::*;
use crate::calendar::WorkingCalendar;
use crate::calendar::tests::{at, china};
use crate::case::fold;
use crate::timetable::Limits;

fn rules_with(calendar: WorkingCalendar) -> Rules {
    Rules {
        district: "dongcheng".parse().unwrap(),
        limits: Limits::default(),
        calendar: calendar.named("cn"),
        centers: BTreeMap::new(),
        departments: BTreeMap::new(),
        coordinator: "government-service".parse().unwrap(),
        matters: vec![],
    }
}

fn rules() -> Rules {
    rules_with(china())
}

fn mode() -> Mode {
    "phone".to_owned().try_into().unwrap()
}

/// A history under way; every event has the place behind the one before it.
#[derive(Debug, Clone)]
struct Story {
    rules: Rules,
    events: Vec<(EventMeta, CaseEvent)>,
}

impl Story {
    /// A case that is opened with so many working days promised.
    fn opened(time: &str, complexity: Complexity) -> Self {
        Self::opened_at(at(time), complexity, rules())
    }

    fn opened_at(time: Timestamp, complexity: Complexity, rules: Rules) -> Self {
        let days = rules.limits.handling(complexity);
        let promise = rules.calendar.deadline(time, days);
        let opened = Opened {
            case_no: "DHS-1".to_owned(),
            receipt_code: ReceiptCode::from_random(7),
            center: "donghuashi".parse().unwrap(),
            channel: Channel::Window,
            matter: Matter { name: "退休手续办理".to_owned(), code: None },
            blocked_stage: Stage::Consult,
            cause: Cause::InformationWhom,
            demand: "想知道应该找哪个部门".to_owned(),
            summary: None,
            attempts_before: 2,
            complexity,
            applicant: SealedApplicant { kind: ApplicantKind::Person, sealed: "x".to_owned() },
            notice: Notice { version: "1".to_owned(), mode: mode() },
            due_at: promise.due_at,
            provisional: promise.provisional,
            working_days: Some(days),
            imported_from: None,
        };
        Self { rules, events: vec![] }.then_at(time, opened)
    }

    fn then(self, time: &str, event: impl Into<CaseEvent>) -> Self {
        self.then_at(at(time), event)
    }

    fn then_at(mut self, time: Timestamp, event: impl Into<CaseEvent>) -> Self {
        let number = self.events.len();
        let command_id = CommandId::of_key("somebody", &alloc::format!("{number}"));
        let meta = EventMeta {
            id: EventId::of_command(command_id, 0),
            command_id,
            case_id: CaseId::of_key(&"donghuashi".parse().unwrap(), "a case"),
            sequence: number as u64 + 1,
            time,
            actor: "somebody".to_owned(),
            role: Role::Clerk,
        };
        self.events.push((meta, event.into()));
        self
    }

    fn due_at(&self) -> Timestamp {
        self.case().due_at
    }

    /// Pauses and resumes, as the rules do it.
    fn paused(self, from: &str, to: &str) -> Self {
        let (from, to) = (at(from), at(to));
        self.paused_at(from, to)
    }

    fn paused_at(self, from: Timestamp, to: Timestamp) -> Self {
        let calendar = self.rules.calendar.clone();
        let until = calendar.deadline(from, self.rules.limits.pause_h3).due_at;
        let due = due_after_pause(&calendar, self.due_at(), from, to.min(until));
        let days = calendar
            .working_days_between(calendar.date_of(from), calendar.date_of(to.min(until)))
            .max(0);
        let paused = ClockPaused {
            reason: PauseReason::StatutoryPeriod,
            cap_working_days: self.rules.limits.pause_h3,
            until,
            handler_informed: Some(true),
        };
        let resumed = ClockResumed {
            due_at: due.due_at,
            automatic: to > until,
            working_days: u32::try_from(days).ok(),
            provisional: due.provisional,
        };
        self.then_at(from, paused).then_at(to, resumed)
    }

    fn extended_at(self, time: Timestamp, days: u32) -> Self {
        let due = self.rules.calendar.deadline(self.due_at(), days);
        let extended = DeadlineExtended {
            working_days: days,
            reason: "等待鉴定结论".to_owned(),
            applicant_told_at: time,
            due_at: due.due_at,
            provisional: due.provisional,
        };
        self.then_at(time, extended)
    }

    fn forwarded(self, time: &str) -> Self {
        let calendar = &self.rules.calendar;
        let next = calendar.deadline(at(time), 1).due_at;
        let forwarded = Forwarded {
            to: "civil-affairs".parse().unwrap(),
            ask: "请办理".to_owned(),
            contact: None,
            due_at: self.due_at(),
            first_contact_due_at: next,
            return_until: next,
            automatic: true,
        };
        self.then(time, forwarded)
    }

    fn resolved(self, time: &str) -> Self {
        let callback_due_at = self.rules.calendar.deadline(at(time), 3).due_at;
        let resolved = Resolved {
            resolution: Resolution::Coordinated,
            result: "已办理".to_owned(),
            cause: Cause::InformationWhom,
            process_change_needed: false,
            callback_due_at,
        };
        self.then(time, resolved)
    }

    fn case(&self) -> Case {
        fold(self.events.iter().map(|(meta, event)| (meta, event))).unwrap()
    }

    fn explained(&self, now: &str) -> Vec<ClockExplanation> {
        explain(&self.case(), &self.events, &self.rules, at(now))
    }

    #[track_caller]
    fn one(&self, clock: Clock, now: &str) -> ClockExplanation {
        let all = self.explained(now);
        let found: Vec<_> = all.into_iter().filter(|one| one.clock == clock).collect();
        assert_eq!(found.len(), 1, "{clock}");
        found.into_iter().next().unwrap()
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn dates(counted: &Counted) -> Vec<NaiveDate> {
    counted.days.iter().map(|day| day.date).collect()
}

#[test]
fn a_case_opened_before_the_spring_festival_is_read_out_day_by_day() {
    let story = Story::opened("2026-02-13T10:00:00+08:00", Complexity::Complex);
    let told = story.one(Clock::Handling, "2026-02-13T11:00:00+08:00");
    assert_eq!(
        dates(&told.counted),
        ["2026-02-14", "2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27"].map(day)
    );
    assert!(told.counted.days[0].make_up && !told.counted.days[1].make_up);
    assert_eq!((told.counted.count, told.skipped.count), (5, 9));
    assert!(told.skipped.days.iter().all(|day| day.name.zh == "春节"));
    assert_eq!((told.state, told.as_promised), (ClockState::Running, true));
    assert_eq!(told.limit.source, LimitSource::Event);
    assert!(told.calendar.starts_with("cn 2020–2026 #"), "{}", told.calendar);
    assert_eq!(
        told.sentence.zh,
        "2月13日（周五）登记，当日不计；复杂件时限5个工作日；2月15日至23日春节放假；\
         2月14日（周六）调休上班，照计；应于2月27日（周五）17:30前办结。"
    );
    assert_eq!(
        told.sentence.en,
        "Opened on Fri 13 Feb, and that day does not count; the limit of a complex case is 5 working days; \
         15–23 Feb is off for Spring Festival; Sat 14 Feb is worked for a day off elsewhere and counts; \
         to be finished by Fri 27 Feb 17:30."
    );
    let next = told.next_step.unwrap();
    assert_eq!((next.level, next.told), (Level::Warning50, Role::Clerk));
    assert_eq!(next.at, at("2026-02-25T09:30:00+08:00"));
}

#[test]
fn the_vectors_of_the_handbook_are_explained_by_their_days() {
    for (start, n, due) in [
        ("2021-01-26", 5, "2021-02-02"),
        ("2021-02-05", 5, "2021-02-18"),
        ("2021-02-10", 2, "2021-02-19"),
        ("2021-04-23", 5, "2021-04-29"),
        ("2021-04-30", 5, "2021-05-11"),
        ("2021-09-30", 10, "2021-10-20"),
        ("2025-12-31", 2, "2026-01-05"),
        ("2026-02-12", 2, "2026-02-14"),
        ("2026-02-13", 5, "2026-02-27"),
        ("2026-09-18", 5, "2026-09-24"),
        ("2026-09-24", 15, "2026-10-22"),
    ] {
        let mut rules = rules();
        rules.limits = Limits { simple: n, ..rules.limits };
        let time = at(&alloc::format!("{start}T10:00:00+08:00"));
        let story = Story::opened_at(time, Complexity::Simple, rules);
        let told = story.one(Clock::Handling, &alloc::format!("{start}T11:00:00+08:00"));
        assert_eq!(dates(&told.counted).last(), Some(&day(due)), "{start} + {n}");
        assert_eq!(u32::try_from(told.counted.days.len()), Ok(n), "{start} + {n}");
        assert!(told.as_promised && told.counted.count == n, "{start} + {n}");
    }
}

#[test]
fn a_pause_across_a_holiday_adds_its_working_days_only() {
    let story = Story::opened("2026-02-11T10:00:00+08:00", Complexity::Complex)
        .paused("2026-02-12T10:00:00+08:00", "2026-02-25T10:00:00+08:00");
    let told = story.one(Clock::Handling, "2026-02-25T11:00:00+08:00");
    // Friday 13, Saturday 14 (made up), 24 and 25 February.
    assert_eq!(told.pauses.len(), 1);
    assert_eq!(told.pauses[0].working_days, 4);
    assert_eq!((told.counted.count, told.as_promised), (9, true));
    assert_eq!(told.first_due_at, at("2026-02-25T17:30:00+08:00"));
    assert_eq!(told.due_at, at("2026-03-02T17:30:00+08:00"));
    let paused: Vec<_> =
        told.counted.days.iter().filter(|day| day.paused).map(|day| day.date).collect();
    assert_eq!(paused, ["2026-02-13", "2026-02-14", "2026-02-24", "2026-02-25"].map(day));
    assert!(
        told.sentence.zh.contains("2月12日（周四）至2月25日（周三）因法定期间暂停，顺延4个工作日"),
        "{}",
        told.sentence.zh
    );
}

#[test]
fn a_clock_that_stands_still_says_until_when_and_where_it_would_be() {
    let paused = ClockPaused {
        reason: PauseReason::WaitingApplicant,
        cap_working_days: 10,
        until: at("2026-03-09T17:30:00+08:00"),
        handler_informed: Some(true),
    };
    let story = Story::opened("2026-02-11T10:00:00+08:00", Complexity::Complex)
        .then("2026-02-12T10:00:00+08:00", paused);
    // The calendar still says 25 February, long past; nobody is late while the clock stands still.
    let told = story.one(Clock::Handling, "2026-02-26T11:00:00+08:00");
    assert_eq!((told.state, told.overdue_working_days), (ClockState::Paused, 0));
    assert_eq!(told.due_if_resumed_now, Some(at("2026-03-03T17:30:00+08:00")));
    assert_eq!(told.next_step, None);
    assert!(told.sentence.zh.contains("现因等待申请人暂停计时，最迟3月9日（周一）恢复"));
    let standing = standing(&story.case(), at("2026-02-26T11:00:00+08:00"));
    let handling = standing.iter().find(|one| one.clock == Clock::Handling).unwrap();
    assert_eq!(handling.state, ClockState::Paused);
}

#[test]
fn an_extension_and_a_reclassification_are_named() {
    let reclassified = |due_at| Reclassified {
        complexity: Some(Change { from: Complexity::Simple, to: Complexity::Complex }),
        cause: None,
        reason: "涉及两个部门".to_owned(),
        due_at,
        provisional: false,
        working_days: Some(5),
    };
    let story = Story::opened("2026-03-02T10:00:00+08:00", Complexity::Simple)
        .then("2026-03-03T10:00:00+08:00", reclassified(at("2026-03-09T17:30:00+08:00")))
        .extended_at(at("2026-03-05T10:00:00+08:00"), 3);
    let told = story.one(Clock::Handling, "2026-03-05T11:00:00+08:00");
    assert_eq!(told.limit.working_days, 5);
    assert_eq!((told.counted.count, told.as_promised), (8, true));
    assert_eq!(told.due_at, at("2026-03-12T17:30:00+08:00"));
    assert_eq!(told.reclassifications.len(), 1);
    for part in ["由简单改为复杂", "复杂件时限5个工作日", "经批准延期3个工作日"]
    {
        assert!(told.sentence.zh.contains(part), "{part}: {}", told.sentence.zh);
    }
}

#[test]
fn every_clock_of_a_story_is_explained_with_what_started_and_stopped_it() {
    let story = Story::opened("2026-03-02T10:00:00+08:00", Complexity::Complex)
        .forwarded("2026-03-02T10:00:01+08:00")
        .then("2026-03-02T15:00:00+08:00", ApplicantContacted { mode: mode(), reached: true })
        .resolved("2026-03-05T10:00:00+08:00");
    let all = story.explained("2026-03-05T11:00:00+08:00");
    let told: Vec<_> = all
        .iter()
        .map(|one| {
            let by = |event: &Option<Happening>| event.as_ref().map_or("", |event| event.event);
            (one.clock, one.state, by(&one.started_by), by(&one.stopped_by))
        })
        .collect();
    assert_eq!(
        told,
        [
            (Clock::Callback, ClockState::Running, "resolved", ""),
            (Clock::Handling, ClockState::Stopped, "opened", "resolved"),
            (Clock::FirstContact, ClockState::Stopped, "forwarded", "applicant_contacted"),
            // It had lapsed before.
            (Clock::Return, ClockState::Stopped, "forwarded", ""),
        ]
    );
    assert!(all.iter().all(|one| one.as_promised && one.overdue_working_days == 0));
    assert!(all[1].sentence.zh.ends_with("已于3月5日（周四）停止计时（办成）。"));
    assert_eq!(all[2].limit.source, LimitSource::District);
}

#[test]
fn a_late_clock_says_by_how_much_and_who_is_told_next() {
    let story = Story::opened("2026-02-13T10:00:00+08:00", Complexity::Complex)
        .forwarded("2026-02-13T10:00:01+08:00");
    let all = story.explained("2026-03-03T10:00:00+08:00");
    let told = all.iter().find(|one| one.clock == Clock::Handling).unwrap();
    // 28 February is a Saturday on which people work, then Monday and Tuesday.
    assert_eq!((told.state, told.overdue_working_days), (ClockState::Overdue, 3));
    assert!(told.sentence.zh.ends_with("现已超期3个工作日。"));
    let next = told.next_step.as_ref().unwrap();
    assert_eq!((next.level, next.told), (Level::Director, Role::Director));
    // The right to return has lapsed; nobody is late with it.
    let right = all.iter().find(|one| one.clock == Clock::Return).unwrap();
    assert_eq!((right.state, right.overdue_working_days), (ClockState::Stopped, 0));
    assert!(right.sentence.zh.ends_with("已于2月14日（周六）过期失效。"), "{}", right.sentence.zh);
}

#[test]
fn a_reopened_case_has_two_runs_of_its_handling() {
    let story = Story::opened("2026-03-02T10:00:00+08:00", Complexity::Simple)
        .resolved("2026-03-03T10:00:00+08:00");
    let reopened = Reopened {
        reason: proto_events::codes::ReopenReason::NotSolved,
        note: None,
        due_at: at("2026-03-12T17:30:00+08:00"),
        provisional: false,
        working_days: Some(3),
    };
    let story = story.then("2026-03-09T10:00:00+08:00", reopened);
    let all = story.explained("2026-03-09T11:00:00+08:00");
    let runs: Vec<_> = all
        .iter()
        .filter(|one| one.clock == Clock::Handling)
        .map(|one| (one.occurrence, one.state, one.due_at))
        .collect();
    assert_eq!(
        runs,
        [
            (2, ClockState::Running, at("2026-03-12T17:30:00+08:00")),
            (1, ClockState::Stopped, at("2026-03-05T17:30:00+08:00")),
        ]
    );
}

#[test]
fn a_promise_beyond_the_published_years_is_provisional_and_one_counted_again_says_so() {
    let story = Story::opened("2026-12-30T10:00:00+08:00", Complexity::Simple);
    let told = story.one(Clock::Handling, "2026-12-30T11:00:00+08:00");
    assert!(told.provisional && told.as_promised);
    assert_eq!(told.due_at, at("2027-01-04T17:30:00+08:00"));
    assert!(told.sentence.zh.contains("2027年放假安排尚未公布，此期限为暂定"));
    assert!(told.sentence.zh.starts_with("2026年12月30日（周三）登记"), "{}", told.sentence.zh);

    // The notice comes: 1 to 5 January are off, a Friday to a Tuesday.
    let rules_2027 = rules_with(crate::calendar::tests::china_with_2027());
    let told = explain(&story.case(), &story.events, &rules_2027, at("2026-12-30T12:00:00+08:00"));
    let told = &told[0];
    assert!(!told.as_promised, "the stored promise is told, and that it is another one today");
    assert_eq!(told.due_at, at("2027-01-04T17:30:00+08:00"));
    assert_eq!(told.recomputed_due_at, Some(at("2027-01-07T17:30:00+08:00")));
    assert!(told.sentence.zh.contains("以已作出的承诺为准"));

    let again = DeadlineRecalculated {
        due_at: at("2027-01-07T17:30:00+08:00"),
        was_due_at: at("2027-01-04T17:30:00+08:00"),
        provisional: false,
        published_to: day("2027-12-31"),
    };
    let story = Story { rules: rules_2027, ..story }.then("2026-12-30T12:30:00+08:00", again);
    let told = story.one(Clock::Handling, "2026-12-30T13:00:00+08:00");
    assert!(told.as_promised && !told.provisional);
    assert_eq!((told.counted.count, told.recalculations.len()), (3, 1));
    assert!(told.sentence.zh.contains("2027年放假安排公布后重算，原为2027年1月4日（周一）"));
}

#[test]
fn a_day_before_the_first_published_year_is_counted_and_said_to_be_unknown() {
    let story = Story::opened("2019-12-30T10:00:00+08:00", Complexity::Simple);
    let told = story.one(Clock::Handling, "2019-12-30T11:00:00+08:00");
    // 1 January 2020 is known to be off.
    assert_eq!(dates(&told.counted), ["2019-12-31", "2020-01-02", "2020-01-03"].map(day));
    assert!(told.calendar_gap.is_some() && told.sentence.zh.contains("2020年以前"));
}

#[test]
fn an_old_promise_without_its_number_of_days_is_explained_all_the_same() {
    let mut story = Story::opened("2026-03-02T10:00:00+08:00", Complexity::Complex);
    if let CaseEvent::Opened(opened) = &mut story.events[0].1 {
        opened.working_days = None;
    }
    let told = story.one(Clock::Handling, "2026-03-02T11:00:00+08:00");
    assert_eq!(told.limit.source, LimitSource::District);
    // The district has changed its limit since.
    story.rules.limits.complex = 7;
    let told = story.one(Clock::Handling, "2026-03-02T11:00:00+08:00");
    assert_eq!((told.limit.working_days, told.limit.source), (5, LimitSource::Counted));
    assert_eq!(told.recomputed_due_at, Some(at("2026-03-11T17:30:00+08:00")));
    assert_eq!(told.due_at, at("2026-03-09T17:30:00+08:00"));
}

#[test]
fn a_comment_moves_nothing() {
    let story = Story::opened("2026-02-13T10:00:00+08:00", Complexity::Complex);
    let before = story.explained("2026-02-26T10:00:00+08:00");
    let story = story.then(
        "2026-02-26T09:00:00+08:00",
        ProgressNoted { text: "正在核对".to_owned(), public: true },
    );
    assert_eq!(story.explained("2026-02-26T10:00:00+08:00"), before);
}

#[test]
fn a_promise_in_another_age_costs_no_list_and_is_still_counted() {
    let mut story = Story::opened("2026-03-02T10:00:00+08:00", Complexity::Complex);
    if let CaseEvent::Opened(opened) = &mut story.events[0].1 {
        opened.due_at = at("9999-12-01T17:30:00+08:00");
    }
    let told = story.one(Clock::Handling, "2026-03-02T11:00:00+08:00");
    assert!(told.counted.truncated && told.skipped.truncated);
    assert_eq!(told.counted.days.len(), DAYS_SHOWN_MAX);
    assert!(told.counted.count > 2_000_000);
}
