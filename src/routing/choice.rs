//! Which lane a task gets: the flag's, else its role's, else the default one; and which tasks a lane may get.

use crate::config::Config;

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

    /// Every lane, by its index, with the role of every kind of task that it may get: its own; in the default
    /// lane none, and each that has a preference and no route of its own.
    pub fn tasks<'a>(&'a self, config: &'a Config) -> Vec<(usize, Option<&'a str>)> {
        let mut tasks = Vec::new();
        for (index, lane) in self.lanes.iter().enumerate() {
            if !lane.name.eq_ignore_ascii_case(DEFAULT_LANE) {
                tasks.push((index, Some(lane.name.as_str())));
                continue;
            }
            tasks.push((index, None));
            let has_lane = |role: &str| self.lanes.iter().any(|lane| lane.name.to_lowercase() == role);
            let wishes = config.reasoning.iter();
            let without = wishes.filter(|(key, wish)| !has_lane(key) && !wish.preference.is_empty());
            tasks.extend(without.map(|(_, wish)| (index, Some(wish.role.as_str()))));
        }
        tasks
    }
}
