//! What events amount to, and what runs do to it.

use super::*;
use crate::model::{QuotaWindow, Runner};
use crate::store::records::{AgentStatusEvent, AgentStatusKind, QuotaRecord, RECORD_VERSION};

fn event(kind: AgentStatusKind, model: Option<&str>, at: &str, reset: Option<&str>) -> AgentStatusEvent {
    let runner = Runner { model: model.map(Into::into), ..Runner::bare("claude") };
    let reset_at = reset.map(|at| at.parse().unwrap());
    AgentStatusEvent { reset_at, ..AgentStatusEvent::new(&runner, kind, at.parse().unwrap()) }
}

const NOON: &str = "2026-11-23T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_clock_time_is_over_when_its_minute_is() {
    for (told, sure) in [
        ("2026-11-23T10:05:00Z", "2026-11-23T10:05:59Z"),
        ("2026-11-23T10:05:01Z", "2026-11-23T10:05:01Z"),
        ("2026-11-23T10:05:00.500Z", "2026-11-23T10:05:00.500Z"),
    ] {
        assert_eq!(surely_after(told.parse().unwrap()), sure.parse().unwrap());
    }
}

// 23.P1, 30-116, 126
#[test]
fn an_empty_model_is_an_ordinary_key() {
    let healths = Healths::replay(&[event(AgentStatusKind::Paused, None, NOON, None)]);
    let bare = Runner::bare("claude");
    assert!(matches!(healths.of(&bare, "claude", at(NOON)), Health::Paused { .. }));
    let opus = Runner { model: Some("opus".into()), ..bare };
    assert_eq!(healths.of(&opus, "claude", at(NOON)), Health::Active, "models are isolated");
}

// 30-118, 132
#[test]
fn everything_runs_out() {
    let runner = Runner::bare("claude");
    let rows = [
        (AgentStatusKind::Paused, None, "2026-11-23T12:59:59Z", "2026-11-23T13:00:00Z"),
        (AgentStatusKind::Frozen, None, "2026-11-23T16:59:59Z", "2026-11-23T17:00:00Z"),
        (
            AgentStatusKind::Benched,
            Some("2026-11-25T00:00:00Z"),
            "2026-11-24T23:59:59Z",
            "2026-11-25T00:00:00Z",
        ),
        (AgentStatusKind::Benched, None, "2026-11-23T16:59:59Z", "2026-11-23T17:00:00Z"),
    ];
    for (kind, reset, before, after) in rows {
        let healths = Healths::replay(&[event(kind, None, NOON, reset)]);
        assert_ne!(healths.of(&runner, "claude", at(before)), Health::Active, "{kind:?}");
        assert_eq!(healths.of(&runner, "claude", at(after)), Health::Active, "{kind:?}");
    }
}

#[test]
fn the_newest_event_counts() {
    let healths = Healths::replay(&[
        event(AgentStatusKind::Frozen, None, NOON, None),
        event(AgentStatusKind::Active, None, "2026-11-23T12:00:01Z", None),
    ]);
    assert_eq!(healths.of(&Runner::bare("claude"), "claude", at("2026-11-23T12:00:02Z")), Health::Active);
}

fn limit(model: Option<&str>, at: &str, scope: &str) -> AgentStatusEvent {
    let reset = Some("2026-11-25T00:00:00Z");
    let scope = Some(scope.to_owned());
    AgentStatusEvent { quota_scope: scope, ..event(AgentStatusKind::Benched, model, at, reset) }
}

// 30-129
#[test]
fn a_limit_holds_for_everybody_who_draws_from_it() {
    let healths = Healths::replay(&[limit(Some("opus"), NOON, "claude")]);
    let until = at("2026-11-25T00:00:00Z");
    let work = Runner::bare("work");
    assert_eq!(healths.of(&work, "claude", at(NOON)), Health::Benched { until });
    assert_eq!(healths.of(&work, "work", at(NOON)), Health::Active);
    assert_eq!(healths.of(&work, "claude", until), Health::Active);
    // Whoever met it is out even if it draws from another quota by now.
    let opus = Runner { model: Some("opus".into()), ..Runner::bare("claude") };
    assert_eq!(healths.of(&opus, "provider:new", at(NOON)), Health::Benched { until });
}

#[test]
fn a_limit_ends_when_one_of_its_runners_is_healthy_again() {
    use AgentStatusKind::{Active, Frozen, Paused, Unfrozen};
    let later = "2026-11-23T12:00:01Z";
    let stays = |kind, model| {
        let events = [limit(Some("opus"), NOON, "claude"), event(kind, model, later, None)];
        let healths = Healths::replay(&events);
        healths.of(&Runner::bare("claude"), "claude", at(later)).until() == Some(at("2026-11-25T00:00:00Z"))
    };
    assert!(stays(Paused, Some("opus")));
    assert!(stays(Frozen, Some("opus")));
    assert!(stays(Active, Some("haiku")), "it never drew from this quota");
    assert!(!stays(Active, Some("opus")));
    assert!(!stays(Unfrozen, Some("opus")));
}

#[test]
fn the_newest_word_on_a_limit_counts() {
    let sooner = AgentStatusEvent {
        reset_at: "2026-11-23T13:00:00Z".parse().ok(),
        ..limit(None, "2026-11-23T12:00:01Z", "claude")
    };
    let healths = Healths::replay(&[limit(Some("opus"), NOON, "claude"), sooner]);
    let haiku = Runner { model: Some("haiku".into()), ..Runner::bare("claude") };
    let until = at("2026-11-23T13:00:00Z");
    assert_eq!(healths.of(&haiku, "claude", at(NOON)), Health::Benched { until });
}

fn health(events: &[AgentStatusEvent], now: &str) -> Health {
    Healths::replay(events).of(&Runner::bare("claude"), "claude", at(now))
}

// 30-106, 107, 108, 112, 113, 119: what the newest events of a runner amount to, and what is at stake then
#[test]
fn replay() {
    use AgentStatusKind::{Active, Benched, Frozen, Paused, Probation, RetryFailed, Unfrozen};
    let paused = |until| Health::Paused { until: at(until) };
    let frozen = |until| Health::Frozen { until: at(until) };
    let benched = |until| Health::Benched { until: at(until) };
    for (events, now, wanted, trial) in [
        (&[][..], "12:00", Health::Active, Trial::None),
        (&[(Paused, "12:00")], "12:59", paused("2026-11-23T13:00:00Z"), Trial::None),
        (&[(Paused, "12:00")], "13:00", Health::Active, Trial::HourlyRetry),
        (&[(Paused, "12:00"), (RetryFailed, "13:05")], "13:06", paused("2026-11-23T14:05:00Z"), Trial::None),
        (&[(Paused, "12:00"), (RetryFailed, "13:05")], "14:05", Health::Active, Trial::HourlyRetry),
        (&[(Paused, "12:00"), (Frozen, "13:00")], "15:00", frozen("2026-11-23T18:00:00Z"), Trial::None),
        // 30-119: two hours ago, six hours ago.
        (&[(Frozen, "12:00")], "14:00", frozen("2026-11-23T17:00:00Z"), Trial::None),
        (&[(Frozen, "12:00")], "18:00", Health::Active, Trial::Probation),
        // A probation that was cut stays due, for ever if need be.
        (&[(Frozen, "06:00"), (Probation, "11:00")], "11:01", Health::Active, Trial::Probation),
        (&[(Frozen, "06:00"), (Probation, "11:00")], "23:00", Health::Active, Trial::Probation),
        (&[(Frozen, "06:00"), (Unfrozen, "07:00")], "07:01", Health::Active, Trial::None),
        (&[(Paused, "06:00"), (Active, "06:01")], "06:02", Health::Active, Trial::None),
        // Two sides: a bench neither ends a pause or a freeze nor is ended by one.
        (&[(Frozen, "12:00"), (Benched, "16:00")], "16:30", benched("2026-11-23T21:00:00Z"), Trial::None),
        (&[(Frozen, "12:00"), (Benched, "16:00")], "21:00", Health::Active, Trial::Probation),
        (&[(Frozen, "12:00"), (Benched, "11:00")], "16:30", frozen("2026-11-23T17:00:00Z"), Trial::None),
        (&[(Benched, "12:00"), (Paused, "13:00")], "13:30", benched("2026-11-23T17:00:00Z"), Trial::None),
        (&[(Paused, "12:00"), (Benched, "12:01")], "17:01", Health::Active, Trial::HourlyRetry),
        (&[(Benched, "12:00"), (Active, "12:01")], "12:02", Health::Active, Trial::None),
    ] {
        let events: Vec<_> = events
            .iter()
            .map(|(kind, time)| event(*kind, None, &format!("2026-11-23T{time}:00Z"), None))
            .collect();
        let now = format!("2026-11-23T{now}:00Z");
        assert_eq!(health(&events, &now), wanted, "{events:#?} at {now}");
        if wanted == Health::Active {
            assert_eq!(
                Healths::replay(&events).trial(&Runner::bare("claude"), at(&now)),
                trial,
                "{events:#?} at {now}"
            );
        }
    }
}

// 30-114 with the brief's threshold of five: what counts, and what ends the counting
#[test]
fn failed_retries_are_counted() {
    use AgentStatusKind::{Active, Benched, Frozen, Paused, Probation, RetryFailed};
    for (kinds, wanted) in [
        (&[Paused][..], 0),
        (&[Paused, RetryFailed, RetryFailed], 2),
        (&[Paused, RetryFailed, Paused, RetryFailed], 2),
        (&[Paused, RetryFailed, Benched, RetryFailed], 2),
        (&[RetryFailed, Active, RetryFailed], 1),
        (&[RetryFailed, RetryFailed, Frozen], 0),
        (&[RetryFailed, Probation, RetryFailed], 1),
        (&[RetryFailed; 9], 5),
    ] {
        let events: Vec<_> = kinds.iter().map(|kind| event(*kind, None, NOON, None)).collect();
        let healths = Healths::replay(&events);
        let retries = healths.state(&Runner::bare("claude")).map_or(0, |state| state.failed_retries);
        assert_eq!(retries, wanted, "{kinds:?}");
    }
}

// 30-109, 110, 111, 114, 120, 121, 122; 23.P3
#[test]
fn what_a_run_does() {
    use AgentStatusKind::{Active, Frozen, Paused, RetryFailed};
    let since = at(NOON);
    let (paused, frozen) = (Trouble::Paused { since }, Trouble::Frozen { since });
    for (trouble, retries, [passed, incomplete, limited, infra, otherwise]) in [
        (Trouble::None, 0, [&[][..], &[], &[], &[Paused], &[]]),
        (paused, 0, [&[Active], &[Paused], &[], &[RetryFailed], &[Paused]]),
        (paused, 3, [&[Active], &[Paused], &[], &[RetryFailed], &[Paused]]),
        (paused, 4, [&[Active], &[Paused], &[], &[RetryFailed, Frozen], &[Paused]]),
        (paused, 5, [&[Active], &[Paused], &[], &[RetryFailed, Frozen], &[Paused]]),
        (frozen, 0, [&[Active], &[Active], &[], &[Frozen], &[Frozen]]),
        (Trouble::Probation, 0, [&[Active], &[Active], &[], &[Frozen], &[Frozen]]),
    ] {
        for (ended, wanted) in [
            (Ended::Passed, passed),
            (Ended::Incomplete, incomplete),
            (Ended::Limited, limited),
            (Ended::InfraTrouble, infra),
            (Ended::Otherwise, otherwise),
        ] {
            assert_eq!(after(trouble, retries, ended), wanted, "{trouble:?} {retries} {ended:?}");
        }
    }
}

// 30-124: in its numbers
#[test]
fn a_run_on_trial_has_three_attempts() {
    for (trial, budget, wanted) in [
        (Trial::None, 1, 1),
        (Trial::None, 7, 7),
        (Trial::HourlyRetry, 1, 3),
        (Trial::HourlyRetry, 7, 3),
        (Trial::Probation, 1, 3),
    ] {
        assert_eq!(trial.attempts(budget), wanted, "{trial:?} {budget}");
    }
}

// 23.P10: the clock was stepped back by a day after these were written
#[test]
fn the_future_holds_nobody_for_longer_than_a_window() {
    use AgentStatusKind::{Benched, Frozen, Paused};
    let tomorrow = "2026-11-24T12:00:00Z";
    for (kind, until) in [
        (Paused, "2026-11-23T13:00:00Z"),
        (Frozen, "2026-11-23T17:00:00Z"),
        (Benched, "2026-11-23T17:00:00Z"),
    ] {
        let mut healths = Healths::replay(&[event(kind, None, tomorrow, None)]);
        let runner = Runner::bare("claude");
        assert_eq!(healths.of(&runner, "claude", at(NOON)).until(), Some(at(until)), "{kind:?}");
        // Once it has been seen, the window passes.
        healths.anchor(at(NOON));
        assert_eq!(healths.of(&runner, "claude", at(until)), Health::Active, "{kind:?}");
    }
    let mut limits =
        Healths::replay(&[AgentStatusEvent { reset_at: None, ..limit(None, tomorrow, "claude") }]);
    limits.anchor(at(NOON));
    assert_eq!(limits.of(&Runner::bare("work"), "claude", at("2026-11-23T17:00:00Z")), Health::Active);
}

// 23.P7: who asks why gets every reason, the last to end first
#[test]
fn every_reason_is_told() {
    use AgentStatusKind::Frozen;
    let told = |reason: &str, event| AgentStatusEvent { reason: Some(reason.into()), ..event };
    let events = [
        told("down", event(Frozen, None, NOON, None)),
        told("spent", limit(Some("opus"), NOON, "claude")),
        told("other", limit(Some("gpt"), NOON, "codex")),
    ];
    let window = QuotaWindow {
        name: "seven_day".into(),
        minutes: None,
        used: Some(1.0),
        resets_at: Some(at("2026-11-24T00:00:00Z")),
        rejected: false,
    };
    let record = QuotaRecord {
        v: RECORD_VERSION,
        scope: "claude".into(),
        source: "claude".into(),
        at: at(NOON),
        try_id: None,
        windows: vec![window],
    };
    let healths = Healths::remembered(&events, &[record]);
    let reasons = |now| -> Vec<(String, String)> {
        let name = |cause: Cause<'_>| match cause {
            Cause::Event(told) => told.reason.clone().unwrap(),
            Cause::Window(known) => known.window.name.clone(),
        };
        let reasons = healths.reasons(&Runner::bare("claude"), "claude", at(now));
        reasons
            .iter()
            .map(|reason| (name(reason.cause), reason.health.until().unwrap().to_string()))
            .collect()
    };
    let [spent, window, down] = [
        ("spent", "2026-11-25T00:00:00Z"),
        ("seven_day", "2026-11-24T00:00:00Z"),
        ("down", "2026-11-23T17:00:00Z"),
    ]
    .map(|(why, until)| (why.to_owned(), until.to_owned()));
    assert_eq!(reasons(NOON), [spent.clone(), window.clone(), down]);
    assert_eq!(reasons("2026-11-23T17:00:00Z"), [spent.clone(), window]);
    assert_eq!(reasons("2026-11-24T00:00:00Z"), [spent]);
    assert_eq!(reasons("2026-11-25T00:00:00Z"), []);
}

// 23.P5
#[test]
fn a_reset_that_is_no_time_counts_as_unknown() {
    for reset in ["\"soon\"", "\"\"", "null", "17", "{}"] {
        let line = format!(
            "{{\"agent_type\":\"claude\",\"event_type\":\"benched\",\"timestamp\":\"{NOON}\",\"reset_at\":{reset}}}"
        );
        let event: AgentStatusEvent = serde_json::from_str(&line).unwrap();
        assert_eq!(health(&[event], NOON), Health::Benched { until: at("2026-11-23T17:00:00Z") }, "{reset}");
    }
}

#[test]
fn a_quota_that_is_back_is_back_for_all_who_met_its_limit() {
    let lifted = AgentStatusEvent {
        event_type: AgentStatusKind::Active,
        ..limit(Some("haiku"), "2026-11-23T12:00:01Z", "claude")
    };
    let healths = Healths::replay(&[limit(Some("opus"), NOON, "claude"), lifted]);
    assert_eq!(healths, Healths::default());
}
