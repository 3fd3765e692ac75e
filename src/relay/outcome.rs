//! What a try amounts to: one pure decision over what was observed.

use std::time::Duration;

use super::life::Stop;
use crate::executor::Report;
use crate::model::evidence::SESSION_LOST;
use crate::model::{CancelSource, Category, Evidence, Outcome};
use crate::monitor::freeze::Freeze;

/// A success without a change is believed only after this long.
const QUICK: Duration = Duration::from_secs(180);

/// Everything the decision rests on.
pub struct Observed<'a> {
    /// Why the try was ended, if it did not end by itself.
    pub stop: Option<&'a Stop>,
    /// What its output says.
    pub report: &'a Report,
    /// Whether commits or files of its own came out of it; `None` when git could not tell.
    pub changed: Option<bool>,
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
    /// Why it failed; `None` for a success or a cancellation.
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
    /// Whether the CLI no longer had the session that was to be resumed: nothing was attempted.
    pub fn is_lost_session(&self) -> bool {
        self.evidence.cause.as_deref() == Some(SESSION_LOST)
    }
}

impl Verdict {
    fn success(outcome: Outcome) -> Verdict {
        Verdict { outcome, source: None, failure: None }
    }

    fn failed(outcome: Outcome, reason: Option<&'static str>, evidence: Evidence) -> Verdict {
        let category = evidence.category.unwrap_or(Category::UnidentifiedIssue);
        Verdict { outcome, source: None, failure: Some(Failure { category, reason, evidence }) }
    }

    /// Whether the work of the try may be committed. What was cancelled or paused is
    /// committed by the try that ends the run.
    pub fn may_commit(&self) -> bool {
        match self.outcome {
            Outcome::Completed
            | Outcome::HandoffRequested
            | Outcome::RunTimeout
            | Outcome::HandoffTimeout
            | Outcome::Failed => true,
            Outcome::Incomplete | Outcome::Interrupted | Outcome::Cancelled | Outcome::Paused => false,
        }
    }
}

/// Decides. The agent's own word that it is finished beats every time bound that
/// passed later; the operator's word beats everything but a finished agent.
pub fn decide(observed: Observed<'_>) -> Verdict {
    let Observed { stop, report, changed, runtime, require_changes, handoff, finding } = observed;
    // A CLI without an end event that was told to stop may well exit 0: that is not its word.
    let by_itself = matches!(stop, None | Some(Stop::Linger));
    let finished = report.completed && (by_itself || report.ended);
    match stop {
        Some(Stop::Cancelled(source)) => {
            Verdict { outcome: Outcome::Cancelled, source: Some(*source), failure: None }
        }
        Some(Stop::RunTimeout) if !finished => {
            Verdict::failed(Outcome::RunTimeout, Some("run timeout"), deadline("run timeout", finding()))
        }
        Some(Stop::TryTimeout) if !finished => {
            Verdict::failed(Outcome::RunTimeout, Some("try timeout"), deadline("try timeout", finding()))
        }
        Some(Stop::StartupHang) if !finished => {
            let evidence =
                Evidence::new("deadline", Some(Category::TransientInfra), "no output after the start")
                    .with_cause("startup_hang");
            Verdict::failed(Outcome::Failed, Some("startup hang: no output"), evidence)
        }
        Some(Stop::Frozen(freeze)) if !finished => {
            Verdict::failed(Outcome::Failed, None, frozen(freeze, finding()))
        }
        Some(Stop::Retrying(evidence)) if !finished => {
            Verdict::failed(Outcome::Failed, None, (**evidence).clone())
        }
        None
        | Some(
            Stop::RunTimeout
            | Stop::TryTimeout
            | Stop::StartupHang
            | Stop::Frozen(_)
            | Stop::Retrying(_)
            | Stop::Linger,
        ) => {
            if !finished {
                Verdict::failed(Outcome::Failed, None, finding())
            } else if handoff {
                Verdict::success(Outcome::HandoffRequested)
            } else if changed.is_none() {
                let evidence = Evidence::new(
                    "workspace",
                    Some(Category::TransientInfra),
                    "git cannot tell what changed",
                );
                Verdict::failed(Outcome::Failed, None, evidence)
            } else if require_changes && changed == Some(false) && runtime < QUICK {
                let evidence = Evidence::new("workspace", None, "the agent ended well but changed nothing");
                Verdict::failed(Outcome::Failed, Some("no changes made"), evidence)
            } else {
                Verdict::success(Outcome::Completed)
            }
        }
    }
}

/// A timeout keeps a category that the output proves, and is unidentified otherwise.
fn deadline(message: &str, finding: Evidence) -> Evidence {
    match finding.category {
        Some(category) if category != Category::UnidentifiedIssue => finding,
        _ => Evidence::new("deadline", Some(Category::UnidentifiedIssue), message),
    }
}

/// What the CLI itself says about its silence comes first: a used-up quota, above all.
fn frozen(freeze: &Freeze, finding: Evidence) -> Evidence {
    match finding.category {
        None | Some(Category::UnidentifiedIssue | Category::AgentError) => {
            Evidence::new("freeze", Some(Category::TransientInfra), freeze.describe()).with_cause("freeze")
        }
        Some(_) => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed<'a>(stop: Option<&'a Stop>, report: &'a Report) -> Observed<'a> {
        Observed {
            stop,
            report,
            changed: Some(true),
            runtime: Duration::from_secs(30),
            require_changes: true,
            handoff: false,
            finding: &|| Evidence::new("unmatched", Some(Category::UnidentifiedIssue), "?"),
        }
    }

    fn good() -> Report {
        Report { completed: true, ended: true, ..Report::default() }
    }

    #[test]
    fn the_table() {
        let (good, bad) = (good(), Report::default());
        let plain = Report { completed: true, ..Report::default() };
        let ended_badly = Report { ended: true, ..Report::default() };
        let quit = Stop::Cancelled(CancelSource::QuitNow);
        let rows = [
            (None, &good, Outcome::Completed),
            (None, &bad, Outcome::Failed),
            (None, &ended_badly, Outcome::Failed),
            (Some(Stop::Linger), &good, Outcome::Completed),
            (Some(Stop::Linger), &bad, Outcome::Failed),
            (Some(Stop::TryTimeout), &bad, Outcome::RunTimeout),
            (Some(Stop::TryTimeout), &good, Outcome::Completed),
            (None, &plain, Outcome::Completed),
            (Some(Stop::TryTimeout), &plain, Outcome::RunTimeout),
            (Some(Stop::RunTimeout), &plain, Outcome::RunTimeout),
            (Some(Stop::RunTimeout), &bad, Outcome::RunTimeout),
            (Some(Stop::StartupHang), &bad, Outcome::Failed),
            (Some(quit.clone()), &good, Outcome::Cancelled),
            (Some(quit), &bad, Outcome::Cancelled),
        ];
        for (stop, report, expected) in rows {
            let verdict = decide(observed(stop.as_ref(), report));
            assert_eq!(verdict.outcome, expected, "{stop:?} {report:?}");
            assert_eq!(verdict.failure.is_some(), !expected.is_success() && expected != Outcome::Cancelled);
        }
    }

    #[test]
    fn a_quick_success_without_a_change_is_a_failure() {
        let report = good();
        let nothing = |runtime, require_changes, handoff| {
            decide(Observed {
                changed: Some(false),
                runtime,
                require_changes,
                handoff,
                ..observed(None, &report)
            })
        };
        let verdict = nothing(Duration::from_secs(10), true, false);
        assert_eq!(verdict.failure.unwrap().reason, Some("no changes made"));
        assert_eq!(nothing(Duration::from_secs(10), false, false).outcome, Outcome::Completed);
        assert_eq!(nothing(Duration::from_secs(200), true, false).outcome, Outcome::Completed);
        assert_eq!(nothing(Duration::from_secs(10), true, true).outcome, Outcome::HandoffRequested);
    }

    #[test]
    fn what_cannot_be_seen_is_no_success() {
        let report = good();
        let verdict = decide(Observed { changed: None, ..observed(None, &report) });
        assert_eq!(verdict.failure.unwrap().category, Category::TransientInfra);
    }

    #[test]
    fn retries_end_with_the_category_of_what_they_retry() {
        let evidence = Evidence::new("stream", Some(Category::ProviderOverloaded), "529");
        let stop = Stop::Retrying(Box::new(evidence));
        let verdict = decide(observed(Some(&stop), &Report::default()));
        assert_eq!(verdict.failure.unwrap().category, Category::ProviderOverloaded);
    }

    #[test]
    fn a_timeout_keeps_a_category_that_was_proved() {
        let report = Report::default();
        let finding = || Evidence::new("stream", Some(Category::ShortRateLimit), "429");
        let seen = Observed { finding: &finding, ..observed(Some(&Stop::TryTimeout), &report) };
        assert_eq!(decide(seen).failure.unwrap().category, Category::ShortRateLimit);
        let plain = decide(observed(Some(&Stop::TryTimeout), &report));
        assert_eq!(plain.failure.unwrap().category, Category::UnidentifiedIssue);
    }

    #[test]
    fn nobody_looks_for_the_failure_of_a_success() {
        let report = good();
        let never = || -> Evidence { panic!("looked") };
        for stop in [None, Some(&Stop::Linger), Some(&Stop::TryTimeout)] {
            assert_eq!(
                decide(Observed { finding: &never, ..observed(stop, &report) }).outcome,
                Outcome::Completed
            );
        }
    }

    #[test]
    fn what_was_cancelled_commits_nothing() {
        let report = good();
        let stop = Stop::Cancelled(CancelSource::Signal);
        assert!(!decide(observed(Some(&stop), &report)).may_commit());
        assert!(decide(observed(None, &Report::default())).may_commit(), "a failed try commits its work");
    }
}
