//! What a run does to the health of its runner: a pause when the infrastructure keeps failing, the end or
//! the next round of one when it was on trial, and a bench when a quota is used up, for everybody who draws
//! from it.

use std::time::Duration;

use super::crew::Crew;
use super::event::RunVerdict;
use super::resilience::{self, Ended, Trouble};
use super::run::RunResult;
use crate::failure::wait::LONGEST_SHORT_LIMIT;
use crate::model::text::count;
use crate::model::{Category, FailureClass, Runner, Timestamp};
use crate::routing::providers::ScopeOf;
use crate::store::records::{AgentStatusEvent, AgentStatusKind};

/// No bench is shorter.
const SOON: Duration = Duration::from_secs(60);

/// Whether a provider asks for a wait that is too long to be waited out inside a run, which it would use up.
pub fn is_long(hint: Duration) -> bool {
    hint > LONGEST_SHORT_LIMIT
}

/// A run that is over.
#[derive(Debug, Clone, Copy)]
pub struct Finished<'a> {
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// Who had it.
    pub runner: &'a Runner,
    /// The role of its task.
    pub role: Option<&'a str>,
    /// What came of it.
    pub result: &'a RunResult,
}

/// The events that tell it: the runner's own first, then those of the others who share its quota. What the
/// operator cancelled says nothing about anybody.
pub fn of(
    finished: &Finished<'_>,
    crew: &Crew,
    now: Timestamp,
    of_harness: ScopeOf<'_>,
) -> Vec<AgentStatusEvent> {
    match finished.ended() {
        None => Vec::new(),
        Some(Ended::Limited) => benches(finished, crew, now, of_harness),
        Some(ended) => {
            let (trouble, failed_retries) = crew.trouble(finished.runner);
            let kinds = resilience::after(trouble, failed_retries, ended).iter();
            let event = |kind: &AgentStatusKind| AgentStatusEvent {
                reason: Some(finished.why(trouble, *kind)),
                ..finished.event(finished.runner, *kind, now)
            };
            kinds.map(event).collect()
        }
    }
}

/// The event of a decayed freeze whose deciding run begins now. An earlier such run that was cut has
/// written it already.
pub fn at_start(crew: &Crew, runner: &Runner, ids: (u64, u64), now: Timestamp) -> Option<AgentStatusEvent> {
    let (Trouble::Frozen { .. }, _) = crew.trouble(runner) else { return None };
    let (relay_id, run_id) = ids;
    Some(AgentStatusEvent {
        relay_id: Some(relay_id),
        run_id: Some(run_id),
        reason: Some(format!("freeze decayed, run {run_id} decides")),
        ..AgentStatusEvent::new(runner, AgentStatusKind::Probation, now)
    })
}

fn benches(
    finished: &Finished<'_>,
    crew: &Crew,
    now: Timestamp,
    of_harness: ScopeOf<'_>,
) -> Vec<AgentStatusEvent> {
    let Finished { runner, result, role, run_id, .. } = *finished;
    let after = |span: Duration| now.saturating_add(span).unwrap_or(now);
    let told = result.reset_at.or_else(|| result.hint.map(after)).map(resilience::surely_after);
    // One that has passed since it was told is near all the same: coming back at once would only meet the limit again.
    let reset_at = Some(told.unwrap_or_else(|| after(resilience::BENCH)).max(after(SOON)));
    let scope = crew.scope(runner, of_harness);
    let is_runner = |other: &Runner| (&other.harness, &other.model) == (&runner.harness, &runner.model);
    let reason = finished.reason();
    let event = |affected: &Runner| AgentStatusEvent {
        reset_at,
        quota_scope: Some(scope.clone()),
        reason: Some(match is_runner(affected) {
            true => format!("{reason} (run {run_id})"),
            false => format!("{reason} (run {run_id} of {})", runner.label()),
        }),
        ..finished.event(affected, AgentStatusKind::Benched, now)
    };
    let others = crew.drawing_from(&scope, role, of_harness);
    std::iter::once(runner).chain(others.iter().filter(|other| !is_runner(other))).map(event).collect()
}

impl Finished<'_> {
    fn ended(&self) -> Option<Ended> {
        let result = self.result;
        let is_limit = result.category == Some(Category::UsageLimit);
        match &result.verdict {
            RunVerdict::Cancelled { .. } => None,
            // Whoever did another lap is well.
            RunVerdict::Failed { .. } if result.mismatch.is_some() => None,
            RunVerdict::Passed { .. } => Some(Ended::Passed),
            RunVerdict::Failed { .. } => Some(match result.class {
                _ if is_limit || result.hint.is_some_and(is_long) => Ended::Limited,
                FailureClass::Infra if result.infra_failures > 1 => Ended::InfraTrouble,
                FailureClass::Incomplete => Ended::Incomplete,
                FailureClass::Infra | FailureClass::Agent => Ended::Otherwise,
            }),
        }
    }

    fn event(&self, runner: &Runner, kind: AgentStatusKind, now: Timestamp) -> AgentStatusEvent {
        AgentStatusEvent {
            relay_id: Some(self.relay_id),
            run_id: Some(self.run_id),
            try_id: self.result.last_try,
            ..AgentStatusEvent::new(runner, kind, now)
        }
    }

    /// Why the run failed.
    fn reason(&self) -> &str {
        match &self.result.verdict {
            RunVerdict::Failed { reason } => reason,
            RunVerdict::Passed { .. } | RunVerdict::Cancelled { .. } => "",
        }
    }

    /// Why the trouble becomes this.
    fn why(&self, trouble: Trouble, kind: AgentStatusKind) -> String {
        let Finished { run_id, result, .. } = self;
        let passed = matches!(result.verdict, RunVerdict::Passed { .. });
        let what = match (trouble, kind) {
            (Trouble::None, _) => {
                format!("{} in run {run_id}", count(result.infra_failures as usize, "infra failure"))
            }
            (Trouble::Paused { .. }, AgentStatusKind::Active) => {
                format!("hourly retry succeeded in run {run_id}")
            }
            (Trouble::Paused { .. }, AgentStatusKind::Frozen) => {
                format!("too many hourly retries failed, the last one in run {run_id}")
            }
            (Trouble::Paused { .. }, _) => format!("hourly retry failed in run {run_id}"),
            (Trouble::Frozen { .. } | Trouble::Probation, AgentStatusKind::Active) if passed => {
                format!("probation passed in run {run_id}")
            }
            (Trouble::Frozen { .. } | Trouble::Probation, AgentStatusKind::Active) => {
                format!("the service answered on probation in run {run_id}")
            }
            (Trouble::Frozen { .. } | Trouble::Probation, _) => format!("probation failed in run {run_id}"),
        };
        match passed {
            true => what,
            false => format!("{what}: {}", self.reason()),
        }
    }
}

#[cfg(test)]
mod course_tests;
#[cfg(test)]
mod tests;
