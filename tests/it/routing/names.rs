//! Names, models and efforts of harnesses.

use pretty_assertions::assert_eq;
use rally::routing::{Catalog, Entry};

use super::{TABLES, config_with, resolve, runner};

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
        ("work:opus", "work", "opus-of-claude"),
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

#[test]
fn a_harness_may_have_an_effort_of_its_own() {
    let config = config_with(
        "[harness.cc]\neffort = \"high\"\n[harness.work]\nbase = \"claude\"\n\
         [harness.deep]\nbase = \"claude\"\neffort = \" max \"\n[harness.codex]\neffort = \"\"\n",
    );
    for (entry, effort) in
        [("claude:opus-4.7", Some("high")), ("work", Some("high")), ("deep", Some("max")), ("cx", None)]
    {
        assert_eq!(runner(entry, &config).effort.as_deref(), effort, "{entry}");
    }
}

// 10-A13, C14
#[test]
fn the_default_model_of_the_table_beats_the_one_at_the_top_level() {
    for (text, model) in [
        ("claude_model = 'old'\n[defaults]\nclaude_model = 'new'\n", "new"),
        ("claude_model = 'old'\n", "old"),
        ("claude_model = ''\n[defaults]\nclaude_model = ''\n", ""),
        ("[harness.cc.models]\nopus = 'x'\n", ""),
    ] {
        assert_eq!(resolve("cc", &config_with(text)), Ok(("claude".to_owned(), model.to_owned())), "{text}");
    }
}

// D38: nothing is offered that was not found, nothing found that is not offered.
#[test]
fn what_is_suggested_resolves() {
    let config = config_with(TABLES);
    let catalog = Catalog::new(&config);
    for harness in ["cc", "claude", "op", "opencode", "ag", "agy", "antigravity", "mycode", "work"] {
        for name in catalog.model_names(harness) {
            let slip = format!("{harness}:{name}q");
            let error = resolve(&slip, &config).unwrap_err();
            assert!(error.contains(name), "{slip}: {error}");
            assert!(resolve(&format!("{harness}:{name}"), &config).is_ok(), "{harness}:{name}");
        }
    }
    // At most three.
    let config = config_with("[harness.cx.models]\nm1 = 'a'\nm2 = 'a'\nm3 = 'a'\nm4 = 'a'\n");
    assert!(resolve("cx:mx", &config).unwrap_err().contains("did you mean m1, m2 or m3?"));
}

// D39: a raw model that looks like a name passes, and is doubted.
#[test]
fn models_that_nobody_named_are_doubted() {
    let config = config_with(TABLES);
    let doubt = |text: &str| Catalog::new(&config).doubt(&Entry::parse(text).unwrap().identifier);
    for (text, wanted) in [
        ("cx:gpt-5", "cx has no model named \"gpt-5\"; it is passed as it is"),
        ("cc:claude-haiku-*", "the model \"claude-haiku-*\" holds a *"),
        ("work:fast-1", "work has no model named \"fast-1\""),
    ] {
        let doubt = doubt(text).unwrap_or_default();
        assert!(doubt.contains(wanted), "{text}: {doubt}");
    }
    for text in ["cc", "cc:opus", "cx:gpt-5.4", "work:opus", "nobody:x-1", "op:z"] {
        assert_eq!(doubt(text), None, "{text}");
    }
}
