//! An identity provider of the test's own: right unless it is told to be wrong.
//!
//! Invariant: it holds the house to the protocol: a code opens once, for the client, the address and the verifier for which
//! it was given.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    RsaPublicKeyComponents,
};
use runtime::clock::{Clock as _, SystemClock};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// As what the provider knows the house.
pub(crate) const CLIENT: &str = "unstuck";
/// By what the house proves itself; with what has to be written otherwise in a header.
pub(crate) const SECRET: &str = "sample secret:1+1";

/// A key that signs nothing but what these tests make.
const RSA_KEY: &[u8] = include_bytes!("sample-rsa.pk8");

/// What the provider does wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fails {
    Nothing,
    /// It answers 500.
    Broken,
    /// It takes the request and never answers.
    Silent,
    /// Its answer has no end.
    Endless,
    /// It answers with a page.
    Garbled,
    /// It sends elsewhere.
    Elsewhere,
}

/// Who signs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signer {
    Rsa,
    /// The second key of the set, of another kind.
    Ec,
    /// A key that is in no set.
    Stranger,
}

/// How the next tokens are.
#[derive(Clone)]
pub(crate) struct Behaviour {
    pub(crate) fails: Fails,
    pub(crate) signer: Signer,
    /// Members of the header of a token, over those that are right; null leaves one out.
    pub(crate) header: Value,
    /// Claims of a token, over those that are right; null leaves one out.
    pub(crate) claims: Value,
    /// Ids of the keys.
    pub(crate) kids: [String; 2],
    /// Whether a code opens as often as one likes.
    pub(crate) forgets_codes: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            fails: Fails::Nothing,
            signer: Signer::Rsa,
            header: json!({}),
            claims: json!({}),
            kids: ["rsa-1".to_owned(), "ec-1".to_owned()],
            forgets_codes: false,
        }
    }
}

/// What was asked for with a code.
#[derive(Clone)]
struct Granted {
    nonce: String,
    challenge: String,
    redirect_uri: String,
}

struct Inner {
    issuer: String,
    behaviour: Behaviour,
    codes: HashMap<String, Granted>,
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
    stranger: EcdsaKeyPair,
}

/// A running provider.
pub(crate) struct Fake {
    inner: Arc<Mutex<Inner>>,
    _runtime: Runtime,
}

type Shared = State<Arc<Mutex<Inner>>>;
type Parameters = HashMap<String, String>;

impl Fake {
    /// Starts it on loopback.
    pub(crate) fn start() -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"));
        let listener = listener.expect("a port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        let inner = Arc::new(Mutex::new(Inner {
            issuer: format!("http://{address}/realms/city"),
            behaviour: Behaviour::default(),
            codes: HashMap::new(),
            rsa: RsaKeyPair::from_pkcs8(RSA_KEY).expect("a key"),
            ec: ec_key(),
            stranger: ec_key(),
        }));
        let router = Router::new()
            .route("/realms/city/.well-known/openid-configuration", get(discovery))
            .route("/realms/city/authorize", get(authorize))
            .route("/realms/city/token", post(token))
            .route("/realms/city/keys", get(keys))
            .with_state(Arc::clone(&inner));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { inner, _runtime: runtime }
    }

    pub(crate) fn issuer(&self) -> String {
        lock(&self.inner).issuer.clone()
    }

    /// Behaves so from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        lock(&self.inner).behaviour = behaviour;
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ec_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
    let document = document.expect("a key");
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random)
        .expect("a key")
}

/// What a provider answers that fails.
async fn failure(fails: Fails) -> Option<Response> {
    match fails {
        Fails::Nothing => None,
        Fails::Broken => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
        Fails::Silent => std::future::pending().await,
        Fails::Endless => {
            let chunk = || Ok::<_, Infallible>(Bytes::from_static(&[b' '; 16 * 1024]));
            let chunks = futures::stream::repeat_with(chunk);
            Some(Response::new(Body::from_stream(chunks)))
        }
        Fails::Garbled => Some("<html>统一身份认证</html>".into_response()),
        Fails::Elsewhere => Some(Redirect::temporary("http://127.0.0.1:9/").into_response()),
    }
}

async fn discovery(State(inner): Shared) -> Response {
    let issuer = lock(&inner).issuer.clone();
    axum::Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "jwks_uri": format!("{issuer}/keys"),
        "authorization_response_iss_parameter_supported": true,
        "code_challenge_methods_supported": ["S256"],
    }))
    .into_response()
}

/// Whoever comes here is known by a cookie of the provider: he is sent back at once.
async fn authorize(State(inner): Shared, Query(asked): Query<Parameters>) -> Response {
    let right = [
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("scope", "openid profile"),
        ("code_challenge_method", "S256"),
    ];
    for (name, value) in right {
        assert_eq!(asked.get(name).map(String::as_str), Some(value), "{name}");
    }
    let text = |name: &str| asked.get(name).cloned().unwrap_or_default();
    let granted = Granted {
        nonce: text("nonce"),
        challenge: text("code_challenge"),
        redirect_uri: text("redirect_uri"),
    };
    let mut inner = lock(&inner);
    let code = format!("code-{}", inner.codes.len());
    let back = format!(
        "{}?code={code}&state={}&iss={}",
        granted.redirect_uri,
        text("state"),
        inner.issuer.replace(':', "%3A").replace('/', "%2F"),
    );
    inner.codes.insert(code, granted);
    Redirect::to(&back).into_response()
}

async fn token(State(inner): Shared, headers: HeaderMap, body: String) -> Response {
    let fails = lock(&inner).behaviour.fails;
    if let Some(failure) = failure(fails).await {
        return failure;
    }
    let client = format!("Basic {}", STANDARD.encode("unstuck:sample+secret%3A1%2B1"));
    if headers.get(header::AUTHORIZATION).is_none_or(|value| value.as_bytes() != client.as_bytes())
    {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let form: Parameters = serde_urlencoded(&body);
    let text = |name: &str| form.get(name).cloned().unwrap_or_default();
    let mut inner = lock(&inner);
    let granted = match inner.behaviour.forgets_codes {
        true => inner.codes.get(&text("code")).cloned(),
        false => inner.codes.remove(&text("code")),
    };
    let verifier = digest(&SHA256, text("code_verifier").as_bytes());
    let is_right = |granted: &Granted| {
        granted.challenge == URL_SAFE_NO_PAD.encode(verifier)
            && granted.redirect_uri == text("redirect_uri")
            && text("grant_type") == "authorization_code"
    };
    match granted.filter(is_right) {
        Some(granted) => {
            let token = inner.token(&granted.nonce);
            axum::Json(json!({ "access_token": "x", "token_type": "Bearer", "id_token": token }))
                .into_response()
        }
        None => (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": "invalid_grant" })))
            .into_response(),
    }
}

fn serde_urlencoded(body: &str) -> Parameters {
    let pairs = form_urlencoded::parse(body.as_bytes());
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

async fn keys(State(inner): Shared) -> Response {
    let inner = lock(&inner);
    let rsa: RsaPublicKeyComponents<Vec<u8>> = inner.rsa.public().into();
    let point = inner.ec.public_key().as_ref();
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let [rsa_kid, ec_kid] = &inner.behaviour.kids;
    axum::Json(json!({ "keys": [
        { "kty": "RSA", "use": "sig", "kid": rsa_kid, "n": text(&rsa.n), "e": text(&rsa.e) },
        { "kty": "EC", "crv": "P-256", "kid": ec_kid, "x": text(&point[1..33]), "y": text(&point[33..]) },
        { "kty": "oct", "kid": "symmetric", "k": "AAAA" },
    ]}))
    .into_response()
}

impl Inner {
    fn token(&self, nonce: &str) -> String {
        let now = SystemClock.now().timestamp();
        let Behaviour { signer, header, claims, kids, .. } = &self.behaviour;
        let (alg, kid) = match signer {
            Signer::Rsa => ("RS256", &kids[0]),
            Signer::Ec | Signer::Stranger => ("ES256", &kids[1]),
        };
        let header = over(json!({ "alg": alg, "kid": kid, "typ": "JWT" }), header);
        let claims = over(
            json!({
                "iss": self.issuer, "sub": "4711", "aud": CLIENT, "nonce": nonce,
                "exp": now + 300, "iat": now, "preferred_username": "clerk-donghuashi",
            }),
            claims,
        );
        let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", text(&header), text(&claims));
        let signature = self.signature(*signer, signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn signature(&self, signer: Signer, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let by = |key: &EcdsaKeyPair| key.sign(&random, message).expect("signed").as_ref().to_vec();
        match signer {
            Signer::Ec => by(&self.ec),
            Signer::Stranger => by(&self.stranger),
            Signer::Rsa => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).expect("signed");
                signature
            }
        }
    }
}

fn over(mut right: Value, changes: &Value) -> Value {
    let members = right.as_object_mut().expect("an object");
    for (name, value) in changes.as_object().expect("an object") {
        members.remove(name);
        if !value.is_null() {
            members.insert(name.clone(), value.clone());
        }
    }
    right
}
