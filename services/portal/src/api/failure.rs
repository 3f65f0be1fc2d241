//! What comes of a call that did not succeed.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::lang::Lang;

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
    /// What the code means, for people: Chinese and English.
    #[serde(skip)]
    pub(crate) means: Option<(String, String)>,
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

impl Problem {
    /// Why, in a sentence for a person: what happened here in his language, else what the code means.
    pub(crate) fn says(&self, lang: Lang) -> String {
        let meaning = self.means.as_ref().map(|(zh, en)| lang.of(zh, en).to_owned());
        match lang {
            Lang::Chinese => meaning.unwrap_or_else(|| in_words(lang, &self.detail)),
            Lang::English if self.detail.is_empty() => {
                meaning.unwrap_or_else(|| self.title.clone())
            }
            Lang::English => in_words(lang, &self.detail),
        }
    }
}

/// What the API says in a sentence, in the language of a page: it says some in English with the Chinese words in
/// brackets behind, `is no telephone number (…)`.
pub(crate) fn in_words(lang: Lang, detail: &str) -> String {
    let (rest, chinese) = apart(detail);
    match lang {
        Lang::English => rest,
        Lang::Chinese => chinese.unwrap_or(rest),
    }
}

/// Takes what is Chinese and in brackets out of a sentence.
fn apart(detail: &str) -> (String, Option<String>) {
    let is_han = |c: char| ('\u{3400}'..='\u{9fff}').contains(&c);
    let mut rest = String::new();
    let mut chinese = None;
    let mut left = detail;
    while let Some(open) = left.find('(') {
        let Some(length) = left.get(open..).and_then(|text| text.find(')')) else { break };
        let (before, inner, after) =
            (&left[..open], &left[open + 1..open + length], &left[open + length + 1..]);
        if inner.chars().any(is_han) {
            rest.push_str(before.trim_end());
            chinese = Some(inner.to_owned());
        } else {
            rest.push_str(&left[..=open + length]);
        }
        left = after;
    }
    rest.push_str(left);
    (rest.trim().to_owned(), chinese)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chinese_words_of_a_sentence_stand_in_brackets() {
        let detail =
            "is no telephone number (\u{7535}\u{8bdd}\u{53f7}\u{7801}\u{4e0d}\u{6b63}\u{786e})";
        assert_eq!(in_words(Lang::English, detail), "is no telephone number");
        assert_eq!(in_words(Lang::Chinese, detail), "电话号码不正确");
        assert_eq!(in_words(Lang::Chinese, "1 to 9 (nine) characters"), "1 to 9 (nine) characters");
        assert_eq!(in_words(Lang::English, "broken (\u{574f}"), "broken (\u{574f}");
    }
}
