//! The line between a center with a server of its own and its district.
//!
//! At the center a courier reads the local log and brings what is new; at the district a gate looks at each event, and puts it
//! into the log that everybody reads. Invariants: the gate takes from a center what that center has signed, of its own
//! subjects, of the types that a center writes, and nothing else; it takes them in the center's order, each once, and knows by
//! a running digest that what comes now continues what came before; the key of a case is here before the case is; the center
//! lets its own copy of the key go when the district has it.
//!
//! Why not a source of JetStream, which would bring the events by itself: it resumed 10 to 20 s after a center had been restarted
//! and 39 s after it had first been heard (nats-server 2.15.1, measured 2026-12-01), where the courier takes milliseconds; it
//! believes sequence numbers, so that what an old disk or a second machine writes under numbers that it has passed is left out
//! without a word; it takes whatever stands under a subject; and somebody would need the right to change the streams.

mod courier;
mod gate;
mod look;
mod protocol;
mod standing;

pub use courier::{Courier, CourierConfig, CourierError};
pub use gate::task as gate_task;
pub use protocol::{ASKED, inbox_of, question};
pub(crate) use standing::guard;
pub use standing::{LineAnswer, Standing, operation, routes};
