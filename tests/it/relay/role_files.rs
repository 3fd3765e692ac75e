//! What a start does about the texts of roles.

use pretty_assertions::assert_eq;
use rally::prompt::roles;

use crate::support::{Sandbox, stderr, stdout};

const SUBJECT: &str = "rally: update role files";

/// A workspace whose agent commits what it does.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::initialised();
    sandbox
        .claude("init; echo $N > work.txt; git add work.txt; git commit -q -m work -- work.txt; result done");
    sandbox
}

/// Runs a relay to its good end and says what it warned of about role files, with the sandbox's folder
/// left out.
#[track_caller]
fn warnings(sandbox: &Sandbox) -> Vec<String> {
    let output = sandbox.relay(&["-i", "1", "--new", "--agent", "cc", "work"]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    let root = sandbox.root().canonicalize().unwrap().display().to_string();
    let text = stderr(&output).replace(&root, "ROOT");
    let warnings = text.lines().filter_map(|line| line.strip_prefix("warning: "));
    warnings.filter(|warning| warning.contains("role files")).map(str::to_owned).collect()
}

/// The commits about role files, the newest first.
fn commits(sandbox: &Sandbox) -> Vec<String> {
    let log = sandbox.git(["log", "--format=%H", &format!("--grep=^{SUBJECT}$")]);
    log.lines().map(str::to_owned).collect()
}

// 10-14: both sides of a move are committed, nothing of anyone else's is
#[test]
fn files_of_the_old_place_are_brought_in_order() {
    let sandbox = workspace();
    sandbox.write(".rally/agents/senior.md", "my senior\n");
    sandbox.write(".rally/agents/user/ui.md", "my ui\n");
    sandbox.write("readme.txt", "read me\n");
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", "roles"]);
    sandbox.write(".rally/agents/junior.md", "my junior, new\n");
    sandbox.write(".rally/agents/user/ui.md", "my ui, edited\n");
    sandbox.write(".rally/agents/user/lead.md", "my lead\n");
    sandbox.write("readme.txt", "read me twice\n");
    sandbox.write("staged.txt", "staged\n");
    sandbox.write(".rally/agents/qa.md", "my qa, staged\n");
    sandbox.git(["add", "readme.txt", "staged.txt", ".rally/agents/qa.md"]);

    assert_eq!(
        warnings(&sandbox),
        ["role files in ROOT/repo/.rally/agents: 3 files put in order: \
          0 of rally's removed, 3 of yours moved to user/"]
    );
    let [commit] = commits(&sandbox).try_into().unwrap();
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-status", "--no-renames", &commit]),
        "A\t.rally/agents/builtin/junior.md\n\
         A\t.rally/agents/builtin/recovery.md\n\
         A\t.rally/agents/builtin/senior.md\n\
         A\t.rally/agents/builtin/ui.md\n\
         A\t.rally/agents/builtin/verify.md\n\
         D\t.rally/agents/senior.md\n\
         A\t.rally/agents/user/senior.md",
        "drafts are moved, and not committed"
    );
    assert_eq!(
        sandbox.git(["log", "-1", "--format=%s", &format!("{commit}^")]),
        "roles",
        "before anybody works"
    );
    assert_eq!(
        sandbox.git(["status", "--porcelain"]),
        "AD .rally/agents/qa.md\n M .rally/agents/user/ui.md\nM  readme.txt\nA  staged.txt\n\
         ?? .rally/agents/user/junior.md\n?? .rally/agents/user/lead.md\n?? .rally/agents/user/qa.md",
        "what the user did is the user's to commit"
    );
    assert_eq!(sandbox.read(".rally/agents/user/senior.md"), "my senior\n");
    assert_eq!(sandbox.read(".rally/agents/user/junior.md"), "my junior, new\n");
    let ours = format!("{}\n", roles::embedded("senior").unwrap());
    assert_eq!(sandbox.read(".rally/agents/builtin/senior.md"), ours);
    assert!(!sandbox.repo().join(".rally/agents/senior.md").exists());

    // The next start finds them in order.
    assert_eq!(warnings(&sandbox), [""; 0]);
    assert_eq!(commits(&sandbox), [commit]);
    // What was changed in builtin/ is put back, and told.
    sandbox.write(".rally/agents/builtin/senior.md", "an edit at the wrong place\n");
    sandbox.git(["commit", "-q", "-m", "edit", ".rally/agents/builtin/senior.md"]);
    assert_eq!(
        warnings(&sandbox),
        ["role files in ROOT/repo/.rally/agents: \
          builtin/senior.md holds rally's text again, your edited one is saved as .senior.md.saved"]
    );
    let commits = commits(&sandbox);
    assert_eq!(commits.len(), 2);
    let changed = sandbox.git(["show", "--format=", "--name-status", &commits[0]]);
    assert_eq!(changed, "M\t.rally/agents/builtin/senior.md");
}

#[test]
fn role_files_that_cannot_be_used_keep_nobody_from_working() {
    type Break = fn(&Sandbox);
    let user: Break = |sandbox| sandbox.write(".rally/agents/user", "a file\n");
    let link: Break = |sandbox| {
        std::fs::create_dir_all(sandbox.repo().join(".rally/agents")).unwrap();
        let link = sandbox.repo().join(".rally/agents/senior.md");
        std::os::unix::fs::symlink("nowhere", link).unwrap();
    };
    for (spoil, path, reason) in [
        (user, "user", "Not a directory (os error 20)"),
        (link, "senior.md", "No such file or directory (os error 2)"),
    ] {
        let sandbox = workspace();
        spoil(&sandbox);
        let wanted = format!(
            "the role files are left as they are: cannot read ROOT/repo/.rally/agents/{path}: {reason}"
        );
        assert_eq!(warnings(&sandbox), [wanted]);
        assert_eq!(commits(&sandbox), [""; 0]);
        assert!(!sandbox.repo().join(".rally/agents/builtin").exists());
        assert_eq!(sandbox.tries()[0]["completed"], true);
    }
}

#[test]
fn a_project_without_role_files_gets_none() {
    let sandbox = workspace();
    assert_eq!(warnings(&sandbox), [""; 0]);
    assert!(!sandbox.repo().join(".rally/agents").exists());
    assert_eq!(commits(&sandbox), [""; 0]);
    assert_eq!(sandbox.tries()[0]["completed"], true);
}
