//! Health over random histories.

use proptest::prelude::*;

use super::*;
use crate::model::Runner;
use crate::store::records::{AgentStatusEvent, AgentStatusKind, RETRIES_UNTIL_FREEZE};
use crate::store::status::compacted;

fn runner(index: usize) -> Runner {
    let model = (index > 0).then(|| format!("m{index}"));
    Runner { model, ..Runner::bare("claude") }
}

/// Of a few runners with a few quotas; most events are retries that failed.
fn events(most: usize) -> impl Strategy<Value = Vec<AgentStatusEvent>> {
    use AgentStatusKind::*;
    let kinds = prop::sample::select(vec![
        Paused,
        RetryFailed,
        RetryFailed,
        RetryFailed,
        RetryFailed,
        Frozen,
        Probation,
        Benched,
        Benched,
        Active,
        Unfrozen,
    ]);
    let scopes = prop::option::of(prop::sample::select(vec!["x", "y", "z"]));
    // Now and then the clock is stepped back.
    let one = (0usize..5, kinds, scopes, 0i64..40_000, prop::option::of(0i64..90_000));
    prop::collection::vec(one, 0..most).prop_map(|rows| {
        let at = |second| Timestamp::from_second(1_790_000_000 + second).unwrap();
        let event =
            |(index, (of, kind, scope, second, reset)): (usize, (usize, _, Option<&str>, _, Option<i64>))| {
                AgentStatusEvent {
                    reason: Some(format!("event {index}")),
                    quota_scope: scope.map(str::to_owned).filter(|_| matches!(kind, Benched | Active)),
                    reset_at: reset.map(at).filter(|_| kind == Benched),
                    ..AgentStatusEvent::new(&runner(of), kind, at(second))
                }
            };
        rows.into_iter().enumerate().map(event).collect()
    })
}

proptest! {
    // 23.P4: the compacted file says all that the whole one says, now and whatever comes later
    #[test]
    fn compaction_changes_nothing(before in events(120), after in events(20), most in 1usize..60) {
        let kept = compacted(before.clone(), most);
        prop_assert!(kept.len() <= before.len());
        prop_assert_eq!(&compacted(kept.clone(), most.max(kept.len())), &kept);
        let (mut long, mut short) = (Healths::replay(&before), Healths::replay(&kept));
        prop_assert_eq!(&short, &long);
        for event in &after {
            long.apply(event);
            short.apply(event);
        }
        prop_assert_eq!(short, long);
    }

    // 23.P2, P5, P10: whatever was written, everybody comes back, and in time
    #[test]
    fn nobody_is_out_for_ever(events in events(60), now in 0i64..40_000) {
        let now = Timestamp::from_second(1_790_000_000 + now).unwrap();
        let mut healths = Healths::replay(&events);
        healths.anchor(now);
        let latest = events.iter().filter_map(|event| event.reset_at).max().unwrap_or(now);
        let latest = latest.max(now.saturating_add(FREEZE).unwrap());
        for index in 0..5 {
            for scope in ["x", "y", "z", "w"] {
                let until = healths.of(&runner(index), scope, now).until();
                prop_assert!(until.is_none_or(|until| until > now && until <= latest));
                prop_assert_eq!(healths.of(&runner(index), scope, latest), Health::Active);
            }
            let state = healths.state(&runner(index));
            prop_assert!(state.is_none_or(|state| state.failed_retries <= RETRIES_UNTIL_FREEZE));
        }
    }
}
