//! What happened to the workspace, and what rally commits of it. Numbers are acceptance facts.

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

mod finding {
    use super::*;

    // 30-93
    #[test]
    fn no_repository_is_none_and_no_error() {
        let sandbox = Sandbox::without_repository();
        let find = || discover_with(&sandbox.repo(), environment(&sandbox)).unwrap();
        assert!(find().is_none());
        std::fs::create_dir(sandbox.repo().join(".git")).unwrap();
        assert!(find().is_none(), "an empty .git");
        std::fs::remove_dir(sandbox.repo().join(".git")).unwrap();
        sandbox.write(".git", "gitdir: /nowhere\n");
        assert!(find().is_none(), "a .git that points nowhere");
    }

    #[test]
    fn a_bare_repository_and_a_broken_configuration_are_clear_errors() {
        let sandbox = Sandbox::new();
        sandbox.git(["init", "-q", "--bare", "bare"]);
        for folder in ["bare", ".git"] {
            let error = discover_with(&sandbox.repo().join(folder), environment(&sandbox)).unwrap_err();
            assert!(matches!(error, GitError::NoWorkTree(_)), "{error}");
        }
        sandbox.write(".git/config", "[core\n");
        let error = discover_with(&sandbox.repo(), environment(&sandbox)).unwrap_err();
        assert!(error.to_string().contains("config"), "{error}");
    }

    #[test]
    fn the_root_is_found_from_below_and_with_any_name() {
        let sandbox = Sandbox::without_repository();
        let root = sandbox.repo().join(OsStr::from_bytes(b"odd\n \xff name"));
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        init_with(&root, &environment(&sandbox)).unwrap();
        let git = open_at(&sandbox, &root.join("a/b"));
        assert_eq!(git.root(), root.canonicalize().unwrap());
        assert_eq!(git.head().unwrap(), None);
        std::fs::write(root.join("a/b/file"), "x").unwrap();
        let empty = Snapshot::default();
        assert_eq!(changes(&git, &empty), [("a/b/file".to_owned(), ChangeKind::Added)]);
        let hash = work_well(&git, &empty);
        assert_eq!(git.head().unwrap(), Some(hash.clone()));
        assert_eq!(git.files_between(None, &hash), ["a/b/file"]);
    }

    #[test]
    fn variables_of_a_calling_hook_do_not_lead_astray() {
        let sandbox = Sandbox::new();
        let elsewhere = environment(&sandbox).set("GIT_DIR", "/nowhere").set("GIT_INDEX_FILE", "/nowhere");
        let git = discover_with(&sandbox.repo(), elsewhere).unwrap().unwrap();
        assert_eq!(git.head().unwrap().unwrap(), sandbox.git(["rev-parse", "HEAD"]));
    }
}

mod history {
    use super::*;

    // 30-86, 30-87: the commits of an agent, in order. Deviation from 87: no commit for a leftover summary.
    #[test]
    fn commits_of_a_try_come_oldest_first() {
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        let before = git.head().unwrap().unwrap();
        let mut made = Vec::new();
        for name in ["one", "two", "three"] {
            sandbox.write(name, name);
            sandbox.git(["add", "."]);
            sandbox.git(["commit", "-qm", name]);
            made.push(git.head().unwrap().unwrap());
        }
        assert_eq!(git.commits_between(Some(&before), &made[2]), made);
        assert_eq!(git.commits_between(None, &made[2]).len(), 4);
        assert_eq!(git.subject(&made[1]).as_deref(), Some("two"));
        // 30-88
        assert_eq!(git.files_between(Some(&before), &made[2]), ["one", "three", "two"]);
        // Backwards, unknown and damaged hashes fall back.
        assert_eq!(git.commits_between(Some(&made[2]), &made[0]), [made[0].clone()]);
        let unknown = "0".repeat(40);
        assert_eq!(git.commits_between(Some(&unknown), &made[0]), [made[0].clone()]);
        assert_eq!(git.commits_between(Some("--all"), &made[0]), [made[0].clone()]);
        assert_eq!(git.subject(&unknown), None);
        assert_eq!(git.subject("--output=x"), None);
        assert_eq!(git.files_between(Some("HEAD"), &made[0]), no_changes());
    }
}

mod changed {
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

    // 30-88: only excluded dirt is no dirt.
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
}

mod work_commits {
    use super::*;

    // 30-86
    #[test]
    fn work_and_state_together_in_one_commit_and_nothing_of_the_user_s() {
        let sandbox = Sandbox::new();
        sandbox.write("staged", "user\n");
        sandbox.write("edited", "v1\n");
        sandbox.git(["add", "edited"]);
        sandbox.git(["commit", "-qm", "more"]);
        sandbox.git(["add", "staged"]);
        sandbox.write("edited", "user\n");
        sandbox.write("loose", "user\n");
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("src/new.rs", "agent\n");
        sandbox.write("README.txt", "agent\n");
        sandbox.write(".rally/.gitignore", "state/\n");
        sandbox.write(".rally/summary.jsonl", "{}\n");
        sandbox.write(".rally/state/tries.jsonl", "{}\n");
        sandbox.write(".laps/laps.json", "{}\n");
        sandbox.write(".claude/settings.local.json", "{}\n");
        let before = count(&sandbox);
        let hash = work_well(&git, &snapshot);
        assert_eq!(count(&sandbox), before + 1);
        let wanted = [
            "A .laps/laps.json",
            "A .rally/.gitignore",
            "A .rally/summary.jsonl",
            "M README.txt",
            "A src/new.rs",
        ];
        assert_eq!(names(&sandbox, &hash), wanted);
        assert_eq!(
            status(&sandbox),
            ["M  edited", "A  staged", "?? .claude/settings.local.json", "?? loose"]
                .map(|line| if line == "M  edited" { " M edited" } else { line })
        );
        assert_eq!(sandbox.git(["log", "-1", "--format=%B"]), MESSAGE);
        assert_eq!(work(&git, &git.snapshot().unwrap()), CommitReport::default());
    }

    #[test]
    fn state_is_never_staged_even_without_its_ignore_file() {
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        sandbox.write(".rally/state/tries.jsonl", "{}\n");
        sandbox.write(".rally/config.toml", "\n");
        sandbox.write("work", "agent\n");
        let hash = work_well(&git, &Snapshot::default());
        assert_eq!(names(&sandbox, &hash), ["A .rally/config.toml", "A work"]);
    }

    #[test]
    fn what_the_user_staged_stays_staged_with_the_side_index() {
        let sandbox = Sandbox::new();
        for name in ["kept", "removed", "half"] {
            sandbox.write(name, "v1\n");
        }
        sandbox.git(["add", "."]);
        sandbox.git(["commit", "-qm", "more"]);
        sandbox.git(["rm", "-q", "--cached", "removed"]);
        sandbox.write("half", "staged\n");
        sandbox.git(["add", "half"]);
        sandbox.write("half", "staged and more\n");
        sandbox.write("added", "user\n");
        sandbox.git(["add", "added"]);
        sandbox.write("intent", "user\n");
        sandbox.git(["add", "-N", "intent"]);
        let before = status(&sandbox);
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("agent", "agent\n");
        std::fs::remove_file(sandbox.repo().join("kept")).unwrap();
        let hash = work_well(&git, &snapshot);
        assert_eq!(names(&sandbox, &hash), ["A agent", "D kept"]);
        assert_eq!(status(&sandbox), before);
        assert_eq!(sandbox.git(["show", ":half"]), "staged");
        let junk: Vec<_> = std::fs::read_dir(sandbox.repo().join(".git"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("rally") || name.ends_with(".lock"))
            .collect();
        assert_eq!(junk, no_changes());
    }

    #[test]
    fn names_are_bytes() {
        let sandbox = Sandbox::new();
        let odd: [&[u8]; 9] = [
            b"a space",
            b"new\nline",
            b"quote\"'`$x",
            b"\xff\xfe raw",
            b"-rf",
            b"*",
            b":(top)x",
            b"tab\tback\\slash",
            "grün".as_bytes(),
        ];
        let git = open(&sandbox);
        for staged_elsewhere in [false, true] {
            if staged_elsewhere {
                sandbox.write("staged", "user\n");
                sandbox.git(["add", "staged"]);
            }
            let snapshot = git.snapshot().unwrap();
            for name in odd {
                let text = format!("agent {staged_elsewhere}\n");
                std::fs::write(sandbox.repo().join(OsStr::from_bytes(name)), text).unwrap();
            }
            sandbox.write("sub/*/x", &format!("agent {staged_elsewhere}\n"));
            let mut found: Vec<Vec<u8>> =
                git.changes_since(&snapshot).unwrap().into_iter().map(|change| change.path).collect();
            let mut wanted: Vec<Vec<u8>> = odd.iter().map(|name| name.to_vec()).collect();
            wanted.push(b"sub/*/x".to_vec());
            wanted.sort();
            found.sort();
            assert_eq!(found, wanted);
            work_well(&git, &snapshot);
            assert_eq!(changes(&git, &snapshot), []);
        }
        assert_eq!(status(&sandbox), ["A  staged"]);
        assert!(sandbox.git(["status", "--porcelain", "--", ":(glob)**"]).starts_with("A  staged"));
    }

    #[test]
    fn every_kind_of_change() {
        for staged_elsewhere in [false, true] {
            let sandbox = Sandbox::new();
            let file = |name: &str| sandbox.repo().join(name);
            for name in
                ["gone", "moved", "mode", "to-link", "to-folder", "emptied", "folder/x", "linked/x", "same"]
            {
                sandbox.write(name, &format!("{name}\n"));
            }
            symlink("same", file("link")).unwrap();
            sandbox.git(["add", "."]);
            sandbox.git(["commit", "-qm", "all"]);
            if staged_elsewhere {
                sandbox.write("user", "user\n");
                sandbox.git(["add", "user"]);
            }
            let git = open(&sandbox);
            let snapshot = git.snapshot().unwrap();
            std::fs::remove_file(file("gone")).unwrap();
            std::fs::rename(file("moved"), file("moved-here")).unwrap();
            std::fs::set_permissions(file("mode"), std::fs::Permissions::from_mode(0o755)).unwrap();
            std::fs::remove_file(file("to-link")).unwrap();
            symlink("same", file("to-link")).unwrap();
            for name in ["to-folder", "emptied", "link"] {
                std::fs::remove_file(file(name)).unwrap();
            }
            sandbox.write("to-folder/x", "agent\n");
            std::fs::create_dir(file("emptied")).unwrap();
            symlink("nowhere", file("link")).unwrap();
            std::fs::remove_dir_all(file("folder")).unwrap();
            sandbox.write("folder", "agent\n");
            std::fs::rename(file("linked"), file("real")).unwrap();
            symlink("real", file("linked")).unwrap();
            let hash = work_well(&git, &snapshot);
            let mut found = names(&sandbox, &hash);
            found.sort();
            let wanted = [
                "A folder",
                "A linked",
                "A moved-here",
                "A real/x",
                "A to-folder/x",
                "D emptied",
                "D folder/x",
                "D gone",
                "D linked/x",
                "D moved",
                "D to-folder",
                "M link",
                "M mode",
                "T to-link",
            ];
            assert_eq!(found, wanted);
            let rest: &[&str] = if staged_elsewhere { &["A  user"] } else { &[] };
            assert_eq!(status(&sandbox), rest);
            sandbox.git(["fsck", "--strict"]);
        }
    }

    #[test]
    fn what_the_agent_staged_itself_is_committed() {
        for staged_elsewhere in [false, true] {
            let sandbox = Sandbox::new();
            for name in ["moved", "gone", "ignored"] {
                sandbox.write(name, &format!("{name}\n"));
            }
            sandbox.git(["add", "."]);
            sandbox.git(["commit", "-qm", "all"]);
            if staged_elsewhere {
                sandbox.write("user", "user\n");
                sandbox.git(["add", "user"]);
            }
            let git = open(&sandbox);
            let snapshot = git.snapshot().unwrap();
            sandbox.git(["mv", "moved", "here"]);
            sandbox.git(["rm", "-q", "gone"]);
            sandbox.git(["rm", "-q", "--cached", "ignored"]);
            sandbox.write(".gitignore", "ignored\n");
            sandbox.write("passing", "agent\n");
            sandbox.git(["add", "passing"]);
            std::fs::remove_file(sandbox.repo().join("passing")).unwrap();
            assert!(!changes(&git, &snapshot).iter().any(|(path, _)| path == "passing"));
            let hash = work_well(&git, &snapshot);
            assert_eq!(names(&sandbox, &hash), ["A .gitignore", "D gone", "A here", "D ignored", "D moved"]);
            let rest: &[&str] = if staged_elsewhere { &["A  user"] } else { &[] };
            assert_eq!(status(&sandbox), rest);
        }
    }

    #[test]
    fn the_agent_s_own_commit_and_leftover_edits_give_one_commit_on_top() {
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("one", "agent\n");
        sandbox.git(["add", "."]);
        sandbox.git(["commit", "-qm", "agent"]);
        sandbox.write("two", "agent\n");
        let hash = work_well(&git, &snapshot);
        assert_eq!(names(&sandbox, &hash), ["A two"]);
        assert_eq!(count(&sandbox), 3);
    }

    #[test]
    fn staging_that_cancels_out_is_no_commit() {
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("README.txt", "other\n");
        sandbox.git(["add", "."]);
        sandbox.write("README.txt", "hello\n");
        assert_eq!(work(&git, &snapshot), CommitReport::default());
        assert_eq!(count(&sandbox), 1);
    }

    // 30-92
    #[test]
    fn messages_are_literal() {
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        for message in ["\"q\" 'q' $HOME `id` \\n", "subject\n\n# no comment\n\nbody", "--amend", ""] {
            let snapshot = git.snapshot().unwrap();
            sandbox.write("file", &format!("{message}\n."));
            let request = WorkCommit { snapshot: &snapshot, message, run_hooks: false };
            let hash = git.commit_work(&request).unwrap().hash.unwrap();
            assert_eq!(sandbox.git(["log", "-1", "--format=%B"]).trim_end(), message);
            // An amended one keeps its text.
            sandbox.write(".rally/summary.jsonl", &format!("{message}\n."));
            let amended = git.commit_state(Some(&hash)).unwrap().hash.unwrap();
            assert_ne!(amended, hash);
            assert_eq!(sandbox.git(["log", "-1", "--format=%B"]).trim_end(), message);
        }
    }

    #[test]
    fn identity_falls_back_part_by_part_and_nothing_is_signed() {
        let table = [
            ("[user]\n\tname = Me\n\temail = me@x\n", "Me <me@x>"),
            ("[user]\n\tname = Me\n", "Me <rally@localhost>"),
            ("[user]\n\temail = me@x\n\tname =\n", "Rally <me@x>"),
            ("[user]\n\tuseConfigOnly = true\n", "Rally <rally@localhost>"),
        ];
        for (config, wanted) in table {
            let sandbox = Sandbox::without_repository();
            let signing =
                "[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /bin/false\n[core]\n\teditor = /bin/false\n";
            std::fs::write(sandbox.home().join(".gitconfig"), format!("{config}{signing}")).unwrap();
            init_with(&sandbox.repo(), &environment(&sandbox)).unwrap();
            sandbox.write("file", "x");
            work_well(&open(&sandbox), &Snapshot::default());
            assert_eq!(sandbox.git(["log", "-1", "--format=%an <%ae>"]), wanted);
            assert_eq!(sandbox.git(["log", "-1", "--format=%cn <%ce>"]), wanted);
        }
    }
}

mod layouts {
    use super::*;

    #[test]
    fn detached_head() {
        let sandbox = Sandbox::new();
        sandbox.git(["checkout", "-q", "--detach"]);
        let git = open(&sandbox);
        sandbox.write("file", "agent\n");
        let hash = work_well(&git, &Snapshot::default());
        assert_eq!(sandbox.git(["rev-parse", "HEAD"]), hash);
        assert_ne!(sandbox.git(["rev-parse", "main"]), hash);
    }

    #[test]
    fn no_commit_yet_with_something_staged() {
        let sandbox = Sandbox::without_repository();
        init_with(&sandbox.repo(), &environment(&sandbox)).unwrap();
        sandbox.write("mine", "user\n");
        sandbox.git(["add", "mine"]);
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        assert_eq!(snapshot.head(), None);
        sandbox.write("file", "agent\n");
        let hash = work_well(&git, &snapshot);
        assert_eq!(names(&sandbox, &hash), ["A file"]);
        assert_eq!(status(&sandbox), ["A  mine"]);
        assert_eq!(git.commits_between(None, &hash), [hash.clone()]);
    }

    #[test]
    fn linked_work_tree() {
        let sandbox = Sandbox::new();
        sandbox.git(["worktree", "add", "-q", "-b", "lane", "../lane"]);
        let lane = sandbox.root().join("lane");
        let git = open_at(&sandbox, &lane);
        assert_eq!(git.root(), lane.canonicalize().unwrap());
        std::fs::write(lane.join("staged"), "user\n").unwrap();
        sandbox.git(["-C", "../lane", "add", "staged"]);
        let snapshot = git.snapshot().unwrap();
        std::fs::write(lane.join("file"), "agent\n").unwrap();
        let hash = work_well(&git, &snapshot);
        assert_eq!(sandbox.git(["rev-parse", "lane"]), hash);
        assert_eq!(sandbox.git(["-C", "../lane", "status", "--porcelain"]), "A  staged");
        assert_eq!(status(&sandbox), no_changes());
    }

    #[test]
    fn submodules_as_workspace_and_inside_it() {
        let sandbox = Sandbox::new();
        let source = sandbox.root().join("source");
        sandbox.git(["clone", "-q", ".", "../source"]);
        let clone = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add"];
        sandbox.git(clone.iter().map(OsStr::new).chain([source.as_os_str(), OsStr::new("sub")]));
        sandbox.git(["commit", "-qm", "submodule"]);
        let outer = open(&sandbox);
        let inner = open_at(&sandbox, &sandbox.repo().join("sub"));
        assert_eq!(inner.root(), sandbox.repo().join("sub").canonicalize().unwrap());
        let snapshot = outer.snapshot().unwrap();
        sandbox.write("sub/file", "agent\n");
        assert_eq!(changes(&outer, &snapshot), [], "dirt inside a submodule is not the outer repository's");
        let hash = work_well(&inner, &Snapshot::default());
        assert_eq!(inner.head().unwrap(), Some(hash.clone()));
        let dirty = outer.snapshot().unwrap();
        assert_eq!(changes(&outer, &snapshot), [("sub".to_owned(), ChangeKind::Modified)]);
        assert_eq!(changes(&outer, &dirty), [], "the same commit is no change");
        let bump = work_well(&outer, &snapshot);
        assert_eq!(names(&sandbox, &bump), ["M sub"]);
        assert!(sandbox.git(["ls-tree", "HEAD", "sub"]).contains(&hash));
    }
}

mod refusals {
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
        let left: Vec<_> = report
            .left
            .iter()
            .map(|left| (String::from_utf8_lossy(&left.path).into_owned(), left.why))
            .collect();
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
}

mod state_commits {
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
        assert_eq!(git.commits_between(Some(&initial), &first), [first.clone()]);
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
        assert_eq!(
            names(&sandbox, &git.commit_paths(&["hooks"], "hooks").unwrap().unwrap()),
            ["A hooks/a.sh"]
        );
        assert_eq!(names(&sandbox, &git.commit_paths(&["*"], "star").unwrap().unwrap()), ["A *"]);
        assert_eq!(git.commit_paths(&["hooks/b.log"], "log").unwrap(), None);
        sandbox.write(".git/MERGE_HEAD", "");
        assert!(matches!(git.commit_paths(&["mine"], "mine"), Err(GitError::Busy("merge"))));
    }
}

/// A try with changes starts at most eight processes (the earlier program: 27).
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
    for (file, most) in [(Some("work"), 8), (None, 4)] {
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
    assert_eq!(calls.len(), 8, "with something else staged:\n{}", calls.join("\n"));
}
