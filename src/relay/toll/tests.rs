//! Who is out after which failure, and until when.

use super::super::crew::Team;
use super::super::event::RunVerdict;
use super::super::resilience::Healths;
use super::*;
use crate::config;
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

#[test]
fn who_is_out_until_when() {
    use AgentStatusKind::{Benched, Paused};
    use Category::{TransientInfra, UnidentifiedIssue, UsageLimit};
    let crew = crew();
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (category, infra, hint, reset, wanted) in [
        (None, 3, seconds(900), None, &[][..]),
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
        (Some(UsageLimit), 0, None, None, &[("x-1", Benched, None), ("y-1", Benched, None)]),
        (
            Some(UsageLimit),
            0,
            seconds(900),
            Some(at(7200)),
            &[("x-1", Benched, Some(at(7200))), ("y-1", Benched, Some(at(7200)))],
        ),
    ] {
        let result = RunResult {
            verdict: RunVerdict::Failed { reason: "no".into() },
            first_try: None,
            last_try: None,
            category,
            terminal: false,
            reset_at: reset,
            infra_failures: infra,
            hint,
        };
        let runner = Runner { model: Some("x-1".into()), ..Runner::bare("a") };
        let failed = Failed { relay_id: 7, runner: &runner, role: None, result: &result, reason: "no" };
        let events = of(&failed, &crew, at(0), &|runner: &Runner| runner.harness.clone());
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
