//! `[reliability]`: when is an agent given up, and what then?

use std::collections::BTreeMap;
use std::time::Duration;

use super::builtin::{self, BUILTINS};
use super::diagnostic::{Findings, label};
use super::merge::Merged;
use super::suggest;

/// A timeout below this is honoured, with a warning: agents often think for minutes.
const SHORT: Duration = Duration::from_secs(300);

/// How patient rally is. Every number has a key of the same name, times with `_secs` behind it;
/// a zero in the file means the default unless said otherwise.
#[derive(Debug, Clone, PartialEq)]
pub struct Reliability {
    /// Silence after which an agent without a connection counts as frozen (900 s).
    pub freeze_threshold: Duration,
    /// Silence after which an agent with connections open but dry counts as frozen (300 s).
    pub network_silence: Duration,
    /// Time for the first byte of output (120 s).
    pub startup_timeout: Duration,
    /// Accepted, and without effect.
    pub liveness_probe: bool,
    /// Attempts per run (5).
    pub retry_budget: u32,
    /// Pause before the second attempt, doubled for each further one (2 s); zero is no pause.
    pub retry_backoff: Duration,
    /// How long a CLI may retry by itself (300 s).
    pub retry_patience: Duration,
    /// Budget of a run, all its tries together (4500 s).
    pub run_timeout: Duration,
    /// Cap of one try (3600 s).
    pub try_timeout: Duration,
    /// Time for a handoff after a spent budget (300 s); always below run budget and try cap unless
    /// those are a second or less.
    pub handoff_timeout: Duration,
    /// Earlier tries that a prompt sums up (5).
    pub recent_try_count: usize,
    /// Characters per summed-up try; 0 is unlimited.
    pub recent_try_char_limit: usize,
    /// Characters of all summed-up tries together; 0 is unlimited.
    pub recent_context_char_limit: usize,
    /// The longest wait for a runner to come back; a longer one ends the pass (none: as long as it takes).
    pub max_wait: Option<Duration>,
    /// Failed runs in a row that end a pass (5).
    pub max_failed_runs: u32,
    /// Whether a free run that changed nothing in a short time has failed (true).
    pub require_changes: bool,
    /// Bytes that a harness prints per token, above 0, by its name as spelled; see
    /// [`super::Config::chars_per_token`] for what counts.
    pub chars_per_token: BTreeMap<String, f64>,
}

impl Default for Reliability {
    fn default() -> Self {
        Reliability {
            freeze_threshold: Duration::from_secs(900),
            network_silence: Duration::from_secs(300),
            startup_timeout: Duration::from_secs(120),
            liveness_probe: false,
            retry_budget: 5,
            retry_backoff: Duration::from_secs(2),
            retry_patience: Duration::from_secs(300),
            run_timeout: Duration::from_secs(4500),
            try_timeout: Duration::from_secs(3600),
            handoff_timeout: Duration::from_secs(300),
            recent_try_count: 5,
            recent_try_char_limit: 0,
            recent_context_char_limit: 0,
            max_wait: None,
            max_failed_runs: 5,
            require_changes: true,
            chars_per_token: BTreeMap::new(),
        }
    }
}

const TABLE: &str = "reliability";
const CHARS_PER_TOKEN: &str = "chars_per_token";

pub(super) fn resolve(merged: &Merged, findings: &mut Findings) -> Reliability {
    let default = Reliability::default();
    let number = |key: &str| merged.number(&[TABLE, key]);
    let seconds = |key: &str, default: Duration| {
        number(key).filter(|secs| *secs > 0).map_or(default, Duration::from_secs)
    };
    let count = |key: &str, default: u32| match number(key) {
        None | Some(0) => default,
        Some(given) => u32::try_from(given).unwrap_or(u32::MAX),
    };
    let limit = |key: &str| usize::try_from(number(key).unwrap_or(0)).unwrap_or(usize::MAX);
    let flag = |key: &str, default| merged.flag(&[TABLE, key]).unwrap_or(default);

    let run_timeout = seconds("run_timeout_secs", default.run_timeout);
    let try_timeout = seconds("try_timeout_secs", default.try_timeout);
    let wanted = seconds("handoff_timeout_secs", default.handoff_timeout);
    for key in ["run_timeout_secs", "try_timeout_secs", "handoff_timeout_secs"] {
        warn_if_short(merged, key, findings);
    }
    warn_of_strangers(merged, findings);
    Reliability {
        freeze_threshold: seconds("freeze_threshold_secs", default.freeze_threshold),
        network_silence: seconds("network_silence_secs", default.network_silence),
        startup_timeout: seconds("startup_timeout_secs", default.startup_timeout),
        liveness_probe: flag("liveness_probe", default.liveness_probe),
        retry_budget: count("retry_budget", default.retry_budget),
        retry_backoff: number("retry_backoff_secs").map_or(default.retry_backoff, Duration::from_secs),
        retry_patience: seconds("retry_patience_secs", default.retry_patience),
        run_timeout,
        try_timeout,
        handoff_timeout: handoff(merged, run_timeout.min(try_timeout), wanted, findings),
        recent_try_count: count("recent_try_count", 5) as usize,
        recent_try_char_limit: limit("recent_try_char_limit"),
        recent_context_char_limit: limit("recent_context_char_limit"),
        max_wait: number("max_wait_secs").filter(|secs| *secs > 0).map(Duration::from_secs),
        max_failed_runs: count("max_failed_runs", default.max_failed_runs),
        require_changes: flag("require_changes", default.require_changes),
        chars_per_token: merged.fractions_under(&[TABLE, CHARS_PER_TOKEN]),
    }
}

fn warn_if_short(merged: &Merged, key: &str, findings: &mut Findings) {
    let Some(setting) = merged.get(&[TABLE, key]) else { return };
    if let Some(secs @ 1..) = merged.number(&[TABLE, key])
        && secs < SHORT.as_secs()
    {
        let message = format!(
            "{} is {secs} s; below {} s an agent may be cut while it thinks",
            label(&setting.path),
            SHORT.as_secs()
        );
        findings.warning(&setting.origin, &setting.path, message);
    }
}

/// A figure for a harness that does not exist has no effect.
fn warn_of_strangers(merged: &Merged, findings: &mut Findings) {
    let own: Vec<&str> = merged.under(&["harness"]).map(|(name, _)| name).collect();
    for (name, setting) in merged.under(&[TABLE, CHARS_PER_TOKEN]) {
        if builtin::find(name).is_none() && !own.contains(&name) {
            let known = BUILTINS.iter().flat_map(|builtin| builtin.aliases.iter().copied());
            let message = format!(
                "{} names no harness and is ignored{}",
                label(&setting.path),
                suggest::hint(&suggest::closest(name, known.chain(own.iter().copied())))
            );
            findings.warning(&setting.origin, &setting.path, message);
        }
    }
}

/// The window ends before what it is a part of: one second below `cap`, and at least one second.
fn handoff(merged: &Merged, cap: Duration, wanted: Duration, findings: &mut Findings) -> Duration {
    if wanted < cap {
        return wanted;
    }
    let second = Duration::from_secs(1);
    let window = cap.saturating_sub(second).max(second);
    if let Some(setting) = merged.get(&[TABLE, "handoff_timeout_secs"])
        && merged.number(&[TABLE, "handoff_timeout_secs"]) == Some(wanted.as_secs())
    {
        let message = format!(
            "{} is {} s, which does not fit into the shorter of run and try timeout ({} s); {} s are used",
            label(&setting.path),
            wanted.as_secs(),
            cap.as_secs(),
            window.as_secs()
        );
        findings.warning(&setting.origin, &setting.path, message);
    }
    window
}
