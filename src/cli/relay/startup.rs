//! May a relay start with these routes and these agents? Pure: the answers say what to warn of, what to
//! ask and what to refuse.

use std::collections::BTreeSet;

use super::demand::Need;
use crate::relay::crew::Team;
use crate::routing::Routes;

/// What there is to do besides the task of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queue {
    /// No queue, or an empty one: every run uses the default route.
    Empty,
    /// A queue whose tasks may have roles.
    Waiting,
}

/// A verdict on the configured routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// In the order of the routes.
    pub warnings: Vec<String>,
    /// What comes of it.
    pub next: Next,
}

/// What comes of a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The relay can start.
    Go,
    /// Only if the operator wants it, who is asked this.
    Ask(String),
    /// It cannot.
    Refuse(String),
}

/// Judges the routes of a relay that uses them. `names_default` says whether one of those that are
/// configured is the default route, be it broken; that none is has been told with the configuration.
pub fn judge(routes: &Routes, names_default: bool, queue: Queue) -> Judgement {
    let reasons: Vec<String> = routes.problems().map(ToString::to_string).collect();
    if routes.lanes.is_empty() && !reasons.is_empty() {
        let next = Next::Refuse(format!("no route can be used:\n{}", reasons.join("\n")));
        return Judgement { warnings: Vec::new(), next };
    }
    let mut warnings = Vec::new();
    for route in &routes.broken {
        warnings.extend(route.problems.iter().map(ToString::to_string));
        // Said once behind all that is wrong with a route.
        if let Some(last) = warnings.last_mut() {
            last.push_str("; the route is ignored, and its role uses the default route");
        }
    }
    let has_default = routes.has_default();
    if !has_default && names_default {
        warnings.push(
            "without its default route [routes] has nobody for runs without a matching role".to_owned(),
        );
    }
    let next = match (has_default, queue) {
        (true, _) if reasons.is_empty() => Next::Go,
        (true, _) => Next::Ask("Some routes are ignored. Continue anyway?".to_owned()),
        (false, Queue::Empty) => Next::Refuse(
            "there is no default route to use, and no laps are available that another route could take; \
             add default = [\"cc\"] to [routes], or give --agent"
                .to_owned(),
        ),
        (false, Queue::Waiting) => {
            Next::Ask("Laps without a route of their own cannot run. Continue anyway?".to_owned())
        }
    };
    Judgement { warnings, next }
}

/// Why a relay whose tasks surely need all these lanes, for tasks of these roles, cannot do them.
pub fn refusal(team: &Team, needs: &[Need<'_>]) -> Option<String> {
    needs.iter().find_map(|(lane, role)| team.why_disabled(*lane, *role))
}

/// What makes lanes that are in use fragile, sorted; every disabled provider is named once.
pub fn doubts(team: &Team, lanes: &[usize]) -> Vec<String> {
    let mut doubts = BTreeSet::new();
    for lane in lanes.iter().map(|lane| &team.roster.lanes[*lane]) {
        if let Some(runner) = lane.only_runner() {
            doubts.insert(format!(
                "{} has a single runner, {}: there is no fallback when it fails",
                lane.name,
                runner.label()
            ));
        }
        for provider in lane.members().filter_map(|member| team.providers.disabled(&member.runner)) {
            doubts.insert(format!("the provider {} is disabled: its agents are passed over", provider.name));
        }
    }
    doubts.into_iter().collect()
}

#[cfg(test)]
mod tests;
