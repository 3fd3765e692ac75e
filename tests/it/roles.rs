//! Role set-up: `rally init roles`, `rally init all`.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use insta::assert_snapshot;
use pretty_assertions::assert_eq;
use rally::config::{self, Env};
use rally::prompt::roles;

use crate::support::{Sandbox, rally, show};

fn user_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".config/rally/config.toml")
}

fn write_user_file(sandbox: &Sandbox, text: &str) {
    std::fs::create_dir_all(user_file(sandbox).parent().unwrap()).unwrap();
    std::fs::write(user_file(sandbox), text).unwrap();
}

fn read_user_file(sandbox: &Sandbox) -> String {
    std::fs::read_to_string(user_file(sandbox)).unwrap()
}

fn load(sandbox: &Sandbox) -> config::Config {
    let env = Env { home: Some(sandbox.home()), ..Env::default() };
    let loaded = config::load(&sandbox.repo(), &env).unwrap();
    assert_eq!(loaded.warnings, []);
    loaded.config
}

fn route(config: &config::Config, role: &str) -> Vec<String> {
    config.routes[role].entries.clone()
}

/// Subjects of the commits, the newest first.
fn log(sandbox: &Sandbox) -> String {
    sandbox.git(["log", "--format=%s"])
}

/// What a commit changed.
fn changed(sandbox: &Sandbox, commit: &str) -> String {
    sandbox.git(["show", "--format=", "--name-status", "--no-renames", commit])
}

const BUILTIN: &str = "A\t.rally/agents/builtin/junior.md\n\
                       A\t.rally/agents/builtin/recovery.md\n\
                       A\t.rally/agents/builtin/senior.md\n\
                       A\t.rally/agents/builtin/ui.md\n\
                       A\t.rally/agents/builtin/verify.md";

// 10-I4, D17: no tip to do what is being done; D19: the role files are committed
#[test]
fn init_all_prepares_everything() {
    let sandbox = Sandbox::new();
    assert_snapshot!(rally(&sandbox, 0, &["init", "all"]), @r"
    Created .rally/.gitignore
    Created .rally/config.toml
    Created .rally/README.md
    Created ROOT/home/.config/rally/config.toml (for all your repositories)
    Committed the setup files: rally: initialize workspace
    rally is ready in ROOT/repo
    Added role defaults to ROOT/home/.config/rally/config.toml
    From now on [routes] say who works; [defaults].mix counts only without them
    Role files: .rally/agents/builtin/ is rally's, what you put into .rally/agents/user/ wins
    Committed the role files: rally: set up roles
    ");
    let config = load(&sandbox);
    for (harness, model) in [
        ("opencode", "opencode-go/kimi-k2.6"),
        ("claude", "claude-opus-4-7"),
        ("codex", "gpt-5.5"),
        ("gemini", "gemini-3.1-pro-preview"),
        ("antigravity", "Gemini 3.5 Flash (High)"),
    ] {
        assert_eq!(config.defaults.models[harness], model);
    }
    for (role, entry) in [
        ("default", "opencode"),
        ("junior", "opencode"),
        ("senior", "claude"),
        ("ui", "ag"),
        ("verify", "codex"),
        ("recovery", "claude"),
    ] {
        assert_eq!(route(&config, role), [entry], "{role}");
    }
    assert_eq!(config.routes.len(), 6);
    for role in roles::NAMES {
        let text = sandbox.read(&format!(".rally/agents/builtin/{role}.md"));
        assert!(text.starts_with("# "), "{role}");
        assert_eq!(text, format!("{}\n", roles::embedded(role).unwrap()));
    }
    assert!(sandbox.repo().join(".rally/agents/user").is_dir());
    assert_eq!(log(&sandbox), "rally: set up roles\nrally: initialize workspace\ninitial");
    assert_eq!(changed(&sandbox, "HEAD"), BUILTIN);
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
}

// 10-I5, 10-I6
#[test]
fn init_roles_comes_after_init_and_touches_nothing_of_it() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["init"]);
    sandbox.write(".rally/README.md", "mine\n");
    sandbox.write(".rally/.gitignore", "state/\nmine\n");
    let ours = sandbox.read(".rally/config.toml");
    let seed = read_user_file(&sandbox);
    rally(&sandbox, 0, &["init", "roles"]);
    assert_eq!(sandbox.read(".rally/README.md"), "mine\n");
    assert_eq!(sandbox.read(".rally/.gitignore"), "state/\nmine\n");
    assert_eq!(sandbox.read(".rally/config.toml"), ours);
    assert_eq!(route(&load(&sandbox), "recovery"), ["claude"]);
    assert_eq!(changed(&sandbox, "HEAD"), BUILTIN);
    assert_eq!(
        sandbox.git(["status", "--porcelain"]),
        " M .rally/.gitignore\n M .rally/README.md",
        "what the user edited is the user's to commit"
    );
    // D20: nothing is rewritten, keys are filled in where they stand.
    let text = read_user_file(&sandbox);
    for line in seed.lines().filter(|line| !line.ends_with("_model = \"\"")) {
        assert!(text.contains(&format!("{line}\n")), "{line}");
    }
    assert!(!text.contains("[reliability]"), "{text}");
}

// 10-I6
#[test]
fn the_second_time_there_is_nothing_to_do() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["init", "all"]);
    let text = read_user_file(&sandbox)
        .replace("claude_model = \"claude-opus-4-7\"", "claude_model = \"mine\" # mine")
        .replace("senior = [\"claude\"]", "senior = [\"cx\", \"cc\"]");
    write_user_file(&sandbox, &text);
    assert_snapshot!(rally(&sandbox, 0, &["init", "roles"]), @r"
    ROOT/home/.config/rally/config.toml already has role defaults
    Role files: .rally/agents/builtin/ is rally's, what you put into .rally/agents/user/ wins
    Nothing to do
    ");
    for args in [&["init", "all"][..], &["init-roles"]] {
        assert!(rally(&sandbox, 0, args).ends_with("Nothing to do\n"));
    }
    assert_eq!(read_user_file(&sandbox), text);
    assert_eq!(log(&sandbox), "rally: set up roles\nrally: initialize workspace\ninitial");
    assert_eq!(sandbox.git(["status", "--porcelain"]), "");
}

// D20, D55: comments, order, unknown keys and other spellings stay
#[test]
fn the_users_configuration_is_edited_in_place() {
    let sandbox = Sandbox::new();
    let before = "# mine\nfuture = 1\n\n[routes] # who\nSENIOR = [\"cx\"] # codex alone\n\n\
                  [defaults]\ncodex_model = \"\" # none\nclaude_model = 'old'\n\n[telemetry]\n";
    write_user_file(&sandbox, before);
    let text = rally(&sandbox, 0, &["init", "roles"]);
    assert!(text.starts_with("Added role defaults to ROOT/home/.config/rally/config.toml\n"), "{text}");
    assert_snapshot!(read_user_file(&sandbox), @r#"
    # mine
    future = 1

    [routes] # who
    SENIOR = ["cx"] # codex alone
    default = ["opencode"]
    junior = ["opencode"]
    ui = ["ag"]
    verify = ["codex"]
    recovery = ["claude"]

    [defaults]
    codex_model = "gpt-5.5" # none
    claude_model = 'old'
    opencode_model = "opencode-go/kimi-k2.6"
    gemini_model = "gemini-3.1-pro-preview"
    antigravity_model = "Gemini 3.5 Flash (High)"

    [telemetry]
    "#);
    assert!(!sandbox.repo().join(".rally/README.md").exists(), "that is what init does");
}

#[test]
fn a_broken_configuration_stops_everything_before_it_begins() {
    let sandbox = Sandbox::without_repository();
    for (broken, problem) in [
        ("[defaults]\nmix = cc\n", ":2: not valid TOML: "),
        ("[defaults]\nmix = 'cc'\n\n[[routes]]\n", ": routes is not a table"),
    ] {
        write_user_file(&sandbox, broken);
        for args in [&["init", "roles"][..], &["init", "all"], &["init-roles"]] {
            let text = rally(&sandbox, 1, args);
            let wanted = "error: role defaults cannot be filled in (`rally config edit` opens the file): \
                          ROOT/home/.config/rally/config.toml";
            assert!(text.starts_with(&format!("{wanted}{problem}")), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
            assert_eq!(std::fs::read_dir(sandbox.repo()).unwrap().count(), 0, "nothing is made");
            assert_eq!(read_user_file(&sandbox), broken);
        }
    }
    write_user_file(&sandbox, "");
    sandbox.write(".rally/agents", "a file\n");
    let text = rally(&sandbox, 1, &["init", "all"]);
    assert!(text.starts_with("error: cannot read ROOT/repo/.rally/agents"), "{text}");
    assert_eq!(read_user_file(&sandbox), "");
    assert!(!sandbox.repo().join(".git").exists());
}

#[test]
fn without_a_home_the_repository_gets_the_defaults() {
    let sandbox = Sandbox::new();
    let output = sandbox.rally(["init", "roles"]).env("HOME", "").output().unwrap();
    let text = show(&sandbox, 0, &output);
    assert!(text.contains("Added role defaults to ROOT/repo/.rally/config.toml\n"), "{text}");
    assert!(sandbox.read(".rally/config.toml").contains("OVERRIDES ONLY"));
    assert_eq!(route(&load(&sandbox), "ui"), ["ag"]);

    let sandbox = Sandbox::new();
    let xdg = sandbox.root().join("xdg");
    let output = sandbox.rally(["init", "all"]).env("XDG_CONFIG_HOME", &xdg).output().unwrap();
    show(&sandbox, 0, &output);
    assert!(std::fs::read_to_string(xdg.join("rally/config.toml")).unwrap().contains("ui = [\"ag\"]"));
    assert!(!user_file(&sandbox).exists());
}

// Spec 2.9, step 8
#[test]
fn init_tells_about_roles_until_they_are_set_up() {
    let sandbox = Sandbox::new();
    let tip = "Tip: `rally init roles` ";
    for _ in 0..2 {
        assert!(rally(&sandbox, 0, &["init"]).contains(tip));
    }
    assert!(!rally(&sandbox, 0, &["init", "roles"]).contains(tip));
    assert!(!rally(&sandbox, 0, &["init"]).contains(tip));
}

// D3, and the old name stays out of sight
#[test]
fn only_known_words_follow_init() {
    let sandbox = Sandbox::new();
    for args in [&["init", "rolez"][..], &["init", "roles", "all"], &["init", "ALL"], &["init-roles", "x"]] {
        let text = rally(&sandbox, 2, args);
        assert!(text.starts_with("error: "), "{text}");
    }
    assert!(!sandbox.repo().join(".rally").exists() && !user_file(&sandbox).exists());
    assert!(!rally(&sandbox, 0, &["--help"]).contains("init-roles"));
    let help = rally(&sandbox, 0, &["init", "--help"]);
    assert!(help.contains("rally init roles") && help.contains("rally init all"), "{help}");
    assert!(rally(&sandbox, 0, &["init-roles"]).contains("rally is ready in"));
}

// 10-I8: at the place of older versions; both sides of a move are committed, nothing of anyone else's
#[test]
fn role_files_of_the_old_place_are_taken_over() {
    let sandbox = Sandbox::new();
    rally(&sandbox, 0, &["init"]);
    sandbox.write(".rally/agents/junior.md", roles::embedded("junior").unwrap());
    sandbox.write(".rally/agents/senior.md", "my senior\n");
    sandbox.write(".rally/agents/qa.md", "my qa\n");
    sandbox.write(".rally/agents/ui.md", "an older ui\n");
    sandbox.write(".rally/agents/user/ui.md", "my ui\n");
    sandbox.git(["add", "."]);
    sandbox.git(["commit", "-q", "-m", "roles"]);
    sandbox.write(".rally/agents/user/ui.md", "my ui, edited\n");
    sandbox.write(".rally/agents/user/lead.md", "my lead\n");
    sandbox.write("staged.txt", "staged\n");
    sandbox.git(["add", "staged.txt"]);

    let text = rally(&sandbox, 0, &["init", "roles"]);
    let notice = "notice: role files in ROOT/repo/.rally/agents: \
                  3 files put in order: 1 of rally's removed, 2 of yours moved to user/\n";
    assert!(text.contains(notice), "{text}");
    assert_eq!(
        changed(&sandbox, "HEAD"),
        format!(
            "{BUILTIN}\nD\t.rally/agents/junior.md\nD\t.rally/agents/qa.md\nD\t.rally/agents/senior.md\n\
             A\t.rally/agents/user/qa.md\nA\t.rally/agents/user/senior.md"
        )
    );
    assert_eq!(
        sandbox.git(["status", "--porcelain"]),
        " M .rally/agents/user/ui.md\nA  staged.txt\n?? .rally/agents/user/lead.md"
    );
    let agents = sandbox.repo().join(".rally/agents");
    for (role, text) in [("senior", "my senior\n"), ("qa", "my qa\n"), ("ui", "my ui, edited\n")] {
        assert_eq!(roles::lookup(&agents, role).unwrap().unwrap().text, text);
    }
    assert!(!rally(&sandbox, 0, &["init", "roles"]).contains("notice"));
}

// D18, D19
#[test]
fn ignored_role_files_are_left_out_of_the_commit() {
    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", "ui.md\n");
    let text = rally(&sandbox, 0, &["init", "roles"]);
    assert!(!text.contains("warning"), "{text}");
    assert_eq!(changed(&sandbox, "HEAD"), BUILTIN.replace("A\t.rally/agents/builtin/ui.md\n", ""));
    assert_eq!(sandbox.git(["status", "--porcelain"]), "?? .gitignore");

    let sandbox = Sandbox::new();
    sandbox.write(".gitignore", ".rally/\n");
    rally(&sandbox, 0, &["init", "roles"]);
    assert_eq!(log(&sandbox), "initial");
}

#[test]
fn a_commit_that_fails_is_a_warning_and_made_up_for_the_next_time() {
    let sandbox = Sandbox::new();
    sandbox.write(".git/MERGE_HEAD", &format!("{}\n", sandbox.git(["rev-parse", "HEAD"])));
    let text = rally(&sandbox, 0, &["init", "roles"]);
    assert!(text.contains("warning: the role files are not committed: a merge is in progress"), "{text}");
    assert_eq!(sandbox.git(["diff", "--cached", "--name-only"]), "");
    std::fs::remove_file(sandbox.repo().join(".git/MERGE_HEAD")).unwrap();
    let text = rally(&sandbox, 0, &["init", "roles"]);
    assert!(text.contains("Committed the role files") && !text.contains("Nothing to do"), "{text}");
    assert_eq!(changed(&sandbox, "HEAD"), BUILTIN);
}
