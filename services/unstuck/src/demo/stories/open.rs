//! What is on the desks now: one of every kind of open work.

use casework::command::Command;
use proto_events::codes::{
    Care, Cause, Channel, CheckLayer, Complexity, ExplanationMode, PauseReason, Position,
    Resolution, ReturnReason, Solved, Stage, Understood,
};
use proto_events::events::{ReceivedItem, RequestedItem};

use super::{Story, Who, meeting, mode, special, story};

use Channel::{GuideDesk, Hotline12345, Online, Phone, Proactive, Window};
use Complexity::{Complex, Hard, Simple, Special};

pub(super) fn stories() -> Vec<Story> {
    let mut stories = late();
    stories.extend(in_work());
    stories.extend(waiting());
    stories.extend(done());
    stories.extend(at_the_counter());
    stories
}

fn late() -> Vec<Story> {
    vec![
        // Late, and in a task force that has met.
        story(19, "10:10", "hepingli", Hotline12345, "不动产登记")
            .stuck(Stage::Approve, Cause::PolicyLegacy, Hard, 8)
            .asks("单位自建房多年未办证，开发单位已不存在，请求解决办证问题。")
            .accepted(0, "15:00")
            .contacted(1, "10:20")
            .progress(5, "14:00", "已查到当年立项批复，缺竣工验收材料。")
            .progress(12, "10:40", "与住建部门会商补验收的可行性。")
            .convened(
                13,
                "9:30",
                Who::Director,
                &["planning", "housing", "government-service", "hepingli"],
                "明确补验收路径和办证时间表",
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
                    Vec::new(),
                ),
            ),
        // Overdue with the department.
        story(6, "9:45", "jingshan", Window, "个体工商户登记")
            .stuck(Stage::Approve, Cause::ProcedurePastLimit, Simple, 2)
            .asks("登记材料齐全，承诺三日办结，至今没有结果。")
            .accepted(1, "10:15")
            .contacted(1, "11:00"),
    ]
}

fn in_work() -> Vec<Story> {
    vec![
        // In time with the departments, one of them due soon.
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
        story(4, "9:30", "donghuashi", GuideDesk, "最低生活保障申请")
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
        // Another department's part is open.
        story(3, "10:15", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Review, Cause::SystemWrongData, Complex, 2)
            .asks("户籍出生日期与档案不一致，退休时间定不下来，请求两边核对。")
            .cares(&[Care::Elderly])
            .accepted(0, "14:30")
            .contacted(0, "15:20")
            .joined(1, "9:50", "public-security", "核对户籍底册并出具出生日期证明"),
        // Papers were asked for, all at once.
        story(3, "9:55", "longtan", Window, "最低生活保障申请")
            .stuck(Stage::Accept, Cause::AttitudeNotTold, Complex, 3)
            .asks("每次去都说还差一样材料，请求一次说清。")
            .cares(&[Care::LowIncome])
            .accepted(0, "11:30")
            .contacted(0, "14:10")
            .then(
                1,
                "10:30",
                Who::Handler,
                Command::RequestMaterials {
                    items: vec![
                        RequestedItem {
                            name: "家庭成员收入情况声明".to_owned(),
                            basis: "最低生活保障审核确认办法".to_owned(),
                        },
                        RequestedItem {
                            name: "租房合同复印件".to_owned(),
                            basis: "北京市社会救助办事指南".to_owned(),
                        },
                    ],
                    mode: mode("written"),
                    new_fact: None,
                },
            ),
    ]
}

fn waiting() -> Vec<Story> {
    vec![
        // A task force that a second return convened has not met yet.
        story(2, "9:40", "dongsi", Phone, "居住证积分补录")
            .stuck(Stage::Accept, Cause::ProcedureNobody, Complex, 3)
            .asks("积分补录找不到受理部门，三个窗口都说不是自己的业务。")
            .forwarded(0, "10:20", "hr-bureau", "请核实积分补录的受理口径")
            .returned(
                0,
                "15:40",
                ReturnReason::WrongPlace,
                None,
                Some("public-security"),
                "居住信息部分由公安分局人口管理核定。",
            )
            .forwarded(1, "9:20", "public-security", "请核定居住信息")
            .returned(
                1,
                "15:10",
                ReturnReason::NotOurDuty,
                Some("人口管理职责清单：不含积分补录"),
                Some("hr-bureau"),
                "积分系统由人社部门管理。",
            ),
        // Special handling waits for its third layer.
        story(5, "10:05", "donghuashi", Window, "最低生活保障申请")
            .stuck(Stage::Review, Cause::MaterialsThirdParty, Special, 4)
            .asks("配偶服刑异地无法配合授权，经济状况核对做不了，低保申请停滞。")
            .cares(&[Care::LowIncome, Care::Minor])
            .accepted(0, "14:00")
            .contacted(0, "15:10")
            .then(
                1,
                "10:40",
                Who::Handler,
                special(
                    "申请人独自抚养两名子女，配偶在外省服刑，无法到场签署核对授权。",
                    "配偶经济状况核对授权书",
                    "社会救助暂行办法第二条：社会救助制度坚持托底线、救急难、可持续",
                ),
            )
            .checked(2, "11:00", Who::Clerk, CheckLayer::Community, "入户走访，情况属实。")
            .checked(
                4,
                "10:20",
                Who::Director,
                CheckLayer::Street,
                "材料与社区意见一致，同意上报。",
            ),
        // The clock stands still while a third party is waited for.
        story(6, "14:10", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Accept, Cause::MaterialsLost, Special, 2)
            .asks("人事档案在转递途中遗失，退休无法申报。")
            .cares(&[Care::Elderly])
            .accepted(0, "15:40")
            .contacted(1, "9:30")
            .progress(2, "10:20", "已向原存档机构发函查找。")
            .then(
                3,
                "9:50",
                Who::Lead,
                Command::Pause {
                    reason: PauseReason::WaitingThirdParty,
                    handler_informed: Some(true),
                },
            ),
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
        // Determined yesterday: somebody has to explain it.
        story(5, "14:15", "donghuashi", Window, "最低生活保障申请")
            .stuck(Stage::Review, Cause::PolicyForbids, Complex, 2)
            .asks("子女收入被计入家庭收入，认为已分户不应计算。")
            .cares(&[Care::LowIncome, Care::Elderly])
            .accepted(0, "16:10")
            .contacted(1, "9:35")
            .not_doable(
                4,
                "10:50",
                ("最低生活保障审核确认办法", "关于赡养、抚养、扶养费计算的条款"),
                "子女有赡养能力，依规定应计入赡养费后核算家庭收入。",
                "可申请支出型困难家庭认定",
            ),
    ]
}

fn done() -> Vec<Story> {
    vec![
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
        // Explained, and not yet asked.
        story(6, "10:40", "jianguomen", Window, "退役军人优待")
            .stuck(Stage::Accept, Cause::PolicyReading, Simple, 2)
            .asks("希望凭立功证书换取轨道交通免费卡。")
            .cares(&[Care::Veteran])
            .accepted(0, "14:05")
            .contacted(0, "15:10")
            .not_doable(
                3,
                "11:00",
                ("退役军人、其他优抚对象优待证管理办法", "关于优待内容的条款"),
                "免费乘车以优待证为凭，立功证书不在凭证之列。",
                "已协助申领优待证，领证后即可享受",
            )
            .explained(
                5,
                "9:20",
                Who::Handler,
                ExplanationMode::InPerson,
                &["veterans-affairs"],
                Understood::Yes,
            ),
        // A bad review that waits to be put right.
        story(8, "10:25", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Review, Cause::AttitudeDelay, Simple, 2)
            .asks("退休审批提交后一直没有回音，多次询问都说再等等。")
            .accepted(0, "14:15")
            .contacted(1, "10:00")
            .resolved(
                3,
                "15:40",
                Resolution::Normal,
                Cause::AttitudeDelay,
                "已完成审批并送达决定。",
            )
            .feedback(6, "11:00", Solved::Yes, 1, "拖了太久，影响领取养老金。"),
    ]
}

fn at_the_counter() -> Vec<Story> {
    vec![
        // Just handed over.
        story(1, "15:20", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Accept, Cause::MaterialsContradict, Complex, 2)
            .asks("两份档案记载的参加工作时间不一致，退休无法申报。")
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
