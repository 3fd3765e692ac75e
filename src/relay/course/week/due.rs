//! What the end of a run demands to be told, once, whatever is cut between its last try and its end.

use std::time::Duration;

use super::Key;
use crate::model::{Category, FailureClass, Timestamp};
use crate::relay::run::RunResult;
use crate::store::records::{AgentStatusEvent, AgentStatusKind};

/// Why somebody has to be left alone.
#[derive(Clone, Copy)]
enum Trouble {
    Limit,
    Infra,
}

/// What the health of its runner owes to a run whose last try is over.
pub struct Due {
    pub run: u64,
    pub of: Key,
    /// When the last try ended.
    pub since: Timestamp,
    what: Option<Trouble>,
}

impl Due {
    pub fn new(run: u64, of: Key, result: &RunResult, since: Timestamp) -> Due {
        let is_infra = result.class == FailureClass::Infra && result.infra_failures > 1;
        let is_limit = result.category == Some(Category::UsageLimit)
            || result.hint.is_some_and(|hint| hint > Duration::from_secs(300));
        let what = if is_limit { Some(Trouble::Limit) } else { is_infra.then_some(Trouble::Infra) };
        Due { run, of, since, what }
    }

    /// The operator has the last word about the runner: whether it was told before no longer counts.
    pub fn excuse(&mut self) {
        self.what = None;
    }

    /// What is wrong with all that was told in the relay.
    pub fn objects(&self, told: &[AgentStatusEvent]) -> Option<String> {
        use AgentStatusKind::{Benched, Frozen, Paused, RetryFailed};
        let (harness, model) = &self.of;
        let of_run = |event: &&AgentStatusEvent| {
            (event.run_id, &event.agent_type, &event.model) == (Some(self.run), harness, model)
        };
        let kinds: Vec<AgentStatusKind> = told.iter().filter(of_run).map(|event| event.event_type).collect();
        let count = |wanted| kinds.iter().filter(|kind| **kind == wanted).count();
        let limits = count(Benched);
        // The last failed retry freezes, too.
        let troubles = count(Paused) + count(RetryFailed).max(count(Frozen));
        let holds = match self.what {
            Some(Trouble::Limit) => (limits, troubles) == (1, 0),
            Some(Trouble::Infra) => (limits, troubles) == (0, 1),
            None => limits + troubles <= 1,
        };
        (!holds).then(|| format!("told of run {}: {kinds:?}", self.run))
    }
}
