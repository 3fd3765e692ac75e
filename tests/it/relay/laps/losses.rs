//! Agents that meddle with the queue: laps lost, opened again, claimed instead of their own.

use serde_json::json;

use super::runs::each;
use super::{WORK, add, relay, waiting, workspace};
use crate::support::rally;

const ALL: [&str; 3] = ["--new", "--agent", "cc"];

// 40-13.6, 13.7: also when git has never seen the laps
#[test]
fn a_queue_that_is_cut_to_nothing_is_no_end() {
    for (script, end) in [
        (format!("{WORK}; : > .laps/laps.json"), "empty, but its last copy"),
        (format!("init; : > .laps/laps.json; {WORK}"), "empty, but its last copy"),
        (format!("{WORK}; echo '{{}}' > .laps/laps.json"), "lost its laps"),
        (format!("{WORK}; echo '{{\"version\":2,\"tasks\":[]}}' > .laps/laps.json"), "lost its laps"),
    ] {
        let sandbox = workspace(&["One", "Two", "Three"]);
        let before = sandbox.read(".laps/laps.json");
        let ids = waiting(&sandbox);
        sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
        sandbox.claude(&script);
        let said = relay(&sandbox, 1, &ALL);
        assert!(said.contains(end), "{script}: {said}");
        assert!(!said.contains("is complete"), "{script}: {said}");
        if end.starts_with("empty") {
            rally(&sandbox, 2, &["laps", "add", "tail", "--title", "New"]);
        }
        // What is lost in the work tree is found below the state.
        let kept = sandbox.read(".rally/state/laps/laps.json");
        assert!(ids.iter().all(|id| before.contains(id) && kept.contains(id)), "{kept}");
        sandbox.write(".laps/laps.json", &kept);
        sandbox.claude(WORK);
        relay(&sandbox, 0, &["--resume"]);
        assert!(waiting(&sandbox).is_empty());
    }
}

// An installed program would write a new queue over the file.
#[test]
fn a_queue_that_is_cut_to_nothing_is_no_end_for_an_installed_program_either() {
    for version in ["0.8.1", "0.9.0"] {
        for cut in [": > .laps/laps.json", "rm .laps/laps.json"] {
            let sandbox = workspace(&["One", "Two", "Three"]);
            sandbox.install_laps(version);
            let ids = waiting(&sandbox);
            sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
            sandbox.claude(&format!("{WORK}; laps add tail --title Four; git commit -qam x; true; {cut}"));
            let said = relay(&sandbox, 1, &ALL);
            assert!(said.contains(".rally/state/laps/laps.json"), "{cut}: {said}");
            assert!(!said.contains("is complete"), "{cut}: {said}");
            assert!(sandbox.repo().join(".laps/laps.json").metadata().map_or(0, |file| file.len()) == 0);
            let kept = sandbox.read(".rally/state/laps/laps.json");
            assert!(ids.iter().all(|id| kept.contains(id)), "{kept}");
            if cut.starts_with("rm") {
                let said = relay(&sandbox, 2, &["--resume"]);
                assert!(said.contains("its last copy is") && said.contains("restore that file"), "{said}");
            }
        }
    }
}

#[test]
fn a_lap_that_vanishes_is_told_and_one_that_was_done_and_pruned_is_not() {
    let sandbox = workspace(&["One", "Two", "Three"]);
    let ids = waiting(&sandbox);
    sandbox.claude(&format!("laps prune 0; {WORK}; if [ $N = 1 ]; then laps delete {}; fi", ids[1]));
    let said = relay(&sandbox, 0, &ALL);
    let lost = format!("removed from the queue, and nothing says that they were done: {} (Two)", ids[1]);
    assert_eq!(said.matches(&lost).count(), 1, "{said}");
    assert_eq!(said.matches("nothing says that").count(), 1, "{said}");
    assert_eq!(each(&sandbox, "outcome"), ["completed", "completed"]);
}

// A queue that somebody begins anew does not take its last copy away.
#[test]
fn the_copy_of_a_queue_that_is_begun_anew_is_put_aside() {
    let sandbox = workspace(&["One", "Two"]);
    let ids = waiting(&sandbox);
    std::fs::remove_file(sandbox.repo().join(".laps/laps.json")).unwrap();
    add(&sandbox, "New");
    assert_eq!(waiting(&sandbox).len(), 1);
    let kept = sandbox.read(".rally/state/laps/laps.before.json");
    assert!(ids.iter().all(|id| kept.contains(id)), "{kept}");
}

// 40 section 5: bare `done` is about the claimed lap, so every try finds its own claimed
#[test]
fn every_try_finds_its_own_lap_claimed() {
    for meddle in ["laps claim $(cat ../other)", "laps claim undo", "echo '{' > .laps/claim"] {
        let sandbox = workspace(&["One", "Two"]);
        let ids = waiting(&sandbox);
        std::fs::write(sandbox.root().join("other"), &ids[1]).unwrap();
        sandbox.claude(&format!(
            "init; if [ $N = 1 ]; then {meddle}; exit 1; fi; echo $N > work$N.txt; laps done; result ok"
        ));
        relay(&sandbox, 0, &ALL);
        assert_eq!(each(&sandbox, "outcome"), ["failed", "completed", "completed"], "{meddle}");
        assert_eq!(
            each(&sandbox, "recorded_laps"),
            [json!(null), json!([ids[0]]), json!([ids[1]])],
            "{meddle}"
        );
    }
}

// Done is what the queue says.
#[test]
fn a_lap_that_was_opened_again_was_not_done() {
    let sandbox = workspace(&["One", "Two"]);
    let ids = waiting(&sandbox);
    sandbox.claude(&format!(
        "init; echo $N > work$N.txt; if [ $N = 1 ]; then laps done {}; laps done undo; fi; \
         laps done; laps wrapup --summary ok; result ok",
        ids[1]
    ));
    relay(&sandbox, 0, &ALL);
    assert_eq!(each(&sandbox, "outcome"), ["completed", "completed"]);
    assert_eq!(each(&sandbox, "recorded_laps"), [json!([ids[0]]), json!([ids[1]])]);
    let summary = sandbox.read(".rally/summary.jsonl");
    let of = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["laps_completed"].clone();
    let completed: Vec<_> = summary.lines().map(of).collect();
    assert_eq!(completed, [json!([ids[0]]), json!([ids[1]])]);
}

// A handoff is about the claimed lap, too.
#[test]
fn another_lap_than_the_own_cannot_be_handed_over() {
    let sandbox = workspace(&["One", "Two"]);
    let ids = waiting(&sandbox);
    sandbox.claude(&format!(
        "init; if [ $N = 1 ]; then laps claim {}; laps handoff 2> ../why || laps claim {}; fi; {WORK}",
        ids[1], ids[0]
    ));
    relay(&sandbox, 0, &ALL);
    let why = std::fs::read_to_string(sandbox.root().join("why")).unwrap();
    assert!(why.contains(&format!("run `laps claim {}` first", ids[0])), "{why}");
    assert_eq!(each(&sandbox, "outcome"), ["completed", "completed"]);
    assert!(!sandbox.read(".rally/summary.jsonl").contains("handoff"));
}

// What is not in the queue any more was not done.
#[test]
fn an_own_lap_that_was_deleted_between_two_tries_is_a_failure() {
    let sandbox = workspace(&["One", "Two"]);
    let ids = waiting(&sandbox);
    sandbox.configure("[reliability]\nmax_failed_runs = 1\n");
    sandbox.claude(&format!("init; laps claim undo; laps delete {}; exit 1", ids[0]));
    let said = relay(&sandbox, 1, &ALL);
    assert_eq!(each(&sandbox, "outcome"), ["failed", "failed"], "{said}");
    let reason = sandbox.tries()[1]["fail_reason"].clone();
    assert_eq!(reason, format!("lap {} was removed from the queue before the run could go on", ids[0]));
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 0);
}
