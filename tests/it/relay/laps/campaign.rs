//! The queue from lap to lap: how far a relay goes, whose turn it is, and what happens between two passes.

use super::{WORK, relay, waiting, workspace};
use crate::support::rally;

// D: until the queue is empty
#[test]
fn without_a_number_a_relay_goes_on_until_the_queue_is_empty() {
    let sandbox = workspace(&["one", "two"]);
    // A third one is added while the first is done.
    sandbox.claude(&format!("[ $N = 1 ] && laps add tail --title three >/dev/null; {WORK}"));
    let said = relay(&sandbox, 0, &["--agent", "cc"]);
    assert_eq!(sandbox.tries().len(), 3, "{said}");
    assert!(waiting(&sandbox).is_empty());
    assert!(!said.contains("no iteration limit"), "{said}");
    assert!(said.contains("[1/2]") && said.contains("[3/3]"), "{said}");
    let record = &sandbox.relays()[0];
    assert_eq!((&record["until_empty"], &record["laps_backed"]), (&true.into(), &true.into()));
    assert!(!record["ended_at"].is_null());
}

#[test]
fn a_number_bounds_the_relay_and_the_next_one_goes_on() {
    let sandbox = workspace(&["one", "two"]);
    sandbox.claude(WORK);
    relay(&sandbox, 0, &["-i", "1", "--agent", "cc"]);
    assert_eq!((waiting(&sandbox).len(), sandbox.tries().len()), (1, 1));
    let said = relay(&sandbox, 0, &["--agent", "cc"]);
    assert!(!said.contains("Installed rally hooks"), "they are there: {said}");
    assert_eq!((waiting(&sandbox).len(), sandbox.tries().len()), (0, 2));
}

// 30-136, 30-138
#[test]
fn roles_choose_their_routes_and_a_strange_one_is_told_once() {
    let sandbox = workspace(&["one@senior", "two@designer", "three@designer", "four"]);
    sandbox.configure("[routes]\ndefault = [\"cc\"]\nsenior = [\"cc:opus-4.7\"]\n");
    sandbox.claude(WORK);
    let said = relay(&sandbox, 0, &[]);
    let tries = sandbox.tries();
    let routes: Vec<_> = tries.iter().map(|record| record["resolved_route"].as_str().unwrap()).collect();
    assert_eq!(routes, ["senior", "default", "default", "default"], "{said}");
    assert_eq!(said.matches("no route is named after the role \"designer\"").count(), 1, "{said}");
}

#[test]
fn a_pass_that_was_killed_is_resumed_on_the_same_lap() {
    let sandbox = workspace(&["one", "two"]);
    let laps = waiting(&sandbox);
    sandbox.claude(&format!("if [ $N = 1 ]; then here; await never; fi; {WORK}"));
    let running = sandbox.start_relay(&["--agent", "cc"]);
    sandbox.wait_for_note("here.1");
    running.kill();
    sandbox.wait_until_nobody_is_left();
    let said = relay(&sandbox, 0, &["--resume"]);
    let of: Vec<_> = sandbox.tries().iter().map(|record| record["lap_id"].clone()).collect();
    assert_eq!(of, [&*laps[0], &*laps[0], &*laps[1]], "{said}");
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 2);
}

#[test]
fn a_number_at_a_resume_bounds_what_had_no_bound() {
    let sandbox = workspace(&["one", "two", "three"]);
    sandbox.configure("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n");
    sandbox.claude("exit 1");
    relay(&sandbox, 1, &["--agent", "cc"]);
    assert!(rally(&sandbox, 0, &["status"]).contains("until the queue is empty"));
    sandbox.claude(WORK);
    let said = relay(&sandbox, 0, &["--resume", "-i", "1"]);
    assert!(said.contains("is 1 now, it was to empty the queue"), "{said}");
    assert_eq!(waiting(&sandbox).len(), 2);
}

#[test]
fn a_lap_done_by_hand_between_two_passes_ends_its_run() {
    let sandbox = workspace(&["one"]);
    sandbox.claude("here; await never");
    let running = sandbox.start_relay(&["--agent", "cc"]);
    sandbox.wait_for_note("here.1");
    running.kill();
    sandbox.wait_until_nobody_is_left();
    rally(&sandbox, 0, &["laps", "done", &waiting(&sandbox)[0]]);
    let said = relay(&sandbox, 0, &["--resume"]);
    assert!(said.contains("was done meanwhile"), "{said}");
    assert!(!sandbox.relays()[0]["ended_at"].is_null(), "the queue is empty: {said}");
}

#[test]
fn hooks_of_the_user_stay_as_they_are() {
    let sandbox = workspace(&["one"]);
    let own =
        "{ \"title\": \"mine\",   \"command\": \"done\", \"when\": \"after\", \"run\": \"touch hooked\" }";
    sandbox
        .write(".laps/hooks.json", &format!("{{\n  \"version\": 1,\n  \"hooks\": [\n    {own}\n  ]\n}}\n"));
    sandbox.claude(WORK);
    relay(&sandbox, 0, &["--agent", "cc"]);
    let list = sandbox.read(".laps/hooks.json");
    assert!(list.contains(own) && list.contains("rally:laps-done"), "{list}");
    assert!(sandbox.repo().join("hooked").exists(), "it ran");
}
