//! A lane: the entries of one roster or route, in the order in which they take turns.

use crate::model::Runner;

use super::entry::Quota;

/// A runner as an entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The entry as typed.
    pub text: String,
    /// Who, before the preferences of a role.
    pub runner: Runner,
    /// Whether the entry names the model itself, so that no role's preference changes it.
    pub explicit: bool,
}

/// Who has a turn together: one runner, or the entries of a route that is walked one run at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The entry as typed.
    pub text: String,
    /// One for an ordinary entry, those of the route for `ROLE:N`; never empty.
    pub members: Vec<Member>,
    /// How many runs a turn has.
    pub quota: Quota,
}

/// The entries that take turns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// `override`, or the route's name as spelled.
    pub name: String,
    /// In order; never empty.
    pub slots: Vec<Slot>,
}

impl Lane {
    /// Everybody who may get a run, in order, repetitions included.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.slots.iter().flat_map(|slot| &slot.members)
    }

    /// The only runner of a lane that has just one, whose failure nobody can make good.
    pub fn only_runner(&self) -> Option<&Runner> {
        let mut members = self.members();
        let first = &members.next()?.runner;
        members.all(|member| member.runner == *first).then_some(first)
    }
}

/// Name of the lane that a flag gives.
pub const OVERRIDE_LANE: &str = "override";

/// Name of the lane of runs without a role: that of its route, also where a mix takes its place.
pub const DEFAULT_LANE: &str = crate::config::DEFAULT_ROUTE;
