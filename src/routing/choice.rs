//! Which lane a task gets: the flag's, else its role's, else the default one.

use super::lane::DEFAULT_LANE;
use super::roster::{Roster, Source};
use super::routes;

/// Why a lane was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A flag replaces every route.
    Override,
    /// It is the route of the task's role.
    Assignee,
    /// The task has no role, or its role has no route.
    Default,
}

/// The lane of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Index in [`Roster::lanes`].
    pub lane: usize,
    /// Why this one.
    pub reason: Reason,
    /// A role that no route is named after.
    pub unmatched: Option<String>,
}

/// No lane for a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoLane {
    /// A task with a role.
    #[error("neither the role \"{}\" nor \"default\" has a route; add one of them to [routes]", .0.escape_debug())]
    OfRole(String),
    /// A task without a role.
    #[error("no \"default\" route is configured; add default = [\"cc\"] to [routes], or give --agent")]
    OfDefault,
}

impl Roster {
    /// Chooses the lane of a task. A task outside a queue has no role. A role without a route falls
    /// back to the default route, never to another role's.
    ///
    /// # Errors
    ///
    /// See [`NoLane`].
    pub fn choose(&self, assignee: Option<&str>) -> Result<Choice, NoLane> {
        let role = assignee.map(str::trim).filter(|role| !role.is_empty());
        let chosen = |lane, reason, unmatched| Ok(Choice { lane, reason, unmatched });
        match self.source {
            Source::Override => return chosen(0, Reason::Override, None),
            Source::Mix => return chosen(0, Reason::Default, None),
            Source::Routes => {}
        }
        if let Some(lane) = role.and_then(|role| routes::find(&self.lanes, role)) {
            return chosen(lane, Reason::Assignee, None);
        }
        match (routes::find(&self.lanes, DEFAULT_LANE), role) {
            (Some(lane), role) => chosen(lane, Reason::Default, role.map(str::to_owned)),
            (None, Some(role)) => Err(NoLane::OfRole(role.to_owned())),
            (None, None) => Err(NoLane::OfDefault),
        }
    }
}
