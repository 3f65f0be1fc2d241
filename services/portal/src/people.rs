//! People by their names: who is behind the usernames that stand in what the API says.
//!
//! Invariants: a page asks once, for those alone whom it shows; nobody is remembered beyond the page. Whoever has no
//! account any more is called by the username, and so is everybody when the API does not say: a page never fails for a
//! name.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;

use crate::lang::Lang;
use crate::names::Names;
use crate::visit::Visit;

/// Most people of one page: what the API takes at once.
const PEOPLE_MAX: usize = 200;

/// Longest username, in characters; what is longer was written by hand.
const USERNAME_CHARS_MAX: usize = 64;

/// Somebody who works here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Colleague {
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) role: String,
    pub(crate) center: Option<String>,
    pub(crate) department: Option<String>,
}

impl Colleague {
    /// Where they work; empty for those of the whole district.
    pub(crate) fn house<'a>(&'a self, lang: Lang, names: &'a Names) -> &'a str {
        match (&self.department, &self.center) {
            (Some(id), _) => names.department(lang, id),
            (None, Some(id)) => names.center(lang, id),
            (None, None) => "",
        }
    }

    /// What they do there, such as `区医保局 承办人`.
    pub(crate) fn post(&self, lang: Lang, names: &Names) -> String {
        let role = names.label(lang, "role", &self.role);
        format!("{} {role}", self.house(lang, names)).trim().to_owned()
    }
}

/// `GET /v1/colleagues`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Colleagues {
    pub(crate) items: Vec<Colleague>,
}

/// The people of a page.
#[derive(Debug, Clone, Default)]
pub(crate) struct People(HashMap<String, Colleague>);

impl People {
    fn of(found: Colleagues) -> Self {
        let named = found.items.into_iter().filter(|one| !one.name.is_empty());
        Self(named.map(|one| (one.username.clone(), one)).collect())
    }

    /// What somebody is called.
    pub(crate) fn name<'a>(&'a self, username: &'a str) -> &'a str {
        self.0.get(username).map_or(username, |one| one.name.as_str())
    }

    /// What somebody is called, with house and role: `样例（区医保局 承办人）`.
    pub(crate) fn titled(&self, lang: Lang, names: &Names, username: &str) -> String {
        let Some(one) = self.0.get(username) else { return username.to_owned() };
        match one.post(lang, names) {
            post if post.is_empty() => one.name.clone(),
            post => format!("{}{}", one.name, lang.with("in-brackets", &[("text", &post)])),
        }
    }
}

impl Visit {
    /// Learns the names of those whom the page is about to show.
    pub(crate) async fn meet(&mut self, usernames: impl Iterator<Item = &str> + Send) {
        let asked = asked(usernames);
        if asked.is_empty() {
            return;
        }
        let found = self.api().get::<Colleagues>("/v1/colleagues", &[("username", &asked)]).await;
        self.known_people = People::of(found.unwrap_or_default()).into();
    }
}

/// The usernames as the API takes them: each once. What cannot be one is somebody whom a person wrote down by name.
fn asked<'a>(usernames: impl Iterator<Item = &'a str>) -> String {
    let is_one = |text: &&str| {
        let is_short = (1..=USERNAME_CHARS_MAX).contains(&text.chars().count());
        is_short && text.chars().all(|letter| letter.is_alphanumeric() || "._-".contains(letter))
    };
    let each: BTreeSet<&str> = usernames.filter(is_one).collect();
    each.into_iter().take(PEOPLE_MAX).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
pub(crate) mod tests;
