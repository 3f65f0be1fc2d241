//! What must be true of every page: no barrier that axe knows, nothing said on the console, no request elsewhere, and
//! a shape that people can read and hit.

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;
use std::{env, fs};

use serde_json::{Value, json};

use super::page::Page;

/// The axe-core that `tests/run` keeps, by its version.
const AXE: &str = "unstuck/axe-core-4.12.1/axe.min.js";

/// All of WCAG 2.2 up to AA, and what axe calls best practice: landmarks, headings, regions.
const AXE_TAGS: &[&str] =
    &["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

const SHAPE: &str = include_str!("shape.js");
const FOCUS: &str = include_str!("focus.js");

/// Something on a page that must not be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Which rule: axe's name of it, or `console`, `request`, or one of `shape.js`.
    pub rule: String,
    /// Where, and what is wrong there.
    pub place: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.place)
    }
}

fn fault(rule: &str, place: impl Into<String>) -> Fault {
    Fault { rule: rule.to_owned(), place: place.into() }
}

impl Page {
    /// Asserts that axe finds nothing on the page.
    ///
    /// # Panics
    /// With what it finds.
    #[track_caller]
    pub fn axe(&self) {
        refuse(&self.axe_faults(None), self);
    }

    /// What axe finds on the page, by all its rules or by those of these names.
    ///
    /// # Panics
    /// When axe cannot run.
    #[must_use]
    #[track_caller]
    pub fn axe_faults(&self, rules: Option<&[&str]>) -> Vec<Fault> {
        let world = self.isolated_world();
        let loaded = self.try_evaluate(axe_source(), Some(world));
        loaded.unwrap_or_else(|why| panic!("axe does not load: {why}"));
        let only = match rules {
            Some(rules) => json!({ "type": "rule", "values": rules }),
            None => json!({ "type": "tag", "values": AXE_TAGS }),
        };
        let options = json!({ "runOnly": only, "resultTypes": ["violations"] });
        let found = self.try_evaluate(
            &format!(
                "axe.run(document, {options}).then(found => found.violations.flatMap(violation =>
                    violation.nodes.map(node => [violation.id, node.target.join(' '), node.failureSummary])))"
            ),
            Some(world),
        );
        let found = found.unwrap_or_else(|why| panic!("axe does not run: {why}"));
        let found = found.as_array().expect("a list").iter();
        found
            .map(|one| {
                let place = format!("{} ({})", word(&one[1]), word(&one[2]).replace('\n', " "));
                fault(word(&one[0]), place)
            })
            .collect()
    }

    /// Asserts that the console stayed silent, and that no request went to another origin, since the last look.
    ///
    /// # Panics
    /// With what was said or asked for.
    #[track_caller]
    pub fn nothing_odd(&self) {
        refuse(&self.odd_faults(), self);
    }

    /// Asserts that nothing was said on the console since the page was opened.
    ///
    /// # Panics
    /// With what was said.
    #[track_caller]
    pub fn no_console_errors(&self) {
        refuse(&self.console_faults_since(0), self);
    }

    /// Asserts that no request has gone anywhere but to `origin` since the page was opened.
    ///
    /// # Panics
    /// With those that have.
    #[track_caller]
    pub fn no_request_left(&self, origin: &str) {
        refuse(&self.request_faults_since(0, origin), self);
    }

    /// What was said on the console or asked of others since the last look.
    #[must_use]
    pub fn odd_faults(&self) -> Vec<Fault> {
        let mark = self.looked_at.swap(self.mark(), Ordering::Relaxed);
        let mut faults = self.console_faults_since(mark);
        faults.extend(self.request_faults_since(mark, self.origin()));
        faults
    }

    fn console_faults_since(&self, mark: usize) -> Vec<Fault> {
        let events = self.events_since(mark);
        // A page that answers 404 or 422 as it should is noted on the console too; what it loads must not.
        let documents: BTreeSet<&str> = events
            .iter()
            .filter(|event| event.method == "Network.responseReceived")
            .filter(|event| event.params["type"] == "Document")
            .map(|event| word(&event.params["response"]["url"]))
            .collect();
        let said = events.iter().filter_map(|event| {
            let params = &event.params;
            match event.method.as_str() {
                "Runtime.exceptionThrown" => {
                    let thrown = &params["exceptionDetails"];
                    let words = word(&thrown["exception"]["description"]);
                    Some(format!("{} {words}", word(&thrown["text"])))
                }
                "Runtime.consoleAPICalled"
                    if matches!(word(&params["type"]), "error" | "warning" | "assert") =>
                {
                    Some(params["args"].to_string())
                }
                "Log.entryAdded" => {
                    let entry = &params["entry"];
                    let is_loud = matches!(word(&entry["level"]), "error" | "warning");
                    let is_page =
                        entry["source"] == "network" && documents.contains(word(&entry["url"]));
                    (is_loud && !is_page)
                        .then(|| format!("{} ({})", word(&entry["text"]), word(&entry["url"])))
                }
                _ => None,
            }
        });
        said.map(|said| fault("console", said)).collect()
    }

    fn request_faults_since(&self, mark: usize, origin: &str) -> Vec<Fault> {
        let home = format!("{}/", origin.trim_end_matches('/'));
        let events = self.events_since(mark);
        let urls = events
            .iter()
            .filter(|event| event.method == "Network.requestWillBeSent")
            .map(|event| word(&event.params["request"]["url"]));
        let is_elsewhere = |url: &&str| {
            !url.starts_with(&home) && !url.starts_with("data:") && !url.starts_with("blob:")
        };
        urls.filter(is_elsewhere).map(|url| fault("request", url)).collect()
    }

    /// What is wrong with the page's shape in the way it is looked at now: its language (`zh-CN`, `en`), headings,
    /// labels, sizes of what is to be hit, scrolling sideways.
    #[must_use]
    #[track_caller]
    pub fn shape_faults(&self, language: &str) -> Vec<Fault> {
        let found = self.evaluate(&format!("({SHAPE})({})", json!(language)));
        let found = found.as_array().expect("a list").iter();
        found.map(|one| fault(word(&one[0]), word(&one[1]))).collect()
    }

    /// What does not show that it has the keyboard's focus.
    #[must_use]
    #[track_caller]
    pub fn focus_faults(&self) -> Vec<Fault> {
        self.press("Tab");
        let blind = self.evaluate(FOCUS);
        let blind = blind.as_array().expect("a list").iter();
        blind.map(|place| fault("focus-visible", word(place))).collect()
    }
}

/// Fails with all faults at once.
#[track_caller]
fn refuse(faults: &[Fault], page: &Page) {
    let lines: Vec<String> = faults.iter().map(ToString::to_string).collect();
    assert!(faults.is_empty(), "at {}:\n{}", page.url(), lines.join("\n"));
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// axe-core: `UNSTUCK_TEST_AXE`, or the one that `tests/run` keeps in the user's cache.
#[track_caller]
fn axe_source() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let cache = env::var_os("XDG_CACHE_HOME")
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
            .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
        let path = env::var_os("UNSTUCK_TEST_AXE")
            .map(PathBuf::from)
            .or_else(|| Some(cache?.join(AXE)))
            .expect("there is a home for a cache");
        fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; tests/run fetches axe-core once, or name axe.min.js in UNSTUCK_TEST_AXE",
                path.display()
            )
        })
    })
}
