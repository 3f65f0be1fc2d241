//! One account: what it is, another password, its end.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use maud::{Markup, html};
use serde::de::IgnoredAny;
use serde_json::json;

use super::{Account, accounts, check_place, done, place_body, place_fields, role_of};
use crate::api::{Failure, Problem, segment};
use crate::form::{Faults, Field, Form, Sending, Typed};
use crate::pages::password::PASSWORD_CHARS_MIN;
use crate::ui::{Page, Tone, facts, notice};
use crate::visit::{Signed, Visit};

pub(super) async fn page(Signed { visit, .. }: Signed, Path(username): Path<String>) -> Response {
    answer(&visit, &username, None, &Faults::none(), &Faults::none()).await
}

/// The page; `typed` is what was typed into the form of the account, when it was refused.
async fn answer(
    visit: &Visit,
    username: &str,
    typed: Option<&Typed>,
    faults: &Faults,
    of_password: &Faults,
) -> Response {
    let account = match find(visit, username).await {
        Ok(account) => account,
        Err(failure) => return visit.failed(&failure),
    };
    let lang = visit.lang;
    let title = account.name.clone();
    let as_is = as_typed(&account);
    let body = html! {
        div.head { h1 { (title) } a href="/admin/accounts" { (lang.text("accounts-title")) } }
        div.stack {
            (facts(&[
                (&lang.text("sign-in-username"), Some(html! { (account.username) })),
                (&lang.text("account-role"), Some(html! { (role_of(visit, account.role)) })),
                (&lang.text("account-since"), account.created_at.map(|at| html! { (lang.full_day(at.date_naive())) })),
            ]))
            div.columns {
                section.card {
                    h2.card-title { (lang.text("account-change")) }
                    (change_form(visit, &account, typed.unwrap_or(&as_is), faults))
                }
                div.stack {
                    section.card {
                        h2.card-title { (lang.text("account-new-password")) }
                        (password_form(visit, &account, of_password))
                    }
                    @if account.second_factor {
                        section.card {
                            h2.card-title { (lang.text("account-second-factor-reset")) }
                            (second_factor_form(visit, &account))
                        }
                    }
                    section.card.stack {
                        h2.card-title { (lang.text("account-remove")) }
                        p.soft { (lang.text("account-remove-hint")) }
                        div.buttons {
                            a.button.button-plain href={ "/admin/accounts/" (segment(&account.username)) "/remove" } {
                                (lang.text("account-remove"))
                            }
                        }
                    }
                }
            }
        }
    };
    let status = faults.status().max(of_password.status());
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond()
}

async fn find(visit: &Visit, username: &str) -> Result<Account, Failure> {
    let missing = || {
        let code = "not_found".to_owned();
        Failure::Problem(Box::new(Problem { status: 404, code, ..Problem::default() }))
    };
    let all = accounts(visit).await?;
    all.into_iter().find(|account| account.username == username).ok_or_else(missing)
}

fn as_typed(account: &Account) -> Typed {
    Typed::of([
        ("name", account.name.as_str()),
        ("role", account.role.code()),
        ("center", account.center.as_deref().unwrap_or_default()),
        ("department", account.department.as_deref().unwrap_or_default()),
    ])
}

fn change_form(visit: &Visit, account: &Account, typed: &Typed, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let form = Form::new(lang, typed, faults);
    let action = format!("/admin/accounts/{}", segment(&account.username));
    let (name, button) = (lang.text("account-name"), lang.text("account-save"));
    let sending = Sending { action: &action, button: &button, ..Sending::default() };
    form.whole(
        visit,
        &sending,
        html! {
            (form.line(Field::new("name", &name).chars_max(60)))
            (place_fields(visit, &form))
            p.soft { (lang.text("account-change-hint")) }
        },
    )
}

fn password_form(visit: &Visit, account: &Account, faults: &Faults) -> Markup {
    let lang = visit.lang;
    let typed = Typed::default();
    let form = Form::new(lang, &typed, faults);
    let action = format!("/admin/accounts/{}/password", segment(&account.username));
    let (label, hint) = (lang.text("password-new"), lang.text("password-hint"));
    let button = lang.text("account-set-password");
    let sending = Sending { action: &action, button: &button, ..Sending::default() };
    form.whole(visit, &sending, html! {
        (form.line(Field::new("password", &label).hint(&hint).kind("password").complete("new-password")))
    })
}

/// For somebody who has lost the telephone and the paper.
fn second_factor_form(visit: &Visit, account: &Account) -> Markup {
    let lang = visit.lang;
    let (typed, faults) = (Typed::default(), Faults::none());
    let form = Form::new(lang, &typed, &faults);
    let action = format!("/admin/accounts/{}/second-factor", segment(&account.username));
    let button = lang.text("account-second-factor-reset");
    let sending =
        Sending { action: &action, button: &button, is_grave: true, ..Sending::default() };
    form.whole(visit, &sending, html! { p.soft { (lang.text("account-second-factor-hint")) } })
}

pub(super) async fn reset_second_factor(
    Signed { visit, .. }: Signed,
    Path(username): Path<String>,
) -> Response {
    let path = format!("/v1/staff/{}/second-factor/reset", segment(&username));
    match visit.api().post::<IgnoredAny>(&path, &json!({}), None).await {
        Ok(_) => done("second-factor", &username),
        Err(failure) => visit.failed(&failure),
    }
}

pub(super) async fn change(
    Signed { visit, .. }: Signed,
    Path(username): Path<String>,
    typed: Typed,
) -> Response {
    let mut faults = Faults::none();
    if typed.some("name").is_none() {
        faults.add("name", &visit.lang.text("account-name-missing"));
    }
    check_place(&visit, &typed, &mut faults);
    if !faults.is_empty() {
        return answer(&visit, &username, Some(&typed), &faults, &Faults::none()).await;
    }
    let mut body = place_body(&typed);
    body.insert("name".to_owned(), typed.get("name").into());
    let path = format!("/v1/staff/{}/change", segment(&username));
    match visit.api().post::<IgnoredAny>(&path, &body, None).await {
        Ok(_) => done("changed", &username),
        Err(failure) => refused(&visit, &username, &failure, Some(&typed)).await,
    }
}

pub(super) async fn password(
    Signed { visit, .. }: Signed,
    Path(username): Path<String>,
    typed: Typed,
) -> Response {
    let mut faults = Faults::none();
    if typed.get("password").chars().count() < PASSWORD_CHARS_MIN {
        faults.add("password", &visit.lang.text("password-short"));
        return answer(&visit, &username, None, &Faults::none(), &faults).await;
    }
    let path = format!("/v1/staff/{}/password", segment(&username));
    let body = json!({ "password": typed.get("password") });
    match visit.api().post::<IgnoredAny>(&path, &body, None).await {
        Ok(_) => done("password", &username),
        Err(failure) if failure.code() == "invalid" => {
            faults.add("password", &visit.lang.text("password-refused"));
            answer(&visit, &username, None, &Faults::none(), &faults).await
        }
        Err(failure) => visit.failed(&failure),
    }
}

/// Asks once more.
pub(super) async fn ask(Signed { visit, .. }: Signed, Path(username): Path<String>) -> Response {
    ask_again(&visit, &username, &Faults::none()).await
}

async fn ask_again(visit: &Visit, username: &str, faults: &Faults) -> Response {
    let account = match find(visit, username).await {
        Ok(account) => account,
        Err(failure) => return visit.failed(&failure),
    };
    let lang = visit.lang;
    let typed = Typed::default();
    let form = Form::new(lang, &typed, faults);
    let title = lang.with("account-remove-ask", &[("name", &account.name)]);
    let action = format!("/admin/accounts/{}/remove", segment(username));
    let button = lang.text("account-remove");
    let sending =
        Sending { action: &action, button: &button, is_grave: true, ..Sending::default() };
    let body = html! {
        div.narrow.stack {
            h1 { (title) }
            (notice(Tone::Amber, &account.username, &html! { p { (lang.text("account-remove-hint")) } }))
            (form.whole(visit, &sending, html! {}))
            p { a href={ "/admin/accounts/" (segment(username)) } { (lang.text("account-keep")) } }
        }
    };
    let status = StatusCode::from_u16(faults.status()).unwrap_or(StatusCode::OK);
    Page::new(visit, &title, body).status(status).respond().into_response()
}

pub(super) async fn remove(Signed { visit, .. }: Signed, Path(username): Path<String>) -> Response {
    let path = format!("/v1/staff/{}/remove", segment(&username));
    match visit.api().post::<IgnoredAny>(&path, &json!({}), None).await {
        Ok(_) => done("removed", &username),
        Err(failure) if failure.status() == 409 => {
            ask_again(&visit, &username, &Faults::of(&failure, visit.lang)).await
        }
        Err(failure) => visit.failed(&failure),
    }
}

async fn refused(
    visit: &Visit,
    username: &str,
    failure: &Failure,
    typed: Option<&Typed>,
) -> Response {
    match failure.code() {
        "unauthenticated" | "locked" | "not_found" => visit.failed(failure),
        _ => {
            let faults = Faults::of(failure, visit.lang);
            answer(visit, username, typed, &faults, &Faults::none()).await
        }
    }
}
