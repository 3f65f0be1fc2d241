//! What was acknowledged, and whether the log and every view have it: the one judge of all tests that break something.
//!
//! Invariants: only what was answered with success counts as acknowledged, and whoever was not answered asks again with
//! the same key until somebody is; so in the end the log holds what was acknowledged, what the house does by itself, and
//! nothing else, each once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::api::{Answer, Api};
use crate::bodies::event_name;
use crate::cluster::{Cluster, Service};
use crate::district::said;
use crate::wait_until;

/// Steps that the house takes at most once in a case that nobody has reopened, whatever restarts and is told again.
const ONCE: [&str; 5] =
    ["forwarded", "task_force_convened", "rectification_opened", "closed", "personal_data_erased"];

/// What people were told that it is done.
#[derive(Debug, Default)]
pub struct Truth {
    told: Mutex<BTreeMap<String, Told>>,
    /// Questions that were counted, by center.
    tallies: Mutex<BTreeMap<String, u64>>,
}

/// What was told of one case.
#[derive(Debug, Clone, Default)]
struct Told {
    center: String,
    /// Ids of the events of what was acknowledged.
    events: BTreeSet<String>,
    /// Steps that the house itself has to take.
    owed: BTreeSet<&'static str>,
}

/// An event as it stands in the log.
#[derive(Debug, Clone)]
pub struct Fact {
    /// Its place in the stream.
    pub sequence: u64,
    /// Its id.
    pub id: String,
    /// The last part of its type, such as `opened`.
    pub name: String,
    /// Its case.
    pub case_id: String,
    /// The center in its subject.
    pub center: String,
    /// Whether the house did it by itself.
    pub is_of_the_house: bool,
    /// What it says.
    pub data: Value,
}

impl Truth {
    /// Keeps that a case was opened; `owed` are the steps that the house then has to take.
    pub fn opened(&self, center: &str, answer: &Answer, owed: &[&'static str]) {
        self.keep(answer.case_id(), Some(center), event_ids(answer), owed);
    }

    /// Keeps that a command on a case was carried out.
    pub fn done(&self, answer: &Answer, owed: &[&'static str]) {
        self.keep(answer.case_id(), None, event_ids(answer), owed);
    }

    fn keep(
        &self,
        case_id: &str,
        center: Option<&str>,
        events: impl IntoIterator<Item = String>,
        owed: &[&'static str],
    ) {
        let mut told = self.told();
        let case = told.entry(case_id.to_owned()).or_default();
        if let Some(center) = center {
            center.clone_into(&mut case.center);
        }
        case.owed.extend(owed);
        case.events.extend(events);
    }

    /// Keeps that a question was counted.
    pub fn tallied(&self, center: &str) {
        *lock(&self.tallies).entry(center.to_owned()).or_default() += 1;
    }

    /// How many questions each center was told are counted.
    #[must_use]
    pub fn tallies(&self) -> BTreeMap<String, u64> {
        lock(&self.tallies).clone()
    }

    /// How many cases were acknowledged.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.told().len()
    }

    /// How many events were acknowledged.
    #[must_use]
    pub fn events(&self) -> usize {
        self.told().values().map(|case| case.events.len()).sum()
    }

    /// How many cases of each center were acknowledged.
    #[must_use]
    pub fn centers(&self) -> BTreeMap<String, u64> {
        let mut counts = BTreeMap::new();
        for case in self.told().values() {
            *counts.entry(case.center.clone()).or_default() += 1;
        }
        counts
    }

    /// Whether the house has taken every step that it owes.
    #[must_use]
    pub fn is_settled(&self, facts: &[Fact]) -> bool {
        self.owing(facts).is_empty()
    }

    fn owing(&self, facts: &[Fact]) -> Vec<String> {
        let taken: BTreeSet<(&str, &str)> =
            facts.iter().map(|fact| (fact.case_id.as_str(), fact.name.as_str())).collect();
        let told = self.told();
        let owed = told.iter().flat_map(|(id, case)| case.owed.iter().map(move |step| (id, *step)));
        owed.filter(|(id, step)| !taken.contains(&(id.as_str(), *step)))
            .map(|(id, step)| format!("{id}: the house has not {step}"))
            .collect()
    }

    /// What is wrong with the log, in words; nothing when it is right.
    #[must_use]
    pub fn faults_of_log(&self, facts: &[Fact]) -> Vec<String> {
        let mut faults = self.owing(facts);
        for (index, fact) in facts.iter().enumerate() {
            if fact.sequence != index as u64 + 1 {
                faults.push(format!("{} stands where {} should", fact.sequence, index + 1));
                break;
            }
        }
        let mut stands: BTreeMap<&str, u32> = BTreeMap::new();
        for fact in facts {
            *stands.entry(&fact.id).or_default() += 1;
        }
        let twice = stands.iter().filter(|(_, times)| **times > 1);
        faults.extend(twice.map(|(id, times)| format!("event {id} stands {times} times")));
        let told = self.told();
        for (case_id, case) in told.iter() {
            let lost = case.events.iter().filter(|id| !stands.contains_key(id.as_str()));
            faults.extend(lost.map(|id| format!("{case_id}: {id} was acknowledged and is lost")));
        }
        for fact in facts {
            let Fact { case_id, name, center, .. } = fact;
            match told.get(case_id) {
                None => faults.push(format!("{case_id}: {name}, of which nobody was told")),
                Some(case) if case.center != *center => {
                    faults.push(format!("{case_id} stands under {center}, not {}", case.center));
                }
                // Whoever wished it was told in the end, if not at first: what nobody was told of was done twice.
                Some(case) if !fact.is_of_the_house && !case.events.contains(&fact.id) => {
                    faults
                        .push(format!("{case_id}: {name} {} was done without being told", fact.id));
                }
                Some(_) => {}
            }
        }
        faults.extend(reactions_that_ran_twice(facts));
        faults
    }

    /// What is wrong with what a reader is shown, in words: each case once, at its center, as far as its log goes.
    #[must_use]
    pub fn faults_of_views(&self, facts: &[Fact], reader: &Api) -> Vec<String> {
        let mut versions: BTreeMap<&str, u64> = BTreeMap::new();
        for fact in facts {
            versions.insert(&fact.case_id, fact.sequence);
        }
        let mut faults = Vec::new();
        for (center, count) in self.centers() {
            let listed = reader.whole_list(&format!("/v1/cases?center={center}"));
            if listed.len() as u64 != count {
                faults.push(format!("{center} has {count} cases, the list {}", listed.len()));
            }
        }
        let listed = reader.whole_list("/v1/cases?sort=opened_at");
        let mut shown = BTreeMap::new();
        for item in &listed {
            let id = item["case_id"].as_str().unwrap_or_default();
            if shown.insert(id, item["version"].as_u64().unwrap_or_default()).is_some() {
                faults.push(format!("{id} is listed twice"));
            }
        }
        if shown != versions {
            let differs = |id: &&&str| shown.get(**id) != versions.get(**id);
            let ids: BTreeSet<&&str> = shown.keys().chain(versions.keys()).collect();
            let ids: Vec<_> = ids.iter().copied().filter(|id| differs(id)).collect();
            faults.push(format!("the views are not as far as the log in {ids:?}"));
        }
        faults
    }

    /// Looks whether the log of a cluster has what was acknowledged, once, and nothing else, whether each of these processes
    /// shows it, and whether its views equal the log.
    ///
    /// # Panics
    /// When they do not; says what is wrong.
    #[track_caller]
    pub fn holds(&self, cluster: &Cluster, projections: &[Service]) {
        let log = || facts(cluster.tool(&["events"]));
        wait_until("the house has done what it owes", || self.is_settled(&log()));
        let facts = log();
        let faults = self.faults_of_log(&facts);
        assert!(
            faults.is_empty(),
            "{} faults in {} events: {faults:#?}",
            faults.len(),
            facts.len()
        );
        for projection in projections {
            projection.becomes_ready();
            let reader = projection.api(Some("coordinator"));
            let end = facts.iter().map(|fact| fact.sequence).max();
            wait_until(&format!("the views of host {} are at the end", projection.host()), || {
                reader.get("/v1/cases?limit=1").json["as_of_sequence"].as_u64() >= end
            });
            let faults = self.faults_of_views(&facts, &reader);
            assert_eq!(faults, [""; 0], "views of host {}", projection.host());
        }
        let verified = cluster.tool(&["verify"]).output().expect("the binary can be started");
        let text = said(&verified);
        assert!(verified.status.success(), "{text}");
        assert_eq!(text.matches("No difference").count(), projections.len(), "{text}");
    }

    fn told(&self) -> MutexGuard<'_, BTreeMap<String, Told>> {
        lock(&self.told)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the log with `unstuck events`, given how to reach the bus.
///
/// # Panics
/// When the tool fails or prints no events.
#[must_use]
#[track_caller]
pub fn facts(mut tool: Command) -> Vec<Fact> {
    let output = tool.output().expect("the binary can be started");
    assert!(output.status.success(), "{}", said(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| fact(&serde_json::from_str(line).expect("a line of JSON"))).collect()
}

fn fact(line: &Value) -> Fact {
    let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
    Fact {
        sequence: line["sequence"].as_u64().unwrap_or_default(),
        id: text("id"),
        name: event_name(&text("type")).to_owned(),
        case_id: text("case_id"),
        center: text("subject").split('.').nth(1).unwrap_or_default().to_owned(),
        is_of_the_house: line["role"] == "system",
        data: line["data"].clone(),
    }
}

fn reactions_that_ran_twice(facts: &[Fact]) -> Vec<String> {
    let reopened: BTreeSet<&str> = facts
        .iter()
        .filter(|fact| fact.name == "reopened")
        .map(|fact| fact.case_id.as_str())
        .collect();
    let mut taken: BTreeMap<(&str, &str, String), u32> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.is_of_the_house) {
        let which = match fact.name.as_str() {
            "escalated" => {
                ["clock", "occurrence", "level"].map(|name| fact.data[name].to_string()).concat()
            }
            name if ONCE.contains(&name) && !reopened.contains(fact.case_id.as_str()) => {
                String::new()
            }
            _ => continue,
        };
        *taken.entry((&fact.case_id, &fact.name, which)).or_default() += 1;
    }
    let twice = taken.into_iter().filter(|(_, times)| *times > 1);
    twice
        .map(|((id, name, which), times)| {
            format!("{id}: the house has {name} {which} {times} times")
        })
        .collect()
}

fn event_ids(answer: &Answer) -> Vec<String> {
    let events = answer["events"].as_array().map_or(&[][..], Vec::as_slice);
    events.iter().filter_map(|event| Some(event["id"].as_str()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fact_of(sequence: u64, id: &str, name: &str, role: &str) -> Fact {
        fact(&json!({
            "sequence": sequence, "id": id, "type": format!("cn.unstuck.case.{name}.v1"),
            "case_id": "one", "subject": "case.jingshan.one", "role": role, "data": {},
        }))
    }

    fn told(events: &[&str]) -> Truth {
        let truth = Truth::default();
        truth.keep(
            "one",
            Some("jingshan"),
            events.iter().map(|id| (*id).to_owned()),
            &["forwarded"],
        );
        truth
    }

    #[test]
    fn what_is_right_has_no_fault_and_each_wrong_is_named() {
        let opened = fact_of(1, "a", "opened", "clerk");
        let forwarded = fact_of(2, "b", "forwarded", "system");
        let right = [opened.clone(), forwarded.clone()];
        assert_eq!(told(&["a"]).faults_of_log(&right), [""; 0]);
        let wrongs: [(&[&str], Vec<Fact>, &str); 7] = [
            (&["a", "c"], right.to_vec(), "c was acknowledged and is lost"),
            (&["a"], vec![opened.clone()], "has not forwarded"),
            (&["a"], vec![opened.clone(), fact_of(3, "b", "forwarded", "system")], "should"),
            (&["a"], vec![opened.clone(), fact_of(2, "a", "forwarded", "system")], "2 times"),
            (
                &["a"],
                [&right[..], &[fact_of(3, "c", "progress_noted", "clerk")]].concat(),
                "without being told",
            ),
            (
                &["a"],
                [&right[..], &[fact_of(3, "c", "forwarded", "system")]].concat(),
                "forwarded  2 times",
            ),
            (
                &["a"],
                [
                    &right[..],
                    &[Fact { case_id: "two".to_owned(), ..fact_of(3, "c", "opened", "clerk") }],
                ]
                .concat(),
                "nobody was told",
            ),
        ];
        for (events, facts, expected) in wrongs {
            let faults = told(events).faults_of_log(&facts);
            assert!(faults.len() == 1 && faults[0].contains(expected), "{expected}: {faults:?}");
        }
    }
}
