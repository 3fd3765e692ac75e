//! Is the agent alive, and what happened to it? Reads `/proc`, decides nothing.

pub mod memory;
