//! Tells stories by the real rules: each step is a command at an instant of the past, and between the steps the
//! clocks and the reactions do what they would have done.
//!
//! Invariants: the ids of what the clocks and reactions do are those of the live ones; telling the same again
//! changes nothing; a step that a rule refuses ends its story, with a warning, and no other.

use std::sync::Arc;

use casework::case::Case;
use casework::command::{Actor, Command, Open};
use casework::reaction;
use casework::timetable::ladder;
use chrono::{NaiveDate, TimeDelta};
use desk::{Carried, Desk, Order};
use intake::Applicant;
use proto_events::Timestamp;
use proto_events::codes::{Clock, ClosingCode, Level, Role};
use proto_events::events::{CaseEvent, Notice};
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};

use super::accounts::{person, random};
use super::stories::{Step, Story, Who};

/// How long after its cause a reaction acts.
const AT_ONCE: TimeDelta = TimeDelta::seconds(1);

/// Heavenly stems and earthly branches: sixty names that nobody has.
const STEMS: &str = "甲乙丙丁戊己庚辛壬癸";
const BRANCHES: &str = "子丑寅卯辰巳午未申酉戌亥";

/// Tells all stories up to an instant, in the order of their steps; gives the number of events.
pub(super) async fn tell(
    desk: &Arc<Desk>,
    stories: Vec<Story>,
    until: Timestamp,
) -> anyhow::Result<u64> {
    let mut tellings = Vec::new();
    let mut agenda = Vec::new();
    for (number, story) in stories.into_iter().enumerate() {
        let opened_on = working_day_before(desk, until, story.days_ago);
        agenda.push((instant(desk, opened_on, story.hour, story.minute), number, None));
        for (index, step) in story.steps.iter().enumerate() {
            let day = desk.district.rules.calendar.add_working_days(opened_on, step.day);
            agenda.push((instant(desk, day, step.hour, step.minute), number, Some(index)));
        }
        tellings.push(Telling { desk, number, story, case: None, is_over: false, until });
    }
    agenda.retain(|(at, _, _)| *at <= until);
    agenda.sort_by_key(|(at, number, index)| (*at, *number, *index));
    for (at, number, index) in agenda {
        tellings[number].go_on(at, index).await?;
    }
    for telling in &mut tellings {
        telling.pass_time(until).await?;
    }
    Ok(desk.log.head().await?.last_sequence)
}

fn working_day_before(desk: &Desk, until: Timestamp, days: u32) -> NaiveDate {
    let calendar = &desk.district.rules.calendar;
    let today = calendar.date_of(until);
    let mut day = today;
    while calendar.working_days_between(day, today) < i64::from(days)
        || !calendar.is_working_day(day)
    {
        day = day.pred_opt().unwrap_or(day);
    }
    day
}

fn instant(desk: &Desk, day: NaiveDate, hour: u32, minute: u32) -> Timestamp {
    let midnight = desk.district.rules.calendar.opening_of(day);
    let opening = i64::from(desk.district.rules.calendar.hours().opening());
    midnight + TimeDelta::minutes(i64::from(hour * 60 + minute) - opening)
}

/// One story on its way.
struct Telling<'a> {
    desk: &'a Arc<Desk>,
    number: usize,
    story: Story,
    case: Option<Case>,
    is_over: bool,
    until: Timestamp,
}

/// What a clock does next.
enum Tick {
    Escalate { level: Level, clock: Clock, occurrence: u32, key: String },
    Close { key: String },
}

impl Telling<'_> {
    /// Takes the opening (`None`) or a step, after the clocks have done theirs.
    async fn go_on(&mut self, at: Timestamp, index: Option<usize>) -> anyhow::Result<()> {
        if self.is_over {
            return Ok(());
        }
        let Some(index) = index else { return self.open(at).await };
        self.pass_time(at).await?;
        let Some(case) = &self.case else { return Ok(()) };
        let Step { who, command, .. } = &self.story.steps[index];
        let department = case.department.as_ref().or_else(|| case.last_hop().map(|hop| &hop.to));
        let actor = person(role_of(*who), Some(&case.center), department);
        let id = CommandId::of_key("demo", &format!("{}/{index}", self.number));
        self.act(command.clone(), actor, id, at, None).await
    }

    async fn open(&mut self, at: Timestamp) -> anyhow::Result<()> {
        let desk = self.desk;
        let story = &self.story;
        let case_id = CaseId::of_key(&story.center, &format!("demo-{}", self.number));
        let applicant = Applicant {
            kind: story.kind,
            name: name(self.number),
            phone: format!("1380000{:04}", self.number + 1),
            id_number: None,
            address: None,
            care: story.care.clone(),
        };
        let applicant = applicant
            .checked()
            .map_err(|faults| anyhow::anyhow!("a sample applicant: {}", faults[0].pointer))?;
        let key = desk.vault.create_key(case_id).await?;
        let code = desk.district.rules.centers.get(&story.center).map_or("", |center| &center.code);
        let open = Open {
            center: story.center.clone(),
            channel: story.channel,
            matter: story.matter.clone(),
            blocked_stage: story.stage,
            cause: story.cause,
            demand: story.demand.to_owned(),
            summary: story.summary.map(str::to_owned),
            attempts_before: story.attempts,
            complexity: story.complexity,
            applicant: applicant.seal(&key, case_id)?,
            notice: Notice {
                version: "2026-01".to_owned(),
                mode: "oral".to_owned().try_into().map_err(anyhow::Error::msg)?,
            },
            case_no: intake::case_no(code, at, case_id),
            receipt_code: ReceiptCode::from_random(random()?),
        };
        let actor = person(Role::Clerk, Some(&story.center), None);
        let id = CommandId::of_key("demo", &format!("{}/open", self.number));
        self.give(case_id, Command::Open(open), actor, id, at, None).await
    }

    /// Does what the clocks do up to an instant.
    async fn pass_time(&mut self, until: Timestamp) -> anyhow::Result<()> {
        let mut refused_closing = None;
        while let Some((at, tick)) = self.next_tick(until, refused_closing.as_deref()) {
            let Some(case) = &self.case else { break };
            let case_id = case.case_id;
            let (command, key) = match tick {
                Tick::Escalate { level, clock, occurrence, key } => {
                    (Command::Escalate { level, clock, occurrence }, key)
                }
                Tick::Close { key } => {
                    refused_closing = Some(key.clone());
                    (Command::Close { code: ClosingCode::WindowPassed }, key)
                }
            };
            let id = CommandId::of_timer(case_id, &key);
            self.act_if_right(command, "escalation", id, at, None).await?;
        }
        Ok(())
    }

    fn next_tick(
        &self,
        until: Timestamp,
        refused_closing: Option<&str>,
    ) -> Option<(Timestamp, Tick)> {
        let case = self.case.as_ref()?;
        let rules = &self.desk.district.rules;
        let calendar = &rules.calendar;
        let mut ticks = Vec::new();
        for run in case.clocks() {
            for step in ladder(calendar, &run) {
                let at = if calendar.may_notify_at(step.at) {
                    step.at
                } else {
                    calendar.next_opening(step.at)
                };
                let is_warning = matches!(step.level, Level::Warning50 | Level::Warning80);
                if (is_warning && at >= run.due_at)
                    || case.has_escalated(run.clock, run.occurrence, step.level)
                {
                    continue;
                }
                let key = run.step_key(step.level);
                let (level, clock, occurrence) = (step.level, run.clock, run.occurrence);
                ticks.push((at, Tick::Escalate { level, clock, occurrence, key }));
            }
        }
        if let Some(outcome) = case.outcome.as_ref().filter(|_| case.has_ended()) {
            let key = case.closing_key();
            if refused_closing != Some(key.as_str()) {
                let end = calendar.deadline(outcome.at, rules.limits.reopen_window).due_at;
                ticks.push((end, Tick::Close { key }));
            }
        }
        ticks.into_iter().filter(|(at, _)| *at <= until).min_by_key(|(at, _)| *at)
    }

    /// Gives a command of a person on the story's case.
    async fn act(
        &mut self,
        command: Command,
        actor: Actor,
        id: CommandId,
        at: Timestamp,
        causation: Option<EventId>,
    ) -> anyhow::Result<()> {
        let Some(case_id) = self.case.as_ref().map(|case| case.case_id) else { return Ok(()) };
        self.give(case_id, command, actor, id, at, causation).await
    }

    async fn give(
        &mut self,
        case_id: CaseId,
        command: Command,
        actor: Actor,
        id: CommandId,
        at: Timestamp,
        causation: Option<EventId>,
    ) -> anyhow::Result<()> {
        let kind = command.kind();
        match self.desk.execute(self.order(case_id, command, actor, id, at, causation)).await {
            Ok(carried) => self.react(carried, at).await,
            Err(problem) if problem.status.is_client_error() => {
                tracing::warn!(
                    story = self.number,
                    command = ?kind,
                    code = %problem.code,
                    detail = problem.detail,
                    "a rule ends a story of the demo"
                );
                self.is_over = true;
                Ok(())
            }
            Err(problem) => Err(anyhow::anyhow!("{}", problem.detail)),
        }
    }

    /// Gives a command of a clock or a reaction; a refusal means that it is not right, or no longer.
    async fn act_if_right(
        &mut self,
        command: Command,
        service: &str,
        id: CommandId,
        at: Timestamp,
        causation: Option<EventId>,
    ) -> anyhow::Result<()> {
        let Some(case_id) = self.case.as_ref().map(|case| case.case_id) else { return Ok(()) };
        let order = self.order(case_id, command, Actor::system(service), id, at, causation);
        match self.desk.execute(order).await {
            Ok(carried) => Box::pin(self.react(carried, at)).await,
            Err(problem) if problem.status.is_client_error() => Ok(()),
            Err(problem) => Err(anyhow::anyhow!("{}", problem.detail)),
        }
    }

    fn order(
        &self,
        case_id: CaseId,
        command: Command,
        actor: Actor,
        command_id: CommandId,
        at: Timestamp,
        causation: Option<EventId>,
    ) -> Order {
        let center = Some(self.story.center.clone());
        let (command_hash, if_match, request_id) = (None, None, None);
        let at = Some(at.min(self.until));
        Order {
            case_id,
            center,
            command,
            actor,
            command_id,
            command_hash,
            if_match,
            at,
            causation,
            request_id,
        }
    }

    /// Takes the case as it stands now, and does what the reactions do about the new events.
    async fn react(&mut self, carried: Carried, at: Timestamp) -> anyhow::Result<()> {
        let Carried { case, events, .. } = carried;
        self.case = Some(case);
        for (id, event) in events {
            for (name, service, command) in self.answers(&event) {
                let id_of_command = CommandId::of_reaction(name, id);
                self.act_if_right(command, service, id_of_command, at + AT_ONCE, Some(id)).await?;
            }
        }
        Ok(())
    }

    /// What the live reactions would do about an event.
    fn answers(&self, event: &CaseEvent) -> Vec<(&'static str, &'static str, Command)> {
        let Some(case) = &self.case else { return Vec::new() };
        let rules = &self.desk.district.rules;
        let forwarding = reaction::forwarding(event, case, rules)
            .map(|command| (routing::FORWARDING_NAME, "routing", command));
        let help = reaction::help(event, case, rules)
            .map(|command| (escalation::HELP_NAME, "escalation", command));
        forwarding.into_iter().chain(help).collect()
    }
}

fn role_of(who: Who) -> Role {
    match who {
        Who::Clerk => Role::Clerk,
        Who::Director => Role::Director,
        Who::Handler => Role::Handler,
        Who::Lead => Role::DepartmentLead,
        Who::Coordinator => Role::Coordinator,
        Who::Callback => Role::Callback,
    }
}

/// The name of the `n`-th applicant, which says that it is a sample.
fn name(n: usize) -> String {
    let pick = |text: &str| text.chars().cycle().nth(n).unwrap_or('甲');
    format!("样例·{}{}", pick(STEMS), pick(BRANCHES))
}
