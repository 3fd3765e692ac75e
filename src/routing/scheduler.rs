//! Which entry of a lane runs next: a pure state machine.
//!
//! Slots take turns in order. A slot stays until its quota is used up or all its members failed; what
//! failed waits for the next cycle, what failed for good stays out, and what cannot run now (paused,
//! benched, frozen, disabled) is passed over until it can. A slot of several members, a route that is
//! walked, gives every run to the member behind the one before.
//!
//! An open slot, one without a quota, may lend its turn: the run goes to the open slot whose unused budget is
//! lost soonest. The rotation stays where it is, so who stands in between is not passed over for good, and who
//! failed borrows nothing until its own turn has come, or a back-off is over. A slot with a quota never lends,
//! and never borrows.
//!
//! A role may want another model of a member. What happened to one model says nothing about the
//! other, so each has its own standing.

use crate::model::Timestamp;

use self::position::{Out, Standing};
use super::entry::Quota;
use super::lane::{Member, Slot};

mod position;

pub use self::position::Position;

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

/// A member as the task's role sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The model that it would be asked for; `None` leaves the choice to the CLI.
    pub model: Option<String>,
    /// Whether it can be given a run so.
    pub health: Health,
    /// When what is left of its budget is lost, as far as that is known.
    pub spare: Option<Timestamp>,
}

/// What counts of a member besides its model.
#[derive(Debug, Clone, Copy)]
struct Sight {
    health: Health,
    spare: Option<Timestamp>,
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

/// The rotation over the slots of one lane.
#[derive(Debug, Clone)]
pub struct Scheduler {
    slots: Vec<Slot>,
    at: Position,
    /// The model that each member has, as the newest question saw it.
    models: Vec<Vec<String>>,
}

impl Scheduler {
    /// Begins with the first slot.
    pub fn new(slots: Vec<Slot>) -> Scheduler {
        let at = Position::new(&slots);
        let model = |member: &Member| member.runner.model.clone().unwrap_or_default();
        let models = slots.iter().map(|slot| slot.members.iter().map(model).collect()).collect();
        Scheduler { slots, at, models }
    }

    /// Goes on where a stored position stands. A position that cannot be read, or that belongs to
    /// other slots, is as good as none.
    pub fn restore(slots: Vec<Slot>, stored: Option<&serde_json::Value>) -> Scheduler {
        let mut scheduler = Scheduler::new(slots);
        if let Some(at) = stored.and_then(|stored| scheduler.at.read(stored)) {
            scheduler.at = at;
        }
        scheduler
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
        self.pardon(Out::Terminal);
    }

    /// Who runs next. Asking again without a verdict in between gives the same answer as long as
    /// what is seen of the runners does, so an interrupted run goes back to the same member.
    pub fn next(&mut self, see: impl Fn(&Member) -> Seen) -> Pick {
        let seen = self.look(see);
        self.note(&seen);
        if let Some(current) = self.at.current
            && self.is_selectable(current)
        {
            if self.stays(current) {
                return self.turn_to(current, &seen);
            }
            if let Some(pick) = self.capped(current, &seen) {
                return pick;
            }
        }
        let after = self.at.current.map_or(0, |current| current + 1);
        if let Some(next) = (after..self.slots.len()).find(|index| self.is_selectable(*index)) {
            return self.turn_to(next, &seen);
        }
        if (0..self.slots.len()).any(|index| self.is_selectable(index)) {
            self.begin_cycle();
            if let Some(first) = (0..self.slots.len()).find(|index| self.is_selectable(*index)) {
                return self.turn_to(first, &seen);
            }
        }
        self.nobody(&seen)
    }

    /// How the run of a turn ended. The member had the model that the newest question saw.
    pub fn record(&mut self, turn: Turn, verdict: Verdict) {
        let Some(slot) = self.at.slots.get_mut(turn.slot) else { return };
        let count = slot.members.len();
        let Some(standings) = slot.members.get_mut(turn.member) else { return };
        let mut leave = |out| {
            let model = self.models[turn.slot][turn.member].clone();
            let standing = standings.entry(model).or_default();
            (standing.out, standing.barred) = (Some(out), true);
        };
        match verdict {
            Verdict::Passed => slot.runs = slot.runs.saturating_add(1),
            Verdict::Failed | Verdict::Skipped => leave(Out::Failed),
            Verdict::FailedTerminally => leave(Out::Terminal),
        }
        slot.cursor = (turn.member + 1) % count;
    }

    /// Begins the next cycle after a back-off.
    pub fn wrap(&mut self) {
        self.begin_cycle();
        for slot in 0..self.slots.len() {
            self.admit(slot);
        }
    }

    /// Who failed may try again, and every quota is fresh.
    fn begin_cycle(&mut self) {
        self.at.cycle = self.at.cycle.saturating_add(1);
        self.at.current = None;
        for slot in &mut self.at.slots {
            slot.runs = 0;
        }
        self.pardon(Out::Failed);
        for index in 0..self.slots.len() {
            self.at.slots[index].idle &= !self.is_selectable(index);
        }
    }

    /// Lets everybody in again who is out for this reason, whatever the model.
    fn pardon(&mut self, reason: Out) {
        for standings in self.at.slots.iter_mut().flat_map(|slot| &mut slot.members) {
            for standing in standings.values_mut() {
                // A new pass knows nothing of who came when in the last one.
                standing.barred &= reason == Out::Failed || standing.out != Some(reason);
                standing.out = standing.out.filter(|out| *out != reason);
            }
            standings.retain(|_, standing| *standing != Standing::default());
        }
    }

    /// The members of a slot may borrow turns again.
    fn admit(&mut self, slot: usize) {
        for standings in &mut self.at.slots[slot].members {
            standings.values_mut().for_each(|standing| standing.barred = false);
            standings.retain(|_, standing| *standing != Standing::default());
        }
    }

    /// Remembers everybody's model, and returns what else was seen.
    fn look(&mut self, see: impl Fn(&Member) -> Seen) -> Vec<Vec<Sight>> {
        let mut sights = Vec::with_capacity(self.slots.len());
        for (slot, models) in self.slots.iter().zip(&mut self.models) {
            let seen = slot.members.iter().zip(models).map(|(member, remembered)| {
                let Seen { model, health, spare } = see(member);
                *remembered = model.unwrap_or_default();
                Sight { health, spare }
            });
            sights.push(seen.collect());
        }
        sights
    }

    /// Takes the runners' health in. Who comes back from a pause or a bench is eligible at once,
    /// also when a failure put it there; a slot that comes back has all its runs again.
    fn note(&mut self, seen: &[Vec<Sight>]) {
        for (index, seen) in seen.iter().enumerate() {
            let slot = &mut self.at.slots[index];
            for ((standings, model), sight) in slot.members.iter_mut().zip(&self.models[index]).zip(seen) {
                let before = standings.get(model).copied().unwrap_or_default();
                let benched = sight.health != Health::Ready;
                let recovered = before.benched && !benched;
                let out = before.out.filter(|out| !(recovered && *out == Out::Failed));
                let after = Standing { out, benched, barred: before.barred && !recovered };
                if after == Standing::default() {
                    standings.remove(model);
                } else if after != before {
                    standings.insert(model.clone(), after);
                }
            }
            let idle = !self.is_selectable(index);
            let slot = &mut self.at.slots[index];
            if slot.idle && !idle {
                slot.runs = 0;
            }
            slot.idle = idle;
        }
    }

    /// How a member stands with the model that it has now.
    fn standing(&self, slot: usize, member: usize) -> Standing {
        self.at.slots[slot].members[member].get(&self.models[slot][member]).copied().unwrap_or_default()
    }

    fn is_selectable(&self, slot: usize) -> bool {
        (0..self.slots[slot].members.len()).any(|member| self.standing(slot, member).is_selectable())
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

    /// A range at its maximum waits for others that will come back. Who has merely failed gets
    /// another chance at once: there is somebody who works.
    fn capped(&self, index: usize, seen: &[Vec<Sight>]) -> Option<Pick> {
        let Quota::Range { max, .. } = self.slots[index].quota else { return None };
        let capped = self.at.slots[index].runs >= max
            && !self.others(index).any(|other| self.is_selectable(other) || self.has_failed(other));
        let until = self.others(index).filter_map(|other| self.earliest_end(other, seen)).min();
        until.filter(|_| capped).map(|until| Pick::Wait { until })
    }

    fn turn_to(&mut self, index: usize, seen: &[Vec<Sight>]) -> Pick {
        if self.at.current != Some(index) {
            self.at.slots[index].runs = 0;
            self.admit(index);
        }
        self.at.current = Some(index);
        let slot = self.lends_to(index, seen);
        match self.next_member(slot) {
            Some(member) => Pick::Run(Turn { slot, member }),
            None => self.nobody(seen),
        }
    }

    /// The slot that uses the turn of this one: among open slots the one whose budget is lost soonest.
    /// Where nothing is known, or it makes no difference, that is the slot itself.
    fn lends_to(&self, index: usize, seen: &[Vec<Sight>]) -> usize {
        let is_open = |slot: &usize| self.slots[*slot].quota == Quota::Open;
        let lost = |slot: usize| {
            let member = self.next_member(slot)?;
            let borrows = slot == index || !self.standing(slot, member).barred;
            borrows.then(|| (seen[slot][member].spare.unwrap_or(Timestamp::MAX), slot != index, slot))
        };
        let open = (0..self.slots.len()).filter(is_open).filter_map(lost);
        open.min().filter(|_| is_open(&index)).map_or(index, |(_, _, slot)| slot)
    }

    /// The first selectable member of a slot from its cursor on, around the end.
    fn next_member(&self, slot: usize) -> Option<usize> {
        let count = self.slots[slot].members.len();
        let cursor = self.at.slots[slot].cursor;
        let mut members = (cursor..cursor + count).map(|member| member % count);
        members.find(|member| self.standing(slot, *member).is_selectable())
    }

    /// What to do when nobody is selectable.
    fn nobody(&self, seen: &[Vec<Sight>]) -> Pick {
        if (0..self.slots.len()).any(|slot| self.has_failed(slot)) {
            return Pick::Wrap;
        }
        let ends = (0..self.slots.len()).filter_map(|slot| self.earliest_end(slot, seen));
        ends.min().map_or(Pick::Unavailable, |until| Pick::Wait { until })
    }

    /// Whether a slot has a member whom the next cycle lets in again.
    fn has_failed(&self, slot: usize) -> bool {
        (0..self.slots[slot].members.len()).any(|member| {
            let standing = self.standing(slot, member);
            standing.out == Some(Out::Failed) && !standing.benched
        })
    }

    /// When the first member of a slot comes back for whom waiting helps.
    fn earliest_end(&self, slot: usize, seen: &[Vec<Sight>]) -> Option<Timestamp> {
        let ends = seen[slot].iter().enumerate().filter_map(|(member, sight)| match sight.health {
            Health::Unavailable { until } if self.standing(slot, member).out != Some(Out::Terminal) => until,
            _ => None,
        });
        ends.min()
    }
}

#[cfg(test)]
mod lending_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
