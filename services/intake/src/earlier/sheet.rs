//! From the bytes of a file to rows of cells.
//!
//! Invariants: total: any text has rows; row `n` of a sheet is row `n` here, also when it is empty or when a cell before it
//! has several lines, so that a report names what a person sees. That, and that an unclosed quote loses nothing, is why
//! the forty lines of CSV are our own: readers of records pass over empty ones and count lines.

use encoding_rs::{Encoding, GB18030, UTF_8};

use super::{FILE_BYTES_MAX, ROWS_MAX, UnreadableRegister};

/// A sheet as it stands in a file.
#[derive(Debug)]
pub(super) struct Sheet {
    /// How its characters were encoded.
    pub(super) encoding: &'static str,
    /// Its rows; each has as many cells as were written.
    pub(super) rows: Vec<Vec<String>>,
}

/// Reads the bytes of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Sheet, UnreadableRegister> {
    if bytes.len() > FILE_BYTES_MAX {
        return Err(UnreadableRegister::TooLarge);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(&[0xD0, 0xCF, 0x11, 0xE0]) {
        return Err(UnreadableRegister::NotText(
            "it is a workbook; save it as CSV (请另存为CSV文件)",
        ));
    }
    let (encoding, text) = decoded(bytes)?;
    let rows = rows(&text, separator(&text));
    if rows.len() > ROWS_MAX {
        return Err(UnreadableRegister::TooLong);
    }
    Ok(Sheet { encoding, rows })
}

/// Detects how a text is encoded: a mark at its beginning, else UTF-8 when it is that, else GB 18030, which has GBK in it
/// and which Excel writes on a Chinese Windows.
fn decoded(bytes: &[u8]) -> Result<(&'static str, String), UnreadableRegister> {
    let marked = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let encoding = match marked {
        Some(encoding) => encoding,
        None if std::str::from_utf8(bytes).is_ok() => UTF_8,
        None => GB18030,
    };
    let (text, encoding, had_errors) = encoding.decode(bytes);
    if had_errors {
        return Err(UnreadableRegister::NotText("it is neither UTF-8 nor GBK (GB 18030)"));
    }
    if text.contains('\0') {
        return Err(UnreadableRegister::NotText("it has characters that no text has"));
    }
    let name = match (encoding.name(), marked.is_some()) {
        ("UTF-8", true) => "UTF-8 with a byte order mark",
        ("gb18030", _) => "GB 18030 (GBK)",
        (name, _) => name,
    };
    Ok((name, text.into_owned()))
}

/// Which character stands between cells: the one of which the first lines have most.
fn separator(text: &str) -> char {
    let head: String = text.lines().take(20).collect();
    let count = |separator: &char| head.matches(*separator).count();
    [';', '\t', ','].into_iter().max_by_key(count).unwrap_or(',')
}

/// Splits a text into rows of cells (RFC 4180, and leniently).
fn rows(text: &str, separator: char) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut row: Vec<String> = Vec::new();
    let mut cell = String::new();
    let mut is_quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => cell.push('"'),
            '"' if is_quoted => is_quoted = false,
            _ if is_quoted => cell.push(character),
            '"' if cell.trim().is_empty() || cell == "=" => {
                cell.clear();
                is_quoted = true;
            }
            '\r' => {
                characters.next_if_eq(&'\n');
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            '\n' => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ if character == separator => row.push(std::mem::take(&mut cell)),
            _ => cell.push(character),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    rows.into_iter().map(|cells| cells.into_iter().map(plain).collect()).collect()
}

/// A cell without blanks at its ends, and without the apostrophe that keeps a text from being a formula.
fn plain(cell: String) -> String {
    let text = cell.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    let is_armed = |rest: &&str| rest.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    text.strip_prefix('\'').filter(is_armed).unwrap_or(text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        read(text.as_bytes()).unwrap().rows
    }

    #[test]
    fn quotes_hold_separators_quotes_and_lines_and_a_row_keeps_its_number() {
        let rows = cells("a,\"b,\"\"c\"\"\r\nd\"\r\n\r\ne,f\n");
        assert_eq!(rows, [vec!["a", "b,\"c\"\r\nd"], vec![""], vec!["e", "f"]]);
    }

    #[test]
    fn an_unclosed_quote_loses_nothing() {
        assert_eq!(cells("a,\"b\nc"), [["a", "b\nc"]]);
    }

    #[test]
    fn what_excel_adds_to_a_text_is_taken_away() {
        assert_eq!(cells("=\"001\",'-1,\u{3000}x\u{A0},'y"), [["001", "-1", "x", "'y"]]);
    }

    #[test]
    fn tabs_and_semicolons_separate_as_well() {
        assert_eq!(cells("a\tb，c\n1\t2"), [["a", "b，c"], ["1", "2"]]);
        assert_eq!(cells("a;b\n1;2"), [["a", "b"], ["1", "2"]]);
    }

    #[test]
    fn the_encoding_is_detected_and_said() {
        let text = "编号,事项\n1,𠮷";
        let gbk = GB18030.encode(text).0;
        let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let marked = |mark: &[u8], bytes: &[u8]| [mark, bytes].concat();
        for (bytes, encoding) in [
            (text.as_bytes().to_vec(), "UTF-8"),
            (marked(b"\xEF\xBB\xBF", text.as_bytes()), "UTF-8 with a byte order mark"),
            (gbk.into_owned(), "GB 18030 (GBK)"),
            (marked(b"\xFF\xFE", &utf16), "UTF-16LE"),
        ] {
            let sheet = read(&bytes).unwrap();
            assert_eq!(sheet.encoding, encoding);
            assert_eq!(sheet.rows, [["编号", "事项"], ["1", "𠮷"]], "{encoding}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_and_named() {
        for bytes in [&b"PK\x03\x04rest"[..], b"\xFF\xFF\xFF", b"a\0b"] {
            assert!(matches!(read(bytes), Err(UnreadableRegister::NotText(_))), "{bytes:?}");
        }
    }
}
