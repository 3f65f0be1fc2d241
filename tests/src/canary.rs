//! Canaries: sample people whose names and numbers are unlike anything else, and a search for them in everything that a
//! district writes or answers.
//!
//! Invariants: all canaries share the beginnings in [`MARKS`], so a search has few needles and finds every one of them; a
//! finding names its place and shows what stands around it, which tells the canary and so the door that it came in
//! through. A search that finds nothing proves something only beside one that finds what is known to be there.
//!
//! The search is a few lines of Python: it knows the encodings, opens XLSX, and reads a hundred megabytes in a second.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// What the names and addresses, the telephones and the ID numbers of all canaries have in common.
pub const MARKS: [&str; 3] = ["鸾瓒", "138000097", "11010119121210"];

/// What tells canaries apart.
const DIFFERENCES: [char; 24] = [
    '甲', '乙', '丙', '丁', '戊', '己', '庚', '辛', '壬', '癸', '子', '丑', '寅', '卯', '辰', '巳',
    '午', '未', '申', '酉', '戌', '亥', '乾', '坤',
];

/// Bytes on each side of a finding that are shown.
const SHOWN_BYTES: usize = 80;

/// A person who does not exist, and whom nothing else looks like.
#[derive(Debug, Clone)]
pub struct Canary {
    /// The name, 样例鸾瓒 and a character of its own.
    pub name: String,
    /// The telephone, of the sample numbers.
    pub phone: String,
    /// An ID number with the right check character, of somebody born in 1912.
    pub id_number: String,
    /// The address.
    pub address: String,
}

impl Canary {
    /// The canary for one door.
    ///
    /// # Panics
    /// When there are not as many.
    #[must_use]
    pub fn of(door: usize) -> Self {
        let difference = DIFFERENCES[door];
        let digits = format!("{}0{door:02}", MARKS[2]);
        Self {
            name: format!("样例{}{difference}", MARKS[0]),
            phone: format!("{}{door:02}", MARKS[1]),
            id_number: with_check_character(&digits),
            address: format!("{}胡同{difference}号院", MARKS[0]),
        }
    }

    /// The applicant of an opening, with every field that there is.
    #[must_use]
    pub fn applicant(&self) -> Value {
        json!({
            "kind": "person",
            "name": self.name,
            "phone": self.phone,
            "id_number": self.id_number,
            "address": self.address,
            "care": ["veteran", "disabled"],
        })
    }
}

/// Appends the check character to 17 digits (GB 11643).
fn with_check_character(digits: &str) -> String {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let weighted = digits.chars().zip(WEIGHTS);
    let sum: u32 = weighted.filter_map(|(digit, weight)| Some(digit.to_digit(10)? * weight)).sum();
    let character = "10X98765432".chars().nth(sum as usize % 11).expect("a remainder of eleven");
    format!("{digits}{character}")
}

/// Something that was found where it should not, or should, be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// Which needle, and in which encoding.
    pub needle: String,
    /// What stands around it.
    pub context: String,
}

/// Answers and outputs, kept as files so that they are searched as everything else is.
#[derive(Debug)]
pub struct Kept {
    folder: tempfile::TempDir,
    count: std::cell::Cell<usize>,
}

impl Kept {
    /// Keeps nothing yet.
    ///
    /// # Panics
    /// When there is no room for a folder.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("unstuck-kept-").tempdir().expect("a folder");
        Self { folder, count: std::cell::Cell::new(0) }
    }

    /// Keeps something under a name that a finding shows.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn keep(&self, name: &str, bytes: &[u8]) {
        let count = self.count.get();
        self.count.set(count + 1);
        let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let name: String = name.chars().map(plain).take(120).collect();
        let file = self.folder.path().join(format!("{count:05}-{name}"));
        std::fs::write(file, bytes).expect("an answer can be kept");
    }

    /// How many things were kept.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count.get()
    }

    /// Whether nothing was kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where they are.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }
}

impl Default for Kept {
    fn default() -> Self {
        Self::new()
    }
}

/// Looks for texts, in every encoding that one of us would write them in, in every file below the folders.
///
/// # Panics
/// When Python does not run.
#[must_use]
#[track_caller]
pub fn search(texts: &[&str], folders: &[&Path]) -> Vec<Finding> {
    let asked = json!({ "texts": texts, "folders": folders, "shown": SHOWN_BYTES });
    let mut child = Command::new("python3")
        .args(["-c", SEARCH])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 runs");
    let mut line = child.stdin.take().expect("standard input is piped");
    line.write_all(asked.to_string().as_bytes()).expect("python3 reads");
    drop(line);
    let output = child.wait_with_output().expect("a child can be waited for");
    assert!(output.status.success(), "the search failed");
    let found: Vec<[String; 3]> =
        serde_json::from_slice(&output.stdout).expect("the search answers in JSON");
    found.into_iter().map(|[file, needle, context]| Finding { file, needle, context }).collect()
}

/// Finds nothing of these texts anywhere below the folders.
///
/// # Panics
/// When something is found; shows where, and what stands around it.
#[track_caller]
pub fn absent(texts: &[&str], folders: &[&Path]) {
    let found = search(texts, folders);
    let told: Vec<_> = found
        .iter()
        .map(|one| format!("{}\n    {}\n    {}", one.file, one.needle, one.context))
        .collect();
    assert!(found.is_empty(), "{} findings:\n{}", found.len(), told.join("\n"));
}

/// Base64 is searched at each of its three places: of the text, the whole groups of three bytes that do not depend on
/// what stands before and behind.
const SEARCH: &str = r#"
import base64, html, io, json, os, sys, urllib.parse, zipfile

def encodings(text):
    raw = text.encode()
    yield 'UTF-8', raw
    yield 'UTF-16', text.encode('utf-16-le')
    yield 'UTF-16 BE', text.encode('utf-16-be')
    yield 'GBK', text.encode('gbk')
    yield 'hex', raw.hex().encode()
    yield 'HEX', raw.hex().upper().encode()
    if not text.isascii():
        escaped = json.dumps(text)[1:-1].encode()
        yield 'JSON', escaped
        yield 'JSON upper', b'\\u'.join(part.upper() for part in escaped.split(b'\\u'))
        yield 'Rust', ''.join('\\u{%x}' % ord(c) for c in text).encode()
        yield 'HTML', ''.join('&#%d;' % ord(c) for c in text).encode()
        yield 'HTML hex', ''.join('&#x%x;' % ord(c) for c in text).encode()
        yield 'percent', urllib.parse.quote(text).encode()
        yield 'percent lower', urllib.parse.quote(text).lower().encode()
        yield 'percent GBK', urllib.parse.quote(text, encoding='gbk').encode()
    elif text.isdigit():
        yield 'full width', ''.join(chr(ord(c) + 0xfee0) for c in text).encode()
    for place in range(3):
        whole = raw[(3 - place) % 3:]
        whole = whole[:len(whole) // 3 * 3]
        if len(whole) >= 3:
            yield 'base64 at %d' % place, base64.b64encode(whole)
            yield 'base64url at %d' % place, base64.urlsafe_b64encode(whole)

asked = json.load(sys.stdin)
needles = {}
for text in asked['texts']:
    for name, needle in encodings(text):
        # Short ones are found by chance in ciphertext.
        if len(needle) >= 6:
            needles.setdefault(needle, '%s as %s' % (text, name))
found = []
for folder in asked['folders']:
    for root, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(root, name)
            try:
                data = open(path, 'rb').read()
            except OSError:
                continue
            if data[:4] == b'PK\x03\x04':
                book = zipfile.ZipFile(io.BytesIO(data))
                data = b'\n'.join(book.read(member) for member in book.namelist())
            for needle, what in needles.items():
                at = data.find(needle)
                if at >= 0:
                    shown = data[max(0, at - asked['shown']):at + len(needle) + asked['shown']]
                    found.append([path, what, shown.decode('utf-8', 'backslashreplace')])
json.dump(found, sys.stdout)
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_in_whatever_it_is_written() {
        let canary = Canary::of(7);
        let kept = Kept::new();
        for (name, text) in [
            ("plain", format!("…{}…", canary.name)),
            ("json", r"\u9e3e\u74d2".to_owned()),
            ("percent", "%E9%B8%BE%E7%93%92".to_owned()),
            ("phone", format!("tel:{}", canary.phone)),
            ("id", format!("x{}x", canary.id_number)),
            ("hex", canary.phone.bytes().map(|byte| format!("{byte:02x}")).collect()),
        ] {
            let before = search(&MARKS, &[&kept.folder()]).len();
            kept.keep(name, text.as_bytes());
            assert_eq!(search(&MARKS, &[&kept.folder()]).len(), before + 1, "{name}");
        }
    }

    #[test]
    fn base64_is_found_wherever_it_begins() {
        use base64::Engine as _;
        for before in ["", "a", "ab"] {
            let kept = Kept::new();
            let text = format!("{before}{}{before}", Canary::of(3).phone);
            let engine = base64::engine::general_purpose::STANDARD;
            kept.keep("base64", engine.encode(text).as_bytes());
            assert!(!search(&MARKS, &[&kept.folder()]).is_empty(), "after {before:?}");
        }
    }
}
