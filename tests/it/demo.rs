//! `rally demo`: a whole relay with the scripted agents that come with rally.

#![allow(clippy::unwrap_used, reason = "helpers of a test panic like the test itself")]

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::{Sandbox, stderr, stdout};

// 20-AF-GE-14: `cc ge op` runs Claude Code, Gemini CLI and opencode in that order.
#[test]
fn the_demo_runs_three_clis_in_order() {
    let sandbox = Sandbox::new();
    let folder = sandbox.root().join("demo");
    let output = sandbox.rally(["demo", "--dir", folder.to_str().unwrap()]).output().unwrap();
    let said = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{said}{}", stderr(&output));

    let tries = std::fs::read_to_string(folder.join("poem/.rally/state/tries.jsonl")).unwrap();
    let tries: Vec<Value> = tries.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let told = |key: &str| -> Vec<Value> { tries.iter().map(|record| record[key].clone()).collect() };
    assert_eq!(told("agent_type"), ["claude", "gemini", "opencode", "opencode"], "{said}");
    assert_eq!(told("run_id"), [1, 2, 3, 3]);
    assert_eq!(told("completed"), [true, true, false, true]);
    assert_eq!(told("files_changed")[1], serde_json::json!(["line-2.txt"]));
    // The retry went on in the session of the try that failed.
    let sessions = told("session_id");
    assert!(sessions.iter().all(|session| session.as_str().is_some_and(|id| !id.is_empty())), "{sessions:?}");
    assert_eq!(sessions[2], sessions[3]);
    assert_eq!(told("summary")[3], "They stumbled; the third line stands after all.");
    // What each CLI tells about tokens and cost came through.
    assert_eq!(told("usage")[1]["cached_input_tokens"], 1600);
    assert_eq!(told("cost_usd")[3], 0.01);
    assert_eq!(tries[1]["cost_usd"], Value::Null);

    let read = |file: &str| std::fs::read_to_string(folder.join("poem").join(file)).unwrap();
    assert_eq!(read("line-3.txt"), "They stumbled once, then rose again,\n");
    assert!(said.contains("--agent \"cc ge op\""), "{said}");
    assert!(said.contains("try 2: gemini, run 2, attempt 1: passed, 1 file"), "{said}");
    assert!(said.contains("try 3: opencode, run 3, attempt 1: failed (agent error: "), "{said}");
    // Nothing of the user's was touched.
    let home: Vec<_> =
        std::fs::read_dir(sandbox.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(home, [".gitconfig"]);
}
