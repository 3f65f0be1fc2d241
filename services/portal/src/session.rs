//! Cookies: who is signed in, and how the visitor wants the pages to look.
//!
//! Invariants: the token of a session stands in a cookie that no script reads and no other site sends along; it is
//! marked `Secure` whenever the visitor came over https; nothing else about a person is in a cookie.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::address::address;
use crate::form::Typed;

/// The token of the session.
pub(crate) const TOKEN_COOKIE: &str = "unstuck_session";
/// What an attempt to sign in with an identity provider has to remember.
const ATTEMPT_COOKIE: &str = "unstuck_attempt";
/// The language.
pub(crate) const LANG_COOKIE: &str = "unstuck_lang";
/// Light or dark.
pub(crate) const THEME_COOKIE: &str = "unstuck_theme";
/// Large letters on public pages.
pub(crate) const ELDER_COOKIE: &str = "unstuck_elder";

/// How long an attempt may take; the API ends it by itself.
const ATTEMPT_SECONDS: u32 = 600;

/// How long a wish about looks is remembered: a year.
const WISH_SECONDS: u32 = 365 * 24 * 3600;

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// Whether the visitor came over https; a proxy that ends TLS says so.
pub(crate) fn is_secure(headers: &HeaderMap) -> bool {
    headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|proto| proto.split(',').next().is_some_and(|first| first.trim() == "https"))
}

/// Keeps the token until the browser is closed; the API ends the session earlier or later than that by itself.
pub(crate) fn keep_token(token: &str, is_secure: bool) -> HeaderValue {
    set(TOKEN_COOKIE, token, None, true, is_secure)
}

/// Forgets the token.
pub(crate) fn drop_token(is_secure: bool) -> HeaderValue {
    set(TOKEN_COOKIE, "", Some(0), true, is_secure)
}

/// Keeps what an attempt to sign in has to remember, and where it leads.
pub(crate) fn keep_attempt(ticket: &str, next: &str, is_secure: bool) -> HeaderValue {
    let attempt = address("", [("ticket", ticket), ("next", next)]);
    let value = attempt.trim_start_matches('?');
    set(ATTEMPT_COOKIE, value, Some(ATTEMPT_SECONDS), true, is_secure)
}

/// What an attempt has to remember: `ticket` and `next`.
pub(crate) fn attempt(headers: &HeaderMap) -> Typed {
    Typed::read(cookie(headers, ATTEMPT_COOKIE).unwrap_or_default().as_bytes())
}

/// Forgets the attempt.
pub(crate) fn drop_attempt(is_secure: bool) -> HeaderValue {
    set(ATTEMPT_COOKIE, "", Some(0), true, is_secure)
}

/// Remembers a wish about looks.
pub(crate) fn keep_wish(name: &str, value: &str, is_secure: bool) -> HeaderValue {
    set(name, value, Some(WISH_SECONDS), false, is_secure)
}

fn set(
    name: &str,
    value: &str,
    seconds: Option<u32>,
    is_hidden: bool,
    is_secure: bool,
) -> HeaderValue {
    let mut text = format!("{name}={value}; Path=/; SameSite=Lax");
    if let Some(seconds) = seconds {
        text.push_str(&format!("; Max-Age={seconds}"));
    }
    if is_hidden {
        text.push_str("; HttpOnly");
    }
    if is_secure {
        text.push_str("; Secure");
    }
    HeaderValue::from_str(&text).expect("tokens and wishes are made of visible ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_str(cookie).unwrap());
        headers
    }

    #[test]
    fn a_cookie_is_found_among_others_and_an_empty_one_is_none() {
        let headers = headers("a=1; unstuck_session=abc; unstuck_lang=");
        assert_eq!(cookie(&headers, TOKEN_COOKIE), Some("abc"));
        assert_eq!(cookie(&headers, LANG_COOKIE), None);
        assert_eq!(cookie(&headers, "b"), None);
    }

    #[test]
    fn an_attempt_comes_back_as_it_was() {
        let kept = keep_attempt("abc_-", "/cases?q=a&b; c", true);
        let text = kept.to_str().unwrap();
        assert!(text.contains("HttpOnly") && text.contains("Max-Age=600"), "{text}");
        let mut headers = HeaderMap::new();
        let pair = text.split(';').next().unwrap();
        headers.insert(header::COOKIE, HeaderValue::from_str(pair).unwrap());
        let back = attempt(&headers);
        assert_eq!((back.get("ticket"), back.get("next")), ("abc_-", "/cases?q=a&b; c"));
        assert_eq!(attempt(&HeaderMap::new()).get("ticket"), "");
    }

    #[test]
    fn the_token_is_hidden_from_script_and_from_other_sites() {
        let kept = keep_token("abc", true);
        let text = kept.to_str().unwrap();
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!keep_token("abc", false).to_str().unwrap().contains("Secure"));
    }
}
