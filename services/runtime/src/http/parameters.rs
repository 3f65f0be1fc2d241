//! Parameters of the path and of the query, with problems in place of plain text.
//!
//! Invariants: a parameter that nobody knows is refused when `T` denies unknown fields; an empty
//! parameter (`state=`, as forms send it) counts as absent.

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::body::{named_field, without_value};
use super::problem::{FieldError, Problem};

/// The parameters of the query string. `T` should `deny_unknown_fields`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

/// The parameters of the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::of_text(parts.uri.query().unwrap_or_default())
    }
}

impl<T: DeserializeOwned> Query<T> {
    /// Reads a query string.
    ///
    /// # Errors
    /// `invalid`, with the name of the parameter as pointer.
    pub fn of_text(query: &str) -> Result<Self, Problem> {
        let present: Vec<&str> = query
            .split('&')
            .filter(|pair| pair.split_once('=').is_some_and(|(_, value)| !value.is_empty()))
            .collect();
        let uri = Uri::builder()
            .path_and_query(format!("/?{}", present.join("&")))
            .build()
            .map_err(|_| Problem::malformed("the query string cannot be read"))?;
        match axum::extract::Query::<T>::try_from_uri(&uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => Err(invalid_query(&innermost(&rejection), &present)),
        }
    }
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => Err(Problem::malformed(format!(
                "the path cannot be read: {}",
                rejection.body_text().trim_start_matches("Invalid URL: ")
            ))),
        }
    }
}

/// What the deserializer itself said, without the wrappers' words.
fn innermost(rejection: &axum::extract::rejection::QueryRejection) -> String {
    let mut text = rejection.body_text();
    let mut source = std::error::Error::source(rejection);
    while let Some(error) = source {
        // The first source that names the parameter is better than the bare cause below it.
        text = error.to_string();
        if text.contains(": ") && !text.starts_with("Failed") {
            break;
        }
        source = error.source();
    }
    text.trim_start_matches("Failed to deserialize query string: ").to_owned()
}

fn invalid_query(text: &str, present: &[&str]) -> Problem {
    let named = present
        .iter()
        .filter_map(|pair| pair.split_once('=').map(|(name, _)| name))
        .find_map(|name| text.strip_prefix(name)?.strip_prefix(": ").map(|detail| (name, detail)));
    let (name, detail) = match named {
        Some((name, detail)) => (name, detail),
        None => (named_field(text).unwrap_or_default(), text),
    };
    let name = named_field(detail).unwrap_or(name);
    let pointer = if name.is_empty() { String::new() } else { format!("/{name}") };
    Problem::invalid_fields(vec![FieldError { pointer, detail: without_value(detail) }])
}

#[cfg(test)]
mod tests {
    use proto_events::codes::CaseState;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Filter {
        state: Option<CaseState>,
        limit: Option<u32>,
    }

    fn refusal(query: &str) -> FieldError {
        Query::<Filter>::of_text(query).unwrap_err().errors.remove(0)
    }

    #[test]
    fn an_empty_parameter_counts_as_absent() {
        let found = Query::<Filter>::of_text("state=&limit=7").unwrap();
        assert_eq!(found.0, Filter { state: None, limit: Some(7) });
    }

    #[test]
    fn a_wrong_value_names_its_parameter() {
        assert_eq!(refusal("limit=many").pointer, "/limit");
        let refusal = refusal("state=Opened");
        assert_eq!(refusal.pointer, "/state");
        assert!(refusal.detail.contains("`opened`"), "{}", refusal.detail);
        assert!(
            !refusal.detail.contains("Opened"),
            "the value is not repeated: {}",
            refusal.detail
        );
    }

    #[test]
    fn an_unknown_or_doubled_parameter_is_refused() {
        assert_eq!(refusal("colour=red").pointer, "/colour");
        assert_eq!(refusal("limit=1&limit=2").pointer, "/limit");
    }
}
