//! The one master key of a site: found where it is kept, made only for a site that has nothing yet, and held against the
//! log.
//!
//! Invariant: a process that has no key, or another than the one with which its log was signed, does not start. A key that
//! was made in silence beside an old log would open nobody's data, and would seal what comes from now on apart.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_nats::jetstream::Context;
use chrono::{DateTime, Utc};
use proto_events::envelope::header;
use proto_events::ids::DistrictId;
use proto_events::subject::{AUDIT_STREAM, CASES_STREAM};

use super::{MASTER_KEY_VARIABLE, MasterKey, MasterKeyError, Vault};
use crate::audit::{AuditLine, SignedAudit};
use crate::kv::KvError;
use crate::log::jetstream::JetStreamLog;
use crate::log::{EventLog as _, LogError};

/// The newest lines of the audit that are searched for a signed one; tools leave few without.
const LINES_SEARCHED: u64 = 1_000;

/// How long is waited for a claim to be seen, each time.
const CLAIM_PAUSES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_secs(2),
];

/// Why a site has no master key.
#[derive(Debug, thiserror::Error)]
pub enum CustodyError {
    /// It cannot be read or made.
    #[error(transparent)]
    Key(#[from] MasterKeyError),
    /// It is nowhere, and the log says that there was one.
    #[error(
        "{path} is missing, and so is {MASTER_KEY_VARIABLE}; this log was written with the key whose fingerprint begins \
         with {wanted}: put it back, nothing else opens the personal data"
    )]
    Lost {
        /// Where it was looked for.
        path: PathBuf,
        /// What is known of it.
        wanted: String,
    },
    /// It is another than that of the log.
    #[error(
        "the master key {found} is not the one of this log, whose fingerprint begins with {wanted}; put that one in {path}, or \
         name its own data folder"
    )]
    Wrong {
        /// Where it was looked for.
        path: PathBuf,
        /// The fingerprint of the key that is there.
        found: String,
        /// What is known of the right one.
        wanted: String,
    },
    /// It is from before a rotation.
    #[error(
        "the master key {found} lacks the wrapping key under which the keys of cases stand since they were rotated: put the \
         file back that `unstuck keys rotate` wrote"
    )]
    BeforeRotation {
        /// The fingerprint of the key that is there.
        found: String,
    },
    /// The bus did not take, or does not show, what claims it.
    #[error("the bus could not be claimed for this master key")]
    Unclaimed,
    /// The bucket does not say under which wrapping key its keys stand.
    #[error("the keys of cases could not be asked for their wrapping key")]
    Keys(#[from] KvError),
    /// The log does not say under which key it was written.
    #[error("the log could not be asked for its key")]
    Log(#[from] LogError),
}

impl CustodyError {
    /// Whether a person has to set something right, as opposed to a bus that does not answer.
    #[must_use]
    pub const fn is_of_the_settings(&self) -> bool {
        !matches!(self, Self::Log(_) | Self::Keys(_) | Self::Unclaimed)
    }
}

/// Takes the key of the site whose log stands on a bus; makes it at `path` for a site that has no events yet.
///
/// # Errors
/// See [`CustodyError`].
pub async fn of_site(js: &Context, path: &Path) -> Result<MasterKey, CustodyError> {
    let wanted = key_of_log(js).await?;
    let lost = |wanted: String| CustodyError::Lost { path: path.to_owned(), wanted };
    let Some(key) = MasterKey::load(path)? else {
        return match wanted {
            Some(wanted) => Err(lost(wanted)),
            None if has_cases(js).await? => Err(lost("an unknown digit".to_owned())),
            None => Ok(MasterKey::load_or_create(path)?),
        };
    };
    match wanted {
        Some(wanted) if key.event_key().id() != wanted => {
            Err(CustodyError::Wrong { path: path.to_owned(), found: key.fingerprint(), wanted })
        }
        _ => Ok(key),
    }
}

/// Claims a bus that has no events yet for the key of this process, so that of several that start on it at once, each with
/// a key of its own, one alone goes on: what the others would seal nobody could open. On a bus that has a key already it is
/// held against that.
///
/// # Errors
/// [`CustodyError::Wrong`] when another key was faster; else that the bus does not answer.
pub async fn claim(
    js: &Context,
    key: &MasterKey,
    path: &Path,
    district: &DistrictId,
    at: DateTime<Utc>,
) -> Result<(), CustodyError> {
    let mut wanted = key_of_log(js).await?;
    for pause in CLAIM_PAUSES {
        if wanted.is_some() {
            break;
        }
        let log = JetStreamLog::open(js.clone(), AUDIT_STREAM).await?;
        let mut line = AuditLine::new("custody", "bus_claimed");
        line.at = at;
        // Of two lines that expect the same end the bus takes one; which, is read below.
        let audit = SignedAudit::new(js.clone(), key.event_key());
        let claimed = audit.store_behind(log.head().await?.last_sequence, district, &line).await;
        if let Err(error) = claimed {
            tracing::debug!(error = &error as &dyn std::error::Error, "somebody else was faster");
        }
        // A replica may show it a moment later.
        tokio::time::sleep(pause).await;
        wanted = key_of_log(js).await?;
    }
    match wanted {
        None => Err(CustodyError::Unclaimed),
        Some(wanted) if key.event_key().id() != wanted => {
            Err(CustodyError::Wrong { path: path.to_owned(), found: key.fingerprint(), wanted })
        }
        Some(_) => Ok(()),
    }
}

/// Says no to a master key from before a rotation, for whoever comes to the keys of cases: he would open nobody, and seal
/// what comes apart.
///
/// # Errors
/// See [`CustodyError`].
pub async fn hold_against_keys(vault: &Vault) -> Result<(), CustodyError> {
    match vault.has_wrapping_key().await? {
        true => Ok(()),
        false => Err(CustodyError::BeforeRotation { found: vault.master.fingerprint() }),
    }
}

/// The id of the key that signed the newest line of the audit; `None` when no line is signed.
async fn key_of_log(js: &Context) -> Result<Option<String>, LogError> {
    let log = JetStreamLog::open(js.clone(), AUDIT_STREAM).await?;
    let end = log.head().await?.last_sequence;
    let from = end.saturating_sub(LINES_SEARCHED) + 1;
    if end == 0 {
        return Ok(None);
    }
    let lines = log.stretch(from, usize::try_from(LINES_SEARCHED).unwrap_or(usize::MAX)).await?;
    let id = |mac: &str| mac.split('.').nth(1).map(str::to_owned);
    Ok(lines.iter().rev().filter_map(|line| line.headers.get(header::MAC)).find_map(id))
}

async fn has_cases(js: &Context) -> Result<bool, LogError> {
    let log = JetStreamLog::open(js.clone(), CASES_STREAM).await?;
    Ok(log.head().await?.last_sequence > 0)
}
