//! How a server of a district and those of its centers are tied: the center's connects, as a leaf, and has a JetStream of its
//! own.
//!
//! Invariants: beyond this machine nothing is said in clear; on such a line goes what the permissions of the center's user let
//! through and nothing else (both ends have streams of the same names, each for itself).

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use proto_events::ids::CenterId;

use crate::bus_users::quoted;
use crate::seeds::Seed;

/// The domain of a district's JetStream, so that none of its centers is taken for it.
const DISTRICT_DOMAIN: &str = "district";

/// How soon a center tries again when its line is down.
const RECONNECT: &str = "1s";

/// How soon a line is given up that hangs: the server's own two minutes are long at a counter.
const PINGS: &str = "ping_interval: \"10s\"\nping_max: 2";

/// What a center's own server keeps to itself whatever the district lets through: its streams have the names of the
/// district's, and a message that both took would stand twice.
const KEPT_APART: [&str; 8] = [
    "case.>",
    "center.>",
    "precedent.>",
    "improvement.>",
    "audit.>",
    "$KV.>",
    "$JS.>",
    "unstuck.>",
];

/// What ties a server to others.
#[derive(Debug, Clone)]
pub enum Leaf {
    /// Centers connect here.
    Listen {
        /// Where.
        address: SocketAddr,
        /// Certificate and key (PEM); without them only this machine may be listened to.
        tls: Option<(PathBuf, PathBuf)>,
    },
    /// This is the server of a center, which connects to its district.
    Remote {
        /// The center.
        center: CenterId,
        /// The addresses of the district's servers, `tls://host:port`.
        urls: Vec<String>,
        /// As whom.
        seed: Seed,
        /// The authority that signed the district's certificate (PEM).
        authority: Option<PathBuf>,
    },
}

impl Leaf {
    /// The domain of the server's JetStream.
    pub(super) fn domain(&self) -> &str {
        match self {
            Self::Listen { .. } => DISTRICT_DOMAIN,
            Self::Remote { center, .. } => center.as_str(),
        }
    }

    /// The block of the server's configuration; it holds a secret.
    pub(super) fn block(&self) -> String {
        let mut text = format!("{PINGS}\nleafnodes {{\n");
        // Writing into a text does not fail.
        match self {
            Self::Listen { address, tls } => {
                let _ = writeln!(text, "  listen: {}", quoted(&address.to_string()));
                if let Some((certificate, key)) = tls {
                    let (certificate, key) = (certificate.display(), key.display());
                    let _ = writeln!(
                        text,
                        "  tls {{ cert_file: {}, key_file: {} }}",
                        quoted(&certificate.to_string()),
                        quoted(&key.to_string())
                    );
                }
            }
            Self::Remote { urls, seed, authority, .. } => {
                let urls: Vec<_> = urls.iter().map(|url| quoted(url)).collect();
                let apart: Vec<_> = KEPT_APART.iter().map(|subject| quoted(subject)).collect();
                let apart = apart.join(", ");
                let _ = writeln!(text, "  reconnect: {RECONNECT}\n  remotes: [ {{");
                let _ = writeln!(text, "    urls: [ {} ]", urls.join(", "));
                let _ = writeln!(text, "    nkey: {}", quoted(seed.secret()));
                let _ = writeln!(text, "    deny_imports: [ {apart} ]");
                let _ = writeln!(text, "    deny_exports: [ {apart} ]");
                if let Some(authority) = authority {
                    let authority = quoted(&authority.display().to_string());
                    let _ = writeln!(text, "    tls {{ ca_file: {authority} }}");
                }
                text += "  } ]\n";
            }
        }
        text += "}\n";
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_center_connects_with_its_seed_and_keeps_its_streams_to_itself() {
        let seed = Seed::draw().unwrap();
        let leaf = Leaf::Remote {
            center: "donghuashi".parse().unwrap(),
            urls: vec!["tls://bus-1:7422".to_owned(), "tls://bus-2:7422".to_owned()],
            seed: seed.clone(),
            authority: Some(PathBuf::from("/etc/ca \"1\".crt")),
        };
        let block = leaf.block();
        assert_eq!(leaf.domain(), "donghuashi");
        for wanted in [
            r#"urls: [ "tls://bus-1:7422", "tls://bus-2:7422" ]"#,
            seed.secret(),
            r#"deny_imports: [ "case.>", "#,
            r#"deny_exports: [ "case.>", "#,
            r#"ca_file: "/etc/ca \"1\".crt""#,
        ] {
            assert!(block.contains(wanted), "{wanted} is not in {block}");
        }
    }

    #[test]
    fn a_district_listens_with_its_certificate() {
        let tls = Some((PathBuf::from("/a.crt"), PathBuf::from("/a.key")));
        let leaf = Leaf::Listen { address: ([0, 0, 0, 0], 7422).into(), tls };
        let block = leaf.block();
        assert!(block.contains(r#"listen: "0.0.0.0:7422""#), "{block}");
        assert!(block.contains(r#"cert_file: "/a.crt", key_file: "/a.key""#), "{block}");
        assert_ne!(leaf.domain(), "");
    }
}
