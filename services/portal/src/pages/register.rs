//! The register (登记簿) as a file, passed on from the API as it comes.
//!
//! Invariant: the filter is that of the list of cases, passed on as it stands in the address; the API knows what one may
//! see, and masks it.

use std::sync::Arc;

use axum::Router;
use axum::extract::RawQuery;
use axum::response::Response;
use axum::routing::get;

use crate::portal::Portal;
use crate::visit::{Signed, Visit};

pub(crate) fn router() -> Router<Arc<Portal>> {
    Router::new().route("/register.csv", get(csv)).route("/register.xlsx", get(xlsx))
}

async fn csv(Signed { visit, .. }: Signed, RawQuery(query): RawQuery) -> Response {
    file(&visit, "/v1/register.csv", query.as_deref()).await
}

async fn xlsx(Signed { visit, .. }: Signed, RawQuery(query): RawQuery) -> Response {
    file(&visit, "/v1/register.xlsx", query.as_deref()).await
}

/// What of the address of a list is about the list and not about the file.
const OF_LIST: [&str; 5] = ["lang", "sort", "limit", "cursor", "fragment"];

async fn file(visit: &Visit, path: &str, query: Option<&str>) -> Response {
    let pairs: Vec<(String, String)> =
        form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let kept = pairs.iter().filter(|(name, _)| !OF_LIST.contains(&name.as_str()));
    let mut query: Vec<(&str, &str)> =
        kept.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    query.push(("lang", visit.lang.of("zh", "en")));
    match visit.api().stream(path, &query, None).await {
        Ok(response) => response,
        Err(failure) => visit.failed(&failure),
    }
}
