//! What tests of single runs over a queue share.

use std::process::Output;

use serde_json::Value;

use crate::support::{Sandbox, stderr, stdout};

/// A workspace whose queue holds these laps, committed.
pub fn workspace(titles: &[&str]) -> Sandbox {
    let sandbox = Sandbox::initialised();
    good(sandbox.rally(["laps", "init"]).output().unwrap());
    for title in titles {
        good(sandbox.rally(["laps", "add", "tail", "--title", title]).output().unwrap());
    }
    sandbox.git(["add", "-A"]);
    sandbox.git(["commit", "-q", "-m", "queue"]);
    sandbox
}

pub fn good(output: Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    stdout(&output)
}

/// Ids of the laps with this state, in order.
pub fn laps(sandbox: &Sandbox, done: bool) -> Vec<String> {
    let queue: Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let tasks = queue["tasks"].as_array().unwrap().iter().filter(|task| task["isDone"] == done);
    tasks.map(|task| task["id"].as_str().unwrap().to_owned()).collect()
}

/// One field of every try, in order.
pub fn each(sandbox: &Sandbox, field: &str) -> Vec<Value> {
    sandbox.tries().iter().map(|record| record[field].clone()).collect()
}
