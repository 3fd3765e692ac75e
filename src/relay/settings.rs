//! What the loop needs of the configuration.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::LogsConfig;
use crate::monitor::freeze::Limits;
use crate::prompt::ContextLimits;

/// Bounds and choices of a pass, resolved.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Attempts of a run.
    pub retry_budget: u32,
    /// First pause between attempts; doubles. Zero: no pauses.
    pub retry_backoff: Duration,
    /// For all tries of a run together.
    pub run_timeout: Duration,
    /// For one try.
    pub try_timeout: Duration,
    /// How long an agent may be silent.
    pub silence: Limits,
    /// Bytes that a harness prints per token, by canonical name; nothing is guessed for those that are not in it.
    pub chars_per_token: BTreeMap<String, f64>,
    /// Until the first byte of a CLI that speaks a structured stream.
    pub startup_timeout: Duration,
    /// How long a CLI may retry by itself.
    pub retry_patience: Duration,
    /// The longest wait for somebody to come back; `None`: as long as it takes.
    pub max_wait: Option<Duration>,
    /// Time for a handoff after a spent run budget.
    pub handoff_timeout: Duration,
    /// Failed runs in a row that end the pass.
    pub max_failed_runs: u32,
    /// Whether a quick success without a change is a failure.
    pub require_changes: bool,
    /// Whether commits run the repository's hooks.
    pub run_hooks: bool,
    /// What of the logs is kept, and whether secrets are masked in transcripts, too.
    pub logs: LogsConfig,
    /// How many earlier tries the prompt tells about.
    pub recent_tries: usize,
    /// How long that may get.
    pub context_limits: ContextLimits,
}
