//! The headers of a recorded event: names and values in one piece of memory.
//!
//! A view folds a million events; a map of two strings per header cost more than reading what stands in them.
//! Invariant: of a name that came twice the first value counts, as everywhere on this bus.

use std::fmt;

/// The headers of an event, the first value of each.
#[derive(Clone, Default)]
pub struct Headers {
    /// Name and value of each field, one after the other.
    text: String,
    /// Where name and value of each field end in the text.
    ends: Vec<(u32, u32)>,
}

impl Headers {
    /// The value of a header; names are compared as they are spelt.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// Every name with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut start = 0;
        self.ends.iter().map(move |(name_end, end)| {
            let (name_end, end) = (*name_end as usize, *end as usize);
            let field = (&self.text[start..name_end], &self.text[name_end..end]);
            start = end;
            field
        })
    }

    /// Adds a header; one of a name that is there already changes nothing, nor does one beyond four gigabytes.
    pub fn add(&mut self, name: &str, value: &str) {
        let name_end = self.text.len() + name.len();
        let (Ok(name_end), Ok(end)) =
            (u32::try_from(name_end), u32::try_from(name_end + value.len()))
        else {
            return;
        };
        if self.get(name).is_none() {
            self.text.push_str(name);
            self.text.push_str(value);
            self.ends.push((name_end, end));
        }
    }

    /// Makes room for so many headers of so many bytes in all.
    #[must_use]
    pub fn with_capacity(count: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), ends: Vec::with_capacity(count) }
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        // What an event of this house has: sixteen headers, some 700 bytes.
        let mut headers = Self::with_capacity(16, 768);
        for (name, value) in fields {
            headers.add(name.as_ref(), value.as_ref());
        }
        headers
    }
}

/// The order in which headers came does not count.
impl PartialEq for Headers {
    fn eq(&self, other: &Self) -> bool {
        self.ends.len() == other.ends.len()
            && self.iter().all(|(name, value)| other.get(name) == Some(value))
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_are_a_map_that_keeps_the_first_value(
            fields in proptest::collection::vec(("[a-c]{1,2}", ".{0,8}"), 0..12),
        ) {
            let headers: Headers = fields.iter().map(|(name, value)| (name, value)).collect();
            let mut map = BTreeMap::new();
            for (name, value) in &fields {
                map.entry(name.as_str()).or_insert(value.as_str());
            }
            prop_assert_eq!(headers.iter().collect::<BTreeMap<_, _>>(), map.clone());
            for name in ["a", "b", "c", "ab", "", "cc"] {
                prop_assert_eq!(headers.get(name), map.get(name).copied());
            }
            let reversed: Headers = map.iter().rev().collect();
            prop_assert_eq!(headers, reversed);
        }
    }
}
