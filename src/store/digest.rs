//! What the journal says, in order of its lines. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::progress::run_name;
use super::records::{Fact, JournalLine, TryRecord, TryStarted};
use crate::model::{ProcessIdentity, Spent, Timestamp};

/// A try as far as the journal knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedTry {
    /// When it was allocated.
    pub at: Timestamp,
    /// As allocated.
    pub started: TryStarted,
    /// Agent and guard, once spawned.
    pub processes: Option<(ProcessIdentity, ProcessIdentity)>,
    /// The session that the CLI told.
    pub session_id: Option<String>,
    /// What that session had used up when last heard of.
    pub spent: Spent,
    /// The verdict, once made: from then on the try is not cut any more, only unrecorded.
    pub resolved: Option<Box<TryRecord>>,
}

impl StartedTry {
    /// The session that the try worked in: the one it told, or else the one it resumed or was given. A
    /// CLI that never ran has made none.
    pub fn session(&self) -> Option<&str> {
        let given = self.started.session.as_deref().filter(|_| self.processes.is_some());
        self.session_id.as_deref().or(self.started.resume.as_deref()).or(given)
    }
}

/// A run as far as the journal knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StartedRun {
    /// When it began first.
    pub at: Timestamp,
    /// The mix entry.
    pub entry: String,
    /// What was dirty before: opaque.
    pub snapshot: serde_json::Value,
    /// The lap that was claimed for it.
    pub lap: Option<String>,
    /// Its tries since that entry has it.
    pub tries: BTreeSet<u64>,
}

/// The sum of all facts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Digest {
    /// Try ids below this are taken.
    pub next_try: u64,
    /// Relay ids below this are taken.
    pub next_relay: u64,
    /// Tries by id.
    pub tries: BTreeMap<u64, StartedTry>,
    /// Runs that began and did not end, by relay and run.
    pub open_runs: BTreeMap<(u64, u64), StartedRun>,
    /// Highest run number seen, by relay.
    pub last_runs: BTreeMap<u64, u64>,
    /// Highest record version seen.
    pub version: u32,
}

/// What is still needed of a journal.
#[derive(Debug, Default)]
pub struct Needed {
    /// Relays that can be resumed.
    pub relays: BTreeSet<u64>,
    /// Tries without a record.
    pub tries: BTreeSet<u64>,
}

impl Digest {
    /// Takes the next line.
    pub fn add(&mut self, line: JournalLine) {
        self.version = self.version.max(line.v);
        match line.fact {
            Fact::Checkpoint { next_try, next_relay } => {
                self.next_try = self.next_try.max(next_try);
                self.next_relay = self.next_relay.max(next_relay);
            }
            Fact::RunStarted { relay_id, run_id, entry, snapshot, lap } => {
                self.saw_run(relay_id, run_id);
                // Begun again after a crash: the snapshot may have grown.
                let known = self.open_runs.remove(&(relay_id, run_id));
                let at = known.as_ref().map_or(line.at, |known| known.at);
                let tries = known.filter(|known| known.entry == entry).map(|known| known.tries);
                let tries = tries.unwrap_or_default();
                self.open_runs.insert((relay_id, run_id), StartedRun { at, entry, snapshot, lap, tries });
            }
            Fact::RunEnded { relay_id, run_id } => {
                self.saw_run(relay_id, run_id);
                self.open_runs.remove(&(relay_id, run_id));
            }
            Fact::TryStarted(started) => {
                self.saw_run(started.relay_id, started.run_id);
                self.next_try = self.next_try.max(started.try_id.saturating_add(1));
                let id = started.try_id;
                if let Some(run) = self.open_runs.get_mut(&(started.relay_id, started.run_id)) {
                    run.tries.insert(id);
                }
                let at = line.at;
                let new = StartedTry {
                    at,
                    started,
                    processes: None,
                    session_id: None,
                    spent: Spent::default(),
                    resolved: None,
                };
                self.tries.insert(id, new);
            }
            Fact::TrySpawned { try_id, agent, guard } => {
                if let Some(known) = self.tries.get_mut(&try_id) {
                    known.processes = Some((agent, guard));
                }
            }
            Fact::TryResolved { record } => {
                if let Some(known) = self.tries.get_mut(&record.id) {
                    known.resolved = Some(record);
                }
            }
            Fact::Session { try_id, session_id, spent } => {
                if let Some(known) = self.tries.get_mut(&try_id) {
                    // It belongs to its session, and stays known until a newer count comes.
                    let same = known.session_id.as_deref() == Some(&*session_id);
                    if !(same && spent.is_unknown()) {
                        known.spent = spent;
                    }
                    known.session_id = Some(session_id);
                }
            }
            Fact::Progress { .. } | Fact::LapReported { .. } | Fact::LapsCreated { .. } | Fact::Unknown => {}
        }
    }

    fn saw_run(&mut self, relay: u64, run: u64) {
        self.next_relay = self.next_relay.max(relay.saturating_add(1));
        let last = self.last_runs.entry(relay).or_default();
        *last = run.max(*last);
    }

    /// The newest run of a relay that did not end.
    pub fn open_run(&self, relay: u64) -> Option<(u64, &StartedRun)> {
        let (key, run) = self.open_runs.range((relay, 0)..=(relay, u64::MAX)).next_back()?;
        Some((key.1, run))
    }

    /// Session and what it is known to have used up, from the newest try of a run's entry that has one:
    /// another entry cannot go on in it.
    pub fn session_of(&self, run: &StartedRun) -> Option<(String, Spent)> {
        let mut of_entry = run.tries.iter().rev().filter_map(|id| self.tries.get(id));
        let session = of_entry.find_map(StartedTry::session)?;
        let in_session = |t: &&StartedTry| t.session_id.as_deref() == Some(session);
        let spent = self.tries.values().rev().find(in_session).map(|t| t.spent);
        Some((session.to_owned(), spent.unwrap_or_default()))
    }

    /// Whether a line has to survive compaction.
    pub fn is_live(&self, line: &JournalLine, needed: &Needed) -> bool {
        let open = |key: &(u64, u64)| needed.relays.contains(&key.0) && self.open_runs.contains_key(key);
        let live_try = |id: &u64| {
            needed.tries.contains(id)
                || self.tries.get(id).is_some_and(|t| open(&(t.started.relay_id, t.started.run_id)))
        };
        match &line.fact {
            Fact::Checkpoint { .. } => false,
            Fact::RunStarted { relay_id, run_id, .. } => open(&(*relay_id, *run_id)),
            // The highest number stays, so that none is given twice.
            Fact::RunEnded { relay_id, run_id } => {
                needed.relays.contains(relay_id) && self.last_runs.get(relay_id) == Some(run_id)
            }
            Fact::TryStarted(started) => live_try(&started.try_id),
            Fact::TrySpawned { try_id, .. } | Fact::Session { try_id, .. } => live_try(try_id),
            // With its record written, the verdict has done its part.
            Fact::TryResolved { record } => needed.tries.contains(&record.id),
            Fact::Progress { run_id, .. }
            | Fact::LapReported { run_id, .. }
            | Fact::LapsCreated { run_id, .. } => {
                self.open_runs.keys().any(|key| open(key) && run_name(key.0, key.1) == *run_id)
            }
            // A newer version may need it.
            Fact::Unknown => true,
        }
    }
}

#[cfg(test)]
mod tests;
