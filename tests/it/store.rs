//! Tests of what is remembered: real files, real processes, real locks.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod commands;
mod crash;
mod disk;
mod growth;
mod health;
mod inbox;
mod lock;
mod migration;
mod progress;
mod records;
mod tail;

use std::path::Path;

use rally::model::{Outcome, Timestamp};
use rally::store::records::{TryRecord, TryStarted};
use rally::store::{Layout, NewRelay, NewTry, Opened, Store, WorkspaceLock};

use crate::support::Sandbox;

/// A moment: seconds after some day.
fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

/// Layout of a sandbox, as the commands see it.
fn layout(sandbox: &Sandbox) -> Layout {
    Layout::new(&sandbox.repo(), &sandbox.home().join(".local/share/rally")).unwrap()
}

/// Opens the store; nothing is left to be reaped.
fn open(layout: &Layout) -> (Store, Opened) {
    let lock = WorkspaceLock::acquire(layout).unwrap();
    Store::open(layout.clone(), lock, at(1000), &mut |_, _| Vec::new()).unwrap()
}

fn new_relay(target: u64) -> NewRelay {
    NewRelay { target_iterations: target, agent_mix: "__override__:cc:2".into(), ..NewRelay::default() }
}

fn new_try(relay_id: u64, run_id: u64, attempt: u32) -> NewTry {
    let harness = "claude".to_owned();
    let tag = format!("tag-{relay_id}-{run_id}-{attempt}");
    NewTry { relay_id, run_id, attempt, tag, harness, ..NewTry::default() }
}

/// The record of an allocated try.
fn ended(started: &TryStarted, outcome: Outcome) -> TryRecord {
    serde_json::from_value(serde_json::json!({
        "id": started.try_id,
        "run_id": started.run_id,
        "relay_id": started.relay_id,
        "agent_type": started.harness,
        "completed": outcome.is_success(),
        "outcome": outcome,
        "started_at": at(0).to_string(),
        "ended_at": at(9).to_string(),
        "attempt_number": started.attempt,
        "log_path": started.log_path,
    }))
    .unwrap()
}

/// Allocates and finishes one try.
fn one_try(store: &mut Store, relay: u64, run: u64, outcome: Outcome) -> TryRecord {
    let started = store.allocate_try(new_try(relay, run, 1), at(1)).unwrap();
    store.finish_try(ended(&started, outcome)).unwrap()
}

/// Lines of a file as JSON; empty when it is missing.
fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
