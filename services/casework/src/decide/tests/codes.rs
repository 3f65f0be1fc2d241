//! Every refusal code has a story and a wish that it answers: a code that no rule speaks is a promise to nobody.

use proto_events::codes::{
    CheckLayer, ClosingCode, ConveneTrigger, PauseReason, ReopenReason, Solved,
};

use super::*;
use crate::command::Command;
use crate::refusal::RefusalCode;

/// The codes that no decision on a case speaks, and who does.
pub(super) const NOT_OF_A_CASE: &[&str] = &[
    // Intake knows whether the same applicant has the same matter open: no case knows of another.
    "duplicate_case",
    // The rules of a center's day: `casework::centers`.
    "day_closed",
    // What the district keeps of its cases: `casework::learning`.
    "not_a_precedent",
    "precedent_retired",
    "conditions_unmet",
    "improvement_open",
    "too_early",
    "not_better",
];

/// A story, a person and the wish that is refused with the code; none where the refusal is not about a case.
fn example(code: RefusalCode) -> Option<(Story, &'static str, Command)> {
    let after_due = "2026-03-10T17:30:01+08:00";
    let example = match code {
        RefusalCode::WrongState => (Story::resolved(), "hr-handler", wishes::resolve()),
        RefusalCode::PiiInText => {
            (Story::opened(), "clerk", wishes::note(&wishes::telling_a_phone()))
        }
        RefusalCode::PingPong => (
            Story::forwarded().does("hr-handler", wishes::send_back("civil-affairs")),
            "clerk",
            wishes::forward("hr-public-service"),
        ),
        RefusalCode::ReturnTooLate => {
            (Story::forwarded().at(after_due), "hr-handler", wishes::send_back("civil-affairs"))
        }
        RefusalCode::ReturnLimit => (
            Story::opened()
                .does("clerk", wishes::forward("civil-affairs"))
                .does("civil-handler", wishes::send_back("medical-insurance"))
                .does("clerk", wishes::forward("medical-insurance"))
                .does("medical-handler", wishes::send_back("civil-affairs"))
                .does("clerk", wishes::forward("hr-public-service")),
            "hr-handler",
            wishes::send_back("hr-bureau"),
        ),
        RefusalCode::Arbitrated => (
            Story::opened().does("coordinator", wishes::arbitrate("hr-public-service")),
            "hr-handler",
            wishes::send_back("civil-affairs"),
        ),
        RefusalCode::PartsOpen => (
            Story::accepted().does("hr-handler", wishes::assign("disabled-federation")),
            "hr-handler",
            wishes::resolve(),
        ),
        RefusalCode::NoSuchPart => {
            (Story::accepted(), "coordinator", wishes::finish_part("disabled-federation"))
        }
        RefusalCode::OneTimeNotice => (
            Story::accepted().does("hr-handler", wishes::request_materials(None)),
            "hr-handler",
            wishes::request_materials(None),
        ),
        RefusalCode::SamePerson => {
            (Story::accepted(), "hr-handler", wishes::not_doable("hr-handler"))
        }
        RefusalCode::LayerMissing => (
            Story::accepted().does("hr-handler", wishes::special()),
            "coordinator",
            wishes::check(CheckLayer::District),
        ),
        RefusalCode::SpecialHandlingMissing => (
            Story::accepted(),
            "hr-handler",
            wishes::resolve_as(
                proto_events::codes::Resolution::SpecialHandling,
                proto_events::codes::Cause::PolicyGap,
            ),
        ),
        RefusalCode::PauseOverdue => (
            Story::accepted().at(after_due),
            "director",
            wishes::pause(PauseReason::WaitingApplicant),
        ),
        RefusalCode::TooLate => (Story::accepted().at(after_due), "director", wishes::extend(5)),
        RefusalCode::ExtendedAlready => {
            (Story::accepted().does("director", wishes::extend(5)), "director", wishes::extend(5))
        }
        RefusalCode::SelfFeedback => {
            (Story::resolved(), "hr-handler", wishes::feedback(Solved::Yes, 5))
        }
        RefusalCode::ReopenTooLate => (
            Story::resolved().at("2026-03-17T17:30:01+08:00"),
            "clerk",
            wishes::reopen(ReopenReason::NotSolved),
        ),
        RefusalCode::AlreadyTaskForce => (
            Story::accepted().does("director", wishes::convene(ConveneTrigger::Person)),
            "director",
            wishes::convene(ConveneTrigger::Person),
        ),
        RefusalCode::ImportedBefore => (Story::opened(), "timer", wishes::import()),
        RefusalCode::NoSuchAction => (Story::accepted(), "clerk", wishes::finish_action(1)),
        RefusalCode::RectificationOpen => (
            Story::resolved().does("callback", wishes::feedback(Solved::No, 1)),
            "timer",
            wishes::close(ClosingCode::FeedbackRecorded),
        ),
        _ => return None,
    };
    Some(example)
}

#[test]
fn every_refusal_code_is_spoken_by_a_rule() {
    for code in RefusalCode::ALL {
        let is_of_a_case = !NOT_OF_A_CASE.contains(&code.code());
        match example(*code) {
            Some((story, person, wish)) => {
                assert!(is_of_a_case, "{}", code.code());
                story.refuses(person, &wish, *code);
            }
            None => assert!(!is_of_a_case, "{} has no example", code.code()),
        }
    }
}
