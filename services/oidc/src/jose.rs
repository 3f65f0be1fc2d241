//! A signed token (JWS, RFC 7515) and the keys that a provider publishes (JWK, RFC 7517).
//!
//! Invariants: the algorithm is one of [`Algorithm`], whatever a token says, and fits the kind of its key; no key that is
//! not for signatures, no RSA key of less than 2048 bits and nothing symmetric is taken; only the canonical base64url is
//! read; nothing of a token is looked at before its signature but its header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::Value;

/// Longest token, in bytes: some providers put groups into it.
const TOKEN_BYTES_MAX: usize = 32 * 1024;

/// Most keys of a set that are looked at.
const KEYS_MAX: usize = 64;

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unproved {
    /// It is no token.
    Form,
    /// It is signed in another way than those that are taken, or not at all.
    Algorithm,
    /// The provider has no such key.
    Key,
    Signature,
}

impl Unproved {
    /// The reason in a word, for the audit.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Algorithm => "algorithm",
            Self::Key => "key",
            Self::Signature => "signature",
        }
    }
}

/// How a token may be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
}

impl Algorithm {
    fn of_name(name: &str) -> Result<Self, Unproved> {
        match name {
            "RS256" => Ok(Self::Rs256),
            "ES256" => Ok(Self::Es256),
            _ => Err(Unproved::Algorithm),
        }
    }
}

/// A token that nobody has proved yet.
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    algorithm: Algorithm,
    kid: Option<String>,
    signed: &'a str,
    payload: &'a str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// What must be understood; nothing is.
    crit: Option<Value>,
}

impl<'a> Unverified<'a> {
    /// Takes a token apart.
    pub(crate) fn parse(token: &'a str) -> Result<Self, Unproved> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(Unproved::Form);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Unproved::Form)?;
        let (header, payload) = signed.split_once('.').ok_or(Unproved::Form)?;
        let header: Header =
            serde_json::from_slice(&decoded(header)?).map_err(|_| Unproved::Form)?;
        if header.crit.is_some() {
            return Err(Unproved::Form);
        }
        let algorithm = Algorithm::of_name(&header.alg)?;
        let signature = decoded(signature)?;
        Ok(Self { algorithm, kid: header.kid, signed, payload, signature })
    }

    /// Whether one of these keys may have signed it; another set may have come since.
    pub(crate) fn has_key_in(&self, keys: &KeySet) -> bool {
        keys.fitting(self.algorithm, self.kid.as_deref()).next().is_some()
    }

    /// What it says, once one of the keys has signed that.
    pub(crate) fn proved_by(&self, keys: &KeySet) -> Result<Vec<u8>, Unproved> {
        let mut fitting = keys.fitting(self.algorithm, self.kid.as_deref()).peekable();
        if fitting.peek().is_none() {
            return Err(Unproved::Key);
        }
        match fitting.any(|key| key.has_signed(self.signed.as_bytes(), &self.signature)) {
            true => decoded(self.payload),
            false => Err(Unproved::Signature),
        }
    }
}

fn decoded(text: &str) -> Result<Vec<u8>, Unproved> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Unproved::Form)
}

/// The keys of a provider, those that may be used.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The uncompressed point.
    P256(Vec<u8>),
}

/// A set as it is published.
#[derive(Deserialize)]
pub(crate) struct Published {
    keys: Vec<Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    n: Option<String>,
    e: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl From<Published> for KeySet {
    /// Keys that nobody here can use are passed over: a set may have others, for other houses.
    fn from(published: Published) -> Self {
        let usable = |value| serde_json::from_value::<Jwk>(value).ok().and_then(Key::of);
        Self(published.keys.into_iter().take(KEYS_MAX).filter_map(usable).collect())
    }
}

impl KeySet {
    /// The keys that a token names: that of its `kid`, else all of its kind.
    fn fitting(&self, algorithm: Algorithm, kid: Option<&str>) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| {
            let is_of_kind = match key.kind {
                Kind::Rsa { .. } => algorithm == Algorithm::Rs256,
                Kind::P256(_) => algorithm == Algorithm::Es256,
            };
            is_of_kind && kid.is_none_or(|kid| key.kid.as_deref() == Some(kid))
        })
    }
}

impl Key {
    fn of(jwk: Jwk) -> Option<Self> {
        if jwk.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| decoded(&text?).ok();
        let (algorithm, kind) = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
            ("RSA", _) => (Algorithm::Rs256, Kind::Rsa { n: bytes(jwk.n)?, e: bytes(jwk.e)? }),
            ("EC", Some("P-256")) => {
                let (x, y) = (bytes(jwk.x)?, bytes(jwk.y)?);
                let is_whole = x.len() == 32 && y.len() == 32;
                let point = [&[4], x.as_slice(), &y].concat();
                (Algorithm::Es256, is_whole.then_some(Kind::P256(point))?)
            }
            _ => return None,
        };
        let is_meant = jwk.alg.is_none_or(|alg| Algorithm::of_name(&alg) == Ok(algorithm));
        is_meant.then_some(Self { kid: jwk.kid, kind })
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.kind {
            Kind::Rsa { n, e } => RsaPublicKeyComponents { n, e }
                .verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
            Kind::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
                .verify(message, signature)
                .is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    /// RFC 7515, appendix A.3: signed with ES256 by the key below.
    const TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

    fn key() -> Value {
        json!({
            "kty": "EC", "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        })
    }

    fn keys(keys: &[Value]) -> KeySet {
        Published { keys: keys.to_vec() }.into()
    }

    fn with_header(header: &Value) -> String {
        let rest = TOKEN.split_once('.').unwrap().1;
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn the_example_of_the_standard_is_proved() {
        let token = Unverified::parse(TOKEN).unwrap();
        let said = token.proved_by(&keys(&[key()])).unwrap();
        assert!(said.starts_with(b"{\"iss\":\"joe\""));
    }

    #[test]
    fn a_turned_bit_anywhere_proves_nothing() {
        let keys = keys(&[key()]);
        for place in (0..TOKEN.len()).step_by(7) {
            let mut bytes = TOKEN.as_bytes().to_vec();
            bytes[place] ^= 1;
            let text = String::from_utf8(bytes).unwrap();
            let proved = Unverified::parse(&text).and_then(|token| token.proved_by(&keys));
            assert!(proved.is_err(), "byte {place}: {text}");
        }
    }

    #[test]
    fn the_algorithm_is_one_of_two_and_fits_the_key() {
        for alg in ["none", "None", "", "HS256", "RS512", "PS256", "ES384", "EdDSA"] {
            let token = with_header(&json!({ "alg": alg }));
            assert_eq!(Unverified::parse(&token).unwrap_err(), Unproved::Algorithm, "{alg}");
        }
        let token = with_header(&json!({ "alg": "RS256" }));
        let token = Unverified::parse(&token).unwrap();
        assert_eq!(token.proved_by(&keys(&[key()])), Err(Unproved::Key));
        let crit = with_header(&json!({ "alg": "ES256", "crit": ["b64"] }));
        assert_eq!(Unverified::parse(&crit).unwrap_err(), Unproved::Form);
    }

    #[test]
    fn keys_that_are_not_for_this_are_passed_over() {
        let with = |name: &str, value: &str| {
            let mut key = key();
            key[name] = value.into();
            key
        };
        for other in [
            with("use", "enc"),
            with("alg", "ES384"),
            with("crv", "P-384"),
            with("kty", "oct"),
            with("x", "AAAA"),
            json!({ "kty": "oct", "k": "AAAA" }),
            json!("no key"),
        ] {
            let set = keys(std::slice::from_ref(&other));
            let token = Unverified::parse(TOKEN).unwrap();
            assert!(!token.has_key_in(&set), "{other}");
            assert_eq!(token.proved_by(&set), Err(Unproved::Key), "{other}");
        }
        let token = with_header(&json!({ "alg": "ES256", "kid": "new" }));
        let token = Unverified::parse(&token).unwrap();
        assert!(!token.has_key_in(&keys(&[with("kid", "old")])));
        assert!(token.has_key_in(&keys(&[with("kid", "old"), with("kid", "new")])));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[A-Za-z0-9_.-]{0,200}") {
            if let Ok(token) = Unverified::parse(&text) {
                prop_assert!(token.proved_by(&keys(&[key()])).is_err());
            }
        }
    }
}
