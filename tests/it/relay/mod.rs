//! Whole relays with a fake `claude`.

mod basic;
mod commits;
mod freeze;
mod resume;
mod scratch;
mod screen;
mod stopping;
mod streams;
