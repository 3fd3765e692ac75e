//! What is committed, and what is left alone.

use crate::support::{Sandbox, stderr, stdout};

fn run(sandbox: &Sandbox, script: &str) -> String {
    sandbox.claude(script);
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    stdout(&output) + &stderr(&output)
}

fn in_head(sandbox: &Sandbox) -> String {
    sandbox.git(["show", "--format=", "--name-only", "HEAD"])
}

// 30-86
#[test]
fn a_commit_of_the_agent_is_the_try_s_commit() {
    let sandbox = Sandbox::initialised();
    run(&sandbox, "init; echo x > a.txt; git add a.txt; git commit -q -m 'agent work'; result ok");
    let record = &sandbox.tries()[0];
    let hash = record["commit_hash"].as_str().unwrap();
    assert_eq!(sandbox.git(["log", "-1", "--format=%s", hash]), "agent work");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
    assert_eq!(sandbox.git(["log", "--format=%s", "-2"]), "rally: update state\nagent work");
}

// 30-87, as decided: the history is the agent's, in order; rally's state follows in one commit of its own
#[test]
fn three_commits_make_a_history() {
    let sandbox = Sandbox::initialised();
    run(
        &sandbox,
        "init; for i in 1 2 3; do echo $i > f$i; git add f$i; git commit -q -m c$i; done; result ok",
    );
    let history: Vec<String> = sandbox.tries()[0]["commit_history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| sandbox.git(["log", "-1", "--format=%s", hash.as_str().unwrap()]))
        .collect();
    assert_eq!(history, ["c1", "c2", "c3"]);
    assert_eq!(sandbox.tries()[0]["files_changed"], serde_json::json!(["f1", "f2", "f3"]));
}

#[test]
fn edits_beside_the_agent_s_commit_get_one_commit_on_top() {
    let sandbox = Sandbox::initialised();
    run(&sandbox, "init; echo x > a; git add a; git commit -q -m 'agent work'; echo y > b; result ok");
    assert_eq!(in_head(&sandbox), ".rally/summary.jsonl\nb");
    assert_eq!(sandbox.tries()[0]["commit_history"].as_array().unwrap().len(), 2);
    assert_eq!(
        sandbox.git(["log", "--format=%s", "-2"]),
        "rally: relay 1 run 1 attempt 1 (claude)\nagent work"
    );
}

// decisions: only what differs from the run's snapshot
#[test]
fn the_user_s_work_is_neither_committed_nor_unstaged() {
    let sandbox = Sandbox::initialised();
    sandbox.write("staged.txt", "staged\n");
    sandbox.git(["add", "staged.txt"]);
    sandbox.write("README.txt", "edited by hand\n");
    sandbox.write("new.txt", "untracked\n");
    run(&sandbox, "init; echo x > made.txt; result ok");
    assert_eq!(in_head(&sandbox), ".rally/summary.jsonl\nmade.txt");
    assert_eq!(sandbox.git(["status", "--porcelain"]), " M README.txt\nA  staged.txt\n?? new.txt");
}

// What the agent changes of what was dirty before is its work too
#[test]
fn what_the_agent_changes_further_is_committed() {
    let sandbox = Sandbox::initialised();
    sandbox.write("README.txt", "edited by hand\n");
    sandbox.write("same.txt", "same\n");
    run(&sandbox, "init; echo more >> README.txt; result ok");
    assert_eq!(in_head(&sandbox), ".rally/summary.jsonl\nREADME.txt");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? same.txt");
}

// 30-88, -94
#[test]
fn rally_s_own_files_are_no_changes() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude(
        "init; mkdir -p .claude; echo x > .claude/settings.local.json; echo y > .rally/note; result ok",
    );
    let output = sandbox.relay(&["--agent", "cc", "work"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(sandbox.tries()[0]["fail_reason"], "no changes made");
    assert_eq!(sandbox.tries()[0]["files_changed"], serde_json::json!([]));
}

#[test]
fn deletions_and_odd_names_are_committed() {
    let sandbox = Sandbox::initialised();
    sandbox.write("old name.txt", "x\n");
    sandbox.write("-dash*?.txt", "x\n");
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", "more"]);
    run(&sandbox, "init; rm 'old name.txt'; echo y > ./-dash*?.txt; echo z > \"new\tname\"; result ok");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
    assert_eq!(sandbox.tries()[0]["files_changed"].as_array().unwrap().len(), 3);
}

#[test]
fn a_failed_try_s_work_is_committed_too() {
    let sandbox = Sandbox::initialised();
    run(
        &sandbox,
        "init; if [ $N = 1 ]; then echo half > half.txt; failed no; exit 1; fi; echo x > rest.txt; result ok",
    );
    let subjects = sandbox.git(["log", "--format=%s", "-2"]);
    assert_eq!(subjects, "rally: relay 1 run 1 attempt 2 (claude)\nrally: relay 1 run 1 attempt 1 (claude)");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
}

#[test]
fn during_a_merge_nothing_is_committed_and_nothing_lost() {
    let sandbox = Sandbox::initialised();
    let head = sandbox.git(["rev-parse", "HEAD"]);
    std::fs::write(sandbox.repo().join(".git/MERGE_HEAD"), format!("{head}\n")).unwrap();
    let said = run(&sandbox, "init; echo x > made.txt; result ok");
    assert!(said.contains("merge"), "{said}");
    assert_eq!(sandbox.git(["rev-parse", "HEAD"]), head);
    assert_eq!(sandbox.read("made.txt"), "x\n");
}

// decisions: hooks are skipped unless asked for
#[test]
fn hooks_run_only_when_asked_for() {
    let sandbox = Sandbox::initialised();
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\necho refused >&2\nexit 1\n");
    sandbox.command("chmod").args(["+x", ".git/hooks/pre-commit"]).status().unwrap();
    run(&sandbox, "init; echo x > made-$N.txt; result ok");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
    std::fs::write(
        sandbox.repo().join(".rally/config.toml"),
        "schema_version = 2\nrun_hooks_on_autocommit = true\n",
    )
    .unwrap();
    let said = run(&sandbox, "init; echo x > made-$N.txt; result ok");
    assert!(said.contains("refused"), "{said}");
    assert!(sandbox.repo().join("made-2.txt").exists(), "nothing is lost");
}

#[test]
fn a_repository_without_commits_and_a_detached_head_work() {
    let sandbox = Sandbox::without_repository();
    std::fs::create_dir(sandbox.notes()).unwrap();
    assert!(sandbox.rally(["init"]).output().unwrap().status.success());
    run(&sandbox, "init; echo $N > made-$N.txt; result ok");
    sandbox.git(["checkout", "-q", "--detach"]);
    run(&sandbox, "init; echo $N > made-$N.txt; result ok");
    assert!(in_head(&sandbox).contains("made-2.txt"));
}

// A kill in the middle of a commit leaves the work staged: the next start takes it back.
#[test]
fn what_a_killed_rally_has_staged_is_taken_back() {
    let sandbox = Sandbox::initialised();
    sandbox.configure("run_hooks_on_autocommit = true\n");
    sandbox.write("README.txt", "edited by hand\n");
    sandbox.write("staged.txt", "staged\n");
    sandbox.git(["add", "staged.txt"]);
    let hook = format!(
        "#!/bin/sh\nmkdir '{}' || exit 1\nread -r _ _ _ rally _ < /proc/$PPID/stat\nkill -9 $rally\nexit 1\n",
        sandbox.notes().join("struck").display()
    );
    sandbox.write(".git/hooks/pre-commit", &hook);
    sandbox.command("chmod").args(["+x", ".git/hooks/pre-commit"]).status().unwrap();
    sandbox.claude("init; echo x > made.txt; echo y >> README.txt; result ok");
    let output = sandbox.relay(&["--new", "--agent", "cc", "work"]);
    assert_eq!(output.status.code(), None, "{}", stderr(&output));
    let staged = || sandbox.git(["diff", "--cached", "--name-only"]);
    assert_eq!(staged(), ".rally/summary.jsonl\nREADME.txt\nmade.txt\nstaged.txt");
    // What the user stages meanwhile is the user's.
    sandbox.write("README.txt", "staged by hand\n");
    sandbox.git(["add", "README.txt"]);
    let output = sandbox.relay(&["--resume", "--agent", "cc", "work"]);
    assert!(stderr(&output).contains("its commit and record are completed"), "{}", stderr(&output));
    assert_eq!(staged(), "README.txt\nstaged.txt");
    assert!(!sandbox.repo().join(".git/rally-staged").exists());
    assert_eq!(sandbox.git(["show", ":README.txt"]), "staged by hand");
    assert_eq!(std::fs::read_to_string(sandbox.repo().join("made.txt")).unwrap(), "x\n");
}
