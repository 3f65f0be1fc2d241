//! What stands before the queries: no answer from half a view, and no second answer to who has it already.
//!
//! Invariants: while a view is first being built, a query is refused with how far that is; a tag changes with everything
//! that an answer is made of, so who is told 304 would have been told the same.

use std::hash::{BuildHasher as _, DefaultHasher, Hash as _, Hasher as _, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use runtime::http::Problem;
use runtime::identity::{Signed, Staff};

use super::Doors;

/// The one answer that tells of lines, which change with what centers say and with silence.
const CENTERS_PATH: &str = "/v1/centers";

/// When to ask again while a view is being built, in seconds.
const RETRY_AFTER_SECONDS: u32 = 2;

/// How far a view is while it is first being built: one after the other, the cases first.
fn building(doors: &Doors) -> Option<(u64, u64)> {
    let cases = doors.core.catching_up();
    cases.or_else(|| doors.centers.catching_up()).or_else(|| doors.learned.catching_up())
}

/// Answers only from views that have come to where their streams ended at the start.
pub(super) async fn whole(State(doors): State<Doors>, request: Request, next: Next) -> Response {
    let Some((sequence, of)) = building(&doors) else { return next.run(request).await };
    let percent = sequence.saturating_mul(100) / of.max(1);
    let status = [doors.core.status().incident, doors.centers.status().incident];
    let detail = match status.into_iter().flatten().next().or(doors.learned.incident()) {
        Some(_) => format!(
            "the view is being built and stands still at {percent} %; an operator has been told"
        ),
        None => format!("the view is being built: {percent} %"),
    };
    Problem::unavailable(detail)
        .retry_after(RETRY_AFTER_SECONDS)
        .with("sequence", sequence)
        .with("of", of)
        .into_response()
}

/// Tags an answer, and says 304 to who has it already.
///
/// The tag says from when on the answer holds: it is made before the query looks, so that an answer may be newer than its
/// tag and never older. It is a weak one, because `as_of` moves on within its minute.
pub(super) async fn tagged(
    State(doors): State<Doors>,
    staff: Option<Signed>,
    request: Request,
    next: Next,
) -> Response {
    let Some(Signed(staff)) = staff else { return next.run(request).await };
    let uri = request.uri().clone();
    let tag = tag(&doors, &staff, &uri);
    let is_known = holds(request.headers(), &tag);
    // Whoever names a version waits for it first.
    let waits = uri.query().is_some_and(|query| query.contains("min_"));
    if is_known && !waits {
        return not_modified(tag);
    }
    let mut response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    if is_known && self::tag(&doors, &staff, &uri) == tag {
        return not_modified(tag);
    }
    response.headers_mut().insert(header::ETAG, tag);
    response
}

fn not_modified(tag: HeaderValue) -> Response {
    (StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response()
}

/// What an answer is made of: the process and its views, how far each is, the minute (flags change with time alone), who
/// asks, and what is asked.
fn tag(doors: &Doors, staff: &Staff, uri: &Uri) -> HeaderValue {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    let process = PROCESS.get_or_init(|| RandomState::new().hash_one(()));
    let mut hasher = DefaultHasher::new();
    staff.username.as_str().hash(&mut hasher);
    staff.role.code().hash(&mut hasher);
    staff.center.as_ref().map(|id| id.as_str()).hash(&mut hasher);
    staff.department.as_ref().map(|id| id.as_str()).hash(&mut hasher);
    uri.path().hash(&mut hasher);
    uri.query().hash(&mut hasher);
    if uri.path() == CENTERS_PATH {
        doors.lines.standing(doors.core.now()).hash(&mut hasher);
    }
    let question = hasher.finish();
    let generation = doors.core.generation.load(Ordering::Acquire);
    let minute = doors.core.now().timestamp().div_euclid(60);
    let (cases, centers) = (doors.core.sequence(), doors.centers.sequence());
    let (learned, similar) = (doors.learned.sequence(), doors.similar.sequence());
    let refused = doors.refusals.count();
    let tag = format!(
        "W/\"{process:x}.{generation:x}.{cases:x}.{centers:x}.{learned:x}.{similar:x}.{refused:x}.{minute:x}.{question:x}\""
    );
    HeaderValue::try_from(tag).expect("digits and points are a header value")
}

/// Whether the caller has the answer with this tag.
fn holds(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    let tags = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    tags.map(str::trim).any(|one| one.as_bytes() == tag.as_bytes())
}
