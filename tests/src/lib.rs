//! The harness of the black-box tests: a whole district from the real binary, and the people who use it.
//!
//! Invariants: tests reach the product only through its command line, its HTTP contract and, to harm it,
//! its bus and its files; every address is port 0 on loopback, every folder a temporary one, so tests run
//! side by side; nothing waits for a fixed time where it can wait for a condition with a deadline.

pub mod api;
pub mod binary;
pub mod bodies;
pub mod browser;
pub mod bus;
pub mod canary;
pub mod center;
pub mod chance;
pub mod clock;
pub mod cluster;
pub mod district;
pub mod faults;
pub mod holder;
pub mod line;
pub mod load;
pub mod network;
pub mod process;
pub mod truth;
pub mod visitor;
pub mod waiting;
pub mod wire;

pub use api::{Answer, Api};
pub use browser::Browser;
pub use center::Center;
pub use cluster::Cluster;
pub use district::District;
pub use holder::Holder;
pub use line::Line;
pub use waiting::{holds_for, wait_for, wait_until};
