//! `rally demo`: a whole relay with the scripted agents that come with rally.

#![allow(clippy::unwrap_used, reason = "helpers of a test panic like the test itself")]

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::{Sandbox, Terminal, stderr, stdout};

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
    assert_eq!(
        told("agent_type"),
        ["claude", "gemini", "opencode", "opencode", "claude", "claude"],
        "{said}"
    );
    assert_eq!(told("run_id"), [1, 2, 3, 3, 4, 4]);
    assert_eq!(told("completed"), [true, true, false, true, false, true]);
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
    // One went silent: it was found, and its session went on.
    assert_eq!(told("cause")[4], "freeze", "{said}");
    assert!(said.contains("❄ frozen: no output for "), "{said}");
    assert_eq!(sessions[4], sessions[5]);
    assert_eq!(told("summary")[5], "I fell silent over the last line; now it stands.");
    assert_eq!(read("line-4.txt"), "and one that slept was woken then.\n");
    // Where the report sends its reader there is what it promises.
    let named = |ending: &str| {
        let path =
            said.split_whitespace().find(|word| word.ends_with(ending)).unwrap_or_else(|| panic!("{said}"));
        std::fs::read_to_string(path).unwrap()
    };
    assert!(said.contains("Try 5 went silent and was found frozen:"), "{said}");
    assert!(named("relay-1.log").contains("freeze detected: no output for "));
    let sample: Value = serde_json::from_str(named("try-5.netstat.jsonl").lines().last().unwrap()).unwrap();
    assert!(sample["log_silent_s"].as_f64().is_some_and(|silent| silent >= 8.0), "{sample}");
    // Nothing of the user's was touched.
    let home: Vec<_> =
        std::fs::read_dir(sandbox.home()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(home, [".gitconfig"]);
}

// 20-AF-MO-05, 10-2.12: what a person sees of it
#[test]
fn the_demo_shows_how_a_silent_agent_is_found() {
    let sandbox = Sandbox::new();
    let folder = sandbox.root().join("demo");
    let mut terminal = Terminal::start(&sandbox.rally(["demo", "--dir", folder.to_str().unwrap()]), 60, 100);
    sandbox.wait_for("an agent that slows", || terminal.shown().contains("⚠ slowing"));
    sandbox.wait_for("an agent that is frozen", || terminal.shown().contains("❄ frozen"));
    assert_eq!(terminal.finish(), 0);
    let text = terminal.shown();
    assert!(text.contains("Try 5 went silent and was found frozen:"), "{text}");
}
