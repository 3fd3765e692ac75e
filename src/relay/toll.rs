//! What a failed run takes from its runner: a pause when the infrastructure keeps failing, a bench when
//! a quota is used up, for everybody who draws from it.

use std::time::Duration;

use super::crew::Crew;
use super::resilience;
use super::run::RunResult;
use crate::model::{Category, Runner, Timestamp};
use crate::routing::providers::ScopeOf;
use crate::store::records::{AgentStatusEvent, AgentStatusKind, RECORD_VERSION};

/// A provider that asks for more than this is left alone until then: waiting inside a run would use it up.
const LONG_HINT: Duration = Duration::from_secs(300);

/// Whether a provider asks for a wait that is too long to be waited out between runs.
pub fn is_long(hint: Duration) -> bool {
    hint > LONG_HINT
}

/// A run that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The relay.
    pub relay_id: u64,
    /// Who had it.
    pub runner: &'a Runner,
    /// The role of its task.
    pub role: Option<&'a str>,
    /// What came of it.
    pub result: &'a RunResult,
    /// Why, for people.
    pub reason: &'a str,
}

/// The events that tell it: the runner's own first, then those of the others who share its quota.
pub fn of(
    failed: &Failed<'_>,
    crew: &Crew,
    now: Timestamp,
    of_harness: ScopeOf<'_>,
) -> Vec<AgentStatusEvent> {
    let Failed { runner, result, .. } = *failed;
    let Some(category) = result.category else { return Vec::new() };
    let hint = result.hint.filter(|hint| is_long(*hint));
    let event = |affected: Runner, event_type| AgentStatusEvent {
        v: RECORD_VERSION,
        agent_type: affected.harness,
        model: affected.model,
        event_type,
        timestamp: now,
        relay_id: Some(failed.relay_id),
        reason: Some(failed.reason.to_owned()),
        reset_at: None,
        quota_scope: None,
    };
    if category != Category::UsageLimit && hint.is_none() {
        let pauses = resilience::pauses(result.infra_failures, category.class());
        return pauses.then(|| event(runner.clone(), AgentStatusKind::Paused)).into_iter().collect();
    }
    let reset_at = result.reset_at.or_else(|| now.checked_add(hint?).ok()).map(resilience::surely_after);
    let scope = crew.scope(runner, of_harness);
    let is_runner = |other: &Runner| (&other.harness, &other.model) == (&runner.harness, &runner.model);
    let others = crew.drawing_from(&scope, failed.role, of_harness);
    let affected =
        std::iter::once(runner.clone()).chain(others.into_iter().filter(|other| !is_runner(other)));
    let bench = |affected| AgentStatusEvent {
        reset_at,
        quota_scope: Some(scope.clone()),
        ..event(affected, AgentStatusKind::Benched)
    };
    affected.map(bench).collect()
}

#[cfg(test)]
mod tests;
