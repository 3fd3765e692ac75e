//! Histories of laps, and what they call for.

use std::collections::BTreeSet;

use pretty_assertions::assert_eq;
use proptest::prelude::*;

use super::*;

/// A stored try that owns its texts.
#[derive(Debug, Clone)]
struct Try {
    id: u64,
    relay: u64,
    run: u64,
    attempt: u32,
    lap: String,
    created: Vec<String>,
    dirty: bool,
    outcome: Outcome,
    route: &'static str,
    role: &'static str,
}

impl Try {
    fn observed(&self) -> Observed<'_> {
        Observed {
            try_id: self.id,
            relay_id: self.relay,
            run_id: self.run,
            attempt: self.attempt,
            lap: &self.lap,
            created_laps: &self.created,
            dirty_handoff: self.dirty,
            outcome: self.outcome,
            route: Some(self.route),
            role: Some(self.role),
        }
    }
}

fn judged(tries: &[Try], claimed: &str) -> Recovery {
    judge(&tries.iter().map(Try::observed).collect::<Vec<_>>(), claimed)
}

/// One try per run, in order. A line is `lap outcome [>created,created] [route]`, with `dirty` for a
/// dirty handoff and `cut` for a try that rally's own end cut.
fn history(lines: &[&'static str]) -> Vec<Try> {
    let tries = lines.iter().zip(1..).map(|(line, id)| {
        let mut words = line.split(' ');
        let lap = words.next().unwrap().to_owned();
        let outcome = words.next().unwrap();
        let mut found = Try {
            id,
            relay: 1,
            run: id,
            attempt: 1,
            lap,
            created: Vec::new(),
            dirty: outcome == "dirty",
            outcome: match outcome {
                "done" => Outcome::Completed,
                "dirty" | "handoff" => Outcome::HandoffRequested,
                "timeout" => Outcome::HandoffTimeout,
                "run_timeout" => Outcome::RunTimeout,
                "failed" => Outcome::Failed,
                "incomplete" => Outcome::Incomplete,
                "cancelled" => Outcome::Cancelled,
                "paused" => Outcome::Paused,
                "cut" => Outcome::Interrupted,
                other => panic!("{other}"),
            },
            route: "senior",
            role: "senior",
        };
        for word in words {
            match word.strip_prefix('>') {
                Some(laps) => found.created = laps.split(',').map(str::to_owned).collect(),
                None => found.route = word,
            }
        }
        found
    });
    tries.collect()
}

fn pending(trigger_lap: &str, is_follow_up: bool) -> Recovery {
    Recovery::Pending { trigger_lap: trigger_lap.to_owned(), is_follow_up }
}

fn cap_hit(trigger_lap: &str, recoveries: usize) -> Recovery {
    Recovery::CapHit { trigger_lap: trigger_lap.to_owned(), recoveries }
}

// 10-V9; 30-147, 149, 150 (what is judged are stored tries, so a restart changes nothing), 151, 152
#[test]
fn what_a_history_calls_for() {
    for (lines, claimed, wanted) in [
        (&[][..], "A", Recovery::None),
        // Triggers, and what is none.
        (&["A dirty"], "A", pending("A", false)),
        (&["A timeout"], "A", pending("A", false)),
        (&["A failed"], "A", Recovery::None),
        (&["A incomplete"], "A", Recovery::None),
        (&["A run_timeout"], "A", Recovery::None),
        (&["A handoff >B"], "A", Recovery::None),
        (&["A handoff >B"], "B", Recovery::None),
        (&["A done"], "A", Recovery::None),
        (&["A dirty"], "B", Recovery::None),
        // The newest run speaks.
        (&["A dirty", "A failed"], "A", Recovery::None),
        (&["A failed", "A dirty"], "A", pending("A", false)),
        // Follow-ups inherit the trigger, over several steps and in both directions.
        (&["A dirty >B"], "B", pending("A", true)),
        (&["A dirty >B,C"], "C", pending("A", true)),
        (&["A dirty >B,C"], "A", pending("A", false)),
        (&["A dirty >B", "B dirty >C"], "C", pending("B", true)),
        (&["A dirty >B", "B dirty >C"], "A", pending("B", false)),
        (&["A timeout >B"], "B", Recovery::None),
        // Settled by a clean run of the lap, of its follow-up, or of a recovery.
        (&["A dirty >B", "B done"], "A", Recovery::None),
        (&["A dirty >B", "A done"], "B", Recovery::None),
        (&["A dirty >B", "B handoff"], "B", Recovery::None),
        (&["A dirty >B", "B done recovery"], "B", Recovery::None),
        (&["A dirty >B", "X done"], "B", pending("A", true)),
        // The cap counts the whole group, whatever the letter case of the route.
        (&["A dirty", "A dirty recovery"], "A", pending("A", false)),
        (&["A dirty", "A timeout recovery", "A dirty Recovery"], "A", cap_hit("A", 2)),
        (&["A dirty >B", "A dirty RECOVERY >C", "B timeout recovery"], "C", cap_hit("B", 2)),
        (&["X dirty", "X dirty recovery", "X dirty recovery", "A dirty"], "A", pending("A", false)),
        // Runs of other roles do not start the count anew; a clean run does.
        (&["A dirty", "A dirty recovery", "A dirty", "A dirty recovery"], "A", cap_hit("A", 2)),
        (&["A dirty", "A dirty recovery", "A dirty recovery", "A dirty"], "A", cap_hit("A", 2)),
        (&["A dirty", "A dirty recovery", "A dirty recovery", "A dirty recovery"], "A", cap_hit("A", 3)),
        (&["A dirty", "A dirty recovery", "A dirty recovery", "A failed"], "A", Recovery::None),
        (&["A dirty", "A dirty recovery", "A dirty recovery", "A failed", "A timeout"], "A", cap_hit("A", 2)),
        (&["A dirty", "A dirty recovery", "A dirty recovery", "A done", "A dirty"], "A", pending("A", false)),
        // What the operator or a crash ended settles nothing and counts nothing.
        (&["A dirty", "A cancelled recovery"], "A", pending("A", false)),
        (&["A dirty", "A paused recovery", "A cut recovery"], "A", pending("A", false)),
        (&["A dirty", "A cut recovery", "A cut recovery", "A cut recovery"], "A", pending("A", false)),
        // Links in a circle.
        (&["A dirty >A"], "A", pending("A", false)),
        (&["A dirty >B", "B dirty >C", "C dirty >A"], "A", pending("C", true)),
    ] {
        assert_eq!(judged(&history(lines), claimed), wanted, "{lines:?}, {claimed}");
    }
}

// 30-148: the last attempt of the newest run
#[test]
fn the_last_attempt_speaks_for_its_run() {
    let mut tries = history(&["A dirty", "A failed", "A done"]);
    for (found, attempt) in tries.iter_mut().zip([3, 2, 1]) {
        (found.run, found.attempt) = (1, attempt);
    }
    assert_eq!(judged(&tries, "A"), pending("A", false));
    // Equal numbers: the later try.
    for found in &mut tries {
        found.attempt = 1;
    }
    assert_eq!(judged(&tries, "A"), Recovery::None);
    // A try that was cancelled leaves the word to the one before.
    tries[2].outcome = Outcome::Cancelled;
    tries[1].outcome = Outcome::HandoffTimeout;
    assert_eq!(judged(&tries, "A"), pending("A", false));
    // One that was cancelled after its dirty handoff does not.
    tries[2].dirty = true;
    tries[1].outcome = Outcome::Failed;
    assert_eq!(judged(&tries, "A"), pending("A", false));
}

// 30-153: runs of different relays are different runs, whatever their numbers; the cap holds over a restart
#[test]
fn runs_are_told_apart_by_their_relay() {
    let mut tries = history(&["A done", "A dirty", "A dirty recovery", "A dirty recovery"]);
    for (found, relay) in tries.iter_mut().zip(1..) {
        (found.relay, found.run) = (relay, 7);
    }
    assert_eq!(judged(&tries[..2], "A"), pending("A", false));
    assert_eq!(judged(&tries, "A"), cap_hit("A", 2));
    // Within one relay they would be one run, of which the last try speaks.
    for found in &mut tries {
        found.relay = 1;
    }
    assert_eq!(judged(&tries, "A"), pending("A", false));
    // Tries without a run resolve nothing.
    for found in &mut tries {
        found.run = 0;
    }
    assert_eq!(judged(&tries, "A"), Recovery::None);
}

// With --agent the route is `override`; the role tells.
#[test]
fn recovery_runs_under_an_override_count() {
    let mut tries = history(&["A dirty", "A dirty override", "A dirty override"]);
    assert_eq!(judged(&tries, "A"), pending("A", false));
    (tries[1].role, tries[2].role) = ("recovery", " Recovery ");
    assert_eq!(judged(&tries, "A"), cap_hit("A", 2));
    let observed = Observed { route: None, role: None, ..tries[1].observed() };
    assert!(!observed.is_recovery());
}

// 10-V9; 30-147
#[test]
fn what_recovery_changes_about_a_run() {
    let (owed, spent) = (pending("A", false), cap_hit("A", 2));
    for (recovery, has_override, has_route, lane, role, warning) in [
        (&Recovery::None, false, true, LaneWish::Usual, None, None),
        (&Recovery::None, true, false, LaneWish::Usual, None, None),
        (&owed, false, true, LaneWish::Recovery, Some("recovery"), None),
        (&owed, true, true, LaneWish::Usual, Some("recovery"), None),
        (&owed, true, false, LaneWish::Usual, Some("recovery"), None),
        (&owed, false, false, LaneWish::Usual, None, Some("no route named recovery is configured")),
        (&spent, false, true, LaneWish::Usual, None, Some("needs_user: lap A ")),
        (&spent, false, false, LaneWish::Usual, None, Some("needs_user: lap A ")),
        (&spent, true, true, LaneWish::Usual, None, Some("needs_user: lap A ")),
    ] {
        let case = (recovery, has_override, has_route);
        let overlay = overlay(recovery, has_override, has_route);
        assert_eq!((overlay.lane, overlay.role), (lane, role), "{case:?}");
        assert_eq!(overlay.warning.is_some(), warning.is_some(), "{case:?}");
        assert!(overlay.warning.unwrap_or_default().contains(warning.unwrap_or_default()), "{case:?}");
    }
    // Once per lap is enough, so the words do not count along.
    assert_eq!(overlay(&spent, false, true), overlay(&cap_hit("A", 9), false, true));
}

// 30-154, the decision; storing it is the record's
#[test]
fn only_recovery_runs_are_classified_and_only_by_the_five_words() {
    for word in ["continue", "discard", "course_correct", "repair_plan", "needs_user"] {
        assert_eq!(Classification::of("Recovery", Some(word)).map(Classification::as_str), Some(word));
        assert_eq!(Classification::of("senior", Some(word)), None);
        assert_eq!(Classification::of("", Some(word)), None);
    }
    for word in [None, Some(""), Some("Continue"), Some("done")] {
        assert_eq!(Classification::of("recovery", word), None, "{word:?}");
    }
}

// Each link is followed once: going over all tries again for every lap found would take hours here.
#[test]
fn a_long_chain_of_follow_ups_is_no_trouble() {
    let mut tries: Vec<Try> = Vec::new();
    for id in 1..=100_000_u64 {
        let template = history(&["A dirty"]).remove(0);
        let created = vec![(id - 1).to_string()];
        tries.push(Try { id, run: id, lap: id.to_string(), created, ..template });
    }
    assert_eq!(judged(&tries, "0"), pending("100000", true));
}

/// The rules once more, as the specification puts them: slow, and without an index.
fn plainly(tries: &[Try], claimed: &str) -> Recovery {
    let mut group = BTreeSet::from([claimed.to_owned()]);
    loop {
        let before = group.len();
        for found in tries.iter().filter(|found| found.dirty) {
            if group.contains(&found.lap) || found.created.iter().any(|lap| group.contains(lap)) {
                group.insert(found.lap.clone());
                group.extend(found.created.iter().cloned());
            }
        }
        if group.len() == before {
            break;
        }
    }
    let operators = [Outcome::Cancelled, Outcome::Paused, Outcome::Interrupted];
    let mut speaking: Vec<&Try> = tries
        .iter()
        .filter(|found| group.contains(&found.lap) && found.run > 0)
        .filter(|found| found.dirty || !operators.contains(&found.outcome))
        .collect();
    speaking.sort_by_key(|found| (found.relay, found.run, found.attempt, found.id));
    let mut resolvers: Vec<&Try> = Vec::new();
    for found in speaking {
        match resolvers.last_mut() {
            Some(last) if (last.relay, last.run) == (found.relay, found.run) => *last = found,
            _ => resolvers.push(found),
        }
    }
    resolvers.sort_by_key(|found| found.id);
    let triggers = |found: &Try| found.dirty || found.outcome == Outcome::HandoffTimeout;
    let Some(newest) = resolvers.last().filter(|newest| triggers(newest)) else { return Recovery::None };
    let unsettled = resolvers.iter().rev().take_while(|found| triggers(found) || !found.outcome.is_success());
    let recoveries = unsettled.filter(|found| found.route == "recovery").count();
    if recoveries >= 2 {
        return cap_hit(&newest.lap, recoveries);
    }
    let mut others = tries.iter().filter(|found| found.dirty && found.lap != claimed);
    pending(&newest.lap, others.any(|found| found.created.iter().any(|lap| lap == claimed)))
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        1 => Just(Outcome::Completed),
        4 => Just(Outcome::HandoffRequested),
        2 => Just(Outcome::HandoffTimeout),
        1 => Just(Outcome::RunTimeout),
        1 => Just(Outcome::Failed),
        1 => Just(Outcome::Incomplete),
        1 => Just(Outcome::Cancelled),
        1 => Just(Outcome::Paused),
        1 => Just(Outcome::Interrupted),
    ]
}

const LAPS: [&str; 5] = ["A", "B", "C", "D", "E"];

/// Few laps, so that links run in circles; few runs, so that tries share them.
fn tries() -> impl Strategy<Value = Vec<Try>> {
    let lap = || proptest::sample::select(&LAPS[..]);
    let one = (
        (0_u64..3, 0_u64..4, 1_u32..4),
        lap(),
        proptest::collection::vec(lap(), 0..3),
        any::<bool>(),
        outcome(),
        any::<bool>(),
    );
    proptest::collection::vec(one, 0..14).prop_map(|all| {
        let tries = all.into_iter().zip(1..).map(
            |(((relay, run, attempt), lap, created, dirty, outcome, recovery), id)| Try {
                id,
                relay,
                run,
                attempt,
                lap: lap.to_owned(),
                created: created.into_iter().map(str::to_owned).collect(),
                dirty,
                outcome,
                route: if recovery { "recovery" } else { "senior" },
                role: "senior",
            },
        );
        tries.collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_is_judged_as_the_plain_rules_say(tries in tries(), claimed in 0..LAPS.len()) {
        prop_assert_eq!(judged(&tries, LAPS[claimed]), plainly(&tries, LAPS[claimed]));
    }

    /// Lines may be read in any order, and twice.
    #[test]
    fn order_and_repetition_change_nothing(
        (tries, mut shuffled) in tries().prop_flat_map(|tries| (Just(tries.clone()), Just(tries).prop_shuffle())),
        claimed in 0..LAPS.len(),
    ) {
        let judgement = judged(&tries, LAPS[claimed]);
        prop_assert_eq!(&judged(&shuffled, LAPS[claimed]), &judgement);
        shuffled.extend(tries);
        prop_assert_eq!(&judged(&shuffled, LAPS[claimed]), &judgement);
    }

    /// Whatever comes of the runs, a lap gets no third recovery run before somebody settles it.
    #[test]
    fn recovery_runs_are_bounded(ends in proptest::collection::vec((outcome(), any::<bool>()), 1..40)) {
        let mut tries: Vec<Try> = Vec::new();
        let mut since_settled = 0;
        for ((outcome, dirty), id) in ends.into_iter().zip(1..) {
            let overlay = overlay(&judged(&tries, "A"), id % 2 == 0, true);
            let is_recovery = overlay.role == Some(ROLE);
            let mut found = history(&["A done"]).remove(0);
            let dirty = dirty && outcome == Outcome::HandoffRequested;
            (found.id, found.run, found.outcome, found.dirty) = (id, id, outcome, dirty);
            found.role = overlay.role.unwrap_or("senior");
            since_settled += usize::from(is_recovery && outcome.costs_attempt());
            prop_assert!(since_settled <= CAP);
            if outcome.is_success() && !dirty {
                since_settled = 0;
            }
            tries.push(found);
        }
    }
}
