//! The end of a run whose lap was done, or removed, while no agent of rally's worked on it. No agent is given such a
//! run again: what its tries left is committed, and one record more says how it ended.

use std::sync::Arc;

use super::landing;
use super::record;
use super::run::spared;
use super::world::{PassError, World};
use crate::git::{Git, Snapshot};
use crate::model::{Outcome, time};
use crate::store::records::TryRecord;
use crate::store::{NewTry, OpenRun, StoreError};

/// Ends an unfinished run; `done` says whether its lap is. Says the record, or nothing when no try was ever made:
/// then there is nothing to commit and nothing to count.
///
/// The record comes last: a crash before it leaves the run unfinished, and all this is done again.
pub async fn end(world: &mut World, open: &OpenRun, done: bool) -> Result<Option<TryRecord>, PassError> {
    let Some(newest) = newest(world, open)? else { return Ok(None) };
    let mut record = verdict(newest, open, done);
    let commit = commit(world, open, &record).await?;
    record.commit_history.extend(commit);
    let new = NewTry {
        relay_id: record.relay_id,
        run_id: record.run_id,
        attempt: record.attempt_number,
        tag: uuid::Uuid::new_v4().to_string(),
        harness: record.agent_type.clone(),
        model: record.model.clone(),
        effort: record.effort.clone(),
        resolved_route: record.resolved_route.clone(),
        lap: record.lap.of.clone(),
        ..NewTry::default()
    };
    let started = world.persist(|store| store.allocate_try(new.clone(), time::now())).await?;
    record.id = started.try_id;
    record.log_path = Some(started.log_path);
    Ok(Some(world.persist(|store| store.finish_try(record.clone())).await?))
}

fn newest(world: &World, open: &OpenRun) -> Result<Option<TryRecord>, StoreError> {
    for record in world.store.tries_of_relay(open.relay_id)? {
        let record = record?;
        if record.run_id == open.run_id {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// How the run ended, told as one more try of its newest runner, which took no time.
fn verdict(newest: TryRecord, open: &OpenRun, done: bool) -> TryRecord {
    let lap = open.lap.as_deref().unwrap_or_default();
    let now = time::now();
    let said = match done {
        true => format!("lap {lap} was done before the run could go on"),
        false => format!("lap {lap} was removed from the queue before the run could go on"),
    };
    TryRecord {
        id: 0,
        outcome: Some(if done { Outcome::Completed } else { Outcome::Failed }),
        completed: done,
        cancellation_source: None,
        fail_reason: (!done).then(|| said.clone()),
        summary: said,
        attempt_number: open.last_attempt + 1,
        started_at: now,
        ended_at: now,
        runtime_ms: 0,
        handoff_only: false,
        ends_run: true,
        category: None,
        cause: None,
        evidence: None,
        usage: None,
        cost_usd: None,
        exit: None,
        tool_calls: None,
        leftovers: Vec::new(),
        files_changed: Vec::new(),
        commit_hash: String::new(),
        commit_history: Vec::new(),
        ..newest
    }
}

/// Commits what the tries of the run left, and nothing that was changed since.
async fn commit(world: &mut World, open: &OpenRun, record: &TryRecord) -> Result<Option<String>, PassError> {
    let entry = record::stub(record);
    world.persist(|store| store.append_summary_once(&entry)).await?;
    let Ok(mut snapshot) = serde_json::from_value::<Snapshot>(open.snapshot.clone()) else {
        world.warn("the work of an unfinished run stays uncommitted: its snapshot is lost");
        return Ok(None);
    };
    if let Some(since) = open.idle_since {
        let now = world.ask(Git::snapshot).await?;
        snapshot = spared(world, snapshot, &now, since);
    }
    let message = record::commit_message(record);
    Ok(landing::commit_work(world, &Arc::new(snapshot), message).await?)
}
