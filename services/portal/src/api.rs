//! The public HTTP API, as the pages call it.
//!
//! Invariants: a page knows the house through this file only; every call has an end ([`client::CALL_TIME_MAX`]) and every
//! answer a size; an id from an address never changes which address of the API is called; the id of the request that
//! is being served goes along, so that one line of the log leads to the other.

mod client;
mod failure;
mod url;

pub(crate) use client::{Client, Meanings};
pub(crate) use failure::{Failure, Problem, in_words};
pub(crate) use url::segment;
pub use url::{ApiUrl, ApiUrlError};

use axum::http::{HeaderValue, Method, header};
use axum::response::Response;
use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::lang::Lang;
use client::Call;

/// Calls the API in the name of one visitor.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    client: &'a Client,
    token: Option<&'a str>,
    lang: Lang,
}

impl<'a> Caller<'a> {
    /// Calls in the name of who holds this token.
    pub(crate) const fn new(client: &'a Client, token: Option<&'a str>, lang: Lang) -> Self {
        Self { client, token, lang }
    }

    /// Reads. Parameters without a value are left out, so that a filter can be passed on as it was typed.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, Failure> {
        client::read(&self.send(Method::GET, path, query, Extra::default(), None).await?)
    }

    /// What the codes of problems mean; none while the API does not say.
    pub(crate) async fn meanings(&self) -> Meanings {
        self.client.known_meanings().await.cloned().unwrap_or_default()
    }

    /// Wishes. The key makes a repeat of the same form harmless.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
    ) -> Result<T, Failure> {
        let extra = Extra { idempotency_key, version: None };
        client::read(&self.send(Method::POST, path, &[], extra, Some(json(body))).await?)
    }

    /// Wishes, as long as nobody was faster: `version` is the one that the person looked at.
    pub(crate) async fn post_if<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        idempotency_key: Option<&str>,
        version: u64,
    ) -> Result<T, Failure> {
        let extra = Extra { idempotency_key, version: Some(version) };
        client::read(&self.send(Method::POST, path, &[], extra, Some(json(body))).await?)
    }

    /// Writes in place of what is there.
    pub(crate) async fn put<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        client::read(&self.send(Method::PUT, path, &[], Extra::default(), Some(json(body))).await?)
    }

    /// Removes.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(Method::DELETE, path, &[], Extra::default(), None).await.map(|_| ())
    }

    /// Passes an answer on as it comes: a file, or a feed that does not end. `last_event_id` lets a feed go on where it
    /// broke off.
    pub(crate) async fn stream(
        &self,
        path: &str,
        query: &[(&str, &str)],
        last_event_id: Option<&HeaderValue>,
    ) -> Result<Response, Failure> {
        let mut call = self.call(Method::GET, path, query, Extra::default(), None);
        if let Some(id) = last_event_id {
            call.headers.push((header::HeaderName::from_static("last-event-id"), id.clone()));
        }
        self.client.stream(call).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        extra: Extra<'_>,
        body: Option<Bytes>,
    ) -> Result<Bytes, Failure> {
        self.client.send(self.call(method, path, query, extra, body)).await
    }

    fn call<'c>(
        &self,
        method: Method,
        path: &'c str,
        query: &'c [(&'c str, &'c str)],
        extra: Extra<'_>,
        body: Option<Bytes>,
    ) -> Call<'c> {
        let mut headers = Vec::new();
        // What somebody typed may hold anything; what cannot stand in a header is no token and no key of ours.
        let mut push = |name, text: &str| {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.push((name, value));
            }
        };
        if let Some(token) = self.token {
            push(header::AUTHORIZATION, &format!("Bearer {token}"));
        }
        if let Some(key) = extra.idempotency_key {
            push(header::HeaderName::from_static("idempotency-key"), key);
        }
        if let Some(version) = extra.version {
            push(header::IF_MATCH, &format!("\"{version}\""));
        }
        push(header::ACCEPT_LANGUAGE, self.lang.tag());
        Call { method, path, query, headers, body }
    }
}

#[derive(Clone, Copy, Default)]
struct Extra<'a> {
    idempotency_key: Option<&'a str>,
    version: Option<u64>,
}

fn json(body: &impl Serialize) -> Bytes {
    serde_json::to_vec(body).expect("bodies are made of texts, numbers and lists").into()
}
