//! What only a look at the whole configuration can tell: who is named in mixes, routes, providers and
//! preferences.

use pretty_assertions::assert_eq;

use super::{REPO, config, fine, refused};
use crate::support::Sandbox;

// 10-C23, 10-P7, 10-R, 10-E: the reason is told, and nothing is written
#[test]
fn who_names_nobody_is_refused() {
    let sandbox = Sandbox::new();
    let before = "[harness.cc.models]\nopus = 'claude-opus-4-7' # big\n\n[harness.mine]\ncommand = ['x']\n\n\
                  [providers]\nzen = ['op:x/y']\n";
    sandbox.write(REPO, before);
    for (key, values, wanted) in [
        (
            "routes.default",
            &["nobody"][..],
            "[routes].default: \"nobody\": unknown agent alias \"nobody\"; known are ",
        ),
        (
            "routes.ui",
            &["cc", "cc:opu:2"],
            "[routes].ui: \"cc:opu:2\": unknown model \"opu\" of cc; did you mean opus?",
        ),
        ("routes.default", &["[]"], "[routes].default: the route is empty; list who works"),
        ("defaults.mix", &["gm"], "[defaults].mix: \"gm\": unknown agent alias \"gm\"; did you mean ge?"),
        ("defaults.mix", &["cc,,cx"], "empty value for [defaults].mix"),
        ("defaults.mix", &["cc:0"], "[defaults].mix: \"cc:0\": a quota must be positive"),
        ("providers.x", &["nobody"], "[providers].x: unknown model alias \"nobody\""),
        ("providers.x", &["cx:*", "opus"], "[providers].x: \"cx:*\" matched no configured models"),
        ("providers.x", &["op"], "[providers].x: \"op\" has no concrete model; write op:MODEL"),
        ("providers.x", &["op:x/y"], "[providers].zen: opencode:x/y belongs to [providers].x already"),
        (
            "reasoning.verify",
            &["cx:nope"],
            "[reasoning].verify: unknown model \"nope\" of cx: no models defined; \
             name it in [harness.cx.models]",
        ),
    ] {
        let args = [&["set", "--repo", key], values].concat();
        let said = refused(&sandbox, 1, &args);
        let begin = "error: ROOT/repo/.rally/config.toml is left as it is: ";
        assert!(said.starts_with(begin) && said.contains(wanted), "{key} {values:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{key} {values:?}: {said}");
        assert_eq!(sandbox.read(REPO), before, "{key} {values:?}");
    }
    for (key, values) in [
        ("routes.default", &["cc:opus:2", "cx"][..]),
        ("providers.x", &["opus"]),
        ("reasoning.verify", &["cc:opus"]),
        ("reasoning.ui", &["high"]),
    ] {
        fine(&sandbox, &[&["set", "--repo", key], values].concat());
    }
    // A name that others use stays.
    fine(&sandbox, &["set", "--repo", "routes.ui", "mine", "cc"]);
    let before = sandbox.read(REPO);
    let said = refused(&sandbox, 1, &["unset", "--repo", "harness.mine"]);
    assert!(said.contains("[routes].ui: \"mine\": unknown agent alias \"mine\""), "{said}");
    let said = refused(&sandbox, 1, &["unset", "--repo", "harness.cc.models.opus"]);
    for place in ["[routes].default: \"cc:opus:2\": ", "[providers].x: ", "[reasoning].verify: "] {
        assert!(said.contains(place), "{said}");
    }
    assert_eq!(sandbox.read(REPO), before);
}

// D34: one step at a time; what is left is told, and a mistake in place of another is refused
#[test]
fn a_broken_file_is_repaired_in_two_steps() {
    let sandbox = Sandbox::new();
    sandbox.write(
        REPO,
        "# head\n[routes]\ndefault = ['nobody'] # who\n\n[providers]\nzen = ['nope'] # shared\n",
    );
    let route =
        "ROOT/repo/.rally/config.toml:3: [routes].default: \"nobody\": unknown agent alias \"nobody\"";
    let provider = "ROOT/repo/.rally/config.toml:6: [providers].zen: unknown model alias \"nope\"";
    let said = config(&sandbox, &["list"]);
    let errors: Vec<&str> = said.err.lines().collect();
    assert!(said.code == 1 && errors.len() == 2, "{}", said.err);
    assert!(errors[0].starts_with(&format!("error: {route}")), "{}", said.err);
    assert!(errors[1].starts_with(&format!("error: {provider}")), "{}", said.err);

    let said = refused(&sandbox, 1, &["set", "--repo", "routes.default", "somebody"]);
    assert!(said.contains("[routes].default: \"somebody\": unknown"), "{said}");
    assert!(!said.contains("zen"), "what was there before is no reason: {said}");
    let said = config(&sandbox, &["set", "--repo", "routes.default", "cc"]);
    assert_eq!((said.code, said.err.lines().count()), (0, 1), "{}", said.err);
    assert!(said.err.starts_with(&format!("warning: {provider}")), "{}", said.err);
    fine(&sandbox, &["set", "--repo", "providers.zen", "op:x/y"]);
    assert_eq!(
        sandbox.read(REPO),
        "# head\n[routes]\ndefault = [\"cc\"] # who\n\n[providers]\nzen = [\"op:x/y\"] # shared\n"
    );
    fine(&sandbox, &["list"]);
}

// What does not count, or may be meant, is told and saved
#[test]
fn what_is_suspicious_is_told() {
    let sandbox = Sandbox::new();
    sandbox.write(REPO, "[routes]\ndefault = ['cc', 'cx']\n");
    for (key, value, wanted) in [
        (
            "defaults.mix",
            "gm",
            "[defaults].mix: \"gm\": unknown agent alias \"gm\"; did you mean ge?; \
             known are ag, cc, cx, ge, op; it does not count while there are [routes]",
        ),
        (
            "reasoning.verify",
            "hihg",
            "[reasoning].verify: \"hihg\" is no model name and no effort that is known",
        ),
        ("defaults.claude_model", "claude-*", "[defaults].claude_model: \"claude-*\" holds a *"),
    ] {
        let said = config(&sandbox, &["set", "--repo", key, value]);
        assert_eq!((said.code, said.err.lines().count()), (0, 1), "{key}: {}", said.err);
        assert!(said.err.starts_with("warning: ROOT/repo/.rally/config.toml:"), "{key}: {}", said.err);
        assert!(said.err.contains(wanted), "{key}: {}", said.err);
    }
    let said = config(&sandbox, &["list"]);
    assert_eq!((said.code, said.err.matches("warning: ").count()), (0, 3), "{}", said.err);
    // What was there before is not told again.
    fine(&sandbox, &["set", "--repo", "reliability.retry_budget", "3"]);
    // Without the routes the mix counts.
    let said = refused(&sandbox, 1, &["unset", "--repo", "routes"]);
    assert!(said.contains("[defaults].mix: \"gm\": unknown agent alias"), "{said}");
}
