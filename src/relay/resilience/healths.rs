//! Everybody's health: a map that grows event by event, in file order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::state::{Bench, State, Told};
use super::{Health, Trial};
use crate::model::{Runner, Timestamp};
use crate::relay::ledger::{Known, Ledger};
use crate::store::records::{AgentStatusEvent, AgentStatusKind, QuotaRecord};
use crate::store::status::Key;

/// Health by runner; a runner without a model is a key like any other. A limit is also known by its
/// scope: whoever draws from it is out, also those who were in no lane when it was met.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Healths {
    /// Who is not healthy.
    states: BTreeMap<Key, State>,
    /// The newest bench, by quota scope.
    limits: BTreeMap<String, Bench>,
    /// How full the accounts' windows are.
    ledger: Ledger,
}

/// One thing that keeps a runner out.
#[derive(Debug, Clone, PartialEq)]
pub struct Reason<'a> {
    /// What, and until when.
    pub health: Health,
    /// Where that is known from.
    pub cause: Cause<'a>,
}

/// Where a reason is known from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cause<'a> {
    /// An event.
    Event(&'a Told),
    /// A window of the account, which is used up.
    Window(&'a Known),
}

impl Healths {
    /// Replays events, oldest first.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a AgentStatusEvent>) -> Healths {
        let mut healths = Healths::default();
        for event in events {
            healths.apply(event);
        }
        healths
    }

    /// Replays all that is remembered, oldest first.
    pub fn remembered(events: &[AgentStatusEvent], quota: &[QuotaRecord]) -> Healths {
        let mut healths = Healths::replay(events);
        quota.iter().for_each(|record| healths.ledger.apply(record));
        healths
    }

    /// What is known about the accounts' windows.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Takes one more event.
    pub fn apply(&mut self, event: &AgentStatusEvent) {
        let key = event.key();
        let state = self.states.entry(key.clone()).or_default();
        state.apply(event);
        match (event.event_type, &event.quota_scope) {
            (AgentStatusKind::Active | AgentStatusKind::Unfrozen, named) => {
                // Whoever is healthy again can draw from its quotas again, and so can everybody else.
                let met = self.states.remove(&key).unwrap_or_default().met;
                met.iter().chain(named).for_each(|scope| self.lift(scope));
            }
            (AgentStatusKind::Benched, Some(scope)) => {
                state.met.insert(scope.clone());
                self.limits.insert(scope.clone(), event.into());
            }
            (AgentStatusKind::Benched, None) => state.bench = Some(event.into()),
            (
                AgentStatusKind::Paused
                | AgentStatusKind::RetryFailed
                | AgentStatusKind::Frozen
                | AgentStatusKind::Probation,
                _,
            ) => {}
        }
    }

    fn lift(&mut self, scope: &str) {
        self.limits.remove(scope);
        self.states.retain(|_, state| {
            state.met.remove(scope);
            *state != State::default()
        });
    }

    /// Lets nothing begin in the future: the clock was stepped back, and windows that wait for it to catch
    /// up would never end.
    pub fn anchor(&mut self, now: Timestamp) {
        self.states.values_mut().for_each(|state| state.anchor(now));
        self.limits.values_mut().for_each(|limit| limit.anchor(now));
    }

    /// The state of a runner; `None` for one that is healthy.
    pub fn state(&self, runner: &Runner) -> Option<&State> {
        let model = runner.model.clone().filter(|model| !model.is_empty());
        self.states.get(&(runner.harness.clone(), model))
    }

    /// What would be at stake in a run of this runner now.
    pub fn trial(&self, runner: &Runner, now: Timestamp) -> Trial {
        self.state(runner).map_or(Trial::None, |state| state.trouble.trial(now))
    }

    /// The health of a runner, which draws from this quota scope, at a time. What has run out counts
    /// as active.
    pub fn of(&self, runner: &Runner, scope: &str, now: Timestamp) -> Health {
        self.reasons(runner, scope, now).first().map_or(Health::Active, |reason| reason.health)
    }

    /// All that keeps a runner out, which draws from this quota scope: what ends last comes first.
    pub fn reasons(&self, runner: &Runner, scope: &str, now: Timestamp) -> Vec<Reason<'_>> {
        let state = self.state(runner);
        let trouble = state.and_then(|state| Some((state.trouble.health(now), state.told.as_ref()?)));
        let own = state.and_then(|state| state.bench.as_ref());
        // Whoever met a limit is out even if it draws from another quota by now.
        let met = state.into_iter().flat_map(|state| &state.met).filter(|met| *met != scope);
        let limits = met.map(String::as_str).chain([scope]).filter_map(|scope| self.limits.get(scope));
        let benches = own.into_iter().chain(limits).map(|bench| (bench.health(now), &bench.told));
        let told = trouble.into_iter().chain(benches);
        let mut reasons: Vec<Reason<'_>> = told
            .filter(|(health, _)| *health != Health::Active)
            .map(|(health, told)| Reason { health, cause: Cause::Event(told) })
            .chain(self.used_up(scope, now))
            .collect();
        reasons.sort_by_key(|reason| Reverse(reason.health.until()));
        reasons
    }

    /// The window of a scope that keeps everybody out who draws from it.
    fn used_up(&self, scope: &str, now: Timestamp) -> Option<Reason<'_>> {
        let until = self.ledger.exhausted_until(scope, now)?;
        let (_, mut windows) = self.ledger.scopes().find(|(name, _)| *name == scope)?;
        let known = windows.find(|known| known.blocks_until(now) == Some(until))?;
        Some(Reason { health: Health::Benched { until }, cause: Cause::Window(known) })
    }

    /// Whether a runner met the limit of a quota that has not been lifted since.
    pub fn has_met(&self, runner: &Runner, scope: &str) -> bool {
        self.state(runner).is_some_and(|state| state.met.contains(scope))
    }

    /// Every quota scope that something is known of.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.limits.keys().map(String::as_str).chain(self.ledger.scopes().map(|(scope, _)| scope))
    }
}
