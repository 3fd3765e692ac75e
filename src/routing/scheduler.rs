//! Which entry of a lane runs next: a pure state machine.
//!
//! Slots take turns in order. A slot stays until its quota is used up or all its members failed; what
//! failed waits for the next cycle, what failed for good stays out, and what cannot run now (paused,
//! benched, frozen, disabled) is passed over until it can. A slot of several members, a route that is
//! walked, gives every run to the member behind the one before.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::entry::Quota;
use super::lane::{Member, Slot};

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

/// Who has the turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// Index of the slot in the lane.
    pub slot: usize,
    /// Index of the member in the slot.
    pub member: usize,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// Give the run to this member.
    Run(Turn),
    /// Everybody who could run has failed in this cycle. After a back-off,
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
    /// The slots as typed: the position of another lane means nothing.
    roster: Vec<String>,
    /// Which slot has the turn.
    current: Option<usize>,
    /// Times that the rotation began anew.
    cycle: u64,
    slots: Vec<SlotStanding>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SlotStanding {
    /// Passed runs in a row.
    runs: u32,
    /// The member who is next; survives cycles, so that a walk goes on where it stood.
    #[serde(default)]
    cursor: usize,
    members: Vec<Standing>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    /// Why the member is left out of this cycle or of this pass.
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

impl Standing {
    fn is_selectable(self) -> bool {
        self.out.is_none() && !self.benched
    }
}

impl SlotStanding {
    fn is_selectable(&self) -> bool {
        self.members.iter().any(|member| member.is_selectable())
    }

    /// The first selectable member from the cursor on, around the end.
    fn next_member(&self) -> Option<usize> {
        let count = self.members.len();
        (self.cursor..self.cursor + count)
            .map(|index| index % count)
            .find(|index| self.members[*index].is_selectable())
    }
}

/// The rotation over the slots of one lane.
#[derive(Debug, Clone)]
pub struct Scheduler {
    slots: Vec<Slot>,
    at: Position,
}

impl Scheduler {
    /// Begins with the first slot.
    pub fn new(slots: Vec<Slot>) -> Scheduler {
        let standing = |slot: &Slot| SlotStanding {
            members: vec![Standing::default(); slot.members.len()],
            ..Default::default()
        };
        let at = Position {
            roster: slots.iter().map(key).collect(),
            current: None,
            cycle: 0,
            slots: slots.iter().map(standing).collect(),
        };
        Scheduler { slots, at }
    }

    /// Goes on where a stored position stands. A position that cannot be read, or that belongs to
    /// other slots, is as good as none.
    pub fn restore(slots: Vec<Slot>, stored: Option<&serde_json::Value>) -> Scheduler {
        let mut scheduler = Scheduler::new(slots);
        if let Some(at) = stored.and_then(|stored| Position::deserialize(stored).ok())
            && scheduler.fits(&at)
        {
            scheduler.at = at;
        }
        scheduler
    }

    fn fits(&self, at: &Position) -> bool {
        at.roster == self.at.roster
            && at.current.is_none_or(|current| current < self.slots.len())
            && at.slots.len() == self.slots.len()
            && at.slots.iter().zip(&self.slots).all(|(standing, slot)| {
                standing.members.len() == slot.members.len() && standing.cursor < slot.members.len().max(1)
            })
    }

    /// Where it stands now.
    pub fn position(&self) -> &Position {
        &self.at
    }

    /// The lane.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Who a turn belongs to.
    pub fn member(&self, turn: Turn) -> &Member {
        &self.slots[turn.slot].members[turn.member]
    }

    /// The first turn, in the order of the lane, of a member whose entry reads so.
    pub fn find(&self, text: &str) -> Option<Turn> {
        self.slots.iter().enumerate().find_map(|(slot, entry)| {
            let member = entry.members.iter().position(|member| member.text == text)?;
            Some(Turn { slot, member })
        })
    }

    /// A new pass gives everybody another chance: the operator may have logged in since.
    pub fn new_pass(&mut self) {
        for standing in self.standings_mut() {
            if standing.out == Some(Out::Terminal) {
                standing.out = None;
            }
        }
    }

    /// Who runs next. Asking again without a verdict in between gives the same answer as long as
    /// the runners' health does, so an interrupted run goes back to the same member.
    pub fn next(&mut self, health: impl Fn(&Member) -> Health) -> Pick {
        let health: Vec<Vec<Health>> =
            self.slots.iter().map(|slot| slot.members.iter().map(&health).collect()).collect();
        self.note(&health);
        if let Some(current) = self.at.current
            && self.is_selectable(current)
        {
            if self.stays(current) {
                return self.turn_to(current, &health);
            }
            if let Some(pick) = self.capped(current, &health) {
                return pick;
            }
        }
        let after = self.at.current.map_or(0, |current| current + 1);
        if let Some(next) = (after..self.slots.len()).find(|index| self.is_selectable(*index)) {
            return self.turn_to(next, &health);
        }
        if (0..self.slots.len()).any(|index| self.is_selectable(index)) {
            self.wrap();
            if let Some(first) = (0..self.slots.len()).find(|index| self.is_selectable(*index)) {
                return self.turn_to(first, &health);
            }
        }
        self.nobody(&health)
    }

    /// How the run of a turn ended.
    pub fn record(&mut self, turn: Turn, verdict: Verdict) {
        let Some(slot) = self.at.slots.get_mut(turn.slot) else { return };
        let count = slot.members.len();
        let Some(standing) = slot.members.get_mut(turn.member) else { return };
        match verdict {
            Verdict::Passed => slot.runs = slot.runs.saturating_add(1),
            Verdict::Failed | Verdict::Skipped => standing.out = Some(Out::Failed),
            Verdict::FailedTerminally => standing.out = Some(Out::Terminal),
        }
        slot.cursor = (turn.member + 1) % count;
    }

    /// Begins the next cycle: who failed may try again, and every quota is fresh.
    pub fn wrap(&mut self) {
        self.at.cycle = self.at.cycle.saturating_add(1);
        self.at.current = None;
        for slot in &mut self.at.slots {
            slot.runs = 0;
        }
        for standing in self.standings_mut() {
            if standing.out == Some(Out::Failed) {
                standing.out = None;
            }
        }
    }

    fn standings_mut(&mut self) -> impl Iterator<Item = &mut Standing> {
        self.at.slots.iter_mut().flat_map(|slot| &mut slot.members)
    }

    /// Takes the runners' health in. Who comes back from a pause or a bench is eligible at once,
    /// also when a failure put it there.
    fn note(&mut self, health: &[Vec<Health>]) {
        for (slot, health) in self.at.slots.iter_mut().zip(health) {
            let was_out = !slot.is_selectable();
            let mut came_back = false;
            for (standing, health) in slot.members.iter_mut().zip(health) {
                let benched = *health != Health::Ready;
                if standing.benched && !benched {
                    came_back = true;
                    if standing.out == Some(Out::Failed) {
                        standing.out = None;
                    }
                }
                standing.benched = benched;
            }
            if was_out && came_back {
                slot.runs = 0;
            }
        }
    }

    fn is_selectable(&self, index: usize) -> bool {
        self.at.slots.get(index).is_some_and(SlotStanding::is_selectable)
    }

    fn others(&self, index: usize) -> impl Iterator<Item = usize> {
        (0..self.slots.len()).filter(move |other| *other != index)
    }

    /// Whether a selectable slot keeps its turn.
    fn stays(&self, index: usize) -> bool {
        let runs = self.at.slots[index].runs;
        match self.slots[index].quota {
            Quota::Open => true,
            Quota::Exactly(quota) => runs < quota,
            Quota::Range { min, max } => {
                runs < min || (runs < max && !self.others(index).any(|other| self.is_selectable(other)))
            }
        }
    }

    /// A range at its maximum is not stretched further for the sake of others that will come back.
    fn capped(&self, index: usize, health: &[Vec<Health>]) -> Option<Pick> {
        let Quota::Range { max, .. } = self.slots[index].quota else { return None };
        let capped =
            self.at.slots[index].runs >= max && !self.others(index).any(|other| self.is_selectable(other));
        match self.nobody(health) {
            Pick::Unavailable => None,
            pick => capped.then_some(pick),
        }
    }

    fn turn_to(&mut self, index: usize, health: &[Vec<Health>]) -> Pick {
        if self.at.current != Some(index) {
            self.at.slots[index].runs = 0;
        }
        self.at.current = Some(index);
        match self.at.slots[index].next_member() {
            Some(member) => Pick::Run(Turn { slot: index, member }),
            None => self.nobody(health),
        }
    }

    /// What to do when nobody is selectable.
    fn nobody(&self, health: &[Vec<Health>]) -> Pick {
        let standings = || {
            let standings = self.at.slots.iter().flat_map(|slot| &slot.members);
            standings.zip(health.iter().flatten())
        };
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

/// What makes a slot the same slot after a restart: what was typed and, for a route, who stands in it.
fn key(slot: &Slot) -> String {
    match slot.members.as_slice() {
        [only] if only.text == slot.text => slot.text.clone(),
        members => {
            let members: Vec<&str> = members.iter().map(|member| member.text.as_str()).collect();
            format!("{} = {}", slot.text, members.join(" "))
        }
    }
}

#[cfg(test)]
mod tests;
