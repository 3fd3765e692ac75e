//! Role files that people have not committed, at the start of a relay and with `rally init roles`: they
//! are put where they belong, and stay uncommitted.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;
use rally::prompt::roles;

use crate::support::{Sandbox, stderr, stdout};

/// What brings role files in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    Relay,
    Init,
}

const STARTS: [Start; 2] = [Start::Relay, Start::Init];

impl Start {
    /// Does it, and says what was printed.
    #[track_caller]
    fn run(self, sandbox: &Sandbox) -> String {
        let output = match self {
            Start::Relay => {
                sandbox.claude("init; echo x >> made.txt; result ok");
                sandbox.relay(&["--agent", "cc", "work"])
            }
            Start::Init => sandbox.rally(["init", "roles"]).output().unwrap(),
        };
        let text = stdout(&output) + &stderr(&output);
        assert!(output.status.success(), "{self:?}: {text}");
        text
    }

    fn subject(self) -> &'static str {
        match self {
            Start::Relay => "rally: update role files",
            Start::Init => "rally: set up roles",
        }
    }

    /// What the commit of the role files changed, `builtin/` left out; `None` without one.
    fn committed(self, sandbox: &Sandbox) -> Option<Vec<String>> {
        let pattern = format!("--grep=^{}$", self.subject());
        let hash = sandbox.git(["log", "-1", "--format=%H", &pattern]);
        let shown = match hash.is_empty() {
            true => return None,
            false => sandbox.git(["show", "--format=", "--name-status", "--no-renames", &hash]),
        };
        let others = shown.lines().filter(|line| !line.contains("/builtin/"));
        Some(others.map(|line| line.replace("\t.rally/agents/", " ")).collect())
    }
}

/// Paths that any commit of rally's or of an agent changed since the first ones.
fn ever_committed(sandbox: &Sandbox, path: &str) -> String {
    sandbox.git(["log", "--format=%s", "--", path])
}

fn status(sandbox: &Sandbox) -> Vec<String> {
    // The line of the branch comes first, as the answer loses the space that it begins with.
    let shown = sandbox.git(["status", "--porcelain", "--branch", "--untracked-files=all", "--no-renames"]);
    shown.lines().skip(1).map(|line| line.replace(".rally/agents/", "")).collect()
}

fn text_of(sandbox: &Sandbox, role: &str) -> String {
    roles::lookup(&sandbox.repo().join(".rally/agents"), role).unwrap().unwrap().text
}

fn commit_all(sandbox: &Sandbox) {
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", "roles"]);
}

// Whatever git knows of a draft, its text is the user's to commit: now, and by the later commits of a relay.
#[test]
fn drafts_are_moved_and_not_committed() {
    for start in STARTS {
        let sandbox = Sandbox::initialised();
        for role in ["senior", "edited", "staged", "hidden"] {
            sandbox.write(&format!(".rally/agents/{role}.md"), &format!("{role}\n"));
        }
        sandbox.write(".rally/agents/junior.md", roles::embedded("junior").unwrap());
        sandbox.write(".rally/agents/notes.txt", "notes\n");
        commit_all(&sandbox);
        sandbox.write(".rally/agents/untracked.md", "draft\n");
        sandbox.write(".rally/agents/notes.txt", "draft\n");
        sandbox.write(".rally/agents/edited.md", "draft\n");
        sandbox.write(".rally/agents/staged.md", "staged\n");
        sandbox.write(".rally/agents/new.md", "staged\n");
        sandbox.git(["add", ".rally/agents/staged.md", ".rally/agents/new.md"]);
        sandbox.write(".rally/agents/staged.md", "draft\n");
        sandbox.git(["update-index", "--skip-worktree", ".rally/agents/hidden.md"]);
        sandbox.write(".rally/agents/hidden.md", "draft\n");

        let said = start.run(&sandbox);

        assert!(
            said.contains("7 files put in order: 1 of rally's removed, 6 of yours moved to user/"),
            "{said}"
        );
        let wanted = ["D junior.md", "D senior.md", "A user/senior.md"].map(str::to_owned);
        assert_eq!(start.committed(&sandbox), Some(wanted.to_vec()), "{start:?}");
        for (role, text) in [
            ("senior", "senior\n"),
            ("untracked", "draft\n"),
            ("edited", "draft\n"),
            ("staged", "draft\n"),
            ("new", "staged\n"),
            ("hidden", "draft\n"),
        ] {
            assert_eq!(text_of(&sandbox, role), text, "{start:?}");
            let before = if ["untracked", "new"].contains(&role) { "" } else { "roles" };
            if role != "senior" {
                for place in [format!(".rally/agents/{role}.md"), format!(".rally/agents/user/{role}.md")] {
                    let before = if place.contains("user/") { "" } else { before };
                    assert_eq!(ever_committed(&sandbox, &place), before, "{start:?} {place}");
                }
            }
        }
        assert_eq!(sandbox.git(["show", ":.rally/agents/new.md"]), "staged");
        assert_eq!(sandbox.git(["show", ":.rally/agents/staged.md"]), "staged");
        assert_eq!(ever_committed(&sandbox, ".rally/agents/notes.txt"), "roles");
        assert_eq!(sandbox.read(".rally/agents/notes.txt"), "draft\n");
        if start == Start::Relay {
            assert_eq!(sandbox.tries()[0]["files_changed"], serde_json::json!(["made.txt"]));
        }
        // A second time there is nothing to do, and the drafts are still nobody else's.
        let before = status(&sandbox);
        assert!(!start.run(&sandbox).contains("put in order"));
        assert_eq!(status(&sandbox), before);
        assert!(before.contains(&"?? user/untracked.md".to_owned()), "{before:?}");
    }
}

// builtin/ is rally's, but what people put into the index there is not thrown away, nor is an edit.
#[test]
fn an_edit_of_rally_s_file_goes_to_user_and_is_committed_as_it_was() {
    for start in STARTS {
        let sandbox = Sandbox::initialised();
        Start::Init.run(&sandbox);
        sandbox.write(".rally/agents/builtin/ui.md", "committed\n");
        sandbox.git(["commit", "-q", "-a", "-m", "ui"]);
        sandbox.write(".rally/agents/builtin/senior.md", "draft\n");
        sandbox.write(".rally/agents/builtin/verify.md", "staged\n");
        sandbox.git(["add", ".rally/agents/builtin/verify.md"]);
        sandbox.write(".rally/agents/user/junior.md", "mine\n");
        sandbox.write(".rally/agents/builtin/junior.md", "edited\n");

        let said = start.run(&sandbox);

        let files = "builtin/senior.md, builtin/ui.md, builtin/verify.md";
        assert!(said.contains(&format!("your edited {files} moved to user/")), "{said}");
        assert!(said.contains("your edited one is saved as .junior.md.saved"), "{said}");
        assert_eq!(start.committed(&sandbox).unwrap(), ["A user/ui.md"], "{start:?}");
        for (role, text) in
            [("ui", "committed\n"), ("senior", "draft\n"), ("verify", "staged\n"), ("junior", "mine\n")]
        {
            assert_eq!(text_of(&sandbox, role), text);
            let builtin = sandbox.read(&format!(".rally/agents/builtin/{role}.md"));
            assert_eq!(builtin.trim(), roles::embedded(role).unwrap());
        }
        assert_eq!(sandbox.read(".rally/agents/.junior.md.saved"), "edited\n");
        assert_eq!(sandbox.git(["show", ":.rally/agents/builtin/verify.md"]), "staged");
        assert_eq!(
            status(&sandbox),
            [
                "MM builtin/verify.md",
                "?? .junior.md.saved",
                "?? user/junior.md",
                "?? user/senior.md",
                "?? user/verify.md"
            ]
        );
    }
}

// What git ignores, or cannot see at the new place, is not taken out of the old one by a commit.
#[test]
fn half_a_move_is_not_committed() {
    for start in STARTS {
        let sandbox = Sandbox::initialised();
        sandbox.write(".gitignore", "user/\n/.rally/agents/qa.md\n");
        sandbox.write(".rally/agents/senior.md", "mine\n");
        commit_all(&sandbox);
        sandbox.write(".rally/agents/qa.md", "ignored\n");
        start.run(&sandbox);
        assert_eq!(start.committed(&sandbox).unwrap(), [""; 0], "{start:?}");
        assert_eq!(status(&sandbox), [" D senior.md"], "{start:?}");
        assert_eq!(text_of(&sandbox, "senior"), "mine\n");

        let sandbox = Sandbox::initialised();
        sandbox.write(".gitignore", "/.rally/agents/qa.md\n");
        sandbox.write(".rally/agents/qa.md", "ignored\n");
        sandbox.git(["add", ".gitignore"]);
        sandbox.git(["commit", "-q", "-m", "ignore"]);
        start.run(&sandbox);
        assert_eq!(status(&sandbox), ["?? user/qa.md"], "{start:?}");
    }
}

// A folder that is a link is used as it is; what is behind it is another's to commit.
#[test]
fn nothing_behind_a_link_is_committed() {
    for start in STARTS {
        let sandbox = Sandbox::initialised();
        sandbox.write(".rally/agents/builtin/senior.md", "old\n");
        sandbox.write(".rally/agents/qa.md", "old\n");
        commit_all(&sandbox);
        let agents = sandbox.repo().join(".rally/agents");
        std::fs::remove_dir_all(&agents).unwrap();
        let outside = sandbox.root().join("outside");
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("qa.md"), "shared\n").unwrap();
        symlink(&outside, &agents).unwrap();
        let before = status(&sandbox);
        let said = start.run(&sandbox);
        assert!(said.contains("1 of yours moved to user/") && !said.contains("not committed"), "{said}");
        assert_eq!(text_of(&sandbox, "qa"), "shared\n");
        assert!(outside.join("builtin/senior.md").exists() && agents.is_symlink());
        assert_eq!(status(&sandbox), before, "{start:?}");
        assert_eq!(start.committed(&sandbox), None, "{start:?}");

        // Only a part of it.
        let sandbox = Sandbox::initialised();
        sandbox.write(".rally/agents/qa.md", "mine\n");
        commit_all(&sandbox);
        let outside = sandbox.root().join("outside");
        std::fs::create_dir(&outside).unwrap();
        symlink(&outside, sandbox.repo().join(".rally/agents/user")).unwrap();
        start.run(&sandbox);
        assert_eq!(std::fs::read_to_string(outside.join("qa.md")).unwrap(), "mine\n");
        assert_eq!(start.committed(&sandbox).unwrap(), [""; 0], "{start:?}");
        assert_eq!(status(&sandbox), [" D qa.md", "?? user"], "{start:?}");
    }
}

#[test]
fn trouble_with_a_link_is_a_warning_and_the_relay_runs() {
    let sandbox = Sandbox::initialised();
    let outside = sandbox.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("user"), "a file\n").unwrap();
    symlink(&outside, sandbox.repo().join(".rally/agents")).unwrap();
    let said = Start::Relay.run(&sandbox);
    assert!(said.contains("warning: the role files are left as they are: cannot read "), "{said}");
    assert_eq!(sandbox.tries()[0]["files_changed"], serde_json::json!(["made.txt"]));
    assert_eq!(status(&sandbox), ["?? .rally/agents"]);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 1);
}
