//! What a service hands to whoever runs it: its routes, its documents, its checks and its tasks.

use axum::Router;
use futures::future::BoxFuture;
use runtime::http::{Operation, ReadyCheck};
use tokio_util::sync::CancellationToken;

/// What ends a task early.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A task of a service: runs until the token is cancelled.
pub struct ServiceTask {
    /// Its name in the log.
    pub name: &'static str,
    /// The task.
    pub run: Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, Result<(), BoxError>> + Send>,
}

impl ServiceTask {
    /// Names a task.
    #[must_use]
    pub fn new<F, Fut>(name: &'static str, run: F) -> Self
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        Self { name, run: Box::new(move |token| Box::pin(run(token))) }
    }
}

/// A service, ready to be served.
pub struct ServiceParts {
    /// Its name.
    pub name: &'static str,
    /// Its routes, with their state.
    pub router: Router,
    /// Its operations, for OpenAPI.
    pub operations: Vec<Operation>,
    /// What must hold before it is ready.
    pub ready: Vec<ReadyCheck>,
    /// Its tasks.
    pub tasks: Vec<ServiceTask>,
}
