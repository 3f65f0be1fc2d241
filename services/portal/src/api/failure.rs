//! What comes of a call that did not succeed.

use serde::Deserialize;
use serde_json::{Map, Value};

/// Why a call gave nothing.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// The API said no, and why.
    Problem(Box<Problem>),
    /// The API did not answer, or not in its own words.
    Away,
}

/// The API's own words (RFC 9457).
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) code: String,
    #[serde(default)]
    pub(crate) title: String,
    #[serde(default)]
    pub(crate) detail: String,
    #[serde(default)]
    pub(crate) errors: Vec<Fault>,
    /// When to try again, in seconds.
    #[serde(skip)]
    pub(crate) retry_after: Option<u32>,
    #[serde(default)]
    pub(crate) request_id: Option<String>,
    /// Whatever else it says: the newest `version`, the `sequence` of a view that is being built.
    #[serde(flatten)]
    pub(crate) extra: Map<String, Value>,
}

/// A field that is wrong.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Fault {
    /// Where: a JSON pointer into the body.
    pub(crate) pointer: String,
    /// What is wrong there.
    #[serde(default)]
    pub(crate) detail: String,
}

impl Failure {
    /// The stable code; `away` when nobody answered.
    pub(crate) fn code(&self) -> &str {
        self.problem().map_or("away", |problem| problem.code.as_str())
    }

    /// The status that a page about it has.
    pub(crate) fn status(&self) -> u16 {
        self.problem().map_or(503, |problem| problem.status)
    }

    /// What the API said, when it said something.
    pub(crate) fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem(problem) => Some(problem),
            Self::Away => None,
        }
    }

    /// Whether the same call may succeed a moment later.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self.status(), 429 | 502..=504)
    }
}
