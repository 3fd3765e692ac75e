//! What the operator sees and presses.

pub mod sanitize;
