//! How often one address may look at receipts.
//!
//! Invariants: what is remembered is bounded, and nothing of it outlives its minute; behind a proxy of the house each
//! visitor counts alone, by what the proxy says; who comes directly shares one measure that is wide enough for a hall. A
//! code has more than fifty random bits: this keeps the house calm, the code keeps the secret.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::http::HeaderMap;
use chrono::{DateTime, FixedOffset};

/// Looks a minute of one visitor: a person who follows one matter needs one, a family behind one address some.
const LOOKS_MAX: u32 = 30;
/// Looks a minute of all who come without a proxy's word: a hall with its screens.
const LOOKS_DIRECT_MAX: u32 = 1200;
/// Visitors that are remembered for a minute; some 3 MB. When there are more, the measure begins anew.
const VISITORS_MAX: usize = 32 * 1024;
/// Characters of an address that are kept; the longest real one has 39.
const ADDRESS_CHARS_MAX: usize = 45;
const MINUTE_SECONDS: i64 = 60;

#[derive(Debug, Default)]
struct Looks {
    minute: i64,
    of: HashMap<String, u32>,
}

static LOOKS: LazyLock<Mutex<Looks>> = LazyLock::new(Mutex::default);

/// Who asks: the last address that a proxy wrote, which is the one that it saw itself.
pub(super) fn who(headers: &HeaderMap) -> Option<String> {
    let line = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let address = line.rsplit(',').next().unwrap_or(line).trim();
    let address: String = address.chars().take(ADDRESS_CHARS_MAX).collect();
    Some(address).filter(|address| !address.is_empty())
}

/// Counts a look.
///
/// # Errors
/// When there were too many this minute; gives the seconds that are left of it.
pub(super) fn ask(who: Option<String>, now: DateTime<FixedOffset>) -> Result<(), u32> {
    // A measure that broke while it was held is still a measure.
    LOOKS.lock().unwrap_or_else(PoisonError::into_inner).ask(who, now.timestamp())
}

impl Looks {
    fn ask(&mut self, who: Option<String>, second: i64) -> Result<(), u32> {
        let minute = second.div_euclid(MINUTE_SECONDS);
        if minute != self.minute || self.of.len() >= VISITORS_MAX {
            *self = Self { minute, of: HashMap::new() };
        }
        let most = if who.is_some() { LOOKS_MAX } else { LOOKS_DIRECT_MAX };
        let looks = self.of.entry(who.unwrap_or_default()).or_default();
        *looks = looks.saturating_add(1);
        if *looks <= most {
            return Ok(());
        }
        Err(u32::try_from(MINUTE_SECONDS - second.rem_euclid(MINUTE_SECONDS)).unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_often_waits_for_the_next_minute_and_nobody_else_does() {
        let mut looks = Looks::default();
        let one = || Some("192.0.2.1".to_owned());
        for _ in 0..LOOKS_MAX {
            assert_eq!(looks.ask(one(), 610), Ok(()));
        }
        assert_eq!(looks.ask(one(), 615), Err(45));
        assert_eq!(looks.ask(Some("192.0.2.2".to_owned()), 615), Ok(()));
        assert_eq!(looks.ask(None, 615), Ok(()));
        assert_eq!(looks.ask(one(), 660), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut looks = Looks::default();
        for visitor in 0..VISITORS_MAX * 2 {
            assert_eq!(looks.ask(Some(visitor.to_string()), 600), Ok(()));
        }
        assert!(looks.of.len() <= VISITORS_MAX);
    }

    #[test]
    fn the_word_of_the_nearest_proxy_counts_and_not_what_the_visitor_wrote() {
        let mut headers = HeaderMap::new();
        assert_eq!(who(&headers), None);
        headers.insert("x-forwarded-for", "192.0.2.9, 198.51.100.7".parse().unwrap());
        assert_eq!(who(&headers).as_deref(), Some("198.51.100.7"));
    }
}
