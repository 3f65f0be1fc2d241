//! Bodies: read up to a limit, as strict JSON, with a fingerprint by which a repeat is recognised.
//!
//! Invariants: nothing is read beyond [`BODY_BYTES_MAX`]; a caller learns the line of a syntax error and
//! the JSON pointer of a wrong field; the fingerprint does not depend on white space or key order.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use futures::StreamExt as _;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};
use sha2::{Digest as _, Sha256};

use super::problem::{FieldError, Problem, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE};

/// Largest body that is read, in bytes: a register entry has a few KiB, an event at most 256 KiB.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// How much of a body that is too large is still taken off the line, in bytes, so that the caller reads
/// the answer instead of a reset connection.
const DRAIN_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A JSON body of type `T`, and the fingerprint of what was sent.
///
/// `T` should `deny_unknown_fields`: a misspelt optional field must not be lost in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrictJson<T> {
    /// The body.
    pub value: T,
    /// SHA-256 in hex over the canonical JSON. It can be guessed for short bodies: whoever stores it
    /// first makes it a pseudonym (`vault::MasterKey::pseudonym`).
    pub hash: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for StrictJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        check_content_type(request.headers())?;
        let bytes = read_body(request).await?;
        Self::of_bytes(&bytes)
    }
}

impl<T: DeserializeOwned> StrictJson<T> {
    /// Reads a body that is already in memory.
    ///
    /// # Errors
    /// `malformed` for what is no JSON, `invalid` with pointers for a wrong shape.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            Problem::malformed(format!("byte {} of the body is not UTF-8", error.valid_up_to() + 1))
        })?;
        if text.trim().is_empty() {
            return Err(Problem::malformed("the body is empty; a command without fields sends {}"));
        }
        let tree: Value = serde_json::from_str(text).map_err(|error| {
            Problem::malformed(format!("the body is no JSON: {error}"))
                .with("line", error.line())
                .with("column", error.column())
        })?;
        // Read from the text again, not from the tree: only so a field that stands twice is noticed.
        let mut reader = serde_json::Deserializer::from_str(text);
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let detail = without_value(&without_position(&error.inner().to_string()));
            Problem::invalid_fields(vec![FieldError {
                pointer: pointer(error.path(), &detail),
                detail,
            }])
        })?;
        Ok(Self { value, hash: fingerprint(&tree) })
    }
}

/// Reads the body of a request into memory.
///
/// # Errors
/// `too_large` beyond [`BODY_BYTES_MAX`], `malformed` when the line breaks while reading.
pub(crate) async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let too_large = || {
        Problem::of(&TOO_LARGE, format!("the body has more than {BODY_BYTES_MAX} bytes"))
            .with("bytes_max", BODY_BYTES_MAX)
    };
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    let is_declared_too_large = declared.is_some_and(|length| length > BODY_BYTES_MAX as u64);
    if is_declared_too_large && request.headers().contains_key(header::EXPECT) {
        // The caller waits for a word before it sends: refuse before it does.
        return Err(too_large());
    }
    let mut collected =
        Vec::with_capacity(declared.map_or(0, |length| {
            usize::try_from(length).unwrap_or(BODY_BYTES_MAX).min(BODY_BYTES_MAX)
        }));
    let mut stream = request.into_body().into_data_stream();
    let mut read = 0_usize;
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| Problem::malformed("the line broke while the body was read"))?;
        read = read.saturating_add(chunk.len());
        if read > DRAIN_BYTES_MAX {
            return Err(too_large());
        }
        if read <= BODY_BYTES_MAX && !is_declared_too_large {
            collected.extend_from_slice(&chunk);
        }
    }
    if read > BODY_BYTES_MAX { Err(too_large()) } else { Ok(collected.into()) }
}

/// Reads the body once, under the limit, and gives the request back with the body in memory: whoever
/// refuses it later (401, 403, 404) leaves no unread bytes on the line.
pub(crate) async fn buffered(request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    if http_body_is_empty(&body) {
        return Ok(Request::from_parts(parts, body));
    }
    let headers = parts.headers.clone();
    let mut whole = Request::new(body);
    *whole.headers_mut() = headers;
    let bytes = read_body(whole).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn http_body_is_empty(body: &Body) -> bool {
    axum::body::HttpBody::is_end_stream(body)
}

/// The fingerprint of a JSON value: SHA-256 in hex over its canonical form.
#[must_use]
pub fn fingerprint(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    hex(&Sha256::digest(text.as_bytes()))
}

fn check_content_type(headers: &HeaderMap) -> Result<(), Problem> {
    let unsupported = |detail: &str| Err(Problem::of(&UNSUPPORTED_MEDIA_TYPE, detail));
    if headers.get(header::CONTENT_ENCODING).is_some_and(|value| value != "identity") {
        return unsupported("a content encoding is not taken; send the body as it is");
    }
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return unsupported("the Content-Type is missing; send application/json");
    };
    let mut parts = value.to_str().unwrap_or_default().split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !is_json {
        return unsupported("the Content-Type must be application/json");
    }
    let is_utf8 = parts
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| charset.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if is_utf8 { Ok(()) } else { unsupported("JSON is sent in UTF-8") }
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, member)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                // A string's JSON form separates name and value without doubt.
                let _ = write!(out, "{}:", Value::String(name.clone()));
                write_canonical(member, out);
            }
            out.push('}');
        }
        simple => {
            let _ = write!(out, "{simple}");
        }
    }
}

/// The JSON pointer of an error; serde names a missing or unknown field only in its text.
fn pointer(path: &Path, detail: &str) -> String {
    let mut pointer = String::new();
    let mut last = None;
    for segment in path {
        let step = match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.replace('~', "~0").replace('/', "~1"),
            // An enum's variant is a value here, not a step; the unknown is nobody's address.
            Segment::Enum { .. } | Segment::Unknown => continue,
        };
        let _ = write!(pointer, "/{step}");
        last = Some(step);
    }
    if let Some(name) = named_field(detail)
        && last.as_deref() != Some(name)
    {
        let _ = write!(pointer, "/{}", name.replace('~', "~0").replace('/', "~1"));
    }
    pointer
}

/// The field that serde's message is about.
pub(super) fn named_field(detail: &str) -> Option<&str> {
    ["missing field `", "unknown field `", "duplicate field `"]
        .iter()
        .find_map(|prefix| detail.strip_prefix(prefix))
        .and_then(|rest| rest.split_once('`'))
        .map(|(name, _)| name)
}

/// Drops serde_json's position: the pointer says it better.
fn without_position(detail: &str) -> String {
    match detail.rsplit_once(" at line ") {
        Some((text, _)) => text.to_owned(),
        None => detail.to_owned(),
    }
}

/// Leaves out the value that a message repeats: it may be a person's name or number that came into the wrong field, and
/// what is refused is kept by programs that nobody thinks of.
pub(super) fn without_value(detail: &str) -> String {
    let quotes_a_value = ["unknown variant ", "invalid type: ", "invalid value: "]
        .iter()
        .any(|kind| detail.starts_with(kind));
    match (detail.find(['`', '"']), detail.rfind(", expected ")) {
        (Some(quote), Some(expected)) if quotes_a_value && quote < expected => {
            format!("{}{}", detail[..quote].trim_end(), &detail[expected..])
        }
        _ => detail.to_owned(),
    }
}

/// Bytes in lower-case hex.
#[must_use]
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
