//! `rally progress`, as agents and hooks call it.

use std::process::Output;

use rally::model::Outcome;
use rally::store::{RunState, Shared};
use serde_json::{Value, json};

use super::*;
use crate::support::{stderr, stdout};

/// An initialised workspace.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".rally/.gitignore", "state/\n");
    sandbox
}

fn progress(sandbox: &Sandbox, args: &[&str]) -> Output {
    sandbox.rally(["progress"].iter().chain(args)).output().unwrap()
}

fn recorded(sandbox: &Sandbox, args: &[&str]) -> Value {
    let output = progress(sandbox, args);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(stdout(&output), "Progress recorded.\n");
    sandbox.records(".rally/summary.jsonl").pop().unwrap()
}

fn run_state(sandbox: &Sandbox, change: impl FnOnce(&mut RunState)) {
    let layout = layout(sandbox);
    std::fs::create_dir_all(layout.state_dir()).unwrap();
    Shared::lock(&layout).unwrap().update_run_state(change).unwrap();
}

// 30-S17 of the promises, 30-197
#[test]
fn each_call_adds_one_line() {
    let sandbox = workspace();
    let first = recorded(&sandbox, &["--summary", "test done"]);
    assert_eq!(first["summary"], "test done");
    let keys: Vec<&String> = first.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["run_id", "summary", "updated_at"], "empty optional fields are left out");
    first["updated_at"].as_str().unwrap().parse::<Timestamp>().unwrap();
    // Deviation 10-D25: follow-ups of a completion are kept.
    let second = recorded(&sandbox, &["--complete", "--summary", "all done", "--followup", "check results"]);
    assert_eq!(second["followups"], json!(["check results"]));
    assert!(second.get("handoff").is_none());
    assert_eq!(sandbox.records(".rally/summary.jsonl").len(), 2);
    let facts = sandbox.records(".rally/state/journal.jsonl");
    assert_eq!(facts.len(), 2);
    assert_eq!(facts[1]["summary"], second, "the journal has the same entry");
    for n in 0..58 {
        recorded(&sandbox, &["--summary", &format!("entry {n}")]);
    }
    assert_eq!(sandbox.records(".rally/summary.jsonl").len(), 60, "nothing is trimmed");
}

// 30-196: an id of its own for every report outside of a run.
#[test]
fn reports_outside_of_a_run_get_ids_of_their_own() {
    let sandbox = workspace();
    let ids: std::collections::BTreeSet<String> = (0..5)
        .map(|_| recorded(&sandbox, &["--summary", "x"])["run_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 5);
    for id in ids {
        let shape: String = id.chars().map(|c| if c.is_ascii_hexdigit() { '0' } else { c }).collect();
        assert_eq!(shape, "00000000-000000-0000", "{id}");
    }
}

// 30-196
#[test]
fn hooks_report_and_the_agent_finalises() {
    let sandbox = workspace();
    sandbox.write(".laps/laps.json", "{}");
    run_state(&sandbox, |state| {
        state.run_id = "relay-1-run-2".into();
        state.pinned_lap_id = Some("pinned".into());
    });
    for args in [&["--record-lap", "a", "--record-lap", "b"][..], &["--record-lap", "a"], &["--set-handoff"]]
    {
        let output = progress(&sandbox, args);
        assert!(output.status.success());
        assert_eq!(stdout(&output), "", "reports succeed silently");
    }
    let state = rally::store::run_state::read(&layout(&sandbox)).unwrap().unwrap();
    assert_eq!(state.recorded_laps, ["a", "b", "a"]);
    assert_eq!(state.handoff_state, 1);
    let attempted: Vec<&str> = state.laps_attempted.iter().map(|l| &*l.lap_id).collect();
    assert_eq!(attempted, ["a", "b", "a", "pinned"]);
    let args = ["--wrapup", "--summary", "half", "--classification", " continue ", "--followup", "rest"];
    let entry = recorded(&sandbox, &args);
    assert_eq!(entry["run_id"], "relay-1-run-2");
    assert_eq!(entry["classification"], "continue");
    assert_eq!(entry["laps_completed"], json!(["a", "b", "a"]));
    let handoff = &entry["handoff"];
    assert_eq!((&handoff["summary"], &handoff["followups"]), (&json!("half"), &json!(["rest"])));
    assert_eq!(handoff["created_lap_ids"].as_array().map(Vec::len), Some(1), "the follow-up waits as a lap");
    assert!(entry.get("followups").is_none());
    assert!(!layout(&sandbox).run_state().exists(), "the state is used up");
    assert!(!sandbox.repo().join(".rally/progress.yaml").exists());
}

// 30-196
#[test]
fn ways_to_finalise() {
    let sandbox = workspace();
    sandbox.write(".laps/laps.json", "{}");
    let wrapup = recorded(&sandbox, &["--wrapup", "--summary", "s"]);
    assert_eq!(wrapup["laps_completed"], "none");
    assert!(wrapup.get("handoff").is_none());
    let complete = recorded(&sandbox, &["--complete", "--record-lap", "l", "--summary", "s"]);
    assert_eq!(complete["laps_completed"], json!(["l"]));
    let handoff = recorded(&sandbox, &["--handoff", "--summary", "s"]);
    assert_eq!(handoff["handoff"], json!({"summary": "s", "followups": [], "created_lap_ids": []}));
    let bare = recorded(&sandbox, &["--summary", "s"]);
    assert!(bare.get("laps_completed").is_none());
}

// A try in flight keeps its view: `rally tail` and a second report find it there.
// Deviation from 30-196 ("state cleared") for as long as the try runs.
#[test]
fn the_try_in_flight_stays_in_the_view() {
    let sandbox = workspace();
    run_state(&sandbox, |state| {
        state.run_id = "relay-3-run-1".into();
        state.set_active(3, 1, 5, "/log", at(0));
        state.record_lap("a", at(1));
        state.handoff_state = 1;
    });
    recorded(&sandbox, &["--complete", "--summary", "s"]);
    let state = rally::store::run_state::read(&layout(&sandbox)).unwrap().unwrap();
    assert_eq!(state.active_try_id, Some(5));
    assert_eq!((state.handoff_state, state.recorded_laps.len()), (0, 0));
    assert_eq!(recorded(&sandbox, &["--summary", "again"])["run_id"], "relay-3-run-1");
}

// 30-196
#[test]
fn usage_errors_and_a_workspace_without_rally() {
    let sandbox = workspace();
    let cases: [(&[&str], i32, &str); 6] = [
        (&[], 2, "no action specified"),
        (&["--complete"], 2, "--summary is required for --complete"),
        (&["--handoff", "--summary", " "], 2, "--summary is required for --handoff"),
        (&["--wrapup"], 2, "--summary is required for --wrapup"),
        (&["--unknown"], 2, "--unknown"),
        (&["--record-lap"], 2, "--record-lap"),
    ];
    for (args, code, text) in cases {
        let output = progress(&sandbox, args);
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        assert!(stderr(&output).contains(text), "{args:?}: {}", stderr(&output));
    }
    assert!(!layout(&sandbox).summary().exists());
    let bare = Sandbox::new();
    let output = progress(&bare, &["--summary", "x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("rally init"), "{}", stderr(&output));
    assert!(!bare.repo().join(".rally").exists());
}

// 30-184, 30-197
#[test]
fn texts_are_bounded() {
    let sandbox = workspace();
    let long = "ü".repeat(4000);
    let entry =
        recorded(&sandbox, &["--handoff", "--summary", &long, "--followup", &long, "--followup", "x"]);
    for text in [&entry["summary"], &entry["handoff"]["summary"], &entry["handoff"]["followups"][0]] {
        assert_eq!(text.as_str().unwrap().chars().count(), 3000);
    }
    assert_eq!(entry["handoff"]["followups"][1], "x");
}

// Quotes and dollars survive, and a torn or conflicting line hides nothing.
#[test]
fn odd_texts_and_odd_files() {
    let sandbox = workspace();
    sandbox.write(".rally/summary.jsonl", "<<<<<<< HEAD\n{\"run_id\":\"a\",\"updated");
    sandbox.write(".rally/state/run-state.json", "{ half");
    let text = "it's \"$HOME\" `x` \\ \u{1f980}\nsecond line";
    let entry = {
        let output = progress(&sandbox, &["--summary", text]);
        assert!(output.status.success(), "{}", stderr(&output));
        let lines = sandbox.read(".rally/summary.jsonl");
        serde_json::from_str::<Value>(lines.lines().last().unwrap()).unwrap()
    };
    assert_eq!(entry["summary"], text);
    assert!(sandbox.read(".rally/summary.jsonl").starts_with("<<<<<<< HEAD\n{"));
    assert_eq!(sandbox.read(".rally/state/summary.jsonl.torn-1"), "{\"run_id\":\"a\",\"updated");
}

// Fifty agents and hooks at once, below a relay that holds the workspace.
#[test]
fn fifty_callers_at_once_lose_nothing() {
    let sandbox = workspace();
    let layout = layout(&sandbox);
    let (mut store, _) = open(&layout);
    let relay = store.create_relay(new_relay(1), at(0)).unwrap().id;
    let callers: Vec<_> = (0..50)
        .map(|n| {
            let (lap, summary) = (format!("lap-{n}"), format!("summary-{n} {}", "x".repeat(2000)));
            let args: Vec<&str> = match n % 2 {
                0 => vec!["progress", "--record-lap", &lap],
                _ => vec!["progress", "--summary", &summary],
            };
            sandbox.rally(args).stdout(std::process::Stdio::null()).spawn().unwrap()
        })
        .collect();
    for run in 1..=20 {
        one_try(&mut store, relay, run, Outcome::Failed);
    }
    for mut caller in callers {
        assert!(caller.wait().unwrap().success());
    }
    let summaries = sandbox.records(".rally/summary.jsonl");
    assert_eq!(summaries.len(), 25);
    let ids: std::collections::BTreeSet<_> = summaries.iter().map(|s| s["run_id"].to_string()).collect();
    assert_eq!(ids.len(), 25, "ids are unique");
    let facts = sandbox.records(".rally/state/journal.jsonl");
    assert_eq!(facts.iter().filter(|f| f["fact"] == "progress").count(), 25);
    assert_eq!(facts.iter().filter(|f| f["fact"] == "try_started").count(), 20);
    progress(&sandbox, &["--record-lap", "last"]);
    let state = rally::store::run_state::read(&layout).unwrap().unwrap();
    let laps = state.laps_attempted.iter().filter(|l| l.lap_id.starts_with("lap-")).count();
    assert!(laps <= 25 && state.recorded_laps.contains(&"last".to_owned()));
}

#[test]
fn no_recorded_lap_is_lost() {
    let sandbox = workspace();
    let callers: Vec<_> = (0..30)
        .map(|n| sandbox.rally(["progress", "--record-lap", &n.to_string()]).spawn().unwrap())
        .collect();
    for mut caller in callers {
        assert!(caller.wait().unwrap().success());
    }
    let state = rally::store::run_state::read(&layout(&sandbox)).unwrap().unwrap();
    let mut laps: Vec<u32> = state.recorded_laps.iter().map(|l| l.parse().unwrap()).collect();
    laps.sort_unstable();
    assert_eq!(laps, (0..30).collect::<Vec<_>>());
}

#[test]
fn the_store_sees_what_was_reported_for_a_run() {
    let sandbox = workspace();
    run_state(&sandbox, |state| state.run_id = "relay-1-run-2".into());
    let entry = recorded(&sandbox, &["--summary", "one", "--followup", "two"]);
    recorded(&sandbox, &["--summary", "of no run"]);
    let (store, _) = open(&layout(&sandbox));
    let reported = store.progress_of("relay-1-run-2").unwrap();
    assert_eq!(serde_json::to_value(&reported).unwrap(), json!([entry]));
    assert!(store.progress_of("relay-1-run-20").unwrap().is_empty());
}

// A report belongs to the run of its try, whatever the view shows by then.
#[test]
fn a_try_reports_for_its_own_run() {
    let sandbox = workspace();
    let (mut store, _) = open(&layout(&sandbox));
    let relay = store.create_relay(new_relay(1), at(0)).unwrap().id;
    let tag = store.allocate_try(new_try(relay, 1, 1), at(1)).unwrap().tag;
    run_state(&sandbox, |state| state.run_id = "relay-9-run-9".into());
    let say = |tag: &str, args: &[&str]| {
        let mut command = sandbox.rally(["progress"].iter().chain(args));
        assert!(command.env("RALLY_TRY", tag).output().unwrap().status.success());
    };
    say(&tag, &["--record-lap", "a", "--set-handoff"]);
    say(&tag, &["--wrapup", "--summary", "half"]);
    say(&tag, &["--wrapup", "--summary", "half"]);
    let run = format!("relay-{relay}-run-1");
    let reported = store.reported(&run).unwrap();
    assert_eq!(reported.done[0].lap_id, "a");
    assert_eq!(reported.entries.len(), 1, "said twice, recorded once");
    assert!(reported.handed_over().is_some());
    let view = store.read_run_state().unwrap().unwrap();
    assert_eq!((view.run_id.as_str(), view.handoff_state), ("relay-9-run-9", 0));
    assert!(view.recorded_laps.is_empty());
    // Of a try that nobody knows.
    say("gone", &["--record-lap", "b", "--summary", "late"]);
    let id = sandbox.records(".rally/summary.jsonl").pop().unwrap()["run_id"].clone();
    assert!(!id.as_str().unwrap().starts_with("relay-"), "{id}");
}
