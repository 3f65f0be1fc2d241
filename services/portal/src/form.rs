//! Forms: what was typed, what is wrong with it, and the controls that show both.
//!
//! Invariants: a form is rendered from what was typed, so that nothing typed is lost by a refusal; the name of a control
//! is the place in the body that it fills, with dots (`applicant.phone` fills `/applicant/phone`), so that a fault finds
//! its control; each rendered form carries a key of its own, which makes sending it twice harmless.

mod carried;
mod controls;
mod faults;
mod typed;

pub(crate) use carried::Carried;
pub(crate) use controls::{Choice, Field, Form, Sending, fresh_key, id_of};
pub(crate) use faults::Faults;
pub(crate) use typed::{FORM, Typed, is_secret, narrow};
