//! Where the API is, and how an id becomes a part of its address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::Scheme;

/// The address of the API: scheme, host and port, nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUrl(Uri);

/// A text that is no address of an API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not an address like http://127.0.0.1:8420: http or https, a host, and no path")]
pub struct ApiUrlError;

impl ApiUrl {
    /// The API that this process serves itself. Who listens on every address is asked on loopback.
    #[must_use]
    pub fn of_listener(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        let text = format!("http://{}", SocketAddr::new(ip, address.port()));
        Self(text.parse().expect("the address of a socket is an authority"))
    }

    /// Whether it speaks TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.0.scheme() == Some(&Scheme::HTTPS)
    }

    /// The address of something of the API.
    pub(crate) fn join(&self, path_and_query: &str) -> Option<Uri> {
        let mut parts = self.0.clone().into_parts();
        parts.path_and_query = Some(path_and_query.parse().ok()?);
        Uri::from_parts(parts).ok()
    }
}

impl FromStr for ApiUrl {
    type Err = ApiUrlError;

    fn from_str(text: &str) -> Result<Self, ApiUrlError> {
        let uri: Uri = text.parse().map_err(|_| ApiUrlError)?;
        let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
        let is_bare = uri.query().is_none() && matches!(uri.path(), "" | "/");
        match uri.authority() {
            Some(authority) if is_http && is_bare && !authority.as_str().contains('@') => {
                Ok(Self(uri))
            }
            _ => Err(ApiUrlError),
        }
    }
}

/// A text as one segment of a path: whatever somebody put into an address, it stays within its place.
pub(crate) fn segment(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                written.push(char::from(byte))
            }
            // A segment of dots only would lead elsewhere.
            b'.' if text.bytes().any(|other| other != b'.') => written.push('.'),
            other => written.push_str(&format!("%{other:02X}")),
        }
    }
    written
}

/// Whether a path of ours is made of segments, and leads nowhere else.
pub(super) fn is_path(path: &str) -> bool {
    path.starts_with('/')
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.~%".contains(&byte))
        && !path.split('/').any(|segment| matches!(segment, "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_scheme_and_host_and_nothing_more() {
        for good in ["http://127.0.0.1:8420", "https://desk.example/", "http://[::1]:80"] {
            assert!(good.parse::<ApiUrl>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "desk.example",
            "ftp://desk.example",
            "http://desk.example/v1",
            "http://a@b",
            "http://b?c=1",
        ] {
            assert_eq!(bad.parse::<ApiUrl>(), Err(ApiUrlError), "{bad}");
        }
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        let url = ApiUrl::of_listener("0.0.0.0:8420".parse().unwrap());
        assert_eq!(url.join("/v1/lag").unwrap().to_string(), "http://127.0.0.1:8420/v1/lag");
        let url = ApiUrl::of_listener("[::]:8420".parse().unwrap());
        assert_eq!(url.join("/v1/lag").unwrap().to_string(), "http://[::1]:8420/v1/lag");
    }

    #[test]
    fn an_id_stays_within_its_place() {
        assert_eq!(segment("018f-ab_c.d"), "018f-ab_c.d");
        assert_eq!(segment("a/../b?c#d"), "a%2F..%2Fb%3Fc%23d");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("区"), "%E5%8C%BA");
        assert!(is_path(&format!("/v1/cases/{}", segment("../staff?x"))));
        assert!(!is_path("/v1/cases/../staff"));
        assert!(!is_path("/v1/cases/x?y=1"));
    }
}
