//! Counting the runs of a relay by verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::event::Tally;
use crate::model::Outcome;
use crate::store::records::TryRecord;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Failed,
    Cancelled,
    Passed,
}

/// One verdict per run: a success beats a cancellation, which beats a failure. `cancelled` are runs that
/// were stopped between two tries.
pub fn count(
    tries: impl IntoIterator<Item = TryRecord>,
    cancelled: &BTreeSet<u64>,
    duration: Duration,
    complete: bool,
) -> Tally {
    let mut runs: BTreeMap<u64, Verdict> = BTreeMap::new();
    for record in tries {
        let verdict = match record.outcome {
            Some(outcome) if outcome.is_success() => Verdict::Passed,
            None if record.completed => Verdict::Passed,
            Some(Outcome::Cancelled | Outcome::Paused) => Verdict::Cancelled,
            _ if cancelled.contains(&record.run_id) => Verdict::Cancelled,
            _ => Verdict::Failed,
        };
        let known = runs.entry(record.run_id).or_insert(verdict);
        *known = verdict.max(*known);
    }
    let of = |wanted| runs.values().filter(|verdict| **verdict == wanted).count();
    Tally {
        runs: runs.len(),
        passed: of(Verdict::Passed),
        failed: of(Verdict::Failed),
        cancelled: of(Verdict::Cancelled),
        duration,
        complete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(run_id: u64, outcome: Option<Outcome>) -> TryRecord {
        let text = format!(
            r#"{{"id":1,"run_id":{run_id},"relay_id":1,"agent_type":"claude","completed":false,
                "started_at":"2026-11-23T06:00:00Z","ended_at":"2026-11-23T06:00:00Z","attempt_number":1}}"#
        );
        TryRecord { outcome, ..serde_json::from_str(&text).unwrap() }
    }

    // 30-179
    #[test]
    fn one_verdict_per_run() {
        let tries = [
            record(1, Some(Outcome::Failed)),
            record(1, Some(Outcome::Completed)),
            record(2, Some(Outcome::Failed)),
            record(2, Some(Outcome::Failed)),
            record(3, Some(Outcome::Cancelled)),
            record(4, Some(Outcome::Cancelled)),
            record(4, Some(Outcome::HandoffRequested)),
            record(5, Some(Outcome::Failed)),
        ];
        let tally = count(tries, &BTreeSet::from([5]), Duration::ZERO, true);
        assert_eq!((tally.runs, tally.passed, tally.failed, tally.cancelled), (5, 2, 1, 2));
    }

    #[test]
    fn nothing_counts_as_nothing() {
        assert_eq!(count([], &BTreeSet::new(), Duration::ZERO, false), Tally::default());
    }
}
