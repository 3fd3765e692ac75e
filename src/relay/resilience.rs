//! The health of runners: what takes them out, for how long, and what brings them back. Pure.
//!
//! A runner has two sides that do not know of each other: its *trouble* (paused, frozen, on probation) and
//! *benches* (a quota is used up). Who is out for several reasons is out until the last of them ends.

mod healths;
mod state;
mod transition;

pub use healths::{Cause, Healths, Reason};
pub use state::{State, Told, Trouble};
pub use transition::{Ended, after};

use std::time::Duration;

use jiff::SignedDuration;

use crate::model::Timestamp;

/// How long a pause lasts.
pub const PAUSE: Duration = Duration::from_secs(3600);

/// How long a freeze lasts.
pub const FREEZE: Duration = Duration::from_secs(5 * 3600);

/// How long a bench lasts whose reset is unknown.
pub const BENCH: Duration = Duration::from_secs(5 * 3600);

/// A moment at which a quota is back for sure. Clock times are told to the minute, and whoever comes at its
/// beginning may come too early.
pub fn surely_after(reset_at: Timestamp) -> Timestamp {
    let whole_minute = reset_at.as_millisecond() % 60_000 == 0;
    let late = if whole_minute { reset_at.checked_add(SignedDuration::from_secs(59)).ok() } else { None };
    late.unwrap_or(reset_at)
}

/// The end of a window that began at `since`. The clock may have been stepped back meanwhile; nobody is out
/// for longer than the window from now.
fn end(since: Timestamp, window: Duration, now: Timestamp) -> Timestamp {
    let since = since.min(now);
    since.saturating_add(window).unwrap_or(since)
}

/// Whether a runner can be given a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Active,
    /// Repeated infra failures.
    Paused {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// Too many failed retries.
    Frozen {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// Its quota is used up.
    Benched {
        /// When the quota comes back.
        until: Timestamp,
    },
}

impl Health {
    /// When the runner may be given a run again; `None` when it may now.
    pub fn until(self) -> Option<Timestamp> {
        match self {
            Health::Active => None,
            Health::Paused { until } | Health::Frozen { until } | Health::Benched { until } => Some(until),
        }
    }
}

/// What is at stake in a run, besides its task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trial {
    /// Nothing: the runner is healthy.
    #[default]
    None,
    /// A pause is over, this run tells whether the trouble is.
    HourlyRetry,
    /// A freeze has decayed, this run decides.
    Probation,
}

impl Trial {
    /// Attempts that a run has; `budget` is what the configuration allows.
    pub fn attempts(self, budget: u32) -> u32 {
        /// Of a run on trial, whatever is configured.
        const ON_TRIAL: u32 = 3;
        match self {
            Trial::None => budget,
            Trial::HourlyRetry | Trial::Probation => ON_TRIAL,
        }
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
