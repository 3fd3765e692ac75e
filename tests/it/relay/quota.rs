//! Windows of quotas, from what a fake `claude` tells of them to who has the next run.

use std::time::{SystemTime, UNIX_EPOCH};

use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::{Sandbox, rally, stderr, stdout};

/// Epoch seconds, this many seconds from now.
fn ahead(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(now).unwrap() + seconds
}

/// What claude prints about its short window, for a single-quoted text of the fake one's script.
fn event(status: &str, used: f64, resets_at: i64) -> String {
    let window = json!({ "utilization": used, "resetsAt": resets_at, "status": status });
    let info =
        json!({ "status": status, "rateLimitType": "five_hour", "unifiedWindows": { "five_hour": window } });
    let event = json!({ "type": "rate_limit_event", "rate_limit_info": info, "session_id": "SESSION" });
    event.to_string().replace("SESSION", "'$SESSION'")
}

/// A second agent that works without any window.
const TWO: &str = "[harness.two]\ncommand = [\"two\"]\n";

fn two(sandbox: &Sandbox) {
    sandbox.program("two", "cat > /dev/null; echo two >> two.txt; echo done");
}

/// Who had a try, in order.
fn worked(sandbox: &Sandbox) -> Vec<String> {
    sandbox.tries().iter().map(|record| record["agent_type"].as_str().unwrap().to_owned()).collect()
}

fn relay_log(sandbox: &Sandbox) -> String {
    let output = sandbox.command("sh").args(["-c", "cat ~/.local/share/rally/relays/*/relay-*.log"]).output();
    stdout(&output.unwrap())
}

fn quota(sandbox: &Sandbox) -> Value {
    serde_json::from_str(&rally(sandbox, 0, &["quota", "--json"])).unwrap()
}

// 50-R24: never into a window that is known to be used up. Not even to find out.
#[test]
fn a_window_that_is_used_up_gets_no_run() {
    for (status, used) in [("allowed_warning", 1.0), ("rejected", 0.98)] {
        let sandbox = Sandbox::initialised();
        sandbox.configure(&format!("[routes]\ndefault = [\"cc\", \"two\"]\n{TWO}"));
        let told = event(status, used, ahead(3600));
        sandbox.claude(&format!("init; echo '{told}'; echo $N > file-$N.txt; result ok"));
        two(&sandbox);
        let output = sandbox.relay(&["--new", "-i", "3", "work"]);
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
        assert_eq!(worked(&sandbox), ["claude", "two", "two"], "{status}");
        assert!(sandbox.tries().iter().all(|record| record["completed"] == true));

        let told = quota(&sandbox);
        let scope = &told["scopes"][0];
        assert_eq!((&scope["scope"], &scope["windows"][0]["used_up"]), (&json!("claude"), &json!(true)));
        assert!(scope["used_up_until"].is_string(), "{told}");
        let text = rally(&sandbox, 0, &["quota"]);
        assert!(text.contains("claude  5 hours  ") && text.contains("  used up\n"), "{text}");

        // The next relay knows it as well, and the preview.
        let preview = rally(&sandbox, 0, &["routes", "check", "--preview", "2"]);
        assert!(preview.contains("passed over: \"cc\" (claude): benched until"), "{preview}");
        sandbox.relay(&["--new", "-i", "1", "work"]);
        assert_eq!(worked(&sandbox).last().unwrap(), "two");
        // Unless it is told to forget.
        sandbox.relay(&["--new", "--forget-limits", "-i", "1", "work"]);
        assert_eq!(worked(&sandbox).last().unwrap(), "claude");
    }
}

#[test]
fn a_limit_that_was_met_is_shown_and_benches_the_same_account() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[routes]\ndefault = [\"cc\", \"two\"]\n{TWO}"));
    let told = event("rejected", 1.0, ahead(3600));
    let refused = json!({
        "type": "result", "subtype": "success", "is_error": true, "api_error_status": 429, "result": "No more.",
    });
    sandbox.claude(&format!("init; echo '{told}'; echo '{refused}'; exit 1"));
    two(&sandbox);
    let output = sandbox.relay(&["--new", "-i", "2", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(worked(&sandbox), ["claude", "two", "two"]);
    let told = quota(&sandbox);
    assert_eq!(told["limits"][0]["scope"], "claude", "{told}");
    assert_eq!(told["limits"][0]["relay_id"], 1);
    let text = rally(&sandbox, 0, &["quota"]);
    assert!(
        text.contains("claude: a usage limit was met ") && text.contains(" ago, in relay #1; "),
        "{text}"
    );
}

// 50-R24: an attempt is a launch, too, and so is a handoff
#[test]
fn a_window_that_fills_up_gets_no_further_attempt() {
    let full = event("allowed_warning", 1.0, ahead(3600));
    for script in ["failed 'API Error: 500 Internal server error'; exit 1", "exit 3", "echo; exec sleep 600"]
    {
        let sandbox = Sandbox::initialised();
        let limits = "[reliability]\nrun_timeout_secs = 2\n";
        sandbox.configure(&format!("[routes]\ndefault = [\"cc\", \"two\"]\n{TWO}{limits}"));
        sandbox.claude(&format!("init; echo '{full}'; {script}"));
        two(&sandbox);
        let output = sandbox.relay(&["--new", "-i", "1", "work"]);
        assert!(output.status.success(), "{script}: {}{}", stdout(&output), stderr(&output));
        assert_eq!(worked(&sandbox), ["claude", "two"], "{script}");
    }
}

// 50-R24: one wait to the reset, then on with the one who came back.
#[test]
fn with_nobody_else_the_relay_waits_for_the_reset() {
    let sandbox = Sandbox::initialised();
    let notes = sandbox.notes();
    sandbox.claude(&format!(
        "init; [ $N = 1 ] && sed \"s/RESET/$(( $(date +%s) + 3 ))/\" {}/told; echo $N > file-$N.txt; result ok",
        notes.display()
    ));
    let told = event("allowed_warning", 1.0, 77).replace("77", "RESET").replace("'$SESSION'", "session-1");
    std::fs::write(notes.join("told"), told + "\n").unwrap();
    let output = sandbox.relay(&["--new", "-i", "2", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(worked(&sandbox), ["claude", "claude"]);
    let log = relay_log(&sandbox);
    assert_eq!(log.matches("all agents paused, waiting ").count(), 1, "{log}");
    let ended: Vec<_> = sandbox.tries().iter().map(|record| record["ended_at"].clone()).collect();
    let record = sandbox.records(".rally/state/quota.jsonl").remove(0);
    let second: jiff::Timestamp = ended[1].as_str().unwrap().parse().unwrap();
    let reset: jiff::Timestamp = record["windows"][0]["resets_at"].as_str().unwrap().parse().unwrap();
    assert!(second >= reset, "{record} {ended:?}");
    let text = rally(&sandbox, 0, &["quota"]);
    assert!(text.contains("has begun anew"), "{text}");
}

// Among entries without a quota, whose unused budget is lost soonest.
#[test]
fn an_open_route_uses_the_budget_that_is_lost_soonest() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(
        "[routes]\ndefault = [\"one\", \"cc\"]\n[harness.one]\nbase = \"claude\"\nenv = { WHO = \"one\" }\n\
         [reliability]\nretry_budget = 1\n",
    );
    let (late, soon) = (event("allowed", 0.2, ahead(9000)), event("allowed", 0.2, ahead(3000)));
    // One fails the first time, so that the other gets to tell its window.
    sandbox.claude(&format!(
        "init; if [ \"$WHO\" = one ]; then echo '{late}'; else echo '{soon}'; fi; echo $N > file-$N.txt; \
         if [ $N = 1 ]; then exit 3; fi; result ok"
    ));
    sandbox.relay(&["--new", "-i", "1", "work"]);
    assert_eq!(worked(&sandbox).last().unwrap(), "claude");
    let before = worked(&sandbox).len();
    let output = sandbox.relay(&["--new", "-i", "3", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(worked(&sandbox)[before..], ["claude", "claude", "claude"], "although one stands first");
    let told = quota(&sandbox);
    let scopes: Vec<_> = told["scopes"].as_array().unwrap().iter().map(|scope| &scope["scope"]).collect();
    assert_eq!(scopes, ["claude", "one"]);
}

// 20-AF-QS-03: a codex account, whose windows stand in its session's file alone; also after a failure.
#[test]
fn codex_tells_in_its_rollout() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[routes]\ndefault = [\"cx\", \"two\"]\n{TWO}"));
    let id = "01a204cb-ebb2-7d80-b7c4-ecda6375bc25";
    sandbox.program(
        "codex",
        &format!(
            "cat > /dev/null; folder=~/.codex/sessions/2026/11/22; mkdir -p $folder\n\
             echo '{{\"type\":\"thread.started\",\"thread_id\":\"{id}\"}}'; echo '{{\"type\":\"turn.started\"}}'\n\
             now=$(date -u +%Y-%m-%dT%H:%M:%S.999Z); reset=$(( $(date +%s) + 3600 ))\n\
             printf '{{\"timestamp\":\"%s\",\"type\":\"event_msg\",\"payload\":{{\"type\":\"token_count\",\"rate_limits\":\
             {{\"limit_id\":\"codex\",\"primary\":{{\"used_percent\":100.0,\"window_minutes\":300,\"resets_at\":%s}}}}}}}}\\n' \
             $now $reset > $folder/rollout-2026-11-22T19-46-42-{id}.jsonl\n\
             echo x >> codex.txt; exit 1"
        ),
    );
    two(&sandbox);
    let output = sandbox.relay(&["--new", "-i", "2", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let told = quota(&sandbox);
    let window = &told["scopes"][0]["windows"][0];
    assert_eq!(
        (&told["scopes"][0]["scope"], &window["name"]),
        (&json!("codex"), &json!("five_hour")),
        "{told}"
    );
    assert_eq!((&window["used"], &window["told_by"]), (&json!(1.0), &json!("codex")));
    assert_eq!(worked(&sandbox).last().unwrap(), "two");
    sandbox.relay(&["--new", "-i", "1", "work"]);
    assert_eq!(worked(&sandbox).last().unwrap(), "two", "not even tried");
}

#[test]
fn nothing_is_known_in_the_beginning() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[routes]\ndefault = [\"cc\", \"ge\", \"cx\"]\n");
    let told = quota(&sandbox);
    assert_eq!((&told["v"], &told["scopes"], &told["limits"]), (&json!(1), &json!([]), &json!([])));
    let untold = json!([
        { "scope": "claude", "tells": true }, { "scope": "codex", "tells": true },
        { "scope": "gemini", "tells": false },
    ]);
    assert_eq!(told["untold"], untold);
    let text = rally(&sandbox, 0, &["quota"]);
    assert!(text.starts_with("no windows are known yet: claude tells them while it works"), "{text}");
    assert!(text.contains("codex: not told yet\n"), "{text}");
    // Bad lines and a configuration that cannot be read do not matter.
    sandbox.write(".rally/state/quota.jsonl", "{\"scope\":7}\nwhat\n");
    sandbox.write(".rally/config.toml", "[what");
    assert!(rally(&sandbox, 0, &["quota"]).starts_with("no windows are known yet"));
}

#[test]
fn it_belongs_to_a_repository() {
    let sandbox = Sandbox::without_repository();
    let told = rally(&sandbox, 1, &["quota"]);
    assert!(told.contains("is not in a git repository; `rally init` makes one here"), "{told}");
}
