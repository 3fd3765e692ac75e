//! How full the windows of the accounts are: a ledger that grows by what CLIs tell while they work.

use std::collections::BTreeMap;
use std::time::Duration;

use super::jsonl::{Durability, append, read_all};
use super::records::{QuotaRecord, RECORD_VERSION};
use super::{Reader, Shared, Store, StoreError, files};
use crate::model::time;

/// Lines after which the file is rewritten with what still counts.
const MOST_LINES: usize = 200;

/// What is told again within this time is not written again: a CLI may tell after every answer.
const SAME: Duration = Duration::from_secs(60);

impl Store {
    /// Remembers what was told about an account's windows.
    pub fn append_quota(&mut self, record: QuotaRecord) -> Result<(), StoreError> {
        Shared::lock(&self.layout)?.append_quota(record)
    }
}

impl Reader {
    /// What is known about the windows of all accounts, oldest first.
    pub fn quota_records(&self) -> Result<Vec<QuotaRecord>, StoreError> {
        Ok(read_all(&self.layout().quota())?.0)
    }
}

impl Shared<'_> {
    /// Remembers what was told about an account's windows; what is no news is dropped.
    pub fn append_quota(&self, mut record: QuotaRecord) -> Result<(), StoreError> {
        record.v = RECORD_VERSION;
        let path = self.layout().quota();
        self.repair(&path)?;
        let (mut records, _) = read_all(&path)?;
        if is_known(&records, &record) {
            return Ok(());
        }
        append(&path, &record, Durability::Cached)?;
        records.push(record);
        if records.len() > MOST_LINES {
            // The record is stored; a file that stays long for now is no failure.
            let _ = self.rewrite(&path, standing(records));
        }
        Ok(())
    }

    /// Forgets all windows.
    pub(super) fn forget_quota(&self) -> Result<(), StoreError> {
        files::remove(&self.layout().quota())
    }
}

/// Whether every window of a record was told just so, by the same CLI, within the last minute.
fn is_known(records: &[QuotaRecord], record: &QuotaRecord) -> bool {
    let newest = newest(records.iter().filter(|known| known.scope == record.scope));
    if record.windows.is_empty() {
        return newest.is_empty();
    }
    record.windows.iter().all(|window| {
        let known = newest.get(&(record.scope.as_str(), window.name.as_str()));
        known.is_some_and(|(_, known)| {
            let told = known.windows.iter().rfind(|known| known.name == window.name);
            // After a clock was set back nothing is recent.
            let is_recent = known.at <= record.at && time::since(known.at, record.at) < SAME;
            is_recent && known.source == record.source && told == Some(window)
        })
    })
}

/// The newest record of every window, with its place, by scope and name. A record without windows voids its scope.
fn newest<'r>(
    records: impl Iterator<Item = &'r QuotaRecord>,
) -> BTreeMap<(&'r str, &'r str), (usize, &'r QuotaRecord)> {
    let mut newest = BTreeMap::new();
    for (place, record) in records.enumerate() {
        if record.windows.is_empty() {
            newest.retain(|(scope, _), _| *scope != record.scope);
        }
        for window in &record.windows {
            newest.insert((record.scope.as_str(), window.name.as_str()), (place, record));
        }
    }
    newest
}

/// The records with the windows that no newer record supersedes, oldest first.
fn standing(records: Vec<QuotaRecord>) -> Vec<QuotaRecord> {
    let newest = newest(records.iter());
    let stands = |place: usize, scope: &str, name: &str| {
        newest.get(&(scope, name)).is_some_and(|(newest, _)| *newest == place)
    };
    let standing = records.iter().enumerate().filter_map(|(place, record)| {
        let windows = record.windows.iter().filter(|window| stands(place, &record.scope, &window.name));
        let record = QuotaRecord { windows: windows.cloned().collect(), ..record.clone() };
        (!record.windows.is_empty()).then_some(record)
    });
    standing.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{QuotaWindow, Timestamp};
    use crate::store::Layout;
    use pretty_assertions::assert_eq;
    use proptest::prelude::*;

    fn record(second: i64, scope: &str, windows: &[(&str, f64)]) -> QuotaRecord {
        let window =
            |(name, used): &(&str, f64)| QuotaWindow { used: Some(*used), ..QuotaWindow::named(name) };
        QuotaRecord {
            v: RECORD_VERSION,
            scope: scope.to_owned(),
            source: "claude".to_owned(),
            at: Timestamp::from_second(1_795_000_000 + second).unwrap(),
            try_id: Some(1),
            windows: windows.iter().map(window).collect(),
        }
    }

    fn workspace() -> (tempfile::TempDir, Layout) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path(), &folder.path().join("data")).unwrap();
        (folder, layout)
    }

    fn stored(layout: &Layout) -> Vec<QuotaRecord> {
        Reader::new(layout.clone()).quota_records().unwrap()
    }

    #[test]
    fn what_is_told_again_is_written_once_a_minute() {
        let (_folder, layout) = workspace();
        let shared = Shared::lock(&layout).unwrap();
        let told = [
            (record(0, "a", &[("five_hour", 0.5), ("seven_day", 0.2)]), true),
            (record(1, "a", &[("five_hour", 0.5), ("seven_day", 0.2)]), false),
            (record(2, "a", &[("seven_day", 0.2)]), false),
            (record(2, "b", &[("seven_day", 0.2)]), true),
            (record(3, "a", &[("five_hour", 0.6), ("seven_day", 0.2)]), true),
            (record(4, "a", &[("five_hour", 0.5), ("seven_day", 0.2)]), true),
            (QuotaRecord { source: "work".into(), ..record(5, "a", &[("five_hour", 0.5)]) }, true),
            (QuotaRecord { source: "work".into(), ..record(64, "a", &[("five_hour", 0.5)]) }, false),
            (QuotaRecord { source: "work".into(), ..record(65, "a", &[("five_hour", 0.5)]) }, true),
            // The clock was set back.
            (QuotaRecord { source: "work".into(), ..record(7, "a", &[("five_hour", 0.5)]) }, true),
            // It is forgotten, which is no news where nothing is known.
            (record(8, "a", &[]), true),
            (record(9, "a", &[]), false),
            (record(9, "c", &[]), false),
            (QuotaRecord { source: "work".into(), ..record(10, "a", &[("five_hour", 0.5)]) }, true),
        ];
        for (told, _) in &told {
            shared.append_quota(told.clone()).unwrap();
        }
        let expected: Vec<_> = told.into_iter().filter(|(_, kept)| *kept).map(|(told, _)| told).collect();
        assert_eq!(stored(&layout), expected);
    }

    #[test]
    fn the_file_stays_short_and_loses_nothing_that_counts() {
        let (_folder, layout) = workspace();
        let shared = Shared::lock(&layout).unwrap();
        let first = record(0, "quiet", &[("five_hour", 1.0)]);
        shared.append_quota(first.clone()).unwrap();
        let last = record(1000, "busy", &[("five_hour", 1000.0)]);
        for second in 1..=1000 {
            shared.append_quota(record(second, "busy", &[("five_hour", second as f64)])).unwrap();
        }
        let kept = stored(&layout);
        assert!(kept.len() <= MOST_LINES, "{}", kept.len());
        assert_eq!((kept.first(), kept.last()), (Some(&first), Some(&last)));
    }

    // 50-R11
    #[test]
    fn torn_and_bad_lines_cost_themselves() {
        let (_folder, layout) = workspace();
        let shared = Shared::lock(&layout).unwrap();
        let (one, two) = (record(0, "a", &[("five_hour", 0.5)]), record(1, "a", &[("five_hour", 0.7)]));
        shared.append_quota(one.clone()).unwrap();
        let mut text = std::fs::read_to_string(layout.quota()).unwrap();
        text += "{\"scope\":7}\n{\"scope\":\"a\",\"at\":";
        std::fs::write(layout.quota(), text).unwrap();
        shared.append_quota(two.clone()).unwrap();
        assert_eq!(stored(&layout), [one, two]);
    }

    proptest! {
        #[test]
        fn what_is_left_out_is_superseded(told in prop::collection::vec((0..3usize, 0..4usize), 0..60)) {
            const WINDOWS: [&[(&str, f64)]; 4] = [
                &[("five_hour", 0.5)], &[("seven_day", 0.5)], &[("five_hour", 1.0), ("seven_day", 0.2)], &[],
            ];
            let records: Vec<QuotaRecord> = told.iter().enumerate().map(|(second, (scope, windows))| {
                record(second as i64, ["a", "b", "c"][*scope], WINDOWS[*windows])
            }).collect();
            let effective = |records: &[QuotaRecord]| -> BTreeMap<(String, String), (Timestamp, QuotaWindow)> {
                let mut known = BTreeMap::new();
                for record in records {
                    if record.windows.is_empty() {
                        known.retain(|(scope, _), _| *scope != record.scope);
                    }
                    for window in &record.windows {
                        known.insert((record.scope.clone(), window.name.clone()), (record.at, window.clone()));
                    }
                }
                known
            };
            let kept = standing(records.clone());
            prop_assert_eq!(effective(&kept), effective(&records));
            prop_assert_eq!(kept.iter().map(|record| record.windows.len()).sum::<usize>(), effective(&kept).len());
        }
    }
}
