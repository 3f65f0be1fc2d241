//! Metrics: what an operator watches, always there from the first second.
//!
//! The text format leaves out a family without a series: a service declares its names at the start, so that
//! "0" and "not there" stay two things. What happened is counted here, how things stand is in `state`.
//!
//! Invariant: labels come from short lists of our own (routes, codes, names of consumers), never from a
//! caller: no case, no person, no free text.

mod centers;
mod state;

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry};
use proto_events::codes::Level;

use crate::http::problem::problems;

pub use centers::CenterLine;
pub use state::{ConsumerState, ViewState};

/// Upper bounds of the request histogram, in seconds: from a view's answer to the handler's limit.
const REQUEST_SECONDS: [f64; 12] =
    [0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// How a sign-in ended, as the label `outcome` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInOutcome {
    /// Somebody was let in.
    Done,
    /// The password, or the ticket of the second step, was wrong.
    Refused,
    /// The code of the second factor was wrong.
    SecondFactorRefused,
    /// The name waits, after too many wrong passwords.
    Locked,
    /// The address waits, after too many wrong tries.
    Limited,
}

impl SignInOutcome {
    const ALL: [Self; 5] =
        [Self::Done, Self::Refused, Self::SecondFactorRefused, Self::Locked, Self::Limited];

    const fn outcome(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::SecondFactorRefused => "second_factor_refused",
            Self::Locked => "locked",
            Self::Limited => "limited",
        }
    }
}

/// The families of the house. Clones share their figures.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Families>,
}

struct Families {
    registry: Mutex<Registry>,
    http_requests: Family<RequestLabels, Counter>,
    http_seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    problems: Family<CodeLabels, Counter>,
    commands: Family<CommandLabels, Counter>,
    conflicts: Family<NameLabels, Counter>,
    reactions: Family<ReactionLabels, Counter>,
    redeliveries: Family<ConsumerLabels, Counter>,
    parked: Family<ConsumerLabels, Counter>,
    quarantined: Counter,
    projection_lag_events: Gauge,
    projection_lag_seconds: Gauge<f64, AtomicU64>,
    invariant_violations: Family<InvariantLabels, Counter>,
    escalations: Family<LevelLabels, Counter>,
    sign_ins: Family<OutcomeLabels, Counter>,
    audit_failures: Counter,
    unreadable_applicants: Counter,
    state: state::Families,
    centers: centers::Families,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

macro_rules! labels {
    ($($name:ident { $($label:ident),+ })+) => {
        $(
            #[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
            struct $name { $($label: Cow<'static, str>),+ }
        )+
    };
}

labels! {
    RouteLabels { route }
    CodeLabels { code }
    CommandLabels { command, outcome }
    NameLabels { command }
    ReactionLabels { reaction, outcome }
    ConsumerLabels { consumer }
    InvariantLabels { invariant }
    LevelLabels { level }
    OutcomeLabels { outcome }
    FollowerLabels { follower }
    ViewLabels { view }
    LineLabels { line }
    CenterLabels { center }
}

impl Metrics {
    /// The content type of [`Metrics::render`].
    pub const CONTENT_TYPE: &'static str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Makes the families, all at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("unstuck");
        let r = &mut registry;
        let http_seconds = Family::new_with_constructor(request_histogram as fn() -> Histogram);
        let families = Families {
            http_requests: made(r, "http_requests", "Requests by method, route and status"),
            http_seconds: registered(
                r,
                "http_request_seconds",
                "Time until an answer begins",
                http_seconds,
            ),
            problems: made(r, "problems", "Refusals and failures by code"),
            commands: made(r, "commands", "Commands by name and outcome"),
            conflicts: made(r, "append_conflicts", "Appends that somebody else was faster than"),
            reactions: made(r, "reactions", "Reactions to events by name and outcome"),
            redeliveries: made(r, "redeliveries", "Events that a consumer got once more"),
            parked: made(r, "parked", "Events that a consumer gave up on"),
            quarantined: made(r, "quarantined_events", "Events that nobody could read"),
            projection_lag_events: made(
                r,
                "projection_lag_events",
                "Events that the views have not seen yet",
            ),
            projection_lag_seconds: made(
                r,
                "projection_lag_seconds",
                "Age of the oldest event that the views have not seen",
            ),
            invariant_violations: made(r, "invariant_violations", "Invariants found broken, by id"),
            escalations: made(r, "escalations", "Warnings and escalations fired, by level"),
            sign_ins: made(r, "sign_ins", "Sign-ins by outcome"),
            audit_failures: made(r, "audit_failures", "Audit lines that could not be written"),
            unreadable_applicants: made(
                r,
                "unreadable_applicants",
                "Times that an applicant did not open under the case's key, nor the key under the master key",
            ),
            state: state::Families::made(r),
            centers: centers::Families::made(r),
            registry: Mutex::new(registry),
        };
        for level in Level::ALL {
            let _ = families.escalations.get_or_create(&LevelLabels { level: level.code().into() });
        }
        for entry in problems() {
            let _ = families.problems.get_or_create(&CodeLabels { code: entry.code.into() });
        }
        for sign_in in SignInOutcome::ALL {
            let _ = families
                .sign_ins
                .get_or_create(&OutcomeLabels { outcome: sign_in.outcome().into() });
        }
        Self { shared: Arc::new(families) }
    }

    /// Adds a metric of a service's own; `name` without the product's prefix.
    pub fn register(&self, name: &str, help: &str, metric: impl Metric) {
        let mut registry = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register(name, help, metric);
    }

    /// Declares commands: their conflicts stand at zero from now on.
    pub fn declare_commands(&self, commands: &[&'static str]) {
        for command in commands {
            let done = CommandLabels { command: (*command).into(), outcome: "done".into() };
            let _ = self.shared.commands.get_or_create(&done);
            let labels = NameLabels { command: (*command).into() };
            let _ = self.shared.conflicts.get_or_create(&labels);
        }
    }

    /// Declares consumers: what they parked, and what they did, stands at zero from now on.
    pub fn declare_consumers(&self, consumers: &[&'static str]) {
        for consumer in consumers {
            let labels = ConsumerLabels { consumer: (*consumer).into() };
            let _ = self.shared.parked.get_or_create(&labels);
            let _ = self.shared.redeliveries.get_or_create(&labels);
            let done = ReactionLabels { reaction: (*consumer).into(), outcome: "done".into() };
            let _ = self.shared.reactions.get_or_create(&done);
        }
    }

    /// Declares invariants by id: their violations stand at zero from now on.
    pub fn declare_invariants(&self, invariants: &[&'static str]) {
        for invariant in invariants {
            let labels = InvariantLabels { invariant: (*invariant).into() };
            let _ = self.shared.invariant_violations.get_or_create(&labels);
        }
    }

    /// Counts a request. `route` is the pattern, not the path.
    pub fn http_request(&self, method: &'static str, route: &str, status: u16, elapsed: Duration) {
        let labels = RequestLabels { method, route: route.to_owned(), status };
        self.shared.http_requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: route.to_owned().into() };
        self.shared.http_seconds.get_or_create(&labels).observe(elapsed.as_secs_f64());
    }

    /// Counts a problem by its code.
    pub fn problem(&self, code: Cow<'static, str>) {
        self.shared.problems.get_or_create(&CodeLabels { code }).inc();
    }

    /// Counts a command: `outcome` is `done`, `repeated`, the code of a refusal, or `failed`.
    pub fn command(&self, command: &'static str, outcome: impl Into<Cow<'static, str>>) {
        let labels = CommandLabels { command: command.into(), outcome: outcome.into() };
        self.shared.commands.get_or_create(&labels).inc();
    }

    /// Counts an append that lost against another writer.
    pub fn conflict(&self, command: &'static str) {
        self.shared.conflicts.get_or_create(&NameLabels { command: command.into() }).inc();
    }

    /// Counts a reaction to an event: `outcome` is `done`, or `failed` when it comes again.
    pub fn reaction(&self, reaction: &'static str, outcome: &'static str) {
        let labels = ReactionLabels { reaction: reaction.into(), outcome: outcome.into() };
        self.shared.reactions.get_or_create(&labels).inc();
    }

    /// Counts an event that a consumer got once more: it was slow, it failed, or its process died.
    pub fn redelivered(&self, consumer: &'static str) {
        self.shared.redeliveries.get_or_create(&ConsumerLabels { consumer: consumer.into() }).inc();
    }

    /// Counts an event that a consumer gave up on.
    pub fn parked(&self, consumer: &'static str) {
        self.shared.parked.get_or_create(&ConsumerLabels { consumer: consumer.into() }).inc();
    }

    /// Counts an event that nobody could read.
    pub fn quarantined(&self) {
        self.shared.quarantined.inc();
    }

    /// Says how far the views are behind.
    pub fn projection_lag(&self, events: u64, seconds: f64) {
        self.shared.projection_lag_events.set(i64::try_from(events).unwrap_or(i64::MAX));
        self.shared.projection_lag_seconds.set(seconds);
    }

    /// Counts an invariant that was found broken.
    pub fn invariant_violation(&self, invariant: &'static str) {
        let labels = InvariantLabels { invariant: invariant.into() };
        self.shared.invariant_violations.get_or_create(&labels).inc();
    }

    /// Counts an escalation of a level.
    pub fn escalation(&self, level: &'static str) {
        self.shared.escalations.get_or_create(&LevelLabels { level: level.into() }).inc();
    }

    /// Counts a sign-in.
    pub fn sign_in(&self, sign_in: SignInOutcome) {
        let labels = OutcomeLabels { outcome: sign_in.outcome().into() };
        self.shared.sign_ins.get_or_create(&labels).inc();
    }

    /// Counts an audit line that could not be written.
    pub fn audit_failure(&self) {
        self.shared.audit_failures.inc();
    }

    /// Counts an applicant who was looked for and did not open.
    pub fn unreadable_applicant(&self) {
        self.shared.unreadable_applicants.inc();
    }

    /// Writes all families in the text format of OpenMetrics 1.0.
    #[must_use]
    pub fn render(&self) -> String {
        let registry = self.shared.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing into a String cannot fail; a family that could not be encoded is left out.
        let _ = encode(&mut text, &registry);
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

fn request_histogram() -> Histogram {
    Histogram::new(REQUEST_SECONDS)
}

/// Makes a metric and registers it.
fn made<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    registered(registry, name, help, M::default())
}

fn registered<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_declared_stands_at_zero_before_anything_happened() {
        let metrics = Metrics::new();
        metrics.declare_commands(&["open"]);
        metrics.declare_consumers(&["auto_forward"]);
        metrics.declare_invariants(&["one_open_case"]);
        let text = metrics.render();
        for series in [
            "problems_total{code=\"stale\"} 0",
            "commands_total{command=\"open\",outcome=\"done\"} 0",
            "append_conflicts_total{command=\"open\"} 0",
            "reactions_total{reaction=\"auto_forward\",outcome=\"done\"} 0",
            "redeliveries_total{consumer=\"auto_forward\"} 0",
            "sign_ins_total{outcome=\"locked\"} 0",
            "parked_total{consumer=\"auto_forward\"} 0",
            "quarantined_events_total 0",
            "projection_lag_events 0",
            "projection_lag_seconds 0.0",
            "invariant_violations_total{invariant=\"one_open_case\"} 0",
            "escalations_total{level=\"leading_group\"} 0",
            "audit_failures_total 0",
            "unreadable_applicants_total 0",
        ] {
            assert!(text.contains(&format!("\nunstuck_{series}\n")), "{series} in {text}");
        }
    }

    #[test]
    fn figures_of_clones_add_up() {
        let metrics = Metrics::new();
        metrics.clone().http_request("GET", "/v1/cases/{id}", 200, Duration::from_millis(2));
        metrics.http_request("GET", "/v1/cases/{id}", 200, Duration::from_millis(3));
        metrics.projection_lag(7, 1.5);
        let text = metrics.render();
        assert!(text.contains("route=\"/v1/cases/{id}\",status=\"200\"} 2"), "{text}");
        assert!(text.contains("unstuck_projection_lag_seconds 1.5"));
        assert!(text.ends_with("# EOF\n"));
    }
}
