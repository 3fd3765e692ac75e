//! Whole relays with a fake `claude`.

mod basic;
mod commits;
mod resume;
mod stopping;
mod streams;
