//! Readers of single settings: each says in a sentence what it would have taken.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset};

/// An address to listen on, `127.0.0.1:8420`; port 0 lets the system choose.
///
/// # Errors
/// When it is not an IP address with a port.
pub fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    local
        .as_deref()
        .unwrap_or(text)
        .parse()
        .map_err(|_| format!("{text:?} is no address with a port, such as 127.0.0.1:8420"))
}

/// The address of a NATS server, with scheme `nats`, `tls`, `ws` or `wss`; several are separated by commas.
///
/// # Errors
/// When there is another scheme or no host. The text is not repeated: it may hold a password.
pub fn nats_url(text: &str) -> Result<String, String> {
    let is_fine = |url: &str| {
        url.split_once("://").is_some_and(|(scheme, rest)| {
            let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            matches!(scheme, "nats" | "tls" | "ws" | "wss")
                && !host.is_empty()
                && !host.starts_with([':', '/'])
                && !host.contains(char::is_whitespace)
        })
    };
    if text.split(',').map(str::trim).all(is_fine) {
        Ok(text.to_owned())
    } else {
        Err("is no address of a NATS server, such as nats://127.0.0.1:4222".to_owned())
    }
}

/// A file that exists.
///
/// # Errors
/// When there is no such file.
pub fn existing_file(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_file() { Ok(path) } else { Err(format!("there is no file {text:?}")) }
}

/// A folder that exists or may be made.
///
/// # Errors
/// When the name is empty or something else stands there.
pub fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if text.is_empty() {
        Err("is empty".to_owned())
    } else if path.exists() && !path.is_dir() {
        Err(format!("{text:?} is not a folder"))
    } else {
        Ok(path)
    }
}

/// An instant in RFC 3339, `2026-03-02T09:00:00+08:00`.
///
/// # Errors
/// When it is written otherwise or has no offset.
pub fn instant(text: &str) -> Result<DateTime<FixedOffset>, String> {
    DateTime::parse_from_rfc3339(text)
        .map_err(|_| format!("{text:?} is no instant such as 2026-03-02T09:00:00+08:00"))
}

/// A reader of whole numbers from `min` to `max`.
///
/// # Errors
/// What it returns refuses anything else.
pub fn whole_number(min: u64, max: u64) -> impl Fn(&str) -> Result<u64, String> {
    move |text| {
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
            .ok_or_else(|| format!("{text:?} is no whole number from {min} to {max}"))
    }
}

/// A reader of one of our code lists; `choices` is what a fault names.
///
/// # Errors
/// What it returns refuses anything else.
pub fn one_of<T: FromStr>(choices: &str) -> impl Fn(&str) -> Result<T, String> {
    move |text| text.parse().map_err(|_| format!("{text:?} is none of {choices}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_needs_a_port_and_may_say_localhost() {
        assert_eq!(listen_address("localhost:0"), Ok("127.0.0.1:0".parse().unwrap()));
        assert!(listen_address("[::1]:8420").is_ok());
        assert!(listen_address("127.0.0.1").is_err());
        assert!(listen_address("example.org:80").is_err());
    }

    #[test]
    fn a_nats_address_needs_scheme_and_host_and_a_fault_hides_the_password() {
        for text in ["nats://127.0.0.1:4222", "tls://a:b@bus.example:4222", "nats://a, nats://b"] {
            assert!(nats_url(text).is_ok(), "{text}");
        }
        for text in ["http://x", "nats://", "nats://:4222", "4222", ""] {
            assert!(nats_url(text).is_err(), "{text}");
        }
        assert!(!nats_url("amqp://u:secret@x").unwrap_err().contains("secret"));
    }

    #[test]
    fn an_instant_needs_an_offset() {
        assert!(instant("2026-03-02T09:00:00+08:00").is_ok());
        assert!(instant("2026-03-02T09:00:00").is_err());
    }

    #[test]
    fn a_number_stays_within_its_bounds() {
        assert_eq!(whole_number(1, 5)("5"), Ok(5));
        assert!(whole_number(1, 5)("6").is_err());
        assert!(whole_number(1, 5)("-1").is_err());
    }
}
