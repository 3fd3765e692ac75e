//! Commits of rally's own state and set-up.

use super::*;

fn state(sandbox: &Sandbox, text: &str) {
    sandbox.write(".rally/summary.jsonl", text);
}

// 30-90
#[test]
fn state_folds_into_rally_s_own_head() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    sandbox.write("work", "agent\n");
    let own = work_well(&git, &Snapshot::default());
    sandbox.git(["commit", "-q", "--amend", "--no-edit", "--author=Someone <s@x>"]);
    let own = git.head().unwrap().filter(|head| *head != own).unwrap();
    let before = count(&sandbox);
    // No change, no new hash.
    assert_eq!(git.commit_state(Some(&own)).unwrap(), CommitReport::default());
    assert_eq!(git.head().unwrap().as_deref(), Some(own.as_str()));
    state(&sandbox, "1\n");
    sandbox.write("mine", "user\n");
    let report = git.commit_state(Some(&own)).unwrap();
    let folded = report.hash.unwrap();
    assert_ne!(folded, own);
    assert_eq!(count(&sandbox), before);
    assert_eq!(names(&sandbox, &folded), ["A .rally/summary.jsonl", "A work"]);
    assert_eq!(git.subject(&folded).as_deref(), Some(MESSAGE));
    assert_eq!(sandbox.git(["log", "-1", "--format=%an"]), "Someone");
    assert_eq!(status(&sandbox), ["?? mine"]);
    // Idempotent.
    assert_eq!(git.commit_state(Some(&folded)).unwrap(), CommitReport::default());
}

// 30-91. Deviations: only a commit of this process is amended, and its subject gets no " [+state]".
#[test]
fn other_heads_get_a_commit_of_their_own() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    let initial = git.head().unwrap().unwrap();
    state(&sandbox, "1\n");
    let first = git.commit_state(None).unwrap().hash.unwrap();
    assert_eq!(git.subject(&first).as_deref(), Some("rally: update state"));
    assert_eq!(git.commits_between(Some(&initial), &first), vec![first.clone()]);
    // Later ones of this process are amended, not stacked.
    state(&sandbox, "2\n");
    let second = git.commit_state(Some(&first)).unwrap().hash.unwrap();
    assert_eq!(count(&sandbox), 2);
    assert_eq!(git.subject(&second).as_deref(), Some("rally: update state"));
    // A commit that looks like rally's but that this process did not make stays as it is.
    state(&sandbox, "3\n");
    git.commit_state(None).unwrap().hash.unwrap();
    assert_eq!(count(&sandbox), 3);
    // Neither is an own commit amended that is no longer HEAD.
    let own = git.head().unwrap().unwrap();
    sandbox.write("agent", "x");
    sandbox.git(["add", "agent"]);
    sandbox.git(["commit", "-qm", "agent"]);
    state(&sandbox, "4\n");
    git.commit_state(Some(&own)).unwrap().hash.unwrap();
    assert_eq!(count(&sandbox), 5);
    assert_eq!(status(&sandbox), no_changes());
}

#[test]
fn what_is_on_a_remote_is_never_amended() {
    let sandbox = Sandbox::new();
    sandbox.git(["clone", "-q", "--bare", ".", "../remote"]);
    sandbox.git(["remote", "add", "origin", "../remote"]);
    let git = open(&sandbox);
    state(&sandbox, "1\n");
    let own = git.commit_state(None).unwrap().hash.unwrap();
    sandbox.git(["push", "-q", "origin", "main"]);
    state(&sandbox, "2\n");
    git.commit_state(Some(&own)).unwrap().hash.unwrap();
    assert_eq!(count(&sandbox), 3);
    assert_eq!(sandbox.git(["rev-parse", "HEAD~1"]), own);
}

#[test]
fn folding_spares_what_the_user_staged() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    sandbox.write("work", "agent\n");
    let own = work_well(&git, &Snapshot::default());
    sandbox.write("mine", "user\n");
    sandbox.git(["add", "mine"]);
    state(&sandbox, "1\n");
    let folded = git.commit_state(Some(&own)).unwrap().hash.unwrap();
    assert_eq!(names(&sandbox, &folded), ["A .rally/summary.jsonl", "A work"]);
    assert_eq!(status(&sandbox), ["A  mine"]);
}

// 30-95
#[test]
fn set_up_commits_its_own_paths_once() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    sandbox.write(".rally/.gitignore", "state/\n");
    sandbox.write(".rally/config.toml", "\n");
    sandbox.write(".rally/state/x", "\n");
    sandbox.write("mine", "user\n");
    sandbox.write("staged", "user\n");
    sandbox.git(["add", "staged"]);
    let paths = [".rally/.gitignore", ".rally/config.toml", ".rally/missing"];
    let message = "rally: \"initialize\" `workspace` $x\n\nbody";
    let hash = git.commit_paths(&paths, message).unwrap().unwrap();
    assert_eq!(names(&sandbox, &hash), ["A .rally/.gitignore", "A .rally/config.toml"]);
    assert_eq!(sandbox.git(["log", "-1", "--format=%B"]), message);
    assert_eq!(git.commit_paths(&paths, message).unwrap(), None);
    assert_eq!(git.commit_paths(&[], message).unwrap(), None);
    assert_eq!(status(&sandbox), ["A  staged", "?? mine"]);
    // Folders, ignored files, and names that look like patterns.
    sandbox.write(".gitignore", "*.log\n");
    sandbox.write("hooks/a.sh", "x");
    sandbox.write("hooks/b.log", "x");
    sandbox.write("*", "x");
    assert_eq!(names(&sandbox, &git.commit_paths(&["hooks"], "hooks").unwrap().unwrap()), ["A hooks/a.sh"]);
    assert_eq!(names(&sandbox, &git.commit_paths(&["*"], "star").unwrap().unwrap()), ["A *"]);
    assert_eq!(git.commit_paths(&["hooks/b.log"], "log").unwrap(), None);
    sandbox.write(".git/MERGE_HEAD", "");
    assert!(matches!(git.commit_paths(&["mine"], "mine"), Err(GitError::Busy("merge"))));
}
