//! The limits of a district, as its file states them.
//!
//! Invariant: the names are those of the `[limits]` table of a district file; a limit that is not
//! stated there has the value of this house.

use alloc::{format, string::String, vec::Vec};

use proto_events::codes::{Clock, Complexity, PauseReason};
use serde::{Deserialize, Serialize};

/// The longest limit that is believed, in working days.
///
/// The law's own longest: 45 for joint handling and 15 of extension (行政许可法 42(2)).
pub const LIMIT_DAYS_MAX: u32 = 60;

/// The longest extension, in working days (行政许可法 42).
const EXTENSION_DAYS_MAX: u32 = 10;

/// The longest time after which personal data must be gone, in years; beyond it, a slip is more
/// likely than a duty.
const ERASE_YEARS_MAX: u32 = 30;

/// The limits of a district (时限), in working days unless said otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Handling a simple case.
    pub simple: u32,
    /// Handling a complex case.
    pub complex: u32,
    /// Handling a case that needs several departments.
    pub special: u32,
    /// Handling a hard case.
    pub hard: u32,
    /// The longest extension of the handling.
    pub extension_max: u32,
    /// First contact with the applicant, from the forwarding.
    pub first_contact: u32,
    /// Returning a case, from the forwarding (退单).
    pub r#return: u32,
    /// Ruling on a case that was returned (裁定).
    pub arbitration: u32,
    /// Explaining that a matter cannot be done, from the determination.
    pub explanation: u32,
    /// The first meeting of a task force, from its convening.
    pub first_meeting: u32,
    /// Each layer of checking a special handling (层层把关).
    pub special_check: u32,
    /// Looking back on an approved special handling, from the decision (回头看).
    pub look_back: u32,
    /// Bringing the papers that were asked for, from the request (补正).
    pub materials: u32,
    /// The longest pause while the applicant is waited for (H1).
    pub pause_h1: u32,
    /// The longest pause while a third party is waited for (H2).
    pub pause_h2: u32,
    /// The longest pause for a statutory period (H3), such as a publication or an appraisal.
    pub pause_h3: u32,
    /// The longest pause while a system is down (H4).
    pub pause_h4: u32,
    /// The longest pause for force majeure (H5).
    pub pause_h5: u32,
    /// Asking the applicant, from the outcome (回访).
    pub callback: u32,
    /// Contact after a bad review.
    pub bad_review_contact: u32,
    /// Putting right what a bad review named (整改).
    pub bad_review_fix: u32,
    /// The time in which a case may be reopened without a new fact, from the outcome; also the time
    /// after which an unanswered case is closed.
    pub reopen_window: u32,
    /// The years after which personal data is erased, from the closing.
    pub erase_after_years: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            simple: 3,
            complex: 5,
            special: 10,
            hard: 15,
            extension_max: 10,
            first_contact: 1,
            r#return: 1,
            arbitration: 1,
            explanation: 2,
            first_meeting: 2,
            special_check: 2,
            look_back: 30,
            materials: 5,
            pause_h1: 10,
            pause_h2: 15,
            pause_h3: 30,
            pause_h4: 5,
            pause_h5: 20,
            callback: 3,
            bad_review_contact: 1,
            bad_review_fix: 5,
            reopen_window: 10,
            erase_after_years: 3,
        }
    }
}

impl Limits {
    /// Gives the limit of handling, in working days.
    #[must_use]
    pub const fn handling(&self, complexity: Complexity) -> u32 {
        match complexity {
            Complexity::Simple => self.simple,
            Complexity::Complex => self.complex,
            Complexity::Special => self.special,
            Complexity::Hard => self.hard,
        }
    }

    /// Gives the longest pause for a reason, in working days.
    #[must_use]
    pub const fn pause(&self, reason: PauseReason) -> u32 {
        match reason {
            PauseReason::WaitingApplicant => self.pause_h1,
            PauseReason::WaitingThirdParty => self.pause_h2,
            PauseReason::StatutoryPeriod => self.pause_h3,
            PauseReason::SystemDown => self.pause_h4,
            PauseReason::ForceMajeure => self.pause_h5,
        }
    }

    /// Gives the limit of a clock in working days; none for handling, which depends on the complexity, and for a
    /// part of a joint matter, whose date is agreed.
    #[must_use]
    pub const fn of(&self, clock: Clock) -> Option<u32> {
        match clock {
            Clock::Handling | Clock::Part => None,
            Clock::LookBack => Some(self.look_back),
            Clock::FirstContact => Some(self.first_contact),
            Clock::Return => Some(self.r#return),
            Clock::Arbitration => Some(self.arbitration),
            Clock::Explanation => Some(self.explanation),
            Clock::FirstMeeting => Some(self.first_meeting),
            Clock::SpecialCheck => Some(self.special_check),
            Clock::Callback => Some(self.callback),
            Clock::BadReviewContact => Some(self.bad_review_contact),
            Clock::BadReviewFix => Some(self.bad_review_fix),
        }
    }

    /// Tells every fault of the limits, one sentence each; empty when they make sense.
    #[must_use]
    pub fn validate(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let days = [
            ("simple", self.simple),
            ("complex", self.complex),
            ("special", self.special),
            ("hard", self.hard),
            ("first_contact", self.first_contact),
            ("return", self.r#return),
            ("arbitration", self.arbitration),
            ("explanation", self.explanation),
            ("first_meeting", self.first_meeting),
            ("special_check", self.special_check),
            ("look_back", self.look_back),
            ("materials", self.materials),
            ("pause_h1", self.pause_h1),
            ("pause_h2", self.pause_h2),
            ("pause_h3", self.pause_h3),
            ("pause_h4", self.pause_h4),
            ("pause_h5", self.pause_h5),
            ("callback", self.callback),
            ("bad_review_contact", self.bad_review_contact),
            ("bad_review_fix", self.bad_review_fix),
            ("reopen_window", self.reopen_window),
        ];
        for (name, value) in days {
            if !(1..=LIMIT_DAYS_MAX).contains(&value) {
                faults.push(format!(
                    "limits.{name} is 1 to {LIMIT_DAYS_MAX} working days, not {value}"
                ));
            }
        }
        for [(shorter, less), (longer, more)] in
            [[days[0], days[1]], [days[1], days[2]], [days[2], days[3]]]
        {
            if less > more {
                faults.push(format!(
                    "limits.{shorter} ({less}) must not be longer than limits.{longer} ({more})"
                ));
            }
        }
        if self.extension_max > EXTENSION_DAYS_MAX {
            let value = self.extension_max;
            faults.push(format!(
                "limits.extension_max is 0 to {EXTENSION_DAYS_MAX} working days, not {value}"
            ));
        }
        if !(1..=ERASE_YEARS_MAX).contains(&self.erase_after_years) {
            let value = self.erase_after_years;
            faults.push(format!(
                "limits.erase_after_years is 1 to {ERASE_YEARS_MAX} years, not {value}"
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_the_sample_district_are_the_defaults() {
        let file: toml::Table =
            include_str!("../../../../deploy/districts/dongcheng.toml").parse().unwrap();
        let limits: Limits = file["limits"].clone().try_into().unwrap();
        assert_eq!(limits, Limits::default());
        assert!(limits.validate().is_empty());
        // Every limit is stated there: the sample is also the list of names.
        let written = serde_json::to_value(limits).unwrap();
        let named = file["limits"].as_table().unwrap();
        assert!(written.as_object().unwrap().keys().all(|name| named.contains_key(name)));
    }

    #[test]
    fn an_unknown_limit_is_refused_and_a_missing_one_has_the_value_of_the_house() {
        assert!(toml::from_str::<Limits>("simpel = 3").is_err());
        assert_eq!(
            toml::from_str::<Limits>("simple = 2").unwrap(),
            Limits { simple: 2, ..Limits::default() }
        );
    }

    #[test]
    fn handling_depends_on_complexity_parts_are_agreed_and_every_other_clock_has_one_limit() {
        let limits = Limits::default();
        assert_eq!(
            Complexity::ALL.iter().map(|c| limits.handling(*c)).collect::<Vec<_>>(),
            [3, 5, 10, 15]
        );
        for clock in Clock::ALL {
            let is_agreed = matches!(clock, Clock::Handling | Clock::Part);
            assert_eq!(limits.of(*clock).is_none(), is_agreed, "{clock}");
        }
    }

    #[test]
    fn two_kinds_of_case_may_have_the_same_limit() {
        let limits = Limits { complex: 10, special: 10, ..Limits::default() };
        assert!(limits.validate().is_empty(), "{:?}", limits.validate());
    }

    #[test]
    fn every_reason_to_pause_has_its_own_cap() {
        let limits = Limits::default();
        let caps: Vec<u32> = PauseReason::ALL.iter().map(|one| limits.pause(*one)).collect();
        assert_eq!(caps, [10, 15, 30, 5, 20]);
    }

    #[test]
    fn every_fault_of_the_limits_is_told() {
        let limits = Limits {
            simple: 0,
            complex: 20,
            callback: 61,
            extension_max: 11,
            erase_after_years: 0,
            ..Limits::default()
        };
        let faults = limits.validate();
        assert_eq!(faults.len(), 5, "{faults:?}");
        for name in [
            "limits.simple ",
            "limits.complex (20)",
            "limits.callback",
            "extension_max",
            "erase_after_years",
        ] {
            assert!(
                faults.iter().any(|fault| fault.contains(name)),
                "{name} is missing in {faults:?}"
            );
        }
    }
}
