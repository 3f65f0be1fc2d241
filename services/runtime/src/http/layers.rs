//! What surrounds every handler: id, span, limits, panics, metrics, headers.
//!
//! Invariants: every request gets exactly one answer, one log line and one count, also when its handler
//! panics, hangs or is not there; a route is named by its pattern, never by the caller's path; one visitor takes no more
//! than half of what the process serves at once, so that there is always room for another.

use std::any::Any;
use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::allowance::{Allowance, too_often};
use super::body::buffered;
use super::problem::{
    FORBIDDEN, INTERNAL, INVALID, MALFORMED, METHOD_NOT_ALLOWED, NOT_FOUND, Problem, ProblemCode,
    ProblemEntry, STALE, TOO_LARGE, TOO_MANY_REQUESTS, UNAUTHENTICATED, UNAVAILABLE,
    UNSUPPORTED_MEDIA_TYPE,
};
use super::request_id::{REQUEST_ID_HEADER, RequestId};
use super::visitor::{self, Hops, Visitor};
use crate::metrics::Metrics;

/// How long a handler may take until its answer begins; a stream that follows may run on.
const HANDLER_TIME_MAX: Duration = Duration::from_secs(30);

/// Most requests under way at once by default: far above what 2 cores serve within a second.
const REQUESTS_MAX: usize = 512;

/// Requests of one visitor at once, and as a rate per minute: a street center of thirty people behind one address asks some
/// ten a page, each of the pages once in some seconds. It bounds what one address takes; who is this machine itself is
/// bounded by his share of what is under way alone, because a proxy that says nothing, or a tool, may ask as fast as it
/// is answered.
const VISITOR_BURST: u32 = 6000;
const VISITOR_PER_MINUTE: u32 = 18_000;

/// Longest plain-text refusal that becomes a problem's detail, in bytes.
const PLAIN_REFUSAL_BYTES_MAX: usize = 2048;

/// What the layers need.
#[derive(Debug, Clone)]
pub struct Kit {
    metrics: Metrics,
    slots: Arc<Semaphore>,
    handler_time_max: Duration,
    hops: Hops,
    shares: Arc<Shares>,
    requests: Arc<Allowance>,
}

impl Kit {
    /// Makes a kit with the default limits: 512 requests at once, 30 s each.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self {
            metrics,
            slots: Arc::new(Semaphore::new(REQUESTS_MAX)),
            handler_time_max: HANDLER_TIME_MAX,
            hops: Hops::default(),
            shares: Arc::new(Shares::of(REQUESTS_MAX)),
            requests: Arc::new(Allowance::new(VISITOR_BURST, VISITOR_PER_MINUTE)),
        }
    }

    /// Sets how many requests may be under way at once, and how long each may take.
    #[must_use]
    pub fn with_limits(mut self, requests_max: usize, handler_time_max: Duration) -> Self {
        self.slots = Arc::new(Semaphore::new(requests_max));
        self.shares = Arc::new(Shares::of(requests_max));
        self.handler_time_max = handler_time_max;
        self
    }

    /// Says who may speak for a visitor.
    #[must_use]
    pub fn with_hops(mut self, hops: Hops) -> Self {
        self.hops = hops;
        self
    }
}

/// How many requests of each visitor are under way.
#[derive(Debug)]
struct Shares {
    most: usize,
    under_way: Mutex<HashMap<IpAddr, usize>>,
}

impl Shares {
    /// Half of what the process serves at once.
    fn of(requests_max: usize) -> Self {
        Self { most: (requests_max / 2).max(1), under_way: Mutex::new(HashMap::new()) }
    }

    fn take(self: &Arc<Self>, visitor: Visitor) -> Option<Share> {
        let of = visitor.network();
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(of).or_default();
        // An entry that was just made is below any share.
        (*count < self.most).then(|| {
            *count += 1;
            Share { shares: Arc::clone(self), of }
        })
    }
}

/// A request that is under way.
struct Share {
    shares: Arc<Shares>,
    of: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut under_way = self.shares.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.of);
            }
        }
    }
}

/// Puts the kit around all routes of `router`. Apply it last: routes that are added later are not covered.
pub fn kit_layers<S>(router: Router<S>, kit: Kit) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    router
        .fallback(|| async { Problem::not_found("there is nothing at this address") })
        .method_not_allowed_fallback(|| async {
            Problem::of(&METHOD_NOT_ALLOWED, "the address does not take this method")
        })
        .layer(from_fn_with_state(kit, surround))
}

async fn surround(State(kit): State<Kit>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let id = RequestId::of_header(request.headers().get(REQUEST_ID_HEADER));
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let span =
        tracing::info_span!("request", request.id = %id, http.method = %method, http.route = route);

    let visitor = kit.hops.visitor(&request);
    let work = async { finished(answer(&kit, visitor, request, next).await).await };
    let work = visitor::scope(visitor, work);
    let mut response = id.clone().scope(work).instrument(span.clone()).await;

    response.headers_mut().insert(REQUEST_ID_HEADER, id.to_header());
    let elapsed = started.elapsed();
    let status = response.status();
    let code = response.extensions().get::<ProblemCode>().map(|code| code.0.clone());
    kit.metrics.http_request(method_label(&method), route, status.as_u16(), elapsed);
    if let Some(code) = &code {
        kit.metrics.problem(code.clone());
    }
    span.in_scope(|| {
        let milliseconds = elapsed.as_secs_f64() * 1000.0;
        let code = code.as_deref().unwrap_or_default();
        if status.is_server_error() {
            tracing::warn!(
                http.status = status.as_u16(),
                problem.code = code,
                milliseconds,
                "request failed"
            );
        } else {
            tracing::debug!(
                http.status = status.as_u16(),
                problem.code = code,
                milliseconds,
                "request served"
            );
        }
    });
    response
}

/// Answers within the limits.
async fn answer(kit: &Kit, visitor: Option<Visitor>, request: Request, next: Next) -> Response {
    // Health must stay visible under load, else a supervisor kills what is only busy.
    if is_health(request.uri().path()) {
        return within_limits(kit, request, next).await;
    }
    let _share = match visitor.map(|visitor| admitted(kit, visitor)).transpose() {
        Ok(share) => share,
        Err(problem) => return problem.into_response(),
    };
    let Ok(_slot) = kit.slots.try_acquire() else {
        return Problem::busy("more requests are under way than the service takes").into_response();
    };
    within_limits(kit, request, next).await
}

/// Lets a visitor in who does not take more than his part.
fn admitted(kit: &Kit, visitor: Visitor) -> Result<Share, Problem> {
    if !visitor.is_this_machine() {
        kit.requests.take(visitor, 1).map_err(too_often)?;
    }
    kit.shares.take(visitor).ok_or_else(|| too_often(1))
}

async fn within_limits(kit: &Kit, request: Request, next: Next) -> Response {
    let work = async {
        match buffered(request).await {
            Ok(request) => caught(next.run(request)).await,
            Err(problem) => problem.into_response(),
        }
    };
    match tokio::time::timeout(kit.handler_time_max, work).await {
        Ok(response) => response,
        Err(_) => {
            let seconds = kit.handler_time_max.as_secs();
            Problem::busy(format!("no answer within {seconds} s; whether the command happened is not known, a repeat with the same Idempotency-Key is safe"))
                .into_response()
        }
    }
}

/// Turns a panic into a problem; the state of the request is dropped with it.
async fn caught(work: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(panic = panic_text(&*panic), "a handler panicked");
            Problem::internal().into_response()
        }
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without a text")
}

/// Makes a framework's plain-text refusal a problem, and sets the headers that every answer has.
async fn finished(response: Response) -> Response {
    let mut response = if is_plain_refusal(&response) { retold(response).await } else { response };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What the house answers is about people: no cache keeps it, unless a handler says so.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(header::REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    headers
        .entry(HeaderName::from_static("cross-origin-resource-policy"))
        .or_insert(HeaderValue::from_static("same-origin"));
    response
}

fn is_plain_refusal(response: &Response) -> bool {
    let status = response.status();
    (status.is_client_error() || status.is_server_error())
        && response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_none_or(|value| value.as_bytes().starts_with(b"text/plain"))
}

async fn retold(response: Response) -> Response {
    let status = response.status();
    let allow = response.headers().get(header::ALLOW).cloned();
    let text = to_bytes(response.into_body(), PLAIN_REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let detail = match String::from_utf8_lossy(&text).trim() {
        "" => status.canonical_reason().unwrap_or("refused").to_owned(),
        text => text.to_owned(),
    };
    let mut response = Problem { status, ..Problem::of(entry_of(status), detail) }.into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

fn entry_of(status: StatusCode) -> &'static ProblemEntry {
    match status {
        StatusCode::UNAUTHORIZED => &UNAUTHENTICATED,
        StatusCode::FORBIDDEN => &FORBIDDEN,
        StatusCode::NOT_FOUND => &NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED => &METHOD_NOT_ALLOWED,
        StatusCode::PRECONDITION_FAILED => &STALE,
        StatusCode::TOO_MANY_REQUESTS => &TOO_MANY_REQUESTS,
        StatusCode::PAYLOAD_TOO_LARGE => &TOO_LARGE,
        StatusCode::UNSUPPORTED_MEDIA_TYPE => &UNSUPPORTED_MEDIA_TYPE,
        StatusCode::UNPROCESSABLE_ENTITY => &INVALID,
        StatusCode::SERVICE_UNAVAILABLE => &UNAVAILABLE,
        status if status.is_client_error() => &MALFORMED,
        _ => &INTERNAL,
    }
}

fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// A caller may invent methods; a metric's labels must stay few.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
