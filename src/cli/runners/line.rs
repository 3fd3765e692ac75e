//! What is known of one runner. Pure.

use serde::Serialize;

use super::roll::Listed;
use crate::model::time::millis_option;
use crate::model::{Runner, Timestamp};
use crate::relay::resilience::{Cause, Health, Healths, Reason, Told, Trial};
use crate::store::records::RETRIES_UNTIL_FREEZE;

/// A runner's state, as people name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// It can be given a run.
    Active,
    /// Its infrastructure failed repeatedly.
    Paused,
    /// Its pause is over.
    RetryDue,
    /// Its hourly retries failed.
    Frozen,
    /// Its freeze is over.
    OnProbation,
    /// Its quota is used up.
    Benched,
    /// Its provider is out of service.
    Disabled,
}

impl Condition {
    /// For people.
    pub fn word(self) -> &'static str {
        match self {
            Condition::Active => "active",
            Condition::Paused => "paused",
            Condition::RetryDue => "retry due",
            Condition::Frozen => "frozen",
            Condition::OnProbation => "on probation",
            Condition::Benched => "benched",
            Condition::Disabled => "disabled",
        }
    }

    fn of(health: Health, trial: Trial) -> Condition {
        match (health, trial) {
            (Health::Active, Trial::None) => Condition::Active,
            (Health::Active, Trial::HourlyRetry) => Condition::RetryDue,
            (Health::Active, Trial::Probation) => Condition::OnProbation,
            (Health::Paused { .. }, _) => Condition::Paused,
            (Health::Frozen { .. }, _) => Condition::Frozen,
            (Health::Benched { .. }, _) => Condition::Benched,
        }
    }
}

/// A runner; what is not known is `null`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// The entries that name it, as typed.
    pub entries: Vec<String>,
    /// Canonical name.
    pub harness: String,
    /// As passed to the CLI; `null` leaves it to the CLI.
    pub model: Option<String>,
    /// The quota that it draws from.
    pub quota_scope: String,
    /// What it is now.
    pub state: Condition,
    /// When it can be given a run again.
    #[serde(with = "millis_option")]
    pub until: Option<Timestamp>,
    /// Why, for people.
    pub why: Option<String>,
    /// Since when.
    #[serde(with = "millis_option")]
    pub since: Option<Timestamp>,
    /// The relay that it comes from.
    pub relay_id: Option<u64>,
    /// The run of that relay.
    pub run_id: Option<u64>,
    /// The newest try of that run.
    pub try_id: Option<u64>,
    /// Hourly retries that failed since it was healthy.
    pub failed_retries: u32,
    /// Failed retries that freeze it.
    pub retries_until_freeze: u32,
    /// What else keeps it out, but ends earlier.
    pub also: Vec<Also>,
}

/// A reason that ends before the main one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Also {
    /// What it would be.
    pub state: Condition,
    /// Until when.
    #[serde(with = "millis_option")]
    pub until: Option<Timestamp>,
    /// Why.
    pub why: Option<String>,
}

impl Line {
    /// What is known of a runner at this time.
    pub fn of(listed: &Listed, healths: &Healths, now: Timestamp) -> Line {
        let Listed { runner, scope, entries, disabled } = listed;
        let state = healths.state(runner);
        let reasons = healths.reasons(runner, scope, now);
        let (first, rest) = match reasons.split_first() {
            Some((first, rest)) => (Some(first), rest),
            None => (None, &[][..]),
        };
        let condition =
            Condition::of(first.map_or(Health::Active, |first| first.health), healths.trial(runner, now));
        let told = match first.map(|first| first.cause) {
            Some(Cause::Event(told)) => Some(told),
            Some(Cause::Window(_)) => None,
            None => state.and_then(|state| state.told()),
        };
        let mut line = Line {
            entries: entries.clone(),
            harness: runner.harness.clone(),
            model: runner.model.clone(),
            quota_scope: scope.clone(),
            state: condition,
            until: first.and_then(|first| first.health.until()),
            why: first.map_or_else(|| told.and_then(|told| told.reason.clone()), why),
            since: first.map(since).or(told.map(|told| told.at)),
            relay_id: told.and_then(|told| told.relay_id),
            run_id: told.and_then(|told| told.run_id),
            try_id: told.map_or_else(|| first.and_then(told_in), |told| told.try_id),
            failed_retries: state.map_or(0, |state| state.failed_retries),
            retries_until_freeze: RETRIES_UNTIL_FREEZE,
            also: rest.iter().map(Also::of).collect(),
        };
        if let Some(provider) = disabled {
            line.also = reasons.iter().map(Also::of).collect();
            line.state = Condition::Disabled;
            line.why = Some(format!("belongs to the disabled provider {provider}"));
            (line.until, line.since) = (None, None);
            (line.relay_id, line.run_id, line.try_id) = (None, None, None);
        }
        line
    }

    /// Who, for people: `claude - opus`.
    pub fn label(&self) -> String {
        Runner { model: self.model.clone(), ..Runner::bare(&self.harness) }.label()
    }
}

impl Also {
    fn of(reason: &Reason<'_>) -> Also {
        let state = Condition::of(reason.health, Trial::None);
        Also { state, until: reason.health.until(), why: why(reason) }
    }
}

fn why(reason: &Reason<'_>) -> Option<String> {
    match reason.cause {
        Cause::Event(Told { reason, .. }) => reason.clone(),
        Cause::Window(known) => {
            Some(format!("the window {} is used up, as {} told", known.window.name, known.source))
        }
    }
}

/// In which try that became known.
fn told_in(reason: &Reason<'_>) -> Option<u64> {
    match reason.cause {
        Cause::Event(told) => told.try_id,
        Cause::Window(known) => known.try_id,
    }
}

fn since(reason: &Reason<'_>) -> Timestamp {
    match reason.cause {
        Cause::Event(told) => told.at,
        Cause::Window(known) => known.at,
    }
}
