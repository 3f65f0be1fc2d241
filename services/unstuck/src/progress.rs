//! How far something is: a bar that redraws itself where somebody looks, a line now and then where a log is kept.
//!
//! Invariant: standard output has none of it.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use tokio::time::Instant;

/// How often a bar is drawn again.
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// How often the log says how far it is.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// Cells of a bar.
const CELLS: u64 = 30;

/// Where it is said how far something is.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    is_terminal: bool,
    said_at: Option<Instant>,
    has_drawn: bool,
}

impl Progress {
    /// Begins; nothing is said before the first step.
    pub(crate) fn of(what: &'static str) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { what, is_terminal, said_at: None, has_drawn: false }
    }

    /// Says how far it is, when it is time to.
    pub(crate) fn step(&mut self, reached: u64, goal: u64) {
        let every = if self.is_terminal { DRAW_EVERY } else { SAY_EVERY };
        // What is done within the first moments needs no word in a log.
        let is_first = self.said_at.is_none();
        let said_at = *self.said_at.get_or_insert_with(Instant::now);
        if said_at.elapsed() < every && !(is_first && self.is_terminal) {
            return;
        }
        self.said_at = Some(Instant::now());
        if self.is_terminal {
            self.has_drawn = true;
            self.draw(&line(self.what, reached, goal));
        } else {
            tracing::info!(reached, goal, percent = percent(reached, goal), "{}", self.what);
        }
    }

    fn draw(&self, text: &str) {
        let mut stderr = std::io::stderr();
        // Who has closed the terminal sees no bar either.
        // A log line that comes between goes over the bar.
        let _ = write!(stderr, "{text}\u{1b}[K\r").and_then(|()| stderr.flush());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.has_drawn {
            self.draw("");
        }
    }
}

fn percent(reached: u64, goal: u64) -> u64 {
    reached.min(goal).saturating_mul(100) / goal.max(1)
}

/// `Building the views [#########·····] 40 %, 400 of 1000 events`.
fn line(what: &str, reached: u64, goal: u64) -> String {
    let filled = reached.min(goal).saturating_mul(CELLS) / goal.max(1);
    let bar: String = (0..CELLS).map(|cell| if cell < filled { '#' } else { '.' }).collect();
    format!("{what} [{bar}] {} %, {reached} of {goal} events", percent(reached, goal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_the_share_and_the_numbers() {
        let whole = "Building [##############################] 100 %, 7 of 7 events";
        assert_eq!(line("Building", 7, 7), whole);
        assert!(line("Building", 0, 7).contains("[..............................] 0 %"));
        assert!(line("Building", 4, 10).contains("[############..................] 40 %"));
        // Nothing to do, and more than there was to do.
        assert!(line("Building", 0, 0).contains(" 0 %"));
        assert!(line("Building", 9, 7).contains(" 100 %"));
    }
}
