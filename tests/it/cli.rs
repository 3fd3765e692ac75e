//! Commands that need no relay: `init`, `instructions`, `completions`, `man`.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use rally::config::{self, Env};

use crate::support::{Sandbox, rally, show};

fn load(sandbox: &Sandbox) -> config::Loaded {
    let env = Env { home: Some(sandbox.home()), ..Env::default() };
    config::load(&sandbox.repo(), &env).unwrap()
}

// 10-I1. Deviations: no number of iterations is seeded; no dead keys and no telemetry table either.
#[test]
fn init_prepares_a_repository() {
    let sandbox = Sandbox::new();
    assert_snapshot!(rally(&sandbox, 0, &["init"]), @r"
    Created .rally/.gitignore
    Created .rally/config.toml
    Created .rally/README.md
    Created ROOT/home/.config/rally/config.toml (for all your repositories)
    Committed the setup files: rally: initialize workspace
    rally is ready in ROOT/repo
    Tip: `rally init roles` sets up who works on what, and what they are told
    ");
    assert_eq!(sandbox.read(".rally/.gitignore"), "state/\n");
    assert!(sandbox.repo().join(".rally/state").is_dir());
    assert!(sandbox.read(".rally/README.md").contains("`.rally/state/`"));

    let ours = sandbox.read(".rally/config.toml");
    assert!(ours.lines().all(|line| line.is_empty() || line.starts_with('#')), "{ours}");
    assert!(ours.contains("OVERRIDES ONLY") && ours.contains("~/.config/rally/config.toml"), "{ours}");
    assert!(ours.contains("$XDG_CONFIG_HOME"), "{ours}");

    let loaded = load(&sandbox);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.schema_version, 2);
    assert_eq!(loaded.config.defaults.iterations, None);
    assert_eq!(loaded.config.defaults.mix.as_deref(), Some("cc cx"));
    assert_eq!(loaded.config.data_dir, sandbox.home().join(".local/share/rally"));
    let user = std::fs::read_to_string(sandbox.home().join(".config/rally/config.toml")).unwrap();
    for key in ["claude_model", "codex_model", "gemini_model", "opencode_model", "antigravity_model"] {
        assert!(user.contains(&format!("\n{key} = \"\"\n")), "{user}");
    }

    // 10-I7: one commit, nothing left over.
    assert_eq!(sandbox.git(["log", "--format=%s"]), "rally: initialize workspace\ninitial");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/.gitignore\n.rally/README.md\n.rally/config.toml"
    );
}

// 10-I7
#[test]
fn a_second_init_does_nothing() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["init"]);
    sandbox.write(".rally/config.toml", "schema_version = 2\n");
    assert_snapshot!(rally(&sandbox, 0, &["init"]), @r"
    rally is ready in ROOT/repo
    Tip: `rally init roles` sets up who works on what, and what they are told
    ");
    assert_eq!(sandbox.git(["log", "--format=%s"]), "rally: initialize workspace\ninitial");
    assert_eq!(
        sandbox.git(["status", "--porcelain"]),
        " M .rally/config.toml",
        "the user's edit is the user's"
    );
}

#[test]
fn the_samples_in_the_repository_file_are_valid() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["init"]);
    let sample = |line: &&str| line.starts_with("# [") || line.contains(" = ");
    let text: String = sandbox
        .read(".rally/config.toml")
        .lines()
        .filter(sample)
        .map(|line| format!("{}\n", line.trim_start_matches("# ")))
        .collect();
    sandbox.write(".rally/config.toml", &text);
    let loaded = load(&sandbox);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.defaults.iterations, Some(10));
    assert!(loaded.config.providers["spare"].disabled);
    assert_eq!(loaded.config.launch("work").builtin.unwrap().name, "claude");
}

#[test]
fn init_makes_a_repository_where_there_is_none() {
    let sandbox = Sandbox::without_repository();
    assert_snapshot!(rally(&sandbox, 0, &["init"]), @r"
    Made a git repository in ROOT/repo
    Created .rally/.gitignore
    Created .rally/config.toml
    Created .rally/README.md
    Created ROOT/home/.config/rally/config.toml (for all your repositories)
    Committed the setup files: rally: initialize workspace
    rally is ready in ROOT/repo
    Tip: `rally init roles` sets up who works on what, and what they are told
    ");
    assert_eq!(sandbox.git(["log", "--format=%s %an"]), "rally: initialize workspace Tester");
}

#[test]
fn init_works_from_a_folder_below() {
    let sandbox = Sandbox::new();
    sandbox.write("src/deep/x.txt", "");
    let output = sandbox.rally(["init"]).current_dir(sandbox.repo().join("src/deep")).output().unwrap();
    show(&sandbox, 0, &output);
    assert!(sandbox.repo().join(".rally/config.toml").exists());
    assert!(!sandbox.repo().join("src/deep/.rally").exists());
}

// 10-I7: identity, the user's index, hooks
#[test]
fn the_setup_commit_touches_nothing_else() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.home().join(".gitconfig"), "").unwrap();
    sandbox.write("staged.txt", "staged\n");
    sandbox.git(["add", "staged.txt"]);
    sandbox.write("dirty.txt", "dirty\n");
    sandbox.write("README.txt", "edited\n");
    sandbox.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n");
    let hook = sandbox.repo().join(".git/hooks/pre-commit");
    std::fs::set_permissions(hook, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    rally(&sandbox, 0, &["init"]);
    assert_eq!(
        sandbox.git(["log", "-1", "--format=%s|%an|%ae|%cn"]),
        "rally: initialize workspace|Rally|rally@localhost|Rally"
    );
    assert_eq!(sandbox.git(["status", "--porcelain"]), " M README.txt\nA  staged.txt\n?? dirty.txt");
}

// D18
#[test]
fn ignored_setup_files_are_left_out_of_the_commit() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", ".rally/config.toml\n");
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", "ignore"]);
    let text = rally(&sandbox, 0, &["init"]);
    assert!(!text.contains("warning"), "{text}");
    assert_eq!(
        sandbox.git(["show", "--format=", "--name-only", "HEAD"]),
        ".rally/.gitignore\n.rally/README.md"
    );
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
}

#[test]
fn a_commit_that_fails_is_a_warning_and_leaves_the_index_alone() {
    let sandbox = Sandbox::new();
    sandbox.write(".git/MERGE_HEAD", &format!("{}\n", sandbox.git(["rev-parse", "HEAD"])));
    let text = rally(&sandbox, 0, &["init"]);
    assert!(text.contains("warning: the setup files are not committed: a merge is in progress"), "{text}");
    assert!(text.contains("rally is ready"), "{text}");
    assert_eq!(sandbox.git(["diff", "--cached", "--name-only"]), "");
}

// 10-I7: a broken repository
#[test]
fn a_broken_repository_is_no_obstacle() {
    let sandbox = Sandbox::without_repository();
    std::fs::create_dir(sandbox.repo().join(".git")).unwrap();
    let text = rally(&sandbox, 0, &["init"]);
    assert!(text.contains("\nrally is ready in ROOT/repo\n") && !text.contains("warning"), "{text}");

    std::fs::create_dir(sandbox.repo().join("sub")).unwrap();
    let output = sandbox.rally(["init"]).current_dir(sandbox.repo().join("sub")).output().unwrap();
    let text = show(&sandbox, 1, &output);
    assert!(text.contains("error: ROOT/repo has a .git that git does not accept"), "{text}");
    assert!(!sandbox.repo().join("sub/.git").exists());
}

// 10-I2
#[test]
fn an_existing_configuration_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.write(".rally/config.toml", "schema_version = 2\n");
    sandbox.write("rally.toml", "claude_model = 'old'\n");
    let text = rally(&sandbox, 0, &["init"]);
    assert!(!text.contains("Copied") && !text.contains("Created .rally/config.toml"), "{text}");
    assert_eq!(sandbox.read(".rally/config.toml"), "schema_version = 2\n");
}

#[test]
fn a_configuration_of_the_old_place_is_taken_over() {
    let sandbox = Sandbox::new();
    sandbox.write("rally.toml", "claude_model = 'old'\n");
    let text = rally(&sandbox, 0, &["init"]);
    assert!(text.contains("Copied rally.toml to .rally/config.toml\n"), "{text}");
    assert_eq!(sandbox.read(".rally/config.toml"), "claude_model = 'old'\n");
    assert_eq!(sandbox.read("rally.toml"), "claude_model = 'old'\n");
}

// 10-I3
#[test]
fn state_is_ignored_whatever_else_is() {
    for (before, after) in [
        ("cache/\n", "cache/\nstate/\n"),
        ("cache/", "cache/\nstate/\n"),
        ("", "state/\n"),
        ("  /state/ \r\nx\n", "  /state/ \r\nx\n"),
        ("state", "state"),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write(".rally/.gitignore", before);
        rally(&sandbox, 0, &["init"]);
        assert_eq!(sandbox.read(".rally/.gitignore"), after, "{before:?}");
    }
}

// D3: nothing is accepted silently
#[test]
fn unknown_words_are_refused() {
    let sandbox = Sandbox::new();
    for args in [&["init", "rolez"][..], &["init", "--all"], &["instructions", "shwo"], &["nonsense"]] {
        let text = rally(&sandbox, 2, args);
        assert!(text.contains("error: ") && text.contains("Usage: rally"), "{text}");
    }
    assert!(!sandbox.repo().join(".rally").exists());
}

#[test]
fn init_says_which_file_is_in_the_way() {
    let sandbox = Sandbox::new();
    sandbox.write(".rally", "a file\n");
    let text = rally(&sandbox, 1, &["init"]);
    assert!(text.starts_with("error: cannot create the folder ROOT/repo/.rally/state: "), "{text}");
}

#[test]
fn instructions_are_shown_as_they_are() {
    let sandbox = Sandbox::new();
    assert_eq!(rally(&sandbox, 0, &["instructions", "show"]), "(no project instructions set)\n");
    sandbox.write(".rally/instructions.md", "# Be kind\nno newline at the end");
    assert_eq!(rally(&sandbox, 0, &["instructions", "show"]), "# Be kind\nno newline at the end");
}

// D4: arguments and quotes work, VISUAL comes first
#[test]
fn instructions_open_in_the_users_editor() {
    let sandbox = Sandbox::new();
    sandbox.program("my editor", "printf '%s|' \"$@\" > \"$HOME/args\"; echo edited >> \"$2\"");
    let editor = format!("'{}' --wait", sandbox.bin().join("my editor").display());
    let output = sandbox
        .rally(["instructions", "edit"])
        .env("VISUAL", &editor)
        .env("EDITOR", "false")
        .output()
        .unwrap();
    show(&sandbox, 0, &output);
    let text = sandbox.read(".rally/instructions.md");
    assert!(text.starts_with("# Project instructions\n\n<!--") && text.ends_with("-->\nedited\n"), "{text}");
    let args = std::fs::read_to_string(sandbox.home().join("args")).unwrap();
    assert!(args.starts_with("--wait|/") && args.ends_with("repo/.rally/instructions.md|"), "{args}");

    let output = sandbox.rally(["instructions", "edit"]).env("EDITOR", "sh -c 'exit 3'").output().unwrap();
    let text = show(&sandbox, 1, &output);
    assert!(text.contains("error: the editor \"sh -c 'exit 3'\" failed (exit status: 3)"), "{text}");

    sandbox.program("vi", "echo vi >> \"$1\"");
    let output = sandbox.rally(["instructions", "edit"]).env("VISUAL", "").output().unwrap();
    show(&sandbox, 0, &output);
    assert!(sandbox.read(".rally/instructions.md").ends_with("edited\nvi\n"));
}

#[test]
fn every_shell_gets_its_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        for command in ["completions", "completion"] {
            let script = rally(&sandbox, 0, &[command, shell]);
            assert!(script.contains("relay") && script.contains("init"), "{shell}: {script}");
        }
    }
    rally(&sandbox, 2, &["completions", "tcsh"]);
}

#[test]
fn the_manual_page_is_troff() {
    let sandbox = Sandbox::new();
    let page = rally(&sandbox, 0, &["man"]);
    assert!(page.contains(".TH rally 1") && page.contains("relay"), "{page}");
    assert!(!page.contains("guard"), "internal commands stay out of it");
}

#[test]
fn the_version_is_the_one_in_its_file() {
    let sandbox = Sandbox::new();
    let number = include_str!("../../VERSION").trim();
    for args in [&["version"][..], &["--version"], &["-v"]] {
        assert_eq!(rally(&sandbox, 0, args), format!("rally v{number}-dev\n"));
    }
}
