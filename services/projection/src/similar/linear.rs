//! Likeness of two texts by the pairs of characters that they share: for the few (precedents), and as the measure that the
//! index is held against in tests.
//!
//! Invariant: pure; a text is what it says, not how it is typed (case, width, blanks and marks do not count).

use std::collections::BTreeSet;

/// Two characters that stand side by side.
pub(crate) type Pair = [char; 2];

/// The characters of a text that count: letters and digits, in one case and width; runs are split where others stood.
pub(crate) fn runs(text: &str) -> Vec<Vec<char>> {
    let mut runs = vec![Vec::new()];
    for character in text.chars() {
        let narrow = match character {
            '\u{ff01}'..='\u{ff5e}' => {
                char::from_u32(character as u32 - 0xfee0).unwrap_or(character)
            }
            other => other,
        };
        if narrow.is_alphanumeric() {
            let run = runs.last_mut().expect("there is always a last run");
            run.extend(narrow.to_lowercase());
        } else if runs.last().is_some_and(|run| !run.is_empty()) {
            runs.push(Vec::new());
        }
    }
    runs.retain(|run| !run.is_empty());
    runs
}

/// The pairs of a text, each once; a run of one character is a pair with nothing.
pub(crate) fn pairs(text: &str) -> BTreeSet<Pair> {
    let mut pairs = BTreeSet::new();
    for run in runs(text) {
        match run[..] {
            [alone] => {
                pairs.insert([alone, '\0']);
            }
            _ => pairs.extend(run.windows(2).map(|pair| [pair[0], pair[1]])),
        }
    }
    pairs
}

/// How alike two texts are, by their pairs: those of the first that stand in the second, 0 to 1.
pub(crate) fn likeness(asked: &BTreeSet<Pair>, text: &BTreeSet<Pair>) -> f64 {
    if asked.is_empty() {
        return 0.0;
    }
    // Counts of a text that a person types: far below 2^52.
    asked.intersection(text).count() as f64 / asked.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(asked: &str, text: &str) -> f64 {
        likeness(&pairs(asked), &pairs(text))
    }

    #[test]
    fn a_text_is_what_it_says_and_not_how_it_is_typed() {
        assert_eq!(pairs("退休，手续。"), pairs(" 退休 \n手续！"));
        assert_eq!(pairs("ＡＢ１2"), pairs("ab12"));
        assert_eq!(pairs("…… \t"), BTreeSet::new());
        assert_eq!(pairs("证").len(), 1);
    }

    #[test]
    fn likeness_is_the_share_of_what_was_asked() {
        assert_eq!(alike("退休手续", "办理退休手续时"), 1.0);
        assert_eq!(alike("退休手续", "退休金"), 1.0 / 3.0);
        assert_eq!(alike("退休手续", "公租房"), 0.0);
        assert_eq!(alike("", "公租房"), 0.0);
    }
}
