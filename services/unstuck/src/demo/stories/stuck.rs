//! What a district learns from: cases that were sent back and forth, that ran late, that could not be done, that
//! people were not content with, or that were not the desks' to take on.

use casework::command::Command;
use proto_events::codes::{
    Care, Cause, Channel, Complexity, Exclusion, ExplanationMode, Position, ReopenReason,
    Resolution, ReturnReason, Solved, Stage, Understood,
};
use proto_events::events::Remedy;

use super::{Story, Who, meeting, story};

use Channel::{Hotline12345, Letter, Online, Phone, Window};
use Complexity::{Complex, Simple, Special};

pub(super) fn stories() -> Vec<Story> {
    let mut stories = pushed_around();
    stories.extend(not_doable());
    stories.extend(not_content());
    stories.extend(not_taken_on());
    stories
}

fn pushed_around() -> Vec<Story> {
    vec![
        story(90, "9:40", "donghuashi", Window, "退休手续办理")
            .stuck(Stage::Review, Cause::ProcedureBackAndForth, Complex, 6)
            .asks("档案里的招工表缺失，人力公共服务中心和人社局都说不归自己管，请求明确由谁认定工龄。")
            .after("两年内先后到两个部门六次，均被告知找对方。")
            .cares(&[Care::Elderly])
            .returned(
                0,
                "15:10",
                ReturnReason::NotOurDuty,
                Some("区人力资源公共服务中心职责清单：不含视同缴费年限认定"),
                Some("hr-bureau"),
                "缺少招工表，需由人社局认定视同缴费年限。",
            )
            .forwarded(1, "9:30", "hr-bureau", "请认定招工表缺失情形下的视同缴费年限")
            .returned(
                1,
                "16:00",
                ReturnReason::NeedsRuling,
                None,
                None,
                "两个单位对认定主体理解不一，请求裁定。",
            )
            .then(
                3,
                "10:00",
                Who::Coordinator,
                meeting(
                    &[
                        ("hr-public-service", Position::Object, Some("本单位职责清单不含工龄认定")),
                        ("hr-bureau", Position::Agree, None),
                        ("government-service", Position::Agree, None),
                    ],
                    "由人社局牵头认定，公共服务中心同步受理退休申请，不再要求群众往返。",
                ),
            )
            .ruled(3, "11:20", "hr-bureau", &["hr-public-service"], "专班会商纪要：视同缴费年限由人社行政部门认定")
            .accepted(3, "14:00")
            .contacted(3, "14:30")
            .progress(4, "10:15", "已调取原单位同批职工招工名册，可作为佐证。")
            .resolved(
                5,
                "15:45",
                Resolution::TaskForce,
                Cause::ProcedureBackAndForth,
                "以同批招工名册佐证认定工龄，退休手续同日办结。",
            )
            .feedback(7, "10:20", Solved::Yes, 5, "终于不用再跑了。"),
        story(51, "10:15", "andingmen", Hotline12345, "居住证积分补录")
            .stuck(Stage::Accept, Cause::ProcedureNobody, Complex, 3)
            .asks("积分补录找不到受理部门，三个窗口都说不是自己的业务。")
            .forwarded(0, "11:00", "hr-bureau", "请核实积分补录的受理口径")
            .returned(
                1,
                "10:40",
                ReturnReason::WrongPlace,
                None,
                Some("public-security"),
                "居住信息部分由公安分局人口管理核定。",
            )
            .ruled(2, "9:50", "public-security", &["hr-bureau"], "居住证业务由公安机关主办，人社部门配合提供缴费记录")
            .accepted(2, "14:10")
            .contacted(2, "14:45")
            .resolved(
                4,
                "16:20",
                Resolution::Coordinated,
                Cause::ProcedureNobody,
                "补录完成，并在总咨询台公布了受理部门。",
            )
            .feedback(6, "9:55", Solved::Yes, 4, ""),
        story(46, "9:30", "longtan", Letter, "医疗保险异地转移")
            .stuck(Stage::Review, Cause::SystemNotShared, Special, 4)
            .asks("退休前在三个城市参保，缴费年限合并计算一直没有结果。")
            .cares(&[Care::Elderly])
            .accepted(0, "14:20")
            .contacted(1, "10:30")
            .progress(4, "15:00", "已向三地发函，两地回函。")
            .progress(9, "11:00", "第三地回函称记录需人工查找。")
            .then(
                12,
                "10:00",
                Who::Coordinator,
                meeting(
                    &[
                        ("medical-insurance", Position::Agree, None),
                        ("government-service", Position::Agree, None),
                    ],
                    "由区医保局派员赴当地查档，先按两地年限预核。",
                ),
            )
            .then(
                15,
                "16:10",
                Who::Lead,
                Command::Resolve {
                    resolution: Resolution::TaskForce,
                    result: "查得全部缴费记录，年限合并完成，退休医保待遇已开通。".to_owned(),
                    cause: Cause::SystemNotShared,
                    process_change_needed: true,
                },
            )
            .feedback(17, "10:35", Solved::Yes, 4, "时间长了些，但办成了。"),
    ]
}

fn not_doable() -> Vec<Story> {
    vec![
        story(63, "10:20", "tiantan", Window, "最低生活保障申请")
            .stuck(Stage::Review, Cause::PolicyForbids, Complex, 3)
            .asks("因名下有一辆营运车辆，低保两次未获批准，认为车辆是谋生工具，请求批准。")
            .cares(&[Care::LowIncome])
            .accepted(0, "14:00")
            .contacted(1, "9:40")
            .not_doable(
                3,
                "15:30",
                ("北京市社会救助家庭经济状况核对办法", "关于车辆等财产超出规定的情形"),
                "家庭财产核对显示名下有营运车辆，超出规定的财产条件。",
                "可申请临时救助，并由街道介绍就业帮扶",
            )
            .explained(
                4,
                "10:00",
                ExplanationMode::InPerson,
                &["civil-affairs"],
                Understood::Partly,
            )
            .explained(
                6,
                "14:30",
                ExplanationMode::Joint,
                &["civil-affairs", "tiantan"],
                Understood::Partly,
            )
            .feedback(8, "11:10", Solved::No, 3, "规定听明白了，临时救助已申请。")
            .then(
                10,
                "15:10",
                Who::Handler,
                Command::CompleteRectification {
                    action: "街道与民政局联合上门，协助申请临时救助和就业帮扶。".to_owned(),
                    result: "临时救助已批准，就业岗位已推荐。".to_owned(),
                },
            ),
        story(31, "9:55", "dongzhimen", Online, "公租房申请")
            .stuck(Stage::Review, Cause::PolicyForbids, Complex, 1)
            .asks("户籍迁入不满规定年限，希望按实际居住时间计算。")
            .accepted(0, "13:45")
            .contacted(0, "16:00")
            .not_doable(
                3,
                "10:30",
                ("公共租赁住房申请、审核及配租管理办法", "关于户籍年限的条款"),
                "申请人户籍迁入未满规定年限，实际居住时间不能代替。",
                "可先登记市场租房补贴，满年限后直接轮候",
            )
            .explained(4, "15:00", ExplanationMode::Phone, &["housing"], Understood::Yes)
            .feedback(6, "10:15", Solved::Partly, 4, ""),
        // Explained, and not yet asked.
        story(7, "10:40", "jianguomen", Window, "退役军人优待")
            .stuck(Stage::Accept, Cause::PolicyReading, Simple, 2)
            .asks("希望凭立功证书换取地铁免费卡。")
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
                "15:20",
                ExplanationMode::InPerson,
                &["veterans-affairs"],
                Understood::Yes,
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

fn not_content() -> Vec<Story> {
    vec![
        // A bad review that was put right.
        story(42, "9:20", "jiaodaokou", Phone, "户口登记")
            .stuck(Stage::Accept, Cause::AttitudeManner, Simple, 2)
            .asks("补办户口页时窗口态度生硬，材料被退回没有说明原因。")
            .accepted(0, "11:30")
            .contacted(0, "14:40")
            .resolved(2, "10:10", Resolution::Normal, Cause::AttitudeManner, "户口页已补办。")
            .feedback(4, "10:00", Solved::Yes, 2, "事办了，但一直没人道歉。")
            .then(
                6,
                "15:00",
                Who::Handler,
                Command::CompleteRectification {
                    action: "窗口负责人上门致歉，组织服务规范复训。".to_owned(),
                    result: "申请人表示接受，窗口增设告知单。".to_owned(),
                },
            ),
        // A bad review that waits to be put right.
        story(9, "10:25", "donghuashi", Window, "退休手续办理")
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
        // Reopened because nothing was solved.
        story(36, "14:50", "beixinqiao", Hotline12345, "残疾人保险与补贴")
            .stuck(Stage::Issue, Cause::SystemWrongData, Complex, 3)
            .asks("补贴账户开户行信息有误，连续三个月没有到账。")
            .cares(&[Care::Disabled])
            .accepted(1, "9:30")
            .contacted(1, "10:10")
            .resolved(
                3,
                "16:00",
                Resolution::DataFix,
                Cause::SystemWrongData,
                "账户信息已更正，次月发放。",
            )
            .feedback(6, "10:30", Solved::Yes, 4, "")
            .reopened(9, "9:50", ReopenReason::NotSolved, "次月仍未到账，银行退票。")
            .then(
                10,
                "14:00",
                Who::Coordinator,
                meeting(
                    &[
                        ("disabled-federation", Position::Agree, None),
                        ("government-service", Position::Agree, None),
                    ],
                    "残联与代发银行当日核对，先行现金补发。",
                ),
            )
            .forwarded(10, "14:50", "disabled-federation", "请按专班决定先行补发并更换代发账户")
            .accepted(10, "15:30")
            .contacted(10, "15:50")
            .resolved(
                12,
                "11:15",
                Resolution::TaskForce,
                Cause::SystemWrongData,
                "更换代发账户并补发三个月补贴。",
            )
            .feedback(14, "10:05", Solved::Yes, 5, "这次真的到账了。"),
        // Reopened because a part was left.
        story(27, "11:10", "chaoyangmen", Online, "不动产登记")
            .stuck(Stage::Review, Cause::MaterialsNotInGuide, Simple, 2)
            .asks("继承公证后过户，被要求另外提供指南未列的亲属关系证明。")
            .accepted(0, "14:30")
            .contacted(0, "16:10")
            .resolved(
                2,
                "10:40",
                Resolution::Normal,
                Cause::MaterialsNotInGuide,
                "免收亲属关系证明，过户已受理。",
            )
            .feedback(4, "9:45", Solved::Partly, 3, "房产过户了，车位还没有。")
            .reopened(6, "10:20", ReopenReason::Partial, "地下车位未一并过户。")
            .accepted(6, "15:00")
            .contacted(7, "9:30")
            .resolved(
                8,
                "16:30",
                Resolution::Normal,
                Cause::MaterialsNotInGuide,
                "车位已一并过户。",
            )
            .feedback(10, "10:50", Solved::Yes, 5, ""),
        // Nobody answers the telephone.
        story(22, "9:50", "tiyuguanlu", Window, "个体工商户登记")
            .stuck(Stage::Accept, Cause::InformationGuideUnclear, Simple, 1)
            .asks("注销登记要先清税，税务窗口和登记窗口说法不同。")
            .accepted(0, "11:20")
            .contacted(0, "14:10")
            .resolved(
                2,
                "15:00",
                Resolution::Coordinated,
                Cause::InformationGuideUnclear,
                "已在同一窗口办结清税与注销。",
            )
            .not_reached(4, "10:00")
            .not_reached(4, "16:00")
            .not_reached(5, "10:30"),
    ]
}

fn not_taken_on() -> Vec<Story> {
    let decline = |exclusion, reason: &str, body: &str, second: Option<&str>| Command::Decline {
        exclusion,
        reason: reason.to_owned(),
        remedy: Some(Remedy { body: body.to_owned(), contact: None }),
        second_check_by: second.map(str::to_owned),
    };
    vec![
        story(72, "10:35", "qianmen", Window, "银行卡解冻")
            .stuck(Stage::Consult, Cause::InformationWhom, Simple, 1)
            .asks("银行卡被冻结，要求政府协调解冻。")
            .then(
                0,
                "11:10",
                Who::Clerk,
                decline(
                    Exclusion::NotGovernment,
                    "账户冻结由开户银行依规处理，不属政务服务事项，已当面说明。",
                    "开户银行营业网点；对处理有异议的可向金融监管部门反映",
                    None,
                ),
            ),
        story(40, "14:05", "dongsi", Phone, "外区学籍证明")
            .stuck(Stage::Consult, Cause::ProcedureNotThisLevel, Simple, 1)
            .asks("需要外区学校开具历史学籍证明。")
            .then(
                0,
                "15:20",
                Who::Clerk,
                decline(
                    Exclusion::OtherDistrict,
                    "学籍在外区，由该区教委开具。",
                    "学籍所在区教育委员会",
                    None,
                ),
            ),
        story(18, "9:35", "donghuashi", Window, "重复领取补助申请")
            .stuck(Stage::Accept, Cause::Applicant, Simple, 4)
            .asks("已领取一次性补助，要求再次发放。")
            .then(
                0,
                "10:30",
                Who::Clerk,
                decline(
                    Exclusion::ApplicantsOwn,
                    "该补助为一次性，系统记录显示已足额发放，不符合再次申领条件。",
                    "对发放记录有异议可申请查询",
                    Some("demo-coordinator"),
                ),
            ),
        story(33, "15:40", "donghuamen", Online, "公共场所卫生许可")
            .stuck(Stage::Online, Cause::SystemOnlineBroken, Simple, 1)
            .asks("许可变更网上无法上传平面图。")
            .by_enterprise()
            .accepted(1, "9:50")
            .then(
                1,
                "11:00",
                Who::Clerk,
                Command::Withdraw {
                    reason: "企业称已自行提交成功".to_owned(),
                    note: Some("更换浏览器后上传成功，企业主动撤回。".to_owned()),
                },
            ),
    ]
}
