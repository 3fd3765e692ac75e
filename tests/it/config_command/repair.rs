//! D34: every mistake that a configuration file can hold is repaired with `rally config`, and
//! everything else in the file stays as it was.

use pretty_assertions::assert_eq;

use super::{REPO, config, config_with};
use crate::support::Sandbox;

/// Around every mistake; nothing of it may change.
const HEAD: &str = "# head\nschema_version = 2\n\n";
const TAIL: &str = "\n# about this machine\n[reliability] # patience\nretry_budget = 3 # tries\n";

struct Case {
    fact: &'static str,
    broken: &'static str,
    /// What is told.
    told: &'static str,
    repair: &'static [&'static str],
    /// What is left of `broken`.
    repaired: &'static str,
}

const fn case(
    fact: &'static str,
    broken: &'static str,
    told: &'static str,
    repair: &'static [&'static str],
    repaired: &'static str,
) -> Case {
    Case { fact, broken, told, repair, repaired }
}

const CASES: &[Case] = &[
    case(
        "10-C18",
        "[harness.\"my agent\"]\ncommand = ['x']\n",
        "invalid harness name \"my agent\"",
        &["unset", "harness.\"my agent\""],
        "",
    ),
    case(
        "10-C18",
        "[harness.123bad]\ncommand = ['echo'] # x\n",
        "invalid harness name",
        &["unset", "harness.123bad"],
        "",
    ),
    case(
        "10-C18",
        "[harness]\n123bad = { command = ['echo'] }\nok = { command = ['x'] } # fine\n",
        "invalid harness name",
        &["unset", "harness.123bad"],
        "[harness]\nok = { command = ['x'] } # fine\n",
    ),
    case(
        "10-C19",
        "[harness.cc]\n# why\ncommand = ['x']\nargs = ['y'] # yes\n",
        "cannot declare command",
        &["unset", "harness.cc.command"],
        "[harness.cc]\n# why\nargs = ['y'] # yes\n",
    ),
    case(
        "10-C19",
        "[harness]\ncc = { model_flag = '', args = [] }\n",
        "cannot declare model_flag",
        &["unset", "harness.cc.model_flag"],
        "[harness]\ncc = { args = [] }\n",
    ),
    case(
        "10-C19",
        "[harness.cc]\noutput_strategy = 'tail'\n",
        "cannot declare output_strategy",
        &["unset", "harness.cc.output_strategy"],
        "",
    ),
    case(
        "10-C19",
        "[harness]\ncc.tail_stream = 'stdout'\ncc.models.opus = 'x'\n",
        "cannot declare tail_stream",
        &["unset", "harness.cc.tail_stream"],
        "[harness]\ncc.models.opus = 'x'\n",
    ),
    case(
        "10-C20",
        "[harness.cc.models]\n4 = 'x'\nopus = 'y'\n",
        "invalid model name",
        &["unset", "harness.cc.models.4"],
        "[harness.cc.models]\nopus = 'y'\n",
    ),
    case(
        "10-C20",
        "[harness.cc]\nmodels = { opus = '', sonnet = 's' } # names\n",
        "the model is empty",
        &["set", "harness.cc.models.opus", "claude-opus-4-7"],
        "[harness.cc]\nmodels = { opus = \"claude-opus-4-7\", sonnet = 's' } # names\n",
    ),
    case(
        "10-C21",
        "[harness.a]\ncommand = ['x', '--model=$MODEL'] # run\n",
        "$MODEL is not replaced; set model_flag",
        &["set", "harness.a.command", "x"],
        "[harness.a]\ncommand = [\"x\"] # run\n",
    ),
    case(
        "10-C22",
        "[harness.a]\ncommand = ['x']\noutput_strategy = 'json'\n",
        "must be tail",
        &["set", "harness.a.output_strategy", "tail"],
        "[harness.a]\ncommand = ['x']\noutput_strategy = \"tail\"\n",
    ),
    case(
        "10-C22",
        "[harness.a]\ncommand = ['x']\ntail_stream = 'both'\n",
        "must be stdout, stderr, combined",
        &["unset", "harness.a.tail_stream"],
        "[harness.a]\ncommand = ['x']\n",
    ),
    case("D33", "[harness.a.models]\nm = 'x'\n", "can run nothing", &["unset", "harness.a"], ""),
    case(
        "D33",
        "[harness.a]\nmodel_flag = '-m'\n",
        "can run nothing",
        &["set", "harness.a.command", "--", "x", "--all"],
        "[harness.a]\nmodel_flag = '-m'\ncommand = [\"x\", \"--all\"]\n",
    ),
    case(
        "10-C23",
        "[defaults]\nmix = 'cc unknown_harness' # who\n",
        "[defaults].mix: \"unknown_harness\": unknown agent alias \"unknown_harness\"",
        &["set", "defaults.mix", "cc cx:1"],
        "[defaults]\nmix = \"cc cx:1\" # who\n",
    ),
    case(
        "10-C23",
        "[defaults]\nmix = 'cc:nonexistent'\n",
        "[defaults].mix: \"cc:nonexistent\": unknown model \"nonexistent\" of cc",
        &["unset", "defaults.mix"],
        "[defaults]\n",
    ),
    case(
        "10-C25",
        "[routes]\nSENIOR = ['cc'] # big\nsenior = ['cx'] # small\ndefault = ['cc']\n",
        "differ only by case",
        &["unset", "routes.SENIOR"],
        "[routes]\nsenior = ['cx'] # small\ndefault = ['cc']\n",
    ),
    case(
        "10-C25",
        "[routes]\ndefault = ['cc']\nDEFAULT = ['cx']\n",
        "differ only by case",
        &["unset", "routes.DEFAULT"],
        "[routes]\ndefault = ['cc']\n",
    ),
    case(
        "10-C26",
        "[routes]\nsenior = ['cc']\ndefault = ['SENIOR:2'] # all\n",
        "is a role name",
        &["set", "routes.default", "cc:2", "cx"],
        "[routes]\nsenior = ['cc']\ndefault = [\"cc:2\", \"cx\"] # all\n",
    ),
    case(
        "10-C26",
        "[routes]\ndefault = ['DEFAULT']\n",
        "is a role name",
        &["unset", "routes.default"],
        "[routes]\n",
    ),
    case(
        "10-3.2",
        "[reasoning]\n'' = 'high'\nverify = 'low'\n",
        "has an empty name",
        &["unset", "reasoning.\"\""],
        "[reasoning]\nverify = 'low'\n",
    ),
    case(
        "10-3.2",
        "[reasoning]\nVERIFY = 'high'\nverify = 'low'\n",
        "differ only by case",
        &["unset", "reasoning.VERIFY"],
        "[reasoning]\nverify = 'low'\n",
    ),
    case(
        "D8",
        "[defaults]\niterations = 0 # many\n",
        "must be at least 1",
        &["set", "defaults.iterations", "5"],
        "[defaults]\niterations = 5 # many\n",
    ),
    case(
        "D29",
        "[defaults]\nmix = ['cc', 'cx']\n",
        "must be a string in quotes, found a list",
        &["set", "defaults.mix", "cc cx"],
        "[defaults]\nmix = \"cc cx\"\n",
    ),
    case(
        "D29",
        "[routes]\ndefault = 'cc'\n",
        "must be a list of strings",
        &["set", "routes.default", "cc"],
        "[routes]\ndefault = [\"cc\"]\n",
    ),
    case(
        "D29",
        "[free_run]\nprompt_file = { path = 'x' }\n",
        "must be a string in quotes, found a table",
        &["unset", "free_run.prompt_file"],
        "[free_run]\n",
    ),
    case("D29", "[[routes]]\ndefault = ['cc']\n", "[routes] must be a table", &["unset", "routes"], ""),
    case(
        "D30",
        "[laps]\ninstructions_file = '$HOME/laps.md'\n",
        "are not expanded",
        &["set", "laps.instructions_file", "~/laps.md"],
        "[laps]\ninstructions_file = \"~/laps.md\"\n",
    ),
    case(
        "10-P7",
        "[providers]\nzen = ['nobody', 'op:x/y']\n",
        "[providers].zen: unknown model alias \"nobody\"",
        &["set", "providers.zen", "op:x/y"],
        "[providers]\nzen = [\"op:x/y\"]\n",
    ),
    case(
        "10-P7",
        "[providers]\nzen = ['opencode-go*']\n",
        "[providers].zen: unsupported wildcard \"opencode-go*\"",
        &["unset", "providers.zen"],
        "[providers]\n",
    ),
    case("10-P7", "[providers]\nzen = []\n", "has no models", &["unset", "providers.zen"], "[providers]\n"),
    case(
        "10-P7",
        "[providers.zen]\ndisabled = true # for now\n",
        "has no models",
        &["set", "providers.zen.models", "op:x/y"],
        "[providers.zen]\ndisabled = true # for now\nmodels = [\"op:x/y\"]\n",
    ),
    case(
        "10-P7",
        "[providers]\nZEN = ['op:x/y']\nzen = ['cx:y']\n",
        "differ only by case",
        &["unset", "providers.zen"],
        "[providers]\nZEN = ['op:x/y']\n",
    ),
    case(
        "10-P7",
        "[providers.zen]\nmodels = ['op:x/y']\ndisable = true\n",
        "unknown key [providers.zen].disable; did you mean disabled?",
        &["unset", "providers.zen.disable"],
        "[providers.zen]\nmodels = ['op:x/y']\n",
    ),
    case(
        "10-P7",
        "[providers]\nzen = { models = ['op:x/y'], disabled = 'yes' }\n",
        "must be true or false",
        &["set", "providers.zen.disabled", "true"],
        "[providers]\nzen = { models = ['op:x/y'], disabled = true }\n",
    ),
    case(
        "10-P12",
        "[providers.zen]\nmodels = ['op:x/y'] # both\nexclude = 'op:x/z'\n",
        "must be a list of strings",
        &["set", "providers.zen.exclude", "op:x/z"],
        "[providers.zen]\nmodels = ['op:x/y'] # both\nexclude = [\"op:x/z\"]\n",
    ),
    case(
        "10-9.1",
        "[providers]\nzen = 3\n",
        "must be a list of strings",
        &["set", "providers.zen", "op:x/y"],
        "[providers]\nzen = [\"op:x/y\"]\n",
    ),
    case(
        "10-9.1",
        "[providers]\n' ' = ['op:x/y']\n",
        "has an empty name",
        &["unset", "providers.\" \""],
        "[providers]\n",
    ),
];

#[test]
fn every_mistake_can_be_repaired() {
    let sandbox = Sandbox::new();
    for newline in ["\n", "\r\n"] {
        for case in CASES {
            let name = format!("{} {:?} {:?}", case.fact, case.broken, case.repair);
            let file = |middle: &str| format!("{HEAD}{middle}{TAIL}").replace('\n', newline);
            sandbox.write(REPO, &file(case.broken));
            let before = config(&sandbox, &["list"]);
            assert!(before.code == 1 && before.err.contains(case.told), "{name}: {}", before.err);
            let (action, args) = case.repair.split_first().unwrap();
            let repair = config(&sandbox, &[&[action, "--repo"], args].concat());
            assert_eq!(repair.code, 0, "{name}: {}", repair.err);
            let after = config(&sandbox, &["list"]);
            assert_eq!(after.code, 0, "{name}: {}", after.err);
            // Where a whole table was, the blank line above it went with it.
            let wanted =
                if case.repaired.is_empty() { blank_line_less(newline) } else { file(case.repaired) };
            assert_eq!(sandbox.read(REPO), wanted, "{name}");
        }
    }
}

fn blank_line_less(newline: &str) -> String {
    format!("{}{TAIL}", HEAD.strip_suffix('\n').unwrap()).replace('\n', newline)
}

// A mistake that is in the way of another key's table
#[test]
fn what_stands_in_place_of_a_table_is_taken_out_first() {
    let sandbox = Sandbox::new();
    sandbox.write(REPO, "reliability = 5 # ?\nschema_version = 2 # two\n");
    let said = config(&sandbox, &["set", "--repo", "reliability.retry_budget", "3"]);
    assert!(said.code == 1 && said.err.contains("reliability is not a table"), "{}", said.err);
    assert!(said.err.contains("take it out first"), "{}", said.err);
    assert_eq!(config(&sandbox, &["unset", "--repo", "reliability"]).code, 0);
    assert_eq!(config(&sandbox, &["set", "--repo", "reliability.retry_budget", "3"]).code, 0);
    assert_eq!(sandbox.read(REPO), "schema_version = 2 # two\n\n[reliability]\nretry_budget = 3\n");
}

#[test]
fn a_file_that_is_no_toml_is_repaired_in_an_editor() {
    let sandbox = Sandbox::new();
    sandbox.program("fix", "sed -i 's/^mix = $/mix = \"cc\"/; s/\\xff//' \"$1\"");
    for broken in [&b"# head\n[defaults]\nmix = \n"[..], b"[defaults]\nmix = 'cc' # \xff\n"] {
        let file = sandbox.repo().join(REPO);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, broken).unwrap();
        assert_eq!(config(&sandbox, &["list"]).code, 1);
        for args in [&["set", "--repo", "defaults.mix", "cc"][..], &["unset", "--repo", "defaults.mix"]] {
            let said = config(&sandbox, args);
            assert!(said.code == 1 && said.err.contains("rally config edit --repo opens it"), "{}", said.err);
            assert_eq!(std::fs::read(&file).unwrap(), broken);
        }
        let said = config_with(&sandbox, &["edit", "--repo"], |command| {
            command.env("EDITOR", "fix").env("LC_ALL", "C");
        });
        assert_eq!((said.code, said.err.as_str()), (0, ""));
        assert_eq!(config(&sandbox, &["list"]).code, 0);
    }
}
