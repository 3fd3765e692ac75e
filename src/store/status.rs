//! Health events of runners: replayed from file order, kept short by the state they
//! amount to.

mod standing;

pub use standing::{Key, compacted};

use super::jsonl::{Durability, append, read_all};
use super::records::{AgentStatusEvent, AgentStatusKind, RECORD_VERSION};
use super::{Shared, Store, StoreError, files};
use crate::model::{Runner, Timestamp};
use standing::Standing;

/// Events that are kept at most.
const WINDOW: usize = 500;

/// The file is rewritten when that takes this many events out of it: not at every append.
const SLACK: usize = 50;

impl AgentStatusEvent {
    /// An event about a runner; whatever else is known of it is filled in.
    pub fn new(runner: &Runner, event_type: AgentStatusKind, timestamp: Timestamp) -> AgentStatusEvent {
        AgentStatusEvent {
            v: RECORD_VERSION,
            agent_type: runner.harness.clone(),
            model: runner.model.clone(),
            event_type,
            timestamp,
            relay_id: None,
            run_id: None,
            try_id: None,
            reason: None,
            reset_at: None,
            quota_scope: None,
        }
    }
}

impl Store {
    /// Remembers that a runner's health changed.
    pub fn append_status(&mut self, event: AgentStatusEvent) -> Result<(), StoreError> {
        Shared::lock(&self.layout)?.append_status(event)
    }

    /// The events that count, oldest first, at most 500. Replaying them gives every
    /// runner's state, also of those whose events are long gone.
    pub fn status_events(&self) -> Result<Vec<AgentStatusEvent>, StoreError> {
        Ok(compacted(read_all(&self.layout.agent_status())?.0, WINDOW))
    }

    /// Makes every runner healthy again, as for a new relay. What is known about
    /// exhausted accounts stays until their reset, unless `forget_limits`: then their windows are forgotten, too.
    pub fn clear_status_keeping_resets(
        &mut self,
        now: Timestamp,
        forget_limits: bool,
    ) -> Result<(), StoreError> {
        let shared = Shared::lock(&self.layout)?;
        if forget_limits {
            shared.forget_quota()?;
        }
        let path = self.layout.agent_status();
        let mut events = read_all(&path)?.0;
        let standing = Standing::of(&events).indices();
        let mut index = 0;
        events.retain(|event| {
            let stands = standing.contains(&index);
            index += 1;
            let is_limit = event.event_type == AgentStatusKind::Benched;
            !forget_limits && stands && is_limit && event.reset_at.is_some_and(|at| at > now)
        });
        if events.is_empty() {
            return files::remove(&path);
        }
        shared.rewrite(&path, events)
    }
}

impl Shared<'_> {
    /// Remembers that a runner's health changed.
    pub fn append_status(&self, mut event: AgentStatusEvent) -> Result<(), StoreError> {
        event.v = RECORD_VERSION;
        let path = self.layout().agent_status();
        self.repair(&path)?;
        append(&path, &event, Durability::Cached)?;
        let (events, _) = read_all(&path)?;
        let length = events.len();
        if length > WINDOW + SLACK {
            let kept = compacted(events, WINDOW);
            if kept.len() + SLACK <= length {
                // The event is stored; a file that stays long for now is no failure.
                let _ = self.rewrite(&path, kept);
            }
        }
        Ok(())
    }
}
