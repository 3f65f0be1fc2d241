//! The lines of the centers that have a server of their own, as the district knows them now.
//!
//! Invariants: what is shown follows from the bucket and the clock; while the bucket cannot be followed, what was known ages, and
//! a line that is not heard of counts as down.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use chrono::TimeDelta;
use desk::Desk;
use desk::enrolled::{CLOCK_OFF_MAX, CenterKnown, Centers, Enrolled, LineStanding, Trouble, take};
use proto_events::Timestamp;
use proto_events::ids::CenterId;
use runtime::kv::Bucket;
use runtime::metrics::CenterLine;
use runtime::streams::ENROLLED_BUCKET;
use schemars::JsonSchema;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

/// The pause before the bucket is followed again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// The lines.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    known: RwLock<Centers>,
}

/// How the line of a center with a server of its own is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct LineAnswer {
    /// `up`, `down` or `never`.
    state: LineStanding,
    /// Since when.
    since: Option<Timestamp>,
    last_heard_at: Option<Timestamp>,
    /// Facts that it had written down when it was last heard and that have not arrived.
    lag_events: u64,
    /// How old the oldest of them is; of a line that is down, how long nothing was heard at least.
    lag_seconds: i64,
    /// By how many seconds its clock is ahead; negative: behind.
    clock_ahead_seconds: Option<i64>,
    /// Whether that is more than five minutes: what it writes is marked.
    clock_is_off: bool,
    /// Why nothing of it is taken, or why it does not register.
    trouble: Option<Trouble>,
    /// The same in a sentence.
    trouble_detail: Option<&'static str>,
    /// When another machine last said that it was this center.
    other_machine_heard_at: Option<Timestamp>,
}

impl LineAnswer {
    fn of(known: &CenterKnown, now: Timestamp) -> Option<Self> {
        let enrolment = known.enrolment.as_ref()?;
        // What an earlier machine said is no word of the one that is enrolled now.
        let line = known.line.as_ref().filter(|line| line.number == enrolment.number);
        let known = CenterKnown { line: line.cloned(), ..known.clone() };
        let state = known.standing(now.to_utc());
        let trouble = match enrolment.revoked_at {
            Some(_) => Some(Trouble::Revoked),
            None => line.and_then(|line| line.trouble),
        };
        let ahead = line.map(|line| line.clock_ahead_seconds);
        Some(Self {
            state,
            since: match (state, line) {
                (LineStanding::Up, Some(line)) => Some(line.up_since),
                (_, Some(line)) => Some(line.heard_at),
                (_, None) => Some(enrolment.enrolled_at),
            },
            last_heard_at: line.map(|line| line.heard_at),
            lag_events: known.lag_events(),
            lag_seconds: known.lag_seconds(now.to_utc()),
            clock_ahead_seconds: ahead,
            clock_is_off: ahead
                .is_some_and(|ahead| TimeDelta::seconds(ahead).abs() > CLOCK_OFF_MAX),
            trouble,
            trouble_detail: trouble.map(Trouble::told),
            other_machine_heard_at: line
                .and_then(|line| line.other_machine.as_ref())
                .map(|(_, heard_at)| *heard_at),
        })
    }
}

impl Lines {
    /// How the line of a center is; none of a center without a server of its own.
    pub(crate) fn of(&self, center: &CenterId, now: Timestamp) -> Option<LineAnswer> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        LineAnswer::of(known.get(center)?, now)
    }

    /// What there is to be seen of all lines, without what only time makes of it from second to second.
    pub(crate) fn standing(&self, now: Timestamp) -> String {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let of = |(center, known): (&CenterId, &CenterKnown)| {
            let line = LineAnswer::of(known, now)?;
            Some(format!(
                "{center} {:?} {} {:?} {} {:?};",
                line.state,
                line.lag_events,
                line.trouble,
                line.clock_is_off,
                line.other_machine_heard_at
            ))
        };
        known.iter().filter_map(of).collect()
    }

    /// Counts every line.
    pub(crate) fn measure(&self, desk: &Desk) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        for (center, known) in known.iter() {
            let Some(line) = LineAnswer::of(known, desk.now()) else { continue };
            desk.metrics.center_line(
                center,
                CenterLine {
                    is_up: line.state == LineStanding::Up,
                    lag_events: line.lag_events,
                    lag_seconds: line.lag_seconds,
                    clock_ahead_seconds: line.clock_ahead_seconds.unwrap_or_default(),
                    is_in_trouble: line.trouble.is_some(),
                },
            );
        }
    }

    /// Follows the bucket until the token is cancelled; nothing to follow in memory.
    pub(crate) async fn run(self: Arc<Self>, desk: Arc<Desk>, token: CancellationToken) {
        let Some(js) = desk.js.clone() else { return token.cancelled().await };
        while !token.is_cancelled() {
            let following = async {
                let enrolled = Enrolled::new(Bucket::open(&js, ENROLLED_BUCKET).await?);
                let hear = |known| {
                    take(&mut self.known.write().unwrap_or_else(PoisonError::into_inner), known);
                };
                enrolled.follow(hear).await
            };
            if let Some(Err(error)) = token.run_until_cancelled(following).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the lines of the centers cannot be followed; again");
            }
            token.run_until_cancelled(tokio::time::sleep(AGAIN_AFTER)).await;
        }
    }
}
