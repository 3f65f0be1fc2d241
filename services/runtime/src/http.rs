//! The HTTP kit: what every service's door has in common, so that all doors answer alike.
//!
//! Invariants: every refusal leaves as `application/problem+json` with a request id; no body is read
//! beyond [`BODY_BYTES_MAX`]; neither bodies nor query strings nor tokens enter a log line.

pub mod allowance;
pub mod body;
pub mod health;
pub mod layers;
mod line;
pub mod openapi;
pub mod pages;
pub mod parameters;
pub mod preconditions;
pub mod problem;
pub mod request_id;
pub mod serve;
pub mod visitor;

pub use allowance::Allowance;
pub use body::{BODY_BYTES_MAX, StrictJson};
pub use health::{ReadyCheck, health_operations, health_routes};
pub use layers::{Kit, kit_layers};
pub use openapi::{Operation, Parameter, ParameterPlace, openapi, request_schema, response_schema};
pub use pages::problem_pages;
pub use parameters::{Path, Query};
pub use preconditions::{IdempotencyKey, IfMatch, etag};
pub use problem::{FieldError, Problem, ProblemEntry, problems};
pub use request_id::RequestId;
pub use serve::{Peer, serve};
pub use visitor::{Hops, PagesKey, TrustedProxies, Visitor};
