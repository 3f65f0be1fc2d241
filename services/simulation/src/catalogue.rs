//! The catalogue of stuck matters: what people come with, and what usually comes of it.
//!
//! The texts stand in `catalogue/*.toml`, for whoever knows the work and not Rust. Invariant: a problem is used
//! only where the district has every department that it names.

use casework::rules::Rules;
use chrono::NaiveDate;
use proto_events::codes::{
    ApplicantKind, Care, Cause, Complexity, Exclusion, PauseReason, Resolution, Stage,
};
use proto_events::events::{PolicyBasis, RequestedItem};
use proto_events::ids::DepartmentId;
use serde::Deserialize;

mod phrases;

pub(crate) use phrases::Phrases;

const FILES: &[(&str, &str)] = &[
    ("people.toml", include_str!("../catalogue/people.toml")),
    ("homes.toml", include_str!("../catalogue/homes.toml")),
    ("business.toml", include_str!("../catalogue/business.toml")),
    ("unlisted.toml", include_str!("../catalogue/unlisted.toml")),
];

/// Everything that is told of.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) problems: Vec<Problem>,
    pub(crate) phrases: Phrases,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    problem: Vec<Problem>,
}

/// One way of getting stuck.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problem {
    /// The matter (事项).
    pub(crate) matter: String,
    /// Whose it is in truth.
    pub(crate) department: DepartmentId,
    /// How frequent it is.
    pub(crate) weight: u32,
    /// Months in which it is four times as frequent.
    #[serde(default)]
    pub(crate) months: Vec<u32>,
    /// Where it is stuck.
    pub(crate) stage: Stage,
    /// Why, as it turns out.
    pub(crate) cause: Cause,
    /// How hard it is.
    pub(crate) complexity: Complexity,
    /// Who comes.
    #[serde(default = "person")]
    pub(crate) kind: ApplicantKind,
    /// What to take care of.
    #[serde(default)]
    pub(crate) care: Vec<Care>,
    /// What the clerk writes down, in one of several ways.
    pub(crate) demand: Vec<String>,
    /// What happened before.
    #[serde(default)]
    pub(crate) summary: Vec<String>,
    /// How it may end.
    pub(crate) ends: Vec<End>,
    /// Departments that may be thought of first, and what they answer.
    #[serde(default)]
    pub(crate) wrong: Vec<Wrong>,
    /// Who helps.
    #[serde(default)]
    pub(crate) parts: Vec<Helper>,
    /// What may be missing.
    #[serde(default)]
    pub(crate) papers: Vec<RequestedItem>,
    /// What is reported on the way.
    #[serde(default)]
    pub(crate) steps: Vec<String>,
    /// Why it may have to wait.
    pub(crate) waits: Option<PauseReason>,
    /// Why it cannot be done.
    pub(crate) cannot: Option<Cannot>,
    /// What may be waived.
    pub(crate) special: Option<Special>,
}

const fn person() -> ApplicantKind {
    ApplicantKind::Person
}

/// One end of a problem.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct End {
    pub(crate) how: How,
    pub(crate) weight: u32,
    /// The result or the reason.
    pub(crate) result: String,
    /// Why it is not taken on.
    pub(crate) exclusion: Option<Exclusion>,
    /// Where to go instead, or where it goes.
    pub(crate) body: Option<String>,
}

/// How a case ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum How {
    Resolved(Resolution),
    Explained,
    Declined,
    Withdrawn,
    Transferred,
}

impl TryFrom<String> for How {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "explained" => Ok(Self::Explained),
            "declined" => Ok(Self::Declined),
            "withdrawn" => Ok(Self::Withdrawn),
            "transferred" => Ok(Self::Transferred),
            code => code.parse().map(Self::Resolved).map_err(|_| format!("no end {code}")),
        }
    }
}

/// A department that is not the right one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wrong {
    pub(crate) department: DepartmentId,
    /// What it says about its duties.
    pub(crate) says: String,
}

/// A department with a part in it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Helper {
    pub(crate) department: DepartmentId,
    pub(crate) ask: String,
    pub(crate) result: String,
}

/// Why it cannot be done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Cannot {
    title: String,
    number: Option<String>,
    article: String,
    in_force_from: Option<NaiveDate>,
    pub(crate) facts: String,
    pub(crate) alternatives: Vec<String>,
}

impl Cannot {
    /// The text that it stands on.
    pub(crate) fn basis(&self) -> PolicyBasis {
        PolicyBasis {
            title: self.title.clone(),
            number: self.number.clone(),
            article: self.article.clone(),
            in_force_from: self.in_force_from,
        }
    }
}

/// What may be waived, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Special {
    pub(crate) facts: String,
    pub(crate) waived: String,
    pub(crate) basis: String,
    pub(crate) conditions: Vec<String>,
}

impl Catalogue {
    /// Reads the catalogue as far as it fits a district; no problem at all fits some.
    pub(crate) fn of(rules: &Rules) -> Self {
        let read = |(name, text): &(&str, &str)| -> Vec<Problem> {
            let file: File = toml::from_str(text).unwrap_or_else(|error| {
                panic!("the catalogue's {name} is read by a test: {error}")
            });
            file.problem
        };
        let mut problems: Vec<Problem> = FILES.iter().flat_map(read).collect();
        problems.retain(|problem| {
            problem.departments().all(|department| rules.departments.contains_key(department))
        });
        Self { problems, phrases: Phrases::read() }
    }
}

impl Problem {
    fn departments(&self) -> impl Iterator<Item = &DepartmentId> {
        let wrong = self.wrong.iter().map(|wrong| &wrong.department);
        let parts = self.parts.iter().map(|part| &part.department);
        std::iter::once(&self.department).chain(wrong).chain(parts)
    }

    /// How frequent it is in a month.
    pub(crate) fn weight_in(&self, month: u32) -> u32 {
        if self.months.contains(&month) { self.weight * 4 } else { self.weight }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proto_events::codes::CauseCategory;

    use super::*;

    #[test]
    fn the_sample_district_has_every_department_of_the_catalogue() {
        let rules = desk::District::load(None).unwrap().rules;
        let all: usize =
            FILES.iter().map(|(_, text)| toml::from_str::<File>(text).unwrap().problem.len()).sum();
        assert_eq!(Catalogue::of(&rules).problems.len(), all);
        assert!(all >= 50, "{all}");
    }

    #[test]
    fn a_problem_has_what_its_ends_need() {
        let rules = desk::District::load(None).unwrap().rules;
        for problem in &Catalogue::of(&rules).problems {
            let name = &problem.matter;
            assert!(!problem.demand.is_empty() && !problem.ends.is_empty(), "{name}");
            let is_declined = problem.ends.iter().any(|end| end.how == How::Declined);
            assert!(is_declined || problem.cause.category() != CauseCategory::Applicant, "{name}");
            assert!(problem.cause.has_sub_code(), "{name}");
            for end in &problem.ends {
                let has = match end.how {
                    How::Explained => problem.cannot.is_some(),
                    How::Resolved(Resolution::SpecialHandling) => problem.special.is_some(),
                    How::Declined => end.exclusion.is_some() && end.body.is_some(),
                    How::Transferred => end.body.is_some(),
                    How::Resolved(_) | How::Withdrawn => true,
                };
                assert!(has, "{name} {:?}", end.how);
                assert_eq!(end.result.is_empty(), end.how == How::Explained, "{name}");
            }
            // What the desks do not take on waits for a person; nobody else gets it first.
            assert!(!is_declined || rules.route(name).is_none(), "{name}");
            let wrong = problem.wrong.iter().map(|wrong| &wrong.department);
            assert!(!wrong.collect::<Vec<_>>().contains(&&problem.department), "{name}");
        }
    }

    #[test]
    fn every_line_of_the_routing_table_and_every_end_is_told_of() {
        let rules = desk::District::load(None).unwrap().rules;
        let catalogue = Catalogue::of(&rules);
        let told: BTreeSet<_> = catalogue
            .problems
            .iter()
            .filter_map(|p| rules.route(&p.matter))
            .map(|r| &r.name)
            .collect();
        assert_eq!(told.len(), rules.matters.len());
        for resolution in Resolution::ALL {
            let how = How::Resolved(*resolution);
            let is_told = catalogue.problems.iter().flat_map(|p| &p.ends).any(|end| end.how == how);
            assert!(is_told, "{resolution}");
        }
    }
}
