//! Is the agent frozen? A pure decision over samples.
//!
//! Two ways to be frozen: silent beyond the threshold and not connected to anything (*classic*), or
//! silent beyond it and connected, but nothing has moved on any connection for long (*connected*).
//! Further evidence only speaks against a freeze: processor time, a young tool, a tool under an
//! explicit time limit. What is unknown speaks against it, too.

use std::collections::VecDeque;
use std::time::Duration;

use super::sample::{Sample, Tool};

/// Processor time over the window below that only a working tree burns, in percent of one core. Idle agent
/// CLIs that wait for an answer were measured at 0 to 1.
const BUSY_PERCENT: u128 = 3;

/// The window over which processor time counts.
const BUSY_WINDOW: Duration = Duration::from_secs(30);

/// Part of the threshold after which an agent counts as slowing, in percent.
const SLOWING_PERCENT: u32 = 60;

/// How long an agent may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Silence of its output.
    pub threshold: Duration,
    /// Silence of its connections.
    pub network: Duration,
}

impl Limits {
    /// How often a look is worth while.
    pub fn period(&self) -> Duration {
        (self.threshold.min(self.network) / 20).clamp(Duration::from_secs(1), Duration::from_secs(5))
    }

    /// Whether an agent that has been silent for this long should be shown as slowing.
    pub fn is_slowing(&self, silent: Duration) -> bool {
        silent * 100 >= self.threshold * SLOWING_PERCENT
    }
}

/// How an agent is frozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freeze {
    /// Silent and not connected.
    Classic {
        /// For how long.
        silent: Duration,
    },
    /// Silent and connected, but nothing moves.
    Connected {
        /// For how long its output has been silent.
        silent: Duration,
        /// For how long its connections have been dry.
        dry: Duration,
        /// How many there are.
        connections: usize,
    },
}

impl Freeze {
    /// For how long the output had been silent when it was found.
    pub fn silent(&self) -> Duration {
        match self {
            Freeze::Classic { silent } | Freeze::Connected { silent, .. } => *silent,
        }
    }

    /// In words.
    pub fn describe(&self) -> String {
        match self {
            Freeze::Classic { silent } => {
                format!("no output for {} s and no connection", silent.as_secs())
            }
            Freeze::Connected { silent, dry, connections } => format!(
                "no output for {} s, {connections} connections dry for {} s",
                silent.as_secs(),
                dry.as_secs()
            ),
        }
    }
}

/// Remembers what a single sample cannot tell.
#[derive(Debug)]
pub struct Detector {
    limits: Limits,
    /// Network bytes, and when they last changed.
    network: Option<(u64, Duration)>,
    /// Samples of the window, oldest first: when, and processor time.
    cpu: VecDeque<(Duration, Duration)>,
}

impl Detector {
    /// Nothing was seen yet.
    pub fn new(limits: Limits) -> Detector {
        Detector { limits, network: None, cpu: VecDeque::new() }
    }

    /// Takes the next sample and says whether the agent is frozen.
    pub fn assess(&mut self, sample: &Sample) -> Option<Freeze> {
        let dry = self.dry(sample);
        let busy = self.busy(sample);
        let silent = sample.silent;
        if silent < self.limits.threshold || busy {
            return None;
        }
        match sample.tool {
            Some(Tool::Young | Tool::Bounded) => return None,
            None => {}
        }
        match sample.connections? {
            0 => Some(Freeze::Classic { silent }),
            connections => {
                let dry = dry.filter(|dry| *dry >= self.limits.network)?;
                Some(Freeze::Connected { silent, dry, connections })
            }
        }
    }

    /// For how long nothing has moved on any connection; unknown begins anew.
    fn dry(&mut self, sample: &Sample) -> Option<Duration> {
        let Some(bytes) = sample.network_bytes else {
            self.network = None;
            return None;
        };
        let since = match self.network {
            Some((before, since)) if before == bytes => since,
            _ => sample.at,
        };
        self.network = Some((bytes, since));
        Some(sample.at.saturating_sub(since))
    }

    /// Whether the tree has been working in the last window. Before a whole window was seen, what was seen counts.
    fn busy(&mut self, sample: &Sample) -> bool {
        self.cpu.push_back((sample.at, sample.cpu));
        let begins = sample.at.saturating_sub(BUSY_WINDOW.min(self.limits.threshold));
        while self.cpu.get(1).is_some_and(|(at, _)| *at <= begins) {
            self.cpu.pop_front();
        }
        let Some((at, cpu)) = self.cpu.front() else { return false };
        let burnt = sample.cpu.saturating_sub(*cpu).as_nanos();
        burnt * 100 > sample.at.saturating_sub(*at).as_nanos() * BUSY_PERCENT
    }
}

#[cfg(test)]
mod tests;
