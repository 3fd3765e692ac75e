//! How tries end that neither passed nor simply failed.

use crate::support::{Sandbox, stderr, stdout};

// 30-73, 30-74, 30-75, 20-AF-CT-05, 23.O4; that every signal does so is in `stopping`
#[test]
fn a_cancelled_try_is_no_failure_and_costs_no_attempt() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude(
        "init; if [ $N -lt 3 ]; then echo 'error: connection refused'; here; sleep 600; fi; \
         echo x > made.txt; result ok",
    );
    for n in 1..=2 {
        let how = if n == 1 { ["--agent", "cc", "work"].as_slice() } else { &["--resume"] };
        let relay = sandbox.start_relay(how);
        sandbox.wait_for_note(&format!("here.{n}"));
        relay.signal("TERM");
        let output = relay.finish();
        assert_eq!(output.status.code(), Some(143), "{}", stdout(&output));
        assert!(stdout(&output).contains("• cancelled"), "{}", stdout(&output));
    }
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 2);
    for record in &tries {
        assert_eq!((&record["outcome"], &record["completed"]), (&"cancelled".into(), &false.into()));
        assert_eq!(record["cancellation_source"], "signal");
        assert_eq!(record["fail_reason"], "cancelled (signal)");
        for field in ["category", "cause", "evidence"] {
            assert!(record.get(field).is_none(), "{field}: {record}");
        }
    }
    assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty());
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 0);
    assert!(sandbox.records(".rally/summary.jsonl").is_empty(), "the run is not over");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let last = &sandbox.tries()[2];
    assert_eq!((&last["run_id"], &last["attempt_number"]), (&1.into(), &3.into()));
    assert!(sandbox.note("args.3").contains("--resume\nsession-1"), "{}", sandbox.note("args.3"));
}

// 30-74: between two attempts there is no try to cancel; the run goes on with the second
#[test]
fn a_run_that_is_stopped_between_attempts_goes_on() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo '429 Too Many Requests, retry-after: 290'; exit 1; fi; \
         echo x > made.txt; result ok",
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for("the first record", || !sandbox.whole_records(".rally/state/tries.jsonl").is_empty());
    relay.signal("TERM");
    let output = relay.finish();
    assert_eq!(output.status.code(), Some(143), "{}", stdout(&output));
    assert_eq!(sandbox.tries().len(), 1);
    // The provider's wait is over in the meantime.
    let tries = sandbox.read(".rally/state/tries.jsonl");
    assert!(tries.contains("\"retry_after_ms\":290000"), "{tries}");
    sandbox.write(".rally/state/tries.jsonl", &tries.replace(":290000", ":1"));
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let last = &sandbox.tries()[1];
    assert_eq!((&last["run_id"], &last["attempt_number"]), (&1.into(), &2.into()));
    assert!(sandbox.note("args.2").contains("--resume\nsession-1"));
}

// 30-52, 30-77, 30-162, 20-AF-RT-03, 20-AF-RT-09, 23.O2; deviation: while attempts are left, a commit does not make a
// frozen try a success, because a wrong "done" is worse than one more attempt
#[test]
fn a_frozen_try_is_retried_even_if_it_committed() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nfreeze_threshold_secs = 2\nnetwork_silence_secs = 2\n");
    sandbox.claude(
        "init; if [ $N = 1 ]; then echo x > made.txt; git add made.txt; git commit -qm half; sleep 600; fi; \
         if [ $N = 2 ]; then exit 1; fi; echo y > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    let outcomes: Vec<&str> = tries.iter().map(|record| record["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["failed", "failed", "completed"]);
    assert_eq!((&tries[0]["category"], &tries[0]["cause"]), (&"transient_infra".into(), &"freeze".into()));
    assert_ne!(tries[0]["commit_hash"], "");
    assert!(tries[1].get("cause").is_none(), "a freeze is of one try: {}", tries[1]);
    assert!(sandbox.note("args.2").contains("--resume\nsession-1"));
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
}
