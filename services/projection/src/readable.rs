//! What an earlier version could not read, and this one can.
//!
//! A newer version writes events that an older one sets aside. When the newer one comes, or comes back, what is in quarantine
//! is looked at once more at the start, and a view that lacks what can be read by now is built anew. Invariant: what still
//! cannot be read stays where it is, and costs no view.

use runtime::log::{EventLog, Freshness, LogError, Recorded};

use crate::fold::Quarantined;

/// As many are looked at; where more wait, one of the first is of the kind that was learned, or none is.
pub(crate) const LOOKED_AT_MAX: usize = 200;

/// Whether one of these can be read by now.
///
/// # Errors
/// When the log does not answer.
pub(crate) async fn any(
    log: &dyn EventLog,
    quarantined: &[Quarantined],
    is_readable: impl Fn(&Recorded) -> bool,
) -> Result<bool, LogError> {
    for one in quarantined {
        // A subject that is none of ours may have any length; nothing on it can be read either.
        let events = match log.load(&one.subject, Freshness::Any).await {
            Err(LogError::TooLong { .. }) => continue,
            events => events?,
        };
        let stored = events.iter().find(|event| event.sequence == one.sequence);
        if stored.is_some_and(&is_readable) {
            return Ok(true);
        }
    }
    Ok(false)
}
