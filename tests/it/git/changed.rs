//! What changed since a snapshot.

use super::*;

// 30-88, 30-94; decided: what was dirty before and did not change is no change.
#[test]
fn only_other_content_counts_and_rally_s_own_does_not() {
    let sandbox = Sandbox::new();
    sandbox.write("mine", "user\n");
    sandbox.write("README.txt", "user edit\n");
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    assert_eq!(snapshot.len(), 2);
    assert_eq!(changes(&git, &snapshot), []);
    // Staging and touching change no content.
    sandbox.git(["add", "mine"]);
    sandbox.write("README.txt", "user edit\n");
    sandbox.write(".rally/summary.jsonl", "{}\n");
    sandbox.write(".laps/laps.json", "{}\n");
    sandbox.write(".claude/settings.local.json", "{}\n");
    assert_eq!(changes(&git, &snapshot), []);
    assert_eq!(git.dirty_count(), 2);
    sandbox.write("mine", "other\n");
    sandbox.write(".claude/settings.json", "{}\n");
    std::fs::remove_file(sandbox.repo().join("README.txt")).unwrap();
    let wanted = [
        (".claude/settings.json".to_owned(), ChangeKind::Added),
        ("README.txt".to_owned(), ChangeKind::Deleted),
        ("mine".to_owned(), ChangeKind::Added),
    ];
    assert_eq!(changes(&git, &snapshot), wanted);
}

// 30-88, 20-AF-MO-09: only excluded dirt is no dirt.
#[test]
fn only_rally_s_own_dirt_is_clean() {
    let sandbox = Sandbox::new();
    sandbox.write(".rally/summary.jsonl", "{}\n");
    sandbox.write(".claude/settings.local.json", "{}\n");
    let git = open(&sandbox);
    assert!(!git.is_dirty());
    assert_eq!(git.dirty_count(), 0);
    assert!(git.snapshot().unwrap().is_empty());
    assert_eq!(work(&git, &Snapshot::default()), CommitReport::default());
}

#[test]
fn a_snapshot_survives_the_journal_with_every_name() {
    let sandbox = Sandbox::new();
    for name in [&b"odd \xff\xfe%41"[..], b"new\nline", b"-rf", "grün".as_bytes()] {
        std::fs::write(sandbox.repo().join(OsStr::from_bytes(name)), "user\n").unwrap();
    }
    symlink("nowhere", sandbox.repo().join("link")).unwrap();
    std::fs::remove_file(sandbox.repo().join("README.txt")).unwrap();
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    let text = serde_json::to_string(&snapshot).unwrap();
    let back: Snapshot = serde_json::from_str(&text).unwrap();
    assert_eq!(back, snapshot);
    assert_eq!(back.len(), 6);
    assert_eq!(back.head(), git.head().unwrap().as_deref());
    assert_eq!(changes(&git, &back), []);
    assert!(serde_json::from_str::<Snapshot>(&text.replace("%FF", "%zz")).is_err());
}

#[test]
fn a_try_that_was_killed_leaves_work_that_the_resumed_run_commits() {
    let sandbox = Sandbox::new();
    sandbox.write("mine", "user\n");
    let git = open(&sandbox);
    let stored = serde_json::to_value(git.snapshot().unwrap()).unwrap();
    sandbox.write("half", "agent\n");
    // The crash came between staging and commit.
    sandbox.git(["add", "half"]);
    drop(git);
    let git = open(&sandbox);
    let hash = work_well(&git, &serde_json::from_value(stored).unwrap());
    assert_eq!(names(&sandbox, &hash), ["A half"]);
    assert_eq!(status(&sandbox), ["?? mine"]);
}
