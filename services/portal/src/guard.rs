//! What surrounds every page: who may send forms, and what a browser may do with a page.
//!
//! Invariants: nothing unsafe is done for a page of another site: the browser says where a form comes from
//! (`Sec-Fetch-Site`, else `Origin`, else `Referer`), and the cookie is `SameSite=Lax` besides; a page runs our one script
//! and nothing inline, loads nothing from elsewhere, stands in no frame, and is kept by no cache.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use runtime::http::BODY_BYTES_MAX;

use crate::api::{Failure, Problem};
use crate::form::{Carried, FORM};
use crate::pages::{lock, sign_in};
use crate::portal::Portal;
use crate::visit::Ended;
use crate::{session, ui, visit};

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'";

/// A browser that once came over https comes over nothing else for a year.
const TLS_ONLY: &str = "max-age=31536000";

const PERMISSIONS: &str =
    "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()";

/// Puts the guard around the pages.
pub(crate) fn around(pages: Router<Arc<Portal>>, portal: &Arc<Portal>) -> Router<Arc<Portal>> {
    pages.layer(from_fn_with_state(Arc::clone(portal), guard))
}

async fn guard(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let is_known = is_from_here(request.method(), request.headers());
    let is_secure = session::is_secure(request.headers());
    let mut response = match is_known {
        true => kept(request, next).await,
        false => refused(portal, request).await,
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if is_secure {
        let value = HeaderValue::from_static(TLS_ONLY);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(PERMISSIONS),
    );
    headers.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // The same page answers in the language of the cookie; an asset is the same for everybody.
    if headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
    {
        headers.append(header::VARY, HeaderValue::from_static("Cookie, Accept-Language"));
    }
    response
}

/// Runs the page. A form that came when the session had ended is put into the sign-in page (or the lock), which sends it
/// on once its person is back: nothing typed is lost, and nothing of it stands in an address.
async fn kept(request: Request, next: Next) -> Response {
    let is_form = *request.method() == Method::POST
        && request
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
    if !is_form {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path = parts.uri.path().to_owned();
    let response = next.run(Request::from_parts(parts, Body::from(bytes.clone()))).await;
    match response.extensions().get::<Ended>().cloned() {
        Some(Ended { visit, is_locked }) => {
            Carried::of(&path, &bytes).map_or(response, |carried| match is_locked {
                true => lock::page_carrying(&visit, &carried),
                false => sign_in::page_carrying(&visit, &carried),
            })
        }
        None => response,
    }
}

async fn refused(portal: Arc<Portal>, request: Request) -> Response {
    tracing::warn!("a form came from another site and was refused");
    let (mut parts, _) = request.into_parts();
    let visit = visit::of(&portal, &mut parts).await;
    let problem = Problem {
        status: StatusCode::FORBIDDEN.as_u16(),
        code: "forbidden".to_owned(),
        ..Problem::default()
    };
    ui::problem_page(&visit, &Failure::Problem(Box::new(problem)))
}

/// Whether a request that changes something comes from a page of ours.
fn is_from_here(method: &Method, headers: &HeaderMap) -> bool {
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return true;
    }
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return matches!(site, "same-origin" | "none");
    }
    let host = text(HeaderName::from_static("x-forwarded-host")).or_else(|| text(header::HOST));
    let source = text(header::ORIGIN).or_else(|| text(header::REFERER));
    match (source, host) {
        (Some(source), Some(host)) => is_of_host(source, host),
        // No browser sends a form without saying where it stood; whoever does so has no cookie of a victim either.
        (None, _) => true,
        (Some(_), None) => false,
    }
}

fn is_of_host(source: &str, host: &str) -> bool {
    source
        .parse::<Uri>()
        .ok()
        .and_then(|uri| {
            uri.authority().map(|authority| authority.as_str().eq_ignore_ascii_case(host))
        })
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        is_from_here(&Method::POST, &headers)
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        assert!(asks(&[("sec-fetch-site", "same-origin")]));
        assert!(asks(&[("sec-fetch-site", "none")]));
        assert!(!asks(&[("sec-fetch-site", "cross-site")]));
        assert!(!asks(&[("sec-fetch-site", "same-site")]));
        assert!(asks(&[("origin", "http://desk.example:8420"), ("host", "desk.example:8420")]));
        assert!(!asks(&[("origin", "http://desk.example:9000"), ("host", "desk.example:8420")]));
        assert!(!asks(&[("origin", "null"), ("host", "desk.example")]));
        assert!(!asks(&[("referer", "http://other.example/x"), ("host", "desk.example")]));
    }

    #[test]
    fn reading_is_free() {
        let mut headers = HeaderMap::new();
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        assert!(is_from_here(&Method::GET, &headers));
    }
}
