//! Commits of an agent's work.

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
fn of_rally_s_folder_only_what_rally_writes_is_committed() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    sandbox.write(".rally/state/tries.jsonl", "{}\n");
    sandbox.write(".rally/README.md", "mine\n");
    sandbox.write(".rally/secrets.env", "TOKEN=1\n");
    sandbox.write(".rally/summary.jsonl", "{}\n");
    sandbox.write("work", "agent\n");
    let hash = work_well(&git, &Snapshot::default());
    assert_eq!(names(&sandbox, &hash), ["A .rally/summary.jsonl", "A work"]);
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
        for name in [
            "gone",
            "moved",
            "mode",
            "to-link",
            "to-folder",
            "emptied",
            "folder/x",
            "linked/x",
            "hidden/x",
            "same",
        ] {
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
        sandbox.write(".gitignore", "hidden\n");
        std::fs::remove_dir_all(file("hidden")).unwrap();
        symlink("folder", file("hidden")).unwrap();
        let hash = work_well(&git, &snapshot);
        let mut found = names(&sandbox, &hash);
        found.sort();
        let wanted = [
            "A .gitignore",
            "A folder",
            "A linked",
            "A moved-here",
            "A real/x",
            "A to-folder/x",
            "D emptied",
            "D folder/x",
            "D gone",
            "D hidden/x",
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
