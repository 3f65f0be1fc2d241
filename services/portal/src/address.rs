//! Addresses with their queries, of pages and of the API.
//!
//! Invariant: whatever stands in a value, it stays that value; a parameter without one is left out.

/// A path with a query.
pub(crate) fn address<N: AsRef<str>, V: AsRef<str>>(
    path: &str,
    query: impl IntoIterator<Item = (N, V)>,
) -> String {
    let mut written = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query {
        if !value.as_ref().is_empty() {
            written.append_pair(name.as_ref(), value.as_ref());
        }
    }
    match written.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_without_a_value_are_left_out() {
        assert_eq!(
            address("/v1/cases", [("q", "低保 a&b"), ("state", "")]),
            "/v1/cases?q=%E4%BD%8E%E4%BF%9D+a%26b"
        );
        assert_eq!(address("/v1/cases", [("state", "")]), "/v1/cases");
        assert_eq!(address("/cases", [] as [(&str, &str); 0]), "/cases");
    }
}
