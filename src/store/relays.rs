//! Relay records: appended, never rewritten. A newer line with the same id supersedes
//! the older, and the last line is always the newest relay.

use std::collections::{BTreeMap, BTreeSet};

use super::jsonl::{Durability, RecordsBack, append_all};
use super::messages::Inbox;
use super::records::{RECORD_VERSION, RelayRecord, TryRecord};
use super::tries::tries_of;
use super::{Layout, Store, StoreError, aside};
use crate::model::{Outcome, Timestamp};

/// How far back relays are looked at, in bytes: what lies before is history, whatever
/// its records say, so that a long history costs nothing.
const WINDOW: u64 = 256 << 10;

/// What a new relay is made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRelay {
    /// Successful runs wanted.
    pub target_iterations: u64,
    /// The mix as typed, behind `__override__:` when it came from a flag.
    pub agent_mix: String,
    /// The entries of the mix, as typed.
    pub entries: Vec<String>,
    /// The task, unless the built-in one is used.
    pub prompt: Option<String>,
    /// Whether it works off a lap queue.
    pub laps_backed: bool,
    /// Whether it goes on until the queue is empty.
    pub until_empty: bool,
}

/// The newest version of every relay inside the window.
#[derive(Debug, Default)]
pub(super) struct Recent {
    pub(super) relays: BTreeMap<u64, RelayRecord>,
    pub(super) skipped: usize,
}

/// Reads back through the window.
pub(super) fn recent(layout: &Layout) -> Result<Recent, StoreError> {
    let mut back = RecordsBack::<RelayRecord>::open(&layout.relays())?;
    let mut recent = Recent::default();
    while back.bytes_read() < WINDOW || recent.relays.is_empty() {
        let Some(mut record) = back.next().transpose()? else { break };
        aside::restore_prompt(layout, &mut record);
        recent.relays.entry(record.id).or_insert(record);
    }
    recent.skipped = back.skipped();
    Ok(recent)
}

/// The successful runs of a relay, counted from its tries.
pub(super) fn passed_runs(layout: &Layout, relay: &RelayRecord) -> Result<u64, StoreError> {
    let mut passed = BTreeSet::new();
    for record in tries_of(layout, relay)? {
        let record = record?;
        if has_passed(&record) {
            passed.insert(record.run_id);
        }
    }
    Ok(passed.len() as u64)
}

fn has_passed(record: &TryRecord) -> bool {
    record.outcome.map_or(record.completed, Outcome::is_success)
}

impl Store {
    /// Starts a relay; its id is new.
    pub fn create_relay(&mut self, new: NewRelay, now: Timestamp) -> Result<RelayRecord, StoreError> {
        let record = RelayRecord {
            v: RECORD_VERSION,
            id: self.next_relay,
            target_iterations: new.target_iterations,
            completed_iterations: 0,
            agent_mix: new.agent_mix,
            entries: new.entries,
            prompt: new.prompt,
            prompt_aside: false,
            laps_backed: new.laps_backed,
            until_empty: new.until_empty,
            consumed_message_ids: Vec::new(),
            started_at: now,
            ended_at: None,
            first_try_id: None,
            last_try_id: None,
            position: None,
            extra: serde_json::Map::new(),
        };
        let record = self.save_relay(&record)?;
        self.next_relay += 1;
        self.last_runs.insert(record.id, 0);
        Ok(record)
    }

    /// Supersedes a relay's record, durably. The ids of its first and last try are the
    /// store's own business. Says what was written.
    pub fn save_relay(&mut self, relay: &RelayRecord) -> Result<RelayRecord, StoreError> {
        let mut record = relay.clone();
        record.v = RECORD_VERSION;
        if let Some((first, last)) = self.spans.get(&record.id) {
            record.first_try_id = Some(*first);
            record.last_try_id = Some(*last);
        }
        let newest = self.last_relay.clone().filter(|last| last.id > record.id);
        let mut lines: Vec<RelayRecord> = [&record].into_iter().chain(&newest).cloned().collect();
        for line in &mut lines {
            aside::shrink_prompt(&self.layout, line)?;
        }
        append_all(&self.layout.relays(), &lines, Durability::Synced)?;
        if newest.is_none() {
            self.last_relay = Some(record.clone());
        }
        if record.is_open() {
            self.open_relays.insert(record.id, record.clone());
        } else {
            self.open_relays.remove(&record.id);
        }
        Ok(record)
    }

    /// Ends every relay that could be resumed. Says which.
    pub fn close_open_relays(&mut self, now: Timestamp) -> Result<Vec<u64>, StoreError> {
        let open: Vec<RelayRecord> = self.open_relays.values().cloned().collect();
        for relay in &open {
            self.save_relay(&RelayRecord { ended_at: Some(now), ..relay.clone() })?;
        }
        Ok(open.iter().map(|relay| relay.id).collect())
    }

    /// The newest relay that can be resumed.
    pub fn open_relay(&self) -> Option<RelayRecord> {
        self.open_relays.values().next_back().cloned()
    }

    /// The newest relay.
    pub fn last_relay(&self) -> Option<RelayRecord> {
        self.last_relay.clone()
    }

    /// A run number that this relay has never used.
    pub fn next_run_id(&self, relay_id: u64) -> Result<u64, StoreError> {
        if let Some(last) = self.last_runs.get(&relay_id) {
            return Ok(last.saturating_add(1));
        }
        let mut last = 0;
        for record in self.tries_of_relay(relay_id)? {
            last = last.max(record?.run_id);
        }
        Ok(last.saturating_add(1))
    }

    /// Whether a run of a relay has a try that succeeded.
    pub fn run_passed(&self, relay_id: u64, run_id: u64) -> Result<bool, StoreError> {
        for record in self.tries_of_relay(relay_id)? {
            let record = record?;
            if record.run_id == run_id && has_passed(&record) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Settles the messages of a relay that turned out to be complete, since a crash cut the end of its last
    /// run. Says all that its runs have dealt with.
    pub(super) fn messages_of_complete(
        &self,
        relay: &RelayRecord,
        now: Timestamp,
    ) -> Result<Vec<u64>, StoreError> {
        let inbox = Inbox::new(&self.layout);
        for (_, run) in inbox.held()?.into_iter().filter(|(of, _)| *of == relay.id) {
            inbox.settle(relay.id, run, self.run_passed(relay.id, run)?, now)?;
        }
        let mut ids = relay.consumed_message_ids.clone();
        ids.extend(
            inbox.close(relay.id, now)?.into_iter().filter(|id| !relay.consumed_message_ids.contains(id)),
        );
        Ok(ids)
    }

    /// Derives what a relay's record says about its tries from the tries themselves.
    pub(super) fn recount(&mut self, relay: &mut RelayRecord) -> Result<(), StoreError> {
        let mut passed = BTreeSet::new();
        let (mut first, mut last) = (None, None);
        let mut last_run = self.last_runs.get(&relay.id).copied().unwrap_or(0);
        for record in tries_of(&self.layout, relay)? {
            let record = record?;
            if has_passed(&record) {
                passed.insert(record.run_id);
            }
            first = Some(first.map_or(record.id, |f: u64| f.min(record.id)));
            last = Some(last.map_or(record.id, |l: u64| l.max(record.id)));
            last_run = last_run.max(record.run_id);
        }
        relay.completed_iterations = passed.len() as u64;
        relay.first_try_id = first;
        relay.last_try_id = last;
        self.last_runs.insert(relay.id, last_run);
        if let Some(span) = first.zip(last) {
            self.spans.insert(relay.id, span);
        }
        Ok(())
    }
}
