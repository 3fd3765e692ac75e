//! Who is out after which failure, and until when.

use super::super::crew::Team;
use super::super::event::RunVerdict;
use super::super::resilience::{Healths, Trial};
use super::*;
use crate::config;
use crate::executor::{HarnessSpec, Registry, built_in};
use crate::model::{Cli, Outcome};
use crate::routing::{Catalog, Roster, Rules};

/// Three runners; two of them share a provider.
fn crew() -> Crew {
    let text = "[harness.a]\ncommand = [\"a\"]\nmodel_flag = \"-m\"\n[harness.b]\ncommand = [\"b\"]\n\
                [providers.plan]\nmodels = [\"a:x-1\", \"a:y-1\"]\n";
    let config = config::of_text(text);
    let rules = Rules::of(&config);
    let roster = Roster::from_flags(&["a:x-1 a:y-1 b".to_owned()], &Catalog::new(&config)).unwrap();
    let team = Team { roster, providers: rules.providers, reasoning: rules.reasoning };
    Crew::new(team, None, Healths::default())
}

fn at(second: i64) -> Timestamp {
    // In the middle of a minute.
    Timestamp::from_second(1_790_000_010 + second).unwrap()
}

/// A run that failed.
pub(super) fn failed(category: Option<Category>, infra_failures: u32) -> RunResult {
    RunResult {
        verdict: RunVerdict::Failed { reason: "no".into() },
        first_try: None,
        last_try: Some(12),
        category,
        class: Outcome::Failed.class(category),
        terminal: false,
        reset_at: None,
        infra_failures,
        hint: None,
        mismatch: None,
        handed_over: false,
    }
}

/// A run that passed.
pub(super) fn passed() -> RunResult {
    RunResult { verdict: RunVerdict::Passed { commit: None }, ..failed(None, 0) }
}

fn finished<'a>(runner: &'a Runner, result: &'a RunResult) -> Finished<'a> {
    Finished { relay_id: 7, run_id: 3, runner, role: None, result }
}

// 20-AF-RT-10, 30-117, 121, 132
#[test]
fn who_is_out_until_when() {
    use AgentStatusKind::{Benched, Paused};
    use Category::{TransientInfra, UnidentifiedIssue, UsageLimit};
    let crew = crew();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (category, infra, hint, reset, wanted) in [
        (None, 3, None, None, &[][..]),
        (Some(UnidentifiedIssue), 3, None, None, &[]),
        (Some(TransientInfra), 1, None, None, &[]),
        (Some(TransientInfra), 2, None, None, &[("x-1", Paused, None)]),
        // A short wait is waited out between runs; a long one is left to others.
        (Some(TransientInfra), 1, seconds(300), None, &[]),
        (
            Some(TransientInfra),
            1,
            seconds(301),
            None,
            &[("x-1", Benched, Some(at(301))), ("y-1", Benched, Some(at(301)))],
        ),
        (
            Some(UsageLimit),
            0,
            None,
            None,
            &[("x-1", Benched, Some(at(5 * 3600))), ("y-1", Benched, Some(at(5 * 3600)))],
        ),
        (
            Some(UsageLimit),
            0,
            seconds(900),
            Some(at(7200)),
            &[("x-1", Benched, Some(at(7200))), ("y-1", Benched, Some(at(7200)))],
        ),
        // One that has passed since it was told.
        (
            Some(UsageLimit),
            0,
            None,
            Some(at(-9)),
            &[("x-1", Benched, Some(at(60))), ("y-1", Benched, Some(at(60)))],
        ),
        (
            Some(UsageLimit),
            0,
            seconds(60),
            Some(at(0)),
            &[("x-1", Benched, Some(at(60))), ("y-1", Benched, Some(at(60)))],
        ),
    ] {
        let result = RunResult { reset_at: reset, hint, ..failed(category, infra) };
        let runner = Runner { model: Some("x-1".into()), ..Runner::bare("a") };
        let events = of(&finished(&runner, &result), &crew, at(0), &|runner: &Runner| runner.harness.clone());
        let told: Vec<_> = events
            .iter()
            .map(|event| (event.model.as_deref().unwrap_or(""), event.event_type, event.reset_at))
            .collect();
        assert_eq!(told, wanted, "{category:?} {infra} {hint:?}");
        for event in events {
            let scope = (event.event_type == Benched).then(|| "provider:plan".to_owned());
            assert_eq!((event.quota_scope, event.relay_id, event.timestamp), (scope, Some(7), at(0)));
        }
    }
}

// 30 §8.3, §10.3: the class of the last try decides; one that ran out of time proves nothing, whatever its
// words say, but a limit is a limit. 30-156: what the infrastructure did before is still counted
#[test]
fn a_run_that_ran_out_of_time_is_no_infra_trouble() {
    use AgentStatusKind::{Benched, Frozen, Paused};
    let runner = Runner::bare("b");
    for (outcome, category, history, wanted) in [
        (Outcome::Failed, Category::ProviderOverloaded, &[][..], &[Paused][..]),
        (Outcome::RunTimeout, Category::ProviderOverloaded, &[], &[]),
        (Outcome::HandoffTimeout, Category::ShortRateLimit, &[], &[]),
        (Outcome::RunTimeout, Category::ProviderOverloaded, &[Paused], &[Paused]),
        (Outcome::RunTimeout, Category::IncompleteFinalization, &[Frozen], &[Frozen]),
        (Outcome::RunTimeout, Category::UsageLimit, &[], &[Benched]),
    ] {
        let mut crew = crew();
        for kind in history {
            crew.apply(&AgentStatusEvent::new(&runner, *kind, at(-9)));
        }
        let class = outcome.class(Some(category));
        let result = RunResult { class, ..failed(Some(category), 2) };
        let events = of(&finished(&runner, &result), &crew, at(0), &|runner: &Runner| runner.harness.clone());
        let kinds: Vec<_> = events.iter().map(|event| event.event_type).collect();
        assert_eq!(kinds, wanted, "{outcome:?} {category:?} {history:?}");
    }
}

// 23.P7
#[test]
fn reasons_say_what_happened_and_where() {
    use AgentStatusKind::{Active, Benched, Frozen, Paused, Probation, RetryFailed};
    let infra = || failed(Some(Category::TransientInfra), 2);
    let other = || failed(Some(Category::AgentError), 1);
    let runner = Runner::bare("b");
    for (history, result, wanted) in [
        (&[][..], infra(), &[(Paused, "2 infra failures in run 3: no")][..]),
        (&[Paused], passed(), &[(Active, "hourly retry succeeded in run 3")]),
        (&[Paused], infra(), &[(RetryFailed, "hourly retry failed in run 3: no")]),
        (&[Paused], other(), &[(Paused, "hourly retry failed in run 3: no")]),
        (
            &[RetryFailed; 4],
            infra(),
            &[
                (RetryFailed, "hourly retry failed in run 3: no"),
                (Frozen, "too many hourly retries failed, the last one in run 3: no"),
            ],
        ),
        (&[Probation], passed(), &[(Active, "probation passed in run 3")]),
        (
            &[Probation],
            failed(Some(Category::IncompleteFinalization), 0),
            &[(Active, "the service answered on probation in run 3: no")],
        ),
        (&[Probation], other(), &[(Frozen, "probation failed in run 3: no")]),
        (&[Probation], failed(Some(Category::UsageLimit), 0), &[(Benched, "no (run 3)")]),
        (&[Frozen], passed(), &[(Active, "probation passed in run 3")]),
    ] {
        let mut crew = crew();
        for kind in history {
            crew.apply(&AgentStatusEvent::new(&runner, *kind, at(-9)));
        }
        let events = of(&finished(&runner, &result), &crew, at(0), &|runner: &Runner| runner.harness.clone());
        let told: Vec<_> =
            events.iter().map(|event| (event.event_type, event.reason.as_deref().unwrap())).collect();
        assert_eq!(told, wanted, "{history:?}");
        for event in &events {
            assert_eq!((event.relay_id, event.run_id, event.try_id), (Some(7), Some(3), Some(12)));
        }
    }
    let (runner, result) =
        (Runner { model: Some("x-1".into()), ..Runner::bare("a") }, failed(Some(Category::UsageLimit), 0));
    let events = of(&finished(&runner, &result), &crew(), at(0), &|runner: &Runner| runner.harness.clone());
    assert_eq!(events[1].reason.as_deref(), Some("no (run 3 of a - x-1)"));
}

// 20-AF-QS-04, 30-129
#[test]
fn a_limit_benches_all_models_of_the_provider_and_no_other() {
    let config = config::of_text("");
    let flags = "op:zai/glm-5 op:zai/glm-6 op:go/kimi-2 op:go/qwen-3 cc";
    let roster = Roster::from_flags(&[flags.to_owned()], &Catalog::new(&config)).unwrap();
    let rules = Rules::of(&config);
    let team = Team { roster, providers: rules.providers, reasoning: rules.reasoning };
    let crew = Crew::new(team, None, Healths::default());
    let mut registry = Registry::default();
    for (cli, name) in [(Cli::Opencode, "opencode"), (Cli::Claude, "claude")] {
        registry.insert(built_in(cli, HarnessSpec::plain(name, name)));
    }
    for (model, category, wanted) in [
        ("zai/glm-5", Category::UsageLimit, &["zai/glm-5", "zai/glm-6"][..]),
        ("go/qwen-3", Category::UsageLimit, &["go/qwen-3", "go/kimi-2"]),
        ("zai/glm-5", Category::AgentError, &[]),
    ] {
        let runner = Runner { model: Some(model.into()), ..Runner::bare("opencode") };
        let result = failed(Some(category), 0);
        let events =
            of(&finished(&runner, &result), &crew, at(0), &|runner: &Runner| registry.quota_scope(runner));
        let benched: Vec<&str> = events.iter().filter_map(|event| event.model.as_deref()).collect();
        assert_eq!(benched, wanted);
        let scope = format!("opencode:{}", model.split('/').next().unwrap());
        assert!(events.iter().all(|event| event.quota_scope.as_ref() == Some(&scope)), "{events:?}");
    }
}

// 30-133: the model that the role wants is a key of its own
#[test]
fn the_model_of_a_role_pays_for_itself() {
    let text = "[harness.claude.models]\nopus = \"opus-5\"\n[defaults]\nclaude_model = \"sonnet-5\"\n\
                [reasoning]\nui = \"opus\"\n";
    let config = config::of_text(text);
    let rules = Rules::of(&config);
    let roster = Roster::from_flags(&["cc".to_owned()], &Catalog::new(&config)).unwrap();
    let team = Team { roster, providers: rules.providers, reasoning: rules.reasoning };
    let mut crew = Crew::new(team, None, Healths::default());
    let of_harness = |runner: &Runner| runner.harness.clone();
    let opus = Runner { model: Some("opus-5".into()), ..Runner::bare("claude") };
    let models = |events: &[AgentStatusEvent]| -> Vec<String> {
        events.iter().filter_map(|event| event.model.clone()).collect()
    };
    let result = failed(Some(Category::UsageLimit), 0);
    let limited = of(&Finished { role: Some("ui"), ..finished(&opus, &result) }, &crew, at(0), &of_harness);
    assert_eq!(models(&limited), ["opus-5", "sonnet-5"], "they share the account");
    let result = failed(Some(Category::TransientInfra), 2);
    let paused = of(&Finished { role: Some("ui"), ..finished(&opus, &result) }, &crew, at(0), &of_harness);
    assert_eq!(models(&paused), ["opus-5"]);
    crew.apply(&paused[0]);
    assert!(!crew.is_ready(&opus, at(1), &of_harness));
    let sonnet = Runner { model: Some("sonnet-5".into()), ..Runner::bare("claude") };
    assert!(crew.is_ready(&sonnet, at(1), &of_harness));
    assert_eq!(crew.trial(&opus, at(3600)), Trial::HourlyRetry);
}
