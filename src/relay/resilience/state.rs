//! One runner's state, as its events add up to.

use std::collections::BTreeSet;

use super::{BENCH, FREEZE, Health, PAUSE, Trial, end};
use crate::model::Timestamp;
use crate::store::records::{AgentStatusEvent, AgentStatusKind, RETRIES_UNTIL_FREEZE};

/// Trouble with the infrastructure behind a runner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// None.
    #[default]
    None,
    /// It failed repeatedly: one run every hour.
    Paused {
        /// When its newest run failed.
        since: Timestamp,
    },
    /// Its hourly retries failed, too.
    Frozen {
        /// When it was frozen.
        since: Timestamp,
    },
    /// The run that decides about a decayed freeze has begun. Until it has a result, the next run decides.
    Probation,
}

impl Trouble {
    /// When the runner may be given a run again, whether or not that is over.
    fn until(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Trouble::None | Trouble::Probation => None,
            Trouble::Paused { since } => Some(end(since, PAUSE, now)),
            Trouble::Frozen { since } => Some(end(since, FREEZE, now)),
        }
    }

    /// What it amounts to now.
    pub fn health(self, now: Timestamp) -> Health {
        match (self, self.until(now).filter(|until| *until > now)) {
            (Trouble::Paused { .. }, Some(until)) => Health::Paused { until },
            (Trouble::Frozen { .. }, Some(until)) => Health::Frozen { until },
            (Trouble::None | Trouble::Probation, _) | (_, None) => Health::Active,
        }
    }

    /// What would be at stake in a run now.
    pub fn trial(self, now: Timestamp) -> Trial {
        match self {
            _ if self.health(now) != Health::Active => Trial::None,
            Trouble::None => Trial::None,
            Trouble::Paused { .. } => Trial::HourlyRetry,
            Trouble::Frozen { .. } | Trouble::Probation => Trial::Probation,
        }
    }

    /// With a beginning that is not in the future.
    fn anchored(self, now: Timestamp) -> Trouble {
        match self {
            Trouble::None | Trouble::Probation => self,
            Trouble::Paused { since } => Trouble::Paused { since: since.min(now) },
            Trouble::Frozen { since } => Trouble::Frozen { since: since.min(now) },
        }
    }
}

/// What an event tells about itself, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// In which relay.
    pub relay_id: Option<u64>,
    /// In which run of the relay.
    pub run_id: Option<u64>,
    /// The newest try of that run.
    pub try_id: Option<u64>,
    /// Why.
    pub reason: Option<String>,
}

impl From<&AgentStatusEvent> for Told {
    fn from(event: &AgentStatusEvent) -> Told {
        Told {
            at: event.timestamp,
            relay_id: event.relay_id,
            run_id: event.run_id,
            try_id: event.try_id,
            reason: event.reason.clone(),
        }
    }
}

/// A quota is used up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bench {
    since: Timestamp,
    reset: Option<Timestamp>,
    pub(super) told: Told,
}

impl From<&AgentStatusEvent> for Bench {
    fn from(event: &AgentStatusEvent) -> Bench {
        Bench { since: event.timestamp, reset: event.reset_at, told: event.into() }
    }
}

impl Bench {
    pub(super) fn health(&self, now: Timestamp) -> Health {
        let until = self.reset.unwrap_or_else(|| end(self.since, BENCH, now));
        if until > now { Health::Benched { until } } else { Health::Active }
    }

    pub(super) fn anchor(&mut self, now: Timestamp) {
        self.since = self.since.min(now);
    }
}

/// Everything that is known of a runner; nothing for one that is healthy.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Trouble with the infrastructure.
    pub trouble: Trouble,
    /// Hourly retries that failed since it was healthy, at most as many as freeze it.
    pub failed_retries: u32,
    pub(super) told: Option<Told>,
    /// A bench whose quota nobody named.
    pub(super) bench: Option<Bench>,
    /// The quotas whose limits it met.
    pub(super) met: BTreeSet<String>,
}

impl State {
    /// What the event says that the trouble comes from.
    pub fn told(&self) -> Option<&Told> {
        self.told.as_ref()
    }

    /// Takes one more event. Benches that name a quota and the end of everything are the business of
    /// [`super::Healths`].
    pub(super) fn apply(&mut self, event: &AgentStatusEvent) {
        let since = event.timestamp;
        let trouble = match event.event_type {
            AgentStatusKind::Active | AgentStatusKind::Unfrozen => Trouble::None,
            AgentStatusKind::Paused | AgentStatusKind::RetryFailed => Trouble::Paused { since },
            AgentStatusKind::Frozen => Trouble::Frozen { since },
            AgentStatusKind::Probation => Trouble::Probation,
            // It tells nothing about the infrastructure.
            AgentStatusKind::Benched => return,
        };
        self.failed_retries = match event.event_type {
            AgentStatusKind::RetryFailed => (self.failed_retries + 1).min(RETRIES_UNTIL_FREEZE),
            AgentStatusKind::Paused => self.failed_retries,
            _ => 0,
        };
        self.trouble = trouble;
        self.told = (trouble != Trouble::None).then(|| event.into());
    }

    /// Lets nothing begin in the future.
    pub(super) fn anchor(&mut self, now: Timestamp) {
        self.trouble = self.trouble.anchored(now);
        self.bench.iter_mut().for_each(|bench| bench.anchor(now));
    }
}
