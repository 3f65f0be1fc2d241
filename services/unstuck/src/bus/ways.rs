//! The ways of the users onto one bus: each over a line of its own, opened when it is first asked for.
//!
//! Invariant: services of one process share a line only where they come as the same user.

use std::collections::HashMap;
use std::path::PathBuf;

use async_nats::jetstream::Context;
use desk::Lines;
use runtime::connect::{Access, connect};
use runtime::nats_server::BusAddress;
use runtime::seeds::{Seed, SeedError, seed_file};
use runtime::settings::{Fault, Faults};
use tokio::sync::Mutex;

use super::users::{IDENTITY, KEYS, KEYS_READER};

/// A bus that runs elsewhere, and how to get onto it.
#[derive(Debug, Clone)]
pub(crate) struct RemoteBus {
    /// Its addresses, perhaps with a user and a password.
    pub(crate) url: String,
    /// The folder with the seeds of those who come from here.
    pub(crate) seeds: Option<PathBuf>,
    /// The certificates of its authority.
    pub(crate) authority: Option<PathBuf>,
}

/// Whose keys of cases a service needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeysOf {
    /// It makes and destroys them.
    Keeper,
    /// It opens what they seal.
    Reader,
    /// None at all.
    Nobody,
}

impl KeysOf {
    /// The user who comes for them.
    pub(crate) const fn user(self) -> Option<&'static str> {
        match self {
            Self::Keeper => Some(KEYS),
            Self::Reader => Some(KEYS_READER),
            Self::Nobody => None,
        }
    }
}

#[derive(Debug)]
enum Place {
    Remote(RemoteBus),
    /// The managed one of a data folder.
    Managed {
        address: Box<BusAddress>,
        data: PathBuf,
    },
}

/// The ways onto one bus.
#[derive(Debug)]
pub(crate) struct Ways {
    place: Place,
    /// By the name of the user; by none where all come as one.
    open: Mutex<HashMap<String, Context>>,
}

impl Ways {
    /// Onto a bus that runs elsewhere.
    pub(crate) fn to_remote(bus: RemoteBus) -> Self {
        Self { place: Place::Remote(bus), open: Mutex::default() }
    }

    /// Onto the managed bus of a data folder.
    pub(crate) fn to_managed(address: BusAddress, data: PathBuf) -> Self {
        let address = Box::new(address);
        Self { place: Place::Managed { address, data }, open: Mutex::default() }
    }

    /// Whether each user comes by itself.
    fn tells_users_apart(&self) -> bool {
        match &self.place {
            Place::Remote(bus) => bus.seeds.is_some(),
            Place::Managed { .. } => true,
        }
    }

    /// Whether this user can come from here; where all come as one, everybody can.
    pub(crate) fn knows(&self, user: &str) -> bool {
        !matches!(&self.place, Place::Remote(RemoteBus { seeds: Some(folder), .. })
            if !seed_file(folder, user).is_file())
    }

    /// Whether the bus lets a user in as he is known here now.
    pub(crate) async fn knows_now(&self, user: &str) -> bool {
        let Ok(access) = self.access(user) else { return false };
        match connect(&access, "unstuck-look").await {
            Ok(line) => line.client().drain().await.is_ok(),
            Err(_) => false,
        }
    }

    /// The line of a user; the same one every time.
    pub(crate) async fn line(&self, user: &str) -> anyhow::Result<Context> {
        let user = if self.tells_users_apart() { user } else { "" };
        let mut open = self.open.lock().await;
        if let Some(line) = open.get(user) {
            return Ok(line.clone());
        }
        let service =
            if user.is_empty() { "unstuck".to_owned() } else { format!("unstuck-{user}") };
        let line = connect(&self.access(user)?, &service).await?;
        open.insert(user.to_owned(), line.clone());
        Ok(line)
    }

    /// Every line that is open, by the name of its user.
    pub(crate) async fn open_lines(&self) -> Vec<(String, Context)> {
        let open = self.open.lock().await;
        let named = |user: &String| if user.is_empty() { "everybody" } else { user }.to_owned();
        let mut lines: Vec<_> =
            open.iter().map(|(user, line)| (named(user), line.clone())).collect();
        lines.sort_by(|one, other| one.0.cmp(&other.0));
        lines
    }

    /// Closes every line, after what is on its way: before the bus goes, so that nobody finds it gone.
    pub(crate) async fn close(&self) {
        for line in self.open.lock().await.drain().map(|(_, line)| line) {
            // One that is closed already has nothing on its way.
            let _ = line.client().drain().await;
        }
    }

    /// The lines of a service.
    pub(crate) async fn lines(&self, service: &str, keys: KeysOf) -> anyhow::Result<Lines> {
        let keys = match keys.user() {
            Some(user) => Some(self.line(user).await?),
            None => None,
        };
        Ok(Lines { service: self.line(service).await?, identity: self.line(IDENTITY).await?, keys })
    }

    fn access(&self, user: &str) -> anyhow::Result<Access> {
        match &self.place {
            Place::Managed { address, data } => Ok(address.access(data, user)?),
            Place::Remote(RemoteBus { url, seeds, authority }) => {
                let mut access = Access::of_url(url);
                if let Some(folder) = seeds {
                    let seed = Seed::read(&seed_file(folder, user)).map_err(fault)?;
                    access = access.with_seed(user, seed);
                }
                Ok(match authority {
                    Some(certificates) => access.with_authority(certificates.clone()),
                    None => access,
                })
            }
        }
    }
}

/// A seed that is missing or wrong is a fault of the settings, whenever it is noticed.
fn fault(error: SeedError) -> anyhow::Error {
    Faults(vec![Fault { setting: "--nats-seeds".to_owned(), problem: told(&error) }]).into()
}

/// An error of a seed in one line, with what the system said.
pub(crate) fn told(error: &SeedError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
