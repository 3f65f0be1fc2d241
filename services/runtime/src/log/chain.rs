//! What makes a change of the log visible: each event has a digest, names the digest of the event before it on its
//! subject, and carries a MAC that only this site can make.
//!
//! Invariants: the digest covers the subject, every attribute (`ce-…` and `traceparent`) except the MAC itself, and the
//! body, each with its length, so that nothing can be moved between them; it does not cover what the bus adds or needs,
//! so an event that is stored again has the same digest. The key is derived from the master key and stays the same
//! when the wrapping key is rotated. A service whose events the bus brings to another subject signs for where they will stand.

use hmac::{Hmac, Mac as _};
use proto_events::envelope::header;
use proto_events::ids::CenterId;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroize as _;

use super::{Expected, NewEvent, Recorded};
use crate::http::body::hex;
use crate::vault::{MasterKey, base64url};

/// Length of a digest, and of a MAC, in bytes.
pub const DIGEST_BYTES: usize = 32;

/// What `ce-previous` says on the first event of a subject.
const FIRST: &str = "first";

/// The way in which a MAC was made, so that another can come.
const MAC_V1: &str = "v1";

/// What the bus needs for an append, and no part of the event.
type Fields = Vec<(&'static str, String)>;

/// The SHA-256 of an event.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; DIGEST_BYTES]);

impl Digest {
    /// The digest of an event as it stands.
    #[must_use]
    pub fn of(event: &Recorded) -> Self {
        Self::of_parts(&event.subject, event.headers.iter().collect(), &event.body)
    }

    /// The digest of subject, headers and body; of the headers only the attributes count.
    #[must_use]
    pub fn of_parts(subject: &str, mut headers: Vec<(&str, &str)>, body: &[u8]) -> Self {
        headers.retain(|(name, _)| is_covered(name));
        headers.sort_unstable();
        let mut hash = Sha256::new_with_prefix(b"unstuck event v1");
        let mut take = |part: &[u8]| {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        };
        take(subject.as_bytes());
        for (name, value) in headers {
            take(name.as_bytes());
            // The bus gives a value back without the blanks around it.
            take(value.trim().as_bytes());
        }
        // An attribute has a name, so the body cannot be taken for one.
        take(b"");
        take(body);
        Self(hash.finalize().into())
    }

    /// Its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; DIGEST_BYTES] {
        &self.0
    }

    /// Takes bytes for a digest.
    #[must_use]
    pub const fn of_bytes(bytes: [u8; DIGEST_BYTES]) -> Self {
        Self(bytes)
    }

    /// Reads what `Display` wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Whether a header is an attribute of an event, and part of its digest.
pub(super) fn is_covered(name: &str) -> bool {
    (name.starts_with("ce-") && name != header::MAC) || name == header::TRACE_PARENT
}

/// The key of a site under which events, audit lines and seals are signed. Wiped from memory when dropped.
#[derive(Clone)]
pub struct EventKey {
    key: [u8; DIGEST_BYTES],
    id: [u8; 4],
    /// From what the keys of centers are derived, where the site's master key is.
    centers: Option<[u8; DIGEST_BYTES]>,
}

impl EventKey {
    /// Takes the bytes of a key; see [`MasterKey::event_key`](crate::vault::MasterKey::event_key).
    #[must_use]
    pub fn of_bytes(key: [u8; DIGEST_BYTES]) -> Self {
        let mut id = [0; 4];
        id.copy_from_slice(&mac(&key, &[b"unstuck event key id"])[..4]);
        Self { key, id, centers: None }
    }

    /// Takes the bytes of a key that has a name already.
    pub(crate) fn named(key: [u8; DIGEST_BYTES], id: [u8; 4]) -> Self {
        Self { key, id, centers: None }
    }

    /// Lets it know the keys of centers as well.
    pub(crate) fn with_centers(mut self, secret: [u8; DIGEST_BYTES]) -> Self {
        self.centers = Some(secret);
        self
    }

    /// The key under which a center with a server of its own signs; none when this key stands for itself alone.
    #[must_use]
    pub fn of_center(&self, center: &CenterId) -> Option<Self> {
        Some(MasterKey::of_center_root(self.centers.as_ref()?, center).event_key())
    }

    /// Tells keys apart, and says nothing about them: the first half of the master key's fingerprint.
    #[must_use]
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// The value of `ce-mac` for an event of this digest.
    #[must_use]
    pub fn mac_of(&self, digest: &Digest) -> String {
        let mac = base64url::encode(&mac(&self.key, &[b"event", &digest.0]));
        format!("{MAC_V1}.{}.{mac}", self.id())
    }

    /// Signs another text of the site, for instance a seal; a signature of one purpose is none of another.
    #[must_use]
    pub fn sign(&self, purpose: &str, text: &str) -> [u8; DIGEST_BYTES] {
        mac(
            &self.key,
            &[&(purpose.len() as u64).to_be_bytes(), purpose.as_bytes(), text.as_bytes()],
        )
    }

    /// Says what a MAC is worth for an event of this digest.
    #[must_use]
    pub fn judge(&self, stated: &str, digest: &Digest) -> Signature {
        let mut parts = stated.split('.');
        match (parts.next(), parts.next(), parts.next(), parts.next()) {
            (Some(MAC_V1), Some(id), Some(_), None) if id != self.id() => Signature::OtherKey,
            (Some(MAC_V1), Some(_), Some(stated), None) => {
                let stated = base64url::decode(stated).unwrap_or_default();
                let checked = keyed(&self.key, &[b"event", &digest.0]).verify_slice(&stated);
                if checked.is_ok() { Signature::Holds } else { Signature::DoesNotHold }
            }
            _ => Signature::DoesNotHold,
        }
    }
}

impl Drop for EventKey {
    fn drop(&mut self) {
        self.key.zeroize();
        self.centers.zeroize();
    }
}

impl std::fmt::Debug for EventKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EventKey({})", self.id())
    }
}

/// What the MAC of an event is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// It was made for exactly this event, under this key.
    Holds,
    /// It was made for another event, or by nobody who had the key.
    DoesNotHold,
    /// It names another key.
    OtherKey,
}

/// What an event says about the one before it on its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// The writer did not look: the event commutes.
    None,
    /// There is none before it.
    First,
    /// This one.
    To(Digest),
    /// Nobody can read what it says.
    Unreadable,
}

impl Link {
    /// The link of an event as it stands.
    #[must_use]
    pub fn of(event: &Recorded) -> Self {
        match event.headers.get(header::PREVIOUS) {
            None => Self::None,
            Some(FIRST) => Self::First,
            Some(text) => Digest::parse(text).map_or(Self::Unreadable, Self::To),
        }
    }

    fn to_value(self) -> Option<String> {
        match self {
            Self::None | Self::Unreadable => None,
            Self::First => Some(FIRST.to_owned()),
            Self::To(digest) => Some(digest.to_string()),
        }
    }
}

/// Adds link and MAC to the headers of an event, and gives its digest, to which the next one links.
pub fn sign(
    key: &EventKey,
    subject: &str,
    link: Link,
    headers: &mut Vec<(&'static str, String)>,
    body: &[u8],
) -> Digest {
    headers.extend(link.to_value().map(|value| (header::PREVIOUS, value)));
    let fields = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let digest = Digest::of_parts(subject, fields, body);
    headers.push((header::MAC, key.mac_of(&digest)));
    digest
}

/// The headers of the events of one append, signed when there is a key; inside the append each links to the one before.
pub(super) fn headers_of(
    key: Option<&EventKey>,
    subject: &str,
    expected: Expected<'_>,
    events: &[NewEvent],
) -> Vec<Fields> {
    let mut link = match (key, expected) {
        (None, _) | (_, Expected::Any) => Link::None,
        (_, Expected::Nothing) => Link::First,
        (_, Expected::After(last)) => Link::To(Digest::of(last)),
    };
    let signed = |event: &NewEvent| {
        let mut headers = event.envelope.to_headers();
        if let Some(key) = key {
            link = Link::To(sign(key, subject, link, &mut headers, &event.body));
        }
        headers
    };
    events.iter().map(signed).collect()
}

fn keyed(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac =
        <Hmac<Sha256> as hmac::Mac>::new_from_slice(key).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac
}

fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; DIGEST_BYTES] {
    keyed(key, parts).finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::log::Headers;
    use crate::log::contract::events;

    fn key() -> EventKey {
        EventKey::of_bytes([7; DIGEST_BYTES])
    }

    fn stored() -> Recorded {
        let new = events(1);
        let headers = headers_of(Some(&key()), "case.a.b", Expected::Nothing, &new);
        let mut event = Recorded::of(&new[0], "case.a.b", 1, DateTime::UNIX_EPOCH);
        event.headers = headers.into_iter().flatten().collect();
        event
    }

    fn judged(event: &Recorded) -> Signature {
        let mac = event.headers.get(header::MAC).expect("it is signed");
        key().judge(mac, &Digest::of(event))
    }

    fn with(event: &Recorded, name: &str, value: Option<&str>) -> Recorded {
        let others = event.headers.iter().filter(|(found, _)| *found != name);
        let headers: Headers = others.chain(value.map(|value| (name, value))).collect();
        Recorded { headers, ..event.clone() }
    }

    #[test]
    fn a_mac_holds_for_the_event_that_it_was_made_for_and_for_no_other() {
        let event = stored();
        assert_eq!(judged(&event), Signature::Holds);
        let changed = [
            Recorded { subject: "case.a.c".to_owned(), ..event.clone() },
            Recorded { body: r#"{"index":1}"#.into(), ..event.clone() },
            with(&event, header::ACTOR, Some("somebody else")),
            with(&event, header::TYPE, None),
            with(&event, header::PREVIOUS, None),
            with(&event, header::TRACE_PARENT, Some("00-1-1-00")),
            with(&event, "ce-new", Some("")),
        ];
        for changed in changed {
            assert_eq!(judged(&changed), Signature::DoesNotHold, "{changed:?}");
        }
    }

    #[test]
    fn what_the_bus_adds_does_not_count_nor_where_an_event_stands() {
        let event = stored();
        let elsewhere = Recorded { sequence: 7, ..with(&event, "Nats-Batch-Id", Some("x")) };
        assert_eq!(judged(&elsewhere), Signature::Holds);
    }

    #[test]
    fn the_mac_of_another_key_is_told_apart_from_a_wrong_one() {
        let event = stored();
        let other = EventKey::of_bytes([8; DIGEST_BYTES]);
        let stated = event.headers.get(header::MAC).unwrap();
        assert_eq!(other.judge(stated, &Digest::of(&event)), Signature::OtherKey);
        for odd in ["", "v1", "v1.0.0", "v2.00000000.AA", "v1.00000000.AA.BB"] {
            assert_ne!(key().judge(odd, &Digest::of(&event)), Signature::Holds, "{odd}");
        }
    }

    #[test]
    fn nothing_moves_between_a_name_its_value_and_the_body() {
        let of = |headers: &[(&str, &str)], body: &str| {
            Digest::of_parts("s", headers.to_vec(), body.as_bytes())
        };
        let one = of(&[("ce-a", "bc")], "d");
        assert_ne!(one, of(&[("ce-ab", "c")], "d"));
        assert_ne!(one, of(&[("ce-a", "b")], "cd"));
        assert_ne!(one, of(&[("ce-a", "bc"), ("ce-b", "")], "d"));
        assert_eq!(
            of(&[("ce-a", "1"), ("ce-b", "2")], ""),
            of(&[("ce-b", "2"), ("ce-a", "1"), ("Nats-Msg-Id", "3")], "")
        );
    }

    #[test]
    fn a_link_and_a_digest_read_back() {
        let event = stored();
        assert_eq!(Link::of(&event), Link::First);
        let digest = Digest::of(&event);
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
        let linked = with(&event, header::PREVIOUS, Some(&digest.to_string()));
        assert_eq!(Link::of(&linked), Link::To(digest));
        assert_eq!(Link::of(&with(&event, header::PREVIOUS, Some("x"))), Link::Unreadable);
        assert_eq!(Link::of(&with(&event, header::PREVIOUS, None)), Link::None);
    }

    #[test]
    fn a_key_prints_only_its_id() {
        assert_eq!(format!("{:?}", key()), format!("EventKey({})", key().id()));
        assert_ne!(key().sign("seal", "a"), key().sign("sea", "la"));
    }
}
