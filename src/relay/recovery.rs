//! Who picks up the pieces? A lap that was handed over with uncommitted changes, or whose handoff
//! ran out of time, leaves a tree in an unknown state; its next run belongs to the role
//! [`ROLE`]. Decided from the stored tries alone, so it holds over a restart.
//!
//! (What a crash cut between a verdict and its record is another matter: [`super::half_done`].)

use std::collections::{HashMap, HashSet};

use crate::model::Outcome;

/// The role, and the route, of recovery runs. Letter case never matters.
pub const ROLE: &str = "recovery";

/// Recovery runs that a lap gets, its follow-ups counted in (the number is the earlier program's).
/// What they cannot mend is for people.
pub const CAP: usize = 2;

/// What recovery has to know of one stored try that had a lap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed<'a> {
    /// Unique in the workspace, growing.
    pub try_id: u64,
    /// The relay.
    pub relay_id: u64,
    /// The run inside the relay, from 1; 0 in lines of a very early version, which resolve nothing.
    pub run_id: u64,
    /// From 1, inside the run.
    pub attempt: u32,
    /// The lap that was worked on.
    pub lap: &'a str,
    /// Laps that the try's handoff created.
    pub created_laps: &'a [String],
    /// Whether it handed over and left changes of its own uncommitted.
    pub dirty_handoff: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// The route that gave the runner; [`None`] in old lines.
    pub route: Option<&'a str>,
    /// The role that the agent was given; [`None`] in old lines. With `--agent` the route does not tell.
    pub role: Option<&'a str>,
}

impl Observed<'_> {
    /// Whether it calls for recovery.
    fn triggers(&self) -> bool {
        self.dirty_handoff || self.outcome == Outcome::HandoffTimeout
    }

    /// Whether it settled its lap. (An ordinary failure calls for nothing and settles nothing.)
    fn is_clean(&self) -> bool {
        self.outcome.is_success() && !self.triggers()
    }

    /// Whether it says anything about its lap. What the operator or a crash ended does not, so a
    /// recovery run that was quit is owed again after the restart.
    fn resolves(&self) -> bool {
        self.run_id > 0 && (self.outcome.costs_attempt() || self.triggers())
    }

    fn is_recovery(&self) -> bool {
        let is = |name: Option<&str>| name.is_some_and(|name| name.trim().eq_ignore_ascii_case(ROLE));
        is(self.route) || is(self.role)
    }
}

/// What a claimed lap needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovery {
    /// Nothing.
    None,
    /// A recovery run.
    Pending {
        /// The lap that was left in disorder: the claimed one, or another of its group.
        trigger_lap: String,
        /// Whether the claimed lap was created by the dirty handoff of another one.
        is_follow_up: bool,
    },
    /// A person: the recovery runs are used up.
    CapHit {
        /// The lap that was left in disorder.
        trigger_lap: String,
        /// How many recovery runs there were, at least [`CAP`].
        recoveries: usize,
    },
}

/// What the claimed lap needs, judged by all tries that had a lap, in any order.
///
/// A lap and those that its dirty handoffs created are one group. The last attempt of each run
/// speaks for the run; the newest of these says whether recovery is called for. Recovery runs are
/// counted since the group was last settled: runs of another role between them do not start the
/// count anew, or a lap that nobody can finish would go round for ever.
pub fn judge(tries: &[Observed<'_>], claimed: &str) -> Recovery {
    let group = group(tries, claimed);
    let mut runs: HashMap<(u64, u64), &Observed<'_>> = HashMap::new();
    for observed in tries.iter().filter(|observed| observed.resolves() && group.contains(observed.lap)) {
        let resolver = runs.entry((observed.relay_id, observed.run_id)).or_insert(observed);
        if (observed.attempt, observed.try_id) > (resolver.attempt, resolver.try_id) {
            *resolver = observed;
        }
    }
    let Some(newest) = runs.values().max_by_key(|resolver| resolver.try_id) else { return Recovery::None };
    if !newest.triggers() {
        return Recovery::None;
    }
    let settled = runs.values().filter(|resolver| resolver.is_clean()).map(|resolver| resolver.try_id).max();
    let recoveries =
        runs.values().filter(|resolver| resolver.is_recovery() && Some(resolver.try_id) > settled).count();
    let trigger_lap = newest.lap.to_owned();
    if recoveries >= CAP {
        return Recovery::CapHit { trigger_lap, recoveries };
    }
    let is_follow_up = tries.iter().any(|observed| {
        observed.dirty_handoff
            && observed.lap != claimed
            && observed.created_laps.iter().any(|created| created == claimed)
    });
    Recovery::Pending { trigger_lap, is_follow_up }
}

/// The laps that dirty handoffs tie to `claimed`, itself included. Each link is followed once.
fn group<'a>(tries: &[Observed<'a>], claimed: &'a str) -> HashSet<&'a str> {
    let mut links: HashMap<&str, Vec<&str>> = HashMap::new();
    for observed in tries.iter().filter(|observed| observed.dirty_handoff) {
        for created in observed.created_laps {
            links.entry(observed.lap).or_default().push(created);
            links.entry(created).or_default().push(observed.lap);
        }
    }
    let mut group = HashSet::from([claimed]);
    let mut found = vec![claimed];
    while let Some(lap) = found.pop() {
        found.extend(links.remove(lap).unwrap_or_default().into_iter().filter(|next| group.insert(next)));
    }
    group
}

/// Which lane a run takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaneWish {
    /// The one it would take anyway: of `--agent`, of the lap's assignee, or the default.
    Usual,
    /// The route named [`ROLE`].
    Recovery,
}

/// What recovery changes about a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlay {
    /// Who runs.
    pub lane: LaneWish,
    /// The role that the agent is given instead of the lap's assignee. Records keep the assignee.
    pub role: Option<&'static str>,
    /// For the operator. The same words for the same lap, so that it can be told once.
    pub warning: Option<String>,
}

/// Lays what a lap needs over the usual choice of lane. `--agent` keeps its runners and needs no
/// recovery route.
pub fn overlay(recovery: &Recovery, has_override: bool, has_recovery_route: bool) -> Overlay {
    match recovery {
        Recovery::None => Overlay { lane: LaneWish::Usual, role: None, warning: None },
        Recovery::Pending { .. } if has_override => {
            Overlay { lane: LaneWish::Usual, role: Some(ROLE), warning: None }
        }
        Recovery::Pending { .. } if has_recovery_route => {
            Overlay { lane: LaneWish::Recovery, role: Some(ROLE), warning: None }
        }
        Recovery::Pending { trigger_lap, .. } => {
            let warning = format!(
                "lap {trigger_lap} was left with unfinished changes, and no route named {ROLE} is configured; \
                 going on as usual, add one to [routes] to have them sorted out first"
            );
            Overlay { lane: LaneWish::Usual, role: None, warning: Some(warning) }
        }
        Recovery::CapHit { trigger_lap, .. } => {
            let warning = format!(
                "needs_user: lap {trigger_lap} is still unfinished after {CAP} recovery runs; going on as usual, \
                 look at its changes yourself"
            );
            Overlay { lane: LaneWish::Usual, role: None, warning: Some(warning) }
        }
    }
}

/// How a recovery run judged what it found, in the agent's own word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Classification {
    /// The changes are good; the work goes on from them.
    Continue,
    /// The changes were thrown away.
    Discard,
    /// The work goes on in another direction.
    CourseCorrect,
    /// Follow-up laps repair what is left.
    RepairPlan,
    /// Only a person can decide.
    NeedsUser,
}

impl Classification {
    /// What a run's summary gives as its classification: nothing unless the run had the role
    /// [`ROLE`] and the word is one of the five.
    pub fn of(role: &str, word: Option<&str>) -> Option<Classification> {
        if !role.trim().eq_ignore_ascii_case(ROLE) {
            return None;
        }
        match word?.trim() {
            "continue" => Some(Classification::Continue),
            "discard" => Some(Classification::Discard),
            "course_correct" => Some(Classification::CourseCorrect),
            "repair_plan" => Some(Classification::RepairPlan),
            "needs_user" => Some(Classification::NeedsUser),
            _ => None,
        }
    }

    /// The word, as records keep it.
    pub fn as_str(self) -> &'static str {
        match self {
            Classification::Continue => "continue",
            Classification::Discard => "discard",
            Classification::CourseCorrect => "course_correct",
            Classification::RepairPlan => "repair_plan",
            Classification::NeedsUser => "needs_user",
        }
    }
}

#[cfg(test)]
mod tests;
