//! A register as a district has kept it: typed by many, merged, titled, totalled, and in GBK.

use casework::rules::Rules;
use desk::District;
use encoding_rs::GB18030;
use proto_events::Timestamp;
use proto_events::codes::{CaseState, Cause, Channel, Complexity, Grade, Stage};

use super::*;

/// A made-up name that must not be told anywhere.
const NAME: &str = "样例甲";
const PHONE: &str = "13800000000";

const HEADS: &str = "序号,编号,登记日期,街道,姓名,联系电话,事项名称,问题描述,环节,原因,承办单位,办理结果,办结日期,是否满意";

fn rules() -> Rules {
    District::load(None).unwrap().rules
}

fn now() -> Timestamp {
    Timestamp::parse_from_rfc3339("2026-03-03T10:00:00+08:00").unwrap()
}

fn read_with(text: &str, mapping: &str) -> Reading {
    let rules = rules();
    let mapping = Mapping::parse(mapping, &rules).unwrap();
    read_register(text.as_bytes(), &rules, &mapping, now()).unwrap()
}

fn read(rows: &str) -> Reading {
    read_with(&format!("{HEADS}\n{rows}"), "")
}

fn one(rows: &str) -> Row {
    let mut reading = read(rows);
    assert_eq!(reading.rows.len(), 1);
    reading.rows.remove(0)
}

#[track_caller]
fn taken(row: &Row) -> &Entry {
    match &row.verdict {
        Verdict::Taken(entry) => entry,
        other => panic!("{other:?}: {:?}", row.notes),
    }
}

#[track_caller]
fn refused(row: &Row) -> String {
    assert!(matches!(row.verdict, Verdict::Refused), "{row:?}");
    let faults = row.notes.iter().filter(|note| note.is_fault).map(Note::to_string);
    faults.collect::<Vec<_>>().join("\n")
}

/// A row in which nothing has to be assumed but what has no column.
fn whole() -> String {
    format!(
        "1,A-1,2024/3/5,东花市街道,{NAME},138 0000 0000,退休手续办理,两个窗口都说不归自己管,受理,Q1,区民政局,已解决；当场办理,2024年3月8日,满意"
    )
}

#[test]
fn a_row_becomes_a_case_of_its_day() {
    let row = one(&whole());
    let entry = taken(&row);
    let open = &entry.wish.open;
    assert_eq!(entry.opened_at.to_rfc3339(), "2024-03-05T09:00:00+08:00");
    assert_eq!((open.case_no.as_str(), open.center.as_str()), ("A-1", "donghuashi"));
    assert_eq!((open.blocked_stage, open.cause), (Stage::Accept, Cause::ProcedureNobody));
    assert_eq!((open.channel, open.complexity), (Channel::Window, Complexity::Complex));
    let outcome = entry.wish.outcome.as_ref().unwrap();
    assert_eq!(outcome.kind, CaseState::Resolved);
    assert_eq!(outcome.at.to_rfc3339(), "2024-03-08T17:30:00+08:00");
    assert_eq!(outcome.result.as_deref(), Some("当场办理"));
    assert_eq!(entry.wish.grade.map(Grade::value), Some(4));
    assert_eq!((entry.applicant.name.as_str(), entry.applicant.phone.as_str()), (NAME, PHONE));
    assert!(entry.is_known);
    // What has no column, and a name that is near, is assumed, and says so.
    assert_eq!(entry.wish.assumed, ["center", "channel", "complexity"]);
}

#[test]
fn gbk_titles_merged_cells_repeated_heads_and_totals_are_what_excel_leaves() {
    let text = format!(
        "东城区２０２３年办不成事登记簿,,,\n\n{HEADS}\n{}\n2,A-2,,,样例乙,,,查不到外区参保记录,审核,S2,,,,\n{HEADS}\n3,A-3,5.6,,样例丙,,,网上提交后没有下文,网办,S5,,办理中,,\n,,,,,,,,,,,,,\n合计,,3件,,,,,,,,,,,\n填表人：某某,,,,,,,,,,,,,\n",
        whole()
    );
    let bytes = GB18030.encode(&text).0;
    let rules = rules();
    let reading = read_register(&bytes, &rules, &Mapping::default(), now()).unwrap();
    assert_eq!((reading.encoding, reading.heads_at), ("GB 18030 (GBK)", 3));
    let numbers: Vec<usize> = reading.rows.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [4, 5, 6, 7, 8, 9, 10]);
    let passed = |row: &Row| matches!(row.verdict, Verdict::PassedOver);
    let passed: Vec<bool> = reading.rows.iter().map(passed).collect();
    assert_eq!(passed, [false, false, true, false, true, true, true]);
    let second = taken(&reading.rows[1]);
    // The day, the center and the matter were merged with the row above; the person is his own.
    assert_eq!(second.opened_at, taken(&reading.rows[0]).opened_at);
    assert_eq!(second.wish.open.center.as_str(), "donghuashi");
    assert_eq!(second.wish.open.matter.name, "退休手续办理");
    assert_eq!((second.applicant.name.as_str(), second.applicant.phone.as_str()), ("样例乙", ""));
    assert!(second.wish.outcome.is_none() && second.wish.department.is_none());
    for merged in ["opened_at", "center", "matter"] {
        assert!(second.wish.assumed.iter().any(|name| name == merged), "{merged}");
    }
    // A date without a year has that of the row above.
    let third = taken(&reading.rows[3]);
    assert_eq!(third.opened_at.to_rfc3339(), "2024-05-06T09:00:00+08:00");
}

#[test]
fn the_first_date_without_a_year_has_that_of_the_title() {
    let row = whole().replace("2024/3/5", "3.5").replace("2024年3月8日", "3.8");
    let reading = read_with(&format!("2023年度台账\n{HEADS}\n{row}"), "");
    let entry = taken(&reading.rows[0]);
    assert_eq!(entry.opened_at.to_rfc3339(), "2023-03-05T09:00:00+08:00");
    let row = read(&row).rows.remove(0);
    assert!(refused(&row).starts_with("C 登记日期: “3.5” is no date"), "{:?}", row.notes);
}

#[test]
fn what_is_wrong_with_a_row_is_said_with_its_column_and_all_at_once() {
    let row = one(&format!(
        "1,A-1,2024/13/5,某街道,{NAME},{PHONE},退休手续办理,问题,哪里,某某,某局,已解决,,７"
    ));
    let told = refused(&row);
    for part in [
        "C 登记日期: “2024/13/5” is no date",
        "D 街道: “某街道” is the name of nobody",
        "I 环节: “哪里” is none of the known values; name it under [values.blocked_stage]",
        "J 原因: “某某” is none",
        "K 承办单位: “某局”",
        "M 办结日期: is empty, though the case has ended",
        "N 是否满意: is no grade",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
}

#[test]
fn the_rules_have_a_say_and_are_repeated_without_the_person() {
    for (wrong, code) in
        [("请打13900000000", "pii_in_text"), ("样例甲要求退休", "pii_in_text: /demand")]
    {
        let row = one(&whole().replace("两个窗口都说不归自己管", wrong));
        let told = refused(&row);
        assert!(told.contains(code), "{told}");
        assert!(!told.contains(NAME) && !told.contains("139"), "{told}");
    }
    let told = refused(&one(&whole().replace("2024年3月8日", "2024/3/4")));
    assert!(told.contains("/outcome_at: lies before the opening"), "{told}");
    let told = refused(&one(&whole().replace("2024年3月8日", "2026/3/4")));
    assert!(told.contains("lies in the future"), "{told}");
}

#[test]
fn a_value_in_the_wrong_column_is_not_repeated_when_it_could_be_the_person() {
    // Everything one column to the right: a name stands where the matter was, a number where a stage was.
    let row = format!(
        "1,A-1,{NAME},{NAME},{NAME},{PHONE},退休手续办理,问题,{NAME},{PHONE},{NAME},{NAME},{NAME},{NAME}"
    );
    let row = one(&row);
    let told: Vec<String> = row.notes.iter().map(Note::to_string).collect();
    assert!(told.len() >= 5, "{told:?}");
    assert!(!told.join("\n").contains(NAME) && !told.join("\n").contains(PHONE), "{told:?}");
}

#[test]
fn the_same_row_is_the_same_command_and_a_number_is_one_case() {
    let first = one(&whole());
    let again = read_with(&format!("标题\n{HEADS}\n{}\n", whole()), "");
    let (first, again) = (taken(&first), taken(&again.rows[0]));
    assert_eq!((first.case_id, first.command_id), (again.case_id, again.command_id));
    // The register goes on: the same case, and another command.
    let later = one(&whole().replace(",满意", ",非常满意"));
    assert_eq!(taken(&later).case_id, first.case_id);
    assert_ne!(taken(&later).command_id, first.command_id);
    let twice = read(&format!("{}\n{}", whole(), whole()));
    assert!(refused(&twice.rows[1]).contains("is the same case as row 2"));
}

#[test]
fn a_mapping_names_columns_values_and_what_to_assume() {
    let text = "案号,何时,谁,干什么,怎么了,找谁\nA-1,2024/3/5,甲,退休手续办理,没人管,社保所\n";
    let mapping = "
        merged = [\"department\"]
        [columns]
        \"案号\" = \"case_no\"
        \"何时\" = \"opened_at\"
        \"谁\" = \"applicant_name\"
        \"干什么\" = \"matter\"
        \"怎么了\" = \"demand\"
        \"找谁\" = \"department\"
        [values.department]
        \"社保所\" = \"hr-public-service\"
        [defaults]
        center = \"donghuashi\"
        stage = \"accept\"
        cause = \"Q\"
        channel = \"phone\"
        complexity = \"simple\"
    ";
    let reading = read_with(text, mapping);
    let entry = taken(&reading.rows[0]);
    let department = entry.wish.department.as_ref().unwrap();
    assert_eq!(department.as_str(), "hr-public-service");
    assert_eq!(
        (entry.wish.open.channel, entry.wish.open.cause),
        (Channel::Phone, Cause::Procedure)
    );
    // Without a default nobody guesses where it is stuck.
    let rules = rules();
    let fewer = Mapping::parse(&mapping.replace("stage = \"accept\"", ""), &rules).unwrap();
    let error = read_register(text.as_bytes(), &rules, &fewer, now()).unwrap_err();
    assert_eq!(error, UnreadableRegister::MissingColumns("blocked_stage".to_owned()));
}

#[test]
fn every_fault_of_a_mapping_is_named() {
    let text = "
        merged = [\"applicant_phone\", \"nothing\"]
        [columns]
        \"甲\" = \"nothing\"
        [values.demand]
        \"甲\" = \"乙\"
        [values.center]
        \"甲\" = \"nowhere\"
        [defaults]
        cause = \"Z9\"
    ";
    let faults = Mapping::parse(text, &rules()).unwrap_err();
    for part in [
        "never taken from another row",
        "merged: there is no",
        "columns",
        "values.demand",
        "nowhere",
        "Z9",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
    }
    assert!(Mapping::parse("[colums]", &rules()).is_err());
}

#[test]
fn heads_in_two_rows_belong_together() {
    let text = format!(
        "编号,登记时间,中心,反映人,,事项,反映问题,受阻环节,原因(初判)\n,,,姓名,电话,,,,\nA-1,2024/3/5,donghuashi,{NAME},{PHONE},退休手续办理,没人管,accept,Q\n"
    );
    let reading = read_with(&text, "");
    assert_eq!(taken(&reading.rows[0]).applicant.phone, PHONE);
    assert_eq!(reading.rows[0].number, 3);
}

#[test]
fn what_is_no_register_says_why() {
    let rules = rules();
    let read = |text: &str| read_register(text.as_bytes(), &rules, &Mapping::default(), now());
    assert_eq!(read("a,b\n1,2").unwrap_err(), UnreadableRegister::NoHeads);
    assert_eq!(read("").unwrap_err(), UnreadableRegister::NoHeads);
    let error = read("编号,登记时间,事项,中心").unwrap_err();
    assert!(error.to_string().contains("demand, blocked_stage, cause_provisional"), "{error}");
}
