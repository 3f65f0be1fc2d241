//! `GET /v1/lag`: how far the view is behind the stream, and what a person must look at.

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use proto_events::Timestamp;
use runtime::http::Operation;
use runtime::identity::Signed;
use schemars::JsonSchema;
use serde::Serialize;

use super::{AsOf, Doors, fresh};
use crate::centers::Centers;
use crate::learning::Learned;

/// How far something is.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Progress {
    sequence: u64,
    of: u64,
}

impl From<(u64, u64)> for Progress {
    fn from((sequence, of): (u64, u64)) -> Self {
        Self { sequence, of }
    }
}

/// How the view stands to the stream.
#[derive(Debug, PartialEq, Serialize, JsonSchema)]
pub(super) struct LagAnswer {
    as_of: Timestamp,
    as_of_sequence: u64,
    /// Where the stream ended when it was last asked, at most a second or so ago.
    stream_last_sequence: u64,
    /// Events that the view has not seen.
    lag_events: u64,
    /// For how long it has been behind.
    lag_seconds: f64,
    /// Events that nobody can read.
    quarantined: u64,
    /// What a person must look at; null when nothing is wrong.
    incident: Option<String>,
    /// How far the view is while it is first being built, and no query is answered; null when it stands.
    building: Option<Progress>,
    /// How far the next view is while this one serves on; null when none is being built.
    rebuilding: Option<Progress>,
    /// Whether the bus answered when it was last asked.
    bus_answers: bool,
    /// The same of the stream of centers.
    centers: CentersLag,
    /// The same of what was learned.
    learning: LearningLag,
    /// The sequence of the stream of cases that the index of similar cases has come to.
    similar_as_of_sequence: u64,
}

/// How the view of what was learned stands to its stream.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct LearningLag {
    as_of_sequence: u64,
    quarantined: u64,
    incident: Option<String>,
    building: Option<Progress>,
}

impl LearningLag {
    fn of(learned: &Learned) -> Self {
        Self {
            as_of_sequence: learned.sequence(),
            quarantined: learned.quarantined(),
            incident: learned.incident(),
            building: learned.catching_up().map(Progress::from),
        }
    }
}

/// How the view of the centers stands to their stream.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct CentersLag {
    as_of_sequence: u64,
    stream_last_sequence: u64,
    lag_events: u64,
    quarantined: u64,
    incident: Option<String>,
    building: Option<Progress>,
}

impl CentersLag {
    fn of(centers: &Centers) -> Self {
        let (as_of_sequence, stream_last_sequence) = (centers.sequence(), centers.head());
        Self {
            as_of_sequence,
            stream_last_sequence,
            lag_events: stream_last_sequence.saturating_sub(as_of_sequence),
            quarantined: centers.view().quarantined(),
            incident: centers.status().incident,
            building: centers.catching_up().map(Progress::from),
        }
    }
}

/// Serves the lag.
pub(super) async fn lag(State(doors): State<Doors>, Signed(_): Signed) -> Json<LagAnswer> {
    let AsOf { at, sequence } = fresh(&doors.core, None).await;
    let core = &doors.core;
    let (lag_events, lag_seconds) = core.lag();
    let status = core.status();
    Json(LagAnswer {
        as_of: at,
        as_of_sequence: sequence,
        stream_last_sequence: core.head(),
        lag_events,
        lag_seconds,
        quarantined: core.view().quarantined(),
        incident: status.incident,
        building: core.catching_up().map(Progress::from),
        rebuilding: status.rebuilding.map(Progress::from),
        bus_answers: core.bus_answers(),
        centers: CentersLag::of(&doors.centers),
        learning: LearningLag::of(&doors.learned),
        similar_as_of_sequence: doors.similar.sequence(),
    })
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    Operation::new(Method::GET, "/v1/lag", "operations", "How far the view is behind the stream")
        .answers::<LagAnswer>(200)
}
