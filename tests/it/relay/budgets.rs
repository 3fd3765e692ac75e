//! The time of a run and of a try, and what a run does with its last minutes: it hands over.

use crate::support::{Sandbox, stderr, stdout};

/// The provider asks for a pause that does not fit: the run's time is over at once, without anybody waiting.
const NO_TIME_LEFT: &str = "echo '429 Too Many Requests, retry-after: 290'; exit 1";

/// Runs that have less time than such a pause, and one chance.
fn short(extra: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[reliability]\nrun_timeout_secs = 280\nmax_failed_runs = 1\n{extra}"));
    sandbox
}

/// A run of a fake claude that gets no further with its task; what its second invocation does follows.
fn handing_over(script: &str) -> (Sandbox, std::process::Output) {
    let sandbox = short("");
    sandbox.claude(&format!(
        "init; if [ $N = 1 ]; then tool Write; echo half > made.txt; {NO_TIME_LEFT}; fi; {script}"
    ));
    let output = sandbox.relay(&["--agent", "cc", "the very task"]);
    (sandbox, output)
}

fn outcomes(sandbox: &Sandbox) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    sandbox.tries().iter().map(|record| (text(&record["outcome"]), text(&record["fail_reason"]))).collect()
}

fn is(outcomes: &[(String, String)], expected: &[(&str, &str)]) {
    let outcomes: Vec<(&str, &str)> = outcomes.iter().map(|(a, b)| (&**a, &**b)).collect();
    assert_eq!(outcomes, expected);
}

// 30-156, 30-157, 30-163: a pause that does not fit is not begun, the category stays, the session hands over.
// Deviation: without a queue the handoff's work is committed and listed, because no later run would do it.
#[test]
fn a_run_without_time_hands_over() {
    let (sandbox, output) = handing_over(
        "echo more >> made.txt; rally progress --handoff --summary 'half of it' --followup 'the rest' \
         > /dev/null; result bye",
    );
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    is(&outcomes(&sandbox), &[("run_timeout", "run timeout"), ("handoff_requested", "")]);
    let tries = sandbox.tries();
    let [killed, handoff] = &tries[..] else { panic!("{tries:?}") };
    assert_eq!(killed["category"], "short_rate_limit");
    assert!(killed["evidence"]["message"].as_str().unwrap().contains("429"), "{killed}");
    assert!(killed.get("handoff_only").is_none());
    assert_eq!(handoff["handoff_only"], true);
    assert_eq!((&handoff["run_id"], &handoff["attempt_number"]), (&1.into(), &2.into()));
    assert_eq!(handoff["summary"], "half of it");
    assert!(sandbox.note("args.2").contains("--resume\nsession-1"), "{}", sandbox.note("args.2"));
    let prompt = sandbox.note("prompt.2");
    assert!(prompt.contains("## Handoff Only") && prompt.contains("rally progress --handoff"), "{prompt}");
    assert!(!prompt.contains("the very task") && sandbox.note("prompt.1").contains("the very task"));
    assert_eq!(sandbox.read(".rally/state/current_task.md"), sandbox.note("prompt.1"));
    assert_eq!(sandbox.git(["show", "HEAD:made.txt"]), "half\nmore");
    let summaries = sandbox.records(".rally/summary.jsonl");
    assert_eq!(summaries.len(), 1, "no stub beside the agent's own line: {summaries:?}");
    assert_eq!(summaries[0]["handoff"]["followups"][0], "the rest");
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
    assert!(stdout(&output).contains("the run's time is used up"), "{}", stdout(&output));
    assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty());
}

#[test]
fn a_handoff_stands_whatever_is_reported_after_it() {
    let (sandbox, output) = handing_over(
        "rally progress --handoff --summary 'half' --followup 'the rest' > /dev/null
         rally progress --summary 'bye' > /dev/null; result bye",
    );
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    is(&outcomes(&sandbox), &[("run_timeout", "run timeout"), ("handoff_requested", "")]);
}

// 30-165, 23.C4
#[test]
fn a_handoff_that_does_not_come_is_told() {
    let rows = [
        ("result bye", Some("handoff not completed")),
        // Says what is left, and hands nothing over.
        (
            "rally progress --summary 'half' --followup 'the rest' > /dev/null; result bye",
            Some("handoff not completed"),
        ),
        ("rally progress --set-handoff; result bye", Some("handoff without wrapup")),
        ("exit 1", Some("handoff failed")),
        ("rally progress --complete --summary 'done after all' > /dev/null; exit 1", None),
    ];
    for (script, reason) in rows {
        let (sandbox, output) = handing_over(script);
        assert_eq!(output.status.success(), reason.is_none(), "{script}: {}", stdout(&output));
        let last = match reason {
            Some(reason) => ("handoff_timeout", reason),
            None => ("completed", ""),
        };
        is(&outcomes(&sandbox), &[("run_timeout", "run timeout"), last]);
        if let Some(reason) = reason {
            assert!(stdout(&output).contains(reason), "{}", stdout(&output));
            assert_eq!(sandbox.tries()[1]["category"], "unidentified_issue");
        }
        assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty(), "infra once, in the first");
        assert_eq!(sandbox.git(["show", "HEAD:made.txt"]), "half", "{script}");
    }
}

// 30-157, 30-165, 30-166: both timers; the kill ladder ends each
#[test]
fn both_windows_are_bounded() {
    let sandbox = short("");
    sandbox.configure("[reliability]\nrun_timeout_secs = 1\nmax_failed_runs = 1\n");
    sandbox.claude("init; sleep 600");
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    is(&outcomes(&sandbox), &[("run_timeout", "run timeout"), ("handoff_timeout", "handoff timeout")]);
    assert_eq!(sandbox.tries()[0]["category"], "unidentified_issue");
    assert!(sandbox.alive().is_empty());
}

// 30-155, 30-158, 20-AF-RT-11: time adds up over the attempts, and a CLI that cannot resume hands nothing over.
// Deviation: the cap's reason is `try timeout`, for there may well have been output.
#[test]
fn attempts_share_the_time_of_their_run() {
    const CANNOT: (&str, &str) = ("handoff_timeout", "run timeout; harness cannot resume for handoff");
    let capped = ("run_timeout", "try timeout");
    let rows = [(1, 1, vec![CANNOT]), (1, 2, vec![capped, CANNOT])];
    for (try_timeout, run_timeout, expected) in rows {
        let sandbox = Sandbox::initialised();
        sandbox.configure(&format!(
            "[reliability]\ntry_timeout_secs = {try_timeout}\nrun_timeout_secs = {run_timeout}\n\
             max_failed_runs = 1\n[harness.plain]\ncommand = [\"plain\", \"$PROMPT\"]\n"
        ));
        sandbox.program("plain", "sleep 600");
        let output = sandbox.relay(&["--agent", "plain", "work"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        is(&outcomes(&sandbox), &expected);
        assert!(sandbox.tries().iter().all(|record| record["category"] == "unidentified_issue"));
    }
}

// 30-164
#[test]
fn without_a_session_nobody_hands_over() {
    let sandbox = short("");
    sandbox.configure("[reliability]\nrun_timeout_secs = 1\nmax_failed_runs = 1\n");
    sandbox.program("codex", "sleep 600");
    let output = sandbox.relay(&["--agent", "cx", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    let expected = ("handoff_timeout", "run timeout; no session captured for handoff");
    is(&outcomes(&sandbox), &[expected]);
    assert!(stdout(&output).contains(expected.1), "{}", stdout(&output));
}

// 30-159, 30-160: the cap leaves time for another attempt; what was proved stays, and is no infra failure. Words
// about a broken connection would be taken for an echo of the stop.
#[test]
fn a_capped_try_keeps_its_category_and_is_retried() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\ntry_timeout_secs = 1\n");
    sandbox.claude(
        "init; if [ $N -lt 3 ]; then echo 'error: too many requests, retry after 10ms'; sleep 600; fi; \
         echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let capped = ("run_timeout", "try timeout");
    is(&outcomes(&sandbox), &[capped, capped, ("completed", "")]);
    let first = &sandbox.tries()[0];
    assert_eq!(first["category"], "short_rate_limit");
    assert_eq!(first["evidence"]["message"], "error: too many requests, retry after 10ms");

    sandbox.configure("[reliability]\ntry_timeout_secs = 1\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude("init; echo 'error: too many requests, retry after 10ms'; sleep 600");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    is(&outcomes(&sandbox)[3..], &[capped, capped]);
    assert!(sandbox.records(".rally/state/agent_status.jsonl").is_empty(), "nobody is paused for it");
}

// 30-73, 50-R5: the operator ends a handoff, too; the run waits for the next pass
#[test]
fn a_handoff_can_be_cut_and_is_made_up_for() {
    for signal in ["TERM", "KILL"] {
        let sandbox = short("");
        sandbox.claude(&format!(
            "init; if [ $N = 1 ]; then {NO_TIME_LEFT}; fi; if [ $N = 2 ]; then here; sleep 600; fi
             rally progress --handoff --summary half --followup 'the rest' > /dev/null; result bye"
        ));
        let relay = sandbox.start_relay(&["--agent", "cc", "the very task"]);
        sandbox.wait_for_note("here.2");
        relay.signal(signal);
        let output = relay.finish();
        assert_ne!(output.status.code(), Some(0), "{}", stdout(&output));
        let output = sandbox.relay(&["--resume"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        let cut = match signal {
            "TERM" => ("cancelled", "cancelled (signal)"),
            _ => ("interrupted", "interrupted: rally ended while the try ran"),
        };
        is(&outcomes(&sandbox), &[("run_timeout", "run timeout"), cut, ("handoff_requested", "")]);
        let tries = sandbox.tries();
        assert!(tries[1..].iter().all(|record| record["handoff_only"] == true), "{tries:?}");
        assert_eq!((&tries[2]["run_id"], &tries[2]["attempt_number"]), (&1.into(), &3.into()));
        assert!(sandbox.note("args.3").contains("--resume\nsession-1"));
        assert!(!sandbox.note("prompt.3").contains("the very task"), "there is no time left for it");
    }
}

// 50-R5: while rally is stopped, no time of the run passes
#[test]
fn the_time_of_a_run_stands_still_while_rally_does() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nrun_timeout_secs = 4\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude("init; here; await go; echo x > made.txt; result ok");
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.signal("TSTP");
    let state = |pid: i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.rsplit(')').next().and_then(|rest| rest.trim_start().chars().next())
    };
    sandbox.wait_for("rally to stop", || state(relay.pid()) == Some('T'));
    // Longer than the run has: had its clock run, it would be over.
    std::thread::sleep(std::time::Duration::from_secs(5));
    relay.signal("CONT");
    sandbox.release("go");
    let output = relay.finish();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    is(&outcomes(&sandbox), &[("completed", "")]);
}
