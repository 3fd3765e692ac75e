//! Which events still say something, so that the rest can go. Pure, and the mirror of
//! `relay::resilience::healths`: replaying what stands gives the state that replaying everything gives.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::records::{AgentStatusEvent, AgentStatusKind, RETRIES_UNTIL_FREEZE};

/// A harness and a model; having no model is a model like any other.
pub type Key = (String, Option<String>);

impl AgentStatusEvent {
    /// Whose health it tells of.
    pub fn key(&self) -> Key {
        (self.agent_type.clone(), self.model.clone().filter(|model| !model.is_empty()))
    }
}

/// The newest events, and before them what still stands of older ones: at most `most`, unless more
/// than that still stands. Replaying them gives every runner's health.
pub fn compacted(events: Vec<AgentStatusEvent>, most: usize) -> Vec<AgentStatusEvent> {
    if events.len() <= most {
        return events;
    }
    let mut cut = events.len() - most;
    let mut standing = Standing::default();
    events[..cut].iter().enumerate().for_each(|(index, event)| standing.apply(index, event));
    while cut < events.len() && standing.len() + (events.len() - cut) > most {
        standing.apply(cut, &events[cut]);
        cut += 1;
    }
    standing.indices().into_iter().chain(cut..events.len()).map(|index| events[index].clone()).collect()
}

/// Indices of the events that still say something, by runner.
#[derive(Debug, Default)]
pub struct Standing {
    runners: BTreeMap<Key, OfRunner>,
}

/// Of one runner.
#[derive(Debug, Default)]
struct OfRunner {
    /// The newest event about its trouble, when it is no failed retry.
    trouble: Option<usize>,
    /// The newest failed retries, as many as a freeze takes.
    retries: Vec<usize>,
    /// The newest bench by quota scope, those without a scope among them.
    benches: BTreeMap<Option<String>, usize>,
}

impl OfRunner {
    fn indices(&self) -> impl Iterator<Item = usize> {
        self.trouble.into_iter().chain(self.retries.iter().copied()).chain(self.benches.values().copied())
    }
}

impl Standing {
    /// What stands of some events.
    pub fn of(events: &[AgentStatusEvent]) -> Standing {
        let mut standing = Standing::default();
        events.iter().enumerate().for_each(|(index, event)| standing.apply(index, event));
        standing
    }

    /// In their order.
    pub fn indices(&self) -> BTreeSet<usize> {
        self.runners.values().flat_map(OfRunner::indices).collect()
    }

    fn len(&self) -> usize {
        self.runners.values().flat_map(OfRunner::indices).count()
    }

    /// Takes one more event.
    fn apply(&mut self, index: usize, event: &AgentStatusEvent) {
        let runner = self.runners.entry(event.key()).or_default();
        match event.event_type {
            AgentStatusKind::Active | AgentStatusKind::Unfrozen => {
                let met = std::mem::take(runner).benches.into_keys().flatten();
                for scope in met.chain(event.quota_scope.clone()).map(Some) {
                    for runner in self.runners.values_mut() {
                        runner.benches.remove(&scope);
                    }
                }
            }
            AgentStatusKind::Frozen | AgentStatusKind::Probation => {
                runner.retries.clear();
                runner.trouble = Some(index);
            }
            AgentStatusKind::Paused => runner.trouble = Some(index),
            AgentStatusKind::RetryFailed => {
                runner.trouble = None;
                runner.retries.push(index);
                let surplus = runner.retries.len().saturating_sub(RETRIES_UNTIL_FREEZE as usize);
                runner.retries.drain(..surplus);
            }
            AgentStatusKind::Benched => {
                runner.benches.insert(event.quota_scope.clone(), index);
            }
        }
    }
}

#[cfg(test)]
mod tests;
