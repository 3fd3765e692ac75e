//! Whole relays with a fake `claude`.

mod basic;
mod commits;
mod freeze;
mod resume;
mod role_files;
mod routes;
mod routes_refused;
mod scratch;
mod screen;
mod stopping;
mod streams;
mod waits;
