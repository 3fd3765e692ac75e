//! From what people type, over a real configuration, to who runs.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rally::config::{self, Config, Env};
use rally::model::Runner;
use rally::routing::{Catalog, Entry, Health, Pick, Quota, Roster, Scheduler, Source, Verdict};

mod names;

const TABLES: &str = r#"
[defaults]
claude_model = "claude-haiku-4-5"
antigravity_model = "Gemini 3.5 Flash (High)"
[harness.cc.models]
opus = "claude-opus-4-7"
sonnet = "claude-sonnet-4-6"
[harness.claude.models]
opus = "opus-of-claude"
[harness.op.models]
z = "zai-coding-plan/glm-5.1"
gk = "openrouter/x:free"
[harness.ag.models]
flash = "Gemini 3.5 Flash (High)"
[harness.mycode]
command = ["mycode", "run"]
models = { kimi = "opencode-go/kimi-k2.6" }
[harness.droid]
command = ["droid"]
[harness.work]
base = "claude"
models = { fast = "claude-haiku-4-5" }
"#;

fn config_with(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = config::repository_file(folder.path());
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
    let env = Env { home: Some(folder.path().join("home")), ..Env::default() };
    config::load(folder.path(), &env).unwrap().config
}

fn resolve(text: &str, config: &Config) -> Result<(String, String), String> {
    let identifier = Entry::parse(text).map_err(|error| error.to_string())?.identifier;
    let Runner { harness, model, .. } =
        Catalog::new(config).resolve(&identifier).map_err(|error| error.to_string())?;
    Ok((harness, model.unwrap_or_default()))
}

fn flags(values: &[&str], config: &Config) -> Result<Roster, String> {
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    Roster::from_flags(&values, &Catalog::new(config)).map_err(|error| error.to_string())
}

fn texts(roster: &Roster) -> Vec<&str> {
    roster.texts.iter().map(String::as_str).collect()
}

// 10-A1 to A6, A11, A12, A14; 10-O5; D35, D38, D39
#[test]
fn names_resolve() {
    let config = config_with(TABLES);
    for (text, harness, model) in [
        ("cc", "claude", "claude-haiku-4-5"),
        ("cc:2", "claude", "claude-haiku-4-5"),
        ("cx", "codex", ""),
        ("cx:2", "codex", ""),
        ("op:z", "opencode", "zai-coding-plan/glm-5.1"),
        ("opencode:z", "opencode", "zai-coding-plan/glm-5.1"),
        ("op:gk", "opencode", "openrouter/x:free"),
        ("ag", "antigravity", "Gemini 3.5 Flash (High)"),
        ("agy", "antigravity", "Gemini 3.5 Flash (High)"),
        ("antigravity", "antigravity", "Gemini 3.5 Flash (High)"),
        ("ag:flash", "antigravity", "Gemini 3.5 Flash (High)"),
        ("agy:flash", "antigravity", "Gemini 3.5 Flash (High)"),
        ("opencode:zai-coding-plan/glm-5.1", "opencode", "zai-coding-plan/glm-5.1"),
        ("op:openrouter/y:free", "opencode", "openrouter/y:free"),
        // One rule for every table: the alias as typed, then the harness's names in order.
        ("cc:opus", "claude", "claude-opus-4-7"),
        ("claude:opus", "claude", "opus-of-claude"),
        ("claude:sonnet", "claude", "claude-sonnet-4-6"),
        ("ge", "gemini", ""),
        ("ge:gemini-3-flash-preview", "gemini", "gemini-3-flash-preview"),
        ("gemini:gemini-3.1-pro-preview", "gemini", "gemini-3.1-pro-preview"),
        ("cc:claude-haiku-4-5", "claude", "claude-haiku-4-5"),
        ("cc:claude-haiku-*", "claude", "claude-haiku-*"),
        ("cx:gpt-5", "codex", "gpt-5"),
        ("cx:gpt-5.4-mini", "codex", "gpt-5.4-mini"),
        ("cc:sonnet[1m]", "claude", "sonnet[1m]"),
        ("mycode:kimi", "mycode", "opencode-go/kimi-k2.6"),
        ("droid", "droid", ""),
        ("work", "work", "claude-haiku-4-5"),
        ("work:fast", "work", "claude-haiku-4-5"),
        ("work:sonnet", "work", "claude-sonnet-4-6"),
    ] {
        assert_eq!(resolve(text, &config), Ok((harness.to_owned(), model.to_owned())), "{text}");
    }
    assert_eq!(resolve("cc", &config_with("")), Ok(("claude".to_owned(), String::new())));
}

// 10-A7 to A9, A11; 10-K7; 30-6 to 8; D50
#[test]
fn names_that_mean_nothing_come_with_a_suggestion() {
    let config = config_with(TABLES);
    for (text, wanted) in [
        ("gm", "unknown agent alias \"gm\"; did you mean"),
        ("gm", "known are ag, cc, cx, ge, op, droid, mycode, work"),
        ("CC", "unknown agent alias \"CC\"; did you mean cc"),
        ("copex", "did you mean codex?"),
        ("mycod:kimi", "did you mean mycode?"),
        ("4", "unknown agent alias \"4\""),
        (" cc", "unknown agent alias \" cc\"; did you mean cc"),
        ("op:gp", "unknown model \"gp\" of op; did you mean gk?"),
        ("cc:opux", "did you mean opus?"),
        ("cc:nonexistent", "unknown model \"nonexistent\" of cc; name it in [harness.cc.models]"),
        ("droid:fast", "no models defined"),
        ("cx:spark", "no models defined"),
        ("cc:my-model", "unknown model \"my-model\" of cc"),
    ] {
        let error = resolve(text, &config).unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}

// 10-O8, O9, O13; 30-S3, S4; 30-13; the brief, 2i and 2j
#[test]
fn flags_make_a_roster() {
    let config = config_with(TABLES);
    for (values, entries, label) in [
        (&["cc"][..], &["cc"][..], "__override__:cc"),
        (&["cc:2"], &["cc:2"], "__override__:cc:2"),
        (&["cc ge op"], &["cc", "ge", "op"], "__override__:cc ge op"),
        (&["cc:opus, cx:1", "op:z"], &["cc:opus", "cx:1", "op:z"], "__override__:cc:opus cx:1 op:z"),
        (&["cc:2 op:z cc:sonnet"], &["cc:2", "op:z", "cc:sonnet"], "__override__:cc:2 op:z cc:sonnet"),
        (&["mycode:kimi"], &["mycode:kimi"], "__override__:mycode:kimi"),
        // D10: labels with spaces
        (
            &["agy:Gemini 3.5 Flash (High)"],
            &["agy:Gemini 3.5 Flash (High)"],
            "__override__:agy:Gemini 3.5 Flash (High)",
        ),
        (
            &["agy:Gemini 3.5 Flash (High):2", "cc"],
            &["agy:Gemini 3.5 Flash (High):2", "cc"],
            "__override__:\"agy:Gemini 3.5 Flash (High):2\" cc",
        ),
        (
            &["cc 'agy:Gemini 3.5 Flash (High)',cx"],
            &["cc", "agy:Gemini 3.5 Flash (High)", "cx"],
            "__override__:cc \"agy:Gemini 3.5 Flash (High)\" cx",
        ),
        (&["cc:opus cx"], &["cc:opus", "cx"], "__override__:cc:opus cx"),
    ] {
        let roster = flags(values, &config).unwrap();
        assert_eq!(texts(&roster), entries);
        assert_eq!(roster.label(), label);
        assert_eq!(roster.source, Source::Override);
        // A record keeps label and entries; either alone gives the same roster (30-4, 30-5).
        let catalog = Catalog::new(&config);
        assert_eq!(Roster::from_record(label, &roster.texts, &catalog).unwrap(), roster);
        assert_eq!(Roster::from_record(label, &[], &catalog).unwrap(), roster);
    }
    let quotas: Vec<Quota> =
        flags(&["cc op:z:4 cx:2-6"], &config).unwrap().lanes[0].slots.iter().map(|slot| slot.quota).collect();
    assert_eq!(quotas, [Quota::Exactly(1), Quota::Exactly(4), Quota::Range { min: 2, max: 6 }]);
}

// 10-E12, O13; D7. Deviation: `--agent ""` is an error too, not a silent default.
#[test]
fn bad_flags_are_refused() {
    let config = config_with(TABLES);
    for (values, wanted) in [
        (&[""][..], "empty value for --agent"),
        (&["   "], "empty value for --agent"),
        (&["cc,"], "empty value for --agent"),
        (&["cc,,cx"], "empty value for --agent"),
        (&["cc", " "], "empty value for --agent"),
        (&[], "empty value for --agent"),
        (&["cc 'agy:x"], "a quote is not closed for --agent"),
        (&["cc gm"], "--agent: \"gm\": unknown agent alias \"gm\""),
        (&["cc:0"], "--agent: \"cc:0\": a quota must be positive"),
        (&["cc op:z:abc"], "has 3 identifier segments"),
        // A slip is never taken for a label with a space in it.
        (&["cc:opus cxx"], "--agent: \"cxx\": unknown agent alias"),
        (&["cc:opsu cxx"], "--agent: \"cc:opsu\": unknown model \"opsu\" of cc; did you mean opus?"),
        (&["cc, agy:Gemini 3.5 Flash (High)"], "needs quotes inside a list"),
    ] {
        let error = flags(values, &config).unwrap_err();
        assert!(error.contains(wanted), "{values:?}: {error}");
    }
}

// 10-C23, O11, 10-A10 and 30-1 to 3, 6, 9 to 11 in the decided form: one grammar for flags and mixes,
// nothing displaces anything, labels keep the text as typed, `cc:opus:2` is a named model with a quota.
#[test]
fn a_configured_mix_makes_a_roster() {
    for (mix, entries) in [
        ("cc cx", &["cc", "cx"][..]),
        ("cc cx:1", &["cc", "cx:1"]),
        ("op:z cc:opus", &["op:z", "cc:opus"]),
        ("cc:2 op:z", &["cc:2", "op:z"]),
        ("cc:2 op:z cc:sonnet", &["cc:2", "op:z", "cc:sonnet"]),
        ("cc cx:2 op:z", &["cc", "cx:2", "op:z"]),
        ("cc:opus:2", &["cc:opus:2"]),
    ] {
        let config = config_with(
            &format!("{TABLES}[laps]\n").replace("[defaults]", &format!("[defaults]\nmix = \"{mix}\"")),
        );
        let roster = Roster::from_config_mix(&Catalog::new(&config)).unwrap();
        assert_eq!(texts(&roster), entries);
        assert_eq!(roster.label(), mix);
        assert_eq!(roster.source, Source::Mix);
        assert_eq!(Roster::from_record(mix, &[], &Catalog::new(&config)).unwrap(), roster);
    }
    for (mix, wanted) in [
        ("cc unknown_harness", ":2: [defaults].mix: \"unknown_harness\": unknown agent alias"),
        ("cc:nonexistent", ":2: [defaults].mix: \"cc:nonexistent\": unknown model"),
        ("cc:0", ":2: [defaults].mix: \"cc:0\": a quota must be positive"),
        ("cc:a:b", ":2: [defaults].mix: \"cc:a:b\" has 3 identifier segments"),
        ("cc,", "empty value for "),
    ] {
        // D34: the configuration itself loads, so that commands which need no mix still work.
        let config = config_with(&format!("[defaults]\nmix = \"{mix}\"\n"));
        let error = Roster::from_config_mix(&Catalog::new(&config)).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains("config.toml:2: [defaults].mix"), "{mix}: {error}");
    }
}

#[test]
fn without_a_mix_claude_and_codex_take_turns() {
    let config = config_with("");
    let roster = Roster::from_config_mix(&Catalog::new(&config)).unwrap();
    assert_eq!(order(&roster, 6), ["claude", "codex", "codex", "claude", "codex", "codex"]);
}

#[test]
fn stored_relays_of_the_earlier_program_are_read() {
    let config = config_with(TABLES);
    let catalog = Catalog::new(&config);
    let roster = Roster::from_record("claude claude op:z", &[], &catalog).unwrap();
    assert_eq!(order(&roster, 4), ["claude", "claude", "opencode", "claude"]);
    assert_eq!(roster.source, Source::Mix);
    let error = Roster::from_record("__routes__", &[], &catalog).unwrap_err().to_string();
    assert!(error.contains("requires configured routes"), "{error}");
    let error = Roster::from_record("__override__:gone", &["gone".to_owned()], &catalog).unwrap_err();
    assert!(error.to_string().starts_with("the mix of the unfinished relay: \"gone\": "), "{error}");
}

fn order(roster: &Roster, runs: usize) -> Vec<String> {
    let mut scheduler = Scheduler::new(roster.lanes[0].slots.clone());
    (0..runs)
        .map(|_| {
            let Pick::Run(turn) = scheduler.next(|_| Health::Ready) else { panic!("nobody") };
            scheduler.record(turn, Verdict::Passed);
            scheduler.member(turn).runner.harness.clone()
        })
        .collect()
}

// The brief, 2j; 30-S2, 30-11
#[test]
fn bare_names_take_turns() {
    let config = config_with("");
    let roster = flags(&["cc ge op"], &config).unwrap();
    assert_eq!(order(&roster, 4), ["claude", "gemini", "opencode", "claude"]);
    let roster = flags(&["cc:1 cx:1"], &config).unwrap();
    assert_eq!(order(&roster, 4), ["claude", "codex", "claude", "codex"]);
}

proptest! {
    #[test]
    fn a_stored_roster_is_the_same_roster(
        values in proptest::collection::vec("((cc|cx|op|agy|mycode)(:(opus|z|kimi|a/b:c|G 3\\.5 x))?(:[1-3](-[4-6])?)?[ ,]?){1,3}", 1..3),
    ) {
        let config = config_with(TABLES);
        let catalog = Catalog::new(&config);
        if let Ok(roster) = Roster::from_flags(&values, &catalog) {
            let label = roster.label();
            prop_assert_eq!(&Roster::from_record(&label, &roster.texts, &catalog).unwrap(), &roster);
        }
    }

    #[test]
    fn no_flag_makes_it_panic(value in ".{0,40}") {
        let config = config_with(TABLES);
        let _ = Roster::from_flags(&[value], &Catalog::new(&config));
    }
}

#[test]
fn a_harness_may_have_an_effort_of_its_own() {
    let config = config_with(
        "[harness.cc]\neffort = \"high\"\n[harness.work]\nbase = \"claude\"\n\
         [harness.deep]\nbase = \"claude\"\neffort = \" max \"\n[harness.codex]\neffort = \"\"\n",
    );
    let catalog = Catalog::new(&config);
    for (entry, effort) in
        [("claude:opus-4.7", Some("high")), ("work", Some("high")), ("deep", Some("max")), ("cx", None)]
    {
        let runner = catalog.resolve(&Entry::parse(entry).unwrap().identifier).unwrap();
        assert_eq!(runner.effort.as_deref(), effort, "{entry}");
    }
}
