//! The receipt (回执): what the applicant takes home, on the roll of a counter printer or on A5, with a code that leads to
//! the page of the case.
//!
//! Invariants: nothing on it says who the applicant is; the address in the code is the one that this page was asked under.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use axum::routing::get;
use chrono::{DateTime, FixedOffset};
use fast_qr::qr::QRBuilder;
use fast_qr::{ECL, QRCode};
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use crate::api::segment;
use crate::portal::Portal;
use crate::ui::{Page, facts, moment};
use crate::visit::{Signed, Visit};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/cases/{id}/receipt", get(page))
}

#[derive(Default, Deserialize)]
struct Asked {
    /// The version of the case that was just registered.
    #[serde(default)]
    new: Option<String>,
    /// `a5`; the roll otherwise.
    #[serde(default)]
    paper: String,
}

#[derive(Deserialize)]
struct Case {
    case_id: String,
    #[serde(default)]
    receipt_code: Option<String>,
}

#[derive(Deserialize)]
struct Receipt {
    case_no: String,
    receipt_code: String,
    matter: String,
    center: Body,
    #[serde(default)]
    department: Option<Body>,
    opened_at: DateTime<FixedOffset>,
    due_at: DateTime<FixedOffset>,
    #[serde(default)]
    next_step: Words,
    #[serde(default)]
    materials: Option<Papers>,
    #[serde(default)]
    alternatives: Vec<String>,
}

#[derive(Deserialize)]
struct Body {
    id: String,
}

#[derive(Default, Deserialize)]
struct Words {
    #[serde(default)]
    zh: String,
    #[serde(default)]
    en: String,
}

#[derive(Deserialize)]
struct Papers {
    #[serde(default)]
    items: Vec<Paper>,
}

#[derive(Deserialize)]
struct Paper {
    name: String,
}

async fn page(
    Signed { visit, .. }: Signed,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    // The view may be a moment behind the registration.
    let query = [("min_version", asked.new.as_deref().unwrap_or_default())];
    let case = match visit.api().get::<Case>(&format!("/v1/cases/{}", segment(&id)), &query).await {
        Ok(case) => case,
        Err(failure) => return visit.failed(&failure),
    };
    let code = case.receipt_code.unwrap_or_default();
    let path = format!("/v1/receipts/{}", segment(&code));
    match visit.api().get::<Receipt>(&path, &[]).await {
        Ok(receipt) => answer(&visit, &case.case_id, &receipt, &asked, &headers),
        Err(failure) => visit.failed(&failure),
    }
}

fn answer(
    visit: &Visit,
    case_id: &str,
    receipt: &Receipt,
    asked: &Asked,
    headers: &HeaderMap,
) -> Response {
    let lang = visit.lang;
    let title = lang.text("receipt-title");
    let is_a5 = asked.paper == "a5";
    let is_new = asked.new.is_some();
    let other = if is_a5 { "?paper=roll" } else { "?paper=a5" };
    let body = html! {
        div.head.no-print {
            h1 { (if is_new { lang.with("receipt-registered", &[("number", &receipt.case_no)]) } else { title.clone() }) }
            div.buttons {
                button.button type="button" data-print data-key="p" { (lang.text("print")) " " kbd { "P" } }
                @if is_new {
                    a.button.button-plain href="/counter" data-key="n" { (lang.text("receipt-next")) " " kbd { "N" } }
                }
                a.button.button-plain href={ "/cases/" (case_id) } { (lang.text("receipt-case")) }
                a.button.button-text href={ (other) @if let Some(version) = &asked.new { "&new=" (version) } } {
                    (lang.text(if is_a5 { "receipt-on-roll" } else { "receipt-on-a5" }))
                }
            }
        }
        (slip(visit, receipt, is_a5, &public_address(visit, headers)))
    };
    Page::new(visit, &title, body).respond()
}

fn slip(visit: &Visit, receipt: &Receipt, is_a5: bool, origin: &str) -> Markup {
    let (lang, names, now) = (visit.lang, &visit.known_names, visit.now());
    let words = |words: &Words| {
        let text = lang.of(&words.zh, &words.en).to_owned();
        (!text.is_empty()).then(|| html! { (text) })
    };
    let department = receipt.department.as_ref();
    let address = format!("{origin}/s/{}", receipt.receipt_code);
    let paper = if is_a5 { "receipt paper-a5 stack" } else { "receipt paper-roll stack" };
    html! {
        article class=(paper) {
            div.receipt-head {
                strong { (names.center(lang, &receipt.center.id)) }
                span { (lang.text("receipt-head")) }
            }
            (qr(&address, &lang.text("receipt-qr")))
            p.receipt-code { (receipt.receipt_code) }
            (facts(&[
                (&lang.text("receipt-number"), Some(html! { (receipt.case_no) })),
                (&lang.text("receipt-matter"), Some(html! { (receipt.matter) })),
                (&lang.text("receipt-opened"), Some(moment(lang, &receipt.opened_at, &now))),
                (&lang.text("receipt-due"), Some(html! { strong { (moment(lang, &receipt.due_at, &now)) } })),
                (&lang.text("receipt-department"), department.map(|body| html! { (names.department(lang, &body.id)) })),
                (&lang.text("receipt-next-step"), words(&receipt.next_step)),
                (&lang.text("receipt-papers"), receipt.materials.as_ref().filter(|papers| !papers.items.is_empty()).map(|papers| html! {
                    ul.list { @for paper in &papers.items { li { (paper.name) } } }
                })),
                (&lang.text("public-instead"), (!receipt.alternatives.is_empty()).then(|| html! {
                    ul.list { @for way in &receipt.alternatives { li { (way) } } }
                })),
                (&lang.text("receipt-telephone"), names.telephone().map(|telephone| html! { (telephone) })),
            ]))
            p { (lang.text("receipt-how")) }
            p { (address) }
        }
    }
}

/// Where the code leads: to the district, also from a center that was left alone by its line.
fn public_address(visit: &Visit, headers: &HeaderMap) -> String {
    let at_center = visit.known_names.at_center.as_ref();
    let public_url = at_center.and_then(|at_center| at_center.public_url.clone());
    public_url.unwrap_or_else(|| origin(headers, visit.is_secure))
}

/// The address that people reach us under.
fn origin(headers: &HeaderMap, is_secure: bool) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host =
        text("x-forwarded-host").or_else(|| text(header::HOST.as_str())).unwrap_or("localhost");
    let scheme = if is_secure { "https" } else { "http" };
    format!("{scheme}://{host}")
}

/// A QR code with the white edge of four that readers want.
pub(crate) fn qr(text: &str, label: &str) -> Markup {
    // Level M bears a fold and a wet thumb; an address is far below what a code holds.
    let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else { return html! {} };
    let edge = 4;
    let size = code.size + 2 * edge;
    html! {
        svg.receipt-qr viewBox={ "0 0 " (size) " " (size) } role="img" aria-label=(label) {
            rect width=(size) height=(size) fill="#fff" {}
            path fill="#000" d=(PreEscaped(path_of(&code, edge))) {}
        }
    }
}

fn path_of(code: &QRCode, edge: usize) -> String {
    let mut path = String::new();
    for y in 0..code.size {
        let mut x = 0;
        while x < code.size {
            let start = x;
            while x < code.size && code[y][x].value() {
                x += 1;
            }
            match x - start {
                0 => x += 1,
                width => {
                    path.push_str(&format!("M{} {}h{width}v1h-{width}z", start + edge, y + edge))
                }
            }
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_drawn_within_its_white_edge() {
        let svg = qr("http://desk.example/s/ABCD-EFGH-JKLM", "code").into_string();
        assert!(
            svg.contains("viewBox=\"0 0 37 37\"") || svg.contains("viewBox=\"0 0 33 33\""),
            "{svg}"
        );
        assert!(svg.contains("M4 4h7v1h-7z"), "the first finder begins behind the edge");
    }

    #[test]
    fn the_address_is_the_one_that_was_asked() {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, "desk.example:8420".parse().unwrap());
        assert_eq!(origin(&headers, false), "http://desk.example:8420");
        headers.insert("x-forwarded-host", "desk.example".parse().unwrap());
        assert_eq!(origin(&headers, true), "https://desk.example");
    }
}
