//! Ending in order: a signal or a fallen task stops all tasks, and each is awaited.
//!
//! Invariants: every task has a name and is awaited; a task that ends before its time, fails or panics is
//! said in the log and stops the others; waiting has a deadline.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// What ends a task early.
pub type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// Makes a token that is cancelled by the first SIGINT or SIGTERM (Ctrl-C elsewhere). A second SIGINT or
/// SIGTERM ends the process at once.
///
/// # Errors
/// When the system does not let us listen for signals.
pub fn signal() -> std::io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let mut listener = Listener::new()?;
    let stop = token.clone();
    tokio::spawn(async move {
        let name = listener.next().await;
        tracing::info!(signal = name, "stopping");
        stop.cancel();
        let name = listener.next().await;
        tracing::warn!(signal = name, "stopping at once");
        // 128 + SIGINT, as shells name it.
        std::process::exit(130);
    });
    Ok(token)
}

#[cfg(unix)]
struct Listener {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Listener {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

#[cfg(not(unix))]
struct Listener;

#[cfg(not(unix))]
impl Listener {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        // Without a signal there is nothing to wait for; the task then sleeps for ever.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// How a task ended against expectation.
#[derive(Debug)]
pub enum Fallen {
    /// It ended by itself before anybody stopped it.
    Early {
        /// The task.
        task: &'static str,
    },
    /// It returned an error.
    Failed {
        /// The task.
        task: &'static str,
        /// The error.
        error: TaskError,
    },
    /// It panicked.
    Panicked {
        /// The task.
        task: &'static str,
        /// The panic's text.
        text: String,
    },
    /// It did not end before the deadline.
    Late {
        /// The task.
        task: &'static str,
    },
}

impl fmt::Display for Fallen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Early { task } => write!(f, "task {task} ended before its time"),
            Self::Failed { task, error } => write!(f, "task {task} failed: {error}"),
            Self::Panicked { task, text } => write!(f, "task {task} panicked: {text}"),
            Self::Late { task } => write!(f, "task {task} did not stop in time"),
        }
    }
}

/// The long-running tasks of a process.
#[derive(Debug)]
pub struct TaskSet {
    shutdown: CancellationToken,
    tasks: JoinSet<Result<(), TaskError>>,
    names: HashMap<Id, &'static str>,
}

impl TaskSet {
    /// Makes an empty set; its tasks run until `shutdown`.
    #[must_use]
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, tasks: JoinSet::new(), names: HashMap::new() }
    }

    /// The token that stops the tasks.
    #[must_use]
    pub fn shutdown(&self) -> CancellationToken {
        self.shutdown.clone()
    }

    /// Starts a task that runs until shutdown. Ending earlier, for whatever reason, stops the process.
    pub fn spawn<F, E>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<TaskError>,
    {
        let task: BoxFuture<'static, Result<(), TaskError>> =
            Box::pin(async move { task.await.map_err(Into::into) });
        let handle = self.tasks.spawn(task);
        self.names.insert(handle.id(), name);
    }

    /// Waits until shutdown, or until a task falls and thereby causes it; then gives the tasks
    /// `stop_time_max` to end, and returns who fell. An empty list is a clean end.
    pub async fn run(mut self, stop_time_max: Duration) -> Vec<Fallen> {
        let mut fallen = Vec::new();
        let shutdown = self.shutdown.clone();
        while !shutdown.is_cancelled() {
            tokio::select! {
                () = shutdown.cancelled() => {}
                Some(ended) = self.tasks.join_next_with_id() => {
                    // Whoever ends because of a shutdown that came at the same moment ends in order.
                    let is_early = !shutdown.is_cancelled();
                    if let Some(fall) = self.fall(ended, is_early) {
                        tracing::error!(%fall, "a task fell; the process stops");
                        fallen.push(fall);
                        shutdown.cancel();
                    }
                }
                else => shutdown.cancelled().await,
            }
        }
        let all = async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                if let Some(fall) = self.fall(ended, false) {
                    tracing::error!(%fall, "a task fell while stopping");
                    fallen.push(fall);
                }
            }
        };
        if tokio::time::timeout(stop_time_max, all).await.is_err() {
            for task in self.names.values() {
                let fall = Fallen::Late { task };
                tracing::error!(%fall, "a task is cut");
                fallen.push(fall);
            }
            self.tasks.shutdown().await;
        }
        fallen
    }

    fn fall(
        &mut self,
        ended: Result<(Id, Result<(), TaskError>), JoinError>,
        is_early: bool,
    ) -> Option<Fallen> {
        let id = match &ended {
            Ok((id, _)) => *id,
            Err(error) => error.id(),
        };
        let task = self.names.remove(&id).unwrap_or("unnamed");
        tracing::debug!(task, "a task has ended");
        match ended {
            Ok((_, Ok(()))) => is_early.then_some(Fallen::Early { task }),
            Ok((_, Err(error))) => Some(Fallen::Failed { task, error }),
            Err(error) => {
                let text = match error.try_into_panic() {
                    Ok(panic) => panic
                        .downcast_ref::<&'static str>()
                        .map(|text| (*text).to_owned())
                        .or_else(|| panic.downcast_ref::<String>().cloned())
                        .unwrap_or_else(|| "without a text".to_owned()),
                    Err(_) => "cancelled".to_owned(),
                };
                Some(Fallen::Panicked { task, text })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(5);

    async fn until(token: CancellationToken) -> Result<(), io::Error> {
        token.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn tasks_that_stop_on_the_token_end_cleanly() {
        let token = CancellationToken::new();
        let mut tasks = TaskSet::new(token.clone());
        tasks.spawn("one", until(tasks.shutdown()));
        tasks.spawn("two", until(tasks.shutdown()));
        token.cancel();
        assert!(tasks.run(DEADLINE).await.is_empty());
    }

    #[tokio::test]
    async fn a_task_that_ends_fails_or_panics_stops_the_others_and_is_named() {
        type Outcome = Result<(), io::Error>;
        type End = (fn() -> Outcome, &'static str);
        let ends: [End; 3] = [
            (|| Ok(()), "task faulty ended before its time"),
            (|| Err(io::Error::other("no disk")), "task faulty failed: no disk"),
            (|| panic!("a bug"), "task faulty panicked: a bug"),
        ];
        for (end, text) in ends {
            let mut tasks = TaskSet::new(CancellationToken::new());
            tasks.spawn("steady", until(tasks.shutdown()));
            tasks.spawn("faulty", async move { end() });
            let fallen = tasks.run(DEADLINE).await;
            assert_eq!(fallen.iter().map(ToString::to_string).collect::<Vec<_>>(), [text]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_cut_at_the_deadline() {
        let token = CancellationToken::new();
        let mut tasks = TaskSet::new(token.clone());
        tasks.spawn("stubborn", std::future::pending::<Result<(), io::Error>>());
        token.cancel();
        let fallen = tasks.run(DEADLINE).await;
        assert!(matches!(fallen.as_slice(), [Fallen::Late { task: "stubborn" }]));
    }
}
