//! Teams from real configurations, and what keeps their members from working.

use super::*;
use crate::config;
use crate::executor::{HarnessSpec, Registry, built_in};
use crate::model::{Cli, QuotaWindow};
use crate::routing::{Catalog, Rules};
use crate::store::records::{AgentStatusKind, QuotaRecord, RECORD_VERSION};

const TEAM: &str = r#"
[defaults]
claude_model = "sonnet-5"
codex_model = "gpt-6"
[harness.claude.models]
opus = "opus-5"
[harness.opencode.models]
z = "zai/glm"
gk = "openrouter/grok"
kimi = "openrouter/kimi"
[harness.work]
base = "claude"
[routes]
Default = ["cc", "cx"]
senior = ["cc:opus", "op:z:2", "op:gk"]
walk = ["cx:5", "op:kimi"]
[reasoning]
ui = "opus"
"#;

fn team(text: &str, flags: &[&str]) -> Team {
    let config = config::of_text(text);
    let rules = Rules::of(&config);
    assert!(rules.errors.is_empty(), "{:?}", rules.errors);
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let roster = match flags.is_empty() {
        true => rules.roster().unwrap(),
        false => Roster::from_flags(&flags, &Catalog::new(&config)).unwrap(),
    };
    Team { roster, providers: rules.providers, reasoning: rules.reasoning }
}

/// What the harnesses themselves say.
fn of_harness(runner: &Runner) -> String {
    let mut registry = Registry::default();
    for (cli, name) in [
        (Cli::Claude, "claude"),
        (Cli::Claude, "work"),
        (Cli::Codex, "codex"),
        (Cli::Opencode, "opencode"),
        (Cli::Antigravity, "antigravity"),
    ] {
        registry.insert(built_in(cli, HarnessSpec::plain(name, name)));
    }
    registry.quota_scope(runner)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn runner(harness: &str, model: &str) -> Runner {
    Runner { model: (!model.is_empty()).then(|| model.to_owned()), ..Runner::bare(harness) }
}

fn event(runner: &Runner, kind: AgentStatusKind, second: i64) -> AgentStatusEvent {
    AgentStatusEvent::new(runner, kind, at(second))
}

/// A usage limit that a runner met at second 0.
fn limit(crew: &Crew, runner: &Runner, reset: Option<i64>) -> AgentStatusEvent {
    AgentStatusEvent {
        reset_at: reset.map(at),
        quota_scope: Some(crew.scope(runner, &of_harness)),
        ..event(runner, AgentStatusKind::Benched, 0)
    }
}

fn crew(text: &str, flags: &[&str]) -> Crew {
    Crew::new(team(text, flags), None, Healths::default())
}

/// Who has the turn, as typed; else what else there is to do.
fn pick(crew: &mut Crew, lane: usize, role: Option<&str>, second: i64) -> Result<String, Pick> {
    match crew.next(lane, role, at(second), &of_harness) {
        Pick::Run(turn) => Ok(crew.member(lane, turn).text.clone()),
        other => Err(other),
    }
}

fn lane(crew: &Crew, role: &str) -> usize {
    crew.choose(Some(role)).unwrap().lane
}

fn run(crew: &mut Crew, lane: usize, role: Option<&str>, verdict: Verdict) -> String {
    let Pick::Run(turn) = crew.next(lane, role, at(1), &of_harness) else { panic!("nobody runs") };
    crew.record(lane, turn, verdict);
    crew.member(lane, turn).text.clone()
}

fn is_ready(crew: &Crew, harness: &str, model: &str) -> bool {
    crew.is_ready(&runner(harness, model), at(1), &of_harness)
}

// 10-V1, 30-130
#[test]
fn a_limit_of_a_provider_is_the_limit_of_all_its_members() {
    let text = format!("{TEAM}\n[providers]\nshared = [\"cc:opus\", \"op:z\", \"cx\"]\n");
    let mut crew = crew(&text, &[]);
    let met = limit(&crew, &runner("opencode", "zai/glm"), Some(600));
    assert_eq!(met.quota_scope.as_deref(), Some("provider:shared"));
    crew.apply(&met);
    for (harness, model, ready) in [
        ("claude", "opus-5", false),
        ("opencode", "zai/glm", false),
        ("codex", "gpt-6", false),
        ("claude", "sonnet-5", true),
        ("opencode", "openrouter/grok", true),
        // A model of the CLI's choice is no member.
        ("codex", "", true),
    ] {
        assert_eq!(is_ready(&crew, harness, model), ready, "{harness} {model}");
    }
    let (senior, walk) = (lane(&crew, "senior"), lane(&crew, "walk"));
    assert_eq!(pick(&mut crew, senior, None, 1).unwrap(), "op:gk");
    assert_eq!(pick(&mut crew, walk, None, 1).unwrap(), "op:kimi");
    assert_eq!(pick(&mut crew, walk, None, 600).unwrap(), "op:kimi", "it stays until it fails");
    let drawing = crew.drawing_from("provider:shared", None, &of_harness);
    let labels: Vec<String> = drawing.iter().map(Runner::label).collect();
    assert_eq!(labels, ["claude - opus-5", "codex - gpt-6", "opencode - zai/glm"]);
}

/// The window of an account: told at one second, used so far, over at another.
fn told(scope: &str, second: i64, used: f64, resets: i64) -> QuotaRecord {
    let resets_at = Some(at(resets));
    QuotaRecord {
        v: RECORD_VERSION,
        scope: scope.to_owned(),
        source: "claude".to_owned(),
        at: at(second),
        try_id: None,
        windows: vec![QuotaWindow { used: Some(used), resets_at, ..QuotaWindow::named("five_hour") }],
    }
}

/// All that is known about the windows.
fn learn(crew: &mut Crew, told: &[QuotaRecord]) {
    crew.set_healths(Healths::remembered(&[], told));
}

// 50-R24
#[test]
fn nobody_is_sent_into_a_window_that_is_used_up() {
    let mut crew = crew(TEAM, &[]);
    let default = lane(&crew, "default");
    assert_eq!(pick(&mut crew, default, None, 1).unwrap(), "cc");
    let claude = told("claude", 0, 1.0, 600);
    learn(&mut crew, std::slice::from_ref(&claude));
    for (harness, model, ready) in
        [("claude", "sonnet-5", false), ("claude", "", false), ("work", "opus-5", true), ("codex", "", true)]
    {
        assert_eq!(is_ready(&crew, harness, model), ready, "{harness} {model}");
    }
    assert_eq!(pick(&mut crew, default, None, 599).unwrap(), "cx");
    let codex = told("codex", 1, 1.0, 700);
    learn(&mut crew, &[claude.clone(), codex.clone()]);
    assert_eq!(pick(&mut crew, default, None, 599), Err(Pick::Wait { until: at(600) }));
    // A newer word that there is room again counts at once.
    learn(&mut crew, &[claude, codex, told("claude", 2, 0.1, 600)]);
    assert!(is_ready(&crew, "claude", ""));
    assert_eq!(pick(&mut crew, default, None, 3).unwrap(), "cc");
}

#[test]
fn the_budget_that_is_lost_soonest_is_used_where_the_lane_leaves_it_open() {
    let mut crew = crew(TEAM, &[]);
    let default = lane(&crew, "default");
    learn(&mut crew, &[told("claude", 0, 0.1, 600), told("codex", 0, 0.9, 500)]);
    assert_eq!(pick(&mut crew, default, None, 499).unwrap(), "cx");
    assert_eq!(pick(&mut crew, default, None, 500).unwrap(), "cc", "that of codex has begun anew");
    assert_eq!(pick(&mut crew, default, None, 600).unwrap(), "cc", "nothing is known any more");
    // Entries with a quota take their turns all the same.
    let walk = lane(&crew, "walk");
    learn(&mut crew, &[told("opencode:openrouter", 0, 0.1, 400)]);
    assert_eq!(pick(&mut crew, walk, None, 1).unwrap(), "cx:5");
}

// 10-V5, 30-129
#[test]
fn without_a_provider_the_harness_says_who_shares_a_limit() {
    let mut crew = crew(TEAM, &[]);
    crew.apply(&limit(&crew, &runner("claude", "sonnet-5"), Some(600)));
    assert!(!is_ready(&crew, "claude", "opus-5"));
    assert!(!is_ready(&crew, "claude", ""));
    assert!(is_ready(&crew, "work", "opus-5"), "another account of the same vendor");
    crew.apply(&limit(&crew, &runner("opencode", "openrouter/grok"), Some(600)));
    assert!(!is_ready(&crew, "opencode", "openrouter/kimi"));
    assert!(is_ready(&crew, "opencode", "zai/glm"));
    let senior = lane(&crew, "senior");
    assert_eq!(pick(&mut crew, senior, None, 1).unwrap(), "op:z:2");
}

// 10-V2, 30-131
#[test]
fn members_of_a_disabled_provider_are_never_chosen() {
    let text = format!("{TEAM}\n[providers.off]\nmodels = [\"cc\", \"cc:opus\"]\ndisabled = true\n");
    let mut crew = crew(&text, &[]);
    let default = crew.choose(None).unwrap().lane;
    let claude = runner("claude", "sonnet-5");
    assert_eq!(pick(&mut crew, default, None, 1).unwrap(), "cx");
    // A skip, good news and a new process change nothing.
    assert_eq!(run(&mut crew, default, None, Verdict::Skipped), "cx");
    crew.apply(&event(&claude, AgentStatusKind::Active, 1));
    assert_eq!(pick(&mut crew, default, None, 1), Err(Pick::Wrap));
    crew.wrap(default);
    let mut crew = Crew::new(team(&text, &[]), Some(&crew.positions()), Healths::default());
    assert_eq!(pick(&mut crew, default, None, 1).unwrap(), "cx");
    assert!(!crew.is_ready(&claude, at(1), &of_harness));
    // Neither does the end of a bench: it is not even waited for.
    crew.apply(&limit(&crew, &claude, Some(60)));
    crew.apply(&event(&runner("codex", "gpt-6"), AgentStatusKind::Paused, 0));
    assert_eq!(pick(&mut crew, default, None, 1), Err(Pick::Wait { until: at(3600) }));
    assert_eq!(crew.team.disabled_by(default, None), None, "not all of them are");
}

// 10-V3
#[test]
fn a_lane_of_disabled_members_fails_at_once_and_says_why() {
    let text = format!(
        "{TEAM}\n[providers.B]\nmodels = [\"cc\"]\ndisabled = true\n\
         [providers.a]\nmodels = [\"cx\"]\ndisabled = true\n"
    );
    let mut crew = crew(&text, &[]);
    let (default, senior) = (crew.choose(None).unwrap().lane, lane(&crew, "senior"));
    assert_eq!(pick(&mut crew, default, None, 1), Err(Pick::Unavailable));
    crew.apply(&limit(&crew, &runner("codex", "gpt-6"), Some(60)));
    assert_eq!(pick(&mut crew, default, None, 1), Err(Pick::Unavailable), "its reset would not help");
    assert_eq!(crew.team.disabled_by(default, None), Some(vec!["B", "a"]));
    assert_eq!(crew.team.disabled_by(senior, None), None);
    // The role wants another model of claude, which is in service.
    assert_eq!(crew.team.disabled_by(default, Some("UI")), None);
    assert_eq!(pick(&mut crew, default, Some("UI"), 1).unwrap(), "cc");
}

// 10-V7, 30-127, 132: as far as a stored event says it
#[test]
fn a_lane_waits_for_the_earliest_end() {
    let mut crew = crew(TEAM, &["cc cx work"]);
    crew.apply(&limit(&crew, &runner("claude", "sonnet-5"), None));
    assert!(pick(&mut crew, 0, None, 1).is_ok());
    crew.apply(&limit(&crew, &runner("codex", "gpt-6"), Some(7200)));
    crew.apply(&limit(&crew, &runner("work", "sonnet-5"), Some(90_000)));
    let Team { roster, .. } = team(TEAM, &["cc cx work"]);
    let model_of_work = roster.lanes[0].slots[2].members[0].runner.model.clone();
    crew.apply(&limit(&crew, &Runner { model: model_of_work, ..Runner::bare("work") }, Some(90_000)));
    // 10-V6: two hours of five and two.
    assert_eq!(pick(&mut crew, 0, None, 1), Err(Pick::Wait { until: at(7200) }));
    assert_eq!(pick(&mut crew, 0, None, 7200).unwrap(), "cx");
    assert_eq!(pick(&mut crew, 0, None, 5 * 3600 - 1).unwrap(), "cx");
    crew.apply(&limit(&crew, &runner("codex", "gpt-6"), Some(90_000)));
    assert_eq!(pick(&mut crew, 0, None, 7201), Err(Pick::Wait { until: at(5 * 3600) }), "no reset is known");
    assert_eq!(pick(&mut crew, 0, None, 5 * 3600).unwrap(), "cc");
}

// 10-V8, 30-119, 144, 145. Deviation: looking at a runner uses nothing up, so nothing is written either;
// a freeze that is over is over for everybody who asks.
#[test]
fn asking_grants_nothing() {
    use AgentStatusKind::{Benched, Frozen, Paused, Probation, RetryFailed};
    let claude = runner("claude", "sonnet-5");
    for (events, until) in [
        (vec![], None),
        (vec![(Frozen, 0)], Some(5 * 3600)),
        (vec![(Frozen, 0), (Probation, 60)], None),
        (vec![(Probation, 0), (Frozen, 60)], Some(5 * 3600 + 60)),
        (vec![(Paused, 0), (RetryFailed, 60)], Some(3660)),
        (vec![(Frozen, 0), (Benched, 60)], Some(5 * 3600 + 60)),
    ] {
        let events: Vec<_> = events.into_iter().map(|(kind, second)| event(&claude, kind, second)).collect();
        let mut crew = Crew::new(team(TEAM, &["cc"]), None, Healths::replay(&events));
        let Some(until) = until else {
            assert_eq!(pick(&mut crew, 0, None, 61).unwrap(), "cc");
            continue;
        };
        for _ in 0..2 {
            assert_eq!(pick(&mut crew, 0, None, until - 1), Err(Pick::Wait { until: at(until) }));
        }
        for _ in 0..2 {
            assert_eq!(pick(&mut crew, 0, None, until).unwrap(), "cc");
        }
    }
}

// 10-R7, 30-133
#[test]
fn health_belongs_to_the_model_that_the_role_wants() {
    let mut crew = crew(TEAM, &[]);
    let default = crew.choose(None).unwrap().lane;
    let opus = runner("claude", "opus-5");
    crew.apply(&event(&opus, AgentStatusKind::Paused, 0));
    assert_eq!(pick(&mut crew, default, None, 1).unwrap(), "cc");
    let turn = Turn { slot: 0, member: 0 };
    assert_eq!(crew.runner(default, turn, Some("Ui")), opus);
    assert_eq!(crew.runner(default, turn, None), runner("claude", "sonnet-5"));
    assert_eq!(pick(&mut crew, default, Some("ui"), 1).unwrap(), "cx");
    crew.apply(&event(&runner("codex", "gpt-6"), AgentStatusKind::Frozen, 0));
    crew.record(default, Turn { slot: 1, member: 0 }, Verdict::Failed);
    assert_eq!(pick(&mut crew, default, Some("ui"), 1), Err(Pick::Wait { until: at(3600) }));
    assert_eq!(pick(&mut crew, default, None, 1).unwrap(), "cc");
    let drawing = crew.drawing_from("claude", Some("ui"), &of_harness);
    assert!(drawing.contains(&opus) && drawing.contains(&runner("claude", "sonnet-5")));
}

#[test]
fn what_one_role_meets_in_a_lane_is_not_held_against_another() {
    let mut crew = crew(TEAM, &[]);
    let default = crew.choose(None).unwrap().lane;
    // The model that the role wants does not exist.
    assert_eq!(run(&mut crew, default, Some("ui"), Verdict::FailedTerminally), "cc");
    assert_eq!(run(&mut crew, default, Some("ui"), Verdict::Failed), "cx");
    // For others, claude works as ever.
    assert_eq!(run(&mut crew, default, None, Verdict::Failed), "cc");
    assert_eq!(run(&mut crew, default, None, Verdict::Failed), "cx");
    assert_eq!(pick(&mut crew, default, None, 1), Err(Pick::Wrap));
    crew.wrap(default);
    assert_eq!(pick(&mut crew, default, Some("ui"), 1).unwrap(), "cx");
    // A new process is a new pass: whoever was out for good may try again.
    let mut crew = Crew::new(team(TEAM, &[]), Some(&crew.positions()), Healths::default());
    crew.wrap(default);
    assert_eq!(pick(&mut crew, default, Some("ui"), 1).unwrap(), "cc");
}

#[test]
fn a_limit_is_known_to_whoever_joins_later() {
    let before = crew(TEAM, &["cx"]);
    let met = limit(&before, &runner("claude", "sonnet-5"), Some(600));
    let healths = Healths::replay([&met]);
    let mut crew = Crew::new(team(TEAM, &["cc:opus work cc"]), None, healths);
    assert_eq!(pick(&mut crew, 0, None, 1).unwrap(), "work");
    assert_eq!(run(&mut crew, 0, None, Verdict::FailedTerminally), "work");
    assert_eq!(pick(&mut crew, 0, None, 1), Err(Pick::Wait { until: at(600) }));
    assert_eq!(pick(&mut crew, 0, None, 600).unwrap(), "cc");
}

// D15
#[test]
fn the_rotations_of_all_lanes_survive_a_restart() {
    let mut before = crew(TEAM, &[]);
    let (default, senior, walk) = (lane(&before, "nobody"), lane(&before, "senior"), lane(&before, "walk"));
    assert_eq!(run(&mut before, default, None, Verdict::Failed), "cc");
    assert_eq!(run(&mut before, senior, None, Verdict::Failed), "cc:opus");
    assert_eq!(run(&mut before, senior, None, Verdict::Passed), "op:z:2");
    assert_eq!(run(&mut before, walk, None, Verdict::Passed), "cx:5");
    let stored = before.positions().to_string();
    let stored: Value = serde_json::from_str(&stored).unwrap();

    let mut after = Crew::new(team(TEAM, &[]), Some(&stored), Healths::default());
    assert_eq!(after.positions(), before.positions());
    assert_eq!(run(&mut after, default, None, Verdict::Passed), "cx");
    assert_eq!(run(&mut after, senior, None, Verdict::Passed), "op:z:2");
    assert_eq!(run(&mut after, senior, None, Verdict::Passed), "op:gk");
    for _ in 0..4 {
        assert_eq!(run(&mut after, walk, None, Verdict::Passed), "cx:5");
    }
    assert_eq!(run(&mut after, walk, None, Verdict::Passed), "op:kimi");

    // One route was edited meanwhile: it begins anew, the others go on.
    let edited = TEAM.replace("\"op:z:2\"", "\"op:z:3\"");
    let mut after = Crew::new(team(&edited, &[]), Some(&stored), Healths::default());
    assert_eq!(pick(&mut after, senior, None, 1).unwrap(), "cc:opus");
    assert_eq!(pick(&mut after, default, None, 1).unwrap(), "cx");
    for nonsense in ["null", "[]", "{\"Default\": 3}", "{\"Default\": {\"roster\": [\"cc\", \"cx\"]}}"] {
        let nonsense: Value = serde_json::from_str(nonsense).unwrap();
        let mut after = Crew::new(team(TEAM, &[]), Some(&nonsense), Healths::default());
        assert_eq!(pick(&mut after, default, None, 1).unwrap(), "cc");
    }
}

// 10-O10 as typed; D41, D42: the runners beneath a role have their health
#[test]
fn a_role_is_walked_by_those_who_can() {
    let mut crew = crew(TEAM, &["cc WALK:2"]);
    assert_eq!(run(&mut crew, 0, None, Verdict::Passed), "cc");
    crew.apply(&limit(&crew, &runner("claude", "sonnet-5"), Some(600)));
    assert_eq!(run(&mut crew, 0, None, Verdict::Passed), "cx:5");
    crew.apply(&event(&runner("codex", "gpt-6"), AgentStatusKind::Paused, 0));
    assert_eq!(run(&mut crew, 0, None, Verdict::Passed), "op:kimi");
    assert_eq!(run(&mut crew, 0, None, Verdict::Passed), "op:kimi");
    crew.apply(&limit(&crew, &runner("opencode", "openrouter/grok"), Some(900)));
    assert_eq!(pick(&mut crew, 0, None, 1), Err(Pick::Wait { until: at(600) }));
    assert_eq!(pick(&mut crew, 0, None, 600).unwrap(), "cc");
}

// 10-O1 to O4, 30-136, 137, 138, 143
#[test]
fn a_task_gets_its_lane() {
    let crew = crew(TEAM, &[]);
    let name = |role| crew.lane(crew.choose(role).unwrap().lane).name.as_str();
    assert_eq!(name(Some(" SENIOR ")), "senior");
    assert_eq!(name(None), "Default");
    let unmatched = crew.choose(Some("designer")).unwrap();
    assert_eq!(crew.lane(unmatched.lane).name, "Default");
    assert_eq!(unmatched.unmatched.as_deref(), Some("designer"));
    assert_eq!(crew.choose(None).unwrap().unmatched, None);

    let solo = team("[routes]\nsenior = [\"cc\"]\n", &[]);
    let solo = Crew::new(solo, None, Healths::default());
    let error = solo.choose(Some("designer")).unwrap_err().to_string();
    assert!(error.contains("designer") && error.contains("default"), "{error}");
    // A free run has no role, whatever routes there are.
    assert!(solo.choose(None).unwrap_err().to_string().contains("default"));

    let flags = self::crew(TEAM, &["cx"]);
    for role in [None, Some("senior"), Some("designer")] {
        let choice = flags.choose(role).unwrap();
        assert_eq!((choice.lane, choice.unmatched), (0, None));
    }
    assert_eq!(flags.lane(0).name, "override");
}

// 10-O9
#[test]
fn a_single_entry_repeats_for_everybody() {
    let mut crew = crew(TEAM, &["cc:opus"]);
    for role in [None, Some("senior"), Some("ui"), None] {
        let lane = crew.choose(role).unwrap().lane;
        assert_eq!(run(&mut crew, lane, role, Verdict::Passed), "cc:opus");
    }
}

#[test]
fn an_unfinished_run_finds_its_entry_again() {
    let mut crew = crew(TEAM, &["cc cx cc"]);
    assert_eq!(run(&mut crew, 0, None, Verdict::Passed), "cc");
    assert_eq!(run(&mut crew, 0, None, Verdict::Passed), "cx");
    let picked = crew.next(0, None, at(1), &of_harness);
    assert_eq!(crew.find(0, "cc", picked), Some(Turn { slot: 2, member: 0 }), "the one with the turn");
    assert_eq!(crew.find(0, "cx", picked), Some(Turn { slot: 1, member: 0 }));
    assert_eq!(crew.find(0, "op:z", picked), None);
    assert_eq!(crew.find(0, "cc", Pick::Wrap), Some(Turn { slot: 0, member: 0 }));
}

// Every run appends the positions to relays.jsonl, of which only so much is read back
#[test]
fn positions_are_short_however_many_lanes_there_are() {
    use std::fmt::Write;
    let mut text = String::from("[harness.h]\ncommand = [\"h\"]\nmodel_flag = \"-m\"\n[routes]\n");
    for route in 0..50 {
        let entries: Vec<String> = (0..50).map(|entry| format!("\"h:model-{route}-{entry}:2\"")).collect();
        let name = if route == 0 { "default".to_owned() } else { format!("role{route}") };
        writeln!(text, "{name} = [{}]", entries.join(", ")).unwrap();
    }
    let mut crew = Crew::new(team(&text, &[]), None, Healths::default());
    let of_harness = |runner: &Runner| runner.harness.clone();
    assert_eq!(crew.positions(), serde_json::json!({}), "nobody has moved");
    let default = crew.choose(None).unwrap().lane;
    for verdict in [Verdict::Failed, Verdict::FailedTerminally, Verdict::Passed] {
        let Pick::Run(turn) = crew.next(default, None, at(1), &of_harness) else { panic!("nobody runs") };
        crew.record(default, turn, verdict);
    }
    let stored = crew.positions().to_string();
    assert!(stored.len() < 300, "{} bytes: {stored}", stored.len());
    let stored: Value = serde_json::from_str(&stored).unwrap();
    let mut after = Crew::new(team(&text, &[]), Some(&stored), Healths::default());
    let Pick::Run(turn) = after.next(default, None, at(1), &of_harness) else { panic!("nobody runs") };
    assert_eq!(after.member(default, turn).text, "h:model-0-2:2");
}
