//! What a decision needs to know of the district: limits, calendar, bodies, and the routing table.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use proto_events::events::WindowContact;
use proto_events::ids::{CenterId, DepartmentId, DistrictId};

use crate::calendar::WorkingCalendar;
use crate::timetable::Limits;

/// A street-level center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Center {
    /// Short code in case numbers, `DHS`.
    pub code: String,
    /// Its name.
    pub name: String,
}

/// A department of the district.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Department {
    /// Its name.
    pub name: String,
    /// Its window for stuck cases.
    pub contact: Option<WindowContact>,
}

/// One line of the routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatterRoute {
    /// The matter's name.
    pub name: String,
    /// Words by which it is known.
    pub keywords: Vec<String>,
    /// Who handles it.
    pub department: DepartmentId,
}

/// The district as the rules see it.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The district.
    pub district: DistrictId,
    /// The limits in working days.
    pub limits: Limits,
    /// The working calendar.
    pub calendar: WorkingCalendar,
    /// The centers.
    pub centers: BTreeMap<CenterId, Center>,
    /// The departments.
    pub departments: BTreeMap<DepartmentId, Department>,
    /// The department of the coordinator (区政务服务局).
    pub coordinator: DepartmentId,
    /// The routing table; the first line that fits decides.
    pub matters: Vec<MatterRoute>,
}

impl Rules {
    /// Finds who handles a matter: the first line whose name is the matter's, or one of whose keywords
    /// stands in it. `None`: the case waits for a person in the queue of its center.
    #[must_use]
    pub fn route(&self, matter: &str) -> Option<&MatterRoute> {
        self.matters.iter().find(|line| {
            line.name == matter || line.keywords.iter().any(|word| matter.contains(word.as_str()))
        })
    }

    /// Whether a department or a center has this id; meetings and explanations name either.
    #[must_use]
    pub fn knows_body(&self, body: &DepartmentId) -> bool {
        self.departments.contains_key(body)
            || body.as_str().parse::<CenterId>().is_ok_and(|id| self.centers.contains_key(&id))
    }

    /// The name of a department or center, or the id itself when the district no longer has it.
    #[must_use]
    pub fn body_name<'a>(&'a self, body: &'a str) -> &'a str {
        let department = body.parse::<DepartmentId>().ok().and_then(|id| self.departments.get(&id));
        if let Some(department) = department {
            return &department.name;
        }
        let center = body.parse::<CenterId>().ok().and_then(|id| self.centers.get(&id));
        center.map_or(body, |center| &center.name)
    }
}
