//! What the queue holds when a relay starts: whose lanes are needed, and how much there is to do.

use std::collections::BTreeSet;

use super::startup;
use crate::laps::{Offer, Queue, QueueError};
use crate::relay::recovery;
use crate::routing::{NoLane, Roster};

/// What there is to do besides a task of the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// The relay is free: every run uses the lane of tasks without a role.
    Free,
    /// The laps of a queue.
    Laps {
        /// What comes next.
        next: Next,
        /// The role of every lap that waits, in order.
        roles: Vec<Option<String>>,
    },
}

/// What comes next in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// A lap.
    Lap,
    /// Nothing: a gate is closed.
    Held {
        /// Name of the stint.
        scope: String,
    },
    /// Nothing: there never was a lap, or all are done.
    Nothing,
}

/// A lane, and the role of a task for it.
pub type Need<'a> = (usize, Option<&'a str>);

impl Demand {
    /// Asks the queue. It blocks.
    pub fn of(queue: Option<&Queue>) -> Result<Demand, QueueError> {
        let Some(queue) = queue else { return Ok(Demand::Free) };
        let next = match queue.head()? {
            Offer::Lap(_) => Next::Lap,
            Offer::Held { scope } => Next::Held { scope },
            Offer::Empty | Offer::Complete => Next::Nothing,
        };
        let roles = queue.waiting()?.into_iter().map(|lap| lap.assignee).collect();
        Ok(Demand::Laps { next, roles })
    }

    /// Whether some task may have a role.
    pub fn queue(&self) -> startup::Queue {
        match self {
            Demand::Laps { next: Next::Lap | Next::Held { .. }, .. } => startup::Queue::Waiting,
            Demand::Laps { next: Next::Nothing, .. } | Demand::Free => startup::Queue::Empty,
        }
    }

    /// The laps that wait.
    pub fn waiting(&self) -> u64 {
        match self {
            Demand::Free => 0,
            Demand::Laps { roles, .. } => roles.len() as u64,
        }
    }

    /// What the tasks surely need, each once. A role without any lane is told when its task comes up.
    ///
    /// # Errors
    ///
    /// When there is no lane for the tasks of a free relay.
    pub fn sure<'a>(&'a self, roster: &Roster) -> Result<Vec<Need<'a>>, NoLane> {
        let needs: BTreeSet<Need<'a>> = match self {
            Demand::Free => BTreeSet::from([(roster.choose(None)?.lane, None)]),
            Demand::Laps { roles, .. } => {
                let need = |role: Option<&'a str>| Some((roster.choose(role).ok()?.lane, role));
                roles.iter().filter_map(|role| need(role.as_deref())).collect()
            }
        };
        Ok(needs.into_iter().collect())
    }

    /// Every lane that may be used: laps can be added without a role while the relay is at work, and a lap that
    /// was left in disorder is given to the route of recoveries.
    ///
    /// # Errors
    ///
    /// When there is no lane for the tasks of a free relay.
    pub fn lanes(&self, roster: &Roster) -> Result<Vec<usize>, NoLane> {
        let mut lanes: BTreeSet<usize> = self.sure(roster)?.into_iter().map(|(lane, _)| lane).collect();
        if let Demand::Laps { .. } = self {
            let further = [None, Some(recovery::ROLE)];
            lanes.extend(further.into_iter().filter_map(|role| Some(roster.choose(role).ok()?.lane)));
        }
        Ok(lanes.into_iter().collect())
    }
}
