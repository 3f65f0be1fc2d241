//! From flags and variables to checked settings, one reader per kind of command.
//!
//! Invariants: nothing is started here; all faults are collected before any is said; logs are set up last, when
//! the settings are known to be right.

mod center;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use chrono::NaiveDate;
use desk::District;
use portal::ApiUrl;
use runtime::clock::{SharedClock, ShiftedClock, SystemClock};
use runtime::http::TrustedProxies;
use runtime::nats_server::Leaf;
use runtime::seeds::{Seed, seed_file};
use runtime::settings::{
    Settings, existing_file, folder, instant, listen_address, nats_url, whole_number,
};
use runtime::telemetry::{self, FILTER_DEFAULT, LogFormat};
use runtime::vault::{MASTER_KEY_VARIABLE, MasterKey};

use crate::bus::users;
use crate::bus::ways::{RemoteBus, told};
use crate::cli::{
    BusArguments, DoctorArguments, PlaceArguments, PortalArguments, ServiceArguments,
    SimulateArguments, UpArguments,
};
use crate::join::JOIN_FILE;
use crate::single::Service;

pub(crate) use center::{CenterOwn, Enroll, center};

/// Every variable of the product; one that stands here is never called unknown, whatever the command.
const VARIABLES: &[&str] = &[
    MASTER_KEY_VARIABLE,
    "UNSTUCK_API_URL",
    "UNSTUCK_CLOCK_START",
    "UNSTUCK_DATA",
    "UNSTUCK_DISTRICT",
    "UNSTUCK_JOIN",
    "UNSTUCK_LEAF_CERTIFICATE",
    "UNSTUCK_LEAF_KEY",
    "UNSTUCK_LEAF_LISTEN",
    "UNSTUCK_LISTEN",
    "UNSTUCK_LOG",
    "UNSTUCK_LOG_FORMAT",
    "UNSTUCK_NATS_CA",
    "UNSTUCK_NATS_SEEDS",
    "UNSTUCK_NATS_SERVER",
    "UNSTUCK_NATS_URL",
    "UNSTUCK_REPLICAS",
    "UNSTUCK_TRUSTED_PROXIES",
];

/// A tool says what it found, not how it went there.
pub(crate) const FILTER_OF_TOOLS: &str = "warn,runtime::connect=error,async_nats=off";

const DATA_DEFAULT: &str = "unstuck-data";
const LISTEN_DEFAULT: ([u8; 4], u16) = ([127, 0, 0, 1], 8420);

/// Most cases of one simulation: ten million events, more than any district has in a century.
const CASES_MAX: u64 = 1_000_000;

/// The name of the master key's file in the data folder.
pub(crate) const MASTER_KEY_FILE: &str = "master.key";

/// What `up` runs with.
pub(crate) struct Up {
    pub(crate) data: PathBuf,
    pub(crate) district: Arc<District>,
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) remote_bus: Option<RemoteBus>,
    pub(crate) nats_server: Option<PathBuf>,
    pub(crate) replicas: usize,
    /// Where centers connect.
    pub(crate) leaf: Option<Leaf>,
    pub(crate) demo: bool,
    pub(crate) clock: SharedClock,
}

/// What one service runs with.
pub(crate) struct Single {
    pub(crate) data: PathBuf,
    pub(crate) district: Arc<District>,
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) remote_bus: RemoteBus,
    pub(crate) replicas: usize,
}

/// What the pages alone run with.
pub(crate) struct Pages {
    pub(crate) api_url: ApiUrl,
    pub(crate) listen: std::net::SocketAddr,
    pub(crate) trusted_proxies: TrustedProxies,
}

/// What a simulation tells, and where.
pub(crate) struct Simulate {
    pub(crate) place: Place,
    pub(crate) district: Arc<District>,
    pub(crate) replicas: usize,
    pub(crate) seed: u64,
    pub(crate) from: Option<NaiveDate>,
    pub(crate) to: Option<NaiveDate>,
    pub(crate) cases: Option<u64>,
    pub(crate) append: bool,
}

/// Where a tool works.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) data: PathBuf,
    pub(crate) remote_bus: Option<RemoteBus>,
    pub(crate) nats_server: Option<PathBuf>,
}

pub(crate) fn up(arguments: UpArguments, log_format: Option<String>) -> anyhow::Result<Up> {
    let mut reader = Reader::new();
    let data = reader.data(arguments.data);
    if data.join(JOIN_FILE).is_file() {
        let problem =
            format!("{} belongs to a center: start it with `unstuck center`", data.display());
        reader.0.fault("--data", problem);
    }
    let district = reader.district(arguments.district);
    let listen = reader.listen(arguments.listen);
    let trusted_proxies = reader.trusted_proxies(arguments.trusted_proxies);
    let BusArguments { nats_url: url, nats_seeds, nats_ca } = arguments.bus;
    let url = reader.0.optional("nats-url", url, nats_url);
    let remote_bus = reader.remote_bus(url, nats_seeds, nats_ca, &users::NAMES);
    let nats_server = reader.0.optional("nats-server", arguments.nats_server, existing_file);
    let replicas = reader.replicas(arguments.replicas);
    let leaf = reader.leaf(
        arguments.leaf_listen,
        arguments.leaf_certificate,
        arguments.leaf_key,
        remote_bus.is_some(),
    );
    let clock_start = reader.0.optional("clock-start", arguments.clock_start, instant);
    if remote_bus.is_some() && clock_start.is_some() {
        let problem = "cannot be used with --nats-url: others on that bus have the right time";
        reader.0.fault("--clock-start", problem);
    }
    if remote_bus.is_some() && nats_server.is_some() {
        reader.0.fault("--nats-server", "cannot be used with --nats-url: that bus runs already");
    }
    if let Some(district) = district.as_ref().filter(|_| arguments.demo) {
        for missing in crate::demo::missing_in(district) {
            reader
                .0
                .fault("--demo", format!("tells of {missing}, which the district does not have"));
        }
    }
    reader.finish(log_format, FILTER_DEFAULT)?;
    let clock = clock_from(clock_start);
    Ok(Up {
        data,
        district: Arc::new(district.context("the district was read")?),
        listen,
        trusted_proxies,
        remote_bus,
        nats_server,
        replicas,
        leaf,
        demo: arguments.demo,
        clock,
    })
}

fn clock_from(start: Option<proto_events::Timestamp>) -> SharedClock {
    match start {
        Some(start) => Arc::new(ShiftedClock::starting_at(start.to_utc())),
        None => Arc::new(SystemClock),
    }
}

pub(crate) fn single(
    service: Service,
    arguments: ServiceArguments,
    log_format: Option<String>,
) -> anyhow::Result<Single> {
    let mut reader = Reader::new();
    let data = reader.data(arguments.data);
    let district = reader.district(arguments.district);
    let listen = reader.listen(arguments.listen);
    let trusted_proxies = reader.trusted_proxies(arguments.trusted_proxies);
    let BusArguments { nats_url: url, nats_seeds, nats_ca } = arguments.bus;
    let url = reader.0.required("nats-url", url, nats_url);
    let remote_bus = reader.remote_bus(url, nats_seeds, nats_ca, &service.users());
    let replicas = reader.replicas(arguments.replicas);
    reader.master_key(&data);
    reader.finish(log_format, FILTER_DEFAULT)?;
    Ok(Single {
        data,
        district: Arc::new(district.context("the district was read")?),
        listen,
        trusted_proxies,
        remote_bus: remote_bus.context("the address was read")?,
        replicas,
    })
}

pub(crate) fn pages(
    arguments: PortalArguments,
    log_format: Option<String>,
) -> anyhow::Result<Pages> {
    let mut reader = Reader::new();
    let listen = reader.listen(arguments.listen);
    let trusted_proxies = reader.trusted_proxies(arguments.trusted_proxies);
    let api_url = reader.0.required("api-url", arguments.api_url, |text| {
        text.parse::<ApiUrl>().map_err(|error| format!("{text:?} {error}"))
    });
    reader.finish(log_format, FILTER_DEFAULT)?;
    Ok(Pages { api_url: api_url.context("the address was read")?, listen, trusted_proxies })
}

pub(crate) fn tool(arguments: PlaceArguments, log_format: Option<String>) -> anyhow::Result<Place> {
    let mut reader = Reader::new();
    let place = reader.place(arguments);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    Ok(place)
}

/// As [`tool`], for the one that wraps all keys anew, which nobody may make meanwhile: on a bus that runs elsewhere nobody
/// could know.
pub(crate) fn rotation(
    arguments: PlaceArguments,
    log_format: Option<String>,
) -> anyhow::Result<(Place, District)> {
    let mut reader = Reader::new();
    let place = reader.place(arguments);
    let district = reader.district(None);
    if place.remote_bus.is_some() {
        let problem = "cannot be used here: keys are rotated with no service running, which nobody can \
            know of a bus that runs elsewhere";
        reader.0.fault("--nats-url", problem);
    }
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    Ok((place, district.context("the district was read")?))
}

pub(crate) fn doctor(
    arguments: DoctorArguments,
    log_format: Option<String>,
) -> anyhow::Result<(Place, District)> {
    let mut reader = Reader::new();
    let place = reader.place(arguments.place);
    let district = reader.district(arguments.district);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    Ok((place, district.context("the district was read")?))
}

pub(crate) fn simulate(
    arguments: SimulateArguments,
    log_format: Option<String>,
) -> anyhow::Result<Simulate> {
    let mut reader = Reader::new();
    let place = reader.place(arguments.place);
    let district = reader.district(arguments.district);
    let replicas = reader.replicas(arguments.replicas);
    let seed = reader.0.or_default("seed", arguments.seed, 1, whole_number(0, u64::MAX));
    let from = reader.0.optional("from", arguments.from, date);
    let to = reader.0.optional("to", arguments.to, date);
    let cases = reader.0.optional("cases", arguments.cases, whole_number(1, CASES_MAX));
    if place.remote_bus.is_some() {
        reader.master_key(&place.data);
    }
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let district = Arc::new(district.context("the district was read")?);
    let append = arguments.append;
    Ok(Simulate { place, district, replicas, seed, from, to, cases, append })
}

/// A folder that is there.
fn existing_folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err(format!("there is no folder {text:?}")) }
}

/// A file with at least one certificate in it.
fn certificates(text: &str) -> Result<PathBuf, String> {
    let path = existing_file(text)?;
    let held = std::fs::read_to_string(&path).map_err(|error| format!("{text:?}: {error}"))?;
    match held.contains("-----BEGIN CERTIFICATE-----") {
        true => Ok(path),
        false => Err(format!("{text:?} has no certificate in PEM")),
    }
}

/// Reads a date.
fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| format!("{text:?} is no date such as 2026-03-31"))
}

/// Reads settings that several commands share.
pub(crate) struct Reader(pub(crate) Settings);

impl Reader {
    pub(crate) fn new() -> Self {
        let mut settings = Settings::of_environment();
        for variable in VARIABLES {
            settings.is_read_elsewhere(variable);
        }
        Self(settings)
    }

    fn data(&mut self, flag: Option<String>) -> PathBuf {
        self.0.or_default("data", flag, PathBuf::from(DATA_DEFAULT), folder)
    }

    fn listen(&mut self, flag: Option<String>) -> std::net::SocketAddr {
        self.0.or_default("listen", flag, LISTEN_DEFAULT.into(), listen_address)
    }

    fn trusted_proxies(&mut self, flag: Option<String>) -> TrustedProxies {
        self.0.or_default("trusted-proxies", flag, TrustedProxies::default(), str::parse)
    }

    fn replicas(&mut self, flag: Option<String>) -> usize {
        let replicas = self.0.or_default("replicas", flag, 1, whole_number(1, 5));
        usize::try_from(replicas).unwrap_or(1)
    }

    /// Reads the district; every fault of its file is one of the settings.
    pub(crate) fn district(&mut self, flag: Option<String>) -> Option<District> {
        let path = self.0.optional("district", flag, |text| {
            // The district file says what is wrong with itself; here only whether there is one.
            existing_file(text).map(Some)
        });
        match District::load(path.flatten().as_deref()) {
            Ok(district) => {
                if district.oidc.is_some() && !cfg!(feature = "oidc") {
                    let problem = "oidc: this program was built without sign-in with an identity \
                        provider; build it with --features oidc, or leave [oidc] out";
                    self.0.fault("district", problem);
                }
                Some(district)
            }
            Err(faults) => {
                for fault in faults {
                    self.0.fault("district", fault);
                }
                None
            }
        }
    }

    /// Reads how to get onto a bus that runs elsewhere, and whether each of these users can.
    fn remote_bus(
        &mut self,
        url: Option<String>,
        seeds: Option<String>,
        authority: Option<String>,
        users: &[&str],
    ) -> Option<RemoteBus> {
        let seeds = self.0.optional("nats-seeds", seeds, existing_folder);
        let authority = self.0.optional("nats-ca", authority, certificates);
        for (setting, is_there) in
            [("--nats-seeds", seeds.is_some()), ("--nats-ca", authority.is_some())]
        {
            if is_there && url.is_none() {
                self.0.fault(setting, "needs --nats-url: the managed bus has users of its own");
            }
        }
        if seeds.is_some() && url.as_ref().is_some_and(|url| url.contains('@')) {
            let problem = "cannot be used with a user in --nats-url: one of the two says who comes";
            self.0.fault("--nats-seeds", problem);
        }
        for user in users {
            let seed = seeds.as_ref().map(|folder| Seed::read(&seed_file(folder, user)));
            if let Some(Err(error)) = seed {
                self.0.fault("--nats-seeds", told(&error));
            }
        }
        Some(RemoteBus { url: url?, seeds, authority })
    }

    /// A key that was made here would be another than that of the other services.
    fn master_key(&mut self, data: &Path) {
        if !MasterKey::is_there(&data.join(MASTER_KEY_FILE)) {
            let problem = format!(
                "is missing; set it, or name with --data the folder that has the site's {MASTER_KEY_FILE}"
            );
            self.0.fault(MASTER_KEY_VARIABLE, problem);
        }
    }

    pub(crate) fn place(&mut self, arguments: PlaceArguments) -> Place {
        let PlaceArguments { data, bus: BusArguments { nats_url: url, nats_seeds, nats_ca } } =
            arguments;
        let url = self.0.optional("nats-url", url, nats_url);
        Place {
            data: self.data(data),
            // Which users a tool comes as shows when it comes.
            remote_bus: self.remote_bus(url, nats_seeds, nats_ca, &[]),
            nats_server: self.0.optional("nats-server", None, existing_file),
        }
    }

    /// Ends the reading: says all faults, or sets up the logs.
    pub(crate) fn finish(mut self, log_format: Option<String>, filter: &str) -> anyhow::Result<()> {
        let format = self.0.or_default("log-format", log_format, LogFormat::Text, |text| {
            text.parse().map_err(|_| format!("{text:?} is neither text nor json"))
        });
        let filter = self.0.or_default("log", None, filter.to_owned(), |text| {
            telemetry::filter(text).map(|_| text.to_owned()).map_err(|error| error.to_string())
        });
        self.0.refuse_unknown_variables();
        self.0.finish()?;
        telemetry::init(format, &filter)?;
        Ok(())
    }
}
