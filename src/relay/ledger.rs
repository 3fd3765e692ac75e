//! The quota ledger: how full every account's windows are, as the CLIs told it while they worked. Pure.

use std::collections::BTreeMap;

use crate::model::{QuotaWindow, Timestamp};
use crate::store::records::QuotaRecord;

/// What is known of one window.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// The window.
    pub window: QuotaWindow,
    /// Who told it.
    pub source: String,
    /// When it was told.
    pub at: Timestamp,
}

/// Windows by quota scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    scopes: BTreeMap<String, BTreeMap<String, Known>>,
}

impl Ledger {
    /// Takes in what was told, oldest first.
    pub fn apply(&mut self, record: &QuotaRecord) {
        if record.windows.is_empty() {
            self.scopes.remove(&record.scope);
            return;
        }
        let scope = self.scopes.entry(record.scope.clone()).or_default();
        for window in &record.windows {
            let known = Known { window: window.clone(), source: record.source.clone(), at: record.at };
            scope.insert(window.name.clone(), known);
        }
    }

    /// Every scope with its windows, by name.
    pub fn scopes(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &Known>)> {
        self.scopes.iter().map(|(scope, windows)| (scope.as_str(), windows.values()))
    }

    /// When the last of a scope's exhausted windows begins anew; `None` when there is something left in all.
    pub fn exhausted_until(&self, scope: &str, now: Timestamp) -> Option<Timestamp> {
        let windows = self.scopes.get(scope)?.values();
        windows
            .filter(|known| known.window.is_exhausted())
            .filter_map(|known| known.window.resets_at)
            .filter(|at| *at > now)
            .max()
    }

    /// When the first of a scope's windows that have something left begins anew: what is not used by then is lost.
    pub fn spare_until(&self, scope: &str, now: Timestamp) -> Option<Timestamp> {
        let windows = self.scopes.get(scope)?.values();
        windows
            .filter(|known| !known.window.is_exhausted())
            .filter_map(|known| known.window.resets_at)
            .filter(|at| *at > now)
            .min()
    }
}
