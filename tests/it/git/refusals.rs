//! What is not committed, and when nothing is.

use super::*;

fn key() -> String {
    format!("-----BEGIN {} KEY-----\nAAAA\n", "OPENSSH PRIVATE")
}

#[test]
fn huge_files_keys_and_nested_repositories_are_left_out_and_named() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    let big = std::fs::File::create(sandbox.repo().join("big.bin")).unwrap();
    big.set_len(20 * 1024 * 1024 + 1).unwrap();
    sandbox.write("deploy_key", &key());
    sandbox.git(["init", "-q", "nested"]);
    sandbox.write("nested/file", "x");
    // Staged by the agent, and still not committed.
    sandbox.write("staged_key", &key());
    sandbox.git(["add", "staged_key"]);
    // A nested repository in the place of a file.
    std::fs::remove_file(sandbox.repo().join("README.txt")).unwrap();
    sandbox.git(["init", "-q", "README.txt"]);
    sandbox.write("work", "agent\n");
    let report = work(&git, &snapshot);
    assert_eq!(names(&sandbox, &report.hash.unwrap()), ["A work"]);
    let left: Vec<_> =
        report.left.iter().map(|left| (String::from_utf8_lossy(&left.path).into_owned(), left.why)).collect();
    let wanted = [
        ("README.txt", WhyLeft::NestedRepository),
        ("big.bin", WhyLeft::TooBig { bytes: 20 * 1024 * 1024 + 1 }),
        ("deploy_key", WhyLeft::PrivateKey),
        ("nested/", WhyLeft::NestedRepository),
        ("staged_key", WhyLeft::PrivateKey),
    ];
    assert_eq!(left, wanted.map(|(path, why)| (path.to_owned(), why)));
    assert!(report.left[1].to_string().contains("big.bin was not committed: a new file of 20 MiB"));
    assert!(status(&sandbox).contains(&"A  staged_key".to_owned()));
    // In the next run they are old, and no longer spoken of.
    assert_eq!(work(&git, &git.snapshot().unwrap()), CommitReport::default());
}

#[test]
fn a_tracked_file_may_grow_and_a_left_out_file_is_no_commit() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    sandbox.write("deploy_key", &key());
    let report = work(&git, &snapshot);
    assert_eq!((report.hash, report.left.len()), (None, 1));
    let file = std::fs::File::create(sandbox.repo().join("README.txt")).unwrap();
    file.set_len(20 * 1024 * 1024 + 1).unwrap();
    assert_eq!(names(&sandbox, &work(&git, &snapshot).hash.unwrap()), ["M README.txt"]);
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_left() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    std::fs::remove_file(sandbox.repo().join("README.txt")).unwrap();
    assert!(sandbox.command("mkfifo").arg("README.txt").status().unwrap().success());
    sandbox.write("work", "agent\n");
    let report = work(&git, &snapshot);
    assert_eq!(names(&sandbox, &report.hash.unwrap()), ["A work"]);
    assert_eq!(report.left[0].why, WhyLeft::Special);
}

#[test]
fn operations_under_way_are_named_and_not_disturbed() {
    let sandbox = Sandbox::new();
    sandbox.git(["checkout", "-qb", "side"]);
    sandbox.write("README.txt", "side\n");
    sandbox.git(["commit", "-qam", "side"]);
    sandbox.git(["checkout", "-q", "main"]);
    sandbox.write("README.txt", "main\n");
    sandbox.git(["commit", "-qam", "main"]);
    let patch = sandbox.git(["format-patch", "-1", "--stdout", "side"]);
    std::fs::write(sandbox.root().join("patch"), format!("{patch}\n")).unwrap();
    let table: [(&str, &[&str], &[&str]); 6] = [
        ("merge", &["merge", "side"], &["merge", "--abort"]),
        ("rebase", &["rebase", "side"], &["rebase", "--abort"]),
        ("cherry-pick", &["cherry-pick", "side"], &["cherry-pick", "--abort"]),
        ("revert", &["revert", "HEAD~1", "HEAD"], &["revert", "--abort"]),
        ("am", &["am", "-q", "../patch"], &["am", "--abort"]),
        ("bisect", &["bisect", "start"], &["bisect", "reset"]),
    ];
    let git = open(&sandbox);
    for (name, begin, end) in table {
        let head = git.head().unwrap();
        let mut snapshot = git.snapshot().unwrap();
        if name == "revert" {
            // A revert that would work has nothing under way: make it conflict.
            sandbox.write("README.txt", "later\n");
            sandbox.git(["commit", "-qam", "later"]);
            snapshot = git.snapshot().unwrap();
            sandbox.command("git").args(["revert", "--no-edit", "HEAD~1"]).output().unwrap();
        } else {
            sandbox.command("git").args(begin).output().unwrap();
        }
        assert_eq!(git.busy(), Some(name));
        sandbox.write("work", "agent\n");
        let before = (status(&sandbox), git.head().unwrap());
        let report = work(&git, &snapshot);
        assert_eq!(report.hash, None);
        assert!(report.warnings[0].contains(name), "{:?}", report.warnings);
        assert_eq!((status(&sandbox), git.head().unwrap()), before);
        assert_eq!(sandbox.read("work"), "agent\n");
        std::fs::remove_file(sandbox.repo().join("work")).unwrap();
        sandbox.git(end);
        assert_eq!(git.busy(), None);
        if name == "revert" {
            sandbox.git(["reset", "-q", "--hard", head.as_deref().unwrap()]);
        }
    }
}

#[test]
fn an_unsolved_conflict_of_a_stash_is_left() {
    let sandbox = Sandbox::new();
    sandbox.write("README.txt", "stashed\n");
    sandbox.git(["stash", "-q"]);
    sandbox.write("README.txt", "other\n");
    sandbox.git(["commit", "-qam", "other"]);
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    assert!(!sandbox.command("git").args(["stash", "pop"]).output().unwrap().status.success());
    sandbox.write("work", "agent\n");
    let report = work(&git, &snapshot);
    assert_eq!(names(&sandbox, &report.hash.unwrap()), ["A work"]);
    assert_eq!(report.left[0].why, WhyLeft::Conflict);
    assert_eq!(status(&sandbox), ["UU README.txt"]);
}

#[test]
fn a_lock_that_stays_is_a_warning_and_one_that_goes_is_waited_for() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    sandbox.write("work", "agent\n");
    assert!(!git.index_locked());
    sandbox.write(".git/index.lock", "");
    assert!(git.index_locked());
    let report = work(&git, &Snapshot::default());
    assert_eq!(report.hash, None);
    assert!(report.warnings[0].contains("index.lock"), "{:?}", report.warnings);
    assert_eq!(status(&sandbox), ["?? work"]);
    let lock = sandbox.repo().join(".git/index.lock");
    let committer = std::thread::spawn({
        let git = git.clone();
        move || work(&git, &Snapshot::default())
    });
    std::fs::remove_file(lock).unwrap();
    assert!(committer.join().unwrap().hash.is_some());
}

#[test]
fn a_hook_that_refuses_is_a_warning_and_the_index_is_as_it_was() {
    for staged_elsewhere in [false, true] {
        let sandbox = Sandbox::new();
        if staged_elsewhere {
            sandbox.write("user", "user\n");
            sandbox.git(["add", "user"]);
        }
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("work", "agent\n");
        let before = status(&sandbox);
        hook(&sandbox, "pre-commit", "echo lint says no >&2; exit 1");
        let report = with_hooks(&git, &snapshot);
        assert_eq!(report.hash, None);
        assert!(report.warnings[0].contains("lint says no"), "{:?}", report.warnings);
        assert_eq!(status(&sandbox), before);
        // The same work goes in without hooks.
        assert_eq!(names(&sandbox, &work_well(&git, &snapshot)), ["A work"]);
    }
}

#[test]
fn hooks_run_only_when_asked_for_and_see_a_plain_environment() {
    let sandbox = Sandbox::new();
    for name in ["pre-commit", "prepare-commit-msg", "commit-msg", "post-commit"] {
        hook(&sandbox, name, &format!("env > ../{name}"));
    }
    let git = open(&sandbox);
    sandbox.write("work", "agent\n");
    work_well(&git, &Snapshot::default());
    assert!(!sandbox.root().join("pre-commit").exists() && !sandbox.root().join("post-commit").exists());
    assert!(!sandbox.root().join("prepare-commit-msg").exists());
    sandbox.write("work", "more\n");
    assert!(with_hooks(&git, &Snapshot::default()).hash.is_some());
    let seen = std::fs::read_to_string(sandbox.root().join("pre-commit")).unwrap();
    assert!(!seen.contains("LC_ALL=C\n") && !seen.contains("GIT_LITERAL_PATHSPECS"), "{seen}");
    assert!(sandbox.root().join("post-commit").exists());
}

#[test]
fn a_hook_that_formats_leaves_no_reverse_change() {
    for staged_elsewhere in [false, true] {
        let sandbox = Sandbox::new();
        if staged_elsewhere {
            sandbox.write("user", "user\n");
            sandbox.git(["add", "user"]);
        }
        hook(&sandbox, "pre-commit", "echo formatted > work && git add work");
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("work", "agent\n");
        assert!(with_hooks(&git, &snapshot).hash.is_some());
        assert_eq!(sandbox.git(["show", "HEAD:work"]), "formatted");
        let rest: &[&str] = if staged_elsewhere { &["A  user"] } else { &[] };
        assert_eq!(status(&sandbox), rest);
    }
}

fn hook(sandbox: &Sandbox, name: &str, script: &str) {
    let path = sandbox.repo().join(".git/hooks").join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
