//! Somebody who watches a week from outside, writes down what rally was told and what it wrote, and says of
//! every decision whether that explains it. Knows nothing of the course, the crew or the scheduler.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::chance::Scene;
use super::{Key, key};
use crate::model::{Category, FailureClass, Runner, Timestamp};
use crate::relay::course::{Absence, Seat};
use crate::relay::run::RunResult;
use crate::store::records::{AgentStatusEvent, AgentStatusKind, QuotaRecord};

const HOUR: i64 = 3600;

fn after(at: Timestamp, seconds: i64) -> Timestamp {
    at + SignedDuration::from_secs(seconds)
}

/// When an event stops being a reason to wait.
fn end(event: &AgentStatusEvent) -> Option<Timestamp> {
    match event.event_type {
        AgentStatusKind::Active | AgentStatusKind::Unfrozen => None,
        AgentStatusKind::Paused | AgentStatusKind::RetryFailed => Some(after(event.timestamp, HOUR)),
        AgentStatusKind::Frozen | AgentStatusKind::Probation => Some(after(event.timestamp, 5 * HOUR)),
        AgentStatusKind::Benched => Some(event.reset_at.unwrap_or(after(event.timestamp, 5 * HOUR))),
    }
}

/// A reason that was written down.
struct Written {
    by: Key,
    scope: Option<String>,
    end: Timestamp,
}

#[derive(Default)]
pub struct Watcher {
    /// Until when somebody must not be launched, as results demand it.
    paused: BTreeMap<Key, Timestamp>,
    /// The same by quota.
    benched: BTreeMap<String, Timestamp>,
    /// Ends of windows that are used up, by scope and name.
    windows: BTreeMap<(String, String), Timestamp>,
    /// What may be waited for.
    written: Vec<Written>,
    /// Turns that are out for the rest of the pass.
    terminal: BTreeSet<(usize, usize)>,
    /// Failed runs since the last success in this pass.
    pub failures: u32,
}

impl Watcher {
    pub fn new_pass(&mut self) {
        self.terminal.clear();
        self.failures = 0;
    }

    pub fn write(&mut self, event: &AgentStatusEvent) {
        let by = (event.agent_type.clone(), event.model.clone());
        match end(event) {
            None => self.written.retain(|written| written.by != by),
            Some(end) => self.written.push(Written { by, scope: event.quota_scope.clone(), end }),
        }
    }

    pub fn tell(&mut self, record: &QuotaRecord) {
        for window in &record.windows {
            let name = (record.scope.clone(), window.name.clone());
            if window.is_exhausted() {
                // Nobody knows for how long: as for any other limit.
                self.windows.insert(name, window.resets_at.unwrap_or(after(record.at, 5 * HOUR)));
            } else {
                self.windows.remove(&name);
            }
        }
    }

    /// The operator calls everybody healthy who draws from a quota.
    pub fn clear(&mut self, scope: &str, runners: &[Runner]) {
        self.paused.retain(|of, _| !runners.iter().any(|runner| key(runner) == *of));
        self.benched.remove(scope);
        self.windows.retain(|(of, _), _| of != scope);
        self.written.retain(|written| written.scope.as_deref() != Some(scope));
    }

    /// What the result of a run demands.
    pub fn learn(&mut self, scene: &Scene, seat: &Seat, result: &RunResult, now: Timestamp) {
        let Some(category) = result.category else {
            self.failures = 0;
            return;
        };
        self.failures += 1;
        if result.terminal {
            self.terminal.insert((seat.turn.slot, seat.turn.member));
        }
        let scope = scene.scope(&seat.runner);
        let hint = result.hint.map(|hint| hint.as_secs().cast_signed()).filter(|hint| *hint > 300);
        if category == Category::UsageLimit || hint.is_some() {
            let until = result.reset_at.unwrap_or(after(now, hint.unwrap_or(5 * HOUR)));
            self.benched.insert(scope, until);
        } else if result.class == FailureClass::Infra && result.infra_failures > 1 {
            self.paused.insert(key(&seat.runner), after(now, HOUR));
        }
    }

    /// Why this runner must not be launched now.
    pub fn forbids(&self, scene: &Scene, seat: &Seat, now: Timestamp) -> Option<String> {
        let scope = scene.scope(&seat.runner);
        let ahead = |until: Option<&Timestamp>, why: &str| {
            until.filter(|until| **until > now).map(|until| format!("{why} until {until}"))
        };
        let windows = self.windows.iter().filter(|((of, _), _)| *of == scope).map(|(_, end)| end);
        let is_out = self.terminal.contains(&(seat.turn.slot, seat.turn.member));
        ahead(self.paused.get(&key(&seat.runner)), "paused")
            .or_else(|| ahead(self.benched.get(&scope), "benched"))
            .or_else(|| ahead(windows.max(), "window used up"))
            .or_else(|| scene.is_disabled(&seat.runner).then(|| "disabled".to_owned()))
            .or_else(|| is_out.then(|| "out for the pass".to_owned()))
            .or_else(|| (seat.quota_scope != scope).then(|| format!("draws from {scope}")))
    }

    /// Until when at most this runner may be out.
    fn out(&self, scene: &Scene, runner: &Runner) -> Option<Timestamp> {
        let (key, scope) = (key(runner), scene.scope(runner));
        let written = self
            .written
            .iter()
            .filter(|written| written.by == key || written.scope.as_ref().is_some_and(|of| *of == scope));
        let windows = self.windows.iter().filter(|((of, _), _)| *of == scope).map(|(_, end)| *end);
        written.map(|written| written.end).chain(windows).max()
    }

    /// Those of the members for whom waiting helps.
    fn hopeful<'m>(&self, scene: &Scene, members: &'m [Seated]) -> Vec<&'m Seated> {
        let is_hopeful =
            |seated: &&Seated| !scene.is_disabled(&seated.runner) && !self.terminal.contains(&seated.at);
        members.iter().filter(is_hopeful).collect()
    }

    /// What is wrong with a wait.
    pub fn objects(
        &self,
        scene: &Scene,
        members: &[Seated],
        absence: &Absence,
        now: Timestamp,
    ) -> Option<String> {
        let Absence { until, ask_at, .. } = *absence;
        let hopeful = self.hopeful(scene, members);
        let ready = hopeful.iter().find(|seated| {
            // A range that is full waits for others.
            !seated.is_range && self.out(scene, &seated.runner).is_none_or(|end| end <= now)
        });
        if let Some(seated) = ready {
            return Some(format!("{} could run", seated.runner.label()));
        }
        let outs = hopeful.iter().filter_map(|seated| self.out(scene, &seated.runner));
        let earliest = outs.filter(|end| *end > now).min();
        let late = ask_at.duration_since(until).as_millis();
        let tenth = until.duration_since(now).as_millis() / 10;
        match earliest {
            None => Some("nobody comes back".to_owned()),
            Some(end) if until > end && !members.iter().any(|seated| seated.is_range) => {
                Some(format!("somebody is back at {end}"))
            }
            Some(_) if until <= now => Some("it is over".to_owned()),
            Some(_) if !(0..=30_000).contains(&late) || late > tenth + 100 => Some(format!("{late} ms late")),
            Some(_) => None,
        }
    }

    /// Whether nobody can ever run in this pass.
    pub fn is_hopeless(&self, scene: &Scene, members: &[Seated]) -> bool {
        self.hopeful(scene, members).is_empty()
    }

    pub fn forget_what_is_over(&mut self, now: Timestamp) {
        self.written.retain(|written| written.end > now);
        self.windows.retain(|_, end| *end > now);
    }
}

/// A member of the lane.
pub struct Seated {
    pub at: (usize, usize),
    pub runner: Runner,
    pub is_range: bool,
}
