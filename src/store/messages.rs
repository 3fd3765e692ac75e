//! The inbox: messages that wait for an agent.

use super::jsonl::{Durability, append, read_all};
use super::records::Message;
use super::{Layout, Shared, StoreError};
use crate::model::Timestamp;

/// A message that no agent has dealt with yet.
pub const PENDING: &str = "pending";

/// Resolved messages that are kept.
const RESOLVED_WINDOW: usize = 200;

/// The messages of one workspace.
#[derive(Debug, Clone, Copy)]
pub struct Inbox<'a> {
    layout: &'a Layout,
}

impl<'a> Inbox<'a> {
    /// The inbox of a workspace; nothing is opened yet.
    pub fn new(layout: &'a Layout) -> Inbox<'a> {
        Inbox { layout }
    }

    /// All messages in order of the file.
    pub fn load(&self) -> Result<Vec<Message>, StoreError> {
        Ok(read_all(&self.layout.messages())?.0)
    }

    /// Adds a pending message; without a position it comes last.
    pub fn add(
        &self,
        body: &str,
        scope: Option<&str>,
        position: Option<i64>,
        now: Timestamp,
    ) -> Result<Message, StoreError> {
        let shared = Shared::lock(self.layout)?;
        let path = self.layout.messages();
        shared.repair(&path)?;
        let messages = self.load()?;
        let after_last = || messages.iter().map(|m| m.position).max().unwrap_or(0).saturating_add(1);
        let message = Message {
            id: messages.iter().map(|m| m.id).max().unwrap_or(0) + 1,
            body: body.to_owned(),
            status: PENDING.to_owned(),
            position: position.unwrap_or_else(after_last),
            scope: scope.map(str::to_owned),
            created_at: now,
            updated_at: now,
            consumed_by_run_id: None,
            consumed_by_relay_id: None,
            extra: serde_json::Map::new(),
        };
        append(&path, &message, Durability::Synced)?;
        Ok(message)
    }

    /// Changes one message and says it as stored. Old resolved ones are let go of.
    pub fn update(
        &self,
        id: u64,
        now: Timestamp,
        change: impl FnOnce(&mut Message),
    ) -> Result<Message, StoreError> {
        let shared = Shared::lock(self.layout)?;
        let path = self.layout.messages();
        let mut messages = self.load()?;
        let Some(message) = messages.iter_mut().find(|m| m.id == id) else {
            return Err(StoreError::UnknownMessage { id, path });
        };
        change(message);
        message.updated_at = now;
        let message = message.clone();
        shared.rewrite(&path, windowed(messages))?;
        Ok(message)
    }

    /// Pending messages, first come first.
    pub fn pending(&self) -> Result<Vec<Message>, StoreError> {
        let mut messages = self.load()?;
        messages.retain(|m| m.status == PENDING);
        messages.sort_by_key(|m| m.position);
        Ok(messages)
    }

    /// Pending messages for a whole relay that nobody or this relay has read.
    pub fn pending_for_relay(&self, relay: u64) -> Result<Vec<Message>, StoreError> {
        let mut messages = self.pending()?;
        messages.retain(|m| {
            m.scope.as_deref() == Some("relay") && m.consumed_by_relay_id.is_none_or(|by| by == relay)
        });
        Ok(messages)
    }
}

/// Everything pending, and the newest of the rest.
fn windowed(messages: Vec<Message>) -> Vec<Message> {
    let resolved = messages.iter().filter(|m| m.status != PENDING).count();
    let mut drop = resolved.saturating_sub(RESOLVED_WINDOW);
    messages
        .into_iter()
        .filter(|m| {
            let keep = m.status == PENDING || drop == 0;
            drop -= usize::from(!keep);
            keep
        })
        .collect()
}
