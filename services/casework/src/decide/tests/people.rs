//! The district of the tests and the people in it.

extern crate std;

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use std::sync::LazyLock;

use proto_events::codes::Role;
use proto_events::events::WindowContact;

use crate::calendar::tests::china;
use crate::command::Actor;
use crate::rules::{Center, Department, MatterRoute, Rules};
use crate::timetable::Limits;

/// The district of the tests; it is read once, because random stories ask for it thousands of times.
pub(super) fn district() -> Rules {
    static DISTRICT: LazyLock<Rules> = LazyLock::new(read_district);
    DISTRICT.clone()
}

/// Two centers, five departments and three matters, under the delivered calendar and limits.
fn read_district() -> Rules {
    let center = |id: &str, code: &str, name: &str| {
        (id.parse().unwrap(), Center { code: code.to_string(), name: name.to_string() })
    };
    let department = |id: &str, name: &str| {
        let contact = WindowContact {
            window: alloc::format!("{name}办不成事窗口"),
            phone: Some("010-12345".to_string()),
        };
        (id.parse().unwrap(), Department { name: name.to_string(), contact: Some(contact) })
    };
    let matter = |name: &str, keyword: &str, department: &str| MatterRoute {
        name: name.to_string(),
        keywords: vec![keyword.to_string()],
        department: department.parse().unwrap(),
    };
    Rules {
        district: "dongcheng".parse().unwrap(),
        limits: Limits::default(),
        calendar: china(),
        centers: BTreeMap::from([
            center("donghuashi", "DHS", "东花市街道政务服务中心"),
            center("longtan", "LT", "龙潭街道政务服务中心"),
        ]),
        departments: BTreeMap::from([
            department("civil-affairs", "区民政局"),
            department("disabled-federation", "区残联"),
            department("hr-bureau", "区人力资源和社会保障局"),
            department("hr-public-service", "区人力资源公共服务中心"),
            department("medical-insurance", "区医疗保障局"),
        ]),
        coordinator: "hr-bureau".parse().unwrap(),
        matters: vec![
            matter("退休手续办理", "退休", "hr-public-service"),
            matter("最低生活保障申请", "低保", "civil-affairs"),
            matter("医疗保险参保", "医保", "medical-insurance"),
        ],
    }
}

/// Everybody who appears, each called by what he is.
pub(super) fn staff() -> Vec<Actor> {
    let person = |name: &str, role, center: Option<&str>, department: Option<&str>| Actor {
        username: name.to_string(),
        role,
        center: center.map(|id| id.parse().unwrap()),
        department: department.map(|id| id.parse().unwrap()),
    };
    let of_center = |name: &str, role, center| person(name, role, Some(center), None);
    let of_department = |name: &str, role, department| person(name, role, None, Some(department));
    let of_district = |name: &str, role| person(name, role, None, None);
    vec![
        of_center("clerk", Role::Clerk, "donghuashi"),
        of_center("clerk-2", Role::Clerk, "donghuashi"),
        of_center("director", Role::Director, "donghuashi"),
        of_center("longtan-clerk", Role::Clerk, "longtan"),
        of_center("longtan-director", Role::Director, "longtan"),
        of_department("hr-handler", Role::Handler, "hr-public-service"),
        of_department("hr-handler-2", Role::Handler, "hr-public-service"),
        of_department("hr-lead", Role::DepartmentLead, "hr-public-service"),
        of_department("bureau-lead", Role::DepartmentLead, "hr-bureau"),
        of_department("civil-handler", Role::Handler, "civil-affairs"),
        of_department("civil-lead", Role::DepartmentLead, "civil-affairs"),
        of_department("medical-handler", Role::Handler, "medical-insurance"),
        of_department("medical-lead", Role::DepartmentLead, "medical-insurance"),
        of_department("disabled-handler", Role::Handler, "disabled-federation"),
        of_district("coordinator", Role::Coordinator),
        of_district("callback", Role::Callback),
        of_district("privacy-officer", Role::PrivacyOfficer),
        of_district("auditor", Role::Auditor),
        of_district("admin", Role::Admin),
        Actor::system("timer"),
    ]
}

/// Finds one of [`staff`].
#[track_caller]
pub(super) fn who(name: &str) -> Actor {
    staff().into_iter().find(|person| person.username == name).expect("the person is on the staff")
}
