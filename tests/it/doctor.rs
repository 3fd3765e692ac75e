//! `rally doctor`: what it finds, that it only looks, and whom `--reap` ends.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::{Sandbox, stderr, stdout};

/// Nothing but what the test puts there, and git, is in PATH.
fn doctor(sandbox: &Sandbox, args: &[&str]) -> Command {
    let git = sandbox.bin().join("git");
    if !git.exists() {
        let path = std::env::var_os("PATH").unwrap();
        let real = std::env::split_paths(&path).map(|folder| folder.join("git")).find(|git| git.exists());
        std::os::unix::fs::symlink(real.unwrap(), git).unwrap();
    }
    let mut command = sandbox.rally(["doctor"]);
    command.args(args).env("PATH", sandbox.bin());
    command
}

/// A workspace that wants no CLI but one that is everywhere.
fn ready() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure(READY);
    sandbox
}

const READY: &str = "[defaults]\nmix = 'own'\n[harness.own]\ncommand = ['/bin/sh']\n";

/// The version of claude that counts as proven.
fn pin() -> &'static str {
    rally::executor::proven(rally::model::Cli::Claude).unwrap()
}

#[track_caller]
fn expect(code: i32, output: &Output) -> String {
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

/// The text without what differs from machine to machine. Leftovers are left out, and with them the
/// sum: tests that run at the same time kill guards.
#[track_caller]
fn text(sandbox: &Sandbox, code: i32, command: &mut Command) -> String {
    let text = expect(code, &command.output().unwrap());
    let root = sandbox.root().canonicalize().unwrap();
    let mut text = text.replace(&root.display().to_string(), "ROOT").replace(pin(), "PROVEN");
    for (pattern, replacement) in [
        (r"(?s)Leftovers\n.*?Disk\n", "Disk\n"),
        (r"\n[^\n]*\n$", ""),
        (r"(?m)(ok {7}git +)\S+;", "${1}VERSION;"),
        (r"\S+ [GM]iB free", "MUCH free"),
        (r"linux \S+", "linux KERNEL"),
        (r"(sandbox +off)[:,].*", "$1, AND WHAT THE KERNEL COULD"),
    ] {
        text = regex::Regex::new(pattern).unwrap().replace_all(&text, replacement).into_owned();
    }
    text
}

#[track_caller]
fn json(sandbox: &Sandbox, code: i32) -> Value {
    serde_json::from_str(&expect(code, &doctor(sandbox, &["--json"]).output().unwrap())).unwrap()
}

/// The findings about a subject: (level, text and way out).
fn about(report: &Value, group: &str, subject: &str) -> Vec<(String, String)> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["group"] == group && finding["subject"] == subject)
        .map(|finding| {
            let text = [&finding["text"], &finding["way_out"]].map(|text| text.as_str().unwrap_or_default());
            (finding["level"].as_str().unwrap().to_owned(), text.join("; "))
        })
        .collect()
}

/// Every file below a folder with its bytes.
fn everything(folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_symlink() || path.is_file() {
            files.insert(path.display().to_string(), std::fs::read(&path).unwrap_or_default());
        } else {
            files.insert(path.display().to_string(), Vec::new());
            everything(&path, files);
        }
    }
}

fn snapshot(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    everything(sandbox.root(), &mut files);
    files
}

#[test]
fn outside_of_everything() {
    let sandbox = Sandbox::without_repository();
    let mut command = doctor(&sandbox, &[]);
    let before = snapshot(&sandbox);
    assert_snapshot!(text(&sandbox, 0, &mut command), @r"
    Harnesses
      note     antigravity  agy is not in PATH; nothing uses it
      warning  claude       claude is not in PATH; the built-in mix uses it, which holds while none is configured
      warning  codex        codex is not in PATH; the built-in mix uses it, which holds while none is configured
      note     gemini       gemini is not in PATH; nothing uses it
      note     opencode     opencode is not in PATH; nothing uses it
    Git
      ok       git          VERSION; ROOT/bin/git
      warning  repository   this folder is in none; `rally init` makes one here
    Configuration
      ok       file         ROOT/home/.config/rally/config.toml (not there)
      ok       file         ROOT/repo/.rally/config.toml (not there)
    State
      warning  workspace    this folder has no .rally; `rally init` makes it
    Disk
      ok       workspace    MUCH free for ROOT/repo
      ok       data         MUCH free for ROOT/home/.local/share/rally
    Platform
      ok       system       linux KERNEL
      ok       processes    /proc, pidfd and child subreaper are there
      ok       sandbox      off, AND WHAT THE KERNEL COULD
    ");
    assert_eq!(snapshot(&sandbox), before, "looking changes nothing");
}

/// Puts a `claude` into a folder of its own and says the table of a harness that finds it there.
fn second_claude(sandbox: &Sandbox, name: &str, script: &str) -> String {
    let folder = sandbox.root().join(name);
    std::fs::create_dir(&folder).unwrap();
    sandbox.program("claude", script);
    std::fs::rename(sandbox.bin().join("claude"), folder.join("claude")).unwrap();
    let path = folder.display();
    format!(
        "[harness.{name}]\nbase = 'claude'\nenv = {{ PATH = '{path}', ANTHROPIC_API_KEY = 'secret-key' }}\n"
    )
}

#[test]
fn a_workspace_with_all_sorts_of_harnesses() {
    let sandbox = Sandbox::initialised();
    let mut config = "[defaults]\nmix = 'cc proven own'\n".to_owned();
    let mut user = String::new();
    let proven = format!("echo '{} (Claude Code)'", pin());
    for (name, script) in [
        ("proven", proven.as_str()),
        ("newer", "echo '99.0.0-alpha.1 (Claude Code)'"),
        ("mute", "echo broken >&2; exit 1"),
        ("locked", proven.as_str()),
    ] {
        user += &second_claude(&sandbox, name, script);
    }
    config += &second_claude(&sandbox, "lure", "echo called > \"$HOME/called\"");
    let file = sandbox.home().join(".config/rally/config.toml");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &user).unwrap();
    let locked = sandbox.root().join("locked/claude");
    std::fs::set_permissions(locked, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    config += "[harness.gone]\ncommand = ['./tools/gone']\n[harness.own]\ncommand = ['own-agent', '--go']\n";
    sandbox.configure(&config);
    sandbox.program("claude", "echo '2.0.9 (Claude Code)'");
    // A program of the user's might take any call for the order to begin.
    sandbox.program("own-agent", "echo called > \"$HOME/called\"");

    let mut command = doctor(&sandbox, &[]);
    let before = snapshot(&sandbox);
    assert_snapshot!(text(&sandbox, 0, &mut command), @r"
    Harnesses
      note     antigravity  agy is not in PATH; nothing uses it
      note     claude       2.0.9 is older than PROVEN, which rally's tests prove; resumes sessions; ROOT/bin/claude
      warning  claude       does not look signed in: none of ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, CLAUDE_CODE_OAUTH_TOKEN or ROOT/home/.claude/.credentials.json; sign in with the CLI itself
      note     codex        codex is not in PATH; nothing uses it
      note     gemini       gemini is not in PATH; nothing uses it
      warning  gone         ./tools/gone does not exist; nothing uses it
      warning  locked       ROOT/locked/claude may not be executed; chmod +x ROOT/locked/claude
      note     lure         this repository sets its env, so it was not run; signed in (ANTHROPIC_API_KEY); resumes sessions; ROOT/lure/claude
      note     mute         --version tells no version; signed in (ANTHROPIC_API_KEY); resumes sessions; ROOT/mute/claude
      note     newer        99.0.0-alpha.1 is newer than PROVEN, which rally's tests prove; signed in (ANTHROPIC_API_KEY); resumes sessions; ROOT/newer/claude
      note     opencode     opencode is not in PATH; nothing uses it
      ok       own          cannot resume sessions; ROOT/bin/own-agent
      ok       proven       PROVEN, as proven by rally's tests; signed in (ANTHROPIC_API_KEY); resumes sessions; ROOT/proven/claude
    Git
      ok       git          VERSION; ROOT/bin/git
      ok       repository   ROOT/repo
      ok       identity     Tester <tester@localhost>
    Configuration
      ok       file         ROOT/home/.config/rally/config.toml (19 keys)
      ok       file         ROOT/repo/.rally/config.toml (8 keys)
    State
      ok       workspace    held by nobody
      ok       records      all readable
    Disk
      ok       workspace    MUCH free for ROOT/repo
      ok       data         MUCH free for ROOT/home/.local/share/rally
    Platform
      ok       system       linux KERNEL
      ok       processes    /proc, pidfd and child subreaper are there
      ok       sandbox      off, AND WHAT THE KERNEL COULD
    ");
    let report = json(&sandbox, 0);
    assert_eq!(snapshot(&sandbox), before, "looking changes nothing");
    assert!(!report.to_string().contains("secret-key"), "no value of a variable is told");

    let harnesses = report["harnesses"].as_array().unwrap();
    let found = harnesses.iter().find(|harness| harness["name"] == "proven").unwrap();
    let path = sandbox.root().join("proven/claude");
    for (key, value) in [
        ("base", "claude"),
        ("path", path.to_str().unwrap()),
        ("version", pin()),
        ("compared", "same"),
        ("signed_in", "yes"),
        ("sign_in_by", "ANTHROPIC_API_KEY"),
        ("used_by", "[defaults].mix"),
    ] {
        assert_eq!(found[key], value, "{key}");
    }
    assert_eq!(found["resume"], true);
}

#[test]
fn a_harness_that_the_mix_or_a_route_wants_must_be_there() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[defaults]\nmix = 'cc'\n[routes]\ndefault = ['ge:2', 'nobody']\n");
    let report = json(&sandbox, 1);
    let problem = |program: &str, place: &str| {
        let text = format!("{program} is not in PATH; {place} uses it; install it, or take it out there");
        vec![("problem".to_owned(), text)]
    };
    assert_eq!(about(&report, "harnesses", "claude"), problem("claude", "[defaults].mix"));
    assert_eq!(about(&report, "harnesses", "gemini"), problem("gemini", "[routes].default"));
    let unused = ("note".to_owned(), "codex is not in PATH; nothing uses it; ".to_owned());
    assert_eq!(about(&report, "harnesses", "codex"), [unused]);
    let [(level, text)] = about(&report, "configuration", "error").try_into().unwrap();
    assert!(
        level == "problem" && text.contains("config.toml:5: [routes].default: \"nobody\": unknown"),
        "{text}"
    );

    sandbox.configure("[defaults]\nmix = 'nobody'\n");
    let report = json(&sandbox, 1);
    let [(level, text)] = about(&report, "configuration", "error").try_into().unwrap();
    assert!(level == "problem" && text.contains("config.toml:3: [defaults].mix: \"nobody\""), "{text}");
}

#[test]
fn a_broken_configuration_is_a_finding() {
    let sandbox = Sandbox::initialised();
    sandbox.write(".rally/config.toml", "schema_version = 2\n[reliability]\nretry_budget = 'many'\n");
    let report = json(&sandbox, 1);
    let [(level, text)] = about(&report, "configuration", "error").try_into().unwrap();
    assert!(
        level == "problem" && text.contains("config.toml:3: [reliability].retry_budget must be"),
        "{text}"
    );
    assert_eq!(report["configuration"]["errors"][0]["line"], 3);
    assert_eq!(report["configuration"]["keys"], Value::Array(vec![]));
    assert_eq!(report["harnesses"].as_array().unwrap().len(), 5);
    assert_eq!(about(&report, "state", "workspace").len(), 1);

    sandbox.write(".rally/config.toml", "schema_version = \n");
    assert_eq!(about(&json(&sandbox, 1), "configuration", "error").len(), 1);
}

#[test]
fn every_key_is_told_with_its_place() {
    let sandbox = Sandbox::initialised();
    let user = sandbox.home().join(".config/rally/config.toml");
    std::fs::write(&user, "schema_version = 2\n[reliability]\nretry_budget = 3\ntry_timeout_secs = 3600\n")
        .unwrap();
    sandbox
        .write(".rally/config.toml", "schema_version = 2\n\n[reliability]\nretry_budget = 4\nnonsense = 1\n");
    let report = json(&sandbox, 0);
    let keys = report["configuration"]["keys"].as_array().unwrap().iter();
    let place = |key: &Value| {
        let file = Path::new(key["file"].as_str().unwrap()).to_owned();
        (key["key"].as_str().unwrap().to_owned(), file, key["line"].as_u64().unwrap())
    };
    let ours = sandbox.repo().join(".rally/config.toml").canonicalize().unwrap();
    let expected = [
        ("reliability.retry_budget", &ours, 4),
        ("reliability.try_timeout_secs", &user, 4),
        ("schema_version", &ours, 1),
    ];
    let expected = expected.map(|(key, file, line)| (key.to_owned(), file.clone(), line));
    assert_eq!(keys.map(place).collect::<Vec<_>>(), expected);
    let [(_, text)] = about(&report, "configuration", "warning").try_into().unwrap();
    assert!(text.contains("config.toml:5: unknown key [reliability].nonsense is ignored"), "{text}");

    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "rally",
        "workspace",
        "count",
        "findings",
        "harnesses",
        "git",
        "configuration",
        "state",
        "leftovers",
        "reaped",
        "disks",
        "platform",
        "sandbox",
    ];
    let help = stdout(&sandbox.rally(["doctor", "--help"]).output().unwrap());
    assert!(expected.iter().all(|key| help.contains(key)), "{help}");
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn the_state_of_the_repository() {
    let sandbox = ready();
    let head = sandbox.git(["rev-parse", "HEAD"]);
    sandbox.write(".git/MERGE_HEAD", &format!("{head}\n"));
    sandbox.write(".git/index.lock", "");
    std::fs::write(sandbox.home().join(".gitconfig"), "").unwrap();
    let report = json(&sandbox, 0);
    for (subject, level, words) in [
        ("operation", "warning", "a merge is under way"),
        ("index", "warning", "index.lock is there"),
        ("identity", "note", "rally commits as Rally <rally@localhost>"),
    ] {
        let [(found, text)] = about(&report, "git", subject).try_into().unwrap();
        assert!(found == level && text.contains(words), "{subject}: {found} {text}");
    }

    let bare = Sandbox::without_repository();
    bare.git(["init", "-q", "--bare"]);
    let [(level, text)] = about(&json(&bare, 1), "git", "repository").try_into().unwrap();
    assert!(level == "problem" && text.contains("without a work tree"), "{text}");
}

// 50-R11: a count of the lines that nobody can read
#[test]
fn unreadable_lines_are_counted_and_left_as_they_are() {
    let sandbox = ready();
    sandbox.claude("init; echo $N > work.txt; result done");
    assert!(sandbox.relay(&["-i", "1", "--agent", "cc", "work"]).status.success());
    std::fs::remove_file(sandbox.bin().join("claude")).unwrap();
    let tries = sandbox.read(".rally/state/tries.jsonl");
    let damaged = format!("<<<<<<< HEAD\n{{\"id\":\"x\"}}\n{tries}{{\"torn\":");
    sandbox.write(".rally/state/tries.jsonl", &damaged);
    let report = json(&sandbox, 0);
    let [(level, text)] = about(&report, "state", "records").try_into().unwrap();
    assert!(level == "warning" && text.contains("tries.jsonl: 2 unreadable lines, skipped"), "{text}");
    assert_eq!(report["state"]["unrecorded"], Value::Array(vec![]));
    assert_eq!(report["state"]["open_relay"], Value::Null);
    assert_eq!(sandbox.read(".rally/state/tries.jsonl"), damaged);
}

#[test]
fn a_state_of_a_newer_rally_is_a_problem() {
    let sandbox = Sandbox::initialised();
    sandbox.write(
        ".rally/state/journal.jsonl",
        "{\"v\":99,\"at\":\"2026-11-23T06:26:21.042Z\",\"fact\":\"checkpoint\",\"next_try\":1,\"next_relay\":1}\n",
    );
    let [(level, text)] = about(&json(&sandbox, 1), "state", "records").try_into().unwrap();
    assert!(level == "problem" && text.contains("written by a newer rally"), "{text}");
}

#[test]
fn a_running_relay_is_left_in_peace() {
    let sandbox = ready();
    sandbox.claude("init; echo $N > work.txt; here; await go; result done");
    let relay = sandbox.start_relay(&["-i", "1", "--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    // Its own fake agent is in PATH, and would take the question for its version for an order.
    std::fs::remove_file(sandbox.bin().join("claude")).unwrap();
    let report = json(&sandbox, 0);
    let [(level, text)] = about(&report, "state", "workspace").try_into().unwrap();
    assert!(level == "note" && text.contains(&format!("held by pid {} on ", relay.pid())), "{text}");
    assert_eq!(
        about(&report, "state", "try")[0],
        ("ok".to_owned(), "try 1 (claude) is in flight; ".to_owned())
    );
    assert!(of_this_workspace(&report).is_empty());
    assert_eq!(report["leftovers"]["scratch"], Value::Array(vec![]));

    let output = doctor(&sandbox, &["--reap"]).output().unwrap();
    assert_eq!(expect(75, &output), "");
    assert!(
        stderr(&output).contains("error: another rally holds this workspace (pid "),
        "{}",
        stderr(&output)
    );
    sandbox.release("go");
    let output = relay.finish();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

/// Pids of the orphans of this workspace.
fn of_this_workspace(report: &Value) -> Vec<i64> {
    let orphans = report["leftovers"]["orphans"].as_array().unwrap().iter();
    orphans
        .filter(|orphan| !orphan["try_id"].is_null())
        .map(|orphan| orphan["pid"].as_i64().unwrap())
        .collect()
}

/// Ends a process that must not outlive its test.
struct Bystander(std::process::Child);

impl Drop for Bystander {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

// 50-R2: rally and its guard died together; exact matches only.
#[test]
fn orphans_are_listed_and_only_those_of_this_workspace_are_reaped() {
    let sandbox = ready();
    sandbox.claude("echo $$ > \"$S/agent\"; touch \"$TMPDIR/file\"; init; setsid sleep 1000 & here; wait");
    let relay = sandbox.start_relay(&["-i", "3", "--agent", "cc", "work"]);
    sandbox.wait_for_note("here.1");
    let journal = || sandbox.whole_records(".rally/state/journal.jsonl");
    let spawned = || journal().into_iter().find(|line| line["fact"] == "try_spawned");
    sandbox.wait_for("the agent to be noted", || spawned().is_some());
    let guard = spawned().unwrap()["guard"]["pid"].to_string();
    let started = journal().into_iter().find(|line| line["fact"] == "try_started").unwrap();
    let tag = started["tag"].as_str().unwrap();
    let neighbour = Command::new("sleep")
        .arg("1000")
        .env("RALLY_TRY", format!("{tag}0"))
        .current_dir(sandbox.home())
        .spawn()
        .unwrap();
    let mut neighbour = Bystander(neighbour);

    // A stopped rally cannot sweep up after its guard.
    relay.signal("STOP");
    let stat = format!("/proc/{}/stat", relay.pid());
    sandbox.wait_for("rally to stop", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    assert!(Command::new("kill").args(["-KILL", &guard]).status().unwrap().success());
    relay.kill();
    std::fs::remove_file(sandbox.bin().join("claude")).unwrap();
    let agent: i64 = sandbox.note("agent").trim().parse().unwrap();

    let report = json(&sandbox, 1);
    let orphans = of_this_workspace(&report);
    assert!(orphans.len() == 2 && orphans.contains(&agent), "{agent}: {}", report["leftovers"]);
    let problems: Vec<_> =
        about(&report, "leftovers", "orphan").into_iter().filter(|(level, _)| level == "problem").collect();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(
        problems.iter().all(
            |(_, text)| text.starts_with("of try 1: ") && text.ends_with("`rally doctor --reap` ends it")
        )
    );
    assert!(problems.iter().any(|(_, text)| text.contains("sleep 1000")), "{problems:?}");
    let foreign = report["leftovers"]["orphans"].as_array().unwrap().iter();
    let foreign: Vec<_> = foreign.filter(|orphan| orphan["pid"] == neighbour.0.id()).collect();
    assert_eq!(foreign[0]["try_id"], Value::Null);
    assert_eq!(foreign[0]["folder"], sandbox.home().canonicalize().unwrap().to_str().unwrap());
    assert_eq!(report["state"]["unrecorded"][0]["try_id"], 1);
    assert_eq!(
        about(&report, "state", "relay")[0].1,
        "1 is unfinished, 0 of 3 runs done; `rally relay --resume` goes on with it"
    );
    let scratch = report["leftovers"]["scratch"][0].as_str().unwrap();
    assert!(Path::new(scratch).is_dir());
    assert!(sandbox.alive().contains(&(agent as i32)), "looking ends nothing");

    let output = doctor(&sandbox, &["--reap"]).output().unwrap();
    let text = expect(0, &output);
    assert!(text.contains("  ok       ended") && text.contains(&format!("{agent} of try 1: ")), "{text}");
    assert!(text.contains("of try 1: sleep 1000\n"), "{text}");
    assert!(text.lines().any(|line| line.contains(" removed ") && line.ends_with(scratch)), "{text}");
    assert!(!Path::new(scratch).exists());
    assert_eq!(neighbour.0.try_wait().unwrap(), None, "another tag is another's");
    sandbox.wait_until_nobody_is_left();

    let report = json(&sandbox, 0);
    assert!(of_this_workspace(&report).is_empty());
    assert_eq!(report["state"]["unrecorded"][0]["try_id"], 1, "the record is for the next relay to write");
    sandbox.claude("init; echo $N > work.txt; result done");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    assert_eq!(sandbox.tries()[0]["outcome"], "interrupted");
}

#[test]
fn there_is_nothing_to_reap_where_rally_never_was() {
    let sandbox = Sandbox::new();
    expect(0, &doctor(&sandbox, &["--reap"]).output().unwrap());
    assert!(!sandbox.repo().join(".rally").exists());
    assert_eq!(sandbox.rally(["doctor", "--repa"]).output().unwrap().status.code(), Some(2));
}
