//! Walks over small lanes; `10-S` facts are named beside them.

use std::cell::RefCell;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::Verdict::{Failed, FailedTerminally, Passed, Skipped};
use super::*;
use crate::model::Runner;
use crate::routing::Entry;

/// A lane whose runners are called a, b, c … and whose health a test sets.
struct Walk {
    scheduler: Scheduler,
    health: RefCell<BTreeMap<String, Health>>,
}

fn lane(quotas: &[&str]) -> Vec<Slot> {
    let names = ["a", "b", "c", "d", "e", "f"];
    quotas
        .iter()
        .zip(names)
        .map(|(quota, name)| {
            let text = if quota.is_empty() { name.to_owned() } else { format!("{name}:{quota}") };
            let entry = Entry::parse(&text).unwrap();
            let member = Member { text: text.clone(), runner: Runner::bare(name), explicit: false };
            Slot { text, members: vec![member], quota: entry.quota }
        })
        .collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn walk(quotas: &[&str]) -> Walk {
    Walk { scheduler: Scheduler::new(lane(quotas)), health: RefCell::default() }
}

impl Walk {
    fn bench(&self, name: &str, until: Option<i64>) {
        self.health.borrow_mut().insert(name.to_owned(), Health::Unavailable { until: until.map(at) });
    }

    fn recover(&self, name: &str) {
        self.health.borrow_mut().remove(name);
    }

    fn pick(&mut self) -> Pick {
        let health = self.health.borrow();
        self.scheduler.next(|member| health.get(&member.runner.harness).copied().unwrap_or(Health::Ready))
    }

    /// Picks, expects that entry, and records a verdict.
    #[track_caller]
    fn run(&mut self, name: &str, verdict: Verdict) {
        let pick = self.pick();
        let Pick::Run(turn) = pick else { panic!("wanted {name}, got {pick:?}") };
        assert_eq!(self.scheduler.member(turn).runner.harness, name);
        assert_eq!(self.pick(), pick, "asking twice changes nothing");
        self.scheduler.record(turn, verdict);
    }

    #[track_caller]
    fn passes(&mut self, names: &str) {
        for name in names.split(' ') {
            self.run(name, Passed);
        }
    }
}

#[test]
fn entries_take_turns_by_their_quotas() {
    for (quotas, runs) in [
        (&["1", "1", "1"][..], "a b c a b c a"), // 10-O8
        (&["1", "2", "3"], "a b b c c c a b b"), // 10-S10
        (&["1", "3", ""], "a b b b c c c c c"),  // 10-S2
        (&["", ""], "a a a a"),                  // 10-S1
        (&[""], "a a a"),                        // 10-S8
        (&["2"], "a a a a a"),                   // 10-S8
        (&["1"], "a a a"),                       // 10-O9
        (&["2-4", "1"], "a a b a a b"),
        (&["2-4"], "a a a a a a a"),
        (&["1", "1"], "a b a b"), // 30-11
    ] {
        walk(quotas).passes(runs);
    }
}

// 10-S12
#[test]
fn the_cycle_is_counted() {
    let mut walk = walk(&["1", "1"]);
    walk.passes("a b");
    assert_eq!(walk.scheduler.position().cycle, 0);
    walk.passes("a");
    assert_eq!(walk.scheduler.position().cycle, 1);
}

// 10-S1
#[test]
fn a_recovered_entry_is_next_after_the_last_fails() {
    let mut walk = walk(&["", "", ""]);
    walk.passes("a");
    walk.bench("a", Some(60));
    walk.passes("b");
    walk.run("b", Failed);
    walk.passes("c");
    walk.recover("a");
    walk.run("c", Failed);
    walk.passes("a");
}

// 10-S2, the end
#[test]
fn after_a_failing_open_entry_the_first_comes_again() {
    let mut walk = walk(&["1", "3", ""]);
    walk.passes("a b b b c");
    walk.run("c", Failed);
    walk.passes("a");
}

// 10-S3
#[test]
fn an_early_failure_ends_a_quota() {
    let mut walk = walk(&["5", "1"]);
    walk.run("a", Failed);
    walk.passes("b a a a a a b");
    walk.run("a", Skipped);
    walk.passes("b");
}

// 10-S4; ours waits for the first that comes back
#[test]
fn all_benched_is_a_wait_for_the_earliest() {
    let mut walk = walk(&["1", "1", "1"]);
    for (name, until) in [("a", Some(300)), ("b", Some(60)), ("c", None)] {
        walk.bench(name, until);
    }
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
    walk.recover("b");
    walk.passes("b b b");
}

// 10-S5, S14: a failure that benched the runner is forgiven when the bench ends
#[test]
fn a_recovered_entry_starts_with_a_fresh_quota() {
    let mut walk = walk(&["2", "2"]);
    walk.passes("a");
    walk.run("a", Failed);
    walk.bench("a", Some(60));
    walk.passes("b");
    walk.recover("a");
    walk.passes("b a a b b");
}

// 10-S6
#[test]
fn a_range_stretches_to_its_maximum_while_the_others_are_out() {
    let mut walk = walk(&["3", "3", "1-5"]);
    walk.passes("a");
    walk.bench("a", Some(60));
    walk.passes("b");
    walk.bench("b", Some(90));
    walk.passes("c c c c c");
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
    walk.recover("a");
    walk.passes("a a a");
}

// 10-S9
#[test]
fn a_range_behind_a_benched_entry_stops_at_its_maximum() {
    let mut walk = walk(&["1", "2-4"]);
    walk.bench("a", Some(60));
    walk.passes("b b b b");
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
}

#[test]
fn a_range_whose_others_are_out_for_good_begins_again() {
    let mut walk = walk(&["1", "2-4", "1"]);
    walk.run("a", FailedTerminally);
    walk.bench("c", None);
    walk.passes("b b b b b b b b b");
}

// 10-S7, D43. Deviation: failures without a bench wrap around with a back-off instead of ending the lane.
#[test]
fn when_all_failed_the_cycle_begins_again() {
    let mut walk = walk(&["", ""]);
    walk.passes("a");
    walk.run("a", Failed);
    walk.run("b", Failed);
    assert_eq!(walk.pick(), Pick::Wrap);
    assert_eq!(walk.pick(), Pick::Wrap);
    walk.scheduler.wrap();
    walk.passes("a a");
}

#[test]
fn a_terminal_failure_stays_out_for_the_pass() {
    let mut walk = walk(&["1", "1"]);
    walk.run("a", FailedTerminally);
    walk.passes("b b b");
    walk.run("b", Failed);
    assert_eq!(walk.pick(), Pick::Wrap);
    walk.scheduler.wrap();
    walk.run("b", FailedTerminally);
    assert_eq!(walk.pick(), Pick::Unavailable);
    walk.bench("a", Some(60));
    assert_eq!(walk.pick(), Pick::Unavailable, "the end of its bench would not help");
    walk.recover("a");
    walk.scheduler.new_pass();
    walk.passes("b a b");
}

#[test]
fn what_failed_and_is_benched_is_waited_for() {
    let mut walk = walk(&["1", "1"]);
    walk.run("a", Failed);
    walk.bench("a", Some(60));
    walk.run("b", FailedTerminally);
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
    walk.bench("a", None);
    assert_eq!(walk.pick(), Pick::Unavailable);
    walk.recover("a");
    walk.passes("a a");
}

// 10-S11
#[test]
fn an_empty_lane_has_nobody() {
    assert_eq!(walk(&[]).pick(), Pick::Unavailable);
}

// D15
#[test]
fn a_stored_position_goes_on_where_it_stood() {
    let mut before = walk(&["1", "1", "1"]);
    before.passes("a");
    // b is picked and interrupted: no verdict.
    assert_eq!(before.pick(), Pick::Run(Turn { slot: 1, member: 0 }));
    let stored = serde_json::to_value(before.scheduler.position()).unwrap();
    let mut after = walk(&[]);
    after.scheduler = Scheduler::restore(lane(&["1", "1", "1"]), Some(&stored));
    after.passes("b c a");
}

#[test]
fn a_position_that_does_not_fit_is_as_good_as_none() {
    let mut before = walk(&["1", "1", "1"]);
    before.passes("a b");
    let stored = serde_json::to_value(before.scheduler.position()).unwrap();
    let mut broken = stored.clone();
    broken["current"] = 7.into();
    for (quotas, position) in [
        (&["1", "2", "1"][..], Some(&stored)),
        (&["1", "1"], Some(&stored)),
        (&["1", "1", "1"], Some(&broken)),
        (&["1", "1", "1"], Some(&serde_json::Value::Null)),
        (&["1", "1", "1"], None),
    ] {
        let mut after = walk(&[]);
        after.scheduler = Scheduler::restore(lane(quotas), position);
        after.passes("a b");
    }
}

/// What happens before and after a pick.
#[derive(Debug, Clone)]
struct Step {
    health: Vec<Health>,
    verdict: Verdict,
}

fn steps(entries: usize) -> impl Strategy<Value = Vec<Step>> {
    let health = prop_oneof![
        4 => Just(Health::Ready),
        1 => (1i64..100).prop_map(|until| Health::Unavailable { until: Some(at(until)) }),
        1 => Just(Health::Unavailable { until: None }),
    ];
    let verdict =
        prop_oneof![5 => Just(Passed), 2 => Just(Failed), 1 => Just(Skipped), 1 => Just(FailedTerminally)];
    let step = (proptest::collection::vec(health, entries), verdict)
        .prop_map(|(health, verdict)| Step { health, verdict });
    proptest::collection::vec(step, 0..40)
}

fn any_lane() -> impl Strategy<Value = (Vec<String>, Vec<Step>)> {
    proptest::collection::vec("|[1-3]|[1-2]-[3-5]", 1..6).prop_flat_map(|quotas| {
        let entries = quotas.len();
        (Just(quotas), steps(entries))
    })
}

fn strs(quotas: &[String]) -> Vec<&str> {
    quotas.iter().map(String::as_str).collect()
}

proptest! {
    #[test]
    fn a_restart_between_any_two_steps_changes_no_decision((quotas, steps) in any_lane()) {
        let entries = lane(&strs(&quotas));
        let mut whole = Scheduler::new(entries.clone());
        let mut broken = Scheduler::new(entries.clone());
        let mut terminal = vec![false; entries.len()];
        for step in steps {
            let health = |member: &Member| {
                step.health[entries.iter().position(|slot| slot.text == member.text).unwrap()]
            };
            let pick = whole.next(health);
            let stored = serde_json::to_value(broken.position()).unwrap();
            broken = Scheduler::restore(entries.clone(), Some(&stored));
            prop_assert_eq!(pick, broken.next(health));
            prop_assert_eq!(pick, whole.next(health), "asking twice changes nothing");
            match pick {
                Pick::Run(turn) => {
                    let index = turn.slot;
                    prop_assert_eq!(step.health[index], Health::Ready);
                    prop_assert!(!terminal[index]);
                    terminal[index] = step.verdict == FailedTerminally;
                    whole.record(turn, step.verdict);
                    broken.record(turn, step.verdict);
                }
                Pick::Wrap => {
                    whole.wrap();
                    broken.wrap();
                    prop_assert!(matches!(whole.next(health), Pick::Run(_)), "a wrap frees somebody");
                    broken.next(health);
                }
                Pick::Wait { .. } | Pick::Unavailable => {
                    // Nobody is left idle who could run and has not failed.
                    for (index, health) in step.health.iter().enumerate() {
                        let capped = matches!(entries[index].quota, Quota::Range { .. });
                        prop_assert!(*health != Health::Ready || terminal[index] || capped);
                    }
                }
            }
        }
    }

    #[test]
    fn with_quotas_nobody_healthy_is_starved(quotas in proptest::collection::vec("[1-4]|[1-2]-[3-5]", 1..6)) {
        let entries = lane(&strs(&quotas));
        let cycle: u32 = entries
            .iter()
            .map(|entry| match entry.quota {
                Quota::Exactly(quota) => quota,
                Quota::Range { min, .. } => if entries.len() == 1 { 1 } else { min },
                Quota::Open => 0,
            })
            .sum();
        let mut scheduler = Scheduler::new(entries.clone());
        for _ in 0..3 {
            let mut seen = vec![0; entries.len()];
            for _ in 0..cycle {
                let Pick::Run(turn) = scheduler.next(|_| Health::Ready) else { panic!() };
                seen[turn.slot] += 1;
                scheduler.record(turn, Passed);
            }
            prop_assert!(seen.iter().all(|runs| *runs > 0), "{seen:?}");
        }
    }
}
