//! What the public page says: what there is to do, and what has happened.
//!
//! Invariants: written for the applicant, and readable by whoever holds the receipt; no finding, position, reason or note of staff enters it, except what was
//! written for the applicant; whether a new kind of event says something is decided where it is added.

use casework::case::Case;
use proto_events::Timestamp;
use proto_events::codes::CaseState;
use proto_events::events::CaseEvent;

use super::super::called::Called;
use super::super::sentences::Day;
use super::super::words::Words;

/// What there is to do, as a clerk would say it.
pub(super) fn next_step(case: &Case, called: &Called<'_>) -> Words {
    let center = called.body(case.center.as_str());
    let has = case.department.as_ref().map(|id| called.body(id.as_str()));
    let department = has.unwrap_or_else(|| Words::new("承办部门", "the department"));
    let (center_en, department_en) = (center.en, department.en);
    let (center, department) = (center.zh, department.zh);
    let (zh, en) = match case.state {
        _ if waits_for_papers(case) => papers_to_bring(case, called),
        _ if case.pause.is_some() => standstill(case, called),
        CaseState::Opened => (
            format!("您不用做什么，{center}正在确定由哪个部门办理。"),
            format!("Nothing for you to do: {center_en} is finding out whose matter it is."),
        ),
        CaseState::Forwarded => (
            format!("您不用做什么，{department}会尽快与您联系。"),
            format!("Nothing for you to do: {department_en} will get in touch with you."),
        ),
        CaseState::InDepartment => (
            format!("您不用做什么，{department}正在办理。"),
            format!("Nothing for you to do: {department_en} is working on it."),
        ),
        CaseState::Returned => (
            "您不用做什么，正在重新确定承办部门，时限不变。".to_owned(),
            "Nothing for you to do: the right department is being determined; the promise stands."
                .to_owned(),
        ),
        CaseState::InTaskForce => (
            "您不用做什么，已成立专班，几个部门一起研究解决。".to_owned(),
            "Nothing for you to do: the departments concerned are sitting together.".to_owned(),
        ),
        CaseState::NotDoable => (
            "按现行规定这件事不能办，会有人带着文件当面向您说明。".to_owned(),
            "Under the present rules it cannot be done; somebody will explain it to you with the documents.".to_owned(),
        ),
        CaseState::Resolved => (
            "已经办成，我们会回访，请告诉我们是否真的解决了。".to_owned(),
            "It is done. We will ask you whether it really is solved.".to_owned(),
        ),
        CaseState::Explained => (
            "已向您说明依据。如不认可，可走下列途径。".to_owned(),
            "The reasons were explained to you. The ways that remain are listed here.".to_owned(),
        ),
        CaseState::Declined => (
            format!("本窗口不办理此事，请按下列去处办理，或向{center}询问。"),
            format!("This desk does not handle it; see where to go instead, or ask {center_en}."),
        ),
        CaseState::Withdrawn => (
            format!("您已撤回。需要时可随时到{center}再来登记。"),
            format!("You have withdrawn it. You may come back to {center_en} at any time."),
        ),
        CaseState::Transferred => (
            "已移送有权处理的单位，请等候其答复。".to_owned(),
            "It was handed to the body that may decide it; please wait for its answer.".to_owned(),
        ),
        CaseState::Closed => (
            format!("已结案。如有新情况，请带回执到{center}。"),
            format!("It is closed. If something new comes up, bring the receipt to {center_en}."),
        ),
    };
    Words { zh, en }
}

/// Whether papers were asked for and none have come since.
pub(super) fn waits_for_papers(case: &Case) -> bool {
    let asked = case.material_requests.last().map(|request| request.at);
    let received = case.materials_received_at;
    case.is_open() && asked.is_some_and(|asked| received.is_none_or(|received| received < asked))
}

/// What there is to bring, and by when.
fn papers_to_bring(case: &Case, called: &Called<'_>) -> (String, String) {
    let Some(request) = case.material_requests.last() else { return Default::default() };
    let due = Day::of(request.due_at, called);
    let items: Vec<_> = request.items.iter().map(|item| item.name.as_str()).collect();
    (
        format!("请在{}前把下列材料一次交齐（可交到窗口）：{}。", due.zh, items.join("、")),
        format!(
            "Please bring all of these papers to the window by {}: {}.",
            due.en,
            items.join(", ")
        ),
    )
}

/// Why nothing seems to happen, and until when.
fn standstill(case: &Case, called: &Called<'_>) -> (String, String) {
    let Some(pause) = &case.pause else { return Default::default() };
    let until = Day::of(pause.until, called);
    (
        format!(
            "现因{}暂停计时，最迟{}恢复，恢复后期限相应顺延。",
            pause.reason.label_zh(),
            until.zh
        ),
        format!(
            "The clock stands still ({}), until {} at the latest; the promise will move by as many working days.",
            pause.reason.label_en().to_lowercase(),
            until.en
        ),
    )
}

/// How far other departments are with their parts.
pub(super) fn parts(
    total: usize,
    done: usize,
    due_at: Option<Timestamp>,
    called: &Called<'_>,
) -> Words {
    let due = due_at.map(|at| Day::of(at, called));
    let Some(due) = due else {
        return Words::new(
            format!("协同办理的{total}个部门均已完成"),
            format!("All {total} parts of other departments are done"),
        );
    };
    Words::new(
        format!("另有{total}个部门协同办理，已完成{done}个，其余应于{}前完成", due.zh),
        format!(
            "Other departments do {total} parts of it; {done} done, the rest is due {}",
            due.en
        ),
    )
}

/// What an event says to the applicant; much says nothing.
pub(super) fn update(event: &CaseEvent, called: &Called<'_>) -> Option<Words> {
    let name = |id: &str| called.body(id);
    let day = |at: Timestamp| Day::of(at, called);
    let (zh, en) = match event {
        CaseEvent::Opened(_) => ("已登记".to_owned(), "Taken on".to_owned()),
        CaseEvent::Forwarded(data) => {
            let to = name(data.to.as_str());
            (format!("已转到{}", to.zh), format!("Handed to {}", to.en))
        }
        CaseEvent::Accepted(data) => {
            let by = name(data.department.as_str());
            (format!("{}已签收", by.zh), format!("{} has signed for it", by.en))
        }
        CaseEvent::ApplicantContacted(data) if data.reached => {
            ("承办人已与您联系".to_owned(), "The handler has reached you".to_owned())
        }
        CaseEvent::Returned(data) => {
            let by = name(data.department.as_str());
            (
                format!("{}认为不属其办理，正在重新确定", by.zh),
                format!("{} sent it back; the right department is being determined", by.en),
            )
        }
        CaseEvent::Arbitrated(data) => {
            let to = name(data.department.as_str());
            (format!("已裁定由{}牵头办理", to.zh), format!("It was ruled that {} leads", to.en))
        }
        // Which departments help may tell what the applicant has; it stays inside.
        CaseEvent::JointHandlingAssigned(_) => {
            ("多个部门联合办理".to_owned(), "Several departments handle it together".to_owned())
        }
        CaseEvent::PartCompleted(_) => {
            ("一个协办部门已完成".to_owned(), "A department that helps has finished".to_owned())
        }
        CaseEvent::MaterialsRequested(data) => {
            let items: Vec<_> = data.items.iter().map(|item| item.name.as_str()).collect();
            let due = day(data.due_at);
            (
                format!("请在{}前补充材料：{}", due.zh, items.join("、")),
                format!("Please bring by {}: {}", due.en, items.join(", ")),
            )
        }
        CaseEvent::MaterialsReceived(data) => {
            if data.complete {
                (
                    "已收到您的材料，材料已齐".to_owned(),
                    "All of your papers have come in".to_owned(),
                )
            } else {
                ("已收到您的材料".to_owned(), "Your papers have come in".to_owned())
            }
        }
        CaseEvent::ProgressNoted(data) if data.public => (data.text.clone(), data.text.clone()),
        CaseEvent::TaskForceConvened(_) => {
            ("已成立专班".to_owned(), "A task force was convened".to_owned())
        }
        CaseEvent::TaskForceMet(data) => (
            format!("专班第{}次会商", data.number),
            format!("The task force met, meeting {}", data.number),
        ),
        CaseEvent::SpecialHandlingRequested(_) => (
            "已提请特事特办，正在逐级把关".to_owned(),
            "A special handling was asked for and is being checked, layer by layer".to_owned(),
        ),
        CaseEvent::SpecialHandlingDecided(data) => {
            if data.approved {
                ("特事特办已获批准".to_owned(), "The special handling was approved".to_owned())
            } else {
                ("特事特办未获批准".to_owned(), "The special handling was not approved".to_owned())
            }
        }
        CaseEvent::NotDoableDetermined(_) => (
            "认定按现行规定不能办，将向您说明".to_owned(),
            "It was determined that it cannot be done; it will be explained to you".to_owned(),
        ),
        CaseEvent::Explained(data) => (
            format!("第{}次向您说明", data.session),
            format!("Explained to you, session {}", data.session),
        ),
        CaseEvent::Resolved(_) => ("已办成".to_owned(), "Resolved".to_owned()),
        CaseEvent::Declined(_) => ("不予纳入".to_owned(), "Not taken on".to_owned()),
        CaseEvent::ClockPaused(data) => {
            let until = day(data.until);
            (
                format!("暂停计时：{}，最迟{}恢复", data.reason.label_zh(), until.zh),
                format!(
                    "The clock stands still: {}, until {} at the latest",
                    data.reason.label_en(),
                    until.en
                ),
            )
        }
        CaseEvent::ClockResumed(data) => {
            let due = day(data.due_at);
            (
                format!("恢复计时，应于{}前办结", due.zh),
                format!("The clock runs again; due {}", due.en),
            )
        }
        CaseEvent::DeadlineExtended(data) => {
            let due = day(data.due_at);
            (format!("办理时限延至{}", due.zh), format!("The promise was moved to {}", due.en))
        }
        CaseEvent::DeadlineRecalculated(data) => {
            let (year, due) = (data.published_to.format("%Y"), day(data.due_at));
            (
                format!("{year}年放假安排已公布，办理时限重算为{}", due.zh),
                format!("The days off of {year} were published; the promise is now {}", due.en),
            )
        }
        CaseEvent::Reclassified(data) if data.complexity.is_some() => {
            let due = day(data.due_at);
            (
                format!("经评估调整了办理分类，应于{}前办结", due.zh),
                format!("It was found to be harder or easier than it looked; due {}", due.en),
            )
        }
        CaseEvent::Urged(_) => {
            ("已收到您的催办".to_owned(), "Your wish to hurry was recorded".to_owned())
        }
        CaseEvent::FeedbackRecorded(data) if data.responded => {
            ("已记录您的反馈".to_owned(), "What you said was recorded".to_owned())
        }
        CaseEvent::RectificationOpened(data) => {
            let due = day(data.due_at);
            (
                format!("根据您的反馈启动整改，应于{}前改到位", due.zh),
                format!("What you said is being put right, by {}", due.en),
            )
        }
        CaseEvent::RectificationCompleted(_) => {
            ("整改已完成".to_owned(), "What you said was put right".to_owned())
        }
        CaseEvent::Reopened(_) => (
            "收到您重新办理的请求".to_owned(),
            "Your wish to take it up again was recorded".to_owned(),
        ),
        CaseEvent::Withdrawn(_) => ("您已撤回".to_owned(), "You have withdrawn it".to_owned()),
        CaseEvent::Transferred(data) => {
            (format!("已移送{}", data.body), format!("Handed to {}", data.body))
        }
        CaseEvent::Closed(_) => ("已结案".to_owned(), "Closed".to_owned()),
        CaseEvent::Corrected(_) => {
            ("登记的信息已更正".to_owned(), "What was written down was corrected".to_owned())
        }
        CaseEvent::PersonalDataErased(_) => {
            ("您的个人信息已删除".to_owned(), "Your personal data was erased".to_owned())
        }
        CaseEvent::Imported(_) => {
            ("由原有登记簿转入".to_owned(), "Taken over from an earlier register".to_owned())
        }
        // Work of the house, which is no news to the applicant.
        CaseEvent::ApplicantContacted(_)
        | CaseEvent::ProgressNoted(_)
        | CaseEvent::TaskForceActionDone(_)
        | CaseEvent::TaskForceDissolved(_)
        | CaseEvent::SpecialHandlingChecked(_)
        | CaseEvent::SpecialHandlingReviewed(_)
        | CaseEvent::Reclassified(_)
        | CaseEvent::Escalated(_)
        | CaseEvent::FeedbackRecorded(_)
        | CaseEvent::Linked(_) => return None,
    };
    Some(Words { zh, en })
}
