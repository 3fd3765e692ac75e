//! Open slots lend their turn to the one whose budget is lost soonest. Rows of what is known and what happens.

use std::collections::BTreeMap;

use super::Verdict::{Failed, FailedTerminally, Passed};
use super::*;
use crate::model::Runner;

/// A lane of `a`, `b`, `c` …, with quotas by index; a slot without one is open.
fn lane(quotas: &[Option<u32>]) -> Scheduler {
    let slot = |(name, quota): (&str, &Option<u32>)| Slot {
        text: name.to_owned(),
        members: vec![Member { text: name.to_owned(), runner: Runner::bare(name), explicit: false }],
        quota: quota.map_or(Quota::Open, Quota::Exactly),
    };
    Scheduler::new(["a", "b", "c", "d"].into_iter().zip(quotas).map(slot).collect())
}

/// What is known of the budgets: the second at which each is lost.
type Spare = BTreeMap<&'static str, i64>;

fn ask(scheduler: &mut Scheduler, spare: &Spare, benched: &[&str]) -> Pick {
    scheduler.next(|member| {
        let name = member.runner.harness.as_str();
        let away = Health::Unavailable { until: Timestamp::from_second(1000).ok() };
        Seen {
            model: None,
            health: if benched.contains(&name) { away } else { Health::Ready },
            spare: spare.get(name).and_then(|second| Timestamp::from_second(*second).ok()),
        }
    })
}

/// Does runs; each is the one expected to be picked, and how it ends.
#[track_caller]
fn runs(scheduler: &mut Scheduler, spare: &Spare, expected: &[(&str, Verdict)]) {
    for (index, (name, verdict)) in expected.iter().enumerate() {
        let pick = ask(scheduler, spare, &[]);
        let Pick::Run(turn) = pick else { panic!("run {index}: wanted {name}, got {pick:?}") };
        assert_eq!(scheduler.member(turn).runner.harness, *name, "run {index}");
        assert_eq!(ask(scheduler, spare, &[]), pick, "run {index}: asking twice changes nothing");
        let stored = serde_json::to_value(scheduler.position()).unwrap();
        let mut restored = Scheduler::restore(scheduler.slots().to_vec(), Some(&stored));
        assert_eq!(ask(&mut restored, spare, &[]), pick, "run {index}: a restart changes nothing");
        scheduler.record(turn, *verdict);
    }
}

const OPEN: Option<u32> = None;

#[test]
fn the_budget_that_is_lost_soonest_is_used_first() {
    let rows: [(&[(&str, i64)], &str); 7] = [
        (&[], "a"),
        (&[("b", 50)], "b"),
        (&[("a", 50), ("b", 40), ("c", 30)], "c"),
        (&[("a", 50), ("b", 60)], "a"),
        // It makes no difference: whose turn it is, then the order of the lane.
        (&[("a", 50), ("b", 50), ("c", 50)], "a"),
        (&[("b", 50), ("c", 50)], "b"),
        (&[("a", 60), ("b", 50), ("c", 50)], "b"),
    ];
    for (spare, name) in rows {
        let spare = spare.iter().copied().collect();
        runs(&mut lane(&[OPEN; 3]), &spare, &[(name, Passed), (name, Passed)]);
    }
}

#[test]
fn a_window_that_begins_anew_hands_the_turn_over() {
    let mut scheduler = lane(&[OPEN; 2]);
    runs(&mut scheduler, &Spare::from([("a", 50), ("b", 40)]), &[("b", Passed)]);
    runs(&mut scheduler, &Spare::from([("a", 50), ("b", 90)]), &[("a", Passed)]);
    runs(&mut scheduler, &Spare::from([("a", 99), ("b", 90)]), &[("b", Passed)]);
    runs(&mut scheduler, &Spare::new(), &[("a", Passed)]);
}

#[test]
fn who_fails_with_a_lent_turn_waits_for_everybody_else() {
    for verdict in [Failed, FailedTerminally] {
        let mut scheduler = lane(&[OPEN; 3]);
        let spare = Spare::from([("c", 40)]);
        runs(&mut scheduler, &spare, &[("c", verdict), ("a", Passed), ("a", Failed), ("b", Failed)]);
        assert_eq!(ask(&mut scheduler, &spare, &[]), Pick::Wrap);
        scheduler.wrap();
        runs(&mut scheduler, &spare, &[(if verdict == Failed { "c" } else { "a" }, Passed)]);
    }
}

#[test]
fn a_cycle_that_begins_without_a_back_off_lets_nobody_jump_the_queue() {
    let mut scheduler = lane(&[OPEN, Some(1), OPEN]);
    let spare = Spare::from([("c", 40)]);
    assert_eq!(ask(&mut scheduler, &spare, &["a", "c"]), Pick::Run(Turn { slot: 1, member: 0 }));
    scheduler.record(Turn { slot: 1, member: 0 }, Passed);
    assert_eq!(ask(&mut scheduler, &spare, &["a"]), Pick::Run(Turn { slot: 2, member: 0 }));
    scheduler.record(Turn { slot: 2, member: 0 }, Failed);
    // Slot a is back, so the next cycle begins at once; it does not begin with who has just failed.
    runs(&mut scheduler, &spare, &[("a", Passed), ("a", Failed), ("b", Passed), ("c", Passed)]);
}

#[test]
fn a_quota_is_never_lent_and_never_passed_over() {
    let spare = Spare::from([("b", 40), ("c", 30), ("d", 20)]);
    let mut scheduler = lane(&[Some(2), OPEN, Some(1), OPEN]);
    runs(
        &mut scheduler,
        &spare,
        &[
            ("a", Passed),
            ("a", Passed),
            ("d", Failed),
            ("b", Passed),
            ("b", Failed),
            ("c", Passed),
            // Somebody works, so the next cycle begins at once.
            ("a", Passed),
            ("a", Passed),
            // Who failed waits for its own turn.
            ("b", Passed),
            ("b", Failed),
            ("c", Passed),
            ("d", Passed),
            ("d", Passed),
        ],
    );
}

#[test]
fn nobody_borrows_who_cannot_run() {
    let spare = Spare::from([("b", 40), ("c", 50)]);
    let mut scheduler = lane(&[OPEN; 3]);
    assert_eq!(ask(&mut scheduler, &spare, &["b"]), Pick::Run(Turn { slot: 2, member: 0 }));
    assert_eq!(ask(&mut scheduler, &spare, &["b", "c"]), Pick::Run(Turn { slot: 0, member: 0 }));
    assert_eq!(ask(&mut scheduler, &spare, &["a", "c"]), Pick::Run(Turn { slot: 1, member: 0 }));
    let until = Timestamp::from_second(1000).unwrap();
    assert_eq!(ask(&mut scheduler, &spare, &["a", "b", "c"]), Pick::Wait { until });
}

/// What versions wrote that knew of no lending.
#[test]
fn an_older_position_is_read() {
    let mut scheduler = lane(&[OPEN, OPEN, Some(1)]);
    runs(&mut scheduler, &Spare::new(), &[("a", Failed), ("b", Passed)]);
    let roster = serde_json::to_value(scheduler.position()).unwrap()["roster"].take();
    let mut older = serde_json::json!({
        "roster": null, "current": 1,
        "slots": {
            "0": { "idle": true, "members": { "0": { "": { "out": "failed" } } } },
            "1": { "runs": 1 },
        },
    });
    older["roster"] = roster;
    let mut restored = Scheduler::restore(scheduler.slots().to_vec(), Some(&older));
    runs(&mut restored, &Spare::from([("a", 10)]), &[("b", Passed)]);
}
