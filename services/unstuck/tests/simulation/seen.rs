//! What has come up, over all tales: without it, everything could hold because nothing ever happens.

use std::collections::BTreeMap;

/// What has come up, over all tales.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) events: BTreeMap<String, u64>,
    pub(crate) refusals: BTreeMap<String, u64>,
    pub(crate) happened: BTreeMap<String, u64>,
}

impl Seen {
    pub(crate) fn note(&mut self, what: &str) {
        *self.happened.entry(what.to_owned()).or_default() += 1;
    }

    pub(crate) fn take(&mut self, other: Self) {
        for (mine, theirs) in [
            (&mut self.events, other.events),
            (&mut self.refusals, other.refusals),
            (&mut self.happened, other.happened),
        ] {
            for (key, count) in theirs {
                *mine.entry(key).or_default() += count;
            }
        }
    }
}
