//! What bodies and people are called in a sentence, in both languages.
//!
//! Invariants: whoever has no name is called by what stands in the event: a body that the district no longer has by its
//! id, a person whose account was removed by the username; a sentence never waits for a name.

use std::collections::HashMap;

use casework::rules::Rules;
use desk::District;
use proto_events::events::CaseEvent;
use runtime::identity::{Identity, Username};

use super::words::Words;

/// What bodies and people are called.
#[derive(Debug)]
pub(crate) struct Called<'a> {
    district: &'a District,
    /// Names of people by their usernames.
    people: HashMap<String, String>,
}

impl<'a> Called<'a> {
    /// Knows the bodies, and no people.
    pub(crate) fn bodies(district: &'a District) -> Self {
        Self { district, people: HashMap::new() }
    }

    /// Knows the bodies, and the people whom these events name.
    pub(crate) async fn in_events(
        district: &'a District,
        identity: &Identity,
        events: impl Iterator<Item = &CaseEvent>,
    ) -> Self {
        let mut people = HashMap::new();
        for name in events.filter_map(named) {
            if people.contains_key(name) {
                continue;
            }
            let Ok(username) = name.parse::<Username>() else { continue };
            // A bus that is away costs the names and not the history.
            let Ok(account) = identity.find(&username).await else { break };
            let called = account.map_or_else(|| name.to_owned(), |account| account.staff.name);
            people.insert(name.to_owned(), called);
        }
        Self { district, people }
    }

    /// The rules of the district.
    pub(crate) const fn rules(&self) -> &'a Rules {
        &self.district.rules
    }

    /// A department or a center.
    pub(crate) fn body(&self, body: &str) -> Words {
        let zh = self.rules().body_name(body);
        // A name that nobody translated is better than none.
        Words::new(zh, self.district.body_name_en(body).unwrap_or(zh))
    }

    /// A person.
    pub(crate) fn person<'p>(&'p self, username: &'p str) -> &'p str {
        self.people.get(username).map_or(username, String::as_str)
    }
}

/// The person whom the sentence of an event names.
fn named(event: &CaseEvent) -> Option<&str> {
    match event {
        CaseEvent::Accepted(data) => Some(&data.handler),
        CaseEvent::NotDoableDetermined(data) => Some(&data.countersigned_by),
        _ => None,
    }
}
