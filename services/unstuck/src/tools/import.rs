//! `import register`: the register that a district kept before, taken over row by row.
//!
//! Invariants: a dry run writes nothing to the log, and asks the same rules; the same file again adds nothing; no name and
//! no number of a person stands in what is printed, in the report or in a log line; what the command line or the mapping
//! says wrong ends with 64 before anything is started, and a row that is refused ends with 1 after all others were taken.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use desk::{Desk, District, decode};
use futures::{StreamExt as _, stream};
use intake::earlier::{
    ACTOR, FILE_BYTES_MAX, Mapping, Note, Reading, Row, Taken, Verdict, read_register, take_over,
};
use proto_events::envelope::header;
use proto_events::events::{CaseEvent, CaseEventKind};
use proto_events::ids::{CaseId, CenterId};
use proto_events::subject::CASES_STREAM;
use runtime::audit::AuditLine;
use runtime::clock::{Clock as _, SystemClock};
use runtime::log::EventLog as _;
use runtime::log::jetstream::JetStreamLog;

use crate::bus::{ToolBus, on_bus, provision};
use crate::cli::ImportArguments;
use crate::say;
use crate::settings::{FILTER_OF_TOOLS, Place, Reader};
use crate::wiring::open_desk;

/// Rows that are taken over side by side: each waits for the disk.
const ROWS_AT_ONCE: usize = 16;

/// Rows that are named on the terminal when there is no report.
const ROWS_SAID_MAX: usize = 20;

/// What an import does, and where.
struct Import {
    place: Place,
    district: Arc<District>,
    file: PathBuf,
    mapping: Mapping,
    is_dry: bool,
    report: Option<PathBuf>,
}

/// Imports a register, or says what an import would do.
pub(crate) async fn run(
    arguments: ImportArguments,
    log_format: Option<String>,
) -> anyhow::Result<()> {
    let import = settings(arguments, log_format)?;
    let bytes = bytes_of(&import.file)?;
    let now = SystemClock.now().with_timezone(&import.district.offset);
    let mut reading = read_register(&bytes, &import.district.rules, &import.mapping, now)
        .with_context(|| import.file.display().to_string())?;
    drop(bytes);
    let mut known = HashMap::new();
    if import.is_dry {
        // A folder that is not there has no case either, and is not made for the asking.
        if import.place.remote_bus.is_some() || import.place.data.is_dir() {
            on_bus(&import.place, async |bus| look(bus, &mut reading, &mut known).await).await?;
        }
    } else {
        if import.place.remote_bus.is_none() {
            let data = &import.place.data;
            std::fs::create_dir_all(data)
                .with_context(|| format!("{} cannot be made", data.display()))?;
        }
        on_bus(&import.place, async |bus| {
            provision(&bus.ways, 1).await?;
            look(bus, &mut reading, &mut known).await?;
            take(bus, &import, &mut reading, &mut known).await
        })
        .await?;
    }
    let told = Told { reading: &reading, known: &known, is_dry: import.is_dry };
    if let Some(path) = &import.report {
        std::fs::write(path, told.report())
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    told.say(import.report.as_deref());
    let refused = told.count(Outcome::Refused);
    if refused > 0 {
        let would = if import.is_dry { "would be" } else { "were" };
        bail!("{refused} rows {would} refused; every other row is as the report says");
    }
    Ok(())
}

fn settings(arguments: ImportArguments, log_format: Option<String>) -> anyhow::Result<Import> {
    let ImportArguments { file, place, district, mapping, dry_run, report } = arguments;
    let mut reader = Reader::new();
    let place = reader.place(place);
    let district = reader.district(district);
    if !file.is_file() {
        reader.0.fault("FILE", format!("there is no file {}", file.display()));
    }
    let text = mapping.map(|path| {
        std::fs::read_to_string(&path).map_err(|error| vec![format!("{}: {error}", path.display())])
    });
    let mapping = match (text, &district) {
        (Some(text), Some(district)) => {
            text.and_then(|text| Mapping::parse(&text, &district.rules))
        }
        _ => Ok(Mapping::default()),
    };
    let mapping = mapping.unwrap_or_else(|faults| {
        for fault in faults {
            reader.0.fault("--mapping", fault);
        }
        Mapping::default()
    });
    reader.finish(log_format, FILTER_OF_TOOLS)?;
    let district = Arc::new(district.context("the district was read")?);
    Ok(Import { place, district, file, mapping, is_dry: dry_run, report })
}

fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let length = std::fs::metadata(path)
        .with_context(|| format!("{} cannot be read", path.display()))?
        .len();
    // Said before it is read.
    if length > FILE_BYTES_MAX as u64 {
        bail!("{} has more than {} MiB", path.display(), FILE_BYTES_MAX / 1024 / 1024);
    }
    std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// Looks what is in the district already: the same rows, and numbers that another case has.
async fn look(
    bus: &ToolBus,
    reading: &mut Reading,
    known: &mut HashMap<usize, Taken>,
) -> anyhow::Result<()> {
    let log = JetStreamLog::open(bus.js.clone(), CASES_STREAM).await?;
    let end = log.head().await?.last_sequence;
    let mut numbers: HashMap<(CenterId, String), (CaseId, String)> = HashMap::new();
    let mut events = if end == 0 { None } else { Some(log.follow(0).await?) };
    while let Some(events) = &mut events {
        let Some(recorded) = events.next().await else { break };
        let recorded = recorded?;
        let kind = recorded.headers.get(header::TYPE).and_then(CaseEventKind::of_type);
        if kind == Some(CaseEventKind::Opened)
            && let Ok((meta, CaseEvent::Opened(opened))) = decode(&recorded)
        {
            let command = meta.command_id.to_string();
            numbers.insert((opened.center, opened.case_no), (meta.case_id, command));
        }
        if recorded.sequence >= end {
            break;
        }
    }
    for row in &mut reading.rows {
        let Verdict::Taken(entry) = &row.verdict else { continue };
        let open = &entry.wish.open;
        let number = (open.center.clone(), open.case_no.clone());
        match numbers.get(&number) {
            Some((case_id, command))
                if *case_id == entry.case_id && *command == entry.command_id.to_string() =>
            {
                known.insert(row.number, Taken::Before);
            }
            Some(_) => {
                let text = "imported_before: a case with this number is there already and is left as it is (该编号已存在，不改动)";
                row.notes.push(Note { column: None, text: text.to_owned(), is_fault: true });
                row.verdict = Verdict::Refused;
            }
            None => {}
        }
    }
    Ok(())
}

/// Takes over every row that can be.
async fn take(
    bus: &ToolBus,
    import: &Import,
    reading: &mut Reading,
    known: &mut HashMap<usize, Taken>,
) -> anyhow::Result<()> {
    let clock = Arc::new(SystemClock);
    let lines = bus.lines().await?;
    let desk = open_desk(lines, Arc::clone(&import.district), clock, &import.place.data).await?;
    let rows = reading
        .rows
        .iter_mut()
        .filter(|row| matches!(row.verdict, Verdict::Taken(_)) && !known.contains_key(&row.number));
    let taken: Vec<(usize, Result<Taken, ()>)> = {
        let mut taken = Vec::new();
        let mut work = stream::iter(rows)
            .map(|row| async { (row.number, carried(&desk, row).await) })
            .buffered(ROWS_AT_ONCE);
        while let Some((number, outcome)) = work.next().await {
            taken.push((number, outcome?));
        }
        taken
    };
    let count = taken.iter().filter(|(_, taken)| *taken == Ok(Taken::New)).count();
    known.extend(taken.into_iter().filter_map(|(number, taken)| Some((number, taken.ok()?))));
    let line = AuditLine::new(ACTOR, "register_imported")
        .detail(format!("{count} cases of file {}", reading.digest));
    desk.audit.record_or_fail(line).await.context("the audit has no line of the import")?;
    Ok(())
}

/// Takes a row over; `Err` within says that it was refused, and the row says why.
async fn carried(desk: &Desk, row: &mut Row) -> anyhow::Result<Result<Taken, ()>> {
    let Verdict::Taken(entry) = &row.verdict else { return Ok(Err(())) };
    match take_over(desk, entry).await {
        Ok(taken) => Ok(Ok(taken)),
        Err(problem) if problem.status.is_client_error() => {
            let text = format!("{}: {}", problem.code, problem.detail);
            row.notes.push(Note { column: None, text, is_fault: true });
            row.verdict = Verdict::Refused;
            Ok(Err(()))
        }
        Err(problem) => bail!(
            "row {}: {}; what was taken stands, and the same file again goes on from there",
            row.number,
            problem.detail
        ),
    }
}

/// What became of a row, as the report says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Taken,
    Assumed,
    Before,
    Refused,
    PassedOver,
}

impl Outcome {
    const ALL: [Self; 5] =
        [Self::Taken, Self::Assumed, Self::Before, Self::Refused, Self::PassedOver];

    fn label(self, is_dry: bool) -> &'static str {
        match (self, is_dry) {
            (Self::Taken, true) => "可导入 would be taken",
            (Self::Taken, false) => "已导入 taken",
            (Self::Assumed, true) => "可导入，含推定 would be taken with an assumption",
            (Self::Assumed, false) => "已导入，含推定 taken with an assumption",
            (Self::Before, _) => "此前已导入 taken before",
            (Self::Refused, true) => "不能导入 would be refused",
            (Self::Refused, false) => "未导入 refused",
            (Self::PassedOver, _) => "跳过 passed over",
        }
    }
}

/// What there is to tell of an import.
struct Told<'a> {
    reading: &'a Reading,
    known: &'a HashMap<usize, Taken>,
    is_dry: bool,
}

impl Told<'_> {
    fn outcome(&self, row: &Row) -> Outcome {
        match &row.verdict {
            Verdict::Refused => Outcome::Refused,
            Verdict::PassedOver => Outcome::PassedOver,
            Verdict::Taken(_) if self.known.get(&row.number) == Some(&Taken::Before) => {
                Outcome::Before
            }
            Verdict::Taken(entry) if entry.wish.assumed.is_empty() => Outcome::Taken,
            Verdict::Taken(_) => Outcome::Assumed,
        }
    }

    fn count(&self, outcome: Outcome) -> usize {
        self.reading.rows.iter().filter(|row| self.outcome(row) == outcome).count()
    }

    /// The report: a line for each row and for each thing that there is to say of it, as a spreadsheet opens it.
    fn report(&self) -> String {
        let mut out = "\u{FEFF}行号 row,结论 verdict,列 column,说明 note\r\n".to_owned();
        for row in &self.reading.rows {
            let verdict = self.outcome(row).label(self.is_dry);
            let mut line = |column: &str, text: &str| {
                let [column, text] = [column, text].map(quoted);
                // Writing to a text does not fail.
                let _ = write!(out, "{},{verdict},{column},{text}\r\n", row.number);
            };
            if row.notes.is_empty() {
                line("", "");
            }
            for note in &row.notes {
                line(note.column.as_deref().unwrap_or(""), &note.text);
            }
        }
        out
    }

    fn say(&self, report: Option<&Path>) {
        let Reading { digest, encoding, heads_at, unknown_heads, rows } = self.reading;
        say(format_args!("File {digest}, {encoding}, heads in row {heads_at}"));
        if !unknown_heads.is_empty() {
            say(format_args!("Columns that are not taken: {}", unknown_heads.join(", ")));
        }
        for outcome in Outcome::ALL {
            say(format_args!("{:>7}  {}", self.count(outcome), outcome.label(self.is_dry)));
        }
        if let Some(path) = report {
            say(format_args!("Every row is in {}", path.display()));
            return;
        }
        let refused = rows.iter().filter(|row| self.outcome(row) == Outcome::Refused);
        for row in refused.take(ROWS_SAID_MAX) {
            let faults = row.notes.iter().filter(|note| note.is_fault).map(Note::to_string);
            say(format_args!("Row {}: {}", row.number, faults.collect::<Vec<_>>().join("; ")));
        }
    }
}

/// A cell of a CSV file.
fn quoted(text: &str) -> String {
    match text.contains([',', '"', '\r', '\n', ';']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    }
}
