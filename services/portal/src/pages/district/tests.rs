//! The dashboard from typed answers: what it says, and what it never says.
