//! Somebody else commits while rally does.

use super::*;

/// Runs a script once, right before or after the first call of a subcommand of git.
fn interfere(sandbox: &Sandbox, place: &str, subcommand: &str, script: &str) {
    let once = sandbox.root().join("once");
    let _ = std::fs::remove_dir(&once);
    let ours = format!(
        "case \" $* \" in *\" {subcommand} \"*) if mkdir {once} 2>/dev/null; then (unset GIT_INDEX_FILE; \
         git() {{ /usr/bin/git \"$@\"; }}; {script}) >> {once}.log 2>&1; fi;; esac",
        once = once.display()
    );
    let script = match place {
        "before" => format!("{ours}\nexec /usr/bin/git \"$@\""),
        _ => format!("/usr/bin/git \"$@\"\ncode=$?\n{ours}\nexit $code"),
    };
    install(sandbox, &script);
}

/// Puts a `git` into PATH. Another process writes it: a file that this one has open for writing may be
/// open in a child of another test, too, and cannot be started then.
fn install(sandbox: &Sandbox, script: &str) {
    let text = sandbox.root().join("git.txt");
    std::fs::write(&text, format!("#!/bin/sh\n{script}\n")).unwrap();
    let target = sandbox.bin().join("git");
    let done = std::process::Command::new("install").args(["-m", "755"]).args([&text, &target]).status();
    assert!(done.unwrap().success());
}

fn calm(sandbox: &Sandbox) {
    assert!(sandbox.root().join("once").is_dir(), "nobody interfered");
    std::fs::remove_file(sandbox.bin().join("git")).unwrap();
}

fn in_head(sandbox: &Sandbox) -> Vec<String> {
    sandbox.git(["ls-tree", "-r", "--name-only", "HEAD"]).lines().map(str::to_owned).collect()
}

const POINTS: [(&str, &str); 9] = [
    ("after", "status"),
    ("before", "update-index"),
    ("after", "update-index"),
    ("after", "ls-files"),
    ("after", "read-tree"),
    ("before", "write-tree"),
    ("before", "commit-tree"),
    ("after", "commit-tree"),
    ("before", "update-ref"),
];

#[test]
fn a_commit_of_the_user_s_is_never_taken_back() {
    for unborn in [false, true] {
        for (place, subcommand) in POINTS {
            let case = format!("{place} {subcommand}, unborn {unborn}");
            let sandbox = Sandbox::without_repository();
            init_with(&sandbox.repo(), &environment(&sandbox)).unwrap();
            if !unborn {
                sandbox.git(["commit", "-q", "--allow-empty", "-m", "first"]);
            }
            sandbox.write("userfile", "user\n");
            sandbox.write("staged", "user\n");
            sandbox.git(["add", "userfile", "staged"]);
            let git = open(&sandbox);
            let snapshot = git.snapshot().unwrap();
            sandbox.write("work", "agent\n");
            interfere(&sandbox, place, subcommand, "git commit -qm usercommit userfile");
            let hash = work_well(&git, &snapshot);
            calm(&sandbox);
            assert_eq!(sandbox.git(["rev-parse", "HEAD"]), hash, "{case}");
            assert_eq!(names(&sandbox, &hash), ["A work"], "{case}");
            assert_eq!(sandbox.git(["log", "-1", "--format=%s", "HEAD~1"]), "usercommit", "{case}");
            assert_eq!(in_head(&sandbox), ["userfile", "work"], "{case}");
            assert_eq!(status(&sandbox), ["A  staged"], "{case}");
        }
    }
}

#[test]
fn nothing_staged_and_a_commit_beside_the_index() {
    for (place, subcommand) in
        POINTS.into_iter().filter(|(_, name)| !["ls-files", "read-tree"].contains(name))
    {
        let case = format!("{place} {subcommand}");
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("work", "agent\n");
        // As another rally does it.
        let other = "export GIT_INDEX_FILE=../other; git read-tree HEAD && \
            git update-index --add --cacheinfo 100644,$(echo user | git hash-object -w --stdin),userfile && \
            git update-ref HEAD $(git commit-tree -p HEAD -m usercommit $(git write-tree))";
        interfere(&sandbox, place, subcommand, other);
        let hash = work_well(&git, &snapshot);
        calm(&sandbox);
        assert_eq!(names(&sandbox, &hash), ["A work"], "{case}");
        assert_eq!(in_head(&sandbox), ["README.txt", "userfile", "work"], "{case}");
    }
}

// The user's commit takes along what rally had staged: it is committed, and nothing looks taken back.
#[test]
fn a_commit_of_everything_staged() {
    for (place, subcommand) in [("after", "read-tree"), ("before", "update-ref")] {
        let sandbox = Sandbox::new();
        sandbox.write("userfile", "user\n");
        sandbox.git(["add", "userfile"]);
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("work", "agent\n");
        interfere(&sandbox, place, subcommand, "git commit -qm usercommit");
        assert_eq!(work(&git, &snapshot), CommitReport::default());
        calm(&sandbox);
        assert_eq!(in_head(&sandbox), ["README.txt", "userfile", "work"]);
        assert_eq!(status(&sandbox), no_changes());
    }
}

#[test]
fn folding_state_is_no_danger_either() {
    for (place, subcommand) in
        [("before", "cat-file"), ("after", "cat-file"), ("before", "commit-tree"), ("before", "update-ref")]
    {
        let sandbox = Sandbox::new();
        let git = open(&sandbox);
        sandbox.write("work", "agent\n");
        let own = work_well(&git, &Snapshot::default());
        sandbox.write("userfile", "user\n");
        sandbox.git(["add", "userfile"]);
        sandbox.write(".rally/summary.jsonl", "{}\n");
        interfere(&sandbox, place, subcommand, "git commit -qm usercommit userfile");
        let report = git.commit_state(Some(&own)).unwrap();
        calm(&sandbox);
        assert_eq!(names(&sandbox, &report.hash.unwrap()), ["A .rally/summary.jsonl"]);
        assert_eq!(sandbox.git(["log", "--format=%s", "-2"]), "rally: update state\nusercommit");
        assert_eq!(in_head(&sandbox), [".rally/summary.jsonl", "README.txt", "userfile", "work"]);
    }
}

#[test]
fn set_up_beside_a_commit() {
    for (place, subcommand) in POINTS {
        let sandbox = Sandbox::new();
        sandbox.write("userfile", "user\n");
        sandbox.write("staged", "user\n");
        sandbox.git(["add", "userfile", "staged"]);
        interfere(&sandbox, place, subcommand, "git commit -qm usercommit userfile");
        assert!(sandbox.rally(["init"]).output().unwrap().status.success());
        calm(&sandbox);
        let wanted =
            [".rally/.gitignore", ".rally/README.md", ".rally/config.toml", "README.txt", "userfile"];
        assert_eq!(in_head(&sandbox), wanted, "{place} {subcommand}");
        assert_eq!(status(&sandbox), ["A  staged"]);
    }
}

#[test]
fn with_hooks_too() {
    for (place, subcommand) in
        [("after", "status"), ("after", "read-tree"), ("before", "commit"), ("after", "commit")]
    {
        let case = format!("{place} {subcommand}");
        let sandbox = Sandbox::new();
        sandbox.write("userfile", "user\n");
        sandbox.write("staged", "user\n");
        sandbox.git(["add", "userfile", "staged"]);
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("work", "agent\n");
        interfere(&sandbox, place, subcommand, "git commit -qm usercommit userfile");
        let report = with_hooks(&git, &snapshot);
        calm(&sandbox);
        assert_eq!(report.warnings, no_changes(), "{case}");
        assert_eq!(names(&sandbox, &report.hash.unwrap()), ["A work"], "{case}");
        assert_eq!(in_head(&sandbox), ["README.txt", "userfile", "work"], "{case}");
        assert_eq!(count(&sandbox), 3, "{case}");
        assert_eq!(status(&sandbox), ["A  staged"], "{case}");
    }
}

#[test]
fn while_hooks_run() {
    for staged_elsewhere in [false, true] {
        let sandbox = Sandbox::new();
        sandbox.write("userfile", "user\n");
        if staged_elsewhere {
            sandbox.write("staged", "user\n");
            sandbox.git(["add", "staged"]);
        }
        let git = open(&sandbox);
        let snapshot = git.snapshot().unwrap();
        sandbox.write("work", "agent\n");
        let script = "#!/bin/sh\nmkdir ../hooked || exit 0\nunset GIT_INDEX_FILE\ngit add userfile\n\
            git commit --no-verify -qm usercommit -- userfile\n";
        sandbox.write(".git/hooks/pre-commit", script);
        sandbox.command("chmod").args(["+x", ".git/hooks/pre-commit"]).status().unwrap();
        let report = with_hooks(&git, &snapshot);
        assert_eq!(report.warnings, no_changes());
        assert_eq!(names(&sandbox, &report.hash.unwrap()), ["A work"]);
        assert_eq!(in_head(&sandbox), ["README.txt", "userfile", "work"]);
        assert_eq!(sandbox.git(["log", "-1", "--format=%s", "HEAD~1"]), "usercommit");
        let rest: &[&str] = if staged_elsewhere { &["A  staged"] } else { &[] };
        assert_eq!(status(&sandbox), rest);
    }
}

#[test]
fn somebody_who_always_commits_first() {
    let sandbox = Sandbox::new();
    let git = open(&sandbox);
    let snapshot = git.snapshot().unwrap();
    sandbox.write("work", "agent\n");
    let always = "case \" $* \" in *\" update-ref \"*) (unset GIT_INDEX_FILE; \
        /usr/bin/git commit -q --allow-empty --only -m other);; esac\nexec /usr/bin/git \"$@\"";
    install(&sandbox, always);
    let report = work(&git, &snapshot);
    std::fs::remove_file(sandbox.bin().join("git")).unwrap();
    assert_eq!(report.hash, None);
    assert!(report.warnings[0].contains("HEAD kept moving"), "{:?}", report.warnings);
    assert_eq!(status(&sandbox), ["?? work"]);
    assert_eq!(in_head(&sandbox), ["README.txt"]);
}

#[test]
fn two_at_once_lose_nothing() {
    const EACH: usize = 20;
    let sandbox = Sandbox::new();
    let (one, two) = (open(&sandbox), open(&sandbox));
    let folder = sandbox.repo();
    let committer = |git: Git, who: &'static str| {
        let folder = folder.clone();
        move || {
            for number in 0..EACH {
                let name = format!("{who}-{number}");
                std::fs::write(folder.join(&name), &name).unwrap();
                while git.commit_paths(&[&name], &name).is_err() {}
            }
        }
    };
    let first = std::thread::spawn(committer(one, "one"));
    committer(two, "two")();
    first.join().unwrap();
    assert_eq!(in_head(&sandbox).len(), 1 + 2 * EACH);
    assert_eq!(status(&sandbox), no_changes());
    sandbox.git(["fsck", "--strict"]);
}

#[test]
fn two_that_commit_the_same_leave_a_clean_index() {
    for _ in 0..20 {
        let sandbox = Sandbox::new();
        let names = ["one", "two", "three"];
        names.iter().for_each(|name| sandbox.write(name, name));
        let (first, second) = (open(&sandbox), open(&sandbox));
        let other = std::thread::spawn(move || first.commit_paths(&names, "first"));
        let ours = second.commit_paths(&names, "second").unwrap();
        let theirs = other.join().unwrap().unwrap();
        assert!(ours.is_some() != theirs.is_some(), "{ours:?} {theirs:?}");
        assert_eq!(status(&sandbox), no_changes());
        assert_eq!(in_head(&sandbox).len(), 4);
    }
}
