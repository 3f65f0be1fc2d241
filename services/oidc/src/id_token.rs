//! What an ID token says, and whether it says it to this house, now, for this attempt (OpenID Connect Core, 3.1.3.7).
//!
//! Invariant: the clock comes in from outside; a margin of [`SKEW_SECONDS`] is for clocks that differ, in every direction.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value};

/// By how much two clocks may differ, in seconds.
const SKEW_SECONDS: f64 = 60.0;

/// Oldest token, in seconds: it is made while the house waits for it.
const AGE_SECONDS_MAX: f64 = 600.0;

/// Why a token that is signed is not for this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotForThis {
    /// A claim that every token has is missing, or is no such claim.
    Form,
    Issuer,
    /// It is for somebody else, or was given to somebody else.
    Audience,
    Expired,
    NotYet,
    /// It is of another attempt.
    Nonce,
    /// The claim that names an account is missing.
    Claim,
}

impl NotForThis {
    /// The reason in a word, for the audit.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Form => "form",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::Expired => "expired",
            Self::NotYet => "not yet",
            Self::Nonce => "nonce",
            Self::Claim => "claim",
        }
    }
}

/// What a token has to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) claim: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// Who somebody is, by a token that fits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) username: String,
    pub(crate) acr: Option<String>,
    pub(crate) amr: Vec<String>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: OneOrMany,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    acr: Option<String>,
    #[serde(default)]
    amr: Vec<String>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Expected<'_> {
    /// Reads what a token says whose signature is right.
    pub(crate) fn named(&self, said: &[u8]) -> Result<Named, NotForThis> {
        let claims: Claims = serde_json::from_slice(said).map_err(|_| NotForThis::Form)?;
        if claims.iss != self.issuer {
            return Err(NotForThis::Issuer);
        }
        self.check_audience(&claims)?;
        self.check_time(&claims)?;
        if claims.nonce.as_deref() != Some(self.nonce) {
            return Err(NotForThis::Nonce);
        }
        let username = match claims.others.get(self.claim) {
            Some(Value::String(username)) if !username.is_empty() => username.clone(),
            _ => return Err(NotForThis::Claim),
        };
        Ok(Named { username, acr: claims.acr, amr: claims.amr })
    }

    /// With several it was given to one of them, and that has to be this house.
    fn check_audience(&self, claims: &Claims) -> Result<(), NotForThis> {
        let is_for_us = match &claims.aud {
            OneOrMany::One(one) => one == self.client_id,
            OneOrMany::Many(many) => many.iter().any(|one| one == self.client_id),
        };
        let is_shared = matches!(&claims.aud, OneOrMany::Many(many) if many.len() > 1);
        let is_given_to_us = match &claims.azp {
            Some(azp) => azp == self.client_id,
            None => !is_shared,
        };
        if is_for_us && is_given_to_us { Ok(()) } else { Err(NotForThis::Audience) }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds of this era are exact in a double, which is what JSON has"
    )]
    fn check_time(&self, claims: &Claims) -> Result<(), NotForThis> {
        let now = self.now.timestamp() as f64;
        let begins = claims.nbf.unwrap_or(claims.iat).max(claims.iat);
        if now + SKEW_SECONDS < begins {
            return Err(NotForThis::NotYet);
        }
        let is_over =
            now - SKEW_SECONDS >= claims.exp || now - SKEW_SECONDS - claims.iat > AGE_SECONDS_MAX;
        if is_over { Err(NotForThis::Expired) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn right() -> Value {
        json!({
            "iss": "https://id.example", "sub": "1", "aud": "unstuck", "nonce": "n",
            "exp": NOW + 300, "iat": NOW, "preferred_username": "auditor",
        })
    }

    fn read(claims: &Value) -> Result<Named, NotForThis> {
        let expected = Expected {
            issuer: "https://id.example",
            client_id: "unstuck",
            nonce: "n",
            claim: "preferred_username",
            now: DateTime::from_timestamp(NOW, 0).unwrap(),
        };
        expected.named(claims.to_string().as_bytes())
    }

    fn with(changes: &Value) -> Result<Named, NotForThis> {
        let mut claims = right();
        for (name, value) in changes.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        read(&claims)
    }

    #[test]
    fn what_is_right_names_somebody() {
        let named = with(&json!({ "acr": "2", "amr": ["pwd", "otp"] })).unwrap();
        assert_eq!(named.username, "auditor");
        assert_eq!((named.acr.as_deref(), named.amr.len()), (Some("2"), 2));
        for fine in [
            json!({ "aud": ["unstuck"] }),
            json!({ "aud": ["unstuck", "other"], "azp": "unstuck" }),
            json!({ "exp": NOW - 59 }),
            json!({ "iat": NOW + 60, "nbf": NOW + 60 }),
            json!({ "iat": NOW - 660 }),
        ] {
            assert!(with(&fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn everything_that_does_not_fit_is_refused_for_its_reason() {
        for (changes, reason) in [
            (json!({ "iss": "https://id.example/" }), NotForThis::Issuer),
            (json!({ "iss": "https://evil.example" }), NotForThis::Issuer),
            (json!({ "aud": "other" }), NotForThis::Audience),
            (json!({ "aud": [] }), NotForThis::Audience),
            (json!({ "aud": ["unstuck", "other"] }), NotForThis::Audience),
            (json!({ "aud": ["unstuck", "other"], "azp": "other" }), NotForThis::Audience),
            (json!({ "azp": "other" }), NotForThis::Audience),
            (json!({ "exp": NOW - 60 }), NotForThis::Expired),
            (json!({ "iat": NOW - 661 }), NotForThis::Expired),
            (json!({ "iat": NOW + 61 }), NotForThis::NotYet),
            (json!({ "nbf": NOW + 61 }), NotForThis::NotYet),
            (json!({ "nonce": "m" }), NotForThis::Nonce),
            (json!({ "nonce": null }), NotForThis::Nonce),
            (json!({ "preferred_username": null }), NotForThis::Claim),
            (json!({ "preferred_username": "" }), NotForThis::Claim),
            (json!({ "preferred_username": ["auditor"] }), NotForThis::Claim),
            (json!({ "exp": null }), NotForThis::Form),
            (json!({ "iat": null }), NotForThis::Form),
            (json!({ "aud": null }), NotForThis::Form),
            (json!({ "exp": "soon" }), NotForThis::Form),
        ] {
            assert_eq!(with(&changes).unwrap_err(), reason, "{changes}");
        }
    }
}
