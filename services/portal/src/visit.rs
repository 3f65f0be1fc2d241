//! What every page knows of its visitor.
//!
//! Invariants: the language is `?lang`, else the cookie, else `Accept-Language`, else Chinese; who somebody is, is asked
//! of the API at every visit and kept nowhere; a page for people who are signed in takes [`Signed`] and is never
//! rendered for anybody else.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::header::ACCEPT_LANGUAGE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse as _, Redirect, Response};
use chrono::{DateTime, FixedOffset};
use proto_events::codes::Role;
use serde::Deserialize;

use crate::api::{Caller, Failure};
use crate::lang::Lang;
use crate::names::Names;
use crate::people::People;
use crate::portal::Portal;
use crate::{session, ui};

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the machine of the visitor is set.
    Auto,
    Light,
    Dark,
}

impl Theme {
    /// As it stands in the cookie and in `data-theme`.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn from_code(code: &str) -> Self {
        match code {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::Auto,
        }
    }
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) token: String,
    pub(crate) username: String,
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) center: Option<String>,
    pub(crate) department: Option<String>,
    /// Whether a sign-in needs a code.
    pub(crate) has_second_factor: bool,
}

/// How a visitor stands to the house.
#[derive(Debug, Clone)]
enum Standing {
    /// Nobody is signed in, or no longer.
    Stranger,
    Known,
    /// The screen waits for the password of its person.
    Locked,
    /// The person has to enrol a second factor before anything else.
    Enrolling,
    /// The API does not say.
    Unclear(Failure),
}

/// How the line to the district is, at a center with a server of its own.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Line {
    /// `up`, `down` or `never`.
    pub(crate) line: String,
    /// Whether anything is registered here.
    pub(crate) registers: bool,
    /// Facts that have not arrived.
    pub(crate) waiting: u64,
    /// Up to which version of a case everything has.
    pub(crate) delivered_version: u64,
    /// Whether the clock of this machine is more than five minutes off.
    pub(crate) clock_is_off: bool,
    /// By how many seconds it is ahead; negative: behind.
    pub(crate) clock_ahead_seconds: i64,
}

/// What every page knows of its visitor.
#[derive(Clone)]
pub(crate) struct Visit {
    pub(crate) portal: Arc<Portal>,
    pub(crate) lang: Lang,
    pub(crate) theme: Theme,
    pub(crate) is_elder: bool,
    /// Path and query of the page.
    pub(crate) path: String,
    /// Whether the visitor came over https.
    pub(crate) is_secure: bool,
    pub(crate) person: Option<Person>,
    standing: Standing,
    /// The token of the cookie, whatever it is worth.
    pub(crate) token: Option<String>,
    /// The names of the district.
    pub(crate) known_names: Arc<Names>,
    /// Those whom the page shows, once it has asked for them ([`Visit::meet`]).
    pub(crate) known_people: Arc<People>,
    /// How the line to the district is; none in the district itself.
    pub(crate) line: Option<Line>,
    is_reading: bool,
}

/// A visitor who is signed in; anybody else is sent to the sign-in page.
pub(crate) struct Signed {
    pub(crate) visit: Visit,
    pub(crate) person: Person,
}

/// Marks an answer that leads to the lock or to the sign-in page because the session has ended.
#[derive(Clone)]
pub(crate) struct Ended {
    pub(crate) visit: Visit,
    pub(crate) is_locked: bool,
}

/// What `GET /v1/session` says.
#[derive(Deserialize)]
struct Who {
    username: String,
    name: String,
    role: Role,
    #[serde(default)]
    center: Option<String>,
    #[serde(default)]
    department: Option<String>,
    #[serde(default)]
    locked: bool,
    #[serde(default)]
    second_factor: bool,
    #[serde(default)]
    must_enrol: bool,
}

impl Visit {
    /// The names of the district; without names when the API is away and nobody asked it before.
    pub(crate) async fn names(&self) -> Arc<Names> {
        Arc::clone(&self.known_names)
    }

    /// Calls the API in the name of the visitor.
    pub(crate) fn api(&self) -> Caller<'_> {
        let token = self.person.as_ref().map(|person| person.token.as_str());
        Caller::new(&self.portal.client, token.or(self.token.as_deref()), self.lang)
    }

    /// Now, in the time of the house.
    pub(crate) fn now(&self) -> DateTime<FixedOffset> {
        self.portal.now()
    }

    /// The close of business of a day that was typed, as the API takes an instant.
    pub(crate) fn end_of(&self, day: &str) -> String {
        format!("{day}T{}:00{}", self.known_names.closes_at(), self.now().format("%:z"))
    }

    /// What a failed call looks like: a whole page in human words. Who is no longer signed in goes to the sign-in page,
    /// who is locked out to the lock, and comes back from there.
    pub(crate) fn failed(&self, failure: &Failure) -> Response {
        match failure.code() {
            "locked" => self.ended(true),
            "unauthenticated" => self.ended(false),
            "must_enrol" => to_enrolment(),
            _ => ui::problem_page(self, failure),
        }
    }

    /// Leads to the lock or to the sign-in page. When a form was sent, the guard puts it into that page instead, so that
    /// nothing typed is lost (see [`Ended`]).
    fn ended(&self, is_locked: bool) -> Response {
        let way = if is_locked { self.to_lock() } else { self.to_sign_in() };
        let mut response = Redirect::to(&way).into_response();
        response.extensions_mut().insert(Ended { visit: self.clone(), is_locked });
        response
    }

    /// What somebody sees who has to be signed in here and is not.
    pub(crate) fn to_be_known(&self) -> Response {
        match &self.standing {
            Standing::Locked => self.ended(true),
            Standing::Unclear(failure) => self.failed(failure),
            _ => self.ended(false),
        }
    }

    /// The sign-in page that leads back here.
    pub(crate) fn to_sign_in(&self) -> String {
        with_next("/sign-in", self.place())
    }

    /// The lock that leads back here.
    pub(crate) fn to_lock(&self) -> String {
        with_next("/lock", self.place())
    }

    /// Where to come back to: a page can be read again, what was sent is not in its address.
    fn place(&self) -> Option<&str> {
        (self.is_reading && self.path != "/").then_some(self.path.as_str())
    }

    /// The role, when somebody is signed in.
    pub(crate) fn role(&self) -> Option<Role> {
        self.person.as_ref().map(|person| person.role)
    }

    /// The same visit, as a page for strangers shows it.
    pub(crate) fn as_stranger(&self) -> Self {
        Self { person: None, ..self.clone() }
    }

    /// The person, when one is signed in who may enrol a second factor.
    pub(crate) fn enrolling(&self) -> Option<&Person> {
        let may = matches!(self.standing, Standing::Known | Standing::Enrolling);
        self.person.as_ref().filter(|_| may)
    }

    /// Whether nothing but the enrolment of a second factor is open.
    pub(crate) fn must_enrol(&self) -> bool {
        matches!(self.standing, Standing::Enrolling)
    }

    /// Whether the screen is locked.
    pub(crate) fn is_locked(&self) -> bool {
        matches!(self.standing, Standing::Locked)
    }
}

fn to_enrolment() -> Response {
    Redirect::to("/second-factor").into_response()
}

fn with_next(page: &str, next: Option<&str>) -> String {
    match next {
        None => page.to_owned(),
        Some(next) => {
            let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
            format!("{page}?next={next}")
        }
    }
}

impl<S> FromRequestParts<S> for Visit
where
    S: Send + Sync,
    Arc<Portal>: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        Ok(of(&Arc::from_ref(state), parts).await)
    }
}

/// The visitor of a request; layers and extractors of one request ask once.
pub(crate) async fn of(portal: &Arc<Portal>, parts: &mut Parts) -> Visit {
    if let Some(visit) = parts.extensions.get::<Visit>() {
        return visit.clone();
    }
    let visit = visit_of(Arc::clone(portal), parts).await;
    parts.extensions.insert(visit.clone());
    visit
}

async fn visit_of(portal: Arc<Portal>, parts: &Parts) -> Visit {
    let cookie = |name| session::cookie(&parts.headers, name);
    let token = cookie(session::TOKEN_COOKIE).map(str::to_owned);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let mut visit = Visit {
        lang: lang_of(parts),
        theme: Theme::from_code(cookie(session::THEME_COOKIE).unwrap_or_default()),
        is_elder: cookie(session::ELDER_COOKIE) == Some("1"),
        path,
        is_secure: session::is_secure(&parts.headers),
        person: None,
        standing: Standing::Stranger,
        token,
        known_names: portal.names.get(&portal.client).await,
        known_people: Arc::default(),
        line: None,
        is_reading: matches!(parts.method, Method::GET | Method::HEAD),
        portal,
    };
    let Some(token) = visit.token.clone() else { return visit };
    match visit.api().get::<Who>("/v1/session", &[]).await {
        Ok(who) => {
            visit.standing = match who {
                Who { locked: true, .. } => Standing::Locked,
                Who { must_enrol: true, .. } => Standing::Enrolling,
                _ => Standing::Known,
            };
            visit.person = Some(Person {
                token,
                username: who.username,
                name: who.name,
                role: who.role,
                center: who.center,
                department: who.department,
                has_second_factor: who.second_factor,
            });
            if visit.known_names.at_center.is_some() && matches!(visit.standing, Standing::Known) {
                // A page is worth more than the word how its line is.
                let line = visit.api().get::<Line>("/v1/line", &[]).await.ok();
                visit.line = line;
            }
        }
        Err(failure) => {
            visit.standing = match failure.code() {
                "unauthenticated" => Standing::Stranger,
                "locked" => Standing::Locked,
                _ => Standing::Unclear(failure),
            }
        }
    }
    visit
}

fn lang_of(parts: &Parts) -> Lang {
    let asked = parts.uri.query().and_then(|query| {
        form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "lang")
            .and_then(|(_, tag)| Lang::from_tag(&tag))
    });
    asked
        .or_else(|| session::cookie(&parts.headers, session::LANG_COOKIE).and_then(Lang::from_tag))
        .unwrap_or_else(|| Lang::accepted(accepted(&parts.headers)))
}

fn accepted(headers: &HeaderMap) -> &str {
    headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl<S> FromRequestParts<S> for Signed
where
    S: Send + Sync,
    Arc<Portal>: FromRef<S>,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, state).await;
        match (&visit.standing, visit.person.clone()) {
            (Standing::Known, Some(person)) => Ok(Self { visit, person }),
            (Standing::Enrolling, _) => Err(to_enrolment()),
            _ => Err(visit.to_be_known()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
