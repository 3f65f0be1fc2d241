//! Opening, declining, and the citizen's facts, which no state refuses.

use alloc::string::ToString;
use alloc::vec;

use proto_events::codes::{CaseState, Clock, Complexity, Exclusion, Level, ReopenReason, Solved};
use proto_events::events::{CaseEvent, Remedy};

use super::states::in_every_state;
use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

#[test]
fn an_opened_case_carries_its_promise_by_complexity() {
    for (complexity, due) in [
        (Complexity::Simple, "2026-03-06T17:30:00+08:00"),
        (Complexity::Complex, "2026-03-10T17:30:00+08:00"),
        (Complexity::Special, "2026-03-17T17:30:00+08:00"),
        (Complexity::Hard, "2026-03-24T17:30:00+08:00"),
    ] {
        let story =
            Story::new().does("clerk", wishes::open_with(|open| open.complexity = complexity));
        let CaseEvent::Opened(opened) = story.last() else { panic!("{:?}", story.last()) };
        assert_eq!(opened.due_at, at(due), "{complexity}");
        assert!(!opened.provisional);
        story.is(CaseState::Opened).promises(due).runs(&[(Clock::Handling, 1)]);
    }
}

#[test]
fn a_promise_beyond_the_published_calendar_is_provisional() {
    let story = Story::beginning("2026-12-30T10:00:00+08:00").does("clerk", wishes::open());
    assert!(story.case().provisional_due);
}

#[test]
fn opening_twice_leads_to_nothing() {
    Story::opened().says_nothing("clerk", &wishes::open());
}

#[test]
fn a_case_is_opened_at_the_own_center_only() {
    let elsewhere = wishes::open_with(|open| open.center = "longtan".parse().unwrap());
    Story::new().forbids("clerk", &elsewhere);
    Story::new().forbids("director", &elsewhere);
    Story::new().does("coordinator", elsewhere);
}

#[test]
fn everything_wrong_with_an_opening_is_told_at_once() {
    let wrong = wishes::open_with(|open| {
        open.center = "nowhere".parse().unwrap();
        open.attempts_before = 1000;
        open.matter.name = "  ".to_string();
        open.demand = long(501);
        open.summary = Some(long(2001));
        open.notice.version.clear();
    });
    let pointers =
        ["/center", "/attempts_before", "/matter/name", "/demand", "/summary", "/notice/version"];
    Story::new().faults("clerk", &wrong, &pointers);
}

#[test]
fn texts_at_their_limit_are_taken() {
    let full = wishes::open_with(|open| {
        open.attempts_before = 999;
        open.matter.name = long(100);
        open.demand = long(500);
        open.summary = Some(long(2000));
    });
    Story::new().does("clerk", full);
}

#[test]
fn texts_lose_the_blanks_at_their_ends_and_empty_ones_are_none() {
    let story = Story::new().does(
        "clerk",
        wishes::open_with(|open| {
            open.demand = "  想办退休 \n".to_string();
            open.summary = Some("   ".to_string());
        }),
    );
    assert_eq!(story.case().demand, "想办退休");
    assert_eq!(story.case().summary, None);
}

#[test]
fn a_declined_case_keeps_why_and_where_to_go_instead() {
    let story = Story::opened().does("clerk", wishes::decline(Exclusion::NotGovernment, None));
    let outcome = story.case().outcome.clone().unwrap();
    assert_eq!(outcome.kind, CaseState::Declined);
    assert_eq!(outcome.exclusion, Some(Exclusion::NotGovernment));
    assert_eq!(outcome.remedy.unwrap().body, "区人民法院");
    story.is(CaseState::Declined).runs(&[]);
}

#[test]
fn the_applicants_own_reason_and_abuse_need_a_second_look() {
    for exclusion in [Exclusion::ApplicantsOwn, Exclusion::Abusive] {
        Story::opened()
            .faults("clerk", &wishes::decline(exclusion, None), &["/second_check_by"])
            .faults("clerk", &wishes::decline(exclusion, Some("nobody")), &["/second_check_by"])
            .refuses("clerk", &wishes::decline(exclusion, Some("clerk")), RefusalCode::SamePerson);
        for second in ["clerk-2", "director", "coordinator"] {
            Story::opened()
                .does("clerk", wishes::decline(exclusion, Some(second)))
                .is(CaseState::Declined);
        }
    }
}

#[test]
fn the_second_look_is_by_staff_of_the_center_or_a_coordinator() {
    for second in ["longtan-clerk", "longtan-director", "hr-handler", "auditor", "callback"] {
        let wish = wishes::decline(Exclusion::ApplicantsOwn, Some(second));
        Story::opened().faults("clerk", &wish, &["/second_check_by"]);
    }
}

#[test]
fn what_belongs_to_another_body_is_declined_with_its_name() {
    let without = |exclusion, remedy| Command::Decline {
        exclusion,
        reason: "不属于本区".to_string(),
        remedy,
        second_check_by: None,
    };
    let nameless = Some(Remedy { body: " ".to_string(), contact: Some("窗口".to_string()) });
    for exclusion in [Exclusion::NotGovernment, Exclusion::OtherDistrict] {
        Story::opened().faults("clerk", &without(exclusion, None), &["/remedy/body"]).faults(
            "clerk",
            &without(exclusion, nameless.clone()),
            &["/remedy/body"],
        );
    }
    Story::opened().does("clerk", without(Exclusion::Petition, None)).is(CaseState::Declined);
}

#[test]
fn where_to_go_instead_is_kept_with_a_body_or_a_contact_and_is_none_without_both() {
    let remedy = |body: &str, contact: Option<&str>| Remedy {
        body: body.to_string(),
        contact: contact.map(str::to_string),
    };
    for (told, kept) in [
        (remedy("区人民法院", None), Some(remedy("区人民法院", None))),
        (remedy(" ", Some("立案大厅")), Some(remedy("", Some("立案大厅")))),
        (remedy(" ", Some(" ")), None),
    ] {
        let wish = Command::Decline {
            exclusion: Exclusion::Litigation,
            reason: "已进入诉讼程序".to_string(),
            remedy: Some(told),
            second_check_by: None,
        };
        let story = Story::opened().does("clerk", wish);
        assert_eq!(story.case().outcome.as_ref().unwrap().remedy, kept);
    }
}

#[test]
fn only_a_case_that_nobody_has_begun_can_be_declined() {
    for story in in_every_state() {
        let is_new = story.case().state == CaseState::Opened;
        let wish = wishes::decline(Exclusion::Litigation, None);
        if is_new {
            story.does("clerk", wish);
        } else {
            story.refuses("clerk", &wish, RefusalCode::WrongState);
        }
    }
}

#[test]
fn what_a_citizen_brings_or_says_is_taken_in_every_state() {
    for story in in_every_state() {
        let state = story.case().state;
        let story = story
            .does("clerk", wishes::materials())
            .does("callback", wishes::feedback(Solved::Partly, 3))
            .does("callback", wishes::unanswered())
            .is(state);
        assert!(story.case().materials_received_at.is_some(), "{state}");
        assert!(story.case().feedback.is_some(), "{state}");
        let story = story.does("clerk", wishes::reopen(ReopenReason::NewFact));
        match state {
            // It is withdrawn already.
            CaseState::Withdrawn => drop(story.says_nothing("clerk", &wishes::withdraw())),
            _ => drop(story.does("clerk", wishes::withdraw())),
        }
    }
}

#[test]
fn papers_have_to_be_named() {
    let none = Command::ReceiveMaterials { items: vec![], complete: false };
    Story::opened().faults("clerk", &none, &["/items"]);
}

#[test]
fn a_withdrawn_case_is_over_and_nobody_is_told_that_it_is_late() {
    Story::accepted()
        .does("clerk", wishes::withdraw())
        .is(CaseState::Withdrawn)
        .runs(&[])
        .says_nothing("timer", &wishes::escalate(Level::Director, Clock::Handling, 1));
}

#[test]
fn a_withdrawal_that_comes_after_the_outcome_changes_no_outcome() {
    let story = Story::resolved().does("clerk", wishes::withdraw()).is(CaseState::Resolved);
    assert_eq!(story.case().outcome.as_ref().unwrap().kind, CaseState::Resolved);
    assert_eq!(story.case().outcome_count, 1);
}

#[test]
fn a_withdrawal_that_is_repeated_is_no_second_fact() {
    let other = Command::Withdraw { reason: "材料找到了".to_string(), note: None };
    Story::accepted()
        .does("clerk", wishes::withdraw())
        .says_nothing("clerk", &wishes::withdraw())
        .says_nothing("coordinator", &other);
    let empty = Command::Withdraw { reason: String::new(), note: None };
    Story::opened().does("clerk", wishes::withdraw()).faults("clerk", &empty, &["/reason"]);
}

#[test]
fn a_task_force_ends_with_a_withdrawn_case() {
    let story = Story::accepted()
        .does("director", wishes::convene(wishes::person_asks()))
        .does("clerk", wishes::withdraw())
        .is(CaseState::Withdrawn);
    assert!(story.case().active_task_force().is_none());
}

#[test]
fn withdrawn_is_terminal_and_a_later_wish_to_reopen_is_only_recorded() {
    let story = Story::accepted()
        .does("clerk", wishes::withdraw())
        .does("clerk", wishes::reopen(ReopenReason::NewFact))
        .is(CaseState::Withdrawn);
    assert_eq!((story.case().reopen_count, story.case().reopen_wishes), (0, 1));
}

#[test]
fn a_reopened_case_starts_again_at_the_center_with_a_new_promise() {
    let story = Story::resolved()
        .at("2026-03-05T09:30:00+08:00")
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .is(CaseState::Opened)
        .promises("2026-03-12T17:30:00+08:00")
        .runs(&[(Clock::Handling, 2)]);
    let case = story.case();
    assert_eq!((case.reopen_count, case.outcome_count), (1, 1));
    assert_eq!((&case.outcome, &case.department, &case.handler), (&None, &None, &None));
    assert_eq!(case.original_due_at, at("2026-03-12T17:30:00+08:00"));
}

#[test]
fn reopening_an_open_case_is_a_wish_that_moves_no_promise() {
    let story = Story::accepted()
        .at("2026-03-05T09:30:00+08:00")
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .is(CaseState::InDepartment)
        .promises("2026-03-10T17:30:00+08:00");
    assert_eq!((story.case().reopen_count, story.case().reopen_wishes), (0, 1));
}

#[test]
fn what_was_not_solved_can_be_reopened_for_ten_working_days() {
    for reason in [ReopenReason::NotSolved, ReopenReason::Partial] {
        // Resolved on 3 March: ten working days later is 17 March.
        Story::resolved().at("2026-03-17T17:30:00+08:00").does("clerk", wishes::reopen(reason));
        Story::resolved().at("2026-03-17T17:30:01+08:00").refuses(
            "clerk",
            &wishes::reopen(reason),
            RefusalCode::ReopenTooLate,
        );
    }
}

#[test]
fn a_new_fact_a_wrong_basis_and_a_changed_policy_know_no_time_limit() {
    let reasons = [ReopenReason::NewFact, ReopenReason::WrongBasis, ReopenReason::PolicyChanged];
    for reason in reasons {
        Story::resolved()
            .does("callback", wishes::feedback(Solved::Yes, 5))
            .does("timer", wishes::close_after_feedback())
            .is(CaseState::Closed)
            .at("2026-09-01T10:00:00+08:00")
            .does("clerk", wishes::reopen(reason))
            .is(CaseState::Opened)
            .runs(&[(Clock::Handling, 2)]);
    }
}

#[test]
fn whoever_handled_a_case_does_not_collect_its_feedback() {
    let story = Story::resolved();
    for person in ["hr-handler", "hr-handler-2", "hr-lead"] {
        let answer = wishes::feedback(Solved::Yes, 5);
        story_refuses_feedback(&story, person, &answer);
        story_refuses_feedback(&story, person, &wishes::unanswered());
    }
    for person in ["callback", "clerk", "director", "coordinator"] {
        assert!(story.wish(person, &wishes::feedback(Solved::Yes, 5)).is_ok(), "{person}");
    }
}

#[track_caller]
fn story_refuses_feedback(story: &Story, person: &str, command: &Command) {
    let answer = story.wish(person, command);
    let is_refused = matches!(answer, Err(Refusal::Rule { code: RefusalCode::SelfFeedback, .. }));
    assert!(is_refused, "{person}: {answer:?}");
}

#[test]
fn a_department_that_helped_does_not_collect_feedback_either() {
    let ruling = Command::Arbitrate {
        department: "hr-public-service".parse().unwrap(),
        co_departments: vec!["disabled-federation".parse().unwrap()],
        basis: "职责分工".to_string(),
    };
    Story::forwarded()
        .does("coordinator", ruling)
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::resolve())
        .refuses("disabled-handler", &wishes::feedback(Solved::Yes, 5), RefusalCode::SelfFeedback);
}

#[test]
fn whoever_did_a_part_collects_no_feedback_even_when_a_later_ruling_names_other_helpers() {
    Story::accepted()
        .does("hr-handler", wishes::assign("disabled-federation"))
        .does("hr-handler", wishes::assign("civil-affairs"))
        .does("disabled-handler", wishes::finish_part("disabled-federation"))
        .does("coordinator", wishes::arbitrate("hr-public-service"))
        .refuses("disabled-handler", &wishes::feedback(Solved::Yes, 5), RefusalCode::SelfFeedback)
        .refuses("civil-handler", &wishes::feedback(Solved::Yes, 5), RefusalCode::SelfFeedback);
    // Somebody else's part is nobody's but his.
    let story = Story::opened()
        .does("clerk", wishes::forward("medical-insurance"))
        .does("medical-handler", wishes::send_back("hr-public-service"))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::assign("disabled-federation"));
    assert!(story.wish("medical-handler", &wishes::feedback(Solved::No, 1)).is_ok());
}

#[test]
fn whoever_handled_a_case_does_not_collect_its_feedback_after_its_reopening_either() {
    let answer = wishes::feedback(Solved::Yes, 5);
    Story::resolved()
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .refuses("hr-handler", &answer, RefusalCode::SelfFeedback)
        .does("clerk", wishes::forward("civil-affairs"))
        .refuses("hr-lead", &answer, RefusalCode::SelfFeedback)
        .refuses("civil-handler", &answer, RefusalCode::SelfFeedback);
}

#[test]
fn nobody_who_did_not_answer_has_an_opinion() {
    let wrong = Command::RecordFeedback {
        responded: false,
        solved: Some(Solved::Yes),
        grade: Some(5.try_into().unwrap()),
        comment: None,
        mode: wishes::mode("phone"),
    };
    Story::resolved().faults("callback", &wrong, &["/solved", "/grade"]);
}

#[test]
fn a_new_outcome_waits_for_new_feedback() {
    let story = Story::resolved()
        .does("callback", wishes::feedback(Solved::Partly, 3))
        .does("clerk", wishes::reopen(ReopenReason::Partial))
        .does("clerk", wishes::forward("hr-public-service"))
        .does("hr-handler", wishes::accept())
        .does("hr-handler", wishes::resolve())
        .runs(&[(Clock::Callback, 2)]);
    assert_eq!(story.case().feedback, None);
    assert_eq!(story.case().outcome_count, 2);
}
