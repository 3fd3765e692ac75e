//! Runs of a lap that are ended from outside: by their time, by a silence, by the operator.

use serde_json::{Value, json};

use super::runs::each;
use super::{WORK, relay, waiting, workspace};
use crate::support::{rally, show, stderr};

const ONCE: [&str; 5] = ["--new", "-i", "1", "--agent", "cc"];

/// The provider asks for a pause that does not fit: the run's time is over at once, without anybody waiting.
const NO_TIME_LEFT: &str = "echo '429 Too Many Requests, retry-after: 290'; exit 1";

const SHORT: &str = "[reliability]\nrun_timeout_secs = 280\nmax_failed_runs = 1\n";

// 30-163, 30-165, 30-C4
#[test]
fn a_lap_whose_time_is_used_up_is_done_or_handed_over_or_neither() {
    let wrapup = "laps wrapup --summary half --followup rest";
    let rows = [
        ("laps done; result ok".to_owned(), "completed", None),
        ("laps done; exit 1".to_owned(), "completed", None),
        (format!("laps handoff; {wrapup}; result ok"), "handoff_requested", None),
        (format!("laps handoff; {wrapup}; exit 1"), "handoff_requested", None),
        ("laps handoff; result ok".to_owned(), "handoff_timeout", Some("handoff without wrapup")),
        ("result bye".to_owned(), "handoff_timeout", Some("handoff not completed")),
    ];
    for (script, outcome, reason) in rows {
        let sandbox = workspace(&["Build it", "Later"]);
        sandbox.configure(SHORT);
        let lap = waiting(&sandbox).remove(0);
        sandbox.claude(&format!(
            "init; if [ $N = 1 ]; then tool Read; {NO_TIME_LEFT}; fi; echo half > made.txt; {script}"
        ));
        let said = relay(&sandbox, i32::from(reason.is_some()), &ONCE);
        let tries = sandbox.tries();
        assert_eq!(each(&sandbox, "outcome"), ["run_timeout", outcome], "{script}: {said}");
        assert_eq!(each(&sandbox, "lap_id"), [&*lap, &*lap]);
        assert_eq!(each(&sandbox, "run_id"), [1, 1]);
        assert_eq!((&tries[1]["handoff_only"], &tries[1]["ends_run"]), (&json!(true), &json!(true)));
        assert_eq!(tries[1]["fail_reason"].as_str(), reason, "{script}");
        assert!(sandbox.note("args.2").contains("--resume\nsession-1"), "{}", sandbox.note("args.2"));
        let prompt = sandbox.note("prompt.2");
        assert!(prompt.contains("laps handoff") && prompt.contains("laps wrapup"), "{prompt}");
        assert_eq!(waiting(&sandbox).contains(&lap), outcome != "completed", "{script}");
        let is_handed_over = outcome == "handoff_requested";
        let created = tries[1]["handoff_created_lap_ids"].as_array().map_or(0, Vec::len);
        assert_eq!(created, usize::from(is_handed_over), "{script}");
        assert_eq!(tries[1]["dirty_handoff"] == true, is_handed_over, "{script}");
        // A handoff's work is the next lap's to judge; all else is committed.
        let left = sandbox.git(["status", "--porcelain", "made.txt"]);
        assert_eq!(!left.is_empty(), is_handed_over, "{script}: {left}");
        assert_eq!(sandbox.relays()[0]["completed_iterations"], u64::from(reason.is_none()), "{script}");
    }
}

// 30-147: a handoff that did not come calls for recovery
#[test]
fn a_lap_whose_handoff_did_not_come_is_recovered() {
    let sandbox = workspace(&["Build it@senior"]);
    let routes = "[routes]\ndefault = [\"cc\"]\nrecovery = [\"cc\"]\n";
    sandbox.configure(&format!("{SHORT}{routes}"));
    sandbox.claude(&format!(
        "init; case $N in 1) {NO_TIME_LEFT};; 2) echo half > made.txt; result bye;; \
         *) laps done; laps wrapup --summary sorted --classification continue; result ok;; esac"
    ));
    relay(&sandbox, 1, &["-i", "1", "--new"]);
    relay(&sandbox, 0, &["-i", "1", "--new"]);
    assert_eq!(each(&sandbox, "outcome"), ["run_timeout", "handoff_timeout", "completed"]);
    assert_eq!(each(&sandbox, "resolved_route"), ["default", "default", "recovery"]);
    assert_eq!(each(&sandbox, "lap_assignee"), ["senior", "senior", "senior"]);
    assert_eq!(sandbox.tries()[2]["recovery_classification"], "continue");
}

// 30 section 11.2: what is done is done, however its agent is ended
#[test]
fn an_agent_that_hangs_after_its_lap_was_done_has_done_it() {
    let silent = "[reliability]\nfreeze_threshold_secs = 3\nnetwork_silence_secs = 3\n";
    let slow = "[reliability]\nrun_timeout_secs = 5\n";
    for config in [silent, slow] {
        let sandbox = workspace(&["Build it"]);
        sandbox.configure(config);
        sandbox.claude("init; echo x > made.txt; laps done; sleep 600");
        let said = relay(&sandbox, 0, &ONCE);
        assert_eq!(each(&sandbox, "outcome"), ["completed"], "{said}");
        assert!(sandbox.tries()[0]["fail_reason"].is_null(), "{said}");
        assert_eq!(sandbox.git(["show", "HEAD:made.txt"]), "x");
        assert!(sandbox.alive().is_empty());
    }
}

// 30-74: a run that was stopped goes on with its lap, whatever is first in the queue by then
#[test]
fn a_run_that_the_operator_stopped_goes_on_with_its_lap_and_its_session() {
    for signal in ["INT", "TERM"] {
        let sandbox = workspace(&["Build it", "Later"]);
        let lap = waiting(&sandbox).remove(0);
        sandbox.claude(
            "init; if [ $N = 1 ]; then echo half > made.txt; here; await never; fi; laps done; result ok",
        );
        let running = sandbox.start_relay(&ONCE);
        sandbox.wait_for_note("here.1");
        running.signal(signal);
        let code = running.finish().status.code();
        assert!(code.is_some_and(|code| code != 0), "{code:?}");
        rally(&sandbox, 0, &["laps", "add", "head", "--title", "First now"]);
        let said = show(&sandbox, 0, &sandbox.relay(&["--resume"]));
        assert_eq!(each(&sandbox, "lap_id"), [&*lap, &*lap], "{signal}: {said}");
        assert_eq!(each(&sandbox, "outcome"), ["cancelled", "completed"], "{said}");
        assert_eq!(each(&sandbox, "run_id"), [1, 1]);
        assert_eq!(each(&sandbox, "session_id"), ["session-1", "session-1"]);
        assert!(sandbox.note("args.2").contains("--resume\nsession-1"), "{}", sandbox.note("args.2"));
        assert_eq!(sandbox.git(["show", "HEAD:made.txt"]), "half");
        assert_eq!(waiting(&sandbox).len(), 2);
        assert!(sandbox.tries().iter().all(|record| record["dirty_handoff"] == Value::Null));
    }
}

// A hook of the operator's, around the claim, that hangs.
#[test]
fn a_claim_that_hangs_can_be_stopped() {
    for laps in [None, Some("0.8.1"), Some("0.9.0")] {
        let sandbox = workspace(&["One"]);
        laps.map(|version| sandbox.install_laps(version));
        let hook = json!({"title": "slow", "description": "", "command": "claim", "when": "before",
            "run": "echo x > ../hangs; sleep 600; :", "passback": false});
        sandbox.write(".laps/hooks.json", &json!({"version": 1, "hooks": [hook]}).to_string());
        sandbox.claude(WORK);
        let relay = sandbox.start_relay(&["--new", "--agent", "cc"]);
        sandbox.wait_for("the hook", || sandbox.root().join("hangs").exists());
        relay.signal("TERM");
        relay.signal("TERM");
        let output = relay.finish();
        assert_eq!(output.status.code(), Some(143), "{laps:?}: {}", stderr(&output));
        assert!(sandbox.alive().is_empty(), "{laps:?}: {:?}", sandbox.alive());
        assert!(sandbox.whole_records(".rally/state/tries.jsonl").is_empty());
    }
}
