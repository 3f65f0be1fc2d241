//! Who may wish what, and who may read what: the one table of the house (design 5.3).
//!
//! Invariants: what is not in the table is forbidden; a list shows only what one may open. The page
//! `services/casework/PERMISSIONS.md` is generated from here.

use proto_events::codes::Role;
use proto_events::ids::{CenterId, DepartmentId};

use crate::case::Case;
use crate::command::{Actor, CommandKind};

/// How far the command of a department's handler or lead reaches. Center people always reach the cases of their
/// own center, coordinators and the timer all cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Cases that are or were with the department, as its own or as a part of a joint matter.
    Ever,
    /// Cases that the department has now.
    Now,
}

/// One line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Line {
    /// The roles that may give the command at all.
    pub roles: &'static [Role],
    /// How far it reaches for a department's people.
    pub reach: Reach,
}

/// The line of a command.
#[must_use]
pub const fn line(kind: CommandKind) -> Line {
    use CommandKind as K;
    use Role::{
        Callback, Clerk, Coordinator, DepartmentLead, Director, Handler, PrivacyOfficer, System,
    };

    let (roles, reach): (&'static [Role], Reach) = match kind {
        K::Open | K::Decline | K::Withdraw | K::Correct | K::Urge => {
            (&[Clerk, Director, Coordinator], Reach::Ever)
        }
        // The house itself links the other case back.
        K::Link => (&[Clerk, Director, Coordinator, System], Reach::Ever),
        K::ReceiveMaterials | K::CompleteRectification | K::FinishAction => {
            (&[Clerk, Director, Handler, DepartmentLead, Coordinator], Reach::Ever)
        }
        // Handlers stand here so that the rule against self-feedback answers, and is counted.
        K::RecordFeedback | K::NoteProgress => {
            (&[Clerk, Director, Callback, Handler, DepartmentLead, Coordinator], Reach::Ever)
        }
        K::Reopen => (&[Clerk, Director, Callback, Coordinator], Reach::Ever),
        K::ErasePersonalData => (&[PrivacyOfficer, System], Reach::Ever),
        K::Forward => (&[Clerk, Director, Coordinator, System], Reach::Ever),
        K::Accept | K::Return => (&[Handler, DepartmentLead], Reach::Now),
        K::Contact => (&[Clerk, Director, Handler, DepartmentLead], Reach::Ever),
        K::Arbitrate => (&[Coordinator], Reach::Ever),
        K::DetermineNotDoable => (&[Handler, DepartmentLead, Coordinator], Reach::Now),
        K::Explain => (&[Clerk, Director, Handler, DepartmentLead, Coordinator], Reach::Ever),
        K::Resolve | K::RequestMaterials | K::Reclassify => {
            (&[Clerk, Director, Handler, DepartmentLead, Coordinator], Reach::Now)
        }
        K::AssignParts => (&[Director, Handler, DepartmentLead, Coordinator], Reach::Now),
        // Each for the own department: see `speaks_for`.
        K::CompletePart => (&[Handler, DepartmentLead, Coordinator], Reach::Ever),
        K::Transfer => (&[Clerk, Director, DepartmentLead, Coordinator], Reach::Now),
        K::ConveneTaskForce => (&[Director, Coordinator, System], Reach::Ever),
        K::RecordMeeting | K::DissolveTaskForce => {
            (&[Director, DepartmentLead, Coordinator], Reach::Ever)
        }
        K::RequestSpecialHandling => {
            (&[Director, Handler, DepartmentLead, Coordinator], Reach::Ever)
        }
        K::CheckSpecialHandling => {
            (&[Clerk, Director, Handler, DepartmentLead, Coordinator], Reach::Ever)
        }
        K::DecideSpecialHandling | K::ReviewSpecialHandling => {
            (&[Director, DepartmentLead, Coordinator], Reach::Ever)
        }
        // Whoever lets a clock stand still is not whoever works against it: no handler here.
        K::Pause | K::Extend => (&[Director, DepartmentLead, Coordinator], Reach::Now),
        K::Resume => (&[Clerk, Director, Handler, DepartmentLead, Coordinator, System], Reach::Now),
        K::Import | K::Escalate | K::OpenRectification | K::Close | K::RecalculateDeadline => {
            (&[System], Reach::Ever)
        }
    };
    Line { roles, reach }
}

/// Whether this role may give this command at all.
#[must_use]
pub fn may(role: Role, kind: CommandKind) -> bool {
    line(kind).roles.contains(&role)
}

/// Whether this person may give commands at this center.
#[must_use]
pub fn is_of_center(actor: &Actor, center: &CenterId) -> bool {
    match actor.role {
        Role::Clerk | Role::Director => actor.center.as_ref() == Some(center),
        Role::Coordinator | Role::System => true,
        _ => false,
    }
}

/// Whether this person may speak for this department: its people, and the coordinator for all.
#[must_use]
pub fn speaks_for(actor: &Actor, department: &DepartmentId) -> bool {
    match actor.role {
        Role::Handler | Role::DepartmentLead => actor.department.as_ref() == Some(department),
        Role::Coordinator => true,
        _ => false,
    }
}

/// Whether this case is within the reach of this person's command.
#[must_use]
pub fn in_scope(actor: &Actor, kind: CommandKind, case: &Case) -> bool {
    let own = match actor.role {
        Role::Handler | Role::DepartmentLead => actor.department.as_ref(),
        _ => return may_read(actor, case),
    };
    own.is_some_and(|own| match line(kind).reach {
        Reach::Ever => case.departments_ever.contains(own),
        Reach::Now => case.department.as_ref() == Some(own),
    })
}

/// Whether this person may see the case, masked.
#[must_use]
pub fn may_read(actor: &Actor, case: &Case) -> bool {
    sees(actor, &case.center, |department| case.departments_ever.contains(department))
}

/// Whether a person sees a case of `center`, where `was_with` tells whether it is or was with a department.
#[must_use]
pub fn sees(actor: &Actor, center: &CenterId, was_with: impl Fn(&DepartmentId) -> bool) -> bool {
    match actor.role {
        Role::Clerk | Role::Director => actor.center.as_ref() == Some(center),
        Role::Handler | Role::DepartmentLead => actor.department.as_ref().is_some_and(was_with),
        Role::Coordinator
        | Role::Callback
        | Role::PrivacyOfficer
        | Role::Auditor
        | Role::System => true,
        // Administers accounts, not cases.
        Role::Admin => false,
    }
}

/// The roles that may ever read an applicant in clear; whose, says [`may_reveal`].
#[must_use]
pub const fn reveals(role: Role) -> bool {
    match role {
        Role::Clerk
        | Role::Director
        | Role::Handler
        | Role::DepartmentLead
        | Role::Coordinator
        | Role::Callback
        | Role::PrivacyOfficer => true,
        // Who checks, administers or keeps the time has nobody to call.
        Role::Auditor | Role::Admin | Role::System => false,
    }
}

/// Whether this person may read the applicant of this case in clear (个人信息保护法 6: no more than the work needs): the
/// center that took it on, the departments that have it or a part of it now, and whoever calls or answers for the
/// whole district. A department that gave it back reads it masked.
#[must_use]
pub fn may_reveal(actor: &Actor, case: &Case) -> bool {
    let has_it = |own: &DepartmentId| {
        case.department.as_ref() == Some(own)
            || case.co_departments.contains(own)
            || case.parts.iter().any(|part| part.department == *own)
    };
    reveals(actor.role) && sees(actor, &case.center, has_it)
}

/// Whether this role may read who did and read what.
#[must_use]
pub const fn may_read_audit(role: Role) -> bool {
    matches!(role, Role::Auditor | Role::PrivacyOfficer)
}

/// Whether this role may add, change and remove accounts.
#[must_use]
pub const fn may_administer_accounts(role: Role) -> bool {
    matches!(role, Role::Admin)
}

/// Whether this role has to prove who it is by a second factor, where the district asks for one: whoever sees or changes the
/// whole district (等级保护三级: 两种或两种以上组合的鉴别技术, GB/T 22239-2019, 8.1.4.1).
#[must_use]
pub const fn needs_second_factor(role: Role) -> bool {
    matches!(role, Role::Admin | Role::Coordinator | Role::Auditor | Role::PrivacyOfficer)
}

/// Whether this role may see which events nobody can read: whoever answers for the district, its books or its machines.
#[must_use]
pub const fn may_read_quarantine(role: Role) -> bool {
    matches!(role, Role::Coordinator | Role::Auditor | Role::Admin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_timer_escalates_recalculates_and_closes() {
        for role in Role::ALL {
            for kind in
                [CommandKind::Escalate, CommandKind::Close, CommandKind::RecalculateDeadline]
            {
                assert_eq!(may(*role, kind), *role == Role::System, "{role} {kind:?}");
            }
        }
    }

    #[test]
    fn readers_give_no_command_but_the_privacy_officer_erases() {
        for kind in CommandKind::ALL {
            for role in [Role::Auditor, Role::PrivacyOfficer, Role::Admin] {
                let erases =
                    role == Role::PrivacyOfficer && *kind == CommandKind::ErasePersonalData;
                assert_eq!(may(role, *kind), erases, "{role} {kind:?}");
            }
        }
    }

    #[test]
    fn only_the_coordinator_rules() {
        assert_eq!(line(CommandKind::Arbitrate).roles, &[Role::Coordinator]);
    }
}
