//! `GET /v1/colleagues`: whom one may name as handler, countersigner, chair, and who is behind a username that stands in
//! a case. For everybody who is signed in: a case says who did what, and these are the names of the house.
//!
//! Invariant: whoever cannot sign in any more is named where he has acted, and offered to nobody.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::Method;
use axum::routing::get;
use axum::{Json, Router};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::http::{Operation, Parameter, Problem, Query};
use runtime::identity::{Identity, Signed, Staff, Username};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Desk, DeskState};

/// Most people of one answer; whoever looks for somebody among more types a letter of the name.
const COLLEAGUES_MAX: usize = 200;
/// Accounts that are read at once when people are asked for by their usernames.
const READS_AT_ONCE: usize = 16;
/// Longest text to search for, in characters: a username's.
const TEXT_CHARS_MAX: usize = 64;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    center: Option<CenterId>,
    department: Option<DepartmentId>,
    role: Option<Role>,
    q: Option<String>,
    username: Option<String>,
}

/// People who work here.
#[derive(Debug, Serialize, JsonSchema)]
struct ColleaguesAnswer {
    /// By username, at most 200.
    items: Vec<Staff>,
    /// How many fit.
    total: usize,
}

pub(super) fn routes() -> Router<DeskState> {
    Router::new().route("/v1/colleagues", get(list))
}

pub(super) fn operation() -> Operation {
    Operation::new(Method::GET, "/v1/colleagues", "staff", "The people whom a command may name")
        .answers::<ColleaguesAnswer>(200)
        .refuses(&["invalid"])
        .parameter(Parameter::query::<CenterId>("center", "Only people of this center"))
        .parameter(Parameter::query::<DepartmentId>("department", "Only people of this department"))
        .parameter(Parameter::query::<Role>("role", "Only people of this role"))
        .parameter(Parameter::query::<String>(
            "q",
            "Only people with this text in name or username",
        ))
        .parameter(Parameter::query::<String>(
            "username",
            "Only these usernames, at most 200 with commas between them, also those whose account is disabled",
        ))
}

async fn list(
    State(desk): State<Arc<Desk>>,
    Signed(_): Signed,
    Query(asked): Query<Parameters>,
) -> Result<Json<ColleaguesAnswer>, Problem> {
    if asked.q.as_deref().is_some_and(|text| text.chars().count() > TEXT_CHARS_MAX) {
        let detail = format!("must have at most {TEXT_CHARS_MAX} characters");
        return Err(Problem::invalid("/q", detail));
    }
    if let Some(usernames) = &asked.username {
        let found = found(&desk.identity, usernames).await?;
        let items: Vec<Staff> = found.into_iter().filter(|staff| fits(staff, &asked)).collect();
        return Ok(Json(ColleaguesAnswer { total: items.len(), items }));
    }
    let everybody = desk.identity.everybody().await?;
    let active = everybody.iter().filter(|account| !account.disabled).map(|account| &account.staff);
    let fitting: Vec<&Staff> = active.filter(|staff| fits(staff, &asked)).collect();
    let total = fitting.len();
    let items = fitting.into_iter().take(COLLEAGUES_MAX).cloned().collect();
    Ok(Json(ColleaguesAnswer { items, total }))
}

/// Who is behind usernames, each once, by username; what is the username of nobody is left out.
async fn found(identity: &Identity, usernames: &str) -> Result<Vec<Staff>, Problem> {
    let texts: Vec<&str> = usernames.split(',').collect();
    if texts.len() > COLLEAGUES_MAX {
        let detail = format!("must name at most {COLLEAGUES_MAX} people");
        return Err(Problem::invalid("/username", detail));
    }
    let usernames: BTreeSet<Username> = texts.iter().filter_map(|text| text.parse().ok()).collect();
    let reads: Vec<_> = usernames.iter().map(|username| identity.find(username)).collect();
    let accounts: Vec<_> = stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await?;
    Ok(accounts.into_iter().flatten().map(|account| account.staff).collect())
}

fn fits(staff: &Staff, asked: &Parameters) -> bool {
    let text = asked.q.as_deref().map(|text| text.trim().to_lowercase());
    let has_text = |text: &str| {
        staff.username.as_str().contains(text) || staff.name.to_lowercase().contains(text)
    };
    asked.center.is_none_or_is(staff.center.as_ref())
        && asked.department.is_none_or_is(staff.department.as_ref())
        && asked.role.is_none_or(|role| staff.role == role)
        && text.is_none_or(|text| has_text(&text))
}

/// A filter that may be absent.
trait Filter<T> {
    fn is_none_or_is(&self, value: Option<&T>) -> bool;
}

impl<T: PartialEq> Filter<T> for Option<T> {
    fn is_none_or_is(&self, value: Option<&T>) -> bool {
        self.is_none() || self.as_ref() == value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_found_by_place_role_and_any_part_of_their_name() {
        let staff = Staff {
            username: "yang.li".parse().unwrap(),
            name: "样例".to_owned(),
            role: Role::Handler,
            center: None,
            department: Some("tax".parse().unwrap()),
        };
        let asked = |query: &str| Query::<Parameters>::of_text(query).unwrap().0;
        for query in ["", "department=tax", "role=handler&q=LI", "q=%E4%BE%8B"] {
            assert!(fits(&staff, &asked(query)), "{query}");
        }
        for query in ["department=housing", "center=jingshan", "role=clerk", "q=wang"] {
            assert!(!fits(&staff, &asked(query)), "{query}");
        }
    }
}
