//! The demo's accounts: one for each door, all with one password that is drawn once per data folder; and everybody else
//! of whom the history tells, by name and without a password.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::Context as _;
use casework::command::Actor;
use casework::rules::Rules;
use desk::Desk;
use proto_events::codes::Role;
use proto_events::ids::ReceiptCode;
use runtime::identity::NewStaff;
use simulation::people::{DECIDER, is_of_center, is_of_department, person};

use crate::say;

/// Username, name, role, and the center or department.
const ACCOUNTS: &[(&str, &str, Role, &str)] = &[
    ("demo-clerk-donghuashi", "窗口样例员", Role::Clerk, "donghuashi"),
    ("demo-clerk-jingshan", "窗口样例员", Role::Clerk, "jingshan"),
    ("demo-director-donghuashi", "中心主任样例", Role::Director, "donghuashi"),
    ("demo-handler-hr", "人社承办样例员", Role::Handler, "hr-public-service"),
    ("demo-lead-hr", "人社负责人样例", Role::DepartmentLead, "hr-public-service"),
    ("demo-handler-civil", "民政承办样例员", Role::Handler, "civil-affairs"),
    ("demo-lead-civil", "民政负责人样例", Role::DepartmentLead, "civil-affairs"),
    ("demo-coordinator", "区级协调样例员", Role::Coordinator, ""),
    (DECIDER, "区级分管样例员", Role::Coordinator, ""),
    ("demo-callback", "回访样例员", Role::Callback, ""),
    ("demo-privacy", "个人信息保护样例专员", Role::PrivacyOfficer, ""),
    ("demo-auditor", "审计样例员", Role::Auditor, ""),
    ("demo-admin", "系统管理样例员", Role::Admin, ""),
];

/// Makes the accounts that are missing, and gives their password.
pub(super) async fn prepare(desk: &Desk, data: &Path) -> anyhow::Result<String> {
    let (password, is_new) = password(&data.join("demo-password"))?;
    for (username, name, role, place) in ACCOUNTS {
        let username = username.parse().context("a username")?;
        let is_there = desk.identity.find(&username).await?.is_some();
        if is_there && is_new {
            desk.identity.set_password(&username, &password).await?;
        } else if !is_there {
            let new = NewStaff {
                username,
                name: (*name).to_owned(),
                role: *role,
                center: place.parse().ok().filter(|_| is_of_center(*role)),
                department: place.parse().ok().filter(|_| is_of_department(*role)),
            };
            desk.identity.add(new, &password).await?;
        }
    }
    for new in everybody_else(&desk.district.rules)? {
        if desk.identity.find(&new.username).await?.is_none() {
            desk.identity.introduce(new).await?;
        }
    }
    Ok(password)
}

/// The people of the simulation who have no account of the demo, named by their offices.
fn everybody_else(rules: &Rules) -> anyhow::Result<Vec<NewStaff>> {
    let mut all = Vec::new();
    for (id, center) in &rules.centers {
        let place = center.name.strip_suffix("街道政务服务中心").unwrap_or(&center.name);
        for (role, office) in [(Role::Clerk, "窗口样例员"), (Role::Director, "中心主任样例")]
        {
            all.push((person(role, Some(id), None), format!("{place}{office}")));
        }
    }
    for (id, department) in &rules.departments {
        for (role, office) in [(Role::Handler, "承办样例员"), (Role::DepartmentLead, "负责人样例")]
        {
            all.push((person(role, None, Some(id)), format!("{}{office}", department.name)));
        }
    }
    let new = |(actor, name): (Actor, String)| {
        let Actor { username, role, center, department } = actor;
        let username = username.parse().context("a username")?;
        Ok(NewStaff { username, name, role, center, department })
    };
    let is_else =
        |(actor, _): &(Actor, String)| !ACCOUNTS.iter().any(|one| one.0 == actor.username);
    all.into_iter().filter(is_else).map(new).collect()
}

/// Says who may sign in.
pub(crate) fn introduce(password: &str) {
    say(format_args!("Demo accounts (password {password}):"));
    for (username, _, role, _) in ACCOUNTS {
        say(format_args!("  {username:<26} {} {}", role.label_zh(), role.label_en()));
    }
}

/// Reads the password, or draws it; says whether it is new.
fn password(path: &Path) -> anyhow::Result<(String, bool)> {
    let failed = || format!("{} cannot be used", path.display());
    match std::fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok((text.trim().to_owned(), false)),
        Ok(_) => std::fs::remove_file(path).with_context(failed)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(failed),
    }
    // Easy to read out, 54 random bits.
    let password = ReceiptCode::from_random(random()?).to_string();
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(0o600).open(path).with_context(failed)?;
    writeln!(file, "{password}").with_context(failed)?;
    Ok((password, true))
}

/// Random bits.
pub(crate) fn random() -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system gives no random bytes: {error}"))?;
    Ok(u64::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_drawn_once_and_only_its_owner_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("demo-password");
        let (first, is_new) = password(&path).unwrap();
        assert!(is_new && first.len() >= runtime::identity::PASSWORD_CHARS_MIN);
        assert_eq!(password(&path).unwrap(), (first, false));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn every_account_is_a_person_of_the_simulation() {
        for (username, _, role, place) in ACCOUNTS {
            let (center, department) = (place.parse().ok(), place.parse().ok());
            let named = person(*role, center.as_ref(), department.as_ref()).username;
            assert!(named == *username || *username == DECIDER, "{named} {username}");
        }
    }
}
