//! A form that waits until its person has signed in again.
//!
//! Invariants: it stands in the sign-in page, never in an address or in a store; it is sent on by itself only for the
//! person who filled it; a form with a password in it is not carried at all.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{Markup, html};
use tower::ServiceExt as _;

use super::{FORM, Typed, is_secret};
use crate::pages::home::way_back;
use crate::portal::Portal;
use crate::session::TOKEN_COOKIE;

/// A form on its way over a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Where it was sent to.
    to: String,
    /// It, as it was sent.
    body: String,
}

/// What of the sign-in's request goes along: whoever continues is the same browser.
const GOES_ALONG: [HeaderName; 6] = [
    header::HOST,
    header::ACCEPT_LANGUAGE,
    header::ORIGIN,
    header::USER_AGENT,
    HeaderName::from_static("x-forwarded-proto"),
    HeaderName::from_static("x-forwarded-host"),
];

impl Carried {
    /// Of a form that was sent; none when there is a password in it.
    pub(crate) fn of(to: &str, body: &[u8]) -> Option<Self> {
        let has_secret = |typed: &Typed| typed.0.keys().any(|name| is_secret(name));
        let body = std::str::from_utf8(body).ok()?;
        let is_whole = way_back(to) == to && !has_secret(&Typed::read(body.as_bytes()));
        (is_whole && !body.is_empty()).then(|| Self { to: to.to_owned(), body: body.to_owned() })
    }

    /// Of the sign-in page that carries it.
    pub(crate) fn within(typed: &Typed) -> Option<Self> {
        Self::of(typed.some("_to")?, typed.some("_form")?.as_bytes())
    }

    /// As it stands in the sign-in page.
    pub(crate) fn hidden(&self) -> Markup {
        html! {
            input type="hidden" name="_to" value=(self.to);
            input type="hidden" name="_form" value=(self.body);
        }
    }

    /// Whether this person filled it.
    pub(crate) fn is_by(&self, username: &str) -> bool {
        Typed::read(self.body.as_bytes()).get("_by") == username
    }

    /// A form that sends it with one press, for a person who did not fill it and has to look first.
    pub(crate) fn again(&self, button: &str) -> Markup {
        html! {
            form method="post" action=(self.to) {
                @for (name, value) in form_urlencoded::parse(self.body.as_bytes()).filter(|(name, _)| name != "_by") {
                    input type="hidden" name=(name) value=(value);
                }
                button.button type="submit" { (button) }
            }
        }
    }

    /// What somebody typed into it, to be looked at.
    pub(crate) fn values(&self) -> Vec<String> {
        form_urlencoded::parse(self.body.as_bytes())
            .filter(|(name, value)| !name.starts_with('_') && !value.trim().is_empty())
            .map(|(_, value)| value.into_owned())
            .collect()
    }

    /// Sends it on, now with this token.
    pub(crate) async fn go_on(
        &self,
        portal: &Arc<Portal>,
        headers: &HeaderMap,
        token: &str,
    ) -> Response {
        let Some(pages) = portal.pages.get().cloned() else {
            return Redirect::to("/").into_response();
        };
        let mut request = Request::new(Body::from(self.body.clone()));
        *request.method_mut() = Method::POST;
        let Ok(uri) = self.to.parse() else { return Redirect::to("/").into_response() };
        *request.uri_mut() = uri;
        let own = request.headers_mut();
        for name in GOES_ALONG {
            if let Some(value) = headers.get(&name) {
                own.insert(name, value.clone());
            }
        }
        own.insert(header::CONTENT_TYPE, HeaderValue::from_static(FORM));
        let others = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        let cookies = others.unwrap_or_default().split(';').map(str::trim);
        let kept = cookies.filter(|pair| !pair.is_empty() && !pair.starts_with(TOKEN_COOKIE));
        let own_token = format!("{TOKEN_COOKIE}={token}");
        let line = kept.chain([own_token.as_str()]).collect::<Vec<_>>().join("; ");
        if let Ok(value) = HeaderValue::from_str(&line) {
            own.insert(header::COOKIE, value);
        }
        pages.oneshot(request).await.unwrap_or_else(|never| match never {})
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_a_page_carries_leads_to_us_and_has_no_password(to in "/?/?.{0,40}", body in "((password|current|again|_by|a)=.{0,20}&){0,3}.{0,100}") {
            let typed = Typed::of([("_to", to.as_str()), ("_form", body.as_str())]);
            if let Some(carried) = Carried::within(&typed) {
                prop_assert!(carried.to.starts_with('/') && !carried.to.starts_with("//"));
                let names: Vec<_> = form_urlencoded::parse(carried.body.as_bytes()).collect();
                for secret in ["password", "current", "again"] {
                    prop_assert!(names.iter().all(|(name, _)| name != secret));
                }
                let page = carried.hidden().into_string() + &carried.again("go on").into_string();
                // Of the markup there is only ours: three inputs at least, and no tag within a value.
                let ours = ["<input", "<form", "</form", "<button", "</button"];
                let foreign = page.match_indices('<').filter(|(at, _)| !ours.iter().any(|tag| page[*at..].starts_with(tag)));
                prop_assert_eq!(foreign.count(), 0, "{}", page);
            }
        }
    }

    #[test]
    fn a_form_with_a_password_is_not_carried_and_none_leads_elsewhere() {
        assert_eq!(Carried::of("/password", b"current=a&new=b"), None);
        assert_eq!(Carried::of("//other.example", b"a=b"), None);
        assert_eq!(Carried::of("/counter", b""), None);
        let carried = Carried::of("/counter", b"_by=clerk1&demand=x%26y").unwrap();
        assert!(carried.is_by("clerk1") && !carried.is_by("clerk2"));
        assert_eq!(carried.values(), ["x&y"]);
    }

    #[test]
    fn what_is_carried_comes_back_out_of_the_page() {
        let carried = Carried::of("/counter", b"_by=a&demand=%3Cb%3E").unwrap();
        let typed = Typed::of([("_to", "/counter"), ("_form", "_by=a&demand=%3Cb%3E")]);
        assert_eq!(Carried::within(&typed), Some(carried.clone()));
        assert!(carried.hidden().into_string().contains("_by=a&amp;demand=%3Cb%3E"));
    }
}
