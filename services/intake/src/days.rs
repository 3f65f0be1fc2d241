//! Closing a center's day: the house counts, the center says that this was the day.
//!
//! Invariants: the counts are made from the log, from behind a mark that an earlier report has left, so that a report
//! costs what happened since and not what ever happened; zero is a report; whoever closes a day again gets the first
//! answer.

use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use casework::centers::{CenterContext, check_close, decide_close, forbidden, may_report};
use casework::command::Actor;
use chrono::{NaiveDate, NaiveTime, TimeDelta};
use desk::endpoint::AnsweredEvent;
use desk::{Desk, actor_of, problem};
use futures::StreamExt as _;
use proto_events::Timestamp;
use proto_events::centers::{
    CenterEvent, CenterEventKind, CountedTo, OutcomeCount, TopicCount, close_command,
};
use proto_events::envelope::header;
use proto_events::events::CaseEventKind;
use proto_events::ids::CenterId;
use proto_events::subject::{CaseSubject, CenterSubject};
use runtime::http::{Operation, Path, Problem, RequestId, StrictJson, etag};
use runtime::identity::Signed;
use runtime::log::{LogError, Recorded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::consultations::{Counter, Wish, answered, ended, envelop, of_refusal};
use crate::ledger::{Kept, Ledger};

/// The path of the command.
const PATH: &str = "/v1/centers/{center}/days/{date}/close";

/// How long before a day a mark must have been set for the day to lie behind it: above the length of a request and the
/// five minutes that the clock of a caller may run ahead.
const MARK_SPARE: TimeDelta = TimeDelta::minutes(10);

/// Nothing: the house counts.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {}

/// The report of a day.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct CloseAnswer {
    center: CenterId,
    date: NaiveDate,
    /// Consultations counted for that day; zero is a report too.
    consultations: u64,
    /// By outcome, every outcome.
    by_outcome: Vec<OutcomeCount>,
    /// By topic, most first, at most 100.
    by_topic: Vec<TopicCount>,
    /// Cases that the center opened on that day.
    cases_opened: u64,
    /// Whether it was closed after the close of business of that day.
    late: bool,
    closed_at: Timestamp,
    /// Username.
    closed_by: String,
    /// Its place in the stream of centers; also the ETag.
    version: u64,
    events: Vec<AnsweredEvent>,
}

pub(crate) fn routes() -> Router<Counter> {
    Router::new().route(PATH, post(handle))
}

pub(crate) fn operation() -> Operation {
    Operation::new(
        Method::POST,
        PATH,
        "intake",
        "Closes a center's day with what was counted for it (日结); again: the first answer",
    )
    .takes::<CloseBody>()
    .answers::<CloseAnswer>(200)
}

async fn handle(
    State(Counter { desk, ledger }): State<Counter>,
    Signed(staff): Signed,
    Path((center, date)): Path<(String, String)>,
    request_id: RequestId,
    body: Result<StrictJson<CloseBody>, Problem>,
) -> Result<Response, Problem> {
    let actor = actor_of(&staff);
    let center: CenterId =
        center.parse().map_err(|_| Problem::not_found("there is no such center (没有这个中心)"))?;
    if body.is_err() && !may_report(&actor, &center) {
        let refused = Err(problem::of_refusal(forbidden(&actor, center.as_str())));
        ended(&desk, &actor, "close_day", refused).await?;
    }
    let StrictJson { value: CloseBody {}, .. } = body?;
    let day: NaiveDate =
        date.parse().map_err(|_| Problem::invalid("/date", "must be a date such as 2026-03-31"))?;
    let request_id = Some(request_id.as_str().to_owned());
    let kept = close(&desk, &ledger, &center, day, &actor, request_id).await;
    let kept = ended(&desk, &actor, "close_day", kept).await?;
    let CenterEvent::CenterDayClosed(report) = kept.event else {
        return Err(Problem::internal());
    };
    let answer = CloseAnswer {
        center: report.center,
        date: report.day,
        consultations: report.consultations,
        by_outcome: report.by_outcome,
        by_topic: report.by_topic,
        cases_opened: report.cases_opened,
        late: report.late,
        closed_at: kept.time,
        closed_by: kept.actor,
        version: kept.sequence,
        events: vec![answered(kept.event_id, CenterEventKind::CenterDayClosed)],
    };
    Ok((StatusCode::OK, etag(answer.version), Json(answer)).into_response())
}

pub(crate) async fn close(
    desk: &Desk,
    ledger: &Ledger,
    center: &CenterId,
    day: NaiveDate,
    actor: &Actor,
    request_id: Option<String>,
) -> Result<Kept, Problem> {
    let now = desk.now();
    let context = CenterContext { now, actor, rules: &desk.district.rules };
    check_close(center, day, &context).map_err(of_refusal)?;
    ledger.catch_up().await?;
    let command_id = close_command(center, day);
    if let Some(kept) = ledger.repeated(command_id) {
        return Ok(kept);
    }
    let mut opened = Opened { center, day, count: 0, reached: 0 };
    let mark = ledger.mark_before(midnight(desk, day) - MARK_SPARE);
    opened.reached = mark.map_or(0, |mark| mark.cases);
    // The long way first, so that nobody who counts a question waits for it.
    opened.read_on(desk).await?;
    let _turn = ledger.closing().await;
    opened.read_on(desk).await?;
    let centers = ledger.catch_up().await?;
    let counted_to = CountedTo { centers, cases: opened.reached };
    let known = ledger.day(center, day);
    let report = decide_close(center, day, &known, opened.count, counted_to, &context);
    let Some(report) = report.map_err(of_refusal)? else {
        return ledger.repeated(command_id).ok_or_else(Problem::internal);
    };
    let wish = Wish { command_id, hash: None, request_id };
    let subject = CenterSubject::Days(center.clone());
    ledger.append(&subject, envelop(desk, report.into(), actor, wish, now)).await
}

/// The cases that a center opened on a day, counted from the stream of cases.
struct Opened<'a> {
    center: &'a CenterId,
    day: NaiveDate,
    count: u64,
    /// The sequence up to which the stream was read.
    reached: u64,
}

impl Opened<'_> {
    /// Reads on to where the stream ends now.
    async fn read_on(&mut self, desk: &Desk) -> Result<(), Problem> {
        let failed = |error: LogError| {
            problem::unavailable("the cases of a day could not be counted", &error)
        };
        let end = desk.log.head().await.map_err(failed)?.last_sequence;
        if end <= self.reached {
            return Ok(());
        }
        let mut events = desk.log.follow(self.reached).await.map_err(failed)?;
        while self.reached < end {
            let Some(next) = events.next().await else {
                return Err(Problem::unavailable("the bus is out of reach; send it again"));
            };
            let recorded = next.map_err(failed)?;
            self.reached = recorded.sequence;
            self.count += u64::from(self.is_counted(desk, &recorded));
        }
        Ok(())
    }

    fn is_counted(&self, desk: &Desk, recorded: &Recorded) -> bool {
        let name = CaseEventKind::Opened.name();
        let is_opened = recorded.headers.get(header::TYPE).is_some_and(|event_type| {
            let rest = event_type.strip_prefix(proto_events::events::TYPE_PREFIX);
            rest.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(".v"))
        });
        is_opened
            && CaseSubject::parse(&recorded.subject)
                .is_some_and(|subject| subject.center == *self.center)
            && recorded.envelope().is_ok_and(|envelope| {
                desk.district.rules.calendar.date_of(envelope.time) == self.day
            })
    }
}

/// The first instant of a day.
fn midnight(desk: &Desk, day: NaiveDate) -> Timestamp {
    let midnight = day.and_time(NaiveTime::MIN);
    // A fixed offset has every local time exactly once.
    midnight.and_local_timezone(desk.district.offset).single().unwrap_or_else(|| desk.now())
}
