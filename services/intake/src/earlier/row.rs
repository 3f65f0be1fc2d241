//! From the cells of a row to a case that could be taken over.
//!
//! Invariants: a row is told with everything that is wrong with it; what is assumed is noted; nothing of a person is taken
//! from another row, and no value of a person's cell is repeated.

mod bodies;
mod ending;

use casework::command::{Import, Open};
use casework::refusal::{Refusal, RefusalCode};
use casework::rules::Rules;
use chrono::Datelike as _;
use proto_events::Timestamp;
use proto_events::codes::{ApplicantKind, Cause, Channel, Complexity};
use proto_events::events::{Matter, Mode, Notice, RegisterRow, SealedApplicant};
use proto_events::ids::{CaseId, CenterId, CommandId, ReceiptCode};
use sha2::{Digest as _, Sha256};

use super::cells::{self, Code, Found, When};
use super::columns::{Columns, Field, repeats_heads};
use super::mapping::Mapping;
use super::{Note, Row, Verdict, hex};
use crate::applicant::Applicant;

/// Longest demand in characters; what is longer goes into the summary as well.
const DEMAND_CHARS_MAX: usize = 500;
/// Longest value that a note repeats, in characters.
const SHOWN_CHARS_MAX: usize = 20;
/// What a total, or the foot of a page, begins with.
const FOOT_WORDS: [&str; 12] = [
    "合计",
    "总计",
    "小计",
    "共计",
    "累计",
    "备注",
    "说明",
    "注:",
    "填表",
    "制表",
    "审核人",
    "负责人",
];
/// What the name of a body that is no person ends with.
const ENTERPRISE_ENDS: [&str; 12] = [
    "公司",
    "厂",
    "店",
    "中心",
    "合作社",
    "商行",
    "集团",
    "学校",
    "医院",
    "协会",
    "工作室",
    "企业",
];

/// A case that a row tells of.
#[derive(Debug)]
pub struct Entry {
    /// The case that it becomes: by its number, or by everything that the row says when it has none.
    pub case_id: CaseId,
    /// The command that takes it over: by everything that the row says.
    pub command_id: CommandId,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// Whose it is, in clear until it is sealed.
    pub(super) applicant: Applicant,
    /// Whether the register has the person itself, and not a mask of him.
    pub(super) is_known: bool,
    /// What is wished; the applicant is not in it yet.
    pub wish: Import,
}

impl Entry {
    /// Which text names the applicant: it would stay when the person is forgotten.
    pub(super) fn named_in_a_text(&self) -> Option<Refusal> {
        let Import { open, outcome, .. } = &self.wish;
        let result = outcome.as_ref().and_then(|outcome| outcome.result.as_ref());
        let texts = [
            ("/demand", Some(&open.demand)),
            ("/summary", open.summary.as_ref()),
            ("/matter", Some(&open.matter.name)),
            ("/outcome", result),
            ("/task_force", self.wish.task_force.as_ref()),
            ("/special_handling", self.wish.special_handling.as_ref()),
            ("/policy_basis", self.wish.policy_basis.as_ref()),
            ("/rectification", self.wish.rectification.as_ref()),
            ("/improvements", self.wish.improvements.as_ref()),
        ];
        let named =
            |text: Option<&String>| text.is_some_and(|text| self.applicant.is_named_in(text));
        let (pointer, _) = texts.into_iter().find(|(_, text)| named(*text))?;
        let detail = format!(
            "{pointer} contains the applicant's name or address (文字中含有申请人姓名或住址)"
        );
        Some(Refusal::rule(RefusalCode::PiiInText, detail))
    }
}

/// Reads the rows of one sheet, from its top.
pub(super) struct RowReader<'a> {
    columns: &'a Columns,
    rules: &'a Rules,
    mapping: &'a Mapping,
    now: Timestamp,
    /// The year of dates that name none: that of the title, then that of the row above.
    year: Option<i32>,
    /// The last row that was a case, for cells that were merged with it.
    above: Vec<String>,
    above_number: usize,
}

/// One row on its way.
struct Cells<'a, 'r> {
    reader: &'r RowReader<'a>,
    own: &'r [String],
    notes: Vec<Note>,
    assumed: Vec<String>,
}

impl<'a> RowReader<'a> {
    pub(super) fn new(
        columns: &'a Columns,
        titles: &[Vec<String>],
        rules: &'a Rules,
        mapping: &'a Mapping,
        now: Timestamp,
    ) -> Self {
        let year = titles.iter().flatten().find_map(|title| year_of(title));
        Self { columns, rules, mapping, now, year, above: Vec::new(), above_number: 0 }
    }

    /// Reads the next row.
    pub(super) fn read(&mut self, from: RegisterRow, own: &[String]) -> Row {
        let number = from.row as usize;
        let passed = |text: &str| {
            let note = Note { column: None, text: text.to_owned(), is_fault: false };
            let notes = if text.is_empty() { Vec::new() } else { vec![note] };
            Row { number, verdict: Verdict::PassedOver, notes }
        };
        if own.iter().all(String::is_empty) {
            return passed("");
        }
        if repeats_heads(own, self.mapping) {
            return passed("the heads again (重复的表头)");
        }
        if self.is_foot(own) {
            return passed("a total or a foot (合计或表尾)");
        }
        let mut cells = Cells { reader: self, own, notes: Vec::new(), assumed: Vec::new() };
        let entry = cells.entry(from);
        let notes = cells.notes;
        if let Some(entry) = &entry {
            self.year = Some(entry.opened_at.year());
            self.above = self.filled(own);
            self.above_number = number;
        }
        let has_faults = notes.iter().any(|note| note.is_fault);
        let verdict = match entry.filter(|_| !has_faults) {
            Some(entry) => Verdict::Taken(Box::new(entry)),
            None => Verdict::Refused,
        };
        Row { number, verdict, notes }
    }

    /// A total has words of a foot and no demand of its own.
    fn is_foot(&self, own: &[String]) -> bool {
        let demand = self.columns.place(Field::Demand).and_then(|(at, _)| own.get(at));
        let first = own.iter().find(|cell| !cell.is_empty());
        let folded = first.map(|cell| {
            casework::free_text::normalize_digits(cell).replace(char::is_whitespace, "")
        });
        demand.is_none_or(String::is_empty)
            && folded.is_some_and(|cell| FOOT_WORDS.iter().any(|word| cell.starts_with(word)))
    }

    /// The cells of a row, with those of the one above where they were merged.
    fn filled(&self, own: &[String]) -> Vec<String> {
        let mut filled = own.to_vec();
        for field in Field::ALL.iter().filter(|field| self.mapping.is_merged(**field)) {
            let Some((at, _)) = self.columns.place(*field) else { continue };
            if filled.len() <= at {
                filled.resize(at + 1, String::new());
            }
            if filled[at].is_empty()
                && let Some(above) = self.above.get(at)
            {
                filled[at].clone_from(above);
            }
        }
        filled
    }
}

/// The year that a title names: `2023年度登记簿`.
fn year_of(title: &str) -> Option<i32> {
    let text = casework::free_text::normalize_digits(title);
    let before = &text[..text.find('年')?];
    let digits: String = before.chars().rev().take_while(char::is_ascii_digit).collect();
    let year: i32 = digits.chars().rev().collect::<String>().parse().ok()?;
    (1990..=2099).contains(&year).then_some(year)
}

impl Cells<'_, '_> {
    fn entry(&mut self, from: RegisterRow) -> Option<Entry> {
        let opened_at = self.instant(Field::OpenedAt, true);
        if opened_at.is_none() {
            self.missing(Field::OpenedAt);
        }
        let center = self.center();
        let matter = self.matter();
        let (demand, summary) = self.demand();
        let cause_confirmed = self.code::<Cause>(Field::CauseConfirmed);
        let cause = self.cause(cause_confirmed);
        let stage = self.needed(Field::BlockedStage, self.reader.mapping.stage);
        let channel = self
            .assumed_code(Field::Channel, self.reader.mapping.channel.unwrap_or(Channel::Window));
        let complexity = self.assumed_code(
            Field::Complexity,
            self.reader.mapping.complexity.unwrap_or(Complexity::Complex),
        );
        let department = self.department(Field::Department);
        let co_departments = self.co_departments();
        let forwarded_at = self.instant(Field::ForwardedAt, false);
        let accepted_at = self.instant(Field::AcceptedAt, false);
        let first_contact_at = self.instant(Field::FirstContactAt, false);
        let due_at = self.instant(Field::DueAt, false);
        let outcome = self.outcome();
        let attempts_before = self.count(Field::AttemptsBefore);
        let returns = self.count(Field::Returns);
        let solved = self.solved();
        let grade = self.grade();
        let first_receiver = self.first_receiver();
        let (applicant, is_known) = self.applicant();
        let [task_force, special_handling, policy_basis, rectification, improvements] = [
            Field::TaskForce,
            Field::SpecialHandling,
            Field::PolicyBasis,
            Field::Rectification,
            Field::Improvements,
        ]
        .map(|field| self.text(field).filter(|text| !cells::is_nothing(text)));
        let case_no = self.text(Field::CaseNo);
        let (opened_at, center, stage, cause) = (opened_at?, center?, stage?, cause?);
        let digest = self.digest(&center);
        let name = case_no.as_ref().map_or(&digest, |number| number);
        let case_id = CaseId::of_key(&center, &format!("register:{name}"));
        let code = self.reader.rules.centers.get(&center).map_or("", |center| &center.code);
        let open = Open {
            channel,
            matter,
            blocked_stage: stage,
            cause,
            demand,
            summary,
            attempts_before,
            complexity,
            applicant: SealedApplicant { kind: applicant.kind, sealed: String::new() },
            notice: unknown_notice()?,
            case_no: case_no.unwrap_or_else(|| crate::case_no(code, opened_at, case_id)),
            receipt_code: ReceiptCode::from_random(0),
            center,
        };
        let wish = Import {
            open,
            from,
            imported_at: self.reader.now,
            due_at,
            first_receiver,
            cause_confirmed,
            department,
            co_departments,
            forwarded_at,
            accepted_at,
            first_contact_at,
            returns,
            task_force,
            special_handling,
            outcome,
            policy_basis,
            solved,
            grade,
            rectification,
            improvements,
            assumed: std::mem::take(&mut self.assumed),
        };
        let command_id = CommandId::of_key(super::ACTOR, &digest);
        Some(Entry { case_id, command_id, opened_at, applicant, is_known, wish })
    }

    /// What a cell says; of one that was merged with the cell above, what stands there.
    fn cell(&mut self, field: Field) -> Option<String> {
        let (at, _) = self.reader.columns.place(field)?;
        if let Some(text) = self.own.get(at).filter(|text| !text.is_empty()) {
            return Some(text.clone());
        }
        let above = self.reader.above.get(at).filter(|text| !text.is_empty())?;
        if !self.reader.mapping.is_merged(field) {
            return None;
        }
        let row = self.reader.above_number;
        self.assume(field, format!("is empty; taken from row {row} above (与上一行合并)"));
        Some(above.clone())
    }

    /// Everything that the row says, whatever the order of its columns.
    fn digest(&self, center: &CenterId) -> String {
        let filled = self.reader.filled(self.own);
        let mut hasher = Sha256::new();
        hasher.update(center.as_str());
        for field in Field::ALL {
            let Some((at, _)) = self.reader.columns.place(*field) else { continue };
            let cell = filled.get(at).map_or("", String::as_str);
            hasher.update(format!("\u{0}{}\u{0}{}\u{0}{cell}", field.name(), cell.len()));
        }
        hex(&hasher.finalize())
    }

    fn note(&mut self, field: Field, text: String, is_fault: bool) {
        let column = self.reader.columns.label(field).unwrap_or_else(|| field.name().to_owned());
        self.notes.push(Note { column: Some(column), text, is_fault });
    }

    fn fault(&mut self, field: Field, text: impl Into<String>) {
        self.note(field, text.into(), true);
    }

    fn assume(&mut self, field: Field, text: String) {
        let name = field.name().to_owned();
        if !self.assumed.contains(&name) {
            self.assumed.push(name);
            self.note(field, text, false);
        }
    }

    fn missing(&mut self, field: Field) {
        if !self.is_faulty(field) {
            self.fault(field, "is empty (不能为空)");
        }
    }

    /// Whether its cell could not be read.
    fn is_faulty(&self, field: Field) -> bool {
        let column = self.reader.columns.label(field);
        self.notes.iter().any(|note| note.is_fault && note.column == column)
    }

    /// A value as a note may repeat it: none that could name somebody.
    fn shown(&self, text: &str) -> String {
        let personal =
            [Field::ApplicantName, Field::ApplicantPhone, Field::IdNumber, Field::Address];
        let is_personal = personal.iter().any(|field| {
            let place = self.reader.columns.place(*field);
            let cell = place.and_then(|(at, _)| self.own.get(at)).filter(|cell| !cell.is_empty());
            cell.is_some_and(|cell| text.contains(cell.as_str()) || cell.contains(text))
        });
        let digits = text.chars().filter(|c| c.is_numeric()).count();
        let is_short = text.chars().count() <= SHOWN_CHARS_MAX && !text.contains(['\n', '\r']);
        if is_personal || !is_short || digits > 8 {
            return "the value".to_owned();
        }
        format!("“{text}”")
    }

    fn text(&mut self, field: Field) -> Option<String> {
        self.cell(field)
    }

    fn instant(&mut self, field: Field, is_opening: bool) -> Option<Timestamp> {
        let text = self.cell(field).filter(|text| !cells::is_nothing(text))?;
        let Some(when) = cells::when(&text, self.reader.year) else {
            let is_date = text.chars().all(|c| c.is_numeric() || "-/.年月日: ".contains(c));
            let shown = if is_date { self.shown(&text) } else { "the value".to_owned() };
            self.fault(field, format!("{shown} is no date (不是日期)"));
            return None;
        };
        let When { date, year_assumed, .. } = when;
        if year_assumed {
            let year = date.year();
            self.assume(field, format!("names no year; taken as {year} (未写年份)"));
        }
        when.instant(is_opening, &self.reader.rules.calendar)
    }

    fn count(&mut self, field: Field) -> u32 {
        let Some(text) = self.cell(field).filter(|text| !cells::is_nothing(text)) else { return 0 };
        let plain = casework::free_text::normalize_digits(&text);
        let number = plain.trim().trim_end_matches('次').trim().parse();
        number.unwrap_or_else(|_| {
            self.fault(field, "is no number (不是数字)");
            0
        })
    }

    /// A code; none when the cell is empty or, which is a fault, says something else.
    fn code<T: Code>(&mut self, field: Field) -> Option<T> {
        let text = self.cell(field)?;
        let mapped = self.reader.mapping.value(field, &text).map(str::to_owned);
        match cells::code::<T>(mapped.as_deref().unwrap_or(&text)) {
            Some(Found::Surely(found)) => Some(found),
            Some(Found::Perhaps(found)) => {
                let label = found.labels()[0];
                let text = format!("{} is taken as {label} ({})", self.shown(&text), found.code());
                self.assume(field, text);
                Some(found)
            }
            None => {
                let shown = self.shown(&text);
                let text = format!(
                    "{shown} is none of the known values; name it under [values.{}] (无法识别)",
                    field.name()
                );
                self.fault(field, text);
                None
            }
        }
    }

    /// A code that nobody may guess: without one, and without a default of the mapping, the row is refused.
    fn needed<T: Code>(&mut self, field: Field, default: Option<T>) -> Option<T> {
        let found = self.code(field);
        match (found, default) {
            (Some(found), _) => Some(found),
            (None, _) if self.is_faulty(field) => None,
            (None, Some(default)) => {
                self.assume(field, format!("is empty; taken as {}", default.code()));
                Some(default)
            }
            (None, None) => {
                self.missing(field);
                None
            }
        }
    }

    fn assumed_code<T: Code>(&mut self, field: Field, default: T) -> T {
        self.needed(field, Some(default)).unwrap_or(default)
    }

    /// The cause as it looked at first; the one that was confirmed when nobody wrote down another.
    fn cause(&mut self, confirmed: Option<Cause>) -> Option<Cause> {
        let default = self.reader.mapping.cause;
        match confirmed {
            Some(confirmed) => Some(self.assumed_code(Field::CauseProvisional, confirmed)),
            None => self.needed(Field::CauseProvisional, default),
        }
    }

    fn matter(&mut self) -> Matter {
        let Some(text) = self.cell(Field::Matter) else {
            self.missing(Field::Matter);
            return Matter { name: String::new(), code: None };
        };
        // Our own export writes the code of the national catalogue behind the name.
        let is_code = |code: &str| {
            code.len() >= 4
                && code.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
        };
        match cells::unbracketed(&text) {
            (name, Some(code)) if is_code(code) && !name.is_empty() => {
                Matter { name: name.to_owned(), code: Some(code.to_owned()) }
            }
            _ => Matter { name: text, code: None },
        }
    }

    fn demand(&mut self) -> (String, Option<String>) {
        let Some(text) = self.cell(Field::Demand) else {
            let above = self.reader.above_number;
            self.fault(
                Field::Demand,
                format!(
                    "is empty; the row may belong to row {above} above, merged (可能是上一行的续行)"
                ),
            );
            return (String::new(), None);
        };
        if text.chars().count() <= DEMAND_CHARS_MAX {
            return (text, None);
        }
        self.assume(Field::Demand, format!("is longer than {DEMAND_CHARS_MAX} characters; all of it stands in the summary (全文另存于经过)"));
        (text.chars().take(DEMAND_CHARS_MAX).collect(), Some(text))
    }

    /// Who received it, when that is an account; the name of a person has no place in a log that forgets nothing.
    fn first_receiver(&mut self) -> Option<String> {
        let text = self.cell(Field::FirstReceiver)?;
        let mapped = self.reader.mapping.value(Field::FirstReceiver, &text).unwrap_or(&text);
        let is_account = mapped.len() <= 64
            && mapped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._@".contains(&b));
        if is_account {
            return Some(mapped.to_owned());
        }
        let text = "is no account and is not kept; name accounts under [values.first_receiver] (不是账号，未保留)";
        self.note(Field::FirstReceiver, text.to_owned(), false);
        None
    }

    /// The applicant, as the register has him: perhaps masked, perhaps without a telephone.
    fn applicant(&mut self) -> (Applicant, bool) {
        let name = self.cell(Field::ApplicantName).unwrap_or_default();
        let is_erased = matches!(name.as_str(), "已删除" | "erased");
        let name = if is_erased { String::new() } else { name };
        let phone = self.cell(Field::ApplicantPhone).unwrap_or_default();
        let phone = if phone.chars().all(|c| c == '*') { String::new() } else { phone };
        let is_known = !name.is_empty() && !name.contains('*') && !phone.contains('*');
        let kind = match ENTERPRISE_ENDS.iter().any(|end| name.ends_with(end)) {
            true => ApplicantKind::Enterprise,
            false => ApplicantKind::Person,
        };
        let id_number = self.cell(Field::IdNumber);
        let address = self.cell(Field::Address);
        let taken = Applicant { kind, name, phone, id_number, address, care: Vec::new() };
        match taken.of_register() {
            Ok(applicant) => {
                let has_phone = !applicant.phone.is_empty();
                (applicant, is_known && has_phone)
            }
            Err(too_long) => {
                let field = match too_long {
                    "name" => Field::ApplicantName,
                    "phone" => Field::ApplicantPhone,
                    "id_number" => Field::IdNumber,
                    _ => Field::Address,
                };
                self.fault(field, "is too long, or has several lines (过长或有换行)");
                (Applicant::nobody(kind), false)
            }
        }
    }
}

/// Nobody knows any more what notice was given.
fn unknown_notice() -> Option<Notice> {
    let mode = Mode::try_from("unknown".to_owned()).ok()?;
    Some(Notice { version: "unknown".to_owned(), mode })
}
