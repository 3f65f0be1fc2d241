//! What stands in each column of the register.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use proto_events::Timestamp;
use proto_events::codes::{
    CaseState, Cause, Channel, CheckLayer, Complexity, ConveneTrigger, Exclusion, Resolution,
    ReviewResult, Solved, Stage,
};
use proto_events::events::PolicyBasis;
use proto_events::ids::DepartmentId;

use super::{Cell, Column, Known, Lang, written};
use crate::case::Case;
use crate::case::records::{
    Hop, ImportedRecord, Outcome, Rectification, SpecialHandling, TaskForce,
};

/// The cell of a case in a column.
pub(super) fn cell(column: Column, case: &Case, known: &Known<'_>, lang: Lang) -> Cell {
    let time = |at: Timestamp| Cell::Time(local(at, known));
    match column {
        Column::CaseNo => text(case.case_no.clone()),
        Column::OpenedAt => time(case.opened_at),
        Column::Center => text(known.rules.body_name(case.center.as_str()).to_owned()),
        Column::Channel => text(label(case.channel, lang)),
        Column::ApplicantName if case.erased => text(lang.pick("已删除", "erased").to_owned()),
        Column::ApplicantName => text(known.name.to_owned()),
        Column::ApplicantPhone if case.erased => Cell::Empty,
        Column::ApplicantPhone => text(known.phone.unwrap_or_default().to_owned()),
        Column::Matter => text(match &case.matter.code {
            Some(code) => bracketed(&case.matter.name, code, lang),
            None => case.matter.name.clone(),
        }),
        Column::Demand => text(case.demand.clone()),
        Column::BlockedStage => text(label(case.blocked_stage, lang)),
        Column::CauseProvisional => text(label(case.cause_provisional, lang)),
        Column::CauseConfirmed => maybe(case.cause_confirmed, |cause| text(label(cause, lang))),
        Column::FirstReceiver => text(match &case.imported {
            // Who imported it has received nobody.
            Some(record) => record.first_receiver.clone().unwrap_or_default(),
            None => case.opened_by.clone(),
        }),
        Column::Department => maybe(case.department.as_ref(), |id| text(body(id, known))),
        Column::CoDepartments => {
            let lead = case.department.as_ref();
            let helpers = case.co_departments.iter().filter(|id| Some(*id) != lead);
            text(joined(helpers.map(|id| body(id, known)), lang))
        }
        Column::Complexity => text(label(case.complexity, lang)),
        Column::DueAt => due_at(case, known, lang),
        Column::ForwardedAt => maybe(standing_hop(case), |hop| time(hop.at)),
        Column::AcceptedAt => maybe(standing_hop(case).and_then(|hop| hop.accepted_at), time),
        Column::FirstContactAt => {
            maybe(case.hops.iter().filter_map(|hop| hop.first_contact_at).min(), time)
        }
        Column::Returns => {
            let earlier = case.imported.as_ref().map_or(0, |record| u64::from(record.returns));
            Cell::Count(earlier + case.returns.len() as u64)
        }
        Column::TaskForce => {
            let here = case
                .task_force
                .as_ref()
                .map(|force| task_force(force, case.task_force_count, lang));
            said(here, earlier(case, |record| record.task_force.as_ref()), lang)
        }
        Column::SpecialHandling => {
            let here =
                case.special_handling.as_ref().map(|special| special_handling(special, case, lang));
            said(here, earlier(case, |record| record.special_handling.as_ref()), lang)
        }
        Column::Outcome => maybe(case.outcome.as_ref(), |outcome| text(ended(outcome, lang))),
        Column::PolicyBasis => {
            let earlier = earlier(case, |record| record.policy_basis.as_ref()).cloned();
            let here = case.determination.iter().flat_map(|found| &found.basis);
            text(joined(earlier.into_iter().chain(here.map(|one| basis(one, lang))), lang))
        }
        Column::OutcomeAt => maybe(case.outcome.as_ref(), |outcome| time(outcome.at)),
        Column::OnTime => text(on_time(case, known.now, lang).to_owned()),
        Column::Solved => maybe(case.feedback.as_ref().and_then(|said| said.solved), |solved| {
            text(label(solved, lang))
        }),
        Column::Grade => maybe(case.feedback.as_ref().and_then(|said| said.grade), |grade| {
            text(bracketed(
                lang.pick(grade.label_zh(), grade.label_en()),
                &grade.value().to_string(),
                lang,
            ))
        }),
        Column::Rectification => {
            let here = case.rectification.as_ref().map(|work| rectification(work, known, lang));
            said(here, earlier(case, |record| record.rectification.as_ref()), lang)
        }
        Column::Improvements => {
            let wanted = case.outcome.as_ref().is_some_and(|outcome| outcome.process_change_needed);
            let wanted =
                wanted.then(|| lang.pick("需修改指南或流程", "Guide or process to be changed"));
            let earlier = earlier(case, |record| record.improvements.as_ref()).cloned();
            let wanted = earlier.into_iter().chain(wanted.map(ToOwned::to_owned));
            text(joined(wanted.chain(known.improvements.iter().cloned()), lang))
        }
        Column::ArrivedLate => maybe(known.arrived_late_at, time),
    }
}

/// A text, or an empty cell when there is nothing in it.
fn text(text: String) -> Cell {
    if text.is_empty() { Cell::Empty } else { Cell::Text(text) }
}

fn maybe<T>(value: Option<T>, shown: impl FnOnce(T) -> Cell) -> Cell {
    value.map_or(Cell::Empty, shown)
}

fn no(lang: Lang) -> String {
    lang.pick("否", "No").to_owned()
}

/// What an earlier register said, of a case that was taken over from one.
fn earlier<'a>(
    case: &'a Case,
    of: impl FnOnce(&'a ImportedRecord) -> Option<&'a String>,
) -> Option<&'a String> {
    case.imported.as_deref().and_then(of)
}

/// What was said earlier and here; no, when nothing was.
fn said(here: Option<String>, earlier: Option<&String>, lang: Lang) -> Cell {
    if here.is_none() && earlier.is_none() {
        return text(no(lang));
    }
    text(joined(earlier.cloned().into_iter().chain(here), lang))
}

/// Several values of one cell.
fn joined(parts: impl IntoIterator<Item = String>, lang: Lang) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(lang.pick("；", "; "))
}

fn bracketed(text: &str, code: &str, lang: Lang) -> String {
    match lang {
        Lang::Zh => format!("{text}（{code}）"),
        Lang::En => format!("{text} ({code})"),
    }
}

fn local(at: Timestamp, known: &Known<'_>) -> Timestamp {
    at.with_timezone(&known.rules.calendar.offset())
}

fn body(id: &DepartmentId, known: &Known<'_>) -> String {
    known.rules.body_name(id.as_str()).to_owned()
}

/// A code of one of the lists, as a person reads it.
trait Labelled: Copy {
    fn words(self, lang: Lang) -> (&'static str, &'static str);
}

macro_rules! labelled {
    ($($code:ty),+) => {
        $(
            impl Labelled for $code {
                fn words(self, lang: Lang) -> (&'static str, &'static str) {
                    (lang.pick(self.label_zh(), self.label_en()), self.code())
                }
            }
        )+
    };
}

labelled!(
    CaseState,
    Cause,
    Channel,
    CheckLayer,
    Complexity,
    ConveneTrigger,
    Exclusion,
    Resolution,
    ReviewResult,
    Solved,
    Stage
);

/// The label with its code: whoever reads the file by machine finds the code, whoever reads it aloud the label.
fn label(code: impl Labelled, lang: Lang) -> String {
    let (label, code) = code.words(lang);
    bracketed(label, code, lang)
}

/// The handing over to the department that has the case, or had it at the end; none after a return.
fn standing_hop(case: &Case) -> Option<&Hop> {
    case.last_hop().filter(|hop| hop.returned_at.is_none())
}

/// A promise beyond the published calendar is marked: a date that reads like a fact would be none.
fn due_at(case: &Case, known: &Known<'_>, lang: Lang) -> Cell {
    let due_at = case.outcome.as_ref().map_or(case.due_at, |outcome| outcome.due_at);
    let due_at = local(due_at, known);
    if case.provisional_due {
        let mark = lang.pick("（暂定）", " (provisional)");
        return Cell::Text(format!("{}{mark}", written(due_at)));
    }
    Cell::Time(due_at)
}

fn on_time(case: &Case, now: Timestamp, lang: Lang) -> &'static str {
    match &case.outcome {
        Some(outcome) if !outcome.is_on_time() => lang.pick("否", "No"),
        Some(outcome) if !outcome.is_on_original_time() => {
            lang.pick("是（原时限已过）", "Yes (past the first promise)")
        }
        Some(_) => lang.pick("是", "Yes"),
        None if case.is_overdue(now) => lang.pick("逾期未结", "Overdue, still open"),
        None => lang.pick("在办", "Open"),
    }
}

fn task_force(force: &TaskForce, count: u32, lang: Lang) -> String {
    let meetings = force.meetings.len();
    let times = match lang {
        Lang::Zh => format!("会商{meetings}次"),
        Lang::En => format!("meetings: {meetings}"),
    };
    let stands = match (&force.dissolved_at, &force.outcome) {
        (None, _) => lang.pick("进行中", "at work").to_owned(),
        (Some(_), None) => lang.pick("已解散", "dissolved").to_owned(),
        (Some(_), Some(outcome)) => match lang {
            Lang::Zh => format!("已解散：{outcome}"),
            Lang::En => format!("dissolved: {outcome}"),
        },
    };
    let so_many = (count > 1).then(|| match lang {
        Lang::Zh => format!("第{count}个"),
        Lang::En => format!("number {count}"),
    });
    let yes = lang.pick("是", "Yes").to_owned();
    let parts = [yes, label(force.trigger, lang), so_many.unwrap_or_default(), times, stands];
    joined(parts, lang)
}

fn special_handling(special: &SpecialHandling, case: &Case, lang: Lang) -> String {
    let checked = special.checks.last().map(|check| match lang {
        Lang::Zh => format!("已把关至{}", label(check.layer, lang)),
        Lang::En => format!("checked up to {}", label(check.layer, lang)),
    });
    let stands = match &special.decision {
        Some(decision) => {
            let how = match decision.approved {
                true => lang.pick("已批准", "approved"),
                false => lang.pick("未批准", "refused"),
            };
            let colon = lang.pick("：", ": ");
            format!("{how}{colon}{}", decision.reason)
        }
        None if case.pending_special_handling().is_some() && case.is_open() => {
            lang.pick("待批", "not decided yet").to_owned()
        }
        None => lang.pick("未批即终止", "lapsed undecided").to_owned(),
    };
    let review = special.review.map(|review| match lang {
        Lang::Zh => format!("回头看：{}", label(review, lang)),
        Lang::En => format!("looked back: {}", label(review, lang)),
    });
    let yes = lang.pick("是", "Yes").to_owned();
    joined([yes, checked.unwrap_or_default(), stands, review.unwrap_or_default()], lang)
}

/// How it ended: what kind of end, how it was solved or why not taken on, the result in words, where to go instead.
fn ended(outcome: &Outcome, lang: Lang) -> String {
    let colon = lang.pick("：", ": ");
    let elsewhere = outcome.remedy.as_ref().map(|remedy| {
        let contact = remedy.contact.as_ref().map(|contact| format!(" {contact}"));
        let to = lang.pick("请至", "to go to");
        format!("{to}{colon}{}{}", remedy.body, contact.unwrap_or_default())
    });
    let parts = [
        Some(label(outcome.kind, lang)),
        outcome.resolution.map(|resolution| label(resolution, lang)),
        outcome.exclusion.map(|exclusion| label(exclusion, lang)),
        outcome.result.clone(),
        elsewhere,
    ];
    joined(parts.into_iter().flatten(), lang)
}

fn basis(basis: &PolicyBasis, lang: Lang) -> String {
    let PolicyBasis { title, number, article, in_force_from } = basis;
    let number = number.as_ref().map(|number| match lang {
        Lang::Zh => format!("（{number}）"),
        Lang::En => format!(" ({number})"),
    });
    let since = in_force_from.map(|day| match lang {
        Lang::Zh => format!("，{day}起施行"),
        Lang::En => format!(", in force from {day}"),
    });
    let title = match lang {
        Lang::Zh => format!("《{}》", title.trim_start_matches('《').trim_end_matches('》')),
        Lang::En => format!("{title} "),
    };
    let number = number.unwrap_or_default();
    format!(
        "{}{number}{}{article}{}",
        title.trim_end(),
        lang.pick("", " "),
        since.unwrap_or_default()
    )
}

fn rectification(work: &Rectification, known: &Known<'_>, lang: Lang) -> String {
    let owner = known.rules.body_name(&work.owner);
    let due_at = written(local(work.due_at, known));
    let Some(completed_at) = work.completed_at else {
        let is_late = known.now > work.due_at;
        return match (lang, is_late) {
            (Lang::Zh, false) => format!("整改中；{owner}；应于{due_at}前完成"),
            (Lang::Zh, true) => format!("逾期未整改；{owner}；应于{due_at}前完成"),
            (Lang::En, false) => format!("Under way; {owner}; due {due_at}"),
            (Lang::En, true) => format!("Overdue; {owner}; due {due_at}"),
        };
    };
    let done = lang.pick("已整改", "Done");
    let done = format!("{done} {}", written(local(completed_at, known)));
    let told = [work.action.clone(), work.result.clone()].into_iter().flatten();
    joined([done, owner.to_owned()].into_iter().chain(told), lang)
}
