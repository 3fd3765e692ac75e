//! Who gets the next runs, and that a relay then does the same.

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use super::{json, lines, told, workspace};
use crate::support::{Sandbox, stderr};

/// (entry, harness) of the next runs of a lane.
fn picks(preview: &Value) -> Vec<(String, String)> {
    let text = |pick: &Value, key: &str| pick[key].as_str().unwrap().to_owned();
    preview["picks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pick| (text(pick, "entry"), text(pick, "harness")))
        .collect()
}

/// A codex of the user's own making, so that two harnesses can be told apart.
const TWO: &str = "[harness.two]\ncommand = [\"two\"]\n";

fn two(sandbox: &Sandbox) {
    sandbox.program("two", "cat > /dev/null; echo two >> two.txt; echo done");
}

/// Who had a run that counts, in order.
fn worked(sandbox: &Sandbox) -> Vec<String> {
    let tries = sandbox.tries().into_iter().filter(|record| record["completed"] == true);
    tries.map(|record| record["agent_type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_preview_is_what_a_relay_then_does() {
    for routes in [
        "default = [\"cc:2\", \"two:1\"]",
        "default = [\"two:1-3\", \"cc:1\"]",
        "default = [\"cc:1\", \"two\"]",
        "default = [\"two\", \"cc:1\"]",
    ] {
        let sandbox = Sandbox::initialised();
        sandbox.configure(&format!("[routes]\n{routes}\nplanner = [\"cc:3\", \"two\"]\n{TWO}"));
        sandbox.claude("init; echo $N >> claude.txt; result done");
        two(&sandbox);
        let report = json(&sandbox, 0, &["--preview", "5"]);
        assert_eq!(
            (&report["preview"][0]["lane"], &report["preview"][0]["relay"]),
            (&json!("default"), &Value::Null)
        );
        let expected: Vec<String> =
            picks(&report["preview"][0]).into_iter().map(|(_, harness)| harness).collect();
        assert_eq!(expected.len(), 5);
        let output = sandbox.relay(&["-i", "5", "work"]);
        assert!(output.status.success(), "{}", stderr(&output));
        assert_eq!(worked(&sandbox), expected, "{routes}");
    }
}

#[test]
fn the_preview_begins_where_an_unfinished_relay_stands() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!(
        "[routes]\ndefault = [\"two:1\", \"cc:3\"]\nplanner = [\"cc:1\", \"two\"]\n{TWO}"
    ));
    sandbox.claude("init; if [ $N = 2 ]; then here; await go; fi; echo $N >> claude.txt; result done");
    two(&sandbox);
    let relay = sandbox.start_relay(&["-i", "7", "work"]);
    sandbox.wait_for_note("here.2");
    relay.signal("INT");
    assert_eq!(relay.finish().status.code(), Some(130));
    assert_eq!(worked(&sandbox), ["two", "claude"]);

    let report = json(&sandbox, 0, &["--preview", "5"]);
    let preview = &report["preview"][0];
    assert_eq!(preview["relay"], 1);
    let expected: Vec<String> = picks(preview).into_iter().map(|(_, harness)| harness).collect();
    assert_eq!(expected, ["claude", "claude", "two", "claude", "claude"]);
    let (out, _) = told(&sandbox, 0, &["--preview", "1"]);
    assert!(out.contains("next runs of default (from where relay #1 stands):\n  1. cc:3  claude\n"), "{out}");
    assert!(out.contains("next runs of planner"), "{out}");
    // The position of a lane that reads otherwise now means nothing.
    let config = sandbox.read(".rally/config.toml");
    sandbox.write(".rally/config.toml", &config.replace("cc:3", "cc:4"));
    let changed = json(&sandbox, 0, &["--preview", "1"]);
    assert_eq!((&changed["preview"][0]["relay"], &changed["preview"][1]["relay"]), (&Value::Null, &json!(1)));
    assert_eq!(picks(&changed["preview"][0])[0].1, "two");
    sandbox.write(".rally/config.toml", &config);
    sandbox.release("go");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(worked(&sandbox)[2..], expected);

    // A finished relay stands nowhere.
    let report = json(&sandbox, 0, &["--preview", "1"]);
    assert_eq!(report["preview"][0]["relay"], Value::Null);
    assert_eq!(picks(&report["preview"][0])[0].1, "two");
}

// Killed after its last record, before its end: a start would not resume it, so nothing goes on from it
#[test]
fn a_relay_that_only_lacks_its_end_is_not_unfinished() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[routes]\ndefault = [\"two:1\", \"cc:3\"]\n{TWO}"));
    two(&sandbox);
    let output = sandbox.relay(&["--agent", "two", "work"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let relays = sandbox.read(".rally/state/relays.jsonl");
    sandbox.write(".rally/state/relays.jsonl", &format!("{}\n", relays.lines().next().unwrap()));
    let report = json(&sandbox, 0, &["--preview", "1"]);
    assert!(!report["infos"].to_string().contains("is unfinished"), "{}", report["infos"]);
}

#[test]
fn an_unfinished_relay_with_a_mix_of_its_own_is_told() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!("[routes]\ndefault = [\"two:1\", \"cc:3\"]\n{TWO}"));
    sandbox.claude("init; here; await go; result done");
    let relay = sandbox.start_relay(&["-i", "2", "--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    relay.signal("INT");
    assert_eq!(relay.finish().status.code(), Some(130));
    let (out, _) = told(&sandbox, 0, &["--preview", "1"]);
    assert_eq!(
        lines(&out, "info"),
        ["relay #1 is unfinished; resumed, it goes on with its own mix (cc), which is not previewed"]
    );
    assert!(out.contains("next runs of default:\n  1. two:1  two\n"), "{out}");
    let (out, _) = told(&sandbox, 0, &[]);
    assert_eq!(lines(&out, "info"), [""; 0], "only beside a preview");
}

fn event(harness: &str, kind: &str, more: Value) -> String {
    let mut event = json!({
        "v": 1, "agent_type": harness, "event_type": kind, "timestamp": "2026-11-23T06:00:00.000Z"
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    format!("{event}\n")
}

#[test]
fn who_cannot_run_now_is_passed_over() {
    let sandbox = Sandbox::initialised();
    sandbox.configure(&format!(
        "[routes]\ndefault = [\"cc:1\", \"op:a/b:1\", \"two:1\"]\nback = [\"cc:2\"]\n{TWO}\
         [providers]\nout = {{ models = [\"op:a/b\"], disabled = true }}\n"
    ));
    two(&sandbox);
    sandbox.claude("echo no; exit 1");
    let bench = json!({ "reset_at": "2099-01-01T00:00:00.000Z", "quota_scope": "claude" });
    sandbox.write(".rally/state/agent_status.jsonl", &event("claude", "benched", bench));
    let (out, _) = told(&sandbox, 0, &["--preview", "2"]);
    let preview = &out[out.find("next runs of back").unwrap()..];
    assert_snapshot!(preview, @r#"
    next runs of back:
      1. cc:2  claude after waiting until 2099-01-01T00:00:00.000Z
      2. cc:2  claude
      passed over: "cc:2" (claude): benched until 2099-01-01T00:00:00.000Z

    next runs of default:
      1. two:1  two
      2. two:1  two
      passed over: "cc:1" (claude): benched until 2099-01-01T00:00:00.000Z
      passed over: "op:a/b:1" (opencode - a/b): belongs to the disabled provider out
    "#);
    let report = json(&sandbox, 0, &["--preview", "2"]);
    let (back, default) = (&report["preview"][0], &report["preview"][1]);
    assert_eq!(back["picks"][0]["wait_until"], "2099-01-01T00:00:00.000Z");
    assert_eq!(default["passed_over"][0]["why"], "benched");
    let output = sandbox.relay(&["-i", "2", "work"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(worked(&sandbox), ["two", "two"]);
    // A bench that is over is none.
    let bench = json!({ "reset_at": "2026-01-01T00:00:00.000Z", "quota_scope": "claude" });
    sandbox.write(".rally/state/agent_status.jsonl", &event("claude", "benched", bench));
    let report = json(&sandbox, 0, &["--preview", "2"]);
    assert_eq!(picks(&report["preview"][0])[0].1, "claude");
}

// 10-11: the role's own preference; explicit models win
#[test]
fn the_preview_minds_the_preferences_of_roles() {
    let sandbox = workspace(
        "[harness.cc.models]\nopus = \"claude-opus-4-7\"\n[routes]\ndefault = [\"cc:1\", \"cc:opus:1\"]\nSenior = [\"cc:1\", \"cx:1\"]\n\
         [reasoning]\nsenior = \"high\"\nverify = \"cc:opus\"\n",
    );
    let (out, _) = told(&sandbox, 0, &["--preview", "2"]);
    assert_snapshot!(&out[out.find("next runs").unwrap()..], @r"
    next runs of default:
      1. cc:1       claude
      2. cc:opus:1  claude - claude-opus-4-7

    next runs of default, for the role verify:
      1. cc:1       claude - claude-opus-4-7
      2. cc:opus:1  claude - claude-opus-4-7

    next runs of Senior:
      1. cc:1  claude (effort high)
      2. cx:1  codex (effort high)
    ");
}
