//! `rally status`.

use rally::model::{Outcome, Spent};
use rally::store::records::Fact;
use serde_json::{Value, json};

use super::*;
use crate::support::{stderr, stdout};

fn status(sandbox: &Sandbox) -> String {
    let output = sandbox.rally(["status"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    stdout(&output)
}

fn status_json(sandbox: &Sandbox) -> Value {
    let output = sandbox.rally(["status", "--json"]).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_workspace_without_history() {
    let sandbox = Sandbox::new();
    let expected = "running   nothing\nheld by   nobody\nrelay     none yet\nlast try  none yet\n";
    assert_eq!(status(&sandbox), expected);
    let json = status_json(&sandbox);
    for key in ["holder", "running", "relay", "last_try"] {
        assert_eq!(json[key], Value::Null, "{key}");
    }
    assert!(!sandbox.repo().join(".rally").exists(), "looking creates nothing");
}

#[test]
fn a_running_try_and_the_one_before() {
    let sandbox = Sandbox::new();
    let (mut store, _) = open(&layout(&sandbox));
    let relay = store.create_relay(new_relay(3), at(0)).unwrap().id;
    let first = store.allocate_try(new_try(relay, 1, 1), at(1)).unwrap();
    let mut record = ended(&first, Outcome::Failed);
    record.fail_reason = Some("rate\nlimit \x1b[31m".into());
    store.finish_try(record).unwrap();
    let new = NewTry { model: Some("opus".into()), ..new_try(relay, 1, 2) };
    let second = store.allocate_try(new, at(20)).unwrap();
    store
        .note(Fact::Session { try_id: 2, session_id: "s-1".into(), spent: Spent::default() }, at(21))
        .unwrap();
    store.write_current_task("# Rally\n\n## Task\nFix \x1b]0;x\x07 it\n\n## Exit\nx").unwrap();

    let text = status(&sandbox);
    let lines: Vec<&str> = text.lines().collect();
    let started = "2026-09-21T14:13:40.000Z";
    assert!(
        lines[0]
            .starts_with(&format!("running   try 2, run 1 (attempt 2): claude - opus, since {started} ("))
    );
    assert_eq!(lines[1], "task      Fix  it");
    assert_eq!(lines[2], "session   s-1");
    assert_eq!(lines[3], format!("log       {}", second.log_path));
    assert!(lines[4].starts_with(&format!("held by   pid {} on ", std::process::id())));
    assert_eq!(lines[5], "relay     1 (open): 0/3 done, mix: cc:2");
    assert_eq!(lines[6], "last try  1: claude, failed (rate limit ), ended 2026-09-21T14:13:29.000Z");

    let json = status_json(&sandbox);
    assert_eq!(json["holder"]["pid"], std::process::id());
    assert_eq!(json["running"]["try_id"], 2);
    assert_eq!(json["running"]["runner"], json!({"harness": "claude", "model": "opus"}));
    assert_eq!(json["running"]["started_at"], started);
    assert_eq!(json["running"]["alive"], true);
    assert_eq!(json["relay"]["open"], true);
    assert_eq!(json["last_try"]["outcome"], "failed");

    drop(store);
    let text = status(&sandbox);
    assert!(text.starts_with("cut       try 2, run 1 (attempt 2): claude - opus, since "), "{text}");
    assert!(text.contains("held by   nobody\n"));
    assert_eq!(status_json(&sandbox)["running"]["alive"], false);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::new();
    let script = "trap '' PIPE; \"$0\" status | head -n 1; \"$0\" status 2>&1 >/dev/full | cat >&2; exit 0";
    let mut command = sandbox.command("sh");
    command.args(["-c", script]).arg(Sandbox::rally_path());
    let output = command.output().unwrap();
    assert_eq!(stdout(&output), "running   nothing\n");
    assert!(stderr(&output).contains("error"), "a full disk is one: {}", stderr(&output));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = sandbox.rally(["status"]).stdout(writer).output().unwrap();
    assert!(output.status.success());
    assert_eq!(stderr(&output), "");
}
