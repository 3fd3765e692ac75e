//! `rally routes check`: what it tells, with which exit code, and that it only looks.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use std::time::SystemTime;

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use serde_json::{Value, json};

use crate::support::{Sandbox, stderr, stdout};

/// Nothing but what the test puts there, git and rally itself, is in PATH.
fn with_path(sandbox: &Sandbox, mut command: Command) -> Command {
    let path = std::env::var_os("PATH").unwrap();
    let git = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.exists()).unwrap();
    for (name, file) in [("git", git.as_path()), ("rally", Sandbox::rally_path())] {
        if !sandbox.bin().join(name).exists() {
            std::os::unix::fs::symlink(file, sandbox.bin().join(name)).unwrap();
        }
    }
    command.env("PATH", sandbox.bin());
    command
}

fn check(sandbox: &Sandbox, args: &[&str]) -> Output {
    let mut command = sandbox.rally(["routes", "check"]);
    command.args(args);
    with_path(sandbox, command).output().unwrap()
}

/// A workspace with this configuration, in which every program of a built-in harness is there. None may be run.
fn workspace(config: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    for program in ["agy", "claude", "codex", "gemini", "opencode"] {
        sandbox.program(program, "touch \"$HOME/ran\"");
    }
    sandbox.write(".rally/config.toml", config);
    sandbox
}

/// Standard output and standard error, without what differs between machines.
#[track_caller]
fn told(sandbox: &Sandbox, code: i32, args: &[&str]) -> (String, String) {
    let output = check(sandbox, args);
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
    assert!(!sandbox.home().join("ran").exists(), "no program may be run");
    let root = sandbox.root().canonicalize().unwrap().display().to_string();
    let clean = |text: String| text.replace(&root, "ROOT").replace("ROOT/repo/.rally/config.toml", "CONFIG");
    (clean(stdout(&output)), clean(stderr(&output)))
}

#[track_caller]
fn json(sandbox: &Sandbox, code: i32, args: &[&str]) -> Value {
    let (out, err) = told(sandbox, code, &[&["--json"], args].concat());
    assert_eq!(err, "", "errors are in the object");
    serde_json::from_str(&out).unwrap()
}

/// The lines of the report that begin so.
fn lines<'t>(text: &'t str, level: &str) -> Vec<&'t str> {
    text.lines().filter_map(|line| line.strip_prefix(&format!("{level}: "))).collect()
}

// 10-K1
#[test]
fn a_route_with_two_entries() {
    let sandbox = workspace("schema_version = 2\n[routes]\ndefault = [\"cc:2\", \"cx:1\"]\n");
    let (out, err) = told(&sandbox, 0, &[]);
    assert_eq!((out.as_str(), err.as_str()), ("routes check summary:\n- default: 2 entries\n", ""));
}

/// Writes a file and checks, as the brief has it.
fn block(sandbox: &Sandbox, script: &str) -> (i32, String, String) {
    let mut shell = sandbox.command("sh");
    shell.arg("-c").arg(script);
    let path = std::env::join_paths(
        std::iter::once(sandbox.bin()).chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let output = with_path(sandbox, shell).env("PATH", path.unwrap()).output().unwrap();
    (output.status.code().unwrap(), stdout(&output), stderr(&output))
}

// The brief, 2c, as written there; 10-K2, K8, 10-C18
#[test]
fn the_three_cases_of_the_brief() {
    let sandbox = workspace("");
    let (code, out, err) = block(
        &sandbox,
        "# Schema version warning
cat > .rally/config.toml << 'EOF'
schema_version = 99
[defaults]
mix = \"cc\"
claude_model = \"claude-haiku-*\"
EOF
rally routes check  # should warn about schema version",
    );
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("config.toml:1: schema_version is 99, expected 2"), "{out}");
    assert!(out.contains("config.toml:4: [defaults].claude_model: \"claude-haiku-*\" holds a *"), "{out}");

    let (code, out, err) = block(
        &sandbox,
        "# Invalid harness name
cat > .rally/config.toml << 'EOF'
schema_version = 2
[harness.123bad]
command = [\"echo\"]
EOF
rally routes check  # should error: invalid harness name",
    );
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.starts_with("error: ") && err.contains("config.toml:2: [harness.123bad]: invalid harness name")
    );
    assert_eq!(err.lines().count(), 1, "told once: {err}");

    let (code, out, err) = block(
        &sandbox,
        "# Missing default route with routes configured
cat > .rally/config.toml << 'EOF'
schema_version = 2
[defaults]
claude_model = \"claude-haiku-*\"
[routes]
planner = [\"cc:2\"]
EOF
rally routes check  # should warn: no default route",
    );
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("- planner: 1 entry\n"), "{out}");
    assert!(out.contains("config.toml:5: [routes]: no default route is configured"), "{out}");
    assert!(out.contains("\"claude-haiku-*\" holds a *"), "{out}");
}

// The brief, 2d; 10-K11
#[test]
fn every_route_is_in_the_summary() {
    let sandbox = workspace(
        "# Config with default route\n[routes]\ndefault = [\"cc:2\"]\nplanner = [\"cc:2\"]\nexecutor = [\"cc:1\"]\n",
    );
    let (out, _) = told(&sandbox, 0, &[]);
    let summary = "routes check summary:\n- default: 1 entry\n- executor: 1 entry\n- planner: 1 entry\n";
    assert!(out.starts_with(summary), "{out}");
    assert_eq!(lines(&out, "warning"), [""; 0]);
    assert_eq!(lines(&out, "info").len(), 3, "each has a single runner: {out}");
    assert!(lines(&out, "info")[0].starts_with("CONFIG:3: [routes].default has a single runner, claude"));
}

// 10-K3, K5, K7; 10-20: D29, D40. Deviation: all errors are told, not only the first.
#[test]
fn every_error_is_told_with_its_place_and_the_way_out() {
    let sandbox = workspace(
        "schema_version = 2\n[harness.op.models]\ngk = \"a/b\"\n[routes]\n\
         default = [\"cc\", \"claude:opus:4.7\", \"cc:0\"]\nempty = []\n\
         last = [\"op:gp\", \"copex\", \"cx\"]\nfine = [\"cc\", \"cx\"]\n\
         [reasoning]\nverify = \"op:gl\"\n[providers]\nx = [\"nobody\"]\n",
    );
    let (out, err) = told(&sandbox, 1, &[]);
    assert_snapshot!(err, @r#"
    error: CONFIG:5: [routes].default: "claude:opus:4.7" has 3 identifier segments, expected 1 or 2 (a model may contain a colon only behind a slash)
    error: CONFIG:5: [routes].default: "cc:0": a quota must be positive
    error: CONFIG:6: [routes].empty: the route is empty; list who works, like ["cc:2", "cx"], or remove it
    error: CONFIG:7: [routes].last: "op:gp": unknown model "gp" of op; did you mean gk?; name it in [harness.op.models]
    error: CONFIG:7: [routes].last: "copex": unknown agent alias "copex"; did you mean codex?; known are ag, cc, cx, ge, op
    error: CONFIG:10: [reasoning].verify: unknown model "gl" of op; did you mean gk?; name it in [harness.op.models]
    error: CONFIG:12: [providers].x: unknown model alias "nobody": neither a harness nor a name in a [harness.X.models]
    "#);
    assert_snapshot!(out, @r#"
    routes check summary:
    - default: 3 entries [invalid]
    - empty: 0 entries [invalid]
    - fine: 2 entries
    - last: 3 entries [invalid]

    info: CONFIG:8: [routes].fine: "cx" comes only when "cc" fails
    "#);
}

// 10-K4
#[test]
fn providers_are_counted() {
    let sandbox = workspace(
        "schema_version = 2\n[harness.cc.models]\nopus = \"claude-opus-4-7\"\n\
         [harness.cx.models]\na = \"gpt-a.1\"\nb = \"gpt-b.2\"\n\
         [routes]\ndefault = [\"cx:a:1\", \"cc:opus:1\"]\nsenior = [\"cc:opus\"]\n\
         [providers]\ncodex = [\"cx:*\"]\nclaude = { models = [\"cc:opus\"], disabled = true }\n",
    );
    let (out, _) = told(&sandbox, 0, &[]);
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
    let (out, err) = told(&sandbox, 1, &[]);
    assert!(err.contains("CONFIG:2: [providers].codex: unknown agent alias \"copex\""), "{err}");
    assert!(out.starts_with("routes check summary:\n"), "{out}");
}

// 10-K6
#[test]
fn preferences_of_roles() {
    for (preference, code, warning, error) in [
        ("op:gl", 1, "", "CONFIG:6: [reasoning].verify: unknown model \"gl\" of op; did you mean gk?"),
        ("op:gk", 0, "", ""),
        ("gk", 0, "", ""),
        ("high", 0, "", ""),
        ("ludicrous", 0, "CONFIG:6: [reasoning].verify: \"ludicrous\" is no model name and no effort", ""),
    ] {
        let sandbox = workspace(&format!(
            "[harness.op.models]\ngk = \"a/b\"\n[routes]\ndefault = [\"cc:1\", \"op\"]\n[reasoning]\nverify = \"{preference}\"\n"
        ));
        let (out, err) = told(&sandbox, code, &[]);
        assert_eq!(lines(&out, "warning").len(), usize::from(!warning.is_empty()), "{preference}: {out}");
        assert!(out.contains(warning) && err.contains(error), "{preference}: {out}{err}");
        assert_eq!(err.is_empty(), error.is_empty(), "{preference}: {err}");
    }
}

// 10-C23; decisions.md: [defaults].mix does not count while there are routes
#[test]
fn a_broken_mix_counts_only_while_it_is_used() {
    let sandbox = workspace("[defaults]\nmix = \"cc nonesuch\"\n");
    let (out, err) = told(&sandbox, 1, &[]);
    assert!(err.starts_with("error: CONFIG:2: [defaults].mix: \"nonesuch\": unknown agent alias"), "{err}");
    let shown = "no routes are declared; [defaults].mix is used\n- mix: 0 entries [invalid]\n";
    assert!(out.contains(shown), "{out}");
    for mix in ["", "cc, ", "cc:0"] {
        sandbox.write(".rally/config.toml", &format!("[defaults]\nmix = \"cc {mix}\"\n"));
        let (_, err) = told(&sandbox, i32::from(!mix.is_empty()), &[]);
        assert_eq!(
            err.matches("CONFIG").count(),
            usize::from(!mix.is_empty()),
            "the place is told once: {err}"
        );
    }
    sandbox.write(
        ".rally/config.toml",
        "[defaults]\nmix = \"nonesuch\"\n[routes]\ndefault = [\"cc:1\", \"cx\"]\n",
    );
    let (out, err) = told(&sandbox, 0, &[]);
    assert_eq!(err, "");
    assert_eq!(lines(&out, "warning").len(), 1, "{out}");
    assert!(
        lines(&out, "warning")[0].starts_with("CONFIG:2: [defaults].mix: \"nonesuch\": unknown"),
        "{out}"
    );
    sandbox.write(".rally/config.toml", "");
    let (out, _) = told(&sandbox, 0, &[]);
    assert_eq!(
        out,
        "routes check summary:\nno routes are declared; the built-in mix is used\n- mix: 2 entries\n"
    );
}

// 10-20: D29: file and line of every mistake, sorted by file and line
#[test]
fn a_configuration_that_cannot_be_loaded() {
    let sandbox =
        workspace("schema_version = 2\n[harness.\"a b\"]\ncommand = [\"x\"]\n[routes]\na = 1\nA = []\n");
    let user = sandbox.home().join(".config/rally/config.toml");
    std::fs::create_dir_all(user.parent().unwrap()).unwrap();
    std::fs::write(&user, "[defaults]\niterations = 0\n").unwrap();
    let (out, err) = told(&sandbox, 1, &[]);
    assert_eq!(out, "", "there is nothing to tell about");
    assert_snapshot!(err, @r#"
    error: ROOT/home/.config/rally/config.toml:2: [defaults].iterations is 0, but must be at least 1; remove it to get the default
    error: CONFIG:2: [harness.a b]: invalid harness name "a b"; use a letter, then letters, digits, _ and -
    error: CONFIG:5: [routes].a must be a list of strings, like ["a", "b"], found a number
    "#);
    let report = json(&sandbox, 1, &["--preview", "3"]);
    assert_eq!((&report["v"], &report["loaded"], &report["mix"]), (&json!(1), &json!(false), &Value::Null));
    assert_eq!(report["errors"].as_array().unwrap().len(), err.lines().count());
    assert_eq!(report["errors"][0]["file"], "ROOT/home/.config/rally/config.toml");
    assert_eq!(report["preview"], Value::Null);

    std::fs::remove_file(&user).unwrap();
    sandbox.write(".rally/config.toml", "[routes]\ndefault = [\"cc\"\nx = 1\n");
    let (out, err) = told(&sandbox, 1, &[]);
    assert_eq!(out, "");
    assert!(err.starts_with("error: CONFIG:3: "), "{err}");
    sandbox.command("rm").arg(".rally/config.toml").output().unwrap();
    std::fs::create_dir(sandbox.repo().join(".rally/config.toml")).unwrap();
    let (_, err) = told(&sandbox, 1, &[]);
    assert!(err.starts_with("error: CONFIG: cannot be read: "), "{err}");
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
    let (out, _) = told(&sandbox, 0, &[]);
    assert_snapshot!(lines(&out, "warning").join("\n"), @r#"
    CONFIG:7: [routes].default: "alone:1" needs codex, which is not in the PATH that its env sets; install it, or take the entry out
    CONFIG:7: [routes].default: "cc:1" needs claude, which is not in PATH; install it, or take the entry out (so does [routes].other "cc:2")
    CONFIG:7: [routes].default: "own:1" needs ROOT/repo/./agent, which may not be executed; chmod +x ROOT/repo/./agent (so does [routes].other "own:1")
    "#);
    let report = json(&sandbox, 0, &[]);
    let found: Vec<&Value> =
        report["routes"][1]["entries"].as_array().unwrap().iter().map(|entry| &entry["found"]).collect();
    assert_eq!(found, [&json!("ROOT/bin/gemini"), &Value::Null, &Value::Null]);
    // Nobody misses the program of who is passed over.
    sandbox.write(
        ".rally/config.toml",
        "[routes]\ndefault = [\"cc:gpt-5.5:1\", \"cx:1\"]\n[providers]\nout = { models = [\"cc:gpt-5.5\"], disabled = true }\n",
    );
    let (out, _) = told(&sandbox, 0, &[]);
    assert_eq!(lines(&out, "warning"), [""; 0]);
}

#[test]
fn entries_that_nobody_reaches() {
    let sandbox = workspace(
        "[routes]\ndefault = [\"cc\", \"cx:2\", \"cc:3\"]\nlost = [\"op:a/b\", \"op:a/c:2\"]\n\
         [providers]\nout = { models = [\"op:a/b\", \"op:a/c\"], disabled = true }\nunused = { models = [\"ge:x.1\"], disabled = true }\n",
    );
    let (out, _) = told(&sandbox, 0, &[]);
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
    let (out, _) = told(&sandbox, 0, &[]);
    assert!(!out.contains("info:") && !out.contains("warning:"), "{out}");
    std::fs::create_dir(sandbox.repo().join(".laps")).unwrap();
    let (out, _) = told(&sandbox, 0, &[]);
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
    let (out, _) = told(&sandbox, 0, &[]);
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
    let (out, err) = told(&sandbox, 1, &[]);
    assert!(out.contains("- default: 2 entries"), "{out}");
    assert!(err.starts_with("error: ROOT/repo/.laps/laps.json:3: is no lap queue: "), "{err}");
    std::fs::remove_file(sandbox.repo().join(".laps/laps.json")).unwrap();
    std::fs::create_dir(sandbox.repo().join(".laps/laps.json")).unwrap();
    let (_, err) = told(&sandbox, 1, &[]);
    assert!(err.starts_with("error: ROOT/repo/.laps/laps.json: cannot be read: "), "{err}");
}

#[test]
fn what_is_no_command_line() {
    let sandbox = workspace("");
    for (args, wanted) in [
        (&["routes"][..], "Usage: rally routes"),
        (&["routes", "chek"], "unrecognized subcommand 'chek'"),
        (&["routes", "check", "more"], "unexpected argument 'more'"),
        (&["routes", "check", "--preview", "0"], "0 is not in 1..=1000"),
        (&["routes", "check", "--preview", "1001"], "1001 is not in 1..=1000"),
        (&["routes", "check", "--preview", "-1"], "-1 is not in 1..=1000"),
    ] {
        let output = sandbox.rally(args).output().unwrap();
        assert_eq!((output.status.code(), stdout(&output)), (Some(2), String::new()), "{args:?}");
        assert!(stderr(&output).contains(wanted), "{args:?}: {}", stderr(&output));
    }
    let help = stdout(&sandbox.rally(["routes", "check", "--help"]).output().unwrap());
    assert!(help.contains("Exit codes:") && help.contains("Keys of --json"), "{help}");
}

/// Everything below a folder: when it was changed, and its bytes.
fn everything(folder: &Path, files: &mut BTreeMap<String, (SystemTime, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let changed = path.symlink_metadata().unwrap().modified().unwrap();
        let is_folder = path.is_dir() && !path.is_symlink();
        let bytes = if is_folder { Vec::new() } else { std::fs::read(&path).unwrap_or_default() };
        files.insert(path.display().to_string(), (changed, bytes));
        if is_folder {
            everything(&path, files);
        }
    }
}

fn tree(sandbox: &Sandbox) -> BTreeMap<String, (SystemTime, Vec<u8>)> {
    let mut files = BTreeMap::new();
    everything(sandbox.root(), &mut files);
    files
}

#[test]
fn nothing_is_written_anywhere() {
    let bare = Sandbox::without_repository();
    std::fs::create_dir_all(bare.home().join(".config/rally")).unwrap();
    std::fs::write(
        bare.home().join(".config/rally/config.toml"),
        "[routes]\ndefault = [\"cc:1\", \"cc:2\"]\n",
    )
    .unwrap();
    check(&bare, &[]);
    let before = tree(&bare);
    for args in [&[][..], &["--json"], &["--preview", "5"]] {
        let (out, _) = told(&bare, 0, args);
        assert!(out.contains("default"), "{out}");
    }
    assert_eq!(tree(&bare), before, "outside of any repository");

    let sandbox = Sandbox::initialised();
    sandbox.configure("[routes]\ndefault = [\"cc:2\", \"cx\"]\nbroken = [\"nonesuch\"]\n");
    sandbox.write(".laps/laps.json", "{\"tasks\": [{\"assignee\": \"x\"}]}");
    sandbox.write(".rally/state/agent_status.jsonl", "{\"torn");
    check(&sandbox, &[]);
    let before = tree(&sandbox);
    for args in [&[][..], &["--json"], &["--preview", "5"], &["--preview", "5", "--json"]] {
        told(&sandbox, 1, args);
    }
    assert_eq!(tree(&sandbox), before, "in a workspace");
}

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

#[test]
fn the_shape_of_json() {
    let sandbox = workspace(
        "schema_version = 2\n[defaults]\nclaude_model = \"claude-haiku-4-5\"\n[harness.cc]\neffort = \"low\"\n[harness.op.models]\nz = \"zai/glm-5.1\"\n\
         [routes]\ndefault = [\"cc:1-2\", \"nonesuch\"]\nsenior = [\"op:z:1\", \"cx\"]\n\
         [reasoning]\nsenior = \"high\"\n[providers]\nzai = { models = [\"op:z\"], disabled = true }\n",
    );
    std::fs::remove_file(sandbox.bin().join("codex")).unwrap();
    let (out, _) = told(&sandbox, 1, &["--json", "--preview", "1"]);
    assert_snapshot!(out, @r#"
    {
      "v": 1,
      "workspace": "ROOT/repo",
      "loaded": true,
      "routes": [
        {
          "name": "default",
          "file": "CONFIG",
          "line": 9,
          "valid": false,
          "entries": [
            {
              "text": "cc:1-2",
              "harness": "claude",
              "model": "claude-haiku-4-5",
              "effort": "low",
              "quota": {
                "min": 1,
                "max": 2
              },
              "quota_scope": "claude",
              "program": "claude",
              "found": "ROOT/bin/claude"
            },
            {
              "text": "nonesuch",
              "harness": null,
              "model": null,
              "effort": null,
              "quota": null,
              "quota_scope": null,
              "program": null,
              "found": null
            }
          ]
        },
        {
          "name": "senior",
          "file": "CONFIG",
          "line": 10,
          "valid": true,
          "entries": [
            {
              "text": "op:z:1",
              "harness": "opencode",
              "model": "zai/glm-5.1",
              "effort": null,
              "quota": {
                "min": 1,
                "max": 1
              },
              "quota_scope": "provider:zai",
              "program": "opencode",
              "found": "ROOT/bin/opencode"
            },
            {
              "text": "cx",
              "harness": "codex",
              "model": null,
              "effort": null,
              "quota": null,
              "quota_scope": "codex",
              "program": "codex",
              "found": null
            }
          ]
        }
      ],
      "mix": {
        "source": "built-in",
        "used": false,
        "name": "default",
        "file": null,
        "line": null,
        "valid": true,
        "entries": [
          {
            "text": "cc",
            "harness": "claude",
            "model": "claude-haiku-4-5",
            "effort": "low",
            "quota": {
              "min": 1,
              "max": 1
            },
            "quota_scope": "claude",
            "program": "claude",
            "found": "ROOT/bin/claude"
          },
          {
            "text": "cx:2",
            "harness": "codex",
            "model": null,
            "effort": null,
            "quota": {
              "min": 2,
              "max": 2
            },
            "quota_scope": "codex",
            "program": "codex",
            "found": null
          }
        ]
      },
      "providers": [
        {
          "name": "zai",
          "file": "CONFIG",
          "line": 14,
          "disabled": true,
          "members": [
            {
              "harness": "opencode",
              "model": "zai/glm-5.1"
            }
          ]
        }
      ],
      "reasoning": [
        {
          "role": "senior",
          "preference": "high",
          "file": "CONFIG",
          "line": 12
        }
      ],
      "roles": [],
      "errors": [
        {
          "file": "CONFIG",
          "line": 9,
          "key": "routes.default",
          "message": "[routes].default: \"nonesuch\": unknown agent alias \"nonesuch\"; known are ag, cc, cx, ge, op"
        }
      ],
      "warnings": [
        {
          "file": "CONFIG",
          "line": 10,
          "key": "routes.senior",
          "message": "[routes].senior: \"cx\" needs codex, which is not in PATH; install it, or take the entry out"
        }
      ],
      "infos": [
        {
          "file": "CONFIG",
          "line": 14,
          "key": "providers.zai.disabled",
          "message": "[providers].zai is disabled; passed over: [routes].senior \"op:z:1\""
        }
      ],
      "preview": [
        {
          "lane": "senior",
          "role": "senior",
          "relay": null,
          "passed_over": [
            {
              "entry": "op:z:1",
              "harness": "opencode",
              "model": "zai/glm-5.1",
              "effort": null,
              "why": "disabled",
              "provider": "zai",
              "until": null
            }
          ],
          "picks": [
            {
              "entry": "cx",
              "harness": "codex",
              "model": null,
              "effort": "high",
              "wait_until": null
            }
          ],
          "end": null
        }
      ]
    }
    "#);
}
