//! `token`: the tokens of machines.
//!
//! Invariants: a token is printed once, alone on standard output, and stands nowhere else; each change leaves an audit
//! line.

use anyhow::{Context as _, anyhow};
use desk::SCOPES;
use runtime::identity::{MACHINE_TOKEN_DAYS_MAX, MachineToken, NewMachineToken};
use runtime::settings::whole_number;
use serde_json::json;

use super::staff::{ACTOR, Accounts, in_columns, read_center, read_department, read_role};
use crate::bus::{must_exist, on_bus};
use crate::cli::{AddTokenArguments, TokenCommand};
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, Reader};

/// How long a token lives when nobody says: a quarter.
const DAYS_DEFAULT: u64 = 90;

/// Carries out one of the token commands.
pub(crate) async fn run(command: TokenCommand, log_format: Option<String>) -> anyhow::Result<()> {
    match command {
        TokenCommand::Add(arguments) => add(arguments, log_format).await,
        TokenCommand::List { place, json } => {
            let place = crate::settings::tool(place, log_format)?;
            must_exist(&place)?;
            let tokens = on_bus(&place, async |bus| {
                Ok(Accounts::open(bus, "none").await?.identity.machine_tokens().await?)
            })
            .await?;
            say(if json { json!(tokens).to_string() } else { as_table(&tokens) });
            Ok(())
        }
        TokenCommand::Revoke { place, id } => {
            let mut reader = Reader::new();
            let (place, district) = (reader.place(place), reader.district(None));
            reader.finish(log_format, FILTER_OF_TOOLS)?;
            must_exist(&place)?;
            let district = district.context("the district was read")?;
            let revoked = on_bus(&place, async |bus| {
                let accounts = Accounts::open(bus, district.rules.district.as_str()).await?;
                let revoked = accounts.identity.revoke_machine_token(&id).await?;
                let revoked = revoked.ok_or_else(|| anyhow!("there is no token {id}"))?;
                accounts.write_down("token_revoked", &described(&revoked)).await;
                Ok(revoked)
            })
            .await?;
            say(format_args!("Revoked {} ({})", revoked.name, revoked.id));
            Ok(())
        }
    }
}

async fn add(arguments: AddTokenArguments, log_format: Option<String>) -> anyhow::Result<()> {
    let AddTokenArguments { place, district, name, role, center, department, scopes, days } =
        arguments;
    let mut reader = Reader::new();
    let place = reader.place(place);
    let district = reader.district(district);
    let role = read_role(&mut reader, &role);
    let center = read_center(&mut reader, center, district.as_ref());
    let department = read_department(&mut reader, department, district.as_ref());
    let range = whole_number(1, u64::from(MACHINE_TOKEN_DAYS_MAX));
    let days = reader.0.or_default("days", days, DAYS_DEFAULT, range);
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let district = district.context("the district was read")?;
    let role = role.context("the role was read")?;
    let days = u32::try_from(days).context("the days were read")?;
    let new = NewMachineToken { name, role, center, department, scopes, days };
    let token = on_bus(&place, async |bus| {
        let accounts = Accounts::open(bus, district.rules.district.as_str()).await?;
        let (token, record) = accounts.identity.add_machine_token(new, SCOPES, ACTOR).await?;
        accounts.write_down("token_added", &described(&record)).await;
        Ok(token)
    })
    .await?;
    say(token);
    Ok(())
}

fn described(token: &MachineToken) -> String {
    format!("{} {} ({}: {})", token.name, token.id, token.role, token.scopes.join(" "))
}

fn as_table(tokens: &[MachineToken]) -> String {
    if tokens.is_empty() {
        return "There is no token yet".to_owned();
    }
    let head = ["ID", "NAME", "ROLE", "SCOPES", "EXPIRES", "MADE BY"].map(str::to_owned);
    let row = |token: &MachineToken| {
        [
            token.id.clone(),
            token.name.clone(),
            token.role.to_string(),
            token.scopes.join(","),
            token.expires_at.format("%Y-%m-%d").to_string(),
            token.created_by.clone(),
        ]
    };
    let rows: Vec<_> = std::iter::once(head).chain(tokens.iter().map(row)).collect();
    in_columns(&rows)
}
