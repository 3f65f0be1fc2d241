//! The rules of the house, pure: what may happen to a case, when it is due, and what the district counts.
//!
//! Invariant: no clock, no randomness, no I/O, no logging. `#![no_std]` makes the compiler hold it:
//! what a decision needs (the time, the district's limits, the calendar) comes in with the command.
#![no_std]

extern crate alloc;

pub mod calendar;
pub mod figures;
pub mod free_text;
pub mod masking;
pub mod timetable;
