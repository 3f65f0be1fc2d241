//! The register that a district kept before: a CSV file as Excel leaves it, read row by row into cases to take over.
//!
//! Invariants: reading is pure and total: any bytes lead to a reading or to one reason why there is none; each row has one
//! verdict, with its number as a spreadsheet shows it; a value is repeated only where it names nobody; what was assumed is
//! said in the report and stands in the event.
//!
//! `sheet` makes cells of bytes, `columns` finds what each column is, `mapping` is what the district adds to that, `cells`
//! reads dates and codes, `row` makes a case of a row, `carry` takes it over.

mod carry;
mod cells;
mod columns;
mod mapping;
mod row;
mod sheet;
#[cfg(test)]
mod tests;

use std::fmt;

use casework::command::{Actor, Command, Context, Import};
use casework::decide::decide;
use casework::refusal::Refusal;
use casework::rules::Rules;
use chrono::Months;
use proto_events::Timestamp;
use proto_events::events::RegisterRow;
use sha2::{Digest as _, Sha256};

pub use carry::{ACTOR, Taken, take_over};
pub use mapping::Mapping;
pub use row::Entry;

use columns::{Heads, find_heads};
use row::RowReader;

/// Largest file in bytes: a million rows are some 300 MB, and no district has a hundredth of that.
pub const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Most rows of a file.
pub const ROWS_MAX: usize = 200_000;

/// Why a file is no register that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableRegister {
    /// Above [`FILE_BYTES_MAX`].
    #[error("the file has more than {} MiB", FILE_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// Above [`ROWS_MAX`].
    #[error("the file has more than {ROWS_MAX} rows")]
    TooLong,
    /// Neither UTF-8 nor GB 18030 nor UTF-16; a workbook is none either.
    #[error("the file is no text: {0}")]
    NotText(&'static str),
    /// No row with heads that are known.
    #[error(
        "no row has three heads that are known (没有找到表头); name the columns in a mapping file"
    )]
    NoHeads,
    /// A column without which no row can be taken.
    #[error("the columns {0} are missing (缺少必需的列); name them in a mapping file")]
    MissingColumns(String),
}

/// What became of a row.
#[derive(Debug)]
pub enum Verdict {
    /// It is a case.
    Taken(Box<Entry>),
    /// A rule says no, or a cell cannot be read.
    Refused,
    /// It is no case: a title, a total, nothing at all.
    PassedOver,
}

/// A row with its verdict and what there is to say of it.
#[derive(Debug)]
pub struct Row {
    /// Its number as a spreadsheet shows it, from 1.
    pub number: usize,
    /// What became of it.
    pub verdict: Verdict,
    /// What there is to say, column by column.
    pub notes: Vec<Note>,
}

/// Something to say of a cell, or of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The column as a spreadsheet names it, and its head; none when it is about the row.
    pub column: Option<String>,
    /// What there is to say; no personal data.
    pub text: String,
    /// Whether the row cannot be taken for it.
    pub is_fault: bool,
}

/// A register that was read.
#[derive(Debug)]
pub struct Reading {
    /// SHA-256 of the file, in hexadecimal digits.
    pub digest: String,
    /// How its characters were encoded.
    pub encoding: &'static str,
    /// The row of the heads.
    pub heads_at: usize,
    /// Heads that nobody knows; their columns are not taken.
    pub unknown_heads: Vec<String>,
    /// Every row below the heads.
    pub rows: Vec<Row>,
}

/// Reads a register as it would be taken over at `now`.
///
/// # Errors
/// Why there is nothing that could be read row by row.
pub fn read_register(
    bytes: &[u8],
    rules: &Rules,
    mapping: &Mapping,
    now: Timestamp,
) -> Result<Reading, UnreadableRegister> {
    let digest = hex(&Sha256::digest(bytes));
    let sheet = sheet::read(bytes)?;
    let Heads { at, body_from, columns, unknown } =
        find_heads(&sheet.rows, mapping).ok_or(UnreadableRegister::NoHeads)?;
    let missing = columns.missing(mapping);
    if !missing.is_empty() {
        return Err(UnreadableRegister::MissingColumns(missing.join(", ")));
    }
    let mut reader = RowReader::new(&columns, &sheet.rows[..at], rules, mapping, now);
    let mut rows = Vec::new();
    for (index, cells) in sheet.rows.iter().enumerate().skip(body_from) {
        let from =
            RegisterRow { file: digest.clone(), row: u32::try_from(index + 1).unwrap_or(u32::MAX) };
        let mut row = reader.read(from, cells);
        row.judge(rules);
        rows.push(row);
    }
    refuse_second_numbers(&mut rows);
    Ok(Reading { digest, encoding: sheet.encoding, heads_at: at + 1, unknown_heads: unknown, rows })
}

impl Row {
    /// Asks the rules what they would say; nothing is sealed or written for it.
    fn judge(&mut self, rules: &Rules) {
        let Verdict::Taken(entry) = &self.verdict else { return };
        let actor = Actor::system(ACTOR);
        let context = Context { now: entry.opened_at, actor: &actor, second: None, rules };
        let wish = Command::Import(Box::new(entry.wish.clone()));
        let refusal = decide(None, &wish, &context).err().or_else(|| entry.named_in_a_text());
        match refusal {
            Some(refusal) => self.refuse(&refusal),
            None if is_past_retention(&entry.wish, rules) => {
                let text = "ended so long ago that the applicant is not taken over (已过保存期限，不转入个人信息)";
                self.notes.push(Note { column: None, text: text.to_owned(), is_fault: false });
            }
            None => {}
        }
    }

    /// Notes why a rule said no.
    pub fn refuse(&mut self, refusal: &Refusal) {
        let fault = |text: String| Note { column: None, text, is_fault: true };
        match refusal {
            Refusal::Invalid(faults) => {
                for one in faults {
                    self.notes.push(fault(format!("{}: {}", one.pointer, one.detail)));
                }
            }
            Refusal::Forbidden(detail) => self.notes.push(fault(detail.clone())),
            Refusal::NotFound => self.notes.push(fault("there is no such case".to_owned())),
            Refusal::Rule { code, detail } => {
                self.notes.push(fault(format!("{}: {detail}", code.code())));
            }
        }
        self.verdict = Verdict::Refused;
    }
}

/// One number is one case: the first row that has it is taken.
fn refuse_second_numbers(rows: &mut [Row]) {
    let mut first = std::collections::HashMap::new();
    for row in rows {
        let Verdict::Taken(entry) = &row.verdict else { continue };
        match first.entry(entry.case_id) {
            std::collections::hash_map::Entry::Vacant(place) => {
                place.insert(row.number);
            }
            std::collections::hash_map::Entry::Occupied(place) => {
                let text =
                    format!("is the same case as row {} (与第{}行重复)", place.get(), place.get());
                row.notes.push(Note { column: None, text, is_fault: true });
                row.verdict = Verdict::Refused;
            }
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{column}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Whether personal data of this age would have been erased long ago.
fn is_past_retention(wish: &Import, rules: &Rules) -> bool {
    let months = Months::new(rules.limits.erase_after_years.saturating_mul(12));
    wish.outcome
        .as_ref()
        .and_then(|outcome| outcome.at.checked_add_months(months))
        .is_some_and(|end| end <= wish.imported_at)
}

/// Bytes as hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
