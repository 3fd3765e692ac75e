//! In waits: nothing can be paused, everything else acts at once.

use super::{
    Desk, GRACEFUL, PAUSE, QUIT, SKIP, STUCK_ONCE, SUSPEND, args, blamed, configure, told, with_models,
};
use crate::support::{Sandbox, SmallDisk};

fn now() -> String {
    rally::model::time::rfc3339_millis(rally::model::time::now())
}

/// A workspace whose two agents are out for hours: one paused, one benched by a limit and a used-up window.
fn out() -> Sandbox {
    let sandbox = with_models("");
    sandbox.claude("init; echo x > made-$N.txt; result ok");
    let (now, reset) = (now(), "2099-01-01T00:00:00.000Z");
    sandbox.write(
        ".rally/state/agent_status.jsonl",
        &format!(
            "{{\"agent_type\":\"claude\",\"event_type\":\"paused\",\"timestamp\":\"{now}\"}}\n\
             {{\"agent_type\":\"claude\",\"model\":\"opus\",\"event_type\":\"benched\",\"timestamp\":\"{now}\",\
             \"reset_at\":\"{reset}\",\"quota_scope\":\"claude\"}}\n"
        ),
    );
    sandbox.write(
        ".rally/state/quota.jsonl",
        &format!(
            "{{\"v\":1,\"scope\":\"claude\",\"source\":\"test\",\"at\":\"{now}\",\
             \"windows\":[{{\"name\":\"five_hour\",\"used\":1.0,\"resets_at\":\"{reset}\"}}]}}\n"
        ),
    );
    sandbox
}

const BOTH: [&str; 3] = ["--agent", "cc cc:opus", "work"];

// 20-AF-KB-15, 20 §18, 30-174: skipped, and everybody is healthy for good
#[test]
fn a_skip_calls_everybody_healthy() {
    let sandbox = out();
    let mut desk = Desk::start(&sandbox, &[&["-i", "2"], &BOTH[..]].concat());
    desk.wait_for_log("all agents paused, waiting ");
    desk.once(SKIP);
    desk.wait_for_log("press Ctrl+S again to skip");
    assert!(sandbox.tries().is_empty(), "one press ends no wait");
    desk.once(SKIP);
    desk.ends(0);
    assert!(desk.log().contains("skipping…") && desk.log().contains("wait ended"), "{}", desk.log());
    assert_eq!(told(&sandbox, "outcome"), ["completed", "completed"]);
    let events = blamed(&sandbox);
    let cleared: Vec<_> = events.iter().filter(|event| event["event_type"] == "active").collect();
    assert_eq!(cleared.len(), 2, "{events:?}");
    assert!(cleared.iter().all(|event| event["reason"] == "the operator skipped the wait"), "{events:?}");
    let text = sandbox.rally(["runners"]).output().unwrap();
    let text = crate::support::stdout(&text);
    assert!(!text.contains("paused") && !text.contains("benched"), "{text}");
}

// 20-AF-KB-15; a pause makes no sense, and is not even hinted at
#[test]
fn a_wait_ends_with_the_relay() {
    for (key, code) in [(GRACEFUL, 0), (QUIT, 130)] {
        let sandbox = out();
        let mut desk = Desk::start(&sandbox, &BOTH);
        desk.wait_for_log("all agents paused, waiting ");
        desk.twice(PAUSE);
        desk.once(SUSPEND);
        sandbox.wait_for("rally to stop", || desk.is_stopped());
        desk.signal("CONT");
        desk.twice(key);
        desk.ends(code);
        assert!(!desk.log().contains("Ctrl+P") && !desk.log().contains("pausing"), "{}", desk.log());
        assert!(sandbox.tries().is_empty() && sandbox.relays()[0]["ended_at"].is_null());
    }
}

// 20 §20 item 46: a pause between attempts listens, too
#[test]
fn the_pause_before_an_attempt_can_be_skipped() {
    const LIMITED: &str =
        "init; if [ $N = 1 ]; then echo '429 rate limit exceeded, retry after 250 seconds'; exit 1; fi
        echo x > made.txt; result ok";
    for (key, code) in [(SKIP, 0), (GRACEFUL, 0), (QUIT, 130)] {
        let sandbox = Sandbox::initialised();
        sandbox.claude(LIMITED);
        let mut desk = Desk::start(&sandbox, &["--agent", "cc", "work"]);
        desk.wait_for_log("retrying in ");
        desk.twice(PAUSE);
        desk.twice(key);
        desk.ends(code);
        assert!(!desk.log().contains("Ctrl+P"), "{}", desk.log());
        let tries = told(&sandbox, "outcome");
        if key == SKIP {
            assert_eq!(
                (tries, told(&sandbox, "run_id")[1].as_str()),
                (vec!["failed".into(), "completed".to_owned()], "1")
            );
            assert!(args(&sandbox, 2).contains("--resume session-1"), "the wait is skipped, not the run");
        } else {
            assert_eq!(tries, ["failed"]);
        }
    }
}

// The user's work is sacred: in a pause that goes on after a restart, too
#[test]
fn what_the_user_does_in_a_wait_that_goes_on_is_not_the_agents() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo '429 rate limit exceeded, retry after 250 seconds'; exit 1; fi
         echo x > made.txt; result ok",
    );
    let mut desk = Desk::start(&sandbox, &["--agent", "cc", "work"]);
    desk.wait_for_log("retrying in ");
    desk.twice(QUIT);
    desk.ends(130);
    let mut desk = Desk::start(&sandbox, &["--resume"]);
    desk.wait_for_logs("retrying in ", 2);
    sandbox.write("committed.txt", "mine\n");
    sandbox.git(["add", "committed.txt"]);
    sandbox.git(["commit", "-q", "-m", "mine"]);
    sandbox.write("edited.txt", "mine\n");
    desk.twice(SKIP);
    desk.ends(0);
    assert_eq!(sandbox.tries()[1]["files_changed"], serde_json::json!(["made.txt"]), "{}", desk.log());
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? edited.txt");
}

#[test]
fn the_pause_between_cycles_can_be_skipped() {
    let sandbox = Sandbox::initialised();
    configure(&sandbox, "[reliability]\nretry_backoff_secs = 250\nretry_budget = 1\n");
    sandbox.claude("init; if [ $N = 1 ]; then exit 1; fi; echo x > made.txt; result ok");
    let mut desk = Desk::start(&sandbox, &["--agent", "cc", "work"]);
    desk.wait_for_log("every agent has failed");
    desk.twice(SKIP);
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["failed", "completed"]);
}

// A disk that is full: again at once
#[test]
fn a_full_disk_is_tried_at_once() {
    let sandbox = Sandbox::initialised();
    let Some(disk) = SmallDisk::mount(&sandbox.repo().join(".rally/state")) else { return };
    sandbox.claude("init; here; await go; echo x > made.txt; result ok");
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    let filler = disk.fill();
    sandbox.release("go");
    desk.wait_for_log("waiting 5s");
    desk.twice(SKIP);
    desk.wait_for_log("skipping…");
    std::fs::remove_file(filler).unwrap();
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["completed"]);
}

// What was skipped between two tries is over as well, and nobody waits after a graceful stop
#[test]
fn a_stop_in_a_try_ends_what_would_wait() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        &STUCK_ONCE
            .replace("while :; do sleep 0.05; done", "await go; echo '429, retry after 250 seconds'; exit 1"),
    );
    let mut desk = Desk::at_work(&sandbox, &["--agent", "cc", "work"]);
    desk.twice(GRACEFUL);
    desk.wait_for_log("stop requested (graceful_stop)");
    sandbox.release("go");
    desk.ends(0);
    assert!(!desk.log().contains("retrying in"), "{}", desk.log());
    assert_eq!(told(&sandbox, "outcome"), ["failed"]);
}
