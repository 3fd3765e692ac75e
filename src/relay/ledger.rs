//! The quota ledger: how full every account's windows are, as the CLIs told it while they worked. Pure.
//!
//! What a limit that an agent met makes of its runner stands elsewhere, with the events of runners: such a bench
//! holds although the ledger knows nothing. Here a newer word always counts, also one that there is room again.

use std::collections::BTreeMap;

use super::resilience::BENCH;
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
    /// The try that told it.
    pub try_id: Option<u64>,
}

impl Known {
    /// When the window begins anew, if that was in the future when it was told and still is.
    pub fn ahead(&self, now: Timestamp) -> Option<Timestamp> {
        self.window.ahead(self.at).and(self.window.ahead(now))
    }

    /// Until when nothing can be drawn from the account because of this window. Where nobody says for how long,
    /// or what nobody can mean, it is as long as for a limit that was met without a word about its end.
    pub fn blocks_until(&self, now: Timestamp) -> Option<Timestamp> {
        if !self.window.is_whole() || !self.window.is_exhausted() {
            return None;
        }
        // It has begun anew.
        if self.window.resets_at.is_some_and(|at| at <= now.max(self.at)) {
            return None;
        }
        let unknown = self.at.min(now).checked_add(BENCH).ok();
        self.ahead(now).or(unknown).filter(|until| *until > now)
    }
}

/// Windows by quota scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ledger {
    scopes: BTreeMap<String, BTreeMap<String, Known>>,
}

impl Ledger {
    /// What these tell together, oldest first.
    pub fn of(records: &[QuotaRecord]) -> Ledger {
        let mut ledger = Ledger::default();
        records.iter().for_each(|record| ledger.apply(record));
        ledger
    }

    /// Takes in what was told, oldest first.
    pub fn apply(&mut self, record: &QuotaRecord) {
        if record.windows.is_empty() {
            self.scopes.remove(&record.scope);
            return;
        }
        let scope = self.scopes.entry(record.scope.clone()).or_default();
        for window in &record.windows {
            let known = Known {
                window: window.clone(),
                source: record.source.clone(),
                at: record.at,
                try_id: record.try_id,
            };
            scope.insert(window.name.clone(), known);
        }
    }

    /// Every scope with its windows, by name.
    pub fn scopes(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &Known>)> {
        self.scopes.iter().map(|(scope, windows)| (scope.as_str(), windows.values()))
    }

    /// When the last of a scope's exhausted windows begins anew; `None` when there is something left in all, or
    /// nobody knows. What is drawn beyond a window is paid extra, so that does not count as room.
    pub fn exhausted_until(&self, scope: &str, now: Timestamp) -> Option<Timestamp> {
        self.known(scope).filter_map(|known| known.blocks_until(now)).max()
    }

    /// When the first of a scope's windows that have something left begins anew: what is not used by then is
    /// lost. `None` for a scope that is used up, or of which nothing is known.
    pub fn spare_until(&self, scope: &str, now: Timestamp) -> Option<Timestamp> {
        if self.exhausted_until(scope, now).is_some() {
            return None;
        }
        let whole = self.known(scope).filter(|known| known.window.is_whole() && known.window.has_room());
        whole.filter_map(|known| known.ahead(now)).min()
    }

    fn known(&self, scope: &str) -> impl Iterator<Item = &Known> {
        self.scopes.get(scope).into_iter().flat_map(BTreeMap::values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + minute * 60).unwrap()
    }

    /// A window: name, share used, minute of its reset.
    type Told<'a> = (&'a str, Option<f64>, Option<i64>);

    fn record(minute: i64, windows: &[Told<'_>]) -> QuotaRecord {
        let window = |(name, used, reset): &Told<'_>| QuotaWindow {
            used: *used,
            resets_at: reset.map(at),
            ..QuotaWindow::named(name)
        };
        QuotaRecord {
            v: 1,
            scope: "claude".into(),
            source: "claude".into(),
            at: at(minute),
            try_id: None,
            windows: windows.iter().map(window).collect(),
        }
    }

    const MONTH: i64 = 31 * 24 * 60;

    #[test]
    fn when_a_scope_is_used_up_and_when_its_budget_is_lost() {
        type Row<'a> = (&'a str, Vec<QuotaRecord>, i64, Option<i64>, Option<i64>);
        let five = |minute, used, reset| record(minute, &[("five_hour", Some(used), Some(reset))]);
        let both = |used: (f64, f64)| {
            record(0, &[("five_hour", Some(used.0), Some(60)), ("seven_day", Some(used.1), Some(600))])
        };
        let rows: Vec<Row<'_>> = vec![
            // (what, records, now, used up until, budget lost at)
            ("nothing is known", vec![], 1, None, None),
            ("room in one", vec![five(0, 0.9, 60)], 1, None, Some(60)),
            ("room in both", vec![both((0.5, 0.2))], 1, None, Some(60)),
            ("the short one is used up", vec![both((1.0, 0.2))], 1, Some(60), None),
            ("the long one is used up", vec![both((0.5, 1.0))], 1, Some(600), None),
            ("both are: the later counts", vec![both((1.2, 1.0))], 1, Some(600), None),
            ("the short one has begun anew", vec![both((1.0, 0.2))], 60, None, Some(600)),
            ("both have", vec![both((1.0, 1.0))], 600, None, None),
            ("a newer word lifts it", vec![five(0, 1.0, 60), five(5, 0.3, 60)], 6, None, Some(60)),
            (
                "a newer word of the other does not",
                vec![both((1.0, 0.2)), record(5, &[("seven_day", Some(0.1), Some(600))])],
                6,
                Some(60),
                None,
            ),
            ("it is forgotten", vec![five(0, 1.0, 60), record(5, &[])], 6, None, None),
            ("no reset", vec![record(0, &[("five_hour", Some(1.0), None)])], 1, Some(300), None),
            ("no reset, and long ago", vec![record(0, &[("five_hour", Some(1.0), None)])], 300, None, None),
            ("a reset that was past", vec![five(61, 1.0, 60)], 50, None, None),
            ("a reset out of reason", vec![five(0, 1.0, MONTH + 1)], 1, Some(300), None),
            ("a reset in a month", vec![five(0, 1.0, MONTH)], 1, Some(MONTH), None),
            ("told by a clock that was far ahead", vec![five(MONTH, 1.0, MONTH + 60)], 1, Some(301), None),
            ("a share that is not told", vec![record(0, &[("five_hour", None, Some(60))])], 1, None, None),
            (
                "a family of models is used up",
                vec![record(0, &[("codex_x/five_hour", Some(1.0), Some(60))])],
                1,
                None,
                None,
            ),
            (
                "a family of models has room",
                vec![record(0, &[("seven_day_opus", Some(0.5), Some(60))])],
                1,
                None,
                None,
            ),
        ];
        for (what, records, now, until, spare) in rows {
            let ledger = Ledger::of(&records);
            assert_eq!(ledger.exhausted_until("claude", at(now)), until.map(at), "{what}");
            assert_eq!(ledger.spare_until("claude", at(now)), spare.map(at), "{what}");
            assert_eq!(ledger.exhausted_until("codex", at(now)), None, "{what}");
        }
        let refused = QuotaWindow { rejected: true, ..five(0, 0.2, 60).windows.remove(0) };
        let told = QuotaRecord { windows: vec![refused], ..record(0, &[]) };
        assert_eq!(Ledger::of(&[told]).exhausted_until("claude", at(1)), Some(at(60)));
    }

    proptest! {
        // 50-R24, 50-R9
        #[test]
        fn nobody_waits_without_need_or_for_ever(
            told in prop::collection::vec((0..2000i64, 0..5usize, prop::option::of(0..3u32), prop::option::of(-100..60_000i64)), 0..20),
            now in 2000..4000i64,
        ) {
            const NAMES: [&str; 5] = ["five_hour", "seven_day", "primary", "secondary", "seven_day_opus"];
            let mut newest = BTreeMap::new();
            let records: Vec<QuotaRecord> = told.iter().map(|(minute, name, used, reset)| {
                let used = used.map(|used| f64::from(used) / 2.0);
                newest.insert(NAMES[*name], (*minute, used, *reset));
                record(*minute, &[(NAMES[*name], used, *reset)])
            }).collect();
            let ledger = Ledger::of(&records);
            let (until, spare) = (ledger.exhausted_until("claude", at(now)), ledger.spare_until("claude", at(now)));
            for time in [until, spare].into_iter().flatten() {
                prop_assert!(time > at(now) && time <= at(now + MONTH));
            }
            prop_assert!(until.is_none() || spare.is_none());
            if let Some(until) = until {
                let blamed = |(name, (minute, used, reset)): (&&str, &(i64, Option<f64>, Option<i64>))| {
                    let told = reset.filter(|reset| reset - minute <= MONTH).unwrap_or(minute + 300);
                    *name != "seven_day_opus" && *used >= Some(1.0) && at(told) == until
                };
                prop_assert!(newest.iter().any(blamed), "nobody said so");
                // When it is over nothing holds any more but what ends later, and nothing does.
                prop_assert_eq!(ledger.exhausted_until("claude", until), None);
            }
        }
    }
}
