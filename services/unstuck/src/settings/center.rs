//! The settings of what has to do with centers that have a server of their own.
//!
//! Invariant: beyond this machine nothing is said in clear, whichever end says where the other is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use desk::District;
use desk::district::AtCenter;
use portal::ApiUrl;
use proto_events::ids::{CenterId, DistrictId};
use runtime::clock::SharedClock;
use runtime::http::TrustedProxies;
use runtime::nats_server::Leaf;
use runtime::settings::{existing_file, instant, listen_address};
use runtime::telemetry::FILTER_DEFAULT;

use super::{FILTER_OF_TOOLS, Place, Reader, certificates, clock_from};
use crate::cli::{CenterArguments, EnrollArguments};
use crate::join::{Hub, JOIN_FILE, Join, hub_url};

/// What a center runs with.
pub(crate) struct CenterOwn {
    pub(crate) data: PathBuf,
    pub(crate) district: Arc<District>,
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) nats_server: Option<PathBuf>,
    pub(crate) clock: SharedClock,
    pub(crate) join: Join,
    pub(crate) is_recovering: bool,
}

pub(crate) fn center(
    arguments: CenterArguments,
    log_format: Option<String>,
) -> anyhow::Result<CenterOwn> {
    let mut reader = Reader::new();
    let data = reader.data(arguments.data);
    let district = reader.district(arguments.district);
    let listen = reader.listen(arguments.listen);
    let trusted_proxies = reader.trusted_proxies(arguments.trusted_proxies);
    let nats_server = reader.0.optional("nats-server", arguments.nats_server, existing_file);
    let clock_start = reader.0.optional("clock-start", arguments.clock_start, instant);
    let join = reader.join(arguments.join, &data, district.as_ref());
    reader.finish(log_format, FILTER_DEFAULT)?;
    let join = join.context("the file was read")?;
    let mut district = district.context("the district was read")?;
    let (center, public_url) = (join.center.clone(), join.public_url.clone());
    district.at_center = Some(AtCenter { center, public_url });
    Ok(CenterOwn {
        data,
        district: Arc::new(district),
        listen,
        trusted_proxies,
        nats_server,
        clock: clock_from(clock_start),
        join,
        is_recovering: arguments.recover,
    })
}

/// A center that is enrolled or revoked.
pub(crate) struct Enroll {
    pub(crate) place: Place,
    pub(crate) district: DistrictId,
    pub(crate) center: CenterId,
    /// How it reaches the district, and the file to write; none: it is revoked.
    pub(crate) wanted: Option<(Hub, PathBuf)>,
}

impl Enroll {
    pub(crate) fn read(
        arguments: EnrollArguments,
        log_format: Option<String>,
    ) -> anyhow::Result<Self> {
        let mut reader = Reader::new();
        let place = reader.place(arguments.place);
        let district = reader.district(arguments.district);
        let center = reader.0.required("center", Some(arguments.center), |text| {
            let id = text.parse::<CenterId>().ok();
            let rules = district.as_ref().map(|district| &district.rules);
            id.filter(|id| rules.is_none_or(|rules| rules.centers.contains_key(id)))
                .ok_or_else(|| format!("{text:?} is no center of the district file"))
        });
        let urls = reader.0.optional("hub", arguments.hub, hub_urls);
        let authority = reader.0.optional("hub-ca", arguments.hub_ca, certificates);
        let public_url = reader.0.optional("public-url", arguments.public_url, |text| {
            text.parse::<ApiUrl>()
                .map(|_| text.trim_end_matches('/').to_owned())
                .map_err(|error| format!("{text:?} {error}"))
        });
        reader.finish(log_format, FILTER_OF_TOOLS)?;
        let authority = authority.map(std::fs::read_to_string).transpose()?;
        let hub = urls.map(|urls| Hub { urls, authority, public_url });
        Ok(Self {
            place,
            district: district.context("the district was read")?.rules.district.clone(),
            center: center.context("the center was read")?,
            wanted: hub.zip(arguments.out),
        })
    }
}

/// Reads where centers connect, comma between them.
fn hub_urls(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(str::trim).map(hub_url).collect()
}

impl Reader {
    /// Reads where centers connect. Beyond this machine nothing is said in clear.
    pub(super) fn leaf(
        &mut self,
        listen: Option<String>,
        certificate: Option<String>,
        key: Option<String>,
        is_remote: bool,
    ) -> Option<Leaf> {
        let address = self.0.optional("leaf-listen", listen, listen_address);
        let certificate = self.0.optional("leaf-certificate", certificate, certificates);
        let key = self.0.optional("leaf-key", key, existing_file);
        let alone = certificate.is_some() != key.is_some();
        if alone {
            self.0.fault("--leaf-certificate", "and --leaf-key belong together");
        }
        let Some(address) = address else {
            if certificate.is_some() || key.is_some() {
                self.0.fault("--leaf-certificate", "needs --leaf-listen");
            }
            return None;
        };
        if is_remote {
            let problem =
                "cannot be used with --nats-url: that bus says itself where centers connect";
            self.0.fault("--leaf-listen", problem);
        }
        if address.port() == 0 {
            self.0.fault("--leaf-listen", "needs a port: centers have to find it again");
        }
        if !address.ip().is_loopback() && certificate.is_none() && !alone {
            let problem = format!(
                "{address} is beyond this machine, and needs --leaf-certificate and --leaf-key"
            );
            self.0.fault("--leaf-listen", problem);
        }
        Some(Leaf::Listen { address, tls: certificate.zip(key) })
    }

    /// Reads the file with which a center joins, from where it is named or kept.
    fn join(
        &mut self,
        flag: Option<String>,
        data: &Path,
        district: Option<&District>,
    ) -> Option<Join> {
        let named = self.0.optional("join", flag, existing_file);
        let kept = data.join(JOIN_FILE);
        let path = match named {
            Some(path) => path,
            None if kept.is_file() => kept,
            None => {
                let problem = "is missing: the file that `unstuck enroll` wrote for this center";
                self.0.fault("--join", problem);
                return None;
            }
        };
        match Join::read(&path).and_then(|join| join.fits(data, district).map(|()| join)) {
            Ok(join) => Some(join),
            Err(problem) => {
                self.0.fault("--join", problem);
                None
            }
        }
    }
}
