//! Random stories: any sequence of wishes by anybody at any time. Nothing breaks, and every invariant of
//! `INVARIANTS.md` holds after every event.

use alloc::collections::BTreeSet;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use chrono::TimeDelta;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use proto_events::codes::{
    Cause, CheckLayer, ClosingCode, Complexity, ConveneTrigger, ErasureReason, Exclusion,
    ExplanationMode, PauseReason, Position, ReopenReason, Resolution, ReviewResult, Solved,
    Understood,
};
use proto_events::events::CaseEventKind;
use proto_events::upcast;

use super::codes::NOT_OF_A_CASE;
use super::invariants::{self, Step};
use super::*;
use crate::calendar::tests::china_with_2027;
use crate::command::{CommandKind, CorrectedField, PersonalField};
use crate::timetable::next_due;

const DEPARTMENTS: [&str; 4] =
    ["hr-public-service", "civil-affairs", "medical-insurance", "disabled-federation"];

/// Enough random stories to meet everything several times, in about two seconds.
const STORIES: usize = 256;

/// Wishes of every kind, right and wrong.
fn repertoire() -> Vec<Command> {
    let mut wishes = wishes::one_of_each();
    for department in DEPARTMENTS {
        wishes.extend([
            wishes::forward(department),
            wishes::send_back(department),
            wishes::arbitrate(department),
            wishes::assign(department),
            wishes::finish_part(department),
        ]);
    }
    for name in ["hr-handler", "hr-handler-2", "civil-handler", "medical-lead", "coordinator"] {
        wishes.extend([wishes::accept_for(name), wishes::not_doable(name)]);
    }
    wishes.extend(ReopenReason::ALL.iter().map(|reason| wishes::reopen(*reason)));
    for (solved, grade) in [(Solved::No, 1), (Solved::Partly, 3), (Solved::Yes, 2)] {
        wishes.push(wishes::feedback(solved, grade));
    }
    for understood in Understood::ALL {
        let bodies = ["donghuashi", "hr-bureau"];
        wishes.push(wishes::explain(ExplanationMode::Phone, &bodies, *understood));
        wishes.push(wishes::explain(ExplanationMode::Joint, &bodies, *understood));
    }
    for clock in Clock::ALL {
        for level in proto_events::codes::Level::ALL {
            wishes.push(wishes::escalate(*level, *clock, 1));
        }
    }
    wishes.extend(ClosingCode::ALL.iter().map(|code| wishes::close(*code)));
    wishes.extend(
        Resolution::ALL.iter().map(|resolution| wishes::resolve_as(*resolution, Cause::PolicyGap)),
    );
    wishes.extend(CheckLayer::ALL.iter().map(|layer| wishes::check(*layer)));
    wishes.extend(PauseReason::ALL.iter().map(|reason| wishes::pause(*reason)));
    wishes.extend(Complexity::ALL.iter().map(|complexity| wishes::reclassify(*complexity)));
    wishes.extend([0, 1, 10, 11].map(wishes::extend));
    for field in CorrectedField::ALL {
        wishes.push(wishes::correct(*field, "3"));
    }
    let resealed = Command::Correct {
        field: CorrectedField::Personal(PersonalField::Phone),
        value: None,
        sealed: Some("YW5ldw==".to_string()),
        reason: "号码有误".to_string(),
    };
    wishes.extend([
        resealed,
        Command::Resume { automatic: true },
        wishes::unanswered(),
        wishes::contact(false),
        wishes::convene(ConveneTrigger::ReopenedUnsolved),
        wishes::meet(Position::Object, None),
        wishes::meet_and_give("civil-affairs"),
        wishes::finish_action(2),
        wishes::decline(Exclusion::Abusive, Some("clerk-2")),
        wishes::decline(Exclusion::Abusive, Some("clerk")),
        wishes::request_materials(Some("婚姻状况变更")),
        wishes::decide_special(false),
        wishes::review(ReviewResult::Revoked),
        wishes::erase(ErasureReason::Retention),
        wishes::note(&wishes::telling_a_phone()),
        wishes::note("请打一三八一二三四五六七八"),
    ]);
    wishes
}

/// Wishes that lead somewhere only one after another; what a rule refuses on the way is passed over.
fn chains() -> Vec<Vec<Command>> {
    let checks = || CheckLayer::ALL.iter().map(|layer| wishes::check(*layer));
    let special = |approved| {
        let mut chain = vec![wishes::special()];
        chain.extend(checks());
        chain.push(wishes::decide_special(approved));
        chain
    };
    let by_special = wishes::resolve_as(Resolution::SpecialHandling, Cause::MaterialsThirdParty);
    let mut approved = special(true);
    approved.push(by_special.clone());
    let mut revoked = special(true);
    revoked.extend([wishes::review(ReviewResult::Revoked), by_special]);
    let tries = vec![wishes::unanswered(), wishes::unanswered(), wishes::unanswered()];
    vec![
        vec![wishes::forward("hr-public-service"), wishes::accept()],
        vec![wishes::forward("civil-affairs"), wishes::send_back("medical-insurance")],
        vec![
            wishes::forward("civil-affairs"),
            wishes::send_back("medical-insurance"),
            wishes::forward("civil-affairs"),
            wishes::forward("medical-insurance"),
            wishes::send_back("civil-affairs"),
            wishes::forward("hr-public-service"),
            wishes::send_back("hr-bureau"),
        ],
        vec![wishes::arbitrate("civil-affairs"), wishes::send_back("medical-insurance")],
        approved,
        revoked,
        special(false),
        tries,
        vec![wishes::resolve(), wishes::feedback(Solved::Yes, 5), wishes::close_after_feedback()],
        vec![
            wishes::resolve(),
            wishes::feedback(Solved::No, 1),
            wishes::close_after_feedback(),
            Command::OpenRectification,
            wishes::contact(true),
            wishes::complete(),
            wishes::close_after_feedback(),
        ],
        vec![wishes::request_materials(None), wishes::request_materials(None)],
        vec![wishes::extend(3), wishes::extend(3)],
        vec![wishes::resolve(), wishes::reopen(ReopenReason::NotSolved)],
        vec![wishes::resolve(), wishes::erase(ErasureReason::Request)],
        vec![
            wishes::convene(ConveneTrigger::Person),
            wishes::meet_and_give("clerk"),
            wishes::convene(ConveneTrigger::Person),
            wishes::dissolve(),
            wishes::finish_action(1),
        ],
    ]
}

/// Who attempts what.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// The very wish, by the very person.
    Blind,
    /// The very wish, by the next person who may wish it.
    Allowed,
    /// The next pair of wish and person that leads to something, so that stories get far.
    Granted,
    /// A chain of wishes, each by the next person to whom it is granted.
    Chain,
    /// Whatever the timer has to do.
    Timer,
    /// A new year is published.
    Calendar,
}

/// One attempt: after so many minutes, a wish, a person, and how strictly these are meant.
type Attempt = (i64, usize, usize, Choice);

fn attempts() -> impl Strategy<Value = Vec<Attempt>> {
    let waits = prop_oneof![12 => 0..60_i64, 3 => 0..3000_i64, 2 => 0..40_000_i64];
    let choice = prop_oneof![
        4 => Just(Choice::Blind),
        12 => Just(Choice::Allowed),
        12 => Just(Choice::Granted),
        9 => Just(Choice::Chain),
        4 => Just(Choice::Timer),
        1 => Just(Choice::Calendar),
    ];
    prop::collection::vec((waits, any::<usize>(), any::<usize>(), choice), 1..40)
}

/// Where stories begin: an ordinary week, before a festival, and at the end of the published years.
const BEGINNINGS: [&str; 4] = [
    "2026-03-03T10:00:00+08:00",
    "2026-02-12T16:00:00+08:00",
    "2026-09-29T10:00:00+08:00",
    "2026-12-29T10:00:00+08:00",
];

/// People and wishes, made once for all stories.
struct Cast {
    wishes: Vec<Command>,
    chains: Vec<Vec<Command>>,
    staff: Vec<Actor>,
}

impl Cast {
    fn new() -> Self {
        Self { wishes: repertoire(), chains: chains(), staff: staff() }
    }

    fn people_from(&self, person: usize) -> impl Iterator<Item = &Actor> {
        let count = self.staff.len();
        (0..count).map(move |step| &self.staff[(person + step) % count])
    }

    fn next_allowed(&self, story: &Story, command: &Command, person: usize) -> Option<&Actor> {
        self.people_from(person).find(|actor| {
            permission::may(actor.role, command.kind())
                && !matches!(story.wish_of(actor, command), Err(Refusal::Forbidden(_)))
        })
    }

    fn next_granted(&self, story: &Story, command: &Command, person: usize) -> Option<&Actor> {
        self.people_from(person).find(|actor| {
            permission::may(actor.role, command.kind())
                && permission::in_scope(actor, command.kind(), story.case())
                && story.wish_of(actor, command).is_ok_and(|told| !told.is_empty())
        })
    }

    fn first_granted(
        &self,
        story: &Story,
        wish: usize,
        person: usize,
    ) -> Option<(&Actor, &Command)> {
        let count = self.wishes.len();
        // A stride, so that what stands behind many useless wishes is not chosen more often.
        (0..count)
            .map(|step| &self.wishes[(wish + step * 37) % count])
            .filter(|command| !is_dull(story, command.kind()))
            .find_map(|command| Some((self.next_granted(story, command, person)?, command)))
    }
}

/// Possible nearly always and leading nowhere, or ending the story; these come up unguided.
fn is_dull(story: &Story, kind: CommandKind) -> bool {
    use CommandKind::{
        Contact, Correct, Decline, ErasePersonalData, Link, NoteProgress, ReceiveMaterials, Reopen,
        Transfer, Urge, Withdraw,
    };
    matches!(
        kind,
        Contact
            | Correct
            | Decline
            | ErasePersonalData
            | Link
            | NoteProgress
            | ReceiveMaterials
            | Transfer
            | Urge
            | Withdraw
    ) || (kind == Reopen && story.case().is_open())
}

/// What came up in the telling of stories.
#[derive(Debug, Default)]
struct Seen {
    states: BTreeSet<CaseState>,
    events: BTreeSet<CaseEventKind>,
    refusals: BTreeSet<RefusalCode>,
    granted: BTreeSet<CommandKind>,
    steps: usize,
}

/// Carries out one wish, asking every invariant on the way; says whether it led to something.
fn attempt(story: &mut Story, actor: &Actor, command: &Command, seen: &mut Seen) -> bool {
    let before = story.case.clone();
    let answer = story.wish_of(actor, command);
    assert_eq!(answer, story.wish_of(actor, command), "C21: a decision depends on nothing else");
    assert_eq!(story.case, before, "C21: a decision changes nothing by itself");
    let events = match answer {
        Ok(events) => events,
        Err(Refusal::Rule { code, .. }) => {
            seen.refusals.insert(code);
            return false;
        }
        Err(_) => return false,
    };
    if !events.is_empty() {
        seen.granted.insert(command.kind());
    }
    let count = events.len();
    for (index, event) in events.into_iter().enumerate() {
        let body = event.to_body();
        let read = upcast::read(event.event_type(), &body).unwrap();
        assert_eq!(read, event, "C21: it survives the log");
        let before = story.case.clone();
        seen.events.insert(event.kind());
        seen.steps += 1;
        story.fold(actor, event);
        seen.states.insert(story.case().state);
        let step = Step {
            before: before.as_ref(),
            after: story.case(),
            event: story.last(),
            actor,
            rules: &story.rules,
            is_within: index + 1 < count,
        };
        for (id, holds) in invariants::ALL {
            assert!(
                holds(&step),
                "{id} is broken by {command:?} of {}: {:?}\nbefore: {before:#?}\nafter: {:#?}",
                actor.username,
                step.event,
                step.after
            );
        }
    }
    count > 0
}

/// Everything that the timer does now, in its order.
fn timer(story: &mut Story, seen: &mut Seen) {
    let actor = who("timer");
    attempt(story, &actor, &Command::Resume { automatic: true }, seen);
    attempt(story, &actor, &Command::RecalculateDeadline, seen);
    let case = story.case().clone();
    for run in case.clocks() {
        let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
        for step in due_steps(&story.rules.calendar, &run, fired, story.now) {
            let wish = wishes::escalate(step.level, run.clock, run.occurrence);
            assert!(attempt(story, &actor, &wish, seen), "what is due is granted: {wish:?}");
        }
    }
    attempt(story, &actor, &wishes::close(ClosingCode::WindowPassed), seen);
}

/// Sleeps until the timer has something to do.
fn until_due(story: &mut Story) {
    let case = story.case();
    let steps = case.clocks().into_iter().filter_map(|run| {
        let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
        next_due(&story.rules.calendar, &run, fired, story.now)
    });
    let next = steps.chain(case.pause.as_ref().map(|pause| pause.until)).min();
    story.now = next.map_or(story.now, |next| next.max(story.now));
}

/// Goes through a chain of wishes, with so many minutes between them.
fn follow(
    story: &mut Story,
    cast: &Cast,
    chain: usize,
    person: usize,
    minutes: i64,
    seen: &mut Seen,
) {
    for command in &cast.chains[chain % cast.chains.len()] {
        let actor = cast
            .next_granted(story, command, person)
            .or_else(|| cast.next_allowed(story, command, person));
        if let Some(actor) = actor {
            attempt(story, actor, command, seen);
        }
        story.now += TimeDelta::minutes(minutes);
    }
}

/// Tells a whole story; the number says where in the year it begins and with what.
fn tell(number: usize, attempts: Vec<Attempt>, cast: &Cast, seen: &mut Seen) {
    let beginning = BEGINNINGS[number % BEGINNINGS.len()];
    let mut story = Story::beginning(beginning).does("clerk", wishes::open());
    if !number.is_multiple_of(3) {
        follow(&mut story, cast, 0, number, 1, seen);
    }
    let minutes = attempts.first().map_or(0, |(minutes, ..)| *minutes);
    follow(&mut story, cast, number / 3, number, minutes, seen);
    for (minutes, wish, person, choice) in attempts {
        story.now += TimeDelta::minutes(minutes);
        let command = &cast.wishes[wish % cast.wishes.len()];
        let person = person % cast.staff.len();
        let chosen = match choice {
            Choice::Blind => Some((&cast.staff[person], command)),
            Choice::Allowed => {
                cast.next_allowed(&story, command, person).map(|actor| (actor, command))
            }
            Choice::Granted => cast.first_granted(&story, wish % cast.wishes.len(), person),
            Choice::Chain => {
                follow(&mut story, cast, wish, person, minutes, seen);
                None
            }
            Choice::Timer => {
                until_due(&mut story);
                timer(&mut story, seen);
                None
            }
            Choice::Calendar => {
                story.rules.calendar = china_with_2027();
                attempt(&mut story, &who("timer"), &Command::RecalculateDeadline, seen);
                None
            }
        };
        if let Some((actor, command)) = chosen {
            attempt(&mut story, actor, command, seen);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_sequence_of_wishes_keeps_what_always_holds(number in any::<usize>(), attempts in attempts()) {
        tell(number, attempts, &Cast::new(), &mut Seen::default());
    }
}

/// Without this the property could hold because nothing ever happens.
#[test]
fn random_stories_come_to_every_state_event_and_refusal_that_commands_lead_to() {
    let cast = Cast::new();
    let mut runner = TestRunner::deterministic();
    let mut seen = Seen::default();
    for number in 0..STORIES {
        let attempts = attempts().new_tree(&mut runner).unwrap().current();
        tell(number, attempts, &cast, &mut seen);
    }
    let missing: Vec<_> = CaseState::ALL.iter().filter(|one| !seen.states.contains(one)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // The opening begins each story, and what an earlier register had is told in `import`.
    let missing: Vec<_> = CaseEventKind::ALL
        .iter()
        .filter(|one| {
            let begins = [CaseEventKind::Opened, CaseEventKind::Imported].contains(*one);
            !seen.events.contains(one) && !begins
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let missing: Vec<_> = CommandKind::ALL
        .iter()
        .filter(|one| {
            let begins = [CommandKind::Open, CommandKind::Import].contains(*one);
            !seen.granted.contains(one) && !begins
        })
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    let missing: Vec<_> = RefusalCode::ALL
        .iter()
        .filter(|one| **one != RefusalCode::ImportedBefore)
        .filter(|one| !seen.refusals.contains(one) && !NOT_OF_A_CASE.contains(&one.code()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert!(seen.steps > 2_000, "{} events are too few to say anything", seen.steps);
}

#[test]
fn every_invariant_of_the_page_is_asked_and_every_asked_one_is_on_the_page() {
    let page = include_str!("../../../INVARIANTS.md");
    let named: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| C"))
        .filter_map(|rest| rest.split(' ').next())
        .collect();
    let mut asked: Vec<&str> =
        invariants::ALL.iter().filter_map(|(id, _)| id.strip_prefix('C')).collect();
    asked.insert(20, "21");
    assert_eq!(named, asked);
}
