//! The record itself: corrections, links, the way to another body, and forgetting.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proto_events::codes::{
    CaseState, Channel, Clock, ErasureReason, LinkRelation, ReopenReason, Solved, Stage,
};
use proto_events::events::CaseEvent;
use proto_events::ids::CaseId;

use super::*;
use crate::command::{Command, CorrectedField, PersonalField};
use crate::reaction::link_back;
use crate::refusal::RefusalCode;

fn without_value(field: CorrectedField) -> Command {
    Command::Correct { field, value: None, sealed: None, reason: "登记时听错".to_string() }
}

fn sealed(field: PersonalField) -> Command {
    Command::Correct {
        field: CorrectedField::Personal(field),
        value: Some("张三".to_string()),
        sealed: Some("c2VhbGVkIGFuZXc=".to_string()),
        reason: "登记时听错".to_string(),
    }
}

fn closed() -> Story {
    Story::resolved()
        .does("callback", wishes::feedback(Solved::Yes, 5))
        .does("timer", wishes::close_after_feedback())
}

#[test]
fn what_was_written_down_wrongly_is_put_right_and_the_history_stays() {
    use CorrectedField as F;
    let story = Story::resolved()
        .does("clerk", wishes::correct(F::Demand, "想补办社保卡"))
        .does("clerk", wishes::correct(F::Summary, "来过三次"))
        .does("clerk", wishes::correct(F::Matter, "社保卡补办"))
        .does("director", wishes::correct(F::BlockedStage, "approve"))
        .does("director", wishes::correct(F::Channel, "phone"))
        .does("coordinator", wishes::correct(F::AttemptsBefore, " 3 "));
    let case = story.case();
    assert_eq!((case.demand.as_str(), case.matter.name.as_str()), ("想补办社保卡", "社保卡补办"));
    assert_eq!(case.summary.as_deref(), Some("来过三次"));
    assert_eq!((case.blocked_stage, case.channel), (Stage::Approve, Channel::Phone));
    assert_eq!(case.attempts_before, 3);
    let fields: Vec<_> = case.corrections.iter().map(|one| one.field.as_str()).collect();
    let named: Vec<_> = CorrectedField::ALL[..6].iter().map(|field| field.name()).collect();
    assert_eq!(fields, named);
    let CaseEvent::Opened(opened) = &story.told[0] else { panic!("{:?}", story.told[0]) };
    assert_eq!(opened.demand, wishes::opening().demand, "history is never edited");
    story.is(CaseState::Resolved).runs(&[(Clock::Callback, 1)]);
}

#[test]
fn a_correction_that_makes_no_sense_is_told_why() {
    use CorrectedField as F;
    for (field, value) in [
        (F::Demand, " "),
        (F::Matter, ""),
        (F::BlockedStage, "nowhere"),
        (F::BlockedStage, ""),
        (F::Channel, "smoke"),
        (F::AttemptsBefore, "many"),
        (F::AttemptsBefore, "1000"),
        (F::AttemptsBefore, "-1"),
    ] {
        let story = Story::opened();
        let answer = story.wish("clerk", &wishes::correct(field, value));
        let Err(Refusal::Invalid(faults)) = answer else { panic!("{field:?} {value}: {answer:?}") };
        assert!(faults.iter().all(|fault| fault.pointer == "/value"), "{faults:?}");
    }
    Story::opened().faults("clerk", &without_value(F::Demand), &["/value"]).faults(
        "clerk",
        &without_value(F::Personal(PersonalField::Phone)),
        &["/value"],
    );
    let silent = Command::Correct {
        field: F::Demand,
        value: Some("想补办社保卡".to_string()),
        sealed: None,
        reason: " ".to_string(),
    };
    Story::opened().faults("clerk", &silent, &["/reason"]);
}

#[test]
fn to_write_what_stands_there_already_says_nothing() {
    let demand = wishes::opening().demand;
    Story::opened()
        .says_nothing("clerk", &wishes::correct(CorrectedField::Demand, &demand))
        .says_nothing("clerk", &wishes::correct(CorrectedField::AttemptsBefore, "02"))
        .says_nothing("clerk", &without_value(CorrectedField::Summary));
}

#[test]
fn an_account_of_before_may_be_taken_out() {
    let story = Story::opened()
        .does("clerk", wishes::correct(CorrectedField::Summary, "来过三次"))
        .does("clerk", without_value(CorrectedField::Summary));
    assert_eq!(story.case().summary, None);
}

#[test]
fn a_personal_field_stands_sealed_in_the_event_and_nowhere_in_clear() {
    for field in [
        PersonalField::Name,
        PersonalField::Phone,
        PersonalField::IdNumber,
        PersonalField::Address,
        PersonalField::Care,
    ] {
        let story = Story::opened().does("clerk", sealed(field));
        let CaseEvent::Corrected(data) = story.last() else { panic!("{:?}", story.last()) };
        assert_eq!((&data.value, data.sealed.as_deref()), (&None, Some("c2VhbGVkIGFuZXc=")));
        assert_eq!(story.case().applicant.sealed, "c2VhbGVkIGFuZXc=");
        assert!(!format!("{:?}", story.case()).contains("张三"));
    }
}

#[test]
fn a_telephone_number_is_no_demand() {
    let phone = wishes::telling_a_phone();
    let code = RefusalCode::PiiInText;
    for field in [CorrectedField::Demand, CorrectedField::Summary, CorrectedField::Matter] {
        Story::opened().refuses("clerk", &wishes::correct(field, &phone), code);
    }
    let Command::Correct { field, value, sealed, .. } = sealed(PersonalField::Name) else {
        unreachable!("it is a correction")
    };
    let talkative = Command::Correct { field, value, sealed, reason: phone };
    Story::opened().refuses("clerk", &talkative, code);
}

#[test]
fn who_was_forgotten_is_not_written_down_again() {
    let forgotten = closed().does("privacy-officer", wishes::erase(ErasureReason::Request));
    let copy = Story::opened().does("clerk", sealed(PersonalField::Phone)).last().clone();
    let story = forgotten
        .refuses("clerk", &sealed(PersonalField::Phone), RefusalCode::WrongState)
        .does("clerk", wishes::correct(CorrectedField::Demand, "想补办社保卡"))
        // An event that was on its way.
        .happened("clerk", copy);
    assert!(story.case().applicant.sealed.is_empty());
}

#[test]
fn a_case_is_linked_to_another_once_and_never_to_itself() {
    let story = Story::opened();
    let own = story.case().case_id;
    let to_self = Command::Link {
        other: own,
        relation: LinkRelation::Related,
        note: None,
        reciprocal: false,
    };
    let story = story
        .faults("clerk", &to_self, &["/case_id"])
        .does("clerk", wishes::link(LinkRelation::Related))
        .says_nothing("director", &wishes::link(LinkRelation::Related))
        .does("clerk", wishes::link(LinkRelation::Earlier));
    assert_eq!(story.case().links.len(), 2);
    closed().does("clerk", wishes::link(LinkRelation::Later)).is(CaseState::Closed);
}

#[test]
fn the_house_links_the_other_case_back_once_and_does_not_echo() {
    let here = Story::opened().does("clerk", wishes::link(LinkRelation::Earlier));
    let own = here.case().case_id;
    let (other, back) = link_back(own, here.last()).expect("a person linked it");
    assert_eq!(other, CaseId::of_key(&"longtan".parse().unwrap(), "other"));
    let Command::Link { other: target, relation, reciprocal, .. } = &back else {
        panic!("{back:?}")
    };
    assert_eq!((*target, *relation, *reciprocal), (own, LinkRelation::Later, true));
    // Told about another case than its own, which is this one here.
    let foreign = wishes::link(LinkRelation::Later);
    let Command::Link { other, .. } = foreign else { unreachable!("it is a link") };
    let back = Command::Link { other, relation: LinkRelation::Later, note: None, reciprocal: true };
    let there = Story::opened().does("timer", back.clone());
    assert_eq!(link_back(own, there.last()), None);
    there.says_nothing("timer", &back);
    // Whoever linked both by hand is not told a third time.
    here.says_nothing("timer", &back);
}

#[test]
fn every_relation_turned_around_twice_is_itself() {
    for relation in LinkRelation::ALL {
        assert_eq!(relation.reciprocal().reciprocal(), *relation);
    }
}

#[test]
fn a_case_of_another_body_is_handed_to_it_with_a_receipt() {
    let nothing =
        Command::Transfer { body: String::new(), receipt: " ".to_string(), reason: String::new() };
    Story::accepted().faults("hr-lead", &nothing, &["/body", "/receipt", "/reason"]);
    for story in [Story::opened(), Story::forwarded(), Story::accepted(), Story::not_doable()] {
        let story = story
            .does("clerk", wishes::transfer())
            .is(CaseState::Transferred)
            .runs(&[])
            .refuses("clerk", &wishes::transfer(), RefusalCode::WrongState)
            .does("clerk", wishes::reopen(ReopenReason::NewFact))
            .is(CaseState::Transferred);
        assert_eq!(story.case().outcome.as_ref().unwrap().kind, CaseState::Transferred);
        assert_eq!((story.case().reopen_count, story.case().reopen_wishes), (0, 1));
    }
    Story::resolved().refuses("clerk", &wishes::transfer(), RefusalCode::WrongState);
    Story::accepted().forbids("hr-handler", &wishes::transfer());
}

#[test]
fn a_person_is_forgotten_when_he_asks_and_nobody_works_for_him() {
    let wish = wishes::erase(ErasureReason::Request);
    for story in [Story::opened(), Story::accepted(), Story::not_doable()] {
        story.refuses("privacy-officer", &wish, RefusalCode::WrongState);
    }
    for story in [Story::resolved(), closed(), Story::opened().does("clerk", wishes::withdraw())] {
        let state = story.case().state;
        let story = story.does("privacy-officer", wish.clone()).is(state);
        assert!(story.case().erased && story.case().applicant.sealed.is_empty());
        story
            .says_nothing("privacy-officer", &wish)
            .says_nothing("timer", &wishes::erase(ErasureReason::Retention))
            .forbids("coordinator", &wish);
    }
}

#[test]
fn a_person_is_forgotten_when_the_years_are_over() {
    let wish = wishes::erase(ErasureReason::Retention);
    Story::resolved().at("2040-03-03T10:00:00+08:00").refuses(
        "timer",
        &wish,
        RefusalCode::WrongState,
    );
    for story in [
        closed(),
        Story::opened().does("clerk", wishes::withdraw()),
        Story::accepted().does("clerk", wishes::transfer()),
    ] {
        let story = story
            .at("2029-03-03T09:59:59+08:00")
            .refuses("timer", &wish, RefusalCode::WrongState)
            .refuses("privacy-officer", &wish, RefusalCode::WrongState)
            .refuses("timer", &wishes::erase(ErasureReason::Request), RefusalCode::WrongState)
            .at("2029-03-03T10:00:00+08:00")
            .does("timer", wish.clone());
        assert!(story.case().erased);
    }
}

#[test]
fn a_reopened_case_keeps_its_person_until_it_is_over_again() {
    closed()
        .does("clerk", wishes::reopen(ReopenReason::NewFact))
        .at("2030-03-04T10:00:00+08:00")
        .refuses("timer", &wishes::erase(ErasureReason::Retention), RefusalCode::WrongState);
}
