//! How a try ended.

use serde::{Deserialize, Serialize};

use super::{Category, FailureClass};

/// The outcome of one try, as `tries.jsonl` stores it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The agent finished its task.
    Completed,
    /// The agent handed its task over in a durable way.
    HandoffRequested,
    /// The agent changed files but did not finalise its lap.
    Incomplete,
    /// The try cap or the run budget ended the try.
    RunTimeout,
    /// The bounded handoff after a spent run budget did not succeed.
    HandoffTimeout,
    /// The try failed; the record has a category.
    Failed,
    /// rally itself was cut (killed, crashed, powered off) while the try ran.
    Interrupted,
    /// The operator or a signal ended the try.
    Cancelled,
    /// The operator paused the try.
    Paused,
}

impl Outcome {
    /// Whether the try did what its run wanted.
    pub fn is_success(self) -> bool {
        matches!(self, Outcome::Completed | Outcome::HandoffRequested)
    }

    /// Whether the try used up one attempt of its run's retry budget. What the
    /// operator or a crash ended costs nothing.
    pub fn costs_attempt(self) -> bool {
        !matches!(self, Outcome::Cancelled | Outcome::Paused | Outcome::Interrupted)
    }
}

impl Outcome {
    /// Who is to blame: only a try that failed has a category that counts.
    pub fn class(self, category: Option<Category>) -> FailureClass {
        match self {
            Outcome::Failed => category.map_or(FailureClass::Agent, Category::class),
            Outcome::Incomplete => FailureClass::Incomplete,
            Outcome::Completed
            | Outcome::HandoffRequested
            | Outcome::RunTimeout
            | Outcome::HandoffTimeout
            | Outcome::Interrupted
            | Outcome::Cancelled
            | Outcome::Paused => FailureClass::Agent,
        }
    }
}

/// Who cancelled a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelSource {
    /// Ctrl+S: on to the next runner.
    Skip,
    /// Ctrl+X confirmed again while the try was finishing.
    GracefulStop,
    /// Ctrl+C at a terminal.
    QuitNow,
    /// INT outside a terminal, TERM, HUP or QUIT.
    Signal,
}

impl CancelSource {
    /// The text of the record and the footer.
    pub fn as_str(self) -> &'static str {
        match self {
            CancelSource::Skip => "skip",
            CancelSource::GracefulStop => "graceful_stop",
            CancelSource::QuitNow => "quit_now",
            CancelSource::Signal => "signal",
        }
    }
}

/// How the agent's main process ended: `{"code":1}` or `{"signal":9}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The exit code.
    Code(i32),
    /// The number of the signal that killed it.
    Signal(i32),
}

impl Exit {
    /// Exit code 0.
    pub fn is_zero(self) -> bool {
        self == Exit::Code(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20-AF-CT-05. Whether another attempt follows (06) is for the relay to decide.
    #[test]
    fn the_table() {
        use FailureClass::{Agent, Incomplete, Infra};
        use Outcome::{
            Cancelled, Completed, Failed, HandoffRequested, HandoffTimeout, Interrupted, Paused, RunTimeout,
        };
        let (rate, limit, auth) = (Category::ShortRateLimit, Category::UsageLimit, Category::AuthOrProxy);
        for (outcome, category, success, class, costs) in [
            (Completed, None, true, Agent, true),
            (HandoffRequested, None, true, Agent, true),
            (Outcome::Incomplete, Some(Category::IncompleteFinalization), false, Incomplete, true),
            // 30-8.4: a timeout counts as no trouble of the infrastructure, whatever was seen in it.
            (RunTimeout, Some(rate), false, Agent, true),
            (HandoffTimeout, None, false, Agent, true),
            (Failed, Some(rate), false, Infra, true),
            (Failed, Some(limit), false, Agent, true),
            (Failed, Some(auth), false, Agent, true),
            (Failed, None, false, Agent, true),
            (Interrupted, None, false, Agent, false),
            (Cancelled, None, false, Agent, false),
            (Paused, None, false, Agent, false),
        ] {
            let row = format!("{outcome:?} {category:?}");
            assert_eq!(outcome.is_success(), success, "{row}");
            assert_eq!(outcome.class(category), class, "{row}");
            assert_eq!(outcome.costs_attempt(), costs, "{row}");
        }
    }
}
