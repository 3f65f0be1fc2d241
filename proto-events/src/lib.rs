//! The facts of the house: everything that one service may know of another.
//!
//! Invariants: no I/O, no clock, no async (`#![no_std]`); an event type is never edited, it gains
//! optional fields or a new version with an upcaster; every version keeps its schema and a sample.
#![no_std]

extern crate alloc;

pub mod centers;
pub mod codes;
pub mod envelope;
pub mod events;
pub mod ids;
mod kinds;
pub mod learning;
pub mod public;
pub mod registry;
pub mod subject;
pub mod upcast;

/// An instant with its offset, as people wrote it down; RFC 3339 on the wire.
pub type Timestamp = chrono::DateTime<chrono::FixedOffset>;
