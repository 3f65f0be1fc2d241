//! Chinese text, split into words, with the names of the district beside the dictionary.
//!
//! Invariant: the same text is split the same way by whoever writes and whoever asks, as long as the names are the same;
//! [`Words::fingerprint`] says whether they are. The dictionary is unpacked at the first use (some 35 MB): a process that
//! never looks for anything does without.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

use jieba_rs::Jieba;

use super::linear;

/// Most characters of a text that are split: a summary is no longer.
const TEXT_CHARS_MAX: usize = 6000;

/// Splits text.
pub(super) struct Words {
    names: Vec<String>,
    dictionary: OnceLock<Jieba>,
}

impl Words {
    /// Splits with these names beside the dictionary.
    pub(super) fn new(names: Vec<String>) -> Self {
        Self { names, dictionary: OnceLock::new() }
    }

    /// What the names are, in one number; an index that was made with others is made anew.
    pub(super) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.names.hash(&mut hasher);
        hasher.finish()
    }

    /// The words of a text, in its order; single characters only where they stand alone.
    pub(super) fn of(&self, text: &str) -> Vec<String> {
        let dictionary = self.dictionary.get_or_init(|| {
            let mut dictionary = Jieba::new();
            for name in &self.names {
                dictionary.add_word(name, None, None);
            }
            dictionary
        });
        let mut words = Vec::new();
        for run in linear::runs(&shortened(text)) {
            let is_alone = run.len() == 1;
            let run: String = run.into_iter().collect();
            // Also the shorter words inside a long one, so that 退休手续 is found by 退休.
            for token in dictionary.cut_for_search(&run, true) {
                if is_alone || token.word.chars().nth(1).is_some() {
                    words.push(token.word.to_owned());
                }
            }
        }
        words
    }

    /// The pairs of characters of a text, in its order.
    pub(super) fn pairs_of(text: &str) -> Vec<String> {
        let mut pairs = Vec::new();
        for run in linear::runs(&shortened(text)) {
            match run[..] {
                [alone] => pairs.push(alone.to_string()),
                _ => pairs.extend(run.windows(2).map(|pair| pair.iter().collect())),
            }
        }
        pairs
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_district_stay_whole_and_are_found_by_their_parts() {
        let plain = Words::new(vec![]);
        let named = Words::new(vec!["东花市街道".to_owned()]);
        assert!(!plain.of("东花市街道办理").contains(&"东花市街道".to_owned()));
        let words = named.of("东花市街道办理");
        assert!(words.contains(&"东花市街道".to_owned()), "{words:?}");
        assert_ne!(plain.fingerprint(), named.fingerprint());
    }

    #[test]
    fn a_text_is_split_the_same_however_it_is_typed() {
        let words = Words::new(vec![]);
        assert_eq!(words.of("退休，手续 ＡＢ"), words.of("退休 手续。ab"));
        assert_eq!(Words::pairs_of("退休 证"), ["退休", "证"]);
        assert!(words.of("…… \u{0} \t").is_empty());
    }
}
