//! The lap of a run: what the queue and the agent's reports say of it, and what the agent is told.

use super::Run;
use crate::model::text::chain;
use crate::prompt::{self, roles};
use crate::relay::outcome::Verdict;
use crate::relay::outcome::pin::{self, Known};
use crate::relay::world::PassError;
use crate::store::progress::Reported;

/// The parts of a prompt that come from a lap; nothing in a free run.
#[derive(Debug, Default)]
pub(super) struct LapParts {
    requirements: Option<String>,
    role_instructions: Option<String>,
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

    /// Whether there is nothing left to try: the lap was done, or handed over, since the newest try was decided.
    pub(super) async fn is_settled(&mut self) -> Result<bool, PassError> {
        if self.assignment.lap.is_none() {
            return Ok(false);
        }
        let told = self.world.store.reported(&self.run_name())?;
        let known = self.known(&told).await?;
        if let (Some(Err(why)), false) = (&known.standing, known.handed_over) {
            self.world.warn(format!("cannot tell whether the lap is done: {why}"));
        }
        Ok(known.is_done() || known.handed_over)
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
