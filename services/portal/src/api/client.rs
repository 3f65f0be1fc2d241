//! The client: a pool of connections to one API.
//!
//! Invariants: a call ends after [`CALL_TIME_MAX`], an answer after [`ANSWER_BYTES_MAX`]; what is passed on as it comes has a
//! time limit for its head only. Tokens and bodies enter no log line.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use runtime::http::visitor::{FORWARDED_FOR_HEADER, PAGES_KEY_HEADER};
use runtime::http::{PagesKey, RequestId, request_id, visitor};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::OnceCell;

use super::url::{ApiUrl, is_path};
use super::{Failure, Problem};
use crate::address::address;

/// How long a call may take: the API itself ends one after 30 s, nobody looks at an empty page that long.
pub(super) const CALL_TIME_MAX: Duration = Duration::from_secs(15);

/// Largest answer that is read, in bytes: a page of cases has some 200 KiB, a year of figures less than 1 MiB.
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Idle connections that are kept: as many as two cores have use for.
const IDLE_MAX: usize = 32;

/// How long an idle connection is kept: shorter than any server or proxy would.
const IDLE_TIME_MAX: Duration = Duration::from_secs(20);

/// Calls the API; a pool of connections.
#[derive(Clone)]
pub(crate) struct Client {
    url: ApiUrl,
    line: Line,
    /// By what the API of the same process knows these pages.
    key: Option<PagesKey>,
    /// What the codes of problems mean, read once.
    meanings: Arc<OnceCell<Meanings>>,
}

#[derive(Clone)]
enum Line {
    Plain(legacy::Client<HttpConnector, Full<Bytes>>),
    Secure(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

/// What codes of problems mean, in Chinese and English.
pub(crate) type Meanings = HashMap<String, (String, String)>;

/// A call, before it is made.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Option<Bytes>,
}

impl Client {
    /// Makes the pool; nothing is called yet.
    pub(crate) fn new(url: ApiUrl, key: Option<PagesKey>) -> std::io::Result<Self> {
        let mut builder = legacy::Client::builder(TokioExecutor::new());
        builder
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIME_MAX)
            .pool_max_idle_per_host(IDLE_MAX);
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        connector.set_connect_timeout(Some(CALL_TIME_MAX));
        let line = match url.is_secure() {
            false => Line::Plain(builder.build(connector)),
            true => {
                connector.enforce_http(false);
                let connector = HttpsConnectorBuilder::new()
                    .with_native_roots()?
                    .https_only()
                    .enable_http1()
                    .wrap_connector(connector);
                Line::Secure(builder.build(connector))
            }
        };
        Ok(Self { url, line, key, meanings: Arc::default() })
    }

    /// Makes a call and reads the whole answer.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Bytes, Failure> {
        let (head, body) = self.whole(call).await?;
        match head.status.is_success() {
            true => Ok(body),
            false => Err(self.explained(refused(&head, &body)).await),
        }
    }

    /// Adds what the code means, for people. It is a help: without it the API's own sentence stands.
    async fn explained(&self, failure: Failure) -> Failure {
        let Failure::Problem(mut problem) = failure else { return failure };
        // The others have words of their own in the catalogues.
        if problem.status == StatusCode::CONFLICT || problem.status == StatusCode::FORBIDDEN {
            problem.means =
                self.known_meanings().await.and_then(|all| all.get(&problem.code).cloned());
        }
        Failure::Problem(problem)
    }

    /// What the codes of problems mean, when the API has ever said so.
    pub(super) async fn known_meanings(&self) -> Option<&Meanings> {
        self.meanings.get_or_try_init(|| self.meanings()).await.ok()
    }

    async fn meanings(&self) -> Result<Meanings, Failure> {
        let path = "/problems.json";
        let call = Call { method: Method::GET, path, query: &[], headers: Vec::new(), body: None };
        let (head, body) = self.whole(call).await?;
        if !head.status.is_success() {
            return Err(Failure::Away);
        }
        let entries: Vec<Meaning> = read(&body)?;
        let pair = |entry: Meaning| (entry.code, (entry.explanation.zh, entry.explanation.en));
        Ok(entries.into_iter().map(pair).collect())
    }

    /// Makes a call and passes the answer on as it comes.
    pub(super) async fn stream(&self, call: Call<'_>) -> Result<Response, Failure> {
        let answer = within(self.begin(call)).await?;
        let (head, body) = answer.into_parts();
        if !head.status.is_success() {
            let head = Head { status: head.status, headers: head.headers };
            let body = within(collected(body)).await?;
            return Err(refused(&head, &body));
        }
        let mut response = Response::new(Body::new(body));
        *response.status_mut() = head.status;
        for name in PASSED_ON {
            if let Some(value) = head.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        Ok(response)
    }

    async fn whole(&self, call: Call<'_>) -> Result<(Head, Bytes), Failure> {
        within(async {
            let (head, body) = self.begin(call).await?.into_parts();
            let head = Head { status: head.status, headers: head.headers };
            Ok((head, collected(body).await?))
        })
        .await
    }

    async fn begin(&self, call: Call<'_>) -> Result<hyper::Response<Incoming>, Failure> {
        let request = self.request(call)?;
        let answer = match &self.line {
            Line::Plain(client) => client.request(request).await,
            Line::Secure(client) => client.request(request).await,
        };
        answer.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "the API does not answer");
            Failure::Away
        })
    }

    fn request(&self, call: Call<'_>) -> Result<Request<Full<Bytes>>, Failure> {
        if !is_path(call.path) {
            return Err(nothing_there());
        }
        let uri = self
            .url
            .join(&address(call.path, call.query.iter().copied()))
            .ok_or_else(nothing_there)?;
        let mut request = Request::new(Full::new(call.body.clone().unwrap_or_default()));
        *request.method_mut() = call.method;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.extend(call.headers);
        if call.body.is_some() {
            let json = HeaderValue::from_static("application/json");
            headers.insert(header::CONTENT_TYPE, json);
        }
        let id = request_id::current().unwrap_or_else(RequestId::fresh);
        headers.insert(request_id::REQUEST_ID_HEADER, id.to_header());
        // The API measures who looks at a page, not the pages.
        if let Some(visitor) = visitor::current() {
            headers.insert(FORWARDED_FOR_HEADER, visitor.to_header());
        }
        if let Some(key) = &self.key {
            headers.insert(PAGES_KEY_HEADER, key.to_header());
        }
        Ok(request)
    }
}

/// What of an answer goes on with it.
const PASSED_ON: [HeaderName; 4] = [
    header::CONTENT_TYPE,
    header::CONTENT_DISPOSITION,
    header::CONTENT_LENGTH,
    header::CACHE_CONTROL,
];

/// An entry of `/problems.json`.
#[derive(Deserialize)]
struct Meaning {
    code: String,
    explanation: Both,
}

#[derive(Deserialize)]
struct Both {
    zh: String,
    en: String,
}

struct Head {
    status: StatusCode,
    headers: HeaderMap,
}

async fn within<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::time::timeout(CALL_TIME_MAX, work).await.unwrap_or_else(|_| {
        tracing::warn!(seconds = CALL_TIME_MAX.as_secs(), "the API does not answer in time");
        Err(Failure::Away)
    })
}

async fn collected(body: Incoming) -> Result<Bytes, Failure> {
    match Limited::new(body, ANSWER_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => {
            tracing::warn!(error, "an answer of the API broke off");
            Err(Failure::Away)
        }
    }
}

/// Reads an answer; one without a body is read as `null`.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        // Where it is wrong, not what it says: an answer is about people.
        tracing::error!(line = error.line(), column = error.column(), category = ?error.classify(), "an answer of the API cannot be read");
        Failure::Away
    })
}

fn refused(head: &Head, body: &[u8]) -> Failure {
    let Ok(mut problem) = serde_json::from_slice::<Problem>(body) else {
        tracing::warn!(http.status = head.status.as_u16(), "the API answers without a problem");
        return Failure::Away;
    };
    problem.status = head.status.as_u16();
    problem.retry_after = head
        .headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|seconds| seconds.parse().ok());
    Failure::Problem(Box::new(problem))
}

fn nothing_there() -> Failure {
    Failure::Problem(Box::new(Problem {
        status: 404,
        code: "not_found".to_owned(),
        ..Problem::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_without_a_body_is_read_as_nothing() {
        assert!(read::<()>(b"").is_ok());
        assert!(read::<Option<u8>>(b"").is_ok_and(|answer| answer.is_none()));
        assert!(read::<u8>(b"x").is_err());
    }

    #[test]
    fn what_is_no_problem_is_nobody_there() {
        let head = |status| Head { status, headers: HeaderMap::new() };
        let failure = refused(&head(StatusCode::BAD_GATEWAY), b"<html>");
        assert_eq!((failure.code(), failure.status()), ("away", 503));
        let failure =
            refused(&head(StatusCode::CONFLICT), br#"{"code":"case_closed","version":7}"#);
        assert_eq!((failure.code(), failure.status()), ("case_closed", 409));
        assert_eq!(failure.problem().unwrap().extra["version"], 7);
    }
}
