//! Tries that were cut: a start without a record becomes `interrupted` before anything
//! else happens, so that every try has exactly one record.

use std::path::Path;

use super::digest::{Digest, StartedTry};
use super::jsonl::{Durability, RecordsBack, append, find_by_id};
use super::progress::{reported, run_name};
use super::records::{LapFields, LapRef, RECORD_VERSION, TryRecord, TryStarted};
use super::run_state::RunState;
use super::{Layout, StoreError, aside};
use crate::model::time::since;
use crate::model::{Leftover, Outcome, ProcessIdentity, Spent, Timestamp};

/// Ends what is left of an interrupted try's processes, given its agent and its guard
/// if they are known, and says what there was.
pub type Reap<'a> =
    dyn FnMut(&TryStarted, Option<(&ProcessIdentity, &ProcessIdentity)>) -> Vec<Leftover> + 'a;

/// Harness of a try of the earlier program that never told.
const UNKNOWN_HARNESS: &str = "unknown";

/// What the tail of the tries says.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// The newest record.
    pub(super) last: Option<TryRecord>,
    /// Started tries without a record.
    pub(super) unrecorded: Vec<u64>,
    /// Bad lines on the way.
    pub(super) skipped: usize,
}

/// Compares the journal's tries with the records. Ids only grow, so the search ends
/// below the oldest try that the journal knows.
pub(super) fn read_tail(layout: &Layout, digest: &Digest) -> Result<Tail, StoreError> {
    let mut back = RecordsBack::<TryRecord>::open(&layout.tries())?;
    let mut tail = Tail { unrecorded: digest.tries.keys().copied().collect(), ..Tail::default() };
    let oldest = tail.unrecorded.first().copied().unwrap_or(u64::MAX);
    while let Some(record) = back.next().transpose()? {
        tail.unrecorded.retain(|id| *id != record.id);
        let is_older = record.id < oldest;
        tail.last.get_or_insert(record);
        if is_older {
            break;
        }
    }
    tail.skipped = back.skipped();
    Ok(tail)
}

/// A try whose verdict is in the journal, but whose record is not among the tries.
#[derive(Debug, Clone, PartialEq)]
pub struct HalfDone {
    /// The record as decided; commits that rally was about to make are not in it.
    pub record: TryRecord,
    /// HEAD before the try.
    pub head_before: Option<String>,
    /// What was dirty before its run: opaque to the store.
    pub snapshot: serde_json::Value,
}

/// Tries that have a verdict and only lack their record.
pub(super) fn half_done(layout: &Layout, digest: &Digest, tail: &Tail) -> Vec<HalfDone> {
    let unrecorded = tail.unrecorded.iter().filter_map(|id| digest.tries.get(id));
    unrecorded
        .filter_map(|cut| {
            let record = TryRecord::clone(cut.resolved.as_ref()?);
            let run = digest.open_runs.get(&(record.relay_id, record.run_id));
            let snapshot = run.map_or(serde_json::Value::Null, |run| aside::restore(layout, &run.snapshot));
            Some(HalfDone { record, head_before: cut.started.head_before.clone(), snapshot })
        })
        .collect()
}

/// Reaps and records every cut try. Says the records.
pub(super) fn close_cut_tries(
    layout: &Layout,
    digest: &Digest,
    tail: &Tail,
    now: Timestamp,
    reap: &mut Reap<'_>,
) -> Result<Vec<TryRecord>, StoreError> {
    let mut records = Vec::new();
    for id in &tail.unrecorded {
        let Some(cut) = digest.tries.get(id).filter(|cut| cut.resolved.is_none()) else { continue };
        let processes = cut.processes.as_ref().map(|(agent, guard)| (agent, guard));
        let leftovers = reap(&cut.started, processes);
        let mut record = interrupted(cut, leftovers, now);
        if record.lap.of.lap_id.is_some() {
            let told = reported(layout, &run_name(record.relay_id, record.run_id))?;
            record.lap.recorded_laps = told.laps_done().into_iter().map(str::to_owned).collect();
            record.lap.laps_attempted = told.attempted();
            if told.handed_over().is_some() {
                record.lap.handoff_created_lap_ids = told.created;
            }
        }
        append(&layout.tries(), &record, Durability::Synced)?;
        records.push(record);
    }
    Ok(records)
}

/// The earlier program had no journal: its try in flight stands in `run-state.json`.
/// Nothing is reaped for it, because it left nothing to recognise processes by.
pub(super) fn close_try_of_run_state(
    layout: &Layout,
    state: &RunState,
    digest: &Digest,
    last: Option<&TryRecord>,
    now: Timestamp,
) -> Result<Option<TryRecord>, StoreError> {
    let (Some(try_id), Some(relay_id), Some(run_id)) =
        (state.active_try_id, state.active_relay_id, state.active_run_id)
    else {
        return Ok(None);
    };
    if digest.tries.contains_key(&try_id)
        || try_id < digest.next_try
        || find_by_id::<TryRecord>(&layout.tries(), try_id)?.is_some()
    {
        return Ok(None);
    }
    let same_run = last.filter(|l| (l.relay_id, l.run_id) == (relay_id, run_id));
    let started = TryStarted {
        try_id,
        relay_id,
        run_id,
        attempt: same_run.map_or(1, |l| l.attempt_number + 1),
        handoff_only: false,
        tag: String::new(),
        harness: same_run.map_or_else(|| UNKNOWN_HARNESS.to_owned(), |l| l.agent_type.clone()),
        model: None,
        effort: None,
        resume: None,
        session: None,
        scratch: None,
        log_path: state.active_log_path.clone().unwrap_or_default(),
        head_before: None,
        resolved_route: None,
        lap: LapRef::default(),
    };
    let at = state.active_started_at.as_deref().and_then(|at| at.parse().ok()).unwrap_or(now);
    let session_id = state.session_id.clone();
    let cut =
        StartedTry { at, started, processes: None, session_id, spent: Spent::default(), resolved: None };
    let record = interrupted(&cut, Vec::new(), now);
    append(&layout.tries(), &record, Durability::Synced)?;
    Ok(Some(record))
}

fn interrupted(cut: &StartedTry, leftovers: Vec<Leftover>, now: Timestamp) -> TryRecord {
    let ended_at = last_output(Path::new(&cut.started.log_path), cut.at, now);
    TryRecord {
        v: RECORD_VERSION,
        id: cut.started.try_id,
        run_id: cut.started.run_id,
        relay_id: cut.started.relay_id,
        agent_type: cut.started.harness.clone(),
        completed: false,
        outcome: Some(Outcome::Interrupted),
        cancellation_source: None,
        resolved_route: cut.started.resolved_route.clone(),
        summary: String::new(),
        remaining_work: String::new(),
        files_changed: Vec::new(),
        commit_hash: String::new(),
        commit_history: Vec::new(),
        started_at: cut.at,
        ended_at,
        attempt_number: cut.started.attempt,
        handoff_only: cut.started.handoff_only,
        ends_run: false,
        log_path: Some(cut.started.log_path.clone()).filter(|path| !path.is_empty()),
        fail_reason: Some("interrupted: rally ended while the try ran".to_owned()),
        category: None,
        cause: None,
        runtime_ms: u64::try_from(since(cut.at, ended_at).as_millis()).unwrap_or(u64::MAX),
        tool_calls: None,
        session_id: cut.session().map(str::to_owned),
        model: cut.started.model.clone(),
        effort: cut.started.effort.clone(),
        usage: None,
        cost_usd: None,
        exit: None,
        leftovers,
        evidence: None,
        lap: LapFields { of: cut.started.lap.clone(), ..LapFields::default() },
    }
}

/// When the log grew last: the machine may have been off for days since. Never outside
/// of `started..=now`.
fn last_output(log: &Path, started: Timestamp, now: Timestamp) -> Timestamp {
    let modified = std::fs::metadata(log).and_then(|m| m.modified()).ok();
    let written = modified.and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(now);
    let written = Timestamp::from_millisecond(written.as_millisecond()).unwrap_or(written);
    written.min(now).max(started)
}
