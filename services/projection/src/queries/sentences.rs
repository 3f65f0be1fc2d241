//! Every event of a case as a sentence, in Chinese and in English, for those who may read the case.
//!
//! Invariants: a new kind of event does not compile without its sentence; no sentence names an applicant, because no
//! event does in clear.

use proto_events::Timestamp;
use proto_events::events::{
    CaseEvent, Escalated, FeedbackRecorded, Forwarded, Imported, MaterialsRequested, Opened,
    Reclassified, SpecialHandlingDecided, TaskForceMet,
};

use super::called::Called;
use super::words::Words;

/// Tells what an earlier register said, as far as somebody else filled it in.
fn imported(data: &Imported) -> Words {
    let (zh, en) = match data.assumed.as_slice() {
        [] => (String::new(), String::new()),
        assumed => {
            let columns = assumed.join(", ");
            (format!("；推定的栏目：{columns}"), format!("; assumed: {columns}"))
        }
    };
    both(
        format!("由原有登记簿转入，此前的时限不计入指标{zh}"),
        format!(
            "Taken over from an earlier register; what was promised before is in no figure{en}"
        ),
    )
}

/// Tells an event.
pub(super) fn sentence(event: &CaseEvent, called: &Called<'_>) -> Words {
    let name = |id: &str| called.body(id);
    let day = |at: Timestamp| Day::of(at, called);
    match event {
        CaseEvent::Opened(data) => opened(data, called),
        CaseEvent::Imported(data) => imported(data),
        CaseEvent::Declined(data) => both(
            format!("不予纳入（{}）：{}", data.exclusion.label_zh(), data.reason),
            format!("Not taken on ({}): {}", data.exclusion.label_en(), data.reason),
        ),
        CaseEvent::Forwarded(data) => forwarded(data, called),
        CaseEvent::Accepted(data) => {
            let (by, who) = (name(data.department.as_str()), called.person(&data.handler));
            both(
                format!("{}签收，承办人{who}", by.zh),
                format!("{} signed for it; {who} handles it", by.en),
            )
        }
        CaseEvent::ApplicantContacted(data) => {
            let (zh, en) = (data.mode.label_zh(), data.mode.label_en());
            if data.reached {
                both(format!("已联系上群众（{zh}）"), format!("The applicant was reached ({en})"))
            } else {
                both(
                    format!("联系群众未果（{zh}）"),
                    format!("The applicant was not reached ({en})"),
                )
            }
        }
        CaseEvent::Returned(data) => {
            let by = name(data.department.as_str());
            let to = data.suggested_department.as_ref().map(|id| name(id.as_str()));
            let zh = to.as_ref().map(|to| format!("，建议转{}", to.zh)).unwrap_or_default();
            let en = to.map(|to| format!(", suggesting {}", to.en)).unwrap_or_default();
            let (zh_reason, en_reason) = (data.reason.label_zh(), data.reason.label_en());
            both(
                format!("{}退单（{zh_reason}）{zh}：{}", by.zh, data.note),
                format!("{} sent it back ({en_reason}){en}: {}", by.en, data.note),
            )
        }
        CaseEvent::Arbitrated(data) => {
            let lead = name(data.department.as_str());
            let others = data.co_departments.iter().map(|id| name(id.as_str()));
            let (zh, en): (Vec<_>, Vec<_>) = others.map(|Words { zh, en }| (zh, en)).unzip();
            let zh = listed("，协办：", &zh, "、");
            let en = listed(", helped by ", &en, ", ");
            both(
                format!("裁定由{}牵头{zh}；依据：{}", lead.zh, data.basis),
                format!("It was ruled that {} leads{en}; on the basis of: {}", lead.en, data.basis),
            )
        }
        CaseEvent::JointHandlingAssigned(data) => {
            let parts = data.parts.iter().map(|part| {
                let (to, due) = (name(part.department.as_str()), day(part.due_at));
                (
                    format!("{}（{}，{}前）", to.zh, part.ask, due.zh),
                    format!("{} ({}, by {})", to.en, part.ask, due.en),
                )
            });
            let (zh, en): (Vec<_>, Vec<_>) = parts.unzip();
            both(
                format!("联合办理：{}", zh.join("、")),
                format!("Handled jointly: {}", en.join("; ")),
            )
        }
        CaseEvent::PartCompleted(data) => {
            let by = name(data.department.as_str());
            both(
                format!("{}完成联办事项：{}", by.zh, data.result),
                format!("{} finished its part: {}", by.en, data.result),
            )
        }
        CaseEvent::MaterialsRequested(data) => materials_requested(data, called),
        CaseEvent::MaterialsReceived(data) => {
            let items: Vec<_> = data.items.iter().map(|item| item.name.clone()).collect();
            let (zh, en) = if data.complete {
                ("材料已齐", "all of them are there")
            } else {
                ("尚未齐全", "some are still missing")
            };
            both(
                format!("收到材料：{}，{zh}", items.join("、")),
                format!("Papers came in: {}; {en}", items.join(", ")),
            )
        }
        CaseEvent::ProgressNoted(data) => {
            let (zh, en) = if data.public { ("（群众可见）", " (public)") } else { ("", "") };
            both(format!("进展{zh}：{}", data.text), format!("Progress{en}: {}", data.text))
        }
        CaseEvent::TaskForceConvened(data) => {
            let (chair, trigger) = (name(&data.chair), data.trigger);
            let (zh, en) = (trigger.label_zh(), trigger.label_en());
            both(
                format!("成立专班（{zh}），组长{}：{}", chair.zh, data.objective),
                format!(
                    "A task force was convened ({en}), chaired by {}: {}",
                    chair.en, data.objective
                ),
            )
        }
        CaseEvent::TaskForceMet(data) => met(data, called),
        CaseEvent::TaskForceActionDone(data) => both(
            format!("专班任务{}已完成：{}", data.number, data.result),
            format!("Action {} of the task force is done: {}", data.number, data.result),
        ),
        CaseEvent::TaskForceDissolved(data) => {
            let open: Vec<_> = data.carried.iter().map(ToString::to_string).collect();
            let zh = listed("；继续落实的任务：", &open, "、");
            let en = listed("; actions that go on: ", &open, ", ");
            both(
                format!("专班解散：{}{zh}", bare(&data.outcome)),
                format!("The task force was dissolved: {}{en}", bare(&data.outcome)),
            )
        }
        CaseEvent::SpecialHandlingRequested(data) => both(
            format!("提请特事特办，拟变通：{}", data.requirement_waived),
            format!("A special handling was asked for, waiving: {}", data.requirement_waived),
        ),
        CaseEvent::SpecialHandlingChecked(data) => both(
            format!("{}把关：{}", data.layer.label_zh(), data.finding),
            format!("Checked by the {}: {}", data.layer.label_en().to_lowercase(), data.finding),
        ),
        CaseEvent::SpecialHandlingDecided(data) => special_decided(data, called),
        CaseEvent::SpecialHandlingReviewed(data) => both(
            format!("特事特办回头看：{}", data.result.label_zh()),
            format!("The special handling was looked back on: {}", data.result.label_en()),
        ),
        CaseEvent::NotDoableDetermined(data) => {
            let basis: Vec<_> = data
                .basis
                .iter()
                .map(|text| format!("《{}》{}", text.title, text.article))
                .collect();
            let basis = basis.join("、");
            let second = called.person(&data.countersigned_by);
            both(
                format!("认定不能办，依据{basis}，{second}会签"),
                format!(
                    "It was determined that it cannot be done, by {basis}; countersigned by {second}"
                ),
            )
        }
        CaseEvent::Explained(data) => both(
            format!(
                "第{}次解释（{}），群众是否理解：{}",
                data.session,
                data.mode.label_zh(),
                data.understood.label_zh()
            ),
            format!(
                "Explained, session {} ({}); understood: {}",
                data.session,
                data.mode.label_en(),
                data.understood.label_en()
            ),
        ),
        CaseEvent::Resolved(data) => both(
            format!("{}：{}", data.resolution.label_zh(), data.result),
            format!("{}: {}", data.resolution.label_en(), data.result),
        ),
        CaseEvent::ClockPaused(data) => {
            let until = day(data.until);
            both(
                format!("暂停计时（{}），最迟{}恢复", data.reason.label_zh(), until.zh),
                format!(
                    "The clock stands still ({}), until {} at the latest",
                    data.reason.label_en(),
                    until.en
                ),
            )
        }
        CaseEvent::ClockResumed(data) => {
            let due = day(data.due_at);
            let (zh, en) = if data.automatic {
                ("期满自动恢复计时", "The pause is over")
            } else {
                ("恢复计时", "The clock runs again")
            };
            both(format!("{zh}，应于{}前办结", due.zh), format!("{en}; due {}", due.en))
        }
        CaseEvent::DeadlineExtended(data) => {
            let (days, due) = (data.working_days, day(data.due_at));
            both(
                format!("延期{days}个工作日至{}：{}", due.zh, data.reason),
                format!("Extended by {days} working days to {}: {}", due.en, data.reason),
            )
        }
        CaseEvent::DeadlineRecalculated(data) => {
            let year = data.published_to.format("%Y");
            let (was, due) = (day(data.was_due_at), day(data.due_at));
            both(
                format!("{year}年放假安排公布，时限由{}重算为{}", was.zh, due.zh),
                format!("The days off of {year} were published; {} became {}", was.en, due.en),
            )
        }
        CaseEvent::Reclassified(data) => reclassified(data, called),
        CaseEvent::Escalated(data) => escalated(data, called),
        CaseEvent::Urged(data) => {
            both(format!("催办：{}", data.text), format!("Asked to hurry: {}", data.text))
        }
        CaseEvent::FeedbackRecorded(data) => feedback(data),
        CaseEvent::RectificationOpened(data) => {
            let (owner, due) = (name(&data.owner), day(data.due_at));
            both(
                format!("启动整改，由{}于{}前改到位", owner.zh, due.zh),
                format!("A bad review has to be put right by {} by {}", owner.en, due.en),
            )
        }
        CaseEvent::RectificationCompleted(data) => both(
            format!("整改完成：{}；{}", bare(&data.action), data.result),
            format!("The bad review was put right: {}; {}", bare(&data.action), data.result),
        ),
        CaseEvent::Reopened(data) => both(
            format!("群众要求重启（{}）", data.reason.label_zh()),
            format!("The applicant asked to take it up again ({})", data.reason.label_en()),
        ),
        CaseEvent::Withdrawn(data) => both(
            format!("群众撤回：{}", data.reason),
            format!("The applicant has withdrawn it: {}", data.reason),
        ),
        CaseEvent::Transferred(data) => both(
            format!("移送{}（回执{}）：{}", data.body, data.receipt, data.reason),
            format!("Handed to {} (receipt {}): {}", data.body, data.receipt, data.reason),
        ),
        CaseEvent::Closed(data) => both(
            format!("结案（{}）", data.code.label_zh()),
            format!("Closed ({})", data.code.label_en()),
        ),
        CaseEvent::Linked(data) => both(
            format!("关联案件（{}）：{}", data.relation.label_zh(), data.case_id),
            format!("Linked ({}): {}", data.relation.label_en(), data.case_id),
        ),
        CaseEvent::Corrected(data) => {
            let (zh, en) = field(&data.field);
            both(format!("更正{zh}：{}", data.reason), format!("Corrected {en}: {}", data.reason))
        }
        CaseEvent::PersonalDataErased(data) => both(
            format!("已删除个人信息（{}）", data.reason.label_zh()),
            format!("The personal data was erased ({})", data.reason.label_en()),
        ),
    }
}

fn both(zh: String, en: String) -> Words {
    Words { zh, en }
}

/// `before` and the joined texts; nothing when there are none.
fn listed(before: &str, texts: &[String], between: &str) -> String {
    if texts.is_empty() {
        return String::new();
    }
    let texts: Vec<_> = texts.iter().map(|text| bare(text)).collect();
    format!("{before}{}", texts.join(between))
}

/// A text without the full stop at its end, for inside a sentence.
fn bare(text: &str) -> &str {
    text.trim_end().trim_end_matches(['。', '.'])
}

/// A time as people write it, in both languages.
pub(super) struct Day {
    /// `2026年2月27日17:30`.
    pub(super) zh: String,
    /// `27 Feb 2026 17:30`.
    pub(super) en: String,
}

impl Day {
    /// Writes an instant in the district's offset.
    pub(super) fn of(at: Timestamp, called: &Called<'_>) -> Self {
        let local = at.with_timezone(&called.rules().calendar.offset());
        Self {
            zh: local.format("%Y年%-m月%-d日%H:%M").to_string(),
            en: local.format("%-d %b %Y %H:%M").to_string(),
        }
    }
}

/// The name of a field that can be corrected, in both languages; a field that nobody knows, as it is.
fn field(name: &str) -> (&str, &str) {
    match name {
        "name" => ("姓名", "the name"),
        "phone" => ("电话", "the telephone"),
        "id_number" => ("证件号码", "the number of the document"),
        "address" => ("地址", "the address"),
        "care" => ("特殊照顾情况", "the care that is needed"),
        "applicant" => ("反映人信息", "the applicant"),
        "demand" => ("反映问题", "the demand"),
        "summary" => ("经过", "the summary"),
        "matter" => ("事项", "the matter"),
        "blocked_stage" => ("受阻环节", "the stage"),
        "channel" => ("渠道", "the channel"),
        "attempts_before" => ("此前办理次数", "the attempts before"),
        other => (other, other),
    }
}

fn opened(data: &Opened, called: &Called<'_>) -> Words {
    let (center, due) = (called.body(data.center.as_str()), Day::of(data.due_at, called));
    both(
        format!(
            "{}登记：{}（{}），{}件，应于{}前办结",
            center.zh,
            data.matter.name,
            data.channel.label_zh(),
            data.complexity.label_zh(),
            due.zh
        ),
        format!(
            "{} took on {} ({}), {}, due {}",
            center.en,
            data.matter.name,
            data.channel.label_en(),
            data.complexity.label_en().to_lowercase(),
            due.en
        ),
    )
}

fn forwarded(data: &Forwarded, called: &Called<'_>) -> Words {
    let to = called.body(data.to.as_str());
    let window = data.contact.as_ref().map(|contact| contact.window.as_str());
    let zh = window.map(|window| format!("（{window}）")).unwrap_or_default();
    let en = window.map(|window| format!(" ({window})")).unwrap_or_default();
    if data.automatic {
        both(
            format!("按事项分派表自动转办至{}{zh}", to.zh),
            format!("Handed to {}{en} by the routing table", to.en),
        )
    } else {
        both(
            format!("转办至{}{zh}：{}", to.zh, data.ask),
            format!("Handed to {}{en}: {}", to.en, data.ask),
        )
    }
}

fn materials_requested(data: &MaterialsRequested, called: &Called<'_>) -> Words {
    let items: Vec<_> = data.items.iter().map(|item| item.name.clone()).collect();
    let due = Day::of(data.due_at, called);
    let zh = data.new_fact.as_ref().map(|fact| format!("；新情况：{fact}")).unwrap_or_default();
    let en = data.new_fact.as_ref().map(|fact| format!("; new fact: {fact}")).unwrap_or_default();
    both(
        format!("一次性告知需补材料：{}，请于{}前提供{zh}", items.join("、"), due.zh),
        format!("Everything missing was said at once: {}; by {}{en}", items.join(", "), due.en),
    )
}

fn met(data: &TaskForceMet, called: &Called<'_>) -> Words {
    let positions = data.positions.iter().map(|one| {
        let body = called.body(one.department.as_str());
        (
            format!("{}{}", body.zh, one.position.label_zh()),
            format!("{}: {}", body.en, one.position.label_en()),
        )
    });
    let (zh, en): (Vec<_>, Vec<_>) = positions.unzip();
    let (zh, en) = (listed("；立场：", &zh, "、"), listed("; positions: ", &en, ", "));
    let count = data.actions.len();
    let (zh_actions, en_actions) = match count {
        0 => (String::new(), String::new()),
        _ => (format!("；任务{count}项"), format!("; actions: {count}")),
    };
    both(
        format!(
            "专班第{}次会商{}{zh}{zh_actions}",
            data.number,
            listed("，决定：", &data.decisions, "；")
        ),
        format!(
            "Meeting {} of the task force{}{en}{en_actions}",
            data.number,
            listed(", decided: ", &data.decisions, "; ")
        ),
    )
}

fn special_decided(data: &SpecialHandlingDecided, called: &Called<'_>) -> Words {
    if !data.approved {
        return both(
            format!("特事特办未获批准：{}", data.reason),
            format!("The special handling was refused: {}", data.reason),
        );
    }
    let review = data.review_due_at.map(|at| Day::of(at, called));
    let zh = review.as_ref().map(|day| format!("；{}前回头看", day.zh)).unwrap_or_default();
    let en = review.map(|day| format!("; to be looked back on by {}", day.en)).unwrap_or_default();
    both(
        format!(
            "特事特办获批准：{}{}{zh}",
            bare(&data.reason),
            listed("；条件：", &data.conditions, "、")
        ),
        format!(
            "The special handling was approved: {}{}{en}",
            bare(&data.reason),
            listed("; conditions: ", &data.conditions, ", ")
        ),
    )
}

fn reclassified(data: &Reclassified, called: &Called<'_>) -> Words {
    let (mut zh, mut en) = (Vec::new(), Vec::new());
    if let Some(change) = &data.complexity {
        zh.push(format!("由{}改为{}", change.from.label_zh(), change.to.label_zh()));
        en.push(format!("from {} to {}", change.from.label_en(), change.to.label_en()));
    }
    if let Some(change) = &data.cause {
        zh.push(format!("原因由{}改为{}", change.from.label_zh(), change.to.label_zh()));
        en.push(format!("cause from {} to {}", change.from.label_en(), change.to.label_en()));
    }
    let due = Day::of(data.due_at, called);
    both(
        format!("改分类，{}：{}；应于{}前办结", zh.join("，"), data.reason, due.zh),
        format!("Reclassified {}: {}; due {}", en.join(", "), data.reason, due.en),
    )
}

fn escalated(data: &Escalated, called: &Called<'_>) -> Words {
    let body = called.body(&data.body);
    both(
        format!(
            "督办：{}，{}（{}，告知{}）",
            data.clock.label_zh(),
            data.level.label_zh(),
            body.zh,
            data.told.label_zh()
        ),
        format!(
            "{}: {} ({}; told: {})",
            data.clock.label_en(),
            data.level.label_en(),
            body.en,
            data.told.label_en()
        ),
    )
}

fn feedback(data: &FeedbackRecorded) -> Words {
    let (mode_zh, mode_en) = (data.mode.label_zh(), data.mode.label_en());
    if !data.responded {
        return both(
            format!("回访未果（{mode_zh}）"),
            format!("Asked how it went, without an answer ({mode_en})"),
        );
    }
    let solved = data.solved.map_or(("未答", "not said"), |one| (one.label_zh(), one.label_en()));
    let grade = data.grade.map(|grade| grade.value().to_string());
    both(
        format!(
            "回访（{mode_zh}）：是否解决：{}；满意度：{}",
            solved.0,
            grade.as_deref().unwrap_or("未评")
        ),
        format!(
            "Asked how it went ({mode_en}): solved: {}; grade: {}",
            solved.1,
            grade.as_deref().unwrap_or("not rated")
        ),
    )
}
