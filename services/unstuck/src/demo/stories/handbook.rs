//! The stories of the handbook: a retirement with a part for another body, an allowance by special handling, what
//! cannot be done, what was sent back and forth, a promise over a long break, one question of two hundred, somebody
//! who wished to be forgotten; and a matter that another level has to decide.

use casework::command::Command;
use proto_events::codes::{
    Care, Cause, Channel, CheckLayer, Complexity, ErasureReason, ExplanationMode, Position,
    Resolution, ReturnReason, Solved, Stage, Understood,
};

use super::{Began, Story, Who, meeting, special, story};

use Channel::{GuideDesk, Phone, Window};
use CheckLayer::{Community, Department, District, Street};
use Complexity::{Complex, Simple, Special};
use Position::{Agree, Object};

pub(super) fn stories() -> Vec<Story> {
    vec![
        retirement(),
        allowance(),
        not_doable(),
        back_and_forth(),
        over_a_long_break(),
        one_of_the_questions(),
        forgotten(),
        of_another_level(),
    ]
}

fn retirement() -> Story {
    story(9, "15:10", "donghuashi", Phone, "退休手续办理")
        .stuck(Stage::Consult, Cause::InformationWhom, Simple, 2)
        .asks("即将到龄，在外区租房居住，没有人告诉过退休手续去哪里办、找谁办。")
        .cares(&[Care::Veteran, Care::Disabled])
        .accepted(1, "9:20")
        .contacted(1, "9:40")
        .joined(1, "9:45", "disabled-federation", "说明残疾人社会保险补贴的缴纳情况")
        .part_done(
            1,
            "11:00",
            "disabled-federation",
            "已说明：该项保险由财政缴纳，不影响退休核准。",
        )
        .resolved(
            1,
            "16:30",
            Resolution::Coordinated,
            Cause::InformationWhom,
            "经办人电话核对材料，当日下午办结退休手续。",
        )
        .feedback(3, "10:20", Solved::Yes, 5, "打了一个电话，第二天就办好了。")
}

fn allowance() -> Story {
    story(22, "9:50", "longtan", Window, "最低生活保障申请")
        .stuck(Stage::Review, Cause::MaterialsThirdParty, Special, 3)
        .asks("配偶出境后失联多年，无法提供离婚协议，低保申请一直未能受理，孩子上学没有着落。")
        .after("两次申请均因缺离婚协议未受理，社区了解其家庭情况属实。")
        .cares(&[Care::LowIncome, Care::Minor])
        .accepted(0, "14:10")
        .contacted(0, "15:30")
        .convened(
            1,
            "10:00",
            Who::Coordinator,
            &["civil-affairs", "hr-bureau", "longtan"],
            "核清家庭情况，研究能否免予提交离婚协议",
        )
        .then(
            2,
            "9:30",
            Who::Coordinator,
            meeting(
                &[
                    ("civil-affairs", Agree, None),
                    ("hr-bureau", Agree, None),
                    ("longtan", Agree, None),
                ],
                "情况属实，由民政局提请特事特办，逐层把关，不降低实质条件。",
                Vec::new(),
            ),
        )
        .then(
            2,
            "11:10",
            Who::Handler,
            special(
                "申请人配偶出境后失联逾五年，出入境记录、社区和学校均可证明其独自抚养子女。",
                "离婚协议",
                "社会救助暂行办法第二条：社会救助制度坚持托底线、救急难、可持续",
            ),
        )
        .checked(3, "9:40", Who::Clerk, Community, "入户走访，邻里三户陈述一致，情况属实。")
        .checked(4, "10:15", Who::Director, Street, "材料与社区意见一致，同意上报。")
        .checked(
            5,
            "14:00",
            Who::Lead,
            Department,
            "核对系统数据未见相反情形，与同类情形标准一致。",
        )
        .checked(6, "15:20", Who::Coordinator, District, "四层意见完整，同意提请决定。")
        .then(
            7,
            "10:30",
            Who::Decider,
            Command::DecideSpecialHandling {
                approved: true,
                reason: "事实清楚、层级完整，不降低实质条件，准予特事特办。".to_owned(),
                conditions: vec!["每半年由社区复核一次共同生活情况".to_owned()],
                is_precedent: false,
            },
        )
        .resolved(
            8,
            "16:10",
            Resolution::SpecialHandling,
            Cause::MaterialsThirdParty,
            "免予提交离婚协议，低保已批准，自次月起发放。",
        )
        .feedback(10, "10:40", Solved::Yes, 5, "几个部门一起帮我想办法，谢谢。")
}

fn not_doable() -> Story {
    story(16, "10:20", "donghuashi", Window, "退休手续办理")
        .stuck(Stage::Consult, Cause::PolicyForbids, Complex, 4)
        .asks("年满七十岁，没有缴过养老保险，要求办理退休领取养老金。")
        .after("多次到社保窗口询问，不理解为什么别人能领。")
        .cares(&[Care::Elderly])
        .accepted(0, "14:00")
        .contacted(1, "9:40")
        .not_doable(
            3,
            "15:30",
            (
                "中华人民共和国社会保险法",
                "第十六条：参加基本养老保险的个人，达到法定退休年龄时累计缴费满规定年限的，按月领取基本养老金",
            ),
            "没有职工基本养老保险缴费记录；规定年限以前的时段不允许以事后追补缴费方式增加年限。",
            "可申请城乡居民养老保障福利养老金；生活困难的可申请最低生活保障",
        )
        .explained(
            4,
            "10:00",
            Who::Handler,
            ExplanationMode::InPerson,
            &["hr-public-service"],
            Understood::No,
        )
        .explained(
            5,
            "14:30",
            Who::Lead,
            ExplanationMode::Joint,
            &["hr-public-service", "hr-bureau", "donghuashi"],
            Understood::Partly,
        )
        .feedback(7, "11:10", Solved::Partly, 4, "规定听明白了，福利养老金在办。")
}

fn back_and_forth() -> Story {
    story(13, "9:40", "jingshan", Window, "医疗救助资格认定")
        .stuck(Stage::Accept, Cause::ProcedureBackAndForth, Complex, 6)
        .asks("医疗救助资格由谁认定，民政和医保都说不归自己管，请求明确。")
        .after("半年内先后到两个部门六次，均被告知找对方。")
        .cares(&[Care::LowIncome, Care::Elderly])
        .forwarded(0, "10:10", "civil-affairs", "请核实医疗救助资格的受理口径")
        .returned(
            0,
            "15:10",
            ReturnReason::NotOurDuty,
            Some("医疗救助自机构改革后由医疗保障部门负责"),
            Some("medical-insurance"),
            "资格认定请转医疗保障部门。",
        )
        .forwarded(1, "9:30", "medical-insurance", "请认定医疗救助资格")
        .returned(
            1,
            "16:00",
            ReturnReason::NotOurDuty,
            Some("低收入身份由民政部门认定，医保部门据此给予救助"),
            Some("civil-affairs"),
            "须先由民政部门认定低收入身份。",
        )
        .then(
            3,
            "10:00",
            Who::Coordinator,
            meeting(
                &[
                    ("civil-affairs", Object, Some("本单位职责清单不含医疗救助审批")),
                    ("medical-insurance", Agree, None),
                    ("government-service", Agree, None),
                ],
                "由医保局牵头，民政局同步认定低收入身份，不再要求群众往返。",
                Vec::new(),
            ),
        )
        .then(
            3,
            "11:20",
            Who::Coordinator,
            Command::Arbitrate {
                department: super::department_id("medical-insurance"),
                co_departments: vec![super::department_id("civil-affairs")],
                basis: "专班会商纪要：医疗救助由医疗保障部门牵头受理".to_owned(),
            },
        )
        .accepted(3, "14:00")
        .contacted(3, "14:30")
        .resolved(
            4,
            "15:45",
            Resolution::TaskForce,
            Cause::ProcedureBackAndForth,
            "两部门同步认定，医疗救助资格已确认并补支费用。",
        )
        .feedback(6, "10:20", Solved::Yes, 5, "终于不用再跑了。")
}

fn over_a_long_break() -> Story {
    let story = story(0, "10:00", "chaoyangmen", Window, "不动产登记")
        .stuck(Stage::Review, Cause::MaterialsNotInGuide, Complex, 2)
        .asks("继承公证后过户，被要求另外提供指南未列的亲属关系证明。")
        .accepted(0, "14:30")
        .contacted(0, "16:10")
        .progress(2, "10:40", "已与公证机构核对公证书，正在会签。")
        .resolved(
            4,
            "15:40",
            Resolution::ProcessFix,
            Cause::MaterialsNotInGuide,
            "免收亲属关系证明，过户已办结，指南已同步更新。",
        )
        .feedback(6, "10:50", Solved::Yes, 5, "");
    Story { began: Began::BeforeTheLongBreak, ..story }
}

fn one_of_the_questions() -> Story {
    story(6, "9:35", "donghuashi", GuideDesk, "残疾人保险与补贴")
        .stuck(Stage::Issue, Cause::InformationNotNotified, Simple, 1)
        .asks("来咨询补贴标准时发现护理补贴已停发两个月，本人没有接到任何通知。")
        .cares(&[Care::Disabled])
        .accepted(0, "11:00")
        .contacted(0, "14:20")
        .resolved(
            2,
            "10:10",
            Resolution::Normal,
            Cause::InformationNotNotified,
            "年度核验未完成导致停发，上门核验后恢复并补发。",
        )
        .feedback(4, "9:50", Solved::Yes, 4, "")
}

fn forgotten() -> Story {
    story(48, "14:40", "tiyuguanlu", Phone, "公租房申请")
        .stuck(Stage::Accept, Cause::MaterialsBeyondGuide, Simple, 2)
        .asks("窗口要求提供指南以外的收入说明，居委会不开具，请求明确到底要什么材料。")
        .accepted(0, "16:20")
        .contacted(1, "9:40")
        .resolved(
            2,
            "15:10",
            Resolution::ProcessFix,
            Cause::MaterialsBeyondGuide,
            "确认该收入说明不在指南之列，已受理，并通知窗口今后不再索要。",
        )
        .feedback(4, "10:30", Solved::Yes, 5, "")
        .then(
            31,
            "10:15",
            Who::Privacy,
            Command::ErasePersonalData { reason: ErasureReason::Request },
        )
}

fn of_another_level() -> Story {
    story(27, "10:50", "dongzhimen", Window, "人才引进配偶随迁")
        .stuck(Stage::Review, Cause::ProcedureNotThisLevel, Complex, 3)
        .asks("配偶随迁材料被退回两次，区里说要市里批，市里说区里先报。")
        .forwarded(0, "11:20", "hr-bureau", "请明确随迁审批的层级和路径")
        .accepted(0, "15:00")
        .contacted(1, "9:50")
        .progress(2, "10:30", "已与市级主管部门核实，审批权限在市级。")
        .then(
            3,
            "14:20",
            Who::Lead,
            Command::Transfer {
                body: "市人力资源和社会保障局".to_owned(),
                receipt: "移送回执第十二号".to_owned(),
                reason: "审批权限在市级主管部门，已连同材料移送并告知联系窗口。".to_owned(),
            },
        )
}
