//! Ctrl+P, and what can be done in the pause.

use super::{Desk, GRACEFUL, PAUSE, QUIT, SKIP, STUCK_ONCE, SUSPEND, args, blamed, told, with_models};
use crate::support::{Sandbox, stdout};

fn paused<'s>(sandbox: &'s Sandbox, args: &[&str]) -> Desk<'s> {
    let mut desk = Desk::at_work(sandbox, args);
    desk.twice(PAUSE);
    desk.wait_for_log("paused by the operator");
    desk
}

// 20-AF-KB-13, 20 §20 item 12, 30-173; decisions: costs no attempt. Again and again, and on the last attempt.
#[test]
fn a_paused_run_goes_on_in_its_session() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\nrun_timeout_secs = 15\ntry_timeout_secs = 15\n");
    sandbox.claude(
        "init; if [ $N -lt 3 ]; then echo $N >> made.txt; here; while :; do sleep 0.05; done; fi
         echo 3 >> made.txt; result ok",
    );
    let mut desk = paused(&sandbox, &["--agent", "cc", "work"]);
    sandbox.wait_for("the hint", || desk.terminal.shown().contains("Paused — press Enter to resume"));
    // Longer than all the time of the run.
    std::thread::sleep(std::time::Duration::from_secs(16));
    assert_eq!((sandbox.note("n").trim(), sandbox.tries().len()), ("1", 1), "nothing runs in a pause");
    desk.enter();
    sandbox.wait_for_note("here.2");
    desk.twice(PAUSE);
    desk.wait_for_logs("paused by the operator", 2);
    desk.enter();
    desk.ends(0);
    assert!(desk.log().contains("pausing…") && desk.log().contains("resumed by the operator"));
    assert_eq!(told(&sandbox, "outcome"), ["paused", "paused", "completed"]);
    assert_eq!(told(&sandbox, "run_id"), ["1", "1", "1"]);
    assert_eq!(told(&sandbox, "attempt_number"), ["1", "2", "3"]);
    assert_eq!(told(&sandbox, "session_id"), ["session-1"; 3]);
    for invocation in [2, 3] {
        assert!(args(&sandbox, invocation).contains("--resume session-1"), "{}", args(&sandbox, invocation));
    }
    let record = &sandbox.tries()[0];
    assert!(record["category"].is_null() && record["fail_reason"].is_null(), "{record}");
    assert!(record["commit_hash"].as_str().unwrap().is_empty(), "what is paused is not committed");
    assert!(blamed(&sandbox).is_empty() && !desk.log().contains("next attempt"), "{}", desk.log());
    assert_eq!(sandbox.git(["show", "HEAD:made.txt"]), "1\n2\n3", "the run's end commits all of its work");
}

// 20 §20 item 48: a pause can be left in every way
#[test]
fn a_pause_can_be_left_in_every_way() {
    type Leave = fn(&mut Desk<'_>);
    let ways: [(Leave, u32); 4] = [
        (|desk| desk.twice(QUIT), 130),
        (|desk| desk.twice(GRACEFUL), 0),
        (|desk| desk.signal("TERM"), 143),
        (|desk| desk.signal("INT"), 130),
    ];
    for (leave, code) in ways {
        let sandbox = Sandbox::initialised();
        sandbox.claude(STUCK_ONCE);
        let mut desk = paused(&sandbox, &["--agent", "cc", "work"]);
        // Is paused already.
        desk.twice(PAUSE);
        desk.once(QUIT);
        desk.wait_for_log("press Ctrl+C again");
        leave(&mut desk);
        desk.ends(code);
        assert_eq!(desk.log().matches("pausing…").count(), 1, "{}", desk.log());
        assert_eq!(told(&sandbox, "outcome"), ["paused"]);
        goes_on(&sandbox);
    }
}

fn goes_on(sandbox: &Sandbox) {
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}", stdout(&output));
    assert_eq!(told(sandbox, "outcome"), ["paused", "completed"]);
    assert_eq!(told(sandbox, "run_id"), ["1", "1"]);
    assert!(args(sandbox, 2).contains("--resume session-1"), "{}", args(sandbox, 2));
}

// 20-AF-KB-04: the hint goes when its time is over, also where nothing else is repainted
#[test]
fn a_hint_in_a_pause_goes_by_itself() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(STUCK_ONCE);
    let mut desk = paused(&sandbox, &["--agent", "cc", "work"]);
    let hint = "press Ctrl+C again";
    desk.once(QUIT);
    sandbox.wait_for("the hint", || desk.terminal.shown().contains(hint));
    sandbox.wait_for("its end", || !desk.terminal.shown().contains(hint));
    assert!(desk.terminal.shown().contains("Paused — press Enter to resume"));
    desk.enter();
    desk.ends(0);
}

#[test]
fn a_pause_survives_sudden_death() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(STUCK_ONCE);
    let desk = paused(&sandbox, &["--agent", "cc", "work"]);
    desk.signal("KILL");
    drop(desk);
    goes_on(&sandbox);
}

#[test]
fn a_skip_in_a_pause_skips_the_run() {
    let sandbox = with_models("");
    sandbox.claude(STUCK_ONCE);
    let mut desk = paused(&sandbox, &["--agent", "cc:opus cc:haiku", "work"]);
    desk.twice(SKIP);
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["paused", "completed"]);
    assert_eq!(told(&sandbox, "run_id"), ["1", "2"]);
    assert_eq!(told(&sandbox, "model"), ["opus", "haiku"]);
    assert!(!args(&sandbox, 2).contains("--resume"));
}

// 50-R5
#[test]
fn a_pause_can_be_suspended() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(STUCK_ONCE);
    let mut desk = paused(&sandbox, &["--agent", "cc", "work"]);
    desk.once(SUSPEND);
    sandbox.wait_for("rally to stop", || desk.is_stopped());
    desk.signal("CONT");
    desk.enter();
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["paused", "completed"]);
}

// The user's work is sacred: what is written in the pause is not the agent's
#[test]
fn what_the_user_changes_in_a_pause_stays_uncommitted() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; echo x > agents-$N.txt; if [ $N = 1 ]; then here; while :; do sleep 0.05; done; fi; result ok",
    );
    let mut desk = paused(&sandbox, &["--agent", "cc", "work"]);
    sandbox.write("users.txt", "mine\n");
    desk.enter();
    desk.ends(0);
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? users.txt");
    let files = sandbox.git(["show", "--name-only", "--format=", "HEAD"]);
    assert!(files.contains("agents-1.txt") && files.contains("agents-2.txt"), "{files}");
}

/// A relay whose run has begun, but not its first try: git looks at the tree still, until the note is there.
fn before_its_first_try<'s>(sandbox: &'s Sandbox, args: &[&str]) -> Desk<'s> {
    let (notes, home) = (sandbox.notes().display().to_string(), sandbox.home().display().to_string());
    sandbox.program(
        "git",
        &format!(
            "case \"$*\" in *status*) if [ -n \"$(cat {home}/.local/share/rally/relays/*/relay-1.log 2> /dev/null)\" ]
             then touch {notes}/looking; while [ ! -e {notes}/go ]; do sleep 0.05; done; fi;; esac
             PATH=/usr/local/bin:/usr/bin:/bin exec git \"$@\""
        ),
    );
    let desk = Desk::start(sandbox, args);
    sandbox.wait_for_note("looking");
    desk
}

// 20-AF-KB-13: also what is committed before the first try of a run
#[test]
fn what_the_user_commits_in_a_pause_is_not_the_agents() {
    let sandbox = Sandbox::initialised();
    sandbox.claude("init; echo x > made.txt; result ok");
    let mut desk = before_its_first_try(&sandbox, &["--agent", "cc", "work"]);
    desk.twice(PAUSE);
    desk.wait_for_log("pausing…");
    sandbox.release("go");
    desk.wait_for_log("paused by the operator");
    sandbox.write("users.txt", "mine\n");
    sandbox.git(["add", "users.txt"]);
    sandbox.git(["commit", "-q", "-m", "mine"]);
    desk.enter();
    desk.ends(0);
    assert_eq!(sandbox.tries()[0]["files_changed"], serde_json::json!(["made.txt"]), "{}", desk.log());
}

// 20 §18: a run that is left before its first try has an end, too
#[test]
fn a_run_that_is_stopped_before_its_first_try_is_seen_to_end() {
    for (key, source, code) in [(QUIT, "quit_now", 130), (GRACEFUL, "graceful_stop", 0)] {
        let sandbox = Sandbox::initialised();
        sandbox.claude("init; echo x > made.txt; result ok");
        let mut desk = before_its_first_try(&sandbox, &["--agent", "cc", "work"]);
        desk.twice(key);
        desk.wait_for_log(&format!("stop requested ({source})"));
        sandbox.release("go");
        desk.ends(code);
        assert!(desk.log().contains("run 1 started"), "{}", desk.log());
        assert!(desk.log().contains(&format!("run 1 cancelled ({source}); attempts 0/")), "{}", desk.log());
        assert!(desk.terminal.shown().contains("• cancelled"), "{}", desk.terminal.shown());
        assert!(sandbox.tries().is_empty());
    }
}

// What has ended already is not paused: the pause holds before the next run
#[test]
fn a_try_that_has_ended_lingers_out_and_the_next_run_waits() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; echo x > made-$N.txt; result ok; if [ $N = 1 ]; then here; while :; do sleep 0.05; done; fi",
    );
    let mut desk = paused(&sandbox, &["-i", "2", "--agent", "cc", "work"]);
    assert_eq!((told(&sandbox, "outcome"), sandbox.note("n").trim()), (vec!["completed".to_owned()], "1"));
    desk.enter();
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["completed", "completed"]);
    assert_eq!(told(&sandbox, "run_id"), ["1", "2"]);
}

// 23.U U3: a handoff listens like any other try
#[test]
fn a_handoff_can_be_paused_and_goes_on() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nrun_timeout_secs = 1\nmax_failed_runs = 1\n");
    sandbox.claude(
        "init; case $N in
         1) while :; do sleep 0.05; done;;
         2) here; while :; do sleep 0.05; done;;
         *) echo x > made.txt; rally progress --handoff --summary half --followup rest > /dev/null; result bye;; esac",
    );
    let mut desk = Desk::start(&sandbox, &["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.2");
    desk.twice(PAUSE);
    desk.wait_for_log("paused by the operator");
    desk.enter();
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["run_timeout", "paused", "handoff_requested"]);
    assert_eq!(told(&sandbox, "handoff_only"), ["null", "true", "true"]);
    assert_eq!(told(&sandbox, "session_id"), ["session-1"; 3]);
    assert!(sandbox.note("prompt.3").contains("## Handoff Only"));
}
