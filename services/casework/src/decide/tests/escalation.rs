//! Task forces, the ladder of the clocks, closing.

use alloc::string::ToString;
use alloc::vec;

use proto_events::codes::{
    CaseState, Clock, ClosingCode, ConveneTrigger, Level, Position, ReopenReason, Role, Solved,
};
use proto_events::events::{CaseEvent, Member};

use super::bad_reviews::badly_graded;
use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;
use crate::timetable::ladder;

fn convened() -> Story {
    Story::accepted().does("director", wishes::convene(ConveneTrigger::Person))
}

#[test]
fn a_task_force_stores_when_it_has_to_meet_first() {
    let story = convened().is(CaseState::InTaskForce).runs(&[
        (Clock::Handling, 1),
        (Clock::FirstContact, 1),
        (Clock::FirstMeeting, 1),
    ]);
    let CaseEvent::TaskForceConvened(data) = story.last() else { panic!("{:?}", story.last()) };
    assert_eq!(data.first_meeting_due_at, at("2026-03-05T17:30:00+08:00"));
    let is_theirs = |id: &str| story.case().departments_ever.contains(&id.parse().unwrap());
    assert!(is_theirs("civil-affairs"), "its members see the case");
}

#[test]
fn a_task_force_needs_members_that_the_district_knows() {
    let wish = |members| Command::ConveneTaskForce {
        trigger: ConveneTrigger::Person,
        chair: String::new(),
        members,
        objective: "明确牵头".to_string(),
        reason: long(501),
    };
    let stranger = Member { department: "nowhere".parse().unwrap(), person: "nobody".to_string() };
    Story::accepted().faults("director", &wish(vec![]), &["/chair", "/members", "/reason"]).faults(
        "director",
        &wish(vec![stranger]),
        &["/chair", "/members/0/department", "/reason"],
    );
}

#[test]
fn one_task_force_sits_at_a_time() {
    let wish = wishes::convene(ConveneTrigger::Person);
    convened()
        .refuses("director", &wish, RefusalCode::AlreadyTaskForce)
        .says_nothing("timer", &wishes::convene(ConveneTrigger::OverdueComplex))
        .does("director", wishes::dissolve())
        .does("director", wish)
        .runs(&[(Clock::Handling, 1), (Clock::FirstContact, 1), (Clock::FirstMeeting, 2)]);
}

#[test]
fn no_task_force_sits_on_a_case_whose_answer_is_known() {
    let by_person = wishes::convene(ConveneTrigger::Person);
    let by_rule = wishes::convene(ConveneTrigger::OverdueComplex);
    for story in
        [Story::not_doable(), Story::resolved(), Story::opened().does("clerk", wishes::withdraw())]
    {
        story
            .refuses("director", &by_person, RefusalCode::WrongState)
            .says_nothing("timer", &by_rule);
    }
}

#[test]
fn a_rule_convenes_a_task_force_at_any_open_place() {
    let by_rule = || wishes::convene(ConveneTrigger::TwoReturns);
    for story in [Story::opened(), Story::forwarded(), Story::accepted()] {
        story.does("timer", by_rule()).is(CaseState::InTaskForce);
    }
}

#[test]
fn a_first_meeting_stops_its_clock_and_meetings_are_numbered() {
    let story = convened()
        .does("director", wishes::meet(Position::Agree, None))
        .runs(&[(Clock::Handling, 1), (Clock::FirstContact, 1)])
        .does("civil-lead", wishes::meet(Position::Abstain, None));
    let numbers: Vec<_> =
        story.case().task_force.as_ref().unwrap().meetings.iter().map(|met| met.number).collect();
    assert_eq!(numbers, [1, 2]);
}

#[test]
fn an_objection_needs_a_basis() {
    convened()
        .faults("director", &wishes::meet(Position::Object, None), &["/positions/0/basis"])
        .faults("director", &wishes::meet(Position::Object, Some(" ")), &["/positions/0/basis"])
        .does("director", wishes::meet(Position::Object, Some("社会救助暂行办法第九条")));
}

#[test]
fn nobody_meets_or_dissolves_what_does_not_sit() {
    let meet = wishes::meet(Position::Agree, None);
    Story::accepted().refuses("director", &meet, RefusalCode::WrongState).refuses(
        "director",
        &wishes::dissolve(),
        RefusalCode::WrongState,
    );
    convened()
        .does("director", wishes::dissolve())
        .refuses("director", &meet, RefusalCode::WrongState)
        .refuses("director", &wishes::dissolve(), RefusalCode::WrongState);
}

#[test]
fn a_dissolved_task_force_gives_the_case_back_to_whoever_had_it() {
    let dissolved = |story: Story| {
        story
            .does("director", wishes::convene(ConveneTrigger::Person))
            .does("director", wishes::dissolve())
    };
    dissolved(Story::opened()).is(CaseState::Opened);
    dissolved(Story::forwarded()).is(CaseState::Forwarded);
    dissolved(Story::accepted()).is(CaseState::InDepartment);
    let returned = Story::forwarded().does("hr-handler", wishes::send_back("civil-affairs"));
    dissolved(returned).is(CaseState::Returned);
}

#[test]
fn a_reopened_case_does_not_fall_back_into_a_return_of_its_earlier_life() {
    Story::forwarded()
        .does("hr-handler", wishes::send_back("civil-affairs"))
        .does("clerk", wishes::forward("civil-affairs"))
        .does("civil-handler", wishes::accept())
        .does("civil-handler", wishes::resolve())
        .at("2026-03-04T10:00:00+08:00")
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .does("timer", wishes::convene(ConveneTrigger::ReopenedUnsolved))
        .does("director", wishes::dissolve())
        .is(CaseState::Opened)
        .runs(&[(Clock::Handling, 2)]);
}

/// The end of each step of the handling clock of a complex case that was opened on 3 March.
const STEPS: [(Level, &str); 6] = [
    (Level::Warning50, "2026-03-06T13:30:00+08:00"),
    (Level::Warning80, "2026-03-09T16:18:00+08:00"),
    (Level::Director, "2026-03-10T17:30:00+08:00"),
    (Level::DepartmentLead, "2026-03-11T09:00:00+08:00"),
    (Level::Coordinator, "2026-03-13T09:00:00+08:00"),
    (Level::LeadingGroup, "2026-03-17T09:00:00+08:00"),
];

#[test]
fn each_step_of_each_run_of_a_clock_is_taken_once_and_not_before_its_time() {
    let mut story = Story::accepted();
    for (level, time) in STEPS {
        let wish = wishes::escalate(level, Clock::Handling, 1);
        story = story
            .says_nothing("timer", &wish)
            .at(time)
            .does("timer", wish.clone())
            .says_nothing("timer", &wish);
    }
    assert_eq!(story.case().escalations.len(), Level::ALL.len());
    assert_eq!(story.case().escalation_rank(), 4);
    let again = story
        .does("hr-handler", wishes::resolve())
        .does("clerk", wishes::reopen(ReopenReason::NotSolved))
        .at("2026-03-24T17:30:00+08:00")
        .says_nothing("timer", &wishes::escalate(Level::Director, Clock::Handling, 1))
        .does("timer", wishes::escalate(Level::Director, Clock::Handling, 2));
    assert!(again.case().has_escalated(Clock::Handling, 2, Level::Director));
    assert_eq!(again.case().escalation_rank(), 1, "the ladder of the present run");
}

#[test]
fn nobody_is_told_outside_opening_hours_whoever_asks() {
    let wish = wishes::escalate(Level::Director, Clock::Handling, 1);
    for time in [
        "2026-03-10T18:00:01+08:00",
        "2026-03-11T03:00:00+08:00",
        "2026-03-11T12:30:00+08:00",
        "2026-03-14T10:00:00+08:00",
    ] {
        Story::accepted().at(time).says_nothing("timer", &wish);
    }
    for time in ["2026-03-10T18:00:00+08:00", "2026-03-11T09:00:00+08:00"] {
        Story::accepted().at(time).does("timer", wish.clone());
    }
}

#[test]
fn a_comment_resets_no_step_of_the_ladder() {
    Story::accepted()
        .at("2026-03-10T17:30:00+08:00")
        .does("timer", wishes::escalate(Level::Director, Clock::Handling, 1))
        .does("hr-handler", wishes::note("仍在核实"))
        .does("hr-handler-2", wishes::accept())
        .says_nothing("timer", &wishes::escalate(Level::Director, Clock::Handling, 1));
}

#[test]
fn a_clock_that_does_not_run_calls_nobody() {
    let unborn = wishes::escalate(Level::Director, Clock::Explanation, 1);
    Story::opened()
        .at("2026-03-11T09:00:00+08:00")
        .says_nothing("timer", &unborn)
        .says_nothing("timer", &wishes::escalate(Level::Director, Clock::Handling, 2))
        .says_nothing("timer", &wishes::escalate(Level::Director, Clock::Handling, 0));
    let handling = wishes::escalate(Level::Director, Clock::Handling, 1);
    Story::resolved().at("2026-03-11T09:00:00+08:00").says_nothing("timer", &handling);
}

/// Who was told last, of which body, and what was due when.
#[track_caller]
fn told(story: &Story) -> (Role, String, Timestamp) {
    match story.last() {
        CaseEvent::Escalated(data) => (data.told, data.body.clone(), data.due_at),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_escalation_names_who_is_told_and_whose_case_it_is() {
    let due = at("2026-03-10T17:30:00+08:00");
    let (half, first) = (wishes::escalate(Level::Warning50, Clock::Handling, 1), STEPS[0].1);
    let at_center = Story::opened().at(first).does("timer", half);
    assert_eq!(told(&at_center), (Role::Clerk, "donghuashi".to_string(), due));
    let roles = [
        Role::Handler,
        Role::Handler,
        Role::Director,
        Role::DepartmentLead,
        Role::Coordinator,
        Role::Coordinator,
    ];
    for ((level, time), role) in STEPS.into_iter().zip(roles) {
        let wish = wishes::escalate(level, Clock::Handling, 1);
        let story = Story::accepted().at(time).does("timer", wish);
        assert_eq!(told(&story), (role, "hr-public-service".to_string(), due), "{level}");
    }
}

#[test]
fn every_clock_names_the_body_that_owes_what_it_runs_for() {
    let district = Story::new().rules.coordinator.to_string();
    let forwarded = Story::forwarded();
    let returned = Story::forwarded().does("hr-handler", wishes::send_back("civil-affairs"));
    let shared = Story::accepted().does("hr-handler", wishes::assign("disabled-federation"));
    let special = Story::accepted().does("hr-handler", wishes::special());
    let in_rectification = || badly_graded().does("timer", Command::OpenRectification);
    let hr = "hr-public-service";
    for (clock, story, body, role) in [
        (Clock::Handling, Story::opened(), "donghuashi", Role::Clerk),
        (Clock::FirstContact, forwarded, hr, Role::Handler),
        (Clock::Arbitration, returned, &*district, Role::Coordinator),
        (Clock::Part, shared, "disabled-federation", Role::Handler),
        (Clock::Explanation, Story::not_doable(), hr, Role::Handler),
        (Clock::FirstMeeting, convened(), hr, Role::Handler),
        (Clock::SpecialCheck, special, "donghuashi", Role::Director),
        (Clock::Callback, Story::resolved(), hr, Role::Handler),
        (Clock::BadReviewContact, in_rectification(), hr, Role::Handler),
        (Clock::BadReviewFix, in_rectification(), hr, Role::Handler),
    ] {
        let run = story.run_of(clock);
        let warning = ladder(&story.rules.calendar, &run)
            .into_iter()
            .find(|step| step.level == Level::Warning80)
            .expect("every clock here warns");
        let mut story = story;
        story.now = warning.at;
        let wish = wishes::escalate(Level::Warning80, clock, run.occurrence);
        let story = story.does("timer", wish);
        assert_eq!(told(&story), (role, body.to_string(), run.due_at), "{clock}");
    }
}

#[test]
fn a_case_with_feedback_is_closed_and_a_second_closing_says_nothing() {
    let wish = wishes::close(ClosingCode::FeedbackRecorded);
    let story = Story::resolved()
        .refuses("timer", &wish, RefusalCode::WrongState)
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wish.clone())
        .is(CaseState::Closed)
        .runs(&[])
        .says_nothing("timer", &wish);
    let case = story.case();
    assert_eq!(case.closing_code, Some(ClosingCode::FeedbackRecorded));
    assert_eq!(case.erase_after, Some(at("2029-03-03T10:00:00+08:00")));
}

#[test]
fn three_tries_on_two_days_close_a_case() {
    let wish = wishes::close(ClosingCode::NotReached);
    let three_on_one_day = Story::resolved()
        .does("callback", wishes::unanswered())
        .does("callback", wishes::unanswered())
        .refuses("timer", &wish, RefusalCode::WrongState)
        .does("callback", wishes::unanswered())
        .refuses("timer", &wish, RefusalCode::WrongState);
    three_on_one_day
        .at("2026-03-04T09:30:00+08:00")
        .does("callback", wishes::unanswered())
        .does("timer", wish.clone())
        .is(CaseState::Closed);
    Story::resolved()
        .does("callback", wishes::unanswered())
        .at("2026-03-04T09:30:00+08:00")
        .does("callback", wishes::unanswered())
        .refuses("timer", &wish, RefusalCode::WrongState);
}

#[test]
fn a_case_is_closed_when_ten_working_days_have_passed() {
    let wish = wishes::close(ClosingCode::WindowPassed);
    Story::resolved()
        .at("2026-03-17T17:29:59+08:00")
        .refuses("timer", &wish, RefusalCode::WrongState)
        .at("2026-03-17T17:30:00+08:00")
        .does("timer", wish);
}

#[test]
fn an_open_or_withdrawn_case_is_not_closed() {
    for code in ClosingCode::ALL {
        let wish = wishes::close(*code);
        Story::accepted().refuses("timer", &wish, RefusalCode::WrongState);
        let withdrawn = Story::accepted().does("clerk", wishes::withdraw());
        withdrawn.refuses("timer", &wish, RefusalCode::WrongState);
    }
}

#[test]
fn what_a_meeting_gave_to_do_is_done_once() {
    let (done, code) = (wishes::finish_action(1), RefusalCode::NoSuchAction);
    let story = convened()
        .refuses("director", &done, code)
        .does("director", wishes::meet_and_give("civil-affairs"))
        .does("civil-lead", wishes::meet_and_give("clerk"))
        .refuses("director", &wishes::finish_action(0), code)
        .refuses("director", &wishes::finish_action(3), code)
        .at("2026-03-04T10:00:00+08:00")
        .does("civil-handler", done.clone())
        .refuses("civil-handler", &done, code);
    let numbers: Vec<_> = story.case().actions.iter().map(|one| one.number).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(story.case().actions[0].done_at, Some(at("2026-03-04T10:00:00+08:00")));
    let open: Vec<_> = story.case().open_actions().map(|one| one.number).collect();
    assert_eq!(open, [2]);
    let empty = Command::FinishAction { number: 2, result: " ".to_string() };
    story.faults("director", &empty, &["/result"]);
}

#[test]
fn what_is_not_done_at_the_end_of_a_task_force_is_carried_and_may_still_be_done() {
    let with_two = || {
        convened()
            .does("director", wishes::meet_and_give("civil-affairs"))
            .does("director", wishes::meet_and_give("clerk"))
            .does("clerk", wishes::finish_action(1))
    };
    let by_hand = with_two().does("director", wishes::dissolve());
    let by_outcome = with_two().does("hr-handler", wishes::resolve());
    for story in [by_hand, by_outcome] {
        let carried = story.told.iter().find_map(|event| match event {
            CaseEvent::TaskForceDissolved(data) => Some(data.carried.clone()),
            _ => None,
        });
        assert_eq!(carried, Some(vec![2]));
        let flags: Vec<_> = story.case().actions.iter().map(|one| one.carried).collect();
        assert_eq!(flags, [false, true]);
        story.does("clerk", wishes::finish_action(2)).refuses(
            "clerk",
            &wishes::finish_action(2),
            RefusalCode::NoSuchAction,
        );
    }
}
