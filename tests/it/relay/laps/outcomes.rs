//! What a run of a lap amounts to.

use serde_json::json;

use super::runs::{each, good, laps, workspace};
use crate::support::{stderr, stdout};

const ONCE: [&str; 5] = ["--new", "-i", "1", "--agent", "cc"];

// 30 section 11.2: the queue says that it is done, whatever changed and however the CLI ended
#[test]
fn a_lap_that_is_done_passes_however_its_agent_ends() {
    for end in ["result ok", "exit 1", "kill -9 $$"] {
        let sandbox = workspace(&["Build it"]);
        let id = laps(&sandbox, false).remove(0);
        sandbox.claude(&format!("init; echo work > work.txt; laps done; {end}"));
        good(sandbox.relay(&ONCE));
        assert_eq!(each(&sandbox, "outcome"), ["completed"], "{end}");
        let record = &sandbox.tries()[0];
        assert_eq!((&record["lap_id"], &record["recorded_laps"]), (&json!(id), &json!([id])));
        assert_eq!(laps(&sandbox, true), [&*id]);
        let message = sandbox.git(["log", "-1", "--format=%b"]);
        assert_eq!(message.lines().next(), Some(&*format!("Lap: {id} Build it")));
    }
}

// 30-78..81: nobody's credit, and the next run goes on
#[test]
fn other_laps_than_the_pinned_one_are_never_credited() {
    for (first, code) in [("laps claim undo", "wrong_lap_consumed"), ("laps done", "multi_lap_consumed")] {
        let sandbox = workspace(&["One", "Two", "Three"]);
        let ids = laps(&sandbox, false);
        sandbox.claude(&format!(
            "init; if [ $N = 1 ]; then {first}; laps done {}; else laps done; fi; result ok",
            ids[1]
        ));
        let output = sandbox.relay(&ONCE);
        let said = stdout(&output) + &stderr(&output);
        let tries = sandbox.tries();
        assert_eq!((&tries[0]["outcome"], &tries[0]["cause"]), (&json!("failed"), &json!(code)), "{said}");
        assert!(said.contains("does not count"), "{said}");
        assert_eq!(tries[1]["outcome"], "completed", "{said}");
        assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
    }
}

// 30-58..63
#[test]
fn unfinished_work_is_tried_again_with_a_word_of_guidance() {
    let sandbox = workspace(&["Build it"]);
    sandbox.claude("init; echo $N > work-$N.txt; if [ $N = 2 ]; then laps done; fi; result ok");
    good(sandbox.relay(&ONCE));
    assert_eq!(each(&sandbox, "outcome"), ["incomplete", "completed"]);
    assert_eq!(sandbox.tries()[0]["fail_reason"], "incomplete: file changes without finalization");
    let (first, second) = (sandbox.note("prompt.1"), sandbox.note("prompt.2"));
    assert!(first.contains("Build it") && first.contains("laps done"), "{first}");
    assert_ne!(first, second, "the second is told what is missing");
    let files = sandbox.git(["show", "--format=", "--name-only", "HEAD"]);
    assert!(files.contains("work-1.txt") && files.contains("work-2.txt"), "{files}");
}

// C-facts of the queue: a damaged one is an error, never done
#[test]
fn a_queue_that_is_damaged_in_a_try_ends_the_pass_with_its_error() {
    let sandbox = workspace(&["Build it"]);
    let before = sandbox.read(".laps/laps.json");
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo work > work.txt; echo '{' > .laps/laps.json; else laps done; fi; result ok",
    );
    let output = sandbox.relay(&ONCE);
    assert!(!output.status.success(), "{}", stdout(&output));
    let said = stdout(&output) + &stderr(&output);
    assert!(said.contains("laps.json"), "{said}");
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1, "no agent is given a lap that may be done");
    assert_eq!((&tries[0]["outcome"], &tries[0]["category"]), (&json!("failed"), &json!("transient_infra")));
    assert_eq!(sandbox.read("work.txt"), "work\n");
    sandbox.write(".laps/laps.json", &before);
    good(sandbox.relay(&["--resume"]));
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
}

// 30-78..: what is done without a change is done
#[test]
fn a_lap_may_be_done_without_a_change() {
    let sandbox = workspace(&["Look at it"]);
    sandbox.claude("init; laps done; result ok");
    good(sandbox.relay(&ONCE));
    assert_eq!(each(&sandbox, "outcome"), ["completed"]);
}

// 30-X5: a run that was cut after its lap was done, or handed over, is settled without an agent, and counts once
#[test]
fn a_run_whose_lap_was_finalised_before_a_signal_needs_no_agent() {
    let wrapup = "laps handoff; laps wrapup --summary half --followup rest";
    for (finalise, outcome, committed) in
        [("laps done", "completed", true), (wrapup, "handoff_requested", false)]
    {
        let sandbox = workspace(&["Build it"]);
        sandbox.claude(&format!(
            "init; if [ $N = 1 ]; then echo work > work.txt; {finalise}; here; await go; fi; \
             laps done; result ok"
        ));
        let running = sandbox.start_relay(&ONCE);
        sandbox.wait_for_note("here.1");
        running.signal("TERM");
        let _ = running.finish();
        assert_eq!(each(&sandbox, "outcome"), ["cancelled"]);
        good(sandbox.relay(&["--resume"]));
        assert_eq!(each(&sandbox, "outcome"), ["cancelled", outcome], "no agent was started");
        let last = &sandbox.tries()[1];
        assert_eq!((&last["ends_run"], &last["run_id"]), (&json!(true), &json!(1)));
        assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
        let status = sandbox.git(["status", "--porcelain", "work.txt"]);
        assert_eq!(status.is_empty(), committed, "{status}");
        assert_eq!(last["dirty_handoff"], if committed { json!(null) } else { json!(true) });
    }
}

// Words alone, or a handoff that was only begun: the next try is told what is missing.
#[test]
fn who_finalised_nothing_is_told_so_whatever_changed() {
    for script in ["result 'laps done'", "laps handoff; result bye"] {
        let sandbox = workspace(&["Build it"]);
        sandbox.claude(&format!("init; if [ $N = 1 ]; then {script}; exit 0; fi; laps done; result ok"));
        good(sandbox.relay(&ONCE));
        let second = sandbox.note("prompt.2");
        assert!(second.contains("to write these words is not enough"), "{script}: {second}");
        assert!(second.contains("If a handoff was begun"), "{script}: {second}");
        assert!(!second.contains("harness error"), "{script}: {second}");
        assert!(!sandbox.note("prompt.1").contains("The try before this one"), "{script}");
    }
}

// 30 U9, fact 30: a line a run, and the operator hears what is left
#[test]
fn a_run_that_finalised_nothing_has_its_line_and_tells_what_it_leaves() {
    let sandbox = workspace(&["Build it"]);
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude("init; echo half > made.txt; result 'half way'");
    let output = sandbox.relay(&ONCE);
    let said = stdout(&output) + &stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(each(&sandbox, "outcome"), ["incomplete"]);
    let lines = sandbox.records(".rally/summary.jsonl");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert_eq!((&lines[0]["summary"], &lines[0]["laps_completed"]), (&json!("half way"), &json!("none")));
    assert!(said.contains("run 1 leaves uncommitted, for the next agent to judge: made.txt"), "{said}");
}
