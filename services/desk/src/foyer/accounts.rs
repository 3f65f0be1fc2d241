//! `/v1/staff`: the accounts, for the administrator. The rules are those of `unstuck staff`.
//!
//! Invariants: every change leaves an audit line that names the account, and ends its sessions at once; no password and
//! no hash is in an answer; the last administrator stays.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use casework::permission;
use proto_events::Timestamp;
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::audit::AuditLine;
use runtime::http::{FieldError, Operation, Path, Problem, StrictJson};
use runtime::identity::{IdentityError, NewStaff, Signed, Staff, StaffChange, Username};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::admit;
use crate::{Desk, DeskState};

/// All accounts.
#[derive(Debug, Serialize, JsonSchema)]
struct AccountsAnswer {
    /// By username.
    items: Vec<AccountAnswer>,
    total: usize,
}

/// An account.
#[derive(Debug, Serialize, JsonSchema)]
struct AccountAnswer {
    #[serde(flatten)]
    staff: Staff,
    /// When it was made.
    created_at: Timestamp,
    /// Whether sign-in is refused.
    disabled: bool,
    /// Whether a sign-in needs a code.
    second_factor: bool,
}

/// A new account.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// What the person signs in with.
    username: String,
    /// The person's name.
    name: String,
    /// The role.
    role: Role,
    /// The center of a clerk or director.
    #[serde(default)]
    center: Option<CenterId>,
    /// The department of a handler or department lead.
    #[serde(default)]
    department: Option<DepartmentId>,
    /// The password, at least 10 characters.
    password: String,
}

/// A password.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    /// The password from now on, at least 10 characters.
    password: String,
}

/// What becomes of an account. What is absent stays; a center or department of null is taken away.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    /// The name.
    #[serde(default)]
    name: Option<String>,
    /// The role.
    #[serde(default)]
    role: Option<Role>,
    /// The center.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<CenterId>")]
    center: Option<Option<CenterId>>,
    /// The department.
    #[serde(default, deserialize_with = "given")]
    #[schemars(with = "Option<DepartmentId>")]
    department: Option<Option<DepartmentId>>,
}

/// Reads a field that is there: null is a value of its own.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

pub(super) fn routes() -> Router<DeskState> {
    Router::new()
        .route("/v1/staff", get(list).post(add))
        .route("/v1/staff/{username}/password", post(set_password))
        .route("/v1/staff/{username}/second-factor/reset", post(reset_second_factor))
        .route("/v1/staff/{username}/remove", post(remove))
        .route("/v1/staff/{username}/change", post(change))
}

pub(super) fn operations() -> Vec<Operation> {
    let operation = |method, path, summary| Operation::new(method, path, "staff", summary);
    vec![
        operation(Method::GET, "/v1/staff", "All accounts").answers::<AccountsAnswer>(200),
        operation(Method::POST, "/v1/staff", "Adds an account")
            .takes::<NewAccount>()
            .answers::<Staff>(201)
            .refuses(&["username_taken"]),
        operation(
            Method::POST,
            "/v1/staff/{username}/password",
            "Sets another password; the sessions of the account end",
        )
        .takes::<PasswordBody>()
        .answers_with(204, "application/json"),
        operation(
            Method::POST,
            "/v1/staff/{username}/second-factor/reset",
            "Takes the second factor of an account away, for who has lost it; its sessions end",
        )
        .answers_with(204, "application/json"),
        operation(
            Method::POST,
            "/v1/staff/{username}/remove",
            "Removes an account; its sessions end",
        )
        .answers_with(204, "application/json")
        .refuses(&["last_admin"]),
        operation(
            Method::POST,
            "/v1/staff/{username}/change",
            "Changes name, role, center or department; the sessions of the account end",
        )
        .takes::<ChangeBody>()
        .answers::<Staff>(200)
        .refuses(&["last_admin"]),
    ]
}

async fn list(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
) -> Result<Json<AccountsAnswer>, Problem> {
    let admin = Admin::of(&desk, &staff, "staff_list").await?;
    let accounts = admin.desk.identity.list().await?;
    let items: Vec<AccountAnswer> = accounts
        .into_iter()
        .map(|account| AccountAnswer {
            created_at: desk.local(account.created_at),
            disabled: account.disabled,
            second_factor: account.has_second_factor(),
            staff: account.staff,
        })
        .collect();
    Ok(Json(AccountsAnswer { total: items.len(), items }))
}

async fn add(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    body: Result<StrictJson<NewAccount>, Problem>,
) -> Result<(StatusCode, Json<Staff>), Problem> {
    let admin = Admin::of(&desk, &staff, "staff_add").await?;
    let StrictJson { value, .. } = body?;
    let NewAccount { username, name, role, center, department, password } = value;
    admin.places(center.as_ref(), department.as_ref())?;
    let username: Username = username.parse()?;
    let new = NewStaff { username, name, role, center, department };
    let made = desk.identity.add(new, &password).await?;
    admin.note("staff_added", &made.username, Some(&made)).await;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn set_password(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(username): Path<String>,
    body: Result<StrictJson<PasswordBody>, Problem>,
) -> Result<StatusCode, Problem> {
    let admin = Admin::of(&desk, &staff, "staff_password").await?;
    let StrictJson { value, .. } = body?;
    let username = named(&username)?;
    desk.identity.set_password(&username, &value.password).await?;
    admin.note("staff_password_set", &username, None).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_second_factor(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(username): Path<String>,
) -> Result<StatusCode, Problem> {
    let admin = Admin::of(&desk, &staff, "staff_second_factor").await?;
    let username = named(&username)?;
    desk.identity.reset_second_factor(&username).await?;
    admin.note("staff_second_factor_reset", &username, None).await;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(username): Path<String>,
) -> Result<StatusCode, Problem> {
    let admin = Admin::of(&desk, &staff, "staff_remove").await?;
    let username = named(&username)?;
    let removed = admin.unless_last(desk.identity.remove_staff(&username).await).await?;
    admin.note("staff_removed", &username, Some(&removed)).await;
    if let Err(error) = desk.drafts.discard_all(&username).await {
        // Nobody can read them any more, and they go by themselves in three days.
        tracing::warn!(error = &error as &dyn std::error::Error, "drafts were left behind");
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn change(
    State(desk): State<Arc<Desk>>,
    Signed(staff): Signed,
    Path(username): Path<String>,
    body: Result<StrictJson<ChangeBody>, Problem>,
) -> Result<Json<Staff>, Problem> {
    let admin = Admin::of(&desk, &staff, "staff_change").await?;
    let StrictJson { value, .. } = body?;
    let username = named(&username)?;
    let ChangeBody { name, role, center, department } = value;
    admin.places(
        center.as_ref().and_then(Option::as_ref),
        department.as_ref().and_then(Option::as_ref),
    )?;
    let wish = StaffChange { name, role, center, department };
    let changed = admin.unless_last(desk.identity.change_staff(&username, wish).await).await?;
    admin.note("staff_changed", &username, Some(&changed)).await;
    Ok(Json(changed))
}

/// The username of a path; what is none names no account.
fn named(text: &str) -> Result<Username, Problem> {
    text.parse().map_err(|_| Problem::not_found("there is no such account (没有这个账号)"))
}

/// An administrator at work.
pub(super) struct Admin<'a> {
    desk: &'a Desk,
    staff: &'a Staff,
}

impl<'a> Admin<'a> {
    pub(super) async fn of(desk: &'a Desk, staff: &'a Staff, what: &str) -> Result<Self, Problem> {
        admit(desk, staff, what, permission::may_administer_accounts(staff.role)).await?;
        Ok(Self { desk, staff })
    }

    /// Refuses places that the district does not have.
    pub(super) fn places(
        &self,
        center: Option<&CenterId>,
        department: Option<&DepartmentId>,
    ) -> Result<(), Problem> {
        let rules = &self.desk.district.rules;
        let mut faults = Vec::new();
        let mut fault = |pointer: &str, detail: String| {
            faults.push(FieldError { pointer: pointer.to_owned(), detail });
        };
        if let Some(center) = center.filter(|id| !rules.centers.contains_key(*id)) {
            fault("/center", format!("the district has no center {center} (没有这个中心)"));
        }
        if let Some(department) = department.filter(|id| !rules.departments.contains_key(*id)) {
            let detail = format!("the district has no department {department} (没有这个部门)");
            fault("/department", detail);
        }
        if faults.is_empty() { Ok(()) } else { Err(Problem::invalid_fields(faults)) }
    }

    /// Writes down that somebody wanted to leave the house without an administrator.
    async fn unless_last<T>(&self, outcome: Result<T, IdentityError>) -> Result<T, Problem> {
        if let Err(IdentityError::LastAdmin(username)) = &outcome {
            let line = self.line("refused").detail(format!("{username}: last_admin"));
            self.desk.audit.record(line).await;
        }
        Ok(outcome?)
    }

    async fn note(&self, what: &'static str, username: &Username, now: Option<&Staff>) {
        let place = now.and_then(|staff| {
            let center = staff.center.as_ref().map(CenterId::as_str);
            center.or(staff.department.as_ref().map(DepartmentId::as_str))
        });
        let detail = match now {
            None => username.to_string(),
            Some(staff) => {
                format!("{username} ({}{}{})", staff.role, sep(place), place.unwrap_or(""))
            }
        };
        self.note_text(what, detail).await;
    }

    pub(super) async fn note_text(&self, what: &'static str, detail: String) {
        self.desk.audit.record(self.line(what).detail(detail)).await;
    }

    fn line(&self, what: &'static str) -> AuditLine {
        AuditLine::new(self.staff.username.as_str(), what).role(self.staff.role)
    }
}

fn sep(place: Option<&str>) -> &'static str {
    if place.is_some() { ", " } else { "" }
}
