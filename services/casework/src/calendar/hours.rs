//! The business hours of a working day.
//!
//! Invariant: at least one period; periods ascend, do not overlap, and end on the day they start.

use alloc::{borrow::ToOwned, string::String, vec::Vec};

const MINUTES_PER_DAY: u16 = 24 * 60;

/// The periods of a working day in which business is done (办公时间), in minutes after midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessHours(Vec<(u16, u16)>);

/// Why a list of periods is no business hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BusinessHoursFault {
    /// There is no period.
    #[error("business hours need at least one period")]
    Empty,
    /// A text is not a period.
    #[error("{0:?} is not a period of business; write it as \"09:00-12:00\"")]
    NotPeriod(String),
    /// A period does not end after its start, or not on the same day.
    #[error(
        "the period from minute {from} to minute {to} must end after its start, on the same day"
    )]
    BadPeriod {
        /// Start, in minutes after midnight.
        from: u16,
        /// End, in minutes after midnight.
        to: u16,
    },
    /// A period starts before the one before it ends.
    #[error("the period that starts at minute {from} starts before the one before it ends")]
    Overlap {
        /// Start of the later period, in minutes after midnight.
        from: u16,
    },
}

impl BusinessHours {
    /// Takes periods in minutes after midnight, ascending.
    ///
    /// # Errors
    /// The first fault found: no period, a period that does not end after its start on the same
    /// day, an overlap.
    pub fn new(periods: Vec<(u16, u16)>) -> Result<Self, BusinessHoursFault> {
        if periods.is_empty() {
            return Err(BusinessHoursFault::Empty);
        }
        let mut end_before = 0;
        for &(from, to) in &periods {
            if from >= to || to >= MINUTES_PER_DAY {
                return Err(BusinessHoursFault::BadPeriod { from, to });
            }
            if from < end_before {
                return Err(BusinessHoursFault::Overlap { from });
            }
            end_before = to;
        }
        Ok(Self(periods))
    }

    /// Reads periods as a district file writes them, such as `09:00-12:00`.
    ///
    /// # Errors
    /// A text that is no period, and the faults of [`BusinessHours::new`].
    pub fn parse<T: AsRef<str>>(periods: &[T]) -> Result<Self, BusinessHoursFault> {
        let read = |text: &T| {
            let text = text.as_ref();
            parse_period(text).ok_or_else(|| BusinessHoursFault::NotPeriod(text.to_owned()))
        };
        Self::new(periods.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// Gives the periods, ascending, in minutes after midnight.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u16)> {
        self.0.iter().copied()
    }

    /// Tells when the day opens, in minutes after midnight.
    #[must_use]
    pub fn opening(&self) -> u16 {
        self.0.first().expect("at least one period").0
    }

    /// Tells when the day closes, in minutes after midnight.
    #[must_use]
    pub fn closing(&self) -> u16 {
        self.0.last().expect("at least one period").1
    }

    /// Counts the minutes of business in a working day.
    #[must_use]
    pub fn minutes_per_day(&self) -> u16 {
        self.iter().map(|(from, to)| to - from).sum()
    }
}

fn parse_period(text: &str) -> Option<(u16, u16)> {
    let (from, to) = text.split_once('-')?;
    Some((parse_minute(from.trim())?, parse_minute(to.trim())?))
}

fn parse_minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str, below: u16| {
        let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|value| digits && *value < below)
    };
    Some(two_digits(hour, 24)? * 60 + two_digits(minute, 60)?)
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn the_hours_of_a_district_file_are_read() {
        let hours = BusinessHours::parse(&["09:00-12:00", "13:30 - 17:30"]).unwrap();
        assert_eq!(hours, BusinessHours::new(vec![(540, 720), (810, 1050)]).unwrap());
        assert_eq!((hours.opening(), hours.closing(), hours.minutes_per_day()), (540, 1050, 420));
    }

    #[test]
    fn hours_that_make_no_sense_are_refused() {
        assert_eq!(BusinessHours::new(vec![]), Err(BusinessHoursFault::Empty));
        for text in [
            "",
            "9:00-12:00",
            "09:00",
            "09:60-12:00",
            "24:00-25:00",
            "+9:00-12:00",
            "09:00-12:00-13:00",
        ] {
            assert!(
                matches!(BusinessHours::parse(&[text]), Err(BusinessHoursFault::NotPeriod(_))),
                "{text}"
            );
        }
        assert!(matches!(
            BusinessHours::parse(&["12:00-09:00"]),
            Err(BusinessHoursFault::BadPeriod { .. })
        ));
        assert!(matches!(
            BusinessHours::new(vec![(0, 1440)]),
            Err(BusinessHoursFault::BadPeriod { .. })
        ));
        assert_eq!(
            BusinessHours::parse(&["09:00-12:00", "11:30-17:30"]),
            Err(BusinessHoursFault::Overlap { from: 690 })
        );
    }
}
