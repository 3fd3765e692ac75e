//! What is valid and will probably go otherwise than meant.

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{json, lines, report, told, with_path, workspace};
use crate::support::stderr;

// 10-K4
#[test]
fn providers_are_counted() {
    let sandbox = workspace(
        "schema_version = 2\n[harness.cc.models]\nopus = \"claude-opus-4-7\"\n\
         [harness.cx.models]\na = \"gpt-a.1\"\nb = \"gpt-b.2\"\n\
         [routes]\ndefault = [\"cx:a:1\", \"cc:opus:1\"]\nsenior = [\"cc:opus\"]\n\
         [providers]\ncodex = [\"cx:*\"]\nclaude = { models = [\"cc:opus\"], disabled = true }\n",
    );
    let (out, _) = report(&sandbox, 0);
    assert_snapshot!(out, @r#"
    routes check summary:
    - default: 2 entries
    - senior: 1 entry

    shared quota groups:
    - claude: 1 model [disabled]
    - codex: 2 models

    warning: CONFIG:9: [routes].senior: every entry belongs to a disabled provider (claude), so nobody can run; set disabled = false in [providers], or add an entry
    info: CONFIG:12: [providers].claude is disabled; passed over: [routes].default "cc:opus:1", [routes].senior "cc:opus"
    "#);
    sandbox.write(".rally/config.toml", "[providers]\ncodex = [\"copex:*\"]\n");
    let (out, err) = report(&sandbox, 1);
    assert!(err.contains("CONFIG:2: [providers].codex: unknown agent alias \"copex\""), "{err}");
    assert!(out.starts_with("routes check summary:\n"), "{out}");
}

// 10-20: D46: no check that the programs exist
#[test]
fn programs_that_are_not_there() {
    let sandbox = workspace(
        "[harness.own]\ncommand = [\"./agent\", \"run\"]\n[harness.alone]\nbase = \"codex\"\nenv = { PATH = \"/nonexistent\" }\n\
         [routes]\ndefault = [\"cc:1\", \"own:1\", \"alone:1\"]\nother = [\"ge:1\", \"cc:2\", \"own:1\"]\n\
         [providers]\nout = { models = [\"cx:gpt-5.5\"], disabled = true }\n",
    );
    std::fs::remove_file(sandbox.bin().join("claude")).unwrap();
    sandbox.write("agent", "");
    let (out, _) = report(&sandbox, 0);
    assert_snapshot!(lines(&out, "warning").join("\n"), @r#"
    CONFIG:7: [routes].default: "alone:1" needs codex, which is not in the PATH that its env sets; install it, or take the entry out
    CONFIG:7: [routes].default: "cc:1" needs claude, which is not in PATH; install it, or take the entry out (so does [routes].other "cc:2")
    CONFIG:7: [routes].default: "own:1" needs ROOT/repo/./agent, which may not be executed; chmod +x ROOT/repo/./agent (so does [routes].other "own:1")
    "#);
    let object = json(&sandbox, 0, &[]);
    let found: Vec<&Value> =
        object["routes"][1]["entries"].as_array().unwrap().iter().map(|entry| &entry["found"]).collect();
    assert_eq!(found, [&json!("ROOT/bin/gemini"), &Value::Null, &Value::Null]);
    // Nobody misses the program of who is passed over.
    sandbox.write(
        ".rally/config.toml",
        "[routes]\ndefault = [\"cc:gpt-5.5:1\", \"cx:1\"]\n[providers]\nout = { models = [\"cc:gpt-5.5\"], disabled = true }\n",
    );
    let (out, _) = report(&sandbox, 0);
    assert_eq!(lines(&out, "warning"), [""; 0]);
}

#[test]
fn entries_that_nobody_reaches() {
    let sandbox = workspace(
        "[routes]\ndefault = [\"cc\", \"cx:2\", \"cc:3\"]\nlost = [\"op:a/b\", \"op:a/c:2\"]\n\
         [providers]\nout = { models = [\"op:a/b\", \"op:a/c\"], disabled = true }\nunused = { models = [\"ge:x.1\"], disabled = true }\n",
    );
    let (out, _) = report(&sandbox, 0);
    assert_snapshot!(out, @r#"
    routes check summary:
    - default: 3 entries
    - lost: 2 entries

    shared quota groups:
    - out: 2 models [disabled]
    - unused: 1 model [disabled]

    warning: CONFIG:2: [routes].default: "cc:3" behind "cc" adds nothing: it is the same agent, and comes only when that has failed; remove it
    warning: CONFIG:3: [routes].lost: every entry belongs to a disabled provider (out), so nobody can run; set disabled = false in [providers], or add an entry
    info: CONFIG:2: [routes].default: "cx:2" comes only when "cc" fails
    info: CONFIG:5: [providers].out is disabled; passed over: [routes].lost "op:a/b", [routes].lost "op:a/c:2"
    info: CONFIG:6: [providers].unused is disabled; nothing that is routed belongs to it
    "#);
}

// 10-12, 10-K8; D46: not without a queue, never for recovery, and what is done does not count
#[test]
fn roles_of_the_queue() {
    let sandbox = workspace(
        "[routes]\ndefault = [\"cc:1\", \"cx\"]\nSENIOR = [\"cc:1\", \"cx\"]\njunior = [\"cc:1\", \"cx\"]\n\
         planner = [\"cc:1\", \"cx\"]\nrecovery = [\"cc:1\", \"cx\"]\n",
    );
    let (out, _) = report(&sandbox, 0);
    assert!(!out.contains("info:") && !out.contains("warning:"), "{out}");
    std::fs::create_dir(sandbox.repo().join(".laps")).unwrap();
    let (out, _) = report(&sandbox, 0);
    assert!(!out.contains("info:"), "a folder alone is no queue: {out}");
    sandbox.write(
        ".laps/laps.json",
        r#"{"version": 3, "tasks": [
            {"kind": "lap", "id": "r-1", "title": "a", "assignee": " senior", "isDone": false},
            {"kind": "lap", "id": "r-2", "title": "b", "Assignee": "Wizard", "isDone": false},
            {"kind": "lap", "id": "r-3", "title": "c", "assignee": "wizard", "isDone": false},
            {"kind": "lap", "id": "r-4", "title": "d", "assignee": "junior", "isDone": true},
            {"kind": "lap", "id": "r-5", "title": "e", "assignee": "ghost", "isDone": true},
            {"kind": "stint", "id": "r-6", "title": "f", "ref": "next", "isDone": false}]}"#,
    );
    sandbox.write(
        ".laps/stints/next.laps.json",
        r#"{"version": 3, "tasks": [{"id": "n-1", "assignee": "planner"}]}"#,
    );
    sandbox.write(".laps/stints/archive/old.laps.json", r#"{"tasks": [{"assignee": "junior"}]}"#);
    let (out, _) = report(&sandbox, 0);
    assert_eq!(
        lines(&out, "warning"),
        ["ROOT/repo/.laps/laps.json: the role \"Wizard\" (2 laps) has neither a route nor a prompt; \
          add it to [routes], or mend the assignee"]
    );
    assert_eq!(
        lines(&out, "info"),
        ["CONFIG:4: [routes].junior: no open lap in .laps/laps.json is assigned to it"]
    );
    sandbox.write(".laps/laps.json", "{\n  \"tasks\": [\n");
    let (out, err) = report(&sandbox, 1);
    assert!(out.contains("- default: 2 entries"), "{out}");
    assert!(err.starts_with("error: ROOT/repo/.laps/laps.json:3: is no lap queue: "), "{err}");
    std::fs::remove_file(sandbox.repo().join(".laps/laps.json")).unwrap();
    std::fs::create_dir(sandbox.repo().join(".laps/laps.json")).unwrap();
    let (_, err) = report(&sandbox, 1);
    assert!(err.starts_with("error: ROOT/repo/.laps/laps.json: cannot be read: "), "{err}");
}

// What a relay refuses is an error here, too.
#[test]
fn a_default_lane_of_disabled_agents_is_an_error() {
    let providers =
        "[providers]\nz = { models = ['op:x/*'], disabled = true }\n[harness.op.models]\na = 'x/a'\n";
    for lane in ["[routes]\nDefault = ['op:a', 'op:x/other']\n", "[defaults]\nmix = 'op:a'\n"] {
        let sandbox = workspace(&format!("{lane}{providers}"));
        let (_, err) = told(&sandbox, 1, &[]);
        assert!(err.contains("every entry belongs to a disabled provider (z)"), "{err}");
        let relay = with_path(&sandbox, sandbox.rally(["relay", "-i", "1", "x"])).output().unwrap();
        assert_eq!(relay.status.code(), Some(1));
        assert!(stderr(&relay).contains("belongs to a disabled provider (z)"), "{}", stderr(&relay));
    }
    // Of another lane nobody knows whether it will be needed.
    let sandbox = workspace(&format!("[routes]\ndefault = ['cc']\nui = ['op:a']\n{providers}"));
    let (out, _) = told(&sandbox, 0, &[]);
    assert!(
        lines(&out, "warning").iter().any(|line| line.contains("every entry belongs to a disabled")),
        "{out}"
    );
}
