//! Head, navigation by role, and foot.
//!
//! Invariants: the navigation names the pages of the role and no other; language, display and sign-out are forms,
//! because they change something; the light says how the page is kept up to date, in a word as well.

use maud::{DOCTYPE, Markup, html};
use proto_events::codes::Role;

use super::pieces::{Tone, tag};
use super::{Dress, Page};
use crate::assets;
use crate::lang::Lang;
use crate::visit::{Line, Theme, Visit};

/// What stands in the navigation of a role: text and address, the first is where the role begins.
pub(super) const fn nav_of(role: Role) -> &'static [(&'static str, &'static str)] {
    match role {
        Role::Clerk => &[
            ("nav-counter", "/counter"),
            ("nav-cases", "/cases"),
            ("nav-consultations", "/consultations"),
            ("nav-improvements", "/improvements"),
            ("nav-figures", "/district"),
        ],
        Role::Director => &[
            ("nav-counter", "/counter"),
            ("nav-cases", "/cases"),
            ("nav-consultations", "/consultations"),
            ("nav-task-forces", "/task-forces"),
            ("nav-improvements", "/improvements"),
            ("nav-figures", "/district"),
        ],
        Role::Handler | Role::DepartmentLead => &[
            ("nav-inbox", "/inbox"),
            ("nav-cases", "/cases"),
            ("nav-task-forces", "/task-forces"),
            ("nav-improvements", "/improvements"),
            ("nav-figures", "/district"),
        ],
        Role::Coordinator => &[
            ("nav-district", "/district"),
            ("nav-inbox", "/inbox"),
            ("nav-task-forces", "/task-forces"),
            ("nav-cases", "/cases"),
            ("nav-improvements", "/improvements"),
        ],
        Role::Callback => &[("nav-callbacks", "/callbacks"), ("nav-cases", "/cases")],
        Role::PrivacyOfficer => &[("nav-cases", "/cases"), ("nav-audit", "/audit")],
        Role::Auditor => &[
            ("nav-cases", "/cases"),
            ("nav-audit", "/audit"),
            ("nav-district", "/district"),
            ("nav-improvements", "/improvements"),
            ("nav-quarantine", "/quarantine"),
        ],
        Role::Admin => &[
            ("nav-accounts", "/admin/accounts"),
            ("nav-tokens", "/admin/tokens"),
            ("nav-quarantine", "/quarantine"),
        ],
        _ => &[],
    }
}

/// Puts a page into its surroundings.
pub(super) fn around(page: &Page<'_>) -> Markup {
    let (visit, lang) = (page.visit, page.visit.lang);
    let product = lang.text("product");
    let class = match page.dress {
        Dress::Work => "work",
        Dress::Public => "public",
        Dress::Wall => "wall",
    };
    let is_elder = visit.is_elder && page.dress == Dress::Public;
    html! {
        (DOCTYPE)
        html lang=(lang.tag()) data-theme=(visit.theme.code()) data-elder[is_elder] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · " (product) }
                link rel="stylesheet" href=(assets::css());
                link rel="icon" href=(assets::favicon()) type="image/svg+xml";
                script type="module" src=(assets::script()) {}
            }
            body class=(class) data-live=[visit.person.as_ref().map(|_| "/live")] {
                a class="skip" href="#main" { (lang.text("skip-to-main")) }
                @if page.dress != Dress::Wall { (head(page)) }
                main id="main" tabindex="-1" { (page.body) }
                @if page.dress != Dress::Wall { (foot(page)) }
            }
        }
    }
}

fn head(page: &Page<'_>) -> Markup {
    let (visit, lang) = (page.visit, page.visit.lang);
    html! {
        header class="top" {
            div class="top-row" {
                a class="brand" href="/" {
                    (sign())
                    span { (lang.text("product")) }
                    @if let Some(place) = place(visit) { span class="brand-place" { (place) } }
                }
                @if let Some(role) = visit.role().filter(|_| page.dress == Dress::Work) {
                    nav class="nav" aria-label=(lang.text("nav-label")) {
                        @for (text, href) in nav_of(role) {
                            a href=(href) aria-current=[is_here(&visit.path, href).then_some("page")] { (lang.text(text)) }
                        }
                    }
                }
                div class="top-end" {
                    @if let Some(line) = &visit.line { (line_state(lang, line)) }
                    @if page.dress == Dress::Public {
                        (wish("elder", if visit.is_elder { "0" } else { "1" }, visit, &html! {
                            (lang.text(if visit.is_elder { "elder-off" } else { "elder-on" }))
                        }, None))
                    }
                    (wish("lang", lang.other().tag(), visit, &html! {
                        span lang=(lang.other().tag()) { (lang.text("switch-language")) }
                    }, Some(&lang.text("switch-language-label"))))
                    (account(visit))
                }
            }
        }
    }
}

/// How the line to the district is, in a word and with what has not arrived.
fn line_state(lang: Lang, line: &Line) -> Markup {
    let (tone, word) = match (line.registers, line.line.as_str()) {
        (false, _) => (Tone::Red, lang.text("line-refused")),
        (true, "up") if line.waiting == 0 => (Tone::Plain, lang.text("line-up")),
        (true, "up") => (Tone::Plain, lang.with("line-bringing", &[("count", &line.waiting)])),
        (true, _) => (Tone::Amber, lang.with("line-down", &[("count", &line.waiting)])),
    };
    html! {
        span role="status" {
            (tag(tone, &word))
            @if line.clock_is_off {
                " " (tag(Tone::Red, &lang.with("line-clock", &[("clock", &clock_off(lang, line.clock_ahead_seconds))])))
            }
        }
    }
}

/// How far a center's clock is ahead, or behind.
pub(crate) fn clock_off(lang: Lang, ahead_seconds: i64) -> String {
    let key = if ahead_seconds < 0 { "line-clock-behind" } else { "line-clock-ahead" };
    lang.with(key, &[("span", &lang.span(ahead_seconds))])
}

/// The menu behind one's name: display, password, lock, sign out.
fn account(visit: &Visit) -> Markup {
    let lang = visit.lang;
    html! {
        details class="menu" {
            summary {
                @match &visit.person {
                    Some(person) => span class="who-name" { (person.name) },
                    None => (lang.text("theme-label")),
                }
            }
            div class="menu-list" {
                @if visit.person.is_some() {
                    a href="/password" { (lang.text("account-password")) }
                    a href="/second-factor" { (lang.text("account-second-factor")) }
                    form method="post" action="/lock" {
                        button type="submit" data-key="Alt+l" { (lang.text("account-lock")) }
                    }
                    form method="post" action="/sign-out" { button type="submit" { (lang.text("account-sign-out")) } }
                } @else {
                    a href="/sign-in" { (lang.text("account-sign-in")) }
                }
                div class="menu-head" { (lang.text("theme-label")) }
                @for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
                    (wish("theme", theme.code(), visit, &html! {
                        (theme_word(lang, theme)) @if theme == visit.theme { " ✓" }
                    }, None))
                }
            }
        }
    }
}

fn theme_word(lang: Lang, theme: Theme) -> String {
    lang.text(match theme {
        Theme::Auto => "theme-auto",
        Theme::Light => "theme-light",
        Theme::Dark => "theme-dark",
    })
}

/// A wish about looks: a form, because the house remembers it, and back to the same page.
fn wish(name: &str, value: &str, visit: &Visit, words: &Markup, label: Option<&str>) -> Markup {
    html! {
        form method="post" action="/wish" {
            input type="hidden" name="back" value=(visit.path);
            button type="submit" name=(name) value=(value) aria-label=[label] { (words) }
        }
    }
}

fn foot(page: &Page<'_>) -> Markup {
    let (visit, lang) = (page.visit, page.visit.lang);
    html! {
        footer class="foot" {
            div class="foot-row" {
                @if let Some(telephone) = telephone(visit) {
                    span { (lang.text("footer-telephone")) " " a href={ "tel:" (telephone) } { (telephone) } }
                }
                @if let Some(fresh) = &page.fresh { (fresh) }
                @if visit.person.is_some() { (light(lang)) }
                @else if page.dress == Dress::Public { span { (lang.text("footer-terms")) } }
            }
        }
    }
}

/// The light: how the page is kept up to date. The script turns it; without script it is out.
pub(crate) fn light(lang: Lang) -> Markup {
    html! {
        span class="light" role="status" data-light="off"
            data-live=(lang.text("light-live"))
            data-polling=(lang.text("light-polling"))
            data-away=(lang.text("light-away")) { (lang.text("light-off")) }
    }
}

/// Whether a page lies under an entry of the navigation.
fn is_here(path: &str, href: &str) -> bool {
    let path = path.split('?').next().unwrap_or(path);
    path.strip_prefix(href).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The mark of the product.
fn sign() -> Markup {
    html! {
        svg viewBox="0 0 32 32" aria-hidden="true" focusable="false" {
            rect width="32" height="32" rx="8" fill="#1a56b4" {}
            path d="M8 17.5l5.5 5.5L24.5 10" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round" {}
        }
    }
}

/// Where the visitor works: the center or department, else the district.
fn place(visit: &Visit) -> Option<String> {
    let (lang, names) = (visit.lang, visit.portal.names.last());
    let person = visit.person.as_ref();
    let name = match person.map(|person| (person.center.as_deref(), person.department.as_deref())) {
        Some((Some(center), _)) => names.center(lang, center),
        Some((None, Some(department))) => names.department(lang, department),
        _ => names.district(lang),
    };
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

/// The telephone of the district.
fn telephone(visit: &Visit) -> Option<String> {
    visit.portal.names.last().telephone().map(str::to_owned)
}
