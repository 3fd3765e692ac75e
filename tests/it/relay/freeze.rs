//! Agents that are silent: the dead are found, the quiet are left alone.

use crate::support::{Sandbox, stderr, stdout};

const SHORT: &str = "[reliability]\nfreeze_threshold_secs = 2\nnetwork_silence_secs = 2\n";

fn relay_logs(sandbox: &Sandbox) -> String {
    let output = sandbox.command("sh").args(["-c", "cat ~/.local/share/rally/relays/*/relay-1.log"]).output();
    stdout(&output.unwrap())
}

// 30-S9, 30-S10, 20-AF-RT-03, 20-AF-FZ-11
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
