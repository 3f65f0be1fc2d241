//! The id of a request: in the answer's header, in every log line, in every problem.
//!
//! Invariant: an id has 1 to 64 characters of letters, digits, `-`, `_` and `.`, and none that could be somebody's number;
//! what a caller sends in another form is replaced, so that no header can write into a log line, and nobody's telephone
//! into an event that stays for ever.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};
use uuid::Uuid;

use super::problem::Problem;

/// The header that carries the id, in and out.
pub const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a caller, in characters.
pub const REQUEST_ID_CHARS_MAX: usize = 64;

/// The id of one request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(Arc<str>);

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of the request that this task serves; `None` outside of the kit's layers and in spawned tasks.
#[must_use]
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

impl RequestId {
    /// Takes the caller's id when it has the right form, else makes one.
    #[must_use]
    pub fn of_header(value: Option<&HeaderValue>) -> Self {
        match value.and_then(|value| value.to_str().ok()) {
            Some(text) if is_request_id(text) => Self(text.into()),
            _ => Self::fresh(),
        }
    }

    /// Makes a new random id (a UUID of version 4).
    #[must_use]
    pub fn fresh() -> Self {
        let mut bytes = [0; 16];
        // An id only tells requests apart: without randomness it is still a usable text.
        let _ = getrandom::fill(&mut bytes);
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        let mut buffer = Uuid::encode_buffer();
        let text: &str = id.as_hyphenated().encode_lower(&mut buffer);
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a header's value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.0).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
    }

    /// Runs `work` as part of this request: [`current`] answers with this id inside.
    pub async fn scope<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Ok(current().unwrap_or_else(|| Self::of_header(parts.headers.get(REQUEST_ID_HEADER))))
    }
}

fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        && !text.split(|c: char| !c.is_ascii_digit()).any(is_like_a_number_of_somebody)
}

/// Whether a run of digits has the form of a mobile number, or the length of an ID or bank card number. Of random ids in
/// hexadecimal one in some thousands has one, and gets another.
fn is_like_a_number_of_somebody(digits: &str) -> bool {
    match digits.as_bytes() {
        [b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 => true,
        [b'8', b'6', b'1', b'3'..=b'9', rest @ ..] if rest.len() == 9 => true,
        run => (15..=19).contains(&run.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_id_is_kept_when_its_form_is_right() {
        let value = HeaderValue::from_static("counter-3.A_7");
        assert_eq!(RequestId::of_header(Some(&value)).as_str(), "counter-3.A_7");
    }

    #[test]
    fn an_id_that_could_be_a_telephone_or_an_id_number_is_replaced() {
        for text in ["13800000009", "tel-8613800000009", "110101199003077475", "11010119900307747X"]
        {
            let value = HeaderValue::from_static(text);
            assert_ne!(RequestId::of_header(Some(&value)).as_str(), text);
        }
        for text in ["0123456789", "20260303093000", "12345678-1234-4123-8123-123456789012"] {
            let value = HeaderValue::from_static(text);
            assert_eq!(RequestId::of_header(Some(&value)).as_str(), text);
        }
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_replaced() {
        for text in ["", "a b", "a\tb", &"x".repeat(65)] {
            let value = HeaderValue::from_str(text).unwrap();
            let id = RequestId::of_header(Some(&value));
            assert_ne!(id.as_str(), text);
            assert!(is_request_id(id.as_str()));
        }
        assert_ne!(RequestId::fresh(), RequestId::fresh());
    }
}
