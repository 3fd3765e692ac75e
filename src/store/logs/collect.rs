//! Deleting the logs that are too old or too many.

use std::io;
use std::path::PathBuf;

use super::folder::{Folders, Found, Grip};
use super::{Held, Kind, Limits, Log, decide};
use crate::model::Timestamp;
use crate::store::{Layout, Reader, StoreError, active, journal, relays};

/// Whose logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Of this workspace.
    Workspace,
    /// Of all workspaces of the data folder.
    All,
}

/// What became of a log that was to go.
#[derive(Debug)]
pub enum Ended {
    /// It is gone, or would be.
    Deleted,
    /// It was written to, or replaced, after it was judged; it stays.
    Changed,
    /// It could not be deleted.
    Failed(io::Error),
}

/// What was found and done.
#[derive(Debug, Default)]
pub struct Collection {
    /// What was to go, the oldest first.
    pub gone: Vec<(Log, Ended)>,
    /// What stays.
    pub stays: Vec<Log>,
    /// What rally did not make, and what it is.
    pub strange: Vec<(PathBuf, &'static str)>,
}

impl Collection {
    /// What could not be deleted, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&Log, &io::Error)> {
        self.gone.iter().filter_map(|(log, ended)| match ended {
            Ended::Failed(error) => Some((log, error)),
            Ended::Deleted | Ended::Changed => None,
        })
    }
}

/// Deletes what the limits do not keep; with `dry` only says so.
///
/// # Errors
/// When it cannot be seen what lies there, or which logs are in use: then nothing is deleted.
pub fn collect(
    layout: &Layout,
    scope: Scope,
    limits: Limits,
    now: Timestamp,
    dry: bool,
) -> Result<Collection, StoreError> {
    let data = layout.data_dir();
    let only = (scope == Scope::Workspace).then(|| layout.repo_key());
    // The records are read after the folders: a try that begins in between is not in the list.
    let Folders { mut logs, strange } =
        Folders::read(data, only).map_err(StoreError::at("look for logs in", data))?;
    let holds = Holds::read(layout)?;
    for place in 0..logs.len() {
        let why = match logs[place].workspace == layout.repo_key() {
            true => holds.of(&logs[place].log),
            false => is_newest(&logs, &logs[place]).then_some(Held::Newest),
        };
        why.into_iter().for_each(|why| logs[place].hold(why));
    }
    let delete = settle(&mut logs, limits, now);
    let mut found: Vec<Option<Found>> = logs.into_iter().map(Some).collect();
    let mut collection = Collection { strange, ..Collection::default() };
    for found in delete.into_iter().filter_map(|place| found[place].take()) {
        let ended = if dry { Ended::Deleted } else { delete_one(&found) };
        collection.gone.push((found.log, ended));
    }
    collection.stays = found.into_iter().flatten().map(|found| found.log).collect();
    Ok(collection)
}

/// Decides until nothing of what is to go is being written.
fn settle(logs: &mut [Found], limits: Limits, now: Timestamp) -> Vec<usize> {
    loop {
        let judged: Vec<Log> = logs.iter().map(|found| found.log.clone()).collect();
        let plan = decide(&judged, limits, now);
        let in_use = |place: &usize| matches!(logs[*place].grip(), Ok(Grip::InUse));
        let busy: Vec<usize> = plan.delete.iter().copied().filter(in_use).collect();
        if busy.is_empty() {
            return plan.delete;
        }
        busy.into_iter().for_each(|place| logs[place].hold(Held::Running));
    }
}

fn delete_one(found: &Found) -> Ended {
    let gripped = found.grip().and_then(|grip| match grip {
        Grip::Free(file) => found.delete(&file).map(|()| Ended::Deleted),
        Grip::InUse | Grip::Changed => Ok(Ended::Changed),
    });
    gripped.unwrap_or_else(Ended::Failed)
}

fn is_newest(logs: &[Found], one: &Found) -> bool {
    let of_same =
        logs.iter().filter(|other| other.workspace == one.workspace && other.log.kind == one.log.kind);
    of_same.map(|other| other.log.id).max() == Some(one.log.id)
}

/// What of this workspace's logs is still needed, as the records have it.
#[derive(Debug, Default)]
struct Holds {
    /// Whether a relay is at work.
    runs: bool,
    /// Tries without a record.
    unfinished: Vec<u64>,
    /// The newest tries of relays that can be resumed.
    resumable: Vec<u64>,
    /// Relays that can be resumed, or have not ended.
    relays: Vec<u64>,
    /// The newest relay, which is the one that runs.
    last_relay: Option<u64>,
    /// Try ids from here on are not given yet.
    next_try: u64,
}

impl Holds {
    fn read(layout: &Layout) -> Result<Holds, StoreError> {
        let reader = Reader::new(layout.clone());
        let runs = reader.holder().is_some();
        let (digest, _) = journal::load(layout)?;
        let mut unfinished = Vec::new();
        for id in digest.tries.keys() {
            if reader.try_by_id(*id)?.is_none() {
                unfinished.push(*id);
            }
        }
        unfinished.extend(active::find(layout)?.map(|active| active.try_id));
        let recent = relays::recent(layout)?.relays;
        let last_relay = recent.keys().next_back().copied();
        let unended: Vec<u64> = recent.into_values().filter(|r| r.ended_at.is_none()).map(|r| r.id).collect();
        let mut resumable = Vec::new();
        for relay in &unended {
            let newest = reader.tries_of_relay(*relay)?.next().transpose()?;
            resumable.extend(newest.map(|record| record.id));
        }
        Ok(Holds { runs, unfinished, resumable, relays: unended, last_relay, next_try: digest.next_try })
    }

    fn of(&self, log: &Log) -> Option<Held> {
        let (runs, rests) = (Some(Held::Running), Some(Held::Resumable));
        let waits = if self.runs { runs } else { rests };
        match log.kind {
            Kind::Try if self.runs && log.id >= self.next_try => runs,
            Kind::Try if self.unfinished.contains(&log.id) => waits,
            Kind::Try if self.resumable.contains(&log.id) => rests,
            Kind::Relay if self.runs && self.last_relay == Some(log.id) => runs,
            Kind::Relay if self.relays.contains(&log.id) => waits,
            Kind::Try | Kind::Relay => None,
        }
    }
}
