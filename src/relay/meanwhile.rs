//! The end of a run that nobody has to work on any more: its lap was done, handed over or removed since its newest try
//! was decided. No agent is given such a run again: what its tries left is committed, and one record more says how it
//! ended.

use std::sync::Arc;

use super::landing;
use super::outcome::pin::{self, Known, Settled};
use super::record;
use super::run::spared;
use super::world::{PassError, World};
use crate::git::{Git, Snapshot};
use crate::laps::Standing;
use crate::model::{Outcome, Timestamp, time};
use crate::store::progress::run_name;
use crate::store::records::TryRecord;
use crate::store::{NewTry, OpenRun, StoreError};

/// What of a run there is besides its records.
pub struct Left {
    /// The relay.
    pub relay_id: u64,
    /// The run.
    pub run_id: u64,
    /// What was dirty before it began; `None` when that is lost.
    pub snapshot: Option<Snapshot>,
    /// Since when no agent has worked.
    pub idle_since: Option<Timestamp>,
}

/// Ends an unfinished run of an earlier pass; `done` says whether its lap is. Says the record, or nothing when no try
/// was ever made: then there is nothing to commit and nothing to count.
pub async fn end(world: &mut World, open: &OpenRun, done: bool) -> Result<Option<TryRecord>, PassError> {
    let told = world.reported(&run_name(open.relay_id, open.run_id)).await?;
    let standing = if done { Standing::Done } else { Standing::Gone };
    let known = Known { standing: Some(Ok(standing)), handed_over: told.handed_over().is_some() };
    let lap = open.lap.as_deref().unwrap_or_default();
    let settled = pin::settled(lap, &told.laps_done(), &known).unwrap_or(Settled::Removed);
    let left = Left {
        relay_id: open.relay_id,
        run_id: open.run_id,
        snapshot: serde_json::from_value(open.snapshot.clone()).ok(),
        idle_since: open.idle_since,
    };
    settle(world, left, settled).await
}

/// Ends a run in this way. The record comes last: a crash before it leaves the run unfinished, and all this is done
/// again. Nothing when no try was ever made.
pub async fn settle(
    world: &mut World,
    mut left: Left,
    settled: Settled,
) -> Result<Option<TryRecord>, PassError> {
    let Some(newest) = newest(world, &left)? else { return Ok(None) };
    let name = run_name(left.relay_id, left.run_id);
    world.complete_report(name.clone(), newest.lap.of.clone()).await?;
    let told = world.reported(&name).await?;
    let mut record = verdict(newest, &settled);
    record.lap.recorded_laps = told.laps_done().into_iter().map(str::to_owned).collect();
    record.lap.laps_attempted = told.attempted();
    spare(world, &mut left).await?;
    match (settled, left.snapshot) {
        (_, None) => world.warn("the work of an unfinished run stays uncommitted: its snapshot is lost"),
        // What a lap's handoff leaves is the next lap's to judge.
        (Settled::HandedOver, Some(snapshot)) => {
            let head = world.ask(Git::head).await?;
            let found = landing::look(world, head, &Arc::new(snapshot)).await;
            record.lap.dirty_handoff = found.uncommitted;
            record.lap.handoff_created_lap_ids = told.created;
            if !found.unknown && !found.uncommitted {
                landing::commit_state(world).await;
            }
        }
        (Settled::Done | Settled::Removed | Settled::Mismatch(_), Some(snapshot)) => {
            let entry = record::stub(&record);
            world.persist(|store| store.append_summary_once(&entry)).await?;
            let message = record::commit_message(&record);
            let commit = landing::commit_work(world, &Arc::new(snapshot), message).await?;
            record.commit_hash = commit.clone().unwrap_or_default();
            record.commit_history.extend(commit);
        }
    }
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

fn newest(world: &World, left: &Left) -> Result<Option<TryRecord>, StoreError> {
    for record in world.store.tries_of_relay(left.relay_id)? {
        let record = record?;
        if record.run_id == left.run_id {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// What was changed while no agent worked is the user's.
async fn spare(world: &mut World, left: &mut Left) -> Result<(), PassError> {
    let Some(since) = left.idle_since else { return Ok(()) };
    if let Some(known) = left.snapshot.take() {
        let now = world.ask(Git::snapshot).await?;
        left.snapshot = Some(spared(world, known, &now, since));
    }
    Ok(())
}

/// How the run ended, told as one more try of its newest runner, which took no time.
fn verdict(newest: TryRecord, settled: &Settled) -> TryRecord {
    let lap = newest.lap.of.lap_id.as_deref().unwrap_or_default();
    let now = time::now();
    let (outcome, said) = match settled {
        Settled::Done => (Outcome::Completed, format!("lap {lap} was done before the run could go on")),
        Settled::HandedOver => {
            (Outcome::HandoffRequested, format!("lap {lap} was handed over before the run could go on"))
        }
        Settled::Removed => {
            (Outcome::Failed, format!("lap {lap} was removed from the queue before the run could go on"))
        }
        Settled::Mismatch(evidence) => (Outcome::Failed, evidence.message.clone()),
    };
    let evidence = match settled {
        Settled::Mismatch(evidence) => Some(evidence.clone()),
        Settled::Done | Settled::HandedOver | Settled::Removed => None,
    };
    let cause = evidence.as_ref().and_then(|evidence| evidence.cause.clone());
    let fail_reason = (!outcome.is_success()).then(|| cause.clone().unwrap_or_else(|| said.clone()));
    TryRecord {
        id: 0,
        outcome: Some(outcome),
        completed: outcome.is_success(),
        cancellation_source: None,
        fail_reason,
        summary: said,
        attempt_number: newest.attempt_number + 1,
        started_at: now,
        ended_at: now,
        runtime_ms: 0,
        handoff_only: false,
        ends_run: true,
        category: None,
        cause,
        evidence,
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
