//! The file with which a center joins its district: where the district is, as whom the center comes, and what it seals and signs
//! with.
//!
//! Invariants: it holds nothing of any other center and nothing from which the district's own keys follow; it is its owner's
//! only, at both ends; a data folder belongs to one center for ever.

use std::path::Path;

use desk::District;
use proto_events::ids::{CenterId, DistrictId};
use runtime::nats_server::Leaf;
use runtime::private_files;
use runtime::seeds::Seed;
use runtime::vault::MasterKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::settings::MASTER_KEY_FILE;

/// The name of the file in the data folder of a center.
pub(crate) const JOIN_FILE: &str = "join.json";

/// The certificates of the district's authority in the data folder of a center.
const AUTHORITY_FILE: &str = "district-ca.pem";

/// The only form that there is.
const FORMAT: u32 = 1;

/// What a center joins with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Join {
    format: u32,
    pub(crate) district: DistrictId,
    pub(crate) center: CenterId,
    /// Where the district's bus hears centers.
    hub: Vec<String>,
    /// The certificates of its authority (PEM).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
    /// The credential of the line.
    seed: Zeroizing<String>,
    /// The center's own master key.
    master_key: Zeroizing<String>,
    /// Where citizens reach the district's pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) public_url: Option<String>,
}

impl std::fmt::Debug for Join {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the secrets.
        f.debug_struct("Join").field("center", &self.center).finish_non_exhaustive()
    }
}

/// Reads an address where centers connect: nothing is said in clear beyond this machine.
pub(crate) fn hub_url(url: &str) -> Result<String, String> {
    let (scheme, rest) = url.split_once("://").ok_or_else(|| format!("{url:?} is no URL"))?;
    let host = rest.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    let is_host = |host: &str| {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-._[]:".contains(letter);
        !host.is_empty() && host.chars().all(is_plain)
    };
    let Some((host, _)) = host.filter(|(host, _)| is_host(host)) else {
        return Err(format!("{url:?} is not of the form tls://HOST:PORT"));
    };
    let is_here = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    match scheme {
        "tls" => Ok(url.to_owned()),
        "nats-leaf" if is_here => Ok(url.to_owned()),
        _ => Err(format!("{url:?}: only tls:// goes beyond this machine")),
    }
}

/// How a center reaches its district.
pub(crate) struct Hub {
    pub(crate) urls: Vec<String>,
    pub(crate) authority: Option<String>,
    pub(crate) public_url: Option<String>,
}

impl Join {
    /// Makes the file's content for a center.
    pub(crate) fn new(
        district: DistrictId,
        center: CenterId,
        hub: Hub,
        seed: &Seed,
        master_key: &MasterKey,
    ) -> Self {
        Self {
            format: FORMAT,
            district,
            hub: hub.urls,
            authority: hub.authority,
            seed: Zeroizing::new(seed.secret().to_owned()),
            master_key: master_key.of_center(&center).secret(),
            center,
            public_url: hub.public_url,
        }
    }

    /// Reads a file; says in a line what is wrong with it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let name = path.display();
        match private_files::is_private(path) {
            Ok(true) => {}
            Ok(false) => {
                return Err(format!(
                    "{name} can be read by others; allow only its owner (chmod 600)"
                ));
            }
            Err(error) => return Err(format!("{name}: {error}")),
        }
        let text = std::fs::read(path).map_err(|error| format!("{name}: {error}"))?;
        let text = Zeroizing::new(text);
        Self::of_bytes(&text).map_err(|why| format!("{name} {why}"))
    }

    /// Reads what stands in a file; the refusal quotes nothing of it.
    fn of_bytes(text: &[u8]) -> Result<Self, String> {
        // What serde says may quote a secret; where it is, is enough.
        let join: Self = serde_json::from_slice(text).map_err(|error| {
            format!("is no file that `unstuck enroll` wrote (line {})", error.line())
        })?;
        let is_whole = join.format == FORMAT
            && Seed::of_text(&join.seed).is_some()
            && MasterKey::of_hex(&join.master_key).is_some()
            && !join.hub.is_empty();
        if !is_whole {
            return Err("is damaged, or of a later version".to_owned());
        }
        match join.hub.iter().find_map(|url| hub_url(url).err()) {
            Some(why) => Err(format!("names a hub that will not do: {why}")),
            None => Ok(join),
        }
    }

    /// Writes it for its owner only.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let text = Zeroizing::new(serde_json::to_vec_pretty(self)?);
        private_files::write(path, &text)
    }

    /// Whether it is for this district and this data folder; says in a line why not.
    pub(crate) fn fits(&self, data: &Path, district: Option<&District>) -> Result<(), String> {
        if let Some(rules) = district.map(|district| &district.rules) {
            if rules.district != self.district {
                return Err(format!(
                    "is of the district {}, and the district file of {}",
                    self.district, rules.district
                ));
            }
            if !rules.centers.contains_key(&self.center) {
                return Err(format!("{} is no center of the district file", self.center));
            }
        }
        let kept = data.join(JOIN_FILE);
        if kept.is_file() {
            let kept = Self::read(&kept)?;
            if kept.center != self.center || *kept.master_key != *self.master_key {
                return Err(format!(
                    "is for {}, and {} belongs to {}: a center has a folder of its own",
                    self.center,
                    data.display(),
                    kept.center
                ));
            }
        } else if data.join(MASTER_KEY_FILE).exists() {
            return Err(format!("{} is the data folder of a district", data.display()));
        }
        Ok(())
    }

    /// Keeps it in the data folder, with the center's master key; gives how the server connects.
    pub(crate) fn settle(&self, data: &Path) -> std::io::Result<Leaf> {
        private_files::make_folder(data)?;
        // The key first: a folder with the file and without the key would take any.
        let line = Zeroizing::new(format!("{}\n", *self.master_key));
        private_files::make_once(&data.join(MASTER_KEY_FILE), line.as_bytes())?;
        self.write(&data.join(JOIN_FILE))?;
        let authority = match &self.authority {
            Some(certificates) => {
                let path = data.join(AUTHORITY_FILE);
                private_files::write(&path, certificates.as_bytes())?;
                Some(path.canonicalize()?)
            }
            None => None,
        };
        Ok(Leaf::Remote {
            center: self.center.clone(),
            urls: self.hub.clone(),
            seed: self.credential(),
            authority,
        })
    }

    /// The credential of the line.
    pub(crate) fn credential(&self) -> Seed {
        Seed::of_text(&self.seed).expect("it was read with the file")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn whole() -> Vec<u8> {
        let hub = Hub {
            urls: vec!["tls://bus.example:7422".to_owned(), "nats-leaf://[::1]:7422".to_owned()],
            authority: Some("-----BEGIN CERTIFICATE-----\n".to_owned()),
            public_url: Some("https://desk.example".to_owned()),
        };
        let (seed, key) = (Seed::draw().unwrap(), MasterKey::of_hex(&"a".repeat(64)).unwrap());
        let (district, center) = ("dongcheng".parse().unwrap(), "donghuashi".parse().unwrap());
        serde_json::to_vec_pretty(&Join::new(district, center, hub, &seed, &key)).unwrap()
    }

    /// A file with one field in place of its own.
    fn with(name: &str, value: serde_json::Value) -> Vec<u8> {
        let mut file: serde_json::Value = serde_json::from_slice(&whole()).unwrap();
        file[name] = value;
        serde_json::to_vec(&file).unwrap()
    }

    #[test]
    fn a_file_that_is_whole_is_read_and_one_that_leads_elsewhere_in_clear_is_not() {
        assert!(Join::of_bytes(&whole()).is_ok());
        for (name, value) in [
            ("hub", serde_json::json!([])),
            ("hub", serde_json::json!(["nats-leaf://bus.example:7422"])),
            ("hub", serde_json::json!(["tls://bus.example:7422", "ws://bus.example:80"])),
            ("hub", serde_json::json!(["tls://user:word@bus.example:7422"])),
            ("hub", serde_json::json!(["tls://bus.example\n:7422"])),
            ("format", serde_json::json!(2)),
            ("seed", serde_json::json!("SUSECRET")),
            ("master_key", serde_json::json!("a")),
            ("center", serde_json::json!("../elsewhere")),
            ("more", serde_json::json!(1)),
        ] {
            assert!(Join::of_bytes(&with(name, value.clone())).is_err(), "{name}: {value}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_with_a_reason(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            prop_assert!(!Join::of_bytes(&bytes).unwrap_err().is_empty());
        }

        #[test]
        fn a_file_that_was_changed_is_refused_or_safe_and_a_refusal_quotes_no_secret(
            place in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<bool>(),
        ) {
            let file = whole();
            let secrets: Join = serde_json::from_slice(&file).unwrap();
            let mut changed = file.clone();
            let at = place.index(file.len());
            match cut {
                true => changed.truncate(at),
                false => changed[at] = with,
            }
            match Join::of_bytes(&changed) {
                Ok(join) => {
                    prop_assert!(join.hub.iter().all(|url| hub_url(url).is_ok()));
                    prop_assert!(Seed::of_text(&join.seed).is_some());
                    let credential = join.credential();
                    prop_assert_eq!(credential.secret(), join.seed.trim());
                }
                Err(why) => {
                    let quotes = |secret: &str| why.contains(&secret[8..24]);
                    prop_assert!(!quotes(&secrets.seed) && !quotes(&secrets.master_key), "{}", why);
                }
            }
        }
    }
}
