//! How the views stand to their streams, as a tool asks for it over the bus.

use serde::{Deserialize, Serialize};

use crate::Projection;

/// How one view stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// The view: `cases`, `centers` or `learning`.
    pub view: String,
    /// The sequence of its stream that it has come to.
    pub sequence: u64,
    /// Events that it has not seen.
    pub lag_events: u64,
    /// For how long the oldest of them has waited, in seconds.
    pub lag_seconds: f64,
    /// How far it is while it is being built, and where it wants to; none when it stands.
    pub building: Option<(u64, u64)>,
    /// Why it stopped.
    pub incident: Option<String>,
}

impl Projection {
    /// How each view stands.
    pub(crate) fn standings(&self) -> Vec<Standing> {
        let (core, centers, learned) = (&self.core, &self.centers, &self.learned);
        let (of_cases, of_centers) = (core.status(), centers.status());
        let standing =
            |view: &str, sequence, (lag_events, lag_seconds), building, incident| Standing {
                view: view.to_owned(),
                sequence,
                lag_events,
                lag_seconds,
                building,
                incident,
            };
        vec![
            standing(
                "cases",
                core.sequence(),
                core.lag(),
                core.catching_up().or(of_cases.rebuilding),
                of_cases.incident,
            ),
            standing(
                "centers",
                centers.sequence(),
                centers.lag(),
                centers.catching_up().or(of_centers.rebuilding),
                of_centers.incident,
            ),
            standing(
                "learning",
                learned.sequence(),
                learned.lag(),
                learned.catching_up(),
                learned.incident(),
            ),
        ]
    }
}
