//! The two forms of an answer: XML, which the standard requires, and JSON.
//!
//! Invariant: one tree is written in both, so that they say the same; every text is escaped, and what XML cannot carry is
//! left out.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Map, Value};

/// The content types, as the standard has them.
pub(super) const JSON: &str = "application/json";
pub(super) const XML: &str = "text/xml";

/// In which form an answer is wanted: by the end of the path; XML, which everybody who asks can read, when it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::queries) enum Form {
    Json,
    Xml,
}

impl<S: Send + Sync> FromRequestParts<S> for Form {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        Ok(if parts.uri.path().ends_with(".json") { Self::Json } else { Self::Xml })
    }
}

/// The last part of a path without its form.
pub(super) fn stem(file: &str) -> &str {
    file.strip_suffix(".json").or_else(|| file.strip_suffix(".xml")).unwrap_or(file)
}

/// The parameters of a query; an empty one counts as absent.
pub(super) fn asked(query: &str) -> BTreeMap<String, String> {
    let mut asked = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !value.is_empty() {
            asked.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
    }
    asked
}

/// A part of an answer, with its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    name: &'static str,
    content: Content,
}

#[derive(Debug, Clone, PartialEq)]
enum Content {
    Nothing,
    Text(String),
    Flag(bool),
    Number(u16),
    Object(Vec<Node>),
    List(Vec<Node>),
}

impl Node {
    pub(super) fn text(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, content: Content::Text(text.into()) }
    }

    pub(super) fn maybe(name: &'static str, text: Option<&str>) -> Self {
        text.map_or(Self { name, content: Content::Nothing }, |text| Self::text(name, text))
    }

    pub(super) fn flag(name: &'static str, flag: bool) -> Self {
        Self { name, content: Content::Flag(flag) }
    }

    pub(super) fn object(name: &'static str, members: impl IntoIterator<Item = Self>) -> Self {
        Self { name, content: Content::Object(members.into_iter().collect()) }
    }

    pub(super) fn list(name: &'static str, items: impl IntoIterator<Item = Self>) -> Self {
        Self { name, content: Content::List(items.into_iter().collect()) }
    }

    fn to_json(&self) -> Value {
        match &self.content {
            Content::Nothing => Value::Null,
            Content::Text(text) => Value::String(text.clone()),
            Content::Flag(flag) => Value::Bool(*flag),
            Content::Number(number) => Value::from(*number),
            Content::Object(members) => {
                let member = |node: &Self| (node.name.to_owned(), node.to_json());
                Value::Object(members.iter().map(member).collect::<Map<_, _>>())
            }
            Content::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
        }
    }

    fn write_xml(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        out.push('>');
        match &self.content {
            Content::Nothing => {}
            Content::Text(text) => escape(text, out),
            // Writing to a text does not fail.
            Content::Flag(flag) => {
                let _ = write!(out, "{flag}");
            }
            Content::Number(number) => {
                let _ = write!(out, "{number}");
            }
            Content::Object(nodes) | Content::List(nodes) => {
                nodes.iter().for_each(|node| node.write_xml(out));
            }
        }
        out.push_str("</");
        out.push_str(self.name);
        out.push('>');
    }
}

fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\r' => out.push(character),
            // XML 1.0 has no place for them, escaped or not.
            '\u{FFFE}' | '\u{FFFF}' => {}
            character if character < ' ' => {}
            character => out.push(character),
        }
    }
}

/// An answer in its form.
pub(super) fn respond(form: Form, status: StatusCode, node: &Node) -> Response {
    let (content_type, body) = match form {
        Form::Json => ("application/json; charset=utf-8", node.to_json().to_string()),
        Form::Xml => {
            let mut body = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n".to_owned();
            node.write_xml(&mut body);
            ("text/xml; charset=utf-8", body)
        }
    };
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

/// A refusal in its form: a list of one error, with the status as its code.
pub(super) fn fault(form: Form, status: StatusCode, description: &str) -> Response {
    let code = Node { name: "code", content: Content::Number(status.as_u16()) };
    let error = Node::object("error", [code, Node::text("description", description)]);
    respond(form, status, &Node::list("errors", [error]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_say_the_same() {
        let node = Node::list(
            "requests",
            [Node::object(
                "request",
                [
                    Node::text("name", "a<b&\u{1}c"),
                    Node::maybe("nothing", None),
                    Node::flag("metadata", false),
                ],
            )],
        );
        let mut xml = String::new();
        node.write_xml(&mut xml);
        assert_eq!(
            xml,
            "<requests><request><name>a&lt;b&amp;c</name><nothing></nothing><metadata>false</metadata></request></requests>"
        );
        let json = serde_json::json!([{"name": "a<b&\u{1}c", "nothing": null, "metadata": false}]);
        assert_eq!(node.to_json(), json);
    }

    #[test]
    fn an_empty_parameter_is_absent_and_the_first_of_two_counts() {
        let asked = asked("a=&b=1&b=2&%E4%B8%AD=%20");
        assert_eq!(asked.get("a"), None);
        assert_eq!(asked["b"], "1");
        assert_eq!(asked["中"], " ");
    }
}
