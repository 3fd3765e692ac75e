//! Pauses, retries, freezes and probation through the binary. Time is moved in the file, never waited for.

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::{Sandbox, stderr, stdout};

/// A service that has no capacity for a moment, as `claude` says it beside its stream.
const RATE_LIMITED: &str = "init; echo 'API Error: rate limit exceeded, retry after 10ms' >&2; exit 1";

/// A sandbox whose pass ends with the first failed run.
fn sandbox(script: &str) -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude(script);
    sandbox
}

fn events(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.records(".rally/state/agent_status.jsonl")
}

/// The kinds of all events, with their reasons.
fn told(sandbox: &Sandbox) -> Vec<(String, String)> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or("-").to_owned();
    events(sandbox).iter().map(|event| (text(event, "event_type"), text(event, "reason"))).collect()
}

fn kinds(sandbox: &Sandbox) -> Vec<String> {
    told(sandbox).into_iter().map(|(kind, _)| kind).collect()
}

/// Makes everything happen this many minutes earlier.
fn age(sandbox: &Sandbox, minutes: i64) {
    let mut lines = String::new();
    for mut event in events(sandbox) {
        let at: jiff::Timestamp = event["timestamp"].as_str().unwrap().parse().unwrap();
        let earlier = at.checked_sub(jiff::SignedDuration::from_mins(minutes)).unwrap();
        event["timestamp"] = rally::model::time::rfc3339_millis(earlier).into();
        lines += &format!("{event}\n");
    }
    sandbox.write(".rally/state/agent_status.jsonl", &lines);
}

fn write(sandbox: &Sandbox, kinds: &[&str], minutes_ago: i64) {
    let now = rally::model::time::now();
    let line = |kind: &&str| {
        format!("{{\"agent_type\":\"claude\",\"event_type\":\"{kind}\",\"timestamp\":\"{now}\"}}\n")
    };
    sandbox.write(".rally/state/agent_status.jsonl", &kinds.iter().map(line).collect::<String>());
    age(sandbox, minutes_ago);
}

fn relay_log(sandbox: &Sandbox, relay: u64) -> String {
    let command = format!("cat ~/.local/share/rally/relays/*/relay-{relay}.log");
    stdout(&sandbox.command("sh").args(["-c", &command]).output().unwrap())
}

// 30-S10, 30-S12, 20-AF-RT-10: on standard error, and on a line among the events
#[test]
fn two_rate_limits_in_a_run_pause_and_the_relay_waits() {
    for script in [RATE_LIMITED, "init; echo 'rate limit reached, retry after 10ms'; exit 1"] {
        let sandbox = sandbox(script);
        let output = sandbox.relay(&["--new", "--agent", "cc:claude-haiku-4-5", "work"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        let tries = sandbox.tries();
        assert_eq!(tries.len(), 2);
        assert_eq!(
            (&tries[0]["category"], &tries[1]["category"]),
            (&tries[1]["category"], &"short_rate_limit".into())
        );
        let [event] = &events(&sandbox)[..] else { panic!("one event: {:?}", told(&sandbox)) };
        assert_eq!(event["event_type"], "paused");
        assert_eq!((&event["agent_type"], &event["model"]), (&"claude".into(), &"claude-haiku-4-5".into()));
        assert_eq!(
            (&event["relay_id"], &event["run_id"], &event["try_id"]),
            (&1.into(), &1.into(), &2.into())
        );
        let reason = event["reason"].as_str().unwrap();
        assert!(reason.starts_with("2 infra failures in run 1: rate limit"), "{reason}");
        let stamp = event["timestamp"].as_str().unwrap();
        assert_eq!(stamp.len(), "2026-11-23T06:26:21.042Z".len(), "with milliseconds: {stamp}");

        let relay = sandbox.start_relay(&["--resume"]);
        sandbox.wait_for("the wait", || relay_log(&sandbox, 1).contains("all agents paused, waiting"));
        relay.signal("TERM");
        assert_eq!(relay.finish().status.code(), Some(143));
        assert_eq!(sandbox.tries().len(), 2, "nothing was run");
        assert_eq!(kinds(&sandbox), ["paused"], "and no second event");
    }
}

// 30-S10, 30-S11, 30-121
#[test]
fn one_infra_failure_or_none_pauses_nobody() {
    for script in [
        "init; result 'all good'",
        "init; case $N in 1) echo 'rate limit reached, retry after 10ms' >&2; exit 1;; *) result 'all good';; esac",
        "init; case $N in 1) echo 'rate limit reached, retry after 10ms' >&2; exit 1;; *) failed 'no idea'; exit 1;; esac",
    ] {
        let sandbox = sandbox(script);
        let output = sandbox.relay(&["--agent", "cc", "work"]);
        assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
        assert_eq!(sandbox.tries().len(), 2, "{script}");
        assert_eq!(kinds(&sandbox), [""; 0], "{script}");
    }
}

// 30-124: three attempts whatever the budget is, and success ends it all
#[test]
fn an_hourly_retry_may_take_three_attempts() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\n");
    sandbox.claude(
        "init; case $N in 1|2) echo 'rate limit, retry after 10ms' >&2; exit 1;; esac; echo x > x; result ok",
    );
    write(&sandbox, &["paused", "retry_failed"], 61);
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries().len(), 3);
    assert_eq!(kinds(&sandbox), ["paused", "retry_failed", "active"]);
    assert_eq!(told(&sandbox)[2].1, "hourly retry succeeded in run 1");
}

// 30-110, 120, 122: down for a night, and back in the morning
#[test]
fn from_pause_to_freeze_to_probation_and_back() {
    let sandbox = sandbox(
        "init; [ -e \"$S/up\" ] || { echo 'rate limit, retry after 10ms' >&2; exit 1; }; echo x > x; result ok",
    );
    let fails = |args: &[&str]| {
        let output = sandbox.relay(args);
        assert_eq!(output.status.code(), Some(1), "{}{}", stdout(&output), stderr(&output));
    };
    fails(&["--agent", "cc", "work"]);
    for retry in 1..=5 {
        age(&sandbox, 61);
        fails(&["--resume"]);
        assert_eq!(sandbox.tries().len(), 2 + 3 * retry);
    }
    let mut wanted = vec!["paused", "retry_failed", "retry_failed", "retry_failed", "retry_failed"];
    wanted.extend(["retry_failed", "frozen"]);
    assert_eq!(kinds(&sandbox), wanted);
    age(&sandbox, 301);
    fails(&["--resume"]);
    wanted.extend(["probation", "frozen"]);
    assert_eq!(kinds(&sandbox), wanted);
    age(&sandbox, 301);
    sandbox.release("up");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    wanted.extend(["probation", "active"]);
    assert_eq!(kinds(&sandbox), wanted);
    assert_eq!(told(&sandbox)[9].1, "freeze decayed, run 8 decides");
    assert_eq!(told(&sandbox)[10].1, "probation passed in run 8");
}

// 30-145, 23.P2: killed and stopped, the probe is still due; it is announced once
#[test]
fn a_probe_that_was_cut_stays_due() {
    let sandbox = sandbox("init; here; [ $N -gt 2 ] || await never; echo x > x; result ok");
    write(&sandbox, &["frozen"], 301);
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    assert_eq!(kinds(&sandbox), ["frozen", "probation"]);
    relay.kill();
    let relay = sandbox.start_relay(&["--resume"]);
    sandbox.wait_for_note("here.2");
    relay.signal("TERM");
    assert_eq!(relay.finish().status.code(), Some(143));
    assert_eq!(kinds(&sandbox), ["frozen", "probation"], "a stop says nothing about the runner");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(kinds(&sandbox), ["frozen", "probation", "active"]);
}

// 23.P1: a bench without a time, or with none that can be read, is over some day, too
#[test]
fn a_bench_without_a_reset_lasts_five_hours() {
    for (minutes, wanted) in [(301, true), (299, false)] {
        for reset in ["", ",\"reset_at\":\"soon\""] {
            let sandbox = sandbox("init; echo x > x; result ok");
            sandbox.configure("[reliability]\nmax_wait_secs = 1\n");
            let now = rally::model::time::now();
            let line = format!(
                "{{\"agent_type\":\"claude\",\"event_type\":\"benched\",\"timestamp\":\"{now}\"{reset}}}\n"
            );
            sandbox.write(".rally/state/agent_status.jsonl", &line);
            age(&sandbox, minutes);
            let shown = sandbox.rally(["runners", "--json"]).output().unwrap();
            let shown: Value = serde_json::from_str(&stdout(&shown)).unwrap();
            let state = if wanted { "active" } else { "benched" };
            assert_eq!(shown["runners"][0]["state"], state, "{minutes} {reset}");
        }
    }
}
