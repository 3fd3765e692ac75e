//! While an agent works, and while it is being ended.

use super::{Desk, GRACEFUL, PAUSE, QUIT, SKIP, STUCK_ONCE, SUSPEND, args, blamed, state, told, with_models};
use crate::support::Sandbox;

// 20-AF-KB-01, -04, -06, -07, -09, 30-169, 30-170; the brief's promise of two presses
#[test]
fn one_press_says_so_and_two_act() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("trap '' INT; trap 'exit 0' TERM; init; here; while :; do sleep 0.05; done");
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.once(QUIT);
    desk.wait_for_log("press Ctrl+C again to quit now");
    desk.once(GRACEFUL);
    desk.wait_for_log("press Ctrl+X again to graceful-stop");
    desk.terminal.press(b"ab\n");
    desk.once(QUIT);
    desk.wait_for_logs("press Ctrl+C again to quit now", 2);
    for (key, hint) in [(SKIP, "press Ctrl+S again to skip"), (PAUSE, "press Ctrl+P again to pause")] {
        desk.once(key);
        desk.wait_for_log(hint);
        sandbox.wait_for("the hint", || desk.terminal.shown().contains(hint));
    }
    assert!(!desk.log().contains("stopping the agent"), "{}", desk.log());
    desk.twice(QUIT);
    desk.ends(130);
    assert!(desk.log().contains("quitting…") && desk.log().contains("stop requested (quit_now)"));
    let record = &sandbox.tries()[0];
    assert_eq!(
        (&record["outcome"], &record["cancellation_source"]),
        (&"cancelled".into(), &"quit_now".into())
    );
    assert_eq!(record["fail_reason"], "cancelled (quit_now)");
    assert!(record["category"].is_null() && record["evidence"].is_null() && blamed(&sandbox).is_empty());
    assert!(sandbox.relays()[0]["ended_at"].is_null(), "resumable");
}

// 20-AF-KB-03: one test with a real clock, the others are told the time
#[test]
fn a_press_is_forgotten() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("trap 'exit 0' INT; init; here; while :; do sleep 0.05; done");
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.once(QUIT);
    desk.wait_for_log("press Ctrl+C again");
    std::thread::sleep(std::time::Duration::from_secs(5));
    desk.once(QUIT);
    desk.wait_for_logs("press Ctrl+C again", 2);
    assert!(!desk.log().contains("quitting…"));
    desk.twice(QUIT);
    desk.ends(130);
}

// 20-AF-KB-02, -14, 30-173; 20 §18: the next entry, and the cycle goes on without the one that was skipped
#[test]
fn a_skipped_run_makes_room_for_the_next_entry() {
    let sandbox = with_models("max_failed_runs = 1");
    sandbox.claude(STUCK_ONCE);
    let mut desk =
        Desk::at_work(&sandbox, &["-i", "4", "--agent", "cc:opus:1 cc:sonnet:1 cc:haiku:1", "work"]);
    desk.twice(SKIP);
    desk.ends(0);
    assert!(
        desk.log().contains("skipping…") && desk.log().contains("run 1 cancelled (skip)"),
        "{}",
        desk.log()
    );
    assert_eq!(told(&sandbox, "outcome"), ["cancelled", "completed", "completed", "completed", "completed"]);
    assert_eq!(told(&sandbox, "cancellation_source")[0], "skip");
    assert_eq!(told(&sandbox, "session_id")[0], "session-1");
    assert_eq!(told(&sandbox, "run_id"), ["1", "2", "3", "4", "5"]);
    let models: Vec<String> = told(&sandbox, "model");
    assert_eq!(models, ["opus", "sonnet", "haiku", "opus", "sonnet"]);
    assert!(!args(&sandbox, 2).contains("--resume"), "the next run starts fresh: {}", args(&sandbox, 2));
    assert!(blamed(&sandbox).is_empty(), "{:?}", blamed(&sandbox));
    assert!(sandbox.tries()[0]["category"].is_null());
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 4);
    assert!(desk.terminal.shown().contains("1 cancelled"), "{}", desk.terminal.shown());
}

// Everybody skipped: around at once, without a back-off, a pause or the end
#[test]
fn a_single_entry_that_is_skipped_runs_again() {
    for mix in ["cc", "cc:opus cc:haiku"] {
        let sandbox = with_models("retry_backoff_secs = 200\nmax_failed_runs = 1");
        sandbox.claude(
            "init; if [ $N -lt 4 ]; then here; while :; do sleep 0.05; done; fi; echo x > made.txt; result ok",
        );
        let mut desk = Desk::at_work(&sandbox, &["--agent", mix, "work"]);
        for turn in 1..4 {
            sandbox.wait_for_note(&format!("here.{turn}"));
            desk.twice(SKIP);
        }
        desk.ends(0);
        assert_eq!(told(&sandbox, "run_id"), ["1", "2", "3", "4"]);
        assert_eq!(told(&sandbox, "outcome"), ["cancelled", "cancelled", "cancelled", "completed"]);
        assert!(!desk.log().contains("unavailable") && blamed(&sandbox).is_empty(), "{}", desk.log());
    }
}

// A skipped run is over for good
#[test]
fn a_restart_does_not_go_on_with_what_was_skipped() {
    let sandbox = with_models("");
    sandbox.claude(
        "init; if [ $N -lt 3 ]; then here; while :; do sleep 0.05; done; fi; echo x > made.txt; result ok",
    );
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc:opus cc:haiku", "work"]);
    desk.twice(SKIP);
    sandbox.wait_for_note("here.2");
    desk.signal("KILL");
    sandbox.wait_until_nobody_is_left();
    drop(desk);
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}", crate::support::stdout(&output));
    assert_eq!(told(&sandbox, "outcome"), ["cancelled", "interrupted", "completed"]);
    assert_eq!(told(&sandbox, "run_id"), ["1", "2", "2"]);
    assert_eq!(told(&sandbox, "model"), ["opus", "haiku", "haiku"]);
    assert!(args(&sandbox, 3).contains("--resume session-2"), "{}", args(&sandbox, 3));
}

// The same, cut between the record of the skipped try and the end of its run
#[test]
fn a_skipped_run_whose_end_was_cut_is_over() {
    let sandbox = with_models("");
    sandbox.claude(STUCK_ONCE);
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc:opus cc:haiku", "work"]);
    desk.twice(SKIP);
    desk.ends(0);
    for (path, first) in [("journal.jsonl", "run_ended"), ("relays.jsonl", "\"position\"")] {
        let path = format!(".rally/state/{path}");
        let text = sandbox.read(&path);
        let kept: Vec<&str> = text.lines().take_while(|line| !line.contains(first)).collect();
        sandbox.write(&path, &format!("{}\n", kept.join("\n")));
    }
    let tries = sandbox.read(".rally/state/tries.jsonl");
    sandbox.write(".rally/state/tries.jsonl", &format!("{}\n", tries.lines().next().unwrap()));
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}", crate::support::stdout(&output));
    assert_eq!(told(&sandbox, "run_id"), ["1", "2"]);
    assert_eq!(told(&sandbox, "model"), ["opus", "haiku"], "the entry is through with its turn");
    assert!(!args(&sandbox, 3).contains("--resume"), "{}", args(&sandbox, 3));
}

// decisions "Stopping", the brief's 2k; 30-171. Deviation from 20-AF-KB-10: the first stop lets the try finish.
#[test]
fn a_graceful_stop_lets_the_try_finish() {
    for (end, outcome) in [("echo x > made.txt; result ok", "completed"), ("exit 1", "failed")] {
        let sandbox = Sandbox::initialised();
        sandbox.claude(&format!("init; here; await go; {end}"));
        let mut desk = Desk::at_work(&sandbox, &["-i", "3", "--agent", "cc", "work"]);
        desk.twice(GRACEFUL);
        desk.wait_for_log("stop requested (graceful_stop)");
        assert!(desk.log().contains("stopping…") && !desk.log().contains("stopping the agent"));
        sandbox.release("go");
        desk.ends(0);
        assert_eq!(told(&sandbox, "outcome"), [outcome], "nothing new begins");
        assert!(!desk.log().contains("next attempt"), "{}", desk.log());
        assert!(sandbox.relays()[0]["ended_at"].is_null(), "resumable");
        if outcome == "completed" {
            assert_eq!(sandbox.git(["status", "--porcelain"]), "", "committed as usual");
            assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
        }
    }
}

// The last run of a relay ends it, whatever was wished meanwhile
#[test]
fn a_graceful_stop_of_the_last_run_completes_the_relay() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; here; await go; echo x > made.txt; result ok");
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.twice(GRACEFUL);
    desk.wait_for_log("stop requested (graceful_stop)");
    sandbox.release("go");
    desk.ends(0);
    assert!(desk.terminal.shown().contains("Relay complete."), "{}", desk.terminal.shown());
}

// decisions "Stopping": confirmed again while the try finishes
#[test]
fn a_graceful_stop_becomes_a_cancellation() {
    for (key, source, code) in [(GRACEFUL, "graceful_stop", 0), (QUIT, "quit_now", 130)] {
        let sandbox = Sandbox::initialised();
        sandbox.claude("trap 'exit 0' INT; init; here; while :; do sleep 0.05; done");
        let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
        desk.twice(GRACEFUL);
        desk.wait_for_log("stop requested (graceful_stop)");
        desk.twice(key);
        desk.ends(code);
        assert_eq!(told(&sandbox, "outcome"), ["cancelled"]);
        assert_eq!(told(&sandbox, "cancellation_source"), [source]);
    }
}

const STUBBORN_ONCE: &str =
    "init; if [ $N = 1 ]; then trap '' INT TERM; here; while :; do sleep 0.05; done; fi
    echo x > made.txt; result ok";

// 20-AF-KB-12, 30-172, 20 §20 item 45: one press while a try is being ended kills, and quits nothing
#[test]
fn one_press_forces_what_drains() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(STUBBORN_ONCE);
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.twice(SKIP);
    desk.wait_for_log("stopping the agent with INT: skip");
    // Nothing else counts now.
    desk.terminal.press(&[SKIP, PAUSE, PAUSE, GRACEFUL, GRACEFUL]);
    desk.once(QUIT);
    desk.ends(0);
    let log = desk.log();
    assert!(log.contains("with KILL: skip") && !log.contains("with TERM"), "{log}");
    assert!(!log.contains("pausing…") && !log.contains("stopping…"), "{log}");
    assert_eq!(told(&sandbox, "outcome"), ["cancelled", "completed"]);
    assert_eq!(sandbox.tries()[0]["exit"]["signal"], 9);
}

// 20 §18: a confirmed quit while a skip drains is a quit
#[test]
fn two_presses_quit_while_something_drains() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(STUBBORN_ONCE);
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.twice(SKIP);
    desk.wait_for_log("stopping the agent with INT: skip");
    desk.twice(QUIT);
    desk.ends(130);
    assert_eq!(told(&sandbox, "cancellation_source"), ["quit_now"]);
    assert!(!desk.log().contains("with TERM"), "{}", desk.log());
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success());
    assert_eq!(told(&sandbox, "run_id"), ["1", "1"], "not skipped after all");
}

#[test]
fn a_third_press_forces_a_quit() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(STUBBORN_ONCE);
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.twice(QUIT);
    desk.wait_for_log("stopping the agent with INT: quit_now");
    desk.once(QUIT);
    desk.ends(130);
    assert!(desk.log().contains("with KILL") && !desk.log().contains("with TERM"), "{}", desk.log());
}

// 20 §20 item 44: whatever ends a try
#[test]
fn one_press_forces_a_timeout_too() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\ntry_timeout_secs = 2\n");
    sandbox.claude(STUBBORN_ONCE);
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.wait_for_log("stopping the agent with INT: try timeout");
    desk.once(QUIT);
    desk.ends(0);
    assert!(desk.log().contains("with KILL") && !desk.log().contains("with TERM"), "{}", desk.log());
    assert_eq!(told(&sandbox, "outcome"), ["run_timeout", "completed"]);
}

// In raw mode Ctrl+C sends no signal: one that comes was sent by somebody, and does not have to come twice
#[test]
fn a_signal_that_was_sent_ends_the_relay() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let sandbox = Sandbox::initialised();
        sandbox.claude("trap 'exit 0' INT; init; here; while :; do sleep 0.05; done");
        let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
        desk.signal(signal);
        desk.ends(code);
        assert_eq!(told(&sandbox, "cancellation_source"), ["signal"]);
    }
}

// 50-R5: Ctrl+Z is a key in raw mode, and stops rally and its agent all the same
#[test]
fn a_stopped_relay_goes_on_and_listens_again() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("trap 'exit 0' INT; init; here; while :; do sleep 0.05; done");
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    // Half a quit is forgotten.
    desk.once(QUIT);
    desk.wait_for_log("press Ctrl+C again");
    desk.once(SUSPEND);
    sandbox.wait_for("rally to stop", || desk.is_stopped());
    let journal = sandbox.records(".rally/state/journal.jsonl");
    let spawned = journal.iter().find(|line| line["fact"] == "try_spawned").unwrap();
    let agent = i32::try_from(spawned["agent"]["pid"].as_i64().unwrap()).unwrap();
    sandbox.wait_for("the agent to stop", || state(agent) == Some('T'));
    desk.signal("CONT");
    sandbox.wait_for("the agent to go on", || state(agent) != Some('T'));
    desk.once(QUIT);
    desk.wait_for_logs("press Ctrl+C again", 2);
    desk.twice(QUIT);
    desk.ends(130);
}
