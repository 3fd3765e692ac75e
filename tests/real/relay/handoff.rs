//! A run that is out of time: its session is resumed once more, to hand over.

use serde_json::Value;

use super::{Settings, initialise, new_relay, tries};
use crate::cli::Cli;
use crate::lab::{Lab, lab};
use crate::mock::HANDED_OVER;

/// Long enough to start and to ask on a machine that is busy.
const SHORT: &str = "run_timeout_secs = 10";

/// The continuation, which comes under the same id, is answered: it has the word from the first message.
const HANGS: (&str, &str) = ("first-hang", "Remember CODEWORD=zebra7. Then MAKEFILE(word.txt|RECALL)");
/// The command is still running when the time is over.
const WORKS_ON: (&str, &str) = ("ok", "RUN(touch begun; until [ -e never ]; do sleep 0.1; done)");

// 30-163
fn hands_over(lab: &Lab, cli: Cli, (scenario, task): (&str, &str)) {
    initialise(lab, &Settings { more: SHORT, ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, scenario, task)).expect_code(0);
    let [cut, handoff]: [Value; 2] = tries(lab, &done);
    assert_eq!(cut["outcome"], "run_timeout", "{cut:#}");
    assert_ne!(cut["handoff_only"], true, "{cut:#}");
    assert_eq!(handoff["outcome"], "handoff_requested", "{handoff:#}");
    assert_eq!(handoff["handoff_only"], true, "{handoff:#}");
    assert_eq!(handoff["run_id"], cut["run_id"]);
    assert_eq!(handoff["attempt_number"], 2, "{handoff:#}");
    assert!(cut["session_id"].is_string(), "{cut:#}");
    assert_eq!(handoff["session_id"], cut["session_id"]);
    assert_eq!(handoff["summary"], HANDED_OVER, "{handoff:#}");
    // The task, then the handoff and what came of it.
    let turns = lab.mock.turns(scenario);
    assert_eq!(turns.len(), 3, "{turns:#?}");
    let asked = |text: &str| turns[2].users.iter().any(|said| said.contains(text));
    assert!(asked(task) && asked("rally progress --handoff"), "{:#?}", turns[2]);
    let told = lab.sandbox.records(".rally/summary.jsonl");
    let handoffs: Vec<_> = told.iter().filter(|entry| entry["handoff"].is_object()).collect();
    assert_eq!(handoffs.len(), 1, "{told:#?}");
    assert_eq!(handoffs[0]["handoff"]["summary"], HANDED_OVER, "{told:#?}");
    assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
}

#[test]
fn claude_that_hangs_hands_over() {
    lab(&[Cli::Claude], |lab| hands_over(lab, Cli::Claude, HANGS));
}

#[test]
fn codex_that_hangs_hands_over() {
    lab(&[Cli::Codex], |lab| hands_over(lab, Cli::Codex, HANGS));
}

#[test]
fn claude_that_works_on_hands_over() {
    lab(&[Cli::Claude], |lab| hands_over(lab, Cli::Claude, WORKS_ON));
}

#[test]
fn codex_that_works_on_hands_over() {
    lab(&[Cli::Codex], |lab| hands_over(lab, Cli::Codex, WORKS_ON));
}
