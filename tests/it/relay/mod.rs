//! Whole relays with a fake `claude`.

mod basic;
mod budgets;
mod commits;
mod freeze;
mod keys;
mod laps;
mod outcomes;
mod quota;
mod resilience;
mod resume;
mod retries;
mod role_files;
mod routes;
mod routes_refused;
mod scratch;
mod screen;
mod stopping;
mod streams;
mod waits;
