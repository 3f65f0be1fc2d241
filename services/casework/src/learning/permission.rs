//! Who may wish what of the district's learning, and who may read it: its table, in the manner of [`crate::permission`].
//!
//! Invariant: what is not in the table is forbidden.

use proto_events::codes::Role;
use proto_events::ids::DepartmentId;

use crate::command::Actor;

/// Which wish it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each names what it does")]
pub enum LearningKind {
    PublishPrecedent,
    ApplyPrecedent,
    RetirePrecedent,
    OpenImprovement,
    SetAction,
    ReportDone,
    VerifyImprovement,
}

impl LearningKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::PublishPrecedent,
        Self::ApplyPrecedent,
        Self::RetirePrecedent,
        Self::OpenImprovement,
        Self::SetAction,
        Self::ReportDone,
        Self::VerifyImprovement,
    ];
}

/// How far the wish of a department's handler or lead reaches. Everybody else in a line reaches the whole district.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Whatever the case at hand allows: precedents belong to all.
    District,
    /// What the own department answers for.
    OwnDepartment,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The roles that may wish it at all.
    pub roles: &'static [Role],
    /// How far it reaches for a department's people.
    pub reach: Reach,
}

/// The line of a wish.
#[must_use]
pub const fn line(kind: LearningKind) -> Line {
    use LearningKind as K;
    use Role::{Clerk, Coordinator, DepartmentLead, Director, Handler, System};

    let (roles, reach): (&'static [Role], Reach) = match kind {
        K::PublishPrecedent | K::ApplyPrecedent => {
            (&[Clerk, Director, Handler, DepartmentLead, Coordinator], Reach::District)
        }
        K::RetirePrecedent => (&[Director, DepartmentLead, Coordinator], Reach::OwnDepartment),
        // The house itself opens what recurs.
        K::OpenImprovement => {
            (&[Director, DepartmentLead, Coordinator, System], Reach::OwnDepartment)
        }
        K::SetAction => (&[DepartmentLead, Coordinator], Reach::OwnDepartment),
        K::ReportDone => (&[Handler, DepartmentLead, Coordinator], Reach::OwnDepartment),
        // Not by the department itself: the number is looked at from outside.
        K::VerifyImprovement => (&[Director, Coordinator], Reach::District),
    };
    Line { roles, reach }
}

/// Who may check a precedent as the second person: whoever answers for others.
pub const CHECKERS: &[Role] = &[Role::Director, Role::DepartmentLead, Role::Coordinator];

/// Whether this role may wish this at all.
#[must_use]
pub fn may(role: Role, kind: LearningKind) -> bool {
    line(kind).roles.contains(&role)
}

/// Whether this person may wish this of what `department` answers for.
#[must_use]
pub fn may_of(actor: &Actor, kind: LearningKind, department: Option<&DepartmentId>) -> bool {
    let is_of_department = matches!(actor.role, Role::Handler | Role::DepartmentLead);
    let reaches = match line(kind).reach {
        Reach::OwnDepartment if is_of_department => {
            department.is_some() && actor.department.as_ref() == department
        }
        _ => true,
    };
    may(actor.role, kind) && reaches
}

/// Whether this role may read what was learned: everybody who works with cases.
#[must_use]
pub const fn may_read(role: Role) -> bool {
    // Administers accounts, not cases.
    !matches!(role, Role::Admin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_wish_nothing() {
        for kind in LearningKind::ALL {
            for role in [Role::Auditor, Role::PrivacyOfficer, Role::Callback, Role::Admin] {
                assert!(!may(role, *kind), "{role} {kind:?}");
            }
        }
    }

    #[test]
    fn the_house_opens_improvements_and_nothing_else() {
        for kind in LearningKind::ALL {
            assert_eq!(may(Role::System, *kind), *kind == LearningKind::OpenImprovement);
        }
    }

    #[test]
    fn a_department_does_not_verify_its_own_improvement() {
        for role in [Role::Handler, Role::DepartmentLead] {
            assert!(!may(role, LearningKind::VerifyImprovement));
        }
    }

    #[test]
    fn a_lead_acts_for_the_own_department_only() {
        let lead = Actor {
            username: "lead".into(),
            role: Role::DepartmentLead,
            center: None,
            department: Some("housing".parse().unwrap()),
        };
        let [own, other]: [DepartmentId; 2] =
            ["housing", "hr-bureau"].map(|id| id.parse().unwrap());
        assert!(may_of(&lead, LearningKind::SetAction, Some(&own)));
        assert!(!may_of(&lead, LearningKind::SetAction, Some(&other)));
        assert!(!may_of(&lead, LearningKind::RetirePrecedent, None));
        assert!(may_of(&lead, LearningKind::PublishPrecedent, Some(&other)));
    }

    #[test]
    fn whoever_may_wish_may_read() {
        for kind in LearningKind::ALL {
            assert!(line(*kind).roles.iter().all(|role| may_read(*role)));
        }
        assert!(!may_read(Role::Admin));
    }
}
