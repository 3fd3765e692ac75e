//! Who can be given a run: the lanes, where their rotations stand, and everybody's health.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::clearing::Clearing;
use super::resilience::{self, Healths, Trial, Trouble};
use crate::model::{Runner, Timestamp};
use crate::routing::providers::ScopeOf;
use crate::routing::scheduler::{Health, Pick, Scheduler, Seen, Turn, Verdict};
use crate::routing::{Choice, Lane, Member, NoLane, Providers, Reasoning, Roster};
use crate::store::records::AgentStatusEvent;

/// Who may work on a relay.
#[derive(Debug)]
pub struct Team {
    /// The lanes.
    pub roster: Roster,
    /// Who shares a limit.
    pub providers: Providers,
    /// What roles want.
    pub reasoning: Reasoning,
}

impl Team {
    /// Why nobody of a lane will ever work: all belong to disabled providers.
    pub fn why_disabled(&self, lane: usize, role: Option<&str>) -> Option<String> {
        let name = &self.roster.lanes[lane].name;
        let providers = self.disabled_by(lane, role)?.join(", ");
        Some(format!(
            "every agent of {name} belongs to a disabled provider ({providers}); \
             set disabled = false in [providers]"
        ))
    }

    fn disabled_by(&self, lane: usize, role: Option<&str>) -> Option<Vec<&str>> {
        let disabled = self.roster.lanes[lane].members().map(|member| {
            let runner = self.reasoning.apply(role, member);
            self.providers.disabled(&runner).map(|provider| provider.name.as_str())
        });
        let mut names = disabled.collect::<Option<Vec<&str>>>()?;
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

/// A team at work.
#[derive(Debug)]
pub struct Crew {
    team: Team,
    /// One for every lane.
    rotations: Vec<Scheduler>,
    healths: Healths,
}

impl Crew {
    /// Goes on where the stored positions stand; what does not fit any more begins anew.
    pub fn new(team: Team, positions: Option<&Value>, healths: Healths) -> Crew {
        let restore = |lane: &Lane| {
            let stored = positions.and_then(|positions| positions.get(&lane.name));
            let mut rotation = Scheduler::restore(lane.slots.clone(), stored);
            rotation.new_pass();
            rotation
        };
        let rotations = team.roster.lanes.iter().map(restore).collect();
        Crew { team, rotations, healths }
    }

    /// Where the rotations stand, by name of the lane; those that have not moved are left out.
    pub fn positions(&self) -> Value {
        let lanes = self.team.roster.lanes.iter().zip(&self.rotations);
        let lanes = lanes.filter(|(_, rotation)| !rotation.position().is_new());
        let position = |rotation: &Scheduler| serde_json::to_value(rotation.position()).unwrap_or_default();
        Value::Object(
            lanes.map(|(lane, rotation)| (lane.name.clone(), position(rotation))).collect::<Map<_, _>>(),
        )
    }

    /// The lane of a task.
    pub fn choose(&self, assignee: Option<&str>) -> Result<Choice, NoLane> {
        self.team.roster.choose(assignee)
    }

    /// All lanes.
    pub fn roster(&self) -> &Roster {
        &self.team.roster
    }

    /// A lane.
    pub fn lane(&self, lane: usize) -> &Lane {
        &self.team.roster.lanes[lane]
    }

    /// Who a turn belongs to, as typed.
    pub fn member(&self, lane: usize, turn: Turn) -> &Member {
        self.rotations[lane].member(turn)
    }

    /// Who a turn belongs to, with what the role wants.
    pub fn runner(&self, lane: usize, turn: Turn, role: Option<&str>) -> Runner {
        self.team.reasoning.apply(role, self.member(lane, turn))
    }

    /// The quota that a runner draws from.
    pub fn scope(&self, runner: &Runner, of_harness: ScopeOf<'_>) -> String {
        self.team.providers.quota(runner, of_harness)
    }

    /// Who has the turn in a lane for a task of this role.
    pub fn next(&mut self, lane: usize, role: Option<&str>, now: Timestamp, of_harness: ScopeOf<'_>) -> Pick {
        self.healths.anchor(now);
        let (team, healths) = (&self.team, &self.healths);
        self.rotations[lane].next(|member| {
            let runner = team.reasoning.apply(role, member);
            let scope = team.providers.quota(&runner, of_harness);
            let until = healths.of(&runner, &scope, now).until();
            let health = match until {
                _ if team.providers.disabled(&runner).is_some() => Health::Unavailable { until: None },
                None => Health::Ready,
                Some(_) => Health::Unavailable { until },
            };
            let spare = healths.ledger().spare_until(&scope, now);
            Seen { model: runner.model, health, spare }
        })
    }

    /// The turn of an unfinished run whose entry reads so, if the lane still has it. A lane may name
    /// an entry twice; the rotation, whose newest pick this is, knows which of them had the turn.
    pub fn find(&self, lane: usize, text: &str, picked: Pick) -> Option<Turn> {
        match picked {
            Pick::Run(turn) if self.member(lane, turn).text == text => Some(turn),
            _ => self.rotations[lane].find(text),
        }
    }

    /// Whether a runner can be given a run.
    pub fn is_ready(&self, runner: &Runner, now: Timestamp, of_harness: ScopeOf<'_>) -> bool {
        let scope = self.scope(runner, of_harness);
        self.team.providers.disabled(runner).is_none()
            && self.healths.of(runner, &scope, now) == resilience::Health::Active
    }

    /// How the run of a turn ended, for the role that [`Crew::next`] was last asked about in this lane.
    pub fn record(&mut self, lane: usize, turn: Turn, verdict: Verdict) {
        self.rotations[lane].record(turn, verdict);
    }

    /// How the run of a turn in an earlier pass had ended: this one gives everybody another chance.
    pub fn record_of_earlier_pass(&mut self, lane: usize, turn: Turn, verdict: Verdict) {
        self.record(lane, turn, verdict);
        self.rotations[lane].new_pass();
    }

    /// Begins the next cycle of a lane.
    pub fn wrap(&mut self, lane: usize) {
        self.rotations[lane].wrap();
    }

    /// What would be at stake in a run of this runner now.
    pub fn trial(&self, runner: &Runner, now: Timestamp) -> Trial {
        self.healths.trial(runner, now)
    }

    /// The trouble that a runner is in, and how many of its hourly retries have failed.
    pub fn trouble(&self, runner: &Runner) -> (Trouble, u32) {
        self.healths
            .state(runner)
            .map_or_else(Default::default, |state| (state.trouble, state.failed_retries))
    }

    /// Everybody's health as somebody else has written it meanwhile.
    pub fn set_healths(&mut self, healths: Healths) {
        self.healths = healths;
    }

    /// Takes in that a runner's health changed.
    pub fn apply(&mut self, event: &AgentStatusEvent) {
        self.healths.apply(event);
    }

    /// The runners of all lanes that draw from a quota, as the role sees them.
    pub fn drawing_from(&self, scope: &str, role: Option<&str>, of_harness: ScopeOf<'_>) -> Vec<Runner> {
        let drawing = self.everybody(role, of_harness).into_iter().filter(|(_, of)| of == scope);
        drawing.map(|(runner, _)| runner).collect()
    }

    /// The runners of all lanes, as typed and as the role sees them, each with the quota that it draws from.
    pub fn everybody(&self, role: Option<&str>, of_harness: ScopeOf<'_>) -> Vec<(Runner, String)> {
        let mut all = BTreeMap::new();
        for member in self.team.roster.lanes.iter().flat_map(Lane::members) {
            for runner in [member.runner.clone(), self.team.reasoning.apply(role, member)] {
                let scope = self.scope(&runner, of_harness);
                all.entry((runner.harness.clone(), runner.model.clone())).or_insert((runner, scope));
            }
        }
        all.into_values().collect()
    }

    /// What makes everybody healthy who is not.
    pub fn clearing(&self, role: Option<&str>, now: Timestamp, of_harness: ScopeOf<'_>) -> Clearing {
        Clearing::of_wait(&self.healths, &self.everybody(role, of_harness), now)
    }

    /// Why nobody of a lane will ever work: all belong to disabled providers.
    pub fn why_disabled(&self, lane: usize, role: Option<&str>) -> Option<String> {
        self.team.why_disabled(lane, role)
    }

    /// Who of a lane is out until then, and how.
    pub fn out_until(
        &self,
        lane: usize,
        role: Option<&str>,
        until: Timestamp,
        now: Timestamp,
        of_harness: ScopeOf<'_>,
    ) -> Option<(Runner, resilience::Health)> {
        self.enabled(lane, role, now, of_harness).find(|(_, health)| health.until() == Some(until))
    }

    /// Whether everybody in a lane who is not disabled is frozen.
    pub fn all_frozen(
        &self,
        lane: usize,
        role: Option<&str>,
        now: Timestamp,
        of_harness: ScopeOf<'_>,
    ) -> bool {
        let mut enabled = self.enabled(lane, role, now, of_harness).peekable();
        enabled.peek().is_some()
            && enabled.all(|(_, health)| matches!(health, resilience::Health::Frozen { .. }))
    }

    /// Everybody in a lane who is not disabled, with their health.
    fn enabled(
        &self,
        lane: usize,
        role: Option<&str>,
        now: Timestamp,
        of_harness: ScopeOf<'_>,
    ) -> impl Iterator<Item = (Runner, resilience::Health)> {
        let runners = self.lane(lane).members().map(move |member| self.team.reasoning.apply(role, member));
        let enabled = runners.filter(|runner| self.team.providers.disabled(runner).is_none());
        enabled.map(move |runner| {
            let health = self.healths.of(&runner, &self.scope(&runner, of_harness), now);
            (runner, health)
        })
    }
}

#[cfg(test)]
mod tests;
