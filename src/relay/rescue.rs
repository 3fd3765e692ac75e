//! Helping an agent that was found frozen: first the tool that it waits for is ended, and only if that does not
//! help, the agent itself. Pure; part of the life of a try.
//!
//! ```text
//! frozen --TERM the tool--> 5 s --KILL what is left of it--> 10 s --> the agent's own ladder
//!              '---------- any byte of the agent: it works again ----------'
//! ```

use std::time::Duration;

use crate::monitor::freeze::Freeze;

/// From TERM to KILL: one window of the watch at its slowest (50-R8, "wait one tick window"; 20 §15 has 5 s),
/// and as long as everybody else is given to obey (50-R4).
pub const GRACE: Duration = Duration::from_secs(5);

/// From KILL until the agent itself is ended. The CLIs that tell of their tools print a line as soon as one has
/// ended, before they ask the model; they have as long as they may linger.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// How often one try is helped. An agent that runs the same hanging command again and again costs the whole threshold each
/// time; a new try tells it more than another dead tool does.
pub const MOST: u32 = 3;

/// The tools that the CLI says are running.
#[derive(Debug, Default)]
pub struct Tools {
    running: usize,
    since: Duration,
}

impl Tools {
    /// One was started; `boot` is boot time.
    pub fn started(&mut self, boot: Duration) {
        if self.running == 0 {
            self.since = boot;
        }
        self.running += 1;
    }

    /// One ended. Which one is not told, so the others count as old as the oldest of them could be.
    pub fn ended(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// A turn begins or is over: what has not ended by now never will.
    pub fn cleared(&mut self) {
        self.running = 0;
    }

    /// Since when there has been one without a break, in boot time; `None` when none is running.
    pub fn since(&self) -> Option<Duration> {
        (self.running > 0).then_some(self.since)
    }
}

/// What has to be done next for a frozen agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// KILL what is left of the tool.
    Kill,
    /// End the agent.
    GiveUp,
}

/// One attempt to help.
#[derive(Debug, Clone, Copy)]
pub struct Rescue {
    /// How the agent was found.
    pub freeze: Freeze,
    /// When its tool was started, boot time.
    pub tool: Duration,
    next: Step,
    due_at: Duration,
}

impl Rescue {
    /// Begins with TERM, `now`.
    pub fn begin(freeze: Freeze, tool: Duration, now: Duration) -> Rescue {
        Rescue { freeze, tool, next: Step::Kill, due_at: now + GRACE }
    }

    /// When there is something to do next.
    pub fn deadline(&self) -> Duration {
        self.due_at
    }

    /// What is due; a step that comes late moves the later one.
    pub fn due(&mut self, now: Duration) -> Option<Step> {
        if now < self.due_at {
            return None;
        }
        let step = std::mem::replace(&mut self.next, Step::GiveUp);
        self.due_at = now + PATIENCE;
        Some(step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn tools_are_counted() {
        let mut tools = Tools::default();
        assert_eq!(tools.since(), None);
        tools.ended();
        tools.started(secs(5));
        tools.started(secs(9));
        tools.ended();
        assert_eq!(tools.since(), Some(secs(5)), "which one ended is not told");
        tools.ended();
        assert_eq!(tools.since(), None);
        tools.started(secs(20));
        assert_eq!(tools.since(), Some(secs(20)));
        tools.cleared();
        assert_eq!(tools.since(), None);
    }

    // 50-R8
    #[test]
    fn the_steps_have_their_times_also_when_they_come_late() {
        let freeze = Freeze::Classic { silent: secs(900) };
        let mut rescue = Rescue::begin(freeze, secs(1), secs(100));
        assert_eq!((rescue.due(secs(104)), rescue.deadline()), (None, secs(105)));
        assert_eq!((rescue.due(secs(107)), rescue.deadline()), (Some(Step::Kill), secs(117)));
        assert_eq!((rescue.due(secs(116)), rescue.due(secs(117))), (None, Some(Step::GiveUp)));
    }
}
