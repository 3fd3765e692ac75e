//! `rally config`, typed in full.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use insta::assert_snapshot;
use pretty_assertions::assert_eq;

use crate::support::{Sandbox, stderr, stdout};

mod judged;
mod looking;
mod random;
mod repair;
mod rules;
mod shape;

/// What a command printed, with the sandbox's folder left out.
struct Said {
    code: i32,
    out: String,
    err: String,
}

fn config(sandbox: &Sandbox, args: &[&str]) -> Said {
    config_with(sandbox, args, |_| {})
}

fn config_with(sandbox: &Sandbox, args: &[&str], prepare: impl FnOnce(&mut std::process::Command)) -> Said {
    let mut command = sandbox.rally(["config"]);
    command.args(args);
    prepare(&mut command);
    let output = command.output().unwrap();
    let root = sandbox.root().canonicalize().unwrap().display().to_string();
    let plain = |text: String| text.replace(&root, "ROOT");
    Said { code: output.status.code().unwrap(), out: plain(stdout(&output)), err: plain(stderr(&output)) }
}

#[track_caller]
fn fine(sandbox: &Sandbox, args: &[&str]) -> String {
    let said = config(sandbox, args);
    assert_eq!((said.code, said.err.as_str()), (0, ""), "{args:?}: {}", said.out);
    said.out
}

#[track_caller]
fn refused(sandbox: &Sandbox, code: i32, args: &[&str]) -> String {
    let said = config(sandbox, args);
    assert_eq!((said.code, said.out.as_str()), (code, ""), "{args:?}: {}", said.err);
    said.err
}

fn user_file(sandbox: &Sandbox) -> PathBuf {
    sandbox.home().join(".config/rally/config.toml")
}

fn user(sandbox: &Sandbox, text: &str) {
    std::fs::create_dir_all(user_file(sandbox).parent().unwrap()).unwrap();
    std::fs::write(user_file(sandbox), text).unwrap();
}

const REPO: &str = ".rally/config.toml";

#[test]
fn the_path_is_told_before_the_file_is_there() {
    let sandbox = Sandbox::new();
    assert_eq!(fine(&sandbox, &["path"]), "ROOT/home/.config/rally/config.toml\n");
    assert_eq!(fine(&sandbox, &["path", "--repo"]), "ROOT/repo/.rally/config.toml\n");
    // From every folder of the repository the same file is meant.
    std::fs::create_dir(sandbox.repo().join("sub")).unwrap();
    let below = config_with(&sandbox, &["path", "--repo"], |command| {
        command.current_dir(sandbox.repo().join("sub"));
    });
    assert_eq!(below.out, "ROOT/repo/.rally/config.toml\n");
    let xdg = config_with(&sandbox, &["path"], |command| {
        command.env("XDG_CONFIG_HOME", sandbox.root().join("xdg"));
    });
    assert_eq!(xdg.out, "ROOT/xdg/rally/config.toml\n");
}

#[test]
fn a_list_has_what_counts_and_where_it_stands() {
    let sandbox = Sandbox::new();
    assert_eq!(fine(&sandbox, &["list"]), "");
    user(
        &sandbox,
        "claude_model = 'old'\n[routes]\nSENIOR = ['cc']\ndefault = [\n 'cx',\n 'op:x/z',\n]\n[defaults]\nmix = \"cc\\ncx\"\n\
         [providers]\ncodex = ['cx:gpt-5.5']\n",
    );
    sandbox.write(
        REPO,
        "[routes]\nsenior = ['cx']\n[providers.codex]\ndisabled = true\n[harness.'cc'.env]\n'A B' = '\"'\n",
    );
    let said = config(&sandbox, &["list", "--origin"]);
    assert_snapshot!(said.out, @r#"
    defaults.claude_model = "old"  # ROOT/home/.config/rally/config.toml:1
    defaults.mix = "cc\ncx"  # ROOT/home/.config/rally/config.toml:9
    harness.cc.env."A B" = "\""  # ROOT/repo/.rally/config.toml:6
    providers.codex.disabled = true  # ROOT/repo/.rally/config.toml:4
    providers.codex.models = ["cx:gpt-5.5"]  # ROOT/home/.config/rally/config.toml:11
    routes.default = ["cx", "op:x/z"]  # ROOT/home/.config/rally/config.toml:4
    routes.senior = ["cx"]  # ROOT/repo/.rally/config.toml:2
    "#);
    assert_snapshot!(said.err, @"warning: ROOT/home/.config/rally/config.toml:1: claude_model at the top level is deprecated; move it to [defaults].claude_model");
    assert_eq!(said.code, 0);
    // It is TOML itself.
    assert!(said.out.parse::<toml::Table>().is_ok());
    let repo = config(&sandbox, &["list", "--repo"]);
    assert_snapshot!(repo.out, @r#"
    harness.cc.env."A B" = "\""
    providers.codex.disabled = true
    routes.senior = ["cx"]
    "#);
    assert!(config(&sandbox, &["list", "--user"]).out.contains("routes.SENIOR = [\"cc\"]\n"));
    assert_eq!(config(&sandbox, &["list", "--user", "--repo"]).code, 2);
}

// D29, D34
#[test]
fn a_list_of_a_broken_configuration_has_what_can_be_read() {
    let sandbox = Sandbox::new();
    user(&sandbox, "[defaults]\nmix = 'cc'\niterations = 0\n[harness.123bad]\ncommand = ['x']\n");
    sandbox.write(REPO, "schema_version = 2\nrun_hooks_on_autocommit = \n");
    let said = config(&sandbox, &["list"]);
    assert_eq!(said.code, 1);
    assert_snapshot!(said.out, @r#"
    defaults.mix = "cc"
    harness.123bad.command = ["x"]
    "#);
    let errors: Vec<&str> = said.err.lines().collect();
    assert!(
        errors[0].starts_with("error: ROOT/home/.config/rally/config.toml:3: [defaults].iterations is 0")
    );
    assert!(errors[1].starts_with("error: ROOT/home/.config/rally/config.toml:4: [harness.123bad]: invalid"));
    assert!(errors[2].starts_with("error: ROOT/repo/.rally/config.toml:2: not valid TOML"), "{}", said.err);
    assert_eq!(errors.len(), 3);
    // Neither blocks the others, but a value that no relay would take is no success.
    let said = config(&sandbox, &["get", "defaults.mix"]);
    assert_eq!((said.code, said.out.as_str(), said.err.lines().count()), (1, "cc\n", 3));
    assert_eq!(config(&sandbox, &["set", "defaults.iterations", "3"]).code, 0);
    std::fs::remove_file(sandbox.repo().join(REPO)).unwrap();
    std::fs::create_dir(sandbox.repo().join(REPO)).unwrap();
    let said = config(&sandbox, &["list"]);
    assert_eq!(said.code, 1);
    assert!(said.err.starts_with("error: cannot read ROOT/repo/.rally/config.toml: "), "{}", said.err);
    assert!(said.out.contains("defaults.iterations = 3\n"), "{}", said.out);
}

#[test]
fn a_value_is_printed_as_scripts_want_it() {
    let sandbox = Sandbox::new();
    user(
        &sandbox,
        "[defaults]\nmix = \"it's \\\"x\\\"\"\ncodex_model = ''\n[routes]\nSENIOR = ['cc:opus', 'cx']\nempty = []\n\
         [reliability]\nstall_threshold_secs = 60\nretry_budget = 0\nretry_backoff_secs = 0\n\
         [harness.mine]\ncommand = ['x']\n",
    );
    for (key, wanted) in [
        ("defaults.mix", "it's \"x\"\n"),
        ("defaults.codex_model", "\n"),
        ("routes.senior", "cc:opus\ncx\n"),
        ("routes.empty", ""),
        // Found under its old name, and by it.
        ("reliability.freeze_threshold_secs", "60\n"),
        ("reliability.stall_threshold_secs", "60\n"),
        // A zero that means the default; one that means zero.
        ("reliability.retry_budget", "5\n"),
        ("reliability.retry_backoff_secs", "0\n"),
        ("reliability.require_changes", "true\n"),
        ("data_dir", "~/.local/share/rally\n"),
        ("harness.mine.output_lines", "40\n"),
        ("harness.mine", "harness.mine.command = [\"x\"]\n"),
        ("harness", "harness.mine.command = [\"x\"]\n"),
    ] {
        assert_eq!(config(&sandbox, &["get", key]).out, wanted, "{key}");
    }
    // The configuration has mistakes, which are told apart from the value.
    assert_eq!(
        config(&sandbox, &["get", "--origin", "routes.senior"]).out,
        "routes.SENIOR = [\"cc:opus\", \"cx\"]  # ROOT/home/.config/rally/config.toml:5\n"
    );
    assert_eq!(
        config(&sandbox, &["get", "--origin", "reliability.run_timeout_secs"]).out,
        "reliability.run_timeout_secs = 4500  # default\n"
    );
    for (key, code, wanted) in [
        ("defaults.iterations", 1, "error: defaults.iterations is not set and has no default"),
        ("harness.other.output_lines", 1, "is not set"),
        ("harness.other", 1, "harness.other is not set"),
        ("telemetry", 1, "without effect"),
        (
            "reliability.retry_buget",
            2,
            "error: unknown key reliability.retry_buget; did you mean retry_budget?",
        ),
        ("routes.a.b", 2, "unknown key routes.a.b"),
        ("a b", 2, "\"a b\" is no key"),
    ] {
        let said = refused(&sandbox, code, &["get", key]);
        assert!(said.contains(wanted), "{key}: {said}");
    }
}

#[test]
fn a_set_key_is_in_the_right_file_and_the_rest_stays() {
    let sandbox = Sandbox::new();
    assert_snapshot!(fine(&sandbox, &["set", "defaults.mix", "cc:2 cx"]),
        @r#"Set defaults.mix = "cc:2 cx" in ROOT/home/.config/rally/config.toml"#);
    assert_eq!(std::fs::read_to_string(user_file(&sandbox)).unwrap(), "[defaults]\nmix = \"cc:2 cx\"\n");
    assert!(fine(&sandbox, &["set", "defaults.mix", "cc:2 cx"]).contains(" has it already: defaults.mix"));

    sandbox.write(REPO, "\u{feff}# head\r\n\r\n[defaults] # mine\r\nmix = 'x' # who\r\n");
    fine(&sandbox, &["set", "--repo", "defaults.mix", "op"]);
    fine(&sandbox, &["set", "harness.mine.command", "--", "mine", "--print", "-x", "$PROMPT"]);
    fine(&sandbox, &["set", "harness.mine.model_flag", "--", "--model"]);
    fine(&sandbox, &["set", "defaults.iterations", "7", "--repo"]);
    assert_eq!(
        sandbox.read(REPO),
        "\u{feff}# head\r\n\r\n[defaults] # mine\r\nmix = \"op\" # who\r\niterations = 7\r\n"
    );
    assert_eq!(
        std::fs::read_to_string(user_file(&sandbox)).unwrap(),
        "[defaults]\nmix = \"cc:2 cx\"\n\n\
         [harness.mine]\ncommand = [\"mine\", \"--print\", \"-x\", \"$PROMPT\"]\nmodel_flag = \"--model\"\n"
    );
    // What it does not do here is told.
    let said = config(&sandbox, &["set", "defaults.mix", "ge"]);
    assert_eq!(said.code, 0);
    assert_eq!(said.err, "notice: here ROOT/repo/.rally/config.toml:4 wins, which says \"op\"\n");
    let said = config(&sandbox, &["set", "reliability.try_timeout_secs", "60"]);
    assert!(
        said.err.starts_with("warning: ROOT/home/.config/rally/config.toml:9: [reliability]"),
        "{}",
        said.err
    );
}

// 20-AF-MO-13: bytes per token, whole or not
#[test]
fn a_number_may_have_a_fraction() {
    let sandbox = Sandbox::new();
    sandbox.write(REPO, "[reliability]\nretry_budget = 3 # few\n");
    let key = "reliability.chars_per_token";
    fine(&sandbox, &["set", "--repo", &format!("{key}.claude"), "3.25"]);
    fine(&sandbox, &["set", "--repo", &format!("{key}.op"), "5"]);
    assert_eq!(fine(&sandbox, &["get", &format!("{key}.claude")]), "3.25\n");
    assert_eq!(fine(&sandbox, &["get", &format!("{key}.op")]), "5\n");
    assert_eq!(fine(&sandbox, &["get", key]), format!("{key}.claude = 3.25\n{key}.op = 5\n"));
    assert!(fine(&sandbox, &["list"]).contains(&format!("{key}.claude = 3.25\n")));
    let text = sandbox.read(REPO);
    assert!(text.contains("retry_budget = 3 # few\n") && text.contains("claude = 3.25"), "{text}");
    for (value, wanted) in [
        ("x", "must be a number, found \"x\""),
        ("nan", "must be a number, found \"nan\""),
        ("-0.5", "[reliability.chars_per_token].claude is -0.5, but must be at least 0"),
    ] {
        let said = refused(&sandbox, 1, &["set", "--repo", &format!("{key}.claude"), "--", value]);
        assert!(said.contains(wanted), "{value}: {said}");
    }
    assert_eq!(sandbox.read(REPO), text);
    let said = config(&sandbox, &["set", "--repo", &format!("{key}.claud"), "4"]);
    assert!(said.err.contains("claud names no harness and is ignored; did you mean claude?"), "{}", said.err);
}

// 10-C18 to C22, C25, C26, 10-E13
#[test]
fn what_would_be_a_mistake_is_not_written() {
    let sandbox = Sandbox::new();
    let before = "[routes]\nSENIOR = ['cc']\ndefault = ['cc']\n[harness.a]\ncommand = ['x']\n[providers]\nzen = ['op']\n";
    sandbox.write(REPO, before);
    for (key, values, wanted) in [
        (
            "reliability.retry_buget",
            &["3"][..],
            "unknown key reliability.retry_buget; did you mean retry_budget?",
        ),
        ("providers.zen.disable", &["true"], "did you mean disabled?"),
        ("telemetry.enabled", &["true"], "unknown key telemetry.enabled"),
        ("harness", &["x"], "harness is a table; name a key in it"),
        ("reliability.retry_budget", &["-1"], "[reliability].retry_budget is -1, but must be at least 0"),
        ("reliability.run_timeout_secs", &["99999999999"], "must be at most 3155760000"),
        ("reliability.retry_budget", &["x"], "must be a whole number, found \"x\""),
        ("run_hooks_on_autocommit", &["1"], "must be true or false"),
        ("defaults.iterations", &["0"], "must be at least 1"),
        ("defaults.mix", &["cc", "cx"], "must be one value"),
        ("harness.a.command", &["x", "$MODEL"], "set model_flag to say how the model is passed"),
        ("harness.a.command", &["[]"], "[harness.a] can run nothing"),
        ("harness.a.base", &["cc"], "[harness.a].command cannot stand beside base"),
        ("harness.a.tail_stream", &["both"], "must be stdout, stderr, combined"),
        ("harness.a.output_strategy", &["json"], "must be tail"),
        ("harness.a.models.4", &["x"], "invalid model name"),
        ("harness.a.models.m", &[" "], "the model is empty"),
        ("harness.a.env.A=B", &["x"], "is no key"),
        ("harness.a.env.\"A=B\"", &["x"], "is no name for an environment variable"),
        ("harness.123bad.command", &["echo"], "invalid harness name \"123bad\""),
        ("harness.\"my agent\".command", &["echo"], "invalid harness name \"my agent\""),
        ("harness.cc.command", &["x"], "cannot declare command for cc, which is built in"),
        ("harness.cc.model_flag", &[""], "cannot declare model_flag"),
        ("harness.b.model_flag", &["--", "-m"], "[harness.b] can run nothing: it has no command and no base"),
        ("routes.ui", &["cc:opus:4.7"], "routes.ui: \"cc:opus:4.7\" has 3 identifier segments"),
        ("routes.ui", &["cc", "cc:0"], "a quota must be positive"),
        ("routes.ui", &["senior:2"], "\"senior:2\" is a role name, which is valid only in --agent"),
        ("routes.senior", &["cx"], "differ only by case"),
        ("routes.cc", &["cx"], "\"cc\" is a role name"),
        ("routes.ui", &["[1]"], "must hold strings only, found a number"),
        ("providers.ZEN", &["cc"], "differ only by case"),
        ("providers.zen", &["[]"], "[providers.zen] has no models"),
        ("providers.new.disabled", &["true"], "[providers.new] has no models"),
        ("routes.\"\"", &["cc"], "[routes] has an empty name"),
        ("data_dir", &["$HOME/x"], "variables and other users' homes are not expanded"),
    ] {
        let args = [&["set", "--repo", key], values].concat();
        let said = config(&sandbox, &args);
        assert_eq!(said.code, if said.err.contains("is no key") { 2 } else { 1 }, "{key}: {}", said.err);
        assert!(said.err.starts_with("error: ") && said.err.contains(wanted), "{key}: {}", said.err);
        assert_eq!(sandbox.read(REPO), before, "{key}");
    }
    assert_eq!(config(&sandbox, &["set", "defaults.mix"]).code, 2);
    let said = config(&sandbox, &["set", "harness.a.model_flag", "--model"]);
    assert!(said.code == 2 && said.err.contains("'-- --model'"), "{}", said.err);
    assert!(!user_file(&sandbox).exists());
}

#[test]
fn mistakes_elsewhere_hold_no_edit_up() {
    let sandbox = Sandbox::new();
    let broken = "[reliability]\nretry_budget = -1\n[harness.123bad]\ncommand = ['x']\n";
    sandbox.write(REPO, broken);
    let said = config(&sandbox, &["set", "--repo", "reliability.max_failed_runs", "3"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_snapshot!(said.err, @r#"
    warning: ROOT/repo/.rally/config.toml:2: [reliability].retry_budget is -1, but must be at least 0; remove it to get the default
    warning: ROOT/repo/.rally/config.toml:4: [harness.123bad]: invalid harness name "123bad"; use a letter, then letters, digits, _ and -
    "#);
    assert_eq!(sandbox.read(REPO), broken.replace("-1\n", "-1\nmax_failed_runs = 3\n"));
    // Another mistake in place of one is a new one.
    assert!(refused(&sandbox, 1, &["set", "--repo", "reliability.retry_budget", "-2"]).contains("is -2"));
    // A broken repository does not keep the user's file from being changed.
    assert_eq!(config(&sandbox, &["set", "defaults.mix", "cc"]).code, 0);
    sandbox.write(REPO, "not toml\n");
    assert_eq!(config(&sandbox, &["set", "defaults.mix", "cx"]).code, 0);
    let said = refused(&sandbox, 1, &["set", "--repo", "defaults.mix", "cx"]);
    assert!(
        said.contains("config.toml:1: not valid TOML") && said.contains("rally config edit --repo opens it")
    );
}

#[test]
fn the_users_file_must_be_right_in_every_repository() {
    let sandbox = Sandbox::new();
    sandbox.write(REPO, "[harness.mine]\ncommand = ['x']\n[routes]\ndefault = ['cc']\n");
    let said = refused(&sandbox, 1, &["set", "harness.mine.model_flag", "m"]);
    assert!(
        said.contains("[harness.mine] can run nothing") && said.contains("(in every other repository"),
        "{said}"
    );
    user(&sandbox, "[harness.other]\ncommand = ['x']\nargs = ['y']\n");
    sandbox.write(REPO, "[harness.other]\noutput_lines = 3\n");
    let said = refused(&sandbox, 1, &["unset", "harness.other"]);
    assert!(said.contains("ROOT/repo/.rally/config.toml:1: [harness.other] can run nothing"), "{said}");
}

#[test]
fn unset_takes_out_what_is_there_and_says_when_nothing_is() {
    let sandbox = Sandbox::new();
    let text = "# head\n[routes]\nSENIOR = ['cc']\n\n[harness.a]\ncommand = ['x']\noutput_lines = 3\n\n# about b\n[harness.b]\ncommand = ['y']\n";
    user(&sandbox, text);
    sandbox.write(REPO, "[defaults]\nmix = 'cc'\n");
    for (args, wanted) in [
        (
            &["unset", "routes.senior"][..],
            "routes.senior is not set in ROOT/home/.config/rally/config.toml; it has routes.SENIOR",
        ),
        (&["unset", "defaults.mix"], "; ROOT/repo/.rally/config.toml has it: add --repo"),
        (&["unset", "--repo", "harness.a"], "; ROOT/home/.config/rally/config.toml has it: leave --repo out"),
        (&["unset", "defaults.mx"], "defaults.mx is not set"),
        (
            &["unset", "harness.a.command"],
            "[harness.a] can run nothing: it has no command and no base; add one of them; did you mean ag? (or take out harness.a)",
        ),
    ] {
        let said = refused(&sandbox, 1, args);
        assert!(said.contains(wanted), "{args:?}: {said}");
    }
    assert_eq!(std::fs::read_to_string(user_file(&sandbox)).unwrap(), text);
    assert_snapshot!(fine(&sandbox, &["unset", "harness.a"]), @"Took harness.a out of ROOT/home/.config/rally/config.toml");
    fine(&sandbox, &["unset", "routes.SENIOR"]);
    fine(&sandbox, &["unset", "harness.b.command"]);
    assert_eq!(std::fs::read_to_string(user_file(&sandbox)).unwrap(), "# head\n[routes]\n\n# about b\n");
}

#[test]
fn an_editor_opens_the_file_and_its_mistakes_are_told() {
    let sandbox = Sandbox::new();
    sandbox.program("ed", "echo \"$@\" >> \"$HOME/opened\"; test -z \"$NEW\" || printf \"$NEW\" > \"$1\"");
    let edit = |args: &[&str], new: &str| {
        let args = [&["edit"], args].concat();
        config_with(&sandbox, &args, |command| {
            command.env("EDITOR", "ed").env("NEW", new);
        })
    };
    // Begun with its examples, which are no mistakes.
    let said = edit(&[], "");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert_eq!(edit(&["--repo"], "").code, 0);

    let said = edit(&["--repo"], "[defaults]\\nmix = 3\\n");
    assert_eq!(said.code, 1);
    assert_eq!(
        said.err,
        "error: ROOT/repo/.rally/config.toml:2: [defaults].mix must be a string in quotes, found a number\n"
    );
    let said = edit(&["--repo"], "[defaults\\n");
    assert!(said.code == 1 && said.err.starts_with("error: ROOT/repo/.rally/config.toml:1: not valid TOML"));
    // It opens what no other command can change.
    assert_eq!(edit(&["--repo"], "[defaults]\\nmix = 'cc'\\n").code, 0);
    assert_eq!(sandbox.read(REPO), "[defaults]\nmix = 'cc'\n");
    let said = config_with(&sandbox, &["edit"], |command| {
        command.env("VISUAL", "false");
    });
    assert!(said.code == 1 && said.err.contains("the editor \"false\" failed"), "{}", said.err);
}

#[test]
fn outside_a_repository_there_is_the_users_file_only() {
    let sandbox = Sandbox::without_repository();
    fine(&sandbox, &["set", "defaults.mix", "cc"]);
    assert_eq!(fine(&sandbox, &["list"]), "defaults.mix = \"cc\"\n");
    assert_eq!(fine(&sandbox, &["get", "defaults.mix"]), "cc\n");
    fine(&sandbox, &["unset", "defaults.mix"]);
    for args in [
        &["path", "--repo"][..],
        &["list", "--repo"],
        &["set", "--repo", "defaults.mix", "cc"],
        &["unset", "--repo", "defaults.mix"],
        &["edit", "--repo"],
    ] {
        let said = refused(&sandbox, 1, args);
        assert!(said.contains("no git repository") && said.contains("rally init"), "{args:?}: {said}");
    }
    assert!(std::fs::read_dir(sandbox.repo()).unwrap().next().is_none());
}

#[test]
fn without_a_home_there_is_the_repositorys_file_only() {
    let sandbox = Sandbox::new();
    sandbox.write(REPO, "data_dir = '/data'\n");
    let run = |args: &[&str]| {
        config_with(&sandbox, args, |command| {
            command.env("HOME", "");
        })
    };
    for args in [
        &["path"][..],
        &["set", "defaults.mix", "cc"],
        &["unset", "defaults.mix"],
        &["edit"],
        &["list", "--user"],
    ] {
        let said = run(args);
        assert_eq!(said.code, 1);
        assert!(
            said.err.contains("no home directory") && said.err.contains("set HOME"),
            "{args:?}: {}",
            said.err
        );
    }
    assert_eq!(run(&["set", "--repo", "defaults.mix", "cc"]).code, 0);
    assert_eq!(run(&["list"]).out, "data_dir = \"/data\"\ndefaults.mix = \"cc\"\n");
}

#[test]
fn without_a_terminal_the_questions_are_refused() {
    let sandbox = Sandbox::new();
    for args in [&[][..], &["--repo"]] {
        let said = refused(&sandbox, 1, args);
        assert!(
            said.contains("in a terminal") && said.contains("rally config get, set, unset, list or edit"),
            "{said}"
        );
    }
    assert_eq!(config(&sandbox, &["sett", "a", "b"]).code, 2);
}

#[test]
fn every_subcommand_has_examples() {
    let sandbox = Sandbox::new();
    for action in ["get", "set", "unset", "list", "path", "edit", "schema"] {
        let help = fine(&sandbox, &[action, "--help"]);
        assert!(help.contains(&format!("rally config {action}")) && help.contains("Examples:"), "{help}");
        assert!(["path", "schema"].contains(&action) || help.contains("Exit codes: 0"), "{help}");
    }
}
