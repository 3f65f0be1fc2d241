//! `GET /v1/live`: what happens, as it happens, to the cases that one may open (server-sent events).
//!
//! All feeds are told from one ring ([`crate::feed`]); a feed is a place in the stream. What was measured on 2026-11-25
//! stands in `tests/tests/live.rs`.
//!
//! Invariants: every event comes after the view has it, so that a reader who looks finds it; a reader who
//! resumes with `Last-Event-ID` misses nothing and hears nothing twice; nothing of an event's data is in the feed; a feed
//! ends with its session, by itself after ten minutes, and with the process; one that is not read holds a handful of
//! references to texts that others hear as well, until its line is cut ([`runtime::http::serve`]).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use casework::command::Actor;
use futures::stream::unfold;
use futures::{FutureExt as _, StreamExt as _};
use runtime::http::{Operation, Problem};
use runtime::identity::{Identity, IdentityError, token_of};
use runtime::log::LogError;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::{Doors, actor};
use crate::core::Core;
use crate::feed::{Next, Told};

/// How often a feed says how far it is, and looks whether its session still stands.
const BEAT: Duration = Duration::from_secs(15);
/// After how long a feed ends; the reader comes back by itself.
const FEED_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// After how long a reader comes back, in milliseconds, as the feed tells him.
const COME_BACK_AFTER_MILLISECONDS: u32 = 2000;
/// Feeds that may be open at once: more than a district has desks. Each costs a socket and some
/// 80 KB, 60 of them what any open line costs.
const FEEDS_MAX: usize = 2048;
/// Events that are read of the log at once for feeds that fell behind the ring.
const PAGE_EVENTS: u64 = 512;
/// Pages that are kept for the next who comes back, some 200 KB each: after a restart all come back to the same place.
const PAGES_MAX: usize = 32;
/// How long a feed waits for a page; a bus that hangs ends the feed, and its reader comes back.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

/// The places for feeds, and what those read that fell behind.
#[derive(Debug, Clone)]
pub(super) struct Feeds {
    open: Arc<Semaphore>,
    past: Arc<Mutex<Past>>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self { open: Arc::new(Semaphore::new(FEEDS_MAX)), past: Arc::default() }
    }
}

/// Pages of the log that were read for a feed, the latest last; one is read at a time.
#[derive(Debug, Default)]
struct Past {
    pages: VecDeque<Arc<Page>>,
    /// The generation of the view at which they were read: another may be one of another log.
    generation: u64,
}

/// A part of the log, as it is told.
#[derive(Debug)]
struct Page {
    begins_behind: u64,
    ends_with: u64,
    /// Without what cannot be read.
    told: Vec<(u64, Told)>,
}

impl Past {
    /// The page behind a place, not beyond `end`; `None` when the bus is away.
    async fn page(&mut self, core: &Core, place: u64, end: u64) -> Option<Arc<Page>> {
        let generation = core.generation.load(Ordering::Acquire);
        if self.generation != generation {
            *self = Self { pages: VecDeque::new(), generation };
        }
        let holds = |page: &&Arc<Page>| (page.begins_behind..page.ends_with).contains(&place);
        if let Some(page) = self.pages.iter().find(holds) {
            return Some(Arc::clone(page));
        }
        let reading = Page::read(core, place, end.min(place + PAGE_EVENTS));
        let page = Arc::new(reading.await?);
        if self.pages.len() == PAGES_MAX {
            self.pages.pop_front();
        }
        self.pages.push_back(Arc::clone(&page));
        Some(page)
    }
}

impl Page {
    async fn read(core: &Core, begins_behind: u64, ends_with: u64) -> Option<Self> {
        let mut line = core.log.follow(begins_behind).await.ok()?;
        let (mut reached, mut told) = (begins_behind, Vec::new());
        while reached < ends_with {
            let recorded = line.next().await?.ok()?;
            reached = recorded.sequence;
            let one = Told::of(&recorded, &core.view().index());
            told.extend(one.map(|one| (reached, one)));
        }
        Some(Self { begins_behind, ends_with, told })
    }
}

/// Its address.
pub(super) const ROUTE: &str = "/v1/live";

/// Serves the feed.
pub(super) async fn feed(
    State(doors): State<Doors>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let token =
        token_of(&headers).ok_or_else(|| Problem::unauthenticated("there is no session token"))?;
    // A feed that comes back by itself is no sign that somebody is there.
    let staff = doors.desk.identity.look(&token, ROUTE).await?;
    let staff =
        staff.ok_or_else(|| Problem::unauthenticated("the session has ended or was revoked"))?;
    let slot = Arc::clone(&doors.feeds.open)
        .try_acquire_owned()
        .map_err(|_| Problem::busy("as many feeds are open as the service serves"))?;
    let core = doors.core;
    let token =
        token_of(&headers).ok_or_else(|| Problem::unauthenticated("there is no session token"))?;
    let place = begin(&core, &headers).await?;
    let mut beat = tokio::time::interval_at(Instant::now() + BEAT, BEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reader = Reader {
        bell: core.feed.bell(),
        newest_seen: core.feed.newest(),
        ends_at: Instant::now() + FEED_TIME_MAX,
        core,
        identity: Arc::clone(&doors.desk.identity),
        past: doors.feeds.past,
        token,
        actor: actor(&staff),
        place,
        page: VecDeque::new(),
        beat,
        greeting: Some(greeting(place)),
        _slot: slot,
    };
    let told = unfold(reader, |mut reader| async move {
        let text = reader.next().await?;
        Some((Ok::<_, Infallible>(text), reader))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // A proxy that collects a page before it passes it on would pass on nothing.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(told)).into_response())
}

/// Behind which event the feed begins: what the reader has heard last, or now.
async fn begin(core: &Core, headers: &HeaderMap) -> Result<u64, Problem> {
    let newest = core.feed.newest();
    let Some(value) = headers.get("last-event-id") else { return Ok(newest) };
    let text = value.to_str().ok().map(str::trim);
    let id = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let place = id
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Problem::malformed("Last-Event-ID must be an id of this feed"))?;
    if place <= newest {
        return Ok(place);
    }
    // Another process may be ahead of this view; an id of another stream, or of before a restore, begins with what comes.
    let head = core.log.head().await.map_err(away)?;
    Ok(if place <= head.last_sequence { place } else { newest })
}

fn away(error: LogError) -> Problem {
    tracing::warn!(error = &error as &dyn std::error::Error, "a feed could not begin");
    Problem::unavailable("the bus is out of reach; the feed cannot begin")
}

fn greeting(place: u64) -> Bytes {
    format!("retry: {COME_BACK_AFTER_MILLISECONDS}\nid: {place}\n\n").into()
}

/// A feed that is open.
struct Reader {
    core: Arc<Core>,
    identity: Arc<Identity>,
    past: Arc<Mutex<Past>>,
    token: String,
    actor: Actor,
    /// The last event that was looked at.
    place: u64,
    /// What is told of the log and is not heard yet.
    page: VecDeque<(u64, Bytes)>,
    bell: watch::Receiver<u64>,
    newest_seen: u64,
    beat: Interval,
    ends_at: Instant,
    greeting: Option<Bytes>,
    _slot: OwnedSemaphorePermit,
}

impl Reader {
    /// What is sent next; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(greeting) = self.greeting.take() {
            return Some(greeting);
        }
        loop {
            if self.core.ended.is_cancelled() || Instant::now() >= self.ends_at {
                return None;
            }
            if self.beat.tick().now_or_never().is_some() {
                return self.beats().await;
            }
            if let Some((place, text)) = self.page.pop_front() {
                self.place = self.place.max(place);
                return Some(text);
            }
            match self.core.feed.next(self.place, &self.actor) {
                Next::Event(place, text) => {
                    self.place = place;
                    return Some(text);
                }
                Next::Behind(_) => {
                    let ended = self.core.ended.clone();
                    let reading = tokio::time::timeout(PAGE_TIME_MAX, self.read_on());
                    ended.run_until_cancelled(reading).await?.ok()??;
                }
                Next::Nothing(place) => {
                    self.place = place;
                    let ended = self.core.ended.clone();
                    tokio::select! {
                        () = ended.cancelled() => return None,
                        () = tokio::time::sleep_until(self.ends_at) => return None,
                        _ = self.beat.tick() => return self.beats().await,
                        rung = self.bell.changed() => rung.ok()?,
                    }
                }
            }
            let newest = *self.bell.borrow_and_update();
            // A log that was restored is shorter: what comes are other events at places that were heard before.
            if newest < self.newest_seen {
                return None;
            }
            self.newest_seen = newest;
        }
    }

    /// Looks at the session; says how far the feed is, so that a reader who heard nothing comes back to the right place.
    async fn beats(&mut self) -> Option<Bytes> {
        match self.identity.look(&self.token, ROUTE).await {
            Ok(staff) => self.actor = actor(&staff?),
            // Nobody sits before a locked screen.
            Err(IdentityError::Locked) => return None,
            // Nobody knows; a feed ends by itself anyway.
            Err(error) => tracing::debug!(%error, "a session could not be looked at"),
        }
        // What waits in the page stands behind the place, and is heard first.
        Some(format!("id: {}\n\n", self.place).into())
    }

    /// Takes a page of the log, as far as the ring does not reach. `None` when the bus is away: the reader comes back.
    async fn read_on(&mut self) -> Option<()> {
        let mut past = self.past.lock().await;
        // The ring may have moved on meanwhile.
        let Next::Behind(ring_begins_behind) = self.core.feed.next(self.place, &self.actor) else {
            return Some(());
        };
        let page = past.page(&self.core, self.place, ring_begins_behind).await?;
        drop(past);
        let for_reader = page
            .told
            .iter()
            .filter(|(place, told)| *place > self.place && told.may_be_heard_by(&self.actor));
        self.page.extend(for_reader.map(|(place, told)| (*place, told.text.clone())));
        match self.page.back() {
            None => self.place = page.ends_with,
            // The last ones of the page are not for this reader.
            Some((place, _)) if *place < page.ends_with => {
                let place = page.ends_with;
                self.page.push_back((place, format!("id: {place}\n\n").into()));
            }
            Some(_) => {}
        }
        Some(())
    }
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    Operation::new(Method::GET, ROUTE, "queries", "What happens, as it happens")
        .answers_with(200, "text/event-stream")
}
