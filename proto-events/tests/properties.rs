//! What holds for events of any content: they read back, and no body can harm the reader.

use std::fmt::Debug;

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proto_events::Timestamp;
use proto_events::codes::{
    Cause, Clock, Complexity, ConveneTrigger, ExplanationMode, Grade, Level, Resolution, Role,
    Solved, Understood,
};
use proto_events::events::{
    CaseEvent, CaseEventKind, Change, Escalated, Explained, Explainer, FeedbackRecorded, Forwarded,
    Member, Mode, NotDoableDetermined, PolicyBasis, ProgressNoted, Reclassified, Resolved,
    TaskForceConvened, WindowContact,
};
use proto_events::ids::DepartmentId;
use proto_events::upcast;
use serde_json::Value;

fn text() -> impl Strategy<Value = String> {
    // Any characters at all, and the ones that this house writes.
    prop_oneof![any::<String>(), "[\u{4e00}-\u{9fff}，。《》〔〕]{0,40}", "[\\PC\n\t\"\\\\]{0,40}"]
}

fn code<T: Copy + Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    select(all)
}

fn department() -> impl Strategy<Value = DepartmentId> {
    "[a-z0-9][a-z0-9-]{0,63}".prop_map(|text| text.parse().expect("the pattern is that of a slug"))
}

fn mode() -> impl Strategy<Value = Mode> {
    "[a-z][a-z0-9_]{0,31}"
        .prop_map(|text| Mode::try_from(text).expect("the pattern is that of a mode"))
}

/// From 1970 to 2100, whole nanoseconds, any offset in whole minutes.
fn instant() -> impl Strategy<Value = Timestamp> {
    (0..4_102_444_800_i64, 0..1_000_000_000_u32, -720..=840_i32).prop_map(
        |(seconds, nanoseconds, minutes)| {
            let offset = chrono::FixedOffset::east_opt(minutes * 60).expect("less than a day");
            chrono::DateTime::from_timestamp(seconds, nanoseconds)
                .expect("before the year 2101")
                .with_timezone(&offset)
        },
    )
}

fn day() -> impl Strategy<Value = chrono::NaiveDate> {
    (0..60_000_u64).prop_map(|days| {
        let first = chrono::NaiveDate::from_ymd_opt(1949, 10, 1).expect("is a day");
        first.checked_add_days(chrono::Days::new(days)).expect("before the year 2114")
    })
}

fn forwarded() -> impl Strategy<Value = CaseEvent> {
    let contact = option::of((text(), option::of(text())))
        .prop_map(|pair| pair.map(|(window, phone)| WindowContact { window, phone }));
    (department(), text(), contact, instant(), instant(), instant(), any::<bool>()).prop_map(
        |(to, ask, contact, due_at, first_contact_due_at, return_until, automatic)| {
            Forwarded { to, ask, contact, due_at, first_contact_due_at, return_until, automatic }
                .into()
        },
    )
}

fn determined() -> impl Strategy<Value = CaseEvent> {
    let basis = (text(), option::of(text()), text(), option::of(day())).prop_map(
        |(title, number, article, in_force_from)| PolicyBasis {
            title,
            number,
            article,
            in_force_from,
        },
    );
    let texts = prop::collection::vec(text(), 0..4);
    (prop::collection::vec(basis, 0..4), text(), texts, text(), instant()).prop_map(
        |(basis, facts, alternatives, countersigned_by, explanation_due_at)| {
            NotDoableDetermined { basis, facts, alternatives, countersigned_by, explanation_due_at }
                .into()
        },
    )
}

fn explained() -> impl Strategy<Value = CaseEvent> {
    let explainers =
        prop::collection::vec(department().prop_map(|department| Explainer { department }), 0..4);
    let texts = || prop::collection::vec(text(), 0..3);
    (
        (any::<u32>(), code(ExplanationMode::ALL), explainers, texts(), texts()),
        (code(Understood::ALL), any::<bool>(), any::<bool>(), option::of(instant())),
    )
        .prop_map(
            |(
                (session, mode, explainers, documents, remedies),
                (understood, led_by_lead, ends, callback_due_at),
            )| {
                Explained {
                    session,
                    mode,
                    explainers,
                    documents,
                    remedies,
                    understood,
                    led_by_lead,
                    ends,
                    callback_due_at,
                }
                .into()
            },
        )
}

fn time_and_help() -> impl Strategy<Value = CaseEvent> {
    let escalated = (
        (code(Level::ALL), code(Clock::ALL), any::<u32>(), text()),
        (code(Role::ALL), text(), instant()),
    )
        .prop_map(|((level, clock, occurrence, rule), (told, body, due_at))| {
            Escalated { level, clock, occurrence, rule, told, body, due_at }.into()
        });
    let member =
        (department(), text()).prop_map(|(department, person)| Member { department, person });
    let convened = (
        (code(ConveneTrigger::ALL), text(), prop::collection::vec(member, 0..4)),
        (text(), text(), instant()),
    )
        .prop_map(|((trigger, chair, members), (objective, reason, first_meeting_due_at))| {
            TaskForceConvened { trigger, chair, members, objective, reason, first_meeting_due_at }
                .into()
        });
    prop_oneof![escalated, convened]
}

fn changes_and_outcomes() -> impl Strategy<Value = CaseEvent> {
    let complexity = option::of(
        (code(Complexity::ALL), code(Complexity::ALL)).prop_map(|(from, to)| Change { from, to }),
    );
    let cause =
        option::of((code(Cause::ALL), code(Cause::ALL)).prop_map(|(from, to)| Change { from, to }));
    let reclassified = (complexity, cause, text(), instant(), any::<bool>()).prop_map(
        |(complexity, cause, reason, due_at, provisional)| {
            let working_days = provisional.then_some(12);
            Reclassified { complexity, cause, reason, due_at, provisional, working_days }.into()
        },
    );
    let resolved = (code(Resolution::ALL), text(), code(Cause::ALL), any::<bool>(), instant())
        .prop_map(|(resolution, result, cause, process_change_needed, callback_due_at)| {
            Resolved { resolution, result, cause, process_change_needed, callback_due_at }.into()
        });
    let grade =
        option::of((1..=5_u8).prop_map(|value| Grade::try_from(value).expect("between 1 and 5")));
    let feedback =
        (any::<bool>(), option::of(code(Solved::ALL)), grade, option::of(text()), mode()).prop_map(
            |(responded, solved, grade, comment, mode)| {
                FeedbackRecorded { responded, solved, grade, comment, mode }.into()
            },
        );
    let progress =
        (text(), any::<bool>()).prop_map(|(text, public)| ProgressNoted { text, public }.into());
    prop_oneof![reclassified, resolved, feedback, progress]
}

fn event() -> impl Strategy<Value = CaseEvent> {
    prop_oneof![forwarded(), determined(), explained(), time_and_help(), changes_and_outcomes()]
}

/// JSON of any shape, three levels deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map("[a-z_]{1,12}", inner, 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn an_event_of_any_content_reads_back(event in event()) {
        let read = upcast::read(event.event_type(), &event.to_body());
        prop_assert_eq!(read.unwrap(), event);
    }

    #[test]
    fn bytes_of_any_kind_are_read_or_refused_without_panic(
        kind in select(CaseEventKind::ALL),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = upcast::read(kind.event_type(), &bytes);
    }

    #[test]
    fn json_of_any_shape_is_read_or_refused_without_panic(
        kind in select(CaseEventKind::ALL),
        body in any_json(),
    ) {
        let _ = upcast::read(kind.event_type(), body.to_string().as_bytes());
    }

    #[test]
    fn a_body_that_was_cut_off_is_refused(event in event(), share in 0.0..1.0_f64) {
        let body = event.to_body();
        let kept = ((body.len() as f64) * share) as usize;
        prop_assert!(upcast::read(event.event_type(), &body[..kept]).is_err());
    }

    #[test]
    fn a_type_that_nobody_published_is_refused(name in "\\PC{0,60}") {
        prop_assume!(CaseEventKind::of_type(&name).is_none());
        let unknown =
            matches!(upcast::read(&name, b"{}"), Err(upcast::UnreadableEvent::UnknownType(_)));
        prop_assert!(unknown);
    }
}
