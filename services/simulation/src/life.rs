//! One case on its way: wishes are decided by the real rules, and between them the clocks and the reactions do what
//! the live ones would do.
//!
//! Invariants: no rule is repeated here; what a clock or a reaction does has the id that the live one would give
//! it, so that the live ones find everything done; time never goes back.

use std::sync::Arc;

use casework::case::{Case, EventMeta};
use casework::command::{Actor, Command, Context, Open};
use casework::decide::decide;
use casework::reaction;
use casework::refusal::Refusal;
use casework::timetable::{due_steps, next_due};
use chrono::TimeDelta;
use proto_events::Timestamp;
use proto_events::codes::{ApplicantKind, Care, ClosingCode, Role};
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CenterId, CommandId, EventId};

use crate::World;

/// How long after its cause a reaction acts.
pub(crate) const AT_ONCE: TimeDelta = TimeDelta::seconds(1);

/// A person who is none: what is sealed in an opening.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleApplicant {
    /// Person or enterprise.
    pub kind: ApplicantKind,
    /// A name that says that it is a sample.
    pub name: String,
    /// A number of the range that nobody has.
    pub phone: String,
    /// What to take care of.
    pub care: Vec<Care>,
}

/// An event as it is told: everything that stands in the log, except what is sealed.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The case.
    pub case_id: CaseId,
    /// Its center.
    pub center: CenterId,
    /// The event's id.
    pub id: EventId,
    /// The command that led to it.
    pub command_id: CommandId,
    /// The event that caused the command, in a reaction.
    pub causation: Option<EventId>,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it.
    pub actor: String,
    /// In which role.
    pub role: Role,
    /// What happened. The sealed applicant of an opening is empty: whoever publishes it has the keys.
    pub event: CaseEvent,
    /// Who it is about, in an opening.
    pub applicant: Option<Arc<SampleApplicant>>,
}

/// A case and what was told of it.
pub struct Life<'w> {
    world: &'w World<'w>,
    case_id: CaseId,
    center: CenterId,
    applicant: Arc<SampleApplicant>,
    case: Option<Case>,
    now: Timestamp,
    until: Timestamp,
    refused_closing: Option<String>,
    told: Vec<Told>,
}

/// A wish of a person.
#[derive(Debug, Clone)]
pub struct Wish {
    /// When.
    pub at: Timestamp,
    /// Whose.
    pub by: Actor,
    /// The second person that it names.
    pub second: Option<Actor>,
    /// What.
    pub command: Command,
}

/// A command on its way, of a person, a clock or a reaction.
struct Order<'a> {
    command: &'a Command,
    by: &'a Actor,
    second: Option<&'a Actor>,
    id: CommandId,
    causation: Option<EventId>,
}

impl<'w> Life<'w> {
    /// Begins a case that nothing has happened to. Nothing is told of what lies behind `until`.
    #[must_use]
    pub fn new(
        world: &'w World<'w>,
        case_id: CaseId,
        center: CenterId,
        applicant: SampleApplicant,
        until: Timestamp,
    ) -> Self {
        let applicant = Arc::new(applicant);
        let (case, refused_closing, told) = (None, None, Vec::new());
        Self { world, case_id, center, applicant, case, now: until, until, refused_closing, told }
    }

    /// The case as it stands.
    #[must_use]
    pub fn case(&self) -> Option<&Case> {
        self.case.as_ref()
    }

    /// When something last happened.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Everything that was told.
    #[must_use]
    pub fn into_told(self) -> Vec<Told> {
        self.told
    }

    /// Opens the case.
    ///
    /// # Errors
    /// When a rule refuses it.
    pub fn open(&mut self, at: Timestamp, by: Actor, open: Open) -> Result<(), Refusal> {
        self.now = at;
        let wish = Wish { at, by, second: None, command: Command::Open(open) };
        self.wish(&wish, "open")
    }

    /// Lets time pass up to a wish and carries it out; `key` tells it from every other wish on the case. What lies
    /// behind the end of the history is left out.
    ///
    /// # Errors
    /// When a rule refuses it.
    pub fn wish(&mut self, wish: &Wish, key: &str) -> Result<(), Refusal> {
        if wish.at > self.until {
            return Ok(());
        }
        self.now = self.now.max(wish.at);
        let id = CommandId::of_key(&self.case_id.to_string(), key);
        let (command, by, second) = (&wish.command, &wish.by, wish.second.as_ref());
        self.carry_out(&Order { command, by, second, id, causation: None })
    }

    /// When a clock acts next, at or before the end of the history.
    #[must_use]
    pub fn next_tick(&self) -> Option<Timestamp> {
        let case = self.case.as_ref()?;
        let calendar = &self.world.rules.calendar;
        let steps = case.clocks().into_iter().filter_map(|run| {
            let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
            next_due(calendar, &run, fired, self.now)
        });
        let pause = case.pause.as_ref().map(|pause| pause.until);
        let closing = self.window_end(case);
        let next = steps.chain(pause).chain(closing).min()?.max(self.now);
        (next <= self.until).then_some(next)
    }

    /// When the window after the outcome ends, unless a rule keeps the case open.
    fn window_end(&self, case: &Case) -> Option<Timestamp> {
        let outcome = case.outcome.as_ref().filter(|_| case.has_ended())?;
        let rules = self.world.rules;
        let key = case.closing_key();
        (self.refused_closing.as_deref() != Some(key.as_str()))
            .then(|| rules.calendar.deadline(outcome.at, rules.limits.reopen_window).due_at)
    }

    /// Does what the clocks do at the next tick.
    pub fn tick(&mut self) {
        let Some(at) = self.next_tick() else { return };
        self.now = at;
        for (command, key) in self.due() {
            let id = CommandId::of_timer(self.case_id, &key);
            let by = Actor::system("escalation");
            let order = Order { command: &command, by: &by, second: None, id, causation: None };
            let is_closing = matches!(command, Command::Close { .. });
            if self.carry_out(&order).is_err() && is_closing {
                // A bad review that is not put right keeps it open; that event closes it then.
                self.refused_closing = Some(key);
            }
        }
    }

    /// Lets the clocks run up to an instant.
    pub fn pass_time(&mut self, until: Timestamp) {
        while self.next_tick().is_some_and(|at| at <= until) {
            self.tick();
        }
    }

    fn due(&self) -> Vec<(Command, String)> {
        let Some(case) = &self.case else { return Vec::new() };
        let calendar = &self.world.rules.calendar;
        let mut due = Vec::new();
        // First what moves a promise: the steps of its ladder depend on it.
        if case.pause.as_ref().is_some_and(|pause| self.now >= pause.until) {
            let key = format!("resume#{}", case.pauses.len() + 1);
            due.push((Command::Resume { automatic: true }, key));
        }
        for run in case.clocks() {
            let fired = |level| case.has_escalated(run.clock, run.occurrence, level);
            for step in due_steps(calendar, &run, fired, self.now) {
                let (level, clock, occurrence) = (step.level, run.clock, run.occurrence);
                let command = Command::Escalate { level, clock, occurrence };
                due.push((command, run.step_key(step.level)));
            }
        }
        if self.window_end(case).is_some_and(|end| self.now >= end) {
            due.push((Command::Close { code: ClosingCode::WindowPassed }, case.closing_key()));
        }
        due
    }

    fn carry_out(&mut self, order: &Order<'_>) -> Result<(), Refusal> {
        let context = Context {
            now: self.now.min(self.until),
            actor: order.by,
            second: order.second,
            rules: self.world.rules,
        };
        let events = decide(self.case.as_ref(), order.command, &context)?;
        let time = context.now;
        let first = self.told.len();
        for (index, event) in events.into_iter().enumerate() {
            self.tell(order, time, index, event);
        }
        for index in first..self.told.len() {
            let Some(told) = self.told.get(index) else { break };
            let (cause, answers) = (told.id, self.answers(&told.event));
            for (name, service, command) in answers {
                self.now = self.now.max(time + AT_ONCE);
                let (by, id) = (Actor::system(service), CommandId::of_reaction(name, cause));
                let causation = Some(cause);
                let order = Order { command: &command, by: &by, second: None, id, causation };
                // A refusal means that it is not right, or not yet.
                let _ = self.carry_out(&order);
            }
        }
        Ok(())
    }

    fn tell(&mut self, order: &Order<'_>, time: Timestamp, index: usize, event: CaseEvent) {
        let id = EventId::of_command(order.id, index);
        let meta = EventMeta {
            id,
            command_id: order.id,
            case_id: self.case_id,
            sequence: self.told.len() as u64 + 1,
            time,
            actor: order.by.username.clone(),
            role: order.by.role,
        };
        self.case = Case::step(self.case.take(), &meta, &event);
        let is_opening = matches!(event, CaseEvent::Opened(_));
        self.told.push(Told {
            case_id: self.case_id,
            center: self.center.clone(),
            id,
            command_id: order.id,
            causation: order.causation,
            time,
            actor: meta.actor,
            role: meta.role,
            event,
            applicant: is_opening.then(|| Arc::clone(&self.applicant)),
        });
    }

    /// What the live reactions would do about an event.
    fn answers(&self, event: &CaseEvent) -> Vec<(&'static str, &'static str, Command)> {
        let Some(case) = &self.case else { return Vec::new() };
        let World { rules, house, .. } = self.world;
        let forwarding = reaction::forwarding(event, case, rules)
            .map(|command| (house.forwarding, "routing", command));
        let help =
            reaction::help(event, case, rules).map(|command| (house.help, "escalation", command));
        forwarding.into_iter().chain(help).collect()
    }
}
