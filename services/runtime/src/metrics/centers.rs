//! How the lines stand of the centers that have a server of their own.
//!
//! Invariant: a center that has none has no series.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use proto_events::ids::CenterId;

use super::{CenterLabels, Metrics, made};

/// How the line of a center is, in numbers.
#[derive(Debug, Clone, Copy)]
pub struct CenterLine {
    /// Whether it is heard.
    pub is_up: bool,
    /// Facts that have not arrived, as far as is known.
    pub lag_events: u64,
    /// How old the oldest of them is, or the last word of a line that is down, in seconds.
    pub lag_seconds: i64,
    /// By how many seconds its clock is ahead.
    pub clock_ahead_seconds: i64,
    /// Whether nothing of it is taken, or it does not register.
    pub is_in_trouble: bool,
}

/// The families of the lines.
#[derive(Debug)]
pub(super) struct Families {
    up: Family<CenterLabels, Gauge>,
    in_trouble: Family<CenterLabels, Gauge>,
    lag_events: Family<CenterLabels, Gauge>,
    lag_seconds: Family<CenterLabels, Gauge>,
    clock_ahead_seconds: Family<CenterLabels, Gauge>,
}

impl Families {
    /// Makes and registers them.
    pub(super) fn made(r: &mut Registry) -> Self {
        Self {
            up: made(r, "center_line_up", "1 when a center with a server of its own is heard"),
            in_trouble: made(
                r,
                "center_in_trouble",
                "1 when nothing of a center is taken, or it does not register",
            ),
            lag_events: made(
                r,
                "center_lag_events",
                "Facts of a center that have not arrived, as far as is known",
            ),
            lag_seconds: made(
                r,
                "center_lag_seconds",
                "Age of the oldest fact of a center that has not arrived, or of its last word",
            ),
            clock_ahead_seconds: made(
                r,
                "center_clock_ahead_seconds",
                "By how much the clock of a center is ahead",
            ),
        }
    }
}

impl Metrics {
    /// Says how the line of a center of this district is.
    pub fn center_line(&self, center: &CenterId, line: CenterLine) {
        let labels = CenterLabels { center: center.as_str().to_owned().into() };
        let families = &self.shared.centers;
        for (family, value) in [
            (&families.up, i64::from(line.is_up)),
            (&families.in_trouble, i64::from(line.is_in_trouble)),
            (&families.lag_events, i64::try_from(line.lag_events).unwrap_or(i64::MAX)),
            (&families.lag_seconds, line.lag_seconds),
            (&families.clock_ahead_seconds, line.clock_ahead_seconds),
        ] {
            family.get_or_create(&labels).set(value);
        }
    }
}
