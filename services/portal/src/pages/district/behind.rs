//! The list behind a figure (`/figures/{name}`): what was counted, case by case, or day by day.
//!
//! Invariants: the same scope as the number that led here, so that the counts of the list add up to it; both sides of a
//! share can be looked at; nothing is listed that the visitor may not open, the API sees to that.

use axum::extract::{Path, Query};
use axum::response::Response;
use maud::{Markup, html};
use serde::Deserialize;

use super::answers::{BehindPage, Catalogue, Entry};
use super::scope::{Asked, Scope};
use crate::address::address;
use crate::api::segment;
use crate::names::Names;
use crate::ui::{self, Page, Tone, tag};
use crate::visit::{Signed, Visit};

/// What else stands in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Side {
    part: String,
    of: String,
    cursor: String,
}

pub(super) async fn page(
    Signed { visit, .. }: Signed,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
    Query(side): Query<Side>,
) -> Response {
    let lang = visit.lang;
    let scope = Scope::of(&asked, &visit.now());
    let part = if side.part == "denominator" { "denominator" } else { "numerator" };
    let mut query = scope.query();
    query.push(("part", part.to_owned()));
    query.push(("of", side.of.clone()));
    query.push(("cursor", side.cursor.clone()));
    let query: Vec<_> = query.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let path = format!("/v1/figures/{}/cases", segment(&name));
    let (catalogue, behind, names) = tokio::join!(
        async { visit.api().get::<Catalogue>("/v1/figures", &[]).await },
        async { visit.api().get::<BehindPage>(&path, &query).await },
        visit.names(),
    );
    let (catalogue, behind) = match (catalogue, behind) {
        (Ok(catalogue), Ok(behind)) => (catalogue, behind),
        (Err(failure), _) | (_, Err(failure)) => return visit.failed(&failure),
    };
    let entry = catalogue.entry(&name).cloned().unwrap_or_default();
    let title = entry.label.say(lang).to_owned();
    let list =
        List { visit: &visit, names: &names, scope: &scope, entry: &entry, part, side: &side };
    let fresh = ui::fresh(lang, &behind.as_of, behind.as_of_sequence);
    Page::new(&visit, &title, list.whole(&title, &behind)).fresh(fresh).respond()
}

struct List<'a> {
    visit: &'a Visit,
    names: &'a Names,
    scope: &'a Scope,
    entry: &'a Entry,
    part: &'static str,
    side: &'a Side,
}

impl List<'_> {
    fn address(&self, part: &str, cursor: Option<&str>) -> String {
        let mut more = vec![("part", part)];
        if !self.side.of.is_empty() {
            more.push(("of", &self.side.of));
        }
        if let Some(cursor) = cursor {
            more.push(("cursor", cursor));
        }
        self.scope.address(&format!("/figures/{}", self.entry.name), &more)
    }

    fn whole(&self, title: &str, behind: &BehindPage) -> Markup {
        let lang = self.visit.lang;
        let back = self.scope.address("/district", &[]);
        html! {
            div class="head" {
                div {
                    h1 { (title) @if let Some(of) = self.of() { " · " (of) } }
                    p class="lead" { (self.entry.definition.say(lang)) }
                    p class="lead" { (self.period()) }
                }
                a class="button button-plain" href=(back) { (lang.text("district-back")) }
            }
            @if self.entry.kind == "share" || self.entry.kind == "mean" {
                nav class="tabs" aria-label=(lang.text("behind-sides")) {
                    @for (part, text) in [("numerator", "behind-numerator"), ("denominator", "behind-denominator")] {
                        a href=(self.address(part, None)) aria-current=[(part == self.part).then_some("true")] { (lang.text(text)) }
                    }
                }
            }
            p class="gap" { (lang.with("behind-counted", &[("items", &lang.number(behind.total)), ("counted", &lang.number(behind.counted))])) }
            @if behind.items.is_empty() {
                (ui::empty(&lang.text("behind-empty"), &html! {
                    p class="soft" { (lang.text("behind-empty-do")) }
                    div class="row" { (ui::tile_link(&back, &lang.text("district-back"))) }
                }))
            } @else {
                (self.table(behind))
                @let first = self.address(self.part, None);
                @let next = behind.next_cursor.as_deref().map(|cursor| self.address(self.part, Some(cursor)));
                (ui::next_page(lang, behind.total, (!self.side.cursor.is_empty()).then_some(first.as_str()), next.as_deref()))
            }
        }
    }

    fn period(&self) -> String {
        let lang = self.visit.lang;
        let today = self.visit.now().date_naive();
        let last = self.scope.to.or(self.scope.as_of).unwrap_or(today);
        let (from, to) = (lang.day_near(self.scope.from, today), lang.day_near(last, today));
        lang.with("district-period-said", &[("from", &from), ("to", &to)])
    }

    /// The group of the figure that is looked at, in words.
    fn of(&self) -> Option<String> {
        let lang = self.visit.lang;
        let department = |id: &str| match id {
            "-" => lang.text("district-nobody-named"),
            id => self.names.department(lang, id).to_string(),
        };
        let (kind, rest) = self.side.of.split_once(':')?;
        Some(match (kind, rest.split_once(':')) {
            ("complexity", _) => self.names.label(lang, "complexity", rest).to_string(),
            ("department", _) => department(rest),
            ("center", _) => self.names.center(lang, rest).to_string(),
            ("blockage", Some((cause, stage))) => format!(
                "{} · {}",
                self.names.label(lang, "cause", cause),
                self.names.label(lang, "blocked_stage", stage)
            ),
            ("return", Some((from, to))) => format!("{} → {}", department(from), department(to)),
            _ => rest.to_owned(),
        })
    }

    fn table(&self, behind: &BehindPage) -> Markup {
        let lang = self.visit.lang;
        let is_days = behind.items.iter().any(|item| item.date.is_some());
        let has_times = behind.items.iter().any(|item| item.times != 1);
        let heads = [
            (true, if is_days { "behind-day" } else { "behind-case" }),
            (true, "district-center"),
            (!is_days, "district-department"),
            (!is_days, "behind-state"),
            (has_times, "district-times"),
        ];
        html! {
            div class="table-scroll table-cards" {
                table {
                    thead { tr {
                        @for (is_there, text) in heads { @if is_there {
                            th scope="col" class=[(text == "district-times").then_some("num")] { (lang.text(text)) }
                        } }
                    } }
                    tbody {
                        @for item in &behind.items {
                            tr {
                                th scope="row" {
                                    @match (&item.case_id, item.date) {
                                        (Some(id), _) => a.nowrap href={ "/cases/" (id) } { (item.case_no) },
                                        (None, Some(date)) => (lang.full_day(date)),
                                        (None, None) => "–",
                                    }
                                }
                                td data-label=(lang.text("district-center")) { (self.names.center(lang, &item.center)) }
                                @if !is_days {
                                    td data-label=(lang.text("district-department")) {
                                        @match &item.department {
                                            Some(id) => (self.names.department(lang, id)),
                                            None => span class="soft" { "–" },
                                        }
                                    }
                                    td data-label=(lang.text("behind-state")) { (tag(Tone::Plain, self.names.label(lang, "state", &item.state))) }
                                }
                                @if has_times { td class="num" data-label=(lang.text("district-times")) { (lang.number(item.times)) } }
                            }
                        }
                    }
                }
            }
            @if !is_days && matches!(self.entry.name.as_str(), "open" | "overdue") {
                @let mut query = self.scope.narrowed();
                @let () = query.push(("overdue", (self.entry.name == "overdue").to_string()));
                p { a href=(address("/cases", query)) { (lang.text("behind-in-cases")) } }
            }
        }
    }
}
