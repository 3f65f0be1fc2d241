//! The catalogues in the binary: one bundle a language, made of one file an area.
//!
//! To add an area, write `locales/zh-CN/<area>.ftl` and `locales/en/<area>.ftl` and put its name into the list below.
//!
//! Invariants: formatting is total: a key that is not there stands on the page as itself, and the tests see to it that
//! no such key is ever asked for. Nothing is wrapped in isolation marks: they would get into copies and prints.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};

use super::Lang;

macro_rules! areas {
    ($($area:literal),+ $(,)?) => {
        /// The files of a language: area and text.
        pub(super) const fn files(lang: Lang) -> &'static [(&'static str, &'static str)] {
            match lang {
                Lang::Chinese => &[$(($area, include_str!(concat!("../../locales/zh-CN/", $area, ".ftl")))),+],
                Lang::English => &[$(($area, include_str!(concat!("../../locales/en/", $area, ".ftl")))),+],
            }
        }
    };
}

areas! {
    "house",
    "form",
    "account",
    "admin",
    "counter",
    "callbacks",
    "words",
    "cases",
    "case",
    "actions",
    "inbox",
    "task_forces",
    "improvements",
    "public",
    "district",
}

static CHINESE: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Lang::Chinese));
static ENGLISH: LazyLock<FluentBundle<FluentResource>> = LazyLock::new(|| bundle(Lang::English));

/// Makes the bundle of a language. A file with a fault gives what can be read of it; the tests read the faults.
fn bundle(lang: Lang) -> FluentBundle<FluentResource> {
    let tag = lang.tag().parse().expect("the tags of the two languages are tags");
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    bundle.set_use_isolating(false);
    for (_, text) in files(lang) {
        let resource = match FluentResource::try_new((*text).to_owned()) {
            Ok(resource) | Err((resource, _)) => resource,
        };
        // A key that stands in two files keeps its first text; a test finds the second.
        let _ = bundle.add_resource(resource);
    }
    bundle
}

/// Formats a text.
pub(super) fn format(lang: Lang, key: &str, args: Option<&FluentArgs<'_>>) -> String {
    let bundle = match lang {
        Lang::Chinese => &*CHINESE,
        Lang::English => &*ENGLISH,
    };
    let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
        tracing::error!(text.key = key, "a text is in no catalogue");
        return key.to_owned();
    };
    let mut faults = Vec::new();
    let text = bundle.format_pattern(pattern, args, &mut faults).into_owned();
    if !faults.is_empty() {
        tracing::error!(text.key = key, "a text lacks an argument");
    }
    text
}
