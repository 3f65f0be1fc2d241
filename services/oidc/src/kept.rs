//! What the provider has published, for a while.
//!
//! Invariants: many who ask at once make one call; after a call that failed none is made for [`FAILURE_KEPT`], so that a
//! provider that is down is not asked by everybody who waits; nothing is used when it is too old.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::fetch::ProviderAway;

/// How long a failure is remembered.
const FAILURE_KEPT: Duration = Duration::from_secs(3);

/// A document of the provider.
#[derive(Debug)]
pub(crate) struct Kept<T>(Mutex<State<T>>);

#[derive(Debug)]
struct State<T> {
    document: Option<(Arc<T>, Instant)>,
    failed_at: Option<Instant>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(State { document: None, failed_at: None }))
    }
}

impl<T> Kept<T> {
    /// The document, when it is younger than `age_max`; else what `fetch` brings.
    pub(crate) async fn younger_than(
        &self,
        age_max: Duration,
        attempted: &'static str,
        fetch: impl Future<Output = Result<T, ProviderAway>>,
    ) -> Result<Arc<T>, ProviderAway> {
        let mut state = self.0.lock().await;
        if let Some((document, read_at)) = &state.document
            && read_at.elapsed() < age_max
        {
            return Ok(Arc::clone(document));
        }
        if state.failed_at.is_some_and(|at| at.elapsed() < FAILURE_KEPT) {
            return Err(ProviderAway::new(attempted, "it did not answer a moment ago"));
        }
        match fetch.await {
            Ok(document) => {
                let document = Arc::new(document);
                *state = State {
                    document: Some((Arc::clone(&document), Instant::now())),
                    failed_at: None,
                };
                Ok(document)
            }
            Err(error) => {
                state.failed_at = Some(Instant::now());
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn one_call_serves_many_and_a_failure_is_not_repeated_at_once() {
        let kept = Kept::default();
        let failing = || async { Err(ProviderAway::new("a test", "down")) };
        assert!(kept.younger_than(HOUR, "a test", failing()).await.is_err());
        let untouched = async { panic!("nobody asks so soon after a failure") };
        let refused: Result<Arc<u8>, _> = kept.younger_than(HOUR, "a test", untouched).await;
        assert!(refused.is_err());
        kept.0.lock().await.failed_at = None;
        assert_eq!(*kept.younger_than(HOUR, "a test", async { Ok(1) }).await.unwrap(), 1);
        assert_eq!(*kept.younger_than(HOUR, "a test", async { Ok(2) }).await.unwrap(), 1);
        assert_eq!(*kept.younger_than(Duration::ZERO, "a test", async { Ok(3) }).await.unwrap(), 3);
        assert!(kept.younger_than(Duration::ZERO, "a test", failing()).await.is_err());
    }
}
