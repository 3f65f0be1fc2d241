//! Tokens of machines: what there is, a new one, and the end of one.
//!
//! Invariant: a token stands on the one answer that made it.

use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;

use super::{place_body, role_of};
use crate::api::segment;
use crate::form::{Choice, Faults, Field, Form, Sending, Typed};
use crate::ui::{Page, Tone, notice, tag};
use crate::visit::{Signed, Visit};

/// The roles that a machine may read as, as the API has them.
const ROLES: [Role; 4] = [Role::Auditor, Role::Coordinator, Role::Director, Role::DepartmentLead];

#[derive(Default, Deserialize)]
pub(super) struct Asked {
    /// The name of the one that was just revoked.
    #[serde(default)]
    revoked: String,
}

#[derive(Deserialize)]
struct Tokens {
    items: Vec<Token>,
    scopes: Vec<Scope>,
}

#[derive(Deserialize)]
struct Token {
    id: String,
    name: String,
    role: Role,
    #[serde(default)]
    center: Option<String>,
    #[serde(default)]
    department: Option<String>,
    scopes: Vec<String>,
    expires_at: DateTime<FixedOffset>,
    #[serde(default)]
    expired: bool,
}

#[derive(Deserialize)]
struct Scope {
    code: String,
    label_zh: String,
    label_en: String,
}

#[derive(Deserialize)]
struct Made {
    token: String,
}

pub(super) async fn list(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    let said = (!asked.revoked.is_empty()).then(|| {
        let text = visit.lang.with("tokens-revoked", &[("name", &asked.revoked)]);
        html! { p.notice.notice-green role="status" { (text) } }
    });
    answer(&visit, said, &Typed::default(), &Faults::none()).await
}

async fn answer(visit: &Visit, said: Option<Markup>, typed: &Typed, faults: &Faults) -> Response {
    let lang = visit.lang;
    let tokens = match visit.api().get::<Tokens>("/v1/tokens", &[]).await {
        Ok(tokens) => tokens,
        Err(failure) => return visit.failed(&failure),
    };
    let title = lang.text("tokens-title");
    let body = html! {
        div.head { h1 { (title) " " span.count { (tokens.items.len()) } } }
        div.stack {
            @if let Some(said) = said { (said) }
            p.soft { (lang.text("tokens-text")) }
            @if tokens.items.is_empty() { p.soft { (lang.text("tokens-none")) } }
            @else { div.card { (table(visit, &tokens)) } }
            section.card {
                h2.card-title { (lang.text("tokens-add")) }
                (new_token(visit, &tokens.scopes, typed, faults))
            }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

fn table(visit: &Visit, tokens: &Tokens) -> Markup {
    let lang = visit.lang;
    let heads = ["token-name", "account-role", "token-scopes", "token-expires", "token-end"];
    let [name, role, scopes, expires, end] = heads.map(|head| lang.text(head));
    let label = |code: &String| {
        let scope = tokens.scopes.iter().find(|scope| scope.code == *code);
        scope.map_or(code.as_str(), |scope| lang.of(&scope.label_zh, &scope.label_en)).to_owned()
    };
    html! {
        table.table-cards {
            thead { tr { th { (name) } th { (role) } th { (scopes) } th { (expires) } th { (end) } } }
            tbody {
                @for token in &tokens.items {
                    tr {
                        td data-label=(name) { (token.name) }
                        td data-label=(role) { (role_of(visit, token.role)) (place(visit, token)) }
                        td data-label=(scopes) { ul.list { @for code in &token.scopes { li { (label(code)) } } } }
                        td data-label=(expires) {
                            (lang.full_day(token.expires_at.date_naive()))
                            @if token.expired { " " (tag(Tone::Amber, &lang.text("token-expired"))) }
                        }
                        td data-label=(end) {
                            form method="post" action={ "/admin/tokens/" (segment(&token.id)) "/revoke" } {
                                input type="hidden" name="name" value=(token.name);
                                button.button.button-plain type="submit" aria-label={ (lang.text("token-revoke")) " " (token.name) } {
                                    (lang.text("token-revoke"))
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn place(visit: &Visit, token: &Token) -> String {
    let id = token.center.as_deref().or(token.department.as_deref());
    id.map_or_else(String::new, |id| format!(" · {}", visit.known_names.body(visit.lang, id)))
}

fn new_token(visit: &Visit, scopes: &[Scope], typed: &Typed, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let roles: Vec<Choice> =
        ROLES.iter().map(|role| Choice::new(role.code(), role_of(visit, *role))).collect();
    let names = &visit.known_names;
    let bodies = |all: &[crate::names::Body]| -> Vec<Choice> {
        all.iter().map(|body| Choice::new(body.id.as_str(), body.name(lang))).collect()
    };
    let scopes: Vec<Choice> = scopes
        .iter()
        .map(|scope| Choice::new(scope.code.as_str(), lang.of(&scope.label_zh, &scope.label_en)))
        .collect();
    let [name, name_hint, role, role_hint] =
        ["token-name", "token-name-hint", "account-role", "token-role-hint"]
            .map(|key| lang.text(key));
    let [center, department, what, days] =
        ["account-center", "account-department", "token-scopes", "token-days"]
            .map(|key| lang.text(key));
    let button = lang.text("tokens-add");
    let sending = Sending { action: "/admin/tokens", button: &button, ..Sending::default() };
    form.whole(visit, &sending, html! {
        (form.line(Field::new("name", &name).hint(&name_hint).chars_max(40)))
        (form.select(Field::new("role", &role).hint(&role_hint), &roles))
        (form.select(Field::new("center", &center).optional(), &bodies(&names.centers)))
        (form.select(Field::new("department", &department).optional(), &bodies(&names.departments)))
        (form.many_chips(Field::new("scopes", &what), &scopes))
        (form.line(Field::new("days", &days).kind("number").short()))
    })
}

pub(super) async fn add(Signed { visit, .. }: Signed, typed: Typed) -> Response {
    let lang = visit.lang;
    let mut faults = Faults::none();
    let days = typed.get("days").parse::<u32>();
    if typed.get("role").is_empty() {
        faults.add("role", &lang.text("account-role-missing"));
    }
    if days.is_err() {
        faults.add("days", &lang.text("token-days-wrong"));
    }
    if !faults.is_empty() {
        return answer(&visit, None, &typed, &faults).await;
    }
    let mut body = place_body(&typed);
    body.insert("name".to_owned(), typed.get("name").into());
    body.insert("scopes".to_owned(), json!(typed.all("scopes")));
    body.insert("days".to_owned(), json!(days.unwrap_or_default()));
    match visit.api().post::<Made>("/v1/tokens", &body, None).await {
        Ok(made) => {
            let said = html! {
                (notice(Tone::Green, &lang.text("tokens-made"), &html! {
                    p { (lang.text("tokens-made-once")) }
                    p { code { (made.token) } }
                }))
            };
            answer(&visit, Some(said), &Typed::default(), &Faults::none()).await
        }
        Err(failure) => match failure.code() {
            "unauthenticated" | "locked" | "must_enrol" => visit.failed(&failure),
            _ => {
                let mut faults = Faults::none();
                let refused = Faults::of(&failure, lang);
                for (name, key) in [
                    ("name", "token-name-hint"),
                    ("center", "account-center-missing"),
                    ("department", "account-department-missing"),
                    ("scopes", "token-scopes-missing"),
                    ("days", "token-days-wrong"),
                ] {
                    if refused.get(name).is_some() {
                        faults.add(name, &lang.text(key));
                    }
                }
                let faults = if faults.is_empty() { refused } else { faults };
                answer(&visit, None, &typed, &faults).await
            }
        },
    }
}

pub(super) async fn revoke(
    Signed { visit, .. }: Signed,
    Path(id): Path<String>,
    typed: Typed,
) -> Response {
    let path = format!("/v1/tokens/{}/revoke", segment(&id));
    match visit.api().post::<IgnoredAny>(&path, &json!({}), None).await {
        Ok(_) => {
            let name = segment(typed.get("name"));
            Redirect::to(&format!("/admin/tokens?revoked={name}")).into_response()
        }
        Err(failure) => visit.failed(&failure),
    }
}
