//! Which logs go. Pure.

use super::{Limits, Log};
use crate::model::Timestamp;
use crate::model::time::since;

/// What is to be done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// What goes, by its place in the list, the oldest first.
    pub delete: Vec<usize>,
    /// Bytes that are left when it is gone.
    pub left: u64,
}

/// First goes what is too old, then the oldest until the rest is small enough. What is held stays, and counts.
pub fn decide(logs: &[Log], limits: Limits, now: Timestamp) -> Plan {
    let mut free: Vec<usize> = (0..logs.len()).filter(|&place| logs[place].held.is_none()).collect();
    // The path makes the order whole: the same logs go whenever it is asked.
    free.sort_by(|&a, &b| key(&logs[a]).cmp(&key(&logs[b])));
    let mut delete = Vec::new();
    let mut left = total(logs);
    for place in free {
        let log = &logs[place];
        // A time in the future is no age.
        let is_old = limits.keep.is_some_and(|keep| since(log.modified, now) > keep);
        let is_much = limits.bytes.is_some_and(|most| left > u128::from(most));
        if is_old || is_much {
            delete.push(place);
            left -= u128::from(log.bytes);
        }
    }
    Plan { delete, left: u64::try_from(left).unwrap_or(u64::MAX) }
}

fn key(log: &Log) -> (Timestamp, super::Kind, u64, &std::path::Path) {
    (log.modified, log.kind, log.id, &log.path)
}

fn total(logs: &[Log]) -> u128 {
    logs.iter().map(|log| u128::from(log.bytes)).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::super::{Held, Kind};
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn log(id: u64, modified: i64, bytes: u64, held: Option<Held>) -> Log {
        Log { kind: Kind::Try, id, path: format!("try-{id}.log").into(), bytes, modified: at(modified), held }
    }

    fn limits(seconds: Option<u64>, bytes: Option<u64>) -> Limits {
        Limits { keep: seconds.map(Duration::from_secs), bytes }
    }

    #[test]
    fn the_oldest_go_first_and_what_is_held_stays() {
        let logs = [
            log(0, 300, 10, None),
            log(1, 100, 10, Some(Held::Resumable)),
            log(2, 200, 10, None),
            log(3, 400, 10, Some(Held::Running)),
            log(4, 9000, 10, None),
        ];
        let table: [(Limits, &[usize], u64); 10] = [
            (limits(None, None), &[], 50),
            (limits(Some(1000), None), &[], 50),
            (limits(Some(800), None), &[], 50),
            (limits(Some(799), None), &[2], 40),
            (limits(Some(0), None), &[2, 0], 30),
            (limits(None, Some(50)), &[], 50),
            (limits(None, Some(49)), &[2], 40),
            (limits(None, Some(30)), &[2, 0], 30),
            (limits(None, Some(0)), &[2, 0, 4], 20),
            (limits(Some(799), Some(31)), &[2, 0], 30),
        ];
        for (limits, delete, left) in table {
            assert_eq!(decide(&logs, limits, at(1000)), Plan { delete: delete.to_vec(), left }, "{limits:?}");
        }
    }

    fn any_log() -> impl Strategy<Value = (i64, u64, usize)> {
        (0i64..2000, prop_oneof![0u64..1000, Just(u64::MAX)], 0usize..6)
    }

    proptest! {
        #[test]
        fn limits_hold_and_nothing_held_goes(
            drawn in prop::collection::vec(any_log(), 0..40),
            seconds in prop::option::of(0u64..2000),
            bytes in prop::option::of(0u64..20_000),
        ) {
            let now = at(1500);
            let limits = limits(seconds, bytes);
            let logs: Vec<Log> = (0u64..)
                .zip(drawn)
                .map(|(id, (modified, bytes, held))| {
                    let held = [Held::Running, Held::Resumable, Held::Newest].get(held).copied();
                    log(id, modified, bytes, held)
                })
                .collect();
            let plan = decide(&logs, limits, now);
            let goes = |place: usize| plan.delete.contains(&place);
            prop_assert!(plan.delete.iter().all(|&place| logs[place].held.is_none()));
            prop_assert!(plan.delete.windows(2).all(|two| logs[two[0]].modified <= logs[two[1]].modified));
            let rest: Vec<Log> = (0..logs.len()).filter(|&p| !goes(p)).map(|p| logs[p].clone()).collect();
            // Nothing that stays, and could have gone, is older than what went.
            for &gone in &plan.delete {
                prop_assert!(rest.iter().filter(|log| log.held.is_none()).all(|log| log.modified >= logs[gone].modified));
            }
            if let Some(keep) = limits.keep {
                prop_assert!(rest.iter().all(|log| log.held.is_some() || since(log.modified, now) <= keep));
            }
            if let Some(most) = limits.bytes {
                prop_assert!(total(&rest) <= u128::from(most) || rest.iter().all(|log| log.held.is_some()));
            }
            // No more than it takes: without the last that went, a limit would not hold.
            if let Some(&last) = plan.delete.last() {
                let is_old = limits.keep.is_some_and(|keep| since(logs[last].modified, now) > keep);
                let with_it = total(&rest) + u128::from(logs[last].bytes);
                prop_assert!(is_old || limits.bytes.is_some_and(|most| with_it > u128::from(most)));
            }
            prop_assert_eq!(decide(&rest, limits, now).delete, Vec::<usize>::new());
        }
    }
}
