//! How things stand at the moment: gauges, set by whoever looks from time to time.
//!
//! Invariants: what nobody has looked at yet has no series, because zero would be a claim; a series whose process looks no
//! more keeps what it said last, so an alert asks for the lines to the bus as well.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::clock::{Clock as _, SystemClock};

use super::{ConsumerLabels, FollowerLabels, LineLabels, Metrics, ViewLabels, made};

type Real = Gauge<f64, AtomicU64>;

/// A gauge that is not there until somebody sets it.
#[derive(Debug, Clone, Default)]
struct Later<G>(Arc<OnceLock<G>>);

impl<G: Default> Later<G> {
    fn now(&self) -> &G {
        self.0.get_or_init(G::default)
    }
}

impl<G: EncodeMetric> EncodeMetric for Later<G> {
    fn encode(&self, encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.get().map_or(Ok(()), |gauge| gauge.encode(encoder))
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }

    fn is_empty(&self) -> bool {
        self.0.get().is_none()
    }
}

/// How a durable consumer stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConsumerState {
    /// Events that wait to be delivered.
    pub pending_events: u64,
    /// Events that were delivered and not answered for.
    pub unacknowledged_events: u64,
    /// Age of the oldest event that was not delivered, in seconds.
    pub lag_seconds: f64,
    /// Age of the oldest event that was not answered for, delivered or not, in seconds.
    pub oldest_unacknowledged_seconds: f64,
}

/// How a view stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewState {
    /// The number of its generation on the disk; each rebuild is one more.
    pub generation: u32,
    /// How far a view that is being built is: events seen, and where it wants to. `None` when it stands.
    pub building: Option<(u64, u64)>,
    /// Whether it stopped at something that a person must look at.
    pub is_stopped: bool,
    /// Events of its stream that nobody can read.
    pub quarantined_events: u64,
}

/// The families of what stands.
#[derive(Debug)]
pub(super) struct Families {
    follower_lag_events: Family<FollowerLabels, Gauge>,
    follower_lag_seconds: Family<FollowerLabels, Real>,
    consumer_pending_events: Family<ConsumerLabels, Gauge>,
    consumer_unacknowledged_events: Family<ConsumerLabels, Gauge>,
    consumer_lag_seconds: Family<ConsumerLabels, Real>,
    consumer_oldest_unacknowledged_seconds: Family<ConsumerLabels, Real>,
    view_generation: Family<ViewLabels, Gauge>,
    view_built_ratio: Family<ViewLabels, Real>,
    view_stopped: Family<ViewLabels, Gauge>,
    quarantine_events: Family<ViewLabels, Gauge>,
    parked_events: Later<Gauge>,
    open_cases: Later<Gauge>,
    overdue_cases: Later<Gauge>,
    bus_connected: Family<LineLabels, Gauge>,
    bus_round_trip_seconds: Later<Real>,
    calendar_end_timestamp_seconds: Later<Gauge>,
    log_checked_timestamp_seconds: Later<Gauge>,
    data_disk_free_bytes: Later<Gauge>,
    data_disk_size_bytes: Later<Gauge>,
}

impl Families {
    /// Makes and registers them. Which version runs, and since when, is known at once.
    pub(super) fn made(r: &mut Registry) -> Self {
        r.register(
            "build",
            "The version that runs",
            Info::new([("version", env!("CARGO_PKG_VERSION"))]),
        );
        let start: Gauge = made(r, "start_timestamp_seconds", "When the process started");
        start.set(SystemClock.now().timestamp());
        Self {
            follower_lag_events: made(
                r,
                "follower_lag_events",
                "Events that what follows a stream has not seen yet",
            ),
            follower_lag_seconds: made(
                r,
                "follower_lag_seconds",
                "For how long the oldest event that it has not seen has waited",
            ),
            consumer_pending_events: made(
                r,
                "consumer_pending_events",
                "Events that wait to be delivered to a reaction",
            ),
            consumer_unacknowledged_events: made(
                r,
                "consumer_unacknowledged_events",
                "Events that a reaction was given and has not answered for",
            ),
            consumer_lag_seconds: made(
                r,
                "consumer_lag_seconds",
                "Age of the oldest event that was not delivered to a reaction",
            ),
            consumer_oldest_unacknowledged_seconds: made(
                r,
                "consumer_oldest_unacknowledged_seconds",
                "Age of the oldest event that a reaction has not answered for",
            ),
            view_generation: made(r, "view_generation", "The generation of a view that serves"),
            view_built_ratio: made(
                r,
                "view_built_ratio",
                "How far a view that is being built is; 1 when it stands",
            ),
            view_stopped: made(r, "view_stopped", "1 when a view stopped and a person must look"),
            quarantine_events: made(
                r,
                "quarantine_events",
                "Events in quarantine at the moment: nobody can read them",
            ),
            parked_events: made(
                r,
                "parked_events",
                "Events parked at the moment: a reaction gave up on them and a person must look",
            ),
            open_cases: made(r, "open_cases", "Cases that have no outcome yet"),
            overdue_cases: made(
                r,
                "overdue_cases",
                "Open cases whose promise has passed while their clock runs",
            ),
            bus_connected: made(r, "bus_connected", "1 when a line to the bus stands"),
            bus_round_trip_seconds: made(
                r,
                "bus_round_trip_seconds",
                "How long JetStream took to answer when it was last asked",
            ),
            calendar_end_timestamp_seconds: made(
                r,
                "calendar_end_timestamp_seconds",
                "When the last published year of the working calendar ends",
            ),
            log_checked_timestamp_seconds: made(
                r,
                "log_checked_timestamp_seconds",
                "When the streams were last found to be as they were written",
            ),
            data_disk_free_bytes: made(
                r,
                "data_disk_free_bytes",
                "What is free on the disk of the data folder",
            ),
            data_disk_size_bytes: made(
                r,
                "data_disk_size_bytes",
                "The size of the disk of the data folder",
            ),
        }
    }
}

/// What is set from outside.
impl Metrics {
    /// Says how far something that follows a stream is behind its end.
    pub fn follower_lag(&self, follower: &'static str, events: u64, seconds: f64) {
        let (state, labels) = (self.state(), FollowerLabels { follower: follower.into() });
        state.follower_lag_events.get_or_create(&labels).set(count(events));
        state.follower_lag_seconds.get_or_create(&labels).set(seconds);
    }

    /// Says how a durable consumer stands.
    pub fn consumer(&self, consumer: &'static str, stands: ConsumerState) {
        let (state, labels) = (self.state(), ConsumerLabels { consumer: consumer.into() });
        let ConsumerState {
            pending_events,
            unacknowledged_events,
            lag_seconds,
            oldest_unacknowledged_seconds,
        } = stands;
        state.consumer_pending_events.get_or_create(&labels).set(count(pending_events));
        let unacknowledged = state.consumer_unacknowledged_events.get_or_create(&labels);
        unacknowledged.set(count(unacknowledged_events));
        drop(unacknowledged);
        state.consumer_lag_seconds.get_or_create(&labels).set(lag_seconds);
        let oldest = state.consumer_oldest_unacknowledged_seconds.get_or_create(&labels);
        oldest.set(oldest_unacknowledged_seconds);
    }

    /// Says how a view stands.
    pub fn view(&self, view: &'static str, stands: ViewState) {
        let (state, labels) = (self.state(), ViewLabels { view: view.into() });
        let ViewState { generation, building, is_stopped, quarantined_events } = stands;
        state.view_generation.get_or_create(&labels).set(i64::from(generation));
        state.view_built_ratio.get_or_create(&labels).set(building.map_or(1.0, ratio));
        state.view_stopped.get_or_create(&labels).set(i64::from(is_stopped));
        state.quarantine_events.get_or_create(&labels).set(count(quarantined_events));
    }

    /// Says how many events are parked.
    pub fn parked_now(&self, events: usize) {
        self.state().parked_events.now().set(count(events as u64));
    }

    /// Says how many cases are open, and of how many of them the promise is broken.
    pub fn cases(&self, open: u64, overdue: u64) {
        self.state().open_cases.now().set(count(open));
        self.state().overdue_cases.now().set(count(overdue));
    }

    /// Says whether the line of a user of the bus stands.
    pub fn bus_line(&self, line: &str, is_connected: bool) {
        let labels = LineLabels { line: line.to_owned().into() };
        self.state().bus_connected.get_or_create(&labels).set(i64::from(is_connected));
    }

    /// Says how long JetStream took to answer.
    pub fn bus_round_trip(&self, seconds: f64) {
        self.state().bus_round_trip_seconds.now().set(seconds);
    }

    /// Says when the last published year of the working calendar ends.
    pub fn calendar_end(&self, at: DateTime<Utc>) {
        let end = &self.state().calendar_end_timestamp_seconds;
        end.now().set(at.timestamp());
    }

    /// Says when the streams were last found to be as they were written.
    pub fn log_checked(&self, at: DateTime<Utc>) {
        self.state().log_checked_timestamp_seconds.now().set(at.timestamp());
    }

    /// Says how much is free on the disk of the data folder, and how large it is.
    pub fn data_disk(&self, free_bytes: u64, size_bytes: u64) {
        self.state().data_disk_free_bytes.now().set(count(free_bytes));
        self.state().data_disk_size_bytes.now().set(count(size_bytes));
    }

    fn state(&self) -> &Families {
        &self.shared.state
    }
}

fn count(events: u64) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a share of events needs no more than 52 bits")]
fn ratio((reached, goal): (u64, u64)) -> f64 {
    if goal == 0 { 1.0 } else { (reached as f64 / goal as f64).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_has_looked_at_has_no_series_and_what_was_seen_has() {
        let metrics = Metrics::new();
        let text = metrics.render();
        assert!(!text.contains("\nunstuck_open_cases "), "{text}");
        assert!(text.contains("\nunstuck_build_info{version=\""), "{text}");
        metrics.cases(3, 1);
        metrics.follower_lag("cases", 2, 0.5);
        let building = Some((1, 4));
        metrics.view(
            "cases",
            ViewState { generation: 2, building, is_stopped: true, quarantined_events: 1 },
        );
        metrics.consumer(
            "forwarding",
            ConsumerState {
                pending_events: 4,
                unacknowledged_events: 1,
                lag_seconds: 2.0,
                oldest_unacknowledged_seconds: 61.5,
            },
        );
        metrics.bus_line("intake", false);
        let text = metrics.render();
        for series in [
            "open_cases 3",
            "overdue_cases 1",
            "follower_lag_events{follower=\"cases\"} 2",
            "follower_lag_seconds{follower=\"cases\"} 0.5",
            "view_generation{view=\"cases\"} 2",
            "view_built_ratio{view=\"cases\"} 0.25",
            "view_stopped{view=\"cases\"} 1",
            "quarantine_events{view=\"cases\"} 1",
            "consumer_pending_events{consumer=\"forwarding\"} 4",
            "consumer_unacknowledged_events{consumer=\"forwarding\"} 1",
            "consumer_lag_seconds{consumer=\"forwarding\"} 2.0",
            "consumer_oldest_unacknowledged_seconds{consumer=\"forwarding\"} 61.5",
            "bus_connected{line=\"intake\"} 0",
        ] {
            assert!(text.contains(&format!("\nunstuck_{series}\n")), "{series} in {text}");
        }
    }
}
