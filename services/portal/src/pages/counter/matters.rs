//! Matters while typing: by what they are called, by their words, by the first letters of their syllables.
//!
//! Invariant: a matter that is in no list can be typed all the same; the list is a help.

use axum::extract::Query;
use axum::response::Response;
use maud::html;
use pinyin::ToPinyin as _;
use serde::Deserialize;

use super::piece;
use crate::form::narrow;
use crate::visit::Signed;

/// Most matters that are shown: what fits under the control.
const SHOWN_MAX: usize = 8;

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// The matters that fit what is typed, as options.
pub(super) async fn suggest(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let names = visit.names().await;
    let wanted = narrow(asked.q.trim()).to_lowercase();
    let mut found: Vec<_> = names
        .matters
        .iter()
        .filter_map(|matter| {
            let words = std::iter::once(matter.name.as_str())
                .chain(matter.keywords.iter().map(String::as_str));
            Some((words.filter_map(|word| rank(&wanted, word)).min()?, matter))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.truncate(SHOWN_MAX);
    piece(html! {
        @for (_, matter) in found {
            div role="option" aria-selected="false" data-value=(matter.name) {
                span { (matter.name) }
                @if let Some(department) = &matter.department {
                    span.soft.small { (names.department(visit.lang, department)) }
                }
            }
        }
    })
}

/// How well a word fits, the smaller the better: it begins so, it has it, its first letters begin so, its syllables do.
pub(super) fn rank(wanted: &str, word: &str) -> Option<u8> {
    if wanted.is_empty() {
        return Some(0);
    }
    let plain = word.to_lowercase();
    if plain.starts_with(wanted) {
        return Some(0);
    }
    if plain.contains(wanted) {
        return Some(1);
    }
    if !wanted.is_ascii() {
        return None;
    }
    let syllables = || word.chars().filter_map(|c| c.to_pinyin());
    let letters: String = syllables().map(|syllable| syllable.first_letter()).collect();
    let whole: String = syllables().map(|syllable| syllable.plain()).collect();
    let wanted: String = wanted.chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    match () {
        () if letters.starts_with(&wanted) => Some(2),
        () if whole.starts_with(&wanted) => Some(3),
        () if letters.contains(&wanted) => Some(4),
        () if wanted.len() > 2 && whole.contains(&wanted) => Some(5),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_matter_is_found_by_its_first_letters_and_its_syllables() {
        let matter = "退休手续办理";
        assert_eq!(rank("退休", matter), Some(0));
        assert_eq!(rank("手续", matter), Some(1));
        assert_eq!(rank("txsx", matter), Some(2));
        assert_eq!(rank("tuixiu", matter), Some(3));
        assert_eq!(rank("tui xiu", matter), Some(3));
        assert_eq!(rank("sxbl", matter), Some(4));
        assert_eq!(rank("dibao", matter), None);
        assert_eq!(rank("低保", matter), None);
        assert_eq!(rank("", matter), Some(0));
    }
}
