//! The names of the district: centers, departments, matters, and the labels of every code.
//!
//! Invariants: they are asked of the API at most once a minute; when it is away, the last ones stand. What has no name is
//! called by its id: a page never fails for a name.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use crate::api::{Caller, Client};
use crate::lang::Lang;

/// How long names are kept: who renames a department waits a minute for it.
const KEPT_MAX: Duration = Duration::from_secs(60);

/// A center or a department.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Body {
    pub(crate) id: String,
    name: String,
    name_en: Option<String>,
    /// The windows of a department, with their telephones.
    pub(crate) windows: Vec<Window>,
}

impl Body {
    /// Its name in this language.
    pub(crate) fn name(&self, lang: Lang) -> &str {
        lang.of(&self.name, self.name_en.as_deref().unwrap_or_default())
    }
}

/// A window of a department.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Window {
    pub(crate) name: String,
    pub(crate) phone: Option<String>,
}

/// A matter of the district's list.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Matter {
    pub(crate) name: String,
    pub(crate) code: Option<String>,
    pub(crate) department: Option<String>,
    pub(crate) keywords: Vec<String>,
}

/// A code with its labels.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Code {
    pub(crate) code: String,
    zh: String,
    en: String,
    pub(crate) category: Option<String>,
}

impl Code {
    /// Its label in this language.
    pub(crate) fn label(&self, lang: Lang) -> &str {
        lang.of(&self.zh, &self.en)
    }
}

/// The center whose own server answers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AtCenter {
    /// Where citizens reach the district's pages.
    pub(crate) public_url: Option<String>,
}

/// The names of the district.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Names {
    name: String,
    name_en: Option<String>,
    telephone: Option<String>,
    /// Whether people may sign in with an identity provider.
    pub(crate) oidc: bool,
    /// Periods of a working day, such as `13:30-17:30`.
    business_hours: Vec<String>,
    pub(crate) centers: Vec<Body>,
    pub(crate) departments: Vec<Body>,
    pub(crate) matters: Vec<Matter>,
    codes: HashMap<String, Vec<Code>>,
    pub(crate) limits: HashMap<String, u32>,
    pub(crate) at_center: Option<AtCenter>,
}

impl Names {
    /// The district.
    pub(crate) fn district(&self, lang: Lang) -> &str {
        lang.of(&self.name, self.name_en.as_deref().unwrap_or_default())
    }

    /// The telephone of the district.
    pub(crate) fn telephone(&self) -> Option<&str> {
        self.telephone.as_deref()
    }

    /// The hour at which a day ends for a promise: the close of business; of a house that does not say, half past five.
    pub(crate) fn closes_at(&self) -> &str {
        let last = self.business_hours.last().and_then(|hours| hours.split_once('-'));
        last.map_or("17:30", |(_, end)| end)
    }

    /// The name of a center.
    pub(crate) fn center<'a>(&'a self, lang: Lang, id: &'a str) -> &'a str {
        called(&self.centers, lang, id)
    }

    /// The name of a department.
    pub(crate) fn department<'a>(&'a self, lang: Lang, id: &'a str) -> &'a str {
        called(&self.departments, lang, id)
    }

    /// The name of a center or a department, whichever has this id.
    pub(crate) fn body<'a>(&'a self, lang: Lang, id: &'a str) -> &'a str {
        match self.centers.iter().any(|center| center.id == id || center.name == id) {
            true => self.center(lang, id),
            false => self.department(lang, id),
        }
    }

    /// The codes of a list, such as `cause` or `state`.
    pub(crate) fn codes(&self, list: &str) -> &[Code] {
        self.codes.get(list).map_or(&[], Vec::as_slice)
    }

    /// The label of a code of a list.
    pub(crate) fn label<'a>(&'a self, lang: Lang, list: &str, code: &'a str) -> &'a str {
        let found = self.codes(list).iter().find(|known| known.code == code);
        found.map_or(code, |known| known.label(lang))
    }
}

fn called<'a>(bodies: &'a [Body], lang: Lang, id: &'a str) -> &'a str {
    // A body that was written down by its name is still that body.
    let found = bodies.iter().find(|body| body.id == id || body.name == id);
    found.map(|body| body.name(lang)).filter(|name| !name.is_empty()).unwrap_or(id)
}

/// The names as they were last read.
#[derive(Debug, Default)]
pub(crate) struct NamesKept {
    kept: RwLock<Option<(Instant, Arc<Names>)>>,
}

impl NamesKept {
    /// The names; without any when the API is away and nobody asked it before.
    pub(crate) async fn get(&self, client: &Client) -> Arc<Names> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((read_at, names)) = &kept
            && read_at.elapsed() < KEPT_MAX
        {
            return Arc::clone(names);
        }
        let asked =
            Caller::new(client, None, Lang::Chinese).get::<Names>("/v1/district", &[]).await;
        match (asked, kept) {
            (Ok(names), _) => {
                let names = Arc::new(names);
                let kept = Some((Instant::now(), Arc::clone(&names)));
                *self.kept.write().unwrap_or_else(PoisonError::into_inner) = kept;
                names
            }
            (Err(_), Some((_, names))) => names,
            (Err(_), None) => Arc::default(),
        }
    }

    /// The names as they were last read, without asking.
    pub(crate) fn last(&self) -> Arc<Names> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().map(|(_, names)| Arc::clone(names)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let text = r#"{"name":"东城区","name_en":"Dongcheng","telephone":"010-0000-0000","new_field":1,
            "centers":[{"id":"donghuashi","name":"东花市","name_en":"Donghuashi"}],
            "departments":[{"id":"housing","name":"区住建委"}],
            "codes":{"state":[{"code":"opened","zh":"已登记","en":"Opened"}]}}"#;
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_name_is_said_in_the_language_of_the_page_and_else_as_it_is() {
        let names = names();
        assert_eq!(names.center(Lang::English, "donghuashi"), "Donghuashi");
        assert_eq!(names.department(Lang::English, "housing"), "区住建委");
        assert_eq!(names.body(Lang::Chinese, "housing"), "区住建委");
        assert_eq!(names.body(Lang::English, "东花市"), "Donghuashi");
        assert_eq!(names.label(Lang::English, "state", "opened"), "Opened");
    }

    #[test]
    fn a_day_ends_with_the_last_hour_of_business() {
        let hours = r#"{"business_hours":["08:30-12:00","13:00-16:45"]}"#;
        assert_eq!(serde_json::from_str::<Names>(hours).unwrap().closes_at(), "16:45");
        assert_eq!(Names::default().closes_at(), "17:30");
    }

    #[test]
    fn what_has_no_name_is_called_by_its_id() {
        let names = names();
        assert_eq!(names.center(Lang::Chinese, "elsewhere"), "elsewhere");
        assert_eq!(names.label(Lang::Chinese, "cause", "Z9"), "Z9");
        assert!(names.codes("nothing").is_empty());
    }
}
