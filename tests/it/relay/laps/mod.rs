//! Relays that work off the queue of their workspace.

mod campaign;
mod endings;
mod handoffs;
mod losses;
mod outcomes;
mod prompts;
mod runs;
mod start;

use crate::support::{Sandbox, rally, show};

/// An agent that does its lap: a file, the lap done, a wrapup.
pub const WORK: &str = "init; echo $N > task$N.txt; laps done && laps wrapup --summary \"did $N\"; result ok";

/// A workspace with a queue of these laps; each may be `title@role`.
pub fn workspace(laps: &[&str]) -> Sandbox {
    let sandbox = Sandbox::initialised();
    rally(&sandbox, 0, &["laps", "init"]);
    for lap in laps {
        add(&sandbox, lap);
    }
    sandbox
}

/// Adds a lap at the tail: `title` or `title@role`.
pub fn add(sandbox: &Sandbox, lap: &str) {
    let (title, role) = lap.split_once('@').unwrap_or((lap, ""));
    let mut args = vec!["laps", "add", "tail", "--title", title, "--description", "do it"];
    if !role.is_empty() {
        args.extend(["--assignee", role]);
    }
    rally(sandbox, 0, &args);
}

/// The ids of the laps that wait, in order.
pub fn waiting(sandbox: &Sandbox) -> Vec<String> {
    let file: serde_json::Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let tasks = file["tasks"].as_array().unwrap();
    let open = tasks.iter().filter(|task| task["isDone"] != true);
    open.map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

/// `rally relay` with arguments and an exit code; says what it printed.
#[track_caller]
pub fn relay(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    show(sandbox, code, &sandbox.relay(args))
}
