//! The centers that have a server of their own: who is off, who is silent, and what a person does about it.

use chrono::{DateTime, TimeDelta, Utc};
use desk::District;
use desk::enrolled::{CLOCK_OFF_MAX, CenterKnown, Enrolled, LineStanding, OfBoth, Stream, Trouble};
use proto_events::ids::CenterId;
use runtime::clock::{Clock as _, SystemClock};
use runtime::kv::Bucket;
use runtime::streams::ENROLLED_BUCKET;

use super::{Findings, named};
use crate::bus::ToolBus;
use crate::settings::Place;

const LOOK: &str = "centers";

pub(super) async fn look(
    bus: &ToolBus,
    place: &Place,
    district: &District,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let enrolled = Enrolled::new(Bucket::open(&bus.js, ENROLLED_BUCKET).await?);
    for center in district.rules.centers.keys() {
        let Some(enrolment) = enrolled.enrolment(center).await? else { continue };
        if enrolment.revoked_at.is_some() {
            findings.ok(LOOK, format_args!("{center}: revoked; nothing of its machine is taken"));
            continue;
        }
        // What an earlier machine said is no word of the one that is enrolled now.
        let line = enrolled.line(center).await?.filter(|line| line.number == enrolment.number);
        let mut places = OfBoth::default();
        for stream in Stream::ALL {
            *places.of_mut(stream) = enrolled.place(center, stream).await?.0;
        }
        let known = CenterKnown { enrolment: Some(enrolment), line, places };
        tell(center, &known, SystemClock.now(), place, findings);
    }
    Ok(())
}

fn tell(
    center: &CenterId,
    known: &CenterKnown,
    now: DateTime<Utc>,
    place: &Place,
    findings: &mut Findings,
) {
    let Some(line) = &known.line else {
        return findings.note(
            LOOK,
            format_args!("{center}: enrolled, and never heard"),
            "nobody can register there before its line was up once",
            "unstuck center --join FILE    # at the center, with the file that `unstuck enroll` wrote",
        );
    };
    let before = findings.findings.len();
    if let Some(trouble) = line.trouble {
        let fix = match trouble {
            Trouble::OldDisk | Trouble::Forked => {
                "unstuck center --recover    # at the center".to_owned()
            }
            Trouble::NotItsOwn => {
                "unstuck verify    # at the center; it names the place".to_owned()
            }
            _ => format!("unstuck doctor {}    # again, and the log of the center", named(place)),
        };
        findings.wrong(
            LOOK,
            format_args!("{center}: {}", trouble.told()),
            "what is registered there does not arrive",
            fix,
        );
    }
    let ahead = TimeDelta::seconds(line.clock_ahead_seconds);
    if ahead.abs() > CLOCK_OFF_MAX {
        let way = if ahead < TimeDelta::zero() { "behind" } else { "ahead" };
        findings.wrong(
            LOOK,
            format_args!("{center}: its clock is {} {way}", span(ahead)),
            "what it registers is dated and promised by that clock; its cases say by how much it was off",
            "timedatectl set-ntp true    # at the center; then `timedatectl` says whether it is synchronized",
        );
    }
    if let Some((_, heard_at)) = &line.other_machine {
        findings.note(
            LOOK,
            format_args!("{center}: a second machine came in its name at {}", heard_at.to_rfc3339()),
            "it was refused; the first stays the center",
            "systemctl stop unstuck    # on the one that is not the center; or enroll anew, for another machine",
        );
    }
    if known.standing(now) != LineStanding::Up {
        findings.note(
            LOOK,
            format_args!(
                "{center}: not heard since {}; {} facts had not arrived then",
                line.heard_at.to_rfc3339(),
                known.lag_events()
            ),
            "it goes on registering; what it writes arrives when the line is back",
            "curl -fsS http://127.0.0.1:8080/healthz    # at the center, whether it runs; then its line",
        );
    }
    if findings.findings.len() == before {
        findings.ok(LOOK, format_args!("{center}: heard, its clock agrees"));
    }
}

/// How far apart two clocks are, for people.
fn span(apart: TimeDelta) -> String {
    let minutes = apart.num_minutes().abs();
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use desk::enrolled::Line;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000 + seconds, 0).unwrap()
    }

    fn told(line: Option<Line>) -> Vec<(State, String, bool)> {
        let mut findings = Findings::default();
        let known = CenterKnown { line, ..CenterKnown::default() };
        let place = Place { data: "data".into(), remote_bus: None, nats_server: None };
        tell(&"donghuashi".parse().unwrap(), &known, at(1), &place, &mut findings);
        findings.findings.into_iter().map(|one| (one.state, one.found, one.fix.is_some())).collect()
    }

    fn line(clock_ahead_seconds: i64) -> Line {
        Line {
            number: 1,
            instance: "one".to_owned(),
            heard_at: at(0).fixed_offset(),
            up_since: at(0).fixed_offset(),
            clock_ahead_seconds,
            ends: OfBoth::default(),
            waiting_since: None,
            trouble: None,
            other_machine: None,
        }
    }

    #[test]
    fn a_clock_that_is_off_is_wrong_and_says_by_how_much_and_which_way() {
        assert_eq!(told(Some(line(300)))[0].0, State::Ok);
        for (seconds, words) in [
            (-86_400, "its clock is 1 d 0 h behind"),
            (3_601, "its clock is 1 h 0 min ahead"),
            (301, "its clock is 5 min ahead"),
        ] {
            let told = told(Some(line(seconds)));
            assert!(told.len() == 1 && told[0].2, "{told:?}");
            assert_eq!((told[0].0, &told[0].1), (State::Wrong, &format!("donghuashi: {words}")));
        }
    }

    #[test]
    fn who_was_never_heard_or_is_silent_is_a_note_and_trouble_is_wrong() {
        assert_eq!(told(None)[0].0, State::Note);
        let silent = Line { heard_at: at(-60).fixed_offset(), ..line(0) };
        assert_eq!(told(Some(silent))[0].0, State::Note);
        let forked = Line { trouble: Some(Trouble::Forked), ..line(0) };
        assert_eq!(told(Some(forked))[0].0, State::Wrong);
    }
}
