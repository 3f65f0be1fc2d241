//! What is on the desks now: late, in time, sent back, done and not yet asked, just handed over, or waiting for
//! somebody to say where it goes.

use casework::command::Command;
use proto_events::codes::{
    Care, Cause, Channel, Complexity, ConveneTrigger, Position, Resolution, ReturnReason, Stage,
};
use proto_events::events::{Member, ReceivedItem};

use super::{Story, Who, department_id, meeting, story};

use Channel::{GuideDesk, Hotline12345, Online, Phone, Proactive, Window};
use Complexity::{Complex, Hard, Simple, Special};

pub(super) fn stories() -> Vec<Story> {
    vec![
        // Late, and in a task force.
        story(19, "10:10", "hepingli", Hotline12345, "不动产登记")
            .stuck(Stage::Approve, Cause::PolicyLegacy, Hard, 8)
            .asks("单位自建房多年未办证，开发单位已不存在，请求解决办证问题。")
            .accepted(0, "15:00")
            .contacted(1, "10:20")
            .progress(5, "14:00", "已查到当年立项批复，缺竣工验收材料。")
            .progress(12, "10:40", "与住建部门会商补验收的可行性。")
            .then(
                13,
                "9:30",
                Who::Director,
                Command::ConveneTaskForce {
                    trigger: ConveneTrigger::Person,
                    chair: "区政务服务局".to_owned(),
                    members: ["planning", "housing", "government-service", "hepingli"]
                        .into_iter()
                        .map(|body| Member {
                            department: department_id(body),
                            person: String::new(),
                        })
                        .collect(),
                    objective: "明确补验收路径和办证时间表".to_owned(),
                    reason: "历史遗留，单一部门无法推进".to_owned(),
                },
            )
            .then(
                14,
                "14:00",
                Who::Coordinator,
                meeting(
                    &[
                        ("planning", Position::Agree, None),
                        ("housing", Position::Abstain, None),
                        ("government-service", Position::Agree, None),
                    ],
                    "由规自分局提出历史遗留项目补验方案，住建委提供技术意见。",
                ),
            ),
        // Overdue with the department.
        story(6, "9:45", "jingshan", Window, "个体工商户登记")
            .stuck(Stage::Approve, Cause::ProcedurePastLimit, Simple, 2)
            .asks("登记材料齐全，承诺三日办结，至今没有结果。")
            .accepted(1, "10:15")
            .contacted(1, "11:00"),
        // In time with the departments.
        story(4, "10:55", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Review, Cause::SystemNotShared, Special, 2)
            .asks("军龄没有同步到社保系统，退休待遇少算了三年。")
            .cares(&[Care::Veteran, Care::Elderly])
            .accepted(0, "15:00")
            .contacted(0, "16:30")
            .progress(2, "10:30", "已向退役军人事务局调取军龄记录。")
            .then(
                3,
                "10:00",
                Who::Clerk,
                Command::ReceiveMaterials {
                    items: vec![ReceivedItem {
                        name: "退伍证复印件".to_owned(), basis: None
                    }],
                    complete: true,
                },
            ),
        story(3, "9:30", "donghuashi", GuideDesk, "最低生活保障申请")
            .stuck(Stage::Accept, Cause::MaterialsNotIssuable, Complex, 3)
            .asks("配偶失联多年，无法提供其收入证明，低保申请无法提交。")
            .cares(&[Care::LowIncome])
            .accepted(0, "14:20")
            .contacted(0, "15:40"),
        story(3, "14:30", "andingmen", Online, "公租房申请")
            .stuck(Stage::Online, Cause::SystemOnlineBroken, Complex, 2)
            .asks("家庭成员信息填写后无法提交，提示户籍信息异常。")
            .accepted(1, "9:40")
            .contacted(1, "10:20"),
        // Sent back yesterday: somebody has to rule.
        story(2, "10:20", "chongwenmenwai", Phone, "残疾人保险与补贴")
            .stuck(Stage::Review, Cause::PolicyReading, Complex, 2)
            .asks("非本市户籍长期居住人员能否领取护理补贴，各处说法不一。")
            .cares(&[Care::Disabled])
            .returned(
                1,
                "10:05",
                ReturnReason::NeedsRuling,
                None,
                None,
                "涉及户籍认定口径，请求裁定承办单位。",
            ),
        // Done, and not yet asked.
        story(4, "11:15", "tiantan", Window, "户口登记")
            .stuck(Stage::Issue, Cause::SystemFault, Simple, 1)
            .asks("身份证办理后两个月没有制证信息。")
            .accepted(0, "14:00")
            .contacted(0, "14:50")
            .resolved(
                2,
                "16:15",
                Resolution::DataFix,
                Cause::SystemFault,
                "重新推送制证数据，证件已寄出。",
            ),
        story(3, "10:45", "longtan", Proactive, "医疗保险异地转移")
            .stuck(Stage::Accept, Cause::InformationNotNotified, Simple, 0)
            .asks("批量参保转移中有居民漏转，社区主动登记，请逐一补办。")
            .accepted(0, "15:10")
            .contacted(1, "9:50")
            .resolved(
                2,
                "11:30",
                Resolution::OnBehalf,
                Cause::InformationNotNotified,
                "已为漏转居民补办转移并电话告知。",
            ),
        // Just handed over.
        story(1, "15:20", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Accept, Cause::MaterialsLost, Complex, 2)
            .asks("人事档案在转递途中遗失，退休无法申报。")
            .cares(&[Care::Elderly]),
        story(1, "16:05", "dongzhimen", Online, "义务教育入学")
            .stuck(Stage::Online, Cause::SystemNotSupported, Simple, 1)
            .asks("集体户子女登记入学，系统没有可选的居住类型。"),
        // Nobody in the table: a person has to decide where it goes.
        story(1, "10:00", "donghuashi", Window, "老旧小区加装电梯补贴")
            .stuck(Stage::Consult, Cause::ProcedureNoLead, Complex, 3)
            .asks("加装电梯补贴由谁受理没有明确，三个部门都让再等等。"),
        story(2, "14:45", "jingshan", GuideDesk, "胡同停车位认证")
            .stuck(Stage::Consult, Cause::InformationWhom, Simple, 2)
            .asks("居住停车认证不知道该找街道还是交通部门。"),
    ]
}
