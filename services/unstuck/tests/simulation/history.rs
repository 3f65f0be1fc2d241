//! The log of a tale, read once: every event, and each case as it stood behind each of its events.

use std::collections::BTreeMap;

use casework::case::{Case, EventMeta};
use desk::decode;
use proto_events::envelope::Envelope;
use proto_events::events::CaseEvent;
use proto_events::ids::{CaseId, CommandId};
use runtime::log::Recorded;

/// An event, read.
pub(crate) struct Told {
    pub(crate) meta: EventMeta,
    pub(crate) envelope: Envelope,
    pub(crate) event: CaseEvent,
}

/// The whole log, read, and each case's part of it.
pub(crate) struct History {
    pub(crate) all: Vec<Told>,
    pub(crate) by_case: BTreeMap<CaseId, Vec<usize>>,
    /// Each case as it stood behind each of its events.
    states: BTreeMap<CaseId, Vec<Case>>,
}

impl History {
    pub(crate) fn read(events: &[Recorded]) -> Self {
        let (mut all, mut by_case, mut states) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (place, recorded) in events.iter().enumerate() {
            assert_eq!(recorded.sequence, place as u64 + 1, "sequences are contiguous");
            let (meta, event) = decode(recorded).expect("every event is readable");
            let envelope = recorded.envelope().expect("every envelope is readable");
            let told = Told { meta, envelope, event };
            let states: &mut Vec<Case> = states.entry(told.meta.case_id).or_default();
            let after = Case::step(states.last().cloned(), &told.meta, &told.event);
            states
                .push(after.unwrap_or_else(|| panic!("a history begins with an opening: {told}")));
            let places: &mut Vec<usize> = by_case.entry(told.meta.case_id).or_default();
            places.push(place);
            all.push(told);
        }
        Self { all, by_case, states }
    }

    /// The events of a case.
    pub(crate) fn of(&self, case_id: CaseId) -> impl Iterator<Item = &Told> {
        self.by_case.get(&case_id).into_iter().flatten().map(|place| &self.all[*place])
    }

    /// The case as it stood behind `sequence`.
    pub(crate) fn at(&self, case_id: CaseId, sequence: u64) -> Option<&Case> {
        let states = self.states.get(&case_id)?;
        let count = states.partition_point(|case| case.version <= sequence);
        states[..count].last()
    }

    /// The events of a command.
    pub(crate) fn of_command(&self, command_id: CommandId) -> Vec<&Told> {
        self.all.iter().filter(|told| told.meta.command_id == command_id).collect()
    }
}

impl std::fmt::Display for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let EventMeta { sequence, case_id, time, actor, .. } = &self.meta;
        write!(f, "{sequence} {case_id} {time} {actor} {:?}", self.event)
    }
}
