//! How a service gets onto the bus: where it is, as whom, over what.
//!
//! Invariants: a seed never stands in an address; who comes with a seed has an inbox of its own; a private certificate
//! authority replaces those of the machine, and then nothing is said in clear.

use std::path::PathBuf;
use std::time::Duration;

use async_nats::jetstream::{self, Context};
use async_nats::{ConnectOptions, ServerAddr};

use crate::bus_users::inbox_prefix;
use crate::seeds::Seed;

/// How to get onto a bus.
#[derive(Clone)]
pub struct Access {
    /// Addresses, separated by commas; they may hold a user and a password.
    url: String,
    /// The user and its seed, in place of what the addresses hold.
    user: Option<(String, Seed)>,
    /// Certificates of the authority that signed the bus's own, as PEM.
    authority: Option<PathBuf>,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("Access")
            .field("user", &self.user)
            .field("authority", &self.authority)
            .finish_non_exhaustive()
    }
}

impl Access {
    /// With what stands in the addresses, `nats://user:password@host:port`; several are separated by commas.
    #[must_use]
    pub fn of_url(url: &str) -> Self {
        Self { url: url.to_owned(), user: None, authority: None }
    }

    /// As a user with a seed.
    #[must_use]
    pub fn with_seed(mut self, user: &str, seed: Seed) -> Self {
        self.user = Some((user.to_owned(), seed));
        self
    }

    /// Trusts the authority of this file alone, and asks for TLS.
    #[must_use]
    pub fn with_authority(mut self, certificates: PathBuf) -> Self {
        self.authority = Some(certificates);
        self
    }
}

/// Why the bus could not be reached at the start.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("the address of the bus is not of the form nats://user:password@host:port")]
    Address(#[source] std::io::Error),
    /// No host answers, its certificate is not to be trusted, or the credentials are refused.
    #[error("the bus cannot be reached")]
    Bus(#[source] async_nats::ConnectError),
}

/// Connects to the bus under the name of a service; reconnects for ever once it stood.
///
/// # Errors
/// [`ConnectError`] when no host answers within five seconds or refuses the credentials.
pub async fn connect(access: &Access, service: &str) -> Result<Context, ConnectError> {
    let hosts: Vec<ServerAddr> = access
        .url
        .split(',')
        .map(|host| host.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(ConnectError::Address)?;
    let mut options = identified(access, hosts.first());
    if let Some(certificates) = &access.authority {
        options = options.add_root_certificates(certificates.clone()).require_tls(true);
    }
    let name = service.to_owned();
    let client = options
        .name(service)
        .connection_timeout(Duration::from_secs(5))
        // A half-open connection is noticed within two of these, not within minutes.
        .ping_interval(Duration::from_secs(10))
        // Short: the bus of a district is near, and a counter waits. The first attempt, the one at the start, waits for
        // nothing.
        .reconnect_delay_callback(|attempts| {
            let step = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
            Duration::from_millis(100) * step
        })
        .event_callback(move |event| report(name.clone(), event))
        .connect(hosts)
        .await
        .map_err(ConnectError::Bus)?;
    Ok(jetstream::context::ContextBuilder::new().timeout(Duration::from_secs(5)).build(client))
}

fn identified(access: &Access, first: Option<&ServerAddr>) -> ConnectOptions {
    let options = ConnectOptions::new();
    if let Some((user, seed)) = &access.user {
        return options.nkey(seed.secret().to_owned()).custom_inbox_prefix(inbox_prefix(user));
    }
    // The client does not use the credentials of its addresses; those of the first host are for all.
    match first.and_then(|host| host.username().zip(host.password())) {
        Some((user, password)) => {
            options.user_and_password(percent_decoded(user), percent_decoded(password))
        }
        None => options,
    }
}

async fn report(line: String, event: async_nats::Event) {
    match event {
        async_nats::Event::Connected => tracing::info!(line, "the bus is connected"),
        async_nats::Event::Disconnected => tracing::warn!(line, "the line to the bus is down"),
        async_nats::Event::SlowConsumer(id) => {
            tracing::warn!(
                line,
                subscription = id,
                "messages of the bus were dropped; they come again"
            );
        }
        async_nats::Event::Draining | async_nats::Event::Closed => {
            tracing::debug!(line, %event, "the line to the bus is closed for good");
        }
        other => tracing::warn!(line, event = %other, "the bus reports"),
    }
}

/// Undoes the escapes of a URL's user or password; what is no escape stays.
fn percent_decoded(text: &str) -> String {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(&byte) = bytes.get(index) {
        let high = bytes.get(index + 1).copied().and_then(digit);
        let low = bytes.get(index + 2).copied().and_then(digit);
        match (byte, high, low) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(high * 16 + low);
                index += 3;
            }
            _ => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_of_an_address_are_unescaped() {
        assert_eq!(percent_decoded("p%40ss%3aword%"), "p@ss:word%");
    }

    #[test]
    fn an_access_shows_neither_password_nor_seed() {
        let seed = Seed::draw().unwrap();
        let access =
            Access::of_url("nats://user:secret@host:4222").with_seed("intake", seed.clone());
        let shown = format!("{access:?}");
        assert!(!shown.contains("secret") && !shown.contains(seed.secret()), "{shown}");
        assert!(shown.contains("intake"), "{shown}");
    }
}
