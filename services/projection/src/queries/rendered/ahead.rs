//! Templates made before anybody asks: a case that nobody has looked at yet is answered as fast as one that somebody has.
//!
//! Made of its record an answer costs some 300 µs of processor time when the record lies on the disk only, of its template a
//! fraction of that (tests/README.md, "Results"). So whoever would be the first to ask does not pay: when the view stands,
//! and whenever it has changed, what has no template gets one, a few at a time, with a pause as long as the work.
//! Invariant: nothing depends on it. A template that is not there yet is made for who asks, as it always was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proto_events::ids::CaseId;
use tokio_util::sync::CancellationToken;

use super::super::case::template;
use super::{Form, Rendered};
use crate::core::{Core, blocking};

/// Cases of one step: some ten milliseconds of work, as long as somebody who asks may have to share a processor with it.
const STEP_CASES: usize = 32;

/// How long the view is left alone after a change, so that a case is not made again for each of its events.
const REST: Duration = Duration::from_secs(2);

/// Makes what has none, until the token is cancelled.
pub(crate) async fn run(core: Arc<Core>, rendered: Arc<Rendered>, token: CancellationToken) {
    let work = async {
        core.caught_up().await;
        let mut seen = Seen::default();
        loop {
            let sequence = core.sequence();
            for step in seen.changed(&core).chunks(STEP_CASES) {
                let (core, rendered, step) = (core.clone(), rendered.clone(), step.to_vec());
                let pause = blocking(move || make(&core, &rendered, &step)).await;
                tokio::time::sleep(pause).await;
            }
            // The sender is the core's.
            let _ = core.applied().wait_for(|now| *now != sequence).await;
            tokio::time::sleep(REST).await;
        }
    };
    token.run_until_cancelled(work).await;
}

/// Up to where which generation of the view was looked at.
#[derive(Debug, Default)]
struct Seen {
    generation: u32,
    sequence: u64,
}

impl Seen {
    /// The cases that have changed since the last look; of another generation all, because none has a template there.
    fn changed(&mut self, core: &Core) -> Vec<CaseId> {
        let view = core.view();
        let generation = view.views.store().generation();
        let since = if generation == self.generation { self.sequence } else { 0 };
        *self = Self { generation, sequence: view.sequence() };
        view.index().changed_since(since)
    }
}

/// Makes the templates of some cases. Blocks. Gives how long it took.
fn make(core: &Core, rendered: &Rendered, cases: &[CaseId]) -> Duration {
    let (started, now) = (Instant::now(), core.now());
    for case_id in cases {
        let form = core.view().index().row(*case_id).map(Form::of);
        let Some(form) = form else { continue };
        if let Err(problem) = template(core, rendered, *case_id, form, now) {
            tracing::debug!(case.id = %case_id, detail = problem.detail, "no template could be made ahead");
        }
    }
    started.elapsed()
}

#[cfg(test)]
mod tests {
    use super::super::Template;
    use super::*;
    use crate::testing::{at, case_id, event, of_kind, opened};
    use crate::tests::Running;

    #[tokio::test]
    async fn each_case_and_each_change_of_one_has_a_template_before_anybody_asks() {
        let running = Running::start().await;
        let (core, time) = (Arc::clone(&running.core), at("2021-01-26T10:00:00"));
        let rendered = Arc::new(Rendered::new(&core.district.rules));
        let is_made = |case: u128| {
            let view = core.view();
            let form = Form::of(view.index().row(case_id(case)).unwrap());
            let epoch = &rendered.epoch;
            Template::find(&view.views, epoch, case_id(case), form, core.now()).is_some()
        };
        for case in 0..3 * STEP_CASES as u128 {
            running.append(case, event(case, 0, time, opened(case, time))).await;
            assert!(!is_made(case));
        }
        let token = CancellationToken::new();
        let task = tokio::spawn(run(Arc::clone(&core), Arc::clone(&rendered), token.clone()));
        let all_made = async || {
            let all = async {
                while !(0..3 * STEP_CASES as u128).all(is_made) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(30), all).await.expect("made in time");
        };
        all_made().await;
        running.append(1, event(1, 1, time, of_kind(0, time))).await;
        assert!(!is_made(1), "it is of another version");
        all_made().await;
        token.cancel();
        task.await.unwrap();
    }
}
