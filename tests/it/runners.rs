//! `rally runners`: who can be given a run, and the end of pauses, freezes and benches.

use jiff::{SignedDuration, Timestamp};
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::{Sandbox, rally, stderr, stdout};

const STATUS: &str = ".rally/state/agent_status.jsonl";
const QUOTA: &str = ".rally/state/quota.jsonl";

/// A workspace with three runners, two of one account.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(
        "[defaults]\nmix = \"cc:opus:2 cc cx op:z\"\n[harness.cc.models]\nopus = \"claude-opus-4-7\"\n\
         [harness.op.models]\nz = \"zai/glm-5\"\n",
    );
    sandbox
}

fn ago(minutes: i64) -> String {
    let at = Timestamp::now().checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    rally::model::time::rfc3339_millis(at)
}

fn event(agent: &str, kind: &str, minutes_ago: i64, more: Value) -> Value {
    let mut event = json!({ "v": 1, "agent_type": agent, "event_type": kind, "timestamp": ago(minutes_ago) });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn write(sandbox: &Sandbox, file: &str, lines: &[Value]) {
    sandbox.write(file, &lines.iter().map(|line| format!("{line}\n")).collect::<String>());
}

/// Everybody, as `--json` shows it.
fn shown(sandbox: &Sandbox) -> Vec<Value> {
    let output = sandbox.rally(["runners", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let shown: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(shown["v"], 1);
    shown["runners"].as_array().unwrap().clone()
}

/// Runner and state of everybody.
fn states(sandbox: &Sandbox) -> Vec<(String, String)> {
    let name = |line: &Value| match line["model"].as_str() {
        Some(model) => format!("{}:{model}", line["harness"].as_str().unwrap()),
        None => line["harness"].as_str().unwrap().to_owned(),
    };
    shown(sandbox).iter().map(|line| (name(line), line["state"].as_str().unwrap().to_owned())).collect()
}

fn expect(sandbox: &Sandbox, wanted: [(&str, &str); 4]) {
    assert_eq!(states(sandbox), wanted.map(|(name, state)| (name.to_owned(), state.to_owned())));
}

/// Everything at once: a pause, a freeze that is over, a limit and a window.
fn ill() -> Sandbox {
    let sandbox = sandbox();
    let reset =
        json!({ "quota_scope": "opencode:zai", "model": "zai/glm-5", "reset_at": "2099-01-01T00:00:00Z" });
    write(
        &sandbox,
        STATUS,
        &[
            event("claude", "paused", 90, json!({ "relay_id": 1, "run_id": 2 })),
            event(
                "claude",
                "retry_failed",
                20,
                json!({ "relay_id": 1, "run_id": 3, "try_id": 12, "reason": "hourly retry failed in run 3: infra error" }),
            ),
            event("claude", "paused", 70, json!({ "model": "claude-opus-4-7" })),
            event("codex", "frozen", 400, json!({})),
            event("opencode", "benched", 10, reset),
        ],
    );
    sandbox
}

#[test]
fn healthy_runners_are_shown_without_any_state() {
    let sandbox = sandbox();
    expect(
        &sandbox,
        [
            ("claude:claude-opus-4-7", "active"),
            ("claude", "active"),
            ("codex", "active"),
            ("opencode:zai/glm-5", "active"),
        ],
    );
    let lines = shown(&sandbox);
    assert_eq!(lines[0]["entries"], json!(["cc:opus:2"]));
    assert_eq!(lines[3]["quota_scope"], "opencode:zai");
    let text = rally(&sandbox, 0, &["runners"]);
    insta::assert_snapshot!(text, @r"
    cc:opus:2  claude - claude-opus-4-7  active
    cc         claude                    active
    cx         codex                     active
    op:z       opencode - zai/glm-5      active
    ");
    assert!(!sandbox.repo().join(STATUS).exists(), "looking writes nothing");
}

#[test]
fn states_reasons_and_ends_are_shown() {
    let sandbox = ill();
    expect(
        &sandbox,
        [
            ("claude:claude-opus-4-7", "retry_due"),
            ("claude", "paused"),
            ("codex", "on_probation"),
            ("opencode:zai/glm-5", "benched"),
        ],
    );
    let lines = shown(&sandbox);
    let paused = &lines[1];
    assert_eq!(paused["why"], "hourly retry failed in run 3: infra error");
    assert_eq!(
        (&paused["relay_id"], &paused["run_id"], &paused["try_id"]),
        (&1.into(), &3.into(), &12.into())
    );
    assert_eq!((&paused["failed_retries"], &paused["retries_until_freeze"]), (&1.into(), &5.into()));
    assert_eq!(lines[3]["until"], "2099-01-01T00:00:00.000Z");
    assert_eq!(lines[2]["until"], Value::Null);
    let text = rally(&sandbox, 0, &["runners"]);
    for wanted in [
        "paused until ",
        "(in 39m)",
        "hourly retry failed in run 3: infra error",
        "relay 1, run 3, try 12, failed retries 1/5",
        "retry due",
        "on probation",
        "benched until 2099-01-01 00:00 (in ",
        "quota opencode:zai",
        "`rally runners clear NAME`",
    ] {
        assert!(
            text.contains(wanted) || (wanted == "(in 39m)" && text.contains("(in 40m)")),
            "{wanted}: {text}"
        );
    }
}

// Two sides: the one that ends last counts, the other is told, too
#[test]
fn several_reasons_and_disabled_providers() {
    let sandbox = sandbox();
    sandbox.configure(
        "[routes]\ndefault = [\"cx\"]\nsenior = [\"cc\"]\n[reasoning]\nsenior = \"cc:opus\"\nui = \"cx:big\"\n[harness.cx.models]\nbig = \"gpt-7-codex\"\n\
         [harness.cc.models]\nopus = \"claude-opus-4-7\"\n\
         [providers.off]\nmodels = [\"cc:opus\"]\ndisabled = true\n",
    );
    write(
        &sandbox,
        STATUS,
        &[
            event("codex", "frozen", 10, json!({ "reason": "down" })),
            event("codex", "benched", 5, json!({ "reason": "spent", "quota_scope": "codex" })),
            event("gone", "paused", 5, json!({})),
        ],
    );
    let lines = shown(&sandbox);
    let states: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| (line["harness"].as_str().unwrap(), line["state"].as_str().unwrap()))
        .collect();
    // The role prefers another model of codex, which shares the account.
    assert_eq!(
        states,
        [("codex", "benched"), ("codex", "benched"), ("claude", "disabled"), ("gone", "paused")]
    );
    assert_eq!(lines[0]["also"][0]["state"], "frozen");
    assert_eq!(lines[0]["also"][0]["why"], "down");
    assert_eq!(lines[1]["model"], "gpt-7-codex");
    assert_eq!(lines[2]["why"], "belongs to the disabled provider off");
    assert_eq!(lines[3]["entries"], json!([]));
}

#[test]
fn names_of_all_kinds_are_cleared() {
    let all = ["claude:claude-opus-4-7", "claude", "codex", "opencode:zai/glm-5"];
    for (names, cleared) in [
        (&["cc:opus"][..], &[0][..]),
        (&["cc:opus:2"], &[0]),
        (&["claude:claude-opus-4-7"], &[0]),
        // A harness is all its models.
        (&["cc"], &[0, 1]),
        (&["claude"], &[0, 1]),
        (&["opencode:zai"], &[3]),
        (&["op:z", "cx"], &[2, 3]),
        (&["--all"], &[0, 1, 2, 3]),
    ] {
        let sandbox = ill();
        let before = states(&sandbox);
        let args: Vec<&str> = ["runners", "clear"].iter().chain(names).copied().collect();
        let said = rally(&sandbox, 0, &args);
        for (index, (name, state)) in states(&sandbox).iter().enumerate() {
            assert_eq!(name, all[index]);
            let wanted = if cleared.contains(&index) { "active" } else { &before[index].1 };
            assert_eq!(state, wanted, "{names:?}: {said}");
        }
        let events = sandbox.records(STATUS);
        let written = &events[5..];
        assert_eq!(written.len(), cleared.len(), "{names:?}: {said}");
        for event in written {
            assert_eq!(
                (&event["event_type"], &event["reason"]),
                (&"active".into(), &"cleared by the operator".into())
            );
        }
        assert_eq!(said.matches(", now active").count(), cleared.len(), "{said}");
        assert_eq!(rally(&sandbox, 0, &args), "nothing to clear\n");
        assert_eq!(sandbox.records(STATUS).len(), events.len(), "and nothing is written");
    }
}

#[test]
fn a_limit_is_lifted_for_everybody_and_windows_are_forgotten() {
    let sandbox = sandbox();
    let more =
        json!({ "model": "claude-opus-4-7", "quota_scope": "claude", "reset_at": "2099-01-01T00:00:00Z" });
    write(&sandbox, STATUS, &[event("claude", "benched", 5, more)]);
    let window = |resets: &str| json!({ "name": "five_hour", "used": 1.0, "resets_at": resets });
    write(
        &sandbox,
        QUOTA,
        &[
            json!({ "v": 1, "scope": "claude", "source": "claude", "at": ago(5), "windows": [window(&ago(-60))] }),
            json!({ "v": 1, "scope": "codex", "source": "codex", "at": ago(5), "windows": [window(&ago(-60))] }),
        ],
    );
    let lines = shown(&sandbox);
    assert_eq!(lines[0]["also"][0]["why"], "the window five_hour is used up, as claude told");
    assert_eq!(lines[2]["state"], "benched", "by its window alone");
    let said = rally(&sandbox, 0, &["runners", "clear", "cc:opus"]);
    assert!(said.contains("claude - claude-opus-4-7: was benched until 2099-01-01"), "{said}");
    assert!(said.contains("claude: was benched until 2099-01-01") && said.contains("(same quota)"), "{said}");
    assert!(said.contains("quota claude: what was known of its windows is forgotten"), "{said}");
    let states = states(&sandbox);
    assert_eq!(
        (states[0].1.as_str(), states[1].1.as_str(), states[2].1.as_str()),
        ("active", "active", "benched")
    );
    let last = sandbox.records(QUOTA).pop().unwrap();
    assert_eq!((&last["scope"], &last["windows"]), (&"claude".into(), &json!([])));
    rally(&sandbox, 0, &["runners", "clear", "cx"]);
    assert_eq!(shown(&sandbox)[2]["state"], "active");
}

#[test]
fn who_never_worked_draws_from_a_quota_all_the_same() {
    let sandbox = sandbox();
    let more = json!({ "quota_scope": "claude", "reset_at": "2099-01-01T00:00:00Z" });
    write(&sandbox, STATUS, &[event("claude", "benched", 5, more)]);
    let said = rally(&sandbox, 0, &["runners", "clear", "cc:haiku-9-1"]);
    assert!(said.contains("claude - haiku-9-1: was benched until 2099-01-01"), "{said}");
    assert!(said.contains("claude: was benched") && said.contains("(same quota)"), "{said}");
}

#[test]
fn a_name_that_means_nobody_is_an_error() {
    let sandbox = ill();
    for (name, wanted) in
        [("codx", "did you mean codex?"), ("opencode:zia", "did you mean opencode:zai"), ("x y", "known are")]
    {
        let said = rally(&sandbox, 2, &["runners", "clear", name]);
        assert!(said.contains(wanted) && said.contains("opencode:zai") && said.contains("cc:opus"), "{said}");
    }
    // A good name of somebody who is not here.
    assert_eq!(rally(&sandbox, 0, &["runners", "clear", "ge"]), "nothing to clear\n");
    for args in [&["runners", "clear"][..], &["runners", "clear", "--all", "cc"], &["runners", "clean"]] {
        assert_eq!(sandbox.rally(args).output().unwrap().status.code(), Some(2), "{args:?}");
    }
    let help = rally(&sandbox, 0, &["runners", "clear", "--help"]);
    assert!(help.contains("Examples:") && help.contains("Exit codes:"), "{help}");
    assert_eq!(sandbox.records(STATUS).len(), 5, "nothing was written");
}

#[test]
fn outside_of_a_workspace_there_is_nothing_to_clear() {
    let bare = Sandbox::without_repository();
    assert_eq!(rally(&bare, 0, &["runners", "clear", "--all"]), "nothing to clear\n");
    rally(&bare, 0, &["runners"]);
    assert!(!bare.repo().join(".rally").exists());
}

// Beside a relay that holds the workspace: what the operator cleared counts when the run ends
#[test]
fn clearing_works_beside_a_relay() {
    let sandbox = sandbox();
    sandbox.configure("[reliability]\nretry_budget = 2\nmax_failed_runs = 1\n");
    sandbox.claude("init; here; await go; echo 'rate limit, retry after 10ms' >&2; exit 1");
    write(
        &sandbox,
        STATUS,
        &[event("claude", "paused", 61, json!({})), event("codex", "frozen", 5, json!({}))],
    );
    let relay = sandbox.start_relay(&["--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let said = rally(&sandbox, 0, &["runners", "clear", "--all"]);
    assert!(said.contains("claude: was retry due, now active"), "{said}");
    assert!(said.contains("codex: was frozen until"), "{said}");
    sandbox.release("go");
    assert_eq!(relay.finish().status.code(), Some(1));
    let kinds: Vec<String> = sandbox
        .records(STATUS)
        .iter()
        .map(|event| event["event_type"].as_str().unwrap().to_owned())
        .collect();
    // Not an hourly retry any more that failed.
    assert_eq!(kinds, ["paused", "frozen", "active", "active", "paused"]);
}
