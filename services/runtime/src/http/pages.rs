//! The page of each problem, for the person who follows `type`.
//!
//! Invariant: Chinese first, English below, no script, nothing that varies with the caller.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Path;
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::problem::{Problem, ProblemEntry, problems};

/// Serves `/problems` (the list), `/problems/{code}` and `/problems.json` (the same for a program that shows problems to
/// people) for the kit's codes and for `entries`.
///
/// An entry with a code of the kit replaces the kit's.
pub fn problem_pages<S>(entries: impl IntoIterator<Item = ProblemEntry>) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let catalogue: BTreeMap<&'static str, ProblemEntry> =
        problems().iter().copied().chain(entries).map(|entry| (entry.code, entry)).collect();
    let catalogue = Arc::new(catalogue);
    let list = catalogue.clone();
    let words = as_json(&catalogue);
    Router::new()
        .route("/problems", get(move || async move { Html(list_page(&list)) }))
        .route("/problems.json", get(move || async move { Json(words) }))
        .route(
            "/problems/{code}",
            get(move |Path(code): Path<String>| async move { page(&catalogue, &code) }),
        )
}

fn as_json(catalogue: &BTreeMap<&'static str, ProblemEntry>) -> Value {
    catalogue
        .values()
        .map(|entry| {
            json!({
                "code": entry.code,
                "status": entry.status,
                "title": { "zh": entry.title_zh, "en": entry.title_en },
                "explanation": { "zh": entry.explanation_zh, "en": entry.explanation_en },
            })
        })
        .collect()
}

fn page(catalogue: &BTreeMap<&'static str, ProblemEntry>, code: &str) -> Response {
    match catalogue.get(code) {
        Some(entry) => Html(entry_page(entry)).into_response(),
        None => Problem::not_found("there is no problem of this code").into_response(),
    }
}

fn entry_page(entry: &ProblemEntry) -> String {
    let ProblemEntry { code, status, title_zh, title_en, explanation_zh, explanation_en } = entry;
    let body = format!(
        "<h1>{}</h1><p>{}</p><h2 lang=\"en\">{}</h2><p lang=\"en\">{}</p>\
         <p><code>{}</code> · HTTP {status} · <a href=\"/problems\">全部 All</a></p>",
        escape(title_zh),
        escape(explanation_zh),
        escape(title_en),
        escape(explanation_en),
        escape(code),
    );
    document(title_zh, &body)
}

fn list_page(catalogue: &BTreeMap<&'static str, ProblemEntry>) -> String {
    let rows: String = catalogue
        .values()
        .map(|entry| {
            format!(
                "<li><a href=\"/problems/{code}\"><code>{code}</code></a> {status} {zh} · {en}</li>",
                code = escape(entry.code),
                status = entry.status,
                zh = escape(entry.title_zh),
                en = escape(entry.title_en),
            )
        })
        .collect();
    document("问题代码", &format!("<h1>问题代码 Problem codes</h1><ul>{rows}</ul>"))
}

fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title></head><body><main>{body}</main></body></html>",
        escape(title),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::STALE;

    #[test]
    fn a_page_speaks_chinese_first_and_escapes_its_text() {
        let page = entry_page(&ProblemEntry { explanation_en: "a < b & \"c\"", ..STALE });
        assert!(page.find(STALE.title_zh) < page.find(STALE.title_en));
        assert!(page.contains("a &lt; b &amp; &quot;c&quot;"));
    }

    #[test]
    fn the_list_links_every_code() {
        let catalogue = problems().iter().map(|entry| (entry.code, *entry)).collect();
        let page = list_page(&catalogue);
        assert!(problems().iter().all(|entry| page.contains(&format!("/problems/{}", entry.code))));
    }
}
