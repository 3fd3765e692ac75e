//! Health events of runners: replayed from file order, kept short by the state they
//! amount to.

use std::collections::{BTreeMap, BTreeSet};

use super::jsonl::{Durability, append, read_all};
use super::records::{AgentStatusEvent, AgentStatusKind, RECORD_VERSION};
use super::{Shared, Store, StoreError, files};
use crate::model::Timestamp;

/// Events that are kept at most.
const WINDOW: usize = 500;

/// The file is rewritten when it holds this many more: not at every append.
const SLACK: usize = 50;

/// Reason of an event that stands for others which are gone.
const SUMMARY_REASON: &str = "truncation summary";

impl Store {
    /// Remembers that a runner's health changed.
    pub fn append_status(&mut self, event: AgentStatusEvent) -> Result<(), StoreError> {
        Shared::lock(&self.layout)?.append_status(event)
    }

    /// The events that count, oldest first, at most 500. Replaying them gives every
    /// runner's state, also of those whose events are long gone.
    pub fn status_events(&self) -> Result<Vec<AgentStatusEvent>, StoreError> {
        Ok(windowed(read_all(&self.layout.agent_status())?.0))
    }

    /// Makes every runner healthy again, as for a new relay. What is known about
    /// exhausted accounts stays until their reset, unless `forget_limits`: then their windows are forgotten, too.
    pub fn clear_status_keeping_resets(
        &mut self,
        now: Timestamp,
        forget_limits: bool,
    ) -> Result<(), StoreError> {
        let shared = Shared::lock(&self.layout)?;
        if forget_limits {
            shared.forget_quota()?;
        }
        let mut events = read_all(&self.layout.agent_status())?.0;
        let standing = standing(&events);
        let mut index = 0;
        events.retain(|event| {
            let stands = standing.contains(&index);
            index += 1;
            let is_limit = event.event_type == AgentStatusKind::Benched;
            !forget_limits && stands && is_limit && event.reset_at.is_some_and(|at| at > now)
        });
        if events.is_empty() {
            return files::remove(&self.layout.agent_status());
        }
        shared.rewrite_status(&events)
    }
}

impl Shared<'_> {
    /// Remembers that a runner's health changed.
    pub fn append_status(&self, mut event: AgentStatusEvent) -> Result<(), StoreError> {
        event.v = RECORD_VERSION;
        let path = self.layout().agent_status();
        self.repair(&path)?;
        append(&path, &event, Durability::Cached)?;
        let (events, _) = read_all(&path)?;
        if events.len() > WINDOW + SLACK {
            // The event is stored; a file that stays long for now is no failure.
            let _ = self.rewrite_status(&windowed(events));
        }
        Ok(())
    }

    fn rewrite_status(&self, events: &[AgentStatusEvent]) -> Result<(), StoreError> {
        let path = self.layout().agent_status();
        let mut bytes = Vec::new();
        for event in events {
            serde_json::to_writer(&mut bytes, event)
                .map_err(|source| StoreError::Encode { path: path.clone(), source })?;
            bytes.push(b'\n');
        }
        files::replace(&path, &bytes)
    }
}

type Key = (String, Option<String>);

/// A runner is a harness and a model; having no model is a model like any other.
fn key(event: &AgentStatusEvent) -> Key {
    let model = event.model.clone().filter(|model| !model.is_empty());
    (event.agent_type.clone(), model)
}

/// The events that still say something: the newest of every runner that is not healthy, and before
/// it the newest limit of every quota that the runner told of. A pause does not end a limit.
fn standing(events: &[AgentStatusEvent]) -> BTreeSet<usize> {
    let mut standing: BTreeMap<Key, BTreeMap<Option<&str>, usize>> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let of_runner = standing.entry(key(event)).or_default();
        match event.event_type {
            AgentStatusKind::Active | AgentStatusKind::Unfrozen => {
                of_runner.clear();
                continue;
            }
            AgentStatusKind::Probation => of_runner.clear(),
            AgentStatusKind::Paused
            | AgentStatusKind::RetryFailed
            | AgentStatusKind::Frozen
            | AgentStatusKind::Benched => drop(of_runner.remove(&None)),
        }
        let scope = event.quota_scope.as_deref();
        of_runner.insert(scope.filter(|_| event.event_type == AgentStatusKind::Benched), index);
    }
    standing.into_values().flat_map(BTreeMap::into_values).collect()
}

/// The newest events, and before them what still stands of older ones: at most [`WINDOW`], unless
/// more than that still stands.
fn windowed(events: Vec<AgentStatusEvent>) -> Vec<AgentStatusEvent> {
    if events.len() <= WINDOW {
        return events;
    }
    let standing = standing(&events);
    let mut cut = events.len() - WINDOW;
    let summaries = loop {
        let summaries: Vec<usize> = standing.range(..cut).copied().collect();
        let kept = events.len() - cut;
        if kept == 0 || summaries.len() + kept <= WINDOW {
            break summaries;
        }
        cut += 1;
    };
    let summary = |index: usize| AgentStatusEvent {
        relay_id: None,
        reason: Some(SUMMARY_REASON.to_owned()),
        ..events[index].clone()
    };
    summaries.into_iter().map(summary).chain(events[cut..].iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(second: usize, runner: &str, kind: AgentStatusKind) -> AgentStatusEvent {
        AgentStatusEvent {
            v: RECORD_VERSION,
            agent_type: "claude".into(),
            model: (!runner.is_empty()).then(|| runner.to_owned()),
            event_type: kind,
            timestamp: Timestamp::from_second(1_790_000_000 + second as i64).unwrap(),
            relay_id: Some(1),
            reason: Some("because".into()),
            reset_at: None,
            quota_scope: None,
        }
    }

    // 30-187; deviation: a runner that was healed later is dropped, a paused one is kept.
    #[test]
    fn ill_runners_survive_the_window() {
        use AgentStatusKind::*;
        let mut events = vec![
            event(0, "frozen", Frozen),
            event(1, "healed", Benched),
            event(2, "paused", Paused),
            event(3, "", Probation),
            AgentStatusEvent {
                reset_at: "2026-12-01T00:00:00Z".parse().ok(),
                quota_scope: Some("claude".into()),
                ..event(4, "benched", Benched)
            },
            event(5, "healed", Active),
        ];
        events.extend((6..600).map(|n| event(n, "busy", if n % 2 == 0 { Paused } else { Active })));
        let kept = windowed(events.clone());
        assert_eq!(kept.len(), WINDOW);
        let models: Vec<_> = kept[..4].iter().map(|e| e.model.as_deref().unwrap_or("-")).collect();
        assert_eq!(models, ["frozen", "paused", "-", "benched"]);
        for summary in &kept[..4] {
            assert_eq!(summary.reason.as_deref(), Some(SUMMARY_REASON));
            assert_eq!(summary.relay_id, None);
        }
        assert_eq!(kept[3].reset_at, events[4].reset_at);
        assert_eq!(kept[3].quota_scope.as_deref(), Some("claude"));
        assert_eq!(kept[3].timestamp, events[4].timestamp);
        assert_eq!(kept[4..], events[600 - (WINDOW - 4)..]);
        assert_eq!(windowed(kept.clone()), kept, "once is enough");
    }

    #[test]
    fn more_ill_runners_than_the_window_holds_are_all_kept() {
        let events: Vec<_> = (0..700).map(|n| event(n, &format!("m{n}"), AgentStatusKind::Benched)).collect();
        assert_eq!(windowed(events).len(), 700);
    }

    // A pause tells nothing about a quota, and a limit of another quota nothing about this one.
    #[test]
    fn limits_stand_until_their_runner_is_healthy() {
        use AgentStatusKind::*;
        let limit = |second, scope: &str| AgentStatusEvent {
            quota_scope: Some(scope.to_owned()),
            ..event(second, "a", Benched)
        };
        for (events, stands) in [
            (vec![limit(0, "x"), event(1, "a", Paused)], vec![0, 1]),
            (vec![limit(0, "x"), limit(1, "y")], vec![0, 1]),
            (vec![limit(0, "x"), limit(1, "x")], vec![1]),
            (vec![event(0, "a", Paused), limit(1, "x")], vec![1]),
            (vec![limit(0, "x"), event(1, "a", Active)], vec![]),
            (vec![limit(0, "x"), event(1, "a", Unfrozen), event(2, "a", Frozen)], vec![2]),
            (vec![limit(0, "x"), event(1, "a", Probation)], vec![1]),
            (vec![limit(0, "x"), event(1, "b", Active)], vec![0]),
        ] {
            assert_eq!(standing(&events).into_iter().collect::<Vec<_>>(), stands, "{events:#?}");
        }
    }

    proptest! {
        #[test]
        fn the_window_never_changes_a_state(kinds in prop::collection::vec((0usize..40, 0usize..7), 400..700)) {
            use AgentStatusKind::*;
            let all = [Paused, RetryFailed, Frozen, Probation, Benched, Active, Unfrozen];
            let events: Vec<_> =
                kinds.iter().enumerate().map(|(n, (m, k))| event(n, &format!("m{m}"), all[*k])).collect();
            let state = |events: &[AgentStatusEvent]| -> BTreeMap<Key, AgentStatusKind> {
                let newest: BTreeMap<_, _> =
                    events.iter().map(|event| (key(event), event.event_type)).collect();
                newest.into_iter().filter(|(_, kind)| !matches!(kind, Active | Unfrozen)).collect()
            };
            let kept = windowed(events.clone());
            prop_assert!(kept.len() <= WINDOW);
            prop_assert_eq!(state(&kept), state(&events));
        }
    }
}
