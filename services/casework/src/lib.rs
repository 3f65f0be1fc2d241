//! The rules of the house, pure: what may happen to a case, when it is due, and what the district counts.
//!
//! Invariant: no clock, no randomness, no I/O, no logging. `#![no_std]` makes the compiler hold it:
//! what a decision needs (the time, the district's limits, the calendar) comes in with the command.
//!
//! Reading order: [`case`] (what a case is and how events change it), [`command`] (what may be wished),
//! [`decide`] (which events a wish leads to, or the refusal), [`permission`] (who may wish it), [`reaction`] (what the house does by itself),
//! [`timetable`] and [`calendar`] (when it is due), [`explanation`] (why it is due then), [`figures`] (what is counted), [`learning`]
//! (what the district keeps of it).
#![no_std]

extern crate alloc;

pub mod calendar;
pub mod case;
pub mod centers;
pub mod command;
pub mod decide;
pub mod explanation;
pub mod figures;
pub mod free_text;
pub mod learning;
pub mod masking;
pub mod next;
pub mod permission;
pub mod reaction;
pub mod refusal;
pub mod register;
pub mod rules;
pub mod timetable;
