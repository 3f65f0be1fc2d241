//! The machinery of the house: it moves events, keeps views, serves HTTP, and judges nothing.
//!
//! Invariant: nothing in this crate knows what a case is. It sees subjects, envelopes and bytes;
//! the rules live in `casework`, and `desk` joins the two.

pub mod audit;
pub mod bus_users;
pub mod clock;
pub mod command_loop;
pub mod connect;
pub mod consumer;
pub mod http;
pub mod identity;
pub mod kv;
pub mod log;
pub mod metrics;
pub mod nats_server;
pub mod private_files;
pub mod seals;
pub mod seeds;
pub mod settings;
pub mod shutdown;
pub mod store;
pub mod streams;
#[cfg(unix)]
pub mod supervisor;
pub mod telemetry;
pub mod vault;
