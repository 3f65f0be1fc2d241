//! One attempt to sign in, from the address of the provider to a session here.
//!
//! Invariants: what an attempt has to remember (state, nonce, verifier) goes sealed with the browser that began it and is
//! nowhere else; it is used up before the provider is asked, so that of two who come with one code one gets in; every
//! end of an attempt leaves a line in the audit, except those that were too many.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use desk::Desk;
use desk::district::{OidcSettings, Secret};
use ring::digest::{SHA256, digest};
use runtime::audit::{Audit, AuditLine};
use runtime::clock::SharedClock;
use runtime::http::{Allowance, Visitor};
use runtime::identity::{Identity, IdentityError, Opened, ProvedElsewhere};
use runtime::metrics::SignInOutcome;
use runtime::vault::DataKey;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::fetch::{Line, ProviderAway, read};
use crate::id_token::{Expected, Named};
use crate::jose::{KeySet, Published, Unverified};
use crate::kept::Kept;

/// Where the provider sends people back to, at the address of this house.
pub(crate) const CALLBACK_PATH: &str = "/sign-in/oidc/callback";

/// What the site's key is derived for.
const PURPOSE: &str = "sign-in with an identity provider";

/// How this way is called in the audit.
const WAY: &str = "oidc";

/// How long an attempt may take, in minutes: a password, and a code from a telephone.
const ATTEMPT_MINUTES: i64 = 10;

/// How long the provider's addresses are kept.
const DISCOVERY_KEPT: Duration = Duration::from_secs(3600);
/// How long its keys are kept: so long a key that it has withdrawn may still be taken.
const KEYS_KEPT: Duration = Duration::from_secs(600);
/// How soon they are asked for again for a key that is not among them: whoever makes up keys does not make calls.
const KEYS_KEPT_MIN: Duration = Duration::from_secs(5);

/// Attempts of one address at once that prove nothing, and a minute; all of a center may sit behind one.
const TRIES_BURST: u32 = 60;
const TRIES_PER_MINUTE: u32 = 10;

/// Calls to the provider at once: one that is slow holds so many requests and no more.
const CALLS_MAX: usize = 32;

/// Why somebody was not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The attempt began too long ago, elsewhere, or was used.
    #[error("the sign-in began too long ago, in another browser, or was used already")]
    Over,
    /// The provider let nobody in, or what came back proves nothing.
    #[error("the identity provider's answer proves nobody: {0}")]
    Refused(&'static str),
    /// Too many attempts from one address.
    #[error("too many sign-ins from this address (此地址登录过于频繁); try again in {0} s")]
    TooMany(u32),
    /// More people wait for the provider than are let wait.
    #[error("too many people sign in at once")]
    Busy,
    /// The provider does not answer.
    #[error(transparent)]
    Away(#[from] ProviderAway),
    /// The accounts say no, or want a code.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

/// An attempt that was begun.
#[derive(Debug)]
pub(crate) struct Begun {
    /// Where the browser goes.
    pub(crate) authorize_url: String,
    /// What it brings back, and nobody else sees.
    pub(crate) ticket: String,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) ticket: String,
    pub(crate) state: String,
    pub(crate) code: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) error: Option<String>,
}

/// What an attempt has to remember.
#[derive(Serialize, Deserialize)]
struct Attempt {
    state: String,
    nonce: String,
    verifier: String,
    expires_at: DateTime<Utc>,
}

/// What the provider says of itself (OpenID Connect Discovery, 3).
#[derive(Debug, Deserialize)]
struct Discovery {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: String,
}

/// The identity provider of a district.
#[derive(Debug)]
pub struct Provider {
    settings: OidcSettings,
    line: Line,
    discovery: Kept<Discovery>,
    keys: Kept<KeySet>,
    identity: Arc<Identity>,
    audit: Audit,
    clock: SharedClockBox,
    seal: DataKey,
    tries: Allowance,
    calls: Semaphore,
}

/// `dyn Clock` has no `Debug`.
struct SharedClockBox(SharedClock);

impl std::fmt::Debug for SharedClockBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Provider {
    /// Makes it for the accounts of a desk; the provider is not asked before somebody comes.
    ///
    /// # Errors
    /// When the certificates of the system cannot be read.
    pub fn new(settings: OidcSettings, desk: &Desk) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            line: Line::to(&settings.issuer)?,
            settings,
            discovery: Kept::default(),
            keys: Kept::default(),
            identity: Arc::clone(&desk.identity),
            audit: desk.audit.clone(),
            clock: SharedClockBox(Arc::clone(&desk.clock)),
            seal: desk.vault.master().key_for(PURPOSE),
            tries: Allowance::new(TRIES_BURST, TRIES_PER_MINUTE).wide_for_this_machine(),
            calls: Semaphore::new(CALLS_MAX),
        }))
    }

    /// Begins an attempt.
    pub(crate) async fn begin(&self) -> Result<Begun, SignInError> {
        let _call = self.calls.try_acquire().map_err(|_| SignInError::Busy)?;
        let discovery = self.discovery().await?;
        let attempt = Attempt {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            expires_at: self.clock.0.now() + TimeDelta::minutes(ATTEMPT_MINUTES),
        };
        let challenge = digest(&SHA256, attempt.verifier.as_bytes());
        let scope = format!("openid {}", self.settings.scopes.join(" "));
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("scope", &scope)
            .append_pair("state", &attempt.state)
            .append_pair("nonce", &attempt.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256")
            .finish();
        let endpoint = &discovery.authorization_endpoint;
        let mark = if endpoint.contains('?') { '&' } else { '?' };
        let failed = IdentityError::Machine("sealing an attempt to sign in");
        let Ok(plain) = serde_json::to_vec(&attempt) else { return Err(failed.into()) };
        let Ok(ticket) = self.seal.seal(&plain, WAY.as_bytes()) else { return Err(failed.into()) };
        Ok(Begun { authorize_url: format!("{endpoint}{mark}{query}"), ticket })
    }

    /// Ends an attempt with what came back, and opens a session.
    pub(crate) async fn finish(
        &self,
        back: Back,
        visitor: Option<Visitor>,
    ) -> Result<Opened, SignInError> {
        if let Some(visitor) = visitor {
            self.tries.take(visitor, 1).map_err(|seconds| {
                self.audit.metrics().sign_in(SignInOutcome::Limited);
                SignInError::TooMany(seconds)
            })?;
        }
        let outcome = self.proved(back).await;
        let is_wrong_try = matches!(outcome, Err(SignInError::Over | SignInError::Refused(_)));
        if is_wrong_try {
            self.audit.metrics().sign_in(SignInOutcome::Refused);
        } else if let Some(visitor) = visitor {
            self.tries.give_back(visitor, 1);
        }
        let reason = match &outcome {
            Err(SignInError::Over) => Some("over"),
            Err(SignInError::Refused(reason)) => Some(*reason),
            Err(SignInError::Away(_)) => Some("provider away"),
            _ => None,
        };
        if let Some(reason) = reason {
            let line = AuditLine::new("unknown", "sign_in_refused");
            self.audit.record(line.detail(format!("{WAY}: {reason}"))).await;
        }
        Ok(self.identity.sign_in_proved(&outcome?).await?)
    }

    /// Whom the provider has proved.
    async fn proved(&self, back: Back) -> Result<ProvedElsewhere, SignInError> {
        let attempt = self.attempt(&back.ticket).ok_or(SignInError::Over)?;
        // What comes back with another state belongs to another attempt: this one is not used up by it.
        if attempt.state != back.state {
            return Err(SignInError::Refused("state"));
        }
        if !self.identity.use_once(&attempt.state).await? {
            return Err(SignInError::Over);
        }
        let _call = self.calls.try_acquire().map_err(|_| SignInError::Busy)?;
        let discovery = self.discovery().await?;
        // With several providers an answer could be passed on to another (RFC 9207).
        let is_of_issuer = match &back.issuer {
            Some(issuer) => *issuer == self.settings.issuer,
            None => !discovery.authorization_response_iss_parameter_supported,
        };
        if !is_of_issuer {
            return Err(SignInError::Refused("issuer"));
        }
        let code = match (back.error, back.code) {
            (Some(_), _) => return Err(SignInError::Refused("not let in")),
            (None, Some(code)) => code,
            (None, None) => return Err(SignInError::Refused("code")),
        };
        let token = self.exchange(&discovery, &code, &attempt.verifier).await?;
        let named = self.named(&discovery, &token, &attempt.nonce).await?;
        let has_shown = |known: &[String], said: &str| known.iter().any(|one| one == said);
        let OidcSettings { second_factor_acr, second_factor_amr, .. } = &self.settings;
        let second_factor =
            named.acr.as_deref().is_some_and(|acr| has_shown(second_factor_acr, acr))
                || named.amr.iter().any(|amr| has_shown(second_factor_amr, amr));
        Ok(ProvedElsewhere { username: named.username, second_factor, way: WAY })
    }

    fn attempt(&self, ticket: &str) -> Option<Attempt> {
        let plain = self.seal.open(ticket, WAY.as_bytes()).ok()?;
        let attempt: Attempt = serde_json::from_slice(&plain).ok()?;
        (self.clock.0.now() < attempt.expires_at).then_some(attempt)
    }

    /// Gives the code for a token (OpenID Connect Core, 3.1.3).
    async fn exchange(
        &self,
        discovery: &Discovery,
        code: &str,
        verifier: &str,
    ) -> Result<String, SignInError> {
        const ATTEMPTED: &str = "giving a code for a token";
        let secret = self.settings.client_secret.as_ref().map(Secret::reveal);
        let (in_header, in_form) = match discovery.takes_basic() {
            true => (secret, None),
            false => (None, secret),
        };
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        if let Some(secret) = in_header {
            let value = self.basic(secret).map_err(|error| ProviderAway::new(ATTEMPTED, error))?;
            headers.insert(header::AUTHORIZATION, value);
        }
        let body = Bytes::from(self.token_form(code, verifier, in_form));
        let url = &discovery.token_endpoint;
        let (status, answer) = self.line.call(ATTEMPTED, Method::POST, url, headers, body).await?;
        match status {
            StatusCode::OK => Ok(read::<Tokens>(ATTEMPTED, &answer)?.id_token),
            // A wrong secret is the operator's to mend; it would look like a code that is worthless.
            StatusCode::UNAUTHORIZED => {
                let problem = "it does not know this house: is the secret right?";
                Err(ProviderAway::new(ATTEMPTED, problem).into())
            }
            status if status.is_client_error() => Err(SignInError::Refused("code")),
            status => Err(ProviderAway::new(ATTEMPTED, format!("it answered {status}")).into()),
        }
    }

    fn token_form(&self, code: &str, verifier: &str, secret: Option<&str>) -> String {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect_uri())
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("code_verifier", verifier);
        if let Some(secret) = secret {
            form.append_pair("client_secret", secret);
        }
        form.finish()
    }

    /// Both parts are written as in a form before they are joined (RFC 6749, 2.3.1).
    fn basic(&self, secret: &str) -> Result<HeaderValue, axum::http::header::InvalidHeaderValue> {
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(&self.settings.client_id), encoded(secret));
        let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)))?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whom a token names, once it is proved.
    async fn named(
        &self,
        discovery: &Discovery,
        token: &str,
        nonce: &str,
    ) -> Result<Named, SignInError> {
        let token =
            Unverified::parse(token).map_err(|reason| SignInError::Refused(reason.code()))?;
        let mut keys = self.keys(discovery, KEYS_KEPT).await?;
        if !token.has_key_in(&keys) {
            // The provider may have got new keys since.
            keys = self.keys(discovery, KEYS_KEPT_MIN).await?;
        }
        let said = token.proved_by(&keys).map_err(|reason| SignInError::Refused(reason.code()))?;
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce,
            claim: &self.settings.claim,
            now: self.clock.0.now(),
        };
        expected.named(&said).map_err(|reason| SignInError::Refused(reason.code()))
    }

    async fn discovery(&self) -> Result<Arc<Discovery>, ProviderAway> {
        const ATTEMPTED: &str = "asking for its addresses";
        let fetch = async {
            let issuer = &self.settings.issuer;
            let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
            let discovery: Discovery = self.line.get(ATTEMPTED, &url).await?;
            match discovery.is_of(issuer) {
                true => Ok(discovery),
                false => Err(ProviderAway::new(
                    ATTEMPTED,
                    "it is another issuer than the district file names, or has addresses in clear",
                )),
            }
        };
        self.discovery.younger_than(DISCOVERY_KEPT, ATTEMPTED, fetch).await
    }

    async fn keys(
        &self,
        discovery: &Discovery,
        age_max: Duration,
    ) -> Result<Arc<KeySet>, ProviderAway> {
        const ATTEMPTED: &str = "asking for its keys";
        let fetch = async {
            let published: Published = self.line.get(ATTEMPTED, &discovery.jwks_uri).await?;
            Ok(KeySet::from(published))
        };
        self.keys.younger_than(age_max, ATTEMPTED, fetch).await
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK_PATH}", self.settings.public_url)
    }
}

impl Discovery {
    fn is_of(&self, issuer: &str) -> bool {
        let Self { authorization_endpoint, token_endpoint, jwks_uri, .. } = self;
        // The issuer is over TLS, or on loopback and then everything of it.
        let scheme = if issuer.starts_with("https://") { "https://" } else { "http" };
        let urls = [authorization_endpoint, token_endpoint, jwks_uri];
        self.issuer == issuer && urls.iter().all(|url| url.starts_with(scheme))
    }

    /// What a provider takes that does not say what it takes is `client_secret_basic`.
    fn takes_basic(&self) -> bool {
        let methods = self.token_endpoint_auth_methods_supported.as_ref();
        methods.is_none_or(|methods| methods.iter().any(|one| one == "client_secret_basic"))
    }
}

/// 256 random bits as text.
fn random() -> Result<String, IdentityError> {
    let mut bytes = [0_u8; 32];
    getrandom::fill(&mut bytes).map_err(|_| IdentityError::Machine("drawing randomness"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
