//! Accounts: who may sign in, as what, and where.
//!
//! Invariants: whoever administers handles no cases and sees none; a person is removed only after a second look; the house
//! itself keeps the last administrator.

mod one;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use chrono::{DateTime, FixedOffset};
use maud::{Markup, html};
use proto_events::codes::Role;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::password::PASSWORD_CHARS_MIN;
use crate::api::{Failure, segment};
use crate::form::{Choice, Faults, Field, Form, Sending, Typed};
use crate::portal::Portal;
use crate::ui::{Page, Tone, tag};
use crate::visit::{Signed, Visit};

/// The roles that belong to a center.
const OF_CENTER: [Role; 2] = [Role::Clerk, Role::Director];

/// The roles that belong to a department.
const OF_DEPARTMENT: [Role; 2] = [Role::Handler, Role::DepartmentLead];

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new()
        .route("/admin/accounts", get(list).post(add))
        .route("/admin/tokens", get(tokens::list).post(tokens::add))
        .route("/admin/tokens/{id}/revoke", post(tokens::revoke))
        .route("/admin/accounts/{username}", get(one::page).post(one::change))
        .route("/admin/accounts/{username}/password", post(one::password))
        .route("/admin/accounts/{username}/second-factor", post(one::reset_second_factor))
        .route("/admin/accounts/{username}/remove", get(one::ask).post(one::remove))
}

#[derive(Default, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    /// What was just done, and to whom.
    #[serde(default)]
    done: String,
    #[serde(default)]
    who: String,
}

#[derive(Deserialize)]
struct Accounts {
    #[serde(default)]
    items: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    username: String,
    name: String,
    role: Role,
    #[serde(default)]
    center: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    created_at: Option<DateTime<FixedOffset>>,
    #[serde(default)]
    disabled: bool,
    #[serde(default)]
    second_factor: bool,
}

async fn accounts(visit: &Visit) -> Result<Vec<Account>, Failure> {
    Ok(visit.api().get::<Accounts>("/v1/staff", &[]).await?.items)
}

async fn list(Signed { visit, .. }: Signed, Query(asked): Query<Asked>) -> Response {
    answer(&visit, &asked, &Typed::default(), &Faults::none()).await
}

async fn answer(visit: &Visit, asked: &Asked, typed: &Typed, faults: &Faults) -> Response {
    let lang = visit.lang;
    let all = match accounts(visit).await {
        Ok(all) => all,
        Err(failure) => return visit.failed(&failure),
    };
    let wanted = asked.q.trim().to_lowercase();
    let shown: Vec<&Account> = all.iter().filter(|account| fits(visit, account, &wanted)).collect();
    let title = lang.text("accounts-title");
    let done = match asked.done.as_str() {
        "added" | "changed" | "removed" | "password" | "second-factor" => {
            Some(lang.with(&format!("accounts-{}", asked.done), &[("who", &asked.who)]))
        }
        _ => None,
    };
    let body = html! {
        div.head { h1 { (title) " " span.count { (all.len()) } } }
        div.stack {
            @if let Some(done) = done { p.notice.notice-green role="status" { (done) } }
            div.with-side {
                div.stack {
                    form.filter method="get" action="/admin/accounts" role="search" {
                        div.field {
                            label for="q" { (lang.text("accounts-search")) }
                            input id="q" name="q" type="search" value=(asked.q) data-key="/";
                        }
                        button.button.button-plain type="submit" { (lang.text("shortcut-search")) }
                    }
                    @if shown.is_empty() { p.soft { (lang.text("accounts-none")) } }
                    @else { div.card { (table(visit, &shown)) } }
                }
                aside {
                    section.card {
                        h2.card-title { (lang.text("accounts-add")) }
                        (new_account(visit, typed, faults))
                    }
                }
            }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

fn fits(visit: &Visit, account: &Account, wanted: &str) -> bool {
    let place = place_of(visit, account);
    let texts = [
        account.username.as_str(),
        account.name.as_str(),
        place.as_str(),
        role_of(visit, account.role),
    ];
    wanted.is_empty() || texts.iter().any(|text| text.to_lowercase().contains(wanted))
}

fn role_of(visit: &Visit, role: Role) -> &'static str {
    visit.lang.of(role.label_zh(), role.label_en())
}

/// Where somebody works: center or department.
fn place_of(visit: &Visit, account: &Account) -> String {
    let id = account.center.as_deref().or(account.department.as_deref());
    id.map_or_else(String::new, |id| visit.known_names.body(visit.lang, id).to_owned())
}

fn table(visit: &Visit, shown: &[&Account]) -> Markup {
    let lang = visit.lang;
    html! {
        table.table-cards {
            thead {
                tr {
                    th { (lang.text("account-name")) } th { (lang.text("sign-in-username")) }
                    th { (lang.text("account-role")) } th { (lang.text("account-place")) }
                }
            }
            tbody {
                @for account in shown {
                    tr {
                        td data-label=(lang.text("account-name")) {
                            a href={ "/admin/accounts/" (segment(&account.username)) } { (account.name) }
                            @if account.disabled { " " (tag(Tone::Amber, &lang.text("account-disabled"))) }
                        }
                        td data-label=(lang.text("sign-in-username")) { (account.username) }
                        td data-label=(lang.text("account-role")) { (role_of(visit, account.role)) }
                        td data-label=(lang.text("account-place")) { (place_of(visit, account)) }
                    }
                }
            }
        }
    }
}

fn new_account(visit: &Visit, typed: &Typed, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let (name, username) = (lang.text("account-name"), lang.text("sign-in-username"));
    let (username_hint, password) =
        (lang.text("account-username-hint"), lang.text("account-first-password"));
    let (hint, button) = (lang.text("password-hint"), lang.text("accounts-add"));
    let sending = Sending { action: "/admin/accounts", button: &button, ..Sending::default() };
    form.whole(visit, &sending, html! {
        (form.line(Field::new("name", &name).chars_max(60)))
        (form.line(Field::new("username", &username).hint(&username_hint).chars_max(64)))
        (place_fields(visit, &form))
        (form.line(Field::new("password", &password).hint(&hint).kind("password").complete("new-password")))
    })
}

/// Role, and the center or department that some roles have.
fn place_fields(visit: &Visit, form: &Form<'_>) -> Markup {
    let lang = visit.lang;
    let roles: Vec<Choice> = Role::ALL
        .iter()
        .filter(|role| **role != Role::System)
        .map(|role| Choice::new(role.code(), role_of(visit, *role)))
        .collect();
    let names = &visit.known_names;
    let bodies = |all: &[crate::names::Body]| -> Vec<Choice> {
        all.iter().map(|body| Choice::new(body.id.as_str(), body.name(lang))).collect()
    };
    let (role, center) = (lang.text("account-role"), lang.text("account-center"));
    let (department, hint) = (lang.text("account-department"), lang.text("account-place-hint"));
    html! {
        (form.select(Field::new("role", &role).hint(&hint), &roles))
        (form.select(Field::new("center", &center).optional(), &bodies(&names.centers)))
        (form.select(Field::new("department", &department).optional(), &bodies(&names.departments)))
    }
}

/// What can be seen without asking the house: a role of a center needs one, a role of a department too.
fn check_place(visit: &Visit, typed: &Typed, faults: &mut Faults) {
    let lang = visit.lang;
    match typed.get("role").parse::<Role>() {
        Err(_) => faults.add("role", &lang.text("account-role-missing")),
        Ok(role) if OF_CENTER.contains(&role) && typed.some("center").is_none() => {
            faults.add("center", &lang.text("account-center-missing"));
        }
        Ok(role) if OF_DEPARTMENT.contains(&role) && typed.some("department").is_none() => {
            faults.add("department", &lang.text("account-department-missing"));
        }
        Ok(_) => {}
    }
}

/// Role and place as the API takes them: a place that the role does not have is left out.
fn place_body(typed: &Typed) -> Map<String, Value> {
    let mut body = Map::new();
    let role = typed.get("role").parse::<Role>().ok();
    body.insert("role".to_owned(), typed.get("role").into());
    let has = |roles: &[Role]| role.is_some_and(|role| roles.contains(&role));
    let place =
        |name: &str, is_there: bool| typed.some(name).filter(|_| is_there).map(str::to_owned);
    body.insert("center".to_owned(), place("center", has(&OF_CENTER)).into());
    body.insert("department".to_owned(), place("department", has(&OF_DEPARTMENT)).into());
    body
}

async fn add(Signed { visit, .. }: Signed, typed: Typed) -> Response {
    let lang = visit.lang;
    let mut faults = Faults::none();
    for (name, missing) in
        [("name", "account-name-missing"), ("username", "sign-in-username-missing")]
    {
        if typed.some(name).is_none() {
            faults.add(name, &lang.text(missing));
        }
    }
    check_place(&visit, &typed, &mut faults);
    if typed.get("password").chars().count() < PASSWORD_CHARS_MIN {
        faults.add("password", &lang.text("password-short"));
    }
    if !faults.is_empty() {
        return answer(&visit, &Asked::default(), &typed, &faults).await;
    }
    let mut body = place_body(&typed);
    for name in ["name", "username", "password"] {
        body.insert(name.to_owned(), typed.get(name).into());
    }
    match visit.api().post::<IgnoredAny>("/v1/staff", &body, None).await {
        Ok(_) => done("added", typed.get("username")),
        Err(failure) => refused(&visit, &typed, &failure).await,
    }
}

async fn refused(visit: &Visit, typed: &Typed, failure: &Failure) -> Response {
    let mut faults = match failure.code() {
        "unauthenticated" | "locked" => return visit.failed(failure),
        "username_taken" => Faults::none(),
        _ => Faults::of(failure, visit.lang),
    };
    if failure.code() == "username_taken" {
        faults.add("username", &visit.lang.text("account-username-taken"));
    }
    answer(visit, &Asked::default(), typed, &faults).await
}

/// Back to the list, which says what was done.
fn done(what: &str, who: &str) -> Response {
    Redirect::to(&format!("/admin/accounts?done={what}&who={}", segment(who))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_the_role_does_not_have_is_left_out() {
        let typed =
            Typed::of([("role", "clerk"), ("center", "donghuashi"), ("department", "housing")]);
        let body = place_body(&typed);
        assert_eq!(body["center"], "donghuashi");
        assert_eq!(body["department"], Value::Null);
        let typed = Typed::of([("role", "auditor"), ("center", "donghuashi")]);
        assert_eq!(place_body(&typed)["center"], Value::Null);
    }
}
