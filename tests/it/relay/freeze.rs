//! Agents that are silent: the dead are found, the quiet are left alone.

use std::process::Command;
use std::time::Duration;

use crate::support::{Sandbox, stderr, stdout};

const SHORT: &str = "[reliability]\nfreeze_threshold_secs = 2\nnetwork_silence_secs = 2\n";

fn relay_logs(sandbox: &Sandbox) -> String {
    let output = sandbox.command("sh").args(["-c", "cat ~/.local/share/rally/relays/*/relay-1.log"]).output();
    stdout(&output.unwrap())
}

// 30-S18, 20-AF-RT-03, 20-AF-FZ-11
#[test]
fn a_frozen_agent_is_ended_and_its_session_goes_on() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(SHORT);
    sandbox.claude("init; if [ $N = 1 ]; then sleep 600; fi; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0]["outcome"], "failed");
    assert_eq!(tries[0]["category"], "transient_infra");
    assert_eq!(tries[0]["cause"], "freeze");
    assert_eq!(tries[1]["session_id"], tries[0]["session_id"]);
    assert!(sandbox.note("args.2").contains("session-1"));
    assert!(stdout(&output).contains("❄ frozen: no output for "), "{}", stdout(&output));
    let log = relay_logs(&sandbox);
    assert!(log.contains("freeze detected: no output for ") && log.contains("no connection"), "{log}");
    assert!(!log.contains("stuck tool"), "its stream tells of no tool, so the agent itself is ended: {log}");

    let netstat = tries[0]["log_path"].as_str().unwrap().replace(".log", ".netstat.jsonl");
    let netstat = std::fs::read_to_string(netstat).unwrap();
    assert!(netstat.lines().count() > 1);
    for line in netstat.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["ts"].as_str().unwrap().len(), "2026-11-23T10:00:00Z".len());
        for field in ["log_silent_s", "connections", "io_bytes", "syscall_bytes"] {
            assert!(line[field].is_number(), "{line}");
        }
    }
}

#[test]
fn a_quiet_tool_that_computes_or_has_a_time_limit_is_left_alone() {
    // Until well beyond the threshold, however fast the machine is.
    let compute = "now() { read up rest < /proc/uptime; now=${up%.*}; }; now; end=$((now + 7)); \
        while [ $now -lt $end ]; do i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done; now; done";
    for quiet in [compute, "timeout 60 sleep 6"] {
        let sandbox = Sandbox::initialised();
        sandbox.configure(&format!("{SHORT}retry_budget = 1\nmax_failed_runs = 1\n"));
        sandbox.claude(&format!("init; {quiet}; echo x > made.txt; result ok"));
        let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert_eq!(sandbox.tries().len(), 1, "{quiet}");
    }
}

/// What the real CLI prints when a tool has ended, and a way to hang without a process of one's own.
const WORDS: &str = r#"
tool_ended() { echo '{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"x"}]},"session_id":"'$SESSION'"}'; }
hang() { mkfifo "$S/never.$N"; read x < "$S/never.$N"; }
"#;

impl Sandbox {
    /// An agent that may say a few words more.
    fn hanging(&self, script: &str) {
        self.claude(&format!("{WORDS}\n{script}"));
    }
}

// 50-R8: the stuck descendant first, and nothing else
#[test]
fn a_stuck_tool_is_ended_and_the_try_goes_on() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("{SHORT}retry_budget = 1\nmax_failed_runs = 1\n"));
    // A server of tools that was there before; two tools in sessions of their own, one of which has ended, and
    // one that left an orphan which holds its output.
    sandbox.hanging(
        r#"init
        setsid sleep 601 > /dev/null 2>&1 & server=$!
        for i in 1 2 3 4 5 6; do say busy; sleep 1; done
        tool Read; tool Bash; tool_ended
        setsid sh -c '(setsid sleep 602 &); exec sleep 603' | cat > /dev/null
        tool_ended
        kill -0 $server && : > "$S/server_lives"
        kill $server
        # It is told at the next tick: an agent that has ended by then is told as that.
        until grep -qs 'works again' "$HOME"/.local/share/rally/relays/*/relay-1.log; do sleep 0.1; done
        echo x > made.txt; result ok"#,
    );
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1);
    assert_eq!((&tries[0]["outcome"], &tries[0]["cause"]), (&"completed".into(), &serde_json::Value::Null));
    assert!(sandbox.notes().join("server_lives").exists());
    let log = relay_logs(&sandbox);
    for line in
        ["freeze detected: ", " with TERM: sleep 603", " with TERM: sleep 602", "the agent works again"]
    {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(!log.contains("with KILL") && !log.contains("stopping the agent"), "{log}");
    assert!(!log.contains("601"), "{log}");
    assert!(stdout(&output).contains("↻ recovered"), "{}", stdout(&output));
}

// 50-R8
#[test]
fn a_tool_that_is_deaf_to_term_is_killed() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("{SHORT}retry_budget = 1\nmax_failed_runs = 1\n"));
    sandbox.hanging(
        r#"init; tool Bash; setsid sh -c 'trap "" TERM; exec sleep 600'; tool_ended
        echo x > made.txt; result ok"#,
    );
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().len(), 1);
    let log = relay_logs(&sandbox);
    assert!(log.contains("with TERM: sleep 600") && log.contains("with KILL: sleep 600"), "{log}");
}

// 50-R8, 20-AF-RT-03
#[test]
fn an_agent_that_stays_silent_without_its_tool_is_ended_and_its_session_goes_on() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(SHORT);
    sandbox.hanging(
        "exec 2> /dev/null; init; if [ $N = 1 ]; then tool Bash; setsid sleep 600; hang; fi; \
         echo x > made.txt; result ok",
    );
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 2);
    assert_eq!((&tries[0]["category"], &tries[0]["cause"]), (&"transient_infra".into(), &"freeze".into()));
    assert_eq!(tries[1]["session_id"], tries[0]["session_id"]);
    assert!(sandbox.note("args.2").contains("session-1"));
    let log = relay_logs(&sandbox);
    let at = |what: &str| log.find(what).unwrap_or_else(|| panic!("{what}: {log}"));
    assert!(at("with TERM: sleep 600") < at("stopping the agent with INT: frozen"), "{log}");
    assert!(!log.contains("the agent works again"), "{log}");
}

// The CLI says that a tool runs, but none of its processes does.
#[test]
fn a_tool_without_a_process_is_not_waited_for() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(SHORT);
    sandbox.hanging("init; if [ $N = 1 ]; then tool WebFetch; hang; fi; echo x > made.txt; result ok");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().len(), 2);
    assert!(!relay_logs(&sandbox).contains("stuck tool"));
}

// 20-AF-KB-11
#[test]
fn whoever_quits_during_a_freeze_is_obeyed_and_the_freeze_stays_in_the_log() {
    let deaf_tool = r#"init; tool Bash; setsid sh -c 'trap "" TERM; exec sleep 600'"#;
    let deaf_agent = "trap '' INT TERM; init; hang";
    for (script, phase, outcome) in [
        (deaf_tool, "ending the stuck tool", "cancelled"),
        (deaf_agent, "stopping the agent with INT: frozen", "failed"),
    ] {
        let sandbox = Sandbox::initialised();
        sandbox.configure(SHORT);
        sandbox.hanging(script);
        let relay = sandbox.start_relay(&["--new", "--agent", "cc", "work"]);
        sandbox.wait_for(phase, || relay_logs(&sandbox).contains(phase));
        relay.signal("INT");
        let output = relay.finish();
        assert_eq!(output.status.code(), Some(130), "{}{}", stdout(&output), stderr(&output));
        let tries = sandbox.tries();
        assert_eq!(tries.len(), 1);
        assert_eq!(tries[0]["outcome"], outcome);
        assert_eq!(tries[0]["cause"] == "freeze", outcome == "failed");
        let log = relay_logs(&sandbox);
        assert!(log.contains("freeze detected: "), "{log}");
        sandbox.wait_until_nobody_is_left();
    }
}

// 30-77, 20 §14.2, 23.O2
#[test]
fn a_run_whose_last_try_freezes_passes_when_its_work_is_committed_and_nothing_else_is_there() {
    let commit = "echo $N > made.txt; git add made.txt; git commit -qm 'agent work'";
    let dirty = "echo half > half.txt";
    for (budget, script, passes, said) in [
        (1, format!("init; {commit}; hang"), true, Some("freeze recovery accepted: ")),
        (1, format!("init; {commit}; {dirty}; hang"), false, Some("freeze recovery declined: ")),
        // rally has committed what was half done, and nobody has come back to it.
        (2, format!("init; if [ $N = 1 ]; then {commit}; {dirty}; fi; hang"), false, Some("declined")),
        // An earlier freeze says nothing of a later failure.
        (2, format!("init; if [ $N = 1 ]; then {commit}; hang; fi; exit 1"), false, None),
        (1, "init; hang".to_owned(), false, None),
    ] {
        let sandbox = Sandbox::initialised();
        sandbox.configure(&format!("{SHORT}retry_budget = {budget}\nmax_failed_runs = 1\n"));
        sandbox.hanging(&script);
        let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
        assert_eq!(output.status.success(), passes, "{script}: {}{}", stdout(&output), stderr(&output));
        let log = relay_logs(&sandbox);
        assert_eq!(log.contains("freeze recovery"), said.is_some(), "{script}: {log}");
        assert!(said.is_none_or(|said| log.contains(said)), "{script}: {log}");
        let tries = sandbox.tries();
        assert_eq!(tries.len(), budget);
        let last = tries.last().unwrap();
        assert_eq!(last["completed"], passes);
        assert_eq!(last["outcome"] == "completed", passes);
        assert_eq!(last["ends_run"], true);
        if passes {
            assert_eq!(
                (&last["category"], &last["cause"]),
                (&serde_json::Value::Null, &serde_json::Value::Null)
            );
            assert_eq!(sandbox.relays()[0]["completed_iterations"], 1, "{:?}", sandbox.relays());
        }
    }
}

// 50-R5, 50-R9
#[test]
fn time_in_which_rally_was_stopped_from_outside_counts_for_no_bound() {
    for with_agent in [false, true] {
        let sandbox = Sandbox::initialised();
        let limits = "freeze_threshold_secs = 12\nnetwork_silence_secs = 12\ntry_timeout_secs = 18\n\
            run_timeout_secs = 19\nretry_budget = 1\nmax_failed_runs = 1\n";
        sandbox.configure(&format!("[reliability]\n{limits}"));
        sandbox.hanging("init; mkfifo \"$S/go\"; here; read x < \"$S/go\"; echo x > made.txt; result ok");
        let relay = sandbox.start_relay(&["--new", "--agent", "cc", "work"]);
        sandbox.wait_for_note("here.1");
        let stopped = if with_agent { sandbox.alive() } else { vec![relay.pid()] };
        assert!(!with_agent || stopped.len() >= 3, "rally, its guard, the agent");
        let signal = |name: &str| {
            let pids = stopped.iter().map(i32::to_string);
            assert!(Command::new("kill").arg(name).args(pids).status().unwrap().success());
        };
        signal("-STOP");
        // The time itself is what is tested: longer than every bound.
        std::thread::sleep(Duration::from_secs(25));
        signal("-CONT");
        sandbox.wait_for("the gap to be told", || relay_logs(&sandbox).contains("rally did not run for "));
        std::fs::write(sandbox.notes().join("go"), "x\n").unwrap();
        let output = relay.finish();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        let tries = sandbox.tries();
        assert_eq!(tries.len(), 1);
        assert!(tries[0]["runtime_ms"].as_u64().unwrap() < 18_000, "{}", tries[0]["runtime_ms"]);
        let log = relay_logs(&sandbox);
        assert_eq!(log.matches("rally did not run for ").count(), 1, "{log}");
        assert!(!log.contains("freeze detected"), "{log}");
    }
}
