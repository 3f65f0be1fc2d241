//! The headers that make a command safe to repeat and safe against a stale screen.
//!
//! Invariant: a header of a form that nobody can read is refused, never ignored: a caller that asks for
//! a check must get it.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, header};

use super::problem::Problem;

/// Longest Idempotency-Key, in characters.
pub const IDEMPOTENCY_KEY_CHARS_MAX: usize = 128;

/// The header of the key.
pub const IDEMPOTENCY_KEY_HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// The caller's Idempotency-Key, when it sent one: 1 to 128 visible ASCII characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

/// The version that the caller decided on: `If-Match: "<version>"`. `None` for `*` or no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IfMatch(pub Option<u64>);

/// The `ETag` header of a version, ready to stand in a response's tuple.
#[must_use]
pub fn etag(version: u64) -> [(HeaderName, HeaderValue); 1] {
    let value = HeaderValue::from_str(&format!("\"{version}\""))
        .expect("digits in quotes are a header value");
    [(header::ETAG, value)]
}

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(IDEMPOTENCY_KEY_HEADER).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let refused = || {
            Problem::malformed(format!(
                "Idempotency-Key must stand once, with 1 to {IDEMPOTENCY_KEY_CHARS_MAX} visible ASCII characters"
            ))
        };
        let text = value.to_str().map_err(|_| refused())?;
        let is_key = (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && values.next().is_none();
        if is_key { Ok(Self(Some(text.to_owned()))) } else { Err(refused()) }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(header::IF_MATCH).iter();
        let Some(value) = values.next() else { return Ok(Self(None)) };
        let text = value.to_str().unwrap_or_default().trim();
        if values.next().is_none() {
            if text == "*" {
                return Ok(Self(None));
            }
            let digits = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let version = digits
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok());
            if let Some(version) = version {
                return Ok(Self(Some(version)));
            }
        }
        Err(Problem::malformed("If-Match must be one strong version such as \"42\", or *"))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn parts(headers: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[tokio::test]
    async fn a_strong_version_a_star_and_nothing_are_understood() {
        for (headers, expected) in [
            (vec![("if-match", "\"42\"")], Some(42)),
            (vec![("if-match", "*")], None),
            (vec![], None),
        ] {
            let found = IfMatch::from_request_parts(&mut parts(&headers), &()).await;
            assert_eq!(found, Ok(IfMatch(expected)));
        }
    }

    #[tokio::test]
    async fn a_weak_version_a_list_and_garbage_are_refused() {
        for text in ["W/\"42\"", "\"1\", \"2\"", "42", "\"\"", "\"+1\"", "\"99999999999999999999\""]
        {
            let found = IfMatch::from_request_parts(&mut parts(&[("if-match", text)]), &()).await;
            assert_eq!(found.unwrap_err().code, "malformed", "{text}");
        }
    }

    #[tokio::test]
    async fn an_idempotency_key_has_one_to_128_visible_characters() {
        let long = "k".repeat(128);
        let mut longest = parts(&[("idempotency-key", &long)]);
        let found = IdempotencyKey::from_request_parts(&mut longest, &()).await;
        assert_eq!(found, Ok(IdempotencyKey(Some(long.clone()))));
        let longer = format!("{long}k");
        for text in ["", "a b", &longer] {
            let mut parts = parts(&[("idempotency-key", text)]);
            assert!(IdempotencyKey::from_request_parts(&mut parts, &()).await.is_err(), "{text}");
        }
        let mut twice = parts(&[("idempotency-key", "a"), ("idempotency-key", "b")]);
        assert!(IdempotencyKey::from_request_parts(&mut twice, &()).await.is_err());
    }
}
