//! What may go, and what must stay.

use super::*;
use crate::model::{Runner, Timestamp};

fn event(second: usize, runner: &str, kind: AgentStatusKind) -> AgentStatusEvent {
    let model = (!runner.is_empty()).then(|| runner.to_owned());
    let at = Timestamp::from_second(1_790_000_000 + second as i64).unwrap();
    AgentStatusEvent {
        relay_id: Some(1),
        reason: Some("because".into()),
        ..AgentStatusEvent::new(&Runner { model, ..Runner::bare("claude") }, kind, at)
    }
}

fn limit(second: usize, runner: &str, scope: &str) -> AgentStatusEvent {
    let scope = Some(scope.to_owned());
    AgentStatusEvent { quota_scope: scope, ..event(second, runner, AgentStatusKind::Benched) }
}

// 30-187; deviation: a runner that was healed later is dropped, a paused one is kept, and what is kept
// keeps its reason: people ask for it.
#[test]
fn ill_runners_survive_the_window() {
    use AgentStatusKind::*;
    let mut events = vec![
        event(0, "frozen", Frozen),
        event(1, "healed", Benched),
        event(2, "paused", Paused),
        event(3, "", Probation),
        AgentStatusEvent { reset_at: "2026-12-01T00:00:00Z".parse().ok(), ..limit(4, "benched", "claude") },
        event(5, "healed", Active),
    ];
    events.extend((6..600).map(|n| event(n, "busy", if n % 2 == 0 { Paused } else { Active })));
    let kept = compacted(events.clone(), 500);
    assert_eq!(kept.len(), 500);
    let of = |models: &[&str]| -> Vec<AgentStatusEvent> {
        let fits = |event: &&AgentStatusEvent| models.contains(&event.model.as_deref().unwrap_or("-"));
        events.iter().filter(fits).cloned().collect()
    };
    assert_eq!(kept[..4], of(&["frozen", "paused", "-", "benched"]));
    assert_eq!(kept[4..], events[600 - 496..]);
    assert_eq!(compacted(kept.clone(), 500), kept, "once is enough");
}

#[test]
fn more_ill_runners_than_the_window_holds_are_all_kept() {
    let events: Vec<_> = (0..700).map(|n| event(n, &format!("m{n}"), AgentStatusKind::Benched)).collect();
    assert_eq!(compacted(events, 500).len(), 700);
}

// 23.P4. A bench tells nothing about a pause, nor a pause about a quota, and a limit of one quota nothing
// about another. Retries are counted, so they stay.
#[test]
fn what_stands() {
    use AgentStatusKind::*;
    let stands = |events: &[AgentStatusEvent]| Standing::of(events).indices().into_iter().collect::<Vec<_>>();
    for (events, wanted) in [
        (vec![limit(0, "a", "x"), event(1, "a", Paused)], vec![0, 1]),
        (vec![limit(0, "a", "x"), limit(1, "a", "y")], vec![0, 1]),
        (vec![limit(0, "a", "x"), limit(1, "a", "x")], vec![1]),
        (vec![event(0, "a", Paused), limit(1, "a", "x")], vec![0, 1]),
        (vec![event(0, "a", Frozen), event(1, "a", Benched)], vec![0, 1]),
        (vec![limit(0, "a", "x"), event(1, "a", Active)], vec![]),
        (vec![limit(0, "a", "x"), event(1, "a", Unfrozen), event(2, "a", Frozen)], vec![2]),
        (vec![limit(0, "a", "x"), event(1, "a", Probation)], vec![0, 1]),
        (vec![limit(0, "a", "x"), event(1, "b", Active)], vec![0]),
        // A quota that is back is back for everybody who met its limit.
        (vec![limit(0, "a", "x"), limit(1, "b", "x"), event(2, "b", Active)], vec![]),
        (vec![limit(0, "a", "x"), AgentStatusEvent { event_type: Active, ..limit(1, "b", "x") }], vec![]),
        (vec![event(0, "a", Paused), event(1, "a", RetryFailed), event(2, "a", RetryFailed)], vec![1, 2]),
        (vec![event(0, "a", RetryFailed), event(1, "a", Paused), event(2, "a", Paused)], vec![0, 2]),
        (vec![event(0, "a", RetryFailed), event(1, "a", Frozen)], vec![1]),
        (vec![event(0, "a", RetryFailed), event(1, "a", Probation)], vec![1]),
        ((0..7).map(|n| event(n, "a", RetryFailed)).collect(), vec![2, 3, 4, 5, 6]),
    ] {
        assert_eq!(stands(&events), wanted, "{events:#?}");
    }
}
