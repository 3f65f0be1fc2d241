//! A district's years from a seed: who came with what, what was done about it and how it ended, told by the real
//! rules with a simulated clock. For the demo, for training, and for measuring.
//!
//! Pure: no clock, no bus, no key. Invariants: the same plan on the same district tells the same events, ids
//! included, on every machine; people here wish and the rules of `casework` decide, so nothing is told that could
//! not have happened; nobody in it is real.
//!
//! Reading order: [`Plan`] and [`History`] (a span of time, in order), `season` (when people come), `conduct` (what
//! they do), [`Life`] (one case between the rules and the clocks), `catalogue` (the texts).

mod catalogue;
mod chance;
mod conduct;
mod counter;
mod habits;
mod history;
mod lessons;
mod life;
mod office;
pub mod people;
mod season;
mod summary;

use casework::rules::Rules;
use proto_events::Timestamp;
use proto_events::ids::CaseId;

pub use conduct::{name, phone};
pub use counter::ToldOfCenter;
pub use history::{Fact, History, Plan, usual_cases};
pub use lessons::ToldOfLearning;
pub use life::{Life, SampleApplicant, Told, Wish};

pub use summary::Summary;

use catalogue::Catalogue;

/// What the services know and the rules do not.
#[derive(Debug, Clone, Copy)]
pub struct House {
    /// The name of the reaction that forwards by the table.
    pub forwarding: &'static str,
    /// The name of the reaction that helps.
    pub help: &'static str,
    /// The name of the reaction that links a case back.
    pub linking: &'static str,
    /// The name of the reaction that opens an improvement for what recurs.
    pub recurrences: &'static str,
    /// Makes the number of a case from its center's code, its opening and its id.
    pub case_no: fn(&str, Timestamp, CaseId) -> String,
}

/// A district that can be told of.
#[derive(Debug)]
pub struct World<'a> {
    rules: &'a Rules,
    house: House,
    catalogue: Catalogue,
}

/// Why nothing can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unlikely {
    /// No problem of the catalogue fits the district.
    #[error("the district has none of the departments that the simulation tells of")]
    NoProblem,
    /// Nobody can come.
    #[error("the district has no center, or the span has no working day")]
    NoWorkingDay,
}

impl<'a> World<'a> {
    /// Makes the world of a district.
    ///
    /// # Errors
    /// [`Unlikely::NoProblem`] when the district has no department that the catalogue tells of.
    pub fn new(rules: &'a Rules, house: House) -> Result<Self, Unlikely> {
        let catalogue = Catalogue::of(rules);
        if catalogue.problems.is_empty() {
            return Err(Unlikely::NoProblem);
        }
        Ok(Self { rules, house, catalogue })
    }

    /// The rules of the district.
    #[must_use]
    pub fn rules(&self) -> &'a Rules {
        self.rules
    }
}

#[cfg(test)]
mod tests;
