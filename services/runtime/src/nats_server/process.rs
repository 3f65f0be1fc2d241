//! The process of the server and the watchdog over it.
//!
//! Invariant: the watchdog holds the reading end of a pipe whose writing end only the owner has; when the owner
//! is gone, even by SIGKILL, the pipe closes and the watchdog ends the server. (The kernel's own signal
//! at a parent's death would need unsafe code.)

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::{NatsServerError, io_error};

/// Shared by both scripts: waits for the pipe to close, then ends the server, first politely.
const ENDS_WITH_PIPE: &str = r#"
ends_with_pipe() {
    read -r _ <&3
    kill -TERM "$server" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        kill -0 "$server" 2>/dev/null || return
        sleep 1
    done
    kill -KILL "$server" 2>/dev/null
}
exec 3<&0 </dev/null
"#;

/// Starts the server, says its pid, ends with it.
const START: &str = r#"
"$@" 3<&- &
server=$!
ends_with_pipe >/dev/null 2>&1 &
reader=$!
exec 3<&-
echo "$server"
wait "$server"
code=$?
kill "$reader" 2>/dev/null
exit "$code"
"#;

/// Watches a server that runs already; ends with it. One that is dead but not yet reaped counts as gone.
const ADOPT: &str = r#"
server=$1
ends_with_pipe >/dev/null 2>&1 &
reader=$!
exec 3<&-
while kill -0 "$server" 2>/dev/null && ! grep -q '^State:.Z' "/proc/$server/status" 2>/dev/null; do
    sleep 1
done
kill "$reader" 2>/dev/null
"#;

/// The watchdog process; dropping it closes the pipe, so that the server goes.
#[derive(Debug)]
pub(super) struct Watchdog {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Watchdog {
    /// Starts `binary --config config` under a watchdog and returns the server's pid.
    pub(super) async fn start(
        binary: &Path,
        config: &Path,
        stderr: &Path,
    ) -> Result<(Self, u32), NatsServerError> {
        let stderr = File::create(stderr)
            .map_err(|error| io_error(format!("making {}", stderr.display()), error))?;
        let mut command = shell(START);
        command.arg(binary).arg("--config").arg(config);
        command.stdout(Stdio::piped()).stderr(stderr);
        let mut child = spawn(&mut command)?;
        let pipe = child.stdin.take();
        let attempted = || "starting nats-server".to_owned();
        let stdout = child.stdout.take();
        let stdout =
            stdout.ok_or_else(|| io_error(attempted(), std::io::ErrorKind::BrokenPipe.into()))?;
        let mut line = String::new();
        BufReader::new(stdout)
            .read_line(&mut line)
            .await
            .map_err(|error| io_error(attempted(), error))?;
        let pid = line
            .trim()
            .parse()
            .map_err(|error| io_error(attempted(), std::io::Error::other(error)))?;
        Ok((Self { child, pipe }, pid))
    }

    /// Puts a watchdog over a server that runs already.
    pub(super) fn over_running(pid: u32, config: &Path) -> Result<Self, NatsServerError> {
        let mut command = shell(ADOPT);
        // The configuration is named for whoever reads the process list.
        command.arg(pid.to_string()).arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = spawn(&mut command)?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Waits until the server has ended, and says how.
    pub(super) async fn ended(&mut self) -> String {
        match self.child.wait().await {
            Ok(status) => format!("nats-server ended ({status})"),
            Err(error) => format!("nats-server cannot be waited for ({error})"),
        }
    }

    /// Says how the server ended, when it has.
    pub(super) fn has_ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!("nats-server ended ({status})"))
    }

    /// Ends the server and waits for it; `false` when it is still there at the deadline.
    pub(super) async fn stop(&mut self, deadline: Duration) -> bool {
        self.pipe = None;
        tokio::time::timeout(deadline, self.child.wait()).await.is_ok()
    }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(format!("{ENDS_WITH_PIPE}{script}")).arg("unstuck-bus");
    command
}

fn spawn(command: &mut Command) -> Result<Child, NatsServerError> {
    command
        .stdin(Stdio::piped())
        // A group of its own: Ctrl-C in the terminal reaches the owner, who drains first and stops it then.
        .process_group(0)
        .spawn()
        .map_err(|error| io_error("starting the watchdog of nats-server".to_owned(), error))
}

/// Signals a process, but only when its command line names our configuration.
pub(super) async fn kill(signal: &str, pid: u32, config: &Path) {
    if pid == 0 || !runs_with(pid, config).await {
        return;
    }
    let status = Command::new("kill").arg(format!("-{signal}")).arg(pid.to_string()).status().await;
    if !status.is_ok_and(|status| status.success()) {
        tracing::debug!(pid, signal, "the process was gone before it was signalled");
    }
}

async fn runs_with(pid: u32, config: &Path) -> bool {
    let output =
        Command::new("ps").args(["-o", "args=", "-ww", "-p"]).arg(pid.to_string()).output();
    let command_line = match std::fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(bytes) => bytes,
        // No /proc on this system.
        Err(_) => output.await.map(|output| output.stdout).unwrap_or_default(),
    };
    let config = config.to_string_lossy();
    String::from_utf8_lossy(&command_line).contains(config.as_ref())
}
