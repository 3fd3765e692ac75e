//! Walks over small lanes; `10-S` facts are named beside them.

use std::cell::RefCell;
use std::collections::BTreeMap;

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
    let text = |(quota, name): (&&str, &str)| match *quota {
        "" => name.to_owned(),
        quota => format!("{name}:{quota}"),
    };
    quotas.iter().zip(names).map(|entry| slot(&text(entry))).collect()
}

/// `a:2`, or `ROLE:2 = a b:3`.
fn slot(text: &str) -> Slot {
    let (text, members) = text.split_once(" = ").unwrap_or((text, text));
    let member = |text: &str| {
        let entry = Entry::parse(text).unwrap();
        Member { text: entry.text, runner: Runner::bare(&entry.identifier.alias), explicit: false }
    };
    let members = members.split(' ').map(member).collect();
    Slot { text: text.to_owned(), members, quota: Entry::parse(text).unwrap().quota }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn walk(quotas: &[&str]) -> Walk {
    over(lane(quotas))
}

fn walk_of(slots: &[&str]) -> Walk {
    over(slots.iter().map(|text| slot(text)).collect())
}

fn over(slots: Vec<Slot>) -> Walk {
    Walk { scheduler: Scheduler::new(slots), health: RefCell::default() }
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
        self.scheduler.next(|member| Seen {
            model: member.runner.model.clone(),
            health: health.get(&member.runner.harness).copied().unwrap_or(Health::Ready),
            spare: None,
        })
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

    /// A new process takes over.
    fn restart(&mut self) {
        let stored = serde_json::to_string(self.scheduler.position()).unwrap();
        let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
        self.scheduler = Scheduler::restore(self.scheduler.slots().to_vec(), Some(&stored));
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
        (&["1", "3", ""], "a b b b c c c c c"),  // 10-S2, 30-135
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

// 10-S1, 30-134
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

// 10-S6, 30-140
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
    assert_eq!(walk.pick(), Pick::Unavailable, "nor does it");
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
    before.restart();
    before.passes("b c a");
}

#[test]
fn a_position_that_does_not_fit_is_as_good_as_none() {
    let mut before = walk(&["1", "1", "1"]);
    before.passes("a b");
    let stored = serde_json::to_value(before.scheduler.position()).unwrap();
    let mut broken = stored.clone();
    broken["current"] = 7.into();
    let mut nobody = stored.clone();
    nobody["slots"]["9"] = serde_json::json!({ "runs": 1 });
    // The slots in full, as they were stored at first
    let mut full = stored.clone();
    full["roster"] = serde_json::json!(["a:1", "b:1", "c:1"]);
    for (quotas, position) in [
        (&["1", "2", "1"][..], Some(&stored)),
        (&["1", "1", "1"], Some(&nobody)),
        (&["1", "1", "1"], Some(&full)),
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

// 10-S13: who ran before is not the rotation's business; it knows who has the turn.
#[test]
fn the_first_pick_has_nobody_before_it() {
    let mut walk = walk(&["1", "1"]);
    assert_eq!(walk.scheduler.position().current, None);
    walk.passes("a");
    assert_eq!(walk.scheduler.position().current, Some(0));
    walk.passes("b");
    assert_eq!(walk.scheduler.position().current, Some(1));
}

// 10-S14, the end; 10-S16; 30-142
#[test]
fn a_plain_failure_stays_out_until_the_next_cycle() {
    let mut walk = walk(&["1", "2", "1"]);
    walk.run("a", Failed);
    walk.recover("a");
    walk.passes("b b c");
    walk.run("a", Skipped);
    walk.passes("b");
    // While it is out, a pause comes and goes: now it is back.
    walk.bench("a", Some(60));
    walk.passes("b");
    walk.recover("a");
    walk.run("c", Failed);
    walk.passes("a b b");
}

// 30-141: forcing a pause to end is the crew's business; whoever was forced can run, once.
#[test]
fn whoever_is_back_is_back_once() {
    let mut walk = walk(&["1", "1"]);
    walk.bench("a", Some(60));
    walk.bench("b", Some(90));
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
    walk.recover("a");
    walk.recover("b");
    walk.run("a", Failed);
    walk.recover("a");
    walk.passes("b");
    assert_eq!(walk.scheduler.position().cycle, 0, "the failure of a still counts");
}

// 10-S15
#[test]
fn when_nobody_can_run_the_mixture_decides() {
    #[derive(Clone, Copy)]
    enum Is {
        Failed,
        Terminal,
        Benched(i64),
        Lost,
        FailedAndBenched(i64),
        TerminalAndBenched(i64),
    }
    use Is::{Benched, FailedAndBenched, Lost, Terminal, TerminalAndBenched};
    let wait = |second| Pick::Wait { until: at(second) };
    for (entries, pick) in [
        (vec![Is::Failed, Is::Failed], Pick::Wrap),
        (vec![Is::Failed, Terminal, Lost], Pick::Wrap),
        (vec![Is::Failed, Benched(60)], Pick::Wrap),
        (vec![Benched(60), Is::Failed, FailedAndBenched(30)], Pick::Wrap),
        (vec![Terminal, Terminal], Pick::Unavailable),
        (vec![Terminal, Lost], Pick::Unavailable),
        (vec![Lost, Lost], Pick::Unavailable),
        (vec![Terminal, TerminalAndBenched(60)], Pick::Unavailable),
        (vec![Terminal, Benched(60)], wait(60)),
        (vec![Lost, FailedAndBenched(60)], wait(60)),
        (vec![TerminalAndBenched(30), Benched(90), FailedAndBenched(60)], wait(60)),
        (vec![Benched(90), Benched(60), Lost], wait(60)),
    ] {
        let quotas = vec!["1"; entries.len()];
        let mut walk = walk(&quotas);
        for (name, is) in ["a", "b", "c"].into_iter().zip(&entries) {
            match is {
                Is::Failed | FailedAndBenched(_) => walk.run(name, Failed),
                Terminal | TerminalAndBenched(_) => walk.run(name, FailedTerminally),
                Benched(until) => walk.bench(name, Some(*until)),
                Lost => walk.bench(name, None),
            }
        }
        for (name, is) in ["a", "b", "c"].into_iter().zip(&entries) {
            if let FailedAndBenched(until) | TerminalAndBenched(until) = is {
                walk.bench(name, Some(*until));
            }
        }
        assert_eq!(walk.pick(), pick);
        walk.restart();
        assert_eq!(walk.pick(), pick);
    }
}

// A back-off is for lanes in which nobody works; here b does.
#[test]
fn a_range_at_its_maximum_lets_in_who_has_merely_failed() {
    let mut walk = walk(&["1", "1-2", "1"]);
    walk.bench("c", Some(60));
    walk.run("a", Failed);
    walk.passes("b b a b a b");
    walk.run("a", FailedTerminally);
    walk.passes("b b");
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
}

#[test]
fn nobody_waits_for_a_member_of_the_same_slot() {
    let mut walk = walk_of(&["ROLE:1-2 = a b"]);
    walk.bench("b", Some(60));
    walk.passes("a a a a a");
}

#[test]
fn a_lane_that_was_idle_goes_on_with_a_fresh_quota() {
    let mut walk = walk(&["3", "1"]);
    walk.passes("a a");
    walk.bench("a", Some(60));
    walk.bench("b", Some(90));
    assert_eq!(walk.pick(), Pick::Wait { until: at(60) });
    walk.recover("a");
    walk.recover("b");
    walk.passes("a a a b");
}

// An unfinished run may belong to a slot that has not the turn.
#[test]
fn a_run_outside_the_turn_shortens_no_turn() {
    let mut walk = walk(&["1", "2"]);
    walk.scheduler.record(Turn { slot: 1, member: 0 }, Passed);
    walk.passes("a b b a");
}

// D41, 30-139: so many runs in a turn, and the next turn goes on where this one ended.
#[test]
fn a_route_is_walked() {
    for (slots, runs) in [
        (&["x:1", "ROLE:1 = a b"][..], "x a x b x a"),
        (&["x:1", "ROLE:2 = a b c"], "x a b x c a x b c"),
        (&["ROLE:3 = a b"], "a b a b a b a"),
        (&["ROLE:2 = a", "x:1"], "a a x a a x"),
        // The quotas of the route's own entries count where the route has its turn as a lane.
        (&["x:1", "ROLE:2 = a:5 b:2-3 c"], "x a b x c a x"),
        (&["ROLE:2 = a b a", "x:1"], "a b x a a x b a x"),
    ] {
        let mut walk = walk_of(slots);
        walk.passes(runs);
        walk = walk_of(slots);
        for name in runs.split(' ') {
            walk.passes(name);
            walk.restart();
        }
    }
}

// 10-O10
#[test]
fn a_walk_beside_a_runner_that_comes_and_goes() {
    let mut walk = walk_of(&["x:1", "DEFAULT:1 = a b"]);
    walk.passes("x");
    walk.bench("x", Some(60));
    walk.passes("a");
    walk.recover("x");
    walk.passes("x b");
}

// D42
#[test]
fn a_walk_passes_over_who_cannot_run() {
    let mut walk = walk_of(&["ROLE:3 = a b c", "x:1"]);
    walk.bench("b", Some(60));
    walk.passes("a c a x c");
    walk.bench("c", None);
    walk.passes("a a x");
    walk.recover("b");
    walk.passes("b a b x");
    // Out is the slot when all its members are.
    for name in ["a", "b", "c"] {
        walk.bench(name, Some(60));
    }
    walk.passes("x x");
    walk.recover("c");
    walk.passes("c c c x");
}

// D42
#[test]
fn a_turn_goes_on_without_the_member_that_failed() {
    let mut walk = walk_of(&["ROLE:3 = a b c", "x:1"]);
    walk.passes("a");
    walk.run("b", Failed);
    walk.passes("c a x");
    // A new cycle: b may try again, and it is its turn.
    walk.passes("b");
    walk.run("c", FailedTerminally);
    walk.run("a", Failed);
    walk.restart();
    walk.passes("b b x a b a");
    walk.run("x", Failed);
    walk.run("b", Failed);
    walk.run("a", Failed);
    walk.run("x", Failed);
    assert_eq!(walk.pick(), Pick::Wrap);
}

// D42: one runner, twice in a lane
#[test]
fn whoever_is_benched_is_benched_wherever_it_stands() {
    let mut walk = walk_of(&["a:1", "ROLE:2 = b a", "a:2", "b:1"]);
    walk.passes("a b");
    walk.bench("a", Some(60));
    walk.passes("b b b b b");
    walk.recover("a");
    walk.bench("b", None);
    walk.passes("a a a a a a");
}

/// A role that wants another model of `a`.
fn wishing(benched: bool) -> impl Fn(&Member) -> Seen {
    move |member| {
        let is_a = member.runner.harness == "a";
        let health = match is_a && benched {
            true => Health::Unavailable { until: Some(at(60)) },
            false => Health::Ready,
        };
        Seen { model: is_a.then(|| "wished".to_owned()), health, spare: None }
    }
}

#[track_caller]
fn run_as(walk: &mut Walk, see: impl Fn(&Member) -> Seen, name: &str, verdict: Verdict) {
    let Pick::Run(turn) = walk.scheduler.next(see) else { panic!("wanted {name}") };
    assert_eq!(walk.scheduler.member(turn).runner.harness, name);
    walk.scheduler.record(turn, verdict);
}

#[test]
fn a_refused_model_is_out_for_the_roles_that_want_it() {
    let mut walk = walk(&["1", "1"]);
    run_as(&mut walk, wishing(false), "a", FailedTerminally);
    run_as(&mut walk, wishing(false), "b", Passed);
    run_as(&mut walk, wishing(false), "b", Passed);
    walk.restart();
    walk.passes("a b");
    run_as(&mut walk, wishing(false), "b", Passed);
    walk.scheduler.new_pass();
    run_as(&mut walk, wishing(false), "a", Passed);
}

#[test]
fn the_bench_of_one_model_ends_for_that_model_only() {
    let mut walk = walk(&["1", "2"]);
    walk.run("a", Failed);
    run_as(&mut walk, wishing(true), "b", Passed);
    // Nothing has come back: the model that failed was never benched.
    walk.run("b", Failed);
    assert_eq!(walk.pick(), Pick::Wrap);
}

#[test]
fn a_turn_is_not_longer_because_another_model_is_back() {
    let mut walk = walk(&["2", "1"]);
    run_as(&mut walk, wishing(true), "b", Passed);
    walk.passes("a");
    run_as(&mut walk, wishing(false), "a", Passed);
    walk.passes("b a");
}
