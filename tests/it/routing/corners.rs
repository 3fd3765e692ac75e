//! What names mean: the corners of the rules in `names_resolve` and its neighbours.

use pretty_assertions::assert_eq;
use rally::routing::{Catalog, Quota, Roster, Slot};

use super::{config_with, flags, resolve, texts};

fn pair(harness: &str, model: &str) -> Result<(String, String), String> {
    Ok((harness.to_owned(), model.to_owned()))
}

// 10-A1, A2, A13: the default model of a bare name, wherever it stands
#[test]
fn a_bare_name_has_the_default_model() {
    for (text, model) in [
        ("", ""),
        ("claude_model = 'top'\n", "top"),
        ("claude_model = 'top'\n[defaults]\nclaude_model = ''\n", "top"),
        ("claude_model = 'top'\n[defaults]\nclaude_model = 'new'\n", "new"),
        ("[defaults]\nclaude_model = 'new'\n", "new"),
        // A model of that name is no default.
        ("[harness.cc.models]\ndefault = 'x'\n", ""),
    ] {
        let config = config_with(text);
        for name in ["cc", "claude", "cc:2", "cc:2-5"] {
            assert_eq!(resolve(name, &config), pair("claude", model), "{text}: {name}");
        }
        assert_eq!(resolve("cx", &config), pair("codex", ""));
        assert_eq!(resolve("cc:opus-4.7", &config), pair("claude", "opus-4.7"));
    }
}

// 10-A11
#[test]
fn a_harness_of_ones_own_has_models_but_no_default() {
    let config =
        config_with("[harness.droid]\ncommand = ['droid']\n[harness.droid.models]\nv1 = 'droid v1'\n");
    assert_eq!(resolve("droid:v1", &config), pair("droid", "droid v1"));
    assert_eq!(resolve("droid", &config), pair("droid", ""));
    assert_eq!(resolve("droid:a/b", &config), pair("droid", "a/b"));
    let error = resolve("droid:v2", &config).unwrap_err();
    assert!(error.contains("unknown model \"v2\" of droid; did you mean v1?"), "{error}");
}

// 10-A4, A5, A12, A14: every alias, over every table of its harness
#[test]
fn the_aliases_of_a_harness_share_their_tables() {
    for (table, aliases, harness) in [
        ("ag", &["ag", "agy", "antigravity"][..], "antigravity"),
        ("antigravity", &["ag", "agy", "antigravity"], "antigravity"),
        ("cc", &["cc", "claude"], "claude"),
        ("claude", &["cc", "claude"], "claude"),
        ("codex", &["cx", "codex"], "codex"),
        ("ge", &["ge", "gemini"], "gemini"),
        ("gemini", &["ge", "gemini"], "gemini"),
        ("op", &["op", "opencode"], "opencode"),
    ] {
        let config = config_with(&format!("[harness.{table}.models]\nm = 'A model (High): 3'\n"));
        for alias in aliases {
            assert_eq!(
                resolve(&format!("{alias}:m"), &config),
                pair(harness, "A model (High): 3"),
                "{alias}"
            );
            assert_eq!(resolve(&format!("{alias}:raw/x"), &config), pair(harness, "raw/x"), "{alias}");
        }
    }
}

// 10-A8, A9
#[test]
fn at_most_three_names_are_suggested() {
    let config =
        config_with("[harness.cc.models]\nopus = 'a'\nopuz = 'b'\nopuq = 'c'\nopup = 'd'\nfar = 'e'\n");
    let error = resolve("cc:opux", &config).unwrap_err();
    assert!(error.contains("; did you mean opup, opuq or opus?;"), "{error}");
    let error = resolve("cc:Opus", &config).unwrap_err();
    assert!(error.contains("did you mean opus, "), "{error}");
}

// 10-E5, E12; 10-A10 in the decided form: a named model with a quota is an entry like any other.
// Deviation from E12: there is no empty list; a flag that gives none is refused.
#[test]
fn a_list_keeps_its_order_and_one_bad_member_fails_it() {
    let tables = "[harness.cc.models]\nopus = 'claude-opus'\n";
    let config = config_with(&format!("defaults.mix = 'cc:opus:2, op:a/b:1-3 cx'\n{tables}"));
    let mix = Roster::from_config_mix(&Catalog::new(&config)).unwrap();
    assert_eq!(texts(&mix), ["cc:opus:2", "op:a/b:1-3", "cx"]);
    let seen = |slot: &Slot| {
        let runner = &slot.members[0].runner;
        (runner.harness.clone(), runner.model.clone(), slot.quota)
    };
    assert_eq!(
        mix.lanes[0].slots.iter().map(seen).collect::<Vec<_>>(),
        [
            ("claude".to_owned(), Some("claude-opus".to_owned()), Quota::Exactly(2)),
            ("opencode".to_owned(), Some("a/b".to_owned()), Quota::Range { min: 1, max: 3 }),
            ("codex".to_owned(), None, Quota::Exactly(1)),
        ]
    );
    assert_eq!(
        flags(&["cc:opus:2", "op:a/b:1-3", "cx"], &config).unwrap().lanes[0].slots,
        mix.lanes[0].slots
    );
    for bad in ["cc:opus:2 cx:0 op:a/b", "cc:opus:2 cx gm", "nobody cc:opus:2 cx"] {
        assert!(flags(&[bad], &config).is_err(), "{bad}");
    }
}

// Decided: what is passed as it is must look like a model; a slip must not become one.
#[test]
fn slips_do_not_become_models() {
    let config = config_with("[harness.droid]\ncommand = ['droid']\nmodels = { fast = 'a/fast' }\n");
    for (text, wanted) in [
        (
            "droid:2-",
            "unknown model \"2-\" of droid; a quota is :N or :N-M, at the end; name it in [harness.droid.models]",
        ),
        ("cc:2-5-7", "no models defined; a quota is :N or :N-M"),
        ("droid:fast'", "unknown model \"fast'\" of droid; did you mean fast?"),
        ("droid:３", "a quota is :N or :N-M"),
        ("droid:1:2", "unknown model \"1\" of droid"),
        ("droid: 2", "has a blank beside a colon"),
        ("droid:fast :2", "has a blank beside a colon"),
    ] {
        let error = resolve(text, &config).unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
    for text in
        ["droid:gpt-5", "droid:sonnet[1m]", "droid:a.b", "droid:a/b:c", "droid:A b", "droid:model@date"]
    {
        assert!(resolve(text, &config).is_ok(), "{text}");
    }
}

#[test]
fn a_route_that_hides_a_harness_is_told() {
    let text =
        "[routes]\ndefault = ['cc']\nCX = ['cc']\ndroid = ['cc']\n[harness.droid]\ncommand = ['droid']\n";
    let warnings = super::warnings(text);
    for name in ["cx", "droid"] {
        assert!(
            warnings.contains(&format!("a harness has this name, too: --agent {name} runs the route")),
            "{warnings}"
        );
    }
    assert_eq!(warnings.lines().count(), 2, "{warnings}");
}
