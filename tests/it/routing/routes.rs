//! Routes, the choice of a lane, and everything that is wrong with a configuration at once.

use std::collections::BTreeMap;

use pretty_assertions::assert_eq;
use proptest::prelude::*;
use rally::config::{Config, Defaults, ProviderConfig, ReasoningConfig, RouteConfig};
use rally::routing::routes::{self, Routes};
use rally::routing::{Catalog, Lane, NoLane, Quota, Roster, RosterError, Rules, Source};

use super::{Files, TABLES, config_with, errors, flags, turns, warnings};

const ROUTES: &str = r#"
[routes]
SENIOR = ["cc:opus", "cx:2-3"]
Default = ["op:z:2", "work"]
"#;

fn with_routes() -> Config {
    config_with(&format!("{TABLES}{ROUTES}"))
}

fn routes_of(config: &Config) -> Routes {
    routes::resolve(&Catalog::new(config))
}

fn roster_of(config: &Config) -> Roster {
    Roster::from_routes(&routes_of(config)).unwrap()
}

// 10-5: bare in a route stays until it fails. 30-134 and 135 in part.
#[test]
fn entries_of_routes_keep_what_they_say() {
    use Quota::{Exactly, Open, Range};
    let routes = routes_of(&with_routes());
    let lanes: Vec<(&str, Vec<Quota>)> = routes
        .lanes
        .iter()
        .map(|lane| (lane.name.as_str(), lane.slots.iter().map(|slot| slot.quota).collect()))
        .collect();
    assert_eq!(
        lanes,
        [("Default", vec![Exactly(2), Open]), ("SENIOR", vec![Open, Range { min: 2, max: 3 }])]
    );
    assert_eq!((routes.find(" senior "), routes.find("dev"), routes.has_default()), (Some(1), None, true));
    let runs = turns(&routes.lanes[0].slots, 4, |member| member.text.clone());
    assert_eq!(runs, ["op:z:2", "op:z:2", "work", "work"]);
}

// 10-O2, O3; 30-136, 143 (a free run has no role)
#[test]
fn a_task_gets_the_lane_of_its_role_else_the_default_one() {
    let roster = roster_of(&with_routes());
    assert_eq!((roster.source, roster.label().as_str()), (Source::Routes, "__routes__"));
    for (assignee, lane, unmatched) in [
        (Some("senior"), "SENIOR", None),
        (Some("  Senior "), "SENIOR", None),
        (Some("default"), "Default", None),
        (Some("planner"), "Default", Some("planner")),
        (Some(" "), "Default", None),
        (None, "Default", None),
    ] {
        let choice = roster.choose(assignee).unwrap();
        let chosen = (roster.lanes[choice.lane].name.as_str(), choice.unmatched.as_deref());
        assert_eq!(chosen, (lane, unmatched), "{assignee:?}");
    }
}

// 10-O3; 30-137
#[test]
fn without_a_default_route_a_task_may_have_no_lane() {
    let roster = roster_of(&config_with("[routes]\nsenior = ['cc']\n"));
    assert_eq!(roster.choose(Some("SENIOR")).map(|choice| choice.lane), Ok(0));
    let error = roster.choose(Some(" planner ")).unwrap_err();
    assert_eq!(error, NoLane::OfRole("planner".to_owned()));
    let text = error.to_string();
    assert!(
        text.contains("\"planner\"") && text.contains("\"default\"") && text.contains("[routes]"),
        "{text}"
    );
    for nobody in [None, Some(" ")] {
        let text = roster.choose(nobody).unwrap_err().to_string();
        assert!(text.contains("\"default\"") && text.contains("--agent"), "{text}");
    }
}

// 10-O1, O4, O9; 30-138
#[test]
fn a_flag_replaces_every_route_and_a_mix_has_none() {
    let config = with_routes();
    let roster = flags(&["cc"], &config).unwrap();
    for assignee in [None, Some("SENIOR"), Some("nobody")] {
        let choice = roster.choose(assignee).unwrap();
        assert_eq!((choice.lane, choice.unmatched), (0, None));
    }
    assert_eq!(roster.lanes[0].name, "override");
    assert_eq!(turns(&roster.lanes[0].slots, 3, |member| member.text.clone()), ["cc", "cc", "cc"]);
    let mix = Roster::from_config_mix(&Catalog::new(&config)).unwrap();
    let choice = mix.choose(Some("SENIOR")).unwrap();
    assert_eq!((choice.lane, choice.unmatched), (0, None));
    assert_eq!(mix.lanes[0].name, "default");
}

#[test]
fn a_relay_without_flags_has_the_routes_else_the_mix() {
    for (text, lanes) in [
        ("", Some("default: cc cx:2")),
        ("[defaults]\nmix = 'cx'\n", Some("default: cx")),
        ("[defaults]\nmix = 'nobody'\n", None),
        ("[defaults]\nmix = 'cx'\n[routes]\nsenior = ['cc']\n", Some("senior: cc")),
        ("[routes]\ndefault = ['cc']\nsenior = ['nobody']\n", Some("default: cc")),
        ("[routes]\nsenior = ['nobody']\n", None),
    ] {
        let roster = Rules::of(&config_with(text)).roster();
        let texts =
            |lane: &Lane| lane.members().map(|member| member.text.clone()).collect::<Vec<_>>().join(" ");
        let shown = |lane: &Lane| format!("{}: {}", lane.name, texts(lane));
        let shown = roster.map(|roster| roster.lanes.iter().map(shown).collect::<Vec<_>>().join("; "));
        assert_eq!(shown.as_deref(), lanes, "{text}");
    }
}

#[test]
fn a_lane_gets_the_tasks_of_its_role_and_the_default_one_all_others() {
    let wishes = "[reasoning]\nUI = 'high'\nsenior = 'high'\nnothing = ''\n";
    for (routes, tasks) in [
        ("", &[("default", None), ("default", Some("senior")), ("default", Some("UI"))][..]),
        ("[routes]\nui = ['cx']\n", &[("ui", Some("ui"))]),
        (
            "[routes]\nSENIOR = ['cc']\nDefault = ['cx']\n",
            &[("Default", None), ("Default", Some("UI")), ("SENIOR", Some("SENIOR"))],
        ),
    ] {
        let config = config_with(&format!("{routes}{wishes}"));
        let roster = Rules::of(&config).roster().unwrap();
        let told: Vec<_> = roster
            .tasks(&config)
            .into_iter()
            .map(|(lane, role)| (roster.lanes[lane].name.as_str(), role))
            .collect();
        assert_eq!(told, tasks, "{routes}");
    }
}

// 10-O14; 30-146
#[test]
fn a_lane_with_one_runner_is_known() {
    let config = config_with(
        "[routes]\nsolo = ['cc']\ntwice = ['cc:2', 'claude']\npair = ['cc', 'cx']\nmodels = ['cc', 'cc:claude-4.5']\n",
    );
    let only =
        |roster: &Roster, lane: usize| roster.lanes[lane].only_runner().map(|runner| runner.harness.clone());
    let roster = roster_of(&config);
    let lonely: Vec<&str> = roster
        .lanes
        .iter()
        .filter(|lane| lane.only_runner().is_some())
        .map(|lane| lane.name.as_str())
        .collect();
    assert_eq!(lonely, ["solo", "twice"]);
    assert_eq!(only(&flags(&["cx:2"], &config).unwrap(), 0), Some("codex".to_owned()));
    assert_eq!(only(&flags(&["pair:1"], &config).unwrap(), 0), None);
}

// 10-E12, K3, K5, K7, D40: every bad entry is told, with file, line, route and the way out.
#[test]
fn every_bad_entry_of_a_route_is_told() {
    let text = "[routes]\ndefault = ['op:gp', 'cx', 'copex', 'cc:0']\nempty = []\ngood = ['cc']\n\
                senior = ['claude:opus:4.7']\n[harness.op.models]\ngk = 'x/y'\nz = 'x/z'\n";
    let at = "repo/.rally/config.toml";
    assert_eq!(
        errors(text),
        format!(
            "{at}:2: [routes].default: \"cc:0\": a quota must be positive\n\
             {at}:2: [routes].default: \"copex\": unknown agent alias \"copex\"; did you mean codex?; \
             known are ag, cc, cx, ge, op\n\
             {at}:2: [routes].default: \"op:gp\": unknown model \"gp\" of op; did you mean gk?; \
             name it in [harness.op.models]\n\
             {at}:3: [routes].empty: the route is empty; list who works, like [\"cc:2\", \"cx\"], or remove it\n\
             {at}:5: [routes].senior: \"claude:opus:4.7\" has 3 identifier segments, expected 1 or 2 \
             (a model may contain a colon only behind a slash)\n"
        )
    );
    let config = config_with(text);
    let routes = routes_of(&config);
    let names: Vec<&str> = routes.lanes.iter().map(|lane| lane.name.as_str()).collect();
    assert_eq!((names, routes.problems().count()), (vec!["good"], 5));
    assert!(!routes.has_default());
    // The first one is told where one is enough.
    let first = routes::lane(&Catalog::new(&config), "default").unwrap_err();
    assert!(matches!(first, RosterError::Resolve { entry, .. } if entry == "op:gp"));
    assert_eq!(Roster::from_routes(&routes_of(&config_with("[routes]\ndefault = []\n"))), None);
    assert_eq!(Roster::from_routes(&routes_of(&config_with(""))), None);
}

#[test]
fn an_entry_of_a_long_list_is_found_by_its_own_line() {
    let config = config_with("[routes]\ndefault = [\n  'cc',\n  'gm',\n  # one more\n  'cx:0',\n]\n");
    let lines = Rules::of(&config).diagnostics().0;
    let lines: Vec<usize> = lines.iter().filter_map(|told| Some(told.origin.as_ref()?.line)).collect();
    assert_eq!(lines, [4, 6]);
}

// The brief, 2c; 10-K7, K8: exit codes follow errors, so a doubt must be none.
#[test]
fn doubts_are_no_errors() {
    let text = "[defaults]\nclaude_model = 'claude-haiku-*'\nmix = 'cc:x.* cx'\n\
                [routes]\nplanner = ['cc:2', 'cx:gpt-5', 'cc', 'cx:gpt-5']\n";
    let at = "repo/.rally/config.toml";
    assert_eq!(errors(text), "");
    assert_eq!(
        warnings(text),
        format!(
            "{at}:2: [defaults].claude_model: \"claude-haiku-*\" holds a *, which is passed as it is; no CLI expands it\n\
             {at}:5: [routes].planner: cx has no model named \"gpt-5\"; it is passed as it is\n"
        )
    );
    let mix = warnings("[defaults]\nmix = 'cc:x.* cx'\n");
    assert_eq!(
        mix,
        format!(
            "{at}:2: [defaults].mix: the model \"x.*\" holds a *, which is passed as it is; no CLI expands it\n"
        )
    );
}

#[test]
fn all_complaints_come_together_by_file_and_line() {
    let user = "[providers]\nb = ['nobody']\na = ['cx']\n[routes]\nold = ['zz']\n";
    let repository = "[reasoning]\nverify = 'cc:nix'\nqa = 'ludicrous'\n[routes]\ndefault = ['yy']\n\
                      [defaults]\nmix = 'nope'\n[providers.c]\nmodels = ['cc:*']\nexclude = ['ccc']\n";
    let files = Files::new(user, repository);
    let (errors, warnings) = files.complaints();
    let heads = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect()
    };
    let (home, repo) = ("home/.config/rally/config.toml", "repo/.rally/config.toml");
    assert_eq!(
        heads(&errors),
        [
            format!("{home}:2: [providers].b"),
            format!("{home}:3: [providers].a"),
            format!("{home}:5: [routes].old"),
            format!("{repo}:2: [reasoning].verify"),
            format!("{repo}:5: [routes].default"),
            format!("{repo}:9: [providers].c"),
            format!("{repo}:10: [providers].c"),
        ]
    );
    assert_eq!(heads(&warnings), [format!("{repo}:3: [reasoning].qa"), format!("{repo}:7: [defaults].mix")]);
    assert_eq!(files.complaints(), (errors, warnings));
    let config = files.load().unwrap();
    let rules = Rules::of(&config);
    assert_eq!((rules.errors.len(), rules.routes.problems().count(), rules.mix.is_err()), (5, 2, true));
    let keys: Vec<String> = rules.diagnostics().0.into_iter().map(|diagnostic| diagnostic.key).collect();
    assert_eq!(keys[..4], ["providers.b", "providers.a", "routes.old", "reasoning.verify"]);
}

proptest! {
    #[test]
    fn no_configuration_makes_it_panic(
        texts in proptest::collection::vec(".{0,20}|[a-c:x/*0-9 -]{0,12}|(cc|op|work)[:*/a-z0-9-]{0,8}", 8),
    ) {
        let mut config = Config::with_data_dir("/nowhere".into());
        let entries = |range: std::ops::Range<usize>| texts[range].to_vec();
        config.routes = BTreeMap::from([
            ("default".to_owned(), RouteConfig { name: texts[0].clone(), entries: entries(1..3), lines: vec![1, 1] }),
        ]);
        config.providers = BTreeMap::from([("p".to_owned(), ProviderConfig {
            name: "p".to_owned(),
            models: entries(3..5),
            exclude: entries(5..6),
            disabled: true,
        })]);
        let preference = ReasoningConfig { role: "r".to_owned(), preference: texts[6].trim().to_owned() };
        config.reasoning = BTreeMap::from([("r".to_owned(), preference)]);
        config.defaults = Defaults { mix: Some(texts[7].clone()), ..Defaults::default() };
        let (errors, warnings) = Rules::of(&config).diagnostics();
        for diagnostic in errors.iter().chain(&warnings) {
            prop_assert!(!diagnostic.message.is_empty() && !diagnostic.key.is_empty());
        }
        prop_assert_eq!(Rules::of(&config).diagnostics(), (errors, warnings));
    }
}
