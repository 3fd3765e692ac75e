//! What a try amounts to: one pure decision over what was observed.
//!
//! From the strongest word to the weakest: the operator's; that of an agent which said durably, through its
//! commands, that it is done or hands over; the bounds that ended the try; what its CLI told of a failure;
//! whether something came of it.

pub mod handoff;
pub mod pin;
pub mod stall;

use std::time::Duration;

use super::life::Stop;
use crate::executor::Report;
use crate::failure;
use crate::model::evidence::SESSION_LOST;
use crate::model::text::{ellipsis, one_line};
use crate::model::{CancelSource, Category, Evidence, Outcome};
use crate::monitor::freeze::Freeze;

/// A success without a change is believed only after this long.
const QUICK: Duration = Duration::from_secs(180);

/// `cause` of a try that was ended because it was frozen.
pub const FREEZE_CAUSE: &str = "freeze";

/// `source` of evidence that lies in the files alone: the CLI itself has said that it went well.
pub const WORKSPACE: &str = "workspace";

/// `source` of the changes that a lap's try has left without finalising it.
pub const DIRTY_TREE: &str = "dirty_tree";

/// Longest list of changed paths in evidence, characters.
const PATHS_LIMIT: usize = 256;

/// What the try worked on, which decides when it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A task that ends with its try.
    Free,
    /// A lap of the queue, which is done when the agent finalises it.
    Lap {
        /// Whether it was reported as done, or durably handed over.
        finalised: bool,
    },
}

/// Everything the decision rests on.
pub struct Observed<'a> {
    /// What the try worked on.
    pub work: Work,
    /// Why the try was ended, if it did not end by itself.
    pub stop: Option<&'a Stop>,
    /// What its output says.
    pub report: &'a Report,
    /// Paths that it changed, in commits or beside them; `None` when git could not tell.
    pub changes: Option<&'a [String]>,
    /// Active time.
    pub runtime: Duration,
    /// Whether a quick success must have changed something.
    pub require_changes: bool,
    /// Whether the agent recorded a durable handoff.
    pub handoff: bool,
    /// Says what the failure is, should it be one: that may cost a look into the CLI's logs.
    pub finding: &'a dyn Fn() -> Evidence,
}

/// The decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// How the try ended.
    pub outcome: Outcome,
    /// Who cancelled it.
    pub source: Option<CancelSource>,
    /// Why it failed; `None` for a success, a cancellation or a pause.
    pub failure: Option<Failure>,
}

/// Why a try failed.
#[derive(Debug, Clone, PartialEq)]
pub struct Failure {
    /// For programs.
    pub category: Category,
    /// A reason that is better than the category's label, if there is one.
    pub reason: Option<&'static str>,
    /// What it rests on.
    pub evidence: Evidence,
}

impl Failure {
    /// Whether another lap than the pinned one was done: no failure of the harness, and nothing to try again.
    pub fn is_mismatch(&self) -> bool {
        self.evidence.source == pin::SOURCE
    }

    /// Whether the CLI no longer had the session that was to be resumed: nothing was attempted.
    pub fn is_lost_session(&self) -> bool {
        self.evidence.cause.as_deref() == Some(SESSION_LOST)
    }
}

impl Verdict {
    fn without_failure(outcome: Outcome) -> Verdict {
        Verdict { outcome, source: None, failure: None }
    }

    fn failed(outcome: Outcome, reason: Option<&'static str>, evidence: Evidence) -> Verdict {
        let category = evidence.category.unwrap_or(Category::UnidentifiedIssue);
        Verdict { outcome, source: None, failure: Some(Failure { category, reason, evidence }) }
    }

    /// The same failure, for a try whose run has no time left.
    pub fn out_of_time(&mut self, outcome: Outcome, reason: &'static str) {
        self.outcome = outcome;
        if let Some(failure) = &mut self.failure {
            failure.reason = Some(reason);
        }
    }

    /// The work was done before the agent froze: the try counts after all.
    pub fn recovered(&mut self) {
        *self = Verdict::without_failure(Outcome::Completed);
    }

    /// Whether the work of the try may be committed. What was cancelled, paused or is incomplete is
    /// committed by the try that ends the run; what a lap's handoff leaves is the next lap's to judge.
    pub fn may_commit(&self, work: Work) -> bool {
        match self.outcome {
            Outcome::Completed | Outcome::RunTimeout | Outcome::HandoffTimeout | Outcome::Failed => true,
            Outcome::HandoffRequested => work == Work::Free,
            Outcome::Incomplete | Outcome::Interrupted | Outcome::Cancelled | Outcome::Paused => false,
        }
    }
}

/// Decides.
pub fn decide(observed: Observed<'_>) -> Verdict {
    let Observed { work, stop, report, handoff, finding, .. } = observed;
    if let Some(verdict) = of_operator(stop) {
        return verdict;
    }
    let finished = is_finished(stop, report);
    // A lap that was finalised is done, however its CLI ended: another attempt would take the next one.
    let finalised = work == Work::Lap { finalised: true };
    // Ended by rally after a handoff: the agent had nothing left to do.
    if finalised || (handoff && (finished || stop.is_some())) {
        return Verdict::without_failure(if handoff {
            Outcome::HandoffRequested
        } else {
            Outcome::Completed
        });
    }
    match stop {
        _ if finished => ended_well(&observed),
        Some(Stop::RunTimeout) => {
            Verdict::failed(Outcome::RunTimeout, Some("run timeout"), deadline("run timeout", finding()))
        }
        Some(Stop::TryTimeout) => {
            Verdict::failed(Outcome::RunTimeout, Some("try timeout"), deadline("try timeout", finding()))
        }
        Some(Stop::StartupHang) => {
            let evidence =
                Evidence::new("deadline", Some(Category::TransientInfra), "no output after the start")
                    .with_cause("startup_hang");
            Verdict::failed(Outcome::Failed, Some("startup hang: no output"), evidence)
        }
        Some(Stop::Frozen(freeze)) => Verdict::failed(Outcome::Failed, None, frozen(freeze, finding())),
        Some(Stop::Retrying(evidence)) => Verdict::failed(Outcome::Failed, None, (**evidence).clone()),
        None | Some(Stop::Linger | Stop::Cancelled(_) | Stop::Paused) => failed_by_itself(&observed),
    }
}

/// The operator's word: it ends a try, and says nothing about it.
fn of_operator(stop: Option<&Stop>) -> Option<Verdict> {
    match stop? {
        Stop::Cancelled(source) => {
            Some(Verdict { source: Some(*source), ..Verdict::without_failure(Outcome::Cancelled) })
        }
        Stop::Paused => Some(Verdict::without_failure(Outcome::Paused)),
        Stop::TryTimeout
        | Stop::RunTimeout
        | Stop::StartupHang
        | Stop::Frozen(_)
        | Stop::Retrying(_)
        | Stop::Linger => None,
    }
}

/// Whether the CLI itself says that its turn went well. One without an end event that was told to stop may
/// well exit 0: that is not its word. One with an end event beats every bound that passed later.
fn is_finished(stop: Option<&Stop>, report: &Report) -> bool {
    let by_itself = matches!(stop, None | Some(Stop::Linger));
    report.completed && (by_itself || report.ended)
}

/// The CLI failed, with or without a word why.
fn failed_by_itself(observed: &Observed<'_>) -> Verdict {
    let finding = (observed.finding)();
    match observed.unfinalised_changes() {
        // What the CLI proves is news; unfinished work is only where it stopped.
        Some(changes) if !is_proved(&finding) => incomplete(changes),
        _ => Verdict::failed(Outcome::Failed, None, finding),
    }
}

/// The CLI said that it went well: did anything come of it?
fn ended_well(observed: &Observed<'_>) -> Verdict {
    let Observed { work, changes, runtime, require_changes, .. } = *observed;
    let Some(changes) = changes else {
        let why = "git cannot tell what changed";
        let evidence = Evidence::new(WORKSPACE, Some(Category::TransientInfra), why);
        return Verdict::failed(Outcome::Failed, None, evidence);
    };
    match work {
        Work::Lap { .. } if !changes.is_empty() => incomplete(changes),
        Work::Lap { .. } => {
            no_changes("the agent ended well, but neither finalised its lap nor changed anything")
        }
        Work::Free if require_changes && changes.is_empty() && runtime < QUICK => {
            no_changes("the agent ended well but changed nothing")
        }
        Work::Free => Verdict::without_failure(Outcome::Completed),
    }
}

fn no_changes(why: &str) -> Verdict {
    Verdict::failed(Outcome::Failed, Some("no changes made"), Evidence::new(WORKSPACE, None, why))
}

impl<'a> Observed<'a> {
    /// The changes of a lap that was not finalised, if there are any.
    fn unfinalised_changes(&self) -> Option<&'a [String]> {
        let changes = self.changes.filter(|changes| !changes.is_empty())?;
        (self.work == Work::Lap { finalised: false }).then_some(changes)
    }
}

fn incomplete(changes: &[String]) -> Verdict {
    let paths = ellipsis(&one_line(&changes.join(", ")), PATHS_LIMIT);
    let evidence = Evidence::new(DIRTY_TREE, Some(Category::IncompleteFinalization), paths);
    Verdict::failed(Outcome::Incomplete, None, evidence)
}

/// Whether evidence is more than words that look like a failure.
fn is_proved(finding: &Evidence) -> bool {
    finding.source != failure::words::SOURCE && has_category(finding)
}

fn has_category(finding: &Evidence) -> bool {
    finding.category.is_some_and(|category| category != Category::UnidentifiedIssue)
}

/// A timeout keeps a category that the output proves, and is unidentified otherwise.
fn deadline(message: &str, finding: Evidence) -> Evidence {
    if has_category(&finding) && !is_echo(&finding) {
        return finding;
    }
    Evidence::new("deadline", Some(Category::UnidentifiedIssue), message)
}

/// What the CLI itself says about its silence comes first: a used-up quota, above all.
fn frozen(freeze: &Freeze, finding: Evidence) -> Evidence {
    match finding.category {
        Some(category)
            if category != Category::AgentError && has_category(&finding) && !is_echo(&finding) =>
        {
            finding
        }
        _ => Evidence::new("freeze", Some(Category::TransientInfra), freeze.describe())
            .with_cause(FREEZE_CAUSE),
    }
}

/// An agent that is being stopped complains of broken connections in plain words: that is the stop's own doing.
fn is_echo(finding: &Evidence) -> bool {
    finding.source == failure::words::SOURCE && finding.category == Some(Category::TransientInfra)
}

/// A command that the agent wrote as text instead of executing it: a whole line, in any letter case, that
/// may stand in a code fence. Prose that only begins so is none. Worth a warning, never a failure.
pub fn marker(words: &str) -> Option<&'static str> {
    let is = |line: &str, command: &str| line.trim().trim_matches('`').trim().eq_ignore_ascii_case(command);
    ["laps done", "laps handoff"].into_iter().find(|command| words.lines().any(|line| is(line, command)))
}

#[cfg(test)]
mod tests;
