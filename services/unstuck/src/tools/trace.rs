//! The line that a tool leaves in the audit when it did something with the site as a whole.
//!
//! Invariant: what was done stands without it: a line that cannot be written is logged and does not undo anything.

use std::sync::Arc;

use desk::District;
use runtime::audit::{Audit, AuditLine, SignedAudit};
use runtime::clock::SystemClock;
use runtime::metrics::Metrics;
use runtime::vault::MasterKey;

use super::staff::ACTOR;
use crate::bus::ToolBus;

/// Leaves the line, signed as those of the services are.
pub(super) async fn leave(
    bus: &ToolBus,
    district: &District,
    master: &MasterKey,
    what: &'static str,
    detail: String,
) {
    let place = SignedAudit::new(bus.js.clone(), master.event_key());
    let district = district.rules.district.clone();
    let audit = Audit::new(place, district, Arc::new(SystemClock), Metrics::new());
    audit.record(AuditLine::new(ACTOR, what).detail(detail)).await;
}
