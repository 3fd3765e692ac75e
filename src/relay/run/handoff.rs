//! The last try of a run whose time is used up: its session is asked for a handoff, and for nothing else.

use std::time::Duration;

use super::Run;
use crate::model::text::duration;
use crate::model::{Evidence, Outcome};
use crate::monitor::freeze;
use crate::prompt;
use crate::relay::attempt::Seen;
use crate::relay::event::Event;
use crate::relay::life::Limits;
use crate::relay::outcome::handoff::{self, Observed, Told};
use crate::relay::outcome::pin::Known;
use crate::relay::outcome::{Verdict, Work};
use crate::relay::world::PassError;
use crate::store::records::SummaryEntry;

impl Run<'_> {
    /// Whether a session is there that can hand over. If not, the try that ran out of time is the last, and
    /// its verdict says why.
    pub(super) fn hands_over(&self, verdict: &mut Verdict, session: bool) -> bool {
        match handoff::obstacle(self.resumes(), session) {
            None => {
                verdict.out_of_time(Outcome::RunTimeout, "run timeout");
                true
            }
            Some(reason) => {
                verdict.out_of_time(Outcome::HandoffTimeout, reason);
                false
            }
        }
    }

    /// Whether the CLI can go on in a session.
    pub(super) fn resumes(&self) -> bool {
        let executor = self.world.registry.get(&self.assignment.runner.harness);
        executor.is_some_and(|executor| executor.capabilities().resume)
    }

    pub(super) fn announce_handoff(&mut self) {
        let window = duration(self.world.settings.handoff_timeout);
        let notice = format!("the run's time is used up: its session has {window} to hand over");
        self.world.emit(Event::Notice(notice));
    }

    pub(super) fn handoff_prompt(&mut self) -> String {
        let lap = self.lap_parts();
        prompt::handoff_only(&self.parts(&lap))
    }

    /// Its own window, whatever the run's time says, and no other bound. A silence as long as the window is
    /// none that could be found in it.
    pub(super) fn handoff_bounds(&self) -> (Limits, freeze::Limits) {
        let window = self.world.settings.handoff_timeout;
        let never: Duration = window.saturating_mul(2);
        let limits = Limits { try_cap: Some(window), ..Limits::default() };
        (limits, freeze::Limits { threshold: never, network: never })
    }

    /// The verdict on it. A lap is done when it is finalised; without a queue a report says that the task is
    /// done, unless it says what is left, too.
    pub(super) fn verdict_on_handoff(
        &self,
        seen: &Seen,
        progress: Option<&SummaryEntry>,
        known: &Known,
        finding: &dyn Fn() -> Evidence,
    ) -> Result<Verdict, PassError> {
        let begun = self.world.store.read_run_state()?.is_some_and(|state| state.handoff_state != 0);
        let told = match (progress, known.work()) {
            _ if known.is_done() => Told::Done,
            (_, Work::Lap { finalised: true }) => Told::Handoff,
            (Some(entry), _) if entry.handoff.is_some() => Told::Handoff,
            (Some(entry), Work::Free) if entry.followups.is_empty() => Told::Done,
            _ if begun => Told::Begun,
            _ => Told::Nothing,
        };
        Ok(handoff::decide(&Observed { stop: seen.stop.as_ref(), report: &seen.report, told, finding }))
    }
}
