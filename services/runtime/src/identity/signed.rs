//! The signed-in person, as a handler asks for it.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::machine::is_machine_token;
use super::{Identity, IdentityError, Staff};
use crate::http::problem::{
    ENROLMENT_OVER, FIRST_LINK_INVALID, FieldError, LAST_ADMIN, LOCKED, MUST_ENROL, NO_ACCOUNT,
    Problem, SECOND_FACTOR_REQUIRED, SECOND_FACTOR_WRONG, TOO_MANY_REQUESTS, USERNAME_TAKEN,
};

/// The cookie of the portal: the same token as in `Authorization: Bearer`.
pub const SESSION_COOKIE: &str = "session";

/// The person whose session the request carries, or the machine whose token. Refuses with 401 when there is none or it is locked, 403 when its person
/// has to enrol a second factor first, 503 when the bus is out of reach.
///
/// Use `Option<Signed>` where a page is for everybody: it is `None` without a session and with one that opens nothing yet,
/// and still 503 when nobody can know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed(pub Staff);

impl<S> FromRequestParts<S> for Signed
where
    S: Send + Sync,
    Arc<Identity>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = token_of(&parts.headers)
            .ok_or_else(|| Problem::unauthenticated("there is no session token"))?;
        match admitted(&Arc::from_ref(state), &token, parts).await? {
            Some(staff) => Ok(Self(staff)),
            None => Err(Problem::unauthenticated("the session has ended or was revoked")),
        }
    }
}

impl<S> axum::extract::OptionalFromRequestParts<S> for Signed
where
    S: Send + Sync,
    Arc<Identity>: FromRef<S>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Problem> {
        let Some(token) = token_of(&parts.headers) else { return Ok(None) };
        match admitted(&Arc::from_ref(state), &token, parts).await {
            Err(IdentityError::Locked | IdentityError::MustEnrol) => Ok(None),
            outcome => Ok(outcome?.map(Self)),
        }
    }
}

/// Who holds a token: a person with a session, or a machine within its scope.
async fn admitted(
    identity: &Identity,
    token: &str,
    parts: &Parts,
) -> Result<Option<Staff>, IdentityError> {
    if !is_machine_token(token) {
        return identity.resolve(token).await;
    }
    let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    identity.machine(token, &parts.method, route).await
}

/// The session token of a request: of `Authorization: Bearer`, else of the cookie.
#[must_use]
pub fn token_of(headers: &HeaderMap) -> Option<String> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        // A header that is there decides, also when it is wrong: no falling back to somebody else's cookie.
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned());
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == SESSION_COOKIE)
        .map(|(_, token)| token.to_owned())
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::WrongPassword => Self::unauthenticated(error.to_string()),
            IdentityError::Throttled { retry_after_seconds }
            | IdentityError::TooManyFromHere { retry_after_seconds } => {
                Self::of(&TOO_MANY_REQUESTS, error.to_string()).retry_after(retry_after_seconds)
            }
            IdentityError::Busy => Self::busy(error.to_string()),
            IdentityError::Invalid { field, problem } => Self::invalid_fields(vec![FieldError {
                pointer: format!("/{field}"),
                detail: problem,
            }]),
            IdentityError::Taken(_) => Self::of(&USERNAME_TAKEN, error.to_string()),
            IdentityError::OutOfScope { .. } => Self::forbidden(error.to_string()),
            IdentityError::NoAccount => Self::of(&NO_ACCOUNT, error.to_string()),
            IdentityError::Locked => Self::of(&LOCKED, error.to_string()),
            IdentityError::SecondFactorRequired { ticket } => {
                let detail = "the password is right; now a code is needed";
                Self::of(&SECOND_FACTOR_REQUIRED, detail).with("ticket", ticket)
            }
            IdentityError::SecondFactorWrong => Self::of(&SECOND_FACTOR_WRONG, error.to_string()),
            IdentityError::MustEnrol => Self::of(&MUST_ENROL, error.to_string()),
            IdentityError::EnrolmentOver => Self::of(&ENROLMENT_OVER, error.to_string()),
            IdentityError::FirstLinkInvalid => Self::of(&FIRST_LINK_INVALID, error.to_string()),
            IdentityError::LastAdmin(_) => Self::of(&LAST_ADMIN, error.to_string()),
            IdentityError::Unknown(_) => Self::not_found(error.to_string()),
            IdentityError::Unreachable(source) => {
                tracing::warn!(error = %source.source, attempted = source.attempted, "the accounts are out of reach");
                Self::unavailable("the accounts are out of reach")
            }
            IdentityError::Damaged { .. } | IdentityError::Machine(_) => {
                tracing::error!(%error, "identity failed");
                Self::internal()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(header::HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_token_comes_from_the_header_or_from_the_cookie() {
        let bearer =
            headers(&[(header::AUTHORIZATION, "bearer abc"), (header::COOKIE, "session=x")]);
        assert_eq!(token_of(&bearer).as_deref(), Some("abc"));
        let cookie = headers(&[(header::COOKIE, "lang=zh; session=def")]);
        assert_eq!(token_of(&cookie).as_deref(), Some("def"));
        assert_eq!(token_of(&headers(&[])), None);
    }

    #[test]
    fn a_wrong_authorization_header_is_not_replaced_by_the_cookie() {
        let basic = headers(&[(header::AUTHORIZATION, "Basic abc"), (header::COOKIE, "session=x")]);
        assert_eq!(token_of(&basic), None);
    }
}
