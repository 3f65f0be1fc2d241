//! Events, logs and views for the tests of this crate.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use desk::District;
use proto_events::Timestamp;
use proto_events::codes::{
    ApplicantKind, Cause, Channel, Clock, Complexity, ConveneTrigger, ExplanationMode, Level,
    ReopenReason, Resolution, ReturnReason, Role, Solved, Stage, Understood,
};
use proto_events::envelope::Envelope;
use proto_events::events::*;
use proto_events::ids::{CaseId, CommandId, EventId, ReceiptCode};
use proto_events::subject::CaseSubject;
use proto_events::upcast;
use runtime::log::{Head, NewEvent, Recorded};
use uuid::Uuid;

use crate::core::{View, Writer, folder};
use crate::views::open_store;

/// What must be found in no answer.
pub(crate) const SECRET: &str = "SEALED-张建国-13800000001";

/// The sample district.
pub(crate) fn district() -> Arc<District> {
    Arc::new(District::load(None).expect("the sample district is right"))
}

/// A time of the tests, in the district's offset.
pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_from_rfc3339(&format!("{text}+08:00")).unwrap()
}

/// The `n`-th case.
pub(crate) fn case_id(n: u128) -> CaseId {
    CaseId(Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0000 + n))
}

/// The receipt of the `n`-th case.
pub(crate) fn receipt(n: u128) -> ReceiptCode {
    ReceiptCode::from_random(u64::try_from(n).unwrap() + 1_000)
}

/// The center of the `n`-th case.
pub(crate) fn center(n: u128) -> &'static str {
    ["donghuashi", "jingshan"][usize::try_from(n % 2).unwrap()]
}

/// The subject of the `n`-th case.
pub(crate) fn subject(n: u128) -> String {
    CaseSubject { center: center(n).parse().unwrap(), case_id: case_id(n) }.to_subject()
}

/// An event of the `n`-th case; `number` makes its id.
pub(crate) fn event(n: u128, number: u128, time: Timestamp, event: CaseEvent) -> NewEvent {
    let command_id = CommandId(Uuid::from_u128(n * 1_000_000 + number));
    NewEvent {
        envelope: Envelope {
            id: EventId::of_command(command_id, 0),
            source: "/dongcheng/tests".to_owned(),
            event_type: event.event_type().to_owned(),
            subject: case_id(n).to_string(),
            time,
            recorded_at: time,
            actor: "clerk-username".to_owned(),
            role: Role::Clerk,
            command_id,
            command_hash: None,
            causation_id: None,
            correlation_id: None,
            trace_parent: None,
        },
        body: event.to_body().into(),
    }
}

/// The opening of the `n`-th case, due three days later.
pub(crate) fn opened(n: u128, time: Timestamp) -> CaseEvent {
    CaseEvent::Opened(Opened {
        case_no: format!("DHS-{n}"),
        receipt_code: receipt(n),
        center: center(n).parse().unwrap(),
        channel: Channel::Window,
        matter: Matter { name: "退休手续办理".to_owned(), code: None },
        blocked_stage: Stage::Consult,
        cause: Cause::InformationWhom,
        demand: format!("想知道应该找哪个部门 {n}"),
        summary: Some("摘要不公开".to_owned()),
        attempts_before: 2,
        complexity: Complexity::Simple,
        applicant: SealedApplicant { kind: ApplicantKind::Person, sealed: SECRET.to_owned() },
        notice: Notice { version: "1".to_owned(), mode: mode() },
        due_at: time + TimeDelta::days(3),
        provisional: false,
        working_days: Some(3),
        imported_from: None,
    })
}

/// The stored sample of every event but the opening.
pub(crate) fn samples() -> Vec<CaseEvent> {
    let kinds = CaseEventKind::ALL.iter().filter(|kind| **kind != CaseEventKind::Opened);
    kinds.map(|kind| sample_of(kind.name())).collect()
}

/// The stored sample of an event.
pub(crate) fn sample_of(name: &str) -> CaseEvent {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-events/samples");
    let body = std::fs::read(format!("{folder}/{name}.v1.json")).unwrap();
    upcast::read(&format!("{TYPE_PREFIX}{name}.v1"), &body).unwrap()
}

fn mode() -> Mode {
    "phone".to_owned().try_into().unwrap()
}

/// One of each kind of event that views look at.
pub(crate) fn of_kind(kind: usize, time: Timestamp) -> CaseEvent {
    let due_at = time + TimeDelta::days(1);
    let department = |name: &str| name.parse().unwrap();
    let explainers =
        ["hr-bureau", "housing"].map(|name| Explainer { department: department(name) }).to_vec();
    match kind {
        0 => CaseEvent::Forwarded(Forwarded {
            to: department("hr-public-service"),
            ask: "请办理".to_owned(),
            contact: None,
            due_at,
            first_contact_due_at: due_at,
            return_until: due_at,
            automatic: true,
        }),
        1 => CaseEvent::Accepted(Accepted {
            department: department("hr-public-service"),
            handler: "handler-username".to_owned(),
        }),
        2 => CaseEvent::ApplicantContacted(ApplicantContacted { mode: mode(), reached: true }),
        3 => CaseEvent::Returned(Returned {
            department: department("hr-public-service"),
            reason: ReturnReason::NotOurDuty,
            duty_basis: None,
            suggested_department: Some(department("housing")),
            note: "不属职责".to_owned(),
            arbitration_due_at: due_at,
        }),
        4 => CaseEvent::Arbitrated(Arbitrated {
            department: department("housing"),
            co_departments: vec![],
            basis: "会议纪要".to_owned(),
            first_contact_due_at: due_at,
        }),
        5 => CaseEvent::ProgressNoted(ProgressNoted {
            text: "正在核对".to_owned(), public: true
        }),
        6 => CaseEvent::FeedbackRecorded(FeedbackRecorded {
            responded: true,
            solved: Some(Solved::Yes),
            grade: Some(5.try_into().unwrap()),
            comment: None,
            mode: mode(),
        }),
        7 => CaseEvent::Resolved(Resolved {
            resolution: Resolution::Coordinated,
            result: "已办理退休申报".to_owned(),
            cause: Cause::InformationWhom,
            process_change_needed: false,
            callback_due_at: due_at,
        }),
        8 => CaseEvent::Explained(Explained {
            session: 1,
            mode: ExplanationMode::Joint,
            explainers,
            documents: vec![],
            remedies: vec!["行政复议".to_owned()],
            understood: Understood::Yes,
            led_by_lead: false,
            ends: true,
            callback_due_at: Some(due_at),
        }),
        9 => CaseEvent::Reopened(Reopened {
            reason: ReopenReason::NotSolved,
            note: None,
            due_at: time + TimeDelta::days(3),
            provisional: false,
            working_days: None,
        }),
        10 => CaseEvent::Escalated(Escalated {
            level: Level::Director,
            clock: Clock::Handling,
            occurrence: 1,
            rule: "due".to_owned(),
            told: Role::Director,
            body: "donghuashi".to_owned(),
            due_at,
        }),
        11 => CaseEvent::TaskForceConvened(TaskForceConvened {
            trigger: ConveneTrigger::TwoReturns,
            chair: "chair-username".to_owned(),
            members: vec![],
            objective: "解决".to_owned(),
            reason: "两次退单".to_owned(),
            first_meeting_due_at: due_at,
        }),
        12 => CaseEvent::NotDoableDetermined(NotDoableDetermined {
            basis: vec![PolicyBasis {
                title: "社会保险法".to_owned(),
                number: None,
                article: "第十六条".to_owned(),
                in_force_from: None,
            }],
            facts: "没有缴费记录".to_owned(),
            alternatives: vec![],
            countersigned_by: "lead-username".to_owned(),
            explanation_due_at: due_at,
        }),
        _ => opened(0, time),
    }
}

/// How many kinds [`of_kind`] knows, without openings.
pub(crate) const KINDS: usize = 13;

/// A message that nobody can read.
pub(crate) fn poison(n: u128, number: u128, time: Timestamp) -> NewEvent {
    let mut poison = event(n, number, time, of_kind(5, time));
    poison.body = Bytes::from_static(b"{ this is no JSON");
    poison
}

/// Events as the stream holds them, from sequence 1.
pub(crate) fn recorded(events: &[(String, NewEvent)]) -> Vec<Recorded> {
    (1..)
        .zip(events)
        .map(|(sequence, (subject, event))| {
            Recorded::of(event, subject, sequence, DateTime::UNIX_EPOCH)
        })
        .collect()
}

/// A stream of this length.
pub(crate) fn head(last_sequence: u64) -> Head {
    Head { created_at: DateTime::UNIX_EPOCH, first_sequence: 1, last_sequence }
}

/// A writer over the view in `dir`.
pub(crate) fn writer(dir: &Path, district: &District) -> Writer {
    let opened = open_store(&folder(dir), head(u64::MAX)).unwrap();
    assert_eq!((opened.was_rebuilt, opened.incident), (None, None));
    Writer::new(Arc::new(View::load(opened.store, head(u64::MAX), Some(district)).unwrap()))
}
