//! How often one address may look at receipts.
//!
//! Invariants: what is remembered is bounded, and nothing of it outlives its minute; behind a proxy each visitor is measured
//! by what the proxy says, and the proxy by a wide measure of its own, so that a forged header frees nobody. A code has
//! more than fifty random bits: this keeps the house calm, the code keeps the secret.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{LazyLock, Mutex, PoisonError};

use axum::http::HeaderMap;
use chrono::{DateTime, FixedOffset};

/// Looks a minute of one visitor: who follows one matter needs one, a family or a bench behind one address some.
const LOOKS_MAX: u32 = 60;
/// Looks a minute of one proxy, with everybody behind it: a district at noon.
const LOOKS_PROXY_MAX: u32 = 3000;
/// Visitors that are remembered for a minute; some 3 MB. When there are more, the measure begins anew.
const VISITORS_MAX: usize = 32 * 1024;
/// Characters of an address that are kept; the longest real one has 45.
const ADDRESS_CHARS_MAX: usize = 45;
const MINUTE_SECONDS: i64 = 60;

#[derive(Debug, Default)]
struct Looks {
    minute: i64,
    of: HashMap<String, u32>,
}

static LOOKS: LazyLock<Mutex<Looks>> = LazyLock::new(Mutex::default);

/// Counts a look.
///
/// # Errors
/// When there were too many this minute; gives the seconds that are left of it.
pub(super) fn ask(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    now: DateTime<FixedOffset>,
) -> Result<(), u32> {
    let second = now.timestamp();
    // A measure that broke while it was held is still a measure.
    let mut looks = LOOKS.lock().unwrap_or_else(PoisonError::into_inner);
    measures(peer, headers).into_iter().try_for_each(|(who, most)| looks.ask(who, most, second))
}

/// Who is measured, and how widely.
fn measures(peer: Option<IpAddr>, headers: &HeaderMap) -> Vec<(String, u32)> {
    let peer = peer.map_or_else(String::new, |peer| peer.to_string());
    match forwarded(headers) {
        None => vec![(peer, LOOKS_MAX)],
        Some(said) => vec![
            (format!("{peer} for {said}"), LOOKS_MAX),
            (format!("{peer} for all"), LOOKS_PROXY_MAX),
        ],
    }
}

/// For whom a proxy asks: the last address that was written, which is the one that it saw itself.
fn forwarded(headers: &HeaderMap) -> Option<String> {
    let line = headers.get_all("x-forwarded-for").iter().next_back()?.to_str().ok()?;
    let address = line.rsplit(',').next().unwrap_or(line).trim();
    let address: String = address.chars().take(ADDRESS_CHARS_MAX).collect();
    Some(address).filter(|address| !address.is_empty())
}

impl Looks {
    fn ask(&mut self, who: String, most: u32, second: i64) -> Result<(), u32> {
        let minute = second.div_euclid(MINUTE_SECONDS);
        if minute != self.minute || self.of.len() >= VISITORS_MAX {
            *self = Self { minute, of: HashMap::new() };
        }
        let looks = self.of.entry(who).or_default();
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

    fn headers(line: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", line.parse().unwrap());
        headers
    }

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn who_asks_too_often_waits_for_the_next_minute_and_nobody_else_does() {
        let mut looks = Looks::default();
        let mut ask = |who: &str, second| looks.ask(who.to_owned(), LOOKS_MAX, second);
        for _ in 0..LOOKS_MAX {
            assert_eq!(ask("one", 610), Ok(()));
        }
        assert_eq!(ask("one", 615), Err(45));
        assert_eq!(ask("another", 615), Ok(()));
        assert_eq!(ask("one", 660), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut looks = Looks::default();
        for visitor in 0..VISITORS_MAX * 2 {
            assert_eq!(looks.ask(visitor.to_string(), LOOKS_MAX, 600), Ok(()));
        }
        assert!(looks.of.len() <= VISITORS_MAX);
    }

    #[test]
    fn the_word_of_the_nearest_proxy_counts_and_not_what_the_visitor_wrote() {
        let found = measures(Some(PEER), &headers("192.0.2.9, 198.51.100.7"));
        assert_eq!(found[0], ("192.0.2.1 for 198.51.100.7".to_owned(), LOOKS_MAX));
    }

    #[test]
    fn a_forged_word_does_not_free_who_wrote_it() {
        let mut looks = Looks::default();
        let refused = (0..LOOKS_PROXY_MAX * 2).any(|forged| {
            let line = format!("203.0.113.{forged}");
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", line.parse().unwrap());
            let mut asked = measures(Some(PEER), &headers).into_iter();
            asked.try_for_each(|(who, most)| looks.ask(who, most, 600)).is_err()
        });
        assert!(refused);
    }
}
