//! Rules of the decisions, told as given / when / then.
//!
//! A [`Story`] is a case told by decisions: what was granted is folded, what was refused leaves the case alone.
//! [`Story::happened`] folds an event that no decision of today leads to, as an old log may hold it.

mod bad_reviews;
mod calls;
mod clocks;
mod codes;
mod ending;
mod escalation;
mod import;
mod intake;
mod invariants;
mod joint;
mod next;
mod people;
mod permissions;
mod random;
mod reactions;
mod reclassify;
mod record;
mod register;
mod routing;
mod special;
mod states;
mod stories;
mod texts;
mod wishes;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{CaseState, Clock};
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CommandId, EventId};

use self::people::{district, staff, who};
use super::decide;
use crate::calendar::tests::at;
use crate::case::{Case, EventMeta};
use crate::command::{Actor, Command, Context};
use crate::permission;
use crate::refusal::{Refusal, RefusalCode};
use crate::rules::Rules;
use crate::timetable::{ClockRun, due_steps};

/// A case as it is told.
struct Story {
    rules: Rules,
    now: Timestamp,
    case: Option<Case>,
    told: Vec<CaseEvent>,
}

impl Story {
    /// Nothing has happened yet; it is Tuesday 3 March 2026, 10:00, an ordinary week.
    fn new() -> Self {
        Self::beginning("2026-03-03T10:00:00+08:00")
    }

    fn beginning(time: &str) -> Self {
        Self::beginning_at(at(time))
    }

    fn beginning_at(now: Timestamp) -> Self {
        Self { rules: district(), now, case: None, told: Vec::new() }
    }

    /// A complex case at Donghuashi, due on Tuesday 10 March 17:30.
    fn opened() -> Self {
        Self::new().does("clerk", wishes::open())
    }

    /// … handed to the public service center for human resources.
    fn forwarded() -> Self {
        Self::opened().does("clerk", wishes::forward("hr-public-service"))
    }

    /// … and signed for.
    fn accepted() -> Self {
        Self::forwarded().does("hr-handler", wishes::accept())
    }

    /// … and resolved the same morning.
    fn resolved() -> Self {
        Self::accepted().does("hr-handler", wishes::resolve())
    }

    /// … or determined not doable.
    fn not_doable() -> Self {
        Self::accepted().does("hr-handler", wishes::not_doable("hr-lead"))
    }

    fn at(mut self, time: &str) -> Self {
        self.now = at(time);
        self
    }

    fn wish_of(&self, actor: &Actor, command: &Command) -> Result<Vec<CaseEvent>, Refusal> {
        let second = command
            .second_person()
            .and_then(|(name, _)| staff().into_iter().find(|person| person.username == name));
        let context = Context { now: self.now, actor, second: second.as_ref(), rules: &self.rules };
        decide(self.case.as_ref(), command, &context)
    }

    fn wish(&self, person: &str, command: &Command) -> Result<Vec<CaseEvent>, Refusal> {
        self.wish_of(&who(person), command)
    }

    /// Folds an event as the log would give it back.
    fn fold(&mut self, actor: &Actor, event: CaseEvent) {
        let sequence = self.told.len() as u64 + 1;
        let case_id = CaseId::of_key(&"donghuashi".parse().unwrap(), "story");
        let command_id = CommandId::of_timer(case_id, &sequence.to_string());
        let meta = EventMeta {
            id: EventId::of_command(command_id, 0),
            command_id,
            case_id,
            sequence,
            time: self.now,
            actor: actor.username.clone(),
            role: actor.role,
        };
        self.case = Case::step(self.case.take(), &meta, &event);
        self.told.push(event);
    }

    /// The wish is granted and leads to something.
    #[track_caller]
    fn does(mut self, person: &str, command: Command) -> Self {
        let actor = who(person);
        match self.wish_of(&actor, &command) {
            Ok(events) => {
                assert!(!events.is_empty(), "{person}: {command:?} led to nothing");
                for event in events {
                    self.fold(&actor, event);
                }
            }
            Err(refusal) => panic!("{person}: {command:?} was refused: {refusal:?}"),
        }
        self
    }

    /// A fact that no decision of today leads to.
    fn happened(mut self, person: &str, event: impl Into<CaseEvent>) -> Self {
        self.fold(&who(person), event.into());
        self
    }

    /// Lets the timer take every step of every clock whose time has come.
    #[track_caller]
    fn ticks(mut self) -> Self {
        for run in self.case().clocks() {
            let fired = |level| self.case().has_escalated(run.clock, run.occurrence, level);
            for step in due_steps(&self.rules.calendar, &run, fired, self.now) {
                self = self.does("timer", wishes::escalate(step.level, run.clock, run.occurrence));
            }
        }
        self
    }

    /// The wish is granted, being true already.
    #[track_caller]
    fn says_nothing(self, person: &str, command: &Command) -> Self {
        assert_eq!(self.wish(person, command), Ok(Vec::new()), "{person}: {command:?}");
        self
    }

    /// A rule says no.
    #[track_caller]
    fn refuses(self, person: &str, command: &Command, expected: RefusalCode) -> Self {
        match self.wish(person, command) {
            Err(Refusal::Rule { code, detail }) => {
                assert_eq!(code, expected, "{person}: {command:?}: {detail}");
                assert!(!detail.is_empty(), "a refusal says why");
            }
            other => panic!("{person}: {command:?} should be refused {expected:?}, not {other:?}"),
        }
        self
    }

    /// The wish itself is wrong, in these fields and no other.
    #[track_caller]
    fn faults(self, person: &str, command: &Command, pointers: &[&str]) -> Self {
        match self.wish(person, command) {
            Err(Refusal::Invalid(faults)) => {
                let found: Vec<_> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
                assert_eq!(found, pointers, "{person}: {command:?}");
            }
            other => panic!("{person}: {command:?} should be invalid, not {other:?}"),
        }
        self
    }

    #[track_caller]
    fn forbids(self, person: &str, command: &Command) -> Self {
        let answer = self.wish(person, command);
        assert!(matches!(answer, Err(Refusal::Forbidden(_))), "{person}: {command:?}: {answer:?}");
        self
    }

    #[track_caller]
    fn is(self, state: CaseState) -> Self {
        assert_eq!(self.case().state, state);
        self
    }

    #[track_caller]
    fn promises(self, time: &str) -> Self {
        assert_eq!(self.case().due_at, at(time));
        self
    }

    /// Every clock that runs, with the number of its run.
    #[track_caller]
    fn runs(self, expected: &[(Clock, u32)]) -> Self {
        let found: Vec<_> =
            self.case().clocks().iter().map(|run| (run.clock, run.occurrence)).collect();
        assert_eq!(found, expected);
        self
    }

    #[track_caller]
    fn case(&self) -> &Case {
        self.case.as_ref().expect("the story begins with an opening")
    }

    #[track_caller]
    fn last(&self) -> &CaseEvent {
        self.told.last().expect("something was told")
    }

    /// The run of a clock that runs now.
    #[track_caller]
    fn run_of(&self, clock: Clock) -> ClockRun {
        let runs = self.case().clocks();
        runs.into_iter().find(|run| run.clock == clock).expect("the clock runs")
    }

    /// The names of the events from this one on.
    fn names_from(&self, first: usize) -> Vec<&'static str> {
        self.told.iter().skip(first).map(|event| event.kind().name()).collect()
    }
}

/// A text of so many characters.
fn long(chars: usize) -> String {
    "长".repeat(chars)
}

#[test]
fn a_command_to_a_case_that_does_not_exist_finds_nothing() {
    assert_eq!(Story::new().wish("clerk", &wishes::withdraw()), Err(Refusal::NotFound));
    assert_eq!(Story::new().wish("hr-handler", &wishes::accept()), Err(Refusal::NotFound));
}

#[test]
fn who_may_not_is_told_so_before_anything_else() {
    Story::new().forbids("auditor", &wishes::open());
    Story::new().forbids("auditor", &wishes::withdraw());
    Story::opened().forbids("clerk", &wishes::arbitrate("no-such-department"));
}

#[test]
fn a_faulty_wish_is_told_its_faults_before_the_rules_of_the_work() {
    Story::resolved().faults("clerk", &wishes::forward("no-such-department"), &["/department"]);
}
