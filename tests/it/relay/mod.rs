//! Whole relays with a fake `claude`.

mod basic;
mod commits;
mod resume;
mod scratch;
mod screen;
mod stopping;
mod streams;
