//! What happened to the workspace, and what rally commits of it. Numbers are acceptance facts.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may panic too")]

mod changed;
mod finding;
mod history;
mod layouts;
mod races;
mod refusals;
mod state_commits;
mod work_commits;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rally::git::{
    ChangeKind, CommitReport, Environment, Git, GitError, Snapshot, WhyLeft, WorkCommit, discover_with,
    init_with,
};

use crate::support::Sandbox;

const MESSAGE: &str = "rally: run 1 attempt 1 (scripted)";

fn environment(sandbox: &Sandbox) -> Environment {
    Environment::default()
        .set("HOME", sandbox.home())
        .set("XDG_CONFIG_HOME", sandbox.home().join(".config"))
        .set("GIT_CONFIG_NOSYSTEM", "1")
        .set("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", sandbox.bin().display()))
}

fn open_at(sandbox: &Sandbox, dir: &Path) -> Git {
    discover_with(dir, environment(sandbox)).unwrap().expect("a repository")
}

fn open(sandbox: &Sandbox) -> Git {
    open_at(sandbox, &sandbox.repo())
}

fn work(git: &Git, snapshot: &Snapshot) -> CommitReport {
    git.commit_work(&WorkCommit { snapshot, message: MESSAGE, run_hooks: false }).unwrap()
}

/// Commits and expects that nothing was remarkable.
fn work_well(git: &Git, snapshot: &Snapshot) -> String {
    let report = work(git, snapshot);
    assert_eq!((&report.left, &report.warnings), (&Vec::new(), &Vec::new()));
    report.hash.expect("a commit")
}

fn with_hooks(git: &Git, snapshot: &Snapshot) -> CommitReport {
    git.commit_work(&WorkCommit { snapshot, message: MESSAGE, run_hooks: true }).unwrap()
}

fn changes(git: &Git, snapshot: &Snapshot) -> Vec<(String, ChangeKind)> {
    git.changes_since(snapshot).unwrap().iter().map(|change| (change.text(), change.kind)).collect()
}

/// Status lines, sorted as git sorts them.
fn status(sandbox: &Sandbox) -> Vec<String> {
    let text =
        sandbox.command("git").args(["status", "--porcelain", "-uall", "--no-renames"]).output().unwrap();
    String::from_utf8_lossy(&text.stdout).lines().map(str::to_owned).collect()
}

/// Names in a commit, compared with the one before.
fn names(sandbox: &Sandbox, hash: &str) -> Vec<String> {
    let text = sandbox.git(["show", "--no-renames", "--name-status", "--format=", hash]);
    text.lines().map(|line| line.replace('\t', " ")).collect()
}

fn count(sandbox: &Sandbox) -> usize {
    sandbox.git(["rev-list", "--count", "HEAD"]).parse().unwrap()
}

fn no_changes() -> Vec<String> {
    Vec::new()
}

/// A try with changes starts at most eleven processes (the earlier program: 27).
#[test]
fn few_processes() {
    let sandbox = Sandbox::new();
    let log = sandbox.root().join("calls");
    sandbox.program("git", &format!("echo \"$@\" >> {}\nexec /usr/bin/git \"$@\"", log.display()));
    let calls = || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        std::fs::remove_file(&log).unwrap_or_default();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    calls();
    for (file, most) in [(Some("work"), 11), (None, 4)] {
        git.head().unwrap();
        if let Some(file) = file {
            sandbox.write(file, "agent\n");
        }
        git.head().unwrap();
        if git.changes_since(&snapshot).unwrap().is_empty() {
            assert_eq!(git.commit_state(None).unwrap().hash, None);
        } else {
            work_well(&git, &snapshot);
        }
        let calls = calls();
        assert!(calls.len() <= most, "{}:\n{}", calls.len(), calls.join("\n"));
    }
    sandbox.write("work", "user\n");
    sandbox.git(["add", "work"]);
    let snapshot = git.snapshot().unwrap();
    sandbox.write("more", "agent\n");
    calls();
    work_well(&git, &snapshot);
    let calls = calls();
    assert_eq!(calls.len(), 11, "with something else staged:\n{}", calls.join("\n"));
}
