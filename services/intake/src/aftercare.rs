//! The reaction that finishes what an event of intake began: a link stands in both cases, and the key of a
//! forgotten person is destroyed.
//!
//! Invariants: a redelivery changes nothing (the command's id is derived from the event, destroying is idempotent);
//! an erasure whose process died between event and key is finished here; before a key goes, what can be found only with
//! it goes, and the audit has a line that says why (twice, when the process died in between).

use std::collections::BTreeSet;
use std::sync::Arc;

use casework::case::EventMeta;
use casework::command::CorrectedField;
use casework::reaction::link_back;
use desk::service::BoxError;
use desk::{Desk, Order, decode};
use futures::FutureExt;
use futures::future::BoxFuture;
use proto_events::codes::{ApplicantKind, ErasureReason};
use proto_events::events::{CaseEvent, Corrected, SealedApplicant};
use proto_events::ids::{CaseId, CommandId};
use proto_events::subject::CaseSubject;
use runtime::audit::AuditLine;
use runtime::consumer::{Reaction, ReactionError};
use runtime::log::{Freshness, Recorded};
use runtime::vault::{DataKey, KeyState, VaultError};

use crate::applicant::Applicant;
use crate::duplicates;

/// The durable name of the reaction; its commands' ids are derived from it.
pub const NAME: &str = "intake-aftercare";

/// The reaction; deliver it every event of every case, as often and as late as you like.
pub struct Aftercare {
    desk: Arc<Desk>,
}

impl Aftercare {
    /// Makes it on a desk.
    #[must_use]
    pub fn new(desk: Arc<Desk>) -> Self {
        Self { desk }
    }

    async fn on(&self, recorded: &Recorded) -> Result<(), ReactionError> {
        // What cannot be read is the projection's to report.
        let Ok((meta, event)) = decode(recorded) else { return Ok(()) };
        if let CaseEvent::PersonalDataErased(erased) = &event {
            let forgotten = self.forget(recorded, &meta, erased.reason).await;
            return forgotten.map_err(|error| ReactionError::Retry(error.to_string().into()));
        }
        let Some((other, command)) = link_back(meta.case_id, &event) else { return Ok(()) };
        let command_id = CommandId::of_reaction(NAME, meta.id);
        let mut order = Order::of_system("intake", other, command, command_id);
        order.causation = Some(meta.id);
        match self.desk.execute(order).await {
            Ok(_) => Ok(()),
            Err(problem) if problem.status.is_client_error() => Ok(()),
            Err(problem) => Err(ReactionError::Retry(problem.detail.into())),
        }
    }

    /// Destroys the key of a case, after everything that needs it.
    async fn forget(
        &self,
        recorded: &Recorded,
        meta: &EventMeta,
        reason: ErasureReason,
    ) -> Result<(), BoxError> {
        let case_id = meta.case_id;
        match self.desk.vault.state(case_id).await {
            Ok(KeyState::Destroyed) => return Ok(()),
            Ok(KeyState::Present(key)) => self.release(&recorded.subject, case_id, &key).await?,
            Err(error @ VaultError::Unreachable(_)) => return Err(error.into()),
            // A key that is lost or does not open tells nothing, and is put away all the same.
            Ok(KeyState::Missing) | Err(_) => {}
        }
        let center = CaseSubject::parse(&recorded.subject).map(|subject| subject.center);
        let line = AuditLine::new(meta.actor.as_str(), "personal_data_erased")
            .role(meta.role)
            .case(case_id)
            .center(center)
            .detail(reason.code());
        self.desk.audit.record_or_fail(line).await?;
        Ok(self.desk.vault.destroy(case_id).await?)
    }

    /// Lets go of every matter that the case is found by: under each name, telephone and matter that it ever had.
    async fn release(&self, subject: &str, case_id: CaseId, key: &DataKey) -> Result<(), BoxError> {
        let history = self.desk.log.load(subject, Freshness::Leader).await?;
        let (mut people, mut matters) = (BTreeSet::new(), BTreeSet::new());
        for (_, event) in history.iter().filter_map(|recorded| decode(recorded).ok()) {
            let sealed = match event {
                CaseEvent::Opened(opened) => {
                    matters.insert(opened.matter.name);
                    Some(opened.applicant)
                }
                CaseEvent::Corrected(Corrected { field, value: Some(value), .. })
                    if field == CorrectedField::Matter.name() =>
                {
                    matters.insert(value);
                    None
                }
                CaseEvent::Corrected(Corrected { sealed: Some(sealed), .. }) => {
                    Some(SealedApplicant { kind: ApplicantKind::Person, sealed })
                }
                _ => None,
            };
            // What does not open was reserved for nobody.
            let person = sealed.and_then(|sealed| Applicant::open(&sealed, key, case_id).ok());
            people.extend(person.map(|person| person.identity()));
        }
        for person in &people {
            for matter in &matters {
                duplicates::release(&self.desk, person, matter, case_id).await?;
            }
        }
        Ok(())
    }
}

impl Reaction for Aftercare {
    fn name(&self) -> &'static str {
        NAME
    }

    fn react<'a>(&'a self, event: &'a Recorded) -> BoxFuture<'a, Result<(), ReactionError>> {
        self.on(event).boxed()
    }
}
