//! What follows a failed try: how many attempts, after which pause, in which session.

use crate::support::{Sandbox, stderr, stdout};

/// A configuration for runs of so many attempts, of which the first that fails ends the pass.
fn strict(attempts: u32, extra: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[reliability]\nretry_budget = {attempts}\nmax_failed_runs = 1\n{extra}"));
    sandbox
}

/// The session that an invocation was told to resume.
fn resumed(sandbox: &Sandbox, invocation: usize) -> Option<String> {
    let args = sandbox.note(&format!("args.{invocation}"));
    let mut args = args.lines();
    args.find(|arg| *arg == "--resume").and_then(|_| args.next()).map(str::to_owned)
}

// 30-49, 30-57, 20-AF-RT-01, 20-AF-RT-04: also after a failure that nobody recognises
#[test]
fn an_attempt_resumes_the_newest_session() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "SESSION=s$N; init; tool Write; if [ $N -lt 3 ]; then echo 'something odd'; exit 1; fi; \
         echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let resumes: Vec<Option<String>> = (1..=3).map(|n| resumed(&sandbox, n)).collect();
    assert_eq!(resumes, [None, Some("s1".to_owned()), Some("s2".to_owned())]);
    assert_eq!(sandbox.tries()[0]["category"], "unidentified_issue");
}

// 30-50, and 30-51 in its second half
#[test]
fn what_cannot_resume_begins_anew_each_time() {
    let sandbox = strict(3, "\n[harness.plain]\ncommand = [\"plain\", \"$PROMPT\"]\n");
    let notes = sandbox.notes().display().to_string();
    sandbox.program(
        "plain",
        &format!(
            "N=$(( $(cat {notes}/n 2>/dev/null || echo 0) + 1 )); echo $N > {notes}/n\n\
             cp .rally/state/run-state.json {notes}/state.$N; rally progress --set-handoff\n\
             [ $N = 3 ] || exit 1; echo x > made.txt"
        ),
    );
    let output = sandbox.relay(&["--agent", "plain", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert!(sandbox.tries().iter().all(|record| record.get("session_id").is_none()));
    for n in 1..=3 {
        let state: serde_json::Value = serde_json::from_str(&sandbox.note(&format!("state.{n}"))).unwrap();
        assert_eq!((&state["handoff_state"], &state["run_id"]), (&0.into(), &"relay-1-run-1".into()), "{n}");
    }
}

// 30-51
#[test]
fn a_resumed_session_keeps_what_it_reported() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "init; cp .rally/state/run-state.json \"$S/state.$N\"; tool Bash; \
         if [ $N = 1 ]; then rally progress --set-handoff; exit 1; fi; echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let state = |n| serde_json::from_str::<serde_json::Value>(&sandbox.note(&format!("state.{n}"))).unwrap();
    assert_eq!(state(1)["handoff_state"], 0);
    assert_eq!(state(2)["handoff_state"], 1);
    assert_eq!(state(2)["session_id"], "session-1");
}

// 30-55, 20-AF-RT-02, 20-AF-RT-04: the provider's own word, although other pauses are off
#[test]
fn a_rate_limit_is_waited_out_as_long_as_the_provider_says() {
    let sandbox = Sandbox::initialised();
    sandbox.claude(
        "SESSION=sess-rate; init; \
         if [ $N = 1 ]; then echo '429 Too Many Requests, retry-after: 1'; exit 1; fi; \
         echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries()[0]["category"], "short_rate_limit");
    assert_eq!(resumed(&sandbox, 2).as_deref(), Some("sess-rate"));
    let screen = stdout(&output);
    assert!(screen.contains("retrying 2/5") && screen.contains("rate limit, waiting 1s"), "{screen}");
    assert!(screen.contains("· in 1s"), "{screen}");
    assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty(), "one is no reason to pause");
}

#[test]
fn a_long_wait_is_left_to_the_others() {
    let sandbox = strict(5, "\n[harness.other]\ncommand = [\"other\", \"$PROMPT\"]\n");
    sandbox.claude("init; echo '429 Too Many Requests, retry-after: 1200'; exit 1");
    sandbox.program("other", "echo x > made.txt");
    let output = sandbox.relay(&["--agent", "cc other", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    let who: Vec<&str> = tries.iter().map(|record| record["agent_type"].as_str().unwrap()).collect();
    assert_eq!(who, ["claude", "other"], "one attempt");
    assert_eq!(tries[1]["run_id"], 2);
    let status = sandbox.records(".rally/state/agent_status.jsonl");
    assert_eq!((&status[0]["agent_type"], &status[0]["event_type"]), (&"claude".into(), &"benched".into()));
}

// 30-25, 30-26, 30-64, 20-AF-RT-05, 20-AF-RT-06, 20-AF-RT-07: one attempt for what stays as it is, all of
// them for the rest; none of this is infrastructure
#[test]
fn what_is_refused_is_not_asked_again() {
    let rows = [
        ("echo \"You've hit your usage limit.\"; exit 1", "usage_limit", 1),
        (
            "echo x > made.txt; echo 'fork/exec: no'; \
             failed 'API Error: 401 authentication_error'; exit 1",
            "auth_or_proxy",
            1,
        ),
        ("echo 'exec: some-cli: not found'; exit 1", "harness_launch", 1),
        ("tool Bash; failed 'I give up'; exit 1", "agent_error", 5),
    ];
    for (script, category, attempts) in rows {
        let sandbox = strict(5, "");
        sandbox.claude(&format!("init; {script}"));
        let output = sandbox.relay(&["--agent", "cc", "work"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        let tries = sandbox.tries();
        assert_eq!(tries.len(), attempts, "{category}");
        let ends: Vec<bool> = tries.iter().map(|record| record["ends_run"] == true).collect();
        let wanted: Vec<bool> = (1..=attempts).map(|attempt| attempt == attempts).collect();
        assert_eq!(ends, wanted, "{category}: the last one ends its run");
        assert!(tries.iter().all(|record| record["category"] == category), "{category}: {tries:?}");
        let status = sandbox.records(".rally/state/agent_status.jsonl");
        assert!(status.iter().all(|event| event["event_type"] != "paused"), "{status:?}");
        sandbox.claude("init; echo y > made.txt; result ok");
        std::fs::remove_file(sandbox.notes().join("n")).unwrap();
        let next = sandbox.relay(&["--new", "--forget-limits", "--agent", "cc", "work"]);
        assert!(next.status.success(), "{}{}", stdout(&next), stderr(&next));
        assert_eq!(resumed(&sandbox, 1), None, "the next run has a session of its own");
    }
}

// 20 §14.2, DO
#[test]
fn a_session_that_gets_nowhere_twice_is_left() {
    let sandbox = strict(5, "");
    sandbox.claude("init; failed 'something odd'; exit 1");
    sandbox.relay(&["--agent", "cc", "work"]);
    let resumes: Vec<Option<String>> = (1..=5).map(|n| resumed(&sandbox, n)).collect();
    let session = |n: u32| Some(format!("session-{n}"));
    assert_eq!(resumes, [None, session(1), session(1), None, session(4)]);
}

#[test]
fn a_session_that_gets_on_is_kept() {
    for progress in ["tool Read", "say 'I see'", "echo $N > made.txt"] {
        let sandbox = strict(5, "");
        sandbox.claude(&format!("init; {progress}; failed no; exit 1"));
        sandbox.relay(&["--agent", "cc", "work"]);
        let resumes: Vec<Option<String>> = (1..=5).map(|n| resumed(&sandbox, n)).collect();
        assert_eq!(resumes[0], None);
        assert!(resumes[1..].iter().all(|id| id.as_deref() == Some("session-1")), "{progress}: {resumes:?}");
    }
}

// Decisions: a CLI that retries by itself ends after its patience, with the category of what it retries;
// output that only says so is no progress
#[test]
fn a_cli_that_retries_for_ever_is_ended() {
    let sandbox = strict(1, "retry_patience_secs = 1\n");
    sandbox.claude(
        "init; while :; do echo '{\"type\":\"system\",\"subtype\":\"api_retry\",\"attempt\":1,\
         \"max_retries\":10,\"retry_delay_ms\":100,\"error_status\":529,\"error\":\"overloaded\",\
         \"session_id\":\"session-1\"}'; sleep 0.1; done",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let tries = sandbox.tries();
    assert_eq!((tries.len(), &tries[0]["category"]), (1, &"provider_overloaded".into()));
    assert_eq!(tries[0]["outcome"], "failed");
    sandbox.wait_until_nobody_is_left();
}

// 30-S11 over a crash: what the infrastructure did before it is not forgotten
#[test]
fn failures_before_a_crash_count_after_it() {
    let sandbox = strict(2, "");
    sandbox.claude("init; if [ $N = 2 ]; then here; sleep 600; fi; echo 'error: connection refused'; exit 1");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.2");
    relay.kill();
    sandbox.wait_until_nobody_is_left();
    let output = sandbox.relay(&["--resume"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    let outcomes: Vec<String> =
        sandbox.tries().iter().map(|record| record["outcome"].as_str().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["failed", "interrupted", "failed"]);
    let status = sandbox.records(".rally/state/agent_status.jsonl");
    assert_eq!(status.len(), 1, "{status:?}");
    assert_eq!(status[0]["event_type"], "paused");
}
