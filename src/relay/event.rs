//! What the relay tells the world. It prints nothing itself: the console, the relay
//! log and the tests are consumers of this one stream.

use std::path::PathBuf;
use std::time::Duration;

use crate::laps::Lap;
use crate::model::{CancelSource, Key, Runner, Timestamp};
pub use crate::monitor::drought::Drought;
use crate::store::records::TryRecord;

/// One event of a relay. Texts may be foreign: consumers sanitise.
#[derive(Debug, Clone)]
pub enum Event {
    /// The relay begins, or goes on.
    RelayStarted {
        /// The relay.
        relay_id: u64,
        /// Successful runs wanted.
        target: u64,
        /// Successful runs so far.
        completed: u64,
        /// The mix as typed.
        mix: String,
        /// Whether an earlier pass is being continued.
        resumed: bool,
    },
    /// Something the operator should know; the relay goes on.
    Warning(String),
    /// Something worth a line.
    Notice(String),
    /// A run begins (once per run and pass, before its first try). [`Event::RunEnded`] follows, unless the pass fails.
    RunStarted {
        /// The relay.
        relay_id: u64,
        /// The run.
        run_id: u64,
        /// Which iteration the run is for: completed + 1.
        iteration: u64,
        /// Successful runs wanted.
        target: u64,
        /// Who does it.
        runner: Runner,
        /// Its lap; none in a free run.
        lap: Option<Lap>,
        /// When.
        at: Timestamp,
    },
    /// The runner of this run differs from the one before.
    RunnerChanged {
        /// Before.
        from: Runner,
        /// Now.
        to: Runner,
    },
    /// A try was allocated and is about to be spawned.
    TryStarted {
        /// The try.
        try_id: u64,
        /// From 1.
        attempt: u32,
        /// Attempts allowed.
        max_attempts: u32,
        /// Where its output goes.
        log_path: PathBuf,
        /// The session that it resumes.
        resume: Option<String>,
    },
    /// About once a second while a try runs.
    Tick(Tick),
    /// The agent was found frozen: its stuck tool is ended first, then the agent itself unless it works again.
    Frozen {
        /// How it was found.
        how: String,
    },
    /// A tool of a frozen agent is being ended, before the agent itself is.
    StuckTool {
        /// Its pid.
        pid: i32,
        /// Its command, as the system knows it.
        command: String,
        /// What is being sent: `TERM` or `KILL`.
        signal: &'static str,
    },
    /// A frozen agent works again: ending its stuck tool was enough.
    Recovered,
    /// A key was pressed once: say that once more confirms it.
    Armed {
        /// Which.
        key: Key,
        /// How long the second press may take.
        within: Duration,
    },
    /// The time for a second press is over.
    Disarmed,
    /// A key was confirmed, and is being acted on.
    Acting {
        /// Which.
        key: Key,
    },
    /// The operator has paused the run: the agent is gone, its session goes on after Enter.
    Paused,
    /// The pause is over.
    Resumed,
    /// The terminal's job control stops rally now, and somebody else writes to the terminal.
    Suspending,
    /// The stop ladder began or climbed.
    Stopping {
        /// What is being sent: `INT`, `TERM` or `KILL`.
        signal: &'static str,
        /// Why, as [`Stop::describe`](super::life::Stop::describe) puts it: a cancel source, `pause`, `try timeout`,
        /// `frozen: …`, …
        reason: String,
    },
    /// A try is over and its record is stored.
    TryEnded {
        /// The record.
        record: Box<TryRecord>,
        /// Whether another attempt follows.
        retry: Option<Retry>,
    },
    /// A run is over.
    RunEnded(RunEnd),
    /// Nothing runs now. Comes about once a second.
    Waiting {
        /// What for.
        wait: Wait,
        /// How long still.
        remaining: Duration,
        /// Whether this is the first event of this wait.
        first: bool,
    },
    /// A wait is over.
    WaitEnded,
    /// The operator or a signal asked to stop.
    StopRequested {
        /// Who.
        source: CancelSource,
    },
    /// The pass is over.
    RelayEnded {
        /// The relay.
        relay_id: u64,
        /// Why.
        end: PassEnd,
    },
    /// Tally of this relay; after [`Event::RelayEnded`], if there was at least one run.
    Summary(Tally),
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// The first runner who can be given a run again.
    Runner {
        /// The relay.
        relay_id: u64,
        /// Why nobody can: `all agents paused`.
        why: &'static str,
        /// Who comes back first.
        who: Option<Runner>,
        /// Whether its quota does.
        is_reset: bool,
        /// When.
        at: Timestamp,
    },
    /// The next attempt of a run.
    Attempt {
        /// Why the last one failed.
        why: String,
    },
    /// The next cycle: everybody has failed in this one.
    Cycle,
    /// The end of some trouble, such as a full disk.
    Trouble {
        /// What it is.
        what: String,
    },
}

/// What the status line shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tick {
    /// Since the try began, pauses left out.
    pub elapsed: Duration,
    /// Dirty files that are not rally's own.
    pub files: usize,
    /// Since the agent last printed something; `None` when it has not yet.
    pub last_activity: Option<Duration>,
    /// From 1.
    pub attempt: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// Tool that runs, retry that goes on, or signal that was sent.
    pub note: Option<String>,
    /// How the agent seems to be.
    pub health: Health,
    /// What is suspicious about its connections.
    pub drought: Option<Drought>,
    /// What it has used so far; `None` before its first output.
    pub tokens: Option<Tokens>,
}

/// How an agent seems to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It works.
    Well,
    /// It has been silent for so long that it may be frozen.
    Slowing,
    /// It was frozen, and works again. For one tick.
    Recovered,
    /// It is frozen, and is being helped or ended.
    Frozen,
    /// It is being ended.
    Stopping,
}

/// Tokens of a try, so far, without those of earlier tries of its session.
///
/// What counts is what was read anew and what was written: `input_tokens` and `output_tokens` of the try's record. What
/// was read from a cache is left out, because every request reads the whole conversation from there: the sum of that
/// says how many requests there were, and would drown the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tokens {
    /// How many.
    pub count: u64,
    /// Whether they are guessed from the bytes of the transcript, because the CLI has not told yet. Once it has, its
    /// word stands until the next one: a fact with a guess on top would be neither. So a figure falls at most once,
    /// when the guess was too high.
    pub estimated: bool,
}

/// The next attempt of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    /// The attempt that failed.
    pub attempt: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// Pause before the next one.
    pub wait: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd {
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// Passed, failed or cancelled.
    pub verdict: RunVerdict,
    /// Number of the last attempt; 0 when there was none.
    pub attempts: u32,
    /// Attempts allowed.
    pub max_attempts: u32,
    /// Of the whole run.
    pub duration: Duration,
    /// Files changed by the last try.
    pub files: usize,
    /// Where to read more.
    pub log_path: Option<PathBuf>,
}

/// Verdict on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunVerdict {
    /// It counts towards the target.
    Passed {
        /// Full hash and subject of its last commit.
        commit: Option<(String, String)>,
    },
    /// It does not count.
    Failed {
        /// Display reason.
        reason: String,
    },
    /// The operator or a signal ended it.
    Cancelled {
        /// Who.
        source: CancelSource,
    },
}

/// Why a pass over a relay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PassEnd {
    /// The target was reached.
    Completed,
    /// Nothing waits in the queue any more.
    QueueEmpty,
    /// The operator let the current try finish and stopped; resumable.
    Stopped,
    /// Cancelled at once by a key; resumable.
    QuitNow,
    /// Ended by a signal with this number; resumable.
    Signalled(i32),
    /// Short of its target; resumable.
    Failed {
        /// Why, for people: `all agents unavailable`, …
        reason: String,
    },
}

/// Runs of a relay by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Distinct runs.
    pub runs: usize,
    /// With a successful try.
    pub passed: usize,
    /// Without one.
    pub failed: usize,
    /// Without one, and cancelled.
    pub cancelled: usize,
    /// Of this pass.
    pub duration: Duration,
    /// Whether the target was reached.
    pub complete: bool,
}

/// Takes events. Must not fail and must not block for long.
pub trait Sink {
    /// One event.
    fn event(&mut self, event: &Event);

    /// Whether [`Event::Tick`] is of any use.
    fn wants_ticks(&self) -> bool;
}

impl<F: FnMut(&Event)> Sink for F {
    fn event(&mut self, event: &Event) {
        self(event);
    }

    fn wants_ticks(&self) -> bool {
        false
    }
}
