//! A walk through a house of pages by its links, and a look at each kind of page in every way.
//!
//! Invariants: a new page is looked at as soon as a page links to it; pages of one kind (`/cases/…`) are looked at once,
//! as the first one meets them who can reach it; a page that does not answer is a fault.
//!
//! With `UNSTUCK_TEST_PICTURES=1` each look leaves a picture in `target/screenshots`, for people who look as well.

use std::collections::{BTreeSet, VecDeque};

use serde_json::json;

use super::{Fault, LANGUAGES, Language, Looks, Page, SIZES, Size, THEMES, Theme};

/// How many links away from where somebody arrives pages are looked for: navigation, its lists, what they lead to.
const DEPTH_MAX: usize = 4;

/// How many links away from where somebody arrives a page is entered though somebody else has met it: it may lead them
/// on to what others cannot reach.
const DEPTH_AGAIN_MAX: usize = 2;

/// A house that has more kinds of pages than this links to something without end.
const PAGES_MAX: usize = 120;

/// What has been looked at, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Walk {
    kinds: BTreeSet<String>,
    faults: Vec<String>,
}

impl Walk {
    /// Looks at every kind of page that can be reached from a path, and that nobody has looked at before.
    ///
    /// # Panics
    /// When there is no end of kinds of pages.
    #[track_caller]
    pub fn follow(&mut self, page: &Page, who: &str, start: &str) {
        let mut met = BTreeSet::from([kind(start)]);
        let mut next = VecDeque::from([(start.to_owned(), 0)]);
        while let Some((path, depth)) = next.pop_front() {
            // What others have met deep inside the house leads on to where they went.
            if depth > DEPTH_AGAIN_MAX && self.kinds.contains(&kind(&path)) {
                continue;
            }
            page.look(Looks::COUNTER);
            if !self.answers(page, who, &path, 200) {
                continue;
            }
            if self.kinds.insert(kind(&page.path())) {
                assert!(self.kinds.len() < PAGES_MAX, "no end: {}", self.kinds().join(" "));
                self.inspect(page, who, &path);
                page.look(Looks::COUNTER);
                page.goto(&path);
            }
            if depth < DEPTH_MAX {
                let links = links(page).into_iter().filter(|link| met.insert(kind(link)));
                next.extend(links.map(|link| (link, depth + 1)));
            }
        }
    }

    /// Looks at a page that says no as well as one that says yes: its status, and everything that is looked at on any page.
    #[track_caller]
    pub fn look_at(&mut self, page: &Page, who: &str, path: &str, status: u16) {
        page.look(Looks::COUNTER);
        if self.answers(page, who, path, status) {
            self.inspect(page, who, path);
        }
    }

    fn answers(&mut self, page: &Page, who: &str, path: &str, expected: u16) -> bool {
        let status = page.goto(path);
        if status != expected {
            self.fault(who, path, "", &format!("status: {status}"));
        }
        status == expected
    }

    fn inspect(&mut self, page: &Page, who: &str, path: &str) {
        for language in LANGUAGES {
            page.look(Looks { language, ..Looks::COUNTER });
            page.goto(path);
            let code = match language {
                Language::Chinese => "zh-CN",
                Language::English => "en",
            };
            for size in SIZES {
                for theme in THEMES {
                    let looks = Looks { size, theme, language };
                    page.look(looks);
                    let how = format!("{} {} {}", language.name(), size.width, theme.name());
                    let found = faults_in_looks(page, looks, code);
                    self.faults_of(who, path, &how, &found);
                    if std::env::var_os("UNSTUCK_TEST_PICTURES").is_some() {
                        page.whole_picture(&file_name(path, looks));
                    }
                }
            }
            let found = page.odd_faults();
            self.faults_of(who, path, language.name(), &found);
        }
        page.look(Looks::COUNTER);
        page.without_script(true);
        page.goto(path);
        let shown =
            "[...document.querySelectorAll('h1')].filter(one => one.checkVisibility()).length";
        if page.evaluate(shown) != json!(1) || !page.sees("main") {
            self.fault(who, path, "without script", "shows nothing");
        }
        let found = page.odd_faults();
        self.faults_of(who, path, "without script", &found);
        page.without_script(false);
    }

    fn faults_of(&mut self, who: &str, path: &str, how: &str, faults: &[Fault]) {
        for fault in faults {
            self.fault(who, path, how, &fault.to_string());
        }
    }

    fn fault(&mut self, who: &str, path: &str, how: &str, what: &str) {
        self.faults.push(format!("{path} ({who}, {how}) {what}"));
    }

    /// The kinds of pages that were looked at.
    #[must_use]
    pub fn kinds(&self) -> Vec<&str> {
        self.kinds.iter().map(String::as_str).collect()
    }

    /// Everything that is wrong: path, who looked and how, and what.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }
}

/// The name of a picture: the path and the way of looking.
fn file_name(path: &str, looks: Looks) -> String {
    let place = path.split(['?', '#']).next().unwrap_or_default().trim_matches('/');
    let place = if place.is_empty() { "home".to_owned() } else { place.replace('/', "-") };
    let Looks { size, theme, language } = looks;
    format!("house-{place}-{}-{}-{}", size.width, theme.name(), language.name())
}

/// What can be seen in one way of looking. All of axe takes its time and most of it depends on neither size nor colour:
/// it is asked for everything twice, with all of language, size and theme different, and for contrast in between.
fn faults_in_looks(page: &Page, looks: Looks, language: &str) -> Vec<Fault> {
    let is_first = looks == Looks::COUNTER;
    let is_opposite =
        Looks { size: Size::PHONE, theme: Theme::Dark, language: Language::English } == looks;
    let mut found = Vec::new();
    if is_first || is_opposite {
        found.extend(page.axe_faults(None));
        found.extend(page.focus_faults());
    } else if looks.language == Language::Chinese {
        found.extend(page.axe_faults(Some(&["color-contrast"])));
    }
    // Colours move nothing.
    if looks.theme == Theme::Light {
        found.extend(page.shape_faults(language));
    }
    found
}

/// Where the page links to, inside the house, without what signs out, downloads or is for programs.
fn links(page: &Page) -> Vec<String> {
    let links = page.evaluate(
        "[...document.querySelectorAll('a[href]:not([download])')]
           .filter(one => one.origin === location.origin)
           .map(one => one.pathname + one.search)",
    );
    let links = links.as_array().expect("a list").iter().filter_map(|link| link.as_str());
    let is_page = |link: &&str| {
        let path = link.split('?').next().unwrap_or_default();
        !path.starts_with("/v1/")
            && !path.starts_with("/assets/")
            && !path.contains("sign-out")
            && !path.rsplit('/').next().unwrap_or_default().contains('.')
    };
    links.filter(is_page).map(str::to_owned).collect()
}

/// A path with what names one thing of many taken out: `/cases/0192…` and `/cases/0193…` are one kind of page. Words of
/// the house are short and have no digits. The lists behind the figures are one kind as well, and so are the forms of what
/// can be done with a case: each is made of the same parts by the same function.
fn kind(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let is_name =
        |part: &str| part.len() > 24 || part.chars().any(|letter| letter.is_ascii_digit());
    let mut before = "";
    let parts = path.split('/').map(|part| {
        let is_one_of_many = is_name(part) || matches!(before, "figures" | "do" | "accounts");
        before = part;
        if is_one_of_many { "…" } else { part }
    });
    parts.collect::<Vec<_>>().join("/")
}
