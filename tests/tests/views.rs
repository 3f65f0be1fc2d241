//! Views are thrown away, cut, overwritten and made old; they come back by themselves, and say the same. While a view is
//! being built nothing is answered from a part of it.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use runtime::log::Head;
use runtime::store::ViewStore;
use serde_json::{Value, json};
use unstuck_tests::binary::unstuck_command;
use unstuck_tests::district::{District, said};
use unstuck_tests::process::Process;
use unstuck_tests::{Api, wait_until};

/// The instant at which the districts of these tests look at themselves; their history ends the day before.
const NOW: &str = "2026-03-02T10:00:00+08:00";

/// The views, each a folder under `<data>/views`.
const VIEWS: [&str; 3] = ["cases", "centers", "similar"];

/// A district with a year behind it: so many cases, the questions of its centers, what it learned.
fn with_history(cases: u32) -> District {
    let district = District::start(Some(NOW));
    drop(district.coordinator());
    district.shut_down();
    let cases = cases.to_string();
    let told = district.tool(&[
        "simulate",
        "--seed",
        "7",
        "--from",
        "2025-03-01",
        "--to",
        "2026-03-01",
        "--cases",
        &cases,
    ]);
    succeeded(&told);
    district.bring_up();
    district
}

fn succeeded(output: &Output) {
    assert!(output.status.success(), "{}", said(output));
}

/// What the views say: every list and figure that depends on them, without the time at which they say it.
fn picture(reader: &Api) -> Vec<Value> {
    let period = "from=2025-03-01&to=2026-02-28";
    // What is similar is found in an index of its own, which follows a moment later.
    wait_until("the index of similar cases is up", || {
        let lag = reader.get("/v1/lag").json;
        lag["similar_as_of_sequence"] == lag["stream_last_sequence"]
    });
    let mut answers = vec![json!(reader.whole_list("/v1/cases?sort=-opened_at"))];
    for path in [
        format!("/v1/overview?{period}"),
        format!("/v1/blockages?{period}"),
        format!("/v1/returns?{period}"),
        format!("/v1/consultations?{period}"),
        "/v1/centers".to_owned(),
        "/v1/improvements".to_owned(),
        "/v1/precedents".to_owned(),
        "/v1/quarantine".to_owned(),
        "/v1/similar?q=%E9%80%80%E4%BC%91%E6%89%8B%E7%BB%AD".to_owned(),
    ] {
        answers.push(reader.get(path).json);
    }
    answers.into_iter().map(without_time).collect()
}

fn without_time(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            // How alike is reckoned among all that the index ever held, which its pieces forget when they are merged.
            fields.retain(|name, _| !name.starts_with("as_of") && name != "score");
            fields.values_mut().for_each(|inner| *inner = without_time(inner.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|one| *one = without_time(one.take())),
        _ => {}
    }
    value
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found
}

/// What may happen to a view while nobody looks.
#[derive(Debug, Clone, Copy)]
enum Harm {
    Removed,
    /// Each file half as long.
    Cut,
    /// Each file of its length, with something else in it.
    Noise,
    /// The large files with noise, and what says that all is well left as it is.
    NoiseBehindTheMark,
    /// A page in the middle of each large file.
    Scratch,
    /// As a version wrote it that knew other rows.
    Older,
}

impl Harm {
    fn befalls(self, view: &Path) {
        let is_similar = view.ends_with("similar");
        match self {
            Self::Removed => fs::remove_dir_all(view).expect("a view can be removed"),
            Self::Cut => files(view)
                .iter()
                .for_each(|file| rewrite(file, |bytes| bytes.truncate(bytes.len() / 2))),
            Self::Noise => files(view).iter().for_each(|file| rewrite(file, noise)),
            Self::NoiseBehindTheMark => {
                large_files(view).iter().for_each(|file| rewrite(file, noise))
            }
            Self::Scratch => large_files(view).iter().for_each(|file| {
                rewrite(file, |bytes| {
                    let (middle, end) = (bytes.len() / 2, bytes.len());
                    let mut page = bytes[middle..end.min(middle + 4096)].to_vec();
                    noise(&mut page);
                    bytes[middle..middle + page.len()].copy_from_slice(&page);
                });
            }),
            Self::Older if is_similar => {
                rewrite(&view.join("meta.json"), |bytes| {
                    let text = String::from_utf8(std::mem::take(bytes)).expect("meta.json is text");
                    let older = text.replace(r#"\"schema\":1"#, r#"\"schema\":0"#);
                    assert_ne!(older, text, "the stamp of the index is not where it was");
                    *bytes = older.into_bytes();
                });
            }
            Self::Older => {
                let created_at = chrono::DateTime::UNIX_EPOCH;
                let head = Head { created_at, first_sequence: 1, last_sequence: 0 };
                let opened = ViewStore::open(view, 1, head).expect("an older version opens it");
                assert!(opened.was_rebuilt.is_some(), "the version of the rows is 1 today");
                opened.store.close().expect("and closes it");
            }
        }
    }
}

fn large_files(view: &Path) -> Vec<PathBuf> {
    let is_large = |file: &PathBuf| fs::metadata(file).is_ok_and(|found| found.len() >= 4096);
    files(view).into_iter().filter(is_large).collect()
}

fn rewrite(file: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(file).expect("a file can be read");
    change(&mut bytes);
    fs::write(file, bytes).expect("a file can be written");
}

/// Bytes that are none of anything (xorshift), the same at every run.
fn noise(bytes: &mut Vec<u8>) {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    for byte in bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = state.to_le_bytes()[0];
    }
}

#[test]
fn views_that_were_removed_cut_overwritten_or_made_old_come_back_by_themselves() {
    let district = with_history(150);
    let reader = district.person("coordinator");
    // What has come due meanwhile is carried out at the first start.
    let mut before = picture(&reader);
    wait_until("the clocks have done their work", || {
        let now = picture(&reader);
        std::mem::replace(&mut before, now.clone()) == now
    });
    assert!(before[0].as_array().is_some_and(|cases| cases.len() == 150), "{}", before[0]);
    for harm in [
        Harm::Removed,
        Harm::Cut,
        Harm::Noise,
        Harm::NoiseBehindTheMark,
        Harm::Scratch,
        Harm::Older,
    ] {
        district.shut_down();
        let views = district.data().join("views");
        for view in VIEWS {
            harm.befalls(&views.join(view));
        }
        district.bring_up();
        let after = picture(&reader);
        for (before, after) in before.iter().zip(&after) {
            assert_eq!(before, after, "after {harm:?}");
        }
        succeeded(&district.verify());
    }
    // What a file alone suffers, in a view that was killed.
    for view in VIEWS {
        district.kill();
        let folder = district.data().join("views").join(view);
        let largest = large_files(&folder)
            .into_iter()
            .max_by_key(|file| fs::metadata(file).map_or(0, |found| found.len()));
        rewrite(&largest.expect("a view has a large file"), noise);
        district.bring_up();
        assert_eq!(picture(&reader), before, "after noise in {view}");
        succeeded(&district.verify());
    }
}

#[test]
fn nothing_is_answered_from_a_part_of_a_view() {
    let district = with_history(300);
    let reader = district.person("coordinator");
    let token = reader.sign_in().expect("a token");
    let whole = reader.get("/v1/cases").json["total"].clone();
    assert_eq!(whole, 300);
    district.shut_down();
    for view in VIEWS {
        Harm::Removed.befalls(&district.data().join("views").join(view));
    }

    // The address is said when the views stand; who has it from before asks earlier.
    let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port");
    let mut command = unstuck_command();
    command.arg("up").arg("--data").arg(district.data());
    command.args(["--listen", &port.to_string(), "--clock-start", NOW]);
    let log = district.data().join("building.log");
    let mut up = Process::start(command, &log);
    let early = Api::new(Arc::new(RwLock::new(format!("http://{port}"))), None);
    let bearer = format!("Bearer {token}");
    let ask = |path: &str| early.request("GET", path).header("authorization", &bearer).try_send();

    let paths = [
        "/v1/cases",
        "/v1/overview",
        "/v1/blockages",
        "/v1/centers",
        "/v1/consultations",
        "/v1/live",
        "/v1/similar?q=%E9%80%80%E4%BC%91",
        "/v1/quarantine",
        "/v1/register.csv",
    ];
    let (mut refused, mut unready, mut noted) = (0, 0, 0);
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < Duration::from_secs(90), "{}", up.story());
        for path in paths {
            let Ok(answer) = ask(path) else { continue };
            if answer.status == 503 && !answer["sequence"].is_null() {
                let answer = answer.refused(503, "unavailable");
                refused += 1;
                let (sequence, of) = (answer["sequence"].as_u64(), answer["of"].as_u64());
                assert!(sequence <= of, "{}", answer.text);
                let detail = answer["detail"].as_str().unwrap_or_default();
                assert!(
                    detail.starts_with("the view is being built: ") && detail.ends_with('%'),
                    "{detail}"
                );
                assert!(answer.headers.contains_key("retry-after"));
                if let Ok(lag) = ask("/v1/lag") {
                    noted += usize::from(lag["building"]["of"].is_u64());
                }
                if let Ok(ready) = early.request("GET", "/readyz").try_send() {
                    unready +=
                        usize::from(ready.status == 503 && ready.text.contains("is being built"));
                }
            }
        }
        match ask("/v1/cases") {
            Ok(answer) if answer.status == 200 => {
                assert_eq!(answer["total"], whole, "half a view was shown");
                break;
            }
            Ok(_) | Err(_) => {}
        }
    }
    assert!(refused > 0 && unready > 0 && noted > 0, "{refused} {unready} {noted}\n{}", up.story());
    up.wait_for_line("Listening on ", Duration::from_secs(60));
    assert_eq!(ask("/v1/lag").expect("an answer")["building"], Value::Null);
    assert!(up.stop().success());
    district.bring_up();
    succeeded(&district.verify());
}

#[test]
fn an_answer_has_a_tag_until_anything_changes_that_it_is_made_of() {
    let district = District::start(Some("2026-03-02T10:00:00+08:00"));
    let clerk = district.clerk("jingshan");
    let neighbour = district.clerk("donghuashi");
    let body =
        |n| unstuck_tests::bodies::opening("jingshan", unstuck_tests::bodies::UNROUTED_MATTER, n);
    let opened = clerk.open(body(1));
    let asked = |person: &Api, path: &str, tag: &str| {
        person.request("GET", path).header("if-none-match", tag).send()
    };
    for path in ["/v1/cases?sort=-due_at", "/v1/overview", "/v1/blockages", "/v1/centers"] {
        // A minute that ends between two questions is another answer; then it is asked again.
        wait_until("an answer that is known is not said again", || {
            let path = format!(
                "{path}{}min_version={}",
                if path.contains('?') { '&' } else { '?' },
                opened.version()
            );
            let first = clerk.get(path.as_str());
            let tag = first.headers.get("etag").expect("a tag").clone();
            let again = asked(&clerk, &path, &tag);
            assert!(again.status == 200 || again.bytes.is_empty());
            assert_eq!(asked(&clerk, &path, "\"other\"").status, 200);
            assert_eq!(asked(&neighbour, &path, &tag).status, 200, "another reader");
            let other = "/v1/departments";
            assert_eq!(asked(&clerk, other, &tag).status, 200, "another question");
            again.status == 304 && again.headers.get("etag") == Some(&tag)
        });
    }
    let path = "/v1/cases";
    let tag = clerk.get(path).headers["etag"].clone();
    let second = clerk.open(body(2));
    let path_after = format!("{path}?min_version={}", second.version());
    let answer = asked(&clerk, &path_after, &tag).expect_status(200);
    assert_eq!(answer["total"], 2);
    wait_until("the list itself has changed as well", || asked(&clerk, path, &tag).status == 200);
    assert_eq!(clerk.get(path).json["total"], 2);
}
