//! The register: what stands in each of its columns, at each step of a case.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proto_events::codes::{
    CheckLayer, Complexity, ConveneTrigger, ErasureReason, Exclusion, ExplanationMode, PauseReason,
    Position, Resolution, ReviewResult, Solved, Understood,
};

use super::{Story, wishes};
use crate::calendar::tests::at;
use crate::command::Command;
use crate::register::{Cell, Column, Known, Lang, cells, written};
use proto_events::Timestamp;

impl Story {
    fn row(&self, lang: Lang) -> Vec<Cell> {
        self.row_arriving(lang, None)
    }

    fn row_arriving(&self, lang: Lang, arrived_late_at: Option<Timestamp>) -> Vec<Cell> {
        let improvements = ["窗口张贴办事地图".to_string()];
        let known = Known {
            rules: &self.rules,
            name: "张*三",
            phone: Some("138****1234"),
            arrived_late_at,
            improvements: &improvements,
            now: self.now,
        };
        cells(self.case(), &known, lang)
    }

    /// The cell of a column as a CSV file has it.
    fn read(&self, column: Column, lang: Lang) -> String {
        let index = Column::ALL.iter().position(|one| *one == column).unwrap();
        match &self.row(lang)[index] {
            Cell::Empty => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Time(at) => written(*at),
            Cell::Count(count) => count.to_string(),
        }
    }

    #[track_caller]
    pub(super) fn writes(self, column: Column, zh: &str, en: &str) -> Self {
        assert_eq!(self.read(column, Lang::Zh), zh, "{column:?}");
        assert_eq!(self.read(column, Lang::En), en, "{column:?}");
        self
    }
}

fn explained() -> Story {
    Story::not_doable().at("2026-03-04T10:00:00+08:00").does(
        "hr-handler",
        wishes::explain(ExplanationMode::InPerson, &["hr-public-service"], Understood::Yes),
    )
}

fn bad_review() -> Story {
    Story::resolved()
        .at("2026-03-04T10:00:00+08:00")
        .does("callback", wishes::feedback(Solved::No, 2))
}

#[test]
fn the_columns_are_those_of_the_book_in_its_order_and_every_case_has_a_cell_in_each() {
    let heads: Vec<_> = Column::ALL.iter().map(|column| column.head(Lang::Zh)).collect();
    let book = "编号, 登记时间, 中心, 渠道, 反映人(脱敏), 电话(脱敏), 事项, 反映问题, 受阻环节, 原因(初判), 原因(确认), \
                首接人, 责任部门, 协办部门, 分类, 应办时限, 转办时间, 签收时间, 首次联系时间, 退回次数, 专班, 特事特办, \
                结果, 政策依据, 办结时间, 是否按时, 是否解决, 满意度, 整改, 改进措施, 晚到送达时间";
    assert_eq!(heads.join(", "), book);
    for column in Column::ALL {
        let head = column.head(Lang::En);
        assert!(!head.is_empty() && head.is_ascii(), "{head}");
    }
    for story in [Story::opened(), Story::resolved(), explained(), bad_review()] {
        assert_eq!(story.row(Lang::Zh).len(), Column::ALL.len());
    }
}

#[test]
fn a_case_that_was_just_opened_has_what_the_clerk_wrote_and_nothing_else() {
    Story::opened()
        .writes(Column::CaseNo, "DHS-20260303-001", "DHS-20260303-001")
        .writes(Column::OpenedAt, "2026-03-03 10:00", "2026-03-03 10:00")
        .writes(Column::Center, "东花市街道政务服务中心", "东花市街道政务服务中心")
        .writes(Column::Channel, "反映窗口（window）", "Window (window)")
        .writes(Column::ApplicantName, "张*三", "张*三")
        .writes(Column::ApplicantPhone, "138****1234", "138****1234")
        .writes(Column::Matter, "退休手续办理", "退休手续办理")
        .writes(Column::Demand, "想办理退休手续，不知道该找谁", "想办理退休手续，不知道该找谁")
        .writes(Column::BlockedStage, "受理（accept）", "Acceptance (accept)")
        .writes(Column::CauseProvisional, "信息告知（I）", "Information (I)")
        .writes(Column::CauseConfirmed, "", "")
        .writes(Column::FirstReceiver, "clerk", "clerk")
        .writes(Column::Department, "", "")
        .writes(Column::CoDepartments, "", "")
        .writes(Column::Complexity, "复杂（complex）", "Complex (complex)")
        .writes(Column::DueAt, "2026-03-10 17:30", "2026-03-10 17:30")
        .writes(Column::ForwardedAt, "", "")
        .writes(Column::AcceptedAt, "", "")
        .writes(Column::FirstContactAt, "", "")
        .writes(Column::Returns, "0", "0")
        .writes(Column::TaskForce, "否", "No")
        .writes(Column::SpecialHandling, "否", "No")
        .writes(Column::Outcome, "", "")
        .writes(Column::PolicyBasis, "", "")
        .writes(Column::OutcomeAt, "", "")
        .writes(Column::OnTime, "在办", "Open")
        .writes(Column::Solved, "", "")
        .writes(Column::Grade, "", "")
        .writes(Column::Rectification, "否", "No")
        .writes(Column::Improvements, "窗口张贴办事地图", "窗口张贴办事地图");
}

#[test]
fn a_matter_has_its_code_beside_its_name_and_instants_are_the_districts() {
    let open = wishes::open_with(|open| open.matter.code = Some("0114".to_string()));
    Story::beginning("2026-03-03T02:00:00+00:00")
        .does("clerk", open)
        .writes(Column::Matter, "退休手续办理（0114）", "退休手续办理 (0114)")
        .writes(Column::OpenedAt, "2026-03-03 10:00", "2026-03-03 10:00");
}

#[test]
fn the_department_that_has_the_case_has_its_times_and_its_helpers_in_the_row() {
    let story = Story::forwarded()
        .writes(Column::Department, "区人力资源公共服务中心", "区人力资源公共服务中心")
        .writes(Column::ForwardedAt, "2026-03-03 10:00", "2026-03-03 10:00")
        .writes(Column::AcceptedAt, "", "");
    let story = story
        .at("2026-03-03T11:05:00+08:00")
        .does("hr-handler", wishes::accept())
        .writes(Column::AcceptedAt, "2026-03-03 11:05", "2026-03-03 11:05")
        .does("hr-handler", wishes::contact(false))
        .writes(Column::FirstContactAt, "", "")
        .at("2026-03-03T11:20:00+08:00")
        .does("hr-handler", wishes::contact(true))
        .writes(Column::FirstContactAt, "2026-03-03 11:20", "2026-03-03 11:20");
    let (zh, en) = ("区民政局；区医疗保障局", "区民政局; 区医疗保障局");
    story
        .does("hr-handler", wishes::assign("civil-affairs"))
        .does("hr-handler", wishes::assign("medical-insurance"))
        .writes(Column::CoDepartments, zh, en);
}

#[test]
fn a_case_that_was_sent_back_is_nobodys_until_it_is_ruled_on() {
    let ruling = Command::Arbitrate {
        department: "civil-affairs".parse().unwrap(),
        co_departments: Vec::from(["hr-bureau".parse().unwrap()]),
        basis: "会议纪要".to_string(),
    };
    Story::forwarded()
        .at("2026-03-03T11:00:00+08:00")
        .does("hr-handler", wishes::send_back("civil-affairs"))
        .writes(Column::Returns, "1", "1")
        .writes(Column::Department, "", "")
        .writes(Column::ForwardedAt, "", "")
        .at("2026-03-03T15:00:00+08:00")
        .does("coordinator", ruling)
        .writes(Column::Department, "区民政局", "区民政局")
        .writes(Column::CoDepartments, "区人力资源和社会保障局", "区人力资源和社会保障局")
        .writes(Column::ForwardedAt, "2026-03-03 15:00", "2026-03-03 15:00")
        .writes(Column::Returns, "1", "1");
}

#[test]
fn a_task_force_says_what_convened_it_how_often_it_met_and_how_it_ended() {
    Story::accepted()
        .does("director", wishes::convene(ConveneTrigger::Person))
        .writes(
            Column::TaskForce,
            "是；人工提请（person）；会商0次；进行中",
            "Yes; A person (person); meetings: 0; at work",
        )
        .does("director", wishes::meet(Position::Agree, None))
        .does("director", wishes::dissolve())
        .writes(
            Column::TaskForce,
            "是；人工提请（person）；会商1次；已解散：已明确牵头部门",
            "Yes; A person (person); meetings: 1; dissolved: 已明确牵头部门",
        )
        .does("director", wishes::convene(ConveneTrigger::Person))
        .writes(
            Column::TaskForce,
            "是；人工提请（person）；第2个；会商0次；进行中",
            "Yes; A person (person); number 2; meetings: 0; at work",
        );
}

#[test]
fn a_special_handling_says_how_far_it_was_checked_and_what_was_decided() {
    let layers = [
        ("clerk", CheckLayer::Community),
        ("clerk-2", CheckLayer::Street),
        ("hr-lead", CheckLayer::Department),
        ("coordinator", CheckLayer::District),
    ];
    let requested = || {
        Story::accepted().does("hr-handler-2", wishes::special()).writes(
            Column::SpecialHandling,
            "是；待批",
            "Yes; not decided yet",
        )
    };
    requested().does("clerk", wishes::check(CheckLayer::Community)).writes(
        Column::SpecialHandling,
        "是；已把关至社区（community）；待批",
        "Yes; checked up to Community (community); not decided yet",
    );
    requested().does("clerk", wishes::withdraw()).writes(
        Column::SpecialHandling,
        "是；未批即终止",
        "Yes; lapsed undecided",
    );
    let checked = || {
        let next = |story: Story, (who, layer)| story.does(who, wishes::check(layer));
        layers.into_iter().fold(requested(), next)
    };
    checked().does("director", wishes::decide_special(false)).writes(
        Column::SpecialHandling,
        "是；已把关至区级（district）；未批准：事实清楚",
        "Yes; checked up to District (district); refused: 事实清楚",
    );
    checked()
        .does("director", wishes::decide_special(true))
        .does("coordinator", wishes::review(ReviewResult::Ok))
        .writes(
            Column::SpecialHandling,
            "是；已把关至区级（district）；已批准：事实清楚；回头看：正常（ok）",
            "Yes; checked up to District (district); approved: 事实清楚; looked back: In order (ok)",
        );
}

#[test]
fn the_outcome_is_told_with_its_codes_and_its_words() {
    Story::resolved()
        .writes(Column::CauseConfirmed, "不知找谁（I1）", "Whom to ask (I1)")
        .writes(
            Column::Outcome,
            "已办成（resolved）；正常办结（D1）；已办理",
            "Resolved (resolved); Done normally (D1); 已办理",
        )
        .writes(Column::OutcomeAt, "2026-03-03 10:00", "2026-03-03 10:00")
        .writes(Column::OnTime, "是", "Yes");
    let declined = Story::opened().does("clerk", wishes::decline(Exclusion::PrivateDispute, None));
    let told = declined.read(Column::Outcome, Lang::Zh);
    assert!(
        told.starts_with("不予纳入（declined）；民事纠纷（E5）；不属于办不成事窗口受理范围"),
        "{told}"
    );
    let told = declined.read(Column::Outcome, Lang::En);
    assert!(told.starts_with("Declined (declined); Private dispute (E5); "), "{told}");
}

#[test]
fn what_cannot_be_done_names_every_text_it_stands_on() {
    explained().writes(
        Column::PolicyBasis,
        "《中华人民共和国社会保险法》第十六条",
        "中华人民共和国社会保险法 第十六条",
    );
    let Command::DetermineNotDoable { mut basis, facts, alternatives, countersigned_by } =
        wishes::not_doable("hr-lead")
    else {
        unreachable!("it is a determination")
    };
    basis[0].number = Some("主席令第35号".to_string());
    basis[0].in_force_from = "2011-07-01".parse().ok();
    let mut second = basis[0].clone();
    second.title = "《实施办法》".to_string();
    (second.number, second.in_force_from) = (None, None);
    basis.push(second);
    let wish = Command::DetermineNotDoable { basis, facts, alternatives, countersigned_by };
    Story::accepted().does("hr-handler", wish).writes(
        Column::PolicyBasis,
        "《中华人民共和国社会保险法》（主席令第35号）第十六条，2011-07-01起施行；《实施办法》第十六条",
        "中华人民共和国社会保险法 (主席令第35号) 第十六条, in force from 2011-07-01; 《实施办法》 第十六条",
    );
}

#[test]
fn on_time_is_never_better_than_it_is() {
    // Open: running, late, and paused, which is not late.
    let late = "2026-03-10T17:31:00+08:00";
    Story::accepted().writes(Column::OnTime, "在办", "Open");
    Story::accepted().at(late).writes(Column::OnTime, "逾期未结", "Overdue, still open");
    Story::accepted()
        .does("hr-lead", wishes::pause(PauseReason::WaitingApplicant))
        .at(late)
        .writes(Column::OnTime, "在办", "Open");
    // Ended: late, and by the second promise only.
    Story::accepted()
        .at(late)
        .does("hr-handler", wishes::resolve())
        .writes(Column::OnTime, "否", "No")
        .writes(Column::DueAt, "2026-03-10 17:30", "2026-03-10 17:30");
    Story::accepted()
        .does("hr-lead", wishes::extend(5))
        .writes(Column::DueAt, "2026-03-17 17:30", "2026-03-17 17:30")
        .at(late)
        .does("hr-handler", wishes::resolve())
        .writes(Column::OnTime, "是（原时限已过）", "Yes (past the first promise)");
}

#[test]
fn a_promise_beyond_the_published_calendar_is_marked() {
    let open = wishes::open_with(|open| open.complexity = Complexity::Hard);
    let story = Story::beginning("2026-12-30T10:00:00+08:00").does("clerk", open);
    assert!(story.case().provisional_due);
    let due_at = written(story.case().due_at);
    let (zh, en) = (format!("{due_at}（暂定）"), format!("{due_at} (provisional)"));
    story.writes(Column::DueAt, &zh, &en);
}

#[test]
fn what_the_applicant_said_and_what_was_put_right_stand_at_the_end() {
    let story = bad_review()
        .writes(Column::Solved, "未解决（no）", "No (no)")
        .writes(Column::Grade, "不满意（2）", "Dissatisfied (2)")
        .does("timer", Command::OpenRectification);
    let due_at = written(story.case().open_rectification().unwrap().due_at);
    let owner = "区人力资源公共服务中心";
    let story = story.writes(
        Column::Rectification,
        &format!("整改中；{owner}；应于{due_at}前完成"),
        &format!("Under way; {owner}; due {due_at}"),
    );
    let story = story.at("2026-03-20T10:00:00+08:00").writes(
        Column::Rectification,
        &format!("逾期未整改；{owner}；应于{due_at}前完成"),
        &format!("Overdue; {owner}; due {due_at}"),
    );
    story.does("hr-handler", wishes::complete()).writes(
        Column::Rectification,
        &format!("已整改 2026-03-20 10:00；{owner}；上门致歉并办理；群众认可"),
        &format!("Done 2026-03-20 10:00; {owner}; 上门致歉并办理; 群众认可"),
    );
}

#[test]
fn a_process_that_should_change_stands_before_what_the_district_changes() {
    let wish = Command::Resolve {
        resolution: Resolution::ProcessFix,
        result: "已修改指南".to_string(),
        cause: proto_events::codes::Cause::InformationGuideUnclear,
        process_change_needed: true,
    };
    Story::accepted().does("hr-handler", wish).writes(
        Column::Improvements,
        "需修改指南或流程；窗口张贴办事地图",
        "Guide or process to be changed; 窗口张贴办事地图",
    );
}

#[test]
fn of_somebody_whose_data_was_erased_nothing_is_shown() {
    Story::resolved()
        .does("privacy-officer", wishes::erase(ErasureReason::Request))
        .writes(Column::ApplicantName, "已删除", "erased")
        .writes(Column::ApplicantPhone, "", "")
        .writes(Column::CaseNo, "DHS-20260303-001", "DHS-20260303-001");
}

#[test]
fn what_came_late_over_the_line_of_its_center_says_when_and_everything_else_leaves_it_empty() {
    let story = Story::opened().writes(Column::ArrivedLate, "", "");
    // In the district's own time, whatever the offset is.
    let row = story.row_arriving(Lang::Zh, Some(at("2026-03-06T01:05:00Z")));
    assert_eq!(row.last(), Some(&Cell::Time(at("2026-03-06T09:05:00+08:00"))));
    let Some(Cell::Time(at)) = row.last() else { panic!("{row:?}") };
    assert_eq!(written(*at), "2026-03-06 09:05");
}

#[test]
fn instants_are_written_to_the_minute() {
    assert_eq!(written(at("2026-03-04T10:00:59+08:00")), "2026-03-04 10:00");
}
