//! What is refused, and what is warned about.

use pretty_assertions::assert_eq;
use rally::config::TailStream;

use super::{Files, load, repository};

// 10-C19
#[test]
fn a_built_in_harness_takes_models_args_and_env_only() {
    for (key, value) in [
        ("command", "['x']"),
        ("model_flag", "''"),
        ("output_strategy", "'tail'"),
        ("tail_stream", "'stdout'"),
        ("base", "'claude'"),
    ] {
        let error = repository(&format!("[harness.cc]\n{key} = {value}\n")).error();
        assert!(error.contains(&format!("[harness.cc].{key}: cannot declare {key}")), "{error}");
        assert!(error.starts_with("repo/.rally/config.toml:2: "), "{error}");
    }
    let fine = repository("[harness.op]\nargs = ['-x']\nenv.A = 'b'\noutput_lines = 3\nmodels.z = 'y'\n");
    assert_eq!(fine.warnings(), "");
}

// 10-C20 to C22, D33
#[test]
fn harness_tables_are_checked() {
    for (text, wanted) in [
        ("[harness.cc.models]\n4 = 'x'", ":2: [harness.cc.models].4: invalid model name"),
        ("[harness.cc.models]\nopus = ''", ":2: [harness.cc.models].opus: the model is empty"),
        (
            "[harness.a]\ncommand = ['x', '$MODEL']",
            ":2: [harness.a].command: $MODEL is not replaced; set model_flag",
        ),
        ("[harness.a]\ncommand = ['x', '--m=$MODEL']", "set model_flag"),
        ("[harness.a]\ncommand = ['']", "the program, its first word, is empty"),
        (
            "[harness.a]\ncommand = ['x']\noutput_strategy = 'json'",
            ":3: [harness.a].output_strategy is \"json\", but must be tail",
        ),
        (
            "[harness.a]\ncommand = ['x']\ntail_stream = 'both'",
            ":3: [harness.a].tail_stream is \"both\", but must be stdout, stderr, combined",
        ),
        ("[harness.a.models]\nm = 'x'", ":1: [harness.a] can run nothing: it has no command and no base"),
        ("[harness.Claude.models]\nm = 'x'", "add one of them; did you mean claude?"),
        ("[harness.opencod]\nargs = ['x']", "add one of them; did you mean opencode?"),
        ("[harness.somebody]\nargs = ['x']", "no command and no base; add one of them"),
        (
            "[harness.a]\nbase = 'droid'",
            ":2: [harness.a].base: \"droid\" is no built-in harness; those are antigravity",
        ),
        ("[harness.a]\nbase = 'cc'\ncommand = ['x']", ":3: [harness.a].command cannot stand beside base"),
        ("[harness.a]\nbase = 'cc'\nenv = { 'A=B' = 'x' }", "is no name for an environment variable"),
        (
            "[harness.a]\ncommand = \"x y\"",
            ":2: [harness.a].command must be a list of strings, like [\"a\", \"b\"], found a string",
        ),
    ] {
        let error = repository(text).error();
        assert!(error.contains(wanted), "{text}\n{error}");
    }
    let droid = &load("[harness.droid]\ncommand = ['droid']\n").harnesses["droid"];
    assert_eq!(droid.model_flag, None);
    assert_eq!((droid.output_lines, droid.tail_stream), (40, TailStream::Combined));
}

// 10-C28
#[test]
fn opencode_without_run_is_warned_about() {
    for command in ["['opencode']", "['/usr/bin/opencode', '--x']"] {
        let warnings = repository(&format!("[harness.mycode]\ncommand = {command}\n")).warnings();
        assert!(warnings.starts_with("repo/.rally/config.toml:2: [harness.mycode].command: "), "{warnings}");
        assert!(warnings.contains("TUI") && warnings.contains("or use op"), "{warnings}");
    }
    assert_eq!(repository("[harness.mycode]\ncommand = ['opencode', 'run', '$PROMPT']\n").warnings(), "");
}

#[test]
fn a_cli_that_would_live_in_the_repository_is_warned_about() {
    let table = |value: &str| format!("[harness.codex]\nenv = {{ CODEX_HOME = '{value}' }}\n");
    let warnings = repository(&table("state/codex")).warnings();
    assert!(
        warnings.starts_with("repo/.rally/config.toml:2: [harness.codex.env].CODEX_HOME: "),
        "{warnings}"
    );
    assert!(warnings.contains("lies in the repository"), "{warnings}");
    for fine in ["/srv/codex", "~/codex", ""] {
        assert_eq!(repository(&table(fine)).warnings(), "");
    }
}

// 10-C25, C26, C27
#[test]
fn routes_are_checked() {
    assert_eq!(
        repository("[routes]\nSENIOR = ['cc']\nsenior = ['cx']\n").error(),
        "repo/.rally/config.toml:3: [routes].senior and [routes].SENIOR (line 2) differ only by case; keep one of them"
    );
    let error = repository("[routes]\ndefault = ['cc']\nDEFAULT = ['cx']\n").error();
    assert!(error.contains("differ only by case"), "{error}");
    assert_eq!(
        repository("[routes]\nsenior = ['cc']\ndefault = [\n  'cx',\n  'SENIOR:2',\n]\n").error(),
        "repo/.rally/config.toml:5: [routes].default: \"SENIOR:2\" is a role name, which is valid only in --agent; \
         write its entries out"
    );
    assert!(repository("[routes]\ndefault = ['DEFAULT']\n").error().contains("valid only in --agent"));
    assert!(repository("[routes]\ndefault = 'cc'\n").error().contains(":2: [routes].default must be a list"));
    assert!(
        repository("[routes]\ndefault = ['cc', 3]\n")
            .error()
            .contains("must hold strings only, found a number")
    );
}

#[test]
fn unknown_keys_are_warned_about_with_the_likely_name() {
    let files = repository(
        "shema_version = 2\niterations = 3\n[reliability]\nretry_buget = 3\n[harness.a]\ncommand = ['x']\noutput_line = 3\n\
         [defaults]\nclaud_model = 'x'\n[zzz]\nx = 1\n",
    );
    assert_eq!(
        files.warnings(),
        "repo/.rally/config.toml:1: unknown key shema_version is ignored; did you mean schema_version?\n\
         repo/.rally/config.toml:2: unknown key iterations is ignored; did you mean [defaults].iterations?\n\
         repo/.rally/config.toml:4: unknown key [reliability].retry_buget is ignored; did you mean retry_budget?\n\
         repo/.rally/config.toml:7: unknown key [harness.a].output_line is ignored; did you mean output_lines?\n\
         repo/.rally/config.toml:9: unknown key [defaults].claud_model is ignored; did you mean claude_model?\n\
         repo/.rally/config.toml:10: unknown key zzz is ignored\n"
    );
    let error = repository("[providers.a]\nmodels = ['cc']\ndisable = true\n").error();
    assert!(error.contains(":3: unknown key [providers.a].disable; did you mean disabled?"), "{error}");
}

#[test]
fn all_mistakes_of_both_files_are_told_in_order() {
    let files = Files::new(
        "data_dir = 3\n[defaults]\niterations = 0\nmix = true\n",
        "reliability = 5\n[harness.cc]\ncommand = ['x']\nmodel_flag = ''\n",
    );
    assert_eq!(
        files.error(),
        "home/.config/rally/config.toml:1: data_dir must be a string in quotes, found a number\n\
         home/.config/rally/config.toml:3: [defaults].iterations is 0, but must be at least 1; remove it to get the default\n\
         home/.config/rally/config.toml:4: [defaults].mix must be a string in quotes, found true or false\n\
         repo/.rally/config.toml:1: [reliability] must be a table, found a number\n\
         repo/.rally/config.toml:3: [harness.cc].command: cannot declare command for cc, which is built in \
         (models, args and env are allowed); use a name of your own, like [harness.my-claude]\n\
         repo/.rally/config.toml:4: [harness.cc].model_flag: cannot declare model_flag for cc, which is built in \
         (models, args and env are allowed); use a name of your own, like [harness.my-claude]"
    );
}

#[test]
fn bad_toml_and_bad_files_name_file_and_line() {
    let error = repository("a = 1\n[b\n").error();
    assert!(error.starts_with("repo/.rally/config.toml:2: not valid TOML: "), "{error}");
    let files = repository("x");
    std::fs::write(files.repository(), b"schema_version = 2\n# \xff\n").unwrap();
    assert_eq!(files.error(), "repo/.rally/config.toml:2: not valid TOML: not UTF-8 text");
    std::fs::remove_file(files.repository()).unwrap();
    std::fs::create_dir(files.repository()).unwrap();
    assert!(files.error().starts_with("cannot read repo/.rally/config.toml: "), "{}", files.error());
    for (value, wanted) in [
        ("-1", "is -1, but must be at least 0"),
        ("99999999999", "must be at most 3155760000"),
        ("1.5", "found a number with a fraction"),
        ("99999999999999999999", "found a number beyond 64 bits"),
        ("'60'", "must be a whole number, without quotes, found a string"),
        ("1979-05-27", "found a date"),
    ] {
        let error = repository(&format!("[reliability]\nfreeze_threshold_secs = {value}\n")).error();
        assert!(
            error.contains(":2: [reliability].freeze_threshold_secs ") && error.contains(wanted),
            "{error}"
        );
    }
    assert!(repository("data_dir = \"a\\u0000b\"\n").error().contains("must not hold a NUL"));
}
