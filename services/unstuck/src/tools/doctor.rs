//! `doctor`: a look at a data folder or a bus: what is wrong, what it means, and the command that mends it.
//!
//! Invariants: it changes nothing and makes nothing, not even what is missing; a look that fails is a finding like any
//! other, and the looks after it are taken all the same.

mod at_work;
mod centers;
mod house;
mod on_bus;

use std::fmt::Display;

use anyhow::bail;
use desk::District;
use serde::Serialize;

use crate::bus::{must_exist, on_bus_as_it_is};
use crate::say;
use crate::settings::Place;

/// How a look ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It is as it should be.
    Ok,
    /// It works, and a person should know.
    Note,
    /// A person has to do something.
    Wrong,
}

/// What a look found.
#[derive(Debug, Serialize)]
struct Finding {
    /// Which look it was; stays the same over the versions.
    look: &'static str,
    state: State,
    /// What was found.
    found: String,
    /// What it means for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    meaning: Option<&'static str>,
    /// The command that mends it, or what a person does.
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    findings: Vec<Finding>,
}

impl Findings {
    fn ok(&mut self, look: &'static str, found: impl Display) {
        self.add(Finding {
            look,
            state: State::Ok,
            found: found.to_string(),
            meaning: None,
            fix: None,
        });
    }

    fn note(
        &mut self,
        look: &'static str,
        found: impl Display,
        meaning: &'static str,
        fix: impl Into<String>,
    ) {
        let (found, fix) = (found.to_string(), Some(fix.into()));
        self.add(Finding { look, state: State::Note, found, meaning: Some(meaning), fix });
    }

    fn wrong(
        &mut self,
        look: &'static str,
        found: impl Display,
        meaning: &'static str,
        fix: impl Into<String>,
    ) {
        let (found, fix) = (found.to_string(), Some(fix.into()));
        self.add(Finding { look, state: State::Wrong, found, meaning: Some(meaning), fix });
    }

    fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Takes what came of a look; one that failed is wrong.
    fn taken(&mut self, look: &'static str, outcome: anyhow::Result<()>, place: &Place) {
        if let Err(error) = outcome {
            self.wrong(
                look,
                format_args!("could not be looked at: {error:#}"),
                "nobody knows whether it is well",
                format!("unstuck doctor {}", named(place)),
            );
        }
    }

    fn count(&self, state: State) -> usize {
        self.findings.iter().filter(|finding| finding.state == state).count()
    }
}

/// Looks, says what was found, and ends with 1 when something is wrong.
pub(crate) async fn run(place: Place, district: &District, as_json: bool) -> anyhow::Result<()> {
    must_exist(&place)?;
    let mut findings = Findings::default();
    house::look(&place, district, &mut findings);
    let looked = on_bus_as_it_is(&place, async |bus| {
        on_bus::look(bus, &place, district, &mut findings).await;
        Ok(())
    });
    if let Err(error) = looked.await {
        findings.wrong(
            "bus",
            format_args!("the bus cannot be reached: {error:#}"),
            "no command is taken until it is back; nothing that was acknowledged is lost",
            on_bus::way_to_bus(&place),
        );
    }
    match as_json {
        true => say(serde_json::to_string_pretty(&findings)?),
        false => findings.findings.iter().for_each(tell),
    }
    match findings.count(State::Wrong) {
        0 => Ok(()),
        wrong => bail!("{wrong} of the looks found something wrong"),
    }
}

fn tell(finding: &Finding) {
    let word = match finding.state {
        State::Ok => "ok    ",
        State::Note => "note  ",
        State::Wrong => "WRONG ",
    };
    say(format_args!("{word} {}", finding.found));
    if let Some(meaning) = finding.meaning {
        say(format_args!("       it means: {meaning}"));
    }
    if let Some(fix) = &finding.fix {
        say(format_args!("       to mend it: {fix}"));
    }
}

/// How a command names the same place. An address may have a password in it and is left to whoever types.
fn named(place: &Place) -> String {
    match place.remote_bus {
        Some(_) => "--nats-url \"$UNSTUCK_NATS_URL\"".to_owned(),
        None => format!("--data {}", place.data.display()),
    }
}
