//! Counting the runs of a relay by verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::event::Tally;
use crate::model::Outcome;
use crate::store::records::TryRecord;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Failed,
    Cancelled,
    Passed,
}

/// One verdict per run: a success beats everything, otherwise the newest try decides, whatever order they come in. A
/// pause decides nothing unless it is the last that happened. `cancelled` are runs that were stopped between two tries.
pub fn count(
    tries: impl IntoIterator<Item = TryRecord>,
    cancelled: &BTreeSet<u64>,
    duration: Duration,
    complete: bool,
) -> Tally {
    let mut runs: BTreeMap<u64, (u64, Verdict)> = BTreeMap::new();
    for record in tries {
        let verdict = match record.outcome {
            Some(outcome) if outcome.is_success() => Verdict::Passed,
            None if record.completed => Verdict::Passed,
            Some(Outcome::Cancelled | Outcome::Paused) => Verdict::Cancelled,
            _ if cancelled.contains(&record.run_id) => Verdict::Cancelled,
            _ => Verdict::Failed,
        };
        let known = runs.entry(record.run_id).or_insert((record.id, verdict));
        if known.1 != Verdict::Passed && (verdict == Verdict::Passed || record.id > known.0) {
            *known = (record.id, verdict);
        }
    }
    let of = |wanted| runs.values().filter(|(_, verdict)| *verdict == wanted).count();
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

    fn record(id: u64, run_id: u64, outcome: Option<Outcome>) -> TryRecord {
        let text = format!(
            r#"{{"id":{id},"run_id":{run_id},"relay_id":1,"agent_type":"claude","completed":false,
                "started_at":"2026-11-23T06:00:00Z","ended_at":"2026-11-23T06:00:00Z","attempt_number":1}}"#
        );
        TryRecord { outcome, ..serde_json::from_str(&text).unwrap() }
    }

    // 30-179
    #[test]
    fn one_verdict_per_run() {
        use Outcome::{Cancelled, Completed, Failed, HandoffRequested, Paused};
        // The tries of a run, whether it was stopped after them, and how many are passed, failed and cancelled.
        let rows: [(&[Outcome], bool, [usize; 3]); 10] = [
            (&[Failed, Completed], false, [1, 0, 0]),
            (&[Completed, Failed], false, [1, 0, 0]),
            (&[Failed, Failed], false, [0, 1, 0]),
            (&[Cancelled], false, [0, 0, 1]),
            (&[Cancelled, HandoffRequested], false, [1, 0, 0]),
            (&[Cancelled, Failed], false, [0, 1, 0]),
            (&[Failed], true, [0, 0, 1]),
            (&[Failed, Paused], false, [0, 0, 1]),
            (&[Paused, Failed], false, [0, 1, 0]),
            (&[Paused, Paused, Completed], false, [1, 0, 0]),
        ];
        for (outcomes, stopped, expected) in rows {
            let mut tries: Vec<TryRecord> =
                outcomes.iter().zip(1..).map(|(outcome, id)| record(id, 7, Some(*outcome))).collect();
            let cancelled = BTreeSet::from_iter(stopped.then_some(7));
            for _ in 0..2 {
                let tally = count(tries.clone(), &cancelled, Duration::ZERO, true);
                let told = [tally.passed, tally.failed, tally.cancelled];
                assert_eq!((tally.runs, told), (1, expected), "{outcomes:?}");
                tries.reverse();
            }
        }
        let tries = [record(1, 1, Some(Failed)), record(2, 2, Some(Completed)), record(3, 2, Some(Failed))];
        let tally = count(tries, &BTreeSet::new(), Duration::ZERO, true);
        assert_eq!((tally.runs, tally.passed, tally.failed, tally.cancelled), (2, 1, 1, 0));
    }

    #[test]
    fn nothing_counts_as_nothing() {
        assert_eq!(count([], &BTreeSet::new(), Duration::ZERO, false), Tally::default());
    }
}
