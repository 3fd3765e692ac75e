//! Which entry of a lane runs next: a pure state machine.
//!
//! Entries take turns in order. An entry stays until its quota is used up or it fails; what failed
//! waits for the next cycle, what failed for good stays out, and what cannot run now (paused,
//! benched, frozen, disabled) is passed over until it can.

use serde::{Deserialize, Serialize};

use crate::model::{Runner, Timestamp};

use super::entry::Quota;
use super::roster::LaneEntry;

/// Whether a runner can be given a run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Ready,
    /// It cannot.
    Unavailable {
        /// When it can again; `None` when that is not known.
        until: Option<Timestamp>,
    },
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Give the run to the entry with this index.
    Run(usize),
    /// Every entry that could run has failed in this cycle. After a back-off,
    /// [`Scheduler::wrap`] begins the next one.
    Wrap,
    /// Nothing can run before this time.
    Wait {
        /// The earliest known end of a pause, bench or freeze.
        until: Timestamp,
    },
    /// Nothing will ever run in this pass.
    Unavailable,
}

/// How a run of an entry ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It passed.
    Passed,
    /// It failed; another cycle may bring another result. Also a usage limit: the runner's health
    /// says how long it is out.
    Failed,
    /// It failed in a way that repeats: refused login, invalid model, missing program.
    FailedTerminally,
    /// The operator passed it over.
    Skipped,
}

/// Where a rotation stands. A new process that restores it goes on as the old one would have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The entries as typed: the position of another roster means nothing.
    roster: Vec<String>,
    /// Who has the turn.
    current: Option<usize>,
    /// Times that the rotation began anew.
    cycle: u64,
    entries: Vec<Standing>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    /// Passed runs in a row.
    runs: u32,
    /// Why it is left out of this cycle or of this pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    out: Option<Out>,
    /// Whether it was unavailable when last asked.
    #[serde(default)]
    benched: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Out {
    /// Until the next cycle.
    Failed,
    /// Until the next pass.
    Terminal,
}

/// The rotation over the entries of one lane.
#[derive(Debug, Clone)]
pub struct Scheduler {
    entries: Vec<LaneEntry>,
    at: Position,
}

impl Scheduler {
    /// Begins with the first entry.
    pub fn new(entries: Vec<LaneEntry>) -> Scheduler {
        let at = Position {
            roster: entries.iter().map(|entry| entry.text.clone()).collect(),
            current: None,
            cycle: 0,
            entries: vec![Standing::default(); entries.len()],
        };
        Scheduler { entries, at }
    }

    /// Goes on where a stored position stands. A position that cannot be read, or that belongs to
    /// other entries, is as good as none.
    pub fn restore(entries: Vec<LaneEntry>, stored: Option<&serde_json::Value>) -> Scheduler {
        let mut scheduler = Scheduler::new(entries);
        if let Some(at) = stored.and_then(|stored| Position::deserialize(stored).ok())
            && at.roster == scheduler.at.roster
            && at.entries.len() == scheduler.entries.len()
            && at.current.is_none_or(|current| current < scheduler.entries.len())
        {
            scheduler.at = at;
        }
        scheduler
    }

    /// Where it stands now.
    pub fn position(&self) -> &Position {
        &self.at
    }

    /// The lane.
    pub fn entries(&self) -> &[LaneEntry] {
        &self.entries
    }

    /// A new pass gives everybody another chance: the operator may have logged in since.
    pub fn new_pass(&mut self) {
        for standing in &mut self.at.entries {
            if standing.out == Some(Out::Terminal) {
                standing.out = None;
            }
        }
    }

    /// Who runs next. Asking again without a verdict in between gives the same answer as long as
    /// the runners' health does, so an interrupted run goes back to the same entry.
    pub fn next(&mut self, health: impl Fn(&Runner) -> Health) -> Pick {
        let health: Vec<Health> = self.entries.iter().map(|entry| health(&entry.runner)).collect();
        self.note(&health);
        if let Some(current) = self.at.current
            && self.is_selectable(current)
        {
            if self.stays(current) {
                return Pick::Run(current);
            }
            if let Some(pick) = self.capped(current, &health) {
                return pick;
            }
        }
        let after = self.at.current.map_or(0, |current| current + 1);
        if let Some(next) = (after..self.entries.len()).find(|index| self.is_selectable(*index)) {
            return self.turn_to(next);
        }
        if (0..self.entries.len()).any(|index| self.is_selectable(index)) {
            self.wrap();
            if let Some(first) = (0..self.entries.len()).find(|index| self.is_selectable(*index)) {
                return self.turn_to(first);
            }
        }
        self.nobody(&health)
    }

    /// How the run of an entry ended.
    pub fn record(&mut self, index: usize, verdict: Verdict) {
        let Some(standing) = self.at.entries.get_mut(index) else { return };
        match verdict {
            Verdict::Passed => standing.runs = standing.runs.saturating_add(1),
            Verdict::Failed | Verdict::Skipped => standing.out = Some(Out::Failed),
            Verdict::FailedTerminally => standing.out = Some(Out::Terminal),
        }
    }

    /// Begins the next cycle: who failed may try again, and every quota is fresh.
    pub fn wrap(&mut self) {
        self.at.cycle = self.at.cycle.saturating_add(1);
        self.at.current = None;
        for standing in &mut self.at.entries {
            standing.runs = 0;
            if standing.out == Some(Out::Failed) {
                standing.out = None;
            }
        }
    }

    /// Takes the runners' health in. Who comes back from a pause or a bench is eligible at once,
    /// also when a failure put it there.
    fn note(&mut self, health: &[Health]) {
        for (standing, health) in self.at.entries.iter_mut().zip(health) {
            let benched = *health != Health::Ready;
            if standing.benched && !benched {
                standing.runs = 0;
                if standing.out == Some(Out::Failed) {
                    standing.out = None;
                }
            }
            standing.benched = benched;
        }
    }

    fn is_selectable(&self, index: usize) -> bool {
        self.at.entries.get(index).is_some_and(|standing| standing.out.is_none() && !standing.benched)
    }

    fn others(&self, index: usize) -> impl Iterator<Item = usize> {
        (0..self.entries.len()).filter(move |other| *other != index)
    }

    /// Whether a selectable entry keeps its turn.
    fn stays(&self, index: usize) -> bool {
        let runs = self.at.entries[index].runs;
        match self.entries[index].quota {
            Quota::Open => true,
            Quota::Exactly(quota) => runs < quota,
            Quota::Range { min, max } => {
                runs < min || (runs < max && !self.others(index).any(|other| self.is_selectable(other)))
            }
        }
    }

    /// A range at its maximum is not stretched further for the sake of others that will come back.
    fn capped(&self, index: usize, health: &[Health]) -> Option<Pick> {
        let Quota::Range { max, .. } = self.entries[index].quota else { return None };
        let capped =
            self.at.entries[index].runs >= max && !self.others(index).any(|other| self.is_selectable(other));
        match self.nobody(health) {
            Pick::Unavailable => None,
            pick => capped.then_some(pick),
        }
    }

    fn turn_to(&mut self, index: usize) -> Pick {
        if self.at.current != Some(index) {
            self.at.entries[index].runs = 0;
        }
        self.at.current = Some(index);
        Pick::Run(index)
    }

    /// What to do when nobody is selectable.
    fn nobody(&self, health: &[Health]) -> Pick {
        let standings = || self.at.entries.iter().zip(health);
        if standings().any(|(standing, _)| standing.out == Some(Out::Failed) && !standing.benched) {
            return Pick::Wrap;
        }
        let ends = standings().filter_map(|(standing, health)| match health {
            Health::Unavailable { until } if standing.out != Some(Out::Terminal) => *until,
            _ => None,
        });
        ends.min().map_or(Pick::Unavailable, |until| Pick::Wait { until })
    }
}

#[cfg(test)]
mod tests;
