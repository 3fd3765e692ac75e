//! `rally tail`: which log, and until when.

mod following;
mod screen;

use std::time::Duration;

use rally::model::Outcome;
use rally::model::time::{now, rfc3339_millis};
use rally::store::RunState;

use super::*;
use crate::support::{stderr, stdout};

/// A store with an open relay and the given finished tries, each with a log of its own.
fn with_tries(sandbox: &Sandbox, outcomes: &[Outcome]) -> Store {
    let (mut store, _) = open(&layout(sandbox));
    let relay = store.create_relay(new_relay(99), at(0)).unwrap().id;
    for (n, outcome) in outcomes.iter().enumerate() {
        let record = one_try(&mut store, relay, n as u64 + 1, *outcome);
        std::fs::write(record.log_path.unwrap(), format!("log {}\n", record.id)).unwrap();
    }
    store
}

fn tail(sandbox: &Sandbox, args: &[&str]) -> (String, String, i32) {
    let output = sandbox.rally(["tail"].iter().chain(args)).output().unwrap();
    (stdout(&output), stderr(&output), output.status.code().unwrap())
}

/// The earlier program's marker of a try in flight.
fn mark(store: &Store, relay: u64, try_id: u64, log: &Path, started: Timestamp) {
    let mut state = RunState { run_id: "relay-1-run-9".into(), ..RunState::default() };
    state.set_active(relay, 9, try_id, log.to_str().unwrap(), started);
    store.write_run_state(&state).unwrap();
}

// 10-L1, 10-L2, 10-L3, 10-L4
#[test]
fn the_newest_completed_or_the_one_asked_for() {
    let sandbox = Sandbox::new();
    let (_, error, code) = tail(&sandbox, &[]);
    assert_eq!(code, 1);
    assert!(error.contains("no tries recorded"), "{error}");
    assert!(tail(&sandbox, &["--try", "1"]).1.contains("no tries recorded"));
    assert!(!sandbox.repo().join(".rally").exists(), "looking creates nothing");

    let store = with_tries(&sandbox, &[Outcome::Completed, Outcome::Completed, Outcome::Failed]);
    let mut store = Some(store);
    for held in [true, false] {
        if !held {
            store = None;
        }
        let between = "note: no try runs right now; this is try 2, of claude\n";
        let remark = if store.is_some() { between } else { "" };
        let cases: [(&[&str], &str, &str); 6] = [
            (&[], "log 2\n", remark),
            (&["--try", "0"], "log 2\n", remark),
            (&["--try", "-3"], "log 2\n", remark),
            (&["--try", "1"], "log 1\n", ""),
            (&["--try", "3"], "log 3\n", ""),
            (&["--no-follow"], "log 2\n", remark),
        ];
        for (args, expected, remark) in cases {
            assert_eq!(tail(&sandbox, args), (expected.into(), remark.into(), 0), "{args:?} {held}");
        }
        let (_, error, code) = tail(&sandbox, &["--try", "4"]);
        assert_eq!(code, 1);
        assert!(error.contains("valid range: 1-3"), "{error}");
    }
    std::fs::remove_file(layout(&sandbox).try_log(1)).unwrap();
    let (_, error, _) = tail(&sandbox, &["--try", "1"]);
    assert!(error.contains("removed by retention (`rally gc`)") && error.contains("try-1.log"), "{error}");
}

// 10-L8
#[test]
fn only_failed_tries_means_the_newest() {
    let sandbox = Sandbox::new();
    with_tries(&sandbox, &[Outcome::Failed, Outcome::Failed]);
    assert_eq!(tail(&sandbox, &[]).0, "log 2\n");
}

// The id counts; the position only where no try has it.
#[test]
fn a_trimmed_history_is_found_by_position() {
    let sandbox = Sandbox::new();
    with_tries(&sandbox, &[Outcome::Completed; 5]);
    let tries = layout(&sandbox).tries();
    let kept: Vec<String> =
        std::fs::read_to_string(&tries).unwrap().lines().skip(3).map(|l| format!("{l}\n")).collect();
    std::fs::write(&tries, kept.concat()).unwrap();
    assert_eq!(tail(&sandbox, &["--try", "4"]).0, "log 4\n");
    assert_eq!(tail(&sandbox, &["--try", "1"]).0, "log 4\n");
}

// 10-L6
#[test]
fn workspaces_that_share_a_data_folder_see_their_own_logs() {
    let sandbox = Sandbox::new();
    with_tries(&sandbox, &[Outcome::Completed]);
    let other = sandbox.root().join("other");
    std::fs::create_dir(&other).unwrap();
    let output = sandbox.rally(["tail"]).current_dir(&other).output().unwrap();
    assert!(stderr(&output).contains("no tries recorded"));
    let inside = sandbox.repo().join("sub");
    std::fs::create_dir(&inside).unwrap();
    let output = sandbox.rally(["tail"]).current_dir(&inside).output().unwrap();
    assert_eq!(stdout(&output), "log 1\n", "from anywhere in the work tree");
}

// 10-L7: identical bytes, whatever they are; colours never go into a pipe.
#[test]
fn bytes_are_identical() {
    let sandbox = Sandbox::new();
    with_tries(&sandbox, &[Outcome::Completed]);
    let mut bytes: Vec<u8> = (0..=255).cycle().take(200_000).collect();
    bytes.extend_from_slice(b"\x1b[31mred\x1b[0m {\"a\":1}\nno newline");
    std::fs::write(layout(&sandbox).try_log(1), &bytes).unwrap();
    for mode in ["off", "", "heuristic", "chroma"] {
        let output = sandbox.rally(["tail", "--highlight", mode]).output().unwrap();
        assert_eq!(output.stdout, bytes, "{mode}");
    }
    let (_, error, code) = tail(&sandbox, &["--highlight", "rainbow"]);
    assert_eq!(code, 2);
    for mode in ["off", "heuristic", "chroma"] {
        assert!(error.contains(mode), "{error}");
    }
}

// 10-L7; deviation 10-D23: both modes obey the terminal.
#[test]
fn colours_where_they_are_shown() {
    let sandbox = Sandbox::new();
    with_tries(&sandbox, &[Outcome::Completed]);
    let log = "{\"a\":1}\nplain \x1b]0;x\x07\nerror: fragment";
    std::fs::write(layout(&sandbox).try_log(1), log).unwrap();
    let coloured = |mode: &str| {
        let mut command = sandbox.rally(["tail", "--highlight", mode]);
        stdout(&command.env("CLICOLOR_FORCE", "1").output().unwrap())
    };
    assert_eq!(coloured("off"), log, "the very bytes");
    let red = "\x1b[91merror\x1b[0m: fragment";
    assert_eq!(coloured("heuristic"), format!("\x1b[92m{{\"a\":1}}\x1b[0m\nplain \n{red}"));
    let chroma = coloured("chroma");
    assert!(chroma.contains("\x1b[38;5;197m\"a\":") && chroma.ends_with("error: fragment"), "{chroma:?}");
}

// 10-L8: a stale marker is passed over, with its reason.
#[test]
fn stale_markers_fall_back() {
    let cases: [(&str, u64, u64, bool, i64, &str); 5] = [
        ("missing log", 1, 9, false, 0, "its log is missing"),
        ("ended relay", 1, 9, true, 0, "its relay has ended"),
        ("unknown relay", 77, 9, true, 0, "its relay is unknown"),
        ("old", 1, 9, true, 25 * 3600, "more than 24 hours ago"),
        ("recorded", 1, 2, true, 0, "already recorded"),
    ];
    for (name, relay, try_id, has_log, age, reason) in cases {
        let sandbox = Sandbox::new();
        let mut store = with_tries(&sandbox, &[Outcome::Completed, Outcome::Failed]);
        let log = sandbox.root().join("active.log");
        if has_log {
            std::fs::write(&log, "active").unwrap();
        }
        if name == "ended relay" {
            store.close_open_relays(at(5)).unwrap();
        }
        mark(&store, relay, try_id, &log, now() - Duration::from_secs(age as u64));
        let (out, error, code) = tail(&sandbox, &[]);
        assert_eq!((&*out, code), ("log 1\n", 0), "{name}");
        assert!(error.starts_with("warning: ") && error.contains(reason), "{name}: {error}");
        assert_eq!(tail(&sandbox, &["--try", "1"]), ("log 1\n".into(), String::new(), 0), "{name}");
    }
}

// A start time is written with milliseconds, and any other text is no reason to give up.
#[test]
fn a_marker_without_a_readable_time_is_believed() {
    let sandbox = Sandbox::new();
    let store = with_tries(&sandbox, &[Outcome::Completed]);
    let log = sandbox.root().join("active.log");
    std::fs::write(&log, "active").unwrap();
    mark(&store, 1, 7, &log, now());
    let state = sandbox.read(".rally/state/run-state.json");
    let time = store.read_run_state().unwrap().unwrap().active_started_at.unwrap();
    assert_eq!(rfc3339_millis(time.parse().unwrap()), time);
    sandbox.write(".rally/state/run-state.json", &state.replace(&time, "yesterday"));
    assert_eq!(tail(&sandbox, &["--no-follow"]).0, "active");
}
