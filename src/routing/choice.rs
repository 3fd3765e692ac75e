//! Which lane a task gets: the flag's, else its role's, else the default one.

use super::lane::DEFAULT_LANE;
use super::roster::{Roster, Source};
use super::routes;

/// The lane of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Index in [`Roster::lanes`].
    pub lane: usize,
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
        let chosen = |lane, unmatched| Ok(Choice { lane, unmatched });
        match self.source {
            Source::Override | Source::Mix => return chosen(0, None),
            Source::Routes => {}
        }
        if let Some(lane) = role.and_then(|role| routes::find(&self.lanes, role)) {
            return chosen(lane, None);
        }
        match (routes::find(&self.lanes, DEFAULT_LANE), role) {
            (Some(lane), role) => chosen(lane, role.map(str::to_owned)),
            (None, Some(role)) => Err(NoLane::OfRole(role.to_owned())),
            (None, None) => Err(NoLane::OfDefault),
        }
    }
}
