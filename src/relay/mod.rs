//! The loop: relay, run, try.

pub mod event;
