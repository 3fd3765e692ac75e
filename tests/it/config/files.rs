//! Where the files are, what may stand in their place, and how strangely they may be written.

use std::os::unix::fs::symlink;

use pretty_assertions::assert_eq;

use super::{EVERY_KEY, Files, load, repository, secs, set};
use crate::support::Sandbox;

/// The configured keys, as `rally doctor --json` lists them.
fn keys(mut rally: std::process::Command) -> Vec<String> {
    let output = rally.output().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let keys = report["configuration"]["keys"].as_array().unwrap();
    keys.iter().map(|key| key["key"].as_str().unwrap().to_owned()).collect()
}

// 10-C32, through the binary; D30: from a folder below, the same files hold
#[test]
fn the_environment_says_where_the_users_file_is() {
    let sandbox = Sandbox::new();
    let doctor = || sandbox.rally(["doctor", "--json"]);
    assert_eq!(keys(doctor()), [""; 0]);

    sandbox.write("../home/.config/rally/config.toml", "[defaults]\niterations = 3\n");
    sandbox.write("../xdg/rally/config.toml", "[defaults]\nmix = 'cc'\n");
    let xdg = |value: &std::path::Path| {
        let mut doctor = doctor();
        doctor.env("XDG_CONFIG_HOME", value);
        doctor
    };
    assert_eq!(keys(doctor()), ["defaults.iterations"]);
    assert_eq!(keys(xdg(&sandbox.root().join("xdg"))), ["defaults.mix"]);
    // Empty or relative, it counts as unset.
    assert_eq!(keys(xdg("".as_ref())), ["defaults.iterations"]);
    assert_eq!(keys(xdg("../xdg".as_ref())), ["defaults.iterations"]);

    sandbox.write(".rally/config.toml", "[reliability]\nretry_budget = 2\n");
    assert_eq!(keys(doctor()), ["defaults.iterations", "reliability.retry_budget"]);
    std::fs::remove_dir_all(sandbox.home().join(".config")).unwrap();
    sandbox.write("below/x", "");
    let mut below = doctor();
    below.current_dir(sandbox.repo().join("below"));
    assert_eq!(keys(below), ["reliability.retry_budget"]);
}

// 10-C15 and C16. Deviation: a key is edited in place, the file is never saved as a whole. So what
// they want to survive is everything; and a deprecated spelling is not moved, but keeps its meaning.
#[test]
fn an_edit_changes_one_key_and_nothing_else() {
    let files = repository(EVERY_KEY);
    let before = files.load().unwrap().config;
    assert!(set(&files.repository(), "reliability.retry_budget", Some(8.into())).unwrap());
    let mut after = files.load().unwrap().config;
    assert_eq!((before.reliability.retry_budget, after.reliability.retry_budget), (7, 8));
    after.reliability.retry_budget = 7;
    assert_eq!(after, before);
    let text = std::fs::read_to_string(files.repository()).unwrap();
    assert_eq!(text, EVERY_KEY.replace("retry_budget = 7", "retry_budget = 8"));

    let old = repository("claude_model = 'old'\n[fallback]\ninstructions_file = 'f'\n");
    set(&old.repository(), "defaults.codex_model", Some("new".into())).unwrap();
    let models = old.load().unwrap().config.defaults.models;
    assert_eq!((models["claude"].as_str(), models["codex"].as_str()), ("old", "new"));
    set(&old.repository(), "defaults.claude_model", Some("new".into())).unwrap();
    assert_eq!(old.load().unwrap().config.defaults.models["claude"], "new");
}

#[test]
fn what_stands_in_the_place_of_a_file() {
    let files = repository("x");
    let place = files.repository();
    let elsewhere = files.root.path().join("dotfiles.toml");

    std::fs::remove_file(&place).unwrap();
    symlink(&elsewhere, &place).unwrap();
    assert_eq!(
        files.error(),
        "cannot read repo/.rally/config.toml: it is a symbolic link to a file that is not there; \
         make that file, or remove the link"
    );
    std::fs::write(&elsewhere, "\n[reliability]\nretry_budget = 2\n").unwrap();
    let config = files.load().unwrap().config;
    assert_eq!(config.reliability.retry_budget, 2);
    let origin = config.origin("reliability.retry_budget").unwrap();
    assert_eq!((&origin.file, origin.line), (&place, 3), "as the user knows it");

    // What is no file, directly or behind a link, is said; a device or a pipe would never end.
    for target in [place.as_path(), files.root.path(), "/dev/zero".as_ref()] {
        std::fs::remove_file(&place).unwrap();
        symlink(target, &place).unwrap();
        assert!(files.error().starts_with("cannot read repo/.rally/config.toml: "), "{}", files.error());
    }
    std::fs::remove_file(&place).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &place, rustix::fs::Mode::RWXU).unwrap();
    assert!(files.error().ends_with("config.toml: it is no regular file"), "{}", files.error());

    // No folder for the file is no file.
    std::fs::remove_dir_all(place.parent().unwrap()).unwrap();
    assert_eq!(files.warnings(), "");
    std::fs::write(place.parent().unwrap(), "x").unwrap();
    assert_eq!(files.warnings(), "");
}

#[test]
fn every_way_to_write_a_table_means_the_same() {
    let usual = "[reliability]\nretry_budget = 10\n[harness.cc.models]\nopus = 'x'\n[routes]\ndefault = ['cc']\n\
                 [providers.a]\nmodels = ['cx']\n[harness.w]\nbase = 'cc'\nenv.A = 'b'\n";
    for other in [
        "reliability.retry_budget = 1_0\nharness.cc.models.opus = 'x'\nroutes.default = ['cc']\n\
         providers.a.models = ['cx']\nharness.w.base = 'cc'\nharness.w.env.A = 'b'\n",
        "reliability = { retry_budget = +10 }\nharness = { cc = { models = { opus = 'x' } }, w = { base = 'cc', env = { A = 'b' } } }\n\
         routes = { default = ['cc'] }\nproviders = { a = ['cx'] }\n",
        "\"reliability\".'retry_budget' = 0xA\n[harness]\n\"cc\".models.\"opus\" = \"\"\"x\"\"\"\nw = { base = 'cc', env.A = 'b' }\n\
         [ \"routes\" ]\n'default' = [\n  \"\\u0063c\", # claude\n]\n[providers]\nA = ['cx']\n",
        &format!("\u{feff}{}", usual.replace('\n', "\r\n")),
        &format!("{usual}\r\n# \u{feff} the end"),
    ] {
        let files = repository(other);
        assert_eq!(files.warnings(), "", "{other}");
        let (mut config, mut wanted) = (files.load().unwrap().config, load(usual));
        assert_eq!(config.providers["a"].models, wanted.providers["a"].models);
        config.providers.clone_from(&wanted.providers);
        // An entry knows its line, and these stand elsewhere.
        config.routes.values_mut().for_each(|route| route.lines.clear());
        wanted.routes.values_mut().for_each(|route| route.lines.clear());
        assert_eq!(
            (&config.reliability, &config.harnesses, &config.routes),
            (&wanted.reliability, &wanted.harnesses, &wanted.routes),
            "{other}"
        );
        assert_eq!(
            config.origins().map(|(key, _)| key).collect::<Vec<_>>(),
            wanted.origins().map(|(key, _)| key).collect::<Vec<_>>()
        );
    }
    for nothing in ["", "\n", " \t\r\n", "# only a comment", "\u{feff}"] {
        let files = repository("x");
        std::fs::write(files.repository(), nothing).unwrap();
        assert_eq!(files.warnings(), "");
        assert_eq!(files.load().unwrap().config.origins().count(), 0);
    }
}

#[test]
fn mistakes_of_the_format_are_told_with_the_way_out() {
    for (text, wanted) in [
        ("[defaults]\nmix = 'cc'\nmix = 'cx'\n", ":3: not valid TOML: duplicate key mix"),
        ("[defaults]\n[routes]\n[defaults]\n", ":3: not valid TOML: duplicate key defaults"),
        (
            "[[routes]]\ndefault = ['cc']\n",
            ":1: [routes] must be a table, found a list of tables, which double brackets make",
        ),
        ("[[harness.a]]\ncommand = ['x']\n", ":1: [harness.a] must be a table, found a list of tables"),
        ("[routes.a]\nb = ['cc']\n", ":1: [routes].a must be a list of strings"),
        ("a = [[[[[[[[\n", ":1: not valid TOML: "),
    ] {
        let error = repository(text).error();
        assert!(error.contains(&format!("repo/.rally/config.toml{wanted}")), "{text}\n{error}");
    }
    let deep = format!("schema_version = 2\na = {}{}\n", "[".repeat(9000), "]".repeat(9000));
    assert!(repository(&deep).error().starts_with("repo/.rally/config.toml:2: not valid TOML: "));
    let old_mac = repository("schema_version = 2\rdata_dir = ''\r").error();
    assert!(old_mac.contains("carriage return"), "{old_mac}");
    let files = repository("x");
    let wide: Vec<u8> = "mix".encode_utf16().flat_map(u16::to_be_bytes).collect();
    std::fs::write(files.repository(), wide).unwrap();
    assert!(files.error().starts_with("repo/.rally/config.toml:1: not valid TOML: "), "{}", files.error());
}

#[test]
fn keys_are_named_as_a_file_would_spell_them() {
    let files = repository(
        "[routes]\n\"Über\" = ['cc']\n\"a.b\" = ['cc']\n' default ' = ['cx']\n\
         [harness.cc]\nenv = { \"A.B\" = 'c' }\n[providers.\"x.models\"]\nmodels = ['cc']\n[providers.x]\nmodels = ['cx']\n",
    );
    let config = files.load().unwrap().config;
    let keys: Vec<&str> = config.origins().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        [
            "harness.cc.env.\"A.B\"",
            "providers.\"x.models\".models",
            "providers.x.models",
            "routes.\"a.b\"",
            "routes.\"über\"",
            "routes.default",
        ]
    );
    // Every one of them is found again, and can be edited.
    for (key, line) in keys.iter().zip([6, 8, 10, 3, 2, 4]) {
        assert_eq!(config.origin(key).unwrap().line, line, "{key}");
        set(&files.repository(), key, None).unwrap();
    }
    assert_eq!(config.origin("routes.über").unwrap().line, 2);
    assert_eq!(config.origin("routes.a.b").unwrap().line, 3);
    assert_eq!(config.origin("routes.a"), None);
    assert_eq!(config.routes["default"].name, "default", "spaces around a name are no part of it");

    let unknown = repository("[harness.a]\ncommand = ['x']\n\"b.c\" = 1\n");
    assert!(
        unknown.warnings().contains("unknown key [harness.a].\"b.c\" is ignored"),
        "{}",
        unknown.warnings()
    );
}

// D29, D30
#[test]
fn a_path_that_only_a_shell_understands_is_refused_where_it_stands() {
    let files = Files::new(
        "data_dir = '~other/x'\n[free_run]\nprompt_file = '$HOME/p.md'\n",
        "# laps\n[laps]\ninstructions_file = '${X}/l.md'\n",
    );
    assert_eq!(
        files.error(),
        "home/.config/rally/config.toml:1: data_dir: \"~other/x\": variables and other users' homes are not \
         expanded; write the path in full, or with ~/\n\
         home/.config/rally/config.toml:3: [free_run].prompt_file: \"$HOME/p.md\": variables and other users' homes \
         are not expanded; write the path in full, or with ~/\n\
         repo/.rally/config.toml:3: [laps].instructions_file: \"${X}/l.md\": variables and other users' homes are \
         not expanded; write the path in full, or with ~/"
    );
    // The stronger file repairs it.
    let repaired = Files::new("data_dir = '$HOME/x'\n", "data_dir = '~/x'\n").load().unwrap().config;
    assert!(repaired.data_dir.ends_with("home/x"));
    // A dollar and a tilde elsewhere are letters.
    let plain = repository("data_dir = 'a$b/~c'\n");
    assert_eq!(plain.load().unwrap().config.data_dir, plain.workspace().join("a$b/~c"));
    let mut variable = repository("");
    variable.env.rally_data_dir = Some("$HOME/x".into());
    assert!(variable.error().starts_with("RALLY_DATA_DIR: \"$HOME/x\": variables"), "{}", variable.error());
}

#[test]
fn names_that_cannot_be_told_apart_are_refused() {
    for (text, wanted) in [
        (
            "\"ÜBER\" = ['cc']\n'über' = ['cx']",
            ":3: [routes].\"über\" and [routes].\"ÜBER\" (line 2) differ only by case; keep one of them",
        ),
        (
            "' senior ' = ['cc']\nsenior = ['cx']",
            ":3: [routes].senior and [routes].\" senior \" (line 2) differ only by case or outer spaces; keep one",
        ),
        ("'' = ['cc']", ":2: [routes] has an empty name"),
        (
            "\"\\u001b[31mred\" = ['cc']",
            ":2: [routes].\"\\u001B[31mred\" has a control character in its name; take it out",
        ),
        ("default = ['ÜBER:2']\n\"über\" = ['cc']", ":2: [routes].default: \"ÜBER:2\" is a role name"),
        (
            "[reasoning]\nSenior = 'low'\nsenior = 'high'",
            ":4: [reasoning].senior and [reasoning].Senior (line 3) differ",
        ),
        ("[reasoning]\n' ' = 'low'", ":3: [reasoning] has an empty name"),
        (
            "[providers]\na = ['cc']\n[providers.A]\ndisabled = true",
            ":4: [providers].A and [providers].a (line 3) differ",
        ),
    ] {
        let error = repository(&format!("[routes]\n{text}\n")).error();
        assert!(error.contains(wanted), "{text}\n{error}");
    }
}

// D26, D27, the other way round: a list over a table
#[test]
fn providers_merge_whatever_their_form() {
    let files = Files::new(
        "[providers.Codex]\nmodels = ['cx']\nexclude = ['cx:a']\ndisabled = true\n[providers]\nzen = ['op']\n",
        "[providers]\nCODEX = ['cx', 'op:openai/*']\n[providers.ZEN]\nexclude = ['op:b']\n",
    );
    assert_eq!(files.warnings(), "");
    let config = files.load().unwrap().config;
    let codex = &config.providers["codex"];
    assert_eq!(codex.models, ["cx", "op:openai/*"]);
    assert_eq!((codex.exclude.as_slice(), codex.disabled), (&["cx:a".to_owned()][..], true));
    assert_eq!(
        (config.providers["zen"].models.as_slice(), config.providers.len()),
        (&["op".to_owned()][..], 2)
    );
    assert_eq!(config.providers["zen"].exclude, ["op:b"]);
    assert_eq!(config.origin("providers.codex.models").unwrap().file, files.repository());
    assert_eq!(config.origin("providers.codex.disabled").unwrap().file, files.env.user_file().unwrap());
    // A mistake that only the merge shows is blamed on the entry, not on the file that completed it.
    let nested = Files::new("[routes]\nJunior = ['cx']\n", "[routes]\nsenior = [\n'cc',\n'junior']\n");
    assert!(
        nested.error().starts_with("repo/.rally/config.toml:4: [routes].senior: \"junior\""),
        "{}",
        nested.error()
    );
}

// D40 is judged where routes are used; here a repository can empty a route of the user's.
#[test]
fn an_empty_list_overrides_too() {
    let files = Files::new(
        "[routes]\ndefault = ['cc']\nui = ['ag']\n[harness.a]\ncommand = ['x']\nargs = ['y']\n\
         [reliability]\nrun_timeout_secs = 900\n[harness.a.models]\nm = 'n'\n",
        "[routes]\nUI = []\n[harness.a]\nargs = []\n[reliability]\nrun_timeout_secs = 0\n[harness.a.models]\n",
    );
    let config = files.load().unwrap().config;
    assert_eq!(config.routes["ui"].entries, [""; 0]);
    assert_eq!(config.harnesses["a"].args, [""; 0]);
    assert_eq!(config.harnesses["a"].models.len(), 1, "an empty table takes nothing away");
    assert_eq!(config.reliability.run_timeout, secs(4500));
}
