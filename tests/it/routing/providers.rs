//! Runners that share a limit.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rally::config::{Config, ProviderConfig};
use rally::model::Runner;
use rally::routing::{Catalog, Providers};

use super::{Files, config_with, errors, runner};

const TABLES: &str = r#"
[defaults]
codex_model = "gpt-5.5"
opencode_model = "opencode-go/kimi-k2.6"
[harness.cx.models]
deep = "gpt-5.5-deep"
spark = "gpt-5.5-spark"
foo = "foo-of-codex"
[harness.ge.models]
foo = "foo-of-gemini"
[harness.op.models]
m = "opencode-go/minimax"
z = "zai-coding-plan/glm-5.1"
free = "openrouter/x:free"
cc = "named-like-a-harness"
[harness.cc.models]
opus = "claude-opus-4-7"
[harness.claude.models]
opus = "claude-opus-4-7"
[harness.droid]
command = ["droid"]
models = { llama = "llama3:8b" }
[harness.work]
base = "codex"
models = { mini = "gpt-5.5-mini" }
"#;

fn config_of(providers: &str) -> Config {
    config_with(&format!("{TABLES}[providers]\n{providers}\n"))
}

/// The members of the provider `p`.
fn members(providers: &str) -> Vec<String> {
    let (providers, problems) = Providers::resolve(&Catalog::new(&config_of(providers)));
    assert_eq!(problems, []);
    let provider = providers.list.iter().find(|provider| provider.name == "p").unwrap();
    provider.members.iter().map(|(harness, model)| format!("{harness}:{model}")).collect()
}

fn scope(providers: &Providers, harness: &str, model: Option<&str>) -> Option<String> {
    providers.scope(&Runner { model: model.map(str::to_owned), ..Runner::bare(harness) })
}

// 10-P1, P3, P4, P5, P10, P11; 10-9.2
#[test]
fn a_provider_has_members() {
    for (list, wanted) in [
        // A harness is its default model; digits behind it change nothing.
        ("['cx']", &["codex:gpt-5.5"][..]),
        ("['codex:2']", &["codex:gpt-5.5"]),
        ("['work']", &["work:gpt-5.5"]),
        (
            "['cx', 'spark', 'opencode:openai/gpt-5.5']",
            &["codex:gpt-5.5", "codex:gpt-5.5-spark", "opencode:openai/gpt-5.5"],
        ),
        // The same model under two names, in two tables, twice in the list: one member.
        ("['opus', 'cc:opus', 'claude:opus', ' opus ']", &["claude:claude-opus-4-7"]),
        ("['op:openrouter/x:free']", &["opencode:openrouter/x:free"]),
        ("['free']", &["opencode:openrouter/x:free"]),
        ("['droid:llama3:8b']", &["droid:llama3:8b"]),
        ("['op:cc']", &["opencode:named-like-a-harness"]),
        // Wildcards see what is configured, defaults included.
        (
            "['codex:*']",
            &["codex:foo-of-codex", "codex:gpt-5.5", "codex:gpt-5.5-deep", "codex:gpt-5.5-spark"],
        ),
        ("['cx:*spark']", &["codex:gpt-5.5-spark"]),
        ("['*spark']", &["codex:gpt-5.5-spark"]),
        ("['*:free']", &["opencode:openrouter/x:free"]),
        ("['op:*:free']", &["opencode:openrouter/x:free"]),
        ("['opencode-go/*']", &["opencode:opencode-go/kimi-k2.6", "opencode:opencode-go/minimax"]),
        ("['op:zai-coding-plan/*']", &["opencode:zai-coding-plan/glm-5.1"]),
        ("['droid:*']", &["droid:llama3:8b"]),
        // An account of its own has the models of its base when it is named, and else what it declares.
        (
            "['work:*']",
            &[
                "work:foo-of-codex",
                "work:gpt-5.5",
                "work:gpt-5.5-deep",
                "work:gpt-5.5-mini",
                "work:gpt-5.5-spark",
            ],
        ),
        ("['*-5.5-spark', '*5-mini']", &["codex:gpt-5.5-spark", "work:gpt-5.5-mini"]),
        ("['mini']", &["work:gpt-5.5-mini"]),
    ] {
        assert_eq!(members(&format!("p = {list}")), wanted, "{list}");
    }
}

// 10-P11, P12
#[test]
fn exclusions_come_off() {
    let all = ["codex:foo-of-codex", "codex:gpt-5.5", "codex:gpt-5.5-deep", "codex:gpt-5.5-spark"];
    for (exclude, wanted) in [
        ("'codex:*spark'", &all[..3]),
        ("'*spark', 'deep'", &all[..2]),
        ("'cx:gpt-5.5'", &[all[0], all[2], all[3]]),
        ("'cx'", &[all[0], all[2], all[3]]),
        // What matches nobody, or has no model, excludes nobody.
        ("'codex:*zzz', 'cc', 'cx:gpt-4.1'", &all),
    ] {
        assert_eq!(
            members(&format!("p = {{ models = ['codex:*'], exclude = [{exclude}] }}")),
            wanted,
            "{exclude}"
        );
    }
    // Exclusions come before the question who owns whom, whatever the providers are called.
    for (one, other) in [("p", "q"), ("q", "p")] {
        let text = format!(
            "{one} = {{ models = ['codex:*'], exclude = ['codex:*spark'] }}\n{other} = ['codex:*spark']"
        );
        let (providers, problems) = Providers::resolve(&Catalog::new(&config_of(&text)));
        assert_eq!(problems, []);
        assert_eq!(scope(&providers, "codex", Some("gpt-5.5")), Some(format!("provider:{one}")));
        assert_eq!(scope(&providers, "codex", Some("gpt-5.5-spark")), Some(format!("provider:{other}")));
    }
}

// Deviation from 10-9.2, where wildcards see configured models only: a model that an entry or a flag names as it
// is draws from the same account, and must not slip past a limit or a disabled provider.
#[test]
fn wildcards_also_take_models_that_no_table_names() {
    for (list, harness, model, taken) in [
        ("models = ['op:opencode-go/*']", "opencode", Some("opencode-go/other"), true),
        ("models = ['op:opencode-go/*']", "opencode", Some("zai/other"), false),
        ("models = ['op:opencode-go/*']", "work", Some("opencode-go/other"), false),
        ("models = ['opencode-go/*']", "droid", Some("opencode-go/other"), true),
        ("models = ['*spark']", "codex", Some("gpt-6-spark"), true),
        ("models = ['codex:*']", "codex", Some("gpt-6"), true),
        ("models = ['codex:*']", "codex", None, true),
        ("models = ['codex:*spark']", "codex", None, false),
        ("models = ['cx:deep']", "codex", Some("gpt-6"), false),
        ("models = ['codex:*']\nexclude = ['*-mini']", "codex", Some("gpt-6-mini"), false),
        ("models = ['codex:*']\nexclude = ['cx:gpt-6.1']", "codex", Some("gpt-6.1"), false),
        ("models = ['codex:*']\nexclude = ['cx:gpt-6.1']", "codex", Some("gpt-6.2"), true),
    ] {
        let config = config_with(&format!("{TABLES}[providers.p]\n{list}\n"));
        let (providers, problems) = Providers::resolve(&Catalog::new(&config));
        assert_eq!(problems, []);
        let wanted = taken.then(|| "provider:p".to_owned());
        assert_eq!(scope(&providers, harness, model), wanted, "{list}: {harness} {model:?}");
    }
}

// 10-P1, P2, P8, P13
#[test]
fn members_share_a_scope_and_others_have_none() {
    let config = config_of(
        "codex = ['cx', 'spark', 'opencode:openai/gpt-5.5']\noff = { models = ['opencode-go/*'], disabled = true }",
    );
    let (providers, problems) = Providers::resolve(&Catalog::new(&config));
    assert_eq!(problems, []);
    for entry in ["cx", "cx:spark", "codex:gpt-5.5-spark:2", "op:openai/gpt-5.5"] {
        let runner = runner(entry, &config);
        assert_eq!(providers.scope(&runner).as_deref(), Some("provider:codex"), "{entry}");
        assert_eq!(providers.disabled(&runner), None, "{entry}");
    }
    for entry in ["op", "op:m"] {
        let runner = runner(entry, &config);
        assert_eq!(
            providers.disabled(&runner).map(|provider| provider.name.as_str()),
            Some("off"),
            "{entry}"
        );
        assert_eq!(providers.scope(&runner).as_deref(), Some("provider:off"), "{entry}");
    }
    // Another model, another account, no model at all: the harness' own rule holds.
    for entry in ["cx:deep", "work:gpt-5.5", "ge", "op:z", "cc"] {
        let runner = runner(entry, &config);
        assert_eq!((providers.of(&runner), providers.disabled(&runner)), (None, None), "{entry}");
    }
    let (none, problems) = Providers::resolve(&Catalog::new(&config_with(TABLES)));
    assert_eq!((none.list.len(), problems.len(), scope(&none, "codex", Some("gpt-5.5"))), (0, 0, None));
}

// 10-D27: the form in which another file wrote it does not matter.
#[test]
fn a_provider_can_be_disabled_or_narrowed_from_another_file() {
    let user = format!("{TABLES}[providers]\nCodex = ['codex:*']\n");
    for (repository, count, disabled) in [
        ("[providers.codex]\ndisabled = true\n", 4, true),
        ("[providers.codex]\nexclude = ['*spark']\n", 3, false),
        ("[providers]\ncodex = ['cx']\n", 1, false),
    ] {
        let config = Files::new(&user, repository).load().unwrap();
        let (providers, problems) = Providers::resolve(&Catalog::new(&config));
        assert_eq!(problems, []);
        let provider = providers.of(&runner("cx", &config)).unwrap();
        assert_eq!((provider.members.len(), provider.disabled), (count, disabled), "{repository}");
    }
}

// 10-P6, P7, P12, K4; 10-9.1, 9.2. The line is that of the list to blame.
#[test]
fn what_is_wrong_with_providers_is_told() {
    let line = TABLES.lines().count() + 2;
    for (text, wanted) in [
        ("p = ['nix']", "[providers].p: unknown model alias \"nix\"; it is neither a harness nor named in"),
        ("p = ['sprak']", "unknown model alias \"sprak\"; did you mean spark?"),
        ("p = ['codx']", "did you mean codex?"),
        ("p = ['codx:deep']", "unknown agent alias \"codx\"; did you mean codex?"),
        ("p = ['cx:deap']", "unknown model \"deap\" of cx; did you mean deep?"),
        (
            "p = ['foo']",
            "ambiguous model alias \"foo\": codex:foo-of-codex, gemini:foo-of-gemini; write one of them",
        ),
        // A harness wins over a model of the same name.
        ("p = ['cc']", "\"cc\" has no concrete model; write cc:MODEL, or set [defaults].claude_model"),
        ("p = ['droid']", "\"droid\" has no concrete model; write droid:MODEL\n"),
        ("p = ['cc:3']", "\"cc:3\" has no concrete model; write cc:MODEL"),
        ("p = ['ag:*']", "\"ag:*\" matched no configured models"),
        ("p = ['go/*']", "\"go/*\" matched no configured models"),
        ("p = ['op:plan/*']", "\"op:plan/*\" matched no configured models"),
        ("p = ['*zzz']", "\"*zzz\" matched no configured models; name them in"),
        ("p = ['opencode-go*']", "unsupported wildcard \"opencode-go*\"; write harness:*"),
        ("p = ['*']", "unsupported wildcard"),
        ("p = ['a*b']", "unsupported wildcard"),
        ("p = ['/*']", "unsupported wildcard"),
        ("p = ['op:a*b']", "unsupported wildcard"),
        ("p = ['**']", "unsupported wildcard"),
        ("p = [':*']", "names no harness before the colon"),
        ("p = ['codx:*']", "unknown agent alias \"codx\"; did you mean codex?"),
        ("p = ['cx:']", "nothing beside a colon"),
        ("p = [':gpt-5.5']", "nothing beside a colon"),
        ("p = ['claude:opus:4.7']", "has 3 identifier segments"),
        ("p = ['cx', ' ']", "a spec is blank"),
        ("p = { models = ['codex:*'], exclude = ['cx:*', 'cc'] }", "no models remaining after exclusions"),
        ("p = { models = ['codex:*'], exclude = ['nix'] }", "unknown model alias \"nix\""),
        ("p = { models = ['codex:*'], exclude = ['x*'] }", "unsupported wildcard"),
        ("p = []", "[providers.p] has no models"),
        ("p = { models = [] }", "has no models"),
        ("p = { disabled = true }", "has no models"),
        ("p = ['cx']\nP = ['op']", "differ only by case"),
        (
            "p = { models = ['cx'], modles = ['op'] }",
            "unknown key [providers.p].modles; did you mean models?",
        ),
        ("p = { models = ['cx'], disabled = 'no' }", "must be true or false"),
        ("p = { models = ['cx'], exclude = 'op' }", "must be a list of strings"),
        ("p = 'cx'", "must be a list of strings"),
        ("p = ['cx', 3]", "must hold strings only"),
        ("' ' = ['cx']", "has an empty name"),
        (
            "p = ['cx']\nq = ['cx:gpt-5.5']",
            "[providers].q: codex:gpt-5.5 belongs to [providers].p already; a runner can have only one provider",
        ),
        (
            "q = ['codex:*']\np = ['cx:deep']",
            "codex:gpt-5.5-deep belongs to [providers].p already; a runner can have only one provider, exclude it",
        ),
    ] {
        let told = errors(&format!("{TABLES}[providers]\n{text}\n"));
        assert!(told.contains(wanted), "{text}: {told}");
        if !text.contains('\n') {
            assert_eq!(told.trim_end().lines().count(), 1, "{text}: {told}");
            assert!(told.starts_with(&format!("repo/.rally/config.toml:{line}: ")), "{told}");
        }
    }
    let text = format!("{TABLES}[providers.p]\nmodels = ['cx', 'nix', 'cc']\nexclude = [\n  'nobody',\n]\n");
    let lines: Vec<String> =
        errors(&text).lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    let at = |more: usize| format!("repo/.rally/config.toml:{}: [providers].p:", line + more);
    assert_eq!(lines, [at(0), at(0), at(1)], "all at once");
}

// What is wrong with one leaves the others as they are.
#[test]
fn a_broken_provider_is_left_out() {
    let config = config_of("a = ['nix']\nb = ['cx']\nc = ['cx', 'cx:deep']");
    let (providers, problems) = Providers::resolve(&Catalog::new(&config));
    assert_eq!(problems.len(), 2);
    assert_eq!(scope(&providers, "codex", Some("gpt-5.5")).as_deref(), Some("provider:b"));
    assert_eq!(scope(&providers, "codex", Some("gpt-5.5-deep")).as_deref(), Some("provider:c"));
}

static CONFIG: LazyLock<Config> = LazyLock::new(|| config_with(TABLES));

const SPECS: [&str; 14] = [
    "cx",
    "work",
    "opus",
    "cx:spark",
    "codex:*",
    "work:*",
    "op:*",
    "opencode-go/*",
    "*spark",
    "*5",
    "op:zai-coding-plan/*",
    "cx:gpt-5.5-deep",
    "droid:*",
    "ge:foo",
];

fn specs() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::collection::vec(proptest::sample::select(&SPECS[..]), 1..6)
}

fn resolved(config: &mut Config, models: &[&str], exclude: &[&str]) -> Option<BTreeSet<(String, String)>> {
    let owned = |list: &[&str]| list.iter().map(|spec| (*spec).to_owned()).collect();
    let provider = ProviderConfig {
        name: "p".to_owned(),
        models: owned(models),
        exclude: owned(exclude),
        disabled: false,
    };
    config.providers.insert("p".to_owned(), provider);
    let (mut providers, problems) = Providers::resolve(&Catalog::new(config));
    assert_eq!(problems.is_empty(), !providers.list.is_empty());
    providers.list.pop().map(|provider| provider.members)
}

proptest! {
    #[test]
    fn members_are_configured_and_exclusion_is_the_difference(models in specs(), exclude in specs(), turn in 0_usize..6) {
        let mut config = CONFIG.clone();
        let all = resolved(&mut config, &models, &[]).unwrap();
        let others = resolved(&mut config, &exclude, &[]).unwrap();
        let left: BTreeSet<_> = all.difference(&others).cloned().collect();
        let found = resolved(&mut config, &models, &exclude);
        prop_assert_eq!(&found, &Some(left).filter(|left| !left.is_empty()));
        let catalog = Catalog::new(&config);
        for (harness, model) in &all {
            prop_assert!(catalog.models_of(harness).contains(&(harness.clone(), model.clone())));
        }
        // The order of the lists means nothing.
        let (mut models, mut exclude) = (models, exclude);
        models.reverse();
        let by = turn % exclude.len();
        exclude.rotate_left(by);
        prop_assert_eq!(resolved(&mut config, &models, &exclude), found);
    }

    /// The lines of the file in any order, under any names: who shares a limit stays the same.
    #[test]
    fn a_scope_does_not_depend_on_the_order_of_the_file(order in Just([0, 1, 2, 3]).prop_shuffle(), swap: bool) {
        let (one, other) = if swap { ("a", "z") } else { ("z", "a") };
        let lines = [
            format!("{one} = {{ models = ['*spark', 'codex:*'], exclude = ['deep'] }}"),
            format!("{other} = ['deep', 'work:*']"),
            "m = ['op:*']".to_owned(),
            "n = { models = ['ge:foo'], disabled = true }".to_owned(),
        ];
        let text: Vec<&str> = order.iter().map(|index| lines[*index].as_str()).collect();
        let config = config_of(&text.join("\n"));
        let (providers, problems) = Providers::resolve(&Catalog::new(&config));
        prop_assert_eq!(problems, vec![]);
        let names: Vec<&str> = providers.list.iter().map(|provider| provider.name.as_str()).collect();
        prop_assert_eq!(names, ["a", "m", "n", "z"]);
        for (entry, name) in [("cx", one), ("cx:spark", one), ("cx:deep", other), ("work", other), ("op:z", "m")] {
            prop_assert_eq!(providers.scope(&runner(entry, &config)), Some(format!("provider:{name}")));
        }
    }
}
