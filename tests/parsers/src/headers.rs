//! What a request brings: headers, the query, the body.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequestParts as _, Request};
use axum::http::{HeaderName, HeaderValue, header};
use futures::FutureExt as _;
use runtime::http::preconditions::IDEMPOTENCY_KEY_HEADER;
use runtime::http::{Hops, IdempotencyKey, IfMatch, Peer, Query, StrictJson, TrustedProxies, etag};
use serde::Deserialize;
use serde_json::Value;

use crate::{Target, texts};

fn request(name: HeaderName, bytes: &[u8]) -> Option<Request> {
    let mut request = Request::new(Body::empty());
    request.headers_mut().insert(name, HeaderValue::from_bytes(bytes).ok()?);
    Some(request)
}

/// `If-Match` and `Idempotency-Key`.
pub(crate) const PRECONDITIONS: Target = Target {
    name: "preconditions",
    run: |bytes| {
        let Some(asked) = request(header::IF_MATCH, bytes) else { return false };
        let (mut parts, _) = asked.into_parts();
        let read = IfMatch::from_request_parts(&mut parts, &()).now_or_never();
        let version = read.expect("reading a header waits for nothing");
        if let Ok(IfMatch(Some(version))) = version {
            let [(_, written)] = etag(version);
            parts.headers.insert(header::IF_MATCH, written);
            let again = IfMatch::from_request_parts(&mut parts, &()).now_or_never();
            assert_eq!(again, Some(Ok(IfMatch(Some(version)))));
        }
        let Some(asked) = request(IDEMPOTENCY_KEY_HEADER, bytes) else { return false };
        let (mut parts, _) = asked.into_parts();
        let read = IdempotencyKey::from_request_parts(&mut parts, &()).now_or_never();
        let key = read.expect("reading a header waits for nothing");
        if let Ok(IdempotencyKey(Some(key))) = &key {
            assert_eq!(key.as_bytes(), bytes, "a key is taken as it is");
        }
        version.is_ok() || key.is_ok()
    },
    samples: || texts(&["\"42\"", "*", "\"18446744073709551615\"", "key-1"]),
};

/// `X-Forwarded-For`, behind a proxy that is trusted.
pub(crate) const FORWARDED_FOR: Target = Target {
    name: "forwarded_for",
    run: |bytes| {
        let name = HeaderName::from_static("x-forwarded-for");
        let Some(mut asked) = request(name, bytes) else { return false };
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        asked.extensions_mut().insert(ConnectInfo(Peer(peer)));
        let believed = Hops::default().visitor(&asked).expect("it came over a socket");
        let stranger = Hops::new("none".parse().expect("none is a list"), None).visitor(&asked);
        assert!(stranger.expect("it came over a socket").is_this_machine(), "nobody is believed");
        !believed.is_this_machine()
    },
    samples: || {
        texts(&[
            "198.51.100.7",
            "203.0.113.9, 198.51.100.7:4711, 127.0.0.1",
            "[2001:db8::1]:4711",
            "::ffff:192.0.2.1",
        ])
    },
};

/// The list of trusted proxies of the settings.
pub(crate) const TRUSTED_PROXIES: Target = Target {
    name: "trusted_proxies",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let Ok(proxies) = text.parse::<TrustedProxies>() else { return false };
        // Asks the list about addresses of both kinds, which takes every length of a network.
        for word in ["198.51.100.7", "2001:db8::1"] {
            let name = HeaderName::from_static("x-forwarded-for");
            let mut asked = request(name, word.as_bytes()).expect("an address is a header");
            for peer in ["10.1.2.3", "2001:db8::2"] {
                let peer = peer.parse().expect("an address");
                asked.extensions_mut().insert(ConnectInfo(Peer(peer)));
                let found = Hops::new(proxies.clone(), None).visitor(&asked);
                assert!(found.is_some(), "whoever came over a socket is somebody");
            }
        }
        true
    },
    samples: || texts(&["10.0.0.7, 10.1.0.0/16", "2001:db8::/32", "0.0.0.0/0,::/0", "none"]),
};

/// A query with a field of each shape that the product asks for.
#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(rename = "q")]
    _text: Option<String>,
    #[serde(rename = "limit")]
    _limit: Option<u16>,
    #[serde(rename = "overdue")]
    _overdue: Option<bool>,
}

/// A query string.
pub(crate) const QUERY: Target = Target {
    name: "query",
    run: |bytes| {
        let Ok(text) = str::from_utf8(bytes) else { return false };
        let found = Query::<Asked>::of_text(text);
        if let Err(problem) = &found {
            assert!(matches!(&*problem.code, "invalid" | "malformed"), "{}", problem.code);
        }
        found.is_ok()
    },
    samples: || texts(&["q=%E9%80%80%E4%BC%91&limit=20&overdue=true", "q=a+b&limit=", "", "&&="]),
};

/// A JSON body, whose fields may each stand once only.
pub(crate) const BODY: Target = Target {
    name: "body",
    run: |bytes| {
        let Ok(read) = StrictJson::<Value>::of_bytes(bytes) else { return false };
        let written = read.value.to_string();
        let again = StrictJson::<Value>::of_bytes(written.as_bytes());
        assert_eq!(again.map(|again| again.value).ok(), Some(read.value));
        true
    },
    samples: || texts(&[r#"{"a":{"b":[1,2.5,-3e2,null,true,"退休"]},"c":"\u0000\ud83d\ude00"}"#]),
};
