//! How the departments work: quick or slow, on time or not, with a kind word or without.
//!
//! What is written here is a picture, not a measurement; no body of the sample district works like this because
//! it is written here.

use proto_events::ids::DepartmentId;

/// A department's ways.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Habits {
    /// Minutes of business until it usually signs.
    pub(crate) signs_after: u32,
    /// How often in a thousand the applicant is called in time.
    pub(crate) calls_in_time: u32,
    /// How often in a thousand it sends back what is its own.
    pub(crate) doubts: u32,
    /// The share of the limit, in percent, that it usually takes.
    pub(crate) pace: u32,
    /// How often in a thousand it is late.
    pub(crate) is_late: u32,
    /// How often in a thousand people are content.
    pub(crate) pleases: u32,
}

const KNOWN: &[(&str, Habits)] = &[
    ("hr-public-service", habits(60, 965, 25, 50, 45, 860)),
    ("hr-bureau", habits(120, 930, 60, 62, 90, 800)),
    ("civil-affairs", habits(100, 940, 40, 60, 80, 810)),
    ("disabled-federation", habits(90, 950, 30, 58, 60, 850)),
    ("medical-insurance", habits(110, 930, 50, 66, 105, 790)),
    ("veterans-affairs", habits(80, 960, 25, 55, 50, 870)),
    ("housing", habits(260, 850, 110, 76, 190, 690)),
    ("public-security", habits(150, 900, 70, 58, 80, 760)),
    ("market-regulation", habits(80, 950, 35, 52, 60, 830)),
    ("health", habits(140, 910, 50, 64, 100, 780)),
    ("education", habits(120, 930, 45, 60, 70, 790)),
    ("tax", habits(90, 940, 40, 54, 50, 830)),
    ("planning", habits(300, 820, 120, 80, 210, 660)),
];

const fn habits(
    signs_after: u32,
    calls_in_time: u32,
    doubts: u32,
    pace: u32,
    is_late: u32,
    pleases: u32,
) -> Habits {
    Habits { signs_after, calls_in_time, doubts, pace, is_late, pleases }
}

/// The ways of a department; those of most for one that is not known here.
pub(crate) fn of(department: &DepartmentId) -> Habits {
    let known = KNOWN.iter().find(|(id, _)| *id == department.as_str());
    known.map_or(habits(120, 920, 50, 62, 100, 790), |(_, habits)| *habits)
}
