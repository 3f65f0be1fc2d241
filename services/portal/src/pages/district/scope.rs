//! What the dashboard is asked for: a period, an instant, a center, a department; all of it in the address.
//!
//! Invariants: what cannot be read is not asked for, and the page says what it counted; a link to a list carries the
//! same scope, so that the list is what the number counted.

use chrono::{DateTime, Days, FixedOffset, NaiveDate};
use proto_events::codes::Role;
use serde::Deserialize;

use crate::address::address;

/// The scope as it stands in the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    pub(super) days: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) as_of: String,
    pub(super) center: String,
    pub(super) department: String,
    /// Only this piece of the page, for the script.
    pub(super) fragment: String,
}

/// The periods that are one tap away, in days; the first is the one without a wish.
pub(super) const PERIODS_DAYS: [u64; 4] = [90, 30, 7, 365];

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) from: NaiveDate,
    /// The last day; none when it goes on until now.
    pub(super) to: Option<NaiveDate>,
    /// The day at whose end the district is looked at; none for now.
    pub(super) as_of: Option<NaiveDate>,
    /// One of [`PERIODS_DAYS`]; none when days were chosen.
    pub(super) days: Option<u64>,
    pub(super) center: String,
    pub(super) department: String,
}

impl Scope {
    /// Reads what was asked for.
    pub(super) fn of(asked: &Asked, now: &DateTime<FixedOffset>) -> Self {
        let today = now.date_naive();
        let day = |text: &str| text.trim().parse::<NaiveDate>().ok();
        let as_of = day(&asked.as_of).filter(|day| *day < today);
        let last = as_of.unwrap_or(today);
        let to = day(&asked.to).filter(|day| *day < last);
        let days = asked.days.parse().ok().filter(|days| PERIODS_DAYS.contains(days));
        let begin = |days| last.checked_sub_days(Days::new(days)).unwrap_or(last);
        let from = day(&asked.from).filter(|from| *from <= to.unwrap_or(last));
        let (from, to, days) = match (from, days) {
            (Some(from), None) => (from, to, None),
            (_, days) => {
                let days = days.unwrap_or(PERIODS_DAYS[0]);
                (begin(days), None, Some(days))
            }
        };
        let is_id = |id: &&String| {
            id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        };
        let id = |id: &String| Some(id).filter(is_id).cloned().unwrap_or_default();
        Self { from, to, as_of, days, center: id(&asked.center), department: id(&asked.department) }
    }

    /// As the API takes it.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("from", self.from.to_string())];
        // A period does not end after the instant that it is looked at from.
        if let Some(to) = self.to.or(self.as_of) {
            query.push(("to", to.to_string()));
        }
        query.extend(self.standing());
        query
    }

    /// Of it, what does not go by a period.
    pub(super) fn standing(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        if let Some(as_of) = self.as_of {
            query.push(("as_of", as_of.to_string()));
        }
        query.extend(self.narrowed());
        query
    }

    /// Of it, whose cases.
    pub(super) fn narrowed(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        if !self.center.is_empty() {
            query.push(("center", self.center.clone()));
        }
        if !self.department.is_empty() {
            query.push(("department", self.department.clone()));
        }
        query
    }

    /// The address of the same scope.
    pub(super) fn address(&self, path: &str, more: &[(&str, &str)]) -> String {
        let mut query = match self.days {
            Some(days) => {
                let mut query = vec![("days", days.to_string())];
                query.extend(self.standing());
                query
            }
            None => self.query(),
        };
        query.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        address(path, query)
    }
}

/// Whether this role sees the whole district: the API gives the others the figures of their own cases.
pub(super) const fn is_whole(role: Option<Role>) -> bool {
    matches!(role, Some(Role::Coordinator | Role::Auditor | Role::PrivacyOfficer | Role::Callback))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339("2026-11-25T10:00:00+08:00").unwrap()
    }

    fn scope(asked: &Asked) -> Scope {
        Scope::of(asked, &now())
    }

    fn asked(pairs: &[(&str, &str)]) -> Asked {
        let mut asked = Asked::default();
        for (name, value) in pairs {
            let field = match *name {
                "days" => &mut asked.days,
                "from" => &mut asked.from,
                "to" => &mut asked.to,
                "as_of" => &mut asked.as_of,
                "center" => &mut asked.center,
                _ => &mut asked.department,
            };
            *field = (*value).to_owned();
        }
        asked
    }

    #[test]
    fn without_a_wish_the_last_ninety_days_are_counted() {
        let scope = scope(&asked(&[]));
        assert_eq!(scope.query(), [("from", "2026-08-27".to_owned())]);
    }

    #[test]
    fn chosen_days_win_and_nonsense_is_not_asked_for() {
        let chosen = scope(&asked(&[("from", "2026-01-01"), ("to", "2026-03-31")]));
        assert_eq!(
            chosen.query(),
            [("from", "2026-01-01".to_owned()), ("to", "2026-03-31".to_owned())]
        );
        for nonsense in [
            asked(&[("from", "yesterday")]),
            asked(&[("from", "2026-03-31"), ("to", "2026-01-01")]),
            asked(&[("days", "-1")]),
            asked(&[("as_of", "2030-01-01")]),
            asked(&[("center", "../../x"), ("department", "A&b=c")]),
        ] {
            assert_eq!(scope(&nonsense).query()[0].1, "2026-08-27", "{nonsense:?}");
            assert_eq!(scope(&nonsense).query().len(), 1, "{nonsense:?}");
        }
    }

    #[test]
    fn a_day_that_is_past_is_looked_at_with_the_days_before_it() {
        let past = scope(&asked(&[("as_of", "2026-06-30"), ("days", "30")]));
        assert_eq!(
            past.query(),
            [
                ("from", "2026-05-31".to_owned()),
                ("to", "2026-06-30".to_owned()),
                ("as_of", "2026-06-30".to_owned())
            ]
        );
    }

    #[test]
    fn an_address_leads_to_the_same_scope() {
        let whole =
            scope(&asked(&[("days", "30"), ("center", "donghuashi"), ("as_of", "2026-06-30")]));
        let address = whole.address("/district", &[]);
        assert_eq!(address, "/district?days=30&as_of=2026-06-30&center=donghuashi");
    }
}
