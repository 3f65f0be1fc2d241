//! What a supervisor asks: does it live, is it ready, how is it doing, what does it offer.
//!
//! Invariants: `/healthz` touches nothing outside of the process; a check that does not answer in time
//! counts as not ready.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};

use super::problem::Problem;
use crate::metrics::Metrics;

/// How long a check may take.
const CHECK_TIME_MAX: Duration = Duration::from_secs(2);

type Check = dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync;

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
        Self { name, check: Arc::new(move || Box::pin(check())) }
    }

    /// The name in `/readyz`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs the check.
    ///
    /// # Errors
    /// Says what is not ready, also when there was no answer within two seconds.
    pub async fn run(&self) -> Result<(), String> {
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

/// Serves `/healthz`, `/readyz`, `/metrics` and `/openapi.json`.
pub fn health_routes<S>(checks: Vec<ReadyCheck>, metrics: Metrics, openapi: &Value) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let document: Arc<str> = openapi.to_string().into();
    let checks: Arc<[ReadyCheck]> = checks.into();
    Router::new()
        .route("/healthz", get(|| async { as_json(json!({ "status": "alive" }).to_string()) }))
        .route("/readyz", get(move || readiness(checks.clone())))
        .route("/metrics", get(move || exposition(metrics.clone())))
        .route("/openapi.json", get(move || async move { as_json(document.to_string()) }))
}

async fn readiness(checks: Arc<[ReadyCheck]>) -> Response {
    let outcomes = join_all(checks.iter().map(ReadyCheck::run)).await;
    let mut waiting = Vec::new();
    let mut listed = Vec::new();
    for (check, outcome) in checks.iter().zip(outcomes) {
        match outcome {
            Ok(()) => listed.push(json!({ "name": check.name, "ready": true })),
            Err(detail) => {
                waiting.push(check.name);
                listed.push(json!({ "name": check.name, "ready": false, "detail": detail }));
            }
        }
    }
    if waiting.is_empty() {
        return as_json(json!({ "status": "ready", "checks": listed }).to_string());
    }
    Problem::unavailable(format!("not ready: {}", waiting.join(", ")))
        .with("checks", listed)
        .into_response()
}

async fn exposition(metrics: Metrics) -> Response {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], metrics.render()).into_response()
}

fn as_json(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}
