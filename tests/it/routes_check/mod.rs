//! `rally routes check`: what it tells, with which exit code, and that it only looks.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::process::{Command, Output};

use pretty_assertions::assert_eq;
use serde_json::Value;

use crate::support::{Sandbox, stderr, stdout};

mod brief;
mod doubts;
mod looking;
mod mistakes;
mod preview;
mod roles;
mod shape;

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

/// As [`told`], without the prompts of roles: they are the same in every report.
#[track_caller]
fn report(sandbox: &Sandbox, code: i32) -> (String, String) {
    let (out, err) = told(sandbox, code, &[]);
    let paragraphs: Vec<&str> =
        out.split("\n\n").filter(|paragraph| !paragraph.starts_with("role prompts:\n")).collect();
    assert_eq!(paragraphs.len() + 1, out.split("\n\n").count(), "one paragraph is about roles: {out}");
    let text = paragraphs.join("\n\n");
    (if text.ends_with('\n') { text } else { text + "\n" }, err)
}
