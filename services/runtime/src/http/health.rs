//! What a supervisor asks: does it live, is it ready, how is it doing, what does it offer.
//!
//! Invariants: `/healthz` touches nothing outside of the process; a check that does not answer in time
//! counts as not ready.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, ready};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::openapi::Operation;
use super::problem::Problem;
use crate::metrics::Metrics;

/// How long a check may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(2);

type Check = dyn Fn() -> BoxFuture<'static, Result<Option<String>, String>> + Send + Sync;

/// Something that must work before requests are welcome.
#[derive(Clone)]
pub struct ReadyCheck {
    name: &'static str,
    check: Arc<Check>,
}

impl ReadyCheck {
    /// Makes a check; an error's text says what is not ready, for an operator.
    pub fn new<F, Fut>(name: &'static str, check: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        let check = move || {
            let looking = check();
            async move { looking.await.map(|()| None) }.boxed()
        };
        Self { name, check: Arc::new(check) }
    }

    /// Makes a check that never holds requests back: what it finds is noted beside its name, for an operator.
    pub fn noting<F>(name: &'static str, look: F) -> Self
    where
        F: Fn() -> Option<String> + Send + Sync + 'static,
    {
        Self { name, check: Arc::new(move || ready(Ok(look())).boxed()) }
    }

    /// The name in `/readyz`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check; gives what is to be noted although it is ready.
    ///
    /// # Errors
    /// Says what is not ready, also when there was no answer within two seconds.
    pub async fn run(&self) -> Result<Option<String>, String> {
        match tokio::time::timeout(CHECK_TIME_MAX, (self.check)()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s", CHECK_TIME_MAX.as_secs())),
        }
    }
}

impl fmt::Debug for ReadyCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyCheck").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The answer of `/healthz`.
#[derive(Serialize, JsonSchema)]
struct Alive {
    /// Always `alive`.
    status: &'static str,
}

/// The answer of `/readyz`.
#[derive(Serialize, JsonSchema)]
struct Ready {
    /// Always `ready`; what is not ready answers with a problem that has the same `checks`.
    status: &'static str,
    checks: Vec<Looked>,
}

/// What a check found.
#[derive(Serialize, JsonSchema)]
struct Looked {
    /// What was looked at: `bus`, `calendar`, `projection`, `keys of cases for intake`, …
    name: &'static str,
    ready: bool,
    /// What is not ready, or what a person should know although it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// Describes the routes for OpenAPI.
#[must_use]
pub fn health_operations() -> Vec<Operation> {
    let public = |path, summary| Operation::new(Method::GET, path, "operations", summary).public();
    vec![
        public(
            "/healthz",
            "Whether the process lives: listener and event loop answered; nothing outside of it was asked. Start it anew when this fails",
        )
        .answers::<Alive>(200),
        public(
            "/readyz",
            "Whether requests are welcome: bus, views, keys and calendar, each by name. Send none while it answers 503, and start nothing anew for it",
        )
        .answers::<Ready>(200)
        .refuses(&["unavailable"]),
        public(
            "/metrics",
            "Figures for Prometheus, in the text of OpenMetrics 1.0; about no person and no case",
        )
        .answers_with(200, "application/openmetrics-text"),
    ]
}

/// Serves `/healthz`, `/readyz`, `/metrics` and `/openapi.json`.
pub fn health_routes<S>(checks: Vec<ReadyCheck>, metrics: Metrics, openapi: &Value) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let document: Arc<str> = openapi.to_string().into();
    let checks: Arc<[ReadyCheck]> = checks.into();
    Router::new()
        .route("/healthz", get(|| async { Json(Alive { status: "alive" }) }))
        .route("/readyz", get(move || readiness(checks.clone())))
        .route("/metrics", get(move || exposition(metrics.clone())))
        .route("/openapi.json", get(move || async move { as_json(document.to_string()) }))
}

async fn readiness(checks: Arc<[ReadyCheck]>) -> Response {
    let outcomes = join_all(checks.iter().map(ReadyCheck::run)).await;
    let looked = checks.iter().zip(outcomes).map(|(check, outcome)| {
        let ready = outcome.is_ok();
        Looked { name: check.name, ready, detail: outcome.unwrap_or_else(Some) }
    });
    let listed: Vec<Looked> = looked.collect();
    let waiting: Vec<&str> =
        listed.iter().filter(|looked| !looked.ready).map(|looked| looked.name).collect();
    if waiting.is_empty() {
        return Json(Ready { status: "ready", checks: listed }).into_response();
    }
    Problem::unavailable(format!("not ready: {}", waiting.join(", ")))
        .with("checks", serde_json::to_value(listed).unwrap_or_default())
        .into_response()
}

async fn exposition(metrics: Metrics) -> Response {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], metrics.render()).into_response()
}

fn as_json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
