//! What happens on most days: a matter that was stuck, taken up, and brought to an end in time.

use proto_events::codes::{Care, Cause, Channel, Complexity, Resolution, Solved, Stage};

use super::{Story, story};

/// When the ordinary steps of a case happen: signed, contacted, done, asked.
type Days = (u32, u32, u32, u32);

/// Signs, calls, brings it to an end and asks how it was.
fn done(story: Story, days: Days, how: Resolution, cause: Cause, result: &str, grade: u8) -> Story {
    let (signed, contacted, done, asked) = days;
    story
        .accepted(signed, "15:50")
        .contacted(contacted, "16:20")
        .resolved(done, "17:05", how, cause, result)
        .feedback(asked, "10:45", Solved::Yes, grade, "")
}

pub(super) fn stories() -> Vec<Story> {
    use Channel::{Community, GuideDesk, HomeVisit, Hotline12345, Online, Phone, Wechat, Window};
    use Complexity::{Complex, Simple, Special};
    use Resolution::{Coordinated, DataFix, Normal, OnBehalf, PapersToFollow, ProcessFix};
    vec![
        done(
            story(108, "9:25", "donghuashi", Window, "退休手续办理")
                .stuck(Stage::Review, Cause::SystemWrongData, Complex, 3)
                .asks("社保系统里的出生日期与身份证差一天，退休申请三次未通过，请求协调更正后办理退休。")
                .cares(&[Care::Elderly]),
            (0, 0, 4, 6),
            DataFix,
            Cause::SystemWrongData,
            "核对原始档案后更正出生日期，退休手续已受理并办结。",
            5,
        ),
        done(
            story(104, "10:05", "jingshan", Window, "公租房申请")
                .stuck(Stage::Accept, Cause::MaterialsBeyondGuide, Simple, 2)
                .asks("窗口要求提供指南以外的收入说明，居委会不开具，请求明确到底要什么材料。"),
            (0, 1, 2, 4),
            ProcessFix,
            Cause::MaterialsBeyondGuide,
            "确认该收入说明不在指南之列，已当场受理，并通知窗口今后不再索要。",
            5,
        ),
        done(
            story(101, "14:10", "hepingli", Hotline12345, "户口登记")
                .stuck(Stage::Accept, Cause::MaterialsCircular, Complex, 4)
                .asks("新生儿落户要房产证明，房产证明又要先有户口页，两边互为前置，请求打通。"),
            (0, 1, 4, 6),
            Coordinated,
            Cause::MaterialsCircular,
            "两部门核实后以出生医学证明先行落户，后补房产材料。",
            4,
        ),
        done(
            story(97, "9:50", "dongzhimen", Online, "个体工商户登记")
                .stuck(Stage::Online, Cause::SystemOnlineBroken, Simple, 2)
                .asks("网上提交登记时经营场所一栏无法保存，反复提交均失败。"),
            (0, 0, 1, 3),
            DataFix,
            Cause::SystemOnlineBroken,
            "平台修复地址库后提交成功，营业执照已领取。",
            5,
        ),
        done(
            story(93, "11:05", "chaoyangmen", Phone, "医疗保险异地转移")
                .stuck(Stage::Review, Cause::SystemNotShared, Complex, 2)
                .asks("原参保地缴费记录查不到，医保转移卡了两个月，请求帮助核实。"),
            (0, 1, 5, 7),
            Coordinated,
            Cause::SystemNotShared,
            "与原参保地书面核对缴费年限，已完成转入。",
            4,
        ),
        done(
            story(88, "15:00", "tiantan", Community, "最低生活保障申请")
                .stuck(Stage::Accept, Cause::AttitudeNotTold, Simple, 3)
                .asks("每次去都说还差一样材料，跑了三趟，请求一次说清。")
                .cares(&[Care::LowIncome]),
            (0, 0, 2, 4),
            OnBehalf,
            Cause::AttitudeNotTold,
            "列出全部材料并由社区帮办，当日受理。",
            5,
        ),
        done(
            story(84, "9:35", "longtan", HomeVisit, "残疾人保险与补贴")
                .stuck(Stage::Issue, Cause::InformationNotNotified, Simple, 1)
                .asks("护理补贴停发两个月，本人没有接到任何通知，请求说明并恢复。")
                .cares(&[Care::Disabled]),
            (0, 1, 3, 5),
            Normal,
            Cause::InformationNotNotified,
            "年度核验未完成导致停发，上门核验后恢复并补发。",
            4,
        ),
        done(
            story(79, "10:30", "andingmen", GuideDesk, "不动产登记")
                .stuck(Stage::Review, Cause::MaterialsLost, Special, 5)
                .asks("房改时的原始协议已找不到，换证无法受理，请求查档办理。")
                .cares(&[Care::Elderly]),
            (0, 1, 8, 10),
            PapersToFollow,
            Cause::MaterialsLost,
            "从档案馆调取存档协议副本，容缺受理并完成换证。",
            5,
        ),
        done(
            story(74, "13:40", "jianguomen", Online, "公共场所卫生许可")
                .stuck(Stage::Approve, Cause::ProcedurePastLimit, Simple, 1)
                .asks("卫生许可延续申请超过承诺时限仍在审核，影响营业。")
                .by_enterprise(),
            (0, 0, 2, 3),
            Normal,
            Cause::ProcedurePastLimit,
            "已完成现场核查并发证，就超期向企业说明。",
            3,
        ),
        done(
            story(70, "9:20", "beixinqiao", Window, "退役军人优待")
                .stuck(Stage::Accept, Cause::MaterialsNotIssuable, Complex, 2)
                .asks("原部队已撤编，服役证明无处开具，优待证办不下来。")
                .cares(&[Care::Veteran]),
            (0, 1, 4, 6),
            Coordinated,
            Cause::MaterialsNotIssuable,
            "以档案中的入伍、退伍登记表代替，优待证已制发。",
            5,
        ),
        done(
            story(66, "14:25", "yongdingmenwai", Wechat, "义务教育入学")
                .stuck(Stage::Consult, Cause::InformationGuideUnclear, Simple, 1)
                .asks("入学材料清单几处说法不一，不清楚租房家庭到底按哪一种准备。"),
            (0, 0, 1, 3),
            ProcessFix,
            Cause::InformationGuideUnclear,
            "逐项说明并更正了公众号上的旧清单。",
            5,
        ),
        done(
            story(61, "10:10", "tiyuguanlu", Phone, "公租房申请")
                .stuck(Stage::Review, Cause::SystemWrongData, Complex, 2)
                .asks("系统显示名下有房，实际已于多年前出售，公租房资格被驳回。"),
            (0, 1, 5, 7),
            DataFix,
            Cause::SystemWrongData,
            "比对登记簿后更正产权信息，资格复核通过。",
            5,
        ),
        done(
            story(57, "9:45", "donghuashi", Window, "户口登记")
                .stuck(Stage::Accept, Cause::MaterialsThirdParty, Complex, 3)
                .asks("原房主户口一直未迁出，新房主子女无法落户，请求协助联系。"),
            (0, 1, 5, 8),
            Coordinated,
            Cause::MaterialsThirdParty,
            "社区民警联系原房主办理迁出，子女户口已落。",
            4,
        ),
        done(
            story(53, "15:15", "qianmen", Online, "个体工商户登记")
                .stuck(Stage::Accept, Cause::SystemNotSupported, Simple, 2)
                .asks("夫妻店变更经营者，系统没有对应选项，窗口让先注销再开。"),
            (0, 0, 2, 4),
            Normal,
            Cause::SystemNotSupported,
            "按个体工商户变更经营者的新规定直接变更，未中断经营。",
            5,
        ),
        done(
            story(48, "11:20", "dongsi", Hotline12345, "退休手续办理")
                .stuck(Stage::Review, Cause::PolicyTransition, Complex, 2)
                .asks("早年在外省的工龄按新旧规定认定不一样，退休时间一直定不下来。")
                .cares(&[Care::Elderly]),
            (0, 1, 5, 6),
            Coordinated,
            Cause::PolicyTransition,
            "依新旧衔接口径认定工龄，出具了书面说明并办结。",
            4,
        ),
        done(
            story(44, "9:30", "chongwenmenwai", Window, "医疗保险异地转移")
                .stuck(Stage::Accept, Cause::AttitudeUnskilled, Simple, 2)
                .asks("两个窗口给的答复不一样，按第一个窗口准备的材料全部作废。"),
            (0, 0, 1, 3),
            OnBehalf,
            Cause::AttitudeUnskilled,
            "由业务骨干全程帮办，已办结，并在窗口复训。",
            4,
        ),
        done(
            story(39, "13:55", "jiaodaokou", Community, "残疾人保险与补贴")
                .stuck(Stage::Review, Cause::MaterialsContradict, Complex, 2)
                .asks("残疾证等级与医院评定不一致，意外险理赔被退回。")
                .cares(&[Care::Disabled]),
            (0, 1, 4, 6),
            Coordinated,
            Cause::MaterialsContradict,
            "安排复评后统一等级，理赔材料已重新受理。",
            5,
        ),
        done(
            story(34, "10:00", "donghuamen", Window, "最低生活保障申请")
                .stuck(Stage::Review, Cause::SystemNotShared, Simple, 1)
                .asks("外地缴纳的社保查不到，收入核对一直显示处理中。")
                .cares(&[Care::LowIncome]),
            (0, 0, 2, 4),
            Normal,
            Cause::SystemNotShared,
            "人工核对后完成收入认定，低保已批准。",
            5,
        ),
        done(
            story(29, "14:40", "donghuashi", Wechat, "义务教育入学")
                .stuck(Stage::Accept, Cause::ProcedureCrossDistrict, Complex, 2)
                .asks("孩子转学跨区，两个区都让找对方开证明。"),
            (0, 1, 3, 5),
            Coordinated,
            Cause::ProcedureCrossDistrict,
            "两区教委直接对接学籍，家长不再往返。",
            5,
        ),
        done(
            story(25, "9:15", "jingshan", Phone, "不动产登记")
                .stuck(Stage::Issue, Cause::AttitudeDelay, Simple, 2)
                .asks("登记早已办完，证书一直没有寄出，电话无人接听。"),
            (0, 0, 1, 3),
            Normal,
            Cause::AttitudeDelay,
            "当日补寄并致歉，证书已签收。",
            3,
        ),
        done(
            story(20, "15:30", "hepingli", Window, "退役军人优待")
                .stuck(Stage::Issue, Cause::SystemFault, Simple, 1)
                .asks("优待证照片审核总是失败，系统提示不明确。")
                .cares(&[Care::Veteran]),
            (1, 1, 2, 4),
            DataFix,
            Cause::SystemFault,
            "后台重新采集照片，证件已发放。",
            5,
        ),
        done(
            story(15, "10:50", "donghuashi", GuideDesk, "退休手续办理")
                .stuck(Stage::Accept, Cause::InformationWhom, Simple, 2)
                .asks("单位已注销，不知道退休该找谁申请。")
                .cares(&[Care::Elderly]),
            (0, 0, 2, 4),
            OnBehalf,
            Cause::InformationWhom,
            "由街道以个人身份代为申报，已受理并办结。",
            5,
        ),
    ]
}
