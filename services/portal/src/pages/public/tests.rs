//! The page of a receipt, rendered.
