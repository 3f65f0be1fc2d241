//! A case as the API tells it; what a page does not show is not read.
//!
//! Invariant: fields that an older or newer house lacks are empty, never a page that fails.

use chrono::{DateTime, Datelike as _, FixedOffset, NaiveDate};
use serde::Deserialize;

use crate::lang::Lang;

pub(crate) type At = DateTime<FixedOffset>;

/// A text in both languages, as the API says it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Both {
    zh: String,
    en: String,
}

impl Both {
    pub(crate) fn text(&self, lang: Lang) -> &str {
        lang.of(&self.zh, &self.en)
    }
}

/// A case.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) case_id: String,
    pub(crate) case_no: String,
    pub(crate) receipt_code: String,
    pub(crate) center: String,
    pub(crate) state: String,
    pub(crate) version: u64,
    pub(crate) matter: Named,
    pub(crate) demand: String,
    pub(crate) opened_at: At,
    pub(crate) due_at: At,
    #[serde(flatten)]
    pub(crate) rest: Rest,
}

impl Case {
    /// The people who stand in it: usernames, and what others wrote down as somebody's name.
    pub(crate) fn people(&self) -> impl Iterator<Item = &str> {
        let rest = &self.rest;
        let next = rest.next.iter().flat_map(|next| {
            let person = next.id.as_deref().filter(|_| next.party == "person");
            next.handler.as_deref().into_iter().chain(person)
        });
        let force = rest.task_force.iter().flat_map(|force| {
            let members = force.members.iter().map(|one| one.person.as_str());
            members.chain(force.actions.iter().map(|one| one.owner.as_str()))
        });
        let found = rest.determination.iter();
        let signed = found.flat_map(|found| [found.by.as_str(), &found.countersigned_by]);
        let layers = rest.special_handling.iter().flat_map(|special| &special.layers);
        let checked = layers.filter_map(|layer| layer.by.as_deref());
        std::iter::once(rest.opened_by.as_str())
            .chain(rest.handler.as_deref())
            .chain(next)
            .chain(force)
            .chain(signed)
            .chain(checked)
    }
}

/// Where it stood before it was taken over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Imported {
    pub(crate) row: u32,
}

/// That a case came later than it was registered.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ArrivedLate {
    pub(crate) registered_at: At,
    pub(crate) arrived_at: At,
    pub(crate) late_seconds: i64,
}

/// What may be missing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Rest {
    pub(crate) arrived_late: Option<ArrivedLate>,
    pub(crate) center_clock_ahead_seconds: Option<i64>,
    pub(crate) flags: Flags,
    pub(crate) complexity: String,
    pub(crate) channel: String,
    pub(crate) blocked_stage: String,
    pub(crate) cause: Cause,
    pub(crate) summary: Option<String>,
    pub(crate) attempts_before: u32,
    pub(crate) applicant: Applicant,
    pub(crate) opened_by: String,
    pub(crate) imported: Option<Imported>,
    pub(crate) department: Option<String>,
    pub(crate) co_departments: Vec<String>,
    pub(crate) handler: Option<String>,
    pub(crate) contact: Option<Contact>,
    pub(crate) original_due_at: Option<At>,
    pub(crate) closed_at: Option<At>,
    pub(crate) next: Vec<Next>,
    pub(crate) returns: Vec<Return>,
    pub(crate) arbitration: Option<Arbitration>,
    pub(crate) escalation_level: u8,
    pub(crate) pause: Option<Pause>,
    pub(crate) extension: Option<Extension>,
    pub(crate) task_force: Option<TaskForce>,
    pub(crate) special_handling: Option<Special>,
    pub(crate) material_requests: Vec<Request>,
    pub(crate) parts: Vec<Part>,
    pub(crate) determination: Option<Determination>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) explanations: Vec<Explanation>,
    pub(crate) feedback: Option<Feedback>,
    pub(crate) rectification: Option<Rectification>,
    pub(crate) reopen_count: u32,
    pub(crate) links: Vec<Link>,
    pub(crate) clocks: Vec<Running>,
    pub(crate) erase_after: Option<At>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Flags {
    pub(crate) overdue: bool,
    pub(crate) paused: bool,
    pub(crate) ping_pong: bool,
    pub(crate) provisional_due: bool,
    pub(crate) quarantined: bool,
}

/// A clock that runs or stands still.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Running {
    pub(crate) clock: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Cause {
    pub(crate) provisional: String,
    pub(crate) confirmed: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Applicant {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) phone: Option<String>,
    pub(crate) erased: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Contact {
    pub(crate) window: String,
    pub(crate) phone: Option<String>,
}

/// What is to be done next.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Next {
    pub(crate) step: String,
    pub(crate) label: Both,
    pub(crate) party: String,
    pub(crate) id: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) handler: Option<String>,
    pub(crate) due_at: Option<At>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Return {
    pub(crate) department: String,
    pub(crate) reason: String,
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) suggested_department: Option<String>,
    #[serde(default)]
    pub(crate) note: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Arbitration {
    pub(crate) department: String,
    #[serde(default)]
    pub(crate) basis: String,
    pub(crate) at: At,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Pause {
    #[serde(default)]
    pub(crate) label: Both,
    pub(crate) since: At,
    pub(crate) until: At,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Extension {
    pub(crate) working_days: u32,
    #[serde(default)]
    pub(crate) reason: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct TaskForce {
    /// Why it was convened, as a code.
    #[serde(default)]
    pub(crate) trigger: String,
    #[serde(default)]
    pub(crate) chair: String,
    #[serde(default)]
    pub(crate) members: Vec<Member>,
    #[serde(default)]
    pub(crate) objective: String,
    #[serde(default)]
    pub(crate) reason: String,
    pub(crate) convened_at: At,
    pub(crate) first_meeting_due_at: At,
    #[serde(default)]
    pub(crate) meetings: Vec<Meeting>,
    #[serde(default)]
    pub(crate) actions: Vec<Action>,
    #[serde(default)]
    pub(crate) dissolved_at: Option<At>,
    #[serde(default)]
    pub(crate) outcome: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    pub(crate) department: String,
    pub(crate) person: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Meeting {
    pub(crate) number: u32,
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) positions: Vec<Position>,
    #[serde(default)]
    pub(crate) decisions: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Position {
    pub(crate) department: String,
    pub(crate) position: String,
    pub(crate) basis: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Action {
    pub(crate) number: u32,
    /// A department, a center or a person.
    #[serde(default)]
    pub(crate) owner: String,
    #[serde(default)]
    pub(crate) what: String,
    pub(crate) due_at: At,
    #[serde(default)]
    pub(crate) done_at: Option<At>,
    #[serde(default)]
    pub(crate) result: Option<String>,
    #[serde(default)]
    pub(crate) overdue: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Special {
    pub(crate) status: String,
    pub(crate) review: Option<serde_json::Value>,
    pub(crate) facts: String,
    pub(crate) requirement_waived: String,
    pub(crate) discretion_basis: String,
    pub(crate) layers: Vec<Layer>,
    pub(crate) decision: Option<Decision>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Layer {
    pub(crate) layer: String,
    pub(crate) label: Both,
    pub(crate) by: Option<String>,
    pub(crate) at: Option<At>,
    pub(crate) finding: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Decision {
    pub(crate) approved: bool,
    pub(crate) reason: String,
    pub(crate) conditions: Vec<String>,
    pub(crate) review_due_at: Option<At>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    #[serde(default)]
    pub(crate) items: Vec<Item>,
    pub(crate) at: At,
    pub(crate) due_at: At,
    #[serde(default)]
    pub(crate) answered: bool,
    #[serde(default)]
    pub(crate) overdue: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) basis: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Part {
    pub(crate) department: String,
    #[serde(default)]
    pub(crate) ask: String,
    pub(crate) due_at: At,
    #[serde(default)]
    pub(crate) completed_at: Option<At>,
    #[serde(default)]
    pub(crate) result: Option<String>,
    #[serde(default)]
    pub(crate) overdue: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Basis {
    pub(crate) title: String,
    pub(crate) number: Option<String>,
    pub(crate) article: String,
    pub(crate) in_force_from: Option<NaiveDate>,
}

impl Basis {
    /// The text as it is quoted, with the day from which it is in force.
    pub(crate) fn quoted(&self, lang: Lang) -> String {
        let number = self.number.as_deref().unwrap_or_default();
        let (title, article) = (&self.title, &self.article);
        let policy =
            lang.with("policy", &[("title", title), ("number", &number), ("article", article)]);
        // The day of the week means nothing for a law.
        let since = self.in_force_from.map(|day| {
            let (year, month, day) = (day.year().to_string(), day.month(), day.day());
            lang.with("policy-since", &[("year", &year), ("month", &month), ("day", &day)])
        });
        format!("{policy}{}", since.unwrap_or_default())
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Determination {
    pub(crate) basis: Vec<Basis>,
    pub(crate) facts: String,
    pub(crate) alternatives: Vec<String>,
    pub(crate) by: String,
    pub(crate) countersigned_by: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) kind: String,
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) resolution: Option<String>,
    #[serde(default)]
    pub(crate) result: Option<String>,
    #[serde(default)]
    pub(crate) callback_due_at: Option<At>,
    #[serde(default)]
    pub(crate) on_time: bool,
    #[serde(default)]
    pub(crate) exclusion: Option<String>,
    #[serde(default)]
    pub(crate) remedy: Option<Remedy>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Remedy {
    pub(crate) body: String,
    pub(crate) contact: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Explanation {
    pub(crate) session: u32,
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) mode: String,
    #[serde(default)]
    pub(crate) explainers: Vec<Member>,
    #[serde(default)]
    pub(crate) documents: Vec<String>,
    #[serde(default)]
    pub(crate) remedies: Vec<String>,
    #[serde(default)]
    pub(crate) understood: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Feedback {
    pub(crate) at: At,
    #[serde(default)]
    pub(crate) solved: Option<String>,
    #[serde(default)]
    pub(crate) grade: Option<u8>,
    #[serde(default)]
    pub(crate) comment: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Rectification {
    pub(crate) due_at: At,
    /// By when the applicant has to be spoken to first.
    #[serde(default)]
    contact_due_at: Option<At>,
    #[serde(default)]
    contacted_at: Option<At>,
    #[serde(default)]
    pub(crate) owner: String,
    #[serde(default)]
    pub(crate) completed_at: Option<At>,
    #[serde(default)]
    pub(crate) result: Option<String>,
}

impl Rectification {
    /// What is due of it first, as its key, and by when.
    pub(crate) fn is_due(&self) -> (&'static str, &At) {
        match (&self.contact_due_at, &self.contacted_at) {
            (Some(by), None) => ("case-rectify-contact", by),
            _ => ("case-rectify-done", &self.due_at),
        }
    }
}

/// Another case that this one has to do with.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    pub(crate) case_id: String,
    pub(crate) label: Both,
    pub(crate) note: Option<String>,
}

/// A page of the history.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Timeline {
    pub(crate) items: Vec<Event>,
    pub(crate) next_cursor: Option<String>,
}

impl Timeline {
    /// Those who did what is told: usernames.
    pub(crate) fn people(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter(|one| !one.is_of_the_house()).map(|one| one.actor.as_str())
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Event {
    pub(crate) sequence: u64,
    pub(crate) time: At,
    #[serde(default)]
    pub(crate) actor: String,
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) sentence: Both,
}

impl Event {
    /// Whether nobody did it: a timer or a reaction.
    pub(crate) fn is_of_the_house(&self) -> bool {
        self.role == "system"
    }
}

/// Why everything is due when it is.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Clocks {
    pub(crate) items: Vec<Clock>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Clock {
    pub(crate) clock: String,
    #[serde(default)]
    pub(crate) label: Both,
    #[serde(default)]
    pub(crate) state: String,
    #[serde(default)]
    pub(crate) state_label: Both,
    pub(crate) due_at: At,
    #[serde(default)]
    pub(crate) counted: Counted,
    #[serde(default)]
    pub(crate) skipped: Skipped,
    #[serde(default)]
    pub(crate) overdue_working_days: u32,
    #[serde(default)]
    pub(crate) sentence: Both,
    #[serde(default)]
    pub(crate) calendar: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Counted {
    pub(crate) days: Vec<Day>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Day {
    pub(crate) date: NaiveDate,
    #[serde(default)]
    pub(crate) make_up: bool,
    #[serde(default)]
    pub(crate) paused: bool,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Skipped {
    pub(crate) days: Vec<Off>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Off {
    pub(crate) date: NaiveDate,
    #[serde(default)]
    pub(crate) name: Both,
}

/// The applicant in clear, for the length of one page.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Revealed {
    pub(crate) name: String,
    pub(crate) phone: Option<String>,
    pub(crate) id_number: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) care: Vec<String>,
}
