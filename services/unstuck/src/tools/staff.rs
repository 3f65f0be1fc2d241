//! `staff`: the accounts.
//!
//! Invariants: a password comes from standard input only and is never shown; what the command line says wrong
//! ends with 64, what the accounts refuse with 1; each change leaves an audit line.

use std::io::BufRead as _;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use desk::District;
use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};
use runtime::audit::{Audit, AuditLine};
use runtime::clock::{SharedClock, SystemClock};
use runtime::identity::{Account, Identity, IdentityError, NewStaff, Username};
use runtime::metrics::Metrics;
use serde_json::json;

use crate::bus::users::IDENTITY;
use crate::bus::{ToolBus, must_exist, on_bus};
use crate::cli::{AddArguments, PlaceArguments, StaffCommand};
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, Reader};

/// Who the audit names for what was done on the command line.
pub(super) const ACTOR: &str = "command-line";

/// Carries out one of the staff commands.
pub(crate) async fn run(command: StaffCommand, log_format: Option<String>) -> anyhow::Result<()> {
    match command {
        StaffCommand::Add(arguments) => add(arguments, log_format).await,
        StaffCommand::List { place, json } => {
            let place = crate::settings::tool(place, log_format)?;
            must_exist(&place)?;
            let accounts = on_bus(&place, async |bus| {
                Ok(Accounts::open(bus, "none").await?.identity.list().await?)
            })
            .await?;
            say(if json { as_json(&accounts) } else { as_table(&accounts) });
            Ok(())
        }
        StaffCommand::Remove { place, username } => {
            change(Change::Removal, place, &username, log_format).await
        }
        StaffCommand::ResetSecondFactor { place, username } => {
            change(Change::SecondFactor, place, &username, log_format).await
        }
        StaffCommand::Passwd { place, username, password_stdin: _ } => {
            change(Change::Password, place, &username, log_format).await
        }
    }
}

/// What becomes of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Removal,
    SecondFactor,
    Password,
}

async fn change(
    change: Change,
    place: PlaceArguments,
    username: &str,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let mut reader = Reader::new();
    let username = read_username(&mut reader, username);
    let (place, district) = (reader.place(place), reader.district(None));
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    must_exist(&place)?;
    let (username, district) = both(username, district)?;
    let password = match change {
        Change::Password => password_of_stdin()?,
        Change::Removal | Change::SecondFactor => String::new(),
    };
    let what = match change {
        Change::Removal => "staff_removed",
        Change::SecondFactor => "staff_second_factor_reset",
        Change::Password => "staff_password_set",
    };
    on_bus(&place, async |bus| {
        let accounts = Accounts::open(bus, district.rules.district.as_str()).await?;
        let identity = &accounts.identity;
        match change {
            Change::Removal => identity.remove_staff(&username).await.map(drop)?,
            Change::SecondFactor => identity.reset_second_factor(&username).await?,
            Change::Password => identity.set_password(&username, &password).await?,
        }
        accounts.write_down(what, username.as_str()).await;
        Ok(())
    })
    .await?;
    match change {
        Change::Removal => say(format_args!("Removed {username}")),
        Change::SecondFactor => {
            say(format_args!("Took the second factor of {username} away; its sessions have ended"));
        }
        Change::Password => {
            say(format_args!("Set the password of {username}; its sessions have ended"));
        }
    }
    Ok(())
}

async fn add(arguments: AddArguments, log_format: Option<String>) -> anyhow::Result<()> {
    let AddArguments { place, district, username, name, role, center, department, .. } = arguments;
    let mut reader = Reader::new();
    let place = reader.place(place);
    let district = reader.district(district);
    let username = read_username(&mut reader, &username);
    let role = read_role(&mut reader, &role);
    let center = read_center(&mut reader, center, district.as_ref());
    let department = read_department(&mut reader, department, district.as_ref());
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let (username, district) = both(username, district)?;
    let role = role.context("the role was read")?;
    let new = NewStaff { username, name, role, center, department };
    let password = password_of_stdin()?;
    let staff = on_bus(&place, async |bus| {
        let accounts = Accounts::open(bus, district.rules.district.as_str()).await?;
        let staff = accounts.identity.add(new, &password).await?;
        accounts.write_down("staff_added", staff.username.as_str()).await;
        Ok(staff)
    })
    .await?;
    say(format_args!("Added {} ({})", staff.username, staff.role));
    Ok(())
}

fn both<A, B>(username: Option<A>, district: Option<B>) -> anyhow::Result<(A, B)> {
    username.zip(district).context("username and district were read")
}

fn read_username(reader: &mut Reader, text: &str) -> Option<Username> {
    match text.parse() {
        Ok(username) => Some(username),
        Err(IdentityError::Invalid { problem, .. }) => {
            reader.0.fault("--username", problem);
            None
        }
        Err(error) => {
            reader.0.fault("--username", error.to_string());
            None
        }
    }
}

/// Reads a center that the district has.
pub(super) fn read_center(
    reader: &mut Reader,
    text: Option<String>,
    district: Option<&District>,
) -> Option<CenterId> {
    let text = text?;
    let known =
        |id: &CenterId| district.is_none_or(|district| district.rules.centers.contains_key(id));
    let id = text.parse::<CenterId>().ok().filter(known);
    if id.is_none() {
        reader.0.fault("--center", format!("the district has no center {text:?}"));
    }
    id
}

/// Reads a department that the district has.
pub(super) fn read_department(
    reader: &mut Reader,
    text: Option<String>,
    district: Option<&District>,
) -> Option<DepartmentId> {
    let text = text?;
    let known = |id: &DepartmentId| {
        district.is_none_or(|district| district.rules.departments.contains_key(id))
    };
    let id = text.parse::<DepartmentId>().ok().filter(known);
    if id.is_none() {
        reader.0.fault("--department", format!("the district has no department {text:?}"));
    }
    id
}

pub(super) fn read_role(reader: &mut Reader, text: &str) -> Option<Role> {
    let of_people = |role: &Role| *role != Role::System;
    let role = text.parse().ok().filter(of_people);
    if role.is_none() {
        let known: Vec<_> =
            Role::ALL.iter().filter(|role| of_people(role)).map(|role| role.code()).collect();
        reader.0.fault("--role", format!("{text:?} is none of {}", known.join(", ")));
    }
    role
}

/// Reads one line; what a person or a program wrote before the line break is the password, blanks included.
fn password_of_stdin() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
    let password = line.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(anyhow!(
            "standard input has no password; write it there, for example from a file"
        ));
    }
    Ok(password.to_owned())
}

/// The accounts of a bus, for a tool.
pub(super) struct Accounts {
    pub(super) identity: Arc<Identity>,
    audit: Audit,
}

impl Accounts {
    pub(super) async fn open(bus: &ToolBus, district: &str) -> anyhow::Result<Self> {
        let clock: SharedClock = Arc::new(SystemClock);
        let district = district.parse().context("the district's id is one")?;
        let line = bus.ways.line(IDENTITY).await?;
        let audit = Audit::new(line.clone(), district, clock.clone(), Metrics::new());
        let identity = Identity::open(&line, clock, audit.clone()).await?;
        Ok(Self { identity, audit })
    }

    pub(super) async fn write_down(&self, what: &'static str, detail: &str) {
        self.audit.record(AuditLine::new(ACTOR, what).detail(detail)).await;
    }
}

fn as_json(accounts: &[Account]) -> String {
    let listed: Vec<_> = accounts
        .iter()
        .map(|account| {
            let mut entry = json!(account.staff);
            entry["created_at"] = json!(account.created_at);
            entry["disabled"] = json!(account.disabled);
            entry
        })
        .collect();
    json!(listed).to_string()
}

fn as_table(accounts: &[Account]) -> String {
    if accounts.is_empty() {
        return "There is no account yet".to_owned();
    }
    let head = ["USERNAME", "NAME", "ROLE", "CENTER", "DEPARTMENT", ""].map(str::to_owned);
    let row = |account: &Account| {
        let staff = &account.staff;
        let text = |id: Option<String>| id.unwrap_or_else(|| "-".to_owned());
        [
            staff.username.to_string(),
            staff.name.clone(),
            staff.role.to_string(),
            text(staff.center.as_ref().map(ToString::to_string)),
            text(staff.department.as_ref().map(ToString::to_string)),
            if account.disabled { "disabled".to_owned() } else { String::new() },
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(accounts.iter().map(row)).collect();
    in_columns(&rows)
}

/// Puts rows under each other.
pub(super) fn in_columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            let blanks = " ".repeat(width - columns(cell));
            format!("{cell}{blanks}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// How many columns of a terminal a text takes: a Chinese character takes two.
fn columns(text: &str) -> usize {
    text.chars().map(|c| if ('\u{1100}'..='\u{ffe6}').contains(&c) { 2 } else { 1 }).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chinese_name_takes_two_columns_a_character() {
        assert_eq!(columns("样例"), 4);
        assert_eq!(columns("yang.li"), 7);
    }

    #[test]
    fn a_role_that_nobody_has_is_refused_with_those_that_there_are() {
        let mut reader = Reader::new();
        assert_eq!(read_role(&mut reader, "clerk"), Some(Role::Clerk));
        assert_eq!(read_role(&mut reader, "emperor"), None);
        assert_eq!(read_role(&mut reader, "system"), None);
        let faults = reader.0.finish().unwrap_err().to_string();
        assert!(faults.contains("emperor") && faults.contains("department_lead"), "{faults}");
        assert!(!faults.contains("admin, system"), "{faults}");
    }

    #[test]
    fn a_disabled_account_of_a_department_is_listed_in_columns() {
        let account: Account = serde_json::from_value(json!({
            "username": "yang.li", "name": "样例", "role": "handler", "center": null, "department": "housing",
            "created_at": "2026-01-01T00:00:00Z", "disabled": true, "password_hash": "secret", "stamp": "s",
        }))
        .unwrap();
        let table = as_table(std::slice::from_ref(&account));
        assert_eq!(
            table,
            "USERNAME  NAME  ROLE     CENTER  DEPARTMENT\nyang.li   样例  handler  -       housing     disabled"
        );
        assert!(!as_json(&[account]).contains("secret"));
    }
}
