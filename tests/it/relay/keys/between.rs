//! While git works between two tries.

use super::{Desk, GRACEFUL, PAUSE, QUIT, SKIP, told};
use crate::support::Sandbox;

/// A commit hook that hangs until it is let go, with a process below it.
fn hanging() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox.configure("run_hooks_on_autocommit = true\n");
    let notes = sandbox.notes();
    let notes = notes.display();
    sandbox.write(
        ".git/hooks/pre-commit",
        &format!("#!/bin/sh\ntouch {notes}/hook\nwhile [ ! -e {notes}/go ]; do sleep 0.05; done\n"),
    );
    sandbox.command("chmod").args(["+x", ".git/hooks/pre-commit"]).status().unwrap();
    sandbox.claude("init; echo x > made-$N.txt; result ok");
    sandbox
}

fn committing<'s>(sandbox: &'s Sandbox, args: &[&str]) -> Desk<'s> {
    let desk = Desk::start(sandbox, args);
    sandbox.wait_for_note("hook");
    desk
}

// 20 §20 item 44: heard at once, and one more press of somebody who wants out ends the git that hangs
#[test]
fn a_hook_that_hangs_does_not_hold_a_quit() {
    let sandbox = hanging();
    let mut desk = committing(&sandbox, &["-i", "2", "--agent", "cc", "work"]);
    desk.once(QUIT);
    desk.wait_for_log("press Ctrl+C again");
    desk.once(QUIT);
    desk.wait_for_log("quitting…");
    assert!(desk.terminal.exit_code().is_none(), "a commit is finished if it can be");
    // An impatient operator.
    desk.twice(QUIT);
    desk.ends(130);
    assert!(desk.log().contains("git commit was stopped by the operator"), "{}", desk.log());
    assert!(!sandbox.git(["log", "--format=%s"]).contains("attempt 1"), "no commit of work was made");
    assert_eq!(sandbox.git(["status", "--porcelain", "made-1.txt"]), "?? made-1.txt", "the work is kept");
    assert!(!sandbox.repo().join(".git/index.lock").exists());
    sandbox.release("go");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}", crate::support::stdout(&output));
    assert_eq!(told(&sandbox, "outcome"), ["completed", "completed"], "what was achieved is remembered");
    assert_eq!(told(&sandbox, "run_id"), ["1", "2"]);
    assert!(sandbox.git(["log", "--format=%s"]).contains("run 1 attempt 1"), "and its commit is made");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
}

// A machine that shuts down says so once
#[test]
fn a_hook_that_hangs_does_not_hold_a_signal() {
    let sandbox = hanging();
    let desk = committing(&sandbox, &["--agent", "cc", "work"]);
    let pid = desk.terminal.pid().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let mut desk = desk;
    desk.ends(143);
    assert!(desk.log().contains("git commit was stopped by the operator"), "{}", desk.log());
    assert!(sandbox.relays()[0]["ended_at"].is_null(), "resumable");
    sandbox.release("go");
    let output = sandbox.relay(&["--resume"]);
    assert!(output.status.success(), "{}", crate::support::stdout(&output));
    assert_eq!(told(&sandbox, "outcome"), ["completed"]);
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
}

#[test]
fn what_is_ordered_meanwhile_takes_effect_afterwards() {
    let sandbox = hanging();
    let mut desk = committing(&sandbox, &["-i", "2", "--agent", "cc", "work"]);
    desk.twice(GRACEFUL);
    desk.wait_for_log("stop requested (graceful_stop)");
    sandbox.release("go");
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["completed"]);
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");

    let sandbox = hanging();
    let mut desk = committing(&sandbox, &["-i", "2", "--agent", "cc", "work"]);
    desk.twice(PAUSE);
    desk.wait_for_log("pausing…");
    sandbox.release("go");
    desk.wait_for_log("paused by the operator");
    assert_eq!(sandbox.note("n").trim(), "1");
    desk.enter();
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["completed", "completed"]);
}

// A skip is about a run: the one whose work is being committed has passed
#[test]
fn a_skip_during_the_last_commit_of_a_run_skips_nobody_else() {
    let sandbox = hanging();
    let mut desk = committing(&sandbox, &["-i", "2", "--agent", "cc", "work"]);
    desk.twice(SKIP);
    desk.wait_for_log("skipping…");
    sandbox.release("go");
    desk.ends(0);
    assert_eq!(told(&sandbox, "outcome"), ["completed", "completed"]);
}
