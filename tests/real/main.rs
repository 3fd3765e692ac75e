//! The real agent CLIs against a model server of this suite's own, without any network: first alone
//! (`direct`), then driven by rally (`relay`), cell by cell of a `matrix`. Skipped unless asked for:
//!
//! ```text
//! RALLY_TEST_REAL_AGENTS=1 cargo test --test real -- --test-threads 6
//! ```
//!
//! The first run installs the CLIs of `agents.toml` from the npm registry (about 12 s, 1 GB) below
//! `target/`, or below `RALLY_REAL_AGENTS_DIR`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests are tests"
)]

mod cli;
mod direct;
mod install;
mod lab;
mod matrix;
mod mock;
mod namespace;
mod relay;
mod seat;
#[path = "../it/support/mod.rs"]
mod support;
mod table;
mod terminal;
mod traces;
