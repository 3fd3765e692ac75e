//! One verdict on a failed try.

use jiff::tz::TimeZone;

use super::{brief, wait, words};
use crate::model::{Category, Evidence, Exit, Timestamp};

/// Everything known about a try that failed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observation<'a> {
    /// What the CLI reported in typed events, or in its own log of this very session.
    pub reported: Option<&'a Evidence>,
    /// Why it did not start.
    pub spawn: Option<&'a Evidence>,
    /// How its main process ended.
    pub exit: Option<Exit>,
    /// Whether the kernel says that it killed a process of the agent for lack of memory.
    pub oom: bool,
    /// Lines that are not protocol events among the last 50 of the log.
    pub log_tail: &'a [String],
}

/// Why it failed. The result always has a category, and a wait where there is one to be waited.
pub fn classify(observation: &Observation<'_>, now: Timestamp, zone: &TimeZone) -> Evidence {
    let mut evidence = weigh(observation, now, zone);
    evidence.retry_after = evidence.retry_after.or_else(|| wait::usual(evidence.category?));
    evidence
}

fn weigh(observation: &Observation<'_>, now: Timestamp, zone: &TimeZone) -> Evidence {
    if let Some(reported) = observation.reported.filter(|evidence| evidence.category.is_some()) {
        return reported.clone();
    }
    if let Some(spawn) = observation.spawn {
        return spawn.clone();
    }
    words::evidence(observation.log_tail, now, zone)
        .or_else(|| killed(observation))
        .unwrap_or_else(|| unidentified(observation))
}

fn killed(observation: &Observation<'_>) -> Option<Evidence> {
    /// The number of SIGKILL on every platform.
    const KILL: i32 = 9;
    match observation.exit {
        Some(Exit::Signal(KILL)) if observation.oom => Some(
            Evidence::new("exit", Some(Category::TransientInfra), "killed because memory ran out")
                .with_cause("oom"),
        ),
        Some(exit @ Exit::Signal(_)) => Some(
            Evidence::new("exit", Some(Category::UnidentifiedIssue), format!("killed by {exit}"))
                .with_cause("signal"),
        ),
        Some(Exit::Code(_)) | None => None,
    }
}

/// Nothing is recognised: the most telling words there are.
fn unidentified(observation: &Observation<'_>) -> Evidence {
    let (source, message) = match (observation.log_tail.last(), observation.reported, observation.exit) {
        // It ended well, and yet without what was asked of it: that is the failure.
        (Some(line), Some(reported), Some(exit)) if exit.is_zero() => {
            (reported.source.as_str(), brief(&format!("{}; its last words: {line}", reported.message)))
        }
        (Some(line), ..) => ("text", brief(line)),
        (None, Some(reported), _) => (reported.source.as_str(), reported.message.clone()),
        (None, None, Some(exit)) => ("exit", format!("{exit} and not a word why")),
        (None, None, None) => ("exit", "the agent had to be abandoned".to_owned()),
    };
    Evidence::new(source, Some(Category::UnidentifiedIssue), message)
}

#[cfg(test)]
mod tests;
