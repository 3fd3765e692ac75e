//! The lap of a run: what the queue and the agent's reports say of it, and what the agent is told.

use super::Run;
use crate::laps::{Offer, Queue, QueueError};
use crate::model::text::chain;
use crate::prompt::{self, roles};
use crate::relay::event::RunVerdict;
use crate::relay::meanwhile::{self, Left};
use crate::relay::outcome::Verdict;
use crate::relay::outcome::pin::{self, Known, Settled};
use crate::relay::world::PassError;
use crate::store::progress::Reported;
use crate::store::records::TryRecord;

/// The parts of a prompt that come from a lap; nothing in a free run.
#[derive(Debug, Default)]
pub(super) struct LapParts {
    requirements: Option<String>,
    role_instructions: Option<String>,
}

/// The error of a queue that could not say how the lap stands.
pub(super) fn in_doubt(known: &Known) -> Result<(), PassError> {
    let failed = |why| QueueError::Failed(format!("cannot tell whether the lap is done: {why}"));
    known.doubt().map_or(Ok(()), |why| Err(failed(why).into()))
}

impl Run<'_> {
    /// What is known of the lap by now: the queue is asked, and what the run reported counts.
    pub(super) async fn known(&mut self, told: &Reported) -> Result<Known, PassError> {
        let Some(errand) = &self.assignment.lap else { return Ok(Known::default()) };
        let id = errand.lap.id.clone();
        let standing = match self.world.ask_queue(move |queue| queue.standing(&id)).await {
            Ok(standing) => Ok(standing),
            Err(PassError::Queue(error)) => Err(chain(&error)),
            Err(error) => return Err(error),
        };
        Ok(Known { standing: Some(standing), handed_over: told.handed_over().is_some() })
    }

    /// Whether there is nothing left to try: the lap was done, handed over or removed since the newest try was
    /// decided. A queue that cannot say ends the pass: no agent is given a lap that may be done.
    pub(super) async fn settled(&mut self) -> Result<Option<Settled>, PassError> {
        let Some(errand) = &self.assignment.lap else { return Ok(None) };
        let lap = errand.lap.id.clone();
        let told = self.world.reported(&self.run_name()).await?;
        let known = self.known(&told).await?;
        in_doubt(&known)?;
        Ok(pin::settled(&lap, &told.laps_done(), &known))
    }

    /// Claims the lap once more for the next try: the last one may have claimed another, or given it back, and a bare
    /// `laps done` is about the claimed one.
    pub(super) async fn claim_again(&mut self) -> Result<(), PassError> {
        let Some(errand) = &self.assignment.lap else { return Ok(()) };
        let id = errand.lap.id.clone();
        let claim = move |queue: &Queue| match queue.claimed().is_some_and(|claimed| claimed == id) {
            true => Ok(None),
            false => queue.claim_again(&id).map(Some),
        };
        match self.world.ask_queue(claim).await? {
            Some(Offer::Held { scope }) => Err(QueueError::Failed(format!(
                "the queue is held at the gate of {scope}; open it and resume the relay"
            ))
            .into()),
            None | Some(Offer::Lap(_) | Offer::Empty | Offer::Complete) => Ok(()),
        }
    }

    /// Ends the run without an agent. Says its record and what came of it; nothing when no try was ever made.
    pub(super) async fn settle(
        &mut self,
        settled: Settled,
    ) -> Result<Option<(TryRecord, RunVerdict)>, PassError> {
        let is_handed_over = settled == Settled::HandedOver;
        let left = Left {
            relay_id: self.assignment.relay_id,
            run_id: self.assignment.run_id,
            snapshot: Some((*self.snapshot).clone()),
            idle_since: Some(self.idle_since),
        };
        let Some(record) = meanwhile::settle(self.world, left, settled).await? else { return Ok(None) };
        // It may have been claimed again for this run: the laps that it became come first.
        if let (true, Some(errand)) = (is_handed_over, &self.assignment.lap) {
            let id = errand.lap.id.clone();
            self.world.ask_queue(move |queue| queue.release(&id)).await?;
        }
        self.first_try.get_or_insert(record.id);
        let verdict = match record.completed {
            true => RunVerdict::Passed { commit: self.commit_of(&record, true).await },
            false => RunVerdict::Failed { reason: record.fail_reason.clone().unwrap_or_default() },
        };
        Ok(Some((record, verdict)))
    }

    /// The verdict, held against what was reported of laps; a mismatch is told.
    pub(super) fn weigh(&mut self, verdict: Verdict, reports: &Reported, known: &Known) -> Verdict {
        let Some(errand) = &self.assignment.lap else { return verdict };
        let mismatch = pin::mismatch(&errand.lap.id, &reports.laps_done(), known);
        if let Some(evidence) = &mismatch {
            self.world.warn(evidence.message.clone());
        }
        pin::weigh(verdict, mismatch, known)
    }

    /// What the agent is told of its lap and its role. A role's file that cannot be read is replaced by rally's text.
    pub(super) fn lap_parts(&mut self) -> LapParts {
        let Some(errand) = &self.assignment.lap else { return LapParts::default() };
        let mut requirements = format!("Lap ID: {}", errand.lap.id);
        if let Some(assignee) = &errand.lap.assignee {
            requirements += &format!("\nAssignee: {assignee}");
        }
        let role = errand.role.clone().unwrap_or_default();
        let found = roles::lookup(&self.world.workspace.join(roles::FOLDER), &role);
        let role_instructions = match found {
            Ok(found) => found.map(|found| found.text),
            Err(error) => {
                self.world.warn(format!("the role {role} gets rally's own text: {}", chain(&error)));
                roles::embedded(&role).map(str::to_owned)
            }
        };
        LapParts { requirements: Some(requirements), role_instructions }
    }

    /// What every prompt of the run holds.
    pub(super) fn parts<'p>(&'p self, lap: &'p LapParts) -> prompt::Parts<'p> {
        let free = prompt::Parts {
            persona: &self.assignment.runner.harness,
            task_name: Some("relay run"),
            project_instructions: self.world.instructions.as_deref(),
            task: self.assignment.prompt.as_deref(),
            ..prompt::Parts::default()
        };
        let Some(errand) = &self.assignment.lap else { return free };
        let description = Some(errand.lap.description.as_str()).filter(|text| !text.trim().is_empty());
        prompt::Parts {
            queue: prompt::Queue::Laps { role: errand.role.as_deref() },
            task_name: Some(&errand.lap.title),
            requirements: lap.requirements.as_deref(),
            role_instructions: lap.role_instructions.as_deref(),
            task: description.or(Some(&errand.lap.title)),
            ..free
        }
    }
}
