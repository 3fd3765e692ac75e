//! Tries: allocated before anything is spawned, finished with exactly one record.

use std::io::ErrorKind;
use std::path::Path;

use super::jsonl::{Durability, RecordsBack, append};
use super::records::{Fact, LapRef, RECORD_VERSION, RelayRecord, TryRecord, TryStarted};
use super::{Layout, Shared, Store, StoreError, disk, files};
use crate::model::{Timestamp, text};

/// What is known of a try before it gets an id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewTry {
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// From 1.
    pub attempt: u32,
    /// Whether it is only to hand over.
    pub handoff_only: bool,
    /// Value of `RALLY_TRY` for the agent and all its children.
    pub tag: String,
    /// Canonical harness name.
    pub harness: String,
    /// The model as passed to the CLI.
    pub model: Option<String>,
    /// The effort as passed to the CLI.
    pub effort: Option<String>,
    /// The session that the try resumes.
    pub resume: Option<String>,
    /// The id that a new session is given beforehand.
    pub session: Option<String>,
    /// The try's own folder for what is worth nothing after it; absolute.
    pub scratch: Option<String>,
    /// HEAD before the try.
    pub head_before: Option<String>,
    /// `override` or `default` until routes are configured.
    pub resolved_route: Option<String>,
    /// Its lap.
    pub lap: LapRef,
}

impl Store {
    /// Allocates a try, durably: its id is never given again, and its log exists, empty
    /// and for its owner's eyes only.
    pub fn allocate_try(&mut self, new: NewTry, now: Timestamp) -> Result<TryStarted, StoreError> {
        let try_id = self.next_try;
        let log = self.layout.try_log(try_id);
        create_log(&log)?;
        let started = TryStarted {
            try_id,
            relay_id: new.relay_id,
            run_id: new.run_id,
            attempt: new.attempt,
            handoff_only: new.handoff_only,
            tag: new.tag,
            harness: new.harness,
            model: new.model,
            effort: new.effort,
            resume: new.resume,
            session: new.session,
            scratch: new.scratch,
            log_path: log.to_string_lossy().into_owned(),
            head_before: new.head_before,
            resolved_route: new.resolved_route,
            lap: new.lap,
        };
        let fact = Fact::TryStarted(started.clone());
        Shared::lock(&self.layout)?.append_fact(fact, now, Durability::Synced)?;
        self.next_try += 1;
        self.unfinished.insert(try_id);
        self.saw_try(started.relay_id, started.run_id, try_id);
        Ok(started)
    }

    /// Stores the record of an allocated try, durably, and says it as stored: version,
    /// commit fields and lengths are put in order.
    pub fn finish_try(&mut self, record: TryRecord) -> Result<TryRecord, StoreError> {
        if !self.unfinished.contains(&record.id) {
            return Err(StoreError::NotRunning { id: record.id });
        }
        let record = normalised(record);
        append(&self.layout.tries(), &record, Durability::Synced)?;
        self.unfinished.remove(&record.id);
        Ok(record)
    }

    /// The tries of a relay, newest first; reads back only as far as they reach.
    pub fn tries_of_relay(&self, relay_id: u64) -> Result<TriesOf, StoreError> {
        self.reader().tries_of_relay(relay_id)
    }

    /// The newest `n` tries, oldest first; of one relay only, if named.
    pub fn recent_tries(&self, n: usize, relay: Option<u64>) -> Result<Vec<TryRecord>, StoreError> {
        self.reader().recent_tries(n, relay)
    }

    /// Remembers run numbers and try ids that are in use.
    pub(super) fn saw_try(&mut self, relay: u64, run: u64, id: u64) {
        self.saw_run(relay, run);
        let span = self.spans.entry(relay).or_insert((id, id));
        span.1 = span.1.max(id);
    }
}

/// Makes an empty log. One that is there already belongs to an earlier life of the
/// workspace: it is renamed, unless it is empty.
fn create_log(log: &Path) -> Result<(), StoreError> {
    if let Some(dir) = log.parent() {
        // That of all workspaces above it is rally's, too.
        dir.parent().map_or(Ok(()), files::create_private_dir)?;
        files::create_private_dir(dir)?;
    }
    match log.symlink_metadata() {
        Ok(old) if old.is_file() && old.len() == 0 => return Ok(()),
        Ok(_) => rename_aside(log)?,
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(StoreError::io("look at", log, e)),
    }
    disk::create_new(log).map_err(StoreError::at("create", log))?;
    files::sync_parent(log)
}

fn rename_aside(log: &Path) -> Result<(), StoreError> {
    let mut number = 1u32;
    loop {
        let mut name = log.as_os_str().to_owned();
        name.push(format!(".old-{number}"));
        if Path::new(&name).symlink_metadata().is_err() {
            return disk::rename(log, Path::new(&name)).map_err(StoreError::at("rename", log));
        }
        number += 1;
    }
}

/// A record as it is stored.
pub(super) fn normalised(mut record: TryRecord) -> TryRecord {
    record.v = RECORD_VERSION;
    if let Some(last) = record.commit_history.last() {
        record.commit_hash = last.clone();
    } else if !record.commit_hash.is_empty() {
        record.commit_history = vec![record.commit_hash.clone()];
    }
    record.summary = text::bounded(&record.summary, text::RECORD_TEXT_LIMIT);
    record.remaining_work = text::bounded(&record.remaining_work, text::RECORD_TEXT_LIMIT);
    record
}

/// Tries of one relay, newest first.
#[derive(Debug)]
pub struct TriesOf {
    back: RecordsBack<TryRecord>,
    relay_id: u64,
    first: Option<u64>,
    done: bool,
}

/// The tries of `relay`, newest first.
pub(super) fn tries_of(layout: &Layout, relay: &RelayRecord) -> Result<TriesOf, StoreError> {
    tries_between(layout, relay.id, relay.first_try_id)
}

/// The tries of a relay whose first try is known or not.
pub(super) fn tries_between(
    layout: &Layout,
    relay_id: u64,
    first: Option<u64>,
) -> Result<TriesOf, StoreError> {
    let back = RecordsBack::open(&layout.tries())?;
    Ok(TriesOf { back, relay_id, first, done: false })
}

impl TriesOf {
    /// Whether nothing of the relay lies before this record of another relay. A try of
    /// the relay itself never ends the search: the earlier program wrote first ids that
    /// were too high. Without a first id, older relays do, because ids only grow.
    fn is_before(&self, record: &TryRecord) -> bool {
        match self.first {
            Some(first) => record.id < first,
            None => record.relay_id < self.relay_id,
        }
    }
}

impl Iterator for TriesOf {
    type Item = Result<TryRecord, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.done {
            match self.back.next()? {
                Ok(record) if record.relay_id == self.relay_id => return Some(Ok(record)),
                Ok(record) => self.done = self.is_before(&record),
                Err(error) => return Some(Err(error)),
            }
        }
        None
    }
}
