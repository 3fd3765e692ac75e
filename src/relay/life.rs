//! The life of one try as a small, explicit state machine: this is where the races
//! between an agent's end, its exit, its children, the clock and the operator meet.
//! It decides and does nothing; the driver in `attempt.rs` feeds it and obeys.
//!
//! ```text
//! Working --end event--> Lingering --10 s--> Stopping --exit--> Reaping --> Done
//!    |  ^-----output------'   |                 ^                  ^
//!    |--cap, hang, operator---|-----------------'                  |
//!    |--exit-----------------------------------------------------'
//!    |
//!    '--frozen, a tool runs--> Helping --no help, a bound, operator--> Stopping
//!    ^----------output------------'
//! ```
//!
//! All times are active time since the try began: pauses and stops are left out.

use std::time::Duration;

use super::event::Health;
use super::rescue::{self, Rescue, Tools};
use crate::model::{CancelSource, Evidence, Exit};
use crate::monitor::freeze::Freeze;
use crate::process::TreeSignal;
use crate::process::ladder::Ladder;

/// How long a CLI may stay after its end event (design decision 5: completion is not exit).
pub const LINGER: Duration = Duration::from_secs(10);

/// Bounds of one try; `None` means unbounded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limits {
    /// For the try itself.
    pub try_cap: Option<Duration>,
    /// What is left of the run's budget.
    pub run_budget: Option<Duration>,
    /// Until the first byte of a CLI that speaks a structured stream.
    pub startup: Option<Duration>,
    /// How long a CLI may retry by itself without getting anywhere.
    pub retry_patience: Option<Duration>,
}

/// Why a try is being ended before its agent ended by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Stop {
    /// The try cap was reached.
    TryTimeout,
    /// The run budget was reached.
    RunTimeout,
    /// Not one byte within the start-up limit.
    StartupHang,
    /// The agent is alive no more, although its process is.
    Frozen(Freeze),
    /// The CLI kept retrying the same request; this is what it retried.
    Retrying(Box<Evidence>),
    /// The end event came, the exit did not. No failure.
    Linger,
    /// The operator or a signal.
    Cancelled(CancelSource),
    /// The operator; the run goes on later.
    Paused,
}

impl Stop {
    /// For the status line and the relay log.
    pub fn describe(&self) -> String {
        match self {
            Stop::TryTimeout => "try timeout".to_owned(),
            Stop::RunTimeout => "run timeout".to_owned(),
            Stop::StartupHang => "startup hang".to_owned(),
            Stop::Frozen(freeze) => format!("frozen: {}", freeze.describe()),
            Stop::Retrying(evidence) => format!("still retrying: {}", evidence.message),
            Stop::Linger => "linger".to_owned(),
            Stop::Cancelled(source) => source.as_str().to_owned(),
            Stop::Paused => "pause".to_owned(),
        }
    }
}

/// What the driver has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Send this to the whole tree.
    Signal(TreeSignal),
    /// Send this to the tool that the agent waits for, which was started at this boot time.
    Rescue(TreeSignal, Duration),
    /// End what the agent left behind.
    Reap,
}

#[derive(Debug)]
enum Phase {
    /// The agent works.
    Working,
    /// The end event came; the exit is awaited until then.
    Lingering { until: Duration },
    /// It is frozen, and the tool that it waits for is being ended.
    Helping(Rescue),
    /// The stop ladder is being climbed.
    Stopping { ladder: Ladder },
    /// The main process is gone; the guard ends the rest.
    Reaping,
    /// No process of the try is left.
    Done,
}

/// One try, from spawn to the last process.
#[derive(Debug)]
pub struct Life {
    phase: Phase,
    limits: Limits,
    stop: Option<Stop>,
    exit: Option<Exit>,
    heard: bool,
    ended: bool,
    background: usize,
    retrying: Option<(Duration, Box<Evidence>)>,
    tools: Tools,
    /// How often the agent was helped.
    rescues: u32,
    /// Whether that helped, since this was last asked.
    recovered: bool,
    /// Whether the agent went while it was being helped, without a word so far.
    went_silently: bool,
    /// When the clock of the start began.
    begun: Duration,
}

impl Life {
    /// A try whose agent was just spawned.
    pub fn new(limits: Limits) -> Life {
        Life {
            phase: Phase::Working,
            limits,
            stop: None,
            exit: None,
            heard: false,
            ended: false,
            background: 0,
            retrying: None,
            tools: Tools::default(),
            rescues: 0,
            recovered: false,
            went_silently: false,
            begun: Duration::ZERO,
        }
    }

    /// Whether the agent is at work, as far as anybody knows.
    pub fn is_working(&self) -> bool {
        matches!(self.phase, Phase::Working)
    }

    /// Whether the agent is being ended, or is gone.
    pub fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Stopping { .. } | Phase::Reaping | Phase::Done)
    }

    /// Whether it is frozen, and the tool that it waits for is being ended.
    pub fn is_helping(&self) -> bool {
        matches!(self.phase, Phase::Helping(_))
    }

    /// Whether no process is left.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Why the try was ended, if it did not end by itself.
    pub fn stop(&self) -> Option<&Stop> {
        self.stop.as_ref()
    }

    /// How the main process ended.
    pub fn exit(&self) -> Option<Exit> {
        self.exit
    }

    /// How the agent is, as far as it is known from how it is being treated.
    pub fn health(&self) -> Health {
        match (&self.phase, &self.stop) {
            (Phase::Helping(_), _) | (Phase::Stopping { .. }, Some(Stop::Frozen(_))) => Health::Frozen,
            (Phase::Stopping { .. }, _) => Health::Stopping,
            (Phase::Working | Phase::Lingering { .. } | Phase::Reaping | Phase::Done, _) => Health::Well,
        }
    }

    /// Bytes came from the agent. Of one that was frozen they say that it works again.
    pub fn heard(&mut self) {
        self.heard = true;
        if std::mem::take(&mut self.went_silently) {
            self.stop = None;
        }
        if matches!(self.phase, Phase::Helping(_)) {
            self.phase = Phase::Working;
            self.recovered = true;
        }
    }

    /// Whether a frozen agent has begun to work again since this was last asked.
    pub fn has_recovered(&mut self) -> bool {
        std::mem::take(&mut self.recovered)
    }

    /// A tool was started; `boot` is boot time.
    pub fn tool_started(&mut self, boot: Duration) {
        self.worked();
        self.tools.started(boot);
    }

    /// A tool ended.
    pub fn tool_ended(&mut self) {
        self.worked();
        self.tools.ended();
    }

    /// A turn begins.
    pub fn turn_started(&mut self) {
        self.worked();
        self.tools.cleared();
    }

    /// The agent is alive no more. If it waits for a tool, that is ended first.
    pub fn frozen(&mut self, freeze: Freeze, now: Duration) -> Option<Action> {
        if !self.is_working() {
            return None;
        }
        match self.tools.since().filter(|_| self.rescues < rescue::MOST) {
            Some(tool) => {
                self.rescues += 1;
                self.phase = Phase::Helping(Rescue::begin(freeze, tool, now));
                Some(Action::Rescue(TreeSignal::Terminate, tool))
            }
            None => self.end(Stop::Frozen(freeze), now),
        }
    }

    /// Nothing is there of the tool that was to be ended: the agent itself has to be.
    pub fn no_tool(&mut self, now: Duration) -> Option<Action> {
        match self.phase {
            Phase::Helping(Rescue { freeze, .. }) => self.end(Stop::Frozen(freeze), now),
            Phase::Working
            | Phase::Lingering { .. }
            | Phase::Stopping { .. }
            | Phase::Reaping
            | Phase::Done => None,
        }
    }

    /// The machine slept: connections are dead, and the agent needs time to notice.
    pub fn woke(&mut self, now: Duration) {
        self.begun = now;
        if let Some((since, _)) = &mut self.retrying {
            *since = now;
        }
    }

    /// The agent did something that only a working agent does: an earlier end event was not the last.
    pub fn worked(&mut self) {
        self.retrying = None;
        self.ended = false;
        if matches!(self.phase, Phase::Lingering { .. }) {
            self.phase = Phase::Working;
        }
    }

    /// The CLI retries a request by itself. The first retry of a row starts the clock.
    pub fn retrying(&mut self, evidence: Box<Evidence>, now: Duration) {
        match &mut self.retrying {
            Some((_, newest)) => *newest = evidence,
            None => self.retrying = Some((now, evidence)),
        }
    }

    /// The end event came.
    pub fn ended(&mut self, now: Duration) {
        self.ended = true;
        self.retrying = None;
        self.tools.cleared();
        self.linger(now);
    }

    /// The CLI waits for this many background tasks.
    pub fn background(&mut self, tasks: usize, now: Duration) {
        self.background = tasks;
        if tasks > 0 {
            if matches!(self.phase, Phase::Lingering { .. }) {
                self.phase = Phase::Working;
            }
        } else if self.ended {
            self.linger(now);
        }
    }

    fn linger(&mut self, now: Duration) {
        if self.background == 0 && matches!(self.phase, Phase::Working) {
            self.phase = Phase::Lingering { until: now + LINGER };
        }
    }

    /// The main process ended; `leftovers` tells whether it left something behind.
    pub fn exited(&mut self, exit: Exit, leftovers: bool) -> Option<Action> {
        self.exit = Some(exit);
        if self.is_done() {
            return None;
        }
        if let Phase::Helping(rescue) = &self.phase {
            // Its last words may still be on their way.
            self.stop = Some(Stop::Frozen(rescue.freeze));
            self.went_silently = true;
        }
        self.phase = Phase::Reaping;
        leftovers.then_some(Action::Reap)
    }

    /// No process is left (or the guard is, and its tree was swept).
    pub fn gone(&mut self) {
        self.phase = Phase::Done;
    }

    /// Ends the try; only the first reason counts, but who skipped or paused may still quit. After the end
    /// event there is nothing left to cancel: the linger is cut short, and the try keeps what it achieved.
    /// Nobody waits for a frozen agent that is being ended anyway: who quits then has it killed.
    pub fn end(&mut self, stop: Stop, now: Duration) -> Option<Action> {
        let stop = match &self.phase {
            Phase::Working | Phase::Helping(_) => stop,
            Phase::Lingering { .. } => Stop::Linger,
            Phase::Stopping { .. }
                if matches!(self.stop, Some(Stop::Frozen(_)))
                    && stop == Stop::Cancelled(CancelSource::QuitNow) =>
            {
                return self.force(now);
            }
            Phase::Stopping { .. } | Phase::Reaping | Phase::Done => {
                if is_mild(self.stop.as_ref()) && matches!(stop, Stop::Cancelled(_)) {
                    self.stop = Some(stop);
                }
                return None;
            }
        };
        self.stop = Some(stop);
        self.phase = Phase::Stopping { ladder: Ladder::new(now) };
        self.climb(now)
    }

    /// Kill at once.
    pub fn force(&mut self, now: Duration) -> Option<Action> {
        match &mut self.phase {
            Phase::Stopping { ladder } => ladder.force(),
            Phase::Reaping => return Some(Action::Signal(TreeSignal::Kill)),
            Phase::Working | Phase::Helping(_) | Phase::Lingering { .. } | Phase::Done => return None,
        }
        self.climb(now)
    }

    fn climb(&mut self, now: Duration) -> Option<Action> {
        match &mut self.phase {
            Phase::Stopping { ladder } => ladder.due(now).map(Action::Signal),
            Phase::Working | Phase::Helping(_) | Phase::Lingering { .. } | Phase::Reaping | Phase::Done => {
                None
            }
        }
    }

    /// Time passed. A bound that passes while a frozen agent is being helped ends it as what it is: frozen.
    pub fn tick(&mut self, now: Duration) -> Option<Action> {
        match &mut self.phase {
            Phase::Working => {
                let (_, stop) = self.working_deadline().filter(|(at, _)| *at <= now)?;
                self.end(stop, now)
            }
            Phase::Helping(rescue) => {
                let (freeze, tool) = (rescue.freeze, rescue.tool);
                let step = rescue.due(now);
                if self.working_deadline().is_some_and(|(at, _)| at <= now) {
                    return self.end(Stop::Frozen(freeze), now);
                }
                match step? {
                    rescue::Step::Kill => Some(Action::Rescue(TreeSignal::Kill, tool)),
                    rescue::Step::GiveUp => self.end(Stop::Frozen(freeze), now),
                }
            }
            Phase::Lingering { until } if *until <= now => self.end(Stop::Linger, now),
            Phase::Lingering { .. } | Phase::Reaping | Phase::Done => None,
            Phase::Stopping { .. } => self.climb(now),
        }
    }

    /// When [`Life::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        match &self.phase {
            Phase::Working => self.working_deadline().map(|(at, _)| at),
            Phase::Helping(rescue) => {
                let bound = self.working_deadline().map(|(at, _)| at);
                Some(bound.map_or(rescue.deadline(), |at| at.min(rescue.deadline())))
            }
            Phase::Lingering { until } => Some(*until),
            Phase::Stopping { ladder } => ladder.next_deadline(),
            Phase::Reaping | Phase::Done => None,
        }
    }

    /// The earliest bound of a working agent. At a tie the run budget wins: it ends the run too.
    fn working_deadline(&self) -> Option<(Duration, Stop)> {
        let startup = self.limits.startup.filter(|_| !self.heard);
        let patience = self.limits.retry_patience.and_then(|patience| {
            let (since, evidence) = self.retrying.as_ref()?;
            Some((*since + patience, Stop::Retrying(evidence.clone())))
        });
        [
            self.limits.run_budget.map(|at| (at, Stop::RunTimeout)),
            self.limits.try_cap.map(|at| (at, Stop::TryTimeout)),
            startup.map(|at| (self.begun + at, Stop::StartupHang)),
            patience,
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(at, _)| *at)
    }
}

/// Whether the operator ended the try, but not for good.
fn is_mild(stop: Option<&Stop>) -> bool {
    matches!(stop, Some(Stop::Paused | Stop::Cancelled(CancelSource::Skip | CancelSource::GracefulStop)))
}

#[cfg(test)]
mod freezes;

#[cfg(test)]
mod tests;
