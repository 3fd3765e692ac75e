//! Who gets the next runs of every lane, asked of the scheduler itself.
//!
//! All runs pass, and everybody's health is that of now: a look ahead, no promise.

use serde::Serialize;
use serde_json::Value;

use super::programs::Programs;
use crate::config::Config;
use crate::model::time::{self, millis_option};
use crate::model::{Runner, Timestamp};
use crate::relay::crew::{Crew, Team};
use crate::relay::resilience::{Health, Healths};
use crate::routing::label::display_label;
use crate::routing::scheduler::{Pick, Verdict};
use crate::routing::{Lane, Member, Roster, Rules, Scheduler};
use crate::store::records::RelayRecord;
use crate::store::{Reader, StoreError};

/// The next runs of a lane.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct LanePreview {
    /// The lane.
    pub lane: String,
    /// The role whose tasks these are, with what it prefers; `null` for tasks without one.
    pub role: Option<String>,
    /// The unfinished relay with whose position it begins; `null` when it begins anew.
    pub relay: Option<u64>,
    /// Who cannot be given a run now.
    pub passed_over: Vec<PassedOver>,
    /// In order.
    pub picks: Vec<NextRun>,
    /// Why there are no more.
    pub end: Option<&'static str>,
}

/// An entry that cannot be given a run now.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// As typed.
    pub entry: String,
    /// Who.
    #[serde(flatten)]
    pub runner: RunnerLine,
    /// `paused`, `frozen`, `benched` or `disabled`.
    pub why: &'static str,
    /// The provider that is disabled.
    pub provider: Option<String>,
    /// When it can again; `null` when nobody knows.
    #[serde(with = "millis_option")]
    pub until: Option<Timestamp>,
}

/// One run.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct NextRun {
    /// The entry as typed.
    pub entry: String,
    /// Who.
    #[serde(flatten)]
    pub runner: RunnerLine,
    /// What has to be waited for first.
    #[serde(with = "millis_option")]
    pub wait_until: Option<Timestamp>,
}

/// A runner; what is left to the CLI is `null`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RunnerLine {
    /// Canonical name.
    pub harness: String,
    /// As passed.
    pub model: Option<String>,
    /// As passed.
    pub effort: Option<String>,
}

impl From<Runner> for RunnerLine {
    fn from(Runner { harness, model, effort }: Runner) -> RunnerLine {
        RunnerLine { harness, model, effort }
    }
}

impl RunnerLine {
    /// What people read: `claude - opus (effort high)`.
    pub fn label(&self) -> String {
        let model = self.model.iter().map(|model| format!(" - {model}"));
        let effort = self.effort.iter().map(|effort| format!(" (effort {effort})"));
        std::iter::once(self.harness.clone()).chain(model).chain(effort).collect()
    }
}

/// What is remembered of the workspace.
#[derive(Debug, Default)]
pub struct Memory {
    /// The unfinished relay.
    relay: Option<RelayRecord>,
    /// Everybody's health.
    pub healths: Healths,
}

impl Memory {
    /// Reads it, and changes nothing.
    ///
    /// # Errors
    ///
    /// When the state cannot be read; what is not there is no error.
    pub fn read(reader: &Reader) -> Result<Memory, StoreError> {
        let relay = reader.survey()?.resumable;
        let healths = Healths::remembered(&reader.status_events()?, &reader.quota_records()?);
        Ok(Memory { relay, healths })
    }

    /// Where the lanes of the unfinished relay stand, by name.
    fn positions(&self) -> Option<&Value> {
        self.relay.as_ref()?.position.as_ref()?.get("lanes")
    }

    /// What to know when the unfinished relay has other lanes than a new one would have.
    pub fn other_mix(&self, roster: &Roster) -> Option<String> {
        let relay = self.relay.as_ref().filter(|relay| relay.agent_mix != roster.label())?;
        Some(format!(
            "relay #{} is unfinished; resumed, it goes on with its own mix ({}), which is not previewed",
            relay.id,
            display_label(&relay.agent_mix)
        ))
    }
}

/// Looks ahead.
#[derive(Debug)]
pub struct Outlook<'a> {
    /// The lanes of a relay without `--agent`.
    pub roster: &'a Roster,
    /// What the configuration says about who works.
    pub rules: &'a Rules,
    /// Whose limit a runner draws from.
    pub programs: &'a Programs,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The time.
    pub now: Timestamp,
}

impl Outlook<'_> {
    /// The next `n` runs of every lane, for every kind of task.
    pub fn lanes(&self, config: &Config, n: usize) -> Vec<LanePreview> {
        let lane = |(index, role)| self.lane(index, &self.roster.lanes[index], role, n);
        self.roster.tasks(config).into_iter().map(lane).collect()
    }

    fn lane(&self, index: usize, lane: &Lane, role: Option<&str>, n: usize) -> LanePreview {
        let team = Team {
            roster: self.roster.clone(),
            providers: self.rules.providers.clone(),
            reasoning: self.rules.reasoning.clone(),
        };
        let mut crew = Crew::new(team, self.memory.positions(), self.memory.healths.clone());
        let of_harness = |runner: &Runner| self.programs.scope_of_harness(runner);
        let (mut picks, mut end) = (Vec::new(), None);
        let (mut now, mut wait_until, mut wrapped) = (self.now, None, false);
        while picks.len() < n {
            match crew.next(index, role, now, &of_harness) {
                Pick::Run(turn) => {
                    let entry = crew.member(index, turn).text.clone();
                    let runner = crew.runner(index, turn, role).into();
                    picks.push(NextRun { entry, runner, wait_until: wait_until.take() });
                    crew.record(index, turn, Verdict::Passed);
                    wrapped = false;
                }
                // The relay would wait as well, and then go on.
                Pick::Wait { until } if until > now => (now, wait_until) = (until, Some(until)),
                Pick::Wrap if !wrapped => {
                    crew.wrap(index);
                    wrapped = true;
                }
                Pick::Wait { .. } | Pick::Wrap | Pick::Unavailable => {
                    end = Some(match crew.why_disabled(index, role) {
                        Some(_) => "every agent of the lane belongs to a disabled provider",
                        None => "all agents unavailable",
                    });
                    break;
                }
            }
        }
        LanePreview {
            lane: lane.name.clone(),
            role: role.map(str::to_owned),
            relay: self.relay_of(lane),
            passed_over: lane.members().filter_map(|member| self.passed_over(member, role)).collect(),
            picks,
            end,
        }
    }

    /// The unfinished relay, if its position is one of this lane.
    fn relay_of(&self, lane: &Lane) -> Option<u64> {
        let relay = self.memory.relay.as_ref()?;
        let fits = match self.memory.positions()?.get(&lane.name) {
            Some(stored) => {
                let restored = Scheduler::restore(lane.slots.clone(), Some(stored));
                serde_json::to_value(restored.position()).is_ok_and(|position| position == *stored)
            }
            // A lane that has not moved stands at its beginning there, too.
            None => relay.agent_mix == self.roster.label(),
        };
        fits.then_some(relay.id)
    }

    fn passed_over(&self, member: &Member, role: Option<&str>) -> Option<PassedOver> {
        let runner = self.rules.reasoning.apply(role, member);
        let entry = member.text.clone();
        if let Some(provider) = self.rules.providers.disabled(&runner) {
            let provider = Some(provider.name.clone());
            return Some(PassedOver { entry, runner: runner.into(), why: "disabled", provider, until: None });
        }
        let scope = self.programs.scope(&self.rules.providers, &runner);
        let health = self.memory.healths.of(&runner, &scope, self.now);
        let why = match health {
            Health::Active => return None,
            Health::Paused { .. } => "paused",
            Health::Frozen { .. } => "frozen",
            Health::Benched { .. } => "benched",
        };
        Some(PassedOver { entry, runner: runner.into(), why, provider: None, until: health.until() })
    }
}

impl PassedOver {
    /// Why, and until when, for people.
    pub fn reason(&self) -> String {
        match (&self.provider, self.until) {
            (Some(provider), _) => format!("belongs to the disabled provider {provider}"),
            (None, Some(until)) => format!("{} until {}", self.why, time::rfc3339_millis(until)),
            (None, None) => self.why.to_owned(),
        }
    }
}
