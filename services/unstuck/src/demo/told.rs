//! Whether the history was told already, and up to when it goes.
//!
//! Invariant: the end of the history is fixed before its first event, so that a second telling gives the same
//! times.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use proto_events::Timestamp;
use serde::{Deserialize, Serialize};

/// A history that is still to be told.
#[derive(Debug)]
pub(super) struct Told {
    path: PathBuf,
    mark: Mark,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Mark {
    until: Timestamp,
    complete: bool,
}

impl Told {
    /// Says what is to be told: `None` when it was told, or when the district has a history of its own.
    pub(super) fn to_tell(
        data: &Path,
        is_empty: bool,
        now: Timestamp,
    ) -> anyhow::Result<Option<Self>> {
        let path = data.join("demo.json");
        match std::fs::read(&path) {
            Ok(bytes) => {
                let mark: Mark = serde_json::from_slice(&bytes)
                    .with_context(|| format!("{} cannot be read", path.display()))?;
                Ok((!mark.complete).then_some(Self { path, mark }))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if !is_empty {
                    tracing::info!("the district has a history of its own; the demo adds none");
                    return Ok(None);
                }
                let told = Self { path, mark: Mark { until: now, complete: false } };
                told.write(&told.mark)?;
                Ok(Some(told))
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// The end of the history.
    pub(super) fn until(&self) -> Timestamp {
        self.mark.until
    }

    /// Writes down that all was told.
    pub(super) fn complete(self) -> anyhow::Result<()> {
        self.write(&Mark { complete: true, ..self.mark.clone() })
    }

    fn write(&self, mark: &Mark) -> anyhow::Result<()> {
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, serde_json::to_vec(mark)?)
            .and_then(|()| std::fs::rename(&beside, &self.path))
            .with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_telling_that_was_cut_goes_on_with_the_same_end_and_a_complete_one_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |text: &str| Timestamp::parse_from_rfc3339(text).unwrap();
        let first = at("2026-03-02T09:00:00+08:00");
        let told = Told::to_tell(folder.path(), true, first).unwrap().unwrap();
        assert_eq!(told.until(), first);
        let later = at("2026-03-02T10:00:00+08:00");
        let again = Told::to_tell(folder.path(), false, later).unwrap().unwrap();
        assert_eq!(again.until(), first);
        again.complete().unwrap();
        assert!(Told::to_tell(folder.path(), false, later).unwrap().is_none());
    }

    #[test]
    fn a_district_with_events_of_its_own_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::parse_from_rfc3339("2026-03-02T09:00:00+08:00").unwrap();
        assert!(Told::to_tell(folder.path(), false, now).unwrap().is_none());
        assert!(!folder.path().join("demo.json").exists());
    }
}
