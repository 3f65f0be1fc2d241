//! What belongs to no area: the front door, wishes about looks, the live line, and addresses that lead nowhere.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{any, get, post};
use proto_events::codes::Role;

use crate::api::{Failure, Problem};
use crate::form::Typed;
use crate::lang::Lang;
use crate::portal::Portal;
use crate::session;
use crate::ui;
use crate::visit::{Signed, Theme, Visit};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/", get(front_door))
        .route("/wish", post(wish))
        .route("/live", get(live))
        .route("/{*rest}", any(nowhere))
}

/// Where a role begins its day.
pub(crate) const fn home_of(role: Role) -> &'static str {
    match role {
        Role::Clerk | Role::Director => "/counter",
        Role::Handler | Role::DepartmentLead => "/inbox",
        Role::Coordinator => "/district",
        Role::Callback => "/callbacks",
        Role::Admin => "/admin/accounts",
        _ => "/cases",
    }
}

/// An address within our pages to go on to; anything else leads to the front door.
pub(crate) fn way_back(next: &str) -> &str {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if is_ours { next } else { "/" }
}

async fn front_door(visit: Visit) -> Response {
    match visit.role() {
        Some(role) => Redirect::to(home_of(role)).into_response(),
        // Staff type the bare address; citizens come with the address on their receipt.
        None => Redirect::to("/sign-in").into_response(),
    }
}

/// Remembers how somebody wants the pages to look.
async fn wish(visit: Visit, typed: Typed) -> Response {
    let mut response = Redirect::to(&without_lang(way_back(typed.get("back")))).into_response();
    let mut keep = |name, value: &str| {
        let cookie = session::keep_wish(name, value, visit.is_secure);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    };
    if let Some(lang) = Lang::from_tag(typed.get("lang")) {
        keep(session::LANG_COOKIE, lang.tag());
    }
    if let Some(theme) = typed.some("theme") {
        keep(session::THEME_COOKIE, Theme::from_code(theme).code());
    }
    if let Some(elder) = typed.some("elder") {
        keep(session::ELDER_COOKIE, if elder == "1" { "1" } else { "0" });
    }
    response
}

/// A `lang` in the address would win over the wish that was just made.
fn without_lang(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let kept: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("lang=")).collect();
    match kept.as_slice() {
        [] => path.to_owned(),
        kept => format!("{path}?{}", kept.join("&")),
    }
}

/// Passes the live feed on: a browser has a cookie, the API wants a token.
async fn live(Signed { visit, .. }: Signed, headers: HeaderMap) -> Response {
    let last = headers.get(HeaderName::from_static("last-event-id"));
    match visit.api().stream("/v1/live", &[], last).await {
        Ok(response) => response,
        // The script of the page reads the status, nobody reads a text.
        Err(failure) => StatusCode::from_u16(failure.status())
            .unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            .into_response(),
    }
}

/// An address that leads nowhere. Under `/v1/` a caller gets a problem, elsewhere a person gets a page.
async fn nowhere(visit: Visit, uri: Uri) -> Response {
    if uri.path().starts_with("/v1/") {
        return runtime::http::Problem::not_found("there is nothing at this address")
            .into_response();
    }
    let problem = Problem { status: 404, code: "not_found".to_owned(), ..Problem::default() };
    ui::problem_page(&visit, &Failure::Problem(Box::new(problem)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_never_leads_to_another_site() {
        assert_eq!(way_back("/cases?q=a"), "/cases?q=a");
        for bad in [
            "",
            "//other.example",
            "http://other.example",
            "/\\other.example",
            "cases",
            "/a b",
            "/\n",
        ] {
            assert_eq!(way_back(bad), "/", "{bad:?}");
        }
    }

    #[test]
    fn a_language_in_the_address_gives_way_to_the_wish() {
        assert_eq!(without_lang("/cases?lang=en&q=a"), "/cases?q=a");
        assert_eq!(without_lang("/cases?lang=en"), "/cases");
        assert_eq!(without_lang("/cases"), "/cases");
    }
}
