//! A session that a try leaves behind is resumed by the next: it is the same session, and the provider
//! hears again what was said in it.

use rustix::process::Signal;
use serde_json::Value;

use super::{
    Settings, TWO_STEPS, WORD, initialise, new_relay, resumed_relay, time_to_ask, tries, wait_for_request,
};
use crate::cli::Cli;
use crate::lab::{Done, Lab, Running, wait_until};
use crate::matrix::Found;

/// Two tries, of which the second completed what the first had begun.
#[track_caller]
pub fn expect_resumed(lab: &Lab, done: &Done, first_outcome: &str, id: &str) {
    let [first, second] = tries(lab, done);
    assert_eq!(first["outcome"], first_outcome, "{first:#}");
    assert_eq!(second["outcome"], "completed", "{second:#}");
    assert!(first["session_id"].is_string(), "{first:#}");
    assert_eq!(first["session_id"], second["session_id"]);
    assert_eq!(lab.sandbox.read("word.txt"), WORD, "{done:#?}");
    let last = lab.mock.turns(id).pop().unwrap();
    let told = last.users.iter().filter(|text| text.contains("CODEWORD=")).count();
    assert!(told > 1, "{last:#?}");
    assert!(done.stdout.ends_with("Relay complete.\n"), "{done:#?}");
}

/// Starts a relay whose turn is under way, with its session known to rally and on the CLI's disk.
fn in_mid_turn(lab: &Lab, cli: Cli) -> Running {
    initialise(lab, &Settings::default());
    let running = lab.start(new_relay(lab, cli, "hang", TWO_STEPS));
    wait_for_request(lab, &running, "hang");
    let journal = || lab.sandbox.records(".rally/state/journal.jsonl");
    let is_session = |line: &Value| line["fact"] == "session" && line["session_id"].is_string();
    wait_until(|| journal().iter().any(is_session), || format!("{:#?}\n{}", journal(), running.story()));
    lab.wait_for_session(cli, "CODEWORD=zebra7");
    running
}

pub fn after_kill(lab: &Lab, cli: Cli) -> Found {
    let running = in_mid_turn(lab, cli);
    running.signal(Signal::KILL);
    running.finish();
    lab.expect_no_process();
    let done = lab.run(resumed_relay(lab)).expect_code(0);
    expect_resumed(lab, &done, "interrupted", "resume");
    Found::Works
}

pub fn after_cancel(lab: &Lab, cli: Cli) -> Found {
    let running = in_mid_turn(lab, cli);
    running.signal(Signal::TERM);
    running.finish().expect_code(128 + 15);
    lab.expect_no_process();
    let done = lab.run(resumed_relay(lab)).expect_code(0);
    expect_resumed(lab, &done, "cancelled", "resume");
    Found::Works
}

/// Two tries: one that is refused, one that succeeds when it knows the word.
fn refused_once(lab: &Lab, cli: Cli, scenario: &str, prompt: &str) {
    initialise(lab, &Settings { tries: 2, ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, scenario, prompt)).expect_code(0);
    expect_resumed(lab, &done, "failed", scenario);
}

// 30-S16
pub fn after_failure(lab: &Lab, cli: Cli) -> Found {
    match cli {
        Cli::Claude | Cli::Codex => refused_once(lab, cli, "first-500", TWO_STEPS),
        // What the server fails to do it retries for more than a minute, and this not at all.
        Cli::Opencode => refused_once(lab, cli, "first-400", TWO_STEPS),
        Cli::Gemini => {
            let prompt = format!("{TWO_STEPS}, or RUN(touch begun)");
            refused_once(lab, cli, "inside-500", &prompt);
            assert!(lab.sandbox.repo().join("begun").exists());
            return Found::WorksSo("once a request was answered: of a refused first one it keeps nothing");
        }
    }
    Found::Works
}

pub fn after_timeout(lab: &Lab, cli: Cli) -> Found {
    initialise(lab, &Settings { tries: 2, seconds: time_to_ask(cli), ..Settings::default() });
    let done = lab.run(new_relay(lab, cli, "first-hang", TWO_STEPS)).expect_code(0);
    expect_resumed(lab, &done, "run_timeout", "first-hang");
    Found::Works
}
