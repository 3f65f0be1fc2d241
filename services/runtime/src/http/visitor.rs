//! Who asks: the address that a request began at, also when it came through a proxy or through our own pages.
//!
//! Invariants: `X-Forwarded-For` counts only as far as hops that are trusted wrote it, read from its end; whatever a
//! visitor writes there himself frees nobody. An address of IPv6 counts as its network of 64 bits, because one visitor
//! has all of them.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::serve::Peer;
use crate::http::body::hex;

/// Where each hop writes for whom it asks.
pub const FORWARDED_FOR_HEADER: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where our own pages show that a call of theirs is one.
pub const PAGES_KEY_HEADER: HeaderName = HeaderName::from_static("x-unstuck-pages");

/// Most hops that are followed; no site has more proxies in a row.
const HOPS_MAX: usize = 8;

/// Somebody who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Visitor {
    address: IpAddr,
}

tokio::task_local! {
    static CURRENT: Option<Visitor>;
}

/// Who asked for what this task serves; `None` outside of the kit's layers, in spawned tasks, and without a socket.
#[must_use]
pub fn current() -> Option<Visitor> {
    CURRENT.try_with(|visitor| *visitor).ok().flatten()
}

/// Runs `work` as what `visitor` asked for.
pub(super) fn scope<F: Future>(
    visitor: Option<Visitor>,
    work: F,
) -> impl Future<Output = F::Output> {
    CURRENT.scope(visitor, work)
}

impl Visitor {
    /// The visitor at an address.
    #[must_use]
    pub fn at(address: IpAddr) -> Self {
        Self { address: address.to_canonical() }
    }

    /// Whether it is this machine itself: a tool, or a proxy on it that does not say for whom it asks.
    #[must_use]
    pub const fn is_this_machine(self) -> bool {
        self.address.is_loopback()
    }

    /// The address, as a hop writes it.
    #[must_use]
    pub fn to_header(self) -> HeaderValue {
        HeaderValue::from_str(&self.address.to_string())
            .expect("an address is made of visible ASCII")
    }

    /// What a measure counts by.
    pub(super) fn network(self) -> IpAddr {
        match self.address {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
            }
            address => address,
        }
    }
}

/// Who may say for whom he asks.
#[derive(Debug, Clone)]
pub struct Hops {
    trusted: TrustedProxies,
    pages: Option<PagesKey>,
}

impl Hops {
    /// Trusts these proxies, and whoever has the key of our own pages.
    #[must_use]
    pub const fn new(trusted: TrustedProxies, pages: Option<PagesKey>) -> Self {
        Self { trusted, pages }
    }

    /// Who a request comes from; `None` when it did not come over a socket.
    #[must_use]
    pub fn visitor(&self, request: &Request) -> Option<Visitor> {
        let ConnectInfo(Peer(peer)) = request.extensions().get::<ConnectInfo<Peer>>()?;
        Some(self.visitor_at(*peer, request.headers()))
    }

    fn visitor_at(&self, peer: IpAddr, headers: &HeaderMap) -> Visitor {
        let mut found = Visitor::at(peer);
        if !self.is_of_our_pages(headers) && !self.trusted.has(found.address) {
            return found;
        }
        let lines = headers.get_all(FORWARDED_FOR_HEADER).iter().rev();
        let words = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        for word in words.take(HOPS_MAX) {
            // Whoever wrote nonsense is the last one that is known.
            let Some(address) = address_of(word.trim()) else { break };
            found = Visitor::at(address);
            if !self.trusted.has(found.address) {
                break;
            }
        }
        found
    }

    fn is_of_our_pages(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(PAGES_KEY_HEADER).and_then(|value| value.to_str().ok());
        self.pages.as_ref().zip(shown).is_some_and(|(key, shown)| *key.0 == *shown)
    }
}

impl Default for Hops {
    fn default() -> Self {
        Self::new(TrustedProxies::default(), None)
    }
}

/// An address as proxies write it: some add the port.
fn address_of(word: &str) -> Option<IpAddr> {
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    bare(word).or_else(|| bare(word.rsplit_once(':')?.0))
}

/// By what our own pages are known at the API of the same process. Drawn at each start, so that it cannot be guessed and
/// stands nowhere.
#[derive(Clone)]
pub struct PagesKey(Arc<str>);

impl PagesKey {
    /// Draws one; `None` when the machine gives no randomness: the pages then count as one visitor.
    #[must_use]
    pub fn random() -> Option<Self> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).ok()?;
        Some(Self(hex(&bytes).into()))
    }

    /// It, as a call of the pages shows it.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        let mut value =
            HeaderValue::from_str(&self.0).expect("hex digits are made of visible ASCII");
        value.set_sensitive(true);
        value
    }
}

impl fmt::Debug for PagesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PagesKey")
    }
}

/// Proxies that write `X-Forwarded-For` truly: addresses and networks, `10.0.0.7, 10.1.0.0/16`; `none` for none.
///
/// By default this machine itself, where a proxy of one machine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxies(Vec<(IpAddr, u8)>);

impl TrustedProxies {
    fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|(network, length)| is_within(address, *network, *length))
    }
}

impl Default for TrustedProxies {
    fn default() -> Self {
        Self(vec![(Ipv4Addr::new(127, 0, 0, 0).into(), 8), (Ipv6Addr::LOCALHOST.into(), 128)])
    }
}

impl FromStr for TrustedProxies {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        text.split(',').map(|one| network(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    let read = || {
        let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Some(most), |length| length.parse().ok())?;
        (length <= most).then_some((address, length))
    };
    read().ok_or_else(|| {
        format!("{text:?} is no address or network such as 10.0.0.7 or 10.1.0.0/16, and not none")
    })
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
            address.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(hops: &Hops, peer: &str, lines: &[&'static str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR_HEADER, HeaderValue::from_static(line));
        }
        hops.visitor_at(peer.parse().unwrap(), &headers).address.to_string()
    }

    #[test]
    fn a_stranger_is_who_he_is_whatever_he_writes() {
        assert_eq!(seen(&Hops::default(), "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        let nobody = Hops::new("none".parse().unwrap(), None);
        assert_eq!(seen(&nobody, "127.0.0.1", &["198.51.100.7"]), "127.0.0.1");
    }

    #[test]
    fn the_word_of_the_nearest_trusted_hop_counts_and_not_what_the_visitor_wrote() {
        let hops = Hops::new("127.0.0.1, 10.1.0.0/16".parse().unwrap(), None);
        let one = seen(&hops, "127.0.0.1", &["203.0.113.9, 198.51.100.7"]);
        assert_eq!(one, "198.51.100.7");
        let two = seen(&hops, "127.0.0.1", &["203.0.113.9", "198.51.100.7, 10.1.2.3"]);
        assert_eq!(two, "198.51.100.7", "through two proxies");
        assert_eq!(seen(&hops, "127.0.0.1", &["nonsense, 10.1.2.3"]), "10.1.2.3");
        assert_eq!(seen(&hops, "127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn our_own_pages_are_believed_and_a_guessed_key_is_not() {
        let key = PagesKey::random().unwrap();
        let hops = Hops::new("none".parse().unwrap(), Some(key.clone()));
        let mut headers = HeaderMap::new();
        headers.insert(FORWARDED_FOR_HEADER, HeaderValue::from_static("198.51.100.7"));
        let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
        headers.insert(PAGES_KEY_HEADER, HeaderValue::from_static("guessed"));
        assert_eq!(hops.visitor_at(peer, &headers), Visitor::at(peer));
        headers.insert(PAGES_KEY_HEADER, key.to_header());
        assert_eq!(hops.visitor_at(peer, &headers).address.to_string(), "198.51.100.7");
    }

    #[test]
    fn addresses_are_read_in_every_form_that_proxies_write() {
        for (word, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]:4711", "2001:db8::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
        ] {
            let found = address_of(word).map(|address| Visitor::at(address).address.to_string());
            assert_eq!(found.as_deref(), Some(address), "{word}");
        }
        assert_eq!(address_of("unknown"), None);
    }

    #[test]
    fn one_visitor_has_all_addresses_of_a_network_of_64_bits() {
        let network = |text: &str| Visitor::at(text.parse().unwrap()).network();
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn a_list_of_proxies_is_read_whole_or_refused() {
        let proxies: TrustedProxies = "10.0.0.0/8,2001:db8::/32, 192.0.2.7".parse().unwrap();
        for inside in ["10.9.8.7", "2001:db8:1::1", "192.0.2.7"] {
            assert!(proxies.has(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["11.0.0.1", "2001:db9::1", "192.0.2.8", "::1"] {
            assert!(!proxies.has(outside.parse().unwrap()), "{outside}");
        }
        for wrong in ["", "10.0.0.0/33", "proxy", "10.0.0.1,", "10.0.0.0/x"] {
            assert!(wrong.parse::<TrustedProxies>().is_err(), "{wrong}");
        }
        assert!("0.0.0.0/0".parse::<TrustedProxies>().unwrap().has([203, 0, 113, 9].into()));
    }
}
