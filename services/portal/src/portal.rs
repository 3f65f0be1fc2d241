//! What all pages share: the way to the API, the clock, and the names of the district.
//!
//! Invariant: nothing here belongs to one visitor.

use std::sync::{Arc, OnceLock};

use axum::Router;
use chrono::{DateTime, FixedOffset};
use runtime::clock::SharedClock;
use runtime::http::{PagesKey, ReadyCheck};
use serde::de::IgnoredAny;

use crate::api::{ApiUrl, Caller, Client};
use crate::lang::Lang;
use crate::names::NamesKept;
use crate::{guard, routes};

/// What the pages are opened with.
pub struct PortalConfig {
    /// Where the API is.
    pub api_url: ApiUrl,
    /// By what the API of the same process knows the pages, so that it believes for whom they ask. Pages that run alone
    /// have none: the API has to trust their address.
    pub pages_key: Option<PagesKey>,
    /// The clock; it only says what "now" is on a page, it decides nothing.
    pub clock: SharedClock,
}

/// What all pages share.
pub(crate) struct Portal {
    pub(crate) client: Client,
    pub(crate) clock: SharedClock,
    /// The names of the district, kept for a minute.
    pub(crate) names: NamesKept,
    /// The pages themselves: a form that was kept over a sign-in goes on through it.
    pub(crate) pages: OnceLock<Router>,
}

/// The hours of the house are those of Beijing time; the API says every instant in it.
const HOUSE_OFFSET_SECONDS: i32 = 8 * 3600;

impl Portal {
    /// Now, in the time of the house.
    pub(crate) fn now(&self) -> DateTime<FixedOffset> {
        let offset =
            FixedOffset::east_opt(HOUSE_OFFSET_SECONDS).expect("eight hours are less than a day");
        self.clock.now().with_timezone(&offset)
    }
}

/// Opens the pages without an API beside them, with the check whether it answers.
///
/// # Errors
/// As [`open`].
pub fn open_alone(config: PortalConfig) -> std::io::Result<(Router, ReadyCheck)> {
    let client = Client::new(config.api_url.clone(), config.pages_key.clone())?;
    let ready = ReadyCheck::new("api", move || {
        let client = client.clone();
        async move {
            let caller = Caller::new(&client, None, Lang::English);
            let answer = caller.get::<IgnoredAny>("/v1/district", &[]).await;
            answer
                .map(|_| ())
                .map_err(|failure| format!("the API does not answer: {}", failure.code()))
        }
    });
    Ok((open(config)?, ready))
}

/// Opens the pages as routes, to be served beside the API or alone.
///
/// An address that nobody knows is answered too: with a page, or under `/v1/` with a problem.
///
/// # Errors
/// When the API speaks TLS and the certificates of the system cannot be read.
pub fn open(config: PortalConfig) -> std::io::Result<Router> {
    let portal = Arc::new(Portal {
        client: Client::new(config.api_url, config.pages_key)?,
        clock: config.clock,
        names: NamesKept::default(),
        pages: OnceLock::new(),
    });
    let pages = guard::around(routes::all(), &portal).with_state(Arc::clone(&portal));
    let _ = portal.pages.set(pages.clone());
    Ok(pages)
}
