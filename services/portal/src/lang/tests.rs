//! The catalogues, held against each other and against the code.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate};
use fluent_bundle::FluentResource;

use super::{Lang, catalogue};

/// The keys of a language with the names of their arguments.
fn keys(lang: Lang) -> BTreeMap<String, BTreeSet<String>> {
    let mut keys = BTreeMap::new();
    for (area, text) in catalogue::files(lang) {
        let read = FluentResource::try_new((*text).to_owned());
        assert!(
            read.is_ok(),
            "{}/{area}.ftl: {:?}",
            lang.tag(),
            read.err().map(|(_, faults)| faults)
        );
        let mut key = None;
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some((name, _)) = line.split_once(" =").filter(|_| !line.starts_with([' ', '}']))
            {
                let known = keys.insert(name.to_owned(), BTreeSet::new());
                assert!(known.is_none(), "{}/{area}.ftl: {name} has a text already", lang.tag());
                key = Some(name.to_owned());
            }
            let arguments = line.split('$').skip(1).map(|rest| {
                rest.chars()
                    .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                    .collect::<String>()
            });
            if let Some(known) = key.as_ref().and_then(|key| keys.get_mut(key)) {
                known.extend(arguments);
            }
        }
    }
    keys
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder of the sources is there") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Every source of the crate, tests left out, with comments left out.
fn code() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let is_test = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name == "tests.rs")
            || path.components().any(|part| part.as_os_str() == "tests")
    };
    paths.retain(|path| !is_test(path));
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a source can be read");
            let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            let code = code.map(|line| line.split(" // ").next().unwrap_or(line));
            (path, code.collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// The literals of a source: what stands between two quotes on a line, and no escape in it.
fn literals(code: &str) -> impl Iterator<Item = &str> {
    code.lines().flat_map(|line| line.split('"').skip(1).step_by(2))
}

#[test]
fn both_catalogues_have_the_same_keys_with_the_same_arguments() {
    let (chinese, english) = (keys(Lang::Chinese), keys(Lang::English));
    let of = |one: &BTreeMap<String, BTreeSet<String>>, other: &BTreeMap<String, _>| {
        one.keys().filter(|key| !other.contains_key(*key)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(of(&chinese, &english), Vec::<String>::new(), "keys that English lacks");
    assert_eq!(of(&english, &chinese), Vec::<String>::new(), "keys that Chinese lacks");
    for (key, arguments) in &chinese {
        // A plural that Chinese does not have is no argument that it lacks; a name that it never says is.
        assert_eq!(arguments, &english[key], "the arguments of {key}");
    }
}

#[test]
fn every_key_that_code_asks_for_is_there_and_none_is_idle() {
    let keys = keys(Lang::Chinese);
    let code = code();
    let mut lacking = Vec::new();
    for (path, code) in &code {
        for asks in [".text(\"", ".with(\"", ".with(\n"] {
            for after in code.split(asks).skip(1) {
                let after = after.trim_start().trim_start_matches('"');
                let key = after.split('"').next().unwrap_or_default();
                let is_key = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
                if is_key && !keys.contains_key(key) {
                    lacking.push(format!("{}: {key}", path.display()));
                }
            }
        }
    }
    assert_eq!(lacking, Vec::<String>::new(), "keys that no catalogue has");
    let used: BTreeSet<&str> = code.iter().flat_map(|(_, code)| literals(code)).collect();
    // A family of keys is asked for as `format!("state-{code}")`.
    let families: Vec<&str> = used
        .iter()
        .filter_map(|literal| literal.split_once('{').map(|(family, _)| family))
        .filter(|family| family.len() > 2 && family.ends_with('-'))
        .collect();
    let idle: Vec<&String> = keys
        .keys()
        .filter(|key| !used.contains(key.as_str()))
        .filter(|key| !families.iter().any(|family| key.starts_with(family)))
        .collect();
    assert_eq!(idle, Vec::<&String>::new(), "keys that nothing asks for");
}

#[test]
fn no_text_stands_in_the_code() {
    let is_han =
        |c: char| ('\u{3400}'..='\u{9fff}').contains(&c) || ('\u{ff01}'..='\u{ff5e}').contains(&c);
    let faults: Vec<String> = code()
        .iter()
        .flat_map(|(path, code)| {
            let lines = code.lines().filter(|line| line.chars().any(is_han));
            lines.map(|line| format!("{}: {}", path.display(), line.trim())).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(faults, Vec::<String>::new(), "texts belong into the catalogues");
}

#[test]
fn a_day_and_an_hour_read_as_people_say_them() {
    let at = DateTime::parse_from_rfc3339("2021-01-27T17:30:00+08:00").unwrap();
    let now = DateTime::parse_from_rfc3339("2026-01-05T09:00:00+08:00").unwrap();
    assert_eq!(Lang::Chinese.moment_near(&at, &at), "1月27日（周三）17:30");
    assert_eq!(Lang::English.moment_near(&at, &at), "Wed 27 Jan, 17:30");
    assert_eq!(Lang::Chinese.moment_near(&at, &now), "2021年1月27日（周三）17:30");
    assert_eq!(Lang::English.moment_near(&at, &now), "Wed 27 Jan 2021, 17:30");
    assert_eq!(Lang::English.day(NaiveDate::from_ymd_opt(2026, 2, 28).unwrap()), "Sat 28 Feb");
}

#[test]
fn a_number_has_its_thousands_apart() {
    let written = [0, 999, 1_000, 40_793, 1_000_000].map(|number| Lang::English.number(number));
    assert_eq!(written, ["0", "999", "1,000", "40,793", "1,000,000"]);
}

#[test]
fn one_and_many_are_told_apart() {
    assert_eq!(Lang::English.with("page-count", &[("total", &1_u64)]), "1 item");
    assert_eq!(Lang::English.with("page-count", &[("total", &2_u64)]), "2 items");
    assert_eq!(Lang::Chinese.with("page-count", &[("total", &2_u64)]), "共 2 条");
}

#[test]
fn the_language_is_chosen_by_the_heaviest_wish_and_else_the_house_speaks_chinese() {
    for (header, lang) in [
        ("", Lang::Chinese),
        ("fr", Lang::Chinese),
        ("en-US,en;q=0.9", Lang::English),
        ("zh-CN,zh;q=0.9,en;q=0.8", Lang::Chinese),
        ("en;q=0.5, zh;q=0.9", Lang::Chinese),
        ("de, en;q=0.3", Lang::English),
        ("zh;q=0, en;q=0.1", Lang::English),
        ("en;q=x,*", Lang::Chinese),
    ] {
        assert_eq!(Lang::accepted(header), lang, "{header:?}");
    }
}

#[test]
fn nothing_is_wrapped_in_marks_that_would_be_copied() {
    let text = Lang::Chinese.with("footer-telephone", &[]);
    assert!(!text.contains(['\u{2068}', '\u{2069}']), "{text:?}");
    let text = Lang::Chinese.with("fresh", &[("at", &"17:30")]);
    assert!(!text.contains(['\u{2068}', '\u{2069}']), "{text:?}");
}

#[test]
fn a_name_that_nobody_translated_is_said_as_it_is() {
    assert_eq!(Lang::English.of("区民政局", ""), "区民政局");
    assert_eq!(Lang::English.of("区民政局", "Civil Affairs"), "Civil Affairs");
    assert_eq!(Lang::Chinese.of("区民政局", "Civil Affairs"), "区民政局");
}
