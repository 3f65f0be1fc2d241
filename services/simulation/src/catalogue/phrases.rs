//! What is said whatever the matter is.

use serde::Deserialize;

const FILE: &str = include_str!("../../catalogue/phrases.toml");

/// Texts of a clerk, a handler, an applicant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Phrases {
    pub(crate) progress: Vec<String>,
    pub(crate) forward: Vec<String>,
    pub(crate) refine: Vec<String>,
    pub(crate) extension: Vec<String>,
    pub(crate) harder: Vec<String>,
    pub(crate) easier: Vec<String>,
    pub(crate) urges: Vec<String>,
    pub(crate) ruling: Vec<String>,
    pub(crate) duplicate: String,
    pub(crate) precedents: String,
    pub(crate) missing: String,
    pub(crate) not_ours: String,
    pub(crate) contested: String,
    pub(crate) objective: Vec<String>,
    pub(crate) convening: Vec<String>,
    pub(crate) decisions: Vec<String>,
    pub(crate) objection: String,
    pub(crate) actions: Vec<String>,
    pub(crate) action_results: Vec<String>,
    pub(crate) finding_community: Vec<String>,
    pub(crate) finding_street: Vec<String>,
    pub(crate) finding_department: Vec<String>,
    pub(crate) finding_district: Vec<String>,
    pub(crate) approve: Vec<String>,
    pub(crate) refuse: Vec<String>,
    pub(crate) documents: Vec<String>,
    pub(crate) remedies: Vec<String>,
    pub(crate) comments_good: Vec<String>,
    pub(crate) comments_fair: Vec<String>,
    pub(crate) comments_bad: Vec<String>,
    pub(crate) comments_understood: Vec<String>,
    pub(crate) rectified: Vec<String>,
    pub(crate) rectified_results: Vec<String>,
    pub(crate) reopen_not_solved: Vec<String>,
    pub(crate) reopen_partial: Vec<String>,
    pub(crate) reopen_new_fact: Vec<String>,
    pub(crate) reopen_changed: Vec<String>,
    pub(crate) reopened_result: Vec<String>,
    pub(crate) withdraw: Vec<String>,
    pub(crate) without_special: String,
    pub(crate) materials_new_fact: String,
    /// Why a precedent no longer holds.
    pub(crate) retired: String,
    /// A text that much stands on: its title and its article.
    pub(crate) general_basis: (String, String),
    pub(crate) improvements: Vec<String>,
    pub(crate) improved: Vec<String>,
    pub(crate) consultations: Consultations,
}

/// What people ask without getting stuck.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consultations {
    /// Topic and how frequent it is.
    pub(crate) topics: Vec<(String, u32)>,
}

impl Phrases {
    pub(crate) fn read() -> Self {
        toml::from_str(FILE)
            .unwrap_or_else(|error| panic!("phrases.toml is read by every test: {error}"))
    }
}
