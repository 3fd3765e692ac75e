//! The health of runners, replayed from the events of `agent_status.jsonl`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;

use super::ledger::Ledger;
use crate::model::{FailureClass, Runner, Timestamp};
use crate::store::records::{AgentStatusEvent, AgentStatusKind, QuotaRecord};

/// How long a pause lasts.
pub const PAUSE: Duration = Duration::from_secs(3600);

/// How long a freeze lasts.
pub const FREEZE: Duration = Duration::from_secs(5 * 3600);

/// A moment at which a quota is back for sure. Clock times are told to the minute, and whoever comes at its
/// beginning may come too early.
pub fn surely_after(reset_at: Timestamp) -> Timestamp {
    let whole_minute = reset_at.as_millisecond() % 60_000 == 0;
    let late = if whole_minute { reset_at.checked_add(SignedDuration::from_secs(59)).ok() } else { None };
    late.unwrap_or(reset_at)
}

/// How long a bench lasts whose reset is unknown.
pub const BENCH: Duration = Duration::from_secs(5 * 3600);

/// Whether a runner can be given a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It can.
    Active,
    /// Repeated infra failures.
    Paused {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// Too many failed retries.
    Frozen {
        /// When it may be tried again.
        until: Timestamp,
    },
    /// Its quota is used up.
    Benched {
        /// When the quota comes back.
        until: Timestamp,
    },
}

impl Health {
    /// When the runner may be given a run again; `None` when it may now.
    pub fn until(self) -> Option<Timestamp> {
        match self {
            Health::Active => None,
            Health::Paused { until } | Health::Frozen { until } | Health::Benched { until } => Some(until),
        }
    }
}

/// What is at stake in a run, besides its task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trial {
    /// Nothing: the runner is healthy.
    #[default]
    None,
    /// A pause is over, this run tells whether the trouble is.
    HourlyRetry,
    /// A freeze has decayed, this run decides.
    Probation,
}

impl Trial {
    /// Attempts that a run has; `budget` is what the configuration allows.
    pub fn attempts(self, budget: u32) -> u32 {
        /// Of a run on trial, whatever is configured.
        const ON_TRIAL: u32 = 3;
        match self {
            Trial::None => budget,
            Trial::HourlyRetry | Trial::Probation => ON_TRIAL,
        }
    }
}

/// Health by runner; a runner without a model is a key like any other. A limit is also known by its
/// scope: whoever draws from it is out, also those who were in no lane when it was met.
#[derive(Debug, Clone, Default)]
pub struct Healths {
    /// By harness and model.
    newest: BTreeMap<(String, Option<String>), Newest>,
    /// The end of the newest bench, by quota scope.
    limits: BTreeMap<String, Timestamp>,
    /// How full the accounts' windows are.
    ledger: Ledger,
}

/// What the newest event of a runner says.
#[derive(Debug, Clone)]
struct Newest {
    kind: AgentStatusKind,
    at: Timestamp,
    reset: Option<Timestamp>,
    /// The quota that it drew from when its events last named one.
    scope: Option<String>,
}

impl Healths {
    /// Replays events, oldest first.
    pub fn replay<'a>(events: impl IntoIterator<Item = &'a AgentStatusEvent>) -> Healths {
        let mut healths = Healths::default();
        for event in events {
            healths.apply(event);
        }
        healths
    }

    /// Takes in what was told about an account's windows.
    pub fn learn_quota(&mut self, record: &QuotaRecord) {
        self.ledger.apply(record);
    }

    /// What is known about the accounts' windows.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What would be at stake in a run of this runner now.
    pub fn trial(&self, _runner: &Runner, _now: Timestamp) -> Trial {
        Trial::None
    }

    /// Takes one more event.
    pub fn apply(&mut self, event: &AgentStatusEvent) {
        let model = event.model.clone().filter(|model| !model.is_empty());
        let key = (event.agent_type.clone(), model);
        let before = self.newest.remove(&key).and_then(|newest| newest.scope);
        let newest = Newest {
            kind: event.event_type,
            at: event.timestamp,
            reset: event.reset_at,
            scope: event.quota_scope.clone().or(before),
        };
        match (newest.health(), &event.quota_scope, &newest.scope) {
            (Health::Benched { until }, Some(scope), _) => {
                self.limits.insert(scope.clone(), until);
            }
            // Whoever is healthy again can draw from its quota again. Few such events name the quota.
            (Health::Active, _, Some(scope)) => {
                self.limits.remove(scope);
            }
            (
                Health::Benched { .. } | Health::Active | Health::Paused { .. } | Health::Frozen { .. },
                _,
                _,
            ) => {}
        }
        self.newest.insert(key, newest);
    }

    /// The health of a runner, which draws from this quota scope, at a time. What has run out counts
    /// as active.
    pub fn of(&self, runner: &Runner, scope: &str, now: Timestamp) -> Health {
        let key = (runner.harness.clone(), runner.model.clone());
        let own = self.newest.get(&key).map_or(Health::Active, |newest| newest.health());
        let limit = self.limits.get(scope).map_or(Health::Active, |until| Health::Benched { until: *until });
        let used_up = self.ledger.exhausted_until(scope, now);
        let used_up = used_up.map_or(Health::Active, |until| Health::Benched { until });
        let lasting = [own, limit, used_up]
            .into_iter()
            .filter(|health| health.until().is_some_and(|until| until > now));
        lasting.max_by_key(|health| health.until()).unwrap_or(Health::Active)
    }
}

impl Newest {
    /// What it amounts to, were it for ever.
    fn health(&self) -> Health {
        let after = |span: Duration| self.at.saturating_add(span).unwrap_or(self.at);
        match self.kind {
            AgentStatusKind::Active | AgentStatusKind::Unfrozen | AgentStatusKind::Probation => {
                Health::Active
            }
            AgentStatusKind::Paused | AgentStatusKind::RetryFailed => Health::Paused { until: after(PAUSE) },
            AgentStatusKind::Frozen => Health::Frozen { until: after(FREEZE) },
            AgentStatusKind::Benched => Health::Benched { until: self.reset.unwrap_or_else(|| after(BENCH)) },
        }
    }
}

/// Whether a failed run pauses its runner: only repeated trouble with the infrastructure does.
pub fn pauses(infra_failures: u32, newest: FailureClass) -> bool {
    newest == FailureClass::Infra && infra_failures > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: AgentStatusKind, model: Option<&str>, at: &str, reset: Option<&str>) -> AgentStatusEvent {
        AgentStatusEvent {
            v: 1,
            agent_type: "claude".into(),
            model: model.map(Into::into),
            event_type: kind,
            timestamp: at.parse().unwrap(),
            relay_id: None,
            reason: None,
            reset_at: reset.map(|at| at.parse().unwrap()),
            quota_scope: None,
        }
    }

    const NOON: &str = "2026-11-23T12:00:00Z";

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_clock_time_is_over_when_its_minute_is() {
        for (told, sure) in [
            ("2026-11-23T10:05:00Z", "2026-11-23T10:05:59Z"),
            ("2026-11-23T10:05:01Z", "2026-11-23T10:05:01Z"),
            ("2026-11-23T10:05:00.500Z", "2026-11-23T10:05:00.500Z"),
        ] {
            assert_eq!(surely_after(told.parse().unwrap()), sure.parse().unwrap());
        }
    }

    #[test]
    fn an_empty_model_is_an_ordinary_key() {
        let healths = Healths::replay(&[event(AgentStatusKind::Paused, None, NOON, None)]);
        let bare = Runner::bare("claude");
        assert!(matches!(healths.of(&bare, "claude", at(NOON)), Health::Paused { .. }));
        let opus = Runner { model: Some("opus".into()), ..bare };
        assert_eq!(healths.of(&opus, "claude", at(NOON)), Health::Active, "models are isolated");
    }

    #[test]
    fn everything_runs_out() {
        let runner = Runner::bare("claude");
        let rows = [
            (AgentStatusKind::Paused, None, "2026-11-23T12:59:59Z", "2026-11-23T13:00:00Z"),
            (AgentStatusKind::Frozen, None, "2026-11-23T16:59:59Z", "2026-11-23T17:00:00Z"),
            (
                AgentStatusKind::Benched,
                Some("2026-11-25T00:00:00Z"),
                "2026-11-24T23:59:59Z",
                "2026-11-25T00:00:00Z",
            ),
            (AgentStatusKind::Benched, None, "2026-11-23T16:59:59Z", "2026-11-23T17:00:00Z"),
        ];
        for (kind, reset, before, after) in rows {
            let healths = Healths::replay(&[event(kind, None, NOON, reset)]);
            assert_ne!(healths.of(&runner, "claude", at(before)), Health::Active, "{kind:?}");
            assert_eq!(healths.of(&runner, "claude", at(after)), Health::Active, "{kind:?}");
        }
    }

    #[test]
    fn the_newest_event_counts() {
        let healths = Healths::replay(&[
            event(AgentStatusKind::Frozen, None, NOON, None),
            event(AgentStatusKind::Active, None, "2026-11-23T12:00:01Z", None),
        ]);
        assert_eq!(healths.of(&Runner::bare("claude"), "claude", at("2026-11-23T12:00:02Z")), Health::Active);
    }

    fn limit(model: Option<&str>, at: &str, scope: &str) -> AgentStatusEvent {
        let reset = Some("2026-11-25T00:00:00Z");
        let scope = Some(scope.to_owned());
        AgentStatusEvent { quota_scope: scope, ..event(AgentStatusKind::Benched, model, at, reset) }
    }

    #[test]
    fn a_limit_holds_for_everybody_who_draws_from_it() {
        let healths = Healths::replay(&[limit(Some("opus"), NOON, "claude")]);
        let until = at("2026-11-25T00:00:00Z");
        let work = Runner::bare("work");
        assert_eq!(healths.of(&work, "claude", at(NOON)), Health::Benched { until });
        assert_eq!(healths.of(&work, "work", at(NOON)), Health::Active);
        assert_eq!(healths.of(&work, "claude", until), Health::Active);
        // Whoever met it is out even if it draws from another quota by now.
        let opus = Runner { model: Some("opus".into()), ..Runner::bare("claude") };
        assert_eq!(healths.of(&opus, "provider:new", at(NOON)), Health::Benched { until });
    }

    #[test]
    fn a_limit_ends_when_one_of_its_runners_is_healthy_again() {
        use AgentStatusKind::{Active, Frozen, Paused, Unfrozen};
        let later = "2026-11-23T12:00:01Z";
        let stays = |kind, model| {
            let events = [limit(Some("opus"), NOON, "claude"), event(kind, model, later, None)];
            let healths = Healths::replay(&events);
            healths.of(&Runner::bare("claude"), "claude", at(later)).until()
                == Some(at("2026-11-25T00:00:00Z"))
        };
        assert!(stays(Paused, Some("opus")));
        assert!(stays(Frozen, Some("opus")));
        assert!(stays(Active, Some("haiku")), "it never drew from this quota");
        assert!(!stays(Active, Some("opus")));
        assert!(!stays(Unfrozen, Some("opus")));
    }

    #[test]
    fn the_newest_word_on_a_limit_counts() {
        let sooner = AgentStatusEvent {
            reset_at: "2026-11-23T13:00:00Z".parse().ok(),
            ..limit(None, "2026-11-23T12:00:01Z", "claude")
        };
        let healths = Healths::replay(&[limit(Some("opus"), NOON, "claude"), sooner]);
        let haiku = Runner { model: Some("haiku".into()), ..Runner::bare("claude") };
        let until = at("2026-11-23T13:00:00Z");
        assert_eq!(healths.of(&haiku, "claude", at(NOON)), Health::Benched { until });
    }

    #[test]
    fn only_repeated_infra_failures_pause() {
        assert!(pauses(2, FailureClass::Infra));
        assert!(!pauses(1, FailureClass::Infra));
        assert!(!pauses(3, FailureClass::Agent));
    }
}
