//! The register that a district kept before (台账转入): read in GBK with merged rows, taken over once, and our own export
//! taken over by another district.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::bodies::{opening, with};
use unstuck_tests::district::said;
use unstuck_tests::{District, wait_until};

/// What must not be told anywhere.
const NAMES: [&str; 3] = ["样例甲乙", "样例丙丁", "样例戊己"];
const PHONES: [&str; 3] = ["13800000001", "13800000002", "13800000003"];

/// A sheet as many hands leave it: a title, merged cells, a foot; rows 4 to 9 are cases.
fn sheet() -> String {
    let [first, second, third] = NAMES;
    let [a, b, c] = PHONES;
    format!(
        "东城区２０２４年办不成事登记簿,,,,,,,,,,,,,\n\
         \n\
         序号,编号,登记日期,街道,姓名,联系电话,事项名称,问题描述,环节,原因,承办单位,办理结果,办结日期,是否满意\n\
         1,旧-1,3.5,东花市街道,{first},{a},退休手续办理,两个窗口都说不归自己管,受理,Q1,区民政局,已解决；当场办理,2024年3月8日,满意\n\
         2,旧-2,,,{second},{b},,查不到外区参保记录,审核,S2,区医疗保障局,办理中,,\n\
         3,旧-3,45420,景山街道,{third},{c},公租房申请,请打{c}联系,受理,M6,,办理中,,\n\
         4,旧-4,2024/13/1,景山街道,,,公租房申请,要求指南以外的材料,受理,M6,,办理中,,\n\
         5,旧-5,2019/5/6,景山街道,{first},,公租房申请,要求指南以外的材料,受理,M6,,已解决,2019/5/7,\n\
         合计,,5件,,,,,,,,,,,\n"
    )
}

/// Writes a text as a Chinese Windows does.
fn write_gbk(path: &Path, text: &str) {
    let script = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read().decode().encode('gb18030'))";
    let mut command = Command::new("python3");
    command.args(["-I", "-c", script]).arg(path).stdin(Stdio::piped());
    let mut child = command.spawn().expect("Python can be started");
    std::io::Write::write_all(&mut child.stdin.take().expect("piped"), text.as_bytes())
        .expect("Python reads");
    assert!(child.wait().expect("Python ends").success());
}

fn import(file: &Path, data: &Path, more: &[&str]) -> Output {
    let mut command = unstuck_command();
    command.args(["import", "register"]).arg(file).arg("--data").arg(data).args(more);
    command.output().expect("the binary can be started")
}

fn nobody_is_named(text: &str) {
    for secret in NAMES.iter().chain(&PHONES) {
        assert!(!text.contains(secret), "{secret} is told in {text}");
    }
}

/// Everything that the district shows of its log without a key.
fn told(district: &District) -> String {
    let events = district.tool(&["events"]);
    assert!(events.status.success(), "{}", said(&events));
    String::from_utf8(events.stdout).expect("text")
}

#[test]
fn a_register_in_gbk_with_merged_rows_is_taken_over_once_and_names_nobody() {
    let district = District::start(None);
    let coordinator = district.coordinator();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, report) = (folder.path().join("旧台账.csv"), folder.path().join("report.csv"));
    write_gbk(&file, &sheet());
    let with_report = ["--report", report.to_str().expect("text")];

    // A dry run says what would become of each row, and writes nothing.
    let dry = import(&file, &district.data(), &["--dry-run", with_report[0], with_report[1]]);
    assert_eq!(dry.status.code(), Some(1), "{}", said(&dry));
    let rows = std::fs::read_to_string(&report).expect("a report");
    for part in [
        "4,可导入，含推定 would be taken with an assumption,C 登记日期,\"names no year; taken as 2024",
        "5,可导入，含推定 would be taken with an assumption,C 登记日期,\"is empty; taken from row 4 above",
        "6,不能导入 would be refused,,\"pii_in_text: /demand",
        "7,不能导入 would be refused,C 登记日期,“2024/13/1” is no date",
        "8,可导入，含推定 would be taken with an assumption,,ended so long ago",
        "9,跳过 passed over,,a total or a foot",
    ] {
        assert!(rows.contains(part), "{part}\n{rows}");
    }
    assert!(said(&dry).contains("GB 18030 (GBK), heads in row 3"), "{}", said(&dry));
    assert_eq!(told(&district), "", "a dry run leaves no event");

    let taken = import(&file, &district.data(), &with_report);
    assert_eq!(taken.status.code(), Some(1), "two rows are refused: {}", said(&taken));
    let events = told(&district);
    let again = import(&file, &district.data(), &[]);
    assert!(said(&again).contains("3  此前已导入 taken before"), "{}", said(&again));
    let kinds = |text: &str, kind: &str| text.matches(&format!("case.{kind}.v1")).count();
    let after = told(&district);
    assert_eq!((kinds(&events, "imported"), kinds(&after, "imported")), (3, 3));
    assert_eq!((kinds(&events, "opened"), kinds(&after, "opened")), (3, 3));

    // They stand in the district, marked, masked, and in no rate.
    wait_until("the view has them", || coordinator.get("/v1/cases?limit=10").json["total"] == 3);
    let cases = coordinator.get("/v1/cases?limit=10").json;
    let of_number = |number: &str| -> Value {
        let items = cases["items"].as_array().expect("items");
        let item = items.iter().find(|item| item["case_no"] == number).expect("the case is there");
        let id = item["case_id"].as_str().expect("an id");
        coordinator.get(format!("/v1/cases/{id}")).json
    };
    let closed = of_number("旧-1");
    assert_eq!(closed["opened_at"], "2024-03-05T09:00:00+08:00");
    assert_eq!(closed["state"], "closed");
    assert_eq!(closed["imported"]["row"], 4);
    assert_eq!(closed["applicant"]["name"], "样**乙");
    assert_eq!(closed["applicant"]["phone"], "138****0001");
    let open = of_number("旧-2");
    assert_eq!(open["center"], "donghuashi");
    assert_eq!(open["department"], "medical-insurance");
    // Years ago: who it was is not kept a day longer than anybody else is.
    let old = of_number("旧-5");
    assert_ne!(old["applicant"]["name"], "样**乙");
    let figures = coordinator.get("/v1/overview?from=2019-01-01&to=2026-12-31").json;
    assert_eq!(figures["figures"]["imported"]["value"], 3.0);
    assert_eq!(figures["figures"]["on_time"]["denominator"], 0);
    assert_eq!(figures["figures"]["solved_rate"]["denominator"], 0);

    // Whoever comes to the counter again is told of the case that is open.
    let clerk = district.clerk("jingshan");
    let body = with(opening("jingshan", "退休手续办理", 2), "/applicant/name", NAMES[1]);
    let refused = clerk.post("/v1/cases", body);
    assert_eq!(refused.json["code"], "duplicate_case", "{}", refused.text);
    assert_eq!(refused.json["case_no"], "旧-2");

    for text in [said(&dry), said(&taken), said(&again), rows, after, district.logged()] {
        nobody_is_named(&text);
    }
    let report = std::fs::read_to_string(&report).expect("a report");
    assert!(report.contains("4,已导入，含推定 taken with an assumption"), "{report}");
    nobody_is_named(&report);
    let verified = district.verify();
    assert!(verified.status.success(), "{}", said(&verified));
}

/// The rows of our own export by their numbers, read by Python.
fn rows(file: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let script = "import csv, json, sys\nprint(json.dumps({r['编号']: r for r in csv.DictReader(open(sys.argv[1], encoding='utf-8-sig', newline=''))}))";
    let output = Command::new("python3").args(["-I", "-c", script]).arg(file).output();
    let output = output.expect("Python can be started");
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).expect("Python writes JSON")
}

#[track_caller]
fn tool(arguments: &[&str], data: &Path) {
    let output = unstuck_command().args(arguments).arg("--data").arg(data).output();
    let output = output.expect("the binary can be started");
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
}

#[test]
fn what_one_district_exports_another_takes_over_as_far_as_a_register_holds_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let (here, there) = (path("here"), path("there"));
    let export = |data: &Path, name: &str| {
        let file = path(name);
        let out = file.to_str().expect("text").to_owned();
        tool(&["export", "register", "--format", "csv", "--out", &out], data);
        file
    };
    tool(&["simulate", "--seed", "3", "--cases", "60", "--to", "2026-11-27"], &here);
    let exported = export(&here, "here.csv");
    let taken = import(&exported, &there, &[]);
    assert!(taken.status.success(), "{}", said(&taken));
    assert!(said(&taken).contains("60  已导入 taken"), "{}", said(&taken));
    tool(&["verify"], &there);
    let (before, after) = (rows(&exported), rows(&export(&there, "there.csv")));
    assert_eq!(before.len(), 60);
    assert!(before.keys().eq(after.keys()));
    let mut compared = 0;
    for (number, row) in &before {
        let other = &after[number];
        for (head, cell) in row {
            let is_lost = match head.as_str() {
                // Whether a promise was moved on the way is a matter of steps, which no register has.
                "是否按时" => cell == "是（原时限已过）",
                // Of somebody who was forgotten there is nothing to take over.
                "反映人(脱敏)" | "电话(脱敏)" => row["反映人(脱敏)"] == "已删除",
                _ => false,
            };
            if !is_lost {
                assert_eq!(&other[head], cell, "{number} {head}");
                compared += 1;
            }
        }
    }
    assert!(compared > 60 * 28, "{compared} cells are too few");
}

#[test]
fn what_is_wrong_with_an_import_is_said_before_anything_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("can be written");
        path
    };
    let mapping =
        write("mapping.toml", "[columns]\n\"甲\" = \"nothing\"\n[defaults]\ncause = \"Z9\"\n");
    let missing = folder.path().join("missing.csv");
    let output = import(&missing, &data, &["--mapping", mapping.to_str().expect("text")]);
    assert_eq!(output.status.code(), Some(64), "{}", said(&output));
    for part in ["there is no file", "there is no column \"nothing\"", "\"Z9\" is not one of"] {
        assert!(said(&output).contains(part), "{part}: {}", said(&output));
    }
    for (text, told) in [
        ("a,b,c\n1,2,3\n", "no row has three heads that are known"),
        ("PK\u{3}\u{4}", "it is a workbook; save it as CSV"),
        (
            "编号,登记时间,事项\n",
            "the columns demand, center, blocked_stage, cause_provisional are missing",
        ),
    ] {
        let file = write("file.csv", text);
        let output = import(&file, &data, &[]);
        assert_eq!(output.status.code(), Some(1), "{}", said(&output));
        assert!(said(&output).contains(told), "{told}: {}", said(&output));
    }
    assert!(!data.exists(), "nothing was started for it");
}
