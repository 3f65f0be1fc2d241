//! The district file: who there is, which limits hold, who handles what.
//!
//! Invariant: a file is used whole or not at all; every fault of it is named at once.

mod reader;

use std::collections::BTreeMap;
use std::path::Path;

use casework::calendar::{BusinessHours, CalendarYear, DaysOff, WorkingCalendar};
use casework::rules::{Center, Department, MatterRoute, Rules};
use casework::timetable::Limits;
use chrono::{FixedOffset, NaiveDate};
use proto_events::events::WindowContact;
use proto_events::ids::{CenterId, DepartmentId};
use toml::{Table, Value};

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
}

impl District {
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
        Self::parse(&text, path.parent()).map_err(faults)
    }

    /// Reads the text of a district file; a calendar that the product does not have is looked for as
    /// `<name>.toml` or `../calendars/<name>.toml` beside the file.
    ///
    /// # Errors
    /// Every fault of the text.
    pub fn parse(text: &str, folder: Option<&Path>) -> Result<Self, Vec<String>> {
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
        head.no_more();
        file.take_faults(&mut head);

        let limits = limits(&mut file);
        let centers = centers(&mut file);
        let departments = departments(&mut file);
        let matters = matters(&mut file, &departments);
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
        let years = calendar_years(&calendar_name, folder, &mut file);
        let calendar = match (years, hours) {
            (Some(years), Some(hours)) => WorkingCalendar::new(years, hours, offset)
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
            }),
            (Err(faults), ..) => Err(faults),
            (Ok(()), ..) => Err(vec!["the file is not complete".to_owned()]),
        }
    }
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

fn centers(file: &mut Reader) -> BTreeMap<CenterId, Center> {
    let mut centers = BTreeMap::new();
    for (index, table) in file.tables("center").into_iter().enumerate() {
        let mut line = Reader::nested(table, format!("center {}", index + 1), file);
        let id: Option<CenterId> = line.parsed("id");
        let center = Center { code: line.text("code"), name: line.text("name") };
        line.no_more();
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

fn departments(file: &mut Reader) -> BTreeMap<DepartmentId, Department> {
    let mut departments = BTreeMap::new();
    for (index, table) in file.tables("department").into_iter().enumerate() {
        let mut line = Reader::nested(table, format!("department {}", index + 1), file);
        let id: Option<DepartmentId> = line.parsed("id");
        let name = line.text("name");
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
        line.no_more();
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

fn calendar_years(
    name: &str,
    folder: Option<&Path>,
    file: &mut Reader,
) -> Option<BTreeMap<i32, CalendarYear>> {
    if name.is_empty() {
        return None;
    }
    let is_plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    let known =
        CALENDARS.iter().find(|calendar| calendar.0 == name).map(|found| found.1.to_owned());
    let beside = || {
        let folder = folder.filter(|_| is_plain)?;
        [format!("{name}.toml"), format!("../calendars/{name}.toml")]
            .iter()
            .find_map(|file| std::fs::read_to_string(folder.join(file)).ok())
    };
    let Some(text) = known.or_else(beside) else {
        file.fault(format!("district.calendar: there is no calendar {name:?}"));
        return None;
    };
    match parse_calendar(&text) {
        Ok(years) => Some(years),
        Err(fault) => {
            file.fault(format!("calendar {name}: {fault}"));
            None
        }
    }
}

/// Reads the text of a calendar file.
///
/// # Errors
/// The first fault.
pub fn parse_calendar(text: &str) -> Result<BTreeMap<i32, CalendarYear>, String> {
    let table: Table = text.parse().map_err(|error| format!("is no TOML: {error}"))?;
    let mut years = BTreeMap::new();
    for (year, value) in table {
        let number: i32 = year.parse().map_err(|_| format!("{year:?} is no year"))?;
        let mut off = Vec::new();
        for run in value.get("off").and_then(Value::as_array).into_iter().flatten() {
            off.push(DaysOff {
                from: date(run.get("from")).ok_or(format!("{year}.off: from is no date"))?,
                to: date(run.get("to")).ok_or(format!("{year}.off: to is no date"))?,
                name: run.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
            });
        }
        let mut work = Vec::new();
        for day in value.get("work").and_then(Value::as_array).into_iter().flatten() {
            work.push(date(Some(day)).ok_or(format!("{year}.work: {day} is no date"))?);
        }
        years.insert(number, CalendarYear { off, work });
    }
    Ok(years)
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

    #[test]
    fn a_file_that_is_no_toml_is_refused() {
        assert!(District::parse("[district", None).is_err());
        assert!(District::parse("", None).unwrap_err().len() > 3);
    }
}
