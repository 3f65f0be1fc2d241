//! The cases that one may open: filtered by what stands in the address, in pages.
//!
//! Invariants: every filter is in the address, so that a list can be kept, sent and come back to; what the API does not
//! know is not passed on.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use serde::Deserialize;

use super::case::model::{At, Case};
use super::case::{flags, state_tag, who};
use crate::address::address;
use crate::form::Choice;
use crate::names::Body;
use crate::portal::Portal;
use crate::ui::{self, Page, fresh, moment, next_page};
use crate::visit::{Signed, Visit};

/// Cases on a page.
const SHOWN: &str = "25";

/// The order of a list that nobody has ordered: what came last is what one looks for.
const NEWEST: &str = "-opened_at";

/// What a list may be narrowed to; the names are those of the API.
const FILTERS: [&str; 16] = [
    "q",
    "state",
    "open",
    "overdue",
    "to_act",
    "arrived_late",
    "center",
    "department",
    "handler",
    "cause",
    "stage",
    "matter",
    "due_before",
    "opened_from",
    "opened_to",
    "sort",
];

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/cases", get(list))
}

/// A page of a list, as the API tells it.
#[derive(Deserialize)]
pub(crate) struct List {
    #[serde(default)]
    pub(crate) items: Vec<Case>,
    #[serde(default)]
    pub(crate) next_cursor: Option<String>,
    #[serde(default)]
    pub(crate) total: u64,
    pub(crate) as_of: At,
    #[serde(default)]
    pub(crate) as_of_sequence: u64,
}

/// What the address asks for: filters that have a value, in the order of the address.
pub(crate) struct Asked(Vec<(String, String)>);

impl Asked {
    /// Reads an address; what is no filter is left out.
    pub(crate) fn of(query: Vec<(String, String)>) -> Self {
        let is_known = |name: &str| name == "cursor" || FILTERS.contains(&name);
        Self(
            query.into_iter().filter(|(name, value)| is_known(name) && !value.is_empty()).collect(),
        )
    }

    /// What a filter is set to; empty when it is not.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The parameters for the API.
    pub(crate) fn parameters(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Whether anything but the order and the place is asked for.
    pub(crate) fn is_narrowed(&self) -> bool {
        self.0.iter().any(|(name, _)| name != "cursor" && name != "sort")
    }

    /// An address with these filters, at another place of the list.
    pub(crate) fn address(&self, path: &str, cursor: Option<&str>) -> String {
        let filters = self.0.iter().filter(|(name, _)| name != "cursor");
        let filters = filters.map(|(name, value)| (name.as_str(), value.as_str()));
        address(path, filters.chain(cursor.map(|cursor| ("cursor", cursor))))
    }
}

async fn list(
    Signed { mut visit, .. }: Signed,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let lang = visit.lang;
    let asked = Asked::of(query);
    let mut parameters = asked.parameters();
    parameters.push(("limit", SHOWN));
    if asked.get("sort").is_empty() {
        parameters.push(("sort", NEWEST));
    }
    let cases = match visit.api().get::<List>("/v1/cases", &parameters).await {
        Ok(cases) => cases,
        Err(failure) => return visit.failed(&failure),
    };
    visit.meet(cases.items.iter().flat_map(Case::people)).await;
    let title = lang.text("cases-title");
    let body = html! {
        div.head {
            h1 { (title) " " span.count { (lang.number(cases.total)) } }
        }
        div.stack {
        (filter(&visit, &asked))
        @if cases.items.is_empty() {
            (ui::empty(&lang.text("cases-none"), &html! {
                @if asked.is_narrowed() { (ui::tile_link("/cases", &lang.text("cases-all"))) }
            }))
        } @else {
            (table(&visit, &cases.items))
            (next_page(
                lang,
                cases.total,
                (!asked.get("cursor").is_empty()).then(|| asked.address("/cases", None)).as_deref(),
                cases.next_cursor.as_deref().map(|cursor| asked.address("/cases", Some(cursor))).as_deref(),
            ))
        }
        }
    };
    Page::new(&visit, &title, body).fresh(fresh(lang, &cases.as_of, cases.as_of_sequence)).respond()
}

/// A table of cases; on a telephone a stack of cards.
pub(crate) fn table(visit: &Visit, cases: &[Case]) -> Markup {
    let lang = visit.lang;
    html! {
        div.table-scroll.table-cards { table {
            thead {
                tr {
                    th { (lang.text("cases-case")) } th { (lang.text("cases-standing")) }
                    th { (lang.text("cases-next")) } th { (lang.text("cases-due")) }
                }
            }
            tbody { @for case in cases { (row(visit, case)) } }
        } }
    }
}

fn row(visit: &Visit, case: &Case) -> Markup {
    let (lang, now, names) = (visit.lang, visit.now(), &visit.known_names);
    let is_late = case.rest.flags.overdue;
    html! {
        tr.late[is_late] {
            th scope="row" {
                a href={ "/cases/" (case.case_id) } { (case.matter.name) }
                div.soft.small { span.nowrap { (case.case_no) } " · " (names.center(lang, &case.center)) }
            }
            td data-label=(lang.text("cases-standing")) {
                span.row { (state_tag(visit, case)) (flags(visit, case)) }
                @if let Some(department) = &case.rest.department {
                    div.soft.small { (names.department(lang, department)) }
                }
            }
            td data-label=(lang.text("cases-next")) {
                @if let Some(next) = case.rest.next.first() {
                    (who(visit, next)) (lang.text("case-step-between")) (next.label.text(lang))
                } @else { span.soft { "–" } }
            }
            td.nowrap data-label=(lang.text("cases-due")) {
                span class=(if is_late { "deadline deadline-late" } else { "deadline" }) { (moment(lang, &case.due_at, &now)) }
            }
        }
    }
}

/// The filters as a form; what is set in the address is set in it.
fn filter(visit: &Visit, asked: &Asked) -> Markup {
    let (lang, names) = (visit.lang, &visit.known_names);
    let codes = |list: &str| -> Vec<Choice> {
        let codes = names.codes(list).iter();
        codes.map(|code| Choice::new(code.code.clone(), code.label(lang))).collect()
    };
    let bodies = |bodies: &[Body]| -> Vec<Choice> {
        bodies.iter().map(|body| Choice::new(body.id.clone(), body.name(lang))).collect()
    };
    let orders: Vec<Choice> = ["due_at", "-due_at", "opened_at"]
        .into_iter()
        .zip(["sort-due", "sort-due-last", "sort-opened"])
        .map(|(code, key)| Choice::new(code, lang.text(key)))
        .collect();
    let has_center = visit.person.as_ref().is_some_and(|person| person.center.is_some());
    let has_department = visit.person.as_ref().is_some_and(|person| person.department.is_some());
    let marks = [
        ("open", "cases-open"),
        ("overdue", "cases-overdue"),
        ("to_act", "cases-to-act"),
        ("arrived_late", "cases-arrived-late"),
    ];
    html! {
        form.filter method="get" action="/cases" role="search" aria-label=(lang.text("cases-filter")) {
            div.field {
                label for="c-q" { (lang.text("cases-q")) }
                input type="search" id="c-q" name="q" value=(asked.get("q")) autocomplete="off" data-key="/";
            }
            (select(visit, "state", "cases-standing", "cases-any", &codes("state"), asked))
            (select(visit, "stage", "case-stage", "cases-any", &codes("blocked_stage"), asked))
            (select(visit, "cause", "case-cause", "cases-any", &codes("cause"), asked))
            @if !has_center { (select(visit, "center", "cases-center", "cases-any", &bodies(&names.centers), asked)) }
            @if !has_department { (select(visit, "department", "case-department", "cases-any", &bodies(&names.departments), asked)) }
            (select(visit, "sort", "cases-sort", "sort-opened-last", &orders, asked))
            @for (name, key) in marks {
                label.check { input type="checkbox" name=(name) value="true" checked[asked.get(name) == "true"]; " " (lang.text(key)) }
            }
            @for name in ["handler", "matter", "due_before", "opened_from", "opened_to"] {
                @if !asked.get(name).is_empty() { input type="hidden" name=(name) value=(asked.get(name)); }
            }
            button.button type="submit" { (lang.text("cases-find")) }
            @if asked.is_narrowed() { a.button.button-plain href="/cases" { (lang.text("cases-all")) } }
        }
    }
}

fn select(
    visit: &Visit,
    name: &str,
    key: &str,
    unset: &str,
    choices: &[Choice],
    asked: &Asked,
) -> Markup {
    let (lang, id) = (visit.lang, format!("c-{name}"));
    html! {
        div.field {
            label for=(id) { (lang.text(key)) }
            select id=(id) name=(name) {
                option value="" { (lang.text(unset)) }
                @for choice in choices {
                    option value=(choice.value) selected[asked.get(name) == choice.value] { (choice.label) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        Asked::of(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn an_address_keeps_its_filters_and_nothing_else() {
        let asked = asked(&[
            ("state", "opened"),
            ("q", "退休 & 养老"),
            ("overdue", ""),
            ("limit", "9999"),
            ("cursor", "abc"),
        ]);
        assert!(asked.is_narrowed());
        let names: Vec<&str> = asked.parameters().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["state", "q", "cursor"]);
        let address = asked.address("/cases", Some("next"));
        assert!(address.starts_with("/cases?state=opened&q=%E9%80%80"), "{address}");
        assert!(address.ends_with("%26+%E5%85%BB%E8%80%81&cursor=next"), "{address}");
        assert_eq!(
            self::asked(&[("sort", "due_at")]).address("/cases", None),
            "/cases?sort=due_at"
        );
        assert!(!self::asked(&[("sort", "due_at"), ("cursor", "x")]).is_narrowed());
    }
}
