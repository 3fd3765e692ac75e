//! Laps that are handed over: what their follow-ups are, and who sorts out what was left behind.

use std::process::Output;

use serde_json::{Value, json};

use super::runs::each;
use super::{WORK, relay, waiting, workspace};
use crate::support::{Sandbox, stderr, stdout};

const ONCE: [&str; 3] = ["-i", "1", "--new"];

/// A handoff with two follow-ups.
const HANDOFF: &str =
    "laps handoff; laps wrapup --summary half --followup 'next one' --followup 'then two'; result ok";

/// A queue of one lap with a role, and an agent of one runner that reads this configuration.
fn queue(script: &str, config: &str) -> (Sandbox, String) {
    let sandbox = workspace(&["Build it@senior", "Later"]);
    sandbox.configure(config);
    sandbox.claude(script);
    let id = waiting(&sandbox).remove(0);
    (sandbox, id)
}

const ROUTES: &str = "[routes]\ndefault = [\"cc\"]\nsenior = [\"cc\"]\n";
const RECOVERING: &str = "[routes]\ndefault = [\"cc\"]\nsenior = [\"cc\"]\nrecovery = [\"cc:opus-4.7\"]\n";

/// What only the text of the recovery role says.
const RECOVERY_TEXT: &str = "classify first then act";

/// One field of the laps that wait, in order.
fn tasks(sandbox: &Sandbox, field: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(&sandbox.read(".laps/laps.json")).unwrap();
    let open = file["tasks"].as_array().unwrap().iter().filter(|task| task["isDone"] != true);
    open.map(|task| task[field].clone()).collect()
}

fn said(output: &Output) -> String {
    stdout(output) + &stderr(output)
}

// 30-70
#[test]
fn a_clean_handoff_leaves_its_follow_ups_before_the_lap_and_nothing_else() {
    let (sandbox, id) =
        queue(&format!("init; echo x > made.txt; git add made.txt; git commit -qm mine; {HANDOFF}"), ROUTES);
    let said = relay(&sandbox, 0, &ONCE);
    let tries = sandbox.tries();
    assert_eq!(tries.len(), 1, "{said}");
    let record = &tries[0];
    assert_eq!((&record["outcome"], &record["dirty_handoff"]), (&json!("handoff_requested"), &Value::Null));
    assert_eq!((&record["completed"], &record["ends_run"]), (&json!(true), &json!(true)));
    let ids = waiting(&sandbox);
    assert_eq!(tasks(&sandbox, "title"), ["next one", "then two", "Build it", "Later"]);
    assert_eq!(ids[2], id, "the lap itself waits behind what comes first");
    assert_eq!(tasks(&sandbox, "assignee")[..3], ["senior", "senior", "senior"]);
    assert_eq!(record["handoff_created_lap_ids"], json!(ids[..2]));
    assert_eq!(sandbox.git(["status", "--porcelain"]), "", "{said}");
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
    // The follow-ups are the next laps, and nobody has to sort anything out.
    sandbox.claude(WORK);
    let said = relay(&sandbox, 0, &["--new"]);
    let of: Vec<_> = each(&sandbox, "lap_id")[1..].to_vec();
    assert_eq!(json!(of), json!(ids), "{said}");
    assert!(!said.contains("unfinished changes"), "{said}");
}

// 30-69
#[test]
fn a_dirty_handoff_leaves_its_changes_uncommitted_and_names_its_follow_ups() {
    let (sandbox, id) = queue(&format!("init; echo x > made.txt; {HANDOFF}"), ROUTES);
    let said = relay(&sandbox, 0, &ONCE);
    let record = &sandbox.tries()[0];
    assert_eq!((&record["outcome"], &record["dirty_handoff"]), (&json!("handoff_requested"), &json!(true)));
    assert_eq!((&record["lap_id"], &record["lap_assignee"]), (&json!(id), &json!("senior")));
    assert!(record["category"].is_null() || record["category"] == "", "{record}");
    assert_eq!(record["handoff_created_lap_ids"], json!(waiting(&sandbox)[..2]));
    assert_eq!(sandbox.git(["status", "--porcelain", "*.txt"]), "?? made.txt", "{said}");
    assert_eq!(sandbox.git(["log", "-1", "--format=%s"]), "rally: install laps hooks");
    assert_eq!(sandbox.relays()[0]["completed_iterations"], 1);
}

// 30-71: what an earlier attempt of the run left counts
#[test]
fn work_of_an_earlier_attempt_makes_a_handoff_dirty() {
    let (sandbox, _) = queue(
        &format!("init; if [ $N = 1 ]; then echo x > made.txt; result ok; exit; fi; {HANDOFF}"),
        ROUTES,
    );
    relay(&sandbox, 0, &ONCE);
    assert_eq!(each(&sandbox, "outcome"), ["incomplete", "handoff_requested"]);
    assert_eq!(each(&sandbox, "run_id"), [1, 1]);
    assert_eq!(each(&sandbox, "dirty_handoff"), [Value::Null, json!(true)]);
    assert_eq!(sandbox.tries()[1]["handoff_created_lap_ids"].as_array().unwrap().len(), 2);
    assert_eq!(sandbox.git(["status", "--porcelain", "*.txt"]), "?? made.txt");
}

// 30-72
#[test]
fn what_was_not_handed_over_is_no_dirty_handoff() {
    for end in ["result ok", "exit 1"] {
        let config = format!("[reliability]\nretry_budget = 1\nmax_failed_runs = 1\n{ROUTES}");
        let (sandbox, _) = queue(&format!("init; echo x > made.txt; {end}"), &config);
        let said = said(&sandbox.relay(&ONCE));
        let tries = sandbox.tries();
        assert!(!tries.is_empty() && tries.iter().all(|record| record["completed"] != true), "{said}");
        for record in &tries {
            assert!(record["dirty_handoff"].is_null(), "{record}");
            assert!(record["handoff_created_lap_ids"].as_array().is_none_or(Vec::is_empty), "{record}");
        }
    }
}

/// An agent whose first runs leave a mess behind and hand over, each with a file of its own.
fn messy(runs: u32, then: &str) -> String {
    format!(
        "init; if [ $N -le {runs} ]; then echo x > mess$N.txt; laps handoff; \
         laps wrapup --summary half --followup rest$N; result ok; exit; fi; {then}"
    )
}

/// A recovery run that settles what it found, in this word.
fn settles(word: &str) -> String {
    format!(
        "git add -A; git commit -qm sorted; laps done; \
         laps wrapup --summary sorted --classification {word}; result ok"
    )
}

fn is_told_of_recovery(sandbox: &Sandbox, invocation: u32) -> bool {
    sandbox.note(&format!("prompt.{invocation}")).contains(RECOVERY_TEXT)
}

// 30-147, 30-154
#[test]
fn a_dirty_handoff_is_sorted_out_by_a_recovery_run() {
    let (sandbox, _) = queue(&messy(1, &settles("repair_plan")), RECOVERING);
    relay(&sandbox, 0, &ONCE);
    let follow_up = waiting(&sandbox).remove(0);
    let said = relay(&sandbox, 0, &ONCE);
    let record = &sandbox.tries()[1];
    assert_eq!((&record["lap_id"], &record["lap_assignee"]), (&json!(follow_up), &json!("senior")), "{said}");
    assert_eq!((&record["resolved_route"], &record["role"]), (&json!("recovery"), &json!("recovery")));
    assert_eq!((&record["model"], &record["outcome"]), (&json!("opus-4.7"), &json!("completed")));
    assert_eq!(record["recovery_classification"], "repair_plan", "{record}");
    assert!(is_told_of_recovery(&sandbox, 2) && !is_told_of_recovery(&sandbox, 1));
    // It is settled: the next run is as usual, though the tries are read anew.
    sandbox.claude(WORK);
    let said = relay(&sandbox, 0, &ONCE);
    assert_eq!(sandbox.tries()[2]["resolved_route"], "senior", "{said}");
    assert!(!said.contains("unfinished"), "{said}");
}

// 30-147: in one pass as well
#[test]
fn recovery_follows_in_the_same_pass() {
    let (sandbox, _) = queue(
        &messy(1, &format!("if [ $N = 2 ]; then {}; exit; fi; {WORK}", settles("continue"))),
        RECOVERING,
    );
    let said = relay(&sandbox, 0, &["-i", "4"]);
    assert_eq!(each(&sandbox, "resolved_route"), ["senior", "recovery", "senior", "default"], "{said}");
}

// 30-154
#[test]
fn a_strange_word_or_another_role_gives_no_classification() {
    let word = "laps wrapup --summary sorted --classification";
    let (sandbox, _) = queue(&messy(1, &format!("laps done; {word} fine; result ok")), RECOVERING);
    relay(&sandbox, 0, &["-i", "2"]);
    sandbox.claude(&format!("init; laps done; {word} continue; result ok"));
    relay(&sandbox, 0, &ONCE);
    assert_eq!(each(&sandbox, "role")[1..], ["recovery", "senior"]);
    assert!(each(&sandbox, "recovery_classification").iter().all(Value::is_null), "{:?}", sandbox.tries());
}

// 30-154: a recovery run that hands over may say it, too
#[test]
fn a_recovery_run_that_hands_over_is_classified() {
    let then =
        "laps handoff; laps wrapup --summary ask --followup more --classification needs_user; result ok";
    let (sandbox, _) = queue(&messy(1, then), RECOVERING);
    relay(&sandbox, 0, &["-i", "2"]);
    assert_eq!(sandbox.tries()[1]["recovery_classification"], "needs_user", "{:?}", sandbox.tries());
}

// 30-147
#[test]
fn without_a_recovery_route_it_is_told_once_and_goes_on_as_usual() {
    // The first runner of its run has no such model, so the lap is taken up by another one in the same run.
    let routes =
        "[reliability]\nretry_budget = 1\n[routes]\ndefault = [\"cc\"]\nsenior = [\"cc\", \"cc:opus-4.7\"]\n";
    let then = "if [ $N = 2 ]; then failed 'API Error: 404 not_found_error model: x'; exit 1; fi; laps done; result ok";
    let (sandbox, _) = queue(&messy(1, then), routes);
    let said = relay(&sandbox, 0, &["-i", "3"]);
    assert_eq!(said.matches("no route named recovery is configured").count(), 1, "{said}");
    assert!(each(&sandbox, "resolved_route").iter().all(|route| route == "senior"), "{:?}", sandbox.tries());
    assert!(!is_told_of_recovery(&sandbox, 2));
}

// 30-147, 30-C2
#[test]
fn an_agent_of_the_operator_keeps_its_runner_in_the_role_of_recovery() {
    let (sandbox, _) = queue(&messy(1, &settles("discard")), ROUTES);
    let said = relay(&sandbox, 0, &["-i", "2", "--agent", "cc"]);
    let record = &sandbox.tries()[1];
    assert_eq!(
        (&record["resolved_route"], &record["role"]),
        (&json!("override"), &json!("recovery")),
        "{said}"
    );
    assert_eq!(
        (&record["lap_assignee"], &record["recovery_classification"]),
        (&json!("senior"), &json!("discard"))
    );
    assert!(is_told_of_recovery(&sandbox, 2));
    assert!(!said.contains("no route named recovery"), "{said}");
}

// 30-147, 30-C2: with the operator's agent, too, whose route tells nothing
#[test]
fn what_two_recovery_runs_cannot_mend_is_for_people() {
    for agent in [&[][..], &["--agent", "cc"]] {
        let (sandbox, _) = queue(&messy(3, WORK), RECOVERING);
        let once: Vec<_> = ONCE.iter().chain(agent).copied().collect();
        for _ in 0..3 {
            let said = relay(&sandbox, 0, &once);
            assert!(!said.contains("needs_user"), "{said}");
        }
        let said = relay(&sandbox, 0, &once);
        assert_eq!(said.matches("needs_user").count(), 1, "{said}");
        assert_eq!(each(&sandbox, "role"), ["senior", "recovery", "recovery", "senior"]);
        assert!(!is_told_of_recovery(&sandbox, 4));
        // The run as usual settled it.
        let said = relay(&sandbox, 0, &once);
        assert!(!said.contains("needs_user"), "{said}");
    }
}

// 30-147: a clean recovery run starts the count anew
#[test]
fn a_clean_recovery_run_clears_what_was_counted() {
    let script = format!(
        "init; if [ $N = 3 ]; then {}; exit; fi; echo x > mess$N.txt; laps handoff; \
         laps wrapup --summary half --followup rest$N; result ok",
        settles("continue")
    );
    let (sandbox, _) = queue(&script, RECOVERING);
    for _ in 0..6 {
        let said = relay(&sandbox, 0, &ONCE);
        assert!(!said.contains("needs_user"), "{said}");
    }
    let roles = ["senior", "recovery", "recovery", "senior", "recovery", "recovery"];
    assert_eq!(each(&sandbox, "role"), roles);
    let said = relay(&sandbox, 0, &ONCE);
    assert!(said.contains("needs_user"), "{said}");
}
