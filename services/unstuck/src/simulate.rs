//! `simulate`: a district's year from a seed, told by the real rules into a bus.
//!
//! Invariants: nothing is mixed with a history that is there already, unless somebody says so; nothing is told while
//! services react on the same bus, because they would answer what is not told yet.

pub(crate) mod line;
pub(crate) mod publisher;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull;
use chrono::Days;
use desk::Desk;
use proto_events::ids::CaseId;
use proto_events::subject::CASES_STREAM;
use runtime::clock::{Clock as _, SystemClock};
use runtime::settings::{Fault, Faults};
use simulation::{Fact, History, House, Plan, Summary, World, usual_cases};
use tokio::time::Instant;

use crate::bus::{ToolBus, on_bus, provision};
use crate::say;
use crate::settings::Simulate;
use crate::wiring::open_desk;
use publisher::Publisher;

/// How often progress is shown on a terminal.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// The services as the simulation knows them: what they do by themselves has their names.
pub(crate) const HOUSE: House = House {
    forwarding: routing::FORWARDING_NAME,
    help: escalation::HELP_NAME,
    linking: intake::AFTERCARE_NAME,
    // Its command is found by what it is about, so the name is for the eye.
    recurrences: "learning-recurrences",
    case_no: intake::case_no,
};

/// Tells a history into the bus of a place.
pub(crate) async fn run(settings: Simulate) -> anyhow::Result<()> {
    let rules = &settings.district.rules;
    let world = World::new(rules, HOUSE)?;
    let plan = plan(&settings, &world)?;
    let mut history = History::new(&world, plan)?;
    if settings.place.remote_bus.is_none() {
        std::fs::create_dir_all(&settings.place.data)
            .with_context(|| format!("{} cannot be made", settings.place.data.display()))?;
    }
    on_bus(&settings.place, async |bus| {
        provision(&bus.ways, settings.replicas).await?;
        may_tell(bus, settings.append).await?;
        let district = std::sync::Arc::clone(&settings.district);
        let clock = std::sync::Arc::new(SystemClock);
        let desk = open_desk(bus.lines().await?, district, clock, &settings.place.data).await?;
        tell(&desk, &bus.js, &mut history, plan, settings.append).await
    })
    .await
}

fn plan(settings: &Simulate, world: &World<'_>) -> anyhow::Result<Plan> {
    let calendar = &world.rules().calendar;
    let now = SystemClock.now().with_timezone(&calendar.offset());
    let until = settings.to.map_or(now, |to| calendar.closing_of(to));
    let end = calendar.date_of(until);
    let from = settings.from.unwrap_or(end - Days::new(365));
    if from > end {
        return Err(fault("--from", "has to be before the end of the history"));
    }
    let cases = settings.cases.unwrap_or_else(|| usual_cases(world, from, until));
    Ok(Plan { seed: settings.seed, from, until, cases, is_alone: !settings.append })
}

fn fault(setting: &str, problem: impl Into<String>) -> anyhow::Error {
    Faults(vec![Fault { setting: setting.to_owned(), problem: problem.into() }]).into()
}

/// Refuses a bus on which something else happens or has happened.
async fn may_tell(bus: &ToolBus, append: bool) -> anyhow::Result<()> {
    if !bus.is_alone && reacts(&bus.js).await? {
        return Err(fault("simulate", "services run on this bus and would react; stop them first"));
    }
    let mut stream = bus.js.get_stream(CASES_STREAM).await.context("the stream of cases")?;
    let events = stream.info().await.context("the stream of cases")?.state.last_sequence;
    if events > 0 && !append {
        let problem = format!(
            "the log has {events} events already; name another folder, or say --append to add to them"
        );
        return Err(fault("simulate", problem));
    }
    Ok(())
}

/// Whether a reaction waits for events on this bus.
async fn reacts(js: &Context) -> anyhow::Result<bool> {
    let stream = js.get_stream(CASES_STREAM).await.context("the stream of cases")?;
    for name in [HOUSE.forwarding, HOUSE.help, HOUSE.linking] {
        // No such consumer: no service was ever there.
        let Ok(mut consumer) = stream.get_consumer::<pull::Config>(name).await else { continue };
        if consumer.info().await.context("a reaction's consumer")?.num_waiting > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn tell(
    desk: &Desk,
    js: &Context,
    history: &mut History<'_>,
    plan: Plan,
    append: bool,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut publisher = Publisher::new(desk, js).await?;
    let mut summary = Summary::default();
    let mut progress = Progress::new(plan.cases);
    for fact in history.by_ref() {
        if append
            && summary.case_events() == 0
            && let Fact::Case(told) = &fact
        {
            was_not_told(desk, told.case_id).await?;
        }
        summary.take(&fact);
        progress.show(&summary);
        publisher.publish(fact).await?;
    }
    publisher.finish().await?;
    progress.clear();
    let seconds = started.elapsed().as_secs_f64();
    let events = summary.events();
    summary.lines(plan.until).into_iter().for_each(say);
    say(format_args!(
        "  seed {}, {events} events in {seconds:.1} s, {:.0} a second",
        plan.seed,
        events as f64 / seconds
    ));
    if let Some((command, refusal)) = history.refused().first() {
        let refused = history.refused().len();
        bail!("the rules refused {refused} commands, the first a {command:?}: {refusal:?}");
    }
    Ok(())
}

/// Refuses to tell the same seed twice: the same cases would have every event twice.
async fn was_not_told(desk: &Desk, case_id: CaseId) -> anyhow::Result<()> {
    if desk.log.locate(&format!("case.*.{case_id}")).await?.is_some() {
        return Err(fault("--seed", "this history stands in the log already; name another seed"));
    }
    Ok(())
}

/// Shows how far it is, on a terminal only.
struct Progress {
    cases: u64,
    shown: Instant,
    started: Instant,
    is_terminal: bool,
}

impl Progress {
    fn new(cases: u64) -> Self {
        let now = Instant::now();
        Self { cases, shown: now, started: now, is_terminal: std::io::stderr().is_terminal() }
    }

    fn show(&mut self, summary: &Summary) {
        if !self.is_terminal || self.shown.elapsed() < SHOW_EVERY {
            return;
        }
        self.shown = Instant::now();
        let events = summary.events();
        let rate = events as f64 / self.started.elapsed().as_secs_f64();
        let percent = summary.cases() * 100 / self.cases.max(1);
        eprint!(
            "\r{percent:>3} %  {} of {} cases, {events} events, {rate:.0} a second ",
            summary.cases(),
            self.cases
        );
        let _ = std::io::stderr().flush();
    }

    fn clear(&self) {
        if self.is_terminal {
            eprint!("\r\u{1b}[K");
        }
    }
}
