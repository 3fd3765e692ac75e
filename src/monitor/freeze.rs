//! Is the agent frozen? A pure decision over samples.
//!
//! Two ways to be frozen: silent beyond the threshold and not connected to anything (*classic*), or
//! silent beyond it and connected, but nothing has moved on any connection for long (*connected*).
//! Further evidence only speaks against a freeze: processor time, a young tool, a tool under an
//! explicit time limit, a tool that moves bytes. What is unknown speaks against it, too.
//!
//! Any byte on a connection is a sign of life: a slow model dribbles as little as the keep-alive frames of a
//! connection that is dead behind them, and nothing tells the two apart. Who hangs behind such frames is ended by
//! the bounds of the try. (What the kernel itself sends to keep a connection alive does not count.)
//!
//! Between two requests an agent may have no connection for a moment (a reconnect, short polling): one look
//! without any says nothing when the look before saw one, or when something has moved not long ago.

use std::collections::VecDeque;
use std::time::Duration;

use super::sample::{Sample, Tool};
use crate::model::text::count;

/// Processor time over the window below that only a working tool burns, in percent of one core. Idle servers of
/// tools were measured at 0 to 1.
const BUSY_PERCENT: u128 = 3;

/// The same with the main process, whose idling costs more: one that waits for an answer and collects its garbage
/// was recorded at up to 6.
const AGENT_BUSY_PERCENT: u128 = 10;

/// The same with what was started during the silence: it is the tool that the agent waits for, and no server of tools
/// that idles. 50-R8 asks for half of this, which a dead tool's timers reach.
const YOUNG_BUSY_PERCENT: u128 = 1;

/// Bytes that the descendants of the main process move over the window below only when one of them works.
/// Idle servers of tools exchange some hundred bytes a minute and wake their event loops with 8 bytes at a time;
/// the quietest of builds, and a copy to a slow disk, move this much within a second or a few.
const MOVING_BYTES: u64 = 64 * 1024;

/// The window over which processor time and tools' bytes count.
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
                "no output for {} s, {} dry for {} s",
                silent.as_secs(),
                count(*connections, "connection"),
                dry.as_secs()
            ),
        }
    }
}

/// Remembers what a single sample cannot tell.
#[derive(Debug)]
pub struct Detector {
    limits: Limits,
    /// Network bytes, and since when they have been the same.
    network: Option<(u64, Duration)>,
    /// When network bytes were last seen to change, or were unknown; `None` when neither ever happened.
    stirred: Option<Duration>,
    /// Bytes of what was started during the silence, and since when they have been the same; `None` when no such
    /// byte was ever seen.
    young: Option<(u64, Duration)>,
    /// Whether the last look saw a connection, or could not tell.
    connected: bool,
    /// Whether the last look saw a tool that is surely not stuck: one that has just ended leaves an agent behind that
    /// is about to go on.
    waited: bool,
    /// Samples of the window, oldest first.
    window: VecDeque<Mark>,
}

/// What counts over the window.
#[derive(Debug)]
struct Mark {
    at: Duration,
    cpu: Duration,
    tool_cpu: Duration,
    young_cpu: Duration,
    tool_bytes: u64,
}

impl Detector {
    /// Nothing was seen yet.
    pub fn new(limits: Limits) -> Detector {
        Detector {
            limits,
            network: None,
            stirred: None,
            young: None,
            connected: false,
            waited: false,
            window: VecDeque::new(),
        }
    }

    /// Takes the next sample and says whether the agent is frozen.
    pub fn assess(&mut self, sample: &Sample) -> Option<Freeze> {
        let dry = self.dry(sample);
        let busy = self.busy(sample) | self.trickles(sample);
        let was_connected = std::mem::replace(&mut self.connected, sample.connections != Some(0));
        let waits = match sample.tool {
            Some(Tool::Young | Tool::Bounded) => true,
            None => false,
        };
        let waited = std::mem::replace(&mut self.waited, waits);
        let silent = sample.silent;
        if silent < self.limits.threshold || busy || waits || waited {
            return None;
        }
        match sample.connections? {
            0 => {
                let quiet =
                    self.stirred.is_none_or(|moved| sample.at.saturating_sub(moved) >= self.shorter());
                (quiet && !was_connected).then_some(Freeze::Classic { silent })
            }
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
            self.stirred = Some(sample.at);
            return None;
        };
        let since = match self.network {
            Some((before, since)) if before == bytes => since,
            Some(_) => {
                self.stirred = Some(sample.at);
                sample.at
            }
            None => sample.at,
        };
        self.network = Some((bytes, since));
        Some(sample.at.saturating_sub(since))
    }

    /// Whether the tool that the agent waits for has moved anything not long ago: tests that print a dot a minute move
    /// no more than idle servers do, but those are older than the silence.
    fn trickles(&mut self, sample: &Sample) -> bool {
        let Sample { at, young_bytes: bytes, .. } = *sample;
        let before = self.young.map_or(0, |(bytes, _)| bytes);
        if bytes != before {
            self.young = Some((bytes, at));
        }
        self.young.is_some_and(|(_, moved)| at.saturating_sub(moved) < self.shorter())
    }

    fn shorter(&self) -> Duration {
        self.limits.threshold.min(self.limits.network)
    }

    /// Whether the tree has been working in the last window. Before a whole window was seen, what was seen counts.
    fn busy(&mut self, sample: &Sample) -> bool {
        let Sample { at, cpu, tool_cpu, young_cpu, tool_bytes, .. } = *sample;
        self.window.push_back(Mark { at, cpu, tool_cpu, young_cpu, tool_bytes });
        let begins = at.saturating_sub(BUSY_WINDOW.min(self.limits.threshold));
        while self.window.get(1).is_some_and(|mark| mark.at <= begins) {
            self.window.pop_front();
        }
        let Some(first) = self.window.front() else { return false };
        let passed = at.saturating_sub(first.at).as_nanos();
        let burnt = |now: Duration, then: Duration| now.saturating_sub(then).as_nanos() * 100;
        burnt(young_cpu, first.young_cpu) > passed * YOUNG_BUSY_PERCENT
            || burnt(tool_cpu, first.tool_cpu) > passed * BUSY_PERCENT
            || burnt(cpu, first.cpu) > passed * AGENT_BUSY_PERCENT
            || tool_bytes.saturating_sub(first.tool_bytes) > MOVING_BYTES
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod traces;
