//! What waits for me (承办): my turn first, the most urgent first.
//!
//! Invariants: a count is the total of the very list behind it; every tab and filter is in the address; a list is ordered
//! by the instant that it shows.

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use maud::{Markup, html};

use super::actions::turn_button;
use super::case::model::Case;
use super::case::{flags, state_tag, who};
use super::cases::{Asked, List};
use crate::api::Failure;
use crate::portal::Portal;
use crate::ui::{self, Page, Tone, fresh, moment, next_page, tag};
use crate::visit::{Signed, Visit};

/// Cases on a page: what one looks through before the first coffee.
const SHOWN: &str = "20";

/// The order of what is to be done: by the very instant that a card shows.
const URGENT: &str = "next_due_at";

/// A tab: its key, and what its list is narrowed to.
struct Tab {
    key: &'static str,
    narrowed: &'static [(&'static str, &'static str)],
}

/// The tabs; the first is the one that opens.
const TABS: [Tab; 5] = [
    Tab { key: "inbox-mine", narrowed: &[("to_act", "true"), ("sort", URGENT)] },
    Tab { key: "inbox-open", narrowed: &[("open", "true"), ("sort", URGENT)] },
    Tab {
        key: "inbox-overdue",
        narrowed: &[("open", "true"), ("overdue", "true"), ("sort", URGENT)],
    },
    Tab {
        key: "inbox-paused",
        narrowed: &[("open", "true"), ("paused", "true"), ("sort", URGENT)],
    },
    Tab { key: "inbox-done", narrowed: &[("open", "false"), ("sort", "-opened_at")] },
];

/// Filters that a tab may be narrowed by further.
const FILTERS: [&str; 4] = ["q", "state", "stage", "cause"];

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/inbox", get(page))
}

/// What the address asks for.
struct Place {
    tab: usize,
    asked: Asked,
    is_fragment: bool,
}

impl Place {
    fn of(query: Vec<(String, String)>) -> Self {
        let named = |name: &str| query.iter().find(|(known, _)| known == name);
        let tab = named("tab").and_then(|(_, tab)| TABS.iter().position(|one| one.key == tab));
        let is_fragment = named("fragment").is_some();
        let is_ours = |name: &str| name == "cursor" || FILTERS.contains(&name);
        let query = query.into_iter().filter(|(name, _)| is_ours(name)).collect();
        Self { tab: tab.unwrap_or_default(), asked: Asked::of(query), is_fragment }
    }

    /// What the list of a tab is asked with.
    fn parameters(&self, tab: &Tab) -> Vec<(&str, &str)> {
        let filters = self.asked.parameters().into_iter().filter(|(name, _)| *name != "cursor");
        filters.chain(tab.narrowed.iter().copied()).collect()
    }

    fn address(&self, tab: &str, cursor: Option<&str>) -> String {
        let address = self.asked.address("/inbox", cursor);
        let mark = if address.contains('?') { '&' } else { '?' };
        format!("{address}{mark}tab={tab}")
    }
}

async fn count(visit: &Visit, place: &Place, tab: &Tab) -> Result<u64, Failure> {
    let mut parameters = place.parameters(tab);
    parameters.push(("limit", "1"));
    visit.api().get::<List>("/v1/cases", &parameters).await.map(|list| list.total)
}

async fn page(
    Signed { mut visit, .. }: Signed,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let lang = visit.lang;
    let place = Place::of(query);
    let mut parameters = place.parameters(&TABS[place.tab]);
    parameters.extend([("limit", SHOWN), ("cursor", place.asked.get("cursor"))]);
    let api = visit.api();
    let (list, counts) = tokio::join!(
        api.get::<List>("/v1/cases", &parameters),
        futures::future::join_all(TABS.iter().map(|tab| count(&visit, &place, tab))),
    );
    let list = match list {
        Ok(list) => list,
        Err(failure) => return visit.failed(&failure),
    };
    let mut counts: Vec<Option<u64>> = counts.into_iter().map(Result::ok).collect();
    visit.meet(list.items.iter().flat_map(Case::people)).await;
    // Of the list that is shown, what it says itself.
    counts[place.tab] = Some(list.total);
    let inner = inner(&visit, &place, &list, &counts);
    if place.is_fragment {
        return inner.into_response();
    }
    let title = lang.text("inbox-title");
    let fragment = {
        let cursor = Some(place.asked.get("cursor")).filter(|cursor| !cursor.is_empty());
        format!("{}&fragment=1", place.address(TABS[place.tab].key, cursor))
    };
    let body = html! {
        div.head { h1 { (title) } }
        (filter(&visit, &place))
        div data-refresh=(fragment) { (inner) }
    };
    Page::new(&visit, &title, body).fresh(fresh(lang, &list.as_of, list.as_of_sequence)).respond()
}

fn inner(visit: &Visit, place: &Place, list: &List, counts: &[Option<u64>]) -> Markup {
    let lang = visit.lang;
    let own = TABS[place.tab].key;
    html! {
        nav.tabs aria-label=(lang.text("inbox-tabs")) {
            @for (tab, count) in TABS.iter().zip(counts) {
                a href=(place.address(tab.key, None)) aria-current=[(tab.key == own).then_some("page")] {
                    (lang.text(tab.key))
                    @if let Some(count) = count { " " span.count { (lang.number(*count)) } }
                }
            }
        }
        div.stack {
            @if list.items.is_empty() {
                (ui::empty(&lang.text(if own == "inbox-mine" { "inbox-nothing" } else { "cases-none" }), &html! {
                    @if place.asked.is_narrowed() { (ui::tile_link("/inbox", &lang.text("cases-all"))) }
                }))
            }
            @for case in &list.items { (card(visit, case)) }
            (next_page(
                lang,
                list.total,
                (!place.asked.get("cursor").is_empty()).then(|| place.address(own, None)).as_deref(),
                list.next_cursor.as_deref().map(|cursor| place.address(own, Some(cursor))).as_deref(),
            ))
        }
    }
}

/// A case: what is to be done, by when, and the citizen's own words.
fn card(visit: &Visit, case: &Case) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    let is_late = case.rest.flags.overdue;
    let next = case.rest.next.first();
    // The instant that the list is ordered by.
    let due = next.and_then(|next| next.due_at).unwrap_or(case.due_at);
    let others = case.rest.next.iter().skip(1);
    let is_today = due.date_naive() == now.date_naive();
    let class = if is_late { "card card-late stack" } else { "card stack" };
    html! {
        article class=(class) {
            div.row {
                h2.card-title { a href={ "/cases/" (case.case_id) } { (case.matter.name) } }
                (state_tag(visit, case)) (flags(visit, case))
                @if is_today && !is_late { (tag(Tone::Amber, &lang.text("inbox-today"))) }
            }
            @if let Some(next) = next {
                p {
                    strong { (next.label.text(lang)) } " · " (who(visit, next)) " "
                    span class=(if due < now { "deadline deadline-late" } else { "deadline" }) {
                        (lang.with("case-by", &[("at", &lang.moment_near(&due, &now))]))
                    }
                }
            }
            @for other in others {
                p.small.soft {
                    (other.label.text(lang)) " · " (who(visit, other)) " "
                    @if let Some(due) = &other.due_at { (lang.with("case-by", &[("at", &lang.moment_near(due, &now))])) }
                }
            }
            p.clip { (case.demand) }
            (turn_button(visit, case))
            p.soft.small {
                (case.case_no) " · " (names.center(lang, &case.center)) " · "
                (lang.text("case-opened")) " " (moment(lang, &case.opened_at, &now))
                @if next.is_some_and(|next| next.due_at != Some(case.due_at)) {
                    " · " (lang.text("case-deadline")) " " (moment(lang, &case.due_at, &now))
                }
            }
        }
    }
}

fn filter(visit: &Visit, place: &Place) -> Markup {
    let (lang, names) = (visit.lang, &visit.known_names);
    let selects = [
        ("state", "state", "cases-standing"),
        ("stage", "blocked_stage", "case-stage"),
        ("cause", "cause", "case-cause"),
    ];
    html! {
        form.filter method="get" action="/inbox" role="search" aria-label=(lang.text("cases-filter")) {
            input type="hidden" name="tab" value=(TABS[place.tab].key);
            div.field {
                label for="i-q" { (lang.text("cases-q")) }
                input type="search" id="i-q" name="q" value=(place.asked.get("q")) autocomplete="off" data-key="/";
            }
            @for (name, codes, key) in selects {
                div.field {
                    label for={ "i-" (name) } { (lang.text(key)) }
                    select id={ "i-" (name) } name=(name) {
                        option value="" { (lang.text("cases-any")) }
                        @for code in names.codes(codes) {
                            option value=(code.code) selected[place.asked.get(name) == code.code] { (code.label(lang)) }
                        }
                    }
                }
            }
            button.button type="submit" { (lang.text("cases-find")) }
            @if place.asked.is_narrowed() { a.button.button-plain href="/inbox" { (lang.text("cases-all")) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(pairs: &[(&str, &str)]) -> Place {
        Place::of(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn a_tab_opens_with_its_list_and_keeps_the_filters() {
        assert_eq!(TABS[place(&[]).tab].key, "inbox-mine");
        let place = place(&[("tab", "inbox-done"), ("cause", "M"), ("open", "true"), ("x", "y")]);
        let parameters = place.parameters(&TABS[place.tab]);
        assert_eq!(parameters, [("cause", "M"), ("open", "false"), ("sort", "-opened_at")]);
        assert_eq!(place.address("inbox-open", None), "/inbox?cause=M&tab=inbox-open");
    }

    #[test]
    fn a_tab_that_nobody_knows_is_the_first() {
        assert_eq!(place(&[("tab", "elsewhere")]).tab, 0);
    }
}
