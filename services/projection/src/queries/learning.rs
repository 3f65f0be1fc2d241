//! `GET /v1/precedents` and `GET /v1/improvements`: what the district learned.
//!
//! Invariant: no applicant stands in what was learned; a case is named only to whoever may open it.

mod improvements;
mod precedents;

use axum::http::Method;
use casework::command::Actor;
use casework::learning::permission::may_read;
use proto_events::Timestamp;
use proto_events::codes::Cause;
use proto_events::ids::CaseId;
use runtime::http::{Operation, Parameter, Problem};
use uuid::Uuid;

use super::{Doors, VERSION_WAIT_MAX, parameters};
use crate::index::Index;

pub(super) use improvements::improvements;
pub(super) use precedents::precedents;

fn permitted(actor: Actor) -> Result<Actor, Problem> {
    if may_read(actor.role) {
        Ok(actor)
    } else {
        Err(Problem::forbidden("what the district learned is not yours to see (无权查看)"))
    }
}

/// A cause, or the letter of its category.
fn is_of_cause(cause: Cause, asked: Option<Cause>) -> bool {
    asked.is_none_or(|asked| {
        asked == cause || (!asked.has_sub_code() && asked.category() == cause.category())
    })
}

fn openable(index: &Index, actor: &Actor, case_id: CaseId) -> Option<CaseId> {
    index.row(case_id).filter(|row| row.may_be_read_by(actor)).map(|_| case_id)
}

/// Waits until the view of what was learned includes a version, at most two seconds; gives the sequence that it has come
/// to.
async fn fresh(doors: &Doors, min_version: Option<u64>) -> u64 {
    let learned = &doors.learned;
    if let Some(version) = min_version.filter(|version| *version > learned.sequence()) {
        let mut applied = learned.applied();
        let included = applied.wait_for(|sequence| *sequence >= version);
        let _ = tokio::time::timeout(VERSION_WAIT_MAX, included).await;
    }
    learned.sequence()
}

/// Where something stands in a list: by when it began, and by its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    micros: i64,
    id: Uuid,
}

impl Place {
    fn of(at: Timestamp, id: Uuid) -> Self {
        Self { micros: at.timestamp_micros(), id }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}_{}", self.micros, self.id)
    }
}

impl std::str::FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (micros, id) = text.split_once('_').ok_or(())?;
        Ok(Self { micros: micros.parse().map_err(|_| ())?, id: id.parse().map_err(|_| ())? })
    }
}

/// The index behind the item that a cursor names; in a list by time, of the first one that is older when that item is no
/// longer in it.
///
/// # Errors
/// `invalid` when there is no telling.
fn begins(places: &[Place], cursor: Option<Place>, by_time: bool) -> Result<usize, Problem> {
    let Some(cursor) = cursor else { return Ok(0) };
    if by_time {
        return Ok(places.partition_point(|place| *place >= cursor));
    }
    let index = places.iter().position(|place| *place == cursor);
    index.map(|index| index + 1).ok_or_else(parameters::foreign_cursor)
}

/// Their entries in OpenAPI.
pub(super) fn operations() -> [Operation; 2] {
    [precedents::operation(), improvements::operation()]
}

fn operation(path: &'static str, summary: &'static str) -> Operation {
    Operation::new(Method::GET, path, "queries", summary).refuses(&["invalid"])
}

fn min_version() -> Parameter {
    Parameter::query::<u64>(
        "min_version",
        "Wait up to two seconds until the view includes this version of a precedent or an improvement",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn place(minute: u32, n: u128) -> Place {
        let at = at("2026-03-04T10:00:00") + chrono::TimeDelta::minutes(i64::from(minute));
        Place::of(at, Uuid::from_u128(n))
    }

    #[test]
    fn a_cursor_reads_back_and_nothing_else_is_one() {
        let one = place(7, 42);
        assert_eq!(one.to_string().parse(), Ok(one));
        for text in ["", "_", "7", "7_x", "x_0198", "中文"] {
            assert_eq!(text.parse::<Place>(), Err(()), "{text}");
        }
    }

    #[test]
    fn a_list_by_time_goes_on_although_what_the_cursor_names_has_left_it() {
        let places = [place(9, 1), place(7, 2), place(7, 1), place(3, 1)];
        assert_eq!(begins(&places, None, true), Ok(0));
        assert_eq!(begins(&places, Some(place(7, 2)), true), Ok(2));
        assert_eq!(begins(&places, Some(place(8, 5)), true), Ok(1));
        assert_eq!(begins(&places, Some(place(1, 1)), true), Ok(4));
        // By likeness there is no telling where it would stand.
        assert_eq!(begins(&places, Some(place(7, 1)), false), Ok(3));
        assert_eq!(begins(&places, Some(place(8, 5)), false).unwrap_err().code, "invalid");
    }

    #[test]
    fn a_letter_stands_for_its_category() {
        let (cause, other) = (Cause::SystemNotShared, Cause::Policy);
        assert!(is_of_cause(cause, None) && is_of_cause(cause, Some(cause)));
        assert!(is_of_cause(cause, Some(Cause::System)));
        assert!(!is_of_cause(cause, Some(other)) && !is_of_cause(Cause::System, Some(cause)));
    }
}
