//! What is measured, and on how large a district.

use std::path::PathBuf;

use anyhow::{Context as _, bail};

/// A group of figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Views,
    Queries,
    Overview,
    Register,
    Open,
    Flow,
    Visible,
    Together,
    Growth,
}

const PARTS: [(&str, Part); 9] = [
    ("views", Part::Views),
    ("queries", Part::Queries),
    ("overview", Part::Overview),
    ("register", Part::Register),
    ("open", Part::Open),
    ("flow", Part::Flow),
    ("visible", Part::Visible),
    ("together", Part::Together),
    ("growth", Part::Growth),
];

const USAGE: &str = "\
cargo bench -p unstuck-tests -- [options]
  --cases N        cases of the district [default: 250000]
  --small N        cases of the small district that the growth begins at [default: 10000]
  --rounds N       rounds of each pair [default: 5]
  --view-rounds N  rounds of the building of views, which takes minutes [default: as many]
  --overviews N    overviews that are asked for, each kind [default: 50]
  --only A,B,…     views, queries, overview, register, open, flow, visible, together, growth [default: all]
  --json PATH      where the table is written as JSON [default: target/figures.json]";

/// The arguments of a run.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) cases: u64,
    pub(crate) small: u64,
    pub(crate) rounds: usize,
    view_rounds: Option<usize>,
    pub(crate) overviews: usize,
    only: Vec<Part>,
    pub(crate) json: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn read(words: Vec<String>) -> anyhow::Result<Self> {
        let json = unstuck_tests::binary::repository().join("target/figures.json");
        let mut arguments = Self {
            cases: 250_000,
            small: 10_000,
            rounds: 5,
            view_rounds: None,
            overviews: 50,
            only: PARTS.iter().map(|(_, part)| *part).collect(),
            json: Some(json),
        };
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            // What cargo says to every bench.
            if word == "--bench" {
                continue;
            }
            if word == "--help" {
                bail!("{USAGE}");
            }
            let value = words.next().with_context(|| format!("{word} needs a value\n{USAGE}"))?;
            match word.as_str() {
                "--cases" => arguments.cases = value.parse()?,
                "--small" => arguments.small = value.parse()?,
                "--rounds" => arguments.rounds = value.parse::<usize>()?.max(1),
                "--view-rounds" => arguments.view_rounds = Some(value.parse::<usize>()?.max(1)),
                "--overviews" => arguments.overviews = value.parse()?,
                "--only" => arguments.only = parts(&value)?,
                "--json" => arguments.json = Some(value.into()),
                _ => bail!("{word} is no option\n{USAGE}"),
            }
        }
        Ok(arguments)
    }

    pub(crate) fn view_rounds(&self) -> usize {
        self.view_rounds.unwrap_or(self.rounds)
    }

    pub(crate) fn wants(&self, part: Part) -> bool {
        self.only.contains(&part)
    }

    pub(crate) fn wants_a_running_product(&self) -> bool {
        self.only.iter().any(|part| *part != Part::Views)
    }
}

fn parts(text: &str) -> anyhow::Result<Vec<Part>> {
    let one = |name: &str| {
        let found = PARTS.iter().find(|(known, _)| *known == name);
        found.map(|(_, part)| *part).with_context(|| format!("{name} is no part\n{USAGE}"))
    };
    text.split(',').map(one).collect()
}
