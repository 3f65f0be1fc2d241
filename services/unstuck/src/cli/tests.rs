//! What the documents tell people to type is what the program takes.

use std::path::{Path, PathBuf};

use clap::Parser as _;

use super::Cli;

/// The documents of the repository that say what to type.
fn documents() -> Vec<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = Vec::new();
    for folder in ["", "deploy", "services", "tests"] {
        let entries = std::fs::read_dir(repository.join(folder)).unwrap();
        let files = entries.map(|entry| entry.unwrap().path());
        all.extend(files.filter(|path| path.extension().is_some_and(|end| end == "md")));
    }
    all.sort();
    all
}

/// What stands in a document as code: whole lines between fences, put together where they go on, and spans within text.
fn code(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (place, part) in text.split("```").enumerate() {
        if place % 2 == 1 {
            found.extend(part.replace("\\\n", " ").lines().map(|line| line.trim().to_owned()));
        } else {
            let spans = part.split('`').skip(1).step_by(2);
            found.extend(spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

/// The words of a call of the program, as a shell would give them; nothing when the line is none.
fn call(line: &str) -> Option<Vec<String>> {
    let line = line.strip_prefix("sudo -u unstuck ").unwrap_or(line);
    let typed = line.strip_prefix("unstuck ").or(line.strip_prefix("cargo run --release -- "))?;
    // Behind it stand what a shell or a reader gets.
    let mut end = typed.len();
    for behind in ["   ", " #", " |", " >", " <", " &", ";", "$("] {
        end = typed.find(behind).map_or(end, |at| end.min(at));
    }
    let typed = typed[..end].replace(['[', ']', '\''], "");
    let mut words = vec!["unstuck".to_owned()];
    for word in typed.split_whitespace() {
        let option = words.last().filter(|last| last.starts_with("--")).cloned();
        match (word, option.as_deref()) {
            ("…", Some("--nats-url")) => words.push("nats://bus-1:4222".to_owned()),
            ("…", Some(_)) => words.push("sample".to_owned()),
            // What else there may be.
            ("…", None) => {}
            // What stands for a number or a date of the reader's own.
            ("N", _) => words.push("7".to_owned()),
            _ => words.push(word.to_owned()),
        }
    }
    (words.len() > 1).then_some(words)
}

#[test]
fn what_the_documents_tell_people_to_type_is_taken() {
    let (mut calls, mut refused) = (0, Vec::new());
    for document in documents() {
        let text = std::fs::read_to_string(&document).unwrap();
        for words in code(&text).iter().filter_map(|line| call(line)) {
            calls += 1;
            let Err(error) = Cli::try_parse_from(&words) else { continue };
            // What is only named may lack what has to be given; what asks for the help or the version gets it.
            let is_named = words.last().is_some_and(|word| word.starts_with("--"))
                || matches!(
                    error.kind(),
                    clap::error::ErrorKind::MissingRequiredArgument
                        | clap::error::ErrorKind::MissingSubcommand
                        | clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                        | clap::error::ErrorKind::DisplayHelp
                        | clap::error::ErrorKind::DisplayVersion
                );
            if !is_named {
                let name = document.file_name().unwrap_or_default().to_string_lossy();
                refused.push(format!("{name}: {}: {error}", words.join(" ")));
            }
        }
    }
    assert!(calls > 80, "only {calls} were found");
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn what_stands_behind_a_call_is_no_part_of_it() {
    let words = |line: &str| call(line).map(|words| words.join(" "));
    assert_eq!(
        words("sudo -u unstuck unstuck verify --data D   # whole?").as_deref(),
        Some("unstuck verify --data D")
    );
    assert_eq!(
        words("unstuck events [--json] --data D | wc -l").as_deref(),
        Some("unstuck events --json --data D")
    );
    assert_eq!(
        words("unstuck up … --nats-url …").as_deref(),
        Some("unstuck up --nats-url nats://bus-1:4222")
    );
    assert_eq!(words("systemctl restart unstuck"), None);
}
