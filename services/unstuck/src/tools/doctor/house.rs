//! What stands beside the bus: the key, the calendar, the disk.

use casework::calendar::WorkingCalendar;
use desk::District;
use runtime::clock::{Clock as _, SystemClock};
use runtime::vault::{MASTER_KEY_VARIABLE, MasterKey, MasterKeyError};

use super::Findings;
use crate::settings::{MASTER_KEY_FILE, Place};
use crate::watch::{Disk, disk_of};
use crate::wiring::CALENDAR_WARNING_DAYS;

/// Shares of a disk that are left, in percent, below which a person should know, and has to do something.
const FREE_PERCENT_NOTED: u64 = 10;
const FREE_PERCENT_MIN: u64 = 2;

pub(super) fn look(place: &Place, district: &District, findings: &mut Findings) {
    master_key(place, findings);
    calendar(&district.rules.calendar, findings);
    match disk_of(&place.data) {
        Ok(disk) => room(disk, place, findings),
        // Of a bus that runs elsewhere there may be no folder here.
        Err(_) if place.remote_bus.is_some() => {}
        Err(error) => findings.taken("disk", Err(error.into()), place),
    }
}

fn master_key(place: &Place, findings: &mut Findings) {
    const LOST: &str =
        "without it nobody's name or telephone can be read or written; cases and figures stay";
    let path = place.data.join(MASTER_KEY_FILE);
    let shown = path.display();
    match MasterKey::load(&path) {
        Ok(Some(key)) => findings.ok("master_key", format_args!("master key {}", key.fingerprint())),
        Ok(None) => findings.wrong(
            "master_key",
            format_args!("no master key: neither {shown} nor {MASTER_KEY_VARIABLE}"),
            LOST,
            format!("install -m 600 COPY {shown}    # COPY is the one that is kept offline"),
        ),
        Err(error @ MasterKeyError::TooOpen(_)) => findings.wrong(
            "master_key",
            error,
            "whoever can read it can read everybody who ever asked for help, beside a copy of the bus",
            format!("chmod 600 {shown}"),
        ),
        Err(error) => findings.wrong(
            "master_key",
            format_args!("{:#}", anyhow::Error::from(error)),
            LOST,
            format!("install -m 600 COPY {shown}    # COPY is the one that is kept offline"),
        ),
    }
}

fn calendar(calendar: &WorkingCalendar, findings: &mut Findings) {
    const FIX: &str = "add the year to the calendar file beside the district file (deploy/README.md), then start the services anew";
    let today = calendar.date_of(SystemClock.now().with_timezone(&calendar.offset()));
    let (end, version) = (calendar.published_to(), calendar.version());
    let left = (end - today).num_days();
    match left {
        ..=0 => findings.wrong(
            "calendar",
            format_args!("the working calendar {version} ended on {end}"),
            "promises are counted as if there were no holidays, and are provisional",
            FIX,
        ),
        1..=CALENDAR_WARNING_DAYS => findings.note(
            "calendar",
            format_args!("the working calendar {version} ends on {end}, in {left} days"),
            "promises that end beyond it are provisional",
            FIX,
        ),
        _ => {
            findings.ok("calendar", format_args!("the working calendar {version} reaches to {end}"))
        }
    }
}

fn room(disk: Disk, place: &Place, findings: &mut Findings) {
    const MEANING: &str = "when it is full no event is stored, and no case can be registered";
    let Disk { free_bytes, size_bytes } = disk;
    let percent = free_bytes.saturating_mul(100) / size_bytes.max(1);
    let found = format!(
        "{percent} % of the disk of {} are free ({} of {} GiB)",
        place.data.display(),
        free_bytes >> 30,
        size_bytes >> 30
    );
    let fix =
        format!("du -xh --max-depth=2 {} | sort -h | tail    # what grew", place.data.display());
    match percent {
        ..FREE_PERCENT_MIN => findings.wrong("disk", found, MEANING, fix),
        FREE_PERCENT_MIN..FREE_PERCENT_NOTED => findings.note("disk", found, MEANING, fix),
        _ => findings.ok("disk", found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::doctor::State;

    #[test]
    fn a_disk_is_well_noted_and_wrong_by_what_is_free() {
        let place = Place { data: "/data".into(), remote_bus: None, nats_server: None };
        let state = |free_bytes| {
            let mut findings = Findings::default();
            room(Disk { free_bytes, size_bytes: 1000 }, &place, &mut findings);
            findings.findings[0].state
        };
        assert_eq!(
            [500, 100, 99, 20, 19, 0].map(state),
            [State::Ok, State::Ok, State::Note, State::Note, State::Wrong, State::Wrong]
        );
    }

    #[test]
    fn a_calendar_that_is_about_to_end_is_noted() {
        let district = District::load(None).unwrap();
        let mut findings = Findings::default();
        calendar(&district.rules.calendar, &mut findings);
        assert_eq!(findings.findings.len(), 1);
        assert_eq!(findings.findings[0].look, "calendar");
    }
}
