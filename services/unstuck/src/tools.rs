//! The tools: each does one thing on a data folder or a bus, beside a running `up` or without one.

pub(crate) mod backup;
pub(crate) mod bus_config;
pub(crate) mod doctor;
pub(crate) mod enroll;
pub(crate) mod events;
pub(crate) mod import;
pub(crate) mod keys;
pub(crate) mod parked;
pub(crate) mod quarantine;
pub(crate) mod register;
pub(crate) mod schema;
pub(crate) mod staff;
pub(crate) mod token;
mod trace;
pub(crate) mod views;
