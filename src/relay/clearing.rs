//! Calling runners healthy again: what `rally runners clear` writes down, and a wait that is skipped. Pure.

use std::collections::BTreeSet;

use super::resilience::{Healths, Trouble};
use crate::model::{Runner, Timestamp};
use crate::store::records::{AgentStatusEvent, AgentStatusKind, QuotaRecord, RECORD_VERSION};

/// Whether there is anything to end: a pause or a freeze that is over still puts the next run on trial.
pub fn is_ill(healths: &Healths, runner: &Runner, scope: &str, now: Timestamp) -> bool {
    let troubled = healths.state(runner).is_some_and(|state| state.trouble != Trouble::None);
    troubled || !healths.reasons(runner, scope, now).is_empty()
}

/// Whether the account of a quota is known to have a window that is used up.
pub fn is_spent(healths: &Healths, scope: &str, now: Timestamp) -> bool {
    healths.ledger().exhausted_until(scope, now).is_some()
}

/// A runner, which draws from this quota, is healthy.
pub fn healthy(runner: &Runner, scope: &str, reason: &str, now: Timestamp) -> AgentStatusEvent {
    AgentStatusEvent {
        reason: Some(reason.to_owned()),
        quota_scope: Some(scope.to_owned()),
        ..AgentStatusEvent::new(runner, AgentStatusKind::Active, now)
    }
}

/// What was known of a quota's windows is forgotten.
pub fn forgotten(scope: &str, source: &str, now: Timestamp) -> QuotaRecord {
    QuotaRecord {
        v: RECORD_VERSION,
        scope: scope.to_owned(),
        source: source.to_owned(),
        at: now,
        try_id: None,
        windows: Vec::new(),
    }
}

/// All that has to be written down.
#[derive(Debug, Default, PartialEq)]
pub struct Clearing {
    /// Who is healthy.
    pub events: Vec<AgentStatusEvent>,
    /// Which windows are forgotten.
    pub quotas: Vec<QuotaRecord>,
}

impl Clearing {
    /// Everybody of these runners, each with the quota that it draws from, whose wait the operator skipped.
    pub fn of_wait(healths: &Healths, runners: &[(Runner, String)], now: Timestamp) -> Clearing {
        const REASON: &str = "the operator skipped the wait";
        const SOURCE: &str = "rally relay";
        let ill = runners.iter().filter(|(runner, scope)| is_ill(healths, runner, scope, now));
        let scopes: BTreeSet<&str> = runners.iter().map(|(_, scope)| scope.as_str()).collect();
        let spent = scopes.into_iter().filter(|scope| is_spent(healths, scope, now));
        Clearing {
            events: ill.map(|(runner, scope)| healthy(runner, scope, REASON, now)).collect(),
            quotas: spent.map(|scope| forgotten(scope, SOURCE, now)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // 20 §18: "all paused/benched agents forced active"
    #[test]
    fn everybody_who_is_out_comes_back_and_nobody_else_is_named() {
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let runner = |name: &str| Runner::bare(name);
        let event = |name, kind, scope: Option<&str>| AgentStatusEvent {
            quota_scope: scope.map(str::to_owned),
            ..AgentStatusEvent::new(&runner(name), kind, now)
        };
        let window = r#"{"scope":"e","source":"e","at":"2026-11-23T12:00:00Z","windows":[
            {"name":"five_hour","used":1.0,"resets_at":"2026-11-23T15:00:00Z"}]}"#;
        let events = [
            event("paused", AgentStatusKind::Paused, None),
            event("frozen", AgentStatusKind::Frozen, None),
            event("benched", AgentStatusKind::Benched, Some("c")),
        ];
        let healths = Healths::remembered(&events, &[serde_json::from_str(window).unwrap()]);
        let runners = [
            ("paused", "a"),
            ("frozen", "b"),
            ("benched", "c"),
            ("shares", "c"),
            ("well", "d"),
            ("spent", "e"),
        ];
        let runners = runners.map(|(name, scope)| (runner(name), scope.to_owned()));
        let clearing = Clearing::of_wait(&healths, &runners, now);
        let named: Vec<&str> = clearing.events.iter().map(|event| event.agent_type.as_str()).collect();
        assert_eq!(named, ["paused", "frozen", "benched", "shares", "spent"]);
        let forgotten: Vec<&str> = clearing.quotas.iter().map(|record| record.scope.as_str()).collect();
        assert_eq!(forgotten, ["e"]);
        let all = [&events[..], &clearing.events].concat();
        let quotas: Vec<_> =
            [serde_json::from_str(window).unwrap()].into_iter().chain(clearing.quotas).collect();
        let after = Healths::remembered(&all, &quotas);
        for (runner, scope) in &runners {
            assert!(!is_ill(&after, runner, scope, now), "{runner:?}");
        }
    }
}
