//! Who may wish what, and who may read what: the one table of the house (design 5.3).
//!
//! Invariants: what is not in the table is forbidden; a list shows only what one may open.

use proto_events::codes::Role;
use proto_events::ids::CenterId;

use crate::case::Case;
use crate::command::{Actor, CommandKind};

/// The roles that may give this command at all.
#[must_use]
pub const fn roles(kind: CommandKind) -> &'static [Role] {
    use Role::{Callback, Clerk, Coordinator, DepartmentLead, Director, Handler, System};
    match kind {
        CommandKind::Open | CommandKind::Decline | CommandKind::Withdraw => {
            &[Clerk, Director, Coordinator]
        }
        CommandKind::ReceiveMaterials | CommandKind::CompleteRectification => {
            &[Clerk, Director, Handler, DepartmentLead, Coordinator]
        }
        // Handlers stand here so that the rule against self-feedback answers, and is counted.
        CommandKind::RecordFeedback | CommandKind::NoteProgress => {
            &[Clerk, Director, Callback, Handler, DepartmentLead, Coordinator]
        }
        CommandKind::Reopen => &[Clerk, Director, Callback, Coordinator],
        CommandKind::Forward => &[Clerk, Director, Coordinator, System],
        CommandKind::Accept | CommandKind::Return => &[Handler, DepartmentLead],
        CommandKind::Contact => &[Clerk, Director, Handler, DepartmentLead],
        CommandKind::Arbitrate => &[Coordinator],
        CommandKind::DetermineNotDoable => &[Handler, DepartmentLead, Coordinator],
        CommandKind::Explain | CommandKind::Resolve => {
            &[Clerk, Director, Handler, DepartmentLead, Coordinator]
        }
        CommandKind::ConveneTaskForce => &[Director, Coordinator, System],
        CommandKind::RecordMeeting | CommandKind::DissolveTaskForce => {
            &[Director, DepartmentLead, Coordinator]
        }
        CommandKind::Escalate | CommandKind::OpenRectification | CommandKind::Close => &[System],
    }
}

/// Whether this role may give this command at all.
#[must_use]
pub fn may(role: Role, kind: CommandKind) -> bool {
    roles(kind).contains(&role)
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

/// Whether this case is within the reach of this person's command.
///
/// A clerk or director reaches the cases of the own center. A handler or lead reaches what is or was with the
/// own department; signing, returning and ending take the department that has the case now.
#[must_use]
pub fn in_scope(actor: &Actor, kind: CommandKind, case: &Case) -> bool {
    match actor.role {
        Role::Handler | Role::DepartmentLead => match kind {
            CommandKind::Accept
            | CommandKind::Return
            | CommandKind::DetermineNotDoable
            | CommandKind::Resolve => {
                actor.department.is_some() && actor.department == case.department
            }
            _ => may_read(actor, case),
        },
        _ => may_read(actor, case),
    }
}

/// Whether this person may see the case, masked.
#[must_use]
pub fn may_read(actor: &Actor, case: &Case) -> bool {
    sees(actor, &case.center, |department| case.departments_ever.contains(department))
}

/// Whether a person sees a case of `center`, where `was_with` tells whether it is or was with a department.
#[must_use]
pub fn sees(
    actor: &Actor,
    center: &CenterId,
    was_with: impl Fn(&proto_events::ids::DepartmentId) -> bool,
) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_timer_escalates_and_closes() {
        for role in Role::ALL {
            assert_eq!(may(*role, CommandKind::Escalate), *role == Role::System, "{role}");
            assert_eq!(may(*role, CommandKind::Close), *role == Role::System, "{role}");
        }
    }

    #[test]
    fn readers_give_no_command() {
        for kind in CommandKind::ALL {
            for role in [Role::Auditor, Role::PrivacyOfficer, Role::Admin] {
                assert!(!may(role, *kind), "{role} {kind:?}");
            }
        }
    }

    #[test]
    fn only_the_coordinator_rules() {
        assert_eq!(roles(CommandKind::Arbitrate), &[Role::Coordinator]);
    }
}
