//! Refusals and failures as problems, and the pages of the rules' codes.

use casework::refusal::{Refusal, RefusalCode};
use proto_events::ids::CaseId;
use runtime::command_loop::CommandError;
use runtime::http::problem::UNREADABLE;
use runtime::http::{FieldError, Problem, ProblemEntry};
use runtime::metrics::Metrics;
use runtime::vault::VaultError;

/// The catalogue entries of the rules' codes, for `/problems/<code>`.
#[must_use]
pub fn rule_problems() -> Vec<ProblemEntry> {
    RefusalCode::ALL
        .iter()
        .map(|code| {
            let (zh, en) = code.page();
            ProblemEntry {
                code: code.code(),
                status: 409,
                title_en: code.code(),
                title_zh: "规则不允许",
                explanation_en: en,
                explanation_zh: zh,
            }
        })
        .collect()
}

/// A refusal as the caller sees it.
#[must_use]
pub fn of_refusal(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Invalid(faults) => Problem::invalid_fields(
            faults
                .into_iter()
                .map(|fault| FieldError { pointer: fault.pointer, detail: fault.detail })
                .collect(),
        ),
        Refusal::Forbidden(detail) => Problem::forbidden(detail),
        Refusal::NotFound => Problem::not_found("there is no such case (没有这个案件)"),
        Refusal::Rule { code, detail } => Problem::conflict(code.code(), code.page().1, detail),
    }
}

/// A failure of the command loop as the caller sees it; logged here, once.
#[must_use]
pub fn of_failure<R>(error: CommandError<R>) -> Problem {
    match error {
        CommandError::Busy | CommandError::Refused(_) => {
            Problem::busy("the case is busy; send the same command again")
        }
        CommandError::Log(source) => {
            tracing::warn!(error = &source as &dyn std::error::Error, "the log is out of reach");
            Problem::unavailable("the bus is out of reach; nothing was lost, send it again")
        }
        CommandError::Append(source) => {
            tracing::error!(error = &source as &dyn std::error::Error, "the bus refused an append");
            Problem::internal()
        }
        CommandError::TooLarge => Problem::invalid("", "more than one case may hold"),
    }
}

/// A failed read of the bus, as the caller sees it.
#[must_use]
pub fn unavailable(what: &'static str, error: &(dyn std::error::Error + 'static)) -> Problem {
    tracing::warn!(error, "{what}");
    Problem::unavailable("the bus is out of reach; nothing was lost, send it again")
}

/// A person who was sealed and does not open; said in the log and counted here. Trying again does not help.
#[must_use]
pub fn unreadable(
    metrics: &Metrics,
    case_id: CaseId,
    error: &(dyn std::error::Error + 'static),
) -> Problem {
    metrics.unreadable_applicant();
    tracing::error!(case.id = %case_id, error, "an applicant does not open");
    Problem::of(
        &UNREADABLE,
        "the personal data of this case does not open (该案件的个人信息无法读取)",
    )
}

/// The key of a case that does not come.
#[must_use]
pub fn of_key(metrics: &Metrics, error: &VaultError) -> Problem {
    match error {
        VaultError::WrongMasterKey { case_id, .. } => unreadable(metrics, *case_id, error),
        _ => unavailable("the case's key could not be read", error),
    }
}
