//! Calls to the provider.
//!
//! Invariants: a call ends after [`CALL_TIME_MAX`], an answer after [`ANSWER_BYTES_MAX`]; no redirect is followed; over TLS
//! whenever the issuer is.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::de::DeserializeOwned;

/// How long a call may take; somebody waits before a page.
pub(crate) const CALL_TIME_MAX: Duration = Duration::from_secs(5);

/// Largest answer, in bytes: a set of twenty keys with certificates has some 60 KiB.
pub(crate) const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// The provider did not answer, or not as the protocol has it.
#[derive(Debug, thiserror::Error)]
#[error("the identity provider does not answer while {attempted}")]
pub struct ProviderAway {
    /// What was attempted.
    pub attempted: &'static str,
    /// What went wrong.
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl ProviderAway {
    pub(crate) fn new(
        attempted: &'static str,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { attempted, source: source.into() }
    }
}

/// A way to one provider.
#[derive(Debug)]
pub(crate) enum Line {
    Plain(Client<HttpConnector, Full<Bytes>>),
    Secure(Client<HttpsConnector<HttpConnector>, Full<Bytes>>),
}

impl Line {
    /// Makes the line; nothing is called yet.
    pub(crate) fn to(issuer: &str) -> std::io::Result<Self> {
        let builder = Client::builder(TokioExecutor::new());
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CALL_TIME_MAX));
        if !issuer.starts_with("https:") {
            return Ok(Self::Plain(builder.build(connector)));
        }
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_only()
            .enable_http1()
            .wrap_connector(connector);
        Ok(Self::Secure(builder.build(connector)))
    }

    /// Reads a document.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        attempted: &'static str,
        url: &str,
    ) -> Result<T, ProviderAway> {
        let (status, body) =
            self.call(attempted, Method::GET, url, HeaderMap::new(), Bytes::new()).await?;
        match status {
            StatusCode::OK => read(attempted, &body),
            other => Err(ProviderAway::new(attempted, format!("it answered {other}"))),
        }
    }

    /// Makes a call and reads the whole answer.
    pub(crate) async fn call(
        &self,
        attempted: &'static str,
        method: Method,
        url: &str,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<(StatusCode, Bytes), ProviderAway> {
        let uri: Uri = url.parse().map_err(|error| ProviderAway::new(attempted, error))?;
        headers.insert(header::ACCEPT, header::HeaderValue::from_static("application/json"));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        let answer = async {
            let answer = match self {
                Self::Plain(client) => client.request(request).await,
                Self::Secure(client) => client.request(request).await,
            };
            let answer = answer.map_err(|error| ProviderAway::new(attempted, error))?;
            let (status, body) = (answer.status(), answer.into_body());
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
            Ok((status, body.map_err(|error| ProviderAway::new(attempted, error))?.to_bytes()))
        };
        match tokio::time::timeout(CALL_TIME_MAX, answer).await {
            Ok(answer) => answer,
            Err(elapsed) => Err(ProviderAway::new(attempted, elapsed)),
        }
    }
}

/// Reads an answer.
pub(crate) fn read<T: DeserializeOwned>(
    attempted: &'static str,
    body: &[u8],
) -> Result<T, ProviderAway> {
    // Where it is wrong, not what it says: it may be a token.
    serde_json::from_slice(body).map_err(|error| {
        let place = format!(
            "its answer cannot be read at line {}, column {}",
            error.line(),
            error.column()
        );
        ProviderAway::new(attempted, place)
    })
}
