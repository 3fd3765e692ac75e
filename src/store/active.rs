//! The try in flight, as another process can see it.

use std::path::PathBuf;

use super::jsonl::{RecordsBack, find_by_id};
use super::records::{Fact, JournalLine, TryRecord, TryStarted};
use super::run_state::{self, RunState};
use super::{Layout, StoreError};
use crate::model::{Runner, Timestamp};

/// A try without a record.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveTry {
    /// The try.
    pub try_id: u64,
    /// Its relay.
    pub relay_id: Option<u64>,
    /// Its run.
    pub run_id: Option<u64>,
    /// From 1.
    pub attempt: Option<u32>,
    /// Who does it.
    pub runner: Option<Runner>,
    /// Its transcript.
    pub log_path: Option<PathBuf>,
    /// When it was allocated.
    pub started_at: Option<Timestamp>,
    /// The CLI's session.
    pub session_id: Option<String>,
    /// Who says so.
    pub source: ActiveSource,
}

/// Where a try in flight is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActiveSource {
    /// The journal: whoever wrote it holds the workspace for as long as the try runs.
    Journal,
    /// `run-state.json` alone, as the earlier program left it: it may be stale.
    RunState,
}

/// The newest allocated try, if it has no record; else what `run-state.json` names.
pub fn find(layout: &Layout) -> Result<Option<ActiveTry>, StoreError> {
    if let Some(active) = from_journal(layout)? {
        return Ok(Some(active));
    }
    match run_state::read(layout) {
        Ok(state) => Ok(state.and_then(from_run_state)),
        // A view that is damaged names nothing.
        Err(StoreError::Corrupt { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn from_journal(layout: &Layout) -> Result<Option<ActiveTry>, StoreError> {
    let mut session = None;
    for line in RecordsBack::<JournalLine>::open(&layout.journal())? {
        let line = line?;
        match line.fact {
            Fact::Session { try_id, session_id, .. } => {
                session.get_or_insert((try_id, session_id));
            }
            Fact::TryStarted(started) => {
                if find_by_id::<TryRecord>(&layout.tries(), started.try_id)?.is_some() {
                    return Ok(None);
                }
                let session = session.filter(|(id, _)| *id == started.try_id).map(|(_, session)| session);
                return Ok(Some(started_try(started, line.at, session)));
            }
            _ => {}
        }
    }
    Ok(None)
}

fn started_try(started: TryStarted, at: Timestamp, session: Option<String>) -> ActiveTry {
    ActiveTry {
        try_id: started.try_id,
        relay_id: Some(started.relay_id),
        run_id: Some(started.run_id),
        attempt: Some(started.attempt),
        runner: Some(Runner { harness: started.harness, model: started.model, effort: started.effort }),
        log_path: Some(started.log_path.into()),
        started_at: Some(at),
        session_id: session.or(started.resume),
        source: ActiveSource::Journal,
    }
}

fn from_run_state(state: RunState) -> Option<ActiveTry> {
    Some(ActiveTry {
        try_id: state.active_try_id?,
        relay_id: state.active_relay_id,
        run_id: state.active_run_id,
        attempt: None,
        runner: None,
        log_path: state.active_log_path.map(PathBuf::from),
        started_at: state.active_started_at.and_then(|at| at.parse().ok()),
        session_id: state.session_id,
        source: ActiveSource::RunState,
    })
}
