//! The district file: who there is, which limits hold, who handles what.
//!
//! Invariant: a file is used whole or not at all; every fault of it is named at once.

mod oidc;
mod reader;

use std::collections::BTreeMap;
use std::path::Path;

use casework::calendar::{BusinessHours, CalendarYear, DaysOff, WorkingCalendar};
use casework::rules::{Center, Department, MatterRoute, Rules};
use casework::timetable::Limits;
use chrono::{FixedOffset, NaiveDate};
use proto_events::events::WindowContact;
use proto_events::ids::{CenterId, DepartmentId};
use schemars::JsonSchema;
use serde::Serialize;
use toml::{Table, Value};

pub use oidc::{OidcSettings, Secret};
use reader::Reader;

/// The sample district that stands in when no file is named.
const SAMPLE: &str = include_str!("../../../deploy/districts/dongcheng.toml");

/// The calendars of the product, by name.
const CALENDARS: &[(&str, &str)] = &[("cn", include_str!("../../../deploy/calendars/cn.toml"))];

/// China has one time zone and no summer time (since 1992); a fixed offset is exact.
const SHANGHAI_SECONDS: i32 = 8 * 3600;

/// A district, as its file states it.
#[derive(Debug, Clone)]
pub struct District {
    /// What the rules see.
    pub rules: Rules,
    /// Administrative code (行政区划代码).
    pub code: String,
    /// Its name.
    pub name: String,
    /// Its English name.
    pub name_en: String,
    /// Its offset from UTC.
    pub offset: FixedOffset,
    /// What pages show of it beside the rules.
    pub shown: Shown,
    /// Whether roles that see the whole district have to have a second factor; else everybody may.
    pub requires_second_factor: bool,
    /// With whom people may sign in beside their password.
    pub oidc: Option<OidcSettings>,
    /// How it tells the public of its cases by Open311; none when it does not, as long as the file does not say so.
    pub open311: Option<Open311>,
    /// Where this process is, when that is a center with a server of its own. Not from the file.
    pub at_center: Option<AtCenter>,
}

/// What the public is told by Open311.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Open311 {
    /// The address under which others find it, with `/open311/v2` at its end.
    pub url: Option<String>,
}

/// A center with a server of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AtCenter {
    /// The center.
    pub center: CenterId,
    /// Where citizens reach the district's pages: what stands on a receipt leads there.
    pub public_url: Option<String>,
}

/// What pages show and no rule looks at. All of it may be left out of the file.
#[derive(Debug, Clone, Default)]
pub struct Shown {
    /// Where people call (咨询电话).
    pub telephone: Option<String>,
    /// English names of centers.
    pub centers_en: BTreeMap<CenterId, String>,
    /// English names of departments.
    pub departments_en: BTreeMap<DepartmentId, String>,
    /// Codes of matters in the national catalogue, by their names.
    pub matter_codes: BTreeMap<String, String>,
}

impl District {
    /// The English name of a department or center that is named by its id or by its Chinese name; none when the file has
    /// none.
    #[must_use]
    pub fn body_name_en(&self, body: &str) -> Option<&str> {
        let Self { rules, shown, .. } = self;
        let departments = rules.departments.iter().map(|(id, one)| {
            (id.as_str(), one.name.as_str(), shown.departments_en.get(id).map(String::as_str))
        });
        let centers = rules.centers.iter().map(|(id, one)| {
            (id.as_str(), one.name.as_str(), shown.centers_en.get(id).map(String::as_str))
        });
        departments.chain(centers).find(|(id, name, _)| *id == body || *name == body)?.2
    }

    /// Reads a district file, or the sample district when none is named.
    ///
    /// # Errors
    /// Every fault of the file, one line each.
    pub fn load(path: Option<&Path>) -> Result<Self, Vec<String>> {
        let Some(path) = path else { return Self::parse(SAMPLE, None) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| vec![format!("{}: cannot be read: {error}", path.display())])?;
        let faults = |faults: Vec<String>| {
            faults.into_iter().map(|fault| format!("{}: {fault}", path.display())).collect()
        };
        Self::parse(&text, Some(path)).map_err(faults)
    }

    /// Reads the text of a district file; its calendar is looked for as `<name>.toml` or
    /// `../calendars/<name>.toml` beside the file; its years go before those that the product has. `place` is
    /// where the file lies, or the folder where it would.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(text: &str, place: Option<&Path>) -> Result<Self, Vec<String>> {
        let table: Table = text.parse().map_err(|error| vec![format!("is no TOML: {error}")])?;
        let mut file = Reader::new(table);
        let district = file.table("district");
        let mut head = Reader::nested(district, "district", &mut file);
        let id = head.parsed("id");
        let code = head.text("code");
        let name = head.text("name");
        let name_en = head.optional_text("name_en").unwrap_or_default();
        let timezone = head.text("timezone");
        if !timezone.is_empty() && timezone != "Asia/Shanghai" {
            head.fault(format!("timezone {timezone:?}: only Asia/Shanghai is supported"));
        }
        let calendar_name = head.text("calendar");
        let hours = head.texts("business_hours");
        let coordinator: Option<DepartmentId> = head.parsed("coordinator");
        let mut shown = Shown { telephone: head.optional_text("telephone"), ..Shown::default() };
        head.no_more();
        file.take_faults(&mut head);

        let limits = limits(&mut file);
        let requires_second_factor = requires_second_factor(&mut file);
        let oidc = oidc::oidc(&mut file, place);
        let open311 = open311(&mut file);
        let centers = centers(&mut file, &mut shown);
        let departments = departments(&mut file, &mut shown);
        let matters = matters(&mut file, &departments, &mut shown);
        file.no_more();
        if let Some(coordinator) = &coordinator
            && !departments.contains_key(coordinator)
        {
            file.fault(format!("district.coordinator: there is no department {coordinator}"));
        }
        for center in centers.keys() {
            if center.as_str().parse().is_ok_and(|id: DepartmentId| departments.contains_key(&id)) {
                file.fault(format!("{center} is the id of a center and of a department"));
            }
        }
        let offset = FixedOffset::east_opt(SHANGHAI_SECONDS).expect("eight hours are an offset");
        let hours = BusinessHours::parse(&hours)
            .map_err(|error| file.fault(format!("district.business_hours {hours:?}: {error}")))
            .ok();
        let years = calendar_years(&calendar_name, place, &mut file);
        let calendar = match (years, hours) {
            (Some(years), Some(hours)) => WorkingCalendar::new(years, hours, offset)
                .map(|calendar| calendar.named(&calendar_name))
                .map_err(|faults| {
                    for fault in faults {
                        file.fault(format!("calendar {calendar_name}: {fault}"));
                    }
                })
                .ok(),
            _ => None,
        };
        match (file.finish(), id, coordinator, calendar) {
            (Ok(()), Some(id), Some(coordinator), Some(calendar)) => Ok(Self {
                rules: Rules {
                    district: id,
                    limits,
                    calendar,
                    centers,
                    departments,
                    coordinator,
                    matters,
                },
                code,
                name,
                name_en,
                offset,
                shown,
                requires_second_factor,
                oidc,
                open311,
                at_center: None,
            }),
            (Err(faults), ..) => Err(faults),
            (Ok(()), ..) => Err(vec!["the file is not complete".to_owned()]),
        }
    }
}

/// Reads `[accounts] second_factor`, which is `offered` unless the file says `required`.
fn requires_second_factor(file: &mut Reader) -> bool {
    let table = file.optional_table("accounts");
    let mut accounts = Reader::nested(table, "accounts", file);
    let wanted = accounts.optional_text("second_factor");
    accounts.no_more();
    let is_required = match wanted.as_deref() {
        None | Some("offered") => false,
        Some("required") => true,
        Some(other) => {
            accounts.fault(format!("second_factor {other:?}: is neither required nor offered"));
            false
        }
    };
    file.take_faults(&mut accounts);
    is_required
}

/// Reads `[open311] enabled` and `url`. Off unless the file says `true`: it tells everybody of people in need.
fn open311(file: &mut Reader) -> Option<Open311> {
    let table = file.optional_table("open311");
    let mut reader = Reader::nested(table, "open311", file);
    let is_enabled = reader.flag("enabled");
    let url = reader.optional_text("url");
    reader.no_more();
    if let Some(url) = &url
        && !(url.starts_with("https://") && url.ends_with("/open311/v2"))
    {
        reader.fault(format!("url {url:?}: begins with https:// and ends with /open311/v2"));
    }
    file.take_faults(&mut reader);
    is_enabled.then_some(Open311 { url })
}

fn limits(file: &mut Reader) -> Limits {
    let table = file.optional_table("limits");
    match Value::Table(table).try_into::<Limits>() {
        Ok(limits) => {
            for fault in limits.validate() {
                file.fault(format!("limits: {fault}"));
            }
            limits
        }
        Err(error) => {
            file.fault(format!("limits: {}", error.message()));
            Limits::default()
        }
    }
}

fn centers(file: &mut Reader, shown: &mut Shown) -> BTreeMap<CenterId, Center> {
    let mut centers = BTreeMap::new();
    for (index, table) in file.tables("center").into_iter().enumerate() {
        let mut line = Reader::nested(table, format!("center {}", index + 1), file);
        let id: Option<CenterId> = line.parsed("id");
        let center = Center { code: line.text("code"), name: line.text("name") };
        let name_en = line.optional_text("name_en");
        line.no_more();
        shown.centers_en.extend(id.clone().zip(name_en));
        let fits = (1..=8).contains(&center.code.len())
            && center.code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        if !center.code.is_empty() && !fits {
            line.fault(format!("code {:?}: 1 to 8 of A-Z and 0-9", center.code));
        }
        if centers.values().any(|other: &Center| other.code == center.code) {
            line.fault(format!("code {:?} stands twice", center.code));
        }
        if let Some(id) = id
            && centers.insert(id.clone(), center).is_some()
        {
            line.fault(format!("id {id} stands twice"));
        }
        file.take_faults(&mut line);
    }
    if centers.is_empty() {
        file.fault("there is no center".to_owned());
    }
    centers
}

fn departments(file: &mut Reader, shown: &mut Shown) -> BTreeMap<DepartmentId, Department> {
    let mut departments = BTreeMap::new();
    for (index, table) in file.tables("department").into_iter().enumerate() {
        let mut line = Reader::nested(table, format!("department {}", index + 1), file);
        let id: Option<DepartmentId> = line.parsed("id");
        let name = line.text("name");
        let name_en = line.optional_text("name_en");
        shown.departments_en.extend(id.clone().zip(name_en));
        let contact = line.optional_nested("contact").map(|table| {
            let mut contact = Reader::nested(table, "contact", &mut line);
            let window = contact.text("window");
            let phone = contact.optional_text("phone");
            contact.no_more();
            line.take_faults(&mut contact);
            WindowContact { window, phone }
        });
        line.no_more();
        if let Some(id) = id
            && departments.insert(id.clone(), Department { name, contact }).is_some()
        {
            line.fault(format!("id {id} stands twice"));
        }
        file.take_faults(&mut line);
    }
    departments
}

fn matters(
    file: &mut Reader,
    departments: &BTreeMap<DepartmentId, Department>,
    shown: &mut Shown,
) -> Vec<MatterRoute> {
    let mut matters = Vec::new();
    for (index, table) in file.tables("matter").into_iter().enumerate() {
        let mut line = Reader::nested(table, format!("matter {}", index + 1), file);
        let name = line.text("name");
        let keywords = line.optional_texts("keywords");
        if keywords.iter().any(|word| word.trim().is_empty()) {
            line.fault("keywords: an empty word fits everything".to_owned());
        }
        let department: Option<DepartmentId> = line.parsed("department");
        let code = line.optional_text("code");
        line.no_more();
        shown.matter_codes.extend(code.map(|code| (name.clone(), code)));
        if let Some(department) = department {
            if !departments.contains_key(&department) {
                line.fault(format!("department: there is no department {department}"));
            }
            matters.push(MatterRoute { name, keywords, department });
        }
        file.take_faults(&mut line);
    }
    matters
}

/// Reads the years of a calendar: those that the product has under this name, and over them those of the file
/// beside the district file, so that a new year is one entry in one file and nobody waits for a release.
fn calendar_years(
    name: &str,
    district_file: Option<&Path>,
    file: &mut Reader,
) -> Option<BTreeMap<i32, CalendarYear>> {
    if name.is_empty() {
        return None;
    }
    let known = CALENDARS.iter().find(|calendar| calendar.0 == name);
    let mut texts: Vec<(String, String)> = Vec::new();
    texts.extend(known.map(|known| (format!("calendar {name}"), known.1.to_owned())));
    match calendar_beside(name, district_file) {
        Ok(beside) => texts.extend(beside),
        Err(fault) => {
            file.fault(fault);
            return None;
        }
    }
    if texts.is_empty() {
        file.fault(format!("district.calendar: there is no calendar {name:?}"));
        return None;
    }
    let mut years = BTreeMap::new();
    let mut is_whole = true;
    for (place, text) in texts {
        match parse_calendar(&text) {
            Ok(found) => years.extend(found),
            Err(fault) => {
                file.fault(format!("{place}: {fault}"));
                is_whole = false;
            }
        }
    }
    is_whole.then_some(years)
}

/// The first of the two places beside a district file where a calendar stands: its path and its text.
///
/// # Errors
/// A file that is there and cannot be read must not be passed over.
fn calendar_beside(
    name: &str,
    district_file: Option<&Path>,
) -> Result<Option<(String, String)>, String> {
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let Some(district_file) = district_file.filter(|_| is_plain) else { return Ok(None) };
    let folder = match district_file {
        folder if folder.is_dir() => folder,
        file => file.parent().unwrap_or(Path::new("")),
    };
    for place in [format!("{name}.toml"), format!("../calendars/{name}.toml")] {
        let path = folder.join(place);
        // A district may be called like its calendar.
        if path == district_file {
            continue;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(Some((path.display().to_string(), text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: cannot be read: {error}", path.display())),
        }
    }
    Ok(None)
}

/// Reads the text of a calendar file.
///
/// # Errors
/// The first fault; a key that nobody knows is one, because a misspelt one would be a year without holidays.
pub fn parse_calendar(text: &str) -> Result<BTreeMap<i32, CalendarYear>, String> {
    let table: Table = text.parse().map_err(|error| format!("is no TOML: {error}"))?;
    let mut years = BTreeMap::new();
    for (year, value) in table {
        let number: i32 = year.parse().map_err(|_| format!("{year:?} is no year"))?;
        let Value::Table(days) = value else { return Err(format!("{year} is no table")) };
        only_known(&days, &["off", "work"]).map_err(|key| format!("{year}: {key} is not known"))?;
        let mut off = Vec::new();
        for run in list(&days, "off").map_err(|fault| format!("{year}.{fault}"))? {
            let run = run.as_table().ok_or(format!("{year}.off: {run} is no table"))?;
            only_known(run, &["from", "to", "name"])
                .map_err(|key| format!("{year}.off: {key} is not known"))?;
            let name = run.get("name").and_then(Value::as_str).map(str::trim).unwrap_or_default();
            if name.is_empty() {
                return Err(format!("{year}.off: a run of days off needs the name of its holiday"));
            }
            off.push(DaysOff {
                from: date(run.get("from")).ok_or(format!("{year}.off: from is no date"))?,
                to: date(run.get("to")).ok_or(format!("{year}.off: to is no date"))?,
                name: name.to_owned(),
            });
        }
        let mut work = Vec::new();
        for day in list(&days, "work").map_err(|fault| format!("{year}.{fault}"))? {
            work.push(date(Some(day)).ok_or(format!("{year}.work: {day} is no date"))?);
        }
        years.insert(number, CalendarYear { off, work });
    }
    Ok(years)
}

/// Gives the first key that is not among the known ones as the error.
fn only_known<'a>(table: &'a Table, known: &[&str]) -> Result<(), &'a str> {
    match table.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(key),
        None => Ok(()),
    }
}

/// The list under `name`; both lists of a year must be there, if need be empty: a forgotten one is a mistake.
fn list<'a>(table: &'a Table, name: &str) -> Result<&'a [Value], String> {
    let value = table.get(name).ok_or(format!("{name} is missing"))?;
    value.as_array().map(Vec::as_slice).ok_or(format!("{name} is no list"))
}

fn date(value: Option<&Value>) -> Option<NaiveDate> {
    let date = value?.as_datetime()?.date?;
    NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_district_is_whole() {
        let district = District::load(None).unwrap();
        assert_eq!(district.name, "东城区");
        assert_eq!(district.rules.centers.len(), 17);
        let route = district.rules.route("退休手续办理").unwrap();
        assert_eq!(route.department.as_str(), "hr-public-service");
        assert!(district.rules.route("养犬登记").is_none());
    }

    #[test]
    fn the_sample_district_has_an_english_name_for_every_body_and_a_telephone() {
        let District { rules, shown, .. } = District::load(None).unwrap();
        assert!(shown.telephone.is_some());
        assert!(rules.centers.keys().all(|id| shown.centers_en.contains_key(id)));
        assert!(rules.departments.keys().all(|id| shown.departments_en.contains_key(id)));
    }

    #[test]
    fn a_body_has_its_english_name_by_its_id_and_by_its_name() {
        let district = District::load(None).unwrap();
        let by_id = district.body_name_en("hr-public-service").unwrap();
        assert!(by_id.is_ascii(), "{by_id}");
        let name = district.rules.body_name("hr-public-service");
        assert_eq!(district.body_name_en(name), Some(by_id));
        assert!(district.body_name_en("donghuashi").is_some());
        assert_eq!(district.body_name_en("somebody"), None);
    }

    #[test]
    fn a_second_factor_is_offered_unless_the_file_requires_it() {
        let with = |line: &str| {
            let text = SAMPLE.replace("[limits]", &format!("[accounts]\n{line}\n[limits]"));
            District::parse(&text, None).map(|district| district.requires_second_factor)
        };
        assert!(!District::load(None).unwrap().requires_second_factor);
        assert_eq!(with("second_factor = \"offered\""), Ok(false));
        assert_eq!(with("second_factor = \"required\""), Ok(true));
        let faults = with("second_factor = \"always\"\nsecond_facto = 1").unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults.iter().all(|fault| fault.starts_with("accounts")), "{faults:?}");
    }

    #[test]
    fn open311_is_off_unless_the_file_turns_it_on() {
        let with = |lines: &str| {
            let text = SAMPLE.replace("[limits]", &format!("[open311]\n{lines}\n[limits]"));
            District::parse(&text, None).map(|district| district.open311)
        };
        assert_eq!(District::load(None).unwrap().open311, None);
        assert_eq!(with("enabled = false"), Ok(None));
        assert_eq!(with("enabled = true"), Ok(Some(Open311::default())));
        let url = "https://example.test/open311/v2".to_owned();
        let told = with(&format!("enabled = true\nurl = \"{url}\""));
        assert_eq!(told, Ok(Some(Open311 { url: Some(url) })));
        let faults = with("enabled = \"yes\"\nurl = \"http://x\"\nenable = true").unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }

    #[test]
    fn every_fault_of_a_file_is_named() {
        let text = SAMPLE
            .replace("\"09:00-12:00\"", "\"12:00-09:00\"")
            .replace("coordinator = \"government-service\"", "coordinator = \"nobody\"")
            .replace("id = \"jingshan\"", "id = \"donghuashi\"")
            .replace("id = \"dongsi\"", "id = \"Dong.Si\"")
            .replace("simple = 3", "simple = 0\nsimpel = 4");
        let faults = District::parse(&text, None).unwrap_err();
        for part in ["12:00-09:00", "nobody", "donghuashi", "Dong.Si", "simpel"] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
        }
    }

    /// A folder with a district file and the calendar beside it.
    fn beside(place: &str, calendar: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let districts = folder.path().join("districts");
        std::fs::create_dir_all(&districts).unwrap();
        std::fs::create_dir_all(folder.path().join("calendars")).unwrap();
        std::fs::write(districts.join("ours.toml"), SAMPLE).unwrap();
        std::fs::write(districts.join(place), calendar).unwrap();
        let file = districts.join("ours.toml");
        (folder, file)
    }

    const NOTICE_OF_2027: &str =
        "[2027]\noff = [{ from = 2027-01-01, to = 2027-01-03, name = \"元旦\" }]\nwork = []\n";

    #[test]
    fn a_new_year_is_one_entry_in_a_file_beside_the_district_file() {
        let built_in = District::load(None).unwrap().rules.calendar.version().to_string();
        assert!(built_in.starts_with("cn 2020–"), "{built_in}");
        for place in ["cn.toml", "../calendars/cn.toml"] {
            let (_folder, file) = beside(place, NOTICE_OF_2027);
            let calendar = District::load(Some(&file)).unwrap().rules.calendar;
            assert_eq!(calendar.published_to().to_string(), "2027-12-31", "{place}");
            // The years before are still there.
            assert!(calendar.version().to_string().starts_with("cn 2020–2027 #"), "{place}");
            let festival = NaiveDate::from_ymd_opt(2026, 2, 16).unwrap();
            assert!(!calendar.is_working_day(festival), "{place}");
        }
    }

    #[test]
    fn a_district_file_may_be_called_like_its_calendar() {
        let (_folder, file) = beside("../calendars/cn.toml", NOTICE_OF_2027);
        let renamed = file.with_file_name("cn.toml");
        std::fs::rename(file, &renamed).unwrap();
        let calendar = District::load(Some(&renamed)).unwrap().rules.calendar;
        assert_eq!(calendar.published_to().to_string(), "2027-12-31");
    }

    #[test]
    fn a_calendar_that_says_less_than_it_seems_to_is_refused() {
        for (fault, calendar) in [
            ("of is not known", NOTICE_OF_2027.replace("off =", "of =")),
            ("work is missing", NOTICE_OF_2027.replace("work = []", "")),
            ("needs the name", NOTICE_OF_2027.replace("元旦", " ")),
            ("is no list", NOTICE_OF_2027.replace("work = []", "work = 3")),
            ("to is no date", NOTICE_OF_2027.replace("to = 2027-01-03", "to = 3")),
            ("until is not known", NOTICE_OF_2027.replace("to = ", "until = ")),
            ("2028", NOTICE_OF_2027.replace("2027-01-03", "2028-01-03")),
            ("is no TOML", NOTICE_OF_2027.replace('[', "")),
        ] {
            let (_folder, file) = beside("cn.toml", &calendar);
            let faults = District::load(Some(&file)).unwrap_err();
            assert!(faults.iter().any(|one| one.contains(fault)), "{fault}: {faults:#?}");
        }
    }

    #[test]
    fn a_file_that_is_no_toml_is_refused() {
        assert!(District::parse("[district", None).is_err());
        assert!(District::parse("", None).unwrap_err().len() > 3);
    }
}
