//! Silence, zero, and days that nobody owes.

use chrono::DateTime;
use proto_events::codes::Role;
use runtime::clock::ManualClock;
use runtime::log::memory::MemoryLog;

use super::*;
use crate::centers::tests::{append, closed, running, tallied};
use crate::testing::at;
use crate::tests::Running;

fn actor(role: Role, center: Option<&str>) -> Actor {
    Actor {
        username: "somebody".to_owned(),
        role,
        center: center.map(|id| id.parse().unwrap()),
        department: None,
    }
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn center(id: &str) -> CenterId {
    id.parse().unwrap()
}

/// What is written down in `centers::tests` begins on 26 January 2021; its days are 25 to 28, Monday to Thursday.
#[tokio::test]
async fn a_day_is_owed_from_the_beginning_of_the_district_until_it_is_over() {
    let cases = Running::start().await;
    let clock = std::sync::Arc::new(ManualClock::new(DateTime::UNIX_EPOCH));
    let (log, dir) = (MemoryLog::new(clock), tempfile::tempdir().unwrap());
    let (centers, token, task) = running(&log, dir.path()).await;
    append(&log, 0, &tallied(0, 1, 0, 3, 4)).await;
    append(&log, 1, &closed(0, 1, 3)).await;
    // Of the 27th, closed on the 28th at ten: late.
    append(&log, 48, &closed(0, 2, 4)).await;
    let last = append(&log, 2, &closed(1, 1, 0)).await;
    centers.applied().wait_for(|applied| *applied >= last).await.unwrap();

    let coordinator = actor(Role::Coordinator, None);
    let view = centers.view();
    let look = |now: &str| {
        let moment = Moment { at: at(now), is_past: true };
        Reports::new(&cases.core, None, &view, moment)
    };
    let beats = |now: &str, id: &str| -> Vec<(String, Standing, Option<u64>)> {
        let found = look(now).of_center(&center(id), &coordinator).heartbeat.unwrap();
        found
            .into_iter()
            .map(|beat| (beat.date.to_string(), beat.standing, beat.consultations))
            .collect()
    };
    let on = |date: &str, standing, consultations| (date.to_owned(), standing, consultations);
    // The 25th lies before anything was written down: nobody owes it.
    assert_eq!(
        beats("2021-01-28T17:30:00", "donghuashi"),
        [
            on("2021-01-26", Standing::Reported, Some(3)),
            on("2021-01-27", Standing::Late, Some(4)),
            on("2021-01-28", Standing::Pending, None),
        ]
    );
    // A weekend is no beat, and a report of zero is none of silence.
    assert_eq!(
        beats("2021-02-01T10:00:00", "jingshan"),
        [
            on("2021-01-26", Standing::Reported, Some(0)),
            on("2021-01-27", Standing::Silent, None),
            on("2021-01-28", Standing::Silent, None),
            on("2021-01-29", Standing::Silent, None),
            on("2021-02-01", Standing::Pending, None),
        ]
    );
    // A report that came later is not there when one looks back.
    assert_eq!(beats("2021-01-27T18:00:00", "donghuashi")[1].1, Standing::Silent);

    let month = (day("2021-01-01"), day("2021-01-31"));
    let count = |now: &str, reader: &Actor, id: &str, name: &str| {
        let figure = look(now).figures(reader, Some(&center(id)), month)[name];
        (figure.numerator, figure.denominator)
    };
    let monday = "2021-02-01T10:00:00";
    assert_eq!(count(monday, &coordinator, "donghuashi", "heartbeat"), (2, 4));
    assert_eq!(count(monday, &coordinator, "jingshan", "heartbeat"), (1, 4));
    assert_eq!(count(monday, &coordinator, "dongsi", "heartbeat"), (0, 4));
    assert_eq!(count("2021-01-28T10:00:00", &coordinator, "dongsi", "heartbeat"), (0, 2));
    assert_eq!(count(monday, &coordinator, "donghuashi", "consultations").0, 4);
    assert_eq!(count(monday, &coordinator, "donghuashi", "consultation_conversion"), (4, 4));
    // Of a center that one may not see, nothing is counted and nothing is owed.
    let clerk = actor(Role::Clerk, Some("donghuashi"));
    assert_eq!(count(monday, &clerk, "jingshan", "heartbeat"), (0, 0));
    assert_eq!(look(monday).of_center(&center("jingshan"), &clerk), Reporting::default());
    let last = look(monday).of_center(&center("donghuashi"), &clerk).last_report.unwrap();
    assert_eq!((last.date, last.consultations), (day("2021-01-27"), 4));
    token.cancel();
    task.await.unwrap();
}
