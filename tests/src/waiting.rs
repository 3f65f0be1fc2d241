//! Waiting on a condition, with a deadline.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The deadline of what should take a second or two, on a machine that is busy with other tests.
pub const SOON: Duration = Duration::from_secs(40);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`SOON`]; the message is `what`.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}

/// Waits until `look` finds something, and gives it.
///
/// # Panics
/// When it does not within [`SOON`]; the message is `what`.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < SOON, "not within {} s: {what}", SOON.as_secs());
        sleep(LOOK_EVERY);
    }
}

/// Looks again and again for `duration` whether `condition` still holds: the way to see that something
/// does *not* happen by itself.
///
/// # Panics
/// When it stops to hold; the message is `what`.
#[track_caller]
pub fn holds_for(duration: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while started.elapsed() < duration {
        assert!(condition(), "held no longer after {:?}: {what}", started.elapsed());
        sleep(LOOK_EVERY);
    }
}
