//! The register as XLSX: real instants, texts that stay texts, a head that stays in sight.
//!
//! Invariants: rows are written in order and not kept, so memory does not grow with their number; until the file is
//! written out they lie in an unnamed temporary file that goes with the process; no cell is a formula or becomes one when
//! somebody edits it.

use std::io::Write;

use casework::register::{Cell, Column, Lang, Width};
use chrono::{Datelike as _, Timelike as _};
use proto_events::Timestamp;
use rust_xlsxwriter::{
    Color, DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
    XlsxError,
};

use super::csv::is_armed;

/// Most rows of a sheet besides its head: the format's own limit.
pub(crate) const ROWS_MAX: usize = 1_048_575;

/// Longest text of a cell, in UTF-16 units, the format's own limit; a longer one ends with an ellipsis.
const TEXT_UNITS_MAX: usize = 32_767;

/// How instants are shown.
const TIME_FORMAT: &str = "yyyy-mm-dd hh:mm";

/// A sheet that is being written.
pub(crate) struct Sheet {
    workbook: Workbook,
    /// Rows that stand, the head included.
    rows: u32,
    time: Format,
    text: Format,
    /// Of a text that begins like a formula: it stays a text also when somebody edits the cell.
    quoted: Format,
}

impl Sheet {
    /// Begins a sheet for so many rows, with its head.
    ///
    /// # Errors
    /// When there is no room for the temporary file.
    pub(crate) fn begin(lang: Lang, rows: usize, now: Timestamp) -> Result<Self, XlsxError> {
        let mut workbook = Workbook::new();
        let title = lang.pick("登记簿", "Register");
        let made_at = date_time(now)?;
        workbook
            .set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&made_at));
        let sheet = workbook.add_worksheet_with_constant_memory()?;
        sheet.set_name(title)?;
        sheet.set_freeze_panes(1, 0)?;
        let last_row = u32::try_from(rows.min(ROWS_MAX)).unwrap_or(u32::MAX);
        let last_column = u16::try_from(Column::ALL.len() - 1).unwrap_or(u16::MAX);
        sheet.autofilter(0, 0, last_row, last_column)?;
        let head = Format::new()
            .set_bold()
            .set_text_wrap()
            .set_align(FormatAlign::VerticalCenter)
            .set_background_color(Color::RGB(0x00DD_E6F0))
            .set_border_bottom(FormatBorder::Thin);
        for (index, column) in (0_u16..).zip(Column::ALL) {
            sheet.set_column_width(index, characters(column.width()))?;
            sheet.write_string_with_format(0, index, column.head(lang), &head)?;
        }
        let top = || Format::new().set_align(FormatAlign::Top);
        Ok(Self {
            workbook,
            rows: 1,
            time: top().set_num_format(TIME_FORMAT).set_align(FormatAlign::Left),
            text: top(),
            quoted: top().set_quote_prefix(),
        })
    }

    /// Adds the row of a case.
    ///
    /// # Errors
    /// When the temporary file cannot take it.
    pub(crate) fn push_row(&mut self, cells: Vec<Cell>) -> Result<(), XlsxError> {
        let row = self.rows;
        let sheet: &mut Worksheet = self.workbook.worksheet_from_index(0)?;
        for (column, cell) in (0_u16..).zip(cells) {
            match cell {
                Cell::Empty => continue,
                Cell::Text(text) => {
                    let format = if is_armed(&text) { &self.quoted } else { &self.text };
                    sheet.write_string_with_format(row, column, fitting(text), format)?
                }
                Cell::Time(at) => {
                    sheet.write_datetime_with_format(row, column, date_time(at)?, &self.time)?
                }
                #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
                Cell::Count(count) => {
                    sheet.write_number_with_format(row, column, count as f64, &self.text)?
                }
            };
        }
        self.rows += 1;
        Ok(())
    }

    /// Writes the whole file out. Blocks.
    ///
    /// # Errors
    /// When `out` does not take it.
    pub(crate) fn write_to(mut self, mut out: impl Write + Send) -> Result<(), XlsxError> {
        self.workbook.save_to_writer(&mut out)?;
        // The crate leaves what a writer holds back to the writer.
        out.flush().map_err(XlsxError::IoError)
    }
}

/// Widths in characters of the usual font; a Chinese character takes two.
const fn characters(width: Width) -> f64 {
    match width {
        Width::Narrow => 12.0,
        Width::Middle => 20.0,
        Width::Wide => 44.0,
    }
}

/// The minute of an instant, in its own offset: a sheet knows no offsets.
fn date_time(at: Timestamp) -> Result<ExcelDateTime, XlsxError> {
    let part = |value: u32| u8::try_from(value).unwrap_or_default();
    let year = u16::try_from(at.year()).unwrap_or_default();
    ExcelDateTime::from_ymd(year, part(at.month()), part(at.day()))?.and_hms(
        u16::try_from(at.hour()).unwrap_or_default(),
        part(at.minute()),
        0,
    )
}

fn fitting(text: String) -> String {
    if text.encode_utf16().take(TEXT_UNITS_MAX + 1).count() <= TEXT_UNITS_MAX {
        return text;
    }
    let mut units = 1;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= TEXT_UNITS_MAX
    };
    let mut shortened: String = text.chars().take_while(fits).collect();
    shortened.push('…');
    shortened
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn book() -> Sheet {
        Sheet::begin(Lang::Zh, 2, at("2026-03-04T10:00:00")).unwrap()
    }

    #[test]
    fn a_book_is_a_zip_that_is_written_in_pieces() {
        let mut book = book();
        let row =
            |text: &str| vec![Cell::Text(text.to_owned()), Cell::Time(at("2026-03-04T10:00:00"))];
        book.push_row(row("=1+1")).unwrap();
        book.push_row(row("\u{1} & <b>")).unwrap();
        let mut out = Vec::new();
        book.write_to(&mut out).unwrap();
        assert!(out.starts_with(b"PK"));
    }

    #[test]
    fn a_text_beyond_the_formats_limit_is_cut_between_characters() {
        for character in ["长", "𠮷"] {
            let cut = fitting(character.repeat(40_000));
            assert!(cut.encode_utf16().count() <= TEXT_UNITS_MAX && cut.ends_with('…'));
            let mut book = book();
            book.push_row(vec![Cell::Text(character.repeat(40_000))]).unwrap();
        }
        assert_eq!(fitting("短".to_owned()), "短");
    }
}
