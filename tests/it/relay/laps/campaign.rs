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

// 30-C1: follow-ups of follow-ups are no progress either
#[test]
fn laps_that_are_only_ever_handed_over_end_the_pass() {
    for follow_up in ["", "--followup more"] {
        let sandbox = workspace(&["one"]);
        sandbox.configure("[reliability]\nmax_failed_runs = 2\n");
        sandbox.claude(&format!("init; laps handoff && laps wrapup --summary stuck {follow_up}; result ok"));
        let said = relay(&sandbox, 1, &["--agent", "cc"]);
        assert!(said.contains("3 runs in a row handed their laps over and finished none"), "{said}");
        assert_eq!(sandbox.tries().len(), 3, "{said}");
    }
}

// 30-L1
#[test]
fn a_queue_that_is_gone_is_not_an_empty_one() {
    for version in [None, Some("0.8.1"), Some("0.9.0")] {
        let sandbox = workspace(&["one", "two"]);
        sandbox.git(["add", "-A"]);
        sandbox.git(["commit", "-q", "-m", "queue"]);
        if let Some(version) = version {
            sandbox.install_laps(version);
        }
        sandbox.claude("init; echo 1 > one.txt; rm -rf .laps; result ok");
        let said = relay(&sandbox, 1, &["--agent", "cc"]);
        assert!(said.contains("laps.json is gone"), "{said}");
        assert!(sandbox.relays()[0]["ended_at"].is_null(), "it can be resumed: {said}");
        let removed = sandbox.git(["log", "--diff-filter=D", "--name-only", "--format="]);
        assert!(!removed.contains("laps.json"), "{removed}");
    }
}

// 30-L12: what a wrapup had promised when everything was killed is done by the next pass, once
#[test]
fn a_wrapup_that_was_cut_is_completed() {
    let sandbox = workspace(&["one"]);
    let queue = sandbox.read(".laps/laps.json");
    sandbox.claude(
        "init; laps handoff && laps wrapup --summary stuck --followup first --followup second; here; await never",
    );
    let running = sandbox.start_relay(&["--agent", "cc", "-i", "1"]);
    sandbox.wait_for_note("here.1");
    running.kill();
    sandbox.wait_until_nobody_is_left();
    // As if it had been cut behind the first of its four steps.
    sandbox.write(".laps/laps.json", &queue);
    let journal = sandbox.read(".rally/state/journal.jsonl");
    let kept: Vec<&str> = journal.lines().filter(|line| !line.contains("\"laps_created\"")).collect();
    assert!(kept.len() < journal.lines().count());
    sandbox.write(".rally/state/journal.jsonl", &(kept.join("\n") + "\n"));
    sandbox.write(".rally/summary.jsonl", "");

    let said = relay(&sandbox, 0, &["--resume"]);
    let file: serde_json::Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let titles: Vec<&str> =
        file["tasks"].as_array().unwrap().iter().map(|task| task["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["first", "second", "one"], "{said}");
    let entries = sandbox.records(".rally/summary.jsonl");
    let ids = &waiting(&sandbox)[..2];
    assert_eq!(entries.len(), 1, "{entries:#?}");
    assert_eq!(entries[0]["handoff"]["created_lap_ids"], serde_json::json!(ids));
    assert_eq!(sandbox.tries().last().unwrap()["handoff_created_lap_ids"], serde_json::json!(ids));
}

// Nothing that nobody can judge is committed, a broken queue above all.
#[test]
fn a_queue_that_an_agent_breaks_is_not_committed() {
    let sandbox = workspace(&["one"]);
    sandbox.git(["add", "-A"]);
    sandbox.git(["commit", "-q", "-m", "queue"]);
    sandbox.claude("init; echo 1 > one.txt; echo '{broken' > .laps/laps.json; result ok");
    relay(&sandbox, 1, &["--agent", "cc"]);
    let committed = sandbox.git(["show", "HEAD:.laps/laps.json"]);
    assert!(!committed.contains("broken"), "{committed}");
    assert!(sandbox.git(["status", "--short"]).contains("?? one.txt"), "it waits for a lap that is done");
}

#[test]
fn a_hook_of_the_user_can_refuse_a_claim() {
    let sandbox = workspace(&["one"]);
    let refuse =
        r#"{"title": "no", "command": "claim", "when": "before", "run": "echo $LAPS_ID > asked; exit 7"}"#;
    sandbox.write(".laps/hooks.json", &format!(r#"{{"version": 1, "hooks": [{refuse}]}}"#));
    sandbox.claude(WORK);
    let said = relay(&sandbox, 1, &["--agent", "cc"]);
    assert!(said.contains("no lap was claimed: hook 'no'"), "{said}");
    assert_eq!(sandbox.read("asked").trim(), waiting(&sandbox)[0]);
    assert!(sandbox.tries().is_empty());
}
