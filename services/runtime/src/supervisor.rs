//! What the supervisor of the system hears: that the process is ready, what it does, that it still turns.
//!
//! The protocol of systemd's `sd_notify(3)`: datagrams on the socket that `NOTIFY_SOCKET` names. Invariants: a process that
//! nobody supervises says nothing and goes on; a supervisor that does not listen stops nothing; who is alive is said by
//! whoever has looked, never by a timer of its own.

use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// Where the supervisor listens.
const SOCKET_VARIABLE: &str = "NOTIFY_SOCKET";
/// How many microseconds may pass between two signs of life.
const WATCHDOG_VARIABLE: &str = "WATCHDOG_USEC";
/// Whose signs of life they are.
const WATCHDOG_PID_VARIABLE: &str = "WATCHDOG_PID";

/// The line to the supervisor, or none. Clones are the same line.
#[derive(Clone, Default)]
pub struct Supervisor {
    socket: Option<Arc<UnixDatagram>>,
    sign_of_life_within: Option<Duration>,
}

impl Supervisor {
    /// Finds the supervisor of this process in its environment. One that cannot be reached is said in the log, and none.
    #[must_use]
    pub fn of_environment() -> Self {
        let Some(name) = std::env::var_os(SOCKET_VARIABLE) else { return Self::default() };
        let socket = match connected(name.as_bytes()) {
            Ok(socket) => Some(Arc::new(socket)),
            Err(error) => {
                tracing::warn!(%error, "the supervisor's socket cannot be reached; it hears nothing");
                None
            }
        };
        let text = |variable| std::env::var(variable).ok();
        let is_ours =
            text(WATCHDOG_PID_VARIABLE).is_none_or(|id| id.parse() == Ok(std::process::id()));
        let within = text(WATCHDOG_VARIABLE).filter(|_| is_ours).and_then(|text| text.parse().ok());
        Self { socket, sign_of_life_within: within.map(Duration::from_micros) }
    }

    /// How long it waits for a sign of life before it ends the process; `None` when it waits for none.
    #[must_use]
    pub fn sign_of_life_within(&self) -> Option<Duration> {
        self.sign_of_life_within.filter(|_| self.socket.is_some())
    }

    /// Everything answers.
    pub fn ready(&self, status: impl fmt::Display) {
        self.say(&format!("READY=1\nSTATUS={status}"));
    }

    /// The start goes on, and may take so much longer.
    pub fn starting(&self, status: impl fmt::Display, more: Duration) {
        self.say(&format!("EXTEND_TIMEOUT_USEC={}\nSTATUS={status}", more.as_micros()));
    }

    /// What the process does, for people.
    pub fn status(&self, status: impl fmt::Display) {
        self.say(&format!("STATUS={status}"));
    }

    /// A sign of life.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// The process ends in order.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, words: &str) {
        let Some(socket) = &self.socket else { return };
        if let Err(error) = socket.send(words.as_bytes()) {
            tracing::debug!(%error, "the supervisor did not hear");
        }
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("listens", &self.socket.is_some())
            .finish_non_exhaustive()
    }
}

/// A name that begins with `@` is one without a file.
fn connected(name: &[u8]) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    // A supervisor that takes nothing must not hold anybody up.
    socket.set_nonblocking(true)?;
    match name.strip_prefix(b"@") {
        Some(name) => socket.connect_addr(&without_file(name)?)?,
        None => socket.connect(std::path::Path::new(std::ffi::OsStr::from_bytes(name)))?,
    }
    Ok(socket)
}

#[cfg(target_os = "linux")]
fn without_file(name: &[u8]) -> io::Result<SocketAddr> {
    use std::os::linux::net::SocketAddrExt as _;
    SocketAddr::from_abstract_name(name)
}

#[cfg(not(target_os = "linux"))]
fn without_file(_: &[u8]) -> io::Result<SocketAddr> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn words_arrive_at_a_socket_with_a_file_and_at_one_without() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("notify");
        let name = format!("unstuck-{}", std::process::id());
        let listeners = [
            (UnixDatagram::bind(&file).unwrap(), file.as_os_str().as_bytes().to_vec()),
            (
                UnixDatagram::bind_addr(&without_file(name.as_bytes()).unwrap()).unwrap(),
                format!("@{name}").into_bytes(),
            ),
        ];
        for (listener, name) in listeners {
            let socket = Some(Arc::new(connected(&name).unwrap()));
            let supervisor = Supervisor { socket, sign_of_life_within: None };
            supervisor.ready("it answers");
            let mut words = [0; 100];
            let length = listener.recv(&mut words).unwrap();
            assert_eq!(&words[..length], b"READY=1\nSTATUS=it answers");
        }
    }

    #[test]
    fn a_process_that_nobody_supervises_goes_on() {
        let nobody = Supervisor::default();
        nobody.ready("ready");
        nobody.alive();
        assert_eq!(nobody.sign_of_life_within(), None);
        assert!(connected(b"/nowhere/at/all").is_err());
    }
}
