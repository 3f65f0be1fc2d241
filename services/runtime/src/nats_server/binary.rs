//! Finding a program that fits.
//!
//! Invariant: a program is used only after it has said its version itself.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio::process::Command;

use super::{NatsServerConfig, NatsServerError, fetch};

/// A version of the server, without what follows a dash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Patch.
    pub patch: u32,
}

/// The oldest version that fits: atomic batches came with it.
pub const VERSION_MIN: Version = Version { major: 2, minor: 12, patch: 0 };

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl FromStr for Version {
    type Err = ();

    /// Reads `2.15.1`, `v2.15.1`, `2.15.1-dev` and `nats-server: v2.15.1`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.trim().rsplit(' ').next().unwrap_or_default().trim_start_matches('v');
        let plain = number.split('-').next().unwrap_or_default();
        let mut parts = plain.split('.').map(|part| part.parse().map_err(|_| ()));
        let mut part = || parts.next().unwrap_or(Err(()));
        Ok(Self { major: part()?, minor: part()?, patch: part()? })
    }
}

/// Finds a program: the one that was named, or the first fitting one of `PATH`, the data folder and the cache;
/// fetches the pinned one otherwise.
pub(super) async fn find(config: &NatsServerConfig) -> Result<(PathBuf, Version), NatsServerError> {
    if let Some(path) = &config.binary {
        let found = version_of(path)
            .await
            .map_err(|reason| NatsServerError::BinaryUnusable { path: path.clone(), reason })?;
        if found < VERSION_MIN {
            return Err(NatsServerError::BinaryTooOld { path: path.clone(), found });
        }
        return Ok((path.clone(), found));
    }
    let in_data = config.data.join("bin");
    let cache = cache_folder().unwrap_or_else(|| in_data.clone());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([in_data, cache.clone()]);
    for candidate in folders.map(|folder| folder.join("nats-server")) {
        if !candidate.is_file() {
            continue;
        }
        match version_of(&candidate).await {
            Ok(version) if version >= VERSION_MIN => return Ok((candidate, version)),
            Ok(version) => {
                tracing::info!(path = %candidate.display(), %version, "this nats-server is too old");
            }
            Err(reason) => {
                tracing::warn!(path = %candidate.display(), reason, "this nats-server does not run");
            }
        }
    }
    let fetched =
        fetch::fetch(&cache).await.map_err(|reason| NatsServerError::NotFetched { reason })?;
    let version = version_of(&fetched)
        .await
        .map_err(|reason| NatsServerError::BinaryUnusable { path: fetched.clone(), reason })?;
    Ok((fetched, version))
}

/// Where the fetched program is kept for all data folders of this person.
fn cache_folder() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
    base.is_absolute()
        .then(|| base.join("unstuck").join(format!("nats-server-{}", fetch::PINNED_VERSION)))
}

/// Asks a program for its version.
pub(super) async fn version_of(path: &Path) -> Result<Version, String> {
    let mut command = Command::new(path);
    command.arg("--version").kill_on_drop(true);
    let output = tokio::time::timeout(Duration::from_secs(10), command.output())
        .await
        .map_err(|_| "it does not say its version".to_owned())?
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.parse().map_err(|()| format!("it says {:?}", text.chars().take(80).collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_and_compared_as_numbers() {
        let read = |text: &str| text.parse::<Version>();
        assert_eq!(read("nats-server: v2.15.1\n"), Ok(Version { major: 2, minor: 15, patch: 1 }));
        assert!(read("2.9.25").unwrap() < VERSION_MIN);
        assert!(read("2.12.0-RC.1").unwrap() >= VERSION_MIN);
        assert!(read("Python 3").is_err());
    }
}
