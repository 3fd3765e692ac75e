//! What roles want: another model, or an effort.

use pretty_assertions::assert_eq;
use rally::config::Config;
use rally::routing::Rules;
use rally::routing::reasoning::is_known_effort;

use super::{config_with, errors, flags, warnings};

const TABLES: &str = r#"
[defaults]
codex_model = "gpt-5.5"
[harness.cx.models]
spark = "gpt-5.5-spark"
[harness.codex.models]
spark = "spark-of-codex"
deep = "gpt-5.5-deep"
[harness.op.models]
z = "zai/glm-5.1"
[harness.cc]
effort = "low"
[harness.cc.models]
fast = "claude-haiku-4-5"
[harness.work]
base = "claude"
effort = "max"
models = { slow = "claude-opus-4-7" }
[harness.CX]
command = ["other"]
models = { own = "other-1" }
"#;

fn config_wanting(preferences: &str) -> Config {
    config_with(&format!("{TABLES}[reasoning]\n{preferences}\n"))
}

/// Harness, model and effort of an entry under a role.
fn applied(config: &Config, entry: &str, role: Option<&str>) -> String {
    let rules = Rules::of(config);
    let roster = flags(&[entry], config).unwrap();
    let runner = rules.reasoning.apply(role, &roster.lanes[0].slots[0].members[0]);
    let text = |part: Option<String>| part.unwrap_or_else(|| "-".to_owned());
    format!("{} {} {}", runner.harness, text(runner.model), text(runner.effort))
}

// 10-R1 to R4; 10-11
#[test]
fn a_role_changes_the_model_or_the_effort() {
    for (preference, entry, wanted) in [
        // A name of a model of the harness that has the turn: its first name's table comes first.
        ("spark", "cx", "codex spark-of-codex -"),
        ("spark", "cc", "claude - spark"),
        ("deep", "cx:2", "codex gpt-5.5-deep -"),
        ("z", "op", "opencode zai/glm-5.1 -"),
        // Everything else is an effort; it replaces the harness' own.
        ("high", "cx", "codex gpt-5.5 high"),
        ("high", "cc", "claude - high"),
        ("high", "work", "work - high"),
        ("ludicrous", "op", "opencode - ludicrous"),
        (" high ", "cx", "codex gpt-5.5 high"),
        ("", "work", "work - max"),
        // An entry with a model of its own is left alone, the harness' effort with it.
        ("high", "cc:fast", "claude claude-haiku-4-5 low"),
        ("spark", "cx:deep:2", "codex gpt-5.5-deep -"),
        ("cx:spark", "codex:gpt-5.5", "codex gpt-5.5 -"),
        // For one harness only, whatever it is called there.
        ("cx:spark", "codex", "codex gpt-5.5-spark -"),
        ("codex:spark", "cx", "codex spark-of-codex -"),
        ("Codex:spark", "cx", "codex spark-of-codex -"),
        (" oP : z ", "opencode", "opencode zai/glm-5.1 -"),
        ("cx:deep", "cc", "claude - low"),
        ("cx:gpt-5.4", "cx", "codex gpt-5.4 -"),
        ("op:openrouter/x:free", "op", "opencode openrouter/x:free -"),
        // A model replaced by name keeps the effort of the harness.
        ("cc:fast", "cc", "claude claude-haiku-4-5 low"),
        // A harness built on another counts for itself, and knows the names of its base.
        ("work:slow", "work", "work claude-opus-4-7 max"),
        ("work:fast", "work", "work claude-haiku-4-5 max"),
        ("work:slow", "cc", "claude - low"),
        ("cc:fast", "work", "work - max"),
        ("fast", "work", "work claude-haiku-4-5 max"),
        ("slow", "cc", "claude - slow"),
        // The user's own harness of this very name comes before a built-in one in another case.
        ("CX:own", "CX", "CX other-1 -"),
        ("Cx:spark", "cx", "codex gpt-5.5-spark -"),
    ] {
        let config = config_wanting(&format!("Verify = \"{preference}\""));
        assert_eq!(errors(&format!("{TABLES}[reasoning]\nVerify = \"{preference}\"\n")), "", "{preference}");
        assert_eq!(applied(&config, entry, Some(" vERIFY ")), wanted, "{preference} on {entry}");
        // R1, 10-5.1: nothing applies without a role, or to another one.
        let plain = applied(&config_wanting(""), entry, None);
        assert_eq!(applied(&config, entry, None), plain);
        assert_eq!(applied(&config, entry, Some("qa")), plain);
        assert_eq!(applied(&config, entry, Some(" ")), plain);
    }
}

// 10-R4, K6
#[test]
fn a_preference_for_what_does_not_exist_is_an_error() {
    let line = TABLES.lines().count() + 2;
    for (preference, wanted) in [
        ("cx:sprak", "unknown model \"sprak\" of cx; did you mean spark?; name it in [harness.cx.models]"),
        ("CODEX:sprak", "unknown model \"sprak\" of codex; did you mean spark?"),
        ("ge:nix", "unknown model \"nix\" of ge: no models defined"),
        // What looks like a name must be one, though a route would pass it.
        ("cx:gpt-5", "unknown model \"gpt-5\" of cx"),
        ("cx:", "\"cx:\" names no model"),
        (":spark", "nothing beside a colon"),
        ("cxx:spark", "unknown agent alias \"cxx\"; did you mean CX or cx?"),
        ("wrok:slow", "did you mean work?"),
        ("CX:spark", "unknown model \"spark\" of CX"),
        ("cx:gpt-5.4:2", "\"cx:gpt-5.4:2\" ends with a number"),
        ("cx:2", "ends with a number"),
        ("cx:-c", "cannot start with a dash"),
        ("cx:a:b", "3 identifier segments"),
    ] {
        let error = errors(&format!("{TABLES}[reasoning]\nVerify = \"{preference}\"\n"));
        let start = format!("repo/.rally/config.toml:{line}: [reasoning].Verify: ");
        assert!(error.starts_with(&start) && error.contains(wanted), "{preference}: {error}");
        assert_eq!(error.lines().count(), 1);
        // It changes nothing.
        assert_eq!(
            applied(&config_wanting(&format!("Verify = \"{preference}\"")), "cx", Some("verify")),
            "codex gpt-5.5 -"
        );
    }
}

// 10-K6, R6
#[test]
fn an_effort_that_nobody_knows_is_doubted() {
    let warned = |preference: &str| {
        let text = format!("{TABLES}[reasoning]\nverify = \"{preference}\"\n");
        assert_eq!(errors(&text), "");
        warnings(&text)
    };
    for (preference, wanted) in [
        (
            "ludicrous",
            "[reasoning].verify: \"ludicrous\" is no model name and no effort that is known; it is passed on as an effort\n",
        ),
        ("hihg", "it is passed on as an effort; did you mean high?\n"),
        ("sprak", "did you mean spark?"),
        ("cc:claude-haiku-*", "the model \"claude-haiku-*\" holds a *"),
    ] {
        let warning = warned(preference);
        assert!(warning.contains(wanted), "{preference}: {warning}");
    }
    for preference in ["high", "MAX", " minimal ", "spark", "own", "cx:spark", ""] {
        assert_eq!(warned(preference), "", "{preference}");
    }
    for (effort, known) in [
        ("high", true),
        ("MAX", true),
        (" minimal ", true),
        ("xhigh", true),
        ("", false),
        ("ludicrous", false),
        ("turbo", false),
    ] {
        assert_eq!(is_known_effort(effort), known, "{effort}");
    }
}

// 10-9.1, 11: health and limits are those of the model that runs.
#[test]
fn a_model_that_a_role_chose_belongs_to_its_own_provider() {
    let config = config_with(&format!(
        "{TABLES}[reasoning]\nverify = 'spark'\n[providers]\nmain = ['cx']\nsparks = ['codex:spark']\n"
    ));
    let rules = Rules::of(&config);
    let member = flags(&["cx"], &config).unwrap().lanes[0].slots[0].members[0].clone();
    let scope = |role| rules.providers.scope(&rules.reasoning.apply(role, &member));
    assert_eq!(scope(None).as_deref(), Some("provider:main"));
    assert_eq!(scope(Some("verify")).as_deref(), Some("provider:sparks"));
}
