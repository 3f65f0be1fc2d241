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
        Ok(Self::of_book(&book, lang))
    }

    fn of_book(book: &Book, lang: Lang) -> Self {
        let mut by_case: HashMap<CaseId, Vec<String>> = HashMap::new();
        for improvement in book.improvements.values() {
            let text = in_words(improvement, lang);
            for case_id in &improvement.cases {
                by_case.entry(*case_id).or_default().push(text.clone());
            }
        }
        Self(by_case)
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

#[cfg(test)]
mod tests {
    use casework::learning::LearningMeta;
    use proto_events::codes::Role;
    use proto_events::ids::{CommandId, EventId, ImprovementId};
    use proto_events::learning::{self, LearningEvent};
    use proto_events::subject::LearningSubject;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::testing::{at, case_id};

    /// The stored sample of an event, with some of its fields changed.
    fn sample(name: &str, change: impl FnOnce(&mut Value)) -> LearningEvent {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto-events/samples");
        let body = std::fs::read(format!("{folder}/learning.{name}.v1.json")).unwrap();
        let mut body: Value = serde_json::from_slice(&body).unwrap();
        change(&mut body);
        let body = serde_json::to_vec(&body).unwrap();
        learning::read(&format!("cn.unstuck.learning.{name}.v1"), &body).unwrap()
    }

    #[test]
    fn a_case_names_what_is_changed_because_of_it_and_how_far_that_is() {
        let id = ImprovementId(Uuid::from_u128(1));
        let mut book = Book::default();
        let mut tell = |sequence: u64, event: &LearningEvent| {
            let command_id = CommandId(Uuid::from_u128(u128::from(sequence)));
            let meta = LearningMeta {
                id: EventId::of_command(command_id, 0),
                command_id,
                sequence,
                time: at("2026-03-04T10:00:00"),
                actor: "coordinator".to_owned(),
                role: Role::Coordinator,
            };
            book.evolve(LearningSubject::Improvement(id), &meta, event);
            Improvements::of_book(&book, Lang::Zh)
        };
        let opened = sample("improvement_opened", |body| body["cases"] = json!([case_id(1)]));
        let found = tell(1, &opened);
        assert_eq!(found.of(case_id(1)), ["已立项"]);
        assert!(found.of(case_id(2)).is_empty());
        let set = sample("improvement_action_set", |body| body["what"] = json!("修改办事指南"));
        assert_eq!(tell(2, &set).of(case_id(1)), ["修改办事指南（已定措施）"]);
        let done = sample("improvement_done", |_| {});
        assert_eq!(tell(3, &done).of(case_id(1)), ["修改办事指南（已落实）"]);
        assert_eq!(Improvements::of_book(&book, Lang::En).of(case_id(1)), ["修改办事指南 (done)"]);
    }
}
