//! What the district changes because of its cases, by case: the last column of the register.
//!
//! Read from its stream when an export begins: a district opens tens of improvements a year, and a second view of them
//! would be one more thing to keep right.

use std::collections::HashMap;

use casework::learning::{Book, Improvement};
use casework::register::Lang;
use desk::{Desk, decode_learning};
use futures::StreamExt as _;
use proto_events::ids::CaseId;
use runtime::http::Problem;
use runtime::log::LogError;

/// The improvements that name a case, in words.
#[derive(Debug, Default)]
pub(super) struct Improvements(HashMap<CaseId, Vec<String>>);

impl Improvements {
    /// Reads them all.
    ///
    /// # Errors
    /// `unavailable` when the stream cannot be read.
    pub(super) async fn read(desk: &Desk, lang: Lang) -> Result<Self, Problem> {
        let book = read(desk).await.map_err(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "improvements cannot be read");
            Problem::unavailable("what the district learned cannot be read now")
        })?;
        let mut by_case: HashMap<CaseId, Vec<String>> = HashMap::new();
        for improvement in book.improvements.values() {
            let text = in_words(improvement, lang);
            for case_id in &improvement.cases {
                by_case.entry(*case_id).or_default().push(text.clone());
            }
        }
        Ok(Self(by_case))
    }

    /// Those of a case.
    pub(super) fn of(&self, case_id: CaseId) -> &[String] {
        self.0.get(&case_id).map_or(&[], Vec::as_slice)
    }
}

async fn read(desk: &Desk) -> Result<Book, LogError> {
    let mut book = Book::default();
    let head = desk.learning_log.head().await?.last_sequence;
    if head == 0 {
        return Ok(book);
    }
    let mut events = desk.learning_log.follow(0).await?;
    while let Some(recorded) = events.next().await {
        let recorded = recorded?;
        // What cannot be read is named where its view is kept.
        if let Ok((subject, meta, event)) = decode_learning(&recorded) {
            book.evolve(subject, &meta, &event);
        }
        if recorded.sequence >= head {
            break;
        }
    }
    Ok(book)
}

/// What is to be changed and how far that is; before anybody has decided, only how far.
fn in_words(improvement: &Improvement, lang: Lang) -> String {
    let state = lang.pick(improvement.state.label_zh(), improvement.state.code());
    match improvement.attempts.last() {
        None => state.to_owned(),
        Some(attempt) => match lang {
            Lang::Zh => format!("{}（{state}）", attempt.action.what),
            Lang::En => format!("{} ({state})", attempt.action.what),
        },
    }
}
