//! `GET /v1/consultations`: what people asked, by topic.
//!
//! Invariant: only counts; nobody who asked stands in them.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::Method;
use casework::centers::may_read;
use proto_events::Timestamp;
use proto_events::centers::{ConsultationOutcome, OutcomeCount};
use proto_events::codes::Channel;
use proto_events::ids::CenterId;
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::Signed;
use runtime::store::StoreError;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::figures::{as_of, moment};
use super::overview::{PeriodAnswer, of_period, period};
use super::{Doors, actor, broken, fresh_centers};
use crate::centers::TallyKey;
use crate::core::blocking;

/// Most topics of an answer; the rest is in the sums.
const TOPICS_MAX: usize = 500;

/// The parameters of the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parameters {
    from: Option<String>,
    to: Option<String>,
    center: Option<CenterId>,
    as_of: Option<String>,
    min_version: Option<u64>,
}

/// How often a topic was asked about.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct TopicRow {
    topic: String,
    consultations: u64,
    by_outcome: Vec<OutcomeCount>,
    by_channel: Vec<ChannelCount>,
}

/// How many questions came in on a channel.
#[derive(Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct ChannelCount {
    channel: Channel,
    count: u64,
}

/// What people asked.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConsultationsAnswer {
    /// By topic, most asked first, at most 500.
    items: Vec<TopicRow>,
    /// How many topics there are.
    total: usize,
    /// How many questions, of all topics.
    consultations: u64,
    by_outcome: Vec<OutcomeCount>,
    /// The channels on which any came in.
    by_channel: Vec<ChannelCount>,
    period: PeriodAnswer,
    as_of: Timestamp,
    /// The sequence of the stream of centers.
    as_of_sequence: u64,
}

#[derive(Debug, Default)]
struct Counts {
    all: u64,
    by_outcome: BTreeMap<ConsultationOutcome, u64>,
    by_channel: BTreeMap<Channel, u64>,
}

impl Counts {
    fn add(&mut self, key: &TallyKey, count: u64) {
        self.all += count;
        *self.by_outcome.entry(key.outcome).or_default() += count;
        *self.by_channel.entry(key.channel).or_default() += count;
    }

    fn by_outcome(&self) -> Vec<OutcomeCount> {
        let count = |outcome: &_| OutcomeCount {
            outcome: *outcome,
            count: self.by_outcome.get(outcome).copied().unwrap_or_default(),
        };
        ConsultationOutcome::ALL.iter().map(count).collect()
    }

    fn by_channel(&self) -> Vec<ChannelCount> {
        let counts = self.by_channel.iter();
        counts.map(|(channel, count)| ChannelCount { channel: *channel, count: *count }).collect()
    }
}

/// Serves what people asked.
pub(super) async fn consultations(
    State(doors): State<Doors>,
    Signed(staff): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<ConsultationsAnswer>, Problem> {
    let sequence = fresh_centers(&doors.centers, asked.min_version).await;
    let (core, centers) = (doors.core, doors.centers);
    let moment = moment(asked.as_of.as_deref(), core.now(), &core)?;
    let now = moment.at;
    let period = period(asked.from.as_deref(), asked.to.as_deref(), now, &core)?;
    let actor = actor(&staff);
    let rules = &core.district.rules;
    if let Some(center) = &asked.center
        && !rules.centers.contains_key(center)
    {
        return Err(Problem::invalid("/center", "the district has no such center"));
    }
    let seen: Vec<CenterId> = rules
        .centers
        .keys()
        .filter(|id| asked.center.as_ref().is_none_or(|center| center == *id))
        .filter(|id| may_read(&actor, id))
        .cloned()
        .collect();
    if seen.is_empty() {
        // An empty list would say that nobody asked anything.
        return Err(Problem::forbidden(
            "the counts of this center are not yours to see (无权查看)",
        ));
    }
    let (from, to) = (rules.calendar.date_of(period.from), rules.calendar.date_of(period.to));
    let counted = blocking(move || -> Result<_, StoreError> {
        let (mut sum, mut topics) = (Counts::default(), BTreeMap::<String, Counts>::new());
        let view = centers.view();
        let seen_to = moment.seen_to();
        for center in seen {
            for tally in view.tallies_between(&center, from, to) {
                let (key, told) = tally?;
                let told = told.iter().filter(|one| one.recorded_at <= seen_to);
                let count = told.map(|one| one.count).sum();
                if count > 0 {
                    sum.add(&key, count);
                    topics.entry(key.topic.clone()).or_default().add(&key, count);
                }
            }
        }
        let sequence = if moment.is_past { view.days().sequence(seen_to) } else { sequence };
        Ok((sum, topics, sequence))
    })
    .await;
    let (sum, topics, sequence) = counted.map_err(broken)?;
    let total = topics.len();
    let mut items: Vec<TopicRow> = topics
        .into_iter()
        .map(|(topic, counts)| TopicRow {
            topic,
            consultations: counts.all,
            by_outcome: counts.by_outcome(),
            by_channel: counts.by_channel(),
        })
        .collect();
    // Stable: topics of one count stay in the order of their names.
    items.sort_by_key(|row| std::cmp::Reverse(row.consultations));
    items.truncate(TOPICS_MAX);
    Ok(Json(ConsultationsAnswer {
        items,
        total,
        consultations: sum.all,
        by_outcome: sum.by_outcome(),
        by_channel: sum.by_channel(),
        period,
        as_of: now,
        as_of_sequence: sequence,
    }))
}

/// Its entry in OpenAPI.
pub(super) fn operation() -> Operation {
    let operation = Operation::new(
        Method::GET,
        "/v1/consultations",
        "queries",
        "What people asked at the counters, by topic",
    )
    .answers::<ConsultationsAnswer>(200)
    .refuses(&["invalid"])
    .parameter(Parameter::query::<CenterId>("center", "Only the questions of this center"))
    .parameter(as_of())
    .parameter(Parameter::query::<u64>(
        "min_version",
        "Wait up to two seconds until the counts include this version of a consultation or a close",
    ));
    of_period().into_iter().fold(operation, Operation::parameter)
}
