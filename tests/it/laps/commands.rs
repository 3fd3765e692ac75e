//! Each command of the queue, as meant and wrongly.

use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::support::{Sandbox, rally, stderr, stdout};

pub(super) fn queue() -> Sandbox {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["laps", "init"]);
    sandbox
}

pub(super) fn laps(sandbox: &Sandbox, code: i32, args: &[&str]) -> (String, String) {
    let output = sandbox.rally(["laps"]).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {}{}", stdout(&output), stderr(&output));
    (stdout(&output), stderr(&output))
}

pub(super) fn out(sandbox: &Sandbox, args: &[&str]) -> String {
    laps(sandbox, 0, args).0
}

pub(super) fn add(sandbox: &Sandbox, place: &str, title: &str) -> String {
    let (id, noise) = laps(sandbox, 0, &["add", place, "--title", title]);
    assert_eq!(noise, "");
    id.trim_end().to_owned()
}

pub(super) fn hooks(sandbox: &Sandbox, entries: &str) {
    sandbox.write(".laps/hooks.json", &format!("{{\"version\":1,\"hooks\":[{entries}]}}"));
}

// 40-14.5
#[test]
fn done_completes_the_claimed_lap_and_not_the_head() {
    let sandbox = queue();
    let first = add(&sandbox, "tail", "the claimed one");
    out(&sandbox, &["claim"]);
    add(&sandbox, "head", "the new head");
    assert_eq!(out(&sandbox, &["done"]).lines().next(), Some("the claimed one"));
    assert!(!sandbox.repo().join(".laps/claim").exists());
    let all: Value = serde_json::from_str(&out(&sandbox, &["list", "--done", "--json"])).unwrap();
    assert_eq!(all["tasks"][0]["id"], first.as_str());
    assert_eq!(out(&sandbox, &["done", "undo"]), format!("Reopened: the claimed one ({first})\n"));
}

// 40-14.6
#[test]
fn a_before_hook_that_fails_leaves_the_lap() {
    let sandbox = queue();
    let id = add(&sandbox, "tail", "a");
    let gate = r#"{"title":"gate","command":"done","when":"before","run":"exit 1"}"#;
    let tell = r#"{"title":"tell","command":"done","when":"after","run":"echo $exit_code > told"}"#;
    hooks(&sandbox, &format!("{gate},{tell}"));
    let before = sandbox.read(".laps/laps.json");
    let (text, why) = laps(&sandbox, 4, &["done", &id]);
    assert!(text.is_empty() && why.contains("gate"), "{text}{why}");
    assert_eq!(sandbox.read(".laps/laps.json"), before);
    assert_eq!(sandbox.read("told"), "4\n");
}

// 40-13.2: nothing is locked while hooks run, and what a hook adds is kept
#[test]
fn a_hook_may_use_the_queue() {
    let sandbox = queue();
    let id = add(&sandbox, "tail", "a");
    let rally = Sandbox::rally_path().display();
    let run = format!("{rally} laps add tail --title from-the-hook");
    hooks(&sandbox, &format!(r#"{{"title":"more","command":"done","when":"before","run":"{run}"}}"#));
    out(&sandbox, &["done", &id]);
    assert!(out(&sandbox, &["list", "--all", "--oneline"]).contains("from-the-hook"));
}

// 40-13.11
#[test]
fn damaged_hooks_stop_changes_and_not_looks() {
    let sandbox = queue();
    sandbox.write(".laps/hooks.json", "{");
    let (text, warning) = laps(&sandbox, 0, &["count"]);
    assert!(text.starts_with("Laps done: 0 out of 0\n") && warning.contains("hooks.json"), "{warning}");
    laps(&sandbox, 2, &["add", "tail", "--title", "a"]);
    assert_eq!(out(&sandbox, &["list"]), "");
}

// 40 section 6, 40-13.18, 40-13.19
#[test]
fn exit_codes() {
    let sandbox = queue();
    let table: [(&[&str], i32); 22] = [
        (&["get"], 11),
        (&["claim"], 11),
        (&["lsit"], 1),
        (&["add"], 1),
        (&["add", "tail"], 1),
        (&["add", "tail", "--title", " "], 1),
        (&["add", "tail", "--title", "a\nb"], 1),
        (&["add", "after", "--title", "a"], 1),
        (&["add", "after", "none-1", "--title", "a"], 3),
        (&["add", "tail", "--json", "[]"], 1),
        (&["list", "--nope"], 1),
        (&["list", "-r", "-s", "x"], 1),
        (&["-f", "../x", "list"], 1),
        (&["done"], 3),
        (&["done", "a", "b"], 1),
        (&["done", "undo"], 3),
        (&["claim", "undo"], 3),
        (&["delete"], 1),
        (&["delete", "none-1"], 3),
        (&["move", "none-1", "head"], 1),
        (&["edit", "none-1", "--title", "a"], 1),
        (&["prune", "x"], 1),
    ];
    for (args, code) in table {
        laps(&sandbox, code, args);
    }
    assert_eq!(out(&sandbox, &["list", "--all"]), "");
    let id = add(&sandbox, "head", "-v");
    out(&sandbox, &["claim"]);
    laps(&sandbox, 1, &["delete", &id]);
    out(&sandbox, &["done"]);
    laps(&sandbox, 12, &["claim"]);
    let (state, silent) = laps(&sandbox, 12, &["get", "--json-output"]);
    assert_eq!((state.as_str(), silent.as_str()), ("{\"exitCode\":12,\"state\":\"complete\"}\n", ""));
    let (silent, error) = laps(&sandbox, 3, &["done", "--json-output"]);
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!((silent.as_str(), &error["exitCode"]), ("", &Value::from(3)));
}

// 40 section 12.3
#[test]
fn a_link_named_laps_is_the_queue() {
    let sandbox = queue();
    symlink(Sandbox::rally_path(), sandbox.bin().join("laps")).unwrap();
    let output = sandbox.command(sandbox.bin().join("laps")).arg("--version").output().unwrap();
    assert!(stdout(&output).starts_with("0.9.0+rally."), "{}", stdout(&output));
    let output = sandbox.command(sandbox.bin().join("laps")).arg("unheard").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

// 40-13.26
#[test]
fn init_commits_its_own_files_and_adds_to_the_ignore_list() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "target\r\n");
    sandbox.write("staged", "mine");
    sandbox.git(["add", "staged"]);
    rally(&sandbox, 0, &["laps", "init"]);
    assert_eq!(sandbox.git(["log", "-1", "--format=%s"]), "chore: laps init");
    assert_eq!(sandbox.git(["diff", "--cached", "--name-only"]), "staged");
    assert_eq!(sandbox.read(".gitignore"), "target\r\n.laps/claim\r\n.laps/log.jsonl\r\n");
    assert_eq!(rally(&sandbox, 0, &["laps", "init"]), "Already initialized\n");
}

// 40-13.27
#[test]
fn on_and_off_work_at_the_root_and_refuse_half_a_block() {
    let sandbox = queue();
    sandbox.write("sub/keep", "");
    let mut on = sandbox.rally(["laps", "on"]);
    assert!(on.current_dir(sandbox.repo().join("sub")).status().unwrap().success());
    assert!(sandbox.read("AGENTS.md").contains("laps claim"));
    sandbox.write("AGENTS.md", "<laps-instructions>\nmine\n");
    laps(&sandbox, 2, &["off"]);
    assert_eq!(sandbox.read("AGENTS.md"), "<laps-instructions>\nmine\n");
}

#[test]
fn a_file_of_tasks_is_imported_whole() {
    let sandbox = queue();
    sandbox.write("plan.md", "- [ ] one @developer\n- [x] gone\n- [ ] two\n");
    assert_eq!(out(&sandbox, &["import", "plan.md"]).lines().count(), 2);
    let list = out(&sandbox, &["list", "--oneline"]);
    assert!(list.contains("one (assignee: developer)") && list.contains("two") && !list.contains("gone"));
    laps(&sandbox, 3, &["import", "none.md"]);
}

// The lap was there when the hooks began: what they do to it is told with the same exit code.
#[test]
fn what_a_hook_makes_impossible_is_told_as_if_it_had_been() {
    let sandbox = queue();
    let id = add(&sandbox, "tail", "only one");
    symlink(Sandbox::rally_path(), sandbox.bin().join("laps")).unwrap();
    let meddle = format!(r#"{{"title":"meddle","command":"move","when":"before","run":"laps done {id}"}}"#);
    hooks(&sandbox, &meddle);
    let (_, why) = laps(&sandbox, 1, &["move", &id, "head"]);
    assert!(why.contains("already done"), "{why}");
}
