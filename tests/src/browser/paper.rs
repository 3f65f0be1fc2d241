//! A page on paper: printed to PDF, and read again the way a telephone reads what lies on the counter.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tempfile::TempDir;

use super::page::Page;

/// Dots per inch of a small thermal printer, the worst that a QR code has to stand.
const DOTS_PER_INCH: u32 = 203;

/// A printed page.
#[derive(Debug)]
pub struct Paper {
    folder: TempDir,
}

impl Page {
    /// Prints the page as its print styles want it, with their paper size.
    ///
    /// # Panics
    /// When it cannot be printed.
    #[must_use]
    #[track_caller]
    pub fn print_pdf(&self) -> Paper {
        let options = json!({ "preferCSSPageSize": true, "printBackground": false });
        let printed = self.call("Page.printToPDF", options);
        let bytes = STANDARD.decode(printed["data"].as_str().expect("a PDF has data"));
        let folder = tempfile::Builder::new().prefix("unstuck-paper-").tempdir();
        let paper = Paper { folder: folder.expect("a folder") };
        fs::write(paper.pdf(), bytes.expect("the protocol speaks base64")).expect("it is written");
        paper
    }
}

impl Paper {
    /// The file; it goes with the paper.
    #[must_use]
    pub fn pdf(&self) -> PathBuf {
        self.folder.path().join("page.pdf")
    }

    /// Width and height of the first sheet, in millimetres.
    ///
    /// # Panics
    /// When `pdfinfo` cannot say.
    #[must_use]
    #[track_caller]
    pub fn millimetres(&self) -> (f64, f64) {
        let said = run("pdfinfo", &[], &self.pdf());
        let line = said.lines().find_map(|line| line.strip_prefix("Page size:"));
        let points = line.unwrap_or_else(|| panic!("no page size in {said}"));
        let mut sides = points.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
        let mut side = || sides.next().expect("a sheet has two sides") * 25.4 / 72.0;
        (side(), side())
    }

    /// How many sheets there are.
    ///
    /// # Panics
    /// When `pdfinfo` cannot say.
    #[must_use]
    #[track_caller]
    pub fn sheets(&self) -> usize {
        let said = run("pdfinfo", &[], &self.pdf());
        let count = said.lines().find_map(|line| line.strip_prefix("Pages:")?.trim().parse().ok());
        count.unwrap_or_else(|| panic!("no count in {said}"))
    }

    /// The words on all sheets.
    ///
    /// # Panics
    /// When `pdftotext` cannot read it.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> String {
        run("pdftotext", &["-layout"], &self.pdf());
        fs::read_to_string(self.pdf().with_extension("txt")).expect("pdftotext has written it")
    }

    /// What the QR codes on the sheets say, printed as coarsely as a receipt printer does.
    ///
    /// # Panics
    /// When the sheets cannot be drawn.
    #[must_use]
    #[track_caller]
    pub fn qr_codes(&self) -> Vec<String> {
        let dots = DOTS_PER_INCH.to_string();
        let output = Command::new("pdftoppm")
            .args(["-gray", "-r", &dots])
            .arg(self.pdf())
            .arg(self.folder.path().join("sheet"))
            .output()
            .expect("pdftoppm (package poppler-utils) can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let mut sheets: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .expect("the folder can be read")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "pgm"))
            .collect();
        sheets.sort();
        sheets.iter().flat_map(|sheet| codes_of(&fs::read(sheet).expect("a drawn sheet"))).collect()
    }
}

/// The codes in a grey picture: `P5 width height 255` and a byte for each dot.
fn codes_of(picture: &[u8]) -> Vec<String> {
    let mut rest = picture;
    let mut word = || {
        let end = rest.iter().position(u8::is_ascii_whitespace).expect("a header of four words");
        let (word, after) = rest.split_at(end);
        rest = &after[1..];
        String::from_utf8_lossy(word).into_owned()
    };
    assert_eq!(word(), "P5", "a grey picture");
    let mut number = || word().parse::<usize>().expect("a number in the header");
    let (width, height) = (number(), number());
    assert_eq!(number(), 255, "one byte for each dot");
    let mut prepared =
        rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| rest[y * width + x]);
    prepared.detect_grids().iter().filter_map(|grid| Some(grid.decode().ok()?.1)).collect()
}

#[track_caller]
fn run(tool: &str, options: &[&str], file: &std::path::Path) -> String {
    let output = Command::new(tool).args(options).arg(file).output();
    let output = output.unwrap_or_else(|error| {
        panic!("{tool} (package poppler-utils) cannot be started: {error}")
    });
    assert!(output.status.success(), "{tool}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
