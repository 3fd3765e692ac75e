//! The inbox: messages of the operator that wait for an agent.
//!
//! A message is for one run or for a whole relay. Its status says whether somebody still has to deal with it,
//! its stamp (relay and run) who has it. A message for a run goes back to the queue when that run fails; one for
//! a relay stays with that relay until another one takes its place. Every change is one rewrite under the lock of
//! the shared files.

use super::jsonl::forward::for_each_line;
use super::jsonl::{Durability, append, read_all};
use super::records::Message;
use super::{Layout, Shared, StoreError, files};
use crate::model::Timestamp;

/// A message that no agent has dealt with yet.
pub const PENDING: &str = "pending";
/// A message that an agent has dealt with.
pub const ADDRESSED: &str = "addressed";
/// A message that the operator took back.
pub const CANCELLED: &str = "cancelled";

/// Scope of a message for every run of a relay.
pub const FOR_RELAY: &str = "relay";

/// Resolved messages that are kept.
const RESOLVED_WINDOW: usize = 200;

impl Message {
    /// Whether somebody still has to deal with it.
    pub fn is_pending(&self) -> bool {
        self.status == PENDING
    }

    /// Whether it is for a whole relay; otherwise it is for one run.
    pub fn is_for_relay(&self) -> bool {
        self.scope.as_deref() == Some(FOR_RELAY)
    }

    /// Whether it was given to this run.
    fn is_with(&self, relay: u64, run: u64) -> bool {
        (self.consumed_by_relay_id, self.consumed_by_run_id) == (Some(relay), Some(run))
    }

    fn resolve(&mut self, status: &str, now: Timestamp) {
        status.clone_into(&mut self.status);
        self.updated_at = now;
    }

    fn stamp(&mut self, relay: Option<u64>, run: Option<u64>, now: Timestamp) {
        (self.consumed_by_relay_id, self.consumed_by_run_id) = (relay, run);
        self.updated_at = now;
    }
}

/// What a run has to read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Given {
    /// For every run of its relay, first come first.
    pub relay: Vec<Message>,
    /// For this run.
    pub run: Option<Message>,
}

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
        self.rewrite(|messages| {
            let message = self.find(messages, id)?;
            change(message);
            message.updated_at = now;
            Ok(message.clone())
        })
    }

    /// What a run has to read; asked again, it has the same. It gets one message of the queue and keeps that
    /// place even when it has dealt with the message; those for its relay it gets all.
    pub fn give(&self, relay: u64, run: u64, now: Timestamp) -> Result<Given, StoreError> {
        self.rewrite(|messages| {
            let for_run = |m: &Message| !m.is_for_relay();
            if !messages.iter().any(|m| for_run(m) && m.is_with(relay, run))
                && let Some(next) =
                    messages.iter_mut().filter(|m| for_run(m) && m.is_pending()).min_by_key(|m| m.position)
            {
                next.stamp(Some(relay), Some(run), now);
            }
            for message in messages.iter_mut().filter(|m| waits_for_relay(m, relay)) {
                if message.consumed_by_relay_id.is_none() {
                    message.stamp(Some(relay), None, now);
                }
            }
            let mut of_relay: Vec<Message> =
                messages.iter().filter(|m| waits_for_relay(m, relay)).cloned().collect();
            of_relay.sort_by_key(|m| m.position);
            let mine = |m: &&Message| for_run(m) && m.is_pending() && m.is_with(relay, run);
            Ok(Given { relay: of_relay, run: messages.iter().find(mine).cloned() })
        })
    }

    /// A run is over. If it passed, it has dealt with its message; if not, the message waits for another run.
    /// Says everything that runs of the relay have dealt with so far.
    pub fn settle(&self, relay: u64, run: u64, passed: bool, now: Timestamp) -> Result<Vec<u64>, StoreError> {
        self.rewrite(|messages| {
            let is_its = |m: &&mut Message| !m.is_for_relay() && m.is_pending() && m.is_with(relay, run);
            for message in messages.iter_mut().filter(is_its) {
                match passed {
                    true => message.resolve(ADDRESSED, now),
                    false => message.stamp(None, None, now),
                }
            }
            Ok(addressed_by(messages, relay))
        })
    }

    /// A relay has reached its target: what was for all of its runs has been read by all of them.
    /// Says everything that runs of the relay have dealt with.
    pub fn close(&self, relay: u64, now: Timestamp) -> Result<Vec<u64>, StoreError> {
        self.rewrite(|messages| {
            let is_its =
                |m: &&mut Message| waits_for_relay(m, relay) && m.consumed_by_relay_id == Some(relay);
            messages.iter_mut().filter(is_its).for_each(|m| m.resolve(ADDRESSED, now));
            Ok(addressed_by(messages, relay))
        })
    }

    /// This relay is at work, and no other one is. What was for every run of another one, and was not dealt
    /// with when that was given up, waits again.
    pub fn take_over(&self, relay: u64, now: Timestamp) -> Result<(), StoreError> {
        self.rewrite(|messages| {
            let is_left = |m: &&mut Message| {
                m.is_pending() && m.is_for_relay() && m.consumed_by_relay_id.is_some_and(|of| of != relay)
            };
            messages.iter_mut().filter(is_left).for_each(|m| m.stamp(None, None, now));
            Ok(())
        })
    }

    /// Takes a pending message back.
    ///
    /// # Errors
    ///
    /// When there is no such message, or it is not pending any more.
    pub fn cancel(&self, id: u64, now: Timestamp) -> Result<Message, StoreError> {
        self.rewrite(|messages| {
            let message = self.find(messages, id)?;
            if !message.is_pending() {
                return Err(StoreError::MessageOver { id, status: message.status.clone() });
            }
            message.resolve(CANCELLED, now);
            Ok(message.clone())
        })
    }

    /// Takes down that messages were dealt with: all or none. Says which are news.
    ///
    /// # Errors
    ///
    /// When one of them does not exist, or was taken back.
    pub fn ack(&self, ids: &[u64], now: Timestamp) -> Result<Vec<u64>, StoreError> {
        self.rewrite(|messages| {
            let mut news = Vec::new();
            for &id in ids {
                let message = self.find(messages, id)?;
                match &*message.status {
                    PENDING => {
                        message.resolve(ADDRESSED, now);
                        news.push(id);
                    }
                    ADDRESSED => {}
                    status => return Err(StoreError::MessageOver { id, status: status.to_owned() }),
                }
            }
            Ok(news)
        })
    }

    /// What runs of a relay have dealt with.
    pub fn addressed_by(&self, relay: u64) -> Result<Vec<u64>, StoreError> {
        Ok(addressed_by(&self.load()?, relay))
    }

    /// The runs, as relay and run, that have a message they have not dealt with.
    pub fn held(&self) -> Result<Vec<(u64, u64)>, StoreError> {
        let pending = self.pending()?.into_iter().filter(|m| !m.is_for_relay());
        Ok(pending.filter_map(|m| m.consumed_by_relay_id.zip(m.consumed_by_run_id)).collect())
    }

    /// Reads, changes and writes all messages, unless nothing changed. Lines that are no messages stay.
    fn rewrite<T>(
        &self,
        change: impl FnOnce(&mut Vec<Message>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let shared = Shared::lock(self.layout)?;
        let path = self.layout.messages();
        shared.repair(&path)?;
        let (mut messages, mut bytes) = (Vec::<Message>::new(), Vec::new());
        for_each_line(&path, |line, _| match serde_json::from_slice(line) {
            Ok(message) => messages.push(message),
            Err(_) => bytes.extend([line.trim_ascii_end(), b"\n"].concat()),
        })?;
        let before = messages.clone();
        let said = change(&mut messages)?;
        if messages != before {
            for message in windowed(messages) {
                serde_json::to_writer(&mut bytes, &message)
                    .map_err(|source| StoreError::Encode { path: path.clone(), source })?;
                bytes.push(b'\n');
            }
            files::replace(&path, &bytes)?;
        }
        Ok(said)
    }

    fn find<'m>(&self, messages: &'m mut [Message], id: u64) -> Result<&'m mut Message, StoreError> {
        let unknown = || StoreError::UnknownMessage { id, path: self.layout.messages() };
        messages.iter_mut().find(|m| m.id == id).ok_or_else(unknown)
    }

    /// Pending messages, first come first.
    pub fn pending(&self) -> Result<Vec<Message>, StoreError> {
        let mut messages = self.load()?;
        messages.retain(Message::is_pending);
        messages.sort_by_key(|m| m.position);
        Ok(messages)
    }

    /// Pending messages for a whole relay that nobody or this relay has read.
    pub fn pending_for_relay(&self, relay: u64) -> Result<Vec<Message>, StoreError> {
        let mut messages = self.pending()?;
        messages.retain(|m| waits_for_relay(m, relay));
        Ok(messages)
    }
}

/// Whether the runs of this relay are to read it.
fn waits_for_relay(message: &Message, relay: u64) -> bool {
    message.is_pending()
        && message.is_for_relay()
        && message.consumed_by_relay_id.is_none_or(|by| by == relay)
}

fn addressed_by(messages: &[Message], relay: u64) -> Vec<u64> {
    let is_its = |m: &&Message| m.status == ADDRESSED && m.consumed_by_relay_id == Some(relay);
    messages.iter().filter(is_its).map(|m| m.id).collect()
}

/// Everything pending, and the newest of the rest.
fn windowed(messages: Vec<Message>) -> Vec<Message> {
    let resolved = messages.iter().filter(|m| !m.is_pending()).count();
    let mut drop = resolved.saturating_sub(RESOLVED_WINDOW);
    messages
        .into_iter()
        .filter(|m| {
            let keep = m.is_pending() || drop == 0;
            drop -= usize::from(!keep);
            keep
        })
        .collect()
}
