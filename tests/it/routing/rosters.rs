//! Rosters: what flags, mixes and records give.

use std::sync::LazyLock;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rally::config::Config;
use rally::routing::{Catalog, Quota, Roster, Source};

use super::{TABLES, config_with, errors, flags, order, texts, try_flags, turns, warnings};

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
        (&["cc:haiku cxx"], "--agent: \"cc:haiku\": unknown model \"haiku\" of cc"),
        (&["cc, agy:Gemini 3.5 Flash (High)"], "needs quotes inside a list"),
        // Who writes a comma means a list.
        (&["droid:fast,xyzzy"], "--agent: \"droid:fast\": unknown model"),
    ] {
        let error = flags(values, &config).unwrap_err();
        assert!(error.contains(wanted), "{values:?}: {error}");
    }
    assert!(!flags(&["cc gm"], &config).unwrap_err().contains("quotes"));
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
        ("cc,", ":2: empty value for [defaults].mix"),
        // A mix cannot name a role.
        (
            "DEFAULT",
            ":2: [defaults].mix: \"DEFAULT\": unknown agent alias \"DEFAULT\"; known are ag, cc, cx, ge, op\n",
        ),
    ] {
        // D34: the configuration itself loads, so that commands which need no mix still work.
        let text = format!("[defaults]\nmix = \"{mix}\"\n");
        let error = errors(&text);
        assert!(error.starts_with("repo/.rally/config.toml:2: ") && error.contains(wanted), "{mix}: {error}");
        let text = format!("{text}[routes]\ndefault = ['cx']\n");
        assert_eq!(errors(&text), "", "where there are routes, the mix does not count");
        assert!(warnings(&text).contains("it does not count while there are [routes]"));
    }
}

#[test]
fn without_a_mix_claude_and_codex_take_turns() {
    let config = config_with("");
    let roster = Roster::from_config_mix(&Catalog::new(&config)).unwrap();
    assert_eq!(order(&roster.lanes[0].slots, 6), ["claude", "codex", "codex", "claude", "codex", "codex"]);
}

#[test]
fn stored_relays_of_the_earlier_program_are_read() {
    let config = config_with(TABLES);
    let catalog = Catalog::new(&config);
    let roster = Roster::from_record("claude claude op:z", &[], &catalog).unwrap();
    assert_eq!(order(&roster.lanes[0].slots, 4), ["claude", "claude", "opencode", "claude"]);
    assert_eq!(roster.source, Source::Mix);
    let error = Roster::from_record("__override__:gone", &["gone".to_owned()], &catalog).unwrap_err();
    assert!(error.to_string().starts_with("the mix of the unfinished relay: \"gone\": "), "{error}");
}

// The brief, 2j; 30-S2, 30-11
#[test]
fn bare_names_take_turns() {
    let config = config_with("");
    let roster = flags(&["cc ge op"], &config).unwrap();
    assert_eq!(order(&roster.lanes[0].slots, 4), ["claude", "gemini", "opencode", "claude"]);
    let roster = flags(&["cc:1 cx:1"], &config).unwrap();
    assert_eq!(order(&roster.lanes[0].slots, 4), ["claude", "codex", "claude", "codex"]);
}

/// One of the routes has the name of a harness.
const ROUTES: &str = r#"
[routes]
SENIOR = ["cc:opus", "codex:2-3"]
default = ["op:z", "codex:2"]
"code review" = ["cc"]
cx = ["ge"]
"#;

fn with_routes() -> Config {
    config_with(&format!("{TABLES}{ROUTES}"))
}

fn slots(roster: &Roster) -> Vec<(&str, Quota)> {
    roster.lanes[0].slots.iter().map(|slot| (slot.text.as_str(), slot.quota)).collect()
}

// 10-O5, O6; 30-5.3
#[test]
fn a_role_brings_its_entries_as_they_are() {
    use Quota::{Exactly, Open, Range};
    let config = with_routes();
    let roster = flags(&["ge senior op:z:4 op:opencode/a.b"], &config).unwrap();
    assert_eq!(
        slots(&roster),
        [
            ("ge", Exactly(1)),
            ("cc:opus", Open),
            ("codex:2-3", Range { min: 2, max: 3 }),
            ("op:z:4", Exactly(4)),
            ("op:opencode/a.b", Exactly(1)),
        ]
    );
    assert_eq!(roster.label(), "__override__:ge senior op:z:4 op:opencode/a.b");
    let models: Vec<Option<&str>> =
        roster.lanes[0].members().map(|member| member.runner.model.as_deref()).collect();
    assert_eq!(
        models,
        [None, Some("claude-opus-4-7"), None, Some("zai-coding-plan/glm-5.1"), Some("opencode/a.b")]
    );
    let explicit: Vec<bool> = roster.lanes[0].members().map(|member| member.explicit).collect();
    assert_eq!(explicit, [false, true, false, true, true]);
    assert_eq!(texts(&flags(&["Code Review"], &config).unwrap()), ["Code Review"]);
    assert_eq!(slots(&flags(&["'code review',ge"], &config).unwrap()), [("cc", Open), ("ge", Exactly(1))]);
}

// 10-7.1: a role comes before a harness of the same name.
#[test]
fn a_role_is_no_alias() {
    let config = with_routes();
    assert_eq!(order(&flags(&["cx"], &config).unwrap().lanes[0].slots, 2), ["gemini", "gemini"]);
    // With a model it is the harness, for a route has no models.
    let roster = flags(&["cx:gpt-5.4:2"], &config).unwrap();
    assert_eq!(order(&roster.lanes[0].slots, 1), ["codex"]);
}

// 10-O7, O10, D41; 30-139. Deviation, as decided: `ROLE:N` is N runs while walking, not a step of N.
#[test]
fn a_role_with_a_number_is_walked() {
    let config = with_routes();
    let walk = |value: &str, runs| {
        turns(&flags(&[value], &config).unwrap().lanes[0].slots, runs, |member| member.text.clone())
    };
    assert_eq!(walk("ge DEFAULT:1", 5), ["ge", "op:z", "ge", "codex:2", "ge"]);
    assert_eq!(
        walk("ge Default:3", 8),
        ["ge", "op:z", "codex:2", "op:z", "ge", "codex:2", "op:z", "codex:2"]
    );
    let roster = flags(&["SENIOR:2-2"], &config).unwrap();
    assert_eq!(slots(&roster), [("SENIOR:2-2", Quota::Exactly(2))]);
    assert_eq!(roster.lanes[0].slots[0].members.len(), 2);
}

// 10-7.1, O7
#[test]
fn a_role_takes_a_number_and_nothing_else() {
    let config = with_routes();
    for (value, wanted) in [
        ("SENIOR:1-3", "--agent: \"SENIOR:1-3\": a role takes a single numeric quota, like SENIOR:2"),
        ("SENIOR:0", "a quota must be positive"),
        ("SENIOR:opus", "unknown agent alias \"SENIOR\""),
        ("SENIOR:opus", "a route of that name takes no model"),
        ("SENIORR", "unknown agent alias \"SENIORR\"; did you mean SENIOR?"),
        ("SENIORR", "known are ag, cc, cx, ge, op, droid, mycode, work, code review, default, SENIOR"),
    ] {
        let error = flags(&[value], &config).unwrap_err();
        assert!(error.contains(wanted), "{value}: {error}");
        assert!(!error.contains("quotes"), "{value}: {error}");
    }
    // A name with a space in it is one name.
    let error = flags(&["code review:1-3"], &config).unwrap_err();
    assert!(error.contains("\"code review:1-3\": a role takes a single numeric quota"), "{error}");
    // A slip is not taken for a label with a space in it.
    assert!(flags(&["cc:haiku defalt"], &config).is_err());
    let text = "[routes]\ndefault = ['cc']\nempty = []\nbad = ['cc:0']\n";
    for (value, wanted) in [
        ("empty", "config.toml:3: [routes].empty: the route is empty; list who works"),
        ("BAD:2", "config.toml:4: [routes].bad: \"cc:0\": a quota must be positive"),
    ] {
        let error = flags(&[value], &config_with(text)).unwrap_err();
        assert!(error.contains(wanted), "{value}: {error}");
    }
}

// D10: what is configured just so is one entry, although a word of it may be close to some name.
#[test]
fn a_configured_label_is_one_entry() {
    let text = "[harness.ag.models]\ncode = 'Claude Code'\nodd = 'x.y cc'\n[routes]\n'ge senior' = ['cx']\nsenior = ['cc']\n";
    let config = config_with(text);
    assert_eq!(texts(&flags(&["agy:Claude Code:2"], &config).unwrap()), ["agy:Claude Code:2"]);
    assert!(flags(&["agy:Claude Codez"], &config).unwrap_err().contains("needs quotes inside a list"));
    // Where every word is an entry, the words are meant.
    assert_eq!(texts(&flags(&["agy:x.y cc"], &config).unwrap()), ["agy:x.y", "cc"]);
    assert_eq!(texts(&flags(&["ge senior"], &config).unwrap()), ["ge", "senior"]);
    assert_eq!(texts(&flags(&["'ge senior'"], &config).unwrap()), ["ge senior"]);
}

// 30-5.3: the stored mix holds what was typed; whether its routes are still there shows when it is read.
#[test]
fn a_stored_roster_with_roles_needs_their_routes() {
    let config = with_routes();
    let roster = flags(&["SENIOR cc:2", "default:3"], &config).unwrap();
    let label = roster.label();
    assert_eq!(label, "__override__:SENIOR cc:2 default:3");
    let read = |entries: &[String], config| Roster::from_record(&label, entries, &Catalog::new(config));
    assert_eq!(read(&roster.texts, &config).unwrap(), roster);
    assert_eq!(read(&[], &config).unwrap(), roster);
    let error = read(&roster.texts, &config_with(TABLES)).unwrap_err().to_string();
    assert_eq!(
        error,
        "the mix of the unfinished relay: \"SENIOR\": unknown agent alias \"SENIOR\"; \
         known are ag, cc, cx, ge, op, droid, mycode, work; if it was a route, it is gone from [routes]"
    );
    // A mix of the earlier program never named a role.
    let error = Roster::from_record("SENIOR cc", &[], &Catalog::new(&config)).unwrap_err().to_string();
    assert!(error.contains("unknown agent alias \"SENIOR\"; known are ag, cc, cx, ge, op, droid"), "{error}");
}

// A record of the earlier program has the label alone.
#[test]
fn a_label_alone_holds_every_entry() {
    let config = config_with(TABLES);
    for values in [&["'agy:A, B'"][..], &["agy:A B"], &["'agy:A, B:2' cc"], &["agy:'A \"B\"'", "cx:2-3"]] {
        let roster = flags(values, &config).unwrap();
        assert_eq!(Roster::from_record(&roster.label(), &[], &Catalog::new(&config)).unwrap(), roster);
    }
}

static CONFIG: LazyLock<Config> = LazyLock::new(with_routes);

proptest! {
    #[test]
    fn a_stored_roster_is_the_same_roster(
        values in proptest::collection::vec(
            "((cc|op|agy|mycode|SENIOR|default|cx)(:(opus|z|kimi|a/b:c|G 3\\.5 x))?(:[1-3](-[4-6])?)?[ ,]?){1,3}",
            1..3,
        ),
    ) {
        let catalog = Catalog::new(&CONFIG);
        if let Ok(roster) = Roster::from_flags(&values, &catalog) {
            let label = roster.label();
            prop_assert_eq!(&Roster::from_record(&label, &roster.texts, &catalog).unwrap(), &roster);
        }
    }

    #[test]
    fn no_flag_makes_it_panic(value in ".{0,40}|[a-z:, \"'/0-9-]{0,20}") {
        if let Ok(roster) = try_flags(&[&value], &CONFIG) {
            // Nothing typed is lost.
            prop_assert!(roster.texts.iter().all(|text| !text.is_empty()));
            prop_assert!(roster.lanes[0].members().next().is_some());
        }
    }
}
