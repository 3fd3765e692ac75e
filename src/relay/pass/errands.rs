//! What a pass asks the queue: which lap is next, in which role it is done, and what became of one that a run of an
//! earlier pass began.

use super::losses::Waiting;
use super::{Pass, stopped};
use crate::laps::{Lap, Offer, Queue, QueueError, Standing};
use crate::model::Outcome;
use crate::model::text::chain;
use crate::relay::course::Task;
use crate::relay::event::{Event, PassEnd};
use crate::relay::meanwhile;
use crate::relay::recovery::{self, Observed, Overlay, Recovery};
use crate::relay::run::Errand;
use crate::relay::world::PassError;
use crate::store::records::TryRecord;

/// Tries that are read to see whether a lap was left in disorder. Older ones say nothing that still matters.
const REMEMBERED: usize = 2000;

/// What came of asking for a task.
pub(super) enum Asked {
    /// The relay is free.
    Free,
    /// This lap is claimed.
    Lap(Errand),
    /// An unfinished run was settled: ask anew.
    Again,
    /// There is no task: the pass is over.
    Over(PassEnd),
}

/// What the queue said.
enum Found {
    /// What it offers, the laps that wait, and those that were lost since the last look.
    Offer(Offer, Vec<Lap>, Vec<String>),
    /// The lap of the unfinished run waits no more.
    Settled { done: bool },
}

impl Pass<'_> {
    /// Claims the lap of the unfinished run, or the next one, and takes it up.
    pub(super) async fn ask_for_task(&mut self) -> Result<Asked, PassError> {
        if self.world.queue.is_none() {
            return Ok(Asked::Free);
        }
        let pinned = self.course.open_run().and_then(|open| open.lap.clone());
        let before = self.laps.clone();
        let found = self.world.ask_queue(move |queue| find(queue, pinned.as_deref(), &before)).await?;
        // What was ordered while the queue was asked comes first.
        if let Some(halt) = self.world.operator.halt() {
            if let Found::Offer(Offer::Lap(lap), ..) = found {
                self.note_claim(&lap);
            }
            return Ok(Asked::Over(stopped(halt)));
        }
        let (offer, waiting, lost) = match found {
            Found::Offer(offer, waiting, lost) => (offer, waiting, lost),
            Found::Settled { done } => {
                self.settle_without_agent(done).await?;
                return Ok(Asked::Again);
            }
        };
        self.laps.set(&waiting);
        let lost = (!lost.is_empty()).then(|| {
            format!("removed from the queue, and nothing says that they were done: {}", lost.join(", "))
        });
        if let Some(lost) = &lost {
            self.world.warn(lost.clone());
        }
        Ok(match offer {
            // The claimed one waits, whatever is said.
            Offer::Lap(lap) => Asked::Lap(self.take_up(lap, waiting.len().max(1) as u64)?),
            Offer::Held { scope } => {
                let reason =
                    format!("the queue is held at the gate of {scope}; open it and resume the relay");
                Asked::Over(PassEnd::Failed { reason })
            }
            // Not one lap is left, not even a done one: that is no end of the work.
            Offer::Empty if lost.is_some() => {
                let reason = "the queue has lost its laps; mend .laps/laps.json and resume the relay";
                Asked::Over(PassEnd::Failed { reason: reason.to_owned() })
            }
            Offer::Empty | Offer::Complete => {
                self.close().await?;
                Asked::Over(PassEnd::QueueEmpty)
            }
        })
    }

    /// A lap that an unfinished run has worked on stays claimed.
    fn note_claim(&mut self, lap: &Lap) {
        let untouched = self.course.open_run().is_none_or(|open| open.last_attempt == 0);
        self.claimed = untouched.then(|| lap.id.clone());
    }

    fn take_up(&mut self, lap: Lap, waiting: u64) -> Result<Errand, PassError> {
        self.note_claim(&lap);
        self.course.follow_queue(waiting);
        let need = self.need_of(&lap.id)?;
        let Overlay { role, warning, .. } = self.course.overlay(&need);
        if let Some(warning) = warning
            && self.told.insert(warning.clone())
        {
            self.world.warn(warning);
        }
        let role = role.map(str::to_owned).or_else(|| lap.assignee.clone());
        self.course.take_up(Task { lap: Some(lap.id.clone()), role: role.clone() });
        Ok(Errand { lap, role, waiting })
    }

    /// Whether a lap was left in disorder. The tries are read once between two runs.
    fn need_of(&mut self, lap: &str) -> Result<Recovery, PassError> {
        if self.remembered.is_none() {
            let mut tries = self.world.store.recent_tries(REMEMBERED, None)?;
            tries.retain(|record| record.lap.of.lap_id.is_some());
            self.remembered = Some(tries);
        }
        let observed: Vec<_> = self.remembered.iter().flatten().filter_map(observed).collect();
        Ok(recovery::judge(&observed, lap))
    }

    /// Ends the unfinished run, whose lap was done or removed meanwhile.
    async fn settle_without_agent(&mut self, done: bool) -> Result<(), PassError> {
        let Some(open) = self.course.open_run().cloned() else { return Ok(()) };
        let (run, lap) = (open.run_id, open.lap.clone().unwrap_or_default());
        let what = if done { "done" } else { "removed from the queue" };
        self.world.emit(Event::Notice(format!("lap {lap} was {what} meanwhile: run {run} is over")));
        let record = meanwhile::end(self.world, &open, done).await?;
        let counts = record.as_ref().is_some_and(|record| record.completed);
        let try_id = record.map(|record| record.id);
        self.ask(|course, moment| course.end_open_run(counts, try_id, moment));
        self.remembered = None;
        self.end_run(run, counts).await
    }

    /// Gives back a lap that nothing was done with.
    pub(super) async fn release(&mut self) {
        let (Some(lap), Some(queue)) = (self.claimed.take(), self.world.queue.clone()) else { return };
        let released = self.world.asked_once(&queue, move |queue| queue.release(&lap)).await;
        if let Ok(Err(error)) = released {
            self.world.warn(format!("the claim of a lap is left behind: {}", chain(&error)));
        }
    }
}

fn find(queue: &Queue, pinned: Option<&str>, before: &Waiting) -> Result<Found, QueueError> {
    let offer = match pinned {
        Some(id) => match queue.standing(id)? {
            Standing::Todo => queue.claim_again(id)?,
            Standing::Done => return Ok(Found::Settled { done: true }),
            Standing::Gone => return Ok(Found::Settled { done: false }),
        },
        None => queue.claim()?,
    };
    let waiting = queue.waiting()?;
    let lost = before.lost(queue, &waiting)?;
    Ok(Found::Offer(offer, waiting, lost))
}

fn observed(record: &TryRecord) -> Option<Observed<'_>> {
    let fields = &record.lap;
    let by_word = if record.completed { Outcome::Completed } else { Outcome::Failed };
    Some(Observed {
        try_id: record.id,
        relay_id: record.relay_id,
        run_id: record.run_id,
        attempt: record.attempt_number,
        lap: fields.of.lap_id.as_deref()?,
        created_laps: &fields.handoff_created_lap_ids,
        dirty_handoff: fields.dirty_handoff,
        outcome: record.outcome.unwrap_or(by_word),
        route: record.resolved_route.as_deref(),
        role: fields.of.role.as_deref(),
    })
}
